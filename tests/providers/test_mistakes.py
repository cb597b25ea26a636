"""What a provider's options have wrong is told in the sentences that the rest of a request has."""

from __future__ import annotations

import pytest

from invoicing.document import Name
from invoicing.errors import Rejected
from invoicing.model import Typed
from providers.kit.mistakes import Mistakes, parsed


class Choice(Typed):
    name: Name | None = None


class Given(Typed):
    """Named as nothing else is: models are found by their names."""

    customer: Choice | None = None
    lines: dict[str, Choice] = {}
    tags: tuple[Choice, ...] = ()


def test_an_option_that_is_none_is_told_as_any_other_field_is() -> None:
    mistakes = Mistakes()
    given = {"custommer": 1, "lines": {"1": {"nam": "x"}}, "tags": [{"name": 7}], "customer": []}
    assert parsed(Given, given, "options", mistakes) is None
    with pytest.raises(Rejected) as caught:
        mistakes.settle("Canary")
    assert sorted(map(str, caught.value.fields)) == [
        "options.customer: must be an object with named fields",
        "options.custommer: unknown field; did you mean customer?",
        "options.lines.1.nam: unknown field; did you mean name?",
        "options.tags[0].name: must be text, in quotes",
    ]


def test_options_that_are_no_object_are_a_mistake_of_the_whole() -> None:
    mistakes = Mistakes()
    assert parsed(Given, [], "options", mistakes) is None
    with pytest.raises(Rejected) as caught:
        mistakes.settle("Canary")
    assert [str(one) for one in caught.value.fields] == [
        "options: must be an object with named fields"
    ]

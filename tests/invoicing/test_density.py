"""What is sent costs memory in proportion: a short text cannot hold so much that reading it takes
tens of times its size, and nothing that means something is refused for that."""

from __future__ import annotations

import json
import tracemalloc
from contextlib import suppress
from itertools import islice, product
from string import ascii_letters
from typing import Any

import pytest

from invoicing.density import PER_HOLDER, PER_NAME, SOME, too_dense
from invoicing.errors import InvalidRequest, Unreadable
from invoicing.lengths import LET_GO
from invoicing.model import Typed
from invoicing.parse import read, read_request
from invoicing.request import InvoiceRequest
from invoicing.state.invoice import Hold
from invoicing.state.order import Deliver
from invoicing.values import MOST_LINES
from providers.kit import webhooks

SIZE = 500_000
TIMES = 20
"""The memory that reading takes at most, over the bytes that were sent; and SLACK."""
SLACK = SOME * 250
"""What `SOME` objects of one field take, however short the text is."""

NAMES = ["".join(letters) for letters in islice(product(ascii_letters, repeat=3), SIZE)]


def within(dense: str, holders: int, filler: str, size: int = SIZE) -> str:
    """As many of these as may be in a text of this size, and others up to it."""
    most = (SOME + size // PER_HOLDER - 2) // holders
    most = min(most, size // (len(dense) + 1))
    rest = (size - most * (len(dense) + 1)) // (len(filler) + 1)
    return f"[{','.join([dense] * most + [filler] * rest)}]"


def named(size: int = SIZE) -> str:
    """As many different names as may be, and others up to the size."""
    most = min(SOME + size // PER_NAME - 1, size // 8)
    listed = ",".join(f'"{name}":0' for name in NAMES[:most])
    rest = (size - len(listed)) // 4
    return f'{{{listed},"rest":[{",".join(["257"] * rest)}]}}'


DENSE = {
    "empty lists": within("[]", 1, "257"),
    "empty objects": within("{}", 1, "257"),
    "objects of one field": within('{"":0}', 1, '"Ā"'),
    "lists in lists": within("[" * 50 + "]" * 50, 50, '"Ā"'),
    "objects in objects": within('{"":' * 20 + "0" + "}" * 20, 20, '"ab"'),
    "names": named(),
    "short texts": within("[]", 500_000, '"Ā"'),
    "short, few": within('{"":0}', 1, "257", size=20_000),
    "short names, few": named(20_000),
}


def most_memory(body: bytes, model: type[Typed] = Hold) -> int:
    """Bytes that reading it takes at most, beyond the body."""

    def reading() -> None:
        with suppress(InvalidRequest):
            read(model, body)

    reading()
    tracemalloc.start()
    try:
        reading()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", DENSE)
def test_as_much_as_a_text_may_hold_takes_twenty_times_its_size_at_most(name: str) -> None:
    text = DENSE[name]
    assert not too_dense(text)
    body = text.encode()
    assert most_memory(body) <= TIMES * len(body) + SLACK


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("[" + ",".join(["[]"] * 100_000) + "]", "objects and lists"),
        ("[" + ",".join(["{}"] * 100_000) + "]", "objects and lists"),
        ("[" * 30_000, "objects and lists"),
        ("{" + ",".join(f'"{name}":0' for name in NAMES[:50_000]) + "}", "named values"),
    ],
)
def test_more_than_that_is_refused_before_it_is_read(text: str, what: str) -> None:
    assert what in too_dense(text)
    with pytest.raises(InvalidRequest, match=what):
        read(Hold, text)
    assert most_memory(text.encode()) <= 12 * len(text)
    with pytest.raises(Unreadable, match=what):
        webhooks.parsed("anybody", text.encode())


@pytest.mark.parametrize(
    "text",
    [
        "{[:" * 100_000,
        '\\"{' * 100_000,
        "\\\\" * 100_000 + "{" * 50_000,
        '"{},[]:' * 40_000,
        "{\n" * 100_000,
    ],
)
def test_signs_inside_a_text_are_no_objects(text: str) -> None:
    assert not too_dense(json.dumps({"note": text, "more": [text]}))


def test_the_shortest_that_can_be_asked_for_is_not_too_dense() -> None:
    """At every bound on how many there may be."""
    few = lines(99, allowances=[REDUCED] * 50)
    assert read_request(asked(lines(MOST_LINES))).document.lines
    assert read_request(asked(few, allowances=[{**REDUCED, "vat": VAT}] * 50)).document.lines


VAT = {"rate": "21"}
REDUCED = {"percent": "0", "reason": "x"}


def lines(count: int, **more: Any) -> list[dict[str, Any]]:
    """The shortest that can be invoiced."""
    line = {"name": "x", "quantity": "1", "unit_price": "1", "vat": VAT, **more}
    return [{"id": str(number), **line} for number in range(count)]


def asked(listed: list[dict[str, Any]], **more: Any) -> bytes:
    """A request for them, written as short as it can be."""
    buyer = {"name": "B"}
    document = {"currency": "EUR", "issue_date": "2026-06-30", "buyer": buyer, "lines": listed}
    request = {"reference": "A", "provider": "mollie", "document": document | more}
    return json.dumps(request, separators=(",", ":")).encode()


def rated(count: int) -> list[dict[str, Any]]:
    """Each under a rate of its own, from 1.0 percent on."""
    rates = (f"{1 + number / 10:.1f}" for number in range(count))
    return [{**one, "vat": {"rate": rate}} for one, rate in zip(lines(count), rates, strict=True)]


FREE = {"amount": "0"}
WITH_VAT = {"prices_include_vat": True, "prepaid": "1"}
VALID = {
    "short lines": asked(lines(1000)),
    "a hundred of them": asked(lines(100)),
    "partly paid": asked(lines(1000), prepaid="1"),
    "partly paid, with VAT": asked(lines(1000), **WITH_VAT),
    "a rate for each": asked(rated(990)),
    "a rate for each, partly paid": asked(rated(990), prepaid="1"),
    "five reductions each": asked(lines(1000, allowances=[{"percent": "0"}] * 5)),
    "five charges each": asked(lines(1000, charges=[FREE] * 5)),
    "charges on fewer lines": asked(lines(100, charges=[FREE] * 50)),
    "different charges": asked(
        [
            {**one, "charges": [{"amount": str(n * 5 + k)} for k in range(5)]}
            for n, one in enumerate(lines(1000))
        ]
    ),
    "lines of a month": asked(lines(1000, period={"start": "2026-06-01", "end": "2026-06-01"})),
    "items": asked(lines(1000, standard_item_id={"value": "1", "scheme": "0088"})),
    "precedents": asked(lines(1), precedents=[{"number": "x"}] * 500),
    "adjusted as a whole": asked(lines(1000), charges=[{**FREE, "vat": VAT}] * 50),
}
REST = 12_000
"""Bytes that any request takes, whatever is in it."""


@pytest.mark.parametrize("name", VALID)
def test_the_densest_that_can_be_asked_for_takes_twenty_times_its_size_at_most(name: str) -> None:
    body = VALID[name]
    assert read_request(body).document.lines
    assert most_memory(body, InvoiceRequest) <= TIMES * len(body) + REST


def test_what_was_typed_is_let_go_while_it_is_read_and_only_where_it_is_nobody_s() -> None:
    typed = {"delivery": "d", "issue_date": "2026-06-30", "lines": ["1", "2"]}
    assert Deliver.model_validate(typed).lines == ("1", "2")
    assert typed["lines"] == ["1", "2"]
    Deliver.model_validate(typed, context=LET_GO)
    assert typed["lines"] == [None, None]


def test_lines_that_say_the_same_fields_share_their_names_and_a_copy_does_not() -> None:
    first, second = read_request(VALID["a hundred of them"]).document.lines[:2]
    assert first.model_fields_set is second.model_fields_set
    changed = first.model_copy(update={"note": "x"})
    assert "note" in changed.model_fields_set
    assert "note" not in first.model_fields_set


def test_an_open_text_is_no_more_work_than_a_closed_one() -> None:
    """Each of its marks could be taken for a beginning and be followed to the end: for minutes."""
    for text in ('"' + '\\"' * 400_000, '"' * 400_001, '"' + "\\" * 400_001):
        assert too_dense(f"{'[' * 60_000}{text}").startswith("60000 objects")

"""What an outcome may be, and what no answer or error may tell."""

from __future__ import annotations

import json
import traceback
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from invoicing.errors import (
    ProviderError,
)
from invoicing.provider import (
    Batch,
    Found,
    LookUp,
    OrderSnapshot,
    Plan,
    Search,
    Snapshot,
    Stage,
)
from tests.providers.contract.given import (
    BUYER,
    BUYER_EMAIL,
    CHANGING,
    ORDERLY,
    PERSON,
    REFERENCE,
    SECRET,
    Failures,
    Trouble,
)


def look_ups(plan: Plan) -> dict[str, LookUp]:
    return {f"look up {one.name}": one for wave in plan.look_ups for one in wave}


def fields_of(error: ProviderError) -> set[str]:
    return {problem.field for problem in error.fields}


def kind_of(verb: str, trouble: Trouble) -> type[ProviderError]:
    return trouble.changes if verb in CHANGING else trouble.reads


def unexpected(where: str, outcome: Any, expected: Failures) -> Iterator[str]:
    # The very class: a subclass would be handled as something else.
    if type(outcome) not in expected:
        wanted = " or ".join(each.__name__ for each in expected)
        yield f"{where}: expected {wanted}, came to {outcome!r}"


def is_gone(verb: str, status: int, outcome: Any) -> bool:
    """Whether this is a 404 of the kind that answers the question: it is not there any more."""
    if status not in (404, 409, 410) or isinstance(outcome, ProviderError):
        return False
    if verb == "acknowledge":
        return True
    return verb in ("read", "delete") and outcome.stage is Stage.DELETED


TELLING = ("find", "create", "read", "approve", "send", "credit")
"""Verbs whose answer shows an invoice."""
OTHERS = f"{REFERENCE}0"


def invoices_in(result: Any) -> list[Snapshot]:
    if isinstance(result, Search):
        return list(result.invoices)
    is_live = isinstance(result, Snapshot) and result.stage is not Stage.DELETED
    return [result] if is_live else []


def renamed(asks: Mapping[str, Any]) -> Any:
    """The same answers about an invoice of somebody else's."""
    return json.loads(json.dumps(asks).replace(REFERENCE, OTHERS))


ANSWERS: dict[str, type[BaseModel] | None] = {
    "find": Search,
    "poll": Batch,
    "acknowledge": None,
    "attach": Found,
    **dict.fromkeys(ORDERLY, OrderSnapshot),
}


def must_be_answer(verb: str, result: Any) -> None:
    """Of the port's type, and the same after a stay in a history, without a secret in it."""
    kind = Found if verb.startswith("look up ") else ANSWERS.get(verb, Snapshot)
    if kind is None:
        assert result is None
        return
    assert type(result) is kind
    written = result.model_dump_json()
    assert kind.model_validate_json(written) == result
    assert SECRET not in written


def must_be_clean(error: ProviderError) -> None:
    """Its sentence may be logged, with its traceback: no secret, nobody's name."""
    must_be_private(f"{error} {error!r} {error.message}")
    must_be_private("".join(traceback.format_exception(error)))


def must_be_private(text: str) -> None:
    for canary in (SECRET, PERSON, BUYER, BUYER_EMAIL):
        assert canary not in text, f"{canary!r} is told"

"""The drill sees what is wrong: a comparison that finds nothing by itself proves nothing."""

from __future__ import annotations

from typing import Any

import pytest

from drill.invoices import compared, strangers

ENTRY = {
    "seq": 1,
    "effect": "created",
    "invoice_id": "1",
    "reference": "DRILL-001",
    "number": None,
    "gross": "121.00",
}
FINAL = ENTRY | {"seq": 2, "effect": "approved", "number": "2026-1"}
ANOTHER = ENTRY | {"seq": 3, "invoice_id": "2"}
STATE: dict[str, Any] = {
    "reference": "DRILL-001",
    "provider": "mollie",
    "provider_id": "1",
    "status": "sent",
    "ended": True,
    "number": "2026-1",
    "amounts": {"gross": "121.00"},
}


def test_an_invoice_that_was_made_once_as_we_say_differs_in_nothing() -> None:
    assert list(compared(STATE, {"mollie": [ENTRY, FINAL]})) == []


@pytest.mark.parametrize(
    ("state", "entries", "wrong"),
    [
        ({}, [ENTRY, FINAL, FINAL], "was approved more than once"),
        ({}, [ENTRY, FINAL, ANOTHER], "was created more than once"),
        ({}, [], "and its ledger has {}"),
        ({"ended": False, "status": "held"}, [ENTRY], "is held"),
        ({"amounts": {"gross": "121.01"}}, [ENTRY, FINAL], "is 121.01, there"),
        ({"amounts": None}, [ENTRY, FINAL], "is None, there"),
        ({"number": "2026-2"}, [ENTRY, FINAL], "is 2026-2, there"),
        ({"provider_id": None}, [ENTRY, FINAL], "and its ledger has {}"),
        ({"refused": {"title": "not found"}}, [ENTRY], "is not shown"),
    ],
    ids=[
        "twice",
        "doubled",
        "lost",
        "not done",
        "a cent",
        "no amount",
        "number",
        "not known",
        "gone",
    ],
)
def test_what_is_not_as_we_say_is_a_sentence(
    state: dict[str, Any], entries: list[dict[str, Any]], wrong: str
) -> None:
    (said,) = compared(STATE | state, {"mollie": entries})
    assert wrong in said


def test_an_order_and_its_invoice_have_one_name_and_ids_of_their_own() -> None:
    invoice = FINAL | {"invoice_id": "D-001"}
    assert list(compared(STATE, {"mollie": [ENTRY, invoice]})) == []
    assert list(strangers([STATE], {"mollie": [ENTRY, invoice]})) == []


def test_a_draft_too_many_that_was_deleted_is_no_difference() -> None:
    deleted = ANOTHER | {"seq": 4, "effect": "deleted"}
    ledgers = {"mollie": [ENTRY, FINAL, ANOTHER, deleted]}
    assert list(compared(STATE, ledgers)) == []
    assert list(strangers([STATE], ledgers)) == []


def test_what_nobody_asked_for_is_found() -> None:
    stranger = ANOTHER | {"reference": "another"}
    (said,) = strangers([STATE], {"mollie": [ENTRY, stranger], "invoro": []})
    assert said == "mollie: 2 was created, and not asked for"

"""The drill sees what is wrong: a comparison that finds nothing by itself proves nothing."""

from __future__ import annotations

from typing import Any

import pytest

from drill.invoices import compared

ENTRY = {"effect": "created", "invoice_id": "1", "number": None, "gross": "121.00"}
FINAL = {"effect": "approved", "invoice_id": "1", "number": "2026-1", "gross": "121.00"}
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
        ({}, [], "and its ledger has {}"),
        ({"ended": False, "status": "held"}, [ENTRY], "is held"),
        ({"amounts": {"gross": "121.01"}}, [ENTRY, FINAL], "is 121.01, there"),
        ({"amounts": None}, [ENTRY, FINAL], "is None, there"),
        ({"number": "2026-2"}, [ENTRY, FINAL], "is 2026-2, there"),
        ({"provider_id": None}, [ENTRY, FINAL], "and its ledger has {}"),
        ({"refused": {"title": "not found"}}, [ENTRY], "is not shown"),
    ],
    ids=["twice", "lost", "not done", "a cent", "no amount", "number", "not known", "gone"],
)
def test_what_is_not_as_we_say_is_a_sentence(
    state: dict[str, Any], entries: list[dict[str, Any]], wrong: str
) -> None:
    (said,) = compared(STATE | state, {"mollie": entries})
    assert wrong in said

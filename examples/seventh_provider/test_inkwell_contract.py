"""Inkwell keeps the port's promises."""

from __future__ import annotations

from typing import Any

import pytest

from invoicing.request import Goal
from providers.registry import ADAPTORS
from tests.providers.contract import BUYER, PERSON, REFERENCE, SECRET, WORD, Contract, Step

from .inkwell.adaptor import Inkwell


@pytest.fixture(autouse=True)
def _registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """`ADAPTORS["inkwell"] = Inkwell`, taken back after the test."""
    monkeypatch.setitem(ADAPTORS, "inkwell", Inkwell)


def _invoice(**more: Any) -> dict[str, Any]:
    return {
        "id": "invoice-1",
        "reference": REFERENCE,
        "state": "draft",
        "number": None,
        "buyer": BUYER,
        "currency": "EUR",
        "net": "59.97",
        "vat": {"21": "12.59"},
        "gross": "72.56",
        **more,
    }


class TestInkwell(Contract):
    adaptor = Inkwell
    settings = {"token": SECRET}
    rounding = "category"
    goals = frozenset({Goal.DRAFTED, Goal.APPROVED})
    ordinary = Goal.APPROVED
    wrong = (
        {"number": PERSON, "project": PERSON},
        frozenset({"document.number", "document.project"}),
    )
    provider_id = "invoice-1"
    steps = {
        "find": Step({"GET /v1/invoices": {"invoices": [_invoice()]}}),
        "create": Step({"POST /v1/invoices": _invoice()}),
        "read": Step({"GET /v1/invoices/invoice-1": _invoice()}),
        "approve": Step({"POST /v1/invoices/invoice-1/approve": _invoice(state="approved")}),
        "delete": Step({"DELETE /v1/invoices/invoice-1": None}, empty=True),
    }
    strange = Step({"GET /v1/invoices/invoice-1": _invoice(state=WORD)})

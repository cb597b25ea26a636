from __future__ import annotations

from typing import Any

from invoicing.provider import Event
from invoicing.request import Goal
from providers.invoro.adaptor import Invoro
from providers.kit.coverage import under
from tests.providers.contract import (
    BUYER,
    DOCUMENT,
    PERSON,
    REFERENCE,
    SECRET,
    WORD,
    Contract,
    Step,
)
from tests.providers.contracts import ALL
from tests.providers.options import Beside

_MARK = f"Our reference: {REFERENCE}"


_BY_TRANSFER = {"payment.iban": "NL91ABNA0417164300", "payment.means": "30"}


def _invoro(**more: Any) -> dict[str, Any]:
    return {
        "data": {
            "id": "inv-1",
            "state": "draft",
            "direction": "outgoing",
            "amount": 7256,
            "currency": "EUR",
            "payment_status": "unpaid",
            "total_paid_cents": 0,
            "created_at": "2026-06-30T10:00:00Z",
            "ubl_json": {
                "header": {"notes": [_MARK], "invoice_number": "2026-1"},
                "buyer": {"name": BUYER},
                "items": [{"id": "1", "name": "x", "price": 1999, "quantity": 3, "tax_rate": 21}],
                "totals": {"tax_exclusive_amount": 5997, "tax_inclusive_amount": 7256},
                "tax_breakdown": [{"category_code": "S", "rate": 21, "tax_amount": 1259}],
            },
            **more,
        }
    }


def _note(**more: Any) -> dict[str, Any]:
    return _invoro(id="note-1", related_invoice_id="inv-1", **more)


class TestInvoro(Contract):
    adaptor = Invoro
    settings = {"api_key": f"ak_test_{SECRET}"}
    options = {"peppol_look_up": True}
    document = {
        **DOCUMENT,
        "buyer": {
            "name": BUYER,
            "electronic_address": {"scheme": "0208", "value": "0428759497"},
            "address": {"country": "BE"},
        },
        "purchase_order": "PO-7",
    }
    rounding = "category"
    goals = ALL - {Goal.APPROVED}
    walked = Goal.DRAFTED
    wrong = (
        {
            "prices_include_vat": True,
            "payee": {"name": BUYER, "trading_name": PERSON},
        },
        frozenset({"document.prices_include_vat", "document.payee.trading_name"}),
    )
    provider_id = "inv-1"
    refusal = {"message": PERSON, "errors": {"canary": [PERSON]}}
    steps = {
        "look up recipient": Step({"POST /peppol/lookup": {"data": {"found": True}}}),
        "find": Step({"GET /invoices": {"data": [_invoro()["data"]], "meta": {"last_page": 1}}}),
        "create": Step({"POST /invoices": _invoro()}),
        "read": Step({"GET /invoices/inv-1": _invoro()}),
        "approve": Step({"POST /invoices/inv-1/send": _invoro()}),
        "send": Step({"POST /invoices/inv-1/send": _invoro()}),
        "delete": Step({"DELETE /invoices/inv-1": None}, empty=True),
        "credit": Step(
            {
                "GET /invoices/inv-1": _invoro(state="sent"),
                "GET /invoices": {"data": [], "meta": {"last_page": 1}},
                "POST /invoices": _note(),
                "POST /invoices/note-1/send": _note(state="sent"),
            },
            several="a credit note is an invoice of its own: looked for, made, then sent",
        ),
    }
    strange = Step({"GET /invoices/inv-1": _invoro(state=WORD)})
    beside = {
        "period_description": (
            Beside(document={"period.start": "2026-06-01", "period.end": "2026-06-30"}),
        ),
        **dict.fromkeys(
            ("legal_information", *under("seller_tax_registration", "scheme", "value")),
            (Beside(document={"seller.name": "Canary"}),),
        ),
        "means_text": (Beside(document=_BY_TRANSFER),),
        "payment_layout": (Beside(document=_BY_TRANSFER),),
        "debited_account": (Beside(document={**_BY_TRANSFER, "payment.mandate": "M-1"}),),
        "peppol_look_up": (Beside(value=False),),
    }
    news = tuple(
        Event(id=f"digest-{number}", kind="invoice.delivered", body=body)
        for number, body in enumerate(
            (
                {"event": "invoice.delivered", "timestamp": 1, "data": _invoro()["data"]},
                {"event": "invoice.delivered", "invoice": {"id": "inv-1"}},
                {"event": "invoice.delivered", "invoice_id": "inv-1", "invoice_number": "2026-1"},
            )
        )
    )

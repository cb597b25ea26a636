from __future__ import annotations

from typing import Any

from invoicing.provider import Event
from invoicing.request import Goal
from providers.mollie.adaptor import Mollie
from tests.providers.contract import (
    BUYER,
    BUYER_EMAIL,
    DOCUMENT,
    PERSON,
    REFERENCE,
    SECRET,
    WORD,
    Contract,
    Step,
)
from tests.providers.contracts import ALL
from tests.providers.fields import Sample
from tests.providers.options import Beside


def _amount(value: str) -> dict[str, str]:
    return {"value": value, "currency": "EUR"}


def _mollie(**more: Any) -> dict[str, Any]:
    return {
        "resource": "sales-invoice",
        "id": "invoice_1",
        "status": "draft",
        "metadata": {"invoicing_reference": REFERENCE},
        "recipientIdentifier": "C-1",
        "recipient": {"organizationName": BUYER, "email": BUYER_EMAIL},
        "lines": [{"vatRate": "21.00"}],
        "discountedSubtotalAmount": _amount("59.97"),
        "totalVatAmount": _amount("12.59"),
        "totalAmount": _amount("72.56"),
        "amountDue": _amount("72.56"),
        **more,
    }


_MOLLIE = "/v2/sales-invoices"


class TestMollie(Contract):
    adaptor = Mollie
    options = {"issue_date": "day_of_issuing"}
    settings = {
        "token": f"test_{SECRET}",
        "email_subject": "Your invoice",
        "email_body": "Please find it enclosed.",
    }
    document = {
        **DOCUMENT,
        "buyer": {
            "name": BUYER,
            "account_number": "C-1",
            "vat_number": "NL123456782B90",
            "language": "nl",
            "contact": {"email": BUYER_EMAIL},
            "address": {
                "street": "Singel 1",
                "postal_code": "1000 AA",
                "city": "Amsterdam",
                "country": "NL",
            },
        },
    }
    rounding = "category"
    goals = ALL - {Goal.DELIVERED}
    wrong = (
        {"number": PERSON, "project": PERSON},
        frozenset({"document.number", "document.project"}),
    )
    provider_id = "invoice_1"
    refusal = {"title": "Unprocessable Entity", "detail": PERSON, "field": "canary"}
    steps = {
        "find": Step(
            {f"GET {_MOLLIE}": {"_embedded": {"sales_invoices": [_mollie()]}, "_links": {}}}
        ),
        "create": Step({f"POST {_MOLLIE}": _mollie()}),
        "update": Step({f"PATCH {_MOLLIE}/invoice_1": _mollie()}),
        "read": Step({f"GET {_MOLLIE}/invoice_1": _mollie()}),
        "approve": Step({f"PATCH {_MOLLIE}/invoice_1": _mollie(status="issued")}),
        "delete": Step({f"DELETE {_MOLLIE}/invoice_1": None}, empty=True),
        "credit": Step({f"PATCH {_MOLLIE}/invoice_1": _mollie(status="cancelled")}),
    }
    strange = Step({f"GET {_MOLLIE}/invoice_1": _mollie(status=WORD)})
    documents = (
        {
            "buyer.type": "consumer",
            "buyer.given_name": "Ann",
            "buyer.family_name": "Person",
            "buyer.vat_number": None,
        },
    )
    samples = {
        "issue_date": [Sample({"issue_date": "2026-06-15", "due_date": None}, {"due_date": None})],
        "allowances[].vat.rate": [
            Sample({"allowances[].vat.rate": "12", "allowances[].amount": "1"}, {})
        ],
    }
    beside = {
        "customer_id": (Beside({"status": "paid", "mandate_id": "mdt_1"}),),
        "mandate_id": (Beside({"status": "paid", "customer_id": "cst_1"}),),
        "title": (Beside(document=documents[0]),),
        "payment_term": (Beside(document={"due_date": None}),),
    }
    news = (
        *(
            Event(
                id=f"event_{word}",
                kind=f"sales-invoice.{word}",
                body={
                    "resource": "event",
                    "id": f"event_{word}",
                    "type": f"sales-invoice.{word}",
                    "entityId": "invoice_1",
                    "_embedded": {"entity": _mollie(invoiceNumber="INV-1")},
                },
            )
            for word in (
                *("created", "issued", "canceled", "paid"),
                *("e-invoice-failed", "e-invoice-issued"),
            )
        ),
        Event(id="digest", kind="sales-invoice", body=_mollie(status="paid")),
    )

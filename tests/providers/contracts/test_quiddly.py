from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from invoicing.errors import Unsupported
from invoicing.provider import Event
from invoicing.request import Goal
from providers.quiddly.adaptor import Quiddly
from tests.attached import a_file, supporting
from tests.providers.contract import (
    BUYER,
    BUYER_EMAIL,
    DOCUMENT,
    LINE,
    PERSON,
    REFERENCE,
    SECRET,
    WORD,
    Contract,
    Step,
)
from tests.providers.contracts import ALL, DELIVERED
from tests.providers.fields import Sample
from tests.providers.options import Beside


def _quiddly(**more: Any) -> dict[str, Any]:
    return {
        "id": "I.1",
        "invoiceNumber": "123456",
        "activatedDate": None,
        "activatedById": None,
        "balances": {"total": 0, "capital": 0},
        "currency": {"baseCurrency": "EUR", "exchangeRate": 1, "invoiceCurrency": "EUR"},
        "dates": {"invoiceDate": "2026-06-30", "expireDate": "2026-07-30"},
        "debtor": {"customerNumber": "C-1", "name": BUYER},
        "distributionCode": "LETTER",
        "statuses": {"ledger": None, "main": "CREATED"},
        "totals": {"total": 72.56, "totalExclVat": 59.97, "totalVat": 12.59, "totalToPay": 72.56},
        "vats": [{"percentage": 25, "totalTaxable": 59.97, "totalVat": 12.59}],
        "ourReference": REFERENCE,
        **more,
    }


_ACTIVE = {"activatedDate": "2026-06-30T11:00:00", "activatedById": "U.1"}
_PAYMENT = {
    "id": "V.1",
    "paymentDate": "2026-07-01",
    "amount": 72.56,
    "amountLocale": 72.56,
    "invoiceNumber": "123456",
    "invoiceCurrency": "EUR",
    "baseCurrency": "EUR",
    "name": PERSON,
}
_DRAFT = {
    "told": {
        "id": "I.1",
        "client": "C.1",
        "stage": "drafted",
        "status": "CREATED",
        "reference": REFERENCE,
    }
}


_WITH_FEE = {"charges[]": {"amount": "1", "reason_code": "FC", "vat": {"rate": "25"}}}


class TestQuiddly(Contract):
    adaptor = Quiddly
    settings = {
        "username": "user@example.com",
        "password": SECRET,
        "credit_type": "CREDIT",
        "base_currency": "EUR",
        "payments_feed": "true",
        "read_route": "/invoices/{id}",
        "find_route": "/invoices?invoiceNumber={number}",
        "delete_route": "/invoices/{id}",
    }
    document = {
        **DOCUMENT,
        "attachments": [supporting(file=a_file(name=f"{PERSON}.pdf"))],
        "number": "123456",
        "buyer": {
            "name": BUYER,
            "account_number": "C-1",
            "registration": {"value": "5590000005"},
            "address": {
                "street": "Street 1",
                "postal_code": "12345",
                "city": "City",
                "country": "SE",
            },
        },
        "lines": [{**LINE, "vat": {"rate": "25"}}],
    }
    rounding = "line"
    goals = ALL - {Goal.DELIVERED}
    wrong = (
        {"number": None, "project": PERSON},
        frozenset({"document.number", "document.project"}),
    )
    provider_id = "I.1"
    refusal = {"message": PERSON}
    sign_in = {"POST /authenticate": {"idToken": SECRET}}
    steps = {
        "find": Step({"GET /invoices": [_quiddly()]}),
        "create": Step({"POST /invoices": _quiddly()}),
        "attach": Step({"POST /documents/invoice": {"id": "DO.1", "invoiceId": "I.1"}}, _DRAFT),
        "read": Step({"GET /invoices/I.1": _quiddly()}),
        "approve": Step({"POST /invoices/I.1/activate": _quiddly(**_ACTIVE)}),
        "delete": Step({"DELETE /invoices/I.1": None}, empty=True),
        "poll": Step({"GET /vouchers/external/export/payments": [_PAYMENT]}),
        "acknowledge": Step({"PUT /vouchers/V.1/external/export": None}, empty=True),
    }
    strange = Step({"GET /invoices/I.1": _quiddly(statuses={"main": WORD})})
    news = tuple(
        Event(
            id=f"payment-V.{number}",
            kind="payment",
            body={"invoiceNumber": "123456", "amount": amount, "currency": "EUR"},
        )
        for number, amount in enumerate(("72.56", "-10.00", "0"))
    )

    documents = ({"buyer.address.country": "DE"},)
    beside = {
        "distribution_code": (Beside(document={"buyer.contact.email": BUYER_EMAIL}),),
        "base_currency": (Beside({"exchange_rate": "1.1"}),),
        "exchange_rate": (Beside({"base_currency": "USD"}),),
        "charges": (Beside(document=_WITH_FEE, value=["administration"]),),
        "debtor.delivery_address3": (Beside(document=DELIVERED),),
    }
    samples = {
        "buyer.identifiers[].value": [
            Sample({"buyer.identifiers[]": {"scheme": "0088", "value": "7350053850019"}}, {})
        ]
    }

    def options_for(self, document: Mapping[str, Any]) -> Mapping[str, Any]:
        rate = {} if document["currency"] == "EUR" else {"exchange_rate": "1.1"}
        return {**self.options, **rate}


class TestQuiddlyWithoutItsGuessedRoutes(TestQuiddly):
    """As documented: nothing can be read, listed or deleted."""

    settings = {
        "token": SECRET,
        "base_currency": "EUR",
        "payments_feed": "true",
        "credit_type": "CREDIT",
    }
    sign_in = {}
    steps = {
        **TestQuiddly.steps,
        "find": Step(),
        "read": Step(context=_DRAFT),
        "delete": Step(refuses=Unsupported),
    }
    strange = Step(context={"told": {"id": "I.1", "status": WORD}})

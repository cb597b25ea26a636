"""Zero Friction's routes of payments."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from uuid import uuid4

from starlette.responses import Response

from sandbox.kit.server import Ask
from sandbox.zero_friction import data
from sandbox.zero_friction.books import Books
from sandbox.zero_friction.data import Json
from sandbox.zero_friction.forms import Malformed, Pay, Refusal, envelope, problem_details, wrong_in
from sandbox.zero_friction.invoice import debtor, shortest
from sandbox.zero_friction.paging import known, paged


class Payments:
    """Handlers over the books."""

    def __init__(self, books: Books) -> None:
        self._books = books

    @property
    def _size(self) -> int:
        return self._books.assumed.page_size

    def pay(self, ask: Ask, body: Json) -> Response:
        """A payment entered by hand; it settles the invoice its references name (I)."""
        if wrong := wrong_in(body, Pay):
            raise Malformed(wrong)
        if body.get("customerId") not in self._books.customers:
            raise Refusal(("CUSTOMER_DOES_NOT_EXIST", ""))
        if body.get("amount") is None:
            raise Malformed({"amount": "is required"})
        references = body.get("references") or []
        ids = [
            one.get("referenceId") for one in references if one.get("referenceType") == "invoice"
        ]
        for identity in ids[:1]:
            invoice = known(self._books.invoices, identity or "", "INVOICE_DOES_NOT_EXIST")
            ask.call.reference = invoice.reference
            self._books.paid(invoice, Decimal(body["amount"]))
        payment = data.entity(str(uuid4()), "payment") | {
            "type": "payment",
            "paymentDateTime": body.get("paymentDateTime") or datetime.now(UTC).isoformat(),
            "paymentReference": body.get("paymentReference"),
            "amount": shortest(Decimal(body["amount"])),
            "companyBankAccountId": body.get("companyBankAccountId"),
            "debtor": debtor(self._books.customers[body["customerId"]]),
            "isManual": True,
            "isReversed": False,
            "paymentEntityReferences": references,
        }
        self._books.payments[payment["id"]] = payment
        return envelope(payment)

    def payments_list(self, ask: Ask, body: Json) -> Response:
        customer = ask.query.get("customerId")
        payments = self._books.payments.values()
        wanted = [p for p in payments if customer in (None, p["debtor"]["customerId"])]
        return paged(ask, self._size, wanted)

    def payment(self, ask: Ask, body: Json) -> Response:
        """One of the few routes for which a 404 is declared."""
        payment = self._books.payments.get(ask.parameters["id"])
        return problem_details(404, "Not Found") if payment is None else envelope(payment)

    def reverse(self, ask: Ask, body: Json) -> Response:
        payment = self._books.payments.get(ask.parameters["id"])
        if payment is None:
            return problem_details(404, "Not Found")
        if payment["isReversed"]:
            raise Refusal(("INVOICE_WRONG_STATUS", ""))
        payment["isReversed"] = True
        for reference in payment["paymentEntityReferences"][:1]:
            self._books.unpaid(
                self._books.invoices.get(reference.get("referenceId")), payment["amount"]
            )
        return envelope(payment)

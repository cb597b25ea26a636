"""Zero Friction's routes of payments."""

from __future__ import annotations

from decimal import Decimal

from starlette.responses import Response

from sandbox.kit.server import Ask
from sandbox.zero_friction.books import Books
from sandbox.zero_friction.data import Json
from sandbox.zero_friction.forms import Malformed, Pay, Refusal, envelope, problem_details, wrong_in
from sandbox.zero_friction.paging import paged


class Payments:
    """Handlers over the books."""

    def __init__(self, books: Books) -> None:
        self._books = books

    @property
    def _size(self) -> int:
        return self._books.assumed.page_size

    def pay(self, ask: Ask, body: Json) -> Response:
        """A payment entered by hand."""
        if wrong := wrong_in(body, Pay):
            raise Malformed(wrong)
        if body.get("customerId") not in self._books.customers:
            raise Refusal(("CUSTOMER_DOES_NOT_EXIST", ""))
        if body.get("amount") is None:
            raise Malformed({"amount": "is required"})
        references = body.get("references") or []
        for one in references[:1]:
            if (invoice := self._books.invoices.get(one.get("referenceId") or "")) is not None:
                ask.call.reference = invoice.reference
        said = {
            name: body[name]
            for name in ("paymentDateTime", "paymentReference", "companyBankAccountId")
            if body.get(name) is not None
        }
        amount = Decimal(body["amount"])
        customer = body["customerId"]
        payment = self._books.money.pay(customer, amount, references, isManual=True, **said)
        return envelope(payment)

    def payments_list(self, ask: Ask, body: Json) -> Response:
        customer = ask.query.get("customerId")
        payments = self._books.money.payments.values()
        wanted = [p for p in payments if customer in (None, p["debtor"]["customerId"])]
        return paged(ask, self._size, wanted)

    def payment(self, ask: Ask, body: Json) -> Response:
        """One of the few routes for which a 404 is declared."""
        payment = self._books.money.payments.get(ask.parameters["id"])
        return problem_details(404, "Not Found") if payment is None else envelope(payment)

    def reverse(self, ask: Ask, body: Json) -> Response:
        payment = self._books.money.payments.get(ask.parameters["id"])
        if payment is None:
            return problem_details(404, "Not Found")
        if payment["isReversed"]:
            raise Refusal(("INVOICE_WRONG_STATUS", ""))
        self._books.money.reverse(payment)
        return envelope(payment)

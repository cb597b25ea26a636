"""Zero Friction's routes: who may come in, what is asked, what is answered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from functools import partial

from starlette.responses import Response

from sandbox.kit.server import Ask, Way
from sandbox.kit.wire import decoded
from sandbox.zero_friction import filters
from sandbox.zero_friction.books import Books
from sandbox.zero_friction.data import (
    TOKEN_PATH,
    Json,
)
from sandbox.zero_friction.documents import Documents
from sandbox.zero_friction.door import Door
from sandbox.zero_friction.filters import Unfiltered, filtered, holds
from sandbox.zero_friction.forms import (
    Approve,
    Malformed,
    Refusal,
    envelope,
    error_dto,
    problem_details,
    wrong_in,
    wrong_in_create,
)
from sandbox.zero_friction.invoice import Invoice, invoice_dto, shortest
from sandbox.zero_friction.master import MasterData
from sandbox.zero_friction.paging import known, paged
from sandbox.zero_friction.payments import Payments
from sandbox.zero_friction.words import Assumed, Step, Told

Handle = Callable[[Ask, Json], Response]
_NEEDS_BODY = frozenset(
    {Step.CUSTOMERS, Step.CONTRACTS, Step.SERVICE_LOCATIONS, Step.CREATE, Step.FIND, Step.PAY}
)


class Routes:
    """Handlers over the books; `tokens` are those handed out, each with when it ends."""

    def __init__(self, books: Books, tokens: dict[str, float]) -> None:
        self._books = books
        self._door = Door(books.assumed, tokens)
        self._master = MasterData(books)
        self._payments = Payments(books)
        self._documents = Documents(books)

    @property
    def _assumed(self) -> Assumed:
        return self._books.assumed

    def all(self) -> Sequence[Way]:
        """Every route of Zero Friction's that this stand-in has."""
        invoice = "/api/bill/Invoices/{id}"
        listed = (
            (Step.BANK_ACCOUNTS, "/api/cfg/BankAccounts", self._books.bank_accounts),
            (Step.TAX_CODES, "/api/cfg/TaxCodes", self._books.tax_codes),
            (Step.BILLING_ITEMS, "/api/cfg/BillingItems", self._books.billing_items),
        )
        # The page writes the plural, the specification the singular: both are answered.
        spellings = ("PropertyGroupBillingConfigurations", "PropertyGroupBillingConfiguration")
        way = self._way
        return [
            Way("POST", TOKEN_PATH, Step.TOKEN, self._door.token),
            way("POST", "/api/md/Customers/filter", Step.CUSTOMERS, self._master.find_customers),
            way("POST", "/api/md/Contracts/filter", Step.CONTRACTS, self._master.find_contracts),
            way("GET", "/api/md/Contracts/{id}", Step.CONTRACT, self._master.contract),
            *(
                way("GET", path, step, partial(self._master.list, entities))
                for step, path, entities in listed
            ),
            *(
                way(
                    "GET",
                    f"/api/bill/{word}/{{id}}",
                    Step.PROPERTY_GROUP,
                    self._master.configuration,
                )
                for word in spellings
            ),
            way(
                "POST",
                "/api/md/ServiceLocations/filter",
                Step.SERVICE_LOCATIONS,
                self._master.find_locations,
            ),
            way("POST", "/api/bill/Invoices", Step.CREATE, self._create),
            way("POST", "/api/bill/Invoices/filter", Step.FIND, self._find),
            way("GET", "/api/bill/Invoices/c/{customer}", Step.FIND, self._find_of),
            way("GET", "/api/bill/Invoices/c/{customer}/{contract}", Step.FIND, self._find_of),
            way("GET", invoice, Step.READ, self._read),
            way("DELETE", invoice, Step.DELETE, self._delete),
            way("POST", f"{invoice}/approve", Step.APPROVE, self._approve),
            way("POST", f"{invoice}/send", Step.SEND, self._send),
            way("POST", f"{invoice}/sendviapostal", Step.POST, self._post),
            way("POST", f"{invoice}/marksent", Step.MARK_SENT, partial(self._mark, "sent")),
            way(
                "POST", f"{invoice}/markskipped", Step.MARK_SKIPPED, partial(self._mark, "skipped")
            ),
            way("POST", f"{invoice}/credit", Step.CREDIT, self._credit),
            way("POST", f"{invoice}/previewpdf", Step.PREVIEW, self._documents.preview),
            way("POST", "/api/att/Attachments/{id}", Step.DOCUMENT, self._documents.attachment),
            way("POST", "/api/bill/Payments", Step.PAY, self._payments.pay),
            way("GET", "/api/bill/Payments", Step.PAYMENTS, self._payments.payments_list),
            way("GET", "/api/bill/Payments/{id}", Step.PAYMENTS, self._payments.payment),
            way("POST", "/api/bill/Payments/{id}/reverse", Step.REVERSE, self._payments.reverse),
        ]

    def _way(self, method: str, path: str, step: Step, handle: Handle) -> Way:
        return Way(method, path, step, partial(self._guarded, handle))

    def _guarded(self, handle: Handle, ask: Ask) -> Response:
        if stranger := self._door.stranger(ask):
            return stranger
        false = ask.told(Told.SUCCESS_FALSE)
        if false and false.when == "before":
            return _refused(ask, false.key)
        response = self._handled(handle, ask)
        return _refused(ask, false.key) if false else response

    def _handled(self, handle: Handle, ask: Ask) -> Response:
        try:
            return handle(ask, _body(ask))
        except Malformed as error:
            return problem_details(400, "One or more validation errors occurred.", error.wrong)
        except _WrongType:
            return problem_details(415, "Unsupported Media Type")
        except Unfiltered as error:
            return problem_details(501, f"The sandbox does not filter by {error}")
        except Refusal as refusal:
            errors = [error_dto(key, about) for key, about in refusal.problems]
            data = _nothing(ask)
            return envelope(data, errors=errors, success=False, status=refusal.status)

    def _create(self, ask: Ask, body: Json) -> Response:
        if isinstance(reference := body.get("externalReference"), str):
            ask.call.reference = reference
        if wrong := wrong_in_create(body):
            raise Malformed(wrong)
        invoice = self._books.draft(body)
        if changed := ask.told(Told.CHANGED_AMOUNT):
            invoice.lines[0].net += Decimal(changed.key or "0.01")
            invoice.lines[0].gross += Decimal(changed.key or "0.01")
        self._books.add(invoice)
        return self._one(ask, invoice)

    def _read(self, ask: Ask, body: Json) -> Response:
        invoice = self._of(ask)
        errors = [error_dto(invoice.failure)] if invoice.failure else []
        if filled := ask.told(Told.ERRORS_FILLED):
            errors.append(error_dto(filled.key or "COULD_NOT_APPROVE_INVOICE"))
        return envelope(self._shown(ask, invoice), errors=errors)

    def _find(self, ask: Ask, body: Json) -> Response:
        def flex(text: str, invoice: Invoice) -> bool:
            searched = [invoice.number, invoice.customer["shortDisplayName"]]
            searched.append(invoice.customer["accountNumber"])
            searched.append(invoice.contract and invoice.contract["contractNumber"])
            if self._assumed.flex_search_covers_reference:
                searched.append(invoice.reference)
            return holds(text, *searched)

        found = filtered(body, filters.INVOICES | {"flexSearch": flex}, self._books.listed())
        return self._page(ask, found)

    def _find_of(self, ask: Ask, body: Json) -> Response:
        """Paged like the others; for these two routes no continuation token is declared (U)."""
        contract = ask.parameters.get("contract")
        wish = {"customerId": ask.parameters["customer"], "contractId": contract}
        return self._page(ask, filtered(wish, filters.INVOICES, self._books.listed()))

    def _page(self, ask: Ask, found: Sequence[Invoice]) -> Response:
        shown = [self._shown(ask, one) for one in found]
        return paged(ask, self._assumed.page_size, shown)

    def _one(self, ask: Ask, invoice: Invoice) -> Response:
        return envelope(self._shown(ask, invoice))

    def _shown(self, ask: Ask, invoice: Invoice) -> Json:
        """The invoice as this answer is to show it: the faults of this answer included."""
        shown = invoice_dto(invoice)
        if unknown := ask.told(Told.UNKNOWN_STATUS):
            shown["status"] = unknown.key or "inreview"
        if ask.call.step != Step.APPROVE and ask.told(Told.APPROVED_WITHOUT_NUMBER):
            shown |= {"status": "approved", "invoiceNum": None, "sequenceNumber": 0}
        if ask.call.step != Step.CREATE and (changed := ask.told(Told.CHANGED_AMOUNT)):
            for total in ("totalAmountInclVAT", "totalAmountExclVAT"):
                shown[total] = shortest(shown[total] + Decimal(changed.key or "0.01"))
        return shown

    def _approve(self, ask: Ask, body: Json) -> Response:
        if wrong := wrong_in(body, Approve):
            raise Malformed(wrong)
        invoice = self._of(ask)
        if invoice.status not in ("created", self._assumed.failed_status):
            raise Refusal(("INVOICE_NOT_CREATED_STATUS", invoice.status))
        if body.get("invoiceDate"):
            invoice.date = datetime.fromisoformat(body["invoiceDate"])
        failing = ask.told(Told.ERRORS_FILLED)
        failure = (failing.key or "COULD_NOT_GENERATE_INVOICE_NUMBER") if failing else None
        numbered = not ask.told(Told.APPROVED_WITHOUT_NUMBER)
        self._books.approve(invoice, failure=failure, numbered=numbered)
        return self._one(ask, invoice)

    def _send(self, ask: Ask, body: Json) -> Response:
        invoice = self._final(ask, status=400)
        if not any(entry["contactType"] == "email" for entry in invoice.customer["contactDetails"]):
            raise Refusal(("USER_HAS_NO_EMAIL_ADDRESS", ""), status=400)
        return self._sending(ask, invoice, "sending")

    def _post(self, ask: Ask, body: Json) -> Response:
        invoice = self._final(ask, status=400)
        if not invoice.customer["invoiceAddress"]:
            raise Refusal(("USER_HAS_NO_POSTAL_ADDRESS", ""), status=400)
        return self._sending(ask, invoice, "printing")

    def _sending(self, ask: Ask, invoice: Invoice, word: str) -> Response:
        self._books.send(invoice, word)
        return self._one(ask, invoice)

    def _mark(self, word: str, ask: Ask, body: Json) -> Response:
        """Says it was sent or need not be; nothing goes out, so nothing stands in the ledger."""
        invoice = self._final(ask)
        invoice.sent = word
        invoice.changes += 1
        return self._one(ask, invoice)

    def _delete(self, ask: Ask, body: Json) -> Response:
        invoice = self._of(ask)
        if invoice.status not in ("created", self._assumed.failed_status):
            raise Refusal(("APPROVED_INVOICES_CANNOT_BE_DELETED", invoice.status))
        self._books.delete(invoice)
        return envelope(data=True)

    def _credit(self, ask: Ask, body: Json) -> Response:
        """Answers with the credit note, not with the invoice it credits (I)."""
        invoice = self._of(ask)
        if invoice.status in ("created", self._assumed.failed_status):
            raise Refusal(("CREATED_INVOICES_CANNOT_BE_CREDITED", invoice.status))
        if invoice.status not in ("approved", "settled"):
            raise Refusal(("INVOICE_NOT_APPROVED_STATUS", invoice.status))
        if invoice.credited_by:
            raise Refusal(("INVOICE_IS_ALREADY_CREDITED", ""))
        if invoice.type == "creditnote":
            raise Refusal(("INVALID_INVOICE_TYPE", invoice.type))
        return self._one(ask, self._books.credit(invoice))

    def _of(self, ask: Ask) -> Invoice:
        invoice: Invoice = known(
            self._books.invoices, ask.parameters["id"], "INVOICE_DOES_NOT_EXIST"
        )
        ask.call.reference = invoice.reference
        return invoice

    def _final(self, ask: Ask, status: int = 200) -> Invoice:
        try:
            invoice = self._of(ask)
        except Refusal as refusal:
            raise Refusal(*refusal.problems, status=status) from None
        if invoice.status not in ("approved", "settled"):
            raise Refusal(("INVOICE_NOT_APPROVED_STATUS", invoice.status), status=status)
        return invoice


class _WrongType(Exception):
    """A body that does not say it is JSON."""


def _body(ask: Ask) -> Json:
    if not ask.body:
        if ask.call.method == "POST" and ask.call.step in _NEEDS_BODY:
            raise Malformed({"": "A non-empty request body is required."})
        return {}
    kind = ask.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in ("application/json", "text/json") and not kind.endswith("+json"):
        raise _WrongType
    try:
        body = decoded(ask.body)
    except ValueError:
        raise Malformed({"$": "The JSON value could not be converted."}) from None
    if not isinstance(body, dict):
        raise Malformed({"$": "must be an object"})
    return body


_REFUSALS: dict[str, str] = {
    Step.CREATE: "COULD_NOT_CREATE_INVOICE",
    Step.APPROVE: "COULD_NOT_APPROVE_INVOICE",
}


def _refused(ask: Ask, key: str | None) -> Response:
    chosen = key or _REFUSALS.get(ask.call.step, "INVOICE_WRONG_STATUS")
    return envelope(_nothing(ask), errors=[error_dto(chosen)], success=False)


def _nothing(ask: Ask) -> bool | None:
    """What a refusal has for `data`: where the document says true or false, it allows no null."""
    return False if ask.call.step == Step.DELETE else None

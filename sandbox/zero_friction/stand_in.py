"""The stand-in itself: see the package."""

from __future__ import annotations

import base64
import binascii
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from functools import partial
from typing import Any, Literal
from urllib.parse import parse_qs
from uuid import uuid4

from starlette.responses import Response

from sandbox.kit.faults import Faults
from sandbox.kit.record import Effect
from sandbox.kit.server import Ask, StandIn, Way
from sandbox.kit.wire import answer, decoded
from sandbox.zero_friction import data, filters
from sandbox.zero_friction.data import (
    ORGANISATION,
    TENANT,
    Json,
)
from sandbox.zero_friction.filters import Test, Unfiltered, filtered, holds
from sandbox.zero_friction.forms import (
    INVOICE_TYPES,
    LINE_TYPES,
    PAYMENT,
    Malformed,
    Refusal,
    envelope,
    error_dto,
    is_moment,
    problem_details,
    wrong_in,
    wrong_in_create,
)
from sandbox.zero_friction.invoice import (
    ZONE,
    Invoice,
    Line,
    debtor,
    invoice_dto,
    priced,
    rate_over,
    shortest,
    window,
)

CLIENT_ID = "00000000-0000-4000-8000-00000000c11e"
CLIENT_SECRET = "sandbox-client-secret-of-no-worth"  # noqa: S105
SUBSCRIPTION_KEY = "sandbox-subscription-key-of-no-worth"
SCOPE = "https://0frictionprod.onmicrosoft.com/zf-apigw/.default"
TOKEN_PATH = "/0frictionprod.onmicrosoft.com/oauth2/v2.0/token"  # noqa: S105


class Step(StrEnum):
    """The steps by which calls are counted and faults are placed."""

    TOKEN = "token"  # noqa: S105
    CUSTOMERS = "customers"
    CONTRACTS = "contracts"
    CONTRACT = "contract"
    BANK_ACCOUNTS = "bank_accounts"
    PROPERTY_GROUP = "property_group"
    TAX_CODES = "tax_codes"
    BILLING_ITEMS = "billing_items"
    SERVICE_LOCATIONS = "service_locations"
    CREATE = "create"
    FIND = "find"
    READ = "read"
    APPROVE = "approve"
    SEND = "send"
    POST = "post"
    MARK_SENT = "mark_sent"
    MARK_SKIPPED = "mark_skipped"
    DELETE = "delete"
    CREDIT = "credit"
    PAY = "pay"
    PAYMENTS = "payments"
    REVERSE = "reverse"


class Told(StrEnum):
    """The faults that only this provider's words can express; `key` changes the word."""

    SUCCESS_FALSE = "success_false"
    """HTTP 200, `success: false`, error `key`; `before` nothing is done, `after` it is."""
    UNKNOWN_STATUS = "unknown_status"
    """The answer calls the invoice's status `key` ("inreview"), a word nobody documented."""
    APPROVED_WITHOUT_NUMBER = "approved_without_number"
    """At `approve`: it never gets a number. At `read`: this answer says approved, without one."""
    ERRORS_FILLED = "errors_filled"
    """At `approve`: the approval fails with `key`. At `read`: this answer lists the error `key`."""
    CHANGED_AMOUNT = "changed_amount"
    """At `create`: stored `key` (0.01) too high. Elsewhere: only this answer says so."""


Handle = Callable[[Ask, Json], Response]
_NEEDS_BODY = frozenset(
    {Step.CUSTOMERS, Step.CONTRACTS, Step.SERVICE_LOCATIONS, Step.CREATE, Step.FIND, Step.PAY}
)


class ZeroFrictionStandIn(StandIn):
    """Zero Friction as its page and its public specification describe it, state and all.

    Args:
        approval_delay: seconds from the approve call to the end of the approval; inf: never.
        sending_delay: seconds from `sending` (or `printing`) to `sent`; inf: never.
        page_size: results per page of every list.
        token_lifetime: seconds; `expires_in` of a token, and when it really expires.
        flex_search_covers_reference: whether flexSearch finds externalReference (U).
        failed_status: what an invoice is called whose approval failed. The support pages name
            such a state, the specification's enumeration has no word for it (U).
        credit_note_status: whether a credit note is final at once or a draft to be approved (U).
        credit_copies_reference: whether it carries the credited invoice's externalReference (U).
        faults: a plan made earlier, such as `Faults.drawn(seed, list(Step))`.
    """

    steps = Step
    told = frozenset(Told)

    def __init__(
        self,
        *,
        approval_delay: float = 0.2,
        sending_delay: float = 0.1,
        page_size: int = 50,
        token_lifetime: int = 3599,
        flex_search_covers_reference: bool = True,
        failed_status: str = "approvalfailed",
        credit_note_status: Literal["approved", "created"] = "approved",
        credit_copies_reference: bool = True,
        faults: Faults | None = None,
    ) -> None:
        super().__init__(faults)
        self.approval_delay = approval_delay
        self.sending_delay = sending_delay
        self.page_size = page_size
        self.token_lifetime = token_lifetime
        self.flex_search_covers_reference = flex_search_covers_reference
        self.failed_status = failed_status
        self.credit_note_status = credit_note_status
        self.credit_copies_reference = credit_copies_reference
        self.customers = data.by_id(data.customers())
        self.contracts = data.by_id(data.contracts(self.customers))
        self.bank_accounts = data.by_id(data.bank_accounts())
        self.configurations = data.configurations()
        self.tax_codes = data.by_id(data.tax_codes())
        self.billing_items = data.by_id(data.billing_items())
        self.service_locations = data.by_id(data.service_locations())
        self._tokens: dict[str, float] = {}
        self._invoices: dict[str, Invoice] = {}
        self._payments: dict[str, Json] = {}
        self._numbers: Counter[int] = Counter()

    # For tests.

    @property
    def token_url(self) -> str:
        """Where tokens are to be had."""
        return self.url + TOKEN_PATH

    def revoke_tokens(self) -> None:
        """Make every token handed out so far worthless: the next call gets a 401."""
        self._tokens.clear()

    def invoice(self, reference: str) -> Json:
        """The latest invoice with this reference, as a GET would show it; LookupError if none."""
        return invoice_dto(self._latest(reference))

    def finish(self, reference: str) -> None:
        """End at once what is under way with it: an approval, a sending."""
        invoice = self._latest(reference)
        while invoice.due:
            self._due(invoice)

    def pay(self, reference: str, amount: Decimal | None = None) -> None:
        """The buyer pays; see `StandIn.pay`. ValueError while it is a draft."""
        invoice = self._latest(reference)
        try:
            self._paid(invoice, invoice.remaining if amount is None else amount)
        except Refusal as refusal:
            raise ValueError(str(refusal)) from None

    def forget(self) -> None:
        """Drop invoices, payments and numbers; master data and tokens stay."""
        self._invoices.clear()
        self._payments.clear()
        self._numbers.clear()

    # Routes.

    def ways(self) -> Sequence[Way]:
        """Every route of Zero Friction's that this stand-in has."""
        invoice = "/api/bill/Invoices/{id}"
        listed = (
            (Step.BANK_ACCOUNTS, "/api/cfg/BankAccounts", self.bank_accounts),
            (Step.TAX_CODES, "/api/cfg/TaxCodes", self.tax_codes),
            (Step.BILLING_ITEMS, "/api/cfg/BillingItems", self.billing_items),
        )
        # The page writes the plural, the specification the singular: both are answered.
        spellings = ("PropertyGroupBillingConfigurations", "PropertyGroupBillingConfiguration")
        way = self._way
        return [
            Way("POST", TOKEN_PATH, Step.TOKEN, self._token),
            way("POST", "/api/md/Customers/filter", Step.CUSTOMERS, self._find_customers),
            way("POST", "/api/md/Contracts/filter", Step.CONTRACTS, self._find_contracts),
            way("GET", "/api/md/Contracts/{id}", Step.CONTRACT, self._contract),
            *(
                way("GET", path, step, partial(self._list, entities))
                for step, path, entities in listed
            ),
            *(
                way("GET", f"/api/bill/{word}/{{id}}", Step.PROPERTY_GROUP, self._configuration)
                for word in spellings
            ),
            way(
                "POST",
                "/api/md/ServiceLocations/filter",
                Step.SERVICE_LOCATIONS,
                self._find_locations,
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
            way("POST", "/api/bill/Payments", Step.PAY, self._pay),
            way("GET", "/api/bill/Payments", Step.PAYMENTS, self._payments_list),
            way("GET", "/api/bill/Payments/{id}", Step.PAYMENTS, self._payment),
            way("POST", "/api/bill/Payments/{id}/reverse", Step.REVERSE, self._reverse),
        ]

    def _way(self, method: str, path: str, step: Step, handle: Handle) -> Way:
        return Way(method, path, step, partial(self._guarded, handle))

    # Gateway: who may come in, and is the body JSON.

    def _token(self, ask: Ask) -> Response:
        """OAuth2 client credentials; the refusals are those of RFC 6749 section 5.2 (I)."""
        if not ask.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            return _oauth_refusal(400, "invalid_request")
        form = {name: values[0] for name, values in parse_qs(ask.body.decode("latin-1")).items()}
        if form.get("grant_type") != "client_credentials":
            return _oauth_refusal(400, "unsupported_grant_type")
        if form.get("client_id") != CLIENT_ID or form.get("client_secret") != CLIENT_SECRET:
            return _oauth_refusal(401, "invalid_client")
        if form.get("scope") != SCOPE:
            return _oauth_refusal(400, "invalid_scope")
        token = f"sandbox-{secrets.token_urlsafe(24)}"
        self._tokens[token] = time.monotonic() + self.token_lifetime
        life = {"expires_in": self.token_lifetime, "ext_expires_in": self.token_lifetime}
        return answer({"token_type": "Bearer", **life, "access_token": token})

    def _stranger(self, ask: Ask) -> Response | None:
        key = ask.headers.get("apim-sub") or ask.query.get("subscription-key")
        kind, _, token = ask.headers.get("authorization", "").partition(" ")
        if key != SUBSCRIPTION_KEY:
            return _gate(401, "Access denied due to missing or invalid subscription key.")
        if kind.lower() != "bearer" or time.monotonic() >= self._tokens.get(token, 0.0):
            return _gate(401, "Unauthorized. Access token is missing or invalid.")
        if ask.headers.get("zf-tuuid") != TENANT or ask.headers.get("zf-ouuid") != ORGANISATION:
            return _gate(403, "Forbidden. Tenant or organisation is missing or not yours.")
        return None

    def _guarded(self, handle: Handle, ask: Ask) -> Response:
        if stranger := self._stranger(ask):
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
            return envelope(None, errors=errors, success=False, status=refusal.status)

    # Master data.

    def _find_customers(self, ask: Ask, body: Json) -> Response:
        return self._page(ask, filtered(body, filters.CUSTOMERS, self.customers.values()))

    def _find_contracts(self, ask: Ask, body: Json) -> Response:
        quick = ask.query.get("quickFilter", "all")
        if quick not in filters.QUICK:
            raise Malformed({"quickFilter": f"must be one of {', '.join(filters.QUICK)}"})
        found = filtered(body, filters.CONTRACTS, self.contracts.values())
        return self._page(ask, [contract for contract in found if filters.QUICK[quick](contract)])

    def _contract(self, ask: Ask, body: Json) -> Response:
        return envelope(_known(self.contracts, ask.parameters["id"], "CONTRACT_NOT_FOUND"))

    def _list(self, entities: Mapping[str, Json], ask: Ask, body: Json) -> Response:
        """Deleted ones are listed, marked as such (I, from the field `deleted`)."""
        return self._page(ask, list(entities.values()))

    def _configuration(self, ask: Ask, body: Json) -> Response:
        """An unknown group is answered 404 (U)."""
        found = self.configurations.get(ask.parameters["id"])
        return problem_details(404, "Not Found") if found is None else envelope(found)

    def _find_locations(self, ask: Ask, body: Json) -> Response:
        rented = {
            location["id"]: contract["contractor"]["customerId"]
            for contract in self.contracts.values()
            for location in contract["serviceLocations"]
        }

        def rents(customer: str, place: Json) -> bool:
            return rented.get(place["id"]) == customer

        known: dict[str, Test | None] = filters.LOCATIONS | {"customerId": rents}
        return self._page(ask, filtered(body, known, self.service_locations.values()))

    # Creating.

    def _create(self, ask: Ask, body: Json) -> Response:
        if isinstance(reference := body.get("externalReference"), str):
            ask.call.reference = reference
        if wrong := wrong_in_create(body):
            raise Malformed(wrong)
        invoice = self._drafted(body)
        if changed := ask.told(Told.CHANGED_AMOUNT):
            invoice.lines[0].net += Decimal(changed.key or "0.01")
            invoice.lines[0].gross += Decimal(changed.key or "0.01")
        self._invoices[invoice.id] = invoice
        self._note(Effect.CREATED, invoice)
        return self._one(ask, invoice)

    def _drafted(self, body: Json) -> Invoice:
        """The invoice the body asks for, or one Refusal with everything that is wrong with it."""
        problems = [*self._header_problems(body)]
        contract = self.contracts.get(body.get("contractId") or "")
        lines = []
        for asked in body.get("lines") or []:
            try:
                lines.append(self._line(asked, calculate=_calculates(body, asked)))
            except Refusal as refusal:
                problems += refusal.problems
        if problems:
            raise Refusal(*problems)
        date = body.get("invoiceDate")
        return Invoice(
            asked=body,
            type=body["invoiceType"],
            customer=self.customers[body["customerId"]],
            lines=lines,
            date=datetime.fromisoformat(date) if date else datetime.now(ZONE),
            property_groups=contract["propertyGroups"] if contract else _asked_groups(body),
            contract=contract,
            number=body.get("invoiceNum") or None,
            reference=body.get("externalReference"),
        )

    def _header_problems(self, body: Json) -> Iterable[tuple[str, str]]:
        customer = self.customers.get(body.get("customerId") or "")
        account = self.bank_accounts.get(body.get("companyBankAccountId") or "")
        if body.get("invoiceType") not in INVOICE_TYPES:
            yield "INVALID_INVOICE_TYPE", str(body.get("invoiceType"))
        if body.get("status") not in (None, "created"):
            yield "INVOICE_WRONG_STATUS", body["status"]
        if customer is None:
            yield "CUSTOMER_DOES_NOT_EXIST", ""
        # The page has the account resolved beforehand; that it may not be left out is inferred (I).
        if account is None or account["deleted"]:
            yield "BANK_ACCOUNT_NOT_FOUND", ""
        if not self._contract_fits(body):
            yield "CONTRACT_NOT_FOUND", ""
        if not body.get("lines"):
            yield "NO_INVOICE_LINES", ""
        if body.get("paymentMethod") == "sdd" and not (customer or {}).get("bankAccountIbans"):
            yield "SDD_REQUIRES_BANK_ACCOUNT", ""
        number = body.get("invoiceNum")
        if number and number in {invoice.number for invoice in self._invoices.values()}:
            yield "DUPLICATE_INVOICE_NUMBER", number

    def _contract_fits(self, body: Json) -> bool:
        """Whether contract, its number and the customer agree; that they must is inferred (I)."""
        identity, number = body.get("contractId"), body.get("contractNumber")
        if not identity:
            return not number
        contract = self.contracts.get(identity)
        return (
            contract is not None
            and contract["contractor"]["customerId"] == body.get("customerId")
            and number in (None, "", contract["contractNumber"])
        )

    def _line(self, asked: Json, *, calculate: bool) -> Line:
        problems = [*self._line_problems(asked)]
        tax, span = self.tax_codes.get(asked.get("taxCodeId") or ""), window(asked)
        rate = Decimal(0)
        if span is None:
            problems.append(("INVOICE_LINE_SPANS_NO_TAX_RATE_PERIODS", ""))
        elif span[0].year != span[1].year:
            problems.append(("INVOICE_LINE_CANNOT_SPAN_MULTIPLE_YEARS", ""))
        if tax and span:
            try:
                rate = rate_over(tax, *span)
            except Refusal as refusal:
                problems += refusal.problems
        if problems:
            raise Refusal(*problems)
        net, gross = priced(asked, rate, calculate=calculate)
        return Line(asked, rate, net, gross)

    def _line_problems(self, asked: Json) -> Iterable[tuple[str, str]]:
        tax, item = asked.get("taxCodeId"), asked.get("billingItemId")
        location, kind = asked.get("serviceLocationId"), asked.get("lineType")
        if not tax:
            yield "NO_TAXCODE_SPECIFIED", ""
        elif self.tax_codes.get(tax, {"deleted": True})["deleted"]:
            yield "TAXCODE_DOES_NOT_EXIST", tax
        if item and item not in self.billing_items:
            yield "BILLING_ITEM_DOES_NOT_EXIST", item
        if location and location not in self.service_locations:
            yield "SERVICELOCATION_DOES_NOT_EXIST", location
        if kind is not None and kind not in LINE_TYPES:
            yield "INVOICE_LINE_TYPE_NOT_SUPPORTED", kind

    # Reading.

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
            if self.flex_search_covers_reference:
                searched.append(invoice.reference)
            return holds(text, *searched)

        found = filtered(body, filters.INVOICES | {"flexSearch": flex}, self._invoices.values())
        return self._page(ask, found)

    def _find_of(self, ask: Ask, body: Json) -> Response:
        """Paged like the others; for these two routes no continuation token is declared (U)."""
        contract = ask.parameters.get("contract")
        wish = {"customerId": ask.parameters["customer"], "contractId": contract}
        return self._page(ask, filtered(wish, filters.INVOICES, self._invoices.values()))

    def _page(self, ask: Ask, found: Sequence[Any]) -> Response:
        start = _offset(ask.headers.get("continuationtoken"))
        end = start + self.page_size
        more = end < len(found)
        data = {
            "results": [
                self._shown(ask, one) if isinstance(one, Invoice) else one
                for one in found[start:end]
            ],
            "hasNextPage": more,
            "nextPageToken": base64.urlsafe_b64encode(str(end).encode()).decode() if more else None,
            "totalRecords": len(found),
            "sortableFields": [],
        }
        return envelope(data)

    def _one(self, ask: Ask, invoice: Invoice) -> Response:
        return envelope(self._shown(ask, invoice))

    def _shown(self, ask: Ask, invoice: Invoice) -> Json:
        """The invoice as this answer is to show it: the faults of this answer included."""
        shown = invoice_dto(invoice)
        if unknown := ask.told(Told.UNKNOWN_STATUS):
            shown["status"] = unknown.key or "inreview"
        if ask.call.step != Step.APPROVE and ask.told(Told.APPROVED_WITHOUT_NUMBER):
            shown |= {"status": "approved", "invoiceNum": None, "sequenceNumber": None}
        if ask.call.step != Step.CREATE and (changed := ask.told(Told.CHANGED_AMOUNT)):
            for total in ("totalAmountInclVAT", "totalAmountExclVAT"):
                shown[total] = shortest(shown[total] + Decimal(changed.key or "0.01"))
        return shown

    # Approving, sending, taking back.

    def _approve(self, ask: Ask, body: Json) -> Response:
        if wrong := wrong_in(body, {"invoiceDate": is_moment}):
            raise Malformed(wrong)
        invoice = self._of(ask)
        if invoice.status not in ("created", self.failed_status):
            raise Refusal(("INVOICE_NOT_CREATED_STATUS", invoice.status))
        if body.get("invoiceDate"):
            invoice.date = datetime.fromisoformat(body["invoiceDate"])
        invoice.status, invoice.failure = "approvalinprogress", None
        failing = ask.told(Told.ERRORS_FILLED)
        failure = (failing.key or "COULD_NOT_GENERATE_INVOICE_NUMBER") if failing else None
        numbered = not ask.told(Told.APPROVED_WITHOUT_NUMBER)
        done = partial(self._approved, invoice, failure=failure, numbered=numbered)
        self._soon(self.approval_delay, invoice, done)
        return self._one(ask, invoice)

    def _approved(self, invoice: Invoice, *, failure: str | None, numbered: bool) -> None:
        if failure:
            invoice.status, invoice.failure = self.failed_status, failure
            return
        if numbered and not invoice.number:
            self._number(invoice)
        invoice.status = "approved"
        direct = invoice.asked.get("paymentMethod") == "sdd"
        invoice.pays("readyforpaymentcollection" if direct else "waitingforpayment")
        if invoice.credited is None:
            self._note(Effect.APPROVED, invoice)

    def _number(self, invoice: Invoice) -> None:
        year = invoice.date.astimezone(ZONE).year
        taken = {other.number for other in self._invoices.values()}
        while invoice.number is None or invoice.number in taken:
            self._numbers[year] += 1
            invoice.sequence = self._numbers[year]
            invoice.number = f"{year}-{invoice.sequence:06}"

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
        """Asked twice, it is sent twice: nothing documented prevents that."""

        def done() -> None:
            invoice.sent = "sent"
            self._note(Effect.SENT, invoice)

        invoice.sent = word
        self._soon(self.sending_delay, invoice, done)
        return self._one(ask, invoice)

    def _mark(self, word: str, ask: Ask, body: Json) -> Response:
        """Says it was sent or need not be; nothing goes out, so nothing stands in the ledger."""
        invoice = self._final(ask)
        invoice.sent = word
        invoice.changes += 1
        return self._one(ask, invoice)

    def _delete(self, ask: Ask, body: Json) -> Response:
        invoice = self._of(ask)
        if invoice.status not in ("created", self.failed_status):
            raise Refusal(("APPROVED_INVOICES_CANNOT_BE_DELETED", invoice.status))
        del self._invoices[invoice.id]
        self._note(Effect.DELETED, invoice)
        return envelope(data=True)

    def _credit(self, ask: Ask, body: Json) -> Response:
        """Answers with the credit note, not with the invoice it credits (I)."""
        invoice = self._of(ask)
        if invoice.status in ("created", self.failed_status):
            raise Refusal(("CREATED_INVOICES_CANNOT_BE_CREDITED", invoice.status))
        if invoice.status not in ("approved", "settled"):
            raise Refusal(("INVOICE_NOT_APPROVED_STATUS", invoice.status))
        if invoice.credited_by:
            raise Refusal(("INVOICE_IS_ALREADY_CREDITED", ""))
        if invoice.type == "creditnote":
            raise Refusal(("INVALID_INVOICE_TYPE", invoice.type))
        note = self._credit_note(invoice)
        self._invoices[note.id] = note
        invoice.credited_by = note.id
        if self.credit_note_status == "approved":
            self._approved(note, failure=None, numbered=True)
        self._note(Effect.CREDITED, invoice)
        return self._one(ask, note)

    def _credit_note(self, invoice: Invoice) -> Invoice:
        return Invoice(
            asked=invoice.asked,
            type="creditnote",
            customer=invoice.customer,
            lines=[Line(li.asked, li.rate, -li.net, -li.gross) for li in invoice.lines],
            date=datetime.now(ZONE),
            property_groups=invoice.property_groups,
            contract=invoice.contract,
            reference=invoice.reference if self.credit_copies_reference else None,
            credited=invoice.id,
        )

    # Payments.

    def _pay(self, ask: Ask, body: Json) -> Response:
        """A payment entered by hand; it settles the invoice its references name (I)."""
        if wrong := wrong_in(body, PAYMENT):
            raise Malformed(wrong)
        if body.get("customerId") not in self.customers:
            raise Refusal(("CUSTOMER_DOES_NOT_EXIST", ""))
        if body.get("amount") is None:
            raise Malformed({"amount": "is required"})
        references = body.get("references") or []
        ids = [
            one.get("referenceId") for one in references if one.get("referenceType") == "invoice"
        ]
        for identity in ids[:1]:
            invoice = _known(self._invoices, identity or "", "INVOICE_DOES_NOT_EXIST")
            ask.call.reference = invoice.reference
            self._paid(invoice, Decimal(body["amount"]))
        payment = data.entity(str(uuid4()), "payment") | {
            "type": "payment",
            "paymentDateTime": body.get("paymentDateTime") or datetime.now(UTC).isoformat(),
            "paymentReference": body.get("paymentReference"),
            "amount": shortest(Decimal(body["amount"])),
            "companyBankAccountId": body.get("companyBankAccountId"),
            "debtor": debtor(self.customers[body["customerId"]]),
            "isManual": True,
            "isReversed": False,
            "paymentEntityReferences": references,
        }
        self._payments[payment["id"]] = payment
        return envelope(payment)

    def _paid(self, invoice: Invoice, amount: Decimal) -> None:
        if invoice.status not in ("approved", "settled"):
            raise Refusal(("CREATED_INVOICE_CANT_BE_PAID", invoice.status))
        invoice.paid += amount
        if invoice.remaining <= 0 and invoice.status != "settled":
            invoice.status = "settled"
            invoice.pays("paid")
            self._note(Effect.PAID, invoice)

    def _payments_list(self, ask: Ask, body: Json) -> Response:
        customer = ask.query.get("customerId")
        payments = self._payments.values()
        wanted = [p for p in payments if customer in (None, p["debtor"]["customerId"])]
        return self._page(ask, wanted)

    def _payment(self, ask: Ask, body: Json) -> Response:
        """One of the few routes for which a 404 is declared."""
        payment = self._payments.get(ask.parameters["id"])
        return problem_details(404, "Not Found") if payment is None else envelope(payment)

    def _reverse(self, ask: Ask, body: Json) -> Response:
        payment = self._payments.get(ask.parameters["id"])
        if payment is None:
            return problem_details(404, "Not Found")
        if payment["isReversed"]:
            raise Refusal(("INVOICE_WRONG_STATUS", ""))
        payment["isReversed"] = True
        for reference in payment["paymentEntityReferences"][:1]:
            self._unpaid(self._invoices.get(reference.get("referenceId")), payment["amount"])
        return envelope(payment)

    def _unpaid(self, invoice: Invoice | None, amount: Decimal) -> None:
        if invoice is None:
            return
        invoice.paid -= amount
        if invoice.status == "settled" and invoice.remaining > 0:
            invoice.status = "approved"
            invoice.pays("waitingforpayment")
            self._note(Effect.REVERSED, invoice)

    # What the handlers share.

    def _of(self, ask: Ask) -> Invoice:
        invoice: Invoice = _known(self._invoices, ask.parameters["id"], "INVOICE_DOES_NOT_EXIST")
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

    def _latest(self, reference: str) -> Invoice:
        for invoice in reversed(self._invoices.values()):
            if invoice.reference == reference and invoice.credited is None:
                return invoice
        raise LookupError(f"no invoice {reference}")

    def _soon(self, seconds: float, invoice: Invoice, done: Callable[[], None]) -> None:
        invoice.changes += 1
        invoice.due.append(done)
        self.later(seconds, partial(self._due, invoice))

    def _due(self, invoice: Invoice) -> None:
        if invoice.due:
            invoice.changes += 1
            invoice.due.pop(0)()

    def _note(self, effect: Effect, invoice: Invoice) -> None:
        self.ledger.add(
            effect,
            invoice.id,
            reference=invoice.reference,
            number=invoice.number,
            gross=invoice.gross,
        )


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


def _known(entities: Mapping[str, Any], identity: str, key: str) -> Any:
    entity = entities.get(identity)
    if entity is None:
        raise Refusal((key, identity))
    return entity


def _calculates(body: Json, line: Json) -> bool:
    """Where `disableVATCalculation` belongs is not documented (U): both places are heard."""
    return not (body.get("disableVATCalculation") or line.get("disableVATCalculation"))


def _asked_groups(body: Json) -> list[Json]:
    return list(body.get("propertyGroups") or [])


def _offset(token: str | None) -> int:
    if not token:
        return 0
    try:
        return int(base64.urlsafe_b64decode(token))
    except (ValueError, binascii.Error):
        raise Malformed({"continuationToken": "is not a token of this list"}) from None


_REFUSALS: dict[str, str] = {
    Step.CREATE: "COULD_NOT_CREATE_INVOICE",
    Step.APPROVE: "COULD_NOT_APPROVE_INVOICE",
}


def _refused(ask: Ask, key: str | None) -> Response:
    chosen = key or _REFUSALS.get(ask.call.step, "INVOICE_WRONG_STATUS")
    return envelope(None, errors=[error_dto(chosen)], success=False)


def _oauth_refusal(status: int, error: str) -> Response:
    return answer({"error": error, "error_description": "refused by the sandbox"}, status)


def _gate(status: int, message: str) -> Response:
    return answer({"statusCode": status, "message": message}, status)

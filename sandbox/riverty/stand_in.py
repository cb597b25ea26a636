"""The stand-in itself: see the package."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from functools import partial
from types import MappingProxyType
from typing import Literal
from urllib.parse import urlsplit
from uuid import uuid4

from starlette.responses import Response

from sandbox.kit.faults import Faults, Placed
from sandbox.kit.record import Effect
from sandbox.kit.server import Ask, StandIn, Way
from sandbox.kit.wire import answer, decoded
from sandbox.riverty import notices as say
from sandbox.riverty.books import Books, Invoice, Objection, Order, Submission, VatPer
from sandbox.riverty.forms import (
    Json,
    Kind,
    Malformed,
    Rules,
    check,
    check_callback,
    refusal,
    truncated,
)
from sandbox.riverty.ledger import RivertyLedger
from sandbox.riverty.notices import TYPES, Callback, Manner, Notices

PRIMARY_KEY = "sandbox-primary-key-of-no-worth"
SECONDARY_KEY = "sandbox-secondary-key-of-no-worth"
BUSINESS = "1000"
SOURCE = "20.76.134.255"
"""One of the published addresses that test notifications come from."""

REQUEST_TYPES: Mapping[Kind, str] = MappingProxyType(
    {
        Kind.ORDER: "GET_ORDER",
        Kind.INVOICE: "GET_INVOICE",
        Kind.CANCELLATION: "GET_CANCELLATION",
        Kind.RETURN: "GET_RETURN",
        Kind.GOODWILL: "GET_GOODWILL",
    }
)
"""The published example says GET_ORDER of an order's fields; the others follow its pattern (I)."""

_ORDERS = "/accounting/v1/businesses/{business}/customers/{customer}/orders"


class Step(StrEnum):
    """The steps by which calls are counted and faults are placed, in the words of all stand-ins."""

    CREATE = "create"
    """An order."""
    APPROVE = "approve"
    """An invoice of lines of an order."""
    DELETE = "delete"
    """A cancellation of lines."""
    CREDIT = "credit"
    """A return or a goodwill."""
    SUBSCRIBE = "subscribe"
    """A callback for notifications."""
    DOCUMENT = "document"


class Told(StrEnum):
    """The faults that only this provider's words can express, all of them about verdicts.

    They strike whatever the gateway takes; `before` and `after` make no difference.
    """

    REJECTED = "rejected"
    """The core objects to the field `key` (LINEITEMSTATUS): nothing is stored."""
    UNKNOWN_RESULT = "unknown_result"
    """It is stored, and the result is called `key` (IN_REVIEW), a word nobody documented."""
    CHANGED_AMOUNT = "changed_amount"
    """At `create`: stored `key` (0.01) too high."""
    FOREIGN_ID = "foreign_id"
    """The verdict's transactionId is none that anybody knows."""
    CONTRADICTED = "contradicted"
    """A second verdict follows that says the opposite; the first is the truth."""
    VERDICT_DROPPED = "verdict_dropped"
    """It never comes."""
    VERDICT_WITHHELD = "verdict_withheld"
    """It comes when the test calls `notices.release()`."""
    VERDICT_LATE = "verdict_late"
    """It comes `seconds` (0.1) after what it says has happened."""
    VERDICT_TWICE = "verdict_twice"
    VERDICT_MANGLED = "verdict_mangled"
    """What comes is no JSON."""


class RivertyStandIn(StandIn):
    """Accounting as a Service as its pages describe it: a gateway, and a core that judges later.

    Args:
        verdict_delay: seconds from the gateway's answer to the core's verdict; inf: never.
        renders: whether Riverty renders and sends invoices, which onboarding settles.
        document_delay: seconds from an accepted invoice to its document; inf: never.
        repeats: a request whose X-Request-ID was seen "might get ignored": whether it is. A
            correction of what the core rejected is never ignored (I).
        transaction_id: what a verdict calls the request by: its X-Request-ID if it had one (I), or
            the internalRequestId it was answered with (U).
        names_invoice: whether a verdict about an invoice names it (I); the published example, about
            an order, has the order's reference only.
        success: the result of a request that was accepted; described as "OK", not shown (U).
        request_types: see `REQUEST_TYPES`.
        lengths: what the gateway does with texts longer than the reference pages allow. They say
            it refuses, and warn that the core may cut: "truncated" leaves it all to the core. Texts
            without a published length are always cut, to lengths made up here (U).
        strict: whether the gateway refuses properties that no page shows (I).
        carrier: whether `carrier` and `trackingCode` of an invoice are needed: the reference page
            marks them so and says "only for physical goods", an example has neither. `always` is
            the gateway's refusal, `physical` the core's.
        vat_per: whether `vatAmount` is that of one piece (I) or of the whole line.
        quantity_types: whether an order's items may have a `quantityType`, as returns have (U).
        currencies: business codes, and the currency of each.
        activated: the types of notification that are switched on.
        redeliveries: how often a notification nobody took is delivered again (U).
        downloads_per_second: how many documents may be fetched before 429.
        source: the address that `listener` is told notifications come from.
        faults: a plan made earlier, such as `Faults.drawn(seed, list(Step))`.
    """

    steps = Step
    told = frozenset(Told)

    def __init__(
        self,
        *,
        verdict_delay: float = 0.05,
        renders: bool = True,
        document_delay: float = 0.05,
        repeats: Literal["processed", "ignored"] = "processed",
        transaction_id: Literal["request", "internal"] = "request",
        names_invoice: bool = True,
        success: str = "OK",
        request_types: Mapping[Kind, str] = REQUEST_TYPES,
        lengths: Literal["refused", "truncated"] = "refused",
        strict: bool = True,
        carrier: Literal["always", "physical", "never"] = "physical",
        vat_per: VatPer = "unit",
        quantity_types: bool = False,
        currencies: Mapping[str, str] = MappingProxyType({BUSINESS: "EUR"}),
        activated: Collection[str] = TYPES,
        redeliveries: int = 0,
        downloads_per_second: int = 10,
        source: str = SOURCE,
        faults: Faults | None = None,
    ) -> None:
        super().__init__(faults)
        self.ledger = RivertyLedger()
        self.verdict_delay = verdict_delay
        self.renders = renders
        self.document_delay = document_delay
        self.repeats = repeats
        self.transaction_id = transaction_id
        self.names_invoice = names_invoice
        self.success = success
        self.request_types = request_types
        self.downloads_per_second = downloads_per_second
        self.notices = Notices(self.later, source, activated, redeliveries)
        self._rules = Rules(
            lengths == "refused", strict, carrier == "always", quantities=quantity_types
        )
        self._new_books = partial(Books, currencies, vat_per, carrier != "never")
        self._books = self._new_books()
        self._pending: list[Submission] = []
        self._seen: dict[str, Submission] = {}
        self._unrendered: list[Invoice] = []
        self._documents: dict[str, Invoice] = {}
        self._downloads: deque[float] = deque()
        self._payments = 0
        self._revoked: set[str] = set()

    # For tests.

    def order(self, reference: str) -> Json:
        """An accepted order as the core holds it, with the status of each line; LookupError."""
        order = self._books.orders.get(reference)
        if order is None:
            raise LookupError(f"no order {reference}")
        lines = {line.number: line.status for line in order.lines}
        return {**order.asked, "customerNumber": order.customer, "lines": lines}

    def invoice(self, reference: str) -> Json:
        """An accepted invoice as the core holds it, by either reference; LookupError."""
        invoice = self._latest(reference)
        figures = ("gross", "vat", "paid", "credited", "remaining")
        return {**invoice.asked, **{name: getattr(invoice, name) for name in figures}}

    def finish(self, reference: str) -> None:
        """Judge at once what waits for it, and render what is to be rendered."""
        for submission in tuple(self._pending):
            if reference in (submission.order, submission.invoice):
                self._judge(submission)
        for invoice in tuple(self._unrendered):
            if reference in (invoice.reference, invoice.order.reference):
                self._render(invoice)

    def pay(self, reference: str, amount: Decimal | None = None) -> None:
        """The buyer pays; see `StandIn.pay`. ValueError for more than is due, or nothing."""
        invoice = self._latest(reference)
        amount = invoice.remaining if amount is None else amount
        if not 0 < amount <= invoice.remaining:
            raise ValueError(f"{invoice.remaining} are due, not {amount}")
        invoice.paid += amount
        self._payments += 1
        document = f"{200400000000 + self._payments}"
        self._tell(invoice, say.PAYMENT_RECEIVED, say.payment_received(invoice, amount, document))
        self._tell_balance(invoice)
        if not invoice.remaining:
            self._note(Effect.PAID, invoice.order, invoice)

    def charge_back(
        self,
        reference: str,
        amount: Decimal | None = None,
        kind: str = "DIRECT_DEBIT_CHARGEBACK_FIXED_FEE",
    ) -> None:
        """A payment is taken back, all of it unless an amount is given; ValueError if none is."""
        invoice = self._latest(reference)
        amount = invoice.paid if amount is None else amount
        if not 0 < amount <= invoice.paid:
            raise ValueError(f"{invoice.paid} were paid, not {amount}")
        settled = not invoice.remaining
        invoice.paid -= amount
        said = say.chargeback_received(invoice, amount, kind)
        self._tell(invoice, say.CHARGEBACK_RECEIVED, said)
        self._tell_balance(invoice)
        if settled:
            self._note(Effect.REVERSED, invoice.order, invoice)

    def render_document(self, reference: str) -> str:
        """Render and send its document now, once; the URL of it."""
        invoice = self._latest(reference)
        self._render(invoice)
        return self._link(invoice)

    def revoke(self, key: str) -> None:
        """Make a key worthless: calls with it get a 500."""
        self._revoked.add(key)

    def forget(self) -> None:
        """Drop orders, invoices, documents and notifications; keys and subscriptions stay."""
        self._books = self._new_books()
        self._pending.clear()
        self._seen.clear()
        self._unrendered.clear()
        self._documents.clear()
        self._downloads.clear()
        self._payments = 0
        self.notices.clear()

    async def stop(self) -> None:
        """See `StandIn.stop`; no notification is delivered any more."""
        await self.notices.stop()
        await super().stop()

    # Routes.

    def ways(self) -> Sequence[Way]:
        """Every route of Riverty's that this stand-in has."""
        one, take = _ORDERS + "/{order}", self._taking
        return [
            take(_ORDERS, Step.CREATE, Kind.ORDER),
            take(f"{one}/invoices", Step.APPROVE, Kind.INVOICE),
            take(f"{one}/cancellations", Step.DELETE, Kind.CANCELLATION),
            take(f"{one}/returns", Step.CREDIT, Kind.RETURN),
            take(f"{one}/goodwills", Step.CREDIT, Kind.GOODWILL),
            Way(
                "POST",
                "/administration/v1/notification-callbacks",
                Step.SUBSCRIBE,
                partial(self._guarded, self._subscribe),
            ),
            Way(
                "GET",
                "/documents/v1/S/{id}",
                Step.DOCUMENT,
                partial(self._guarded, self._download),
            ),
        ]

    def _taking(self, path: str, step: Step, kind: Kind) -> Way:
        return Way("POST", path, step, partial(self._guarded, partial(self._take, kind)))

    # The gateway: who may come in, does the body conform.

    def _guarded(self, handle: Callable[[Ask], Response], ask: Ask) -> Response:
        known = {PRIMARY_KEY, SECONDARY_KEY} - self._revoked
        if ask.headers.get("x-subscription-key") not in known:
            # The pages say so: a key that is wrong or expired is a 500. Its body is inferred (I).
            return refusal(500, "System", "InternalServerError", "The request was not processed.")
        try:
            return handle(ask)
        except Malformed as malformed:
            return malformed.answer()

    def _take(self, kind: Kind, ask: Ask) -> Response:
        body = _body(ask)
        check(kind, body, self._rules)
        submission, internal = self._submission(kind, ask, truncated(body))
        ask.call.reference = submission.invoice or submission.order
        if not self._ignores(submission):
            if submission.request:
                self._seen[submission.request] = submission
            self._pending.append(submission)
            self.later(self.verdict_delay, partial(self._judge, submission))
        return answer({"internalRequestId": internal})

    def _submission(self, kind: Kind, ask: Ask, body: Json) -> tuple[Submission, str]:
        """The request as the core gets it, and what its sender is told it is called."""
        internal, request = str(uuid4()), ask.headers.get("x-request-id")
        path = truncated({"orderReference": ask.parameters.get("order", "")})
        order = body.get("orderReference") or path["orderReference"]
        by_request = self.transaction_id == "request" and request
        told = {str(fault): placed for fault in Told if (placed := ask.told(fault))}
        submission = Submission(
            kind=kind,
            business=ask.parameters["business"],
            customer=ask.parameters["customer"],
            order=order,
            body=body,
            transaction=by_request or internal,
            request=request,
            in_turn=order in self._books.orders,
            told=told,
        )
        return submission, internal

    def _ignores(self, submission: Submission) -> bool:
        earlier = self._seen.get(submission.request or "")
        return self.repeats == "ignored" and earlier is not None and not earlier.objections

    def _subscribe(self, ask: Ask) -> Response:
        body = _body(ask)
        check_callback(body, TYPES, self._rules)
        if urlsplit(body["callbackUrl"]).hostname not in ("127.0.0.1", "localhost", "::1"):
            raise Malformed("callbackUrl", "A stand-in calls nobody beyond this machine.")
        callback = Callback(
            body["callbackUrl"], tuple(body["notificationTypes"]), body.get("description")
        )
        self.notices.callbacks.append(callback)
        return answer(callback.described())

    def _download(self, ask: Ask) -> Response:
        now = time.monotonic()
        while self._downloads and self._downloads[0] <= now - 1:
            self._downloads.popleft()
        if len(self._downloads) >= self.downloads_per_second:
            return answer({"statusCode": 429, "message": "Rate limit is exceeded."}, 429)
        self._downloads.append(now)
        invoice = self._documents.get(ask.parameters["id"])
        if invoice is None:
            return answer({"statusCode": 404, "message": "Resource not found"}, 404)
        ask.call.reference = invoice.reference
        return Response(_pdf(invoice), media_type="application/pdf")

    # The core: what it makes of a request, some time later.

    def _judge(self, submission: Submission) -> None:
        if submission not in self._pending:
            return
        self._pending.remove(submission)
        submission.objections = self._objections(submission)
        self._tell_verdict(submission)
        if submission.objections:
            return
        commit: dict[Kind, Callable[[Submission], None]] = {
            Kind.ORDER: self._accept_order,
            Kind.INVOICE: self._accept_invoice,
            Kind.CANCELLATION: self._cancel,
            Kind.RETURN: self._credit,
            Kind.GOODWILL: self._credit,
        }
        commit[submission.kind](submission)

    def _objections(self, submission: Submission) -> list[Objection]:
        if rejected := submission.told.get(Told.REJECTED):
            return [Objection.empty(rejected.key or "LINEITEMSTATUS")]
        return self._books.objections(submission)

    def _accept_order(self, submission: Submission) -> None:
        changed = submission.told.get(Told.CHANGED_AMOUNT)
        skew = Decimal(changed.key or "0.01") if changed else Decimal(0)
        self._note(Effect.CREATED, self._books.accept_order(submission, skew))

    def _accept_invoice(self, submission: Submission) -> None:
        invoice = self._books.accept_invoice(submission)
        self._note(Effect.APPROVED, invoice.order, invoice)
        self._tell_balance(invoice)
        if self.renders:
            self._unrendered.append(invoice)
            self.later(self.document_delay, partial(self._due, invoice))

    def _cancel(self, submission: Submission) -> None:
        lines, order = self._books.cancel(submission), self._books.orders[submission.order]
        over = all(line.status == "cancelled" for line in order.lines)
        amount = order.gross if over else sum((line.gross for line in lines), Decimal(0))
        self._note(Effect.DELETED if over else Effect.LINES_CANCELLED, order, amount=amount)

    def _credit(self, submission: Submission) -> None:
        for reference, amount in self._books.credit(submission).items():
            invoice = self._books.invoices[reference]
            if invoice.credited == invoice.gross:
                self._note(Effect.CREDITED, invoice.order, invoice)
            else:
                self._note(Effect.PARTLY_CREDITED, invoice.order, invoice, amount=amount)
            self._refund(invoice, str(submission.body.get("returnReference", "")))
            self._tell_balance(invoice)

    def _refund(self, invoice: Invoice, return_reference: str) -> None:
        """Pay back what was paid too much; what only lowers a debt is no refund."""
        if (surplus := -invoice.remaining) > 0:
            invoice.paid -= surplus
            said = say.refund_completed(invoice, surplus, return_reference)
            self._tell(invoice, say.REFUND_COMPLETED, said)

    def _due(self, invoice: Invoice) -> None:
        if invoice in self._unrendered:
            self._render(invoice)

    def _render(self, invoice: Invoice) -> None:
        if invoice.document is not None:
            return
        self._unrendered = [one for one in self._unrendered if one is not invoice]
        invoice.document = str(uuid4()).upper()
        self._documents[invoice.document] = invoice
        self._note(Effect.SENT, invoice.order, invoice)
        link = self._link(invoice)
        self._tell(invoice, say.INVOICE_CREATED, say.invoice_created(invoice, link))
        self._tell(invoice, say.DOCUMENT_CREATED, say.document_created(invoice, link))

    # Telling.

    def _tell_verdict(self, submission: Submission) -> None:
        told, objections = submission.told, submission.objections or ()
        if Told.FOREIGN_ID in told:
            submission.transaction = uuid4().hex
        strange = told.get(Told.UNKNOWN_RESULT)
        accepted = (strange.key or "IN_REVIEW") if strange else self.success
        result = "ERROR_IN_FILE" if objections else accepted
        self._say_verdict(submission, result, objections, _manner(told))
        if Told.CONTRADICTED in told:
            opposite = () if objections else (Objection.empty("LINEITEMSTATUS"),)
            result = "ERROR_IN_FILE" if opposite else self.success
            self._say_verdict(submission, result, opposite, Manner())

    def _say_verdict(
        self,
        submission: Submission,
        result: str,
        objections: Sequence[Objection],
        manner: Manner,
    ) -> None:
        word = self.request_types[submission.kind]
        named = submission.invoice if self.names_invoice else None
        content = say.verdict(submission, word, result, objections, named)
        self.notices.tell(say.EDI, content, submission.order, submission.invoice, manner)

    def _tell(self, invoice: Invoice, kind: str, content: Json) -> None:
        self.notices.tell(kind, content, invoice.order.reference, invoice.reference)

    def _tell_balance(self, invoice: Invoice) -> None:
        """The customer's, over all invoices; it is about none of them, but tests find it here."""
        order = invoice.order
        balance = sum(
            (
                one.remaining
                for one in self._books.invoices.values()
                if (one.order.business, one.order.customer) == (order.business, order.customer)
            ),
            Decimal(0),
        )
        currency = order.asked["currency"]
        content = say.balance_updated(order.business, order.customer, currency, balance)
        self._tell(invoice, say.BALANCE_UPDATED, content)

    # What the parts share.

    def _latest(self, reference: str) -> Invoice:
        for invoice in reversed(self._books.invoices.values()):
            if reference in (invoice.reference, invoice.order.reference):
                return invoice
        raise LookupError(f"no invoice {reference}")

    def _link(self, invoice: Invoice) -> str:
        return f"{self.url}/documents/v1/S/{invoice.document}"

    def _note(
        self,
        effect: Effect,
        order: Order,
        invoice: Invoice | None = None,
        *,
        amount: Decimal | None = None,
    ) -> None:
        about = order if invoice is None else invoice
        self.ledger.add(
            effect,
            about.reference,
            reference=order.reference,
            number=None if invoice is None else invoice.reference,
            gross=about.gross if amount is None else amount,
        )


def _manner(told: Mapping[str, Placed]) -> Manner:
    late = told.get(Told.VERDICT_LATE)
    return Manner(
        dropped=Told.VERDICT_DROPPED in told,
        withheld=Told.VERDICT_WITHHELD in told,
        times=2 if Told.VERDICT_TWICE in told else 1,
        after=(late.seconds or 0.1) if late else 0.0,
        mangled=Told.VERDICT_MANGLED in told,
    )


def _body(ask: Ask) -> Json:
    kind = ask.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Malformed("", f"Content type '{kind}' is not allowed.")
    try:
        body = decoded(ask.body)
    except ValueError:
        raise Malformed("", "Body cannot be parsed as JSON.") from None
    if not isinstance(body, dict):
        raise Malformed("", "Invalid type. Expected Object.")
    return body


def _pdf(invoice: Invoice) -> bytes:
    """As little of a PDF as says what it is about."""
    said = f"Invoice {invoice.reference}, {invoice.gross} {invoice.order.asked['currency']}"
    return f"%PDF-1.4\n% {said}\n%%EOF\n".encode()

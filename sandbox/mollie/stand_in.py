"""The stand-in itself: see the package."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from functools import partial
from itertools import count
from typing import Literal
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from sandbox.kit.faults import Faults
from sandbox.kit.record import Effect
from sandbox.kit.server import Ask, StandIn, Way
from sandbox.mollie.forms import (
    Json,
    Problem,
    check_collection,
    check_create,
    check_delete,
    check_invoice,
    check_update,
    hal,
    nonexistent,
    parsed,
    wrong,
)
from sandbox.mollie.invoice import Invoice, Rounding, figures, invoice_dto, link, money
from sandbox.mollie.keys import Keys, Name

TEST_KEY = "test_SandboxKeyOfNoWorthForTestsOnly"
LIVE_KEY = "live_SandboxKeyOfNoWorthForTestsOnly"
ORGANISATION_TOKEN = "access_SandboxTokenOfNoWorthForTestsOnly"  # noqa: S105
READ_ONLY_TOKEN = "access_SandboxTokenOfNoWorthThatOnlyReads"  # noqa: S105
PROFILE = "pfl_SandboxOne"
OTHER_PROFILE = "pfl_SandboxTwo"
CUSTOMER = "cst_Sandbox"
MANDATE = "mdt_Sandbox"

_MODES = {TEST_KEY: "test", LIVE_KEY: "live"}
_PATH = "/v2/sales-invoices"
_PAYABLE = ("issued", "overdue", "payment-reversed")


class Step(StrEnum):
    """The steps by which calls are counted and faults are placed; a PATCH by what it asks for."""

    CREATE = "create"
    """Also one that issues or pays at once."""
    FIND = "find"
    """The list."""
    READ = "read"
    APPROVE = "approve"
    """PATCH to issued."""
    CREDIT = "credit"
    """PATCH to cancelled."""
    PAY = "pay"
    """PATCH to paid."""
    UPDATE = "update"
    """Any other PATCH."""
    DELETE = "delete"


class Told(StrEnum):
    """The faults that only this provider's words can express; `key` changes the word."""

    PROBLEM = "problem"
    """A problem of status `key` (422, the account is suspended); `before` nothing is done."""
    UNKNOWN_STATUS = "unknown_status"
    """The answer calls the invoice's status `key` ("in-review"), a word nobody documented."""
    ISSUED_WITHOUT_NUMBER = "issued_without_number"
    """Where it issues: it never gets a number. At `read`, `find`: only this answer says so."""
    E_INVOICE_FAILED = "e_invoice_failed"
    """Where it issues: the e-invoice will not arrive. At `read`, `find`: only this says so."""
    CHANGED_AMOUNT = "changed_amount"
    """At `create`, `update`: stored `key` (0.01) too high. Elsewhere: only this answer says so."""


@dataclass(frozen=True)
class Caller:
    """Who calls: in which mode, and for which profile unless it is for all of them."""

    mode: str
    profile: str | None


Handle = Callable[[Ask, Caller, Json], Response]


class MollieStandIn(StandIn):
    """Mollie's Sales Invoices as their pages and public specification describe them.

    Args:
        e_invoice_delay: seconds from issuing an e-invoice to its delivery; inf: never.
        collection_delay: seconds from `pending-payment` to `paid`; inf: never.
        key_lifetime: seconds for which an idempotency key is remembered.
        vat_rounding: VAT is rounded per `rate`, as electronic invoices must, or per `line` (U).
        cancelled_word: what a cancelled invoice is called; older pages write `canceled`.
        reversed_word: the lifecycle page writes a hyphen, the changelog an underscore.
        e_invoice_in_status: whether `status` too says `issuing` and `failed`, as the lifecycle
            page lists them, or only `eInvoiceStatus` does (U).
        email_required: whether issuing needs `emailDetails`. The page says both; an e-invoice
            never needs them.
        locale_required: whether a recipient needs a `locale`: the specification says so, a sample
            of the guide has none.
        cancels_from: the states from which an invoice can be cancelled; more may be possible (U).
        newest_first: the order of the list (I).
        merchant_country: where the merchant is based.
        one_stop_shop: whether the merchant is enrolled there.
        reference_key: where in `metadata` to look for the reference of the ledger.
        faults: a plan made earlier, such as `Faults.drawn(seed, list(Step))`.
    """

    steps = Step
    told = frozenset(Told)

    def __init__(
        self,
        *,
        e_invoice_delay: float = 0.1,
        collection_delay: float = 0.1,
        key_lifetime: float = 3600.0,
        vat_rounding: Rounding = "rate",
        cancelled_word: Literal["cancelled", "canceled"] = "cancelled",
        reversed_word: Literal["payment-reversed", "payment_reversed"] = "payment-reversed",
        e_invoice_in_status: bool = True,
        email_required: bool = True,
        locale_required: bool = True,
        cancels_from: Collection[str] = ("issued", "overdue"),
        newest_first: bool = True,
        merchant_country: str = "NL",
        one_stop_shop: bool = False,
        reference_key: str = "reference",
        faults: Faults | None = None,
    ) -> None:
        super().__init__(faults)
        self.e_invoice_delay = e_invoice_delay
        self.collection_delay = collection_delay
        self.keys = Keys(key_lifetime)
        self.vat_rounding = vat_rounding
        self.cancelled_word = cancelled_word
        self.reversed_word = reversed_word
        self.e_invoice_in_status = e_invoice_in_status
        self.email_required = email_required
        self.locale_required = locale_required
        self.cancels_from = cancels_from
        self.newest_first = newest_first
        self.merchant_country = merchant_country
        self.one_stop_shop = one_stop_shop
        self.reference_key = reference_key
        self._invoices: dict[str, Invoice] = {}
        self._numbers = count(1)
        self._running: set[Name] = set()
        self._revoked: set[str] = set()

    # For tests.

    def invoice(self, reference: str) -> Json:
        """The latest invoice with this reference, as a GET would show it; LookupError if none."""
        return self._dto(self._latest(reference))

    def pay(self, reference: str, amount: Decimal | None = None) -> None:
        """The buyer pays; see `StandIn.pay`. ValueError where nothing can be paid."""
        invoice = self._latest(reference)
        self._demand(invoice, *_PAYABLE)
        invoice.paid += invoice.remaining if amount is None else amount
        if not invoice.remaining:
            self._paid(invoice)

    def reverse(self, reference: str) -> None:
        """The payment is taken back (a chargeback); ValueError unless it is paid."""
        invoice = self._latest(reference)
        self._demand(invoice, "paid")
        invoice.status, invoice.paid, invoice.paid_at = "payment-reversed", Decimal(0), None
        self._note(Effect.REVERSED, invoice)

    def overdue(self, reference: str) -> None:
        """Its term has ended unpaid; ValueError unless it is issued."""
        invoice = self._latest(reference)
        self._demand(invoice, "issued")
        invoice.status = "overdue"

    def finish(self, reference: str) -> None:
        """End at once what is under way with it: an e-invoice's delivery, a collection."""
        invoice = self._latest(reference)
        while invoice.due:
            invoice.due.pop(0)()

    def revoke(self, credential: str) -> None:
        """Make a key or token worthless: calls with it get a 401."""
        self._revoked.add(credential)

    def forget(self) -> None:
        """Drop invoices, numbers and idempotency keys; credentials stay as they are."""
        self._invoices.clear()
        self.keys.clear()
        self._numbers = count(1)

    # Routes.

    def ways(self) -> Sequence[Way]:
        """Every route of Mollie's that this stand-in has."""
        one, way = _PATH + "/{id}", self._way
        return [
            way("POST", _PATH, Step.CREATE, self._create),
            way("GET", _PATH, Step.FIND, self._list),
            way("GET", one, Step.READ, self._read),
            way("PATCH", one, Step.UPDATE, self._update),
            way("DELETE", one, Step.DELETE, self._delete),
        ]

    def _way(self, method: str, path: str, step: Step, handle: Handle) -> Way:
        return Way(method, path, step, partial(self._guarded, handle))

    def lost(self, request: Request) -> Response:
        """What no route answers is 404, a known path with another method 405."""
        if request.url.path.startswith(_PATH):
            return Problem(405, "The method is not supported").answer()
        return Problem(404, "No such resource").answer()

    async def _answer(self, way: Way, request: Request, body: bytes) -> Response:
        """One PATCH is several steps, and a key under way is known before any fault strikes."""
        if way.method == "PATCH":
            way = replace(way, step=_step_of(body))
        name = _key(way.method, request.headers)
        if name is None:
            return await super()._answer(way, request, body)
        if name in self._running:
            return await super()._answer(replace(way, handler=_under_way), request, body)
        self._running.add(name)
        try:
            return await super()._answer(way, request, body)
        finally:
            self._running.discard(name)

    # Gateway: who may come in, is the body JSON, has it been answered before.

    def _guarded(self, handle: Handle, ask: Ask) -> Response:
        problem = ask.told(Told.PROBLEM)
        if problem and problem.when == "before":
            return _told_problem(problem.key).answer()
        try:
            response = self._handled(handle, ask)
        except Problem as refused:
            return refused.answer()
        return _told_problem(problem.key).answer() if problem else response

    def _handled(self, handle: Handle, ask: Ask) -> Response:
        token = self._token(ask)
        body = {} if ask.call.method == "GET" else _body(ask)
        name = _key(ask.call.method, ask.headers)
        if name and (again := self.keys.replay(name, ask.call.path, body)):
            ask.call.reference = self._reference(body)
            return again
        response = handle(ask, _caller(ask, token, body), body)
        if name:
            self.keys.keep(name, ask.call.path, body, response)
        return response

    def _token(self, ask: Ask) -> str:
        token = _bearer(ask.headers)
        known = {*_MODES, ORGANISATION_TOKEN, READ_ONLY_TOKEN} - self._revoked
        if token not in known:
            raise Problem(401, "Missing authentication, or failed to authenticate")
        if token == READ_ONLY_TOKEN and ask.call.method != "GET":
            raise Problem(403, "The token lacks the scope sales-invoices.write")
        return token

    # Creating.

    def _create(self, ask: Ask, caller: Caller, body: Json) -> Response:
        ask.call.reference = self._reference(body)
        check_create(body)
        check_collection(body, body["status"])
        invoice = Invoice(
            asked={n: given for n, given in body.items() if n not in ("status", "testmode")},
            mode=caller.mode,
            profile=_profile(caller, body),
            rounding=self.vat_rounding,
            reference=ask.call.reference,
        )
        self._check(invoice.asked)
        self._check_move(invoice.asked, body["status"])
        self._skew(ask, invoice)
        self._invoices[invoice.id] = invoice
        self._note(Effect.CREATED, invoice)
        self._move(ask, invoice, body["status"])
        return hal(self._shown(ask, invoice), 201)

    def _check(self, asked: Json) -> None:
        check_invoice(
            asked,
            merchant=self.merchant_country,
            one_stop_shop=self.one_stop_shop,
            locale=self.locale_required,
        )
        # Refuses discounts that exceed what they are taken from.
        figures(asked, self.vat_rounding)

    def _check_move(self, asked: Json, status: str) -> None:
        """What a status needs; that a recurring payment needs no paymentDetails is inferred (I)."""
        mailed = asked.get("emailDetails") or asked.get("isEInvoice") or not self.email_required
        if status == "issued" and not mailed:
            wrong("emailDetails", "The emailDetails are required for status issued")
        if status != "paid":
            return
        if not asked.get("paymentDetails") and not asked.get("customerId"):
            wrong("paymentDetails", "The paymentDetails are required for status paid")
        for name, known in (("customerId", CUSTOMER), ("mandateId", MANDATE)):
            if asked.get(name) not in (None, known):
                wrong(name, f"The {name} does not exist")

    # Reading.

    def _read(self, ask: Ask, caller: Caller, body: Json) -> Response:
        return hal(self._shown(ask, self._of(ask, caller)))

    def _list(self, ask: Ask, caller: Caller, body: Json) -> Response:
        visible = [one for one in self._invoices.values() if _sees(caller, one)]
        if self.newest_first:
            visible.reverse()
        start, limit = _start(ask, visible), _limit(ask)
        page = visible[start : start + limit]
        links: dict[str, Json | None] = {
            "self": link(self._page_url(ask, ask.query.get("from"), limit)),
            "previous": self._neighbour(ask, visible, start - limit if start else None, limit),
            "next": self._neighbour(ask, visible, start + limit, limit),
        }
        shown = [self._shown(ask, one) for one in page]
        embedded = {"sales_invoices": shown}
        return hal({"count": len(page), "_embedded": embedded, "_links": links})

    def _neighbour(
        self, ask: Ask, visible: Sequence[Invoice], start: int | None, limit: int
    ) -> Json | None:
        if start is None or start >= len(visible):
            return None
        return link(self._page_url(ask, visible[max(start, 0)].id, limit))

    def _page_url(self, ask: Ask, first: str | None, limit: int) -> str:
        """Where a page is; a mode that was asked for stays asked for (I)."""
        query = {"from": first, "limit": limit, "testmode": ask.query.get("testmode")}
        return f"{self.url}{_PATH}?" + urlencode({n: v for n, v in query.items() if v is not None})

    def _dto(self, invoice: Invoice) -> Json:
        return invoice_dto(invoice, self._word(invoice), self.url)

    def _shown(self, ask: Ask, invoice: Invoice) -> Json:
        """The invoice as this answer is to show it: the faults of this answer included."""
        shown = self._dto(invoice)
        if ask.call.step in (Step.READ, Step.FIND):
            if ask.told(Told.ISSUED_WITHOUT_NUMBER):
                shown |= {"status": "issued", "invoiceNumber": None}
            if ask.told(Told.E_INVOICE_FAILED):
                shown |= {"eInvoiceStatus": "failed"}
                shown |= {"status": "failed"} if self.e_invoice_in_status else {}
        if ask.call.step not in (Step.CREATE, Step.UPDATE) and (
            changed := ask.told(Told.CHANGED_AMOUNT)
        ):
            for name in ("subtotalAmount", "discountedSubtotalAmount", "totalAmount"):
                value = Decimal(shown[name]["value"]) + Decimal(changed.key or "0.01")
                shown[name] = money(value, invoice.currency)
        if unknown := ask.told(Told.UNKNOWN_STATUS):
            shown["status"] = unknown.key or "in-review"
        return shown

    def _word(self, invoice: Invoice) -> str:
        if self.e_invoice_in_status and invoice.status == "issued":
            return invoice.e_invoice or "issued"
        spelt = {"cancelled": self.cancelled_word, "payment-reversed": self.reversed_word}
        return spelt.get(invoice.status, invoice.status)

    # Changing.

    def _update(self, ask: Ask, caller: Caller, body: Json) -> Response:
        invoice = self._of(ask, caller)
        check_update(body)
        given = _given(body)
        status = body.get("status") or invoice.status
        self._check_edge(invoice, body.get("status"), given)
        asked = invoice.asked | given
        if invoice.status == "draft":
            self._check(asked)
        if status != invoice.status:
            self._check_move(asked, status)
        invoice.asked = asked
        self._skew(ask, invoice)
        if status == invoice.status == "paid":
            self._mail(invoice)
        elif status != invoice.status:
            self._move(ask, invoice, status)
        return hal(self._shown(ask, invoice))

    def _check_edge(self, invoice: Invoice, status: str | None, given: Json) -> None:
        """Refuse what this invoice's state does not allow; only documented edges are open."""
        now = self._state(invoice)
        edges: dict[str, Collection[str]] = {
            "draft": ("draft",),
            "issued": ("draft",),
            "paid": ("draft", *_PAYABLE),
            "cancelled": self.cancels_from,
        }
        # A paid invoice can subsequently be sent, says the page.
        sending = now == "paid" and status in (None, "paid") and {*given} == {"emailDetails"}
        if sending or now == "draft" == (status or "draft"):
            return
        if status is not None and now not in edges[status]:
            wrong("status", f"An invoice with status {now} cannot become {status}")
        usable = {"issued": ("emailDetails",), "paid": ("paymentDetails", "emailDetails")}
        for name in given:
            if now != "draft" and name not in usable.get(status or "", ()):
                wrong(name, f"The {name} of an invoice with status {now} cannot be changed")

    def _move(self, ask: Ask, invoice: Invoice, status: str) -> None:
        moves: dict[str, Callable[[Ask, Invoice], None]] = {
            "issued": self._issue,
            "paid": self._settle,
            "cancelled": self._cancel,
        }
        if status in moves:
            moves[status](ask, invoice)

    def _issue(self, ask: Ask, invoice: Invoice) -> None:
        """Final, with its number; that an e-invoice has it before it is delivered is inferred."""
        if not ask.told(Told.ISSUED_WITHOUT_NUMBER):
            invoice.number = f"INV-{next(self._numbers):07}"
        invoice.status, invoice.issued_at = "issued", datetime.now(UTC)
        self._note(Effect.APPROVED, invoice)
        if invoice.asked.get("isEInvoice"):
            invoice.e_invoice = "issuing"
            word = "failed" if ask.told(Told.E_INVOICE_FAILED) else "issued"
            self._soon(self.e_invoice_delay, invoice, partial(self._delivered, invoice, word))
        self._mail(invoice)

    def _delivered(self, invoice: Invoice, word: str) -> None:
        invoice.e_invoice = word
        if word == "issued":
            self._note(Effect.SENT, invoice)

    def _mail(self, invoice: Invoice) -> None:
        """An e-mail goes out if there is one to send; once, and beside an e-invoice unrecorded."""
        if invoice.mailed or invoice.asked.get("isEInvoice"):
            return
        if invoice.asked.get("emailDetails"):
            invoice.mailed = True
            self._note(Effect.SENT, invoice)

    def _settle(self, ask: Ask, invoice: Invoice) -> None:
        """Mark as paid; a draft is issued by it, and gets its number (I)."""
        if invoice.status == "draft":
            self._issue(ask, invoice)
        self._mail(invoice)
        if invoice.asked.get("customerId"):
            invoice.status = "pending-payment"
            self._soon(self.collection_delay, invoice, partial(self._paid, invoice))
            return
        self._paid(invoice)

    def _paid(self, invoice: Invoice) -> None:
        invoice.status, invoice.paid = "paid", invoice.total
        invoice.paid_at = datetime.now(UTC)
        self._note(Effect.PAID, invoice)

    def _cancel(self, ask: Ask, invoice: Invoice) -> None:
        """A credit note over all of it; it is no resource of its own."""
        invoice.status = "cancelled"
        self._note(Effect.CREDITED, invoice)

    def _delete(self, ask: Ask, caller: Caller, body: Json) -> Response:
        check_delete(body)
        invoice = self._of(ask, caller)
        if invoice.status != "draft":
            raise Problem(422, "Only invoices with status draft can be deleted")
        del self._invoices[invoice.id]
        self._note(Effect.DELETED, invoice)
        return Response(status_code=204)

    # What the handlers share.

    def _of(self, ask: Ask, caller: Caller) -> Invoice:
        invoice = self._invoices.get(ask.parameters["id"])
        if invoice is None or not _sees(caller, invoice):
            raise Problem(404, "No sales invoice exists with this token")
        ask.call.reference = invoice.reference
        return invoice

    def _state(self, invoice: Invoice) -> str:
        """Its state in the words that requests use."""
        word = self._word(invoice)
        return word if word in ("issuing", "failed") else invoice.status

    def _demand(self, invoice: Invoice, *states: str) -> None:
        if (now := self._state(invoice)) not in states:
            raise ValueError(f"not while it is {now}")

    def _latest(self, reference: str) -> Invoice:
        for invoice in reversed(self._invoices.values()):
            if invoice.reference == reference:
                return invoice
        raise LookupError(f"no invoice {reference}")

    def _reference(self, body: Json) -> str | None:
        metadata = body.get("metadata")
        texts = metadata if isinstance(metadata, dict) else {}
        texts = {name: value for name, value in texts.items() if isinstance(value, str)}
        only = next(iter(texts.values())) if len(texts) == 1 else None
        return texts.get(self.reference_key, only)

    def _skew(self, ask: Ask, invoice: Invoice) -> None:
        if ask.call.step in (Step.CREATE, Step.UPDATE) and (
            changed := ask.told(Told.CHANGED_AMOUNT)
        ):
            invoice.skew += Decimal(changed.key or "0.01")

    def _soon(self, seconds: float, invoice: Invoice, done: Callable[[], None]) -> None:
        invoice.due.append(done)
        self.later(seconds, partial(_end, invoice, done))

    def _note(self, effect: Effect, invoice: Invoice) -> None:
        self.ledger.add(
            effect,
            invoice.id,
            reference=invoice.reference,
            number=invoice.number,
            gross=invoice.total,
        )


def _end(invoice: Invoice, done: Callable[[], None]) -> None:
    if done in invoice.due:
        invoice.due.remove(done)
        done()


def _bearer(headers: Mapping[str, str]) -> str:
    kind, _, token = headers.get("authorization", "").partition(" ")
    return token if kind.lower() == "bearer" else ""


def _key(method: str, headers: Mapping[str, str]) -> Name | None:
    """The idempotency key of a call; it is ignored unless the call is a POST."""
    key = headers.get("idempotency-key")
    return (_bearer(headers), key) if key and method == "POST" else None


def _under_way(ask: Ask) -> Response:
    return Problem(409, "A request with this idempotency key is still being processed").answer()


def _step_of(body: bytes) -> Step:
    try:
        status = parsed(body).get("status")
    except Problem:
        return Step.UPDATE
    words = {"issued": Step.APPROVE, "cancelled": Step.CREDIT, "paid": Step.PAY}
    return words.get(status, Step.UPDATE) if isinstance(status, str) else Step.UPDATE


def _body(ask: Ask) -> Json:
    kind = ask.headers.get("content-type", "").partition(";")[0].strip().lower()
    if ask.body and kind != "application/json":
        raise Problem(415, "The request body should be application/json")
    return parsed(ask.body)


def _caller(ask: Ask, token: str, body: Json) -> Caller:
    """Who calls. A GET says testmode in its query, every other call in its body."""
    place = "query" if ask.call.method == "GET" else "body"
    known = {"testmode", "from", "limit"} if ask.call.step == Step.FIND else {"testmode"}
    for name in ask.query:
        if place != "query" or name not in known:
            nonexistent(name, "query")
    given = {**ask.query} if place == "query" else body
    mode = _MODES.get(token)
    if mode is None:
        return Caller("test" if _testmode(given) else "live", None)
    for name in ("testmode", "profileId"):
        if given.get(name) is not None:
            nonexistent(name, place)
    return Caller(mode, PROFILE)


def _testmode(given: Json) -> bool:
    value = given.get("testmode")
    if value not in (None, True, False, "true", "false"):
        wrong("testmode", "The testmode should be true or false")
    return value in (True, "true")


def _profile(caller: Caller, body: Json) -> str:
    """The profile an invoice will belong to; an organisation has to say which."""
    if caller.profile is not None:
        return caller.profile
    profile = body.get("profileId")
    if profile is None:
        wrong("profileId", "The profileId is required for organization-level credentials")
    if profile not in (PROFILE, OTHER_PROFILE):
        wrong("profileId", "The profile does not exist")
    return str(profile)


def _sees(caller: Caller, invoice: Invoice) -> bool:
    """Neither the other mode's invoices nor another profile's are there."""
    return invoice.mode == caller.mode and caller.profile in (None, invoice.profile)


def _start(ask: Ask, visible: Sequence[Invoice]) -> int:
    first = ask.query.get("from")
    if first is None:
        return 0
    for index, invoice in enumerate(visible):
        if invoice.id == first:
            return index
    raise Problem(400, "The from parameter is not the id of an invoice of this list", "from")


def _limit(ask: Ask) -> int:
    text = ask.query.get("limit", "50")
    if not text.isdecimal() or not 1 <= int(text) <= 250:
        raise Problem(400, "The limit should be between 1 and 250", "limit")
    return int(text)


def _given(body: Json) -> Json:
    """What an update changes. Null clears what may be absent, and changes nothing else (I)."""
    clears = ("memo", "discount", "emailDetails", "paymentTerm")
    aside = ("status", "testmode")
    return {
        name: value
        for name, value in body.items()
        if name not in aside and (value is not None or name in clears)
    }


def _told_problem(key: str | None) -> Problem:
    status = int(key or 422)
    return Problem(status, "The account is suspended" if status == 422 else "told by the test")

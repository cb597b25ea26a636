"""Mollie's routes: who may come in, what is asked, what is answered."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from urllib.parse import urlencode

from starlette.responses import Response

from sandbox.kit.record import Effect
from sandbox.kit.server import Ask, Way
from sandbox.mollie.books import PAYABLE, Books
from sandbox.mollie.data import (
    CUSTOMER,
    MANDATE,
    MODES,
    ORGANISATION_TOKEN,
    OTHER_PROFILE,
    PROFILE,
    READ_ONLY_TOKEN,
)
from sandbox.mollie.forms import (
    Create,
    Delete,
    Json,
    Problem,
    Update,
    check,
    check_collection,
    check_invoice,
    hal,
    nonexistent,
    parsed,
    wrong,
)
from sandbox.mollie.invoice import Invoice, figures, invoice_dto, link, money
from sandbox.mollie.keys import Name
from sandbox.mollie.pages import pages
from sandbox.mollie.words import Assumed, Step, Told

PATH = "/v2/sales-invoices"
_LIST_PAGE = "https://docs.mollie.com/reference/list-sales-invoices"


@dataclass(frozen=True)
class Caller:
    """Who calls: in which mode, and for which profile unless it is for all of them."""

    mode: str
    profile: str | None


Handle = Callable[[Ask, Caller, Json], Response]


class Routes:
    """Handlers over the books; `url` is where they are reached, `revoked` who may no more come."""

    def __init__(self, books: Books, url: Callable[[], str], revoked: set[str]) -> None:
        self._books = books
        self._url = url
        self._revoked = revoked

    @property
    def _assumed(self) -> Assumed:
        return self._books.assumed

    def all(self) -> Sequence[Way]:
        """Every route of Mollie's that this stand-in has."""
        one, way = PATH + "/{id}", self._way
        return [
            way("POST", PATH, Step.CREATE, self._create),
            way("GET", PATH, Step.FIND, self._list),
            way("GET", one, Step.READ, self._read),
            way("PATCH", one, Step.UPDATE, self._update),
            way("DELETE", one, Step.DELETE, self._delete),
            *pages(self._books),
        ]

    def _way(self, method: str, path: str, step: Step, handle: Handle) -> Way:
        return Way(method, path, step, partial(self._guarded, handle))

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
        name = idempotency_key(ask.call.method, ask.headers)
        lifetime = self._assumed.key_lifetime
        if name and (again := self._books.keys.replay(name, ask.call.path, body, lifetime)):
            ask.call.reference = self._books.reference(body)
            return again
        response = handle(ask, _caller(ask, token, body), body)
        if name:
            self._books.keys.keep(name, ask.call.path, body, response)
        return response

    def _token(self, ask: Ask) -> str:
        token = _bearer(ask.headers)
        known = {*MODES, ORGANISATION_TOKEN, READ_ONLY_TOKEN} - self._revoked
        if token not in known:
            raise Problem(401, "Missing authentication, or failed to authenticate")
        if token == READ_ONLY_TOKEN and ask.call.method != "GET":
            raise Problem(403, "The token lacks the scope sales-invoices.write")
        return token

    def _create(self, ask: Ask, caller: Caller, body: Json) -> Response:
        ask.call.reference = self._books.reference(body)
        check(body, Create)
        check_collection(body, body["status"])
        invoice = Invoice(
            asked={n: given for n, given in body.items() if n not in ("status", "testmode")},
            mode=caller.mode,
            profile=_profile(caller, body),
            rounding=self._assumed.vat_rounding,
            reference=ask.call.reference,
        )
        self._check(invoice.asked)
        self._check_move(invoice.asked, body["status"])
        self._skew(ask, invoice)
        self._books.invoices[invoice.id] = invoice
        self._books.note(Effect.CREATED, invoice)
        self._books.move(invoice, body["status"], ask.told)
        return hal(self._shown(ask, invoice), 201)

    def _check(self, asked: Json) -> None:
        check_invoice(
            asked,
            merchant=self._assumed.merchant_country,
            one_stop_shop=self._assumed.one_stop_shop,
            locale=self._assumed.locale_required,
        )
        # Refuses discounts that exceed what they are taken from.
        figures(asked, self._assumed.vat_rounding)

    def _check_move(self, asked: Json, status: str) -> None:
        """What a status needs; that a recurring payment needs no paymentDetails is inferred (I)."""
        mailed = (
            asked.get("emailDetails") or asked.get("isEInvoice") or not self._assumed.email_required
        )
        if status == "issued" and not mailed:
            wrong("emailDetails", "The emailDetails are required for status issued")
        if status != "paid":
            return
        if not asked.get("paymentDetails") and not asked.get("customerId"):
            wrong("paymentDetails", "The paymentDetails are required for status paid")
        for name, known in (("customerId", CUSTOMER), ("mandateId", MANDATE)):
            if asked.get(name) not in (None, known):
                wrong(name, f"The {name} does not exist")

    def _read(self, ask: Ask, caller: Caller, body: Json) -> Response:
        return hal(self._shown(ask, self._of(ask, caller)))

    def _list(self, ask: Ask, caller: Caller, body: Json) -> Response:
        visible = [one for one in self._books.invoices.values() if _sees(caller, one)]
        if self._assumed.newest_first:
            visible.reverse()
        start, limit = _start(ask, visible), _limit(ask)
        page = visible[start : start + limit]
        links: dict[str, Json | None] = {
            "self": link(self._page_url(ask, ask.query.get("from"), limit)),
            "previous": self._neighbour(ask, visible, start - limit if start else None, limit),
            "next": self._neighbour(ask, visible, start + limit, limit),
            "documentation": link(_LIST_PAGE, "text/html"),
        }
        shown = [self._shown(ask, one) for one in page]
        embedded = {self._assumed.list_name: shown}
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
        return f"{self._url()}{PATH}?" + urlencode(
            {n: v for n, v in query.items() if v is not None}
        )

    def _dto(self, invoice: Invoice) -> Json:
        return invoice_dto(invoice, self._books.word(invoice), self._url())

    def _shown(self, ask: Ask, invoice: Invoice) -> Json:
        """The invoice as this answer is to show it: the faults of this answer included."""
        shown = self._dto(invoice)
        if ask.call.step in (Step.READ, Step.FIND):
            if ask.told(Told.ISSUED_WITHOUT_NUMBER):
                shown |= {"status": "issued", "invoiceNumber": None}
            if ask.told(Told.E_INVOICE_FAILED):
                shown |= {"eInvoiceStatus": "failed"}
                shown |= {"status": "failed"} if self._assumed.e_invoice_in_status else {}
        if ask.call.step not in (Step.CREATE, Step.UPDATE) and (
            changed := ask.told(Told.CHANGED_AMOUNT)
        ):
            for name in ("subtotalAmount", "discountedSubtotalAmount", "totalAmount"):
                value = Decimal(shown[name]["value"]) + Decimal(changed.key or "0.01")
                shown[name] = money(value, invoice.currency)
        if unknown := ask.told(Told.UNKNOWN_STATUS):
            shown["status"] = unknown.key or "in-review"
        return shown

    def _update(self, ask: Ask, caller: Caller, body: Json) -> Response:
        invoice = self._of(ask, caller)
        check(body, Update)
        given = _given(body)
        status = body.get("status") or invoice.status
        self._check_edge(invoice, body.get("status"), given)
        asked = invoice.asked | given
        if invoice.status == "draft":
            self._check(asked)
        if status != invoice.status:
            self._check_move(asked, status)
        invoice.asked = asked
        if "lines" in given:
            # What it adds up to is worked out anew.
            invoice.skew = Decimal(0)
        self._skew(ask, invoice)
        if status == invoice.status == "paid":
            self._books.mail(invoice)
        elif status != invoice.status:
            self._books.move(invoice, status, ask.told)
        return hal(self._shown(ask, invoice))

    def _check_edge(self, invoice: Invoice, status: str | None, given: Json) -> None:
        """Refuse what this invoice's state does not allow; only documented edges are open."""
        now = self._books.state(invoice)
        edges: dict[str, Collection[str]] = {
            "draft": ("draft",),
            "issued": ("draft",),
            "paid": ("draft", *PAYABLE),
            "cancelled": self._assumed.cancels_from,
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

    def _delete(self, ask: Ask, caller: Caller, body: Json) -> Response:
        check(body, Delete)
        invoice = self._of(ask, caller)
        if invoice.status != "draft":
            raise Problem(422, "Only invoices with status draft can be deleted")
        self._books.delete(invoice)
        return Response(status_code=204)

    def _of(self, ask: Ask, caller: Caller) -> Invoice:
        invoice = self._books.invoices.get(ask.parameters["id"])
        if invoice is None or not _sees(caller, invoice):
            raise Problem(404, "No sales invoice exists with this token")
        ask.call.reference = invoice.reference
        return invoice

    def _skew(self, ask: Ask, invoice: Invoice) -> None:
        if ask.call.step in (Step.CREATE, Step.UPDATE) and (
            changed := ask.told(Told.CHANGED_AMOUNT)
        ):
            invoice.skew += Decimal(changed.key or "0.01")

    def show(self, invoice: Invoice) -> Json:
        """The invoice as a GET would show it, without any fault."""
        return self._dto(invoice)


def _bearer(headers: Mapping[str, str]) -> str:
    kind, _, token = headers.get("authorization", "").partition(" ")
    return token if kind.lower() == "bearer" else ""


def idempotency_key(method: str, headers: Mapping[str, str]) -> Name | None:
    """The idempotency key of a call; it is ignored unless the call is a POST."""
    key = headers.get("idempotency-key")
    return (_bearer(headers), key) if key and method == "POST" else None


def under_way(ask: Ask) -> Response:
    return Problem(409, "A request with this idempotency key is still being processed").answer()


def step_of(body: bytes) -> Step:
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
    mode = MODES.get(token)
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

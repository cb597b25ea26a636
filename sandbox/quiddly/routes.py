"""Quiddly's routes: who may come in, what is asked, what is answered."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import partial
from typing import Any

from starlette.responses import Response

from sandbox.kit.record import Effect
from sandbox.kit.server import Ask, Way
from sandbox.kit.wire import answer, decoded
from sandbox.quiddly.books import Books, client_of
from sandbox.quiddly.data import PASSWORD, SERVICE, SERVICE_TOKEN, USERS, Json, User
from sandbox.quiddly.forms import (
    Booked,
    Exported,
    Failed,
    Login,
    Overrides,
    Refusal,
    attachment,
    demand,
    form_parts,
    invalid,
    parsed,
)
from sandbox.quiddly.invoice import (
    Change,
    Invoice,
    Payment,
    altered,
    document_dto,
    invoice_dto,
    payment_dto,
    plain,
)
from sandbox.quiddly.words import Assumed, Step, Told

Handle = Callable[[Ask, User], Response]


class Routes:
    """Handlers over the books. `tokens` are those handed out, each with whose and until when it is
    good; `revoked` those that are good no more."""

    def __init__(
        self, books: Books, tokens: dict[str, tuple[User, float]], revoked: set[str]
    ) -> None:
        self._books = books
        self._tokens = tokens
        self._revoked = revoked

    @property
    def _assumed(self) -> Assumed:
        return self._books.assumed

    def all(self) -> Sequence[Way]:
        """Every route of Quiddly's that this stand-in has, the assumed ones included."""
        invoice, voucher = "/invoices/{id}", "/vouchers/{id}/external"
        way = self._way
        return [
            Way("POST", "/authenticate", Step.AUTHENTICATE, self._told(self._authenticate)),
            way("POST", "/invoices", Step.CREATE, self._create),
            way("POST", f"{invoice}/activate", Step.APPROVE, self._approve),
            way("POST", "/documents/invoice", Step.ATTACH, self._attach),
            way("GET", "/storage/{name}", Step.DOWNLOAD, self._download),
            way("GET", "/vouchers/external/export/payments", Step.FEED, self._feed),
            way("PUT", f"{voucher}/export", Step.ACKNOWLEDGE, self._acknowledge),
            way("PUT", f"{voucher}/bookkeep", Step.BOOK, self._book),
            way("GET", invoice, Step.READ, self._read),
            way("GET", "/invoices", Step.FIND, self._list),
            way("DELETE", invoice, Step.DELETE, self._delete),
        ]

    def _way(self, method: str, path: str, step: Step, handle: Handle) -> Way:
        return Way(method, path, step, self._told(lambda ask: handle(ask, self._user(ask))))

    def _told(self, handle: Callable[[Ask], Response]) -> Callable[[Ask], Response]:
        def guarded(ask: Ask) -> Response:
            refused = ask.told(Told.REFUSED)
            told = refused and Refusal("Told by the test", int(refused.key or 400)).answer()
            if refused and told and refused.when == "before":
                return told
            try:
                response = handle(ask)
            except Refusal as refusal:
                return refusal.answer(self._assumed.refusal_status)
            return told or response

        return guarded

    def _authenticate(self, ask: Ask) -> Response:
        body = _body(ask)
        demand(body, Login)
        user = USERS.get(body["username"])
        if user is None or body["password"] != PASSWORD:
            raise Refusal("Wrong user name or password", 401)
        token = f"ey{secrets.token_urlsafe(32)}"
        self._tokens[token] = user, time.monotonic() + self._assumed.token_lifetime
        return answer({"idToken": token, "tokenType": "Bearer"})

    def _user(self, ask: Ask) -> User:
        kind, _, token = ask.headers.get("authorization", "").partition(" ")
        known = {SERVICE_TOKEN: (SERVICE, float("inf"))} | self._tokens
        user, until = known.get(token, (None, 0.0))
        worthless = token in self._revoked or time.monotonic() >= until
        if user is None or worthless or kind.lower() != "bearer":
            raise Refusal("Missing authentication, or failed to authenticate", 401)
        return user

    def _create(self, ask: Ask, user: User) -> Response:
        body = _body(ask)
        if isinstance(number := body.get("invoiceNumber"), str):
            ask.call.reference = number
        invoice = self._books.draft(body, user)
        if changed := ask.told(Told.CHANGED_AMOUNT):
            invoice.raise_by(Decimal(changed.key or "0.01"))
        if figure := ask.told(Told.CHANGED_FIGURE):
            invoice.changes.append(_change(figure.key))
        self._books.add(invoice)
        self._books.note(Effect.CREATED, invoice)
        return self._one(ask, invoice)

    def _approve(self, ask: Ask, user: User) -> Response:
        given = {name: value for name, value in _body(ask).items() if value is not None}
        demand(given, Overrides)
        invoice = self._of(ask, user)
        if invoice.activated_at is not None:
            if self._assumed.activates_again:
                return self._one(ask, invoice)
            raise Refusal("The invoice is activated already")
        asked = invoice.asked | given
        if wrong := self._books.wrong_together(asked):
            raise invalid(wrong)
        unactivated = ask.told(Told.UNACTIVATED)
        if not (unactivated and unactivated.when == "before"):
            debit = self._books.credited(invoice)
            invoice.asked = asked
            self._books.activate(invoice, user, debit)
        return self._one(ask, invoice)

    def _attach(self, ask: Ask, user: User) -> Response:
        """A PDF of the caller's own; once activated an invoice can no longer be changed (I)."""
        parts = form_parts(ask.body, ask.headers.get("content-type", ""))
        given, about, file = attachment(parts)
        client, invoice = client_of(user, given), self._books.invoices.get(about)
        if invoice is None or invoice.client != client:
            raise unknown()
        ask.call.reference = invoice.number
        if invoice.activated_at is not None:
            raise Refusal("The invoice is activated already")
        if file.content != self._books.attachment(invoice):
            self._books.note(Effect.ATTACHED, invoice)
        name = secrets.token_hex(16)
        self._books.files[name] = invoice.client, file.content
        # The later one takes the place of the earlier one: there is one name for it (I).
        invoice.documents["attachment"] = name
        invoice.files += 1
        return answer(document_dto(invoice, name, file.file_name, user.name))

    def _download(self, ask: Ask, user: User) -> Response:
        client, content = self._books.files.get(ask.parameters["name"], ("", b""))
        if not client or user.client not in (None, client):
            raise unknown()
        return Response(content, media_type="application/pdf")

    def _feed(self, ask: Ask, user: User) -> Response:
        """The payments nobody has acknowledged, oldest first (I)."""
        waiting = [
            payment_dto(one, locale_is_base=self._assumed.locale_is_base)
            for one in self._books.payments.values()
            if one.external_id is None and user.client in (None, one.invoice.client)
        ]
        shown = _page(ask, waiting)
        if changed := ask.told(Told.CHANGED_AMOUNT):
            for one in shown:
                one["amount"] += Decimal(changed.key or "0.01")
        return answer(plain(self._altered(ask, shown)))

    def _acknowledge(self, ask: Ask, user: User) -> Response:
        """Out of the feed; what is answered is not documented (U)."""
        body = _body(ask)
        demand(body, Exported)
        payment = self._payment(ask, user)
        if payment.external_id is not None and not self._assumed.acknowledges_again:
            raise Refusal("The voucher is exported already")
        payment.external_id = body["externalId"]
        payment.exported += 1
        return answer({})

    def _book(self, ask: Ask, user: User) -> Response:
        """Booked, or failed; either comes after the export, as in the guide (I)."""
        body = _body(ask)
        demand(body, Failed if "errorMessage" in body else Booked)
        payment = self._payment(ask, user)
        if payment.external_id is None:
            raise Refusal("The voucher is not exported yet")
        ended = payment.booked or payment.error is not None
        if ended and not self._assumed.acknowledges_again:
            raise Refusal("The voucher is booked already")
        payment.error = body.get("errorMessage")
        payment.booked += payment.error is None
        return answer({})

    def _payment(self, ask: Ask, user: User) -> Payment:
        payment = self._books.payments.get(ask.parameters["id"])
        if payment is None or user.client not in (None, payment.invoice.client):
            raise unknown()
        ask.call.reference = payment.invoice.number
        return payment

    def _read(self, ask: Ask, user: User) -> Response:
        self._demand(there=self._assumed.reads)
        return self._one(ask, self._of(ask, user))

    def _list(self, ask: Ask, user: User) -> Response:
        self._demand(there=self._assumed.lists)
        number = ask.query.get("invoiceNumber")
        ask.call.reference = number
        found = [
            self._shown(ask, one)
            for one in self._books.invoices.values()
            if number in (None, one.number) and user.client in (None, one.client)
        ]
        return answer(plain(self._altered(ask, _page(ask, found, "invoiceNumber"))))

    def _delete(self, ask: Ask, user: User) -> Response:
        self._demand(there=self._assumed.deletes)
        invoice = self._of(ask, user)
        if invoice.activated_at is not None:
            raise Refusal("Only drafts can be deleted")
        self._books.discard(invoice)
        return Response(status_code=204)

    def _demand(self, *, there: bool) -> None:
        if not there:
            raise unknown()

    def _of(self, ask: Ask, user: User) -> Invoice:
        invoice = self._books.invoices.get(ask.parameters["id"])
        if invoice is None or user.client not in (None, invoice.client):
            raise unknown()
        ask.call.reference = invoice.number
        return invoice

    def _one(self, ask: Ask, invoice: Invoice) -> Response:
        shown = self._shown(ask, invoice)
        # What a create changes is stored, and has been shown by that.
        kept = ask.call.step == Step.CREATE
        return answer(plain(shown if kept else self._altered(ask, shown)))

    def _dto(self, invoice: Invoice) -> Json:
        shown = invoice_dto(invoice, locale_is_base=self._assumed.locale_is_base)
        altered(shown, invoice.changes)
        return shown

    def _shown(self, ask: Ask, invoice: Invoice) -> Json:
        """The invoice as this answer is to show it: the faults of this answer included."""
        shown = self._dto(invoice)
        if unknown := ask.told(Told.UNKNOWN_STATUS):
            shown["statuses"]["main"] = unknown.key or "UNDER_REVIEW"
        if unknown := ask.told(Told.UNKNOWN_LEDGER):
            shown["statuses"]["ledger"] = unknown.key or "WRITTEN_OFF"
        if ask.told(Told.UNACTIVATED):
            shown |= {"activatedDate": None, "activatedById": None}
            shown["statuses"] |= {"main": "CREATED", "ledger": None}
        if ask.call.step != Step.CREATE and (changed := ask.told(Told.CHANGED_AMOUNT)):
            for name in ("total", "totalExclVat", "totalToPay", "totalToPayBase"):
                shown["totals"][name] += Decimal(changed.key or "0.01")
        return shown

    def _altered(self, ask: Ask, shown: Any) -> Any:
        figure = ask.told(Told.CHANGED_FIGURE)
        return altered(shown, [_change(figure.key)]) if figure else shown

    def show(self, invoice: Invoice) -> Json:
        """The invoice as a GET would show it, without any fault."""
        return self._dto(invoice)


def unknown() -> Refusal:
    return Refusal("Not found", 404)


def _body(ask: Ask) -> Json:
    return parsed(ask.body, ask.headers.get("content-type", ""))


def _page(ask: Ask, found: Sequence[Json], *filters: str) -> list[Json]:
    """The asked-for page of a list; that 100 is the most on one is chosen here (U)."""
    wrong = {name: "is unknown" for name in ask.query if name not in ("page", "limit", *filters)}
    numbers = {"page": ask.query.get("page", "1"), "limit": ask.query.get("limit", "10")}
    for name, given in numbers.items():
        if not re.fullmatch(r"[1-9]\d{0,5}", given) or (name == "limit" and int(given) > 100):
            wrong[name] = "should be a number from 1"
    if wrong:
        raise invalid(wrong)
    page, limit = int(numbers["page"]), int(numbers["limit"])
    return list(found[(page - 1) * limit : page * limit])


def _change(key: str | None) -> Change:
    """What `Told.CHANGED_FIGURE` asks for."""
    path, sign, rest = re.split(r"([=+-]|$)", key or "totals.total", maxsplit=1)
    if sign == "=":
        return path, partial(_put, _literal(rest))
    by = Decimal(sign + rest) if sign else Decimal("0.01")
    return path, partial(_raised, by)


def _put(value: Any, shown: Any) -> Any:
    return value


def _raised(by: Decimal, shown: Any) -> Any:
    return shown + by


def _literal(text: str) -> Any:
    try:
        return decoded(text.encode())
    except ValueError:
        return text

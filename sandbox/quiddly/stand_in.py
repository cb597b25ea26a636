"""The stand-in itself: see the package."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from functools import partial
from typing import Any, Literal

from starlette.requests import Request
from starlette.responses import Response

from sandbox.kit.faults import Faults
from sandbox.kit.record import Effect, Entry, Ledger
from sandbox.kit.server import Ask, StandIn, Way
from sandbox.kit.wire import answer, decoded
from sandbox.quiddly.data import (
    CLIENTS,
    PASSWORD,
    SERVICE,
    SERVICE_TOKEN,
    USERS,
    Json,
    User,
)
from sandbox.quiddly.forms import (
    Refusal,
    attachment,
    check_booked,
    check_exported,
    check_login,
    check_overrides,
    form_parts,
    invalid,
    parsed,
    wrong_in_create,
    wrong_together,
)
from sandbox.quiddly.invoice import (
    LADDER,
    NOTHING,
    ZONE,
    Change,
    Invoice,
    Payment,
    Rounding,
    altered,
    contradictions,
    document_dto,
    invoice_dto,
    payment_dto,
    pdf,
    plain,
    summed,
)


class Step(StrEnum):
    """The steps by which calls are counted and faults are placed."""

    AUTHENTICATE = "authenticate"
    CREATE = "create"
    APPROVE = "approve"
    """The activate route: from there on only a credit invoice takes the invoice back."""
    ATTACH = "attach"
    DOWNLOAD = "download"
    FEED = "feed"
    ACKNOWLEDGE = "acknowledge"
    BOOK = "book"
    READ = "read"
    FIND = "find"
    """The list."""
    DELETE = "delete"


class Told(StrEnum):
    """The faults that only this provider's words can express; `key` changes the word."""

    REFUSED = "refused"
    """A refusal of status `key` (400); `before` nothing is done, `after` it is."""
    UNKNOWN_STATUS = "unknown_status"
    """The answer calls the main status `key` ("UNDER_REVIEW"), a word nobody documented."""
    UNKNOWN_LEDGER = "unknown_ledger"
    """The answer calls the ledger status `key` ("WRITTEN_OFF")."""
    UNACTIVATED = "unactivated"
    """At `approve`: 200, and no activation in the answer; `before` nothing is done, `after` it is.
    At `read` and `find` only the answer says so."""
    CHANGED_AMOUNT = "changed_amount"
    """At `create`: stored `key` (0.01) too high, net and gross. Elsewhere only this answer says
    so; in the feed, of every payment."""
    CHANGED_FIGURE = "changed_figure"
    """Any value of the answer: `key` is its path with what becomes of it, `totals.total+0.01`,
    `currency.invoiceCurrency=EUR`, `0.amount=5` (in lists of invoices or payments). At `create`
    later answers have it too, elsewhere only this one."""


@dataclass
class Assumed:
    """What the pages do not say (U), as it is to be here; may be changed at any time."""

    reads: bool = False
    """Whether `GET /invoices/{id}` exists."""
    lists: bool = False
    """Whether `GET /invoices` exists, with `invoiceNumber`, `page` and `limit`, oldest first."""
    deletes: bool = False
    """Whether `DELETE /invoices/{id}` exists, for drafts; it answers 204."""
    unique_numbers: bool = False
    """Whether an invoice number may be used once only, per client."""
    refusal_status: int = 400
    """Of a request that is not valid, or does not fit the invoice's state."""
    arithmetic: Literal["refuses", "restates", "keeps"] = "refuses"
    """What happens to figures that do not add up: the request is refused, or they are replaced by
    figures of its own, or they are kept as they came."""
    vat_rounding: Rounding = "row"
    """VAT is rounded per row, so that `vats` add up to the rows, or per rate."""
    rounds_off: bool = False
    """Whether what is to be paid is rounded to whole units here, which fills `totalRoundOff`."""
    price_decimals: int = 4
    credit_types: tuple[str, ...] = ("CREDIT_INVOICE",)
    """What `type` may be beside INVOICE; such an invoice needs `debitInvoiceNumber`."""
    checks_identification: bool = True
    """Whether Swedish identification numbers are checked; that of the page's example is wrong."""
    checks_reach: bool = True
    """Whether EMAIL needs an e-mail address and LETTER an invoice address (I)."""
    activated_status: str = "ACTIVATED"
    """The main status after activation; CREATED is the only documented one."""
    activates_again: bool = False
    """Whether a second activation is answered like the first; it never does anything."""
    acknowledges_again: bool = True
    """Whether a payment can be acknowledged or booked more than once."""
    locale_is_base: bool = True
    """Whether "locale" amounts are in the base currency, or in that of the invoice."""
    reminder_fee: Decimal = Decimal(60)
    """What reaching REMINDER adds to the reminder balance."""
    aliases: tuple[str, ...] = ("ourOrderNumber", "ourReference", "remark")
    """For tests alone: fields by whose text an invoice is found where no number fits."""


Handle = Callable[[Ask, User], Response]


class QuiddlyStandIn(StandIn):
    """Quiddly as its pages describe it, state and all.

    Args:
        distribution_delay: seconds from activation until it is sent; inf: never.
        token_lifetime: seconds; documented are 86400. A service token never ends.
        assumed: what the pages leave open.
        faults: a plan made earlier, such as `Faults.drawn(seed, list(Step))`.
    """

    steps = Step
    told = frozenset(Told)

    def __init__(
        self,
        *,
        distribution_delay: float = 0.1,
        token_lifetime: float = 86_400.0,
        assumed: Assumed | None = None,
        faults: Faults | None = None,
    ) -> None:
        super().__init__(faults)
        self.distribution_delay = distribution_delay
        self.token_lifetime = token_lifetime
        self.assumed = assumed or Assumed()
        self._names: dict[str, set[str]] = {}
        self.ledger = _Named(self._names)
        self._invoices: dict[str, Invoice] = {}
        self._payments: dict[str, Payment] = {}
        self._files: dict[str, tuple[str, bytes]] = {}
        self._tokens: dict[str, tuple[User, float]] = {}
        self._revoked: set[str] = set()

    # For tests.

    def invoice(self, reference: str) -> Json:
        """The latest invoice known by this, as a GET would show it; LookupError if none."""
        return self._dto(self._latest(reference))

    def attachment(self, reference: str) -> bytes | None:
        """The caller's own PDF that the latest invoice known by this has."""
        return self._attachment(self._latest(reference))

    def pay(self, reference: str, amount: Decimal | None = None) -> None:
        """The buyer pays, which shows in the feed; ValueError where nothing can be paid."""
        invoice = self._latest(reference)
        if invoice.activated_at is None or invoice.debit:
            raise ValueError("only activated invoices are paid")
        owed = invoice.balance
        paid = owed if amount is None else amount
        if paid <= 0:
            raise ValueError("nothing is paid")
        payment = Payment(paid, invoice, _today())
        self._payments[payment.id] = payment
        invoice.settle(paid)
        invoice.financial = payment.on
        if owed and not invoice.balance:
            self._note(Effect.PAID, invoice)

    def payments(self, reference: str) -> tuple[Payment, ...]:
        """What was paid for the latest invoice known by this, oldest first."""
        invoice = self._latest(reference)
        return tuple(one for one in self._payments.values() if one.invoice is invoice)

    def advance(self, reference: str, word: str | None = None) -> None:
        """Climb the dunning ladder to `word`, or by one; ValueError for a draft or the top."""
        invoice = self._latest(reference)
        if invoice.ledger is None:
            raise ValueError("only activated invoices are reminded of")
        following = LADDER[LADDER.index(invoice.ledger) + 1 :]
        if not following or word not in (None, *following):
            raise ValueError(f"{word or 'nothing'} does not follow {invoice.ledger}")
        invoice.ledger = word or following[0]
        invoice.performed = _today()
        if invoice.ledger == "REMINDER":
            invoice.balances["reminder"] += self.assumed.reminder_fee

    def pause(self, reference: str, until: date | None) -> None:
        """Let its handling rest until a day; None: no longer."""
        self._latest(reference).paused_until = until

    def discard(self, reference: str) -> None:
        """Somebody deletes its draft by hand; ValueError once it is activated."""
        self._drop(self._latest(reference))

    def finish(self, reference: str) -> None:
        """End its distribution now, if one is under way."""
        self._due(self._latest(reference))

    def revoke_tokens(self) -> None:
        """Make every token handed out so far worthless: the next call gets a 401."""
        self._tokens.clear()

    def revoke(self, token: str) -> None:
        """Make one token worthless, the service account's for instance."""
        self._revoked.add(token)

    def forget(self) -> None:
        """Drop invoices, payments and files; tokens stay."""
        for state in (self._invoices, self._payments, self._files, self._names):
            state.clear()

    # Routes.

    def ways(self) -> Sequence[Way]:
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

    def lost(self, request: Request) -> Response:
        """What no route answers is refused like everything else."""
        return _unknown().answer()

    # Gateway: who may come in, and how it is refused.

    def _told(self, handle: Callable[[Ask], Response]) -> Callable[[Ask], Response]:
        def guarded(ask: Ask) -> Response:
            refused = ask.told(Told.REFUSED)
            told = refused and Refusal("Told by the test", int(refused.key or 400)).answer()
            if refused and told and refused.when == "before":
                return told
            try:
                response = handle(ask)
            except Refusal as refusal:
                return refusal.answer(self.assumed.refusal_status)
            return told or response

        return guarded

    def _authenticate(self, ask: Ask) -> Response:
        body = _body(ask)
        check_login(body)
        user = USERS.get(body["username"])
        if user is None or body["password"] != PASSWORD:
            raise Refusal("Wrong user name or password", 401)
        token = f"ey{secrets.token_urlsafe(32)}"
        self._tokens[token] = user, time.monotonic() + self.token_lifetime
        return answer({"idToken": token, "tokenType": "Bearer"})

    def _user(self, ask: Ask) -> User:
        kind, _, token = ask.headers.get("authorization", "").partition(" ")
        known = {SERVICE_TOKEN: (SERVICE, float("inf"))} | self._tokens
        user, until = known.get(token, (None, 0.0))
        worthless = token in self._revoked or time.monotonic() >= until
        if user is None or worthless or kind.lower() != "bearer":
            raise Refusal("Missing authentication, or failed to authenticate", 401)
        return user

    # Creating.

    def _create(self, ask: Ask, user: User) -> Response:
        body = _body(ask)
        if isinstance(number := body.get("invoiceNumber"), str):
            ask.call.reference = number
        invoice = self._drafted(body, user)
        if changed := ask.told(Told.CHANGED_AMOUNT):
            invoice.raise_by(Decimal(changed.key or "0.01"))
        if figure := ask.told(Told.CHANGED_FIGURE):
            invoice.changes.append(_change(figure.key))
        self._keep(invoice)
        self._note(Effect.CREATED, invoice)
        return self._one(ask, invoice)

    def _drafted(self, body: Json, user: User) -> Invoice:
        """The invoice a body asks for, or a Refusal with everything that is wrong with it."""
        types = ("INVOICE", *self.assumed.credit_types)
        if wrong := wrong_in_create(body, types, self.assumed.price_decimals):
            raise invalid(wrong)
        client = _client(user, body.get("clientId"))
        wrong = self._wrong_together(body) | self._wrong_number(body, client)
        sums = summed(body, self.assumed.vat_rounding, rounds_off=self.assumed.rounds_off)
        if self.assumed.arithmetic == "refuses":
            wrong |= contradictions(body, sums)
        if wrong:
            raise invalid(wrong)
        restated = self.assumed.arithmetic != "keeps"
        return Invoice(asked=body, client=client, creator=user.name, sums=sums, restated=restated)

    def _wrong_together(self, asked: Json) -> dict[str, str]:
        return wrong_together(
            asked,
            identification=self.assumed.checks_identification,
            reachable=self.assumed.checks_reach,
        )

    def _wrong_number(self, body: Json, client: str) -> dict[str, str]:
        """Numbers are the caller's own. Whom a credit invoice credits must be known (I)."""
        wrong = {}
        if self.assumed.unique_numbers and self._numbered(body["invoiceNumber"], client):
            wrong["invoiceNumber"] = "is used by another invoice"
        debit = body.get("debitInvoiceNumber")
        if debit is None and body.get("type") in self.assumed.credit_types:
            wrong["debitInvoiceNumber"] = "is required for a credit invoice"
        if debit is not None and not self._numbered(debit, client):
            wrong["debitInvoiceNumber"] = "is not the number of an invoice"
        return wrong

    def _numbered(self, number: str, client: str) -> list[Invoice]:
        stored = self._invoices.values()
        return [one for one in stored if (one.number, one.client) == (number, client)]

    def _keep(self, invoice: Invoice) -> None:
        """Store it, with its preview, and remember by what else it may be asked for."""
        invoice.documents["invoicePreview"] = self._store(invoice, "Preview of")
        self._invoices[invoice.id] = invoice
        for name in (invoice.asked.get(field) for field in self.assumed.aliases):
            # A credit invoice may carry the names of what it credits; that keeps them.
            if name and not (invoice.debit and name in self._names):
                self._names.setdefault(name, set()).add(invoice.id)

    # Activating.

    def _approve(self, ask: Ask, user: User) -> Response:
        given = {name: value for name, value in _body(ask).items() if value is not None}
        check_overrides(given)
        invoice = self._of(ask, user)
        if invoice.activated_at is not None:
            if self.assumed.activates_again:
                return self._one(ask, invoice)
            raise Refusal("The invoice is activated already")
        asked = invoice.asked | given
        if wrong := self._wrong_together(asked):
            raise invalid(wrong)
        unactivated = ask.told(Told.UNACTIVATED)
        if not (unactivated and unactivated.when == "before"):
            debit = self._debit(invoice)
            invoice.asked = asked
            self._activate(invoice, user, debit)
        return self._one(ask, invoice)

    def _debit(self, invoice: Invoice) -> Invoice | None:
        """The invoice it credits; one that is not activated cannot be credited (I)."""
        if invoice.debit is None:
            return None
        for debit in reversed(self._numbered(invoice.debit, invoice.client)):
            if debit.activated_at is not None:
                return debit
        raise Refusal("The debit invoice is not activated")

    def _activate(self, invoice: Invoice, user: User, debit: Invoice | None) -> None:
        invoice.activated_at, invoice.activated_by = datetime.now(ZONE), user.id
        invoice.main, invoice.financial = self.assumed.activated_status, _today()
        invoice.documents["invoice"] = self._store(invoice, "Invoice")
        if invoice.files:
            name = self._store(invoice, "Invoice and attachments of")
            invoice.documents["invoiceWithAttachments"] = name
        self._note(Effect.APPROVED, invoice)
        if debit is None:
            invoice.ledger, invoice.performed = LADDER[0], _today()
            invoice.balances["capital"] = invoice.total("totalToPay")
        else:
            self._credit(debit, abs(invoice.gross))
        if invoice.asked.get("distributionCode"):
            invoice.due = partial(self._note, Effect.SENT, invoice)
            self.later(self.distribution_delay, partial(self._due, invoice))

    def _credit(self, invoice: Invoice, amount: Decimal) -> None:
        """Lower what is owed, whichever sign the credit's amounts have (U)."""
        before = invoice.credited
        invoice.credited += amount
        invoice.balances["capital"] = max(invoice.balances["capital"] - amount, NOTHING)
        if before < invoice.gross <= invoice.credited:
            self._note(Effect.CREDITED, invoice)

    def _due(self, invoice: Invoice) -> None:
        due, invoice.due = invoice.due, None
        if due is not None:
            due()

    # Documents.

    def _attach(self, ask: Ask, user: User) -> Response:
        """A PDF of the caller's own; once activated an invoice can no longer be changed (I)."""
        parts = form_parts(ask.body, ask.headers.get("content-type", ""))
        given, about, file = attachment(parts)
        client, invoice = _client(user, given), self._invoices.get(about)
        if invoice is None or invoice.client != client:
            raise _unknown()
        ask.call.reference = invoice.number
        if invoice.activated_at is not None:
            raise Refusal("The invoice is activated already")
        if file.content != self._attachment(invoice):
            self._note(Effect.ATTACHED, invoice)
        name = secrets.token_hex(16)
        self._files[name] = invoice.client, file.content
        # The later one takes the place of the earlier one: there is one name for it (I).
        invoice.documents["attachment"] = name
        invoice.files += 1
        return answer(document_dto(invoice, name, file.file_name, user.name))

    def _attachment(self, invoice: Invoice) -> bytes | None:
        _, content = self._files.get(invoice.documents.get("attachment", ""), ("", None))
        return content

    def _store(self, invoice: Invoice, what: str) -> str:
        name = secrets.token_hex(16)
        self._files[name] = invoice.client, pdf(f"{what} {invoice.number}")
        return name

    def _download(self, ask: Ask, user: User) -> Response:
        client, content = self._files.get(ask.parameters["name"], ("", b""))
        if not client or user.client not in (None, client):
            raise _unknown()
        return Response(content, media_type="application/pdf")

    # The feed.

    def _feed(self, ask: Ask, user: User) -> Response:
        """The payments nobody has acknowledged, oldest first (I)."""
        waiting = [
            payment_dto(one, locale_is_base=self.assumed.locale_is_base)
            for one in self._payments.values()
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
        check_exported(body)
        payment = self._payment(ask, user)
        if payment.external_id is not None and not self.assumed.acknowledges_again:
            raise Refusal("The voucher is exported already")
        payment.external_id = body["externalId"]
        payment.exported += 1
        return answer({})

    def _book(self, ask: Ask, user: User) -> Response:
        """Booked, or failed; either comes after the export, as in the guide (I)."""
        body = _body(ask)
        check_booked(body)
        payment = self._payment(ask, user)
        if payment.external_id is None:
            raise Refusal("The voucher is not exported yet")
        ended = payment.booked or payment.error is not None
        if ended and not self.assumed.acknowledges_again:
            raise Refusal("The voucher is booked already")
        payment.error = body.get("errorMessage")
        payment.booked += payment.error is None
        return answer({})

    def _payment(self, ask: Ask, user: User) -> Payment:
        payment = self._payments.get(ask.parameters["id"])
        if payment is None or user.client not in (None, payment.invoice.client):
            raise _unknown()
        ask.call.reference = payment.invoice.number
        return payment

    # What is not documented, and off unless switched on.

    def _read(self, ask: Ask, user: User) -> Response:
        self._demand(there=self.assumed.reads)
        return self._one(ask, self._of(ask, user))

    def _list(self, ask: Ask, user: User) -> Response:
        self._demand(there=self.assumed.lists)
        number = ask.query.get("invoiceNumber")
        ask.call.reference = number
        found = [
            self._shown(ask, one)
            for one in self._invoices.values()
            if number in (None, one.number) and user.client in (None, one.client)
        ]
        return answer(plain(self._altered(ask, _page(ask, found, "invoiceNumber"))))

    def _delete(self, ask: Ask, user: User) -> Response:
        self._demand(there=self.assumed.deletes)
        invoice = self._of(ask, user)
        if invoice.activated_at is not None:
            raise Refusal("Only drafts can be deleted")
        self._drop(invoice)
        return Response(status_code=204)

    def _drop(self, invoice: Invoice) -> None:
        if invoice.activated_at is not None:
            raise ValueError("only drafts can be deleted")
        del self._invoices[invoice.id]
        self._note(Effect.DELETED, invoice)

    def _demand(self, *, there: bool) -> None:
        if not there:
            raise _unknown()

    # What the handlers share.

    def _of(self, ask: Ask, user: User) -> Invoice:
        invoice = self._invoices.get(ask.parameters["id"])
        if invoice is None or user.client not in (None, invoice.client):
            raise _unknown()
        ask.call.reference = invoice.number
        return invoice

    def _latest(self, reference: str) -> Invoice:
        latest_first = list(reversed(self._invoices.values()))
        known = self._names.get(reference, set()) | {reference}
        by_number = (one for one in latest_first if one.number == reference)
        by_name = (one for one in latest_first if one.id in known)
        invoice = next(by_number, None) or next(by_name, None)
        if invoice is None:
            raise LookupError(f"no invoice {reference}")
        return invoice

    def _one(self, ask: Ask, invoice: Invoice) -> Response:
        shown = self._shown(ask, invoice)
        # What a create changes is stored, and has been shown by that.
        kept = ask.call.step == Step.CREATE
        return answer(plain(shown if kept else self._altered(ask, shown)))

    def _dto(self, invoice: Invoice) -> Json:
        shown = invoice_dto(invoice, locale_is_base=self.assumed.locale_is_base)
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

    def _note(self, effect: Effect, invoice: Invoice) -> None:
        number = invoice.number
        self.ledger.add(effect, invoice.id, reference=number, number=number, gross=invoice.gross)


class _Named(Ledger):
    """A ledger that knows other names of an invoice, tried where no reference fits."""

    def __init__(self, names: dict[str, set[str]]) -> None:
        super().__init__()
        self._ids = names

    def of(self, reference: str) -> tuple[Entry, ...]:
        known = self._ids.get(reference, set()) | {reference}
        named = (entry for entry in self.entries if entry.invoice_id in known)
        return super().of(reference) or tuple(named)


def _today() -> date:
    return datetime.now(ZONE).date()


def _unknown() -> Refusal:
    return Refusal("Not found", 404)


def _body(ask: Ask) -> Json:
    return parsed(ask.body, ask.headers.get("content-type", ""))


def _client(user: User, given: str | None) -> str:
    """For which client a call is; who is no client-type user has to say so (S)."""
    client = given or user.client
    if client is None:
        raise invalid({"clientId": "is required"})
    if client not in CLIENTS or user.client not in (None, client):
        raise invalid({"clientId": "is not a client of yours"})
    return client


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
        value = _literal(rest)
        return path, lambda _: value
    by = Decimal(sign + rest) if sign else Decimal("0.01")
    return path, lambda amount: amount + by


def _literal(text: str) -> Any:
    try:
        return decoded(text.encode())
    except ValueError:
        return text

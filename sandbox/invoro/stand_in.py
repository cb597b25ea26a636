"""The stand-in itself: see the package."""

from __future__ import annotations

import copy
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import partial
from typing import Any, Literal

from starlette.requests import Request
from starlette.responses import Response

from sandbox.invoro import data
from sandbox.invoro.data import (
    COMPANY,
    Entities,
    Json,
    Key,
)
from sandbox.invoro.forms import (
    CREATE,
    CREDIT_NOTE_PROFILES,
    LOOK_UP,
    Invalid,
    Refusal,
    enveloped,
    invalid,
    is_currency,
    is_moment,
    message,
    unsendable,
    wrong_in,
)
from sandbox.invoro.invoice import (
    STATES,
    Invoice,
    Unparsable,
    from_xml,
    iso,
    reference_in,
    resource,
)
from sandbox.invoro.totals import Rounding, breakdown, contradictions, nothing_in, summed
from sandbox.kit.faults import Faults
from sandbox.kit.record import Effect
from sandbox.kit.server import Ask, StandIn, Way
from sandbox.kit.wire import answer, decoded

BASE_PATH = "/invoice-api"


class Step(StrEnum):
    """The steps by which calls are counted and faults are placed."""

    CREATE = "create"
    IMPORT = "import"
    FIND = "find"
    READ = "read"
    APPROVE = "approve"
    """The send route: from there on only a credit note takes the invoice back."""
    DELETE = "delete"
    LOOKUP = "lookup"


class Told(StrEnum):
    """The faults that only this provider's words can express; `key` changes the word."""

    SERVER_FAILURE = "server_failure"
    """HTTP 500 in the documented envelope; `before` nothing is done, `after` it is."""
    UNKNOWN_STATUS = "unknown_status"
    """The answer calls the invoice's state `key` ("inreview"), a word nobody documented."""
    UNKNOWN_PAYMENT_STATUS = "unknown_payment_status"
    """The answer calls its payment `key` ("in_dispute")."""
    CHANGED_AMOUNT = "changed_amount"
    """At `create`: stored `key` (1) cents too high. Elsewhere: only this answer says so."""
    SENT_WITHOUT_NUMBER = "sent_without_number"
    """At `approve`: it never gets a number. At `read`, `find`: this answer says sent, without."""
    ERRORS_IN_METADATA = "errors_in_metadata"
    """At `approve`: the sending fails with `key`. Elsewhere: this answer has the error `key`."""


@dataclass
class Assumed:
    """What the pages do not say (U), as it is to be here; may be changed at any time."""

    created_status: int = 201
    """The page lost its numbers. Also of an import."""
    send_status: int = 200
    send_answers: Literal["invoice", "message"] = "invoice"
    sendable: frozenset[str] = frozenset({"draft", "approved"})
    """The states that may be sent; whether `failed` is one of them is not said."""
    payment_words: tuple[str, str, str] = ("unpaid", "partially_paid", "paid")
    """`payment_status` of an invoice not paid at all, in part, in full."""
    amount_is: Literal["tax_inclusive_amount", "payable_amount"] = "tax_inclusive_amount"
    """Which of the totals `amount` is."""
    vat_rounding: Rounding = "category"
    """Whether VAT is rounded per row of the breakdown or per item."""
    series_at: Literal["header", "top"] = "header"
    """Where `invoice_number_series` stands: the page lists it in a second object `header`."""
    unique_numbers: bool = False
    """Whether an `invoice_number` may be used once only."""
    deleted_readable: bool = False
    """Whether a GET still shows a deleted draft, with `deleted_at`."""
    credited_state: str | None = None
    """The state an invoice takes once credit notes have taken all of it back; None: it stays."""
    test_delivers: bool = True
    """Whether an invoice of a test key gets beyond `sent`: nothing really goes out."""
    unconfirmed: frozenset[str] = frozenset()
    """Networks (peppol, ksef, email) over which nothing ever becomes `delivered`."""
    reaches_strangers: bool = True
    """Whether sending succeeds to Peppol ids that are no `participants`."""
    checks_rules: bool = True
    """Whether sending checks rules of EN 16931 and Peppol: "validated" is all that is said."""
    list_has_meta: bool = True
    """Whether a list brings `links` and `meta` beside `data`."""
    newest_first: bool = True
    """The order of a list."""
    reset_is: Literal["epoch", "seconds"] = "epoch"
    """What `X-RateLimit-Reset` counts: from 1970, or from now."""
    key_headers: frozenset[str] = frozenset({"authorization", "x-api-key"})
    """Two pages name one header each; by default both open the door."""
    reference_at: tuple[str, ...] = (
        "header.invoice_number",
        "references.sales_order",
        "header.buyer_reference",
    )
    """For the ledger alone: where callers put their reference, tried in this order."""


Handle = Callable[[Ask, Key], Response]


class InvoroStandIn(StandIn):
    """Invoro as its pages describe it, state and all.

    Args:
        sending_delay: seconds from the send call to `sent`; inf: never.
        delivery_delay: seconds from `sent` to `delivered`; inf: never.
        page_size: invoices per page of the list.
        rate_limit: calls per second and key; documented are 100.
        assumed: what the pages leave open.
        clock: the time in seconds that the rate limit goes by.
        faults: a plan made earlier, such as `Faults.drawn(seed, list(Step))`.
    """

    steps = Step
    told = frozenset(Told)

    def __init__(
        self,
        *,
        sending_delay: float = 0.1,
        delivery_delay: float = 0.1,
        page_size: int = 15,
        rate_limit: int = 100,
        assumed: Assumed | None = None,
        clock: Callable[[], float] = time.time,
        faults: Faults | None = None,
    ) -> None:
        super().__init__(faults)
        self.sending_delay = sending_delay
        self.delivery_delay = delivery_delay
        self.page_size = page_size
        self.rate_limit = rate_limit
        self.assumed = assumed or Assumed()
        self.keys = data.keys()
        self.participants = data.participants()
        self._clock = clock
        self._invoices: dict[str, Invoice] = {}
        self._drawn: Counter[tuple[bool, str, int]] = Counter()
        self._spent: dict[str, tuple[int, int]] = {}

    # For tests.

    @property
    def base_url(self) -> str:
        """What stands for https://api.invoro.eu/invoice-api."""
        return self.url + BASE_PATH

    def invoice(self, reference: str) -> Json:
        """The latest invoice known by this, as a GET would show it; LookupError if none."""
        return self._resource(self._latest(reference))

    def finish(self, reference: str) -> None:
        """End at once what is under way with it: a sending, a delivery."""
        invoice = self._latest(reference)
        while invoice.due:
            self._due(invoice, invoice.due)

    def deliver(self, reference: str) -> None:
        """Let the recipient have it now; ValueError unless it is being sent or sent."""
        invoice = self._under_way(reference)
        if invoice.state == "sending":
            self._sent(invoice)
        self._delivered(invoice)

    def fail(self, reference: str, reason: str = "The recipient could not be reached.") -> None:
        """Let the network give up on it; ValueError unless it is being sent or sent."""
        self._failed(self._under_way(reference), reason)

    def put(self, reference: str, state: str) -> None:
        """Do what no route does and the provider's application may: approve it, cancel it."""
        if state not in STATES:
            raise ValueError(f"no state {state!r}; there are {', '.join(STATES)}")
        invoice = self._latest(reference)
        invoice.due = None
        invoice.becomes(state)

    def pay(self, reference: str, amount: Decimal | None = None) -> None:
        """The buyer pays, in units of the currency; ValueError before it was ever sent."""
        invoice = self._latest(reference)
        if not invoice.final:
            raise ValueError(f"{invoice.state} invoices are not paid")
        left = invoice.total("payable_amount") - invoice.paid
        invoice.paid += left if amount is None else _in_cents(amount)
        invoice.touched()
        if left > 0 and invoice.paid >= invoice.total("payable_amount"):
            self._note(Effect.PAID, invoice)

    def forget(self) -> None:
        """Drop invoices, numbers and spent calls; keys and participants stay."""
        self._invoices.clear()
        self._drawn.clear()
        self._spent.clear()

    # Routes.

    def ways(self) -> Sequence[Way]:
        """Every route of Invoro's that this stand-in has."""
        invoice = "/invoices/{id}"
        create, read = "invoice:create", "invoice:read"
        return [
            self._way("POST", "/invoices", Step.CREATE, create, self._create),
            self._way("POST", "/invoices/import-xml", Step.IMPORT, create, self._import),
            self._way("GET", "/invoices", Step.FIND, read, self._find),
            self._way("GET", invoice, Step.READ, read, self._read),
            self._way("POST", f"{invoice}/send", Step.APPROVE, "invoice:send", self._send),
            self._way("DELETE", invoice, Step.DELETE, "invoice:delete", self._delete),
            self._way("POST", "/peppol/lookup", Step.LOOKUP, "participant:read", self._look_up),
        ]

    def _way(self, method: str, path: str, step: Step, scope: str, handle: Handle) -> Way:
        return Way(method, BASE_PATH + path, step, partial(self._answered, handle, scope))

    def lost(self, request: Request) -> Response:
        """A route that does not exist; it counts as a call and says so."""
        response = message(404, "Not Found.")
        spent = self._spend(self._secret(request.headers))
        response.headers.update(self._rate(spent))
        return response

    # The door: who comes in, how often, to do what.

    def _answered(self, handle: Handle, scope: str, ask: Ask) -> Response:
        """What the route answers, with the headers that stand on every answer."""
        secret = self._secret(ask.headers)
        spent = self._spend(secret)
        response = self._guarded(partial(self._enter, handle, scope, secret, spent, ask), ask)
        response.headers.update(self._rate(spent))
        return response

    def _enter(self, handle: Handle, scope: str, secret: str, spent: int, ask: Ask) -> Response:
        key = self.keys.get(secret)
        if spent > self.rate_limit:
            raise Refusal(429, "Too Many Attempts.")
        if key is None:
            raise Refusal(401, "Unauthenticated.")
        if scope not in key.scopes:
            raise Refusal(403, f"This API key lacks the required scope {scope}.")
        if key.company is None and ask.call.step != Step.LOOKUP:
            verb = "create" if scope == "invoice:create" else "access"
            raise Refusal(422, f"User must belong to a company to {verb} invoices.")
        return handle(ask, key)

    def _secret(self, headers: Mapping[str, str]) -> str:
        """The key that was shown, in either of the two headers; empty if none was."""
        kind, _, token = headers.get("authorization", "").partition(" ")
        if "authorization" in self.assumed.key_headers and kind.lower() == "bearer":
            return token.strip()
        return headers.get("x-api-key", "") if "x-api-key" in self.assumed.key_headers else ""

    def _spend(self, secret: str) -> int:
        """Count one call of this key in this second; how many that makes."""
        known = secret if secret in self.keys else ""
        second, before = self._spent.get(known, (0, 0))
        now = int(self._clock())
        count = before + 1 if second == now else 1
        self._spent[known] = (now, count)
        return count

    def _rate(self, spent: int) -> dict[str, str]:
        reset = int(self._clock()) + 1 if self.assumed.reset_is == "epoch" else 1
        return {
            "X-RateLimit-Limit": str(self.rate_limit),
            "X-RateLimit-Remaining": str(max(0, self.rate_limit - spent)),
            "X-RateLimit-Reset": str(reset),
        }

    def _guarded(self, handle: Callable[[], Response], ask: Ask) -> Response:
        failure = ask.told(Told.SERVER_FAILURE)
        if failure and failure.when == "before":
            return enveloped(500, "Server Error")
        response = _refusing(handle)
        return enveloped(500, "Server Error") if failure else response

    # Creating.

    def _create(self, ask: Ask, key: Key) -> Response:
        body = _json(ask)
        ask.call.reference = reference_in(body, self.assumed.reference_at)
        if wrong := wrong_in(body, CREATE[self.assumed.series_at]):
            raise Invalid(wrong)
        return self._created(ask, key, body)

    def _import(self, ask: Ask, key: Key) -> Response:
        """The sums of an import are computed (U); its refusals by status are the page's order."""
        if not ask.body.strip():
            raise Refusal(422, "The request body is empty.")
        kind = ask.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/xml":
            raise Refusal(422, "The request body must be application/xml.")
        try:
            body = from_xml(ask.body) | {"calculate_totals": True}
        except Unparsable:
            return enveloped(500, "Failed to import the UBL XML.")
        ask.call.reference = reference_in(body, self.assumed.reference_at)
        if wrong_in(body, CREATE["header"]):
            return enveloped(500, "Failed to import the UBL XML.")
        return self._created(ask, key, body)

    def _created(self, ask: Ask, key: Key, body: Json) -> Response:
        invoice = self._drafted(key, body)
        if changed := ask.told(Told.CHANGED_AMOUNT):
            _raise(invoice.ubl["totals"], int(changed.key or 1))
        self._invoices[invoice.id] = invoice
        self._note(Effect.CREATED, invoice)
        return self._one(ask, invoice, self.assumed.created_status)

    def _drafted(self, key: Key, body: Json) -> Invoice:
        """The draft a well-formed body asks for, or one Invalid with all that contradicts."""
        wrong = [*self._strangers(key, body), *self._profile(body), *nothing_in(body)]
        if wrong:
            raise _invalid(wrong)
        ubl = self._stored(body)
        entity, related = body.get("business_entity_id"), body.get("related_invoice_id")
        invoice = Invoice(
            ubl=ubl,
            company=key.company or COMPANY,
            live=key.live,
            series=self._series(body) or data.DEFAULT_SERIES,
            entity=entity or Entities.MAIN,
            related=related,
            reference=reference_in(body, self.assumed.reference_at),
        )
        if any(one.reference == invoice.reference for one in self._credited_by(invoice)):
            invoice.reference = None
        return invoice

    def _strangers(self, key: Key, body: Json) -> Sequence[tuple[str, str]]:
        """Ids, names and numbers that must be known, or must not be taken (I)."""
        wrong = []
        number = (body.get("header") or {}).get("invoice_number")
        related = body.get("related_invoice_id")
        if (entity := body.get("business_entity_id")) and entity not in data.ENTITIES:
            wrong.append(("business_entity_id", "is not a business entity of this company"))
        if related and all(one.id != related for one in self._of_key(key)):
            wrong.append(("related_invoice_id", "is not an invoice of this company"))
        if (series := self._series(body)) is not None and series not in data.SERIES:
            wrong.append(("header.invoice_number_series", "is not a number series"))
        if self.assumed.unique_numbers and number in {one.number for one in self._of_key(key)}:
            wrong += [("header.invoice_number", "has already been taken")] if number else []
        return wrong

    def _series(self, body: Json) -> str | None:
        holder = body.get("header") or {} if self.assumed.series_at == "header" else body
        series: str | None = holder.get("invoice_number_series")
        return series

    def _profile(self, body: Json) -> Sequence[tuple[str, str]]:
        """Invoice profiles are for type code 380, credit note profiles for 381, only."""
        header = body.get("header") or {}
        profile, code = header.get("document_type"), header.get("invoice_type_code") or "380"
        right = "381" if profile in CREDIT_NOTE_PROFILES else "380"
        if profile is None or code == right:
            return []
        return [("header.document_type", f"is only for type code {right}")]

    def _stored(self, body: Json) -> Json:
        """The body with its defaults (U) and sums; sent sums must be what they would be."""
        kept = ("calculate_totals", "business_entity_id", "related_invoice_id")
        ubl = {name: value for name, value in body.items() if name not in kept}
        ubl.pop("invoice_number_series", None)
        given = (body.get("header") or {}).items()
        header = {name: value for name, value in given if value not in (None, "")}
        header.pop("invoice_number_series", None)
        ubl["header"] = {
            "invoice_number": None,
            "invoice_type_code": "380",
            "currency": "EUR",
            "issue_date": iso(datetime.now(UTC)),
        } | header
        ubl.setdefault("seller", data.SELLER)
        sums = summed(body, self.assumed.vat_rounding)
        if not body.get("calculate_totals") and (wrong := [*contradictions(body, sums)]):
            raise _invalid(wrong)
        ubl["totals"] = sums.totals()
        ubl["tax_breakdown"] = breakdown(sums, body)
        return ubl

    # Reading.

    def _read(self, ask: Ask, key: Key) -> Response:
        return self._one(ask, self._of(ask, key, deleted=self.assumed.deleted_readable))

    def _find(self, ask: Ask, key: Key) -> Response:
        wish = dict(ask.query)
        ask.call.reference = wish.get("invoice_number")
        if wrong := {name: [problem] for name, problem in _wrong_filters(wish)}:
            raise Invalid(wrong)
        found = [one for one in self._of_key(key) if _wanted(one, wish)]
        if self.assumed.newest_first:
            found.reverse()
        page = int(wish.get("page", "1"))
        start = (page - 1) * self.page_size
        shown = [self._shown(ask, one) for one in found[start : start + self.page_size]]
        paging = self._paging(page, len(found), len(shown))
        return answer({"data": shown} | (paging if self.assumed.list_has_meta else {}))

    def _paging(self, page: int, total: int, shown: int) -> Json:
        """`links` and `meta` as its framework writes them unasked: without the filters (U)."""
        path, last = f"{self.base_url}/invoices", max(1, -(-total // self.page_size))
        first = (page - 1) * self.page_size + 1 if shown else None
        return {
            "links": {
                "first": f"{path}?page=1",
                "last": f"{path}?page={last}",
                "prev": f"{path}?page={page - 1}" if page > 1 else None,
                "next": f"{path}?page={page + 1}" if page < last else None,
            },
            "meta": {
                "current_page": page,
                "from": first,
                "last_page": last,
                "path": path,
                "per_page": self.page_size,
                "to": None if first is None else first + shown - 1,
                "total": total,
            },
        }

    def _one(self, ask: Ask, invoice: Invoice, status: int = 200) -> Response:
        return answer({"data": self._shown(ask, invoice)}, status)

    def _resource(self, invoice: Invoice) -> Json:
        unpaid, partly, paid = self.assumed.payment_words
        word = partly if invoice.paid else unpaid
        if invoice.paid and invoice.paid >= invoice.total("payable_amount"):
            word = paid
        # A copy: what is shown is a moment, and faults change it.
        return copy.deepcopy(resource(invoice, amount=self.assumed.amount_is, payment=word))

    def _shown(self, ask: Ask, invoice: Invoice) -> Json:
        """The invoice as this answer is to show it: the faults of this answer included."""
        shown = self._resource(invoice)
        if unknown := ask.told(Told.UNKNOWN_STATUS):
            shown["state"] = unknown.key or "inreview"
        if unknown := ask.told(Told.UNKNOWN_PAYMENT_STATUS):
            shown["payment_status"] = unknown.key or "in_dispute"
        if ask.call.step != Step.APPROVE:
            self._pretend(ask, shown)
        return shown

    def _pretend(self, ask: Ask, shown: Json) -> None:
        """The faults that at other steps change what is stored."""
        if ask.call.step in (Step.READ, Step.FIND) and ask.told(Told.SENT_WITHOUT_NUMBER):
            shown["state"] = "sent"
            shown["ubl_json"]["header"]["invoice_number"] = None
        if filled := ask.told(Told.ERRORS_IN_METADATA):
            kept = shown["metadata_json"] or {}
            shown["metadata_json"] = kept | {"error": _error(filled.key)}
        if ask.call.step != Step.CREATE and (changed := ask.told(Told.CHANGED_AMOUNT)):
            shown["amount"] += int(changed.key or 1)
            _raise(shown["ubl_json"]["totals"], int(changed.key or 1))

    # Sending, delivering, taking back.

    def _send(self, ask: Ask, key: Key) -> Response:
        if ask.body and _json(ask) not in ({}, []):
            raise Refusal(422, "The request has no body.")
        invoice = self._of(ask, key)
        if invoice.state not in self.assumed.sendable:
            raise Refusal(422, f"Invoice cannot be sent in state {invoice.state}.")
        network = _network(invoice)
        if self.assumed.checks_rules and (wrong := unsendable(invoice.ubl, network)):
            raise Invalid(wrong)
        if not invoice.number and not ask.told(Told.SENT_WITHOUT_NUMBER):
            self._number(invoice)
        self._sending(ask, invoice, network)
        if self.assumed.send_answers == "message":
            return message(self.assumed.send_status, "Invoice queued for sending.")
        return self._one(ask, invoice, self.assumed.send_status)

    def _sending(self, ask: Ask, invoice: Invoice, network: str | None) -> None:
        invoice.network, invoice.error = network, None
        invoice.becomes("sending")
        if not invoice.final:
            invoice.final = True
            self._note(Effect.APPROVED, invoice)
        failing = ask.told(Told.ERRORS_IN_METADATA)
        if failing or self._unreachable(invoice):
            reason = (failing and failing.key) or "The recipient is not registered on Peppol."
            self._soon(self.sending_delay, invoice, partial(self._failed, invoice, reason))
        else:
            self._soon(self.sending_delay, invoice, partial(self._sent, invoice))

    def _unreachable(self, invoice: Invoice) -> bool:
        if self.assumed.reaches_strangers or invoice.network != "peppol":
            return False
        endpoint = invoice.ubl["buyer"]["endpoint_id"]
        return f"{endpoint['scheme']}:{endpoint['value']}" not in self.participants

    def _number(self, invoice: Invoice) -> None:
        """The next free number of its series, per year of issue; live and test apart (I)."""
        header = invoice.ubl["header"]
        year = datetime.fromisoformat(header["issue_date"]).year
        place = (invoice.live, invoice.series, year)
        taken = {one.number for one in self._invoices.values() if one.live == invoice.live}
        while not header["invoice_number"] or header["invoice_number"] in taken:
            self._drawn[place] += 1
            prefix = data.SERIES[invoice.series]
            header["invoice_number"] = f"{prefix}-{year}-{self._drawn[place]:05}"

    def _sent(self, invoice: Invoice) -> None:
        invoice.due = None
        invoice.becomes("sent")
        self._note(Effect.SENT, invoice)
        self._credit(invoice)
        confirmed = invoice.network not in self.assumed.unconfirmed
        if confirmed and (invoice.live or self.assumed.test_delivers):
            self._soon(self.delivery_delay, invoice, partial(self._delivered, invoice))

    def _delivered(self, invoice: Invoice) -> None:
        invoice.due = None
        invoice.becomes("delivered")

    def _failed(self, invoice: Invoice, reason: str) -> None:
        invoice.due = None
        invoice.error = _error(reason)
        invoice.becomes("failed")

    def _credit(self, note: Invoice) -> None:
        """What a credit note takes back, of one invoice after the other.

        An invoice counts as credited once nothing is left of it. What the original does to it then
        is unknown: see `Assumed.credited_state`.
        """
        left = note.total("tax_inclusive_amount")
        for invoice in self._credited_by(note):
            open_ = invoice.total("tax_inclusive_amount") - invoice.credited
            taken = min(left, open_)
            invoice.credited += taken
            left -= taken
            if taken and taken == open_:
                self._note(Effect.CREDITED, invoice)
                if self.assumed.credited_state:
                    invoice.due = None
                    invoice.becomes(self.assumed.credited_state)

    def _credited_by(self, note: Invoice) -> list[Invoice]:
        """The invoices that a credit note names, by their id or their number."""
        if not note.note:
            return []
        references = note.ubl.get("references") or {}
        numbers = {one.get("number") for one in references.get("preceding_invoices") or []}
        named = (
            one
            for one in self._invoices.values()
            if one.id == note.related or (one.number and one.number in numbers)
        )
        same = (one for one in named if (one.live, one.company) == (note.live, note.company))
        return [one for one in same if one.final and not one.note]

    def _delete(self, ask: Ask, key: Key) -> Response:
        invoice = self._of(ask, key)
        if invoice.state != "draft":
            raise Refusal(422, "Only draft invoices can be deleted.")
        invoice.deleted_at = datetime.now(UTC)
        invoice.touched()
        self._note(Effect.DELETED, invoice)
        return message(200, "Invoice deleted successfully.")

    # Participants.

    def _look_up(self, ask: Ask, key: Key) -> Response:
        body = _json(ask)
        if wrong := wrong_in(body, LOOK_UP):
            raise Invalid(wrong)
        checked = data.candidates(body["query"])
        found = [self.participants[one] for one in checked if one in self.participants]
        result = {
            "found": bool(found),
            "query": body["query"],
            "candidates_checked": checked,
            "results": found,
            # The page describes this moment; its name was cut off (U).
            "looked_up_at": iso(datetime.now(UTC)),
        }
        return answer({"data": result})

    # What the handlers share.

    def _of_key(self, key: Key) -> list[Invoice]:
        """What this key may see, oldest first."""
        return [
            one
            for one in self._invoices.values()
            if (one.company, one.live) == (key.company, key.live) and one.deleted_at is None
        ]

    def _of(self, ask: Ask, key: Key, *, deleted: bool = False) -> Invoice:
        invoice = self._invoices.get(ask.parameters["id"])
        mine = invoice and (invoice.company, invoice.live) == (key.company, key.live)
        if not invoice or not mine or (invoice.deleted_at and not deleted):
            raise Refusal(404, "Invoice not found.")
        ask.call.reference = invoice.known_as
        return invoice

    def _latest(self, reference: str) -> Invoice:
        for invoice in reversed(self._invoices.values()):
            known = (invoice.reference, invoice.number, invoice.id)
            if reference in known and invoice.deleted_at is None:
                return invoice
        raise LookupError(f"no invoice {reference}")

    def _under_way(self, reference: str) -> Invoice:
        invoice = self._latest(reference)
        if invoice.state not in ("sending", "sent"):
            raise ValueError(f"it is {invoice.state}, neither sending nor sent")
        return invoice

    def _soon(self, seconds: float, invoice: Invoice, done: Callable[[], None]) -> None:
        invoice.due = done
        self.later(seconds, partial(self._due, invoice, done))

    def _due(self, invoice: Invoice, done: Callable[[], None]) -> None:
        """Unless something else has become of it meanwhile."""
        if invoice.due is done:
            invoice.due = None
            done()

    def _note(self, effect: Effect, invoice: Invoice) -> None:
        self.ledger.add(
            effect,
            invoice.id,
            reference=invoice.known_as,
            number=invoice.number,
            gross=Decimal(invoice.total("tax_inclusive_amount")).scaleb(-2),
        )


def _refusing(handle: Callable[[], Response]) -> Response:
    try:
        return handle()
    except Invalid as error:
        return invalid(error.wrong)
    except Refusal as refusal:
        return message(refusal.status, refusal.message)


def _invalid(wrong: Sequence[tuple[str, str]]) -> Invalid:
    return Invalid({at: [problem for where, problem in wrong if where == at] for at, _ in wrong})


def _json(ask: Ask) -> Any:
    kind = ask.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Refusal(422, "The request body must be application/json.")
    try:
        return decoded(ask.body)
    except ValueError:
        raise Refusal(422, "The request body is not JSON.") from None


def _network(invoice: Invoice) -> str | None:
    """How it will be delivered; the order of preference is inferred (I)."""
    buyer = invoice.ubl["buyer"]
    endpoint, contact = buyer.get("endpoint_id") or {}, buyer.get("contact") or {}
    if endpoint.get("scheme") and endpoint.get("value"):
        return "peppol"
    if (buyer.get("vat_number") or "").startswith("PL"):
        return "ksef"
    return "email" if contact.get("email") else None


def _error(text: str | None) -> Json:
    """The shape of error info is unknown (U)."""
    return {"code": "delivery_failed", "message": text or "The document was refused."}


def _raise(totals: Json, cents: int) -> None:
    untaxed = ("line_extension_amount", "tax_exclusive_amount")
    for name in (*untaxed, "tax_inclusive_amount", "payable_amount"):
        totals[name] += cents


def _in_cents(amount: Decimal) -> int:
    cents = amount.scaleb(2)
    if cents != cents.to_integral_value():
        raise ValueError("an amount has no fractions of a cent")
    return int(cents)


_FILTERS: Mapping[str, Callable[[str], str | None]] = {
    "status": lambda word: None if word in STATES else f"must be one of {', '.join(STATES)}",
    "currency": is_currency,
    "invoice_number": lambda number: None,
    "from_date": lambda text: _wrong_day(text),
    "to_date": lambda text: _wrong_day(text),
    "page": lambda text: None if text.isdecimal() and int(text) > 0 else "must be at least 1",
}


def _wrong_filters(wish: Mapping[str, str]) -> Sequence[tuple[str, str]]:
    unknown = [(name, "is not a filter of this list") for name in wish if name not in _FILTERS]
    checked = ((name, check(wish[name])) for name, check in _FILTERS.items() if name in wish)
    return [*unknown, *((name, problem) for name, problem in checked if problem)]


def _wrong_day(text: str) -> str | None:
    try:
        datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        return is_moment(text) and "must be an ISO 8601 date, or a date-time with an offset"
    return None


def _wanted(invoice: Invoice, wish: Mapping[str, str]) -> bool:
    """Days are whole days in UTC, both ends included (I)."""
    status, number = wish.get("status"), wish.get("invoice_number")
    start, end = wish.get("from_date"), wish.get("to_date")
    return (
        status in (None, invoice.state)
        and number in (None, invoice.number)
        and wish.get("currency") in (None, invoice.ubl["header"]["currency"])
        and (start is None or invoice.created_at >= _moment(start))
        and (end is None or invoice.created_at < _moment(end) + _length(end))
    )


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _length(text: str) -> timedelta:
    """How long what is written lasts: a day, or the smallest moment."""
    return timedelta(microseconds=1) if "T" in text else timedelta(days=1)

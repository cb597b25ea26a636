"""Invoro's routes: who may come in and how often, what is asked, what is answered."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from sandbox.invoro import data
from sandbox.invoro.books import Books, error_info
from sandbox.invoro.data import BASE_PATH, Json, Key
from sandbox.invoro.forms import (
    CREATE,
    CURRENCY,
    Invalid,
    LookUp,
    Refusal,
    enveloped,
    invalid,
    is_currency,
    message,
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
from sandbox.invoro.rules import unsendable
from sandbox.invoro.words import Assumed, Step, Told
from sandbox.kit.forms import is_moment
from sandbox.kit.server import Ask, Way
from sandbox.kit.wire import answer, decoded

Handle = Callable[[Ask, Key], Response]


class Routes:
    """Handlers over the books. `url` is where they are reached, `keys` who may come, `spent` how
    often each came in which second by `clock`."""

    def __init__(
        self,
        books: Books,
        url: Callable[[], str],
        keys: Mapping[str, Key],
        spent: dict[str, tuple[int, int]],
        clock: Callable[[], float],
    ) -> None:
        self._books = books
        self._url = url
        self._keys = keys
        self._spent = spent
        self._clock = clock

    @property
    def _assumed(self) -> Assumed:
        return self._books.assumed

    def all(self) -> Sequence[Way]:
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

    def _answered(self, handle: Handle, scope: str, ask: Ask) -> Response:
        """What the route answers, with the headers that stand on every answer."""
        secret = self._secret(ask.headers)
        spent = self._spend(secret)
        response = self._guarded(partial(self._enter, handle, scope, secret, spent, ask), ask)
        response.headers.update(self._rate(spent))
        return response

    def _enter(self, handle: Handle, scope: str, secret: str, spent: int, ask: Ask) -> Response:
        key = self._keys.get(secret)
        if spent > self._assumed.rate_limit:
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
        if "authorization" in self._assumed.key_headers and kind.lower() == "bearer":
            return token.strip()
        return headers.get("x-api-key", "") if "x-api-key" in self._assumed.key_headers else ""

    def _spend(self, secret: str) -> int:
        """Count one call of this key in this second; how many that makes."""
        known = secret if secret in self._keys else ""
        second, before = self._spent.get(known, (0, 0))
        now = int(self._clock())
        count = before + 1 if second == now else 1
        self._spent[known] = (now, count)
        return count

    def _rate(self, spent: int) -> dict[str, str]:
        reset = int(self._clock()) + 1 if self._assumed.reset_is == "epoch" else 1
        return {
            "X-RateLimit-Limit": str(self._assumed.rate_limit),
            "X-RateLimit-Remaining": str(max(0, self._assumed.rate_limit - spent)),
            "X-RateLimit-Reset": str(reset),
        }

    def _guarded(self, handle: Callable[[], Response], ask: Ask) -> Response:
        failure = ask.told(Told.SERVER_FAILURE)
        if failure and failure.when == "before":
            return enveloped(500, "Server Error")
        response = _refusing(handle)
        return enveloped(500, "Server Error") if failure else response

    def _create(self, ask: Ask, key: Key) -> Response:
        body = _json(ask)
        ask.call.reference = reference_in(body, self._assumed.reference_at)
        if wrong := wrong_in(body, CREATE[self._assumed.series_at]):
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
        ask.call.reference = reference_in(body, self._assumed.reference_at)
        if wrong_in(body, CREATE["header"]):
            return enveloped(500, "Failed to import the UBL XML.")
        return self._created(ask, key, body)

    def _created(self, ask: Ask, key: Key, body: Json) -> Response:
        invoice = self._books.draft(key, body)
        if changed := ask.told(Told.CHANGED_AMOUNT):
            _raise(invoice.ubl["totals"], int(changed.key or 1))
        self._books.add(invoice)
        return self._one(ask, invoice, self._assumed.created_status)

    def _read(self, ask: Ask, key: Key) -> Response:
        return self._one(ask, self._of(ask, key, deleted=self._assumed.deleted_readable))

    def _find(self, ask: Ask, key: Key) -> Response:
        wish = dict(ask.query)
        ask.call.reference = wish.get("invoice_number")
        if wrong := {name: [problem] for name, problem in _wrong_filters(wish)}:
            raise Invalid(wrong)
        found = [one for one in self._books.of_key(key) if _wanted(one, wish)]
        if self._assumed.newest_first:
            found.reverse()
        page = int(wish.get("page", "1"))
        start = (page - 1) * self._assumed.page_size
        shown = [self._shown(ask, one) for one in found[start : start + self._assumed.page_size]]
        paging = self._paging(page, len(found), len(shown))
        return answer({"data": shown} | (paging if self._assumed.list_has_meta else {}))

    def _paging(self, page: int, total: int, shown: int) -> Json:
        """`links` and `meta` as its framework writes them unasked: without the filters (U)."""
        path, last = f"{self._url()}/invoices", max(1, -(-total // self._assumed.page_size))
        first = (page - 1) * self._assumed.page_size + 1 if shown else None
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
                "per_page": self._assumed.page_size,
                "to": None if first is None else first + shown - 1,
                "total": total,
            },
        }

    def _one(self, ask: Ask, invoice: Invoice, status: int = 200) -> Response:
        return answer({"data": self._shown(ask, invoice)}, status)

    def _resource(self, invoice: Invoice) -> Json:
        unpaid, partly, paid = self._assumed.payment_words
        word = partly if invoice.paid else unpaid
        if invoice.paid and invoice.paid >= invoice.total("payable_amount"):
            word = paid
        # A copy: what is shown is a moment, and faults change it.
        return copy.deepcopy(resource(invoice, amount=self._assumed.amount_is, payment=word))

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
            shown["metadata_json"] = kept | {"error": error_info(filled.key)}
        if ask.call.step != Step.CREATE and (changed := ask.told(Told.CHANGED_AMOUNT)):
            shown["amount"] += int(changed.key or 1)
            _raise(shown["ubl_json"]["totals"], int(changed.key or 1))

    def _send(self, ask: Ask, key: Key) -> Response:
        if ask.body and _json(ask) not in ({}, []):
            raise Refusal(422, "The request has no body.")
        invoice = self._of(ask, key)
        if invoice.state not in self._assumed.sendable:
            raise Refusal(422, f"Invoice cannot be sent in state {invoice.state}.")
        network = _network(invoice)
        if self._assumed.checks_rules and (wrong := unsendable(invoice.ubl, network)):
            raise Invalid(wrong)
        if not invoice.number and not ask.told(Told.SENT_WITHOUT_NUMBER):
            self._books.number(invoice)
        failing = ask.told(Told.ERRORS_IN_METADATA)
        failure = (failing.key or "The recipient is not registered on Peppol.") if failing else None
        self._books.send(invoice, network, failure)
        if self._assumed.send_answers == "message":
            return message(self._assumed.send_status, "Invoice queued for sending.")
        return self._one(ask, invoice, self._assumed.send_status)

    def _delete(self, ask: Ask, key: Key) -> Response:
        invoice = self._of(ask, key)
        if invoice.state != "draft":
            raise Refusal(422, "Only draft invoices can be deleted.")
        self._books.delete(invoice)
        return message(200, "Invoice deleted successfully.")

    def _look_up(self, ask: Ask, key: Key) -> Response:
        body = _json(ask)
        if wrong := wrong_in(body, LookUp):
            raise Invalid(wrong)
        checked = data.candidates(body["query"])
        found = [
            self._books.participants[one] for one in checked if one in self._books.participants
        ]
        result = {
            "found": bool(found),
            "query": body["query"],
            "candidates_checked": checked,
            "results": found,
            # The page describes this moment; its name was cut off (U).
            "looked_up_at": iso(datetime.now(UTC)),
        }
        return answer({"data": result})

    def _of(self, ask: Ask, key: Key, *, deleted: bool = False) -> Invoice:
        invoice = self._books.invoices.get(ask.parameters["id"])
        mine = invoice and (invoice.company, invoice.live) == (key.company, key.live)
        if not invoice or not mine or (invoice.deleted_at and not deleted):
            raise Refusal(404, "Invoice not found.")
        ask.call.reference = invoice.known_as
        return invoice

    def lost(self, request: Request) -> Response:
        """A route that does not exist; it counts as a call and says so."""
        response = message(404, "Not Found.")
        spent = self._spend(self._secret(request.headers))
        response.headers.update(self._rate(spent))
        return response

    def show(self, invoice: Invoice) -> Json:
        """The invoice as a GET would show it, without any fault."""
        return self._resource(invoice)


def _refusing(handle: Callable[[], Response]) -> Response:
    try:
        return handle()
    except Invalid as error:
        return invalid(error.wrong)
    except Refusal as refusal:
        return message(refusal.status, refusal.message)


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


def _raise(totals: Json, cents: int) -> None:
    untaxed = ("line_extension_amount", "tax_exclusive_amount")
    for name in (*untaxed, "tax_inclusive_amount", "payable_amount"):
        totals[name] += cents


_FILTERS: Mapping[str, Callable[[str], str | None]] = {
    "status": lambda word: None if word in STATES else f"must be one of {', '.join(STATES)}",
    "currency": lambda code: None if is_currency(code) else CURRENCY,
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
        if not is_moment(text):
            return "must be an ISO 8601 date, or a date-time with an offset"
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

"""Riverty's gateway: who may come in, does the body conform, what is answered at once."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from urllib.parse import urlsplit
from uuid import uuid4

from starlette.responses import Response

from sandbox.kit.pdf import pdf
from sandbox.kit.server import Ask, Way
from sandbox.kit.wire import answer, decoded
from sandbox.riverty.books import Books
from sandbox.riverty.data import PRIMARY_KEY, SECONDARY_KEY
from sandbox.riverty.forms import Json, Malformed, Rules, check, check_callback, refusal, truncated
from sandbox.riverty.invoice import Heard, Submission
from sandbox.riverty.notices import Callback
from sandbox.riverty.words import Assumed, Kind, Step, Told

_ORDERS = "/accounting/v1/businesses/{business}/customers/{customer}/orders"


class Routes:
    """Handlers over the books; `revoked` are the keys that are worthless."""

    def __init__(self, books: Books, revoked: set[str]) -> None:
        self._books = books
        self._revoked = revoked
        self._downloads: deque[float] = deque()

    @property
    def _assumed(self) -> Assumed:
        return self._books.assumed

    @property
    def _rules(self) -> Rules:
        assumed = self._assumed
        return Rules(
            lengths=assumed.lengths == "refused",
            unknown=assumed.strict,
            carrier=assumed.carrier == "always",
            quantities=assumed.quantity_types,
        )

    def all(self) -> Sequence[Way]:
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
        self._books.take(submission)
        return answer({"internalRequestId": internal})

    def _submission(self, kind: Kind, ask: Ask, body: Json) -> tuple[Submission, str]:
        """The request as the core gets it, and what its sender is told it is called."""
        internal, request = str(uuid4()), ask.headers.get("x-request-id")
        path = truncated({"orderReference": ask.parameters.get("order", "")})
        order = body.get("orderReference") or path["orderReference"]
        by_request = self._assumed.transaction_id == "request" and request
        told = {
            str(fault): Heard(placed.key, placed.seconds)
            for fault in Told
            if (placed := ask.told(fault))
        }
        submission = Submission(
            kind=kind,
            business=ask.parameters["business"],
            customer=ask.parameters["customer"],
            order=order,
            body=body,
            transaction=by_request or internal,
            request=request,
            in_turn=order in self._books.accepted.orders,
            told=told,
        )
        return submission, internal

    def _subscribe(self, ask: Ask) -> Response:
        body = _body(ask)
        check_callback(body, self._rules)
        if urlsplit(body["callbackUrl"]).hostname not in ("127.0.0.1", "localhost", "::1"):
            raise Malformed("callbackUrl", "A stand-in calls nobody beyond this machine.")
        callback = Callback(
            body["callbackUrl"], tuple(body["notificationTypes"]), body.get("description")
        )
        self._books.notices.callbacks.append(callback)
        return answer(callback.described())

    def _download(self, ask: Ask) -> Response:
        now = time.monotonic()
        while self._downloads and self._downloads[0] <= now - 1:
            self._downloads.popleft()
        if len(self._downloads) >= self._assumed.downloads_per_second:
            return answer({"statusCode": 429, "message": "Rate limit is exceeded."}, 429)
        self._downloads.append(now)
        invoice = self._books.documents.get(ask.parameters["id"])
        if invoice is None:
            return answer({"statusCode": 404, "message": "Resource not found"}, 404)
        ask.call.reference = invoice.reference
        amount = f"{invoice.gross} {invoice.order.asked['currency']}"
        content = pdf(f"Invoice {invoice.reference}", amount)
        return Response(content, media_type="application/pdf")


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

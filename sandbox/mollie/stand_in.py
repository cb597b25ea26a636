"""The stand-in for Mollie: what a test does with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from sandbox.kit.faults import Faults
from sandbox.kit.server import StandIn, Way
from sandbox.mollie.books import Books
from sandbox.mollie.data import TEST_KEY
from sandbox.mollie.forms import Json, Problem
from sandbox.mollie.keys import Keys, Name
from sandbox.mollie.routes import PATH, Routes, idempotency_key, step_of, under_way
from sandbox.mollie.words import Assumed, Step, Told


class MollieStandIn(StandIn):
    """Mollie's Sales Invoices as their pages and public specification describe them.

    Args:
        assumed: what the pages leave open.
        faults: a plan made earlier, such as `Faults.drawn(seed, list(Step))`.
        changes: fields of `Assumed` that differ.
    """

    steps = Step
    told = frozenset(Told)
    books: Books

    def __init__(
        self, assumed: Assumed | None = None, *, faults: Faults | None = None, **changes: Any
    ) -> None:
        super().__init__(faults)
        self.assumed = replace(assumed or Assumed(), **changes)
        self.books = Books(self.assumed)
        self._running: set[Name] = set()
        self._revoked: set[str] = set()

    def account(self, url: str | None = None) -> dict[str, str]:
        """See `StandIn.account`."""
        return {"base_url": url or self.url, "token": TEST_KEY}

    def ways(self) -> Sequence[Way]:
        """Every route of Mollie's that this stand-in has."""
        return self._routes().all()

    def take_up(self, books: Books) -> None:
        """See `StandIn.take_up`."""
        books.assumed = self.assumed
        self.books = books

    @property
    def keys(self) -> Keys:
        """The idempotency keys that are remembered."""
        return self.books.keys

    def pay(self, reference: str, amount: Decimal | None = None) -> None:
        """The buyer pays; see `StandIn.pay`. ValueError where nothing can be paid."""
        self.books.pay(reference, amount)

    def charge_back(self, reference: str, amount: Decimal | None = None) -> None:
        """See `StandIn.charge_back`; ValueError unless it is paid."""
        self.books.charge_back(reference, amount)

    def refund(self, reference: str, amount: Decimal | None = None) -> None:
        """See `StandIn.refund`; the invoice does not show it."""
        self.books.refund(reference, amount)

    def overdue(self, reference: str) -> None:
        """Its term has ended unpaid; ValueError unless it is issued."""
        self.books.overdue(reference)

    def relink(self, reference: str) -> None:
        """Let its links that were handed out so far lead nowhere; later answers have others."""
        self.books.relink(reference)

    def finish(self, reference: str) -> None:
        """End at once what is under way with it: an e-invoice's delivery, a collection."""
        self.books.finish(reference)

    def invoice(self, reference: str) -> Json:
        """The latest invoice with this reference, as a GET would show it; LookupError if none."""
        return self._routes().show(self.books.latest(reference))

    def revoke(self, credential: str) -> None:
        """Make a key or token worthless: calls with it get a 401."""
        self._revoked.add(credential)

    def failure(self, status: int) -> Response:
        """See `StandIn.failure`: a problem, as everything else is."""
        return Problem(status, "Placed by the test").answer()

    def lost(self, request: Request) -> Response:
        """What no route answers is 404, a known path with another method 405."""
        if request.url.path.startswith(PATH):
            return Problem(405, "The method is not supported").answer()
        return Problem(404, "No such resource").answer()

    async def _answer(self, way: Way, request: Request, body: bytes) -> Response:
        """One PATCH is several steps, and a key under way is known before any fault strikes."""
        if way.method == "PATCH":
            way = replace(way, step=step_of(body))
        name = idempotency_key(way.method, request.headers)
        if name is None:
            return await super()._answer(way, request, body)
        if name in self._running:
            return await super()._answer(replace(way, handler=under_way), request, body)
        self._running.add(name)
        try:
            return await super()._answer(way, request, body)
        finally:
            self._running.discard(name)

    def _routes(self) -> Routes:
        return Routes(self.books, lambda: self.url, self._revoked)

"""The stand-in for Zero Friction: what a test does with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from sandbox.kit.faults import Faults
from sandbox.kit.server import StandIn, Way
from sandbox.zero_friction.books import Books
from sandbox.zero_friction.data import (
    CLIENT_ID,
    CLIENT_SECRET,
    ORGANISATION,
    SUBSCRIPTION_KEY,
    TENANT,
    TOKEN_PATH,
    Json,
)
from sandbox.zero_friction.forms import Refusal
from sandbox.zero_friction.invoice import invoice_dto
from sandbox.zero_friction.routes import Routes
from sandbox.zero_friction.words import Assumed, Step, Told


class ZeroFrictionStandIn(StandIn):
    """Zero Friction as its page and its public specification describe it, state and all.

    Args:
        assumed: what the documents leave open.
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
        self._tokens: dict[str, float] = {}

    def account(self, url: str | None = None) -> dict[str, str]:
        """See `StandIn.account`."""
        url = url or self.url
        return {
            "base_url": url,
            "token_url": url + TOKEN_PATH,
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "subscription_key": SUBSCRIPTION_KEY,
            "tenant_id": TENANT,
            "organisation_id": ORGANISATION,
        }

    def ways(self) -> Sequence[Way]:
        """Every route of Zero Friction's that this stand-in has."""
        return Routes(self.books, self._tokens).all()

    def take_up(self, books: Books) -> None:
        """See `StandIn.take_up`."""
        books.assumed = self.assumed
        self.books = books

    @property
    def token_url(self) -> str:
        """Where tokens are to be had."""
        return self.url + TOKEN_PATH

    def revoke_tokens(self) -> None:
        """Make every token handed out so far worthless: the next call gets a 401."""
        self._tokens.clear()

    def invoice(self, reference: str) -> Json:
        """The latest invoice with this reference, as a GET would show it; LookupError if none."""
        return invoice_dto(self.books.latest(reference))

    def finish(self, reference: str) -> None:
        """End at once what is under way with it: an approval, a sending."""
        self.books.finish(self.books.latest(reference))

    def pay(self, reference: str, amount: Decimal | None = None) -> None:
        """The buyer pays; see `StandIn.pay`. ValueError while it is a draft."""
        invoice = self.books.latest(reference)
        try:
            self.books.money.receive(invoice, invoice.remaining if amount is None else amount)
        except Refusal as refusal:
            raise ValueError(str(refusal)) from None

    def charge_back(self, reference: str, amount: Decimal | None = None) -> None:
        """See `StandIn.charge_back`; here only whole payments go back."""
        self.books.money.charge_back(self.books.latest(reference), amount)

    def refund(self, reference: str, amount: Decimal | None = None) -> None:
        """See `StandIn.refund`."""
        self.books.money.refund(self.books.latest(reference), amount)

"""Inkwell as its page describes it: its routes, and all that is kept behind them."""

from __future__ import annotations

import hmac
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import Any

from starlette.responses import Response

from sandbox.kit.record import Effect
from sandbox.kit.server import Ask, StandIn, Way
from sandbox.kit.wire import answer, decoded

TOKEN = "SandboxTokenOfNoWorthForTestsOnly"  # noqa: S105
CENT = Decimal("0.01")
FIELDS = {"reference", "folder", "currency", "date", "due", "buyer", "lines"}
LINE_FIELDS = {"text", "quantity", "price", "vat"}


class Step(StrEnum):
    """By what calls are counted and faults are placed."""

    CREATE = "create"
    FIND = "find"
    READ = "read"
    APPROVE = "approve"
    DELETE = "delete"


class Told(StrEnum):
    """The faults that only this provider's words can express."""

    UNKNOWN_STATE = "unknown_state"
    """At `read`: the answer calls the state `key` ("archived"), which no page has."""
    CHANGED_AMOUNT = "changed_amount"
    """At `create`: stored a cent too high."""


@dataclass
class Kept:
    """One invoice as it is kept."""

    id: str
    asked: dict[str, Any]
    state: str = "draft"
    number: str | None = None
    extra: Decimal = Decimal(0)

    def shown(self) -> dict[str, Any]:
        """As the provider shows it; amounts are text."""
        net, vat = _figures(self.asked["lines"])
        named = {name: self.asked[name] for name in ("reference", "buyer", "currency")}
        return {
            **named,
            "id": self.id,
            "state": self.state,
            "number": self.number,
            "net": str(net),
            "vat": {rate: str(amount) for rate, amount in vat.items()},
            "gross": str(net + sum(vat.values()) + self.extra),
        }


class InkwellStandIn(StandIn):
    """Inkwell as its page describes it, and as strict."""

    steps = Step
    told = frozenset(Told)

    def __init__(self) -> None:
        super().__init__()
        self._invoices: dict[str, Kept] = {}
        self._last = self._approved = 0

    def account(self, url: str | None = None) -> dict[str, str]:
        """How it is reached, in the words of the adaptor's settings."""
        return {"base_url": url or self.url, "token": TOKEN}

    def ways(self) -> Sequence[Way]:
        """Every route there is."""
        one = "/v1/invoices/{id}"
        return [
            Way("POST", "/v1/invoices", Step.CREATE, _guarded(self._create)),
            Way("GET", "/v1/invoices", Step.FIND, _guarded(self._list)),
            Way("GET", one, Step.READ, _guarded(self._known(_read))),
            Way("POST", f"{one}/approve", Step.APPROVE, _guarded(self._known(self._approve))),
            Way("DELETE", one, Step.DELETE, _guarded(self._known(self._delete))),
        ]

    def pay(self, reference: str, amount: Decimal | None = None) -> None:
        """Nobody is paid here."""
        raise ValueError("payments are not told here")

    def _known(self, handle: Callable[[Ask, Kept], Response]) -> Callable[[Ask], Response]:
        def known(ask: Ask) -> Response:
            invoice = self._invoices.get(ask.parameters["id"])
            if invoice is None:
                return _refused(404, "there is no such invoice")
            ask.call.reference = invoice.asked["reference"]
            return handle(ask, invoice)

        return known

    def _create(self, ask: Ask) -> Response:
        try:
            asked = decoded(ask.body)
            _check(asked)
            invoice = Kept(f"invoice-{self._last + 1}", asked)
            invoice.shown()
        except (ValueError, ArithmeticError, TypeError, KeyError) as error:
            return _refused(422, str(error))
        self._last += 1
        invoice.extra = CENT if ask.told(Told.CHANGED_AMOUNT) else Decimal(0)
        self._invoices[invoice.id] = invoice
        ask.call.reference = asked["reference"]
        return self._done(Effect.CREATED, invoice, 201)

    def _list(self, ask: Ask) -> Response:
        wanted = ask.call.reference = ask.query.get("reference")
        found = [one for one in self._invoices.values() if one.asked["reference"] == wanted]
        return answer({"invoices": [one.shown() for one in found]})

    def _approve(self, ask: Ask, invoice: Kept) -> Response:
        if invoice.state != "draft":
            return _refused(409, "it is no draft")
        self._approved += 1
        invoice.state, invoice.number = "approved", f"INK-{self._approved:05}"
        return self._done(Effect.APPROVED, invoice)

    def _delete(self, ask: Ask, invoice: Kept) -> Response:
        if invoice.state != "draft":
            return _refused(409, "it is no draft")
        del self._invoices[invoice.id]
        self._done(Effect.DELETED, invoice)
        return Response(status_code=204)

    def _done(self, effect: Effect, invoice: Kept, status: int = 200) -> Response:
        shown, reference = invoice.shown(), invoice.asked["reference"]
        gross = Decimal(shown["gross"])
        number = invoice.number
        self.ledger.add(effect, invoice.id, reference=reference, number=number, gross=gross)
        return answer(shown, status)


def _guarded(handle: Callable[[Ask], Response]) -> Callable[[Ask], Response]:
    def guarded(ask: Ask) -> Response:
        given = ask.headers.get("authorization", "").encode()
        if not hmac.compare_digest(given, f"Bearer {TOKEN}".encode()):
            return _refused(401, "who are you?")
        return handle(ask)

    return guarded


def _read(ask: Ask, invoice: Kept) -> Response:
    shown = invoice.shown()
    if unknown := ask.told(Told.UNKNOWN_STATE):
        shown["state"] = unknown.key or "archived"
    return answer(shown)


def _check(asked: dict[str, Any]) -> None:
    if set(asked) != FIELDS or any(set(line) != LINE_FIELDS for line in asked["lines"]):
        raise ValueError("a field is missing, or is none")
    if not asked["lines"] or not asked["reference"] or not asked["buyer"]:
        raise ValueError("something is empty")


def _figures(lines: Sequence[dict[str, str]]) -> tuple[Decimal, dict[str, Decimal]]:
    """Net, and the VAT of each rate, rounded per rate."""
    nets: defaultdict[str, Decimal] = defaultdict(Decimal)
    for line in lines:
        amount = Decimal(line["quantity"]) * Decimal(line["price"])
        nets[line["vat"]] += amount.quantize(CENT, ROUND_HALF_UP)
    vat = {
        rate: (net * Decimal(rate) / 100).quantize(CENT, ROUND_HALF_UP)
        for rate, net in nets.items()
    }
    return sum(nets.values(), Decimal(0)), vat


def _refused(status: int, message: str) -> Response:
    return answer({"message": message}, status)

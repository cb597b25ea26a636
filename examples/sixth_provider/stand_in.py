"""A stand-in for Paperpost: a real, stateful HTTP server on 127.0.0.1. The provider is invented.

    async with serve(PaperpostStandIn()) as stand_in:
        stand_in.url                    # the routes begin with /v1
        stand_in.faults.place("create", "time_out", when="after")
        stand_in.ledger.effects("INV-1")    # ["created", "approved", "sent"]
        stand_in.calls.counts

Written from the provider's page and not from the adaptor, so that a misreading shows: it refuses
every field that the page does not have. In the ledger *approved* is final, *sent* is posted.
"""

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
FIELDS = {"reference", "currency", "date", "due_on", "buyer", "address", "lines", "registered"}
LINE_FIELDS = {"text", "quantity", "price", "vat"}


class Step(StrEnum):
    """By what calls are counted and faults are placed."""

    CREATE = "create"
    FIND = "find"
    READ = "read"
    APPROVE = "approve"
    SEND = "send"
    DELETE = "delete"


class Told(StrEnum):
    """The faults that only this provider's words can express."""

    UNKNOWN_STATE = "unknown_state"
    """At `read`: the answer calls the state `key` ("returned"), which no page has."""
    CHANGED_AMOUNT = "changed_amount"
    """At `create`: stored a cent too high."""


@dataclass
class Letter:
    """One letter as it is kept."""

    id: str
    asked: dict[str, Any]
    state: str = "draft"
    number: str | None = None
    extra: Decimal = Decimal(0)

    @property
    def gross(self) -> Decimal:
        """With VAT."""
        net, vat = _figures(self.asked["lines"])
        return net + sum(vat.values()) + self.extra

    def described(self) -> dict[str, Any]:
        """As the provider shows it; amounts are text."""
        net, vat = _figures(self.asked["lines"])
        return {
            "id": self.id,
            "reference": self.asked["reference"],
            "state": self.state,
            "number": self.number,
            "buyer": self.asked["buyer"],
            "currency": self.asked["currency"],
            "net": str(net),
            "vat": {rate: str(amount) for rate, amount in vat.items()},
            "gross": str(self.gross),
        }


class PaperpostStandIn(StandIn):
    """Paperpost as its page describes it.

    Args:
        finalising: seconds until a letter that is finalised has its number.
        posting: seconds until a letter that is to be posted has been.
    """

    steps = Step
    told = frozenset(Told)

    def __init__(self, *, finalising: float = 0.03, posting: float = 0.03) -> None:
        super().__init__()
        self._finalising, self._posting = finalising, posting
        self._letters: dict[str, Letter] = {}
        self._last = self._final = 0

    def account(self, url: str | None = None) -> dict[str, str]:
        """How it is reached, in the words of the adaptor's settings."""
        return {"base_url": url or self.url, "token": TOKEN}

    def ways(self) -> Sequence[Way]:
        """Every route there is."""
        one = "/v1/letters/{id}"
        return [
            Way("POST", "/v1/letters", Step.CREATE, self._guarded(self._create)),
            Way("GET", "/v1/letters", Step.FIND, self._guarded(self._list)),
            Way("GET", one, Step.READ, self._guarded(self._known(self._read))),
            Way("POST", f"{one}/finalise", Step.APPROVE, self._guarded(self._known(self._approve))),
            Way("POST", f"{one}/post", Step.SEND, self._guarded(self._known(self._send))),
            Way("DELETE", one, Step.DELETE, self._guarded(self._known(self._delete))),
        ]

    def pay(self, reference: str, amount: Decimal | None = None) -> None:
        """Nobody pays through the post."""
        raise ValueError("payments are not told here")

    def forget(self) -> None:
        """Drop every letter."""
        self._letters.clear()

    # routes

    def _guarded(self, handle: Callable[[Ask], Response]) -> Callable[[Ask], Response]:
        def guarded(ask: Ask) -> Response:
            given = ask.headers.get("authorization", "").encode()
            if not hmac.compare_digest(given, f"Bearer {TOKEN}".encode()):
                return _refused(401, "who are you?")
            return handle(ask)

        return guarded

    def _known(self, handle: Callable[[Ask, Letter], Response]) -> Callable[[Ask], Response]:
        def known(ask: Ask) -> Response:
            letter = self._letters.get(ask.parameters["id"])
            if letter is None:
                return _refused(404, "there is no such letter")
            ask.call.reference = letter.asked["reference"]
            return handle(ask, letter)

        return known

    def _create(self, ask: Ask) -> Response:
        try:
            asked = decoded(ask.body)
            _check(asked)
            letter = Letter(f"letter-{self._last + 1}", asked)
            letter.described()
        except (ValueError, ArithmeticError, TypeError, KeyError) as error:
            return _refused(422, str(error))
        self._last += 1
        letter.extra = CENT if ask.told(Told.CHANGED_AMOUNT) else Decimal(0)
        self._letters[letter.id] = letter
        ask.call.reference = asked["reference"]
        self._note(Effect.CREATED, letter)
        return answer(letter.described(), 201)

    def _list(self, ask: Ask) -> Response:
        wanted = ask.call.reference = ask.query.get("reference")
        found = [one for one in self._letters.values() if one.asked["reference"] == wanted]
        return answer({"letters": [letter.described() for letter in found]})

    def _read(self, ask: Ask, letter: Letter) -> Response:
        shown = letter.described()
        if unknown := ask.told(Told.UNKNOWN_STATE):
            shown["state"] = unknown.key or "returned"
        return answer(shown)

    def _approve(self, ask: Ask, letter: Letter) -> Response:
        if letter.state != "draft":
            return _refused(409, "it is no draft")
        letter.state = "finalising"
        self.later(self._finalising, lambda: self._finalised(letter))
        return answer(letter.described(), 202)

    def _finalised(self, letter: Letter) -> None:
        self._final += 1
        letter.state, letter.number = "final", f"L-{self._final:05}"
        self._note(Effect.APPROVED, letter)

    def _send(self, ask: Ask, letter: Letter) -> Response:
        if letter.state != "final":
            return _refused(409, "it is not final, or posted already")
        letter.state = "posting"
        self.later(self._posting, lambda: self._posted(letter))
        return answer(letter.described(), 202)

    def _posted(self, letter: Letter) -> None:
        letter.state = "posted"
        self._note(Effect.SENT, letter)

    def _delete(self, ask: Ask, letter: Letter) -> Response:
        if letter.state != "draft":
            return _refused(409, "it is no draft")
        del self._letters[letter.id]
        self._note(Effect.DELETED, letter)
        return Response(status_code=204)

    def _note(self, effect: Effect, letter: Letter) -> None:
        reference, number = letter.asked["reference"], letter.number
        self.ledger.add(effect, letter.id, reference=reference, number=number, gross=letter.gross)


def _check(asked: dict[str, Any]) -> None:
    if set(asked) != FIELDS or any(set(line) != LINE_FIELDS for line in asked["lines"]):
        raise ValueError("a field is missing, or is none")
    if not asked["lines"] or not asked["reference"] or not asked["buyer"]:
        raise ValueError("something is empty")
    if any(Decimal(line["quantity"]) <= 0 for line in asked["lines"]):
        raise ValueError("a quantity is not positive")


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

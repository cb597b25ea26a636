"""What happened at a stand-in: the ledger of committed effects, and every call received."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sandbox.kit.accounts import Account, Credit, Stated
from sandbox.kit.faults import When


class Changes:
    """Lets tests wait for a condition instead of sleeping."""

    def __init__(self) -> None:
        self._next = asyncio.Event()

    def __reduce__(self) -> tuple[type[Changes], tuple[()]]:
        """In a file there is nobody waiting."""
        return Changes, ()

    def notify(self) -> None:
        """Something changed: everybody waiting looks again."""
        self._next.set()
        self._next = asyncio.Event()

    async def until(self, met: Callable[[], bool], what: str, within: float) -> None:
        """Wait until `met()`; TimeoutError naming `what` after `within` seconds."""
        try:
            async with asyncio.timeout(within):
                while not met():
                    await self._next.wait()
        except TimeoutError:
            raise TimeoutError(f"{what}: not within {within} s") from None


class Effect(StrEnum):
    """What a call can bring about at a provider."""

    CREATED = "created"
    ATTACHED = "attached"
    """It has a file of the caller's now that it had not before; the same one again is nothing."""
    APPROVED = "approved"
    SENT = "sent"
    DELETED = "deleted"
    CREDITED = "credited"
    PARTLY_CREDITED = "partly credited"
    LINES_CANCELLED = "lines cancelled"
    """Some lines of an order will not be invoiced; the last of them make it `deleted`."""
    PAID = "paid"
    REVERSED = "reversed"
    """A payment was taken back."""


@dataclass(frozen=True)
class Entry:
    """One committed effect on one invoice; amounts in the currency the stand-in bills in."""

    seq: int
    at: datetime
    effect: Effect
    invoice_id: str
    reference: str | None
    number: str | None
    gross: Decimal | None

    def described(self) -> dict[str, str | int | None]:
        """As plain values, for the wire."""
        return {
            "seq": self.seq,
            "at": self.at.isoformat(),
            "effect": self.effect,
            "invoice_id": self.invoice_id,
            "reference": self.reference,
            "number": self.number,
            "gross": None if self.gross is None else format(self.gross, "f"),
        }


class Ledger:
    """Append-only: every effect that was committed, whatever the caller was told about it."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._accounts: dict[str, Account] = {}
        self.loose: list[Credit] = []
        """Credits that name no invoice there is, where the provider lets them pass."""
        self._changes = Changes()

    def open(self, invoice_id: str, stated: Stated) -> Account:
        """Begin the account of an invoice that has become final; the one it has, if it has one."""
        return self._accounts.setdefault(invoice_id, Account(invoice_id, stated))

    def account_of(self, invoice_id: str) -> Account:
        """The account of the invoice with this id; LookupError before it is final."""
        if (account := self._accounts.get(invoice_id)) is None:
            raise LookupError(f"no final invoice {invoice_id}")
        return account

    def accounts(self, reference: str) -> tuple[Account, ...]:
        """Those of the final invoices under this reference, oldest first."""
        ids = dict.fromkeys(entry.invoice_id for entry in self.of(reference))
        return tuple(self._accounts[one] for one in ids if one in self._accounts)

    def account(self, reference: str) -> Account:
        """The only one of this reference; LookupError for none or several."""
        accounts = self.accounts(reference)
        if len(accounts) != 1:
            raise LookupError(f"{len(accounts)} final invoices {reference}, not one")
        return accounts[0]

    def add(
        self,
        effect: Effect,
        invoice_id: str,
        *,
        reference: str | None,
        number: str | None = None,
        gross: Decimal | None = None,
    ) -> None:
        """Write down what has just been committed."""
        seq = len(self._entries) + 1
        now = datetime.now(UTC)
        self._entries.append(Entry(seq, now, effect, invoice_id, reference, number, gross))
        self._changes.notify()

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All of them, oldest first."""
        return tuple(self._entries)

    def of(self, reference: str) -> tuple[Entry, ...]:
        """What happened to invoices that carry this reference, oldest first."""
        return tuple(entry for entry in self._entries if entry.reference == reference)

    def effects(self, reference: str) -> list[str]:
        """The names of what happened under this reference, oldest first."""
        return [entry.effect.value for entry in self.of(reference)]

    def live(self, reference: str) -> tuple[str, ...]:
        """Ids of the invoices created under this reference and neither deleted nor credited."""
        entries = self.of(reference)
        gone = {e.invoice_id for e in entries if e.effect in (Effect.DELETED, Effect.CREDITED)}
        created = (e.invoice_id for e in entries if e.effect is Effect.CREATED)
        return tuple(identity for identity in created if identity not in gone)

    async def reached(
        self, effect: str, reference: str, count: int = 1, within: float = 5.0
    ) -> None:
        """Wait until this effect stands here `count` times under this reference."""
        await self._changes.until(
            lambda: self.effects(reference).count(effect) >= count,
            f"{effect} of {reference}, {count} times",
            within,
        )

    def clear(self) -> None:
        """Begin again; only for a stand-in that forgets everything."""
        self._entries.clear()
        self._accounts.clear()
        self.loose.clear()


@dataclass
class Call:
    """One call received. No header and no body is kept: they hold secrets and personal data."""

    seq: int
    step: str
    nth: int
    """Which call of its step this is, from 1."""
    method: str
    path: str
    at: datetime
    reference: str | None = None
    """The invoice it was about, where the stand-in could tell."""
    status: int | None = None
    """What was answered; None while it runs and when the connection was cut."""
    faults: list[str] = field(default_factory=list)
    """What struck it."""

    def described(self) -> dict[str, Any]:
        """As plain values, for the wire."""
        return vars(self) | {"at": self.at.isoformat()}


class Calls:
    """Every call received, in order of arrival."""

    def __init__(self) -> None:
        self._calls: list[Call] = []
        self._handled: list[Call] = []
        self._changes = Changes()

    def arrive(self, step: str, method: str, path: str) -> Call:
        """Write down a call that has come in whole; nothing has been done about it yet."""
        nth = self.count(step) + 1
        call = Call(len(self._calls) + 1, step, nth, method, path, datetime.now(UTC))
        self._calls.append(call)
        self._changes.notify()
        return call

    def handle(self, call: Call) -> None:
        """Note that its effect, if it has one, is committed; nothing has been answered yet."""
        self._handled.append(call)
        self._changes.notify()

    def count(self, step: str) -> int:
        """How many calls of this step have come in."""
        return len(self.of(step))

    def of(self, step: str) -> tuple[Call, ...]:
        """The calls of this step."""
        return tuple(call for call in self._calls if call.step == step)

    @property
    def all(self) -> tuple[Call, ...]:
        """All of them."""
        return tuple(self._calls)

    @property
    def counts(self) -> dict[str, int]:
        """How many calls of each step, for the steps that were called."""
        return {step: self.count(step) for step in dict.fromkeys(c.step for c in self._calls)}

    async def reached(self, step: str, nth: int, when: When, within: float) -> None:
        """Wait until the `nth` call ever of this step has come in (before) or committed (after)."""
        seen = self._calls if when == "before" else self._handled
        await self._changes.until(
            lambda: sum(call.step == step for call in seen) >= nth,
            f"{when} {step} number {nth}",
            within,
        )

    def clear(self) -> None:
        """Forget them; only for a stand-in that forgets everything."""
        self._calls.clear()
        self._handled.clear()

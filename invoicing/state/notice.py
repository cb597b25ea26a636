"""What a subscriber is told of an invoice or an order: each change of the one word for its state.

A subscriber is a system of the caller's own, configured in the worker and named in a request. What
it gets follows Standard Webhooks 1.0.0 (standardwebhooks.com).
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Protocol

from pydantic import JsonValue

from invoicing.errors import FieldProblem, Rejected
from invoicing.model import Recorded
from invoicing.provider import Pace, Paces
from invoicing.state.invoice import Invoice
from invoicing.state.order import Order


class Notice(Recorded):
    """One notice; as JSON it is the body that is posted, the same at every attempt."""

    id: str
    """Names it for good: a receiver that has seen it may drop what comes under it again. It
    holds no full stop, which parts what is signed, and nothing that a caller wrote."""
    type: str
    """`invoice.<status>` or `order.<status>`; `invoice.money` where nothing but its money moved;
    `reconciliation.findings`."""
    timestamp: datetime
    """When it became so, which may be long before it is posted."""
    sequence: int
    """Its place among the notices of one workflow, from 1: a gap is a notice that was given up."""
    data: dict[str, JsonValue]
    """The state as the `state` query shows it, without what people and providers wrote."""


class Subscriber(Protocol):
    """Who is told."""

    async def post(self, notice: Notice) -> None:
        """Hand it over, once. Raises Unavailable where it is to be tried again, Rejected where the
        subscriber wants no more notices."""
        ...


class Dropped(Recorded):
    """A notice that was given up."""

    id: str
    type: str
    sequence: int
    why: str


class NoticesInput(Recorded):
    """The argument of the workflow that posts the notices of one invoice or order.

    `taken`, `dropped` and `lost` are set by the workflow alone when it continues as new.
    """

    subscriber: str
    pace: Pace = Paces().notices
    """Between the attempts; its deadline is counted from a notice's own time."""
    waiting: tuple[Notice, ...] = ()
    taken: int = 0
    dropped: tuple[Dropped, ...] = ()
    """The last that were given up."""
    lost: int = 0
    """How many were given up before those."""


class NoticesState(Recorded):
    """What the `state` query returns."""

    subscriber: str
    waiting: tuple[str, ...] = ()
    """The types of those still to be posted, the next one first."""
    taken: int = 0
    dropped: tuple[Dropped, ...] = ()
    """The last that were given up."""
    lost: int = 0
    """How many were given up before those."""


def notice(
    state: Invoice | Order, run: str, sequence: int, at: datetime, *, money: bool = False
) -> Notice:
    """Number `sequence` of what a workflow tells, told by this run of it at this time. `money`:
    nothing else has changed."""
    # What others wrote may be personal: who is to see it can ask for the state.
    about = "order" if isinstance(state, Order) else "invoice"
    return Notice(
        id=f"{run}_{sequence}",
        type=f"{about}.{MONEY if money else state.status}",
        timestamp=at,
        sequence=sequence,
        data=state.model_dump(
            mode="json",
            exclude={
                "problem": {"fields"},
                "cancellations": {"__all__": {"by", "reason"}},
                "consents": {"__all__": {"by", "proven"}},
            },
        ),
    )


MONEY = "money"


def news(state: Invoice | Order) -> str:
    """What makes a state worth telling: another status, another question to a person, the end, and
    money that moved."""
    asked = state.waiting.since.isoformat() if state.problem and state.waiting else ""
    balance = state.balance if isinstance(state, Invoice) else None
    moved = f"{MONEY} {balance.word}" if balance and balance.word else ""
    return " ".join(filter(None, (state.status, asked, "ended" if state.ended else "", moved)))


def is_of_money(told: str, before: str) -> bool:
    """Whether money is all that makes one news differ from the one before."""
    return _but_money(told) == _but_money(before)


def _but_money(told: str) -> str:
    return told.partition(f" {MONEY} ")[0]


def refuse_unknown(name: str | None, known: Collection[str]) -> None:
    """Rejected with the subscribers there are, if it is not one of them."""
    if name is None or name in known:
        return
    there = ", ".join(sorted(known)) or "none"
    message = f"subscriber {name!r} is not configured in this provider's worker; it has: {there}"
    raise Rejected(message, fields=[FieldProblem(field=FIELD, message="is not configured")])


FIELD = "subscriber"
"""Of a request."""

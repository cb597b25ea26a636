"""How far an invoice is, in our words, and how long is waited for what."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

from invoicing.model import Recorded


class Stage(StrEnum):
    """How far the document is at the provider, in our words."""

    NONE = "none"
    """Nothing there (yet); with `problems`, what was asked for was refused after all."""
    DRAFTING = "drafting"
    """Asked for, and not confirmed: nothing may be built on it yet."""
    DRAFTED = "drafted"
    APPROVING = "approving"
    """Asked for, not finished: no number yet, or queued."""
    APPROVED = "approved"
    """Final, with its number: from here only a credit takes it back."""
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    FAILED = "failed"
    """The provider gave up; `problems` says why."""
    DELETED = "deleted"
    """The draft was there and is gone, or an id that must exist is not found."""
    CREDITED = "credited"
    UNKNOWN = "unknown"
    """The provider used a word its adaptor does not know. That is waited on, visibly."""

    def reached(self, other: Stage) -> bool:
        """Whether this is at or past `other` on the way from none to delivered."""
        here, there = _PLACE.get(self), _PLACE.get(other)
        return here is not None and there is not None and here >= there


_WAY = (
    Stage.NONE,
    Stage.DRAFTING,
    Stage.DRAFTED,
    Stage.APPROVING,
    Stage.APPROVED,
    Stage.SENDING,
    Stage.SENT,
    Stage.DELIVERED,
)
_PLACE = {stage: place for place, stage in enumerate(_WAY)}


class PaymentStatus(StrEnum):
    """The second axis: money. It moves by itself; `paid` may come before `delivered`, or never."""

    UNKNOWN = "unknown"
    UNPAID = "unpaid"
    PARTLY_PAID = "partly_paid"
    PAID = "paid"
    REJECTED = "rejected"
    REVERSED = "reversed"


class Pace(Recorded):
    """How one wait goes: the first pause, its growth, the longest pause, the end of it all."""

    first: timedelta
    factor: float = 1.5
    cap: timedelta
    deadline: timedelta

    def pause(self, turn: int) -> timedelta:
        """The pause before look number `turn`, counted from 0."""
        if not self.first:
            return self.first
        # Far beyond any growth that is wanted, and a power that a float still holds.
        growth = self.factor ** min(turn, 100)
        grown: timedelta = self.first * min(growth, self.cap / self.first)
        return min(grown, self.cap)

    def scaled(self, factor: float) -> Pace:
        """The same pace, faster or slower; for tests and demonstrations."""
        return self.model_copy(
            update={
                "first": self.first * factor,
                "cap": self.cap * factor,
                "deadline": self.deadline * factor,
            }
        )


class Paces(Recorded):
    """Every wait of a lifecycle."""

    settle: timedelta = timedelta(seconds=10)
    """How long an uncertain call is left alone before the first look at what it did."""
    effect: timedelta = timedelta(minutes=30)
    """How long after it was made an uncertain call may still take effect."""
    unavailable: Pace = Pace(
        first=timedelta(seconds=5),
        factor=2,
        cap=timedelta(minutes=10),
        deadline=timedelta(hours=24),
    )
    credentials: Pace = Pace(
        first=timedelta(seconds=5),
        factor=2,
        cap=timedelta(minutes=30),
        deadline=timedelta(days=30),
    )
    """While the provider refuses the account's credentials, until they are renewed."""
    unreadable: Pace = Pace(
        first=timedelta(seconds=5),
        factor=2,
        cap=timedelta(minutes=1),
        deadline=timedelta(minutes=2),
    )
    """A few looks whose answer is not understood."""
    drafting: Pace = Pace(
        first=timedelta(seconds=2), cap=timedelta(minutes=5), deadline=timedelta(hours=24)
    )
    approval: Pace = Pace(
        first=timedelta(seconds=2), cap=timedelta(minutes=5), deadline=timedelta(hours=24)
    )
    sending: Pace = Pace(
        first=timedelta(seconds=3), cap=timedelta(minutes=30), deadline=timedelta(days=3)
    )
    delivery: Pace = Pace(
        first=timedelta(minutes=1), factor=2, cap=timedelta(hours=2), deadline=timedelta(days=7)
    )
    payment: Pace = Pace(
        first=timedelta(hours=1), factor=2, cap=timedelta(hours=12), deadline=timedelta(days=120)
    )
    money: Pace = Pace(
        first=timedelta(days=1), factor=2, cap=timedelta(days=14), deadline=timedelta()
    )
    """Between the looks for money after the end, and how long they go on: set by the worker; an
    adaptor may say how often a look is of use. No time: nobody looks or listens."""
    notices: Pace = Pace(
        first=timedelta(seconds=5), factor=2, cap=timedelta(hours=1), deadline=timedelta(days=3)
    )
    """Between the attempts to tell a subscriber."""
    hold: timedelta = timedelta(days=30)
    attention: timedelta = timedelta(days=90)

    def scaled(self, factor: float) -> Paces:
        """All of them, faster or slower."""
        return Paces.model_validate(
            {
                name: value.scaled(factor) if isinstance(value, Pace) else value * factor
                for name, value in ((name, getattr(self, name)) for name in Paces.model_fields)
            }
        )

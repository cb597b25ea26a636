"""Where an invoice or an amendment is on its way, and how an order's lines stand: what pictures are
drawn of."""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction
from typing import Literal, NamedTuple

from invoicing.credits.amend import Amendment, AmendStatus
from invoicing.provider import PaymentStatus, Stage
from invoicing.request import Goal
from invoicing.state.invoice import Invoice, LineStatus, Status
from invoicing.state.order import Order
from invoicing.state.order_ledger import LedgerLine

Standing = Literal["past", "here", "ahead", "beyond", "undone", "stopped", "unreached"]


class Step(NamedTuple):
    """One step: `beyond` was not asked for, `undone` was taken back, `stopped` goes no further by
    itself, `unreached` is what never came then."""

    name: str
    standing: Standing


_STAGES = {
    "draft": (Stage.DRAFTED, Goal.DRAFTED),
    "final": (Stage.APPROVED, Goal.APPROVED),
    "sent": (Stage.SENT, Goal.SENT),
    "delivered": (Stage.DELIVERED, Goal.DELIVERED),
}
_GOALS = tuple(Goal)
TAKEN_BACK = (Status.CANCELLED, Status.CREDITED, Status.REJECTED)


def steps(invoice: Invoice) -> list[Step]:
    """Asked, draft, final, sent, delivered, paid: what is past, where it stands, what is ahead."""
    done = {"asked": True}
    done |= {name: _reached(invoice, stage) for name, (stage, _) in _STAGES.items()}
    done["paid"] = invoice.payment is PaymentStatus.PAID
    goals = {"asked": Goal.DRAFTED, **{name: goal for name, (_, goal) in _STAGES.items()}}
    goals["paid"] = Goal.PAID
    back = invoice.status in TAKEN_BACK
    made: list[Step] = []
    awaited = not (invoice.ended or back)
    for name, is_done in done.items():
        wanted = _GOALS.index(goals[name]) <= _GOALS.index(invoice.goal)
        if is_done:
            made.append(Step(name, "past" if name == "asked" or not back else "undone"))
        elif not wanted:
            made.append(Step(name, "beyond"))
        elif awaited:
            made.append(Step(name, "here"))
            awaited = False
        else:
            made.append(Step(name, "ahead"))
    return made


def _reached(invoice: Invoice, stage: Stage) -> bool:
    if invoice.stage is Stage.CREDITED or invoice.status is Status.CREDITED:
        return stage in (Stage.DRAFTED, Stage.APPROVED)
    if invoice.stage is Stage.DELETED:
        return stage is Stage.DRAFTED
    return invoice.stage.reached(stage)


AMENDING = (AmendStatus.CHECKING, AmendStatus.CREDITING, AmendStatus.MAKING)
"""The steps of an amendment, before it has ended."""


def amending(state: Amendment) -> list[Step]:
    """Checking, crediting, making, ended: what is past, where it stands, what is ahead."""
    done = state.status is AmendStatus.AMENDED
    at = len(AMENDING) if done else 2 if state.credited else 1 if state.credit else 0
    if state.status in AMENDING:
        at = AMENDING.index(state.status)
    here: Standing = "here" if state.status in AMENDING else "stopped"
    after: Standing = "unreached" if state.ended else "ahead"
    made = [
        Step(name.value, "past" if place < at else here if place == at else after)
        for place, name in enumerate(AMENDING)
    ]
    return [*made, Step("ended", "past" if state.ended else "ahead")]


def amends_again(state: Amendment) -> bool:
    """Whether the old invoice is credited, and only amending again makes the new one."""
    return state.status in (AmendStatus.NEEDS_ATTENTION, AmendStatus.CREDITED)


class Share(NamedTuple):
    """Of how many lines there are units with this status, and where their part of the bar is, in
    thousandths. All lines are as wide."""

    status: LineStatus
    lines: int
    start: int
    width: int


def shares(order: Order) -> list[Share]:
    """The lines of an order by the status of their units."""
    parts = order.ledger.lines
    units, of = defaultdict[str, Fraction](Fraction), defaultdict[LineStatus, Fraction](Fraction)
    for part in parts:
        units[part.id] += _units(part)
    for part in parts:
        of[part.status] += _units(part) / units[part.id]
    made: list[Share] = []
    start = Fraction()
    for status in filter(of.__contains__, LineStatus):
        end = start + of[status]
        left, right = (int(1000 * each / len(units)) for each in (start, end))
        count = len(order.ledger.with_status(status))
        made.append(Share(status, count, left, right - left))
        start = end
    return made


def _units(part: LedgerLine) -> Fraction:
    # One that does not say is a line as a whole.
    return Fraction(1 if part.units is None else part.units)

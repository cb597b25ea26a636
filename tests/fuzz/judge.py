"""The promise, judged at the end of a life from the provider's ledger and the last state alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from invoicing.state.invoice import Invoice, LineStatus, Status
from invoicing.state.order import Order
from sandbox.kit.record import Effect
from tests.fuzz.scene import Slot, Unit

_STANDS = (Status.APPROVED, Status.SENDING, Status.SENT, Status.DELIVERED, Status.PAID)


@dataclass
class Known:
    """What people know of one reference, apart from the books.

    wanted: the versions of the content that may become final: the one that was acknowledged last,
        and those of whose acknowledgement nobody heard.
    cancelled: when a cancel was acknowledged that nobody has withdrawn since.
    """

    wanted: set[int] = field(default_factory=lambda: {0})
    cancelled: datetime | None = None
    abandoned: bool = False
    without: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)


def judged(slot: Slot, reference: str, gross: Decimal, known: Known, state: Invoice) -> list[str]:
    """What is wrong with this invoice."""
    units = slot.units(reference)
    alive = [one for one in units if one.created and one.alive]
    final = [one for one in alive if one.approved]
    wrong = {
        "more than one is alive": state.ended and len(alive) > 1 and not known.abandoned,
        "two final ones": _two_final(slot, reference),
        "approved twice": any(one.approved > 1 for one in units),
        "sent twice": any(one.sent > 1 for one in units),
        "sent after an acknowledged cancel": _sent_after(slot, reference, known.cancelled),
        "a wrong amount is final": any(one.approved and one.gross != gross for one in units),
        "an old content is final": any(one.version not in known.wanted for one in final)
        and not known.abandoned,
        "its content cannot be read: the judge is at fault": any(
            one.version is None for one in units if one.created
        ),
    }
    if state.ended:
        wrong |= _disagreements(state.status, state, alive, final, units, known)
    return [what for what, holds in wrong.items() if holds]


def _disagreements(
    ended: Status,
    state: Invoice,
    alive: list[Unit],
    final: list[Unit],
    units: list[Unit],
    known: Known,
) -> dict[str, bool]:
    stands = ended in _STANDS
    sent = ended in (Status.SENT, Status.DELIVERED)
    return {
        f"{ended}, but the ledger shows no such invoice": stands and len(final) != 1,
        f"{ended}, but it was never sent": sent
        and not known.without
        and not any(one.sent for one in final),
        "drafted, but the ledger shows no draft": ended is Status.DRAFTED
        and (len(alive) != 1 or bool(final)),
        f"{ended}, but something is alive": ended in (Status.CANCELLED, Status.CREDITED)
        and bool(alive),
        "credited, but nothing was": ended is Status.CREDITED
        and not any(one.gone == "credited" for one in units),
        "cancelled, but it was credited": ended is Status.CANCELLED
        and any(one.gone == "credited" for one in units)
        and not any("again" in one for one in known.notes),
        "rejected, but something is there": ended is Status.REJECTED and bool(alive),
        f"it ended as {ended}": ended
        not in (
            *_STANDS,
            Status.DRAFTED,
            Status.CANCELLED,
            Status.CREDITED,
            Status.ABANDONED,
            Status.EXPIRED,
            Status.REJECTED,
        ),
        "another one than the one it names": stands
        and len(alive) == 1
        and state.provider_id not in (alive[0].id, state.reference),
    }


def _two_final(slot: Slot, reference: str) -> bool:
    """Whether at any moment two were final and not credited."""
    final: set[str] = set()
    for entry in slot.entries(reference):
        if entry.effect is Effect.APPROVED:
            final.add(slot.key(entry))
        elif entry.effect is Effect.CREDITED:
            final.discard(slot.key(entry))
        if len(final) > 1:
            return True
    return False


def _sent_after(slot: Slot, reference: str, cancelled: datetime | None) -> bool:
    return cancelled is not None and any(
        entry.effect is Effect.SENT and entry.at > cancelled for entry in slot.entries(reference)
    )


def judged_order(slot: Slot, order: Order) -> list[str]:
    """Whether every line is where the order says, and on one invoice at most."""
    holders: dict[str, list[str]] = {}
    for delivery in order.deliveries:
        for unit in slot.alive(delivery.reference):
            if unit.approved:
                for line in unit.lines:
                    holders.setdefault(line, []).append(f"delivery/{delivery.delivery}")
    wrong = [f"line {line} is on {on}" for line, on in holders.items() if len(on) > 1]
    for each in order.ledger.lines:
        on = holders.get(each.id, [])
        there = each.status in (LineStatus.INVOICED, LineStatus.SETTLED)
        if there and on != [each.holder]:
            wrong.append(f"line {each.id} is {each.status} by {each.holder}, and on {on}")
        if each.status in (LineStatus.CANCELLED, LineStatus.CREDITED) and on:
            wrong.append(f"line {each.id} is {each.status}, and on {on}")
    return wrong

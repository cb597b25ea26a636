"""What others do at the provider: somebody there, and people on our side, by hand."""

from __future__ import annotations

from decimal import Decimal

from simulation.provider.account import SimulatedProvider
from simulation.provider.ledger import Held


def meddle(provider: SimulatedProvider, what: str) -> None:
    """Somebody does this to the newest invoice that is there."""
    alive = [held for held in provider.ledger.invoices.values() if held.alive]
    held = alive[-1] if alive else None
    if held is None or not _touch(provider, held, what):
        return
    held.touched = provider.now
    provider.story.tell(f"somebody at the provider: {what} of {held.id}")


def _touch(provider: SimulatedProvider, held: Held, what: str) -> bool:
    drafted = held.state == "draft"
    if what == "figures" and drafted:
        held.gross += Decimal("1.21")
        held.net += 1
        held.vat += Decimal("0.21")
        provider.changed(held, "figures changed", "somebody", ours=False)
    elif what == "delete" and drafted:
        held.state = "deleted"
        provider.changed(held, "deleted", "somebody", ours=False)
    elif what == "approve" and drafted:
        provider.make_final(held, "approve", by="somebody", ours=False)
    elif what == "credit" and held.final:
        held.state = "credited"
        provider.changed(held, "credited", "somebody", ours=False)
    else:
        return False
    return True


def take_away(provider: SimulatedProvider, held: Held, by: str) -> None:
    """A person on our side deletes or credits it there, by hand."""
    state = "credited" if held.final else "deleted"
    held.state = state
    held.touched = provider.now
    provider.changed(held, state, by, ours=False)


def mend(provider: SimulatedProvider, held: Held, by: str) -> None:
    """A person on our side gives the draft the figures that it was made with."""
    more = held.gross - held.asked_gross
    if more:
        held.gross, held.net, held.vat = (
            held.asked_gross,
            held.net - 1,
            held.vat - more + 1,
        )
        provider.changed(held, "figures mended", by, ours=False)

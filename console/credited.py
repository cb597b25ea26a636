"""What the pages know of the credits of an invoice."""

from __future__ import annotations

from console.door import Console
from gateway import credits as gateway
from gateway.problems import Trouble
from invoicing.credits.case import Credits
from invoicing.errors import InvoicingError
from invoicing.model import Recorded
from invoicing.state.invoice import Invoice

MOST_RATES = 30
"""VAT rates of an invoice that its form shows; the law knows fewer."""


async def beside(desk: Console, state: Recorded | None) -> Credits | None:
    """The credits of what a page shows, where it is an invoice that may have some. An invoice is
    shown without them where nobody says what they are."""
    if isinstance(state, Credits):
        return state
    if not isinstance(state, Invoice):
        return None
    if not (state.final or state.in_parts or state.credited_whole):
        return None
    try:
        return await gateway.get_credits(state.reference, desk.backend)
    except (Trouble, InvoicingError):
        return None


def free_name(state: Credits) -> str:
    """A name that no credit of this invoice has, for whoever has none of their own."""
    taken = {each.credit for each in state.credits}
    return next(name for name in (f"C{n}" for n in range(1, len(taken) + 2)) if name not in taken)

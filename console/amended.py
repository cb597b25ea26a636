"""What the page of an invoice knows of its amendment."""

from __future__ import annotations

from console.door import Console
from gateway.problems import Trouble
from invoicing.client.shared import described
from invoicing.errors import InvoicingError
from invoicing.model import Recorded
from invoicing.state.invoice import Invoice


async def is_known(desk: Console, state: Recorded | None) -> bool:
    """Whether what a page shows is an invoice that is or was amended. The server is asked, and no
    worker; where it does not say, there is no link."""
    if not isinstance(state, Invoice) or not (state.final or state.credited_whole):
        return False
    handle = desk.backend.client.amendments.handle(state.reference)
    try:
        await desk.backend.stored(described(state.reference, handle))
    except (Trouble, InvoicingError):
        return False
    return True

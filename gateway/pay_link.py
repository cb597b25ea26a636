"""Where an invoice is paid, over REST: asked of its provider each time, and kept by nobody."""

from __future__ import annotations

from fastapi import Response

from gateway.backend import Behind
from gateway.inputs import Reference
from gateway.routes import Heads
from invoicing.provider import PayLinks
from invoicing.state.pay_link import PayLink
from providers.registry import ADAPTORS

heads = Heads("invoices", lambda behind, reference: behind.client.invoices.handle(reference))
router = heads.router

STATED_BY = frozenset(name for name, one in ADAPTORS.items() if issubclass(one, PayLinks))
"""The providers that state such a page."""


@heads.reads("/{reference}/pay-link", "Where it is paid, as its provider says now")
async def get_pay_link(reference: Reference, behind: Behind, response: Response) -> PayLink:
    """The page on which the buyer pays this invoice, or why there is none. Whoever has its address
    may see what is due: hand it to those alone who may, and ask for it when it is needed, for it
    may expire."""
    response.headers["Cache-Control"] = "no-store"
    return await behind.answered(behind.client.pay_links.ask(reference))

"""A cancel is acknowledged when nothing can reach the buyer any more. Where that takes longer than
a request may, it was taken all the same, and the answer says so."""

from __future__ import annotations

from typing import Any

from fastapi import Response

from gateway.backend import Backend
from invoicing.errors import NoWorker
from invoicing.state.invoice import CANCEL_NOTE, Cancel, Invoice

TAKEN: dict[int | str, dict[str, Any]] = {
    202: {
        "model": Invoice,
        "description": "It is being taken back, and a call that was under way has not settled: "
        "look at the invoice for what comes of it",
    }
}


async def cancelled(
    behind: Backend, response: Response, reference: str, order: Cancel, key: str | None
) -> Invoice:
    """The invoice once the cancel is acknowledged, or 202 with what is known where it was taken and
    that is still to come. Raises NoWorker where nobody took it."""
    try:
        return await behind.answered(behind.client.invoices.cancel(reference, order, key=key))
    except NoWorker as error:
        late = error
    invoice = await behind.answered(behind.client.invoices.state(reference))
    journal = await behind.answered(behind.client.invoices.journal(reference))
    said = (CANCEL_NOTE, order.by, order.reason, order.proven)
    if not any((one.what, one.by, one.reason, one.proven) == said for one in journal.entries):
        raise late
    response.status_code = 202
    return invoice

"""Start an invoice from a Python service, and get what becomes of it.

    python invoice.py ../../sandbox/examples/invoice.json

It needs the distribution of this repository alone, which is the package `invoicing`. Where Temporal
is, its own variables say (TEMPORAL_ADDRESS and the others, or a profile in its configuration file).
Ends with 0 when there is an invoice, 1 when there will be none, 2 when a person is needed.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from invoicing.client import Failed, InvoicingClient, reach
from invoicing.errors import InvoicingError
from invoicing.parse import read_request
from invoicing.process import run
from invoicing.request import InvoiceRequest
from invoicing.state.invoice import Invoice

PATIENCE = 2.0
"""Seconds after which it looks whether a person is waited for; a service might take a minute."""


async def main(request: InvoiceRequest) -> int:
    """Ask for this invoice, and tell what becomes of it."""
    client = InvoicingClient(await reach())
    # As often as you like: one reference is one invoice. Other content is refused (ReferenceInUse).
    await client.invoices.start(request)
    while True:
        try:
            return told(await asyncio.wait_for(client.invoices.result(request.reference), PATIENCE))
        except (TimeoutError, Failed):
            invoice = await client.invoices.state(request.reference)
        if invoice.ended or invoice.problem:
            return told(invoice)


def told(invoice: Invoice) -> int:
    """Print where it is; how to end. A question is answered by a person, in their own time."""
    if problem := invoice.problem:
        # The fields' messages may be the provider's own words: for people, not for logs.
        fields = [each.field for each in problem.fields]
        about = ", ".join(problem.answers or fields)
        print(f"{invoice.reference}: {invoice.status}: {problem.what} ({about})")
        return 2 if problem.answers else 1
    gross = invoice.amounts and f"{invoice.amounts.gross} {invoice.amounts.currency}"
    print(f"{invoice.reference}: {invoice.status}, number {invoice.number}, {gross}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(run(main(read_request(Path(sys.argv[1]).read_bytes()))))
    except InvoicingError as error:
        sys.exit(str(error))

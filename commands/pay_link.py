"""`pay-link`: where the buyer pays an invoice."""

from __future__ import annotations

import typer

from commands.base import PROGRAM, AsJson, Code, Reference, answered, app, with_client
from invoicing.client import InvoicingClient
from invoicing.errors import InvoicingError
from terminal import plain


@app.command(
    "pay-link",
    short_help="Ask where the buyer pays an invoice.",
    epilog=f"Example: {PROGRAM} pay-link INV-7",
)
def pay_link(reference: Reference, as_json: AsJson = False) -> None:
    """Ask the provider for the page on which this invoice is paid, and print its address. Whoever
    has it may see what is due, so hand it to those alone who may; it is asked for each time, for
    it may expire.
    """

    async def work(client: InvoicingClient) -> Code:
        said = await answered(client.pay_links.ask(reference))
        if as_json:
            typer.echo(said.model_dump_json())
        elif said.address:
            typer.echo(plain(said.address))
        else:
            raise InvoicingError(f"{plain(reference)}: {plain(said.problem)}.")
        return Code.DONE if said.address else Code.FAILED

    with_client(work)

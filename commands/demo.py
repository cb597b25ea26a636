"""The demonstration, which needs nothing but this machine."""

from __future__ import annotations

from typing import Annotated

import typer

from commands.base import PROGRAM, SERVER, app


@app.command(
    rich_help_panel=SERVER,
    short_help="Watch invoices and an order, much of which goes wrong, on this machine alone.",
    epilog=f"Example: {PROGRAM} demo --keep",
)
def demo(
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave it all running until Ctrl-C.")
    ] = False,
) -> None:
    """Watch invoices get through time-outs, a crash and a wrong amount, on this machine alone.

    Starts a Temporal server, a stand-in of every provider and a worker, and stops them in the end.
    """
    try:
        import demo as demonstration  # its servers are nobody else's business
    except ModuleNotFoundError as missing:
        if missing.name != "demo":
            raise
        raise typer.BadParameter("the demonstration is in a checkout, not in this image") from None

    raise typer.Exit(demonstration.main(keep=keep))

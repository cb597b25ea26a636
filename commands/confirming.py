"""Before something is done to many invoices: somebody has seen which, and agrees."""

from __future__ import annotations

from typing import Annotated

import typer

from commands.base import BadInput
from terminal import interactive

AT_ONCE = 10
"""Instructions under way: a worker has other invoices to see to."""

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask; for scripts.")]


def agree(word: str, number: int, yes: bool) -> None:
    """Raises BadInput where nobody is here to be asked."""
    if yes:
        return
    count = f"{number} invoice" + "s" * (number != 1)
    if not interactive():
        raise BadInput(f"Nobody is here to confirm `{word}` for {count}: look, then give --yes.")
    typer.confirm(f"{word} {count}?", abort=True, err=True)

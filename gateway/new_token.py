"""Makes a token for a caller of the gateway, and the line that lets it in.

    python -m gateway.new_token erp --may read,start --days 90
    python -m gateway.new_token erp --given < token.txt      # the digest of one that is there

The token is shown once and kept nowhere. To change one: make another, put its digest beside the old
one, with a comma between; give the caller the new token; take the old digest away.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from gateway import tokens
from settings.callers import PREFIX


def main(
    name: Annotated[str, typer.Argument(help="The caller's name, such as erp.")],
    may: Annotated[str, typer.Option(help="read, start, operate, decrypt; commas between.")] = "",
    days: Annotated[int, typer.Option(min=0, help="Good for so many days; 0: for ever.")] = 0,
    given: Annotated[bool, typer.Option(help="Read the token instead of making one.")] = False,
) -> None:
    """Print a token, and the variables that let its bearer in."""
    token = sys.stdin.read(1000).strip() if given else tokens.new()
    if tokens.is_weak(token):
        sys.exit(f"gateway.new_token: {tokens.WEAK}")
    last = f"@{(datetime.now(UTC) + timedelta(days=days)).date()}" if days else ""
    variable = f"{PREFIX}{name.upper()}__"
    if not given:
        typer.echo(f"token, for the caller alone: {token}")
    typer.echo(f"{variable}TOKENS={tokens.written(token)}{last}")
    if may:
        typer.echo(f"{variable}MAY={may}")


if __name__ == "__main__":
    typer.run(main)

"""`reconcile`, `findings` and `close-finding`: the provider's list held against the register."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

import typer

import settings.shared
from commands.base import (
    MANY,
    PROGRAM,
    AsJson,
    By,
    Code,
    Missing,
    Why,
    app,
    who_and_why,
    with_client,
)
from commands.books import From, Month, Until, period_of, reading
from commands.choosing import ProviderOf
from invoicing.books.reconciling import FindingKind, Found, Reconciled, ReconcileInput
from invoicing.client import InvoicingClient
from terminal import plain

Account = Annotated[str, typer.Option("--account", metavar="NAME", help="Of several.")]


@app.command(
    "reconcile",
    rich_help_panel=MANY,
    short_help="Hold what a provider lists against the register.",
    epilog=f"Example: {PROGRAM} reconcile mollie --month 2026-06",
)
def reconcile(
    provider: Annotated[str, typer.Argument(metavar="PROVIDER", help="Whose list.")],
    account: Account = "default",
    month: Month = None,
    since: From = None,
    until: Until = None,
    as_json: AsJson = False,
) -> None:
    """Look through all that the provider lists of an account, and say what is not as the register
    has it. Nothing is mended, here or there: `findings` lists what was found and what to do.

    Without days it is the last 92, today included. Where one of this account is under way, it is
    waited for. Exit code 4 where findings are open.
    """
    period = period_of(month, since, until)
    today = datetime.now(UTC).date()
    start = ReconcileInput(
        provider=provider,
        account=account,
        since=period.since if period else today - timedelta(days=91),
        until=min(period.until, today) if period else today,
    )
    with reading():
        pass  # Without a register nobody would take the steps, and it would wait for ever.

    async def work(client: InvoicingClient) -> Code:
        done = await client.reconciliations.make(start)
        typer.echo(done.model_dump_json() if as_json else _sentence(done))
        return Code.NEEDS_ATTENTION if done.found else Code.DONE

    with_client(work)


def _sentence(done: Reconciled) -> str:
    seen = (
        f"{done.provider}/{done.account}, {done.since} to {done.until}: {done.listed} listed on "
        f"{done.pages} pages, {done.reads} looked at"
    )
    lines = [seen]
    if not done.whole:
        lines.append("Not all was seen: what is missing there, or unknown here, is not known.")
    lines += [f"  {count:>5}  {kind.replace('_', ' ')}" for kind, count in done.found.items()]
    closed = f"; {done.closed} closed, for they were not found any more" if done.closed else ""
    lines.append(f"{done.new} new{closed}." if done.found or closed else "Nothing disagrees.")
    return "\n".join(lines)


@app.command(
    "findings",
    rich_help_panel=MANY,
    short_help="List what reconciliations have found, and what to do.",
    epilog=f"Example: {PROGRAM} findings --provider mollie --as csv > findings.csv",
)
def findings(
    provider: ProviderOf = None,
    account: Annotated[
        str | None, typer.Option("--account", metavar="NAME", help="Only this account's.")
    ] = None,
    kind: Annotated[FindingKind | None, typer.Option("--kind", help="Only of this kind.")] = None,
    closed_too: Annotated[bool, typer.Option("--closed", help="Those that are closed, too.")] = (
        False
    ),
    form: Annotated[
        Literal["md", "csv", "json"], typer.Option("--as", help="For people, or for machines.")
    ] = "md",
) -> None:
    """Say what disagrees, since when, and what a person is to do about it; the oldest first.

    As json it is one object per line. Exit code 4 where one is open.
    """
    from register.reconciling.kept import every
    from register.reconciling.report import report

    states: set[bool] = set()
    with reading() as engine:
        found = every(engine, provider=provider, account=account, kind=kind, closed_too=closed_too)
        for line in report(_noted(found, states), form):
            typer.echo(line)
    raise typer.Exit(Code.NEEDS_ATTENTION if True in states else Code.DONE)


def _noted(found: Iterable[Found], states: set[bool]) -> Iterator[Found]:
    """The same, with a note of whether any is open."""
    for one in found:
        states.add(one.closed_at is None)
        yield one


@app.command(
    "close-finding",
    rich_help_panel=MANY,
    short_help="Say that a finding is dealt with.",
    epilog=f'Example: {PROGRAM} close-finding 1f0c9a77d2e4b853 --reason "paid by cheque"',
)
def close_finding(
    finding: Annotated[str, typer.Argument(metavar="ID", help="As `findings` shows it.")],
    by: By = None,
    reason: Why = None,
) -> None:
    """Close a finding with a reason. It stays closed until something else is wrong there."""
    from register.database import made
    from register.reconciling.kept import NoFinding, closed

    told = who_and_why(by, reason)
    with reading():  # is it there, and of this version?
        where = settings.shared.register(os.environ).register_at
    engine = made(where.get_secret_value() if where else "")
    try:
        closed(engine, finding, told["by"], told["reason"], datetime.now(UTC))
    except NoFinding as error:
        raise Missing(f"{plain(error)}.") from None
    finally:
        engine.dispose()
    typer.echo(f"{plain(finding)} is closed.")

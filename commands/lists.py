"""`list`: from the register, with amounts, where there is one; else from Temporal's own lists."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

import settings.shared
from commands.base import PROGRAM, AsJson, BadInput, Code, app, data, with_client
from commands.books import NO_REGISTER, From, Month, Until, period_of, reading
from commands.choosing import Choice, DueBefore, Prefix, ProviderOf, StatusOf, WaitingFor
from invoicing.client import InvoicingClient, Listed
from invoicing.temporal.lists import CUT_OFF
from tabular.results import harmless
from terminal import grid, listing, plain, screen

if TYPE_CHECKING:
    from invoicing.books.booked import Total, Wanted

COLUMNS = tuple(Listed.model_fields)
"""Of Temporal's lists."""

BOOKED = (
    *("reference", "provider", "account", "status", "payment", "number", "provider_id", "buyer"),
    *("currency", "net", "vat", "gross", "due", "paid", "credited", "issue_date", "due_date"),
    *("began_at", "changed_at", "ended_at", "left_to_pay", "too_much", "refunded"),
    *("charged_back", "returned", "collection"),
)
"""Of the register's."""

_SHOWN = ("reference", "provider", "status", "payment", "number", "buyer", "gross", "currency")
_PANEL = "With a register"


def _booked(*names: str, text: str, metavar: str | None = None) -> Any:
    return typer.Option(*names, help=text, metavar=metavar, rich_help_panel=_PANEL)


@dataclass(frozen=True)
class Output:
    """How a list is written."""

    columns: tuple[str, ...] | None
    limit: int
    as_json: bool
    as_csv: bool


@app.command(
    "list",
    short_help="List invoices.",
    epilog=f"Example: {PROGRAM} list --waiting-for person --due-before 2026-08-01",
)
def list_(
    provider: ProviderOf = None,
    status: StatusOf = None,
    waiting_for: WaitingFor = None,
    due_before: DueBefore = None,
    prefix: Prefix = None,
    stuck: Annotated[
        bool, typer.Option("--stuck", help="Only what stands still: its next step keeps failing.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 50,
    columns: Annotated[
        str | None, typer.Option(metavar="A,B…", help=f"Of these: {', '.join(COLUMNS)}.")
    ] = None,
    as_json: AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="For a spreadsheet, on stdout.")] = False,
    account: Annotated[str | None, _booked("--account", text="Only this account's.")] = None,
    payment: Annotated[str | None, _booked("--payment", text="As unpaid, paid.")] = None,
    overdue: Annotated[
        bool,
        typer.Option(
            "--overdue",
            help="Final, due before today, not paid in full; without a register, of those that "
            "are under way or whose money is still heard of.",
        ),
    ] = False,
    went_back: Annotated[
        bool, _booked("--went-back", text="Money that had come in has gone again.")
    ] = False,
    too_much: Annotated[bool, _booked("--too-much", text="More was paid than was due.")] = False,
    running: Annotated[
        bool | None, _booked("--running/--ended", text="Only what is under way, or is over.")
    ] = None,
    search: Annotated[
        str | None, _booked("--search", text="In reference, number and buyer.", metavar="TEXT")
    ] = None,
    month: Month = None,
    since: From = None,
    until: Until = None,
    totals: Annotated[
        bool, _booked("--totals", text="What all that fit come to, by currency and VAT rate.")
    ] = False,
    after: Annotated[
        str | None, _booked("--after", text="Go on where a list ended.", metavar="CURSOR")
    ] = None,
) -> None:
    """List invoices, the latest first; with --json one object per line.

    Where INVOICING_REGISTER_AT is set the register is read: amounts, buyers and payments, for good.
    What waits for something, stands still or was cut off is asked of Temporal.
    """
    choice = Choice.of(provider, status, waiting_for, due_before, prefix)
    if as_json and as_csv:
        raise BadInput("Choose one of --json and --csv.")
    period = period_of(month, since, until)
    only_booked = (account, payment, running, search, period, after)
    configured = settings.shared.register(os.environ).register_at is not None
    of_register = any((overdue and configured, went_back, too_much, totals))
    of_register = of_register or any(each is not None for each in only_booked)
    of_temporal = bool(waiting_for or stuck or status == CUT_OFF)
    if of_register and of_temporal:
        raise BadInput("The register does not know what waits, stands still or was cut off.")
    if of_register and not configured:
        raise BadInput(NO_REGISTER)
    read = configured and not of_temporal
    output = Output(_columns(columns, BOOKED if read else COLUMNS), limit, as_json, as_csv)
    today = datetime.now(UTC).date() if overdue else None
    if not read:
        choice = replace(choice, overdue_on=today)
        _from_temporal(choice, output, stuck=stuck)
        return
    from invoicing.books.booked import Wanted

    wanted = Wanted(
        provider=provider,
        account=account,
        status=status,
        payment=payment,
        prefix=prefix,
        text=search,
        running=running,
        due_before=choice.due_before,
        overdue_on=today,
        went_back=went_back,
        too_much=too_much,
        period=period,
    )
    if totals:
        _totals(wanted, output)
    else:
        _from_register(wanted, output, after)


def _columns(text: str | None, known: Sequence[str]) -> tuple[str, ...] | None:
    if not text:
        return None
    wanted = tuple(one.strip() for one in text.split(","))
    if unknown := [plain(one) for one in wanted if one not in known]:
        raise BadInput(f"No such column: {', '.join(unknown)}. There are: {', '.join(known)}.")
    return wanted


def _from_temporal(choice: Choice, output: Output, *, stuck: bool) -> None:
    limit, columns = output.limit, output.columns or COLUMNS

    async def work(client: InvoicingClient) -> Code:
        rows = [row async for row in choice.found(client, limit=limit + 1, stuck=stuck)]
        if output.as_json or output.as_csv:
            _write(map(data, rows[:limit]), columns, output)
        elif rows:
            screen().print(listing(rows[:limit], output.columns or ()))
        else:
            typer.echo("No invoices.", err=True)
        if len(rows) > limit:
            typer.echo(f"There are more than {limit}: narrow it down or raise --limit.", err=True)
        return Code.DONE

    with_client(work)


def _from_register(wanted: Wanted, output: Output, after: str | None) -> None:
    """Page after page, so that no list is held as a whole."""
    from invoicing.books.booked import BadCursor
    from register.lists import page

    left, whole = output.limit, output.as_json or output.as_csv
    columns = output.columns or (BOOKED if whole else _SHOWN)
    shown: list[Mapping[str, Any]] = []
    with reading() as engine:
        while left > 0:
            try:
                part = page(engine, wanted, left, after)
            except BadCursor as error:
                raise BadInput(f"--after: {error}.") from None
            rows = [data(each) for each in part.rows]
            if whole:
                _write(rows, columns, output, header=left == output.limit)
            shown += [] if whole else rows
            left, after = left - len(rows), part.next
            if after is None:
                break
    if shown:
        screen().print(grid(columns, ([one[name] for name in columns] for one in shown)))
    elif left == output.limit:
        typer.echo("No invoices.", err=True)
    if after is not None:
        typer.echo(f"There are more: --after {after}", err=True)


def _write(
    rows: Iterable[Mapping[str, Any]],
    columns: Sequence[str],
    output: Output,
    *,
    header: bool = True,
) -> None:
    if output.as_json:
        for row in rows:
            kept = {name: value for name, value in row.items() if name in columns}
            typer.echo(json.dumps(kept, ensure_ascii=False, separators=(",", ":")))
        return
    out = csv.writer(typer.get_text_stream("stdout"), lineterminator="\n")
    if header:
        out.writerow(columns)
    for row in rows:
        out.writerow([_cell(name, row[name]) for name in columns])


_NUMBERS = (
    *("net", "vat", "gross", "due", "paid", "credited", "left_to_pay", "too_much"),
    *("refunded", "charged_back", "returned"),
)


def _cell(name: str, value: object) -> str:
    """An amount of ours may begin with a minus; what others wrote may not."""
    return str(value) if name in _NUMBERS and value is not None else harmless(value)


def _totals(wanted: Wanted, output: Output) -> None:
    from register.lists import totals

    with reading() as engine:
        found = totals(engine, wanted)
    for one in found:
        typer.echo(json.dumps(data(one)) if output.as_json else _sentence(one))
    if not found:
        typer.echo("No invoices.", err=True)


def _sentence(one: Total) -> str:
    unknown = f" (of {one.paid_unknown} it is not known how much)" if one.paid_unknown else ""
    whole = (
        f"{one.currency}  {one.invoices} final: net {one.net} + VAT {one.vat} = gross {one.gross}, "
        f"due {one.due}, paid {one.paid}{unknown}, credited {one.credited}"
    )
    rates = (f"     {of.category} {of.rate} %: {of.vat} on {of.taxable}" for of in one.rates)
    return "\n".join([whole, *rates])

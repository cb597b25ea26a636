"""A file of requests: many invoices, and a file that says of every line what became of it."""

from __future__ import annotations

import asyncio
import csv
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from temporalio.service import RPCError

from commands.at_once import few_at_a_time, progress
from commands.base import (
    MANY,
    ON_PURPOSE,
    AsJson,
    BadInput,
    Code,
    answered,
    app,
    explained,
    with_client,
)
from commands.files import CSV, Entry, entries
from commands.following import why_it_failed
from invoicing.client import InvoicingClient, Listed, Unreachable
from invoicing.errors import NotFound
from invoicing.invoice import LATE, Status
from invoicing.lists import CUT_OFF
from invoicing.request import InvoiceRequest
from terminal import FELL_THROUGH, spreadsheet, waits_for_person

AT_ONCE = 20
PAUSES = (0.2, 0.5, 1.0, 2.0)
"""Seconds between two looks at those that are under way; then the last of them again and again."""
MOST_FAILURES = 10
"""Rounds of looking in a row that the server may fail altogether."""

Many = Annotated[
    Path,
    typer.Argument(
        metavar="FILE", exists=True, dir_okay=False, readable=True, help="….csv or ….jsonl"
    ),
]


@dataclass
class Fate:
    """What became of one entry. `outcome` is started, known, refused, or not asked."""

    entry: Entry
    outcome: str = "not asked"
    code: Code = Code.FAILED
    status: str = ""
    number: str = ""
    why: str = ""

    @property
    def there(self) -> bool:
        """Whether its invoice is known to the server."""
        return self.outcome in ("started", "known")


@app.command(
    "batch",
    rich_help_panel=MANY,
    short_help="Have all invoices of a file made.",
    epilog="Example: python starter.py batch sandbox/examples/june.csv --wait",
)
def batch(
    file: Many,
    wait: Annotated[
        bool, typer.Option("--wait", help="Stay until each has ended or needs a person.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Have all invoices of a file made; run it again, and they are the same invoices.

    FILE holds one JSON request per line (.jsonl), or one invoice line per row (.csv); rows with
    one reference are one invoice. The first row names the fields, as in sandbox/examples/june.csv:
    line.… of the line, options.… of the provider, all others of the request and its document.

    `preview` shows what each would come to. A file beside it, ….result.csv or ….result.jsonl, says
    what became of every line; a bad one does not stop the others.
    """
    fates = [_begun(entry) for entry in entries(file)]
    results = Results(file)
    results.write(fates)

    async def work(client: InvoicingClient) -> Code:
        try:
            await _ask(client, [fate for fate in fates if fate.entry.request])
            if wait:
                await _settle(client, [fate for fate in fates if fate.there])
        finally:
            results.write(fates)
        _tell(fates, results.path, as_json)
        return max((fate.code for fate in fates), default=Code.DONE)

    with_client(work)


def _begun(entry: Entry) -> Fate:
    if entry.request:
        return Fate(entry)
    return Fate(entry, "refused", Code.BAD_INPUT, why="; ".join(entry.wrong))


# --- asking ---------------------------------------------------------------------------------------


async def _ask(client: InvoicingClient, fates: Sequence[Fate]) -> None:
    with progress("Asking", len(fates)) as advance:

        async def one(fate: Fate) -> None:
            if request := fate.entry.request:
                await _start(client, fate, request)
            advance()

        await few_at_a_time(fates, one, AT_ONCE)


async def _start(client: InvoicingClient, fate: Fate, request: InvoiceRequest) -> None:
    try:
        known = await _listed(client, request.reference)
        await client.start(request)
        now = await client.listed(request.reference)
        # One that was cut off, or left nothing behind, has begun anew.
        same = known is not None and known.started_at == now.started_at
        fate.outcome, fate.code = "known" if same else "started", Code.DONE
        _learn(fate, now)
    except RPCError as error:
        fate.why, fate.code = explained(error)
    except ON_PURPOSE as error:
        fate.outcome, (fate.why, fate.code) = "refused", explained(error)


async def _listed(client: InvoicingClient, reference: str) -> Listed | None:
    try:
        return await client.listed(reference)
    except NotFound:
        return None


def _learn(fate: Fate, listed: Listed) -> None:
    fate.status, fate.number = listed.status or "", listed.number or ""


# --- waiting --------------------------------------------------------------------------------------


async def _settle(client: InvoicingClient, fates: Sequence[Fate]) -> None:
    """Look at those under way until there are none. It needs no worker, and loads none."""
    pauses = iter(PAUSES)
    failures = 0
    with progress("Waiting", len(fates)) as advance:
        pending = list(fates)
        while pending:
            left = await few_at_a_time(pending, partial(_under_way, client), AT_ONCE)
            failures = failures + 1 if all(isinstance(one, RPCError) for one in left) else 0
            if failures > MOST_FAILURES and isinstance(left[0], RPCError):
                raise left[0]
            advance(sum(one is False for one in left))
            pending = [fate for fate, one in zip(pending, left, strict=True) if one is not False]
            await asyncio.sleep(next(pauses, PAUSES[-1]) if pending else 0)


async def _under_way(client: InvoicingClient, fate: Fate) -> bool | RPCError:
    """Whether it still is; the error where the server does not say."""
    try:
        listed = await client.listed(fate.entry.reference)
        _learn(fate, listed)
        if listed.execution != "running":
            await _judge(client, fate, listed)
        elif listed.waiting_for == f"provider: {LATE}":
            # It has ended, and looks whether a lost call comes to light.
            await _judge(client, fate, listed)
        elif listed.status in _FOR_A_PERSON:
            return not await _waits(client, fate, listed)
        else:
            return listed.status != Status.SCHEDULED
    except RPCError as error:
        return error
    return False


_FOR_A_PERSON = (Status.HELD, Status.NEEDS_ATTENTION)


async def _waits(client: InvoicingClient, fate: Fate, listed: Listed) -> bool:
    """Whether it still waits for a person: what is listed changes with the next step only, and an
    answer may just have been given. Where no worker says, what is listed counts."""
    why = listed.waiting_for or ""
    with suppress(Unreachable):
        invoice = await answered(client.state(listed.reference))
        if not waits_for_person(invoice):
            return False
        why = str(invoice.problem or invoice.waiting or "")
    fate.code, fate.why = Code.NEEDS_ATTENTION, why
    return True


async def _judge(client: InvoicingClient, fate: Fate, listed: Listed) -> None:
    if listed.status == CUT_OFF:
        fate.code, fate.why = Code.FAILED, str(await client.cut_off(listed.reference) or "")
    elif listed.status in FELL_THROUGH:
        fate.code = Code.FAILED
        if listed.execution == "failed":
            fate.why = "; ".join(await why_it_failed(client, listed.reference))


# --- telling --------------------------------------------------------------------------------------

COLUMNS = ("line", "reference", "outcome", "status", "number", "why")


class Results:
    """The file beside the input: what became of each of its lines, in the same format."""

    def __init__(self, source: Path) -> None:
        self._csv = source.suffix.lower() == CSV
        ending = "csv" if self._csv else "jsonl"
        self.path = source.with_name(f"{source.stem}.result.{ending}")

    def write(self, fates: Sequence[Fate]) -> None:
        """Replace the file as a whole. Raises BadInput where none can be written."""
        fresh = self.path.with_name(f".{self.path.name}.new")
        rows = sorted(_rows(fates), key=lambda row: row["line"])
        try:
            with fresh.open("w", encoding="utf-8-sig" if self._csv else "utf-8", newline="") as out:
                if self._csv:
                    table = csv.DictWriter(out, COLUMNS, lineterminator="\n")
                    table.writeheader()
                    table.writerows(
                        {name: spreadsheet(row[name]) for name in COLUMNS} for row in rows
                    )
                else:
                    out.writelines(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows)
            fresh.replace(self.path)
        except OSError as error:
            raise BadInput(f"{self.path.name} cannot be written: {error.strerror}.") from None


def _rows(fates: Sequence[Fate]) -> Iterator[dict[str, int | str]]:
    for fate in fates:
        for line in fate.entry.lines:
            yield {
                "line": line,
                "reference": fate.entry.reference,
                "outcome": fate.outcome,
                "status": fate.status,
                "number": fate.number,
                "why": fate.why,
            }


def _tell(fates: Sequence[Fate], path: Path, as_json: bool) -> None:
    outcomes = Counter(fate.outcome for fate in fates)
    statuses = Counter(fate.status for fate in fates if fate.status)
    if as_json:
        told = {"outcomes": outcomes, "statuses": statuses, "result": str(path)}
        typer.echo(json.dumps(told))
        return
    counts = ", ".join(f"{count} {word}" for word, count in outcomes.items()) or "nothing in it"
    typer.echo(f"Asked     {counts}")
    if statuses:
        typer.echo(f"Status    {', '.join(f'{count} {word}' for word, count in statuses.items())}")
    typer.echo(f"Each line {path}")
    if outcomes["not asked"]:
        typer.echo("Some could not be asked for: run the same command again.", err=True)

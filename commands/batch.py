"""A file of requests: many invoices, and a file that says of each what became of it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from commands.at_once import few_at_a_time, progress
from commands.base import (
    MANY,
    ON_PURPOSE,
    PROGRAM,
    AsJson,
    By,
    Code,
    Why,
    app,
    explained,
    finite,
    who_and_why,
    with_client,
)
from commands.confirming import Yes
from commands.correcting import Corrections, advise
from commands.fates import AGAIN, Fate, Results, in_parts
from commands.files import Many, reads_a_file, requests_in
from commands.settling import Waiter
from invoicing.client import InvoicingClient, Listed
from invoicing.errors import EngineError, NotFound, ReferenceInUse
from invoicing.request import Goal, InvoiceRequest
from tabular.requests import Requests
from tabular.wishes import Wishes

AT_ONCE = 20
ANNOUNCED = 5 * AT_ONCE


@app.command(
    "batch",
    rich_help_panel=MANY,
    short_help="Have all invoices of a file made.",
    epilog=f"Example: {PROGRAM} batch sandbox/examples/june.csv --wait --until sent",
)
@reads_a_file
def batch(
    file: Many,
    wishes: Wishes,
    wait: Annotated[
        bool, typer.Option("--wait", help="Stay until each has ended or needs a person.")
    ] = False,
    until: Annotated[
        Goal | None, typer.Option("--until", help="Wait, but no longer than until it is this.")
    ] = None,
    minutes: Annotated[
        float,
        typer.Option("--minutes", min=0, callback=finite, help="Wait for so many minutes at most."),
    ] = 60,
    correct: Annotated[
        bool,
        typer.Option("--correct", help="Correct those that wait, and differ from this file."),
    ] = False,
    yes: Yes = False,
    by: By = None,
    reason: Why = None,
    as_json: AsJson = False,
) -> None:
    """Have all invoices of a file made; run it again, and they are the same invoices.

    FILE holds one invoice line per row (.csv, .xlsx), or one JSON request per line (.jsonl); rows
    with one reference are one invoice. The first row names the fields, as in
    sandbox/examples/june.csv: line.… of the line, options.… of the provider, all others of the
    request and its document. What it does not say for certain, as whether 1.250 is 1250, is asked.

    `preview` shows what each would come to. A file beside it, ….result.csv (.xlsx, .jsonl), says
    what has become of every invoice, at every moment; a bad one does not stop the others.
    """
    told = who_and_why(by, reason) if correct else {}
    requests = requests_in(file, wishes)
    with progress("Checking", requests.count) as advance:
        fates = []
        for entry in requests.entries():
            fates.append(Fate.of(entry))
            advance()
    results = Results(file, requests.dialect, fates)
    results.write()

    async def work(client: InvoicingClient) -> Code:
        asker = Asker(client, requests, fates, results)
        async with results.kept():
            await asker.ask()
            if correct:
                corrections = Corrections(client, told, yes)
                await corrections.give(_with_requests(requests, fates))
            if wait or until:
                waiter = Waiter(client, until, minutes * 60)
                await waiter.settle([fate for fate in fates if fate.there])
        _tell(fates, results.path, as_json)
        return max((fate.code for fate in fates), default=Code.DONE)

    with_client(work)


def _with_requests(
    requests: Requests, fates: Sequence[Fate]
) -> Iterator[tuple[Fate, InvoiceRequest]]:
    """Each with what is asked for, which is read anew: it is too much to keep it all."""
    for fate, entry in zip(fates, requests.entries(), strict=True):
        if entry.request:
            yield fate, entry.request


@dataclass(frozen=True)
class Asker:
    """Asks for the invoices of a file. Each is announced in the results before it is asked for:
    what says `not asked` there never was, whatever kills this process."""

    client: InvoicingClient
    requests: Requests
    fates: Sequence[Fate]
    results: Results

    async def ask(self) -> None:
        """Ask for all of them, a few at a time."""
        valid = sum(fate.valid for fate in self.fates)
        pairs = _with_requests(self.requests, self.fates)
        size = in_parts(self.fates, ANNOUNCED)
        with progress("Asking", valid) as advance:

            async def one(pair: tuple[Fate, InvoiceRequest]) -> None:
                await self._start(*pair)
                advance()

            while part := list(islice(pairs, size)):
                for fate, _ in part:
                    fate.result.outcome = "asking"
                self.results.write()
                await few_at_a_time(part, one, AT_ONCE)

    async def _start(self, fate: Fate, request: InvoiceRequest) -> None:
        try:
            known = await self._listed(request.reference)
            await self.client.invoices.start(request)
            now = await self.client.invoices.listed(request.reference)
        except EngineError as error:
            why, code = explained(error)
            fate.says(code, why, AGAIN)
        except ReferenceInUse as error:
            fate.result.outcome = "refused"
            await advise(self.client, fate, error)
        except ON_PURPOSE as error:
            fate.result.outcome = "refused"
            why, code = explained(error)
            fate.says(code, why)
        else:
            # One that was cut off, or left nothing behind, has begun anew.
            same = known is not None and known.started_at == now.started_at
            fate.result.outcome, fate.code = "known" if same else "started", Code.DONE
            fate.learn(now)

    async def _listed(self, reference: str) -> Listed | None:
        try:
            return await self.client.invoices.listed(reference)
        except NotFound:
            return None


def _tell(fates: Sequence[Fate], path: Path, as_json: bool) -> None:
    outcomes = Counter(fate.result.outcome for fate in fates)
    statuses = Counter(fate.result.status for fate in fates if fate.result.status)
    if as_json:
        told = {"outcomes": outcomes, "statuses": statuses, "result": str(path)}
        typer.echo(json.dumps(told))
        return
    counts = ", ".join(f"{count} {word}" for word, count in outcomes.items()) or "nothing in it"
    typer.echo(f"Asked     {counts}")
    if statuses:
        typer.echo(f"Status    {', '.join(f'{count} {word}' for word, count in statuses.items())}")
    typer.echo(f"Each one  {path}")
    if outcomes["asking"] or outcomes["not asked"]:
        typer.echo("Some could not be asked for: run the same command again.", err=True)

"""What would become of a request, or of a file of them; nothing is created."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from commands.at_once import few_at_a_time, progress
from commands.base import PROGRAM, AsJson, BadInput, Code, app, data, with_client
from commands.files import is_many, reads_a_file, requests_in
from commands.following import served
from invoicing.client import InvoicingClient, Listed, Refused
from invoicing.errors import NotFound, NoWorker, ReferenceInUse
from invoicing.parse import read_request
from invoicing.preview import Preview
from invoicing.request import InvoiceRequest
from invoicing.temporal.engine import within
from tabular.entries import Entry
from tabular.wishes import Wishes
from terminal import plain, previewed, previews, screen

AT_ONCE = 10
SECONDS = 60.0


@dataclass(frozen=True)
class Seen:
    """One entry: what it would come to, and the invoice that has its reference already."""

    entry: Entry
    preview: Preview | None = None
    known: Listed | None = None
    begins: bool = True
    """Whether `start` would have it made, and not find it made already."""
    taken: str = ""
    """Why the reference cannot be used for it; empty: it can."""

    @property
    def wrong(self) -> str:
        """Everything that stands in the way, on one line; empty: nothing does."""
        if self.preview is None:
            return "; ".join(self.entry.wrong)
        fields = map(str, self.preview.fields)
        return "; ".join(filter(None, (self.taken, self.preview.problem, *fields)))


@app.command(
    short_help="Say what would be made, and make nothing.",
    epilog=f"Example: {PROGRAM} preview sandbox/examples/invoice.json",
)
@reads_a_file
def preview(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            allow_dash=True,
            exists=True,
            dir_okay=False,
            help="JSON, or many: .csv, .xlsx, .jsonl; - is stdin.",
        ),
    ],
    wishes: Wishes,
    as_json: AsJson = False,
) -> None:
    """Check a request with its provider, look up what it names, add it up; create nothing."""
    many = is_many(file)
    wanted = _sorted(file, wishes) if many else [_single(file)]

    async def work(client: InvoicingClient) -> Code:
        with progress("Previewing", len(wanted)) as advance:

            async def one(entry: Entry) -> Seen:
                seen = await _seen(client, entry)
                advance()
                return seen

            seen = await few_at_a_time(wanted, one, AT_ONCE)
        _tell(seen, as_json, many)
        return max((_code(one) for one in seen), default=Code.DONE)

    with_client(work)


MOST = 2_000
"""Requests that are previewed at once: each is a workflow, and all are shown together."""


def _sorted(file: Path, wishes: Wishes) -> list[Entry]:
    requests = requests_in(file, wishes)
    if requests.count > MOST:
        raise BadInput(f"These are {requests.count} invoices: at most {MOST} are previewed.")
    return sorted(requests.entries(), key=lambda entry: entry.rows)


def _single(file: Path) -> Entry:
    text = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    request = read_request(text)
    return Entry((1,), request.reference, request)


async def _seen(client: InvoicingClient, entry: Entry) -> Seen:
    if entry.request is None:
        return Seen(entry)
    begins, taken = True, ""
    try:
        begins = await client.invoices.begins(entry.request)
    except NotFound:
        pass
    except (ReferenceInUse, Refused) as error:
        taken = str(error)
    seen = await _preview(client, entry.request)
    return Seen(entry, seen, await _known(client, entry.reference), begins, taken)


async def _preview(client: InvoicingClient, request: InvoiceRequest) -> Preview:
    if not await served(client, request.provider):
        raise NoWorker(
            f"no worker for {request.provider} is there: check the name, or start one; nothing was "
            "created"
        )

    def late() -> NoWorker:
        return NoWorker(
            f"no worker for {request.provider} answered within {SECONDS:.0f} s: start one with "
            "`make worker`, or ask `doctor`; nothing was created"
        )

    return await within(SECONDS, client.invoices.preview(request), late)


async def _known(client: InvoicingClient, reference: str) -> Listed | None:
    try:
        return await client.invoices.listed(reference)
    except NotFound:
        return None


def _code(seen: Seen) -> Code:
    if seen.preview is None:
        return Code.BAD_INPUT
    return Code.FAILED if seen.wrong else Code.DONE


def _tell(seen: list[Seen], as_json: bool, many: bool) -> None:
    if as_json:
        for one in seen:
            told = data(one.preview) if one.preview else {"reference": one.entry.reference}
            known = one.known and one.known.status
            numbers = {"rows": one.entry.rows} if many else {}
            typer.echo(json.dumps({**told, **numbers, "wrong": one.wrong, "known": known}))
    elif many:
        rows = ((one.entry.reference, one.preview, one.wrong) for one in seen)
        screen().print(previews(rows))
        good = sum(not one.wrong for one in seen)
        typer.echo(f"{good} possible, {len(seen) - good} not; nothing was created", err=True)
    elif found := seen[0].preview:
        _tell_one(seen[0], found)


def _tell_one(seen: Seen, found: Preview) -> None:
    screen().print(previewed(found))
    if seen.known:
        number = f", number {seen.known.number}" if seen.known.number else ""
        typer.echo(plain(f"Already asked for: {seen.known.status}{number}."), err=True)
    if not seen.wrong:
        typer.echo(f"{_would(seen, found)} Nothing was created.", err=True)
        return
    for problem in filter(None, (seen.taken, found.problem)):
        typer.echo(f"It cannot be made: {plain(problem)}", err=True)
    for field in found.fields:
        typer.echo(f"  {plain(field)}", err=True)


def _would(seen: Seen, found: Preview) -> str:
    if not seen.begins:
        return "`start` would find this very invoice, and make no second one."
    return f"It would be made, and then {found.goal}."

"""`rollout`: replay what runs against the code at hand, and say which build gets new work."""

from __future__ import annotations

import os
import sys
from time import monotonic
from typing import Annotated

import typer

import settings.worker
from commands.base import SERVER, BadInput, Code, app, group, with_client
from invoicing.client import InvoicingClient
from rollout.deployment import UNVERSIONED, Deployed, Deployment
from rollout.replaying import FURTHER, Replayed, check
from terminal import plain

rollout = group(help="Build without stranding an invoice: docs/upgrade.md.")
app.add_typer(
    rollout,
    name="rollout",
    rich_help_panel=SERVER,
    short_help="Build without stranding an invoice.",
)

_PATIENCE = 10.0
"""Seconds for the server to hear of workers that have just started."""

Named = Annotated[
    str | None,
    typer.Argument(
        metavar="BUILD", help="INVOICING_BUILD of its workers; that at hand if left out."
    ),
]
Ended = Annotated[int, typer.Option(help="So many ended ones of each type as well.", min=0)]
Processes = Annotated[int | None, typer.Option(help="As many as cores if left out.", min=1)]
Checked = Annotated[
    bool,
    typer.Option("--checked", help="`rollout check` has passed in its image: do not repeat it."),
]


@rollout.command(name="check", epilog="Example: python starter.py rollout check")
def check_(ended: Ended = 20, processes: Processes = None) -> None:
    """Replay every history that runs against the code at hand, and a sample of those that ended.

    Run it from the new image, before its build is promoted; and from the old one before you go
    back to it. It changes nothing. Exit code 1 if one does not fit, with the first of each kind.
    """

    async def work(client: InvoicingClient) -> Code:
        return await _checked(client, ended, processes)

    with_client(work)


@rollout.command(epilog="Example: python starter.py rollout promote")
def promote(name: Named = None, checked: Checked = False) -> None:
    """Check the code at hand, then give its build all work: what begins, and what lives."""

    async def work(client: InvoicingClient) -> Code:
        wanted = _wanted(name)
        if (code := await _checked_first(client, wanted, checked)) is not Code.DONE:
            return code
        await _deployment(client).promote(wanted)
        typer.echo(f"{wanted} is the current build.")
        return Code.DONE

    with_client(work)


@rollout.command(epilog="Example: python starter.py rollout ramp 10")
def ramp(
    share: Annotated[float, typer.Argument(metavar="PERCENT", min=0, max=100)],
    name: Named = None,
    checked: Checked = False,
) -> None:
    """Check the code at hand, then give its build a share; with 0 it has none any more."""

    async def work(client: InvoicingClient) -> Code:
        wanted = _wanted(name)
        if share and (code := await _checked_first(client, wanted, checked)) is not Code.DONE:
            return code
        await _deployment(client).ramp(wanted, share)
        typer.echo(f"{wanted} gets {share:g} % of the work.")
        return Code.DONE

    with_client(work)


@rollout.command(name="roll-back", epilog="Example: python starter.py rollout roll-back")
def roll_back(
    to: Annotated[
        str | None, typer.Option(metavar="BUILD", help="Another than that before.")
    ] = None,
) -> None:
    """End a ramp, or else give all work to the build that was current before.

    Its workers have to run. What has done something since that only the newer code knows stands
    still there until it is promoted again: `rollout check` in the older image tells.
    """

    async def work(client: InvoicingClient) -> Code:
        got = await _deployment(client).roll_back(to)
        what = "workers without a build" if got == UNVERSIONED else got
        typer.echo(f"All work goes to {what} again.")
        return Code.DONE

    with_client(work)


@rollout.command(epilog="Example: python starter.py rollout status")
def status() -> None:
    """Which build gets work, and which can be taken away."""

    async def work(client: InvoicingClient) -> Code:
        _show(await _deployment(client).deployed())
        return Code.DONE

    with_client(work)


# --- what they share ------------------------------------------------------------------------------


def _deployment(client: InvoicingClient) -> Deployment:
    name = settings.worker.read(os.environ).deployment
    return Deployment(client.temporal, name, _PATIENCE)


def _wanted(name: str | None) -> str:
    wanted = name or settings.worker.read(os.environ).build
    if not wanted:
        raise BadInput("Name the build, or set INVOICING_BUILD as its workers have it.")
    return wanted


async def _checked_first(client: InvoicingClient, wanted: str, checked: bool) -> Code:
    if checked:
        return Code.DONE
    if settings.worker.read(os.environ).build != wanted:
        raise BadInput(
            f"The code at hand is not known to be that of {plain(wanted)}. Run this in its image, "
            "with its INVOICING_BUILD; or, if `rollout check` has passed there, say --checked."
        )
    return await _checked(client, 20, None)


async def _checked(client: InvoicingClient, ended: int, processes: int | None) -> Code:
    from worker import STORIES  # loads all there is, which no other command needs

    shown = _Line()
    found = await check(
        client.temporal, STORIES, ended=ended, processes=processes, progress=shown.at
    )
    shown.end()
    _tell(found)
    return Code.FAILED if found.differ else Code.DONE


def _tell(found: Replayed) -> None:
    gone = f"; {found.gone} were gone before they were looked at" if found.gone else ""
    if not found.differ:
        typer.echo(f"All {found.fit} histories fit the code at hand{gone}.")
        return
    typer.echo(f"{found.differ} of {found.looked_at} histories do not fit the code at hand{gone}:")
    for kind, number in sorted(found.kinds.items(), key=lambda each: -each[1]):
        example = found.first.get(kind, FURTHER)
        typer.echo(f"  {number} ×  {plain(str(example))}")
    typer.echo("Do not promote it: docs/upgrade.md says how such a change is made.")


class _Line:
    """How far a check is, on standard error: one line that changes, or one per tenth elsewhere."""

    def __init__(self) -> None:
        self._begun = monotonic()
        self._tenth = 0
        self._open = False

    def at(self, done: int, of: int) -> None:
        """So many are done."""
        per_second = done / max(monotonic() - self._begun, 0.001)
        text = f"{done} of {of} histories replayed, {per_second:.0f} a second"
        if sys.stderr.isatty():
            self._open = True
            typer.echo(f"\r{text}", err=True, nl=False)
        elif (tenth := 10 * done // max(of, 1)) > self._tenth:
            self._tenth = tenth
            typer.echo(text, err=True)

    def end(self) -> None:
        """What is written next begins a line."""
        if self._open:
            typer.echo(err=True)


def _show(now: Deployed) -> None:
    typer.echo(f"current: {now.current}")
    if now.ramping:
        typer.echo(f"ramping: {now.ramping}, {now.share:g} %")
    for each in now.builds:
        typer.echo(f"  {plain(each.name)}  {each.state}  first seen {each.seen:%Y-%m-%d %H:%M} UTC")

"""`prepare` makes a Temporal server ready: the namespace, and the search attributes in it.

At Temporal Cloud both are made in its console; the attributes are those of
`invoicing.state.attributes.SEARCH_ATTRIBUTES`, and `prepare` says which are missing.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping
from typing import Annotated

import typer
from temporalio.client import Client

import invoicing.client
from commands.at_once import progress
from commands.base import PROGRAM, SERVER, AsJson, Code, app, finite
from invoicing.client import server
from invoicing.errors import EngineError, NoNamespace, ServerAway
from invoicing.process import run
from invoicing.state.attributes import SEARCH_ATTRIBUTES
from invoicing.temporal.converter import data_converter
from terminal import findings, plain, screen

RETENTION_DAYS = 90
"""How long the history of an invoice that has ended is kept."""
_PAUSE = 1.0
# Until every part of the server has heard of a new namespace, some say that there is none.
_NOT_YET = (NoNamespace, ServerAway)
_GOOD = ("there", "registered")


@app.command(
    "prepare",
    rich_help_panel=SERVER,
    short_help="Make a Temporal server ready: namespace, and what lists show.",
    epilog=f"Example: TEMPORAL_NAMESPACE=billing {PROGRAM} prepare",
)
def prepare(
    retention_days: Annotated[
        int,
        typer.Option(min=1, help="How long histories are kept, where the namespace is new."),
    ] = RETENTION_DAYS,
    patience: Annotated[
        float,
        typer.Option(
            min=0, callback=finite, help="Seconds for a server that has just been started."
        ),
    ] = 15,
    as_json: AsJson = False,
) -> None:
    """Make the namespace and register the search attributes that it lacks; harmless to repeat.

    A namespace that is there keeps the retention that it has.
    """
    with progress("Preparing", None):
        ready = run(_within(patience, retention_days))
    if as_json:
        told = {"namespace": ready.name, "made": ready.made, "attributes": ready.attributes}
        typer.echo(json.dumps(told))
    else:
        ready.show()
    raise typer.Exit(Code.DONE if ready.whole else Code.FAILED)


class Readiness:
    """What was found and made; `made`: what became of the namespace, in a word."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.made = "there"
        self.refusal = ""
        self.attributes: dict[str, str] = {}

    @property
    def whole(self) -> bool:
        """Whether nothing is missing."""
        return set(self.attributes.values()) <= set(_GOOD)

    def show(self) -> None:
        """On the terminal, with what an administrator has to do."""
        rows = [("ok", f"namespace {self.name}", self.made)]
        rows += (
            ("ok" if what in _GOOD else "wrong", f"{name} ({SEARCH_ATTRIBUTES[name]})", what)
            for name, what in self.attributes.items()
        )
        screen().print(findings(rows, "In the namespace " + self.name, ""))
        if self.refusal:
            typer.echo(
                f"They cannot be registered from here: {self.refusal}. An administrator has to; at "
                "Temporal Cloud that is in its console.",
                err=True,
            )
        if any(what not in (*_GOOD, "missing") for what in self.attributes.values()):
            typer.echo("One of another type has to be renamed or removed there first.", err=True)


async def _within(patience: float, retention_days: int) -> Readiness:
    try:
        async with asyncio.timeout(patience):
            return await _prepared(await _connected(), retention_days)
    except TimeoutError:
        address = os.environ.get("TEMPORAL_ADDRESS", "localhost:7233")
        raise ServerAway(
            f"the Temporal server at {address} was not ready after {patience:.0f} s: start it, or "
            "set TEMPORAL_ADDRESS to where it is"
        ) from None


async def _connected() -> Client:
    while True:
        try:
            return await invoicing.client.connect(data_converter=data_converter)
        except ServerAway:
            await asyncio.sleep(_PAUSE)


async def _prepared(client: Client, retention_days: int) -> Readiness:
    """EngineError where the server refuses to say what is there."""
    ready = Readiness(client.namespace)
    ready.made = await _make(client, retention_days)
    while True:
        try:
            there = await server.registered(client)
            ready.refusal = await _refused(client, there)
            break
        except _NOT_YET:
            await asyncio.sleep(_PAUSE)
    ready.attributes = {name: _told(name, there, ready.refusal) for name in SEARCH_ATTRIBUTES}
    return ready


async def _make(client: Client, retention_days: int) -> str:
    """Whether the namespace was made, or was there. Who may not make one may still use it."""
    while True:
        try:
            made = await server.make_namespace(client, retention_days)
        except ServerAway:
            await asyncio.sleep(_PAUSE)
        except EngineError as error:
            return f"not made from here ({error.code})"
        else:
            return f"made, histories are kept for {retention_days} days" if made else "there"


async def _refused(client: Client, there: Mapping[str, str]) -> str:
    """Why the server does not let us register what is missing; empty: it did."""
    missing = {name: kind for name, kind in SEARCH_ATTRIBUTES.items() if name not in there}
    try:
        if missing:
            await server.register(client, missing)
    except _NOT_YET:
        raise
    except EngineError as error:
        return f"the server answered {error.code}: {plain(error.words)}"
    return ""


def _told(name: str, there: Mapping[str, str], refusal: str) -> str:
    if name not in there:
        return "missing" if refusal else "registered"
    right = there[name] == SEARCH_ATTRIBUTES[name]
    return "there" if right else f"a {there[name]}, not a {SEARCH_ATTRIBUTES[name]}"

"""The server's side of it: `setup` makes it ready, `doctor` says what is wrong anywhere."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

import typer
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import (
    AddSearchAttributesRequest,
    ListSearchAttributesRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from commands.base import SERVER, AsJson, Code, app, with_client
from invoicing.attributes import SEARCH_ATTRIBUTES
from invoicing.client import InvoicingClient
from terminal import findings, plain, screen

_PREFIX = "INDEXED_VALUE_TYPE_"


async def registered(client: Client) -> dict[str, str]:
    """The custom search attributes of the client's namespace: name and type, as in our own list."""
    request = ListSearchAttributesRequest(namespace=client.namespace)
    answer = await client.operator_service.list_search_attributes(request)
    return {name: _word(kind) for name, kind in answer.custom_attributes.items()}


async def register(client: Client, there: Mapping[str, str]) -> None:
    """Add those of ours that are not there; safe to race. RPCError where the server refuses."""
    missing = {name: _value(kind) for name, kind in SEARCH_ATTRIBUTES.items() if name not in there}
    if not missing:
        return
    request = AddSearchAttributesRequest(namespace=client.namespace, search_attributes=missing)
    try:
        await client.operator_service.add_search_attributes(request)
    except RPCError as error:
        if error.status is not RPCStatusCode.ALREADY_EXISTS:
            raise


def _word(kind: IndexedValueType.ValueType) -> str:
    return IndexedValueType.Name(kind).removeprefix(_PREFIX).title().replace("_", "")


def _value(word: str) -> IndexedValueType.ValueType:
    return IndexedValueType.Value(_PREFIX + re.sub(r"(?<=[a-z])(?=[A-Z])", "_", word).upper())


@app.command(
    rich_help_panel=SERVER,
    short_help="Make a namespace ready: register what lists show.",
    epilog="Example: TEMPORAL_NAMESPACE=billing python starter.py setup",
)
def setup(as_json: AsJson = False) -> None:
    """Register the search attributes that a namespace lacks; harmless to repeat."""

    async def work(client: InvoicingClient) -> Code:
        there = await registered(client.temporal)
        refusal = await _refused(client.temporal, there)
        told = {name: _told(name, there, refusal) for name in SEARCH_ATTRIBUTES}
        if as_json:
            typer.echo(json.dumps({"namespace": client.temporal.namespace, "attributes": told}))
        else:
            _show(client.temporal.namespace, told, refusal)
        return Code.DONE if set(told.values()) <= {"there", "registered"} else Code.FAILED

    with_client(work)


async def _refused(client: Client, there: Mapping[str, str]) -> str:
    """Why the server does not let us register what is missing; empty: it did."""
    try:
        await register(client, there)
    except RPCError as error:
        return f"the server answered {error.status.name}: {plain(error.message)}"
    return ""


def _told(name: str, there: Mapping[str, str], refusal: str) -> str:
    if name not in there:
        return "missing" if refusal else "registered"
    right = there[name] == SEARCH_ATTRIBUTES[name]
    return "there" if right else f"a {there[name]}, not a {SEARCH_ATTRIBUTES[name]}"


def _show(namespace: str, told: Mapping[str, str], refusal: str) -> None:
    good = ("there", "registered")
    rows = (
        ("ok" if what in good else "wrong", f"{name} ({SEARCH_ATTRIBUTES[name]})", what)
        for name, what in told.items()
    )
    screen().print(findings(rows, "In the namespace " + namespace, ""))
    if refusal:
        typer.echo(
            f"They cannot be registered from here: {refusal}. An administrator has to; at Temporal "
            "Cloud that is in its console.",
            err=True,
        )
    if any(what not in (*good, "missing") for what in told.values()):
        typer.echo("One of another type has to be renamed or removed there first.", err=True)

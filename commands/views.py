"""`views`: links by which the Web UI remembers the lists that operators need."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from urllib.parse import quote, urlencode

import typer

from commands.base import PROGRAM, SERVER, AsJson, BadInput, Code, app, web_ui, with_client
from invoicing.client import InvoicingClient
from invoicing.temporal.lists import IS_CUT_OFF

_OPEN = "ExecutionStatus = 'Running'"
_INVOICES = "WorkflowType = 'InvoiceWorkflow'"

VIEWS = {
    "Needs somebody": f"InvoiceStatus = 'needs_attention' AND {_OPEN}",
    "Held": f"InvoiceStatus = 'held' AND {_OPEN}",
    "Scheduled": f"InvoiceStatus = 'scheduled' AND {_OPEN}",
    "Invoices under way": f"{_INVOICES} AND {_OPEN}",
    "Provider away": f"WaitingFor = 'provider: provider unavailable' AND {_OPEN}",
    "Due, not paid": f"WaitingFor = 'provider: payment' AND InvoiceDueDate < '{{now}}' AND {_OPEN}",
    "Orders under way": f"WorkflowType = 'OrderWorkflow' AND {_OPEN}",
    "Feeds": f"WorkflowType = 'FeedWorkflow' AND {_OPEN}",
    "Notices not taken": "WorkflowType = 'NoticesWorkflow' AND ExecutionStatus = 'Failed'",
    "Ended without an invoice": f"{_INVOICES} AND InvoiceStatus IN "
    "('rejected', 'expired', 'abandoned')",
    "Cut off": "WorkflowType IN ('InvoiceWorkflow', 'OrderWorkflow', 'CreditsWorkflow', "
    f"'AmendWorkflow', 'DocumentWorkflow') AND {IS_CUT_OFF}",
}
"""Filters by name; `{now}` is the moment at which the link was made."""


def link(ui: str, namespace: str, name: str) -> str:
    """The list of this name; the Web UI saves it when it is opened."""
    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    named = urlencode(
        {"query": VIEWS[name].replace("{now}", now), "savedQuery": name}, quote_via=quote
    )
    return f"{ui.rstrip('/')}/namespaces/{quote(namespace, safe='')}/workflows?{named}"


@app.command(
    rich_help_panel=SERVER,
    short_help="Links that save the operators' lists in the Web UI.",
    epilog=f"Example: {PROGRAM} views",
)
def views(as_json: AsJson = False) -> None:
    """One link per list that operators need. Open it once: the Web UI keeps it among its views."""

    async def work(client: InvoicingClient) -> Code:
        ui = web_ui(client)
        if ui is None:
            raise BadInput("Where is the Web UI? Set INVOICING_WEB_UI, as http://localhost:8233.")
        links = {name: link(ui, client.temporal.namespace, name) for name in VIEWS}
        if as_json:
            typer.echo(json.dumps(links))
        else:
            typer.echo("\n".join(f"{name}\n  {url}" for name, url in links.items()))
        return Code.DONE

    with_client(work)

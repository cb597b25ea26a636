"""The command line as tests type it: in this process, against a server of their own."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

import starter
from invoicing.request import InvoiceRequest
from starter import Code, app
from tests.lifecycle.world import Company
from tests.patience import LONG_ENOUGH

ROOT = Path(starter.__file__).parent
EXAMPLES = ROOT / "sandbox" / "examples"
WHY = ("--reason", "a test")
NOWHERE = {"TEMPORAL_ADDRESS": "127.0.0.1:1"}


def address_of(company: Company) -> str:
    """Where the company's server is."""
    return company.client.temporal.service_client.config.target_host


async def typed(
    *arguments: str, at: Company | str | None = None, stdin: str = "", **variables: str
) -> Result:
    """What the command line makes of these arguments; it has an event loop of its own."""
    address = address_of(at) if isinstance(at, Company) else at or NOWHERE["TEMPORAL_ADDRESS"]
    environment = {"TEMPORAL_ADDRESS": address, "COLUMNS": "200", **variables}
    return await asyncio.to_thread(
        lambda: CliRunner().invoke(app, list(arguments), input=stdin, env=environment)
    )


def lines(said: Result) -> list[dict[str, Any]]:
    """What it printed with --json, one object per line."""
    return [json.loads(line) for line in said.stdout.splitlines()]


def written(request: InvoiceRequest, folder: Path, **changes: Any) -> str:
    """The path of a file with this request."""
    path = folder / "request.json"
    path.write_text(request.model_copy(update=changes).model_dump_json())
    return str(path)


async def listed(company: Company, wanted: str | set[str], *filters: str) -> set[str]:
    """The references in a list, which may be a moment old: asks until those wanted are in it."""
    missing = {wanted} - {""} if isinstance(wanted, str) else wanted
    async with asyncio.timeout(LONG_ENOUGH):
        while True:
            said = await typed("list", "--json", "--limit", "1000", *filters, at=company)
            assert said.exit_code == Code.DONE
            found: set[str] = {row["reference"] for row in lines(said)}
            if missing <= found:
                return found

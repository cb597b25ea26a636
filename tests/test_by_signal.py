"""Instructions by signal, with Temporal's own command line, as docs/operate.md shows them."""

from __future__ import annotations

import asyncio
import os
import re
import shlex
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from temporalio.api.sdk.v1 import WorkflowMetadata

from invoicing.parse import read_request
from invoicing.request import InvoiceRequest
from invoicing.state.invoice import Invoice, JournalEntry, Status
from temporal_server import local_server, resolve_binary
from tests.command_line import EXAMPLES, ROOT, address_of
from tests.lifecycle.world import Company, World, world
from tests.patience import LONG_ENOUGH
from tests.tiers import detail

OPERATE = (ROOT / "docs" / "operate.md").read_text(encoding="utf-8")
SHOWN = re.findall(r"^    (temporal .+)$", OPERATE, re.MULTILINE)
BY_SIGNAL = OPERATE.partition("## One, or many, by signal")[2].partition("\n## ")[0]
ONE = re.findall(r"^    (temporal workflow signal --workflow-id .+)$", BY_SIGNAL, re.MULTILINE)
MANY = re.findall(r"^    (temporal workflow \w+ --query .+)$", BY_SIGNAL, re.MULTILINE)


@pytest.fixture(scope="module")
async def shared() -> AsyncIterator[World]:
    async with local_server() as server, world(server) as made:
        yield made


@pytest.fixture
async def company(shared: World) -> AsyncIterator[Company]:
    async with shared.company() as made:
        yield made


@pytest.fixture(scope="module")
def temporal() -> Path:
    """The real command line."""
    return resolve_binary()


async def run(temporal: Path, company: Company, command: str) -> tuple[int, str]:
    """The exit code of a command that is shown, and what it said."""
    words = shlex.split(command)
    assert words[0] == "temporal"
    clean = {name: value for name, value in os.environ.items() if not name.startswith("TEMPORAL_")}
    running = await asyncio.create_subprocess_exec(
        str(temporal),
        *words[1:],
        env={**clean, "TEMPORAL_ADDRESS": address_of(company)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await asyncio.wait_for(running.communicate(), LONG_ENOUGH)
    return running.returncode or 0, said.decode()


def debit(company: Company, reference: str) -> InvoiceRequest:
    """What the provider refuses: direct debit from a buyer without a bank account."""
    example = read_request((EXAMPLES / "refused.json").read_bytes())
    return example.model_copy(update={"account": company.account, "reference": reference})


async def parked(company: Company, reference: str) -> None:
    await company.start(debit(company, reference))
    await company.parked(reference)


async def noted(company: Company, reference: str, what: str, *, by: str = "your name") -> None:
    """Return once the journal says so."""

    def says(entry: JournalEntry) -> bool:
        return entry.what.startswith(what) and entry.by == by

    async with asyncio.timeout(LONG_ENOUGH):
        while not any(map(says, (await company.client.invoices.journal(reference)).entries)):  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def details(company: Company, reference: str) -> str:
    """What the Web UI shows as current details."""
    handle = company.client.invoices.handle(reference)
    told = await handle.query("__temporal_workflow_metadata", result_type=WorkflowMetadata)
    assert isinstance(told, WorkflowMetadata)
    return told.current_details


async def until_listed(company: Company, query: str, number: int) -> None:
    """Lists are a moment old."""
    async with asyncio.timeout(LONG_ENOUGH):
        while (await company.client.temporal.count_workflows(query)).count != number:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


def test_the_commands_are_found() -> None:
    """Without this, a document that shows none would pass as well."""
    assert len(ONE) == 4
    assert len(MANY) == 5


@detail
async def test_one_invoice_is_held_released_answered_and_cancelled_as_shown(
    company: Company, temporal: Path
) -> None:
    await parked(company, "INV-7")
    for command, what in zip(
        ONE, ("held", "released", "q1 answered: retry", "cancel asked for"), strict=True
    ):
        code, said = await run(temporal, company, command)
        assert code == 0, said
        await noted(company, "INV-7", what)
    assert (await company.finished("INV-7")).status is Status.CANCELLED


@detail
async def test_many_are_held_answered_and_cancelled_as_shown(
    company: Company, temporal: Path
) -> None:
    june = ("JUNE-1", "JUNE-2")
    for reference in (*june, "MAY-1"):
        await parked(company, reference)
    look, hold, resolve, cancel, button = MANY
    await until_listed(company, shlex.split(look)[-1], 3)
    code, said = await run(temporal, company, look)
    assert code == 0, said
    assert "JUNE-2" in said
    for command, what, whose in (
        (hold, "held", june),
        (resolve, "q1 answered: retry", (*june, "MAY-1")),
        (cancel, "cancel asked for", june),
    ):
        code, said = await run(temporal, company, command)
        assert code == 0, said
        for reference in whose:
            await noted(company, reference, what)
    for reference in june:
        assert (await company.finished(reference)).status is Status.CANCELLED
    bystander = await company.client.invoices.journal("MAY-1")
    assert not any(entry.what in ("held", "cancel asked for") for entry in bystander.entries)
    await company.start(debit(company, "JUNE-3"))
    await company.parked("JUNE-3")
    await until_listed(company, shlex.split(button)[4], 1)
    code, said = await run(temporal, company, button)
    assert code == 0, said
    await noted(company, "JUNE-3", "cancel asked for", by="Temporal cancel")


REFUSED: list[tuple[str, str, str]] = [
    (
        "resolve",
        '{"by": "Canaryson", "reason": "r", "question": "q9", "answer": "retry"}',
        "q9 is not the question that is open now. That is q1",
    ),
    (
        "resolve",
        '{"by": "Canaryson", "reason": "r", "question": "q1", "answer": "keep"}',
        "keep is no answer to q1",
    ),
    ("release", '{"by": "Canaryson", "reason": "r"}', "neither held nor scheduled"),
]


@detail
@pytest.mark.parametrize(("name", "said", "why"), REFUSED, ids=[one[2] for one in REFUSED])
async def test_a_refused_signal_changes_nothing_and_shows(
    company: Company, temporal: Path, name: str, said: str, why: str
) -> None:
    reference = await company.start(debit(company, company.request().reference))
    before = await company.parked(reference)
    signal = f"temporal workflow signal --workflow-id invoice/{reference} --name"
    code, out = await run(temporal, company, f"{signal} {name} --input '{said}'")
    assert code == 0, out
    await noted(company, reference, f"refused: {name}: ", by="Canaryson")
    assert why in (await company.client.invoices.journal(reference)).entries[-1].what
    shown = await details(company, reference)
    assert f"**The last signal was refused.** {name}: " in shown
    assert why in shown
    after = await company.client.invoices.state(reference)
    assert _without_turn(after) == _without_turn(before)
    hold = '{"by": "your name", "reason": "r"}'
    await run(temporal, company, f"{signal} hold --input '{hold}'")
    await noted(company, reference, "held")
    assert "signal was refused" not in await details(company, reference)


@detail
async def test_a_signal_that_cannot_be_read_shows_and_repeats_no_value(
    company: Company, temporal: Path
) -> None:
    reference = await company.start(debit(company, company.request().reference))
    await company.parked(reference)
    signal = f"temporal workflow signal --workflow-id invoice/{reference} --name cancel"
    for given in ("", """ --input '{"by": "Canaryson", "raeson": "x"}'"""):
        await run(temporal, company, signal + given)
        await noted(company, reference, "refused: cancel: ", by="")
        assert "The last signal was refused" in await details(company, reference)
        entries = (await company.client.invoices.journal(reference)).entries
        assert "Canaryson" not in str(entries)
    assert (await company.client.invoices.state(reference)).status is Status.NEEDS_ATTENTION


@detail
async def test_every_other_command_that_is_shown_can_be_typed(
    company: Company, temporal: Path
) -> None:
    """They are about workflows that are not there, and get as far as asking for them."""
    others = [one for one in SHOWN if one not in (*ONE, *MANY)]
    assert others
    for command in others:
        _, said = await run(temporal, company, command)
        asked = ["not found"]
        if "TemporalReportedProblems" in command:
            # Servers before 1.30 do not know it, and say so.
            asked.append("TemporalReportedProblems' is not a valid search attribute")
        assert any(one in said for one in asked), said


def _without_turn(state: Invoice) -> Invoice:
    assert state.waiting is not None
    return state.model_copy(update={"waiting": state.waiting.model_copy(update={"turn": 0})})

"""An invoice that has ended, while the register is away: whoever waits is told of the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.client import WorkflowFailureError

from invoicing.books.claims import ClaimCall, Claimed, Word
from invoicing.client import Failed
from invoicing.errors import Unavailable
from invoicing.state.invoice import RECORD, Status
from invoicing.state.recording import CreditsCall, RecordCall
from sandbox.zero_friction import Step, Told
from starter import Code
from temporal_server import local_server
from tests.command_line import typed
from tests.lifecycle.world import PACES, World, world
from tests.patience import LONG_ENOUGH
from tests.tiers import detail, slow


class Away:
    """A register that grants every claim, and writes nothing down until it is back."""

    def __init__(self) -> None:
        self.back = False

    async def claim(self, call: ClaimCall) -> Claimed:
        """As asked."""
        return Claimed(word=Word.GRANTED)

    async def record(self, call: RecordCall) -> bool:
        """Only when it is back."""
        if not self.back:
            raise Unavailable("the register: away")
        return True

    async def record_credits(self, call: CreditsCall) -> bool:
        """Nothing here is credited."""
        raise AssertionError


@pytest.fixture
def register() -> Away:
    return Away()


@pytest.fixture
async def here(register: Away, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    monkeypatch.setattr("workflows.kit.recorder.ATTEMPTS", timedelta(seconds=0.5))
    monkeypatch.setattr("invoicing.client.invoices._BETWEEN_LOOKS", 0.2)
    async with local_server() as server, world(server, register=register) as made:
        yield made
        register.back = True


@slow
async def test_one_that_failed_is_told_of_as_failed_before_it_is_written_down(
    here: World, register: Away
) -> None:
    brief = PACES.model_copy(update={"attention": timedelta(seconds=0.3)})
    async with here.company(paces=brief) as company:
        company.stand_in.faults.place(Step.CREATE, Told.CHANGED_AMOUNT)
        reference = await company.start()
        with pytest.raises(Failed, match="nobody came in time"):
            await company.finished(reference)
        state = await company.until_waiting(reference, RECORD)
        assert (state.status, state.ended) == (Status.EXPIRED, True)
        register.back = True
        with pytest.raises(WorkflowFailureError):
            await company.client.invoices.handle(reference).result()


async def test_one_that_was_refused_says_why(here: World) -> None:
    async with here.company() as company:
        request = company.request(options={"no such": "option"})
        await company.client.invoices.start(request)
        with pytest.raises(Failed, match="the request has a mistake"):
            await company.client.invoices.result(request.reference)


@detail
async def test_a_file_of_which_all_has_ended_is_done(here: World, tmp_path: Path) -> None:
    async with here.company() as company:
        request = company.request()
        file = tmp_path / "request.jsonl"
        file.write_text(request.model_dump_json())
        said = await asyncio.wait_for(typed("batch", str(file), "--wait", at=company), LONG_ENOUGH)
        assert said.exit_code == Code.DONE, said.output
        await company.until_waiting(request.reference, RECORD)

"""Encryption on a real server: what its histories show without a key, and how keys are changed."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from google.protobuf.message import Message
from temporalio.api.common.v1 import Payload, SearchAttributes
from temporalio.api.enums.v1 import EventType
from temporalio.api.failure.v1 import Failure

from invoicing.client import InvoicingClient
from invoicing.document import Party
from invoicing.request import Goal
from invoicing.state import attributes
from invoicing.state.invoice import Hold, Release, Status
from invoicing.temporal.converter import Undecipherable, data_converter
from invoicing.temporal.encryption import ENCODING, KEY_NAME, VARIABLE, new_key
from providers.kit.http import client as http_client
from sandbox.kit.faults import Fault
from sandbox.zero_friction import Step
from settings.worker import WorkerSettings
from temporal_server import Server, local_server
from tests.lifecycle.world import Company, World, world
from tests.tiers import detail, slow
from worker import serving, workers

NAME = "Quillon Canaryson"
NOTE = "for the canary in cage seven"
OPERATOR = "Operatrix Canaryson"
WORDS = "because the canary sang"
AMOUNTS = ("109.47", "15.56", "125.03", "59.97", "19.99")
HIDDEN = (NAME, NOTE, OPERATOR, WORDS, *AMOUNTS)
DOCUMENT = {"buyer": Party(name=NAME, account_number="K-1001"), "notes": (NOTE,)}

OLD, NEW = new_key("old"), new_key("new")


@pytest.fixture(scope="module")
async def server() -> AsyncIterator[Server]:
    """One of its own: on the shared one a worker without keys takes the tasks."""
    async with local_server(own=True) as running:
        yield running


# --- what is looked at ----------------------------------------------------------------------------


async def stored(company: Company, reference: str) -> list[Message]:
    """Everything that the server keeps and shows of a workflow, as it is: no codec touches it."""
    handle = company.client.invoices.handle(reference)
    events: list[Message] = [event async for event in handle.fetch_history_events()]
    return [*events, (await handle.describe()).raw_description]


def parts(message: Message) -> Iterator[Message]:
    """The message and every message in it, but nothing of search attributes: those are clear."""
    if isinstance(message, SearchAttributes):
        return
    yield message
    for descriptor, value in message.ListFields():
        if descriptor.message_type is None:
            continue
        if descriptor.message_type.GetOptions().map_entry:
            inside = [one for one in value.values() if isinstance(one, Message)]
        else:
            inside = [value] if isinstance(value, Message) else list(value)
        for one in inside:
            yield from parts(one)


def payloads(messages: list[Message]) -> list[Payload]:
    """All but what the SDK's core notes of a local activity, which no codec sees."""
    every = (part for each in messages for part in parts(each) if isinstance(part, Payload))
    return [each for each in every if not _is_a_note_of_the_core(each)]


_NOTED = {"seq", "attempt", "activity_id", "activity_type", "complete_time", "backoff"}
_NOTED |= {"original_schedule_time", "activation_index"}


def _is_a_note_of_the_core(payload: Payload) -> bool:
    if payload.metadata.get("encoding") != b"json/plain":
        return False
    noted = json.loads(payload.data)
    return isinstance(noted, dict) and set(noted) == _NOTED


def shown(messages: list[Message], words: tuple[str, ...]) -> set[str]:
    """Which of these words stand somewhere in what is stored, search attributes included."""
    stored = b"\n".join(message.SerializeToString().lower() for message in messages)
    return {word for word in words if word.lower().encode() in stored}


async def eventful(company: Company) -> str:
    """An invoice that is held, released, loses an answer, is paid; its reference."""
    company.stand_in.faults.place(Step.CREATE, Fault.TIME_OUT, when="after")
    reference = await company.start(document=DOCUMENT, hold=True, goal=Goal.PAID)
    await company.until_status(reference, Status.HELD)
    await company.client.invoices.release(reference, Release(by=OPERATOR, reason=WORDS))
    await company.until_waiting(reference, "payment")
    await company.client.invoices.hold(reference, Hold(by=OPERATOR, reason=WORDS))
    company.stand_in.pay(reference)
    await company.tell(reference)
    await company.finished(reference)
    return reference


# --- hidden ---------------------------------------------------------------------------------------


async def test_a_history_shows_neither_names_nor_words_nor_amounts(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, NEW)
    async with world(server) as here, here.company() as company:
        reference = await eventful(company)
        messages = await stored(company, reference)
        found = payloads(messages)
        assert len(found) > 50
        assert {payload.metadata["encoding"] for payload in found} == {ENCODING}
        assert {payload.metadata[KEY_NAME] for payload in found} == {b"new"}
        assert shown(messages, HIDDEN) == set()
        failures = [part for each in messages for part in parts(each) if isinstance(part, Failure)]
        assert {failure.message for failure in failures} == {"Encoded failure"}
        assert {failure.stack_trace for failure in failures} == {""}

        # Who has the key reads it all, and lists work as ever.
        state = await company.client.invoices.state(reference)
        journal = await company.client.invoices.journal(reference)
        assert (state.status, str(state.amounts and state.amounts.gross)) == (Status.PAID, "125.03")
        assert {entry.by for entry in journal.entries} >= {OPERATOR}
        described = await company.client.invoices.handle(reference).describe()
        assert await described.static_summary() == "zero_friction · to be paid"
        assert (await described.memo()).keys() == {"fingerprint", "held"}
        assert described.typed_search_attributes[attributes.STATUS] == Status.PAID


@slow
async def test_the_search_does_find_what_is_not_encrypted(server: Server) -> None:
    async with world(server) as here, here.company() as company:
        reference = await eventful(company)
        assert shown(await stored(company, reference), HIDDEN) == set(HIDDEN)


@detail
async def test_who_has_no_key_is_told_which_one_is_missing(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, NEW)
    async with world(server) as here, here.company() as company:
        reference = await company.start(hold=True)
        await company.until_status(reference, Status.HELD)
        keyless = await InvoicingClient.connect(server.address, data_converter=data_converter)
        with pytest.raises(Undecipherable, match=VARIABLE):
            await keyless.invoices.state(reference)
        monkeypatch.setenv(VARIABLE, OLD)
        stranger = await InvoicingClient.connect(server.address)
        with pytest.raises(Undecipherable, match="the key new"):
            await stranger.invoices.state(reference)


# --- changed --------------------------------------------------------------------------------------


async def with_keys(server: Server, monkeypatch: pytest.MonkeyPatch, keys: str) -> InvoicingClient:
    monkeypatch.setenv(VARIABLE, keys)
    return await InvoicingClient.connect(server.address)


def serves(here: World, client: InvoicingClient) -> contextlib.AbstractAsyncContextManager[None]:
    """Workers that have the keys of this client."""
    return serving(workers(client.temporal, here.accounts, WorkerSettings(grace=2.0)))


@slow
async def test_an_invoice_lives_on_while_its_key_is_replaced(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even a worker that was given the new key alone only makes it wait, and ends nothing."""
    before = await with_keys(server, monkeypatch, f"{OLD},{NEW}")
    hasty = await with_keys(server, monkeypatch, NEW)
    after = await with_keys(server, monkeypatch, f"{NEW},{OLD}")
    async with http_client() as http:
        here = World(server, before, http)
        async with here.company() as company:
            async with serves(here, before):
                reference = await company.start(document=DOCUMENT, hold=True)
                await company.until_status(reference, Status.HELD)
            async with serves(here, hasty):
                await company.tell(reference)
                failed = EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED
                await until_event(company, reference, failed)
            async with serves(here, after):
                order = Release(by=OPERATOR, reason=WORDS)
                await company.client.invoices.release(reference, order)
                assert (await company.finished(reference)).status is Status.SENT
            assert company.effects(reference) == ["created", "approved", "sent"]
            messages = await stored(company, reference)
            keys = {payload.metadata[KEY_NAME] for payload in payloads(messages)}
            assert keys == {b"old", b"new"}
            assert shown(messages, HIDDEN) == set()


async def until_event(company: Company, reference: str, kind: Any) -> None:
    events = company.client.invoices.handle(reference).fetch_history_events(wait_new_event=True)
    async for event in events:
        if event.event_type == kind:
            return

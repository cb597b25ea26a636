"""Attached files go from the store to each provider that takes them, whole or not at all."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from documents import Account, DocumentStore, StoreAway
from documents import opened as store_at
from invoicing.attachment import StoredFile, SupportingDocument, digest_of
from invoicing.client import InvoicingClient
from invoicing.request import InvoiceRequest
from invoicing.state.invoice import Status
from invoicing.state.questions import Answer, Reason
from sandbox.kit.server import serve
from temporal_server import local_server
from tests.attached import a_file, supporting
from tests.lifecycle.kinds import KINDS
from tests.lifecycle.kinds.kind import Shop
from tests.lifecycle.provider_world import opened
from tests.lifecycle.world import World, world
from tests.patience import LONG_ENOUGH
from tests.tiers import detail, first, slow
from tests.worker_process import worker_process

TIMESHEET = b"%PDF-1.7\ncanary hours of June\n%%EOF"
TABLE = b"day;hours\n2026-06-01;8\n"
ATTACHED = SupportingDocument.model_validate(supporting(file=a_file(TIMESHEET)))
AS_TABLE = SupportingDocument.model_validate(
    {
        "reference": "TS-2",
        "description": "The same as a table",
        "file": a_file(TABLE, name="hours.csv", media_type="text/csv"),
    }
)
GIVEN = {"invoro": (ATTACHED, AS_TABLE), "quiddly": (ATTACHED,), "quiddly_blind": (ATTACHED,)}
TAKES = tuple(GIVEN)
# Beside what this file sees at the first, the contract sees files at each of them without a server.
OUT = (Status.SENT, Status.DELIVERED)


class Watched(DocumentStore):
    """A store that may be away."""

    def __init__(self, store: DocumentStore) -> None:
        self.__dict__.update(store.__dict__)
        self.away = False
        truly = store.attachments.get

        async def get(account: Account, file: StoredFile) -> bytes:
            if self.away:
                raise StoreAway("the store of documents is away (test)")
            return await truly(account, file)

        self.attachments.get = get  # type: ignore[method-assign]

    async def hold(self, account: Account, reference: str, files: Sequence[StoredFile]) -> None:
        if self.away:
            raise StoreAway("the store of documents is away (test)")
        await super().hold(account, reference, files)


@pytest.fixture
def store(tmp_path: Path) -> Watched:
    return Watched(store_at(str(tmp_path / "files")))


@pytest.fixture
async def attaching(store: Watched) -> AsyncIterator[World]:
    """On a server of its own: others' workers, which have another store, would take its calls."""
    async with local_server(own=True) as server, world(server, files=store) as made:
        yield made


async def put(shop: Shop, store: DocumentStore) -> None:
    for content in (TIMESHEET, TABLE):
        await store.attachments.put(Account(shop.provider, shop.account), content)


def kept(folder: Path, content: bytes, account: str) -> Path:
    """Where this file of the account is."""
    (found,) = folder.glob(f"files/+attachments/*/{account}/{digest_of(content)}")
    return found


async def begun(shop: Shop, name: str) -> str:
    return await shop.start(shop.request(document={"attachments": GIVEN[name]}))


def held(stand_in: Any, name: str, reference: str) -> list[bytes]:
    """What the provider has of the invoice's files, in their order."""
    if name == "invoro":
        return at_invoro(stand_in, KINDS[name].mark.format(reference))
    attached = stand_in.attachment(reference)
    return [] if attached is None else [attached]


def at_invoro(stand_in: Any, known_by: str) -> list[bytes]:
    return list(stand_in.attached(known_by).values())


def wanted(name: str) -> list[bytes]:
    return [TIMESHEET, TABLE] if name == "invoro" else [TIMESHEET]


@pytest.mark.parametrize("name", first(TAKES))
async def test_the_provider_gets_each_file_byte_by_byte_and_no_history_has_any(
    attaching: World, store: Watched, name: str
) -> None:
    async with opened(attaching, name) as shop:
        await put(shop, store)
        reference = await begun(shop, name)
        ended = await shop.finished(reference)
        assert ended.status in OUT
        assert held(shop.stand_in, name, reference) == wanted(name)
        assert shop.stand_in.calls.count("create") == 1
        events = (await shop.client.invoices.handle(reference).fetch_history()).events
        told = b"".join(event.SerializeToString() for event in events)
        assert digest_of(TIMESHEET).encode() in told
        assert b"canary hours" not in told
        assert b"Y2FuYXJ5IGhvdXJz" not in told, "nor as Base64"


@detail
@pytest.mark.parametrize("name", first(TAKES))
async def test_a_file_that_is_not_there_is_a_question_before_anything_is_created(
    attaching: World, store: Watched, tmp_path: Path, name: str
) -> None:
    async with opened(attaching, name) as shop:
        await put(shop, store)
        kept(tmp_path, TIMESHEET, shop.account).write_bytes(TIMESHEET.replace(b"June", b"July"))
        reference = await begun(shop, name)
        state = await shop.parked(reference)
        assert state.problem is not None
        assert state.problem.reason is Reason.REJECTED
        (field,) = state.problem.fields
        assert field.field == "document.attachments[0].file"
        assert "other content" in field.message
        assert {Answer.RETRY, Answer.CORRECT} <= {*state.problem.answers}
        assert shop.stand_in.calls.count("create") == 0
        await put(shop, store)
        await shop.resolve(reference, Answer.RETRY)
        assert (await shop.finished(reference)).status in OUT
        assert held(shop.stand_in, name, reference) == wanted(name)


@detail
@pytest.mark.parametrize("name", first(TAKES))
async def test_one_that_is_gone_when_it_is_needed_is_a_question_as_well(
    attaching: World, store: Watched, tmp_path: Path, name: str
) -> None:
    """It was there when it was looked at, and was removed before the call that takes it."""
    step = "create" if name == "invoro" else "attach"
    async with opened(attaching, name) as shop:
        await put(shop, store)
        truly, looks = store.attachments.get, []

        async def once(account: Account, file: StoredFile) -> bytes:
            looks.append(file)
            if len(looks) == len(GIVEN[name]) + 1:
                kept(tmp_path, TIMESHEET, shop.account).unlink()
            return await truly(account, file)

        store.attachments.get = once  # type: ignore[method-assign]
        reference = await begun(shop, name)
        state = await shop.parked(reference)
        assert state.problem is not None
        assert state.problem.reason is Reason.REJECTED
        assert "is not in the store" in state.problem.fields[0].message
        assert shop.stand_in.calls.count(step) == 0
        await put(shop, store)
        await shop.resolve(reference, Answer.RETRY)
        assert (await shop.finished(reference)).status in OUT
        assert held(shop.stand_in, name, reference) == wanted(name)


@detail
@pytest.mark.parametrize("name", first(TAKES))
async def test_a_store_that_is_away_is_a_wait_of_its_own_and_holds_up_nothing_else(
    attaching: World, store: Watched, name: str
) -> None:
    async with opened(attaching, name) as shop:
        await put(shop, store)
        store.away = True
        reference = await begun(shop, name)
        state = await shop.until_waiting(reference, "the store of files")
        assert state.waiting is not None
        assert state.waiting.until is not None
        other = await shop.start(shop.request())
        assert (await shop.finished(other)).status in OUT
        assert shop.stand_in.calls.count("create") == 1
        store.away = False
        assert (await shop.finished(reference)).status in OUT
        assert held(shop.stand_in, name, reference) == wanted(name)


@detail
async def test_a_store_that_goes_away_before_the_upload_is_waited_for_with_the_draft_there(
    attaching: World, store: Watched
) -> None:
    async with opened(attaching, "quiddly") as shop:
        await put(shop, store)
        gate = shop.stand_in.faults.place("create", "gate")
        reference = await begun(shop, "quiddly")
        await gate.reached(within=LONG_ENOUGH)
        store.away = True
        gate.release()
        await shop.until_waiting(reference, "the store of files")
        assert shop.effects(reference) == ["created"]
        store.away = False
        assert (await shop.finished(reference)).status in OUT
        assert held(shop.stand_in, "quiddly", reference) == [TIMESHEET]


@slow
async def test_a_worker_without_a_store_says_so_before_anything_is_created() -> None:
    async with (
        local_server(own=True) as server,
        world(server) as made,
        opened(made, "invoro") as shop,
    ):
        reference = await begun(shop, "invoro")
        ended = await shop.until_status(reference, Status.REJECTED)
        assert "INVOICING_DOCUMENTS_AT" in str(ended.problem)
        assert shop.stand_in.calls.count("create") == 0


@detail
async def test_a_preview_says_that_a_file_is_missing(attaching: World) -> None:
    async with opened(attaching, "invoro") as shop:
        told = await shop.client.invoices.preview(
            shop.request(document={"attachments": GIVEN["invoro"]})
        )
        assert [field.field for field in told.fields] == [
            "document.attachments[0].file",
            "document.attachments[1].file",
        ]


@detail
@pytest.mark.parametrize("name", first(["zero_friction", "mollie", "riverty"]))
async def test_who_takes_no_files_refuses_them_in_the_plan(attaching: World, name: str) -> None:
    if name == "zero_friction":
        async with attaching.company() as company:
            request = company.request()
            document = request.document.model_copy(update={"attachments": (ATTACHED,)})
            reference = await company.start(request.model_copy(update={"document": document}))
            ended = await company.until_status(reference, Status.REJECTED)
            stand_in = company.stand_in
    else:
        async with opened(attaching, name) as shop:
            reference = await shop.start(shop.request(document={"attachments": (ATTACHED,)}))
            ended = await shop.until_status(reference, Status.REJECTED)
            stand_in = shop.stand_in
    assert ended.status is Status.REJECTED
    assert ended.problem is not None
    assert [each.field for each in ended.problem.fields] == ["document.attachments"]
    assert stand_in.calls.count("create") == 0


@slow
async def test_a_worker_killed_while_it_creates_with_files_leaves_one_invoice_that_has_them(
    tmp_path: Path,
) -> None:
    async with contextlib.AsyncExitStack() as stack:
        server = await stack.enter_async_context(
            local_server(own=True, database=tmp_path / "temporal.db")
        )
        stand_in = await stack.enter_async_context(serve(KINDS["invoro"].stand_in()))
        folder = str(tmp_path / "files")
        store = store_at(folder)
        for content in (TIMESHEET, TABLE):
            await store.attachments.put(Account("invoro", "default"), content)
        given = {**KINDS["invoro"].settings(stand_in), "timeout": 0.5}
        variables = {
            "TEMPORAL_ADDRESS": server.address,
            "INVOICING_PACE": "0.02",
            "INVOICING_CACHED_WORKFLOWS": "0",
            "INVOICING_DOCUMENTS_AT": folder,
            **{f"INVORO_{name.upper()}": str(value) for name, value in given.items()},
        }
        stopped = stand_in.faults.place("create", "gate", when="after")
        first = await stack.enter_async_context(worker_process(variables))
        await first.ready()
        client = await InvoicingClient.connect(server.address)
        document = KINDS["invoro"].document(attachments=GIVEN["invoro"])
        request = InvoiceRequest(reference="A-1", provider="invoro", document=document)
        await client.invoices.start(request)
        await stopped.reached(within=LONG_ENOUGH)
        first.signal(signal.SIGKILL)
        await first.ended()
        stand_in.faults.clear()
        await stack.enter_async_context(worker_process(variables))
        ended = await asyncio.wait_for(client.invoices.result("A-1"), LONG_ENOUGH)
        assert ended.status in OUT
        assert stand_in.calls.count("create") == 1
        assert at_invoro(stand_in, ended.provider_id or "") == [TIMESHEET, TABLE]

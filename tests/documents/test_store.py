"""Documents are kept whole or not at all, read in parts, and removed by reference."""

from __future__ import annotations

import asyncio
import hashlib
import stat
import tracemalloc
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.document import CROWDED, DocumentActivities
from documents import DocumentStore, Erased, StoreAway, opened
from documents.store import AT_ONCE, PIECE, WAITING
from invoicing.document_file import DocumentFile, document_key, folder_of
from invoicing.errors import Unavailable
from invoicing.provider import DocumentCall, Target
from settings.documents import store_of
from settings.variables import BadSettings
from tests.patience import LONG_ENOUGH

KEY = document_key("INV-7", "id-1")


@pytest.fixture
def store(tmp_path: Path) -> DocumentStore:
    return opened(str(tmp_path / "documents"))


async def read(store: DocumentStore, key: str, start: int, end: int) -> list[bytes]:
    return [piece async for piece in store.read(key, start, end)]


async def test_what_is_kept_is_found_with_its_size_and_digest(store: DocumentStore) -> None:
    assert await store.find(KEY) is None
    assert await store.size(KEY) is None
    kept = await store.keep(KEY, b"%PDF-1.4 all of it %%EOF")
    found = await store.find(KEY)
    assert found is not None
    assert (found.size, found.sha256) == (kept.size, kept.sha256)
    assert kept.sha256 == hashlib.sha256(b"%PDF-1.4 all of it %%EOF").hexdigest()
    assert await store.size(KEY) == kept.size


@pytest.mark.parametrize("raw", [b"", b"%PDF-1.4 cut in the mid", b"something else %%EOF"])
async def test_a_part_that_a_lost_machine_left_is_not_taken_for_the_document(
    store: DocumentStore, raw: bytes
) -> None:
    await store.keep(KEY, raw)
    assert await store.find(KEY) is None


async def test_what_is_kept_is_found_without_being_held_as_a_whole(store: DocumentStore) -> None:
    await store.keep(KEY, b"%PDF-1.4" + bytes(40 * PIECE) + b"%%EOF")
    tracemalloc.start()
    try:
        found = await store.find(KEY)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found is not None
    assert found.size == 40 * PIECE + 13
    assert most < 8 * PIECE


class Slow:
    """A provider whose documents come when they are let."""

    def __init__(self) -> None:
        self.under_way = self.most = self.asked = 0
        self.let = asyncio.Event()
        self.full = asyncio.Event()

    async def document(self, call: DocumentCall) -> bytes:
        self.asked += 1
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        if self.under_way == AT_ONCE:
            self.full.set()
        await self.let.wait()
        self.under_way -= 1
        return b"%PDF- %%EOF"


async def test_only_so_many_documents_are_on_their_way_at_once_over_all_providers(
    store: DocumentStore,
) -> None:
    """So many more wait; for the next there is no room, and its workflow comes again."""
    slow = Slow()
    each = [DocumentActivities({"a": cast("Any", slow)}, store) for _ in range(2)]

    def keep(number: int) -> asyncio.Task[DocumentFile]:
        target = Target(account="a", reference=f"INV-{number}", provider_id="id")
        work = ActivityEnvironment().run(
            each[number % 2].keep_document, DocumentCall(target=target)
        )
        return asyncio.create_task(work)

    taken = [keep(number) for number in range(AT_ONCE + WAITING)]
    await asyncio.wait_for(slow.full.wait(), LONG_ENOUGH)
    async with asyncio.timeout(LONG_ENOUGH):
        while store.waiting < WAITING:  # noqa: ASYNC110
            await asyncio.sleep(0)
    with pytest.raises(ApplicationError) as refused:
        await keep(99)
    assert refused.value.type == Unavailable.__name__
    assert refused.value.next_retry_delay == CROWDED
    assert slow.asked == AT_ONCE
    slow.let.set()
    await asyncio.gather(*taken)
    assert (slow.most, slow.asked) == (AT_ONCE, AT_ONCE + WAITING)
    assert await keep(99)


async def test_one_that_takes_too_long_leaves_its_place(
    store: DocumentStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("documents.store.LONGEST", timedelta())
    for _ in range(AT_ONCE + 1):
        with pytest.raises(TimeoutError):
            async with store.place():
                await asyncio.Event().wait()


async def test_a_part_is_read_in_pieces_of_a_bounded_size(store: DocumentStore) -> None:
    raw = bytes(range(256)) * (2 * PIECE // 256 + 1)
    await store.keep(KEY, raw)
    pieces = await read(store, KEY, 5, len(raw))
    assert b"".join(pieces) == raw[5:]
    assert max(map(len, pieces)) == PIECE


async def test_a_reference_is_erased_with_all_it_has_and_nothing_else(
    store: DocumentStore,
) -> None:
    for reference, name in (("INV-7", "a"), ("INV-7", "b"), ("INV-7#C1", "a"), ("INV-70", "a")):
        await store.keep(document_key(reference, name), b"%PDF- %%EOF")
    assert await store.erase(folder_of("INV-7")) == 2
    assert await store.erase(folder_of("INV-7")) == 0
    assert await store.find(document_key("INV-7#C1", "a")) is not None
    assert await store.find(document_key("INV-70", "a")) is not None


async def test_what_comes_after_a_reference_was_erased_is_not_kept(
    store: DocumentStore, tmp_path: Path
) -> None:
    await store.keep(KEY, b"%PDF- %%EOF")
    assert await store.erase(folder_of("INV-7")) == 1
    with pytest.raises(Erased):
        await store.keep(KEY, b"%PDF- that was on its way")
    assert await store.size(KEY) is None
    # Whoever was killed between keeping it and looking left it there.
    (tmp_path / "documents" / KEY).write_bytes(b"%PDF- %%EOF")
    with pytest.raises(Erased):
        await store.find(KEY)
    assert await store.size(KEY) is None


async def test_what_is_gone_meanwhile_is_no_document(store: DocumentStore) -> None:
    with pytest.raises(StoreAway, match="not in the store any more"):
        await read(store, KEY, 0, 5)


async def test_a_store_that_cannot_be_written_says_so_without_its_place(tmp_path: Path) -> None:
    folder = tmp_path / "secret-name"
    store = opened(str(folder))
    folder.rmdir()
    folder.write_text("a file stands where the folder was")
    with pytest.raises(StoreAway) as told:
        await store.keep(KEY, b"%PDF- %%EOF")
    assert "secret-name" not in str(told.value)


def test_a_folder_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    opened(str(tmp_path / "documents"))
    assert stat.S_IMODE((tmp_path / "documents").stat().st_mode) == 0o700


@pytest.mark.parametrize("where", ["documents", "gopher://bucket/documents"])
def test_what_is_no_place_for_a_store_is_a_mistake_of_its_variable(where: str) -> None:
    with pytest.raises(BadSettings, match="INVOICING_DOCUMENTS_AT"):
        store_of({"INVOICING_DOCUMENTS_AT": where})


def test_without_the_variable_there_is_none() -> None:
    assert store_of({}) is None

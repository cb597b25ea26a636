"""Files of callers: by what is in them, by account, and removed with the last that needs them."""

from __future__ import annotations

import asyncio
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import obstore
import pytest
from obstore.store import LocalStore, MemoryStore

from activities.retention import UNUSED, RetentionActivities
from documents import (
    Account,
    DocumentStore,
    Erased,
    NotThere,
    Share,
    StoreAway,
    UsedUp,
    opened,
)
from documents import attachments as of_callers
from documents.shares import WITHIN
from invoicing.attachment import StoredFile, digest_of
from invoicing.books.retention import DueCall, DuePage
from invoicing.document_file import document_key, folder_of
from tests.attached import CONTENT, a_file

OURS, THEIRS = Account("quiddly", "default"), Account("quiddly", "other")
FILE = StoredFile.model_validate(a_file())
MANY = Share(100, 10_000)


@pytest.fixture
def store(tmp_path: Path) -> DocumentStore:
    return opened(str(tmp_path / "documents"))


def damaged(content: bytes) -> StoredFile:
    return StoredFile.model_validate(a_file(content))


async def test_the_same_content_put_twice_is_one_file_by_its_digest(store: DocumentStore) -> None:
    first = await store.attachments.put(OURS, CONTENT)
    assert await store.attachments.put(OURS, CONTENT) == first == digest_of(CONTENT)
    assert await store.attachments.get(OURS, FILE) == CONTENT


async def test_what_another_account_has_put_is_not_there(store: DocumentStore) -> None:
    await store.attachments.put(THEIRS, CONTENT)
    with pytest.raises(NotThere, match="put it there first"):
        await store.attachments.get(OURS, FILE)


async def test_what_is_not_as_it_is_named_is_not_given(
    store: DocumentStore, tmp_path: Path
) -> None:
    await store.attachments.put(OURS, CONTENT)
    with pytest.raises(NotThere, match="bytes in the store, not 3"):
        await store.attachments.get(OURS, FILE.model_copy(update={"size": 3}))
    with pytest.raises(NotThere, match="is no image/png"):
        await store.attachments.get(OURS, FILE.model_copy(update={"media_type": "image/png"}))
    (kept,) = (tmp_path / "documents").rglob(FILE.sha256)
    kept.write_bytes(CONTENT.replace(b"canary", b"other!"))
    with pytest.raises(NotThere, match="other content"):
        await store.attachments.get(OURS, FILE)


async def test_a_file_is_removed_with_the_last_reference_that_needs_it(
    store: DocumentStore,
) -> None:
    await store.attachments.put(OURS, CONTENT)
    await store.attachments.put(THEIRS, CONTENT)
    for reference in ("INV-7", "INV-70", "INV-7#C1"):
        await store.hold(OURS, reference, (FILE,))
    await store.keep(document_key("INV-7", "id"), b"%PDF- %%EOF")
    assert await store.erase(folder_of("INV-7")) == 1
    assert await store.attachments.get(OURS, FILE) == CONTENT
    assert await store.erase(folder_of("INV-70")) == 0
    assert await store.attachments.get(OURS, FILE) == CONTENT
    assert await store.erase(folder_of("INV-7#C1")) == 1
    with pytest.raises(NotThere):
        await store.attachments.get(OURS, FILE)
    assert await store.attachments.get(THEIRS, FILE) == CONTENT


async def test_a_reference_that_was_erased_needs_nothing_any_more(store: DocumentStore) -> None:
    await store.attachments.put(OURS, CONTENT)
    await store.erase(folder_of("INV-7"))
    with pytest.raises(Erased):
        await store.hold(OURS, "INV-7", (FILE,))
    with pytest.raises(NotThere):
        await store.attachments.get(OURS, FILE)


async def test_an_erasure_that_was_cut_short_is_finished_by_the_next(
    store: DocumentStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.attachments.put(OURS, CONTENT)
    await store.hold(OURS, "INV-7", (FILE,))
    truly = store.attachments.let_go

    async def away(folder: str, name: str) -> int:
        raise StoreAway("away")

    monkeypatch.setattr(store.attachments, "let_go", away)
    with pytest.raises(StoreAway):
        await store.erase(folder_of("INV-7"))
    monkeypatch.setattr(store.attachments, "let_go", truly)
    assert await store.erase(folder_of("INV-7")) == 1
    with pytest.raises(NotThere):
        await store.attachments.get(OURS, FILE)


async def test_what_nobody_needs_for_long_enough_is_swept_away_and_nothing_else(
    store: DocumentStore,
) -> None:
    other = damaged(CONTENT + b" ")
    for content in (CONTENT, CONTENT + b" "):
        await store.attachments.put(OURS, content)
    await store.hold(OURS, "INV-7", (FILE,))
    now = datetime.now(UTC)
    assert await store.attachments.sweep(now - timedelta(days=1), 10) == 0
    assert await store.attachments.sweep(now + timedelta(days=1), 10) == 1
    assert await store.attachments.get(OURS, FILE) == CONTENT
    with pytest.raises(NotThere):
        await store.attachments.get(OURS, other)


async def test_files_that_are_needed_for_years_keep_no_other_from_being_swept_away() -> None:
    """Of a night's looks they would take all, each night."""
    store = DocumentStore(MemoryStore())
    needed = [damaged(CONTENT + b" " * each) for each in range(40)]
    for each in needed:
        await store.attachments.put(OURS, CONTENT.ljust(each.size))
    await store.hold(OURS, "INV-7", needed)
    await store.attachments.put(THEIRS, CONTENT)
    nights = [datetime.now(UTC) + timedelta(days=each) for each in range(1, 65)]
    assert sum([await store.attachments.sweep(each, 4) for each in nights]) == 1
    with pytest.raises(NotThere):
        await store.attachments.get(THEIRS, FILE)
    assert [await store.attachments.get(OURS, each) for each in needed]


async def test_a_night_looks_at_so_many_files_and_no_more() -> None:
    store = DocumentStore(MemoryStore())
    for each in range(40):
        await store.attachments.put(OURS, CONTENT + b" " * each)
    nights = [datetime.now(UTC) + timedelta(days=each) for each in range(1, 65)]
    removed = [await store.attachments.sweep(each, 4) for each in nights]
    assert max(removed) <= 4
    assert sum(removed) == 40


async def test_a_store_that_does_not_answer_is_away_and_says_no_address(
    store: DocumentStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hanging(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(of_callers, "PATIENCE", timedelta(seconds=0.01))
    monkeypatch.setattr(obstore, "put_async", hanging)
    with pytest.raises(StoreAway, match="does not answer in time"):
        await store.attachments.put(OURS, CONTENT)


async def test_only_so_many_calls_hold_files_at_once(
    store: DocumentStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(of_callers, "PATIENCE", timedelta(seconds=0.01))
    async with store.attachments.place(), store.attachments.place():
        with pytest.raises(StoreAway, match="too many files"):
            async with store.attachments.place():
                raise AssertionError("there were two already")
    async with store.attachments.place():
        pass


async def test_no_reference_can_have_the_folder_of_the_files(tmp_path: Path) -> None:
    """`#` is the only sign that becomes a plus, and no reference begins with it."""
    files = LocalStore(tmp_path)
    await DocumentStore(files).attachments.put(OURS, CONTENT)
    (path,) = [one["path"] async for batch in obstore.list(files) for one in batch]
    assert path.startswith("+attachments/quiddly/default/")


async def test_each_night_begins_with_what_nobody_has_needed_for_a_month(
    store: DocumentStore,
) -> None:
    await store.attachments.put(OURS, CONTENT, by=("erp", MANY))
    nightly = RetentionActivities(cast("Any", None), cast("Any", None), {}, store)
    now = datetime.now(UTC)
    await nightly.due(DueCall(at=now + UNUSED - timedelta(hours=1)))
    assert await store.attachments.get(OURS, FILE) == CONTENT
    await nightly.due(DueCall(at=now + UNUSED + timedelta(hours=1)))
    with pytest.raises(NotThere):
        await store.attachments.get(OURS, FILE)
    assert not await store.attachments.has_put("erp", FILE)


async def put(store: DocumentStore, number: int, by: str, most: Share) -> str:
    """A file of a hundred bytes."""
    return await store.attachments.put(OURS, (CONTENT + b"%d" % number).ljust(100), by=(by, most))


@pytest.mark.parametrize("most", [Share(3, 1_000), Share(100, 300)], ids=["files", "bytes"])
async def test_a_caller_puts_so_much_and_the_same_file_counts_once(
    store: DocumentStore, most: Share, tmp_path: Path
) -> None:
    for number in (1, 2, 3, 2, 1):
        assert await put(store, number, "erp", most)
    with pytest.raises(UsedUp, match=f"{most.files} files of {most.size} bytes"):
        await put(store, 4, "erp", most)
    kept = [each for each in (tmp_path / "documents/+attachments").rglob("*") if each.is_file()]
    assert len(kept) == 3, "what is refused is not kept"
    assert await put(store, 3, "erp", most), "what counts already has its room"
    assert await put(store, 4, "shop", most), "another's share is its own"
    assert await store.attachments.put(OURS, CONTENT), "who has the store itself has no share"


async def test_what_was_put_long_ago_counts_no_more_and_lets_nobody_name_it(
    store: DocumentStore, tmp_path: Path
) -> None:
    most = Share(1, 1_000)
    await store.attachments.put(OURS, CONTENT, by=("erp", most))
    assert await store.attachments.has_put("erp", FILE)
    (mark,) = (each for each in (tmp_path / "documents/+put").rglob("*") if each.is_file())
    long_ago = (datetime.now(UTC) - WITHIN - timedelta(minutes=1)).timestamp()
    os.utime(mark, (long_ago, long_ago))
    assert not await store.attachments.has_put("erp", FILE)
    assert await put(store, 1, "erp", most)
    assert not mark.exists(), "nothing gathers where no night sweeps"


async def test_a_caller_has_put_a_file_by_its_content_and_not_by_what_is_said_of_it(
    store: DocumentStore,
) -> None:
    assert await store.attachments.put(OURS, CONTENT, "0" * 64, ("erp", MANY)) == ""
    assert not await store.attachments.has_put("erp", FILE.model_copy(update={"sha256": "0" * 64}))
    await store.attachments.put(OURS, CONTENT, FILE.sha256, ("erp", MANY))
    assert not await store.attachments.has_put("shop", FILE)
    assert not await store.attachments.has_put("erp", FILE.model_copy(update={"size": 3}))


async def test_a_night_without_the_store_is_a_night_like_any_other(
    store: DocumentStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> int:
        raise StoreAway("away")

    monkeypatch.setattr(store.attachments, "sweep", away)
    nightly = RetentionActivities(cast("Any", None), cast("Any", None), {}, store)
    assert await nightly.due(DueCall(at=datetime.now(UTC))) == DuePage()

"""Data keys in the register: one per reference, gone with its erasure, encrypted anew if asked."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, event, select, text
from sqlalchemy.exc import OperationalError

from invoicing.errors import KeysAway
from invoicing.temporal.data_keys import Kept, Masters, Subject
from invoicing.temporal.encryption import new_key, read_keys
from register import Books, opened
from register.database import PATIENCE, _postgres_to_read, _url, downgraded, made, upgraded
from register.erasing import Erasure, NotErased, erased, forget_old_pages
from register.keys import KeyStore, rekeyed
from register.tables import data_keys
from tests.register.said import NOON, a_claim, a_record, a_row, lines
from tests.tiers import detail

INVOICE = Subject("invoice", "INV-7")
NOW = NOON + timedelta(days=400)
WANTED = Erasure("invoice", "INV-7", by="Bo", reason="asked for", at=NOW)
OLD, NEW = new_key("old"), new_key("new")


@pytest.fixture
def store(place: str, books: Books) -> Iterator[KeyStore]:
    keys = KeyStore(place)
    yield keys
    keys.close()


@pytest.fixture
def database(place: str) -> Iterator[Engine]:
    engine = made(place)
    yield engine
    engine.dispose()


def masters(*entries: str) -> Masters:
    return Masters(read_keys(SecretStr(",".join(entries))))


async def _kept(books: Books, **row: Any) -> None:
    await books.claim(a_claim())
    await books.record(a_record(lines(1, 3), a_row(**{"ended": True, **row})))


async def test_of_many_at_once_one_key_stands(store: KeyStore) -> None:
    assert await store.kept(INVOICE) is None
    keys = [bytes([number]) * 60 for number in range(8)]
    stand = await asyncio.gather(*(store.keep(INVOICE, each, "old") for each in keys))
    assert len(set(stand)) == 1
    assert await store.kept(INVOICE) == stand[0]
    assert await store.kept(Subject("order", "INV-7")) is None


async def test_an_erasure_destroys_the_key_and_no_other_and_none_is_made_again(
    books: Books, store: KeyStore, database: Engine, place: str
) -> None:
    await _kept(books)
    canary = b"canary" * 10
    other = await store.keep(Subject("invoice", "INV-8"), b"other", "old")
    await store.keep(INVOICE, canary, "old")
    assert erased(database, WANTED) == (NOW, True)
    gone = Kept(None, None, NOW)
    assert await store.kept(INVOICE) == gone
    assert await store.keep(INVOICE, b"another", "old") == gone
    assert await store.kept(Subject("invoice", "INV-8")) == other
    if "://" not in place:
        assert forget_old_pages(database)
        found = Path(place).parent.glob("register.db*")
        assert not [each for each in found if canary in each.read_bytes()]


async def test_before_the_end_the_key_stays(
    books: Books, store: KeyStore, database: Engine
) -> None:
    await _kept(books, ended=False)
    kept = await store.keep(INVOICE, b"key", "old")
    with pytest.raises(NotErased):
        erased(database, WANTED)
    assert await store.kept(INVOICE) == kept


async def test_what_fails_in_the_middle_of_an_erasure_leaves_the_key_and_the_person(
    books: Books, store: KeyStore, database: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _kept(books, buyer="Canary")
    kept = await store.keep(INVOICE, b"key", "old")

    def fails(*given: object) -> bool:
        raise RuntimeError("not now")

    monkeypatch.setattr("register.erasing.destroy", fails)
    with pytest.raises(RuntimeError, match="not now"):
        erased(database, WANTED)
    assert await store.kept(INVOICE) == kept
    row = await books.row("invoice", "INV-7")
    assert row is not None
    assert row["buyer"] == "Canary"


async def test_one_that_never_had_a_key_gets_none_after_its_erasure(
    books: Books, store: KeyStore, database: Engine
) -> None:
    await _kept(books)
    assert erased(database, WANTED) == (NOW, False)
    assert (await store.keep(INVOICE, b"late", "old")).sealed is None


async def test_tables_with_keys_in_them_are_not_taken_away_and_others_go_down_and_up(
    books: Books, store: KeyStore, database: Engine
) -> None:
    await _kept(books)
    await store.keep(INVOICE, b"key", "old")
    with pytest.raises(RuntimeError, match="data keys"):
        downgraded(database, "0004")
    erased(database, WANTED)
    downgraded(database, "0004")
    upgraded(database)
    # What was erased before there were keys stays erased.
    assert await store.kept(INVOICE) == Kept(None, None, NOW)


async def test_a_register_that_is_not_there_yet_is_away(tmp_path: Path) -> None:
    keys = KeyStore(str(tmp_path / "register.db"))
    with pytest.raises(KeysAway, match="no register"):
        await keys.kept(INVOICE)
    opened(str(tmp_path / "register.db")).close()
    assert await keys.kept(INVOICE) is None
    keys.close()


async def test_a_table_that_is_gone_is_a_register_that_is_away(
    store: KeyStore, database: Engine
) -> None:
    await store.kept(INVOICE)
    with database.begin() as db:
        db.execute(text("ALTER TABLE data_keys RENAME TO elsewhere"))
    with pytest.raises(KeysAway) as error:
        await store.keep(INVOICE, b"canary", "old")
    assert "canary" not in str(error.value)
    with database.begin() as db:
        db.execute(text("ALTER TABLE elsewhere RENAME TO data_keys"))
    assert (await store.keep(INVOICE, b"canary", "old")).sealed == b"canary"


async def test_every_key_is_encrypted_anew_with_the_newest_and_still_opens(
    books: Books, store: KeyStore, database: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("register.keys.AT_ONCE", 3)
    before = masters(OLD)
    subjects = [Subject("invoice", f"T-{number}") for number in range(8)]
    for subject in subjects:
        await store.keep(subject, before.seal(subject, subject.reference.encode() * 8), "old")
    await _kept(books)
    await store.keep(INVOICE, before.seal(INVOICE, b"erased"), "old")
    erased(database, WANTED)
    assert rekeyed(database, masters(NEW, OLD)) == 8
    assert rekeyed(database, masters(NEW, OLD)) == 0
    with database.begin() as db:
        names = set(db.execute(select(data_keys.c.master)).scalars())
    assert names == {"new", None}
    for subject in subjects:
        kept = await store.kept(subject)
        assert kept is not None
        assert kept.sealed is not None
        assert masters(NEW).unseal(subject, kept.sealed, "new") == subject.reference.encode() * 8


@detail
def test_a_server_that_is_gone_is_given_up_as_soon_by_who_reads_as_by_who_writes() -> None:
    where = "postgresql://nobody:nothing@127.0.0.1:1/register"
    found: list[int] = []

    def asked(*about: Any) -> None:
        found.append(about[-1]["tcp_user_timeout"])

    for engine in (made(where), _postgres_to_read(_url(where), PATIENCE)):
        event.listen(engine, "do_connect", asked)
        with pytest.raises(OperationalError):
            engine.connect()
        assert engine.pool._pre_ping
        engine.dispose()
    assert found == [PATIENCE * 1000] * 2

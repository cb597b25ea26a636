"""The database: made, brought up to date and taken back, and what happens where it fails."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, event, inspect, text

from invoicing.books.claims import Word
from invoicing.errors import Unavailable
from register import BadRegister, Books, database, opened
from register.database import downgraded, made, upgraded
from register.tables import metadata
from tests.patience import LONG_ENOUGH
from tests.register.postgres import on_both
from tests.register.said import a_claim, a_record, a_row, lines
from tests.tiers import detail

place = on_both

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def engine(place: str) -> Iterator[Engine]:
    engine = made(place)
    yield engine
    engine.dispose()


# --- made, and brought up to date -----------------------------------------------------------------


def test_the_migrations_make_the_tables_that_the_code_reads(engine: Engine) -> None:
    upgraded(engine)
    with engine.begin() as db:
        context = MigrationContext.configure(db, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


async def test_what_was_credited_before_there_was_a_column_for_it_is_told_by_its_ledger(
    place: str, engine: Engine
) -> None:
    books = opened(place)
    for reference, order in (("INV-7", None), ("INV-7-C1", "credits/INV-7"), ("D-1", "order/D")):
        await books.claim(a_claim(reference))
        await books.record(a_record(lines(1, 1), a_row(order=order), reference))
    books.close()
    downgraded(engine, "0003")
    upgraded(engine)
    with engine.begin() as db:
        query = text("SELECT reference, credits FROM invoices WHERE credit_note")
        assert [tuple(row) for row in db.execute(query)] == [("INV-7-C1", "INV-7")]


async def test_tables_with_data_in_them_go_down_and_up_again(place: str, engine: Engine) -> None:
    books = opened(place)
    await books.claim(a_claim())
    await books.record(a_record(lines(1, 3)))
    books.close()
    downgraded(engine, "base")
    assert set(inspect(engine).get_table_names()) <= {"alembic_version"}
    books = opened(place)
    assert (await books.claim(a_claim())).word is Word.GRANTED
    assert await books.record(a_record(lines(1, 3)))
    books.close()


async def test_opening_it_again_keeps_what_is_in_it(place: str) -> None:
    for claimant in ("one", "two", "three"):
        books = opened(place)
        word = (await books.claim(a_claim(claimant=claimant))).word
        books.close()
        assert word is (Word.GRANTED if claimant == "one" else Word.GOES_ON)


def test_several_workers_that_start_at_once_make_the_tables_once(place: str) -> None:
    with ThreadPoolExecutor(6) as threads:
        made_ = list(threads.map(opened, [place] * 6))
    for each in made_:
        each.close()


def test_a_worker_waits_for_another_one_that_brings_the_tables_up_to_date(
    place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Longer than for any other lock: a migration goes through every row there is."""
    locked, first = Event(), made(place)
    monkeypatch.setattr(database, "PATIENCE", 1)

    def upgrade() -> None:
        with database._migrating(first) as config:
            locked.set()
            time.sleep(2)
            command.upgrade(config, "head")

    with ThreadPoolExecutor(1) as thread:
        upgrading = thread.submit(upgrade)
        assert locked.wait(LONG_ENOUGH)
        opened(place).close()
        upgrading.result()
    first.dispose()


def test_a_register_of_a_newer_version_is_not_touched(place: str, engine: Engine) -> None:
    upgraded(engine)
    with engine.begin() as db:
        db.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(BadRegister, match="newer version"):
        opened(place)


@pytest.mark.parametrize(
    "where",
    ["mysql://root:hunter2@db/x", "postgresql://u:hunter2@127.0.0.1:1/x", "http://[hunter2"],
)
def test_an_address_that_cannot_be_used_is_said_without_its_password(where: str) -> None:
    with pytest.raises(BadRegister) as error:
        opened(where)
    assert "hunter2" not in str(error.value)


def test_a_file_that_is_no_database_is_said_to_be_none(tmp_path: Path) -> None:
    file = tmp_path / "register.db"
    file.write_text("not a database at all, but long enough to be looked at " * 50)
    with pytest.raises(BadRegister, match="DatabaseError"):
        opened(str(file))


# --- where it fails -------------------------------------------------------------------------------


async def _nothing_lost(books: Books) -> None:
    """The same again, once it is back: written once, in order, and chained."""
    assert await books.record(a_record(lines(1, 4)))
    kept = await books.row("invoice", "INV-7")
    assert kept is not None
    assert kept["sequence"] == 4
    assert await books.broken() is None


@pytest.mark.parametrize("table", ["invoices", "vat_rows", "journal", "chain"])
async def test_what_fails_in_the_middle_leaves_nothing_behind(
    books: Books, engine: Engine, table: str
) -> None:
    """The statement that writes this table fails: what was written before it is undone."""
    await books.claim(a_claim())

    def fail(_: object, __: object, statement: str, *more: object) -> None:
        if statement.startswith((f"INSERT INTO {table}", f"UPDATE {table}")):
            raise RuntimeError("not this one")

    event.listen(books._engine, "before_cursor_execute", fail)
    with pytest.raises(RuntimeError, match="not this one"):
        await books.record(a_record(lines(1, 3)))
    event.remove(books._engine, "before_cursor_execute", fail)
    assert await books.row("invoice", "INV-7") is None
    await _nothing_lost(books)


async def test_a_full_disk_is_unavailable_and_names_no_words(tmp_path: Path) -> None:
    books = opened(str(tmp_path / "register.db"))
    await books.claim(a_claim())
    with books._engine.begin() as db:
        pages = db.exec_driver_sql("PRAGMA page_count").scalar_one()

    @event.listens_for(books._engine, "begin")
    def _small(connection: object) -> None:
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")  # type: ignore[attr-defined]

    with pytest.raises(Unavailable) as error:
        await books.record(a_record(lines(1, 400, by="Ans", reason="canary " * 100)))
    assert str(error.value) == "the register: OperationalError (SQLITE_FULL)"
    event.remove(books._engine, "begin", _small)
    with books._engine.connect() as db:
        db.exec_driver_sql("PRAGMA max_page_count = 1000000")
    assert await books.record(a_record(lines(1, 400)))
    kept = await books.row("invoice", "INV-7")
    assert kept is not None
    assert kept["sequence"] == 400
    assert await books.broken() is None
    books.close()


async def test_a_full_disk_of_a_postgresql_is_unavailable_and_names_no_words(
    books: Books, engine: Engine
) -> None:
    """It says so by this code, whatever it was about to write."""
    if engine.dialect.name == "sqlite":
        pytest.skip("the same of a file is tried above")
    await books.claim(a_claim())
    with engine.begin() as db:
        db.execute(text(_FULL))
        db.execute(
            text("CREATE TRIGGER full_disk BEFORE INSERT ON journal EXECUTE FUNCTION full_disk()")
        )
    with pytest.raises(Unavailable) as error:
        await books.record(a_record(lines(1, 3, by="Ans", reason="canary")))
    assert str(error.value) == "the register: DiskFull (53100)"
    assert await books.row("invoice", "INV-7") is None
    with engine.begin() as db:
        db.execute(text("DROP TRIGGER full_disk ON journal"))
    await _nothing_lost(books)


_FULL = """
    CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$
"""


async def test_a_database_that_is_locked_is_unavailable_and_works_again(
    place: str, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("register.database.PATIENCE", 1)
    books = opened(place)
    await books.claim(a_claim())
    with engine.begin() as db:
        if engine.dialect.name == "postgresql":
            db.execute(text("LOCK TABLE claims, journal IN ACCESS EXCLUSIVE MODE"))
        with pytest.raises(Unavailable):
            await books.record(a_record(lines(1, 3)))
        with pytest.raises(Unavailable):
            await books.claim(a_claim("INV-8"))
    await _nothing_lost(books)
    books.close()


async def test_a_lost_connection_is_one_failure_at_most(books: Books, engine: Engine) -> None:
    if engine.dialect.name == "sqlite":
        pytest.skip("SQLite has no connection that others could end")
    await books.claim(a_claim())
    with engine.begin() as db:
        db.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
    await _nothing_lost(books)


@detail
async def test_a_process_killed_in_the_middle_of_a_record_leaves_nothing_half(place: str) -> None:
    """It is killed when every statement has been carried out, just before the commit."""
    books = opened(place)
    await books.claim(a_claim())
    program = textwrap.dedent(
        f"""
        import asyncio, os, signal
        from sqlalchemy import event
        from register import opened
        from tests.register.said import a_record, lines

        books = opened({place!r})

        @event.listens_for(books._engine, "commit")
        def killed(connection):
            os.kill(os.getpid(), signal.SIGKILL)

        asyncio.run(books.record(a_record(lines(1, 3))))
        """
    )
    ended = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", program], cwd=ROOT, capture_output=True
    )
    assert ended.returncode == -9, ended.stderr.decode()
    assert await books.row("invoice", "INV-7") is None
    await _nothing_lost(books)
    books.close()

"""A person is taken out of the register: the law's part stays, and the promise of the reference."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Engine, select

from activities.retention import RetentionActivities
from invoicing.books.claims import Word
from invoicing.books.retention import Due, EraseCall, ErasedNow, Retained
from register import Books
from register.database import for_reading, made
from register.erasing import Erasure, NotErased, NotThere, erased, forget_old_pages
from register.tables import claims, invoices, journal
from starter import Code
from tests.command_line import typed
from tests.register.said import NOON, a_claim, a_record, a_row, lines
from tests.tiers import detail

CANARY = "Canary van der Person"
NOW = NOON + timedelta(days=400)
WANTED = Erasure("invoice", "INV-7", by="Bo", reason="asked for", at=NOW)


@pytest.fixture
def database(place: str) -> Iterator[Engine]:
    engine = made(place)
    yield engine
    engine.dispose()


async def _kept(books: Books, reference: str = "INV-7", claimant: str = "one", **row: Any) -> None:
    await books.claim(a_claim(reference, claimant))
    given = {"buyer": CANARY, "context": {"customer": CANARY}, "ended": True, **row}
    told = lines(1, 3, by="Ans", reason=f"{CANARY} moved")
    await books.record(a_record(told, a_row(**given), reference, claimant))


def _everything(database: Engine) -> str:
    with database.begin() as db:
        tables = (claims, invoices, journal)
        # A row as text leaves out the middle of what is long.
        return "".join(str(tuple(row)) for table in tables for row in db.execute(select(table)))


async def test_the_person_is_gone_and_what_the_law_wants_stays(
    books: Books, database: Engine, place: str
) -> None:
    await _kept(books)
    # Another life, which inherited the first one's row.
    await books.claim(a_claim(claimant="two"))
    assert CANARY in _everything(database)
    before = await books.row("invoice", "INV-7")
    assert erased(database, WANTED).at == NOW
    assert CANARY not in _everything(database)
    after = await books.row("invoice", "INV-7")
    assert before is not None
    assert after is not None
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"buyer", "kept", "changed_at"}
    assert after["asked_by"] == "Ans"
    assert await books.broken() is None
    if "://" not in place:
        assert forget_old_pages(database)
        found = Path(place).parent.glob("register.db*")
        assert not [each for each in found if CANARY.encode() in each.read_bytes()]


@pytest.mark.parametrize("content", ["c1", "c2"])
async def test_the_reference_is_refused_from_then_on(
    books: Books, database: Engine, content: str
) -> None:
    await _kept(books)
    erased(database, WANTED)
    # Also for its own workflow, which somebody has reset.
    for claimant in ("two", "one"):
        claimed = await books.claim(a_claim(claimant=claimant, content=content))
        assert claimed.word is Word.REFUSED
        assert "was erased on 2027-07-06" in claimed.why


async def test_no_digest_is_left_by_which_a_name_could_be_guessed(
    books: Books, database: Engine
) -> None:
    await books.claim(a_claim(fingerprint={"document.buyer": "d1ge57"}, content="c0n7en7"))
    await books.record(a_record(lines(1, 3), a_row(ended=True)))
    assert {"d1ge57", "c0n7en7"} <= set(re.findall(r"\w+", _everything(database)))
    erased(database, WANTED)
    # The claimant itself asks again, as one that was reset does.
    for content in ("c0n7en7", "0th3r"):
        await books.claim(a_claim(fingerprint={"document.buyer": "d1ge57"}, content=content))
    left = _everything(database)
    assert not [each for each in ("d1ge57", "c0n7en7", "0th3r") if each in left]


async def test_a_late_record_brings_nobody_back(books: Books, database: Engine) -> None:
    await _kept(books)
    erased(database, WANTED)
    late = a_record(lines(4, 4, reason=CANARY), a_row(buyer=CANARY, ended=True))
    assert not await books.record(late)
    assert CANARY not in _everything(database)


async def test_it_is_erased_once_and_others_are_untouched(books: Books, database: Engine) -> None:
    await _kept(books)
    await _kept(books, "INV-8", buyer="somebody else")
    other = await books.row("invoice", "INV-8")
    erased(database, WANTED)
    later = Erasure("invoice", "INV-7", by="Cas", reason="again", at=NOW + timedelta(days=1))
    assert erased(database, later) == (NOW, False)
    assert await books.row("invoice", "INV-8") == other


async def test_nothing_is_erased_before_its_end(books: Books, database: Engine) -> None:
    await _kept(books, ended=False)
    with pytest.raises(NotErased, match="has not ended"):
        erased(database, WANTED)
    assert CANARY in _everything(database)
    with pytest.raises(NotThere):
        erased(database, Erasure("order", "INV-7", by="Bo", reason="asked for", at=NOW))


@detail
@pytest.mark.usefixtures("over")
async def test_while_somebody_reads_the_file_it_is_said_that_it_is_still_in_there(
    place: str, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "://" in place:
        pytest.skip("PostgreSQL forgets by itself")
    monkeypatch.setattr("register.database.PATIENCE", 0.1)
    await _kept(books)
    typing = ("erase", "INV-7", "--reason", "asked for", "--by", "Bo", "--yes")
    reader = for_reading(place)
    with reader.begin() as db:
        db.execute(select(claims.c.reference)).all()
        said = await typed(*typing, INVOICING_REGISTER_AT=place)
        assert said.exit_code == Code.DONE, said.output
        assert "is still in its file" in said.stdout
    reader.dispose()
    again = await typed(*typing, INVOICING_REGISTER_AT=place)
    assert "is still in its file" not in again.stdout
    found = Path(place).parent.glob("register.db*")
    assert not [each for each in found if CANARY.encode() in each.read_bytes()]


async def test_a_page_of_a_retention_says_so_too_and_asks_once(
    books: Books, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    asked: list[Engine] = []

    def busy(engine: Engine) -> bool:
        asked.append(engine)
        return False

    monkeypatch.setattr("register.books.forget_old_pages", busy)
    monkeypatch.setattr("activities.retention.open_still", _nothing_runs)
    due = []
    for reference in ("INV-7", "INV-8"):
        await _kept(books, reference)
        due.append(Due(kind="invoice", reference=reference, ended_at=NOON, days=30))
    temporal: Any = SimpleNamespace(namespace="default")
    work = RetentionActivities(temporal, books, {}, None)
    with caplog.at_level(logging.WARNING, logger="temporalio.activity"):
        done = await work.erase_due(EraseCall(due=tuple(due), at=NOW))
    assert (done.erased, len(asked)) == (2, 1)
    assert "is still in its file" in caplog.text


async def test_what_ran_in_another_namespace_is_left_by_a_retention(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("activities.retention.open_still", _nothing_runs)
    await _kept(books)
    temporal: Any = SimpleNamespace(namespace="production")
    work = RetentionActivities(temporal, books, {}, None)
    due = Due(kind="invoice", reference="INV-7", ended_at=NOON, days=30)
    assert await work.erase_due(EraseCall(due=(due,), at=NOW)) == ErasedNow(left=1)


@detail
async def test_what_has_begun_again_is_not_erased_before_its_own_end(
    books: Books, database: Engine
) -> None:
    nothing: dict[str, Any] = {"status": "cancelled", "number": None, "outcome": "cancelled"}
    await _kept(books, **nothing)
    claimed = await books.claim(a_claim(claimant="two"))
    assert claimed.word is Word.BEGINS_AGAIN
    with pytest.raises(NotErased, match="it has begun again"):
        erased(database, WANTED)
    assert await books.due_of(Retained.INVOICE, NOW, (None, ""), 9) == ()
    again = a_record(lines(1, 2), a_row(ended=True, **nothing), "INV-7", "two")
    assert await books.record(again)
    assert len(await books.due_of(Retained.INVOICE, NOW, (None, ""), 9)) == 1
    assert erased(database, WANTED).at == NOW


async def _nothing_runs(*_: object, **__: object) -> list[str]:
    return []


@pytest.fixture
def over(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Temporal on which nothing runs."""

    async def reach(*_: object, **__: object) -> Any:
        return SimpleNamespace(namespace="default")

    monkeypatch.setattr("commands.erasing.reach", reach)
    monkeypatch.setattr("commands.erasing.open_still", _nothing_runs)


@detail
async def test_where_temporal_cannot_be_asked_nothing_is_erased(
    place: str, books: Books, database: Engine
) -> None:
    await _kept(books)
    why = ("--reason", "asked for", "--by", "Bo", "--yes")
    said = await typed("erase", "INV-7", *why, INVOICING_REGISTER_AT=place)
    assert said.exit_code not in (Code.DONE, Code.NOT_FOUND), said.output
    assert CANARY in _everything(database)


@detail
@pytest.mark.usefixtures("over")
async def test_what_still_runs_after_its_end_is_not_erased(
    place: str, books: Books, database: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def runs(*_: object, **__: object) -> list[str]:
        return ["document/INV-7"]

    monkeypatch.setattr("commands.erasing.open_still", runs)
    await _kept(books)
    why = ("--reason", "asked for", "--by", "Bo", "--yes")
    said = await typed("erase", "INV-7", *why, INVOICING_REGISTER_AT=place)
    assert said.exit_code == Code.BAD_INPUT, said.output
    assert "document/INV-7 still runs" in said.output
    assert CANARY in _everything(database)


@detail
@pytest.mark.usefixtures("over")
async def test_what_ran_in_another_namespace_is_not_erased_from_this_one(
    place: str, books: Books, database: Engine
) -> None:
    await books.claim(a_claim(namespace="production"))
    await books.record(a_record(lines(1, 3), a_row(buyer=CANARY, ended=True)))
    why = ("--reason", "asked for", "--by", "Bo", "--yes")
    said = await typed("erase", "INV-7", *why, INVOICING_REGISTER_AT=place)
    assert said.exit_code == Code.BAD_INPUT, said.output
    assert "ran in the namespace production, and this is default" in said.output
    assert CANARY in _everything(database)


@detail
@pytest.mark.usefixtures("over")
async def test_it_is_typed_with_a_reason(place: str, books: Books) -> None:
    await _kept(books)
    here = {"INVOICING_REGISTER_AT": place}
    why = ("--reason", "asked for", "--by", "Bo")
    assert (await typed("erase", "INV-7", *why, **here)).exit_code == Code.BAD_INPUT
    said = await typed("erase", "INV-7", *why, "--yes", **here)
    assert said.exit_code == Code.DONE, said.output
    assert "INV-7 is erased since" in said.stdout
    assert (await typed("erase", "INV-9", *why, "--yes", **here)).exit_code == Code.NOT_FOUND

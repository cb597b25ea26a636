"""What a person had an invoice made from instead of what was asked for first: kept as Temporal
keeps it, handed to the life that goes on after a loss, and gone with an erasure."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select
from temporalio.converter import DataConverter

from activities.register import RegisterActivities
from invoicing.books.claims import ClaimCall, Claimed, Correction, Word
from invoicing.client import converter
from invoicing.errors import Unavailable
from invoicing.temporal.converter import data_converter
from invoicing.temporal.encryption import VARIABLE, new_key
from register import Books, correcting
from register.database import made
from register.erasing import Erasure, erased, forget_old_pages
from register.keys import KeyStore
from register.tables import corrections, metadata
from tests.examples import a_document
from tests.register.postgres import on_both
from tests.register.said import NOON, OTHER, a_claim, a_record, a_row, lines

place = on_both

CANARY = "canary-in-the-note"
WANTED = Erasure("invoice", "INV-7", by="Bo", reason="asked for", at=NOON)
CORRECTED = Correction(document=a_document(notes=(CANARY,)), options={"a": 1}, content="c2")
AGAIN = CORRECTED.model_copy(update={"options": {"a": 2}, "content": "c3"})
KEY, ANOTHER = new_key("one"), new_key("two")


@pytest.fixture
def database(place: str, books: Books) -> Iterator[Engine]:
    engine = made(place)
    yield engine
    engine.dispose()


class Asked:
    """The register, as workflows ask it."""

    def __init__(self, books: Books, converter: DataConverter = data_converter) -> None:
        self.books = books
        self._activities = RegisterActivities(books, converter)

    async def claim(self, correction: Correction | None = None, **changes: Any) -> Claimed:
        """By its claimant, unless another is named."""
        content = correction.content if correction else "c1"
        call: ClaimCall = a_claim(**{"content": content, **changes})
        given = call.model_copy(update={"correction": correction})
        answer: Claimed = await RegisterActivities.claim(self._activities, given)
        return answer

    async def corrected(self, **row: Any) -> None:
        """Claimed, corrected, and this was recorded last."""
        await self.claim()
        assert (await self.claim(CORRECTED)).word is Word.GRANTED
        assert await self.books.record(a_record(lines(1, 3), a_row(**row)))


def _kept(database: Engine) -> list[tuple[str, str, bytes]]:
    with database.begin() as db:
        return [tuple(row) for row in db.execute(select(corrections))]


def _everything(database: Engine) -> str:
    with database.begin() as db:
        rows = [row for table in metadata.sorted_tables for row in db.execute(select(table))]
    # A row as text leaves out the middle of what is long.
    return "".join(str(tuple(row)) for row in rows)


async def test_a_life_that_goes_on_is_told_what_was_corrected_last(books: Books) -> None:
    asked = Asked(books)
    await asked.corrected()
    await asked.claim(AGAIN)
    for _ in range(2):
        on = await asked.claim(claimant="two")
        assert (on.word, on.correction, on.sealed) == (Word.GOES_ON, AGAIN, b"")


async def test_what_is_corrected_back_is_kept_as_well(books: Books) -> None:
    asked = Asked(books)
    await asked.corrected()
    back = CORRECTED.model_copy(update={"content": "c1"})
    await asked.claim(back)
    assert (await asked.claim(claimant="two")).correction == back


async def test_so_is_one_that_asks_for_what_has_ended(books: Books) -> None:
    asked = Asked(books)
    await asked.corrected(ended=True)
    known = await asked.claim(claimant="two")
    assert (known.word, known.correction) == (Word.KNOWN, CORRECTED)


async def test_who_asks_for_something_else_is_told_nothing(books: Books) -> None:
    asked = Asked(books)
    await asked.corrected(ended=True)
    refused = await asked.claim(claimant="two", fingerprint=OTHER)
    assert (refused.word, refused.correction) == (Word.REFUSED, None)


async def test_what_begins_again_has_nothing_of_it(books: Books, database: Engine) -> None:
    asked = Asked(books)
    await asked.corrected(status="cancelled", stage="none", number=None, ended=True)
    again = await asked.claim(claimant="two", fingerprint=OTHER)
    assert (again.word, again.correction) == (Word.BEGINS_AGAIN, None)
    assert _kept(database) == []


async def test_it_stands_in_no_other_place_of_the_register(books: Books, database: Engine) -> None:
    """Not in the verdict, which is kept for who asks once more."""
    asked = Asked(books)
    await asked.corrected()
    await asked.claim(claimant="two")
    with database.begin() as db:
        correcting.forget(db, "invoice", "INV-7")
    assert CANARY not in _everything(database)


async def test_an_erasure_takes_it_away_and_nobody_brings_it_back(
    books: Books, database: Engine, place: str
) -> None:
    asked = Asked(books)
    await asked.corrected(ended=True)
    assert CANARY in _everything(database)
    erased(database, WANTED)
    await asked.claim(AGAIN)
    assert _kept(database) == []
    assert CANARY not in _everything(database)
    if "://" not in place:
        assert forget_old_pages(database)
        found = Path(place).parent.glob("register.db*")
        assert not [each for each in found if CANARY.encode() in each.read_bytes()]


async def test_with_keys_nobody_reads_it_in_the_register(
    books: Books, database: Engine, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, KEY)
    await Asked(books, converter()).corrected()
    assert CANARY not in _everything(database)
    assert (await Asked(books, converter()).claim(claimant="two")).correction == CORRECTED
    # Where its key is gone, it is known that there was one: the row says so, and so do the claims.
    monkeypatch.setenv(VARIABLE, ANOTHER)
    lost = await Asked(books, converter()).claim(claimant="three")
    assert (lost.word, lost.correction, lost.contents) == (Word.GOES_ON, None, ("c1", "c2"))


async def test_with_data_keys_it_is_under_the_invoice_s_own(
    books: Books, database: Engine, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, KEY)
    monkeypatch.setenv("INVOICING_DATA_KEYS", "true")
    monkeypatch.setenv("INVOICING_REGISTER_AT", place)
    keys = KeyStore(place)
    try:
        own = Asked(books, converter(keys, worker=True))
        await own.corrected(ended=True)
        assert (await own.claim(claimant="two")).correction == CORRECTED
        ((_, _, sealed),) = _kept(database)
        erased(database, WANTED)
        # A backup of the row alone does not bring it back.
        with database.begin() as db:
            correcting.keep(db, "invoice", "INV-8", sealed)
            books_of_another = a_claim("INV-8")
        await books.claim(books_of_another)
        assert (await own.claim(claimant="two", reference="INV-8")).correction is None
    finally:
        keys.close()


async def test_while_the_keys_are_away_nothing_is_claimed(
    books: Books, database: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It is asked again: what was corrected must not be lost."""
    monkeypatch.setenv(VARIABLE, KEY)
    monkeypatch.setenv("INVOICING_DATA_KEYS", "true")
    monkeypatch.setenv("INVOICING_REGISTER_AT", "elsewhere")
    keys = KeyStore(str(tmp_path / "not there.db"))
    try:
        away = Asked(books, converter(keys, worker=True))
        await away.claim()
        with pytest.raises(Exception, match="register") as error:
            await away.claim(CORRECTED)
        assert getattr(error.value, "type", "") == Unavailable.__name__
        assert _kept(database) == []
    finally:
        keys.close()

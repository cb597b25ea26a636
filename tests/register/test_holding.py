"""Legal holds: nothing that is held is erased, and who decided it stands in the journal."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, select

from invoicing.temporal.data_keys import Masters, Subject
from invoicing.temporal.encryption import VARIABLE, new_key, read_keys
from register import Books
from register.database import downgraded, made, upgraded
from register.erasing import Erasure, NotErased, erased
from register.holding import Holding, NotHeld, NothingToHold, held, released
from register.keys import KeyStore
from register.tables import journal
from starter import Code
from tests.command_line import typed
from tests.register.said import NOON, a_claim, a_record, a_row, lines
from tests.register.test_erasing import over as over
from tests.tiers import detail

NOW = NOON + timedelta(days=400)
LATER = NOW + timedelta(days=1)
ERASURE = Erasure("invoice", "INV-7", by="Bo", reason="asked for", at=LATER)


@pytest.fixture
def database(place: str) -> Iterator[Engine]:
    engine = made(place)
    yield engine
    engine.dispose()


def a_hold(**changes: Any) -> Holding:
    given = {"kind": "invoice", "reference": "INV-7", "by": "Ans", "reason": "file 4711", "at": NOW}
    return Holding(**{**given, **changes})


async def _kept(books: Books, reference: str = "INV-7") -> None:
    await books.claim(a_claim(reference))
    await books.record(a_record(lines(1, 3), a_row(ended=True, buyer="Canary"), reference))


async def test_what_is_held_is_not_erased_and_what_was_released_is(
    books: Books, database: Engine
) -> None:
    await _kept(books)
    await _kept(books, "INV-8")
    assert held(database, a_hold()) == NOW
    with pytest.raises(NotErased, match="a legal hold on it since 2027-07-06"):
        erased(database, ERASURE)
    row = await books.row("invoice", "INV-7")
    assert row is not None
    assert row["buyer"] == "Canary"
    assert erased(database, Erasure("invoice", "INV-8", "Bo", "asked for", LATER)).at == LATER
    released(database, a_hold(by="Cas", at=LATER))
    assert erased(database, ERASURE).at == LATER


@pytest.mark.parametrize(("kind", "owner"), [("order", "order O-1"), ("invoice", "invoice INV-7")])
async def test_a_hold_holds_what_belongs_to_it(
    books: Books, database: Engine, kind: str, owner: str
) -> None:
    await books.claim(a_claim("O-1", kind="order"))
    for reference, order in (("INV-7", "order/O-1"), ("NOTE", "credits/INV-7")):
        await books.claim(a_claim(reference))
        row = a_row(ended=True, order=order)
        await books.record(a_record(lines(1, 3), row, reference))
    a_hold_on = a_hold(kind=kind, reference=owner.split()[1])
    held(database, a_hold_on)
    note = Erasure("invoice", "NOTE", "Bo", "asked for", LATER)
    with pytest.raises(NotErased, match=f"a legal hold on it since 2027-07-06 of its {owner}"):
        erased(database, note)
    released(database, a_hold_on)
    assert erased(database, note).at == LATER


async def test_the_first_hold_stays_and_each_decision_is_a_line_of_the_journal(
    books: Books, database: Engine
) -> None:
    await _kept(books)
    assert held(database, a_hold()) == NOW
    assert held(database, a_hold(by="Cas", at=LATER)) == NOW
    released(database, a_hold(by="Cas", at=LATER))
    assert held(database, a_hold(at=LATER)) == LATER
    assert await books.broken() is None
    with database.begin() as db:
        query = select(journal.c.said).order_by(journal.c.position)
        said = [each for each in db.execute(query).scalars() if each and "legal hold" in each]
    assert len(said) == 3
    assert "Ans" in said[0]
    assert "released" in said[1]


async def test_there_is_nothing_to_hold_or_release_where_there_is_nothing(
    books: Books, database: Engine
) -> None:
    with pytest.raises(NothingToHold):
        held(database, a_hold())
    await _kept(books)
    with pytest.raises(NotHeld, match="no legal hold"):
        released(database, a_hold())
    erased(database, ERASURE)
    with pytest.raises(NotHeld, match="was erased on"):
        held(database, a_hold())


@detail
async def test_tables_go_down_only_once_every_hold_in_them_is_released(
    books: Books, database: Engine
) -> None:
    await _kept(books)
    held(database, a_hold())
    with pytest.raises(RuntimeError, match="there are legal holds"):
        downgraded(database, "0005")
    with pytest.raises(NotErased, match="legal hold"):
        erased(database, ERASURE)
    released(database, a_hold(at=LATER))
    downgraded(database, "0005")
    upgraded(database)
    assert erased(database, ERASURE).at == LATER
    assert await books.broken() is None


@detail
@pytest.mark.usefixtures("over")
async def test_it_is_typed_with_a_reason(place: str, books: Books) -> None:
    await _kept(books)
    here = {"INVOICING_REGISTER_AT": place}
    why = ("--reason", "file 4711", "--by", "Ans")
    assert (await typed("legal-hold", "INV-7", **here)).exit_code == Code.BAD_INPUT
    said = await typed("legal-hold", "INV-7", *why, **here)
    assert said.exit_code == Code.DONE, said.output
    refused = await typed("erase", "INV-7", *why, "--yes", **here)
    assert refused.exit_code == Code.FAILED
    assert "legal hold" in refused.output
    assert (await typed("legal-hold", "INV-7", "--release", *why, **here)).exit_code == Code.DONE
    assert (await typed("erase", "INV-7", *why, "--yes", **here)).exit_code == Code.DONE
    assert (await typed("legal-hold", "INV-9", *why, **here)).exit_code == Code.NOT_FOUND


@detail
async def test_keys_are_encrypted_anew_from_a_shell(place: str, books: Books) -> None:
    old, new = new_key("old"), new_key("new")
    subject, masters = Subject("invoice", "INV-7"), Masters(read_keys(SecretStr(old)))
    store = KeyStore(place)
    await store.keep(subject, masters.seal(subject, b"k" * 32), "old")
    here = {"INVOICING_REGISTER_AT": place}
    assert (await typed("rekey", **here)).exit_code == Code.BAD_INPUT
    lacking = await typed("rekey", **here, **{VARIABLE: new})
    assert lacking.exit_code == Code.FAILED
    assert "the key old, not in" in lacking.output
    said = await typed("rekey", **here, **{VARIABLE: f"{new},{old}"})
    assert said.exit_code == Code.DONE, said.output
    assert said.stdout.startswith("1 data keys")
    kept = await store.kept(subject)
    store.close()
    assert kept is not None
    assert kept.master == "new"

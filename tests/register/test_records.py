"""What is written down: once, in order, exact to the cent, and so that a change of it shows."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Engine, delete, func, select, update

from invoicing.books.claims import Word
from invoicing.state.recording import CreditsCall, Line
from register import Books
from register.database import made
from register.erasing import Erasure, erased
from register.tables import journal, vat_rows
from tests.register.said import NOON, a_claim, a_record, a_row, lines
from tests.tiers import detail


@pytest.fixture
def database(place: str) -> Iterator[Engine]:
    engine = made(place)
    yield engine
    engine.dispose()


def _sequences(database: Engine, reference: str = "INV-7") -> list[int]:
    columns = select(journal.c.sequence).where(journal.c.reference == reference)
    with database.begin() as db:
        return list(db.execute(columns.order_by(journal.c.position)).scalars())


async def test_a_record_that_comes_again_or_overlaps_is_written_once(
    books: Books, database: Engine
) -> None:
    await books.claim(a_claim())
    for first, last in ((1, 3), (1, 3), (2, 5), (1, 2), (6, 6)):
        assert await books.record(a_record(lines(first, last)))
    assert _sequences(database) == [1, 2, 3, 4, 5, 6]
    assert await books.broken() is None


async def test_an_older_state_never_takes_the_place_of_a_newer_one(books: Books) -> None:
    await books.claim(a_claim())
    await books.record(a_record(lines(1, 5), a_row("paid", payment="paid")))
    await books.record(a_record(lines(1, 2), a_row("drafted", number=None)))
    kept = await books.row("invoice", "INV-7")
    assert kept is not None
    assert (kept["status"], kept["number"], kept["sequence"]) == ("paid", "2026-1", 5)


async def test_a_reference_that_nobody_claimed_is_not_written(
    books: Books, database: Engine
) -> None:
    assert not await books.record(a_record(lines(1, 3)))
    assert _sequences(database) == []


async def test_amounts_dates_and_people_are_kept(books: Books, database: Engine) -> None:
    await books.claim(a_claim())
    asked = lines(1, 1, by="Ans", reason="wrong price")
    answered = lines(2, 2, by="Bo", reason="seen there", answers=True)
    row = a_row("credited", credited=Decimal("121.00"), due=Decimal("100.01"), ended=True)
    await books.record(a_record((*asked, *answered), row))
    await books.record(a_record(lines(3, 3), row))
    kept = await books.row("invoice", "INV-7")
    assert kept is not None
    amounts = {name: kept[name] for name in ("net", "vat", "gross", "due", "paid", "credited")}
    assert amounts == {
        "net": 10000,
        "vat": 2100,
        "gross": 12100,
        "due": 10001,
        "paid": 0,
        "credited": 12100,
    }
    assert (kept["asked_by"], kept["answered_by"], kept["buyer"]) == ("Ans", "Bo", "Bakker & Zn")
    assert (kept["began_at"], kept["ended_at"]) == (NOON, answered[0].at)
    with database.begin() as db:
        rates = db.execute(select(vat_rows.c.rate, vat_rows.c.taxable, vat_rows.c.vat)).all()
    assert [tuple(each) for each in rates] == [("21", 10000, 2100)]


# --- credits --------------------------------------------------------------------------------------


def _later(first: int, last: int, days: int = 1) -> tuple[Line, ...]:
    """These numbers once more, for what happened days afterwards."""
    return tuple(
        line.model_copy(update={"at": line.at + timedelta(days=days), "what": "once more"})
        for line in lines(first, last)
    )


async def test_what_a_workflow_tells_that_was_reset_is_written_down_though_it_counts_again(
    books: Books, database: Engine
) -> None:
    await books.claim(a_claim())
    await books.record(a_record(lines(1, 5)))
    for _ in range(2):
        await books.record(a_record(_later(3, 4), a_row("held")))
    # A call of the run that was reset, which arrives late, brings nothing back.
    await books.record(a_record(lines(4, 5), a_row("drafted")))
    await books.record(a_record(_later(5, 7), a_row("approved")))
    # And it is reset once more.
    await books.record(a_record(_later(2, 2, days=2), a_row("sent")))
    await books.record(a_record(_later(3, 3, days=2), a_row("paid")))
    kept = await books.row("invoice", "INV-7")
    assert kept is not None
    assert (kept["status"], kept["sequence"]) == ("paid", 3)
    with database.begin() as db:
        told = db.execute(select(journal).order_by(journal.c.position)).all()
    names = [(line.claimant, line.sequence) for line in told]
    assert names == [
        *(("one", number) for number in range(1, 6)),
        *(("one~1", number) for number in range(3, 8)),
        *(("one~2", number) for number in range(2, 4)),
    ]
    assert await books.broken() is None


@pytest.mark.parametrize("status", ["cancelled", "expired"])
async def test_a_life_that_begins_again_has_ended_when_it_has_ended_itself(
    books: Books, status: str
) -> None:
    """It may go straight through, so that its end is the first thing that it tells. What is kept
    for so many days is counted from there."""
    nothing = {"stage": "none", "number": None, "provider_id": None, "ended": True}
    await books.claim(a_claim())
    await books.record(a_record(lines(1, 3), a_row(status, **nothing)))
    await books.claim(a_claim(claimant="two"))
    later = tuple(
        line.model_copy(update={"at": line.at + timedelta(days=2000)}) for line in lines(1, 2)
    )
    assert await books.record(a_record(later, a_row(ended=True), claimant="two"))
    kept = await books.row("invoice", "INV-7")
    assert kept is not None
    assert kept["ended_at"] == later[-1].at
    # What it tells afterwards changes nothing about that.
    after = lines(3, 3)[0].model_copy(update={"at": NOON + timedelta(days=2100)})
    await books.record(a_record((after,), a_row("paid", ended=True), claimant="two"))
    kept = await books.row("invoice", "INV-7")
    assert kept is not None
    assert (kept["status"], kept["ended_at"]) == ("paid", later[-1].at)


async def test_a_delivery_that_is_asked_for_by_itself_stays_its_order_s(books: Books) -> None:
    """Else it could be erased before its order, and the order's legal hold would not hold it."""
    await books.claim(a_claim())
    await books.record(a_record(lines(1, 3), a_row("drafted", order="order/O-1")))
    assert (await books.claim(a_claim(claimant="two"))).word is Word.GOES_ON
    await books.record(a_record(lines(1, 3), a_row("sent", ended=True), claimant="two"))
    kept = await books.row("invoice", "INV-7")
    assert kept is not None
    assert kept["order_id"] == "order/O-1"


async def test_what_begins_anew_is_no_delivery_any_more(books: Books) -> None:
    nothing = {"stage": "none", "number": None, "provider_id": None, "ended": True}
    await books.claim(a_claim())
    await books.record(a_record(lines(1, 3), a_row("cancelled", order="order/O-1", **nothing)))
    assert (await books.claim(a_claim(claimant="two"))).word is Word.BEGINS_AGAIN
    await books.record(a_record(lines(1, 3), a_row("sent", ended=True), claimant="two"))
    kept = await books.row("invoice", "INV-7")
    assert kept is not None
    assert kept["order_id"] is None


async def test_what_credits_tell_is_kept_once_beside_what_the_invoice_tells(
    books: Books, database: Engine
) -> None:
    await books.claim(a_claim())
    await books.record(a_record(lines(1, 2)))
    before = await books.row("invoice", "INV-7")
    for first, last in ((1, 2), (1, 2), (2, 4)):
        told = lines(first, last, by="Ans", reason="came back")
        assert await books.record_credits(of_credits(told))
    await books.record(a_record(lines(3, 3)))
    with database.begin() as db:
        columns = (journal.c.claimant, journal.c.sequence)
        kept = [tuple(each) for each in db.execute(select(*columns).order_by(journal.c.position))]
    ledger = [("ledger", place) for place in range(1, 5)]
    assert kept == [("one", 1), ("one", 2), *ledger, ("one", 3)]
    assert await books.broken() is None
    after = await books.row("invoice", "INV-7")
    assert before is not None
    assert after is not None
    assert {name for name in before if before[name] != after[name]} == {"sequence", "changed_at"}


async def test_credits_of_an_invoice_that_is_older_than_the_register_are_kept(
    books: Books, database: Engine
) -> None:
    assert await books.record_credits(of_credits(lines(1, 1)))
    with database.begin() as db:
        assert db.execute(select(func.count()).select_from(journal)).scalar() == 1


async def test_what_credits_have_told_is_erased_with_their_invoice(
    books: Books, database: Engine
) -> None:
    await books.claim(a_claim())
    await books.record(a_record(lines(1, 1), a_row(ended=True)))
    await books.record_credits(of_credits(lines(1, 1, reason="Bakker & Zn sent it back")))
    erased(database, Erasure("invoice", "INV-7", by="Cas", reason="asked for", at=NOON))
    assert not await books.record_credits(of_credits(lines(2, 2, reason="Bakker & Zn again")))
    with database.begin() as db:
        assert "Bakker" not in str(db.execute(select(journal.c.said)).all())


def of_credits(told: tuple[Line, ...]) -> CreditsCall:
    return CreditsCall(reference="INV-7", claimant="ledger", lines=told)


@pytest.mark.parametrize(
    ("currency", "amount", "units"),
    [
        ("JPY", "1250", 1250),
        ("BHD", "1.005", 1005),
        ("EUR", "0.10", 10),
        ("EUR", "999999999999999.99", 99999999999999999),
        # More than a column holds: the row's whole text keeps it.
        ("CLF", "999999999999999.9999", None),
    ],
)
async def test_money_is_exact_in_every_currency(
    books: Books, currency: str, amount: str, units: int | None
) -> None:
    await books.claim(a_claim())
    row = a_row(currency=currency, gross=Decimal(amount), vat_rows=())
    row = row.model_copy(update=dict.fromkeys(("net", "vat", "due", "paid", "credited")))
    await books.record(a_record(lines(1, 1), row))
    kept = await books.row("invoice", "INV-7")
    assert kept is not None
    assert (kept["gross"], f'"gross":"{amount}"' in kept["kept"]) == (units, True)


@pytest.mark.parametrize("amount", ["25.3764000001", "999999999999999.00"])
async def test_what_a_provider_states_to_more_decimals_is_written_without_a_column(
    books: Books, amount: str
) -> None:
    """A binary float of its wire: the invoice would never end if it were refused."""
    await books.claim(a_claim())
    names = ("paid", "left_to_pay", "too_much", "refunded", "charged_back", "returned")
    row = a_row("sent", **dict.fromkeys(names, Decimal(amount)))
    assert await books.record(a_record(lines(1, 1), row))
    kept = await books.row("invoice", "INV-7")
    assert kept is not None
    held = None if "." in amount.removesuffix(".00") else 99999999999999900
    assert {kept[name] for name in names} == {held}
    assert amount in kept["kept"]


async def test_vat_that_no_column_holds_loses_no_line(books: Books) -> None:
    await books.claim(a_claim())
    large = Decimal("999999999999999.9999")
    whole = a_row().vat_rows[0].model_copy(update={"taxable": large, "vat": Decimal(0)})
    row = a_row(currency="CLF", gross=large, vat_rows=(whole,))
    assert await books.record(a_record(lines(1, 1), row))
    kept = await books.row("invoice", "INV-7")
    assert kept is not None
    assert kept["kept"].count(str(large)) == 2


async def test_what_a_database_cannot_keep_is_marked_and_loses_no_line(
    books: Books, database: Engine
) -> None:
    await books.claim(a_claim())
    told = lines(1, 1, by="A\0ns", reason="\0")
    assert await books.record(a_record(told, a_row(buyer="Bak\0ker")))
    kept = await books.row("invoice", "INV-7")
    assert kept is not None
    assert (kept["buyer"], kept["asked_by"]) == ("Bak\ufffdker", "A\ufffdns")
    assert await books.broken() is None


async def test_many_at_once_make_one_chain(books: Books, database: Engine) -> None:
    references = [f"INV-{place}" for place in range(12)]

    async def life(reference: str) -> None:
        await books.claim(a_claim(reference))
        for place in range(1, 6):
            await books.record(a_record(lines(place, place), reference=reference))

    await asyncio.gather(*map(life, references))
    assert await books.broken() is None
    assert all(_sequences(database, each) == [1, 2, 3, 4, 5] for each in references)
    with database.begin() as db:
        positions = list(db.execute(select(journal.c.position)).scalars())
    assert sorted(positions) == list(range(1, 61))


CHANGES: dict[str, Any] = {
    "what it says": {"said": '["another", "", ""]'},
    "its status": {"status": "paid"},
    "its reference": {"reference": "INV-8"},
    "when it was": {"at": NOON},
    "its digest": {"digest": "0" * 64},
    "its hash": {"hash": "1" * 64},
    "half of it": {"salt": None},
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
async def test_a_line_that_was_changed_is_found(
    books: Books, database: Engine, change: dict[str, Any]
) -> None:
    await books.claim(a_claim())
    await books.record(a_record(lines(1, 5)))
    with database.begin() as db:
        db.execute(update(journal).where(journal.c.position == 3).values(**change))
    wrong = await books.broken()
    assert wrong is not None
    assert "line 3" in wrong


@pytest.mark.parametrize(("gone", "said"), [(3, "line 3 is missing"), (5, "must end with line 5")])
async def test_a_line_that_was_taken_out_is_missed(
    books: Books, database: Engine, gone: int, said: str
) -> None:
    await books.claim(a_claim())
    await books.record(a_record(lines(1, 5)))
    with database.begin() as db:
        db.execute(delete(journal).where(journal.c.position == gone))
    assert said in (await books.broken() or "")


async def test_words_that_are_gone_though_nobody_erased_them_are_missed(
    books: Books, database: Engine
) -> None:
    """The chain holds without them, as it does after an erasure."""
    for reference in ("INV-7", "INV-8"):
        await books.claim(a_claim(reference))
        await books.record(a_record(lines(1, 3), a_row(ended=True), reference))
    erased(database, Erasure("invoice", "INV-8", by="Bo", reason="asked for", at=NOON))
    assert await books.broken() is None
    with database.begin() as db:
        of = (journal.c.reference == "INV-7", journal.c.sequence == 2)
        db.execute(update(journal).where(*of).values(salt=None, said=None))
    assert await books.broken() == ("line 2 (INV-7): what it says is gone, and nobody erased it")


@detail
async def test_a_line_that_was_erased_breaks_no_chain(books: Books, database: Engine) -> None:
    await books.claim(a_claim())
    await books.record(a_record(lines(1, 5), a_row(ended=True)))
    erased(database, Erasure("invoice", "INV-7", by="Bo", reason="asked for", at=NOON))
    assert await books.broken() is None

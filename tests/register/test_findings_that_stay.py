"""What a later run must not close, and what it must not find: what it cannot have seen."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

import pytest

from invoicing.books.reconciling import FindingKind
from register import Books
from register.erasing import Erasure, erased
from tests.register.test_reconciling import LATER, Drill, numbered, there
from tests.tiers import detail


@pytest.fixture
def drill(books: Books, place: str) -> Iterable[Drill]:
    one = Drill(books, place)
    yield one
    one.engine.dispose()


async def test_what_nobody_asked_for_is_closed_by_a_run_that_would_have_listed_it_alone(
    drill: Drill,
) -> None:
    """A list need not have what was made before its first day: it is there still."""
    stray = there("OTHER", "id-3")
    nights = [LATER + timedelta(days=night) for night in range(4)]
    window = [
        {"since": night.date() - timedelta(days=91), "until": night.date(), "began": night}
        for night in nights
    ]
    await drill.run(stray, scope=window[0])
    last = {"since": nights[1].date() - timedelta(days=30), "until": nights[1].date()}
    assert (await drill.run(scope={**last, "began": nights[1]})).closed == 0
    assert drill.kinds() == [FindingKind.UNKNOWN_HERE]
    await drill.run(stray, scope=window[2])
    # It is gone: the run of the next night, which begins a day later, says so.
    assert (await drill.run(scope=window[3])).closed == 1


@detail
async def test_what_nobody_asked_for_does_not_become_known_by_its_age(drill: Drill) -> None:
    for night in range(95):
        began = LATER + timedelta(days=night)
        since = began.date() - timedelta(days=91)
        # It was made on the day before it was first found.
        items = [there("OTHER", "id-3")] if since < LATER.date() else []
        await drill.run(*items, scope={"since": since, "until": began.date(), "began": began})
    assert drill.kinds() == [FindingKind.UNKNOWN_HERE]


@detail
async def test_the_number_of_an_invoice_that_was_erased_is_no_gap(
    books: Books, drill: Drill
) -> None:
    """What we had asked for is gone with the person; its number stays used."""
    seen = await numbered(books, "07", "08", "09", "12", "F-1", "F-2", "F-3", ended=True)
    for reference in ("N-08-1", "N-F-2-5"):
        asked = Erasure("invoice", reference, by="Bo", reason="asked for", at=LATER)
        erased(drill.engine, asked)
    await drill.run(*seen)
    assert [found.what for found in drill.all()] == ["no invoice has 10 to 11"]

"""What reconciliations left behind is kept for as long as it is set, and then deleted."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, insert, select

from invoicing.books.reconciling import FindingKind
from register import Books, opened
from register.reconciling.forgetting import AT_ONCE
from register.reconciling.kept import closed
from register.tables import findings, reconciliations
from settings.variables import BadSettings
from settings.worker import read
from tests.register.test_reconciling import LATER, Drill, here, there

KEPT = timedelta(days=100)


@pytest.fixture
def books(place: str) -> Iterable[Books]:
    made = opened(place, findings_kept=KEPT)
    yield made
    made.close()


@pytest.fixture
def drill(books: Books, place: str) -> Iterable[Drill]:
    one = Drill(books, place)
    yield one
    one.engine.dispose()


def at(days: int) -> dict[str, Any]:
    """A run that begins so many days later."""
    return {"began": LATER + timedelta(days=days)}


def _close(drill: Drill, days: int) -> None:
    (finding,) = drill.all()
    closed(drill.engine, finding.id, "ann", "agreed", LATER + timedelta(days=days))


async def test_a_finding_goes_when_it_was_closed_and_found_no_more_for_so_long(
    books: Books, drill: Drill
) -> None:
    await here(books)
    await drill.run(there(None, "id-2"), there())
    _close(drill, days=1)
    await drill.run(there(), scope=at(100))
    assert len(drill.all(closed_too=True)) == 1
    await drill.run(there(), scope=at(102))
    assert drill.all(closed_too=True) == []


async def test_one_that_is_closed_and_found_again_and_again_is_kept(
    books: Books, drill: Drill
) -> None:
    """Else what a person has closed would be there anew."""
    await drill.run(there(None, "id-2"))
    _close(drill, days=1)
    for days in (90, 180, 270):
        await drill.run(there(None, "id-2"), scope=at(days))
    assert drill.all() == []
    assert len(drill.all(closed_too=True)) == 1


async def test_one_that_is_open_is_kept_however_old(drill: Drill) -> None:
    await drill.run(there(None, "id-2"))
    await drill.run(whole=False, scope=at(5000))
    assert drill.kinds() == [FindingKind.UNKNOWN_HERE]


async def test_what_runs_came_to_goes_as_well(drill: Drill) -> None:
    for days in (0, 50, 101, 151):
        await drill.run(scope=at(days))
    with drill.engine.begin() as db:
        left = db.execute(select(reconciliations.c.began_at)).scalars().all()
    assert sorted(left) == [LATER + timedelta(days=days) for days in (101, 151)]


async def test_one_run_deletes_so_many_at_most(drill: Drill) -> None:
    long_ago = LATER - timedelta(days=1000)
    row = {
        "kind": "gap",
        "provider": "mollie",
        "account": "default",
        "what": "closed long ago",
        **dict.fromkeys(("first_at", "last_at", "closed_at"), long_ago),
        **dict.fromkeys(("first_run", "last_run"), "none"),
    }
    rows = [{**row, "id": f"{nth:016x}"} for nth in range(AT_ONCE + 5)]
    with drill.engine.begin() as db:
        db.execute(insert(findings), rows)
    for left in (5, 0):
        await drill.run()
        with drill.engine.begin() as db:
            assert db.execute(select(func.count()).select_from(findings)).scalar() == left


async def test_open_findings_are_counted_by_account_and_kind(books: Books, drill: Drill) -> None:
    await drill.run(there(None, "id-2"), there(None, "id-3"))
    await drill.run(there(None, "id-4"), scope={"account": "shop"})
    assert await books.open_findings() == {
        ("mollie", "default", "unknown_here"): 2,
        ("mollie", "shop", "unknown_here"): 1,
    }


@pytest.mark.parametrize("days", ["91", "36526", "ten"])
def test_a_time_out_of_bounds_is_refused(days: str) -> None:
    """Below 92 a run would find what a person has closed anew."""
    with pytest.raises(BadSettings, match="INVOICING_FINDINGS_DAYS"):
        read({"INVOICING_FINDINGS_DAYS": days})
    assert read({}).findings_days == 3653

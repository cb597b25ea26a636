"""What goes wrong with a register is said alike everywhere: which error it is, with its code, and
nothing that was written."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from invoicing.books.booked import Wanted
from invoicing.books.exporting import Asked
from invoicing.books.findings import WantedFindings
from invoicing.books.periods import Period
from invoicing.saved import SavedList
from register import BadRegister, Books, holding, lists, overview, saved
from register.database import for_reading, made
from register.erasing import Erasure, erased, ran_in
from register.export import BookingTable, exported, packed
from register.holding import Holding
from register.reconciling import kept, listed
from tests.register.postgres import on_both
from tests.register.said import NOON
from tests.tiers import detail

place = on_both

CANARY = "Bakker"
JUNE = Period(since=date(2026, 6, 1), until=date(2026, 6, 30))
HOLDING = Holding("invoice", CANARY, by=CANARY, reason=CANARY, at=NOON)
ERASURE = Erasure("invoice", CANARY, by=CANARY, reason=CANARY, at=NOON)
SAVED = SavedList(name=CANARY, filters={}, saved_at=NOON)

READS: dict[str, Callable[[Engine], object]] = {
    "a list": lambda engine: lists.page(engine, Wanted(text=CANARY), 10),
    "worths": lambda engine: lists.worths(engine, Wanted(text=CANARY)),
    "totals": lambda engine: lists.totals(engine, Wanted(text=CANARY)),
    "an overview": lambda engine: overview.overview(engine, Wanted(), JUNE, date(2026, 6, 1)),
    "findings": lambda engine: listed.findings_page(engine, WantedFindings(), 10),
    "a finding": lambda engine: listed.finding(engine, CANARY),
    "runs": lambda engine: listed.runs_page(engine, (), 10),
    "every finding": lambda engine: list(kept.every(engine)),
    "whose it is": lambda engine: holding.account_of(engine, "invoice", CANARY),
    "where it ran": lambda engine: ran_in(engine, ERASURE),
    "saved lists": lambda engine: saved.all_of(engine, CANARY),
    "an export that is packed": lambda engine: packed(engine, Asked(JUNE), BookingTable()),
}
WRITES: dict[str, Callable[[Engine], object]] = {
    "a finding closed": lambda engine: kept.closed(engine, CANARY, CANARY, CANARY, NOON),
    "a hold": lambda engine: holding.held(engine, HOLDING),
    "a hold released": lambda engine: holding.released(engine, HOLDING),
    "an erasure": lambda engine: erased(engine, ERASURE),
    "a list saved": lambda engine: saved.save(engine, CANARY, SAVED),
    "a list forgotten": lambda engine: saved.forget(engine, CANARY, CANARY),
}
TABLES = ("claims", "invoices", "findings", "reconciliations", "saved_lists")
NO_TABLE = r"\((SQLITE_ERROR|42P01)\)$"


@pytest.fixture
def damaged(books: Books, place: str) -> Iterator[Engine]:
    """A register whose tables somebody has taken away."""
    engine = made(place)
    with engine.begin() as db:
        for table in TABLES:
            db.execute(text(f"DROP TABLE {table}"))
    yield engine
    engine.dispose()


def test_which_error_it_is_stands_in_every_refusal_and_nothing_that_was_written(
    damaged: Engine, tmp_path: Path
) -> None:
    every = {**{name: ("read", work) for name, work in READS.items()}}
    every |= {name: ("written", work) for name, work in WRITES.items()}
    every["an export"] = ("read", lambda engine: exported(engine, tmp_path / "june", JUNE))
    said: dict[str, str] = {}
    for name, (_, work) in every.items():
        with pytest.raises(BadRegister) as error:
            work(damaged)
        said[name] = str(error.value)
    wrong = {
        name: told
        for name, told in said.items()
        if not told.startswith(f"the register cannot be {every[name][0]}: ")
        or not re.search(NO_TABLE, told)
        or CANARY in told
    }
    assert wrong == {}


def test_nobody_else_puts_such_a_sentence_together() -> None:
    """Where a database's error is taken, it is said by the one place that leaves its words out."""
    root = Path(__file__).resolve().parents[2] / "register"
    paths = [path for path in sorted(root.rglob("*.py")) if path.name != "trouble.py"]
    assert len(paths) > 30
    named = {
        str(path.relative_to(root))
        for path in paths
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr == "orig"
    }
    assert named == set()


@detail
def test_a_file_that_is_no_database_is_said_with_its_code(tmp_path: Path) -> None:
    file = tmp_path / "register.db"
    file.write_text("not a database at all, but long enough to be looked at " * 50)
    with pytest.raises(BadRegister, match=r"cannot be read: DatabaseError \(SQLITE_NOTADB\)$"):
        for_reading(str(file))

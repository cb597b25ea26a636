"""The published fault matrix is about everything there is: `make matrix` writes it anew."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from invoicing.state.invoice import Status
from providers.registry import ADAPTORS
from sandbox.kit.faults import Fault
from tests.lifecycle.lived import Lived
from tests.matrix import page
from tests.matrix.__main__ import Matrix, told
from tests.matrix.cells import (
    OF_CREDITS,
    OF_DOCUMENTS,
    SETUPS,
    Lives,
    Row,
    Table,
    provider_of,
    steps,
    table,
    unused,
)
from tests.matrix.page import SAME, UNKNOWN, Run
from tests.matrix.seen import seen
from tests.tiers import detail

PUBLISHED = page.read(
    (Path(__file__).resolve().parent.parent / "docs/fault-matrix.md").read_text(encoding="utf-8")
)

each_setup = pytest.mark.parametrize("setup", SETUPS)


def test_every_adaptor_is_in_the_published_matrix() -> None:
    assert set(PUBLISHED.adaptors.values()) == set(ADAPTORS)
    assert PUBLISHED.adaptors == {setup: provider_of(setup) for setup in SETUPS}


def test_credits_and_documents_of_every_adaptor_that_has_them_are_in_the_published_matrix() -> None:
    def there(part: str) -> set[str]:
        return {of for setup, of in PUBLISHED.adaptors.items() if setup.endswith(part)}

    credit = {name for name, adaptor in ADAPTORS.items() if hasattr(adaptor, "credits_in")}
    assert there(OF_CREDITS) == credit
    document = {name for name, adaptor in ADAPTORS.items() if hasattr(adaptor, "document")}
    assert there(OF_DOCUMENTS) == document


@each_setup
def test_every_step_and_every_fault_of_its_tables_is_in_the_published_matrix(setup: str) -> None:
    published = {row for row in PUBLISHED.rows if row.setup == setup}
    wanted = set(table(setup))
    assert wanted - published == set(), "these are not published"
    assert published - wanted == set(), "there are no such any more"


@each_setup
def test_every_step_of_its_stand_in_is_there_with_every_fault_of_the_wire(setup: str) -> None:
    there: dict[str, set[str]] = {step: set() for step in steps(setup) if step not in unused(setup)}
    for row in PUBLISHED.rows:
        if row.setup == setup:
            there[row.step].add(row.fault)
    missing = {step: set(Fault) - faults for step, faults in there.items()}
    assert {step: faults for step, faults in missing.items() if faults} == {}


@each_setup
def test_every_cell_says_what_was_seen(setup: str) -> None:
    for row, lives in table(setup).items():
        before, after = PUBLISHED.rows[row]
        assert (before == UNKNOWN) is (lives.before is None), row
        assert (after in (SAME, UNKNOWN)) is (lives.after is None), row
        assert all(" alive" in one for one in (before, after) if one not in (SAME, UNKNOWN)), row


def test_no_cell_of_the_published_matrix_is_broken() -> None:
    assert PUBLISHED.broken == []


async def _never(world: object) -> Lived:
    raise NotImplementedError


@detail
def test_a_life_that_went_wrong_is_marked_and_found_again() -> None:
    good = Lived(Status.SENT, 1, ("created", "approved", "sent"), 1)
    bad = replace(good, live=2, wrong=("two live invoices | and\nmore",))
    rows = [Row("mollie", "a draft is created", "create", fault) for fault in ("500", "reset")]
    tables: dict[str, Table] = {"mollie": {row: Lives(_never, _never) for row in rows}}
    cells = {(row, when): seen("create", good) for row in rows for when in ("before", "after")}
    run = Run("abc", "1.2.3")
    assert page.read(page.written(run, tables, cells)).broken == []
    cells[rows[1], "after"] = seen("create", bad)
    text = page.written(run, tables, cells)
    again = page.read(text)
    assert again.broken == [rows[1]]
    assert again.rows[rows[1]] == (
        "sent, 1 alive, 1 × create",
        "**BROKEN** two live invoices / and more (sent, 2 alive, 1 × create)",
    )
    assert "4 cells lived, 1 of them broken" in text
    assert (again.run, again.cells) == (run, cells)


@detail
def test_a_part_that_is_lived_anew_is_put_into_a_page_of_the_same_commit(tmp_path: Path) -> None:
    published = page.written(
        PUBLISHED.run, {setup: table(setup) for setup in SETUPS}, PUBLISHED.cells
    )
    assert page.read(published) == PUBLISHED
    (there := tmp_path / "page.md").write_text(published)
    row = next(row for row in PUBLISHED.rows if (row, "after") in PUBLISHED.cells)
    anew = {(row, when): "drafted, 7 alive" for when in ("before", "after")}
    part = {row.setup: {row: table(row.setup)[row]}}
    same = page.read(told(there, part, Matrix(PUBLISHED.run, anew)))
    assert same.cells == {**PUBLISHED.cells, **anew}
    other = replace(PUBLISHED.run, commit="another")
    assert page.read(told(there, part, Matrix(other, anew))).cells == anew

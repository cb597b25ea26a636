"""The page: how it is written, and how it is read again."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import get_args

from sandbox.kit.faults import When
from tests.matrix.cells import NOTES, Lives, Row, Table, is_about_a_part, provider_of, unused
from tests.matrix.seen import BROKEN

SAME = "the same"
UNKNOWN = "–"

_ABOUT = f"""\
# Every fault at every step, and what was seen

`make matrix` wrote this page. Each cell is a life of its own, lived on a real Temporal server and
over real HTTP against the provider's stand-in, in which one call of one step failed once: before
its effect was committed, or after. A cell says how the invoice ended, how many are alive at the
provider under its reference, how often the step was called (left out where that is a matter of
time), what a person was asked and answered, whether the invoice was found by our reference instead
of made again, and the provider's ledger where one thing stands in it twice. Nothing is drawn by
chance.

*{SAME}*: the fault is in what the answer says, so there is no before and after. *{UNKNOWN}*:
nothing in this step's answer could say so. A cell in which the promise was broken, or another end
reached than the tests of faults demand, would begin with {BROKEN}; then the command fails.
[failures.md](failures.md) says what is done about each fault; in `tests/lifecycle`,
`kinds/`, `test_faults.py`, `credit_steps.py` and `document_lives.py` say how a life gets
to each step.
"""
_HEAD = "| step | fault | before the commit | after the commit |\n|---|---|---|---|\n"
_SECTION = re.compile(r"^## (\w+)\n\nAdaptor `(\w+)`", re.MULTILINE)
_RUN = re.compile(r"^Commit `([^`]+)`, Temporal server (\S+):", re.MULTILINE)
_ROW = re.compile(r"^\| `(\w+)`: (.+?) \| `([^`]+)` \| (.*?) \| (.*?) \|$", re.MULTILINE)


@dataclass(frozen=True)
class Run:
    """What the lives were lived with."""

    commit: str
    server: str


Cells = Mapping[tuple[Row, str], str]
"""What was seen, by row and before or after."""


@dataclass(frozen=True)
class Page:
    """What a page says.

    run: what its lives were lived with.
    adaptors: of each set-up.
    rows: before and after, as they are written.
    """

    run: Run
    adaptors: Mapping[str, str]
    rows: Mapping[Row, tuple[str, str]]

    @property
    def cells(self) -> dict[tuple[Row, str], str]:
        """What was seen, without the cells that nobody lived."""
        return {
            (row, when): cell
            for row, cells in self.rows.items()
            for when, cell in zip(get_args(When), cells, strict=True)
            if cell not in (SAME, UNKNOWN)
        }

    @property
    def broken(self) -> list[Row]:
        """The rows with a cell in which something is wrong."""
        return [row for row, cells in self.rows.items() if BROKEN in "".join(cells)]


def written(run: Run, tables: Mapping[str, Table], seen: Cells) -> str:
    """The page about these tables."""
    wrong = sum(cell.startswith(BROKEN) for cell in seen.values())
    told = (
        f"Commit `{run.commit}`, Temporal server {run.server}: {len(seen)} cells lived, "
        f"{wrong} of them broken.\n"
    )
    return "\n".join([_ABOUT, told, *(_section(*each, seen) for each in tables.items())])


def _section(setup: str, table: Table, seen: Cells) -> str:
    about = f"Adaptor `{provider_of(setup)}`. {NOTES.get(setup, '')}".strip()
    if (steps := unused(setup)) and not is_about_a_part(setup):
        about += " No life takes " + ", ".join(f"`{step}`" for step in steps) + "."
    rows = "".join(_row(row, lives, seen) for row, lives in table.items())
    return f"## {setup}\n\n{about}\n\n{_HEAD}{rows}"


def _row(row: Row, lives: Lives, seen: Cells) -> str:
    before = seen[row, "before"] if lives.before else UNKNOWN
    after = seen[row, "after"] if lives.after else SAME if lives.before else UNKNOWN
    return f"| `{row.step}`: {row.life} | `{row.fault}` | {before} | {after} |\n"


def read(text: str) -> Page:
    """What this page says; ValueError where it is no such page."""
    if not (found := _RUN.search(text)):
        raise ValueError("it does not say what was run")
    adaptors: dict[str, str] = {}
    rows: dict[Row, tuple[str, str]] = {}
    for setup, adaptor, told in _sections(text):
        adaptors[setup] = adaptor
        for step, life, fault, *cells in _ROW.findall(told):
            rows[Row(setup, life, step, fault)] = (cells[0], cells[1])
    return Page(Run(found[1], found[2]), adaptors, rows)


def _sections(text: str) -> Iterator[tuple[str, str, str]]:
    found = [*_SECTION.finditer(text)]
    ends = [*(one.start() for one in found[1:]), len(text)]
    for one, end in zip(found, ends, strict=True):
        yield one[1], one[2], text[one.end() : end]

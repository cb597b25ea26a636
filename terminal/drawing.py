"""What every table is drawn with: a screen, its width, and text that no terminal obeys."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

_WITHOUT_TERMINAL = 160


def screen(*, error: bool = False) -> Console:
    """Standard output, or standard error. What is piped or logged is not cut to a narrow width."""
    console = Console(stderr=error, highlight=False, markup=False, emoji=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = _WITHOUT_TERMINAL
    return console


INSTALLED = "invoicing"
"""The command's name where it is installed (`[project.scripts]` of pyproject.toml)."""


def program() -> str:
    """What this program was called as, for commands that people are told to type."""
    return INSTALLED if Path(sys.argv[0]).stem == INSTALLED else "python starter.py"


def plain(text: object) -> str:
    """The text on one line, with nothing in it that a terminal would obey."""
    return "".join(each if each.isprintable() else " " for each in str(text))


def interactive() -> bool:
    """Whether somebody sits there who can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def table_of(*columns: str) -> Table:
    """A table with these headings, and nothing in it yet; long cells are folded."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def fact_table(rows: Mapping[str, object]) -> Table:
    """One thing, fact by fact; what is empty is left out."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows.items():
        if value:
            table.add_row(plain(name), value if isinstance(value, Text) else plain(value))
    return table


_GOOD = ("done", "started", "known", "ok", "yes")
"""Outcomes that are as they should be."""


def judged(word: str) -> Text:
    """An outcome, in green where nobody needs to look at it."""
    return Text(plain(word), style="green" if word in _GOOD else "bold yellow")


def moment(at: datetime) -> str:
    """To the minute, in UTC."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def cut(text: str, most: int) -> str:
    """The text in at most so many characters."""
    return text if len(text) <= most else f"{text[: most - 1]}…"

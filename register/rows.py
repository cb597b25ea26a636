"""How the row of a reference is named, and put where one may be already."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Table, bindparam
from sqlalchemy.dialects import postgresql, sqlite

OF: tuple[Any, Any] = bindparam("of_kind"), bindparam("of_reference")
"""The reference of a statement that is built once."""

_INSERTS: dict[str, Callable[[Table], sqlite.Insert | postgresql.Insert]] = {
    "sqlite": sqlite.insert,
    "postgresql": postgresql.insert,
}
DIALECTS = tuple(_INSERTS)


def is_of(table: Any, kind: Any, reference: Any) -> tuple[Any, Any]:
    """That a row of this table is of this reference."""
    return table.c.kind == kind, table.c.reference == reference


def insert_into(table: Table, dialect: str) -> sqlite.Insert | postgresql.Insert:
    """An insert that can say what is to be done where a row is there: each database has its own."""
    return _INSERTS[dialect](table)

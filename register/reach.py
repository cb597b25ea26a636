"""What keeps a limited caller to its own: conditions on the rows of any table that say whose they
are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sqlalchemy import ColumnElement, FromClause, and_, func, or_


def at(table: FromClause, accounts: Iterable[str]) -> Iterator[ColumnElement[bool]]:
    """At one of these accounts (`mollie`, or `mollie/shop`); none: anywhere."""
    parted = (each.partition("/") for each in accounts)
    here = [
        and_(table.c.provider == provider, table.c.account == name)
        if name
        else table.c.provider == provider
        for provider, _, name in parted
    ]
    if here:
        yield or_(*here)


def beginning(table: FromClause, prefixes: Iterable[str]) -> Iterator[ColumnElement[bool]]:
    """With a reference that begins with one of these; none: with any, or without one."""
    if begin := [func.substr(table.c.reference, 1, len(each)) == each for each in prefixes]:
        yield or_(*begin)

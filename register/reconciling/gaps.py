"""Gaps in the numbers that callers give their invoices."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise

from sqlalchemy import Connection, select

from invoicing.books.periods import Period
from invoicing.books.reconciling import Scope
from invoicing.state.recording import Row
from register.tables import invoices

WIDEST = 50
"""Numbers in a row that may be missing and still be a gap: what jumps further is another series."""

_SERIES = re.compile(r"(.*?)(\d{1,18})")


def gaps(db: Connection, scope: Scope) -> Iterator[tuple[str, str]]:
    """The invoice before each gap, and what is missing.

    A gap is between two numbers of one series (the same beginning, the same count of digits).
    Numbers of invoices under way count as used, and so do those of erased ones, of which nobody
    knows any more who gave them.
    """
    series: defaultdict[tuple[str, int], dict[int, str]] = defaultdict(dict)
    erased: set[str] = set()
    for number, reference, ours in _numbers(db, scope):
        if not ours:
            erased.add(number)
        elif told := _SERIES.fullmatch(number):
            series[told[1], len(told[2])][int(told[2])] = reference
    for (prefix, digits), used in sorted(series.items()):
        for one, next_one in pairwise(sorted(used)):
            if not 0 < next_one - one - 1 <= WIDEST:
                continue
            between = (f"{prefix}{each:0{digits}}" for each in range(one + 1, next_one))
            if missing := [each for each in between if each not in erased]:
                first, last = missing[0], missing[-1]
                what = first if first == last else f"{first} to {last}"
                yield used[one], f"no invoice has {what}"


def _numbers(db: Connection, scope: Scope) -> Iterator[tuple[str, str, bool]]:
    """Each with its invoice, and whether it is known to be one that we gave."""
    has = invoices.c
    begin, after = Period(scope.since, scope.until).moments
    fits = (
        has.kind == "invoice",
        has.provider == scope.provider,
        has.account == scope.account,
        has.began_at >= begin,
        has.began_at < after,
    )
    query = select(has.reference, has.number, has.ended, has.kept).where(*fits)
    for row in db.execute(query.execution_options(yield_per=1000)):
        says = Row.model_validate_json(row.kept).says
        # The provider's own are its own to explain.
        if says and says.number and (row.number or not row.ended):
            yield row.number or says.number, row.reference, True
        elif says is None and row.number:
            yield row.number, row.reference, False

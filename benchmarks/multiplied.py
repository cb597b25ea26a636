"""Invoices that have lived, again under other names: at the stand-in, and in the register.

What the workflow, the adaptor and the stand-in make of a life takes a tenth of a second and more.
What a reconciliation compares is what they left: of each round of lives both sides are copied, with
every reference, id and number another one, and nothing else.
"""

from __future__ import annotations

import copy
import dataclasses
import json
import re
from collections.abc import Iterable
from typing import Any

from sqlalchemy import insert, select

from register.database import made
from register.tables import invoices


class _Others:
    """Other names for these: `inside` also where they are a part of a text, `whole` alone."""

    def __init__(self, inside: Iterable[str], whole: Iterable[str]) -> None:
        names = {*inside}
        # The name of a credit note begins with that of its invoice: it is named by that.
        own = [each for each in names if not any(one in each for one in names - {each})]
        self._inside = re.compile("|".join(map(re.escape, own)))
        self._whole = {*whole}

    def of(self, value: Any, copy_: int) -> Any:
        """The same with other names; what would still happen to it does not."""
        if type(value) is str:
            if value in self._whole:
                return f"{value}-{copy_}"
            return self._inside.sub(lambda found: f"{found[0]}-{copy_}", value)
        if isinstance(value, dict):
            return {name: self.of(each, copy_) for name, each in value.items()}
        if isinstance(value, list | tuple):
            return type(value)(self.of(each, copy_) for each in value if not callable(each))
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            again = copy.copy(value)
            for field in dataclasses.fields(value):
                object.__setattr__(again, field.name, self.of(getattr(value, field.name), copy_))
            return again
        return None if callable(value) else value


def multiplied(there: dict[str, Any], place: str, account: str, times: int) -> int:
    """Have so many of everything that this account has at its stand-in (`there`, by id) and in the
    register; how many invoices there are here then."""
    engine = made(place)
    try:
        with engine.begin() as db:
            query = select(invoices).where(invoices.c.account == account)
            here = [dict(row) for row in db.execute(query).mappings()]
            others = _named(here, there)
            lived = dict(there)
            for copy_ in range(1, times):
                for each in lived.values():
                    again = others.of(each, copy_)
                    there[again.id] = again
                db.execute(insert(invoices), [_row(others, row, copy_) for row in here])
    finally:
        engine.dispose()
    return len(here) * times


def _named(here: list[dict[str, Any]], there: dict[str, Any]) -> _Others:
    inside = {row[name] for row in here for name in ("reference", "provider_id")}
    inside |= {*there, *(each.reference for each in there.values())}
    numbers = {row["number"] for row in here} | {each.number for each in there.values()}
    return _Others(filter(None, inside), filter(None, numbers))


def _row(others: _Others, row: dict[str, Any], copy_: int) -> dict[str, Any]:
    kept = json.dumps(others.of(json.loads(row["kept"]), copy_))
    return {**{name: others.of(value, copy_) for name, value in row.items()}, "kept": kept}

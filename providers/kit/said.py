"""What a provider says in words, held against what it was told, without keeping any of it.

A plan has a digest of each text that goes out, a snapshot one of each that is stated. Who the buyer
is must not stand in questions, and a thousand lines must not fill a history; a digest says enough:
the same, or not. Spaces and case do not count, and a number is one however it is written.

Amounts of which a document is made are told apart the same way. What it comes to is compared with
its figures, see `invoicing.provider.Echo`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any

from invoicing.money import plain
from providers.kit.wire import amount, is_unset

LINES = "texts of the lines"
FIGURES = "figures of the lines"
TOGETHER = f"{LINES} beside the {FIGURES}"
"""Which text has which figures. It counts where both agree apart, see `invoicing.state.echo`."""

_ORDINARY = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,6})?")
_UNREADABLE = "?"
"""Stated, and nobody can read it: that is no agreement."""


def said(
    words: Mapping[str, Any], lines: Iterable[Any] = (), rows: Iterable[Sequence[Any]] = ()
) -> dict[str, str]:
    """Digests by name. What is no text, or an empty one, is not said. The lines are one, in any
    order, and are said where every one of them has a text. So are their figures, `rows`,
    where every one of them is stated: apart from the texts, which a person may let stand, and
    together with them, for two lines may have exchanged theirs."""
    made = {name: _digest(text) for name, each in words.items() if (text := _plain(each))}
    texts = [_plain(each) for each in lines]
    if texts and all(texts):
        made[LINES] = _digest("\n".join(sorted(texts)))
    parts_of = [[_plain(each) for each in row] for row in rows]
    if parts_of and all(map(all, parts_of)):
        figures = ["\t".join(row) for row in parts_of]
        made[FIGURES] = _digest("\n".join(sorted(figures)))
        if LINES in made and len(texts) == len(figures):
            both = sorted(map("\t".join, zip(texts, figures, strict=True)))
            made[TOGETHER] = _digest("\n".join(both))
    return made


def at(body: Any, place: str) -> Any:
    """What stands at `debtor.invoiceAddress.name`; None where nothing does."""
    for name in place.split("."):
        body = body.get(name) if isinstance(body, Mapping) else None
    return body


def listed(body: Any, place: str) -> list[Any]:
    """The list that stands there; without items where none does."""
    there = at(body, place)
    return there if isinstance(there, list) else []


def number(value: Any) -> str | None:
    """A number as it is compared: 2, "2,00" and 2.0 are one. None where there is none."""
    if value is None or value == "":
        return None
    written = value.strip().replace(",", ".") if isinstance(value, str) else value
    try:
        if not isinstance(value, bool) and _ORDINARY.fullmatch(text := str(written)):
            return plain(Decimal(text))  # a tenth of the work: there may be thousands of them
        return plain(amount(written))
    except ValueError:
        return _UNREADABLE


def switch(value: Any) -> str | None:
    """Yes or no. None where neither is stated."""
    return None if value is None else str(value)


def instant(value: Any) -> str | None:
    """A moment, in whatever zone it is written. None where there is none, or an unset one."""
    if value is None or value == "" or is_unset(value):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return _UNREADABLE
    return (moment.astimezone(UTC) if moment.tzinfo else moment).isoformat()


def parts(rows: Iterable[Sequence[str | None]]) -> str | None:
    """Rows of which something is made, in any order. None where one of them leaves out a part."""
    every = [list(row) for row in rows]
    return many(" ".join(map(str, row)) for row in every) if all(map(all, every)) else None


def many(values: Iterable[Any]) -> str | None:
    """Several texts as one, in any order. None where there are none."""
    texts = sorted(text for each in values if (text := _plain(each)))
    return "\n".join(texts) or None


def _plain(value: Any) -> str:
    return "".join(value.split()).casefold() if isinstance(value, str) else ""


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:16]

"""Prints every code list with its size, its date and its age."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from datetime import UTC, date, datetime

from invoicing.codes import LISTS, CodeList

OLD = 365
"""Days. The sources are brought up to date twice a year."""


def told(lists: Iterable[CodeList], today: date) -> list[str]:
    """A line for each list, and one that says what to do where one is old."""
    lines = []
    found_old = False
    for each in lists:
        age = (today - each.stated).days
        old = age > OLD
        found_old = found_old or old
        mark = ", OLD" if old else ""
        lines.append(
            f"{each.name:<19} {len(each.codes):>5} codes  {each.stated}  {age} days{mark}  "
            f"{each.title}; {each.source}"
        )
    if found_old:
        lines.append(
            "Old: pin a newer release of the package that the source names in "
            "requirements-dev.txt, and run `python -m tests.norm.lists invoicing/codes`."
        )
    return lines


if __name__ == "__main__":
    sys.stdout.write("\n".join(told(LISTS.values(), datetime.now(UTC).date())) + "\n")

"""Two tiers: `make test` for every change, `make test-all` for everything, whole or in parts.

The rule, by which a test goes into a tier. `make test` sees every behaviour once:

- everything that needs no server, at every provider: each one's contract, adaptor and stand-in;
- what a workflow, a door or the command line does, once, at the simplest provider that does it;
- the register on SQLite, and on PostgreSQL what is about databases (tests/register/postgres.py);
- of each table of scenarios a part, enough that whatever breaks a rule everywhere is seen.

The thorough tier sees it again and elsewhere: at every other provider, on the other database, with
every fault at every step; and whatever is slow by itself: drills, browsers, programs that are
killed, moments that are tried one by one. A test is put there by the mark that says why
(`simulated`, `elsewhere`, `slow`, `detail`), a family by `first` or `chosen` beside its parameters.

The whole of it takes long, so CI runs `make test` and a part of it that goes on with the commits:
`make test-all PART=3/6` runs the tests whose id falls into the third of six parts. As many commits
in a row run all of them. Before a release all are run at once.
"""

from __future__ import annotations

import os
import re
import zlib
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

import pytest

T = TypeVar("T")

THOROUGH = os.environ.get("TESTS_THOROUGH", "") == "1"

TRIES = 100 if THOROUGH else 15
"""How many examples a property that is slow to try is tried with."""

JUDGED = 10_000 if THOROUGH else 300
"""How many documents the norm's official rules are asked about."""

LIVES = 2000 if THOROUGH else 300
"""How many simulated lives are lived; CI lives many others by `make prove`."""


simulated = pytest.mark.thorough
"""For what becomes of a workflow that is cut off, killed, terminated or answered with a fault:
tests/simulation and simulated lives see it in `make test`; this sees it on the real server."""

elsewhere = pytest.mark.thorough
"""For what a provider or a database does with a workflow whose behaviour is seen at another one."""

detail = pytest.mark.thorough
"""For what takes half a second of the processor on a real server, in a file whose first test tells
its story and stays in `make test`, beside the quick ones."""

slow = pytest.mark.thorough
"""For what takes seconds of the processor by itself, and whose parts are seen by quicker tests."""


def chosen(scenarios: Sequence[T], one_in: int) -> list[T]:
    """All of them in the thorough tier, otherwise the first and every so-manieth after it."""
    return list(scenarios if THOROUGH else scenarios[::one_in])


def first(values: Iterable[Any], kept: int = 1) -> list[Any]:
    """Values of a parameter, of which only so many are tried in `make test`."""
    several = list(values)
    late = [pytest.param(*_several(each), marks=pytest.mark.thorough) for each in several[kept:]]
    return [*several[:kept], *late]


def _several(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


def part(said: str) -> tuple[int, int] | None:
    """Which of how many parts is to be run, from `3/12`; none of them where nothing is said."""
    if not said:
        return None
    found = re.fullmatch(r"([1-9]\d*)/([1-9]\d*)", said)
    if not found or int(found[1]) > int(found[2]):
        raise ValueError(
            f"a part of the tests is written as 3/12, the third of twelve, not {said!r}"
        )
    return int(found[1]), int(found[2])


def belongs(test: str, to: tuple[int, int]) -> bool:
    """Whether this test, by its id, is in that part. Each is in one, and stays in it."""
    number, parts = to
    return zlib.crc32(test.encode()) % parts == number - 1

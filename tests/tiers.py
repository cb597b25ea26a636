"""Two tiers: `make test` for every change, `make test-all` for everything.

The quick tier runs every test, but those marked `thorough`, and of each table of scenarios a part:
enough that whatever breaks a rule everywhere is seen at once. A property of totals is tried with
fewer examples. The thorough tier runs all of it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")

THOROUGH = os.environ.get("TESTS_THOROUGH", "") == "1"

TRIES = 100 if THOROUGH else 15
"""How many examples a property that is slow to try is tried with."""

JUDGED = 10_000 if THOROUGH else 300
"""How many documents the norm's official rules are asked about."""


def chosen(scenarios: Sequence[T], one_in: int) -> list[T]:
    """All of them in the thorough tier, otherwise the first and every so-manieth after it."""
    return list(scenarios if THOROUGH else scenarios[::one_in])

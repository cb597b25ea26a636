"""For every test: the two tiers, who left what open, and the safe exit that the SDK needs."""

from __future__ import annotations

import gc
import os

import pytest
from hypothesis import settings

from invoicing.process import settle
from tests.left_open import name_openers
from tests.left_open import nothing_left_open as nothing_left_open
from tests.tiers import THOROUGH, belongs, part

collect_ignore = [] if THOROUGH else ["browser"]
"""All of it is thorough, and what it imports takes each process a while."""

name_openers()
# How long an example takes says something of the machine, and nothing of the code.
settings.register_profile("ours", deadline=None)
settings.load_profile("ours")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what only the thorough tier runs, and what is not in the part that is asked for."""
    try:
        # Taken away: a test that has others run in a process of its own means all of those.
        asked = part(os.environ.pop("TESTS_PART", ""))
    except ValueError as error:
        raise pytest.UsageError(f"TESTS_PART: {error}") from error
    left_out = {
        item
        for item in items
        if (not THOROUGH and item.get_closest_marker("thorough"))
        or (asked and not belongs(item.nodeid, asked))
    }
    config.hook.pytest_deselected(items=[*left_out])
    items[:] = [item for item in items if item not in left_out]


def pytest_collection_finish() -> None:
    """Keep what collecting made out of every later search for garbage.

    The command line searches at its end (invoicing.process), so its tests do, a hundred times over.
    """
    gc.collect()
    gc.freeze()


def pytest_unconfigure(config: pytest.Config) -> None:
    """See invoicing.process: without this, pytest itself may die at exit."""
    settle()

"""Whatever a test leaves open is found at the end of its module, and named with that test.

A transport of asyncio that nobody closed says so when it is garbage: whenever that is collected, so
that pytest blames whoever runs by then. Here every transport knows the test that opened it and
says that too, and garbage is collected at the end of every module.
"""

from __future__ import annotations

import functools
import gc
import os
from asyncio import base_subprocess, selector_events, unix_events
from collections.abc import Iterator
from typing import Any

import pytest

_KINDS: tuple[type[Any], ...] = (
    selector_events._SelectorTransport,  # type: ignore[attr-defined]
    base_subprocess.BaseSubprocessTransport,
    unix_events._UnixReadPipeTransport,  # type: ignore[attr-defined]
    unix_events._UnixWritePipeTransport,  # type: ignore[attr-defined]
)
"""asyncio has no public name for them."""


def name_openers() -> None:
    """From now on the text of a transport, and so any complaint about it, names who opened it."""
    for kind in _KINDS:
        if not hasattr(kind.__repr__, "__wrapped__"):
            kind.__init__ = _noting(kind.__init__)
            kind.__repr__ = _telling(kind.__repr__)


@pytest.fixture(scope="module", autouse=True)
def nothing_left_open() -> Iterator[None]:
    """The last to end of its module: garbage complains now, and pytest looks right after this."""
    yield
    gc.collect()


def _noting(made: Any) -> Any:
    @functools.wraps(made)
    def noting(self: Any, *given: Any, **named: Any) -> None:
        self._opened_in = os.environ.get("PYTEST_CURRENT_TEST", "no test")
        made(self, *given, **named)

    return noting


def _telling(shown: Any) -> Any:
    @functools.wraps(shown)
    def telling(self: Any) -> str:
        return f"{shown(self)} opened in {self._opened_in}"

    return telling

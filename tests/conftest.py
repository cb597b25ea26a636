"""For every test: the safe exit that the engine's SDK needs."""

from __future__ import annotations

import pytest

from invoicing.process import settle


def pytest_unconfigure(config: pytest.Config) -> None:
    """See invoicing.process: without this, pytest itself may die at exit."""
    settle()

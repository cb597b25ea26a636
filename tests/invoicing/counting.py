"""How often things are computed: proof that work is in proportion, on any machine."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from invoicing.document import Adjustment, Line

_COMPUTED = ((Line, "price"), (Line, "amounts"), (Adjustment, "of"))


def computed(patch: pytest.MonkeyPatch) -> Counter[str]:
    """Counts, from now on, how often amounts of lines and of adjustments are computed."""
    calls: Counter[str] = Counter()
    for kind, name in _COMPUTED:
        patch.setattr(kind, name, _counting(calls, name, getattr(kind, name)))
    return calls


def _counting(calls: Counter[str], name: str, inner: Any) -> Any:
    def call(*given: Any) -> Any:
        calls[name] += 1
        return inner(*given)

    return call

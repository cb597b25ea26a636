"""The contract and the domain. Here: the smallest documents that are valid, to vary from."""

from __future__ import annotations

from typing import Any

from hypothesis.configuration import set_hypothesis_home_dir

from invoicing.document import Document
from temporal_server import cache_folder

# Hypothesis notes the constants of our code somewhere, by the code's digest; the checkout is not
# the place. It reads all our code for them, in every process of tests: kept, that is done once.
set_hypothesis_home_dir(cache_folder() / "hypothesis")


def line(**changes: Any) -> dict[str, Any]:
    """One piece at 89.00, 21 percent."""
    return {
        "id": "1",
        "name": "Bird seed",
        "quantity": 1,
        "unit_price": "89.00",
        "vat": {"rate": 21},
        **changes,
    }


def content(*lines: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A document as it is typed; lines get their ids by position."""
    given = lines or (line(),)
    return {
        "currency": "EUR",
        "issue_date": "2025-01-31",
        "buyer": {"name": "Canary Energy BV"},
        "lines": [{**one, "id": str(position)} for position, one in enumerate(given, 1)],
        **changes,
    }


def document(*lines: dict[str, Any], **changes: Any) -> Document:
    """The same, read."""
    return Document.model_validate(content(*lines, **changes))

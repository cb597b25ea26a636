"""What was seen of one life, in a few words: from the ledger, the calls and the last state."""

from __future__ import annotations

from collections.abc import Iterator

from tests.lifecycle.lived import Lived

BROKEN = "**BROKEN**"
"""How a cell begins in which the promise was broken, or another end reached than the tests say."""


def seen(step: str, lived: Lived) -> str:
    """The cell of this life. What may vary from run to run is left out."""
    words = ", ".join(_words(step, lived))
    return f"{BROKEN} {_flat('; '.join(lived.wrong))} ({words})" if lived.wrong else words


def _words(step: str, lived: Lived) -> Iterator[str]:
    yield str(lived.status) if lived.status else "not at its end"
    yield f"{lived.live} alive"
    if lived.credited is not None:
        yield "credited " + (" and ".join(map(str, lived.credited)) or "nothing")
    if lived.kept is not None:
        yield f"{lived.kept} kept"
    if lived.calls is not None:
        yield f"{lived.calls} × {step}"
    if lived.asked:
        yield "asked " + ", ".join(f"{reason} → {answer}" for reason, answer in lived.asked)
    if lived.adopted:
        yield "found by our reference"
    # What an ordinary life leaves says nothing.
    if len(set(lived.effects)) < len(lived.effects):
        yield f"ledger: {' '.join(lived.effects)}"


def _flat(told: str) -> str:
    """On one line, and within a cell."""
    return " ".join(told.replace("|", "/").split())[:300]

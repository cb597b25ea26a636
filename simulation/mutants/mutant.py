"""What a mutant is."""

from __future__ import annotations

from typing import NamedTuple


class Mutant(NamedTuple):
    """One damage: what is lost with it, and where.

    `old` must stand exactly once in its file: a mutant that no longer fits is an error, not a pass.
    """

    name: str
    file: str
    old: str
    new: str

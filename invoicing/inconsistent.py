"""Values that are each well written and do not go together: told all at once, by their paths."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice

from invoicing.errors import FieldProblem
from invoicing.lengths import MOST_PROBLEMS


class Inconsistent(ValueError):
    """Values that are each well written and do not go together.

    `problems` name the fields by their path from the model that was checked.
    """

    def __init__(self, problems: Sequence[FieldProblem]) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = tuple(problems)


def refuse(problems: Iterable[FieldProblem]) -> None:
    """Raise Inconsistent where there are any; the first hundred, and no more are looked for."""
    if found := list(islice(problems, MOST_PROBLEMS)):
        raise Inconsistent(found)

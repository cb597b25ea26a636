"""What became of one life in which something failed: what the tests judge and the matrix shows."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from invoicing.state.invoice import Status
from invoicing.state.questions import Answer, Reason


@dataclass(frozen=True)
class Lived:
    """One life, at its end.

    status: None when it did not get to its end.
    live, effects: what is alive at the provider, and what was ever committed there, in order.
    calls: of the step that was struck; None where that is chance.
    asked: every question a person was asked, and what they answered.
    adopted: its journal says that the invoice was found; read only where that is expected.
    credited: with VAT, each credit that the provider holds of it; None in a life without credits.
    kept: how many documents are kept of it; None in a life that is not about them.
    wrong: every way in which it broke the promise, or went otherwise than expected.
    report: the same with everything that helps to see why; empty when nothing is wrong.
    """

    status: Status | None
    live: int
    effects: tuple[str, ...]
    calls: int | None
    asked: tuple[tuple[Reason, Answer], ...] = ()
    adopted: bool = False
    credited: tuple[Decimal, ...] | None = None
    kept: int | None = None
    wrong: tuple[str, ...] = ()
    report: str = ""

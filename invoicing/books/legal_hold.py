"""A legal hold: while one is on a reference nothing of it is erased, whoever asks."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from invoicing.books.claims import Kind
from invoicing.errors import InvoicingError
from invoicing.model import Recorded
from invoicing.state.invoice import Instruction


class NotHeld(InvoicingError):
    """It cannot be held, or there is no hold to release; says why."""


class NothingToHold(NotHeld):
    """The register has nothing of this reference."""


class LegalHold(Instruction):
    """Nothing of it is erased until the hold is released. The first one stays."""


class ReleaseLegalHold(Instruction):
    """Take the hold off."""


class HeldNow(Recorded):
    """Whether a reference is under a legal hold, and since when."""

    kind: Kind
    reference: str
    since: datetime | None = None


class Holds(Protocol):
    """Where holds are kept. All raise Unavailable."""

    async def account_of(self, kind: Kind, reference: str) -> tuple[str, str] | None:
        """The provider and account of what is kept of it; None where nothing is."""
        ...

    async def legal_hold(
        self, kind: Kind, reference: str, by: str, reason: str, at: datetime
    ) -> datetime:
        """Put a hold on it; since when there is one. Raises NotHeld."""
        ...

    async def release_legal_hold(
        self, kind: Kind, reference: str, by: str, reason: str, at: datetime
    ) -> None:
        """Take the hold off. Raises NotHeld."""
        ...

"""What reconciliations have found, and their runs, as the register lists them to people; and the
word of a person that a finding is dealt with."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from invoicing.books.reconciling import FindingKind, Found, Reconciled
from invoicing.model import Recorded
from invoicing.state.invoice import Instruction


class Close(Instruction):
    """It is dealt with. It stays closed until something else is wrong there."""


class WantedFindings(Recorded):
    """Which findings; all that is given must fit."""

    provider: str | None = None
    account: str | None = None
    kind: FindingKind | None = None
    closed: bool = False
    """Those that are closed, instead of those that are open."""
    accounts: tuple[str, ...] = ()
    """At one of these: `mollie`, or `mollie/shop`; empty: anywhere."""
    prefixes: tuple[str, ...] = ()
    """With a reference that begins with one of these; empty: with any, or none."""


class FoundPage(Recorded):
    """A part of a list, the oldest first. `next` gets the part after it; None: there is none."""

    rows: tuple[Found, ...]
    next: str | None = None


class Run(Recorded):
    """One reconciliation that has come to its end."""

    began_at: datetime
    ended_at: datetime
    result: Reconciled


class RunsPage(Recorded):
    """A part of a list, the latest first. `next` gets the part after it; None: there is none."""

    rows: tuple[Run, ...]
    next: str | None = None


class Findings(Protocol):
    """Where they are kept. All of it raises Unavailable."""

    async def findings(
        self, wanted: WantedFindings, limit: int, after: str | None = None
    ) -> FoundPage:
        """So many of those that fit. Raises BadCursor as well."""
        ...

    async def finding(self, identity: str) -> Found | None:
        """One of them, open or closed; None where there is none with this id."""
        ...

    async def close_finding(self, identity: str, by: str, reason: str, at: datetime) -> Found:
        """Close one that is there, and give it as it is then: one that somebody has closed before
        keeps the first one's words."""
        ...

    async def runs(
        self, accounts: tuple[str, ...], limit: int, after: str | None = None
    ) -> RunsPage:
        """So many of those at these accounts; empty: at any. Raises BadCursor as well."""
        ...

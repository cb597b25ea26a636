"""What a reconciliation finds, what to do about it, and what its steps tell each other.

Nothing here is mended by itself: a finding is closed by a person, or by a later run that does not
find it any more.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Protocol, runtime_checkable

from pydantic import Field, JsonValue

from invoicing.model import Recorded, Typed
from invoicing.provider import Snapshot, Target
from invoicing.provider.listing import Listed
from invoicing.state.invoice import Waiting
from invoicing.state.notice import Notice

DAYS = 92
"""How far back the run of a day looks; one that is asked for says so itself."""

KEPT = timedelta(days=3653)
"""Ten years: how long findings are kept after they were closed and found no more."""

OpenFindings = Mapping[tuple[str, str, str], int]
"""How many findings are open, by provider, account and kind."""

COMPARE = "compare"
"""What a reconciliation waits for the register for."""

GRACE = timedelta(hours=1)
"""An invoice under way that has changed within it is not judged: both sides are still moving."""


class FindingKind(StrEnum):
    """In what the register and the provider disagree."""

    UNKNOWN_HERE = "unknown_here"
    MISSING_THERE = "missing_there"
    TWICE = "twice"
    AMOUNT = "amount"
    VAT = "vat"
    DATES = "dates"
    BUYER = "buyer"
    STATUS = "status"
    PAID_UNSEEN = "paid_unseen"
    CREDITED_UNSEEN = "credited_unseen"
    ORPHAN = "orphan"
    CUT_OFF = "cut_off"
    GAP = "gap"
    EVENT_UNPLACED = "event_unplaced"


TO_DO: dict[FindingKind, str] = {
    FindingKind.UNKNOWN_HERE: "Find out who made it there. One that nobody wants is taken back "
    "there.",
    FindingKind.MISSING_THERE: "Ask the provider where it is. Until that is known, do not ask for "
    "it under another reference.",
    FindingKind.TWICE: "Take back there the one that the register does not name.",
    FindingKind.AMOUNT: "Compare both documents. What is final is put right by a credit and a new "
    "invoice, never by a change of the books.",
    FindingKind.VAT: "As for an amount. A return that was filed may have to be corrected.",
    FindingKind.DATES: "Decide which date holds. A due date decides when reminders go out.",
    FindingKind.BUYER: "Look at once who has received it: it may show somebody else's data.",
    FindingKind.STATUS: "Find out who changed it there. If it has ended here, note why.",
    FindingKind.PAID_UNSEEN: "Book the payment. With the goal `paid` it would be told.",
    FindingKind.CREDITED_UNSEEN: "Somebody credited it there. Book the credit.",
    FindingKind.ORPHAN: "Nobody wants it any more: delete the draft there, or credit what is "
    "final.",
    FindingKind.CUT_OFF: "Ask for the same reference again with the same content: it goes on "
    "where it was cut off.",
    FindingKind.GAP: "Say where the numbers are: used elsewhere, or given up. Keep the answer for "
    "the audit.",
    FindingKind.EVENT_UNPLACED: "Answer what the event asks: `invoicing events` shows it.",
}


class ReconcileInput(Typed):
    """Input of the workflow. Without days: the last DAYS whole days in UTC."""

    provider: str
    account: str = "default"
    since: date | None = None
    until: date | None = None
    grace: timedelta = GRACE
    progress: Progress | None = None
    """Where an earlier run got to; nobody but the workflow sets it."""


class Scope(Recorded):
    """Which reconciliation: of which account, over which days (both included)."""

    run: str
    provider: str
    account: str
    since: date
    until: date
    began: datetime
    grace: timedelta = GRACE


class Progress(Recorded):
    """How far a reconciliation has got, for the run that it continues as."""

    scope: Scope
    cursor: dict[str, JsonValue] | None = None
    listed: bool = False
    """Whether the list has been gone through."""
    lists: bool = True
    complete: bool = True
    told_all: bool = True
    """Whether Temporal's lists were looked through to their end."""
    compared: bool = False
    pages: int = 0
    reads: int = 0
    waiting: Waiting | None = None
    """Whom it has waited for longer than one call takes."""


class PageCall(Recorded):
    """Input of `compare_page`."""

    scope: Scope
    items: tuple[Listed, ...]


class RestCall(Recorded):
    """Input of `compare_rest`: what a list alone does not show."""

    scope: Scope
    whole: bool
    """Whether all that the provider has was seen: else nothing is missing there."""
    cut_off: tuple[str, ...] = ()
    """References whose workflow was ended from outside."""
    unplaced: tuple[str, ...] = ()
    """Ids of events that wait for somebody to say whose they are."""


class Suspects(Recorded):
    """Invoices that are to be read before anything is said about them."""

    targets: tuple[Target, ...] = ()


class SettleCall(Recorded):
    """Input of `settle`: what a look at a suspect has shown; None where it could not be read."""

    scope: Scope
    provider_id: str
    snapshot: Snapshot | None = None


class FinishCall(Recorded):
    """Input of `finish`."""

    scope: Scope
    whole: bool
    told_all: bool = True
    pages: int
    reads: int


class Reconciled(Recorded):
    """What a reconciliation came to."""

    provider: str
    account: str
    since: date
    until: date
    pages: int
    """Calls to the provider for its list."""
    reads: int
    """Calls to the provider about one invoice."""
    listed: int
    whole: bool
    """False where the provider lists nothing, or its list broke off: then what is missing there and
    what is unknown here is not known."""
    found: dict[str, int] = {}
    """Open findings of this account after the run, by kind."""
    new: int = 0
    closed: int = 0
    """Findings of earlier runs that this one did not find any more."""


def of_findings(done: Reconciled, run: str, at: datetime) -> Notice:
    """What a subscriber is told of a reconciliation that has found something new."""
    said = {"provider", "account", "since", "until", "new", "found", "whole"}
    return Notice(
        id=f"{run}_1",
        type="reconciliation.findings",
        timestamp=at,
        sequence=1,
        data=done.model_dump(mode="json", include=said),
    )


class Found(Recorded):
    """One finding as the register keeps it. It names no buyer."""

    id: str
    kind: FindingKind
    provider: str
    account: str
    reference: str | None = None
    provider_id: str | None = None
    what: str
    first_at: datetime
    last_at: datetime
    closed_at: datetime | None = None
    closed_by: str | None = None
    reason: str | None = None

    @property
    def to_do(self) -> str:
        """What a person is to do about it."""
        return TO_DO[self.kind]


class Elsewhere(Recorded):
    """What Temporal's lists say of one account's invoices and events."""

    cut_off: tuple[str, ...] = ()
    unplaced: tuple[str, ...] = ()
    complete: bool = True
    """Whether the lists were looked through to their end."""


class AccountCall(Recorded):
    """Input of `elsewhere`."""

    provider: str
    account: Annotated[str, Field(max_length=50)]


@runtime_checkable
class Reconciles(Protocol):
    """A register that can be held against what a provider lists. All of it is safe to repeat, and
    raises Unavailable."""

    async def compare_page(self, call: PageCall) -> int:
        """Take in one page; how many of it are suspects."""
        ...

    async def compare_rest(self, call: RestCall) -> None:
        """After the last page: what no page shows."""
        ...

    async def suspects(self, scope: Scope) -> Suspects:
        """Some of those that are still to be read."""
        ...

    async def settle(self, call: SettleCall) -> None:
        """A suspect was read: say what is wrong with it, if anything is."""
        ...

    async def finish(self, call: FinishCall) -> Reconciled:
        """Close what was not found again, and sum up."""
        ...


@runtime_checkable
class CountsFindings(Protocol):
    """A register that says what is open."""

    async def open_findings(self) -> OpenFindings:
        """As it is now. Raises Unavailable."""
        ...


ReconcileInput.model_rebuild()

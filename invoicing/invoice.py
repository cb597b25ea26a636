"""An invoice on its way: what a query returns, what parks it, and what people may do about it."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from invoicing import bounds
from invoicing.document import Document
from invoicing.errors import FieldProblem
from invoicing.model import Recorded, Typed
from invoicing.money import Number
from invoicing.provider import PaymentStatus, Stage
from invoicing.request import Goal


class Status(StrEnum):
    """The one word that lists show."""

    STARTED = "started"
    DRAFTED = "drafted"
    HELD = "held"
    SCHEDULED = "scheduled"
    """Waits for the day on which it may be sent."""
    APPROVING = "approving"
    APPROVED = "approved"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    PAID = "paid"
    NEEDS_ATTENTION = "needs_attention"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"
    """Ended, nothing alive at the provider."""
    CREDITED = "credited"
    """Ended: it had been final, a credit took it back."""
    ABANDONED = "abandoned"
    """Ended by a person; whatever is at the provider stays as it is."""
    REJECTED = "rejected"
    """Ended before anything was asked of the provider: the request cannot be carried out."""
    EXPIRED = "expired"
    """Ended because nobody came in time; whatever is at the provider stays as it is."""


class Reason(StrEnum):
    """Why an invoice waits for a person."""

    REJECTED = "rejected"
    AMOUNTS_DIFFER = "amounts_differ"
    MAY_EXIST = "may_exist"
    """A create was lost, and nobody can look: to skip says that there is none."""
    CANNOT_TELL = "cannot_tell"
    """Another call was lost, and nobody can look: to skip says that it happened."""
    SEVERAL_FOUND = "several_found"
    GONE = "gone"
    DRAFT_FAILED = "draft_failed"
    DRAFT_OVERDUE = "draft_overdue"
    PROVIDER_UNAVAILABLE = "provider_unavailable"
    UNKNOWN_STATUS = "unknown_status"
    APPROVAL_FAILED = "approval_failed"
    APPROVAL_OVERDUE = "approval_overdue"
    SENDING_FAILED = "sending_failed"
    SENDING_OVERDUE = "sending_overdue"
    DELIVERY_OVERDUE = "delivery_overdue"
    PAYMENT_OVERDUE = "payment_overdue"
    HOLD_OVERDUE = "hold_overdue"
    CANNOT_CANCEL = "cannot_cancel"

    @property
    def from_a_look(self) -> bool:
        """Whether it is what was seen at the provider, so that news from there may settle it."""
        return self not in (
            Reason.REJECTED,
            Reason.PROVIDER_UNAVAILABLE,
            Reason.HOLD_OVERDUE,
        )


class Action(StrEnum):
    """What a person can answer to a parked invoice."""

    RETRY = "retry"
    """Do the step again, from a fresh look."""
    ADOPT = "adopt"
    """The invoice is this one at the provider: go on with it."""
    CORRECT = "correct"
    """Take back the draft and make it again from this document."""
    SKIP = "skip"
    """Count the step as done: it was settled elsewhere, or is not needed. Not so everywhere, see
    `Problem.meaning`: at `may_exist` it says that nothing was done."""
    ABANDON = "abandon"
    """End here; leave whatever is at the provider as it is."""

    @property
    def meaning(self) -> str:
        """What it does as a rule; to a problem that is known, ask `Problem.meaning`."""
        return _MEANINGS[self]


_MEANINGS = {
    Action.RETRY: "do the step again, from a fresh look",
    Action.ADOPT: "go on with the invoice that has this id at the provider",
    Action.CORRECT: "take back the draft and make it again from a corrected document",
    Action.SKIP: "count the step as done: settled elsewhere, or not needed",
    Action.ABANDON: "end here and leave the provider's side as it is",
}


_MEANINGS_HERE = {
    (Reason.MAY_EXIST, Action.RETRY): "look again",
    (Reason.MAY_EXIST, Action.SKIP): "it was NOT created: create it, or, where it is being "
    "cancelled, count it as cancelled",
    (Reason.CANNOT_TELL, Action.RETRY): "it did NOT happen: do it again",
    (Reason.CANNOT_TELL, Action.SKIP): "it DID happen: go on",
    (Reason.SEVERAL_FOUND, Action.RETRY): "look again",
    (Reason.SEVERAL_FOUND, Action.SKIP): "there is NO other one there: go on with this one",
    (Reason.HOLD_OVERDUE, Action.RETRY): "hold it further",
    (Reason.HOLD_OVERDUE, Action.SKIP): "release it",
    (Reason.CANNOT_CANCEL, Action.SKIP): "what the sentence above says: let it go on although it "
    "was cancelled, or count it as taken back",
}
"""Where an answer does something else than as a rule."""


class LineStatus(StrEnum):
    """Where one line has got to. It ends settled, credited or cancelled, or invoiced where the
    goal ends before the money.
    """

    OPEN = "open"
    RESERVED = "reserved"
    """On a draft: no other invoice may take it."""
    INVOICED = "invoiced"
    SETTLED = "settled"
    CREDITED = "credited"
    CANCELLED = "cancelled"


class LineState(Recorded):
    """A line of the document, by its own id."""

    id: str
    status: LineStatus


class Problem(Recorded):
    """What stopped the invoice; shown to people, never logged (`fields` is the provider's text)."""

    reason: Reason
    what: str
    fields: tuple[FieldProblem, ...] = ()
    actions: tuple[Action, ...] = ()

    def meaning(self, action: Action) -> str:
        """What this answer does here, for people who have to choose."""
        return _MEANINGS_HERE.get((self.reason, action), action.meaning)

    def __str__(self) -> str:
        named = ", ".join(dict.fromkeys(each.field for each in self.fields))
        return f"{self.what} ({named})" if named else self.what


class Waiting(Recorded):
    """What the invoice waits for."""

    on: Literal["provider", "person", "time"]
    what: str
    """Short and free of personal data: it becomes the search attribute `WaitingFor`."""
    since: datetime
    until: datetime | None = None
    """When the wait ends by itself, in another named state."""
    turn: int = 0

    def __str__(self) -> str:
        return f"{self.on}: {self.what}"


JOURNAL_LIMIT = bounds.JOURNAL


class JournalEntry(Recorded):
    """One thing that happened, and who wanted it; `times` in a row, the last time at `last_at`."""

    at: datetime
    what: str
    by: str = ""
    reason: str = ""
    times: int = 1
    last_at: datetime | None = None


class Journal(Recorded):
    """What the `journal` query returns; the oldest entries go when there are very many."""

    entries: tuple[JournalEntry, ...] = ()
    dropped: int = 0
    """How many entries went."""

    def with_entry(self, at: datetime, what: str, by: str = "", reason: str = "") -> Journal:
        """With one more thing that happened, and without the oldest entries when it is full.

        What repeats the entry before it is counted there.
        """
        entry = JournalEntry(at=at, what=_decent(what), by=by, reason=_decent(reason))
        before, last = self.entries[:-1], self.entries[-1:]
        if last and _same(last[0], entry):
            once_more = {"times": last[0].times + 1, "last_at": at}
            return self._of((*before, last[0].model_copy(update=once_more)))
        return self._of((*self.entries, entry))

    def _of(self, entries: tuple[JournalEntry, ...]) -> Journal:
        kept = bounds.newest(entries[-bounds.JOURNAL :], bounds.JOURNAL_BYTES)
        return Journal(entries=kept, dropped=self.dropped + len(entries) - len(kept))


def _decent(text: str) -> str:
    most = bounds.ENTRY_CHARACTERS
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _same(one: JournalEntry, other: JournalEntry) -> bool:
    return (one.what, one.by, one.reason) == (other.what, other.by, other.reason)


class Amounts(Recorded):
    """Our own totals, in `currency`."""

    currency: str
    net: Number
    vat: Number
    gross: Number


class Invoice(Recorded):
    """The state of one invoice: what the `state` query and the workflow's result are."""

    reference: str
    provider: str
    account: str
    goal: Goal
    status: Status
    stage: Stage
    payment: PaymentStatus
    provider_status: str = ""
    """The provider's own word, whether we know it or not."""
    provider_id: str | None = None
    in_doubt: bool = False
    """Whether there may be an invoice at the provider that we do not know of."""
    number: str | None = None
    due_date: date | None = None
    send_on: datetime | None = None
    """Not sent before this moment."""
    amounts: Amounts | None = None
    lines: tuple[LineState, ...] = ()
    waiting: Waiting | None = None
    problem: Problem | None = None
    ended: bool = False


Person = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class Instruction(Typed):
    """Who wants it, and why. Both go into the journal."""

    by: Person
    reason: Annotated[str, StringConstraints(min_length=1, max_length=1000)]


class Hold(Instruction):
    """Stop before the next irreversible step."""


class Release(Instruction):
    """Go on; also the approval that a request with `hold` waits for, and the word that one which
    waits for its day is sent now."""


class Cancel(Instruction):
    """Take the invoice back in whatever form its stage asks for."""


class Resolve(Instruction):
    """The answer to a parked invoice."""

    action: Action
    provider_id: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    document: Document | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.action is Action.ADOPT) != (self.provider_id is not None):
            raise ValueError("adopt, and only adopt, needs provider_id")
        if (self.action is Action.CORRECT) != (self.document is not None):
            raise ValueError("correct, and only correct, needs document")
        return self

"""An invoice on its way: what a query returns, what parks it, and what people may do about it."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from invoicing.balance import Balance
from invoicing.consent import Consented
from invoicing.document import Document
from invoicing.errors import FieldProblem
from invoicing.model import Recorded, Typed
from invoicing.money import Number
from invoicing.provider import PaymentStatus, Stage
from invoicing.request import Goal, Options, Reference
from invoicing.state import bounds
from invoicing.state.questions import Answer, Reason, meaning


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
    """The question that is open; shown to people, never logged (`fields` is the provider's text).

    `question` is its identity: an answer names it, so that none is taken for another question's.
    """

    reason: Reason
    what: str
    fields: tuple[FieldProblem, ...] = ()
    question: str = ""
    answers: tuple[Answer, ...] = ()

    def __str__(self) -> str:
        named = ", ".join(dict.fromkeys(each.field for each in self.fields))
        return f"{self.what} ({named})" if named else self.what

    def meanings(self) -> tuple[tuple[Answer, str], ...]:
        """Each answer that is offered, and what it does here."""
        return tuple((answer, meaning(self.reason, answer)) for answer in self.answers)

    def same(self, other: Problem | None) -> bool:
        """Whether it is the same question, asked again after news that changed nothing."""
        if other is None:
            return False
        return self.model_copy(update={"question": other.question}) == other


class Waiting(Recorded):
    """What the invoice waits for."""

    on: Literal["provider", "person", "time", "register"]
    what: str
    """Short and free of personal data: it becomes the search attribute `WaitingFor`."""
    since: datetime
    until: datetime | None = None
    """When the wait ends by itself, in another named state."""
    turn: int = 0

    def __str__(self) -> str:
        return f"{self.on}: {self.what}"


AWAY = "provider unavailable"
"""What an invoice waits for whose provider cannot be asked now."""
CREDENTIALS = "credentials"
"""What an invoice waits for whose account is refused: it goes on once they are renewed."""
UNREAD = "an answer that is understood"
"""What an invoice waits for whose provider answers a look in a way that nobody can read."""
STORE = "the store of files"
"""What an invoice waits for whose attached files cannot be had now."""
STORE_AWAY = "invoicing.store_away"
"""The code of a failure by which that is told from a provider that is away."""
FAILING = (AWAY, CREDENTIALS, UNREAD, STORE)
"""What is waited for because a call has just failed."""
LOST = "a lost call"
"""What an invoice waits for whose lost call may still take effect: until it cannot any more, no
other one may be made, and a cancel's end may not be told."""
LATE = "late effects"
"""What an invoice waits for when it has ended, and a create of it may still take effect."""
CLAIM = "claim"
"""What waits for the register while its reference is not claimed: nothing is made before."""
RECORD = "record"
"""What waits for the register when it has ended, and not all that happened is written down yet."""
LATER_MONEY = "later money"
"""What is waited for after the end: see workflows/money.py."""
AFTER_THE_END = (f"provider: {LATE}", f"register: {RECORD}")
"""What lists say of one that has ended, and whose workflow goes on."""

JOURNAL_LIMIT = bounds.JOURNAL
CANCEL_NOTE = "cancel asked for"
"""What the journal says of a cancel that was taken."""


def instead_of_cancel(*, credit_note: bool) -> str:
    """What is done with what is final and has ended, for no cancel takes it back."""
    if credit_note:
        return "a credit note is not taken back: start a new invoice"
    return (
        "`credit` takes back what is left of it, and `amend` does so and then makes another "
        "invoice in its place"
    )


class JournalEntry(Recorded):
    """One thing that happened, and who wanted it; `times` in a row, the last time at `last_at`.

    `by` is what was said of who it is, by whoever asked. `proven` is who that was, where they came
    by a door that has them prove it: the gateway's name of the caller.
    """

    at: datetime
    what: str
    by: str = ""
    proven: str = ""
    reason: str = ""
    times: int = 1
    last_at: datetime | None = None


class Journal(Recorded):
    """What the `journal` query returns; the oldest entries go when there are very many."""

    entries: tuple[JournalEntry, ...] = ()
    dropped: int = 0
    """How many entries went."""

    def with_entry(
        self, at: datetime, what: str, by: str = "", reason: str = "", proven: str = ""
    ) -> Journal:
        """With one more thing that happened, and without the oldest entries when it is full.

        What repeats the entry before it is counted there.
        """
        entry = JournalEntry(
            at=at, what=_decent(what), by=by, proven=proven, reason=_decent(reason)
        )
        before, last = self.entries[:-1], self.entries[-1:]
        if last and _same(last[0], entry):
            once_more = {"times": last[0].times + 1, "last_at": at}
            return self._of((*before, last[0].model_copy(update=once_more)))
        return self._of((*self.entries, entry))

    def shortened(self, most: int) -> Journal:
        """With its newest entries alone."""
        kept = self.entries[-most:]
        return Journal(entries=kept, dropped=self.dropped + len(self.entries) - len(kept))

    def _of(self, entries: tuple[JournalEntry, ...]) -> Journal:
        kept = bounds.newest(entries[-bounds.JOURNAL :], bounds.JOURNAL_BYTES)
        return Journal(entries=kept, dropped=self.dropped + len(entries) - len(kept))


def _decent(text: str) -> str:
    most = bounds.ENTRY_CHARACTERS
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _same(one: JournalEntry, other: JournalEntry) -> bool:
    same_words = (one.what, one.reason) == (other.what, other.reason)
    return same_words and (one.by, one.proven) == (other.by, other.proven)


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
    issue_date: date | None = None
    """The day it bears: as the provider states it, or as asked for where it states none yet."""
    due_date: date | None = None
    """Likewise."""
    send_on: datetime | None = None
    """Not sent before this moment."""
    amounts: Amounts | None = None
    balance: Balance | None = None
    """Its money, once it is final; None for a credit note, too."""
    lines: tuple[LineState, ...] = ()
    waiting: Waiting | None = None
    problem: Problem | None = None
    ended: bool = False
    in_parts: bool = False
    """Whether it is credited in parts, or may be at any moment: then no cancel credits it as a
    whole. What is left of it, its credits' workflow says."""
    consents: tuple[Consented, ...] = ()
    """The first of two people, where a decision needs two; another person's is missing."""

    @property
    def final(self) -> bool:
        """Whether it is an invoice in law, and stands."""
        return self.stage.reached(Stage.APPROVED) and self.status is not Status.CREDITED

    @property
    def credited_whole(self) -> bool:
        """Whether a credit has taken all of it back at once."""
        return self.stage is Stage.CREDITED or self.status is Status.CREDITED


Person = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Proven = Annotated[str, StringConstraints(max_length=200)]
"""Who it is, as a door has had them prove it; empty where nobody has. Set by that door alone: what
a caller writes there is refused. Whoever reaches Temporal can write it, as anything else."""


class Instruction(Typed):
    """Who wants it, and why. All of it goes into the journal."""

    by: Person
    reason: Annotated[str, StringConstraints(min_length=1, max_length=1000)]
    proven: Proven = ""

    @property
    def signed(self) -> str:
        """Who says it, and who they have proven to be where that is somebody else."""
        return self.by if self.by == self.proven else f"{self.by}, proven {self.proven}"


class Hold(Instruction):
    """Stop before the next irreversible step."""


class Release(Instruction):
    """Go on; also the approval that a request with `hold` waits for, and the word that one which
    waits for its day is sent now."""


class Cancel(Instruction):
    """Take the invoice back in whatever form its stage asks for."""


class Resolve(Instruction):
    """The answer to the question that is open: of an invoice, an order or an event.

    `question` is the identity of the question that is answered, as `state` shows it. `adopt` comes
    with `provider_id`, `correct` with `document`, with `options` (the provider's, all of them) or
    with both, and what it does not bring stays as it was; `deliver` with `reference`, `invoiced`
    with `number` where there is one.
    """

    question: Annotated[str, Field(min_length=1, max_length=50)]
    answer: Answer
    provider_id: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    document: Document | None = None
    options: Options | None = None
    reference: Reference | None = None
    number: Annotated[str, Field(min_length=1, max_length=200)] | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        for answer, field in COMES_WITH.items():
            others = [CORRECTS_TOO] if answer is Answer.CORRECT else []
            given = any(getattr(self, name) is not None for name in (field, *others))
            if (self.answer is answer) != given:
                named = " or ".join((field, *others))
                raise ValueError(f"{answer}, and only {answer}, comes with {named}")
        if self.number is not None and self.answer is not Answer.INVOICED:
            raise ValueError("invoiced, and only invoiced, may come with number")
        return self


CORRECTS_TOO = "options"
"""What `correct` may come with, beside the document or instead of it."""

COMES_WITH = {
    Answer.ADOPT: "provider_id",
    Answer.CORRECT: "document",
    Answer.DELIVER: "reference",
}
"""What must be said with an answer. With `invoiced`, a `number` may be."""

"""What every workflow that people follow remembers: what it was told, asked and did.

Pure data and pure answers. The workflow changes it, queries show it, continue-as-new carries it.
"""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from invoicing.consent import Consented
from invoicing.provider import Event
from invoicing.state.bounds import received, remembered
from invoicing.state.invoice import Journal, Problem, Resolve, Status, Waiting
from invoicing.state.recording import Line

KEPT_OF_JOURNAL = 20
KEPT_OF_SEEN = 50
"""What is left of them where there is no room for more."""


class Memory(BaseModel):
    """What a workflow remembers of what it was told, asked and did. Like every recorded model it
    only ever gains optional fields."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    inbox: tuple[Event, ...] = ()
    seen: tuple[str, ...] = ()
    lost_news: int = 0
    """Events that came while the inbox was full, or that were too large: they led to a look, and
    what they said was not kept."""
    journal: Journal = Journal()
    told: str = ""
    """What the subscriber was told last; see `notice.news`."""
    notices: int = 0
    """How much it was told so far."""
    asked_by: str = ""
    """Who asked for it, where they had proven who they are."""

    consents: tuple[Consented, ...] = ()
    """The first of two people, where two are needed."""

    problem: Problem | None = None
    """The question that is open."""
    asked: Problem | None = None
    """The question that was asked last: asked again after news that changed nothing, it is the
    same one, as old."""
    asked_waiting: Waiting | None = None
    questions: int = 0
    """How many were asked so far."""
    resolution: Resolve | None = None
    waiting: Waiting | None = None
    refused: str = ""
    """What was asked by signal last and could not be carried out, and why."""

    claimed: str = ""
    """The content for which the reference was claimed in the register last."""
    recording: bool = False
    """Whether what happens is written down there, too."""
    unrecorded: tuple[Line, ...] = ()
    """What is not written down there yet. Nothing of it is ever given up."""
    lines: int = 0
    """How many lines there were so far."""

    def note(
        self,
        at: datetime,
        what: str,
        by: str = "",
        reason: str = "",
        proven: str = "",
        *,
        answers: bool = False,
    ) -> None:
        """Add to the journal, dropping the oldest entry when it is full. `answers` says that `by`
        has answered a question."""
        self.journal = self.journal.with_entry(at, what, by, reason, proven)
        if self.recording:
            self.add_line(at, what, by, reason, proven, answers=answers)

    def add_line(
        self,
        at: datetime,
        what: str,
        by: str = "",
        reason: str = "",
        proven: str = "",
        *,
        answers: bool = False,
        status: str = "",
    ) -> None:
        """One more line for the register; the status is the one told last, unless it is given."""
        self.lines += 1
        line = Line(
            sequence=self.lines,
            at=at,
            status=status or self.told.partition(" ")[0] or Status.STARTED,
            what=what,
            by=by,
            reason=reason,
            proven=proven,
            answers=answers,
        )
        self.unrecorded = (*self.unrecorded, line)

    def begin_recording(self) -> None:
        """From now on; what the journal has so far first."""
        self.recording = True
        for entry in self.journal.entries:
            self.add_line(entry.at, entry.what, entry.by, entry.reason, entry.proven)

    def were_recorded(self, lines: tuple[Line, ...], *, ours: bool) -> None:
        """They are written down; or the reference is somebody else's by now, and nothing of ours
        is written down any more."""
        self.recording = ours
        self.unrecorded = self.unrecorded[len(lines) :] if ours else ()

    def shorten(self) -> None:
        """Give up what is least needed, oldest first, where all of it is too large to be carried
        on: most of the journal, and most ids that are known again."""
        self.journal = self.journal.shortened(KEPT_OF_JOURNAL)
        self.seen = self.seen[-KEPT_OF_SEEN:]

    def receive(self, event: Event) -> bool:
        """Keep an event for the next read; False if it had come before."""
        if event.id in self.seen:
            return False
        self.seen = remembered(self.seen, event.id)
        kept = received(self.inbox, event)
        self.inbox, self.lost_news = kept.events, self.lost_news + kept.dropped
        return True

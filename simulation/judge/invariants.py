"""The README's promise as sentences that are checked, against what the provider really holds.

Where the line is between what is ours to blame and what is not:

- A call is judged when it is made, by what was so when the workflow scheduled it. What such a call
  does later is never judged again by itself; what it leaves behind is, at the end.
- Figures that somebody else changes between our last look and our call are not ours, provided that
  the look was no older than `FRESH`.
- A call that was scheduled before a hold or a cancel was acknowledged may still go out, provided
  that it goes out within `FRESH`: nobody can call back what has left.
- What somebody else approves, deletes or credits is not ours. What it leaves behind must still be
  seen by a person, unless it happened after our last look.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal

from invoicing.books.claims import Correction, Word
from invoicing.consent import Consent
from invoicing.provider import CreateCall
from invoicing.request import InvoiceRequest
from invoicing.state.identity import (
    CREDITS_WORKFLOW,
    EVENT_WORKFLOW,
    FEED_WORKFLOW,
    MONEY_WORKFLOW,
    ORDER_WORKFLOW,
    WORKFLOW,
    money_id,
)
from invoicing.state.invoice import Invoice, Status
from invoicing.state.notice import Notice
from invoicing.state.order import OrderStatus
from simulation.documents import content, sums
from simulation.engine import ActivityCall, Run, Server
from simulation.judge.amending import AmendJudge
from simulation.judge.consents import ConsentJudge
from simulation.judge.credits import CreditJudge
from simulation.judge.money import MoneyJudge
from simulation.judge.orders import OrderJudge
from simulation.judge.sentences import Sentence, Violation
from simulation.judge.telling import TellingJudge
from simulation.judge.wanted import Wanted
from simulation.provider.kinds import Kind
from simulation.provider.ledger import Held, Ledger
from simulation.provider.money import Stands
from simulation.wire import Story

FRESH = timedelta(minutes=5)
CANCEL_ARRIVES = timedelta(seconds=30)
"""After the engine's own cancel: a workflow task under way may still end."""


class Judge:
    """Watches one life. `violations` has what was broken, each sentence once."""

    def __init__(
        self,
        server: Server,
        kind: Kind,
        ledger: Ledger,
        story: Story,
        rule: Consent | None = None,
    ) -> None:
        self._server = server
        self._kind = kind
        self._ledger = ledger
        self._story = story
        self.wanted: dict[str, Wanted] = {}
        self.violations: list[Violation] = []
        self._broken: set[Sentence] = set()
        self._judged = 0
        self._looks: dict[str, tuple[datetime, Decimal]] = {}
        self._idle: dict[str, int] = {}
        self._credits = CreditJudge(server, ledger, kind.echoes, self.broken)
        self.amending = AmendJudge(server, ledger, self.broken)
        self.consents = ConsentJudge(server, rule, self.broken)
        self.orders = OrderJudge(server, kind.whole_lines, self.broken)
        self.money = MoneyJudge(server, kind, ledger, self.broken)
        self.telling = TellingJudge(server, self.broken)

    def broken(self, sentence: Sentence, what: str) -> None:
        """Note it, the first time."""
        if sentence in self._broken:
            return
        self._broken.add(sentence)
        self._story.tell(f"BROKEN: {what}")
        self.violations.append(Violation(sentence, what, self._server.now))

    # What people want

    def want(self, reference: str, wanted: str, gross: Decimal, sent_from: datetime | None) -> None:
        """A new life of the reference begins, with this content."""
        now = self._server.now
        before = self.wanted.get(reference)
        if before is None:
            self.wanted[reference] = Wanted(
                reference, wanted, gross, now, sent_from=sent_from, lives=1
            )
            return
        self.correct(reference, wanted, gross, sure=True)
        before.lives += 1
        before.sent_from = sent_from
        before.held_since = before.cancelled_since = before.cut = None
        before.given_up = False

    def correct(self, reference: str, wanted: str, gross: Decimal, *, sure: bool) -> None:
        """Another content is asked for; not `sure` where nobody heard whether it was taken."""
        know, now = self.wanted[reference], self._server.now
        if sure:
            know.changes(now, wanted, gross)
        else:
            know.perhaps.append((now, wanted, gross))

    def register_says(self, reference: str, word: Word) -> None:
        """A life begins nothing: it is the invoice that there is, or its caller is told why not."""
        know = self.wanted.get(reference)
        if know is None:
            return
        if word is Word.REFUSED:
            know.told.add(word)
        elif know.known_in != know.lives and know.before:
            know.known_in = know.lives
            know.is_as_before()

    def register_goes_on(self, reference: str, last: Correction) -> None:
        """A life goes on with what a person had corrected in one that is over."""
        if reference in self.wanted:
            self.correct(reference, content(last.document), sums(last.document).gross, sure=True)
            if last.alone is None:
                self.consents.goes_on(reference, content(last.document))

    def posted(self, notice: Notice) -> None:
        """A subscriber has taken this."""
        self.telling.posted(notice)
        self.money.said(notice)

    # Calls

    def reading(self, call: ActivityCall) -> None:
        """A look at one invoice begins."""
        self.money.reading(call)

    def read(self, held: Held, now: Stands, call: ActivityCall) -> None:
        """A look has shown its money."""
        self.money.read(held, now, call)

    def looked(self, held: Held) -> None:
        """We are shown this invoice as it is."""
        self._looks[held.id] = (self._server.now, held.gross)

    def creating(self, given: CreateCall, call: ActivityCall, verb: str = "create") -> None:
        """A create is being made, or an update of what it has made."""
        self.money.changing(call)
        know = self.wanted.get(given.target.reference)
        if know is None:
            return
        know.last_change = verb
        gross = sums(given.document).gross
        self.consents.created(know.reference, content(given.document), gross, call)
        if content(given.document) not in know.contents(call.scheduled):
            self.broken(Sentence.RIGHT_CONTENT, f"{know.reference}: made from an older content")
        if self._kind.sent_by == verb:
            self._irreversible(know, "create", gross, call)
            self._sends(know, "create", call)

    def planned_credit(self, request: InvoiceRequest) -> None:
        """A credit note is going to be made, of what its invoice's ledger says."""
        if request.reference not in self.wanted:
            gross = sums(request.document).gross
            self.want(request.reference, content(request.document), gross, None)

    def called(self, verb: str, reference: str, held: Held | None, call: ActivityCall) -> None:
        """A call that changes an invoice is being made."""
        self.money.changing(call)
        know = self.wanted.get(reference)
        if know is None:
            return
        know.last_change = verb
        gross = held.asked_gross if held else know.gross
        if verb == "credit":
            self.consents.credited(reference, gross, call)
        if verb not in ("approve", "send"):
            return
        self._irreversible(know, verb, gross, call)
        if verb in ("send", self._kind.sent_by):
            self._sends(know, verb, call)
        if held is not None and held.alive and verb == "approve":
            self._right(know, held, call)

    def _irreversible(self, know: Wanted, verb: str, gross: Decimal, call: ActivityCall) -> None:
        self.consents.irreversible(know.reference, verb, gross, call)
        since = know.held_since
        if since is not None and _after(call, since):
            self.broken(
                Sentence.HOLD_HOLDS,
                f"{know.reference}: {verb}, though it was held since {since:%H:%M:%S}",
            )

    def _sends(self, know: Wanted, verb: str, call: ActivityCall) -> None:
        since = know.cancelled_since
        cut = know.cut + CANCEL_ARRIVES if know.cut else None
        for moment in (since, cut):
            if moment is not None and _after(call, moment):
                self.broken(
                    Sentence.CANCEL_HOLDS,
                    f"{know.reference}: {verb}, though it was cancelled at {moment:%H:%M:%S}",
                )
        if know.sent_from is not None and call.started < know.sent_from:
            self.broken(Sentence.NOT_BEFORE_ITS_DAY, f"{know.reference}: {verb} before its day")

    def _right(self, know: Wanted, held: Held, call: ActivityCall) -> None:
        if held.content not in know.contents(call.scheduled):
            self.broken(
                Sentence.RIGHT_CONTENT,
                f"{know.reference}: {held.id} is approved, whose content is not what was asked "
                "for last",
            )
        if not self._kind.echoes or held.gross in know.amounts(call.scheduled):
            return
        at, gross = self._looks.get(held.id, (held.made, held.gross))
        unseen = gross in know.amounts(call.scheduled)
        if not unseen or call.started - at > FRESH:
            self.broken(
                Sentence.RIGHT_AMOUNT,
                f"{know.reference}: {held.id} is approved with {held.gross}; it was last looked "
                f"at {call.started - at} before",
            )

    # After every step

    def check(self) -> None:
        """What must hold at any moment. Cheap where nothing has changed."""
        for violation in self._server.violations[:1]:
            self.broken(Sentence.REPLAYS, f"{violation.workflow_id}: {violation.what}")
        if self._judged == self._ledger.changes:
            return
        self._judged = self._ledger.changes
        finals = [held for held in self._ledger.invoices.values() if held.final]
        for held in finals:
            if held.sent > 1:
                self.broken(Sentence.SENT_ONCE, f"{held.reference}: {held.id} was sent twice")
        if len(finals) > 1:
            self._never_two(finals)
            self.amending.check(finals)
        self.orders.check([held for held in finals if held.approved_by_us])
        if any(held.credits for held in finals):
            self._credits.check()

    def _never_two(self, finals: list[Held]) -> None:
        ours = [held for held in finals if held.approved_by_us]
        for reference, count in Counter(held.reference for held in ours).items():
            if count > 1:
                both = " and ".join(held.id for held in ours if held.reference == reference)
                self.broken(Sentence.NEVER_TWO, f"{reference}: {both} are both final")

    def watch(self, runs: Iterable[Run]) -> None:
        """Whatever is under way goes on by itself, or waits for a person who is told."""
        for run in runs:
            if run.workflow in _GO_ON and run.idle and self._idle.get(run.run_id) != run.events:
                self._idle[run.run_id] = run.events
                self._waits(run)

    def _waits(self, run: Run) -> None:
        state = self._server.query(run.id, "state")
        if state.problem is None and getattr(state, "status", "") != OrderStatus.OPEN:
            self.broken(Sentence.NO_SILENCE, f"{run.id}: waits for nothing, and asks nobody")

    # At the end

    def end(self, runs: Iterable[Run]) -> None:
        """Everything has ended, and what could come late has come."""
        for run in runs:
            self._ended_well(run)
        self._credits.end()
        self.amending.end()
        self.orders.end(self._ours_alone)
        self.money.end(self.had_one_life)
        for know in self.wanted.values():
            last = self._last(know.reference)
            if last is not None:
                self._left(know, last)

    def _ours_alone(self, reference: str) -> Held | None:
        """The final invoice of a reference that ended well, of which nobody else made anything."""
        know, run = self.wanted.get(reference), self._last(reference)
        if know is None or know.given_up or run is None or run.status != "completed":
            return None
        made = self._ledger.of(reference)
        finals = [held for held in made if held.final]
        if len(finals) != 1 or not run.result.final or any(held.touched for held in made):
            return None
        return finals[0]

    def had_one_life(self, reference: str) -> bool:
        """Whether nobody ended it from outside, and nobody asked for it anew."""
        know = self.wanted.get(reference)
        every = (f"invoice/{reference}", f"money/{reference}")
        runs = [run for identity in every for run in self._server.runs(identity)]
        cut = any(run.status == "terminated" for run in runs)
        return know is not None and know.lives == 1 and not cut and not know.given_up

    def _last(self, reference: str) -> Run | None:
        runs = self._server.runs(f"invoice/{reference}")
        return runs[-1] if runs else None

    def _ended_well(self, run: Run) -> None:
        if run.task_failures:
            self.broken(
                Sentence.NO_SILENCE, f"{run.id}: its task fails: {run.last_task_failure[-300:]}"
            )
        if run.status == "terminated" and run.terminated_because != BY_A_PERSON:
            self.broken(Sentence.NO_SILENCE, f"{run.id}: ended by {run.terminated_because}")
        goes_on = run.id.startswith("feed/") or self._is_left_open(run)
        if run.status == "running" and not goes_on:
            self.broken(Sentence.ENDS, f"{run.id} has not ended")
        if run.unfinished_handlers:
            self.broken(
                Sentence.NO_SILENCE, f"{run.id}: ended before it answered {run.unfinished_handlers}"
            )

    def _is_left_open(self, run: Run) -> bool:
        """Whether it is an order with lines on an invoice that a person has abandoned: the provider
        cancels no such line, so what becomes of it is theirs to say."""
        kind, _, order = run.id.partition("/")
        return kind == "order" and any(
            know.given_up and know.reference.startswith(f"{order}:")
            for know in self.wanted.values()
        )

    def _left(self, know: Wanted, run: Run) -> None:
        alive = self._ledger.alive(know.reference)
        if run.status == "canceled":
            ended = self._server.query(run.id, "state")
            own = self._ledger.invoices.get(ended.provider_id or "")
            self.consents.ended(know.reference, own, ended.status)
        if run.status not in ("completed", "failed"):
            return
        shown = self.shown(know.reference, run)
        status = shown.status
        left_alone = status in (Status.ABANDONED, Status.EXPIRED) or know.given_up
        if left_alone:
            return
        own = self._ledger.invoices.get(shown.provider_id or "")
        if own is None and shown.provider_id and not self._kind.can_look:
            own = alive[-1] if alive else None
        self.consents.ended(know.reference, own, status)
        others = [held for held in alive if held is not own]
        if others and not know.told & _TELL_OF_OTHERS:
            which = ", ".join(f"{held.id} ({held.state})" for held in others)
            self.broken(
                Sentence.NO_STRAY,
                f"{know.reference}: ended {status}, and nobody was told of {which}",
            )
        self._true(know, own, status)
        if own is not None and own.final:
            self._stands(know, own)

    def shown(self, reference: str, run: Run) -> Invoice:
        """As whoever asks is told: after its end by what hears of its money, if that was begun."""
        identity = money_id(reference)
        if self._server.runs(identity):
            heard: Invoice = self._server.query(identity, "state")
            return heard
        shown: Invoice = (
            run.result if run.status == "completed" else self._server.query(run.id, "state")
        )
        return shown

    def _true(self, know: Wanted, own: Held | None, status: Status) -> None:
        if own is not None and _touched_late(own, self._looks):
            return
        if status in (Status.CANCELLED, Status.REJECTED):
            wrong = own is not None and own.alive
        elif status is Status.CREDITED:
            wrong = own is None or (own.alive and not self._by_notes(own))
        elif status is Status.DRAFTED:
            wrong = own is None or not own.alive
        else:
            wrong = own is None or not own.final
            if status in (Status.SENT, Status.DELIVERED) and own is not None:
                wrong = wrong or not (own.sent or know.told & _WITHOUT)
            if status is Status.PAID and own is not None:
                wrong = wrong or not (own.paid or own.moved)
        if wrong:
            there = f"{own.id} is {own.state}, sent {own.sent} times" if own else "nothing is there"
            self.broken(Sentence.TRUE_END, f"{know.reference}: ended {status}, but {there}")

    def _by_notes(self, own: Held) -> bool:
        """Whether credit notes have taken back all of it."""
        # What somebody has changed there is not ours, or not seen where no figures are stated.
        unseen = own.touched is not None and not self._kind.echoes
        whole = own.asked_gross if unseen else own.gross
        return sum(note.asked_gross for note in self._ledger.notes(own)) == whole

    def _stands(self, know: Wanted, own: Held) -> None:
        """The invoice that is there for good: its content is right, and so is its amount, or a
        person was told."""
        now = self._server.now
        if own.content not in know.contents(now):
            self._blame_content(know, own)
        looks = self._kind.echoes and self._kind.can_look
        if not looks or own.gross in know.amounts(now) or _touched_late(own, self._looks):
            return
        if "amounts_differ" not in know.told:
            self.broken(
                Sentence.AMOUNT_TOLD,
                f"{know.reference}: {own.id} stands with {own.gross}, and nobody was told",
            )

    def _blame_content(self, know: Wanted, own: Held) -> None:
        if own.approved_by_us:
            self.broken(
                Sentence.ONE_IN_THE_END,
                f"{know.reference}: {own.id} stands with a content that is not what was asked for "
                "last",
            )


BY_A_PERSON = "by a person"
_GO_ON = {
    *(WORKFLOW, ORDER_WORKFLOW, CREDITS_WORKFLOW, EVENT_WORKFLOW, FEED_WORKFLOW),
    MONEY_WORKFLOW,
}
_TELL_OF_OTHERS = {"several_found", "stray_found", "may_exist", "old_content", Word.REFUSED}
_WITHOUT = {"sending_failed", "sending_overdue", "rejected"}


def _after(call: ActivityCall, moment: datetime) -> bool:
    """Whether the call should not have been made any more."""
    if call.scheduled > moment:
        return True
    return call.started > moment and call.started - call.scheduled > FRESH


def _touched_late(own: Held, looks: dict[str, tuple[datetime, Decimal]]) -> bool:
    """Whether somebody else changed it after we looked last."""
    if own.touched is None:
        return False
    at, _ = looks.get(own.id, (own.made, own.gross))
    return own.touched >= at

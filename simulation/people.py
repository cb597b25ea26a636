"""People: those who answer what they are asked, by what they see, and those who interfere.

Operators are truthful: they say only what is so at the provider at that moment. The hasty ones are
truthful too, but late, or twice.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from invoicing import attributes
from invoicing.credit_document import credit_reference
from invoicing.identity import workflow_id
from invoicing.invoice import Cancel, Hold, Invoice, Release, Resolve, Status
from invoicing.questions import Answer
from invoicing.request import InvoiceRequest
from simulation.caller import Caller
from simulation.consent_people import ConsentPeople, only_noted
from simulation.decisions import Act, Decision
from simulation.documents import content, document, sums
from simulation.engine import LimitExceeded, NotFound, QueryFailed, Run, Server, Update
from simulation.invariants import BY_A_PERSON, Judge, Wanted
from simulation.ledger import Held
from simulation.providers import SimulatedProvider
from simulation.sentences import Sentence
from simulation.truth import (
    Choice,
    Said,
    Sight,
    choose,
    choose_for_a_credit,
    choose_for_an_event,
    choose_for_an_order,
)
from simulation.wire import Story, Wire

PATIENCE = 8
"""So often one thing is answered before somebody gives it up."""
_AGAIN = timedelta(seconds=3)
_LATER = timedelta(hours=6)
_SOON = timedelta(hours=2)


@dataclass(slots=True)
class Asking:
    """An instruction under way, and what follows from its outcome."""

    id: str
    name: str
    arg: Any
    update: Update
    then: Callable[[bool], None]
    """Told whether it was taken; a refusal or a lost cause is False."""
    begun: datetime
    """When it was sent first."""
    sent: int = 1


class People:
    """Everybody on our side of one life."""

    def __init__(
        self,
        server: Server,
        provider: SimulatedProvider,
        wire: Wire,
        caller: Caller,
        judge: Judge,
        story: Story,
        requests: Sequence[InvoiceRequest],
        rhythm: random.Random,
    ) -> None:
        self._server = server
        self._provider = provider
        self._wire = wire
        self._caller = caller
        self._judge = judge
        self._story = story
        self._requests = list(requests)
        self._paces = [timedelta(seconds=3 * 1000 ** rhythm.random()) for _ in range(8)]
        self._two: ConsentPeople | None = None
        self._turns = 0
        self._asked: set[tuple[str, str, str]] = set()
        self._released: dict[str, datetime] = {}
        self._answers: dict[str, int] = {}
        self._under_way: list[Asking] = []
        self._updates = 0
        self._correcting: dict[str, int] = {}
        self._keeping: set[str] = set()
        self._abandoning: dict[str, bool] = {}
        self._twice = self._late = False
        self.untold: set[str] = set()

    def prepare(self, decisions: Sequence[Decision]) -> None:
        """Have everybody come when they were drawn to."""
        acts = self._acts()
        for each in decisions:
            if isinstance(each, Act) and each.what in acts:
                self._wire.when(each.when, partial(acts[each.what], each))

    def _acts(self) -> dict[str, Callable[[Act], None]]:
        """What they may come to do."""
        return {
            "hold": self._hold,
            "cancel": self._cancel,
            "engine cancel": self._engine_cancel,
            "terminate and ask again": self._terminate,
            "hold, then terminate and ask again": self._hold_and_terminate,
            "ask again": self._ask_again,
            "ask with other content": self._ask_otherwise,
            "cancel, then ask with other content": self._cancel_and_ask_otherwise,
            "correct when asked": self._correct_when_asked,
            "late answer": self._answer_late,
            "two answers at once": self._answer_twice,
            "keep when asked": self._keep,
            "abandon when asked": self._abandon,
            "abandon, then ask again": self._abandon_and_ask,
        }

    # Instructions

    def decide_by_two(self, seed: int) -> None:
        """From now on more than one of them says what an invoice is told."""
        self._two = ConsentPeople(self._server, seed, self._send, self._signal)
        self._caller.asker = self._two.asker

    def instruct(
        self,
        identity: str,
        name: str,
        arg: Any,
        then: Callable[[bool], None] = lambda _: None,
        before: Callable[[], None] = lambda: None,
    ) -> None:
        """Have an update sent, by one of them or by several. `before` is done each time."""
        if self._two and identity.startswith("invoice/") and name != "hold":
            self._two.give(identity, name, arg, then, before)
        else:
            before()
            self._send(identity, name, arg, then)

    def _send(self, identity: str, name: str, arg: Any, then: Callable[[bool], None]) -> None:
        """Send an update, and again under the same id while its answer is lost."""
        self._updates += 1
        key = f"update-{self._updates}"
        self._judge.consents.says(identity, arg)
        try:
            update = self._server.update(identity, name, arg, update_id=key)
        except NotFound:
            then(False)
            return
        except LimitExceeded:
            # As the SDK's client does: a server that is busy is asked again.
            self._server.after(_AGAIN, partial(self._send, identity, name, arg, then))
            return
        self._under_way.append(Asking(identity, name, arg, update, then, self._server.now))

    def look(self) -> None:
        """After every step: hear what became of instructions, and see who is asked."""
        if self._under_way:
            self._hear()
        for run in self._server.open_runs():
            status = run.attribute(attributes.STATUS.name)
            if status == Status.NEEDS_ATTENTION:
                self._see(run)
            elif status == Status.HELD and self._two:
                self._see_held(run)

    def _hear(self) -> None:
        for asking in list(self._under_way):
            state = asking.update.status
            if state == "pending":
                continue
            self._under_way.remove(asking)
            if state == "lost" and asking.sent < 3:
                self._server.after(_AGAIN, partial(self._send_again, asking))
                continue
            taken = state == "done" and asking.update.failure is None
            if taken and asking.arg.proven:
                taken = not only_noted(asking.update.result, asking.arg, asking.begun)
            if taken:
                self._judge.consents.taken(asking.id, asking.arg)
            asking.then(taken)

    def _send_again(self, asking: Asking) -> None:
        self._judge.consents.says(asking.id, asking.arg)
        try:
            asking.update = self._server.update(
                asking.id, asking.name, asking.arg, update_id=asking.update.id
            )
        except NotFound:
            asking.then(False)
            return
        except LimitExceeded:
            self._server.after(_AGAIN, partial(self._send_again, asking))
            return
        self._story.tell(f"{asking.id}: {asking.name} again, its answer was lost")
        asking.sent += 1
        self._under_way.append(asking)

    # Being asked

    def _see(self, run: Run) -> None:
        key = (run.id, run.run_id, str(run.attribute(attributes.WAITING_SINCE.name)))
        if key in self._asked:
            return
        self._asked.add(key)
        self._turns += 1
        pause = self._paces[self._turns % len(self._paces)]

        def look() -> None:
            if not self._answer(run.id):
                # A list can be ahead of what it is about: whoever found nothing looks again.
                self._asked.discard(key)

        self._server.after(pause, look)

    def _see_held(self, run: Run) -> None:
        """What the rule holds nobody comes back to by themselves: somebody looks at the list."""
        key = (run.id, run.run_id, str(run.attribute(attributes.WAITING_SINCE.name)))
        if key in self._asked:
            return
        self._asked.add(key)
        reference = run.id.partition("/")[2]

        def look() -> None:
            state, know = self._state(run.id), self._judge.wanted.get(reference)
            if state is None or state.status != Status.HELD:
                return
            if know is None or know.held_since is None:
                self._story.tell(f"{reference}: what is held is looked at")
                self._release(reference)
            self._server.after(_LATER, look)

        self._server.after(self._paces[0], look)

    def _state(self, identity: str) -> Any:
        try:
            state = self._server.query(identity, "state")
        except (NotFound, QueryFailed):
            return None
        open_now = self._server.runs(identity)[-1].status == "running"
        return state if open_now else None

    def _answer(self, identity: str) -> bool:
        """Whether there was a question to be answered."""
        state = self._state(identity)
        if state is None or getattr(state, "problem", None) is None:
            return False
        self._told(identity, state)
        self._answers[identity] = self._answers.get(identity, 0) + 1
        if identity.startswith("invoice/"):
            self._answer_invoice(identity, state)
        else:
            choice = self._other_choice(identity, state)
            self._give(identity, state, choice)
        return True

    def _answer_again(self, identity: str) -> None:
        self._answer(identity)

    def _told(self, identity: str, state: Any) -> None:
        """Whether a person is told what they must be."""
        problem = state.problem
        offered = problem.answers
        waiting = getattr(state, "waiting", None)
        reference = identity.partition("/")[2]
        if reference in self._judge.wanted:
            self._judge.wanted[reference].told.add(str(problem.reason))
        self._story.tell(
            f"{identity} asks: {problem.reason}: {problem.what} "
            f"({', '.join(each.value for each in offered)})"
        )
        if not offered or waiting is None or waiting.on != "person":
            self._judge.broken(
                Sentence.NO_SILENCE, f"{identity}: asks {problem.reason} without saying all of it"
            )
        elif isinstance(state, Invoice) and waiting.until is None:
            self._judge.broken(Sentence.NO_SILENCE, f"{identity}: waits without saying until when")

    def _answer_invoice(self, identity: str, state: Invoice) -> None:
        problem = state.problem
        if problem is None:
            return
        offered = problem.answers
        reference = state.reference
        special = self._special(reference, offered)
        if special is None and self._answers[identity] > PATIENCE and Answer.ABANDON in offered:
            special = Choice(Answer.ABANDON)
        choice = special or choose(problem.reason, offered, self._sight(state))
        self._give(identity, state, choice)

    def _special(self, reference: str, offered: Sequence[Answer]) -> Choice | None:
        """What somebody was drawn to answer, where it is offered."""
        if reference in self._abandoning and Answer.ABANDON in offered:
            return Choice(Answer.ABANDON)
        if reference in self._keeping and Answer.KEEP in offered:
            return Choice(Answer.KEEP)
        if reference in self._correcting and Answer.CORRECT in offered:
            wording = self._correcting.pop(reference)
            return Choice(Answer.CORRECT, document=self._another(reference, wording))
        return None

    def _another(self, reference: str, wording: int) -> Any:
        lines = len(self._request(reference).document.lines)
        return document(lines, wording, 50 if wording == 2 else 0)

    def _request(self, reference: str) -> InvoiceRequest:
        return next(each for each in self._requests if each.reference == reference)

    def _sight(self, state: Invoice) -> Sight:
        know = self._judge.wanted.get(state.reference)
        if know is None:
            # A credit that is not planned yet: nothing of it is there.
            know = Wanted(state.reference, "", Decimal(0), self._server.now)
        own = self._provider.ledger.invoices.get(state.provider_id or "")
        if own is None and state.provider_id and not self._provider.kind.can_look:
            alive = self._provider.ledger.alive(state.reference)
            own = alive[-1] if alive else None
        return Sight(
            reference=state.reference,
            provider=self._provider,
            own=own,
            right=know.contents(self._server.now),
            verb=_verb_in(state.problem.what if state.problem else "") or know.last_change,
        )

    def _other_choice(self, identity: str, state: Any) -> Choice | None:
        offered = state.problem.answers
        if self._answers[identity] > PATIENCE and Answer.ABANDON in offered:
            return Choice(Answer.ABANDON)
        if identity.startswith("event/"):
            return choose_for_an_event(offered, self._about(state.event))
        if identity.startswith("credits/"):
            # It says which credit it is about as its second word.
            note = state.problem.what.split()[1].rstrip(":")
            made = self._made(credit_reference(state.reference, note))
            return choose_for_a_credit(offered, made, self._provider)
        reason = state.problem.reason
        unclear = [each for each in state.deliveries if self._is_unclear(each, state)]
        invoices = [held for each in unclear for held in self._made(each.reference)]
        orders = self._provider.ledger.orders.values()
        known = any(order.state == "confirmed" for order in orders) and not any(
            "asked" in order.cancellations.values() for order in orders
        )
        return choose_for_an_order(reason, offered, invoices, known, self._provider)

    def _is_unclear(self, delivery: Any, state: Any) -> bool:
        runs = self._server.runs(workflow_id(delivery.reference))
        return not runs or runs[-1].status != "running"

    def _made(self, reference: str) -> list[Held]:
        return self._provider.ledger.of(reference)

    def _about(self, event: str) -> str | None:
        """Whose it is, where there still is somebody who waits for it."""
        reference = self._provider.about_event(event)
        runs = self._server.runs(workflow_id(reference)) if reference else ()
        return reference if runs and runs[-1].status == "running" else None

    def _give(self, identity: str, state: Any, choice: Said) -> None:
        if isinstance(choice, str):
            self._server.after(_SOON, partial(self._answer_again, identity))
            return
        if choice is None:
            self._judge.broken(
                Sentence.TRUE_ANSWERS,
                f"{identity}: {state.problem.reason} offers "
                f"{[each.value for each in state.problem.answers]}, and none of "
                "them is true",
            )
            return
        question = state.problem.question
        arg = Resolve.model_construct(
            by="operator",
            reason="as seen at the provider",
            question=question,
            answer=choice.answer,
            provider_id=choice.provider_id,
            document=choice.document,
            number=choice.number,
            reference=choice.reference,
        )
        self._story.tell(f"{identity}: the operator answers {choice.answer}")
        pause = timedelta(seconds=400) if self._late else timedelta(0)
        self._late = False
        send = partial(self._send_answer, identity, arg, choice, question)
        self._server.after(pause, send)
        if self._twice:
            self._twice = False
            self._story.tell(f"{identity}: a second operator answers the same question")
            self._server.after(timedelta(seconds=30), send)
        # Where the answer changes nothing and the question stays as it is, somebody looks again.
        answers = self._answers[identity]
        self._server.after(_LATER, lambda: self._still_asked(identity, answers))

    def _still_asked(self, identity: str, answers: int) -> None:
        if self._answers[identity] == answers:
            self._answer(identity)

    def _send_answer(self, identity: str, arg: Any, choice: Choice, question: str) -> None:
        state = self._state(identity)
        shown = None
        if state is not None and state.problem is not None:
            shown = state.problem.question
        reference = identity.partition("/")[2]
        know = self._judge.wanted.get(reference) if identity.startswith("invoice/") else None
        if know is not None and state is not None and state.problem is not None:
            self._stands(know, state.problem.reason.value)
        if choice.document is not None and know is not None:
            self._judge.correct(
                reference, content(choice.document), sums(choice.document).gross, sure=False
            )

        def before() -> None:
            if know is not None:
                self._in_doubt(know, choice)

        def then(taken: bool) -> None:
            if know is not None and taken:
                self._taken(know, choice, question, shown)

        self.instruct(identity, "resolve", arg, then, before)

    def _stands(self, know: Wanted, reason: str) -> None:
        """Whoever answers that it cannot be taken back knows that an earlier content may stand."""
        if reason == "cannot_cancel":
            know.perhaps += know.before

    def _in_doubt(self, know: Wanted, choice: Choice) -> None:
        """What this answer ends may have ended as soon as it is sent."""
        if choice.answer is Answer.KEEP:
            know.cancelled_since = know.cut = None
        elif choice.answer is Answer.RELEASE:
            know.held_since = None
        elif choice.answer is Answer.ABANDON:
            know.given_up = True

    def _taken(self, know: Wanted, choice: Choice, question: str, shown: str | None) -> None:
        if (know.lives, question) in know.answered:
            self._judge.broken(
                Sentence.OWN_QUESTION, f"{know.reference}: {question} was answered twice"
            )
        if shown is not None and shown != question:
            self._judge.broken(
                Sentence.OWN_QUESTION,
                f"{know.reference}: an answer to {question} was taken for {shown}",
            )
        know.answered.add((know.lives, question))
        if choice.document is not None:
            given = choice.document
            self._judge.correct(know.reference, content(given), sums(given).gross, sure=True)

    # Interfering

    def _place(self, act: Act) -> InvoiceRequest:
        return self._requests[act.place % len(self._requests)]

    def _hold(self, act: Act) -> None:
        reference = self._place(act).reference
        identity = workflow_id(reference)
        order = Hold(by="holder", reason="the price is under discussion")
        self._story.tell(f"{reference}: somebody holds it")
        release = Release(by="holder", reason="it is settled")

        let_go_at = self._server.now + act.after
        asked_at = self._server.now

        def let_go() -> None:
            self._story.tell(f"{reference}: somebody releases it")
            self.instruct(identity, "release", release, before=partial(self._may_go, reference))

        def held(taken: bool) -> None:
            know = self._judge.wanted.get(reference)
            released = self._released.get(reference, asked_at)
            holds = released <= asked_at and self._server.now < let_go_at
            if taken and know is not None and holds:
                self._story.tell(f"{reference}: the hold is acknowledged")
                self._judge.consents.held(reference, asked_at)
                know.held_since = self._server.now

        if act.by_signal:
            self._signal(identity, "hold", order)
        else:
            self.instruct(identity, "hold", order, held)
        self._server.after(act.after, let_go)

    def _may_go(self, reference: str) -> None:
        """From when a release is sent, nobody can tell whether it has arrived."""
        self._released[reference] = self._server.now
        if reference in self._judge.wanted:
            self._judge.wanted[reference].held_since = None
            self._judge.wanted[reference].sent_from = None

    def release_later(self, request: InvoiceRequest, after: timedelta) -> None:
        """Whoever asked for the hold in a request comes back in the end."""

        def let_go() -> None:
            self._story.tell(f"{request.reference}: somebody releases it")
            self._release(request.reference)

        self._server.after(after, let_go)

    def _release(self, reference: str) -> None:
        wanted = Release(by="holder", reason="looked at")
        before = partial(self._may_go, reference)
        self.instruct(workflow_id(reference), "release", wanted, before=before)

    def _signal(self, identity: str, name: str, arg: Any) -> None:
        self._judge.consents.says(identity, arg)
        try:
            self._server.signal(identity, name, arg)
        except NotFound:
            self._story.tell(f"{identity}: it has ended already")

    def _cancel(self, act: Act) -> None:
        self.cancel(self._place(act).reference, by_signal=act.by_signal)

    def cancel(self, reference: str, *, by_signal: bool = False) -> None:
        """Somebody cancels it."""
        identity = workflow_id(reference)
        order = Cancel(by="canceller", reason="ordered by mistake")
        self._story.tell(f"{reference}: somebody cancels it")

        def acknowledged(taken: bool) -> None:
            know = self._judge.wanted.get(reference)
            if taken and know is not None:
                self._story.tell(f"{reference}: the cancel is acknowledged")
                know.cancelled_since = know.cancelled_since or self._server.now

        if by_signal:
            self._signal(identity, "cancel", order)
        else:
            self.instruct(identity, "cancel", order, acknowledged)

    def _engine_cancel(self, act: Act) -> None:
        reference = self._place(act).reference
        try:
            self._server.cancel(workflow_id(reference), "by a person")
        except NotFound:
            return
        self._story.tell(f"{reference}: somebody presses Cancel in the Web UI")
        know = self._judge.wanted.get(reference)
        if know is not None and not self._judge.consents.refuses_the_engine(know.gross):
            know.cut = self._server.now

    def _terminate(self, act: Act) -> None:
        request = self._place(act)
        try:
            self._server.terminate(workflow_id(request.reference), BY_A_PERSON)
        except NotFound:
            return
        self._story.tell(f"{request.reference}: somebody terminates it")
        self._ask_later(request, act.after)

    def _hold_and_terminate(self, act: Act) -> None:
        self._hold(act)
        self._server.after(act.after / 2, partial(self._terminate, act))

    def _ask_later(self, request: InvoiceRequest, after: timedelta) -> None:
        self._caller.ask_after(after, request)

    def _ask_again(self, act: Act) -> None:
        self._caller.ask(self._place(act))

    def _ask_otherwise(self, act: Act) -> None:
        self._caller.ask(self._other(self._place(act), act.wording))

    def _other(self, request: InvoiceRequest, wording: int) -> InvoiceRequest:
        given = self._another(request.reference, wording)
        return request.model_copy(update={"document": given})

    def _cancel_and_ask_otherwise(self, act: Act) -> None:
        request = self._place(act)
        self.cancel(request.reference)
        self._ask_later(self._other(request, act.wording), act.after)

    def _correct_when_asked(self, act: Act) -> None:
        self._correcting[self._place(act).reference] = act.wording

    def _answer_late(self, act: Act) -> None:
        self._late = True

    def _answer_twice(self, act: Act) -> None:
        self._twice = True

    def _keep(self, act: Act) -> None:
        self._keeping.add(self._place(act).reference)

    def _abandon(self, act: Act) -> None:
        self._abandoning[self._place(act).reference] = False

    def _abandon_and_ask(self, act: Act) -> None:
        request = self._place(act)
        self._abandoning[request.reference] = True

        def ask() -> None:
            know = self._judge.wanted.get(request.reference)
            if know is not None and know.given_up:
                self._abandoning.pop(request.reference, None)
                self._caller.ask(request)

        self._server.after(act.after + timedelta(hours=1), ask)


def _verb_in(sentence: str) -> str:
    """Which call a question is about, as whoever reads it understands it."""
    words = sentence.replace(",", " ").split()
    return next((verb for verb in ("send", "approve", "delete", "credit") if verb in words), "")

"""Operators: they are asked, look at what is so, and answer that.

They are truthful: they say only what is so at the provider at that moment. The hasty ones are
truthful too, but late, or twice.
"""

from __future__ import annotations

import random
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from invoicing.credits.document import credit_reference
from invoicing.state import attributes
from invoicing.state.identity import workflow_id
from invoicing.state.invoice import Invoice, Resolve, Status
from invoicing.state.questions import Answer
from simulation.documents import content, sums
from simulation.engine import NotFound, QueryFailed, Run, Server
from simulation.judge.invariants import Judge
from simulation.judge.sentences import Sentence
from simulation.judge.wanted import Wanted
from simulation.people.holds import Holds
from simulation.people.instructions import Instructions
from simulation.people.interests import Interests
from simulation.people.truth import (
    Choice,
    Said,
    Sight,
    choose,
    choose_for_a_credit,
    choose_for_an_event,
    choose_for_an_order,
)
from simulation.provider.account import SimulatedProvider
from simulation.provider.ledger import Held
from simulation.wire import Story

PATIENCE = 8
"""So often one thing is answered before somebody gives it up."""
_LATER = timedelta(hours=6)
_SOON = timedelta(hours=2)


class Operators:
    """Whoever answers questions, and who has been seen asking."""

    def __init__(
        self,
        server: Server,
        provider: SimulatedProvider,
        judge: Judge,
        story: Story,
        said: Instructions,
        holds: Holds,
        interests: Interests,
        rhythm: random.Random,
    ) -> None:
        self._server = server
        self._provider = provider
        self._judge = judge
        self._story = story
        self._said = said
        self._holds = holds
        self._interests = interests
        self._paces = [timedelta(seconds=3 * 1000 ** rhythm.random()) for _ in range(8)]
        self._turns = 0
        self._asked: set[tuple[str, str, str]] = set()
        self._answers: dict[str, int] = {}

    def see(self, run: Run) -> None:
        """Somebody sees that it asks, and looks after their own pause."""
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

    def see_held(self, run: Run) -> None:
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
                self._holds.release(reference)
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
        special = self._interests.choice(reference, offered)
        if special is None and self._answers[identity] > PATIENCE and Answer.ABANDON in offered:
            special = Choice(Answer.ABANDON)
        choice = special or choose(problem.reason, offered, self._sight(state))
        self._give(identity, state, choice)

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
            self._server.after(_SOON, partial(self._look_again, identity))
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
        pause = timedelta(seconds=400) if self._interests.late() else timedelta(0)
        send = partial(self._send_answer, identity, arg, choice, question)
        self._server.after(pause, send)
        if self._interests.twice():
            self._story.tell(f"{identity}: a second operator answers the same question")
            self._server.after(timedelta(seconds=30), send)
        # Where the answer changes nothing and the question stays as it is, somebody looks again.
        answers = self._answers[identity]
        self._server.after(_LATER, lambda: self._still_asked(identity, answers))

    def _look_again(self, identity: str) -> None:
        self._answer(identity)

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

        self._said.instruct(identity, "resolve", arg, then, before)

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


def _verb_in(sentence: str) -> str:
    """Which call a question is about, as whoever reads it understands it."""
    words = sentence.replace(",", " ").split()
    return next((verb for verb in ("send", "approve", "delete", "credit") if verb in words), "")

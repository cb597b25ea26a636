"""People who interfere: they hold, cancel, terminate, and ask again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial

from invoicing.request import InvoiceRequest
from invoicing.state.identity import workflow_id
from invoicing.state.invoice import Cancel
from simulation.decisions import Act, Decision
from simulation.engine import NotFound, Server
from simulation.judge.invariants import BY_A_PERSON, Judge
from simulation.people.caller import Caller
from simulation.people.holds import Holds
from simulation.people.instructions import Instructions
from simulation.people.interests import Interests
from simulation.wire import Story, Wire


class Interference:
    """Whoever was drawn to come, and what they do then."""

    def __init__(
        self,
        server: Server,
        caller: Caller,
        judge: Judge,
        story: Story,
        said: Instructions,
        holds: Holds,
        interests: Interests,
    ) -> None:
        self._server = server
        self._caller = caller
        self._judge = judge
        self._story = story
        self._said = said
        self._holds = holds
        self._interests = interests

    def prepare(self, wire: Wire, decisions: Sequence[Decision]) -> None:
        """Have everybody come when they were drawn to."""
        acts = self._acts()
        for each in decisions:
            if isinstance(each, Act) and each.what in acts:
                wire.when(each.when, partial(acts[each.what], each))

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

    def _place(self, act: Act) -> InvoiceRequest:
        requests = self._interests.requests
        return requests[act.place % len(requests)]

    def _hold(self, act: Act) -> None:
        reference = self._place(act).reference
        self._holds.hold(reference, act.after, by_signal=act.by_signal)

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
            self._said.signal(identity, "cancel", order)
        else:
            self._said.instruct(identity, "cancel", order, acknowledged)

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
        given = self._interests.another(request.reference, wording)
        return request.model_copy(update={"document": given})

    def _cancel_and_ask_otherwise(self, act: Act) -> None:
        request = self._place(act)
        self.cancel(request.reference)
        self._ask_later(self._other(request, act.wording), act.after)

    def _correct_when_asked(self, act: Act) -> None:
        self._interests.correcting[self._place(act).reference] = act.wording

    def _answer_late(self, act: Act) -> None:
        self._interests.answers_late = True

    def _answer_twice(self, act: Act) -> None:
        self._interests.answers_twice = True

    def _keep(self, act: Act) -> None:
        self._interests.keeping.add(self._place(act).reference)

    def _abandon(self, act: Act) -> None:
        self._interests.abandoning.add(self._place(act).reference)

    def _abandon_and_ask(self, act: Act) -> None:
        request = self._place(act)
        self._interests.abandoning.add(request.reference)

        def ask() -> None:
            know = self._judge.wanted.get(request.reference)
            if know is not None and know.given_up:
                self._interests.abandoning.discard(request.reference)
                self._caller.ask(request)

        self._server.after(act.after + timedelta(hours=1), ask)

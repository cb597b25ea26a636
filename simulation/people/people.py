"""Everybody on our side of one life."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from invoicing.request import InvoiceRequest
from invoicing.state import attributes
from invoicing.state.identity import AMEND_WORKFLOW
from invoicing.state.invoice import Status
from simulation.decisions import Decision
from simulation.engine import Server
from simulation.judge.invariants import Judge
from simulation.people.caller import Caller
from simulation.people.holds import Holds
from simulation.people.instructions import Instructions
from simulation.people.interests import Interests
from simulation.people.interference import Interference
from simulation.people.operators import Operators
from simulation.provider.account import SimulatedProvider
from simulation.wire import Story, Wire


class People:
    """Those who answer what they are asked, by what they see, and those who interfere."""

    def __init__(
        self,
        server: Server,
        provider: SimulatedProvider,
        caller: Caller,
        judge: Judge,
        story: Story,
        requests: Sequence[InvoiceRequest],
        rhythm: random.Random,
    ) -> None:
        self._server = server
        self._caller = caller
        interests = Interests(list(requests))
        self._said = said = Instructions(server, judge, story)
        self._holds = holds = Holds(server, judge, story, said)
        self._operators = Operators(server, provider, judge, story, said, holds, interests, rhythm)
        self._interference = Interference(server, caller, judge, story, said, holds, interests)
        self._two = False

    def prepare(self, wire: Wire, decisions: Sequence[Decision]) -> None:
        """Have everybody come when they were drawn to."""
        self._interference.prepare(wire, decisions)

    def decide_by_two(self, seed: int) -> None:
        """From now on more than one of them says what an invoice is told."""
        self._two = True
        self._caller.asker = self._said.by_two(seed).asker

    def look(self) -> None:
        """After every step: hear what became of instructions, and see who is asked."""
        self._said.hear()
        for run in self._server.open_runs():
            if run.workflow == AMEND_WORKFLOW:
                continue  # It asks no question: whoever amends invoices goes on with it.
            status = run.attribute(attributes.STATUS.name)
            if status == Status.NEEDS_ATTENTION:
                self._operators.see(run)
            elif status == Status.HELD and self._two:
                self._operators.see_held(run)

    def instruct(
        self,
        identity: str,
        name: str,
        arg: Any,
        then: Callable[[bool], None] = lambda _: None,
    ) -> None:
        """Have an update sent, by one of them or by several. `then` is told whether it was taken;
        a refusal or a lost cause is False."""
        self._said.instruct(identity, name, arg, then)

    def cancel(self, reference: str) -> None:
        """Somebody cancels it."""
        self._interference.cancel(reference)

    def release_later(self, request: InvoiceRequest, after: timedelta) -> None:
        """Whoever asked for the hold in a request comes back in the end."""
        self._holds.release_later(request, after)

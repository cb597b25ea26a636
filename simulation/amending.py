"""What the workers of an amendment do: each call asks another workflow of ours, as a client does.

A call whose workflow takes its time is answered by a later attempt, as where an answer was lost.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from invoicing.credits.amend import BeginCall, MakeCreditCall, OverviewCall
from invoicing.credits.case import Credits, CreditsStatus
from invoicing.credits.credit import Requested
from invoicing.credits.document import opening
from invoicing.errors import InvalidRequest
from invoicing.state.identity import credits_id, workflow_id
from simulation.decisions import AmendTrouble, Decision
from simulation.engine import ActivityCall, Attempt, LimitExceeded, NotFound, QueryFailed, Server
from simulation.engine.run import Update
from simulation.judge.invariants import Judge
from simulation.people.caller import Caller, Refused
from simulation.wire import NEVER, Story, Wire, failure

QUICK = timedelta(milliseconds=60)


class SimulatedAmending:
    """Its activities, played over the engine of one life."""

    def __init__(
        self,
        server: Server,
        wire: Wire,
        caller: Caller,
        judge: Judge,
        story: Story,
        decisions: Sequence[Decision],
    ) -> None:
        self._server = server
        self._wire = wire
        self._caller = caller
        self._judge = judge
        self._story = story
        self._trouble = {each.nth: each for each in decisions if isinstance(each, AmendTrouble)}
        self._asking: dict[tuple[str, str], Update] = {}

    def credits_of(self, given: OverviewCall, call: ActivityCall) -> Attempt:
        """What is left of an invoice, and every credit."""
        try:
            return Attempt(after=QUICK, result=self._overview(given.reference))
        except QueryFailed:
            return failure("Unavailable", "no worker has seen it yet")
        except Refused as refusal:
            return failure("Refused", str(refusal))

    def _overview(self, reference: str) -> Credits:
        try:
            begun: Credits = self._server.query(credits_id(reference), "state")
        except NotFound:
            return self._opening(reference)
        if begun.left is not None:
            return begun
        now = self._opening(reference)
        fields = {"left": now.left, "number": now.number, "not_creditable": now.not_creditable}
        return begun.model_copy(update=fields)

    def _opening(self, reference: str) -> Credits:
        runs = self._server.runs(workflow_id(reference))
        if not runs:
            raise Refused("nobody asked for it")
        if not runs[-1].tasks:
            raise QueryFailed("no worker has seen it yet")
        invoice: Requested = self._server.query(workflow_id(reference), "request")
        number = invoice.invoice.number
        none = Credits(reference=reference, number=number, status=CreditsStatus.NONE)
        if runs[-1].status == "terminated":
            return none.model_copy(update={"not_creditable": "it was ended from outside"})
        try:
            return none.model_copy(update={"left": opening(invoice).left})
        except InvalidRequest as error:
            return none.model_copy(update={"not_creditable": str(error)})

    def make_credit(self, given: MakeCreditCall, call: ActivityCall) -> Attempt:
        """Have it credited; the same credit again is the same one."""
        key = (given.reference, given.credit.credit)
        if key in self._asking:
            return self._credit_answered(key)
        identity = credits_id(given.reference)

        def ask() -> Attempt:
            self._caller.credits(given.reference)
            with contextlib.suppress(NotFound, LimitExceeded):
                self._asking[key] = self._server.update(identity, "credit", given.credit)
            return failure("Unavailable", "it has not answered yet", after=QUICK)

        return self._acted(ask)

    def _credit_answered(self, key: tuple[str, str]) -> Attempt:
        update = self._asking[key]
        if update.status == "pending":
            return failure("Unavailable", "it has not answered yet", after=QUICK)
        del self._asking[key]
        if update.status == "lost":
            return failure("Unavailable", "its answer was lost", after=QUICK)
        if update.failure is not None:
            return failure("Refused", str(update.failure), after=QUICK)
        return Attempt(after=QUICK, result=update.result)

    def begin_invoice(self, given: BeginCall, call: ActivityCall) -> Attempt:
        """Have the new invoice made; the same request again is the same invoice."""

        def begin() -> Attempt:
            self._judge.amending.begins(given.request)
            try:
                self._caller.begin(given.request, given.proven)
            except Refused as refusal:
                return failure("Taken", str(refusal), after=QUICK)
            return Attempt(after=QUICK)

        return self._acted(begin)

    def _acted(self, act: Callable[[], Attempt]) -> Attempt:
        """As drawn: a worker is killed, an answer never comes, or what it asked for comes late."""
        trouble = self._trouble.get(self._wire.begin("amending"))
        if trouble is None:
            return act()
        self._story.tell(f"{trouble}")
        if trouble.how == "killed before":
            return Attempt(after=QUICK, lost=True)
        if trouble.how == "late":
            self._wire.later(trouble.delay, partial(_unheard, act))
            return Attempt(after=NEVER)
        act()
        return Attempt(after=NEVER) if trouble.how == "unanswered" else Attempt(QUICK, lost=True)

    def handlers(self) -> dict[str, Callable[[Any, ActivityCall], Attempt]]:
        """Its activities by name."""
        return {
            "credits_of": self.credits_of,
            "make_credit": self.make_credit,
            "begin_invoice": self.begin_invoice,
        }


def _unheard(act: Callable[[], Attempt]) -> None:
    act()

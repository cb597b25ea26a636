"""People who amend invoices: once, twice, at once, under one name; and once more when asked."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import timedelta
from functools import partial

from invoicing.credits.amend import (
    Amend,
    AmendCase,
    AmendInput,
    Amendment,
    AmendStatus,
    begun_again,
)
from invoicing.credits.credit import Credit
from invoicing.credits.document import credit_reference
from invoicing.request import InvoiceRequest
from invoicing.state import attributes
from invoicing.state.identity import (
    AMEND_WORKFLOW,
    amend_id,
    credits_attributes,
    workflow_id,
)
from simulation.decisions import Amending, Decision
from simulation.documents import document
from simulation.engine import NotFound, QueryFailed, Run, Server
from simulation.judge.invariants import BY_A_PERSON, Judge
from simulation.people.caller import Caller
from simulation.people.people import People
from simulation.wire import Story, Wire

PATIENCE = 3
"""So often one is amended again before it is left alone."""
_TOMORROW = timedelta(days=1)
_TOO_SOON = "is not final"
_REST = "credit that as well"
_ANOTHER = "another reference"


class AmendPeople:
    """Everybody who amends the invoices of one life."""

    def __init__(
        self,
        server: Server,
        wire: Wire,
        caller: Caller,
        people: People,
        judge: Judge,
        story: Story,
        requests: Sequence[InvoiceRequest],
    ) -> None:
        self._server = server
        self._wire = wire
        self._caller = caller
        self._people = people
        self._judge = judge
        self._story = story
        self._requests = requests
        self._last: dict[str, Amend] = {}
        self._seen: set[tuple[str, str, str]] = set()
        self._again: dict[str, int] = {}

    def prepare(self, decisions: Sequence[Decision], seed: int) -> None:
        """Have them come when they were drawn to."""
        drawn = [each for each in decisions if isinstance(each, Amending)]
        for each in drawn:
            if each.when.verb:
                self._wire.when(each.when, partial(self._come, each))
            else:
                # A life waits for them: an invoice is amended long after its end, too.
                self._wire.later(each.when.after, partial(self._come, each))
        if drawn:
            self._rng = random.Random(f"amending {seed}")
            self._server.on_step.append(self._look)

    def _come(self, each: Amending) -> None:
        request = self._requests[each.place % len(self._requests)]
        new = _new(request, each.name)
        if each.what == "amend":
            for _ in range(1 + each.twice):
                self._amend(request.reference, _wanted(request, each.name, new, each.wording))
        elif each.what == "amend the new one":
            wanted = _wanted(request, each.name, f"{new}.{each.name}", each.wording)
            self._amend(new, wanted)
        elif each.what == "cancel new":
            self._people.cancel(new)
        elif each.what == "terminate new":
            self._end("terminate", workflow_id(new))
        elif each.what == "cancel it":
            self._end("cancel", amend_id(request.reference))
        else:
            self._end("terminate", amend_id(request.reference))
            self._amend_again(request.reference)

    def _end(self, how: str, identity: str) -> None:
        try:
            if how == "cancel":
                self._server.cancel(identity, BY_A_PERSON)
            else:
                self._server.terminate(identity, BY_A_PERSON)
        except NotFound:
            return
        self._story.tell(f"{identity}: somebody ends it by {how}")

    def _amend_again(self, reference: str) -> None:
        if reference in self._last:
            self._amend(reference, self._last[reference])

    def _amend(self, reference: str, wanted: Amend) -> None:
        """As a client of ours does it."""
        if not self._server.runs(workflow_id(reference)):
            return
        named = f"{reference}: amendment {wanted.amendment}"
        self._story.tell(f"{named} is asked for")
        proven = self._caller.asker()
        wanted = wanted.model_copy(update={"proven": proven})
        note = credit_reference(reference, wanted.amendment)
        self._judge.consents.asked(note, proven)
        self._judge.amending.asked(reference, wanted)
        if why := self._begin(reference, wanted):
            self._story.tell(f"{named} is refused: {why}")
            return

        def answered(taken: bool) -> None:
            self._story.tell(f"{named} is {'taken' if taken else 'refused'}")
            if taken:
                self._last[reference] = wanted
                self._wire.later(_TOMORROW, partial(self._try_again, reference))

        self._people.instruct(amend_id(reference), "amend", wanted, answered)

    def _begin(self, reference: str, wanted: Amend) -> str:
        """Begin it, or again where it has ended; why it is not to be."""
        identity = amend_id(reference)
        runs = self._server.runs(identity)
        start = AmendInput(reference=reference, wanted=wanted)
        if runs and runs[-1].closed:
            kept = self._kept(runs)
            if kept is not None and not kept.left_nothing and (why := kept.why_not(wanted)):
                return why
            if kept is not None and kept.outcome is AmendStatus.AMENDED:
                return "it is made"
            if kept is not None:
                start = begun_again(reference, kept, wanted)
        self._server.start(
            AMEND_WORKFLOW,
            start,
            id=identity,
            search_attributes=credits_attributes(reference),
            conflict="use_existing",
        )
        return ""

    def _kept(self, runs: Sequence[Run]) -> AmendCase | None:
        """What the last run remembered that a worker has seen: one that was ended before that was
        begun with just this."""
        last = next((run for run in reversed(runs) if run.tasks), None)
        if last is None:
            return None
        kept: AmendCase = self._server.query(last.id, "memory", last)
        return kept

    def _try_again(self, reference: str) -> None:
        """Whoever came before the invoice was final comes again."""
        run = self._server.runs(amend_id(reference))[-1]
        said: Amendment | None = run.result if run.status == "completed" else None
        if said is None or said.status is not AmendStatus.REFUSED or _TOO_SOON not in said.problem:
            return
        count = self._again[reference] = self._again.get(reference, 0) + 1
        if count < PATIENCE:
            self._amend_again(reference)

    # Whoever sees that one waits for a person

    def _look(self) -> None:
        for run in self._server.open_runs():
            if run.workflow != AMEND_WORKFLOW:
                continue
            status = run.attribute(attributes.STATUS.name)
            if status == AmendStatus.NEEDS_ATTENTION:
                since = str(run.attribute(attributes.WAITING_SINCE.name))
                if (key := (run.id, run.run_id, since)) not in self._seen:
                    self._seen.add(key)
                    pause = timedelta(seconds=60 * 2000 ** self._rng.random())
                    self._server.after(pause, partial(self._help, run.id))

    def _help(self, identity: str) -> None:
        reference = identity.partition("/")[2]
        try:
            state: Amendment = self._server.query(identity, "state")
        except (NotFound, QueryFailed):
            return
        count = self._again[identity] = self._again.get(identity, 0) + 1
        last = self._last.get(reference)
        if state.status is not AmendStatus.NEEDS_ATTENTION or last is None or count > PATIENCE:
            return
        self._story.tell(f"{identity} waits for a person: {state.problem}")
        if _REST in state.problem:
            rest = Credit(credit=f"R{count}", by="seller", reason="the rest", whole=True)
            self._people.instruct(self._caller.credits(reference), "credit", rest)
            self._server.after(timedelta(hours=1), partial(self._amend_again, reference))
            return
        new = f"{state.makes}x" if _ANOTHER in state.problem else state.makes
        wording = 1 + count % 2
        lines = len(last.invoice.document.lines)
        given = {"reference": new, "document": document(lines, wording, _dearer(wording))}
        again = last.model_copy(update={"invoice": last.invoice.model_copy(update=given)})
        self._amend(reference, again)


def _new(request: InvoiceRequest, name: str) -> str:
    return f"{request.reference}.{name}"


def _dearer(wording: int) -> int:
    return 50 if wording == 2 else 0


def _wanted(request: InvoiceRequest, name: str, new: str, wording: int) -> Amend:
    lines = len(request.document.lines)
    given = {
        "reference": new,
        "document": document(lines, wording, _dearer(wording)),
        "hold": False,
        "send_on": None,
    }
    return Amend(
        amendment=name,
        by="seller",
        reason="it was wrong",
        invoice=request.model_copy(update=given),
    )

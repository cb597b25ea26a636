"""The provider's news on their way to us, the lists of workflows, and those who are told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from temporalio.exceptions import ApplicationError

from invoicing.credits.case import Looked, RequestedCall
from invoicing.provider import Event, Item, Subject
from invoicing.state import attributes
from invoicing.state.identity import EVENT_WORKFLOW, OWNER, event_id
from invoicing.state.invoice import Invoice
from invoicing.state.news import (
    AboutCall,
    AcknowledgeCall,
    Became,
    BecameCall,
    DeliverCall,
    EventInput,
    LocateCall,
    Located,
    LocatedAll,
    PollCall,
    Polled,
)
from invoicing.state.notice import Notice
from simulation.engine import ActivityCall, AlreadyStarted, Attempt, QueryFailed, Run, Server
from simulation.provider.account import SimulatedProvider
from simulation.provider.kinds import Kind
from simulation.provider.papers import ANNOUNCED
from simulation.wire import Story, Wire, failure

FEED_EVERY = timedelta(hours=8)


class SimulatedNews:
    """Events, feeds and notices of one account."""

    def __init__(
        self,
        server: Server,
        kind: Kind,
        provider: SimulatedProvider,
        wire: Wire,
        story: Story,
    ) -> None:
        self._server = server
        self._kind = kind
        self._provider = provider
        self._wire = wire
        self._story = story
        self.feed_every = FEED_EVERY
        self.posted: Callable[[Notice], None] = lambda _: None
        """Told of each notice that a subscriber has taken."""

    def about(self, given: AboutCall, call: ActivityCall) -> Attempt:
        """Whom an event is about, by the provider's names."""
        names = given.event.body.get("names")
        keys = tuple(str(name) for name in names) if isinstance(names, list) else ()
        return Attempt(
            after=timedelta(milliseconds=3),
            result=Subject(keys=keys, event=given.event, document=given.event.kind == ANNOUNCED),
        )

    def poll(self, given: PollCall, call: ActivityCall) -> Attempt:
        """What nobody has acknowledged."""
        if self._kind.news != "feed":
            return Attempt(result=Polled(interval=None))
        return self._wire.look("poll", self._polled)

    def _polled(self) -> Polled:
        items = tuple(
            Item(event=event, receipt={"id": event.id}) for event in self._provider.feed[:5]
        )
        more = len(self._provider.feed) > len(items)
        return Polled(items=items, more=more, interval=self.feed_every)

    def acknowledge(self, given: AcknowledgeCall, call: ActivityCall) -> Attempt:
        """Out of the feed it goes."""
        return self._wire.look("acknowledge", lambda: self._acknowledged(given.item.event))

    def _acknowledged(self, event: Event) -> None:
        self._provider.feed = [each for each in self._provider.feed if each.id != event.id]

    def locate(self, given: LocateCall, call: ActivityCall) -> Attempt:
        """Which workflows are listed under the first of these names that any is listed under."""
        last = (self._server.runs(identity)[-1] for identity in self._server.ids())
        runs = [(run, _names(run)) for run in last]
        found: tuple[Located, ...] = ()
        for key in given.keys:
            found = tuple(
                Located(
                    workflow_id=run.id,
                    running=run.status == "running",
                    cut_off=run.status == "terminated",
                    order=run.memo.get(OWNER),
                )
                for run, names in runs
                if key in names
            )
            if found:
                break
        return Attempt(after=timedelta(milliseconds=20), result=LocatedAll(workflows=found))

    def tell(self, event: EventInput) -> bool:
        """Have a workflow of its own deliver it; False where it has come before."""
        identity = event_id(event.provider, event.account, event.event.id)
        try:
            self._server.start(EVENT_WORKFLOW, event, id=identity, reuse="reject_duplicate")
        except AlreadyStarted:
            self._story.tell(f"{event.event.id} has come before")
            return False
        return True

    def deliver(self, given: DeliverCall, call: ActivityCall) -> Attempt:
        """A workflow for each of these events."""
        begun = sum(self.tell(each) for each in given.events)
        return Attempt(after=timedelta(milliseconds=20), result=begun)

    def claims(self, given: None, call: ActivityCall) -> Attempt:
        """Whether there is a register."""
        return Attempt(after=timedelta(milliseconds=5), result=self._provider.claims)

    def became(self, given: BecameCall, call: ActivityCall) -> Attempt:
        """What became of an invoice's workflow."""
        run = self._server.runs(given.workflow_id)[-1]
        return Attempt(after=timedelta(milliseconds=20), result=_became(run))

    def requested(self, given: RequestedCall, call: ActivityCall) -> Attempt:
        """What a credit must know of an invoice. It may be old when it arrives: one that is in no
        worker's memory is replayed first."""
        took = 2 * self._wire.took("requested", self._wire.begin("requested"))
        runs = self._server.runs(given.workflow_id)
        if not runs:
            return Attempt(after=took, result=Looked())
        if not runs[-1].tasks:
            if runs[-1].status == "terminated":
                return Attempt(after=took, result=Looked(cut_off=True))
            return failure("Unavailable", "no worker has seen it yet")
        try:
            invoice = self._server.query(given.workflow_id, "request")
        except QueryFailed:
            return Attempt(after=took, result=Looked())
        looked = Looked(
            running=runs[-1].status == "running",
            cut_off=runs[-1].status == "terminated",
            invoice=invoice,
            claims=self._provider.claims,
        )
        return Attempt(after=took, result=looked)

    def post(self, notice: Notice, call: ActivityCall) -> Attempt:
        """A subscriber that is sometimes away."""
        count = self._wire.begin("post")
        if count % 7 == 3:
            return failure("Unavailable", "the subscriber is away")
        self.posted(notice)
        return Attempt(after=timedelta(milliseconds=30))

    def handlers(self) -> dict[str, Callable[[Any, ActivityCall], Attempt]]:
        """Their activities by name."""
        return {
            "about": self.about,
            "poll": self.poll,
            "acknowledge": self.acknowledge,
            "locate": self.locate,
            "deliver": self.deliver,
            "claims": self.claims,
            "became": self.became,
            "requested": self.requested,
            "post": self.post,
        }


def _became(run: Run) -> Became:
    if run.status == "running":
        return Became(running=True)
    if run.status == "completed":
        invoice: Invoice = run.result
        return Became(running=False, invoice=invoice)
    failure = run.failure
    refused = isinstance(failure, ApplicationError) and failure.type in ("Rejected", "Unsupported")
    return Became(running=False, refused=refused, why=str(failure or run.status))


def _names(run: Run) -> tuple[str, ...]:
    found = run.search_attributes.get(attributes.KEYS.name, ())
    return tuple(found)

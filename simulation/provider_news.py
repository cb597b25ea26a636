"""The provider's news on their way to us, the lists of workflows, and those who are told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Protocol

from invoicing import attributes
from invoicing.news import (
    AboutCall,
    AcknowledgeCall,
    LocateCall,
    Located,
    LocatedAll,
    PollCall,
    Polled,
)
from invoicing.notice import Notice
from invoicing.provider import Event, Item, Subject
from simulation.engine import ActivityCall, Attempt, Run
from simulation.kinds import Kind
from simulation.providers import SimulatedProvider
from simulation.wire import Story, Wire, failure

FEED_EVERY = timedelta(hours=8)


class Lists(Protocol):
    """What is listed of our own workflows."""

    def last_runs(self) -> list[Run]:
        """The last run of every invoice and order."""
        ...


class SimulatedNews:
    """Events, feeds and notices of one account."""

    def __init__(
        self, kind: Kind, provider: SimulatedProvider, wire: Wire, story: Story, lists: Lists
    ) -> None:
        self._kind = kind
        self._provider = provider
        self._wire = wire
        self._story = story
        self._lists = lists
        self.posted: list[tuple[str, int, str]] = []
        """Who was told what: by run, sequence and status."""

    def about(self, given: AboutCall, call: ActivityCall) -> Attempt:
        """Whom an event is about, by the provider's names."""
        names = given.event.body.get("names")
        keys = tuple(str(name) for name in names) if isinstance(names, list) else ()
        return Attempt(
            after=timedelta(milliseconds=3), result=Subject(keys=keys, event=given.event)
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
        return Polled(items=items, more=more, interval=FEED_EVERY)

    def acknowledge(self, given: AcknowledgeCall, call: ActivityCall) -> Attempt:
        """Out of the feed it goes."""
        return self._wire.look("acknowledge", lambda: self._acknowledged(given.item.event))

    def _acknowledged(self, event: Event) -> None:
        self._provider.feed = [each for each in self._provider.feed if each.id != event.id]

    def locate(self, given: LocateCall, call: ActivityCall) -> Attempt:
        """Which workflows are listed under the first of these names that any is listed under."""
        runs = [(run, _names(run)) for run in self._lists.last_runs()]
        found: tuple[Located, ...] = ()
        for key in given.keys:
            found = tuple(
                Located(
                    workflow_id=run.id,
                    running=run.status == "running",
                    cut_off=run.status == "terminated",
                )
                for run, names in runs
                if key in names
            )
            if found:
                break
        return Attempt(after=timedelta(milliseconds=20), result=LocatedAll(workflows=found))

    def post(self, notice: Notice, call: ActivityCall) -> Attempt:
        """A subscriber that is sometimes away."""
        count = self._wire.begin("post")
        if count % 7 == 3:
            return failure("Unavailable", "the subscriber is away")
        self.posted.append((notice.id.rsplit("_", 1)[0], notice.sequence, notice.type))
        return Attempt(after=timedelta(milliseconds=30))

    def handlers(self) -> dict[str, Callable[[Any, ActivityCall], Attempt]]:
        """Their activities by name."""
        return {
            "about": self.about,
            "poll": self.poll,
            "acknowledge": self.acknowledge,
            "locate": self.locate,
            "post": self.post,
        }


def _names(run: Run) -> tuple[str, ...]:
    found = run.search_attributes.get(attributes.KEYS.name, ())
    return tuple(found)

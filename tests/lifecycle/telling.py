"""A provider that tells us things: its events, its feed, and the workflows that carry them."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from temporalio.client import WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy

from invoicing.provider import Batch, Event, Item, Subject
from invoicing.state.identity import FEED_WORKFLOW, TASK_QUEUE, feed_id
from invoicing.state.news import FeedInput
from tests.lifecycle.world import Company, Hurried, World

HURRY = 0.02
"""Of a real event's patience: it looks again after 40 ms at first, and gives up after an hour."""
HASTE = 0.0005
"""Where many calls in a row fail: the first is repeated after a millisecond."""


class Telling(Hurried):
    """An adaptor with a feed from memory. An event names its invoice by `subject`."""

    feed_interval = timedelta(milliseconds=100)

    def __init__(self, like: Hurried) -> None:
        super().__init__(like._settings, like._http, like.paces)
        self.feed: dict[str, Event] = {}
        self.polls = 0
        self.acknowledged: list[str] = []
        self.fails: list[Exception] = []
        self.before_acknowledging: Callable[[], None] = lambda: None

    async def about(self, event: Event) -> Subject:
        named = event.body.get("subject")
        return Subject(keys=(str(named),) if named else ())

    async def poll(self) -> Batch:
        self.polls += 1
        oldest = list(self.feed.values())[:2]
        items = tuple(Item(event=event, receipt={"id": event.id}) for event in oldest)
        return Batch(items=items, more=len(self.feed) > len(oldest))

    async def acknowledge(self, item: Item) -> None:
        self.before_acknowledging()
        if self.fails:
            raise self.fails.pop()
        self.acknowledged.append(item.event.id)
        self.feed.pop(str(item.receipt["id"]), None)


def talkative(world: World, company: Company) -> Telling:
    """From now on this company's adaptor has a feed."""
    made = Telling(company.adaptor)
    world.accounts["zero_friction"][company.account] = company.adaptor = made
    return made


def an_event(subject: str | None, identity: str = "") -> Event:
    return Event(id=identity or uuid.uuid4().hex, kind="payment", body={"subject": subject})


async def told(company: Company, event: Event, pace: float = HURRY) -> WorkflowHandle[Any, Any]:
    """The event's workflow, as whoever receives a webhook starts it."""
    return await company.client.events.tell("zero_friction", company.account, event, pace=pace)


async def polling(
    company: Company, provider: str = "zero_friction", pace: float = HURRY
) -> WorkflowHandle[Any, Any]:
    """The workflow that fetches this account's feed."""
    return await company.client.temporal.start_workflow(
        FEED_WORKFLOW,
        FeedInput(provider=provider, account=company.account, pace=pace),
        id=feed_id(provider, company.account),
        task_queue=TASK_QUEUE,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
    )

"""What a provider tells us unasked, on its way to the invoice it is about."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from invoicing.model import Recorded
from invoicing.provider import Event, Item, Pace
from invoicing.request import AccountName, ProviderName
from invoicing.state.invoice import Invoice, Problem, Waiting

EVENT_PACE = Pace(
    first=timedelta(seconds=2), factor=2, cap=timedelta(minutes=30), deadline=timedelta(days=2)
)
"""How long an event waits for its invoice to become known: a payment may be told of before the
invoice's own workflow has seen that it is final."""


class EventInput(Recorded):
    """The argument of the workflow that delivers one event. `pace` is less than 1 in tests."""

    provider: ProviderName
    account: AccountName = "default"
    event: Event
    pace: float = 1
    questions: int = 0
    """How many were asked in earlier runs; set by the workflow alone when it continues as new."""


class EventOutcome(StrEnum):
    """How an event ended."""

    DELIVERED = "delivered"
    LATE = "late"
    """Its invoice had ended: nobody waits for news any more."""
    IRRELEVANT = "irrelevant"
    """It is about no invoice and no order."""
    DROPPED = "dropped"
    """By a person, or because nobody came in time."""


class EventState(Recorded):
    """What the `state` query and the workflow's result are."""

    provider: str
    account: str
    event: str
    kind: str = ""
    names: tuple[str, ...] = ()
    """What its invoice or order is looked for by: the provider's names, the most telling first."""
    outcome: EventOutcome | None = None
    to: tuple[str, ...] = ()
    """The ids of the workflows that got it."""
    waiting: Waiting | None = None
    problem: Problem | None = None


class LocateCall(Recorded):
    """Input of `locate`: names as they are listed, the most telling first."""

    keys: tuple[str, ...]


class Located(Recorded):
    """A workflow that an event may be about."""

    workflow_id: str
    running: bool
    cut_off: bool = False
    """Ended from outside, in the middle: a successor that goes on with it will need the news."""
    order: str | None = None
    """The order's workflow, where it is a delivery's invoice."""


class LocatedAll(Recorded):
    """What `locate` answered: the last run of every workflow listed under the first name that any
    is."""

    workflows: tuple[Located, ...] = ()


class BecameCall(Recorded):
    """Input of `became`: a workflow of ours, by its id."""

    workflow_id: str


class Became(Recorded):
    """What became of an invoice's workflow: `invoice` where it ended by itself."""

    running: bool
    invoice: Invoice | None = None
    refused: bool = False
    """It was refused at once: nothing was asked of the provider."""
    why: str = ""


class DeliverCall(Recorded):
    """Input of `deliver`: events to be handed to workflows of their own."""

    events: tuple[EventInput, ...]


class AboutCall(Recorded):
    """Input of `about`."""

    account: str
    event: Event


class PollCall(Recorded):
    """Input of `poll`."""

    account: str


class Polled(Recorded):
    """What `poll` answered, and how long until the next one; None: there is to be none."""

    items: tuple[Item, ...] = ()
    more: bool = False
    interval: timedelta | None = None


class AcknowledgeCall(Recorded):
    """Input of `acknowledge`."""

    account: str
    item: Item


class FeedInput(Recorded):
    """The argument of the workflow that polls one account's feed."""

    provider: ProviderName
    account: AccountName = "default"
    pace: float = 1
    state: FeedState | None = None
    """Set by the workflow alone when it continues as new."""


class FeedState(Recorded):
    """What the `state` query of a feed returns."""

    polls: int = 0
    delivered: int = 0
    last_poll: datetime | None = None
    trouble: str = ""
    """Why the last call failed, if it did."""


FeedInput.model_rebuild()

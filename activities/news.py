"""What the workflows of events and feeds ask: the provider, and the lists of our own workflows."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

from temporalio import activity
from temporalio.client import (
    Client,
    WorkflowExecution,
    WorkflowExecutionStatus,
    WorkflowFailureError,
    WorkflowQueryFailedError,
)
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from activities.failures import as_failures
from activities.invoice import provider_of
from invoicing.credits.case import CreditsCase, Looked, RequestedCall
from invoicing.credits.credit import Requested
from invoicing.errors import Unsupported
from invoicing.provider import Accounts, Feeds, Notifies, Subject
from invoicing.state import attributes
from invoicing.state.identity import (
    EVENT_WORKFLOW,
    MONEY_WORKFLOW,
    ORDER_WORKFLOW,
    OWNER,
    TASK_QUEUE,
    WORKFLOW,
    event_id,
)
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
from invoicing.temporal.converter import Erased


class NewsActivities:
    """One provider's news.

    Args:
        accounts: this provider's adaptors by account name.
        pace: multiplies the interval of every feed; less than 1 in tests and demos.
    """

    def __init__(self, accounts: Accounts, *, pace: float = 1) -> None:
        self._accounts = accounts
        self._pace = pace

    def _feeds(self, account: str) -> Feeds:
        provider = provider_of(self._accounts, account)
        if not isinstance(provider, Feeds):
            raise Unsupported("this provider has no feed")
        return provider

    @activity.defn
    @as_failures
    async def about(self, call: AboutCall) -> Subject:
        """Which invoice or order an event is about; no call is made."""
        provider = provider_of(self._accounts, call.account)
        if not isinstance(provider, Notifies):
            raise Unsupported("this provider tells nothing unasked")
        return await provider.about(call.event)

    @activity.defn
    @as_failures
    async def poll(self, call: PollCall) -> Polled:
        """The oldest items of the feed that nobody has acknowledged."""
        feeds = self._feeds(call.account)
        interval = feeds.feed_interval
        if interval is None:
            return Polled(interval=None)
        batch = await feeds.poll()
        return Polled(items=batch.items, more=batch.more, interval=interval * self._pace)

    @activity.defn
    @as_failures
    async def acknowledge(self, call: AcknowledgeCall) -> None:
        """Take an item out of the feed; safe to repeat."""
        await self._feeds(call.account).acknowledge(call.item)

    def all(self) -> list[Callable[..., Any]]:
        """Every activity, for the worker of this provider's queue."""
        return [self.about, self.poll, self.acknowledge]


class Directory:
    """What a workflow asks about our own workflows: who is listed under a name, what became of one,
    and that others be begun. Lists are a moment behind.

    Args:
        client: to the server that they run on.
        claims: whether the workers here keep a register.
    """

    def __init__(self, client: Client, *, claims: bool = False) -> None:
        self._client = client
        self._claims = claims

    @activity.defn
    async def claims(self) -> bool:
        """Whether there is a register, for who has no plan to tell."""
        return self._claims

    @activity.defn
    @as_failures
    async def locate(self, call: LocateCall) -> LocatedAll:
        """The workflows listed under the first of these names that any is listed under."""
        for key in call.keys:
            if found := [one async for one in self._listed(key)]:
                return LocatedAll(workflows=tuple(found))
        return LocatedAll()

    @activity.defn
    @as_failures
    async def deliver(self, call: DeliverCall) -> int:
        """Have a workflow of its own deliver each of these events; how many were new. Safe to
        repeat: a workflow's id is its event's. Children would count against a feed's limit for as
        long as they wait for a person."""
        begun = [await self._begin(one) for one in call.events]
        return sum(begun)

    @activity.defn
    @as_failures
    async def became(self, call: BecameCall) -> Became:
        """What became of an invoice's workflow."""
        handle = self._client.get_workflow_handle(call.workflow_id, result_type=Invoice)
        last = await handle.describe()
        if last.status is WorkflowExecutionStatus.RUNNING:
            return Became(running=True)
        try:
            return Became(running=False, invoice=await handle.result())
        except WorkflowFailureError as error:
            cause = error.cause
            refused = isinstance(cause, ApplicationError) and cause.type in _REFUSED
            why = cause.message if isinstance(cause, ApplicationError) else type(cause).__name__
            return Became(running=False, refused=refused, why=why)

    @activity.defn
    @as_failures
    async def requested(self, call: RequestedCall) -> Looked:
        """What a credit must know of an invoice, running or ended."""
        looked = await self._earlier_runs() if call.first else Looked()
        handle = self._client.get_workflow_handle(call.workflow_id)
        try:
            last = await handle.describe()
            invoice = await handle.query("request", result_type=Requested)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return looked
            if error.status is RPCStatusCode.FAILED_PRECONDITION and last.status in _CUT_OFF:
                # It was ended before a worker had seen it, and will never answer.
                return looked.model_copy(update={"cut_off": True})
            raise
        except WorkflowQueryFailedError:
            # It ended on an input that nobody could read.
            return looked
        return looked.model_copy(
            update={
                "running": last.status is WorkflowExecutionStatus.RUNNING,
                "cut_off": last.status in _CUT_OFF,
                "invoice": invoice,
                "claims": self._claims,
            }
        )

    async def _earlier_runs(self) -> Looked:
        """What those of the ledger that asks have reserved. One that continued as new has handed on
        what it knew."""
        info = activity.info()
        mine, run = str(info.workflow_id), str(info.workflow_run_id)
        names: dict[str, str] = {}
        asked = 0
        query = f"WorkflowId = {attributes.quoted(mine)}"
        query += " AND ExecutionStatus != 'ContinuedAsNew'"
        async for each in self._client.list_workflows(query, limit=MOST_RUNS):
            if each.run_id == run:
                continue
            handle = self._client.get_workflow_handle(each.id, run_id=each.run_id)
            try:
                names |= (await handle.query("memory", result_type=CreditsCase)).known
                asked += 1
            except RPCError as error:
                # Gone, and still listed. Where it cannot be asked now, this is tried again.
                if error.status is not RPCStatusCode.NOT_FOUND:
                    raise
        return Looked(
            credited=tuple(names),
            unsure=not asked and await self._was_reset(mine, run),
            run=run,
        )

    async def _was_reset(self, identity: str, run: str) -> bool:
        handle = self._client.get_workflow_handle(identity, run_id=run)
        last = (await handle.describe()).raw_description
        return last.workflow_extended_info.HasField("last_reset_time")

    async def _begin(self, event: EventInput) -> bool:
        try:
            await self._client.start_workflow(
                EVENT_WORKFLOW,
                event,
                id=event_id(event.provider, event.account, event.event.id),
                task_queue=TASK_QUEUE,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                static_summary=f"{event.provider} · {event.event.kind or 'event'}",
            )
        except WorkflowAlreadyStartedError:
            return False
        return True

    async def _listed(self, key: str) -> AsyncIterator[Located]:
        query = (
            f"{attributes.KEYS.name} = {attributes.quoted(key)} "
            "AND ExecutionStatus != 'ContinuedAsNew' "
            f"AND WorkflowType IN ('{WORKFLOW}', '{ORDER_WORKFLOW}', '{MONEY_WORKFLOW}')"
        )
        last: set[str] = set()
        async for each in self._client.list_workflows(query, limit=MOST_LISTED):
            # Of one workflow's runs the one under way is listed first, then the last to end.
            if each.id not in last:
                last.add(each.id)
                yield Located(
                    workflow_id=each.id,
                    running=each.status is WorkflowExecutionStatus.RUNNING,
                    cut_off=each.status in _CUT_OFF,
                    order=await _owner(each),
                )

    def all(self) -> list[Callable[..., Any]]:
        """Every activity, for the worker of the workflows' queue."""
        return [self.claims, self.locate, self.deliver, self.became, self.requested]


async def _owner(listed: WorkflowExecution) -> str | None:
    """Whose delivery or credit it is; of what was erased nobody knows."""
    try:
        owner: str | None = await listed.memo_value(OWNER, default=None, type_hint=str)
    except ApplicationError as error:
        if error.type != Erased.__name__:
            raise
        return None
    return owner


MOST_RUNS = 6
"""Of a ledger, which are asked what they knew: each but those that were reset, or begun without
memory, has handed it on to the next."""

MOST_LISTED = 1000
"""Workflows of one name that are looked through: an order of a thousand deliveries has as many."""

_CUT_OFF = (WorkflowExecutionStatus.TERMINATED, WorkflowExecutionStatus.TIMED_OUT)
_REFUSED = ("Rejected", "Denied", "Unsupported")

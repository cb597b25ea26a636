"""One account's feed, fetched once per interval for all invoices that wait for it."""

from __future__ import annotations

import contextlib
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import (
    ActivityError,
    WorkflowAlreadyStartedError,
    is_cancelled_exception,
)
from temporalio.workflow import ParentClosePolicy

from workflows.event import EventWorkflow

with workflow.unsafe.imports_passed_through():
    from activities.news import NewsActivities
    from invoicing import attributes
    from invoicing.identity import event_id, provider_queue
    from invoicing.news import (
        AcknowledgeCall,
        EventInput,
        FeedInput,
        FeedState,
        PollCall,
        Polled,
    )
    from invoicing.provider import Item

CALL = timedelta(minutes=5)
PATIENCE = timedelta(hours=1)
"""After this long without an answer the trouble is shown, and the next attempt begins."""

PAUSE = timedelta(minutes=1)
LONGEST = timedelta(minutes=10)


@workflow.defn
class FeedWorkflow:
    """poll → start a workflow per event → acknowledge → sleep.

    An item is acknowledged only once the workflow that delivers it exists. Whatever stops us
    between the two, the item comes again and finds that workflow by its id.
    """

    @workflow.init
    def __init__(self, start: FeedInput) -> None:
        self._start = start
        self._state = start.state or FeedState()
        self._woken = False

    @workflow.run
    async def run(self, start: FeedInput) -> None:
        """For as long as the account has a feed; Temporal's own Cancel ends it sooner."""
        while True:
            polled = await self._poll()
            if polled.interval is None:
                return
            for item in polled.items:
                await self._deliver(item)
            if not polled.more:
                await self._rest(polled.interval)

    @workflow.query(description="How often it was fetched, how much came, what is wrong.")
    def state(self) -> FeedState:
        """The feed as it is now."""
        return self._state

    @workflow.signal(description="Fetch now rather than at the end of the interval.")
    def fetch_now(self) -> None:
        """Wake it."""
        self._woken = True

    async def _poll(self) -> Polled:
        call = PollCall(account=self._start.account)
        while True:
            # Here, so that a feed which cannot be fetched for days does not outgrow its history.
            self._continue_as_new_if_long()
            try:
                polled: Polled = await self._ask(NewsActivities.poll, call, "fetch the feed")
            except ActivityError as error:
                await self._trouble(error, "fetch")
            else:
                self._note(polls=self._state.polls + 1, last_poll=workflow.now(), trouble="")
                return polled

    async def _deliver(self, item: Item) -> None:
        """Have it delivered, then take it out of the feed; the other way round it could be lost."""
        await self._hand_over(item)
        call = AcknowledgeCall(account=self._start.account, item=item)
        try:
            await self._ask(NewsActivities.acknowledge, call, "acknowledge")
        except ActivityError as error:
            # It will come again, and be recognised.
            await self._trouble(error, "acknowledge")

    async def _hand_over(self, item: Item) -> None:
        start = self._start
        with_id = event_id(start.provider, start.account, item.event.id)
        try:
            await workflow.start_child_workflow(
                EventWorkflow.run,
                EventInput(
                    provider=start.provider,
                    account=start.account,
                    event=item.event,
                    pace=start.pace,
                ),
                id=with_id,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                parent_close_policy=ParentClosePolicy.ABANDON,
                static_summary=f"{start.provider} · {item.event.kind or 'event'}",
            )
        except WorkflowAlreadyStartedError:
            return
        self._note(delivered=self._state.delivered + 1)

    async def _rest(self, interval: timedelta) -> None:
        with contextlib.suppress(TimeoutError):
            await workflow.wait_condition(
                lambda: self._woken, timeout=interval, timeout_summary="until the next fetch"
            )
        self._woken = False

    async def _ask(self, verb: object, call: object, summary: str) -> Polled:
        result: Polled = await workflow.execute_activity_method(
            verb,  # type: ignore[call-overload]
            call,
            task_queue=provider_queue(self._start.provider),
            summary=summary,
            start_to_close_timeout=CALL,
            schedule_to_close_timeout=PATIENCE,
            retry_policy=RetryPolicy(
                initial_interval=timedelta(seconds=2) * self._start.pace,
                maximum_interval=LONGEST * self._start.pace,
            ),
        )
        return result

    def _continue_as_new_if_long(self) -> None:
        if workflow.info().is_continue_as_new_suggested():
            workflow.continue_as_new(self._start.model_copy(update={"state": self._state}))

    async def _trouble(self, error: ActivityError, what: str) -> None:
        if is_cancelled_exception(error):
            raise error
        cause = getattr(error.cause, "message", "") or "no answer came in time"
        self._note(trouble=f"{what}: {cause}")
        self._list()
        workflow.set_current_details(f"### Trouble: {what}\n\n{cause}")
        await workflow.sleep(PAUSE * self._start.pace, summary="after trouble with the feed")

    def _list(self) -> None:
        """Let lists show a feed in trouble, as long as it is."""
        status, waits = attributes.STATUS, attributes.WAITING_FOR
        since = attributes.WAITING_SINCE
        listed = workflow.info().typed_search_attributes.get(status) is not None
        if self._state.trouble and not listed:
            workflow.upsert_search_attributes(
                [
                    attributes.PROVIDER.value_set(self._start.provider),
                    status.value_set("needs_attention"),
                    waits.value_set("provider: its feed"),
                    since.value_set(workflow.now()),
                ]
            )
        elif listed and not self._state.trouble:
            workflow.upsert_search_attributes(
                [status.value_unset(), waits.value_unset(), since.value_unset()]
            )

    def _note(self, **update: object) -> None:
        self._state = self._state.model_copy(update=update)
        if not self._state.trouble:
            self._list()
            workflow.set_current_details(
                f"{self._state.polls} fetches, {self._state.delivered} events delivered"
            )

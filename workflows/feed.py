"""One account's feed, fetched once per interval for all invoices that wait for it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, is_cancelled_exception

from workflows.kit.instructions import of_no_input
from workflows.kit.lifetime import is_long, listed

with workflow.unsafe.imports_passed_through():
    from activities.news import Directory, NewsActivities
    from invoicing.provider import Item
    from invoicing.state import attributes
    from invoicing.state.bounds import ENTRY_CHARACTERS
    from invoicing.state.identity import provider_queue
    from invoicing.state.news import (
        AcknowledgeCall,
        DeliverCall,
        EventInput,
        FeedInput,
        FeedState,
        PollCall,
        Polled,
    )

CALL = timedelta(minutes=5)
PATIENCE = timedelta(hours=1)
"""After this long without an answer the trouble is shown, and the next attempt begins."""

AT_ONCE = 50
"""Events that one activity hands over: together they stay far below the engine's 2 MiB."""

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
            await self._hand_over(polled.items)
            for item in polled.items:
                # What is left comes again with the next fetch, and is recognised.
                self._continue_as_new_if_long()
                await self._acknowledge(item)
            if not polled.more:
                await self._rest(polled.interval)

    @workflow.query(description="How often it was fetched, how much came, what is wrong.")
    def state(self) -> FeedState:
        """The feed as it is now."""
        return self._state

    @workflow.signal(description="Fetch now rather than at the end of the interval.")
    @of_no_input
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

    async def _hand_over(self, items: tuple[Item, ...]) -> None:
        """Have all of them delivered before anything is waited for: one that is unclear, or of
        which there are very many, holds up no other."""
        start = self._start
        events = [
            EventInput(
                provider=start.provider, account=start.account, event=item.event, pace=start.pace
            )
            for item in items
        ]
        for some in _in_parts(events):
            self._note(delivered=self._state.delivered + await self._begun(some))

    async def _begun(self, events: tuple[EventInput, ...]) -> int:
        while True:
            try:
                begun: int = await workflow.execute_activity_method(
                    Directory.deliver,
                    DeliverCall(events=events),
                    summary=f"hand over {len(events)} events",
                    start_to_close_timeout=CALL,
                    schedule_to_close_timeout=PATIENCE,
                    retry_policy=RetryPolicy(maximum_interval=timedelta(minutes=1)),
                )
            except ActivityError as error:
                await self._trouble(error, "hand over")
            else:
                return begun

    async def _acknowledge(self, item: Item) -> None:
        """Take it out of the feed, now that it is delivered; the other way round it could be
        lost."""
        call = AcknowledgeCall(account=self._start.account, item=item)
        try:
            await self._ask(NewsActivities.acknowledge, call, "acknowledge")
        except ActivityError as error:
            # It will come again, and be recognised.
            await self._trouble(error, "acknowledge")

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
        if is_long():
            again = self._start.model_copy(update={"state": self._state})
            workflow.continue_as_new(again, search_attributes=listed())

    async def _trouble(self, error: ActivityError, what: str) -> None:
        if is_cancelled_exception(error):
            raise error
        cause = getattr(error.cause, "message", "") or "no answer came in time"
        self._note(trouble=f"{what}: {cause}"[:ENTRY_CHARACTERS])
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


def _in_parts(events: list[EventInput]) -> Iterator[tuple[EventInput, ...]]:
    for first in range(0, len(events), AT_ONCE):
        yield tuple(events[first : first + AT_ONCE])

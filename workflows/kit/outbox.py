"""What an invoice or an order has to tell its subscriber, on its way to the workflow that posts."""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import FailureError, WorkflowAlreadyStartedError
from temporalio.workflow import ParentClosePolicy

from workflows.kit.recorder import Recorder
from workflows.notices import DETAILS, NoticesWorkflow

with workflow.unsafe.imports_passed_through():
    from invoicing.errors import FieldProblem
    from invoicing.provider import Pace
    from invoicing.state.identity import MONEY_PREFIX, notices_id, workflow_id
    from invoicing.state.invoice import Invoice
    from invoicing.state.memory import Memory
    from invoicing.state.notice import FIELD, NoticesInput, is_of_money, news, notice
    from invoicing.state.order import Order


class Outbox:
    """What a workflow has to tell its subscriber. It is handed over in order by a task of its own,
    so that no step waits for it and Temporal's own Cancel does not interrupt it.

    The register is told by the same news. Without a subscriber and a register nothing of this
    leaves a trace in the workflow's history.
    """

    def __init__(self, subscriber: str | None, memory: Memory, recorder: Recorder) -> None:
        self._subscriber = subscriber
        self._recorder = recorder
        self._memory = memory
        self._waiting: deque[NoticesInput] = deque()
        self._work: asyncio.Task[None] | None = None
        self._posting: workflow.ChildWorkflowHandle[Any, Any] | None = None

    def tell(self, state: Invoice | Order, pace: Pace) -> None:
        """Have the subscriber and the register told, if this is news; what somebody has said is
        recorded also where it changed nothing."""
        self._recorder.go_on()
        anybody = self._subscriber is not None or self._recorder.listens
        before, told = self._memory.told, news(state)
        if not anybody or told == before:
            return
        self._memory.told = told
        money = is_of_money(told, before)
        if self._subscriber is not None:
            self._tell(self._subscriber, state, pace, money=money)
        if money:
            # What moved stands in the journal: it goes with the row.
            self._recorder.go_on()
        else:
            self._recorder.tell(state.status)

    def _tell(self, subscriber: str, state: Invoice | Order, pace: Pace, *, money: bool) -> None:
        memory = self._memory
        memory.notices += 1
        run, now = workflow.info().run_id, workflow.now()
        told = notice(state, run, memory.notices, now, money=money)
        start = NoticesInput(subscriber=subscriber, pace=pace, waiting=(told,))
        self._waiting.append(start)
        if self.is_empty:
            self._work = asyncio.create_task(self._hand_over())

    def close_if_unknown(self, refused: Iterable[FieldProblem]) -> None:
        """Tell nothing where the subscriber is what was refused: nobody knows where it is."""
        if any(each.field == FIELD for each in refused):
            self.close()

    def close(self) -> None:
        """Tell the subscriber nothing from now on."""
        self._subscriber = None

    @property
    def is_empty(self) -> bool:
        """Whether everything that was told is in the engine's hands."""
        return self._work is None or self._work.done()

    async def empty(self) -> None:
        """Wait until everything is handed over, through a cancel, too. No subscriber is awaited."""
        while not self.is_empty:
            try:
                await workflow.wait_condition(lambda: self.is_empty)
            except asyncio.CancelledError:
                if workflow.cancellation_reason() is None:
                    raise
        if self._work:
            self._work.result()

    async def _hand_over(self) -> None:
        while self._waiting:
            await self._hand(self._waiting[0])
            self._waiting.popleft()

    async def _hand(self, start: NoticesInput) -> None:
        identity = notices_id(start.subscriber, _about())
        for turn in itertools.count(1):
            if await self._begun(identity, start) or await self._signalled(identity, start):
                return
            if turn > 1:
                # Its history has room for no more signals before it continues as new.
                await workflow.sleep(timedelta(seconds=min(turn, 60)), summary="its notices")

    async def _begun(self, identity: str, start: NoticesInput) -> bool:
        """Whether a workflow was started with it; not where one runs, as far as we know."""
        if self._posting and not self._posting.done():
            return False
        try:
            self._posting = await workflow.start_child_workflow(
                NoticesWorkflow.run,
                start,
                id=identity,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                # An invoice that ends leaves its last notices to arrive when they can.
                parent_close_policy=ParentClosePolicy.ABANDON,
                static_summary=f"{start.subscriber} · notices",
                static_details=DETAILS,
            )
        except WorkflowAlreadyStartedError:
            return False
        self._posting.add_done_callback(looked_at)
        return True

    async def _signalled(self, identity: str, start: NoticesInput) -> bool:
        """Whether the workflow that runs took it; one that has just ended does not."""
        handle = workflow.get_external_workflow_handle(identity)
        try:
            await handle.signal("tell", start.waiting[0])
        except FailureError:
            self._posting = None
            return False
        return True


def _about() -> str:
    """The workflow by which its notices are posted. What hears of money goes on where the invoice
    has stopped: two that post would put them in disorder."""
    identity = workflow.info().workflow_id
    if identity.startswith(MONEY_PREFIX):
        return workflow_id(identity.removeprefix(MONEY_PREFIX))
    return identity


def looked_at(child: asyncio.Future[Any]) -> None:
    """A child's failure is its own; one that nobody looks at is reported as forgotten."""
    if not child.cancelled():
        child.exception()

"""One reconciliation of one account."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, is_cancelled_exception

from workflows.kit.lifetime import is_long
from workflows.kit.listing import Listing
from workflows.notices import NoticesWorkflow

with workflow.unsafe.imports_passed_through():
    from activities.invoice import InvoiceActivities
    from activities.reconciling import ElsewhereActivities, ListActivities, ReconcilingActivities
    from invoicing.books.claims import REGISTER_QUEUE
    from invoicing.books.reconciling import (
        COMPARE,
        DAYS,
        AccountCall,
        Elsewhere,
        FinishCall,
        PageCall,
        Progress,
        Reconciled,
        ReconcileInput,
        RestCall,
        Scope,
        SettleCall,
        Suspects,
        of_findings,
    )
    from invoicing.provider import ReadCall, Target
    from invoicing.provider.listing import ListCall
    from invoicing.state import attributes
    from invoicing.state.identity import notices_id, provider_queue
    from invoicing.state.invoice import AWAY, Waiting
    from invoicing.state.notice import NoticesInput

CALL = timedelta(minutes=2)
PATIENCE = timedelta(hours=6)
"""How long a provider or the register may be away. After that a list counts as broken off."""

SILENT = CALL
"""After so long without an answer it says whom it waits for: no try of a call takes longer."""

MOST_PAGES = 10_000
"""Of one list: what goes on beyond it counts as broken off."""


@workflow.defn
class ReconciliationWorkflow:
    """list → compare → read the suspects → finish. Nothing is changed at the provider, and nothing
    about an invoice; everything found is in the register, so a run carries but where it is."""

    @workflow.init
    def __init__(self, start: ReconcileInput) -> None:
        self._start = start
        self._progress = start.progress or Progress(scope=_scope(start))
        self._listing = Listing()

    @workflow.run
    async def run(self, start: ReconcileInput) -> Reconciled:
        """As far as the provider lets it; what could not be seen is said in the result."""
        while not self._progress.listed:
            self._continue_as_new_if_long()
            await self._page()
        if not self._progress.compared:
            await self._rest()
        while targets := (await self._suspects()).targets:
            for target in targets:
                await self._look(target)
            self._continue_as_new_if_long()
        return await self._finish()

    @workflow.query(description="How far it has got.")
    def state(self) -> Progress:
        """As it is now."""
        return self._progress

    # Steps

    async def _page(self) -> None:
        now, scope = self._progress, self._progress.scope
        call = ListCall(account=scope.account, since=scope.since, cursor=now.cursor)
        try:
            page = await self._ask(ListActivities.list_page, call, f"page {now.pages + 1}")
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            self._note(pages=now.pages + 1, listed=True, complete=False)
            return
        if page.items:
            found = PageCall(scope=scope, items=page.items)
            await self._tell(ReconcilingActivities.compare_page, found, "compare the page")
        pages = now.pages + page.lists
        more = page.cursor is not None and pages < MOST_PAGES
        broken = not page.complete or (page.cursor is not None and not more)
        self._note(
            pages=pages,
            lists=page.lists,
            cursor=page.cursor if more else None,
            listed=not more,
            complete=now.complete and not broken,
        )

    async def _rest(self) -> None:
        scope = self._progress.scope
        told: Elsewhere = await workflow.execute_activity_method(
            ElsewhereActivities.elsewhere,
            AccountCall(provider=scope.provider, account=scope.account),
            summary="what Temporal's lists say",
            start_to_close_timeout=CALL,
            retry_policy=RetryPolicy(maximum_interval=timedelta(minutes=1)),
        )
        self._note(told_all=told.complete)
        call = RestCall(
            scope=scope, whole=self._whole, cut_off=told.cut_off, unplaced=told.unplaced
        )
        await self._tell(ReconcilingActivities.compare_rest, call, "compare the rest")
        self._note(compared=True)

    async def _suspects(self) -> Suspects:
        scope = self._progress.scope
        found: Suspects = await self._tell(ReconcilingActivities.suspects, scope, "what to read")
        return found

    async def _look(self, target: Target) -> None:
        """One that could not be read is not said to be wrong, nor to be right."""
        snapshot = None
        try:
            snapshot = await self._ask(InvoiceActivities.read, ReadCall(target=target), "read")
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            self._note(complete=False)
        self._note(reads=self._progress.reads + 1)
        told = SettleCall(
            scope=self._progress.scope, provider_id=target.provider_id or "", snapshot=snapshot
        )
        await self._tell(ReconcilingActivities.settle, told, "settle")

    async def _finish(self) -> Reconciled:
        now = self._progress
        call = FinishCall(
            scope=now.scope,
            whole=self._whole,
            told_all=now.told_all,
            pages=now.pages,
            reads=now.reads,
        )
        done: Reconciled = await self._tell(ReconcilingActivities.finish, call, "finish")
        if done.new:
            await self._tell_somebody(done)
        return done

    async def _tell_somebody(self, done: Reconciled) -> None:
        """Have it posted, for as long as that takes, by a workflow that outlives this one."""
        subscriber: str | None = await workflow.execute_activity_method(
            ReconcilingActivities.who_is_told,
            task_queue=REGISTER_QUEUE,
            summary="who is told",
            start_to_close_timeout=CALL,
            retry_policy=RetryPolicy(maximum_interval=timedelta(minutes=1)),
        )
        if subscriber is None:
            return
        info = workflow.info()
        notice = of_findings(done, info.run_id, workflow.now())
        await workflow.start_child_workflow(
            NoticesWorkflow.run,
            NoticesInput(subscriber=subscriber, waiting=(notice,)),
            # One for each run: one that is still posted stands in nobody's way.
            id=notices_id(subscriber, f"{info.workflow_id}/{info.run_id}"),
            parent_close_policy=workflow.ParentClosePolicy.ABANDON,
            static_summary=f"{subscriber} · findings",
        )

    # What they share

    @property
    def _whole(self) -> bool:
        return self._progress.lists and self._progress.complete

    def _note(self, **update: object) -> None:
        self._progress = now = self._progress.model_copy(update=update)
        whose = [(attributes.PROVIDER, self._start.provider)] if now.waiting else []
        self._listing.show(whose, now.waiting, f"{now.pages} pages, {now.reads} looks")

    def _continue_as_new_if_long(self) -> None:
        if is_long():
            again = self._start.model_copy(update={"progress": self._progress})
            workflow.continue_as_new(again)

    async def _ask(self, verb: Any, call: object, summary: str) -> Any:
        """The provider, as often as it takes within PATIENCE; all of it is harmless."""
        asked = workflow.start_activity_method(
            verb,
            call,
            task_queue=provider_queue(self._start.provider),
            summary=summary,
            start_to_close_timeout=CALL,
            schedule_to_close_timeout=PATIENCE,
            retry_policy=RetryPolicy(
                initial_interval=timedelta(seconds=2), maximum_interval=timedelta(minutes=10)
            ),
        )
        now = workflow.now()
        wait = Waiting(on="provider", what=AWAY, since=now, until=now + PATIENCE)
        return await self._answer(asked, wait)

    async def _tell(self, verb: Any, call: object, summary: str) -> Any:
        """The register, for as long as it takes."""
        told = workflow.start_activity_method(
            verb,
            call,
            task_queue=REGISTER_QUEUE,
            summary=summary,
            start_to_close_timeout=CALL,
            retry_policy=RetryPolicy(maximum_interval=timedelta(minutes=1)),
        )
        return await self._answer(told, Waiting(on="register", what=COMPARE, since=workflow.now()))

    async def _answer(self, call: workflow.ActivityHandle[Any], waiting: Waiting) -> Any:
        """What a call is answered. It is shown where that takes long: nobody serves the queue, or
        every try fails."""
        try:
            await workflow.wait_condition(call.done, timeout=SILENT, timeout_summary="an answer")
        except TimeoutError:
            self._note(waiting=waiting)
        # Not in a `finally`: where this instance is evicted, nothing can be shown.
        try:
            answered = await call
        except ActivityError:
            self._wait_no_more()
            raise
        self._wait_no_more()
        return answered

    def _wait_no_more(self) -> None:
        if self._progress.waiting:
            self._note(waiting=None)


def _scope(start: ReconcileInput) -> Scope:
    now = workflow.now()
    until = start.until or (now - timedelta(days=1)).date()
    return Scope(
        run=workflow.info().first_execution_run_id,
        provider=start.provider,
        account=start.account,
        since=start.since or until - timedelta(days=DAYS - 1),
        until=until,
        began=now,
        grace=start.grace,
    )

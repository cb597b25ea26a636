"""The room of invoices: ask for one, follow it, instruct it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from datetime import date
from uuid import uuid4

from temporalio.client import Client, WorkflowFailureError, WorkflowQueryFailedError

from invoicing.client.shared import (
    Failed,
    news,
    page_of,
    raise_if_it_failed,
    raise_if_it_never_began,
)
from invoicing.client.starting import Starting
from invoicing.errors import CutOff, NotFound, NoWorker
from invoicing.preview import PREVIEW_TIMEOUT, PREVIEW_WORKFLOW, Preview
from invoicing.request import InvoiceRequest
from invoicing.state import attributes
from invoicing.state.bounds import refuse_too_large
from invoicing.state.identity import WORKFLOW, money_id, workflow_id
from invoicing.state.invoice import (
    AFTER_THE_END,
    Cancel,
    Hold,
    Invoice,
    Journal,
    Problem,
    Release,
    Resolve,
    Status,
)
from invoicing.temporal import engine, lists
from invoicing.temporal.asking import (
    Execution,
    accepted,
    answer,
    ask,
    cut_off,
    known,
    queried,
    raise_if_cut_off,
)
from invoicing.temporal.lists import CutOffWord, Listed, Page
from invoicing.temporal.stuck import stuck as standing_still


class Invoices:
    """Asks for invoices and follows them; `client.invoices`."""

    def __init__(self, temporal: Client, task_queue: str) -> None:
        self.temporal = temporal
        self.task_queue = task_queue
        self._starting = Starting(temporal, task_queue)

    @engine.stored
    async def start(
        self, request: InvoiceRequest, mark: str = "", *, proven: str = ""
    ) -> Execution:
        """Have this invoice made. Asked again, it is the same invoice, running or finished.

        A reference whose last run ended with nothing final at the provider begins anew, with other
        content only where that run left nothing there at all. So does one whose last run was cut
        off: its successor goes on with the invoice that it finds there.

        `proven` is who asks, where the caller has proven that: it goes into the journal. A run that
        this very call begins has `mark` in its memo.

        Raises:
            ReferenceInUse: the reference stands for other content; it says what differs.
            Refused: it is the invoice of an order's delivery; only its order begins it.
            InvalidRequest: it says what our own workflows alone say of what they begin.
            TooLarge: the request cannot be stored; it says how large it may be.
        """
        return await self._starting.start(request, mark, proven=proven)

    @engine.stored
    async def begins(self, request: InvoiceRequest) -> bool:
        """Whether `start` would make an invoice anew, and not find this one made or under way.

        Begins nothing. Raises ReferenceInUse and Refused, as `start` would, and NotFound where
        nobody has asked for this reference.
        """
        return await self._starting.begins(request)

    def handle(self, reference: str) -> Execution:
        """The workflow behind a reference, for everything Temporal itself offers."""
        return self.temporal.get_workflow_handle(workflow_id(reference), result_type=Invoice)

    @engine.told
    async def result(self, reference: str) -> Invoice:
        """Wait until the invoice has ended, and return it.

        Its workflow may go on after that for a while, to look for what a lost create does late, or
        until the register has written everything down.
        Raises:
            NotFound: nobody asked for it.
            Failed: it was refused or it expired; `fields` says what was wrong.
            CutOff: the server or a person ended its run in the middle; it says what to do.
        """
        handle = self.handle(reference)
        closed = asyncio.ensure_future(handle.result())
        try:
            while not (await asyncio.wait({closed}, timeout=_BETWEEN_LOOKS))[0]:
                if await _only_looks_back(handle):
                    return _ended_well(await self.state(reference))
            result: Invoice = await known(reference, closed)
        except WorkflowFailureError as error:
            raise_if_it_failed(reference, error)
            raise_if_cut_off(reference, handle, error)
            return _ended_well(await self.state(reference))
        finally:
            closed.cancel()
        return _ended_well(result)

    @engine.told
    async def start_and_wait(self, request: InvoiceRequest) -> Invoice:
        """Have this invoice made, and wait for its end. Raises as `start` and `result` do."""
        await self.start(request)
        return await self.result(request.reference)

    @engine.told
    async def state(self, reference: str) -> Invoice:
        """Where the invoice is. What hears of its money says it, too, when Temporal has forgotten
        the invoice's own workflow.

        Raises:
            NotFound: nobody asked for it.
            Failed: no worker could read its request; the sentence names what is wrong with it.
        """
        try:
            state = await queried(reference, self.handle(reference), "state", Invoice)
        except NotFound:
            return await queried(reference, self.hearing(reference), "state", Invoice)
        except WorkflowQueryFailedError:
            await raise_if_it_never_began(reference, self.handle(reference))
            raise
        if state.ended and state.balance is not None:
            with contextlib.suppress(NotFound):
                later = await queried(reference, self.hearing(reference), "state", Invoice)
                # One that was made again under its reference has money of its own.
                return later if later.provider_id == state.provider_id else state
        return state

    def hearing(self, reference: str) -> Execution:
        """The workflow that hears of its money after its end."""
        return self.temporal.get_workflow_handle(money_id(reference))

    @engine.told
    async def journal(self, reference: str) -> Journal:
        """What happened to the invoice, to its money after its end, too. Raises NotFound."""
        state = await self.state(reference)
        if state.ended and state.balance is not None:
            with contextlib.suppress(NotFound):
                return await queried(reference, self.hearing(reference), "journal", Journal)
        return await queried(reference, self.handle(reference), "journal", Journal)

    @engine.stored_each
    async def list(
        self,
        *,
        provider: str | None = None,
        status: Status | CutOffWord | None = None,
        waiting_for: str | None = None,
        due_before: date | None = None,
        overdue_on: date | None = None,
        prefix: str | None = None,
        running: bool = False,
        stuck: bool = False,
        limit: int | None = None,
    ) -> AsyncGenerator[Listed, None]:
        """Invoices by what lists know of them, the latest first.

        `waiting_for` is whom (`person`, `provider`), for what (`amounts_differ`), or both as they
        are shown (`person: amounts_differ`). `prefix` is how the reference begins; `running` leaves
        out what has ended, and `stuck` all but what stands still (see `invoicing.temporal.stuck`),
        be it what hears of an invoice's money after its end.
        `overdue_on`: final, due before that day and not paid in full, of those that are under way
        or whose money is still heard of.
        """
        query = lists.query(
            WORKFLOW,
            provider=provider,
            status=status,
            waiting_for=waiting_for,
            due_before=due_before,
            overdue_on=overdue_on,
            prefix=prefix,
            running=running,
            with_money=stuck,
        )
        found = (
            standing_still(self.temporal, query, limit)
            if stuck
            else self.temporal.list_workflows(query, limit=limit)
        )
        async for execution in found:
            yield lists.listed(execution)

    @engine.stored
    async def page(
        self,
        *,
        provider: str | None = None,
        status: Status | CutOffWord | None = None,
        waiting_for: str | None = None,
        size: int = 50,
        after: bytes | None = None,
    ) -> Page:
        """A part of what `list` gives, for callers who ask for the next one later."""
        query = lists.query(WORKFLOW, provider=provider, status=status, waiting_for=waiting_for)
        return await page_of(self.temporal, query, size, after)

    @engine.stored
    async def listed(self, reference: str) -> Listed:
        """The last run as lists show it, but up to date; needs no worker. Raises NotFound."""
        return lists.listed(await known(reference, self.handle(reference).describe()))

    @engine.stored_each
    async def changes(self, reference: str) -> AsyncGenerator[Invoice, None]:
        """The invoice as it is now, and again whenever it has changed, until it has ended.

        One more look at the provider that shows nothing new is no change. The last one says
        `ended`; its workflow may go on looking for late effects. Raises NotFound, and CutOff after
        the last one that there was.
        """
        shown: Invoice | None = None
        async for _ in news(reference, self.handle(reference)):
            state = await self.state(reference)
            if shown is None or _without_turn(state) != _without_turn(shown):
                yield state
            if state.ended:
                return
            shown = state
        if cut := await self.cut_off(reference):
            raise cut

    @engine.stored
    async def cut_off(self, reference: str) -> CutOff | None:
        """The error for a caller that waits for it, where its run was ended from outside; needs no
        worker. Raises NotFound."""
        return await cut_off(reference, self.handle(reference))

    # An instruction with a `key` is carried out once, however often it comes with the same key:
    # the first outcome is given again. One that was refused is not remembered.

    @engine.told
    async def hold(self, reference: str, order: Hold, *, key: str | None = None) -> Invoice:
        """Stop before the next irreversible step. Raises NotFound, Refused."""
        return await self._update(reference, "hold", order, key)

    @engine.told
    async def release(self, reference: str, order: Release, *, key: str | None = None) -> Invoice:
        """Let a held invoice go on. Raises NotFound, Refused."""
        return await self._update(reference, "release", order, key)

    @engine.told
    async def resolve(self, reference: str, said: Resolve, *, key: str | None = None) -> Invoice:
        """Answer the question that is open.

        Raises NotFound, TooLarge, and Refused with the question that is open instead.
        """

        async def problem() -> Problem | None:
            return (await self.state(reference)).problem

        return await answer(
            said.question, lambda: self._update(reference, "resolve", said, key), problem
        )

    @engine.told
    async def cancel(self, reference: str, order: Cancel, *, key: str | None = None) -> Invoice:
        """Take the invoice back. Raises NotFound, Refused."""
        return await self._update(reference, "cancel", order, key)

    @engine.told
    async def preview(self, request: InvoiceRequest) -> Preview:
        """What would become of this request, found out without creating anything.

        Raises TooLarge, and NoWorker when none answers in time.
        """
        refuse_too_large(request)
        with accepted(request.reference):
            handle = await self.temporal.start_workflow(
                PREVIEW_WORKFLOW,
                request,
                id=f"preview/{request.reference}/{uuid4()}",
                task_queue=self.task_queue,
                result_type=Preview,
                execution_timeout=PREVIEW_TIMEOUT,
                static_summary=f"{request.provider} · preview, creates nothing",
            )
        try:
            result: Preview = await handle.result()
        except WorkflowFailureError as error:
            raise_if_it_failed(request.reference, error)
            raise NoWorker(
                f"{request.reference}: no worker for {request.provider} answered in time; nothing "
                "was created"
            ) from None
        return result

    async def _update(
        self,
        reference: str,
        name: str,
        order: Hold | Release | Resolve | Cancel,
        key: str | None,
    ) -> Invoice:
        handle = self.handle(reference)
        result: Invoice = await ask(reference, handle, name, order, Invoice, key)
        return result


_BETWEEN_LOOKS = 15
"""Seconds after which whoever waits for a result asks the lists whether it has come already."""


async def _only_looks_back(handle: Execution) -> bool:
    """Whether it has ended, and its workflow only waits for what may take effect late, or for the
    register."""
    last = await handle.describe()
    return last.typed_search_attributes.get(attributes.WAITING_FOR) in AFTER_THE_END


def _without_turn(state: Invoice) -> Invoice:
    waiting = state.waiting and state.waiting.model_copy(update={"turn": 0})
    return state.model_copy(update={"waiting": waiting})


def _ended_well(state: Invoice) -> Invoice:
    """The same, if it ended as anything but a failure. Its status says so at once; its workflow
    fails only when it closes, which what comes after the end may put off. Raises Failed."""
    if state.ended and state.status in (Status.REJECTED, Status.EXPIRED):
        why = state.problem.what if state.problem else "nobody came in time"
        fields = state.problem.fields if state.problem else ()
        raise Failed(f"{state.reference}: {why}", fields)
    return state

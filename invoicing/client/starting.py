"""How an invoice begins, or begins anew after a life that left nothing final."""

from __future__ import annotations

from datetime import UTC, datetime

from temporalio.client import Client, WorkflowExecutionDescription, WorkflowExecutionStatus
from temporalio.common import Priority, WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from invoicing.client.shared import Asked, asked_for, marks, same
from invoicing.provider import Stage
from invoicing.request import InvoiceRequest, refuse_set_by_us
from invoicing.state import attributes
from invoicing.state.bounds import refuse_too_large
from invoicing.state.case import InvoiceInput
from invoicing.state.doubt import UNKNOWN_CONTENT
from invoicing.state.identity import (
    DETAILS,
    MEMO,
    OWNER,
    WORKFLOW,
    content,
    search_attributes,
    share,
    summary,
    workflow_id,
)
from invoicing.state.invoice import Invoice, Status
from invoicing.state.lives import Earlier, was_carried_out
from invoicing.temporal.asking import Execution, Refused, accepted, known
from invoicing.temporal.lists import CUT_OFF_BY


class Starting:
    """Begins invoices, each once by its reference."""

    def __init__(self, temporal: Client, task_queue: str) -> None:
        self.temporal = temporal
        self.task_queue = task_queue

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
        refuse_set_by_us(request)
        refuse_too_large(request)
        asked = Asked(proven, mark)
        try:
            return await self._start(request, WorkflowIDReusePolicy.REJECT_DUPLICATE, asked)
        except WorkflowAlreadyStartedError:
            handle = self._handle(request.reference)
        last = await handle.describe()
        if not await self._begins_anew(handle, last, request):
            return handle
        earlier = await self._earlier(handle, last, request)
        return await self._start(request, WorkflowIDReusePolicy.ALLOW_DUPLICATE, asked, earlier)

    async def begins(self, request: InvoiceRequest) -> bool:
        """Whether `start` would have it made now, and not find it made or under way already. Raises
        ReferenceInUse and Refused, as `start` would, and NotFound where nobody has asked for it."""
        handle = self._handle(request.reference)
        last = await known(request.reference, handle.describe())
        return await self._begins_anew(handle, last, request)

    async def _begins_anew(
        self, handle: Execution, last: WorkflowExecutionDescription, request: InvoiceRequest
    ) -> bool:
        await _refuse_if_owned(request.reference, last)
        left_nothing_final = _left_nothing_final(last)
        if not (left_nothing_final and await self._left_nothing(last)):
            # What it left is gone on with as it is, so it must be what is asked for now.
            await same(self.temporal, handle, request)
        return left_nothing_final or last.status in CUT_OFF_BY

    async def _earlier(
        self, handle: Execution, last: WorkflowExecutionDescription, request: InvoiceRequest
    ) -> Earlier:
        """What a successor must know of the lives before it: all that they may have asked for."""
        memo = await last.memo()
        asked = memo.get(MEMO) or await asked_for(self.temporal, handle, request)
        return Earlier.of(
            memo,
            content(asked) if asked else UNKNOWN_CONTENT,
            last.close_time or datetime.now(UTC),
            unfinished=_is_unfinished(last),
        )

    async def _left_nothing(self, last: WorkflowExecutionDescription) -> bool:
        """Whether the last run, which ended by itself, left no draft behind either."""
        status = last.typed_search_attributes.get(attributes.STATUS)
        if status != Status.ABANDONED:
            return status != Status.EXPIRED
        if last.status in CUT_OFF_BY:
            # Nobody can read what it left: it told its subscriber when it was cut off.
            return False
        handle = self.temporal.get_workflow_handle(last.id, run_id=last.run_id, result_type=Invoice)
        invoice: Invoice = await handle.result()
        there = invoice.provider_id is not None and invoice.stage is not Stage.DELETED
        return not (there or invoice.in_doubt)

    async def _start(
        self,
        request: InvoiceRequest,
        reuse: WorkflowIDReusePolicy,
        asked: Asked,
        earlier: Earlier | None = None,
    ) -> Execution:
        fields = {name: getattr(request, name) for name in InvoiceRequest.model_fields}
        before = earlier.memo if earlier else {}
        told = await marks(request)
        with accepted(request.reference):
            handle = await self.temporal.start_workflow(
                WORKFLOW,
                InvoiceInput.model_construct(**fields, earlier=earlier, proven=asked.proven),
                id=workflow_id(request.reference),
                task_queue=self.task_queue,
                result_type=Invoice,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                id_reuse_policy=reuse,
                memo={MEMO: told, **before, **asked.memo},
                search_attributes=search_attributes(request),
                static_summary=summary(request),
                static_details=DETAILS,
                priority=Priority(fairness_key=share(request.account, asked.proven)),
            )
        return await same(self.temporal, handle, request)

    def _handle(self, reference: str) -> Execution:
        return self.temporal.get_workflow_handle(workflow_id(reference), result_type=Invoice)


def _is_unfinished(last: WorkflowExecutionDescription) -> bool:
    status = last.typed_search_attributes.get(attributes.STATUS)
    cut_off = last.status in (*CUT_OFF_BY, WorkflowExecutionStatus.FAILED)
    return cut_off and not was_carried_out(status)


async def _refuse_if_owned(reference: str, last: WorkflowExecutionDescription) -> None:
    """An order's ledger says on which invoice a line is; begun beside it, it would be on two."""
    if owner := (await last.memo()).get(OWNER):
        raise Refused(f"{reference}: it belongs to {owner}: only that begins it")


def _left_nothing_final(last: WorkflowExecutionDescription) -> bool:
    """Whether the last run ended by itself and knew of no invoice with a number."""
    failed = last.status is WorkflowExecutionStatus.FAILED
    status = last.typed_search_attributes.get(attributes.STATUS)
    ended = failed or status in (Status.CANCELLED, Status.ABANDONED)
    return ended and not last.typed_search_attributes.get(attributes.NUMBER)

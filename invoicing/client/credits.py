"""The room of credits: take an invoice back, in parts or as a whole."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncGenerator, Awaitable, Mapping
from typing import Any

from temporalio.client import Client, WithStartWorkflowOperation, WorkflowUpdateFailedError
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from invoicing.client.shared import remembered
from invoicing.credits.case import Credits, CreditsCase, CreditsInput, CreditsStatus, CreditState
from invoicing.credits.credit import Credit, Requested
from invoicing.credits.document import opening
from invoicing.errors import InvalidRequest, NotFound
from invoicing.state.bounds import refuse_instruction
from invoicing.state.identity import (
    CREDITS_WORKFLOW,
    DETAILS,
    MEMO,
    credits_attributes,
    credits_id,
    workflow_id,
)
from invoicing.state.invoice import Journal, Problem, Resolve
from invoicing.temporal import engine, lists
from invoicing.temporal.asking import (
    Execution,
    Refused,
    accepted,
    answer,
    ask,
    cut_off,
    known,
    queried,
)
from invoicing.temporal.lists import Listed

_TURNS = 5
"""So often an invoice's credits are begun again for one credit: each time they ended meanwhile."""


class CreditsRoom:
    """Credits invoices, and shows what is left of them; `client.credits`."""

    def __init__(self, temporal: Client, task_queue: str) -> None:
        self.temporal = temporal
        self.task_queue = task_queue

    @engine.told
    async def make(self, reference: str, wanted: Credit) -> CreditState:
        """Credit what is left of an invoice, or a part of it; running or long ended.

        The same name again is the same credit. Its note is an invoice of its own, by the reference
        that the answer gives: `state`, `result`, `resolve` and the others take it.
        Raises NotFound where nobody asked for the invoice, Refused with what is left, TooLarge.
        """
        refuse_instruction(wanted)
        memo = {MEMO: await self._account_of(reference)}
        handle = self.handle(reference)
        for turn in range(_TURNS):
            try:
                return await self._credit(handle, CreditsInput(reference=reference), wanted, memo)
            except RPCError as error:
                if error.status is not RPCStatusCode.RESOURCE_EXHAUSTED or turn == _TURNS - 1:
                    raise
                # The server takes ten updates of one workflow at a time.
                await asyncio.sleep(0.5 * 2**turn * (0.5 + random.random()))  # noqa: S311
                continue
            except WorkflowAlreadyStartedError:
                # Its ledger has ended, or was cut off: it is begun again with all that it knew.
                kept = CreditsInput(reference=reference, resumed=await self._kept(handle))
            with contextlib.suppress(WorkflowAlreadyStartedError):
                await self._begin_credits(handle, kept, memo)
        raise Refused(f"{reference}: its credits end again and again: ask later")

    async def _account_of(self, reference: str) -> dict[str, str]:
        """At whose account the invoice is, as its memo has it: whose it is, is whose its credits
        are. Raises NotFound where nobody asked for it: nothing is begun for a slip of the pen.
        The ledger of an invoice that Temporal has forgotten knows it as well."""
        try:
            last = await known(reference, self._invoice(reference).describe())
        except NotFound:
            last = await known(reference, self.handle(reference).describe())
        asked: Mapping[str, str] = (await last.memo()).get(MEMO) or {}
        return {part: asked[part] for part in ("provider", "account") if part in asked}

    async def _credit(
        self, handle: Execution, start: CreditsInput, wanted: Credit, memo: Mapping[str, Any]
    ) -> CreditState:
        reference = start.reference
        begin: WithStartWorkflowOperation[Any, Any] = WithStartWorkflowOperation(
            CREDITS_WORKFLOW,
            start,
            id=handle.id,
            task_queue=self.task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            memo=memo,
            search_attributes=credits_attributes(reference),
            static_summary="credits",
            static_details=DETAILS,
        )
        try:
            with accepted(reference):
                told: CreditState = await self.temporal.execute_update_with_start_workflow(
                    "credit", wanted, start_workflow_operation=begin, result_type=CreditState
                )
        except WorkflowUpdateFailedError as error:
            why = error.cause
            said = why.message if isinstance(why, ApplicationError) else str(why)
            raise Refused(f"{reference}: {said}") from error
        return told

    async def _begin_credits(
        self, handle: Execution, start: CreditsInput, memo: Mapping[str, Any]
    ) -> None:
        await self.temporal.start_workflow(
            CREDITS_WORKFLOW,
            start,
            id=handle.id,
            task_queue=self.task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            memo=memo,
            search_attributes=credits_attributes(start.reference),
            static_summary="credits",
            static_details=DETAILS,
        )

    async def _kept(self, handle: Execution) -> CreditsCase | None:
        """What the last run of an invoice's credits remembered."""
        kept = await remembered(self.temporal, handle, CreditsCase, CreditsInput)
        return kept.resumed if isinstance(kept, CreditsInput) else kept

    def handle(self, reference: str) -> Execution:
        """The workflow behind an invoice's credits, for everything Temporal itself offers."""
        return self.temporal.get_workflow_handle(credits_id(reference), result_type=Credits)

    def _invoice(self, reference: str) -> Execution:
        return self.temporal.get_workflow_handle(workflow_id(reference))

    @engine.told
    async def state(self, reference: str) -> Credits:
        """What is left to credit of an invoice, and every credit. Raises NotFound where nobody has
        credited anything of it."""
        return await queried(reference, self.handle(reference), "state", Credits)

    @engine.told
    async def overview(self, reference: str) -> Credits:
        """The same also where nobody has credited anything yet: then all of it is left, or
        `not_creditable` says why nothing is. Raises NotFound where nobody asked for the invoice."""
        try:
            begun = await self.state(reference)
        except NotFound:
            return await self._opening(reference)
        if begun.left is not None:
            return begun
        # Nothing that was asked for could be credited then. It may be final by now.
        try:
            now = await self._opening(reference)
        except NotFound:
            return begun
        return begun.model_copy(
            update={"left": now.left, "number": now.number, "not_creditable": now.not_creditable}
        )

    async def _opening(self, reference: str) -> Credits:
        """Those of an invoice of which nothing is credited. Raises NotFound."""
        handle = self._invoice(reference)
        invoice = await queried(reference, handle, "request", Requested)
        none = Credits(
            reference=reference, number=invoice.invoice.number, status=CreditsStatus.NONE
        )
        if ended := await cut_off(reference, handle):
            return none.model_copy(update={"not_creditable": str(ended)})
        try:
            return none.model_copy(update={"left": opening(invoice).left})
        except InvalidRequest as error:
            return none.model_copy(update={"not_creditable": str(error)})

    @engine.stored_each
    async def list(
        self,
        *,
        provider: str | None = None,
        status: CreditsStatus | lists.CutOffWord | None = None,
        running: bool = False,
        limit: int | None = None,
    ) -> AsyncGenerator[Listed, None]:
        """Invoices that were credited, by what lists know of their credits, the latest first."""
        query = lists.query(CREDITS_WORKFLOW, provider=provider, status=status, running=running)
        async for execution in self.temporal.list_workflows(query, limit=limit):
            yield lists.listed(execution)

    @engine.told
    async def journal(self, reference: str) -> Journal:
        """What happened to the credits of an invoice. Raises NotFound."""
        return await queried(reference, self.handle(reference), "journal", Journal)

    @engine.told
    async def resolve(self, reference: str, said: Resolve, *, key: str | None = None) -> Credits:
        """Say whether a credit stands. Raises as `resolve` does."""
        handle = self.handle(reference)

        async def problem() -> Problem | None:
            return (await self.state(reference)).problem

        def give() -> Awaitable[Credits]:
            return ask(reference, handle, "resolve", said, Credits, key)

        return await answer(said.question, give, problem)

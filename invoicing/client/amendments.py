"""The room of amendments: an invoice credited, and made again as another one."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncGenerator, Mapping
from typing import Any

from temporalio.client import (
    Client,
    WithStartWorkflowOperation,
    WorkflowFailureError,
    WorkflowUpdateFailedError,
)
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from invoicing.client.shared import news, remembered
from invoicing.credits.amend import (
    Amend,
    AmendCase,
    AmendInput,
    Amendment,
    AmendStatus,
    refuse_amendment,
)
from invoicing.errors import NotFound
from invoicing.state.identity import (
    AMEND_WORKFLOW,
    DETAILS,
    MEMO,
    amend_id,
    credits_attributes,
    workflow_id,
)
from invoicing.state.invoice import Journal
from invoicing.temporal import engine, lists
from invoicing.temporal.asking import (
    Execution,
    Refused,
    accepted,
    cut_off,
    known,
    queried,
    raise_if_cut_off,
)
from invoicing.temporal.lists import Listed

_TURNS = 5
"""So often an amendment is begun again for one call: each time it ended meanwhile."""


class Amendments:
    """Amends final invoices; `client.amendments`."""

    def __init__(self, temporal: Client, task_queue: str) -> None:
        self.temporal = temporal
        self.task_queue = task_queue

    @engine.told
    async def make(self, reference: str, wanted: Amend) -> Amendment:
        """Credit what is left of a final invoice, running or long ended, and then have
        `wanted.invoice` made in its place.

        The same name again is the same amendment: it goes on where it stopped, and never credits or
        makes anything twice. Other content under its name is taken where the invoice is credited
        and the new one could not be made, or where nothing was done.
        Raises NotFound where nobody asked for the invoice, InvalidRequest, Refused, TooLarge.
        """
        refuse_amendment(reference, wanted)
        memo = {MEMO: await self._account_of(reference)}
        handle, begin = self.handle(reference), AmendInput(reference=reference, wanted=wanted)
        for turn in range(_TURNS):
            try:
                return await self._ask(handle, begin, wanted, memo)
            except RPCError as error:
                if error.status is not RPCStatusCode.RESOURCE_EXHAUSTED or turn == _TURNS - 1:
                    raise
                # The server takes ten updates of one workflow at a time.
                await asyncio.sleep(0.5 * 2**turn * (0.5 + random.random()))  # noqa: S311
                continue
            except WorkflowAlreadyStartedError:
                kept = await self._kept(handle)
            if not kept.left_nothing and (why := kept.why_not(wanted)):
                raise Refused(f"{reference}: {why}")
            if kept.outcome is AmendStatus.AMENDED:
                return kept.shown(reference)
            with contextlib.suppress(WorkflowAlreadyStartedError):
                await self._begin_again(handle, _next(reference, kept, wanted), memo)
        raise Refused(f"{reference}: its amendment ends again and again: ask later")

    async def _account_of(self, reference: str) -> dict[str, str]:
        """At whose account the invoice is: whose it is, is whose its amendment is. The amendment of
        an invoice that Temporal has forgotten knows it as well."""
        invoice = self.temporal.get_workflow_handle(workflow_id(reference))
        try:
            last = await known(reference, invoice.describe())
        except NotFound:
            last = await known(reference, self.handle(reference).describe())
        asked: Mapping[str, str] = (await last.memo()).get(MEMO) or {}
        return {part: asked[part] for part in ("provider", "account") if part in asked}

    async def _ask(
        self, handle: Execution, start: AmendInput, wanted: Amend, memo: Mapping[str, Any]
    ) -> Amendment:
        begin: WithStartWorkflowOperation[Any, Any] = WithStartWorkflowOperation(
            AMEND_WORKFLOW,
            start,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            **self._how(handle, start.reference, memo),
        )
        try:
            with accepted(start.reference):
                told: Amendment = await self.temporal.execute_update_with_start_workflow(
                    "amend", wanted, start_workflow_operation=begin, result_type=Amendment
                )
        except WorkflowUpdateFailedError as error:
            why = error.cause
            said = why.message if isinstance(why, ApplicationError) else str(why)
            raise Refused(f"{start.reference}: {said}") from error
        return told

    async def _begin_again(
        self, handle: Execution, start: AmendInput, memo: Mapping[str, Any]
    ) -> None:
        await self.temporal.start_workflow(
            AMEND_WORKFLOW,
            start,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            **self._how(handle, start.reference, memo),
        )

    def _how(self, handle: Execution, reference: str, memo: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "id": handle.id,
            "task_queue": self.task_queue,
            "id_conflict_policy": WorkflowIDConflictPolicy.USE_EXISTING,
            "memo": memo,
            "search_attributes": credits_attributes(reference),
            "static_summary": "amendment",
            "static_details": DETAILS,
        }

    async def _kept(self, handle: Execution) -> AmendCase:
        """What the last run remembered."""
        kept = await remembered(self.temporal, handle, AmendCase, AmendInput)
        if isinstance(kept, AmendCase):
            return kept
        if kept is not None and kept.resumed is not None:
            return kept.resumed
        if kept is None or kept.wanted is None:
            raise NotFound(handle.id)
        return AmendCase(wanted=kept.wanted)

    def handle(self, reference: str) -> Execution:
        """The workflow behind an invoice's amendment, for everything Temporal itself offers."""
        return self.temporal.get_workflow_handle(amend_id(reference), result_type=Amendment)

    @engine.told
    async def state(self, reference: str) -> Amendment:
        """How far the amendment of an invoice is. Raises NotFound where nobody has amended it."""
        return await queried(reference, self.handle(reference), "state", Amendment)

    @engine.told
    async def result(self, reference: str) -> Amendment:
        """Wait for the end of the amendment, and return it: `status` says which.

        Raises NotFound where nobody has amended it, CutOff.
        """
        handle = self.handle(reference)
        try:
            result: Amendment = await known(reference, handle.result())
        except WorkflowFailureError as error:
            raise_if_cut_off(reference, handle, error)
            raise
        return result

    @engine.stored_each
    async def changes(self, reference: str) -> AsyncGenerator[Amendment, None]:
        """The amendment as it is now, and again whenever its workflow has done something, until it
        has ended. Raises NotFound, and CutOff after the last one that there was."""
        handle = self.handle(reference)
        async for _ in news(reference, handle):
            state = await self.state(reference)
            yield state
            if state.ended:
                return
        if cut := await cut_off(reference, handle):
            raise cut

    @engine.told
    async def journal(self, reference: str) -> Journal:
        """What happened in the amendment of an invoice, and who wanted it. Raises NotFound."""
        return await queried(reference, self.handle(reference), "journal", Journal)

    @engine.stored_each
    async def list(
        self,
        *,
        provider: str | None = None,
        status: AmendStatus | lists.CutOffWord | None = None,
        running: bool = False,
        limit: int | None = None,
    ) -> AsyncGenerator[Listed, None]:
        """Invoices that were amended, by what lists know of their amendments, the latest first."""
        query = lists.query(AMEND_WORKFLOW, provider=provider, status=status, running=running)
        async for execution in self.temporal.list_workflows(query, limit=limit):
            yield lists.listed(execution)


def _next(reference: str, kept: AmendCase, wanted: Amend) -> AmendInput:
    """What it is begun again with: with all that it knew, unless nothing had come of it."""
    if kept.left_nothing:
        return AmendInput(reference=reference, wanted=wanted)
    if kept.stopped:
        kept.go_on(wanted)
    return AmendInput(reference=reference, resumed=kept)

"""A workflow that stands beside an invoice, and is asked by an update that begins it where it does
not run: its credits, its amendment."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from temporalio.client import Client, WithStartWorkflowOperation, WorkflowUpdateFailedError
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from invoicing.errors import NotFound
from invoicing.state.identity import DETAILS, MEMO, credits_attributes, workflow_id
from invoicing.temporal.asking import Execution, Refused, accepted, known

Start = TypeVar("Start")
Answer = TypeVar("Answer")

TURNS = 5
"""So often it is begun again for one call: each time it ended meanwhile."""


@dataclass(frozen=True)
class Beside(Generic[Answer]):
    """One kind of such a workflow.

    workflow: its type. update: what it is asked by; `answer` is the type of what that answers.
    summary: as the Web UI shows it. ends: what it does when it ends, in the words of a refusal.
    """

    temporal: Client
    task_queue: str
    workflow: str
    update: str
    answer: type[Answer]
    summary: str
    ends: str

    async def asked(
        self,
        reference: str,
        handle: Execution,
        start: Start,
        wanted: object,
        again: Callable[[], Awaitable[Start | Answer]],
    ) -> Answer:
        """What it answers to `wanted`; it begins with `start` where it never ran.

        Where it has ended, or was cut off, `again` says with what it is begun again, or what there
        is to answer. Raises Refused, and NotFound where nobody asked for the invoice.
        """
        memo = {MEMO: await self._account_of(reference, handle)}
        for turn in range(TURNS):
            try:
                return await self._ask(reference, handle, start, wanted, memo)
            except RPCError as error:
                if error.status is not RPCStatusCode.RESOURCE_EXHAUSTED or turn == TURNS - 1:
                    raise
                # The server takes ten updates of one workflow at a time.
                await asyncio.sleep(0.5 * 2**turn * (0.5 + random.random()))  # noqa: S311
                continue
            except WorkflowAlreadyStartedError:
                kept = await again()
            if isinstance(kept, self.answer):
                return kept
            with contextlib.suppress(WorkflowAlreadyStartedError):
                await self.temporal.start_workflow(
                    self.workflow,
                    kept,
                    id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                    **self._how(reference, handle, memo),
                )
        raise Refused(f"{reference}: {self.ends} again and again: ask later")

    async def _account_of(self, reference: str, handle: Execution) -> dict[str, str]:
        """At whose account the invoice is, as its memo has it: whose it is, is whose this is.
        Raises NotFound where nobody asked for it: nothing is begun for a slip of the pen. What
        stands beside an invoice that Temporal has forgotten knows it as well."""
        invoice = self.temporal.get_workflow_handle(workflow_id(reference))
        try:
            last = await known(reference, invoice.describe())
        except NotFound:
            last = await known(reference, handle.describe())
        asked: Mapping[str, str] = (await last.memo()).get(MEMO) or {}
        return {part: asked[part] for part in ("provider", "account") if part in asked}

    async def _ask(
        self,
        reference: str,
        handle: Execution,
        start: object,
        wanted: object,
        memo: Mapping[str, Any],
    ) -> Answer:
        begin: WithStartWorkflowOperation[Any, Any] = WithStartWorkflowOperation(
            self.workflow,
            start,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            **self._how(reference, handle, memo),
        )
        try:
            with accepted(reference):
                told: Answer = await self.temporal.execute_update_with_start_workflow(
                    self.update, wanted, start_workflow_operation=begin, result_type=self.answer
                )
        except WorkflowUpdateFailedError as error:
            why = error.cause
            said = why.message if isinstance(why, ApplicationError) else str(why)
            raise Refused(f"{reference}: {said}") from error
        return told

    def _how(self, reference: str, handle: Execution, memo: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "id": handle.id,
            "task_queue": self.task_queue,
            "id_conflict_policy": WorkflowIDConflictPolicy.USE_EXISTING,
            "memo": memo,
            "search_attributes": credits_attributes(reference),
            "static_summary": self.summary,
            "static_details": DETAILS,
        }

"""The room of credits: take an invoice back, in parts or as a whole."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable

from temporalio.client import Client

from invoicing.client.beside import Beside
from invoicing.client.shared import remembered
from invoicing.credits.case import Credits, CreditsCase, CreditsInput, CreditsStatus, CreditState
from invoicing.credits.credit import Credit, Requested
from invoicing.credits.document import opening
from invoicing.errors import InvalidRequest, NotFound
from invoicing.state.bounds import refuse_instruction
from invoicing.state.identity import (
    CREDITS_WORKFLOW,
    credits_id,
    workflow_id,
)
from invoicing.state.invoice import Journal, Problem, Resolve
from invoicing.temporal import engine, lists
from invoicing.temporal.asking import (
    Execution,
    answer,
    ask,
    cut_off,
    queried,
)
from invoicing.temporal.lists import Listed


class CreditsRoom:
    """Credits invoices, and shows what is left of them; `client.credits`."""

    def __init__(self, temporal: Client, task_queue: str) -> None:
        self.temporal = temporal
        self.task_queue = task_queue
        self._beside = Beside(
            temporal=temporal,
            task_queue=task_queue,
            workflow=CREDITS_WORKFLOW,
            update="credit",
            answer=CreditState,
            summary="credits",
            ends="its credits end",
        )

    @engine.told
    async def make(self, reference: str, wanted: Credit) -> CreditState:
        """Credit what is left of an invoice, or a part of it; running or long ended.

        The same name again is the same credit. Its note is an invoice of its own, by the reference
        that the answer gives: `state`, `result`, `resolve` and the others take it.
        Raises NotFound where nobody asked for the invoice, Refused with what is left, TooLarge.
        """
        engine.refuse_no_text(reference)
        refuse_instruction(wanted)
        handle = self.handle(reference)

        async def again() -> CreditsInput:
            # Its ledger has ended, or was cut off: it is begun again with all that it knew.
            return CreditsInput(reference=reference, resumed=await self._kept(handle))

        begin = CreditsInput(reference=reference)
        return await self._beside.asked(reference, handle, begin, wanted, again)

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
        if begun.left is not None or begun.not_creditable:
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

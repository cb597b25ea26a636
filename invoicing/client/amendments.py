"""The room of amendments: an invoice credited, and made again as another one."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from temporalio.client import (
    Client,
    WorkflowFailureError,
)

from invoicing.client.beside import Beside
from invoicing.client.shared import news, remembered
from invoicing.credits.amend import (
    Amend,
    AmendCase,
    AmendInput,
    Amendment,
    AmendStatus,
    begun_again,
    refuse_amendment,
)
from invoicing.errors import NotFound
from invoicing.state.identity import (
    AMEND_WORKFLOW,
    amend_id,
)
from invoicing.state.invoice import Journal
from invoicing.temporal import engine, lists
from invoicing.temporal.asking import (
    Execution,
    Refused,
    cut_off,
    known,
    queried,
    raise_if_cut_off,
)
from invoicing.temporal.lists import Listed


class Amendments:
    """Amends final invoices; `client.amendments`."""

    def __init__(self, temporal: Client, task_queue: str) -> None:
        self.temporal = temporal
        self.task_queue = task_queue
        self._beside = Beside(
            temporal=temporal,
            task_queue=task_queue,
            workflow=AMEND_WORKFLOW,
            update="amend",
            answer=Amendment,
            summary="amendment",
            ends="its amendment ends",
        )

    @engine.told
    async def make(self, reference: str, wanted: Amend) -> Amendment:
        """Credit what is left of a final invoice, running or long ended, and then have
        `wanted.invoice` made in its place.

        The same name again is the same amendment: it goes on where it stopped, and never credits or
        makes anything twice. Other content under its name is taken where the invoice is credited
        and the new one could not be made, or where nothing was done.
        Raises NotFound where nobody asked for the invoice, InvalidRequest, Refused, TooLarge.
        """
        engine.refuse_no_text(reference)
        refuse_amendment(reference, wanted)
        handle = self.handle(reference)

        async def again() -> AmendInput | Amendment:
            kept = await self._kept(handle)
            if not kept.left_nothing and (why := kept.why_not(wanted)):
                raise Refused(f"{reference}: {why}")
            if kept.outcome is AmendStatus.AMENDED:
                return kept.shown(reference)
            return begun_again(reference, kept, wanted)

        begin = AmendInput(reference=reference, wanted=wanted)
        return await self._beside.asked(reference, handle, begin, wanted, again)

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

"""The room of the books: what was invoiced, for years, and how it compares with the providers'."""

from __future__ import annotations

from collections.abc import AsyncIterator

from temporalio.client import Client, WorkflowExecutionStatus, WorkflowFailureError
from temporalio.common import WorkflowIDConflictPolicy

from invoicing.asking import Execution, known, queried
from invoicing.booked import Booked, Page, Total, Wanted
from invoicing.client.shared import Failed
from invoicing.errors import InvoicingError
from invoicing.identity import RECONCILIATION_WORKFLOW, reconciliation_id
from invoicing.reconciling import (
    Close,
    Found,
    FoundPage,
    Progress,
    Reconciled,
    ReconcileInput,
    Reconciliation,
    Sought,
)

AT_ONCE = 200
"""Findings that `every` fetches in one go."""


class NoRegister(InvoicingError):
    """This client was given no register: it can have accounts reconciled, and read nothing."""

    def __init__(self) -> None:
        super().__init__(
            "this client has no register: give it one as `register`, or ask a gateway that has "
            "INVOICING_REGISTER_AT"
        )


class BooksRoom:
    """Reads the register, closes what was found, has accounts reconciled; `client.books`.

    Whatever reads or closes raises NoRegister where the client has none, and Unavailable.
    """

    def __init__(self, temporal: Client, task_queue: str, register: Booked | None) -> None:
        self.temporal = temporal
        self.task_queue = task_queue
        self._register = register

    # What was invoiced

    async def page(self, wanted: Wanted, limit: int = AT_ONCE, after: str | None = None) -> Page:
        """Invoices with their amounts, the latest first. Raises BadCursor."""
        return await self._books.page(wanted, limit, after)

    async def totals(self, wanted: Wanted) -> tuple[Total, ...]:
        """What all that fit come to, by currency."""
        return await self._books.totals(wanted)

    # What was found

    async def findings(
        self, sought: Sought | None = None, limit: int = AT_ONCE, after: str | None = None
    ) -> FoundPage:
        """What reconciliations have found, the oldest first. Raises BadCursor."""
        return await self._books.findings(sought or Sought(), limit, after)

    async def every(self, sought: Sought | None = None) -> AsyncIterator[Found]:
        """All of it, a page at a time."""
        after, more = None, True
        while more:
            page = await self.findings(sought, AT_ONCE, after)
            for one in page.rows:
                yield one
            after = page.next
            more = after is not None

    async def close(self, finding: str, said: Close, among: Sought | None = None) -> Found:
        """Say that a finding is dealt with, and why; if it is `among` these. Raises NoFinding."""
        return await self._books.close_finding(finding, said, among or Sought())

    # What is compared

    async def reconcile(self, start: ReconcileInput) -> Reconciled:
        """Hold an account against the register now, and wait for what that comes to. Where one of
        this account is under way, it is waited for. Raises Failed where it was ended."""
        handle = await self.begin(start)
        try:
            done: Reconciled = await handle.result()
        except WorkflowFailureError as error:
            raise Failed(f"{handle.id}: it was ended before it was done") from error
        return done

    async def begin(self, start: ReconcileInput) -> Execution:
        """The same, without waiting."""
        return await self.temporal.start_workflow(
            RECONCILIATION_WORKFLOW,
            start,
            id=reconciliation_id(start.provider, start.account),
            task_queue=self.task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            result_type=Reconciled,
            static_summary=f"{start.provider} · reconciliation of {start.account}",
        )

    async def reconciliation(self, provider: str, account: str = "default") -> Reconciliation:
        """Where the last one of this account is. One of the night has an id of its own, with the
        time of its schedule: its findings are in the list. Raises NotFound."""
        identity = reconciliation_id(provider, account)
        handle = self.temporal.get_workflow_handle(identity, result_type=Reconciled)
        last = await known(identity, handle.describe())
        about = {"provider": provider, "account": account}
        if last.status is WorkflowExecutionStatus.RUNNING:
            now = await queried(identity, handle, "state", Progress)
            return Reconciliation(**about, running=True, pages=now.pages, reads=now.reads)
        if last.status is not WorkflowExecutionStatus.COMPLETED:
            return Reconciliation(**about, running=False)
        done: Reconciled = await handle.result()
        told = {"pages": done.pages, "reads": done.reads, "result": done}
        return Reconciliation(**about, running=False, **told)

    @property
    def _books(self) -> Booked:
        if self._register is None:
            raise NoRegister
        return self._register

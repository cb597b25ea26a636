"""What a reconciliation asks: the provider's list, Temporal's lists, and the register."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from temporalio import activity
from temporalio.client import Client, WorkflowExecutionStatus

from activities.failures import as_failures
from activities.invoice import provider_of
from invoicing.books.reconciling import (
    AccountCall,
    Elsewhere,
    FinishCall,
    PageCall,
    Reconciled,
    Reconciles,
    RestCall,
    Scope,
    SettleCall,
    Suspects,
)
from invoicing.provider import Accounts
from invoicing.provider.listing import ListCall, Listed, ListPage, Lists
from invoicing.state import attributes
from invoicing.state.identity import EVENT_WORKFLOW, WORKFLOW, event_id, workflow_id

MOST = 1000
"""Workflows that were cut off, and events, that one reconciliation looks at."""

MOST_ITEMS = 1000
"""Of one page that are handed on: they stay below the engine's 2 MiB. Of a longer page the rest is
left out, and the list counts as not seen whole."""


def _slim(item: Listed) -> Listed:
    """As much as is compared."""
    gone: dict[str, object] = {"problems": (), "keys": (), "context": {}}
    return item.model_copy(update={"invoice": item.invoice.model_copy(update=gone)})


class ListActivities:
    """One provider's list. One page is one call and one activity."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    @activity.defn
    @as_failures
    async def list_page(self, call: ListCall) -> ListPage:
        """One page; of a provider that lists nothing, none."""
        provider = provider_of(self._accounts, call.account)
        if not isinstance(provider, Lists):
            return ListPage(lists=False)
        page = await provider.list_page(call)
        items = tuple(map(_slim, page.items[:MOST_ITEMS]))
        whole = page.complete and len(page.items) <= MOST_ITEMS
        return page.model_copy(update={"items": items, "complete": whole})

    def all(self) -> list[Callable[..., Any]]:
        """Every activity, for the worker of this provider's queue."""
        return [self.list_page]


class ElsewhereActivities:
    """What only Temporal's lists know."""

    def __init__(self, client: Client) -> None:
        self._client = client

    @activity.defn
    @as_failures
    async def elsewhere(self, call: AccountCall) -> Elsewhere:
        """Invoices of this provider that were ended from outside and have not begun again, and
        events of this account that wait for a person."""
        cut_off, all_cut_off = await self._cut_off(call)
        unplaced, all_unplaced = await self._unplaced(call)
        return Elsewhere(cut_off=cut_off, unplaced=unplaced, complete=all_cut_off and all_unplaced)

    async def _cut_off(self, call: AccountCall) -> tuple[tuple[str, ...], bool]:
        query = (
            f"WorkflowType = '{WORKFLOW}' AND ExecutionStatus IN ('Terminated', 'TimedOut') "
            f"AND {attributes.PROVIDER.name} = {attributes.quoted(call.provider)}"
        )
        ids = [one.id async for one in self._client.list_workflows(query, limit=MOST)]
        over = [each for each in sorted(set(ids)) if await self._is_cut_off(each)]
        begins = workflow_id("")
        return tuple(each.removeprefix(begins) for each in over), len(ids) < MOST

    async def _is_cut_off(self, identity: str) -> bool:
        last = await self._client.get_workflow_handle(identity).describe()
        return last.status in (
            WorkflowExecutionStatus.TERMINATED,
            WorkflowExecutionStatus.TIMED_OUT,
        )

    async def _unplaced(self, call: AccountCall) -> tuple[tuple[str, ...], bool]:
        query = (
            f"WorkflowType = '{EVENT_WORKFLOW}' AND ExecutionStatus = 'Running' "
            f"AND {attributes.STATUS.name} = 'needs_attention' "
            f"AND {attributes.PROVIDER.name} = {attributes.quoted(call.provider)}"
        )
        begins = event_id(call.provider, call.account, "")
        found = [one.id async for one in self._client.list_workflows(query, limit=MOST)]
        unplaced = tuple(sorted(each for each in found if each.startswith(begins)))
        return unplaced, len(found) < MOST

    def all(self) -> list[Callable[..., Any]]:
        """Every activity, for the worker of the workflows' queue."""
        return [self.elsewhere]


class ReconcilingActivities:
    """What the register makes of it. `tells`: the subscriber who is told what was found."""

    def __init__(self, register: Reconciles, tells: str | None = None) -> None:
        self._register = register
        self._tells = tells

    @activity.defn
    @as_failures
    async def compare_page(self, call: PageCall) -> int:
        """See `Reconciles`."""
        return await self._register.compare_page(call)

    @activity.defn
    @as_failures
    async def compare_rest(self, call: RestCall) -> None:
        """See `Reconciles`."""
        await self._register.compare_rest(call)

    @activity.defn
    @as_failures
    async def suspects(self, scope: Scope) -> Suspects:
        """See `Reconciles`."""
        return await self._register.suspects(scope)

    @activity.defn
    @as_failures
    async def settle(self, call: SettleCall) -> None:
        """See `Reconciles`."""
        await self._register.settle(call)

    @activity.defn
    @as_failures
    async def finish(self, call: FinishCall) -> Reconciled:
        """See `Reconciles`."""
        return await self._register.finish(call)

    @activity.defn
    async def who_is_told(self) -> str | None:
        """The subscriber who hears of what was found, if one does."""
        return self._tells

    def all(self) -> list[Callable[..., Any]]:
        """Every activity, for the worker of the register's queue."""
        return [
            self.compare_page,
            self.compare_rest,
            self.suspects,
            self.settle,
            self.finish,
            self.who_is_told,
        ]

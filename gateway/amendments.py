"""Amendments over REST: a final invoice credited, and another one made in its place."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query, Request

from gateway.access import Who
from gateway.backend import Backend, Behind
from gateway.inputs import Key, Reference, check_key, given
from gateway.pages import Paged, Words
from gateway.problems import Kind, Trouble
from gateway.routes import Heads, page, refuse_others
from invoicing.client import Listed
from invoicing.credits.amend import Amend, Amendment, AmendStatus
from invoicing.model import Recorded
from invoicing.request import ProviderName
from invoicing.state.identity import AMEND_WORKFLOW
from invoicing.state.invoice import Journal
from invoicing.temporal.asking import Execution
from invoicing.temporal.lists import CutOffWord
from settings.callers import Scope

heads = Heads("invoices", lambda behind, reference: behind.client.invoices.handle(reference))
"""Whose an invoice is, is whose its amendment is."""
router = heads.router
_lists = Heads("amendments")
lists_router = _lists.router


@heads.changes("/{reference}/amendments", Amend, "The amendment as it is now")
async def amend_invoice(
    reference: Reference,
    wanted: Annotated[Amend, given(Amend)],
    behind: Behind,
    who: Who,
    key: Key = None,
) -> Amendment:
    """Credit what is left of a final invoice, and then have another one made in its place.

    The new invoice is looked at before anything is credited, and asked for when nothing is left of
    the old one. The same amendment again is the same amendment, and goes on where it stopped. Needs
    the scope `start` as well."""
    check_key(key, wanted.amendment, "amendment")
    if Scope.START not in who.may:
        raise Trouble(Kind.FORBIDDEN, f"it needs the scope {Scope.START} as well")
    who.reach.refuse(wanted.invoice)
    if who.reach.accounts:
        made = wanted.invoice.reference
        await refuse_others(behind, who, made, behind.client.invoices.handle(made))
    return await behind.answered(behind.client.amendments.make(reference, wanted))


@heads.reads("/{reference}/amendments", "The amendment as it is now")
async def get_amendment(reference: Reference, behind: Behind) -> Amendment:
    """The amendment of the invoice: how far it is, and why it does not go on. An invoice has one at
    a time; this is the last."""
    return await behind.answered(behind.client.amendments.state(reference))


@heads.reads("/{reference}/amendments-journal", "What has happened so far")
async def get_amendment_journal(reference: Reference, behind: Behind) -> Journal:
    """What happened in the amendment of the invoice, and who wanted it."""
    return await behind.answered(behind.client.amendments.journal(reference))


class AmendmentFilters(Paged):
    """What a list is to show."""

    provider: ProviderName | None = None
    status: Annotated[AmendStatus | CutOffWord | None, Words] = None


class AmendmentPage(Recorded):
    """Invoices that were amended, the latest first, a moment old; `status` and `number` are of the
    amendment. Without a cursor it is the last page."""

    amendments: tuple[Listed, ...]
    cursor: str | None = None


@_lists.lists()
async def list_amendments(
    filters: Annotated[AmendmentFilters, Query()], behind: Behind, who: Who
) -> AmendmentPage:
    """Invoices that were amended, the latest first: with `status=needs_attention` those that are
    credited, and whose new invoice could not be made."""
    chosen = {name: getattr(filters, name) for name in ("provider", "status")}
    rows, cursor = await page(behind, who, AMEND_WORKFLOW, filters, **chosen)
    return AmendmentPage(amendments=rows, cursor=cursor)


def amendment_of(behind: Backend, request: Request) -> Execution | None:
    """The workflow of the amendment that a request is about; None: it is about none."""
    route = getattr(request.scope.get("route"), "path", "")
    if not route.startswith(f"{heads.prefix}/{{reference}}/amendments"):
        return None
    return behind.client.amendments.handle(request.path_params["reference"])

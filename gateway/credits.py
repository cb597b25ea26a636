"""Credits over REST: an invoice taken back, as a whole or in parts, and what is left of it."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query, Request

from gateway.access import Who
from gateway.backend import Backend, Behind
from gateway.inputs import Key, OnceKey, Reference, check_key, given, once
from gateway.pages import Paged, Words
from gateway.problems import Kind, Trouble
from gateway.routes import Heads, page
from invoicing.client import Listed
from invoicing.credits.case import Credits, CreditsStatus, CreditState
from invoicing.credits.credit import Credit, CreditName
from invoicing.model import Recorded
from invoicing.request import ProviderName
from invoicing.state.identity import CREDITS_WORKFLOW
from invoicing.state.invoice import Journal, Resolve
from invoicing.temporal.asking import Execution
from invoicing.temporal.lists import CutOffWord

heads = Heads("invoices", lambda behind, reference: behind.client.invoices.handle(reference))
"""Whose an invoice is, is whose its credits are."""
router = heads.router
_lists = Heads("credits")
lists_router = _lists.router

Name = Annotated[CreditName, Path(description="The caller's own name of the credit.")]


@heads.changes("/{reference}/credits", Credit, "The credit as it is now")
async def credit_invoice(
    reference: Reference,
    wanted: Annotated[Credit, given(Credit)],
    behind: Behind,
    key: Key = None,
) -> CreditState:
    """Credit what is left of a final invoice, or parts of it, by a credit note of its own.

    The same credit again is the same credit. More than is left is refused (409), and `detail` says
    what is left. The credit note is an invoice by the `reference` in the answer: its state, journal
    and result are at `/v1/invoices`, where its `#` is written `%23`."""
    check_key(key, wanted.credit, "credit")
    return await behind.answered(behind.client.credits.make(reference, wanted))


@heads.reads("/{reference}/credits", "What is left, and every credit")
async def get_credits(reference: Reference, behind: Behind) -> Credits:
    """What may still be credited of the invoice, what became of every credit, and what a person may
    answer. Where nothing can be credited, `not_creditable` says why."""
    return await behind.answered(behind.client.credits.overview(reference))


@heads.reads("/{reference}/credits/{name}", "The credit as it is now")
async def get_credit(reference: Reference, name: Name, behind: Behind) -> CreditState:
    """One credit, by its name."""
    state = await behind.answered(behind.client.credits.state(reference))
    for one in state.credits:
        if one.credit == name:
            return one
    raise Trouble(Kind.NOT_FOUND, "this invoice has no credit of that name")


@heads.reads("/{reference}/credits-journal", "What has happened so far")
async def get_credits_journal(reference: Reference, behind: Behind) -> Journal:
    """What happened to the credits of the invoice, and who wanted it: also what was refused."""
    return await behind.answered(behind.client.credits.journal(reference))


@heads.changes("/{reference}/credits/resolve", Resolve, "What is left, and every credit")
async def resolve_credits(
    reference: Reference,
    answer: Annotated[Resolve, given(Resolve)],
    behind: Behind,
    key: OnceKey = None,
) -> Credits:
    """Answer the question that the credits' `problem` shows, by its id; see an invoice's."""
    name = once(key, "resolve", answer)
    return await behind.answered(behind.client.credits.resolve(reference, answer, key=name))


class CreditsFilters(Paged):
    """What a list is to show."""

    provider: ProviderName | None = None
    status: Annotated[CreditsStatus | CutOffWord | None, Words] = None


class CreditsPage(Recorded):
    """Invoices that have credits, the latest first, a moment old; `status` is of their credits.
    Without a cursor it is the last page."""

    credits: tuple[Listed, ...]
    cursor: str | None = None


@_lists.lists()
async def list_credits(
    filters: Annotated[CreditsFilters, Query()], behind: Behind, who: Who
) -> CreditsPage:
    """Invoices that have credits, the latest first: with `status=needs_attention` those whose
    credits ask a person something."""
    chosen = {name: getattr(filters, name) for name in ("provider", "status")}
    rows, cursor = await page(behind, who, CREDITS_WORKFLOW, filters, **chosen)
    return CreditsPage(credits=rows, cursor=cursor)


def ledger_of(behind: Backend, request: Request) -> Execution | None:
    """The workflow of the credits that a request is about; None: it is about no credits."""
    route = getattr(request.scope.get("route"), "path", "")
    if not route.startswith(f"{heads.prefix}/{{reference}}/credits"):
        return None
    return behind.client.credits.handle(request.path_params["reference"])

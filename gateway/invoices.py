"""Invoices over REST: what InvoicingClient does, for callers in any language."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import Query, Request, Response
from pydantic import Field, StringConstraints

from gateway.access import Who
from gateway.backend import Backend, Behind
from gateway.inputs import Key, OnceKey, Reference, check_key, given, once
from gateway.pages import Paged, Words
from gateway.problems import Kind
from gateway.routes import Failure, Heads, Wait, begun, ending, page, written
from gateway.taking_back import TAKEN, cancelled
from invoicing.client import Listed
from invoicing.credits.credit import Requested
from invoicing.model import Recorded
from invoicing.preview import Preview
from invoicing.request import InvoiceRequest, ProviderName
from invoicing.state.identity import WORKFLOW
from invoicing.state.invoice import Cancel, Hold, Invoice, Journal, Release, Resolve, Status
from invoicing.temporal.asking import queried
from invoicing.temporal.lists import CutOffWord

heads = Heads("invoices", lambda behind, reference: behind.client.invoices.handle(reference))
router = heads.router


class Result(Recorded):
    """An invoice that was waited for. `ended` false: not yet, ask again."""

    ended: bool
    invoice: Invoice
    failure: Failure | None = None
    """Set when it was refused at once or nobody came to help it."""


class Filters(Paged):
    """What a list is to show."""

    provider: ProviderName | None = None
    status: Annotated[Status | CutOffWord | None, Words] = None
    waiting_for: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_:. -]{1,100}$")] | None = (
        Field(
            default=None,
            description="Whom (`person`), for what (`amounts_differ`), or both as they are shown.",
        )
    )


class InvoicePage(Recorded):
    """Runs of invoices, the latest first, a moment old. Without a cursor it is the last page."""

    invoices: tuple[Listed, ...]
    cursor: str | None = None


@heads.begins(InvoiceRequest)
async def start_invoice(
    wanted: Annotated[InvoiceRequest, given(InvoiceRequest)],
    behind: Behind,
    request: Request,
    response: Response,
    key: Key = None,
) -> Listed:
    """Have an invoice made. The reference is the key: the same content again is the same invoice,
    running or finished; other content is refused and says what differs. Needs no worker."""
    check_key(key, wanted.reference, "reference")
    start = partial(behind.client.invoices.start, wanted)
    handle = behind.client.invoices.handle(wanted.reference)
    return await begun(behind, request, response, wanted, start, handle)


@heads.looks_ahead("/preview", InvoiceRequest, "What would become of it")
async def preview_invoice(
    wanted: Annotated[InvoiceRequest, given(InvoiceRequest)], behind: Behind, who: Who
) -> Preview:
    """What would become of this request: its totals as the provider rounds them, and what stands
    in the way. Nothing is created, here or there."""
    who.reach.refuse(wanted)
    return await behind.answered(behind.client.invoices.preview(wanted))


@heads.lists()
async def list_invoices(
    filters: Annotated[Filters, Query()], behind: Behind, who: Who
) -> InvoicePage:
    """Invoices, the latest first. A reference that was begun anew is there once for each time."""
    chosen = {name: getattr(filters, name) for name in ("provider", "status", "waiting_for")}
    rows, cursor = await page(behind, who, WORKFLOW, filters, **chosen)
    return InvoicePage(invoices=rows, cursor=cursor)


@heads.reads("/{reference}", "The invoice as it is now")
async def get_invoice(reference: Reference, behind: Behind) -> Invoice:
    """Where the invoice is, what it waits for, and what a person may answer."""
    return await behind.answered(behind.client.invoices.state(reference))


@heads.reads("/{reference}/journal", "What has happened so far")
async def get_journal(reference: Reference, behind: Behind) -> Journal:
    """What happened to the invoice, and who wanted it."""
    return await behind.answered(behind.client.invoices.journal(reference))


@heads.reads(
    "/{reference}/request",
    "The request, as it would be sent again",
    more={200: {"model": InvoiceRequest}},
)
async def get_request(reference: Reference, behind: Behind) -> Response:
    """What the invoice is made of now: as it was asked for, or as a person has corrected it."""
    return written(await asked_now(reference, behind))


async def asked_now(reference: str, behind: Backend) -> InvoiceRequest:
    """The same, with what is ours in it."""
    handle = behind.client.invoices.handle(reference)
    return (await behind.answered(queried(reference, handle, "request", Requested))).request


@heads.reads(
    "/{reference}/result",
    "The invoice at its end, or as it was when the time was over",
    Kind.CUT_OFF,
    long=True,
)
async def await_invoice(reference: Reference, behind: Behind, wait: Wait = 20) -> Result:
    """Wait for the invoice's end, and answer then or when the time is over, whichever is first.

    Of one whose run was ended from outside it says so, and what to do: the same request again goes
    on with what is at the provider."""
    ended, failure = await ending(behind.client.invoices.result(reference), wait)
    invoice = await behind.answered(behind.client.invoices.state(reference))
    # Its workflow may look for late effects when it has ended.
    return Result(ended=ended or invoice.ended, invoice=invoice, failure=failure)


@heads.changes("/{reference}/hold", Hold, "The invoice as it is now")
async def hold_invoice(
    reference: Reference,
    order: Annotated[Hold, given(Hold)],
    behind: Behind,
    key: OnceKey = None,
) -> Invoice:
    """Stop the invoice before its next irreversible step."""
    name = once(key, "hold", order)
    return await behind.answered(behind.client.invoices.hold(reference, order, key=name))


@heads.changes("/{reference}/release", Release, "The invoice as it is now")
async def release_invoice(
    reference: Reference,
    order: Annotated[Release, given(Release)],
    behind: Behind,
    key: OnceKey = None,
) -> Invoice:
    """Let a held invoice go on."""
    name = once(key, "release", order)
    return await behind.answered(behind.client.invoices.release(reference, order, key=name))


@heads.changes("/{reference}/resolve", Resolve, "The invoice as it is now")
async def resolve_invoice(
    reference: Reference,
    answer: Annotated[Resolve, given(Resolve)],
    behind: Behind,
    key: OnceKey = None,
) -> Invoice:
    """Answer the question that an invoice's `problem` shows, by its id, with one of its answers.

    What each answer does at each question is at `/v1/questions`. An answer to another question than
    the one that is open is refused (409) with the open one in `question`: nothing was answered."""
    name = once(key, "resolve", answer)
    return await behind.answered(behind.client.invoices.resolve(reference, answer, key=name))


@heads.changes("/{reference}/cancel", Cancel, "Nothing can reach the buyer", responses=TAKEN)
async def cancel_invoice(
    reference: Reference,
    order: Annotated[Cancel, given(Cancel)],
    behind: Behind,
    response: Response,
    key: OnceKey = None,
) -> Invoice:
    """Take the invoice back: stop it, delete its draft or credit it, as its stage asks for."""
    name = once(key, "cancel", order)
    return await cancelled(behind, response, reference, order, name)

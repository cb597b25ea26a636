"""Invoices over REST: what InvoicingClient does, for callers in any language."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query, Response
from pydantic import Field, StringConstraints
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ApplicationError

from gateway.access import Role, needs
from gateway.backend import Backend, Behind
from gateway.inputs import Key, OnceKey, Reference, accepts, check_key, given, once
from gateway.pages import Bookmarks, Paged, Words
from gateway.problems import Kind, documented, invalid
from invoicing.client import Failed, Listed
from invoicing.errors import FieldProblem, NotFound
from invoicing.invoice import Cancel, Hold, Invoice, Journal, Release, Resolve, Status
from invoicing.lists import CutOffWord
from invoicing.model import Recorded
from invoicing.preview import Preview
from invoicing.request import InvoiceRequest, ProviderName

LONGEST_WAIT = 30
"""Seconds; less than proxies wait as a rule."""

COMMON = (
    Kind.UNAUTHENTICATED,
    Kind.FORBIDDEN,
    Kind.INVALID,
    Kind.TOO_MANY,
    Kind.INTERNAL,
    Kind.ENGINE,
    Kind.UNAVAILABLE,
)
ONE = (*COMMON, Kind.NOT_FOUND, Kind.NO_WORKER)
BODY = (Kind.UNREADABLE, Kind.TOO_SLOW, Kind.TOO_LARGE, Kind.MEDIA)

router = APIRouter(prefix="/v1/invoices", tags=["invoices"])
READ = [Depends(needs(Role.READ))]
START = [Depends(needs(Role.START))]
OPERATE = [Depends(needs(Role.OPERATE))]


class Failure(Recorded):
    """Why an invoice or order ended without existing."""

    what: str
    errors: tuple[FieldProblem, ...] = ()


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


AGAIN: dict[int | str, dict[str, Any]] = {
    200: {"model": Listed, "description": "The same was asked for before: this is it"}
}


@router.post(
    "",
    status_code=201,
    dependencies=START,
    openapi_extra=accepts(InvoiceRequest),
    responses=AGAIN | documented(*COMMON, *BODY, Kind.IN_USE),
    response_description="It was not there before: now it is",
)
async def start_invoice(
    wanted: Annotated[InvoiceRequest, given(InvoiceRequest)],
    behind: Behind,
    response: Response,
    key: Key = None,
) -> Listed:
    """Have an invoice made. The reference is the key: the same content again is the same invoice,
    running or finished; other content is refused and says what differs. Needs no worker."""
    check_key(key, wanted.reference, "reference")
    if wanted.order is not None:
        raise invalid("order", "is set by an order alone: deliver its lines instead")
    before = await _listed(behind, wanted.reference)
    await behind.stored(behind.client.start(wanted))
    now = await behind.stored(behind.client.listed(wanted.reference))
    return placed(response, f"{router.prefix}/{quote(wanted.reference, safe='')}", before, now)


async def _listed(behind: Backend, reference: str) -> Listed | None:
    try:
        return await behind.stored(behind.client.listed(reference))
    except NotFound:
        return None


def placed(response: Response, where: str, before: Listed | None, now: Listed) -> Listed:
    """What was asked for, 201 if it was not there before, 200 if it was."""
    if before is None or before.started_at != now.started_at:
        response.headers["Location"] = where
    else:
        response.status_code = 200
    return now


@router.post(
    "/preview",
    dependencies=START,
    openapi_extra=accepts(InvoiceRequest),
    responses=documented(*COMMON, *BODY, Kind.NO_WORKER),
    response_description="What would become of it",
)
async def preview_invoice(
    wanted: Annotated[InvoiceRequest, given(InvoiceRequest)], behind: Behind
) -> Preview:
    """What would become of this request: its totals as the provider rounds them, and what stands
    in the way. Nothing is created, here or there."""
    return await behind.answered(behind.client.preview(wanted))


@router.get(
    "",
    dependencies=READ,
    responses=documented(*COMMON),
    response_description="One page",
)
async def list_invoices(filters: Annotated[Filters, Query()], behind: Behind) -> InvoicePage:
    """Invoices, the latest first. A reference that was begun anew is there once for each time."""
    chosen = {name: getattr(filters, name) for name in ("provider", "status", "waiting_for")}
    marks = Bookmarks("invoices", chosen)
    after = marks.token(filters.cursor)
    found = await behind.stored(behind.client.page(**chosen, size=filters.limit, after=after))
    return InvoicePage(invoices=found.rows, cursor=marks.cursor(found.next))


@router.get(
    "/{reference}",
    dependencies=READ,
    responses=documented(*ONE),
    response_description="The invoice as it is now",
)
async def get_invoice(reference: Reference, behind: Behind) -> Invoice:
    """Where the invoice is, what it waits for, and what a person may answer."""
    return await behind.answered(behind.client.state(reference))


@router.get(
    "/{reference}/journal",
    dependencies=READ,
    responses=documented(*ONE),
    response_description="What has happened so far",
)
async def get_journal(reference: Reference, behind: Behind) -> Journal:
    """What happened to the invoice, and who wanted it."""
    return await behind.answered(behind.client.journal(reference))


Wait = Annotated[int, Query(ge=1, le=LONGEST_WAIT, description="Seconds to wait at most.")]


@router.get(
    "/{reference}/result",
    dependencies=READ,
    responses=documented(*ONE, Kind.CUT_OFF),
    response_description="The invoice at its end, or as it was when the time was over",
)
async def await_invoice(reference: Reference, behind: Behind, wait: Wait = 20) -> Result:
    """Wait for the invoice's end, and answer then or when the time is over, whichever is first.

    Of one whose run was ended from outside it says so, and what to do: the same request again goes
    on with what is at the provider."""
    ended, failure = await ending(behind.client.result(reference), wait)
    invoice = await behind.answered(behind.client.state(reference))
    return Result(ended=ended, invoice=invoice, failure=failure)


async def ending(result: Any, wait: int) -> tuple[bool, Failure | None]:
    """Whether it has ended within this many seconds, and whether it failed."""
    try:
        async with asyncio.timeout(wait):
            await result
    except TimeoutError:
        return False, None
    except Failed as error:
        return True, Failure(what=str(error), errors=_fields(error))
    return True, None


def _fields(error: Failed) -> tuple[FieldProblem, ...]:
    failure = error.__cause__
    cause = failure.cause if isinstance(failure, WorkflowFailureError) else None
    details = cause.details if isinstance(cause, ApplicationError) else ()
    return tuple(FieldProblem.model_validate(each) for each in details)


INSTRUCTED = documented(*ONE, *BODY, Kind.REFUSED, Kind.CUT_OFF)


@router.post(
    "/{reference}/hold",
    dependencies=OPERATE,
    openapi_extra=accepts(Hold),
    responses=INSTRUCTED,
    response_description="The invoice as it is now",
)
async def hold_invoice(
    reference: Reference,
    order: Annotated[Hold, given(Hold)],
    behind: Behind,
    key: OnceKey = None,
) -> Invoice:
    """Stop the invoice before its next irreversible step."""
    name = once(key, "hold", order)
    return await behind.answered(behind.client.hold(reference, order, key=name))


@router.post(
    "/{reference}/release",
    dependencies=OPERATE,
    openapi_extra=accepts(Release),
    responses=INSTRUCTED,
    response_description="The invoice as it is now",
)
async def release_invoice(
    reference: Reference,
    order: Annotated[Release, given(Release)],
    behind: Behind,
    key: OnceKey = None,
) -> Invoice:
    """Let a held invoice go on."""
    name = once(key, "release", order)
    return await behind.answered(behind.client.release(reference, order, key=name))


@router.post(
    "/{reference}/resolve",
    dependencies=OPERATE,
    openapi_extra=accepts(Resolve),
    responses=INSTRUCTED,
    response_description="The invoice as it is now",
)
async def resolve_invoice(
    reference: Reference,
    answer: Annotated[Resolve, given(Resolve)],
    behind: Behind,
    key: OnceKey = None,
) -> Invoice:
    """Answer an invoice that needs attention, with one of the actions that its problem names."""
    name = once(key, "resolve", answer)
    return await behind.answered(behind.client.resolve(reference, answer, key=name))


@router.post(
    "/{reference}/cancel",
    dependencies=OPERATE,
    openapi_extra=accepts(Cancel),
    responses=INSTRUCTED,
    response_description="The invoice as it is now",
)
async def cancel_invoice(
    reference: Reference,
    order: Annotated[Cancel, given(Cancel)],
    behind: Behind,
    key: OnceKey = None,
) -> Invoice:
    """Take the invoice back: stop it, delete its draft or credit it, as its stage asks for."""
    name = once(key, "cancel", order)
    return await behind.answered(behind.client.cancel(reference, order, key=name))

"""Amending an invoice: its page, which says how far that is, and the form by which it is credited
and made again, field by field, or made again where that was not possible."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from console import credited, way
from console.answering import Again, show, tried
from console.door import Answering, Console, Desk, Form, Looking, filled
from console.drafting import (
    MOST_FIELDS,
    NOT_SENT,
    ComesTo,
    Draft,
    begun,
    content,
    document_of,
    filled_in,
    looked_through,
    options_in,
    turned,
)
from console.render import Visitor
from console.subjects import Kind, Subject, check, look
from gateway import amendments
from gateway.inputs import Reference
from gateway.invoices import asked_now
from gateway.problems import Kind as Wrong
from gateway.problems import Trouble
from gateway.visits import visit_of
from invoicing.credits.amend import Amend, Amendment
from invoicing.errors import InvoicingError
from invoicing.parse import read
from invoicing.request import InvoiceRequest
from invoicing.state.invoice import Invoice
from settings.callers import Scope

router = APIRouter()

SEND = "amend"
"""The button that amends; every other one only keeps what is filled in."""
_NEW = "invoice."
"""How the paths of mistakes in the new invoice begin."""


@dataclass(frozen=True)
class Amends:
    """What the form is about. `again`: the old one is credited already, so the names stay."""

    name: str
    makes: str
    again: bool
    request: InvoiceRequest


@router.get("/amendments/{reference}")
async def amendment(
    request: Request, desk: Desk, visitor: Looking, reference: Reference
) -> HTMLResponse:
    """How an invoice is credited and made again."""
    await check(desk, visitor, Kind.AMENDMENTS, reference)
    return await show(request, desk, visitor, Kind.AMENDMENTS, reference)


@router.get("/invoices/{reference}/amend")
async def begin(request: Request, desk: Desk, visitor: Answering, reference: Reference) -> Response:
    """The form, with what the invoice is made of now."""
    subject, amends = await _of(desk, visitor, reference)
    return _page(request, desk, visitor, subject, amends, begun(amends.request))


@router.post("/invoices/{reference}/amend")
async def amend(request: Request, desk: Desk, visitor: Answering, reference: Reference) -> Response:
    """What was filled in: kept in the page, looked through, or amended by."""
    form = await filled(request, desk, visitor.session, fields=MOST_FIELDS)
    subject, amends = await _of(desk, visitor, reference)
    first = begun(amends.request)
    draft = await asyncio.to_thread(filled_in, form, first)
    if form["answer"] != SEND:
        visit_of(request).outcome = NOT_SENT
        looked = await looked_through(desk, draft, form)
        return _page(request, desk, visitor, subject, amends, *looked)

    async def act(form: Form) -> str:
        wanted = await asyncio.to_thread(_wanted, form, visitor, amends, draft)
        await amendments.amend_invoice(reference, wanted, desk.backend, visitor.caller)
        return "amending"

    again = await tried(request, desk, Kind.AMENDMENTS, reference, SEND, form, act)
    if isinstance(again, Response):
        return again
    wrong = [each.model_copy(update={"field": _ours(each.field)}) for each in again.mistakes]
    if wrong:
        draft = turned(draft, wrong)
    again = again._replace(form=form, mistakes=wrong)
    return _page(request, desk, visitor, subject, amends, draft, again)


async def _of(desk: Console, visitor: Visitor, reference: str) -> tuple[Subject, Amends]:
    """The invoice, and what the form is to begin with. Raises Trouble for who may not amend it, and
    for what cannot be amended."""
    await check(desk, visitor, Kind.INVOICES, reference)
    if not visitor.may_start:
        raise Trouble(Wrong.FORBIDDEN, f"it needs the scope {Scope.START} as well")
    state = await _amendment(desk, reference)
    if state and way.amends_again(state):
        found = await _asked(desk, state.makes) or _anew(await asked_now(reference, desk.backend))
        subject = Subject(Kind.INVOICES, reference)
        return subject, Amends(state.amendment, state.makes, again=True, request=found)
    subject = await look(desk, Kind.INVOICES, reference)
    if not (isinstance(subject.state, Invoice) and subject.state.final):
        raise Trouble(Wrong.REFUSED, desk.pages.words("amend.not_final"))
    name = await _free_name(desk, subject)
    found = _anew(await asked_now(reference, desk.backend))
    return subject, Amends(name, f"{reference}-{name}", again=False, request=found)


def _anew(old: InvoiceRequest) -> InvoiceRequest:
    """What the new invoice begins with. The hold of the old one has had its release; whoever amends
    has the whole of the new one before them, and while that waited there would be none."""
    return old.model_copy(update={"hold": False})


async def _amendment(desk: Console, reference: str) -> Amendment | None:
    try:
        return await amendments.get_amendment(reference, desk.backend)
    except (Trouble, InvoicingError):
        return None


async def _asked(desk: Console, reference: str) -> InvoiceRequest | None:
    """What the new invoice was made of when it was not made; None where it never was asked for."""
    try:
        return await asked_now(reference, desk.backend)
    except (Trouble, InvoicingError):
        return None


async def _free_name(desk: Console, subject: Subject) -> str:
    """One that no credit of the invoice has: its credit is called as the amendment is."""
    known = await credited.beside(desk, subject.state)
    taken = {each.credit for each in known.credits} if known else set()
    return next(name for n in range(1, len(taken) + 2) if (name := f"A{n}") not in taken)


def _wanted(form: Form, visitor: Visitor, amends: Amends, draft: Draft) -> Amend:
    """Raises InvalidRequest, with every mistake by its path."""
    who, old = visitor.caller.name, amends.request
    new: dict[str, Any] = old.model_dump(mode="json", exclude_unset=True)
    for ours in ("order", "credits"):
        new.pop(ours, None)
    new["document"] = document_of(draft).model_dump(mode="json", exclude_unset=True)
    new["options"] = options_in(draft, begun(old).written)
    new["reference"] = amends.makes if amends.again else form["new_reference"]
    said: dict[str, object] = {"by": who, "proven": who, "reason": form["reason"]}
    name = amends.name if amends.again else form["amendment"]
    return read(Amend, json.dumps({**said, "amendment": name, "invoice": new}))


def _ours(field: str) -> str:
    """Where a mistake is in the form, which has the new invoice's own paths."""
    ours = {"invoice.reference": "new_reference"}
    return ours.get(field, field.removeprefix(_NEW))


def _page(
    request: Request,
    desk: Console,
    visitor: Visitor,
    subject: Subject,
    amends: Amends,
    draft: Draft,
    again: Again | None = None,
    comes_to: ComesTo | None = None,
) -> Response:
    form = again.form if again else None
    return desk.pages.page(
        request,
        "correct.html",
        visitor,
        status=again.status if again else 200,
        subject=subject,
        problem=None,
        others=(),
        amends=amends,
        typed={
            "amendment": form["amendment"] if form else amends.name,
            "new_reference": form["new_reference"] if form else amends.makes,
        },
        **content(draft, again, comes_to),
    )

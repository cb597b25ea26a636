"""Correcting what an invoice is made of, field by field, with what is wrong beside each.

What has been filled in so far is carried along by the page itself: nothing of it is kept here, and
nothing changes before the answer is given. Each button sends the form: it adds or removes an item,
turns to other lines, looks through it, or gives the answer, which is REST's `correct`.
"""

from __future__ import annotations

import asyncio
import json

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from console.answering import Again, answered, show, tried
from console.door import Answering, Console, Desk, Form, filled
from console.drafting import (
    MOST_FIELDS,
    NOT_SENT,
    ComesTo,
    Draft,
    Written,
    begun,
    content,
    document_of,
    filled_in,
    looked_through,
    options_in,
    turned,
)
from console.render import Visitor
from console.subjects import Kind, Subject, check, look, others
from gateway.inputs import Reference
from gateway.invoices import asked_now
from gateway.visits import visit_of
from invoicing.parse import read
from invoicing.state.invoice import Resolve
from invoicing.state.questions import Answer

router = APIRouter()


@router.get("/invoices/{reference}/correct")
async def correct(
    request: Request, desk: Desk, visitor: Answering, reference: Reference
) -> Response:
    """The form, as the invoice is asked for now."""
    await check(desk, visitor, Kind.INVOICES, reference)
    subject = await look(desk, Kind.INVOICES, reference)
    if not _may_be_corrected(subject):
        return _back(request, subject)
    return _page(request, desk, visitor, subject, begun(await asked_now(reference, desk.backend)))


@router.post("/invoices/{reference}/correct")
async def fill_in(
    request: Request, desk: Desk, visitor: Answering, reference: Reference
) -> Response:
    """What was filled in: kept in the page, looked through, or given as the answer."""
    form = await filled(request, desk, visitor.session, fields=MOST_FIELDS)
    await check(desk, visitor, Kind.INVOICES, reference)
    subject = await look(desk, Kind.INVOICES, reference)
    first = begun(await asked_now(reference, desk.backend))
    draft = await asyncio.to_thread(filled_in, form, first)
    if form["answer"] != Answer.CORRECT:
        visit_of(request).outcome = NOT_SENT
        return _page(request, desk, visitor, subject, *await looked_through(desk, draft, form))

    async def act(form: Form) -> str:
        said = await asyncio.to_thread(_said, form, visitor, first.written, draft)
        return await answered(desk, visitor, Kind.INVOICES, reference, said, form.once)

    again = await tried(request, desk, Kind.INVOICES, reference, "resolve", form, act)
    if isinstance(again, Response):
        return again
    if again.status == 409 or not _may_be_corrected(subject):
        return await show(request, desk, visitor, Kind.INVOICES, reference, again)
    return _page(request, desk, visitor, subject, turned(draft, again.mistakes), again)


def _may_be_corrected(subject: Subject) -> bool:
    return bool(subject.problem and Answer.CORRECT in subject.problem.answers)


def _back(request: Request, subject: Subject) -> Response:
    return RedirectResponse(f"{request.scope['root_path']}{subject.path}", 303)


def _said(form: Form, visitor: Visitor, before: Written, draft: Draft) -> Resolve:
    """The answer: with the document, and with the options where they were changed; the options
    alone where nothing else was. Raises InvalidRequest."""
    who = visitor.caller.name
    said: dict[str, object] = {"by": who, "proven": who, "answer": Answer.CORRECT, "reason": ""}
    said |= form.given("question", "reason")
    document = document_of(draft).model_dump(mode="json", exclude_unset=True)
    options = options_in(draft, before)
    if options != before.options:
        said["options"] = options
    if "options" not in said or document != before.document:
        said["document"] = document
    return read(Resolve, json.dumps(said))


def _page(
    request: Request,
    desk: Console,
    visitor: Visitor,
    subject: Subject,
    draft: Draft,
    again: Again | None = None,
    comes_to: ComesTo | None = None,
) -> Response:
    if subject.problem is None:
        return _back(request, subject)
    return desk.pages.page(
        request,
        "correct.html",
        visitor,
        status=again.status if again else 200,
        subject=subject,
        problem=subject.problem,
        others=others(subject.problem),
        amends=None,
        **content(draft, again, comes_to),
    )

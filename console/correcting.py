"""Correcting what an invoice is made of, field by field, with what is wrong beside each.

What has been filled in so far is carried along by the page itself: nothing of it is kept here, and
nothing changes before the answer is given. Each button sends the form: it adds or removes an item,
turns to other lines, looks through it, or gives the answer, which is REST's `correct`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import NamedTuple

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel, JsonValue

from console.answering import Again, answered, show, tried
from console.door import Answering, Console, Desk, Form, filled
from console.filling import MOST_ITEMS, Group, added, parts, removed, typed_into, walked
from console.filling import without_empty as pruned
from console.render import Visitor
from console.subjects import Kind, Subject, check, document_in, handle_of, look, others
from gateway.inputs import Reference
from gateway.options import options_of
from gateway.visits import visit_of
from invoicing.credits.credit import Requested
from invoicing.document import Document
from invoicing.errors import FieldProblem, InvalidRequest
from invoicing.model import Typed
from invoicing.parse import read
from invoicing.request import InvoiceRequest
from invoicing.state.invoice import Resolve
from invoicing.state.questions import Answer
from invoicing.temporal.asking import queried
from invoicing.totals import BOTH_ROUNDINGS, totals

router = APIRouter()

MOST_FIELDS = 3000
"""Of one such form."""
LINES = "document.lines"
NOT_SENT = "filled_in"
"""The outcome in the log of a form that was only looked through, added to or turned."""


class Written(Typed):
    """What has been filled in so far."""

    document: dict[str, JsonValue]
    options: dict[str, JsonValue] = {}


@dataclass(frozen=True)
class Draft:
    """What is written, and by which form it is shown: `first` is the first line on the page."""

    written: Written
    model: type[BaseModel] | None
    first: int = 0

    @property
    def forms(self) -> tuple[Group, ...]:
        """Of the document, and of the options where the provider is known here."""
        made = [walked(Document, self.written.document, "document", {LINES: self.first})]
        if self.model:
            made.append(walked(self.model, self.written.options, "options"))
        return tuple(made)


class Shown(NamedTuple):
    """One mistake, and where it is: in a field that is shown, or on the page that begins with this
    line; None for what is nowhere in the form."""

    field: str
    message: str
    is_shown: bool
    first: int | None


class ComesTo(NamedTuple):
    """With VAT; two sums where it depends on how the provider rounds VAT."""

    currency: str
    gross: Sequence[Decimal]


@router.get("/invoices/{reference}/correct")
async def correct(
    request: Request, desk: Desk, visitor: Answering, reference: Reference
) -> Response:
    """The form, as the invoice is asked for now."""
    await check(desk, visitor, Kind.INVOICES, reference)
    subject = await look(desk, Kind.INVOICES, reference)
    if not _may_be_corrected(subject):
        return _back(request, subject)
    return _page(request, desk, visitor, subject, _begun(await _asked_now(desk, reference)))


@router.post("/invoices/{reference}/correct")
async def fill_in(
    request: Request, desk: Desk, visitor: Answering, reference: Reference
) -> Response:
    """What was filled in: kept in the page, looked through, or given as the answer."""
    form = await filled(request, desk, visitor.session, fields=MOST_FIELDS)
    await check(desk, visitor, Kind.INVOICES, reference)
    subject = await look(desk, Kind.INVOICES, reference)
    begun = _begun(await _asked_now(desk, reference))
    draft = await asyncio.to_thread(_filled_in, form, begun)
    if form["answer"] != Answer.CORRECT:
        visit_of(request).outcome = NOT_SENT
        return await _looked_through(request, desk, visitor, subject, draft, form)

    async def act(form: Form) -> str:
        said = await asyncio.to_thread(_said, form, visitor, begun.written, draft)
        return await answered(desk, visitor, Kind.INVOICES, reference, said, form.once)

    again = await tried(request, desk, Kind.INVOICES, reference, "resolve", form, act)
    if isinstance(again, Response):
        return again
    if again.status == 409 or not _may_be_corrected(subject):
        return await show(request, desk, visitor, Kind.INVOICES, reference, again)
    return _page(request, desk, visitor, subject, _turned(draft, again.mistakes), again)


def _may_be_corrected(subject: Subject) -> bool:
    return bool(subject.problem and Answer.CORRECT in subject.problem.answers)


async def _asked_now(desk: Console, reference: str) -> InvoiceRequest:
    """A person may have corrected it before, so its first event does not say it."""
    handle = handle_of(desk, Kind.INVOICES, reference)
    found = await desk.backend.answered(queried(reference, handle, "request", Requested))
    return found.request


def _back(request: Request, subject: Subject) -> Response:
    return RedirectResponse(f"{request.scope['root_path']}{subject.path}", 303)


def _begun(now: InvoiceRequest) -> Draft:
    document = now.document.model_dump(mode="json", exclude_unset=True)
    written = Written(document=document, options=dict(now.options))
    return Draft(written, options_of(now.provider))


def _filled_in(form: Form, begun: Draft) -> Draft:
    """What is written after this form. Raises InvalidRequest for what no page has carried along."""
    written = read(Written, form["written"])
    first = int(form["first"]) if form["first"].isdecimal() and len(form["first"]) < 6 else 0
    draft = replace(begun, written=written, first=first)
    typed = {name: value for name, value in form.pairs if "." in name}
    made: dict[str, dict[str, JsonValue]] = {"options": written.options}
    for each in draft.forms:
        value = typed_into(each, getattr(written, each.path), typed)
        made[each.path] = _arranged(each, value, form)
    draft = replace(draft, written=Written(**made))
    if form["add"] == LINES:
        return replace(draft, first=max(0, len(_lines(draft)) - 1) // MOST_ITEMS * MOST_ITEMS)
    turn = form["turn"]
    return replace(draft, first=int(turn)) if turn.isdecimal() and len(turn) < 6 else draft


def _arranged(form: Group, value: dict[str, JsonValue], sent: Form) -> dict[str, JsonValue]:
    if path := sent["add"]:
        return added(form, value, path)
    if path := sent["remove"]:
        return removed(form, value, path)
    return value


def _lines(draft: Draft) -> Sequence[JsonValue]:
    lines = draft.written.document.get("lines")
    return lines if isinstance(lines, list) else ()


async def _looked_through(
    request: Request, desk: Console, visitor: Visitor, subject: Subject, draft: Draft, form: Form
) -> Response:
    """The page again; with what is wrong, or what it comes to, where that was wanted."""
    if not form["check"]:
        return _page(request, desk, visitor, subject, draft, Again(200, "", "resolve", form))
    try:
        comes_to = await asyncio.to_thread(_comes_to, draft)
    except InvalidRequest as error:
        again = Again(422, desk.pages.words("again.mistakes"), "resolve", form, error.fields)
        return _page(request, desk, visitor, subject, _turned(draft, error.fields), again)
    again = Again(200, "", "resolve", form)
    return _page(request, desk, visitor, subject, draft, again, comes_to)


def _comes_to(draft: Draft) -> ComesTo:
    """Raises InvalidRequest, with every mistake by its path."""
    document = _document(draft)
    roundings = [document.vat_rounding] if document.vat_rounding else BOTH_ROUNDINGS
    gross = {totals(document, each).gross for each in roundings}
    return ComesTo(document.currency, sorted(gross))


def _document(draft: Draft) -> Document:
    """Raises InvalidRequest, with every mistake by its path."""
    written = pruned(draft.forms[0], draft.written.document)
    return document_in(json.dumps(written))


def _said(form: Form, visitor: Visitor, begun: Written, draft: Draft) -> Resolve:
    """The answer: with the document, and with the options where they were changed; the options
    alone where nothing else was. Raises InvalidRequest."""
    who = visitor.caller.name
    said: dict[str, object] = {"by": who, "proven": who, "answer": Answer.CORRECT, "reason": ""}
    said |= form.given("question", "reason")
    options = pruned(draft.forms[1], draft.written.options) if draft.model else begun.options
    document = _document(draft).model_dump(mode="json", exclude_unset=True)
    if options != begun.options:
        if draft.model:
            _check_options(draft.model, options)
        said["options"] = options
    if "options" not in said or document != begun.document:
        said["document"] = document
    return read(Resolve, json.dumps(said))


def _check_options(model: type[BaseModel], options: Mapping[str, JsonValue]) -> None:
    try:
        read(model, json.dumps(options))
    except InvalidRequest as error:
        raise InvalidRequest(
            "the options cannot be taken as they are",
            [each.model_copy(update={"field": f"options.{each.field}"}) for each in error.fields],
        ) from None


def _turned(draft: Draft, mistakes: Sequence[FieldProblem]) -> Draft:
    """With the first page that has a mistake, where the one that is shown has none."""
    found = [each for each in _placed(draft, mistakes) if each.field != "reason"]
    if any(each.is_shown for each in found):
        return draft
    return replace(draft, first=next((e.first for e in found if e.first is not None), draft.first))


def _placed(draft: Draft, mistakes: Sequence[FieldProblem]) -> list[Shown]:
    paths = {each.path for form in draft.forms for each in parts(form)}
    return [
        Shown(each.field, each.message, each.field in paths, _page_of(each.field))
        for each in mistakes
    ]


def _page_of(field: str) -> int | None:
    number = field.removeprefix(f"{LINES}[").partition("]")[0]
    if not field.startswith(f"{LINES}[") or not number.isdecimal():
        return None
    return int(number) // MOST_ITEMS * MOST_ITEMS


def _page(
    request: Request,
    desk: Console,
    visitor: Visitor,
    subject: Subject,
    draft: Draft,
    again: Again | None = None,
    comes_to: ComesTo | None = None,
) -> Response:
    mistakes = again.mistakes if again else ()
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
        forms=draft.forms,
        # Signs that turn text around are not to be lost on the way: nothing but ASCII is.
        written=draft.written.model_dump_json(ensure_ascii=True),
        first=draft.first,
        step=MOST_ITEMS,
        lines=len(_lines(draft)),
        again=again,
        reason=again.form["reason"] if again and again.form else "",
        placed=_placed(draft, mistakes),
        mistakes={each.field: each.message for each in mistakes},
        comes_to=comes_to,
    )

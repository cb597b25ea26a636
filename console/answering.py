"""The page of one thing that may ask, its answers and instructions, whatever kind it is."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from console import amended, credited
from console.door import Console, Form, filled
from console.render import Live, Visitor, json_shown
from console.second import firsts
from console.subjects import (
    Kind,
    Subject,
    answer_in,
    check,
    differences,
    give,
    handle_of,
    look,
    others,
)
from gateway import amendments, invoices, orders
from gateway import credits as crediting
from gateway.pay_link import STATED_BY
from gateway.problems import Kind as Trouble
from gateway.visits import visit_of
from invoicing.client.shared import described
from invoicing.consent import CREDIT
from invoicing.credits.case import Credits, CreditsStatus
from invoicing.errors import FieldProblem, InvalidRequest
from invoicing.model import Recorded
from invoicing.parse import read
from invoicing.state.invoice import (
    COMES_WITH,
    Cancel,
    Hold,
    Instruction,
    Invoice,
    Journal,
    Release,
    Resolve,
)
from invoicing.state.questions import Answer
from invoicing.temporal import lists
from invoicing.temporal.asking import Refused

TEMPLATES = {
    Kind.INVOICES: "invoice.html",
    Kind.ORDERS: "order.html",
    Kind.EVENTS: "event.html",
    Kind.CREDITS: "credits.html",
    Kind.AMENDMENTS: "amendment.html",
}
BESIDE = {**COMES_WITH, Answer.INVOICED: "number"}
"""What is typed beside an answer."""
MOST_LINES = 150
"""Lines of a document that its page shows at once, and of which it has fields to credit units: a
form has 200 fields at most."""


class Again(NamedTuple):
    """Why a page is shown again: what was typed, by which form, and what is wrong with it."""

    status: int
    note: str
    doing: str = ""
    form: Form | None = None
    mistakes: Sequence[FieldProblem] = ()


async def show(
    request: Request,
    desk: Console,
    visitor: Visitor,
    kind: Kind,
    name: str,
    again: Again | None = None,
) -> HTMLResponse:
    """The page of one that was checked to be the visitor's own."""
    subject = await look(desk, kind, name)
    around = await _around(desk, subject)
    problem = subject.problem
    document = subject.asked.document if subject.asked else None
    credits_ = await credited.beside(desk, subject.state)
    written = document.model_dump(mode="json", exclude_unset=True) if document else {}
    return desk.pages.page(
        request,
        TEMPLATES[kind],
        visitor,
        status=again.status if again else 200,
        subject=subject,
        state=subject.state,
        problem=problem,
        differences=differences(problem) if problem else [],
        others=others(problem) if problem else [],
        beside=BESIDE,
        most_lines=MOST_LINES,
        first_line=_first_line(request),
        amended=await amended.is_known(desk, subject.state),
        credited=credits_,
        free_name=credited.free_name(credits_) if credits_ else "",
        most_credited_rates=credited.MOST_RATES,
        document=json_shown(json.dumps(written, indent=2, ensure_ascii=False)),
        again=again,
        mistakes={each.field: each.message for each in again.mistakes} if again else {},
        live=_live(request, subject, again),
        keeps_documents=desk.backend.documents is not None,
        paid_online=STATED_BY,
        firsts=firsts(subject, around["journal"], visitor.caller.name),
        **around,
    )


def _first_line(request: Request) -> int:
    """From which line on they are shown, counted from nought: the address says the first's place.
    What it says else is no place."""
    place = request.query_params.get("line", "")
    return int(place) - 1 if _PLACE.fullmatch(place) else 0


_PLACE = re.compile("[1-9][0-9]{0,5}")


def _live(request: Request, subject: Subject, again: Again | None) -> Live | None:
    """None for news, which does not move, for what somebody has filled in, and for what is beside
    an invoice."""
    if again or subject.kind in (Kind.EVENTS, Kind.CREDITS, Kind.AMENDMENTS):
        return None
    first = _first_line(request)
    return Live(f"/live{subject.path}", subject.path + (f"?line={first + 1}" if first else ""))


async def _around(desk: Console, subject: Subject) -> dict[str, Any]:
    """What happened so far, whether it was cut off, and where engineers see it."""
    behind, kind, name = desk.backend, subject.kind, subject.name
    begun = not isinstance(subject.state, Credits) or subject.state.status is not CreditsStatus.NONE
    if kind is Kind.EVENTS or not begun:
        return {"journal": Journal(), "cut_off": False, "web_page": ""}
    match kind:
        case Kind.INVOICES:
            journal = await invoices.get_journal(name, behind)
        case Kind.CREDITS:
            journal = await crediting.get_credits_journal(name, behind)
        case Kind.AMENDMENTS:
            journal = await amendments.get_amendment_journal(name, behind)
        case _:
            journal = await orders.get_order_journal(name, behind)
    handle = handle_of(desk, kind, name)
    last = lists.listed(await behind.stored(described(name, handle)))
    namespace = behind.client.temporal.namespace
    origin = behind.settings.web_ui.rstrip("/")
    return {
        "journal": journal,
        "cut_off": last.status == lists.CUT_OFF,
        "web_page": f"{origin}/namespaces/{namespace}/workflows/{quote(handle.id, safe='')}",
    }


async def resolve(
    request: Request, desk: Console, visitor: Visitor, kind: Kind, name: str
) -> Response:
    """Answer its question with what was filled in."""

    async def act(form: Form) -> str:
        said = await answer_in(desk, form, visitor)
        return await answered(desk, visitor, kind, name, said, form.once)

    return await acted(request, desk, visitor, kind, name, "resolve", act)


async def answered(
    desk: Console, visitor: Visitor, kind: Kind, name: str, said: Resolve, key: str | None
) -> str:
    """Give this answer; what its page says of it then."""
    answer = await give(desk, visitor, kind, name, said, key)
    return _became(answer, visitor, said.answer.value, "answered")


INSTRUCTIONS: dict[str, type[Instruction]] = {"hold": Hold, "release": Release, "cancel": Cancel}


async def instruct(
    request: Request, desk: Console, visitor: Visitor, kind: Kind, name: str, verb: str
) -> Response:
    """Hold, release or cancel, with the reason that was filled in."""
    behind = desk.backend

    async def act(form: Form) -> str:
        who = visitor.caller.name
        wanted = {"by": who, "proven": who, "reason": form["reason"]}
        order = read(INSTRUCTIONS[verb], json.dumps(wanted))
        key = form.once
        answer: Recorded
        match order:
            case Hold():
                answer = await invoices.hold_invoice(name, order, behind, key=key)
            case Release():
                answer = await invoices.release_invoice(name, order, behind, key=key)
            case Cancel() if kind is Kind.ORDERS:
                answer = await orders.cancel_order(name, order, behind, key=key)
            case Cancel():
                taken = Response()
                answer = await invoices.cancel_invoice(name, order, behind, taken, key=key)
                said = "taken" if taken.status_code == 202 else verb
                return _became(answer, visitor, verb, said)
            case _:
                raise AssertionError(verb)
        return _became(answer, visitor, verb, verb)

    return await acted(request, desk, visitor, kind, name, verb, act)


def _became(answer: Recorded | None, visitor: Visitor, kind: str, said: str) -> str:
    """What the page says of it; of the first of two people, that another's consent is missing."""
    first = isinstance(answer, Invoice) and any(
        each.proven == visitor.caller.name and each.kind in (kind, CREDIT)
        for each in answer.consents
    )
    return "consented" if first else said


async def acted(
    request: Request,
    desk: Console,
    visitor: Visitor,
    kind: Kind,
    name: str,
    doing: str,
    act: Callable[[Form], Awaitable[str]],
) -> Response:
    """Do it and go on to the page, which is shown again at once where that could not be done."""
    form = await filled(request, desk, visitor.session)
    await check(desk, visitor, kind, name)
    again = await tried(request, desk, kind, name, doing, form, act)
    if isinstance(again, Response):
        return again
    return await show(request, desk, visitor, kind, name, again)


async def tried(
    request: Request,
    desk: Console,
    kind: Kind,
    name: str,
    doing: str,
    form: Form,
    act: Callable[[Form], Awaitable[str]],
) -> Response | Again:
    """Do it; the way on to its page, or why a page has to be shown again."""
    words, visit = desk.pages.words, visit_of(request)
    try:
        said = await act(form)
    except InvalidRequest as error:
        visit.outcome = Trouble.INVALID.slug
        mistakes = error.fields or [FieldProblem(field="reason", message=str(error))]
        return Again(422, words("again.mistakes"), doing, form, mistakes)
    except Refused as error:
        visit.outcome = Trouble.REFUSED.slug
        moved = doing == "resolve" and error.problem and error.problem.question != form["question"]
        note = words("again.moved_on") if moved else words("again.refused", why=str(error))
        # A question may have moved on; a credit is corrected by what is left.
        return Again(409, note, doing, form) if doing == CREDIT else Again(409, note)
    where = f"{request.scope['root_path']}{Subject(kind, name).path}?said={said}"
    return RedirectResponse(where, 303)

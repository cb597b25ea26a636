"""Many alike answered, or released, at once: what that means first, then one answer with one
reason."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections import defaultdict
from collections.abc import Iterable
from functools import partial
from typing import NamedTuple

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from console.answering import BESIDE
from console.door import Answering, Console, Desk, Form, Looking, filled
from console.inbox import ROWS
from console.render import Visitor
from console.rows import look_at_each
from console.second import consents
from console.subjects import Kind, Subject, answer_in, check, give, sums
from console.words import Words
from gateway import invoices
from gateway.problems import Kind as Wrong
from gateway.problems import Trouble, invalid, trouble_with
from gateway.turns import in_turn
from gateway.visits import Book, visit_of
from invoicing.errors import FieldProblem, InvalidRequest, InvoicingError
from invoicing.parse import read
from invoicing.state.invoice import Invoice, Release, Resolve, Status
from invoicing.state.questions import Answer, Reason, meaning
from invoicing.temporal.asking import Refused
from settings.callers import Scope

router = APIRouter()

_AT_ONCE = 4


class Group(NamedTuple):
    """Those that ask the same (`what`), and the answers that all of them offer, each with what it
    means."""

    what: str
    subjects: list[Subject]
    answers: list[tuple[Answer, str]]


def _named(items: Iterable[str]) -> list[tuple[Kind, str]]:
    """What is meant by `invoices/INV-1`. Raises Trouble where it means nothing, or is too many."""
    wanted = list(dict.fromkeys(items))
    parted = [each.partition("/") for each in wanted]
    kinds = {str(kind) for kind in (Kind.INVOICES, Kind.ORDERS, Kind.CREDITS)}
    if len(wanted) > ROWS or not all(kind in kinds and name for kind, _, name in parted):
        raise invalid("of", f"must be at most {ROWS} invoices and orders")
    return [(Kind(kind), name) for kind, _, name in parted]


def _groups(subjects: Iterable[Subject], words: Words) -> list[Group]:
    by_reason: dict[Reason, list[Subject]] = defaultdict(list)
    held = [each for each in subjects if _is_held(each)]
    for each in subjects:
        if each.problem:
            by_reason[each.problem.reason].append(each)
    asked = [
        Group(words.asked(reason), alike, _common(reason, alike))
        for reason, alike in by_reason.items()
    ]
    release = [(Answer.RELEASE, words("do.release_means"))]
    return asked + ([Group(words("waits.release"), held, release)] if held else [])


def _is_held(subject: Subject) -> bool:
    """Whether all that it waits for is a release."""
    state = subject.state
    return isinstance(state, Invoice) and state.status is Status.HELD and not subject.problem


def _common(reason: Reason, alike: list[Subject]) -> list[tuple[Answer, str]]:
    """Answers that everyone offers and that need nothing of their own beside them."""
    offered = [each.problem.answers for each in alike if each.problem]
    return [
        (answer, meaning(reason, answer))
        for answer in offered[0]
        if answer not in BESIDE and all(answer in each for each in offered)
    ]


@router.get("/together")
async def preview(request: Request, desk: Desk, visitor: Looking) -> HTMLResponse:
    """What answering these at once would mean."""
    return await _preview(request, desk, visitor, request.query_params.getlist("of"))


async def _preview(
    request: Request,
    desk: Console,
    visitor: Visitor,
    items: Iterable[str],
    form: Form | None = None,
    mistakes: Iterable[FieldProblem] = (),
) -> HTMLResponse:
    wanted = _named(items)
    await desk.access.count_looks(visitor.caller, len(wanted))
    for kind, name in wanted:
        await check(desk, visitor, kind, name)
    found = await look_at_each(desk, wanted)
    groups = _groups(found, desk.pages.words)
    return desk.pages.page(
        request,
        "together.html",
        visitor,
        status=422 if form else 200,
        groups=[(group, sums(group.subjects)) for group in groups],
        silent=[each for each in found if not each.problem and not _is_held(each)],
        form=form,
        consents=consents,
        mistakes={each.field: each.message for each in mistakes},
    )


class Said(NamedTuple):
    """What became of one answer; `why` is empty where it was taken."""

    subject: Subject
    why: str


@router.post("/together")
async def answer(request: Request, desk: Desk, visitor: Answering) -> Response:
    """Give one answer to each, for the question that was shown of it; or release each."""
    form = await filled(request, desk, visitor.session)
    parted = [each.rpartition("|") for each in form.all("asked")]
    # One that is named twice is answered once.
    questions = {item: question for item, _, question in parted}
    asked = dict(zip(_named(questions), questions.values(), strict=True))
    if not asked:
        raise invalid("asked", "names none")
    try:
        said = await _said_in(desk, form, visitor, are_held=not any(questions.values()))
    except InvalidRequest as error:
        visit_of(request).outcome = Wrong.INVALID.slug
        items = [item for item, _, _ in parted]
        return await _preview(request, desk, visitor, items, form, error.fields)
    if isinstance(said, Resolve) and said.answer in BESIDE:
        raise invalid("answer", "needs something of its own for each: answer them one by one")
    once = form.once
    places, book = asyncio.Semaphore(_AT_ONCE), Book()

    async def one(kind: Kind, name: str, question: str) -> Said:
        async with places:
            its_own = {"question": question} if isinstance(said, Resolve) else {}
            told = said.model_copy(update=its_own)
            why = await _given(request, desk, visitor, book, kind, name, told, once)
            return Said(Subject(kind, name), why)

    became = await asyncio.gather(*(one(*each, question) for each, question in asked.items()))
    return desk.pages.page(
        request,
        "together_done.html",
        visitor,
        became=became,
        answer=said.answer if isinstance(said, Resolve) else Answer.RELEASE,
    )


async def _said_in(
    desk: Console, form: Form, visitor: Visitor, *, are_held: bool
) -> Resolve | Release:
    """What was filled in, read once for all: those that are held ask no question, and are released.
    Raises InvalidRequest."""
    if are_held and form["answer"] == Answer.RELEASE:
        who = visitor.caller.name
        return read(Release, json.dumps({"by": who, "proven": who, "reason": form["reason"]}))
    # Each names its own question.
    return await answer_in(desk, Form([*form.pairs, ("question", "any")]), visitor)


async def _given(
    request: Request,
    desk: Console,
    visitor: Visitor,
    book: Book,
    kind: Kind,
    name: str,
    said: Resolve | Release,
    once: str | None,
) -> str:
    """Why it was not taken, or nothing. It is let in, counted and written down as if it had come by
    itself."""
    visit = dataclasses.replace(visit_of(request), status=303, outcome="", leave=[])
    visit.about(name)
    try:
        proof = visitor.session.proof or ""
        await in_turn(partial(desk.access.admit, visit, proof, Scope.OPERATE))
        await check(desk, visitor, kind, name)
        if isinstance(said, Resolve):
            await give(desk, visitor, kind, name, said, once)
        elif kind is Kind.INVOICES:
            await invoices.release_invoice(name, said, desk.backend, key=once)
        else:
            raise invalid("asked", "is no invoice: nothing else is held")
    except (Trouble, InvoicingError) as error:
        trouble = trouble_with(error)
        visit.status, visit.outcome = trouble.kind.status, trouble.kind.slug
        return _why(desk, error, trouble, said)
    finally:
        visit.end()
        book.write(visit, request.scope)
    return ""


def _why(desk: Console, error: Exception, trouble: Trouble, said: Resolve | Release) -> str:
    asked = said.question if isinstance(said, Resolve) else ""
    if isinstance(error, Refused) and error.problem and error.problem.question != asked:
        return desk.pages.words("again.moved_on")
    return trouble.details.detail or trouble.details.title

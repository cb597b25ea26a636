"""What may ask a person something, whatever it is: an invoice, an order or an event. Each is asked
and answered by the gateway's own functions."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import partial
from typing import NamedTuple, Protocol
from urllib.parse import quote

from console.asked import Asked
from console.door import Console, Form, own, own_event
from console.render import Visitor
from gateway import amendments, events, invoices, orders
from gateway import credits as crediting
from gateway.store import refuse_unseen
from invoicing.credits.amend import Amendment
from invoicing.credits.case import Credits
from invoicing.document import Document
from invoicing.errors import FieldProblem, InvalidRequest, Misread
from invoicing.model import Recorded
from invoicing.parse import read
from invoicing.request import InvoiceRequest, OrderRequest
from invoicing.state.invoice import COMES_WITH, Amounts, Invoice, Problem, Resolve, Waiting
from invoicing.state.news import EventState
from invoicing.state.order import Order
from invoicing.state.questions import Answer, Reason
from invoicing.temporal.asking import Execution


class Kind(StrEnum):
    """As addresses have it, here and over REST."""

    INVOICES = "invoices"
    ORDERS = "orders"
    EVENTS = "events"
    CREDITS = "credits"
    """Of an invoice, by its reference."""
    AMENDMENTS = "amendments"
    """The one of an invoice, by the reference of the invoice that is amended."""


@dataclass(frozen=True)
class Subject:
    """One of them, by its name, as it is now. `asked` where it can be read here."""

    kind: Kind
    name: str
    state: Invoice | Order | EventState | Credits | Amendment | None = None
    asked: Asked | None = None

    @property
    def path(self) -> str:
        """Below the console's own."""
        return f"/{self.kind}/{quote(self.name, safe='/' if self.kind is Kind.EVENTS else '')}"

    @property
    def item(self) -> str:
        """Its name among others."""
        return f"{self.kind}/{self.name}"

    @property
    def problem(self) -> Problem | None:
        """The question that is open. One that was rejected has a problem and asks nothing; so does
        an amendment: no answer goes on with it, but the whole request again."""
        if isinstance(self.state, Amendment):
            return None
        problem = self.state.problem if self.state else None
        return problem if problem and problem.answers else None

    @property
    def waiting(self) -> Waiting | None:
        """What it waits for."""
        return self.state.waiting if self.state else None

    @property
    def has_moved_on(self) -> bool:
        """Whether it is known to wait for nobody, whatever a list of a moment ago says."""
        waits = self.waiting is not None and self.waiting.on == "person"
        return self.state is not None and self.problem is None and not waits

    @property
    def amounts(self) -> Amounts | None:
        """Of an invoice or order."""
        return self.state.amounts if isinstance(self.state, Invoice | Order) else None

    @property
    def buyer(self) -> str:
        """Their name; empty where it is not known."""
        return self.asked.buyer if self.asked else ""


def handle_of(desk: Console, kind: Kind, name: str) -> Execution:
    """The workflow behind an invoice, an order, or the credits or the amendment of an invoice."""
    client = desk.backend.client
    match kind:
        case Kind.INVOICES:
            return client.invoices.handle(name)
        case Kind.CREDITS:
            return client.credits.handle(name)
        case Kind.AMENDMENTS:
            return client.amendments.handle(name)
        case _:
            return client.orders.handle(name)


def asked_by(desk: Console, kind: Kind, name: str) -> Execution:
    """The workflow that says whose it is, and with what it was asked: of credits and amendments,
    the invoice's."""
    of_invoice = kind in (Kind.CREDITS, Kind.AMENDMENTS)
    return handle_of(desk, Kind.INVOICES if of_invoice else kind, name)


async def check(desk: Console, visitor: Visitor, kind: Kind, name: str) -> None:
    """Raise Trouble for what is not the visitor's own, as for what is not there."""
    if kind is Kind.EVENTS:
        own_event(visitor, name)
    else:
        await own(desk, visitor, name, asked_by(desk, kind, name))


async def look(desk: Console, kind: Kind, name: str) -> Subject:
    """It as it is now, of a visitor for whom it was checked. Raises as REST does."""
    behind = desk.backend
    if kind is Kind.EVENTS:
        return Subject(kind, name, await events.get_event(name, behind))
    if kind is Kind.AMENDMENTS:
        # It may wait for longer than its invoice is known to Temporal.
        return Subject(kind, name, await amendments.get_amendment(name, behind))
    state: Invoice | Order | Credits
    match kind:
        case Kind.INVOICES:
            state = await invoices.get_invoice(name, behind)
        case Kind.CREDITS:
            state = await crediting.get_credits(name, behind)
        case _:
            state = await orders.get_order(name, behind)
    return Subject(kind, name, state, await _asked(desk, kind, name))


async def _asked(desk: Console, kind: Kind, name: str) -> Asked | None:
    """With what it is asked for; None where that cannot be read here. Raises as REST does."""
    wanted: InvoiceRequest | OrderRequest
    try:
        if kind is Kind.ORDERS:
            wanted = await orders.asked_for(name, desk.backend)
        else:
            wanted = await invoices.asked_now(name, desk.backend)
    except Misread:
        return None
    return Asked(wanted.document, wanted.may_credit)


async def give(
    desk: Console, visitor: Visitor, kind: Kind, name: str, said: Resolve, key: str | None
) -> Recorded | None:
    """Give this answer, once under this key; the invoice or order as it is then.
    Raises Refused, with the question that is open, and as REST does."""
    behind = desk.backend
    await refuse_unseen(behind, visitor.caller, said)
    match kind:
        case Kind.INVOICES:
            return await invoices.resolve_invoice(name, said, behind, key=key)
        case Kind.ORDERS:
            return await orders.resolve_order(name, said, behind, key=key)
        case Kind.CREDITS:
            return await crediting.resolve_credits(name, said, behind, key=key)
        case Kind.EVENTS:
            await events.resolve_event(name, said, behind, visitor.caller, key=key)
            return None
        case Kind.AMENDMENTS:
            raise AssertionError(kind)


async def answer_in(desk: Console, form: Form, visitor: Visitor) -> Resolve:
    """The answer that was filled in. Raises InvalidRequest, which names every mistake by the
    field."""
    # A large document beside the loop: nobody else is to wait for it.
    work = partial(_answer_in, form, visitor)
    return await desk.backend.reading.do(visitor.caller.name, work)


def _answer_in(form: Form, visitor: Visitor) -> Resolve:
    answer = form["answer"]
    said: dict[str, object] = {"by": visitor.caller.name, "proven": visitor.caller.name}
    said |= {"reason": "", **form.given("question", "answer", "reason")}
    beside = COMES_WITH.get(Answer(answer)) if answer in tuple(Answer) else None
    if answer == Answer.INVOICED:
        said |= form.given("number")
    if beside == "document":
        document = document_in(form["document"])
        said["document"] = document.model_dump(mode="json", exclude_unset=True)
    elif beside:
        said[beside] = form[beside]
    return read(Resolve, json.dumps(said))


def document_in(text: str) -> Document:
    """The document of an answer. Raises InvalidRequest, with mistakes as the answer names them."""
    try:
        return read(Document, text)
    except InvalidRequest as error:
        found = error.fields or [FieldProblem(field="document", message=str(error))]
        raise InvalidRequest(
            "the document cannot be taken as it is",
            [each.model_copy(update={"field": _within(each.field)}) for each in found],
        ) from None


def _within(field: str) -> str:
    return field if field == "document" else f"document.{field}"


class Difference(NamedTuple):
    """One figure: what we hold, what the provider does, and by how much theirs is `more` or `less`;
    `size` None where that says nothing."""

    figure: str
    ours: str
    theirs: str
    size: Decimal | None
    way: str


_DIFFERENCE = re.compile(
    r"(?P<figure>.{1,100}?): ours (?P<ours>.+), theirs (?P<theirs>.+?)"
    r"(?: \((?P<size>\d{1,30}(?:\.\d{1,30})?) (?P<way>more|less)\))?",
    re.DOTALL,
)


def differences(problem: Problem) -> list[Difference]:
    """The figures of a question about amounts; anybody else's words are not taken for figures."""
    if problem.reason is not Reason.AMOUNTS_DIFFER:
        return []
    found = (_DIFFERENCE.fullmatch(each.message) for each in problem.fields)
    return [_difference(**each.groupdict("")) for each in found if each]


def _difference(figure: str, ours: str, theirs: str, size: str, way: str) -> Difference:
    return Difference(figure, ours, theirs, Decimal(size) if size else None, way)


def others(problem: Problem) -> list[FieldProblem]:
    """What else the question says, field by field."""
    figures = {each.figure for each in differences(problem)}
    return [each for each in problem.fields if each.field not in figures]


def sums(subjects: Iterable[Subject]) -> dict[str, Decimal]:
    """What several are worth together, by currency."""
    return worth(each.amounts for each in subjects if each.amounts)


class Worth(Protocol):
    """What has an amount, where that is known."""

    @property
    def currency(self) -> str: ...

    @property
    def gross(self) -> Decimal | None: ...


def worth(every: Iterable[Worth]) -> dict[str, Decimal]:
    """The gross amounts of these together, by currency."""
    found: dict[str, Decimal] = {}
    for each in every:
        if each.gross is not None:
            found[each.currency] = found.get(each.currency, Decimal(0)) + each.gross
    return found

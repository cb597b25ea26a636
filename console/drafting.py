"""What somebody fills in of a document and its options, field by field: carried along by the page
itself, added to, looked through, with what is wrong beside each field."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, NamedTuple

from pydantic import BaseModel, JsonValue

from console.answering import Again
from console.door import Console, Form
from console.filling import MOST_ITEMS, Group, added, parts, removed, typed_into, walked
from console.filling import without_empty as pruned
from console.subjects import document_in
from gateway.options import options_of
from invoicing.document import Document
from invoicing.errors import FieldProblem, InvalidRequest
from invoicing.model import Typed
from invoicing.parse import read
from invoicing.request import InvoiceRequest
from invoicing.totals import BOTH_ROUNDINGS, totals

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


def begun(now: InvoiceRequest) -> Draft:
    """As the invoice is asked for now."""
    document = now.document.model_dump(mode="json", exclude_unset=True)
    written = Written(document=document, options=dict(now.options))
    return Draft(written, options_of(now.provider))


def filled_in(form: Form, first_draft: Draft) -> Draft:
    """What is written after this form. Raises InvalidRequest for what no page has carried along."""
    written = read(Written, form["written"])
    first = int(form["first"]) if form["first"].isdecimal() and len(form["first"]) < 6 else 0
    draft = replace(first_draft, written=written, first=first)
    typed = {name: value for name, value in form.pairs if "." in name}
    made: dict[str, dict[str, JsonValue]] = {"options": written.options}
    for each in draft.forms:
        value = typed_into(each, getattr(written, each.path), typed)
        made[each.path] = _arranged(each, value, form)
    draft = replace(draft, written=Written(**made))
    if form["add"] == LINES:
        return replace(draft, first=max(0, len(_lines_of(draft)) - 1) // MOST_ITEMS * MOST_ITEMS)
    turn = form["turn"]
    return replace(draft, first=int(turn)) if turn.isdecimal() and len(turn) < 6 else draft


def _arranged(form: Group, value: dict[str, JsonValue], sent: Form) -> dict[str, JsonValue]:
    if path := sent["add"]:
        return added(form, value, path)
    if path := sent["remove"]:
        return removed(form, value, path)
    return value


def _lines_of(draft: Draft) -> Sequence[JsonValue]:
    lines = draft.written.document.get("lines")
    return lines if isinstance(lines, list) else ()


def worth_of(draft: Draft) -> ComesTo:
    """What it comes to. Raises InvalidRequest, with every mistake by its path."""
    document = document_of(draft)
    roundings = [document.vat_rounding] if document.vat_rounding else BOTH_ROUNDINGS
    gross = {totals(document, each).gross for each in roundings}
    return ComesTo(document.currency, sorted(gross))


def document_of(draft: Draft) -> Document:
    """The document. Raises InvalidRequest, with every mistake by its path."""
    written = pruned(draft.forms[0], draft.written.document)
    return document_in(json.dumps(written))


def options_in(draft: Draft, begun_with: Written) -> dict[str, JsonValue]:
    """The options: as they were where this provider has no form here. Raises InvalidRequest where
    changed ones have mistakes."""
    if draft.model is None:
        return begun_with.options
    options = pruned(draft.forms[1], draft.written.options)
    if options != begun_with.options:
        _check_options(draft.model, options)
    return options


def _check_options(model: type[BaseModel], options: Mapping[str, JsonValue]) -> None:
    try:
        read(model, json.dumps(options))
    except InvalidRequest as error:
        raise InvalidRequest(
            "the options cannot be taken as they are",
            [each.model_copy(update={"field": f"options.{each.field}"}) for each in error.fields],
        ) from None


async def looked_through(
    desk: Console, draft: Draft, form: Form
) -> tuple[Draft, Again, ComesTo | None]:
    """The form again; with what is wrong, or what it comes to, where that was wanted."""
    again = Again(200, "", form=form)
    if not form["check"]:
        return draft, again, None
    try:
        return draft, again, await asyncio.to_thread(worth_of, draft)
    except InvalidRequest as error:
        wrong = Again(422, desk.pages.words("again.mistakes"), "", form, error.fields)
        return turned(draft, error.fields), wrong, None


def content(
    draft: Draft, again: Again | None = None, comes_to: ComesTo | None = None
) -> dict[str, Any]:
    """What the page of a form shows of it."""
    mistakes = again.mistakes if again else ()
    return {
        "forms": draft.forms,
        # Signs that turn text around are not to be lost on the way: nothing but ASCII is.
        "written": draft.written.model_dump_json(ensure_ascii=True),
        "first": draft.first,
        "step": MOST_ITEMS,
        "lines": len(_lines_of(draft)),
        "again": again,
        "reason": again.form["reason"] if again and again.form else "",
        "placed": _placed(draft, mistakes),
        "mistakes": {each.field: each.message for each in mistakes},
        "comes_to": comes_to,
    }


def turned(draft: Draft, mistakes: Sequence[FieldProblem]) -> Draft:
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

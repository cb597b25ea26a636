"""Findings as a report: Markdown for people, CSV and JSON for machines, a line at a time."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal

from invoicing.books.reconciling import Found
from tabular.results import harmless

Form = Literal["md", "csv", "json"]

COLUMNS = (*Found.model_fields, "to_do")


def report(found: Iterable[Found], form: Form) -> Iterator[str]:
    """Lines without their ends. The findings are never all in memory."""
    return _FORMS[form](found)


def _json(found: Iterable[Found]) -> Iterator[str]:
    for one in found:
        told = one.model_dump(mode="json") | {"to_do": one.to_do}
        yield json.dumps(told, ensure_ascii=False, separators=(",", ":"))


def _csv(found: Iterable[Found]) -> Iterator[str]:
    yield _row(COLUMNS)
    for one in found:
        told = one.model_dump(mode="json") | {"to_do": one.to_do}
        yield _row([harmless(told[name]) for name in COLUMNS])


def _row(cells: Iterable[Any]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="").writerow(cells)
    return out.getvalue()


def _markdown(found: Iterable[Found]) -> Iterator[str]:
    yield from ("# Reconciliation", "")
    number = 0
    for number, one in enumerate(found, 1):
        which = one.reference or one.provider_id or ""
        title = f"{number}. {one.kind.replace('_', ' ')}: {_escaped(which)}"
        yield from (f"## {title}", "", f"- at: {one.provider} / {one.account}")
        if one.provider_id and one.reference:
            yield f"- there: {_escaped(one.provider_id)}"
        yield f"- what: {_escaped(one.what)}"
        yield f"- since: {one.first_at:%Y-%m-%d %H:%M} UTC, last {one.last_at:%Y-%m-%d %H:%M} UTC"
        if one.closed_at:
            by = f" by {_escaped(one.closed_by)}" if one.closed_by else ""
            yield f"- closed: {one.closed_at:%Y-%m-%d}{by}: {_escaped(one.reason or '')}"
        yield from (f"- id: {one.id}", "", one.to_do, "")
    if not number:
        yield "Nothing disagrees."


def _escaped(text: str) -> str:
    """In one line, and without what Markdown reads."""
    flat = " ".join(text.split())
    return "".join(f"\\{each}" if each in "\\`*_[]<>#|" else each for each in flat)


_FORMS: dict[str, Callable[[Iterable[Found]], Iterator[str]]] = {
    "md": _markdown,
    "csv": _csv,
    "json": _json,
}

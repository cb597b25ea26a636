"""Inkwell: what is written to it."""

from __future__ import annotations

from invoicing.document import Line
from invoicing.money import plain
from invoicing.provider import CreateCall
from providers.kit.http import Json

from .options import InkwellOptions


def encoded(call: CreateCall) -> Json:
    """The body of create, with our reference where `find` looks for it."""
    document, options = call.document, InkwellOptions.model_validate(call.options)
    return {
        "reference": call.target.reference,
        "folder": options.folder,
        "currency": document.currency,
        "date": document.issue_date.isoformat(),
        "due": document.due_date.isoformat() if document.due_date else None,
        "buyer": document.buyer.name,
        "lines": [_line(line) for line in document.lines],
    }


def _line(line: Line) -> Json:
    return {
        "text": line.name,
        "quantity": plain(line.quantity),
        "price": plain(line.unit_price),
        "vat": plain(line.vat.rate),
    }

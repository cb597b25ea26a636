"""What the links of an invoice lead to: the page on which the buyer pays, and the PDF.

Whoever has a link may see what it leads to. No page says whether links end (U): see
`MollieStandIn.relink`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from starlette.responses import Response

from sandbox.kit.pdf import pdf
from sandbox.kit.server import Ask, Way
from sandbox.mollie.books import Books
from sandbox.mollie.invoice import Invoice, money
from sandbox.mollie.words import Step


def pages(books: Books) -> Sequence[Way]:
    """Both routes."""
    page = "/invoices/{name}"
    return (
        Way("GET", page, Step.PAGE, partial(_page, books)),
        Way("GET", f"{page}/pdf", Step.DOCUMENT, partial(_pdf, books)),
    )


def _page(books: Books, ask: Ask) -> Response:
    if (invoice := _linked(books, ask)) is None:
        return _nowhere()
    due = money(invoice.remaining, invoice.currency)
    said = f"{invoice.number}: {due['value']} {due['currency']} to pay"
    page = f"<!DOCTYPE html><title>{said}</title><p>{said}</p>"
    return Response(page, media_type="text/html")


def _pdf(books: Books, ask: Ask) -> Response:
    invoice = _linked(books, ask)
    if invoice is None or not invoice.rendered:
        return _nowhere()
    total = money(invoice.total, invoice.currency)
    content = pdf(f"Invoice {invoice.number}", f"{total['value']} {total['currency']}")
    return Response(content, media_type="application/pdf")


def _linked(books: Books, ask: Ask) -> Invoice | None:
    invoice = books.linked(ask.parameters["name"])
    if invoice is not None:
        ask.call.reference = invoice.reference
    return invoice


def _nowhere() -> Response:
    return Response("This link is not valid.", 404, media_type="text/plain")

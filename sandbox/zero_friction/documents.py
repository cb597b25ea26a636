"""Zero Friction's routes of documents: what an invoice would look like, and what it does."""

from __future__ import annotations

from starlette.responses import Response

from sandbox.kit.pdf import pdf
from sandbox.kit.server import Ask
from sandbox.zero_friction.books import Books
from sandbox.zero_friction.data import Json
from sandbox.zero_friction.forms import problem_details
from sandbox.zero_friction.invoice import Invoice
from sandbox.zero_friction.paging import known


class Documents:
    """Handlers over the books; that what they answer is called a PDF is inferred (I)."""

    def __init__(self, books: Books) -> None:
        self._books = books

    def preview(self, ask: Ask, body: Json) -> Response:
        """Of any invoice, whatever its status (I)."""
        invoice = known(self._books.invoices, ask.parameters["id"], "INVOICE_DOES_NOT_EXIST")
        ask.call.reference = invoice.reference
        return _shown(invoice, "Preview of invoice")

    def attachment(self, ask: Ask, body: Json) -> Response:
        """The document; one of the few routes for which a 404 is declared."""
        for invoice in self._books.listed():
            if invoice.attachment == ask.parameters["id"]:
                ask.call.reference = invoice.reference
                return _shown(invoice, "Credit note" if invoice.credited else "Invoice")
        return problem_details(404, "Not Found")


def _shown(invoice: Invoice, what: str) -> Response:
    content = pdf(f"{what} {invoice.number or 'without a number'}", f"{invoice.gross:.2f}")
    return Response(content, media_type="application/pdf")

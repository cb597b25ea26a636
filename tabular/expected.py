"""What an invoice of a file is before it is asked for: what it comes to, or what is wrong."""

from __future__ import annotations

from invoicing.request import InvoiceRequest
from invoicing.totals import Totals, totals
from tabular.entries import Entry
from tabular.results import Result

MEND = "mend the file and run it again"


def expected(entry: Entry) -> Result:
    """As a result, `not asked` or `refused`."""
    result = Result(entry.rows, entry.reference)
    if entry.request is None:
        result.outcome, result.why, result.do = "refused", "; ".join(entry.wrong), MEND
        return result
    result.due_date = entry.request.document.due_date
    _add_up(result, entry.request)
    return result


def _add_up(result: Result, request: InvoiceRequest) -> None:
    """Our amounts, unless they hang on where the provider rounds VAT: then they are learned."""
    document = request.document
    result.currency = document.currency
    if document.vat_rounding:
        _set(result, totals(document, document.vat_rounding))
        return
    by_line, by_category = totals(document, "line"), totals(document, "category")
    if (by_line.net, by_line.vat) == (by_category.net, by_category.vat):
        _set(result, by_line)


def _set(result: Result, sums: Totals) -> None:
    result.net, result.vat, result.gross, result.due = sums.net, sums.vat, sums.gross, sums.due

"""Tables of no one thing: previews, outcomes, findings, our side beside the provider's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.table import Table
from rich.text import Text

from invoicing.preview import Preview
from terminal.drawing import fact_table, judged, plain, table_of


def grid(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    """Rows of cells under the names of fields; what is None is left empty."""
    table = table_of(*(name.replace("_", " ").capitalize() for name in columns))
    for row in rows:
        table.add_row(*(plain("" if cell is None else cell) for cell in row))
    return table


def outcomes(rows: Iterable[tuple[str, str, str, str]]) -> Table:
    """What became of many instructions: reference, outcome, status, why."""
    table = table_of("Reference", "Outcome", "Status", "Why")
    for reference, outcome, status, why in rows:
        table.add_row(plain(reference), judged(outcome), plain(status), plain(why))
    return table


def previewed(preview: Preview) -> Table:
    """What one request would come to, if nothing stands in the way."""
    sums = preview.totals
    rows: dict[str, object] = {
        "Reference": preview.reference,
        "Provider": f"{preview.provider}, account {preview.account}",
        "Goal": preview.goal,
        "Looked up": ", ".join(preview.looked_up),
    }
    if sums:
        rows |= {f"Line {line.id}": f"{line.net} + {line.vat}" for line in sums.lines}
        rows |= {
            f"VAT {row.category} {row.rate} %": f"{row.vat} on {row.taxable}"
            for row in sums.vat_rows
        }
        rows["Net + VAT = gross"] = f"{sums.net} + {sums.vat} = {sums.gross} {sums.currency}"
        rows["Amount due"] = f"{sums.due} {sums.currency}"
    return fact_table(rows)


def previews(rows: Iterable[tuple[str, Preview | None, str]]) -> Table:
    """Many previews: reference, what it would come to, and what is wrong."""
    table = table_of(
        "Reference", "Provider", "Net", "VAT", "Gross", "Currency", "Possible", "Wrong"
    )
    for reference, preview, wrong in rows:
        sums = preview.totals if preview else None
        figures = (sums.net, sums.vat, sums.gross, sums.currency) if sums else ("",) * 4
        cells = (reference, preview.provider if preview else "", *figures)
        table.add_row(*map(plain, cells), judged("no" if wrong else "yes"), plain(wrong))
    return table


def findings(
    rows: Iterable[tuple[str, str, str]], what: str = "What", mend: str = "How to mend it"
) -> Table:
    """What an examination found: ok, look or wrong; what it is about; and how to mend it."""
    table = table_of("", what, mend)
    for level, *cells in rows:
        table.add_row(judged(level), *map(plain, cells))
    return table


def compared(rows: Iterable[tuple[str, str, str, str]]) -> Table:
    """Our side beside the provider's; the last cell says whether they agree."""
    table = table_of("Reference", "Our state", "The provider's ledger", "Agree")
    for reference, ours, theirs, agree in rows:
        style = "green" if agree == "yes" else "bold red"
        table.add_row(plain(reference), plain(ours), plain(theirs), Text(plain(agree), style=style))
    return table

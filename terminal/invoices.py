"""Invoices: one of them fact by fact, many of them row by row, and what happened to them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from rich.table import Table
from rich.text import Text

from invoicing.client import Listed
from invoicing.state.invoice import Invoice, JournalEntry, Status
from invoicing.state.order import Order
from terminal.drawing import fact_table, moment, plain, table_of

FELL_THROUGH = (
    Status.CANCELLED,
    Status.CREDITED,
    Status.ABANDONED,
    Status.REJECTED,
    Status.EXPIRED,
)
"""Ends at which the invoice that was asked for does not stand."""


def waits_for_person(invoice: Invoice | Order) -> bool:
    """Whether nothing more happens until somebody decides."""
    return invoice.status in (Status.NEEDS_ATTENTION, Status.HELD)


def rests(invoice: Invoice) -> bool:
    """Whether nothing more happens for now, until somebody decides or its day comes."""
    return waits_for_person(invoice) or invoice.status is Status.SCHEDULED


def facts(invoice: Invoice) -> Table:
    """One invoice, fact by fact."""
    sums, waiting = invoice.amounts, invoice.waiting
    until = f", until {moment(waiting.until)}" if waiting and waiting.until else ""
    rows = {
        "Reference": invoice.reference,
        "Status": status_of(invoice),
        "Waits for": f"{waiting}{until}" if waiting else None,
        "Consents": " · ".join(map(str, invoice.consents)),
        "Goal": invoice.goal,
        "Provider": f"{invoice.provider}, account {invoice.account}",
        "There": " · ".join(filter(None, (invoice.stage, invoice.provider_status))),
        "Provider's id": invoice.provider_id,
        "Number": invoice.number,
        "Net + VAT = gross": sums and f"{sums.net} + {sums.vat} = {sums.gross} {sums.currency}",
        "Payment": invoice.payment,
        "Money": invoice.balance and invoice.balance.is_told and invoice.balance.sentence(),
        **_movements(invoice),
        "Due": invoice.due_date,
        "Sent from": invoice.send_on and moment(invoice.send_on),
        "Lines": ", ".join(f"{line.id}: {line.status}" for line in invoice.lines),
    }
    return fact_table(rows)


def _movements(invoice: Invoice) -> dict[str, object]:
    balance = invoice.balance
    if balance is None:
        return {}
    rows: dict[str, object] = {
        f"Movement {place}": str(each)
        for place, each in enumerate(balance.movements, balance.earlier + 1)
    }
    return rows


def status_of(invoice: Invoice | Order) -> Text:
    """Its status, coloured by whether it waits for somebody, fell through, or is done."""
    if waits_for_person(invoice):
        style = "bold yellow"
    elif invoice.status in FELL_THROUGH:
        style = "magenta"
    else:
        style = "green" if invoice.ended else ""
    return Text(invoice.status, style=style)


def history(entries: Iterable[JournalEntry]) -> Table:
    """What happened, oldest first."""
    table = table_of("When (UTC)", "What", "By", "Why")
    for entry in entries:
        when = f"{entry.at:%Y-%m-%d %H:%M:%S}"
        table.add_row(when, plain(_told(entry)), plain(_who(entry)), plain(entry.reason))
    return table


def _who(entry: JournalEntry) -> str:
    """What was said of who it is, and who has proven it."""
    proven = f"{entry.proven}, proven" if entry.proven else ""
    said = entry.by if entry.by != entry.proven else ""
    return "; ".join(filter(None, (proven, said)))


def _told(entry: JournalEntry) -> str:
    if entry.last_at is None:
        return entry.what
    return f"{entry.what} ({entry.times} times, the last at {entry.last_at:%Y-%m-%d %H:%M:%S})"


def listing(rows: Iterable[Listed], columns: Sequence[str] = ()) -> Table:
    """Many invoices, one per row; `columns` are names of fields, left out: the usual ones."""
    if columns:
        table = table_of(*(name.replace("_", " ").capitalize() for name in columns))
        for row in rows:
            table.add_row(*(_cell(getattr(row, name)) for name in columns))
        return table
    table = table_of(
        "Reference", "Provider", "Status", "Waits for", "Number", "Due", "Started (UTC)"
    )
    for row in rows:
        status = row.status or row.execution
        cells = (row.reference, _whose(row), status, row.waiting_for, row.number, row.due_date)
        table.add_row(*(plain(cell or "") for cell in cells), moment(row.started_at)[:-4])
    return table


def _whose(row: Listed) -> str:
    """The provider, with the account where it is not the only one."""
    named = row.account and row.account != "default"
    return f"{row.provider or ''}, {row.account}" if named else row.provider or ""


def _cell(value: object) -> str:
    return moment(value) if isinstance(value, datetime) else plain(value or "")

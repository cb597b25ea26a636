"""Several invoices and orders as they change."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from invoicing.state.invoice import Invoice
from invoicing.state.order import Order
from terminal.drawing import plain, table_of
from terminal.invoices import status_of

_WIDE = 110


class Board:
    """Several invoices and orders as they change.

    On a terminal one table that is drawn anew; elsewhere one line per change. `stories` says what
    each invoice is about, `pages` where the Web UI shows it.
    """

    def __init__(
        self,
        console: Console,
        *,
        stories: Mapping[str, str] | None = None,
        pages: Mapping[str, str] | None = None,
    ) -> None:
        self._console = console
        self._stories, self._pages = stories or {}, pages or {}
        self._rows: dict[str, tuple[str | Text, ...]] = dict.fromkeys(self._stories, ())
        self._live: Live | None = None

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live = Live(console=self._console, auto_refresh=False)
            self._live.start()
            if self._rows:
                self._live.update(self._table(), refresh=True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live:
            self._live.stop()

    def say(self, text: str) -> None:
        """A line above the table."""
        self._console.print(text, soft_wrap=True)

    def show(self, invoice: Invoice | Order) -> None:
        """Take in how this invoice or order is now."""
        row = _row(invoice)
        if self._rows.get(invoice.reference) == row:
            return
        self._rows[invoice.reference] = row
        if self._live:
            self._live.update(self._table(), refresh=True)
        else:
            self._console.print(_line(invoice), soft_wrap=True)

    def _table(self) -> Table:
        wide = bool(self._stories) and self._console.width >= _WIDE
        story = ("Story",) if wide else ()
        table = table_of("Reference", *story, "Status", "Waits for", "Number", "Provider's id")
        for reference, row in self._rows.items():
            page = self._pages.get(reference)
            name = Text(plain(reference), style=f"link {page}" if page else "")
            told = (self._stories.get(reference, ""),) if wide else ()
            table.add_row(name, *told, *row)
        return table


def _row(invoice: Invoice | Order) -> tuple[str | Text, ...]:
    number, identity = plain(_number(invoice)), plain(invoice.provider_id or "")
    waiting = plain(invoice.waiting or "")
    return status_of(invoice), waiting, number, identity[:8] + "…" * (len(identity) > 8)


def _line(invoice: Invoice | Order) -> str:
    number = f", number {_number(invoice)}" if _number(invoice) else ""
    waiting = f", waits for {invoice.waiting}" if invoice.waiting else ""
    return plain(f"{invoice.reference}: {invoice.status}{number}{waiting}")


def _number(invoice: Invoice | Order) -> str:
    """An order has none of its own: its invoices have them."""
    return invoice.number or "" if isinstance(invoice, Invoice) else ""

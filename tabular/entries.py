"""What a file asks for, one invoice at a time."""

from __future__ import annotations

from dataclasses import dataclass

from invoicing.request import InvoiceRequest


@dataclass(frozen=True, slots=True)
class Entry:
    """What some rows of a file ask for: one request, or sentences about why it is none.

    `rows` are counted as a spreadsheet does, from 1.
    """

    rows: tuple[int, ...]
    reference: str = ""
    request: InvoiceRequest | None = None
    wrong: tuple[str, ...] = ()

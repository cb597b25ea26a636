"""The books of a period packed into one file, for whoever has no shell at the register."""

from __future__ import annotations

from typing import IO, NamedTuple, Protocol

from invoicing.books.periods import Period
from invoicing.errors import InvoicingError

MOST_INVOICES = 10_000
MOST_LINES = 100_000
"""Of the journal. More than either is for `invoicing export`, which has no bound."""


class TooMuch(InvoicingError):
    """More than is packed here."""


class Asked(NamedTuple):
    """What is to be in it. `accounts`, `references`: as in `Wanted`."""

    period: Period
    provider: str | None = None
    accounts: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    xlsx: bool = False


class Packed(NamedTuple):
    """A ZIP file of so many bytes, which is gone once it is closed; its folder is called `name`.
    `seal`: the digest of its manifest. `broken`: what is wrong with the register's journal."""

    name: str
    seal: str
    broken: str | None
    file: IO[bytes]
    size: int


class Exports(Protocol):
    """A register whose books can be taken."""

    def export(self, asked: Asked) -> Packed:
        """All of one moment. Blocks. Raises TooMuch, Unavailable."""
        ...

"""What an export says of itself: its files with their digests, and where its journal ends.

manifest.json is sealed by manifest.sha256, in the form that `sha256sum --check` takes. Who keeps
the seal elsewhere can tell that nobody has changed all files together.
"""

from __future__ import annotations

import hashlib
from datetime import date, datetime

from pydantic import BaseModel, ConfigDict

MANIFEST = "manifest.json"
SEAL = "manifest.sha256"


class _Written(BaseModel):
    """What one version of this program writes and every later one reads."""

    model_config = ConfigDict(frozen=True)


class FileEntry(_Written):
    """One file: its lines (with the names of columns), its size and its SHA-256."""

    name: str
    lines: int
    bytes: int
    sha256: str


class JournalEnd(_Written):
    """Where the exported journal ends: how many lines it has, and what the last is chained to."""

    lines: int
    chained: str


class Sums(_Written):
    """All final invoices (those with a number) in one currency. Amounts as text, exact.

    `paid_unknown` counts those of which a part is paid and nobody has said how much: `paid` is
    without them. `credited` is what was taken back, also by so many `credit_notes`; all other
    amounts are those of invoices.
    """

    currency: str
    invoices: int
    net: str
    vat: str
    gross: str
    due: str
    paid: str
    paid_unknown: int
    credited: str
    credit_notes: int = 0


class Manifest(_Written):
    """What stands in manifest.json."""

    made_at: datetime
    since: date
    until: date
    """The last day that is in it."""
    provider: str | None
    accounts: tuple[str, ...] = ()
    """Of these alone, where somebody took it who is limited to them; so with the beginnings of
    `references`."""
    references: tuple[str, ...] = ()
    files: tuple[FileEntry, ...]
    journal: JournalEnd
    totals: tuple[Sums, ...]

    @property
    def text(self) -> bytes:
        """As it is written."""
        return f"{self.model_dump_json(indent=2)}\n".encode()


def seal_of(text: bytes) -> str:
    """The digest of a manifest."""
    return hashlib.sha256(text).hexdigest()


def sealed(text: bytes) -> bytes:
    """What stands in manifest.sha256."""
    return f"{seal_of(text)}  {MANIFEST}\n".encode()

"""How large a file may be. What is larger is refused before it is read, or where it is met."""

from __future__ import annotations

from pathlib import Path

from invoicing.state.bounds import REQUEST
from tabular.wishes import UnreadableFile

MOST_BYTES = 256 << 20
"""A file, as it is stored."""
MOST_UNPACKED = 512 << 20
"""The parts of an XLSX file together: it is compressed."""
MOST_HELD = 128 << 20
"""Of them what is held while a sheet is read: the texts that its cells share, and its styles."""
MOST_TEXT = 300_000
"""Bytes of a part without any element. The longest text of a spreadsheet, 32,767 characters, has
not as many even where each is escaped. Whoever reads it holds it in memory several times."""
MOST_PARTS = 2_000
MOST_ROWS = 250_000
MOST_COLUMNS = 256
"""Of an XLSX file nothing beyond is looked at."""
MOST_NAMES = 1_000
"""Columns of a table. Each that is no field is held against all fields, to say which was meant."""
MOST_CELL = REQUEST
"""Characters of one cell: the whole request may not be larger. More is that row's mistake."""
MOST_RECORD = 8 << 20
"""Characters of one line, or of one cell with line ends in it: a quote that is never closed."""


def check_size(path: Path, most: int) -> None:
    """Raise UnreadableFile for a file of more bytes."""
    size = path.stat().st_size
    if size > most:
        raise UnreadableFile(f"{path.name} has {size:,} bytes, and {most:,} is the most.")

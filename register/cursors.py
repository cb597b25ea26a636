"""Where a part of a list ended: by a moment, and a name among those of the same moment."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime

from invoicing.books.booked import BadCursor


def written(moment: datetime, name: str) -> str:
    """What a list gives to go on with."""
    text = f"{moment.isoformat()} {name}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read(cursor: str) -> tuple[datetime, str]:
    """What it says. Raises BadCursor."""
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        moment, _, name = text.partition(" ")
        at = datetime.fromisoformat(moment)
        if at.tzinfo is None or "\0" in name:
            raise ValueError
    except (binascii.Error, UnicodeError, ValueError):
        raise BadCursor("this is not what a list gave to go on with") from None
    return at, name

"""What a provider says in words, held against what it was told, without keeping any of it.

A plan has a digest of each text that goes out, a snapshot one of each that is stated. Who the buyer
is must not stand in questions, and a thousand lines must not fill a history; a digest says enough:
the same, or not. Spaces and case do not count.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any

LINES = "texts of the lines"


def said(words: Mapping[str, Any], lines: Iterable[Any] = ()) -> dict[str, str]:
    """Digests by name. What is no text, or an empty one, is not said. The lines are one, in any
    order, and are said where every one of them has a text."""
    made = {name: _digest(text) for name, each in words.items() if (text := _plain(each))}
    texts = [_plain(each) for each in lines]
    if texts and all(texts):
        made[LINES] = _digest("\n".join(sorted(texts)))
    return made


def _plain(value: Any) -> str:
    return "".join(value.split()).casefold() if isinstance(value, str) else ""


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:16]

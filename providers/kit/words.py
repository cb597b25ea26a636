"""Words that a provider uses, as far as they may be shown."""

from __future__ import annotations

import re

from invoicing.provider import Stage

WORD = re.compile(r"[A-Za-z0-9_.\[\]-]{1,80}")
"""A word, or the path of a field."""


def safe_word(text: str) -> str:
    """The word itself; `?` for anything that could be free text: it may be somebody's name, and
    must not get into ids and statuses."""
    return text if WORD.fullmatch(text) else "?"


class Words(dict[str | None, Stage]):
    """A provider's words for how far an invoice is, in ours. One that is not listed is UNKNOWN:
    never a guess. None stands for a word that is not there."""

    def __missing__(self, word: str | None) -> Stage:
        return Stage.UNKNOWN

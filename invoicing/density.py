"""How much JSON may hold for its size, looked at before any of it is read.

An empty list is two characters, and takes Python 56 bytes; a megabyte of them, nested, took 44 MB.
What means something has names and values of some length, so this refuses nothing that does.
"""

from __future__ import annotations

import re

SOME = 6_000
"""So many of each are no matter, however short the text is: there may be 5000 discounts."""
PER_HOLDER = 30
"""Characters for each object or list beyond that. The shortest line that can be invoiced has two in
73."""
PER_NAME = 14
"""Characters for each name and its value beyond that. The shortest line has six in 73."""
_STRINGS = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)


def too_dense(text: str) -> str:
    """What it holds too much of for its size, in words; empty: nothing. It takes time in proportion
    to the text, whatever that is."""
    if not _exceeds(text, len(text)):
        return ""
    # Texts may hold such signs as they like: counted once more without them.
    return _exceeds(_STRINGS.sub("", text), len(text))


def _exceeds(text: str, size: int) -> str:
    holders = text.count("{") + text.count("[")
    if holders > SOME + size // PER_HOLDER:
        return f"{holders} objects and lists in {size} characters"
    names = text.count(":")
    if names > SOME + size // PER_NAME:
        return f"{names} named values in {size} characters"
    return ""

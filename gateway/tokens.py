"""What a token is: enough chance that nobody guesses it, and a digest that can be written down."""

from __future__ import annotations

import hashlib
import re
import secrets

from settings.callers import DIGEST

_WRITTEN = re.compile(r"[A-Za-z0-9._~+/-]{32,500}=*")
LEAST_DIFFERENT = 9
"""Different characters of a token. 32 hexadecimal digits by chance have fewer once in 100,000."""
WEAK = (
    "a token must have at least 32 letters, digits or . _ ~ + / -, of which at least "
    f"{LEAST_DIFFERENT} are different, and must not repeat itself"
)


def new() -> str:
    """A token that nobody had before: 256 bits by chance."""
    while is_weak(token := secrets.token_urlsafe(32)):
        pass
    return token


def is_weak(token: str) -> bool:
    """Whether a person made it up: too short, or of too few characters, or one part repeated."""
    if not _WRITTEN.fullmatch(token) or len(set(token)) < LEAST_DIFFERENT:
        return True
    return token in (token + token)[1:-1]


def digest(token: str) -> bytes:
    """What is kept of it. A token is no password: one digest of 256 bits of chance is enough."""
    return hashlib.sha256(token.encode()).digest()


def written(token: str) -> str:
    """The digest as settings have it."""
    return f"{DIGEST}{digest(token).hex()}"

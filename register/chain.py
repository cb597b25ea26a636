"""The journal's chain: who changes a line, or takes one out, must change every line after it.

digest = SHA-256 of (salt + what was said)      so that what was said can be erased
hash   = SHA-256 of (hash before, position, about what, when, status, digest)
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from invoicing.state.recording import Line

START = "0" * 64
"""The hash before the first line."""


def linked(
    line: Line, position: int, previous: str, kind: str, reference: str, claimant: str
) -> dict[str, Any]:
    """A row of the journal, linked to the one before it."""
    salt = secrets.token_hex(16)
    said = json.dumps([line.what, line.by, line.reason, line.proven])
    row = {
        "position": position,
        "kind": kind,
        "reference": reference,
        "claimant": claimant,
        "sequence": line.sequence,
        "at": line.at,
        "status": line.status,
        "salt": salt,
        "said": said,
        "digest": digest(salt, said),
        "previous": previous,
    }
    return {**row, "hash": hash_of(row)}


def digest(salt: str, said: str) -> str:
    """What the chain keeps of a line's words. The salt keeps few words from being guessed."""
    return hashlib.sha256(f"{salt}{said}".encode()).hexdigest()


def hash_of(row: Mapping[str, Any]) -> str:
    """The hash of a row of the journal."""
    at: datetime = row["at"]
    parts = [row[name] for name in ("previous", "position", "kind", "reference", "claimant")]
    when = at.astimezone(UTC).isoformat(timespec="microseconds")
    parts += [row["sequence"], when, row["status"], row["digest"]]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def first_broken(rows: Iterable[Mapping[str, Any]], end: tuple[int, str]) -> str | None:
    """What is wrong with the journal, at its first line that is not as it was written; None where
    nothing is. `end` is where it must end: position and hash."""
    position, previous = 0, START
    for row in rows:
        position += 1
        where = f"line {row['position']} ({row['reference']})"
        if row["position"] != position:
            return f"line {position} is missing"
        if row["previous"] != previous or row["hash"] != hash_of(row):
            return f"{where} is not as it was written"
        said, salt = row["said"], row["salt"]
        if (said is None) != (salt is None):
            return f"{where} is erased in part"
        if said is not None and digest(salt, said) != row["digest"]:
            return f"{where}: what it says was changed"
        previous = row["hash"]
    return None if (position, previous) == end else f"it must end with line {end[0]}"

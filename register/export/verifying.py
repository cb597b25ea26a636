"""Whether a folder is what was exported: one flipped bit, a file more or less, a line taken out of
the journal. It needs no register."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from pydantic import ValidationError

from register.export.manifest import MANIFEST, SEAL, FileEntry, Manifest, seal_of, sealed
from register.export.rows import Links, line_again

JOURNAL = "journal.jsonl"

MOST_BYTES = 1 << 20
"""Of a manifest, and of a line of the journal: no export writes a larger one."""


def verified(folder: Path, seal: str | None = None) -> Iterator[str]:
    """What is wrong with it, as it is found; nothing where it is as it was written.

    `seal`: what the export said of its manifest, where that was kept elsewhere. Raises OSError.
    """
    there = {each.name: each for each in folder.iterdir()}
    for name in (MANIFEST, SEAL):
        if name not in there:
            yield f"{name} is missing"
            return
        if not _is_file(there[name]):
            yield f"{name} is no file"
            return
    text = _start_of(there.pop(MANIFEST))
    if _start_of(there.pop(SEAL)) != sealed(text):
        yield f"{SEAL} does not fit {MANIFEST}: one of them was changed"
    if seal is not None and seal != seal_of(text):
        yield f"{MANIFEST} is not the one with the seal {seal}"
    try:
        manifest = Manifest.model_validate_json(text)
    except ValidationError:
        yield f"{MANIFEST} is none: it cannot be read"
        return
    named = {entry.name: entry for entry in manifest.files}
    yield from (f"{name} is missing" for name in sorted(named.keys() - there.keys()))
    yield from (f"{name} is not of this export" for name in sorted(there.keys() - named.keys()))
    for name in sorted(named.keys() & there.keys()):
        yield from _file(there[name], named[name])
    if JOURNAL in there and _is_file(there[JOURNAL]):
        yield from _journal(there[JOURNAL], manifest)


def _is_file(path: Path) -> bool:
    """Whether it is one itself: a pipe would never end, and a link leads elsewhere."""
    return path.is_file() and not path.is_symlink()


def _start_of(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MOST_BYTES)


def _file(path: Path, entry: FileEntry) -> Iterator[str]:
    if not _is_file(path):
        yield f"{path.name} is no file"
        return
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != entry.sha256:
        size = path.stat().st_size
        how = "" if size == entry.bytes else f", has {size} bytes instead of {entry.bytes}"
        yield f"{path.name} is not as it was written{how}"


def _journal(path: Path, manifest: Manifest) -> Iterator[str]:
    """The first line that breaks the chain, or what is missing at its end."""
    links = Links()
    with path.open("rb") as file:
        for number in count(1):
            text = file.readline(MOST_BYTES)
            if not text:
                break
            try:
                told = json.loads(text)
                wrong = links.add(*line_again(told))
                unchained = told["chained"] != links.chained
            except (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError):
                yield f"{path.name}, row {number}: cannot be read"
                return
            if wrong or unchained:
                why = wrong or f"line {told['position']} is not chained to the one before it"
                yield f"{path.name}, row {number}: {why}"
                return
    end = manifest.journal
    if (links.lines, links.chained) != (end.lines, end.chained):
        yield f"{path.name} must have {end.lines} lines, and ends otherwise"

"""What each caller has put into the store lately: how much of it is its own, and which files it may
name where it may name no others.

One mark for each file and caller, under `+put`. It tells no more than the caller's digest, the
file's, and its size; its age is the store's own word.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import obstore
from obstore.store import ObjectStore

from invoicing.attachment import digest_of

PUT = "+put"
"""The folder of all marks. No reference begins with a plus."""
WITHIN = timedelta(days=30)
"""For which a file that was put counts, and may be named: as long as one that nobody needs stays.
Put again, it counts from then on, once."""


class Share(NamedTuple):
    """What a caller may put within that time."""

    files: int
    size: int
    """Bytes, of all of them together."""


class UsedUp(Exception):
    """There is no room for another of this caller. Says how much there is."""


class Shares:
    """Marks of files that were put. Raises what the store does."""

    def __init__(self, files: ObjectStore) -> None:
        self._files = files

    async def take(self, caller: str, sha256: str, size: int, most: Share) -> None:
        """Count this file for this caller, once however often it is put. Raises UsedUp.

        Two gateways that count at the same moment can let one more pass each.
        """
        own = _mark(caller, sha256, size)
        count, together, old = 1, size, list[str]()
        async for path, is_old in self._marks(caller):
            if is_old:
                old.append(path)
            elif path != own:
                count, together = count + 1, together + _size(path)
        if old:
            await obstore.delete_async(self._files, old)
        if count > most.files or together > most.size:
            raise UsedUp(
                f"a caller may put {most.files} files of {most.size} bytes together within "
                f"{WITHIN.days} days, and this one would be more"
            )
        await obstore.put_async(self._files, own, b"put")

    async def has(self, caller: str, sha256: str, size: int) -> bool:
        """Whether this caller has put this file within that time."""
        try:
            found = await obstore.head_async(self._files, _mark(caller, sha256, size))
        except FileNotFoundError:
            return False
        return found["last_modified"] > datetime.now(UTC) - WITHIN

    async def _marks(self, caller: str) -> AsyncIterator[tuple[str, bool]]:
        before = datetime.now(UTC) - WITHIN
        async for batch in obstore.list(self._files, prefix=_of(caller)):
            for each in batch:
                yield each["path"], each["last_modified"] <= before


def _of(caller: str) -> str:
    return f"{PUT}/{digest_of(caller.encode())}"


def _mark(caller: str, sha256: str, size: int) -> str:
    return f"{_of(caller)}/{sha256}-{size}"


def _size(path: str) -> int:
    """Zero for a mark of before there was any size in it."""
    return int(path.rpartition("-")[2]) if "-" in path.rpartition("/")[2] else 0

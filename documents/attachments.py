"""Files of callers in the store: by account and by what is in them, for whoever invoices there.

The same content put twice is one file. Who needs one says so first (`hold`), so that it is removed
only with the last that does.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from zlib import crc32

import obstore
from obstore.store import ObjectStore

from documents.reaching import StoreAway, reached
from documents.shares import PUT, Share, Shares
from invoicing.attachment import StoredFile, digest_of, is_what_it_says
from invoicing.document_file import folder_of

AT_ONCE = 2
"""Calls with files that are under way at once in a worker, or files that come in at a gateway. A
call holds up to 20 MB, and writes them down up to three times as Base64: 100 MB."""
PATIENCE = timedelta(seconds=10)
"""For one answer of the store, and for a place."""
_FILES, _HELD, _HOLDS = "+attachments", "+attached", "+attached"
"""No reference begins with a plus, so that no folder of a reference is one of these."""


class NotThere(Exception):
    """What a document names is not in the store, or is not what it says. The sentence is the rest
    of one that begins with the file."""


class Account(NamedTuple):
    """Whose files they are: those of others are not found."""

    provider: str
    name: str


class Attachments:
    """Files by account and digest. Every method may raise StoreAway."""

    def __init__(self, files: ObjectStore) -> None:
        self._files = files
        self._shares = Shares(files)
        self._places = asyncio.Semaphore(AT_ONCE)

    @contextlib.asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """For whoever holds files in memory. StoreAway where none is free in time."""
        try:
            async with asyncio.timeout(PATIENCE.total_seconds()):
                await self._places.acquire()
        except TimeoutError:
            raise StoreAway("too many files are on their way, and this waits for them") from None
        try:
            yield
        finally:
            self._places.release()

    async def put(
        self, account: Account, raw: bytes, named: str = "", by: tuple[str, Share] | None = None
    ) -> str:
        """Keep this content, all of it or none. Its digest, by which it is named; empty where it is
        not the one given, and nothing is kept then. It counts for the caller `by` whom it is put,
        who may then name it; UsedUp where that one has no room left."""
        sha256 = await asyncio.to_thread(digest_of, raw)
        if named and named != sha256:
            return ""
        async with _in_time():
            if by is not None:
                caller, most = by
                await self._shares.take(caller, sha256, len(raw), most)
            await obstore.put_async(self._files, _key(account, sha256), raw)
        return sha256

    async def has_put(self, caller: str, file: StoredFile) -> bool:
        """Whether this caller has put this content, and not too long ago."""
        async with _in_time():
            return await self._shares.has(caller, file.sha256, file.size)

    async def get(self, account: Account, file: StoredFile) -> bytes:
        """The content of this file. Raises NotThere where it is another, or none."""
        async with _in_time():
            try:
                found = await obstore.get_async(self._files, _key(account, file.sha256))
            except FileNotFoundError:
                raise NotThere(MISSING) from None
            if found.meta["size"] != file.size:
                raise NotThere(f"has {found.meta['size']} bytes in the store, not {file.size}")
            raw = bytes(await found.bytes_async())
        if await asyncio.to_thread(digest_of, raw) != file.sha256:
            raise NotThere("is in the store with other content than its digest says")
        if not is_what_it_says(raw, file.media_type):
            raise NotThere(f"is in the store, and is no {file.media_type}")
        return raw

    async def hold(self, account: Account, reference: str, files: Sequence[StoredFile]) -> None:
        """Say that this reference needs these; before they are looked at, so that none of them is
        removed after that for want of anybody who does."""
        async with _in_time():
            for file in files:
                for mark in marks_of(account, file.sha256, folder_of(reference)):
                    await obstore.put_async(self._files, mark, b"needed")

    async def let_go(self, folder: str, name: str) -> int:
        """Of a folder whose reference is erased, one of the names in it: where it marks a file that
        this reference alone needed, that file is removed. How many files."""
        above = f"{folder}/{_HOLDS}/"
        parts = name.removeprefix(above).split("/")
        if not name.startswith(above) or len(parts) != 3:
            return 0
        account, sha256 = Account(*parts[:2]), parts[2]
        async with _in_time():
            with contextlib.suppress(FileNotFoundError):
                await obstore.delete_async(self._files, _mark(account, sha256, folder))
            return await self._drop(_key(account, sha256))

    async def sweep(self, before: datetime, most: int) -> int:
        """Remove what was put before this moment and nobody needs, and who put it: so many are
        looked at, others on the next day. How many are removed."""
        with reached():
            files = await self._older(_FILES, before, most)
            removed = sum([await self._drop(path) for path in files])
            marks = await self._older(PUT, before, most)
            if marks:
                await obstore.delete_async(self._files, marks)
        return removed

    async def _older(self, prefix: str, before: datetime, most: int) -> list[str]:
        """Those that are older; where they are too many for a night, its share of them. Always the
        first ones would be those that are needed for years, and nothing behind them ever goes."""
        turn, shares, found = before.toordinal(), 1, list[str]()
        async for batch in obstore.list(self._files, prefix=prefix):
            old = [each["path"] for each in batch if each["last_modified"] < before]
            found += (path for path in old if _has_turn(path, turn, shares))
            while len(found) > most and shares < _MOST_SHARES:
                shares *= 2
                found = [path for path in found if _has_turn(path, turn, shares)]
        return found[:most]

    async def _drop(self, key: str) -> int:
        """Remove a file that nobody needs."""
        held = key.replace(_FILES, _HELD, 1)
        async for batch in obstore.list(self._files, prefix=held):
            if batch:
                return 0
        try:
            await obstore.delete_async(self._files, key)
        except FileNotFoundError:
            return 0
        return 1


_MOST_SHARES = 2**20


def _has_turn(path: str, night: int, shares: int) -> bool:
    """Whether this is the night of this file, where each has one of so many, a power of two. One
    that has its turn among more shares has it among fewer, too."""
    return (crc32(path.encode()) - night) % shares == 0


MISSING = (
    "is not in the store: put it there first, with `invoicing attach` or PUT /v1/attachments, for "
    "this provider and account"
)


def _key(account: Account, sha256: str) -> str:
    return f"{_FILES}/{account.provider}/{account.name}/{sha256}"


def _mark(account: Account, sha256: str, folder: str) -> str:
    """Under the file: who needs it."""
    return f"{_HELD}/{account.provider}/{account.name}/{sha256}/{folder}"


def marks_of(account: Account, sha256: str, folder: str) -> tuple[str, str]:
    """Under the file who needs it, and under who needs it which file."""
    own = f"{folder}/{_HOLDS}/{account.provider}/{account.name}/{sha256}"
    return _mark(account, sha256, folder), own


@contextlib.asynccontextmanager
async def _in_time() -> AsyncIterator[None]:
    with reached():
        async with asyncio.timeout(PATIENCE.total_seconds()):
            yield

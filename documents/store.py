"""The store: files by name, over `obstore`, which knows folders and every service like S3."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore, from_url

from documents.attachments import Account, Attachments
from documents.reaching import reached
from invoicing.attachment import StoredFile
from invoicing.document_file import (
    MARKS_WITHIN,
    DocumentFile,
    begins_as_pdf,
    ends_as_pdf,
    folder_of,
)

PIECE = 256 * 1024
"""Bytes that are held at once for one reader."""
AT_ONCE = 4
"""Documents that are on their way in at once. Each is held as a whole, and twice while it is read:
of the largest, 25 MiB, that is 200 MiB together, however many calls a worker makes at once."""
WAITING = 8
"""Documents that wait for that. Each takes the place of a call to its provider meanwhile."""
LONGEST = timedelta(seconds=50)
"""That one may be on its way: less than its activity has."""


class Crowded(Exception):
    """As many documents as there is room for are on their way in, and as many more wait."""


class Erased(Exception):
    """What this reference had was erased for good: nothing is kept for it any more."""


_ERASED = "erased"
"""The file that stands alone in the folder of what was erased."""


class DocumentStore:
    """Documents by the names that `invoicing.document_file` gives them, each in a folder.
    Every method may raise StoreAway."""

    def __init__(self, files: ObjectStore) -> None:
        self._files = files
        self._places = asyncio.Semaphore(AT_ONCE)
        self.waiting = 0
        """For a place, now."""
        self.attachments = Attachments(files)
        """What callers put there."""

    @contextlib.asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """For one document, from its provider until it is kept. Raises Crowded where too many wait
        already, and TimeoutError after LONGEST."""
        if self.waiting >= WAITING:
            raise Crowded
        self.waiting += 1
        try:
            await self._places.acquire()
        finally:
            self.waiting -= 1
        try:
            async with asyncio.timeout(LONGEST.total_seconds()):
                yield
        finally:
            self._places.release()

    async def find(self, key: str) -> DocumentFile | None:
        """What is kept under this name; None: nothing, or what does not begin and end as a PDF
        does: a machine that lost its power may leave a part. Raises Erased; nothing is there then.
        """
        await self._refuse_erased(key)
        with reached():
            try:
                found = await obstore.get_async(self._files, key)
                read = _Read()
                async for piece in found.stream(min_chunk_size=PIECE):
                    read.add(bytes(piece))
            except FileNotFoundError:
                return None
        return read.described(found.meta["last_modified"])

    async def keep(self, key: str, raw: bytes) -> DocumentFile:
        """Keep these bytes. They are all there afterwards, or none of them. Raises Erased, and none
        of them is there then: whoever erases says so first, and this looks last."""
        with reached():
            await obstore.put_async(self._files, key, raw)
        await self._refuse_erased(key)
        return _described(raw, datetime.now(UTC))

    async def read(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        """The bytes from `start` to before `end`, in pieces."""
        for begin in range(start, end, PIECE):
            with reached():
                stop = min(end, begin + PIECE)
                piece = await obstore.get_range_async(self._files, key, start=begin, end=stop)
            yield bytes(piece)

    async def size(self, key: str) -> int | None:
        """How many bytes are kept under this name; None: nothing is."""
        with reached():
            try:
                return (await obstore.head_async(self._files, key))["size"]
            except FileNotFoundError:
                return None

    async def erase(self, folder: str) -> int:
        """Remove everything in this folder, for good: what is on its way there is not kept either.
        So are the files that its reference alone needed. How many documents and files there were.
        """
        mark = f"{folder}/{_ERASED}"
        with reached():
            await obstore.put_async(self._files, mark, b"for good")
            names = [
                each["path"]
                async for batch in obstore.list(self._files, prefix=folder)
                for each in batch
                if each["path"] != mark
            ]
        # First, for what marks them is in the folder: cut short, the next time finds it there.
        let_go = sum([await self.attachments.let_go(folder, name) for name in names])
        with reached():
            if names:
                await obstore.delete_async(self._files, names)
        return len([name for name in names if name.count("/") == 1]) + let_go

    async def hold(self, account: Account, reference: str, files: Sequence[StoredFile]) -> None:
        """Say that this reference needs these files. Raises Erased, and it needs none then."""
        await self.attachments.hold(account, reference, files)
        folder = folder_of(reference)
        if await self.size(f"{folder}/{_ERASED}") is not None:
            await self.erase(folder)
            raise Erased

    async def _refuse_erased(self, key: str) -> None:
        folder = key.rpartition("/")[0]
        if await self.size(f"{folder}/{_ERASED}") is None:
            return
        with reached(), contextlib.suppress(FileNotFoundError):
            await obstore.delete_async(self._files, key)
        raise Erased


def opened(where: str) -> DocumentStore:
    """The store at this place: a folder, or an address such as `s3://bucket/documents`, whose
    credentials are in the environment under the names that the service's own tools use.

    A folder is made where there is none, for nobody else to read. Raises ValueError.
    """
    if "://" in where:
        try:
            return DocumentStore(from_url(where))
        except BaseError:
            raise ValueError("no store is known at such an address") from None
    folder = Path(where)
    if not folder.is_absolute():
        raise ValueError("must be an absolute path, or an address such as s3://bucket/documents")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return DocumentStore(LocalStore(folder))


class _Read:
    """What is known of a file that is read piece by piece, of which nothing else is held."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self._size = 0
        self._begin = self._end = b""

    def add(self, piece: bytes) -> None:
        """The next piece."""
        self._digest.update(piece)
        self._size += len(piece)
        if len(self._begin) < MARKS_WITHIN:
            self._begin += piece[:MARKS_WITHIN]
        self._end = (self._end + piece[-MARKS_WITHIN:])[-MARKS_WITHIN:]

    def described(self, kept: datetime) -> DocumentFile | None:
        """The file; None where it does not begin and end as a PDF does."""
        if not (begins_as_pdf(self._begin) and ends_as_pdf(self._end)):
            return None
        return DocumentFile(size=self._size, sha256=self._digest.hexdigest(), kept=kept)


def _described(raw: bytes, kept: datetime) -> DocumentFile:
    return DocumentFile(size=len(raw), sha256=hashlib.sha256(raw).hexdigest(), kept=kept)

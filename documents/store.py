"""The store: files by name, over `obstore`, which knows folders and every service like S3."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore, from_url

from invoicing.document_file import DocumentFile, begins_as_pdf, ends_as_pdf

PIECE = 256 * 1024
"""Bytes that are held at once for one reader."""


class StoreAway(Exception):
    """The store cannot be reached, or does not take or give what it should. The sentence has no
    address in it: that may hold a secret."""


class Erased(Exception):
    """What this reference had was erased for good: nothing is kept for it any more."""


_ERASED = "erased"
"""The file that stands alone in the folder of what was erased."""


class DocumentStore:
    """Documents by the names that `invoicing.document_file` gives them, each in a folder. Every
    method may raise StoreAway."""

    def __init__(self, files: ObjectStore) -> None:
        self._files = files

    async def find(self, key: str) -> DocumentFile | None:
        """What is kept under this name; None: nothing, or what does not begin and end as a PDF
        does: a machine that lost its power may leave a part. Raises Erased; nothing is there then.
        """
        await self._refuse_erased(key)
        with _reached():
            try:
                found = await obstore.get_async(self._files, key)
                raw = bytes(await found.bytes_async())
            except FileNotFoundError:
                return None
        if not (begins_as_pdf(raw) and ends_as_pdf(raw)):
            return None
        return _described(raw, found.meta["last_modified"])

    async def keep(self, key: str, raw: bytes) -> DocumentFile:
        """Keep these bytes. They are all there afterwards, or none of them. Raises Erased, and none
        of them is there then: whoever erases says so first, and this looks last."""
        with _reached():
            await obstore.put_async(self._files, key, raw)
        await self._refuse_erased(key)
        return _described(raw, datetime.now(UTC))

    async def read(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        """The bytes from `start` to before `end`, in pieces."""
        for begin in range(start, end, PIECE):
            with _reached():
                stop = min(end, begin + PIECE)
                piece = await obstore.get_range_async(self._files, key, start=begin, end=stop)
            yield bytes(piece)

    async def size(self, key: str) -> int | None:
        """How many bytes are kept under this name; None: nothing is."""
        with _reached():
            try:
                return (await obstore.head_async(self._files, key))["size"]
            except FileNotFoundError:
                return None

    async def erase(self, folder: str) -> int:
        """Remove everything in this folder, for good: what is on its way there is not kept either.
        How many there were."""
        mark = f"{folder}/{_ERASED}"
        with _reached():
            await obstore.put_async(self._files, mark, b"for good")
            names = [
                each["path"]
                async for batch in obstore.list(self._files, prefix=folder)
                for each in batch
                if each["path"] != mark
            ]
            if names:
                await obstore.delete_async(self._files, names)
        return len(names)

    async def _refuse_erased(self, key: str) -> None:
        folder = key.rpartition("/")[0]
        if await self.size(f"{folder}/{_ERASED}") is None:
            return
        with _reached(), contextlib.suppress(FileNotFoundError):
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


@contextlib.contextmanager
def _reached() -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise StoreAway("what was kept is not in the store any more") from None
    except (BaseError, OSError) as error:
        raise StoreAway(f"the store of documents is away ({type(error).__name__})") from None


def _described(raw: bytes, kept: datetime) -> DocumentFile:
    return DocumentFile(size=len(raw), sha256=hashlib.sha256(raw).hexdigest(), kept=kept)

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

from invoicing.document_file import DocumentFile

PIECE = 256 * 1024
"""Bytes that are held at once for one reader."""


class StoreAway(Exception):
    """The store cannot be reached, or does not take or give what it should. The sentence has no
    address in it: that may hold a secret."""


class DocumentStore:
    """Documents by the names that `invoicing.document_file` gives them. Every method may raise
    StoreAway."""

    def __init__(self, files: ObjectStore) -> None:
        self._files = files

    async def find(self, key: str) -> DocumentFile | None:
        """What is kept under this name; None: nothing."""
        with _reached():
            try:
                found = await obstore.get_async(self._files, key)
                raw = bytes(await found.bytes_async())
            except FileNotFoundError:
                return None
        return _described(raw, found.meta["last_modified"])

    async def keep(self, key: str, raw: bytes) -> DocumentFile:
        """Keep these bytes. They are all there afterwards, or none of them."""
        with _reached():
            await obstore.put_async(self._files, key, raw)
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

    async def remove(self, folder: str) -> int:
        """Remove all whose name begins with this folder's; how many there were."""
        with _reached():
            names = [
                each["path"]
                async for batch in obstore.list(self._files, prefix=folder)
                for each in batch
            ]
            if names:
                await obstore.delete_async(self._files, names)
        return len(names)


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

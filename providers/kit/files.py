"""Files of the caller's own, named by their path below one directory: nothing outside it is read.

What is wrong with one is said without its name, for names of files are often names of people.
"""

from __future__ import annotations

import asyncio
import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated

from pydantic import AfterValidator, DirectoryPath, StringConstraints


class NotUsable(Exception):
    """Why a file cannot be taken: the rest of a sentence that begins with what the file is."""


def _absolute(path: Path) -> Path:
    if not path.is_absolute():
        raise ValueError("must be an absolute path")
    return path


def _below(name: str) -> str:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not name.isprintable():
        raise ValueError("must be the path of a file below the account's directory, without ..")
    return name


Directory = Annotated[DirectoryPath, AfterValidator(_absolute)]
"""Where an account's files are. The one who names files in requests need not be trusted with what
lies outside; whoever writes into the directory is."""

FileName = Annotated[str, StringConstraints(min_length=1, max_length=400), AfterValidator(_below)]
"""A file's path below that directory."""


@dataclass(frozen=True, repr=False)
class Content:
    """What is in a file. `repr` is left out: it would show it."""

    data: bytes
    sha256: str


async def read(directory: Path, name: str, limit: int) -> Content:
    """The file with this name, of at most `limit` bytes; NotUsable says why not."""
    return await asyncio.get_running_loop().run_in_executor(_READERS, _read, directory, name, limit)


_READERS = ThreadPoolExecutor(4, thread_name_prefix="files")
"""A directory that hangs must not take the threads in which all addresses are looked up."""


def _read(directory: Path, name: str, limit: int) -> Content:
    try:
        with _found(directory, name).open("rb") as file:
            data = file.read(limit + 1)
    except FileNotFoundError:
        raise NotUsable("is not there") from None
    except (OSError, RuntimeError):
        # Links that lead round in circles are a RuntimeError in older Pythons.
        raise NotUsable("cannot be read") from None
    if len(data) > limit:
        raise NotUsable(f"is larger than {limit} bytes")
    return Content(data, hashlib.sha256(data).hexdigest())


def _found(directory: Path, name: str) -> Path:
    path = (directory / name).resolve(strict=True)
    if not path.is_relative_to(directory.resolve(strict=True)):
        raise NotUsable("leads out of the account's directory")
    if not path.is_file():
        raise NotUsable("is not a regular file")
    return path

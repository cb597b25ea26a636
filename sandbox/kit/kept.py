"""A file that holds what a stand-in knows, so that a restart forgets nothing."""

from __future__ import annotations

import pickle
import tempfile
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


class Kept:
    """One stand-in's file. It is the stand-in's own: whoever can write it can run code here."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self, kind: type[T]) -> T | None:
        """What was saved last; None the first time. ValueError for another's file."""
        try:
            books = pickle.loads(self._path.read_bytes())  # noqa: S301 - written below, by us
        except FileNotFoundError:
            return None
        except (pickle.UnpicklingError, AttributeError, ImportError, EOFError) as error:
            raise ValueError(f"{self._path} was not written by this version; remove it") from error
        if not isinstance(books, kind):
            raise ValueError(f"{self._path} is another stand-in's: name a file for each")
        return books

    def save(self, books: object) -> None:
        """All of it or, when the machine stops meanwhile, what was there before."""
        whole = pickle.dumps(books)
        with tempfile.NamedTemporaryFile(dir=self._path.parent, delete=False) as file:
            file.write(whole)
        Path(file.name).replace(self._path)

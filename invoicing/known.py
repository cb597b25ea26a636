"""Documents that this process has read and checked before, known again by what stands in them.

A worker meets one document several times: as its workflow's input, at every replay of it, and in
the calls that plan and make the invoice. It need not trust whoever wrote it there: what is equal to
the last byte was checked here, and is the same document still, for nothing can change one.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Any, NamedTuple, TypeVar

from pydantic_core import to_json

Read = TypeVar("Read")

MOST_BYTES = 1 << 20
"""Of all that is kept, as JSON. In memory it is up to twenty times as much."""


class _Kept(NamedTuple):
    read: Any
    size: int


class Known:
    """Those that were met last, `most` bytes of JSON together; one context of validation.

    Only for validation by the same rules, of models that nothing can change. A mistake is not kept:
    it is found again. May be asked by several threads.
    """

    def __init__(self, most: int = MOST_BYTES) -> None:
        self._most, self._size = most, 0
        self._kept: OrderedDict[bytes, _Kept] = OrderedDict()
        self._alone = Lock()

    def __len__(self) -> int:
        return len(self._kept)

    def read(self, given: Any, read: Callable[[Any], Read]) -> Read:
        """What `read` makes of this, or made of it before. Raises what that raises."""
        if not isinstance(given, dict):
            return read(given)
        written = to_json(given)
        digest = hashlib.sha256(written).digest()
        with self._alone:
            if kept := self._kept.get(digest):
                self._kept.move_to_end(digest)
                found: Read = kept.read
                return found
        made = read(given)
        self._keep(digest, _Kept(made, len(written)))
        return made

    def _keep(self, digest: bytes, one: _Kept) -> None:
        with self._alone:
            if digest in self._kept or one.size > self._most:
                return
            self._kept[digest] = one
            self._size += one.size
            while self._size > self._most:
                _, gone = self._kept.popitem(last=False)
                self._size -= gone.size

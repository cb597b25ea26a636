"""What becomes of an answer of the store that is none."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from obstore.exceptions import BaseError


class StoreAway(Exception):
    """The store cannot be reached, or does not take or give what it should. The sentence has no
    address in it: that may hold a secret."""


@contextlib.contextmanager
def reached() -> Iterator[None]:
    """StoreAway for all that the library raises."""
    try:
        yield
    except FileNotFoundError:
        raise StoreAway("what was kept is not in the store any more") from None
    except TimeoutError:
        raise StoreAway("the store of documents does not answer in time") from None
    except (BaseError, OSError) as error:
        raise StoreAway(f"the store of documents is away ({type(error).__name__})") from None

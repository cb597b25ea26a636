"""Lists that callers have saved, in the register: each its own, bounded, whatever is in a name."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from invoicing.saved import MOST_SAVED, SavedList, TooManySaved
from register import Books
from register.reading import Reader
from tests.register.said import NOON
from tests.tiers import detail


@pytest.fixture
def reader(place: str, books: Books) -> Iterator[Reader]:
    with contextlib.closing(Reader(place)) as made:
        yield made


def a_list(name: str, **filters: str) -> SavedList:
    return SavedList(name=name, filters={**filters}, saved_at=NOON)


@pytest.mark.parametrize(
    "name", ["late", "Überfällig; DROP TABLE x", "'\"%_\\", "a\N{BELL}b", "日"]
)
async def test_what_is_saved_is_there_replaced_and_gone(reader: Reader, name: str) -> None:
    first, second = a_list(name, text="x' OR '1'='1"), a_list(name, buyer="Müller 100%")
    for one in (first, second):
        await reader.save_list("clerk", one)
        assert await reader.saved_lists("clerk") == (one,)
    for _ in range(2):
        await reader.forget_list("clerk", name)
        assert await reader.saved_lists("clerk") == ()


@detail
async def test_lists_are_by_name_and_each_owner_s_own(reader: Reader) -> None:
    for name in ("b", "a"):
        await reader.save_list("clerk", a_list(name))
    await reader.save_list("Clerk", a_list("a", text="other"))
    await reader.forget_list("issuer:clerk", "a")
    assert [one.name for one in await reader.saved_lists("clerk")] == ["a", "b"]
    assert await reader.saved_lists("Clerk") == (a_list("a", text="other"),)


@detail
async def test_one_more_than_there_may_be_is_refused_and_nothing_is_lost(reader: Reader) -> None:
    for count in range(MOST_SAVED):
        await reader.save_list("clerk", a_list(f"list {count}"))
    with pytest.raises(TooManySaved, match="20"):
        await reader.save_list("clerk", a_list("one more"))
    await reader.save_list("clerk", a_list("list 3", text="new"))
    found = await reader.saved_lists("clerk")
    assert len(found) == MOST_SAVED
    assert a_list("list 3", text="new") in found

"""Lists that a caller saves under a name, over REST: what they choose of the register, to be asked
for again. Only where the gateway is told where the register is (INVOICING_REGISTER_AT)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import StringConstraints

from gateway.access import Who
from gateway.backend import Behind
from gateway.books import TotalFilters, booked, register_of
from gateway.inputs import OnceKey, given
from gateway.problems import Kind
from gateway.routes import Heads, Limits
from invoicing.model import Recorded, Typed
from invoicing.saved import SavedList, TooManySaved
from invoicing.temporal.asking import Refused

heads = Heads("lists")
router = heads.router

ListName = Annotated[
    str, StringConstraints(min_length=1, max_length=60, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")
]


class SaveList(Typed):
    """A name, and the filters of `/v1/books` that it stands for."""

    name: ListName
    filters: TotalFilters = TotalFilters()


class ForgetList(Typed):
    """Which one."""

    name: ListName


class SavedLists(Recorded):
    """The caller's own, by name; 20 at most."""

    lists: tuple[SavedList, ...]


@heads.lists("All of them", Limits.SHOWN, "", Kind.NOT_FOUND)
async def saved_lists(behind: Behind, who: Who) -> SavedLists:
    """The lists that this caller has saved."""
    return SavedLists(lists=await booked(behind, who, register_of(behind).saved_lists(who.name)))


@heads.keeps("", SaveList, "All of them, with this one")
async def save_list(
    word: Annotated[SaveList, given(SaveList)], behind: Behind, who: Who, key: OnceKey = None
) -> SavedLists:
    """Save a list for this caller, in the place of one of the same name. The same again is the
    same, with a key or without. What it lists is what the caller may see whenever it is asked for.
    """
    filters = word.filters.model_dump(mode="json", exclude_defaults=True)
    one = SavedList(name=word.name, filters=filters, saved_at=datetime.now(UTC))
    try:
        await booked(behind, who, register_of(behind).save_list(who.name, one))
    except TooManySaved as error:
        raise Refused(str(error)) from None
    return await saved_lists(behind, who)


@heads.keeps("/forget", ForgetList, "All that are left")
async def forget_list(
    word: Annotated[ForgetList, given(ForgetList)], behind: Behind, who: Who, key: OnceKey = None
) -> SavedLists:
    """Have none of this name, whether there was one or not. No invoice changes."""
    await booked(behind, who, register_of(behind).forget_list(who.name, word.name))
    return await saved_lists(behind, who)

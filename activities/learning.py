"""What an adaptor has learned, held against what can be carried through a life."""

from __future__ import annotations

from typing import Protocol, TypeVar

from pydantic import JsonValue

from invoicing.errors import TooLarge, Unreadable
from invoicing.state.bounds import refuse_context


class Learned(Protocol):
    """What knows of a provider's context, or adds to it."""

    @property
    def context(self) -> dict[str, JsonValue]: ...


A = TypeVar("A", bound=Learned)


def taken_in(target: Learned, answer: A) -> A:
    """The answer, where what it adds to the target's context can be carried on.

    Raises Unreadable where it cannot. A call that changes something counts as one whose outcome is
    unknown then, for it has been made; in the end a person is asked.
    """
    try:
        refuse_context(target.context, answer.context)
    except TooLarge as error:
        raise Unreadable(str(error)) from None
    return answer

"""What may be said to a workflow by update may be said by a signal of the same name: tools that act
on many workflows at once, and Temporal's own batch commands, know signals only.

A signal has nobody to answer. So one that cannot be carried out is written into the journal and
shown in the current details, and never fails a task.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar, cast, get_type_hints

from temporalio import workflow
from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from invoicing.model import Typed
    from invoicing.state.invoice import Instruction
    from invoicing.state.memory import Memory
    from invoicing.temporal.converter import Undecipherable

T = TypeVar("T", bound=Typed)
H = TypeVar("H", bound=Callable[..., Any])

NOTHING = RawValue(Payload())
"""What a signal says that came without its input: no more than the default of its handler.

The SDK hands the input over unread only where the hint is RawValue itself, and drops a signal whose
input it cannot read.
"""

SEVERAL = RawValue(Payload())
"""What a signal says that came with more than one input."""

LONGEST = 300
"""Letters of a refusal that are kept."""


def of_any_input(handler: H) -> H:
    """A signal's handler that is told when there came no input, or several. The SDK would call it
    with as many as came, and what that raises fails the workflow's task for ever."""

    @functools.wraps(handler)
    def taken(self: Any, *said: RawValue) -> None:
        alone = said[0] if len(said) == 1 else SEVERAL
        handler(self, alone if said else NOTHING)

    return cast("H", taken)


def of_one_input(handler: H) -> H:
    """A signal's handler that is called with the one input that it can read, and not at all
    otherwise: as the SDK drops a signal whose only input it cannot read."""
    (kind, *_) = (*get_type_hints(handler).values(),)

    def is_readable(said: tuple[object, ...]) -> bool:
        return len(said) == 1 and isinstance(said[0], kind)

    if inspect.iscoroutinefunction(handler):

        @functools.wraps(handler)
        async def awaited(self: Any, *said: object) -> None:
            if is_readable(said):
                await handler(self, *said)

        return cast("H", awaited)

    @functools.wraps(handler)
    def taken(self: Any, *said: object) -> None:
        if is_readable(said):
            handler(self, *said)

    return cast("H", taken)


def of_no_input(handler: H) -> H:
    """A signal's handler that needs no input, and does not mind any."""

    @functools.wraps(handler)
    def taken(self: Any, *_: object) -> None:
        handler(self)

    return cast("H", taken)


def understood(
    memory: Memory,
    name: str,
    kind: type[T],
    said: RawValue,
    check: Callable[[T], None],
) -> T | None:
    """What a signal says, if it can be read and `check` lets it pass; None when it is refused.

    The refusal names fields and never repeats their values.
    """
    wanted: T | None = None
    try:
        wanted = _read(kind, said)
        check(wanted)
    except ApplicationError as error:
        memory.refused = f"{name}: {error.message}"[:LONGEST]
        by, proven = (wanted.by, wanted.proven) if isinstance(wanted, Instruction) else ("", "")
        memory.note(workflow.now(), f"refused: {memory.refused}", by, proven=proven)
        return None
    memory.refused = ""
    return wanted


def _read(kind: type[T], said: RawValue) -> T:
    if said is NOTHING:
        raise _unreadable("it came without its input")
    if said is SEVERAL:
        raise _unreadable("it came with more than one input")
    try:
        read: object = workflow.payload_converter().from_payload(said.payload, kind)
    except (ApplicationError, Undecipherable):
        # The latter is this process's trouble, not the sender's.
        raise
    except Exception as error:
        raise _unreadable("its input is in no form that is known here") from error
    if not isinstance(read, kind):
        raise _unreadable("its input cannot be read")
    return read


def _unreadable(why: str) -> ApplicationError:
    return ApplicationError(why, type="Refused")

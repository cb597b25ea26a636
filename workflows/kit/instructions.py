"""What may be said to a workflow by update may be said by a signal of the same name: tools that act
on many workflows at once, and Temporal's own batch commands, know signals only.

A signal has nobody to answer. So one that cannot be carried out is written into the journal and
shown in the current details, and never fails a task.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from temporalio import workflow
from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from invoicing.case import Memory
    from invoicing.invoice import Instruction
    from invoicing.model import Typed

T = TypeVar("T", bound=Typed)

NOTHING = RawValue(Payload())
"""What a signal says that came without its input: no more than the default of its handler.

The SDK hands the input over unread only where the hint is RawValue itself, and drops a signal whose
input it cannot read.
"""

LONGEST = 300
"""Letters of a refusal that are kept."""


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
        by = wanted.by if isinstance(wanted, Instruction) else ""
        memory.note(workflow.now(), f"refused: {memory.refused}", by)
        return None
    memory.refused = ""
    return wanted


def _read(kind: type[T], said: RawValue) -> T:
    if said is NOTHING:
        raise ApplicationError("it came without its input", type="Refused")
    read: T = workflow.payload_converter().from_payload(said.payload, kind)
    return read

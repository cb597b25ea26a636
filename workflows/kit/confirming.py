"""A person's word that a call took effect which nobody can look at from here."""

from __future__ import annotations

from typing import Protocol

from pydantic import JsonValue
from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from invoicing.provider import CONFIRMED, Event
    from invoicing.state.doubt import Doubt


class Doubting(Protocol):
    """What remembers what is in doubt, and what was told of it."""

    doubt: Doubt

    def receive(self, event: Event) -> bool: ...


def confirm(memory: Doubting, call: str, told: dict[str, JsonValue] | None = None) -> None:
    """A person has seen that this call took effect: it is in doubt no more, and the adaptor gets
    `told` (unless given: the call's name as `verb`) as news of the provider, of the kind CONFIRMED.
    """
    memory.doubt = memory.doubt.saw(call)
    identity = f"{CONFIRMED} {workflow.uuid4()}"
    memory.receive(Event(id=identity, kind=CONFIRMED, body=told or {"verb": call}))

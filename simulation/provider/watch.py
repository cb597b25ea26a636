"""Who sees what is done at the provider, and who is told its news."""

from __future__ import annotations

from typing import Protocol

from invoicing.provider import CreateCall, Event
from invoicing.request import InvoiceRequest
from simulation.engine import ActivityCall
from simulation.provider.ledger import Held
from simulation.provider.money import Stands


class Watch(Protocol):
    """Who is told of every call that changes something, when it is made."""

    def called(self, verb: str, reference: str, held: Held | None, call: ActivityCall) -> None:
        """A changing call is being made, of the invoice that it names."""
        ...

    def creating(self, given: CreateCall, call: ActivityCall, verb: str = "create") -> None:
        """A create is being made, or an update."""
        ...

    def planned_credit(self, request: InvoiceRequest) -> None:
        """A credit note is going to be made."""
        ...

    def looked(self, held: Held) -> None:
        """This invoice is shown to us as it is."""
        ...

    def reading(self, call: ActivityCall) -> None:
        """A look at one invoice begins."""
        ...

    def read(self, held: Held, now: Stands, call: ActivityCall) -> None:
        """A look has shown its money."""
        ...


class Tell(Protocol):
    """Where the provider's news go."""

    def __call__(self, event: Event) -> None:
        """One event, as an adaptor has verified it."""
        ...

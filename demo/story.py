"""What a story is: one invoice or one order, what happens to it, and how it has to end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

from invoicing.client import InvoicingClient
from invoicing.parse import read, read_request
from invoicing.provider import Event
from invoicing.request import InvoiceRequest, OrderRequest
from invoicing.state.invoice import Invoice, LineStatus, Status
from invoicing.state.order import CancelLines, Deliver, Order, OrderStatus

EXAMPLES = Path(__file__).resolve().parent.parent / "sandbox" / "examples"

Condition = Callable[[Invoice], bool]
OrderCondition = Callable[[Order], bool]


class Scene(Protocol):
    """What an action may use of the running demonstration."""

    client: InvoicingClient
    requests: Mapping[str, InvoiceRequest]

    def say(self, part: Part, what: str) -> None:
        """Tell what is being done to this invoice."""

    def stand_in(self, part: Part) -> Any:
        """Where this invoice is made."""

    async def tell(self, provider: str, account: str, event: Event) -> None:
        """Store an event, as whoever receives a webhook does."""


@dataclass(frozen=True)
class Act:
    """Something that is done once, when an invoice is as `when` says. `begins` is the credit note
    that comes of it, if one does."""

    when: Condition
    action: Callable[[Scene, Part, Invoice], Awaitable[None]]
    begins: Part | None = None


@dataclass(frozen=True)
class Afterwards:
    """Something that happens to an invoice that has ended, and what its state then comes to."""

    action: Callable[[Scene, Part, Invoice], Awaitable[None]]
    until: Condition


@dataclass(frozen=True)
class Part:
    """One invoice: who makes it, and how it has to end.

    effects: what the provider's ledger must say of it, in order.
    known_as: what the provider calls it there: made of our reference (`{}`), or the number that we
        give it.
    acts: each is done once, in their order, when the invoice is as its condition says.
    afterwards: what happens once it has ended, in their order.
    """

    reference: str
    told: str
    status: Status
    effects: tuple[str, ...]
    provider: str = "zero_friction"
    account: str = "default"
    known_as: str = "{}"
    acts: tuple[Act, ...] = ()
    afterwards: tuple[Afterwards, ...] = ()

    @property
    def name_there(self) -> str:
        """What the provider's ledger calls it."""
        return self.known_as.format(self.reference)

    @property
    def credit_notes(self) -> tuple[Part, ...]:
        """What takes a part of it back."""
        return tuple(act.begins for act in self.acts if act.begins)

    @property
    def stands(self) -> bool:
        """Whether exactly one invoice has to be there in the end, or none."""
        return bool(self.effects) and self.effects[-1] not in ("deleted", "credited")


@dataclass(frozen=True)
class Story(Part):
    """An invoice that is asked for by itself: one of the example files, changed a little."""

    example: str = "invoice.json"
    changes: Mapping[str, Any] = field(default_factory=dict)

    def request(self) -> InvoiceRequest:
        """What a service would ask for."""
        request = read_request((EXAMPLES / self.example).read_bytes())
        name = {"reference": self.reference, "account": self.account}
        numbered = request.document.model_copy(update={"number": self.known_as})
        document = request.document if "{}" in self.known_as else numbered
        return request.model_copy(update={**name, "document": document, **self.changes})


@dataclass(frozen=True)
class Step:
    """What the shop asks of its order, once the order is as `when` says."""

    told: str
    when: OrderCondition
    asks: Deliver | CancelLines
    part: Part | None = None
    """The invoice that a delivery becomes."""


@dataclass(frozen=True)
class OrderStory:
    """An order whose lines are delivered in parts, and how it has to end.

    registered: whether the provider keeps the order itself; if not, it only sees the invoices.
    effects: those on the order itself, not on its invoices.
    lines: what becomes of each line, or of so many units of it (`sensor x 5`): with us, and at the
        provider; there in its own word where it keeps the order.
    invoiced: what its invoices come to in all, with VAT.
    """

    reference: str
    told: str
    status: OrderStatus
    effects: tuple[str, ...]
    lines: Mapping[str, tuple[LineStatus, str]]
    invoiced: Decimal
    steps: tuple[Step, ...]
    provider: str
    account: str = "default"
    example: str = "order.json"
    registered: bool = True

    def request(self) -> OrderRequest:
        """What a shop would ask for."""
        order = read(OrderRequest, (EXAMPLES / self.example).read_bytes())
        return order.model_copy(update={"reference": self.reference, "account": self.account})

    @property
    def parts(self) -> tuple[Part, ...]:
        """The invoices of its deliveries."""
        return tuple(step.part for step in self.steps if step.part)

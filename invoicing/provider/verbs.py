"""The verbs: five of every provider, and what only some have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Protocol, runtime_checkable

from invoicing.provider.calls import (
    AttachCall,
    CreateCall,
    DocumentCall,
    Found,
    LookUpCall,
    Plan,
    ReadCall,
    Search,
    Snapshot,
    Target,
)
from invoicing.request import InvoiceRequest


class Provider(Protocol):
    """What an adaptor offers. `name` is its file name, its queue and its settings prefix."""

    name: str

    async def plan(self, request: InvoiceRequest) -> Plan:
        """Check the request and say how it will be carried out. No call.

        Raises Rejected for what is wrong in the request and Unsupported for what is not offered,
        an unreachable goal included, naming every field at once.
        """
        ...

    async def create(self, call: CreateCall) -> Snapshot:
        """Create the draft (or, where a provider has no drafts, the invoice)."""
        ...

    async def read(self, call: ReadCall) -> Snapshot:
        """The invoice as it is now; Stage.DELETED when the id is not found."""
        ...

    async def approve(self, target: Target) -> Snapshot:
        """Make it final. Usually answered before it is done: Stage.APPROVING."""
        ...

    async def delete(self, target: Target) -> Snapshot:
        """Delete the draft: Stage.DELETED."""
        ...


Accounts = Mapping[str, Provider]
"""One provider's adaptors by account name; a company may hold several credentials."""


@runtime_checkable
class LooksUp(Protocol):
    """A provider whose master data is asked before the first call."""

    async def look_up(self, call: LookUpCall) -> Found:
        """Answer one question of the plan; Rejected when the answer is not what is needed."""
        ...


@runtime_checkable
class Finds(Protocol):
    """A provider in which invoices can be searched for. Without it a search cannot tell."""

    async def find(self, target: Target) -> Search:
        """Every live invoice that carries the target's reference."""
        ...


@runtime_checkable
class Updates(Protocol):
    """A provider that takes other content for a draft; a plan says what of one stays (`fixed`).

    `update` must be safe to repeat: the same once more changes nothing. That is how an uncertain
    call is resolved here. It raises what a call that changes something may, and `Rejected` for what
    is no draft any more.
    """

    async def update(self, call: CreateCall) -> Snapshot:
        """Give the draft of the target's id this content, all of it, in one call. The answer's
        context is merged into that of the new plan, which is all that later calls get."""
        ...


@runtime_checkable
class Sends(Protocol):
    """A provider with a call that sends, apart from the one that makes an invoice final."""

    async def send(self, target: Target) -> Snapshot:
        """Send it to the buyer."""
        ...


@runtime_checkable
class Credits(Protocol):
    """A provider that takes back a final invoice; a plan says whether it can this one."""

    async def credit(self, target: Target) -> Snapshot:
        """Take back an approved invoice by a full credit: Stage.CREDITED, or on its way there."""
        ...


@runtime_checkable
class Limited(Protocol):
    """A provider that states how many calls it takes: more are not begun, on any worker."""

    calls_per_second: int


CreditsIn = Literal["parts", "whole"]
"""What of an invoice a credit note may take back: any part of it, or the whole alone, at once."""


@runtime_checkable
class CreditNotes(Protocol):
    """A provider whose adaptor makes credit notes that are of one of our invoices: a request with
    `credits`. Of any other, such a request is refused before its plan.

    Where a provider has no credit note that is written, but credits by a call on the invoice, that
    call is `create`, and final at once: the plan's `sent_by` says so, and `find` looks whether the
    invoice is credited.
    """

    credits_in: CreditsIn


@runtime_checkable
class Attaches(Protocol):
    """A provider that takes documents of the caller's own (EN 16931, BG-24) once there is a draft.

    `attach` must be safe to repeat: what has the same name takes the place of the one before. That
    is how an uncertain call is resolved here. It raises what a call that changes something may.
    """

    async def attach(self, call: AttachCall) -> Found:
        """Add this one to the draft; the answer's context goes to later calls."""
        ...


@runtime_checkable
class Inlines(Protocol):
    """A provider whose `create`, and `update`, carries the document's files: its calls have their
    content."""

    inlines_files: Literal[True]


@runtime_checkable
class Documents(Protocol):
    """A provider that makes a document of an invoice which is final."""

    async def document(self, call: DocumentCall) -> bytes:
        """The PDF. Raises Unavailable while there is none yet, Unsupported where this account has
        no way to it, and else as `read` does."""
        ...


@runtime_checkable
class PayLinks(Protocol):
    """A provider that has a page on which the buyer pays an invoice."""

    async def pay_link(self, target: Target) -> str:
        """Its address as it is now, which leads to the provider: whoever has it may see what is
        due, so it is in no log and no error. Raises Unavailable while there is none, Unsupported
        where this one never has any, and else as `read` does."""
        ...


@runtime_checkable
class Checks(Protocol):
    """A provider that can be asked whether it lets us in, without changing anything there."""

    async def check(self) -> None:
        """One harmless call with the account's credentials. Raises as `read` does."""
        ...

"""One activity per verb of the provider port: a durable step that asks the provider one thing.

The same class serves every provider: each has a task queue and a worker of its own, which is given
that provider's adaptors, one per account.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from temporalio import activity

from activities.attaching import LOOK_UP, Files
from activities.failures import as_failures
from activities.learning import taken_in
from documents import DocumentStore
from invoicing.consent import Consent
from invoicing.errors import Rejected, Unsupported
from invoicing.provider import (
    Accounts,
    AttachCall,
    Attaches,
    CreateCall,
    Credits,
    Documents,
    Finds,
    Found,
    Inlines,
    LooksUp,
    LookUpCall,
    Plan,
    Provider,
    ReadCall,
    Search,
    Sends,
    Snapshot,
    Target,
    Updates,
)
from invoicing.provider.crediting import uncredited
from invoicing.request import InvoiceRequest
from invoicing.state.notice import refuse_unknown


def provider_of(accounts: Accounts, account: str) -> Provider:
    """The adaptor of this account. Raises Rejected with the ones there are."""
    try:
        return accounts[account]
    except KeyError:
        raise Rejected(
            f"account {account!r} is not configured in this provider's worker; "
            f"it has: {', '.join(sorted(accounts))}"
        ) from None


def _refuse_uncredited(request: InvoiceRequest, provider: Provider) -> None:
    """Unsupported for a credit that this provider, or its adaptor, cannot make of an invoice."""
    if request.credits is None:
        return
    if why := uncredited(provider, whole=request.credits.whole):
        raise Unsupported(why)


class InvoiceActivities:
    """What a workflow asks of one provider.

    Args:
        accounts: this provider's adaptors by account name.
        pace: multiplies every wait of every plan; less than 1 in tests and demos.
        subscribers: those that a request may name.
        claims: whether this worker keeps a register.
        consents: what needs two people, by account; nothing at one that is not named.
        keeps_documents: whether this worker has a store for documents.
        files: where the files are that documents name; None: this worker has none.
        hears: for how long an invoice goes on hearing of its money after its end.
    """

    def __init__(
        self,
        accounts: Accounts,
        *,
        pace: float = 1,
        subscribers: Collection[str] = (),
        claims: bool = False,
        consents: Mapping[str, Consent] = MappingProxyType({}),
        keeps_documents: bool = False,
        files: DocumentStore | None = None,
        hears: timedelta = timedelta(),
    ) -> None:
        self._hears = hears
        self._keeps_documents = keeps_documents
        self._files = Files(files)
        self._consents = consents
        self._claims = claims
        self._accounts = accounts
        self._pace = pace
        self._subscribers = subscribers

    @activity.defn
    @as_failures
    async def plan(self, request: InvoiceRequest) -> Plan:
        """How the provider will carry this out; no call is made."""
        refuse_unknown(request.subscriber, self._subscribers)
        provider = provider_of(self._accounts, request.account)
        _refuse_uncredited(request, provider)
        plan = await provider.plan(request)
        paces = plan.paces
        if self._hears:
            money = paces.money.model_copy(update={"deadline": self._hears})
            paces = paces.model_copy(update={"money": money})
        consent = self._consents.get(request.account)
        set_here = {
            "paces": paces.scaled(self._pace),
            "claims": self._claims,
            "consent": consent,
            "keeps_document": self._keeps_documents and isinstance(provider, Documents),
        }
        return self._files.planned(plan.model_copy(update=set_here), request.document)

    @activity.defn
    @as_failures
    async def look_up(self, call: LookUpCall) -> Found:
        """One question to the provider's master data, or to the store of attached files."""
        provider = provider_of(self._accounts, call.target.account)
        if call.look_up.name == LOOK_UP:
            return await self._files.look_up(provider.name, call)
        if not isinstance(provider, LooksUp):
            raise Unsupported("this provider has nothing that can be looked up")
        return taken_in(call.target, await provider.look_up(call))

    @activity.defn
    @as_failures
    async def find(self, target: Target) -> Search:
        """Every live invoice that carries our reference; cannot tell where nothing is searched."""
        provider = provider_of(self._accounts, target.account)
        if not isinstance(provider, Finds):
            return Search(complete=False)
        search = await provider.find(target)
        for each in search.invoices:
            taken_in(target, each)
        return search

    @activity.defn
    @as_failures
    async def create(self, call: CreateCall) -> Snapshot:
        """Create the draft. Runs once: whether it happened is found out by looking."""
        provider = provider_of(self._accounts, call.target.account)
        inline = isinstance(provider, Inlines)
        async with self._files.with_them(provider.name, call, inline=inline) as whole:
            answer = await provider.create(whole)
        return taken_in(call.target, answer)

    @activity.defn
    @as_failures
    async def read(self, call: ReadCall) -> Snapshot:
        """The invoice as it is now."""
        answer = await provider_of(self._accounts, call.target.account).read(call)
        return taken_in(call.target, answer)

    @activity.defn
    @as_failures
    async def attach(self, call: AttachCall) -> Found:
        """Add a document of the caller's own; a second call takes the place of the first."""
        provider = provider_of(self._accounts, call.target.account)
        if not isinstance(provider, Attaches):
            raise Unsupported("this provider takes no attachments")
        async with self._files.with_it(provider.name, call) as whole:
            answer = await provider.attach(whole)
        return taken_in(call.target, answer)

    @activity.defn
    @as_failures
    async def approve(self, target: Target) -> Snapshot:
        """Make the draft final."""
        answer = await provider_of(self._accounts, target.account).approve(target)
        return taken_in(target, answer)

    @activity.defn
    @as_failures
    async def update(self, call: CreateCall) -> Snapshot:
        """Give the draft other content. Safe to repeat."""
        provider = provider_of(self._accounts, call.target.account)
        if not isinstance(provider, Updates):
            raise Unsupported("this provider's drafts cannot be updated")
        inline = isinstance(provider, Inlines)
        async with self._files.with_them(provider.name, call, inline=inline) as whole:
            answer = await provider.update(whole)
        return taken_in(call.target, answer)

    @activity.defn
    @as_failures
    async def send(self, target: Target) -> Snapshot:
        """Send the invoice to its buyer."""
        provider = provider_of(self._accounts, target.account)
        if not isinstance(provider, Sends):
            raise Unsupported(
                "this provider has no call that sends: send it yourself and go on, or cancel it"
            )
        return taken_in(target, await provider.send(target))

    @activity.defn
    @as_failures
    async def delete(self, target: Target) -> Snapshot:
        """Delete the draft."""
        answer = await provider_of(self._accounts, target.account).delete(target)
        return taken_in(target, answer)

    @activity.defn
    @as_failures
    async def credit(self, target: Target) -> Snapshot:
        """Take a final invoice back by a full credit."""
        provider = provider_of(self._accounts, target.account)
        if not isinstance(provider, Credits):
            raise Unsupported("this provider takes no final invoice back: credit it there by hand")
        return taken_in(target, await provider.credit(target))

    def all(self) -> list[Callable[..., Any]]:
        """Every activity, for the worker of this provider's queue."""
        return [
            self.plan,
            self.look_up,
            self.find,
            self.create,
            self.read,
            self.attach,
            self.update,
            self.approve,
            self.send,
            self.delete,
            self.credit,
        ]

"""How far a caller reaches: the accounts and the references whose invoices are its own.

Whatever is not its own is answered as what does not exist.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from temporalio.client import WorkflowExecution

from gateway.problems import Kind, Trouble
from invoicing.request import InvoiceRequest, OrderRequest
from invoicing.state.identity import MEMO, digest
from invoicing.temporal.converter import Undecipherable

DEFAULT = "default"


@dataclass(frozen=True)
class Reach:
    """`accounts`: `mollie` or `mollie/shop`; `references`: how they begin. Empty is unlimited."""

    accounts: tuple[str, ...] = ()
    references: tuple[str, ...] = ()

    def has_account(self, provider: str, account: str) -> bool:
        """Whether invoices of this account may be its own."""
        return not self.accounts or bool({provider, f"{provider}/{account}"} & {*self.accounts})

    def has_reference(self, reference: str) -> bool:
        """Whether an invoice or order of this reference may be its own."""
        return not self.references or reference.startswith(self.references)

    def has_event(self, event: str) -> bool:
        """Whether an event is its own. It is nobody's as long as it has no invoice, so a caller
        that is limited to some references has none."""
        provider, _, rest = event.partition("/")
        return not self.references and self.has_account(provider, rest.partition("/")[0])

    @property
    def events(self) -> tuple[str, ...]:
        """How the ids of its events begin; empty: anyhow."""
        return tuple(f"{one}/" for one in self.accounts)

    @property
    def providers(self) -> tuple[str, ...]:
        """Where its invoices are; empty: anywhere."""
        return tuple(dict.fromkeys(one.partition("/")[0] for one in self.accounts))

    async def has(self, execution: WorkflowExecution) -> bool:
        """Whether this invoice or order, of a reference of its own, is at an account of its own.

        What it was asked with says so: the memo has a digest of each part. One without them, which
        no worker has begun yet, is nobody's; so is one whose memo this gateway has no key for.
        """
        if not self.accounts:
            return True
        try:
            asked: Mapping[str, Any] = (await execution.memo()).get(MEMO) or {}
        except Undecipherable:
            return False
        return any(_is_at(asked, *one.partition("/")[::2]) for one in self.accounts)

    def refuse_account(self, provider: str, account: str) -> None:
        """Raise Trouble where this caller has no invoices at this account."""
        if not self.has_account(provider, account):
            raise Trouble(Kind.FORBIDDEN, "this caller has no invoices at that account")

    def refuse(self, wanted: InvoiceRequest | OrderRequest) -> None:
        """Raise Trouble for a request that is not to be made by this caller."""
        self.refuse_account(wanted.provider, wanted.account)
        if not self.has_reference(wanted.reference):
            raise Trouble(Kind.FORBIDDEN, "this caller's references begin otherwise")


def _is_at(asked: Mapping[str, Any], provider: str, account: str) -> bool:
    if asked.get("provider") != digest(provider):
        return False
    # What was left at its default has no part in it.
    return not account or asked.get("account", digest(DEFAULT)) == digest(account)

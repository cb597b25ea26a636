"""The page on which an invoice is paid, from its provider."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from temporalio import activity

from activities.failures import as_failures
from activities.invoice import provider_of
from invoicing.errors import Unsupported
from invoicing.provider import Accounts, PayLinks, Target


class PayLinkActivities:
    """What a workflow asks of one provider's pages to pay.

    Args:
        accounts: this provider's adaptors by account name.
    """

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    @activity.defn
    @as_failures
    async def pay_link(self, target: Target) -> str:
        """Its address as it is now."""
        provider = provider_of(self._accounts, target.account)
        if not isinstance(provider, PayLinks):
            raise Unsupported("this provider states no page on which an invoice can be paid")
        return await provider.pay_link(target)

    def all(self) -> list[Callable[..., Any]]:
        """Every activity, for a worker."""
        return [self.pay_link]

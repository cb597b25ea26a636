"""What a service asks for: one invoice, by its own reference."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import JsonValue, StringConstraints

from invoicing.document import Document
from invoicing.model import Typed

Reference = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:#-]{0,99}$")]
"""The caller's own key. It becomes part of ids that are never encrypted: no personal data in it."""

ProviderName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,49}$")]
AccountName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_]{0,49}$")]


class Goal(StrEnum):
    """How far the caller wants the invoice to get."""

    DRAFTED = "drafted"
    APPROVED = "approved"
    SENT = "sent"
    DELIVERED = "delivered"
    PAID = "paid"


class InvoiceRequest(Typed):
    """One invoice to be made at one provider.

    The same reference asked for again is the same invoice; with other content it is an error.
    """

    reference: Reference
    provider: ProviderName
    account: AccountName = "default"
    """Which of the credentials configured for that provider."""
    goal: Goal = Goal.SENT
    document: Document
    options: dict[str, JsonValue] = {}
    """What only this provider has; its adaptor validates it."""
    hold: bool = False
    """Stop before the first irreversible step until a person releases it."""
    may_credit: bool = True
    """Whether cancelling may credit an invoice that is already final."""

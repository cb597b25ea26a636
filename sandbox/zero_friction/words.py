"""What can be placed at the stand-in for Zero Friction, and what it assumes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal


class Step(StrEnum):
    """The steps by which calls are counted and faults are placed."""

    TOKEN = "token"  # noqa: S105
    CUSTOMERS = "customers"
    CONTRACTS = "contracts"
    CONTRACT = "contract"
    BANK_ACCOUNTS = "bank_accounts"
    PROPERTY_GROUP = "property_group"
    TAX_CODES = "tax_codes"
    BILLING_ITEMS = "billing_items"
    SERVICE_LOCATIONS = "service_locations"
    CREATE = "create"
    FIND = "find"
    READ = "read"
    APPROVE = "approve"
    SEND = "send"
    POST = "post"
    MARK_SENT = "mark_sent"
    MARK_SKIPPED = "mark_skipped"
    DELETE = "delete"
    CREDIT = "credit"
    PAY = "pay"
    PAYMENTS = "payments"
    REVERSE = "reverse"
    PREVIEW = "preview"
    """The PDF of an invoice as it would be."""
    DOCUMENT = "document"
    """The PDF that `attachmentId` names."""


class Told(StrEnum):
    """The faults that only this provider's words can express; `key` changes the word."""

    SUCCESS_FALSE = "success_false"
    """HTTP 200, `success: false`, error `key`; `before` nothing is done, `after` it is."""
    UNKNOWN_STATUS = "unknown_status"
    """The answer calls the invoice's status `key` ("inreview"), a word nobody documented."""
    APPROVED_WITHOUT_NUMBER = "approved_without_number"
    """At `approve`: it never gets a number. At `read`: this answer says approved, without one."""
    ERRORS_FILLED = "errors_filled"
    """At `approve`: the approval fails with `key`. At `read`: this answer lists the error `key`."""
    CHANGED_AMOUNT = "changed_amount"
    """At `create`: stored `key` (0.01) too high. Elsewhere: only this answer says so."""


@dataclass
class Assumed:
    """What the documents leave open, as it is to be here; may be changed at any time."""

    secret_expired: bool = False
    """Whether the client secret has run out: no new token is given."""
    approval_delay: float = 0.2
    """Seconds from the approve call to the end of the approval; inf: never."""
    sending_delay: float = 0.1
    """Seconds from `sending` (or `printing`) to `sent`; inf: never."""
    page_size: int = 50
    """Results per page of every list."""
    token_lifetime: int = 3599
    """Seconds; `expires_in` of a token, and when it really expires."""
    flex_search_covers_reference: bool = True
    """Whether flexSearch finds externalReference (U)."""
    open_end: Literal["9999-12-31T23:59:59.9999999", "0001-01-01T00:00:00"] = (
        "9999-12-31T23:59:59.9999999"
    )
    """How the end of a tax rate is written that has none: the document allows no null, so it is the
    platform's last moment or one that was never set (U)."""
    attached: Literal["approved", "sent"] = "approved"
    """From when on an invoice has its document, `attachmentId` (U)."""
    failed_status: str = "approvalfailed"
    """What an invoice is called whose approval failed. The support pages name such a state, the
    specification's enumeration has no word for it (U)."""
    credit_note_status: Literal["approved", "created"] = "approved"
    """Whether a credit note is final at once or a draft to be approved (U)."""
    credit_copies_reference: bool = True
    """Whether it carries the credited invoice's externalReference (U)."""

"""What can be placed at the stand-in for Invoro, and what it assumes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

Rounding = Literal["category", "line"]


class Step(StrEnum):
    """The steps by which calls are counted and faults are placed."""

    CREATE = "create"
    IMPORT = "import"
    FIND = "find"
    READ = "read"
    APPROVE = "approve"
    """The send route: from there on only a credit note takes the invoice back."""
    DELETE = "delete"
    LOOKUP = "lookup"


class Told(StrEnum):
    """The faults that only this provider's words can express; `key` changes the word."""

    SERVER_FAILURE = "server_failure"
    """HTTP 500 in the documented envelope; `before` nothing is done, `after` it is."""
    UNKNOWN_STATUS = "unknown_status"
    """The answer calls the invoice's state `key` ("inreview"), a word nobody documented."""
    UNKNOWN_PAYMENT_STATUS = "unknown_payment_status"
    """The answer calls its payment `key` ("in_dispute")."""
    CHANGED_AMOUNT = "changed_amount"
    """At `create`: stored `key` (1) cents too high. Elsewhere: only this answer says so."""
    SENT_WITHOUT_NUMBER = "sent_without_number"
    """At `approve`: it never gets a number. At `read`, `find`: this answer says sent, without."""
    ERRORS_IN_METADATA = "errors_in_metadata"
    """At `approve`: the sending fails with `key`. Elsewhere: this answer has the error `key`."""


@dataclass
class Assumed:
    """What the pages do not say (U), as it is to be here; may be changed at any time."""

    sending_delay: float = 0.1
    """Seconds from the send call to `sent`; inf: never."""
    delivery_delay: float = 0.1
    """Seconds from `sent` to `delivered`; inf: never."""
    page_size: int = 15
    """Invoices per page of the list."""
    rate_limit: int = 100
    """Calls per second and key; documented are 100."""
    created_status: int = 201
    """The page lost its numbers. Also of an import."""
    send_status: int = 200
    send_answers: Literal["invoice", "message"] = "invoice"
    sendable: frozenset[str] = frozenset({"draft", "approved"})
    """The states that may be sent; whether `failed` is one of them is not said."""
    payment_words: tuple[str, str, str] = ("unpaid", "partially_paid", "paid")
    """`payment_status` of an invoice not paid at all, in part, in full."""
    amount_is: Literal["tax_inclusive_amount", "payable_amount"] = "tax_inclusive_amount"
    """Which of the totals `amount` is."""
    vat_rounding: Rounding = "category"
    """Whether VAT is rounded per row of the breakdown or per item."""
    series_at: Literal["header", "top"] = "header"
    """Where `invoice_number_series` stands: the page lists it in a second object `header`."""
    unique_numbers: bool = False
    """Whether an `invoice_number` may be used once only."""
    deleted_readable: bool = False
    """Whether a GET still shows a deleted draft, with `deleted_at`."""
    credited_state: str | None = None
    """The state an invoice takes once credit notes have taken all of it back; None: it stays."""
    test_delivers: bool = True
    """Whether an invoice of a test key gets beyond `sent`: nothing really goes out."""
    unconfirmed: frozenset[str] = frozenset()
    """Networks (peppol, ksef, email) over which nothing ever becomes `delivered`."""
    reaches_strangers: bool = True
    """Whether sending succeeds to Peppol ids that are no `participants`."""
    checks_rules: bool = True
    """Whether sending checks rules of EN 16931 and Peppol: "validated" is all that is said."""
    list_has_meta: bool = True
    """Whether a list brings `links` and `meta` beside `data`."""
    newest_first: bool = True
    """The order of a list."""
    reset_is: Literal["epoch", "seconds"] = "epoch"
    """What `X-RateLimit-Reset` counts: from 1970, or from now."""
    key_headers: frozenset[str] = frozenset({"authorization", "x-api-key"})
    """Two pages name one header each; by default both open the door."""
    reference_at: tuple[str, ...] = (
        "header.invoice_number",
        "references.sales_order",
        "header.buyer_reference",
    )
    """For the ledger alone: where callers put their reference, tried in this order."""

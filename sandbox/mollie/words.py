"""What can be placed at the stand-in for Mollie, and what it assumes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

Rounding = Literal["rate", "line"]


class Step(StrEnum):
    """The steps by which calls are counted and faults are placed; a PATCH by what it asks for."""

    CREATE = "create"
    """Also one that issues or pays at once."""
    FIND = "find"
    """The list."""
    READ = "read"
    APPROVE = "approve"
    """PATCH to issued."""
    CREDIT = "credit"
    """PATCH to cancelled."""
    PAY = "pay"
    """PATCH to paid."""
    UPDATE = "update"
    """Any other PATCH."""
    DELETE = "delete"
    DOCUMENT = "document"
    """The PDF that `_links.pdfLink` names."""
    PAGE = "page"
    """The page on which the buyer pays, which `_links.invoicePayment` names."""


class Told(StrEnum):
    """The faults that only this provider's words can express; `key` changes the word."""

    PROBLEM = "problem"
    """A problem of status `key` (422, the account is suspended); `before` nothing is done."""
    UNKNOWN_STATUS = "unknown_status"
    """The answer calls the invoice's status `key` ("in-review"), a word nobody documented."""
    ISSUED_WITHOUT_NUMBER = "issued_without_number"
    """Where it issues: it never gets a number. At `read`, `find`: only this answer says so."""
    E_INVOICE_FAILED = "e_invoice_failed"
    """Where it issues: the e-invoice will not arrive. At `read`, `find`: only this says so."""
    CHANGED_AMOUNT = "changed_amount"
    """At `create`, `update`: stored `key` (0.01) too high. Elsewhere: only this answer says so."""


@dataclass
class Assumed:
    """What Mollie's pages leave open, as it is to be here; may be changed at any time."""

    e_invoice_delay: float = 0.1
    """Seconds from issuing an e-invoice to its delivery; inf: never."""
    collection_delay: float = 0.1
    """Seconds from `pending-payment` to `paid`; inf: never."""
    pdf_delay: float = 0.0
    """Seconds from issuing until there is a `pdfLink`; inf: never."""
    key_lifetime: float = 3600.0
    """Seconds for which an idempotency key is remembered."""
    vat_rounding: Rounding = "rate"
    """VAT is rounded per `rate`, as electronic invoices must, or per `line` (U)."""
    cancelled_word: Literal["cancelled", "canceled"] = "cancelled"
    """What a cancelled invoice is called; older pages write `canceled`."""
    reversed_word: Literal["payment-reversed", "payment_reversed"] = "payment-reversed"
    """The lifecycle page writes a hyphen, the changelog an underscore."""
    e_invoice_in_status: bool = True
    """Whether `status` too says `issuing` and `failed`, as the lifecycle page lists them, or only
    `eInvoiceStatus` does (U)."""
    email_required: bool = True
    """Whether issuing needs `emailDetails`. The page says both; an e-invoice never needs them."""
    locale_required: bool = True
    """Whether a recipient needs a `locale`: the specification says so, a sample of the guide has
    none."""
    cancels_from: Collection[str] = ("issued", "overdue")
    """The states from which an invoice can be cancelled; more may be possible (U)."""
    newest_first: bool = True
    """The order of the list (I)."""
    merchant_country: str = "NL"
    """Where the merchant is based."""
    one_stop_shop: bool = False
    """Whether the merchant is enrolled there."""
    list_name: Literal["sales_invoices", "invoices"] = "sales_invoices"
    """What a list is called in `_embedded`: one in the public document, the other in the vendor's
    client for Python (U)."""
    reference_key: str = "reference"
    """Where in `metadata` to look for the reference of the ledger."""

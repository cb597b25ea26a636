"""What can be placed at the stand-in for Riverty, and what it assumes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from sandbox.riverty.data import BUSINESS, SOURCE

VatPer = Literal["unit", "line"]


class Kind(StrEnum):
    """The requests that the accounting core judges; each value ends the route of its kind."""

    ORDER = "orders"
    INVOICE = "invoices"
    CANCELLATION = "cancellations"
    RETURN = "returns"
    GOODWILL = "goodwills"


REQUEST_TYPES: Mapping[Kind, str] = {
    Kind.ORDER: "GET_ORDER",
    Kind.INVOICE: "GET_INVOICE",
    Kind.CANCELLATION: "GET_CANCELLATION",
    Kind.RETURN: "GET_RETURN",
    Kind.GOODWILL: "GET_GOODWILL",
}
"""The published example says GET_ORDER of an order's fields; the others follow its pattern (I)."""


EDI = "accounting/EDIErrorSent"
INVOICE_CREATED = "accounting/invoiceCreated"
DOCUMENT_CREATED = "accounting/documentCreated"
BALANCE_UPDATED = "accounting/balanceUpdated"
CHARGEBACK_RECEIVED = "accounting/chargebackReceived"
PAYMENT_RECEIVED = "accounting/paymentReceived"
REFUND_COMPLETED = "accounting/refundCompleted"
TYPES = (
    *(EDI, INVOICE_CREATED, DOCUMENT_CREATED, BALANCE_UPDATED),
    *(CHARGEBACK_RECEIVED, PAYMENT_RECEIVED, REFUND_COMPLETED),
)


class Step(StrEnum):
    """The steps by which calls are counted and faults are placed, in the words of all stand-ins."""

    CREATE = "create"
    """An order."""
    APPROVE = "approve"
    """An invoice of lines of an order."""
    DELETE = "delete"
    """A cancellation of lines."""
    CREDIT = "credit"
    """A return or a goodwill."""
    SUBSCRIBE = "subscribe"
    """A callback for notifications."""
    DOCUMENT = "document"


class Told(StrEnum):
    """The faults that only this provider's words can express, all of them about verdicts.

    They strike whatever the gateway takes; `before` and `after` make no difference.
    """

    REJECTED = "rejected"
    """The core objects to the field `key` (LINEITEMSTATUS): nothing is stored."""
    UNKNOWN_RESULT = "unknown_result"
    """It is stored, and the result is called `key` (IN_REVIEW), a word nobody documented."""
    CHANGED_AMOUNT = "changed_amount"
    """At `create`: stored `key` (0.01) too high."""
    FOREIGN_ID = "foreign_id"
    """The verdict's transactionId is none that anybody knows."""
    CONTRADICTED = "contradicted"
    """A second verdict follows that says the opposite; the first is the truth."""
    VERDICT_DROPPED = "verdict_dropped"
    """It never comes."""
    VERDICT_WITHHELD = "verdict_withheld"
    """It comes when the test calls `notices.release()`."""
    VERDICT_LATE = "verdict_late"
    """It comes `seconds` (0.1) after what it says has happened."""
    VERDICT_TWICE = "verdict_twice"
    VERDICT_MANGLED = "verdict_mangled"
    """What comes is no JSON."""


@dataclass
class Assumed:
    """What the pages leave open, as it is to be here; may be changed at any time."""

    verdict_delay: float = 0.05
    """Seconds from the gateway's answer to the core's verdict; inf: never."""
    renders: bool = True
    """Whether Riverty renders and sends invoices, which onboarding settles."""
    document_delay: float = 0.05
    """Seconds from an accepted invoice to its document; inf: never."""
    repeats: Literal["processed", "ignored"] = "processed"
    """A request whose X-Request-ID was seen "might get ignored": whether it is. A correction of
    what the core rejected is never ignored (I)."""
    transaction_id: Literal["request", "internal"] = "request"
    """What a verdict calls the request by: its X-Request-ID if it had one (I), or the
    internalRequestId it was answered with (U)."""
    names_invoice: bool = True
    """Whether a verdict about an invoice names it (I); the published example, about an order, has
    the order's reference only."""
    success: str = "OK"
    """The result of a request that was accepted; described as "OK", not shown (U)."""
    request_types: Mapping[Kind, str] = field(default_factory=lambda: REQUEST_TYPES)
    """See `REQUEST_TYPES`."""
    lengths: Literal["refused", "truncated"] = "refused"
    """What the gateway does with texts longer than the reference pages allow. They say it refuses,
    and warn that the core may cut: "truncated" leaves it all to the core. Texts without a published
    length are always cut, to lengths made up here (U)."""
    strict: bool = True
    """Whether the gateway refuses properties that no page shows (I)."""
    carrier: Literal["always", "physical", "never"] = "physical"
    """Whether `carrier` and `trackingCode` of an invoice are needed: the reference page marks them
    so and says "only for physical goods", an example has neither. `always` is the gateway's
    refusal, `physical` the core's."""
    vat_per: VatPer = "unit"
    """Whether `vatAmount` is that of one piece (I) or of the whole line."""
    quantity_types: bool = False
    """Whether an order's items may have a `quantityType`, as returns have (U)."""
    currencies: Mapping[str, str] = field(default_factory=lambda: {BUSINESS: "EUR"})
    """Business codes, and the currency of each."""
    activated: Collection[str] = TYPES
    """The types of notification that are switched on."""
    redeliveries: int = 0
    """How often a notification nobody took is delivered again (U)."""
    redelivery_delay: float = 0.0
    """Seconds before each of these (U)."""
    downloads_per_second: int = 10
    """How many documents may be fetched before 429."""
    source: str = SOURCE
    """The address that `listener` is told notifications come from."""

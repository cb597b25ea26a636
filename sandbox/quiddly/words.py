"""What can be placed at the stand-in for Quiddly, and what it assumes."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Literal

Rounding = Literal["row", "rate"]


class Step(StrEnum):
    """The steps by which calls are counted and faults are placed."""

    AUTHENTICATE = "authenticate"
    CREATE = "create"
    APPROVE = "approve"
    """The activate route: from there on only a credit invoice takes the invoice back."""
    ATTACH = "attach"
    DOWNLOAD = "download"
    FEED = "feed"
    ACKNOWLEDGE = "acknowledge"
    BOOK = "book"
    READ = "read"
    FIND = "find"
    """The list."""
    DELETE = "delete"


class Told(StrEnum):
    """The faults that only this provider's words can express; `key` changes the word."""

    REFUSED = "refused"
    """A refusal of status `key` (400); `before` nothing is done, `after` it is."""
    UNKNOWN_STATUS = "unknown_status"
    """The answer calls the main status `key` ("UNDER_REVIEW"), a word nobody documented."""
    UNKNOWN_LEDGER = "unknown_ledger"
    """The answer calls the ledger status `key` ("WRITTEN_OFF")."""
    UNACTIVATED = "unactivated"
    """At `approve`: 200, and no activation in the answer; `before` nothing is done, `after` it is.
    At `read` and `find` only the answer says so."""
    CHANGED_AMOUNT = "changed_amount"
    """At `create`: stored `key` (0.01) too high, net and gross. Elsewhere only this answer says
    so; in the feed, of every payment."""
    CHANGED_FIGURE = "changed_figure"
    """Any value of the answer: `key` is its path with what becomes of it, `totals.total+0.01`,
    `currency.invoiceCurrency=EUR`, `0.amount=5` (in lists of invoices or payments). At `create`
    later answers have it too, elsewhere only this one."""


@dataclass
class Assumed:
    """What the pages do not say (U), as it is to be here; may be changed at any time."""

    distribution_delay: float = 0.1
    """Seconds from activation until it is sent; inf: never."""
    token_lifetime: float = 86_400.0
    """Seconds; documented are 86400. A service token never ends."""
    reads: bool = False
    """Whether `GET /invoices/{id}` exists."""
    lists: bool = False
    """Whether `GET /invoices` exists, with `invoiceNumber`, `page` and `limit`, oldest first."""
    deletes: bool = False
    """Whether `DELETE /invoices/{id}` exists, for drafts; it answers 204."""
    unique_numbers: bool = False
    """Whether an invoice number may be used once only, per client."""
    refusal_status: int = 400
    """Of a request that is not valid, or does not fit the invoice's state."""
    arithmetic: Literal["refuses", "restates", "keeps"] = "refuses"
    """What happens to figures that do not add up: the request is refused, or they are replaced by
    figures of its own, or they are kept as they came."""
    vat_rounding: Rounding = "row"
    """VAT is rounded per row, so that `vats` add up to the rows, or per rate."""
    rounds_off: bool = False
    """Whether what is to be paid is rounded to whole units here, which fills `totalRoundOff`."""
    price_decimals: int = 4
    credit_types: tuple[str, ...] = ("CREDIT_INVOICE",)
    """What `type` may be beside INVOICE; such an invoice needs `debitInvoiceNumber`."""
    checks_identification: bool = True
    """Whether Swedish identification numbers are checked; that of the page's example is wrong."""
    checks_reach: bool = True
    """Whether EMAIL needs an e-mail address and LETTER an invoice address (I)."""
    activated_status: str = "ACTIVATED"
    """The main status after activation; CREATED is the only documented one."""
    activates_again: bool = False
    """Whether a second activation is answered like the first; it never does anything."""
    acknowledges_again: bool = True
    """Whether a payment can be acknowledged or booked more than once."""
    locale_is_base: bool = True
    """Whether "locale" amounts are in the base currency, or in that of the invoice."""
    reminder_fee: Decimal = Decimal(60)
    """What reaching REMINDER adds to the reminder balance."""
    aliases: tuple[str, ...] = ("ourOrderNumber", "ourReference", "remark")
    """For tests alone: fields by whose text an invoice is found where no number fits."""

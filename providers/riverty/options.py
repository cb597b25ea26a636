"""Riverty: what a request may ask for here and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, JsonValue, StringConstraints
from pydantic_extra_types.country import CountryAlpha2

from invoicing.document import Code, Day, Line, Name
from invoicing.model import Typed
from providers.riverty.settings import OrderType

Word = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]{0,49}$")]

Short = Annotated[str, StringConstraints(min_length=1, max_length=30)]

OrderReference = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]{1,16}$")]

VatType = Literal["TAXLESS", "NORMAL", "REDUCED", "REVERSE"]


class AddressOptions(Typed):
    """What an address has here and a neutral one has not, or not apart."""

    first_name: Name | None = None
    """The given name."""
    last_name: Name | None = None
    """The family name."""
    salutation: Name | None = None
    """The form of address, in the provider's word."""
    title: Name | None = None
    """An academic title."""
    care_of: Name | None = None
    """At whose address it is."""
    street_number: Name | None = None
    """Taken out of the neutral street, where it stands at the end of it."""


class BuyerOptions(AddressOptions):
    """What only the buyer's address has."""

    birth_date: Day | None = None
    """The buyer's day of birth."""
    nationality: CountryAlpha2 | None = None
    """The buyer's nationality."""
    customer_group: Name | None = None
    """A group of one's own that the buyer belongs to."""


class LineOptions(Typed):
    """What a line has here and nowhere else."""

    position_type: Word = "SALES_ARTICLE"
    """What kind of item it is, in one of the provider's words."""
    vat_type: VatType | None = None
    """Left out, it follows from the VAT category."""
    as_one: bool = False
    """Sent as one piece at the line's whole price: for a price that is not exact per unit."""


def _exact(value: JsonValue) -> JsonValue:
    if isinstance(value, float):
        raise ValueError('write amounts in quotes, such as "12.50": binary floats are inexact')
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for each in inner:
        _exact(each)
    return value


class PaymentReference(Typed):
    """How the order was or will be paid; what it needs depends on the method."""

    method: Name
    """The way of paying, in the provider's word."""
    details: dict[str, Annotated[JsonValue, AfterValidator(_exact)]] = {}
    """Sent as written; a text under a name that ends in `Amount` is sent as a number."""


class RivertyOptions(Typed):
    """`InvoiceRequest.options`. What is left out follows from the document and the settings."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"order_type": "DIGITAL_GOODS", "bill_to": {"salutation": "MRS"}}]
        }
    )

    order_reference: OrderReference | None = None
    """The order's name at the provider, of one order alone: what amends an invoice needs another.
    Left out, it is derived from the request's reference."""
    order_type: OrderType | None = None
    """Whether goods, digital goods or services are sold. Left out, the settings say it."""
    order_channel: Literal["ECOM", "MOTO", "MOBILE", "POS", "APP", "P2P"] = "ECOM"
    """By which way the order came in."""
    order_date: Day | None = None
    """Left out, the day of issue."""
    supplying_country: CountryAlpha2 | None = None
    """From where it is supplied. Left out, the business's country."""
    vat_declaration_country: CountryAlpha2 | None = None
    """Where VAT is declared, if in another country."""
    process_after_dunning: (
        Literal["HAND_OVER_FOR_DEBT_COLLECTION", "HAND_OVER_FOR_FACTORING"] | None
    ) = None
    """What follows when reminders have been in vain."""
    payment: PaymentReference | None = None
    """How the order was or will be paid."""
    bill_to: BuyerOptions = BuyerOptions()
    """What the buyer's address has here and a neutral one has not."""
    ship_to: AddressOptions = AddressOptions()
    """Likewise of the delivery's address; the document must have one."""
    shipment_reference: Short | None = None
    """Left out, the invoice's number."""
    dispatch_date: Day | None = None
    """Left out: the delivery's actual date, for digital goods else the day of issue."""
    carrier: Annotated[str, StringConstraints(min_length=1, max_length=32)] | None = None
    """Who carries the goods; needed for physical ones."""
    tracking_code: Name | None = None
    """The carrier's code of the parcel; needed for physical goods."""
    cancellation_reason: Word = "CUSTOMER_CANCELLATION"
    """Why lines would be cancelled, in one of the provider's words."""
    credit: Literal["goodwill", "return"] = "goodwill"
    """How an invoice is taken back: without the goods, or with them."""
    goodwill_reason: Word = "OTHER"
    """Why a goodwill would be given, in one of the provider's words."""
    return_reason: Word = "CUSTOMER_RETURN"
    """Why goods would come back, in one of the provider's words."""
    line_defaults: LineOptions = LineOptions()
    """What every line has unless it says otherwise."""
    lines: dict[Code, LineOptions] = {}
    """What single lines have, by line id."""

    def line(self, line: Line) -> LineOptions:
        """The defaults with what this line says for itself."""
        own = self.lines.get(line.id, LineOptions())
        said = {name: getattr(own, name) for name in own.model_fields_set}
        return self.line_defaults.model_copy(update=said)


CANCELLATION_REASONS = ("OUT_OF_STOCK", "CUSTOMER_CANCELLATION", "NO_PAYMENT", "CUSTOMER_SERVICE")

RETURN_REASONS = ("CARRIER_RETURN", "CUSTOMER_RETURN")

GOODWILL_REASONS = (
    "CUSTOMER_COMPLAINT",
    "DELIVERY_DELAYED",
    "ARTICLE_PARCEL_MISSING",
    "CORRECTION_VOUCHER",
    "ARTICLE_DEFECTIVE",
    "CORRECTION_PRICE",
    "LOSS_OF_RETURN_POST",
    "LOSS_OF_RETURN_WAREHOUSE",
    "LOSS_OF_DELIVERY",
    "CONTRADICTION_OF_SIGNATURE",
    "FRAUD",
    "ISSUE_IN_STORE",
    "REFUND_EXPRESS_COSTS",
    "OTHER",
    "LOSS_OF_DELIVERY_WARENPOST",
    "WRONG_DELIVERY",
)

POSITION_TYPES = (
    "SALES_ARTICLE",
    "SHIPPING_COSTS",
    "SHIPPING_COSTS_EXPRESS",
    "SERVICE_CHARGE",
    "CASH_ON_DELIVERY",
    "FREE_ARTICLE",
    "LOYALTY_CARD",
    "IBAN_VERIFICATION",
    "GIFT_CARD_VOUCHER_SALE",
    "MARKETPLACE_PROVISION",
    "SUBSCRIPTION_ORDER",
    "SUBSCRIPTION_ORDER_2",
    "NOT_ACCOUNTING_RELEVANT",
)
"""Without those that lower the amount: which sign their prices have is not documented."""


UNSAID: Mapping[str, str] = {}
"""Options of which the provider is not told, and what they do instead."""

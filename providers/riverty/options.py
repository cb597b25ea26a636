"""Riverty: what a request may ask for here and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, JsonValue, StringConstraints
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
    last_name: Name | None = None
    salutation: Name | None = None
    title: Name | None = None
    care_of: Name | None = None
    street_number: Name | None = None
    """Taken out of the neutral street, where it stands at the end of it."""


class BuyerOptions(AddressOptions):
    """What only the buyer's address has."""

    birth_date: Day | None = None
    nationality: CountryAlpha2 | None = None
    customer_group: Name | None = None


class LineOptions(Typed):
    """What a line has here and nowhere else."""

    position_type: Word = "SALES_ARTICLE"
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
    details: dict[str, Annotated[JsonValue, AfterValidator(_exact)]] = {}
    """Sent as written; a text under a name that ends in `Amount` is sent as a number."""


class RivertyOptions(Typed):
    """`InvoiceRequest.options`. What is left out follows from the document and the settings.

    `order_reference`: derived from the request's reference · `order_date`: the day of issue ·
    `supplying_country`: the business's · `shipment_reference`: the invoice's number ·
    `dispatch_date`: the delivery's actual date, for digital goods else the day of issue ·
    `lines`: by line id, over `line_defaults`.
    """

    order_reference: OrderReference | None = None
    order_type: OrderType | None = None
    order_channel: Literal["ECOM", "MOTO", "MOBILE", "POS", "APP", "P2P"] = "ECOM"
    order_date: Day | None = None
    supplying_country: CountryAlpha2 | None = None
    vat_declaration_country: CountryAlpha2 | None = None
    process_after_dunning: (
        Literal["HAND_OVER_FOR_DEBT_COLLECTION", "HAND_OVER_FOR_FACTORING"] | None
    ) = None
    payment: PaymentReference | None = None
    bill_to: BuyerOptions = BuyerOptions()
    ship_to: AddressOptions = AddressOptions()
    shipment_reference: Short | None = None
    dispatch_date: Day | None = None
    carrier: Annotated[str, StringConstraints(min_length=1, max_length=32)] | None = None
    tracking_code: Name | None = None
    cancellation_reason: Word = "CUSTOMER_CANCELLATION"
    credit: Literal["goodwill", "return"] = "goodwill"
    """How an invoice is taken back: without the goods, or with them."""
    goodwill_reason: Word = "OTHER"
    return_reason: Word = "CUSTOMER_RETURN"
    line_defaults: LineOptions = LineOptions()
    lines: dict[Code, LineOptions] = {}

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

"""Riverty: what is written to it."""

from __future__ import annotations

import hashlib
import json
import re
from base64 import b32encode
from collections.abc import Iterable
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import groupby
from typing import TypeAlias, cast

from pydantic import JsonValue

from invoicing.document import Address, Document, Line, Party, VatCategory
from invoicing.errors import Rejected
from invoicing.money import exactly, plain, vat_inside
from invoicing.provider import CancelLinesCall
from invoicing.totals import LineTotal, Totals
from providers.kit.http import Json
from providers.kit.wire import filled
from providers.riverty.options import (
    CANCELLATION_REASONS,
    AddressOptions,
    BuyerOptions,
    LineOptions,
    PaymentReference,
    RivertyOptions,
    VatType,
)
from providers.riverty.settings import NAME, OrderType, RivertySettings
from providers.riverty.states import (
    OrderContext,
    OrderLine,
)

UNITS = {"C62": None, "H87": None, "EA": None, "KWH": "KWH", "MIN": "MIN"}
"""UN/ECE Recommendation 20 → quantityType; pieces need not be said."""

VAT_TYPES: dict[VatCategory, VatType] = {
    VatCategory.STANDARD: "NORMAL",
    VatCategory.REVERSE_CHARGE: "REVERSE",
    VatCategory.ZERO: "TAXLESS",
    VatCategory.EXEMPT: "TAXLESS",
    VatCategory.INTRA_COMMUNITY: "TAXLESS",
    VatCategory.EXPORT: "TAXLESS",
    VatCategory.OUTSIDE_SCOPE: "TAXLESS",
}


def order_type(options: RivertyOptions, settings: RivertySettings) -> OrderType:
    """That of the options, else of the account."""
    return options.order_type or settings.order_type


def dispatched(document: Document, options: RivertyOptions) -> date | None:
    """The day the goods left."""
    delivered = document.delivery.actual_date if document.delivery else None
    return options.dispatch_date or delivered


def as_text(value: Json) -> JsonValue:
    """A value as history keeps it: exact numbers as text."""
    return plain(value) if isinstance(value, Decimal) else str(value)


def derived(kind: str, reference: str, generation: int = 0) -> str:
    """A name of 16 letters and digits for our reference: always the same one, and another for each
    generation. The kind keeps an order and an invoice of the same name apart."""
    digest = hashlib.sha256(f"{kind}/{reference}/{generation}".encode()).digest()
    return b32encode(digest[:10]).decode()


def ranges(places: Iterable[int]) -> str:
    """`1-3,7` for 1, 2, 3 and 7: the lines of an invoice, small enough to be carried along."""
    runs = groupby(enumerate(sorted(places)), key=lambda pair: pair[1] - pair[0])
    ends = ([place for _, place in run] for _, run in runs)
    return ",".join(f"{run[0]}-{run[-1]}" if run[1:] else f"{run[0]}" for run in ends)


_Item: TypeAlias = dict[str, Json]


def encoded_order(
    document: Document,
    sums: Totals,
    options: RivertyOptions,
    reference: str,
    settings: RivertySettings,
) -> dict[str, Json]:
    """The body of an order."""
    delivery = document.delivery
    ship_to = delivery.address if delivery else None
    shipped_to = delivery.party_name if delivery else None
    items = [
        {"orderItemReference": place, **item}
        for place, item in enumerate(items_of(document, sums, options, settings), start=1)
    ]
    return filled(
        {
            "orderReference": reference,
            "orderDate": (options.order_date or document.issue_date).isoformat(),
            "orderType": order_type(options, settings),
            "orderChannel": options.order_channel,
            "currency": document.currency,
            "supplyingCountry": options.supplying_country or settings.country,
            "vatDeclarationCountry": options.vat_declaration_country,
            "processAfterDunning": options.process_after_dunning,
            "paymentReference": _encoded_payment(options.payment),
            "billToAddress": _bill_to(document.buyer, options.bill_to),
            "shipToAddress": (
                _ship_to(ship_to, shipped_to, document.buyer, options.ship_to) if ship_to else None
            ),
            "items": items,
        }
    )


def _encoded_payment(payment: PaymentReference | None) -> Json:
    if payment is None:
        return None
    details = {name: _detail(name, value) for name, value in payment.details.items()}
    return filled({"paymentMethodName": payment.method, "paymentDetails": details or None})


def _detail(name: str, value: JsonValue) -> Json:
    if isinstance(value, dict):
        return {inner: _detail(inner, each) for inner, each in value.items()}
    if isinstance(value, list):
        return [_detail(name, each) for each in value]
    amount = isinstance(value, str) and name.endswith("Amount") and _AMOUNT.fullmatch(value)
    return Decimal(str(value)) if amount else cast("Json", value)


_AMOUNT = re.compile(r"[0-9]{1,15}(\.[0-9]{1,10})?")


def _bill_to(buyer: Party, more: BuyerOptions) -> Json:
    contact = buyer.contact
    return filled(
        {
            **_encoded_address(buyer.address, more),
            "firstName": more.first_name or buyer.given_name,
            "lastName": more.last_name or buyer.family_name or buyer.name,
            "language": _language(buyer),
            "email": contact.email if contact else None,
            "phone": contact.phone if contact else None,
            "birthDate": more.birth_date.isoformat() if more.birth_date else None,
            "nationality": more.nationality,
            "customerGroup": more.customer_group,
            "taxIdentificationNumber": buyer.vat_number,
        }
    )


def _ship_to(address: Address, name: str | None, buyer: Party, more: AddressOptions) -> Json:
    """To whom the delivery names; else to the buyer."""
    given = None if name else buyer.given_name
    family = name or buyer.family_name or buyer.name
    return filled(
        {
            **_encoded_address(address, more),
            "state": address.region,
            "firstName": more.first_name or given,
            "lastName": more.last_name or family,
            "language": _language(buyer),
        }
    )


def _encoded_address(address: Address | None, more: AddressOptions) -> dict[str, Json]:
    if address is None:
        return {}
    street, number = address.street or "", more.street_number
    return {
        "salutation": more.salutation,
        "title": more.title,
        "careOf": more.care_of or address.additional,
        "street": (street.removesuffix(number).rstrip() if number else street) or None,
        "streetNumber": number,
        "postalCode": address.postal_code,
        "postalPlace": address.city,
        "countryCode": address.country,
    }


def _language(party: Party) -> str | None:
    return party.language[:2] if party.language else None


def items_of(
    document: Document, sums: Totals, options: RivertyOptions, settings: RivertySettings
) -> list[_Item]:
    """Every line as an item, without the reference that its place in the order gives it."""
    return [
        _encoded_item(line, total, options.line(line), settings)
        for line, total in zip(document.lines, sums.lines, strict=True)
    ]


def _encoded_item(
    line: Line, total: LineTotal, chosen: LineOptions, settings: RivertySettings
) -> _Item:
    quantity, price = priced(line, total, chosen, settings) or (line.quantity, Decimal(0))
    per_line = settings.vat_amount_of == "line" or quantity == 1
    vat = total.vat if per_line else vat_inside(price, line.vat.rate, settings.currency)
    return filled(
        {
            "description": line.name,
            "productId": line.seller_item_id,
            "positionType": chosen.position_type,
            "quantity": quantity,
            "quantityType": None if chosen.as_one else UNITS.get(line.unit),
            "grossUnitPrice": price,
            "vatAmount": vat,
            "vatPercent": line.vat.rate,
            "vatType": vat_type(line, chosen, settings),
        }
    )


def priced(
    line: Line, total: LineTotal, chosen: LineOptions, settings: RivertySettings
) -> tuple[Decimal, Decimal] | None:
    """Quantity and gross price that multiply to the line's gross exactly; None if none do."""
    if chosen.as_one:
        return Decimal(1), total.gross
    with exactly():
        price = (total.gross / line.quantity).quantize(Decimal((0, (1,), -settings.decimals)))
        return (line.quantity, price) if price * line.quantity == total.gross else None


def vat_type(line: Line, chosen: LineOptions, settings: RivertySettings) -> VatType | None:
    """Their kind of VAT; None where there is none for the category."""
    if chosen.vat_type:
        return chosen.vat_type
    normal = settings.normal_vat_rate
    standard = line.vat.category is VatCategory.STANDARD
    if standard and normal is not None and line.vat.rate != normal:
        return "REDUCED"
    return VAT_TYPES.get(line.vat.category)


def order_lines(
    document: Document, sums: Totals, options: RivertyOptions, settings: RivertySettings
) -> tuple[OrderLine, ...]:
    """What is kept of every line of an order."""
    items = items_of(document, sums, options, settings)
    return tuple(
        OrderLine(id=line.id, figures=_figures(item))
        for line, item in zip(document.lines, items, strict=True)
    )


def _figures(item: _Item) -> str:
    names = ("grossUnitPrice", "quantity", "vatPercent", "vatType")
    figures = [as_text(item.get(name)) for name in names]
    return hashlib.sha256(json.dumps(figures).encode()).hexdigest()[:12]


def cancelled(context: OrderContext, call: CancelLinesCall) -> dict[str, Json]:
    """The body of a cancellation, but for its date."""
    places = context.places()
    unknown = [line for line in call.lines if line not in places]
    if unknown:
        raise Rejected(f"{NAME}: {len(unknown)} lines to cancel are not lines of the order")
    said = "_".join(call.reason.upper().split())
    return {
        "cancellationReason": said if said in CANCELLATION_REASONS else context.cancellation_reason,
        "items": [
            {"orderItemReference": place} for place in sorted(places[line] for line in call.lines)
        ],
    }


def today() -> str:
    """The day it is in UTC."""
    return datetime.now(UTC).date().isoformat()

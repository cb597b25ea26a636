"""Quiddly: what is written to it."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, Inexact, localcontext

from stdnum.se import orgnr, personnummer, postnummer

from invoicing.document import Address, Document, Line, Party, Vat, VatCategory
from invoicing.money import exactly, plain
from invoicing.provider import CreateCall
from invoicing.totals import LineTotal, Totals
from providers.kit.http import Json
from providers.quiddly.options import INVOICE, DebtorOptions, Fee, QuiddlyOptions, null_code
from providers.quiddly.settings import QuiddlySettings
from providers.quiddly.states import Context

UNITS = {  # UN/ECE Recommendation 20 → words for people; a code without one is written as it is
    "C62": "pcs",
    "H87": "pcs",
    "EA": "pcs",
    "HUR": "h",
    "DAY": "day",
    "MON": "month",
    "ANN": "year",
    "KGM": "kg",
    "MTR": "m",
    "MTK": "m2",
    "MTQ": "m3",
    "LTR": "l",
    "KWH": "kWh",
    "MWH": "MWh",
}

REASONS = {  # what the norm wants printed for a category that explains itself
    VatCategory.INTRA_COMMUNITY: "Intra-Community supply",
    VatCategory.EXPORT: "Export outside the EU",
    VatCategory.OUTSIDE_SCOPE: "Not subject to VAT",
}

FREIGHT = "FC"  # UNCL7161

NOT_SENT = {
    "activatedDate": "activation is a step of its own, after the figures are checked",
    "activatedById": "likewise",
}
"""Fields of create that this adaptor never writes, and why."""


def fees_of(document: Document, options: QuiddlyOptions) -> tuple[Fee | None, ...]:
    """Which fee each charge is; None where nobody says."""
    by_code: list[Fee | None] = [
        "freight" if one.reason_code == FREIGHT else None for one in document.charges
    ]
    return options.charges or tuple(by_code)


def vats_of(document: Document) -> dict[str, Vat]:
    """Every VAT of the document by the path it stands at."""
    lines = {f"document.lines[{index}]": one.vat for index, one in enumerate(document.lines)}
    charges = {f"document.charges[{index}]": one.vat for index, one in enumerate(document.charges)}
    return lines | charges


def unit_price(line: Line) -> Decimal | None:
    """The price of one unit, where a Decimal can say it exactly."""
    with localcontext() as context:
        context.clear_flags()
        price = line.unit_price / line.base_quantity
        return None if context.flags[Inexact] else price


def _is_swedish(address: Address | None) -> bool:
    return address is None or address.country == "SE"


def identity(buyer: Party) -> str | None:
    """As Quiddly writes it, digits only; a stdnum error where it is Swedish and not valid.

    A foreign buyer's number is passed on: nobody says what would be valid for it.
    """
    number = buyer.registration.value if buyer.registration else None
    if number is None or not _is_swedish(buyer.address):
        return number
    if buyer.type == "business":
        return str(orgnr.validate(number))
    return str(personnummer.validate(number)).replace("-", "")


def zip_code(address: Address) -> str | None:
    """Without the space that Swedish ones are written with; a stdnum error if it is not valid."""
    if address.postal_code is None or address.country != "SE":
        return address.postal_code
    return str(postnummer.validate(address.postal_code))


def encoded(call: CreateCall, settings: QuiddlySettings) -> Json:
    """The body of create, without what is not said."""
    document = call.document
    options = QuiddlyOptions.model_validate(call.options)
    context = Context.model_validate(call.target.context)
    if context.credits:
        options = options.for_credit(document, whole=context.credits == "whole")
    credit = document.type == "credit_note"
    sign = -1 if credit and settings.credit_amounts == "negative" else 1
    base = options.base_currency or settings.base_currency
    payment, contact = document.payment, document.buyer.contact
    with exactly():
        body: dict[str, Json] = {
            "clientId": settings.client_id,
            "productCode": options.product_code,
            "invoiceNumber": document.number,
            "paymentReference": payment.reference if payment else None,
            "debitInvoiceNumber": document.precedents[0].number if credit else None,
            "dates": _encoded_dates(document),
            "debtor": _encoded_debtor(document, options.debtor),
            "documentTemplateCode": options.document_template_code,
            "type": options.type or (settings.credit_type if credit else INVOICE),
            "useRecourse": options.use_recourse,
            "ourReference": our_words(document, options),
            "yourReference": document.buyer_reference,
            "yourContactPerson": contact.name if contact else None,
            "ourOrderNumber": document.sales_order,
            "yourOrderNumber": document.purchase_order,
            "articleRows": [
                _encoded_row(document, line, total, options, sign)
                for line, total in zip(document.lines, call.totals.lines, strict=True)
            ],
            "vats": _encoded_vats(call.totals, sign),
            "remark": _remark(document),
            "terms": _said(
                {
                    "payment": payment.terms if payment else None,
                    "delivery": options.terms_of_delivery,
                }
            ),
            "fees": _encoded_fees(document, options, sign),
            "reverseCharge": _is_reverse_charge(document) or None,
            "refund": options.refund,
            "totals": _encoded_totals(document, call.totals, options, sign),
            "currency": {
                "invoiceCurrency": document.currency,
                "baseCurrency": base,
                "exchangeRate": options.exchange_rate or Decimal(1),
            },
            "serviceProviderCode": options.service_provider_code,
        }
    said = _said(body)
    if context.distribution:
        said["distributionCode"] = null_code(context.distribution)
    if context.mark:
        said[context.mark] = call.target.reference
    return said


def our_words(document: Document, options: QuiddlyOptions) -> str | None:
    """What the caller wants as our reference on the invoice."""
    contact = document.seller.contact if document.seller else None
    return options.our_reference or (contact.name if contact else None)


def _encoded_dates(document: Document) -> dict[str, Json]:
    delivered = document.delivery.actual_date if document.delivery else None
    # A credit invoice is not due, and the page wants the field.
    due = document.due_date or (document.issue_date if document.type == "credit_note" else None)
    return _said(
        {
            "invoiceDate": document.issue_date.isoformat(),
            "expireDate": due.isoformat() if due else None,
            "deliveryDate": delivered.isoformat() if delivered else None,
        }
    )


def _encoded_debtor(document: Document, options: DebtorOptions) -> dict[str, Json]:
    buyer, contact, delivery = document.buyer, document.buyer.contact, document.delivery
    name = options.invoice_name or buyer.name
    return _said(
        {
            "customerNumber": buyer.account_number,
            "name": buyer.name,
            "identificationNumber": identity(buyer),
            "type": "COMPANY" if buyer.type == "business" else "PERSON",
            "GLN": buyer.identifiers[0].value if buyer.identifiers else None,
            "email": contact.email if contact else None,
            "phone": contact.phone if contact else None,
            "cellPhone": options.cell_phone,
            "invoiceAddress": _encoded_address(buyer.address, name, options.address3)
            if buyer.address
            else None,
            "deliveryAddress": _encoded_address(
                delivery.address, delivery.party_name, options.delivery_address3
            )
            if delivery
            else None,
            "vatNumber": buyer.vat_number,
            "distributionChannelOverride": options.distribution_channel_override,
            "distributionChannel": options.distribution_channel,
            "FMI": options.fmi,
        }
    )


def _encoded_address(
    address: Address | None, name: str | None, third: str | None
) -> dict[str, Json]:
    if address is None:
        return _said({"name": name})
    return _said(
        {
            "name": name,
            "address": address.street,
            "address2": address.additional,
            "address3": third,
            "zip": zip_code(address),
            "city": address.city,
            "countryCode": str(address.country),
        }
    )


def _encoded_row(
    document: Document, line: Line, total: LineTotal, options: QuiddlyOptions, sign: int
) -> Json:
    """`total` is without VAT here, unlike that of the invoice."""
    texts = (line.name, line.description, line.note)
    return _said(
        {
            "description": "\n".join(text for text in texts if text),
            "articleNumber": line.seller_item_id,
            "accountNumber": options.line(line).account_number,
            "price": unit_price(line),
            "quantity": _quantity(sign * line.quantity),
            "unit": options.line(line).unit or UNITS.get(line.unit, line.unit),
            "vatPercentage": int(line.vat.rate),
            "total": sign * total.net,
            "totalExclVat": sign * total.net,
            "totalVat": sign * total.vat,
            **_discount(document, line, sign),
        }
    )


def _discount(document: Document, line: Line, sign: int) -> dict[str, Json]:
    """One percentage as such; several allowances, or an amount, as what they come to."""
    given = line.allowances
    if not given or (len(given) == 1 and given[0].percent is not None):
        percent = given[0].percent if given else Decimal(0)
        return {"discountType": "PERCENTAGE", "totalDiscount": percent}
    price = line.price(document.currency)
    amount = sum((one.of(price, document.currency) for one in given), Decimal(0))
    return {"discountType": "CURRENCY", "totalDiscount": sign * amount}


def _quantity(quantity: Decimal) -> str:
    """Text with a decimal point and, as in the examples, two decimals or more."""
    whole, _, decimals = plain(quantity).partition(".")
    return f"{whole}.{decimals:0<2}"


def _encoded_vats(sums: Totals, sign: int) -> Json:
    """By percentage: two reasons for 0 percent are one row here."""
    rows: dict[int, dict[str, Decimal]] = {}
    for row in sums.vat_rows:
        at = rows.setdefault(int(row.rate), {"totalTaxable": Decimal(0), "totalVat": Decimal(0)})
        at["totalTaxable"] += sign * row.taxable
        at["totalVat"] += sign * row.vat
    return [{"percentage": rate, **amounts} for rate, amounts in sorted(rows.items())]


def _encoded_fees(document: Document, options: QuiddlyOptions, sign: int) -> dict[str, Json]:
    fees: dict[str, Json] = {}
    for fee, charge in zip(fees_of(document, options), document.charges, strict=True):
        fees[f"{fee}"] = sign * document.amount_of(charge)
        fees[f"{fee}VatPercentage"] = int(charge.vat.rate)
    return fees


def _encoded_totals(document: Document, sums: Totals, options: QuiddlyOptions, sign: int) -> Json:
    to_pay = sums.due + options.round_off - options.tax_reduction
    return {
        "total": sign * sums.gross,
        "totalExclVat": sign * sums.net,
        "totalVat": sign * sums.vat,
        "totalRoundOff": sign * (document.rounding or options.round_off),
        "taxReduction": sign * options.tax_reduction,
        "totalToPay": sign * to_pay,
    }


def _remark(document: Document) -> str | None:
    """The notes, and why there is no VAT; reverse charge has a field of its own."""
    reasons = (
        vat.exemption_reason or REASONS.get(vat.category) or vat.exemption_code
        for vat in vats_of(document).values()
    )
    texts = dict.fromkeys([*document.notes, *reasons])
    return "\n".join(text for text in texts if text) or None


def _is_reverse_charge(document: Document) -> bool:
    return document.lines[0].vat.category is VatCategory.REVERSE_CHARGE


def _said(body: Mapping[str, Json]) -> dict[str, Json]:
    return {name: value for name, value in body.items() if value not in (None, {})}

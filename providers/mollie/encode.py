"""Mollie: what is written to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from hashlib import sha256
from typing import get_args
from uuid import NAMESPACE_URL, uuid5

import idna

from invoicing.document import Address, Adjustment, Delivery, Document, Line, Party, VatCategory
from invoicing.errors import Rejected
from invoicing.money import exactly, plain, rounded
from invoicing.provider import CreateCall, Target
from providers.kit.http import Json, encode
from providers.kit.wire import filled
from providers.mollie.discount import as_written
from providers.mollie.options import Locale, MollieOptions
from providers.mollie.settings import NAME, MollieSettings
from providers.mollie.states import REFERENCE, Context

_KEYS = uuid5(NAMESPACE_URL, "https://docs.mollie.com/reference/create-sales-invoice")

LOCALES = {  # of a language whose country is not said, or not listed with it
    "en": "en_US",
    "nl": "nl_NL",
    "de": "de_DE",
    "fr": "fr_FR",
}

LISTED_LOCALES = set(get_args(Locale))

REASONS = {  # what the norm wants printed for a category that explains itself
    VatCategory.REVERSE_CHARGE: "Reverse charge",
    VatCategory.INTRA_COMMUNITY: "Intra-Community supply",
    VatCategory.EXPORT: "Export outside the EU",
    VatCategory.OUTSIDE_SCOPE: "Not subject to VAT",
}


def days_to_pay(document: Document) -> int | None:
    """From the day of issue until it is due."""
    return (document.due_date - document.issue_date).days if document.due_date else None


def _term(document: Document, options: MollieOptions) -> str | None:
    days = days_to_pay(document)
    return options.payment_term or (None if days is None else f"{days} days")


def recipient_identifier(document: Document, options: MollieOptions) -> str:
    """The caller's own name for the buyer."""
    return options.recipient_identifier or document.buyer.account_number or ""


def locale(buyer: Party, options: MollieOptions) -> str | None:
    """That of the options, else the one listed for language and country."""
    if options.locale or not buyer.language:
        return options.locale
    language, _, region = buyer.language.partition("-")
    country = region or (buyer.address.country if buyer.address else "")
    listed = f"{language}_{country}"
    if listed in LISTED_LOCALES:
        return listed
    return None if region else LOCALES.get(language)


def metadata(reference: str, options: MollieOptions) -> dict[str, Json]:
    """The caller's own, with our reference."""
    return {**options.metadata, REFERENCE: reference}


def encoded(call: CreateCall, settings: MollieSettings) -> dict[str, Json]:
    """The body of create, with our reference in the metadata."""
    document = as_written(call.document, settings.vat_rounding)
    options = MollieOptions.model_validate(call.options)
    context = Context.model_validate(call.target.context)
    final = {"status": "draft"} if options.status == "draft" else context.final(options.status)
    body: dict[str, Json] = {
        **final,
        "testmode": settings.testmode,
        "profileId": settings.profile_id,
        "currency": document.currency if settings.send_currency else None,
        "vatScheme": options.vat_scheme,
        "vatMode": "inclusive" if document.prices_include_vat else "exclusive",
        "memo": _memo(call.document),
        "metadata": metadata(call.target.reference, options),
        "paymentTerm": _term(document, options),
        "customerId": options.customer_id,
        "mandateId": options.mandate_id,
        "recipientIdentifier": recipient_identifier(document, options),
        "recipient": recipient_of(document.buyer, options),
        "lines": [_encoded_line(line, document.currency) for line in document.lines],
        "discount": _discount(document.allowances, document.currency),
        "isEInvoice": options.e_invoice or None,
    }
    return filled(body)


CHANGEABLE = (
    *("memo", "paymentTerm", "recipientIdentifier", "recipient", "lines", "discount", "isEInvoice"),
)
"""What the body of update has for a draft, of that of create. Not there: metadata, VAT mode and
scheme, currency, and of whom it is collected."""


def changed(body: Mapping[str, Json]) -> dict[str, Json]:
    """The body of update that makes a draft what this body of create would."""
    return {name: body[name] for name in CHANGEABLE if name in body}


def fixed(body: Mapping[str, Json], document: Document) -> str:
    """A digest of what no update changes of what this body of create makes: see `Plan.fixed`. That
    is the currency, too, which the lines say.

    The names of what is written belong to it. The page does not say that what is left out of an
    update is cleared, or of a recipient in it; so nothing is ever left out.
    """
    rest = {name: value for name, value in body.items() if name not in CHANGEABLE}
    recipient = body["recipient"]
    names = [*sorted(changed(body)), *sorted(recipient if isinstance(recipient, dict) else ())]
    whole = encode([document.currency, rest, names])
    return sha256(whole.encode()).hexdigest()[:16]


def recipient_of(buyer: Party, options: MollieOptions) -> Json:
    """The buyer as the page writes one."""
    contact, address = buyer.contact, buyer.address
    business = buyer.type == "business"
    body: dict[str, Json] = {
        "type": buyer.type,
        "title": options.title,
        "givenName": buyer.given_name,
        "familyName": buyer.family_name,
        "organizationName": buyer.name if business else None,
        "organizationNumber": buyer.registration.value if buyer.registration else None,
        "vatNumber": buyer.vat_number,
        "email": _ascii(contact.email) if contact and contact.email else None,
        "phone": contact.phone if contact else None,
        "streetAndNumber": address.street if address else None,
        "streetAdditional": address.additional if address else None,
        "postalCode": address.postal_code if address else None,
        "city": address.city if address else None,
        "region": address.region if address else None,
        "country": str(address.country) if address else None,
        "locale": locale(buyer, options),
    }
    return filled(body)


def _encoded_line(line: Line, currency: str) -> Json:
    price = unit_price(line, currency)
    if price is None:
        raise Rejected(f"{NAME}: a line's unit price has too many decimals")
    return filled(
        {
            "description": description(line),
            "quantity": int(line.quantity),
            "vatRate": f"{line.vat.rate:.2f}",
            "unitPrice": {"currency": currency, "value": f"{price:f}"},
            "discount": _discount(line.allowances, currency),
        }
    )


def _discount(given: tuple[Adjustment, ...], currency: str) -> Json:
    if not given:
        return None
    first = given[0]
    if first.percent is not None:
        return {"type": "percentage", "value": plain(first.percent)}
    return {"type": "amount", "value": f"{first.of(Decimal(0), currency):f}"}


def description(line: Line) -> str:
    """The one text that a line has here."""
    return " - ".join(text for text in (line.name, line.description, line.note) if text)


def _memo(document: Document) -> str | None:
    """The notes, then what has no other place: why a line bears no VAT (the norm wants that on the
    invoice: BR-E-10 …), what it is for and where that went (for category K: BR-IC-11, BR-IC-12)."""
    reasons = (
        vat.exemption_reason or REASONS.get(vat.category) or vat.exemption_code
        for vat in (
            *(line.vat for line in document.lines),
            *(one.vat for one in document.allowances),
        )
    )
    said = (*document.notes, *dict.fromkeys(filter(None, reasons)), *_supplied(document))
    return "\n".join(said) or None


def _supplied(document: Document) -> Iterator[str]:
    if period := document.period:
        yield f"Period: {period.start} to {period.end}"
    delivery = document.delivery or Delivery()
    if day := delivery.actual_date:
        yield f"Delivered on: {day}"
    if where := ", ".join(filter(None, (delivery.party_name, *_placed(delivery.address)))):
        yield f"Delivered to: {where}"


def _placed(address: Address | None) -> tuple[str | None, ...]:
    if address is None:
        return ()
    city = " ".join(filter(None, (address.postal_code, address.city)))
    country = str(address.country)
    return address.street, address.additional, city, address.region, country


def unit_price(line: Line, currency: str) -> Decimal | None:
    """The price of one unit, where the currency's decimals can say it exactly."""
    with exactly():
        price = line.unit_price / line.base_quantity
        written = rounded(price, currency)
        return written if written == price else None


def _ascii(email: str) -> str:
    """The domain as the mail system writes it (Punycode)."""
    local, _, domain = email.rpartition("@")
    return f"{local}@{idna.encode(domain).decode()}"


def key(target: Target, body: Json) -> str:
    """The same for every attempt at the same invoice: repeated within the hour, it is made once.

    The generation is part of it, or the answer of a draft that is gone would be given once more. So
    is the content: the same key with another is refused, and a corrected draft is no repetition.
    """
    attempt = [target.account, target.reference, str(target.generation), encode(body)]
    return str(uuid5(_KEYS, "\n".join(attempt)))

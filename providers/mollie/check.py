"""Mollie: whether a request can be carried out, and how."""

from __future__ import annotations

from datetime import date, datetime

from invoicing.document import Document, Line, Party, VatCategory
from invoicing.money import minor_units
from invoicing.provider import Figure
from invoicing.request import Goal, InvoiceRequest
from invoicing.totals import Totals
from providers.kit.coverage import (
    ADDRESS,
    PARTY,
    Coverage,
    ignored,
    refused,
    said,
    said_unless,
    under,
)
from providers.kit.http import encode
from providers.kit.mistakes import Mistakes, refuse_given
from providers.mollie.discount import agrees, fits
from providers.mollie.encode import (
    LISTED_LOCALES,
    days_to_pay,
    description,
    locale,
    metadata,
    recipient_identifier,
    unit_price,
)
from providers.mollie.options import MollieOptions
from providers.mollie.settings import EmailDetails, MollieSettings
from providers.mollie.states import REFERENCE, Context

NOTES = "has no place here; put it into the notes"
NAME_IT = "has no place here; put it into the name"
COVERAGE = Coverage(
    said(
        "currency",
        "due_date",
        "notes",
        "prices_include_vat",
        *("period.start", "period.end", "delivery.actual_date", "delivery.party_name"),
        *under("delivery.address", *ADDRESS),
        *under("buyer", "type", "account_number", "language", "registration.value", "vat_number"),
        *under("buyer", "given_name", "family_name"),
        *under("buyer.address", *ADDRESS),
        *under("buyer.contact", "phone", "email"),
        *under("lines[]", "name", "description", "note", "quantity", "unit_price", "base_quantity"),
        *under("lines[].allowances[]", "amount", "percent"),
        *under("lines[].vat", "rate", "exemption_reason"),
        *under("allowances[]", "amount", "percent", "vat.exemption_reason"),
    ),
    said_unless("of a consumer, given and family name say the same", "buyer.name"),
    said_unless(
        "the rate says the tax, and the memo why there is none",
        "lines[].vat.category",
        "allowances[].vat.category",
    ),
    said_unless(
        "the memo says the reason in words, if there are any",
        "lines[].vat.exemption_code",
        "allowances[].vat.exemption_code",
    ),
    refused("credit the invoice itself; it cannot be written here", "type"),
    refused("has no place here: the provider numbers its invoices itself", "number"),
    refused("has no place here: the profile of the account is paid", "payee"),
    refused("has no place here: the buyer pays through the provider's own page", "payment"),
    refused(
        NOTES,
        *("tax_point_date", "delivery.location", "buyer_reference", "purchase_order"),
        *("sales_order", "contract", "project", "buyer.contact.name"),
    ),
    refused("has no place here; put them into the notes", "buyer.identifiers"),
    refused(
        "has no place here; credit an invoice instead of referring to it",
        "precedents",
    ),
    refused("has no place here; write it as a line", "charges"),
    refused("has no place here; name it in the notes", "attachments"),
    refused("has no place here", "accounting_reference", "lines[].accounting_reference"),
    refused("has no place here; write the VAT in that currency into the notes", "vat_accounting"),
    refused("has no place here: the buyer is asked for the whole", "prepaid", "rounding"),
    refused(
        "has no place here; raise the price or write it as a line of its own", "lines[].charges"
    ),
    refused(
        NAME_IT,
        *under("lines[]", "period", "seller_item_id", "buyer_item_id"),
        *under("lines[]", "standard_item_id", "order_line"),
    ),
    refused(
        "a discount has no words here; put them into the notes",
        *under("lines[].allowances[]", "reason", "reason_code"),
        *under("allowances[]", "reason", "reason_code"),
    ),
    ignored(
        "it must be the day of issuing, which the invoice bears, or the options leave it to that",
        "issue_date",
    ),
    ignored("the profile of the account is the seller", *under("seller", *PARTY)),
    ignored("the invoice is addressed to the legal name", "buyer.trading_name"),
    ignored("there is one field for every country's number", "buyer.registration.scheme"),
    ignored(
        "an e-invoice is addressed by the buyer's numbers",
        *under("buyer.electronic_address", "value", "scheme"),
    ),
    ignored("lines keep their order", "lines[].id"),
    ignored("lines count pieces here; another unit is refused", "lines[].unit"),
    ignored(
        "it lowers the lines with that VAT, and is refused without any", "allowances[].vat.rate"
    ),
    ignored("the settings say where VAT is rounded; another way is refused", "vat_rounding"),
)
"""What becomes of every field of a document here."""

MOST_METADATA = 1000
"""Bytes; the vendor says approximately 1 kB."""

MOST_DESCRIPTION = 100

PIECES = ("C62", "H87", "EA")

PAYMENT_TERMS = {7, 14, 30, 45, 60, 90, 120}

E_INVOICING = ("BE", "DE", "NL")

ELSEWHERE = (VatCategory.CANARY_ISLANDS, VatCategory.CEUTA_MELILLA)


CONSUMER_UNSAID = {
    "vat_number": "only a business has one here",
    "registration": "only a business has one here",
}

BUSINESS_UNSAID = {
    "given_name": "only a consumer has one here",
    "family_name": "only a consumer has one here",
}


def check_document(document: Document, settings: MollieSettings, mistakes: Mistakes) -> None:
    """What can be judged whatever the options are."""
    if document.vat_rounding not in (None, settings.vat_rounding):
        mistakes.unoffered("document.vat_rounding", f"VAT is rounded per {settings.vat_rounding}")
    COVERAGE.refuse(document, mistakes)
    _check_buyer(document.buyer, mistakes)
    _check_discount(document, settings, mistakes)
    for index, line in enumerate(document.lines):
        _check_line(document, line, f"document.lines[{index}]", mistakes)


def check_options(
    request: InvoiceRequest, options: MollieOptions, settings: MollieSettings, mistakes: Mistakes
) -> None:
    """What the options decide, alone or together with the document."""
    _check_outcome(request, options, mistakes)
    _check_email(request, options, settings, mistakes)
    _check_term(request.document, options, mistakes)
    _check_recipient(request.document, options, mistakes)
    _check_e_invoice(request, options, mistakes)
    if len(encode(metadata(request.reference, options)).encode()) > MOST_METADATA:
        mistakes.wrong("options.metadata", f"is more than {MOST_METADATA} bytes, ours included")
    if REFERENCE in options.metadata:
        mistakes.wrong(f"options.metadata.{REFERENCE}", "is where our own reference stands")


def _check_outcome(request: InvoiceRequest, options: MollieOptions, mistakes: Mistakes) -> None:
    """What `paid` depends on, and that nothing becomes final that was to stay a draft."""
    if options.status != "draft" and request.goal is Goal.DRAFTED:
        mistakes.wrong("options.status", "must be draft for the goal drafted")
    if options.status != "draft" and request.hold:
        mistakes.wrong("options.status", "must be draft for a hold: nothing else waits")
    if options.status != "draft" and request.send_on:
        mistakes.wrong("options.status", "must be draft for send_on: nothing else waits")
    paid_here = options.status == "paid" or (
        options.status == "draft" and request.goal is not Goal.DRAFTED
    )
    if options.payment_details and not paid_here:
        mistakes.wrong("options.payment_details", "only for an invoice that becomes paid by us")
    mandate = (options.customer_id, options.mandate_id)
    if any(mandate) and not all(mandate):
        missing = "mandate_id" if options.customer_id else "customer_id"
        mistakes.wrong(f"options.{missing}", "customer_id and mandate_id go together")
    if any(mandate) and options.status != "paid":
        mistakes.wrong("options.status", "must be paid to collect by customer_id and mandate_id")
    if options.status == "paid" and not options.payment_details and not any(mandate):
        mistakes.wrong("options.payment_details", "needed for status paid")


def _check_email(
    request: InvoiceRequest, options: MollieOptions, settings: MollieSettings, mistakes: Mistakes
) -> None:
    if options.email and options.channel == "none":
        mistakes.wrong("options.email", "has no use with channel none")
    if options.email and request.goal is Goal.DRAFTED:
        mistakes.wrong("options.email", "has no use for the goal drafted: a draft is not sent")
    silent = options.channel == "none" or options.e_invoice
    if _sends(request) and not silent and _email(request, options, settings) is None:
        mistakes.wrong("options.email", "needed: issuing with it is how an invoice is sent here")


def check_day(
    request: InvoiceRequest,
    options: MollieOptions,
    settings: MollieSettings,
    now: datetime,
    mistakes: Mistakes,
) -> None:
    """An invoice bears the day on which it is issued: that it will be the one that is asked for,
    as far as that can be known now. `approve` makes sure."""
    if options.issue_date == "day_of_issuing" or request.goal is Goal.DRAFTED:
        return
    today, asked = settings.day(now), request.document.issue_date
    opens = request.sent_from if _sends(request) else None
    day = max(today, settings.day(opens)) if opens else today
    # Nobody knows when a hold is released.
    if asked != day and not (request.hold and asked > day):
        mistakes.unoffered("document.issue_date", not_that_day(day))


def not_that_day(day: date) -> str:
    """What to do about an issue date that is not the day of issuing."""
    return (
        f"must be {day}, the day it is issued, for no other can be written here; or let it bear"
        " that day, with issue_date day_of_issuing in the options"
    )


def _check_term(document: Document, options: MollieOptions, mistakes: Mistakes) -> None:
    days = days_to_pay(document)
    if options.payment_term and days is not None and options.payment_term != f"{days} days":
        mistakes.wrong("options.payment_term", "is not the time from issue_date to due_date")
    elif not options.payment_term and days is not None and days not in PAYMENT_TERMS:
        terms = ", ".join(map(str, sorted(PAYMENT_TERMS)))
        mistakes.unoffered("document.due_date", f"must be {terms} days after issue_date")


def _check_recipient(document: Document, options: MollieOptions, mistakes: Mistakes) -> None:
    buyer = document.buyer
    if not recipient_identifier(document, options):
        message = "needed, or a recipient_identifier in the options"
        mistakes.wrong("document.buyer.account_number", message)
    if not locale(buyer, options):
        message = f"needed, or a locale in the options: {', '.join(sorted(LISTED_LOCALES))}"
        mistakes.wrong("document.buyer.language", message)
    if options.title and buyer.type == "business":
        mistakes.unoffered("options.title", "only a consumer has one here")


def _check_buyer(buyer: Party, mistakes: Mistakes) -> None:
    at = "document.buyer"
    if not (buyer.contact and buyer.contact.email):
        mistakes.wrong(f"{at}.contact.email", "needed")
    for part in ("street", "postal_code", "city"):
        if not getattr(buyer.address, part, None):
            mistakes.wrong(f"{at}.address.{part}", "needed")
    (_check_business if buyer.type == "business" else _check_consumer)(buyer, at, mistakes)


def _check_business(buyer: Party, at: str, mistakes: Mistakes) -> None:
    refuse_given(buyer, BUSINESS_UNSAID, at, mistakes)
    if not (buyer.vat_number or buyer.registration):
        mistakes.wrong(f"{at}.vat_number", "needed for a business, or a registration")


def _check_consumer(buyer: Party, at: str, mistakes: Mistakes) -> None:
    refuse_given(buyer, CONSUMER_UNSAID, at, mistakes)
    for part in ("given_name", "family_name"):
        value: str = getattr(buyer, part) or ""
        if len(value) < 2 or value.isdigit():
            message = "needed for a consumer: two characters or more, not digits only"
            mistakes.wrong(f"{at}.{part}", message)


def _check_e_invoice(request: InvoiceRequest, options: MollieOptions, mistakes: Mistakes) -> None:
    document = request.document
    if request.goal is Goal.DELIVERED and not options.e_invoice:
        mistakes.unoffered("goal", "delivery can be seen of e-invoices only; ask for sent")
    for party in (document.buyer, document.seller):
        country = party.address.country if party and party.address else None
        if options.e_invoice and country and country not in E_INVOICING:
            message = f"seller and buyer must both be in {', '.join(E_INVOICING)}"
            mistakes.unoffered("options.e_invoice", message)
            return


def _check_discount(document: Document, settings: MollieSettings, mistakes: Mistakes) -> None:
    at = "document.allowances"
    if not fits(document, document.amounts()):
        mistakes.unoffered(at, "come to more than the lines with the same VAT")
    elif not agrees(document, settings.vat_rounding):
        message = "come to other cents here, where VAT is rounded per line; write them on the lines"
        mistakes.unoffered(at, message)


def _check_line(document: Document, line: Line, at: str, mistakes: Mistakes) -> None:
    if len(description(line)) > MOST_DESCRIPTION:
        message = f"with description and note more than {MOST_DESCRIPTION} characters"
        mistakes.unoffered(f"{at}.name", message)
    if line.quantity < 1 or line.quantity % 1:
        mistakes.unoffered(f"{at}.quantity", "must be a whole number, 1 or more")
    if line.unit not in PIECES:
        mistakes.unoffered(f"{at}.unit", "lines count pieces here; put the unit into the name")
    if unit_price(line, document.currency) is None:
        decimals = minor_units(document.currency)
        message = f"of one unit must come to an amount of {decimals} decimals"
        mistakes.unoffered(f"{at}.unit_price", message)
    if line.vat.category in ELSEWHERE:
        mistakes.unoffered(f"{at}.vat.category", "this tax has no place here")
    if line.vat.rate != round(line.vat.rate, 2):
        mistakes.unoffered(f"{at}.vat.rate", "has two decimals at most here")
    if len(line.allowances) > 1:
        mistakes.unoffered(f"{at}.allowances", "a line has one discount at most here")


def _sends(request: InvoiceRequest) -> bool:
    return request.goal not in (Goal.DRAFTED, Goal.APPROVED)


def _email(
    request: InvoiceRequest, options: MollieOptions, settings: MollieSettings
) -> EmailDetails | None:
    """What is mailed on issuing. The account's own words only where sending was asked for."""
    if options.channel == "none":
        return None
    return options.email or (settings.email if _sends(request) else None)


def echoes(sums: Totals) -> tuple[Figure, ...]:
    """VAT is stated as one sum: it says something about a rate only where no other has any."""
    taxed = {row.rate for row in sums.vat_rows if row.rate}
    vat = (Figure.VAT,) if len(taxed) <= 1 else ()
    return (Figure.CURRENCY, Figure.NET, *vat, Figure.GROSS, Figure.BUYER)


def first_context(
    request: InvoiceRequest,
    options: MollieOptions,
    settings: MollieSettings,
    sums: Totals,
    recipient: str,
) -> Context:
    """What later calls will need of this request."""
    email = _email(request, options, settings)
    return Context(
        sends=_sends(request) or email is not None,
        finish=options.finish,
        payment_details=options.payment_details,
        email=email,
        recipient=recipient,
        gross=sums.gross,
        issue_date=request.document.issue_date,
        any_day=options.issue_date == "day_of_issuing",
    )

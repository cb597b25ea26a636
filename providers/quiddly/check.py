"""Quiddly: whether a request can be carried out, and how."""

from __future__ import annotations

from typing import Literal

from stdnum import ean
from stdnum import exceptions as stdnum

from invoicing.attachment import digest_of, files_of
from invoicing.document import Address, Delivery, Document, Line, Party, VatCategory
from invoicing.errors import Rejected
from invoicing.money import exactly, rounded
from invoicing.provider import AttachCall, Attachment
from invoicing.request import Goal, InvoiceRequest
from invoicing.totals import Totals
from providers.kit.coverage import (
    ADDRESS,
    CONTACT,
    PARTY,
    Coverage,
    ignored,
    refused,
    said,
    said_unless,
    under,
)
from providers.kit.http import File
from providers.kit.mistakes import Mistakes
from providers.quiddly.encode import fees_of, identity, our_words, unit_price, vats_of, zip_code
from providers.quiddly.options import DistributionCode, QuiddlyOptions
from providers.quiddly.settings import NAME, QuiddlySettings
from providers.quiddly.states import Context

NOTES = "has no place here; put it into the notes"
DESCRIBE = "has no place here; put it into the description"
OWN_ACCOUNT = "has no place here: the client's own account is paid"
ATTACHED = "attachments[]"
COVERAGE = Coverage(
    said(
        *("type", "number", "currency", "issue_date", "due_date", "notes", "buyer_reference"),
        *("purchase_order", "sales_order", "precedents[].number", "rounding"),
        *under("buyer", "name", "type", "vat_number", "registration.value", "account_number"),
        "buyer.identifiers[].value",
        *under("buyer.contact", *CONTACT),
        *under("buyer.address", *(name for name in ADDRESS if name != "region")),
        *under("delivery", "actual_date", "party_name"),
        *under("delivery.address", *(name for name in ADDRESS if name != "region")),
        *under("payment", "reference", "terms"),
        *under("lines[]", "name", "description", "note", "quantity", "unit", "unit_price"),
        *under("lines[]", "base_quantity", "seller_item_id"),
        *under("lines[].allowances[]", "amount", "percent"),
        *under("lines[].vat", "rate", "exemption_reason"),
        *under("charges[]", "amount", "percent", "vat.rate", "vat.exemption_reason"),
        "attachments[].file.name",
    ),
    said_unless("the options name another reference of ours", "seller.contact.name"),
    said_unless(
        "the percentage, reverse charge or the remark says it",
        *("lines[].vat.category", "charges[].vat.category"),
    ),
    said_unless(
        "the remark says the reason in words, if there are any",
        *("lines[].vat.exemption_code", "charges[].vat.exemption_code"),
    ),
    refused(NOTES, "tax_point_date", "period", "contract", "project", "delivery.location"),
    refused(OWN_ACCOUNT, "payee", *under("payment", "iban", "bic", "account_name")),
    refused("has no place here: the buyer pays by the reference", "payment.mandate"),
    refused("has no place here", "accounting_reference"),
    refused("has no place here: the PDF is joined to the invoice", *under(ATTACHED, "description")),
    refused("has no place here: put the PDF itself in the store", *under(ATTACHED, "location")),
    refused("has no place here; write the VAT in that currency into the notes", "vat_accounting"),
    refused(
        "has no place here; a deposit that was invoiced is a line with a negative quantity",
        "prepaid",
    ),
    refused("has no place here; lower the lines instead", "allowances"),
    refused("prices are without VAT here", "prices_include_vat"),
    refused(
        "has no place here; use a third address line in the options",
        *("buyer.address.region", "delivery.address.region"),
    ),
    refused(
        "has no place here; raise the price or write it as a line of its own", "lines[].charges"
    ),
    refused(
        DESCRIBE,
        *under("lines[]", "period", "buyer_item_id", "standard_item_id", "order_line"),
        "lines[].accounting_reference",
    ),
    refused(
        "a discount has no words here; put them into the description",
        *under("lines[].allowances[]", "reason", "reason_code"),
    ),
    ignored(
        "the client of the account is the seller; only the contact's name is printed",
        *under("seller", *(name for name in PARTY if name != "contact.name")),
    ),
    ignored("a transfer, as every invoice here is paid; another is refused", "payment.means"),
    ignored("the number says which invoice is credited", "precedents[].issue_date"),
    ignored("the fee's name says it", *under("charges[]", "reason", "reason_code")),
    ignored("the invoice is addressed to the legal name", "buyer.trading_name"),
    ignored("the name says it", *under("buyer", "given_name", "family_name")),
    ignored("the document template decides it", "buyer.language"),
    ignored(
        "the distribution code decides how it travels",
        *under("buyer.electronic_address", "value", "scheme"),
    ),
    ignored("there is one field, read by the debtor's type", "buyer.registration.scheme"),
    ignored("only a GLN has a place here; another is refused", "buyer.identifiers[].scheme"),
    ignored("the PDF is joined to the invoice, and says it", *under(ATTACHED, "reference")),
    ignored("only a PDF has a place here; another is refused", *under(ATTACHED, "file.media_type")),
    ignored(
        "its content is sent, and was held against it",
        *under(ATTACHED, "file.size", "file.sha256"),
    ),
    ignored("lines keep their order", "lines[].id"),
    ignored("the settings say where VAT is rounded; another way is refused", "vat_rounding"),
)
"""What becomes of every field of a document here."""

VAT_RATES = (0, 6, 12, 25)

ELSEWHERE = (VatCategory.CANARY_ISLANDS, VatCategory.CEUTA_MELILLA)

GLN = "0088"  # ISO 6523

TRANSFERS = ("30", "31", "42", "58")  # UNCL4461


def check_document(document: Document, settings: QuiddlySettings, mistakes: Mistakes) -> None:
    """What can be judged whatever the options are."""
    COVERAGE.refuse(document, mistakes)
    if document.vat_rounding not in (None, settings.vat_rounding):
        mistakes.unoffered("document.vat_rounding", f"VAT is rounded per {settings.vat_rounding}")
    if not document.number:
        what = "a credit invoice too, so name its `number`: " if document.type != "invoice" else ""
        mistakes.wrong("document.number", f"needed: {what}invoices are numbered by the caller here")
    if not document.due_date and document.type == "invoice":
        mistakes.wrong("document.due_date", "needed")
    _check_precedents(document, mistakes)
    _check_payment(document, mistakes)
    _check_buyer(document.buyer, mistakes)
    _check_delivery(document.delivery, mistakes)
    _check_vats(document, mistakes)
    _check_attachments(document, mistakes)
    for index, line in enumerate(document.lines):
        _check_line(line, f"document.lines[{index}]", mistakes)


def _check_precedents(document: Document, mistakes: Mistakes) -> None:
    count = len(document.precedents)
    if document.type == "invoice" and count:
        mistakes.unoffered("document.precedents", "only a credit note names another invoice here")
    if document.type == "credit_note" and count != 1:
        mistakes.unoffered("document.precedents", "a credit note names exactly one invoice here")


def _check_payment(document: Document, mistakes: Mistakes) -> None:
    payment = document.payment
    if payment is None:
        return
    if payment.means not in (None, *TRANSFERS):
        mistakes.unoffered("document.payment.means", "the buyer pays by transfer here")


def _check_buyer(buyer: Party, mistakes: Mistakes) -> None:
    at = "document.buyer"
    if not buyer.account_number:
        mistakes.wrong(f"{at}.account_number", "needed: your number for this customer")
    _check_identity(buyer, f"{at}.registration.value", mistakes)
    _check_gln(buyer, f"{at}.identifiers", mistakes)
    if buyer.address:
        _check_address(buyer.address, f"{at}.address", mistakes)
        for part in ("street", "postal_code", "city"):
            if not getattr(buyer.address, part):
                mistakes.wrong(f"{at}.address.{part}", "needed")


def _check_identity(buyer: Party, at: str, mistakes: Mistakes) -> None:
    try:
        identity(buyer)
    except stdnum.ValidationError:
        what = "organisation" if buyer.type == "business" else "personal identity"
        mistakes.wrong(at, f"is not a valid Swedish {what} number")


def _check_gln(buyer: Party, at: str, mistakes: Mistakes) -> None:
    if any(one.scheme != GLN for one in buyer.identifiers):
        mistakes.unoffered(at, f"only a GLN has a place here (scheme {GLN})")
    elif len(buyer.identifiers) > 1:
        mistakes.unoffered(at, "there is place for one GLN")
    elif not all(len(one.value) == 13 and ean.is_valid(one.value) for one in buyer.identifiers):
        mistakes.wrong(at, "is not a valid GLN: 13 digits, the last a check digit")


def _check_address(address: Address, at: str, mistakes: Mistakes) -> None:
    try:
        zip_code(address)
    except stdnum.ValidationError:
        mistakes.wrong(f"{at}.postal_code", "is not a Swedish one: 5 digits")


def _check_delivery(delivery: Delivery | None, mistakes: Mistakes) -> None:
    if delivery and delivery.address:
        _check_address(delivery.address, "document.delivery.address", mistakes)


def _check_vats(document: Document, mistakes: Mistakes) -> None:
    vats = vats_of(document)
    for at, vat in vats.items():
        if vat.rate not in VAT_RATES:
            allowed = ", ".join(map(str, VAT_RATES))
            mistakes.unoffered(f"{at}.vat.rate", f"must be one of {allowed}")
        if vat.category in ELSEWHERE:
            mistakes.unoffered(f"{at}.vat.category", "only Swedish VAT is reported here")
    categories = {vat.category for vat in vats.values()}
    if VatCategory.REVERSE_CHARGE in categories and len(categories) > 1:
        mistakes.unoffered("document.lines", "reverse charge is for a whole invoice here")


def _check_line(line: Line, at: str, mistakes: Mistakes) -> None:
    if unit_price(line) is None:
        mistakes.unoffered(f"{at}.base_quantity", "the price of one unit is not exact")


def check_options(
    request: InvoiceRequest, options: QuiddlyOptions, settings: QuiddlySettings, mistakes: Mistakes
) -> None:
    """What the options decide, alone or together with the document."""
    document = request.document
    _check_goal(request, settings, mistakes)
    _check_type(document, options, settings, mistakes)
    _check_distribution(request, options, mistakes)
    _check_currency(document, options, settings, mistakes)
    _check_fees(document, options, mistakes)
    for field in ("round_off", "tax_reduction"):
        if getattr(options, field) != rounded(getattr(options, field), document.currency):
            mistakes.wrong(f"options.{field}", f"is finer than {document.currency}")
    if options.round_off and document.rounding:
        mistakes.wrong("options.round_off", "the document has its own rounding; give one")
    for line_id in options.lines.keys() - {line.id for line in document.lines}:
        mistakes.wrong(f"options.lines.{line_id}", "the document has no such line")
    if options.debtor.address3 and not document.buyer.address:
        mistakes.wrong("options.debtor.address3", "the buyer has no address")
    if options.debtor.delivery_address3 and not (document.delivery and document.delivery.address):
        mistakes.wrong("options.debtor.delivery_address3", "the delivery has no address")


def _check_goal(request: InvoiceRequest, settings: QuiddlySettings, mistakes: Mistakes) -> None:
    if request.goal is Goal.DELIVERED:
        mistakes.unoffered("goal", "delivery cannot be seen here; ask for sent")
    if request.goal is Goal.PAID and request.document.type == "credit_note":
        mistakes.unoffered("goal", "a credit note is not paid; ask for sent")
    if request.goal is Goal.PAID and not (settings.payments_feed or settings.read_route):
        mistakes.unoffered("goal", "neither the feed of payments nor a route to read is configured")


def _check_type(
    document: Document, options: QuiddlyOptions, settings: QuiddlySettings, mistakes: Mistakes
) -> None:
    if document.type == "credit_note" and not (options.type or settings.credit_type):
        message = "nobody documents the type of a credit invoice; name it in options.type"
        mistakes.unoffered("document.type", message)


def _check_distribution(
    request: InvoiceRequest, options: QuiddlyOptions, mistakes: Mistakes
) -> None:
    """Of both codes: the draft's counts if the one for activation is left out."""
    code = distribution(request, options)
    if code == "NULL" and request.goal is Goal.SENT and not request.credits:
        message = "NULL sends nothing: ask for approved, or for paid"
        mistakes.wrong("options.distribution_code", message)
    buyer = request.document.buyer
    if code == "EMAIL" and not (buyer.contact and buyer.contact.email):
        mistakes.wrong("document.buyer.contact.email", "needed for distribution by EMAIL")
    if code == "LETTER" and not buyer.address:
        mistakes.wrong("document.buyer.address", "needed for distribution by LETTER")


def _check_currency(
    document: Document, options: QuiddlyOptions, settings: QuiddlySettings, mistakes: Mistakes
) -> None:
    base, rate = options.base_currency or settings.base_currency, options.exchange_rate
    if document.currency == base and rate not in (None, 1):
        mistakes.wrong("options.exchange_rate", f"must be 1: the base currency is {base} too")
    if document.currency != base and rate is None:
        mistakes.wrong("options.exchange_rate", f"needed: the base currency is {base}")


def _check_fees(document: Document, options: QuiddlyOptions, mistakes: Mistakes) -> None:
    if options.charges and len(options.charges) != len(document.charges):
        mistakes.wrong("options.charges", f"must be {len(document.charges)}, one per charge")
        return
    fees = fees_of(document, options)
    for index, fee in enumerate(fees):
        if fee is None:
            message = "say in options.charges which fee it is: administration or freight"
            mistakes.wrong(f"document.charges[{index}]", message)
        elif fee in fees[:index]:
            mistakes.unoffered(f"document.charges[{index}]", f"there is place for one {fee} fee")


def distribution(request: InvoiceRequest, options: QuiddlyOptions) -> DistributionCode | None:
    """How it will travel; None where nothing is to be said about it."""
    return options.activation.distribution_code or _drafted_distribution(request, options)


def _drafted_distribution(
    request: InvoiceRequest, options: QuiddlyOptions
) -> DistributionCode | None:
    contact = request.document.buyer.contact
    if options.distribution_code or request.goal is Goal.DRAFTED:
        return options.distribution_code
    if request.goal is Goal.APPROVED:
        return "NULL"
    return "EMAIL" if contact and contact.email else "LETTER"


def _mark(
    document: Document, options: QuiddlyOptions
) -> Literal["ourReference", "ourOrderNumber"] | None:
    if not our_words(document, options):
        return "ourReference"
    return None if document.sales_order else "ourOrderNumber"


def first_context(
    request: InvoiceRequest, options: QuiddlyOptions, settings: QuiddlySettings, sums: Totals
) -> Context:
    """What later calls will need of this request."""
    code = distribution(request, options)
    with exactly():
        due = sums.due + options.round_off - options.tax_reduction
    return Context(
        number=request.document.number or "",
        currency=sums.currency,
        due=due,
        credit=request.document.type == "credit_note",
        credits=_how_much(request),
        hands_out=code == "NULL" and _goes_on(request),
        mark=_mark(request.document, options) if settings.write_reference else None,
        distribution=_drafted_distribution(request, options),
        activate=options.activation.wire(),
    )


def _how_much(request: InvoiceRequest) -> Literal["whole", "part"] | None:
    if request.credits is None:
        return None
    return "whole" if request.credits.whole else "part"


def _goes_on(request: InvoiceRequest) -> bool:
    """Whether it is to get further than activated; a credit invoice of one that is to be paid is to
    be sent."""
    return request.goal is Goal.PAID or bool(request.credits and request.goal is Goal.SENT)


def planned_pdf(document: Document) -> tuple[Attachment, ...]:
    """The document's file as an attachment of the plan."""
    files = files_of(document.attachments)
    return tuple(Attachment(name="own pdf", file=file) for file in files)


def upload(call: AttachCall) -> File:
    """What is sent of an attachment."""
    file = call.attachment.file
    if file is None or not call.content:
        raise Rejected(f"{NAME}: nothing was given to be attached")
    return File("file", file.name, file.media_type, call.content, digest_of(call.content))


def _check_attachments(document: Document, mistakes: Mistakes) -> None:
    at = "document.attachments"
    if len(document.attachments) > 1:
        mistakes.unoffered(at, "there is place for one; put all of it into one PDF")
    for index, one in enumerate(document.attachments):
        if one.file is None:
            mistakes.unoffered(f"{at}[{index}].file", "needed here: a PDF that is put in the store")
        elif one.file.media_type != "application/pdf":
            mistakes.unoffered(f"{at}[{index}].file.media_type", "must be a PDF here")

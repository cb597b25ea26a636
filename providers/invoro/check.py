"""Invoro: whether a request can be carried out, and how."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

from invoicing.attachment import files_of
from invoicing.document import Adjustment, Document, Identifier, Party, Payment, Vat
from invoicing.model import Recorded
from invoicing.money import minor_units, rounded
from invoicing.provider import LookUp
from invoicing.request import Goal, InvoiceRequest
from providers.invoro.encode import attached_as, cents, today_utc, ways_to_pay
from providers.invoro.options import TYPE_CODES, InvoroOptions
from providers.invoro.sending import check_sending
from providers.invoro.settings import InvoroSettings
from providers.invoro.states import Context
from providers.kit.coverage import (
    ADDRESS,
    ADJUSTMENT,
    PARTY,
    VAT,
    Coverage,
    ignored,
    refused,
    said,
    under,
)
from providers.kit.mistakes import Mistakes

UNKNOWN = ("given_name", "family_name", "type", "language", "account_number")
"""What an electronic invoice does not say of a party."""
KNOWN = tuple(name for name in PARTY if name not in UNKNOWN)
MOST_ATTACHED = 3_000_000
"""Bytes of an invoice's files. No page states a limit; but an answer may state all that was sent,
as Base64, and one is read up to 5 MiB."""
MOST_DESCRIBED = 255
"""Characters of what is said about an attachment."""
PARTIES = ("seller", "buyer", "payee")
FILE = "attachments[].file"
PAYEE = ("name", "registration.value", "registration.scheme")
COVERAGE = Coverage(
    said(
        *("type", "number", "currency", "issue_date", "due_date", "tax_point_date"),
        *("period.start", "period.end", "notes", "buyer_reference", "purchase_order"),
        *("sales_order", "contract", "project", "accounting_reference", "prepaid"),
        "rounding",
        *under("precedents[]", "number", "issue_date"),
        *under("seller", *KNOWN),
        *under("buyer", *KNOWN),
        *under("payee", *PAYEE),
        *under("delivery", "actual_date", "party_name", "location.value"),
        *under("delivery.address", *ADDRESS),
        *under("payment", "means", "reference", "iban", "bic", "account_name", "mandate", "terms"),
        *under("lines[]", "id", "name", "description", "note", "quantity", "unit", "unit_price"),
        *under("lines[]", "base_quantity", "period.start", "period.end", "seller_item_id"),
        *under("lines[]", "buyer_item_id", "standard_item_id.value", "standard_item_id.scheme"),
        *under("lines[]", "order_line", "accounting_reference"),
        *under("lines[].vat", *VAT),
        *under("lines[].allowances[]", *ADJUSTMENT),
        *under("lines[].charges[]", *ADJUSTMENT),
        *under("attachments[]", "reference", "description", "location"),
        *under(FILE, "name", "media_type"),
        *under("allowances[]", *ADJUSTMENT, *under("vat", *VAT)),
        *under("charges[]", *ADJUSTMENT, *under("vat", *VAT)),
    ),
    refused("prices are without VAT here", "prices_include_vat"),
    refused("has no place here", "delivery.location.scheme"),
    refused(
        "has no place here but for the currency: name that in options.vat_currency, and write the"
        " amount into the notes",
        "vat_accounting",
    ),
    refused(
        "has no place here: a payee has a name and a registration",
        *under("payee", "trading_name", "vat_number", "identifiers", "electronic_address"),
        *under("payee", "address", "contact"),
    ),
    ignored(
        "a party's name says it",
        *(f"{party}.{name}" for party in PARTIES for name in ("given_name", "family_name")),
    ),
    ignored(
        "an electronic invoice does not say whether somebody is a business",
        *(f"{party}.type" for party in PARTIES),
    ),
    ignored("an electronic invoice has none", *(f"{party}.language" for party in PARTIES)),
    ignored("the provider keeps no customers", *(f"{party}.account_number" for party in PARTIES)),
    ignored("its content is sent, and was held against it", *under(FILE, "size", "sha256")),
    ignored("VAT is rounded per category here; another way is refused", "vat_rounding"),
)
"""What becomes of every field of a document here."""


def check_request(request: InvoiceRequest, options: InvoroOptions, mistakes: Mistakes) -> None:
    """Everything that is wrong in it, or not offered here."""
    document = request.document
    COVERAGE.refuse(document, mistakes)
    if request.goal is Goal.APPROVED:
        mistakes.unoffered("goal", "it becomes final here by being sent; ask for drafted or sent")
    if minor_units(document.currency) != 2:
        mistakes.unoffered("document.currency", "amounts are counted in cents here; it has none")
    if document.vat_rounding == "line":
        mistakes.unoffered("document.vat_rounding", "VAT is rounded per category here")
    _check_type(document, options, mistakes)
    _check_number_and_mark(document, options, mistakes)
    if request.goal not in (Goal.DRAFTED, Goal.APPROVED):
        check_sending(document, options, mistakes)
    _check_parties(document, options, mistakes)
    _check_money(document, options, mistakes)
    _check_lines(document, options, mistakes)
    _check_attachments(document, mistakes)
    for path, value, most in _limited(document):
        if value is not None and len(value) > most:
            mistakes.unoffered(path, f"must have at most {most} characters here")


def _check_type(document: Document, options: InvoroOptions, mistakes: Mistakes) -> None:
    code, profile = options.type_code(document), options.document_type
    if (code == TYPE_CODES["credit_note"]) != (document.type == "credit_note"):
        mistakes.wrong("options.invoice_type_code", f"{code} does not fit {document.type}")
    if profile and code != TYPE_CODES["credit_note" if "credit_note" in profile else "invoice"]:
        mistakes.wrong("options.document_type", f"{profile} is not possible with type {code}")
    if options.period_description and not document.period:
        mistakes.wrong("options.period_description", "the document has no period")


def _check_number_and_mark(document: Document, options: InvoroOptions, mistakes: Mistakes) -> None:
    if document.number and options.invoice_number_series:
        mistakes.wrong("options.invoice_number_series", "is not used: the document has its number")
    if options.credit_note_number and options.credit_note_series:
        mistakes.wrong("options.credit_note_series", "is not used beside credit_note_number")
    if options.mark == "none" and not document.number:
        mistakes.wrong("options.mark", "without a number of its own it could not be found again")
    if options.mark == "buyer_reference" and document.buyer_reference:
        mistakes.wrong("options.mark", "the document has a buyer_reference of its own")
    if options.mark == "sales_order" and document.sales_order:
        mistakes.wrong("options.mark", "the document has a sales_order of its own")
    if options.peppol_look_up and not _recipient(document.buyer):
        message = "needed to look the buyer up, or its vat_number or registration"
        mistakes.wrong("document.buyer.electronic_address", message)


def _check_attachments(document: Document, mistakes: Mistakes) -> None:
    if sum(file.size for file in files_of(document.attachments)) > MOST_ATTACHED:
        message = f"have more than {MOST_ATTACHED} bytes together, which is the most here"
        mistakes.unoffered("document.attachments", message)
    for index, one in enumerate(document.attachments):
        at = f"document.attachments[{index}]"
        if not (one.file or one.location):
            mistakes.unoffered(at, "has no place here without a file or a location")
        if len(attached_as(one)) > MOST_DESCRIBED:
            message = f"has at most {MOST_DESCRIBED} characters here, with its reference"
            mistakes.unoffered(f"{at}.description", message)


def _check_parties(document: Document, options: InvoroOptions, mistakes: Mistakes) -> None:
    for name in ("legal_information", "seller_tax_registration"):
        if getattr(options, name) and not document.seller:
            mistakes.wrong(f"options.{name}", "the document names no seller")


def _check_money(document: Document, options: InvoroOptions, mistakes: Mistakes) -> None:
    rounding = options.rounding_amount
    if rounding is not None and rounding != rounded(rounding, document.currency):
        mistakes.wrong("options.rounding_amount", "has more decimals than the currency")
    if rounding and document.rounding:
        mistakes.wrong("options.rounding_amount", "the document has its own rounding; give one")
    payment = document.payment or Payment()
    if options.means_text and not document.payment:
        mistakes.wrong("options.means_text", "the document has no payment")
    if options.debited_account and not payment.mandate:
        mistakes.wrong("options.debited_account", "the document's payment has no mandate")
    if options.payment_layout == "single":
        ways = ways_to_pay(document, options)
        if len(ways) > 1 or any(len(way.bank_accounts) > 1 for way in ways):
            mistakes.wrong("options.payment_layout", "has room for one way to pay, one account")


def _check_lines(document: Document, options: InvoroOptions, mistakes: Mistakes) -> None:
    for line_id in options.lines.keys() - {line.id for line in document.lines}:
        mistakes.wrong(f"options.lines.{line_id}", "the document has no such line")


def _limited(document: Document) -> Iterator[tuple[str, str | None, int]]:
    """Whatever a document allows more room for than the provider does."""
    for name in ("seller", "buyer", "payee"):
        if party := getattr(document, name):
            yield from _limited_schemes(party, f"document.{name}")
    for index, line in enumerate(document.lines):
        at = f"document.lines[{index}]"
        yield from _limited_vat(line.vat, at)
        yield from _limited_reasons(line.allowances, f"{at}.allowances")
        yield from _limited_reasons(line.charges, f"{at}.charges")
    for kind, adjustments in (("allowances", document.allowances), ("charges", document.charges)):
        yield from _limited_reasons(adjustments, f"document.{kind}")
        for index, adjustment in enumerate(adjustments):
            yield from _limited_vat(adjustment.vat, f"document.{kind}[{index}]")


def _limited_schemes(party: Party, at: str) -> Iterator[tuple[str, str | None, int]]:
    for name in ("registration", "electronic_address"):
        if identifier := getattr(party, name):
            yield f"{at}.{name}.scheme", identifier.scheme, 10
    for index, identifier in enumerate(party.identifiers):
        yield f"{at}.identifiers[{index}].scheme", identifier.scheme, 10


def _limited_vat(vat: Vat, at: str) -> Iterator[tuple[str, str | None, int]]:
    yield f"{at}.vat.exemption_code", vat.exemption_code, 10
    yield f"{at}.vat.exemption_reason", vat.exemption_reason, 255


def _limited_reasons(
    adjustments: Sequence[Adjustment], at: str
) -> Iterator[tuple[str, str | None, int]]:
    for index, adjustment in enumerate(adjustments):
        yield f"{at}[{index}].reason_code", adjustment.reason_code, 10


class RecipientQuery(Recorded):
    """By what the buyer is looked up, and where that stands in the document."""

    value: str
    field: str


def _recipient(buyer: Party) -> RecipientQuery | None:
    """The first thing said about the buyer that the network could know it by."""
    for name in ("electronic_address", "vat_number", "registration"):
        if value := getattr(buyer, name):
            text = value if isinstance(value, str) else _qualified(value)
            return RecipientQuery(value=text, field=f"document.buyer.{name}")
    return None


def _qualified(identifier: Identifier) -> str:
    return f"{identifier.scheme}:{identifier.value}" if identifier.scheme else identifier.value


def look_ups(document: Document, options: InvoroOptions) -> tuple[tuple[LookUp, ...], ...]:
    """The recipient, where the options ask for it."""
    query = _recipient(document.buyer) if options.peppol_look_up else None
    return ((LookUp(name="recipient", query=query.model_dump()),),) if query else ()


def first_context(
    request: InvoiceRequest, options: InvoroOptions, settings: InvoroSettings
) -> Context:
    """What later calls will need of this request."""
    document = request.document
    mark = f"{settings.mark_label}: {request.reference}"
    said = options.sent_counts_as_delivered
    return Context(
        number=document.number,
        mark=None if options.mark == "none" else mark,
        credit_mark=_credit_mark(mark),
        credit_number=options.credit_note_number,
        credit_series=options.credit_note_series,
        prepaid=cents(document.prepaid),
        rounding=cents(options.rounding(document)),
        sent_is_delivered=settings.sent_counts_as_delivered if said is None else said,
        credits_id=request.credits.provider_id if request.credits else None,
        credits_whole=bool(request.credits and request.credits.whole),
        search_from=_search_from(document, settings),
    )


def _credit_mark(mark: str) -> str:
    return f"{mark} (credit)"


def _search_from(document: Document, settings: InvoroSettings) -> str | None:
    """A day before which our draft has neither been made nor dated, so either meaning will do."""
    if settings.search_days is None:
        return None
    first = min(document.issue_date, today_utc())
    return (first - timedelta(days=settings.search_days)).isoformat()

"""Riverty: whether a request can be carried out, and how."""

from __future__ import annotations

from collections.abc import Iterable

from invoicing.document import Document, Line, Party
from invoicing.request import Goal, InvoiceRequest
from invoicing.totals import LineTotal, Totals, totals
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
from providers.kit.mistakes import Mistakes
from providers.riverty.encode import (
    UNITS,
    as_text,
    derived,
    dispatched,
    items_of,
    order_lines,
    order_type,
    priced,
    ranges,
    vat_type,
)
from providers.riverty.options import (
    CANCELLATION_REASONS,
    GOODWILL_REASONS,
    POSITION_TYPES,
    RETURN_REASONS,
    AddressOptions,
    RivertyOptions,
)
from providers.riverty.settings import RivertySettings
from providers.riverty.states import CREDITED, Context, Credit, OrderContext

NAME_IT = "has no place here; put it into the name"
COVERAGE = Coverage(
    said(
        *("number", "issue_date", "due_date", "prices_include_vat"),
        *under("buyer", "given_name", "family_name", "vat_number", "account_number", "language"),
        *under("buyer.address", "street", "additional", "city", "postal_code", "country"),
        *under("buyer.contact", "phone", "email"),
        *under("delivery", "actual_date", "party_name"),
        *under("delivery.address", *ADDRESS),
        *under("lines[]", "name", "quantity", "unit_price", "base_quantity", "seller_item_id"),
        *under("lines[].vat", "category", "rate"),
    ),
    said_unless("the family name says it", "buyer.name"),
    said_unless("pieces need not be said", "lines[].unit"),
    refused("credit the invoice itself; it cannot be written here", "type"),
    refused("has no place here: the business code decides who is paid", "payee"),
    refused("has no place here; name a payment method in the options instead", "payment"),
    refused("has no place here; give an order_reference in the options instead", "sales_order"),
    refused("has no place here; credit an invoice instead of referring to it", "precedents"),
    refused("has no place here; lower the prices", "allowances"),
    refused("has no place here; write it as a line", "charges"),
    refused(
        "has no place here: only a delivery's address has one; put it into the city",
        "buyer.address.region",
    ),
    refused("has no place here; give its address", "delivery.location"),
    refused(
        "has no place here",
        *("tax_point_date", "period", "notes", "buyer_reference", "purchase_order", "contract"),
        *("project", "accounting_reference", "vat_accounting", "attachments"),
        *under("lines[]", "buyer_item_id", "standard_item_id", "order_line"),
        "lines[].accounting_reference",
    ),
    refused("has no place here: the buyer owes what the lines come to", "prepaid", "rounding"),
    refused(NAME_IT, *under("lines[]", "description", "period", "note")),
    refused("has no place here; lower the price", "lines[].allowances"),
    refused(
        "has no place here; raise the price or write it as a line of its own", "lines[].charges"
    ),
    ignored("must be that of the business code; another is refused", "currency"),
    ignored(
        "the business code is the seller; another country is refused", *under("seller", *PARTY)
    ),
    ignored("there is one form of address for both", "buyer.type"),
    ignored("the order is addressed to the legal name", "buyer.trading_name"),
    ignored(
        "the customer is known by its number",
        *under("buyer", "registration.value", "registration.scheme"),
        *under("buyer", "identifiers[].value", "identifiers[].scheme"),
    ),
    ignored("nothing is sent there", *under("buyer.electronic_address", "value", "scheme")),
    ignored("the order is addressed to the buyer", "buyer.contact.name"),
    ignored("lines are known by their place in the order", "lines[].id"),
    ignored("the kind of VAT says it", *under("lines[].vat", "exemption_reason", "exemption_code")),
    ignored("VAT is rounded per line here; another way is refused", "vat_rounding"),
)
"""What becomes of every field of a document here, an order's included."""

MOST_CREDITED = 100
"""Lines. A credit repeats their figures, so every call about the invoice would have to carry them;
one with more lines is credited by hand."""


def check_goal(goal: Goal, mistakes: Mistakes) -> None:
    """Whether the goal can be seen here."""
    if goal is Goal.DRAFTED:
        mistakes.unoffered("goal", "an order without its invoice is no end here; ask for approved")
    if goal is Goal.DELIVERED:
        mistakes.unoffered("goal", "delivery cannot be seen here; ask for sent")


def check_words(options: RivertyOptions, mistakes: Mistakes) -> None:
    """Only what a public page lists, unless the settings trust the request."""
    words = [
        ("cancellation_reason", options.cancellation_reason, CANCELLATION_REASONS),
        ("goodwill_reason", options.goodwill_reason, GOODWILL_REASONS),
        ("return_reason", options.return_reason, RETURN_REASONS),
        ("line_defaults.position_type", options.line_defaults.position_type, POSITION_TYPES),
        *(
            (f"lines.{line_id}.position_type", line.position_type, POSITION_TYPES)
            for line_id, line in options.lines.items()
        ),
    ]
    for field, word, listed in words:
        if word not in listed:
            mistakes.wrong(f"options.{field}", f"must be one of {', '.join(listed)}")


def check_invoice(
    request: InvoiceRequest,
    options: RivertyOptions,
    settings: RivertySettings,
    mistakes: Mistakes,
) -> None:
    """Everything that is wrong in it, or not offered here."""
    document = request.document
    check_order(document, options, settings, mistakes)
    if not document.number:
        mistakes.wrong("document.number", "needed here: the provider does not number invoices")
    elif len(document.number) > 30:
        mistakes.wrong("document.number", "at most 30 characters here")
    if not document.due_date:
        mistakes.wrong("document.due_date", "needed here: reminders are reckoned from it")
    if order_type(options, settings) == "PHYSICAL_GOODS":
        _check_dispatch(document, options, mistakes)
    if options.ship_to != AddressOptions() and not (
        document.delivery and document.delivery.address
    ):
        mistakes.wrong("options.ship_to", "the document has no delivery address")
    ids = {line.id for line in document.lines}
    if request.order:
        _check_part(request, options, settings, mistakes)
        ids |= OrderContext.of(request.order.context).places().keys()
    check_line_options(options, ids, mistakes)


def _check_dispatch(document: Document, options: RivertyOptions, mistakes: Mistakes) -> None:
    if not options.carrier:
        mistakes.wrong("options.carrier", "needed for physical goods")
    if not options.tracking_code:
        mistakes.wrong("options.tracking_code", "needed for physical goods")
    if dispatched(document, options) is None:
        mistakes.wrong("document.delivery.actual_date", "needed for physical goods")


def _check_part(
    request: InvoiceRequest,
    options: RivertyOptions,
    settings: RivertySettings,
    mistakes: Mistakes,
) -> None:
    """An invoice of a registered order is for that order's customer and takes its lines as they
    were registered: what it comes to is reckoned from them."""
    order = OrderContext.of(request.order.context if request.order else {})
    known = {line.id: line.figures for line in order.lines}
    if request.document.buyer.account_number != order.customer:
        mistakes.wrong("document.buyer.account_number", "is not that of the order")
    if request.document.vat_rounding == "category":
        return
    sums = totals(request.document, "line")
    for index, line in enumerate(order_lines(request.document, sums, options, settings)):
        if line.id not in known:
            mistakes.wrong(f"document.lines[{index}].id", "is no line of the order")
        elif line.figures != known[line.id]:
            mistakes.wrong(
                f"document.lines[{index}]", "its price, quantity or VAT is not that of the order"
            )


def check_order(
    document: Document, options: RivertyOptions, settings: RivertySettings, mistakes: Mistakes
) -> None:
    """Likewise of what an order and its invoices share."""
    if document.currency != settings.currency:
        mistakes.unoffered("document.currency", f"this business code is for {settings.currency}")
    _check_seller(document, settings, mistakes)
    COVERAGE.refuse(document, mistakes)
    if document.delivery and document.delivery.party_name and not document.delivery.address:
        mistakes.wrong("document.delivery.address", "needed here for a party_name")
    shipped = document.delivery is not None and document.delivery.address is not None
    if options.ship_to != AddressOptions() and not shipped:
        mistakes.wrong("options.ship_to", "the document has no delivery address")
    _check_buyer(document.buyer, mistakes)
    if document.vat_rounding == "category":
        mistakes.unoffered("document.vat_rounding", "VAT is rounded per line here")
        return
    sums = totals(document, "line")
    for index, (line, total) in enumerate(zip(document.lines, sums.lines, strict=True)):
        _check_line(line, total, f"document.lines[{index}]", options, settings, mistakes)


def _check_seller(document: Document, settings: RivertySettings, mistakes: Mistakes) -> None:
    seller = document.seller and document.seller.address
    if seller and seller.country != settings.country:
        mistakes.unoffered(
            "document.seller.address.country", f"this business code is for {settings.country}"
        )


def _check_buyer(buyer: Party, mistakes: Mistakes) -> None:
    if not buyer.account_number:
        mistakes.wrong("document.buyer.account_number", "needed here: it is the customer's number")
    elif not buyer.account_number.strip("."):
        mistakes.wrong("document.buyer.account_number", "must not be dots alone")
    if buyer.address is None:
        mistakes.wrong("document.buyer.address", "needed here")
        return
    for field in ("street", "postal_code", "city"):
        if getattr(buyer.address, field) is None:
            mistakes.wrong(f"document.buyer.address.{field}", "needed here")


def _check_line(
    line: Line,
    total: LineTotal,
    at: str,
    options: RivertyOptions,
    settings: RivertySettings,
    mistakes: Mistakes,
) -> None:
    limits = (
        ("name", line.name, settings.description_length),
        ("seller_item_id", line.seller_item_id or "", 30),
    )
    for field, text, limit in limits:
        if len(text) > limit:
            mistakes.wrong(f"{at}.{field}", f"at most {limit} characters here, or it is cut off")
    said = UNITS.get(line.unit) and not options.line(line).as_one
    if line.unit not in UNITS or (said and not settings.quantity_types):
        mistakes.unoffered(f"{at}.unit", f"{line.unit} is not a unit here")
    if vat_type(line, options.line(line), settings) is None:
        mistakes.unoffered(f"{at}.vat.category", "has no kind of VAT here; say one in the options")
    if line.quantity < 0:
        mistakes.unoffered(f"{at}.quantity", "what lowers the amount cannot be ordered here")
    elif priced(line, total, options.line(line), settings) is None:
        mistakes.unoffered(
            f"{at}.unit_price",
            f"no price with {settings.decimals} decimals, VAT included, times the quantity comes to"
            " the line's total; say as_one in its options to send it as one piece",
        )


def check_line_options(options: RivertyOptions, ids: Iterable[str], mistakes: Mistakes) -> None:
    """That every line of the options is one."""
    for line_id in options.lines.keys() - set(ids):
        mistakes.wrong(f"options.lines.{line_id}", "the document has no such line")


def first_context(
    request: InvoiceRequest, options: RivertyOptions, sums: Totals, settings: RivertySettings
) -> Context:
    """What later calls will need of this request."""
    document = request.document
    if request.order:
        order = OrderContext.of(request.order.context)
        places = order.places()
        items = [places[line.id] for line in document.lines]
        reference, whole = request.order.provider_id, len(places)
    else:
        items = list(range(1, len(document.lines) + 1))
        reference = options.order_reference or derived("invoice", request.reference)
        whole = len(items)
    return Context(
        customer=document.buyer.account_number or "",
        order=reference,
        delivers=request.order is not None,
        alone=len(items) == whole,
        items=ranges(items),
        invoice=_invoice_words(document, options),
        cancellation_reason=options.cancellation_reason,
        credit=_credit(request, options, sums, items, settings),
    )


def _invoice_words(document: Document, options: RivertyOptions) -> dict[str, str]:
    number = document.number or ""
    words = {
        "invoiceReference": number,
        "shipmentReference": options.shipment_reference or number,
        "invoiceDate": document.issue_date.isoformat(),
        "dueDate": (document.due_date or document.issue_date).isoformat(),
        "dispatchDate": (dispatched(document, options) or document.issue_date).isoformat(),
        "carrier": options.carrier,
        "trackingCode": options.tracking_code,
    }
    return {name: word for name, word in words.items() if word}


def _credit(
    request: InvoiceRequest,
    options: RivertyOptions,
    sums: Totals,
    places: list[int],
    settings: RivertySettings,
) -> Credit | None:
    if not request.may_credit or len(places) > MOST_CREDITED:
        return None
    encoded = items_of(request.document, sums, options, settings)
    items = (
        {
            "orderItemReference": place,
            "line": line.id,
            **{name: as_text(item[name]) for name in CREDITED},
        }
        for place, line, item in zip(places, request.document.lines, encoded, strict=True)
    )
    goodwill = options.credit == "goodwill"
    return Credit(
        verb=options.credit,
        reason=options.goodwill_reason if goodwill else options.return_reason,
        reference=f"CR{derived('credit', request.reference)}",
        items=tuple(items),
    )

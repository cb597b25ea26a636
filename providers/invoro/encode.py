"""Invoro: what is written to it."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, TypeVar

from invoicing.document import (
    Address,
    Adjustment,
    Contact,
    Delivery,
    Document,
    DocumentAdjustment,
    Identifier,
    Line,
    Party,
    Payment,
    Period,
    SupportingDocument,
    Vat,
    VatCategory,
)
from invoicing.errors import Rejected
from invoicing.money import exactly, plain
from invoicing.provider import CreateCall
from invoicing.totals import Totals
from providers.invoro.decode import Invoice, text_or_none
from providers.invoro.options import (
    CREDIT_PROFILES,
    TYPE_CODES,
    InvoroOptions,
    LineOptions,
    PaymentMeans,
    TaxRegistration,
)
from providers.invoro.settings import NAME, InvoroSettings
from providers.invoro.states import Context
from providers.kit.http import Json

_Given = TypeVar("_Given")

_Written = TypeVar("_Written")


EXEMPTIONS = {
    VatCategory.REVERSE_CHARGE: "Reverse charge",
    VatCategory.INTRA_COMMUNITY: "Intra-community supply",
    VatCategory.EXPORT: "Export outside the EU",
    VatCategory.OUTSIDE_SCOPE: "Not subject to VAT",
}
"""In words: the codes VATEX-EU-AE and VATEX-EU-IC are longer than the 10 characters allowed."""


def encoded(call: CreateCall, context: Context, settings: InvoroSettings) -> Json:
    """The body of create."""
    document = call.document
    options = InvoroOptions.model_validate(call.options)
    if context.credits_id:
        options = options.for_credit(document, context.credits_id, whole=context.credits_whole)
    body = {
        "calculate_totals": options.calculate_totals,
        "business_entity_id": _if(options.business_entity_id, str),
        "related_invoice_id": _if(options.related_invoice_id, str),
        "header": _header(document, options, context),
        "seller": _seller(document, options),
        "buyer": party_of(document.buyer, options.buyer_tax_registration),
        "payee": _if(document.payee, _payee),
        "payment": _payment(document, options),
        "delivery": _if(document.delivery, _delivery),
        "references": _references(document, options, context),
        "totals": _totals(document, options, call.totals),
        "items": [_item(document, line, options.line(line)) for line in document.lines],
        "allowances": [_adjusted(document, one, "Allowance") for one in document.allowances],
        "charges": [_adjusted(document, one, "Charge") for one in document.charges],
        "tax_breakdown": _breakdown(document, options, call.totals),
        "attachments": [_attachment(one, call.files) for one in document.attachments],
    }
    return _body(body, options.invoice_number_series, settings)


def _body(body: dict[str, Any], series: str | None, settings: InvoroSettings) -> Json:
    """With the series it takes its number from, without what is not given."""
    if series and settings.series_at != "header":
        body = {**body, "invoice_number_series": series}
    if series and settings.series_at != "top":
        body = {**body, "header": {**body["header"], "invoice_number_series": series}}
    written: Json = _pruned(body)
    return written


def _header(document: Document, options: InvoroOptions, context: Context) -> dict[str, Any]:
    marked = context.mark if options.mark == "buyer_reference" else None
    period = _if(document.period, _period) or {}
    return {
        "specification": options.specification,
        "business_process": options.business_process,
        "document_type": options.document_type,
        "invoice_number": document.number,
        "invoice_type_code": options.type_code(document),
        "issue_date": _moment(document.issue_date),
        "due_date": _if(document.due_date, _moment),
        "tax_point_date": _if(document.tax_point_date, _moment),
        "currency": document.currency,
        "vat_currency": options.vat_currency,
        "accounting_cost": document.accounting_reference,
        "buyer_reference": marked or document.buyer_reference,
        "project_reference": document.project,
        "contract_reference": document.contract,
        "tender_or_lot_reference": options.tender_or_lot_reference,
        "rounding_amount": cents(options.rounding(document)) or None,
        "notes": _notes(document, options, context),
        "invoice_period": {**period, "description": options.period_description},
    }


def _notes(document: Document, options: InvoroOptions, context: Context) -> list[str]:
    """All in one: Peppol allows a single note (PEPPOL-EN16931-R002)."""
    lines = [*document.notes, *([context.mark] if context.mark and options.mark == "note" else [])]
    return ["\n".join(lines)] if lines else []


def _seller(document: Document, options: InvoroOptions) -> dict[str, Any] | None:
    if document.seller is None:
        return None
    party = party_of(document.seller, options.seller_tax_registration)
    return {**party, "legal_information": options.legal_information}


def party_of(party: Party, tax_registration: TaxRegistration | None) -> dict[str, Any]:
    """A seller or buyer as the page writes one."""
    return {
        "endpoint_id": _if(party.electronic_address, _identifier),
        "identifiers": [_identifier(one) for one in party.identifiers],
        "name": party.name,
        "legal_name": party.name,
        "trading_name": party.trading_name,
        "company_id": _if(party.registration, _identifier),
        "vat_number": party.vat_number,
        "tax_registration_id": _if(tax_registration, TaxRegistration.model_dump),
        "address": _if(party.address, _address),
        "contact": _if(party.contact, Contact.model_dump),
    }


def _payee(payee: Party) -> dict[str, Any]:
    return {"name": payee.name, "company_id": _if(payee.registration, _identifier)}


def _identifier(identifier: Identifier) -> dict[str, Any]:
    return {"scheme": identifier.scheme, "value": identifier.value}


def _address(address: Address) -> dict[str, Any]:
    return {
        "street": address.street,
        "additional_line": address.additional,
        "city": address.city,
        "subdivision": address.region,
        "postal_code": address.postal_code,
        "country": str(address.country),
    }


def ways_to_pay(document: Document, options: InvoroOptions) -> tuple[PaymentMeans, ...]:
    """The document's own first; read as one of ours, so that both are written alike."""
    payment = document.payment or Payment()
    account = {"iban": payment.iban, "bic": payment.bic, "account_name": payment.account_name}
    own = {
        "means_code": payment.means,
        "means_text": options.means_text,
        "payment_id": payment.reference,
        "bank_accounts": [account],
        "direct_debit": {
            "mandate_id": payment.mandate,
            "debited_account": options.debited_account,
        },
    }
    first = _pruned(own)
    return (*([PaymentMeans.model_validate(first)] if first else []), *options.payments)


def _payment(document: Document, options: InvoroOptions) -> dict[str, Any]:
    terms = document.payment.terms if document.payment else None
    ways = [way.model_dump() for way in ways_to_pay(document, options)]
    if options.payment_layout == "list" or not ways:
        return {"terms": terms, "payments": ways}
    accounts = ways[0].pop("bank_accounts")
    return {"terms": terms, **ways[0], "bank_account": next(iter(accounts), None)}


def _delivery(delivery: Delivery) -> dict[str, Any]:
    return {
        "date": _if(delivery.actual_date, _moment),
        "location_id": delivery.location.value if delivery.location else None,
        "party_name": delivery.party_name,
        "address": _if(delivery.address, _address),
    }


def _references(document: Document, options: InvoroOptions, context: Context) -> dict[str, Any]:
    marked = context.mark if options.mark == "sales_order" else None
    return {
        "purchase_order": document.purchase_order,
        "sales_order": marked or document.sales_order,
        "preceding_invoices": [
            {"number": one.number, "issue_date": _if(one.issue_date, _moment)}
            for one in document.precedents
        ],
    }


def _totals(document: Document, options: InvoroOptions, sums: Totals) -> dict[str, Any]:
    """All of them, or where the provider adds up the two that nobody could work out."""
    told = {
        "paid_amount": cents(document.prepaid) or None,
        "payable_rounding_amount": cents(options.rounding(document)) or None,
    }
    if options.calculate_totals:
        return told
    return told | {
        "line_extension_amount": cents(sums.line_net),
        "tax_exclusive_amount": cents(sums.net),
        "tax_inclusive_amount": cents(sums.gross),
        "tax_amount": cents(sums.vat),
        "allowance_total_amount": cents(sums.allowances),
        "charge_total_amount": cents(sums.charges),
        "payable_amount": cents(sums.due) + cents(options.rounding_amount or Decimal(0)),
    }


def _item(document: Document, line: Line, options: LineOptions) -> dict[str, Any]:
    price, per = _price(line)
    base = line.price(document.currency)
    return {
        "id": line.id,
        "name": line.name,
        "description": line.description,
        "note": line.note,
        "price": price,
        "quantity": line.quantity,
        "unit_code": line.unit,
        "base_quantity": per,
        **_taxed(line.vat),
        "order_line_reference": line.order_line,
        "accounting_cost": line.accounting_reference,
        "origin_country": _if(options.origin_country, str),
        "period": _if(line.period, _period),
        "identifiers": {
            "standard": _if(line.standard_item_id, _identifier),
            "sellers_item_id": line.seller_item_id,
            "buyers_item_id": line.buyer_item_id,
        },
        "classifications": [one.model_dump() for one in options.classifications],
        "attributes": [one.model_dump() for one in options.attributes],
        "allowances": [_adjustment(document, one, base, "Allowance") for one in line.allowances],
        "charges": [_adjustment(document, one, base, "Charge") for one in line.charges],
    }


def _price(line: Line) -> tuple[int, Decimal]:
    """Whole cents per so many units: 0.0125 for one is 125 cents for a hundred."""
    with exactly():
        cents = line.unit_price * 100
        exponent = cents.normalize().as_tuple().exponent
        scale = Decimal(10) ** max(0, -int(exponent))
        return int(cents * scale), line.base_quantity * scale


def _taxed(vat: Vat) -> dict[str, Any]:
    return {
        "tax_rate": vat.rate,
        "tax_category": vat.category.value,
        "tax_exemption_reason_code": vat.exemption_code,
        "tax_exemption_reason": _exemption(vat),
    }


def _exemption(vat: Vat) -> str | None:
    if vat.exemption_reason or vat.exemption_code:
        return vat.exemption_reason
    return EXEMPTIONS.get(vat.category)


def _adjustment(
    document: Document, adjustment: Adjustment, base: Decimal, kind: str
) -> dict[str, Any]:
    # The norm wants a reason or its code (BR-33, BR-38, BR-42, BR-44).
    return {
        "reason": adjustment.reason or (None if adjustment.reason_code else kind),
        "reason_code": adjustment.reason_code,
        "amount": cents(adjustment.of(base, document.currency)),
        "percentage": adjustment.percent,
        "base_amount": None if adjustment.percent is None else cents(base),
    }


def _adjusted(document: Document, adjustment: DocumentAdjustment, kind: str) -> dict[str, Any]:
    """On the document, where a percentage is of the lines with the same VAT."""
    alike = [
        line.amount(document.currency) for line in document.lines if line.vat.same(adjustment.vat)
    ]
    return {
        **_adjustment(document, adjustment, sum(alike, Decimal(0)), kind),
        **_taxed(adjustment.vat),
    }


def attached_as(one: SupportingDocument) -> str:
    """Both in the one place that there is: its number, and what it is."""
    return f"{one.reference}: {one.description}" if one.description else one.reference


def _attachment(one: SupportingDocument, files: Mapping[str, bytes]) -> dict[str, Any]:
    told = {"description": attached_as(one), "external_reference": one.location}
    if file := one.file:
        data = b64encode(files[file.sha256]).decode()
        told |= {"filename": file.name, "mime_type": file.media_type, "data": data}
    return told


def _breakdown(
    document: Document, options: InvoroOptions, sums: Totals
) -> list[dict[str, Any]] | None:
    if options.calculate_totals:
        return None
    vats = [line.vat for line in document.lines]
    vats += [one.vat for one in (*document.allowances, *document.charges)]
    said = {(vat.category, plain(vat.rate)): vat for vat in reversed(vats)}
    return [
        {
            "category_code": row.category.value,
            "rate": row.rate,
            "taxable_amount": cents(row.taxable),
            "tax_amount": cents(row.vat),
            "exemption_reason": _exemption(said[row.category, plain(row.rate)]),
            "exemption_reason_code": said[row.category, plain(row.rate)].exemption_code,
        }
        for row in sums.vat_rows
    ]


def credit_note(
    invoice: Invoice, reference: str, context: Context, settings: InvoroSettings
) -> Json:
    """The invoice again, as a credit note over itself: what was invoiced, from its `ubl_json`."""
    held = {name: invoice.at(name) for name in _CREDITED}
    held["totals"] = _credit_totals(held["totals"])
    number = invoice.number
    if not (number and isinstance(held["header"], Mapping) and held["items"] and held["buyer"]):
        raise Rejected(f"{NAME} does not say what it holds, so it must be credited there by hand")
    issued = text_or_none(held["header"].get("issue_date"))
    body = held | {
        "calculate_totals": not held["totals"],
        "business_entity_id": invoice.business_entity_id,
        "related_invoice_id": invoice.id,
        "header": _credit_header(held["header"], context),
        "references": {
            **(held["references"] if isinstance(held["references"], Mapping) else {}),
            "preceding_invoices": [{"number": number, "issue_date": issued}],
        },
    }
    return _body(body, context.credit_series, settings)


_CREDITED = (
    "header",
    "seller",
    "buyer",
    "payee",
    "payment",
    "delivery",
    "references",
    "totals",
    "items",
    "allowances",
    "charges",
    "tax_breakdown",
)


def _credit_totals(totals: Any) -> Any:
    """Those of the invoice without what was paid before: that goes back with the rest (BT-113)."""
    if not isinstance(totals, Mapping) or not isinstance(totals.get("paid_amount"), int):
        return totals
    paid, payable = totals["paid_amount"], totals.get("payable_amount")
    given = payable + paid if isinstance(payable, int) else payable
    return {**totals, "paid_amount": None, "payable_amount": given}


def _credit_header(header: Mapping[str, Any], context: Context) -> dict[str, Any]:
    # A credit note is not due, and an invoice of tomorrow cannot be credited today.
    today = max(today_utc().isoformat(), str(header.get("issue_date") or "")[:10])
    return {
        **header,
        "invoice_type_code": TYPE_CODES["credit_note"],
        "document_type": CREDIT_PROFILES.get(str(header.get("document_type"))),
        "invoice_number": context.credit_number,
        "invoice_number_series": None,
        "issue_date": f"{today}T00:00:00Z",
        "due_date": None,
        "notes": [context.credit_mark],
    }


def _period(period: Period) -> dict[str, Any]:
    return {"start_date": _moment(period.start), "end_date": _moment(period.end)}


def _moment(day: date) -> str:
    return f"{day.isoformat()}T00:00:00Z"


def today_utc() -> date:
    """The day it is in UTC."""
    return datetime.now(UTC).date()


def cents(amount: Decimal) -> int:
    """For amounts that have at most two decimals."""
    with exactly():
        return int(amount * 100)


def _if(value: _Given | None, write: Callable[[_Given], _Written]) -> _Written | None:
    return None if value is None else write(value)


def _pruned(value: Any) -> Any:
    """Without what is None, and without what is empty after that."""
    if isinstance(value, Mapping):
        members = {name: _pruned(member) for name, member in value.items()}
        return {name: member for name, member in members.items() if member not in _NOTHING}
    if isinstance(value, list | tuple):
        return [one for one in map(_pruned, value) if one not in _NOTHING]
    return value


_NOTHING: tuple[Any, ...] = (None, {}, [])


def since_query(day: str | None) -> dict[str, str]:
    """The list from this day on."""
    return {"from_date": day} if day else {}

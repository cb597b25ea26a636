"""Invoro: what an invoice says in words, and of which amounts it is made, asked for or stated: the
body of create, and `ubl_json`, which has its shape."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from providers.kit.said import at, listed, many, number, parts, said
from providers.kit.wire import day_of

_ADDRESS = {
    "street": "street",
    "second address line": "additional_line",
    "postal code": "postal_code",
    "city": "city",
    "region": "subdivision",
    "country": "country",
}

PLACES: Mapping[str, str] = {
    "kind of invoice": "header.invoice_type_code",
    "currency of the document": "header.currency",
    "VAT currency": "header.vat_currency",
    "buyer's reference": "header.buyer_reference",
    "project": "header.project_reference",
    "contract": "header.contract_reference",
    "accounting reference": "header.accounting_cost",
    "purchase order": "references.purchase_order",
    "sales order": "references.sales_order",
    "buyer's legal name": "buyer.legal_name",
    "buyer's trading name": "buyer.trading_name",
    "buyer's VAT number": "buyer.vat_number",
    "buyer's registration number": "buyer.company_id.value",
    "buyer's electronic address": "buyer.endpoint_id.value",
    "buyer's e-mail": "buyer.contact.email",
    "business entity": "business_entity_id",
    "related invoice": "related_invoice_id",
    **{f"buyer's {what}": f"buyer.address.{place}" for what, place in _ADDRESS.items()},
    "seller's name": "seller.name",
    "seller's VAT number": "seller.vat_number",
    "seller's registration number": "seller.company_id.value",
    "seller's electronic address": "seller.endpoint_id.value",
    **{f"seller's {what}": f"seller.address.{place}" for what, place in _ADDRESS.items()},
    "payee's name": "payee.name",
    "payee's registration number": "payee.company_id.value",
    "terms of payment": "payment.terms",
    "delivery name": "delivery.party_name",
    "delivery location": "delivery.location_id",
    **{f"delivery {what}": f"delivery.address.{place}" for what, place in _ADDRESS.items()},
}
"""Where each text stands."""

DAYS: Mapping[str, str] = {
    "tax point date": "header.tax_point_date",
    "delivery date": "delivery.date",
    "start of the period": "header.invoice_period.start_date",
    "end of the period": "header.invoice_period.end_date",
}

NUMBERS: Mapping[str, str] = {
    "VAT amount": "totals.tax_amount",
    "gross amount": "totals.tax_inclusive_amount",
    "rounding amount": "header.rounding_amount",
    "amount of the lines": "totals.line_extension_amount",
    "allowance amount": "totals.allowance_total_amount",
    "charge amount": "totals.charge_total_amount",
}


ON_LINES: Mapping[str, Sequence[str]] = {
    "descriptions of the lines": ("description",),
    "notes of the lines": ("note",),
    "periods of the lines": ("period.start_date", "period.end_date"),
    "items of the lines": (
        *("identifiers.standard.value", "identifiers.sellers_item_id"),
        "identifiers.buyers_item_id",
    ),
    "orders of the lines": ("order_line_reference", "accounting_cost"),
}
"""What else stands on lines, all of them together."""


def words_of(body: Any, *, figures: bool = True) -> dict[str, str]:
    """Digests of what a request or an answer says; without `figures`, which may be counted in
    another way there, of its texts alone. What is not there is not said."""
    items = listed(body, "items")
    words: dict[str, Any] = {name: at(body, place) for name, place in PLACES.items()}
    words |= {name: day_of(at(body, place)) for name, place in DAYS.items()}
    words |= {name: number(at(body, place)) for name, place in NUMBERS.items() if figures}
    words |= {
        "note": many(listed(body, "header.notes")),
        "credited invoices": many(
            at(one, "number") for one in listed(body, "references.preceding_invoices")
        ),
        "buyer's identifiers": many(at(one, "value") for one in listed(body, "buyer.identifiers")),
        "attachments": _attachments(at(body, "attachments")),
        **{name: many(_on(items, places)) for name, places in ON_LINES.items()},
        **_paid(at(body, "payment")),
    }
    if figures:
        words["taxable amounts"] = parts(map(_taxed, listed(body, "tax_breakdown")))
        words["allowance amounts"] = parts(map(_adjusted, listed(body, "allowances")))
        words["charge amounts"] = parts(map(_adjusted, listed(body, "charges")))
    rows = map(_figures, items) if figures else ()
    return said(words, [at(item, "name") for item in items], rows)


def _on(items: Iterable[Any], places: Sequence[str]) -> Iterator[Any]:
    for item in items:
        for place in places:
            value = at(item, place)
            yield day_of(value) if place.startswith("period") else value


def _figures(item: Any) -> list[str | None]:
    """With its own allowances and charges, of which a row has none where it names none."""
    names = ("price", "quantity", "tax_rate")
    return [
        at(item, "tax_category"),
        at(item, "unit_code"),
        *(number(at(item, name)) for name in names),
        number(at(item, "base_quantity") or 1),
        *(f"{name}: {_sizes(listed(item, name))}" for name in ("allowances", "charges")),
    ]


def _sizes(adjustments: Iterable[Any]) -> str:
    return " ".join(sorted(str(number(at(one, "amount"))) for one in adjustments))


def _taxed(row: Any) -> list[str | None]:
    names = ("rate", "taxable_amount", "tax_amount")
    return [at(row, "category_code"), *(number(at(row, name)) for name in names)]


def _adjusted(one: Any) -> list[str | None]:
    return [at(one, "tax_category"), *(number(at(one, name)) for name in ("amount", "tax_rate"))]


def _paid(payment: Any) -> dict[str, str | None]:
    """By every way there is, in either of the two forms that the page has."""
    ways = listed(payment, "payments") or ([payment] if isinstance(payment, Mapping) else [])
    accounts = [account for way in ways for account in _accounts(way)]
    return {
        "bank account number": many(_bare(at(one, "iban")) for one in accounts),
        "bank": many(at(one, "bic") for one in accounts),
        "bank account's name": many(at(one, "account_name") for one in accounts),
        "payment means": many(at(way, "means_code") for way in ways),
        "payment reference": many(at(way, "payment_id") for way in ways),
        "mandate": many(at(way, "direct_debit.mandate_id") for way in ways),
    }


def _accounts(way: Any) -> Iterator[Any]:
    yield from listed(way, "bank_accounts")
    yield at(way, "bank_account")


def _bare(iban: Any) -> Any:
    return "".join(iban.split()) if isinstance(iban, str) else iban


def _attachments(attachments: Any) -> str | None:
    """Each by the name of its file and what is said of it; that there is none is said as well.
    None where nothing is stated, or something else than a list of them."""
    if not isinstance(attachments, list) or not all(isinstance(each, dict) for each in attachments):
        return None
    names = [[each.get("filename"), each.get("description")] for each in attachments]
    return f"{len(names)}: {sorted(map(str, names))}"

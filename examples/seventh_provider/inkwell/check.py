"""Inkwell: whether a request can be carried out."""

from __future__ import annotations

from invoicing.document import VatCategory
from invoicing.request import Goal, InvoiceRequest
from providers.kit.coverage import PARTY, Coverage, ignored, refused, said, under
from providers.kit.mistakes import Mistakes

COVERAGE = Coverage(
    said("currency", "issue_date", "due_date", "buyer.name"),
    said(*under("lines[]", "name", "quantity", "unit_price", "vat.rate")),
    refused(
        "has no place here",
        *("type", "number", "tax_point_date", "period", "seller", "payee", "delivery", "payment"),
        *("notes", "buyer_reference", "purchase_order", "sales_order", "contract", "project"),
        *("accounting_reference", "precedents", "allowances", "charges", "prices_include_vat"),
        *("prepaid", "rounding", "vat_accounting", "attachments"),
        *under("lines[]", "description", "unit", "base_quantity", "allowances", "charges"),
        *under("lines[]", "period", "note", "seller_item_id", "buyer_item_id"),
        *under("lines[]", "standard_item_id", "order_line", "accounting_reference"),
        *under("lines[].vat", "exemption_reason", "exemption_code"),
    ),
    ignored("nothing is sent from here", *under("buyer", *(set(PARTY) - {"name"}))),
    ignored("lines keep their order", "lines[].id"),
    ignored("the rate says it; others than S and Z are refused", "lines[].vat.category"),
    ignored("VAT is rounded per rate here; another way is refused", "vat_rounding"),
)
"""What becomes of every field of a document here. What is not named is refused."""


def check_request(request: InvoiceRequest, mistakes: Mistakes) -> None:
    """Everything that is wrong in it, or not offered here."""
    COVERAGE.refuse(request.document, mistakes)
    if request.goal not in (Goal.DRAFTED, Goal.APPROVED):
        mistakes.unoffered("goal", "nothing is sent from here; ask for drafted or approved")
    if request.document.vat_rounding == "line":
        mistakes.unoffered("document.vat_rounding", "VAT is rounded per rate here")
    for index, line in enumerate(request.document.lines):
        if line.vat.category not in (VatCategory.STANDARD, VatCategory.ZERO):
            mistakes.unoffered(f"document.lines[{index}].vat.category", "must be S or Z here")

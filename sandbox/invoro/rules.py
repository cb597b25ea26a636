"""What keeps an invoice from being sent by Invoro.

The page says that it is validated and not against what; these are rules of EN 16931 and of Peppol
BIS 3.0 that any validation would know (I).
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain

from sandbox.invoro.data import Json
from sandbox.invoro.forms import Wrong

_REASONS = frozenset({"E", "AE", "K", "G", "O"})
_TAXED = frozenset({"S", "L", "M"})
_MEDIA = frozenset(
    {
        *("application/pdf", "image/png", "image/jpeg", "text/csv"),
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "application/vnd.oasis.opendocument.spreadsheet",
    }
)
CATEGORIES = _REASONS | _TAXED | {"Z"}


def unsendable(ubl: Json, network: str | None) -> Wrong:
    """Every rule that is broken, by the field that breaks it."""
    wrong: Wrong = {}
    found = (_of_document(ubl, network), _of_items(ubl), _of_reasons(ubl), _of_attachments(ubl))
    for at, problem in chain.from_iterable(found):
        wrong.setdefault(at, []).append(problem)
    return wrong


def _of_document(ubl: Json, network: str | None) -> Iterable[tuple[str, str]]:
    header, buyer = ubl["header"], ubl["buyer"]
    references = ubl.get("references") or {}
    if network is None:
        yield "buyer.endpoint_id", "is needed to deliver it, or an e-mail address"
    if not (buyer.get("address") or {}).get("country"):
        yield "buyer.address.country", "is required [BR-11]"
    named = header.get("buyer_reference") or references.get("purchase_order")
    if network == "peppol" and not named:
        yield "header.buyer_reference", "is required, or a purchase order [PEPPOL-EN16931-R003]"
    terms = header.get("due_date") or (ubl.get("payment") or {}).get("terms")
    invoice = header["invoice_type_code"] != "381"
    if invoice and ubl["totals"]["payable_amount"] > 0 and not terms:
        yield "header.due_date", "is required, or payment terms [BR-CO-25]"
    for index, one in enumerate(references.get("preceding_invoices") or []):
        if not one.get("number"):
            yield f"references.preceding_invoices.{index}.number", "is required [BR-55]"


def _of_items(ubl: Json) -> Iterable[tuple[str, str]]:
    for index, item in enumerate(ubl["items"]):
        at, category, rate = f"items.{index}", item.get("tax_category"), item.get("tax_rate") or 0
        if item["price"] < 0:
            yield f"{at}.price", "must not be negative [BR-27]"
        if category is not None and category not in CATEGORIES:
            yield f"{at}.tax_category", "is not a VAT category [BR-CL-18]"
        if category == "S" and rate <= 0:
            yield f"{at}.tax_rate", "must be greater than 0 in category S [BR-S-05]"
        if category in CATEGORIES - _TAXED and rate != 0:
            yield f"{at}.tax_rate", f"must be 0 in category {category}"


def _of_reasons(ubl: Json) -> Iterable[tuple[str, str]]:
    explained = {
        part.get("tax_category") or part.get("category_code")
        for name in ("items", "allowances", "charges", "tax_breakdown")
        for part in ubl.get(name) or []
        if any(value for key, value in part.items() if "exemption" in key)
    }
    for index, row in enumerate(ubl["tax_breakdown"]):
        if row["category_code"] in _REASONS - explained:
            yield f"tax_breakdown.{index}.exemption_reason", "is required, or its code [BR-E-10]"


def _of_attachments(ubl: Json) -> Iterable[tuple[str, str]]:
    for index, one in enumerate(ubl.get("attachments") or []):
        at = f"attachments.{index}"
        if not (one.get("data") or one.get("external_reference")):
            yield at, "has neither data nor an external reference"
        if one.get("data") and not one.get("filename"):
            yield f"{at}.filename", "is required beside data [BT-125-2]"
        if one.get("data") and one.get("mime_type") not in _MEDIA:
            yield f"{at}.mime_type", "is not a media type of the list [BR-CL-24]"

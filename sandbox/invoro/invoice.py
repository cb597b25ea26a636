"""One invoice as Invoro keeps it, how it looks on the wire, and one read from UBL XML."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import uuid4
from xml.etree import ElementTree

from sandbox.invoro.data import Json
from sandbox.invoro.totals import half_up, item_net
from sandbox.kit.accounts import Part, Stated, Taxed, added, skewed

STATES = ("draft", "approved", "sending", "sent", "delivered", "failed", "cancelled")


def iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


@dataclass
class Invoice:
    """One invoice as it is stored; `ubl` is the caller's body, its sums and defaults filled in."""

    ubl: Json
    company: str
    live: bool
    series: str
    reference: str | None = None
    """What the ledger and the levers know it by, beside its id and its number."""
    entity: str | None = None
    related: str | None = None
    state: str = "draft"
    network: str | None = None
    final: bool = False
    """Whether it was ever accepted for sending."""
    paid: int = 0
    """What was received and did not go back, in cents."""
    error: Json | None = None
    history: list[Json] = field(default_factory=list)
    due: Callable[[], None] | None = None
    """What the platform does with it next, by itself."""
    id: str = field(default_factory=lambda: str(uuid4()))
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    updated_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    deleted_at: datetime | None = None

    @property
    def number(self) -> str | None:
        number: str | None = self.ubl["header"]["invoice_number"]
        return number

    @property
    def note(self) -> bool:
        """Whether it is a credit note."""
        return bool(self.ubl["header"]["invoice_type_code"] == "381")

    @property
    def known_as(self) -> str | None:
        """The reference it stands under in the ledger."""
        return self.reference or self.number

    def total(self, name: str) -> int:
        """One of its totals, in cents."""
        cents: int = self.ubl["totals"][name]
        return cents

    def becomes(self, state: str) -> None:
        """Move the document axis."""
        self.state = state
        self.touched()
        self.history.append({"state": state, "at": iso(self.updated_at)})

    def touched(self) -> None:
        self.updated_at = datetime.now(UTC)


def stated(invoice: Invoice) -> Stated:
    """What it states, in units of its currency, for the ledger."""
    rows = invoice.ubl["tax_breakdown"]
    rates = added(
        {Decimal(row["rate"]): Taxed(units(row["taxable_amount"]), units(row["tax_amount"]))}
        for row in rows
    )
    skew = invoice.total("tax_exclusive_amount") - sum(row["taxable_amount"] for row in rows)
    besides = invoice.total("payable_amount") - invoice.total("tax_inclusive_amount")
    parts = tuple(_part(nth, item) for nth, item in enumerate(invoice.ubl["items"], 1))
    return Stated(parts, skewed(rates, units(skew)), units(besides))


def _part(nth: int, item: Json) -> Part:
    rate, quantity = Decimal(item.get("tax_rate") or 0), Decimal(item["quantity"])
    return Part(item.get("id") or str(nth), item["name"], quantity, rate, units(item_net(item)))


def units(cents: int) -> Decimal:
    """Cents as an amount in units of the currency."""
    return Decimal(cents).scaleb(-2)


def metadata(invoice: Invoice) -> Json | None:
    """Delivery details, error info, history: what the page names; its shape is unknown (U)."""
    if not invoice.history:
        return None
    kept: Json = {"history": list(invoice.history)}
    if invoice.network:
        kept["delivery"] = {"network": invoice.network}
    if invoice.error:
        kept["error"] = dict(invoice.error)
    return kept


def resource(invoice: Invoice, *, amount: str, payment: str) -> Json:
    """`InvoiceResource`, every key of it; `amount` names the total that `amount` is."""
    return {
        "id": invoice.id,
        "company_id": invoice.company,
        "user_id": None,
        "state": invoice.state,
        "direction": "outgoing",
        "amount": invoice.total(amount),
        "currency": invoice.ubl["header"]["currency"],
        "ubl_version": "2.1",
        "ubl_json": invoice.ubl,
        "metadata_json": metadata(invoice),
        "delivery_network_id": invoice.network,
        "business_entity_id": invoice.entity,
        "related_invoice_id": invoice.related,
        "payment_status": payment,
        "total_paid_cents": invoice.paid,
        "is_test": not invoice.live,
        "created_at": iso(invoice.created_at),
        "updated_at": iso(invoice.updated_at),
        "deleted_at": None if invoice.deleted_at is None else iso(invoice.deleted_at),
    }


def at(body: Any, path: str) -> Any:
    """What stands at `header.notes.0`, or None."""
    for name in path.split("."):
        if isinstance(body, list) and name.isdigit() and int(name) < len(body):
            body = body[int(name)]
        elif isinstance(body, dict):
            body = body.get(name)
        else:
            return None
    return body


def reference_in(body: Any, paths: tuple[str, ...]) -> str | None:
    """The first of these paths at which a text stands."""
    found = (at(body, path) for path in paths)
    return next((text for text in found if isinstance(text, str) and text), None)


class Unparsable(ValueError):
    """Not a UBL document, or not one that is understood here."""


def from_xml(body: bytes) -> Json:
    """The body that create would take for a UBL document: the few fields a test needs.

    Sums are not taken from it but computed anew, and the rest is for `create` to check.
    """
    # A document type is of no use here and would let entities grow without end.
    if b"<!DOCTYPE" in body:
        raise Unparsable("document types are not taken")
    try:
        root = ElementTree.fromstring(body)  # noqa: S314
        return _read(root)
    except (ElementTree.ParseError, InvalidOperation, ValueError) as error:
        raise Unparsable(str(error)) from None


def _read(root: ElementTree.Element) -> Json:
    kind = re.sub("{.*}", "", root.tag)
    if kind not in ("Invoice", "CreditNote"):
        raise Unparsable(f"{kind} is not a UBL invoice")
    party = "AccountingCustomerParty/Party/"
    endpoint = _find(root, f"{party}EndpointID")
    issued, due = _text(root, "IssueDate"), _text(root, "DueDate")
    return {
        "header": {
            "invoice_number": _text(root, "ID"),
            "invoice_type_code": _text(root, f"{kind}TypeCode"),
            "currency": _text(root, "DocumentCurrencyCode"),
            "issue_date": issued and f"{issued}T00:00:00Z",
            "due_date": due and f"{due}T00:00:00Z",
            "buyer_reference": _text(root, "BuyerReference"),
        },
        "buyer": {
            "name": _text(root, f"{party}PartyName/Name")
            or _text(root, f"{party}PartyLegalEntity/RegistrationName"),
            "endpoint_id": {
                "scheme": None if endpoint is None else endpoint.get("schemeID"),
                "value": None if endpoint is None else endpoint.text,
            },
            "address": {"country": _text(root, f"{party}PostalAddress/Country/IdentificationCode")},
        },
        "items": [*_items(root, kind)],
    }


def _items(root: ElementTree.Element, kind: str) -> Iterator[Json]:
    quantity = "InvoicedQuantity" if kind == "Invoice" else "CreditedQuantity"
    for line in root.findall(f"{{*}}{kind}Line"):
        category = "Item/ClassifiedTaxCategory/"
        yield {
            "id": _text(line, "ID"),
            "name": _text(line, "Item/Name"),
            "price": half_up(Decimal(_text(line, "Price/PriceAmount") or "") * 100),
            "quantity": Decimal(_text(line, quantity) or ""),
            "tax_category": _text(line, f"{category}ID"),
            "tax_rate": Decimal(_text(line, f"{category}Percent") or "0"),
        }


def _find(element: ElementTree.Element, path: str) -> ElementTree.Element | None:
    return element.find("/".join(f"{{*}}{name}" for name in path.split("/")))


def _text(element: ElementTree.Element, path: str) -> str | None:
    found = _find(element, path)
    return None if found is None else found.text

"""Invoices that tests start from. The buyer is one that every stand-in knows."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from invoicing.document import Document, Line, Party, Vat
from invoicing.request import InvoiceRequest, OrderRequest
from invoicing.state.order import Deliver, request_of
from invoicing.state.order_ledger import Ledger
from sandbox import zero_friction as zf


def a_line(number: int = 1, **changes: Any) -> Line:
    """One line at 21 %: 3 × 19.99 = 59.97, with 12.59 VAT."""
    return Line(
        **{
            "id": str(number),
            "name": "Meter replacement",
            "quantity": Decimal(3),
            "unit_price": Decimal("19.99"),
            "vat": Vat(rate=Decimal(21)),
            **changes,
        }
    )


def a_document(**changes: Any) -> Document:
    """Two lines at two rates: net 109.47, VAT 15.56, gross 125.03."""
    return Document(
        **{
            "currency": "EUR",
            "issue_date": date(2026, 6, 30),
            "due_date": date(2026, 7, 30),
            "buyer": Party(name="Canary Energy BV", account_number="K-1001"),
            "lines": (
                a_line(1),
                a_line(
                    2, quantity=Decimal("1.5"), unit_price=Decimal(33), vat=Vat(rate=Decimal(6))
                ),
            ),
            **changes,
        }
    )


def an_invoice(reference: str, **changes: Any) -> InvoiceRequest:
    """A request for an ordinary invoice, to be sent.

    Two tax codes hold at 6 % on its date, so it has to say which one line 2 means.
    """
    document = a_document(**changes.pop("document", {}))
    return InvoiceRequest(
        **{
            "reference": reference,
            "provider": "zero_friction",
            "document": document,
            "options": {"lines": {"2": {"tax_code": {"id": zf.TaxCodes.REDUCED}}}},
            **changes,
        }
    )


def delivered(order: OrderRequest, wanted: Deliver) -> InvoiceRequest:
    """What this delivery asks for, were it the first of the order."""
    ledger = Ledger.of(order.document).reserve(wanted.lines, wanted.delivery, wanted.quantities)
    return request_of(order, wanted, ledger.held(wanted.delivery))

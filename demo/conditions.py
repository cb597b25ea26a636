"""When it is somebody's turn: what an invoice or an order looks like then."""

from __future__ import annotations

from demo.story import OrderCondition
from invoicing.invoice import Invoice, LineStatus, Status
from invoicing.order import Order, OrderStatus
from invoicing.provider import PaymentStatus


def parked(invoice: Invoice) -> bool:
    """It waits for a person's answer."""
    return invoice.problem is not None


def held(invoice: Invoice) -> bool:
    """It waits for a release."""
    return invoice.status is Status.HELD


def unpaid(invoice: Invoice) -> bool:
    """It is out, and waits for the buyer's money."""
    return invoice.waiting is not None and invoice.waiting.what == "payment"


def on_its_way(invoice: Invoice) -> bool:
    """It is out, and has not arrived yet."""
    return invoice.waiting is not None and invoice.waiting.what == "delivery"


def partly_paid(invoice: Invoice) -> bool:
    """Some of the money is known to be there."""
    return invoice.payment is PaymentStatus.PARTLY_PAID


def confirmed(order: Order) -> bool:
    """The provider has said yes to it."""
    return order.status is OrderStatus.OPEN


def invoiced(line: str) -> OrderCondition:
    """This line is on a final invoice."""
    final = (LineStatus.INVOICED, LineStatus.SETTLED)
    return lambda order: line in order.ledger.with_status(*final)

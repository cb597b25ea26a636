"""When it is somebody's turn: what an invoice or an order looks like then."""

from __future__ import annotations

from demo.story import OrderCondition
from invoicing.provider import PaymentStatus
from invoicing.state.invoice import Invoice, LineStatus, Status
from invoicing.state.order import Order, OrderStatus


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


def money_went_back(invoice: Invoice) -> bool:
    """It was paid, and is to be paid again."""
    return bool(invoice.balance and invoice.balance.left and not invoice.balance.paid)


def confirmed(order: Order) -> bool:
    """The provider has said yes to it."""
    return order.status is OrderStatus.OPEN


_FINAL = (LineStatus.INVOICED, LineStatus.SETTLED)


def invoiced(line: str) -> OrderCondition:
    """This line is on a final invoice."""
    return lambda order: line in order.ledger.with_status(*_FINAL)


def units_invoiced(line: str, units: int) -> OrderCondition:
    """So many units of this line are on final invoices."""

    def met(order: Order) -> bool:
        parts = (one for one in order.ledger.lines if one.id == line and one.status in _FINAL)
        return sum(one.units or 0 for one in parts) >= units

    return met

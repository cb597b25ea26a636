"""An order, its lines and its deliveries."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from invoicing.state.invoice import LineStatus
from invoicing.state.order import Order
from terminal.drawing import fact_table, plain, table_of


def order_facts(order: Order) -> Table:
    """One order, fact by fact, and what is wrong with it."""
    sums, waiting, problem = order.amounts, order.waiting, order.problem
    rows = {
        "Order": order.reference,
        "Status": order.status,
        "Waits for": waiting and str(waiting),
        "Goal": order.goal,
        "Provider": f"{order.provider}, account {order.account}",
        "There": order.provider_status,
        "Provider's id": order.provider_id,
        "Net + VAT = gross": sums and f"{sums.net} + {sums.vat} = {sums.gross} {sums.currency}",
        "Needs attention": problem and f"{problem.what} ({problem.question})",
    }
    table = fact_table(rows)
    for field in problem.fields if problem else ():
        table.add_row("", plain(field))
    return table


def ledger(order: Order) -> Table:
    """Every line of an order, or part of one: how many units, what they come to, who has them."""
    table = table_of("Line", "Units", "Amount", "Status", "By", "Number")
    for line in order.ledger.lines:
        style = "" if line.status in (LineStatus.OPEN, LineStatus.RESERVED) else "green"
        units = "" if line.units is None else f"{line.units.normalize():f}"
        amount = "" if line.amount is None else str(line.amount)
        who = (plain(line.holder or ""), plain(line.number or ""))
        table.add_row(plain(line.id), units, amount, Text(line.status, style=style), *who)
    return table


def deliveries(order: Order) -> Table:
    """Every delivery of an order, and its invoice."""
    table = table_of("Delivery", "Invoice", "Status", "Number", "Lines")
    for one in order.deliveries:
        cells = (one.delivery, one.reference, one.status, one.number or "", ", ".join(one.lines))
        table.add_row(*map(plain, cells))
    return table

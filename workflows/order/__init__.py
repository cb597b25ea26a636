"""The life of one order: a ledger of lines, and an invoice for each delivery.

What happens to a unit of a line is decided by the ledger alone (`invoicing.state.order_ledger`);
the workflow only carries out and waits.

    workflow      what may be asked of a running order: updates, signals, queries
    story         plan → register → carry out what is asked for, until nothing is left to do
    life          what all parts share: the memory, the calls, the questions, what is shown
    parts         what was asked for in parts of a provider that takes whole lines alone
    registration  the order made known to a provider that must know it
    delivery      one delivery: its invoice, and what became of it
    cancellation  lines that will not be delivered; the whole order taken back
"""

from workflows.order.workflow import OrderWorkflow

__all__ = ["OrderWorkflow"]

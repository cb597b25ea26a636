"""The credits of one invoice: a ledger of what is left, and a credit note for each.

What may be credited is decided by the ledger alone (`invoicing.credits.credit`); a credit note is
an invoice like any other (`workflows.invoice`). The workflow only carries out and waits.

    workflow  what may be asked: updates, signals, queries
    story     decide about what is asked for, begin it, until nothing is left or nobody asks
    learning  the invoice: what of it is final, and that no cancel credits the whole meanwhile
    note      one credit note: begun, followed to its end, and what that means for the ledger
    life      what all parts share: the memory, the questions, what is shown
"""

from workflows.credit.workflow import CreditsWorkflow

__all__ = ["CreditsWorkflow"]

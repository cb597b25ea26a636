"""The amendment of an invoice: look, credit what is left of it, make the new one. In this order.

workflow  what may be asked: an update, a signal, queries
story     the three steps, until the new invoice is final or nobody has it made
asking    what other workflows of ours are asked meanwhile
life      what all parts share: the memory, the waits, what is shown
"""

from workflows.amend.workflow import AmendWorkflow

__all__ = ["AmendWorkflow"]

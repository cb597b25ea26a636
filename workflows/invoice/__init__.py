"""The life of one invoice. `story.live` is the whole of it; each step has a file of its own.

workflow      what may be asked of a running invoice: updates, signals, queries
story         plan → look up → create draft → attach → check → approve → send → track → end
life          what all steps share: the memory, the calls, the waits, the questions
planning      the request checked by the adaptor, master data looked up
draft         created once, confirmed, documents attached, taken away again
searching     which invoices of ours are there; strays removed
looking       our own invoice as it is now, and whether its figures are ours
acting        look, act once, look again; the last guards before an irreversible call
approval      checked to the cent, made final
sending       sent once, followed to its goal
taking_back   a cancel, in the form that the stage asks for
closing       after the end: what takes effect late is found and tidied up
"""

from workflows.invoice.workflow import InvoiceWorkflow

__all__ = ["InvoiceWorkflow"]

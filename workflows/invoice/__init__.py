"""The life of one invoice. `story.live` is the whole of it; each step has a file of its own.

workflow      what may be asked of a running invoice: updates, signals, queries
instructions  what people want of it: may it be wanted now, what it changes in the memory
story         plan → claim → look up → create draft → confirm → update → attach → check → approve →
              send → track → be alone → end
life          what all steps share: the memory, the calls, the waits, the questions
inheritance   what people said that a successor must know, in the memo
calls         the provider's verbs as durable calls
failing       calls that failed and changed nothing: waited on by name, then asked about
asking        questions to a person, and what their answers have in common
claiming      the reference claimed in the register; what an earlier life left
planning      the request checked by the adaptor, master data looked up
draft         created once, confirmed, documents attached
searching     which invoices carry our reference; those too many removed
looking       our own invoice as it is now, and whether its figures are ours
acting        look, act once, look again; the last guards before an irreversible call
approval      checked to the cent, made final
sending       sent once, followed to its goal
taking_back   a cancel, in the form that the stage asks for
correcting    a draft corrected: updated where it stands, or deleted; deleted for a cancel, too
consenting    what needs two people, and whoever was first
filing        its document asked for, where documents are kept
closing       after the end: what takes effect late is found and removed
hearing       the very last: whatever hears of its money is begun

A step that had to wait never goes on to a call: it looks again first. So most checks here that may
wait or ask (`may_go`, `late_effects_are_over`, `_must_look_again`) answer with a bool, and the loop
around them goes round again.
"""

from workflows.invoice.workflow import InvoiceWorkflow

__all__ = ["InvoiceWorkflow"]

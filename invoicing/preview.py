"""What would become of a request: found out by planning and looking up, creating nothing."""

from __future__ import annotations

from datetime import timedelta

from invoicing.errors import FieldProblem
from invoicing.model import Recorded
from invoicing.request import Goal
from invoicing.totals import Totals

PREVIEW_WORKFLOW = "PreviewWorkflow"

PREVIEW_TIMEOUT = timedelta(minutes=2)
"""After which it ends by itself: nobody waits for a preview that nobody serves."""


class Preview(Recorded):
    """The result: our own totals as this provider rounds them, and what stands in the way.

    `totals` is None when the request was refused before it could be planned.
    """

    reference: str
    provider: str
    account: str
    goal: Goal
    totals: Totals | None = None
    looked_up: tuple[str, ...] = ()
    """The look-ups that the provider answered."""
    problem: str = ""
    """What is wrong, in a sentence; empty: nothing stands in the way."""
    fields: tuple[FieldProblem, ...] = ()
    """What is wrong field by field, the provider's words included."""
    may_pass: bool = False
    """Whether the same request may be answered otherwise later: the provider gave no usable answer,
    or refused the account's credentials."""

"""Mollie: the credit note of one of our invoices.

It is no resource: the invoice is cancelled, which is a full credit note, and no call shows that
apart from the invoice. So the note is the invoice seen as credited. Partial ones are made by people
in the dashboard alone.
"""

from __future__ import annotations

from datetime import timedelta

from invoicing.provider import Plan, Snapshot, Stage, Target
from invoicing.request import Goal, InvoiceRequest
from invoicing.totals import totals
from providers.kit.mistakes import Mistakes
from providers.mollie.check import echoes
from providers.mollie.settings import NAME, MollieSettings
from providers.mollie.states import Context

NOTE = "credit-note"
"""What the id of a credit note ends in, after the invoice's: it has none of its own."""


def credit_plan(request: InvoiceRequest, settings: MollieSettings, mistakes: Mistakes) -> Plan:
    """Of a request with `credits`. Raises as `plan` does."""
    if request.credits is None:
        raise ValueError("not a request for a credit note")
    document = request.document
    if document.number:
        mistakes.unoffered("document.number", "left out: a credit note has no number of its own")
    if request.goal is Goal.DELIVERED:
        message = (
            "whether a credit note is delivered cannot be seen here: name the goal sent in the "
            "credit, under another name"
        )
        mistakes.unoffered("goal", message)
    mistakes.settle(NAME)
    sums = totals(document, settings.vat_rounding)
    known = Context.model_validate(request.credits.context)
    return Plan(
        totals=sums,
        echoes=echoes(sums),
        find_first=True,
        sent_by="create",
        call_timeout=timedelta(seconds=2 * settings.timeout),
        buyer=known.recipient,
        context=Context(credits=request.credits.provider_id).given(),
    )


def as_credit_note(invoice: Snapshot, target: Target | None) -> Snapshot:
    """The invoice as its credit note: there once it is credited, and nothing more comes of it.

    Its day and its number are the invoice's, so neither is told. `target` is ours; None in a list,
    where nobody knows who asked.
    """
    known = {Stage.CREDITED: Stage.SENT, Stage.UNKNOWN: Stage.UNKNOWN}
    stage = known.get(invoice.stage, Stage.DRAFTING)
    unsaid = {"issue_date": None, "due_date": None, "due": None, "number": None}
    return Snapshot(
        provider_id=f"{invoice.provider_id}/{NOTE}",
        stage=stage,
        status=invoice.status,
        echo=invoice.echo and invoice.echo.model_copy(update=unsaid),
        reference=target.reference if target and stage is Stage.SENT else None,
    )

"""Zero Friction: the credit note of one of our invoices.

It is not written: one call on the invoice credits the whole of it, and the invoice then names its
credit note, an invoice of its own. Unknown: whether that is final at once or must be approved,
whether its amounts are negative, whether it carries the invoice's reference. All of it will do.
"""

from __future__ import annotations

from datetime import timedelta

from invoicing.provider import Echo, Figure, Plan, Snapshot, Stage, Target
from invoicing.request import Goal, InvoiceRequest
from invoicing.totals import totals
from providers.kit.mistakes import Mistakes
from providers.zero_friction.options import ZeroFrictionOptions
from providers.zero_friction.settings import NAME, ZeroFrictionSettings
from providers.zero_friction.states import PACES, Context, CreditedId

THEIR_DAYS = (Figure.ISSUE_DATE, Figure.DUE_DATE)


def credit_plan(
    request: InvoiceRequest,
    options: ZeroFrictionOptions,
    settings: ZeroFrictionSettings,
    mistakes: Mistakes,
) -> Plan:
    """Of a request with `credits`: nothing is looked up, for nothing of the document is written.

    Raises as `plan` does.
    """
    if request.credits is None:
        raise ValueError("not a request for a credit note")
    document = request.document
    if document.number:
        message = "left out: the provider numbers a credit note that it makes of an invoice"
        mistakes.unoffered("document.number", message)
    if request.goal is Goal.DELIVERED:
        mistakes.unoffered("goal", "delivery cannot be seen here; ask for sent")
    mistakes.settle(NAME)
    known = Context.model_validate(request.credits.context)
    credited = CreditedId(
        id=request.credits.provider_id,
        reference=request.credits.reference,
        negative=request.credits.gross < 0,
    )
    return Plan(
        totals=totals(document, "line"),
        echoes=(Figure.NET, Figure.VAT, Figure.GROSS),
        find_first=True,
        sent_by="create",
        theirs=THEIR_DAYS,
        paces=PACES,
        # A search reads two invoices, and each call may need a token, see it refused, need another.
        call_timeout=timedelta(seconds=8 * settings.timeout),
        buyer=known.customer_id,
        context=Context(
            invoice_date=settings.start(document.issue_date).isoformat(),
            channel=options.channel,
            credits=credited,
        ).given(),
    )


def as_credit_note(told: Snapshot, credited: CreditedId, target: Target) -> Snapshot:
    """What is told of the credit note, as of one that we have asked for: its amounts with the sign
    that ours have, and the invoice's reference, which it may have copied, as ours."""
    copied = told.reference == credited.reference
    return told.model_copy(
        update={
            "echo": told.echo and _as_ours(told.echo, credited, told.stage),
            "reference": target.reference if copied else told.reference,
        }
    )


def _as_ours(echo: Echo, credited: CreditedId, stage: Stage) -> Echo:
    """Days of a credit note that is not final are not those it will bear."""
    days = {} if stage.reached(Stage.APPROVED) else {"issue_date": None, "due_date": None}
    if not echo.gross or (echo.gross < 0) == credited.negative:
        return echo.model_copy(update=days)
    amounts = {
        name: None if amount is None else -amount
        for name, amount in (("net", echo.net), ("gross", echo.gross), ("due", echo.due))
    }
    vat = echo.vat and {rate: -amount for rate, amount in echo.vat.items()}
    return echo.model_copy(update={**days, **amounts, "vat": vat})

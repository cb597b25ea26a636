"""Riverty: a credit of one of our invoices, a goodwill or a return of lines of its order.

It is one request, judged later by a notification, as every other. Its reference is ours. An amount
that is on no line has no place in one: every item names a line of the order.
"""

from __future__ import annotations

from datetime import timedelta

from pydantic import JsonValue

from invoicing.provider import Plan, Snapshot, Stage, Target
from invoicing.request import InvoiceRequest
from invoicing.totals import Totals, totals
from providers.kit.mistakes import Mistakes
from providers.riverty.check import MOST_CREDITED, check_goal
from providers.riverty.encode import as_text, derived, items_of, priced
from providers.riverty.options import RivertyOptions
from providers.riverty.settings import NAME, RivertySettings
from providers.riverty.states import (
    CREDITED,
    PACES,
    Context,
    Credit,
    Paid,
    bare,
    content_of,
    request_id,
)

ON_NO_LINE = "is on no line of the order, so it has no place here: credit lines or units of them"
MOST_REFERENCE = 30


def credit_plan(
    request: InvoiceRequest, options: RivertyOptions, settings: RivertySettings, mistakes: Mistakes
) -> Plan:
    """Of a request with `credits`. Raises as `plan` does."""
    if request.credits is None:
        raise ValueError("not a request for a credit note")
    check_goal(request.goal, mistakes)
    sums = totals(request.document, "line")
    known = Context.model_validate(request.credits.context)
    items = _items(request, known, options, sums, settings, mistakes)
    number = request.document.number
    if number and len(number) > MOST_REFERENCE:
        mistakes.wrong("document.number", f"at most {MOST_REFERENCE} characters here")
    mistakes.settle(NAME)
    goodwill = options.credit == "goodwill"
    credit = Credit(
        verb=options.credit,
        reason=options.goodwill_reason if goodwill else options.return_reason,
        reference=number or f"CR{derived('credit', request.reference)}",
        items=items,
    )
    context = known.model_copy(
        update={
            "slots": {},
            "paid": Paid(),
            "documents": (),
            "news": (),
            "credit": credit,
            "is_credit": True,
        }
    )
    target = Target(account=request.account, reference=request.reference)
    sent_under = request_id(target, credit.verb, content_of(context, credit.verb), 0)
    return Plan(
        totals=sums,
        echoes=(),
        uncertain="repeat",
        sent_by="create",
        # Known before the call goes out, so that a verdict at once finds the credit.
        keys=(bare(sent_under),),
        paces=PACES,
        call_timeout=timedelta(seconds=settings.timeout),
        context=context.given(),
    )


def _items(
    request: InvoiceRequest,
    known: Context,
    options: RivertyOptions,
    sums: Totals,
    settings: RivertySettings,
    mistakes: Mistakes,
) -> tuple[dict[str, JsonValue], ...]:
    document = request.document
    if known.credit is None:
        message = f"the invoice has more than {MOST_CREDITED} lines: credit it there by hand"
        mistakes.unoffered("document.lines", message)
        return ()
    places = {str(item["line"]): item["orderItemReference"] for item in known.credit.items}
    for name in ("allowances", "charges"):
        if getattr(document, name):
            mistakes.unoffered(f"document.{name}", ON_NO_LINE)
    for index, (line, total) in enumerate(zip(document.lines, sums.lines, strict=True)):
        if line.id not in places:
            mistakes.unoffered(f"document.lines[{index}]", ON_NO_LINE)
        elif priced(line, total, options.line(line), settings) is None:
            message = "no price with so few decimals comes to this part: credit the whole line"
            mistakes.unoffered(f"document.lines[{index}].unit_price", message)
    encoded = items_of(document, sums, options, settings)
    return tuple(
        {
            "orderItemReference": places.get(line.id, 0),
            "line": line.id,
            **{name: as_text(item[name]) for name in CREDITED if item.get(name) is not None},
        }
        for line, item in zip(document.lines, encoded, strict=True)
    )


def as_credit_note(told: Snapshot, context: Context, target: Target) -> Snapshot:
    """The credit by the verdict on it: done is all that becomes of one."""
    credit = context.credit
    if credit is None:
        raise ValueError("not a credit")
    slot = context.slot(credit.verb)
    stages = {"ok": Stage.SENT, "refused": Stage.NONE, "": Stage.DRAFTING}
    stage = stages.get(slot.result, Stage.UNKNOWN)
    return told.model_copy(
        update={
            "provider_id": target.provider_id or credit.reference,
            "stage": stage,
            "number": credit.reference if stage is Stage.SENT else None,
            "keys": slot.ids,
        }
    )

"""How this provider carries a request out, by its kind."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from invoicing.consent import Consent
from invoicing.errors import FieldProblem
from invoicing.provider import Attachment, Figure, LookUp, Pace, Paces, Plan
from invoicing.request import Goal, InvoiceRequest
from simulation.documents import sums
from simulation.provider.kinds import Kind
from simulation.provider.shown import own_name

_SELDOM = Pace(
    first=timedelta(seconds=4), factor=8, cap=timedelta(hours=8), deadline=timedelta(hours=24)
)
_FOR_DAYS = Pace(
    first=timedelta(minutes=5), factor=8, cap=timedelta(days=3), deadline=timedelta(days=12)
)
PACES = Paces(
    unavailable=_SELDOM,
    drafting=_SELDOM,
    approval=_SELDOM,
    sending=_SELDOM.model_copy(update={"deadline": timedelta(days=3)}),
    delivery=_FOR_DAYS,
    payment=_FOR_DAYS,
    notices=_SELDOM,
)
"""The usual ones, with fewer looks: a life of many looks costs much and shows little."""
_UNCERTAIN: dict[str, Literal["look", "ask", "repeat"]] = {
    "looks": "look",
    "blind": "ask",
    "repeats": "repeat",
}
_ECHOES = (Figure.CURRENCY, Figure.NET, Figure.VAT, Figure.GROSS)
_LOOK_UPS = (
    (LookUp(name="customer"),),
    (LookUp(name="tax codes"), LookUp(name="products")),
)
_ATTACHMENTS = (Attachment(name="own pdf"),)


def refused(request: InvoiceRequest, kind: Kind) -> FieldProblem | None:
    """What of it cannot be had here; None: it can be made."""
    if request.goal is Goal.DRAFTED and kind.sent_by == "create":
        return FieldProblem(field="goal", message="nothing is a draft here")
    if request.credits is not None and not _takes(kind, whole=request.credits.whole):
        return FieldProblem(field="credits", message="that is not credited here")
    return None


def planned(request: InvoiceRequest, kind: Kind, *, claims: bool, rule: Consent | None) -> Plan:
    """The plan. `claims`: its worker keeps a register; `rule`: what needs two people."""
    paces = PACES
    if kind.hears:
        money = PACES.money.model_copy(update={"deadline": kind.hears})
        paces = PACES.model_copy(update={"money": money})
    return Plan.model_construct(
        totals=sums(request.document),
        echoes=_ECHOES if kind.echoes else (),
        look_ups=_LOOK_UPS[: kind.looks_up],
        find_first=kind.find_first,
        credits=kind.credits,
        uncertain=_UNCERTAIN[kind.memory],
        sent_by=kind.sent_by,
        attachments=_ATTACHMENTS if kind.attaches else (),
        paces=paces,
        claims=claims,
        keeps_document=kind.keeps and kind.papers != "none",
        consent=rule,
        fixed="all but what is written here" if kind.updates else "",
        keys=() if kind.can_look else (own_name(request.reference),),
    )


def _takes(kind: Kind, *, whole: bool) -> bool:
    return kind.takes_credits == "parts" or (whole and kind.takes_credits == "whole")

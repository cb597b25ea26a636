"""What an amendment asks of other workflows of ours, for as long as nobody answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, ChildWorkflowError
from temporalio.workflow import ParentClosePolicy

from workflows.amend.life import AmendLife
from workflows.preview import PreviewWorkflow

with workflow.unsafe.imports_passed_through():
    from activities.amending import REFUSED, TAKEN, AmendActivities
    from activities.news import Directory
    from invoicing.credits.amend import (
        AN_ANSWER,
        MOST_TRIED,
        BeginCall,
        MakeCreditCall,
        OverviewCall,
        with_precedent,
    )
    from invoicing.credits.case import Credits, CreditState, Looked, RequestedCall
    from invoicing.credits.credit import Credit
    from invoicing.errors import FieldProblem
    from invoicing.preview import PREVIEW_TIMEOUT, Preview
    from invoicing.provider import Pace
    from invoicing.request import InvoiceRequest
    from invoicing.state.identity import digest, fingerprint, workflow_id
    from invoicing.state.invoice import AWAY

CALL = timedelta(seconds=10)
"""Short, for a credit is decided by a workflow that itself needs a place among the calls."""
ATTEMPTS = timedelta(minutes=1)

LOOKS = Pace(
    first=timedelta(seconds=1),
    factor=1.5,
    cap=timedelta(hours=1),
    deadline=timedelta(days=3650),
)
"""How often the credit note and the new invoice are looked at. Each has deadlines of its own, and
asks its own questions; whoever asks for the amendment again has it look at once."""
AGAIN = Pace(
    first=timedelta(seconds=5),
    factor=2,
    cap=timedelta(hours=1),
    deadline=timedelta(days=30),
)
"""How often a provider that is away is asked again what would become of the new invoice."""


CANCELLED = "Temporal's Cancel has come before the new invoice was asked for"


class Refused(Exception):
    """It cannot be done as it is asked for; the sentence says why."""

    def __init__(self, why: str, fields: tuple[FieldProblem, ...] = ()) -> None:
        super().__init__(why)
        self.fields = fields


class Taken(Refused):
    """The reference of the new invoice stands for something else: nothing was begun under it."""


async def credits_of(life: AmendLife) -> Credits:
    """What is credited of the invoice. Raises Refused where nobody knows it."""
    call = OverviewCall(reference=life.reference)
    known: Credits = await _ask(life, AmendActivities.credits_of, call, "what is left to credit")
    return known


async def make_credit(life: AmendLife, credit: Credit) -> CreditState:
    """Have it credited. Raises Refused."""
    call = MakeCreditCall(reference=life.reference, credit=credit)
    made: CreditState = await _ask(life, AmendActivities.make_credit, call, "credit it")
    return made


async def begin_invoice(life: AmendLife, request: InvoiceRequest) -> None:
    """Have the new invoice made. Raises Refused, and Taken where what stands under its reference
    cannot be ours: nothing but this was ever asked for there, and that is not it."""
    case, asked = life.case, digest(fingerprint(request))
    case.tried = tuple(dict.fromkeys((*case.tried, asked)))[-MOST_TRIED:]
    call = BeginCall(request=request, proven=case.wanted.proven)
    try:
        await _ask(life, AmendActivities.begin_invoice, call, "begin the new invoice")
    except Taken as why:
        case.tried = tuple(each for each in case.tried if each != asked)
        if case.tried:
            raise Refused(str(why)) from None
        raise


async def look(life: AmendLife, reference: str) -> Looked:
    """What an invoice's workflow says of itself."""
    call = RequestedCall(workflow_id=workflow_id(reference))
    looked: Looked = await _ask(life, Directory.requested, call, "what the invoice is")
    return looked


async def _ask(life: AmendLife, verb: Callable[..., Any], call: object, summary: str) -> Any:
    while True:
        try:
            answer = await workflow.execute_activity_method(
                verb,
                call,
                summary=summary,
                start_to_close_timeout=CALL,
                schedule_to_close_timeout=ATTEMPTS,
                retry_policy=RetryPolicy(maximum_interval=timedelta(seconds=10)),
            )
        except ActivityError as error:
            cause = error.cause
            if isinstance(cause, ApplicationError) and (refusal := _REFUSALS.get(cause.type or "")):
                raise refusal(cause.message) from None
            await life.pause(AN_ANSWER, LOOKS, on="time")
        else:
            return answer


_REFUSALS: Mapping[str, type[Refused]] = {REFUSED: Refused, TAKEN: Taken}


async def planned(life: AmendLife) -> InvoiceRequest:
    """The new invoice as its provider would make it, found out without making anything: with the
    invoice that it takes the place of, where there is a place for that.

    Raises Refused with what is wrong or where it is given up before a provider that is away has
    answered, and Overdue where nobody answered for as long as AGAIN says.
    """
    bare = life.case.wanted.invoice
    named = with_precedent(bare, life.case.precedent)
    seen = await _preview(life, named)
    if any(each.field.startswith(_PRECEDENTS) for each in seen.fields) and named is not bare:
        named = bare
        seen = await _preview(life, named)
    if seen.problem:
        raise Refused(seen.problem, seen.fields)
    return named


_PRECEDENTS = "document.precedents"


async def _preview(life: AmendLife, request: InvoiceRequest) -> Preview:
    while True:
        try:
            seen: Preview = await workflow.execute_child_workflow(
                PreviewWorkflow.run,
                request,
                id=f"preview/{request.reference}/{workflow.uuid4()}",
                execution_timeout=PREVIEW_TIMEOUT,
                parent_close_policy=ParentClosePolicy.ABANDON,
                static_summary=f"{request.provider} · preview, creates nothing",
            )
        except ChildWorkflowError:
            pass
        else:
            if not seen.may_pass:
                return seen
        if life.case.given_up:
            raise Refused(CANCELLED)
        await life.pause(AWAY, AGAIN)

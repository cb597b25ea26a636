"""The reference claimed in the register, before anything is made; and what an earlier life left."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError

from workflows.invoice.asking import ask_about
from workflows.invoice.inheritance import corrections_are_known, inherit, leave_word
from workflows.invoice.life import Life
from workflows.kit.calls import Kind, Trouble, answers
from workflows.kit.endings import Ended, Overdue, StartOver
from workflows.kit.recorder import ask_claim, claimed_at_once

with workflow.unsafe.imports_passed_through():
    from activities.news import Directory
    from invoicing.books.claims import ClaimCall, Claimed, Correction, Word
    from invoicing.provider import PaymentStatus, Stage
    from invoicing.request import InvoiceRequest
    from invoicing.state.doubt import CREATE, Doubt
    from invoicing.state.identity import MEMO, content, fingerprint
    from invoicing.state.invoice import CLAIM, Problem, Status
    from invoicing.state.lives import Earlier
    from invoicing.state.questions import Answer, Reason
    from invoicing.state.recording import Row


CALL = timedelta(seconds=30)


async def claim(life: Life) -> None:
    """Claim the reference for what is asked for now. Does nothing where there is no register.

    Raises Ended where the reference stands for other content, or for an invoice that has ended;
    StartOver where the draft that an earlier life left may have other content, and where a person
    had corrected what is asked for.
    """
    if life.plan.claims and life.case.claimed != life.content:
        await _claim(life)
        if life.case.correcting:
            raise StartOver


async def _claim(life: Life) -> None:
    first = not life.case.claimed
    claimed = await _answered(life)
    if first and _takes_on_correction(life, claimed):
        raise StartOver
    life.case.claimed = life.content
    if first:
        _take(life, claimed)


def _takes_on_correction(life: Life, claimed: Claimed) -> bool:
    """Whether an earlier life made it from something else than this one would: so does this one,
    from here on."""
    case, known = life.case, _made_from(life, claimed)
    if known is None:
        return False
    given = {"document": known.document, "options": known.options}
    life.replace(life.request.model_copy(update=given))
    case.corrected, case.corrected_alone = True, known.alone
    case.plan, case.looked_up, case.correcting = None, False, False
    corrections_are_known(case, life.request)
    life.note("it is what it was made from in a life that is over")
    return True


def _made_from(life: Life, claimed: Claimed) -> Correction | None:
    """What it was made from before; None where that is what is asked for now, or nobody knows."""
    last, left = claimed.correction, claimed.left
    if life.case.corrected:
        # Said by a person in this life, who did not know that it has ended long ago.
        known = last or _of(life.begun_with)
        other = claimed.word is Word.KNOWN and known.content != life.content
        return known if other and known.content in claimed.contents else None
    # A later correction that the register was not told of is unknown: then it is held.
    is_last = last is not None and (left is None or left.wanted in ("", last.content))
    return last if is_last else None


async def claim_before_taking_back(life: Life) -> None:
    """A cancel must know what the reference stands for, too: an earlier life may have made it."""
    if not life.case.claimed and await _claims(life):
        await _claim(life)


async def _claims(life: Life) -> bool:
    """Whether there is a register. A cancel does not wait for a plan, to be told: who makes plans
    may be away for long, and then nothing is made."""
    if life.case.plan is not None:
        return life.plan.claims
    claims: bool = await workflow.execute_activity_method(
        Directory.claims,
        summary="is there a register?",
        start_to_close_timeout=CALL,
        retry_policy=RetryPolicy(maximum_interval=CALL),
    )
    return claims


async def _answered(life: Life) -> Claimed:
    call = ClaimCall(
        kind="invoice",
        reference=life.request.reference,
        fingerprint=_asked_for_first(life),
        content=life.content,
        correction=_correction(life),
        claimant=workflow.info().first_execution_run_id,
        namespace=workflow.info().namespace,
        at=workflow.now(),
    )
    claimed = await claimed_at_once(call)
    while claimed is None:
        try:
            (claimed,) = await answers((ask_claim(call),), lambda: life.cancel_pending)
        except Trouble:
            await _wait(life)
    life.waits.over()
    return claimed


def _correction(life: Life) -> Correction | None:
    if not life.case.corrected:
        return None
    return _of(life.request).model_copy(update={"alone": life.case.corrected_alone})


def _of(request: InvoiceRequest) -> Correction:
    made = content(fingerprint(request))
    return Correction(document=request.document, options=request.options, content=made)


def _asked_for_first(life: Life) -> dict[str, str]:
    """What a caller asks for again is the first request, whatever a person has corrected since."""
    now = fingerprint(life.request)
    if not life.case.corrected:
        return now
    return workflow.memo_value(MEMO, default=now, type_hint=dict[str, str])


async def _wait(life: Life) -> None:
    try:
        await life.waits.pause(CLAIM, life.paces.unavailable, on="register")
    except Overdue:
        what = "the register, without which nothing is made, gives no answer: is it up?"
        await ask_about(life, Trouble(Kind.UNAVAILABLE, what), (Answer.RETRY,))


def _take(life: Life, claimed: Claimed) -> None:
    case, left = life.case, claimed.left
    if claimed.word in (Word.REFUSED, Word.KNOWN):
        # Nothing has become of the invoice that a subscriber was not told by its own life.
        life.outbox.close()
    if claimed.word is Word.REFUSED:
        _end_refused(life, claimed)
    case.known_before = claimed.word is Word.KNOWN
    case.known_as = None if left and left.heard_enough else claimed.before
    case.credited_before = claimed.credited_by
    if claimed.word is Word.KNOWN and left is not None:
        _adopt(life, left)
        case.in_parts |= bool(claimed.credited_by)
        _go_on_looking(life, claimed, left)
        life.note(f"the register knows it: {left.outcome}")
        if case.cancel is not None:
            life.keep()
        raise Ended(Status(left.outcome))
    if claimed.word is not Word.GRANTED:
        _inherit(life, claimed)
        life.note(f"begun before, in a life that is over: {left.status if left else 'unknown'}")
    life.recorder.begin()


def _go_on_looking(life: Life, claimed: Claimed, left: Row) -> None:
    """Its life has ended, and was cut off while it looked for what a lost create may do late."""
    if left.may_come_until is None or left.may_come_until <= workflow.now():
        return
    doubt = Doubt.begun_again(workflow.now(), claimed.contents)
    life.case.doubt = doubt.planned(life.paces.effect)


def _inherit(life: Life, claimed: Claimed) -> None:
    """What an earlier life may have asked for is in doubt, and what it knew of is gone on with."""
    case, left = life.case, claimed.left or Row(provider="", account="", goal="", status="")
    known = (one.content for one in case.doubt.calls if one.verb == CREATE)
    # What it was corrected to is gone on with. Else nobody here knows it: the row says that it was
    # corrected, or a claim that the row is older than.
    corrected = not case.corrected and (left.corrected or len(claimed.contents) > 1)
    on = claimed.word is Word.GOES_ON
    # What people said of one that came to its own end has been carried out.
    unfinished = on and (not left.ended or left.outcome == Status.EXPIRED)
    earlier = Earlier(
        ended=workflow.now(),
        contents=tuple(dict.fromkeys((*claimed.contents, *known))),
        cancelled=unfinished and left.cancelling,
        held=unfinished and left.held,
        corrected=unfinished and corrected,
        in_parts=bool(claimed.credited_by),
    )
    inherit(case, earlier)
    leave_word(case)
    case.doubt = case.doubt.planned(life.paces.effect).without(left.foreign)
    if on:
        there = left.provider_id is not None and left.stage != Stage.DELETED
        if there:
            _adopt(life, left)
            if case.blind and case.stage is Stage.DRAFTED:
                # The row may be from before the approval, and no look shows whether that went out.
                case.doubt = case.doubt.begun("approve", workflow.now())
            # An update of it may have been lost, and the figures of both may be the same.
            is_of = left.draft == life.content or case.doubt.is_of(life.content)
            # What is final is not taken away unasked, but it is not what was corrected just now.
            case.correcting = not is_of and (case.corrected or not case.was_final)
        else:
            # The names of those before were used up, and what may be under way has this one.
            case.generation = left.generation
    else:
        # A provider that knows an invoice by our name for it refuses the name of one that is over.
        given_up = left.provider_id is not None and not left.in_doubt
        case.generation = left.generation + given_up


def _adopt(life: Life, left: Row) -> None:
    case = life.case
    case.provider_id, case.number = left.provider_id, left.number
    case.stage = Stage(left.stage or Stage.NONE)
    case.payment = PaymentStatus(left.payment or PaymentStatus.UNKNOWN)
    case.provider_status = left.provider_status
    case.generation = left.generation
    case.context = {**case.context, **left.context}
    case.keys, case.attached, case.without = left.keys, left.attached, left.without
    case.tolerated, case.money, case.most_paid = left.tolerated, left.money, left.most_paid
    case.credits, case.credited = left.credited_so_far, case.stage is Stage.CREDITED


def _end_refused(life: Life, claimed: Claimed) -> None:
    problem = Problem(reason=Reason.REJECTED, what=claimed.why, fields=claimed.fields)
    life.case.problem, life.case.reference_taken = problem, True
    failure = ApplicationError(
        f"{life.request.reference}: {claimed.why}",
        *claimed.fields,
        type=Kind.REJECTED.value,
        non_retryable=True,
    )
    raise Ended(Status.REJECTED, failure)

"""The request checked by the adaptor, and what it needs of the provider's master data."""

from __future__ import annotations

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from workflows.invoice.asking import ask_about
from workflows.invoice.consenting import hold_by_the_rule, stand_by_the_rule
from workflows.invoice.failing import asked
from workflows.invoice.life import Life
from workflows.kit.calls import Kind, Trouble, answers
from workflows.kit.endings import Ended

with workflow.unsafe.imports_passed_through():
    from invoicing.errors import TooLarge
    from invoicing.provider import Found, LookUp, Plan
    from invoicing.state.bounds import refuse_context, refuse_plan, refuse_too_large
    from invoicing.state.doubt import CREATE
    from invoicing.state.invoice import Problem, Status
    from invoicing.state.questions import Answer, Reason


async def plan(life: Life) -> None:
    """Have the adaptor check the request and say how it will be carried out."""
    while life.case.plan is None:
        try:
            # A plain SDK can start it without the checks of our client and gateway.
            _refuse_if_too_large(life)
            (made,) = await answers((life.calls.plan(life.request),), lambda: life.cancel_pending)
        except Trouble as problem:
            await _not_planned(life, problem)
        else:
            await _take(life, made)


async def plan_anew(life: Life) -> Plan | None:
    """How the corrected request would be carried out, while the plan that there is stands; None
    where the adaptor refuses it."""
    try:
        _refuse_if_too_large(life)
        (made,) = await answers((life.calls.plan(life.request),), lambda: life.cancel_pending)
        refuse_plan(made)
        _refuse_other_sums(life, made)
    except (Trouble, TooLarge):
        return None
    return made


async def look_up(life: Life) -> None:
    """Find customer, VAT codes and the like at the provider. Look-ups of one wave run together."""
    while not life.case.looked_up:
        try:
            for wave in life.plan.look_ups:
                await _look_up_wave(life, wave)
        except Trouble as problem:
            await ask_about(life, problem, (Answer.RETRY, Answer.CORRECT))
        else:
            life.case.looked_up = True


def _refuse_if_too_large(life: Life) -> None:
    try:
        refuse_too_large(life.request)
    except TooLarge as error:
        raise Trouble(Kind.REJECTED, str(error)) from None


def _refuse_if_too_much_was_learned(life: Life, found: Found) -> None:
    try:
        refuse_context(life.case.context, found.context)
    except TooLarge as error:
        raise Trouble(Kind.REJECTED, str(error)) from None


async def _take(life: Life, made: Plan) -> None:
    try:
        refuse_plan(made)
        _refuse_other_sums(life, made)
    except TooLarge as error:
        await _not_planned(life, Trouble(Kind.REJECTED, str(error)))
        return
    except Trouble as problem:
        await _not_planned(life, problem)
        return
    follow(life, made)


def follow(life: Life, made: Plan) -> None:
    """From now on it is carried out like this."""
    case = life.case
    case.plan, case.context, case.buyer, case.keys = made, made.context, made.buyer, made.keys
    life.follow(made)
    hold_by_the_rule(life, made)
    stand_by_the_rule(life)


def _refuse_other_sums(life: Life, made: Plan) -> None:
    """A credit comes to what its invoice's ledger has reserved for it, to the cent."""
    wanted, sums = life.request.credits, made.totals
    if wanted and (wanted.net, wanted.vat, wanted.gross) != (sums.net, sums.vat, sums.gross):
        raise Trouble(
            Kind.REJECTED,
            f"the provider's adaptor makes {sums.gross} of a credit of {wanted.gross}: it rounds "
            "otherwise than for the invoice",
        )


async def _not_planned(life: Life, problem: Trouble) -> None:
    # What an earlier life may have left at the provider is still there.
    may_be_there = life.case.doubt.unanswered(CREATE)
    if not problem.final or life.case.corrected or may_be_there:
        await ask_about(life, problem, (Answer.RETRY, Answer.CORRECT))
        return
    life.outbox.close_if_unknown(problem.fields)
    life.case.problem = Problem(reason=Reason.REJECTED, what=problem.message, fields=problem.fields)
    failure = ApplicationError(
        problem.message, *problem.fields, type=problem.kind.value, non_retryable=True
    )
    raise Ended(Status.REJECTED, failure)


async def _look_up_wave(life: Life, wave: tuple[LookUp, ...]) -> None:
    def calls() -> tuple[workflow.ActivityHandle[Found], ...]:
        return tuple(life.calls.look_up(life.target, one) for one in wave)

    for found in await asked(life, calls, (Answer.RETRY, Answer.CORRECT)):
        # Each alone was held against what was known before the wave.
        _refuse_if_too_much_was_learned(life, found)
        life.case.context = {**life.case.context, **found.context}
        life.case.buyer = found.buyer or life.case.buyer

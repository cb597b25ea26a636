"""Lines that will not be delivered, and the whole order taken back."""

from __future__ import annotations

import itertools

from temporalio import workflow

from workflows.kit.calls import Trouble
from workflows.order.delivery import take_back_invoice
from workflows.order.failing import answered
from workflows.order.life import OrderLife
from workflows.order.registration import row, wait

with workflow.unsafe.imports_passed_through():
    from invoicing.provider import OrderSnapshot
    from invoicing.state.invoice import CANCEL_NOTE, Cancel, LineStatus
    from invoicing.state.order import CancelLines
    from invoicing.state.questions import Answer, Reason


async def cancel_lines(life: OrderLife, wanted: CancelLines) -> None:
    """Have them cancelled at the provider, where it knows the order; then they are cancelled."""
    name = wanted.cancellation
    if life.registers:
        await _cancel_there(life, wanted)
        while name not in (*life.case.confirmed, *life.case.refused_lines):
            await wait(life, "cancellation", name)
        life.waits(row(name)).over()
    done = name not in life.case.refused_lines or name in life.case.confirmed
    if not done and life.case.cancelled:
        # Its lines would at once be cancelled again, and refused again.
        fields = life.case.problems
        await life.ask(Reason.LINES_NOT_CANCELLED, (Answer.RETRY,), fields=fields)
    life.case.end_cancellation(name, done=done)
    life.note(f"cancellation {name}: {'done' if done else 'refused by the provider'}")
    life.show()


def take_back(life: OrderLife, order: Cancel) -> None:
    """Cancel what is open, and have every invoice under way taken back. Asked again, those that a
    person has let stand meanwhile are asked about again."""
    life.case.cancelled = True
    life.note(CANCEL_NOTE, order)
    cancel_what_is_open(life, order)
    for delivery in life.case.begun:
        take_back_invoice(life, delivery)
    life.show()


def engine_cancelled(life: OrderLife) -> None:
    """Write down Temporal's own Cancel: it takes the whole order back, unless that has ended."""
    if (reason := life.heard_engine_cancel()) and life.case.outcome is None:
        take_back(life, Cancel(by="Temporal cancel", reason=reason))


def cancel_what_is_open(life: OrderLife, order: Cancel) -> None:
    """Take every open line for one cancellation."""
    if open_lines := life.case.ledger.with_status(LineStatus.OPEN):
        known = life.case.cancellations
        names = (f"rest-{number}" for number in itertools.count(len(known) + 1))
        # Callers name theirs as they like.
        name = next(name for name in names if name not in known)
        life.case.cancel_lines(
            CancelLines(
                cancellation=name,
                lines=open_lines,
                by=order.by,
                reason=order.reason,
                proven=order.proven,
            )
        )


async def _cancel_there(life: OrderLife, wanted: CancelLines) -> None:
    """Asked again until the provider has taken it, or has refused it at once."""
    verb, case = row(wanted.cancellation), life.case

    async def ask() -> OrderSnapshot:
        case.doubt = case.doubt.asked(verb, "", workflow.now())
        try:
            return await life.calls.cancel_lines(life.request, case, wanted)
        except Trouble as problem:
            doubt = case.doubt
            case.doubt = doubt.answered(verb) if problem.final else doubt.lost(verb, workflow.now())
            raise

    try:
        snapshot = await answered(life, verb, ask)
    except Trouble as problem:
        case.refuse_lines(wanted.cancellation)
        life.note(f"cancellation {wanted.cancellation}: {problem.message}")
    else:
        case.doubt = case.doubt.saw(verb)
        case.learn(snapshot)

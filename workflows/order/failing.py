"""A call about an order that failed and was not refused: waited on under a name of its own, made
again, and asked about when that has lasted too long. Each of an order's calls is safe to repeat."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

from temporalio import workflow

from workflows.kit.calls import Kind, Trouble
from workflows.kit.endings import Overdue
from workflows.kit.waiting import Waits
from workflows.order.life import OrderLife

with workflow.unsafe.imports_passed_through():
    from invoicing.provider import OrderSnapshot, Pace
    from invoicing.state.invoice import AWAY, CREDENTIALS, UNREAD


async def answered(
    life: OrderLife, part: str, call: Callable[[], Awaitable[OrderSnapshot]]
) -> OrderSnapshot:
    """What the provider answers a call of this part of the order. Raises Trouble where it refuses.

    Each failure shows at once as what is waited for, beside what the part waits for anyway: a call
    that failed is no reason to wait longer for a verdict.
    """
    waits = life.waits(f"{part} call")
    while True:
        try:
            with life.calling():
                snapshot = await call()
        except Trouble as problem:
            if problem.final:
                _over(life, waits)
                raise
            await _back_off(life, waits, problem)
        else:
            _over(life, waits)
            return snapshot


async def _back_off(life: OrderLife, waits: Waits, problem: Trouble) -> None:
    what, pace = _row(life, problem.kind)
    try:
        await waits.pause(what, pace, at_least=problem.retry_after or timedelta())
    except Overdue:
        await life.ask_about(problem)


def _row(life: OrderLife, kind: Kind) -> tuple[str, Pace]:
    match kind:
        case Kind.DENIED:
            return CREDENTIALS, life.paces.credentials
        case Kind.UNREADABLE:
            return UNREAD, life.paces.unreadable
        case _:
            return AWAY, life.paces.unavailable


def _over(life: OrderLife, waits: Waits) -> None:
    if waits.waiting is not None:
        waits.over()
        life.show()

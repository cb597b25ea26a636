"""The whole life of an order, as one reads it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from workflows.kit.calls import Kind, Trouble
from workflows.order.cancellation import cancel_lines, cancel_what_is_open
from workflows.order.claiming import claim
from workflows.order.delivery import invoice
from workflows.order.life import Abandoned, OrderLife
from workflows.order.parts import refuse_parts
from workflows.order.registration import register

with workflow.unsafe.imports_passed_through():
    from invoicing.errors import TooLarge
    from invoicing.provider import OrderPlan
    from invoicing.request import OrderRequest
    from invoicing.state.bounds import refuse_plan, refuse_too_large
    from invoicing.state.invoice import Cancel, LineStatus
    from invoicing.state.order import CancelLines, Deliver, OrderStatus
    from invoicing.state.order_case import OrderInput

T = TypeVar("T")


async def live(life: OrderLife) -> OrderStatus:
    """plan → (claim) → register → carry out what is asked for, until nothing is left to do."""
    try:
        await _plan(life)
        await claim(life)
        await register(life)
        while not (_done(life) and await _seen(life)):
            if not life.renewal.due:
                _begin_what_was_asked(life)
            await workflow.wait_condition(lambda: _done(life) or _may_begin(life) or _renews(life))
            if _renews(life):
                _renew(life)
    except Abandoned:
        return OrderStatus.ABANDONED
    return OrderStatus.COMPLETED


async def live_and_tell(life: OrderLife) -> None:
    """The story, and what others must know of its end. Raises what ended it before it began."""
    failure: ApplicationError | None = None
    life.recorder.go_on()
    try:
        outcome = await live(life)
    except ApplicationError as error:
        outcome, failure = OrderStatus.REJECTED, error
    life.case.outcome, life.case.rows = outcome, {}
    life.note(f"ended: {outcome}")
    life.show()
    await life.outbox.empty()
    await life.recorder.emptied()
    await workflow.wait_condition(workflow.all_handlers_finished)
    if failure:
        raise failure


async def _plan(life: OrderLife) -> None:
    while life.case.plan is None:
        try:
            _refuse_if_too_large(refuse_too_large, life.request)
            plan: OrderPlan = await life.calls.plan(life.request)
            _refuse_if_too_large(refuse_plan, plan)
        except Trouble as problem:
            if problem.final:
                life.outbox.close_if_unknown(problem.fields)
                raise ApplicationError(
                    problem.message, *problem.fields, type=problem.kind, non_retryable=True
                ) from None
            await life.ask_about(problem)
        else:
            life.case.plan, life.case.context = plan, plan.context
            life.calls.follow(plan)
            refuse_parts(life)
            life.show()


def _refuse_if_too_large(refuse: Callable[[T], None], what: T) -> None:
    """Who starts it plainly has passed no door, and what was planned no bound."""
    try:
        refuse(what)
    except TooLarge as error:
        raise Trouble(Kind.REJECTED, str(error)) from None


async def _seen(life: OrderLife) -> bool:
    """Raise what one of the parts has raised. Whether there still is nothing left to do: lines may
    have been added in this moment."""
    await asyncio.gather(*(task for task in life.work.values() if task.done()))
    return _done(life)


def _begin_what_was_asked(life: OrderLife) -> None:
    if life.case.cancelled:
        cancel_what_is_open(life, Cancel(by="cancel", reason="the order is taken back"))
    for name, wanted in _to_begin(life):
        if life.needs_child(wanted):
            life.children.add(name)
        life.work[name] = asyncio.create_task(_carry_out(life, wanted))


def _to_begin(life: OrderLife) -> list[tuple[str, Deliver | CancelLines]]:
    """What was asked for and is not begun: no more invoices than a run may have children, and a
    task may begin."""
    waiting = [each for each in life.case.under_way.items() if each[0] not in life.work]
    no_children = [each for each in waiting if not life.needs_child(each[1])]
    children = [each for each in waiting if life.needs_child(each[1])]
    return [*no_children, *children[: life.room_in_this_task]]


def _is_full(life: OrderLife) -> bool:
    """Whether an invoice waits to be begun for which this run has no room: the next one has, for
    what goes on meanwhile is no child of it."""
    waiting = (each for name, each in life.case.under_way.items() if name not in life.work)
    return life.room == 0 and any(map(life.needs_child, waiting))


def _carry_out(life: OrderLife, wanted: Deliver | CancelLines) -> Coroutine[Any, Any, None]:
    return invoice(life, wanted) if isinstance(wanted, Deliver) else cancel_lines(life, wanted)


def _asked_for_more(life: OrderLife) -> bool:
    freed = life.case.cancelled and life.case.ledger.with_status(LineStatus.OPEN)
    return bool(freed) or bool(_to_begin(life))


def _done(life: OrderLife) -> bool:
    """Whether nothing is left to do, or one of the parts has raised."""
    failed = any(task.done() and task.exception() for task in life.work.values())
    working = any(not task.done() for task in life.work.values())
    over = life.case.ledger.done and not working and not _asked_for_more(life)
    return over or failed


def _may_begin(life: OrderLife) -> bool:
    """Whether something is asked for that this run begins: one that has grown long does not."""
    return _asked_for_more(life) and not life.renewal.due


def _renews(life: OrderLife) -> bool:
    """Whether to continue as new: deliveries may be under way, and questions open, but no call. So
    nothing is lost, and what is only waited for is waited for by the next run. An answer is taken
    before that: its question is open in this run."""
    idle = life.busy == 0 and workflow.all_handlers_finished() and life.outbox.is_empty
    idle = idle and life.case.resolution is None and life.recorder.may_renew
    wanted = life.renewal.due or (life.renewal.may_be and _is_full(life))
    return wanted and idle and not _done(life)


def _renew(life: OrderLife) -> None:
    fields = {name: getattr(life.request, name) for name in OrderRequest.model_fields}
    life.renewal.begin(OrderInput.model_construct(**fields, resumed=life.case))

"""Sent once, and followed as far as the goal asks."""

from __future__ import annotations

from temporalio import workflow

from workflows.invoice.approval import ended_without_us, irreversible
from workflows.invoice.asking import ask
from workflows.invoice.life import Life
from workflows.invoice.looking import GONE, view, wait_for
from workflows.kit.endings import StartOver

with workflow.unsafe.imports_passed_through():
    from invoicing.provider import Pace, Stage
    from invoicing.request import Goal
    from invoicing.state.case import reached
    from invoicing.state.questions import Answer, Reason


async def send(life: Life) -> None:
    """Send it, once, and wait until the provider says it is on its way."""
    if life.request.goal in (Goal.DRAFTED, Goal.APPROVED):
        return
    while not (stage := await view(life)).reached(Stage.SENT) and "send" not in life.case.without:
        if stage in GONE:
            await ended_without_us(life, stage)
        elif life.case.credits.all:
            await ended_without_us(life, Stage.CREDITED)
        elif not stage.reached(Stage.APPROVED):
            # It went back: what is missing again is done again.
            raise StartOver
        elif life.case.problems and life.case.insisted != "send":
            await _failed(life)
        elif stage is Stage.SENDING or life.case.accepted == "send":
            pace, overdue = life.paces.sending, Reason.SENDING_OVERDUE
            await wait_for(life, "sending", pace, overdue, verb="send", without="send")
        else:
            await irreversible(life, "send", life.calls.send, (Answer.RETRY, Answer.GO_WITHOUT))


async def track(life: Life) -> None:
    """Follow delivery and payment as far as the goal asks."""
    goal, paces = life.request.goal, life.paces
    if goal is Goal.DELIVERED:
        await _until(life, goal, "delivery", paces.delivery, Reason.DELIVERY_OVERDUE)
    elif goal is Goal.PAID:
        await _until(life, goal, "payment", paces.payment, Reason.PAYMENT_OVERDUE)


async def _until(life: Life, goal: Goal, what: str, pace: Pace, overdue: Reason) -> None:
    while not reached(goal, life.case) and what not in life.case.without:
        if (stage := await view(life)) in (Stage.DELETED, Stage.CREDITED, Stage.FAILED):
            await ended_without_us(life, stage)
        elif life.case.credits.all:
            await ended_without_us(life, Stage.CREDITED)
        elif not reached(goal, life.case):
            await wait_for(life, what, pace, overdue, without=what)


async def _failed(life: Life) -> None:
    """The provider gave up: on retry, send again although it still says so."""
    offered = (Answer.RETRY, Answer.GO_WITHOUT)
    said = await ask(life, Reason.SENDING_FAILED, offered, fields=life.case.problems)
    life.case.accepted, life.case.insisted = "", "send"
    if said is Answer.GO_WITHOUT:
        life.case.without = (*life.case.without, "send")

"""A call that failed and certainly changed nothing: waited on under a name of its own, and asked
about when that has lasted too long."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import NamedTuple, TypeVar

from temporalio import workflow

from workflows.invoice.asking import ask_about
from workflows.invoice.life import Life
from workflows.kit.calls import Kind, Trouble, answers
from workflows.kit.endings import Overdue

with workflow.unsafe.imports_passed_through():
    from invoicing.provider import Pace
    from invoicing.state.invoice import AWAY, CREDENTIALS, LOST, STORE, STORE_AWAY, UNREAD
    from invoicing.state.questions import Answer

R = TypeVar("R")


class _Row(NamedTuple):
    what: str
    pace: Pace
    after: str = ""


async def wait_for_provider(
    life: Life, problem: Trouble, offered: tuple[Answer, ...] = (Answer.RETRY,)
) -> None:
    """Back off from a provider that is away, or refuses our credentials, or from a store that is
    away; no news can hurry that."""
    row = _Row(AWAY, life.paces.unavailable, LOST)
    if problem.kind is Kind.DENIED:
        row = _Row(CREDENTIALS, life.paces.credentials)
    elif problem.code == STORE_AWAY:
        row = _Row(STORE, life.paces.unavailable, LOST)
    await _pause(life, problem, row, offered)


async def asked(
    life: Life,
    calls: Callable[[], tuple[workflow.ActivityHandle[R], ...]],
    offered: tuple[Answer, ...] = (Answer.RETRY,),
) -> list[R]:
    """What harmless calls answer, made again until they do. Raises Trouble where one is refused.

    Each failure shows at once as what is waited for. What was waited for before goes on where it
    was: a look that failed is no reason to wait longer for the money.
    """
    before = life.waits.waiting
    while True:
        try:
            found = await answers(calls(), lambda: life.cancel_pending)
        except Trouble as problem:
            if problem.final:
                raise
            await _look_again(life, problem, offered)
        else:
            if life.waits.waiting is not before:
                life.waits.waiting = before
                life.show()
            return found


async def _look_again(life: Life, problem: Trouble, offered: tuple[Answer, ...]) -> None:
    """What is not understood will hardly be understood by the hundredth look."""
    if problem.kind is Kind.UNREADABLE:
        await _pause(life, problem, _Row(UNREAD, life.paces.unreadable), offered)
    else:
        await wait_for_provider(life, problem, offered)


async def _pause(life: Life, problem: Trouble, row: _Row, offered: tuple[Answer, ...]) -> None:
    at_least = problem.retry_after or timedelta()
    try:
        await life.waits.pause(row.what, row.pace, at_least=at_least, after=row.after)
    except Overdue:
        await ask_about(life, problem, offered)

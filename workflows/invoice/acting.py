"""Look, act once, look again. What an uncertain call did is never guessed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from temporalio import workflow

from workflows.invoice.asking import ask, ask_about
from workflows.invoice.failing import wait_for_provider
from workflows.invoice.inheritance import leave_word
from workflows.invoice.life import Life
from workflows.invoice.looking import is_fresh, learn, view
from workflows.kit.calls import Kind, Trouble, answer
from workflows.kit.confirming import confirm
from workflows.kit.endings import Overdue

with workflow.unsafe.imports_passed_through():
    from invoicing.provider import Snapshot, Stage, Target
    from invoicing.state.doubt import NOT_TWICE
    from invoicing.state.invoice import AWAY, LOST
    from invoicing.state.questions import Answer, Reason

R = TypeVar("R")
Change = Callable[[Target], workflow.ActivityHandle[Snapshot]]

CONFIRMED_LATER = (Stage.DRAFTED, Stage.APPROVED)
"""Stages whose figures need a look: a yes alone does not show them."""


async def attempt(life: Life, verb: str, change: Change, offered: tuple[Answer, ...]) -> None:
    """Act once. Whatever came of it, the next look decides. Where nobody can look, and an earlier
    call of this kind is in doubt, a person is asked instead."""
    case = life.case
    if case.blind and case.doubt.unanswered(verb):
        await ask_what_became_of(life, verb)
        return
    before = case.stage
    case.insisted = ""
    # From here to the call nothing is awaited: the caller has looked and found that it may go.
    case.doubt = case.doubt.asked(verb, life.content, workflow.now())
    try:
        snapshot = await changed(life, change(life.target))
    except Trouble as problem:
        await _after(life, problem, verb, before, offered)
    else:
        case.doubt = case.doubt.answered(verb)
        case.accepted = verb
        learn(life, snapshot, seen=snapshot.stage not in CONFIRMED_LATER)


async def changed(life: Life, call: workflow.ActivityHandle[R]) -> R:
    """The answer to a call that changes something; nothing cuts it short. Raises Trouble."""
    life.in_flight = True
    try:
        return await answer(call, changes=True)
    finally:
        life.in_flight = False


async def settle(life: Life) -> None:
    """Give an uncertain call the time to take effect before looking; a cancel waits for it."""
    life.in_flight = True
    try:
        await workflow.sleep(life.paces.settle, summary="letting an uncertain call settle")
    finally:
        life.in_flight = False


async def ask_what_became_of(life: Life, verb: str) -> None:
    """Only a person can look: what they saw reaches the adaptor like the provider's news."""
    what = f"{verb} was lost, and nobody can look from here: did the provider do it?"
    said = await ask(life, Reason.CANNOT_TELL, (Answer.HAPPENED, Answer.DID_NOT_HAPPEN), what)
    if said is Answer.HAPPENED:
        confirm(life.case, verb)
    else:
        life.case.doubt = life.case.doubt.denied(verb, workflow.now())


async def may_go(life: Life, opens: datetime | None) -> bool:
    """The last gate before an irreversible call: True if it may go in this very moment.

    While the invoice is held, or before `opens`, it waits, and then answers False: time has
    passed, so the caller must look again. Raises Cancelling where a cancel waits.
    """
    life.stop_if_cancelled()
    case = life.case
    if case.hold is not None:
        await _until_released(life)
        return False
    if opens and opens > workflow.now() and not case.at_once:
        await life.waits.once(
            "time",
            "send_on",
            opens - workflow.now(),
            lambda: case.at_once or case.hold is not None,
            "scheduled: not to be sent before its day",
        )
        life.waits.over()
        return False
    return True


async def late_effects_are_over(life: Life, verb: str) -> bool:
    """Whether no earlier call of this kind can still take effect.

    Where one can, this waits for one pause and answers False: the caller looks again and comes
    back. What may be done twice is not repeated before that time.

    This and the wait for a provider that is away take turns where the call is lost again and
    again. So they are one row with one deadline: else each would begin anew every time, and
    neither would ever become overdue.
    """
    until = life.case.doubt.until(verb)
    if until is None or until <= workflow.now():
        return True
    try:
        # News wake this wait only where there is an invoice to read: the read takes them out of
        # the inbox. Without that the same news would end every pause at once, for ever.
        there = life.case.provider_id is not None
        await life.waits.pause(
            LOST, life.paces.unavailable, lambda: there and bool(life.case.inbox), after=AWAY
        )
    except Overdue:
        problem = Trouble(Kind.UNAVAILABLE, f"{verb} was lost again and again")
        await ask_about(life, problem, (Answer.RETRY,))
    return False


async def _until_released(life: Life) -> None:
    case = life.case
    if await life.waits.once(
        "person",
        "release",
        life.paces.hold,
        lambda: case.hold is None,
        "held: waiting for a release",
    ):
        life.waits.over()
        return
    if await ask(life, Reason.HOLD_OVERDUE, (Answer.WAIT, Answer.RELEASE)) is Answer.RELEASE:
        # The hold itself ended the moment this was said: one that is there now came later.
        leave_word(case)


async def _after(
    life: Life, problem: Trouble, verb: str, before: Stage, offered: tuple[Answer, ...]
) -> None:
    doubt, now = life.case.doubt, workflow.now()
    life.note(f"{verb}: {problem.kind}")
    if problem.unknown:
        life.case.doubt = doubt.lost(verb, now)
        life.unknown_calls.begin(verb)
        await settle(life)
        if await view(life) is before and not life.plan.blind:
            life.unknown_calls.end("absent")
            await wait_for_provider(life, problem)
    elif problem.final:
        await _refused(life, problem, verb, before, offered)
    else:
        # The call was certainly not made.
        life.case.doubt = doubt.answered(verb)
        await wait_for_provider(life, problem)


async def _refused(
    life: Life, problem: Trouble, verb: str, before: Stage, offered: tuple[Answer, ...]
) -> None:
    """A refusal may mean "that is done already", so the stage is looked at. Has it moved, the call
    had its effect. Has it not, a person is asked. Where nobody can see the stage, they may also say
    that it happened, and the call is not made again unasked."""
    blind, doubt = life.plan.blind, life.case.doubt
    # The look below clears up a refusal, but not under a blind plan, and not of what may be done
    # twice: should that take effect late, and we do it again.
    doubted = blind or verb in NOT_TWICE
    now = workflow.now()
    life.case.doubt = doubt.refused(verb, now) if doubted else doubt.declined(verb, now)
    if await view(life) is not before:
        return
    said = await ask_about(life, problem, (*offered, Answer.HAPPENED) if blind else offered)
    if said is Answer.HAPPENED:
        confirm(life.case, verb)
        return
    life.case.doubt = life.case.doubt.denied(verb, workflow.now())
    if said is Answer.GO_WITHOUT:
        life.case.without = (*life.case.without, verb)
    elif said is Answer.KEEP:
        life.keep()


def still_holds(life: Life) -> bool:
    """Whether our invoice was looked at in this very moment, and a search not long ago showed it
    alone. This must be the last check: between it and the call nothing may be awaited."""
    now = workflow.now()
    own, recent = life.case.provider_id, life.calls.queue.recent
    return is_fresh(life) and life.case.doubt.alone(own, now, recent)

"""The order made known to a provider that must know it, and what the provider says of it."""

from __future__ import annotations

from collections.abc import Callable

from pydantic import JsonValue
from temporalio import workflow

from workflows.kit.calls import Trouble
from workflows.kit.confirming import confirm
from workflows.kit.endings import Overdue
from workflows.order.failing import answered
from workflows.order.life import OrderLife

with workflow.unsafe.imports_passed_through():
    from invoicing.provider import Event, OrderSnapshot, OrderStage
    from invoicing.state.questions import Answer, Reason

REGISTER = "register"


async def register(life: OrderLife) -> None:
    """Where the provider must know the order, make it known and wait until it has said yes."""
    while life.registers and life.case.stage is not OrderStage.CONFIRMED:
        if life.case.stage is OrderStage.REJECTED:
            await _refused(life)
        elif life.case.provider_id is None or life.case.stage is None:
            await _make_known(life)
        else:
            await wait(life, "confirmation")


async def look(life: OrderLife, part: str = REGISTER) -> None:
    """Read the order, with what has arrived about it. `part` of it needs to know."""
    case = life.case
    given: tuple[Event, ...] = ()
    before = case.stage, case.confirmed, case.refused_lines

    async def read() -> OrderSnapshot:
        nonlocal given
        # Until an answer has come they stay: another look, or another run, needs them again.
        given = case.inbox
        return await life.calls.read(life.request, case, given)

    try:
        snapshot = await answered(life, part, read)
    except Trouble as problem:
        await life.ask_about(problem)
    else:
        case.inbox = tuple(event for event in case.inbox if event not in given)
        case.learn(snapshot)
    if before != (case.stage, case.confirmed, case.refused_lines):
        life.show()


async def wait(life: OrderLife, what: str, cancellation: str = "") -> None:
    """One pause for the provider's verdict, on the order or on a cancellation of lines, cut short
    by its news; then look."""
    waits = life.waits(row(cancellation))
    before = life.case.stage
    try:
        await waits.pause(what, life.paces.drafting, lambda: bool(life.case.inbox))
    except Overdue:
        said = await life.ask(
            Reason.ORDER_OVERDUE,
            (Answer.WAIT, Answer.HAPPENED),
            f"waited for {what} as long as was planned",
            settled=unread(life),
        )
        if said is not None and said.answer is Answer.HAPPENED:
            cancelled: dict[str, JsonValue] = {
                "verb": "cancel_lines",
                "cancellation": cancellation,
            }
            confirm(life.case, row(cancellation), cancelled if cancellation else None)
    await look(life, row(cancellation))
    if life.case.stage is not before:
        waits.over()


def unread(life: OrderLife) -> Callable[[], bool]:
    """Whether news have come that nobody has looked at."""
    return lambda: bool(life.case.inbox)


def row(cancellation: str) -> str:
    """The name of a wait, and of the call whose verdict is waited for."""
    return f"cancel {cancellation}" if cancellation else REGISTER


async def _make_known(life: OrderLife) -> None:
    case = life.case

    async def ask() -> OrderSnapshot:
        case.doubt = case.doubt.asked(REGISTER, "", workflow.now())
        try:
            return await life.calls.register(life.request, case)
        except Trouble as problem:
            now, doubt = workflow.now(), case.doubt
            lost, refused = doubt.lost(REGISTER, now), doubt.refused(REGISTER, now)
            case.doubt = refused if problem.final else lost
            raise

    try:
        snapshot = await answered(life, REGISTER, ask)
    except Trouble as problem:
        await life.ask_about(problem)
    else:
        case.doubt = case.doubt.saw(REGISTER)
        case.learn(snapshot)
    life.show()


async def _refused(life: OrderLife) -> None:
    said = await life.ask(
        Reason.ORDER_REFUSED,
        (Answer.MAKE_AGAIN, Answer.HAPPENED),
        fields=life.case.problems,
        settled=unread(life),
    )
    if said is None:
        await look(life)
    elif said.answer is Answer.HAPPENED:
        confirm(life.case, REGISTER)
        await look(life)
    else:
        life.case.stage = None

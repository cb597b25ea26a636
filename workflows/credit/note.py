"""One credit note: begun, followed to its end, and what that means for the ledger."""

from __future__ import annotations

import asyncio

from temporalio import workflow
from temporalio.exceptions import ChildWorkflowError, WorkflowAlreadyStartedError

from workflows.credit.learning import NotCreditable, look
from workflows.credit.life import CreditsLife
from workflows.kit.children import Child, pause, refused_at_once, sentence, start, what_became
from workflows.kit.outbox import looked_at

with workflow.unsafe.imports_passed_through():
    from invoicing.credits.document import request_of
    from invoicing.request import InvoiceRequest
    from invoicing.state.news import Became
    from invoicing.state.questions import Answer


async def begin(life: CreditsLife, name: str) -> None:
    """Begin its credit note, and follow it beside whatever else goes on."""
    child: Child | None = None
    if name not in life.case.begun and not life.case.states[name].ended:
        try:
            with life.calling():
                child = await start(
                    _request(life, name), life.case.under_way[name].proven, "credit · "
                )
        except WorkflowAlreadyStartedError:
            if await _is_ours(life, name):
                life.case.begin(name)
            else:
                life.case.doubt(name, "its reference already stands for an invoice")
        else:
            life.case.begin(name)
    life.following[name] = asyncio.create_task(_follow(life, name, child))


async def _is_ours(life: CreditsLife, name: str) -> bool:
    """Whether the note that is there is this credit's: begun by a run that was terminated before it
    heard so. Nobody else makes a request that credits this invoice."""
    try:
        looked = await look(life, life.case.states[name].reference)
    except NotCreditable:
        return False
    note = looked.invoice and looked.invoice.request.credits
    return bool(note and note.reference == life.reference)


async def _follow(life: CreditsLife, name: str, child: Child | None) -> None:
    if child is not None:
        await workflow.wait_condition(lambda: child.done() or not _goes_on(life, name))
        if child.done():
            _hear_end(life, name, child)
        else:
            child.add_done_callback(looked_at)
    while _goes_on(life, name):
        await _look_again(life, name)
    if name in life.case.unclear:
        await _ask_what_became_of(life, name)


def _goes_on(life: CreditsLife, name: str) -> bool:
    return name in life.case.begun


def _hear_end(life: CreditsLife, name: str, child: Child) -> None:
    try:
        life.case.hear(name, child.result())
    except ChildWorkflowError as error:
        if refused_at_once(error):
            life.note(f"credit {name} is refused: {sentence(error)}")
            life.case.release(name)
        else:
            life.case.doubt(name, "its credit note was ended from outside")
    life.show()


async def _look_again(life: CreditsLife, name: str) -> None:
    span = pause(life.case.looks.get(name, 0))
    try:
        await workflow.wait_condition(
            lambda: not _goes_on(life, name), timeout=span, timeout_summary=f"credit {name}"
        )
    except TimeoutError:
        life.case.looked(name)
        with life.calling():
            became = await what_became(life.case.states[name].reference)
        _hear_what_became(life, name, became)


def _hear_what_became(life: CreditsLife, name: str, became: Became) -> None:
    if became.running or not _goes_on(life, name):
        return
    if became.invoice:
        life.case.hear(name, became.invoice)
    elif became.refused:
        life.note(f"credit {name} is refused: {became.why}")
        life.case.release(name)
    else:
        life.case.doubt(name, "its credit note was ended from outside")
    life.show()


async def _ask_what_became_of(life: CreditsLife, name: str) -> None:
    said = await life.ask(f"credit {name}: {life.case.unclear[name]}. Does it stand?")
    if name not in life.case.unclear:
        return
    if said.answer is Answer.FREE:
        life.case.release(name)
    else:
        life.case.book(name, said.number)
    life.show()


def _request(life: CreditsLife, name: str) -> InvoiceRequest:
    case = life.case
    if case.invoice is None or case.ledger is None:
        raise RuntimeError("nothing is credited of an invoice that is not known")
    held = case.ledger.held[name].portion
    if held is None:
        raise RuntimeError("what is credited for good is not begun again")
    return request_of(case.invoice, case.ledger, held, case.under_way[name], case.states[name].day)

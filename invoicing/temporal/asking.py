"""Queries and updates of a running workflow, as patient as the server needs them to be."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from typing import Any, TypeVar
from uuid import uuid4

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import (
    WorkflowExecutionDescription,
    WorkflowExecutionStatus,
    WorkflowFailureError,
    WorkflowHandle,
    WorkflowHistoryEventFilterType,
    WorkflowUpdateFailedError,
)
from temporalio.exceptions import ApplicationError, TerminatedError
from temporalio.exceptions import TimeoutError as TimedOut
from temporalio.service import RPCError, RPCStatusCode

from invoicing.errors import START_AGAIN, CutOff, InvoicingError, NotFound, TooLarge
from invoicing.model import Typed
from invoicing.state import attributes
from invoicing.state.bounds import refuse_instruction
from invoicing.state.identity import CREDITS_PREFIX, OWNER
from invoicing.state.invoice import Problem, Status, instead_of_cancel
from invoicing.temporal.converter import refuse_erased
from invoicing.temporal.engine import is_no_namespace, is_too_large

T = TypeVar("T")
Execution = WorkflowHandle[Any, Any]


class Refused(InvoicingError):
    """The invoice, order or event cannot do that now; the sentence says why. Nothing changed.

    `problem` is the question that is open instead, where an answer did not fit it.
    """

    def __init__(self, message: str, problem: Problem | None = None) -> None:
        super().__init__(message)
        self.problem = problem


async def ask(
    reference: str,
    handle: Execution,
    name: str,
    order: Typed,
    answer: type[Any],
    key: str | None,
) -> Any:
    """Have the workflow carry out an update, once per `key`.

    Raises NotFound, Refused, CutOff, and TooLarge before anybody was asked.
    """
    refuse_instruction(order)
    await raise_if_erased(handle)
    identity = key or str(uuid4())
    pauses = iter(_PAUSES)
    while True:
        try:
            with accepted(reference):
                result = await handle.execute_update(name, order, id=identity, result_type=answer)
        except WorkflowUpdateFailedError as error:
            raise Refused(f"{reference}: {_sentence(error.cause)}") from error
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND and not is_no_namespace(error):
                if ended := await cut_off(reference, handle):
                    raise ended from error
                last = await known(reference, handle.describe())
                status = last.typed_search_attributes.get(attributes.STATUS)
                instead = await _instead(last) if name == "cancel" else ""
                raise Refused(f"{reference}: it has ended: {status}{instead}") from error
            pause = next(pauses, None)
            if error.status is not RPCStatusCode.FAILED_PRECONDITION or pause is None:
                raise
            await asyncio.sleep(pause / 1000)
        else:
            return result


async def _instead(last: WorkflowExecutionDescription) -> str:
    """What is done with what has ended, where that is a final invoice."""
    number = last.typed_search_attributes.get(attributes.NUMBER)
    if not number or last.typed_search_attributes.get(attributes.STATUS) == Status.CREDITED:
        return ""
    owner: str = (await last.memo()).get(OWNER) or ""
    return f"; {instead_of_cancel(credit_note=owner.startswith(CREDITS_PREFIX))}"


async def answer(
    question: str,
    give: Callable[[], Awaitable[T]],
    problem: Callable[[], Awaitable[Problem | None]],
) -> T:
    """Give an answer; where it is refused, say with Refused which `problem` is open instead.

    Given twice where that is the very question: a query can be a task ahead of the workflow, and
    what it showed is then not yet there for an update that comes at once.
    """
    try:
        return await give()
    except Refused as error:
        asked = await problem()
        if asked is None or asked.question != question:
            raise Refused(str(error), asked) from error
    try:
        return await give()
    except Refused as error:
        raise Refused(str(error), await problem()) from error


# Milliseconds after which an update is sent again, under the same id, when the server could not
# give it to the workflow because too much happened to that at once.
_PAUSES = (100, 200, 400, 800, 1600)


def _sentence(cause: BaseException | None) -> str:
    return cause.message if isinstance(cause, ApplicationError) else str(cause)


_PATIENCE = timedelta(seconds=5)
_QUERIES = 3


async def queried(reference: str, handle: Execution, query: str, answer: type[T]) -> T:
    """What a query answers. Raises NotFound, Erased.

    Asked again after a few seconds: one that comes just as a workflow ends can get lost, and the
    server would have us wait for half a minute.
    """
    await raise_if_erased(handle)
    for patience in (*[_PATIENCE] * _QUERIES, None):
        call = handle.query(query, result_type=answer, rpc_timeout=patience)
        try:
            return await known(reference, call)
        except RPCError as error:
            if patience is None or error.status not in _LOST:
                raise
    raise AssertionError("the last attempt returns or raises")


async def raise_if_erased(handle: Execution) -> None:
    """Raise Erased where what it is about was erased: a worker would only fail at it."""
    temporal = handle._client  # noqa: SLF001 — a handle has no other way to its client
    await refuse_erased(temporal.data_converter, temporal.namespace, handle.id)


_LOST = (RPCStatusCode.CANCELLED, RPCStatusCode.DEADLINE_EXCEEDED)


async def known(reference: str, call: Awaitable[T]) -> T:
    """What the call answers. Raises NotFound where nothing has this reference."""
    try:
        return await call
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND and not is_no_namespace(error):
            raise NotFound(reference) from error
        raise


@contextlib.contextmanager
def accepted(reference: str) -> Iterator[None]:
    """Raise TooLarge where the server takes less than the bounds that we have measured by."""
    try:
        yield
    except RPCError as error:
        if is_too_large(error):
            raise TooLarge(
                f"{reference}: this is more than the Temporal server takes at once; use fewer "
                "lines or shorter texts, or let it take 2 MiB, as it does by default"
            ) from error
        raise


async def cut_off(reference: str, handle: Execution) -> CutOff | None:
    """What to tell a caller that waits for a run that was ended from outside; None: it was not.

    Raises NotFound.
    """
    last = await known(reference, _close(handle))
    if last is None:
        return None
    if last.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED:
        return _cut_off(
            reference, handle, last.workflow_execution_terminated_event_attributes.reason
        )
    if last.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT:
        return _cut_off(reference, handle, _TIMED_OUT)
    return None


async def _close(handle: Execution) -> HistoryEvent | None:
    """The event with which its last run ended, if it has."""
    if (await handle.describe()).status is WorkflowExecutionStatus.RUNNING:
        # Asked for the end of one that runs, the server waits for it: 20 seconds.
        return None
    wanted = WorkflowHistoryEventFilterType.CLOSE_EVENT
    async for event in handle.fetch_history_events(event_filter_type=wanted):
        return event
    return None


def raise_if_cut_off(reference: str, handle: Execution, error: WorkflowFailureError) -> None:
    """Raise CutOff where a result that was waited for will not come."""
    match error.cause:
        case TerminatedError(message=why):
            raise _cut_off(reference, handle, why) from error
        case TimedOut():
            raise _cut_off(reference, handle, _TIMED_OUT) from error


def _cut_off(reference: str, handle: Execution, why: str) -> CutOff:
    kind = handle.id.partition("/")[0]
    told = "".join(each if each.isprintable() else " " for each in why[:MOST_WHY])
    return CutOff(reference, told.strip() or "no reason given", _THEN.get(kind, START_AGAIN))


MOST_WHY = 200
"""Characters of a reason: anybody may have written it."""

_TIMED_OUT = "its time was over"
_THEN = {
    "order": "its deliveries' invoices go on by themselves: wait until each has ended, and order "
    "under a new reference only the lines that none of them has",
    "event": "nobody was told of it; look at the invoice that it is about",
}

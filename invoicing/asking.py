"""Queries and updates of a running workflow, as patient as the server needs them to be."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from datetime import timedelta
from typing import Any, TypeVar
from uuid import uuid4

from temporalio.client import WorkflowHandle, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from invoicing import attributes
from invoicing.errors import InvoicingError, NotFound
from invoicing.model import Typed

T = TypeVar("T")
Execution = WorkflowHandle[Any, Any]


class Refused(InvoicingError):
    """The invoice, order or event cannot do that now; the sentence says why. Nothing changed."""


async def ask(
    reference: str,
    handle: Execution,
    name: str,
    order: Typed,
    answer: type[Any],
    key: str | None,
) -> Any:
    """Have the workflow carry out an update, once per `key`. Raises NotFound, Refused."""
    identity = key or str(uuid4())
    pauses = iter(_PAUSES)
    while True:
        try:
            result = await handle.execute_update(name, order, id=identity, result_type=answer)
        except WorkflowUpdateFailedError as error:
            raise Refused(f"{reference}: {_sentence(error.cause)}") from error
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                last = await known(reference, handle.describe())
                status = last.typed_search_attributes.get(attributes.STATUS)
                raise Refused(f"{reference}: it has ended: {status}") from error
            pause = next(pauses, None)
            if error.status is not RPCStatusCode.FAILED_PRECONDITION or pause is None:
                raise
            await asyncio.sleep(pause / 1000)
        else:
            return result


# Milliseconds after which an update is sent again, under the same id, when the server could not
# give it to the workflow because too much happened to that at once.
_PAUSES = (100, 200, 400, 800, 1600)


def _sentence(cause: BaseException | None) -> str:
    return cause.message if isinstance(cause, ApplicationError) else str(cause)


_PATIENCE = timedelta(seconds=5)
_QUERIES = 3


async def queried(reference: str, handle: Execution, query: str, answer: type[T]) -> T:
    """What a query answers. Raises NotFound.

    Asked again after a few seconds: one that comes just as a workflow ends can get lost, and the
    server would have us wait for half a minute.
    """
    for patience in (*[_PATIENCE] * _QUERIES, None):
        call = handle.query(query, result_type=answer, rpc_timeout=patience)
        try:
            return await known(reference, call)
        except RPCError as error:
            if patience is None or error.status not in _LOST:
                raise
    raise AssertionError("the last attempt returns or raises")


_LOST = (RPCStatusCode.CANCELLED, RPCStatusCode.DEADLINE_EXCEEDED)


async def known(reference: str, call: Awaitable[T]) -> T:
    """What the call answers. Raises NotFound where nothing has this reference."""
    try:
        return await call
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            raise NotFound(reference) from error
        raise

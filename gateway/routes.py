"""What the routes of invoices, orders and events have in common."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import Depends, Query, Response
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ApplicationError

from gateway.access import Role, needs
from gateway.backend import Backend
from gateway.problems import Kind, documented
from invoicing.client import Failed, Listed
from invoicing.errors import FieldProblem, NotFound
from invoicing.model import Recorded

LONGEST_WAIT = 30
"""Seconds; less than proxies wait as a rule."""

COMMON = (
    Kind.UNAUTHENTICATED,
    Kind.FORBIDDEN,
    Kind.INVALID,
    Kind.TOO_MANY,
    Kind.INTERNAL,
    Kind.ENGINE,
    Kind.UNAVAILABLE,
)
ONE = (*COMMON, Kind.NOT_FOUND, Kind.NO_WORKER)
BODY = (Kind.UNREADABLE, Kind.TOO_SLOW, Kind.TOO_LARGE, Kind.MEDIA)
INSTRUCTED = documented(*ONE, *BODY, Kind.REFUSED, Kind.CUT_OFF)
AGAIN: dict[int | str, dict[str, Any]] = {
    200: {"model": Listed, "description": "The same was asked for before: this is it"}
}

READ = [Depends(needs(Role.READ))]
START = [Depends(needs(Role.START))]
OPERATE = [Depends(needs(Role.OPERATE))]

Wait = Annotated[int, Query(ge=1, le=LONGEST_WAIT, description="Seconds to wait at most.")]


class Failure(Recorded):
    """Why an invoice or order ended without existing."""

    what: str
    errors: tuple[FieldProblem, ...] = ()


async def begun(
    behind: Backend, response: Response, where: str, start: Awaitable[Any], listed: Any
) -> Listed:
    """Have it begun; 201 if it was not there before, 200 if it was. `listed` asks for it anew."""
    before = await _before(behind, listed())
    await behind.stored(start)
    now: Listed = await behind.stored(listed())
    if before is None or before.started_at != now.started_at:
        response.headers["Location"] = f"{where}/{quote(now.reference, safe='')}"
    else:
        response.status_code = 200
    return now


async def _before(behind: Backend, listed: Awaitable[Listed]) -> Listed | None:
    try:
        return await behind.stored(listed)
    except NotFound:
        return None


async def ending(result: Awaitable[Any], wait: int) -> tuple[bool, Failure | None]:
    """Whether it has ended within this many seconds, and whether it failed."""
    try:
        async with asyncio.timeout(wait):
            await result
    except TimeoutError:
        return False, None
    except Failed as error:
        return True, Failure(what=str(error), errors=_fields(error))
    return True, None


def _fields(error: Failed) -> tuple[FieldProblem, ...]:
    failure = error.__cause__
    cause = failure.cause if isinstance(failure, WorkflowFailureError) else None
    details = cause.details if isinstance(cause, ApplicationError) else ()
    return tuple(FieldProblem.model_validate(each) for each in details)

"""What the routes of invoices, orders and events have at their heads, and what they do alike."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from enum import StrEnum
from functools import partial
from typing import Annotated, Any, TypeVar
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import JSONResponse

from gateway.access import Who, needs
from gateway.backend import Backend, Behind
from gateway.callers import Caller
from gateway.inputs import accepts
from gateway.pages import Bookmarks, Paged
from gateway.problems import Kind, Trouble, documented, nothing_here
from gateway.store import refuse_unseen
from gateway.visits import visit_of
from invoicing.client import Failed
from invoicing.client.shared import described, page_of
from invoicing.errors import FieldProblem, NotFound
from invoicing.model import Recorded, Typed
from invoicing.request import InvoiceRequest, OrderRequest
from invoicing.schemas import NOT_FOR_CALLERS
from invoicing.state.identity import INVOICE_PREFIX, MARK
from invoicing.temporal import lists
from invoicing.temporal.asking import Execution
from invoicing.temporal.lists import Listed
from settings.callers import Scope

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")

LONGEST_WAIT = 30
"""Seconds; less than proxies wait as a rule."""

COMMON = (
    Kind.UNAUTHENTICATED,
    Kind.FORBIDDEN,
    Kind.MISDIRECTED,
    Kind.INVALID,
    Kind.TOO_MANY,
    Kind.INTERNAL,
    Kind.ENGINE,
    Kind.UNAVAILABLE,
)
ONE = (*COMMON, Kind.NOT_FOUND, Kind.FAILING, Kind.NO_WORKER)
BODY = (Kind.UNREADABLE, Kind.TOO_SLOW, Kind.TOO_LARGE, Kind.MEDIA)
AGAIN: dict[int | str, dict[str, Any]] = {
    200: {"model": Listed, "description": "The same was asked for before: this is it"}
}

Wait = Annotated[int, Query(ge=1, le=LONGEST_WAIT, description="Seconds to wait at most.")]


class Limits(StrEnum):
    """What a caller that is limited to accounts or references finds at a route: in the document as
    `x-limits`."""

    ITS_OWN = "others are not there"
    SHOWN = "shows its own"
    REFUSED = "others are refused"
    NONE = "the same for everybody"


class Heads:
    """Heads of routes under one prefix. Each says which scope it needs, what a limited caller finds
    there, and every answer it may give.

    `handle` gives the workflow behind a reference, where the prefix has any.
    """

    def __init__(
        self, name: str, handle: Callable[[Backend, str], Execution] | None = None
    ) -> None:
        self.prefix = f"/v1/{name}"
        self.router = APIRouter(prefix=self.prefix, tags=[name])
        self._handle = handle

    def begins(self, model: type[Typed]) -> Callable[[F], F]:
        """Has one made; 201 where it was not there before."""
        return self.router.post(
            "",
            status_code=201,
            dependencies=[needs(Scope.START)],
            openapi_extra=accepts(model) | _limits(Limits.REFUSED),
            responses=AGAIN | documented(*COMMON, *BODY, Kind.IN_USE),
            response_description="It was not there before: now it is",
        )

    def looks_ahead(self, path: str, model: type[Typed], what: str) -> Callable[[F], F]:
        """Says what would become of a request."""
        return self.router.post(
            path,
            dependencies=[needs(Scope.START)],
            openapi_extra=accepts(model) | _limits(Limits.REFUSED),
            responses=documented(*COMMON, *BODY, Kind.NO_WORKER),
            response_description=what,
        )

    def takes_file(self, path: str, content: dict[str, Any], what: str) -> Callable[[F], F]:
        """Takes a file of requests."""
        return self.router.post(
            path,
            dependencies=[needs(Scope.START)],
            openapi_extra=content | _limits(Limits.REFUSED),
            responses=documented(*COMMON, *BODY),
            response_description=what,
        )

    def puts(self, path: str, content: dict[str, Any], what: str) -> Callable[[F], F]:
        """Takes a file under the name in its address."""
        return self.router.put(
            path,
            dependencies=[needs(Scope.START)],
            openapi_extra=content | _limits(Limits.REFUSED),
            responses=documented(*COMMON, *BODY, Kind.NOT_FOUND, Kind.REFUSED),
            response_description=what,
        )

    def lists(
        self,
        what: str = "One page",
        limits: Limits = Limits.SHOWN,
        path: str = "",
        *kinds: Kind,
        more: dict[int | str, dict[str, Any]] | None = None,
        response_class: type[Response] = JSONResponse,
    ) -> Callable[[F], F]:
        """Shows many. `more`: as of `reads`."""
        return self.router.get(
            path,
            dependencies=[needs(Scope.READ)],
            openapi_extra=_limits(limits),
            responses=documented(*COMMON, *kinds) | (more or {}),
            response_class=response_class,
            response_description=what,
        )

    def reads(
        self,
        path: str,
        what: str,
        *kinds: Kind,
        long: bool = False,
        more: dict[int | str, dict[str, Any]] | None = None,
        response_class: type[Response] = JSONResponse,
    ) -> Callable[[F], F]:
        """Shows one. `long`: once it has ended. `more`: other answers that are good."""
        return self.router.get(
            path,
            dependencies=[needs(Scope.READ, long=long), *self._own()],
            openapi_extra=_limits(Limits.ITS_OWN),
            responses=documented(*ONE, *kinds) | (more or {}),
            response_class=response_class,
            response_description=what,
        )

    def changes(
        self,
        path: str,
        model: type[Typed],
        what: str,
        scope: Scope = Scope.OPERATE,
        responses: dict[int | str, dict[str, Any]] | None = None,
    ) -> Callable[[F], F]:
        """Has something done with one."""
        told = documented(*ONE, *BODY, Kind.REFUSED, Kind.CUT_OFF)
        return self.router.post(
            path,
            dependencies=[needs(scope), *self._own()],
            openapi_extra=accepts(model) | _limits(Limits.ITS_OWN),
            responses=told | (responses or {}),
            response_description=what,
        )

    def keeps(self, path: str, model: type[Typed], what: str) -> Callable[[F], F]:
        """Keeps something for the caller alone, of which no invoice knows: whoever may read may."""
        return self.router.post(
            path,
            dependencies=[needs(Scope.READ)],
            openapi_extra=accepts(model) | _limits(Limits.SHOWN),
            responses=documented(*COMMON, *BODY, Kind.NOT_FOUND, Kind.REFUSED),
            response_description=what,
        )

    def handle_of(self, behind: Backend, request: Request) -> Execution | None:
        """The workflow that a request under this prefix is about, where there is one."""
        reference = request.path_params.get("reference")
        if self._handle is None or reference is None:
            return None
        return self._handle(behind, reference)

    def _own(self) -> list[Any]:
        """Refuses a reference whose invoice is at an account of others. It comes after `needs`."""
        if self._handle is None:
            return []
        handle = self._handle

        async def own(request: Request, behind: Behind, who: Who) -> None:
            reference = request.path_params["reference"]
            if who.reach.accounts and not await is_own(behind, who, handle(behind, reference)):
                raise nothing_here()

        return [Depends(own)]


def _limits(limits: Limits) -> dict[str, Any]:
    return {"x-limits": str(limits)}


async def is_own(behind: Backend, who: Caller, handle: Execution) -> bool:
    """Whether what is behind this handle is at an account of the caller's. Of an invoice whose own
    workflow is forgotten, what hears of its money says so. Raises NotFound."""
    try:
        last = await behind.stored(described(handle.id, handle))
    except NotFound:
        if not handle.id.startswith(INVOICE_PREFIX):
            raise
        hearing = behind.client.invoices.hearing(handle.id.removeprefix(INVOICE_PREFIX))
        last = await behind.stored(described(handle.id, hearing))
    return await behind.stored(who.reach.has(last))


async def begun(
    behind: Backend,
    request: Request,
    response: Response,
    wanted: InvoiceRequest | OrderRequest,
    start: Callable[..., Coroutine[Any, Any, Execution]],
    handle: Execution,
) -> Listed:
    """Have it begun by `start`, which is given a mark for its memo; 201 if it was not there before,
    200 if it was. Of many at once exactly one finds its own mark, and is answered 201."""
    who: Caller = request.state.caller
    visit = visit_of(request)
    visit.about(wanted.reference)
    made, is_new = await _begin(behind, who, visit.identity, wanted, start, handle)
    if is_new:
        where = request.url.path
        response.headers["Location"] = f"{where}/{quote(wanted.reference, safe='')}"
    else:
        response.status_code = 200
    return made


async def begin(
    behind: Backend, who: Caller, mark: str, wanted: InvoiceRequest
) -> tuple[Listed, bool]:
    """Have this invoice begun; and whether it was not there before. `mark` is a name that no other
    request has."""
    await refuse_unseen(behind, who, wanted)
    start = partial(behind.client.invoices.start, wanted)
    handle = behind.client.invoices.handle(wanted.reference)
    return await _begin(behind, who, mark, wanted, start, handle)


async def _begin(
    behind: Backend,
    who: Caller,
    mark: str,
    wanted: InvoiceRequest | OrderRequest,
    start: Callable[..., Coroutine[Any, Any, Execution]],
    handle: Execution,
) -> tuple[Listed, bool]:
    who.reach.refuse(wanted)
    if who.reach.accounts:
        await refuse_others(behind, who, wanted.reference, handle)
    await behind.stored(start(mark, proven=who.name))
    last = await behind.stored(described(wanted.reference, handle))
    memo = await behind.stored(last.memo())
    return lists.listed(last), memo.get(MARK) == mark


async def refuse_others(behind: Backend, who: Caller, reference: str, handle: Execution) -> None:
    """Raise Trouble where another caller has this reference. It is one invoice for everybody: that
    it is taken cannot be hidden, all else is."""
    try:
        if await is_own(behind, who, handle):
            return
    except NotFound:
        return
    raise Trouble(Kind.IN_USE, f"{reference} is taken, and not by this caller: {TAKEN}")


TAKEN = "should it be this very invoice, another reference would make a second one"


async def page(
    behind: Backend, who: Caller, kind: str, filters: Paged, **chosen: Any
) -> tuple[tuple[Listed, ...], str | None]:
    """Rows of a list and the cursor of the next page. To a limited caller it shows its own alone,
    so that a page may have fewer rows than were asked for."""
    marks = Bookmarks(kind, {**chosen, "caller": who.name})
    after = marks.token(filters.cursor)
    query = lists.query(
        kind, **chosen, providers=who.reach.providers, prefixes=who.reach.references
    )
    temporal = behind.client.temporal
    for _ in range(MOST_PAGES):
        asked = page_of(temporal, query, filters.limit, after, who.reach.has)
        found = await behind.stored(asked)
        after = found.next
        if found.rows or not after:
            break
    return found.rows, marks.cursor(found.next)


MOST_PAGES = 10
"""Pages that are gone through for one in which there is something of the caller's."""


def written(wanted: InvoiceRequest | OrderRequest) -> Response:
    """A request as its caller wrote it, without what is ours in it."""
    ours = set(NOT_FOR_CALLERS.get(type(wanted), ()))
    return Response(
        wanted.model_dump_json(exclude_unset=True, exclude=ours), media_type="application/json"
    )


class Failure(Recorded):
    """Why an invoice or order ended without existing."""

    what: str
    errors: tuple[FieldProblem, ...] = ()


async def ending(result: Awaitable[Any], wait: int) -> tuple[bool, Failure | None]:
    """Whether it has ended within this many seconds, and whether it failed."""
    try:
        async with asyncio.timeout(wait):
            await result
    except TimeoutError:
        return False, None
    except Failed as error:
        return True, Failure(what=str(error), errors=error.fields)
    return True, None

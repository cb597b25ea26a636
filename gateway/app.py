"""The application: its routes, the guard around them, and the document that describes them."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Mapping
from typing import Any, Literal

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.routing import Match, Route

import console.app
from documents import DocumentStore
from gateway import (
    amendments,
    attachments,
    batches,
    book_export,
    book_file,
    codec,
    document,
    events,
    findings,
    invoices,
    legal_hold,
    orders,
    pay_link,
    questions,
    saved,
    webhooks,
)
from gateway import books as booked
from gateway import credits as crediting
from gateway.access import Access
from gateway.backend import Backend, Behind, Register
from gateway.guard import Guard
from gateway.people import People
from gateway.problems import Kind, ProblemDetails, Trouble, documented, trouble_with
from gateway.saved import ForgetList, SaveList
from gateway.silence import told_apart
from gateway.visits import visit_of
from invoicing.books.findings import Close
from invoicing.books.legal_hold import LegalHold, ReleaseLegalHold
from invoicing.client import InvoicingClient
from invoicing.credits.amend import Amend
from invoicing.credits.credit import Credit
from invoicing.errors import EngineError
from invoicing.model import Recorded
from invoicing.provider import Hooks
from invoicing.request import InvoiceRequest, OrderRequest
from invoicing.schemas import NOT_FOR_CALLERS
from invoicing.state.invoice import Cancel, Hold, Release, Resolve
from invoicing.state.order import AddLines, CancelLines, Deliver
from invoicing.temporal.asking import Execution
from providers.schemas import any_of_them, components
from settings.callers import CallerSettings
from settings.gateway import GatewaySettings

TITLE = "Durable invoicing"
VERSION = "1"
SUMMARY = "One business reference in, exactly one correct invoice out."
DESCRIPTION = """
Every POST may be repeated: what the body names is its key, see `Idempotency-Key`. Amounts are
strings (`"12.50"`). Whatever goes wrong is answered with a problem (RFC 9457) whose `type` says
what it is and whose `errors` name every field; no value that was sent is repeated.
"""

BODIES = (
    InvoiceRequest,
    OrderRequest,
    Hold,
    Release,
    Resolve,
    Cancel,
    Deliver,
    CancelLines,
    AddLines,
    Credit,
    Amend,
    Close,
    SaveList,
    ForgetList,
    LegalHold,
    ReleaseLegalHold,
)


class Fine(Recorded):
    """The answer of a check that found nothing wrong."""

    status: Literal["ok"] = "ok"


def application(
    client: InvoicingClient,
    hooks: Mapping[str, Mapping[str, Hooks]],
    settings: GatewaySettings,
    callers: Mapping[str, CallerSettings],
    books: Register | None = None,
    people: People | None = None,
    documents: DocumentStore | None = None,
) -> FastAPI:
    """The gateway over this client, with these accounts' webhooks, for these callers; with
    a register to read, an issuer that proves people and a store of documents, where there are."""
    app = described()
    app.state.backend = Backend(client, hooks, settings, books, documents)
    app.state.access = Access(settings, callers, people=people)
    app.add_middleware(Guard, hosts=settings.hosts, proxies=settings.trusted_proxies)
    _mount_codec(app, client, settings)
    if settings.console_keys:
        console.app.mount(app, app.state.backend, app.state.access, settings)
    return app


def described() -> FastAPI:
    """Its routes, with nothing behind them."""
    app = _Described(
        title=TITLE,
        version=VERSION,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
        exception_handlers=dict.fromkeys(_TOLD, _refuse),
    )
    for router in _ROUTERS:
        app.include_router(router)
    app.add_api_route("/openapi.json", _told_of_itself, include_in_schema=False)
    return app


def _mount_codec(app: FastAPI, client: InvoicingClient, settings: GatewaySettings) -> None:
    """Where payloads are encrypted. Its form is Temporal's own, so it is not in our document."""
    encryption = client.temporal.data_converter.payload_codec
    if encryption is not None:
        access: Access = app.state.access
        app.mount("/codec", codec.router(encryption, settings, access))


checks = APIRouter(tags=["checks"])


@checks.get(
    "/health",
    responses=documented(Kind.INTERNAL, Kind.MISDIRECTED),
    response_description="It serves",
)
async def health() -> Fine:
    """Whether this process serves."""
    return Fine()


@checks.get(
    "/ready",
    responses=documented(Kind.INTERNAL, Kind.MISDIRECTED, Kind.ENGINE, Kind.UNAVAILABLE),
    response_description="Temporal can be reached",
)
async def ready(behind: Behind) -> Fine:
    """Whether the Temporal server can be reached and lets the gateway in."""
    await behind.reach()
    return Fine()


_ROUTERS = (
    invoices.router,
    crediting.router,
    crediting.lists_router,
    amendments.router,
    amendments.lists_router,
    orders.router,
    events.router,
    booked.router,
    book_file.router,
    book_export.router,
    saved.router,
    legal_hold.router,
    document.router,
    attachments.router,
    pay_link.router,
    *findings.routers,
    batches.router,
    questions.router,
    webhooks.router,
    checks,
)


_TOLD = (HTTPException, RequestValidationError, Trouble, EngineError)
"""What is told here; all else by the guard."""


async def _refuse(request: Request, error: Exception) -> Response:
    trouble = trouble_with(error)
    if trouble.kind is Kind.NO_WORKER:
        trouble = await told_apart(request.app.state.backend, _about(request))
    visit_of(request).outcome = trouble.kind.slug
    answer = trouble.response()
    if answer.status_code == Kind.NOT_ALLOWED.status:
        # The router names those of one route only, and an address may have several.
        answer.headers["Allow"] = ", ".join(sorted(_methods(request)))
    return answer


def _about(request: Request) -> Execution | None:
    """The workflow that the request is about."""
    backend: Backend = request.app.state.backend
    if beside := crediting.ledger_of(backend, request) or amendments.amendment_of(backend, request):
        return beside
    path = request.url.path
    own = (heads for heads in (invoices.heads, orders.heads) if path.startswith(heads.prefix))
    return next((heads.handle_of(backend, request) for heads in own), None)


def _methods(request: Request) -> set[str]:
    """What can be done with this address."""
    routes = [*request.app.routes, *(route for router in _ROUTERS for route in router.routes)]
    found = {
        method
        for route in routes
        if isinstance(route, Route) and route.matches(request.scope)[0] is not Match.NONE
        for method in route.methods or ()
    }
    return found | ({"HEAD"} if "GET" in found else set())


class _Described(FastAPI):
    """Bodies are read by `gateway.inputs`, so FastAPI knows nothing of them: they are added."""

    def openapi(self) -> dict[str, Any]:
        """Every gateway has the same routes, and one document."""
        return _document()


async def _told_of_itself() -> JSONResponse:
    """Made beside the event loop, for the first time takes a second."""
    return JSONResponse(await asyncio.to_thread(_document))


@functools.cache
def _document() -> dict[str, Any]:
    document = get_openapi(
        title=TITLE,
        version=VERSION,
        summary=SUMMARY,
        description=DESCRIPTION.strip(),
        routes=described().routes,
    )
    # FastAPI says of every path with a parameter that it may be wrong. A webhook's cannot.
    del document["paths"]["/webhooks/{provider}/{account}"]["post"]["responses"]["422"]
    schemas = document["components"]["schemas"]
    del schemas["HTTPValidationError"], schemas["ValidationError"]
    schemas |= _schemas()
    for ours in ("RegisteredOrder", "CreditedInvoice"):
        del schemas[ours]
    return document


def _schemas() -> dict[str, Any]:
    _, definitions = models_json_schema(
        [
            *((model, "validation") for model in BODIES),
            (ProblemDetails, "serialization"),
        ],
        ref_template="#/components/schemas/{model}",
    )
    schemas: dict[str, Any] = definitions["$defs"]
    for model in BODIES:
        for name in NOT_FOR_CALLERS.get(model, ()):
            del schemas[model.__name__]["properties"][name]
    for request in (InvoiceRequest, OrderRequest):
        schemas[request.__name__]["properties"]["options"] = any_of_them()
    return schemas | components()

"""Whatever the server and the network do, a caller of the client meets errors of ours alone."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.message import Message
from temporalio.api.common.v1 import GrpcStatus
from temporalio.api.errordetails.v1 import NamespaceNotFoundFailure
from temporalio.client import WorkflowQueryFailedError, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode, TLSConfig

import invoicing.client.beside
import invoicing.temporal.asking
from invoicing.books.reconciling import ReconcileInput
from invoicing.client import InvoicingClient, server
from invoicing.client.amendments import Amendments
from invoicing.client.credits import CreditsRoom
from invoicing.client.documents import Documents
from invoicing.client.events import Events
from invoicing.client.invoices import Invoices
from invoicing.client.orders import Orders
from invoicing.client.pay_links import PayLinks
from invoicing.client.reconciliations import Reconciliations
from invoicing.credits.amend import Amend
from invoicing.credits.credit import Credit
from invoicing.errors import (
    EngineError,
    EngineRefused,
    Failing,
    InvalidRequest,
    InvoicingError,
    Misread,
    NoNamespace,
    NotFound,
    NotLetIn,
    NoWorker,
    ServerAway,
    TooLarge,
    Unreachable,
)
from invoicing.parse import read, read_request
from invoicing.provider import Event
from invoicing.request import OrderRequest
from invoicing.state.invoice import Cancel, Hold, Release, Resolve
from invoicing.state.order import AddLines, CancelLines, Deliver
from invoicing.state.questions import Answer
from invoicing.temporal.connection import let_in
from invoicing.temporal.engine import ours, within

EXAMPLES = Path(__file__).parents[2] / "sandbox" / "examples"
INVOICE = read_request((EXAMPLES / "invoice.json").read_text())
ORDER = read(OrderRequest, (EXAMPLES / "order.json").read_text())
WHY = {"by": "ada", "reason": "a test"}
ANSWER = Resolve(question="q1", answer=Answer.RETRY, **WHY)
DELIVER = Deliver(delivery="d1", lines=("1",), issue_date=date(2026, 11, 30))

AMEND = Amend(amendment="a1", invoice=INVOICE.model_copy(update={"reference": "A-2"}), **WHY)
ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "invoices.start": (INVOICE,),
    "invoices.start_and_wait": (INVOICE,),
    "invoices.preview": (INVOICE,),
    "invoices.begins": (INVOICE,),
    "invoices.hold": ("A-1", Hold(**WHY)),
    "invoices.release": ("A-1", Release(**WHY)),
    "invoices.cancel": ("A-1", Cancel(**WHY)),
    "invoices.resolve": ("A-1", ANSWER),
    "invoices.list": (),
    "invoices.page": (),
    "orders.start": (ORDER,),
    "orders.deliver": ("A-1", DELIVER),
    "orders.cancel_lines": ("A-1", CancelLines(cancellation="c1", lines=("1",), **WHY)),
    "orders.add_lines": ("A-1", AddLines(addition="a1", lines=ORDER.document.lines)),
    "orders.cancel": ("A-1", Cancel(**WHY)),
    "orders.resolve": ("A-1", ANSWER),
    "orders.list": (),
    "orders.page": (),
    "events.tell": ("mollie", "default", Event(id="e1")),
    "events.list": (),
    "events.resolve": ("mollie/default/e1", ANSWER),
    "credits.make": ("A-1", Credit(credit="c1", whole=True, **WHY)),
    "credits.resolve": ("A-1", ANSWER),
    "credits.list": (),
    "amendments.make": ("A-1", AMEND),
    "amendments.list": (),
    "reconciliations.make": (ReconcileInput(provider="mollie"),),
}
"""Of what takes more than a reference, or less."""
ROOMS = {
    "invoices": Invoices,
    "orders": Orders,
    "events": Events,
    "credits": CreditsRoom,
    "amendments": Amendments,
    "documents": Documents,
    "pay_links": PayLinks,
    "reconciliations": Reconciliations,
}
METHODS = [
    f"{room}.{name}"
    for room, kind in ROOMS.items()
    for name, method in inspect.getmembers(kind)
    if not name.startswith("_")
    and (inspect.iscoroutinefunction(method) or inspect.isasyncgenfunction(method))
]
"""Everything that the client does over the network."""


WORDS = "words of the engine"


def failure(status: RPCStatusCode, message: str = WORDS, *about: Message) -> RPCError:
    """What the SDK raises for an answer of the server; `about` are its details."""
    told = GrpcStatus(code=status.value, message=message)
    for each in about:
        told.details.add().Pack(each)
    return RPCError(message, status, told.SerializeToString())


Raising = Callable[[Exception], Awaitable[InvoicingClient]]


@pytest.fixture
def raising(monkeypatch: pytest.MonkeyPatch) -> Raising:
    """A client whose every call to the server ends in this error, without a pause before more."""

    async def made(error: Exception) -> InvoicingClient:
        async def call(*_: object, **__: object) -> None:
            raise error

        client = await InvoicingClient.connect("127.0.0.1:1", lazy=True)
        monkeypatch.setattr(type(client.temporal.service_client), "_rpc_call", call)
        monkeypatch.setattr(invoicing.temporal.asking, "_PAUSES", ())
        monkeypatch.setattr(invoicing.client.beside, "TURNS", 1)
        return client

    return made


async def asked(client: InvoicingClient, method: str, reference: str = "A-1") -> None:
    """Have it done, to the end."""
    room, _, name = method.partition(".")
    given = [reference if each == "A-1" else each for each in ARGUMENTS.get(method, ("A-1",))]
    made = getattr(getattr(client, room), name)(*given)
    if inspect.isasyncgen(made):
        async for _ in made:
            pass
    else:
        await made


def test_the_client_has_no_room_that_is_not_tried_here() -> None:
    client = asyncio.run(InvoicingClient.connect("127.0.0.1:1", lazy=True))
    kinds = {name: type(room) for name, room in vars(client).items() if name not in PARTS}
    assert kinds == ROOMS
    assert len(METHODS) > 30
    assert set(ARGUMENTS) <= set(METHODS)


PARTS = ("temporal", "task_queue")


@pytest.mark.parametrize("method", METHODS)
async def test_every_status_of_the_server_becomes_an_error_of_ours(
    method: str, raising: Raising
) -> None:
    for status in RPCStatusCode:
        if status is RPCStatusCode.OK:
            continue
        client = await raising(failure(status))
        with pytest.raises(InvoicingError) as caught:
            await asked(client, method)
        assert WORDS not in str(caught.value), status
        assert isinstance(caught.value, BY_STATUS.get(status, EngineRefused)), status


BY_STATUS: dict[RPCStatusCode, tuple[type[InvoicingError], ...]] = {
    RPCStatusCode.UNAVAILABLE: (ServerAway,),
    RPCStatusCode.RESOURCE_EXHAUSTED: (ServerAway,),
    RPCStatusCode.PERMISSION_DENIED: (NotLetIn,),
    RPCStatusCode.UNAUTHENTICATED: (NotLetIn,),
    RPCStatusCode.CANCELLED: (NoWorker, ServerAway),
    RPCStatusCode.DEADLINE_EXCEEDED: (NoWorker, ServerAway),
    RPCStatusCode.FAILED_PRECONDITION: (NoWorker, EngineRefused),
    RPCStatusCode.NOT_FOUND: (NotFound, EngineRefused),
    # Of a query: the worker says that it cannot answer.
    RPCStatusCode.INVALID_ARGUMENT: (EngineRefused, Failing),
}


@pytest.mark.parametrize("method", METHODS)
async def test_a_namespace_that_is_not_there_is_no_invoice_that_is_not_there(
    method: str, raising: Raising
) -> None:
    """Whoever believed that would ask for it: beside the one in the right namespace, a second."""
    missing = NamespaceNotFoundFailure(namespace="nope")
    client = await raising(failure(RPCStatusCode.NOT_FOUND, "not found", missing))
    with pytest.raises(NoNamespace, match="TEMPORAL_NAMESPACE"):
        await asked(client, method)


@pytest.mark.parametrize("method", METHODS)
async def test_a_server_that_was_never_there_is_told_of_as_one_that_went_away(method: str) -> None:
    """A lazy client connects with its first call."""
    client = await InvoicingClient.connect("127.0.0.1:1", lazy=True)
    with pytest.raises(ServerAway, match="no Temporal server answers"):
        await asked(client, method)


@pytest.mark.parametrize(
    "method", [each for each in METHODS if ARGUMENTS.get(each, ("A-1",))[:1] == ("A-1",)]
)
async def test_a_reference_that_is_no_text_is_told_of(method: str) -> None:
    """As a shell hands on bytes of another encoding."""
    client = await InvoicingClient.connect("127.0.0.1:1", lazy=True)
    with pytest.raises(InvalidRequest, match="not valid Unicode") as caught:
        await asked(client, method, "\udcff")
    assert "udcff" not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "options", "kind", "said"),
    [
        ("127.0.0.1:1", {}, ServerAway, "no Temporal server answers at 127.0.0.1:1"),
        ("not an address", {}, Unreachable, "TEMPORAL_ADDRESS"),
        ("localhost:http", {}, Unreachable, "TEMPORAL_ADDRESS"),
        ("127.0.0.1:1", {"tls": TLSConfig(client_cert=b"c")}, Unreachable, "TEMPORAL_TLS"),
        (
            "127.0.0.1:1",
            {"tls": TLSConfig(client_cert=b"c", client_private_key=b"secret")},
            ServerAway,
            "TEMPORAL_TLS_CLIENT_KEY_PATH",
        ),
    ],
)
async def test_who_cannot_connect_is_told_why(
    address: str, options: dict[str, Any], kind: type[Exception], said: str
) -> None:
    with pytest.raises(kind, match=said) as caught:
        await InvoicingClient.connect(address, **options)
    assert "secret" not in f"{caught.value!r} {caught.value.__cause__!r}"


async def test_what_the_server_says_of_itself_is_an_error_of_ours_too(raising: Raising) -> None:
    client = (await raising(failure(RPCStatusCode.PERMISSION_DENIED))).temporal
    calls: list[Awaitable[Any]] = [
        let_in(client),
        server.pollers(client, "queue", server.WORKFLOWS),
        server.waiting(client, ""),
        server.make_namespace(client, 1),
        server.registered(client),
        server.register(client, {"Provider": "Keyword"}),
        server.server_time(client),
    ]
    for call in calls:
        with pytest.raises(NotLetIn):
            await call
    there = (await raising(failure(RPCStatusCode.ALREADY_EXISTS))).temporal
    assert not await server.make_namespace(there, 1)
    await server.register(there, {"Provider": "Keyword"})


@pytest.mark.parametrize("error", [NoWorker, ServerAway])
def test_what_may_have_been_taken_is_looked_for_before_it_is_given_again(
    error: type[EngineError],
) -> None:
    assert "look before you repeat it" in str(error())


def test_no_advice_is_to_ask_under_another_reference() -> None:
    """That would be a second invoice."""
    those = [each for each in every(EngineError) if each.__module__.startswith("invoicing")]
    assert len(those) > 5
    for kind in those:
        said = str(kind()).lower()
        assert said, kind
        for words in ("another reference", "new reference", "other reference"):
            assert words not in said, kind


def every(kind: type[EngineError]) -> Iterator[type[EngineError]]:
    """It and all that are of its kind."""
    yield kind
    for each in kind.__subclasses__():
        yield from every(each)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (WorkflowQueryFailedError(WORDS), Failing),
        (WorkflowUpdateRPCTimeoutOrCancelledError(), NoWorker),
        (ApplicationError(WORDS, type="Rejected"), Misread),
        (failure(RPCStatusCode.INVALID_ARGUMENT, "blob size exceeds limit"), TooLarge),
    ],
)
async def test_what_the_sdk_raises_is_told_in_our_words(
    error: Exception, kind: type[Exception]
) -> None:
    with pytest.raises(kind) as caught, ours():
        raise error
    assert WORDS not in str(caught.value)


async def test_a_mistake_in_a_program_is_none_of_the_engine() -> None:
    for mistake in (RuntimeError("ours"), KeyError("ours"), TypeError("ours")):
        with pytest.raises(type(mistake), match="ours"), ours():
            raise mistake


async def test_a_time_out_knows_its_own_although_the_sdk_hides_it() -> None:
    """The SDK makes an error of its own of the cancel by which a time-out ends an update."""

    async def update() -> None:
        try:
            await asyncio.Future()
        except asyncio.CancelledError:
            raise WorkflowUpdateRPCTimeoutOrCancelledError from None

    async def by_ours() -> None:
        with ours():
            await update()

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await by_ours()
    with pytest.raises(NoWorker, match="my own"):
        await within(0.01, update(), lambda: NoWorker("my own"))
    with pytest.raises(NoWorker, match="no worker answered in time"), ours():
        raise WorkflowUpdateRPCTimeoutOrCancelledError

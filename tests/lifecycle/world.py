"""What lifecycle tests live in: a real server, a real worker, and a company per test.

The worker is shared by all tests of a session; what a test does stays in its own account, which has
its own stand-in, so that tests neither see nor disturb each other.
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client
from temporalio.worker import WorkflowRunner

from documents import DocumentStore
from invoicing.books.claims import Register
from invoicing.client import InvoicingClient, converter
from invoicing.client.invoices import Invoices
from invoicing.consent import Consent
from invoicing.errors import InvoicingError, NoWorker
from invoicing.provider import Event, Pace, Paces, Plan, Provider, Stage
from invoicing.request import InvoiceRequest
from invoicing.state.invoice import Cancel, Hold, Invoice, Release, Resolve, Status
from invoicing.state.notice import Subscriber
from invoicing.state.questions import Answer
from invoicing.temporal.data_keys import KeyStore
from providers.kit.http import client as http_client
from providers.registry import ADAPTORS
from providers.zero_friction.adaptor import ZeroFriction
from providers.zero_friction.settings import ZeroFrictionSettings
from sandbox import zero_friction as zf
from sandbox.kit.server import serve
from settings.worker import WorkerSettings
from temporal_server import Server
from tests.examples import an_invoice
from tests.patience import LONG_ENOUGH
from tests.tiers import chosen
from worker import RUNNER, serving, workers

QUICK = Pace(
    first=timedelta(milliseconds=40), cap=timedelta(milliseconds=300), deadline=timedelta(minutes=1)
)
PACES = Paces(
    settle=timedelta(milliseconds=100),
    effect=timedelta(seconds=1),
    unavailable=QUICK,
    credentials=QUICK,
    unreadable=QUICK,
    approval=QUICK,
    sending=QUICK,
    delivery=QUICK,
    payment=QUICK,
    notices=QUICK,
    hold=timedelta(minutes=5),
    attention=timedelta(minutes=5),
)
"""The waits of tests: pace is data."""

TIMEOUT = 2.0
"""Seconds an adaptor waits for an answer. A stand-in answers in milliseconds, but a busy machine
may have the process of both wait for half a second, and nothing was to be lost then."""


def settings(stand_in: zf.ZeroFrictionStandIn, **changes: Any) -> ZeroFrictionSettings:
    """The account at this stand-in."""
    return ZeroFrictionSettings.model_validate(
        {**stand_in.account(), "timeout": TIMEOUT, **changes}
    )


class Hurried(ZeroFriction):
    """The adaptor with the paces of a test."""

    def __init__(self, settings: ZeroFrictionSettings, http: httpx.AsyncClient, paces: Paces):
        super().__init__(settings, http)
        self.paces = paces

    async def plan(self, request: InvoiceRequest) -> Plan:
        plan = await super().plan(request)
        return plan.model_copy(update={"paces": self.paces})


@dataclass
class Company:
    """One account with a stand-in of its own, and the client that asks for its invoices."""

    account: str
    stand_in: zf.ZeroFrictionStandIn
    client: InvoicingClient
    adaptor: Hurried

    def request(self, reference: str | None = None, **changes: Any) -> InvoiceRequest:
        """An ordinary request of this company."""
        reference = reference or f"T-{uuid.uuid4().hex[:12]}"
        return an_invoice(reference, account=self.account, **changes)

    async def start(self, request: InvoiceRequest | None = None, **changes: Any) -> str:
        """Start an invoice; its reference."""
        request = request or self.request(**changes)
        await self.client.invoices.start(request)
        return request.reference

    async def finished(self, reference: str, within: float = LONG_ENOUGH) -> Invoice:
        """The invoice at its end."""
        return await asyncio.wait_for(self.client.invoices.result(reference), within)

    async def until(
        self, reference: str, sure: Callable[[Invoice], bool], within: float = LONG_ENOUGH
    ) -> Invoice:
        """The state once `sure` holds. Queries are the only way to see it, so this asks again, also
        where a worker that is busy has not answered in time."""
        async with asyncio.timeout(within):
            pause = 0.03
            while True:
                with contextlib.suppress(NoWorker):
                    if sure(state := await self.client.invoices.state(reference)):
                        return state
                await asyncio.sleep(pause)
                pause = min(pause * 1.5, 0.2)

    async def ended(self, reference: str) -> Invoice:
        """The state once it has ended: its workflow may still look for what takes effect late."""
        return await self.until(reference, lambda state: state.ended)

    async def until_status(
        self, reference: str, *wanted: Status, within: float = LONG_ENOUGH
    ) -> Invoice:
        """The state once its status is one of these."""
        return await self.until(reference, lambda state: state.status in wanted, within)

    async def until_waiting(self, reference: str, what: str) -> Invoice:
        """The state once it waits for this."""
        return await self.until(
            reference, lambda state: state.waiting is not None and state.waiting.what == what
        )

    async def parked(self, reference: str) -> Invoice:
        """The state once it waits for a person."""
        return await self.until_status(reference, Status.NEEDS_ATTENTION)

    async def resolve(self, reference: str, answer: Answer, **more: Any) -> Invoice:
        """Answer the question that is open, as its operator who has just read it."""
        problem = (await self.client.invoices.state(reference)).problem
        assert problem is not None, "it asks nothing"
        said = {"question": problem.question, "answer": answer, **more}
        said = {"by": "an operator", "reason": "test", **said}
        return await self.client.invoices.resolve(reference, Resolve.model_validate(said))

    async def cancel(self, reference: str) -> Invoice:
        """Cancel as an operator; returns once that is acknowledged."""
        return await self.client.invoices.cancel(reference, Cancel(by="an operator", reason="test"))

    async def hold(self, reference: str) -> Invoice:
        """Hold it as an operator."""
        return await self.client.invoices.hold(reference, Hold(by="an operator", reason="test"))

    async def release(self, reference: str) -> Invoice:
        """Release it as an operator."""
        return await self.client.invoices.release(
            reference, Release(by="an operator", reason="test")
        )

    async def tell(self, reference: str, event: str = "") -> None:
        """Signal that something happened at the provider, as a webhook would."""
        signal = Event(id=event or uuid.uuid4().hex)
        await self.client.invoices.handle(reference).signal("provider_event", signal)

    def effects(self, reference: str) -> list[str]:
        """What was committed at the provider for this reference, in order."""
        return [str(effect) for effect in self.stand_in.ledger.effects(reference)]

    @property
    def started(self) -> frozenset[str]:
        """The references of the invoices that its client has started."""
        assert isinstance(self.client, _Recording)
        return frozenset(self.client.invoices.started)

    def forget(self) -> None:
        """Its server ends together with all that was started on it."""
        assert isinstance(self.client, _Recording)
        self.client.invoices.started.clear()

    def moves_to(self, there: World) -> None:
        """From now on its client asks this server."""
        self.client = _Recording(there.client)

    def live(self, reference: str) -> int:
        """How many invoices are alive at the provider under this reference."""
        return len(self.stand_in.ledger.live(reference))

    async def at_rest(self, reference: str, within: float = LONG_ENOUGH) -> Invoice:
        """The state once it has ended or waits for a person; asks only when that may be so."""
        async with asyncio.timeout(within):
            events = self.client.invoices.handle(reference).fetch_history_events(
                wait_new_event=True
            )
            async for event in events:
                if event.event_type in _OVER:
                    return await self.finished(reference)
                if not _a_person_is_awaited(event):
                    continue
                state = await self.client.invoices.state(reference)
                if state.ended or state.problem:
                    return state
        raise AssertionError("the workflow was terminated")

    async def violations(self, reference: str, state: Invoice | None = None) -> list[str]:
        """What holds at any moment and does not: the promise, between the ledger and the state.

        Give the state if it is at hand: asking for it once it has ended replays the whole life.
        """
        state = state or await self.client.invoices.state(reference)
        live = self.stand_in.ledger.live(reference)
        entries = self.stand_in.ledger.of(reference)
        approved = [entry for entry in entries if entry.effect == "approved"]
        over = state.status in (Status.CANCELLED, Status.CREDITED)
        there = state.provider_id is not None and state.stage not in (Stage.DELETED, Stage.CREDITED)
        broken = {
            "two live invoices": len(live) > 1,
            "two approvals": len({entry.invoice_id for entry in approved}) < len(approved),
            "sent twice": self.effects(reference).count("sent") > 1,
            "ours is not the live one": there and not over and live != (state.provider_id,),
            "taken back, yet alive": over and bool(live),
            "a wrong amount is final": state.amounts is not None
            and any(entry.gross != state.amounts.gross for entry in approved),
            "neither at its end nor awaiting anything": not state.ended and state.waiting is None,
        }
        return [what for what, holds in broken.items() if holds]

    async def report(self, reference: str, wrong: Iterable[str]) -> str:
        """What went wrong, with everything that helps to see why."""
        lines = [*(f"  {one}" for one in wrong), f"  ledger: {self.effects(reference)}"]
        lines += [f"  calls: {self.stand_in.calls.counts}"]
        with contextlib.suppress(Exception):
            state = await self.client.invoices.state(reference)
            journal = await self.client.invoices.journal(reference)
            lines += [f"  state: {state.model_dump(mode='json', exclude={'lines', 'amounts'})}"]
            lines += [f"    {entry.at:%H:%M:%S.%f} {entry.what}" for entry in journal.entries]
        return "\n".join(lines)


def _a_person_is_awaited(event: HistoryEvent) -> bool:
    """Whether a wait has begun that is long enough for it."""
    patience = event.timer_started_event_attributes.start_to_fire_timeout.ToTimedelta()
    return patience >= PACES.attention * 0.5


_OVER = (
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED,
)


class World:
    """A server with a worker that serves every company opened in it."""

    def __init__(
        self,
        server: Server,
        client: InvoicingClient,
        http: httpx.AsyncClient,
        documents: DocumentStore | None = None,
    ) -> None:
        self.server = server
        self.client = client
        self.http = http
        self.documents = documents
        self.accounts: dict[str, dict[str, Provider]] = {name: {} for name in ADAPTORS}
        self.consents: dict[str, dict[str, Consent]] = {name: {} for name in ADAPTORS}
        self.files: DocumentStore | None = None
        """Where the files are that documents name."""
        self.subscribers: dict[str, Subscriber] = {}
        """Those that requests may name; whoever adds one serves its queue."""

    @contextlib.asynccontextmanager
    async def company(
        self, *, paces: Paces = PACES, patience: float = TIMEOUT, **stand_in: Any
    ) -> AsyncIterator[Company]:
        """An account with a stand-in that was made with these settings.

        `patience` is the adaptor's time-out: longer where a test holds an answer back on purpose.
        What its test left running is terminated when it closes.
        """
        account = f"a{uuid.uuid4().hex[:10]}"
        made = zf.ZeroFrictionStandIn(**{"approval_delay": 0.03, "sending_delay": 0.03, **stand_in})
        async with serve(made) as served:
            adaptor = Hurried(settings(served, timeout=patience), self.http, paces)
            self.accounts["zero_friction"][account] = adaptor
            company = Company(account, served, _Recording(self.client), adaptor)
            try:
                yield company
            finally:
                await _terminate(company.client)


class _Remembering(Invoices):
    """Invoices that remember what was started."""

    def __init__(self, temporal: Client, task_queue: str) -> None:
        super().__init__(temporal, task_queue)
        self.started: set[str] = set()

    async def start(self, request: InvoiceRequest, mark: str = "", *, proven: str = "") -> Any:
        self.started.add(request.reference)
        return await super().start(request, mark, proven=proven)


class _Recording(InvoicingClient):
    """A client that remembers what it started."""

    def __init__(self, client: InvoicingClient) -> None:
        super().__init__(client.temporal)
        self.invoices: _Remembering = _Remembering(self.temporal, self.task_queue)


async def together(
    scenarios: Mapping[str, Coroutine[Any, Any, None]], at_once: int = 12, *, every: bool = False
) -> None:
    """Run scenarios that have nothing to do with each other; a failure says which one it is.

    A table of more than a few is run in part, unless everything is to be run (see tests.tiers) or
    `every` scenario is about something else.
    """
    names = chosen(list(scenarios), 6 if len(scenarios) > 3 and not every else 1)
    for name in scenarios.keys() - names:
        scenarios[name].close()
    scenarios = {name: scenarios[name] for name in names}
    places = asyncio.Semaphore(at_once)

    async def one(name: str, scenario: Coroutine[Any, Any, None]) -> Exception | None:
        async with places:
            try:
                await scenario
            except Exception as error:  # noqa: BLE001
                error.add_note(f"in the scenario: {name}")
                return error
        return None

    ended = await asyncio.gather(*(one(name, scenario) for name, scenario in scenarios.items()))
    failed = [error for error in ended if error]
    if failed:
        raise ExceptionGroup(f"{len(failed)} of {len(ended)} scenarios failed", failed)


async def _terminate(client: InvoicingClient) -> None:
    assert isinstance(client, _Recording)
    for reference in client.invoices.started:
        with contextlib.suppress(InvoicingError, Exception):
            await client.invoices.handle(reference).terminate("the test is over")


@contextlib.asynccontextmanager
async def world(
    server: Server,
    *,
    runner: WorkflowRunner = RUNNER,
    register: Register | None = None,
    documents: DocumentStore | None = None,
    files: DocumentStore | None = None,
    data_keys: KeyStore | None = None,
    **settings_: Any,
) -> AsyncIterator[World]:
    """A worker on this server, and a client; with a register and a store, where they are given."""
    read, works = converter(data_keys), converter(data_keys, worker=True)
    client = await InvoicingClient.connect(server.address, data_converter=read)
    worker = await InvoicingClient.connect(server.address, data_converter=works)
    async with http_client() as http:
        made = World(server, client, http, documents)
        made.files = documents or files
        setup = WorkerSettings(**{"grace": 2.0, "calls": 200, **settings_})
        async with serving(
            workers(
                worker.temporal,
                made.accounts,
                setup,
                runner,
                subscribers=made.subscribers,
                register=register,
                consents=made.consents,
                documents=documents,
                files=files,
            )
        ):
            yield made

"""Records one history of each kind of life, from real runs, for the replay test:

    python -m tests.workflows.record

Run it when the workflow has changed and no invoice in production waits under the old code. Where
some do, the change has to be versioned: then the old recordings stay, and must still replay.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import math
import sys
import tempfile
import uuid
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from temporalio import activity
from temporalio.client import WorkflowFailureError, WorkflowHandle, WorkflowHistory

from documents import DocumentStore
from documents import opened as store_at
from invoicing.books.claims import ClaimCall, Claimed, Register
from invoicing.books.reconciling import ReconcileInput
from invoicing.books.retention import RetentionInput
from invoicing.credits.amend import Amend
from invoicing.credits.credit import Credit
from invoicing.errors import Unavailable, UnknownOutcome
from invoicing.preview import PREVIEW_WORKFLOW
from invoicing.process import run
from invoicing.provider import AttachCall, Attachment, Found, Pace, PaymentStatus, Plan
from invoicing.request import Goal, InvoiceRequest, OrderRequest
from invoicing.state.identity import (
    RETENTION,
    RETENTION_WORKFLOW,
    TASK_QUEUE,
    WORKFLOW,
    amend_id,
    credits_id,
    document_id,
    money_id,
    notices_id,
    order_id,
    pay_link_id,
    reconciliation_id,
    workflow_id,
)
from invoicing.state.invoice import Cancel, Release, Resolve, Status
from invoicing.state.news import EventState
from invoicing.state.notice import Notice
from invoicing.state.order import Deliver, invoice_reference
from invoicing.state.questions import Answer
from invoicing.state.recording import CreditsCall, RecordCall
from register import Books, opened
from sandbox.kit.faults import Fault
from sandbox.zero_friction import Step, Told
from settings.worker import WorkerSettings
from temporal_server import local_server
from tests.examples import a_document, a_line
from tests.lifecycle.telling import Telling, an_event, polling, talkative
from tests.lifecycle.telling import told as tell
from tests.lifecycle.world import PACES, QUICK, Company, Hurried, world
from tests.patience import LONG_ENOUGH
from worker import posts_to, serving

FOLDER = Path(__file__).parent / "histories"
LONG = 140
"""Events after which a run continues as new: more than any other recorded life has."""

Life = Callable[[Company], Awaitable[str]]
"""Lives one life to its end; the invoice's reference, or the id of a workflow of another type."""


async def sent(company: Company) -> str:
    return await company.start()


async def paid(company: Company) -> str:
    reference = await company.start(goal=Goal.PAID)
    await company.until_waiting(reference, "payment")
    company.stand_in.pay(reference)
    return reference


async def adopted(company: Company) -> str:
    company.stand_in.faults.place(Step.CREATE, Fault.RESET, when="after")
    return await company.start()


async def created_again(company: Company) -> str:
    company.stand_in.faults.place(Step.CREATE, Fault.RESET, when="before")
    return await company.start()


async def corrected(company: Company) -> str:
    company.stand_in.faults.place(Step.CREATE, Told.CHANGED_AMOUNT)
    reference = await company.start()
    await company.parked(reference)
    document = company.request(reference).document
    await company.resolve(reference, Answer.CORRECT, document=document)
    return reference


async def cancelled(company: Company) -> str:
    reference = await company.start(hold=True)
    await company.until_status(reference, Status.HELD)
    await company.cancel(reference)
    return reference


async def credited(company: Company) -> str:
    reference = await company.start(goal=Goal.PAID)
    await company.until_waiting(reference, "payment")
    await company.cancel(reference)
    return reference


async def cancelled_by_the_engine(company: Company) -> str:
    reference = await company.start(hold=True)
    await company.until_status(reference, Status.HELD)
    await company.client.invoices.handle(reference).cancel()
    return reference


async def rejected(company: Company) -> str:
    return await company.start(options={"no_such_option": True})


async def released(company: Company) -> str:
    reference = await company.start(hold=True)
    await company.until_status(reference, Status.HELD)
    await company.release(reference)
    return reference


async def continued(company: Company) -> str:
    reference = await company.start(goal=Goal.PAID)
    first = await company.client.invoices.handle(reference).describe()
    while True:
        await company.until_waiting(reference, "payment")
        last = await company.client.invoices.handle(reference).describe()
        if last.run_id != first.run_id:
            company.stand_in.pay(reference)
            return reference
        await company.tell(reference)


async def approved_slowly(company: Company) -> str:
    company.stand_in.assumed.approval_delay = math.inf
    reference = await company.start(goal=Goal.APPROVED)
    await company.stand_in.arrived(Step.READ, 5, within=LONG_ENOUGH)
    company.stand_in.finish(reference)
    return reference


async def told(company: Company) -> str:
    reference = await company.start(goal=Goal.PAID)
    await company.until_waiting(reference, "payment")
    company.stand_in.pay(reference)
    await company.tell(reference, "event-1")
    await company.tell(reference, "event-1")
    return reference


async def lost_while_looking(company: Company) -> str:
    company.stand_in.faults.place(Step.FIND, Fault.RESET)
    company.stand_in.faults.place(Step.APPROVE, Fault.RESET, when="after")
    company.stand_in.faults.place(Step.SEND, Fault.UNAVAILABLE)
    return await company.start()


async def ordered(company: Company) -> str:
    lines = tuple(a_line(number) for number in (1, 2, 3))
    order = OrderRequest(
        reference=f"O-{uuid.uuid4().hex[:12]}",
        provider="zero_friction",
        account=company.account,
        document=a_document(lines=lines),
    )
    day, client = order.document.issue_date, company.client
    await client.orders.start(order)
    wanted = Deliver(delivery="A", lines=("1",), issue_date=day, options={"no_such": 1})
    await client.orders.deliver(order.reference, wanted)
    wanted = Deliver(delivery="B", lines=("2",), issue_date=day)
    await client.orders.deliver(order.reference, wanted)
    async with asyncio.timeout(LONG_ENOUGH):
        while (await client.orders.state(order.reference)).ledger.lines[0].status != "open":  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    await client.orders.cancel(order.reference, Cancel(by="an operator", reason="recorded"))
    return order_id(order.reference)


async def ordered_for_long(company: Company) -> str:
    """Its history begins anew under a delivery whose invoice is held."""
    order = OrderRequest(
        reference=f"O-{uuid.uuid4().hex[:12]}",
        provider="zero_friction",
        account=company.account,
        document=a_document(lines=(a_line(1), a_line(2))),
    )
    day, client = order.document.issue_date, company.client
    handle = await client.orders.start(order)
    wanted = Deliver(delivery="A", lines=("1",), issue_date=day, hold=True)
    await client.orders.deliver(order.reference, wanted)
    held = invoice_reference(order.reference, "A")
    await company.until_status(held, Status.HELD)
    first = (await handle.describe()).run_id
    while (await client.orders.handle(order.reference).describe()).run_id == first:
        await client.orders.handle(order.reference).signal("resolve")
    await company.release(held)
    wanted = Deliver(delivery="B", lines=("2",), issue_date=day)
    await client.orders.handle(order.reference).signal("deliver", wanted)
    return order_id(order.reference)


async def asked_by_signal(company: Company) -> str:
    reference = await company.start(goal=Goal.PAID, hold=True)
    await company.until_status(reference, Status.HELD)
    handle = company.client.invoices.handle(reference)
    await handle.signal("release")
    await handle.signal("release", Release(by="an operator", reason="recorded"))
    await company.until_waiting(reference, "payment")
    await handle.signal("cancel", Cancel(by="an operator", reason="recorded"))
    return reference


async def gone(company: Company) -> str:
    reference = await company.start(hold=True)
    await company.until_status(reference, Status.HELD)
    company.stand_in.forget()
    await company.release(reference)
    await company.parked(reference)
    await company.resolve(reference, Answer.MAKE_AGAIN)
    return reference


async def event_delivered(company: Company) -> str:
    reference = await company.start(hold=True)
    state = await company.until_status(reference, Status.HELD)
    handle = await tell(company, an_event(state.provider_id))
    await handle.result()
    await company.cancel(reference)
    return handle.id


async def event_unknown(company: Company) -> str:
    handle = await tell(company, an_event("nobody's"), pace=1e-6)
    answer = Resolve(by="an operator", reason="recorded", question="q1", answer=Answer.DROP)
    async with asyncio.timeout(LONG_ENOUGH):
        while (await handle.query("state", result_type=EventState)).problem is None:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    await handle.execute_update("resolve", answer)
    return handle.id


async def feed_fetched(company: Company) -> str:
    assert isinstance(company.adaptor, Telling)
    events = [an_event(None) for _ in range(3)]
    company.adaptor.feed = {event.id: event for event in events}
    poller = await polling(company)
    async with asyncio.timeout(LONG_ENOUGH):
        while company.adaptor.feed:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    await poller.terminate("recorded")
    return poller.id


async def scheduled(company: Company) -> str:
    reference = await company.start(send_on=date(2099, 3, 1), document={"due_date": None})
    await company.until_status(reference, Status.SCHEDULED)
    await company.hold(reference)
    await company.until_status(reference, Status.HELD)
    await company.release(reference)
    await company.until_status(reference, Status.SCHEDULED)
    await company.release(reference)
    return reference


async def attached(company: Company) -> str:
    company.adaptor = _Attaching(company)
    return await company.start()


class _Attaching(Hurried):
    """An adaptor that takes a file, at the third attempt."""

    def __init__(self, company: Company) -> None:
        here = company.adaptor
        super().__init__(here._settings, here._http, here.paces)
        self._answers: list[Exception] = [Unavailable("later"), UnknownOutcome("lost")]

    async def plan(self, request: InvoiceRequest) -> Plan:
        plan = await super().plan(request)
        return plan.model_copy(update={"attachments": (Attachment(name="own pdf"),)})

    async def attach(self, call: AttachCall) -> Found:
        if self._answers:
            raise self._answers.pop(0)
        return Found()


async def subscribed(company: Company) -> str:
    return await company.start(subscriber=SUBSCRIBER)


async def posted(company: Company) -> str:
    reference = await company.start(subscriber=SUBSCRIBER)
    await company.finished(reference)
    return notices_id(SUBSCRIBER, workflow_id(reference))


SUBSCRIBER = "recorded"


class _Deaf:
    """A subscriber that hears nothing the first time."""

    def __init__(self) -> None:
        self._told: set[str] = set()

    async def post(self, notice: Notice) -> None:
        if notice.id not in self._told:
            self._told.add(notice.id)
            raise Unavailable("pardon?")


async def started_plainly(company: Company) -> str:
    request = company.request()
    await company.client.temporal.start_workflow(
        WORKFLOW, request, id=workflow_id(request.reference), task_queue=TASK_QUEUE
    )
    return request.reference


async def previewed(company: Company) -> str:
    request = company.request()
    handle = await company.client.temporal.start_workflow(
        PREVIEW_WORKFLOW, request, id=f"preview/{request.reference}", task_queue=TASK_QUEUE
    )
    return handle.id


async def amended(company: Company) -> str:
    reference = await company.start()
    await company.finished(reference)
    new = company.request(document={"lines": (a_line(1),)})
    wanted = Amend(by="an operator", reason="recorded", amendment="A1", invoice=new)
    await company.client.amendments.make(reference, wanted)
    return amend_id(reference)


async def taken_back(company: Company) -> str:
    """The ledger of its credits, which waits for weeks for one more."""
    reference = await company.start()
    await company.finished(reference)
    wanted = Credit(by="an operator", reason="recorded", credit="C1", whole=True)
    await company.client.credits.make(reference, wanted)
    async with asyncio.timeout(LONG_ENOUGH):
        while not all(  # noqa: ASYNC110
            each.ended for each in (await company.client.credits.state(reference)).credits
        ):
            await asyncio.sleep(0.05)
    await _handle(company, credits_id(reference)).terminate("it is recorded")
    return credits_id(reference)


async def heard_of(company: Company) -> str:
    """Its money comes after its end, and then somebody has heard enough."""
    money = Pace(first=QUICK.first, cap=QUICK.cap, deadline=timedelta(minutes=5))
    company.adaptor.paces = PACES.model_copy(update={"money": money})
    reference = await company.start()
    await company.finished(reference)
    company.stand_in.pay(reference)
    heard = company.client.temporal.get_workflow_handle(money_id(reference))
    async with asyncio.timeout(LONG_ENOUGH):
        while (await heard.query("state"))["payment"] != PaymentStatus.PAID:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    await heard.cancel()
    return money_id(reference)


async def linked(company: Company) -> str:
    reference = await company.start()
    await company.finished(reference)
    await company.client.pay_links.ask(reference)
    return pay_link_id(reference)


async def documented(company: Company) -> str:
    reference = await company.start()
    await company.finished(reference)
    await company.client.documents.ask(reference)
    return document_id(reference)


async def reconciled(company: Company) -> str:
    reference = await company.start()
    await company.finished(reference)
    wanted = ReconcileInput(provider="zero_friction", account=company.account)
    await company.client.reconciliations.make(wanted)
    return reconciliation_id("zero_friction", company.account)


async def retained(company: Company) -> str:
    identity = f"{RETENTION}/recorded"
    await company.client.temporal.execute_workflow(
        RETENTION_WORKFLOW, RetentionInput(), id=identity, task_queue=TASK_QUEUE
    )
    return identity


async def kept(company: Company) -> str:
    return await company.start()


async def kept_beside(company: Company) -> str:
    return await company.start()


async def ordered_and_kept(company: Company) -> str:
    return await ordered(company)


class _Beside:
    """A register that gives a workflow task no answer: it is asked on its own queue."""

    def __init__(self, books: Books) -> None:
        self._books = books

    async def claim(self, call: ClaimCall) -> Claimed:
        return await self._asked().claim(call)

    async def record(self, call: RecordCall) -> bool:
        return await self._asked().record(call)

    async def record_credits(self, call: CreditsCall) -> bool:
        return await self._asked().record_credits(call)

    def _asked(self) -> Books:
        if activity.info().is_local:
            raise Unavailable("not now")
        return self._books


KEPT: tuple[Life, ...] = (kept, ordered_and_kept, reconciled, retained)
"""Lives with a register."""
BESIDE: tuple[Life, ...] = (kept_beside,)
"""Lives with one that does not answer at once."""

STORED: tuple[Life, ...] = (documented,)
"""Lives with a store of documents."""

LIVES: tuple[Life, ...] = (
    sent,
    paid,
    adopted,
    created_again,
    corrected,
    cancelled,
    credited,
    cancelled_by_the_engine,
    rejected,
    released,
    continued,
    approved_slowly,
    told,
    lost_while_looking,
    ordered,
    ordered_for_long,
    asked_by_signal,
    gone,
    event_delivered,
    event_unknown,
    feed_fetched,
    scheduled,
    attached,
    subscribed,
    posted,
    started_plainly,
    previewed,
    amended,
    taken_back,
    heard_of,
    linked,
)


def scrubbed(value: Any) -> Any:
    """A history without what is of the machine that recorded it. None of it matters to a replay."""
    if isinstance(value, dict):
        return {
            key: "recorded" if key in _MACHINE else scrubbed(each)
            for key, each in value.items()
            if key not in _NOISE
        }
    return [scrubbed(each) for each in value] if isinstance(value, list) else value


_MACHINE = frozenset({"identity", "buildId", "binaryChecksum"})
_NOISE = frozenset({"stackTrace", "taskId", "stickyTaskQueue"})


def _without_sticky_queues(event: dict[str, Any]) -> dict[str, Any]:
    """A sticky queue's name holds the worker's host."""
    for attributes in event.values():
        if isinstance(attributes, dict) and (queue := attributes.get("taskQueue")):
            attributes["taskQueue"] = {"name": queue.get("normalName") or queue["name"]}
    return event


def _text(history: WorkflowHistory) -> str:
    """One event a line, so that a difference between two recordings can be read."""
    events = [_without_sticky_queues(each) for each in scrubbed(history.to_json_dict()["events"])]
    lines = ",\n".join(json.dumps(each, separators=(",", ":")) for each in events)
    return f'{{"events":[\n{lines}\n]}}\n'


async def runs(company: Company, reference: str) -> list[WorkflowHistory]:
    """The histories of every run, the first first."""
    handle = _handle(company, reference)
    described = await handle.describe()
    run_id = described.raw_description.workflow_execution_info.first_run_id
    histories = []
    while run_id:
        runs = company.client.temporal.get_workflow_handle(handle.id, run_id=run_id)
        histories.append(await runs.fetch_history())
        last = histories[-1].events[-1]
        run_id = last.workflow_execution_continued_as_new_event_attributes.new_execution_run_id
    return histories


async def record_all() -> dict[str, str]:
    """Live all lives; the recordings by file name."""
    with tempfile.TemporaryDirectory() as folder:
        books = opened(f"{folder}/register.db")
        try:
            return {
                **await record(LIVES),
                **await record(KEPT, books),
                **await record(BESIDE, _Beside(books)),
                **await record(STORED, documents=store_at(folder)),
            }
        finally:
            books.close()


async def record(
    lives: tuple[Life, ...],
    register: Register | None = None,
    documents: DocumentStore | None = None,
) -> dict[str, str]:
    """Live these at once; the recordings by file name."""
    long = {"limit.historyCount.suggestContinueAsNew": LONG}
    async with (
        local_server(own=True, dynamic_config=long) as server,
        world(server, register=register, documents=documents) as here,
        serving([posts_to(here.client.temporal, SUBSCRIBER, _Deaf(), WorkerSettings())]),
    ):
        here.subscribers[SUBSCRIBER] = _Deaf()

        async def lived(life: Life) -> dict[str, str]:
            async with here.company(patience=10) as company:
                talkative(here, company)
                reference = await life(company)
                await asyncio.wait_for(_over(company, reference), LONG_ENOUGH)
                histories = await runs(company, reference)
            return {
                f"{life.__name__}-{number}.json": _text(history)
                for number, history in enumerate(histories, 1)
            }

        recorded = await asyncio.gather(*map(lived, lives))
    return {name: text for each in recorded for name, text in each.items()}


def write(recordings: dict[str, str]) -> None:
    """Replace what was recorded before."""
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob("*.json"):
        old.unlink()
    for name, text in recordings.items():
        (FOLDER / name).write_text(text)


async def _over(company: Company, reference: str) -> None:
    with contextlib.suppress(WorkflowFailureError):
        await _handle(company, reference).result()


def _handle(company: Company, life: str) -> WorkflowHandle[Any, Any]:
    """No reference has a slash; every other workflow's id does."""
    identity = life if "/" in life else workflow_id(life)
    return company.client.temporal.get_workflow_handle(identity)


if __name__ == "__main__":
    # The faults of these lives are meant: the SDK's warnings about them are not news.
    logging.getLogger("temporalio").setLevel(logging.ERROR)
    recordings = run(record_all())
    write(recordings)
    sys.stdout.write(f"{len(recordings)} histories in {FOLDER.name}/\n")

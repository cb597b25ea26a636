"""What a subscriber is told of invoices and orders, over real HTTP: everything, in order, once."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError
from temporalio.client import (
    WithStartWorkflowOperation,
    WorkflowExecutionStatus,
    WorkflowFailureError,
    WorkflowHandle,
)
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.service import RPCError

from invoicing.client import Failed, InvoicingClient, Refused
from invoicing.provider import Pace
from invoicing.request import Goal, OrderRequest
from invoicing.state.identity import ORDER_WORKFLOW, TASK_QUEUE, notices_id, order_id, workflow_id
from invoicing.state.invoice import Cancel, Invoice, Resolve, Status
from invoicing.state.notice import NoticesState
from invoicing.state.order import CancelLines, Deliver, invoice_reference
from invoicing.state.questions import Answer
from providers.subscribers import Poster, SubscriberSettings
from sandbox import zero_friction as zf
from sandbox.kit.faults import Fault
from sandbox.kit.server import serve
from sandbox.subscriber import Step, SubscriberStandIn, Told
from sandbox.zero_friction.forms import Refusal
from settings.worker import WorkerSettings
from temporal_server import local_server
from tests.examples import a_document, a_line, an_invoice
from tests.lifecycle import test_privacy as privacy
from tests.lifecycle.world import PACES, Company, World, world
from tests.patience import LONG_ENOUGH
from tests.tiers import detail, slow
from tests.worker_process import account_variables, worker_process
from tests.workflows.record import runs
from worker import posts_to, serving

OLD = "whsec_" + "b2xk" * 8
NEW = "whsec_" + "bmV3" * 8
collected = privacy.collected
DRAFTED = ["invoice.drafted", "invoice.drafted"]
"""It is, and that is all that was wanted."""
HAPPY = ["invoice.drafted", "invoice.approving", "invoice.approved", "invoice.sending"]
AT_ONCE = WorkerSettings(grace=0.2)


@dataclass
class Ear:
    """A subscriber of one test: where it is, and how it is asked about."""

    name: str
    stand_in: SubscriberStandIn
    poster: Poster
    world: World

    @contextlib.asynccontextmanager
    async def served(self) -> AsyncIterator[None]:
        """Meanwhile a worker posts to it."""
        posting = posts_to(self.world.client.temporal, self.name, self.poster, AT_ONCE)
        async with serving([posting]):
            yield

    def posting(self, about: str) -> WorkflowHandle[Any, Any]:
        """What posts the notices of this workflow."""
        identity = notices_id(self.name, about)
        return self.world.client.temporal.get_workflow_handle(identity, result_type=NoticesState)

    async def told(self, reference: str, last: str) -> list[str]:
        """What it was told of this reference once this was."""
        await self.stand_in.until(lambda: last in self.stand_in.types(reference), last)
        return self.stand_in.types(reference)

    def sequence(self, reference: str) -> list[int]:
        """The numbers of what it was told of this reference, each where it came first."""
        all_told = (one.content for one in self.stand_in.taken)
        mine = (one for one in all_told if one["data"]["reference"] == reference)
        return list(dict.fromkeys(one["sequence"] for one in mine))

    async def told_end(self, reference: str) -> list[str]:
        """What it was told of this reference once it was told that it is over."""

        def ended() -> bool:
            data = (one.content["data"] for one in self.stand_in.taken)
            return any(one["ended"] for one in data if one["reference"] == reference)

        await self.stand_in.until(ended, f"the end of {reference}")
        return self.stand_in.types(reference)


@contextlib.asynccontextmanager
async def listening(here: World) -> AsyncIterator[Ear]:
    """A subscriber that requests may name; nobody posts to it yet."""
    name = f"s{uuid.uuid4().hex[:10]}"
    async with serve(SubscriberStandIn()) as stand_in:
        settings = SubscriberSettings.model_validate(
            {"url": f"{stand_in.url}/notices", "secret": f"{NEW},{OLD}"}
        )
        ear = Ear(name, stand_in, Poster(name, settings, here.http, timeout=0.5), here)
        here.subscribers[name] = ear.poster
        yield ear


@pytest.fixture
async def silent(shared_world: World) -> AsyncIterator[Ear]:
    """A subscriber that nobody posts to."""
    async with listening(shared_world) as made:
        yield made


@pytest.fixture
async def ear(silent: Ear) -> AsyncIterator[Ear]:
    async with silent.served():
        yield silent


async def test_every_change_of_a_happy_life_is_told_once_and_in_order(
    company: Company, ear: Ear
) -> None:
    reference = await company.start(subscriber=ear.name, goal=Goal.PAID)
    await company.until_waiting(reference, "payment")
    company.stand_in.pay(reference)
    await company.finished(reference)
    told = await ear.told_end(reference)
    assert told == [*HAPPY, "invoice.sent", "invoice.paid"]
    assert [one.type for one in ear.stand_in.taken] == told
    assert [one.content["sequence"] for one in ear.stand_in.taken] == [1, 2, 3, 4, 5, 6]
    for one in ear.stand_in.taken:
        assert Webhook(NEW).verify(one.body, dict(one.headers)) == one.content
        assert one.headers["webhook-id"] == one.content["id"]
    last = ear.stand_in.taken[-1].content["data"]
    state = await company.client.invoices.state(reference)
    assert last == state.model_dump(mode="json")


@detail
async def test_each_question_to_a_person_is_told_and_so_is_the_end(
    company: Company, ear: Ear
) -> None:
    company.stand_in.faults.place(zf.Step.CREATE, zf.Told.CHANGED_AMOUNT)
    reference = await company.start(subscriber=ear.name)
    first = await company.parked(reference)
    await company.resolve(reference, Answer.RETRY)
    await company.until(reference, _asks_anew(first))
    await company.cancel(reference)
    await company.finished(reference)
    told = await ear.told_end(reference)
    asked = ["invoice.needs_attention"] * 2
    assert told == ["invoice.drafted", *asked, "invoice.cancelled"]
    problem = ear.stand_in.taken[1].content["data"]["problem"]
    assert problem["reason"] == "amounts_differ"
    assert problem["question"] == "q1"
    assert problem["answers"] == ["retry", "correct", "abandon"]


@detail
async def test_no_step_waits_for_a_subscriber_that_is_slow_or_down(
    company: Company, ear: Ear
) -> None:
    """Every post hangs, then nothing listens; the invoices end all the same."""
    gate = ear.stand_in.faults.place(Step.POST, Fault.GATE, times=1000)
    hanging = await company.start(goal=Goal.DRAFTED, subscriber=ear.name)
    await company.finished(hanging)
    async with ear.stand_in.down():
        unheard = await company.start(goal=Goal.DRAFTED, subscriber=ear.name)
        await company.finished(unheard)
        assert ear.stand_in.taken == []
        gate.release()
    for reference in (hanging, unheard):
        assert await ear.told_end(reference) == DRAFTED
        assert ear.sequence(reference) == [1, 2]


@detail
async def test_what_nobody_was_there_to_post_arrives_later(company: Company, silent: Ear) -> None:
    """No worker serves the subscriber; the invoice and its workflow are long over."""
    reference = await company.start(subscriber=silent.name)
    await company.finished(reference)
    state = await silent.posting(workflow_id(reference)).query("state")
    assert state["waiting"] == [*HAPPY, "invoice.sent"]
    async with silent.served():
        assert await silent.told_end(reference) == [*HAPPY, "invoice.sent"]
    assert silent.sequence(reference) == [1, 2, 3, 4, 5]


@detail
async def test_a_post_whose_answer_was_lost_comes_again_under_the_same_id(
    company: Company, ear: Ear
) -> None:
    ear.stand_in.faults.place(Step.POST, Fault.RESET, when="after")
    reference = await company.start(goal=Goal.DRAFTED, subscriber=ear.name)
    assert await ear.told_end(reference) == DRAFTED
    first, again, last = ear.stand_in.taken
    assert first.id == again.id != last.id
    assert first.body == again.body


async def _insisted(company: Company, asked: Invoice, answer: Answer, **more: Any) -> None:
    """Answer this question; a run that has just begun asks it again after its first look."""
    assert asked.problem is not None
    said = {"by": "an operator", "reason": "test", "question": asked.problem.question, **more}
    order = Resolve.model_validate({**said, "answer": answer})
    async with asyncio.timeout(LONG_ENOUGH):
        while True:
            with contextlib.suppress(Refused):
                await company.client.invoices.resolve(asked.reference, order)
                return
            await asyncio.sleep(0.05)


@slow
async def test_a_new_run_and_a_replay_of_every_task_lose_no_notice_and_no_order() -> None:
    """The invoice continues as new between its notices, and so does what posts them; neither is
    kept in memory, so that every task is a replay, as after a worker's death."""
    short = {"limit.historyCount.suggestContinueAsNew": 30}
    async with (
        local_server(own=True, dynamic_config=short) as server,
        world(server, cached_workflows=0) as here,
        here.company(patience=10) as company,
        listening(here) as ear,
    ):
        company.stand_in.faults.place(zf.Step.CREATE, zf.Told.CHANGED_AMOUNT)
        reference = await company.start(subscriber=ear.name, goal=Goal.PAID)
        asked = await company.parked(reference)
        for _ in range(4):
            await _insisted(company, asked, Answer.RETRY)
            asked = await company.until(reference, _asks_anew(asked))
        document = company.request(reference).document
        await _insisted(company, asked, Answer.CORRECT, document=document)
        await company.until_waiting(reference, "payment")
        async with ear.served():
            first = await ear.posting(workflow_id(reference)).describe()
            while len(await runs(company, reference)) < 3:
                await company.tell(reference)
            company.stand_in.pay(reference)
            await company.finished(reference)
            told = await ear.told_end(reference)
        asked_for = ["invoice.needs_attention"] * 5
        assert told[:12] == ["invoice.drafted", *asked_for, *HAPPY, "invoice.sent", "invoice.paid"]
        # A new run that finds it paid says so, and then that it is over.
        assert told[12:] in ([], ["invoice.paid"])
        assert ear.sequence(reference) == list(range(1, len(told) + 1))
        last = await ear.posting(workflow_id(reference)).describe()
        assert last.run_id != first.run_id


@slow
async def test_a_worker_killed_between_two_attempts_leaves_them_to_the_next() -> None:
    """The whole program, with its subscriber from the environment."""
    async with (
        local_server(own=True) as server,
        serve(zf.ZeroFrictionStandIn(approval_delay=0.03, sending_delay=0.03)) as provider,
        serve(SubscriberStandIn()) as stand_in,
    ):
        client = await InvoicingClient.connect(server.address)
        variables = {
            **account_variables(provider),
            "TEMPORAL_ADDRESS": server.address,
            "INVOICING_PACE": "0.02",
            "INVOICING_CACHED_WORKFLOWS": "0",
            "INVOICING_SUBSCRIBER__ERP__URL": f"{stand_in.url}/notices",
            "INVOICING_SUBSCRIBER__ERP__SECRET": NEW,
        }
        await client.invoices.start(an_invoice("killed", subscriber="erp"))
        async with stand_in.down(), worker_process(variables) as worker:
            await asyncio.wait_for(client.invoices.result("killed"), LONG_ENOUGH)
            worker.signal(signal.SIGKILL)
            await worker.ended()
            assert "telling erp" in worker.said
            assert NEW.removeprefix("whsec_") not in worker.said
        async with worker_process(variables):
            await stand_in.until(lambda: "invoice.sent" in stand_in.types("killed"), "sent", 60)
        assert stand_in.types("killed") == [*HAPPY, "invoice.sent"]
        for one in stand_in.taken:
            Webhook(NEW).verify(one.body, dict(one.headers))


def _asks_anew(asked: Invoice) -> Callable[[Invoice], bool]:
    return lambda now: now.problem is not None and now.waiting != asked.waiting


@slow
async def test_what_is_not_taken_in_time_is_dropped_and_shows(shared_world: World) -> None:
    """And a later notice is posted all the same, by a new run."""
    soon = Pace(first=timedelta(milliseconds=30), cap=timedelta(milliseconds=100), deadline=_SOON)
    paces = PACES.model_copy(update={"notices": soon})
    async with (
        shared_world.company(paces=paces) as company,
        listening(shared_world) as ear,
        ear.served(),
    ):
        ear.stand_in.faults.place(Step.POST, Fault.SERVER_ERROR, times=1000)
        reference = await company.start(subscriber=ear.name, hold=True)
        await company.until_status(reference, Status.HELD)
        posting = ear.posting(workflow_id(reference))
        with pytest.raises(WorkflowFailureError) as failed:
            await asyncio.wait_for(posting.result(), LONG_ENOUGH)
        assert "2 of 2 notices were not taken" in str(failed.value.cause)
        state = NoticesState.model_validate(await posting.query("state"))
        assert [each.type for each in state.dropped] == ["invoice.drafted", "invoice.held"]
        whys = {each.why for each in state.dropped}
        # The second, if its time runs out before its first answer is there.
        assert whys - {"no answer came in time"} == {
            f"subscriber {ear.name} answered with HTTP 500"
        }
        ear.stand_in.faults.clear()
        await company.release(reference)
        assert await ear.told_end(reference) == [*HAPPY[1:], "invoice.sent"]
        assert [one.content["sequence"] for one in ear.stand_in.taken] == [3, 4, 5, 6]


_SOON = timedelta(seconds=0.7)


@detail
async def test_a_subscriber_that_is_gone_gets_no_second_attempt(company: Company, ear: Ear) -> None:
    ear.stand_in.faults.place(Step.POST, Told.GONE)
    reference = await company.start(subscriber=ear.name, hold=True)
    # The first may be given up, and its workflow have failed, before the second is told: then that
    # one is posted by a workflow of its own.
    await company.until_status(reference, Status.HELD)
    await ear.stand_in.until(lambda: bool(ear.stand_in.taken), "the second notice")
    assert [one.type for one in ear.stand_in.taken] == ["invoice.held"]
    assert ear.stand_in.calls.count(Step.POST) == 2


async def test_a_subscriber_that_is_not_configured_is_refused_before_anything_is_made(
    company: Company, ear: Ear
) -> None:
    unknown = f"{ear.name}x"
    request = company.request(subscriber=unknown)
    await company.client.invoices.start(request)
    order = _order(company, "1", subscriber=unknown)
    await company.client.orders.start(order)
    with pytest.raises(Failed, match=f"subscriber '{unknown}' is not configured .*{ear.name}"):
        await company.finished(request.reference)
    with pytest.raises(Failed, match=f"subscriber '{unknown}' is not configured"):
        await asyncio.wait_for(company.client.orders.result(order.reference), LONG_ENOUGH)
    state = await company.client.invoices.state(request.reference)
    assert state.problem is not None
    assert [each.field for each in state.problem.fields] == ["subscriber"]
    assert company.stand_in.ledger.entries == ()
    for about in (workflow_id(request.reference), order_id(order.reference)):
        assert not await _is_there(company, notices_id(unknown, about))


async def test_a_delivery_that_comes_before_the_plan_tells_no_unknown_subscriber(
    company: Company,
) -> None:
    unknown = f"{company.account}x"
    order = _order(company, "1", subscriber=unknown)
    together: WithStartWorkflowOperation[Any, Any] = WithStartWorkflowOperation(
        ORDER_WORKFLOW,
        order,
        id=order_id(order.reference),
        task_queue=TASK_QUEUE,
        id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
    )
    wanted = Deliver(delivery="A", lines=("1",), issue_date=a_document().issue_date)
    await company.client.temporal.execute_update_with_start_workflow(
        "deliver", wanted, start_workflow_operation=together
    )
    with pytest.raises(Failed, match=f"subscriber '{unknown}' is not configured"):
        await asyncio.wait_for(company.client.orders.result(order.reference), LONG_ENOUGH)
    assert not await _is_there(company, notices_id(unknown, order_id(order.reference)))


async def _is_there(company: Company, identity: str) -> bool:
    try:
        await company.client.temporal.get_workflow_handle(identity).describe()
    except RPCError:
        return False
    return True


async def test_a_request_that_is_rejected_for_another_reason_is_told_of(
    company: Company, ear: Ear
) -> None:
    reference = await company.start(subscriber=ear.name, options={"no_such_option": True})
    assert await ear.told_end(reference) == ["invoice.rejected"]


@detail
async def test_temporal_s_own_cancel_is_told_to_its_end(company: Company, ear: Ear) -> None:
    """The subscriber hangs meanwhile: a cancel interrupts neither the outbox nor a post."""
    gate = ear.stand_in.faults.place(Step.POST, Fault.GATE)
    reference = await company.start(subscriber=ear.name, hold=True)
    await company.until_status(reference, Status.HELD)
    handle = company.client.invoices.handle(reference)
    await handle.cancel()
    with pytest.raises(WorkflowFailureError):
        await asyncio.wait_for(handle.result(), LONG_ENOUGH)
    assert (await handle.describe()).status is WorkflowExecutionStatus.CANCELED
    gate.release()
    told = await ear.told_end(reference)
    assert told == ["invoice.drafted", "invoice.held", "invoice.cancelled"]


@detail
async def test_a_notice_under_either_secret_is_believed_and_an_altered_one_under_none(
    company: Company, ear: Ear
) -> None:
    reference = await company.start(subscriber=ear.name, goal=Goal.DRAFTED)
    await ear.told_end(reference)
    taken = ear.stand_in.taken[0]
    headers = dict(taken.headers)
    assert len(headers["webhook-signature"].split()) == 2
    for secret in (OLD, NEW):
        Webhook(secret).verify(taken.body, headers)
    stranger = Webhook("whsec_" + "c3Ry" * 8)
    forged: list[tuple[Webhook, bytes, dict[str, str]]] = [
        (Webhook(NEW), taken.body.replace(b"drafted", b"settled"), headers),
        (Webhook(NEW), taken.body, {**headers, "webhook-id": "another_1"}),
        (Webhook(NEW), taken.body, {**headers, "webhook-timestamp": "1"}),
        (stranger, taken.body, headers),
    ]
    for verifier, body, told in forged:
        with pytest.raises(WebhookVerificationError):
            verifier.verify(body, told)


def _order(company: Company, *lines: str, **changes: Any) -> OrderRequest:
    document = a_document(lines=tuple(a_line(int(each)) for each in lines))
    reference = f"O-{uuid.uuid4().hex[:12]}"
    account = company.account
    return OrderRequest(
        reference=reference, provider="zero_friction", account=account, document=document, **changes
    )


@slow
async def test_an_order_and_its_deliveries_are_told_of_each_in_its_own_order(
    company: Company, ear: Ear
) -> None:
    order = _order(company, "1", "2", "3", subscriber=ear.name)
    client, day = company.client, a_document().issue_date
    await client.orders.start(order)
    await ear.told(order.reference, "order.open")
    for name, line in (("A", "1"), ("B", "2")):
        wanted = Deliver(delivery=name, lines=(line,), issue_date=day)
        await client.orders.deliver(order.reference, wanted)
    rest = CancelLines(cancellation="X", lines=("3",), by="Quillon Canaryson", reason="the canary")
    await client.orders.cancel_lines(order.reference, rest)
    assert await ear.told_end(order.reference) == ["order.open", "order.completed"]
    for name in "AB":
        told = await ear.told_end(invoice_reference(order.reference, name))
        assert told == [*HAPPY, "invoice.sent"]
    ids = [one.id for one in ear.stand_in.taken]
    assert len(set(ids)) == len(ids) == 12
    assert b"anary" not in b"".join(one.body for one in ear.stand_in.taken)


@slow
async def test_no_secret_and_nothing_personal_is_in_a_notice_or_said_on_its_way(
    shared_world: World, ear: Ear, collected: privacy.Collected
) -> None:
    """The provider repeats the buyer's name in its refusal; the subscriber fails before it takes
    anything."""
    ear.stand_in.faults.place(Step.POST, Fault.SERVER_ERROR)
    async with shared_world.company() as company:

        def refuse(body: dict[str, Any]) -> Any:
            raise Refusal(("COULD_NOT_CREATE_INVOICE", privacy.ECHO))

        company.stand_in.books.draft = refuse  # type: ignore[method-assign]
        whole = privacy.document()
        named = {name: getattr(whole, name) for name in type(whole).model_fields}
        reference = await company.start(document=named, subscriber=ear.name)
        parked = await company.parked(reference)
        assert parked.problem is not None
        assert privacy.ECHO in str(parked.problem.fields)
        await company.client.invoices.cancel(
            reference, Cancel(by=privacy.OPERATOR, reason=privacy.WORDS)
        )
        await company.finished(reference)
        told = await ear.told_end(reference)
        assert told == ["invoice.needs_attention", "invoice.cancelled"]
        posting = ear.posting(workflow_id(reference))
        await asyncio.wait_for(posting.result(), LONG_ENOUGH)
        async for event in posting.fetch_history_events():
            collected.message(event, f"event {event.event_id}", is_clear=True)
        collected.message((await posting.describe()).raw_description, "description")
    collected.clear += [("a notice", one.body.decode()) for one in ear.stand_in.taken]
    secrets = [each.removeprefix("whsec_") for each in (OLD, NEW)]
    assert collected.leaks([*privacy.PERSONAL, *secrets]) == []
    shown = collected.leaks([ear.stand_in.url])
    assert [each for each in shown if "in log http" not in each] == []
    assert collected.leaks([reference])
    assert "providers.subscribers" in collected.loggers

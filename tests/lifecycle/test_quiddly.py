"""Quiddly in particular: what a person is asked where nothing can be read, and payments that come
by a feed alone."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHandle
from temporalio.service import RPCError

import worker
from documents import Account
from documents import opened as store_at
from invoicing.client import InvoicingClient
from invoicing.provider import PaymentStatus
from invoicing.request import Goal, InvoiceRequest
from invoicing.state.identity import event_id, feed_id
from invoicing.state.invoice import Invoice, Resolve, Status
from invoicing.state.news import EventOutcome, EventState, FeedState
from invoicing.state.questions import Answer, Reason
from providers.quiddly.adaptor import Quiddly
from providers.quiddly.settings import QuiddlySettings
from sandbox.kit.faults import Placed, When
from sandbox.kit.server import StandIn, serve
from sandbox.quiddly import SERVICE_TOKEN, Assumed
from settings.worker import WorkerSettings
from temporal_server import local_server
from tests.lifecycle.kinds import KINDS
from tests.lifecycle.kinds.kind import (
    ABANDON,
    CORRECT,
    DID_NOT_HAPPEN,
    GO_WITHOUT,
    HAPPENED,
    RETRY,
    SELDOM,
    WHENS,
    Shop,
)
from tests.lifecycle.kinds.quiddly import CONTENT, OWN_PDF, WITH_PDF
from tests.lifecycle.provider_world import _hurried, opened
from tests.lifecycle.telling import HASTE, polling
from tests.lifecycle.world import PACES, World, together
from tests.patience import LONG_ENOUGH
from tests.tiers import elsewhere, first, slow
from tests.worker_process import worker_process

pytestmark = elsewhere

KEEP = Answer.KEEP
BLIND = KINDS["quiddly_blind"]
GROSS = Decimal("111.92")
WAITS = PACES.model_copy(update={"payment": SELDOM})
"""Of payments nothing is heard but news."""

ROUTES: dict[str, Mapping[str, Any]] = {
    "as documented": {},
    "with the likely routes": {"reads": True, "lists": True, "deletes": True},
}


@contextlib.asynccontextmanager
async def client(world: World, **stand_in: Any) -> AsyncIterator[Shop]:
    """An account at Quiddly; nothing is assumed of it unless `assumed` says so."""
    stand_in.setdefault("assumed", Assumed())
    stand_in.setdefault("paces", WAITS)
    async with opened(world, "quiddly_blind", patience=10, **stand_in) as shop:
        yield shop


def reconfigured(world: World, shop: Shop, **routes: Any) -> Quiddly:
    """The account as a worker knows it that is started with other settings."""
    settings = {**shop.kind.settings(shop.stand_in), "timeout": 10, **routes}
    adaptor = Quiddly(QuiddlySettings.model_validate(settings), world.http)
    world.accounts["quiddly"][shop.account] = _hurried(adaptor, WAITS)
    return adaptor


@contextlib.asynccontextmanager
async def fetched(shop: Shop, pace: float = HASTE) -> AsyncIterator[WorkflowHandle[Any, Any]]:
    """The account's feed is fetched meanwhile."""
    handle = await polling(shop, "quiddly", pace)
    try:
        yield handle
    finally:
        await handle.terminate("the test is over")


async def out(shop: Shop) -> str:
    """An invoice that is out and waits for its payment."""
    reference = await shop.start(shop.request(goal=Goal.PAID))
    await shop.until_waiting(reference, "payment")
    return reference


async def asked(shop: Shop, reference: str, reason: Reason, *answers: Answer) -> Invoice:
    """The state once it is parked for this, with these ways out."""
    state = await shop.parked(reference)
    assert state.problem is not None
    assert (state.problem.reason, state.problem.answers) == (reason, answers)
    return state


async def acknowledged(shop: Shop, reference: str, count: int = 1) -> list[int]:
    """How often each payment was acknowledged, once as many were as there should be."""
    async with asyncio.timeout(LONG_ENOUGH):
        while True:
            times = [one.exported for one in shop.stand_in.payments(reference)]
            if len(times) == count and all(times):
                return times
            await asyncio.sleep(0.02)


def paid(status: PaymentStatus) -> Any:
    return lambda invoice: invoice.payment is status


# --- the main lives -------------------------------------------------------------------------------


@pytest.mark.parametrize("routes", first(ROUTES.values()), ids=[*ROUTES])
async def test_it_gets_exactly_as_far_as_its_goal(
    shared_world: World, routes: Mapping[str, Any]
) -> None:
    far = {
        Goal.DRAFTED: ["created"],
        Goal.APPROVED: ["created", "approved"],
        Goal.SENT: ["created", "approved", "sent"],
        Goal.PAID: ["created", "approved", "sent", "paid"],
    }
    assumed = Assumed(**routes)
    async with client(shared_world, assumed=assumed) as shop, fetched(shop):

        async def lives(goal: Goal, effects: list[str]) -> None:
            reference = await shop.start(shop.request(goal=goal))
            if goal is Goal.PAID:
                await shop.until_waiting(reference, "payment")
                await shop.stand_in.ledger.reached("sent", reference)
                shop.stand_in.pay(reference)
            ended = await shop.finished(reference)
            if goal is Goal.SENT:
                await shop.stand_in.ledger.reached("sent", reference)
            assert (ended.status, ended.number) == (Status(goal), reference)
            assert shop.effects(reference) == effects
            assert await shop.violations(reference, ended) == []

        await asyncio.gather(*(lives(goal, effects) for goal, effects in far.items()))
        assert shop.stand_in.calls.count("create") == 4
        assert shop.stand_in.calls.count("approve") == 3
        assert bool(shop.stand_in.calls.count("read")) is bool(routes)


async def test_where_the_balance_can_be_read_no_feed_is_needed(shared_world: World) -> None:
    """A reminder's fee is owed as well: what was asked for at first is then not all of it."""
    assumed = Assumed(reads=True)
    async with client(shared_world, assumed=assumed, paces=PACES) as shop:
        reference = await out(shop)
        shop.stand_in.advance(reference, "REMINDER")
        shop.stand_in.pay(reference, GROSS)
        await shop.follow(reference, paid(PaymentStatus.PARTLY_PAID))
        shop.stand_in.pay(reference)
        assert (await shop.finished(reference)).status is Status.PAID
        assert shop.stand_in.calls.count("feed") == 0


async def test_what_is_final_is_not_taken_back_and_may_go_on(shared_world: World) -> None:
    async with client(shared_world) as shop, fetched(shop):
        reference = await out(shop)
        await shop.cancel(reference)
        await asked(shop, reference, Reason.CANNOT_CANCEL, KEEP, HAPPENED, ABANDON)
        await shop.resolve(reference, KEEP)
        shop.stand_in.pay(reference)
        assert (await shop.finished(reference)).status is Status.PAID
        assert shop.stand_in.calls.count("create") == 1


# --- a PDF of one's own ---------------------------------------------------------------------------


@pytest.mark.parametrize("routes", first(ROUTES.values()), ids=[*ROUTES])
async def test_its_own_pdf_is_attached_byte_by_byte_before_it_is_activated(
    shared_world: World, routes: Mapping[str, Any]
) -> None:
    """And nothing that is in it comes into the history."""
    async with client(shared_world, assumed=Assumed(**routes)) as shop:
        reference = await shop.start(shop.request(**WITH_PDF))
        ended = await shop.finished(reference)
        await shop.stand_in.ledger.reached("sent", reference)
        assert shop.effects(reference) == ["created", "attached", "approved", "sent"]
        assert shop.stand_in.attachment(reference) == CONTENT
        assert shop.stand_in.calls.count("attach") == 1
        assert await shop.violations(reference, ended) == []
        events = (await shop.client.invoices.handle(reference).fetch_history()).events
        told = b"".join(event.SerializeToString() for event in events)
        assert OWN_PDF.name.encode() in told
        assert b"%PDF" not in told


@pytest.mark.parametrize("when", WHENS)
async def test_an_upload_of_unknown_outcome_is_made_again(shared_world: World, when: When) -> None:
    """Nobody is asked, not even where nobody can look: the second takes the first one's place."""
    async with client(shared_world) as shop:
        shop.stand_in.faults.place("attach", "reset", when=when)
        reference = await shop.start(shop.request(**WITH_PDF))
        ended = await shop.finished(reference)
        await shop.stand_in.ledger.reached("sent", reference)
        assert shop.effects(reference) == ["created", "attached", "approved", "sent"]
        assert shop.stand_in.calls.count("attach") == 2
        assert await shop.violations(reference, ended) == []


async def test_a_refused_pdf_is_a_question(shared_world: World) -> None:
    """Uploaded once more, gone on without, or nothing is activated."""
    far = {
        RETRY: ["created", "attached", "approved", "sent"],
        GO_WITHOUT: ["created", "approved", "sent"],
        ABANDON: ["created"],
    }

    async def lives(action: Answer, effects: list[str]) -> None:
        async with client(shared_world) as shop:
            shop.stand_in.faults.place("attach", "refused")
            reference = await shop.start(shop.request(**WITH_PDF))
            await asked(shop, reference, Reason.REJECTED, RETRY, GO_WITHOUT, ABANDON)
            assert shop.effects(reference) == ["created"]
            await shop.resolve(reference, action)
            ended = await shop.finished(reference)
            assert ended.status is (Status.ABANDONED if action is ABANDON else Status.SENT)
            if action is not ABANDON:
                await shop.stand_in.ledger.reached("sent", reference)
            assert shop.effects(reference) == effects
            assert shop.stand_in.calls.count("attach") == (2 if action is RETRY else 1)

    await together({action: lives(action, effects) for action, effects in far.items()})


@slow
async def test_a_draft_that_replaces_another_gets_the_pdf_as_well(shared_world: World) -> None:
    async with client(shared_world, assumed=Assumed(deletes=True)) as shop:
        shop.stand_in.faults.place("create", "changed_amount")
        reference = await shop.start(shop.request(**WITH_PDF))
        await shop.parked(reference)
        await shop.answer(reference, CORRECT)
        await shop.finished(reference)
        assert shop.effects(reference)[:6] == [
            *("created", "attached", "deleted"),
            *("created", "attached", "approved"),
        ]


@pytest.mark.parametrize("step", ["read", "attach"])
async def test_an_invoice_that_somebody_else_made_final_is_noted_to_have_no_pdf(
    shared_world: World, step: str
) -> None:
    """Seen before it is uploaded; or by the look after the upload was refused."""
    async with client(shared_world, assumed=Assumed(reads=True)) as shop:
        gate = shop.stand_in.faults.place(step, "gate")
        reference = await shop.start(shop.request(**WITH_PDF))
        await gate.reached(within=LONG_ENOUGH)
        (identity,) = shop.stand_in.ledger.live(reference)
        await shared_world.http.post(
            f"{shop.stand_in.url}/invoices/{identity}/activate",
            json={},
            headers={"Authorization": f"Bearer {SERVICE_TOKEN}"},
        )
        gate.release()
        if step == "attach":
            await asked(shop, reference, Reason.REJECTED, RETRY, GO_WITHOUT, ABANDON)
            await shop.resolve(reference, RETRY)
        assert (await shop.finished(reference)).status is Status.SENT
        assert shop.stand_in.attachment(reference) is None
        journal = await shop.client.invoices.journal(reference)
        assert any("not attached, for it is final" in entry.what for entry in journal.entries)


async def test_what_looked_activated_and_is_a_draft_after_all_gets_its_pdf(
    shared_world: World,
) -> None:
    async with client(shared_world, assumed=Assumed(reads=True), paces=PACES) as shop:
        half = "activatedDate=2026-06-30T11:00:00"
        shop.stand_in.faults.place("read", "changed_figure", key=half)
        reference = await shop.start(shop.request(**WITH_PDF))
        await shop.finished(reference)
        await shop.stand_in.ledger.reached("sent", reference)
        assert shop.effects(reference) == ["created", "attached", "approved", "sent"]


@slow
async def test_a_worker_killed_while_it_uploads_leaves_one_pdf_and_one_activation(
    tmp_path: Path,
) -> None:
    """One upload never arrives, the other has arrived: the next worker makes both once more."""
    async with contextlib.AsyncExitStack() as stack:
        database = tmp_path / "temporal.db"
        server = await stack.enter_async_context(local_server(own=True, database=database))
        told = await InvoicingClient.connect(server.address)
        variables = {
            "TEMPORAL_ADDRESS": server.address,
            "INVOICING_PACE": "0.02",
            "INVOICING_CACHED_WORKFLOWS": "0",
            "INVOICING_DOCUMENTS_AT": str(tmp_path / "files"),
        }
        store = store_at(variables["INVOICING_DOCUMENTS_AT"])
        stopped: dict[str, tuple[Any, Placed]] = {}
        for account, fault, when in zip("ab", ("time_out", "gate"), WHENS, strict=True):
            stand_in = await stack.enter_async_context(serve(BLIND.stand_in()))
            variables |= account_variables(stand_in, account)
            stopped[account] = stand_in, stand_in.faults.place("attach", fault, when=when)
        first = await stack.enter_async_context(worker_process(variables))
        await first.ready()
        for account in stopped:
            await store.attachments.put(Account("quiddly", account), CONTENT)
            document = BLIND.document(number=account, **WITH_PDF["document"])
            given = {"reference": account, "provider": "quiddly", "account": account}
            await told.invoices.start(InvoiceRequest(document=document, goal=Goal.SENT, **given))
        for _, placed in stopped.values():
            await placed.reached(within=LONG_ENOUGH)
        first.signal(signal.SIGKILL)
        await first.ended()
        for stand_in, _ in stopped.values():
            stand_in.faults.clear()
        await stack.enter_async_context(worker_process(variables))
        for account, (stand_in, _) in stopped.items():
            ended = await asyncio.wait_for(told.invoices.result(account), LONG_ENOUGH)
            await stand_in.ledger.reached("sent", account)
            assert ended.status is Status.SENT
            assert stand_in.ledger.effects(account) == ["created", "attached", "approved", "sent"]
            assert stand_in.attachment(account) == CONTENT
            assert stand_in.calls.count("attach") == 2


def account_variables(stand_in: StandIn, account: str) -> dict[str, str]:
    """As a worker of its own is told of this account; its time-out leaves time to be killed in."""
    given = {**BLIND.settings(stand_in), "timeout": 0.5, "feed_minutes": 600}
    prefix = f"QUIDDLY__{account.upper()}__"
    return {prefix + name.upper(): str(value) for name, value in given.items() if value is not None}


# --- payments -------------------------------------------------------------------------------------


@pytest.mark.parametrize("routes", first(ROUTES.values()), ids=[*ROUTES])
async def test_a_payment_in_two_parts_is_paid_with_the_second(
    shared_world: World, routes: Mapping[str, Any]
) -> None:
    assumed = Assumed(**routes)
    async with client(shared_world, assumed=assumed) as shop, fetched(shop):
        reference = await out(shop)
        shop.stand_in.pay(reference, Decimal("100.00"))
        await shop.follow(reference, paid(PaymentStatus.PARTLY_PAID))
        shop.stand_in.pay(reference, GROSS - Decimal("100.00"))
        assert (await shop.finished(reference)).status is Status.PAID
        assert await acknowledged(shop, reference, 2) == [1, 1]


@pytest.mark.parametrize("lost", ["reset", "500", "429"])
async def test_a_payment_proves_the_activation_whose_answer_was_lost(
    shared_world: World, lost: str
) -> None:
    """Nobody is needed any more, and it is not activated again."""
    async with client(shared_world) as shop:
        shop.stand_in.faults.place("approve", lost, when="after")
        reference = await shop.start(shop.request(goal=Goal.PAID))
        state = await shop.parked(reference)
        assert state.stage == "drafted"
        await shop.stand_in.ledger.reached("sent", reference)
        calls = shop.stand_in.calls.count("approve")
        shop.stand_in.pay(reference)
        async with fetched(shop):
            ended = await shop.finished(reference)
        assert (ended.status, ended.stage) == (Status.PAID, "sent")
        assert shop.stand_in.calls.count("approve") == calls
        assert shop.effects(reference) == ["created", "approved", "sent", "paid"]


async def test_a_payment_told_of_while_it_is_being_activated_is_kept(shared_world: World) -> None:
    async with client(shared_world) as shop, fetched(shop):
        gate = shop.stand_in.faults.place("approve", "gate", when="after")
        reference = await shop.start(shop.request(goal=Goal.PAID))
        await gate.reached(within=LONG_ENOUGH)
        shop.stand_in.pay(reference)
        await acknowledged(shop, reference)
        await event_of(shop, reference).result()
        gate.release()
        assert (await shop.finished(reference)).status is Status.PAID
        assert shop.stand_in.calls.count("approve") == 1


def event_of(shop: Shop, reference: str, nth: int = 0) -> WorkflowHandle[Any, EventState]:
    """The workflow of its nth payment."""
    payment = shop.stand_in.payments(reference)[nth]
    return shop.client.temporal.get_workflow_handle(
        event_id("quiddly", shop.account, f"payment-{payment.id}"), result_type=EventState
    )


async def in_question(event: WorkflowHandle[Any, EventState]) -> str:
    """Wait until it waits for a person; the question's identity."""
    async with asyncio.timeout(LONG_ENOUGH):
        while True:
            state: EventState = await event.query("state", result_type=EventState)
            if state.problem:
                return state.problem.question
            await asyncio.sleep(0.05)


async def signals(shop: Shop, reference: str) -> int:
    history = await shop.client.invoices.handle(reference).fetch_history()
    signalled = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED
    return [event.event_type for event in history.events].count(signalled)


async def test_a_feed_cut_off_before_it_acknowledged_counts_no_payment_twice(
    shared_world: World,
) -> None:
    """Killed between the two and begun anew: two halves of the half would be the whole."""
    async with client(shared_world) as shop:
        reference = await out(shop)
        shop.stand_in.faults.place("acknowledge", "reset", times=10_000)
        shop.stand_in.pay(reference, GROSS / 2)
        feed = await polling(shop, "quiddly")
        await shop.stand_in.arrived("acknowledge", 2, within=LONG_ENOUGH)
        await shop.follow(reference, paid(PaymentStatus.PARTLY_PAID))
        await feed.terminate("killed between delivery and acknowledgement")
        shop.stand_in.faults.clear()
        before = shop.stand_in.calls.count("acknowledge")
        async with fetched(shop):
            assert await acknowledged(shop, reference) == [1]
            assert shop.stand_in.calls.count("acknowledge") == before + 1
            assert await signals(shop, reference) == 1
            assert (
                await shop.client.invoices.state(reference)
            ).payment is PaymentStatus.PARTLY_PAID
            shop.stand_in.pay(reference)
            assert (await shop.finished(reference)).status is Status.PAID


@slow
@pytest.mark.parametrize("again", [True, False], ids=["taken again", "refused again"])
async def test_a_lost_acknowledgement_holds_nothing_up(shared_world: World, again: bool) -> None:
    async def lost(fault: str) -> None:
        assumed = Assumed(acknowledges_again=again)
        async with client(shared_world, assumed=assumed) as shop:
            reference = await out(shop)
            shop.stand_in.faults.place("acknowledge", fault, when="after")
            shop.stand_in.pay(reference, GROSS / 2)
            async with fetched(shop) as feed:
                await shop.stand_in.arrived("acknowledge", 2, within=LONG_ENOUGH)
                shop.stand_in.pay(reference)
                assert (await shop.finished(reference)).status is Status.PAID
                assert await acknowledged(shop, reference, 2) == [1 + again, 1]
                state: FeedState = await feed.query("state", result_type=FeedState)
                assert state.delivered == 2

    await together({fault: lost(fault) for fault in ("reset", "503", "not_json", "429")})


async def test_money_that_names_no_invoice_is_for_a_person_to_place(shared_world: World) -> None:
    async with client(shared_world) as shop:
        reference = await out(shop)
        shop.stand_in.pay(reference)
        nameless = "changed_figure"
        shop.stand_in.faults.place("feed", nameless, key="0.invoiceNumber=null")
        async with fetched(shop, pace=1e-6):
            await acknowledged(shop, reference)
        event = event_of(shop, reference)
        question = await in_question(event)
        answer = {"question": question, "answer": Answer.DELIVER, "reference": reference}
        order = Resolve.model_validate({"by": "an operator", "reason": "by its amount", **answer})
        await event.execute_update("resolve", order)
        assert (await event.result()).outcome is EventOutcome.DELIVERED
        assert (await shop.finished(reference)).status is Status.PAID


MANY = int(os.environ.get("TESTS_WAITING", "50"))
"""Invoices that wait for their payment; 1000 for the long version."""


@slow
async def test_very_many_waiting_invoices_cost_no_more_calls_than_one(shared_world: World) -> None:
    """What asks is the account's feed: per interval it makes one call, whoever waits."""
    async with client(shared_world) as shop:
        reconfigured(shared_world, shop, feed_minutes=600)
        waiting: list[str] = []
        cost: dict[int, int] = {}
        async with fetched(shop) as feed:
            await shop.stand_in.reached("feed", when="after", within=LONG_ENOUGH)
            for number in (1, 10, MANY):
                more = [shop.request(goal=Goal.PAID) for _ in range(number - len(waiting))]
                waiting += await asyncio.gather(*map(shop.start, more))
                await shop.stand_in.reached("approve", number, "after", within=MANY * 1.2)
                before = len(shop.stand_in.calls.all)
                fetches = shop.stand_in.calls.count("feed")
                await feed.signal("fetch_now")
                await shop.stand_in.reached("feed", fetches + 1, "after", within=LONG_ENOUGH)
                cost[number] = len(shop.stand_in.calls.all) - before
            assert cost == {1: 1, 10: 1, MANY: 1}
            for reference in (waiting[0], waiting[-1]):
                await shop.until_waiting(reference, "payment")
            assert shop.stand_in.calls.counts == {
                "authenticate": 1,
                "feed": 4,
                "create": MANY,
                "approve": MANY,
            }


# --- whose feed it is -----------------------------------------------------------------------------


async def test_a_feed_that_is_another_systems_is_not_fetched(shared_world: World) -> None:
    async with client(shared_world) as ours, client(shared_world) as theirs:
        accounts = shared_world.accounts["quiddly"]
        reconfigured(shared_world, theirs, payments_feed=False)
        mine = {shop.account: accounts[shop.account] for shop in (ours, theirs)}
        temporal = shared_world.client.temporal
        await worker.fetch_feeds(temporal, {"quiddly": mine}, WorkerSettings(pace=HASTE))
        await ours.stand_in.arrived("feed", within=LONG_ENOUGH)
        with pytest.raises(RPCError, match="not found"):
            await temporal.get_workflow_handle(feed_id("quiddly", theirs.account)).describe()
        feed = temporal.get_workflow_handle(feed_id("quiddly", ours.account))
        await feed.terminate("the test is over")


async def test_a_feed_ends_once_it_is_left_to_another_system(shared_world: World) -> None:
    async with client(shared_world) as shop:
        feed = await polling(shop, "quiddly")
        await shop.stand_in.arrived("feed", within=LONG_ENOUGH)
        reconfigured(shared_world, shop, payments_feed=False)
        await feed.signal("fetch_now")
        await asyncio.wait_for(feed.result(), LONG_ENOUGH)
        fetches = shop.stand_in.calls.count("feed")
        # Whoever starts it nevertheless makes no call either.
        await asyncio.wait_for((await polling(shop, "quiddly")).result(), LONG_ENOUGH)
        assert shop.stand_in.calls.count("feed") == fetches


# --- what nobody can see --------------------------------------------------------------------------


@pytest.mark.parametrize("when", ["before", "after"])
async def test_an_uncertain_create_waits_until_somebody_can_tell(
    shared_world: World, when: str
) -> None:
    """It is not repeated however often it is asked about; with a route to a list, that decides."""
    async with client(shared_world) as shop:
        shop.stand_in.faults.place("create", "reset", when=when)
        reference = await shop.start()
        for _ in range(2):
            state = await asked(shop, reference, Reason.MAY_EXIST, DID_NOT_HAPPEN, RETRY, ABANDON)
            assert state.in_doubt
            await shop.resolve(reference, RETRY)
        await asked(shop, reference, Reason.MAY_EXIST, DID_NOT_HAPPEN, RETRY, ABANDON)
        assert shop.stand_in.calls.count("create") == 1
        shop.stand_in.assumed.lists = True
        reconfigured(shared_world, shop)
        await shop.resolve(reference, RETRY)
        ended = await shop.finished(reference)
        await shop.stand_in.ledger.reached("sent", reference)
        assert shop.effects(reference) == ["created", "approved", "sent"]
        assert shop.stand_in.calls.count("create") == (1 if when == "after" else 2)
        journal = await shop.client.invoices.journal(reference)
        adopted = any("adopted" in entry.what for entry in journal.entries)
        assert adopted is (when == "after")
        assert await shop.violations(reference, ended) == []


async def test_a_cancel_ends_no_doubt_about_a_create(shared_world: World) -> None:
    async with client(shared_world) as shop:
        shop.stand_in.faults.place("create", "reset", when="after")
        reference = await shop.start()
        await shop.parked(reference)
        await shop.cancel(reference)
        await asked(shop, reference, Reason.MAY_EXIST, DID_NOT_HAPPEN, RETRY, ABANDON)
        shop.stand_in.discard(reference)
        await shop.resolve(reference, DID_NOT_HAPPEN)
        assert (await shop.finished(reference)).status is Status.CANCELLED
        assert shop.effects(reference) == ["created", "deleted"]


async def test_a_draft_too_many_is_never_activated(shared_world: World) -> None:
    """Made although it was answered with *too many calls*, which a person took for a no."""
    async with client(shared_world) as shop:
        shop.stand_in.faults.place("create", "429", when="after")
        reference = await shop.start()
        await asked(shop, reference, Reason.MAY_EXIST, DID_NOT_HAPPEN, RETRY, ABANDON)
        assert shop.effects(reference) == ["created"]
        await shop.resolve(reference, DID_NOT_HAPPEN)
        ended = await shop.finished(reference)
        await shop.stand_in.ledger.reached("sent", reference)
        assert shop.effects(reference) == ["created", "created", "approved", "sent"]
        (approved,) = [
            one for one in shop.stand_in.ledger.of(reference) if one.effect == "approved"
        ]
        assert approved.invoice_id == ended.provider_id


@pytest.mark.parametrize("seen", [HAPPENED, DID_NOT_HAPPEN])
async def test_an_uncertain_activation_is_asked_about(shared_world: World, seen: Answer) -> None:
    """Where it did not happen it is done once more, and no more than that."""
    async with client(shared_world) as shop:
        when = "after" if seen is HAPPENED else "before"
        shop.stand_in.faults.place("approve", "reset", when=when)
        reference = await shop.start()
        await asked(shop, reference, Reason.CANNOT_TELL, HAPPENED, DID_NOT_HAPPEN, ABANDON)
        assert shop.stand_in.calls.count("approve") == 1
        await shop.resolve(reference, seen)
        ended = await shop.finished(reference)
        assert ended.status is Status.SENT
        assert shop.stand_in.calls.count("approve") == (1 if seen is HAPPENED else 2)
        await shop.stand_in.ledger.reached("sent", reference)
        assert await shop.violations(reference, ended) == []


@pytest.mark.parametrize("reads", [False, True])
async def test_a_draft_that_cannot_be_deleted_from_here_is_deleted_there(
    shared_world: World, reads: bool
) -> None:
    """Where nobody can look, a person says that it was; else the next look shows it."""
    async with client(shared_world, assumed=Assumed(reads=reads)) as shop:
        reference = await shop.start(shop.request(hold=True))
        await shop.until_status(reference, Status.HELD)
        await shop.cancel(reference)
        ways = (RETRY, ABANDON) if reads else (RETRY, HAPPENED, ABANDON)
        await asked(shop, reference, Reason.REJECTED, *ways)
        shop.stand_in.discard(reference)
        await shop.resolve(reference, RETRY if reads else HAPPENED)
        assert (await shop.finished(reference)).status is Status.CANCELLED
        assert shop.stand_in.calls.count("delete") == 0

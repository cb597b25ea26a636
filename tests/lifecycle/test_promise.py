"""One test for every way in which the promise was once broken, by the name the finding has.

They say what callers and providers see, so that they hold for whatever the workflow is made of.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from invoicing.client import InvoicingClient, Refused
from invoicing.provider import Plan, Target
from invoicing.request import Goal, InvoiceRequest, OrderRequest
from invoicing.state.invoice import Cancel, Invoice, Resolve, Status
from invoicing.state.order import Deliver, invoice_reference
from invoicing.state.questions import Answer, Reason
from sandbox.kit.faults import Fault
from sandbox.riverty import Told as Objects
from sandbox.zero_friction import Step, Told
from temporal_server import local_server
from tests.examples import a_document, a_line
from tests.lifecycle import provider_world
from tests.lifecycle.kinds.kind import SELDOM
from tests.lifecycle.kinds.riverty import TOLD
from tests.lifecycle.parking import blind
from tests.lifecycle.test_web_ui import metadata
from tests.lifecycle.world import PACES, Company, World, world
from tests.patience import LONG_ENOUGH
from tests.tiers import simulated

pytestmark = simulated

SENT = ["created", "approved", "sent"]
LATE = PACES.model_copy(update={"effect": timedelta(seconds=20)})
"""A lost call may take effect for longer than what these tests do takes."""
LONG_TO_SETTLE = PACES.model_copy(update={"settle": timedelta(seconds=1.5)})


@pytest.fixture(scope="module")
async def forgetful(server: object) -> AsyncIterator[World]:
    """On a server that suggests to continue as new at every wait."""
    short = {"limit.historyCount.suggestContinueAsNew": 20}
    async with local_server(own=True, dynamic_config=short) as running, world(running) as made:
        yield made


def reason(state: Invoice) -> Reason | None:
    """What a person is asked about."""
    return state.problem.reason if state.problem else None


async def noted(client: InvoicingClient, reference: str, what: str, times: int = 1) -> None:
    """Wait until this stands in the journal so many times."""
    async with asyncio.timeout(LONG_ENOUGH):
        while True:
            entries = (await client.invoices.journal(reference)).entries
            if sum(entry.what == what for entry in entries) >= times:
                return
            await asyncio.sleep(0.02)


async def others_deleted(company: Company, reference: str, ours: str | None) -> None:
    """Somebody deletes all but ours at the provider."""
    for identity in company.stand_in.ledger.live(reference):
        if identity != ours:
            await company.adaptor.delete(
                Target(account=company.account, reference=reference, provider_id=identity)
            )


# --- what the engine alone knows, or one run alone ------------------------------------------------


async def test_engine_cancel_outlives_the_run_that_it_was_sent_to(forgetful: World) -> None:
    """[engine-cancel] Pressed while a lost create settles, before the next run begins."""
    async with forgetful.company(paces=LONG_TO_SETTLE) as company:
        company.stand_in.faults.place(Step.CREATE, Fault.RESET, when="before")
        reference = await company.start()
        await noted(company.client, reference, "create: UnknownOutcome")
        await company.client.invoices.handle(reference).cancel(reason="test")
        assert (await company.finished(reference)).status is Status.CANCELLED
        assert company.live(reference) == 0
        assert "sent" not in company.effects(reference)


async def test_engine_cancel_counts_again_after_the_first_one_was_skipped(
    forgetful: World,
) -> None:
    """[engine-cancel] It goes on because a person said so; who cancels it later is asked anew."""
    async with forgetful.company() as company:
        reference = await company.start(goal=Goal.PAID, may_credit=False)
        for _ in range(2):
            await company.until_waiting(reference, "payment")
            await company.client.invoices.handle(reference).cancel(reason="test")
            assert reason(await company.parked(reference)) is Reason.CANNOT_CANCEL
            await company.resolve(reference, Answer.KEEP)
        await company.until_waiting(reference, "payment")
        company.stand_in.pay(reference)
        assert (await company.finished(reference)).status is Status.PAID


async def test_engine_cancel_counts_again_in_the_run_that_skipped_it(company: Company) -> None:
    """[engine-cancel] Also where no history has grown so long that it begins anew by itself."""
    reference = await company.start(goal=Goal.PAID, may_credit=False)
    for _ in range(2):
        await company.until_waiting(reference, "payment")
        await company.client.invoices.handle(reference).cancel(reason="test")
        assert reason(await company.parked(reference)) is Reason.CANNOT_CANCEL
        await company.resolve(reference, Answer.KEEP)
    await company.until_waiting(reference, "payment")
    assert company.effects(reference) == SENT


async def test_engine_cancel_of_an_order_reaches_an_invoice_that_was_told_to_go_on(
    company: Company,
) -> None:
    """[engine-cancel] The second cancel of an order was ignored without a word."""
    client, order = company.client, f"O-{company.account}"
    document = a_document(lines=(a_line(1), a_line(2)))
    wanted = OrderRequest(
        reference=order,
        provider="zero_friction",
        account=company.account,
        document=document,
        goal=Goal.PAID,
        may_credit=False,
    )
    await client.orders.start(wanted)
    await client.orders.deliver(
        order, Deliver(delivery="A", lines=("1",), issue_date=document.issue_date)
    )
    reference = invoice_reference(order, "A")
    await company.until_waiting(reference, "payment")
    await client.orders.handle(order).cancel(reason="test")
    assert reason(await company.parked(reference)) is Reason.CANNOT_CANCEL
    await company.resolve(reference, Answer.KEEP)
    await company.until_waiting(reference, "payment")
    await client.orders.cancel(order, Cancel(by="an operator", reason="test"))
    assert reason(await company.parked(reference)) is Reason.CANNOT_CANCEL
    await company.resolve(reference, Answer.KEEP)
    await company.until_waiting(reference, "payment")
    company.stand_in.pay(reference)
    await asyncio.wait_for(client.orders.result(order), LONG_ENOUGH)


async def test_successor_doubt_of_a_create_that_was_under_way(shared_world: World) -> None:
    """[successor-doubt] Terminated in the middle of a create, and begun again: two alive."""
    async with shared_world.company(patience=10) as company:
        create = company.stand_in.faults.place(Step.CREATE, Fault.GATE)
        request = company.request()
        reference = await company.start(request)
        await create.reached(within=LONG_ENOUGH)
        await company.client.invoices.handle(reference).terminate("a test")
        check = company.stand_in.faults.place(Step.READ, Fault.GATE)
        await company.start(request)
        await check.reached(within=LONG_ENOUGH)
        create.release()
        await company.stand_in.ledger.reached("created", reference, count=2)
        check.release()
        assert (await company.finished(reference)).status is Status.SENT
        # Both carry our reference and are drafts: the one too many is deleted, and ours sent.
        assert sorted(company.effects(reference)) == sorted(["created", "deleted", *SENT])
        assert await company.violations(reference) == []


async def test_successor_doubt_where_nobody_can_look(shared_world: World) -> None:
    """[successor-doubt] Riverty: sent, terminated, begun again, cancelled: a person is asked."""
    paces = PACES.model_copy(update={**TOLD, "payment": SELDOM})
    account = provider_world.opened(shared_world, "riverty", paces=paces, patience=5, talks=True)
    async with account as shop:
        request = shop.request(goal=Goal.PAID)
        reference = await shop.start(request)
        await shop.until_waiting(reference, "payment")
        await shop.client.invoices.handle(reference).terminate("a test")
        create = shop.stand_in.faults.place("create", Fault.GATE)
        await shop.start(request)
        await create.reached(within=LONG_ENOUGH)
        cancelling = asyncio.create_task(shop.cancel(reference))
        await noted(shop.client, reference, "cancel asked for")
        create.release()
        await cancelling
        assert reason(await shop.at_rest(reference)) is Reason.MAY_EXIST
        assert shop.live(reference) == 1


# --- absence is no proof --------------------------------------------------------------------------


def lists_late(company: Company, by: timedelta) -> None:
    """From now on the stand-in lists an invoice only so long after it was made."""
    ledger, listed = company.stand_in.ledger, company.stand_in.books.listed

    def later() -> Sequence[Any]:
        line = datetime.now(UTC) - by
        made = {one.invoice_id: one.at for one in ledger.entries if one.effect == "created"}
        return [one for one in listed() if made[one.id] <= line]

    company.stand_in.books.listed = later  # type: ignore[method-assign]


async def test_vacuous_search_of_a_list_that_lags_is_made_again(shared_world: World) -> None:
    """[vacuous] The list shows no invoice for a while, not even ours: two alive, one sent."""
    async with shared_world.company() as company:
        lists_late(company, timedelta(seconds=1.5))
        company.stand_in.faults.place(Step.CREATE, Fault.RESET, when="after")
        reference = await company.start()
        assert (await company.finished(reference)).status is Status.SENT
        assert sorted(company.effects(reference)) == sorted(["created", "deleted", *SENT])
        assert await company.violations(reference) == []


async def test_vacuous_search_that_shows_ours_in_the_end_asks_nobody(shared_world: World) -> None:
    """[vacuous] Where the lost create left nothing, waiting for the list is enough."""
    async with shared_world.company() as company:
        lists_late(company, timedelta(seconds=1))
        company.stand_in.faults.place(Step.CREATE, Fault.RESET, when="before")
        reference = await company.start()
        assert (await company.at_rest(reference)).status is Status.SENT
        assert company.effects(reference) == SENT


async def test_vacuous_search_that_never_tells_is_a_question_in_the_end(
    shared_world: World,
) -> None:
    """[vacuous] An incomplete answer counted as one that shows no other."""
    soon = PACES.approval.model_copy(update={"deadline": timedelta(seconds=1)})
    paces = PACES.model_copy(update={"approval": soon})
    async with shared_world.company(paces=paces) as company:
        blind(company, after=2)
        company.stand_in.faults.place(Step.CREATE, Fault.RESET, when="before")
        reference = await company.start()
        state = await company.at_rest(reference)
        assert reason(state) is Reason.CANNOT_SEARCH
        assert company.effects(reference) == ["created"]
        await company.resolve(reference, Answer.ALONE)
        assert (await company.finished(reference)).status is Status.SENT
        assert company.effects(reference) == SENT


# --- what was looked at before a wait -------------------------------------------------------------


async def test_stale_look_at_the_figures_before_a_search_that_takes_long(
    shared_world: World,
) -> None:
    """[stale-look] They change while the provider is searched: approved all the same."""
    async with shared_world.company(paces=LATE, patience=10, approval_delay=0) as company:
        stand_in = company.stand_in
        stand_in.faults.place(Step.CREATE, Fault.RESET, when="before")
        # Before either create, then before the approval.
        search = stand_in.faults.place(Step.FIND, Fault.GATE, nth=3)
        reference = await company.start()
        await search.reached(within=LONG_ENOUGH)
        line = stand_in.books.latest(reference).lines[0]
        line.net, line.gross = line.net + Decimal("0.01"), line.gross + Decimal("0.01")
        search.release()
        assert reason(await company.at_rest(reference)) is Reason.AMOUNTS_DIFFER
        assert stand_in.calls.count(Step.APPROVE) == 0


async def test_stale_look_for_another_one_before_a_read_that_takes_long(
    shared_world: World,
) -> None:
    """[stale-look] A lost create takes effect while the figures cannot be read."""
    async with shared_world.company(paces=LATE, patience=0.2) as company:
        stand_in = company.stand_in
        create = stand_in.faults.place(Step.CREATE, Fault.GATE)
        stand_in.faults.place(Step.READ, Fault.UNAVAILABLE, nth=2, times=10_000)
        reference = await company.start()
        await stand_in.arrived(Step.READ, 3, within=LONG_ENOUGH)
        create.release()
        await stand_in.ledger.reached("created", reference, count=2)
        # At the pace of tests, longer than a search and a read may take here.
        await stand_in.arrived(Step.READ, 25, within=LONG_ENOUGH)
        stand_in.faults.clear()
        assert (await company.ended(reference)).status is Status.SENT
        assert sorted(company.effects(reference)) == sorted(["created", "deleted", *SENT])


CHANGING = {"create", "approve", "send", "credit", "delete", "attach"}


async def test_stale_look_before_a_call_that_waits_for_its_worker(company: Company) -> None:
    """[stale-look] No call that changes something may sit in a queue for hours."""
    reference = await company.start(goal=Goal.PAID)
    await company.until_waiting(reference, "payment")
    await company.cancel(reference)
    assert (await company.finished(reference)).status is Status.CREDITED
    history = await company.client.invoices.handle(reference).fetch_history()
    scheduled = [event.activity_task_scheduled_event_attributes for event in history.events]
    longest = {
        one.activity_type.name: one.schedule_to_start_timeout.ToTimedelta()
        for one in scheduled
        if one.activity_type.name in CHANGING
    }
    assert longest.keys() == {"create", "approve", "send", "credit"}
    assert all(timedelta() < each <= timedelta(seconds=60) for each in longest.values())


# --- a create that takes effect after everybody has looked ----------------------------------------


async def test_late_commit_is_searched_for_before_credited_is_said(shared_world: World) -> None:
    """[late-commit] Sent long ago, when the first create takes effect; then it is cancelled."""
    async with shared_world.company(paces=LATE) as company:
        create = company.stand_in.faults.place(Step.CREATE, Fault.GATE)
        reference = await company.start(goal=Goal.PAID)
        await company.until_waiting(reference, "payment")
        create.release()
        await company.stand_in.ledger.reached("created", reference, count=2)
        await company.cancel(reference)
        ended = await company.ended(reference)
        assert ended.status is Status.CREDITED
        assert ended.number is not None
        assert await company.violations(reference, ended) == []


async def test_late_commit_is_searched_for_before_somebody_elses_credit_is_the_end(
    shared_world: World,
) -> None:
    """[late-commit] Also where it was credited there, and not by us."""
    async with shared_world.company(paces=LATE) as company:
        create = company.stand_in.faults.place(Step.CREATE, Fault.GATE)
        reference = await company.start(goal=Goal.PAID)
        state = await company.until_waiting(reference, "payment")
        create.release()
        await company.stand_in.ledger.reached("created", reference, count=2)
        await company.adaptor.credit(
            Target(account=company.account, reference=reference, provider_id=state.provider_id)
        )
        ended = await company.ended(reference)
        assert ended.status is Status.CREDITED
        assert company.live(reference) == 0


async def test_late_commit_found_and_then_cancelled_is_not_called_credited(
    shared_world: World,
) -> None:
    """[late-commit] A cancel during `several_found` credited ours and said nothing of the other."""
    async with shared_world.company(paces=LATE, approval_delay=float("inf")) as company:
        create = company.stand_in.faults.place(Step.CREATE, Fault.GATE)
        reference = await company.start()
        state = await company.until_waiting(reference, "approval")
        create.release()
        await company.stand_in.ledger.reached("created", reference, count=2)
        books = company.stand_in.books
        books._due(next(one for one in books.listed() if one.id == state.provider_id))
        await company.cancel(reference)
        assert (await company.ended(reference)).status is Status.CREDITED
        assert company.live(reference) == 0


async def test_late_commit_is_searched_for_before_cancelled_is_said(shared_world: World) -> None:
    """[late-commit] The second create is refused, and the first one takes effect after that."""
    async with shared_world.company(paces=LATE) as company:
        plan = company.adaptor.plan

        async def without_looking_first(request: InvoiceRequest) -> Plan:
            return (await plan(request)).model_copy(update={"find_first": False})

        company.adaptor.plan = without_looking_first  # type: ignore[method-assign]
        create = company.stand_in.faults.place(Step.CREATE, Fault.GATE)
        company.stand_in.faults.place(Step.CREATE, Told.SUCCESS_FALSE, nth=2)
        reference = await company.start()
        assert reason(await company.at_rest(reference)) is Reason.REJECTED
        create.release()
        await company.stand_in.ledger.reached("created", reference)
        await company.cancel(reference)
        assert (await company.ended(reference)).status is Status.CANCELLED
        assert company.effects(reference) == ["created", "deleted"]


# --- what only grows ------------------------------------------------------------------------------


async def test_keys_of_an_invoice_that_is_retried_very_often_stay_within_the_servers_limit(
    shared_world: World,
) -> None:
    """[keys] Riverty gives every attempt a name; after 17 of them the server ended the workflow."""
    paces = PACES.model_copy(update={**TOLD, "payment": SELDOM})
    account = provider_world.opened(shared_world, "riverty", paces=paces, patience=5, talks=True)
    async with account as shop:
        refused = shop.stand_in.faults.place("create", Objects.REJECTED, times=10_000)
        reference = await shop.start(shop.request(goal=Goal.PAID))
        for _ in range(19):
            assert reason(await shop.parked(reference)) is Reason.DRAFT_FAILED
            await shop.resolve(reference, Answer.MAKE_AGAIN)
        await shop.parked(reference)
        assert refused.hits == 20
        shop.stand_in.faults.clear()
        await shop.resolve(reference, Answer.MAKE_AGAIN)
        # The verdicts on the last attempt, and the payment, come under the names that are kept.
        await shop.until_waiting(reference, "payment")
        shop.stand_in.pay(reference)
        assert (await shop.finished(reference)).status is Status.PAID


# --- an answer without its question ---------------------------------------------------------------


async def test_second_answer_to_a_question_that_has_moved_on_is_refused(
    company: Company,
) -> None:
    """[second-answer] Two people answer the first question; the second answer was taken for the
    second question."""
    company.stand_in.faults.place(Step.CREATE, Told.SUCCESS_FALSE, times=2)
    reference = await company.start()
    first = (await company.parked(reference)).problem
    assert first is not None
    said = {"by": "an operator", "reason": "test", "answer": Answer.RETRY}
    answer = Resolve.model_validate({**said, "question": first.question})
    await company.client.invoices.resolve(reference, answer)
    second = (
        await company.until(
            reference,
            lambda state: state.problem is not None and state.problem != first,
        )
    ).problem
    assert second is not None
    with pytest.raises(Refused, match=f"open now. That is {second.question}: "):
        await company.client.invoices.resolve(reference, answer)
    assert (await company.parked(reference)).problem == second


async def test_skip_is_a_word_for_each_of_the_things_that_it_meant(shared_world: World) -> None:
    """[skip] "Count the step as done", said the screens; where a create was lost it made a second
    one."""
    async with shared_world.company() as company:
        blind(company, after=1)
        company.stand_in.faults.place(Step.CREATE, Fault.RESET, when="after")
        reference = await company.start()
        state = await company.parked(reference)
        assert reason(state) is Reason.MAY_EXIST
        details = (await metadata(company, reference)).current_details
        assert "- `did_not_happen`: it is NOT there, you have looked: create it now" in details
        assert "skip" not in details

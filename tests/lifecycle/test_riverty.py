"""Riverty in particular: verdicts that are missing, late, twice or in the wrong order, what is done
where nobody can look, and orders whose lines are invoiced as they are delivered."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from temporalio.client import WorkflowExecutionStatus

from invoicing.client import Refused
from invoicing.provider import Delivery, PaymentStatus, ReadCall, Snapshot, Stage
from invoicing.request import Goal, OrderRequest
from invoicing.state.identity import ORDER_WORKFLOW, order_id
from invoicing.state.invoice import Cancel, Invoice, LineStatus, Resolve, Status
from invoicing.state.news import EventState
from invoicing.state.order import (
    AddLines,
    CancelLines,
    Deliver,
    Order,
    OrderBrief,
    OrderStatus,
    invoice_reference,
)
from invoicing.state.order_case import OrderInput
from invoicing.state.questions import Answer, Reason
from sandbox import riverty
from sandbox.riverty import Step, Told
from sandbox.riverty.notices import Notice
from sandbox.riverty.words import EDI
from tests.examples import a_line
from tests.lifecycle import provider_world
from tests.lifecycle.kinds.kind import (
    ABANDON,
    AWHILE,
    BRISK,
    CORRECT,
    DID_NOT_HAPPEN,
    HAPPENED,
    MAKE_AGAIN,
    RETRY,
    SELDOM,
    Shop,
)
from tests.lifecycle.kinds.riverty import OPTIONS, TOLD, WHILE, document, order_called, order_of
from tests.lifecycle.world import World, together
from tests.patience import LONG_ENOUGH
from tests.tiers import elsewhere, slow

pytestmark = elsewhere

FINAL = ["created", "approved", "sent"]
HEARS = BRISK.model_copy(update={**TOLD, "payment": SELDOM})
"""Nobody looks by the clock."""
NOT_SOON = SELDOM.model_copy(update={"first": timedelta(seconds=20)})


@contextlib.asynccontextmanager
async def client(world: World, **changes: Any) -> AsyncIterator[Shop]:
    """An account at Riverty, which tells what it has to tell at once."""
    stand_in = {key: changes.pop(key) for key in set(changes) - set(type(HEARS).model_fields)}
    paces = HEARS.model_copy(update=changes)
    account = provider_world.opened(
        world, "riverty", paces=paces, patience=5, **{"talks": True, **stand_in}
    )
    async with account as shop:
        yield shop


def problem(state: Invoice | Order) -> Reason:
    assert state.problem is not None
    return state.problem.reason


async def ends_well(shop: Shop, reference: str, effects: list[str], status: Status) -> Invoice:
    state = await shop.finished(reference)
    assert state.status is status, await shop.report(reference, [state.status])
    assert shop.effects(reference) == effects
    assert await shop.violations(reference, state) == []
    return state


async def verdicts(shop: Shop, name: str, count: int) -> tuple[Notice, ...]:
    """The verdicts on an order or invoice, once there are so many; delivered or not."""
    async with asyncio.timeout(LONG_ENOUGH):
        while len(told := shop.stand_in.notices.of(name, EDI)) < count:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    made: tuple[Notice, ...] = told
    return made


# --- verdicts -------------------------------------------------------------------------------------


async def test_a_verdict_that_comes_after_all_moves_a_parked_invoice_on(
    shared_world: World,
) -> None:
    async def late(step: Step, pace: str, reason: Reason) -> None:
        async with client(shared_world, **{pace: AWHILE}) as shop:
            shop.stand_in.faults.place(step, Told.VERDICT_WITHHELD)
            reference = await shop.start()
            assert problem(await shop.parked(reference)) is reason
            shop.stand_in.notices.release()
            await ends_well(shop, reference, FINAL, Status.SENT)
            assert shop.stand_in.calls.counts == {"create": 1, "approve": 1}

    await together(
        {
            "the order": late(Step.CREATE, "drafting", Reason.DRAFT_OVERDUE),
            "the invoice": late(Step.APPROVE, "approval", Reason.APPROVAL_OVERDUE),
        }
    )


async def test_the_refusal_of_a_repeated_order_may_come_before_the_yes_to_the_first(
    shared_world: World,
) -> None:
    """And nobody may correct it meanwhile: what comes to light would be the old content."""
    async with client(shared_world) as shop:
        shop.stand_in.notices.hold(EDI)
        shop.stand_in.faults.place(Step.CREATE, "reset", when="after")
        reference = await shop.start()
        _, refused = await verdicts(shop, order_of(reference), 2)
        await shop.stand_in.notices.again(refused)
        state = await shop.parked(reference)
        assert problem(state) is Reason.DRAFT_FAILED
        assert state.problem is not None
        assert state.problem.answers == (MAKE_AGAIN, HAPPENED, DID_NOT_HAPPEN, ABANDON)
        shop.stand_in.notices.release()
        await ends_well(shop, reference, FINAL, Status.SENT)


async def test_the_verdict_on_the_invoice_may_come_before_that_on_its_order(
    shared_world: World,
) -> None:
    async with client(shared_world, drafting=AWHILE) as shop:
        shop.stand_in.faults.place(Step.CREATE, Told.VERDICT_WITHHELD)
        reference = await shop.start(goal=Goal.PAID)
        await shop.parked(reference)
        await shop.resolve(reference, HAPPENED)
        await shop.until_waiting(reference, "payment")
        shop.stand_in.notices.release()
        await shop.stand_in.notices.delivered(EDI, order_of(reference), 2)
        shop.stand_in.pay(reference)
        await ends_well(shop, reference, [*FINAL, "paid"], Status.PAID)


async def test_a_verdict_nobody_here_asked_for_waits_for_a_person(shared_world: World) -> None:
    async with client(shared_world) as shop:
        reference = await shop.start(hold=True)
        await shop.until_status(reference, Status.HELD)
        stray = shop.stand_in.notices.stray()
        about = {"body": stray.body, "source": riverty.SOURCE}
        received = Delivery(**about, received="2026-11-23T10:00:00Z")
        (event,) = shop.adaptor.receive(received)
        other = event.model_copy(update={"id": uuid.uuid4().hex})
        handle = await shop.client.events.tell("riverty", shop.account, other, pace=1e-6)
        async with asyncio.timeout(LONG_ENOUGH):
            while (await handle.query("state", result_type=EventState)).problem is None:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        await handle.terminate("the test is over")
        await shop.release(reference)
        await ends_well(shop, reference, FINAL, Status.SENT)


async def test_what_is_told_during_a_look_is_looked_at_too(shared_world: World) -> None:
    """The yes arrives while the invoice is about to be parked for the no that came before it."""
    async with client(shared_world) as shop:
        shop.stand_in.notices.hold(EDI)
        shop.stand_in.faults.place(Step.CREATE, "reset", when="after")
        looking, told = asyncio.Event(), asyncio.Event()
        read = shop.adaptor.read

        async def slowly(call: ReadCall) -> Snapshot:
            snapshot: Snapshot = await read(call)
            if snapshot.stage is Stage.NONE and not told.is_set():
                looking.set()
                await told.wait()
            return snapshot

        shop.adaptor.read = slowly
        reference = await shop.start()
        accepted, refused = await verdicts(shop, order_of(reference), 2)
        await shop.stand_in.notices.again(refused)
        await asyncio.wait_for(looking.wait(), LONG_ENOUGH)
        shop.stand_in.notices.release()
        assert accepted.content["parameters"]["details"]["result"] == "OK"
        await signalled(shop, reference, 2)
        told.set()
        await ends_well(shop, reference, FINAL, Status.SENT)


async def signalled(shop: Shop, reference: str, count: int) -> None:
    """Wait until an invoice has been told so many things."""
    seen = 0
    async with asyncio.timeout(LONG_ENOUGH):
        history = shop.client.invoices.handle(reference).fetch_history_events(wait_new_event=True)
        async for event in history:
            seen += event.HasField("workflow_execution_signaled_event_attributes")
            if seen == count:
                return


async def test_a_lost_invoice_is_not_sent_again_when_its_verdict_has_come(
    shared_world: World,
) -> None:
    pause = SELDOM.model_copy(update={"first": timedelta(seconds=1.5)})
    async with client(shared_world, unavailable=pause) as shop:
        shop.stand_in.faults.place(Step.APPROVE, "truncated", when="after")
        reference = await shop.start()
        await ends_well(shop, reference, FINAL, Status.SENT)
        assert shop.stand_in.calls.count("approve") == 1


# --- what a person does ---------------------------------------------------------------------------


async def test_a_refused_order_is_corrected_under_the_same_names(shared_world: World) -> None:
    async with client(shared_world) as shop:
        shop.stand_in.faults.place(Step.CREATE, Told.REJECTED, key="LINEITEMSTATUS")
        reference = await shop.start()
        state = await shop.parked(reference)
        assert problem(state) is Reason.DRAFT_FAILED
        assert state.problem is not None
        assert [each.field for each in state.problem.fields] == ["LINEITEMSTATUS"]
        line = a_line(1, quantity=Decimal(1), unit_price=Decimal(100))
        corrected = document(number=reference, lines=(line,))
        await shop.resolve(reference, CORRECT, document=corrected)
        state = await ends_well(shop, reference, FINAL, Status.SENT)
        assert state.amounts is not None
        assert state.amounts.gross == Decimal("121.00")
        assert shop.stand_in.order(order_of(reference))
        assert shop.stand_in.invoice(reference)["gross"] == Decimal("121.00")


async def test_a_key_that_is_wrong_ends_at_a_person(shared_world: World) -> None:
    """It is answered like a provider that is away, so that is how long it is taken for one."""
    async with client(shared_world, unavailable=AWHILE) as shop:
        shop.stand_in.revoke(riverty.PRIMARY_KEY)
        reference = await shop.start()
        state = await shop.parked(reference)
        assert problem(state) is Reason.PROVIDER_UNAVAILABLE
        assert "subscription key" in str(state.problem)
        shop.stand_in._revoked.clear()
        await shop.resolve(reference, RETRY)
        await ends_well(shop, reference, FINAL, Status.SENT)


async def test_what_is_paid_in_parts_is_paid_when_nothing_remains(shared_world: World) -> None:
    async with client(shared_world) as shop:
        reference = await shop.start(goal=Goal.PAID)
        await shop.until_waiting(reference, "payment")
        for part in ("50.00", "52.80"):
            shop.stand_in.pay(reference, Decimal(part))
            await shop.until(reference, lambda state: state.payment is PaymentStatus.PARTLY_PAID)
        shop.stand_in.pay(reference)
        await ends_well(shop, reference, [*FINAL, "paid"], Status.PAID)


# --- taking it back -------------------------------------------------------------------------------


async def test_it_is_taken_back_as_the_request_asks(shared_world: World) -> None:
    async def credited(how: str) -> None:
        async with client(shared_world) as shop:
            reference = await shop.start(goal=Goal.PAID, options={"credit": how})
            await shop.until_waiting(reference, "payment")
            await shop.cancel(reference)
            await ends_well(shop, reference, [*FINAL, "credited"], Status.CREDITED)
            (call,) = shop.stand_in.calls.of("credit")
            assert call.path.endswith(f"/{how}s")

    await together({how: credited(how) for how in ("goodwill", "return")})


@slow
async def test_a_refusal_to_take_it_back_is_shown_at_once(shared_world: World) -> None:
    """Not after the day that a verdict may take."""

    async def refused(step: Step, goal: Goal, answer: Answer, end: str) -> None:
        async with client(shared_world) as shop:
            shop.stand_in.faults.place(step, Told.REJECTED, key="LINEITEMSTATUS")
            reference = await shop.start(goal=goal, hold=goal is Goal.SENT)
            await shop.until(
                reference,
                lambda state: (
                    state.waiting is not None and (state.waiting.what in ("release", "payment"))
                ),
            )
            await shop.cancel(reference)
            state = await shop.parked(reference)
            assert problem(state) is Reason.CANNOT_CANCEL
            assert state.problem is not None
            assert [each.field for each in state.problem.fields] == ["LINEITEMSTATUS"]
            await shop.resolve(reference, answer)
            ended = await shop.finished(reference)
            assert ended.status in (Status.CANCELLED, Status.CREDITED)
            assert shop.effects(reference)[-1] == end

    await together(
        {
            "a cancellation": refused(Step.DELETE, Goal.SENT, RETRY, "deleted"),
            "a credit": refused(Step.CREDIT, Goal.PAID, RETRY, "credited"),
            "a credit that was settled by hand": refused(Step.CREDIT, Goal.PAID, HAPPENED, "sent"),
        }
    )


@slow
async def test_what_may_have_been_ordered_is_ordered_again_so_that_it_can_be_cancelled(
    shared_world: World,
) -> None:
    """Nothing can be looked up, so the only way to know that there is nothing is to cancel it."""

    async def doubted(when: str) -> None:
        async with client(shared_world, unavailable=NOT_SOON) as shop:
            shop.stand_in.faults.place(Step.CREATE, "reset", when=when)
            reference = await shop.start()
            await shop.until_waiting(reference, "provider unavailable")
            await shop.cancel(reference)
            await ends_well(shop, reference, ["created", "deleted"], Status.CANCELLED)
            assert shop.stand_in.calls.counts == {"create": 2, "delete": 1}

    await together({when: doubted(when) for when in ("before", "after")})


@slow
async def test_a_doubtful_order_that_is_refused_again_is_not_counted_as_cancelled(
    shared_world: World,
) -> None:
    async def refused_first(person: Answer | None) -> None:
        async with client(shared_world, unavailable=NOT_SOON) as shop:
            shop.stand_in.notices.hold(EDI)
            shop.stand_in.faults.place(Step.CREATE, "reset", when="after")
            reference = await shop.start()
            await shop.until_waiting(reference, "provider unavailable")
            await shop.cancel(reference)
            _, refused = await verdicts(shop, order_of(reference), 2)
            await shop.stand_in.notices.again(refused)
            assert problem(await shop.parked(reference)) is Reason.MAY_EXIST
            if person:
                await shop.resolve(reference, person)
            shop.stand_in.notices.release()
            if person is DID_NOT_HAPPEN:
                assert (await shop.finished(reference)).status is Status.CANCELLED
            else:
                await ends_well(shop, reference, ["created", "deleted"], Status.CANCELLED)

    await together(
        {
            "the yes comes after all": refused_first(None),
            "it is asked for once more": refused_first(RETRY),
            "somebody knows that it is not there": refused_first(DID_NOT_HAPPEN),
        }
    )


async def test_an_earlier_run_of_the_reference_is_not_ordered_again_to_be_cancelled(
    shared_world: World,
) -> None:
    """But a person is asked: the new run cannot see that the earlier one left nothing."""
    async with client(shared_world) as shop:
        reference = f"P-{uuid.uuid4().hex[:10]}"
        await shop.start(shop.request(reference, hold=True))
        await shop.until_status(reference, Status.HELD)
        await shop.cancel(reference)
        assert (await shop.finished(reference)).status is Status.CANCELLED
        shop.stand_in.notices.hold(EDI)
        await shop.start(shop.request(reference, hold=True))
        await shop.stand_in.reached("create", nth=2, when="after")
        await shop.cancel(reference)
        shop.stand_in.notices.release()
        assert problem(await shop.parked(reference)) is Reason.MAY_EXIST
        await shop.resolve(reference, DID_NOT_HAPPEN)
        assert (await shop.finished(reference)).status is Status.CANCELLED
        assert shop.stand_in.calls.counts == {"create": 2, "delete": 1}


# --- orders ---------------------------------------------------------------------------------------


def an_order(shop: Shop, count: int, **changes: Any) -> OrderRequest:
    lines = tuple(
        a_line(number, quantity=Decimal(2), unit_price=Decimal(50))
        for number in range(1, count + 1)
    )
    return OrderRequest(
        **{
            "reference": f"O-{uuid.uuid4().hex[:8]}",
            "provider": "riverty",
            "account": shop.account,
            "document": document(lines=lines),
            "options": OPTIONS,
            **changes,
        }
    )


def a_delivery(order: str, name: str, *lines: str, **changes: Any) -> Deliver:
    day = document().issue_date
    said = {"delivery": name, "lines": lines, "number": f"{order}-{name}", "issue_date": day}
    return Deliver(**{**said, **changes})


def a_cancellation(name: str, *lines: str) -> CancelLines:
    return CancelLines(cancellation=name, lines=lines, by="an operator", reason="OUT_OF_STOCK")


async def begun(shop: Shop, count: int, **changes: Any) -> str:
    order = an_order(shop, count, **changes)
    await shop.client.orders.start(order)
    return order.reference


async def until(shop: Shop, reference: str, sure: Callable[[Order], bool]) -> Order:
    async with asyncio.timeout(LONG_ENOUGH):
        while not sure(order := await shop.client.orders.state(reference)):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        return order


async def is_open(shop: Shop, reference: str) -> None:
    """Wait until the provider knows the order, so that a delivery begins at once."""
    await until(shop, reference, lambda order: order.status is OrderStatus.OPEN)


async def finished(shop: Shop, reference: str) -> Order:
    return await asyncio.wait_for(shop.client.orders.result(reference), LONG_ENOUGH)


def statuses(order: Order) -> str:
    """One letter for each line: the first of its status, cancelled and credited apart."""
    letters = {LineStatus.CANCELLED: "x", LineStatus.CREDITED: "c"}
    return "".join(letters.get(line.status, line.status[0]) for line in order.ledger.lines)


def ordered(shop: Shop, reference: str) -> list[str]:
    return [str(effect) for effect in shop.stand_in.ledger.effects(order_called(reference))]


async def answered(shop: Shop, reference: str, answer: str) -> OrderBrief:
    """Answer the question that is open, as its operator who has just read it."""
    open_one = (await shop.client.orders.state(reference)).problem
    assert open_one is not None
    said = {"question": open_one.question, "answer": answer}
    said = {"by": "an operator", "reason": "test", **said}
    return await shop.client.orders.resolve(reference, Resolve.model_validate(said))


async def test_an_order_is_registered_once_and_every_line_ends_once(shared_world: World) -> None:
    """Three deliveries, one that fails, one cancelled remainder."""
    async with client(shared_world) as shop:
        reference = await begun(shop, 6)
        await shop.client.orders.deliver(reference, a_delivery(reference, "A", "1"))
        await shop.client.orders.deliver(reference, a_delivery(reference, "B", "2", "3"))
        failing = a_delivery(reference, "C", "4", options={"no_such": 1})
        await shop.client.orders.deliver(reference, failing)
        await until(shop, reference, lambda order: statuses(order)[3] == "o")
        await shop.client.orders.deliver(reference, a_delivery(reference, "D", "5", "4"))
        await shop.client.orders.cancel_lines(reference, a_cancellation("X", "6"))
        order = await finished(shop, reference)
        assert order.status is OrderStatus.COMPLETED
        assert statuses(order) == "iiiiix"
        effects = ordered(shop, reference)
        assert effects[0] == "created"
        assert sorted(effects) == sorted(["created", *FINAL[1:] * 3, "lines cancelled"])
        assert shop.stand_in.calls.counts == {"create": 1, "approve": 3, "delete": 1}
        grosses = {name: shop.stand_in.invoice(f"{reference}-{name}")["gross"] for name in "ABD"}
        assert grosses == {"A": Decimal(121), "B": Decimal(242), "D": Decimal(242)}
        (line,) = (line for line in order.ledger.lines if line.id == "4")
        assert (line.holder, line.number) == ("delivery/D", f"{reference}-D")


HALF = {"1": Decimal("0.5")}
WHOLE = "riverty takes a line of an order as a whole alone, and of 1 a part is asked for"


async def test_a_part_of_a_line_is_refused_and_told_what_to_do(shared_world: World) -> None:
    """Invoices and cancellations there name lines, and no quantities."""
    async with client(shared_world) as shop:
        reference = await begun(shop, 2)
        await is_open(shop, reference)
        part = a_delivery(reference, "A", "1", "2", quantities=HALF)
        with pytest.raises(Refused, match=f"{WHOLE}: take all of it, or make an order with a line"):
            await shop.client.orders.deliver(reference, part)
        missing = a_cancellation("X", "1").model_copy(update={"quantities": HALF})
        with pytest.raises(Refused, match=WHOLE):
            await shop.client.orders.cancel_lines(reference, missing)
        all_of_it = a_delivery(reference, "A", "1", "2", quantities={"1": Decimal(2)})
        await shop.client.orders.deliver(reference, all_of_it)
        assert statuses(await finished(shop, reference)) == "ii"


async def test_lines_are_not_added_to_an_order_that_is_registered(shared_world: World) -> None:
    async with client(shared_world) as shop:
        reference = await begun(shop, 1)
        await is_open(shop, reference)
        more = AddLines(addition="M", lines=(a_line(2),))
        with pytest.raises(Refused, match="knows the order as it was registered: make another"):
            await shop.client.orders.add_lines(reference, more)


async def test_a_part_that_was_asked_for_before_the_plan_is_given_back(shared_world: World) -> None:
    async with client(shared_world) as shop:
        order = an_order(shop, 2)
        part = a_delivery(order.reference, "A", "1", "2", quantities=HALF)
        fields = {name: getattr(order, name) for name in OrderRequest.model_fields}
        handle = await shop.client.temporal.start_workflow(
            ORDER_WORKFLOW,
            OrderInput.model_construct(**fields),
            id=order_id(order.reference),
            task_queue=shop.client.orders.task_queue,
            start_signal="deliver",
            start_signal_args=[part],
        )
        await is_open(shop, order.reference)
        state = await shop.client.orders.state(order.reference)
        assert statuses(state) == "oo"
        assert state.deliveries[0].status is Status.REJECTED
        journal = await shop.client.orders.journal(order.reference)
        assert any(f"delivery/A refused: {WHOLE}" in entry.what for entry in journal.entries)
        await shop.client.orders.deliver(
            order.reference, a_delivery(order.reference, "B", "1", "2")
        )
        assert statuses(await finished(shop, order.reference)) == "ii"
        assert (await handle.describe()).status is WorkflowExecutionStatus.COMPLETED


@slow
async def test_a_delivery_the_provider_refuses_gives_its_lines_back_when_it_is_cancelled(
    shared_world: World,
) -> None:
    async with client(shared_world) as shop:
        reference = await begun(shop, 1)
        await is_open(shop, reference)
        shop.stand_in.faults.place(Step.APPROVE, Told.REJECTED)
        await shop.client.orders.deliver(reference, a_delivery(reference, "A", "1"))
        refused = invoice_reference(reference, "A")
        assert problem(await shop.parked(refused)) is Reason.APPROVAL_FAILED
        await shop.cancel(refused)
        await until(shop, reference, lambda order: statuses(order) == "o")
        await shop.client.orders.deliver(reference, a_delivery(reference, "B", "1"))
        assert statuses(await finished(shop, reference)) == "i"
        assert ordered(shop, reference) == FINAL
        assert shop.stand_in.calls.count("delete") == 0


async def test_lines_whose_cancellation_is_refused_are_open_again(shared_world: World) -> None:
    async with client(shared_world) as shop:
        reference = await begun(shop, 2)
        shop.stand_in.faults.place(Step.DELETE, Told.REJECTED)
        await shop.client.orders.cancel_lines(reference, a_cancellation("X", "1", "2"))
        order = await until(shop, reference, lambda order: statuses(order) == "oo")
        assert order.cancellations[0].outcome == "refused"
        await shop.client.orders.deliver(reference, a_delivery(reference, "A", "1"))
        await shop.client.orders.cancel_lines(reference, a_cancellation("Y", "2"))
        order = await finished(shop, reference)
        assert statuses(order) == "ix"
        assert sorted(ordered(shop, reference)) == sorted([*FINAL, "lines cancelled"])


async def test_an_order_that_cannot_be_taken_back_asks_instead_of_asking_the_provider_for_ever(
    shared_world: World,
) -> None:
    async with client(shared_world) as shop:
        reference = await begun(shop, 2)
        await is_open(shop, reference)
        shop.stand_in.faults.place(Step.DELETE, Told.REJECTED, key="LINEITEMSTATUS")
        await shop.client.orders.cancel(reference, Cancel(by="an operator", reason="test"))
        order = await until(shop, reference, lambda order: order.problem is not None)
        assert problem(order) is Reason.LINES_NOT_CANCELLED
        assert shop.stand_in.calls.count("delete") == 1
        await answered(shop, reference, "retry")
        order = await finished(shop, reference)
        assert statuses(order) == "xx"
        assert ordered(shop, reference) == ["created", "deleted"]


async def test_a_refused_order_is_registered_again_when_somebody_says_so(
    shared_world: World,
) -> None:
    async with client(shared_world) as shop:
        shop.stand_in.faults.place(Step.CREATE, Told.REJECTED, key="LINEITEMSTATUS")
        reference = await begun(shop, 1)
        order = await until(shop, reference, lambda order: order.problem is not None)
        assert problem(order) is Reason.ORDER_REFUSED
        await shop.client.orders.deliver(reference, a_delivery(reference, "A", "1"))
        await answered(shop, reference, "make_again")
        assert statuses(await finished(shop, reference)) == "i"
        assert ordered(shop, reference) == FINAL


async def test_a_late_verdict_moves_a_parked_order_on(shared_world: World) -> None:
    async with client(shared_world, drafting=AWHILE) as shop:
        shop.stand_in.faults.place(Step.CREATE, Told.VERDICT_WITHHELD)
        reference = await begun(shop, 1)
        order = await until(shop, reference, lambda order: order.problem is not None)
        assert problem(order) is Reason.ORDER_OVERDUE
        await shop.client.orders.deliver(reference, a_delivery(reference, "A", "1"))
        assert shop.stand_in.calls.count("approve") == 0
        shop.stand_in.notices.release()
        assert statuses(await finished(shop, reference)) == "i"
        assert ordered(shop, reference) == FINAL


async def test_an_uncertain_registration_is_repeated_and_makes_one_order(
    shared_world: World,
) -> None:
    async with client(shared_world) as shop:
        shop.stand_in.faults.place(Step.CREATE, "reset", when="after")
        reference = await begun(shop, 1)
        await shop.client.orders.deliver(reference, a_delivery(reference, "A", "1"))
        assert statuses(await finished(shop, reference)) == "i"
        assert ordered(shop, reference) == FINAL
        assert shop.stand_in.calls.count("create") == 2


# --- deliveries nobody is sure of -----------------------------------------------------------------


async def doubtful(shop: Shop) -> tuple[str, str]:
    """An order, and its delivery whose invoice may have been accepted: nobody got an answer."""
    reference = await begun(shop, 2, goal="paid")
    await is_open(shop, reference)
    shop.stand_in.notices.hold(EDI)
    shop.stand_in.faults.place(Step.APPROVE, "reset", when="after")
    await shop.client.orders.deliver(reference, a_delivery(reference, "A", "1"))
    invoice = invoice_reference(reference, "A")
    await shop.until_waiting(invoice, "provider unavailable")
    return reference, invoice


async def close(shop: Shop, reference: str, *lines: str) -> Order:
    shop.stand_in.notices.release()
    if lines:
        await shop.client.orders.cancel_lines(reference, a_cancellation("rest", *lines))
    return await finished(shop, reference)


@slow
async def test_lines_of_a_cancelled_delivery_are_not_given_away_while_they_may_be_invoiced(
    shared_world: World,
) -> None:
    async def settled(by_the_provider: bool) -> None:
        async with client(shared_world, unavailable=NOT_SOON) as shop:
            reference, invoice = await doubtful(shop)
            await shop.cancel(invoice)
            state = await shop.parked(invoice)
            assert problem(state) is Reason.CANNOT_TELL
            assert state.in_doubt
            assert statuses(await shop.client.orders.state(reference)) == "ro"
            if by_the_provider:
                shop.stand_in.notices.release()
            else:
                await shop.resolve(invoice, HAPPENED)
                await shop.stand_in.reached("credit", when="after")
            order = await close(shop, reference, "2")
            assert statuses(order) == "cx"
            wanted = [*FINAL, "credited", "lines cancelled"]
            assert sorted(ordered(shop, reference)) == sorted(wanted)

    async def known_not_to_be() -> None:
        async with client(shared_world, unavailable=NOT_SOON) as shop:
            reference = await begun(shop, 1)
            await is_open(shop, reference)
            shop.stand_in.faults.place(Step.APPROVE, "reset", when="before")
            await shop.client.orders.deliver(reference, a_delivery(reference, "A", "1"))
            invoice = invoice_reference(reference, "A")
            await shop.until_waiting(invoice, "provider unavailable")
            await shop.cancel(invoice)
            assert problem(await shop.parked(invoice)) is Reason.CANNOT_TELL
            await shop.resolve(invoice, DID_NOT_HAPPEN)
            await until(shop, reference, lambda order: statuses(order) == "o")
            assert statuses(await close(shop, reference, "1")) == "x"

    await together(
        {
            "the verdict comes": settled(True),
            "somebody knows that it was accepted": settled(False),
            "somebody knows that it was not": known_not_to_be(),
        }
    )


async def test_lines_of_an_abandoned_delivery_are_not_given_away_while_they_may_be_invoiced(
    shared_world: World,
) -> None:
    async with client(shared_world, unavailable=NOT_SOON) as shop:
        reference, invoice = await doubtful(shop)
        await shop.cancel(invoice)
        await shop.parked(invoice)
        await shop.resolve(invoice, ABANDON)
        order = await until(shop, reference, lambda order: order.problem is not None)
        assert problem(order) is Reason.DELIVERY_UNCLEAR
        assert statuses(order) == "ro"
        await answered(shop, reference, "invoiced")
        assert statuses(await close(shop, reference, "2")) == "ix"


@slow
async def test_the_refusal_of_a_repeated_invoice_does_not_give_its_lines_away(
    shared_world: World,
) -> None:
    """It may be the answer to the second of two, and the yes to the first is on its way."""
    async with client(shared_world) as shop:
        reference = await begun(shop, 1, goal="paid")
        await is_open(shop, reference)
        shop.stand_in.notices.hold(EDI)
        shop.stand_in.faults.place(Step.APPROVE, "reset", when="after")
        delivery = a_delivery(reference, "A", "1")
        await shop.client.orders.deliver(reference, delivery)
        _, refused = await verdicts(shop, f"{reference}-A", 2)
        await shop.stand_in.notices.again(refused)
        invoice = invoice_reference(reference, "A")
        assert problem(await shop.parked(invoice)) is Reason.APPROVAL_FAILED
        await shop.cancel(invoice)
        assert problem(await shop.parked(invoice)) is Reason.CANNOT_TELL
        assert statuses(await close(shop, reference)) == "c"


@slow
async def test_a_delivery_whose_verdict_does_not_name_it_is_settled_by_who_knows(
    shared_world: World,
) -> None:
    """Its verdict may be that of another delivery: it is shown, and not taken."""
    settings = {"names_invoice": False, "approval": WHILE}
    async with client(shared_world, **settings) as shop:
        reference = await begun(shop, 2)
        await is_open(shop, reference)
        shop.stand_in.faults.place(Step.APPROVE, Told.FOREIGN_ID)
        await shop.client.orders.deliver(reference, a_delivery(reference, "A", "1"))
        invoice = invoice_reference(reference, "A")
        state = await shop.parked(invoice)
        assert problem(state) is Reason.APPROVAL_OVERDUE
        assert "unclear verdict" in state.provider_status
        await shop.resolve(invoice, HAPPENED)
        await until(shop, reference, lambda order: statuses(order) == "io")
        assert statuses(await close(shop, reference, "2")) == "ix"


# --- what is kept ---------------------------------------------------------------------------------


@pytest.mark.parametrize("vat", ["unit", "line"])
async def test_both_readings_of_the_vat_amount_can_be_set(shared_world: World, vat: str) -> None:
    async with client(shared_world, vat_per=vat) as shop:
        made = shop.adaptor._settings.model_copy(update={"vat_amount_of": vat})
        shop.adaptor._settings = made
        as_one = {"lines": {"2": {"as_one": True}}}
        lines = (a_line(1, quantity=Decimal(4), unit_price=Decimal(25)), a_line(2))
        request = shop.request(document={"lines": lines}, options=as_one)
        reference = await shop.start(request)
        await ends_well(shop, reference, FINAL, Status.SENT)
        assert shop.stand_in.invoice(reference)["vat"] == Decimal("33.59")

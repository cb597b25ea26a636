"""Whatever an order waits for has a name at once, and what can heal by itself does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from invoicing.errors import Denied, Unavailable, Unreadable
from invoicing.provider import OrderSnapshot, Pace
from invoicing.state.invoice import AWAY, CREDENTIALS, UNREAD
from invoicing.state.order import Order, OrderStatus
from invoicing.state.questions import Reason
from sandbox.kit.faults import Fault
from sandbox.riverty import Step
from tests.lifecycle.kinds.kind import AWHILE, Shop
from tests.lifecycle.test_riverty import (
    FINAL,
    a_cancellation,
    a_delivery,
    answered,
    begun,
    client,
    finished,
    is_open,
    ordered,
    problem,
    statuses,
    until,
)
from tests.lifecycle.world import World
from tests.tiers import detail, slow

FOR_EVER = 1_000_000
OFTEN = timedelta(milliseconds=50)


async def until_waiting(shop: Shop, reference: str, what: str) -> Order:
    return await until(
        shop, reference, lambda order: order.waiting is not None and order.waiting.what == what
    )


def fail(shop: Shop, verb: str, error: Exception) -> Callable[[], None]:
    """Have the adaptor raise this at every call of the verb, until what is returned is called."""
    real: Callable[[Any], Awaitable[OrderSnapshot]] = getattr(shop.adaptor, verb)

    async def failing(_: Any) -> OrderSnapshot:
        raise error

    setattr(shop.adaptor, verb, failing)
    return lambda: setattr(shop.adaptor, verb, real)


async def test_an_order_that_cannot_be_registered_now_says_so_at_once(shared_world: World) -> None:
    async with client(shared_world) as shop:
        shop.stand_in.faults.place(Step.CREATE, Fault.UNAVAILABLE, times=FOR_EVER)
        reference = await begun(shop, 1)
        order = await until_waiting(shop, reference, AWAY)
        assert (order.status, order.problem) == (OrderStatus.REGISTERING, None)
        shop.stand_in.faults.clear()
        await shop.client.orders.deliver(reference, a_delivery(reference, "A", "1"))
        assert statuses(await finished(shop, reference)) == "i"
        assert ordered(shop, reference) == FINAL


@detail
async def test_expired_credentials_of_an_order_are_waited_on_by_name_and_heal(
    shared_world: World,
) -> None:
    async with client(shared_world) as shop:
        renew = fail(shop, "register", Denied("the key has expired"))
        reference = await begun(shop, 1)
        order = await until_waiting(shop, reference, CREDENTIALS)
        assert (order.status, order.problem) == (OrderStatus.REGISTERING, None)
        renew()
        await is_open(shop, reference)


@detail
async def test_credentials_that_stay_expired_are_asked_about_as_such(shared_world: World) -> None:
    async with client(shared_world, credentials=AWHILE) as shop:
        renew = fail(shop, "register", Denied("the key has expired"))
        reference = await begun(shop, 1)
        order = await until(shop, reference, lambda order: order.problem is not None)
        assert problem(order) is Reason.CREDENTIALS_REFUSED
        renew()
        await answered(shop, reference, "retry")
        await is_open(shop, reference)


@detail
async def test_an_order_whose_answer_nobody_understands_parks_after_a_few_looks(
    shared_world: World,
) -> None:
    async with client(shared_world, unreadable=AWHILE) as shop:
        mend = fail(shop, "read_order", Unreadable("no such word"))
        reference = await begun(shop, 1)
        await until_waiting(shop, reference, UNREAD)
        order = await until(shop, reference, lambda order: order.problem is not None)
        assert problem(order) is Reason.NOT_UNDERSTOOD
        mend()
        await answered(shop, reference, "retry")
        await is_open(shop, reference)


@detail
async def test_a_failed_look_at_an_order_does_not_lengthen_the_wait_that_it_was_for(
    shared_world: World,
) -> None:
    often = Pace(first=OFTEN, factor=1, cap=OFTEN, deadline=timedelta(minutes=4))
    async with client(shared_world, drafting=often) as shop:
        shop.stand_in.notices.hold()
        reference = await begun(shop, 1)
        before = (await until_waiting(shop, reference, "confirmation")).waiting
        mend = fail(shop, "read_order", Unavailable("away"))
        await until_waiting(shop, reference, AWAY)
        mend()
        after = (await until_waiting(shop, reference, "confirmation")).waiting
        assert before is not None
        assert after is not None
        assert (after.since, after.until) == (before.since, before.until)
        shop.stand_in.notices.release()
        await is_open(shop, reference)


@slow
async def test_lines_that_cannot_be_cancelled_now_hold_up_no_delivery(shared_world: World) -> None:
    async with client(shared_world) as shop:
        reference = await begun(shop, 2)
        await is_open(shop, reference)
        shop.stand_in.faults.place(Step.DELETE, Fault.UNAVAILABLE, times=FOR_EVER)
        await shop.client.orders.cancel_lines(reference, a_cancellation("X", "2"))
        await until_waiting(shop, reference, AWAY)
        await shop.client.orders.deliver(reference, a_delivery(reference, "A", "1"))
        await until(shop, reference, lambda order: statuses(order)[0] == "i")
        shop.stand_in.faults.clear()
        assert statuses(await finished(shop, reference)) == "ix"

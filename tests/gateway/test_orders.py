"""Orders over REST."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

from gateway.problems import Kind
from invoicing.request import OrderRequest
from invoicing.state.order import CancellationState, DeliveryState, Order, OrderBrief
from tests.examples import a_document, a_line
from tests.gateway.door import Door, fields, problem
from tests.lifecycle.world import Company
from tests.patience import LONG_ENOUGH
from tests.tiers import detail

WHY = {"by": "an operator", "reason": "test"}
TODAY = "2026-06-30"


def an_order(company: Company, *lines: int) -> OrderRequest:
    return OrderRequest(
        reference=f"O-{uuid.uuid4().hex[:12]}",
        provider="zero_friction",
        account=company.account,
        document=a_document(lines=tuple(a_line(each) for each in lines)),
    )


def addition(name: str, line: int) -> dict[str, Any]:
    return {"addition": name, "lines": [a_line(line).model_dump(mode="json")]}


def delivery(name: str, *lines: str) -> dict[str, Any]:
    return {"delivery": name, "lines": lines, "issue_date": TODAY}


async def test_an_order_is_delivered_cancelled_and_waited_for(company: Company, door: Door) -> None:
    order = an_order(company, 1, 2, 3)
    path = f"/v1/orders/{order.reference}"
    first = await door.post("/v1/orders", order, key=order.reference)
    assert (first.status_code, first.headers["Location"]) == (201, path)
    assert (await door.post("/v1/orders", order)).status_code == 200
    told = await door.post(f"{path}/deliver", delivery("A", "1"), key="A")
    assert DeliveryState.model_validate(told.json()).lines == ("1",)
    assert (await door.post(f"{path}/deliver", delivery("A", "1"))).status_code == 200
    cancellation = {**WHY, "cancellation": "X", "lines": ["2"]}
    told = await door.post(f"{path}/cancel-lines", cancellation, key="X")
    assert CancellationState.model_validate(told.json()).cancellation == "X"
    taken = await door.post(f"{path}/deliver", delivery("B", "2"))
    problem(taken, Kind.REFUSED)
    waiting = (await door.get(f"{path}/result", wait=1)).json()
    assert waiting["ended"] is False
    told = await door.post(f"{path}/cancel", WHY, key="once")
    assert OrderBrief.model_validate(told.json()).reference == order.reference
    async with asyncio.timeout(LONG_ENOUGH):
        while not (result := (await door.get(f"{path}/result")).json())["ended"]:
            pass
    ended = Order.model_validate(result["order"])
    assert ended == Order.model_validate((await door.get(path)).json())
    assert {line.id: line.status for line in ended.ledger.lines}["2"] == "cancelled"
    assert company.effects(f"{order.reference}:A").count("created") == 1
    assert (await door.get(f"{path}/journal")).json()["entries"]


@detail
async def test_units_of_a_line_are_delivered_and_cancelled(company: Company, door: Door) -> None:
    order = an_order(company, 1)
    path = f"/v1/orders/{order.reference}"
    await door.post("/v1/orders", order)
    part = {**delivery("A", "1"), "quantities": {"1": "2"}}
    told = await door.post(f"{path}/deliver", part)
    assert told.json()["quantities"] == {"1": "2"}
    more = await door.post(f"{path}/deliver", {**part, "delivery": "B"})
    assert "has 1 open, and 2 are asked for" in (problem(more, Kind.REFUSED).detail or "")
    for wrong, field in (({"2": "1"}, "quantities.2"), ({"1": 0.5}, "quantities.1")):
        refused = await door.post(f"{path}/deliver", {**part, "quantities": wrong})
        assert fields(refused) == [field]
    missing = {**WHY, "cancellation": "X", "lines": ["1"], "quantities": {"1": "1"}}
    assert (await door.post(f"{path}/cancel-lines", missing)).status_code == 200
    async with asyncio.timeout(LONG_ENOUGH):
        while not (result := (await door.get(f"{path}/result")).json())["ended"]:
            pass
    parts = [(each["status"], each["units"]) for each in result["order"]["ledger"]["lines"]]
    assert parts == [("invoiced", "2"), ("cancelled", "1")]


@detail
async def test_lines_are_added_while_the_order_is_open(company: Company, door: Door) -> None:
    order = an_order(company, 1)
    path = f"/v1/orders/{order.reference}"
    await door.post("/v1/orders", order)
    for _ in range(2):
        told = await _once_planned(door, f"{path}/add-lines", addition("M", 2))
        assert OrderBrief.model_validate(told).reference == order.reference
    again = await door.post(f"{path}/add-lines", addition("N", 2))
    assert "lines[0].id: is that of a line of this order" in (
        problem(again, Kind.REFUSED).detail or ""
    )
    await door.post(f"{path}/deliver", delivery("A", "1", "2"))
    async with asyncio.timeout(LONG_ENOUGH):
        while not (result := (await door.get(f"{path}/result")).json())["ended"]:
            pass
    assert [each["status"] for each in result["order"]["ledger"]["lines"]] == ["invoiced"] * 2


async def _once_planned(door: Door, path: str, body: dict[str, Any]) -> Any:
    """What it answers once the order is planned: before, it says to ask again."""
    async with asyncio.timeout(LONG_ENOUGH):
        while (said := await door.post(path, body)).status_code != 200:
            assert "ask again in a moment" in (problem(said, Kind.REFUSED).detail or "")
            await asyncio.sleep(0.05)
    return said.json()


@detail
async def test_orders_are_listed_page_by_page(company: Company, door: Door) -> None:
    wanted = {(await _begun(company, door)).reference for _ in range(3)}

    async def listed() -> list[str]:
        found: list[str] = []
        more: dict[str, str] = {}
        while True:
            page = (await door.get("/v1/orders", status="open", limit=2, **more)).json()
            found += [each["reference"] for each in page["orders"]]
            if page["cursor"] is None:
                return found
            more = {"cursor": page["cursor"]}

    async with asyncio.timeout(LONG_ENOUGH):
        # Lists are a moment behind.
        while not wanted <= set(found := await listed()):  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    assert len([each for each in found if each in wanted]) == 3, "none twice"


async def test_a_cursor_of_invoices_is_none_of_orders(company: Company, door: Door) -> None:
    for _ in range(2):
        await _begun(company, door)
    async with asyncio.timeout(LONG_ENOUGH):
        while not (cursor := (await door.get("/v1/orders", limit=1)).json()["cursor"]):  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    assert fields(await door.get("/v1/invoices", limit=1, cursor=cursor)) == ["query.cursor"]


async def _begun(company: Company, door: Door) -> OrderRequest:
    order = an_order(company, 1)
    assert (await door.post("/v1/orders", order)).status_code == 201
    return order


async def test_an_order_for_other_content_says_what_differs(company: Company, door: Door) -> None:
    order = an_order(company, 1)
    await door.post("/v1/orders", order)
    other = order.model_copy(update={"may_credit": False})
    assert problem(await door.post("/v1/orders", other), Kind.IN_USE).differs == ("may_credit",)
    await company.client.orders.handle(order.reference).terminate("the test is over")


async def test_an_order_s_request_is_shown_as_it_would_be_sent_again(
    company: Company, door: Door
) -> None:
    order = an_order(company, 1)
    await door.post("/v1/orders", order)
    shown = await door.get(f"/v1/orders/{order.reference}/request")
    assert OrderRequest.model_validate(shown.json()) == order
    assert (await door.post("/v1/orders", shown.json())).status_code == 200
    await company.client.orders.handle(order.reference).terminate("the test is over")


async def test_what_is_not_known_or_not_waiting_is_refused(company: Company, door: Door) -> None:
    answer = {**WHY, "question": "q1", "answer": "retry"}
    for path in ("", "/journal", "/request", "/result"):
        problem(await door.get(f"/v1/orders/NEVER-1{path}"), Kind.NOT_FOUND)
    problem(await door.post("/v1/orders/NEVER-1/resolve", answer), Kind.NOT_FOUND)
    order = an_order(company, 1)
    await door.post("/v1/orders", order)
    problem(await door.post(f"/v1/orders/{order.reference}/resolve", answer), Kind.REFUSED)
    await company.client.orders.handle(order.reference).terminate("the test is over")


async def test_a_key_must_be_the_name_in_the_body(company: Company, door: Door) -> None:
    order = an_order(company, 1)
    cancellation = {**WHY, "cancellation": "X", "lines": ["2"]}
    for path, body in (
        ("/v1/orders", order),
        (f"/v1/orders/{order.reference}/deliver", delivery("A", "1")),
        (f"/v1/orders/{order.reference}/cancel-lines", cancellation),
        (f"/v1/orders/{order.reference}/add-lines", addition("M", 2)),
    ):
        answer = await door.post(path, body, key="another")
        assert fields(answer) == ["header.Idempotency-Key"]

"""Orders over REST."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

from gateway.problems import Kind
from invoicing.order import Order
from invoicing.request import OrderRequest
from tests.examples import a_document, a_line
from tests.gateway.door import Door, fields, problem
from tests.lifecycle.world import Company

WHY = {"by": "an operator", "reason": "test"}
TODAY = "2026-06-30"


def an_order(company: Company, *lines: int) -> OrderRequest:
    return OrderRequest(
        reference=f"O-{uuid.uuid4().hex[:12]}",
        provider="zero_friction",
        account=company.account,
        document=a_document(lines=tuple(a_line(each) for each in lines)),
    )


def delivery(name: str, *lines: str) -> dict[str, Any]:
    return {"delivery": name, "lines": lines, "issue_date": TODAY}


async def test_an_order_is_delivered_cancelled_and_waited_for(company: Company, door: Door) -> None:
    order = an_order(company, 1, 2, 3)
    path = f"/v1/orders/{order.reference}"
    first = await door.post("/v1/orders", order, key=order.reference)
    assert (first.status_code, first.headers["Location"]) == (201, path)
    assert (await door.post("/v1/orders", order)).status_code == 200
    assert (await door.post(f"{path}/deliver", delivery("A", "1"), key="A")).status_code == 200
    assert (await door.post(f"{path}/deliver", delivery("A", "1"))).status_code == 200
    cancellation = {**WHY, "cancellation": "X", "lines": ["2"]}
    assert (await door.post(f"{path}/cancel-lines", cancellation, key="X")).status_code == 200
    taken = await door.post(f"{path}/deliver", delivery("B", "2"))
    problem(taken, Kind.REFUSED)
    waiting = (await door.get(f"{path}/result", wait=1)).json()
    assert waiting["ended"] is False
    assert (await door.post(f"{path}/cancel", WHY, key="once")).status_code == 200
    async with asyncio.timeout(30):
        while not (result := (await door.get(f"{path}/result")).json())["ended"]:
            pass
    ended = Order.model_validate(result["order"])
    assert ended == Order.model_validate((await door.get(path)).json())
    assert {line.id: line.status for line in ended.ledger.lines}["2"] == "cancelled"
    assert company.effects(f"{order.reference}:A").count("created") == 1
    assert (await door.get(f"{path}/journal")).json()["entries"]


async def test_an_order_for_other_content_says_what_differs(company: Company, door: Door) -> None:
    order = an_order(company, 1)
    await door.post("/v1/orders", order)
    other = order.model_copy(update={"may_credit": False})
    assert problem(await door.post("/v1/orders", other), Kind.IN_USE).differs == ("may_credit",)
    await company.client.order_handle(order.reference).terminate("the test is over")


async def test_what_is_not_known_or_not_waiting_is_refused(company: Company, door: Door) -> None:
    answer = {**WHY, "action": "retry"}
    for path in ("", "/journal", "/result"):
        problem(await door.get(f"/v1/orders/NEVER-1{path}"), Kind.NOT_FOUND)
    problem(await door.post("/v1/orders/NEVER-1/resolve", answer), Kind.NOT_FOUND)
    order = an_order(company, 1)
    await door.post("/v1/orders", order)
    problem(await door.post(f"/v1/orders/{order.reference}/resolve", answer), Kind.REFUSED)
    await company.client.order_handle(order.reference).terminate("the test is over")


async def test_a_key_must_be_the_name_in_the_body(company: Company, door: Door) -> None:
    order = an_order(company, 1)
    cancellation = {**WHY, "cancellation": "X", "lines": ["2"]}
    for path, body in (
        ("/v1/orders", order),
        (f"/v1/orders/{order.reference}/deliver", delivery("A", "1")),
        (f"/v1/orders/{order.reference}/cancel-lines", cancellation),
    ):
        answer = await door.post(path, body, key="another")
        assert fields(answer) == ["header.Idempotency-Key"]

"""Who it was: what a caller has proven stands in the journal beside what it says."""

from __future__ import annotations

import asyncio

import pytest

from gateway.problems import Kind
from invoicing.consent import Consent
from invoicing.state.invoice import Hold
from tests.gateway.door import Door, Gateway, fields, problem
from tests.gateway.test_invoices import wanted
from tests.gateway.test_orders import an_order
from tests.lifecycle.world import Company, World
from tests.patience import LONG_ENOUGH
from tests.tiers import detail

WHY = {"by": "somebody", "reason": "test"}


async def test_the_journal_says_who_asked_and_who_answered_as_they_have_proven(
    company: Company, gateway: Gateway
) -> None:
    request = wanted(company, hold=True)
    path = f"/v1/invoices/{request.reference}"
    await gateway.door("start").post("/v1/invoices", request)
    await company.until_waiting(request.reference, "release")
    await gateway.door("operate").post(f"{path}/release", WHY)
    entries = (await gateway.door("read").get(f"{path}/journal")).json()["entries"]
    who = {each["what"]: (each["by"], each["proven"]) for each in entries}
    assert who["asked for"] == ("", "start")
    assert who["released"] == ("somebody", "operate")


async def test_whoever_comes_by_temporal_has_proven_nothing(company: Company) -> None:
    reference = await company.start(hold=True)
    await company.client.invoices.hold(reference, Hold(by="somebody", reason="test"))
    entries = (await company.client.invoices.journal(reference)).entries
    held = next(each for each in entries if each.what == "held")
    assert (held.by, held.proven) == ("somebody", "")
    assert "asked for" not in {each.what for each in entries}


@pytest.mark.parametrize(
    "path",
    ["invoices/{}/hold", "invoices/{}/release", "invoices/{}/cancel", "orders/{}/cancel"],
)
async def test_no_caller_may_say_what_it_has_proven(door: Door, path: str) -> None:
    where = f"/v1/{path.format('NEVER-1')}"
    answer = await door.post(where, {**WHY, "proven": "the auditor"})
    assert fields(answer) == ["proven"]
    assert "auditor" not in answer.text
    problem(await door.post(where, WHY), Kind.NOT_FOUND)


@detail
async def test_an_order_and_its_deliveries_say_who_as_well(
    company: Company, gateway: Gateway
) -> None:
    order = an_order(company, 1, 2)
    path = f"/v1/orders/{order.reference}"
    await gateway.door("all").post("/v1/orders", order)
    delivery = {"delivery": "A", "lines": ["1"], "issue_date": "2026-06-30"}
    await gateway.door("start").post(f"{path}/deliver", delivery)
    # The same delivery is the same, whoever asks again.
    again = await gateway.door("all").post(f"{path}/deliver", delivery)
    assert again.status_code == 200
    await gateway.door("operate").post(f"{path}/cancel", WHY)
    entries = (await gateway.door("read").get(f"{path}/journal")).json()["entries"]
    who = {each["what"].partition(":")[0]: each["proven"] for each in entries}
    assert who["asked for"] == "all"
    assert who["delivery A asked for"] == "start"
    assert who["cancel asked for"] == "operate"
    invoice = f"/v1/invoices/{order.reference}:A/journal"
    first, *_ = (await gateway.door("read").get(invoice)).json()["entries"]
    assert (first["what"], first["proven"]) == ("asked for", "start")
    await asyncio.wait_for(company.client.orders.result(order.reference), LONG_ENOUGH)


@detail
async def test_of_many_who_ask_at_once_for_one_reference_exactly_one_has_begun_it(
    company: Company, gateway: Gateway
) -> None:
    request = wanted(company, hold=True)
    doors = [gateway.door(who) for who in ("start", "all")] * 10
    answers = await asyncio.gather(*(each.post("/v1/invoices", request) for each in doors))
    statuses = sorted(each.status_code for each in answers)
    assert statuses == [200] * 19 + [201]
    assert [bool(each.headers.get("Location")) for each in answers].count(True) == 1


@detail
async def test_where_two_people_are_needed_the_gateway_says_who_the_first_was(
    shared_world: World, company: Company, gateway: Gateway
) -> None:
    rule = Consent(of=("release",))
    shared_world.consents["zero_friction"][company.account] = rule
    request = wanted(company)
    path = f"/v1/invoices/{request.reference}"
    await gateway.door("start").post("/v1/invoices", request)
    await company.until_waiting(request.reference, "release")
    first = await gateway.door("operate").post(f"{path}/release", WHY)
    assert [each["proven"] for each in first.json()["consents"]] == ["operate"]
    again = await gateway.door("operate").post(f"{path}/release", WHY)
    assert "another person" in problem(again, Kind.REFUSED).detail
    second = await gateway.door("all").post(f"{path}/release", WHY)
    assert second.json()["consents"] == []
    assert (await company.finished(request.reference)).ended

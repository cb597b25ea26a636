"""Amendments over REST."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest

from gateway import tokens
from gateway.problems import Kind
from invoicing.credits.amend import Amendment, AmendStatus
from invoicing.request import InvoiceRequest
from invoicing.state.invoice import Journal
from settings.callers import Scope
from temporal_server import Server
from tests.examples import a_document, a_line
from tests.gateway.door import Door, caller, fields, gateway_over, problem
from tests.lifecycle.bookkeeper import NAME
from tests.lifecycle.office import Office, office_at
from tests.patience import LONG_ENOUGH
from tests.tiers import detail, slow

WHY = {"by": "an operator", "reason": "the address was wrong"}
ORDER = {"reference": "O-1", "provider_id": "1"}
NINE = a_line(1, quantity=Decimal(9), unit_price=Decimal("12.50"))


@pytest.fixture(scope="module")
async def office(server: Server) -> AsyncIterator[Office]:
    async with office_at(server) as made:
        yield made


def new(reference: str, **changes: Any) -> dict[str, Any]:
    request = InvoiceRequest(
        reference=reference, provider=NAME, document=a_document(lines=(NINE,))
    ).model_dump(mode="json", exclude_none=True)
    return {**request, **changes}


def an_amendment(reference: str, name: str = "A1", **changes: Any) -> dict[str, Any]:
    invoice = new(f"{reference}-{name}")
    return {**WHY, "amendment": name, "invoice": invoice, **changes}


def at(reference: str, what: str = "amendments") -> str:
    return f"/v1/invoices/{reference}/{what}"


async def until_ended(door: Door, reference: str) -> Amendment:
    async with asyncio.timeout(LONG_ENOUGH):
        while True:
            state = Amendment.model_validate((await door.get(at(reference))).json())
            if state.ended:
                return state
            await asyncio.sleep(0.1)


async def test_an_invoice_is_amended_and_everything_of_it_can_be_read(
    office: Office, door: Door
) -> None:
    reference = await office.invoiced()
    problem(await door.get(at(reference)), Kind.NOT_FOUND)
    wanted = an_amendment(reference)
    answers = [await door.post(at(reference), wanted, key=key) for key in ("", "A1")]
    assert [each.status_code for each in answers] == [200, 200], answers[0].text
    state = await until_ended(door, reference)
    assert (state.status, state.makes) == (AmendStatus.AMENDED, f"{reference}-A1")
    assert (await door.get(f"/v1/invoices/{state.makes}")).json()["number"] == state.number
    journal = Journal.model_validate((await door.get(at(reference, "amendments-journal"))).json())
    asked = journal.entries[0]
    assert (asked.by, asked.reason, bool(asked.proven)) == (WHY["by"], WHY["reason"], True)
    new_ones = Journal.model_validate(
        (await door.get(f"/v1/invoices/{state.makes}/journal")).json()
    )
    assert new_ones.entries[0].proven == asked.proven
    async with asyncio.timeout(LONG_ENOUGH):
        while reference not in (await door.get("/v1/amendments", status="amended")).text:  # noqa: ASYNC110
            await asyncio.sleep(0.1)


@slow
async def test_other_content_is_refused_and_a_cancel_of_what_has_ended_names_the_way(
    office: Office, door: Door
) -> None:
    reference = await office.invoiced()
    told = problem(await door.post(f"/v1/invoices/{reference}/cancel", WHY), Kind.REFUSED)
    assert "`credit` takes back what is left of it, and `amend`" in told.detail
    await door.post(at(reference), an_amendment(reference))
    other = an_amendment(reference, reason="another")
    assert (
        "with other content" in problem(await door.post(at(reference), other), Kind.REFUSED).detail
    )
    await until_ended(door, reference)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"amendment": "no name"}, ["amendment"]),
        ({"invoice": new("NEVER-2", goal="drafted")}, ["invoice.goal"]),
        ({"invoice": new("NEVER-1")}, ["invoice.reference"]),
        ({"credit_note": {"goal": "paid"}}, ["credit_note.goal"]),
        ({"proven": "the auditor"}, ["proven"]),
        (
            {"invoice": new("NEVER-2", order={"reference": "O", "provider_id": "1"})},
            ["invoice.order"],
        ),
    ],
)
async def test_mistakes_are_named_by_their_field(
    door: Door, changes: dict[str, Any], named: list[str]
) -> None:
    answer = await door.post(at("NEVER-1"), an_amendment("NEVER-1", **changes))
    assert fields(answer) == named
    assert "auditor" not in answer.text


async def test_a_key_must_be_the_name_and_the_invoice_must_be_known(door: Door) -> None:
    body = an_amendment("NEVER-1")
    assert fields(await door.post(at("NEVER-1"), body, key="A2")) == ["header.Idempotency-Key"]
    problem(await door.post(at("NEVER-1"), body), Kind.NOT_FOUND)


@detail
async def test_who_may_not_start_invoices_may_not_amend_and_nobody_makes_one_of_others(
    office: Office,
) -> None:
    operates, limited = tokens.new(), tokens.new()
    reference = await office.invoiced()
    known = {
        "operator": caller(operates, Scope.OPERATE),
        "limited": caller(limited, Scope.OPERATE, Scope.START, references=(reference,)),
    }
    async with gateway_over(office.client, known) as gateway:
        body = an_amendment(reference)
        refused = await gateway.bearer(operates).post(at(reference), body)
        assert "start" in problem(refused, Kind.FORBIDDEN).detail
        elsewhere = an_amendment(reference, invoice=new("ANOTHERS-1"))
        refused = await gateway.bearer(limited).post(at(reference), elsewhere)
        assert "references begin otherwise" in problem(refused, Kind.FORBIDDEN).detail
        assert (await gateway.bearer(limited).post(at(reference), body)).status_code == 200
    await office.client.amendments.result(reference)

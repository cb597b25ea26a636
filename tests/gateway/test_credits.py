"""Credits over REST."""

from __future__ import annotations

import asyncio
import dataclasses
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pydantic import SecretStr
from temporalio.client import Client

from gateway import tokens
from gateway.problems import Kind
from invoicing.client import InvoicingClient
from invoicing.credits.case import Credits, CreditsStatus, CreditState
from invoicing.request import Goal
from invoicing.state.invoice import Status
from invoicing.state.questions import Reason
from invoicing.temporal.encryption import EncryptionCodec, new_key, read_keys
from invoicing.temporal.lists import CUT_OFF
from settings.callers import Scope
from temporal_server import Server
from tests.gateway.door import Door, Gateway, caller, fields, gateway_over, problem
from tests.lifecycle.bookkeeper import NAME
from tests.lifecycle.office import Office, office_at
from tests.patience import LONG_ENOUGH
from tests.tiers import detail, slow

WHY = {"by": "an operator", "reason": "came back"}


@pytest.fixture(scope="module")
async def office(server: Server) -> AsyncIterator[Office]:
    async with office_at(server) as made:
        yield made


def a_credit(name: str = "C1", **what: Any) -> dict[str, Any]:
    return {**WHY, "credit": name, **what}


def units(quantity: str, name: str = "C1", **more: Any) -> dict[str, Any]:
    return a_credit(name, lines=[{"id": "1", "quantity": quantity}], **more)


def at(reference: str, *rest: str) -> str:
    return "/".join((f"/v1/invoices/{reference}/credits", *rest))


async def test_an_invoice_is_credited_and_everything_of_it_can_be_read(
    office: Office, door: Door
) -> None:
    reference = await office.invoiced()
    before = Credits.model_validate((await door.get(at(reference))).json())
    assert before.left is not None
    assert (before.status, str(before.left.sums.gross)) == (CreditsStatus.NONE, "151.25")
    problem(await door.get(at(reference, "C1")), Kind.NOT_FOUND)

    answers = [await door.post(at(reference), units("4"), key=key) for key in ("", "C1")]
    assert [each.status_code for each in answers] == [200, 200]
    made, again = (CreditState.model_validate(each.json()) for each in answers)
    assert (made.credit, str(made.sums.gross)) == ("C1", "60.50")
    assert again.reference == made.reference
    note = f"/v1/invoices/{made.reference.replace('#', '%23')}"
    async with asyncio.timeout(LONG_ENOUGH):
        while not (result := (await door.get(f"{note}/result", wait=10)).json())["ended"]:
            pass
    assert result["invoice"]["status"] == Status.SENT
    assert office.provider.units(reference, "1") == 4

    await office.until(reference, lambda state: state.credits[0].ended)
    one = CreditState.model_validate((await door.get(at(reference, "C1"))).json())
    assert (one.became, one.number) == ("credited", result["invoice"]["number"])
    every = Credits.model_validate((await door.get(at(reference))).json())
    assert every.credits == (one,)
    assert every.left is not None
    assert str(every.left.sums.gross) == "90.75"
    missing = problem(await door.get(at(reference, "C2")), Kind.NOT_FOUND)
    assert "no credit of that name" in missing.detail


@detail
async def test_more_than_is_left_is_refused_with_what_is_left(office: Office, door: Door) -> None:
    reference = await office.invoiced()
    assert (await door.post(at(reference), units("7"))).status_code == 200
    refused = problem(await door.post(at(reference), units("4", "C2")), Kind.REFUSED)
    assert "4 are asked for, and 3 are left of line 1" in refused.detail
    other = problem(await door.post(at(reference), units("1")), Kind.REFUSED)
    assert "already asked for with other content" in other.detail


@detail
async def test_at_once_never_more_is_credited_than_was_invoiced(office: Office, door: Door) -> None:
    reference = await office.invoiced()
    wanted = [door.post(at(reference), units("1", f"C{each}")) for each in range(14)]
    answers = await asyncio.gather(*wanted)
    assert sorted(each.status_code for each in answers) == [200] * 10 + [409] * 4
    for refused in (each for each in answers if each.status_code == 409):
        assert "nothing is left of line 1" in problem(refused, Kind.REFUSED).detail


@detail
async def test_a_draft_says_why_it_is_not_credited(office: Office, door: Door) -> None:
    reference = await office.invoiced(goal=Goal.DRAFTED)
    state = Credits.model_validate((await door.get(at(reference))).json())
    assert state.left is None
    assert "is not final: cancel it" in (state.not_creditable or "")
    refused = problem(await door.post(at(reference), a_credit(whole=True)), Kind.REFUSED)
    assert "is not final: cancel it" in refused.detail


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (a_credit(), ["whole"]),
        (a_credit(whole=True, lines=[{"id": "1"}]), ["whole"]),
        (a_credit("no name", whole=True), ["credit"]),
        (units("-1"), ["lines[0].quantity"]),
        (
            a_credit(amounts=[{"rate": "x", "amount": "0"}]),
            ["amounts[0].rate", "amounts[0].amount"],
        ),
        (a_credit(whole=True, proven="the auditor"), ["proven"]),
    ],
)
async def test_mistakes_are_named_by_their_field(
    door: Door, body: dict[str, Any], named: list[str]
) -> None:
    answer = await door.post(at("NEVER-1"), body)
    assert fields(answer) == named
    assert "auditor" not in answer.text


async def test_a_key_must_be_the_name_in_the_body_and_a_reference_must_be_known(
    door: Door,
) -> None:
    body = a_credit(whole=True)
    assert fields(await door.post(at("NEVER-1"), body, key="C2")) == ["header.Idempotency-Key"]
    answer = {**WHY, "question": "q1", "answer": "free"}
    problem(await door.post(at("NEVER-1"), body, key="C1"), Kind.NOT_FOUND)
    problem(await door.post(at("NEVER-1", "resolve"), answer), Kind.NOT_FOUND)
    for path in (at("NEVER-1"), at("NEVER-1", "C1"), "/v1/invoices/NEVER-1/credits-journal"):
        problem(await door.get(path), Kind.NOT_FOUND)
    assert fields(await door.get(at("NEVER-1", "no name"))) == ["path.name"]


@detail
async def test_the_journal_says_who_has_proven_to_have_credited_and_answered(
    office: Office, gateway: Gateway
) -> None:
    reference = await office.invoiced()
    made = await gateway.door("operate").post(at(reference), units("4", hold=True))
    note = made.json()["reference"]
    await office.client.invoices.state(note)  # It has begun, so it has a journal.
    await office.client.invoices.handle(note).terminate("by a person")
    state = await office.until(reference, lambda state: state.problem is not None)
    assert state.problem is not None
    assert state.problem.reason is Reason.CREDIT_UNCLEAR
    shown = (await gateway.door("read").get(at(reference))).json()
    assert shown["problem"]["question"] == state.problem.question
    other = {**WHY, "question": "q9", "answer": "free"}
    refused = problem(await gateway.door("all").post(at(reference, "resolve"), other), Kind.REFUSED)
    assert refused.question is not None
    answer = {**WHY, "question": state.problem.question, "answer": "free"}
    for _ in range(2):
        told = await gateway.door("all").post(at(reference, "resolve"), answer, key="once")
        assert told.status_code == 200
        assert Credits.model_validate(told.json()).reference == reference
    state = await office.until(reference, lambda state: state.problem is None)
    assert state.credits[0].became == "released"
    path = f"/v1/invoices/{reference}/credits-journal"
    entries = (await gateway.door("read").get(path)).json()["entries"]
    who = {each["what"].partition(":")[0]: each["proven"] for each in entries}
    assert who["credit C1 asked for"] == "operate"
    assert who["q1 answered"] == "all"
    first, *_ = (await office.client.invoices.journal(note)).entries
    assert (first.what, first.proven) == ("asked for", "operate")


@slow
async def test_invoices_with_credits_are_listed_page_by_page(office: Office, door: Door) -> None:
    wanted = set()
    for _ in range(3):
        reference = await office.invoiced()
        assert (await door.post(at(reference), units("1"))).status_code == 200
        wanted.add(reference)

    async def listed() -> list[str]:
        found: list[str] = []
        more: dict[str, str] = {}
        while True:
            page = (await door.get("/v1/credits", status="open", limit=2, **more)).json()
            found += [each["reference"] for each in page["credits"]]
            if page["cursor"] is None:
                return found
            more = {"cursor": page["cursor"]}

    async with asyncio.timeout(LONG_ENOUGH):
        while not wanted <= set(found := await listed()):  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    assert len([each for each in found if each in wanted]) == 3, "none twice"
    assert fields(await door.get("/v1/credits", status="paid")) == ["query.status"]
    assert (await door.get("/v1/credits", status=CUT_OFF)).status_code == 200


@detail
@pytest.mark.parametrize("mine", [True, False])
async def test_a_caller_that_is_limited_to_an_account_credits_and_sees_its_own_alone(
    office: Office, mine: bool
) -> None:
    token = tokens.new()
    account = f"{NAME}/default" if mine else f"{NAME}/another"
    known = {"limited": caller(token, Scope.READ, Scope.OPERATE, accounts=(account,))}
    reference = await office.invoiced(reference=f"L-{uuid.uuid4().hex[:8]}")
    async with gateway_over(office.client, known) as gateway:
        door = gateway.bearer(token)
        made = await door.post(at(reference), units("1"))
        if not mine:
            problem(made, Kind.NOT_FOUND)
            return
        assert made.status_code == 200
        async with asyncio.timeout(LONG_ENOUGH):
            while True:
                rows = (await door.get("/v1/credits", limit=200)).json()["credits"]
                if reference in {each["reference"] for each in rows}:
                    break
                await asyncio.sleep(0.1)
        note = made.json()["reference"].replace("#", "%23")
        assert (await door.get(f"/v1/invoices/{note}")).status_code == 200


@detail
async def test_that_a_worker_fails_at_the_credits_and_not_at_their_invoice_is_told_apart(
    office: Office,
) -> None:
    """It has not the key that the caller has, and tries again and again."""
    reference = await office.invoiced()
    plain = office.client.temporal
    sealing = EncryptionCodec(read_keys(SecretStr(new_key("k"))))
    config = plain.config()
    config["data_converter"] = dataclasses.replace(plain.data_converter, payload_codec=sealing)
    async with gateway_over(InvoicingClient(Client(**config)), worker_seconds=1) as gateway:
        door = gateway.door("all")
        async with asyncio.timeout(LONG_ENOUGH):
            while (answer := await door.post(at(reference), units("1"))).status_code == 504:
                pass
    assert "INVOICING_ENCRYPTION_KEYS" in problem(answer, Kind.FAILING).detail
    await office.client.credits.handle(reference).terminate("the test is over")

"""Invoices over REST: the main paths, on a real server and over real HTTP."""

from __future__ import annotations

import asyncio
import dataclasses
import uuid
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from pydantic import SecretStr
from temporalio.client import Client

from gateway.problems import Kind
from invoicing.client import InvoicingClient
from invoicing.preview import Preview
from invoicing.request import Goal, InvoiceRequest
from invoicing.state.invoice import Invoice, Status
from invoicing.state.questions import QUESTIONS, Reason
from invoicing.temporal.encryption import EncryptionCodec, new_key, read_keys
from sandbox.kit.faults import Fault
from sandbox.zero_friction import Step, Told
from tests.examples import a_document
from tests.gateway.door import Door, Gateway, fields, gateway_over, problem
from tests.lifecycle.world import PACES, Company, World
from tests.lifecycle.world import _Recording as Recording
from tests.patience import LONG_ENOUGH
from tests.tiers import detail

WHY = {"by": "an operator", "reason": "test"}
SENT = ["created", "approved", "sent"]


def wanted(company: Company, **changes: Any) -> InvoiceRequest:
    """A request whose invoice ends with its test, whoever asks for it."""
    request = company.request(**changes)
    assert isinstance(company.client, Recording)
    company.client.invoices.started.add(request.reference)
    return request


async def begun(company: Company, door: Door, **changes: Any) -> str:
    request = wanted(company, **changes)
    answer = await door.post("/v1/invoices", request)
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"/v1/invoices/{request.reference}"
    return request.reference


async def waited(door: Door, reference: str) -> dict[str, Any]:
    async with asyncio.timeout(LONG_ENOUGH):
        while True:
            result = (await door.get(f"/v1/invoices/{reference}/result", wait=10)).json()
            if result["ended"]:
                return dict(result)


async def test_an_invoice_is_asked_for_followed_and_waited_for(
    company: Company, door: Door
) -> None:
    reference = await begun(company, door)
    result = await waited(door, reference)
    assert result["failure"] is None
    invoice = Invoice.model_validate(result["invoice"])
    assert invoice.status is Status.SENT
    assert invoice == Invoice.model_validate((await door.get(f"/v1/invoices/{reference}")).json())
    assert result["invoice"]["amounts"]["gross"] == "125.03"
    journal = (await door.get(f"/v1/invoices/{reference}/journal")).json()
    assert journal["entries"]
    assert company.effects(reference) == SENT


@detail
async def test_the_request_is_shown_as_it_would_be_sent_again(company: Company, door: Door) -> None:
    request = wanted(company)
    await door.post("/v1/invoices", request)
    shown = await door.get(f"/v1/invoices/{request.reference}/request")
    assert InvoiceRequest.model_validate(shown.json()) == request
    assert not {"credits", "order"} & shown.json().keys(), "they are ours alone"
    assert (await door.post("/v1/invoices", shown.json())).status_code == 200
    await waited(door, request.reference)


async def test_the_same_request_again_is_the_same_invoice(company: Company, door: Door) -> None:
    request = wanted(company)
    first = await door.post("/v1/invoices", request, key=request.reference)
    running = await door.post("/v1/invoices", request, key=f'"{request.reference}"')
    await waited(door, request.reference)
    finished = await door.post("/v1/invoices", request)
    assert [each.status_code for each in (first, running, finished)] == [201, 200, 200]
    assert {each.json()["started_at"] for each in (first, running, finished)} == {
        first.json()["started_at"]
    }
    assert finished.json()["status"] == "sent"
    assert company.effects(request.reference) == SENT


async def test_the_same_reference_for_other_content_says_what_differs(
    company: Company, door: Door
) -> None:
    reference = await begun(company, door)
    other = company.request(reference, document={"buyer_reference": "another"}, hold=True)
    answer = await door.post("/v1/invoices", other)
    assert problem(answer, Kind.IN_USE).differs == ("document.buyer_reference", "hold")
    assert "another" not in answer.text


@detail
async def test_an_invoice_that_was_cancelled_may_begin_anew(company: Company, door: Door) -> None:
    request = wanted(company, hold=True)
    await door.post("/v1/invoices", request)
    await company.until_status(request.reference, Status.HELD)
    assert (await door.post(f"/v1/invoices/{request.reference}/cancel", WHY)).status_code == 200
    await waited(door, request.reference)
    assert (await door.post("/v1/invoices", request)).status_code == 201
    await company.cancel(request.reference)


async def test_a_key_must_be_the_reference(company: Company, door: Door) -> None:
    request = wanted(company)
    answer = await door.post("/v1/invoices", request, key="another")
    assert fields(answer) == ["header.Idempotency-Key"]
    assert "another" not in answer.text
    answer = await door.get(f"/v1/invoices/{request.reference}")
    problem(answer, Kind.NOT_FOUND)


async def test_what_is_not_known_is_not_found(door: Door) -> None:
    for path in ("", "/journal", "/request", "/result"):
        problem(await door.get(f"/v1/invoices/NEVER-1{path}"), Kind.NOT_FOUND)
    for verb in ("hold", "release", "cancel"):
        problem(await door.post(f"/v1/invoices/NEVER-1/{verb}", WHY), Kind.NOT_FOUND)
    retry = {**WHY, "question": "q1", "answer": "retry"}
    problem(await door.post("/v1/invoices/NEVER-1/resolve", retry), Kind.NOT_FOUND)
    problem(await door.get("/v1/nothing"), Kind.NOT_FOUND)


async def test_people_hold_release_and_answer(company: Company, door: Door) -> None:
    reference = await begun(company, door, hold=True)
    await company.until_status(reference, Status.HELD)
    held = await door.get(f"/v1/invoices/{reference}")
    assert held.json()["waiting"]["on"] == "person"
    released = await door.post(f"/v1/invoices/{reference}/release", WHY)
    assert released.status_code == 200
    await waited(door, reference)
    late = await door.post(f"/v1/invoices/{reference}/hold", WHY)
    assert "ended" in problem(late, Kind.REFUSED).detail
    entries = (await door.get(f"/v1/invoices/{reference}/journal")).json()["entries"]
    assert any(entry["by"] == "an operator" for entry in entries)


@detail
async def test_a_parked_invoice_is_corrected(company: Company, door: Door) -> None:
    company.stand_in.faults.place(step=Step.CREATE, fault=Told.CHANGED_AMOUNT)
    reference = await begun(company, door)
    parked = await company.parked(reference)
    assert parked.problem is not None
    shown = (await door.get(f"/v1/invoices/{reference}")).json()["problem"]
    assert "correct" in shown["answers"]
    document = a_document().model_dump(mode="json")
    answer = {
        **WHY,
        "question": shown["question"],
        "answer": "correct",
        "document": document,
    }
    assert (await door.post(f"/v1/invoices/{reference}/resolve", answer)).status_code == 200
    assert (await waited(door, reference))["invoice"]["status"] == "sent"
    problem(await door.post(f"/v1/invoices/{reference}/resolve", answer), Kind.REFUSED)


@detail
async def test_an_instruction_under_a_key_is_carried_out_once(company: Company, door: Door) -> None:
    """The second one would have answered another question than the first."""
    company.stand_in.faults.place(Step.CREATE, Told.SUCCESS_FALSE, times=2)
    reference = await begun(company, door)
    await company.parked(reference)
    retry = {**WHY, "question": await open_question(company, reference), "answer": "retry"}
    path = f"/v1/invoices/{reference}/resolve"
    first = await door.post(path, retry, key="answer-1")
    assert first.status_code == 200
    await company.stand_in.reached(Step.CREATE, 2)
    await company.parked(reference)
    again = await door.post(path, retry, key="answer-1")
    assert again.json() == first.json()
    now = await open_question(company, reference)
    assert now != retry["question"]
    assert (await door.post(path, {**retry, "question": now}, key="answer-2")).status_code == 200
    assert (await waited(door, reference))["invoice"]["status"] == "sent"


async def open_question(company: Company, reference: str) -> str:
    parked = await company.parked(reference)
    assert parked.problem is not None
    return parked.problem.question


@detail
async def test_an_answer_to_another_question_is_refused_with_the_one_that_is_open(
    company: Company, door: Door
) -> None:
    company.stand_in.faults.place(step=Step.CREATE, fault=Told.CHANGED_AMOUNT)
    reference = await begun(company, door)
    parked = await company.parked(reference)
    path = f"/v1/invoices/{reference}/resolve"
    stale = {**WHY, "question": "q99", "answer": "retry"}
    told = problem(await door.post(path, stale), Kind.REFUSED)
    assert told.question == parked.problem
    odd = {**stale, "question": parked.problem and parked.problem.question, "answer": "keep"}
    assert problem(await door.post(path, odd), Kind.REFUSED).question == parked.problem
    unnamed = {name: value for name, value in stale.items() if name != "question"}
    assert fields(await door.post(path, unnamed)) == ["question"]
    assert (await company.client.invoices.state(reference)).problem == parked.problem


async def test_the_table_of_questions_is_told(door: Door) -> None:
    rows = (await door.get("/v1/questions")).json()["questions"]
    assert [row["reason"] for row in rows] == list(Reason)
    for row in rows:
        told = {each["answer"]: each["meaning"] for each in row["answers"]}
        assert told == dict(QUESTIONS[Reason(row["reason"])].answers)


async def test_a_refused_request_ends_with_its_failure(company: Company, door: Door) -> None:
    reference = await begun(company, door, options={"no_such": 1})
    result = await waited(door, reference)
    assert result["invoice"]["status"] == "rejected"
    assert [each["field"] for each in result["failure"]["errors"]] == ["options.no_such"]


@detail
async def test_waiting_ends_when_its_time_is_over(company: Company, door: Door) -> None:
    reference = await begun(company, door, hold=True)
    await company.until_status(reference, Status.HELD)
    answer = await door.get(f"/v1/invoices/{reference}/result", wait=1)
    assert answer.json()["ended"] is False
    assert answer.json()["invoice"]["status"] == "held"


async def test_a_preview_creates_nothing(company: Company, door: Door) -> None:
    request = wanted(company)
    preview = Preview.model_validate((await door.post("/v1/invoices/preview", request)).json())
    assert preview.problem == ""
    assert preview.totals is not None
    assert preview.totals.gross == Decimal("125.03")
    assert company.effects(request.reference) == []
    problem(await door.get(f"/v1/invoices/{request.reference}"), Kind.NOT_FOUND)


@detail
async def test_a_list_is_filtered_and_read_page_by_page(company: Company, door: Door) -> None:
    references = {await begun(company, door, goal=Goal.DRAFTED, hold=True) for _ in range(5)}
    for reference in references:
        await company.until_status(reference, Status.HELD, Status.DRAFTED)
    every = {"provider": "zero_friction", "limit": 2}

    async def listed(**query: Any) -> list[str]:
        found: list[str] = []
        cursor: str | None = ""
        while cursor is not None:
            more = {"cursor": cursor} if cursor else {}
            page = (await door.get("/v1/invoices", **query, **more)).json()
            assert len(page["invoices"]) <= query["limit"]
            found += [each["reference"] for each in page["invoices"]]
            cursor = page["cursor"]
        return found

    async with asyncio.timeout(LONG_ENOUGH):
        # Lists are a moment behind.
        while not references <= set(found := await listed(**every)):  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    ours = [each for each in found if each in references]
    assert len(ours) == len(references), "none twice"
    assert await listed(provider="nobodys", limit=2) == []


@detail
async def test_a_cursor_is_only_good_for_its_own_list(company: Company, door: Door) -> None:
    async def page(**query: Any) -> dict[str, Any]:
        return dict((await door.get("/v1/invoices", **query)).json())

    for _ in range(2):
        await begun(company, door, hold=True)
    async with asyncio.timeout(LONG_ENOUGH):
        while not (cursor := (await page(limit=1))["cursor"]):  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    for query in (
        {"cursor": cursor, "status": "sent"},
        {"cursor": cursor[:-4] + "AAAA"},
        {"cursor": "AAAA"},
        {"cursor": "A"},
        {"cursor": "!"},
    ):
        assert fields(await door.get("/v1/invoices", limit=1, **query)) == ["query.cursor"]


@detail
async def test_without_a_worker_a_start_is_stored_and_a_question_is_not_answered(
    company: Company,
) -> None:
    """The worker of another queue: this one has none."""
    queue = f"nobody-{uuid.uuid4().hex}"
    alone = InvoicingClient(company.client.temporal, task_queue=queue)
    async with gateway_over(alone, worker_seconds=0.5) as gateway:
        door = gateway.door("all")
        request = wanted(company)
        assert (await door.post("/v1/invoices", request)).status_code == 201
        assert (await door.post("/v1/invoices", request)).status_code == 200
        nobody = await door.get(f"/v1/invoices/{request.reference}")
        assert "No worker runs" in problem(nobody, Kind.NO_WORKER).detail
        late = await door.post(f"/v1/invoices/{request.reference}/hold", WHY)
        assert "Idempotency-Key" in problem(late, Kind.NO_WORKER).detail


@detail
async def test_a_worker_that_fails_at_it_is_told_apart_from_one_that_is_not_there(
    company: Company,
) -> None:
    """It has not the key that the caller has, and tries again and again."""
    plain = company.client.temporal
    sealing = EncryptionCodec(read_keys(SecretStr(new_key("k"))))
    config = plain.config()
    config["data_converter"] = dataclasses.replace(plain.data_converter, payload_codec=sealing)
    sealed = InvoicingClient(Client(**config))
    async with gateway_over(sealed, worker_seconds=1) as gateway:
        door, request = gateway.door("all"), wanted(company)
        await door.post("/v1/invoices", request)
        where = f"/v1/invoices/{request.reference}"
        async with asyncio.timeout(LONG_ENOUGH):
            while (answer := await door.post(f"{where}/hold", WHY)).status_code == 504:
                pass
        assert "lacks a key" in problem(answer, Kind.FAILING).detail


@detail
async def test_a_cancel_that_is_taken_and_not_acknowledged_yet_is_answered_with_what_is_known(
    shared_world: World,
) -> None:
    """A send is under way, and does not settle within the time of a request."""
    slow = PACES.model_copy(update={"settle": timedelta(seconds=6)})
    async with (
        shared_world.company(paces=slow, sending_delay=0.0) as company,
        gateway_over(shared_world.client, worker_seconds=3) as gateway,
    ):
        gate = company.stand_in.faults.place(Step.SEND, Fault.GATE)
        door, request = gateway.door("all"), wanted(company)
        await door.post("/v1/invoices", request)
        where = f"/v1/invoices/{request.reference}"
        await gate.reached(within=LONG_ENOUGH)
        taken = await door.post(f"{where}/cancel", WHY)
        gate.release()
        assert taken.status_code == 202
        assert taken.json()["status"] == "cancelling"
        ended = await company.ended(request.reference)
        assert ended.status in (Status.CREDITED, Status.CANCELLED)


@pytest.mark.parametrize("place", ["order"])
async def test_what_only_an_order_may_say_is_refused(
    company: Company, gateway: Gateway, place: str
) -> None:
    body = company.request().model_dump(mode="json")
    body[place] = {"reference": "O-1", "provider_id": "1"}
    for path in ("/v1/invoices", "/v1/invoices/preview"):
        assert fields(await gateway.door("start").post(path, body)) == [place]


@detail
async def test_whoever_waits_for_one_that_was_cut_off_is_told_so(
    company: Company, door: Door
) -> None:
    reference = await begun(company, door, hold=True)
    await company.until_status(reference, Status.HELD)
    await company.client.invoices.handle(reference).terminate(reason="an odd idea")
    answer = await door.get(f"/v1/invoices/{reference}/result", wait=5)
    told = problem(answer, Kind.CUT_OFF)
    assert (told.status, answer.status_code) == (409, 409)
    assert "an odd idea" in told.detail
    assert "start the same request again" in told.detail
    answer = await door.post(f"/v1/invoices/{reference}/hold", WHY)
    problem(answer, Kind.CUT_OFF)


@detail
async def test_what_was_cut_off_is_listed_as_that(company: Company, door: Door) -> None:
    reference = await begun(company, door, hold=True)
    await company.until_status(reference, Status.HELD)
    await company.client.invoices.handle(reference).terminate()

    async def listed(status: str) -> dict[str, Any]:
        page = await door.get("/v1/invoices", status=status, limit=200)
        return {row["reference"]: row for row in page.json()["invoices"]}

    async with asyncio.timeout(LONG_ENOUGH):
        found = await listed("cut_off")
        while reference not in found:
            await asyncio.sleep(0.05)  # lists are a moment behind
            found = await listed("cut_off")
    assert found[reference]["status"] == "cut_off"
    assert reference not in await listed("held")
    assert (await door.get("/v1/orders", status="cut_off")).status_code == 200

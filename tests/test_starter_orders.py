"""Orders and events on the command line."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from invoicing.provider import Event
from invoicing.request import OrderRequest
from invoicing.state.invoice import Cancel, Status
from invoicing.state.order import Order, invoice_reference
from invoicing.state.questions import Answer, Reason, meaning
from sandbox.kit.faults import Fault
from sandbox.zero_friction import Step
from starter import Code
from temporal_server import local_server
from tests.command_line import WHY, lines, typed
from tests.examples import a_document, a_line
from tests.lifecycle.world import Company, World, world
from tests.patience import LONG_ENOUGH
from tests.tiers import detail, slow

SENT = ["created", "approved", "sent"]
DAY = ("--issue-date", "2026-07-01")


@pytest.fixture(scope="module")
async def shared() -> AsyncIterator[World]:
    async with local_server() as server, world(server) as made:
        yield made


@pytest.fixture
async def company(shared: World) -> AsyncIterator[Company]:
    async with shared.company() as made:
        yield made


async def begun(company: Company, folder: Path) -> str:
    """An order of three lines, begun on the command line."""
    order = OrderRequest(
        reference=f"O-{uuid.uuid4().hex[:12]}",
        provider="zero_friction",
        account=company.account,
        document=a_document(lines=tuple(a_line(each) for each in (1, 2, 3))),
    )
    path = folder / "order.json"
    path.write_text(order.model_dump_json())
    said = await typed("order", "start", str(path), at=company)
    assert said.exit_code == Code.DONE, said.output
    assert f"order/{order.reference}" in said.stdout
    return order.reference


async def finished(company: Company, reference: str) -> Order:
    return await asyncio.wait_for(company.client.orders.result(reference), LONG_ENOUGH)


async def listed_as(company: Company, reference: str, wanted: str) -> None:
    """What the list of all orders says, once it says so: lists are a moment old."""
    async with asyncio.timeout(LONG_ENOUGH):
        while True:
            said = await typed("order", "list", "--limit", "1000", "--json", at=company)
            listed = {row["reference"]: row["status"] for row in lines(said)}
            if listed.get(reference) == wanted:
                table = await typed("order", "list", "--status", wanted, at=company)
                assert reference in table.stdout
                return
            await asyncio.sleep(0.05)


@slow
async def test_an_order_is_delivered_and_cancelled_line_by_line(
    company: Company, tmp_path: Path
) -> None:
    reference = await begun(company, tmp_path)
    parcel = ("order", "deliver", reference, "A", "--line", "1", "--line", "2", *DAY)
    for _ in range(2):
        said = await typed(*parcel, at=company)
        assert said.exit_code == Code.DONE, said.output
    taken = await typed("order", "deliver", reference, "B", "--line", "1", *DAY, at=company)
    assert taken.exit_code == Code.FAILED
    assert "by delivery/A" in taken.stderr
    await listed_as(company, reference, "open")
    short = ("order", "cancel-lines", reference, "X", "--line", "3", *WHY)
    assert (await typed(*short, at=company)).exit_code == Code.DONE
    await finished(company, reference)
    assert company.effects(invoice_reference(reference, "A")) == SENT

    for command in (("show",), ("order", "show")):
        shown = await typed(*command, reference, at=company)
        assert shown.exit_code == Code.DONE
        for text in ("completed", "delivery/A", "cancellation/X", "cancelled", "asked for"):
            assert text in shown.stdout
    told = json.loads((await typed("show", reference, "--json", at=company)).stdout)
    statuses = [line["status"] for line in told["order"]["ledger"]["lines"]]
    assert statuses == ["invoiced", "invoiced", "cancelled"]
    assert told["journal"]["entries"]


async def test_units_of_lines_are_delivered_and_cancelled(company: Company, tmp_path: Path) -> None:
    reference = await begun(company, tmp_path)
    parcel = ("order", "deliver", reference, "A", "--line", "2", "--units", "2@1", *DAY)
    said = await typed(*parcel, at=company)
    assert said.exit_code == Code.DONE, said.output
    for text in ("delivery/A", "39.98", "19.99"):
        assert text in said.stdout
    more = await typed("order", "deliver", reference, "B", "--units", "2@1", *DAY, at=company)
    assert more.exit_code == Code.FAILED
    assert "has 1 open, and 2 are asked for" in more.stderr
    for wrong, why in ("2", "NUMBER@ID"), ("x@1", "quantities.1"):
        said = await typed("order", "deliver", reference, "B", "--units", wrong, *DAY, at=company)
        assert said.exit_code == Code.BAD_INPUT
        assert why in said.stderr
    short = ("order", "cancel-lines", reference, "X", "--units", "1@1", "--line", "3", *WHY)
    assert (await typed(*short, at=company)).exit_code == Code.DONE
    order = await finished(company, reference)
    assert [f"{line.id}: {line.units} {line.status}" for line in order.ledger.lines] == [
        "1: 2 invoiced",
        "1: 1 cancelled",
        "2: 3 invoiced",
        "3: 3 cancelled",
    ]


@slow
async def test_lines_are_added_from_a_file(company: Company, tmp_path: Path) -> None:
    reference = await begun(company, tmp_path)
    await listed_as(company, reference, "open")
    more = tmp_path / "more.json"
    more.write_text(f"[{a_line(4).model_dump_json()}]")
    said = await typed("order", "add-lines", reference, "M", str(more), at=company)
    assert said.exit_code == Code.DONE, said.output
    assert "4 " in said.stdout
    more.write_text('[{"id": "5"}]')
    wrong = await typed("order", "add-lines", reference, "N", str(more), at=company)
    assert wrong.exit_code == Code.BAD_INPUT
    assert "lines[0].name" in wrong.stderr
    more.write_bytes(b"\xff")
    wrong = await typed("order", "add-lines", reference, "N", str(more), at=company)
    assert wrong.exit_code == Code.BAD_INPUT
    await company.client.orders.cancel(reference, Cancel(by="an operator", reason="no more"))
    order = await finished(company, reference)
    assert [line.status for line in order.ledger.lines] == ["cancelled"] * 4


@slow
async def test_a_whole_order_is_taken_back(company: Company, tmp_path: Path) -> None:
    reference = await begun(company, tmp_path)
    held = await typed(
        "order", "deliver", reference, "A", "--line", "1", *DAY, "--hold", at=company
    )
    assert held.exit_code == Code.DONE
    invoice = invoice_reference(reference, "A")
    await company.until_status(invoice, Status.HELD)
    said = await typed("order", "cancel", reference, "--json", *WHY, at=company)
    assert said.exit_code == Code.DONE
    order = await finished(company, reference)
    assert {line.status for line in order.ledger.lines} == {"cancelled"}
    assert company.effects(invoice) == ["created", "deleted"]


@slow
async def test_an_order_that_needs_attention_is_answered(company: Company, tmp_path: Path) -> None:
    reference = await begun(company, tmp_path)
    gate = company.stand_in.faults.place(Step.CREATE, Fault.GATE)
    await typed("order", "deliver", reference, "A", "--line", "1", *DAY, at=company)
    await gate.reached(within=LONG_ENOUGH)
    await company.client.invoices.handle(invoice_reference(reference, "A")).terminate()
    async with asyncio.timeout(LONG_ENOUGH):
        while (await company.client.orders.state(reference)).problem is None:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    gate.release()
    shown = await typed("order", "show", reference, at=company)
    assert "delivery A" in shown.stdout
    for answer in (Answer.INVOICED, Answer.FREE, Answer.ABANDON):
        assert f"order resolve {reference} {answer} --question q1" in shown.stdout
        assert meaning(Reason.DELIVERY_UNCLEAR, answer) in shown.stdout
    resolve = ("order", "resolve", reference)
    unseen = await typed(*resolve, "free", *WHY, at=company)
    assert unseen.exit_code == Code.FAILED
    assert f"order resolve {reference} free --question q1" in unseen.stderr
    asked = ("--question", "q1", *WHY)
    assert (await typed(*resolve, "retry", *asked, at=company)).exit_code == Code.FAILED
    odd = await typed(*resolve, "free", "--number", "7", *asked, at=company)
    assert odd.exit_code == Code.BAD_INPUT
    said = await typed(*resolve, "invoiced", "--number", "N-1", *asked, at=company)
    assert said.exit_code == Code.DONE
    rest = ("order", "cancel-lines", reference, "X", "--line", "2", "--line", "3", *WHY)
    await typed(*rest, at=company)
    assert (await finished(company, reference)).ledger.lines[0].number == "N-1"


@detail
@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("order", "show", "NO-ORDER"), Code.NOT_FOUND, "No order NO-ORDER"),
        (("show", "NEITHER"), Code.NOT_FOUND, "No invoice NEITHER"),
        (("order", "cancel", "NO-ORDER", *WHY), Code.NOT_FOUND, "No order NO-ORDER"),
        (("order", "deliver", "O-1", "A"), Code.BAD_INPUT, "--line ID"),
        (("order", "deliver", "O-1", "A B", "--line", "1"), Code.BAD_INPUT, "delivery: "),
        (("order", "cancel", "O-1"), Code.BAD_INPUT, "Say why"),
        (("events", "resolve", "a/b/c", "deliver", *WHY), Code.BAD_INPUT, "needs --reference"),
        (("events", "resolve", "a/b/c", "drop", *WHY), Code.NOT_FOUND, "No event a/b/c"),
        (
            ("events", "resolve", "a/b/c", "drop", "--question", "q1", *WHY),
            Code.NOT_FOUND,
            "No event a/b/c",
        ),
        (("events", "show", "a/b/c"), Code.NOT_FOUND, "No event a/b/c"),
    ],
)
async def test_what_is_not_there_or_not_complete_is_said(
    company: Company, arguments: tuple[str, ...], code: Code, sentence: str
) -> None:
    said = await typed(*arguments, at=company)
    assert said.exit_code == code, said.output
    assert sentence in said.stderr


@slow
async def test_an_event_that_waits_for_a_person_is_listed_and_answered(company: Company) -> None:
    reference = await company.start(hold=True)
    await company.until_status(reference, Status.HELD)
    event = Event(id=f"evt-{uuid.uuid4().hex}", kind="payment", body={"invoiceId": "unknown"})
    name = f"zero_friction/{company.account}/{event.id}"
    handle = await company.client.events.tell("zero_friction", company.account, event, pace=1e-5)
    async with asyncio.timeout(LONG_ENOUGH):
        while True:
            said = await typed("events", "list", "--json", at=company)
            waiting = [row for row in lines(said) if row["event"] == event.id]
            if waiting and waiting[0]["problem"]:
                break
    listing = (await typed("events", "list", at=company)).stdout
    for text in (name, "unknown", '{"invoiceId": "unknown"}'):
        assert text in listing
    assert waiting[0]["content"] == {"invoiceId": "unknown"}
    assert waiting[0]["names"] == ["unknown"]
    shown = await typed("events", "show", name, at=company)
    deliver = ("events", "resolve", name, "deliver", "--question", "q1")
    assert " ".join((*deliver, "--reference", "REF")) in shown.stdout
    nobody = await typed(*deliver, "--reference", "NOPE", *WHY, at=company)
    assert (nobody.exit_code, nobody.stderr) == (
        Code.NOT_FOUND,
        "No invoice and no order NOPE is known here.\n",
    )
    ended = await company.start()
    await company.finished(ended)
    late = await typed(*deliver, "--reference", ended, *WHY, at=company)
    assert late.exit_code == Code.NEEDS_ATTENTION
    assert "nothing that runs, or hears of its money, has the reference" in late.stderr
    assert "deliver --question q2" in late.stderr
    deliver = (*deliver[:-1], "q2")
    said = await typed(*deliver, "--reference", reference, *WHY, at=company)
    assert f"delivered to invoice/{reference}" in said.stderr
    assert said.exit_code == Code.DONE, said.output
    assert (await asyncio.wait_for(handle.result(), LONG_ENOUGH)).outcome == "delivered"

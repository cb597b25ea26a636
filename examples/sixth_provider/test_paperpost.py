"""A sixth provider keeps the port's promises and lives through a real Temporal server.

Nothing in the repository knows of it. The one line that makes it known stands in `_registered`.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest

import settings.accounts
from invoicing.client import InvoicingClient
from invoicing.request import Goal, InvoiceRequest
from invoicing.state.invoice import Cancel, Invoice, Release, Resolve, Status
from invoicing.state.questions import Answer, Reason
from providers.kit.http import client as http_client
from providers.registry import ADAPTORS
from sandbox.kit.faults import Fault, When
from sandbox.kit.server import serve
from settings.worker import WorkerSettings
from temporal_server import Server
from tests.providers.contract import (
    BUYER,
    BUYER_EMAIL,
    DOCUMENT,
    LINE,
    PERSON,
    REFERENCE,
    SECRET,
    WORD,
    Contract,
    Step,
)
from tests.tiers import slow
from worker import serving, workers

from .paperpost import Paperpost
from .stand_in import TOKEN, PaperpostStandIn


@pytest.fixture(autouse=True)
def _registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """`ADAPTORS["paperpost"] = Paperpost`, taken back after the test."""
    monkeypatch.setitem(ADAPTORS, "paperpost", Paperpost)


# --- the contract ---------------------------------------------------------------------------------

LETTER = {
    **DOCUMENT,
    "buyer": {
        "name": BUYER,
        "account_number": "C-1",
        "contact": {"email": BUYER_EMAIL},
        "address": {
            "street": "Sample Street 1",
            "postal_code": "9000",
            "city": "Ghent",
            "country": "BE",
        },
    },
    "lines": [LINE, {**LINE, "id": "2", "quantity": "1.5", "vat": {"rate": "6"}}],
}
"""Net 89.96, VAT 12.59 at 21 % and 1.80 at 6 %, gross 104.35."""


def _letter(**more: Any) -> dict[str, Any]:
    return {
        "id": "letter-1",
        "reference": REFERENCE,
        "state": "draft",
        "number": None,
        "buyer": BUYER,
        "currency": "EUR",
        "net": "89.96",
        "vat": {"21": "12.59", "6": "1.80"},
        "gross": "104.35",
        **more,
    }


class TestContract(Contract):
    adaptor = Paperpost
    settings = {"token": SECRET}
    document = LETTER
    rounding = "category"
    goals = frozenset({Goal.DRAFTED, Goal.APPROVED, Goal.SENT})
    wrong = (
        {"number": PERSON, "buyer": {"name": PERSON}},
        frozenset({"document.number", "document.buyer.address"}),
    )
    provider_id = "letter-1"
    steps = {
        "find": Step({"GET /v1/letters": {"letters": [_letter()]}}),
        "create": Step({"POST /v1/letters": _letter()}),
        "read": Step({"GET /v1/letters/letter-1": _letter()}),
        "approve": Step({"POST /v1/letters/letter-1/finalise": _letter(state="finalising")}),
        "send": Step({"POST /v1/letters/letter-1/post": _letter(state="posting")}),
        "delete": Step({"DELETE /v1/letters/letter-1": None}, empty=True),
    }
    strange = Step({"GET /v1/letters/letter-1": _letter(state=WORD)})


# --- the life of a letter -------------------------------------------------------------------------


@dataclass
class Office:
    """One account at Paperpost, and the client that asks for its letters."""

    stand_in: PaperpostStandIn
    client: InvoicingClient
    started: list[str] = field(default_factory=list)

    async def start(self, **changes: Any) -> str:
        """Ask for a letter; its reference."""
        given = {"provider": "paperpost", "document": LETTER, "goal": Goal.SENT, **changes}
        reference = f"LETTER-{uuid.uuid4().hex[:10]}"
        await self.client.invoices.start(
            InvoiceRequest.model_validate({**given, "reference": reference})
        )
        self.started.append(reference)
        return reference

    async def until(self, reference: str, sure: Callable[[Invoice], bool]) -> Invoice:
        async with (
            asyncio.timeout(30),
            aclosing(self.client.invoices.changes(reference)) as changes,
        ):
            async for invoice in changes:
                if sure(invoice):
                    return invoice
        raise AssertionError("it ended otherwise")

    async def end(self, reference: str) -> Invoice:
        """At its end, which no person was needed for."""
        last = await self.until(reference, lambda one: one.ended or one.problem is not None)
        assert last.problem is None, last.problem
        return last

    async def parked(self, reference: str) -> Reason:
        state = await self.until(reference, lambda one: one.problem is not None)
        assert state.problem is not None
        return state.problem.reason

    async def cancel(self, reference: str) -> None:
        await self.client.invoices.cancel(reference, Cancel(by="an operator", reason="test"))

    async def resolve(self, reference: str, answer: Answer, **more: Any) -> None:
        problem = (await self.client.invoices.state(reference)).problem
        assert problem is not None
        given = Resolve(
            by="an operator", reason="test", question=problem.question, answer=answer, **more
        )
        await self.client.invoices.resolve(reference, given)

    def effects(self, reference: str) -> list[str]:
        return self.stand_in.ledger.effects(reference)


@pytest.fixture
async def office(server: Server, _registered: None) -> AsyncIterator[Office]:
    """As in production: settings → adaptors → workers, and a client."""
    client = await InvoicingClient.connect(server.address)
    async with serve(PaperpostStandIn()) as stand_in, http_client() as http:
        environment = {
            "PAPERPOST_BASE_URL": stand_in.url,
            "PAPERPOST_TOKEN": TOKEN,
            "PAPERPOST_TIMEOUT": "0.5",
        }
        adaptors = settings.accounts.connect(settings.accounts.read(environment), http)
        setup = WorkerSettings(pace=0.005, grace=2)
        async with serving(workers(client.temporal, adaptors, setup)):
            made = Office(stand_in, client)
            try:
                yield made
            finally:
                for reference in made.started:
                    with suppress(Exception):
                        await client.invoices.handle(reference).terminate("the test is over")


POSTED = ["created", "approved", "sent"]


async def test_a_letter_is_made_final_and_posted_exactly_once(office: Office) -> None:
    reference = await office.start()
    invoice = await office.end(reference)
    assert invoice.status is Status.SENT
    assert invoice.number == "L-00001"
    assert invoice.amounts is not None
    assert invoice.amounts.gross == Decimal("104.35")
    assert office.effects(reference) == POSTED


@slow
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("fault", [Fault.RESET, Fault.TIME_OUT])
async def test_whatever_becomes_of_an_answer_it_is_posted_once(
    office: Office, fault: Fault, when: When
) -> None:
    for step in ("create", "read", "approve", "send"):
        office.stand_in.faults.place(step, fault, when=when)
    reference = await office.start()
    assert (await office.end(reference)).status is Status.SENT
    assert office.effects(reference) == POSTED


async def test_a_cent_too_much_parks_the_letter_until_it_is_corrected(office: Office) -> None:
    office.stand_in.faults.place("create", "changed_amount")
    reference = await office.start()
    assert await office.parked(reference) is Reason.AMOUNTS_DIFFER
    assert office.effects(reference) == ["created"]
    await office.resolve(reference, Answer.CORRECT, document=LETTER)
    await office.until(reference, lambda one: one.problem is None)
    await office.end(reference)
    assert office.effects(reference) == ["created", "deleted", *POSTED]


async def test_a_state_nobody_knows_is_a_visible_wait(office: Office) -> None:
    office.stand_in.faults.place("read", "unknown_state", times=3)
    reference = await office.start()
    waiting = await office.until(reference, lambda one: "known status" in str(one.waiting))
    assert "returned" in str(waiting.waiting)
    await office.end(reference)
    assert office.effects(reference) == POSTED


async def test_a_letter_that_is_held_goes_out_when_it_is_released(office: Office) -> None:
    reference = await office.start(hold=True)
    await office.until(reference, lambda one: one.status is Status.HELD)
    assert office.effects(reference) == ["created"]
    await office.client.invoices.release(reference, Release(by="an operator", reason="test"))
    await office.end(reference)
    assert office.effects(reference) == POSTED


async def test_a_draft_that_is_cancelled_is_deleted(office: Office) -> None:
    reference = await office.start(hold=True)
    await office.until(reference, lambda one: one.status is Status.HELD)
    await office.cancel(reference)
    assert (await office.end(reference)).status is Status.CANCELLED
    assert office.effects(reference) == ["created", "deleted"]


async def test_what_cannot_be_taken_back_is_a_question_for_a_person(office: Office) -> None:
    gate = office.stand_in.faults.place("send", "gate")
    reference = await office.start()
    await gate.reached(within=20)
    cancelled = asyncio.create_task(office.cancel(reference))
    await office.until(reference, lambda one: one.status is Status.CANCELLING)
    gate.release()
    await cancelled
    assert await office.parked(reference) is Reason.CANNOT_CANCEL
    assert office.effects(reference)[:2] == ["created", "approved"]


async def test_a_request_it_cannot_take_is_refused_with_every_mistake(office: Office) -> None:
    reference = await office.start(goal=Goal.PAID, options={"colour": True})
    refused = await office.until(reference, lambda one: one.ended)
    assert refused.status is Status.REJECTED
    assert refused.problem is not None
    assert {one.field for one in refused.problem.fields} == {"goal", "options.colour"}
    assert office.stand_in.calls.all == ()

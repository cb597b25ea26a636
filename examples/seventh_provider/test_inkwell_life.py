"""The adaptor and the stand-in over real HTTP: both were written from the page."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from invoicing.errors import Denied, Rejected, UnknownOutcome
from invoicing.provider import CreateCall, Plan, ReadCall, Snapshot, Stage, Target
from invoicing.request import InvoiceRequest
from providers.kit.http import client
from sandbox.kit.faults import Fault
from sandbox.kit.server import serve
from tests.providers import differing
from tests.providers.contract import DOCUMENT, LINE

from .inkwell.adaptor import Inkwell
from .inkwell.settings import InkwellSettings
from .stand_in import InkwellStandIn, Told

REQUEST = InvoiceRequest.model_validate(
    {
        "reference": "INV-1",
        "provider": "inkwell",
        "goal": "approved",
        "options": {"folder": "Clients"},
        "document": {
            **DOCUMENT,
            "lines": [LINE, {**LINE, "id": "2", "quantity": "1.5", "vat": {"rate": "6"}}],
        },
    }
)


@dataclass
class Desk:
    """One account at Inkwell, and an invoice that is asked for."""

    stand_in: InkwellStandIn
    adaptor: Inkwell
    plan: Plan

    def target(self, made: Snapshot | None = None) -> Target:
        return Target(account="default", reference="INV-1", provider_id=made and made.provider_id)

    async def create(self) -> Snapshot:
        return await self.adaptor.create(
            CreateCall(
                target=self.target(),
                document=REQUEST.document,
                options=REQUEST.options,
                totals=self.plan.totals,
            )
        )

    async def read(self, made: Snapshot) -> Snapshot:
        return await self.adaptor.read(ReadCall(target=self.target(made)))

    @property
    def effects(self) -> list[Any]:
        return self.stand_in.ledger.effects("INV-1")


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with serve(InkwellStandIn()) as stand_in, client() as http:
        made = Inkwell(InkwellSettings.model_validate(stand_in.account()), http)
        yield Desk(stand_in, made, await made.plan(REQUEST))


async def test_a_draft_states_what_was_planned_and_is_approved_once(desk: Desk) -> None:
    made = await desk.create()
    assert made.stage is Stage.DRAFTED
    assert made.echo is not None
    assert differing(REQUEST, desk.plan, made.echo) == []
    approved = await desk.adaptor.approve(desk.target(made))
    assert (approved.stage, approved.number) == (Stage.APPROVED, "INK-00001")
    with pytest.raises(Rejected):
        await desk.adaptor.approve(desk.target(made))
    assert await desk.read(made) == approved
    assert desk.effects == ["created", "approved"]


async def test_a_create_whose_answer_was_lost_is_found_by_its_reference(desk: Desk) -> None:
    desk.stand_in.faults.place("create", Fault.RESET, when="after")
    with pytest.raises(UnknownOutcome):
        await desk.create()
    (found,) = (await desk.adaptor.find(desk.target())).invoices
    assert (found.reference, found.stage) == ("INV-1", Stage.DRAFTED)


async def test_a_cent_too_much_shows(desk: Desk) -> None:
    desk.stand_in.faults.place("create", Told.CHANGED_AMOUNT)
    made = await desk.create()
    assert made.echo is not None
    assert differing(REQUEST, desk.plan, made.echo) == ["gross"]


async def test_a_state_nobody_knows_is_shown_as_it_is(desk: Desk) -> None:
    made = await desk.create()
    desk.stand_in.faults.place("read", Told.UNKNOWN_STATE)
    seen = await desk.read(made)
    assert (seen.stage, seen.status) == (Stage.UNKNOWN, "archived")


async def test_a_draft_is_deleted_and_then_gone(desk: Desk) -> None:
    made = await desk.create()
    for _ in range(2):
        assert (await desk.adaptor.delete(desk.target(made))).stage is Stage.DELETED
    assert (await desk.read(made)).stage is Stage.DELETED
    assert desk.effects == ["created", "deleted"]


async def test_a_wrong_token_is_about_the_credentials(desk: Desk) -> None:
    settings = {**desk.stand_in.account(), "token": "another"}
    async with client() as http:
        desk.adaptor = Inkwell(InkwellSettings.model_validate(settings), http)
        with pytest.raises(Denied):
            await desk.create()

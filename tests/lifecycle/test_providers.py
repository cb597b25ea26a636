"""The same lives at every provider: the workflow knows none of them by name."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest

from invoicing.client import InvoicingClient
from invoicing.document import Address, Contact, Document, Identifier, Party
from invoicing.invoice import Action, Cancel, Invoice, Reason, Resolve, Status
from invoicing.provider import Plan, Provider
from invoicing.request import Goal, InvoiceRequest
from providers import ADAPTORS
from sandbox import invoro, mollie
from sandbox.faults import Fault
from sandbox.server import StandIn, serve
from tests.examples import a_document, a_line
from tests.lifecycle.world import PACES, World

FINAL = ("created", "approved", "sent")


@dataclass(frozen=True)
class Kind:
    """What is different about one provider: stand-in, account, and what it wants to know."""

    stand_in: Callable[[], Any]
    settings: Callable[[Any], dict[str, Any]]
    document: Callable[[], Document]
    options: dict[str, Any]
    mark: str = "{}"
    """How our reference stands there."""


def _buyer(**changes: Any) -> Party:
    return Party(
        **{
            "name": "Canary Energy BV",
            "account_number": "K-1001",
            "vat_number": "BE0428759497",
            "address": Address(
                street="Sample Street 1", city="Ghent", postal_code="9000", country="BE"
            ),
            "contact": Contact(email="billing@example.com"),
            "language": "nl",
            **changes,
        }
    )


def _for_mollie() -> Document:
    lines = (a_line(1), a_line(2, quantity=Decimal(2), unit_price=Decimal("16.50")))
    return a_document(buyer=_buyer(), lines=lines)


def _for_invoro() -> Document:
    buyer = _buyer(electronic_address=Identifier(scheme="0208", value="0428759497"))
    return a_document(buyer=buyer, buyer_reference="PO-7")


KINDS = {
    "mollie": Kind(
        mollie.MollieStandIn,
        lambda stand_in: {"base_url": stand_in.url, "token": mollie.TEST_KEY},
        _for_mollie,
        {"email": {"subject": "Your invoice", "body": "Please find it attached."}},
    ),
    "invoro": Kind(
        lambda: invoro.InvoroStandIn(sending_delay=0.03, delivery_delay=0.03),
        lambda stand_in: {"base_url": stand_in.base_url, "api_key": invoro.LIVE_KEY},
        _for_invoro,
        {"mark": "sales_order"},
        "Our reference: {}",
    ),
}


@dataclass
class Shop:
    """One account at one provider, and the client that asks for its invoices."""

    kind: Kind
    provider: str
    account: str
    stand_in: StandIn
    client: InvoicingClient

    async def start(self, **changes: Any) -> str:
        reference = f"P-{uuid.uuid4().hex[:10]}"
        request = InvoiceRequest(
            **{
                "reference": reference,
                "provider": self.provider,
                "account": self.account,
                "document": self.kind.document(),
                "options": self.kind.options,
                **changes,
            }
        )
        await self.client.start(request)
        return reference

    async def until(self, reference: str, sure: Callable[[Invoice], bool]) -> Invoice:
        async with asyncio.timeout(40):
            async with contextlib.aclosing(self.client.changes(reference)) as changes:
                async for invoice in changes:
                    if sure(invoice):
                        return invoice
        raise AssertionError("it ended otherwise")

    async def cancel(self, reference: str) -> None:
        await self.client.cancel(reference, Cancel(by="an operator", reason="test"))

    async def end(self, reference: str) -> Invoice:
        last = await self.until(reference, lambda invoice: invoice.ended or bool(invoice.problem))
        assert not last.problem, last.problem
        return last

    def effects(self, reference: str) -> tuple[str, ...]:
        marked = self.kind.mark.format(reference)
        return tuple(str(effect) for effect in self.stand_in.ledger.effects(marked))


def _hurried(adaptor: Provider) -> Provider:
    planned = adaptor.plan

    async def plan(request: InvoiceRequest) -> Plan:
        return (await planned(request)).model_copy(update={"paces": PACES})

    adaptor.plan = plan  # type: ignore[method-assign]
    return adaptor


@pytest.fixture(params=sorted(KINDS))
async def shop(request: pytest.FixtureRequest, shared_world: World) -> AsyncIterator[Shop]:
    kind, account = KINDS[request.param], f"a{uuid.uuid4().hex[:10]}"
    async with serve(kind.stand_in()) as stand_in:
        adaptor = ADAPTORS[request.param]
        settings = adaptor.Settings.model_validate({**kind.settings(stand_in), "timeout": 0.5})
        shared_world.accounts[request.param][account] = _hurried(
            adaptor(settings, shared_world.http)
        )
        yield Shop(kind, request.param, account, stand_in, shared_world.client)


async def test_an_invoice_is_made_and_sent_exactly_once(shop: Shop) -> None:
    reference = await shop.start()
    invoice = await shop.end(reference)
    assert invoice.status is Status.SENT or invoice.status is Status.DELIVERED
    assert invoice.number
    assert shop.effects(reference) == FINAL


async def test_a_create_whose_answer_was_lost_is_adopted(shop: Shop) -> None:
    shop.stand_in.faults.place("create", Fault.TIME_OUT, when="after")
    reference = await shop.start()
    await shop.end(reference)
    assert shop.effects(reference) == FINAL


async def test_a_create_that_never_happened_is_made_again(shop: Shop) -> None:
    shop.stand_in.faults.place("create", Fault.RESET, when="before")
    reference = await shop.start()
    await shop.end(reference)
    assert shop.effects(reference) == FINAL


async def test_an_approval_whose_answer_was_lost_is_not_repeated(shop: Shop) -> None:
    shop.stand_in.faults.place("approve", Fault.TRUNCATED, when="after")
    reference = await shop.start()
    await shop.end(reference)
    assert shop.effects(reference) == FINAL


async def test_a_draft_that_is_cancelled_is_deleted(shop: Shop) -> None:
    reference = await shop.start(hold=True)
    await shop.until(reference, lambda invoice: invoice.status is Status.HELD)
    await shop.cancel(reference)
    assert (await shop.end(reference)).status is Status.CANCELLED
    assert shop.effects(reference) == ("created", "deleted")


async def test_what_is_final_is_credited_when_it_is_cancelled(shop: Shop) -> None:
    reference = await shop.start(goal=Goal.PAID)
    await shop.until(reference, lambda invoice: "payment" in str(invoice.waiting))
    await shop.cancel(reference)
    assert (await shop.end(reference)).status is Status.CREDITED
    assert shop.effects(reference) == (*FINAL, "credited")


async def test_a_payment_is_seen(shop: Shop) -> None:
    reference = await shop.start(goal=Goal.PAID)
    await shop.until(reference, lambda invoice: "payment" in str(invoice.waiting))
    shop.stand_in.pay(shop.kind.mark.format(reference))
    assert (await shop.end(reference)).status is Status.PAID


async def test_a_cent_too_much_parks_the_draft_and_a_correction_makes_it_right(shop: Shop) -> None:
    shop.stand_in.faults.place("create", "changed_amount")
    reference = await shop.start()
    parked = await shop.until(reference, lambda invoice: invoice.problem is not None)
    assert parked.problem
    assert parked.problem.reason is Reason.AMOUNTS_DIFFER
    assert shop.effects(reference) == ("created",)
    answer = Resolve(
        by="an operator", reason="test", action=Action.CORRECT, document=shop.kind.document()
    )
    await shop.client.resolve(reference, answer)
    await shop.until(reference, lambda invoice: invoice.problem is None)
    await shop.end(reference)
    assert shop.effects(reference) == ("created", "deleted", *FINAL)


async def test_a_word_nobody_knows_is_a_visible_wait(shop: Shop) -> None:
    shop.stand_in.faults.place("read", "unknown_status", times=3)
    reference = await shop.start()
    waiting = await shop.until(reference, lambda invoice: "known status" in str(invoice.waiting))
    assert shop.effects(reference) == ("created",)
    assert waiting.provider_status in str(waiting.waiting)
    await shop.end(reference)
    assert shop.effects(reference) == FINAL

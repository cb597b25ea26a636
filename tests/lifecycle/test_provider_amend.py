"""Amendments at every provider that credits, over HTTP, and by workers that die half way."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable
from typing import Any

from invoicing.client import InvoicingClient
from invoicing.credits.amend import Amend, Amendment, AmendStatus
from invoicing.errors import NotFound
from invoicing.request import InvoiceRequest
from invoicing.state.invoice import Status
from sandbox.kit.faults import Fault
from sandbox.kit.record import Effect
from sandbox.zero_friction import Step
from tests.lifecycle.kinds.kind import Shop
from tests.lifecycle.test_kill import Instant, Remote, Scene, Stop
from tests.lifecycle.test_kill import scene as scene
from tests.lifecycle.test_provider_credits import (
    ALL,
    OF_TYPE,
    PARTS,
    STEP,
    WORTH,
    a_credit,
    an_invoice,
    at,
    credited,
    ended,
)
from tests.lifecycle.test_provider_credits import shop as shop
from tests.patience import LONG_ENOUGH
from tests.tiers import elsewhere

pytestmark = elsewhere

WHO = {"by": "an operator", "reason": "the address was wrong"}


def an_amendment(shop: Shop, reference: str, **changes: Any) -> Amend:
    """The same again, unless something else is given."""
    number = f"CN-A1-{shop.account}" if shop.kind.numbers else None
    note = {"options": OF_TYPE.get(shop.provider, {}), "number": number}
    new = shop.request(f"{reference}-A1", **changes)
    return wanted(new, note)


def wanted(new: InvoiceRequest, note: dict[str, Any]) -> Amend:
    given = {"amendment": "A1", "invoice": new, "credit_note": note, **WHO}
    return Amend.model_validate(given)


async def amended(client: InvoicingClient, reference: str, wanted: Amend) -> Amendment:
    await client.amendments.make(reference, wanted)
    return await asyncio.wait_for(client.amendments.result(reference), LONG_ENOUGH)


def credits_taken(shop: Shop) -> int:
    """How many credits have taken effect at the provider, whole or in part."""
    taken = (Effect.CREDITED, Effect.PARTLY_CREDITED)
    return sum(entry.effect in taken for entry in shop.stand_in.ledger.entries)


async def held(shop: Shop, reference: str) -> None:
    """Until this invoice is there, and held."""
    async with asyncio.timeout(LONG_ENOUGH):
        while True:
            with contextlib.suppress(NotFound):
                if (await shop.client.invoices.state(reference)).status is Status.HELD:
                    return
            await asyncio.sleep(0.05)


@at(ALL)
async def test_an_invoice_is_amended_at_every_provider(shop: Shop) -> None:
    old = await an_invoice(shop)
    state = await amended(shop.client, old.reference, an_amendment(shop, old.reference))
    assert (state.status, state.problem) == (AmendStatus.AMENDED, "")
    assert not shop.stand_in.ledger.live(old.reference)
    assert len(shop.stand_in.ledger.live(state.makes)) == 1
    new = await shop.client.invoices.state(state.makes)
    assert new.number == state.number
    assert new.amounts is not None
    assert old.amounts is not None
    assert new.amounts.gross == old.amounts.gross


@at(ALL)
async def test_what_the_provider_does_not_take_is_refused_before_the_credit(shop: Shop) -> None:
    old = await an_invoice(shop)
    wrong = an_amendment(shop, old.reference, options={"no_such_option": "x"})
    state = await amended(shop.client, old.reference, wrong)
    assert (state.status, state.credited) == (AmendStatus.REFUSED, False)
    assert "no_such_option" in f"{state.problem} {state.fields}"
    assert credits_taken(shop) == 0
    assert len(shop.stand_in.ledger.live(old.reference)) == 1


@at(ALL)
async def test_where_the_answer_to_the_credit_is_lost_one_credit_and_one_invoice_are_made(
    shop: Shop,
) -> None:
    old = await an_invoice(shop)
    step = STEP[shop.provider]
    at_the_credit = shop.stand_in.faults.place(step, Fault.RESET, when="after", nth=1)
    made = an_amendment(shop, old.reference, hold=True)
    await shop.client.amendments.make(old.reference, made)
    await held(shop, made.invoice.reference)
    state = await shop.client.amendments.state(old.reference)
    assert (state.status, state.credited) == (AmendStatus.MAKING, True)
    assert at_the_credit.hits == 1
    await shop.release(made.invoice.reference)
    state = await asyncio.wait_for(shop.client.amendments.result(old.reference), LONG_ENOUGH)
    assert state.status is AmendStatus.AMENDED
    assert credits_taken(shop) == 1
    assert len(shop.stand_in.ledger.live(state.makes)) == 1


@at(PARTS)
async def test_where_a_line_was_credited_before_the_rest_is_credited_and_no_more(
    shop: Shop,
) -> None:
    old = await an_invoice(shop)
    await credited(shop, old, a_credit(shop, **WORTH["line"]))
    await ended(shop, old.reference)
    state = await amended(shop.client, old.reference, an_amendment(shop, old.reference))
    assert state.status is AmendStatus.AMENDED
    known = await shop.client.credits.state(old.reference)
    assert old.amounts is not None
    assert sum(each.sums.gross for each in known.credits) == old.amounts.gross
    assert not shop.stand_in.ledger.live(old.reference)


async def _all_made(companies: Iterable[Remote]) -> None:
    for each in companies:
        await asyncio.wait_for(each.start(each.request(each.account)), LONG_ENOUGH)
        await each.finished(each.account, within=120)


async def test_an_amendment_survives_workers_killed_at_each_step(scene: Scene) -> None:
    """Two deaths: at the credit and at the create of the new invoice, before they take effect and
    after it."""
    companies = [await scene.company(f"k_{at.value}") for at in (Instant.NEVER, Instant.COMMITTED)]
    await scene.work()
    await _all_made(companies)
    pairs = [(companies[0], Instant.NEVER), (companies[1], Instant.COMMITTED)]
    stops = [Stop.at(company, Step.CREDIT, instant) for company, instant in pairs]
    for each in companies:
        amendment = wanted(each.request(f"{each.account}-A1"), {})
        await each.client.amendments.make(each.account, amendment)
    await scene.kill(*stops)
    stops = [Stop.at(company, Step.CREATE, instant) for company, instant in pairs]
    await scene.kill(*stops)
    for each in companies:
        result = each.client.amendments.result(each.account)
        state = await asyncio.wait_for(result, LONG_ENOUGH)
        assert state.status is AmendStatus.AMENDED
        assert each.effects(each.account).count("credited") == 1
        assert each.effects(state.makes).count("created") == 1
        assert each.live(state.makes)
        assert not each.live(each.account)

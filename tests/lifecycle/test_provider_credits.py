"""Credits at every provider that takes them, over HTTP: to the cent, and never twice."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from invoicing.client import Failed, Refused
from invoicing.credits.case import Credits
from invoicing.credits.credit import Credit
from invoicing.provider import Target
from invoicing.request import Goal
from invoicing.state.invoice import Invoice, Status
from invoicing.state.questions import Reason
from sandbox.kit.faults import Fault, When
from sandbox.kit.record import Effect
from tests.lifecycle.kinds.kind import Shop
from tests.lifecycle.provider_world import opened
from tests.lifecycle.world import World
from tests.patience import LONG_ENOUGH
from tests.tiers import detail, first, slow

PARTS = ("invoro", "quiddly", "riverty")
WHOLE = ("mollie", "zero_friction")
ALL = (*PARTS, *WHOLE)

STEP = {"invoro": "create", "quiddly": "create", **dict.fromkeys(("riverty", *WHOLE), "credit")}
"""The stand-in's name of the call that makes a credit note."""

OF_TYPE = {"quiddly": {"type": "CREDIT_INVOICE"}}

WORTH: dict[str, dict[str, Any]] = {
    "line": {"lines": [{"id": "1"}]},
    "quantity": {"lines": [{"id": "1", "quantity": "1"}]},
    "amount": {"amounts": [{"rate": "25", "amount": "10.00"}]},
}


def a_credit(shop: Shop, name: str = "C1", **what: Any) -> Credit:
    given = {
        "credit": name,
        "by": "an operator",
        "reason": "came back",
        "options": OF_TYPE.get(shop.provider, {}),
        "number": f"CN-{name}-{shop.account}" if shop.kind.numbers else None,
        **what,
    }
    if "amounts" in what and shop.provider != "quiddly":
        given["amounts"] = [{"rate": "21", "amount": "10.00"}]
    return Credit.model_validate(given)


@pytest.fixture
async def shop(request: pytest.FixtureRequest, shared_world: World) -> AsyncIterator[Any]:
    if request.param == "zero_friction":
        async with zero_friction(shared_world) as made:
            yield made
    else:
        async with opened(shared_world, request.param) as made:
            yield made


@contextlib.asynccontextmanager
async def zero_friction(world: World, **stand_in: Any) -> AsyncIterator[Any]:
    """An account there, with what these tests ask of a shop."""
    async with world.company(**stand_in) as made:
        shop: Any = made
        shop.provider = "zero_friction"
        shop.kind = SimpleNamespace(numbers=False, repeatable=False)
        shop.follow = made.until
        yield shop


def at(names: Iterable[str]) -> pytest.MarkDecorator:
    """At one of them in `make test`: what each adaptor makes of a credit, its contract sees."""
    return pytest.mark.parametrize("shop", first(names), indirect=True)


async def an_invoice(shop: Shop) -> Invoice:
    """An invoice that is sent and has ended."""
    reference = await shop.start()
    return await asyncio.wait_for(shop.client.invoices.result(reference), LONG_ENOUGH)


async def credited(shop: Shop, invoice: Invoice, credit: Credit) -> Invoice:
    made = await shop.client.credits.make(invoice.reference, credit)
    return await asyncio.wait_for(shop.client.invoices.result(made.reference), LONG_ENOUGH)


async def ended(shop: Shop, reference: str) -> Credits:
    async with asyncio.timeout(LONG_ENOUGH):
        while True:
            state = await shop.client.credits.state(reference)
            if all(each.ended for each in state.credits):
                return state
            await asyncio.sleep(0.05)


@at(ALL)
async def test_the_whole_of_an_invoice_that_has_ended_is_credited_to_the_cent(shop: Shop) -> None:
    invoice = await an_invoice(shop)
    note = await credited(shop, invoice, a_credit(shop, whole=True))
    assert note.status in (Status.SENT, Status.DELIVERED)
    assert note.amounts is not None
    assert invoice.amounts is not None
    assert note.amounts.gross == invoice.amounts.gross
    state = await ended(shop, invoice.reference)
    assert state.credits[0].became == "credited"
    assert state.left is not None
    assert state.left.sums.gross == 0
    assert not shop.stand_in.ledger.live(invoice.reference)


@detail
@at(["mollie"])
async def test_an_e_invoice_that_was_to_be_delivered_is_credited_with_a_goal_of_the_credits_own(
    shop: Shop,
) -> None:
    reference = await shop.start(goal=Goal.DELIVERED, options={"e_invoice": True})
    invoice = await asyncio.wait_for(shop.client.invoices.result(reference), LONG_ENOUGH)
    assert invoice.status is Status.DELIVERED
    with pytest.raises(Failed, match="Mollie does not offer what is asked"):
        await credited(shop, invoice, a_credit(shop, whole=True))
    await ended(shop, reference)
    note = await credited(shop, invoice, a_credit(shop, "C2", whole=True, goal=Goal.SENT))
    assert note.status is Status.SENT
    assert not shop.stand_in.ledger.live(reference)


@detail
@pytest.mark.parametrize(
    ("shop", "what"),
    first(
        [(name, what) for name in PARTS for what in WORTH if (name, what) != ("riverty", "amount")]
    ),
    indirect=["shop"],
)
async def test_a_part_of_an_invoice_is_credited_and_the_rest_after_it(
    shop: Shop, what: str
) -> None:
    invoice = await an_invoice(shop)
    first = await credited(shop, invoice, a_credit(shop, **WORTH[what]))
    assert first.status in (Status.SENT, Status.DELIVERED)
    assert first.amounts is not None
    assert invoice.amounts is not None
    assert Decimal(0) < first.amounts.gross < invoice.amounts.gross
    state = await ended(shop, invoice.reference)
    assert state.left is not None
    assert state.left.sums.gross == invoice.amounts.gross - first.amounts.gross


@detail
@at(WHOLE)
@pytest.mark.parametrize("what", first(WORTH))
async def test_a_part_is_refused_with_what_to_do_instead_and_nothing_is_taken(
    shop: Shop, what: str
) -> None:
    invoice = await an_invoice(shop)
    made = await shop.client.credits.make(invoice.reference, a_credit(shop, **WORTH[what]))
    with pytest.raises(Failed, match="credit the whole, and make a new invoice"):
        await shop.client.invoices.result(made.reference)
    state = await ended(shop, invoice.reference)
    assert state.credits[0].became == "released"
    assert len(shop.stand_in.ledger.live(invoice.reference)) == 1


@detail
@at(["riverty"])
async def test_an_amount_that_is_on_no_line_is_refused_where_credits_name_lines(
    shop: Shop,
) -> None:
    invoice = await an_invoice(shop)
    made = await shop.client.credits.make(invoice.reference, a_credit(shop, **WORTH["amount"]))
    with pytest.raises(Failed, match="does not offer what is asked"):
        await shop.client.invoices.result(made.reference)
    assert (await ended(shop, invoice.reference)).credits[0].became == "released"
    assert not _calls(shop, "credit")


@slow
@at(ALL)
@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_credit_whose_answer_is_lost_is_made_exactly_once(shop: Shop, when: When) -> None:
    invoice = await an_invoice(shop)
    step = STEP[shop.provider]
    before = len(_calls(shop, step))
    placed = shop.stand_in.faults.place(step, Fault.RESET, when=when, nth=1)
    note = await credited(shop, invoice, a_credit(shop, whole=True))
    assert placed.hits == 1
    assert note.status in (Status.SENT, Status.DELIVERED)
    # Where nothing can be looked at, it is asked for again under the same names, and is one.
    again = when == "before" or shop.kind.repeatable
    assert len(_calls(shop, step)) == before + (2 if again else 1)
    assert _credits(shop) == 1
    assert (await ended(shop, invoice.reference)).credits[0].became == "credited"


def _calls(shop: Shop, step: str) -> list[Any]:
    return [call for call in shop.stand_in.calls.all if call.step == step]


@detail
@at(PARTS)
@pytest.mark.parametrize("what", first(["line", "quantity"]))
async def test_what_is_left_after_a_part_is_credited_as_the_rest(shop: Shop, what: str) -> None:
    invoice = await an_invoice(shop)
    first = await credited(shop, invoice, a_credit(shop, **WORTH[what]))
    rest = await credited(shop, invoice, a_credit(shop, "C2", whole=True))
    assert first.amounts is not None
    assert rest.amounts is not None
    assert invoice.amounts is not None
    assert first.amounts.gross + rest.amounts.gross == invoice.amounts.gross
    assert not shop.stand_in.ledger.live(invoice.reference)


@slow
@at(["riverty"])
async def test_goods_that_come_back_are_returned_unit_by_unit_and_then_the_rest(
    shop: Shop,
) -> None:
    back: dict[str, Any] = {"options": {"credit": "return", "return_reason": "CARRIER_RETURN"}}
    invoice = await an_invoice(shop)
    assert invoice.amounts is not None
    first = await credited(shop, invoice, a_credit(shop, **back, **WORTH["quantity"]))
    many = a_credit(shop, "C2", **back, lines=[{"id": "1", "quantity": "1000"}])
    with pytest.raises(Refused, match="are left of line 1"):
        await shop.client.credits.make(invoice.reference, many)
    rest = await credited(shop, invoice, a_credit(shop, "C3", **back, whole=True))
    assert first.amounts is not None
    assert rest.amounts is not None
    assert first.amounts.gross + rest.amounts.gross == invoice.amounts.gross
    calls = _calls(shop, "credit")
    assert len(calls) == 2
    assert all(call.path.endswith("/returns") for call in calls)
    assert not shop.stand_in.ledger.live(invoice.reference)


@detail
@at(WHOLE)
async def test_an_invoice_that_still_runs_ends_as_credited_once_its_credit_is_made(
    shop: Shop,
) -> None:
    reference = await shop.start(goal=Goal.PAID)
    invoice = await shop.follow(reference, lambda state: "payment" in str(state.waiting))
    note = await credited(shop, invoice, a_credit(shop, whole=True))
    assert note.status is Status.SENT
    ended_as = await asyncio.wait_for(shop.client.invoices.result(reference), LONG_ENOUGH)
    assert ended_as.status is Status.CREDITED
    assert not shop.stand_in.ledger.live(reference)


@detail
@at(WHOLE)
async def test_an_invoice_that_somebody_credited_there_is_not_credited_again(shop: Shop) -> None:
    invoice = await an_invoice(shop)
    target = Target(
        account=shop.account, reference=invoice.reference, provider_id=invoice.provider_id
    )
    await shop.adaptor.credit(target)
    before = len(_calls(shop, "credit"))
    note = await credited(shop, invoice, a_credit(shop, whole=True))
    assert note.status is Status.SENT
    assert len(_calls(shop, "credit")) == before


def _credits(shop: Shop) -> int:
    """How many credits of the whole have taken effect at the provider."""
    return sum(entry.effect == Effect.CREDITED for entry in shop.stand_in.ledger.entries)


@slow
@pytest.mark.parametrize(
    "unknown", [{"credit_note_status": "created"}, {"credit_copies_reference": False}]
)
async def test_whatever_a_credit_note_is_like_at_zero_friction_it_is_made_final_and_sent(
    shared_world: World, unknown: dict[str, Any]
) -> None:
    async with zero_friction(shared_world, **unknown) as shop:
        invoice = await an_invoice(shop)
        note = await credited(shop, invoice, a_credit(shop, whole=True))
        assert note.status is Status.SENT
        assert note.number not in (None, invoice.number)
        assert len(_calls(shop, "credit")) == 1


@slow
async def test_a_lost_credit_where_nobody_can_look_is_a_question_and_no_second_call(
    shared_world: World,
) -> None:
    async with opened(shared_world, "quiddly_blind") as shop:
        reference = await shop.start()
        await shop.client.invoices.result(reference)
        shop.stand_in.faults.place("create", Fault.RESET, when="after")
        made = await shop.client.credits.make(reference, a_credit(shop, whole=True))
        state = await shop.until(made.reference, lambda note: note.problem is not None)
        assert state.problem is not None
        assert state.problem.reason is Reason.MAY_EXIST
        assert len(_calls(shop, "create")) == 2

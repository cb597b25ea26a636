"""Credits at every stand-in: what the ledger tells a judge, and what a lost answer changes."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import httpx
import pytest
import pytest_asyncio

from sandbox.kit.accounts import Account, Credit, Moved, Part, Stated, Taxed, of_lines, within
from sandbox.kit.faults import Fault
from sandbox.kit.record import Effect, Ledger
from tests.sandbox.shops import ALL, CAME_BACK, PARTS, WHOLE, Shop, opened
from tests.sandbox.test_riverty import RETURN
from tests.tls import NO_TLS

NET = {"zero_friction": "400.40", "mollie": "119.15", "invoro": "109.47"}
NET |= {"quiddly": "210.05", "riverty": "109.00"}
GROSS = {"zero_friction": "439.44", "mollie": "140.55", "invoro": "125.03"}
GROSS |= {"quiddly": "261.26", "riverty": "129.49"}
STEP = {"invoro": "create", "quiddly": "create", "riverty": "credit"}


@pytest_asyncio.fixture
async def shop(request: pytest.FixtureRequest) -> AsyncIterator[Shop]:
    async with opened(request.param) as made:
        yield made


def at(*names: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("shop", names, indirect=True)


def net(account: Account) -> Decimal:
    return sum((taxed.net for taxed in account.invoiced.rates.values()), Decimal(0))


@at(*ALL)
async def test_a_final_invoice_has_an_account_of_what_it_states(shop: Shop) -> None:
    await shop.desk.draft()
    assert shop.stand_in.ledger.accounts(shop.reference) == ()
    with pytest.raises(LookupError, match="0 final invoices"):
        _ = shop.account


@at(*ALL)
async def test_what_was_invoiced_is_known_by_line_and_by_rate(shop: Shop) -> None:
    await shop.desk.final()
    account = shop.account
    assert (net(account), account.invoiced.gross) == tuple(
        Decimal(figures[shop.name]) for figures in (NET, GROSS)
    )
    assert len(account.invoiced.rates) == len(account.invoiced.parts) == 2
    assert sum(part.net for part in account.invoiced.parts) == net(account)
    assert {part.rate for part in account.invoiced.parts} == {*account.invoiced.rates}
    assert (account.credits, account.due) == ([], account.invoiced.gross)


@at(*ALL)
async def test_the_whole_credited_leaves_nothing_at_any_rate(shop: Shop) -> None:
    await shop.desk.final()
    assert await shop.desk.credit("C-1", (1, 2))
    account = shop.account
    assert account.credited == account.invoiced.rates
    assert {*account.left.values()} == {Taxed()}
    assert (account.excess, account.due, account.open) == ({}, 0, False)
    assert {*account.units.values()} == {0}
    assert shop.stand_in.ledger.effects(shop.reference).count(Effect.CREDITED) == 1
    assert shop.stand_in.ledger.live(shop.reference) == ()


@at(*PARTS)
async def test_a_part_credited_leaves_the_rest(shop: Shop) -> None:
    await shop.desk.final()
    assert await shop.desk.credit("C-1", (1,))
    account = shop.account
    (first, second) = account.invoiced.parts
    assert account.left[first.rate] == Taxed()
    assert account.left[second.rate] == account.invoiced.rates[second.rate]
    assert account.units == {first.text: 0, second.text: second.quantity}
    assert shop.stand_in.ledger.effects(shop.reference)[-1] == Effect.PARTLY_CREDITED
    assert await shop.desk.credit("C-2", (2,))
    assert shop.account.left == {rate: Taxed() for rate in account.invoiced.rates}
    assert shop.stand_in.ledger.effects(shop.reference)[-1] == Effect.CREDITED
    assert [len(one.stated.parts) for one in shop.account.credits] == [1, 1]


@at(*WHOLE, "riverty")
async def test_more_than_was_invoiced_is_refused_where_the_pages_say_so(shop: Shop) -> None:
    await shop.desk.final()
    assert await shop.desk.credit("C-1", (1, 2))
    assert not await shop.desk.credit("C-2", (1, 2))
    assert (len(shop.account.credits), shop.account.excess) == (1, {})


@at("invoro", "quiddly")
async def test_more_than_was_invoiced_shows_where_no_page_refuses_it(shop: Shop) -> None:
    await shop.desk.final()
    for name, lines in (("C-1", (1, 2)), ("C-2", (1,))):
        assert await shop.desk.credit(name, lines)
    account = shop.account
    first = account.invoiced.parts[0]
    assert account.excess == {first.rate: account.invoiced.rates[first.rate]}
    assert account.units[first.text] == -first.quantity
    assert shop.stand_in.ledger.effects(shop.reference).count(Effect.CREDITED) == 1


@at(*ALL)
@pytest.mark.parametrize(("when", "credits_"), [("before", 0), ("after", 1)])
async def test_an_answer_lost_leaves_one_credit_or_none(
    shop: Shop, when: Any, credits_: int
) -> None:
    await shop.desk.final()
    step = {"invoro": "approve", "quiddly": "approve"}.get(shop.name, "credit")
    shop.stand_in.faults.place(step, Fault.RESET, when=when)
    with contextlib.suppress(httpx.TransportError):
        await shop.desk.credit("C-1", (1, 2))
    if shop.name in ("invoro", "riverty"):
        shop.stand_in.finish("C-1" if shop.name == "invoro" else "ORD1")
    assert len(shop.account.credits) == credits_


@at("riverty")
@pytest.mark.parametrize(
    ("wrong", "field"),
    [({"vatPercent": 9}, "LINEITEMVATPERCENT"), ({"vatAmount": 1}, "LINEITEMVATAMOUNT")],
)
async def test_a_return_states_the_rate_of_its_line_and_the_vat_that_fits(
    shop: Shop, wrong: dict[str, int], field: str
) -> None:
    await shop.desk.final()
    caller: Any = shop.desk.caller
    await caller.about("returns", RETURN, items=[CAME_BACK[0] | wrong])
    shop.stand_in.finish("ORD1")
    assert field in str(shop.stand_in.notices.all[-1].content)
    assert shop.account.credits == []


@at("zero_friction")
async def test_a_credit_note_that_is_a_draft_takes_nothing_back_and_can_be_dropped(
    shop: Shop,
) -> None:
    shop.stand_in.assumed.credit_note_status = "created"
    await shop.desk.final()
    assert await shop.desk.credit("C-1", (1, 2))
    caller: Any = shop.desk.caller
    note = (await shop.desk.shown())["creditedByInvoiceId"]
    assert shop.account.credits == []
    await caller.call("DELETE", f"/api/bill/Invoices/{note}")
    shown = await shop.desk.shown()
    assert (shown["creditedByInvoiceId"], shown["remainingInvoiceAmount"]) == (
        None,
        Decimal(GROSS["zero_friction"]),
    )
    assert shop.stand_in.ledger.effects("INV-1") == ["created", "approved"]


@at("zero_friction")
async def test_a_credit_note_that_was_written_is_loose(shop: Shop) -> None:
    await shop.desk.final()
    caller: Any = shop.desk.caller
    names = {"externalReference": "CN-1", "creditedInvoiceId": "an id"}
    made = await caller.create(invoiceType="creditnote", **names)
    await caller.act(made["data"]["id"], "approve")
    shop.stand_in.finish("CN-1")
    assert [one.note for one in shop.stand_in.ledger.loose] == [made["data"]["id"]]
    assert shop.account.credits == []


@at("invoro")
async def test_a_credit_note_over_nothing_is_loose(shop: Shop) -> None:
    await shop.desk.draft()
    assert await shop.desk.credit("C-1", (1,))
    (credit,) = shop.stand_in.ledger.loose
    assert (credit.number, credit.stated.gross) == ("C-1", Decimal("72.56"))


@at("riverty")
async def test_other_processes_read_the_account(shop: Shop) -> None:
    await shop.desk.final()
    await shop.desk.credit("C-1", (2,))
    shop.stand_in.pay("INV-1", Decimal(7))
    async with httpx.AsyncClient(base_url=shop.stand_in.url, verify=NO_TLS) as http:
        (account,) = (await http.get("/_sandbox/account?reference=ORD1")).json()["accounts"]
    assert account["credited"] == {"9": {"net": "20.00", "vat": "1.80"}}
    assert (account["paid"], account["due"]) == ("7", "100.69")
    assert account["credits"][0]["parts"][0]["quantity"] == "2"
    assert account["movements"][0]["way"] == "paid"


# The account itself.


def part(text: str, quantity: int, net: str, rate: int = 21) -> Part:
    return Part("1", text, Decimal(quantity), Decimal(rate), Decimal(net))


def test_an_account_says_what_is_left_by_rate_and_by_unit() -> None:
    lines = [(part("a", 10, "100"), Decimal(21)), (part("b", 1, "50", 6), Decimal(3))]
    account = Account("1", of_lines(lines))
    account.credit(Credit("n", of_lines([(part("a", 4, "40"), Decimal("8.40"))])))
    rebate = of_lines([(part("rebate", 1, "60", 6), Decimal("3.60"))])
    account.credit(Credit("m", rebate))
    assert account.left[Decimal(21)] == Taxed(Decimal(60), Decimal("12.60"))
    assert account.excess == {Decimal(6): Taxed(Decimal(10), Decimal("0.60"))}
    assert account.units == {"a": Decimal(6), "b": Decimal(1)}


def test_what_is_due_counts_credits_deposits_and_money_both_ways() -> None:
    rates = {Decimal(21): Taxed(Decimal(100), Decimal(21))}
    account = Account("1", Stated((), rates, Decimal(-20)))
    assert account.due == 101
    for way, amount in ((Moved.PAID, 110), (Moved.REFUNDED, 9), (Moved.CHARGED_BACK, 1)):
        account.move(way, Decimal(amount))
    assert (account.paid, account.due) == (Decimal(100), Decimal(1))
    with pytest.raises(ValueError, match="above zero"):
        account.move(Moved.PAID, Decimal(0))


def test_one_note_over_two_invoices_gives_each_no_more_than_is_left_of_it() -> None:
    note = {Decimal(21): Taxed(Decimal(100), Decimal(21)), Decimal(6): Taxed(Decimal(10))}
    limits = {Decimal(21): Taxed(Decimal(40), Decimal("8.40"))}
    assert within(note, limits) == {Decimal(21): limits[Decimal(21)], Decimal(6): Taxed()}


def test_several_final_invoices_of_one_reference_have_no_one_account() -> None:
    ledger = Ledger()
    for identity in ("1", "2"):
        ledger.add(Effect.APPROVED, identity, reference="INV-1")
        ledger.open(identity, Stated((), {}))
    with pytest.raises(LookupError, match="2 final invoices"):
        ledger.account("INV-1")
    ledger.clear()
    assert ledger.accounts("INV-1") == ()

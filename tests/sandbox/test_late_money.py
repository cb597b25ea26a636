"""Money at every stand-in: parts, too much, given and taken back, as each provider states it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from typing import Any

import httpx
import pytest
import pytest_asyncio

from sandbox import zero_friction as zf
from sandbox.kit.accounts import Moved
from sandbox.kit.record import Effect
from sandbox.riverty import words as riverty_words
from tests.sandbox import test_invoro, test_zero_friction
from tests.sandbox.shops import ALL, Shop, opened
from tests.tls import NO_TLS

SAYS: dict[str, Callable[[Any], tuple[Any, Any]]] = {
    "zero_friction": lambda one: (
        one["paymentDetails"]["currentPaymentStatus"],
        one["remainingInvoiceAmount"],
    ),
    "mollie": lambda one: (one["status"], Decimal(one["amountDue"]["value"])),
    "invoro": lambda one: (one["payment_status"], Decimal(one["total_paid_cents"]).scaleb(-2)),
    "quiddly": lambda one: (one["statuses"]["ledger"], one["balances"]["total"]),
    "riverty": lambda one: (None, one["remaining"]),
}
"""The word for its payment, and its amount: what is due, at Invoro what is paid."""

Said = dict[str, tuple[Any, str]]


@pytest_asyncio.fixture
async def shop(request: pytest.FixtureRequest) -> AsyncIterator[Shop]:
    async with opened(request.param) as made:
        await made.desk.final()
        yield made


def at(*names: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("shop", names, indirect=True)


async def said(shop: Shop, expected: Said) -> None:
    """What the provider now says is what is expected of it."""
    word, amount = expected[shop.name]
    assert SAYS[shop.name](await shop.desk.shown()) == (word, Decimal(amount))


def moves(shop: Shop) -> list[tuple[Moved, Decimal]]:
    return [(one.way, one.amount) for one in shop.account.movements]


def effects(shop: Shop) -> list[str]:
    ours = (Effect.PAID, Effect.REVERSED)
    return [one for one in shop.stand_in.ledger.effects(shop.reference) if one in ours]


@at(*ALL)
async def test_a_part_lowers_what_is_due_and_pays_nothing_yet(shop: Shop) -> None:
    shop.stand_in.pay(shop.reference, Decimal("29.44"))
    await said(
        shop,
        {
            "zero_friction": ("waitingforpayment", "410.00"),
            "mollie": ("issued", "111.11"),
            "invoro": ("partially_paid", "29.44"),
            "quiddly": ("INVOICE", "231.82"),
            "riverty": (None, "100.05"),
        },
    )
    assert effects(shop) == []
    shop.stand_in.pay(shop.reference)
    assert effects(shop) == [Effect.PAID]
    assert (shop.account.due, shop.account.paid) == (0, shop.account.invoiced.gross)


@at(*ALL)
async def test_what_is_too_much_is_known_and_can_be_given_back(shop: Shop) -> None:
    gross = shop.account.invoiced.gross
    shop.stand_in.pay(shop.reference, gross + 5)
    assert (shop.account.due, effects(shop)) == (-5, [Effect.PAID])
    await said(
        shop,
        {
            "zero_friction": ("paid", "-5"),
            "mollie": ("paid", "0"),
            "invoro": ("paid", "130.03"),
            "quiddly": ("INVOICE", "0"),
            "riverty": (None, "-5"),
        },
    )
    shop.stand_in.refund(shop.reference)
    assert moves(shop) == [(Moved.PAID, gross + 5), (Moved.REFUNDED, Decimal(5))]
    assert (shop.account.due, effects(shop)) == (0, [Effect.PAID])
    with pytest.raises(ValueError, match=r"cannot (go|be given) back"):
        shop.stand_in.refund(shop.reference)


@at(*ALL)
async def test_what_is_taken_back_is_due_again(shop: Shop) -> None:
    shop.stand_in.pay(shop.reference)
    shop.stand_in.charge_back(shop.reference)
    await said(
        shop,
        {
            "zero_friction": ("waitingforpayment", "439.44"),
            "mollie": ("payment-reversed", "140.55"),
            "invoro": ("unpaid", "0"),
            "quiddly": ("INVOICE", "261.26"),
            "riverty": (None, "129.49"),
        },
    )
    assert effects(shop) == [Effect.PAID, Effect.REVERSED]
    assert shop.account.due == shop.account.invoiced.gross
    shop.stand_in.pay(shop.reference)
    assert effects(shop) == [Effect.PAID, Effect.REVERSED, Effect.PAID]


@at("mollie", "invoro", "quiddly", "riverty")
async def test_a_part_that_is_taken_back_is_due_again(shop: Shop) -> None:
    shop.stand_in.pay(shop.reference)
    shop.stand_in.charge_back(shop.reference, Decimal(20))
    await said(
        shop,
        {
            "mollie": ("payment-reversed", "20.00"),
            "invoro": ("partially_paid", "105.03"),
            "quiddly": ("INVOICE", "20"),
            "riverty": (None, "20"),
        },
    )
    assert (shop.account.due, effects(shop)) == (20, [Effect.PAID, Effect.REVERSED])


@at(*ALL)
async def test_no_more_goes_back_than_came(shop: Shop) -> None:
    shop.stand_in.pay(shop.reference, Decimal(20))
    for lever in (shop.stand_in.charge_back, shop.stand_in.refund):
        for amount in (Decimal(21), Decimal(0)):
            with pytest.raises(ValueError, match=r"cannot|were paid|not while|only whole"):
                lever(shop.reference, amount)
    assert moves(shop) == [(Moved.PAID, Decimal(20))]


@at(*ALL)
async def test_what_was_paid_and_then_credited_is_to_be_given_back(shop: Shop) -> None:
    shop.stand_in.assumed.cancels_from = ("paid",)
    shop.stand_in.pay(shop.reference)
    assert await shop.desk.credit("C-1", (1, 2))
    gross = shop.account.invoiced.gross
    if shop.name == "riverty":
        # Riverty gives back by itself what a return makes too much.
        assert moves(shop)[-1] == (Moved.REFUNDED, gross)
    else:
        assert shop.account.due == -gross
        amount = gross if shop.name == "zero_friction" else None
        shop.stand_in.refund(shop.reference, amount)
    assert shop.account.due == 0


@at(*ALL)
async def test_another_process_has_it_taken_back_and_given_back(shop: Shop) -> None:
    wish = {"reference": shop.reference}
    async with httpx.AsyncClient(base_url=shop.stand_in.url, verify=NO_TLS) as http:
        more = wish | {"amount": str(shop.account.invoiced.gross + 1)}
        for lever, body in (("pay", more), ("refund", wish), ("charge_back", more)):
            answered = await http.post(f"/_sandbox/{lever}", json=body)
            assert answered.status_code == (400 if lever == "charge_back" else 200)
        assert "error" in answered.json()
        nobody = await http.post("/_sandbox/refund", json={"reference": "INV-9"})
        assert nobody.status_code == 400
    assert shop.account.due == 0


@at("zero_friction")
async def test_every_payment_is_in_the_list_and_says_what_it_is_for(shop: Shop) -> None:
    caller: Any = shop.desk.caller
    shop.stand_in.pay("INV-1", Decimal(40))
    shop.stand_in.pay("INV-1", Decimal(20))
    shop.stand_in.charge_back("INV-1", Decimal(20))
    shop.stand_in.refund("INV-1", Decimal(15))
    listed = (await caller.call("GET", "/api/bill/Payments"))["data"]["results"]
    said = [(one["amount"], one["isReversed"], one["isManual"]) for one in listed]
    assert said == [(40, False, False), (20, True, False), (-15, False, False)]
    (about,) = listed[0]["paymentEntityReferences"]
    assert about == {"referenceId": shop.desk.identity, "referenceType": "invoice"}  # type: ignore[attr-defined]
    assert (await shop.desk.shown())["remainingInvoiceAmount"] == Decimal("414.44")


async def test_a_collection_that_the_bank_takes_back_is_called_rejected() -> None:
    async with opened("zero_friction") as shop:
        caller: test_zero_friction.Caller = shop.desk.caller
        await caller.authenticate()
        identity = await caller.approved(paymentMethod="sdd", customerId=zf.Customers.CANARY)
        shop.stand_in.pay("INV-1")
        shop.stand_in.charge_back("INV-1")
        details = (await caller.read(identity))["data"]["paymentDetails"]
        assert (details["currentPaymentStatus"], details["paid"]) == ("paymentrejected", False)
        words = [one["paymentStatus"] for one in details["statusHistory"]]
        assert words == ["readyforpaymentcollection", "paid", "paymentrejected"]


@at("quiddly")
async def test_what_goes_back_shows_in_the_feed_below_zero(shop: Shop) -> None:
    shop.stand_in.pay("F-1", Decimal(300))
    shop.stand_in.refund("F-1")
    shop.stand_in.charge_back("F-1", Decimal("11.26"))
    feed = await shop.desk.caller.feed()
    assert [one["amount"] for one in feed] == [300, -38.74, -11.26]
    assert {one["invoiceNumber"] for one in feed} == {"F-1"}


@at("riverty")
async def test_each_move_is_told_with_what_remains(shop: Shop) -> None:
    shop.stand_in.pay("INV-1", Decimal(130))
    shop.stand_in.refund("INV-1")
    shop.stand_in.charge_back("INV-1", Decimal(30))
    told = {one.type: one.content["parameters"] for one in shop.stand_in.notices.of("INV-1")}
    assert told[riverty_words.PAYMENT_RECEIVED]["remainingAmount"] == Decimal("-0.51")
    refund = told[riverty_words.REFUND_COMPLETED]
    assert refund["refundedToOriginalPaymentInstrument"] == Decimal("-0.51")
    assert told[riverty_words.CHARGEBACK_RECEIVED]["amount"] == 30
    balance = told[riverty_words.BALANCE_UPDATED]
    assert (balance["debitCredit"], balance["balance"]) == ("DEBIT", 30)


@at("mollie")
async def test_a_refund_changes_nothing_that_the_invoice_says(shop: Shop) -> None:
    shop.stand_in.pay("INV-1")
    before = await shop.desk.shown()
    shop.stand_in.refund("INV-1", Decimal("40.55"))
    assert await shop.desk.shown() == before
    assert shop.account.due == Decimal("40.55")
    with pytest.raises(ValueError, match=r"100\.00 were paid"):
        shop.stand_in.charge_back("INV-1", Decimal("100.01"))


@at("zero_friction", "invoro", "quiddly")
async def test_it_may_be_paid_before_it_is_delivered(shop: Shop) -> None:
    caller: Any = shop.desk.caller
    if shop.name == "zero_friction":
        shop.stand_in.pay("INV-1")
        await caller.act(shop.desk.identity, "send")  # type: ignore[attr-defined]
        shop.stand_in.finish("INV-1")
    elif shop.name == "invoro":
        identity = await caller.draft(
            header=test_invoro.header(), references={"sales_order": "INV-2"}
        )
        await caller.send(identity)
        shop.stand_in.pay(identity)
        shop.stand_in.finish(identity)
    else:
        await caller.activated("F-2")
        shop.stand_in.pay("F-2")
        shop.stand_in.finish("F-2")
    paid = [one for one in shop.stand_in.ledger.entries if one.effect is Effect.PAID]
    after = shop.stand_in.ledger.entries[paid[0].seq :]
    assert [one.effect for one in after] == [Effect.SENT]

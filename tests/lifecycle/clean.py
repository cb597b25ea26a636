"""Lives of which nothing is wrong: what they leave at a provider is no finding."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

from invoicing.credits.credit import Credit
from invoicing.request import Goal
from invoicing.state.invoice import Status
from tests.lifecycle.kinds.kind import Shop
from tests.lifecycle.reconciled import Kept, cancelled, ended, held, sent


async def _sent(kept: Kept, shop: Shop) -> None:
    await sent(shop)


async def _drafted(kept: Kept, shop: Shop) -> None:
    await sent(shop, goal=Goal.DRAFTED)


async def _held(kept: Kept, shop: Shop) -> None:
    await held(kept, shop)


async def _cancelled(kept: Kept, shop: Shop) -> None:
    await cancelled(shop)


async def _awaits_payment(kept: Kept, shop: Shop) -> str:
    reference = await shop.start(goal=Goal.PAID)
    await shop.follow(reference, lambda invoice: "payment" in str(invoice.waiting))
    return reference


async def _unpaid(kept: Kept, shop: Shop) -> None:
    await _awaits_payment(kept, shop)


async def _paid(kept: Kept, shop: Shop) -> None:
    reference = await _awaits_payment(kept, shop)
    shop.stand_in.pay(reference)
    await ended(shop, reference)


async def _paid_in_part(kept: Kept, shop: Shop) -> None:
    reference = await _awaits_payment(kept, shop)
    shop.stand_in.pay(reference, Decimal("10.00"))
    await shop.follow(reference, lambda invoice: invoice.payment == "partly_paid")


async def _taken_back(kept: Kept, shop: Shop) -> None:
    reference = await _awaits_payment(kept, shop)
    await shop.cancel(reference)
    assert (await ended(shop, reference)).status is Status.CREDITED


async def _credited_after_the_end(kept: Kept, shop: Shop) -> None:
    await _credit(kept, shop, await sent(shop), whole=True)


async def _credited_in_part(kept: Kept, shop: Shop) -> None:
    await _credit(kept, shop, await sent(shop), lines=[{"id": "1", "quantity": "1"}])


async def _credit(kept: Kept, shop: Shop, reference: str, **what: Any) -> None:
    said = {"credit": "C1", "by": "an operator", "reason": "came back", **what}
    made = await shop.client.credits.make(reference, Credit.model_validate(said))
    await ended(shop, made.reference)
    row = await kept.books.row("invoice", made.reference)
    assert row is not None
    assert (row["credit_note"], row["credits"]) == (True, reference)


Clean = Callable[[Kept, Shop], Awaitable[None]]

CLEAN: tuple[Clean, ...] = (
    _sent,
    _drafted,
    _held,
    _cancelled,
    _unpaid,
    _paid,
    _paid_in_part,
    _taken_back,
    _credited_after_the_end,
)
IN_PARTS = {"invoro"}
"""Those that take a part of an invoice back."""


def clean_lives(name: str) -> tuple[Clean, ...]:
    """All that this provider can have."""
    return (*CLEAN, *((_credited_in_part,) if name in IN_PARTS else ()))

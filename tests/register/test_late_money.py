"""Money that moves after the end of an invoice is written down as the invoice's own."""

from __future__ import annotations

import asyncio
from decimal import Decimal

from invoicing.books.booked import Entry, Wanted
from register import Books
from register.database import for_reading
from register.lists import page
from temporal_server import local_server
from tests.lifecycle.test_money import at, ended, moved
from tests.lifecycle.world import world
from tests.patience import LONG_ENOUGH
from tests.tiers import slow


@slow
async def test_a_chargeback_after_the_end_is_in_the_list_and_in_the_journal(
    place: str, books: Books
) -> None:
    engine = for_reading(place)

    def listed(**wanted: object) -> tuple[Entry, ...]:
        return page(engine, Wanted.model_validate(wanted), 10).rows

    async def once(**wanted: object) -> Entry:
        async with asyncio.timeout(LONG_ENOUGH):
            while True:
                if found := listed(**wanted):
                    return found[0]
                await asyncio.sleep(0.1)

    async with (
        local_server(own=True) as server,
        world(server, register=books) as here,
        at(here, "invoro") as shop,
    ):
        reference, due = await ended(shop)
        assert listed(payment="paid") == ()
        shop.stand_in.pay(reference, Decimal("20.00"))
        part = await once(payment="partly_paid")
        assert (part.paid, part.left_to_pay) == (Decimal(20), due - 20)
        shop.stand_in.pay(reference)
        assert (await once(payment="paid")).paid == due
        shop.stand_in.charge_back(reference)
        await moved(shop, reference, lambda balance: balance.left == due)
        back = await once(went_back=True)
        assert (back.returned, back.left_to_pay, back.paid) == (due, due, Decimal(0))
        assert back.status == "delivered"
        row = await books.row("invoice", reference)
        assert row
        assert row["ended"]
    assert await books.broken() is None
    engine.dispose()

"""A delivery of an order is amended: its invoice is credited, and another one is made outside the
order, whose ledger goes on saying that the units were invoiced once."""

from __future__ import annotations

import asyncio
from decimal import Decimal

from invoicing.credits.amend import Amend, AmendStatus
from invoicing.request import InvoiceRequest
from invoicing.state.invoice import Status
from invoicing.state.order import OrderStatus, invoice_reference
from tests.examples import a_line
from tests.lifecycle.kinds.kind import Shop
from tests.lifecycle.kinds.riverty import OPTIONS, document
from tests.lifecycle.test_provider_amend import amended, credits_taken
from tests.lifecycle.test_riverty import (
    a_cancellation,
    a_delivery,
    begun,
    client,
    finished,
    is_open,
    statuses,
)
from tests.lifecycle.world import World
from tests.patience import LONG_ENOUGH
from tests.tiers import elsewhere

pytestmark = elsewhere

WHO = {"by": "an operator", "reason": "one of them was broken"}


def instead(shop: Shop, old: str, **changes: object) -> Amend:
    """One unit of the first line, in place of two."""
    line = a_line(1, quantity=Decimal(1), unit_price=Decimal(50))
    given = {
        "reference": f"{old}-A1",
        "provider": "riverty",
        "account": shop.account,
        "document": document(lines=(line,), number=f"{old}-A1".replace(":", "-")),
        "options": OPTIONS,
        **changes,
    }
    return Amend.model_validate({"amendment": "A1", "invoice": InvoiceRequest(**given), **WHO})


async def test_a_delivery_of_a_registered_order_is_credited_there_and_made_again_beside_it(
    shared_world: World,
) -> None:
    async with client(shared_world) as shop:
        order = await begun(shop, 3)
        await is_open(shop, order)
        await shop.client.orders.deliver(order, a_delivery(order, "A", "1", "2"))
        old = invoice_reference(order, "A")
        await asyncio.wait_for(shop.client.invoices.result(old), LONG_ENOUGH)
        # While the order is open: what is left of it is delivered as before.
        state = await amended(shop.client, old, instead(shop, old))
        assert (state.status, state.problem) == (AmendStatus.AMENDED, "")
        assert credits_taken(shop) == 1
        new = await shop.client.invoices.state(state.makes)
        assert new.status is Status.SENT
        assert new.amounts
        assert new.amounts.net == 50
        left = (await shop.client.credits.state(old)).left
        assert left
        assert {line.units for line in left.lines} == {Decimal(0)}
        await shop.client.orders.cancel_lines(order, a_cancellation("X", "3"))
        ended = await finished(shop, order)
        assert (ended.status, statuses(ended)) == (OrderStatus.COMPLETED, "iix")

"""What an export adds up to is what stands in the ledgers of the providers, to the cent."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from invoicing.books.periods import Period
from invoicing.money import plain
from invoicing.request import Goal
from invoicing.state.invoice import Status
from register.database import for_reading
from register.export import exported, verified
from register.export.manifest import MANIFEST, Manifest
from tests.lifecycle.kinds.kind import Shop
from tests.lifecycle.reconciled import LISTING, TOLD, Kept, kept_at, opened
from tests.patience import LONG_ENOUGH
from tests.tiers import first

EVERYTHING = Period(date(2000, 1, 1), date(2100, 1, 1))
QUANTITIES = ("1", "2", "3", "7", "13")


@pytest.fixture(scope="module")
async def kept(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Kept]:
    async with kept_at(str(tmp_path_factory.mktemp("books") / "register.db")) as made:
        yield made


async def _lived(shop: Shop, quantity: str, place: int) -> str:
    """An invoice of so many; the second is paid, the third is taken back where a call does that."""
    first, *rest = shop.request().document.lines
    lines = (first.model_copy(update={"quantity": Decimal(quantity)}), *rest)
    back = place == 2 and shop.kind.credits
    goal = Goal.PAID if place == 1 or back else Goal.SENT
    reference = await shop.start(shop.request(document={"lines": lines}, goal=goal))
    if goal is Goal.PAID:
        await shop.follow(reference, lambda invoice: "payment" in str(invoice.waiting))
    if place == 1:
        shop.stand_in.pay(reference)
    if back:
        await shop.cancel(reference)
    ended = await asyncio.wait_for(shop.finished(reference), LONG_ENOUGH)
    assert ended.status is not Status.CANCELLED
    # Written down before it has ended.
    await shop.client.invoices.handle(reference).result()
    return reference


def _by_rate(rows: Iterable[tuple[Any, Decimal, Decimal]]) -> dict[str, tuple[Decimal, Decimal]]:
    net: Counter[str] = Counter()
    vat: Counter[str] = Counter()
    for rate, taxable, tax in rows:
        net[plain(Decimal(rate))] += taxable  # type: ignore[assignment]
        vat[plain(Decimal(rate))] += tax  # type: ignore[assignment]
    return {rate: (Decimal(net[rate]), Decimal(vat[rate])) for rate in net}


@pytest.mark.parametrize("name", first([*LISTING, *TOLD]))
async def test_sums_are_those_of_the_provider_s_ledger(
    kept: Kept, name: str, tmp_path: Path
) -> None:
    async with opened(kept.here, name) as shop:
        references = await asyncio.gather(
            *(_lived(shop, quantity, place) for place, quantity in enumerate(QUANTITIES))
        )
        accounts = {each: shop.stand_in.ledger.account(each) for each in references}
    engine, folder = for_reading(kept.place), tmp_path / "books"
    try:
        await asyncio.to_thread(exported, engine, folder, EVERYTHING, shop.provider)
    finally:
        engine.dispose()
    assert list(verified(folder)) == []
    (sums,) = Manifest.model_validate_json((folder / MANIFEST).read_bytes()).totals
    invoiced = [each.invoiced for each in accounts.values()]
    taxed = [one for each in invoiced for one in each.rates.values()]
    credited = [one for each in accounts.values() for one in each.credited.values()]
    assert sums.invoices == len(QUANTITIES)
    assert Decimal(sums.gross) == sum(each.gross for each in invoiced)
    assert Decimal(sums.net) == sum(one.net for one in taxed)
    assert Decimal(sums.vat) == sum(one.vat for one in taxed)
    assert Decimal(sums.credited) == sum(one.gross for one in credited)
    assert bool(credited) is shop.kind.credits
    assert Decimal(sums.paid) == sum(each.paid for each in accounts.values()) > 0
    rows = [json.loads(line) for line in (folder / "vat.jsonl").read_text().splitlines()]
    told = _by_rate((row["rate"], Decimal(row["taxable"]), Decimal(row["vat"])) for row in rows)
    there = _by_rate(
        (rate, one.net, one.vat) for each in invoiced for rate, one in each.rates.items()
    )
    assert told == there

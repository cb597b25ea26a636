"""What tests of the reconciliation share: a world with a register, an account at any provider, one
run over it, and what is done at a stand-in behind our back."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from invoicing.books.reconciling import Found, Reconciled, ReconcileInput
from invoicing.provider import CreateCall, LookUpCall, Target
from invoicing.state.identity import RECONCILIATION_WORKFLOW, TASK_QUEUE, reconciliation_id
from invoicing.state.invoice import Invoice, Status
from invoicing.state.recording import Row
from register import Books
from register import opened as register_at
from register.database import made
from register.reconciling.kept import every
from temporal_server import local_server
from tests.examples import a_document, an_invoice
from tests.lifecycle.kinds import KINDS
from tests.lifecycle.kinds.kind import Shop
from tests.lifecycle.provider_world import opened as at_any
from tests.lifecycle.world import TIMEOUT, World, world
from tests.patience import LONG_ENOUGH

LISTING = ["invoro", "mollie", "zero_friction"]
TOLD = ["quiddly", "riverty"]


@dataclass(frozen=True)
class Kept:
    """A worker with a register, and where that is."""

    here: World
    books: Books
    place: str


@contextlib.asynccontextmanager
async def kept_at(place: str) -> AsyncIterator[Kept]:
    """On a server of its own, which no worker without a register serves."""
    books = await asyncio.to_thread(register_at, place)
    try:
        async with (
            local_server(own=True) as running,
            world(running, register=books) as here,
        ):
            yield Kept(here, books, place)
    finally:
        await asyncio.to_thread(books.close)


@contextlib.asynccontextmanager
async def opened(here: World, name: str, patience: float = TIMEOUT) -> AsyncIterator[Shop]:
    """An account at a stand-in of this provider; the adaptor waits `patience` seconds for it."""
    if name != "zero_friction":
        async with at_any(here, name, patience=patience) as shop:
            yield shop
        return
    ordinary = an_invoice("any")
    kind = replace(KINDS["mollie"], numbers=False, document=a_document, options=ordinary.options)
    async with here.company(patience=patience) as one:
        yield Shop(one.account, one.stand_in, one.client, one.adaptor, name, kind)


async def reconciled(
    here: World, shop: Shop, within: timedelta = timedelta(seconds=60)
) -> Reconciled:
    """Once, over today, nothing spared for having just changed."""
    today = datetime.now(UTC).date()
    start = ReconcileInput(
        provider=shop.provider,
        account=shop.account,
        since=today - timedelta(days=1),
        until=today + timedelta(days=1),
        grace=timedelta(),
    )
    done: Reconciled = await here.client.temporal.execute_workflow(
        RECONCILIATION_WORKFLOW,
        start,
        id=f"{reconciliation_id(shop.provider, shop.account)}/{uuid.uuid4().hex}",
        task_queue=TASK_QUEUE,
        result_type=Reconciled,
        execution_timeout=within,
    )
    return done


def findings(place: str, shop: Shop) -> list[Found]:
    """The open ones of this account."""
    engine = made(place)
    try:
        return list(every(engine, account=shop.account))
    finally:
        engine.dispose()


def calls(shop: Shop) -> int:
    """How many calls the stand-in has had."""
    return len(shop.stand_in.calls.all)


async def ended(shop: Shop, reference: str) -> Invoice:
    """The invoice when it has ended, and the register knows."""
    last: Invoice = await asyncio.wait_for(shop.client.invoices.result(reference), LONG_ENOUGH)
    return last


async def sent(shop: Shop, **changes: Any) -> str:
    """An invoice that has reached its goal; its reference."""
    reference = await shop.start(**changes)
    await ended(shop, reference)
    return reference


async def held(kept: Kept, shop: Shop) -> str:
    """An invoice that a person holds, its draft made; its reference."""
    reference = await shop.start(hold=True)
    await shop.follow(reference, lambda invoice: invoice.status is Status.HELD)
    await recorded(kept.books, reference, "held")
    return reference


async def cancelled(shop: Shop) -> str:
    """An invoice that was cancelled while it was held; its reference."""
    reference = await shop.start(hold=True)
    await shop.follow(reference, lambda invoice: invoice.status is Status.HELD)
    await shop.cancel(reference)
    await ended(shop, reference)
    return reference


async def recorded(books: Books, reference: str, status: str) -> None:
    """Until the register knows it so."""
    async with asyncio.timeout(LONG_ENOUGH):
        while True:
            row = await books.row("invoice", reference)
            if row is not None and row["status"] == status:
                return
            await asyncio.sleep(0.05)


async def target(kept: Kept, shop: Shop, reference: str) -> Target:
    """As a call about it is made, by what the register kept."""
    row = await kept.books.row("invoice", reference)
    assert row is not None
    return Target(
        account=shop.account,
        reference=reference,
        provider_id=row["provider_id"],
        context=Row.model_validate_json(row["kept"]).context,
    )


async def behind_our_back(shop: Shop, reference: str) -> str:
    """A draft made there by the adaptor alone: no workflow and no register know of it; its id."""
    request = shop.request(reference)
    plan = await shop.adaptor.plan(request)
    about = Target(account=shop.account, reference=reference, context=plan.context)
    for wave in plan.look_ups:
        for look_up in wave:
            told = await shop.adaptor.look_up(LookUpCall(target=about, look_up=look_up))
            about = about.model_copy(update={"context": {**about.context, **told.context}})
    call = CreateCall(
        target=about, document=request.document, options=request.options, totals=plan.totals
    )
    # Another key than the first's, or the provider would answer with the first.
    again = call.model_copy(update={"target": about.model_copy(update={"generation": 7})})
    there: str = (await shop.adaptor.create(again)).provider_id
    return there

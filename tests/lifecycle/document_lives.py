"""The document of one invoice, fetched while something fails: kept once, and whole."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import io
import tempfile
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pypdf

from documents import DocumentStore
from documents import opened as store_at
from invoicing.document_file import DocumentState, document_key, folder_of
from invoicing.state.invoice import Invoice
from sandbox.riverty.words import DOCUMENT_CREATED, PAYMENT_RECEIVED
from temporal_server import local_server
from tests.lifecycle.credit_kinds import ZERO_FRICTION
from tests.lifecycle.kinds import KINDS
from tests.lifecycle.kinds.kind import Kind, Life, Shop
from tests.lifecycle.kinds.shared import AS_PROMISED
from tests.lifecycle.lived import Lived
from tests.lifecycle.provider_world import opened
from tests.lifecycle.scenarios import (
    Scenario,
    in_time,
    meanwhile,
    one_by_one,
    open_gates,
    scenarios,
)
from tests.lifecycle.world import World, world
from tests.patience import LONG_ENOUGH


def _makes_one(kind: Kind, step: str, **stand_in: Any) -> Kind:
    """The same provider, seen by its documents: of these answers its own faults say nothing."""
    made = kind.stand_in()
    others = tuple(str(each) for each in made.steps if str(each) != step)
    life = Life(
        "the document is fetched",
        step,
        AS_PROMISED,
        asks=True,
        stand_in=stand_in,
        unmoved=" ".join(sorted(map(str, made.told))),
    )
    return replace(kind, lives=(life,), forgeries=(), moments=(), unused=others)


DOCUMENTS: Mapping[str, Kind] = {
    "mollie": _makes_one(KINDS["mollie"], "document"),
    "quiddly": _makes_one(KINDS["quiddly"], "download"),
    "riverty": _makes_one(
        KINDS["riverty"], "document", activated=(PAYMENT_RECEIVED, DOCUMENT_CREATED)
    ),
    "zero_friction": _makes_one(ZERO_FRICTION, "document"),
}
"""By provider: every one that makes documents."""


def every_scenario(provider: str) -> list[Scenario]:
    """One fault per life: the fetch is made again a second later, then after longer and longer."""
    kind = DOCUMENTS[provider]
    told = [one for life in kind.lives for one in scenarios(kind, life)]
    return [each for one in told for each in one_by_one(one)]


@contextlib.asynccontextmanager
async def keeping() -> AsyncIterator[World]:
    """A world that keeps documents, on a server of its own: others' workers, which keep none,
    would take its calls."""
    with tempfile.TemporaryDirectory() as folder:
        store = store_at(folder)
        async with (
            local_server(own=True) as server,
            world(server, documents=store) as made,
        ):
            yield made


@dataclass
class _Kept:
    """What was kept, and how often it was fetched."""

    invoice: Invoice
    state: DocumentState
    content: bytes
    files: int
    calls: int


async def lived(world: World, provider: str, scenario: Scenario) -> Lived:
    """Live this scenario until the document is kept, in a company of its own."""
    kind, life = DOCUMENTS[provider], scenario.life
    async with opened(
        world, provider, kind=kind, patience=in_time(scenario), **life.stand_in
    ) as shop:
        placed = scenario.place(shop.stand_in)
        reference = await shop.start(shop.request(**life.request))
        found: list[str] = []
        kept: _Kept | None = None
        try:
            async with asyncio.timeout(LONG_ENOUGH), meanwhile(open_gates(placed)):
                kept = await _kept(shop, reference, life.step, world.documents)
        except Exception as error:  # noqa: BLE001
            found.append(f"{type(error).__name__}: {error}")
        else:
            found += _differs(kept, scenario)
            found += [f"{one.fault} never struck" for one in placed if not one.hits]
        return Lived(
            status=kept.invoice.status if kept else None,
            live=shop.live(reference),
            effects=tuple(shop.effects(reference)),
            calls=kept.calls if kept else None,
            kept=kept.files if kept else 0,
            wrong=tuple(found),
            report=f"{scenario}\n{await shop.report(reference, found)}" if found else "",
        )


async def _kept(shop: Shop, reference: str, step: str, store: DocumentStore | None) -> _Kept:
    assert store is not None, "this world keeps no documents"
    invoice = await shop.finished(reference)
    state = await shop.client.documents.wait(reference)
    key = document_key(reference, invoice.provider_id or "")
    size = state.file.size if state.file else 0
    content = b"".join([piece async for piece in store.read(key, 0, size)]) if size else b""
    files = await store.erase(folder_of(reference))
    return _Kept(invoice, state, content, files, shop.stand_in.calls.count(step))


def _differs(kept: _Kept, scenario: Scenario) -> list[str]:
    file = kept.state.file
    if file is None:
        return [f"none is kept: {kept.state.problem}"]
    text = pypdf.PdfReader(io.BytesIO(kept.content)).pages[0].extract_text()
    broken = {
        f"{kept.files} are kept": kept.files != 1,
        "its digest is another's": hashlib.sha256(kept.content).hexdigest() != file.sha256,
        f"it is not the invoice: {text[:80]}": "Invoice" not in text,
        f"expected {scenario.expected.calls} calls, there were {kept.calls}": kept.calls
        != scenario.expected.calls,
    }
    return [what for what, holds in broken.items() if holds]

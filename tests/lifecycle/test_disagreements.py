"""Each kind of disagreement, seeded behind our back at every provider that can show it: found,
named, and for no more calls than the pages and one about each invoice that is wrong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from drill.postgres import NOT_HERE, programs
from invoicing.books.reconciling import FindingKind, Found
from invoicing.provider.listing import Lists
from tests.lifecycle.disagreeing import NO_LIST, PROVIDERS, Seeded, Way, table, way
from tests.lifecycle.kinds.kind import Shop
from tests.lifecycle.reconciled import Kept, calls, findings, kept_at, opened, reconciled, sent
from tests.lifecycle.world import together
from tests.patience import LONG_ENOUGH
from tests.register.postgres import cluster, created
from tests.tiers import chosen, first, slow

PAGE = Path(__file__).parents[2] / "docs" / "register.md"


# The database makes no difference to what a provider shows, and what is compared is tried without
# a server by tests/register/test_reconciling.py: for what a workflow makes of it, one is enough.
PLACES = first([(place, provider) for place in ("sqlite", "postgresql") for provider in PROVIDERS])


@pytest.fixture(scope="module")
async def kept(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Kept]:
    if request.param == "sqlite":
        async with kept_at(str(tmp_path_factory.mktemp("register") / "register.db")) as here:
            yield here
        return
    binaries = programs()
    if binaries is None:
        pytest.skip(NOT_HERE)
    with cluster(binaries) as url:
        async with kept_at(created(url, "disagreements")) as here:
            yield here


@slow
@pytest.mark.parametrize(("kept", "provider"), PLACES, indirect=["kept"])
async def test_each_kind_that_the_provider_can_show_is_found(
    kept: Kept, provider: str, request: pytest.FixtureRequest
) -> None:
    ways = {kind: one for kind in FindingKind if isinstance(one := way(kind, provider), Way)}
    on_sqlite = "sqlite" in request.node.name
    earliest = [kind for kind in ways if on_sqlite and _shows_it_first(kind) == provider]
    others = chosen([kind for kind in ways if kind not in earliest], 6)
    cells = {str(kind): _found(kept, provider, kind, ways[kind]) for kind in (*earliest, *others)}
    await together(cells, every=True)


def _shows_it_first(kind: FindingKind) -> str | None:
    """How a kind is told from others is one for all: each is always seen at one provider."""
    return next((each for each in PROVIDERS if isinstance(way(kind, each), Way)), None)


async def _found(kept: Kept, provider: str, kind: FindingKind, way_: Way) -> None:
    async with opened(kept.here, provider) as shop:
        if isinstance(shop.adaptor, Lists):
            await sent(shop)
        seeded = await way_.seed(kept, shop)
        before = calls(shop)
        done = await reconciled(kept.here, shop)
        assert (done.reads, calls(shop) - before) == (way_.reads, done.pages + way_.reads)
        found = findings(kept.place, shop) if not way_.late else await _in_time(kept, shop)
        assert {one.kind for one in found} == {kind, *way_.also}
        _is_about(seeded, next(one for one in found if one.kind == kind))


async def _in_time(kept: Kept, shop: Shop) -> list[Found]:
    """Temporal's lists are a moment behind."""
    async with asyncio.timeout(LONG_ENOUGH):
        while not (found := findings(kept.place, shop)):
            await reconciled(kept.here, shop)
    return found


def _is_about(seeded: Seeded, finding: Found) -> None:
    if seeded.reference:
        assert finding.reference == seeded.reference
    if seeded.provider_id:
        assert finding.provider_id == seeded.provider_id
    assert seeded.says in finding.what


@pytest.mark.parametrize(("kept", "provider"), PLACES, indirect=["kept"])
async def test_what_no_list_shows_is_said_of_those_that_document_none(
    kept: Kept, provider: str
) -> None:
    async with opened(kept.here, provider) as shop:
        reasons = {one for kind in FindingKind if isinstance(one := way(kind, provider), str)}
        assert (NO_LIST in reasons) != isinstance(shop.adaptor, Lists)


def test_the_page_says_what_each_provider_can_show() -> None:
    assert table() in PAGE.read_text(), f"its table is to be:\n{table()}"

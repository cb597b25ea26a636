"""What a reconciliation finds is told to a subscriber once; where nothing is new, nothing is."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from invoicing.errors import InvoicingError
from invoicing.state.notice import Notice
from register import opened as register_at
from settings.worker import WorkerSettings
from temporal_server import local_server
from tests.lifecycle.reconciled import behind_our_back, opened, reconciled, sent
from tests.lifecycle.world import world
from tests.patience import LONG_ENOUGH
from worker import posts_to, refuse_unknown_subscriber, serving


class _Office:
    """A subscriber that keeps what it hears."""

    def __init__(self) -> None:
        self.heard: asyncio.Queue[Notice] = asyncio.Queue()

    async def post(self, notice: Notice) -> None:
        self.heard.put_nowait(notice)


async def test_what_is_found_is_told_once_and_nothing_of_what_was_known(tmp_path: Path) -> None:
    books = await asyncio.to_thread(register_at, str(tmp_path / "register.db"))
    office = _Office()
    async with (
        local_server(own=True) as server,
        world(server, register=books, findings_subscriber="office") as here,
        serving([posts_to(here.client.temporal, "office", office, WorkerSettings())]),
        opened(here, "invoro") as shop,
    ):
        await sent(shop)
        assert (await reconciled(here, shop)).new == 0
        await behind_our_back(shop, "NOBODYS-1")
        for new in (1, 0):
            assert (await reconciled(here, shop)).new == new
        await behind_our_back(shop, "NOBODYS-2")
        assert (await reconciled(here, shop)).new == 1
        told = [await asyncio.wait_for(office.heard.get(), LONG_ENOUGH) for _ in range(2)]
    await asyncio.to_thread(books.close)
    assert {one.type for one in told} == {"reconciliation.findings"}
    counts: list[Any] = [one.data["found"] for one in told]
    assert sorted(each["unknown_here"] for each in counts) == [1, 2]
    assert {(one.data["provider"], one.data["account"]) for one in told} == {
        ("invoro", shop.account)
    }
    assert len({one.id for one in told}) == 2
    assert office.heard.empty()


def test_a_subscriber_who_is_not_configured_is_refused_when_the_worker_starts() -> None:
    setup = WorkerSettings(findings_subscriber="office")
    refuse_unknown_subscriber(setup, ["office"])
    refuse_unknown_subscriber(WorkerSettings(), [])
    with pytest.raises(InvoicingError, match="'office' is not configured; there are: erp"):
        refuse_unknown_subscriber(setup, ["erp"])

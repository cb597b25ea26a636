"""A finance person's list in a real browser: chosen, saved, found again, taken, forgotten."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Browser

from settings.callers import Scope
from tests.browser.person import PATIENT, person_at
from tests.browser.test_pages import barriers
from tests.console.booked import booked_over
from tests.gateway.door import caller
from tests.lifecycle.world import World
from tests.tiers import slow

# What the pages say and do, tests/console sees without a browser, in a tenth of the time.
pytestmark = slow


DORA = "dora-0123456789abcdefghijklmnopqrstuvwxyz0"


def said_in(path: Path) -> str:
    return path.read_text("utf-8")


@pytest.mark.parametrize("with_script", [True, False])
async def test_a_list_is_chosen_saved_found_again_taken_and_forgotten(
    shared_world: World, engine: Browser, tmp_path: Path, with_script: bool
) -> None:
    known = {"dora": caller(DORA, Scope.READ)}
    how = {"java_script_enabled": with_script}
    found = []
    async with booked_over(shared_world, tmp_path, known, **PATIENT) as booked:
        url = booked.gateway.url
        async with person_at(engine, url, DORA, **how) as dora:
            await dora.open("/invoices")
            await dora.type("Gross from", "much")
            await dora.type("Buyer has", "bakker")
            await dora.press("Show these")
            await dora.sees("must be a number")
            if with_script:  # axe is script
                found += await barriers(dora.page, "mistakes")
            await dora.type("Gross from", "121,00")
            await dora.press("Show these")
            await dora.sees("€121.00")
            await dora.type("Name", "Bakker, large")
            await dora.press("Save it")
            await dora.sees("The list is saved.")
            if with_script:
                found += await barriers(dora.page, "saved")
        async with person_at(engine, url, DORA, accept_downloads=True, **how) as dora:
            await dora.open("/invoices")
            await dora.follow("Bakker, large")
            await dora.sees("€121.00")
            async with dora.page.expect_download() as taken:
                await dora.follow("CSV")
            file = await taken.value
            assert file.suggested_filename == "invoices.csv"
            assert "A-1," in said_in(await file.path())
            folded = await dora.unfold("Forget a saved list")
            await dora.press("Forget Bakker, large", folded)
            await dora.sees("The saved list is forgotten.")
    assert found == []

"""No page keeps anybody out: axe-core finds nothing on any, light or dark, wide or narrow."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from datetime import date
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import Literal, NamedTuple

import pytest
from playwright.async_api import Browser, Page

from invoicing.document import Party
from invoicing.state.order import Deliver
from settings.callers import Scope
from temporal_server import Server
from tests.batches import HEADER, a_row
from tests.browser.person import PATIENT, Person, person_at
from tests.browser.test_people import WHY_LABEL
from tests.console.booked import booked_over
from tests.console.scenes import differing, held, told
from tests.console.test_amendments import stuck
from tests.examples import a_line
from tests.gateway.door import caller
from tests.gateway.test_orders import an_order
from tests.lifecycle.office import office_at, units
from tests.lifecycle.world import Company, World
from tests.tiers import THOROUGH, slow

# What the pages say and do, tests/console sees without a browser, in a tenth of the time.
pytestmark = slow


CLARA = "clara-0123456789abcdefghijklmnopqrstuvwxyz"
AXE = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")

UNFOLD = "document.querySelectorAll('details').forEach((each) => { each.open = true })"
PICTURES = os.environ.get("TESTS_PICTURES")
"""A folder into which a picture of every page goes, as each look has it, for people to look at."""


class Look(NamedTuple):
    """One way of looking at a page."""

    scheme: Literal["light", "dark"]
    width: int


ODD = {
    "buyer": Party(name=f"Gemeenschap {'W' * 120}", account_number="K-1001"),
    "lines": (
        a_line(1, name="W" * 120, quantity=Decimal(1), unit_price=Decimal("999999999999.99")),
    ),
}
"""What is as long as it may be, with nowhere to be broken."""
LOOKS = (Look("light", 1440), Look("dark", 390), Look("dark", 1440), Look("light", 390))
"""The quick tier has the first two: each colour and each layout once."""


async def found_by_axe(page: Page) -> list[str]:
    """What it finds on the page as it is shown, each with where."""
    await page.evaluate(AXE)
    findings: list[str] = await page.evaluate(
        """async () => (await axe.run({ resultTypes: ["violations"] })).violations.flatMap(
             (each) => each.nodes.map((node) => `${each.id}: ${node.target} ${node.html}`))"""
    )
    return findings


async def barriers(page: Page, what: str) -> list[str]:
    """What is in somebody's way on this page, however it is looked at; and what does not fit in."""
    found = []
    for look in LOOKS if THOROUGH else LOOKS[:2]:
        await page.emulate_media(color_scheme=look.scheme)
        await page.set_viewport_size({"width": look.width, "height": 900})
        # What is folded in is looked at too.
        await page.evaluate(UNFOLD)
        if PICTURES:
            await page.screenshot(
                path=Path(PICTURES) / f"{what}-{look.scheme}-{look.width}.png", full_page=True
            )
        found += [f"{what} {look.scheme} {look.width}: {each}" for each in await found_by_axe(page)]
        across: int = await page.evaluate("document.documentElement.scrollWidth")
        if across > look.width:
            found.append(f"{what} {look.scheme} {look.width}: is {across} pixels wide")
    return found


@pytest.fixture
async def clara(shared_world: World, engine: Browser, tmp_path: Path) -> AsyncIterator[Person]:
    """Somebody who may do everything, where there are books."""
    known = {"clara": caller(CLARA, Scope.READ, Scope.START, Scope.OPERATE)}
    async with (
        booked_over(shared_world, tmp_path, known, **PATIENT) as booked,
        person_at(engine, booked.gateway.url, CLARA) as person,
    ):
        yield person


async def test_axe_finds_what_is_wrong(clara: Person) -> None:
    """It is run, and sees the page."""
    await clara.page.set_content("<html lang=en><title>x</title><main><h1>x</h1><img src=x>")
    assert [each.partition(":")[0] for each in await found_by_axe(clara.page)] == ["image-alt"]


async def test_no_page_keeps_anybody_out(
    clara: Person, company: Company, server: Server, tmp_path: Path
) -> None:
    parked, waits = await differing(company), await held(company)
    odd = await differing(company, document=ODD, options={})
    order = an_order(company, 1, 2)
    await company.client.orders.start(order)
    delivered = Deliver(delivery="A", lines=("1",), issue_date=date(2026, 6, 30))
    await company.client.orders.deliver(order.reference, delivered)
    async with office_at(server) as office:
        credited = await office.invoiced()
        await office.client.credits.make(credited, units("7"))
        amended = (await stuck(office)).reference
        paths = {
            "inbox": "/",
            "question": f"/invoices/{parked}",
            "long words and amounts": f"/invoices/{odd}",
            "correction": f"/invoices/{parked}/correct",
            "held": f"/invoices/{waits}",
            "final": f"/invoices/{credited}",
            "credits": f"/credits/{credited}",
            "amendment": f"/amendments/{amended}",
            "to be amended": f"/invoices/{credited}/amend",
            "to be amended again": f"/invoices/{amended}/amend",
            "order": f"/orders/{order.reference}",
            "news": f"/events/{await told(company)}",
            "together": f"/together?of=invoices/{parked}&of=invoices/{waits}",
            "inbox by worth": "/?order=worth",
            "invoices": "/invoices",
            "a list with mistakes": "/invoices?amount_from=x&since=y&status=z&provider=A",
            "orders": "/orders",
            "batch": "/batch",
            "books": "/books?month=2026-06",
            "going": "/going",
            "not there": "/invoices/NEVER",
        }
        found = []
        for what, path in paths.items():
            await clara.open(path)
            found += await barriers(clara.page, what)
    await clara.open("/books?month=2026-06")
    await clara.page.locator("a[href*='/findings/']").first.click()
    found += await barriers(clara.page, "finding")
    file = tmp_path / "june.csv"
    file.write_text("\n".join((HEADER, a_row("AXE-1"), a_row("AXE-2", **{"line.quantity": "few"}))))
    await clara.open("/batch")
    await clara.page.get_by_label("The file").set_input_files(file)
    await clara.press("Look through it")
    await clara.sees("june.csv")
    found += await barriers(clara.page, "preview")
    await clara.open(f"/invoices/{parked}/correct")
    await clara.page.locator("[name='document.currency']").fill("XXQ")
    await clara.type(WHY_LABEL, "x")
    await clara.press("Send the corrected document")
    await clara.sees("Nothing has changed yet")
    found += await barriers(clara.page, "mistakes")
    await clara.page.context.clear_cookies()
    await clara.open("/sign-in")
    found += await barriers(clara.page, "sign-in")
    assert found == []

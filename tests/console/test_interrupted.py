"""A session that ends while a form is filled in: nothing is done, and nothing that was typed is
lost."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from console.door import Console
from console.sessions import LONGEST
from invoicing.state.invoice import Status
from tests.console.browser import Browser, Page, console_over
from tests.console.conftest import signed_in
from tests.console.scenes import differing
from tests.console.test_live import console_of
from tests.gateway.door import TOKENS, Gateway
from tests.lifecycle.world import Company, World
from tests.tiers import detail

WHY = 'seen at the provider\nand "mended" <there>, by \u202ewhoever'
QUARTER = 15 * 60


class Meanwhile:
    """A gateway of its own, where time goes by when a test says so."""

    def __init__(self, gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
        self.gateway = gateway
        self._desk: Console = console_of(gateway)
        self._clock = self._desk.sessions._clock
        self._patch = monkeypatch

    def passes(self, seconds: float) -> None:
        now = self._clock() + seconds
        self._patch.setattr(self._desk.sessions, "_clock", lambda: now)


@pytest.fixture
async def meanwhile(
    shared_world: World, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Meanwhile]:
    async with console_over(shared_world.client) as gateway:
        yield Meanwhile(gateway, monkeypatch)


async def interrupted(browser: Browser, meanwhile: Meanwhile, reference: str) -> Page:
    """An answer is filled in for longer than a session lasts."""
    form = (await browser.get(f"/console/invoices/{reference}")).form("/resolve", "abandon")
    meanwhile.passes(QUARTER + 1)
    return await browser.send(form, ("answer", "abandon"), reason=WHY)


@pytest.mark.parametrize("who", ["operate", "all"])
async def test_what_was_typed_is_sent_once_somebody_has_signed_in_and_says_so_again(
    meanwhile: Meanwhile, company: Company, who: str
) -> None:
    reference = await differing(company)
    browser = await signed_in(meanwhile.gateway, "operate")
    page = await interrupted(browser, meanwhile, reference)
    assert (page.status, page.answer.headers["cache-control"]) == (401, "no-store")
    assert "You were signed out meanwhile" in page.text
    assert 'and "mended" <there>' in page.text
    assert "/console/sign-in" in page.links()
    still = await browser.send(page.form("/resolve"))
    assert (still.status, still.form("/resolve").fields) == (401, page.form("/resolve").fields)
    await browser.sign_in(TOKENS[who])
    asks = await browser.send(page.form("/resolve"))
    assert (asks.status, f"by {who}." in asks.text) == (403, True)
    assert (await company.client.invoices.state(reference)).status is Status.NEEDS_ATTENTION
    done = await browser.send(asks.form("/resolve"))
    assert "Your answer was taken" in done.text
    await company.until_status(reference, Status.ABANDONED)
    journal = await company.client.invoices.journal(reference)
    assert [each.proven for each in journal.entries if each.reason == WHY] == [who]


@detail
async def test_a_form_that_is_larger_than_a_stranger_s_is_kept(
    meanwhile: Meanwhile, company: Company
) -> None:
    reference = await differing(company)
    browser = await signed_in(meanwhile.gateway, "operate")
    form = (await browser.get(f"/console/invoices/{reference}/correct")).form("/correct")
    meanwhile.passes(QUARTER + 1)
    typed = {"document.lines[0].note": "long " * 2000}
    page = await browser.send(form, ("answer", "correct"), typed=typed, reason=WHY)
    assert page.form("/correct").hidden("document.lines[0].note") == typed["document.lines[0].note"]
    assert page.form("/correct").hidden("written") == form.hidden("written")


@detail
async def test_after_twelve_hours_it_is_kept_too(meanwhile: Meanwhile, company: Company) -> None:
    reference = await differing(company)
    browser = await signed_in(meanwhile.gateway, "operate")
    form = (await browser.get(f"/console/invoices/{reference}")).form("/resolve", "abandon")
    meanwhile.passes(LONGEST.total_seconds() + 1)
    page = await browser.send(form, ("answer", "abandon"), reason=WHY)
    assert page.status == 401


@detail
async def test_of_who_has_signed_out_nothing_is_read(
    meanwhile: Meanwhile, company: Company
) -> None:
    reference = await differing(company)
    browser = await signed_in(meanwhile.gateway, "operate")
    page = await browser.get(f"/console/invoices/{reference}")
    kept = browser.cookies["invoicing"]
    await browser.send(page.form("/sign-out"))
    browser.cookies.set("invoicing", kept, domain="127.0.0.1", path="/")
    again = await browser.send(page.form("/resolve"), ("answer", "abandon"), reason=WHY)
    assert (again.status, again.path) == (200, "/console/sign-in")


@detail
async def test_only_a_form_of_that_session_is_shown_again(
    meanwhile: Meanwhile, company: Company
) -> None:
    reference = await differing(company)
    browser, other = [await signed_in(meanwhile.gateway, "operate") for _ in range(2)]
    form = (await other.get(f"/console/invoices/{reference}")).form("/resolve", "abandon")
    meanwhile.passes(QUARTER + 1)
    page = await browser.send(form, ("answer", "abandon"), reason=WHY)
    assert (page.status, "mended" in page.text) == (403, False)
    elsewhere = {"Sec-Fetch-Site": "cross-site"}
    answer = await other.ask("POST", form.action, data=dict(form.fields), headers=elsewhere)
    assert (answer.status_code, "another site" in answer.text) == (403, True)

"""What the pages show, and what they say where something is wrong."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC
from pathlib import Path

import pytest
from babel import Locale
from jinja2 import Environment, FileSystemLoader

import console
from console.reader import Reader
from console.words import Words
from invoicing.state.invoice import Invoice, Status
from invoicing.state.questions import Reason
from invoicing.totals import totals
from tests.console.browser import Browser, console_over
from tests.console.conftest import signed_in
from tests.console.scenes import differing, everywhere, held, until
from tests.gateway.door import Gateway
from tests.invoicing import document, line
from tests.lifecycle.world import Company, World
from tests.patience import LONG_ENOUGH
from tests.tiers import detail

# --- the inbox ------------------------------------------------------------------------------------


async def test_the_inbox_shows_what_waits_whose_it_is_how_much_and_what_is_asked(
    company: Company, browser: Browser
) -> None:
    wrong, stopped = await differing(company), await held(company)
    page = await everywhere(browser, wrong)
    row = re.search(rf"{wrong} (.*?) T-|{wrong} (.*)", page.text)
    assert row
    for words in ("Canary Energy BV", "€125.03", "figures are not ours", "UTC"):
        assert words in row[0]
    assert f"/console/invoices/{wrong}" in page.links()
    again = await everywhere(browser, stopped)
    assert "a release, for somebody wanted it looked at" in again.text


def test_what_is_to_be_paid_is_shown_where_it_is_not_the_whole() -> None:
    environment = Environment(
        loader=FileSystemLoader(Path(console.__file__).with_name("templates")), autoescape=True
    )
    template = environment.get_template("_due.html", globals={"say": Words()})

    def due(**given: str) -> str:
        asked = document(line(unit_price="100.10"), **given)
        page = template.render(
            document=asked, totals=totals(asked, "line"), reader=Reader(Locale("en", "GB"), UTC)
        )
        return " ".join(re.sub("<[^>]*>", " ", page).split())

    assert due() == ""
    assert due(rounding="-0.12") == "Rounding -€0.12 To pay €121.00"
    assert due(prepaid="50") == "Paid before €50.00 To pay €71.12"
    both = due(prepaid="21.12", rounding="0.05")
    assert both == "Paid before €21.12 Rounding €0.05 To pay €100.05"


@detail
async def test_what_was_asked_for_first_comes_first(company: Company, browser: Browser) -> None:
    first, second = await held(company), await held(company)
    await everywhere(browser, second)
    found: list[str] = []
    number = 1
    while True:
        page = await browser.get("/console/", params={"page": str(number)})
        found += [each for each in (first, second) if f">{each}<" in page.answer.text]
        number += 1
        if f"?page={number}" not in page.answer.text:
            break
    assert [each for each in found if each in (first, second)][:2] == [first, second]


@detail
async def test_one_that_nobody_answers_for_is_listed_all_the_same(
    company: Company, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By what lists know: the others are not to wait for it."""
    wrong = await differing(company)
    await everywhere(browser, wrong)
    monkeypatch.setattr("console.rows.PATIENCE", 0.0)
    async with asyncio.timeout(LONG_ENOUGH):
        # It is shown for a moment as it was.
        while "cannot be shown now" not in (page := await everywhere(browser, wrong)).text:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    assert "the provider's figures are not ours" in page.text


# --- the page of an invoice -----------------------------------------------------------------------


@detail
async def test_an_invoice_is_shown_with_its_way_its_vat_and_its_journal(
    company: Company, browser: Browser
) -> None:
    reference = await company.start()
    invoice: Invoice = await company.finished(reference)
    page = await browser.get(f"/console/invoices/{reference}")
    way = "asked done, draft done, final done, sent done, delivered not asked for, paid not"
    assert way in page.text
    assert [tag for tag, _ in page.tags].count("svg") == 2
    assert "6 % (S) €49.50 €2.97 21 % (S) €59.97 €12.59" in page.text
    assert "1 Meter replacement 3 €19.99 21 % (S) €59.97" in page.text
    assert invoice.number
    assert invoice.number in page.text
    assert "approved" in page.text
    (engineers,) = [each for each in page.links() if "namespaces" in each]
    assert engineers.endswith(f"/workflows/invoice%2F{reference}")


@detail
async def test_one_that_was_cut_off_says_so(company: Company, browser: Browser) -> None:
    reference = await held(company)
    await company.client.invoices.handle(reference).terminate("over")
    page = await browser.get(f"/console/invoices/{reference}")
    assert "ended from outside" in page.text
    assert [each.action for each in page.forms] == ["/console/sign-out"]


async def test_one_that_was_refused_at_once_says_why_and_asks_nothing(
    company: Company, browser: Browser
) -> None:
    reference = await company.start(options={"no_such": 1})
    await company.until_status(reference, Status.REJECTED)
    page = await browser.get(f"/console/invoices/{reference}")
    assert "there will be no invoice" in page.text
    assert "options.no_such" in page.text
    assert [each.action for each in page.forms] == ["/console/sign-out"]


@detail
async def test_numbers_and_days_are_the_reader_s(company: Company, console: Gateway) -> None:
    reference = await company.start()
    await company.finished(reference)
    browser = await signed_in(console, "read")
    page = await browser.get(
        f"/console/invoices/{reference}", headers={"Accept-Language": "nl-NL,en;q=0.5"}
    )
    assert "€ 125,03" in page.text
    assert "30 jul 2026" in page.text


# --- lists ----------------------------------------------------------------------------------------


@detail
async def test_a_list_is_filtered_and_read_page_by_page(
    company: Company, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    reference = await held(company)
    await until(browser, "/console/invoices", lambda page: f">{reference}<" in page.answer.text)
    page = await browser.get("/console/invoices")
    (form,) = [each for each in page.forms if "status" in each.typed]
    form.action = page.path
    shown = await browser.send(form, status="held", provider="zero_friction")
    assert reference in shown.text
    none = await browser.send(form, status="", provider="nobodys")
    assert "There are none." in none.text
    wrong = await browser.get("/console/invoices", params={"status": "no"})
    assert wrong.status == 422
    monkeypatch.setattr("console.lists.ROWS", 1)
    await held(company)
    first = await until(
        browser, "/console/invoices?status=held", lambda page: "cursor" in page.answer.text
    )
    (after,) = [each for each in first.links() if each.startswith("?")]
    second = await browser.get(f"/console/invoices{after}")
    assert second.status == 200
    assert "status=held" in after
    on_first, on_second = [
        {each for each in page.links() if each.startswith("/console/invoices/")}
        for page in (first, second)
    ]
    assert on_first.isdisjoint(on_second)
    other = await browser.get(f"/console/invoices{after.replace('held', 'sent')}")
    assert other.status == 422


# --- trouble --------------------------------------------------------------------------------------


UNKNOWN = ("/invoices/NEVER-1", "/orders/NEVER-1", "/amendments/NEVER-1", "/events/a/b/c")


async def test_what_is_not_there_is_told_in_words(browser: Browser) -> None:
    for path in (*UNKNOWN, "/nowhere"):
        page = await browser.get(f"/console{path}")
        assert page.status == 404
        assert "There is nothing here by this name" in page.text


async def test_who_asks_too_often_is_told_in_words(shared_world: World) -> None:
    async with console_over(shared_world.client, rate=0.001, burst=3) as gateway:
        browser = await signed_in(gateway, "operate")
        await browser.get("/console/orders")
        page = await browser.get("/console/orders")
        assert page.status == 429
        assert "You ask too often" in page.text
        assert page.answer.headers["retry-after"]


def test_every_reason_is_a_question_of_the_one_table() -> None:
    words = Words()
    for reason in Reason:
        assert words.asked(reason) != reason
        assert words.spoken(f"person: {reason}").startswith("A person: ")
    assert words.spoken("provider: approval") == "The provider: approval"
    assert words.spoken("nobody") == "nobody"

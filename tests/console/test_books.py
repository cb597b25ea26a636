"""The books: what disagrees and what to do, closed with a reason; and to each its own."""

from __future__ import annotations

import re
import zipfile
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path

import pytest

from gateway import tokens
from invoicing.books.reconciling import TO_DO, FindingKind
from register.export import packing
from settings.callers import Scope
from tests.console.booked import Booked, booked_over
from tests.console.browser import Browser, Page
from tests.console.conftest import signed_in
from tests.console.scenes import until
from tests.gateway.door import caller
from tests.lifecycle.world import World
from tests.tiers import detail, slow


@pytest.fixture
async def booked(shared_world: World, tmp_path: Path) -> AsyncIterator[Booked]:
    async with booked_over(shared_world, tmp_path) as made:
        yield made


@pytest.fixture
async def clerk(booked: Booked) -> Browser:
    """Somebody who may look and answer."""
    return await signed_in(booked.gateway, "operate")


async def books_of(browser: Browser, **query: str) -> Page:
    page = await browser.get("/console/books", params=query)
    assert page.status == 200
    return page


def finding(page: Page, kind: str) -> str:
    """Where the finding of this kind is."""
    found = re.search(rf'href="(/console/findings/\w+)">{kind}<', page.answer.text)
    assert found, page.text
    return found[1]


async def test_the_books_show_what_disagrees_each_run_and_what_a_month_comes_to(
    clerk: Browser,
) -> None:
    page = await books_of(clerk, month="2026-06")
    assert "Paid, and nobody told us A-1 mollie / shop A-1" in page.text
    assert "There, and not asked for here id-2 mollie / shop id-2" in page.text
    assert "May 1, 2026 to Jun 30, 2026" in page.text
    assert "1 × Paid, and nobody told us" in page.text
    assert "EUR 1 €100.00 €21.00 €121.00 €0.00 €0.00" in page.text
    assert "What the final invoices of June 2026 come to" in page.text
    other = await books_of(clerk, month="2025-01")
    assert "No invoice of that month is final." in other.text


@detail
async def test_of_a_month_that_is_not_over_the_books_say_so(clerk: Browser) -> None:
    said = "is not over: what you take now is how it stands now"
    assert said in (await books_of(clerk)).text
    assert f"December 9998 {said}" in (await books_of(clerk, month="9998-12")).text
    assert said not in (await books_of(clerk, month="2025-01")).text


@detail
async def test_the_books_of_the_month_that_is_shown_are_taken(clerk: Browser) -> None:
    form = (await books_of(clerk, month="2026-06")).form("/books/export")
    for button, whole in ((None, False), (("xlsx", "true"), True)):
        given = {**dict(form.fields), "provider": "", **dict([button] if button else [])}
        answer = await clerk.ask("GET", form.action, params=given)
        assert answer.headers["content-disposition"] == 'attachment; filename="books-2026-06.zip"'
        with zipfile.ZipFile(BytesIO(answer.content)) as packed:
            assert ("books-2026-06/books.xlsx" in packed.namelist()) is whole
            assert b"A-1" in packed.read("books-2026-06/invoices.csv")
    wrong = await clerk.get("/console/books/export", params={"month": "2026-06", "provider": "?"})
    assert (wrong.status, "provider" in wrong.text) == (422, True)


@detail
async def test_a_month_too_large_to_be_packed_is_said_with_what_to_do(
    clerk: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packing, "MOST_INVOICES", 0)
    page = await clerk.get("/console/books/export", params={"month": "2026-06"})
    assert (page.status, "has more than 0 invoices" in page.text) == (422, True)


@detail
async def test_what_disagrees_waits_in_the_inbox_until_it_is_closed(
    clerk: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox = await clerk.get("/console/")
    assert "What disagrees with a provider" in inbox.text
    assert "There, and not asked for here id-2 mollie / shop id-2" in inbox.text
    assert "Look at them in the books" in inbox.text
    one = await clerk.get(finding(inbox, "Paid, and nobody told us"))
    monkeypatch.setattr("console.inbox.MOST_FINDINGS", 1)
    await clerk.send(one.form("/close"), reason="seen")
    left = await clerk.get("/console/")
    assert "There, and not asked for here" in left.text
    assert "Paid, and nobody told us" not in left.text
    assert "There are more" not in left.text


@detail
async def test_of_many_that_disagree_the_inbox_has_the_oldest(
    clerk: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.inbox.MOST_FINDINGS", 1)
    # What was asked for when they signed in is shown for a moment.
    inbox = await until(clerk, "/console/", lambda page: "There are more: look at" in page.text)
    assert inbox.text.count("mollie / shop") == 1


@detail
async def test_findings_are_chosen_by_kind_and_by_whether_they_are_closed(clerk: Browser) -> None:
    page = await books_of(clerk, kind="unknown_here")
    assert "id-2" in page.text
    assert "A-1" not in page.text
    assert "There are none." in (await books_of(clerk, closed="yes")).text


@detail
async def test_a_finding_says_what_to_do_and_is_closed_with_a_reason(
    clerk: Browser, booked: Booked
) -> None:
    where = finding(await books_of(clerk), "Paid, and nobody told us")
    page = await clerk.get(where)
    assert TO_DO[FindingKind.PAID_UNSEEN].replace("`", "") in page.text
    assert "/console/invoices/A-1" in page.links()
    after = await clerk.send(page.form("/close"), reason="booked by hand")
    assert (after.path, after.status) == ("/console/books", 200)
    assert "The finding is closed." in after.text
    assert "A-1" not in after.text.partition("Reconciliations")[0]
    kept = await booked.reader.finding(where.rpartition("/")[2])
    assert kept
    assert (kept.closed_by, kept.reason) == ("operate", "booked by hand")
    again = await clerk.get(where)
    assert "Closed by operate" in again.text
    assert not [each for each in again.forms if each.action.endswith("/close")]


@detail
async def test_a_finding_that_was_closed_meanwhile_keeps_the_first_one_s_words(
    clerk: Browser, booked: Booked
) -> None:
    where = finding(await books_of(clerk), "Paid, and nobody told us")
    page = await clerk.get(where)
    other = await signed_in(booked.gateway, "all")
    await other.send((await other.get(where)).form("/close"), reason="seen")
    late = await clerk.send(page.form("/close"), reason="booked by hand")
    assert late.status == 409
    assert "it was closed before, by all" in late.text


@detail
async def test_pressing_twice_is_pressing_once(clerk: Browser) -> None:
    where = finding(await books_of(clerk), "Paid, and nobody told us")
    form = (await clerk.get(where)).form("/close")
    for _ in range(2):
        page = await clerk.send(form, reason="booked by hand")
        assert (page.status, page.path) == (200, "/console/books")


@detail
async def test_no_finding_is_closed_without_a_reason(clerk: Browser, booked: Booked) -> None:
    where = finding(await books_of(clerk), "Paid, and nobody told us")
    page = await clerk.send((await clerk.get(where)).form("/close"), reason=" ")
    assert page.status == 422
    assert "Nothing has changed yet" in page.text
    kept = await booked.reader.finding(where.rpartition("/")[2])
    assert kept
    assert kept.closed_at is None


@detail
async def test_who_may_only_look_closes_nothing_nor_does_another_site_s_page(
    booked: Booked, clerk: Browser
) -> None:
    looker = await signed_in(booked.gateway, "read")
    where = finding(await books_of(looker), "Paid, and nobody told us")
    page = await looker.get(where)
    assert "may look, not answer" in page.text
    assert not [each for each in page.forms if each.action.endswith("/close")]
    token = page.form("/sign-out").hidden("form_token")
    data = {"form_token": token, "reason": "x"}
    assert (await looker.ask("POST", f"{where}/close", data=data)).status_code == 403
    without = {"reason": "x"}
    assert (await clerk.ask("POST", f"{where}/close", data=without)).status_code == 403
    mine = {**data, "form_token": (await clerk.get(where)).form("/close").hidden("form_token")}
    elsewhere = {"Origin": "https://evil.example"}
    answer = await clerk.ask("POST", f"{where}/close", data=mine, headers=elsewhere)
    assert answer.status_code == 403
    kept = await booked.reader.finding(where.rpartition("/")[2])
    assert kept
    assert kept.closed_at is None


@slow
@pytest.mark.parametrize(
    ("limits", "own"),
    [
        ({"accounts": ("mollie/shop",)}, True),
        ({"accounts": ("invoro",)}, False),
        ({"references": ("B-",)}, False),
    ],
)
async def test_a_limited_person_sees_and_closes_its_own_alone(
    shared_world: World, tmp_path: Path, limits: dict[str, tuple[str, ...]], own: bool
) -> None:
    key, whole = tokens.new(), tokens.new()
    known = {
        "limited": caller(key, Scope.READ, Scope.OPERATE, **limits),
        "whole": caller(whole, Scope.READ),
    }
    async with booked_over(shared_world, tmp_path, known) as booked:
        everything, browser = Browser(booked.gateway.url), Browser(booked.gateway.url)
        await everything.sign_in(whole)
        await browser.sign_in(key)
        where = finding(await books_of(everything), "Paid, and nobody told us")
        shown = await books_of(browser)
        assert ("A-1" in shown.text) is own
        assert ("mollie / shop" in shown.text) is own
        page = await browser.get(where)
        assert page.status == (200 if own else 404)
        token = shown.form("/sign-out").hidden("form_token")
        data = {"form_token": token, "reason": "mine"}
        answer = await browser.ask("POST", f"{where}/close", data=data)
        assert answer.status_code == (303 if own else 404)


@slow
@pytest.mark.parametrize("query", [{"month": "June"}, {"month": "9999-12"}, {"kind": "nonsense"}])
async def test_what_is_asked_for_wrongly_is_said(clerk: Browser, query: dict[str, str]) -> None:
    page = await clerk.get("/console/books", params=query)
    assert page.status == 422
    assert "Something in the address or the form is not right." in page.text


async def test_without_a_register_there_are_no_books(browser: Browser) -> None:
    assert "/console/books" not in (await browser.get("/console/")).links()
    assert (await browser.get("/console/books")).status == 404

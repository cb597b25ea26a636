"""The inbox by what it is worth: from the register, currency by currency, and one's own."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from console import inbox
from console.inbox import by_worth
from console.subjects import Kind
from gateway import tokens
from invoicing.books.booked import Worth
from invoicing.temporal.lists import Listed
from register import opened
from register.reading import Reader
from settings.callers import Scope
from tests.console.browser import Browser, Page, console_over
from tests.console.scenes import differing, until
from tests.gateway.door import caller
from tests.lifecycle.world import Company, World
from tests.register.said import NOON, a_claim, a_record, a_row, lines
from tests.tiers import detail


def a_list(*references: str) -> list[tuple[Kind, Listed]]:
    return [
        (
            Kind.ORDERS if reference[0] == "O" else Kind.INVOICES,
            Listed.model_validate(
                {
                    "reference": reference,
                    "execution": "running",
                    "started_at": NOON + timedelta(minutes=count),
                }
            ),
        )
        for count, reference in enumerate(references)
    ]


def worths(**given: str) -> Mapping[tuple[Kind, str], Worth]:
    found = {}
    for reference, text in given.items():
        amount, currency = text.split()
        kind = Kind.ORDERS if reference[0] == "O" else Kind.INVOICES
        worth = Worth(reference=reference, currency=currency, amount=Decimal(amount))
        found[kind, reference] = worth
    return found


@pytest.mark.parametrize(
    ("given", "order"),
    [
        ({}, "A B C O1"),
        ({"A": "5 EUR", "C": "7 EUR"}, "C A B O1"),
        ({"A": "5 EUR", "C": "7 EUR", "B": "900 JPY", "O1": "6 EUR"}, "C O1 A B"),
        ({"A": "5 EUR", "B": "9 CHF"}, "B A C O1"),
        ({"A": "5 EUR", "B": "5.00 EUR", "C": "-1 EUR"}, "A B C O1"),
    ],
)
def test_the_largest_come_first_currency_by_currency_and_the_unknown_last(
    given: dict[str, str], order: str
) -> None:
    rows = by_worth(a_list("A", "B", "C", "O1"), worths(**given))
    assert [row.reference for _, row in rows] == order.split()


class Seen:
    """Two that wait, as somebody sees them who is limited to their company; and their amounts."""

    def __init__(self, browser: Browser, small: str, large: str) -> None:
        self.browser, self.small, self.large = browser, small, large

    async def inbox(self, **query: str) -> list[str]:
        """Those in the order of the page, once both are there."""

        def both(page: Page) -> bool:
            return {self.small, self.large} <= {*_references(page)}

        path = "/console/?" + "&".join(f"{name}={value}" for name, value in query.items())
        self.page = await until(self.browser, path, both)
        return _references(self.page)


def _references(page: Page) -> list[str]:
    begin = "/console/invoices/"
    return [link.removeprefix(begin) for link in page.links() if link.startswith(begin)]


@pytest.fixture
async def seen(shared_world: World, company: Company, tmp_path: Path) -> AsyncIterator[Seen]:
    small, large, place = await differing(company), await differing(company), tmp_path / "books.db"
    books, token = opened(str(place)), tokens.new()
    for reference, due in ((small, "1.10"), (large, "9000.00")):
        row = a_row(provider="zero_friction", account=company.account, due=Decimal(due))
        await books.claim(a_claim(reference))
        await books.record(a_record(lines(1, 1), row, reference))
    books.close()
    limits = {"accounts": (f"zero_friction/{company.account}",)}
    known = {"clerk": caller(token, Scope.READ, **limits)}
    with contextlib.closing(Reader(str(place))) as reader:
        async with console_over(shared_world.client, known, books=reader) as gateway:
            browser = Browser(gateway.url)
            await browser.sign_in(token)
            yield Seen(browser, small, large)


@detail
async def test_what_waits_is_put_in_order_by_age_or_by_what_it_is_worth(seen: Seen) -> None:
    assert await seen.inbox() == [seen.small, seen.large]
    assert "Those that were asked for first come first." in seen.page.text
    assert "?order=worth" in seen.page.links()
    assert await seen.inbox(order="worth") == [seen.large, seen.small]
    assert "(€9,000.00 to be paid)" in seen.page.text
    assert [tag for tag, given in seen.page.tags if given.get("aria-current")] == ["a", "strong"]
    assert "?order=age" in seen.page.links()
    assert "?order=worth" not in seen.page.links()
    assert (await seen.browser.get("/console/?order=nonsense")).status == 422


@detail
async def test_without_a_register_the_inbox_says_why_there_is_no_other_order(
    company: Company, browser: Browser
) -> None:
    reference = await differing(company)
    page = await until(browser, "/console/?order=worth", lambda page: reference in page.text)
    assert "there is no register here" in page.text
    assert "Those that were asked for first come first." in page.text


@detail
async def test_while_the_register_is_away_the_inbox_is_in_order_of_age(
    shared_world: World, company: Company, tmp_path: Path
) -> None:
    reference, token = await differing(company), tokens.new()
    known = {"clerk": caller(token, Scope.READ, accounts=(f"zero_friction/{company.account}",))}
    with contextlib.closing(Reader(str(tmp_path / "none.db"))) as reader:
        async with console_over(shared_world.client, known, books=reader) as gateway:
            browser = Browser(gateway.url)
            await browser.sign_in(token)
            page = await until(browser, "/console/?order=worth", lambda one: reference in one.text)
            assert "The register does not answer now" in page.text


@detail
async def test_who_has_answered_does_not_see_the_question_again_where_lists_are_behind(
    shared_world: World, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered, other, token = await differing(company), await differing(company), tokens.new()
    limits = {"accounts": (f"zero_friction/{company.account}",)}
    known = {"clerk": caller(token, Scope.READ, Scope.OPERATE, **limits)}
    truly = inbox._waiting
    listed: list[Any] = []

    async def look(*of: Any) -> Any:
        """As it was when both were first listed."""
        if not listed or len(listed[-1][0]) < 2:
            listed.append(await truly(*of))
        return listed[-1]

    monkeypatch.setattr(inbox, "_waiting", look)
    async with console_over(shared_world.client, known) as gateway:
        browser = Browser(gateway.url)
        await browser.sign_in(token)
        await until(browser, "/console/", lambda page: {answered, other} <= {*_references(page)})
        form = (await browser.get(f"/console/invoices/{answered}")).form("/resolve", "abandon")
        await browser.send(form, ("answer", "abandon"), reason="not this one")
        page = await browser.get("/console/")
        assert _references(page) == [other]
        assert "1 invoice or order waits." in page.text

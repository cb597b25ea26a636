"""The list of invoices from the register: chosen, added up, taken; and to each its own."""

from __future__ import annotations

import contextlib
import csv
from collections.abc import AsyncIterator
from datetime import date, timedelta
from decimal import Decimal
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from babel import Locale

from console import booked as listing
from console.app import WHERE
from console.reader import Reader as Writes
from gateway import tokens
from invoicing.books.booked import Total, Wanted
from invoicing.errors import Unavailable
from invoicing.temporal.lists import CUT_OFF
from register import opened
from register.reading import Reader
from settings.callers import Scope
from tests.console.browser import Browser, Page, console_over, people
from tests.console.conftest import signed_in
from tests.console.test_typed import NASTY
from tests.gateway.door import TOKENS, Gateway, caller
from tests.lifecycle.world import World
from tests.register.said import NOON, a_claim, a_record, a_row, lines
from tests.tiers import detail, slow

GROSS = Decimal("121.00")
LATE = date(2026, 6, 10)
ROWS: dict[str, dict[str, Any]] = {
    "A-1": {"account": "shop", "buyer": "Bakker & Zn", "due_date": LATE, "paid": Decimal("21.00")},
    "A-2": {"status": "paid", "payment": "paid", "paid": GROSS, "ended": True, "due_date": LATE},
    "B-1": {"provider": "invoro", "currency": "USD", "buyer": "O'Neill", "number": "X-5"},
    "B-2": {"issue_date": date(2026, 7, 3), "gross": Decimal("1210.00"), "number": None},
}
LIMITED = {
    "by reference": {"references": ("B-",)},
    "by account": {"accounts": ("mollie/shop",)},
}
KEYS = {name: tokens.new() for name in LIMITED}


@pytest.fixture(scope="module")
async def gateway(
    shared_world: World, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Gateway]:
    place = str(tmp_path_factory.mktemp("register") / "register.db")
    books = opened(place)
    for count, (reference, row) in enumerate(ROWS.items()):
        await books.claim(a_claim(reference))
        given = {"issue_date": date(2026, 6, 2), "number": f"N-{count}", **row}
        call = a_record(lines(1, 1), a_row(**given), reference)
        await books.record(call.model_copy(update={"began": NOON + timedelta(minutes=count)}))
    books.close()
    limited = {name: caller(KEYS[name], Scope.READ, **LIMITED[name]) for name in LIMITED}
    with contextlib.closing(Reader(place)) as reader:
        async with console_over(shared_world.client, people() | limited, books=reader) as made:
            yield made


@pytest.fixture
async def clerk(gateway: Gateway) -> Browser:
    """Somebody who may look, and nothing else."""
    return await signed_in(gateway, "read")


async def listed(browser: Browser, **query: str) -> Page:
    page = await browser.get("/console/invoices", params=query)
    assert page.status == 200, page.text
    return page


def references(page: Page) -> list[str]:
    """In the order of their rows."""
    begin = f"{WHERE}/invoices/"
    return [link.removeprefix(begin) for link in page.links() if link.startswith(begin)]


async def test_each_invoice_is_there_with_its_money_the_latest_first(clerk: Browser) -> None:
    page = await listed(clerk)
    assert references(page) == ["B-2", "B-1", "A-2", "A-1"]
    row = "A-1 sent Bakker & Zn mollie / shop N-0 Jun 2, 2026 Jun 10, 2026 overdue €121.00 €21.00"
    assert f"{row} €100.00" in page.text
    assert page.text.count("overdue") == 1


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"text": "n-0"}, ["A-1"]),
        ({"status": "paid"}, ["A-2"]),
        ({"payment": "paid"}, ["A-2"]),
        ({"provider": "invoro"}, ["B-1"]),
        ({"account": "shop"}, ["A-1"]),
        ({"buyer": "o'n"}, ["B-1"]),
        ({"currency": "USD"}, ["B-1"]),
        ({"since": "2026-07-01"}, ["B-2"]),
        ({"until": "2026-06-30"}, ["B-1", "A-2", "A-1"]),
        ({"amount_from": "1210"}, ["B-2"]),
        ({"amount_from": "1209,99"}, ["B-2"]),
        ({"amount_to": "121.00"}, ["B-1", "A-2", "A-1"]),
        ({"running": "false"}, ["A-2"]),
        ({"running": "true"}, ["B-2", "B-1", "A-1"]),
        ({"overdue": "true"}, ["A-1"]),
        ({"text": "", "status": " ", "nonsense": "x"}, ["B-2", "B-1", "A-2", "A-1"]),
        ({"text": "nobody"}, []),
    ],
)
async def test_what_is_chosen_is_listed_and_stays_filled_in(
    clerk: Browser, query: dict[str, str], found: list[str]
) -> None:
    page = await listed(clerk, **query)
    assert references(page) == found
    assert ("There are none." in page.text) is (not found)
    filled = {given.get("name"): given.get("value") for tag, given in page.tags if tag == "input"}
    for name, value in query.items():
        if name in filled:
            assert filled[name] == value.strip()


async def test_what_is_chosen_is_added_up_by_currency_and_rate(clerk: Browser) -> None:
    page = await listed(clerk)
    assert "EUR 2 €200.00 €42.00 €242.00 €242.00 €142.00 €0.00" in page.text
    assert "USD 1 $100.00 $21.00 $121.00 $121.00 $0.00 $0.00" in page.text
    assert "EUR 21 % (S) €200.00 €42.00" in page.text
    page = await listed(clerk, account="shop")
    assert "EUR 1 €100.00 €21.00 €121.00 €121.00 €21.00 €0.00" in page.text
    assert "USD" not in page.text.partition("What the final ones")[2]
    assert "None of these is final." in (await listed(clerk, since="2026-07-01")).text


MISTAKES = [
    ({"amount_from": "a lot"}, "amount_from", "must be a number"),
    ({"amount_from": "1.250,00"}, "amount_from", "write a point before the decimals"),
    ({"amount_from": "2", "amount_to": "1"}, "amount_to", "is less than the lowest one"),
    ({"since": "2026-07-01", "until": "2026-06-01"}, "until", "is before the first day"),
    ({"since": "yesterday"}, "since", "must be a date such as"),
    ({"currency": "eur"}, "currency", "write it in capitals: EUR"),
    ({"status": "nonsense"}, "status", "must be one of"),
    ({"running": "perhaps"}, "running", "must be true or false"),
    ({"provider": "Mollie BV"}, "provider", "must be the provider's name in small letters"),
]


@pytest.mark.parametrize(("query", "name", "says"), MISTAKES)
async def test_a_mistake_stands_beside_its_field_and_nothing_is_lost(
    clerk: Browser, query: dict[str, str], name: str, says: str
) -> None:
    page = await clerk.get("/console/invoices", params={"text": "kept", **query})
    assert page.status == 422
    assert says in page.text
    (about,) = [given for _, given in page.tags if given.get("aria-invalid")]
    assert (about["name"], about["aria-describedby"]) == (name, f"{name}-mistake")
    filled = {given.get("name"): given.get("value") for tag, given in page.tags if tag == "input"}
    assert filled["text"] == "kept"
    assert filled.get(name, "chosen") in (query[name], "chosen")
    assert references(page) == []
    file = await clerk.get("/console/books/file", params=query)
    assert (file.status, says in file.text) == (422, True)


async def test_pages_follow_each_other_and_keep_what_is_chosen(
    clerk: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "ROWS", 2)
    first = await listed(clerk, until="2026-06-30")
    assert references(first) == ["B-1", "A-2"]
    (after,) = [link for link in first.links() if "cursor" in link]
    second = await clerk.get(after)
    assert references(second) == ["A-1"]
    assert f"{WHERE}/invoices?until=2026-06-30" in second.links()
    # A cursor of nobody's is no mistake of a field.
    assert (await clerk.get("/console/invoices", params={"cursor": "!"})).status == 422


def link_to(page: Page, kind: str) -> str:
    """Where the file is taken."""
    (found,) = [link for link in page.links() if f"format={kind}" in link]
    return found


@pytest.mark.parametrize(
    ("language", "separator", "amount"), [("en", ",", "121.00"), ("nl-NL", ";", "121,00")]
)
async def test_what_is_seen_is_taken_as_a_file_that_the_reader_s_spreadsheet_opens(
    gateway: Gateway, clerk: Browser, language: str, separator: str, amount: str
) -> None:
    page = await listed(clerk, account="shop", buyer="bakker & zn")
    how = {"headers": {"Accept-Language": language}}
    answer = await clerk.ask("GET", link_to(page, "csv"), **how)
    assert answer.headers["content-disposition"] == 'attachment; filename="invoices.csv"'
    text = answer.text.lstrip("\ufeff")
    (row,) = csv.DictReader(StringIO(text), delimiter=separator)
    assert (row["reference"], row["gross"]) == ("A-1", amount)
    book = openpyxl.load_workbook(BytesIO((await clerk.ask("GET", link_to(page, "xlsx"))).content))
    assert [row[0] for row in book["invoices"].values] == ["reference", "A-1"]


async def test_a_file_of_another_kind_is_refused(clerk: Browser) -> None:
    page = await clerk.get("/console/books/file", params={"format": "exe"})
    assert page.status == 422


async def saved(browser: Browser, name: str, **query: str) -> Page:
    """Save the list with these filters by the form of its page."""
    page = await browser.get("/console/invoices", params=query)
    return await browser.send(page.form("/lists"), name=name)


async def forgotten(browser: Browser, name: str) -> Page:
    page = await listed(browser)
    (form,) = [one for one in page.forms if ("name", name) in one.fields]
    return await browser.send(form)


def saved_in(page: Page) -> list[str]:
    """The names of the saved lists that a page offers."""
    return [dict(one.fields)["name"] for one in page.forms if one.action.endswith("/forget")]


@detail
async def test_a_saved_list_is_there_again_in_another_browser_until_it_is_forgotten(
    gateway: Gateway, clerk: Browser
) -> None:
    page = await saved(clerk, "Shop, overdue", account="shop", overdue="true")
    assert (page.status, page.path) == (200, "/console/invoices")
    assert "The list is saved." in page.text
    assert references(page) == ["A-1"]
    other = await signed_in(gateway, "read")
    assert saved_in(await listed(other)) == ["Shop, overdue"]
    (link,) = [each for each in (await listed(other)).links() if "account=shop" in each][:1]
    assert references(await other.get(link)) == ["A-1"]
    # Nobody else's.
    assert saved_in(await listed(await signed_in(gateway, "operate"))) == []
    # The same name again replaces it.
    await saved(clerk, "Shop, overdue", provider="invoro")
    page = await listed(clerk)
    assert saved_in(page) == ["Shop, overdue"]
    assert [each for each in page.links() if each.endswith("?provider=invoro")]
    assert saved_in(await forgotten(clerk, "Shop, overdue")) == []


@pytest.mark.parametrize(("name", "says"), [("", "must not be empty"), ("x" * 61, "at most 60")])
async def test_a_name_that_is_none_is_said_beside_it_and_the_list_stays(
    clerk: Browser, name: str, says: str
) -> None:
    page = await saved(clerk, name, account="shop")
    assert (page.status, says in page.text) == (422, True)
    assert references(page) == ["A-1"]
    filled = {given.get("name"): given.get("value") for tag, given in page.tags if tag == "input"}
    assert (filled["name"], filled["account"]) == (name, "shop")
    assert saved_in(page) == []


@slow
async def test_more_than_twenty_lists_are_refused(gateway: Gateway) -> None:
    browser = await signed_in(gateway, "all")
    for count in range(20):
        assert (await saved(browser, f"list {count}")).status == 200
    page = await saved(browser, "one more", account="shop")
    assert (page.status, references(page)) == (409, ["A-1"])
    assert "the most there may be: forget one" in page.text
    assert (await saved(browser, "list 7", account="shop")).status == 200


@pytest.mark.parametrize("path", ["lists", "lists/forget"])
async def test_a_list_is_saved_or_forgotten_by_a_form_of_this_session_alone(
    gateway: Gateway, clerk: Browser, path: str
) -> None:
    other = await signed_in(gateway, "operate")
    token = (await listed(other)).form("/lists").hidden("form_token")
    for given in ({"name": "x"}, {"name": "x", "form_token": token}):
        answer = await clerk.ask("POST", f"/console/{path}", data=given)
        assert answer.status_code == 403
    site = {"headers": {"Origin": "https://evil.example"}}
    mine = {"name": "x", "form_token": (await listed(clerk)).form("/lists").hidden("form_token")}
    assert (await clerk.ask("POST", f"/console/{path}", data=mine, **site)).status_code == 403
    assert saved_in(await listed(clerk)) == []


async def test_a_saved_list_lists_what_its_owner_may_see(gateway: Gateway) -> None:
    browser = Browser(gateway.url)
    await browser.sign_in(KEYS["by reference"])
    page = await saved(browser, "everything of mollie's", provider="mollie")
    assert references(page) == ["B-2"]
    await forgotten(browser, "everything of mollie's")


@pytest.mark.parametrize("typed", NASTY)
async def test_the_name_of_a_saved_list_is_text(clerk: Browser, typed: str) -> None:
    page = await saved(clerk, typed, text=typed)
    assert page.status == 200
    seen = " ".join(typed.replace("\u2028", "\N{REPLACEMENT CHARACTER}").split())
    assert f"Forget {seen}" in page.text
    (form,) = [one for one in page.forms if one.action.endswith("/forget")]
    # What a page shows as a sign is not sent back as it was: it is forgotten over REST.
    if "\u2028" not in typed:
        assert saved_in(await clerk.send(form)) == []


async def test_a_list_that_rest_saved_is_offered_with_all_that_it_asks_for(
    gateway: Gateway, browser: Browser
) -> None:
    door = gateway.bearer(TOKENS["read"])
    filters = {"prefix": "A-", "too_much": False, "due_before": "2026-06-11", "running": True}
    answer = await door.post("/v1/lists", {"name": "rest's", "filters": filters})
    assert answer.status_code == 200
    clerk = await signed_in(gateway, "read")
    (link,) = [each for each in (await listed(clerk)).links() if "prefix=A-" in each]
    page = await clerk.get(link)
    assert references(page) == ["A-1"]
    assert "Due before" in page.text
    assert (await door.post("/v1/lists/forget", {"name": "rest's"})).status_code == 200


@pytest.mark.parametrize("typed", NASTY)
async def test_what_is_typed_into_the_form_is_text(clerk: Browser, typed: str) -> None:
    """`clerk` checks every page for markup."""
    page = await listed(clerk, text=typed)
    assert references(page) == []
    filled = {given.get("name"): given.get("value") for tag, given in page.tags if tag == "input"}
    assert filled["text"] == typed.replace("\u2028", "\N{REPLACEMENT CHARACTER}").strip()
    page = await clerk.get("/console/invoices", params={"amount_from": typed, "status": typed})
    assert page.status == 422


@pytest.mark.parametrize(
    ("limited", "own", "sum_"),
    [("by reference", ["B-2", "B-1"], "USD 1 $100.00"), ("by account", ["A-1"], "EUR 1 €100.00")],
)
async def test_a_limited_caller_sees_adds_up_and_takes_its_own_alone(
    gateway: Gateway, limited: str, own: list[str], sum_: str
) -> None:
    browser = Browser(gateway.url)
    await browser.sign_in(KEYS[limited])
    page = await listed(browser)
    assert references(page) == own
    sums = page.text.partition("What the final ones")[2]
    assert sum_ in sums
    assert ("EUR" in sums, "USD" in sums) == ("EUR" in sum_, "USD" in sum_)
    answer = await browser.ask("GET", link_to(page, "csv"))
    rows = csv.DictReader(StringIO(answer.text.lstrip("\ufeff")))
    assert [row["reference"] for row in rows] == own
    assert references(await listed(browser, text="A-2")) == []


async def test_who_has_not_signed_in_takes_no_file(gateway: Gateway) -> None:
    answer = await Browser(gateway.url).ask("GET", "/console/books/file?format=csv")
    assert answer.status_code == 303
    assert "/sign-in" in answer.headers["location"]


async def test_what_was_cut_off_is_listed_by_the_server(clerk: Browser) -> None:
    page = await listed(clerk, status=CUT_OFF)
    assert "this list is the workflow server's own" in page.text


async def test_without_a_register_the_list_says_why_there_is_no_more(browser: Browser) -> None:
    page = await listed(browser, status="sent")
    assert "there is no register here" in page.text
    assert (await browser.get("/console/books/file")).status == 404


@detail
async def test_while_the_register_is_away_there_is_the_server_s_list(
    shared_world: World, tmp_path: Path
) -> None:
    with contextlib.closing(Reader(str(tmp_path / "nothing.db"))) as reader:
        async with console_over(shared_world.client, books=reader) as made:
            browser = await signed_in(made, "read")
            page = await listed(browser, provider="mollie")
            assert "The register does not answer now" in page.text
            file = await browser.get("/console/books/file", params={"provider": "mollie"})
            assert file.status == 503


class Slow(Reader):
    """A register that gives a page, and does not add up in time."""

    async def totals(self, wanted: Wanted) -> tuple[Total, ...]:
        raise Unavailable("the register did not answer in time")


async def test_rows_are_shown_where_sums_take_too_long(shared_world: World, tmp_path: Path) -> None:
    place = str(tmp_path / "register.db")
    books = opened(place)
    await books.claim(a_claim("A-1"))
    await books.record(a_record(lines(1, 1), reference="A-1"))
    books.close()
    with contextlib.closing(Slow(place)) as reader:
        async with console_over(shared_world.client, books=reader) as made:
            page = await listed(await signed_in(made, "read"))
            assert references(page) == ["A-1"]
            assert "The register could not say in time what they come to" in page.text


@pytest.mark.parametrize(
    ("language", "decimal"), [("en", "point"), ("de", "comma"), ("en-ZA", "comma"), ("ja", "point")]
)
def test_a_reader_s_decimals_are_those_of_the_language(language: str, decimal: str) -> None:
    assert Writes(Locale.parse(language, sep="-"), NOON.tzinfo).decimal == decimal  # type: ignore[arg-type]

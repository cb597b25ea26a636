"""Many invoices of one file: looked through, asked for, followed, and the result taken."""

from __future__ import annotations

import csv

import pytest

from invoicing.errors import NotFound
from tests.batches import HEADER, a_row, some
from tests.console.browser import Browser, Page
from tests.console.conftest import signed_in
from tests.console.test_typed import NASTY
from tests.gateway.door import Gateway
from tests.lifecycle.world import Company
from tests.tiers import detail


@pytest.fixture
async def starter(console: Gateway) -> Browser:
    """Somebody who may ask for invoices."""
    return await signed_in(console, "start")


def a_sheet(*rows: str) -> bytes:
    return "\n".join((HEADER, *rows)).encode()


async def dropped(browser: Browser, content: bytes, name: str = "june.csv", **typed: str) -> Page:
    page = await browser.get("/console/batch")
    return await browser.send(
        page.form("/batch"), ("doing", "look"), chosen=(name, content), typed=typed
    )


async def pressed(browser: Browser, page: Page, doing: str) -> Page:
    return await browser.send(page.form("/batch"), ("doing", doing))


async def test_a_file_is_previewed_started_followed_and_its_result_taken(
    company: Company, starter: Browser
) -> None:
    one, other = some("PAGE", company, 2)
    bad = a_row("BAD-1", company.account, **{"line.quantity": "many"})
    rows = (a_row(one, company.account), a_row(other, company.account), bad)
    page = await dropped(starter, a_sheet(*rows))
    assert page.status == 200
    assert "june.csv: 3 invoices 2 not asked for yet 1 not possible" in page.text
    assert f"{one} 2 €72.56 not asked for yet" in page.text
    assert "come to €145.12" in page.text
    assert "Lines 1 · Quantity: must be a number" in page.text
    with pytest.raises(NotFound):
        await company.client.invoices.listed(one)

    started = await pressed(starter, page, "start")
    assert "2 asked for now 1 not possible" in started.text
    for each in (one, other):
        await company.finished(each)
    again = await pressed(starter, started, "start") if "Ask for" in started.text else started
    seen = await pressed(starter, again, "look")
    assert "2 asked for before" in seen.text
    assert "2 sent" in seen.text
    assert f"/console/invoices/{one}" in seen.links()

    form = seen.form("/batch")
    fields = {**dict(form.fields), "doing": "result"}
    file = await starter.ask("POST", form.action, data=fields)
    assert file.headers["content-type"].startswith("text/csv")
    assert file.headers["content-disposition"] == 'attachment; filename="june.result.csv"'
    told = {each["reference"]: each for each in csv.DictReader(file.text.splitlines())}
    assert (told[one]["outcome"], told[one]["status"], told[one]["gross"]) == (
        "known",
        "sent",
        "72.56",
    )
    assert told["BAD-1"]["why"]


async def test_starting_twice_is_starting_once(company: Company, starter: Browser) -> None:
    (reference,) = some("TWICE", company)
    page = await dropped(starter, a_sheet(a_row(reference, company.account)))
    for outcome in ("1 asked for now", "1 asked for before"):
        assert outcome in (await pressed(starter, page, "start")).text


@detail
async def test_what_the_file_leaves_open_is_asked_on_the_page(
    company: Company, starter: Browser
) -> None:
    (reference,) = some("ASKED", company)
    row = a_row(reference, company.account, **{"line.unit_price": "1.250"})
    page = await dropped(starter, a_sheet(row))
    assert page.status == 422
    assert "say decimal comma or point" in page.text
    # The file is carried along: it is not chosen again.
    form = page.form("/batch")
    assert form.hidden("name") == "june.csv"
    said = await starter.send(form, ("doing", "look"), decimal="comma")
    assert "€4,537.50" in said.text
    assert "1 asked for now" in (await pressed(starter, said, "start")).text


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("june.ods", b"x", "must end in .csv or .xlsx"),
        ("june.xlsx", b"PK no zip", "This is no XLSX file."),
        ("june.csv", b"", "The file is empty"),
        ("june.csv", b"provider\nmollie\n", "reference"),
        ("", b"", "Choose a file first."),
    ],
)
async def test_what_is_no_file_of_requests_is_said(
    starter: Browser, name: str, content: bytes, said: str
) -> None:
    page = await dropped(starter, content, name)
    assert page.status == 422
    assert said in page.text


@pytest.mark.parametrize("typed", [each for each in NASTY if "\u2028" not in each])
async def test_what_stands_in_a_file_and_its_name_is_text(
    company: Company, starter: Browser, typed: str
) -> None:
    """`browser` checks every page for markup."""
    quoted = '"' + typed.replace('"', '""') + '"'
    rows = (f"{HEADER},{quoted}", f"{a_row('T-1', company.account)},x")
    page = await dropped(starter, "\n".join(rows).encode(), f"{typed}.csv")
    assert page.status == 422
    assert f"row 2, {' '.join(typed.split())}" in page.text
    assert "is no field of a request" in page.text


@detail
async def test_who_may_not_start_has_no_batch(browser: Browser, looker: Browser) -> None:
    for each in (browser, looker):
        assert "/console/batch" not in (await each.get("/console/")).links()
        assert (await each.get("/console/batch")).status == 403
        token = (await each.get("/console/")).form("/sign-out").hidden("form_token")
        data = {"form_token": token, "doing": "start"}
        files = {"file": ("june.csv", a_sheet(a_row("NEVER-1")))}
        answer = await each.ask("POST", "/console/batch", data=data, files=files)
        assert answer.status_code == 403


async def test_no_file_is_taken_from_another_page(company: Company, starter: Browser) -> None:
    (reference,) = some("OTHER", company)
    files = {"file": ("june.csv", a_sheet(a_row(reference, company.account)))}
    token = (await starter.get("/console/batch")).form("/batch").hidden("form_token")
    for data, headers in (
        ({"doing": "start"}, {}),
        ({"doing": "start", "form_token": "x"}, {}),
        ({"doing": "start", "form_token": token}, {"Origin": "https://evil.example"}),
        ({"doing": "start", "form_token": token}, {"Sec-Fetch-Site": "cross-site"}),
    ):
        answer = await starter.ask(
            "POST", "/console/batch", data=data, files=files, headers=headers
        )
        assert answer.status_code == 403
    with pytest.raises(NotFound):
        await company.client.invoices.listed(reference)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no boundary at all",
        b"--b\r\nno head\r\n--b--\r\n",
        b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\n1\r\n',
        b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\n\xff\r\n--b--\r\n',
        b"--b\r\n" * 300 + b"--b--\r\n",
        b'--b\r\nContent-Disposition: form-data%b; name="x"\r\n\r\n1\r\n--b--\r\n'
        % (b";" * 900_000),
    ],
)
async def test_a_broken_form_is_refused(starter: Browser, body: bytes) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    answer = await starter.ask("POST", "/console/batch", content=body, headers=headers)
    assert answer.status_code == 400
    assert "could not be read" in answer.text


async def test_a_boundary_with_more_around_it_than_a_browser_writes_is_refused(
    starter: Browser,
) -> None:
    body = b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\n1\r\n--b--\r\n'
    for more, status in (("", 403), (';a="' + ";" * 5_000, 400)):
        headers = {"Content-Type": f"multipart/form-data; boundary=b{more}"}
        answer = await starter.ask("POST", "/console/batch", content=body, headers=headers)
        assert answer.status_code == status


@detail
async def test_a_file_is_bounded_chosen_or_carried_along(starter: Browser) -> None:
    page = await dropped(starter, b"x" * 1_030_000)
    assert page.status == 413
    token = (await starter.get("/console/batch")).form("/batch").hidden("form_token")
    data = {"form_token": token, "name": "june.csv", "doing": "look"}
    for kept, status in (("eHg=" * 340_000, 422), ("no base64!", 422)):
        answer = await starter.ask("POST", "/console/batch", data={**data, "kept": kept})
        assert answer.status_code == status
    answer = await starter.ask("POST", "/console/batch", data={**data, "kept": "eHh4" * 340_000})
    assert answer.status_code == 413

"""A document that is corrected by a form: its fields, their mistakes beside them, its lines."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from console.drafting import MOST_FIELDS, NOT_SENT
from invoicing.state.invoice import Status
from sandbox.zero_friction import Step, Told
from tests.console.browser import Browser, Page
from tests.console.scenes import WHY, differing
from tests.examples import a_line
from tests.lifecycle.world import Company
from tests.tiers import detail, slow

SEND, CHECK = ("answer", "correct"), ("check", "yes")


async def opened(company: Company, browser: Browser, **changes: Any) -> tuple[str, Page]:
    reference = await differing(company, **changes)
    page = await browser.get(f"/console/invoices/{reference}")
    assert f"/console/invoices/{reference}/correct" in page.links()
    return reference, await browser.get(f"/console/invoices/{reference}/correct")


def wrong(page: Page) -> list[str]:
    return [given["name"] for _, given in page.tags if given.get("aria-invalid")]


async def test_a_document_is_corrected_field_by_field(company: Company, browser: Browser) -> None:
    reference, page = await opened(company, browser)
    done = await browser.send(
        page.form("/correct"),
        SEND,
        typed={"document.lines[0].name": "Meter replaced"},
        reason=WHY,
    )
    assert (done.status, done.path) == (200, f"/console/invoices/{reference}")
    assert "Your answer was taken" in done.text
    assert (await company.finished(reference)).status is Status.SENT
    journal = await company.client.invoices.journal(reference)
    said = [each for each in journal.entries if each.reason == WHY]
    assert {(each.by, each.proven) for each in said} == {("operate", "operate")}


@detail
async def test_mistakes_stand_beside_their_fields_and_nothing_has_happened(
    company: Company, browser: Browser
) -> None:
    reference, page = await opened(company, browser)
    bad = {
        "document.currency": "XXQ",
        "document.lines[0].quantity": "many",
        "document.due_date": "2020-01-01",
    }
    for button, reason in ((CHECK, ""), (SEND, WHY)):
        again = await browser.send(page.form("/correct"), button, typed=bad, reason=reason)
        assert (again.status, wrong(again)) == (
            422,
            ["document.currency", "document.lines[0].quantity"],
        )
        assert json.loads(again.form("/correct").hidden("written"))["document"]["currency"] == "XXQ"
    assert again.form("/correct").hidden("reason") == WHY
    without = await browser.send(page.form("/correct"), SEND, reason=" ")
    assert (without.status, wrong(without)) == (422, ["reason"])
    assert (await company.client.invoices.state(reference)).status is Status.NEEDS_ATTENTION


@detail
async def test_lines_are_added_and_taken_out_by_buttons(company: Company, browser: Browser) -> None:
    reference, page = await opened(company, browser)
    count = page.text.count("Name of the line")
    page = await browser.send(page.form("/correct"), ("add", "document.lines"))
    assert page.text.count("Name of the line") == count + 1
    path = f"document.lines[{count}]"
    checked = await browser.send(page.form("/correct"), CHECK)
    assert {f"{path}.name", f"{path}.quantity"} <= {*wrong(checked)}
    typed = {f"{path}.name": "Visit", f"{path}.quantity": "1", f"{path}.unit_price": "10.00"}
    page = await browser.send(
        checked.form("/correct"), CHECK, typed={**typed, f"{path}.vat.rate": "21"}
    )
    assert "Nothing is missing or wrong. It comes to €137.13 with VAT." in page.text
    page = await browser.send(page.form("/correct"), ("remove", path))
    page = await browser.send(page.form("/correct"), CHECK)
    assert "It comes to €125.03 with VAT." in page.text
    assert (await company.client.invoices.state(reference)).status is Status.NEEDS_ATTENTION


@detail
async def test_of_many_lines_the_one_with_the_mistake_is_turned_to(
    company: Company, browser: Browser
) -> None:
    lines = tuple(a_line(number) for number in range(1, 36))
    _, page = await opened(company, browser, document={"lines": lines})
    assert "1 to 10 of 35" in page.text
    assert len(re.findall(r'name="document\.lines\[\d+\]\.id"', page.answer.text)) == 10
    for first in ("10", "20"):
        page = await browser.send(page.form("/correct"), ("turn", first))
    typed = {"document.lines[22].quantity": "0"}
    for first in ("10", "0"):
        page = await browser.send(page.form("/correct"), ("turn", first), typed=typed)
        typed = {}
    again = await browser.send(page.form("/correct"), CHECK)
    assert "21 to 30 of 35" in again.text
    assert wrong(again) == ["document.lines[22].quantity"]


@detail
async def test_options_are_corrected_too(company: Company, browser: Browser) -> None:
    reference, page = await opened(company, browser)
    typed = {"options.channel": "mark_sent"}
    await browser.send(page.form("/correct"), SEND, typed=typed, reason=WHY)
    assert (await company.finished(reference)).status is Status.SENT


@detail
async def test_what_was_corrected_before_is_what_the_form_begins_with(
    company: Company, browser: Browser
) -> None:
    reference, page = await opened(company, browser)
    company.stand_in.faults.place(step=Step.CREATE, fault=Told.CHANGED_AMOUNT)
    typed = {"document.lines[0].name": "Corrected once", "options.channel": "mark_sent"}
    await browser.send(page.form("/correct"), SEND, typed=typed, reason=WHY)
    await company.stand_in.reached(Step.CREATE, 2)
    await company.parked(reference)
    page = await browser.get(f"/console/invoices/{reference}/correct")
    written = json.loads(page.form("/correct").hidden("written"))
    assert written["document"]["lines"][0]["name"] == "Corrected once"
    assert written["options"]["channel"] == "mark_sent"


@slow
async def test_only_whoever_may_answer_and_only_what_is_asked_is_corrected(
    company: Company, browser: Browser, looker: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    reference, page = await opened(company, browser)
    path = f"/console/invoices/{reference}/correct"
    assert (await looker.ask("GET", path)).status_code == 403
    form = page.form("/correct")
    data = {**dict(form.fields), "check": "yes"}
    assert (await browser.ask("POST", path, data={**data, "form_token": "x"})).status_code == 403
    for written in ("", "{", "[]", '{"document": 1}'):
        answer = await browser.ask("POST", path, data={**data, "written": written})
        assert answer.status_code in (400, 422)
    many = {f"document.x{number}": "1" for number in range(MOST_FIELDS)}
    assert (await browser.ask("POST", path, data={**data, **many})).status_code == 400
    caplog.clear()
    with caplog.at_level("INFO", "invoicing.gateway.requests"):
        await browser.send(form, CHECK)
    assert f"outcome={NOT_SENT}" in caplog.text
    other = await browser.get(f"/console/invoices/{reference}")
    await browser.send(other.form("/resolve"), ("answer", "abandon"), reason=WHY)
    late = await browser.send(form, SEND, reason="late")
    assert late.status == 409
    await company.until_status(reference, Status.ABANDONED)
    assert (await browser.get(path)).path == f"/console/invoices/{reference}"

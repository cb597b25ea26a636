"""What a person does at the console, by its forms alone: every page, every form."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import uuid
from collections.abc import AsyncIterator, Callable
from datetime import date
from typing import Any

import pytest

from console.words import Words
from gateway.visits import log
from invoicing.invoice import Invoice, Status
from invoicing.order import Deliver
from invoicing.provider import Event
from invoicing.questions import Reason
from invoicing.request import Goal
from sandbox.zero_friction import Step, Told
from tests.console.browser import Browser, Page, console_over
from tests.console.conftest import signed_in
from tests.gateway.door import Gateway
from tests.gateway.test_orders import an_order
from tests.lifecycle.world import Company, World

WHY = "mended at the provider"


async def differing(company: Company, **changes: Any) -> str:
    """An invoice whose figures are not ours at the provider; parked."""
    company.stand_in.faults.place(step=Step.CREATE, fault=Told.CHANGED_AMOUNT)
    reference = await company.start(**changes)
    await company.parked(reference)
    return reference


async def refused(company: Company, times: int = 1) -> str:
    """An invoice that the provider refuses so often; parked."""
    company.stand_in.faults.place(Step.CREATE, Told.SUCCESS_FALSE, times=times)
    reference = await company.start()
    await company.parked(reference)
    return reference


async def held(company: Company) -> str:
    reference = await company.start(hold=True)
    await company.until_status(reference, Status.HELD)
    return reference


async def until(
    browser: Browser, path: str, sure: Callable[[Page], bool], within: float = 20
) -> Page:
    """The page once it is so: lists are a moment behind."""
    async with asyncio.timeout(within):
        while not sure(page := await browser.get(path)):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        return page


async def everywhere(browser: Browser, name: str) -> Page:
    """The inbox's page that shows it; others' rows may fill the first."""
    async with asyncio.timeout(20):
        number = 1
        while (
            f">{name}<"
            not in (
                page := await browser.get("/console/", params={"page": str(number)})
            ).answer.text
        ):
            number = number + 1 if f"?page={number + 1}" in page.answer.text else 1
            await asyncio.sleep(0.05)
        return page


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


async def test_one_that_nobody_answers_for_is_listed_all_the_same(
    company: Company, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By what lists know: the others are not to wait for it."""
    wrong = await differing(company)
    await everywhere(browser, wrong)
    monkeypatch.setattr("console.subjects.PATIENCE", 0.0)
    page = await everywhere(browser, wrong)
    assert "cannot be shown now" in page.text
    assert "the provider's figures are not ours" in page.text


# --- the question ---------------------------------------------------------------------------------


async def test_a_question_is_shown_with_both_figures_and_answered(
    company: Company, browser: Browser
) -> None:
    reference = await differing(company)
    path = f"/console/invoices/{reference}"
    page = await browser.get(path)
    figures = "gross €125.03 €125.04 0.01 more"
    assert figures in page.text
    assert "compare again: it is mended at the provider" in page.text
    form = page.form("/resolve", "retry")
    assert "reason" in form.typed
    company.stand_in.faults.clear()
    answered = await browser.send(form, ("answer", "abandon"), reason=WHY)
    assert (answered.status, answered.path) == (200, path)
    assert "Your answer was taken" in answered.text
    await company.until_status(reference, Status.ABANDONED)
    journal = await company.client.journal(reference)
    (entry,) = [each for each in journal.entries if each.reason == WHY]
    assert (entry.by, entry.proven) == ("operate", "operate")
    shown = (await browser.get(path)).text
    assert f"operate, proven {WHY}" in shown


@pytest.mark.parametrize("reason", ["", "   ", "x" * 1001])
async def test_no_answer_is_taken_without_a_reason(
    company: Company, browser: Browser, reason: str
) -> None:
    reference = await differing(company)
    page = await browser.get(f"/console/invoices/{reference}")
    again = await browser.send(page.form("/resolve"), ("answer", "retry"), reason=reason)
    assert again.status == 422
    assert "Nothing has changed yet" in again.text
    wrong = [given for tag, given in again.tags if given.get("aria-invalid")]
    assert [given["name"] for given in wrong] == ["reason"]
    assert (await company.client.state(reference)).status is Status.NEEDS_ATTENTION


async def test_an_answer_to_a_question_that_has_moved_on_is_told_so(
    company: Company, browser: Browser
) -> None:
    """Two browsers with one question: the second one's answer answers nothing else."""
    reference = await refused(company, times=2)
    path = f"/console/invoices/{reference}"
    mine, theirs = (await browser.get(path)).form("/resolve"), await browser.get(path)
    await browser.send(theirs.form("/resolve"), ("answer", "retry"), reason=WHY)
    await company.stand_in.reached(Step.CREATE, 2)
    now = await company.parked(reference)
    assert now.problem
    assert now.problem.question != mine.hidden("question")
    late = await browser.send(mine, ("answer", "retry"), reason="late")
    assert late.status == 409
    assert "that question is not open any more" in late.text
    assert late.form("/resolve").hidden("question") == now.problem.question
    journal = await company.client.journal(reference)
    assert not [each for each in journal.entries if each.reason == "late"]


async def test_a_form_that_is_sent_twice_is_carried_out_once(
    company: Company, browser: Browser
) -> None:
    reference = await refused(company, times=2)
    form = (await browser.get(f"/console/invoices/{reference}")).form("/resolve")
    first = await browser.send(form, ("answer", "retry"), reason=WHY)
    await company.stand_in.reached(Step.CREATE, 2)
    await company.parked(reference)
    second = await browser.send(form, ("answer", "retry"), reason=WHY)
    assert [first.status, second.status] == [200, 200]
    journal = await company.client.journal(reference)
    assert len([each for each in journal.entries if each.reason == WHY]) == 1


async def test_a_document_is_corrected_and_its_mistakes_stand_beside_it(
    company: Company, browser: Browser
) -> None:
    reference = await differing(company)
    page = await browser.get(f"/console/invoices/{reference}")
    form = page.form("/resolve", "correct")
    written = json.loads(form.hidden("document"))
    assert written["buyer"]["name"] == "Canary Energy BV"
    for wrong, says in (
        ("{", "document"),
        ("[]", "document"),
        (json.dumps({**written, "currency": "XXQ"}), "document.currency"),
        (json.dumps({**written, "lines": [{}]}), "document.lines[0].id: is required"),
    ):
        again = await browser.send(form, ("answer", "correct"), reason=WHY, document=wrong)
        assert again.status == 422
        assert says in again.text.replace(" :", ":")
        assert again.form("/resolve", "correct").hidden("document") == wrong
        assert again.form("/resolve", "correct").hidden("reason") == WHY
    written["lines"][0]["name"] = "Meter replaced"
    done = await browser.send(form, ("answer", "correct"), reason=WHY, document=json.dumps(written))
    assert done.status == 200
    assert (await company.finished(reference)).status is Status.SENT


async def test_what_comes_with_an_answer_is_asked_for(company: Company, browser: Browser) -> None:
    reference = await differing(company)
    page = await browser.get(f"/console/invoices/{reference}")
    form = page.form("/resolve", "correct")
    without = await browser.ask(
        "POST",
        form.action,
        data={**dict(form.fields), "answer": "correct", "reason": WHY, "document": ""},
    )
    assert without.status_code == 422
    unknown = await browser.ask(
        "POST", form.action, data={**dict(form.fields), "answer": "no", "reason": WHY}
    )
    assert unknown.status_code == 422
    assert (await company.client.state(reference)).status is Status.NEEDS_ATTENTION


# --- hold, release, cancel ------------------------------------------------------------------------


async def test_an_invoice_is_released(company: Company, browser: Browser) -> None:
    reference = await held(company)
    page = await browser.get(f"/console/invoices/{reference}")
    assert "A person: a release, for somebody wanted it looked at before it goes out" in page.text
    done = await browser.send(page.form("/release"), reason=WHY)
    assert "It was released and goes on" in done.text
    assert (await company.finished(reference)).status is Status.SENT
    ended = await browser.get(f"/console/invoices/{reference}")
    assert [each.action for each in ended.forms] == ["/console/sign-out"]
    assert "It has ended." in ended.text


async def test_an_invoice_is_held(company: Company, browser: Browser) -> None:
    reference = await differing(company)
    page = await browser.get(f"/console/invoices/{reference}")
    done = await browser.send(page.form("/hold"), reason=WHY)
    assert "It is held" in done.text
    journal = await company.client.journal(reference)
    assert [each.proven for each in journal.entries if each.reason == WHY] == ["operate"]


@pytest.mark.parametrize("start", [held, differing])
async def test_an_invoice_is_taken_back_and_the_page_says_how_before(
    company: Company, browser: Browser, start: Callable[[Company], Any]
) -> None:
    reference = await start(company)
    page = await browser.get(f"/console/invoices/{reference}")
    assert "There is a draft at the provider: it is deleted" in page.text
    done = await browser.send(page.form("/cancel"), reason=WHY)
    assert "nothing can reach the buyer any more" in done.text
    await company.until_status(reference, Status.CANCELLED)
    shown = (await browser.get(f"/console/invoices/{reference}")).text
    assert "asked done, draft taken back" in shown


async def test_of_a_final_one_the_page_says_that_it_is_credited(
    company: Company, browser: Browser
) -> None:
    reference = await company.start(goal=Goal.PAID)
    await company.until_status(reference, Status.SENT)
    page = await browser.get(f"/console/invoices/{reference}")
    assert "a credit note takes it back" in page.text
    await browser.send(page.form("/cancel"), reason=WHY)
    await company.until_status(reference, Status.CREDITED)


async def test_what_cannot_be_done_now_is_told_and_changes_nothing(
    company: Company, browser: Browser
) -> None:
    reference = await held(company)
    form = (await browser.get(f"/console/invoices/{reference}")).form("/release")
    await company.release(reference)
    await company.finished(reference)
    late = await browser.send(form, reason=WHY)
    assert late.status == 409
    assert "Nothing has changed." in late.text
    assert "it has ended" in late.text


async def test_a_reason_that_is_missing_is_shown_where_it_is_missing(
    company: Company, browser: Browser
) -> None:
    reference = await held(company)
    form = (await browser.get(f"/console/invoices/{reference}")).form("/cancel")
    again = await browser.send(form, reason=" ")
    assert again.status == 422
    opened = [given for tag, given in again.tags if tag == "details" and "open" in given]
    assert len(opened) == 1
    assert (await company.client.state(reference)).status is Status.HELD


# --- the page of an invoice -----------------------------------------------------------------------


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


async def test_one_that_was_cut_off_says_so(company: Company, browser: Browser) -> None:
    reference = await held(company)
    await company.client.handle(reference).terminate("over")
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
    assert first.links()[4] != second.links()[4]
    other = await browser.get(f"/console/invoices{after.replace('held', 'sent')}")
    assert other.status == 422


# --- orders and events ----------------------------------------------------------------------------


@pytest.fixture
async def order(company: Company) -> AsyncIterator[str]:
    wanted = an_order(company, 1, 2, 3)
    await company.client.start_order(wanted)
    yield wanted.reference
    handle = company.client.order_handle(wanted.reference)
    if (await handle.describe()).close_time is None:
        await handle.terminate("the test is over")


async def test_an_order_is_shown_line_by_line_and_taken_back(
    company: Company, browser: Browser, order: str
) -> None:
    day = date(2026, 6, 30)
    await company.client.deliver(order, Deliver(delivery="A", lines=("1",), issue_date=day))
    await company.finished(f"{order}:A")
    page = await until(browser, f"/console/orders/{order}", lambda page: "1 invoiced" in page.text)
    assert "Its lines by status: 2 open, 1 invoiced" in page.text
    assert f"/console/invoices/{order}%3AA" in page.links()
    done = await browser.send(page.form("/cancel"), reason=WHY)
    assert "is being taken back" in done.text
    await asyncio.wait_for(company.client.order_result(order), 30)
    assert f"operate, proven {WHY}" in (await browser.get(f"/console/orders/{order}")).text
    listed = await until(browser, "/console/orders", lambda page: f">{order}<" in page.answer.text)
    assert f"/console/orders/{order}" in listed.links()


async def test_an_order_s_question_is_answered(company: Company, browser: Browser) -> None:
    """One of its deliveries was left as it was, and nobody knows whether it counts."""
    wanted = an_order(company, 1)
    await company.client.start_order(wanted)
    company.stand_in.faults.place(step=Step.CREATE, fault=Told.CHANGED_AMOUNT)
    delivered = Deliver(delivery="A", lines=("1",), issue_date=date(2026, 6, 30))
    await company.client.deliver(wanted.reference, delivered)
    invoice = f"{wanted.reference}:A"
    async with asyncio.timeout(20):
        while not (page := await browser.get(f"/console/invoices/{invoice}")).forms[1:]:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    await company.parked(invoice)
    page = await browser.get(f"/console/invoices/{invoice}")
    await browser.send(page.form("/resolve"), ("answer", "abandon"), reason=WHY)
    path = f"/console/orders/{wanted.reference}"
    asked = await until(browser, path, lambda page: "The question" in page.text)
    inbox = await everywhere(browser, wanted.reference)
    assert path in inbox.links()
    form = asked.form("/resolve", "invoiced")
    done = await browser.send(form, ("answer", "invoiced"), reason=WHY, number="2026-77")
    assert "Your answer was taken" in done.text
    ended = await asyncio.wait_for(company.client.order_result(wanted.reference), 30)
    assert ended.ledger.lines[0].number == "2026-77"


async def told(company: Company) -> str:
    event = Event(id=f"evt-{uuid.uuid4().hex}", kind="payment", body={"invoiceId": "nobody's"})
    handle = await company.client.tell("zero_friction", company.account, event, pace=1e-6)
    return handle.id.removeprefix("event/")


@pytest.mark.parametrize("answer", ["drop", "deliver"])
async def test_news_of_nobody_knows_which_invoice_is_placed_or_dropped(
    company: Company, browser: Browser, answer: str
) -> None:
    name = await told(company)
    path = f"/console/events/{name}"
    page = await until(browser, path, lambda page: "no invoice and no order" in page.text)
    await until(browser, "/console/", lambda page: path in page.links())
    typed = {"reason": WHY}
    if answer == "deliver":
        typed["reference"] = await held(company)
    done = await browser.send(page.form("/resolve", answer), ("answer", answer), **typed)
    assert "Your answer was taken" in done.text
    async with asyncio.timeout(20):
        while (state := await company.client.event(name)).outcome is None:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert state.outcome == {"drop": "dropped", "deliver": "delivered"}[answer]
    ended = await browser.get(path)
    assert [each.action for each in ended.forms] == ["/console/sign-out"]


# --- several at once ------------------------------------------------------------------------------


async def test_many_alike_are_answered_at_once_after_a_page_that_says_what_that_means(
    company: Company, browser: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    references = [await refused(company) for _ in range(3)]
    other, silent = await differing(company), await company.start()
    await company.finished(silent)
    items = [f"invoices/{each}" for each in (*references, other, silent)]
    inbox = await everywhere(browser, references[0])
    form = next(each for each in inbox.forms if each.action.endswith("/together"))
    page = await browser.send(form, of=items)
    assert "3 with this question" in page.text
    assert "1 with this question" in page.text
    assert "Together €375.09." in page.text
    assert "try the step again: the cause is mended at the provider" in page.text
    assert page.links().count(f"/console/invoices/{silent}") == 1
    group = next(each for each in page.forms if references[0] in str(each.fields))
    with caplog.at_level(logging.INFO, log.name):
        done = await browser.send(group, ("answer", "retry"), reason=WHY)
    assert done.text.count("taken") >= 3
    for reference in references:
        assert (await company.finished(reference)).status is Status.SENT
        journal = await company.client.journal(reference)
        assert [each.proven for each in journal.entries if each.reason == WHY] == ["operate"]
    lines = [each.getMessage() for each in caplog.records if "/together" in each.getMessage()]
    named = {reference for reference in references for line in lines if reference in line}
    assert named == set(references), "each is written down as if it had come by itself"
    assert (await company.client.state(other)).status is Status.NEEDS_ATTENTION


async def test_of_many_each_answer_names_its_own_question(
    company: Company, browser: Browser
) -> None:
    fresh, moved = await refused(company), await refused(company, times=2)
    items = {"of": [f"invoices/{fresh}", f"invoices/{moved}"]}
    page = await browser.get("/console/together", params=items)
    form = (await browser.get(f"/console/invoices/{moved}")).form("/resolve")
    await browser.send(form, ("answer", "retry"), reason="first")
    await company.stand_in.reached(Step.CREATE, 3)
    await company.parked(moved)
    done = await browser.send(page.form("/together"), ("answer", "abandon"), reason=WHY)
    assert "that question is not open any more" in done.text
    await company.until_status(fresh, Status.ABANDONED)
    assert (await company.client.state(moved)).status is Status.NEEDS_ATTENTION


async def test_many_are_not_answered_without_a_reason(company: Company, browser: Browser) -> None:
    reference = await refused(company)
    page = await browser.get("/console/together", params={"of": f"invoices/{reference}"})
    again = await browser.send(page.form("/together"), ("answer", "retry"), reason="")
    assert again.status == 422
    assert "Nothing has changed yet" in again.text
    assert (await company.client.state(reference)).status is Status.NEEDS_ATTENTION


@pytest.mark.parametrize(
    "items", [["events/a/b/c"], ["x"], ["invoices/"], [f"invoices/X-{n}" for n in range(26)]]
)
async def test_what_cannot_be_answered_together_is_refused(
    browser: Browser, items: list[str]
) -> None:
    assert (await browser.get("/console/together", params={"of": items})).status == 422
    form = (await browser.get("/console/")).form("/sign-out")
    data: dict[str, Any] = {"form_token": form.hidden("form_token"), "reason": WHY}
    data |= {"answer": "retry", "asked": [f"{each}|q1" for each in items]}
    assert (await browser.ask("POST", "/console/together", data=data)).status_code == 422


async def test_an_answer_that_needs_something_of_its_own_is_not_given_to_many(
    company: Company, browser: Browser
) -> None:
    reference = await differing(company)
    page = await browser.get("/console/together", params={"of": f"invoices/{reference}"})
    form = page.form("/together")
    assert ("answer", "correct") not in form.buttons
    document = json.dumps({"a": 1})
    data = {**dict(form.fields), "answer": "correct", "reason": WHY, "document": document}
    assert (await browser.ask("POST", form.action, data=data)).status_code == 422
    data = {**dict(form.fields), "answer": "adopt", "reason": WHY, "provider_id": "1"}
    assert (await browser.ask("POST", form.action, data=data)).status_code == 422
    assert (await company.client.state(reference)).problem


async def test_a_caller_s_rate_holds_for_each_of_many(shared_world: World) -> None:
    """They wait for their turn, and none is lost."""
    async with (
        shared_world.company() as company,
        console_over(shared_world.client, rate=2, burst=5) as gateway,
    ):
        references = [await refused(company) for _ in range(5)]
        browser = await signed_in(gateway, "operate")
        items = {"of": [f"invoices/{each}" for each in references]}
        page = await browser.get("/console/together", params=items)
        done = await browser.send(page.form("/together"), ("answer", "retry"), reason=WHY)
        assert done.status == 200
        for reference in references:
            assert (await company.finished(reference)).status is Status.SENT


# --- trouble --------------------------------------------------------------------------------------


async def test_what_is_not_there_is_told_in_words(browser: Browser) -> None:
    for path in ("/invoices/NEVER-1", "/orders/NEVER-1", "/events/a/b/c", "/nowhere"):
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

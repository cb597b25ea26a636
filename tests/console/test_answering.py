"""What a person does to one invoice at the console, by its forms alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from invoicing.request import Goal
from invoicing.state.invoice import Status
from sandbox.zero_friction import Step
from tests.console.browser import Browser
from tests.console.scenes import WHY, differing, everywhere, held, refused
from tests.lifecycle.world import Company
from tests.tiers import detail, slow

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
    journal = await company.client.invoices.journal(reference)
    (entry,) = [each for each in journal.entries if each.reason == WHY]
    assert (entry.by, entry.proven) == ("operate", "operate")
    shown = (await browser.get(path)).text
    assert f"operate, proven {WHY}" in shown


@detail
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
    assert (await company.client.invoices.state(reference)).status is Status.NEEDS_ATTENTION


@detail
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
    journal = await company.client.invoices.journal(reference)
    assert not [each for each in journal.entries if each.reason == "late"]


@detail
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
    journal = await company.client.invoices.journal(reference)
    assert len([each for each in journal.entries if each.reason == WHY]) == 1


@detail
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


@detail
async def test_what_was_corrected_once_is_shown_and_is_what_the_next_correction_begins_with(
    company: Company, browser: Browser
) -> None:
    reference = await refused(company, times=2)
    path = f"/console/invoices/{reference}"
    form = (await browser.get(path)).form("/resolve", "correct")
    written = json.loads(form.hidden("document"))
    written["buyer"]["name"] = "Corrected BV"
    written["lines"][0] |= {"name": "Meter replaced", "unit_price": "21.50"}
    await browser.send(form, ("answer", "correct"), reason=WHY, document=json.dumps(written))
    await company.stand_in.reached(Step.CREATE, 2)
    await company.parked(reference)
    page = await browser.get(path)
    for words in ("Corrected BV", "Meter replaced", "€21.50"):
        assert words in page.text
    assert json.loads(page.form("/resolve", "correct").hidden("document")) == written
    assert "Corrected BV" in (await everywhere(browser, reference)).text


@detail
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
    assert (await company.client.invoices.state(reference)).status is Status.NEEDS_ATTENTION


# --- hold, release, cancel ------------------------------------------------------------------------


@detail
async def test_an_invoice_is_released(company: Company, browser: Browser) -> None:
    reference = await held(company)
    page = await browser.get(f"/console/invoices/{reference}")
    assert "A person: a release, for somebody wanted it looked at before it goes out" in page.text
    done = await browser.send(page.form("/release"), reason=WHY)
    assert "It was released and goes on" in done.text
    assert (await company.finished(reference)).status is Status.SENT
    path = f"/console/invoices/{reference}"
    ended = await browser.get(path)
    assert [each.action for each in ended.forms] == ["/console/sign-out", f"{path}/credit"]
    assert "It has ended." in ended.text


@detail
async def test_an_invoice_is_held(company: Company, browser: Browser) -> None:
    reference = await differing(company)
    page = await browser.get(f"/console/invoices/{reference}")
    done = await browser.send(page.form("/hold"), reason=WHY)
    assert "It is held" in done.text
    journal = await company.client.invoices.journal(reference)
    assert [each.proven for each in journal.entries if each.reason == WHY] == ["operate"]


@slow
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


@detail
async def test_of_a_final_one_the_page_says_that_it_is_credited(
    company: Company, browser: Browser
) -> None:
    reference = await company.start(goal=Goal.PAID)
    await company.until_status(reference, Status.SENT)
    page = await browser.get(f"/console/invoices/{reference}")
    assert "a credit note takes it back" in page.text
    await browser.send(page.form("/cancel"), reason=WHY)
    await company.until_status(reference, Status.CREDITED)


@detail
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


@detail
async def test_a_reason_that_is_missing_is_shown_where_it_is_missing(
    company: Company, browser: Browser
) -> None:
    reference = await held(company)
    form = (await browser.get(f"/console/invoices/{reference}")).form("/cancel")
    again = await browser.send(form, reason=" ")
    assert again.status == 422
    opened = [given for tag, given in again.tags if tag == "details" and "open" in given]
    assert len(opened) == 1
    assert (await company.client.invoices.state(reference)).status is Status.HELD


@detail
async def test_under_a_name_that_no_page_has_given_nothing_is_carried_out(
    company: Company, browser: Browser
) -> None:
    reference = await held(company)
    form = (await browser.get(f"/console/invoices/{reference}")).form("/release")
    for once in ("a b", "x" * 101, "ü"):
        data = {**dict(form.fields), "reason": WHY, "once": once}
        assert (await browser.ask("POST", form.action, data=data)).status_code == 422
    assert (await company.client.invoices.state(reference)).status is Status.HELD

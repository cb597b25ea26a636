"""Many alike, answered at once."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from gateway.visits import log
from invoicing.state.invoice import Status
from invoicing.state.questions import QUESTIONS, Reason
from sandbox.zero_friction import Step
from tests.console.browser import Browser, console_over
from tests.console.conftest import signed_in
from tests.console.scenes import WHY, differing, everywhere, held, refused
from tests.lifecycle.world import Company, World
from tests.tiers import detail, slow


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
    for reason, count in ((Reason.REJECTED, 3), (Reason.AMOUNTS_DIFFER, 1)):
        assert f"{QUESTIONS[reason].sentence} ({count})" in page.text
    assert "Together €375.09." in page.text
    assert "try the step again: the cause is mended at the provider" in page.text
    assert page.links().count(f"/console/invoices/{silent}") == 1
    group = next(each for each in page.forms if references[0] in str(each.fields))
    with caplog.at_level(logging.INFO, log.name):
        done = await browser.send(group, ("answer", "retry"), reason=WHY)
    assert done.text.count("taken") >= 3
    for reference in references:
        assert (await company.finished(reference)).status is Status.SENT
        journal = await company.client.invoices.journal(reference)
        assert [each.proven for each in journal.entries if each.reason == WHY] == ["operate"]
    lines = [each.getMessage() for each in caplog.records if "/together" in each.getMessage()]
    named = {reference for reference in references for line in lines if reference in line}
    assert named == set(references), "each is written down as if it had come by itself"
    assert (await company.client.invoices.state(other)).status is Status.NEEDS_ATTENTION


@detail
async def test_those_that_are_held_are_released_together(
    company: Company, browser: Browser
) -> None:
    references = [await held(company) for _ in range(2)]
    parked = await differing(company)
    items = [f"invoices/{each}" for each in (*references, parked)]
    page = await browser.get("/console/together", params={"of": items})
    form = next(each for each in page.forms if references[0] in str(each.fields))
    assert (parked in str(form.fields), form.buttons) == (False, [("answer", "release")])
    assert "a release, for somebody wanted it looked at" in page.text
    assert "what comes next may be final" in page.text
    again = await browser.send(form, ("answer", "release"), reason="")
    assert (again.status, "Nothing has changed yet" in again.text) == (422, True)
    done = await browser.send(form, ("answer", "release"), reason=WHY)
    assert done.text.count("taken") >= 2
    for reference in references:
        assert (await company.finished(reference)).status is Status.SENT
        journal = await company.client.invoices.journal(reference)
        assert [each.proven for each in journal.entries if each.reason == WHY] == ["operate"]
    assert (await company.client.invoices.state(parked)).status is Status.NEEDS_ATTENTION


@detail
@pytest.mark.parametrize("item", ["orders/X-1", "credits/X-1"])
async def test_nothing_but_an_invoice_is_released(
    company: Company, browser: Browser, item: str
) -> None:
    reference = await held(company)
    page = await browser.get("/console/together", params={"of": f"invoices/{reference}"})
    fields = {**dict(page.form("/together").fields), "asked": f"{item}|", "reason": WHY}
    answer = await browser.ask("POST", "/console/together", data={**fields, "answer": "release"})
    assert (answer.status_code, ">taken<" in answer.text) == (200, False)


@detail
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
    assert (await company.client.invoices.state(moved)).status is Status.NEEDS_ATTENTION


@detail
async def test_many_are_not_answered_without_a_reason(company: Company, browser: Browser) -> None:
    reference = await refused(company)
    page = await browser.get("/console/together", params={"of": f"invoices/{reference}"})
    again = await browser.send(page.form("/together"), ("answer", "retry"), reason="")
    assert again.status == 422
    assert "Nothing has changed yet" in again.text
    assert (await company.client.invoices.state(reference)).status is Status.NEEDS_ATTENTION


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


@detail
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
    assert (await company.client.invoices.state(reference)).problem


@slow
async def test_each_of_many_counts_as_a_request_of_the_caller_s(
    shared_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Signing in, the inbox, the list and the answer were four of six; what is over is not taken,
    and told."""
    monkeypatch.setattr("gateway.turns.TRIES", 1)
    monkeypatch.setattr("gateway.turns.LONGEST", 0.0)
    async with (
        shared_world.company() as company,
        console_over(shared_world.client, rate=0.001, burst=6) as gateway,
    ):
        references = [await refused(company) for _ in range(5)]
        browser = await signed_in(gateway, "operate")
        items = {"of": [f"invoices/{each}" for each in references]}
        page = await browser.get("/console/together", params=items)
        done = await browser.send(page.form("/together"), ("answer", "abandon"), reason=WHY)
        assert done.text.count(" taken") == 2
        assert done.text.count("Too many requests") == 3
        states = [await company.client.invoices.state(each) for each in references]
        assert [state.status for state in states].count(Status.ABANDONED) <= 2


@slow
async def test_many_wait_for_their_turn_and_none_is_lost(shared_world: World) -> None:
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

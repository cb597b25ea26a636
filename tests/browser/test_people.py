"""What people do at the console, in a real browser: by what they see, with the clicks counted."""

from __future__ import annotations

import contextlib
import csv
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from invoicing.consent import Consent
from invoicing.state.invoice import Status
from sandbox.zero_friction import Step
from settings.callers import Scope
from temporal_server import Server
from tests.batches import HEADER, a_row, some
from tests.browser.person import FOR_MANY, PATIENT, Person, person_at
from tests.console.browser import console_over
from tests.console.scenes import WHY, differing, held, refused
from tests.gateway.door import Gateway, caller
from tests.lifecycle.office import Office, office_at
from tests.lifecycle.parking import KINDS, once_more
from tests.lifecycle.world import PACES, QUICK, Company, World
from tests.tiers import THOROUGH, slow

# What the pages say and do, tests/console sees without a browser, in a tenth of the time.
pytestmark = slow


ANNA, BEN = "anna-0123456789abcdefghijklmnopqrstuvwxyz", "ben-0123456789abcdefghijklmnopqrstuvwxyz0"
IN_A_BATCH = 300 if THOROUGH else 12
WHY_LABEL = "Why do you decide so?"


@pytest.fixture
async def console(shared_world: World, company: Company) -> AsyncIterator[Gateway]:
    """For two people, of whom one sees what is of this company alone."""
    async with console_for(shared_world, company) as made:
        yield made


def console_for(world: World, company: Company) -> contextlib.AbstractAsyncContextManager[Gateway]:
    account = (f"zero_friction/{company.account}",)
    may = (Scope.READ, Scope.START, Scope.OPERATE)
    known = {"anna": caller(ANNA, *may, accounts=account), "ben": caller(BEN, *may)}
    return console_over(world.client, known, **PATIENT)


@pytest.fixture
async def anna(engine: Browser, console: Gateway) -> AsyncIterator[Person]:
    async with person_at(engine, console.url, ANNA) as made:
        yield made


@pytest.fixture
async def ben(engine: Browser, console: Gateway) -> AsyncIterator[Person]:
    async with person_at(engine, console.url, BEN) as made:
        yield made


async def at_the_inbox(person: Person, reference: str) -> None:
    """Once it is listed: lists are a moment behind."""
    link = person.page.get_by_role("link", name=reference, exact=True)
    await person.open()
    while not await link.count():
        await person.open()


async def decided(person: Person, button: str) -> None:
    """Say why and press it."""
    await person.type(WHY_LABEL, WHY)
    await person.press(button)


PARKED = {
    "the amounts differ": "Try again",
    "somebody deleted the draft": "Make it anew",
    "the approval fails": "Try again",
    # The last: the buyer gets another number there.
    "a look-up is refused": "Try again",
}


async def test_five_different_questions_take_four_clicks_and_one_reason_each_without_script(
    engine: Browser, console: Gateway, company: Company
) -> None:
    asked = {await held(company): ("Release it", "")}
    for name, button in PARKED.items():
        reference = await KINDS[name].park(company)
        problem = (await company.parked(reference)).problem
        assert once_more(problem) in (problem.answers if problem else ())
        asked[reference] = (button, name)
    async with person_at(engine, console.url, ANNA, java_script_enabled=False) as person:
        for reference, (button, name) in asked.items():
            if name:
                await KINDS[name].mend(company, reference)
            await at_the_inbox(person, reference)
            await person.follow(reference)
            await decided(person, button)
            await expect(person.page.get_by_role("status")).to_be_visible()
            assert (person.clicks <= 4, person.typed) == (True, 1), reference
            assert (await company.finished(reference)).status is Status.SENT
    for reference in asked:
        journal = await company.client.invoices.journal(reference)
        assert [each.proven for each in journal.entries if each.reason == WHY] == ["anna"]


@pytest.mark.parametrize(
    ("count", "with_script"), [(IN_A_BATCH, True), (12, False)], ids=["with script", "without"]
)
async def test_a_file_of_invoices_is_previewed_asked_for_and_its_result_taken(
    shared_world: World, engine: Browser, tmp_path: Path, count: int, with_script: bool
) -> None:
    async with (
        shared_world.company(paces=UNHURRIED, patience=60) as company,
        console_for(shared_world, company) as console,
        person_at(engine, console.url, ANNA, java_script_enabled=with_script) as anna,
    ):
        anna.page.set_default_timeout(FOR_MANY)
        await _a_batch(anna, company, tmp_path, count)


_LONG = QUICK.model_copy(update={"deadline": timedelta(minutes=15)})
UNHURRIED = PACES.model_copy(update={name: _LONG for name, pace in PACES if pace == QUICK})
"""Of hundreds at once on a busy machine none is to ask a person because it took long."""


async def _a_batch(anna: Person, company: Company, tmp_path: Path, count: int) -> None:
    references = some("FILE", company, count)
    file = tmp_path / "june.csv"
    rows = [a_row(each, company.account) for each in references]
    file.write_text("\n".join((HEADER, *rows)))
    await anna.follow("Batch")
    await anna.page.get_by_label("The file").set_input_files(file)
    await anna.press("Look through it")
    await anna.sees(f"june.csv: {count} invoices")
    await anna.sees(f"{count} not asked for yet")
    await anna.press("Ask for")
    await anna.sees(f"{count} asked for now", FOR_MANY)
    for each in references:
        await company.finished(each, FOR_MANY / 1000)
    sent = anna.page.get_by_text(f"{count} sent", exact=True)
    while not await sent.count():
        await anna.press("Look again")
        await anna.page.wait_for_load_state()
    async with anna.page.expect_download() as coming:
        await anna.press("Take the result")
    taken = tmp_path / "taken.csv"
    await (await coming.value).save_as(taken)
    told = list(csv.DictReader(taken.read_text("utf-8-sig").splitlines()))
    assert [(each["reference"], each["status"]) for each in told] == [
        (each, "sent") for each in references
    ]


async def test_a_document_is_corrected_by_the_form(anna: Person, company: Company) -> None:
    reference = await differing(company)
    await anna.open(f"/invoices/{reference}")
    await anna.follow("Correct it field by field")
    line = anna.page.get_by_role("group", name="Lines 1", exact=True)
    await anna.type("Quantity", "many", line)
    await anna.type(WHY_LABEL, WHY)
    await anna.press("Send the corrected document")
    await anna.sees("must be a number")
    assert (await company.client.invoices.state(reference)).status is Status.NEEDS_ATTENTION
    wrong = anna.page.locator("[aria-invalid]")
    await expect(wrong).to_have_count(1)
    await wrong.fill("4")
    await anna.press("One more: Lines")
    third = anna.page.get_by_role("group", name="Lines 3", exact=True)
    await anna.press("Take out: Lines 3", third)
    await anna.press("Look through it")
    await anna.sees("Nothing is missing or wrong. It comes to €149.22 with VAT.")
    await anna.press("Send the corrected document")
    await anna.sees("Your answer was taken")
    ended = await company.finished(reference)
    assert (ended.status, ended.amounts and str(ended.amounts.gross)) == (Status.SENT, "149.22")


async def test_a_second_person_decides_the_very_same(
    shared_world: World, anna: Person, ben: Person, company: Company
) -> None:
    shared_world.consents["zero_friction"][company.account] = Consent(of=("release",))
    reference = await held(company)
    for person in (anna, ben):
        await person.open(f"/invoices/{reference}")
    await decided(anna, "Release it")
    await anna.sees("Your consent was taken")
    await anna.sees("That was you, so it has to be somebody else.")
    # The other one's page has moved by itself.
    await ben.sees("“Release it” needs two people. anna was the first")
    await decided(ben, "Release it")
    await ben.sees("It was released and goes on.")
    assert (await company.finished(reference)).status is Status.SENT


async def test_of_two_at_one_question_the_slower_is_told_and_answers_nothing_else(
    anna: Person, ben: Person, company: Company
) -> None:
    reference = await refused(company, times=2)
    for person in (anna, ben):
        await person.open(f"/invoices/{reference}")
        await person.type(WHY_LABEL, f"{WHY} by {person is anna}")
    await anna.press("Try again")
    await anna.sees("Your answer was taken")
    await company.stand_in.reached(Step.CREATE, 2)
    await company.parked(reference)
    await ben.sees("This page has changed meanwhile.")
    await ben.press("End here")
    await ben.sees("that question is not open any more")
    journal = await company.client.invoices.journal(reference)
    assert [each.proven for each in journal.entries if WHY in each.reason] == ["anna"]
    await ben.type(WHY_LABEL, WHY)
    await ben.press("End here")
    await ben.sees("Your answer was taken")
    await company.until_status(reference, Status.ABANDONED)


@pytest.fixture
async def office(server: Server) -> AsyncIterator[Office]:
    async with contextlib.AsyncExitStack() as stack:
        yield await stack.enter_async_context(office_at(server))


async def test_units_of_a_line_are_credited(ben: Person, office: Office) -> None:
    reference = await office.invoiced()
    await ben.open(f"/invoices/{reference}")
    form = await ben.unfold("Credit it")
    await ben.type("Units of line 1 to credit", "4", form)
    await ben.type(WHY_LABEL, WHY, form)
    await ben.press("Credit these units and amounts", form)
    await ben.sees("The credit was asked for.")
    await ben.sees("€90.75 with VAT is left to credit")
    await office.until(reference, lambda state: state.credits[0].ended)
    assert office.provider.units(reference, "1") == 4

"""Credits at the console: what is left of an invoice, and what takes it back, by forms alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from console.answering import MOST_LINES
from gateway import tokens
from invoicing.request import Goal
from settings.callers import Scope
from temporal_server import Server
from tests.console.browser import Browser, Page, console_over
from tests.console.scenes import WHY, everywhere, until
from tests.examples import a_document, a_line
from tests.gateway.door import caller
from tests.lifecycle.bookkeeper import NAME
from tests.lifecycle.office import TEN, Office, office_at, units
from tests.patience import LONG_ENOUGH
from tests.tiers import detail, slow

LINES = ("what", "lines")
WHOLE = ("what", "whole")


@pytest.fixture(scope="module")
async def office(server: Server) -> AsyncIterator[Office]:
    async with office_at(server) as made:
        yield made


def of(reference: str) -> str:
    return f"/console/invoices/{reference}"


async def sent(office: Office, page: Page) -> None:
    """Once the first credit note that a page shows has ended."""
    note = next(link for link in page.links() if "%23" in link)
    reference = note.rpartition("/")[2].replace("%23", "#")
    await asyncio.wait_for(office.client.invoices.result(reference), LONG_ENOUGH)


async def test_an_invoice_shows_what_is_left_and_units_of_its_lines_are_credited(
    office: Office, browser: Browser
) -> None:
    two = a_document(lines=(TEN, a_line(2, quantity=Decimal(2), unit_price=Decimal("12.50"))))
    reference = await office.invoiced(document=two)
    page = await browser.get(of(reference))
    assert "€181.50 with VAT is left to credit" in page.text
    form = page.form("/credit")
    assert {"credit", "units.1", "units.2", "amount.S.21", "number", "goal", "reason"} == form.typed
    typed = {"credit": "RETURN-1", "units.1": "4", "reason": WHY, "goal": "approved"}
    done = await browser.send(form, LINES, typed=typed)
    assert (done.status, done.path) == (200, of(reference))
    assert "The credit was asked for" in done.text
    assert "€121.00 with VAT is left to credit" in done.text
    assert f"{of(reference)}%23RETURN-1" in done.links()
    await sent(office, done)
    assert office.provider.units(reference, "1") == 4
    assert office.provider.units(reference, "2") == 0
    await office.until(reference, lambda state: state.credits[0].ended)
    shown = await browser.get(of(reference))
    (note,) = office.provider.notes(reference)
    assert f"RETURN-1 {reference}#RETURN-1" in shown.text
    assert f"final credited {note.number}" in shown.text
    assert note.document.notes == (WHY,)
    journal = await office.client.credits.journal(reference)
    (entry,) = [each for each in journal.entries if each.reason == WHY]
    assert (entry.by, entry.proven) == ("operate", "operate")


@detail
async def test_all_that_is_left_is_credited_by_one_button_whatever_is_filled_in(
    office: Office, browser: Browser
) -> None:
    reference = await office.invoiced()
    form = (await browser.get(of(reference))).form("/credit")
    done = await browser.send(form, WHOLE, typed={"units.1": "1", "credit": "ALL", "reason": WHY})
    assert "€0.00 with VAT is left to credit" in done.text
    assert not [each for each in done.forms if each.action.endswith("/credit")], "nothing is left"
    await sent(office, done)
    assert office.provider.units(reference, "1") == 10


@detail
async def test_an_amount_at_a_vat_rate_is_credited(office: Office, browser: Browser) -> None:
    reference = await office.invoiced()
    page = await browser.get(of(reference))
    assert "without its VAT, as the invoice's prices are" in page.text
    typed = {"credit": "SORRY", "amount.S.21": "10.00", "reason": WHY}
    done = await browser.send(page.form("/credit"), LINES, typed=typed)
    assert "€139.15 with VAT is left to credit" in done.text
    await sent(office, done)
    assert office.provider.units(reference, "1") == 0
    (note,) = office.provider.notes(reference)
    assert [(each.amount("EUR"), each.vat.rate) for each in note.document.lines] == [
        (Decimal(10), Decimal(21))
    ]


@detail
async def test_a_form_that_is_sent_twice_credits_once(office: Office, browser: Browser) -> None:
    reference = await office.invoiced()
    form = (await browser.get(of(reference))).form("/credit")
    typed = {"credit": "C1", "units.1": "4", "reason": WHY}
    both = [await browser.send(form, LINES, typed=typed) for _ in range(2)]
    assert all("The credit was asked for" in each.text for each in both)
    state = await office.client.credits.state(reference)
    assert [each.credit for each in state.credits] == ["C1"]
    assert state.left is not None
    assert state.left.lines[0].units == 6


@detail
async def test_more_than_is_left_is_refused_and_what_was_typed_stays(
    office: Office, browser: Browser
) -> None:
    reference = await office.invoiced()
    await office.client.credits.make(reference, units("7"))
    page = await browser.get(of(reference))
    assert 'value="C2"' in page.answer.text, "a name that is free"
    typed = {"credit": "MINE", "units.1": "4", "reason": WHY}
    again = await browser.send(page.form("/credit"), LINES, typed=typed)
    assert again.status == 409
    assert "Nothing has changed" in again.text
    assert "4 are asked for, and 3 are left of line 1" in again.text
    for value in ('value="MINE"', 'value="4"', f">{WHY}<"):
        assert value in again.answer.text
    assert [given for tag, given in again.tags if tag == "details" and "open" in given]


@detail
@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"units.1": ""}, "say how many units of which line"),
        ({"units.1": "few"}, '1 : must be a number such as "12.50"'),
        ({"units.1": "-1"}, "1 : must be more than 0"),
        ({"amount.S.21": "few"}, '21 % (S) : must be a number such as "12.50"'),
        ({"units.1": "1", "amount.S.21": "0"}, "21 % (S) : must be more than 0"),
        ({"units.1": "1", "credit": "no name"}, "credit :"),
        ({"units.1": "1", "reason": " "}, "must not be empty"),
    ],
)
async def test_mistakes_are_named_and_nothing_is_credited(
    office: Office, browser: Browser, typed: dict[str, str], sentence: str
) -> None:
    reference = await office.invoiced()
    form = (await browser.get(of(reference))).form("/credit")
    again = await browser.send(form, LINES, typed={"credit": "C1", "reason": WHY, **typed})
    assert again.status == 422
    assert sentence in again.text
    shown = await office.client.credits.overview(reference)
    assert shown.credits == ()


@slow
async def test_of_an_invoice_of_many_lines_those_are_shown_and_credited_that_a_form_can_send(
    office: Office, browser: Browser
) -> None:
    many = tuple(a_line(each, quantity=Decimal(1)) for each in range(1, MOST_LINES + 2))
    reference = await office.invoiced(document=a_document(lines=many))
    page = await browser.get(of(reference))
    form = page.form("/credit")
    assert len([each for each in form.typed if each.startswith("units.")]) == MOST_LINES
    assert page.text.count(f"Lines 1 to {MOST_LINES} of {MOST_LINES + 1}") == 2
    assert page.links().count(f"?line={MOST_LINES + 1}#credits") == 1
    last = await browser.get(f"{of(reference)}?line={MOST_LINES + 1}")
    wrong = {"what": "lines", f"units.{MOST_LINES + 1}": "many", "credit": "C1", "reason": WHY}
    given = dict(last.form(f"/credit?line={MOST_LINES + 1}").fields) | wrong
    again = Page(
        await browser.ask("POST", f"{of(reference)}/credit?line={MOST_LINES + 1}", data=given)
    )
    assert (again.status, 'value="many"' in again.answer.text) == (422, True)
    assert 'data-page="/console' in last.answer.text
    assert f"?line={MOST_LINES + 1}" in last.answer.text.partition("data-page=")[2][:200]
    every = {name: "1" for name in form.typed if name.startswith("units.")}
    fields = dict(form.fields) | every | {"credit": "C1", "what": "lines", "reason": WHY}
    assert (await browser.ask("POST", form.action, data=fields)).status_code == 303
    page = await browser.get(of(reference))
    left = [each for each in page.form("/credit").typed if each.startswith("units.")]
    assert left == [f"units.{MOST_LINES + 1}"]
    assert page.text.count("Lines 1 to") == 1, "of the invoice, and no more of what is left"
    for nowhere in ("0", "x", "-1", "9" * 7, f"{MOST_LINES + 2}"):
        page = await browser.get(of(reference), params={"line": nowhere})
        assert f"Lines 1 to {MOST_LINES} of" in page.text


@detail
async def test_a_draft_has_no_form_to_credit_it(office: Office, browser: Browser) -> None:
    reference = await office.invoiced(goal=Goal.DRAFTED)
    page = await browser.get(of(reference))
    assert "left to credit" not in page.text
    assert not [each for each in page.forms if each.action.endswith("/credit")]
    why = await browser.get(f"/console/credits/{reference}")
    assert "is not final: cancel it" in why.text


@detail
async def test_who_may_only_look_sees_what_is_left_and_credits_nothing(
    office: Office, browser: Browser, looker: Browser
) -> None:
    reference = await office.invoiced()
    page = await looker.get(of(reference))
    assert "€151.25 with VAT is left to credit" in page.text
    assert not [each for each in page.forms if each.action.endswith("/credit")]
    token = page.form("/sign-out").hidden("form_token")
    data = {"form_token": token, "credit": "C1", "what": "whole", "reason": WHY}
    answer = await looker.ask("POST", f"{of(reference)}/credit", data=data)
    assert answer.status_code == 403
    other = await browser.ask("POST", f"{of(reference)}/credit", data=data)
    assert other.status_code == 403, "the form is of another session"
    assert (await office.client.credits.overview(reference)).credits == ()


@detail
async def test_the_credits_question_waits_in_the_inbox_and_is_answered(
    office: Office, browser: Browser
) -> None:
    reference = await office.invoiced()
    held = units("4").model_copy(update={"hold": True})
    made = await office.client.credits.make(reference, held)
    await office.client.invoices.handle(made.reference).terminate("by a person")
    await office.until(reference, lambda state: state.problem is not None)
    inbox = await everywhere(browser, reference)
    path = f"/console/credits/{reference}"
    assert path in inbox.links()
    invoice = await browser.get(of(reference))
    assert "Its credits ask something" in invoice.text
    page = await browser.get(path)
    assert "credit C1: its credit note was ended from outside" in page.text
    assert "It does not stand there" in page.text
    done = await browser.send(page.form("/resolve", "free"), ("answer", "free"), reason=WHY)
    assert (done.status, done.path) == (200, path)
    assert "Your answer was taken" in done.text
    await office.until(reference, lambda state: state.problem is None)
    after = await until(browser, path, lambda page: "came to nothing" in page.text)
    assert "€151.25 with VAT is left to credit" in after.text
    assert f"operate, proven {WHY}" in after.text


@detail
async def test_several_questions_of_credits_are_answered_at_once(
    office: Office, browser: Browser
) -> None:
    references = [await office.invoiced() for _ in range(2)]
    for each in references:
        held = units("4").model_copy(update={"hold": True})
        made = await office.client.credits.make(each, held)
        await office.client.invoices.handle(made.reference).terminate("by a person")
        await office.until(each, lambda state: state.problem is not None)
    wanted = {"of": [f"credits/{each}" for each in references]}
    page = await browser.get("/console/together", params=wanted)
    done = await browser.send(page.form("/together", "abandon"), ("answer", "abandon"), reason=WHY)
    assert done.text.count("taken") >= 2
    for each in references:
        state = await office.until(each, lambda state: state.problem is None)
        assert state.credits[0].became == "credited"


@detail
@pytest.mark.parametrize("mine", [True, False])
async def test_a_limited_caller_sees_and_credits_its_own_alone(office: Office, mine: bool) -> None:
    token = tokens.new()
    account = f"{NAME}/default" if mine else f"{NAME}/another"
    known = {"limited": caller(token, Scope.READ, Scope.OPERATE, accounts=(account,))}
    reference = await office.invoiced()
    async with console_over(office.client, known) as gateway:
        browser = Browser(gateway.url)
        home = await browser.sign_in(token)
        data = {"form_token": home.form("/sign-out").hidden("form_token"), "credit": "C1"}
        data |= {"what": "whole", "reason": WHY}
        answer = await browser.ask("POST", f"{of(reference)}/credit", data=data)
        assert answer.status_code == (303 if mine else 404)
        page = await browser.get(f"/console/credits/{reference}")
        assert page.status == (200 if mine else 404)

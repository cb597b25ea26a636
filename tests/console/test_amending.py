"""Amending by the form: a final invoice credited and made again, and one made again that was not
possible."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from console.render import shown
from invoicing.attachment import SupportingDocument
from invoicing.credits.amend import AmendStatus
from invoicing.state.invoice import Release
from settings.callers import Scope
from temporal_server import Server
from tests.console.browser import Browser, Page, console_over
from tests.console.scenes import WHY
from tests.console.test_amendments import of, stuck
from tests.console.test_typed import NASTY
from tests.examples import a_document
from tests.gateway.door import Gateway, caller
from tests.lifecycle.office import TEN, Office, office_at
from tests.lifecycle.test_amend import ended, until_held
from tests.tiers import detail

QUANTITY = "document.lines[0].quantity"
AMEND = ("answer", "amend")
NOBODYS = "nobodys-0123456789abcdefghijklmnopqrstuvw"


@pytest.fixture(scope="module")
async def office(server: Server) -> AsyncIterator[Office]:
    async with office_at(server) as made:
        yield made


def named(reference: str, name: str = "A1") -> dict[str, str | list[str]]:
    """As a browser sends the fields that were left as they are."""
    return {"amendment": name, "new_reference": f"{reference}-{name}"}


async def form_of(browser: Browser, reference: str) -> Page:
    page = await browser.get(f"{of(reference, 'invoices')}/amend")
    assert page.status == 200
    return page


async def test_a_final_invoice_is_amended_field_by_field(
    office: Office, everybody: Browser
) -> None:
    reference = await office.invoiced()
    invoice = await everybody.get(of(reference, "invoices"))
    assert f"{of(reference, 'invoices')}/amend" in invoice.links()
    page = await form_of(everybody, reference)
    assert "which cannot be undone" in page.text
    looked = await everybody.send(page.form("/amend"), ("check", "yes"), typed={QUANTITY: "9"})
    assert "It comes to" in looked.text
    assert (await everybody.get(of(reference))).status == 404, "nothing has been asked for"
    typed = {**named(reference), "reason": WHY}
    done = await everybody.send(looked.form("/amend"), AMEND, typed=typed)
    assert (done.path, "The amendment was asked for" in done.text) == (of(reference), True)
    state = await ended(office, reference)
    assert (state.status, state.makes) == (AmendStatus.AMENDED, f"{reference}-A1")
    made = await office.until_sent(state.makes)
    assert made.amounts
    assert made.amounts.net == Decimal("112.50")
    journal = await office.client.amendments.journal(reference)
    assert "all" in {each.proven for each in journal.entries if each.reason == WHY}


@detail
async def test_a_hold_that_was_released_holds_up_no_new_invoice(
    office: Office, everybody: Browser
) -> None:
    reference = await office.started(hold=True)
    await until_held(office, reference)
    await office.client.invoices.release(reference, Release(by=WHY, reason=WHY))
    await office.until_sent(reference)
    form = (await form_of(everybody, reference)).form("/amend")
    await everybody.send(form, AMEND, typed={**named(reference), "reason": WHY})
    state = await ended(office, reference)
    assert state.status is AmendStatus.AMENDED


@detail
async def test_mistakes_stand_beside_their_fields_and_nothing_is_credited(
    office: Office, everybody: Browser
) -> None:
    reference = await office.invoiced()
    form = (await form_of(everybody, reference)).form("/amend")
    for typed, says in (
        ({QUANTITY: "many"}, "must be a number"),
        ({"new_reference": reference}, "the new one needs a reference of its own"),
        ({"amendment": "a name?"}, "amendment-mistake"),
        ({"reason": ""}, "reason"),
    ):
        given = {**named(reference), "reason": WHY, **typed}
        again = await everybody.send(form, AMEND, typed=given)
        assert (again.status, says in again.answer.text) == (422, True), typed
        assert "Nothing has changed yet" in again.text
        if "new_reference" in typed:
            assert 'aria-describedby="new_reference-mistake"' in again.answer.text
    assert (await everybody.get(of(reference))).status == 404


@detail
async def test_one_that_could_not_be_made_is_made_again_by_the_form(
    office: Office, everybody: Browser
) -> None:
    state = await stuck(office)
    link = f"{of(state.reference, 'invoices')}/amend"
    assert link in (await everybody.get(of(state.reference))).links()
    page = await form_of(everybody, state.reference)
    form = page.form("/amend")
    assert f"{state.makes} is made as it stands below" in page.text
    assert not {"amendment", "new_reference"} & form.typed, "the names stay"
    done = await everybody.send(form, AMEND, typed={QUANTITY: "8", "reason": WHY})
    assert done.path == of(state.reference)
    # It is held as the one before was.
    await until_held(office, state.makes)
    order = Release(by=WHY, reason=WHY)
    await office.client.invoices.release(state.makes, order)
    last = await ended(office, state.reference)
    assert (last.status, last.amendment) == (AmendStatus.AMENDED, state.amendment)
    made = await office.until_sent(state.makes)
    assert made.amounts
    assert made.amounts.net == Decimal("100.00")


@detail
async def test_who_may_not_start_amends_nothing(
    office: Office, browser: Browser, looker: Browser
) -> None:
    reference = (await stuck(office)).reference
    for who in (browser, looker):
        links = (await who.get(of(reference))).links()
        assert f"{of(reference, 'invoices')}/amend" not in links
        assert (await who.get(f"{of(reference, 'invoices')}/amend")).status == 403
    token = (await browser.get("/console/")).form("/sign-out").hidden("form_token")
    data = {"form_token": token, "answer": "amend", "reason": WHY, "written": "{}"}
    answer = await browser.ask("POST", f"{of(reference, 'invoices')}/amend", data=data)
    assert answer.status_code == 403


async def test_what_is_no_final_invoice_is_not_amended(office: Office, everybody: Browser) -> None:
    reference = await office.started(hold=True)
    await office.until_invoice(reference, lambda invoice: invoice.waiting is not None)
    page = await everybody.get(f"{of(reference, 'invoices')}/amend")
    assert (page.status, "not final" in page.text) == (409, True)


@detail
@pytest.mark.parametrize("typed", NASTY)
async def test_what_is_typed_into_the_form_is_text(
    office: Office, everybody: Browser, final: str, typed: str
) -> None:
    """Names of the amendment, the invoice and its attachments, the reason, a person: `everybody`
    checks every page for markup."""
    page = await form_of(everybody, final)
    page = await everybody.send(page.form("/amend"), ("add", "document.attachments"))
    form = page.form("/amend")
    attached = {name for name in form.typed if name.startswith("document.attachments[0].")}
    assert attached
    names = {*attached, "document.buyer.name", "amendment", "new_reference", "reason"}
    again = await everybody.send(form, AMEND, typed=dict.fromkeys(names, typed))
    assert (again.status, again.path.endswith("/amend")) == (422, True)
    seen = [given.get("value", "") for tag, given in again.tags if tag == "input"]
    assert seen.count(str(shown(typed)).strip()) >= 3
    assert not [given for tag, given in again.tags if "evil" in given.get("href", "")]
    assert (await everybody.get(of(final))).status == 404, "nothing has been asked for"


@detail
@pytest.mark.parametrize("typed", NASTY)
async def test_what_is_attached_is_named_and_all_of_it_is_text(
    office: Office, everybody: Browser, typed: str
) -> None:
    paper = SupportingDocument(
        reference=typed, description=typed, location="https://files.example/hours.pdf"
    )
    document = a_document(lines=(TEN,), attachments=(paper,))
    reference = await office.invoiced(document=document)
    page = await everybody.get(of(reference, "invoices"))
    seen = " ".join(str(shown(typed)).split())
    assert f"{seen} : {seen} · https://files.example/hours.pdf" in page.text
    assert not [link for link in page.links() if "files.example" in link]


@pytest.fixture(scope="module")
async def final(office: Office) -> str:
    return await office.invoiced()


@pytest.fixture
async def elsewhere(office: Office) -> AsyncIterator[Gateway]:
    may = (Scope.READ, Scope.START, Scope.OPERATE)
    known = {"limited": caller(NOBODYS, *may, references=("MINE-",))}
    async with console_over(office.client, known) as gateway:
        yield gateway


@detail
async def test_a_limited_caller_amends_its_own_alone(office: Office, elsewhere: Gateway) -> None:
    limited = Browser(elsewhere.url)
    await limited.sign_in(NOBODYS)
    reference = await office.invoiced()
    assert (await limited.get(f"{of(reference, 'invoices')}/amend")).status == 404
    mine = await office.invoiced(reference=f"MINE-{reference}")
    form = (await form_of(limited, mine)).form("/amend")
    typed = {**named("OTHERS-1"), "reason": WHY}
    refused = await limited.send(form, AMEND, typed=typed)
    assert (refused.status, "references begin otherwise" in refused.text) == (403, True)
    assert (await limited.get(of(mine))).status == 404

"""Amendments at the console: the row of one that waits to be amended again, and its page."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from console import live, streams
from console.render import shown
from gateway import tokens
from invoicing.credits.amend import Amendment, AmendStatus
from invoicing.errors import FieldProblem, Rejected
from invoicing.request import InvoiceRequest
from invoicing.state.invoice import Cancel
from settings.callers import Scope
from temporal_server import Server
from tests.console.browser import Browser, console_over
from tests.console.scenes import WHY, everywhere, until
from tests.console.test_live import watching
from tests.console.test_typed import NASTY
from tests.gateway.door import caller
from tests.lifecycle.bookkeeper import NAME
from tests.lifecycle.office import Office, office_at
from tests.lifecycle.test_amend import an_amendment, bought_by, ended, until_held
from tests.lifecycle.test_amend import until as until_it
from tests.tiers import detail, slow

WHAT = "the invoice is credited and the new one is not made: amend it again, under the same name"


@pytest.fixture(scope="module")
async def office(server: Server) -> AsyncIterator[Office]:
    async with office_at(server) as made:
        yield made


def of(reference: str, kind: str = "amendments") -> str:
    return f"/console/{kind}/{reference.replace('#', '%23')}"


async def stuck(office: Office, reference: str = "", **changes: Any) -> Amendment:
    """An invoice that is credited, and whose new one somebody has cancelled."""
    reference = reference or await office.invoiced()
    wanted = an_amendment(reference, hold=True, **changes)
    wanted = wanted.model_copy(update={"reason": WHY, "by": WHY})
    await office.client.amendments.make(reference, wanted)
    await until_held(office, wanted.invoice.reference)
    await office.client.invoices.cancel(wanted.invoice.reference, Cancel(by=WHY, reason=WHY))
    return await until_it(
        office, reference, lambda state: state.status is AmendStatus.NEEDS_ATTENTION
    )


async def test_one_that_waits_is_in_the_inbox_and_its_page_says_what_to_do(
    office: Office, looker: Browser
) -> None:
    state = await stuck(office)
    reference = state.reference
    inbox = await everywhere(looker, reference)
    assert of(reference) in inbox.links()
    assert WHAT in inbox.text
    assert state.waiting is not None
    assert state.waiting.until is not None
    row = inbox.answer.text.partition(f">{reference}<")[2].partition("</tr>")[0]
    assert row.count(state.waiting.since.isoformat()) == 1
    assert str(state.waiting.until.year) in row.partition('class="day"')[2]
    page = await looker.get(of(reference))
    assert "Make the new one: stopped here End: to come" in page.text
    assert f"{reference} is credited, and the new invoice is not made: " in page.text
    assert f"amend {reference} A1 corrected.json --reason" in page.text
    assert f"POST /v1/invoices/{reference}/amendments" in page.text
    assert state.credit is not None
    links = {of(each, "invoices") for each in (reference, state.credit, state.makes)}
    assert links <= {*page.links()}
    assert [each.action for each in page.forms] == ["/console/sign-out"]
    assert f"asked for {WHY} {WHY}" in page.text
    assert of(reference) in (await looker.get(of(reference, "invoices"))).links()


@slow
async def test_one_that_waits_cannot_be_chosen_to_be_answered_together(
    office: Office, browser: Browser
) -> None:
    reference = (await stuck(office)).reference
    inbox = await everywhere(browser, reference)
    boxes = [given["value"] for tag, given in inbox.tags if given.get("type") == "checkbox"]
    assert f"amendments/{reference}" not in boxes
    asked = {"of": f"amendments/{reference}"}
    assert (await browser.get("/console/together", params=asked)).status == 422


@slow
async def test_one_that_goes_on_leaves_the_inbox_and_its_page_shows_the_end(
    office: Office, browser: Browser
) -> None:
    reference = (await stuck(office)).reference
    await everywhere(browser, reference)
    await office.client.amendments.make(reference, an_amendment(reference))
    state = await ended(office, reference)
    await until(browser, "/console/", lambda page: of(reference) not in page.links())
    page = await browser.get(of(reference))
    assert "Make the new one: done End: done" in page.text
    assert "corrected.json" not in page.text
    assert str(state.number) in page.text


@detail
async def test_one_that_was_refused_names_each_mistake_by_its_field(
    office: Office, browser: Browser
) -> None:
    reference = await office.invoiced()
    assert of(reference) not in (await browser.get(of(reference, "invoices"))).links()
    assert (await browser.get(of(reference))).status == 404, "nobody has amended it"
    office.provider.refused.add("Nobody")
    wanted = an_amendment(reference, document=bought_by("Nobody"))
    await office.client.amendments.make(reference, wanted)
    state = await ended(office, reference)
    (mistake,) = state.fields
    page = await browser.get(of(reference))
    assert f"{mistake.field} {mistake.message}" in page.text
    assert "stopped here Credit the invoice: not reached" in page.text
    assert of(state.makes, "invoices") not in page.links(), "there is none"


@slow
async def test_one_that_was_cut_off_says_so(office: Office, browser: Browser) -> None:
    reference = (await stuck(office)).reference
    await office.client.amendments.handle(reference).terminate("by a person")
    page = await browser.get(of(reference))
    assert "The same amendment again begins it again" in page.text


@detail
@pytest.mark.parametrize("typed", NASTY)
async def test_what_was_typed_is_shown_as_it_was_typed(
    office: Office, browser: Browser, typed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reason, who gave it, and what a provider says; `browser` checks the page for markup."""
    reference = await office.invoiced()

    def refuse(_: InvoiceRequest) -> None:
        raise Rejected(typed, fields=[FieldProblem(field=typed, message=typed)])

    monkeypatch.setattr(office.provider, "_refuse", refuse)
    wanted = an_amendment(reference).model_copy(update={"reason": typed, "by": typed})
    await office.client.amendments.make(reference, wanted)
    await ended(office, reference)
    page = await browser.get(of(reference))
    # In the sentence, the field, its message, the journal twice, and who wanted it why.
    assert page.text.count(" ".join(str(shown(typed)).split())) >= 6
    assert not [given for tag, given in page.tags if "evil" in given.get("href", "")]


@slow
@pytest.mark.parametrize("by", ["account", "reference"])
@pytest.mark.parametrize("mine", [True, False])
async def test_a_limited_caller_sees_its_own_alone(office: Office, by: str, mine: bool) -> None:
    reference = (await stuck(office)).reference
    token = tokens.new()
    limits = {
        "account": {"accounts": (f"{NAME}/{'default' if mine else 'another'}",)},
        "reference": {"references": (reference if mine else "OTHERS-",)},
    }[by]
    known = {
        "limited": caller(token, Scope.READ, **limits),
        "all": caller(ALL, Scope.READ),
    }
    async with console_over(office.client, known) as gateway:
        everybody, browser = Browser(gateway.url), Browser(gateway.url)
        await everybody.sign_in(ALL)
        await browser.sign_in(token)
        await everywhere(everybody, reference)
        assert (await browser.get(of(reference))).status == (200 if mine else 404)
        if mine:
            assert of(reference) in (await everywhere(browser, reference)).links()
        else:
            inbox = await browser.get("/console/")
            assert reference not in inbox.text
            never = await browser.get(of("NEVER-1"))
            assert (await browser.get(of(reference))).text == never.text


ALL = "all-0123456789abcdefghijklmnopqrstuvwxyz"


@slow
async def test_the_open_inbox_hears_of_one_that_waits(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever sees the old invoice alone hears of nothing else."""
    monkeypatch.setattr(streams, "EVERY", 0.05)
    monkeypatch.setattr(live, "TICK", 0.05)
    reference, token = await office.invoiced(), tokens.new()
    known = {"limited": caller(token, Scope.READ, references=(reference,))}
    async with console_over(office.client, known) as gateway:
        browser = Browser(gateway.url)
        await browser.sign_in(token)
        async with watching(browser, "/inbox") as stream:
            before = await stream.changed()
            await stuck(office, reference=reference, makes=f"N-{reference}")
            assert await stream.changed() != before

"""The second pair of eyes: two people who are signed in, and the very same decision."""

from __future__ import annotations

import pytest

from invoicing.consent import Consent
from invoicing.state.invoice import Status
from tests.console.browser import Browser
from tests.console.conftest import signed_in
from tests.console.scenes import WHY, differing, everywhere, held
from tests.gateway.door import Gateway
from tests.lifecycle.world import Company, World
from tests.tiers import detail

FIRST = "I looked at the order"


@pytest.fixture
async def other(console: Gateway) -> Browser:
    """A second person who may answer."""
    return await signed_in(console, "all")


def rule(world: World, company: Company, *kinds: str) -> None:
    world.consents["zero_friction"][company.account] = Consent(of=kinds)


async def test_the_second_person_sees_who_was_first_and_why_and_carries_it_out(
    shared_world: World, company: Company, browser: Browser, other: Browser, looker: Browser
) -> None:
    rule(shared_world, company, "release")
    reference = await held(company)
    path = f"/console/invoices/{reference}"
    told = await browser.send((await browser.get(path)).form("/release"), reason=FIRST)
    assert "Your consent was taken" in told.text
    assert "“Release it” needs two people. operate was the first" in told.text
    assert "That was you, so it has to be somebody else." in told.text
    assert (await company.client.invoices.state(reference)).status is Status.HELD

    row = "“Release it”: operate was the first, a second person is missing."
    assert row in (await everywhere(other, reference)).text
    seen = await other.get(path)
    assert f"{FIRST} If you want the very same, choose “Release it” below" in seen.text
    watching = await looker.get(path)
    assert f"{FIRST} Your token may look, not answer" in watching.text

    done = await other.send(seen.form("/release"), reason=WHY)
    assert "It was released and goes on." in done.text
    assert "second person" not in done.text
    assert (await company.finished(reference)).status is Status.SENT
    journal = await company.client.invoices.journal(reference)
    given = [(each.proven, each.reason) for each in journal.entries if each.reason in (FIRST, WHY)]
    assert given == [("operate", FIRST), ("all", WHY)]


@detail
async def test_one_person_is_not_both(
    shared_world: World, company: Company, browser: Browser
) -> None:
    rule(shared_world, company, "release")
    reference = await held(company)
    page = await browser.get(f"/console/invoices/{reference}")
    told = await browser.send(page.form("/release"), reason=FIRST)
    again = await browser.send(told.form("/release"), reason="once more")
    assert again.status == 409
    assert "another person's consent is missing" in again.text
    assert (await company.client.invoices.state(reference)).status is Status.HELD


@detail
async def test_an_answer_to_a_question_needs_the_same_answer_of_a_second_person(
    shared_world: World, company: Company, browser: Browser, other: Browser
) -> None:
    rule(shared_world, company, "abandon", "retry")
    reference = await differing(company)
    path = f"/console/invoices/{reference}"
    form = (await browser.get(path)).form("/resolve", "abandon")
    await browser.send(form, ("answer", "abandon"), reason=FIRST)
    seen = await other.get(path)
    assert "“End here” needs two people. operate was the first" in seen.text
    together = await other.get("/console/together", params={"of": f"invoices/{reference}"})
    assert "“End here”: operate was the first, a second person is missing." in together.text
    # Another answer is another first, and carries nothing out.
    both = await other.send(
        seen.form("/resolve", "retry"), ("answer", "retry"), reason="try it once more"
    )
    assert "Your consent was taken" in both.text
    assert "“Try again” needs two people. all was the first" in both.text
    assert (await company.client.invoices.state(reference)).status is Status.NEEDS_ATTENTION
    form = both.form("/resolve", "abandon")
    done = await other.send(form, ("answer", "abandon"), reason=WHY)
    assert "Your answer was taken" in done.text
    await company.until_status(reference, Status.ABANDONED)

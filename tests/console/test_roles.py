"""Role by role, and what a limited caller finds: what is not its own is answered as what is not
there."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from gateway import tokens
from invoicing.state.invoice import Status
from settings.callers import Scope
from tests.console.browser import Browser, console_over
from tests.console.scenes import differing, everywhere, held, told
from tests.gateway.door import caller
from tests.gateway.test_orders import an_order
from tests.lifecycle.world import Company, World
from tests.tiers import detail

MINE = f"MINE-{uuid.uuid4().hex[:8]}-"


async def test_who_may_only_look_sees_everything_and_no_button(
    company: Company, looker: Browser
) -> None:
    reference = await differing(company)
    inbox = await everywhere(looker, reference)
    paths = (f"/invoices/{reference}", f"/together?of=invoices/{reference}", "/invoices", "/orders")
    pages = [inbox, *[await looker.get(f"/console{path}") for path in paths]]
    for page in pages:
        assert page.status == 200
        posts = [each.action for each in page.forms if each.method == "post" and each.buttons]
        assert posts == []
        assert "may look, not answer" in page.text
    assert "figures are not ours" in pages[1].text


@detail
@pytest.mark.parametrize(
    "end", ["invoices/{}/resolve", "invoices/{}/hold", "invoices/{}/release", "invoices/{}/cancel"]
)
async def test_who_may_only_look_changes_nothing_whatever_is_sent(
    company: Company, looker: Browser, end: str
) -> None:
    reference = await differing(company)
    token = (await looker.get("/console/")).form("/sign-out").hidden("form_token")
    problem = (await company.client.invoices.state(reference)).problem
    assert problem
    data = {"form_token": token, "reason": "x", "answer": "retry", "question": problem.question}
    answer = await looker.ask("POST", f"/console/{end.format(reference)}", data=data)
    assert answer.status_code == 403
    assert "You may not do that" in answer.text
    several = {**data, "asked": f"invoices/{reference}|{problem.question}"}
    assert (await looker.ask("POST", "/console/together", data=several)).status_code == 403
    assert (await company.client.invoices.state(reference)).problem == problem


@dataclass
class Two:
    """Somebody who is limited to one company, or to how its references begin; and another one."""

    mine: Company
    other: Company
    browser: Browser


@pytest.fixture(params=["by account", "by reference"])
async def two(shared_world: World, request: pytest.FixtureRequest) -> AsyncIterator[Two]:
    token = tokens.new()
    async with shared_world.company() as mine, shared_world.company() as other:
        limits = (
            {"accounts": (f"zero_friction/{mine.account}",)}
            if request.param == "by account"
            else {"references": (MINE,)}
        )
        known = {"limited": caller(token, Scope.READ, Scope.OPERATE, **limits)}
        async with console_over(shared_world.client, known) as gateway:
            browser = Browser(gateway.url)
            await browser.sign_in(token)
            yield Two(mine, other, browser)


@detail
async def test_a_limited_caller_sees_its_own_and_nothing_else(two: Two) -> None:
    mine = f"{MINE}{uuid.uuid4().hex[:8]}"
    await two.mine.start(two.mine.request(mine, hold=True))
    await two.mine.until_status(mine, Status.HELD)
    other, wanted = await held(two.other), an_order(two.other, 1)
    await two.other.client.orders.start(wanted)
    event = await told(two.other)
    inbox = await everywhere(two.browser, mine)
    assert other not in inbox.text
    assert event not in inbox.text
    assert other not in (await two.browser.get("/console/invoices")).text
    assert wanted.reference not in (await two.browser.get("/console/orders")).text
    assert (await two.browser.get(f"/console/invoices/{mine}")).status == 200
    never = await two.browser.get("/console/invoices/NEVER-1")
    for path in (f"invoices/{other}", f"orders/{wanted.reference}", f"events/{event}"):
        page = await two.browser.get(f"/console/{path}")
        assert (page.status, page.text) == (404, never.text)
    for item in (f"invoices/{other}", f"orders/{wanted.reference}"):
        page = await two.browser.get("/console/together", params={"of": item})
        assert (page.status, page.text) == (404, never.text)
    await two.other.client.orders.handle(wanted.reference).terminate("the test is over")


@detail
async def test_a_limited_caller_changes_nothing_of_others(two: Two) -> None:
    other = await held(two.other)
    home = await two.browser.get("/console/")
    token = home.form("/sign-out").hidden("form_token")
    data = {"form_token": token, "reason": "x", "answer": "release", "question": "q1"}
    for verb in ("resolve", "release", "cancel", "hold"):
        answer = await two.browser.ask("POST", f"/console/invoices/{other}/{verb}", data=data)
        assert answer.status_code == 404
    several = {**data, "asked": f"invoices/{other}|q1"}
    answer = await two.browser.ask("POST", "/console/together", data=several)
    assert "nothing is known here" in answer.text
    assert (await two.other.client.invoices.state(other)).status is Status.HELD
    journal = await two.other.client.invoices.journal(other)
    assert not [each for each in journal.entries if each.proven]

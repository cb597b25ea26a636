"""What stands before a person at the console: what waits for an answer, and how a page is waited
for."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from typing import Any

from invoicing.provider import Event
from invoicing.state.invoice import Status
from sandbox.zero_friction import Step, Told
from tests.console.browser import Browser, Page
from tests.lifecycle.world import Company
from tests.patience import LONG_ENOUGH

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
    browser: Browser, path: str, sure: Callable[[Page], bool], within: float = LONG_ENOUGH
) -> Page:
    """The page once it is so: lists are a moment behind."""
    async with asyncio.timeout(within):
        while not sure(page := await browser.get(path)):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        return page


async def everywhere(browser: Browser, name: str) -> Page:
    """The inbox's page that shows it; others' rows may fill the first."""
    async with asyncio.timeout(LONG_ENOUGH):
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


async def told(company: Company) -> str:
    event = Event(id=f"evt-{uuid.uuid4().hex}", kind="payment", body={"invoiceId": "nobody's"})
    handle = await company.client.events.tell("zero_friction", company.account, event, pace=1e-6)
    return handle.id.removeprefix("event/")

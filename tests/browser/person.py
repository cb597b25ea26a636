"""A person at a real browser: Debian's Chromium, driven by Playwright. What they click and type is
counted."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import AsyncIterator
from typing import Any

from playwright.async_api import Browser, Locator, Page, async_playwright, expect

WITHIN = 120_000
"""Milliseconds for anything to be seen: many tests share the machine."""
FOR_MANY = 600_000
"""Milliseconds for what hundreds of invoices come to: each is a second's work of a busy machine."""
PATIENT = {"temporal_seconds": 60.0, "worker_seconds": 60.0}
"""Settings of a gateway on such a machine: whether it answers in time is tried elsewhere."""
NOT_HERE = (
    "no Chromium can be found here, so no real browser tries the console: install Debian's package "
    "chromium, or set CHROMIUM to its path"
)


def chromium() -> str | None:
    """Where it is."""
    named = os.environ.get("CHROMIUM")
    return named or shutil.which("chromium") or shutil.which("chromium-browser")


@contextlib.asynccontextmanager
async def a_browser(path: str) -> AsyncIterator[Browser]:
    """One that is closed at the end."""
    expect.set_options(timeout=WITHIN)
    # Its sandbox does not start as root, and everything it is shown here is ours.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=path, args=arguments)
        try:
            yield browser
        finally:
            await browser.close()


class Person:
    """Somebody at one page, by what they see: links, buttons and fields by their names."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.clicks = 0
        self.typed = 0

    async def open(self, path: str = "/") -> None:
        """By a link from elsewhere; what was counted is forgotten."""
        await self.page.goto(f"{self.url}/console{path}")
        self.clicks = self.typed = 0

    async def sign_in(self, token: str) -> None:
        await self.open("/sign-in")
        await self.type("Your token", token)
        await self.press("Sign in")
        await self.sees("What waits for a person")

    async def follow(self, name: str) -> None:
        """Click a link."""
        await self._click(self.page.get_by_role("link", name=name, exact=True).first)

    async def press(self, name: str, within: Locator | None = None) -> None:
        """Click the button whose name begins so."""
        around = within or self.page.locator("body")
        await self._click(around.locator("button", has_text=name).first)

    async def unfold(self, name: str) -> Locator:
        """Click what is folded in under this name; what is in it."""
        details = self.page.locator("details").filter(has=self.page.get_by_text(name, exact=True))
        await self._click(details.locator("> summary").first)
        return details.first

    async def type(self, label: str, text: str, within: Locator | None = None) -> None:
        """Fill in the field of this name."""
        around = within or self.page
        self.typed += 1
        await around.get_by_label(label).first.fill(text)

    async def sees(self, text: str, within: float = WITHIN) -> None:
        """Once it is there."""
        await expect(self.page.locator("main")).to_contain_text(text, timeout=within)

    async def _click(self, locator: Locator) -> None:
        self.clicks += 1
        await locator.click()


@contextlib.asynccontextmanager
async def person_at(browser: Browser, url: str, token: str, **how: Any) -> AsyncIterator[Person]:
    """Somebody who has signed in, in a browser of their own."""
    context = await browser.new_context(locale="en-US", **how)
    context.set_default_timeout(WITHIN)
    try:
        person = Person(await context.new_page(), url)
        await person.sign_in(token)
        yield person
    finally:
        await context.close()

"""Pages that move by themselves: what they are told, how many there may be, and when that ends."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from starlette.routing import Mount

from console import live, streams
from console.app import LOOKS, WHERE
from console.door import Console
from gateway import tokens
from settings.callers import Scope
from tests.console.browser import Browser, console_over
from tests.console.conftest import signed_in
from tests.console.scenes import differing, held
from tests.gateway.door import Gateway, caller
from tests.lifecycle.world import Company, World
from tests.patience import LONG_ENOUGH
from tests.tiers import detail, slow
from tests.tls import NO_TLS


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The paces of a test."""
    monkeypatch.setattr(streams, "EVERY", 0.05)
    monkeypatch.setattr(live, "TICK", 0.05)


def console_of(gateway: Gateway) -> Console:
    (mounted,) = [
        each for each in gateway.app.routes if isinstance(each, Mount) and each.path == WHERE
    ]
    assert isinstance(mounted.app, FastAPI)
    console: Console = mounted.app.state.console
    return console


class Stream:
    """What a page hears."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer = answer
        self._lines = answer.aiter_lines()

    async def changed(self, within: float = LONG_ENOUGH) -> str:
        """The version of the next event."""
        async with asyncio.timeout(within):
            async for line in self._lines:
                if line.startswith("id: "):
                    return line.removeprefix("id: ")
        raise AssertionError("the stream has ended")

    async def ended(self, within: float = LONG_ENOUGH) -> None:
        async with asyncio.timeout(within):
            async for _ in self._lines:
                pass


@contextlib.asynccontextmanager
async def watching(browser: Browser, path: str) -> AsyncIterator[Stream]:
    async with (
        httpx.AsyncClient(
            base_url=browser.url,
            cookies=browser.cookies,
            trust_env=False,
            timeout=30,
            verify=NO_TLS,
        ) as http,
        http.stream("GET", f"/console/live{path}", headers={"Accept-Language": "en"}) as answer,
    ):
        # Held here: one that nobody holds any more is closed when it is collected, and a page that
        # nobody closed would have left.
        stream = Stream(answer)
        yield stream


# --- what is told ---------------------------------------------------------------------------------


async def test_a_page_is_told_at_once_and_whenever_its_invoice_moves(
    company: Company, browser: Browser
) -> None:
    reference = await held(company)
    async with watching(browser, f"/invoices/{reference}") as stream:
        assert stream.answer.status_code == 200
        assert stream.answer.headers["content-type"].startswith("text/event-stream")
        first = await stream.changed()
        page = await browser.get(f"/console/invoices/{reference}")
        await browser.send(page.form("/release"), reason="seen")
        assert await stream.changed() != first


@detail
async def test_the_inbox_is_told_of_what_comes_and_of_what_goes(
    company: Company, browser: Browser
) -> None:
    async with watching(browser, "/inbox") as stream:
        before = await stream.changed()
        reference = await differing(company)
        assert await stream.changed() != before
        page = await browser.get(f"/console/invoices/{reference}")
        await browser.send(page.form("/resolve"), ("answer", "abandon"), reason="seen")
        await stream.changed()


@detail
async def test_after_a_lost_connection_the_first_event_comes_at_once(
    company: Company, browser: Browser
) -> None:
    """So what has changed meanwhile is seen: the page asks for itself with each event."""
    reference = await held(company)
    versions = []
    for _ in range(2):
        async with watching(browser, f"/invoices/{reference}") as stream:
            versions.append(await stream.changed())
    assert versions[0] == versions[1]


@slow
async def test_those_who_watch_the_same_share_its_looks(
    shared_world: World, company: Company
) -> None:
    reference = await held(company)
    async with console_over(shared_world.client) as gateway:
        people = [await signed_in(gateway, who) for who in ("operate", "read", "all")]
        async with contextlib.AsyncExitStack() as stack:
            for each in people:
                stream = await stack.enter_async_context(watching(each, f"/invoices/{reference}"))
                await stream.changed()
            told = [console_of(gateway).streams.under_way]
            # The last one hears of a change, so time has passed in which others could have left.
            page = await people[0].get(f"/console/invoices/{reference}")
            await people[0].send(page.form("/release"), reason="seen")
            await stream.changed()
            told.append(console_of(gateway).streams.under_way)
        async with asyncio.timeout(LONG_ENOUGH):
            while told[-1] != (0, 0):
                told.append(console_of(gateway).streams.under_way)
                await asyncio.sleep(0.02)
    assert told[:2] == [(3, 1), (3, 1)]


# --- bounds ---------------------------------------------------------------------------------------


@detail
async def test_one_person_s_pages_and_all_pages_that_move_are_bounded(
    shared_world: World, company: Company
) -> None:
    reference = await held(company)
    async with (
        console_over(shared_world.client, console_streams=2, console_streams_in_all=3) as gateway,
        contextlib.AsyncExitStack() as stack,
    ):
        one, other, third = [await signed_in(gateway, who) for who in ("operate", "read", "all")]
        for each in (one, one, other):
            stream = await stack.enter_async_context(watching(each, "/inbox"))
            assert stream.answer.status_code == 200
        async with watching(one, "/inbox") as refused:
            assert refused.answer.status_code == 429
        async with watching(third, "/inbox") as refused:
            assert refused.answer.status_code == 503
            assert refused.answer.headers["retry-after"] == "60"
        # What does not move by itself is served as ever, and says what to do.
        page = await one.get(f"/console/invoices/{reference}")
        assert page.status == 200
        (region,) = [given for _, given in page.tags if given.get("id") == "live"]
        assert "Reload to see how it stands." in region["data-off"]


async def test_a_page_that_is_left_gives_its_place_back(shared_world: World) -> None:
    async with console_over(shared_world.client, console_streams=1) as gateway:
        browser = await signed_in(gateway, "operate")
        for _ in range(3):
            async with asyncio.timeout(LONG_ENOUGH):
                while True:
                    async with watching(browser, "/inbox") as stream:
                        if stream.answer.status_code == 200:
                            await stream.changed()
                            break
                    await asyncio.sleep(0.02)


async def test_streams_take_no_place_of_requests(shared_world: World) -> None:
    async with (
        console_over(shared_world.client, caller_at_once=1) as gateway,
        contextlib.AsyncExitStack() as stack,
    ):
        browser = await signed_in(gateway, "operate")
        for _ in range(3):
            stream = await stack.enter_async_context(watching(browser, "/inbox"))
            await stream.changed()
        assert (await browser.get("/console/")).status == 200


# --- when it ends ---------------------------------------------------------------------------------


async def test_a_stream_ends_when_its_person_signs_out(console: Gateway) -> None:
    browser = await signed_in(console, "operate")
    async with watching(browser, "/inbox") as stream:
        await stream.changed()
        page = await browser.get("/console/")
        await browser.send(page.form("/sign-out"))
        await stream.ended()


async def test_an_open_page_keeps_no_idle_session_alive(
    shared_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with console_over(shared_world.client, console_minutes=1) as gateway:
        browser = await signed_in(gateway, "operate")
        answer = await browser.ask("GET", "/console/", headers={"X-Live": "1"})
        assert "set-cookie" not in answer.headers
        async with watching(browser, "/inbox") as stream:
            assert "set-cookie" not in stream.answer.headers
            await stream.changed()
            sessions = console_of(gateway).sessions
            now = sessions._clock()
            monkeypatch.setattr(sessions, "_clock", lambda: now + 62)
            await stream.ended()
        again = await browser.ask("GET", "/console/live/inbox")
        assert again.headers["location"].startswith("/console/sign-in")


async def test_a_stream_ends_with_its_token(
    shared_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with console_over(shared_world.client) as gateway:
        browser = await signed_in(gateway, "operate")
        async with watching(browser, "/inbox") as stream:
            await stream.changed()
            monkeypatch.setattr(gateway.app.state.access._callers, "_tokens", [])
            await stream.ended()


@detail
async def test_a_stream_ends_after_a_while_and_when_the_gateway_stops(
    shared_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with console_over(shared_world.client, grace=30) as gateway:
        browser = await signed_in(gateway, "operate")
        with monkeypatch.context() as short:
            short.setattr(live, "LONGEST", 0.3)
            async with watching(browser, "/inbox") as stream:
                await stream.ended()
        async with watching(browser, "/inbox") as stream:
            await stream.changed()
            gateway.app.state.backend.stopping.set()
            await stream.ended(5)


# --- who may --------------------------------------------------------------------------------------


@detail
async def test_what_is_not_one_s_own_is_not_watched(shared_world: World, company: Company) -> None:
    key = tokens.new()
    limited = {"limited": caller(key, Scope.READ, accounts=("invoro",))}
    reference = await held(company)
    async with console_over(shared_world.client, limited) as gateway:
        browser = Browser(gateway.url)
        async with watching(browser, "/inbox") as stream:
            assert stream.answer.status_code == 303
        await browser.sign_in(key)
        for path in (f"/invoices/{reference}", f"/orders/{reference}", "/invoices/NEVER-1"):
            async with watching(browser, path) as stream:
                assert stream.answer.status_code == 404
        async with watching(browser, "/inbox") as stream:
            first = await stream.changed()
            await differing(company)
            with pytest.raises(TimeoutError):
                await stream.changed(1)
        assert first


# --- the script -----------------------------------------------------------------------------------


@detail
async def test_the_script_is_one_file_of_ours_and_pages_work_without_it(
    company: Company, browser: Browser
) -> None:
    reference = await held(company)
    for path in ("/console/", f"/console/invoices/{reference}"):
        page = await browser.get(path)
        assert [given["src"] for tag, given in page.tags if tag == "script"] == ["/console/live.js"]
    answer = await browser.ask("GET", "/console/live.js")
    assert answer.headers["content-type"].startswith(LOOKS["live.js"])
    assert "script-src 'self';" in page.answer.headers["content-security-policy"]
    # What was filled in and is shown again does not move away.
    again = await browser.send(page.form("/release"), reason=" ")
    assert again.status == 422
    assert not [tag for tag, _ in again.tags if tag == "script"]


def test_the_script_writes_no_markup_and_asks_nobody_else() -> None:
    text = Path(live.__file__).with_name("live.js").read_text()
    for word in ("eval", "innerHTML =", "insertAdjacentHTML", "document.write", "http"):
        assert word not in text

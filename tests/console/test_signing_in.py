"""Who gets in, for how long, and what a page of somebody else cannot do."""

from __future__ import annotations

import logging
import re
import threading
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from console.sessions import LONGEST, Sessions
from console.signing_in import within
from gateway.guard import HEADERS
from gateway.inputs import AT_ONCE
from settings import gateway as settings_of_gateway
from settings.variables import BadSettings
from tests.console.browser import KEY, STARTER, Browser, Page, console_over, people
from tests.console.conftest import signed_in
from tests.gateway.door import TOKENS, Gateway, callers, gateway_over
from tests.lifecycle.world import World
from tests.tiers import detail

PATHS = ["/", "/invoices", "/orders", "/together", "/invoices/X-1", "/orders/X-1", "/events/a/b/c"]


async def test_there_is_no_console_where_no_key_is_set(shared_world: World) -> None:
    async with gateway_over(shared_world.client, callers()) as gateway:
        for path in ("/console", "/console/", "/console/sign-in"):
            assert (await Browser(gateway.url).ask("GET", path)).status_code == 404


@pytest.mark.parametrize("path", PATHS)
async def test_whoever_has_not_signed_in_is_asked_to_and_gets_back(
    console: Gateway, path: str
) -> None:
    stranger = Browser(console.url)
    page = await stranger.get(f"/console{path}")
    assert (page.status, page.path) == (200, "/console/sign-in")
    assert len(page.forms) == 1
    back = await stranger.send(page.form("/sign-in"), token=TOKENS["operate"])
    assert back.path == f"/console{path}"


async def test_the_address_without_its_slash_leads_to_the_console(console: Gateway) -> None:
    answer = await Browser(console.url).ask("GET", "/console")
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/")


async def test_a_token_that_is_not_known_lets_nobody_in(console: Gateway) -> None:
    stranger = Browser(console.url)
    page = await stranger.sign_in("wrong")
    assert page.status == 401
    assert "not known here" in page.text
    assert (await stranger.get("/console/")).path == "/console/sign-in"


async def test_who_signs_in_and_who_is_refused_is_a_line_each(
    console: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for token in (TOKENS["operate"], "canary-token-canary-token-canary", STARTER):
        await Browser(console.url).sign_in(token)
    await Browser(console.url).ask("POST", "/console/sign-in", data={"token": TOKENS["read"]})
    lines = [each for each in caplog.records if each.name == "invoicing.gateway.requests"]
    names = ("caller", "role", "route", "status", "outcome", "address")
    route = "POST /console/sign-in"
    assert [tuple(vars(each)[name] for name in names) for each in lines] == [
        ("operate", "-", route, 303, "signed_in", "127.0.0.1"),
        ("-", "-", route, 401, "unauthenticated", "127.0.0.1"),
        ("starter", "-", route, 403, "forbidden", "127.0.0.1"),
        ("-", "-", route, 403, "forbidden", "127.0.0.1"),
    ]
    assert [each.levelno for each in lines] == [logging.INFO, *[logging.WARNING] * 3]
    secrets = ("canary", STARTER, *TOKENS.values())
    assert not any(secret in each.getMessage() for secret in secrets for each in lines)


@pytest.mark.parametrize("token", [STARTER, TOKENS["decrypt"]])
async def test_a_token_that_may_not_look_lets_nobody_in(console: Gateway, token: str) -> None:
    stranger = Browser(console.url)
    page = await stranger.sign_in(token)
    assert page.status == 403
    assert "may not look" in page.text
    assert (await stranger.get("/console/")).path == "/console/sign-in"


def set_by(answer: httpx.Response) -> list[str]:
    return answer.headers.get_list("set-cookie")


async def posted(browser: Browser, page: Page, end: str, **typed: str) -> httpx.Response:
    form = page.form(end)
    return await browser.ask("POST", form.action, data={**dict(form.fields), **typed})


async def test_the_cookie_shows_nothing_and_is_out_of_reach(console: Gateway) -> None:
    browser = Browser(console.url)
    page = await browser.get("/console/sign-in")
    (kept, dropped) = set_by(await posted(browser, page, "/sign-in", token=TOKENS["operate"]))
    assert kept.startswith("invoicing=")
    assert TOKENS["operate"] not in kept
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(kept.split("; "))
    assert not re.search("expires|max-age|domain", kept, re.IGNORECASE)
    assert dropped.startswith('invoicing-form=""')


async def test_on_any_other_machine_the_cookie_is_for_tls_and_this_host_alone(
    shared_world: World,
) -> None:
    async with console_over(shared_world.client, hosts=("invoices.example.com",)) as gateway:
        named = Browser(gateway.url, {"Host": "invoices.example.com"})
        (kept,) = set_by(await named.ask("GET", "/console/sign-in"))
    assert kept.startswith("__Host-invoicing-form=")
    assert "Secure" in kept.split("; ")


async def test_signing_in_begins_a_session_that_nobody_knew_before(console: Gateway) -> None:
    """Whatever cookie an attacker had put there, what is signed in is another one."""
    planted = (await signed_in(console, "read")).cookies["invoicing"]
    browser = Browser(console.url)
    browser.cookies.set("invoicing", planted, domain="127.0.0.1", path="/")
    before = dict(browser.cookies)
    await browser.sign_in(TOKENS["operate"])
    assert browser.cookies["invoicing"] != before["invoicing"]
    home = await browser.get("/console/")
    assert "Signed in as operate" in home.text
    form = await browser.get("/console/sign-in")
    known = form.form("/sign-in").hidden("form_token")
    of_form = browser.cookies["invoicing-form"]
    again = await browser.send(form.form("/sign-in"), token=TOKENS["operate"])
    assert again.form("/sign-out").hidden("form_token") != known
    stranger = Browser(console.url)
    stranger.cookies.set("invoicing", of_form, domain="127.0.0.1", path="/")
    assert (await stranger.get("/console/")).path == "/console/sign-in"


async def test_a_form_of_another_session_signs_nobody_in(console: Gateway) -> None:
    """Nor can somebody be signed in unawares, as somebody else."""
    other = await Browser(console.url).get("/console/sign-in")
    browser = Browser(console.url)
    await browser.get("/console/sign-in")
    answer = await posted(browser, other, "/sign-in", token=TOKENS["operate"])
    assert answer.status_code == 403
    without = await posted(Browser(console.url), other, "/sign-in", token=TOKENS["operate"])
    assert without.status_code == 403
    assert "invoicing=" not in str(set_by(answer) + set_by(without))


async def test_signing_out_ends_the_session_for_every_copy_of_its_cookie(console: Gateway) -> None:
    browser = await signed_in(console, "operate")
    copy = Browser(console.url)
    copy.cookies.set("invoicing", browser.cookies["invoicing"], domain="127.0.0.1", path="/")
    assert (await copy.get("/console/")).path == "/console/"
    page = await browser.get("/console/")
    out = await browser.send(page.form("/sign-out"))
    assert (out.path, "You are signed out." in out.text) == ("/console/sign-in", True)
    for each in (browser, copy):
        assert (await each.get("/console/")).path == "/console/sign-in"


async def test_only_a_form_of_the_session_signs_out(console: Gateway) -> None:
    browser = await signed_in(console, "operate")
    answer = await browser.ask("POST", "/console/sign-out", data={"form_token": "x"})
    assert answer.status_code == 403
    assert (await browser.get("/console/")).path == "/console/"


@detail
async def test_a_session_ends_with_its_token(shared_world: World) -> None:
    async with console_over(shared_world.client) as gateway:
        browser = await signed_in(gateway, "operate")
    left = {name: one for name, one in people().items() if name != "operate"}
    async with console_over(shared_world.client, left) as gateway:
        later = Browser(gateway.url)
        later.cookies.set("invoicing", browser.cookies["invoicing"], domain="127.0.0.1", path="/")
        assert (await later.get("/console/")).path == "/console/sign-in"


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def sessions(clock: Clock, *keys: str) -> Sessions:
    made = [SecretStr(each) for each in keys or (KEY,)]
    return Sessions(made, timedelta(minutes=15), clock)


def test_a_session_ends_when_nothing_was_asked_in_it_for_the_idle_time() -> None:
    clock = Clock()
    one = sessions(clock)
    cookie = one.sealed(one.begin("token"))
    clock.now += 15 * 60
    assert one.opened(cookie)
    clock.now += 1
    assert one.opened(cookie) is None


def test_a_session_that_is_used_ends_all_the_same() -> None:
    clock = Clock()
    one = sessions(clock)
    session = one.begin("token")
    clock.now += LONGEST.total_seconds()
    assert one.opened(one.sealed(session)) == session
    clock.now += 1
    assert one.opened(one.sealed(session)) is None


def test_a_key_is_changed_while_the_old_one_still_opens() -> None:
    clock, other = Clock(), KEY[::-1]
    old, both, new = (sessions(clock, *keys) for keys in ((KEY,), (other, KEY), (other,)))
    cookie = old.sealed(old.begin("token"))
    assert both.opened(cookie)
    assert new.opened(cookie) is None
    assert new.opened(both.sealed(both.begin("token")))


@pytest.mark.parametrize("cookie", [None, "", "x", "ü", "a" * 5000, "gAAAAA", "\x00"])
def test_what_is_no_cookie_of_ours_is_nobody(cookie: str | None) -> None:
    assert sessions(Clock()).opened(cookie) is None


def test_what_somebody_else_has_sealed_is_nobody() -> None:
    clock = Clock()
    content = sessions(clock).begin("token").model_dump_json().encode()
    forged = Fernet(Fernet.generate_key()).encrypt_at_time(content, int(clock.now)).decode()
    assert sessions(clock).opened(forged) is None


def test_ended_sessions_are_remembered_as_long_as_their_cookies_are_good() -> None:
    clock = Clock()
    one = sessions(clock)
    first, second = one.begin("token"), one.begin("token")
    cookie = one.sealed(first)
    one.end(first)
    assert one.opened(cookie) is None
    clock.now += 16 * 60
    one.end(second)
    assert len(one._ended) == 1


@pytest.mark.parametrize(
    "path",
    [
        "https://evil.example",
        "\\evil.example",
        "javascript:alert(1)",
        "",
        "/x\r\nSet-Cookie: a=b",
        "/" + "x" * 2000,
        "/\u202e",
    ],
)
async def test_what_leads_elsewhere_is_not_followed(console: Gateway, path: str) -> None:
    assert within(path) == "/"
    browser = Browser(console.url)
    page = await browser.get("/console/sign-in", params={"next": path})
    answer = await posted(browser, page, "/sign-in", token=TOKENS["operate"], next=path)
    assert answer.headers["location"] == "/console/"


@pytest.mark.parametrize("path", ["//evil.example", "/..//evil.example", "/@evil.example"])
async def test_wherever_it_leads_it_is_on_this_host(console: Gateway, path: str) -> None:
    browser = Browser(console.url)
    page = await browser.get("/console/sign-in", params={"next": path})
    answer = await posted(browser, page, "/sign-in", token=TOKENS["operate"], next=path)
    where = httpx.URL(console.url).join(answer.headers["location"])
    assert where.netloc == httpx.URL(console.url).netloc
    assert answer.headers["location"].startswith("/console/")


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
async def test_a_form_that_another_site_s_page_sends_is_refused(
    console: Gateway, headers: dict[str, str]
) -> None:
    """Even where it knew the form's token."""
    browser = await signed_in(console, "operate")
    form = (await browser.get("/console/")).form("/sign-out")
    answer = await browser.ask("POST", form.action, data=dict(form.fields), headers=headers)
    assert answer.status_code == 403
    assert (await browser.get("/console/")).path == "/console/"


@pytest.mark.parametrize("media", ["application/json", "multipart/form-data", "text/plain"])
async def test_what_is_no_form_is_refused(browser: Browser, media: str) -> None:
    answer = await browser.ask(
        "POST", "/console/together", content=b"{}", headers={"Content-Type": media}
    )
    assert answer.status_code == 415


@pytest.mark.parametrize("body", [b"\xff=1", b"&".join(b"a=1" for _ in range(1000))])
async def test_what_cannot_be_read_is_refused(browser: Browser, body: bytes) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await browser.ask("POST", "/console/together", content=body, headers=headers)
    assert answer.status_code == 400


async def test_a_stranger_s_form_is_short(console: Gateway) -> None:
    browser = Browser(console.url)
    page = await browser.get("/console/sign-in")
    answer = await posted(browser, page, "/sign-in", token="x" * 10_000)
    assert answer.status_code == 413


@pytest.mark.parametrize("path", ["/console/", "/console/sign-in", "/console/console.css"])
async def test_under_a_foreign_name_there_is_no_console(console: Gateway, path: str) -> None:
    answer = await Browser(console.url, {"Host": "evil.example"}).ask("GET", path)
    assert answer.status_code == 421


async def test_what_pages_look_like_is_kept_by_browsers_and_pages_are_not(
    console: Gateway, browser: Browser
) -> None:
    for name, media in (("console.css", "text/css"), ("icon.svg", "image/svg+xml")):
        look = await Browser(console.url).ask("GET", f"/console/{name}")
        assert look.headers["content-type"].startswith(media)
        assert look.headers["cache-control"] == "max-age=3600"
        assert "http" not in look.text.replace("http://www.w3.org/2000/svg", "")
    page = await browser.get("/console/")
    assert page.answer.headers["cache-control"] == HEADERS["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("GATEWAY_CONSOLE_KEYS", "short", "32 characters"),
        ("GATEWAY_CONSOLE_KEYS", "a" * 64, "32 characters"),
        ("GATEWAY_CONSOLE_KEYS", f"{KEY}, short", "32 characters"),
        ("GATEWAY_CONSOLE_TIME_ZONE", "Mars/Olympus", "time zone"),
        ("GATEWAY_CONSOLE_TIME_ZONE", "../etc", "time zone"),
        ("GATEWAY_CONSOLE_MINUTES", "0", "1 or more"),
    ],
)
def test_a_bad_setting_of_the_console_is_named(name: str, value: str, says: str) -> None:
    with pytest.raises(BadSettings, match=says) as error:
        settings_of_gateway.read({name: value})
    assert error.value.variables == (name,)
    assert value not in str(error.value) or value == "0"


def test_keys_are_read_and_not_shown() -> None:
    made: Any = settings_of_gateway.read({"GATEWAY_CONSOLE_KEYS": f"{KEY},{KEY[::-1]}"})
    assert [each.get_secret_value() for each in made.console_keys] == [KEY, KEY[::-1]]
    assert KEY not in repr(made)


async def test_a_large_form_is_read_beside_the_loop(
    console: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three megabytes, with every sign written as browsers may, took it most of a second."""
    seen: list[threading.Thread] = []

    def reading(text: str, **how: Any) -> list[tuple[str, str]]:
        seen.append(threading.current_thread())
        return parse_qsl(text, **how)

    monkeypatch.setattr("console.door.parse_qsl", reading)
    browser = await signed_in(console, "operate")
    here = threading.current_thread()
    answer = await browser.ask("POST", "/console/together", data={"reason": "%" * 2 * AT_ONCE})
    assert answer.status_code >= 400
    assert [each is here for each in seen] == [True, False]

"""What holds of every address of the console, each read off the application: a new one too."""

from __future__ import annotations

from typing import Any

import pytest

from tests.console.browser import OF_PAGES, Browser
from tests.console.routes import GETS, LOOKERS, POSTS
from tests.gateway.door import Gateway

ELSEWHERE = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Sec-Fetch-Site": "cross-site"},
]
FILLED = {"reason": "x", "answer": "retry", "question": "q1", "name": "n", "once": "o"}


def sent(path: str, token: str) -> dict[str, Any]:
    """The form as this address takes it: where files are dropped, in parts."""
    fields = {**FILLED, "form_token": token}
    return (
        {"files": {"file": ("a.csv", b"x")}, "data": fields}
        if path == "/batch"
        else {"data": fields}
    )


async def token_of(browser: Browser) -> str:
    return (await browser.get("/console/")).form("/sign-out").hidden("form_token")


def test_the_addresses_are_read_off_the_application() -> None:
    assert {"/together", "/batch", "/lists", "/findings/never/close"} <= {*POSTS}
    assert {"/", "/books/export", "/invoices/NEVER-1", "/live/inbox"} <= {*GETS}


@pytest.mark.parametrize("path", POSTS)
async def test_nothing_is_done_for_who_has_not_signed_in(console: Gateway, path: str) -> None:
    answer = await Browser(console.url).ask("POST", f"/console{path}", **sent(path, "x"))
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/console/sign-in")


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize("token", ["", "x", "ü"])
async def test_no_form_is_taken_without_the_session_s_token(
    everybody: Browser, path: str, token: str
) -> None:
    answer = await everybody.ask("POST", f"/console{path}", **sent(path, token))
    assert answer.status_code == 403
    assert "another session" in answer.text


@pytest.mark.parametrize("path", POSTS)
async def test_no_form_is_taken_from_another_site_s_page(everybody: Browser, path: str) -> None:
    """Even where it knew the form's token."""
    token = await token_of(everybody)
    for headers in ELSEWHERE:
        how = sent(path, token)
        answer = await everybody.ask("POST", f"/console{path}", headers=headers, **how)
        assert answer.status_code == 403
        assert "another site" in answer.text


@pytest.mark.parametrize("path", POSTS)
async def test_who_may_only_look_is_refused_before_the_form_is_read(
    looker: Browser, path: str
) -> None:
    answer = await looker.ask("POST", f"/console{path}", **sent(path, await token_of(looker)))
    assert ("You may not do that" in answer.text) is (path not in LOOKERS)
    assert (answer.status_code == 403) is (path not in LOOKERS)


@pytest.mark.parametrize("path", GETS)
async def test_a_page_is_for_who_has_signed_in_and_in_nobody_s_frame(
    console: Gateway, everybody: Browser, path: str
) -> None:
    stranger = await Browser(console.url).ask("GET", f"/console{path}")
    assert stranger.status_code in (303, 401)
    if stranger.status_code == 303:
        assert stranger.headers["location"].startswith("/console/sign-in")
    if path.startswith("/live/"):
        return
    page = await everybody.ask("GET", f"/console{path}")
    assert page.status_code in (200, 404, 422)
    for name, value in OF_PAGES.items():
        assert page.headers[name] == value, name
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]


@pytest.mark.parametrize(
    "method_path", [*(("GET", p) for p in GETS), *(("POST", p) for p in POSTS)]
)
async def test_under_a_foreign_name_nothing_is_there(
    console: Gateway, everybody: Browser, method_path: tuple[str, str]
) -> None:
    """A page of somebody else whose name has come to mean this address."""
    method, path = method_path
    rebound = Browser(console.url, {"Host": "evil.example"})
    rebound.cookies = everybody.cookies
    how = sent(path, "x") if method == "POST" else {}
    answer = await rebound.ask(method, f"/console{path}", **how)
    assert answer.status_code == 421

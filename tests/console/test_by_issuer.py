"""Signing in by an issuer, over real HTTP, and what whoever attacks that cannot do."""

from __future__ import annotations

import base64
import contextlib
import json
import logging
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from pydantic import SecretStr
from starlette.responses import JSONResponse, RedirectResponse, Response

from gateway import issuer as issuer_of_gateway
from gateway.app import application
from gateway.issuer import Issuer
from gateway.people import People
from gateway.serve import serving
from invoicing.state.invoice import Status
from settings.callers import Scope
from settings.people import IssuerSettings, RoleSettings
from tests.console import scenes
from tests.console.browser import KEY, Browser, Page, people
from tests.console.scenes import WHY
from tests.gateway.door import Door, Gateway, settings
from tests.issuer import AUDIENCE, BACK, CLIENT, CLIENT_SECRET, Provider, new_key, provider
from tests.lifecycle.world import Company, World
from tests.tiers import detail, slow
from tests.tls import NO_TLS


class Clock:
    """Seconds since 1970 and for the cache; a test moves it."""

    def __init__(self) -> None:
        self.later = 0.0

    def __call__(self) -> float:
        return time.time() + self.later


@dataclass
class Scene:
    """A gateway, its issuer, and the clock by which it judges."""

    gateway: Gateway
    issuer: Provider
    clock: Clock

    def browser(self) -> Browser:
        return Browser(self.gateway.url)

    async def to_the_issuer(self, browser: Browser, to: str = "/") -> httpx.Response:
        """The redirect that leads there."""
        return await browser.ask("GET", "/console/sign-in/issuer", params={"next": to})

    async def back_from(self, browser: Browser, to: str = "/") -> str:
        """The address to which the issuer sends somebody back, not followed yet."""
        there = (await self.to_the_issuer(browser, to)).headers["location"]
        async with httpx.AsyncClient(trust_env=False, verify=NO_TLS) as elsewhere:
            answer = await elsewhere.get(there)
        assert answer.status_code == 303, answer.text
        return str(answer.headers["location"])

    async def sign_in(self, browser: Browser, to: str = "/") -> Page:
        return Page(await browser.ask("GET", await self.back_from(browser, to)))


ROLES: dict[str, Any] = {
    "clerk": {"values": ["clerk"], "may": [Scope.READ, Scope.OPERATE]},
    "looker": {"values": ["looker", "auditor"], "may": [Scope.READ]},
    "shop": {"values": ["shop"], "may": [Scope.READ], "references": ["SHOP-"]},
    "starter": {"values": ["starter"], "may": [Scope.START]},
}


@contextlib.asynccontextmanager
async def standing(world: World) -> AsyncIterator[Scene]:
    clock, setup = Clock(), settings(console_keys=(KEY,))
    async with (
        provider() as issuer,
        httpx.AsyncClient(trust_env=False, timeout=30, verify=NO_TLS) as http,
    ):
        told = IssuerSettings(
            name="acme",
            url=issuer.url,
            client_id=CLIENT,
            client_secret=SecretStr(CLIENT_SECRET),
            console="https://invoices.example.com",
            audience=AUDIENCE,
        )
        roles = {name: RoleSettings.model_validate(each) for name, each in ROLES.items()}
        proving = People(Issuer(told, http, clock), roles, clock)
        app = application(world.client, {}, setup, people(), None, proving)
        issuer.back = f"https://invoices.example.com{BACK}"
        async with serving(app, setup) as url:
            yield Scene(Gateway(url, app.openapi(), http, {}, app), issuer, clock)


@pytest.fixture
async def scene(shared_world: World) -> AsyncIterator[Scene]:
    async with standing(shared_world) as made:
        yield made


async def is_out(browser: Browser) -> bool:
    return (await browser.get("/console/")).path == "/console/sign-in"


def here(address: str) -> str:
    """The same on the port on which it is served: what stands in front would lead there."""
    parts = urlsplit(address)
    assert parts.netloc == "invoices.example.com"
    return f"{parts.path}?{parts.query}"


async def test_somebody_signs_in_by_the_issuer_and_is_called_by_what_it_proves(
    scene: Scene,
) -> None:
    browser = scene.browser()
    form = await browser.get("/console/sign-in", params={"next": "/invoices"})
    (link,) = [each for each in form.links() if "/sign-in/issuer" in each]
    assert link == "/console/sign-in/issuer?next=/invoices"
    page = await came_back(scene, browser, "/invoices")
    assert page.status == 200
    assert ("meta", {"http-equiv": "refresh", "content": "0; url=/console/invoices"}) in page.tags
    home = await browser.get("/console/invoices")
    assert "Signed in as acme:ada-1" in home.text
    assert "look, not answer" not in home.text


async def came_back(scene: Scene, browser: Browser, to: str = "/") -> Page:
    return Page(await browser.ask("GET", here(await scene.back_from(browser, to))))


async def test_what_is_asked_of_the_issuer_says_nothing_but_what_it_must(scene: Scene) -> None:
    answer = await scene.to_the_issuer(scene.browser())
    asked = parse_qs(urlsplit(answer.headers["location"]).query)
    assert {*asked} == {
        "response_type",
        "client_id",
        "redirect_uri",
        "scope",
        "state",
        "nonce",
        "code_challenge",
        "code_challenge_method",
    }
    (kept,) = answer.headers.get_list("set-cookie")
    assert {"HttpOnly", "SameSite=lax", "Path=/"} <= set(kept.split("; "))
    assert not any(value in kept for (value,) in asked.values() if len(value) > 20)


@detail
async def test_the_session_is_one_that_nobody_knew_and_its_cookie_is_strict(scene: Scene) -> None:
    attacker, browser = scene.browser(), scene.browser()
    await came_back(scene, attacker)
    planted = attacker.cookies["invoicing"]
    browser.cookies.set("invoicing", planted, domain="127.0.0.1", path="/")
    page = await came_back(scene, browser)
    set_by = page.answer.headers.get_list("set-cookie")
    (kept,) = [each for each in set_by if each.startswith("invoicing=")]
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(kept.split("; "))
    assert browser.cookies["invoicing"] != planted
    known = (await attacker.get("/console/")).form("/sign-out").hidden("form_token")
    assert (await browser.get("/console/")).form("/sign-out").hidden("form_token") != known


async def test_a_wrong_state_lets_nobody_in_and_no_code_is_redeemed(scene: Scene) -> None:
    browser = scene.browser()
    back = here(await scene.back_from(browser))
    page = Page(await browser.ask("GET", back.replace("state=", "state=x")))
    assert page.status == 401
    assert await is_out(browser)
    assert "/token" not in scene.issuer.asked


@detail
async def test_what_another_browser_has_begun_signs_nobody_in(scene: Scene) -> None:
    """Nor is anybody signed in unawares as the attacker."""
    attacker, victim = scene.browser(), scene.browser()
    theirs = here(await scene.back_from(attacker))
    assert (await victim.ask("GET", theirs)).status_code == 401
    await scene.to_the_issuer(victim)
    assert (await victim.ask("GET", theirs)).status_code == 401
    assert await is_out(victim)


@detail
@pytest.mark.parametrize("reuses", [False, True])
async def test_a_code_signs_in_once_even_where_the_issuer_would_redeem_it_again(
    scene: Scene, reuses: bool
) -> None:
    scene.issuer.reuses_codes = reuses
    browser, copy = scene.browser(), scene.browser()
    back = here(await scene.back_from(browser))
    of_errand = browser.cookies["invoicing-issuer"]
    copy.cookies.set("invoicing-issuer", of_errand, domain="127.0.0.1", path="/")
    assert (await browser.ask("GET", back)).status_code == 200
    assert "invoicing-issuer" not in browser.cookies
    assert (await copy.ask("GET", back)).status_code == 401
    assert await is_out(copy)


@detail
async def test_a_code_without_its_verifier_is_worth_nothing(scene: Scene) -> None:
    """Injected into another errand, whose state fits."""
    attacker, victim = scene.browser(), scene.browser()
    stolen = parse_qs(urlsplit(await scene.back_from(victim)).query)["code"][0]
    own = parse_qs(urlsplit(await scene.back_from(attacker)).query)["state"][0]
    answer = await attacker.ask("GET", BACK, params={"code": stolen, "state": own})
    assert answer.status_code == 401
    assert await is_out(attacker)


def unsigned(claims: dict[str, Any]) -> str:
    parts = ({"alg": "none"}, claims)
    return ".".join(_based(json.dumps(each).encode()) for each in parts) + "."


def _based(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


LIES: dict[str, dict[str, Any]] = {
    "nonce": {"nonce": "another"},
    "no nonce": {"nonce": None},
    "aud": {"aud": "another-client"},
    "an access token's aud": {"aud": AUDIENCE},
    "no aud": {"aud": None},
    "aud of several without azp": {"aud": [CLIENT, "another"]},
    "azp": {"azp": "another-client"},
    "iss": {"iss": "https://evil.example"},
    "no iss": {"iss": None},
    "expired": {"exp": int(time.time()) - 3600},
    "no exp": {"exp": None},
    "exp is no number": {"exp": "never"},
    "of the future": {"iat": int(time.time()) + 3600},
    "not yet": {"nbf": int(time.time()) + 3600},
    "at_hash": {"at_hash": "x"},
    "sub is no text": {"sub": 7},
    "no sub": {"sub": None},
    "sub with a line": {"sub": "ada\ncaller=root"},
    "sub too long": {"sub": "a" * 300},
}


@detail
async def test_an_id_token_that_says_anything_else_proves_nobody(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    for lie, claims in LIES.items():
        caplog.clear()
        scene.issuer.lie = claims
        browser = scene.browser()
        assert (await came_back(scene, browser)).status == 401, lie
        assert "why=the token" in caplog.text, lie
        assert await is_out(browser), lie


@detail
async def test_a_token_that_the_issuer_has_not_signed_proves_nobody(scene: Scene) -> None:
    other, public = new_key("first"), scene.issuer.key.as_pem(private=False)
    forged: list[Any] = [
        unsigned,
        lambda claims: scene.issuer.signed(claims, other),
        lambda claims: scene.issuer.signed(claims)[:-4] + "AAAA",
        lambda claims: by_secret(claims, public),
        lambda _: "eyJ" + "W" * 15_000 + ".e30.e30",
        lambda _: _based(b'{"alg":["RS256"]}') + ".e30.e30",
        lambda _: "x" * 20_000,
    ]
    for each in forged:
        scene.issuer.signs = each
        browser = scene.browser()
        assert (await came_back(scene, browser)).status == 401
        assert await is_out(browser)


def by_secret(claims: dict[str, Any], public: bytes) -> str:
    """Signed with the issuer's public key, as if that were a secret."""
    import hashlib
    import hmac

    head = {"alg": "HS256", "kid": "first"}
    signed = ".".join(_based(json.dumps(each).encode()) for each in (head, claims))
    return f"{signed}.{_based(hmac.digest(public, signed.encode(), hashlib.sha256))}"


async def test_a_clock_may_differ_by_a_minute(scene: Scene) -> None:
    now = int(time.time())
    scene.issuer.lie = {"exp": now - 30, "iat": now + 30}
    assert (await came_back(scene, scene.browser())).status == 200


@detail
async def test_a_new_key_is_fetched_and_not_asked_for_again_and_again(scene: Scene) -> None:
    await came_back(scene, scene.browser())
    scene.issuer.key = new_key("second")
    assert (await came_back(scene, scene.browser())).status == 401
    assert scene.issuer.asked.count("/keys") == 1
    scene.clock.later += issuer_of_gateway.PAUSE
    assert (await came_back(scene, scene.browser())).status == 200
    assert scene.issuer.asked.count("/keys") == 2


@detail
async def test_a_key_that_was_withdrawn_proves_nobody_after_ten_minutes(scene: Scene) -> None:
    old = scene.issuer.key
    await came_back(scene, scene.browser())
    scene.issuer.key = new_key("second")
    scene.issuer.signs = lambda claims: scene.issuer.signed(claims, old)
    assert (await came_back(scene, scene.browser())).status == 200
    scene.clock.later += issuer_of_gateway.KEPT
    scene.issuer.lie = {"exp": int(scene.clock()) + 60}
    assert (await came_back(scene, scene.browser())).status == 401


@detail
@pytest.mark.parametrize(
    "to", ["https://evil.example", "//evil.example", "\\evil.example", "javascript:alert(1)", "/@e"]
)
async def test_it_leads_nowhere_but_to_the_console(scene: Scene, to: str) -> None:
    page = await came_back(scene, scene.browser(), to)
    (refresh,) = [given["content"] for tag, given in page.tags if "http-equiv" in given]
    where = httpx.URL(scene.gateway.url).join(refresh.removeprefix("0; url="))
    assert where.netloc == httpx.URL(scene.gateway.url).netloc
    assert where.path.startswith("/console/")


@detail
async def test_another_issuer_s_answer_is_not_taken(scene: Scene) -> None:
    browser = scene.browser()
    back = here(await scene.back_from(browser)).partition("&iss=")[0]
    answer = await browser.ask("GET", f"{back}&iss=https%3A%2F%2Fevil.example")
    assert answer.status_code == 401
    assert "/token" not in scene.issuer.asked


@detail
async def test_who_has_no_role_is_known_and_does_not_come_in(scene: Scene) -> None:
    for roles in ([], ["unknown"], ["starter"], ["clerk", "shop"], "clerks", {"clerk": 1}):
        scene.issuer.person = {"sub": "bob", "roles": roles}
        browser = scene.browser()
        page = await came_back(scene, browser)
        assert page.status == 403, roles
        assert "have no role" in page.text
        assert await is_out(browser)


@detail
async def test_a_role_says_what_one_may_do(scene: Scene) -> None:
    scene.issuer.person = {"sub": "eve", "roles": ["auditor"]}
    browser = scene.browser()
    await came_back(scene, browser)
    assert "may look, not answer" in (await browser.get("/console/")).text
    scene.issuer.person = {"sub": "eve", "roles": ["auditor", "clerk"]}
    await came_back(scene, browser)
    assert "may look, not answer" not in (await browser.get("/console/")).text


@detail
async def test_after_an_hour_the_issuer_is_asked_again(scene: Scene) -> None:
    browser = scene.browser()
    await came_back(scene, browser)
    scene.clock.later = 3500
    assert not await is_out(browser)
    scene.clock.later = 3601
    assert await is_out(browser)


@detail
async def test_signing_out_ends_it_here_and_shows_the_way_out_there(scene: Scene) -> None:
    browser, copy = scene.browser(), scene.browser()
    await came_back(scene, browser)
    copy.cookies.set("invoicing", browser.cookies["invoicing"], domain="127.0.0.1", path="/")
    out = await browser.send((await browser.get("/console/")).form("/sign-out"))
    assert "/console/sign-out/issuer" in out.links()
    assert await is_out(copy)
    answer = await browser.ask("GET", "/console/sign-out/issuer")
    assert answer.headers["location"] == f"{scene.issuer.url}/out?client_id={CLIENT}"


@pytest.mark.parametrize(
    "answer",
    [
        Response(b"{" + b" " * 300_000 + b"}"),
        Response(b"[" * 100_000),
        Response(b"{}"),
        Response(b"no JSON"),
        RedirectResponse("https://evil.example"),
        JSONResponse({}, 500),
        JSONResponse({"issuer": "https://evil.example"}),
    ],
)
async def test_an_issuer_that_answers_anything_is_away_and_left_alone(
    scene: Scene, answer: Response
) -> None:
    scene.issuer.answers["/.well-known/openid-configuration"] = answer
    for _ in range(3):
        page = Page(await scene.to_the_issuer(scene.browser()))
        assert page.status == 503
    assert scene.issuer.asked == ["/.well-known/openid-configuration"]


async def test_a_discovery_document_of_another_issuer_or_in_the_clear_is_not_used(
    scene: Scene,
) -> None:
    for lie in ({"issuer": "https://evil.example"}, {"token_endpoint": "http://evil.example/t"}):
        scene.issuer.metadata = lie
        assert (await scene.to_the_issuer(scene.browser())).status_code == 503
        scene.clock.later += issuer_of_gateway.PAUSE


async def test_who_signs_in_is_one_line_with_their_roles(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for roles in (["clerk", "auditor"], ["nobodys"]):
        scene.issuer.person = {"sub": "eve", "roles": roles}
        await came_back(scene, scene.browser())
    lines = [each for each in caplog.records if each.name == "invoicing.gateway.requests"]
    said = [(vars(each)["role"], vars(each)["status"], vars(each)["outcome"]) for each in lines]
    assert said == [("clerk+looker", 200, "signed_in"), ("-", 403, "forbidden")]
    for line in lines:
        assert vars(line)["caller"] == "acme:eve"
        assert vars(line)["address"] == "127.0.0.1"
        assert "code=" not in line.getMessage()
        assert "eyJ" not in line.getMessage()


async def test_a_refusal_is_one_line_without_a_secret(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    scene.issuer.lie = {"nonce": "another"}
    browser = scene.browser()
    back = here(await scene.back_from(browser))
    caplog.clear()
    await browser.ask("GET", back)
    (line,) = [each for each in caplog.records if each.name == "invoicing.gateway.requests"]
    assert "route=GET /console/sign-in/back" in line.getMessage()
    assert "status=401 outcome=unauthenticated" in line.getMessage()
    assert "why=the token's nonce is missing or another" in line.getMessage()
    code = parse_qs(urlsplit(back).query)["code"][0]
    ours = [each.getMessage() for each in caplog.records if each.name.startswith("invoicing")]
    assert not any(secret in text for secret in (code, CLIENT_SECRET) for text in ours)


async def test_rest_takes_the_issuer_s_access_tokens(scene: Scene) -> None:
    door = scene.gateway.bearer(scene.issuer.access_token())
    assert (await door.get("/v1/invoices")).status_code == 200
    assert (await door.get("/v1/invoices/NEVER-1")).status_code == 404
    limited = scene.gateway.bearer(scene.issuer.access_token(roles=["shop"]))
    assert (await limited.post("/v1/invoices/SHOP-1/hold", {})).status_code == 403


async def refused(door: Door) -> str:
    answer = await door.get("/v1/invoices")
    assert answer.status_code == 401
    return str(answer.json().get("detail", ""))


async def test_an_access_token_that_is_none_of_ours_is_refused(scene: Scene) -> None:
    issuer, now = scene.issuer, int(time.time())
    tokens = {
        issuer.access_token(aud="another"): "aud",
        issuer.id_token("n"): "aud",
        issuer.access_token(iss="https://evil.example"): "iss",
        issuer.access_token(exp=now - 3600): "expired",
        issuer.access_token(nbf=now + 3600): "nbf",
        issuer.signed({"aud": AUDIENCE}, new_key("other")): "no key of the issuer",
        unsigned({"aud": AUDIENCE, "iss": issuer.url}): "signature",
    }
    for token, why in tokens.items():
        assert why in await refused(scene.gateway.bearer(token)), why
    assert issuer.asked.count("/keys") <= 2


@detail
async def test_two_that_the_issuer_proves_are_two_and_each_has_a_rate_of_its_own(
    scene: Scene,
) -> None:
    names = set()
    for sub in ("ada-1", "bob-2"):
        scene.issuer.person = {"sub": sub, "roles": ["clerk"]}
        browser = scene.browser()
        await came_back(scene, browser)
        home = await browser.get("/console/")
        names.add("acme:ada-1" in home.text)
    assert names == {True, False}


@slow
async def test_somebody_whom_the_issuer_proves_answers_many_at_once(
    scene: Scene, company: Company
) -> None:
    reference = await scenes.refused(company)
    browser = scene.browser()
    await came_back(scene, browser)
    page = await browser.get("/console/together", params={"of": f"invoices/{reference}"})
    form = page.form("/together")
    twice = [each for each in form.fields if each[0] == "asked"]
    form.fields.extend(twice)
    done = await browser.send(form, ("answer", "retry"), reason=WHY)
    assert done.status == 200
    assert (await company.finished(reference)).status is Status.SENT
    journal = await company.client.invoices.journal(reference)
    assert [each.proven for each in journal.entries if each.reason == WHY] == ["acme:ada-1"]

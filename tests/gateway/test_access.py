"""Who may do what, and how often."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Mapping
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from temporalio.client import Client

from gateway.access import Access, Bucket, Role
from gateway.guard import Guard
from gateway.problems import Kind, Trouble
from gateway.serve import serving
from invoicing.client import InvoicingClient
from invoicing.encryption import EncryptionCodec, new_key, read_keys
from settings.gateway import GatewaySettings, read
from settings.variables import BadSettings
from tests.gateway.door import TOKENS, Door, Gateway, gateway_over, problem, settings
from tests.lifecycle.world import World
from tests.tls import NO_TLS

WHY = {"by": "an operator", "reason": "test"}
RIGHTS: dict[str, tuple[str, str]] = {
    "read": ("GET", "/v1/invoices/NEVER-1"),
    "start": ("POST", "/v1/invoices"),
    "operate": ("POST", "/v1/invoices/NEVER-1/hold"),
}


@pytest.mark.parametrize("who", ["read", "start", "operate", "all"])
async def test_a_token_may_do_what_its_role_says(gateway: Gateway, who: str) -> None:
    """A body that is refused later shows that the caller was let in."""
    for needed, (method, path) in RIGHTS.items():
        answer = await gateway.door(who).ask(
            method, path, content=b"{}", headers={"Content-Type": "application/json"}
        )
        if needed in ("read", who) or who == "all":
            problem(answer, Kind.NOT_FOUND if needed == "read" else Kind.INVALID)
        else:
            assert needed in problem(answer, Kind.FORBIDDEN).detail
            assert f'scope="{needed}"' in answer.headers["WWW-Authenticate"]


async def test_every_way_in_asks_for_a_token_before_it_reads_anything(gateway: Gateway) -> None:
    for path, ways in gateway.document["paths"].items():
        open_to_all = path in ("/health", "/ready") or path.startswith("/webhooks/")
        for method, operation in ways.items():
            assert ("security" in operation) is not open_to_all, path
            if not open_to_all:
                filled = path.format(reference="R", event="e")
                door = gateway.door(None)
                answer = await door.ask(method.upper(), filled, content=b"{" * 100)
                problem(answer, Kind.UNAUTHENTICATED)
                assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "header",
    [
        "Bearer wrong",
        "Bearer",
        f"Basic {TOKENS['all']}",
        f"Bearer {TOKENS['all']}x",
        f"Bearer {TOKENS['all'][:-1]}",
        TOKENS["all"],
        "Bearer \u00fc",
    ],
)
async def test_any_other_token_is_refused(gateway: Gateway, header: str) -> None:
    stranger = Door(gateway, {"Authorization": header.encode("latin-1")})  # type: ignore[dict-item]
    answer = await stranger.get("/v1/invoices")
    problem(answer, Kind.UNAUTHENTICATED)
    assert TOKENS["all"] not in answer.text


async def test_a_new_token_works_beside_the_old_one(shared_world: World) -> None:
    old, new = ("o" * 40, "n" * 40)
    both = (SecretStr(old), SecretStr(new))
    async with gateway_over(shared_world.client, read_tokens=both) as gateway:
        for token in (old, new):
            door = Door(gateway, {"Authorization": f"bearer {token}"})
            assert (await door.get("/v1/invoices", limit=1)).status_code == 200


def test_every_token_is_compared_whatever_has_fitted(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[bytes] = []

    def watched(one: bytes, two: bytes) -> bool:
        compared.append(one)
        return one == two

    monkeypatch.setattr("gateway.access.hmac.compare_digest", watched)
    access = Access(settings())
    for token in (*TOKENS.values(), "another", "", None):
        compared.clear()
        try:
            access.admit(token, Role.READ)
        except Trouble:
            assert token in ("another", "", None)
        assert len(set(compared)) == len(TOKENS)


# --- how often ------------------------------------------------------------------------------------


class Clock:
    """Time that passes when it is told to."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_bucket_lets_a_burst_through_and_then_the_rate() -> None:
    clock = Clock()
    bucket = Bucket(2, 3, clock)
    assert [bucket.take() for _ in range(4)] == [0, 0, 0, 0.5]
    clock.now += 0.25
    assert bucket.take() == 0.25
    clock.now += 0.25
    assert [bucket.take(), bucket.take()] == [0, 0.5]
    clock.now += 1_000
    assert [bucket.take() for _ in range(4)] == [0, 0, 0, 0.5]


async def test_one_token_s_haste_is_nobody_else_s(shared_world: World) -> None:
    async with gateway_over(shared_world.client, rate=0.01, burst=2) as gateway:
        hasty = gateway.door("read")
        answers = [await hasty.get("/v1/invoices/NEVER-1") for _ in range(3)]
        assert [each.status_code for each in answers] == [404, 404, 429]
        problem(answers[2], Kind.TOO_MANY)
        assert 1 <= int(answers[2].headers["Retry-After"]) <= 100
        assert (await gateway.door("start").get("/v1/invoices/NEVER-1")).status_code == 404
        assert (await hasty.get("/health")).status_code == 200


async def test_a_full_house_tells_the_next_one_to_come_back() -> None:
    inside, leave = asyncio.Event(), asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/long":
            inside.set()
            await leave.wait()
        await Response("well")(scope, receive, send)

    async with (
        serving(Guard(app, at_once=1), settings()) as url,
        httpx.AsyncClient(trust_env=False, verify=NO_TLS, base_url=url) as http,
    ):
        long = asyncio.create_task(http.get("/long"))
        await inside.wait()
        answer = await http.get("/next")
        problem(answer, Kind.UNAVAILABLE)
        assert answer.headers["Retry-After"] == "1"
        assert (await http.get("/health")).text == "well"
        leave.set()
        assert (await long).text == "well"
        assert (await http.get("/next")).text == "well"


async def test_what_nobody_foresaw_is_a_problem_and_is_not_quoted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise LookupError(scope["path"])

    async with (
        serving(Guard(app, at_once=1), settings()) as url,
        httpx.AsyncClient(trust_env=False, verify=NO_TLS) as http,
    ):
        answer = await http.get(f"{url}/Canary-7f3a")
    problem(answer, Kind.INTERNAL)
    assert "LookupError" in caplog.text
    assert "Canary" not in caplog.text + answer.text


async def test_payloads_are_decrypted_for_operators_where_they_are_encrypted(
    shared_world: World,
) -> None:
    plain = shared_world.client.temporal
    converter = dataclasses.replace(
        plain.data_converter,
        payload_codec=EncryptionCodec(read_keys(SecretStr(new_key("k")))),
    )
    config = plain.config()
    config["data_converter"] = converter
    client = InvoicingClient(Client(**config))
    async with gateway_over(client) as gateway, gateway_over(shared_world.client) as without:
        for who, status in (("operate", 200), ("start", 403), (None, 401)):
            door = gateway.door(who)
            answer = await door.ask(
                "POST", "/codec/decode", content=b'{"payloads": []}', known=False
            )
            assert answer.status_code == status
        nothing = await without.door("all").ask("POST", "/codec/decode", content=b"{}")
        problem(nothing, Kind.NOT_FOUND)


# --- settings -------------------------------------------------------------------------------------

GOOD = {"GATEWAY_READ_TOKENS": "r" * 32}


@pytest.mark.parametrize("environment", [{}, {"GATEWAY_READ_TOKENS": " "}, {"PATH": "/bin"}])
def test_without_a_token_there_is_no_gateway(environment: dict[str, str]) -> None:
    with pytest.raises(BadSettings, match="must name a token: nobody may come in"):
        read(environment)


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"GATEWAY_START_TOKENS": "short"}, ["GATEWAY_START_TOKENS"]),
        ({"GATEWAY_START_TOKENS": f"{'s' * 40},p@ss word"}, ["GATEWAY_START_TOKENS"]),
        ({"GATEWAY_TOKENS": "t" * 40}, ["GATEWAY_TOKENS"]),
        ({"GATEWAY_PORT": "http", "GATEWAY_RATE": "0"}, ["GATEWAY_PORT", "GATEWAY_RATE"]),
        ({"GATEWAY_MAX_BODY": "9999999999"}, ["GATEWAY_MAX_BODY"]),
        ({"GATEWAY_TRUSTED_PROXIES": "-1"}, ["GATEWAY_TRUSTED_PROXIES"]),
    ],
)
def test_what_makes_no_sense_is_named_without_its_value(
    variables: Mapping[str, str], named: list[str]
) -> None:
    with pytest.raises(BadSettings) as caught:
        read({**GOOD, **variables})
    assert list(caught.value.variables) == named
    for value in variables.values():
        assert value not in str(caught.value) or len(value) < 3


def test_no_token_is_shown() -> None:
    made: GatewaySettings = read({"GATEWAY_READ_TOKENS": f"{'a' * 32}, {'b' * 40}"})
    shown: Any = (repr(made), str(made), made.model_dump_json())
    assert all("a" * 32 not in each and "b" * 40 not in each for each in shown)
    assert len(made.read_tokens) == 2
    assert (made.host, made.port) == ("127.0.0.1", 8080)

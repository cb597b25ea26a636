"""Who may do what, and how often."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from pydantic import SecretStr
from starlette.types import Receive, Send
from starlette.types import Scope as Connection
from temporalio.client import Client
from typer import Typer
from typer.testing import CliRunner

from gateway import tokens
from gateway.bucket import Bucket
from gateway.callers import Callers
from gateway.guard import Guard
from gateway.new_token import main
from gateway.problems import Kind, Trouble
from gateway.serve import serving
from invoicing.client import InvoicingClient
from invoicing.temporal.encryption import EncryptionCodec, new_key, read_keys
from settings import gateway as settings_of_gateway
from settings.callers import CallerSettings, Scope, read
from settings.gateway import GatewaySettings
from settings.variables import BadSettings
from tests.gateway.door import (
    TOKENS,
    Door,
    Gateway,
    caller,
    callers,
    gateway_over,
    problem,
    settings,
)
from tests.lifecycle.world import World
from tests.tls import NO_TLS

program = Typer()
program.command()(main)
WHY = {"by": "an operator", "reason": "test"}
NAMED = {"reference": "R", "event": "e", "name": "n", "finding": "f", "provider": "mollie"}
NAMED |= {"account": "a", "sha256": "0" * 64}
"""Whatever is named in an address."""


async def test_every_way_in_asks_for_a_token_before_it_reads_anything(gateway: Gateway) -> None:
    for path, ways in gateway.document["paths"].items():
        open_to_all = path in ("/health", "/ready") or path.startswith("/webhooks/")
        for method, operation in ways.items():
            assert ("security" in operation) is not open_to_all, path
            if not open_to_all:
                filled = path.format(**NAMED)
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
    assert "`Authorization: Bearer TOKEN`" in str(problem(answer, Kind.UNAUTHENTICATED).detail)
    assert TOKENS["all"] not in answer.text


async def test_a_new_token_works_beside_the_old_one_until_that_has_expired(
    shared_world: World,
) -> None:
    over, old, new = tokens.new(), tokens.new(), tokens.new()
    today = datetime.now(UTC).date()
    written = [
        f"{tokens.written(over)}@{today - timedelta(days=1)}",
        f"{tokens.written(old)}@{today}",
        tokens.written(new),
    ]
    known = {"erp": CallerSettings.model_validate({"tokens": written, "may": ["read"]})}
    async with gateway_over(shared_world.client, known) as gateway:
        for token in (old, new):
            door = Door(gateway, {"Authorization": f"bearer {token}"})
            assert (await door.get("/v1/invoices", limit=1)).status_code == 200
        refused = await gateway.bearer(over).get("/v1/invoices")
        assert "expired" in problem(refused, Kind.UNAUTHENTICATED).detail


async def test_a_token_that_could_be_guessed_is_nobody_s_though_its_digest_is_there(
    shared_world: World,
) -> None:
    weak = "a" * 40
    async with gateway_over(shared_world.client, {"erp": caller(weak, Scope.READ)}) as gateway:
        problem(await gateway.bearer(weak).get("/v1/invoices"), Kind.UNAUTHENTICATED)


def test_every_token_is_compared_whatever_has_fitted(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[bytes] = []

    def watched(one: bytes, two: bytes) -> bool:
        compared.append(one)
        return one == two

    monkeypatch.setattr("gateway.callers.hmac.compare_digest", watched)
    everybody = Callers(callers())
    for token in (*TOKENS.values(), "another", "", None):
        compared.clear()
        try:
            everybody.recognise(token)
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


async def test_what_nobody_foresaw_is_a_problem_and_is_not_quoted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def app(scope: Connection, receive: Receive, send: Send) -> None:
        raise LookupError(scope["path"])

    async with (
        serving(Guard(app), settings()) as url,
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
        for who, status in (("decrypt", 200), ("operate", 403), (None, 401)):
            door = gateway.door(who)
            answer = await door.ask(
                "POST", "/codec/decode", content=b'{"payloads": []}', known=False
            )
            assert answer.status_code == status
        nothing = await without.door("all").ask("POST", "/codec/decode", content=b"{}")
        problem(nothing, Kind.NOT_FOUND)


# --- what it is told ---------------------------------------------------------------------------


def test_a_token_by_chance_is_strong_and_one_that_a_person_made_up_is_not() -> None:
    assert not any(tokens.is_weak(tokens.new()) for _ in range(100))
    for weak in ("short", "a" * 40, "abc" * 20, "0123456789abcdef" * 3, "p@ss word" * 10):
        assert tokens.is_weak(weak)


def test_what_makes_a_token_prints_it_once_and_its_digest() -> None:
    made = CliRunner().invoke(program, ["erp", "--may", "read,start", "--days", "30"])
    token, *variables = made.output.splitlines()
    told = dict(line.split("=", 1) for line in variables)
    (found,) = read(told)["erp"].tokens
    assert found.digest == tokens.digest(token.rpartition(" ")[2])
    assert found.until is not None
    assert timedelta(days=30) < found.until - datetime.now(UTC) <= timedelta(days=31)
    given = CliRunner().invoke(program, ["erp", "--given"], input="abc" * 20)
    assert given.exit_code != 0
    assert "repeat" in str(given.exception)


GOOD = {
    "GATEWAY_CALLER__ERP__TOKENS": tokens.written(TOKENS["read"]),
    "GATEWAY_CALLER__ERP__MAY": "read",
}


@pytest.mark.parametrize("environment", [{}, {"GATEWAY_CALLER__A__TOKENS": " "}, {"PATH": "/bin"}])
def test_without_a_caller_there_is_no_gateway(environment: dict[str, str]) -> None:
    with pytest.raises(BadSettings, match="nobody may come in"):
        read(environment)


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"GATEWAY_CALLER__ERP__TOKENS": "t" * 40}, "GATEWAY_CALLER__ERP__TOKENS"),
        ({"GATEWAY_CALLER__ERP__TOKENS": "sha256:abc"}, "GATEWAY_CALLER__ERP__TOKENS"),
        (
            {"GATEWAY_CALLER__ERP__TOKENS": f"{tokens.written('x')}@2026-02-30"},
            "GATEWAY_CALLER__ERP__TOKENS",
        ),
        ({"GATEWAY_CALLER__ERP__MAY": "read,write"}, "GATEWAY_CALLER__ERP__MAY"),
        ({"GATEWAY_CALLER__ERP__MAY": ","}, "GATEWAY_CALLER__ERP__MAY"),
        ({"GATEWAY_CALLER__ERP__ROLE": "write"}, "GATEWAY_CALLER__ERP__ROLE"),
        ({"GATEWAY_CALLER__ERP__ACCOUNTS": "Mollie/Shop"}, "GATEWAY_CALLER__ERP__ACCOUNTS"),
        ({"GATEWAY_CALLER__ERP__REFERENCES": "/etc"}, "GATEWAY_CALLER__ERP__REFERENCES"),
        (
            {
                "GATEWAY_CALLER__TWIN__TOKENS": tokens.written(TOKENS["read"]),
                "GATEWAY_CALLER__TWIN__MAY": "start",
            },
            "GATEWAY_CALLER__TWIN__TOKENS",
        ),
        (
            {"GATEWAY_CALLER__ERP__MAY": "decrypt", "GATEWAY_CALLER__ERP__ACCOUNTS": "mollie"},
            "GATEWAY_CALLER__ERP__",
        ),
    ],
)
def test_a_caller_that_makes_no_sense_is_named_without_its_value(
    variables: Mapping[str, str], named: str
) -> None:
    with pytest.raises(BadSettings) as caught:
        read({**GOOD, **variables})
    assert list(caught.value.variables) == [named]
    for value in variables.values():
        assert value not in str(caught.value) or len(value) < 8


def test_a_caller_has_what_its_variables_say() -> None:
    told = {
        "GATEWAY_CALLER__ERP__TOKENS": f"{tokens.written('a')}, {tokens.written('b')}@2027-01-31",
        "GATEWAY_CALLER__ERP__MAY": "read, start",
        "GATEWAY_CALLER__ERP__ACCOUNTS": "mollie,invoro/shop",
        "GATEWAY_CALLER__ERP__REFERENCES": "ERP-",
    }
    made = read(told)["erp"]
    assert [each.until for each in made.tokens] == [None, datetime(2027, 2, 1, tzinfo=UTC)]
    assert made.may == (Scope.READ, Scope.START)
    assert made.accounts == ("mollie", "invoro/shop")
    assert made.references == ("ERP-",)
    # And the rest of the gateway's settings does not mistake them for its own.
    assert settings_of_gateway.read(told) == GatewaySettings()


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"GATEWAY_TOKENS": "t" * 40}, ["GATEWAY_TOKENS"]),
        ({"GATEWAY_PORT": "http", "GATEWAY_RATE": "0"}, ["GATEWAY_PORT", "GATEWAY_RATE"]),
        ({"GATEWAY_MAX_BODY": "9999999999"}, ["GATEWAY_MAX_BODY"]),
        ({"GATEWAY_TRUSTED_PROXIES": "-1"}, ["GATEWAY_TRUSTED_PROXIES"]),
        ({"GATEWAY_HOSTS": "https://invoices.example"}, ["GATEWAY_HOSTS"]),
        ({"GATEWAY_RESERVE": "200"}, ["GATEWAY_"]),
    ],
)
def test_what_makes_no_sense_is_named_without_its_value(
    variables: Mapping[str, str], named: list[str]
) -> None:
    with pytest.raises(BadSettings) as caught:
        settings_of_gateway.read(variables)
    assert list(caught.value.variables) == named
    for value in variables.values():
        assert value not in str(caught.value) or len(value) < 4


def test_by_default_it_is_reached_from_this_machine_alone() -> None:
    made = settings_of_gateway.read({})
    assert (made.host, made.port, made.hosts) == ("127.0.0.1", 8080, ())

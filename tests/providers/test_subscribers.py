"""How a subscriber is configured, and how one notice is posted to it."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import logging
import re
import time
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from standardwebhooks.webhooks import Webhook

from commands.doctor import OK, WRONG, _subscribers
from invoicing.errors import Rejected, Unavailable
from invoicing.state.notice import Notice
from providers.kit.http import client
from providers.subscribers import Poster, SubscriberSettings, connect, signatures
from sandbox.kit.faults import Fault
from sandbox.kit.server import serve
from sandbox.subscriber import Step, SubscriberStandIn, Told
from settings.accounts import subscribers as read
from settings.variables import BadSettings
from tests.providers.idling import idling

ROOT = Path(__file__).resolve().parents[2]
KEY = b"canary-secret-of-32-bytes-length"
SECRET = f"whsec_{b64encode(KEY).decode()}"
OTHER = f"whsec_{b64encode(KEY[::-1]).decode()}"
URL = "https://erp.example.com/notices/canary-path?tenant=7"
NOTICE = Notice(
    id="0a1b_1",
    type="invoice.sent",
    timestamp=datetime(2026, 6, 30, tzinfo=UTC),
    sequence=1,
    data={"reference": "INV-7", "gross": "125.03", "buyer": "Å ü 1"},
)


def variables(name: str = "ERP", url: str = URL, secret: str = SECRET) -> dict[str, str]:
    prefix = f"INVOICING_SUBSCRIBER__{name}__"
    return {f"{prefix}URL": url, f"{prefix}SECRET": secret}


def refused(environment: dict[str, str]) -> BadSettings:
    with pytest.raises(BadSettings) as caught:
        read(environment)
    for secret in ("canary", b64encode(KEY).decode(), "whsec_Y2"):
        assert secret not in str(caught.value)
    return caught.value


# --- settings -------------------------------------------------------------------------------------


def test_nobody_is_told_unless_somebody_is_configured() -> None:
    assert read({"PATH": "/bin", "INVOICING_PACE": "1", "INVOICING_SUBSCRIBER__ERP__URL": ""}) == {}


def test_a_subscriber_is_named_in_its_variables_and_shows_no_secret() -> None:
    found = read(variables() | variables("Shop_2", secret=f"{SECRET}, {OTHER}"))
    assert sorted(found) == ["erp", "shop_2"]
    assert found["erp"].url == URL
    assert len(found["shop_2"].secret) == 2
    assert b64encode(KEY).decode() not in repr(found)


def test_every_mistake_is_named_at_once_and_no_value() -> None:
    error = refused(
        {
            "INVOICING_SUBSCRIBER__ERP__URL": "http://canary.example.com/",
            "INVOICING_SUBSCRIBER__SHOP__SECRET": SECRET,
            "INVOICING_SUBSCRIBER__SHOP__SECRETS": SECRET,
            "INVOICING_SUBSCRIBER___X__URL": URL,
            "INVOICING_SUBSCRIBER_CRM_URL": URL,
        }
    )
    assert error.variables == (
        "INVOICING_SUBSCRIBER_CRM_URL",
        "INVOICING_SUBSCRIBER_SECRET",
        "INVOICING_SUBSCRIBER_URL",
        "INVOICING_SUBSCRIBER__ERP__SECRET",
        "INVOICING_SUBSCRIBER__ERP__URL",
        "INVOICING_SUBSCRIBER__SHOP__SECRETS",
        "INVOICING_SUBSCRIBER__SHOP__URL",
        "INVOICING_SUBSCRIBER___X__URL",
    )
    assert "INVOICING_SUBSCRIBER__SHOP__SECRETS: is not a setting of this subscriber" in str(error)


@pytest.mark.parametrize(
    "url",
    [
        "http://erp.example.com/",
        "http://erp/",
        "http://127.canary.example.com/",
        "http://10.0.0.7/",
        "ftp://erp.example.com/",
        "https://canary:canary@erp.example.com/",
        "https://erp.example.com/#canary",
        "https:///canary",
        "https://canary:port/",
        "canary",
    ],
)
def test_an_address_that_is_not_safe_is_refused(url: str) -> None:
    assert refused(variables(url=url)).variables == ("INVOICING_SUBSCRIBER__ERP__URL",)


@pytest.mark.parametrize("host", ["localhost:8080", "127.0.0.1", "127.8.8.8:1", "[::1]:8080"])
def test_this_machine_may_be_told_in_the_clear(host: str) -> None:
    assert list(read(variables(url=f"http://{host}/notices"))) == ["erp"]


@pytest.mark.parametrize(
    "secret",
    [
        b64encode(KEY).decode(),
        "whsec_" + b64encode(KEY[:23]).decode(),
        "whsec_" + b64encode(KEY * 3).decode(),
        "whsec_canary-is-not-base64-!!!!!!!!!!!!!!",
        f"{SECRET},canary",
        ",",
    ],
)
def test_a_secret_that_is_not_one_is_refused(secret: str) -> None:
    assert refused(variables(secret=secret)).variables == ("INVOICING_SUBSCRIBER__ERP__SECRET",)


def test_the_secret_that_the_document_makes_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    text = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    (program,) = re.findall(r'python -c "(.*whsec_.*)"`', text)
    exec(program, {})  # noqa: S102
    assert list(read(variables(secret=capsys.readouterr().out))) == ["erp"]


# --- signing --------------------------------------------------------------------------------------


def test_the_signature_is_the_specification_s_own() -> None:
    """Its library's example: another message, signed by another implementation."""
    secret = SecretStr("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    made = signatures([secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


async def test_what_the_document_says_verifies_a_notice(
    stand_in: SubscriberStandIn, http: httpx.AsyncClient
) -> None:
    """The lines of docs/security.md, as they stand there."""
    text = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    program = text.partition("```python\n")[2].partition("```")[0]
    names = {"Mapping": Mapping, "b64decode": b64decode, "b64encode": b64encode}
    names |= {"hmac": hmac, "time": time}
    exec(program, names)  # noqa: S102
    is_ours: Any = names["is_ours"]
    await poster(stand_in, http).post(NOTICE)
    (taken,) = stand_in.taken
    headers = taken.headers
    assert is_ours(SECRET, headers, taken.body)
    assert is_ours(OTHER, headers, taken.body)
    assert not is_ours(SECRET, headers, taken.body.replace(b"sent", b"paid"))
    assert not is_ours(SECRET, {**headers, "webhook-id": "another"}, taken.body)
    assert not is_ours(f"whsec_{b64encode(b'x' * 32).decode()}", headers, taken.body)
    old = int(time.time()) - 301
    signed = {"webhook-id": NOTICE.id, "webhook-timestamp": str(old)}
    signed["webhook-signature"] = signatures([SecretStr(SECRET)], NOTICE.id, old, taken.body)
    assert not is_ours(SECRET, signed, taken.body)


# --- posting --------------------------------------------------------------------------------------


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with client() as made:
        yield made


@pytest.fixture
async def stand_in() -> AsyncIterator[SubscriberStandIn]:
    async with serve(SubscriberStandIn()) as served:
        yield served


def poster(stand_in: SubscriberStandIn, http: httpx.AsyncClient, timeout: float = 5) -> Poster:
    values = {"url": f"{stand_in.url}/notices", "secret": f"{SECRET},{OTHER}"}
    return Poster("erp", SubscriberSettings.model_validate(values), http, timeout=timeout)


async def test_what_is_posted_is_what_is_signed(
    stand_in: SubscriberStandIn, http: httpx.AsyncClient
) -> None:
    await poster(stand_in, http).post(NOTICE)
    (taken,) = stand_in.taken
    for secret in (SECRET, OTHER):
        assert Webhook(secret).verify(taken.body, dict(taken.headers)) == taken.content
    assert Notice.model_validate(taken.content) == NOTICE
    assert taken.headers["content-type"] == "application/json"
    assert taken.headers["webhook-id"] == NOTICE.id


async def test_each_attempt_is_signed_with_its_own_time(http: httpx.AsyncClient) -> None:
    times = iter([1_800_000_000.9, 1_800_003_600.0])
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200)

    async with client(httpx.MockTransport(answer)) as mocked:
        settings = SubscriberSettings.model_validate({"url": URL, "secret": SECRET})
        telling = Poster("erp", settings, mocked, clock=lambda: next(times))
        await telling.post(NOTICE)
        await telling.post(NOTICE)
    assert [one.headers["webhook-timestamp"] for one in seen] == ["1800000000", "1800003600"]
    assert seen[0].headers["webhook-signature"] != seen[1].headers["webhook-signature"]
    assert seen[0].content == seen[1].content


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (Told.NOT_FOUND, "answered with HTTP 404"),
        (Told.ELSEWHERE, "answered with HTTP 302"),
        (Fault.SERVER_ERROR, "answered with HTTP 500"),
        (Fault.RESET, "was not reached (ReadError)"),
        (Fault.REFUSE, "was not reached (ReadError)"),
    ],
)
async def test_what_was_not_taken_is_to_be_tried_again(
    stand_in: SubscriberStandIn, http: httpx.AsyncClient, fault: str, says: str
) -> None:
    stand_in.faults.place(Step.POST, fault)
    with pytest.raises(Unavailable) as failed:
        await poster(stand_in, http).post(NOTICE)
    assert failed.value.message == f"subscriber erp {says}"
    assert failed.value.__cause__ is failed.value.__context__ is None
    assert stand_in.taken == []
    assert stand_in.calls.counts.get("unknown", 0) == 0, "no redirect is followed"


async def test_a_subscriber_that_asks_for_time_gets_it(
    stand_in: SubscriberStandIn, http: httpx.AsyncClient
) -> None:
    stand_in.faults.place(Step.POST, Fault.TOO_MANY_REQUESTS, retry_after=90)
    with pytest.raises(Unavailable) as failed:
        await poster(stand_in, http).post(NOTICE)
    assert failed.value.retry_after == timedelta(seconds=90)


async def test_gone_is_gone(stand_in: SubscriberStandIn, http: httpx.AsyncClient) -> None:
    stand_in.faults.place(Step.POST, Told.GONE)
    with pytest.raises(Rejected, match="subscriber erp wants no more notices"):
        await poster(stand_in, http).post(NOTICE)


@pytest.mark.parametrize("fault", [Fault.TRUNCATED, Fault.NOT_JSON])
async def test_of_a_yes_only_the_status_is_read(
    stand_in: SubscriberStandIn, http: httpx.AsyncClient, fault: Fault
) -> None:
    stand_in.faults.place(Step.POST, fault, when="after")
    await poster(stand_in, http).post(NOTICE)
    assert len(stand_in.taken) == 1


async def test_an_answer_without_end_holds_nobody_up(http: httpx.AsyncClient) -> None:
    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer), contextlib.suppress(ConnectionError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n")
            while True:
                writer.write(b"x" * 65536)
                await writer.drain()

    server = await asyncio.start_server(endless, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    settings = {"url": f"http://127.0.0.1:{port}/", "secret": SECRET}
    async with server:
        telling = connect({"erp": SubscriberSettings.model_validate(settings)}, http)
        await asyncio.wait_for(telling["erp"].post(NOTICE), 5)


async def test_the_time_for_an_answer_is_bounded(
    stand_in: SubscriberStandIn, http: httpx.AsyncClient
) -> None:
    stand_in.faults.place(Step.POST, Fault.TIME_OUT)
    with pytest.raises(Unavailable, match="was not reached"):
        await poster(stand_in, http, timeout=0.1).post(NOTICE)


async def test_a_time_out_leaves_no_connection_open_that_was_being_closed() -> None:
    """It strikes at once here, while those are closed that have idled too long."""
    async with idling() as there:
        settings = SubscriberSettings.model_validate({"url": there.url, "secret": SECRET})
        with pytest.raises(Unavailable, match="was not reached"):
            await Poster("erp", settings, there.http, timeout=0).post(NOTICE)
        await there.closed()


async def test_nothing_is_said_of_address_secret_or_content(
    stand_in: SubscriberStandIn, http: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    telling = poster(stand_in, http)
    await telling.post(NOTICE)
    stand_in.faults.place(Step.POST, Fault.RESET)
    with pytest.raises(Unavailable):
        await telling.post(NOTICE)
    ours = (record for record in caplog.records if not record.name.startswith("uvicorn"))
    said = [record.getMessage().partition(", ")[0] for record in ours]
    assert said == ["subscriber erp invoice.sent: 204", "subscriber erp invoice.sent: ReadError"]


def test_doctor_names_who_is_told_and_every_mistake() -> None:
    (right,) = _subscribers(variables())
    assert (right.level, right.what) == (OK, "subscriber erp: configured; only a notice can try it")
    wrong = _subscribers(variables(url="http://canary.example.com", secret="canary"))
    assert [one.level for one in wrong] == [WRONG, WRONG]
    assert "canary" not in str(wrong)

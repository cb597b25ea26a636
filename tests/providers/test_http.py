from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime

import httpx
import pytest
from pydantic import TypeAdapter, ValidationError

from invoicing.errors import (
    Details,
    ProviderError,
    Rejected,
    Unavailable,
    UnknownOutcome,
    Unreadable,
)
from providers.kit import http
from providers.kit.http import Answer, Call, Token, Tokens, decode, encode, exchange, retry_after
from tests.patience import LONG_ENOUGH
from tests.providers import Script, answer
from tests.providers.idling import idling

SECRET = "canary-secret"
READ = Call(
    provider="Example",
    name="read",
    method="GET",
    base_url="https://api.example.test",
    route="/invoices/{id}",
    ids={"id": "17"},
    changes=False,
    headers={"Authorization": f"Bearer {SECRET}"},
    query={"q": SECRET},
    timeout=1,
)
CHANGE = replace(READ, method="POST", changes=True, json={"amount": Decimal("12.10")})
ROUTES = ("GET /invoices/17", "POST /invoices/17")


async def asked(call: Call, reply: httpx.Response | Exception) -> Answer:
    script = Script()
    for route in ROUTES:
        script.on(route, reply)
    async with script.client() as client:
        return await exchange(client, call)


async def failed(call: Call, reply: httpx.Response | Exception) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        await asked(call, reply)
    assert SECRET not in repr(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    return caught.value


async def test_numbers_are_exact_in_both_directions() -> None:
    script = Script().on("POST /invoices/17", httpx.Response(200, text='{"a":0.1}'))
    async with script.client() as client:
        told = await exchange(client, CHANGE)
    assert told.body == {"a": Decimal("0.1")}
    assert script.asked[0].content == b'{"amount":12.10}'
    assert script.asked[0].headers["content-type"] == "application/json"


async def test_a_form_with_a_file_is_the_same_bytes_whenever_it_is_sent() -> None:
    file = http.File("file", "a.pdf", "application/pdf", b"%PDF-1.4", "0" * 64)
    call = replace(CHANGE, json=None, form={"id": "1"}, file=file)
    script = Script().on("POST /invoices/17", answer({}))
    async with script.client() as client:
        for _ in range(2):
            await exchange(client, call)
    first, second = script.asked
    assert first.content == second.content
    assert first.headers["content-type"] == f"multipart/form-data; boundary={'0' * 64}"
    assert first.headers["content-length"] == str(len(first.content))
    assert SECRET not in repr(call)
    assert "PDF" not in repr(file)


async def test_a_time_out_leaves_no_connection_open_that_was_being_closed() -> None:
    """It strikes at once here, while those are closed that have idled too long."""
    async with idling() as there:
        with pytest.raises(Unavailable, match="was not answered"):
            await exchange(there.http, replace(READ, base_url=there.url, timeout=0))
        await there.closed()


async def test_others_that_hang_leave_a_connection_for_this_one() -> None:
    """However many calls to them there are."""
    hanging, over, many = asyncio.Semaphore(0), asyncio.Event(), 120

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer):
            head = await reader.readuntil(b"\r\n\r\n")
            if b"/hang" in head:
                hanging.release()
                await over.wait()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")

    async with await asyncio.start_server(served, "127.0.0.1") as server, http.client() as client:
        port = server.sockets[0].getsockname()[1]
        here = replace(READ, base_url=f"http://127.0.0.1:{port}", timeout=10)
        hang = replace(here, route="/hang", ids={})
        others = [asyncio.create_task(exchange(client, hang)) for _ in range(many)]
        try:
            async with asyncio.timeout(LONG_ENOUGH):
                for _ in range(many):
                    await hanging.acquire()
            assert (await exchange(client, here)).ok
        finally:
            over.set()
            await asyncio.gather(*others, return_exceptions=True)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"a": [1, True, None, "é"]}, '{"a":[1,true,null,"\\u00e9"]}'),
        (Decimal("1E+3"), "1000"),
        (Decimal("0.10"), "0.10"),
        ((), "[]"),
    ],
)
def test_json_is_written_without_floats(value: http.Json, text: str) -> None:
    assert encode(value) == text


def test_a_float_is_never_written() -> None:
    with pytest.raises(TypeError):
        encode([0.1])  # type: ignore[list-item]


@pytest.mark.parametrize("text", [b"NaN", b'{"a": Infinity}', b"<html>", b'{"a":'])
def test_what_is_not_json_is_an_error(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode(text)


@pytest.mark.parametrize(
    "trouble",
    [httpx.ConnectError("x"), httpx.ConnectTimeout("x"), httpx.PoolTimeout("x")],
    ids=lambda one: type(one).__name__,
)
@pytest.mark.parametrize("call", [READ, CHANGE], ids=["reading", "changing"])
async def test_a_call_that_was_never_sent_can_be_tried_again(
    call: Call, trouble: Exception
) -> None:
    assert isinstance(await failed(call, trouble), Unavailable)


@pytest.mark.parametrize(
    "trouble",
    [
        httpx.ReadTimeout("x"),
        httpx.WriteTimeout("x"),
        httpx.ReadError("x"),
        httpx.WriteError("x"),
        httpx.RemoteProtocolError("x"),
        httpx.LocalProtocolError(f"Illegal header value b'{SECRET}'"),
        httpx.DecodingError("x"),
        httpx.Response(500),
        httpx.Response(503, content=b"<html>"),
        httpx.Response(408),
    ],
    ids=lambda one: getattr(one, "status_code", type(one).__name__),
)
async def test_what_happened_to_a_lost_call_depends_on_whether_it_changes(
    trouble: httpx.Response | Exception,
) -> None:
    assert isinstance(await failed(READ, trouble), Unavailable)
    assert isinstance(await failed(CHANGE, trouble), UnknownOutcome)


@pytest.mark.parametrize(
    "reply",
    [
        httpx.Response(200, content=b"<html>"),
        httpx.Response(200, content=b'{"a":'),
        httpx.Response(200, content=b"[" * 100_000),
        httpx.Response(200, content=b" " * (http.MAX_BODY + 1)),
        httpx.Response(302, headers={"location": "https://elsewhere.example.test/"}),
    ],
    ids=["html", "cut off", "nested", "too large", "redirect"],
)
async def test_an_answer_that_cannot_be_read(reply: httpx.Response) -> None:
    assert isinstance(await failed(READ, reply), Unreadable)
    assert isinstance(await failed(CHANGE, reply), UnknownOutcome)


async def test_a_small_answer_cannot_unfold_without_end() -> None:
    bomb = gzip.compress(b" " * (http.MAX_BODY + 1))
    reply = httpx.Response(200, headers={"content-encoding": "gzip"}, content=bomb)
    script = Script().on("GET /invoices/17", lambda _: reply)
    async with script.client() as client:
        with pytest.raises(Unreadable):
            await exchange(client, READ)


async def test_the_whole_exchange_ends_in_time_even_when_the_body_trickles() -> None:
    class Trickle(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield b"{"
            await asyncio.Event().wait()

    script = Script().on("POST /invoices/17", lambda _: httpx.Response(200, stream=Trickle()))
    async with script.client() as client:
        with pytest.raises(UnknownOutcome):
            await exchange(client, replace(CHANGE, timeout=0.05))


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504, 529])
async def test_slowing_down_is_honoured_by_every_call(status: int) -> None:
    for call, kind in ((READ, Unavailable), (CHANGE, UnknownOutcome)):
        error = await failed(call, answer(status=status, headers={"retry-after": "7"}))
        assert type(error) is kind
        assert Details.of(error) == Details(code=str(status), retry_after=timedelta(seconds=7))


@pytest.mark.parametrize("status", [425, 420, 440, 460, 499])
async def test_what_only_a_proxy_says_is_no_verdict_on_a_change(status: int) -> None:
    reply = answer({"key": "X"}, status, {"retry-after": "7"})
    error = await failed(CHANGE, reply)
    assert isinstance(error, UnknownOutcome)
    assert error.retry_after == timedelta(seconds=7)
    assert (await asked(READ, reply)).body == {"key": "X"}


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 1),
        ("-5", None),
        ("90", 90),
        ("99999999999999999999", 3600),
        (format_datetime(datetime.now(UTC) - timedelta(days=1)), 1),
        (format_datetime(datetime.now(UTC) + timedelta(days=1)), 3600),
        ("soon", None),
        ("", None),
        ("1.5", None),
        ("Mon, 01 Jan 99999999999999999999 00:00:00 GMT", None),
        ("Mon, 01 Jan 2026 00:00:00 +99999999999999999999", None),
    ],
    ids=[
        *("none", "negative", "seconds", "endless", "yesterday", "tomorrow", "a word", "empty"),
        *("a fraction", "a year without end", "a zone without end"),
    ],
)
def test_retry_after_is_kept_within_reason(value: str, seconds: int | None) -> None:
    wait = retry_after({"retry-after": value})
    assert wait == (None if seconds is None else timedelta(seconds=seconds))


async def test_retry_after_may_be_a_date() -> None:
    at = format_datetime(datetime.now(UTC) + timedelta(minutes=5), usegmt=True)
    wait = retry_after(httpx.Headers({"Retry-After": at}))
    assert wait is not None
    assert timedelta(minutes=4) < wait <= timedelta(minutes=5)


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 405, 409, 410, 412, 413, 415, 422])
async def test_a_refusal_comes_back_for_the_adaptor_to_explain(status: int) -> None:
    assert (await asked(CHANGE, answer({"key": "X"}, status))).body == {"key": "X"}
    assert (await asked(CHANGE, httpx.Response(status, content=b"<html>"))).body is None


@pytest.mark.parametrize("raw", [rb'{"a": ["\ud800x"]}', b'{"a": ["\xed\xa0\x80x"]}'])
def test_half_a_letter_is_replaced_for_nothing_could_keep_it(raw: bytes) -> None:
    told = json.dumps(decode(raw), ensure_ascii=False).encode()
    assert told.endswith(b'x"]}')
    assert decode(rb'"\ud83d\ude00 \ud55c"') == "\U0001f600 \ud55c"


async def test_an_expected_status_comes_back_too() -> None:
    call = replace(CHANGE, expects={500})
    assert (await asked(call, answer({"key": "X"}, 500))).status == 500
    assert isinstance(await failed(call, answer(status=502)), UnknownOutcome)


async def test_an_empty_answer_is_an_answer() -> None:
    told = await asked(CHANGE, httpx.Response(204))
    assert told.ok
    assert told.body is None


@pytest.mark.parametrize("value", ["", ".", "..", "..."])
async def test_an_id_cannot_lead_to_another_route(value: str) -> None:
    with pytest.raises(Rejected):
        await asked(replace(CHANGE, ids={"id": value}), answer({}))


async def test_an_id_is_quoted_into_its_segment() -> None:
    assert replace(READ, ids={"id": "../a b?c"}).url.endswith("/invoices/..%2Fa%20b%3Fc")


async def test_only_harmless_things_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    await asked(CHANGE, answer({"secret": SECRET}))
    with pytest.raises(UnknownOutcome):
        await asked(CHANGE, httpx.ReadTimeout(SECRET))
    assert SECRET not in caplog.text
    assert "Example POST /invoices/{id}: 200," in caplog.text
    assert "Example POST /invoices/{id}: ReadTimeout," in caplog.text


def test_nothing_shows_a_secret_by_being_printed() -> None:
    shown = repr((READ, Token(SECRET, 1), Answer(200, httpx.Headers({"a": SECRET}), SECRET)))
    assert SECRET not in shown


async def test_cookies_of_one_account_never_reach_another() -> None:
    script = Script().on(
        "GET /invoices/17", answer({}, headers={"set-cookie": "session=1; Path=/"})
    )
    async with script.client() as client:
        await exchange(client, READ)
        await exchange(client, READ)
    assert "cookie" not in script.asked[1].headers


async def test_the_environment_cannot_redirect_traffic(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example.test")
    async with http.client() as client:
        assert client.trust_env is False
        assert client.follow_redirects is False


@pytest.mark.parametrize(
    "url",
    [
        "https://api.example.test/v1/",
        "http://127.0.0.1:8080",
        "http://localhost:8080",
        "http://sandbox:8080",
        "http://[::1]:8080",
        "http://127.9.9.9",
    ],
)
def test_a_base_url_is_https_or_nearby(url: str) -> None:
    assert TypeAdapter(http.BaseUrl).validate_python(url) == url.rstrip("/")


@pytest.mark.parametrize(
    "url",
    [
        "http://api.example.test",
        "http://127.evil.example",
        "http://127.0.0.1.evil.example",
        "http://localhost.evil.example",
        "http://[2001:db8::7]",
        "http://[::ffff:198.51.100.7]",
        "http://3325256711",
        "http://0xc6336407",
        "ftp://api.example.test",
        "https://user:pass@api.example.test",
        "https://api.example.test?a=b",
        "api.example.test",
        "",
    ],
)
def test_another_base_url_is_refused(url: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(http.BaseUrl).validate_python(url)


class TestTokens:
    async def test_a_token_is_reused_until_shortly_before_it_expires(self) -> None:
        now = 0.0
        fetched: list[float] = []

        async def fetch() -> Token:
            fetched.append(now)
            return Token(f"t{len(fetched)}", 3600)

        tokens = Tokens(fetch, clock=lambda: now)
        assert await tokens.get() == "t1"
        now = 3539
        assert await tokens.get() == "t1"
        now = 3540
        assert await tokens.get() == "t2"

    async def test_many_callers_fetch_once(self) -> None:
        fetched = 0
        gate = asyncio.Event()

        async def fetch() -> Token:
            nonlocal fetched
            fetched += 1
            await gate.wait()
            return Token("t", 60)

        tokens = Tokens(fetch)
        callers = [asyncio.create_task(tokens.get()) for _ in range(20)]
        await asyncio.sleep(0)
        gate.set()
        assert set(await asyncio.gather(*callers)) == {"t"}
        assert fetched == 1

    async def test_a_refused_token_is_forgotten_once(self) -> None:
        fetched = 0

        async def fetch() -> Token:
            nonlocal fetched
            fetched += 1
            return Token(f"t{fetched}", 60)

        tokens = Tokens(fetch)
        old = await tokens.get()
        tokens.drop(old)
        assert await tokens.get() == "t2"
        tokens.drop(old)
        assert await tokens.get() == "t2"

    async def test_a_failed_fetch_is_tried_again_by_the_next_caller(self) -> None:
        answers: list[Token | Exception] = [Unavailable("no"), Token("t", 60)]

        async def fetch() -> Token:
            told = answers.pop(0)
            if isinstance(told, Exception):
                raise told
            return told

        tokens = Tokens(fetch)
        with pytest.raises(Unavailable):
            await tokens.get()
        assert await tokens.get() == "t"

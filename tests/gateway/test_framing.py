"""Requests as other programs and strangers write them: one request is one request to everybody, and
what could be read in two ways is refused."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest

from gateway.problems import Kind
from invoicing.books.booked import BadCursor
from register.cursors import read, written
from tests.gateway.door import TOKENS, Door, Gateway, fields, problem
from tests.patience import LONG_ENOUGH

HEAD = f"Host: localhost\r\nAuthorization: Bearer {TOKENS['all']}\r\n"


async def answered(gateway: Gateway, sent: str) -> str:
    """All that comes for this until the gateway closes the connection."""
    where = urlsplit(gateway.url)
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    try:
        writer.write(sent.encode())
        async with asyncio.timeout(LONG_ENOUGH):
            return (await reader.read()).decode()
    finally:
        writer.close()


async def test_a_body_with_two_lengths_is_refused_and_nothing_behind_it_is_a_request(
    gateway: Gateway,
) -> None:
    """A proxy that goes by the other length would hand us somebody's request as another's."""
    smuggled = f"GET /v1/invoices HTTP/1.1\r\n{HEAD}\r\n"
    for lengths in (
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 500\r\n",
    ):
        told = await answered(
            gateway, f"POST /v1/invoices HTTP/1.1\r\n{HEAD}{lengths}\r\n0\r\n\r\n{smuggled}"
        )
        assert told.count("HTTP/1.1 ") == 1
        assert told.startswith("HTTP/1.1 400 ")
        assert "connection: close" in told.lower()


async def test_what_follows_a_request_at_once_is_answered_after_it(gateway: Gateway) -> None:
    one = f"GET /v1/questions HTTP/1.1\r\n{HEAD}\r\n"
    last = f"GET /nowhere HTTP/1.1\r\n{HEAD}Connection: close\r\n\r\n"
    told = await answered(gateway, one * 3 + last)
    assert [part[:3] for part in told.split("HTTP/1.1 ")[1:]] == ["200", "200", "200", "404"]


@pytest.mark.parametrize("path", ["/health", "/v1/questions", "/v1/invoices/NEVER-1"])
async def test_whoever_looks_only_at_the_head_sees_that_of_the_whole(door: Door, path: str) -> None:
    whole, head = [await door.ask(method, path, known=False) for method in ("GET", "HEAD")]
    assert head.status_code == whole.status_code
    assert head.headers["content-length"] == whole.headers["content-length"]
    assert head.content == b""


async def test_a_head_needs_what_its_whole_needs(gateway: Gateway) -> None:
    for who, status in ((None, 401), ("start", 200), ("decrypt", 403)):
        answer = await gateway.door(who).ask("HEAD", "/v1/questions", known=False)
        assert answer.status_code == status


async def test_one_of_two_different_wishes_is_not_followed_in_silence(gateway: Gateway) -> None:
    door = gateway.door("all")
    for path in ("/v1/invoices?status=sent&status=held", "/v1/events?limit=1&limit=2"):
        twice = await door.get(path)
        assert fields(twice)[0] in ("query.status", "query.limit")
    several = await door.ask(
        "POST",
        "/v1/batches/preview?ignore=a&ignore=b",
        content=b"reference,a,b\nA-1,x,y\n",
        headers={"Content-Type": "text/csv"},
    )
    assert several.status_code == 200
    problem(await gateway.door(None).get("/v1/events?limit=1&limit=2"), Kind.UNAUTHENTICATED)


@pytest.mark.parametrize("name", ["A%00", "A%0aB", "%E2%80%AE"])
async def test_a_name_that_nothing_can_have_is_refused_before_anybody_is_asked(
    door: Door, name: str
) -> None:
    """PostgreSQL, behind register and server, fails at the character 0: it would be tried again."""
    why = {"by": "ann", "reason": "file 4711"}
    assert fields(await door.post(f"/v1/books/{name}/legal-hold", why)) == ["path.reference"]
    assert fields(await door.get(f"/v1/invoices/{name}")) == ["path.reference"]
    if "%0" in name:
        answer = await door.get(f"/v1/events/mollie/default/{name}")
        assert answer.status_code in (404, 422)
        assert "nothing is known" not in answer.text


async def test_a_number_is_no_day_in_a_query(door: Door) -> None:
    assert fields(await door.get("/v1/books?since=1782777600")) == ["query.since"]


def test_a_cursor_with_a_name_that_nothing_can_have_is_none() -> None:
    now = datetime.now(UTC)
    assert read(written(now, "A-1")) == (now, "A-1")
    with pytest.raises(BadCursor):
        read(written(now, "A\0"))

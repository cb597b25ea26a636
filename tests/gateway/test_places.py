"""Nobody takes another's place: not by asking, by waiting, by dawdling or by leaving."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gateway.backend import Shared
from gateway.callers import Caller
from gateway.connections import Connections, most_connections
from gateway.guard import Guard
from gateway.house import PAUSE, UNPROVEN_BYTES, House
from gateway.problems import Kind, Trouble
from gateway.reach import Reach
from gateway.serve import serving
from settings.callers import Scope as May
from tests.gateway.door import TOKENS, Gateway, gateway_over, problem, settings, signed
from tests.lifecycle.world import Company, World
from tests.patience import LONG_ENOUGH
from tests.tiers import detail
from tests.tls import NO_TLS

OPERATOR = Caller("operator", frozenset({May.READ, May.OPERATE}), Reach())
TOLD = b'{"_type": "paymentreceived", "invoiceId": "1"}'


def one(name: str) -> Caller:
    return Caller(name, frozenset({May.READ}), Reach())


# --- the places -----------------------------------------------------------------------------------


def test_a_caller_has_a_bound_of_its_own_and_gets_a_place_back_for_each_it_leaves() -> None:
    house = House(settings(caller_at_once=2))
    first, _ = [house.enter(one("a")) for _ in range(2)]
    with pytest.raises(Trouble) as caught:
        house.enter(one("a"))
    assert caught.value.kind is Kind.TOO_MANY
    house.enter(one("b"))
    first()
    house.enter(one("a"))


def test_some_places_are_kept_for_webhooks_and_operators() -> None:
    house = House(settings(at_once=4, reserve=2))
    leave = [house.enter(one("a")), house.enter(one("b"))]
    with pytest.raises(Trouble) as caught:
        house.enter(one("c"))
    assert caught.value.kind is Kind.UNAVAILABLE
    house.enter(OPERATOR)
    house.enter_proven()
    for enter in (house.enter_proven, lambda: house.enter(OPERATOR)):
        with pytest.raises(Trouble):
            enter()
    leave[0]()
    house.enter_proven()


def test_who_waits_for_a_result_takes_no_place_of_others() -> None:
    house = House(settings(at_once=1, reserve=0, caller_long_polls=2, long_polls=3))
    leave = [house.wait_long(one("a")), house.wait_long(one("a"))]
    with pytest.raises(Trouble) as caught:
        house.wait_long(one("a"))
    assert caught.value.kind is Kind.TOO_MANY
    house.wait_long(one("b"))
    with pytest.raises(Trouble) as caught:
        house.wait_long(one("c"))
    assert caught.value.kind is Kind.UNAVAILABLE
    house.enter(one("a"))
    leave[0]()
    house.wait_long(one("c"))


@pytest.mark.parametrize(("most", "size"), [(2, 10), (100, UNPROVEN_BYTES // 2)])
async def test_where_the_room_of_the_unproven_is_full_the_slowest_gives_way(
    most: int, size: int
) -> None:
    house = House(settings(unproven=most))
    late: list[int] = []
    inside = asyncio.Semaphore(0)

    async def reads(number: int) -> None:
        try:
            async with asyncio.timeout(LONG_ENOUGH) as deadline:
                with house.reading_unproven(deadline) as took:
                    took(size)
                    inside.release()
                    await asyncio.Future()
        except TimeoutError:
            late.append(number)

    async with asyncio.timeout(LONG_ENOUGH), asyncio.TaskGroup() as group:
        readers = []
        for number in range(4):
            readers.append(group.create_task(reads(number)))
            await inside.acquire()
        await asyncio.wait(readers[:2])
        assert late == [0, 1]
        for each in readers:
            each.cancel()


# --- over real connections ------------------------------------------------------------------------


class Wire:
    """A connection whose every byte the test says."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def says(self, text: str) -> None:
        self._writer.write(text.encode())
        await self._writer.drain()

    async def hears(self) -> int:
        """The status of the answer."""
        async with asyncio.timeout(LONG_ENOUGH):
            line = await self._reader.readline()
        return int(line.split()[1])

    async def answers(self, text: str) -> int:
        """How many answers with this text have come, once there are two."""
        found = 0
        async with asyncio.timeout(LONG_ENOUGH):
            while found < 2:
                found += (await self._reader.read(10_000)).count(text.encode())
        return found

    async def is_closed(self) -> None:
        """Returns once the other side has closed it."""
        async with asyncio.timeout(LONG_ENOUGH):
            with contextlib.suppress(ConnectionError):
                await self._reader.read()

    def hangs_up(self) -> None:
        self._writer.transport.abort()


Wires = Callable[[str], Awaitable[Wire]]


@pytest.fixture
async def wires() -> AsyncIterator[Wires]:
    """Opens connections to a URL; all are closed when the test leaves."""
    opened: list[Wire] = []

    async def connected(url: str) -> Wire:
        there = urlsplit(url)
        opened.append(Wire(*await asyncio.open_connection(there.hostname, there.port)))
        return opened[-1]

    yield connected
    for each in opened:
        each.hangs_up()
    await asyncio.sleep(0)


def head(method: str, path: str, length: int | None = None, who: str = "") -> str:
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost"]
    if who:
        lines.append(f"Authorization: Bearer {TOKENS[who]}")
    if length is not None:
        lines += [f"Content-Length: {length}", "Content-Type: application/json"]
    return "\r\n".join([*lines, "", ""])


async def test_an_account_that_does_not_exist_is_refused_before_its_body_is_there(
    gateway: Gateway, wires: Wires
) -> None:
    wire = await wires(gateway.url)
    await wire.says(head("POST", "/webhooks/zero_friction/nobody", length=100_000))
    assert await wire.hears() == 404
    await wire.is_closed()


async def test_slow_bodies_of_the_unproven_give_way_to_a_webhook(
    shared_world: World, company: Company, wires: Wires
) -> None:
    path = f"/webhooks/zero_friction/{company.account}"
    async with gateway_over(shared_world.client, unproven=3, body_seconds=60) as gateway:
        gateway.listen_for(company.account)
        slow = [await wires(gateway.url) for _ in range(8)]
        for each in slow:
            await each.says(head("POST", path, length=100) + "{")
        # All but three have been told to go.
        hearing = [asyncio.create_task(each.hears()) for each in slow]
        told = [await each for each in itertools.islice(asyncio.as_completed(hearing), 5)]
        assert told == [408] * 5
        outside = gateway.door(None)
        for _ in range(3):
            answer = await outside.ask("POST", path, content=TOLD, headers=signed(TOLD))
            assert answer.status_code == 200
        for left in hearing:
            left.cancel()


async def test_a_caller_s_slow_bodies_take_its_own_places_alone(
    shared_world: World, wires: Wires
) -> None:
    async with gateway_over(shared_world.client, caller_at_once=2, body_seconds=60) as gateway:
        for _ in range(2):
            wire = await wires(gateway.url)
            await wire.says(head("POST", "/v1/invoices", length=100, who="start") + "{")
        hasty = gateway.door("start")
        async with asyncio.timeout(LONG_ENOUGH):
            while (answer := await hasty.get("/v1/questions")).status_code == 200:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        problem(answer, Kind.TOO_MANY)
        assert answer.headers["Retry-After"] == "1"
        assert (await gateway.door("read").get("/v1/questions")).status_code == 200


@detail
async def test_dropped_polls_give_their_places_back_at_once(
    shared_world: World, company: Company, wires: Wires
) -> None:
    """More of them than may wait at once, each hung up: the next one finds a place."""
    reference = await company.start(hold=True)
    path = f"/v1/invoices/{reference}/result"
    limits: dict[str, Any] = {"caller_long_polls": 3, "long_polls": 3}
    async with gateway_over(shared_world.client, **limits) as gateway:
        for _ in range(4):
            polls = [await wires(gateway.url) for _ in range(3)]
            for each in polls:
                await each.says(head("GET", f"{path}?wait=30", who="read"))
            fourth = gateway.door("read")
            async with asyncio.timeout(LONG_ENOUGH):
                while (answer := await fourth.get(path, wait=1)).status_code == 200:
                    pass
            problem(answer, Kind.TOO_MANY)
            # Only those that wait are too many.
            assert (await fourth.get("/v1/questions")).status_code == 200
            for each in polls:
                each.hangs_up()
            async with asyncio.timeout(LONG_ENOUGH):
                while (await fourth.get(path, wait=1)).status_code == 429:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def served(app: Any, **changes: Any) -> AsyncIterator[str]:
    setup = settings(**changes)
    async with serving(app, setup) as url:
        yield url


async def test_what_is_done_for_a_caller_that_has_left_ends(
    wires: Wires, caplog: pytest.LogCaptureFixture
) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "POST":
            assert (await receive())["body"] == b"{}"
        begun.set()
        try:
            await asyncio.Future()
        finally:
            ended.set()

    async with served(Guard(app)) as url:
        for method, length in (("GET", None), ("POST", 2)):
            begun.clear()
            ended.clear()
            wire = await wires(url)
            await wire.says(head(method, "/", length) + ("{}" if length else ""))
            async with asyncio.timeout(LONG_ENOUGH):
                await begun.wait()
                wire.hangs_up()
                await ended.wait()
    assert caplog.text.count("outcome=left") == 2


async def test_a_body_comes_whole_through_the_guard_however_it_is_cut(wires: Wires) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        await Response(body)(scope, receive, send)

    async with (
        served(Guard(app)) as url,
        httpx.AsyncClient(trust_env=False, verify=NO_TLS) as http,
    ):

        async def cut() -> AsyncIterator[bytes]:
            for part in (b"one", b"two", b"three"):
                yield part

        assert (await http.post(url, content=cut())).text == "onetwothree"
        assert (await http.post(url, content=b"x" * 300_000)).text == "x" * 300_000
        assert (await http.post(url)).text == (await http.get(url)).text == ""


async def well(scope: Scope, receive: Receive, send: Send) -> None:
    await Response("well")(scope, receive, send)


async def test_a_head_that_does_not_come_is_not_waited_for_however_it_dawdles(
    wires: Wires,
) -> None:
    async with served(well, head_seconds=0.3) as url:
        silent, half, dawdling = [await wires(url) for _ in range(3)]
        await half.says("GET / HTTP/1.1\r\nHost: local")

        async def dawdle() -> None:
            await dawdling.says("GET / HTTP/1.1\r\n")
            with contextlib.suppress(ConnectionError):
                while True:
                    await dawdling.says("X-More: 1\r\n")
                    await asyncio.sleep(0.05)

        dawdler = asyncio.create_task(dawdle())
        for each in (silent, half, dawdling):
            await each.is_closed()
        dawdler.cancel()
        await asyncio.gather(dawdler, return_exceptions=True)


async def test_a_body_that_follows_a_refusal_is_not_waited_for_either(wires: Wires) -> None:
    # The head is to come in time on a busy machine, too.
    async with served(well, head_seconds=2) as url:
        wire = await wires(url)
        await wire.says(head("POST", "/", length=100_000) + "{")
        assert await wire.hears() == 200
        await wire.is_closed()


async def test_more_connections_than_there_are_places_close_the_one_that_waits_longest(
    wires: Wires, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        served(well, connections=10, head_seconds=60) as url,
        httpx.AsyncClient(trust_env=False, verify=NO_TLS) as http,
    ):
        half = [await wires(url) for _ in range(30)]
        for each in half:
            with contextlib.suppress(ConnectionError):
                await each.says("GET / HT")
        for _ in range(3):
            assert (await http.get(url)).text == "well"
        for each in half[:20]:
            await each.is_closed()
    assert caplog.text == ""


async def test_whoever_was_answered_before_is_not_closed_for_strangers(wires: Wires) -> None:
    async with served(well, connections=10, head_seconds=60) as url:
        known = await wires(url)
        await known.says(head("GET", "/"))
        assert await known.hears() == 200
        strangers = [await wires(url) for _ in range(15)]
        for each in strangers[:6]:
            await each.is_closed()
        await known.says(head("GET", "/"))
        assert await known.answers("well") == 2


async def test_who_asks_too_often_is_made_to_wait_and_keeps_no_more_than_its_places(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waited: list[float] = []
    over = asyncio.Event()

    # The house's own name for it: asyncio's is that of every task of a server that others share.
    async def sleep(seconds: float) -> None:
        waited.append(seconds)
        await over.wait()

    monkeypatch.setattr("gateway.house.sleep", sleep)
    house = House(settings(caller_at_once=2))
    pausing = [asyncio.create_task(house.pause(one("a"))) for _ in range(5)]
    await asyncio.wait(pausing[2:])
    assert len(waited) == 2
    over.set()
    await asyncio.gather(*pausing)
    await house.pause(one("a"))
    assert len(waited) == 3
    assert all(PAUSE <= each <= 1.25 * PAUSE for each in waited)


async def test_a_request_under_way_is_never_closed_for_a_newcomer(wires: Wires) -> None:
    inside, leave = asyncio.Semaphore(0), asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        inside.release()
        await leave.wait()
        await well(scope, receive, send)

    async with served(app, connections=10) as url:
        under_way = [await wires(url) for _ in range(10)]
        for each in under_way:
            await each.says(head("GET", "/"))
            await inside.acquire()
        newcomer = await wires(url)
        await newcomer.is_closed()
        leave.set()
        assert [await each.hears() for each in under_way] == [200] * 10


def _limit(descriptors: int, _: int) -> tuple[int, int]:
    return descriptors, descriptors


def test_connections_stay_below_the_descriptors(monkeypatch: pytest.MonkeyPatch) -> None:
    for descriptors, most in ((1024, 864), (100_000, 1000), (64, 10)):
        monkeypatch.setattr(
            "gateway.connections.resource.getrlimit", lambda _, n=descriptors: (n, n)
        )
        assert most_connections(1000) == most
    assert len(Connections(10, 1)) == 0


@detail
async def test_what_anybody_may_ask_is_asked_once_for_everybody_who_asks_at_once() -> None:
    """`/ready` is open to strangers, and its answer is Temporal's."""
    asked, answer = 0, asyncio.Event()

    async def call() -> None:
        nonlocal asked
        asked += 1
        await answer.wait()
        if asked == 2:
            raise LookupError

    shared = Shared()
    asking = [asyncio.create_task(shared.answer(call)) for _ in range(20)]
    await asyncio.sleep(0)
    asking[0].cancel()
    await asyncio.wait(asking[:1])
    answer.set()
    await asyncio.gather(*asking[1:])
    assert asked == 1
    with pytest.raises(LookupError):
        await shared.answer(call)

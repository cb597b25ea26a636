"""Every fault, proven on the wire against the smallest stand-in there can be."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import time
from collections.abc import AsyncIterator, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Any

import httpx
import pytest
import pytest_asyncio
from starlette.responses import Response

from sandbox.kit.faults import DRAWABLE, Fault, Faults
from sandbox.kit.record import Effect
from sandbox.kit.server import Ask, StandIn, Way, serve
from sandbox.kit.wire import answer, decoded, encoded
from tests.patience import LONG_ENOUGH
from tests.tls import NO_TLS


class Step(StrEnum):
    CREATE = "create"
    READ = "read"


class Jar(StandIn):
    """A provider with two routes: put a thing in, see how many there are."""

    steps = Step
    told = frozenset({"lie"})

    def account(self, url: str | None = None) -> dict[str, str]:
        return {"base_url": url or self.url}

    def ways(self) -> Sequence[Way]:
        return [
            Way("POST", "/things", Step.CREATE, self._create),
            Way("GET", "/things", Step.READ, self._read),
        ]

    def pay(self, reference: str, amount: Decimal | None = None) -> None:
        if not self.ledger.live(reference):
            raise LookupError(f"no {reference}")
        self.ledger.add(Effect.PAID, reference, reference=reference, gross=amount)

    def forget(self) -> None:
        pass

    def _create(self, ask: Ask) -> Response:
        reference = decoded(ask.body)["reference"]
        self.ledger.add(Effect.CREATED, f"id-{reference}", reference=reference)
        return answer({"created": True})

    def _read(self, ask: Ask) -> Response:
        return answer({"things": -1 if ask.told("lie") else len(self.ledger.entries)})


@pytest_asyncio.fixture
async def jar() -> AsyncIterator[Jar]:
    async with serve(Jar()) as stand_in:
        yield stand_in


@pytest_asyncio.fixture
async def client(jar: Jar) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=jar.url, timeout=2, verify=NO_TLS) as client:
        yield client


async def create(client: httpx.AsyncClient, **options: Any) -> httpx.Response:
    return await client.post("/things", json={"reference": "R-1"}, **options)


def created(jar: Jar) -> bool:
    return jar.ledger.live("R-1") == ("id-R-1",)


BROKEN: dict[Fault, type[httpx.HTTPError]] = {
    Fault.RESET: httpx.ReadError,
    Fault.REFUSE: httpx.ReadError,
    Fault.TIME_OUT: httpx.ReadTimeout,
    Fault.TRUNCATED: httpx.RemoteProtocolError,
}


@pytest.mark.parametrize("fault", BROKEN)
@pytest.mark.parametrize(("when", "effect"), [("before", False), ("after", True)])
async def test_a_broken_exchange_commits_nothing_before_and_everything_after(
    jar: Jar, client: httpx.AsyncClient, fault: Fault, when: Any, effect: bool
) -> None:
    jar.faults.place("create", fault, when=when, seconds=0.05 if fault is Fault.REFUSE else None)
    with pytest.raises(BROKEN[fault]):
        await create(client, timeout=0.2)
    assert created(jar) is effect
    assert jar.calls.of("create")[0].faults == [fault]


@pytest.mark.parametrize("status", [429, 500, 502, 503])
@pytest.mark.parametrize(("when", "effect"), [("before", False), ("after", True)])
async def test_a_failing_status_commits_nothing_before_and_everything_after(
    jar: Jar, client: httpx.AsyncClient, status: int, when: Any, effect: bool
) -> None:
    jar.faults.place("create", str(status), when=when)
    response = await create(client)
    assert response.status_code == status
    assert response.headers.get("retry-after") == ("1" if status == 429 else None)
    assert created(jar) is effect
    assert jar.calls.of("create")[0].status == status


async def test_a_reset_is_a_reset_and_not_an_orderly_end(jar: Jar) -> None:
    jar.faults.place("read", "reset")
    reader, writer = await asyncio.open_connection("127.0.0.1", int(jar.url.rpartition(":")[2]))
    with contextlib.closing(writer):
        writer.write(b"GET /things HTTP/1.1\r\nHost: jar\r\n\r\n")
        with pytest.raises(ConnectionResetError):
            await reader.read()


async def test_retry_after_says_what_the_test_asked_for(
    jar: Jar, client: httpx.AsyncClient
) -> None:
    jar.faults.place("read", "503", retry_after=7)
    assert (await client.get("/things")).headers["retry-after"] == "7"


async def test_a_page_of_html_comes_with_status_200(jar: Jar, client: httpx.AsyncClient) -> None:
    jar.faults.place("create", "not_json", when="after")
    response = await create(client)
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/html")
    with pytest.raises(json.JSONDecodeError):
        response.json()
    assert created(jar)


async def test_refusing_is_over_by_itself_and_on_the_same_port(
    jar: Jar, client: httpx.AsyncClient
) -> None:
    url = jar.url
    # The second call comes before that, on a busy machine, too.
    jar.faults.place("read", "refuse", seconds=2)
    with pytest.raises(httpx.ReadError):
        await client.get("/things")
    with pytest.raises(httpx.ConnectError):
        await client.get("/things")
    refused_until = time.monotonic() + LONG_ENOUGH
    while time.monotonic() < refused_until:
        try:
            response = await client.get("/things")
        except httpx.ConnectError:
            await asyncio.sleep(0.05)
            continue
        break
    assert response.status_code == 200
    assert jar.url == url


async def test_the_body_of_an_answer_does_not_wait_until_its_head_is_confirmed(
    jar: Jar, client: httpx.AsyncClient
) -> None:
    """It took 40 ms of each answer but the first of a connection."""
    await client.get("/things")
    assert jar._listener is not None
    (connection,) = jar._listener._state.connections
    accepted = connection.transport.get_extra_info("socket")
    assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0


async def test_nothing_listens_while_it_is_down(jar: Jar, client: httpx.AsyncClient) -> None:
    await client.get("/things")
    async with jar.down():
        with pytest.raises(httpx.ConnectError):
            await create(client)
    assert (await create(client)).status_code == 200
    assert jar.calls.count("create") == 1


@pytest.mark.parametrize("turns", range(6))
async def test_going_down_also_cuts_what_was_only_just_accepted(jar: Jar, turns: int) -> None:
    """So many turns of the loop ago a client has connected."""
    with socket.create_connection(("127.0.0.1", int(jar.url.rpartition(":")[2]))) as there:
        there.setblocking(False)
        for _ in range(turns):
            await asyncio.sleep(0)
        async with jar.down():
            with pytest.raises(ConnectionResetError):
                await asyncio.wait_for(asyncio.get_running_loop().sock_recv(there, 1), LONG_ENOUGH)


async def test_a_slow_answer_is_right_and_late(jar: Jar, client: httpx.AsyncClient) -> None:
    jar.faults.place("create", "slow", seconds=0.05)
    begun = time.monotonic()
    assert (await create(client)).json() == {"created": True}
    assert time.monotonic() - begun >= 0.05


async def test_a_silence_ends_by_itself_when_the_client_waits_long_enough(
    jar: Jar, client: httpx.AsyncClient
) -> None:
    jar.faults.place("create", "time_out", seconds=0.05)
    with pytest.raises(httpx.ReadError):
        await create(client)


async def test_a_gate_before_the_commit_holds_the_call_and_its_effect(
    jar: Jar, client: httpx.AsyncClient
) -> None:
    gate = jar.faults.place("create", "gate")
    call = asyncio.create_task(create(client))
    await gate.reached()
    assert not created(jar)
    gate.release()
    assert (await call).status_code == 200
    assert created(jar)


async def test_a_gate_after_the_commit_holds_only_the_answer(
    jar: Jar, client: httpx.AsyncClient
) -> None:
    gate = jar.faults.place("create", "gate", when="after")
    call = asyncio.create_task(create(client))
    await jar.reached("create", when="after")
    assert created(jar)
    assert not call.done()
    gate.release()
    assert (await call).json() == {"created": True}


async def test_what_is_held_at_a_gate_is_committed_even_when_its_caller_died(
    jar: Jar, client: httpx.AsyncClient
) -> None:
    gate = jar.faults.place("create", "gate")
    call = asyncio.create_task(create(client))
    await gate.reached()
    call.cancel()
    gate.release()
    await jar.ledger.reached("created", "R-1")


async def test_a_call_waiting_at_a_gate_does_not_keep_the_server_from_stopping() -> None:
    async with httpx.AsyncClient(verify=NO_TLS) as client:
        async with serve(Jar()) as jar:
            gate = jar.faults.place("create", "gate")
            call = asyncio.create_task(client.post(f"{jar.url}/things", json={"reference": "R-1"}))
            await gate.reached()
        with pytest.raises(httpx.ReadError):
            await call
    assert not created(jar)


async def test_faults_strike_the_calls_they_were_placed_at_and_no_others(
    jar: Jar, client: httpx.AsyncClient
) -> None:
    jar.faults.place("read", "500", nth=2, times=2)
    statuses = [(await client.get("/things")).status_code for _ in range(4)]
    assert statuses == [200, 500, 500, 200]
    jar.faults.place("read", "503")
    assert (await client.get("/things")).status_code == 503


async def test_two_faults_at_one_call_strike_in_order(jar: Jar, client: httpx.AsyncClient) -> None:
    gate = jar.faults.place("create", "gate")
    jar.faults.place("create", "502", when="after")
    call = asyncio.create_task(create(client))
    await gate.reached()
    gate.release()
    assert (await call).status_code == 502
    assert jar.calls.of("create")[0].faults == ["gate", "502"]


async def test_a_fault_of_the_stand_ins_own_is_told_by_its_handler(
    jar: Jar, client: httpx.AsyncClient
) -> None:
    lie = jar.faults.place("read", "lie")
    assert (await client.get("/things")).json() == {"things": -1}
    assert (await client.get("/things")).json() == {"things": 0}
    assert lie.hits == 1


async def test_waiting_for_a_call_that_never_comes_says_which(jar: Jar) -> None:
    with pytest.raises(TimeoutError, match="before create number 1"):
        await jar.arrived("create", within=0.01)


async def test_another_process_can_place_see_and_release(
    jar: Jar, client: httpx.AsyncClient
) -> None:
    wish = {"step": "create", "fault": "gate", "when": "after"}
    placed = await client.post("/_sandbox/faults", json=wish)
    assert placed.status_code == 201
    call = asyncio.create_task(create(client))
    await jar.reached("create", when="after")
    listed = (await client.get("/_sandbox/faults")).json()["faults"]
    assert [(one["fault"], one["hits"]) for one in listed] == [("gate", 1)]
    await client.post(f"/_sandbox/faults/{placed.json()['id']}/release")
    assert (await call).status_code == 200
    ledger = (await client.get("/_sandbox/ledger", params={"reference": "R-1"})).json()
    assert [entry["effect"] for entry in ledger["entries"]] == ["created"]
    paid = await client.post("/_sandbox/pay", json={"reference": "R-1", "amount": "1.10"})
    assert paid.json() == {"effects": ["created", "paid"]}
    assert (await client.get("/_sandbox/calls")).json()["counts"] == {"create": 1}


@pytest.mark.parametrize(
    "wish",
    [
        {"step": "creat", "fault": "500"},
        {"step": "create", "fault": "explode"},
        {"step": "create", "fault": "500", "when": "during"},
        {"step": "create", "fault": "500", "nth": 0},
        {"step": "create", "fault": "500", "colour": "red"},
    ],
    ids=["step", "fault", "when", "nth", "unknown key"],
)
async def test_a_fault_that_makes_no_sense_is_refused(
    jar: Jar, client: httpx.AsyncClient, wish: dict[str, Any]
) -> None:
    response = await client.post("/_sandbox/faults", json=wish)
    assert response.status_code == 400
    assert response.json()["error"]
    assert len(jar.faults) == 0


async def test_paying_what_is_not_there_is_an_error_not_a_crash(client: httpx.AsyncClient) -> None:
    response = await client.post("/_sandbox/pay", json={"reference": "R-9"})
    assert response.status_code == 400


async def test_reset_forgets_everything(jar: Jar, client: httpx.AsyncClient) -> None:
    jar.faults.place("create", "500", nth=2)
    await create(client)
    await client.post("/_sandbox/reset")
    assert (jar.ledger.entries, jar.calls.all, len(jar.faults)) == ((), (), 0)


async def test_a_route_that_does_not_exist_is_recorded_as_unknown(
    jar: Jar, client: httpx.AsyncClient
) -> None:
    assert (await client.get("/thing")).status_code == 404
    assert (await client.delete("/things")).status_code == 404
    assert [call.path for call in jar.calls.of("unknown")] == ["/thing", "/things"]


async def test_two_stand_ins_share_nothing(jar: Jar, client: httpx.AsyncClient) -> None:
    async with serve(Jar()) as other:
        other.faults.place("create", "500")
        assert (await create(client)).status_code == 200
        assert other.calls.all == ()
        assert other.ledger.entries == ()
        assert other.url != jar.url


def test_the_same_seed_draws_the_same_plan() -> None:
    plans = [
        [placed.described() for placed in Faults.drawn(seed, list(Step), share=0.5)]
        for seed in (7, 7, 8)
    ]
    assert plans[0] == plans[1] != plans[2]


def test_a_drawn_plan_ends() -> None:
    plan = Faults.drawn(1, list(Step), share=1.0, calls=3)
    assert {(placed.step, placed.first) for placed in plan} == {
        (step, nth) for step in Step for nth in (1, 2, 3)
    }
    assert {placed.fault for placed in plan} <= set(DRAWABLE)
    assert [plan.next("create") != [] for _ in range(5)] == [True, True, True, False, False]


async def test_a_plan_drawn_for_other_steps_is_refused() -> None:
    with pytest.raises(ValueError, match="no step 'fly'"):
        Jar(Faults.drawn(1, ["fly"], share=1.0))


@pytest.mark.parametrize("text", ["0.1", "0.12345678901234567891", "100", "1E+2", "-0.05", "1E-7"])
def test_decimals_are_written_as_numbers_digit_by_digit(text: str) -> None:
    assert decoded(encoded({"amount": Decimal(text)})) == {"amount": Decimal(text)}
    assert b"e" not in encoded(Decimal(text)).lower()


def test_numbers_that_are_not_json_are_refused() -> None:
    with pytest.raises(ValueError, match="NaN"):
        decoded(b'{"amount": NaN}')

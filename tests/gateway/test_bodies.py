"""Whatever is sent, the answer is a problem that names the fields and repeats no value."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, assume, given
from hypothesis import settings as bounded
from hypothesis import strategies as st

from gateway.problems import Kind
from invoicing.errors import InvalidRequest
from invoicing.model import Typed
from invoicing.parse import MOST_PROBLEMS, read
from invoicing.request import InvoiceRequest, OrderRequest
from invoicing.state.bounds import REQUEST
from invoicing.state.invoice import Resolve
from invoicing.state.order import Deliver
from tests.examples import an_invoice
from tests.gateway.door import TOKENS, Door, Gateway, fields, gateway_over, problem
from tests.lifecycle.world import World
from tests.patience import LONG_ENOUGH
from tests.tiers import detail, slow

JSON = {"Content-Type": "application/json"}
CANARY = "Canary-7f3a"


def whole(**changes: Any) -> dict[str, Any]:
    body: dict[str, Any] = an_invoice("T-1").model_dump(mode="json", exclude_defaults=True)
    return {**body, **changes}


async def sent(door: Door, content: bytes, path: str = "/v1/invoices") -> httpx.Response:
    return await door.ask("POST", path, content=content, headers=JSON)


async def test_every_mistake_is_named_at_once_and_no_value_repeated(door: Door) -> None:
    body = whole(reference=f"no {CANARY}", provider=CANARY.upper(), shoe_size=CANARY)
    body["document"]["currency"] = CANARY
    body["document"]["lines"][0]["quantity"] = CANARY
    body["document"]["buyer"]["contact"] = {"email": CANARY}
    del body["document"]["issue_date"]
    answer = await door.post("/v1/invoices", body)
    assert sorted(fields(answer)) == [
        "document.buyer.contact.email",
        "document.currency",
        "document.issue_date",
        "document.lines[0].quantity",
        "provider",
        "reference",
        "shoe_size",
    ]
    assert CANARY.lower() not in answer.text.lower()


async def test_what_does_not_go_together_is_named_too(door: Door) -> None:
    body = whole()
    body["document"]["due_date"] = "2026-01-01"
    assert fields(await door.post("/v1/invoices", body)) == ["document.due_date"]


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("/v1/invoices?limit=0&status=nice&colour=red", {"limit", "status", "colour"}),
        (
            "/v1/invoices?limit=many&provider=No&waiting_for=%27",
            {"limit", "provider", "waiting_for"},
        ),
        ("/v1/invoices/T-1/result?wait=1000", {"wait"}),
        ("/v1/events?limit=201", {"limit"}),
    ],
)
async def test_parameters_are_named_too(door: Door, path: str, named: set[str]) -> None:
    assert set(fields(await door.get(path))) == {f"query.{each}" for each in named}


async def test_a_reference_that_cannot_be_one_is_named(door: Door) -> None:
    assert fields(await door.get("/v1/invoices/%20")) == ["path.reference"]
    assert fields(await door.get("/v1/orders/a%0Ab")) == ["path.reference"]


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\xff", b"reference=1", b"[" * 5_000, b'{"a": ', b"null,"],
)
async def test_what_is_not_json_is_unreadable(door: Door, body: bytes) -> None:
    assert problem(await sent(door, body), Kind.UNREADABLE).detail.startswith("this is not JSON")


async def test_what_holds_more_than_can_mean_something_is_unreadable(door: Door) -> None:
    for body in (b"[" * 100_000, b"[%s]" % b",".join([b"{}"] * 100_000)):
        said = problem(await sent(door, body), Kind.UNREADABLE).detail
        assert said.startswith("this is no request: 100")


@pytest.mark.parametrize(
    "body",
    [
        b"null",
        b"7",
        b"[]",
        b'{"reference": "a", "reference": "b"}',
        b'{"reference": NaN}',
        b'{"options": {"a": 1e999}}',
        b'{"reference": ' + b"9" * 5000 + b"}",
        b'{"\\ud800": 1}',
        b'{"options": ' + b'{"a":' * 500 + b"1" + b"}" * 501,
    ],
)
async def test_what_is_json_and_no_request_is_invalid(door: Door, body: bytes) -> None:
    named = fields(await sent(door, body))
    assert named
    assert max(map(len, named)) < 300


@detail
async def test_a_long_text_of_nonsense_is_not_answered_with_a_longer_one(door: Door) -> None:
    body = json.dumps({f"x{each}": each for each in range(50_000)}).encode()
    answer = await sent(door, body)
    assert len(fields(answer)) == MOST_PROBLEMS
    assert len(answer.content) < 10_000


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {**JSON, "Content-Encoding": "gzip"},
    ],
)
async def test_only_json_is_taken(door: Door, headers: dict[str, str]) -> None:
    body = json.dumps(whole()).encode()
    answer = await door.ask("POST", "/v1/invoices", content=body, headers=headers)
    problem(answer, Kind.MEDIA)


async def test_a_charset_does_no_harm(door: Door) -> None:
    headers = {"Content-Type": "Application/JSON; charset=utf-8"}
    answer = await door.ask("POST", "/v1/invoices", content=b"{}", headers=headers)
    problem(answer, Kind.INVALID)


async def test_a_body_is_bounded_whether_it_says_its_length_or_not(door: Door) -> None:
    async def parts() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b" " * 100_000

    problem(await sent(door, b" " * 1_000_001), Kind.TOO_LARGE)
    answer = await door.ask("POST", "/v1/invoices", content=parts(), headers=JSON)
    problem(answer, Kind.TOO_LARGE)
    problem(await sent(door, b" " * 1_000_000), Kind.UNREADABLE)


async def test_a_body_that_does_not_come_is_not_waited_for(shared_world: World) -> None:
    async def slowly() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    async with gateway_over(shared_world.client, body_seconds=0.2) as gateway:
        host, port = gateway.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        with contextlib.closing(writer):
            writer.write(
                b"POST /v1/invoices HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
                b"Authorization: Bearer "
                + TOKENS["all"].encode()
                + b"\r\nContent-Length: 9\r\n\r\n{"
            )
            async with asyncio.timeout(LONG_ENOUGH):
                answer = await reader.read()
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert Kind.TOO_SLOW.type.encode() in answer


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/v1/invoices", {"GET", "HEAD", "POST"}),
        ("DELETE", "/v1/invoices/T-1", {"GET", "HEAD"}),
        ("OPTIONS", "/v1/invoices", {"GET", "HEAD", "POST"}),
        ("GET", "/webhooks/mollie/shop", {"POST"}),
    ],
)
async def test_another_method_says_which_are_allowed(
    door: Door, method: str, path: str, allowed: set[str]
) -> None:
    answer = await door.ask(method, path)
    problem(answer, Kind.NOT_ALLOWED)
    assert set(answer.headers["Allow"].split(", ")) == allowed


async def test_no_other_site_may_read_an_answer(door: Door) -> None:
    headers = {"Origin": "https://example.com", "Access-Control-Request-Method": "POST"}
    for method, path in (("OPTIONS", "/v1/invoices"), ("GET", "/health")):
        answer = await door.ask(method, path, headers=headers)
        assert not [name for name in answer.headers if name.startswith("access-control")]


# --- at random ------------------------------------------------------------------------------------

ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
    st.sampled_from(["", " ", "\x00", "\ud800", "0", "-1", "1e5", "2026-02-30", "EUR", "😀" * 300]),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=5), st.integers(), max_size=2),
)


def places(tree: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a tree of JSON, the root aside."""
    inner: Any = []
    if isinstance(tree, dict):
        inner = tree.items()
    elif isinstance(tree, list):
        inner = enumerate(tree)
    found = [(*way, key) for key, _ in inner]
    return found + [each for key, value in inner for each in places(value, (*way, key))]


@st.composite
def spoilt(draw: st.DrawFn, good: dict[str, Any]) -> bytes:
    """A good body with up to three of its values changed, dropped or joined by another."""
    body = copy.deepcopy(good)
    for _ in range(draw(st.integers(1, 3))):
        *way, last = draw(st.sampled_from(places(body)))
        inside = body
        for key in way:
            inside = inside[key]
        what = draw(st.sampled_from(["change", "drop", "add"]))
        if what == "change":
            inside[last] = draw(ODD)
        elif what == "drop":
            del inside[last]
        elif isinstance(inside, dict):
            inside[draw(st.text(max_size=8))] = draw(ODD)
        assume(places(body))
    return json.dumps(body).encode()


WHY = {"by": "an operator", "reason": "test"}
ORDER = whole()
del ORDER["options"]
TARGETS: list[tuple[str, type[Typed], dict[str, Any]]] = [
    ("/v1/invoices", InvoiceRequest, whole()),
    ("/v1/orders", OrderRequest, ORDER),
    (
        "/v1/orders/NEVER-1/deliver",
        Deliver,
        {"delivery": "A", "lines": ["1"], "issue_date": "2026-06-30"},
    ),
    (
        "/v1/invoices/NEVER-1/resolve",
        Resolve,
        {**WHY, "question": "q1", "answer": "adopt", "provider_id": "1"},
    ),
]


@slow
@pytest.mark.parametrize(("path", "model", "good"), TARGETS, ids=[one[0] for one in TARGETS])
async def test_no_bad_body_is_taken_and_none_breaks_the_gateway(
    gateway: Gateway, path: str, model: type[Typed], good: dict[str, Any]
) -> None:
    """Bodies at random. Those that happen to be good are left out: they would begin something."""
    read(model, json.dumps(good))
    door = gateway.door("all")
    bodies: list[bytes] = []
    bad = st.one_of(spoilt(good), st.binary(max_size=30), ODD.map(json.dumps).map(str.encode))

    @bounded(max_examples=400, database=None, suppress_health_check=list(HealthCheck))
    @given(bad)
    def draw(body: bytes) -> None:
        try:
            read(model, body)
        except InvalidRequest:
            bodies.append(body)

    draw()
    assert len(bodies) >= 250, "a thousand, with those of the other routes"
    for body in bodies:
        answer = await sent(door, body, path)
        assert answer.status_code in (400, 422), (body, answer.text)


async def test_what_is_too_large_to_be_stored_is_refused_by_its_size_there(door: Door) -> None:
    """The body's own bound is another one: spaces and empty fields are not stored."""
    body = whole() | {"options": {"text": "x" * REQUEST}}
    for path in ("/v1/invoices", "/v1/invoices/preview"):
        refused = problem(await door.post(path, body), Kind.TOO_LARGE)
        assert "bytes as it is stored, and 655,360 is the most; use fewer lines" in refused.detail
    answer = await door.get(f"/v1/invoices/{body['reference']}")
    problem(answer, Kind.NOT_FOUND)


async def test_an_instruction_that_is_too_large_is_refused_too(door: Door) -> None:
    wanted = {"delivery": "D", "lines": ["1"], "issue_date": "2026-06-30"}
    long = wanted | {"options": {"text": "x" * 200_000}}
    answer = await door.post("/v1/orders/O-unknown/deliver", long)
    assert "this instruction is too large" in problem(answer, Kind.TOO_LARGE).detail
    problem(await door.post("/v1/orders/O-unknown/deliver", wanted), Kind.NOT_FOUND)

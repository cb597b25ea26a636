"""What providers tell us: nothing unproven comes in, and nothing proven is told twice or lost."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from temporalio.api.enums.v1 import EventType

from gateway.problems import Kind
from gateway.visits import _address
from invoicing.client import InvoicingClient
from invoicing.provider import Delivery, Event, Hooks
from invoicing.request import Goal
from invoicing.state.invoice import Status
from providers.registry import ADAPTORS
from settings.accounts import hooks
from settings.variables import BadSettings
from temporal_server import local_server
from tests.gateway.door import SECRET, Door, Gateway, gateway_over, problem, signed
from tests.lifecycle.world import PACES, Company, World
from tests.patience import LONG_ENOUGH
from tests.providers.test_webhooks import BODIES, HEADERS, SETTINGS, delivery
from tests.tiers import detail
from tests.tls import NO_TLS

NEW, OLD = "new!-0123456789abcdef", "old!-0123456789abcdef"


@pytest.fixture
def outside(gateway: Gateway) -> Door:
    """The gateway as somebody without a token, as providers are."""
    return gateway.door(None)


async def sent(
    outside: Door, account: str, body: bytes, headers: dict[str, str] | None = None, **more: str
) -> httpx.Response:
    path = f"/webhooks/zero_friction/{account}"
    given = signed(body) if headers is None else headers
    return await outside.ask("POST", path, content=body, headers={**given, **more})


def told(subject: str) -> bytes:
    return json.dumps({"_type": "paymentreceived", "invoiceId": subject}).encode()


async def events_of(world: World, account: str) -> list[str]:
    """The ids of the workflows that this account's events are."""
    query = f"WorkflowId STARTS_WITH 'event/zero_friction/{account}/'"
    return [each.id async for each in world.client.temporal.list_workflows(query)]


async def test_a_webhook_reaches_its_invoice_once_though_it_is_sent_twice(
    shared_world: World, gateway: Gateway, outside: Door
) -> None:
    hour = timedelta(hours=1)
    slow = PACES.payment.model_copy(update={"first": hour, "cap": hour})
    async with shared_world.company(paces=PACES.model_copy(update={"payment": slow})) as company:
        gateway.listen_for(company.account)
        reference = await company.start(goal=Goal.PAID)
        invoice = await company.until_waiting(reference, "payment")
        company.stand_in.pay(reference)
        body = told(invoice.provider_id or "")
        answers = await asyncio.gather(*(sent(outside, company.account, body) for _ in range(4)))
        assert [each.status_code for each in answers] == [200] * 4
        assert {each.text for each in answers} == {'{"events":1}'}
        paid = await company.finished(reference)
        assert paid.status is Status.PAID
        assert (await sent(outside, company.account, body)).status_code == 200
        history = await company.client.invoices.handle(reference).fetch_history()
        kinds = [each.event_type for each in history.events]
        assert kinds.count(EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED) == 1


async def test_what_is_forged_is_refused_and_says_nothing(
    shared_world: World, gateway: Gateway, company: Company, outside: Door
) -> None:
    gateway.listen_for(company.account)
    body = told("INV-1")
    other = told("INV-2")
    for headers in ({}, signed(body, "another"), signed(other), {"X-Webhook-Signature-256": ""}):
        answer = await sent(outside, company.account, body, headers)
        refused = problem(answer, Kind.UNAUTHENTICATED)
        assert refused.detail == ""
        assert "INV" not in answer.text
    assert await events_of(shared_world, company.account) == []


async def test_whoever_is_not_known_is_told_as_little_as_a_forger(
    gateway: Gateway, company: Company, outside: Door
) -> None:
    gateway.listen_for(company.account)
    forged = (await sent(outside, company.account, b"{}", {})).json()
    for path in ("zero_friction/nobody", f"nobody/{company.account}", "quiddly/default"):
        answer = await outside.ask("POST", f"/webhooks/{path}", content=b"{}")
        assert problem(answer, Kind.NOT_FOUND).detail == ""
        assert answer.json().keys() == forged.keys()
    long = b"x" * 1_000_001
    problem(await sent(outside, company.account, long, {}), Kind.TOO_LARGE)


async def test_what_is_signed_and_not_understood_is_unreadable(
    gateway: Gateway, company: Company, outside: Door
) -> None:
    gateway.listen_for(company.account)
    deep = b'{"a":' * 600 + b"1" + b"}" * 600
    for body in (b"", b"[]", b"id=1", b'{"a": NaN}', b'{"a": "\\ud800"}', deep):
        problem(await sent(outside, company.account, body), Kind.UNREADABLE)


@pytest.mark.parametrize("hours", [1, 100])
async def test_an_old_one_that_is_repeated_is_refused_where_it_says_when_it_was(
    gateway: Gateway, outside: Door, hours: int
) -> None:
    gateway.listen_for("hooked", "mollie")
    at = datetime.now(UTC) - timedelta(hours=hours)
    identity = f"event_{hours}_{at:%s%f}"
    body = json.dumps(
        {"resource": "event", "id": identity, "type": "hook.ping", "createdAt": at.isoformat()}
    ).encode()
    signature = f"sha256={signed(body)['X-Webhook-Signature-256']}"
    answer = await outside.ask(
        "POST",
        "/webhooks/mollie/hooked",
        content=body,
        headers={"X-Mollie-Signature": signature},
    )
    assert answer.status_code == (200 if hours < 48 else 401)


async def test_a_refused_webhook_is_logged_without_what_it_says(
    gateway: Gateway, company: Company, outside: Door, caplog: pytest.LogCaptureFixture
) -> None:
    gateway.listen_for(company.account)
    with caplog.at_level(logging.INFO):
        await sent(outside, company.account, told("INV-1"), {})
        await sent(outside, company.account, b"INV-1")
        await sent(outside, "nobody", told("INV-1"))
    name = "invoicing.gateway.requests"
    said = [each.getMessage() for each in caplog.records if each.name == name]
    assert len(said) == 3
    assert all(f"reference=zero_friction/{company.account} " in each for each in said[:2])
    assert all("why=Zero Friction: " in each for each in said[:2])
    assert "INV-1" not in caplog.text
    assert SECRET not in caplog.text


@detail
async def test_without_temporal_a_webhook_is_asked_for_again() -> None:
    """And so is everything else; only `/health` says that the gateway itself is well."""
    async with local_server(own=True) as server:
        client = await InvoicingClient.connect(server.address)
        # Longer than a server that has just begun takes on a busy machine.
        started = gateway_over(client, temporal_seconds=8, worker_seconds=8)
        gateway = await started.__aenter__()
        gateway.listen_for("a")
        door = gateway.door("all")
        assert (await door.get("/ready")).json() == {"status": "ok"}
        assert (await sent(door, "a", told("INV-1"))).status_code == 200
    try:
        for answer in await asyncio.gather(
            sent(door, "a", told("INV-1")),
            sent(door, "a", told("INV-2")),
            door.get("/v1/invoices"),
            door.get("/ready"),
        ):
            problem(answer, Kind.UNAVAILABLE)
            assert int(answer.headers["Retry-After"]) > 0
        assert (await door.get("/health")).json() == {"status": "ok"}
    finally:
        await started.__aexit__(None, None, None)


class Untidy:
    """Makes an event that is none: its id is too long."""

    def receive(self, delivery: Delivery) -> tuple[Event, ...]:
        return (Event(id="Person" * 100),)


async def test_an_event_that_cannot_be_one_is_unreadable_and_not_quoted(
    gateway: Gateway, outside: Door, caplog: pytest.LogCaptureFixture
) -> None:
    gateway.accounts["untidy"] = {"a": Untidy()}
    answer = await outside.ask("POST", "/webhooks/untidy/a", content=b"{}")
    problem(answer, Kind.UNREADABLE)
    assert "Person" not in answer.text + caplog.text


async def test_an_event_without_an_invoice_is_answered_by_a_person(
    company: Company, gateway: Gateway, outside: Door, door: Door
) -> None:
    event = Event(id="odd / one", body={"invoiceId": "nobody's"})
    name = f"zero_friction/{company.account}/{event.id}"
    handle = await company.client.events.tell("zero_friction", company.account, event, pace=1e-6)
    where = f"/v1/events/{quote(name)}"
    async with asyncio.timeout(LONG_ENOUGH):
        while not (await door.get(where)).json()["problem"]:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        while name not in (await door.get("/v1/events", limit=200)).json()["events"]:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    why = {"by": "an operator", "reason": "test"}
    asked = (await door.get(where)).json()["problem"]
    wrong = await door.post(f"{where}/resolve", {**why, "question": "q9", "answer": "drop"})
    told = problem(wrong, Kind.REFUSED).question
    assert told is not None
    assert told.question == asked["question"]
    said = {**why, "question": asked["question"], "answer": "drop"}
    drop = await door.post(f"{where}/resolve", said, key="once")
    assert drop.status_code == 200
    assert (await asyncio.wait_for(handle.result(), LONG_ENOUGH)).outcome == "dropped"
    problem(await door.get("/v1/events/zero_friction/a/never"), Kind.NOT_FOUND)


# --- where it comes from --------------------------------------------------------------------------


class Source:
    """Remembers from where it is told."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def receive(self, delivery: Delivery) -> tuple[()]:
        self.seen.append(delivery.source)
        return ()


@pytest.mark.parametrize(
    ("proxies", "forwarded", "source"),
    [
        (0, None, "127.0.0.1"),
        (0, "198.51.100.7", "127.0.0.1"),
        (1, "198.51.100.7", "198.51.100.7"),
        (1, "10.0.0.1, 198.51.100.7", "198.51.100.7"),
        (2, "198.51.100.7, 10.0.0.1", "198.51.100.7"),
        (2, "203.0.113.9, 198.51.100.7, 10.0.0.1", "198.51.100.7"),
        (2, "198.51.100.7", ""),
        (1, None, ""),
        (1, "somebody", ""),
    ],
)
async def test_the_source_is_who_called_our_outermost_proxy(
    shared_world: World, proxies: int, forwarded: str | None, source: str
) -> None:
    async with gateway_over(shared_world.client, trusted_proxies=proxies) as gateway:
        remembering = Source()
        assert isinstance(remembering, Hooks)
        gateway.accounts["zero_friction"] = {"a": remembering}
        headers = {"X-Forwarded-For": forwarded} if forwarded else {}
        assert (await sent(gateway.door(None), "a", b"{}", headers)).status_code == 200
        assert remembering.seen == [source]


def test_an_address_is_read_with_and_without_a_port() -> None:
    assert _address("198.51.100.7:4711") == _address("198.51.100.7") == "198.51.100.7"
    assert _address("[2001:db8::7]:4711") == _address("2001:db8::7") == "2001:db8::7"
    assert _address("") == _address("::::") == _address("a:b") == ""


# --- what it takes to receive ---------------------------------------------------------------------


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    """For what takes a client and, to receive, makes no call."""
    async with httpx.AsyncClient(verify=NO_TLS) as made:
        yield made


@pytest.mark.parametrize("name", sorted(SETTINGS))
async def test_no_adaptor_needs_credentials_to_receive(name: str, http: httpx.AsyncClient) -> None:
    prefix = f"{name}__shop__".upper()
    made = hooks({f"{prefix}WEBHOOK_SECRETS": f"{NEW}, {OLD}"}, http)
    assert made.keys() == {name}
    (event,) = made[name]["shop"].receive(delivery(name, BODIES[name], OLD))
    whole: Any = ADAPTORS[name].Settings.model_validate({**SETTINGS[name], "webhook_secrets": OLD})
    adaptor = ADAPTORS[name](whole, http)
    assert isinstance(adaptor, Hooks)
    assert adaptor.receive(delivery(name, BODIES[name], OLD)) == (event,)
    assert HEADERS[name]


async def test_credentials_that_are_there_are_not_kept(http: httpx.AsyncClient) -> None:
    values = {"MOLLIE_TOKEN": "test_canary", "MOLLIE_WEBHOOK_SECRETS": OLD}
    made: Any = hooks(values, http)["mollie"]["default"]
    assert not hasattr(made._settings, "token")


async def test_an_address_list_needs_no_credentials_either(http: httpx.AsyncClient) -> None:
    made = hooks({"RIVERTY_NOTIFICATION_SOURCES": "198.51.100.0/24"}, http)
    body = b'{"type": "paymentReceived", "timestamp": "2026-06-30T12:00:00Z"}'
    came = Delivery(body=body, source="198.51.100.7", received=datetime.now(UTC))
    assert made["riverty"]["default"].receive(came)


async def test_a_mistyped_setting_of_webhooks_is_named(http: httpx.AsyncClient) -> None:
    values = {"MOLLIE_WEBHOOK_SECRET": OLD, "MOLLIE_WEBHOOK_HOURS": "soon"}
    with pytest.raises(BadSettings) as caught:
        hooks(values, http)
    assert caught.value.variables == ("MOLLIE_WEBHOOK_HOURS", "MOLLIE_WEBHOOK_SECRET")


@detail
async def test_a_webhook_whose_event_cannot_be_stored_is_refused(
    shared_world: World, company: Company
) -> None:
    """Only where the bound for bodies was raised above the one for events."""
    async with gateway_over(shared_world.client, max_body=1_500_000) as gateway:
        gateway.listen_for(company.account)
        body = json.dumps(_LARGE).encode()
        answer = await sent(gateway.door(None), company.account, body)
        assert "this event is too large" in problem(answer, Kind.TOO_LARGE).detail
    assert await events_of(shared_world, company.account) == []


_LARGE = {"_type": "invoiceavailable", "invoiceId": "1", "text": "x" * 1_100_000}

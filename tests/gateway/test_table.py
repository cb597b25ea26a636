"""The table of who may do what, tried in full: every route, with every scope and with limits."""

from __future__ import annotations

import asyncio
import dataclasses
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from temporalio.client import Client

from gateway import tokens
from gateway.problems import Kind
from gateway.routes import Limits
from gateway.table import Row, markdown, rows
from invoicing.client import InvoicingClient
from invoicing.errors import NotFound
from invoicing.provider import Event
from invoicing.request import InvoiceRequest
from invoicing.state.identity import WORKFLOW
from invoicing.temporal import lists
from invoicing.temporal.encryption import EncryptionCodec, new_key, read_keys
from settings.callers import Scope
from tests.examples import a_line, an_invoice
from tests.gateway.door import Door, Gateway, caller, gateway_over, problem
from tests.gateway.test_orders import an_order
from tests.lifecycle.world import Company, World
from tests.lifecycle.world import _Recording as Recording
from tests.patience import LONG_ENOUGH
from tests.tiers import detail

ROWS = list(rows())
WHY = {"by": "an operator", "reason": "test"}
NEW = an_invoice("NEW-1").model_dump(mode="json", exclude_none=True)
BODIES: dict[str, dict[str, Any]] = {
    "resolve": {**WHY, "question": "q1", "answer": "retry"},
    "deliver": {"delivery": "d1", "lines": ["1"], "issue_date": "2026-06-30"},
    "add-lines": {"addition": "a1", "lines": [a_line(9).model_dump(mode="json")]},
    "cancel-lines": {**WHY, "cancellation": "c1", "lines": ["1"]},
    "credits": {**WHY, "credit": "c1", "whole": True},
    "amendments": {**WHY, "amendment": "a1", "invoice": NEW},
}
MINE = f"MINE-{uuid.uuid4().hex[:8]}-"


def name(row: Row) -> str:
    return f"{row.method} {row.path}"


def test_the_published_table_is_the_one_that_the_routes_make() -> None:
    """If this fails: python -m gateway.table docs/access.md"""
    published = Path(__file__).parents[2] / "docs" / "access.md"
    assert published.read_text(encoding="utf-8") == markdown()


def test_every_route_that_needs_a_scope_says_what_a_limited_caller_finds() -> None:
    said = {
        name(row): row.limits for row in ROWS if row.scope and not row.path.startswith("/codec")
    }
    assert said
    assert all(limits in tuple(Limits) for limits in said.values()), said


# --- every scope ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
async def whole(shared_world: World) -> AsyncIterator[Gateway]:
    """One where payloads are encrypted, so that there is a codec, and a caller for each scope."""
    plain = shared_world.client.temporal
    sealing = EncryptionCodec(read_keys(SecretStr(new_key("k"))))
    config = plain.config()
    config["data_converter"] = dataclasses.replace(plain.data_converter, payload_codec=sealing)
    known = {str(scope): caller(TOKENS[scope], scope) for scope in Scope}
    async with gateway_over(InvoicingClient(Client(**config)), known) as gateway:
        yield gateway


TOKENS = {str(scope): tokens.new() for scope in Scope}


async def asked(
    door: Door, row: Row, reference: str = "NEVER-1", body: Any = None
) -> httpx.Response:
    path = row.path.format(
        reference=reference,
        event="zero_friction/a/never",
        provider="p",
        account="a",
        name="c1",
        finding="never",
        sha256="0" * 64,
    )
    how = {"json": body if body is not None else {}} if row.method == "POST" else {}
    return await door.ask(row.method, path, known=not path.startswith("/codec"), **how)


@pytest.mark.parametrize("row", ROWS, ids=name)
@pytest.mark.parametrize("scope", [*Scope, None])
async def test_a_caller_may_do_what_its_scope_says_and_nothing_else(
    whole: Gateway, row: Row, scope: Scope | None
) -> None:
    """What is refused later, for its body or because nothing is there, was let in."""
    answer = await asked(whole.bearer(TOKENS[scope] if scope else None), row)
    if row.scope is None or row.scope is scope:
        assert answer.status_code not in (401, 403), answer.text
    elif scope is None:
        problem(answer, Kind.UNAUTHENTICATED)
    else:
        refused = problem(answer, Kind.FORBIDDEN)
        assert str(row.scope) in refused.detail
        assert f'scope="{row.scope}"' in answer.headers["WWW-Authenticate"]


# --- limits ---------------------------------------------------------------------------------------

ALL = (Scope.READ, Scope.START, Scope.OPERATE)


@dataclass
class Two:
    """A company whose invoices a caller may see, and another one's, with a door that is limited to
    the former."""

    mine: Company
    other: Company
    door: Door
    limited_by_account: bool
    limited_by_reference: bool

    def request(self, company: Company) -> InvoiceRequest:
        """Held, so that it is still there when it is looked for; ended with its test."""
        prefix = MINE if company is self.mine else "T-"
        return asked_for(company, company.request(f"{prefix}{uuid.uuid4().hex[:8]}", hold=True))


def asked_for(company: Company, request: InvoiceRequest) -> InvoiceRequest:
    assert isinstance(company.client, Recording)
    company.client.invoices.started.add(request.reference)
    return request


@pytest.fixture(params=["by account", "by reference", "by both"])
async def two(shared_world: World, request: pytest.FixtureRequest) -> AsyncIterator[Two]:
    token = tokens.new()
    async with shared_world.company() as mine, shared_world.company() as other:
        limits = {}
        if request.param != "by reference":
            limits["accounts"] = (f"zero_friction/{mine.account}",)
        if request.param != "by account":
            limits["references"] = (MINE,)
        known = {"limited": caller(token, *ALL, **limits)}
        async with gateway_over(shared_world.client, known) as gateway:
            yield Two(
                mine, other, gateway.bearer(token), "accounts" in limits, "references" in limits
            )


def body_of(row: Row) -> dict[str, Any]:
    return BODIES.get(row.path.rpartition("/")[2], WHY)


@detail
async def test_what_is_not_one_s_own_is_answered_as_what_does_not_exist(two: Two) -> None:
    invoice = two.request(two.other)
    order = an_order(two.other, 1)
    event = Event(id=f"evt-{uuid.uuid4().hex}", body={"invoiceId": "nobody's"})
    await two.other.client.invoices.start(invoice)
    await two.other.client.orders.start(order)
    handle = await two.other.client.events.tell("zero_friction", two.other.account, event)
    tried = 0
    for row in ROWS:
        if row.limits != Limits.ITS_OWN:
            continue
        there = order.reference if "/orders/" in row.path else invoice.reference
        path = row.path.replace("{reference}", there).replace("{name}", "c1")
        path = path.replace("{finding}", "none")
        path = path.replace("{event:path}", "{event}").replace(
            "{event}", f"zero_friction/{two.other.account}/{event.id}"
        )
        never = path.replace(there, "T-never").replace(event.id, "never")
        how: dict[str, Any] = {"json": body_of(row)} if row.method == "POST" else {}
        found, missing = [await two.door.ask(row.method, each, **how) for each in (path, never)]
        problem(found, Kind.NOT_FOUND)
        assert found.content == missing.content, name(row)
        tried += 1
    assert tried > 15
    journal = await two.other.client.invoices.journal(invoice.reference)
    assert not [each for each in journal.entries if each.by or each.proven]
    for each in (handle, two.other.client.orders.handle(order.reference)):
        await each.terminate("the test is over")


@detail
async def test_one_s_own_is_there(two: Two) -> None:
    invoice = two.request(two.mine)
    path = f"/v1/invoices/{invoice.reference}"
    assert (await two.door.post("/v1/invoices", invoice)).status_code == 201
    assert (await two.door.get(path)).json()["reference"] == invoice.reference
    assert (await two.door.post(f"{path}/cancel", WHY)).status_code == 200


async def test_what_would_not_be_one_s_own_is_not_begun(two: Two) -> None:
    invoice, order = two.request(two.other), an_order(two.other, 1)
    for path, wanted in (
        ("/v1/invoices", invoice),
        ("/v1/invoices/preview", invoice),
        ("/v1/orders", order),
    ):
        problem(await two.door.post(path, wanted), Kind.FORBIDDEN)
    with pytest.raises(NotFound):
        await two.other.client.invoices.listed(invoice.reference)


@detail
async def test_of_a_reference_that_another_has_taken_nothing_more_is_said(two: Two) -> None:
    """Where references are shared; the reference's beginning is what keeps callers apart."""
    taken = asked_for(two.other, two.other.request(f"{MINE}{uuid.uuid4().hex[:8]}", hold=True))
    await two.other.client.invoices.start(taken)
    wanted = taken.model_copy(update={"account": two.mine.account})
    refused = problem(await two.door.post("/v1/invoices", wanted), Kind.IN_USE)
    if two.limited_by_account:
        assert refused.differs == ()


@detail
async def test_lists_show_one_s_own_alone(two: Two) -> None:
    mine, other = two.request(two.mine), two.request(two.other)
    await two.other.client.invoices.start(other)
    await two.mine.client.invoices.start(mine)
    whole = lists.query(WORKFLOW, prefix=other.reference)
    async with asyncio.timeout(LONG_ENOUGH):
        # Both are listed, to somebody who may see everything.
        while not [each async for each in two.other.client.temporal.list_workflows(whole)]:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        while not (shown := await everything(two.door)):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert mine.reference in shown
    assert other.reference not in shown
    assert all(each.startswith(MINE) for each in shown) or two.limited_by_account


async def everything(door: Door) -> list[str]:
    found: list[str] = []
    more: dict[str, str] = {}
    while True:
        answer = await door.get("/v1/invoices", limit=200, **more)
        if answer.is_server_error:
            # A server that is busy just now: whoever asks for all of it begins again.
            return []
        page = answer.json()
        found += [each["reference"] for each in page["invoices"]]
        if not page["cursor"]:
            return found
        more = {"cursor": page["cursor"]}


@detail
async def test_events_are_shown_to_who_has_their_account_and_no_limit_of_references(
    two: Two,
) -> None:
    handles = [
        await each.client.events.tell(
            "zero_friction",
            each.account,
            Event(id=f"evt-{uuid.uuid4().hex}", body={"invoiceId": "nobody's"}),
            pace=1e-6,
        )
        for each in (two.mine, two.other)
    ]
    names = [each.id.removeprefix("event/") for each in handles]
    asking = two.other.client.events.list
    async with asyncio.timeout(LONG_ENOUGH):
        while not {*names} <= {each async for each in asking(limit=1000)}:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    shown = (await two.door.get("/v1/events", limit=200)).json()["events"]
    assert (names[0] in shown) == (not two.limited_by_reference)
    assert names[1] not in shown
    for each in handles:
        await each.terminate("the test is over")

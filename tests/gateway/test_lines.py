"""The one line that is written about what was changed, decrypted or refused: who, what, from where,
and nothing that is secret."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from gateway.visits import AT_ONCE, CALLERS_LINES, Book, Visit
from settings.callers import Scope
from tests.gateway.door import SECRET, TOKENS, Gateway, gateway_over, signed
from tests.gateway.test_invoices import wanted
from tests.lifecycle.world import Company, World

WHY = {"by": "Canary Person", "reason": "Canary reason"}
NAMES = ("caller", "scope", "route", "reference", "status", "outcome", "address")


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO)
    return caplog


def said(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """The lines so far, as a collector reads them."""
    found = [each for each in caplog.records if each.name == "invoicing.gateway.requests"]
    return [{name: getattr(each, name) for name in NAMES} for each in found]


async def test_a_change_is_one_line_with_who_asked_for_what_and_what_came_of_it(
    gateway: Gateway, company: Company, lines: pytest.LogCaptureFixture
) -> None:
    request = wanted(company, hold=True)
    path = f"/v1/invoices/{request.reference}"
    await gateway.door("start").post("/v1/invoices", request)
    await gateway.door("operate").post(f"{path}/release", WHY)
    await gateway.door("operate").post(f"{path}/cancel", WHY)
    common = {"reference": request.reference, "address": "127.0.0.1"}
    begun, released, cancelled = said(lines)
    assert begun == {
        **common,
        "caller": "start",
        "scope": "start",
        "route": "POST /v1/invoices",
        "status": 201,
        "outcome": "ok",
    }
    assert released["route"] == "POST /v1/invoices/{reference}/release"
    assert released["status"] in (200, 409)
    assert cancelled["caller"] == cancelled["scope"] == "operate"
    assert "Canary" not in lines.text
    assert not any(token in lines.text for token in TOKENS.values())


async def test_a_refusal_is_a_line_and_a_look_is_none(
    gateway: Gateway, lines: pytest.LogCaptureFixture
) -> None:
    await gateway.door("read").get("/v1/questions")
    assert said(lines) == []
    await gateway.door("read").post("/v1/invoices/INV-7/cancel", WHY)
    await gateway.bearer("canary-token-canary-token-canary").get("/v1/invoices/INV-8?x=canary")
    await gateway.door("read").get("/canary%0aforged=line")
    forbidden, unknown, nothing = said(lines)
    assert (forbidden["caller"], forbidden["outcome"]) == ("read", "forbidden")
    assert forbidden["reference"] == "INV-7"
    assert (unknown["caller"], unknown["outcome"]) == ("-", "unauthenticated")
    assert (nothing["route"], nothing["outcome"]) == ("GET -", "not-found")
    assert "canary" not in lines.text


async def test_a_webhook_that_was_stored_is_a_line(
    gateway: Gateway, company: Company, lines: pytest.LogCaptureFixture
) -> None:
    gateway.listen_for(company.account)
    path = f"/webhooks/zero_friction/{company.account}"
    outside = gateway.door(None)
    told = b'{"_type": "paymentreceived", "invoiceId": "1"}'
    await outside.ask("POST", path, content=told, headers=signed(told))
    await outside.ask("POST", path, content=b"{}")
    stored, forged = said(lines)
    assert stored["caller"] == f"webhook:zero_friction/{company.account}"
    assert (forged["caller"], forged["outcome"]) == ("-", "unauthenticated")
    assert SECRET not in lines.text


async def test_behind_a_proxy_the_line_has_the_address_that_the_proxy_saw(
    shared_world: World, lines: pytest.LogCaptureFixture
) -> None:
    async with gateway_over(shared_world.client, trusted_proxies=1) as gateway:
        forwarded = {"X-Forwarded-For": "203.0.113.9, 198.51.100.7"}
        await gateway.door(None).ask("GET", "/v1/invoices", headers=forwarded)
    assert said(lines)[0]["address"] == "198.51.100.7"


def test_refusals_beyond_the_rate_are_counted_and_changes_are_always_written(
    lines: pytest.LogCaptureFixture,
) -> None:
    now = 0.0
    book = Book(lambda: now)
    refused = Visit("127.0.0.1", "erp", Scope.OPERATE, status=403, outcome="forbidden")
    changed = Visit("127.0.0.1", "erp", Scope.OPERATE, status=200)
    connection = {"method": "POST"}
    for _ in range(AT_ONCE + 7):
        book.write(refused, connection)
    assert len(said(lines)) == AT_ONCE
    book.write(changed, connection)
    assert len(said(lines)) == AT_ONCE + 1
    assert "left_out=7" in lines.messages[-1]
    now += 1 / CALLERS_LINES
    book.write(refused, connection)
    assert "left_out" not in lines.messages[-1]
    assert len(said(lines)) == AT_ONCE + 2

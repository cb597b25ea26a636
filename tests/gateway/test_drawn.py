"""Whatever the gateway's own document lets one ask, drawn by schemathesis: no answer is an error of
the server, and none is one that the document does not know.

It is imported where it is used: the quick tier collects this file, and draws nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator, Iterable, Iterator
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
import requests
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr
from starlette.routing import BaseRoute, Mount, Route

from documents import opened as store_at
from gateway.app import application, described
from invoicing.client import InvoicingClient, converter
from invoicing.temporal.encryption import EncryptionCodec, new_key, read_keys
from register import opened
from register.reading import Reader
from settings.gateway import GatewaySettings
from tests.console.browser import KEY
from tests.gateway.door import TOKENS, Gateway, gateway_over
from tests.gateway.test_invoices import begun
from tests.lifecycle.world import Company, World
from tests.tiers import slow

if TYPE_CHECKING:
    from schemathesis import APIOperation, Case

OPERATIONS = [
    f"{method.upper()} {path}"
    for path, ways in described().openapi()["paths"].items()
    for method in ways
]
MODES = ("positive", "negative")
"""What fits the document, and what does not."""
ANYTHING_FITS = ("GET /health", "GET /ready", "POST /webhooks/{provider}/{account}")
"""Where nothing can be said that does not fit."""
DRAWN = 20
"""Of each kind, per operation."""
RECEIVES = "drawn"
"""An account that takes webhooks, under a secret that nobody draws."""
WAIT = 1
"""Seconds that a drawn request waits for a result at most."""


@pytest.fixture(scope="module")
async def drawn_at(
    shared_world: World, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Gateway]:
    """A gateway with everything that it can have: a register, a store, and an account that
    receives."""
    place = str(tmp_path_factory.mktemp("register") / "register.db")
    opened(place).close()
    store = store_at(str(tmp_path_factory.mktemp("documents")))
    with contextlib.closing(Reader(place)) as reader:
        async with gateway_over(shared_world.client, books=reader, documents=store) as gateway:
            gateway.listen_for(RECEIVES)
            yield gateway


@slow
@pytest.mark.parametrize("label", OPERATIONS)
async def test_what_is_drawn_is_answered_as_the_document_says(
    label: str, drawn_at: Gateway, company: Company
) -> None:
    there = await begun(company, drawn_at.door("all"), hold=True)
    known = {"reference": there, "provider": "zero_friction", "account": company.account}
    # It asks by sockets and waits; the gateway is served by this very loop.
    for mode in MODES[:1] if label in ANYTHING_FITS else MODES:
        await asyncio.to_thread(_ask, drawn_at, label, mode, known)


def _ask(gateway: Gateway, label: str, mode: str, known: dict[str, str]) -> None:
    from schemathesis import GenerationMode

    operation, checks = _operation(gateway, label), _checks()
    headers = {"Authorization": f"Bearer {TOKENS['all']}"}
    with requests.Session() as session:
        session.trust_env = False

        @settings(
            max_examples=DRAWN,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(
            case=operation.as_strategy(generation_mode=GenerationMode(mode)),
            is_there=st.booleans(),
        )
        def ask(case: Case[Any], is_there: bool) -> None:
            _about(case, known, is_there)
            answer = case.call(base_url=gateway.url, session=session, headers=headers, timeout=30)
            case.validate_response(answer, checks=checks)

        ask()


def _operation(gateway: Gateway, label: str) -> APIOperation[Any, Any, Any, Any]:
    import schemathesis

    method, path = label.split(" ", 1)
    found: APIOperation[Any, Any, Any, Any]
    found = schemathesis.openapi.from_dict(gateway.document)[path][method]
    return found


def _checks() -> list[Any]:
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi import checks

    return [
        not_a_server_error,
        checks.status_code_conformance,
        checks.content_type_conformance,
        checks.response_headers_conformance,
        checks.response_schema_conformance,
    ]


def _about(case: Case[Any], known: dict[str, str], is_there: bool) -> None:
    """Half of the time about something that is there; at an account that is, and not for long."""
    if is_there and "reference" in case.path_parameters:
        case.path_parameters["reference"] = known["reference"]
    if is_there and "provider" in case.path_parameters:
        case.path_parameters |= {"provider": known["provider"], "account": RECEIVES}
    if isinstance(case.body, dict) and {"provider", "account"} & case.body.keys():
        case.body |= {name: known[name] for name in ("provider", "account")}
    if case.path.endswith("/result") and isinstance(case.query.get("wait", WAIT), int):
        case.query["wait"] = min(case.query.get("wait", WAIT), WAIT)


NOT_DRAWN = {"GET /openapi.json", "GET /console"}
"""They take nothing: the document itself, and the way to the pages."""
MOUNTED = {"/codec", "/console"}
"""Whose forms are Temporal's and browsers', and in no document: `test_codec` and `tests/console/`
try what can be sent there."""


def _ways(routes: Iterable[BaseRoute]) -> Iterator[str]:
    """Every way into an application, as its document would call it; a mount by its place."""
    for each in routes:
        # A router that was included stands there as a whole.
        if included := getattr(each, "original_router", None):
            yield from _ways(included.routes)
        elif isinstance(each, Route):
            path = each.path.replace(":path}", "}")
            yield from (f"{method} {path}" for method in each.methods or () if method != "HEAD")
        else:
            assert isinstance(each, Mount), each
            yield each.path


def test_every_way_into_the_application_is_drawn() -> None:
    """Also one that the document would forget."""
    keys = read_keys(SecretStr(new_key("k")))
    sealing = dataclasses.replace(converter(), payload_codec=EncryptionCodec(keys))
    temporal = SimpleNamespace(data_converter=sealing)
    client = cast("InvoicingClient", SimpleNamespace(temporal=temporal))
    setup = GatewaySettings(console_keys=(SecretStr(KEY),))
    whole = application(client, {}, setup, {})
    drawn = {operation.replace(":path}", "}") for operation in OPERATIONS}
    assert len(drawn) == len(OPERATIONS)
    assert {*_ways(whole.routes)} == drawn | NOT_DRAWN | MOUNTED

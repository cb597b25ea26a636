"""The codec endpoint: who may have payloads read, from which page, and what is refused."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from datetime import date
from typing import Any

import httpx
import pytest
from google.protobuf import json_format
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.routing import Mount
from temporalio.api.common.v1 import Payload, Payloads

from gateway import codec as endpoint
from gateway.access import Access
from gateway.guard import Guard
from gateway.problems import Kind, trouble_with
from invoicing.temporal.converter import Erased
from invoicing.temporal.encryption import EncryptionCodec, new_key, read_keys
from settings.gateway import GatewaySettings
from tests.gateway.door import TOKENS, callers
from tests.invoicing.test_data_keys import Remembered, sealed
from tests.invoicing.test_data_keys import codec as data_keys

OPERATOR, READER = TOKENS["decrypt"], TOKENS["operate"]
UI = "http://localhost:8233"
CLEAR = Payload(metadata={"encoding": b"json/plain"}, data=b'"Canary Energy BV"')
AS_OPERATOR = {"Authorization": f"Bearer {OPERATOR}"}
codec = EncryptionCodec(read_keys(SecretStr(new_key("k"))))


def basic(password: str) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(f'any:{password}'.encode()).decode()}"}


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    """The application mounted as the gateway mounts it."""
    settings = GatewaySettings()
    mounted = endpoint.router(codec, settings, Access(settings, callers()))
    app = Guard(Starlette(routes=[Mount("/codec", mounted)]), hosts=["gateway.test"])
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway.test") as client:
        yield client


async def body(*payloads: Payload, sealed: bool = False) -> str:
    found = await codec.encode(payloads) if sealed else payloads
    return json_format.MessageToJson(Payloads(payloads=found))


def read(response: httpx.Response) -> list[Payload]:
    assert response.status_code == 200, response.text
    return list(json_format.Parse(response.text, Payloads()).payloads)


# --- what it does ---------------------------------------------------------------------------------


async def test_what_it_encodes_it_decodes(http: httpx.AsyncClient) -> None:
    encoded = await http.post("/codec/encode", content=await body(CLEAR), headers=AS_OPERATOR)
    (sealed,) = read(encoded)
    assert b"Canary" not in sealed.SerializeToString()
    decoded = await http.post(
        "/codec/decode", content=await body(sealed, CLEAR), headers=AS_OPERATOR
    )
    assert read(decoded) == [CLEAR, CLEAR]
    assert decoded.headers["cache-control"] == "no-store"


async def test_the_form_is_the_one_that_the_web_ui_sends_and_expects(
    http: httpx.AsyncClient,
) -> None:
    (sealed,) = await codec.encode([CLEAR])
    sent = {
        "payloads": [
            {
                "metadata": {
                    name: base64.b64encode(value).decode()
                    for name, value in sealed.metadata.items()
                },
                "data": base64.b64encode(sealed.data).decode(),
            }
        ]
    }
    headers = {**AS_OPERATOR, "Origin": UI, "X-Namespace": "default"}
    answer = await http.post("/codec/decode", json=sent, headers=headers)
    assert answer.json() == {
        "payloads": [
            {
                "metadata": {"encoding": base64.b64encode(b"json/plain").decode()},
                "data": base64.b64encode(CLEAR.data).decode(),
            }
        ]
    }


# --- who may --------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/codec/decode", "/codec/encode"])
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": f"Bearer {'x' * 32}"}, 401),
        ({"Authorization": "Bearer"}, 401),
        ({"Authorization": "Basic ****"}, 401),
        (basic("wrong"), 401),
        ({"Authorization": f"Bearer {READER}"}, 403),
        (basic(READER), 403),
        (AS_OPERATOR, 200),
        (basic(OPERATOR), 200),
    ],
)
async def test_only_operators_have_payloads_read(
    http: httpx.AsyncClient, path: str, headers: dict[str, str], status: int
) -> None:
    answer = await http.post(path, content=await body(CLEAR), headers=headers)
    assert answer.status_code == status
    assert ("Canary" in answer.text or "payloads" in answer.text) == (status == 200)
    # A password is asked for on its own page only: no page of others makes one pop up.
    assert "Basic" not in answer.headers.get("www-authenticate", "")


async def test_who_may_not_ask_is_refused_before_the_body_is_read(http: httpx.AsyncClient) -> None:
    read_so_far = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read_so_far
        while True:
            read_so_far += 1
            yield b"x" * 1000

    request = http.build_request("POST", "/codec/decode", content=endless())
    answer = await http.send(request)
    assert (answer.status_code, read_so_far) == (401, 0)


async def test_a_browser_signs_in_with_a_token_as_password(http: httpx.AsyncClient) -> None:
    asked = await http.get("/codec/")
    assert asked.status_code == 401
    assert asked.headers["www-authenticate"].startswith("Basic ")
    assert (await http.get("/codec/", headers=basic(OPERATOR))).status_code == 200
    assert (await http.get("/codec/", headers=basic(READER))).status_code == 403


# --- from where -----------------------------------------------------------------------------------


async def test_the_web_ui_may_ask_with_credentials(http: httpx.AsyncClient) -> None:
    asked = {
        "Origin": UI,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type,x-namespace,authorization",
    }
    allowed = await http.options("/codec/decode", headers=asked)
    assert allowed.status_code == 200
    assert allowed.headers["access-control-allow-origin"] == UI
    assert allowed.headers["access-control-allow-credentials"] == "true"
    answer = await http.post(
        "/codec/decode", content=await body(CLEAR), headers={**AS_OPERATOR, "Origin": UI}
    )
    assert answer.headers["access-control-allow-origin"] == UI
    refused = await http.post("/codec/decode", content="", headers={"Origin": UI})
    assert refused.headers["access-control-allow-origin"] == UI, "so that the UI can say why"


@pytest.mark.parametrize("stranger", ["https://elsewhere.example", "null", f"{UI}1"])
async def test_no_other_page_may_ask_even_if_the_browser_is_signed_in(
    http: httpx.AsyncClient, stranger: str
) -> None:
    asked = {"Origin": stranger, "Access-Control-Request-Method": "POST"}
    preflight = await http.options("/codec/decode", headers=asked)
    assert preflight.status_code == 400
    headers = {**basic(OPERATOR), "Origin": stranger, "Content-Type": "text/plain"}
    answer = await http.post("/codec/decode", content=await body(CLEAR), headers=headers)
    assert answer.status_code == 403
    for response in (preflight, answer):
        assert "access-control-allow-origin" not in response.headers


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "Canary",
        '{"payloads": 7}',
        '{"payloads": [{"data": 7}]}',
        '{"payloads": ' * 3000,
        b"\xff",
    ],
    ids=["empty", "no JSON", "no list", "no text", "nested", "no UTF-8"],
)
async def test_what_is_not_payloads_is_refused_without_being_repeated(
    http: httpx.AsyncClient, wrong: str | bytes
) -> None:
    answer = await http.post("/codec/decode", content=wrong, headers=AS_OPERATOR)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert "Canary" not in answer.text


async def test_a_payload_that_was_changed_or_has_another_key_is_refused(
    http: httpx.AsyncClient,
) -> None:
    (sealed,) = await codec.encode([CLEAR])
    strange = EncryptionCodec(read_keys(SecretStr(new_key("2020"))))
    changed = Payload(metadata=sealed.metadata, data=sealed.data[:-1] + b"!")
    (foreign,) = await strange.encode([CLEAR])
    for payload, said in ((changed, "changed"), (foreign, "the key 2020")):
        answer = await http.post("/codec/decode", content=await body(payload), headers=AS_OPERATOR)
        assert answer.status_code == 400
        assert said in answer.json()["detail"]


async def test_a_body_has_its_bounds(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoint, "MOST_BYTES", 1000)
    monkeypatch.setattr(endpoint, "MOST_PAYLOADS", 10)
    large: dict[str, Any] = {"payloads": [{"data": "A" * 2000}]}
    many: dict[str, Any] = {"payloads": [{}] * 11}
    for given in (large, many):
        answer = await http.post("/codec/decode", content=json.dumps(given), headers=AS_OPERATOR)
        assert answer.status_code == 413


async def test_there_is_nothing_else(http: httpx.AsyncClient) -> None:
    assert (await http.get("/codec/decode", headers=AS_OPERATOR)).status_code == 405
    assert (await http.post("/codec/download", headers=AS_OPERATOR)).status_code == 404


# --- a key per invoice ----------------------------------------------------------------------------


async def test_what_was_erased_is_said_to_be_beside_what_is_read() -> None:
    store = Remembered()
    own = data_keys(store)
    erased, kept = await sealed(own), await sealed(own, "invoice/INV-8")
    store.destroy("INV-7")
    settings = GatewaySettings()
    mounted = endpoint.router(data_keys(store), settings, Access(settings, callers()))
    app = Guard(Starlette(routes=[Mount("/codec", mounted)]), hosts=["gateway.test"])
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway.test") as client:
        asked = await body(erased, kept)
        answer = await client.post("/codec/decode", content=asked, headers=AS_OPERATOR)
        assert [each.data for each in read(answer)] == [b'"erased: INV-7"', b'"Canary Energy BV"']
        unknown = await body(await sealed(own, "invoice/INV-9"))
        store.away = True
        away = await client.post("/codec/decode", content=unknown, headers=AS_OPERATOR)
        assert away.status_code == 503


def test_an_erased_reference_is_gone_over_rest() -> None:
    told = trouble_with(Erased("INV-7", date(2027, 7, 6)))
    assert (told.kind, told.kind.status) == (Kind.ERASED, 410)
    assert "INV-7 was erased on 2027-07-06" in told.details.detail

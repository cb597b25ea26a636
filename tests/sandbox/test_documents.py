"""The document of an invoice, at every stand-in whose provider has one, and the page to pay on."""

from __future__ import annotations

import asyncio
import io
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pypdf
import pytest
import pytest_asyncio

from sandbox import zero_friction as zf
from sandbox.kit.faults import Fault
from sandbox.kit.pdf import pdf
from tests.patience import LONG_ENOUGH
from tests.sandbox.shops import Shop, opened


async def _zero_friction(shop: Shop) -> httpx.Response:
    identity = (await shop.desk.shown())["attachmentId"]
    response: httpx.Response = await shop.desk.caller.raw(
        "POST", f"/api/att/Attachments/{identity}"
    )
    return response


async def _mollie(shop: Shop) -> httpx.Response:
    response: httpx.Response = await shop.desk.caller.http.get(await link(shop, "pdfLink"))
    return response


async def _quiddly(shop: Shop) -> httpx.Response:
    name = (await shop.desk.shown())["document"]["invoice"]
    response: httpx.Response = await shop.desk.caller.raw("GET", f"/storage/{name}")
    return response


async def _riverty(shop: Shop) -> httpx.Response:
    caller = shop.desk.caller
    url = shop.stand_in.render_document("INV-1")
    response: httpx.Response = await caller.http.get(
        url, headers={"X-Subscription-Key": caller.key}
    )
    return response


FETCH: dict[str, Callable[[Shop], Awaitable[httpx.Response]]] = {
    "zero_friction": _zero_friction,
    "mollie": _mollie,
    "quiddly": _quiddly,
    "riverty": _riverty,
}
STEP = dict.fromkeys(FETCH, "document") | {"quiddly": "download"}
SHOWN = {
    "zero_friction": ["Invoice 2026-000001", "439.44"],
    "mollie": ["Invoice INV-0000001", "140.55 EUR"],
    "quiddly": ["Invoice F-1", "261.26 SEK"],
    "riverty": ["Invoice INV-1", "129.49 EUR"],
}


@pytest_asyncio.fixture
async def shop(request: pytest.FixtureRequest) -> AsyncIterator[Shop]:
    async with opened(request.param) as made:
        yield made


def at(*names: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("shop", names, indirect=True)


async def link(shop: Shop, name: str) -> Any:
    return (await shop.desk.shown())["_links"][name]["href"]


def read(content: bytes) -> list[str]:
    """What a reader of PDFs reads, strictly."""
    (page,) = pypdf.PdfReader(io.BytesIO(content), strict=True).pages
    return page.extract_text().splitlines()


@at(*FETCH)
async def test_a_final_invoice_has_a_pdf_that_says_its_number_and_amount(shop: Shop) -> None:
    await shop.desk.final()
    fetched = await FETCH[shop.name](shop)
    assert fetched.headers["content-type"] == "application/pdf"
    assert read(fetched.content) == SHOWN[shop.name]
    again = await FETCH[shop.name](shop)
    assert again.content == fetched.content
    assert shop.stand_in.calls.count(STEP[shop.name]) == 2


@at(*FETCH)
@pytest.mark.parametrize("fault", [Fault.UNAVAILABLE, Fault.TRUNCATED, Fault.NOT_JSON])
async def test_faults_strike_it_as_they_do_everything(shop: Shop, fault: Fault) -> None:
    await shop.desk.final()
    shop.stand_in.faults.place(STEP[shop.name], fault, when="after")
    if fault is Fault.TRUNCATED:
        with pytest.raises(httpx.RemoteProtocolError):
            await FETCH[shop.name](shop)
    else:
        assert not (await FETCH[shop.name](shop)).content.startswith(b"%PDF")
    assert read((await FETCH[shop.name](shop)).content) == SHOWN[shop.name]


@at("zero_friction")
async def test_a_draft_has_a_preview_and_no_document(shop: Shop) -> None:
    await shop.desk.draft()
    caller = shop.desk.caller
    identity = shop.desk.identity  # type: ignore[attr-defined]
    preview = await caller.raw("POST", f"/api/bill/Invoices/{identity}/previewpdf")
    assert read(preview.content) == ["Preview of invoice without a number", "439.44"]
    assert (await shop.desk.shown())["attachmentId"] is None
    missing = await caller.raw("POST", "/api/att/Attachments/None")
    assert (missing.status_code, missing.json()["title"]) == (404, "Not Found")


@at("zero_friction")
async def test_it_may_be_there_only_once_it_is_sent(shop: Shop) -> None:
    shop.stand_in.assumed.attached = "sent"
    await shop.desk.final()
    assert (await shop.desk.shown())["attachmentId"] is None
    await shop.desk.caller.act(shop.desk.identity, "send")  # type: ignore[attr-defined]
    shop.stand_in.finish("INV-1")
    assert read((await _zero_friction(shop)).content) == SHOWN["zero_friction"]


@at("zero_friction")
async def test_a_credit_note_has_a_document_of_its_own(shop: Shop) -> None:
    await shop.desk.final()
    note = (await shop.desk.caller.act(shop.desk.identity, "credit"))["data"]  # type: ignore[attr-defined]
    path = f"/api/att/Attachments/{note['attachmentId']}"
    fetched = await shop.desk.caller.raw("POST", path)
    assert read(fetched.content) == ["Credit note 2026-000002", "-439.44"]
    stranger = await shop.desk.caller.raw("POST", path, zf_ouuid=zf.TENANT)
    assert stranger.status_code == 403


@at("mollie")
async def test_a_pdf_may_take_a_while(shop: Shop) -> None:
    shop.stand_in.assumed.pdf_delay = math.inf
    await shop.desk.final()
    assert "pdfLink" not in (await shop.desk.shown())["_links"]
    page = await link(shop, "invoicePayment")
    assert (await shop.desk.caller.http.get(f"{page}/pdf")).status_code == 404
    shop.stand_in.assumed.pdf_delay = 0.01
    await shop.desk.final()
    links: dict[str, Any] = {}
    async with asyncio.timeout(LONG_ENOUGH):
        while "pdfLink" not in links:
            links = (await shop.desk.shown())["_links"]


@at("mollie")
async def test_the_page_to_pay_says_what_is_due_to_whoever_has_its_link(shop: Shop) -> None:
    await shop.desk.draft()
    assert "invoicePayment" not in (await shop.desk.shown())["_links"]
    await shop.desk.final()
    page = await link(shop, "invoicePayment")
    async with httpx.AsyncClient() as buyer:
        assert "INV-0000001: 140.55 EUR to pay" in (await buyer.get(page)).text
        shop.stand_in.pay("INV-1")
        assert "0.00 EUR to pay" in (await buyer.get(page)).text
        shop.stand_in.relink("INV-1")
        assert (await buyer.get(page)).status_code == 404
        assert await link(shop, "invoicePayment") != page
        assert (await buyer.get(await link(shop, "invoicePayment"))).status_code == 200


def test_a_pdf_holds_what_it_is_given_whatever_that_is() -> None:
    assert read(pdf("(a) \\ b", "Å")) == ["(a) \\ b", "?"]

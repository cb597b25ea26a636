"""The document of an invoice at every provider that makes one: fetched once, kept, handed out."""

from __future__ import annotations

import asyncio
import hashlib
import io
import math
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pypdf
import pytest

from documents import DocumentStore, StoreAway
from documents import opened as store_at
from gateway.problems import Kind
from invoicing.document_file import DocumentFile, DocumentState, document_key, folder_of
from invoicing.errors import NotFound
from invoicing.request import Goal
from invoicing.state.invoice import Invoice, Status
from invoicing.state.questions import Answer
from sandbox.kit.faults import Fault
from sandbox.riverty.words import DOCUMENT_CREATED, PAYMENT_RECEIVED
from temporal_server import local_server
from tests.console.browser import Browser, console_over
from tests.gateway.door import TOKENS, gateway_over, problem
from tests.lifecycle.kinds.kind import Shop
from tests.lifecycle.provider_world import opened
from tests.lifecycle.test_provider_credits import zero_friction
from tests.lifecycle.world import World, world
from tests.patience import LONG_ENOUGH
from tests.tiers import detail, first, simulated, slow

MAKE = ("mollie", "quiddly", "riverty", "zero_friction")
# The workflow is the same at each: one is enough, and the contract sees each without a server.
MAKE_NONE = ("invoro", "quiddly_blind")
STEP = dict.fromkeys(MAKE, "document") | {"quiddly": "download"}


class Watched(DocumentStore):
    """A store that may be away."""

    def __init__(self, store: DocumentStore) -> None:
        self.__dict__.update(store.__dict__)
        self.away = False
        self.missed = asyncio.Event()

    async def find(self, key: str) -> DocumentFile | None:
        if self.away:
            self.missed.set()
            raise StoreAway("the store of documents is away (test)")
        return await super().find(key)


@pytest.fixture
def store(tmp_path: Path) -> Watched:
    return Watched(store_at(str(tmp_path / "documents")))


@pytest.fixture
async def keeping(store: Watched) -> AsyncIterator[World]:
    """On a server of its own: others' workers, which keep nothing, would take its calls."""
    async with local_server(own=True) as server, world(server, documents=store) as made:
        yield made


async def kept(shop: Shop, reference: str) -> DocumentState:
    try:
        return await asyncio.wait_for(shop.client.documents.wait(reference), LONG_ENOUGH)
    except TimeoutError:
        raise AssertionError(await shop.client.documents.state(reference)) from None


async def sent(shop: Any) -> Invoice:
    reference = await shop.start()
    return await asyncio.wait_for(shop.client.invoices.result(reference), LONG_ENOUGH)


@pytest.mark.parametrize("name", first(MAKE))
async def test_it_is_fetched_once_the_invoice_is_final_and_its_digest_matches(
    keeping: World, store: Watched, name: str
) -> None:
    told: dict[str, Any] = {}
    if name == "riverty":
        told = {"activated": (PAYMENT_RECEIVED, DOCUMENT_CREATED)}
    at = zero_friction(keeping) if name == "zero_friction" else opened(keeping, name, **told)
    async with at as shop:
        invoice = await sent(shop)
        state = await kept(shop, invoice.reference)
        assert state.file is not None, state
        key = document_key(invoice.reference, invoice.provider_id or "")
        raw = b"".join([piece async for piece in store.read(key, 0, state.file.size)])
        assert hashlib.sha256(raw).hexdigest() == state.file.sha256
        assert "Invoice" in pypdf.PdfReader(io.BytesIO(raw)).pages[0].extract_text()
        asked = shop.stand_in.calls.count(STEP[name])
        again = await shop.client.documents.ask(invoice.reference)
        assert again == state
        assert shop.stand_in.calls.count(STEP[name]) == asked == 1


@detail
@pytest.mark.parametrize("name", first(MAKE_NONE))
async def test_where_the_provider_makes_none_it_says_so(keeping: World, name: str) -> None:
    async with opened(keeping, name) as shop:
        invoice = await sent(shop)
        await shop.client.documents.ask(invoice.reference)
        state = await kept(shop, invoice.reference)
        assert state.file is None
        assert "document" in state.problem or "PDF" in state.problem


@slow
async def test_an_invoice_that_is_made_again_has_a_document_of_its_own(keeping: World) -> None:
    async with opened(keeping, "mollie") as shop:
        reference = await shop.start(goal=Goal.PAID)
        first = await shop.until_waiting(reference, "payment")
        before = await kept(shop, reference)
        assert before.file is not None
        assert before.provider_id == first.provider_id
        books = shop.stand_in.books
        books.delete(books.invoices[first.provider_id])
        await shop.parked(reference)
        shop.stand_in.faults.place("document", Fault.SERVER_ERROR, times=10_000)
        await shop.resolve(reference, Answer.MAKE_AGAIN)
        second = await shop.until_waiting(reference, "payment")
        assert second.provider_id != first.provider_id
        told = await shop.client.documents.ask(reference)
        assert told.file is None, "that of another invoice is handed out"
        shop.stand_in.faults.clear()
        await shop.client.documents.handle(reference).signal("look_again")
        after = await kept(shop, reference)
        assert after.file is not None
        assert after.provider_id == second.provider_id


@detail
async def test_one_that_was_asked_for_before_the_invoice_was_final_is_fetched_once_it_is(
    keeping: World,
) -> None:
    async with opened(keeping, "mollie") as shop:
        reference = await shop.start(hold=True)
        await shop.until_status(reference, Status.HELD)
        await shop.client.documents.ask(reference)
        await shop.release(reference)
        assert (await kept(shop, reference)).file is not None
        told = shop.client.documents.handle(reference).fetch_history_events()
        names = [
            event.workflow_execution_signaled_event_attributes.signal_name async for event in told
        ]
        assert "look_again" in names, "it was found by a look that may be hours away"


@detail
async def test_an_invoice_is_not_held_up_by_a_document_that_never_comes(keeping: World) -> None:
    async with opened(keeping, "mollie", pdf_delay=math.inf) as shop:
        invoice = await sent(shop)
        state = await shop.client.documents.state(invoice.reference)
        assert state.file is None
        assert not state.problem


@detail
async def test_a_store_that_is_away_is_waited_for_and_holds_up_nothing_else(
    keeping: World, store: Watched
) -> None:
    async with opened(keeping, "mollie") as shop:
        store.away = True
        invoice = await sent(shop)
        await asyncio.wait_for(store.missed.wait(), LONG_ENOUGH)
        store.away = False
        assert (await kept(shop, invoice.reference)).file is not None


@detail
async def test_what_is_on_its_way_while_it_is_erased_is_not_kept(
    keeping: World, store: Watched
) -> None:
    async with opened(keeping, "mollie") as shop:
        shop.stand_in.faults.place("document", Fault.SERVER_ERROR, times=10_000)
        invoice = await sent(shop)
        assert await store.erase(folder_of(invoice.reference)) == 0
        shop.stand_in.faults.clear()
        state = await kept(shop, invoice.reference)
        assert state.file is None
        assert "erased" in state.problem


@simulated
async def test_whoever_was_killed_after_keeping_it_does_not_fetch_it_again(
    keeping: World, store: Watched
) -> None:
    async with opened(keeping, "mollie") as shop:
        store.away = True
        invoice = await sent(shop)
        store.away = False
        file = await store.keep(
            document_key(invoice.reference, invoice.provider_id or ""), b"%PDF- %%EOF"
        )
        state = await kept(shop, invoice.reference)
        assert state.file is not None
        assert state.file.sha256 == file.sha256
        assert shop.stand_in.calls.count("document") == 0


@detail
async def test_a_draft_has_none_and_an_unknown_invoice_is_not_found(keeping: World) -> None:
    async with opened(keeping, "mollie") as shop:
        reference = await shop.start(goal=Goal.DRAFTED)
        await asyncio.wait_for(shop.client.invoices.result(reference), LONG_ENOUGH)
        await shop.client.documents.ask(reference)
        assert "final" in (await kept(shop, reference)).problem
        with pytest.raises(NotFound):
            await shop.client.documents.ask("nobody-asked-for-it")


async def test_without_a_store_nothing_is_fetched_by_itself(shared_world: World) -> None:
    async with opened(shared_world, "mollie") as shop:
        invoice = await sent(shop)
        assert shop.stand_in.calls.count("document") == 0
        await shop.client.documents.ask(invoice.reference)
        assert "INVOICING_DOCUMENTS_AT" in (await kept(shop, invoice.reference)).problem


@detail
async def test_the_gateway_hands_it_out_whole_and_in_parts(keeping: World, store: Watched) -> None:
    async with (
        opened(keeping, "mollie") as shop,
        gateway_over(keeping.client, documents=store) as gateway,
    ):
        door = gateway.door("read")
        invoice = await sent(shop)
        state = await kept(shop, invoice.reference)
        assert state.file is not None
        path = f"/v1/invoices/{invoice.reference}/document"
        told = await door.get(path)
        assert told.json()["file"]["sha256"] == state.file.sha256
        whole = await door.ask("GET", f"{path}.pdf", known=False)
        assert whole.status_code == 200
        assert whole.headers["content-type"] == "application/pdf"
        assert invoice.reference in whole.headers["content-disposition"]
        assert hashlib.sha256(whole.content).hexdigest() == state.file.sha256
        for wanted, part in (
            ("bytes=0-3", whole.content[:4]),
            ("bytes=-5", whole.content[-5:]),
            ("bytes=10-", whole.content[10:]),
        ):
            some = await door.ask("GET", f"{path}.pdf", known=False, headers={"Range": wanted})
            assert some.status_code == 206
            assert some.content == part
        tag = whole.headers["etag"]
        for known in (tag, f"W/{tag}", f'"other", W/{tag}', "*"):
            have = {"If-None-Match": known}
            again = await door.ask("GET", f"{path}.pdf", known=False, headers=have)
            assert (again.status_code, again.content) == (304, b"")
        other = {"Range": "bytes=0-3", "If-Range": '"another"'}
        anew = await door.ask("GET", f"{path}.pdf", known=False, headers=other)
        assert (anew.status_code, anew.content) == (200, whole.content)
        beyond = await door.ask(
            "GET", f"{path}.pdf", known=False, headers={"Range": "bytes=999999-"}
        )
        assert beyond.status_code == 416
        assert beyond.headers["content-range"] == f"bytes */{state.file.size}"
        await store.erase(invoice.reference)
        problem(await door.get(f"{path}.pdf"), Kind.NOT_FOUND)


@slow
async def test_the_console_hands_it_out_or_says_that_it_is_fetched(
    keeping: World, store: Watched
) -> None:
    async with (
        opened(keeping, "mollie", pdf_delay=math.inf) as later,
        opened(keeping, "mollie") as shop,
        console_over(keeping.client, documents=store) as console,
    ):
        invoice, other = await sent(shop), await sent(later)
        await kept(shop, invoice.reference)
        browser = Browser(console.url)
        await browser.sign_in(TOKENS["read"])
        path = f"/console/invoices/{invoice.reference}"
        page = await browser.get(path)
        assert f"{path}/document" in page.links()
        answer = await browser.ask("GET", f"{path}/document")
        assert answer.content.startswith(b"%PDF-")
        page = await browser.get(f"/console/invoices/{other.reference}/document")
        assert "is being fetched" in page.text


@slow
async def test_a_gateway_without_a_store_says_what_to_set(keeping: World) -> None:
    async with opened(keeping, "mollie") as shop, gateway_over(keeping.client) as gateway:
        door = gateway.door("read")
        invoice = await sent(shop)
        answer = await door.get(f"/v1/invoices/{invoice.reference}/document.pdf")
        assert "INVOICING_DOCUMENTS_AT" in problem(answer, Kind.NOT_FOUND).detail

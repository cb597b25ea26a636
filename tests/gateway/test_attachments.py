"""Files over REST: put under what is in them, by who may, and named by who has put them."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from documents import Account, DocumentStore, StoreAway
from documents import opened as store_at
from gateway import tokens
from gateway.problems import Kind
from invoicing.attachment import MOST_BYTES, StoredFile, digest_of
from settings.callers import Scope
from tests.attached import CONTENT, a_file, supporting
from tests.gateway.door import Door, Gateway, caller, gateway_over, problem
from tests.lifecycle.world import Company, World
from tests.tiers import detail

FILE = StoredFile.model_validate(a_file())
PDF = {"Content-Type": "application/pdf"}
NAMES = ("free", "shop", "mine", "reader")
TOKENS = {name: tokens.new() for name in NAMES}
MINE = f"MINE-{uuid.uuid4().hex[:8]}-"


@pytest.fixture
def store(tmp_path: Path) -> DocumentStore:
    return store_at(str(tmp_path / "files"))


@pytest.fixture
async def gateway(shared_world: World, store: DocumentStore) -> AsyncIterator[Gateway]:
    known = {
        "free": caller(TOKENS["free"], Scope.START),
        "shop": caller(TOKENS["shop"], Scope.START, accounts=("quiddly/shop",)),
        "mine": caller(TOKENS["mine"], Scope.START, Scope.OPERATE, references=(MINE,)),
        "reader": caller(TOKENS["reader"], Scope.READ),
    }
    async with gateway_over(shared_world.client, known, documents=store) as made:
        yield made


def at(sha256: str = FILE.sha256, account: str = "quiddly/default") -> str:
    return f"/v1/attachments/{account}/{sha256}"


async def put(door: Door, where: str = "", content: Any = CONTENT, **headers: str) -> Any:
    return await door.ask("PUT", where or at(), content=content, headers=PDF | headers)


async def test_a_file_is_put_under_its_digest_however_often(
    gateway: Gateway, store: DocumentStore
) -> None:
    door = gateway.bearer(TOKENS["free"])
    for _ in range(2):
        answer = await put(door)
        assert answer.status_code == 200
        told = {"media_type": "application/pdf", "size": len(CONTENT), "sha256": FILE.sha256}
        assert answer.json() == told
    assert await store.attachments.get(Account("quiddly", "default"), FILE) == CONTENT


async def test_what_is_not_what_its_address_says_is_not_kept(
    gateway: Gateway, tmp_path: Path
) -> None:
    door = gateway.bearer(TOKENS["free"])
    wrong = problem(await put(door, at("0" * 64)), Kind.INVALID)
    assert [each.field for each in wrong.errors] == ["path.sha256"]
    for content in (b"", b"<html>"):
        wrong = problem(await put(door, at(digest_of(content)), content), Kind.INVALID)
        assert [each.field for each in wrong.errors] == ["body"]
    problem(await put(door, at("A" * 64)), Kind.INVALID)
    assert not await asyncio.to_thread(lambda: [*(tmp_path / "files").rglob("*")])


@pytest.mark.parametrize("headers", [{"Content-Type": "text/html"}, {"Content-Encoding": "gzip"}])
async def test_only_the_kinds_of_the_norm_are_taken(
    gateway: Gateway, headers: dict[str, str]
) -> None:
    problem(await put(gateway.bearer(TOKENS["free"]), **headers), Kind.MEDIA)


async def test_it_may_have_ten_megabytes_and_no_more(gateway: Gateway) -> None:
    door = gateway.bearer(TOKENS["free"])
    most = CONTENT.ljust(MOST_BYTES)
    assert (await put(door, at(digest_of(most)), most)).status_code == 200
    more = most + b" "
    problem(await put(door, at(digest_of(more)), more), Kind.TOO_LARGE)


async def test_a_caller_puts_files_only_where_its_invoices_are(gateway: Gateway) -> None:
    shop = gateway.bearer(TOKENS["shop"])
    assert (await put(shop, at(account="quiddly/shop"))).status_code == 200
    problem(await put(shop), Kind.FORBIDDEN)
    problem(await put(gateway.bearer(TOKENS["reader"])), Kind.FORBIDDEN)


async def test_a_caller_with_its_own_references_names_only_what_it_has_put(
    gateway: Gateway, company: Company
) -> None:
    """Another one at the same account may have put it, and its digest alone must open nothing."""
    request = company.request(f"{MINE}{uuid.uuid4().hex[:6]}").model_dump(mode="json")
    request["document"]["attachments"] = [supporting()]
    mine, free = gateway.bearer(TOKENS["mine"]), gateway.bearer(TOKENS["free"])
    where = at(account=f"zero_friction/{company.account}")
    assert (await put(free, where)).status_code == 200
    for path in ("/v1/invoices/preview", "/v1/invoices"):
        wrong = problem(await mine.post(path, request), Kind.INVALID)
        assert [each.field for each in wrong.errors] == ["document.attachments[0].file"]
    batch = await mine.ask(
        "POST",
        "/v1/batches",
        content=_lines(request),
        headers={"Content-Type": "application/jsonl"},
    )
    assert batch.json()["invoices"][0]["outcome"] == "refused", batch.text
    assert (await put(mine, where)).status_code == 200
    assert (await mine.post("/v1/invoices", request)).status_code == 201


async def test_nor_does_the_new_invoice_of_an_amendment_name_another(
    gateway: Gateway, company: Company
) -> None:
    request = company.request(f"{MINE}{uuid.uuid4().hex[:6]}").model_dump(mode="json")
    request["document"]["attachments"] = [supporting()]
    mine, free = gateway.bearer(TOKENS["mine"]), gateway.bearer(TOKENS["free"])
    where = at(account=f"zero_friction/{company.account}")
    assert (await put(free, where)).status_code == 200
    amended = f"/v1/invoices/{MINE}old/amendments"
    wanted = {"by": "x", "reason": "wrong", "amendment": "A1", "invoice": request}
    wrong = problem(await mine.post(amended, wanted), Kind.INVALID)
    assert [each.field for each in wrong.errors] == ["invoice.document.attachments[0].file"]
    assert (await put(mine, where)).status_code == 200
    problem(await mine.post(amended, wanted), Kind.NOT_FOUND)


def _lines(request: dict[str, Any]) -> bytes:
    return json.dumps(request).encode() + b"\n"


async def test_a_caller_puts_no_more_than_its_share(
    shared_world: World, store: DocumentStore, tmp_path: Path
) -> None:
    known = {name: caller(TOKENS[name], Scope.START) for name in ("free", "mine")}
    bounds: dict[str, Any] = {"caller_files": 2, "caller_file_bytes": 1_000}
    async with gateway_over(shared_world.client, known, documents=store, **bounds) as made:
        door = made.bearer(TOKENS["free"])
        files = [CONTENT + b"%d" % number for number in range(3)]
        for content in (*files[:2], *files[:2]):
            assert (await put(door, at(digest_of(content)), content)).status_code == 200
        told = problem(await put(door, at(digest_of(files[2])), files[2]), Kind.REFUSED)
        assert "2 files of 1000 bytes together within 30 days" in told.detail
        assert "GATEWAY_CALLER_FILES" in told.detail
        assert [*(tmp_path / "files").rglob(digest_of(files[2]))] == []
        other = made.bearer(TOKENS["mine"])
        assert (await put(other, at(digest_of(files[2])), files[2])).status_code == 200


async def test_a_store_that_is_away_is_said_to_be_and_can_be_asked_again(
    gateway: Gateway, store: DocumentStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object, **__: object) -> str:
        raise StoreAway("the store of documents is away (test)")

    monkeypatch.setattr(store.attachments, "put", away)
    answer = await put(gateway.bearer(TOKENS["free"]))
    assert "Retry-After" in answer.headers
    problem(answer, Kind.UNAVAILABLE)


@detail
async def test_a_gateway_without_a_store_says_what_to_set(shared_world: World) -> None:
    known = {"free": caller(TOKENS["free"], Scope.START)}
    async with gateway_over(shared_world.client, known) as made:
        told = problem(await put(made.bearer(TOKENS["free"])), Kind.NOT_FOUND)
        assert "INVOICING_DOCUMENTS_AT" in told.detail

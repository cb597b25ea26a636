"""A world in which a person is erased: with a register, a data key per invoice, and a store of
documents, on a real server."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import select
from temporalio.api.common.v1 import Payload

from documents import opened as store_at
from invoicing.client import InvoicingClient, converter
from invoicing.document import Address, Party
from invoicing.temporal.converter import Undecipherable
from invoicing.temporal.encryption import (
    VARIABLE,
    EncryptionCodec,
    new_key,
    read_keys,
)
from register import Books
from register.database import made
from register.keys import KeyStore
from register.tables import metadata
from temporal_server import Server, local_server
from tests.command_line import typed
from tests.examples import a_line
from tests.lifecycle.test_encryption import payloads
from tests.lifecycle.test_money import HEARS
from tests.lifecycle.test_privacy import collected as collected
from tests.lifecycle.world import Company, World, world

NAME = "Quillon Canaryson"
STREET = "Cage Street 7"
NOTE = "for the canary in cage seven"
LINE = "one birdcage of brass"
OPERATOR = "Operatrix Canaryson"
WORDS = "because the canary sang"
ORDER_LINE = "a perch of willow"
CANARIES = (NAME, STREET, NOTE, LINE, OPERATOR, WORDS, ORDER_LINE, "canaryson")

KEYS = new_key("2026-11")
DATA_KEYS = "INVOICING_DATA_KEYS"
WHY = ("--reason", "asked for by the buyer", "--by", "Bo", "--yes")


@dataclass
class Here:
    """A world with a register, data keys and documents, and the variables that say so."""

    world: World
    company: Company
    variables: dict[str, str]
    folder: Path
    keys: KeyStore

    async def typed(self, *arguments: str) -> Any:
        return await typed(*arguments, at=self.company, **self.variables)

    async def newcomer(self) -> InvoicingClient:
        """A client that has looked up no key yet."""
        here = converter(self.keys)
        return await InvoicingClient.connect(self.world.server.address, data_converter=here)


@pytest.fixture(scope="module")
async def server() -> AsyncIterator[Server]:
    """One of its own: on the shared one a worker without keys takes the tasks."""
    async with local_server(own=True) as running:
        yield running


@pytest.fixture
async def here(
    server: Server, place: str, books: Books, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Here]:
    folder = tmp_path / "documents"
    variables = {
        VARIABLE: KEYS,
        DATA_KEYS: "true",
        "INVOICING_REGISTER_AT": place,
        "INVOICING_DOCUMENTS_AT": str(folder),
    }
    for name, says in variables.items():
        monkeypatch.setenv(name, says)
    # A minute is long for a test: what was erased is to be known at once.
    monkeypatch.setattr("invoicing.temporal.data_keys.FRESH", 0.0)
    with contextlib.closing(KeyStore(place)) as keys:
        async with (
            world(server, register=books, documents=store_at(str(folder)), data_keys=keys) as made_,
            made_.company(paces=HEARS) as company,
        ):
            yield Here(made_, company, variables, folder, keys)


def her_document() -> dict[str, Any]:
    address = Address(street=STREET, city="Antwerpen", postal_code="2000", country="BE")
    buyer = Party(name=NAME, account_number="K-1001", address=address)
    return {"buyer": buyer, "notes": (NOTE,), "lines": (a_line(1, name=LINE),)}


async def everything_stored(client: InvoicingClient) -> list[Payload]:
    """Every payload of every workflow in the namespace, its memo included, as it is stored."""
    found: list[Payload] = []
    async for each in client.temporal.list_workflows():
        handle = client.temporal.get_workflow_handle(each.id, run_id=each.run_id)
        events = [event async for event in handle.fetch_history_events()]
        found += payloads([*events, each.raw_info, (await handle.describe()).raw_description])
    return found


async def readable(here: Here) -> set[str]:
    """The canaries that somebody with every key there is can read in what Temporal keeps."""
    stored = await everything_stored(here.company.client)
    fresh = (await here.newcomer()).temporal.data_converter.payload_codec
    common = EncryptionCodec(read_keys(SecretStr(KEYS)))
    assert fresh is not None
    texts = [one.SerializeToString() for one in stored]
    for codec in (fresh, common):
        for one in stored:
            with contextlib.suppress(Undecipherable):
                texts.append((await codec.decode([one]))[0].SerializeToString())
    return canaries_in(b"\n".join(texts))


def canaries_in(text: bytes) -> set[str]:
    return {word for word in CANARIES if word.lower().encode() in text.lower()}


def in_the_register(place: str) -> bytes:
    engine = made(place)
    with engine.begin() as db:
        # A row as text leaves out the middle of what is long.
        tables = metadata.tables.values()
        rows = [str(tuple(row)) for table in tables for row in db.execute(select(table))]
    engine.dispose()
    files = [] if "://" in place else Path(place).parent.glob("register.db*")
    return "\n".join(rows).encode() + b"".join(each.read_bytes() for each in files)


def in_files(folder: Path) -> bytes:
    return b"".join(each.read_bytes() for each in folder.rglob("*") if each.is_file())

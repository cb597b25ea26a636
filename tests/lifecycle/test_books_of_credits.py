"""The ledger of an invoice's credits tells the register what people said, and an export has it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from invoicing.books.periods import Period
from invoicing.client import Refused
from register import opened
from register.database import for_reading
from register.export import exported, verified
from temporal_server import local_server
from tests.lifecycle.office import Office, a_credit, office_at, units
from tests.patience import LONG_ENOUGH
from tests.tiers import slow


@pytest.fixture
def place(tmp_path: Path) -> str:
    return str(tmp_path / "register.db")


@pytest.fixture
async def office(place: str) -> AsyncIterator[Office]:
    books = await asyncio.to_thread(opened, place)
    async with local_server(own=True) as server, office_at(server, books) as made:
        yield made
    await asyncio.to_thread(books.close)


def journal(place: str, folder: Path, reference: str) -> list[dict[str, Any]]:
    """What an export of these days has of this reference; it is whole."""
    engine = for_reading(place)
    today = datetime.now(UTC).date()
    try:
        days = Period(today - timedelta(days=1), today + timedelta(days=1))
        assert exported(engine, folder, days).broken is None
    finally:
        engine.dispose()
    assert not list(verified(folder))
    lines = map(json.loads, (folder / "journal.jsonl").read_text().splitlines())
    return [line for line in lines if line["reference"] == reference]


@slow
async def test_who_asked_for_a_credit_and_what_became_of_it_is_in_the_exported_journal(
    office: Office, place: str, tmp_path: Path
) -> None:
    reference = await office.invoiced()
    await office.client.credits.make(reference, units("2"))
    with pytest.raises(Refused, match="20 are asked for, and 8 are left"):
        await office.client.credits.make(reference, units("20", "C2"))
    colleague = a_credit("C3", lines=[{"id": "1", "quantity": "1"}], by="a colleague")
    await office.client.credits.make(reference, colleague)
    await office.until(reference, lambda state: all(each.ended for each in state.credits))
    told: list[dict[str, Any]] = []
    async with asyncio.timeout(LONG_ENOUGH):
        for attempt in range(100):
            told = journal(place, tmp_path / f"books-{attempt}", reference)
            if {"credit C1: sent", "credit C3: sent"} <= {line["what"] for line in told}:
                break
            await asyncio.sleep(0.5)
    said = {line["what"]: (line["by"], line["reason"]) for line in told}
    assert said["credit C1 asked for: 30.25 with VAT"] == ("an operator", "came back")
    for begins, by in (("credit C3 asked for", "a colleague"), ("credit C2 is", "an operator")):
        (what,) = [each for each in said if each.startswith(begins)]
        assert said[what] == (by, "came back")
    of_the_ledger = [line for line in told if "credit C" in line["what"]]
    assert {line["kind"] for line in of_the_ledger} == {"invoice"}
    (claimant,) = {line["claimant"] for line in of_the_ledger}
    sequence = [line["sequence"] for line in told if line["claimant"] == claimant]
    assert sequence == list(range(1, len(sequence) + 1))

"""Amendments on the command line."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest

from invoicing.request import InvoiceRequest
from starter import Code
from temporal_server import local_server
from tests.command_line import WHY
from tests.examples import a_document, a_line
from tests.lifecycle.bookkeeper import NAME
from tests.lifecycle.office import office_at
from tests.test_starter_credits import Desk
from tests.tiers import detail, slow

NINE = a_line(1, quantity=Decimal(9), unit_price=Decimal("12.50"))


@pytest.fixture(scope="module")
async def desk() -> AsyncIterator[Desk]:
    async with local_server() as server, office_at(server) as office:
        yield Desk(office, server.address)


def a_file(folder: Path, reference: str) -> str:
    request = InvoiceRequest(reference=reference, provider=NAME, document=a_document(lines=(NINE,)))
    path = folder / "corrected.json"
    path.write_text(request.model_dump_json(exclude_none=True))
    return str(path)


@slow
async def test_a_corrected_file_amends_its_invoice_and_the_new_one_has_a_name_of_its_own(
    desk: Desk, tmp_path: Path
) -> None:
    reference = await desk.office.invoiced()
    file = a_file(tmp_path, reference)
    for _ in range(2):
        said = await desk.types("amend", reference, "A1", file, "--wait", *WHY)
        assert said.exit_code == Code.DONE, said.output
        assert f"Amendment A1 of {reference}: amended" in said.stdout
        assert f"New invoice: {reference}-A1, number N-" in said.stdout
    assert len(desk.office.provider.notes(reference)) == 1
    shown = await desk.types("amendments", reference)
    assert f"{reference} is credited by {reference}#A1" in shown.stdout
    told = json.loads((await desk.types("amendments", reference, "--json")).stdout)
    assert told["amendment"]["status"] == "amended"
    listed = await desk.types("amendments", "--json")
    assert listed.exit_code == Code.DONE


async def test_what_is_refused_is_said_with_its_fields_and_fails(
    desk: Desk, tmp_path: Path
) -> None:
    reference = await desk.office.invoiced()
    desk.office.provider.refused.add("Canary Energy BV")
    try:
        said = await desk.types("amend", reference, "A1", a_file(tmp_path, "N-1"), "--wait", *WHY)
    finally:
        desk.office.provider.refused.clear()
    assert said.exit_code == Code.FAILED
    assert "the document has mistakes" in said.stderr
    assert "document.buyer.name" in said.stderr
    assert desk.office.provider.notes(reference) == []


@detail
async def test_mistakes_and_what_nobody_knows_are_told(desk: Desk, tmp_path: Path) -> None:
    file = a_file(tmp_path, "NEVER-2")
    unknown = await desk.types("amend", "NEVER-1", "A1", file, *WHY)
    assert unknown.exit_code == Code.NOT_FOUND
    assert (await desk.types("amendments", "NEVER-1")).exit_code == Code.NOT_FOUND
    filtered = await desk.types("amendments", "NEVER-1", "--status", "amended")
    assert filtered.exit_code == Code.BAD_INPUT
    none = await desk.types("amendments", "--provider", "another")
    assert "No invoice with such an amendment." in none.stderr


@detail
async def test_a_cancel_of_what_has_ended_says_that_amend_is_a_way(desk: Desk) -> None:
    reference = await desk.office.invoiced()
    said = await desk.types("cancel", reference, *WHY)
    assert said.exit_code == Code.FAILED
    assert "`credit` takes back what is left of it, and `amend`" in said.stderr

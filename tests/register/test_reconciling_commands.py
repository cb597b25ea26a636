"""`findings` and `close-finding` as they are typed, and the report in its three forms."""

from __future__ import annotations

import csv
import io
import json

from invoicing.books.reconciling import TO_DO, FindingKind
from invoicing.provider import PaymentStatus
from register import Books
from starter import Code
from tests.command_line import lines, typed
from tests.register.test_reconciling import Drill, here, there
from tests.tiers import detail


async def _seeded(books: Books, place: str) -> None:
    drill = Drill(books, place)
    try:
        await here(books)
        await drill.run(there(payment=PaymentStatus.PAID), there(None, "=id-2|*"))
    finally:
        drill.engine.dispose()


async def test_findings_are_told_to_people_with_what_to_do(place: str, books: Books) -> None:
    await _seeded(books, place)
    said = await typed("findings", INVOICING_REGISTER_AT=place)
    assert said.exit_code == Code.NEEDS_ATTENTION, said.output
    assert "paid unseen: INV-7" in said.stdout
    assert TO_DO[FindingKind.UNKNOWN_HERE] in said.stdout
    assert "=id-2\\|\\*" in said.stdout


@detail
async def test_findings_are_told_to_machines(place: str, books: Books) -> None:
    await _seeded(books, place)
    said = await typed("findings", "--as", "json", INVOICING_REGISTER_AT=place)
    assert {one["kind"] for one in lines(said)} == {"paid_unseen", "unknown_here"}
    said = await typed("findings", "--as", "csv", INVOICING_REGISTER_AT=place)
    rows = list(csv.DictReader(io.StringIO(said.stdout)))
    assert {one["provider_id"] for one in rows} == {"id-1", "'=id-2|*"}
    chosen = await typed(
        *("findings", "--as", "json", "--kind", "paid_unseen", "--provider", "mollie"),
        INVOICING_REGISTER_AT=place,
    )
    assert [json.loads(line)["reference"] for line in chosen.stdout.splitlines()] == ["INV-7"]


@detail
async def test_a_person_closes_a_finding_with_a_reason(place: str, books: Books) -> None:
    await _seeded(books, place)
    said = await typed("findings", "--as", "json", INVOICING_REGISTER_AT=place)
    for one in lines(said):
        closing = ("close-finding", one["id"], "--by", "ann", "--reason", "seen")
        done = await typed(*closing, INVOICING_REGISTER_AT=place)
        assert done.exit_code == Code.DONE, done.output
    said = await typed("findings", INVOICING_REGISTER_AT=place)
    assert (said.exit_code, "Nothing disagrees." in said.stdout) == (Code.DONE, True)
    again = await typed(*closing, INVOICING_REGISTER_AT=place)
    assert again.exit_code == Code.NOT_FOUND
    said = await typed("findings", "--closed", INVOICING_REGISTER_AT=place)
    assert "by ann: seen" in said.stdout


@detail
async def test_without_a_register_nothing_is_reconciled() -> None:
    said = await typed("reconcile", "mollie")
    assert said.exit_code == Code.BAD_INPUT
    assert "There is no register here" in said.stderr

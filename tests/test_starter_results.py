"""The file beside a file of requests, waiting for it, and correcting many at once."""

from __future__ import annotations

import stat
from collections.abc import AsyncIterator, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from invoicing.client.invoices import Invoices
from invoicing.request import InvoiceRequest
from starter import Code
from tabular.results import Result, counted, write
from tabular.wishes import Dialect
from temporal_server import local_server
from tests.batches import HEADER, a_file, a_row, results, some
from tests.command_line import WHY, lines, listed, typed
from tests.lifecycle.world import Company, World, world
from tests.tiers import detail, slow


@pytest.fixture(scope="module")
async def shared() -> AsyncIterator[World]:
    async with local_server() as server, world(server) as made:
        yield made


@pytest.fixture
async def company(shared: World) -> AsyncIterator[Company]:
    async with shared.company() as made:
        yield made


# The results


def read_book(path: Path) -> list[dict[str, Any]]:
    header, *rows = openpyxl.load_workbook(path).active.iter_rows(values_only=True)  # type: ignore[union-attr]
    return [dict(zip(map(str, header), row, strict=True)) for row in rows]


async def test_the_results_are_written_as_the_file_is_and_for_its_owner_alone(
    company: Company, tmp_path: Path
) -> None:
    (name,) = some("DUTCH", company)
    names = HEADER.split(",")
    cells = a_row(name, company.account).split(",")
    told = dict(zip(names, cells, strict=True)) | {
        "issue_date": "30/06/2026",
        "due_date": "30/07/2026",
        "line.quantity": "1.250",
        "line.unit_price": "89,00",
        "buyer.account_number": "K-1001",
    }
    text = f"{';'.join(told)}\r\n{';'.join(told.values())}\r\n"
    file = tmp_path / "juni.csv"
    file.write_bytes(text.encode("utf-8-sig"))
    said = await typed("batch", str(file), "--wait", at=company)
    assert said.exit_code == Code.DONE, said.output
    result = tmp_path / "juni.result.csv"
    header, row, rest = result.read_bytes().decode("utf-8").split("\r\n")
    assert header.startswith("\ufeffrows;reference;outcome;status;currency;net;vat;gross;due;")
    number = row.split(";")[9]
    amounts = "EUR;111250,00;23362,50;134612,50;134612,50"
    assert row == f"2;{name};started;sent;{amounts};{number};30/07/2026;;"
    assert number
    assert rest == ""
    assert stat.S_IMODE(result.stat().st_mode) == 0o600


@detail
async def test_a_workbook_s_results_are_a_workbook(company: Company, tmp_path: Path) -> None:
    name, bad = some("BOOK", company, 2)
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet()
    sheet.append(HEADER.split(","))
    sheet.append(a_row(name, company.account).split(","))
    sheet.append(a_row(bad, company.account, **{"line.id": "1", "goal": "=1"}).split(","))
    file = tmp_path / "june.xlsx"
    book.save(file)
    said = await typed("batch", str(file), at=company)
    assert said.exit_code == Code.BAD_INPUT
    first, second = read_book(tmp_path / "june.result.xlsx")
    assert (first["reference"], first["outcome"]) == (name, "started")
    assert (first["net"], first["gross"]) == (59.97, 72.56)
    assert first["due_date"].date() == date(2026, 7, 30)
    assert second["outcome"] == "refused"
    await company.finished(name)


def test_a_text_of_a_workbook_is_never_a_formula(tmp_path: Path) -> None:
    path = tmp_path / "june.result.xlsx"
    write(path, Dialect(kind="xlsx"), [Result((2,), "A-1", why="=1+1")])
    sheet = openpyxl.load_workbook(path).active
    assert sheet is not None
    assert [cell.data_type for cell in sheet["L2":"L2"][0]] == ["s"]


@detail
def test_a_result_that_is_cut_off_in_the_middle_leaves_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "june.result.csv"
    write(path, Dialect(kind="csv"), [Result((2,), "A-1")])
    before = path.read_bytes()

    def failing() -> Iterator[Result]:
        yield Result((2,), "A-2")
        raise OSError

    with pytest.raises(OSError):  # noqa: PT011
        write(path, Dialect(kind="csv"), failing())
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize(
    ("rows", "told"), [((2,), "2"), ((2, 3, 4, 7), "2 to 4, 7"), ((2, 4), "2, 4"), ((), "")]
)
def test_rows_are_told_as_no_day_is_written(rows: tuple[int, ...], told: str) -> None:
    assert counted(rows) == told


@detail
async def test_what_is_being_asked_for_is_announced_before_it_is_asked(
    company: Company, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever ends the process then, `not asked` was never asked for."""
    monkeypatch.setattr("commands.batch.ANNOUNCED", 1)
    first, second = some("ANN", company, 2)
    file = a_file(tmp_path, HEADER, a_row(first, company.account), a_row(second, company.account))
    seen: dict[str, list[str]] = {}
    start = Invoices.start

    async def watched(self: Invoices, request: InvoiceRequest) -> Any:
        seen[request.reference] = [row["outcome"] for row in results(file)]
        return await start(self, request)

    monkeypatch.setattr(Invoices, "start", watched)
    said = await typed("batch", str(file), at=company)
    assert said.exit_code == Code.DONE
    assert seen == {first: ["asking", "not asked"], second: ["started", "asking"]}


# Waiting


@slow
async def test_a_batch_waits_until_a_state_and_no_longer_than_it_was_told(
    company: Company, tmp_path: Path
) -> None:
    (name,) = some("UNTIL", company)
    file = a_file(tmp_path, HEADER, a_row(name, company.account, goal="paid"))
    said = await typed("batch", str(file), "--until", "sent", at=company)
    assert said.exit_code == Code.DONE, said.output
    assert results(file)[0]["status"] == "sent"
    said = await typed("batch", str(file), "--wait", "--minutes", "0.01", at=company)
    assert said.exit_code == Code.UNDER_WAY
    (row,) = results(file)
    assert (row["outcome"], row["why"]) == ("known", "still under way")
    assert row["do"] == "nothing: it goes on by itself"


# Correcting


@slow
async def test_alike_mistakes_are_corrected_together(company: Company, tmp_path: Path) -> None:
    wrong, right, held = some("FIX", company, 3)
    account = company.account

    def rows(unit: str) -> list[str]:
        stranger = {"buyer.account_number": unit}
        return [
            *(a_row(each, account, **stranger) for each in (wrong, right)),
            a_row(held, account, hold="true"),
        ]

    header = f"{HEADER},hold"
    file = a_file(tmp_path, header, *rows("K-0000"))
    said = await typed("batch", str(file), "--wait", at=company)
    assert said.exit_code == Code.NEEDS_ATTENTION, said.output
    first, second, third = results(file)
    assert first["status"] == second["status"] == "needs_attention"
    assert f"resolve {wrong} … --question q1" in first["do"]
    assert third["status"] == "held"

    file = a_file(tmp_path, header, *rows("K-1001"))
    said = await typed("batch", str(file), at=company)
    assert said.exit_code == Code.NEEDS_ATTENTION
    first, second, third = results(file)
    assert first["outcome"] == second["outcome"] == "refused"
    assert "it differs in document.buyer" in first["why"]
    assert first["do"].endswith("batch … --correct corrects it")
    assert "new reference" not in f"{first} {said.output}"
    assert third["outcome"] == "known"

    nobody = await typed("batch", str(file), "--correct", *WHY, at=company)
    assert nobody.exit_code == Code.BAD_INPUT
    assert "Nobody is here to confirm `correct` for 2 invoices" in nobody.stderr
    assert wrong in nobody.stderr
    said = await typed("batch", str(file), "--correct", "--yes", "--wait", *WHY, at=company)
    assert said.exit_code == Code.NEEDS_ATTENTION, "one is held"
    first, second, third = results(file)
    assert [row["outcome"] for row in (first, second, third)] == ["corrected", "corrected", "known"]
    assert first["status"] == second["status"] == "sent"
    again = await typed("batch", str(file), at=company)
    assert again.exit_code == Code.FAILED
    assert results(file)[0]["do"].startswith("nothing, where it was corrected to this")
    for name in (wrong, right):
        assert company.effects(name) == ["created", "approved", "sent"]


@slow
async def test_a_correction_of_more_than_the_document_says_what_it_cannot_do(
    company: Company, tmp_path: Path
) -> None:
    (name,) = some("MORE", company)
    stranger = {"buyer.account_number": "K-0000"}
    file = a_file(tmp_path, HEADER, a_row(name, company.account, **stranger))
    await typed("batch", str(file), "--wait", at=company)
    file = a_file(tmp_path, HEADER, a_row(name, company.account, goal="approved"))
    said = await typed("batch", str(file), "--correct", "--yes", *WHY, at=company)
    assert said.exit_code == Code.NEEDS_ATTENTION
    assert "Nothing here waits for a correction" in said.stderr
    assert (
        "changes the document and the options alone, not goal: `cancel` it"
        in results(file)[0]["do"]
    )
    assert company.effects(name) == []


@slow
async def test_many_are_corrected_from_a_file_by_filter(company: Company, tmp_path: Path) -> None:
    one, other, left_out = some("ALL", company, 3)
    stranger = {"buyer.account_number": "K-0000"}
    rows = [a_row(each, company.account, **stranger) for each in (one, other, left_out)]
    file = a_file(tmp_path, HEADER, *rows)
    await typed("batch", str(file), "--wait", at=company)
    chosen = ("--prefix", f"ALL-{company.account}")
    await listed(company, {one, other, left_out}, *chosen, "--status", "needs_attention")
    file = a_file(tmp_path, HEADER, *(a_row(each, company.account) for each in (one, other)))
    given = ("--documents", str(file))
    bare = await typed("all", "resolve", "correct", *chosen, "--yes", *WHY, at=company)
    assert bare.exit_code == Code.BAD_INPUT
    assert "correct, and only correct, needs --documents FILE" in bare.stderr
    said = await typed(
        *("all", "resolve", "correct", *given, *chosen, "--yes", "--wait", "--json", *WHY),
        at=company,
    )
    found = {row["reference"]: row for row in lines(said)}
    assert {name: row["outcome"] for name, row in found.items()} == {
        one: "done",
        other: "done",
        left_out: "refused",
    }
    assert "the file has nothing about it" in found[left_out]["why"]
    assert company.effects(one) == ["created", "approved", "sent"]

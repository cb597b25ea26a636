"""A file of invoices over REST: looked through, asked for, followed by sending it again."""

from __future__ import annotations

import asyncio
import io
import json
import threading
import zipfile
from typing import Any

import httpx
import openpyxl
import pytest

from gateway import files, tokens
from gateway.batch import BatchLine
from gateway.files import XLSX
from gateway.problems import Kind, unavailable
from invoicing.errors import InvalidRequest, NotFound
from invoicing.request import InvoiceRequest
from settings.callers import Scope
from tabular.bounds import MOST_TEXT
from tabular.entries import Entry
from tabular.expected import expected
from tabular.results import Result
from tests.batches import HEADER, a_row, some
from tests.gateway.door import Door, Gateway, caller, fields, gateway_over, problem
from tests.lifecycle.world import Company, World
from tests.patience import LONG_ENOUGH
from tests.tiers import detail, slow

CSV = {"Content-Type": "text/csv"}


def a_sheet(*rows: str) -> bytes:
    return "\n".join((HEADER, *rows)).encode()


async def sent(
    door: Door, content: bytes, path: str = "/v1/batches", **query: str
) -> httpx.Response:
    return await door.ask("POST", path, content=content, headers=CSV, params=query)


async def lines(door: Door, content: bytes, path: str = "/v1/batches") -> dict[str, BatchLine]:
    answer = await sent(door, content, path)
    assert answer.status_code == 200, answer.text
    every = [BatchLine.model_validate(each) for each in answer.json()["invoices"]]
    return {each.reference: each for each in every}


LOOK = "/v1/batches/preview"


async def test_a_file_is_looked_through_and_nothing_is_made(company: Company, door: Door) -> None:
    (good,) = some("LOOK", company)
    bad = a_row("BAD-1", company.account, **{"line.quantity": "many"})
    found = await lines(door, a_sheet(a_row(good, company.account), bad), LOOK)
    one, other = found[good], found["BAD-1"]
    assert (one.outcome, one.rows, one.currency, str(one.gross)) == (
        "not asked",
        (2,),
        "EUR",
        "72.56",
    )
    assert other.outcome == "refused"
    assert "lines[0].quantity" in other.why
    with pytest.raises(NotFound):
        await company.client.invoices.listed(good)


@detail
async def test_a_file_is_asked_for_once_and_followed_by_sending_it_again(
    company: Company, door: Door
) -> None:
    references = some("ASK", company, 3)
    content = a_sheet(a_row(""), *(a_row(each, company.account) for each in references))
    first = await lines(door, content)
    assert [first[each].outcome for each in references] == ["started"] * 3
    assert first[""].why == "reference: is required"
    for each in references:
        await company.finished(each)
    again = await sent(door, content)
    assert again.json()["outcomes"] == {"known": 3, "refused": 1}
    async with asyncio.timeout(LONG_ENOUGH):
        while (await sent(door, content, LOOK)).json()["statuses"] != {"sent": 3}:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    seen = await lines(door, content, LOOK)
    assert all(seen[each].number for each in references)
    for each in references:
        journal = await company.client.invoices.journal(each)
        assert journal.entries[0].proven == "all"


async def test_other_content_under_a_reference_is_refused_and_stops_no_other(
    company: Company, door: Door
) -> None:
    taken, free = some("TAKEN", company, 2)
    await lines(door, a_sheet(a_row(taken, company.account)))
    changed = a_row(taken, company.account, **{"line.unit_price": "20.00"})
    found = await lines(door, a_sheet(changed, a_row(free, company.account)))
    assert (found[taken].outcome, found[free].outcome) == ("refused", "started")
    assert "document.lines" in found[taken].why


async def test_an_xlsx_file_is_taken_as_well(company: Company, door: Door) -> None:
    (reference,) = some("XLSX", company)
    book, out = openpyxl.Workbook(), io.BytesIO()
    assert book.active
    for row in (HEADER, a_row(reference, company.account)):
        book.active.append(row.split(","))
    book.save(out)
    answer = await door.ask("POST", LOOK, content=out.getvalue(), headers={"Content-Type": XLSX})
    (line,) = answer.json()["invoices"]
    assert (line["reference"], line["gross"]) == (reference, "72.56")


@slow
async def test_each_invoice_counts_for_the_rate_and_is_a_line_of_the_log(
    shared_world: World, company: Company, caplog: pytest.LogCaptureFixture
) -> None:
    """The caller's rate holds for each: none is refused for it, all are waited for."""
    references = some("RATE", company, 6)
    content = a_sheet(*(a_row(each, company.account) for each in references))
    async with gateway_over(shared_world.client, rate=4.0, burst=2) as gateway:
        began = asyncio.get_running_loop().time()
        with caplog.at_level("INFO", "invoicing.gateway.requests"):
            found = await lines(gateway.door("start"), content)
        took = asyncio.get_running_loop().time() - began
    assert {each.outcome for each in found.values()} == {"started"}
    assert took > 1
    said = [getattr(each, "reference", "") for each in caplog.records if each.levelname == "INFO"]
    assert sorted(said) == sorted(["-", *references])


async def test_a_file_is_added_up_beside_the_loop(
    company: Company, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A megabyte of short lines took it most of a second, in which nobody else was answered."""
    seen: list[threading.Thread] = []

    def added_up(entry: Entry) -> Result:
        seen.append(threading.current_thread())
        return expected(entry)

    monkeypatch.setattr("gateway.batch.expected", added_up)
    (reference,) = some("BESIDE", company)
    await lines(door, a_sheet(a_row(reference, company.account)), LOOK)
    assert seen
    assert threading.current_thread() not in seen


@detail
async def test_looking_at_many_counts_for_the_rate_in_proportion(
    shared_world: World, company: Company
) -> None:
    """Ten looks are one request more."""
    many = [a_row(f"LOOKS-{each}", company.account) for each in range(49)]
    async with gateway_over(shared_world.client, rate=0.01, burst=6) as gateway:
        door = gateway.door("start")
        found = await lines(door, a_sheet(*many[:9]), LOOK)
        assert len(found) == 9
        # One each so far; of this one, four more are used by its 49 looks.
        found = await lines(door, a_sheet(*many), LOOK)
        assert {each.outcome for each in found.values()} == {"not asked"}
        assert problem(await sent(door, a_sheet(*many), LOOK), Kind.TOO_MANY)


@detail
async def test_a_limited_caller_asks_for_its_own_alone(
    shared_world: World, company: Company
) -> None:
    key = tokens.new()
    mine, others, elsewhere = (f"{prefix}-{company.account}-1" for prefix in ("MINE", "T", "MINE2"))
    known = {
        "limited": caller(
            key,
            *(Scope.READ, Scope.START),
            accounts=(f"zero_friction/{company.account}",),
            references=("MINE",),
        )
    }
    rows = (a_row(mine, company.account), a_row(others, company.account), a_row(elsewhere, "other"))
    async with gateway_over(shared_world.client, known) as gateway:
        for path in (LOOK, "/v1/batches"):
            found = await lines(gateway.bearer(key), a_sheet(*rows), path)
            assert "begin otherwise" in found[others].why
            assert "no invoices at that account" in found[elsewhere].why
        assert found[mine].outcome == "started"
    with pytest.raises(NotFound):
        await company.client.invoices.listed(others)


@detail
async def test_of_another_account_s_invoice_nothing_is_told(
    shared_world: World, company: Company
) -> None:
    """Under a reference that both might use: only that it is taken, once it is asked for."""
    key, (shared,) = tokens.new(), some("SHARED", company)
    known = {"limited": caller(key, Scope.READ, Scope.START, accounts=("zero_friction/mine",))}
    await company.start(company.request(shared, hold=True))
    content = a_sheet(a_row(shared, "mine"))
    async with gateway_over(shared_world.client, known) as gateway:
        seen = (await lines(gateway.bearer(key), content, LOOK))[shared]
        asked = (await lines(gateway.bearer(key), content))[shared]
    assert (seen.outcome, seen.status) == ("not asked", "")
    assert (asked.outcome, asked.status) == ("refused", "")
    assert "is taken" in asked.why


async def test_a_server_that_is_away_leaves_it_open_whether_it_was_asked_for(
    company: Company, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    (reference,) = some("AWAY", company)

    async def away(*_: Any) -> None:
        raise unavailable("the Temporal server did not answer in time")

    monkeypatch.setattr("gateway.batch.begin", away)
    found = await lines(door, a_sheet(a_row(reference, company.account)))
    assert found[reference].outcome == "asking"
    assert "same file again" in found[reference].do


# --- what is not taken ----------------------------------------------------------------------------


async def test_what_a_file_leaves_open_is_asked_and_answered_by_the_query(
    company: Company, door: Door
) -> None:
    (reference,) = some("OPEN", company)
    row = a_row(reference, company.account, **{"line.unit_price": "1.250"})
    refused = problem(await sent(door, a_sheet(row), LOOK), Kind.INVALID)
    (asked,) = refused.errors
    assert "say decimal comma or point" in asked.message
    said = await sent(door, a_sheet(row), LOOK, decimal="comma")
    assert said.json()["invoices"][0]["net"] == "3750.00"


async def test_more_invoices_than_one_request_takes_are_refused(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "MOST_INVOICES", 2)
    content = a_sheet(*(a_row(f"MANY-{each}") for each in range(3)))
    for path in (LOOK, "/v1/batches"):
        refused = problem(await sent(door, content, path), Kind.INVALID)
        assert "3 invoices, and 2 are the most" in refused.errors[0].message


async def test_an_xlsx_file_that_unpacks_to_too_much_is_refused_unread(door: Door) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("xl/worksheets/sheet1.xml", b" " * (files.MOST_UNPACKED + 1))
    answer = await door.ask("POST", LOOK, content=packed.getvalue(), headers={"Content-Type": XLSX})
    assert "bytes unpacked" in problem(answer, Kind.INVALID).errors[0].message


NS = b'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'


@pytest.mark.parametrize(
    ("part", "text", "one", "most"),
    [
        ("xl/worksheets/sheet1.xml", b"worksheet", b"<c/>", files.MOST_TAGS),
        ("xl/worksheets/sheet1.xml", b"worksheet", b"<c><v>1</v></c>", files.MOST_TAGS // 2),
        ("xl/sharedStrings.xml", b"sst", b"<si/>", files.MOST_STRING_TAGS),
        ("xl/styles.xml", b"styleSheet", b"<xf/>", files.MOST_OTHER_TAGS),
        ("xl/worksheets/another.xml", b"styleSheet", b"<xf/>", files.MOST_OTHER_TAGS),
    ],
)
async def test_an_xlsx_file_of_some_bytes_that_would_be_read_for_minutes_is_refused_unread(
    door: Door, part: str, text: bytes, one: bytes, most: int
) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr(part, b"<%b %b>%b</%b>" % (text, NS, one * most, text))
    answer = await door.ask("POST", LOOK, content=packed.getvalue(), headers={"Content-Type": XLSX})
    assert len(packed.getvalue()) < 20_000
    assert "more cells, texts or formats" in problem(answer, Kind.INVALID).errors[0].message


@pytest.mark.parametrize(
    ("element", "why"),
    [
        (b"<c><v>%b</v></c>" % (b"x" * (MOST_TEXT + 200_000)), "a text of more than"),
        (b"<c %b/>" % b" ".join(b'a%d=""' % n for n in range(80_000)), "a text of more"),
        (b'<c a="" b="" c="" d="" e="" f="" g="" h=""/>' * 110_000, "more cells, texts or"),
    ],
    ids=["a text", "one element", "attributes"],
)
async def test_what_is_packed_into_little_and_read_into_much_is_refused_unread(
    door: Door, element: bytes, why: str
) -> None:
    """A cell of 45 MB came in 50 kB, and took 130 MB to be read."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("xl/worksheets/sheet1.xml", b"<worksheet>%b</worksheet>" % element)
    answer = await door.ask("POST", LOOK, content=packed.getvalue(), headers={"Content-Type": XLSX})
    assert why in problem(answer, Kind.INVALID).errors[0].message


def test_the_longest_text_that_a_spreadsheet_holds_is_no_bomb() -> None:
    book = openpyxl.Workbook()
    assert book.active is not None
    for row in range(1, 4):
        book.active.cell(row, 1, "&" * 32_767)
    packed = io.BytesIO()
    book.save(packed)
    files._refuse_a_bomb(packed.getvalue())


async def test_a_jsonl_file_of_more_lines_than_can_be_invoices_is_refused_unread(
    door: Door,
) -> None:
    headers = {"Content-Type": "application/jsonl"}
    content = b"[]\n" * (files.MOST_LINES + 1)
    answer = await door.ask("POST", LOOK, content=content, headers=headers)
    assert "more than 3,000 lines" in problem(answer, Kind.INVALID).errors[0].message


@pytest.mark.parametrize(
    ("content", "headers", "kind"),
    [
        (b"PK no zip", {"Content-Type": XLSX}, Kind.INVALID),
        (b"reference\n", {"Content-Type": "application/json"}, Kind.MEDIA),
        (b"reference\n", {**CSV, "Content-Encoding": "gzip"}, Kind.MEDIA),
        (b"a" * 1_000_001, CSV, Kind.TOO_LARGE),
        (b"provider\nmollie\n", CSV, Kind.INVALID),
        (b"", CSV, Kind.INVALID),
        (b"\xff\xfe\x00", CSV, Kind.INVALID),
    ],
)
async def test_what_is_no_file_of_requests_is_refused(
    door: Door, content: bytes, headers: dict[str, str], kind: Kind
) -> None:
    for path in (LOOK, "/v1/batches"):
        problem(await door.ask("POST", path, content=content, headers=headers), kind)


async def test_a_key_is_refused_for_each_reference_is_one(door: Door) -> None:
    headers = {**CSV, "Idempotency-Key": "batch-1"}
    answer = await door.ask("POST", "/v1/batches", content=a_sheet(), headers=headers)
    assert fields(answer) == ["header.Idempotency-Key"]


async def test_who_may_not_start_starts_none(company: Company, gateway: Gateway) -> None:
    (reference,) = some("NOT", company)
    for who in ("read", "operate"):
        for path in (LOOK, "/v1/batches"):
            refused = await sent(gateway.door(who), a_sheet(a_row(reference)), path)
            problem(refused, Kind.FORBIDDEN)


OF_A_CREDIT = {
    "reference": "INV-1",
    "provider_id": "P-1",
    "number": "N-1",
    "issue_date": "2026-06-01",
    "whole": True,
    **dict.fromkeys(("net", "vat", "gross"), "1.00"),
}
SET_BY_OURS = [
    ("credits", OF_A_CREDIT),
    ("order", {"reference": "O-1", "provider_id": "P-1"}),
]


@pytest.mark.parametrize(("name", "said"), SET_BY_OURS, ids=["credits", "order"])
async def test_no_line_of_a_file_says_what_our_own_workflows_say(
    company: Company, door: Door, name: str, said: dict[str, Any]
) -> None:
    """It would be a credit note that no ledger counts, or a delivery that no order has."""
    request = {**company.request(some("OURS", company)[0]).model_dump(mode="json"), name: said}
    headers = {"Content-Type": "application/jsonl"}
    content = json.dumps(request).encode()
    for path in (LOOK, "/v1/batches"):
        answer = await door.ask("POST", path, content=content, headers=headers)
        (line,) = answer.json()["invoices"]
        assert line["why"] == f"{name}: is set by us alone: leave it out"
    with pytest.raises(NotFound):
        await company.client.invoices.state(request["reference"])


@pytest.mark.parametrize(("name", "said"), SET_BY_OURS, ids=["credits", "order"])
async def test_nor_does_a_column(
    company: Company, door: Door, name: str, said: dict[str, Any]
) -> None:
    row = a_row("OURS-1", company.account)
    columns = [f"{name}.{each}" for each in said]
    sheet = f"{HEADER},{','.join(columns)}\n{row},{','.join(map(str, said.values()))}"
    told = problem(await sent(door, sheet.encode(), LOOK), Kind.INVALID)
    assert {each.field for each in told.errors} >= {f"row 2, {each}" for each in columns}


@pytest.mark.parametrize(("name", "said"), SET_BY_OURS, ids=["credits", "order"])
async def test_nor_does_whoever_has_the_client(
    company: Company, name: str, said: dict[str, Any]
) -> None:
    request = company.request(some("OURS", company)[0])
    wanted = InvoiceRequest.model_validate({**request.model_dump(), name: said})
    with pytest.raises(InvalidRequest, match=f"{name}: is set by us alone"):
        await company.client.invoices.start(wanted)

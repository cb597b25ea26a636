"""Instructions for many invoices, and files of requests: bulk, batch and preview."""

from __future__ import annotations

import asyncio
import csv
import json
import os
import signal
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from datetime import date
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

import commands.many
from commands.files import entries
from invoicing.bounds import REQUEST
from invoicing.client import InvoicingClient
from invoicing.document import Party
from invoicing.invoice import Cancel, Status
from invoicing.parse import read_request
from invoicing.questions import Answer, Reason, meaning
from invoicing.request import Goal, InvoiceRequest
from sandbox import zero_friction as zf
from sandbox.faults import Fault
from sandbox.server import serve
from sandbox.temporal import local_server
from sandbox.zero_friction import Step, Told
from starter import Code
from terminal import previews, spreadsheet
from tests.child import child
from tests.command_line import EXAMPLES, WHY, lines, listed, typed, written
from tests.examples import an_invoice
from tests.lifecycle.world import Company, World, world
from tests.worker_process import account_variables, worker_process

MANY = int(os.environ.get("TESTS_BATCH", "60"))
"""Invoices in the batch that a worker dies in; 500 for the long version."""

HEADER = (
    "reference,provider,account,goal,currency,issue_date,due_date,buyer.name,"
    "buyer.account_number,line.id,line.name,line.quantity,line.unit_price,line.vat.rate"
)


@pytest.fixture(scope="module")
async def shared() -> AsyncIterator[World]:
    async with local_server() as server, world(server) as made:
        yield made


@pytest.fixture
async def company(shared: World) -> AsyncIterator[Company]:
    async with shared.company() as made:
        yield made


def a_row(reference: str, account: str = "", line: str = "1", **changes: str) -> str:
    cells = {
        "reference": reference,
        "provider": "zero_friction",
        "account": account,
        "goal": "sent",
        "currency": "EUR",
        "issue_date": "2026-06-30",
        "due_date": "2026-07-30",
        "buyer.name": "Canary Energy BV",
        "buyer.account_number": "K-1001",
        "line.id": line,
        "line.name": "Meter replacement",
        "line.quantity": "3",
        "line.unit_price": "19.99",
        "line.vat.rate": "21",
        **changes,
    }
    return ",".join(cells.values())


def a_file(folder: Path, *rows: str, name: str = "june.csv") -> Path:
    path = folder / name
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def results(path: Path) -> list[dict[str, str]]:
    """What the file beside the input says, line by line."""
    result = path.with_name(f"{path.stem}.result{path.suffix}")
    text = result.read_text(encoding="utf-8-sig")
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in text.splitlines()]
    return list(csv.DictReader(text.splitlines()))


def some(prefix: str, company: Company, number: int = 1) -> list[str]:
    return [f"{prefix}-{company.account}-{each}" for each in range(number)]


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
async def test_a_row_that_is_too_large_is_that_row_s_error_and_stops_no_other(
    company: Company, tmp_path: Path, kind: str
) -> None:
    good, bad = some("LARGE", company, 2)
    if kind == "csv":
        header = f"{HEADER},options.text"
        rows = [header, a_row(good, company.account), a_row(bad, company.account, text=LONG)]
    else:
        rows = [
            company.request(good).model_dump_json(),
            company.request(bad, options={"text": LONG}).model_dump_json(),
        ]
    file = a_file(tmp_path, *rows, name=f"june.{kind}")
    said = await typed("batch", str(file), at=company)
    assert said.exit_code == Code.BAD_INPUT
    first, second = results(file)
    assert (first["outcome"], second["outcome"]) == ("started", "refused")
    assert "this request is too large" in second["why"]
    assert "use fewer lines or shorter texts" in second["why"]
    said = await typed("preview", str(file), "--json", at=company)
    assert "this request is too large" in lines(said)[1]["wrong"]
    await company.finished(good)


LONG = "x" * REQUEST


async def test_a_batch_that_waits_says_of_one_that_was_cut_off_why_and_what_to_do(
    shared: World, tmp_path: Path
) -> None:
    async with shared.company(patience=20) as company:
        gate = company.stand_in.faults.place(Step.CUSTOMERS, Fault.GATE)
        (reference,) = some("CUT", company)
        file = a_file(tmp_path, HEADER, a_row(reference, company.account))
        asking = asyncio.create_task(typed("batch", str(file), "--wait", at=company))
        await gate.reached(within=30)
        await company.client.handle(reference).terminate(reason="an odd idea")
        said = await asking
        gate.release()
    assert said.exit_code == Code.FAILED
    (row,) = results(file)
    assert row["status"] == "cut_off"
    assert "ended from outside, in Temporal (an odd idea)" in row["why"]
    assert "start the same request again" in row["why"]


# Many invoices of one file


@pytest.mark.thorough
async def test_a_batch_survives_a_killed_worker_and_makes_no_invoice_twice(tmp_path: Path) -> None:
    """The worker dies in the middle of it, the same command comes again: each invoice once."""
    batch = [f"B-{each:04}" for each in range(MANY)]
    file = a_file(tmp_path, HEADER, *(a_row(each, "default") for each in batch))
    stand_in = zf.ZeroFrictionStandIn(approval_delay=0.03, sending_delay=0.03)
    async with local_server(own=True) as server, serve(stand_in):
        variables = {
            **account_variables(stand_in, timeout=1.0),
            "TEMPORAL_ADDRESS": server.address,
            "INVOICING_PACE": "0.02",
        }
        async with worker_process(variables) as worker:
            await worker.ready()
            asking = {
                "env": {**os.environ, "TEMPORAL_ADDRESS": server.address},
                "stdout": asyncio.subprocess.DEVNULL,
                "stderr": asyncio.subprocess.DEVNULL,
            }
            async with child("starter.py", "batch", str(file), "--wait", **asking):
                await stand_in.reached(Step.CREATE, MANY // 3, "after", within=600)
                worker.signal(signal.SIGKILL)
            await worker.ended()
        assert {row["outcome"] for row in results(file)} == {"not asked"}
        async with worker_process(variables):
            said = await typed("batch", str(file), "--wait", "--json", at=server.address)
    assert said.exit_code == Code.DONE, said.output
    report = json.loads(said.stdout)
    assert report["statuses"] == {"sent": MANY}
    assert sum(report["outcomes"].values()) == MANY
    rows = results(file)
    assert [int(row["line"]) for row in rows] == [*range(2, MANY + 2)]
    assert [row["reference"] for row in rows] == batch
    assert {row["status"] for row in rows} == {"sent"}
    assert len({row["number"] for row in rows}) == MANY
    assert {len(stand_in.ledger.live(each)) for each in batch} == {1}
    effects = Counter(tuple(stand_in.ledger.effects(each)) for each in batch)
    assert effects == {("created", "approved", "sent"): MANY}


async def test_a_bad_line_stops_no_other_and_every_line_is_told_of(
    company: Company, tmp_path: Path
) -> None:
    good, taken, two, crooked = (some(each, company)[0] for each in ("G", "T", "2", "C"))
    await company.start(company.request(taken))
    account = company.account
    file = a_file(
        tmp_path,
        HEADER,
        a_row(good, account),
        a_row("", account),
        a_row(crooked, account, **{"line.quantity": "many"}),
        a_row(taken, account),
        a_row(two, account),
        a_row(two, account, "2", due_date="", **{"line.vat.rate": "6"}),
        a_row("Ms Private", account),
        a_row(f"D-{account}", account),
        a_row(f"D-{account}", account, due_date="2026-08-01"),
        "",
        a_row(f"N-{account}", account, **{"line.id": ""}),
        a_row(f"N-{account}", account, **{"line.id": ""}),
        a_row(f"E-{account}", account) + ",0",
    )
    said = await typed("batch", str(file), at=company)
    assert said.exit_code == Code.BAD_INPUT
    rows = {int(row["line"]): row for row in results(file)}
    outcomes = {line: row["outcome"] for line, row in rows.items()}
    refused = {line for line, outcome in outcomes.items() if outcome == "refused"}
    assert refused == {3, 4, 5, 8, 9, 10, 12, 13, 14}
    assert outcomes[2] == outcomes[6] == outcomes[7] == "started"
    assert rows[3]["why"] == "reference: is required"
    assert "document.lines[0].quantity" in rows[4]["why"]
    assert "it differs in" in rows[5]["why"]
    assert rows[8]["reference"] == ""
    assert "due_date: is not what line 9 says" in rows[9]["why"] == rows[10]["why"]
    assert "line.id: is required where an invoice has several lines" in rows[12]["why"]
    assert "has a cell without a column" in rows[14]["why"]
    # Its second line needs one of two tax codes, which the file does not choose.
    assert len((await company.parked(two)).lines) == 2
    assert (await company.finished(good)).status is Status.SENT


async def test_json_lines_are_read_alike_and_repeated_lines_count_once(
    company: Company, tmp_path: Path
) -> None:
    first, other = company.request(), company.request()
    impossible = company.request(goal=Goal.DELIVERED)
    changed = first.model_copy(update={"goal": Goal.APPROVED})
    bad = '{"reference": "X-1", "provider": "zero_friction"}'
    asked = [first, other, first, changed, impossible]
    rows = [each.model_dump_json() for each in asked]
    file = a_file(tmp_path, *rows, "", bad, "{", name="june.jsonl")
    said = await typed("batch", str(file), "--wait", at=company)
    assert said.exit_code == Code.BAD_INPUT
    found = {int(row["line"]): row for row in results(file)}
    assert [found[line]["status"] for line in (1, 2, 3)] == ["sent"] * 3
    assert found[1]["number"] == found[3]["number"] != found[2]["number"]
    assert found[4]["why"] == "line 1 has this reference with other content"
    assert found[5]["status"] == "rejected"
    assert "goal: delivery cannot be seen here" in found[5]["why"]
    assert found[7]["reference"] == "X-1"
    assert "document: is required" in found[7]["why"]
    assert "not JSON" in found[8]["why"]
    assert "Each line" in said.stdout
    again = await typed("batch", str(file), at=company)
    assert again.exit_code == Code.BAD_INPUT
    assert results(file)[0]["outcome"] == "known"
    assert company.effects(first.reference) == ["created", "approved", "sent"]


@pytest.mark.thorough
async def test_a_batch_that_waits_ends_at_those_that_need_a_person(
    company: Company, tmp_path: Path
) -> None:
    held, gone = company.request(hold=True), company.request(hold=True)
    file = a_file(tmp_path, *(each.model_dump_json() for each in (held, gone)), name="held.jsonl")
    said = await typed("batch", str(file), "--wait", "--json", at=company)
    assert said.exit_code == Code.NEEDS_ATTENTION
    assert {row["why"] for row in results(file)} == {"person: release"}
    await company.client.handle(gone.reference).terminate()
    await company.release(held.reference)
    said = await typed("batch", str(file), "--wait", "--json", at=company)
    assert said.exit_code == Code.NEEDS_ATTENTION
    report = json.loads(said.stdout)
    assert report["outcomes"] == {"known": 1, "started": 1}, "what was cut off begins anew"
    assert report["statuses"] == {"sent": 1, "held": 1}
    assert len(company.stand_in.ledger.live(gone.reference)) == 1


@pytest.mark.thorough
async def test_a_batch_waits_on_for_one_that_was_released_a_moment_ago(
    shared: World, tmp_path: Path
) -> None:
    """It is listed as held until its next step shows; that step is kept waiting here."""
    async with shared.company(patience=3) as company:
        reference = await company.start(hold=True)
        await company.until_status(reference, Status.HELD)
        gate = company.stand_in.faults.place(Step.READ, Fault.GATE)
        await company.release(reference)
        await gate.reached(within=30)
        row = company.request(reference, hold=True).model_dump_json()
        said = await typed(
            "batch", str(a_file(tmp_path, row, name="released.jsonl")), "--wait", at=company
        )
        assert said.exit_code == Code.DONE, said.output
        assert company.effects(reference) == ["created", "approved", "sent"]


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("june.txt", b"", "must end in .csv"),
        ("june.csv", b"provider\nmollie\n", "`reference` is one of them"),
        ("june.csv", b"reference,goal,goal\n", "there twice: goal"),
        ("june.csv", "reference,buyer.name\nA,Caf\xe9\n".encode("latin-1"), "CSV UTF-8"),
        ("june.csv", b'reference,goal\nA,"sent\n', "is not CSV"),
    ],
)
async def test_a_file_that_cannot_be_read_is_refused_whole(
    tmp_path: Path, name: str, text: bytes, sentence: str
) -> None:
    path = tmp_path / name
    path.write_bytes(text)
    said = await typed("batch", str(path))
    assert said.exit_code == Code.BAD_INPUT
    assert sentence in said.stderr


async def test_without_a_server_a_batch_says_that_nothing_was_asked(tmp_path: Path) -> None:
    file = a_file(tmp_path, HEADER, a_row("A-1"))
    said = await typed("batch", str(file))
    assert said.exit_code == Code.UNREACHABLE
    assert results(file)[0]["outcome"] == "not asked"


def test_a_spreadsheets_own_habits_are_read() -> None:
    """Semicolons, a byte order mark, capital truths, and JSON where a cell is a list."""
    from commands.files import _invoices, _rows

    text = (
        "\ufeffreference;provider;hold;prices_include_vat;notes;currency;issue_date;buyer.name;"
        "line.name;line.quantity;line.unit_price;line.vat.rate;options.lines\r\n"
        'A-1;mollie;TRUE;false;"[""one"", ""two""]";EUR;2026-06-30;Canary;Work;1;2.50;21;'
        '"{""1"": {""x"": ""0012""}}"\r\n'
    )
    (entry,) = _invoices(_rows(text.removeprefix("\ufeff")))
    assert entry.wrong == ()
    assert entry.request is not None
    assert entry.request.hold is True
    assert entry.request.document.notes == ("one", "two")
    assert entry.request.options == {"lines": {"1": {"x": "0012"}}}
    assert entry.request.document.lines[0].id == "1"


def test_whatever_a_caller_may_ask_for_has_a_column() -> None:
    from commands.files import _invoices, _rows

    text = f"{HEADER},send_on,subscriber\n{a_row('A-1', 'a').strip()},2026-07-01,erp\n"
    (entry,) = _invoices(_rows(text))
    assert entry.wrong == ()
    assert entry.request is not None
    assert entry.request.subscriber == "erp"
    assert entry.request.send_on == date(2026, 7, 1)


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@x"])
def test_no_cell_of_a_result_is_a_formula(cell: str) -> None:
    assert spreadsheet(cell) == f"'{cell}"


# Previews


async def test_a_preview_adds_up_and_creates_nothing(company: Company, tmp_path: Path) -> None:
    request = company.request()
    said = await typed("preview", written(request, tmp_path), at=company)
    assert said.exit_code == Code.DONE, said.output
    assert "109.47 + 15.56 = 125.03 EUR" in said.stdout
    assert "customer" in said.stdout
    assert "Nothing was created" in said.stderr
    assert not company.stand_in.ledger.entries
    assert company.stand_in.calls.count(Step.CREATE) == 0
    unknown = await typed("show", request.reference, at=company)
    assert unknown.exit_code == Code.NOT_FOUND
    await company.finished(await company.start(request))
    again = await typed("preview", written(request, tmp_path), at=company)
    assert "Already asked for: sent, number" in again.stderr


async def test_a_preview_says_everything_that_is_wrong(company: Company, tmp_path: Path) -> None:
    stranger = an_invoice(
        "P-1",
        account=company.account,
        document={"buyer": Party(name="Nobody", account_number="K-0000")},
        options={},
    )
    said = await typed("preview", written(stranger, tmp_path), "--json", at=company)
    assert said.exit_code == Code.FAILED
    (told,) = lines(said)
    assert told["totals"]["gross"] == "125.03"
    assert "several" in told["wrong"]
    assert "customer" in told["wrong"]
    assert not company.stand_in.ledger.entries
    refused = await typed("preview", written(stranger, tmp_path, goal=Goal.DELIVERED), at=company)
    assert refused.exit_code == Code.FAILED
    assert "goal: delivery cannot be seen here" in refused.stderr


def test_the_example_of_a_file_is_read_and_may_say_document(tmp_path: Path) -> None:
    example = EXAMPLES / "june.csv"
    named = example.read_text().replace(",currency,", ",document.currency,")
    told = entries(example)
    assert [(entry.reference, entry.wrong) for entry in told] == [("JUNE-1", ()), ("JUNE-2", ())]
    assert entries(a_file(tmp_path, named)) == told


async def test_a_whole_file_can_be_previewed(company: Company, tmp_path: Path) -> None:
    good, bad = some("P", company, 2)
    file = a_file(
        tmp_path,
        HEADER,
        a_row(good, company.account),
        a_row(bad, company.account, **{"line.quantity": "x"}),
    )
    said = await typed("preview", str(file), at=company)
    assert said.exit_code == Code.BAD_INPUT
    assert "72.56" in said.stdout
    assert "1 possible, 1 not; nothing was created" in said.stderr
    assert not company.stand_in.ledger.entries
    assert not file.with_name("june.result.csv").exists()


async def test_a_preview_without_a_worker_for_the_provider_says_so(
    company: Company, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("commands.preview.SECONDS", 0.5)
    request = written(company.request(), tmp_path, provider="nobody")
    said = await typed("preview", request, at=company)
    assert said.exit_code == Code.UNREACHABLE
    assert "No worker for nobody" in said.stderr


def test_the_table_of_previews_names_what_is_wrong() -> None:
    console = Console(width=120, record=True, file=StringIO())
    console.print(previews([("A-1", None, "document: is required")]))
    assert "document: is required" in console.export_text()


# The same for many


def _stages(company: Company, prefix: str, number: int) -> dict[str, list[InvoiceRequest]]:
    """Requests whose invoices come to rest in different places."""
    refused = read_request((EXAMPLES / "refused.json").read_bytes())
    shapes: dict[str, dict[str, Any]] = {
        "held": {"hold": True},
        "refused": {"document": refused.document, "options": refused.options},
        "final": {"goal": Goal.PAID},
        "kept": {"goal": Goal.PAID, "may_credit": False},
    }
    return {
        kind: [
            company.request(f"{prefix}{kind}-{each}").model_copy(update=changes)
            for each in range(number)
        ]
        for kind, changes in shapes.items()
    }


@pytest.mark.thorough
async def test_a_bulk_cancel_takes_each_invoice_back_in_the_form_its_stage_asks_for(
    company: Company,
) -> None:
    """Held ones are deleted, refused ones stopped, final ones credited; what must not be credited
    waits for a person."""
    prefix = f"K{uuid.uuid4().hex[:8]}:"
    stages = _stages(company, prefix, 13)
    everyone = {request.reference for kind in stages.values() for request in kind}
    for request in (request for kind in stages.values() for request in kind):
        await company.start(request)
    bystander = await company.start(hold=True)
    for kind in ("held", "refused"):
        for request in stages[kind]:
            await company.until_status(request.reference, Status.HELD, Status.NEEDS_ATTENTION)
    for kind in ("final", "kept"):
        for request in stages[kind]:
            await company.until_waiting(request.reference, "payment")
    await listed(company, everyone, "--prefix", prefix)
    said = await typed(
        *("all", "cancel", "--prefix", prefix, "--yes", "--wait", "--json", *WHY), at=company
    )
    assert said.exit_code == Code.NEEDS_ATTENTION
    report = {row["reference"]: row for row in lines(said)}
    assert set(report) == everyone
    wanted = {
        "held": ("done", "cancelled", ["created", "deleted"]),
        "refused": ("done", "cancelled", []),
        "final": ("done", "credited", ["created", "approved", "sent", "credited"]),
        "kept": ("waits", "needs_attention", ["created", "approved", "sent"]),
    }
    for kind, (outcome, status, effects) in wanted.items():
        for request in stages[kind]:
            row = report[request.reference]
            assert (row["outcome"], row["status"]) == (outcome, status), row
            assert company.effects(request.reference) == effects
    assert "39 done, 13 waits, 0 refused" in said.stderr
    assert (await company.client.state(bystander)).status is Status.HELD


async def test_bulk_instructions_want_a_filter_and_a_confirmation(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    everything = await typed("all", "cancel", "--yes", *WHY, at=company)
    assert everything.exit_code == Code.BAD_INPUT
    assert "at least one filter" in everything.stderr
    reference = await company.start(hold=True)
    await company.until_status(reference, Status.HELD)
    await listed(company, reference, "--status", "held")
    chosen = ("all", "cancel", "--prefix", reference, *WHY)
    nobody = await typed(*chosen, at=company)
    assert nobody.exit_code == Code.BAD_INPUT
    assert "Nobody is here to confirm `cancel` for 1 invoice" in nobody.stderr
    assert reference in nobody.stderr
    monkeypatch.setattr(commands.many, "interactive", lambda: True)
    refused = await typed(*chosen, at=company, stdin="n\n")
    assert refused.exit_code == Code.FAILED
    assert (await company.client.state(reference)).status is Status.HELD
    too_many = await typed("all", "release", "--provider", "x", "--yes", *WHY, at=company)
    assert "No invoices" in too_many.stderr
    agreed = await typed(*chosen, at=company, stdin="y\n")
    assert agreed.exit_code == Code.DONE
    assert (await company.finished(reference)).status is Status.CANCELLED


@pytest.mark.thorough
async def test_bulk_release_and_retry_reach_those_that_wait(company: Company) -> None:
    prefix = f"R{uuid.uuid4().hex[:8]}:"
    held = [await company.start(company.request(f"{prefix}{i}", hold=True)) for i in range(3)]
    for reference in held:
        await company.until_status(reference, Status.HELD)
    await listed(company, set(held), "--prefix", prefix, "--status", "held")
    company.stand_in.faults.place(Step.APPROVE, Told.SUCCESS_FALSE)
    chosen = ("--prefix", prefix, "--yes", "--wait", "--json", *WHY)
    said = await typed("all", "release", *chosen, at=company)
    assert said.exit_code == Code.NEEDS_ATTENTION
    (stuck,) = [row["reference"] for row in lines(said) if row["outcome"] == "waits"]
    await listed(company, stuck, "--prefix", prefix, "--status", "needs_attention")
    said = await typed("all", "resolve", "keep", *chosen, at=company)
    assert said.exit_code == Code.FAILED
    assert "it is no answer there" in said.stderr
    assert "keep is no answer to q1" in lines(said)[0]["why"]
    said = await typed("all", "resolve", "retry", *chosen, at=company)
    assert said.exit_code == Code.DONE
    assert stuck in said.stderr
    assert "q1" in said.stderr
    assert meaning(Reason.REJECTED, Answer.RETRY) in said.stderr
    for reference in held:
        assert company.effects(reference) == ["created", "approved", "sent"]
    one = await typed("all", "resolve", "adopt", *chosen, at=company)
    assert one.exit_code == Code.BAD_INPUT
    assert Answer.ADOPT in one.stderr


async def test_an_answer_for_many_is_not_given_to_a_question_that_came_up_since(
    company: Company,
) -> None:
    """Somebody took minutes to confirm: what was listed is not what it waits for any more."""
    prefix = f"Q{uuid.uuid4().hex[:8]}:"
    company.stand_in.faults.place(Step.CREATE, Told.CHANGED_AMOUNT)
    request = company.request(f"{prefix}1")
    await company.start(request)
    await company.parked(request.reference)
    await listed(company, request.reference, "--prefix", prefix, "--status", "needs_attention")
    client = InvoicingClient(company.client.temporal)
    rows = [row async for row in client.list(prefix=prefix, running=True)]
    asked = await commands.many._asked(client, rows)
    company.stand_in.faults.place(Step.APPROVE, Told.SUCCESS_FALSE)
    await company.resolve(request.reference, Answer.CORRECT, document=request.document)
    parked = await company.until(
        request.reference,
        lambda state: state.problem is not None and state.problem.reason is Reason.REJECTED,
    )
    told = {"by": "an operator", "reason": "a test"}
    give = commands.many.answering(asked, Answer.RETRY, told)
    task = commands.many.Task("resolve retry", give, wait=False)
    (outcome,) = await commands.many._each(client, rows, task)
    assert outcome.word == "refused"
    assert parked.problem is not None
    assert f"That is {parked.problem.question}: {parked.problem.what}" in outcome.why
    assert (await company.client.state(request.reference)).problem == parked.problem


# Lists


async def test_lists_are_narrowed_by_due_date_and_shown_by_column(company: Company) -> None:
    early, late = some("L", company, 2)
    for reference, due in ((early, date(2026, 7, 1)), (late, date(2026, 9, 1))):
        await company.start(company.request(reference, document={"due_date": due}, hold=True))
    mine = ("--prefix", f"L-{company.account}")
    await listed(company, {early, late}, *mine)
    assert await listed(company, early, *mine, "--due-before", "2026-08-01") == {early}
    said = await typed("list", *mine, "--csv", "--columns", "reference,due_date", at=company)
    assert said.stdout.splitlines() == [
        "reference,due_date",
        f"{late},2026-09-01",
        f"{early},2026-07-01",
    ]
    table = await typed("list", *mine, "--columns", "reference,due_date", at=company)
    assert "2026-09-01" in table.stdout
    assert "zero_friction" not in table.stdout
    odd = await typed("list", "--columns", "reference,price", at=company)
    assert odd.exit_code == Code.BAD_INPUT
    assert "No such column: price" in odd.stderr


async def test_many_are_watched_by_filter(company: Company) -> None:
    references = some("W", company, 3)
    for reference in references:
        await company.start(company.request(reference, hold=True))
    prefix = f"W-{company.account}"
    await listed(company, set(references), "--prefix", prefix)
    said = await typed("watch", "--prefix", prefix, "--json", at=company)
    assert said.exit_code == Code.NEEDS_ATTENTION
    assert {row["reference"] for row in lines(said)} == set(references)
    neither = await typed("watch", at=company)
    assert neither.exit_code == Code.BAD_INPUT


@pytest.mark.thorough
async def test_cancelling_what_has_just_ended_is_reported_and_not_lost(company: Company) -> None:
    """A list is a moment behind: what ended since is refused, by name, and the rest is done."""
    prefix = f"E{uuid.uuid4().hex[:8]}:"
    done, held = f"{prefix}1", f"{prefix}2"
    for reference in (done, held):
        await company.start(company.request(reference, hold=True))
        await company.until_status(reference, Status.HELD)
    await listed(company, {done, held}, "--prefix", prefix)
    rows = [row async for row in company.client.list(prefix=prefix, running=True)]
    await company.cancel(done)
    await company.finished(done)
    order = Cancel(by="an operator", reason="a test")
    task = commands.many.Task("cancel", lambda client, one: client.cancel(one, order), True)
    outcomes = await commands.many._each(InvoicingClient(company.client.temporal), rows, task)
    found = {one.reference: one for one in outcomes}
    assert found[done].word == "refused"
    assert "it has ended" in found[done].why
    assert found[held].word == "done"

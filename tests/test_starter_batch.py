"""Files of requests: `batch`, `preview`, and what they say of every invoice."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator
from datetime import date
from io import StringIO
from pathlib import Path
from unittest.mock import AsyncMock

import pytest
from rich.console import Console

from invoicing.document import Party
from invoicing.errors import ReferenceInUse
from invoicing.request import Goal
from invoicing.state.bounds import REQUEST
from invoicing.state.invoice import Status
from sandbox import zero_friction as zf
from sandbox.kit.faults import Fault
from sandbox.kit.server import serve
from sandbox.zero_friction import Step
from starter import Code
from tabular.requests import opened
from tabular.results import harmless
from temporal_server import local_server
from terminal import previews
from tests.batches import HEADER, a_file, a_row, results, some
from tests.child import child
from tests.command_line import EXAMPLES, lines, typed, written
from tests.examples import an_invoice
from tests.lifecycle.world import Company, World, world
from tests.patience import LONG_ENOUGH
from tests.tiers import detail, slow
from tests.worker_process import account_variables, worker_process

MANY = int(os.environ.get("TESTS_BATCH", "60"))
"""Invoices in the batch that a worker dies in; 500 for the long version."""


@pytest.fixture(scope="module")
async def shared() -> AsyncIterator[World]:
    async with local_server() as server, world(server) as made:
        yield made


@pytest.fixture
async def company(shared: World) -> AsyncIterator[Company]:
    async with shared.company() as made:
        yield made


@slow
@pytest.mark.parametrize("kind", ["csv", "jsonl"])
async def test_a_row_that_is_too_large_is_that_row_s_error_and_stops_no_other(
    company: Company, tmp_path: Path, kind: str
) -> None:
    good, bad = some("LARGE", company, 2)
    if kind == "csv":
        header = f"{HEADER},options.text"
        rows = [
            header,
            a_row(good, company.account),
            a_row(bad, company.account, provider="nobody", text=LONG),
        ]
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
        await gate.reached(within=LONG_ENOUGH)
        await company.client.invoices.handle(reference).terminate(reason="an odd idea")
        said = await asking
        gate.release()
    assert said.exit_code == Code.FAILED
    (row,) = results(file)
    assert row["status"] == "cut_off"
    assert "ended from outside, in Temporal (an odd idea)" in row["why"]
    assert "start the same request again" in row["why"]
    assert row["do"] == "run the file again: it goes on with what is there"


# Many invoices of one file


@slow
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
        said_then = results(file)
        never = {row["reference"] for row in said_then if row["outcome"] == "not asked"}
        assert never < set(batch), "nothing was written while it happened"
        assert not [each for each in never if stand_in.ledger.live(each)]
        async with worker_process(variables):
            said = await typed("batch", str(file), "--wait", "--json", at=server.address)
    assert said.exit_code == Code.DONE, said.output
    report = json.loads(said.stdout)
    assert report["statuses"] == {"sent": MANY}
    assert sum(report["outcomes"].values()) == MANY
    rows = results(file)
    assert [int(row["rows"]) for row in rows] == [*range(2, MANY + 2)]
    assert [row["reference"] for row in rows] == batch
    assert {row["status"] for row in rows} == {"sent"}
    assert len({row["number"] for row in rows}) == MANY
    assert {len(stand_in.ledger.live(each)) for each in batch} == {1}
    effects = Counter(tuple(stand_in.ledger.effects(each)) for each in batch)
    assert effects == {("created", "approved", "sent"): MANY}


@detail
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
        a_row(crooked, account, **{"line.quantity": "many"}),
        a_row("", account),
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
    rows = {row["rows"]: row for row in results(file)}
    outcomes = {line: row["outcome"] for line, row in rows.items()}
    refused = {line for line, outcome in outcomes.items() if outcome == "refused"}
    assert refused == {"3", "4", "5", "8", "9 to 10", "12 to 13", "14"}
    assert outcomes["2"] == outcomes["6 to 7"] == "started"
    assert "document.lines[0].quantity" in rows["3"]["why"]
    assert "row 4 below it has no reference" in rows["3"]["why"]
    assert rows["4"]["why"] == "reference: is required"
    assert "it differs in" in rows["5"]["why"]
    assert rows["8"]["reference"] == ""
    assert "due_date: is not what row 9 says" in rows["9 to 10"]["why"]
    assert "line.id: is required where an invoice has several lines" in rows["12 to 13"]["why"]
    assert "has a cell without a column" in rows["14"]["why"]
    # Its second line needs one of two tax codes, which the file does not choose.
    assert len((await company.parked(two)).lines) == 2
    assert (await company.finished(good)).status is Status.SENT


@slow
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
    found = {tuple(row["rows"]): row for row in results(file)}
    assert [found[rows]["status"] for rows in ((1, 3), (2,))] == ["sent"] * 2
    assert found[1, 3]["number"] != found[2,]["number"]
    assert found[4,]["why"] == "line 1 has this reference with other content"
    assert found[5,]["status"] == "rejected"
    assert "goal: delivery cannot be seen here" in found[5,]["why"]
    assert found[7,]["reference"] == "X-1"
    assert "document: is required" in found[7,]["why"]
    assert "not JSON" in found[8,]["why"]
    assert "Each one" in said.stdout
    again = await typed("batch", str(file), at=company)
    assert again.exit_code == Code.BAD_INPUT
    assert results(file)[0]["outcome"] == "known"
    assert company.effects(first.reference) == ["created", "approved", "sent"]


@slow
async def test_a_batch_that_waits_ends_at_those_that_need_a_person(
    company: Company, tmp_path: Path
) -> None:
    held, gone = company.request(hold=True), company.request(hold=True)
    file = a_file(tmp_path, *(each.model_dump_json() for each in (held, gone)), name="held.jsonl")
    said = await typed("batch", str(file), "--wait", "--json", at=company)
    assert said.exit_code == Code.NEEDS_ATTENTION
    assert {row["why"] for row in results(file)} == {"person: release"}
    await company.client.invoices.handle(gone.reference).terminate()
    await company.release(held.reference)
    said = await typed("batch", str(file), "--wait", "--json", at=company)
    assert said.exit_code == Code.NEEDS_ATTENTION
    report = json.loads(said.stdout)
    assert report["outcomes"] == {"known": 1, "started": 1}, "what was cut off begins anew"
    assert report["statuses"] == {"sent": 1, "held": 1}
    assert len(company.stand_in.ledger.live(gone.reference)) == 1


@slow
async def test_a_batch_waits_on_for_one_that_was_released_a_moment_ago(
    shared: World, tmp_path: Path
) -> None:
    """It is listed as held until its next step shows; that step is kept waiting here."""
    async with shared.company(patience=3) as company:
        reference = await company.start(hold=True)
        await company.until_status(reference, Status.HELD)
        gate = company.stand_in.faults.place(Step.READ, Fault.GATE)
        await company.release(reference)
        await gate.reached(within=LONG_ENOUGH)
        row = company.request(reference, hold=True).model_dump_json()
        said = await typed(
            "batch", str(a_file(tmp_path, row, name="released.jsonl")), "--wait", at=company
        )
        assert said.exit_code == Code.DONE, said.output
        assert company.effects(reference) == ["created", "approved", "sent"]


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("june.ods", b"", "must end in .csv or .xlsx"),
        ("june.csv", b"provider\nmollie\n", "`reference` is one of them"),
        ("june.csv", b"reference,goal,goal\n", "there twice: goal"),
        ("june.csv", "reference,buyer.name\nA,Łódź\n".encode("cp1250"), "--encoding cp1250"),
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


@detail
async def test_without_a_server_a_batch_says_that_nothing_was_asked(tmp_path: Path) -> None:
    file = a_file(tmp_path, HEADER, a_row("A-1"))
    said = await typed("batch", str(file))
    assert said.exit_code == Code.UNREACHABLE
    assert results(file)[0]["outcome"] == "not asked"


def test_whatever_a_caller_may_ask_for_has_a_column(tmp_path: Path) -> None:
    text = f"{HEADER},send_on,subscriber\n{a_row('A-1', 'a').strip()},2026-07-01,erp"
    (entry,) = opened(a_file(tmp_path, text)).entries()
    assert entry.wrong == ()
    assert entry.request is not None
    assert entry.request.subscriber == "erp"
    assert entry.request.send_on == date(2026, 7, 1)


@pytest.mark.parametrize(
    "command",
    [
        ("show", "A\udcff"),
        ("list", "--from", "register", "--search", "\udcff"),
        ("legal-hold", "\udcff", "--reason", "x"),
        ("order", "show", "\udcff"),
        ("batch", "\udcff.csv"),
    ],
    ids=["show", "list", "legal-hold", "order", "batch"],
)
async def test_an_argument_in_another_encoding_is_named_as_such(command: tuple[str, ...]) -> None:
    said = await typed(*command)
    assert said.exit_code == Code.BAD_INPUT
    assert "is not written in this terminal's encoding" in said.stderr


@pytest.mark.parametrize("time", ["nan", "inf", "1e400"])
@pytest.mark.parametrize(
    "command",
    [("batch", "FILE", "--minutes"), ("document", "A-1", "--wait"), ("prepare", "--patience")],
)
async def test_a_time_that_does_not_end_is_none(
    tmp_path: Path, command: tuple[str, ...], time: str
) -> None:
    file = str(a_file(tmp_path, HEADER, a_row("A-1")))
    said = await typed(*(file if each == "FILE" else each for each in command), time)
    assert said.exit_code == Code.BAD_INPUT
    assert command[-1] in said.stderr


@pytest.mark.parametrize("command", ["batch", "preview"])
async def test_a_file_says_nothing_to_the_terminal_itself(tmp_path: Path, command: str) -> None:
    file = a_file(tmp_path, f"{HEADER},\x1b]0;owned\x07\x1b[2J", f"{a_row('A-1').strip()},x")
    said = await typed(command, str(file))
    assert said.exit_code == Code.BAD_INPUT
    assert "]0;owned" in said.stderr
    assert "\x1b" not in said.output


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@x", "＝1"])
def test_no_cell_of_a_result_is_a_formula(cell: str) -> None:
    assert harmless(cell) == f"'{cell}"


# Previews


@detail
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
    assert "`start` would find this very invoice" in again.stderr


@detail
async def test_a_preview_says_what_start_would_refuse(company: Company, tmp_path: Path) -> None:
    request = company.request()
    await company.finished(await company.start(request))
    other = written(request, tmp_path, goal=Goal.DRAFTED)
    said, told = [await typed("preview", other, *more, at=company) for more in ((), ("--json",))]
    assert said.exit_code == told.exit_code == Code.FAILED
    assert "It cannot be made: " in said.stderr
    assert "it differs in goal" in said.stderr
    assert "it differs in goal" in lines(told)[0]["wrong"]
    assert "It would be made" not in said.stderr
    with pytest.raises(ReferenceInUse):
        await company.client.invoices.start(request.model_copy(update={"goal": Goal.DRAFTED}))


@detail
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


@detail
def test_the_example_of_a_file_is_read_and_may_say_document(tmp_path: Path) -> None:
    example = EXAMPLES / "june.csv"
    named = example.read_text().replace(",currency,", ",document.currency,")
    told = list(opened(example).entries())
    assert [(entry.reference, entry.wrong) for entry in told] == [("JUNE-1", ()), ("JUNE-2", ())]
    assert list(opened(a_file(tmp_path, named)).entries()) == told


@detail
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


@detail
async def test_a_preview_without_a_worker_for_the_provider_says_so(
    company: Company, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = written(company.request(), tmp_path, provider="nobody")
    said = await typed("preview", request, at=company)
    assert said.exit_code == Code.UNREACHABLE
    assert "No worker for nobody is there: check the name" in said.stderr
    monkeypatch.setattr("commands.preview.SECONDS", 0.5)
    monkeypatch.setattr("commands.preview.served", AsyncMock(return_value=True))
    said = await typed("preview", request, at=company)
    assert said.exit_code == Code.UNREACHABLE
    assert "No worker for nobody answered" in said.stderr


@detail
def test_the_table_of_previews_names_what_is_wrong() -> None:
    console = Console(width=120, record=True, file=StringIO())
    console.print(previews([("A-1", None, "document: is required")]))
    assert "document: is required" in console.export_text()

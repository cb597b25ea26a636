"""The command line, against a real server: what it prints, what it refuses, what it exits with."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console
from temporalio.client import Client, WorkflowFailureError
from temporalio.service import RPCError, RPCStatusCode

import commands.base
from invoicing.client import Execution, Failed, InvoicingClient
from invoicing.document import Payment
from invoicing.errors import EngineError, Failing, FieldProblem, NotLetIn, ServerAway, WrongKey
from invoicing.parse import read, read_request
from invoicing.provider import PaymentStatus, Stage
from invoicing.request import Goal, InvoiceRequest, OrderRequest
from invoicing.state.bounds import REQUEST
from invoicing.state.identity import TASK_QUEUE, WORKFLOW, workflow_id
from invoicing.state.invoice import AWAY, LATE, LOST, Invoice, Problem, Status, Waiting
from invoicing.state.questions import QUESTIONS, Answer, Reason, meaning
from invoicing.temporal.engine import translated
from sandbox.kit.faults import Fault
from sandbox.zero_friction import Step
from starter import Code, app
from temporal_server import local_server
from terminal import Board, trouble
from tests.command_line import EXAMPLES, NOWHERE, ROOT, WHY, listed, typed, written
from tests.installed import AS_INSTALLED
from tests.lifecycle.world import PACES, Company, World, world
from tests.patience import LONG_ENOUGH
from tests.tiers import detail, first, slow


@pytest.fixture(scope="module")
async def shared() -> AsyncIterator[World]:
    async with local_server() as server, world(server) as made:
        yield made


@pytest.fixture
async def company(shared: World) -> AsyncIterator[Company]:
    async with shared.company() as made:
        yield made


def debit(company: Company) -> InvoiceRequest:
    """What the provider refuses: direct debit from a buyer without a bank account."""
    example = read_request((EXAMPLES / "refused.json").read_bytes())
    return example.model_copy(
        update={"account": company.account, "reference": company.request().reference}
    )


# Starting and following


async def test_start_prints_reference_workflow_and_link(company: Company, tmp_path: Path) -> None:
    request = company.request()
    ui = "http://127.0.0.1:8233"
    said = await typed("start", written(request, tmp_path), at=company, INVOICING_WEB_UI=ui)
    assert said.exit_code == Code.DONE
    assert request.reference in said.stdout
    assert f"{ui}/namespaces/default/workflows/invoice%2F{request.reference}" in said.stdout
    assert (await company.finished(request.reference)).status is Status.SENT


@detail
async def test_start_reads_stdin_and_answers_in_json(company: Company) -> None:
    request = company.request()
    text = request.model_dump_json()
    said = await typed("start", "-", "--json", at=company, stdin=text)
    assert json.loads(said.stdout) == {
        "reference": request.reference,
        "workflow_id": f"invoice/{request.reference}",
        "web_ui": None,
    }


@detail
async def test_start_with_wait_stays_until_the_invoice_is_sent(
    company: Company, tmp_path: Path
) -> None:
    request = written(company.request(), tmp_path)
    said = await typed("start", request, "--wait", "--json", at=company)
    assert said.exit_code == Code.DONE
    states = [json.loads(line) for line in said.stdout.splitlines()[1:]]
    assert states[-1]["status"] == "sent"
    assert states[-1]["ended"] is True
    assert len({json.dumps(state) for state in states}) == len(states)


@slow
@pytest.mark.parametrize("command", ["start", "batch"])
async def test_whoever_waits_is_told_of_the_end_while_late_effects_are_looked_for(
    shared: World, tmp_path: Path, command: str
) -> None:
    """Its create was lost, so its workflow goes on for as long as that may come to light."""
    patient = PACES.model_copy(update={"effect": timedelta(minutes=10)})
    async with shared.company(paces=patient) as company:
        request = company.request()
        company.stand_in.faults.place(Step.CREATE, Fault.TIME_OUT, when="before")
        await company.start(request)
        file = tmp_path / "request.jsonl"
        file.write_text(request.model_dump_json())
        said = await asyncio.wait_for(typed(command, str(file), "--wait", at=company), LONG_ENOUGH)
        assert said.exit_code == Code.DONE, said.output
        await company.until_waiting(request.reference, LATE)
        assert (await company.client.invoices.listed(request.reference)).execution == "running"


async def test_the_same_request_again_is_the_same_invoice(company: Company, tmp_path: Path) -> None:
    request = company.request()
    for _ in range(2):
        said = await typed("start", written(request, tmp_path), "--wait", at=company)
        assert said.exit_code == Code.DONE
    assert company.effects(request.reference) == ["created", "approved", "sent"]


@detail
async def test_other_content_under_the_same_reference_is_refused(
    company: Company, tmp_path: Path
) -> None:
    request = company.request()
    await company.start(request)
    other = written(request, tmp_path, goal=Goal.APPROVED)
    said = await typed("start", other, at=company)
    assert said.exit_code == Code.FAILED
    assert "it differs in goal" in said.stderr


@detail
async def test_what_the_provider_cannot_do_is_named_field_by_field(
    company: Company, tmp_path: Path
) -> None:
    impossible = written(company.request(), tmp_path, goal=Goal.DELIVERED)
    said = await typed("start", impossible, "--wait", at=company)
    assert said.exit_code == Code.FAILED
    assert "Ended: " in said.stderr
    assert "\n  goal: delivery cannot be seen here" in said.stderr


@slow
async def test_a_terminated_invoice_ends_the_watching_as_a_failure(company: Company) -> None:
    reference = await company.start(hold=True)
    await company.until_status(reference, Status.HELD)
    other = await company.start(hold=True)
    await company.until_status(other, Status.HELD)
    await company.client.invoices.handle(reference).terminate(reason="an odd idea")
    said = await typed("watch", reference, other, at=company)
    assert said.exit_code == Code.NEEDS_ATTENTION
    assert f"{reference} was ended from outside, in Temporal (an odd idea): " in said.stderr
    assert "start the same request again" in said.stderr
    assert f"{other} is held" in said.stderr
    assert (await typed("watch", reference, at=company)).exit_code == Code.FAILED
    shown = await typed("show", reference, at=company)
    assert "an odd idea" in shown.stderr
    assert "Possible now" not in shown.stdout, "nothing is, but to start it again"
    assert await listed(company, reference, "--status", "cut_off") >= {reference}


@detail
async def test_a_request_that_is_too_large_is_refused_with_a_sentence(
    company: Company, tmp_path: Path
) -> None:
    large = written(company.request("T-too-large"), tmp_path, options={"text": "x" * REQUEST})
    for command in ("start", "preview"):
        said = await typed(command, large, at=company)
        assert said.exit_code == Code.BAD_INPUT
        assert said.stderr.startswith("this request is too large: it takes ")
    assert (await typed("show", "T-too-large", at=company)).exit_code == Code.NOT_FOUND


# Bad input


async def test_every_mistake_is_named_on_its_own_line_and_no_value_repeated() -> None:
    text = '{"reference": "Ms Private", "provider": "zero_friction", "document": {"lines": []}}'
    said = await typed("start", "-", stdin=text)
    assert said.exit_code == Code.BAD_INPUT
    fields = [line.split(":")[0].strip() for line in said.stderr.splitlines()[1:]]
    assert {"reference", "document.currency", "document.buyer"} <= set(fields)
    assert "Private" not in said.output


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("hold", "A-1"), "Say why, with --reason"),
        (("hold", "A-1", "--reason", "  "), "Say why, with --reason"),
        (("resolve", "A-1", "adopt", *WHY), "adopt, and only adopt, needs --provider-id"),
        (("resolve", "A-1", "retry", "--provider-id", "7", *WHY), "only adopt"),
        (("resolve", "A-1", "correct", *WHY), "needs --document"),
        (("cancel", "A-1", "--by", "x" * 300, *WHY), "by: must have at most 200 characters"),
        (("start", "no-such-file.json"), "No such file"),
        (("list", "--status", "lost"), "Invalid value"),
        (("resolve", "A-1", "dance", *WHY), "Invalid value for 'ANSWER': 'dance' is not one of"),
        (("order", "resolve", "A-1", "dance", *WHY), "'ANSWER': 'dance' is not one of"),
        (("start", str(EXAMPLES / "june.csv")), "`batch` takes a file of many"),
    ],
)
async def test_bad_input_is_refused_before_anybody_is_asked(
    arguments: tuple[str, ...], sentence: str
) -> None:
    said = await typed(*arguments)
    assert said.exit_code == Code.BAD_INPUT
    assert sentence in said.stderr


async def test_the_help_shows_first_what_is_done_first() -> None:
    said = await typed("--help")
    shown = [said.stdout.index(f"│ {name} ") for name in ("preview", "start", "show", "credit")]
    assert shown == sorted(shown)
    assert "docs/configuration.md" in said.stdout


# Not found, not reachable


@detail
@pytest.mark.parametrize("command", [("show",), ("watch",), ("cancel", *WHY)])
async def test_an_unknown_reference_is_not_found(company: Company, command: tuple[str]) -> None:
    said = await typed(*command, "NEVER-ASKED-FOR", at=company)
    assert said.exit_code == Code.NOT_FOUND
    assert "NEVER-ASKED-FOR" in said.stderr


@detail
async def test_without_a_server_it_says_what_to_do() -> None:
    said = await typed("list")
    assert said.exit_code == Code.UNREACHABLE
    assert "127.0.0.1:1" in said.stderr
    assert "make server" in said.stderr


@detail
async def test_a_namespace_that_does_not_exist_is_named(company: Company) -> None:
    said = await typed("list", at=company, TEMPORAL_NAMESPACE="elsewhere")
    assert said.exit_code == Code.UNREACHABLE
    assert "elsewhere" in said.stderr


@detail
async def test_without_a_worker_it_says_so(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands.base, "WORKER_SECONDS", 0.5)
    request = company.request()
    await InvoicingClient(company.client.temporal, task_queue="nobody").invoices.start(request)
    for words in (("show",), ("hold", *WHY)):
        said = await typed(*words, request.reference, at=company)
        assert said.exit_code == Code.UNREACHABLE, words
        assert "make worker" in said.stderr


@slow
@pytest.mark.parametrize(
    ("found", "said", "code"),
    [
        (WrongKey(), "lacks a key", Code.FAILED),
        (Failing(), "its log says why", Code.FAILED),
        (None, "No worker answered within", Code.UNREACHABLE),
        (ServerAway(), "No worker answered within", Code.UNREACHABLE),
    ],
)
async def test_why_nobody_answered_is_looked_for_before_it_is_said(
    company: Company,
    monkeypatch: pytest.MonkeyPatch,
    found: EngineError | None,
    said: str,
    code: Code,
) -> None:
    """What cannot be found out is not guessed."""
    monkeypatch.setattr(commands.base, "WORKER_SECONDS", 0.5)
    request = company.request()
    await InvoicingClient(company.client.temporal, task_queue="nobody").invoices.start(request)
    asked: list[Execution | None] = []

    async def why_silent(_: InvoicingClient, about: Execution | None = None) -> EngineError | None:
        asked.append(about)
        if isinstance(found, ServerAway):
            raise found
        return found

    monkeypatch.setattr(InvoicingClient, "why_silent", why_silent)
    told = await typed("hold", *WHY, request.reference, at=company)
    assert (told.exit_code, said in told.stderr) == (code, True), told.stderr
    assert [each and each.id for each in asked] == [workflow_id(request.reference)]


@detail
def test_what_a_command_asks_of_the_server_by_itself_ends_in_a_sentence_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As rollouts do."""

    async def reach(_: float, data_converter: object) -> Client:
        return await Client.connect("127.0.0.1:1", lazy=True)

    async def work(_: InvoicingClient) -> Code:
        raise RPCError("no", RPCStatusCode.PERMISSION_DENIED, b"")

    monkeypatch.setattr(commands.base, "reach", reach)
    with pytest.raises(NotLetIn) as refused:
        commands.base.with_client(work)
    sentence, code = commands.base.explained(refused.value)
    assert (sentence.startswith("The Temporal server does not let us in"), code) == (
        True,
        Code.UNREACHABLE,
    )


def test_a_server_that_misses_workers_is_not_said_to_refuse() -> None:
    missed = RPCError("no poller seen", RPCStatusCode.FAILED_PRECONDITION, b"")
    sentence, code = commands.base.explained(translated(missed))
    assert code == Code.UNREACHABLE
    assert "make worker" in sentence


@detail
async def test_what_no_worker_could_read_says_what_is_wrong_with_it(company: Company) -> None:
    """A plain SDK starts anything; there is no state to ask for."""
    request = company.request()
    content = request.model_dump(mode="json", exclude_none=True) | {"gaol": "sent"}
    started = await company.client.temporal.start_workflow(
        WORKFLOW, content, id=workflow_id(request.reference), task_queue=TASK_QUEUE
    )
    with pytest.raises(WorkflowFailureError):
        await started.result()
    said = await typed("show", request.reference, at=company)
    assert said.exit_code == Code.FAILED
    assert "gaol: unknown field; did you mean goal?" in said.stderr
    with pytest.raises(Failed, match="gaol"):
        await company.client.invoices.state(request.reference)


@detail
async def test_a_provider_that_no_worker_serves_is_told_of_at_once(
    company: Company, tmp_path: Path
) -> None:
    request = company.request(provider="zerofriction")
    said = await typed("start", written(request, tmp_path), at=company)
    shown = await typed("show", request.reference, at=company)
    await company.client.invoices.handle(request.reference).terminate()
    assert said.exit_code == shown.exit_code == Code.DONE
    assert "No worker serves zerofriction" in said.stderr
    assert "No worker serves zerofriction" in shown.stderr, "so nothing has happened"
    again = company.request()
    assert not (await typed("start", written(again, tmp_path), at=company)).stderr


def test_a_python_without_the_packages_is_told_which_one_has_them() -> None:
    ended = subprocess.run(
        [sys.executable, "-S", "starter.py", "list"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=LONG_ENOUGH,
        check=False,
    )
    assert ended.stderr.count("\n") == 1
    assert "make env" in ended.stderr


@detail
def test_as_a_process_it_ends_in_a_sentence_and_no_traceback() -> None:
    ended = subprocess.run(
        [sys.executable, "starter.py", "show", "A-1"],
        cwd=ROOT,
        env=NOWHERE,
        capture_output=True,
        text=True,
        timeout=LONG_ENOUGH,
        check=False,
    )
    assert ended.returncode == Code.UNREACHABLE
    assert ended.stderr.count("\n") == 1
    assert ended.stdout == ""


async def test_the_main_help_documents_every_exit_code_and_command() -> None:
    said = (await typed("--help")).stdout
    for code in Code:
        assert f"{code.value}  " in said
    groups = [group.typer_instance for group in app.registered_groups]
    assert len(groups) == 4
    for each in (app, *groups):
        assert each is not None
        for command in each.registered_commands:
            assert command.epilog is not None
            assert "python starter.py" in command.epilog


@detail
def test_a_shell_can_complete_commands() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", AS_INSTALLED],
        cwd=ROOT,
        env={
            **os.environ,
            "_INVOICING_COMPLETE": "complete_bash",
            "COMP_WORDS": "invoicing all ca",
            "COMP_CWORD": "2",
        },
        capture_output=True,
        text=True,
        timeout=LONG_ENOUGH,
        check=False,
    )
    assert ended.stdout.split() == ["cancel"]


# Operating


@detail
async def test_a_held_invoice_exits_4_until_it_is_released(company: Company) -> None:
    reference = await company.start(hold=True)
    watched = await typed("watch", reference, at=company)
    assert watched.exit_code == Code.NEEDS_ATTENTION
    assert "`release` lets it go on" in watched.stderr
    released = await typed(
        "release", reference, "--by", "Test Operator", "--json", *WHY, at=company
    )
    assert released.exit_code == Code.DONE
    assert json.loads(released.stdout)["reference"] == reference
    assert (await typed("watch", reference, at=company)).exit_code == Code.DONE
    journal = (await company.client.invoices.journal(reference)).entries
    assert ("released", "Test Operator", "a test") in [(e.what, e.by, e.reason) for e in journal]


@slow
async def test_hold_and_cancel_take_a_draft_back(company: Company) -> None:
    reference = await company.start(hold=True)
    await company.until_status(reference, Status.HELD)
    assert (await typed("hold", reference, *WHY, at=company)).exit_code == Code.DONE
    assert (await typed("cancel", reference, *WHY, at=company)).exit_code == Code.DONE
    assert (await typed("watch", reference, at=company)).exit_code == Code.FAILED
    assert company.effects(reference) == ["created", "deleted"]


@slow
async def test_a_cancel_that_waits_for_a_lost_sending_is_not_taken_for_a_missing_worker(
    shared: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands.base, "WORKER_SECONDS", 8.0)
    patient = PACES.model_copy(update={"effect": timedelta(minutes=10)})
    async with shared.company(paces=patient) as company:
        company.stand_in.faults.place(Step.SEND, Fault.TIME_OUT, when="before")
        reference = await company.start(may_credit=False)
        await company.until(
            reference,
            lambda state: state.waiting is not None and state.waiting.what in (AWAY, LOST),
        )
        said = await typed("cancel", reference, *WHY, at=company)
        assert said.exit_code == Code.DONE, said.output
        assert "It is taken" in said.stderr


@detail
async def test_what_has_ended_refuses_orders(company: Company) -> None:
    reference = await company.start()
    await company.finished(reference)
    said = await typed("cancel", reference, *WHY, at=company)
    assert said.exit_code == Code.FAILED
    assert "has ended: sent" in said.stderr


@slow
async def test_a_refusal_is_shown_with_its_fields_and_commands_and_corrected(
    company: Company, tmp_path: Path
) -> None:
    request = debit(company)
    reference = await company.start(request)
    await company.parked(reference)

    shown = await typed("show", reference, at=company)
    assert shown.exit_code == Code.DONE
    assert "SDD_REQUIRES_BANK_ACCOUNT" in shown.stderr
    for answer in (Answer.RETRY, Answer.CORRECT, Answer.ABANDON):
        assert f"resolve {reference} {answer} --question q1" in shown.stdout
        assert meaning(Reason.REJECTED, answer) in shown.stdout
    assert "--question q1 --document FILE" in shown.stdout
    whole = json.loads((await typed("show", reference, "--json", at=company)).stdout)
    assert whole["invoice"]["problem"]["reason"] == "rejected"
    assert whole["journal"]["entries"]

    asked = ("--question", "q1")
    odd_one = await typed("resolve", reference, "keep", *asked, *WHY, at=company)
    assert odd_one.exit_code == Code.FAILED
    assert "keep is no answer to q1" in odd_one.stderr

    document = request.document.model_copy(update={"payment": Payment(means="30")})
    odd = written(request, tmp_path, document=document, reference="OTHER-1")
    correct = ("resolve", reference, "correct", *asked, *WHY, "--document")
    wrong = await typed(*correct, odd, at=company)
    assert wrong.exit_code == Code.BAD_INPUT
    assert "not about" in wrong.stderr

    elsewhere = written(request, tmp_path, document=document, account="another")
    wrong = await typed(*correct, elsewhere, at=company)
    assert wrong.exit_code == Code.BAD_INPUT
    assert "the document and the options alone, not account" in " ".join(wrong.stderr.split())

    right = written(request, tmp_path, document=document)
    said = await typed(*correct, right, at=company)
    assert said.exit_code == Code.DONE
    assert (await company.finished(reference)).status is Status.SENT


@slow
async def test_nobody_answers_a_question_that_they_have_not_seen(company: Company) -> None:
    """Without its id, or with that of another one, nothing is answered and the open one shown."""
    reference = await company.start(debit(company))
    parked = await company.parked(reference)
    for unseen in ((), ("--question", "q9")):
        said = await typed("resolve", reference, "abandon", *unseen, *WHY, at=company)
        assert said.exit_code == Code.FAILED
        assert "question q1: " in said.stderr
        assert "SDD_REQUIRES_BANK_ACCOUNT" in said.stderr
        assert f"resolve {reference} retry --question q1" in said.stderr
        assert meaning(Reason.REJECTED, Answer.RETRY) in said.stderr
        assert not said.stdout
    assert (await company.client.invoices.state(reference)).problem == parked.problem
    seen = await typed("resolve", reference, "abandon", "--question", "q1", *WHY, at=company)
    assert seen.exit_code == Code.DONE
    assert (await company.finished(reference)).status is Status.ABANDONED
    late = await typed("resolve", reference, "retry", *WHY, at=company)
    assert late.exit_code == Code.FAILED
    assert "does not wait for a person" in late.stderr


async def test_the_help_says_what_every_answer_means() -> None:
    for words, of in ((("resolve",), "invoice"), (("order", "resolve"), "order")):
        said = " ".join((await typed(*words, "--help")).stdout.split())
        for question in QUESTIONS.values():
            for answer in question.answers if question.of == of else ():
                assert f"{answer} {answer.means}" in said


@slow
async def test_lists_filter_by_what_is_waited_for(company: Company) -> None:
    parked = await company.start(debit(company))
    held = await company.start(hold=True)
    await company.parked(parked)
    await company.until_status(held, Status.HELD)
    assert await listed(company, parked, "--waiting-for", "person") >= {parked, held}
    assert held not in await listed(company, parked, "--waiting-for", "rejected")
    assert parked not in await listed(company, held, "--status", "held")
    assert not await listed(company, "", "--provider", "another")
    assert not await listed(company, "", "--waiting-for", "it's \\ nothing")


@detail
async def test_a_list_says_when_there_is_more(company: Company) -> None:
    await listed(company, await company.start(hold=True))
    await listed(company, await company.start(hold=True))
    said = await typed("list", "--limit", "1", at=company)
    assert "more than 1" in said.stderr
    assert "zero_friction" in said.stdout


# The examples


@detail
@pytest.mark.parametrize(
    ("name", "end"),
    # That each of them is read and planned, tests/sandbox/test_examples.py sees without a server.
    first(
        [
            ("invoice", Status.SENT),
            ("held", Status.HELD),
            ("energy", Status.SENT),
            ("refused", Status.NEEDS_ATTENTION),
            ("refused-corrected", Status.SENT),
        ]
    ),
)
async def test_every_example_does_what_it_is_an_example_of(
    company: Company, name: str, end: Status
) -> None:
    example = read_request((EXAMPLES / f"{name}.json").read_bytes())
    goal = Goal.SENT if example.goal is Goal.PAID else example.goal
    request = company.request().model_copy(
        update={"document": example.document, "options": example.options, "hold": example.hold}
    )
    reference = await company.start(request.model_copy(update={"goal": goal}))
    state = await company.until(
        reference, lambda state: state.ended or state.status in (end, Status.NEEDS_ATTENTION)
    )
    assert state.status is end


def test_there_is_no_example_that_is_not_tried() -> None:
    """Here, or by the demonstration, which plays those of the other providers."""
    marks = test_every_example_does_what_it_is_an_example_of.pytestmark  # type: ignore[attr-defined]
    tried = {getattr(each, "values", each)[0] for each in marks[0].args[1]}
    examples = {path.stem: path.read_bytes() for path in EXAMPLES.glob("*.json")}
    orders = {name for name in examples if name.startswith("order")}
    for name in orders:
        read(OrderRequest, examples[name])
    providers = {
        name: read_request(text).provider for name, text in examples.items() if name not in orders
    }
    assert tried == {name for name, provider in providers.items() if provider == "zero_friction"}


# What a terminal gets to see


def test_nothing_a_provider_writes_can_command_a_terminal() -> None:
    field = FieldProblem(field="sent", message="\x1b]0;owned\x07 [bold]x[/bold]\nnext")
    problem = Problem(reason=Reason.REJECTED, what="no", fields=(field,), answers=(Answer.RETRY,))
    shown = trouble(problem)
    assert shown.count("\n") == 1
    assert "\x1b" not in shown
    assert "[bold]x[/bold]" in shown


@pytest.mark.parametrize(("width", "has_story"), [(80, False), (120, True)])
def test_the_table_of_many_fits_the_terminal(width: int, has_story: bool) -> None:
    now = datetime.now(UTC)
    invoice = Invoice(
        reference="slow-approval",
        provider="zero_friction",
        account="default",
        goal=Goal.SENT,
        status=Status.NEEDS_ATTENTION,
        stage=Stage.APPROVING,
        payment=PaymentStatus.UNKNOWN,
        provider_id="f0000000-0000-4000-8000-000000000021",
        number="2026-000001",
        waiting=Waiting(on="person", what=Reason.APPROVAL_OVERDUE, since=now),
    )
    console = Console(width=width, file=StringIO(), record=True)
    board = Board(console, stories={invoice.reference: "a story that is told in a few words"})
    board.show(invoice)
    console.export_text()
    console.print(board._table())
    text = console.export_text()
    assert all(len(line) <= width for line in text.splitlines())
    assert ("a story" in text) is has_story
    assert text.count("\n") <= 6

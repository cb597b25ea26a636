"""What the documents say is so: tests, commands, files and states that they name are there."""

from __future__ import annotations

import ast
import csv
import functools
import importlib.util
import json
import re
import shlex
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from typer.testing import CliRunner

from commands.views import VIEWS
from invoicing.client import InvoicingClient, Unreachable
from invoicing.handbook import rewritten
from invoicing.state.attributes import SEARCH_ATTRIBUTES
from invoicing.state.identity import (
    EVENT_WORKFLOW,
    FEED_WORKFLOW,
    NOTICES_WORKFLOW,
    ORDER_WORKFLOW,
    WORKFLOW,
)
from invoicing.state.invoice import Status
from invoicing.state.news import EventOutcome
from invoicing.state.order import OrderStatus
from invoicing.state.questions import QUESTIONS, Answer, Reason
from starter import Code, app
from temporal_server import local_server
from tests.examples import an_invoice
from tests.tiers import slow

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = {
    str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
    for path in sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
}
OPERATE = DOCUMENTS["docs/operate.md"]
FAILURES = DOCUMENTS["docs/failures.md"]

LINK = re.compile(r"\]\((?!https?:)([^)\s]+)\)")
CODE = re.compile(r"`([^`\n]+)`")
TYPED = re.compile(r"python starter\.py((?: (?:\"[^\"\n]*\"|[^\s`#\"]+))+)")
MODULE = re.compile(r"python -m ([a-z_.]+)")
MADE = re.compile(r"\bmake ([a-z]+)(?=[ `\n])")
TEST = re.compile(r"\btest_[a-z][a-z0-9_]+\b(?!\.py|/)")
ROW = re.compile(r"^\| (.+) \|$", re.MULTILINE)

each_document = pytest.mark.parametrize("name", DOCUMENTS)


def commands(text: str) -> Iterator[list[str]]:
    """What a person is told to type after `python starter.py`."""
    for arguments in TYPED.findall(text.replace("\\\n", " ")):
        yield shlex.split(arguments)


def rows(text: str) -> Iterator[list[str]]:
    """The cells of every row of every table."""
    for row in ROW.findall(text):
        yield [cell.strip() for cell in row.split(" | ")]


def section(text: str, title: str) -> str:
    """What stands under this heading, up to the next one."""
    found = re.search(rf"^## {re.escape(title)}$(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, f"there is no section {title}"
    return found[1]


def codes(text: str) -> set[str]:
    return set(CODE.findall(text))


# --- what is named is there -----------------------------------------------------------------------


@functools.cache
def _defined() -> frozenset[str]:
    """Every test there is, and every file of tests."""
    files = [*(ROOT / "tests").rglob("*.py"), *(ROOT / "examples").rglob("*.py")]
    trees = (ast.parse(path.read_text(encoding="utf-8")) for path in files)
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    nodes = chain.from_iterable(map(ast.walk, trees))
    named = (node.name for node in nodes if isinstance(node, functions))
    return frozenset((*named, *(path.stem for path in files)))


@each_document
def test_every_test_that_is_named_exists(name: str) -> None:
    assert set(TEST.findall(DOCUMENTS[name])) <= _defined()


@each_document
def test_every_link_leads_somewhere(name: str) -> None:
    here = (ROOT / name).parent
    wrong = []
    for link in LINK.findall(DOCUMENTS[name]):
        path, _, anchor = link.partition("#")
        target = (here / path) if path else ROOT / name
        if not target.exists() or (anchor and anchor not in _anchors(target)):
            wrong.append(link)
    assert wrong == []


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in headings}


@each_document
def test_every_file_that_is_named_exists(name: str) -> None:
    tops = {path.name for path in ROOT.iterdir() if path.is_dir()}
    named = {
        code
        for code in codes(DOCUMENTS[name])
        if code.partition("/")[0] in tops and re.fullmatch(r"[\w.-]+(?:/[\w.-]*)+", code)
    }
    # What is copied from an example is never committed.
    assert [one for one in sorted(named) if not _is_there(one)] == []


def _is_there(path: str) -> bool:
    return (ROOT / path).exists() or (ROOT / f"{path}.example").exists()


@each_document
def test_every_program_that_is_named_exists(name: str) -> None:
    text = DOCUMENTS[name]
    assert [one for one in MODULE.findall(text) if importlib.util.find_spec(one) is None] == []
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(MADE.findall("\n".join(_shown(text)))) <= targets


def _shown(text: str) -> Iterable[str]:
    """What is to be typed: code in a sentence, and indented lines."""
    lines = (f"{line}\n" for line in text.splitlines() if line.startswith("    "))
    return chain((f"{code} " for code in codes(text)), lines)


# --- commands -------------------------------------------------------------------------------------


UNASKED = ("doctor", "demo", "prepare", "worker", "gateway", "findings")
"""They need nothing that is typed, and would begin at once; `findings` with a register, which is
not here."""


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to type in, from which no server is reached: what is typed gets as far as that."""

    async def reach(within: float, data_converter: object) -> None:
        raise Unreachable("there is no server here")

    monkeypatch.setattr("commands.base.reach", reach)
    monkeypatch.setenv("INVOICING_DOCUMENTS_AT", str(tmp_path / "documents"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@slow
@each_document
def test_every_command_that_is_shown_can_be_typed(name: str, nowhere: Path) -> None:
    told = commands(DOCUMENTS[name])
    assert [f"{words}: {why}" for words in told if (why := refused(words, nowhere))] == []


def test_commands_are_found_and_wrong_ones_refused(nowhere: Path) -> None:
    """Without this, a document in which no command is found would pass as well."""
    assert sum(1 for _ in commands(OPERATE)) > 20
    why = ["--question", "q1", "--reason", "why"]
    assert not refused(["resolve", "INV-7", "retry", *why], nowhere)
    assert refused(["resolve", "INV-7", "rettry", *why], nowhere)
    assert refused(["resolve", "INV-7", "retry", "--raeson", "why"], nowhere)
    assert refused(["resolve", "INV-7", "adopt", *why], nowhere)
    assert refused(["resolve", *why], nowhere)
    assert refused(["order", "rezolve", "ORDER-1", "free", *why], nowhere)


def refused(words: list[str], folder: Path) -> str:
    """Why the command line does not take these words. Files that they name are there."""
    for word in words:
        if word.endswith(".json"):
            request = an_invoice(words[1] if words[0] == "resolve" else "INV-7")
            told = request.model_dump(mode="json")
            wanted = told["document"]["lines"] if "add-lines" in words else told
            (folder / word).write_text(json.dumps(wanted))
        elif word.endswith(".csv"):
            (folder / word).write_text((ROOT / "sandbox/examples/june.csv").read_text())
        elif word.endswith(".xlsx"):
            _as_workbook(ROOT / "sandbox/examples/june.csv", folder / word)
    typed = [*words, "--help"] if words[0] in UNASKED else words
    said = CliRunner().invoke(app, typed)
    return "" if said.exit_code in (Code.DONE, Code.UNREACHABLE) else said.output


def _as_workbook(table: Path, path: Path) -> None:
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet()
    with table.open(newline="") as rows:
        for row in csv.reader(rows):
            sheet.append(row)
    book.save(path)


# --- states ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [Status, Reason, Answer, OrderStatus, EventOutcome])
def test_every_state_a_person_can_meet_is_explained(words: type[Any]) -> None:
    assert {str(word) for word in words} <= codes(OPERATE)


def test_the_tables_of_questions_are_those_of_the_table() -> None:
    """`python -m invoicing.handbook docs/operate.md` writes them anew."""
    assert rewritten(OPERATE) == OPERATE
    emptied = re.sub(
        r"(<!-- questions of an \w+ -->\n).*?(<!-- end -->)", r"\1\2", OPERATE, flags=re.DOTALL
    )
    assert emptied != OPERATE
    assert rewritten(emptied) == OPERATE


def _reasons(title: str) -> dict[str, str]:
    """By reason, what is said of its answers."""
    found: dict[str, str] = {}
    for first, *_, last in rows(section(OPERATE, title)):
        for reason in codes(first) & set(Reason):
            found[reason] = f"{found.get(reason, '')} {last}"
    return found


@pytest.mark.parametrize(
    ("title", "of"),
    [
        ("When it asks", "invoice"),
        ("Orders", "order"),
        ("Events that wait, and feeds in trouble", "event"),
    ],
)
def test_every_question_has_a_row_with_each_answer_and_what_it_does(title: str, of: str) -> None:
    told = _reasons(title)
    wanted = {reason: each for reason, each in QUESTIONS.items() if each.of == of}
    assert set(told) == set(wanted)
    text = section(OPERATE, title)
    for reason, question in wanted.items():
        for answer, does in question.answers.items():
            everywhere = f"Every one takes `{answer}` as well: {does}." in text
            assert everywhere or f"`{answer}`: {does}" in told[reason], reason


def test_every_question_of_an_invoice_says_where_to_look_first() -> None:
    looks = section(OPERATE, "When it asks").partition("Where to look first:")[2]
    told = {reason for first, *_ in rows(looks) for reason in codes(first)}
    assert told == {reason for reason, each in QUESTIONS.items() if each.of == "invoice"}


# --- the web ui -----------------------------------------------------------------------------------


def _filters() -> list[str]:
    cells = chain.from_iterable(rows(section(OPERATE, "In the Web UI")))
    return [code for cell in cells for code in codes(cell) if _asks(code)]


def _asks(code: str) -> bool:
    return " = " in code or " IN (" in code


async def test_every_filter_is_one_that_the_server_takes() -> None:
    assert len(_filters()) > 5
    async with local_server() as server:
        client = await InvoicingClient.connect(server.address)
        for query in _filters():
            await client.temporal.count_workflows(query)


def test_the_views_that_the_command_saves_are_those_of_the_table() -> None:
    told = dict(row[:2] for row in rows(section(OPERATE, "In the Web UI")) if _asks(row[1]))
    assert [*told] == [*VIEWS]
    for name, cell in told.items():
        written = re.sub(r"\d{4}-\d\d-\d\dT[\d:]+Z", "{now}", cell.strip("`"))
        assert written == VIEWS[name]


def test_every_word_in_a_filter_is_one_that_is_ever_there() -> None:
    types = {WORKFLOW, ORDER_WORKFLOW, EVENT_WORKFLOW, FEED_WORKFLOW, NOTICES_WORKFLOW}
    statuses = {*Status, *OrderStatus}
    for query in _filters():
        assert set(re.findall(r"WorkflowType = '(\w+)'", query)) <= types
        named = re.findall(r"InvoiceStatus (?:=|IN) \(?((?:'\w+'(?:, )?)+)", query)
        assert set(re.findall(r"'(\w+)'", " ".join(named))) <= statuses
    columns = re.search(
        r"^Columns: (.+?)\. ", section(OPERATE, "In the Web UI"), re.MULTILINE | re.DOTALL
    )
    assert columns
    assert codes(columns[1]) <= set(SEARCH_ATTRIBUTES)


# --- failures -------------------------------------------------------------------------------------


def test_every_fault_names_a_test_that_shows_it() -> None:
    faults = [row for row in rows(FAILURES) if row[0] != "fault" and not set(row[0]) <= {"-", "|"}]
    assert len(faults) > 30
    assert [row[0] for row in faults if not TEST.search(row[-1])] == []

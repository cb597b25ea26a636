"""The same instruction for many invoices: shown first, confirmed, then given a few at a time."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from commands.answering import Word, helped, taken
from commands.at_once import few_at_a_time, progress
from commands.base import (
    MANY,
    ON_PURPOSE,
    PROGRAM,
    AsJson,
    BadInput,
    By,
    Code,
    Wait,
    Why,
    answered,
    app,
    explained,
    group,
    who_and_why,
    with_client,
)
from commands.choosing import Choice, DueBefore, Prefix, ProviderOf, StatusOf, WaitingFor
from commands.confirming import AT_ONCE, Yes, agree
from commands.files import corrected, reads_a_file
from commands.following import until_settled
from invoicing.client import InvoicingClient, Listed, Refused
from invoicing.request import InvoiceRequest
from invoicing.state.invoice import COMES_WITH, Cancel, Invoice, Problem, Release, Resolve, Status
from invoicing.state.questions import Answer
from tabular.wishes import Wishes
from terminal import listing, outcomes, screen, to_be_answered, waits_for_person

PREVIEWED = 20

Instruct = Callable[[InvoicingClient, str], Awaitable[Invoice]]

BULK = tuple(word for word in taken("invoice") if word not in COMES_WITH or word is Answer.CORRECT)
"""Answers that may be meant for many invoices: what they come with can be in a file of many."""

many = group(help="The same instruction for every invoice that fits the filters.")
app.add_typer(many, name="all", rich_help_panel=MANY)

AtMost = Annotated[int, typer.Option("--limit", min=1, help="Refuse to touch more than these.")]


@many.command(
    "cancel",
    short_help="Take back every invoice that fits.",
    epilog=f'Example: {PROGRAM} all cancel --prefix JUNE- --reason "the wrong price list"',
)
def cancel(
    provider: ProviderOf = None,
    status: StatusOf = None,
    waiting_for: WaitingFor = None,
    due_before: DueBefore = None,
    prefix: Prefix = None,
    limit: AtMost = 1000,
    yes: Yes = False,
    wait: Wait = False,
    by: By = None,
    reason: Why = None,
    as_json: AsJson = False,
) -> None:
    """Take back every invoice under way that fits, each as its stage asks for."""
    choice = _chosen(Choice.of(provider, status, waiting_for, due_before, prefix))
    order = Cancel(**who_and_why(by, reason))
    task = Task("cancel", lambda client, one: client.invoices.cancel(one, order), wait)
    _give(task, choice, limit, yes, as_json)


@many.command(
    "release",
    short_help="Let every held invoice go on that fits.",
    epilog=f'Example: {PROGRAM} all release --provider mollie --reason "checked"',
)
def release(
    provider: ProviderOf = None,
    waiting_for: WaitingFor = None,
    due_before: DueBefore = None,
    prefix: Prefix = None,
    limit: AtMost = 1000,
    yes: Yes = False,
    wait: Wait = False,
    by: By = None,
    reason: Why = None,
    as_json: AsJson = False,
) -> None:
    """Let every held invoice go on that fits."""
    _chosen(Choice.of(provider, None, waiting_for, due_before, prefix))
    choice = Choice.of(provider, Status.HELD, waiting_for, due_before, prefix)
    order = Release(**who_and_why(by, reason))
    task = Task("release", lambda client, one: client.invoices.release(one, order), wait, True)
    _give(task, choice, limit, yes, as_json)


@many.command(
    "resolve",
    short_help="Answer every invoice alike that needs attention.",
    help=helped(
        "Give the same answer to every invoice that needs attention and fits.",
        "It first lists every question with its id and what the answer does there, and then "
        "answers exactly those: one that has moved on meanwhile is refused, with the question "
        "that is open now. `correct` takes the documents from a file, as `batch` reads it.",
        answers=BULK,
    ),
    epilog=f"Example: {PROGRAM} all resolve retry --waiting-for provider_unavailable "
    '--reason "the provider is back"',
)
@reads_a_file
def resolve(
    answer: Word,
    wishes: Wishes,
    file: Annotated[
        Path | None,
        typer.Option(
            "--documents",
            metavar="FILE",
            exists=True,
            dir_okay=False,
            help="For correct: the requests, documents and options corrected.",
        ),
    ] = None,
    provider: ProviderOf = None,
    waiting_for: WaitingFor = None,
    due_before: DueBefore = None,
    prefix: Prefix = None,
    limit: AtMost = 1000,
    yes: Yes = False,
    wait: Wait = False,
    by: By = None,
    reason: Why = None,
    as_json: AsJson = False,
) -> None:
    """Give the same answer to every invoice that needs attention and fits."""
    if answer not in BULK:
        raise BadInput(f"{answer} is about one invoice: use `resolve REF {answer}`.")
    if (answer is Answer.CORRECT) != (file is not None):
        raise BadInput("correct, and only correct, needs --documents FILE.")
    _chosen(Choice.of(provider, None, waiting_for, due_before, prefix))
    choice = Choice.of(provider, Status.NEEDS_ATTENTION, waiting_for, due_before, prefix)
    told = who_and_why(by, reason)

    async def work(client: InvoicingClient) -> Code:
        rows = await _rows(client, choice, limit)
        if not rows:
            typer.echo("No invoices.", err=True)
            return Code.DONE
        asked = await _asked(client, rows)
        given = corrected(file, wishes, asked) if file else None
        screen(error=True).print(to_be_answered(asked.items(), answer))
        agree(f"resolve {answer}", len(rows), yes)
        task = Task(f"resolve {answer}", answering(asked, answer, told, given), wait)
        return _over(task, await _each(client, rows, task), as_json)

    with_client(work)


async def _asked(client: InvoicingClient, rows: Sequence[Listed]) -> dict[str, Problem | None]:
    """The question that is open of each, as a person is about to see it."""

    with progress("Looking", len(rows)) as advance:

        async def one(row: Listed) -> Problem | None:
            problem = (await answered(client.invoices.state(row.reference))).problem
            advance()
            return problem

        found = await few_at_a_time(rows, one, AT_ONCE)
    return {row.reference: problem for row, problem in zip(rows, found, strict=True)}


def answering(
    asked: Mapping[str, Problem | None],
    answer: Answer,
    told: Mapping[str, str],
    requests: Mapping[str, InvoiceRequest] | None = None,
) -> Instruct:
    """Answers the question of each that was asked when it was looked at, and no other; with the
    document and the options of its own of these requests, where the answer is `correct`."""

    async def one(client: InvoicingClient, reference: str) -> Invoice:
        problem = asked[reference]
        if problem is None:
            raise Refused(f"{reference}: it asked nothing when it was looked at")
        brought: dict[str, Any] = {}
        if requests is not None:
            if (wanted := requests.get(reference)) is None:
                raise Refused(f"{reference}: the file has nothing about it")
            brought = {"document": wanted.document, "options": wanted.options}
        said = Resolve(question=problem.question, answer=answer, **brought, **told)
        return await client.invoices.resolve(reference, said)

    return one


def _chosen(choice: Choice) -> Choice:
    """Nobody means every invoice there is by leaving something out."""
    if choice.is_empty:
        raise BadInput("Say which invoices: give at least one filter.")
    return choice


@dataclass(frozen=True)
class Task:
    """What is asked of every invoice, in a word; `wait`: until each is settled.

    `listed_as`: only while it still waits for what it was listed with.
    """

    word: str
    instruct: Instruct
    wait: bool
    listed_as: bool = False


@dataclass(frozen=True)
class Outcome:
    """What became of one instruction; `why` is a sentence where it was refused."""

    reference: str
    code: Code
    status: str = ""
    why: str = ""

    @property
    def word(self) -> str:
        """`done`, `waits` for a person after all, or `refused`."""
        return {Code.DONE: "done", Code.NEEDS_ATTENTION: "waits"}.get(self.code, "refused")


def _give(task: Task, choice: Choice, limit: int, yes: bool, as_json: bool) -> NoReturn:
    async def work(client: InvoicingClient) -> Code:
        rows = await _rows(client, choice, limit)
        if not rows:
            typer.echo("No invoices.", err=True)
            return Code.DONE
        if not yes:
            _preview(rows)
        agree(task.word, len(rows), yes)
        return _over(task, await _each(client, rows, task), as_json)

    with_client(work)


def _over(task: Task, done: Sequence[Outcome], as_json: bool) -> Code:
    _report(task.word, done, as_json)
    return max(outcome.code for outcome in done)


async def _rows(client: InvoicingClient, choice: Choice, limit: int) -> list[Listed]:
    with progress("Listing", None):
        rows = [row async for row in choice.found(client, limit=limit + 1, running=True)]
    if len(rows) > limit:
        raise BadInput(f"These are more than {limit}: narrow it down or raise --limit.")
    return rows


def _preview(rows: Sequence[Listed]) -> None:
    console = screen(error=True)
    console.print(listing(rows[:PREVIEWED]))
    if len(rows) > PREVIEWED:
        console.print(f"… and {len(rows) - PREVIEWED} more")


async def _each(client: InvoicingClient, rows: Sequence[Listed], task: Task) -> list[Outcome]:
    with progress(task.word.capitalize(), len(rows)) as advance:

        async def one(row: Listed) -> Outcome:
            try:
                if task.listed_as:
                    await _refuse_if_it_went_on(client, row)
                return await _one(client, row.reference, task)
            except ON_PURPOSE as error:
                sentence, code = explained(error)
                return Outcome(row.reference, code, why=sentence)
            finally:
                advance()

        return await few_at_a_time(rows, one, AT_ONCE)


async def _refuse_if_it_went_on(client: InvoicingClient, row: Listed) -> None:
    now = await client.invoices.listed(row.reference)
    if now.waiting_for != row.waiting_for:
        raise Refused(f"{row.reference}: it no longer waits for what was listed, {row.waiting_for}")


async def _one(client: InvoicingClient, reference: str, task: Task) -> Outcome:
    invoice = await answered(task.instruct(client, reference))
    if task.wait:
        invoice = await until_settled(client, reference, lambda _: None)
    if task.wait and waits_for_person(invoice):
        why = str(invoice.problem or "it is held")
        return Outcome(reference, Code.NEEDS_ATTENTION, invoice.status, why)
    return Outcome(reference, Code.DONE, invoice.status)


def _report(word: str, done: Sequence[Outcome], as_json: bool) -> None:
    if as_json:
        for one in done:
            told = {
                "reference": one.reference,
                "outcome": one.word,
                "status": one.status,
                "why": one.why,
            }
            typer.echo(json.dumps(told))
    else:
        rows = ((one.reference, one.word, one.status, one.why) for one in done)
        screen().print(outcomes(rows))
    counts = Counter(one.word for one in done)
    summary = ", ".join(f"{counts[each]} {each}" for each in ("done", "waits", "refused"))
    typer.echo(f"{word}: {summary}", err=True)

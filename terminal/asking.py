"""What is asked, and what a person may do: the answers, and the commands that give them."""

from __future__ import annotations

from collections.abc import Iterable

from rich.table import Table

from invoicing.state.invoice import COMES_WITH, Invoice, Problem, Status
from invoicing.state.questions import Answer
from terminal.drawing import plain, program, table_of

_OPTIONS = {
    "provider_id": "--provider-id ID",
    "document": "--document FILE",
    "reference": "--reference REF",
}


def trouble(problem: Problem, *, ended: bool = False) -> str:
    """What is wrong, field by field, on lines of their own."""
    fields = (f"  {plain(each)}" for each in problem.fields)
    headline = "Ended" if ended else "Needs attention"
    if problem.answers:
        headline = f"Needs attention, question {plain(problem.question)}"
    return "\n".join([f"{headline}: {plain(problem.what)}", *fields])


def options(answer: Answer) -> str:
    """What must, or may, be typed with this answer."""
    if answer is Answer.INVOICED:
        return "[--number NUMBER]"
    return _OPTIONS.get(COMES_WITH.get(answer, ""), "")


def choices(problem: Problem, command: str) -> str:
    """Every answer to the open question: what it does there, and what is typed to give it.

    `command` is what comes before the answer, as `resolve INV-7`.
    """
    return _possible(f"Answers to {problem.question}", _choices(problem, command))


def answers(invoice: Invoice) -> str:
    """What a person may do about the invoice now, and the command that does it."""
    name = invoice.reference
    rows = _choices(invoice.problem, f"resolve {name}") if invoice.problem else []
    if invoice.status is Status.HELD:
        rows.append(("release", "let it go on", f"release {name}"))
    elif invoice.status is Status.SCHEDULED:
        rows.append(("release", "send it now", f"release {name}"))
        rows.append(("hold", "not even when its day has come", f"hold {name}"))
    elif not invoice.ended:
        rows.append(("hold", "stop before the next irreversible step", f"hold {name}"))
    if not invoice.ended:
        rows.append(("cancel", "stop, delete the draft, or credit it", f"cancel {name}"))
    return _possible("Possible now", rows)


def _choices(problem: Problem, command: str) -> list[tuple[str, str, str]]:
    question = f"--question {problem.question}"
    return [
        (answer, meaning, " ".join(filter(None, (command, answer, question, options(answer)))))
        for answer, meaning in problem.meanings()
    ]


def _possible(title: str, rows: Iterable[tuple[str, str, str]]) -> str:
    """Commands on lines of their own, which no table cuts: they are to be copied."""
    told = (
        f'  {name:<15} {meaning}\n{"":<18}{program()} {plain(command)} --reason "…"'
        for name, meaning, command in rows
    )
    return "\n".join((f"{plain(title)}:", *told))


def to_be_answered(rows: Iterable[tuple[str, Problem | None]], answer: Answer) -> Table:
    """Many open questions, and what the same answer does at each."""
    table = table_of("Reference", "Question", "It asks", f"What {answer} does there")
    for reference, problem in rows:
        offered = dict(problem.meanings()) if problem else {}
        does = offered.get(answer, "nothing: it is no answer there")
        asked = (problem.question, f"{problem.reason}: {problem}") if problem else ("", "nothing")
        table.add_row(plain(reference), *map(plain, (*asked, does)))
    return table

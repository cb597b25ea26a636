"""What the Web UI shows inside a workflow: tables a person understands at night."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from invoicing.credits.amend import Amendment
    from invoicing.credits.case import Credits
    from invoicing.state.invoice import COMES_WITH, Invoice, Problem, Waiting
    from invoicing.state.order import Order
    from invoicing.state.questions import Answer


def markdown(invoice: Invoice, refused: str = "") -> str:
    """The state as Markdown: figures, what is awaited until when, and what a person may do."""
    rows = [
        ("Status", f"**{invoice.status}**"),
        ("Waits for", _waits(invoice.waiting)),
        ("At the provider", " · ".join(filter(None, [invoice.stage, invoice.provider_status]))),
        ("Payment", invoice.payment),
        ("Money", invoice.balance and invoice.balance.is_told and invoice.balance.sentence()),
        ("Number", invoice.number),
        ("Provider's id", invoice.provider_id),
        ("Goal", invoice.goal),
        ("Sent from", invoice.send_on and moment(invoice.send_on)),
        ("Consents", " · ".join(map(str, invoice.consents))),
        ("In doubt", "an invoice may be there that nobody has seen" if invoice.in_doubt else ""),
    ]
    if sums := invoice.amounts:
        amounts = f"{sums.net} + {sums.vat} = {sums.gross} {sums.currency}"
        rows.append(("Net + VAT = gross", amounts))
    title = "Ended" if invoice.ended else "Needs attention"
    return "\n".join([*_table(rows), *_problem(invoice.problem, title), *_refused(refused)])


def order_markdown(order: Order, refused: str = "") -> str:
    """An order's state as Markdown: every line, what is awaited, what a person may do."""
    rows = [
        ("Status", f"**{order.status}**"),
        ("Waits for", _waits(order.waiting)),
        ("At the provider", " · ".join(filter(None, [order.provider_id, order.provider_status]))),
    ]
    lines = [
        f"| {line.id} | {line.units or ''} | {line.status} | {line.holder or ''} "
        f"| {line.number or ''} |"
        for line in order.ledger.lines[:MOST_LINES]
    ]
    ledger = ["", "| Line | Units | Status | By | Invoice |", f"{'|---' * 5}|", *lines]
    if left := len(order.ledger.lines) - MOST_LINES:
        ledger += ["", f"… and {left} more: query *ledger*."] if left > 0 else []
    problem = _problem(order.problem, "Needs attention")
    return "\n".join([*_table(rows), *problem, *_refused(refused), *ledger])


def credits_markdown(known: Credits, refused: str = "") -> str:
    """The credits of an invoice as Markdown: what is left, and what became of each."""
    left = known.left
    rows = [
        ("Status", f"**{known.status}**"),
        ("Waits for", _waits(known.waiting)),
        ("Invoice", known.number),
        ("Left", left and f"{left.sums.net} + {left.sums.vat} = {left.sums.gross} {left.currency}"),
    ]
    lines = [
        f"| {each.credit} | {each.became} | {each.sums.gross} | {each.status} "
        f"| {each.number or ''} | {each.reference} |"
        for each in known.credits[-MOST_LINES:]
    ]
    head = ["", "| Credit | It is | With VAT | Its note | Number | Reference |", f"{'|---' * 6}|"]
    problem = _problem(known.problem, "Needs attention")
    return "\n".join([*_table(rows), *problem, *_refused(refused), *head, *lines])


def amendment_markdown(known: Amendment, refused: str = "") -> str:
    """The amendment of an invoice as Markdown: how far it is, and what a person may do."""
    rows = [
        ("Status", f"**{known.status}**"),
        ("Waits for", _waits(known.waiting)),
        ("Amendment", known.amendment),
        ("Credit note", known.credit),
        ("Credited", "for good" if known.credited else ""),
        ("New invoice", known.makes),
        ("Its number", known.number),
    ]
    fields = [f"- `{each.field}` {each.message}" for each in known.fields]
    why = ["", f"### {known.problem}", "", *fields] if known.problem else []
    return "\n".join([*_table(rows), *why, *_refused(refused)])


def question_markdown(problem: Problem) -> str:
    """A question alone, for a workflow that has nothing else to show."""
    return "\n".join(_problem(problem, "Needs attention")).lstrip()


MOST_LINES = 50
"""Of an order that are shown; the details are sent to every page that looks."""


def moment(at: datetime) -> str:
    """A moment as people read it."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _table(rows: Iterable[tuple[str, object]]) -> list[str]:
    return ["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows if value)]


def _waits(waiting: Waiting | None) -> str:
    until = f", until {moment(waiting.until)}" if waiting and waiting.until else ""
    return f"{waiting}{until}" if waiting else ""


def _problem(problem: Problem | None, title: str) -> list[str]:
    if problem is None:
        return []
    fields = [f"- `{each.field}` {each.message}" for each in problem.fields]
    return ["", f"### {title}: {problem.what}", "", *fields, *_answers(problem)]


def _answers(problem: Problem) -> list[str]:
    if not problem.answers:
        return []
    return [
        "",
        f"Question `{problem.question}`. Answers to choose from:",
        "",
        *(f"- `{answer}`: {meaning}" for answer, meaning in problem.meanings()),
        "",
        "Send the update, or the signal, `resolve` with this input, or `cancel` to take it back:",
        "",
        "```json",
        _example(problem.question, problem.answers[0]),
        "```",
        "",
        "Who and why stay in the journal.",
    ]


def _example(question: str, answer: Answer) -> str:
    field = {**COMES_WITH, Answer.INVOICED: "number"}.get(answer)
    value = "{…}" if field == "document" else '"…"'
    with_it = f', "{field}": {value}' if field else ""
    return (
        f'{{"by": "your name", "reason": "why", "question": "{question}", '
        f'"answer": "{answer}"{with_it}}}'
    )


def _refused(refused: str) -> list[str]:
    return ["", f"**The last signal was refused.** {refused}"] if refused else []

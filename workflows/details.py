"""What the Web UI shows inside one invoice: a table a person understands at night."""

from __future__ import annotations

from datetime import UTC, datetime

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from invoicing.invoice import Invoice, Problem, Waiting
    from invoicing.order import Order


def markdown(invoice: Invoice) -> str:
    """The state as Markdown: figures, what is awaited until when, and what a person may do."""
    rows = [
        ("Status", f"**{invoice.status}**"),
        ("Waits for", _waits(invoice.waiting)),
        ("At the provider", " · ".join(filter(None, [invoice.stage, invoice.provider_status]))),
        ("Payment", invoice.payment),
        ("Number", invoice.number),
        ("Provider's id", invoice.provider_id),
        ("Goal", invoice.goal),
        ("Sent from", invoice.send_on and _moment(invoice.send_on)),
    ]
    if sums := invoice.amounts:
        amounts = f"{sums.net} + {sums.vat} = {sums.gross} {sums.currency}"
        rows.append(("Net + VAT = gross", amounts))
    table = ["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows if value)]
    return "\n".join([*table, *_problem(invoice)])


def _waits(waiting: Waiting | None) -> str:
    until = f", until {_moment(waiting.until)}" if waiting and waiting.until else ""
    return f"{waiting}{until}" if waiting else ""


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _problem(invoice: Invoice) -> list[str]:
    problem = invoice.problem
    if problem is None:
        return []
    what = f"### {'Ended' if invoice.ended else 'Needs attention'}: {problem.what}"
    fields = [f"- `{each.field}` {each.message}" for each in problem.fields]
    return ["", what, "", *fields, *_answers(problem)]


def _answers(problem: Problem) -> list[str]:
    if not problem.actions:
        return []
    return [
        "",
        "Send the update `resolve`, or `cancel` to take the invoice back. Answers to choose from:",
        "",
        *(f"- `{action}`: {problem.meaning(action)}" for action in problem.actions),
        "",
        "As the update's input:",
        "",
        "```json",
        f'{{"by": "your name", "reason": "why", "action": "{problem.actions[0]}"}}',
        "```",
        "",
        "Who and why stay in the journal.",
    ]


def order_markdown(order: Order) -> str:
    """An order's state as Markdown: every line, every delivery, what is awaited."""
    rows = [
        ("Status", f"**{order.status}**"),
        ("At the provider", " · ".join(filter(None, [order.provider_id, order.provider_status]))),
        ("Waits for", str(order.waiting or "")),
    ]
    table = ["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows if value)]
    lines = [
        f"| {line.id} | {line.status} | {line.holder or ''} | {line.number or ''} |"
        for line in order.ledger.lines
    ]
    ledger = ["", "| Line | Status | By | Invoice |", "|---|---|---|---|", *lines]
    return "\n".join([*table, *ledger, *_order_problem(order)])


def _order_problem(order: Order) -> list[str]:
    if order.problem is None:
        return []
    fields = [f"- `{each.field}` {each.message}" for each in order.problem.fields]
    return ["", f"### Needs attention: {order.problem.what}", "", *fields, "", _ORDER_ANSWER]


_ORDER_ANSWER = (
    "Send the update `resolve`: "
    '`{"by": "your name", "reason": "why", "action": "retry"}`, or the action `free`, `invoiced` '
    "(with its `number`) or `abandon`."
)

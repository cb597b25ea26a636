"""What the Web UI shows inside one invoice: a table a person understands at night."""

from __future__ import annotations

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from invoicing.invoice import Action, Invoice

_HELP = {
    Action.RETRY: "do the step again",
    Action.ADOPT: "go on with the invoice that has this `provider_id`",
    Action.CORRECT: "take back the draft and make it again from a new `document`",
    Action.SKIP: "count the step as settled",
    Action.ABANDON: "end here and leave the provider's side as it is",
}


def markdown(invoice: Invoice) -> str:
    """The state as Markdown: figures, what is awaited until when, and what a person may do."""
    rows = [
        ("Status", f"**{invoice.status}**"),
        ("At the provider", " · ".join(filter(None, [invoice.stage, invoice.provider_status]))),
        ("Payment", invoice.payment),
        ("Number", invoice.number),
        ("Provider's id", invoice.provider_id),
        ("Goal", invoice.goal),
    ]
    if sums := invoice.amounts:
        amounts = f"{sums.net} + {sums.vat} = {sums.gross} {sums.currency}"
        rows.append(("Net + VAT = gross", amounts))
    if waiting := invoice.waiting:
        until = f", until {waiting.until:%Y-%m-%d %H:%M} UTC" if waiting.until else ""
        rows.append(("Waits for", f"{waiting.on}: {waiting.what}{until}"))
    table = ["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows if value)]
    return "\n".join([*table, *_problem(invoice)])


def _problem(invoice: Invoice) -> list[str]:
    problem = invoice.problem
    if problem is None:
        return []
    return [
        "",
        f"### Needs attention: {problem.what}",
        *(f"- `{each.field}` {each.message}" for each in problem.fields),
        "",
        "Send the update `resolve` with `by`, `reason` and one of these as `action`, or `cancel`:",
        *(f"- `{action}`: {_HELP[action]}" for action in problem.actions),
    ]

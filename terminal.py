"""How invoices look on a terminal: the tables of the command line and of the demonstration.

Whatever a provider or a caller wrote goes through `plain`: no control character and no markup of
theirs reaches a terminal.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from rich import box
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from invoicing.client import Listed
from invoicing.preview import Preview
from invoicing.provider import Event
from invoicing.state.invoice import COMES_WITH, Invoice, JournalEntry, LineStatus, Problem, Status
from invoicing.state.news import EventState
from invoicing.state.order import Order
from invoicing.state.questions import Answer

_OPTIONS = {
    "provider_id": "--provider-id ID",
    "document": "--document FILE",
    "reference": "--reference REF",
}

FELL_THROUGH = (
    Status.CANCELLED,
    Status.CREDITED,
    Status.ABANDONED,
    Status.REJECTED,
    Status.EXPIRED,
)
"""Ends at which the invoice that was asked for does not stand."""

_WIDE = 110
_WITHOUT_TERMINAL = 160


def screen(*, error: bool = False) -> Console:
    """Standard output, or standard error. What is piped or logged is not cut to a narrow width."""
    console = Console(stderr=error, highlight=False, markup=False, emoji=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = _WITHOUT_TERMINAL
    return console


INSTALLED = "invoicing"
"""The command's name where it is installed (`[project.scripts]` of pyproject.toml)."""


def program() -> str:
    """What this program was called as, for commands that people are told to type."""
    return INSTALLED if Path(sys.argv[0]).stem == INSTALLED else "python starter.py"


def plain(text: object) -> str:
    """The text on one line, with nothing in it that a terminal would obey."""
    return "".join(each if each.isprintable() else " " for each in str(text))


def waits_for_person(invoice: Invoice | Order) -> bool:
    """Whether nothing more happens until somebody decides."""
    return invoice.status in (Status.NEEDS_ATTENTION, Status.HELD)


def rests(invoice: Invoice) -> bool:
    """Whether nothing more happens for now, until somebody decides or its day comes."""
    return waits_for_person(invoice) or invoice.status is Status.SCHEDULED


def facts(invoice: Invoice) -> Table:
    """One invoice, fact by fact."""
    sums, waiting = invoice.amounts, invoice.waiting
    until = f", until {_moment(waiting.until)}" if waiting and waiting.until else ""
    rows = {
        "Reference": invoice.reference,
        "Status": _status(invoice),
        "Waits for": f"{waiting}{until}" if waiting else None,
        "Consents": " · ".join(map(str, invoice.consents)),
        "Goal": invoice.goal,
        "Provider": f"{invoice.provider}, account {invoice.account}",
        "There": " · ".join(filter(None, (invoice.stage, invoice.provider_status))),
        "Provider's id": invoice.provider_id,
        "Number": invoice.number,
        "Net + VAT = gross": sums and f"{sums.net} + {sums.vat} = {sums.gross} {sums.currency}",
        "Payment": invoice.payment,
        "Money": invoice.balance and invoice.balance.is_told and invoice.balance.sentence(),
        **_movements(invoice),
        "Due": invoice.due_date,
        "Sent from": invoice.send_on and _moment(invoice.send_on),
        "Lines": ", ".join(f"{line.id}: {line.status}" for line in invoice.lines),
    }
    return _facts(rows)


def _movements(invoice: Invoice) -> dict[str, object]:
    balance = invoice.balance
    if balance is None:
        return {}
    rows: dict[str, object] = {
        f"Movement {place}": str(each)
        for place, each in enumerate(balance.movements, balance.earlier + 1)
    }
    return rows


def _facts(rows: Mapping[str, object]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows.items():
        if value:
            table.add_row(plain(name), value if isinstance(value, Text) else plain(value))
    return table


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
    table = _table("Reference", "Question", "It asks", f"What {answer} does there")
    for reference, problem in rows:
        offered = dict(problem.meanings()) if problem else {}
        does = offered.get(answer, "nothing: it is no answer there")
        asked = (problem.question, f"{problem.reason}: {problem}") if problem else ("", "nothing")
        table.add_row(plain(reference), *map(plain, (*asked, does)))
    return table


def history(entries: Iterable[JournalEntry]) -> Table:
    """What happened, oldest first."""
    table = _table("When (UTC)", "What", "By", "Why")
    for entry in entries:
        when = f"{entry.at:%Y-%m-%d %H:%M:%S}"
        table.add_row(when, plain(_told(entry)), plain(_who(entry)), plain(entry.reason))
    return table


def _who(entry: JournalEntry) -> str:
    """What was said of who it is, and who has proven it."""
    proven = f"{entry.proven}, proven" if entry.proven else ""
    said = entry.by if entry.by != entry.proven else ""
    return "; ".join(filter(None, (proven, said)))


def _told(entry: JournalEntry) -> str:
    if entry.last_at is None:
        return entry.what
    return f"{entry.what} ({entry.times} times, the last at {entry.last_at:%Y-%m-%d %H:%M:%S})"


def listing(rows: Iterable[Listed], columns: Sequence[str] = ()) -> Table:
    """Many invoices, one per row; `columns` are names of fields, left out: the usual ones."""
    if columns:
        table = _table(*(name.replace("_", " ").capitalize() for name in columns))
        for row in rows:
            table.add_row(*(_cell(getattr(row, name)) for name in columns))
        return table
    table = _table("Reference", "Provider", "Status", "Waits for", "Number", "Due", "Started (UTC)")
    for row in rows:
        status = row.status or row.execution
        cells = (row.reference, _whose(row), status, row.waiting_for, row.number, row.due_date)
        table.add_row(*(plain(cell or "") for cell in cells), _moment(row.started_at)[:-4])
    return table


def grid(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    """Rows of cells under the names of fields; what is None is left empty."""
    table = _table(*(name.replace("_", " ").capitalize() for name in columns))
    for row in rows:
        table.add_row(*(plain("" if cell is None else cell) for cell in row))
    return table


def _whose(row: Listed) -> str:
    """The provider, with the account where it is not the only one."""
    named = row.account and row.account != "default"
    return f"{row.provider or ''}, {row.account}" if named else row.provider or ""


def _cell(value: object) -> str:
    return _moment(value) if isinstance(value, datetime) else plain(value or "")


def outcomes(rows: Iterable[tuple[str, str, str, str]]) -> Table:
    """What became of many instructions: reference, outcome, status, why."""
    table = _table("Reference", "Outcome", "Status", "Why")
    for reference, outcome, status, why in rows:
        table.add_row(plain(reference), _judged(outcome), plain(status), plain(why))
    return table


def _judged(word: str) -> Text:
    return Text(plain(word), style="green" if word in _GOOD else "bold yellow")


_GOOD = ("done", "started", "known", "ok", "yes")


def order_facts(order: Order) -> Table:
    """One order, fact by fact, and what is wrong with it."""
    sums, waiting, problem = order.amounts, order.waiting, order.problem
    rows = {
        "Order": order.reference,
        "Status": order.status,
        "Waits for": waiting and str(waiting),
        "Goal": order.goal,
        "Provider": f"{order.provider}, account {order.account}",
        "There": order.provider_status,
        "Provider's id": order.provider_id,
        "Net + VAT = gross": sums and f"{sums.net} + {sums.vat} = {sums.gross} {sums.currency}",
        "Needs attention": problem and f"{problem.what} ({problem.question})",
    }
    table = _facts(rows)
    for field in problem.fields if problem else ():
        table.add_row("", plain(field))
    return table


def ledger(order: Order) -> Table:
    """Every line of an order, or part of one: how many units, what they come to, who has them."""
    table = _table("Line", "Units", "Amount", "Status", "By", "Number")
    for line in order.ledger.lines:
        style = "" if line.status in (LineStatus.OPEN, LineStatus.RESERVED) else "green"
        units = "" if line.units is None else f"{line.units.normalize():f}"
        amount = "" if line.amount is None else str(line.amount)
        who = (plain(line.holder or ""), plain(line.number or ""))
        table.add_row(plain(line.id), units, amount, Text(line.status, style=style), *who)
    return table


def deliveries(order: Order) -> Table:
    """Every delivery of an order, and its invoice."""
    table = _table("Delivery", "Invoice", "Status", "Number", "Lines")
    for one in order.deliveries:
        cells = (one.delivery, one.reference, one.status, one.number or "", ", ".join(one.lines))
        table.add_row(*map(plain, cells))
    return table


MOST_CONTENT = 120
"""Characters of an event's content in a list."""


def events_table(events: Mapping[str, tuple[EventState, Event | None]]) -> Table:
    """Events that wait for a person, by their ids, with what was told where it can be read."""
    table = _table("Event", "Kind", "Looked for", "It says", "Question", "Wrong", "Waits until")
    table.columns[0].no_wrap = True  # it is to be copied
    for name, (state, told) in events.items():
        until = state.waiting and state.waiting.until
        asked = (state.problem.question, state.problem.what) if state.problem else ("", "")
        says = _cut(content(told), MOST_CONTENT)
        names = ", ".join(state.names)
        cells = (name, state.kind, names, says, *asked, _moment(until) if until else "")
        table.add_row(*map(plain, cells))
    return table


def content(told: Event | None) -> str:
    """What the provider told, as JSON; empty where it cannot be read."""
    return json.dumps(told.body, ensure_ascii=False) if told else ""


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


MOST_SHOWN = 4_000
"""Characters of one event's content; `--json` has all of it."""


def event_facts(name: str, state: EventState, told: Event | None) -> Table:
    """One event, fact by fact."""
    waiting = state.waiting
    until = f", until {_moment(waiting.until)}" if waiting and waiting.until else ""
    problem = state.problem
    return _facts(
        {
            "Event": name,
            "Kind": state.kind,
            "Provider": f"{state.provider}, account {state.account}",
            "Looked for": ", ".join(state.names),
            "It says": _cut(content(told), MOST_SHOWN),
            "Outcome": state.outcome,
            "To": ", ".join(state.to),
            "Waits for": f"{waiting}{until}" if waiting else None,
            "Needs attention": problem and f"{problem.what} ({problem.question})",
        }
    )


def previewed(preview: Preview) -> Table:
    """What one request would come to, if nothing stands in the way."""
    sums = preview.totals
    rows: dict[str, object] = {
        "Reference": preview.reference,
        "Provider": f"{preview.provider}, account {preview.account}",
        "Goal": preview.goal,
        "Looked up": ", ".join(preview.looked_up),
    }
    if sums:
        rows |= {f"Line {line.id}": f"{line.net} + {line.vat}" for line in sums.lines}
        rows |= {
            f"VAT {row.category} {row.rate} %": f"{row.vat} on {row.taxable}"
            for row in sums.vat_rows
        }
        rows["Net + VAT = gross"] = f"{sums.net} + {sums.vat} = {sums.gross} {sums.currency}"
        rows["Amount due"] = f"{sums.due} {sums.currency}"
    return _facts(rows)


def previews(rows: Iterable[tuple[str, Preview | None, str]]) -> Table:
    """Many previews: reference, what it would come to, and what is wrong."""
    table = _table("Reference", "Provider", "Net", "VAT", "Gross", "Currency", "Possible", "Wrong")
    for reference, preview, wrong in rows:
        sums = preview.totals if preview else None
        figures = (sums.net, sums.vat, sums.gross, sums.currency) if sums else ("",) * 4
        cells = (reference, preview.provider if preview else "", *figures)
        table.add_row(*map(plain, cells), _judged("no" if wrong else "yes"), plain(wrong))
    return table


def findings(
    rows: Iterable[tuple[str, str, str]], what: str = "What", mend: str = "How to mend it"
) -> Table:
    """What an examination found: ok, look or wrong; what it is about; and how to mend it."""
    table = _table("", what, mend)
    for level, *cells in rows:
        table.add_row(_judged(level), *map(plain, cells))
    return table


def compared(rows: Iterable[tuple[str, str, str, str]]) -> Table:
    """Our side beside the provider's; the last cell says whether they agree."""
    table = _table("Reference", "Our state", "The provider's ledger", "Agree")
    for reference, ours, theirs, agree in rows:
        style = "green" if agree == "yes" else "bold red"
        table.add_row(plain(reference), plain(ours), plain(theirs), Text(plain(agree), style=style))
    return table


class Board:
    """Several invoices and orders as they change.

    On a terminal one table that is drawn anew; elsewhere one line per change. `stories` says what
    each invoice is about, `pages` where the Web UI shows it.
    """

    def __init__(
        self,
        console: Console,
        *,
        stories: Mapping[str, str] | None = None,
        pages: Mapping[str, str] | None = None,
    ) -> None:
        self._console = console
        self._stories, self._pages = stories or {}, pages or {}
        self._rows: dict[str, tuple[str | Text, ...]] = dict.fromkeys(self._stories, ())
        self._live: Live | None = None

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live = Live(console=self._console, auto_refresh=False)
            self._live.start()
            if self._rows:
                self._live.update(self._table(), refresh=True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live:
            self._live.stop()

    def say(self, text: str) -> None:
        """A line above the table."""
        self._console.print(text, soft_wrap=True)

    def show(self, invoice: Invoice | Order) -> None:
        """Take in how this invoice or order is now."""
        row = _row(invoice)
        if self._rows.get(invoice.reference) == row:
            return
        self._rows[invoice.reference] = row
        if self._live:
            self._live.update(self._table(), refresh=True)
        else:
            self._console.print(_line(invoice), soft_wrap=True)

    def _table(self) -> Table:
        wide = bool(self._stories) and self._console.width >= _WIDE
        story = ("Story",) if wide else ()
        table = _table("Reference", *story, "Status", "Waits for", "Number", "Provider's id")
        for reference, row in self._rows.items():
            page = self._pages.get(reference)
            name = Text(plain(reference), style=f"link {page}" if page else "")
            told = (self._stories.get(reference, ""),) if wide else ()
            table.add_row(name, *told, *row)
        return table


def _row(invoice: Invoice | Order) -> tuple[str | Text, ...]:
    number, identity = plain(_number(invoice)), plain(invoice.provider_id or "")
    waiting = plain(invoice.waiting or "")
    return _status(invoice), waiting, number, identity[:8] + "…" * (len(identity) > 8)


def _line(invoice: Invoice | Order) -> str:
    number = f", number {_number(invoice)}" if _number(invoice) else ""
    waiting = f", waits for {invoice.waiting}" if invoice.waiting else ""
    return plain(f"{invoice.reference}: {invoice.status}{number}{waiting}")


def _number(invoice: Invoice | Order) -> str:
    """An order has none of its own: its invoices have them."""
    return invoice.number or "" if isinstance(invoice, Invoice) else ""


def _status(invoice: Invoice | Order) -> Text:
    if waits_for_person(invoice):
        style = "bold yellow"
    elif invoice.status in FELL_THROUGH:
        style = "magenta"
    else:
        style = "green" if invoice.ended else ""
    return Text(invoice.status, style=style)


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def interactive() -> bool:
    """Whether somebody sits there who can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()

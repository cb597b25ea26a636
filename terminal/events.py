"""Events that no invoice was found for."""

from __future__ import annotations

import json
from collections.abc import Mapping

from rich.table import Table

from invoicing.provider import Event
from invoicing.state.news import EventState
from terminal.drawing import cut, fact_table, moment, plain, table_of

MOST_CONTENT = 120
"""Characters of an event's content in a list."""


def events_table(events: Mapping[str, tuple[EventState, Event | None]]) -> Table:
    """Events that wait for a person, by their ids, with what was told where it can be read."""
    table = table_of("Event", "Kind", "Looked for", "It says", "Question", "Wrong", "Waits until")
    table.columns[0].no_wrap = True  # it is to be copied
    for name, (state, told) in events.items():
        until = state.waiting and state.waiting.until
        asked = (state.problem.question, state.problem.what) if state.problem else ("", "")
        says = cut(content(told), MOST_CONTENT)
        names = ", ".join(state.names)
        cells = (name, state.kind, names, says, *asked, moment(until) if until else "")
        table.add_row(*map(plain, cells))
    return table


def content(told: Event | None) -> str:
    """What the provider told, as JSON; empty where it cannot be read."""
    return json.dumps(told.body, ensure_ascii=False) if told else ""


MOST_SHOWN = 4_000
"""Characters of one event's content; `--json` has all of it."""


def event_facts(name: str, state: EventState, told: Event | None) -> Table:
    """One event, fact by fact."""
    waiting = state.waiting
    until = f", until {moment(waiting.until)}" if waiting and waiting.until else ""
    problem = state.problem
    return fact_table(
        {
            "Event": name,
            "Kind": state.kind,
            "Provider": f"{state.provider}, account {state.account}",
            "Looked for": ", ".join(state.names),
            "It says": cut(content(told), MOST_SHOWN),
            "Outcome": state.outcome,
            "To": ", ".join(state.to),
            "Waits for": f"{waiting}{until}" if waiting else None,
            "Needs attention": problem and f"{problem.what} ({problem.question})",
        }
    )

"""What Temporal's lists and Web UI show of one workflow, brought up to date in one event."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from temporalio import workflow
from temporalio.common import SearchAttributeKey

with workflow.unsafe.imports_passed_through():
    from invoicing.state import attributes
    from invoicing.state.bounds import shown
    from invoicing.state.invoice import Waiting

Row = tuple[SearchAttributeKey[Any], object]


class Listing:
    """What lists show now; a change of it is one event in history, no change is none."""

    def __init__(self) -> None:
        self._listed: dict[str, object] = {
            pair.key.name: pair.value for pair in workflow.info().typed_search_attributes
        }

    def status(self) -> object:
        """The status that lists show."""
        return self._listed.get(attributes.STATUS.name)

    def show(self, rows: Iterable[Row], waiting: Waiting | None, details: str) -> None:
        """Bring lists and current details up to date."""
        wanted = [
            *(_cut(row) for row in rows),
            (attributes.WAITING_FOR, shown(str(waiting)) if waiting else None),
        ]
        changed = [row for row in wanted if self._listed.get(row[0].name) != row[1]]
        if attributes.WAITING_FOR in (key for key, _ in changed):
            # Never by itself: a list that shows the same wait again is not worth an event.
            changed.append((attributes.WAITING_SINCE, waiting and waiting.since))
        if changed:
            self._listed.update({key.name: value for key, value in changed})
            workflow.upsert_search_attributes([_update(key, value) for key, value in changed])
        workflow.set_current_details(details)


def _cut(row: Row) -> Row:
    """A text longer than a list can hold would have the server end the workflow."""
    key, value = row
    return (key, shown(value)) if isinstance(value, str) else row


def _update(key: SearchAttributeKey[Any], value: object) -> Any:
    return key.value_unset() if value is None else key.value_set(value)

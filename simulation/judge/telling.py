"""What a subscriber and a register were told, judged by what is so in the end."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

from invoicing.balance import Balance
from invoicing.state.identity import MONEY_PREFIX, notices_id, workflow_id
from invoicing.state.invoice import Invoice
from invoicing.state.notice import Notice
from invoicing.state.recording import Row
from simulation.engine import Server
from simulation.judge.sentences import Sentence

Broken = Callable[[Sentence, str], None]
_FIGURES = {
    "paid": "paid",
    "left": "left_to_pay",
    "too_much": "too_much",
    "refunded": "refunded",
    "charged_back": "charged_back",
    "returned": "returned",
}
"""Of a balance, and what the register calls them."""


class TellingJudge:
    """Watches what is told about the invoices of one life."""

    def __init__(self, server: Server, broken: Broken) -> None:
        self._server = server
        self._broken = broken
        self._posted: dict[str, list[Notice]] = defaultdict(list)

    def posted(self, notice: Notice) -> None:
        """A subscriber has taken this."""
        if notice.type.startswith("invoice."):
            self._posted[str(notice.data["reference"])].append(notice)

    def end(
        self, rows: Mapping[tuple[str, str], Row], alone: Callable[[str], bool], subscriber: str
    ) -> None:
        """Everything has ended. `alone` says whether a reference had one life alone."""
        for reference, posted in self._posted.items():
            if alone(reference) and not self._was_dropped(subscriber, reference):
                self._in_order(reference, posted)
        for identity in self._server.ids():
            last = self._server.runs(identity)[-1]
            reference = identity.removeprefix(MONEY_PREFIX)
            if identity == reference or last.status != "completed" or not alone(reference):
                continue
            posted = self._posted.get(reference, [])
            if posted and not self._was_dropped(subscriber, reference):
                self._last_word(last.result, posted[-1])
            row = rows.get(("invoice", reference))
            if row is not None:
                self._last_row(last.result, row)

    def _was_dropped(self, subscriber: str, reference: str) -> bool:
        """Whether notices of it were given up, which fails the workflow that posts them."""
        runs = self._server.runs(notices_id(subscriber, workflow_id(reference)))
        return any(run.status in ("failed", "terminated", "canceled") for run in runs)

    def _in_order(self, reference: str, posted: list[Notice]) -> None:
        """Each number once or more often, one after the other, and the same notice every time."""
        before: Notice | None = None
        for each in posted:
            number = before.sequence if before else 0
            again = before is not None and each == before
            if not again and each.sequence != number + 1:
                what = f"{reference}: notice {each.sequence} ({each.type}) after {number}"
                self._broken(Sentence.TOLD, what)
            before = each

    def _last_word(self, state: Invoice, last: Notice) -> None:
        given: Any = last.data.get("balance")
        told = Balance.model_validate(given).word if given else ""
        now = state.balance.word if state.balance else ""
        if (told, last.data["status"]) != (now, state.status.value):
            what = f"was told {last.data['status']} {told} last, and it is {state.status} {now}"
            self._broken(Sentence.TOLD, f"{state.reference}: {what}")

    def _last_row(self, state: Invoice, row: Row) -> None:
        known = {"status": str(row.status), "payment": str(row.payment)}
        now = {"status": state.status.value, "payment": state.payment.value}
        if state.balance is not None:
            known |= {name: str(getattr(row, other)) for name, other in _FIGURES.items()}
            now |= {name: str(getattr(state.balance, name)) for name in _FIGURES}
        differ = [name for name in now if known[name] != now[name]]
        if differ:
            wrong = ", ".join(f"{name} {known[name]}, not {now[name]}" for name in differ)
            self._broken(Sentence.ROW, f"{state.reference}: the register has {wrong}")

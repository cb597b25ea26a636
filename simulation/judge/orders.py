"""What became of every unit of an order, judged by what the provider holds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal

from invoicing.request import OrderRequest
from invoicing.state.identity import order_id
from invoicing.state.invoice import LineStatus
from invoicing.state.order import DeliveryState, Order, OrderStatus
from simulation.engine import Server
from simulation.judge.sentences import Sentence
from simulation.provider.ledger import Held

Broken = Callable[[Sentence, str], None]
_STANDS = (LineStatus.INVOICED, LineStatus.SETTLED)


class OrderJudge:
    """Watches the order of one life."""

    def __init__(self, server: Server, whole_lines: bool, broken: Broken) -> None:
        self._server = server
        self._whole_lines = whole_lines
        self._broken = broken
        self._units: dict[str, dict[str, Decimal]] = {}

    def begins(self, request: OrderRequest) -> None:
        """An order of so many units of each line."""
        self._units[request.reference] = {line.id: line.quantity for line in request.document.lines}

    def check(self, finals: list[Held]) -> None:
        """What must hold at any moment: of no line are more units final than were ordered. What is
        cancelled there does not count: a provider may refuse that and do it all the same."""
        for order, ordered in self._units.items():
            ours = [each for each in finals if each.reference.startswith(f"{order}:")]
            invoiced = defaultdict[str, Decimal](Decimal)
            for held in ours:
                for line, count in held.units.items():
                    invoiced[line] += count
            for line, count in invoiced.items():
                on = " and ".join(held.id for held in ours if line in held.units)
                what = f"{order}: {count} of {ordered[line]} units of {line} are on {on}"
                if count > ordered[line]:
                    self._broken(Sentence.LINE_ONCE, what)
                elif self._whole_lines and count != ordered[line]:
                    self._broken(Sentence.LINE_ONCE, f"{what}, where lines are whole")

    def end(self, settled: Callable[[str], Held | None]) -> None:
        """Everything has ended. `settled` gives the final invoice that stands for a reference,
        where nobody but us had a hand in what became of it."""
        for order, ordered in self._units.items():
            runs = self._server.runs(order_id(order))
            if not runs or runs[-1].status != "completed":
                continue
            state: Order = runs[-1].result
            self._adds_up(state, ordered)
            for delivery in state.deliveries:
                if (held := settled(delivery.reference)) is not None:
                    self._same(state, delivery, held)

    def _adds_up(self, state: Order, ordered: dict[str, Decimal]) -> None:
        found = defaultdict[str, Decimal](Decimal)
        for line in state.ledger.lines:
            found[line.id] += line.units or 0
            if state.status is OrderStatus.COMPLETED and line.status is LineStatus.OPEN:
                self._broken(Sentence.LINE_ONCE, f"{state.reference}: {line.id} is left open")
        for each, count in ordered.items():
            if found[each] != count:
                known = f"knows {found[each]} of {count} units of {each}"
                self._broken(Sentence.LINE_ONCE, f"{state.reference}: the ledger {known}")

    def _same(self, state: Order, delivery: DeliveryState, held: Held) -> None:
        """What is invoiced here is what is on the invoice there."""
        ours = {
            line.id: line.units
            for line in state.ledger.lines
            if line.holder == f"delivery/{delivery.delivery}" and line.status in _STANDS
        }
        if ours != held.units:
            what = f"{delivery.reference}: {held.id} has {held.units}, and the ledger {ours}"
            self._broken(Sentence.LINE_ONCE, what)

"""People around an order: they deliver its lines, cancel some, and take it back."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from invoicing.request import InvoiceRequest, OrderRequest
from invoicing.state.identity import order_id
from invoicing.state.invoice import Cancel, LineStatus
from invoicing.state.order import CancelLines, Deliver, Order, request_of
from invoicing.state.order_ledger import Ledger
from simulation.decisions import Act, Decision
from simulation.documents import ISSUED, content, document, sums
from simulation.engine import NotFound, QueryFailed, Server
from simulation.judge.invariants import Judge
from simulation.people.people import People
from simulation.wire import Story, Wire

_WHOLE = timedelta(days=2)
"""After which what is still open is cancelled, and again as often as it takes."""
_ROUNDS = 12
_BY_UNITS = 0.6
"""So many of the orders are delivered by units."""
_WHOLE_LINES = 0.2
"""So many of those at a provider that must know them, which then takes whole lines alone."""
_DELIVERED = 0.6
"""So many of an order's lines are in each of its deliveries by units."""


def deliveries(request: OrderRequest, parts: Sequence[Sequence[int]]) -> list[Deliver]:
    """One delivery for each part, which names lines by their place."""
    lines = request.document.lines
    return [
        Deliver(
            delivery=f"D{number + 1}",
            lines=tuple(lines[place].id for place in part),
            issue_date=ISSUED,
        )
        for number, part in enumerate(parts)
    ]


def invoices(request: OrderRequest, wanted: Sequence[Deliver]) -> list[InvoiceRequest]:
    """What each delivery asks for."""
    ledger = Ledger.of(request.document)
    return [
        request_of(
            request,
            each,
            ledger.reserve(each.lines, each.delivery, each.quantities).held(each.delivery),
        )
        for each in wanted
    ]


def draw_parts(rng: random.Random, lines: int) -> list[list[int]]:
    """Deliveries of an order's lines; now and then two of them name the same line."""
    parts: list[list[int]] = [[] for _ in range(rng.randint(1, 3))]
    for place in range(lines):
        if rng.random() < 0.85:
            rng.choice(parts).append(place)
        if rng.random() < 0.1:
            rng.choice(parts).append(place)
    return [sorted(set(part)) for part in parts if part] or [[0]]


def by_units(seed: int, order: OrderRequest) -> tuple[OrderRequest, list[Deliver], bool] | None:
    """The order with many units of each line, deliveries by units, and whether its provider takes
    whole lines alone; None where whole lines are delivered. Drawn apart, so that an order of whole
    lines is what it always was."""
    rng = random.Random(f"units {seed}")
    if rng.random() >= _BY_UNITS:
        return None
    many = document(len(order.document.lines), times=rng.choice((2, 4, 10)))
    order = order.model_copy(update={"document": many})
    return order, _draw_units(rng, order), rng.random() < _WHOLE_LINES


def _draw_units(rng: random.Random, request: OrderRequest) -> list[Deliver]:
    """Deliveries by units, now and then of more than there are."""
    wanted: list[Deliver] = []
    left = {line.id: int(line.quantity) for line in request.document.lines}
    for number in range(rng.randint(2, 5)):
        lines = [line for line in left if rng.random() < _DELIVERED] or [rng.choice(list(left))]
        units = {line: rng.randint(1, max(1, left[line])) for line in lines}
        for line, count in units.items():
            left[line] = max(0, left[line] - count)
        wanted.append(
            Deliver(
                delivery=f"D{number + 1}",
                lines=tuple(lines),
                quantities={line: Decimal(count) for line, count in units.items()},
                issue_date=ISSUED,
            )
        )
    return wanted


def named(wanted: Deliver | CancelLines) -> str:
    """What of which lines it is about."""
    units = wanted.quantities
    return "+".join(f"{units[line]} of {line}" if line in units else line for line in wanted.lines)


class OrderPeople:
    """Everybody who deals with one order."""

    def __init__(
        self,
        server: Server,
        wire: Wire,
        people: People,
        judge: Judge,
        story: Story,
        request: OrderRequest,
        wanted: Sequence[Deliver],
    ) -> None:
        self._server = server
        self._wire = wire
        self._people = people
        self._judge = judge
        self._story = story
        self._request = request
        self._wanted = list(wanted)
        self._invoices = invoices(request, wanted)
        self._identity = order_id(request.reference)
        self._cancellations = 0
        judge.orders.begins(request)

    def prepare(self, decisions: Sequence[Decision], pauses: Sequence[timedelta]) -> None:
        """Have every line delivered or cancelled in the end, and the others come between."""
        for place, pause in enumerate(pauses):
            self._server.after(pause, partial(self._deliver, place))
        self._server.after(_WHOLE, lambda: self._finish(_ROUNDS))
        acts: dict[str, Callable[[Act], None]] = {
            "deliver again": self._deliver_again,
            "cancel lines": self._cancel_lines,
            "cancel order": self._cancel_order,
        }
        for each in decisions:
            if isinstance(each, Act) and each.what in acts:
                self._wire.when(each.when, partial(acts[each.what], each))

    def _deliver(self, place: int) -> None:
        place %= len(self._wanted)
        wanted, asked = self._wanted[place], self._invoices[place]
        self._story.tell(f"{self._request.reference}: {named(wanted)} are delivered")
        if asked.reference not in self._judge.wanted:
            self._judge.want(
                asked.reference, content(asked.document), sums(asked.document).gross, None
            )
        self._people.instruct(self._identity, "deliver", wanted)

    def _state(self) -> Order | None:
        try:
            state: Order = self._server.query(self._identity, "state")
        except (NotFound, QueryFailed):
            return None
        return state

    def _finish(self, rounds: int) -> None:
        state = self._state()
        if state is None or state.ended or not rounds:
            return
        left = state.ledger.with_status(LineStatus.OPEN)
        if left:
            self._cancel(left, {})
        self._server.after(timedelta(days=3), lambda: self._finish(rounds - 1))

    def _cancel(self, lines: tuple[str, ...], units: dict[str, Decimal]) -> None:
        self._cancellations += 1
        wanted = CancelLines(
            by="seller",
            reason="will not be delivered",
            cancellation=f"C{self._cancellations}",
            lines=lines,
            quantities=units,
        )
        self._story.tell(f"{self._request.reference}: {named(wanted)} will not be delivered")
        self._people.instruct(self._identity, "cancel_lines", wanted)

    def _deliver_again(self, act: Act) -> None:
        self._deliver(act.place)

    def _cancel_lines(self, act: Act) -> None:
        lines = self._request.document.lines
        line = lines[act.place % len(lines)].id
        by_units = any(each.quantities for each in self._wanted) and act.wording == 1
        self._cancel((line,), {line: Decimal(1)} if by_units else {})

    def _cancel_order(self, act: Act) -> None:
        self._story.tell(f"{self._request.reference}: somebody cancels the order")
        order: Any = Cancel(by="seller", reason="ordered by mistake")
        if act.by_signal:
            try:
                self._server.signal(self._identity, "cancel", order)
            except NotFound:
                return
        else:
            self._people.instruct(self._identity, "cancel", order)

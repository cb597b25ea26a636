"""People around an order: they deliver its lines, cancel some, and take it back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from invoicing.identity import order_id
from invoicing.invoice import Cancel, LineStatus
from invoicing.order import CancelLines, Deliver, Order, request_of
from invoicing.order_ledger import Ledger
from invoicing.request import InvoiceRequest, OrderRequest
from simulation.decisions import Act, Decision
from simulation.documents import ISSUED, content, sums
from simulation.engine import NotFound, QueryFailed, Server
from simulation.judge.invariants import Judge
from simulation.people.people import People
from simulation.wire import Story, Wire

_WHOLE = timedelta(days=2)
"""After which what is still open is cancelled, and again as often as it takes."""
_ROUNDS = 12


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
        request_of(request, each, ledger.reserve(each.lines, each.delivery).held(each.delivery))
        for each in wanted
    ]


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
        self._story.tell(f"{self._request.reference}: {', '.join(wanted.lines)} are delivered")
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
            self._cancel(left)
        self._server.after(timedelta(days=3), lambda: self._finish(rounds - 1))

    def _cancel(self, lines: tuple[str, ...]) -> None:
        self._cancellations += 1
        self._story.tell(f"{self._request.reference}: {', '.join(lines)} will not be delivered")
        wanted = CancelLines(
            by="seller",
            reason="will not be delivered",
            cancellation=f"C{self._cancellations}",
            lines=lines,
        )
        self._people.instruct(self._identity, "cancel_lines", wanted)

    def _deliver_again(self, act: Act) -> None:
        self._deliver(act.place)

    def _cancel_lines(self, act: Act) -> None:
        lines = self._request.document.lines
        self._cancel((lines[act.place % len(lines)].id,))

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

"""What all parts of one order share: its memory, its calls, its questions, and what is shown."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Iterable, Iterator
from typing import Any

from temporalio import workflow

from workflows.kit.asking import Asking
from workflows.kit.calls import Kind, Trouble
from workflows.kit.details import order_markdown
from workflows.kit.endings import NobodyCame
from workflows.kit.lifetime import Renewal
from workflows.kit.listing import Listing
from workflows.kit.outbox import Outbox
from workflows.kit.recorder import Recorder, rows
from workflows.kit.telemetry import tell_status
from workflows.kit.waiting import Waits
from workflows.order.calls import OrderCalls

with workflow.unsafe.imports_passed_through():
    from invoicing.books.rows import order_row
    from invoicing.errors import FieldProblem
    from invoicing.provider import Paces
    from invoicing.request import OrderRequest
    from invoicing.state import attributes
    from invoicing.state.bounds import BEGUN_BYTES, CHILDREN, INSTRUCTION, stored
    from invoicing.state.invoice import Instruction, Resolve, Waiting
    from invoicing.state.order import CancelLines, Deliver, Order, OrderStatus
    from invoicing.state.order_case import OrderCase, OrderInput, held_by
    from invoicing.state.order_ledger import Ledger
    from invoicing.state.questions import Answer, Reason


_OVERDUE = {
    Kind.DENIED: Reason.CREDENTIALS_REFUSED,
    Kind.UNREADABLE: Reason.NOT_UNDERSTOOD,
}
"""What is asked when something has lasted too long that is no refusal."""

_NAMED = 5
"""Lines that a refusal names."""


class Abandoned(Exception):
    """A person ended the order."""


class _Row:
    """What one part of the order waits for, kept in the order's memory under a name."""

    def __init__(self, case: OrderCase, name: str) -> None:
        self._case = case
        self._name = name

    @property
    def waiting(self) -> Waiting | None:
        return self._case.rows.get(self._name)

    @waiting.setter
    def waiting(self, waiting: Waiting | None) -> None:
        rows = {name: one for name, one in self._case.rows.items() if name != self._name}
        self._case.rows = rows if waiting is None else {**rows, self._name: waiting}


class OrderLife:
    """One order's workbench. Its parts go on beside each other; questions come one at a time."""

    def __init__(self, start: OrderInput) -> None:
        self.request = start.request()
        self.case = start.resumed or _begun(start)
        self.calls = OrderCalls(start.provider)
        told = rows("order", start.reference, lambda: order_row(self.case, self.request))
        self.recorder = Recorder(self.case, told, self.show)
        self.outbox = Outbox(start.subscriber, self.case, self.recorder)
        self.work: dict[str, asyncio.Task[None]] = {}
        self._at_once = _at_once(self.request)
        self.children: set[str] = set()
        """What of `work` has begun an invoice in this run."""
        self.tried: set[str] = set()
        """The deliveries whose invoice this run has begun, or found that it cannot."""
        self.busy = 0
        """How many calls and starts are under way that a new run would not see the end of."""
        self.renewal = Renewal(self.case, self.note)
        self._listing = Listing()
        self._asking = Asking(self.case, self.waits("a person"), self.note)
        self._one_at_a_time = asyncio.Lock()
        self._engine_cancel = self._abandoned = False
        self._beside: set[asyncio.Task[None]] = set()
        self.case.ledger = self.case.ledger.measured(self.request.document)
        if self.case.plan:
            self.calls.follow(self.case.plan)

    def grows_to(self, request: OrderRequest) -> None:
        """Lines were added: from now on this is the order, in the runs to come as well."""
        self.request, self._at_once = request, _at_once(request)

    @property
    def registers(self) -> bool:
        """Whether the provider must know the order."""
        return self.case.plan is not None and self.case.plan.registers

    def why_not_in_parts(self, ledger: Ledger, wanted: Deliver | CancelLines) -> str:
        """Why the provider does not take what this holds in the ledger, and what to do; empty where
        it does, or where nobody knows yet."""
        plan = self.case.plan
        if plan is None or not plan.whole_lines:
            return ""
        parts = ledger.in_parts(held_by(wanted), self.request.document)
        named = ", ".join(parts[:_NAMED]) + (" and others" if len(parts) > _NAMED else "")
        if not parts:
            return ""
        return (
            f"{self.request.provider} takes a line of an order as a whole alone, and of {named} a "
            "part is asked for: take all of it, or make an order with a line for each part"
        )

    @property
    def paces(self) -> Paces:
        """How long to wait for what."""
        return self.case.plan.paces if self.case.plan else Paces()

    def needs_child(self, wanted: Deliver | CancelLines) -> bool:
        """Whether it begins an invoice. One that an earlier run began is no child of this one."""
        return isinstance(wanted, Deliver) and wanted.delivery not in self.case.begun

    @property
    def room(self) -> int:
        """How many invoices this run may still begin now."""
        alive = sum(not self.work[name].done() for name in self.children)
        return max(0, CHILDREN - alive)

    @property
    def room_in_this_task(self) -> int:
        """How many of those in the task that is worked on."""
        starting = sum(name.removeprefix("delivery/") not in self.tried for name in self.children)
        return max(0, min(self.room, self._at_once - starting))

    @contextlib.contextmanager
    def calling(self) -> Iterator[None]:
        """While something is under way that must be seen to its end in this run."""
        self.busy += 1
        try:
            yield
        finally:
            self.busy -= 1

    def beside(self, errand: Coroutine[Any, Any, None]) -> None:
        """Have a short errand run that nobody waits for."""
        task = asyncio.create_task(errand)
        self._beside.add(task)
        task.add_done_callback(self._beside.discard)

    def heard_engine_cancel(self) -> str | None:
        """Temporal's own Cancel, the first time that this run is asked about it: its reason."""
        reason = workflow.cancellation_reason()
        if reason is None or self._engine_cancel:
            return None
        self._engine_cancel = True
        return reason[:1000] or "no reason given"

    # Waiting and asking

    def waits(self, name: str) -> Waits:
        """The waits of one part of the order. It is the story that continues as new, not they."""
        return Waits(_Row(self.case, name), lambda: None, lambda: False, self.show)

    async def ask(
        self,
        reason: Reason,
        offered: Iterable[Answer],
        what: str = "",
        fields: tuple[FieldProblem, ...] = (),
        settled: Callable[[], bool] = lambda: False,
    ) -> Resolve | None:
        """Wait for a person, however long; None when news have come that may settle it.

        A question that nobody answers in time is asked anew, for somebody to notice.
        """
        async with self._one_at_a_time:
            while True:
                if self._abandoned:
                    raise Abandoned
                try:
                    said = await self._asking.ask(
                        reason,
                        (*offered, Answer.ABANDON),
                        self.paces.attention,
                        what=what,
                        fields=fields,
                        settled=settled,
                    )
                except NobodyCame:
                    self.case.asked = None
                    self.show()
                    continue
                # Not in a `finally`: where this instance is evicted, nothing can be shown.
                self.show()
                if said is not None and said.answer is Answer.ABANDON:
                    self._abandoned = True
                    raise Abandoned
                return said

    async def ask_about(self, problem: Trouble) -> None:
        """Ask what to do about a refusal, or what has lasted too long: it is tried again."""
        overdue = _OVERDUE.get(problem.kind, Reason.PROVIDER_UNAVAILABLE)
        reason = Reason.REJECTED if problem.final else overdue
        await self.ask(reason, (Answer.RETRY,), problem.message, problem.fields)

    # Showing

    @property
    def state(self) -> Order:
        """The order as it is now."""
        return self.case.shown(self.request)

    def note(self, what: str, said: Instruction | None = None) -> None:
        """Add to the journal what happened, and who wanted it; and have it recorded."""
        wanted = (said.by, said.reason, said.proven) if said else ()
        self.case.note(workflow.now(), what, *wanted, answers=isinstance(said, Resolve))
        self.recorder.go_on()

    def show(self) -> None:
        """Bring lists and the Web UI up to date, and have the subscriber told."""
        state, before = self.state, self._listing.status()
        if state.status.value != before:
            tell_status("order", before, state)
        rows = (
            (attributes.STATUS, state.status.value),
            (attributes.PROVIDER_ID, state.provider_id),
            (attributes.KEYS, self.case.names(self.request) or None),
        )
        details = order_markdown(state, self.case.refused)
        self._listing.show(rows, state.waiting, details)
        if state.status is not OrderStatus.STARTED:
            # Only a plan says whether there is a subscriber of that name.
            self.outbox.tell(state, self.paces.notices)


def _at_once(request: OrderRequest) -> int:
    """How many invoices may begin in one task. None of them is larger than the order, of which it
    is a part, and what was asked for."""
    return max(1, BEGUN_BYTES // (stored(request) + INSTRUCTION))


def _begun(start: OrderInput) -> OrderCase:
    case = OrderCase(ledger=Ledger.of(start.document), asked_by=start.proven)
    if start.proven:
        case.note(workflow.now(), "asked for", proven=start.proven)
    return case

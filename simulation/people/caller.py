"""A service that asks for invoices and orders as the client does, over the engine."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from invoicing.credits.case import CreditsCase, CreditsInput
from invoicing.provider import Stage
from invoicing.request import InvoiceRequest, OrderRequest
from invoicing.state import attributes
from invoicing.state.case import InvoiceInput
from invoicing.state.identity import (
    CREDITS_WORKFLOW,
    MEMO,
    ORDER_WORKFLOW,
    OWNER,
    WORKFLOW,
    credits_attributes,
    credits_id,
    fingerprint,
    order_id,
    search_attributes,
    workflow_id,
)
from invoicing.state.identity import content as digest
from invoicing.state.invoice import Invoice, Status
from invoicing.state.lives import Earlier, was_carried_out
from invoicing.state.order_case import OrderInput
from simulation.documents import content, sums
from simulation.engine import AlreadyStarted, Run, Server
from simulation.judge.invariants import Judge
from simulation.wire import Story


class Refused(Exception):
    """The caller is told why it cannot have that."""


class Caller:
    """Asks once, and again; what a client of ours would do, in the same steps."""

    def __init__(self, server: Server, judge: Judge, story: Story) -> None:
        self._server = server
        self._judge = judge
        self._story = story
        self._kept: dict[str, CreditsCase] = {}
        self.asker: Callable[[], str] = lambda: ""
        """Who asks next, where they have proven who they are."""
        self._proven = ""
        self.unasked = 0
        """How many will be asked for later."""
        self._prints: dict[int, tuple[Any, dict[str, str]]] = {}

    def ask(self, request: InvoiceRequest) -> None:
        """Have this invoice made; asked again it is the same one."""
        try:
            self.begin(request, self.asker())
        except Refused as refusal:
            self._story.tell(f"{request.reference}: the caller is told that it {refusal}")

    def begin(self, request: InvoiceRequest, proven: str) -> None:
        """The same, for somebody who has proven that. Raises Refused."""
        held = self._held_when_cut_off(request.reference)
        self._proven = proven
        run = self._asked(request)
        if run is not None:
            document = request.document
            self._story.tell(f"{request.reference}: a life begins")
            self._judge.want(
                request.reference, content(document), sums(document).gross, request.sent_from
            )
            self._judge.consents.begins(request.reference, self._proven, content(document))
            if request.hold or held:
                self._judge.wanted[request.reference].held_since = self._server.now

    def ask_after(self, pause: timedelta, request: InvoiceRequest) -> None:
        """Ask for it later; until then no life is at its end."""

        def ask() -> None:
            self.unasked -= 1
            self.ask(request)

        self.unasked += 1
        self._server.after(pause, ask)

    def _held_when_cut_off(self, reference: str) -> bool:
        """Whether the life before was held, and ended from outside: the next is held as well."""
        runs = self._server.runs(workflow_id(reference))
        know = self._judge.wanted.get(reference)
        cut_off = bool(runs) and runs[-1].status == "terminated"
        return cut_off and know is not None and know.held_since is not None

    def _asked(self, request: InvoiceRequest) -> Run | None:
        """The run that began, or None where the last one stands."""
        identity = workflow_id(request.reference)
        try:
            return self._start(request, "reject_duplicate")
        except AlreadyStarted:
            last = self._server.runs(identity)[-1]
        if OWNER in last.memo:
            raise Refused("is its order's to begin")
        nothing_final = _left_nothing_final(last)
        if not (nothing_final and _left_nothing(last)):
            self._same(last, request)
        if not (nothing_final or last.status == "terminated"):
            return None
        return self._start(request, "allow", self._earlier(last, request))

    def _earlier(self, last: Run, request: InvoiceRequest) -> Earlier:
        """What a successor must know of the lives before it: all that they may have asked for."""
        # A run that began plainly says nothing of what was asked for: a client of ours reads it.
        asked = last.memo.get(MEMO) or self._print(request)
        return Earlier.of(
            last.memo,
            digest(asked),
            last.closed_at or self._server.now,
            unfinished=_is_unfinished(last),
        )

    def _start(
        self, request: InvoiceRequest, reuse: Any, earlier: Earlier | None = None
    ) -> Run | None:
        identity = workflow_id(request.reference)
        known = len(self._server.runs(identity))
        fields = {name: getattr(request, name) for name in InvoiceRequest.model_fields}
        before = earlier.memo if earlier else {}
        run = self._server.start(
            WORKFLOW,
            InvoiceInput.model_construct(**fields, earlier=earlier, proven=self._proven),
            id=identity,
            memo={MEMO: self._print(request), **before},
            search_attributes=search_attributes(request),
            reuse=reuse,
            conflict="use_existing",
        )
        self._same(run, request)
        return run if len(self._server.runs(identity)) > known else None

    def _same(self, run: Run, request: InvoiceRequest | OrderRequest) -> None:
        wanted = self._print(request)
        if run.memo.get(MEMO, wanted) != wanted:
            raise Refused("is in use for other content")

    def _print(self, request: InvoiceRequest | OrderRequest) -> dict[str, str]:
        known = self._prints.get(id(request))
        if known is None:
            known = self._prints[id(request)] = (request, fingerprint(request))
        return known[1]

    def credits(self, reference: str) -> str:
        """Begin the ledger of an invoice's credits, or find the one that runs; its workflow. One
        that has ended is begun again with what it knew, as a client of ours does."""
        identity = credits_id(reference)
        runs = self._server.runs(identity)
        if runs and runs[-1].closed:
            self._story.tell(f"{reference}: its credits are begun again")
            # One that was ended before its first task has what it was begun with: what the one
            # before it remembered.
            if last := next((run for run in reversed(runs) if run.tasks), None):
                self._kept[identity] = self._server.query(identity, "memory", last)
        self._server.start(
            CREDITS_WORKFLOW,
            CreditsInput(reference=reference, resumed=self._kept.get(identity)),
            id=identity,
            search_attributes=credits_attributes(reference),
            conflict="use_existing",
        )
        return identity

    def order(self, request: OrderRequest) -> None:
        """Begin an order; asked again it is the same one."""
        try:
            self._start_order(request, "reject_duplicate")
        except AlreadyStarted:
            last = self._server.runs(order_id(request.reference))[-1]
            if last.status == "failed":
                self._start_order(request, "allow")

    def _start_order(self, request: OrderRequest, reuse: Any) -> None:
        fields = {name: getattr(request, name) for name in OrderRequest.model_fields}
        self._server.start(
            ORDER_WORKFLOW,
            OrderInput.model_construct(**fields),
            id=order_id(request.reference),
            memo={MEMO: self._print(request)},
            search_attributes=search_attributes(request),
            reuse=reuse,
            conflict="use_existing",
        )


def _is_unfinished(last: Run) -> bool:
    status = last.search_attributes.get(attributes.STATUS.name)
    return last.status in ("terminated", "failed") and not was_carried_out(status)


def _left_nothing_final(last: Run) -> bool:
    status = last.search_attributes.get(attributes.STATUS.name)
    ended = last.status == "failed" or status in (Status.CANCELLED, Status.ABANDONED)
    return ended and not last.search_attributes.get(attributes.NUMBER.name)


def _left_nothing(last: Run) -> bool:
    status = last.search_attributes.get(attributes.STATUS.name)
    if status != Status.ABANDONED:
        return status != Status.EXPIRED
    if last.status == "terminated":
        return False
    invoice: Invoice = last.result
    there = invoice.provider_id is not None and invoice.stage is not Stage.DELETED
    return not (there or invoice.in_doubt)

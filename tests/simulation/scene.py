"""A scene: one invoice under the real workflow, at a provider that does what its script says.

Time is virtual and there is no server, so a scene can wait for weeks. A script is a row of acts per
verb; when it is over, and where there is none, the provider does at once what it is asked.

    with Scene() as scene:
        scene.provider.script("create", lost(late=timedelta(minutes=5)))
        scene.begin()
        scene.until_asked(Reason.REJECTED)
        scene.answer(Answer.RETRY)
        assert scene.ended().status is Status.SENT
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Self

from temporalio.exceptions import ApplicationError

from invoicing.balance import Statement
from invoicing.document import Document
from invoicing.errors import FieldProblem
from invoicing.provider import (
    CONFIRMED,
    CreateCall,
    Echo,
    Event,
    Figure,
    Found,
    Item,
    OrderPlan,
    Paces,
    PaymentStatus,
    Plan,
    ReadCall,
    Search,
    Snapshot,
    Stage,
    Subject,
    Target,
)
from invoicing.request import InvoiceRequest, OrderRequest
from invoicing.state import attributes
from invoicing.state.case import InvoiceInput
from invoicing.state.identity import (
    MEMO,
    ORDER_WORKFLOW,
    WORKFLOW,
    content,
    fingerprint,
    order_id,
    search_attributes,
    workflow_id,
)
from invoicing.state.invoice import (
    Cancel,
    Hold,
    Invoice,
    Journal,
    Problem,
    Release,
    Resolve,
    Status,
)
from invoicing.state.lives import Earlier, was_carried_out
from invoicing.state.news import AcknowledgeCall, Became, BecameCall, Located, LocatedAll, Polled
from invoicing.state.order import Deliver, Order, invoice_reference
from invoicing.state.order_case import OrderInput
from invoicing.state.questions import Answer, Reason
from simulation.documents import ISSUED, document, sums
from simulation.engine import ActivityCall, Attempt, Limits, Run, Server, Update
from simulation.life import WORKFLOWS

REFERENCE = "S-1"
ORDER = "O-1"
PROVIDER = "scripted"
LONG = timedelta(days=400)
PACES = Paces(hold=timedelta(days=900), attention=timedelta(days=900))
"""Nobody's patience ends before a scene does."""
GONE = (Stage.DELETED, Stage.CREDITED)


@dataclass
class Act:
    """How one call goes: whether, and how much later, it takes effect; and what is answered."""

    late: timedelta | None = timedelta()
    """None: it has no effect."""
    failure: BaseException | None = None
    after: timedelta = timedelta(milliseconds=50)


def lost(late: timedelta | None = None) -> Act:
    """No answer; it takes effect that much later, or not at all."""
    return Act(late, ApplicationError("the answer was lost", type="UnknownOutcome"))


def refused(late: timedelta | None = None) -> Act:
    """The provider says no; it takes effect all the same where `late` says when."""
    return Act(late, ApplicationError("no", type="Rejected", non_retryable=True))


def away() -> Act:
    """The provider cannot be asked now; nothing has happened."""
    return Act(None, ApplicationError("too many calls", type="Unavailable"))


@dataclass
class Made:
    """One invoice at the provider."""

    id: str
    reference: str
    document: Document
    stage: Stage
    made: datetime
    gone: datetime | None = None
    sent: int = 0
    """How often it reached its buyer."""


@dataclass
class Provider:
    """A provider with a script. What it is asked is in `calls`, what it has in `made`."""

    server: Server
    plan: dict[str, Any] = field(default_factory=dict)
    lists_late: timedelta = timedelta()
    """How much later its search shows what has been made, and what has gone."""
    lists_all: bool = False
    """Whether its search goes on showing what is gone."""
    searchable: bool = True
    accepts_only: set[str] = field(default_factory=set)
    """Changes that it says yes to and never carries out."""
    said: dict[str, str] = field(default_factory=dict)
    """What it states in words."""
    refuses_to_plan: bool = False
    duplicates: bool = False
    """Whether it takes a create and then refuses it, for its name is known there already."""
    listed: tuple[Located, ...] = ()
    """What our own lists show under any name."""
    payment: PaymentStatus = PaymentStatus.UNKNOWN
    money: Statement | None = None
    """What it states of the money of what is final."""
    feed: list[Item] = field(default_factory=list)
    """What nobody has acknowledged."""
    made: dict[str, Made] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    _scripts: dict[str, list[Act]] = field(default_factory=dict)

    def join(self) -> None:
        """Play every activity of an invoice."""
        self._activity("plan", self._plan)
        self._activity("plan_order", self._plan_order)
        self._activity("about", lambda call, act: Subject(keys=("unknown",)))
        self._activity("post", lambda notice, act: None)
        self._activity("claims", lambda call, act: bool(self.plan.get("claims")))
        self._activity("became", lambda call, act: self._became(call))
        self._activity("poll", lambda call, act: self._poll())
        self._activity("locate", lambda call, act: LocatedAll(workflows=self.listed))
        self._activity("deliver", lambda call, act: len(call.events))
        self._activity("acknowledge", lambda call, act: self._acknowledge(call))
        self._activity("find", self._find)
        self._activity("read", self._read)
        self._activity("create", self._create)
        self._activity("update", self._update)
        self._activity("attach", lambda call, act: Found())
        for verb, stage in (
            ("approve", Stage.APPROVED),
            ("send", Stage.SENT),
            ("delete", Stage.DELETED),
            ("credit", Stage.CREDITED),
        ):
            self._activity(verb, self._changing(verb, stage))

    def script(self, verb: str, *acts: Act) -> None:
        """How the next calls of this verb go."""
        self._scripts.setdefault(verb, []).extend(acts)

    def put(self, given: Document, stage: Stage = Stage.DRAFTED, reference: str = REFERENCE) -> str:
        """One more invoice, by nobody here. Its id."""
        identity = f"P-{len(self.made) + 1}"
        now = self.server.now
        self.made[identity] = Made(identity, reference, given, Stage.DRAFTED, now)
        self.become(identity, stage)
        return identity

    def become(self, identity: str, stage: Stage) -> None:
        """It is at this stage now."""
        one = self.made[identity]
        if one.stage in GONE:
            return
        one.stage = stage
        one.sent += stage is Stage.SENT
        if stage in GONE:
            one.gone = self.server.now

    @property
    def alive(self) -> list[Made]:
        """What is neither deleted nor credited."""
        return [one for one in self.made.values() if one.stage not in GONE]

    @property
    def sent(self) -> int:
        """How often anything reached a buyer."""
        return sum(one.sent for one in self.made.values())

    def _activity(self, verb: str, play: Callable[[Any, Act], Any]) -> None:
        def handler(argument: Any, call: ActivityCall) -> Attempt:
            self.calls.append(verb)
            acts = self._scripts.get(verb)
            act = acts.pop(0) if acts else Act()
            result = play(argument, act)
            return Attempt(after=act.after, result=result, failure=act.failure)

        self.server.activity(verb, handler)

    def _plan(self, request: InvoiceRequest, act: Act) -> Plan:
        if self.refuses_to_plan:
            act.failure = ApplicationError("no longer", type="Rejected", non_retryable=True)
        planned = {"totals": sums(request.document), "echoes": (Figure.GROSS,), "paces": PACES}
        return Plan(**{**planned, **self.plan})

    def _plan_order(self, request: OrderRequest, act: Act) -> OrderPlan:
        context = self.plan.get("context", {})
        claims = bool(self.plan.get("claims"))
        totals = sums(request.document)
        return OrderPlan(totals=totals, paces=PACES, context=context, claims=claims)

    def _poll(self) -> Polled:
        return Polled(items=tuple(self.feed), interval=timedelta(minutes=5))

    def _acknowledge(self, call: AcknowledgeCall) -> None:
        self.feed = [item for item in self.feed if item.event.id != call.item.event.id]

    def _became(self, call: BecameCall) -> Became:
        run = self.server.runs(call.workflow_id)[-1]
        if not run.closed:
            return Became(running=True)
        completed = run.status == "completed"
        return Became(running=False, invoice=run.result if completed else None, why=run.status)

    def _find(self, target: Target, act: Act) -> Search:
        shown = [one for one in self.made.values() if self._listed(one, target.reference)]
        found = tuple(map(self._snapshot, shown))
        return Search(invoices=found, complete=True) if self.searchable else Search(complete=False)

    def _listed(self, one: Made, reference: str) -> bool:
        line = self.server.now - self.lists_late
        gone = one.gone is not None and one.gone <= line and not self.lists_all
        return one.reference == reference and one.made <= line and not gone

    def _read(self, call: ReadCall, act: Act) -> Snapshot:
        if any(event.kind == CONFIRMED for event in call.events):
            self.duplicates = False
        if self.duplicates and call.target.generation == 0:
            taken = (FieldProblem(field="reference", message="is known already"),)
            return Snapshot(provider_id="P-1", stage=Stage.NONE, problems=taken)
        one = self.made.get(call.target.provider_id or "")
        if one is None:
            return Snapshot(provider_id=call.target.provider_id or "", stage=Stage.DELETED)
        return self._snapshot(one)

    def _create(self, call: CreateCall, act: Act) -> Snapshot | None:
        made: list[str] = []
        final = self.plan.get("sent_by") == "create"
        stage = Stage.SENT if final else Stage.DRAFTED

        def take_effect() -> None:
            made.append(self.put(call.document, stage, call.target.reference))

        if self.duplicates and call.target.generation == 0:
            return Snapshot(provider_id="P-1", stage=Stage.DRAFTING)
        self._effect(act, take_effect)
        return self._snapshot(self.made[made[0]]) if made else None

    def _update(self, call: CreateCall, act: Act) -> Snapshot | None:
        one = self.made[call.target.provider_id or ""]

        def take_effect() -> None:
            if one.stage is Stage.DRAFTED:
                one.document = call.document

        if one.stage is not Stage.DRAFTED:
            act.failure = act.failure or refused().failure
        self._effect(act, take_effect)
        return self._snapshot(one)

    def _changing(self, verb: str, stage: Stage) -> Callable[[Target, Act], Snapshot | None]:
        def play(target: Target, act: Act) -> Snapshot | None:
            identity = target.provider_id or ""
            if verb not in self.accepts_only:
                self._effect(act, lambda: self.become(identity, stage))
            one = self.made.get(identity)
            return self._snapshot(one) if one else None

        return play

    def _effect(self, act: Act, take_effect: Callable[[], None]) -> None:
        if act.late is None:
            return
        if act.late:
            self.server.after(act.late, take_effect)
        else:
            take_effect()

    def _snapshot(self, one: Made) -> Snapshot:
        final = one.stage.reached(Stage.APPROVED)
        return Snapshot(
            provider_id=one.id,
            stage=one.stage,
            payment=self.payment,
            money=self.money if final or one.stage is Stage.CREDITED else None,
            status=str(one.stage),
            number=f"N-{one.id}" if final else None,
            echo=Echo(currency="EUR", gross=sums(one.document).gross, said=self.said),
            reference=one.reference,
        )


def request(given: Document | None = None, **changes: Any) -> InvoiceRequest:
    """What is asked for, by default one line."""
    fields = {"reference": REFERENCE, "provider": PROVIDER, "document": given or document(1)}
    return InvoiceRequest(**{**fields, **changes})


class Scene:
    """One invoice, its provider, and whoever says something about it."""

    def __init__(self, *, limits: Limits = Limits(), strict: bool = False, **plan: Any) -> None:  # noqa: B008
        self.server = Server(random.Random(7), WORKFLOWS, limits=limits, strict=strict)
        self.provider = Provider(self.server, plan)
        self.provider.join()
        self.id = workflow_id(REFERENCE)
        self.order_id = order_id(ORDER)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.server.close()

    # A caller

    def begin(
        self, asked: InvoiceRequest | None = None, *, proven: str = "", **fields: Any
    ) -> None:
        """Ask for it; after an earlier life, as the client does that begins it again."""
        asked = asked or request(**fields)
        known = self.server.runs(self.id)
        earlier = _earlier(known[-1]) if known else None
        given = {name: getattr(asked, name) for name in InvoiceRequest.model_fields}
        memo: dict[str, Any] = {MEMO: fingerprint(asked), **(earlier.memo if earlier else {})}
        self.server.start(
            WORKFLOW,
            InvoiceInput.model_construct(**given, earlier=earlier, proven=proven),
            id=self.id,
            memo=memo,
            search_attributes=search_attributes(asked),
        )

    def begin_order(self, lines: int = 2, *, proven: str = "", **fields: Any) -> None:
        """Begin an order of so many lines, at a provider that need not know of it."""
        asked = OrderRequest(reference=ORDER, provider=PROVIDER, document=document(lines), **fields)
        given = {name: getattr(asked, name) for name in OrderRequest.model_fields}
        self.server.start(
            ORDER_WORKFLOW,
            OrderInput.model_construct(**given, proven=proven),
            id=self.order_id,
            memo={MEMO: fingerprint(asked)},
            search_attributes=search_attributes(asked),
        )

    def deliver(self, name: str, *lines: str) -> Update:
        """Have lines of the order invoiced."""
        wanted = Deliver(delivery=name, lines=lines, issue_date=ISSUED)
        return self.server.update(self.order_id, "deliver", wanted)

    @property
    def order(self) -> Order:
        """What the order's query answers."""
        state: Order = self.server.query(self.order_id, "state")
        return state

    def of(self, delivery: str) -> Invoice:
        """The invoice of a delivery."""
        name = workflow_id(invoice_reference(ORDER, delivery))
        state: Invoice = self.server.query(name, "state")
        return state

    @property
    def state(self) -> Invoice:
        """What its query answers."""
        state: Invoice = self.server.query(self.id, "state")
        return state

    @property
    def reason(self) -> Reason | None:
        """What is asked now."""
        return self.state.problem.reason if self.state.problem else None

    @property
    def journal(self) -> list[str]:
        """What happened."""
        journal: Journal = self.server.query(self.id, "journal")
        return [entry.what for entry in journal.entries]

    @property
    def run(self) -> Run:
        """Its last run."""
        return self.server.runs(self.id)[-1]

    # People

    def cancel(self) -> Update:
        """Have it taken back."""
        return self.server.update(self.id, "cancel", Cancel(by="a person", reason="test"))

    def answer(self, answer: Answer, **fields: Any) -> None:
        """Answer the question that is open."""
        self.answer_to(self.id, answer, **fields)

    def answer_order(self, answer: Answer, **fields: Any) -> None:
        """Answer the question that the order asks."""
        self.answer_to(self.order_id, answer, **fields)

    def answer_to(self, identity: str, answer: Answer, **fields: Any) -> None:
        """Answer the question that this workflow asks. Raises what it is refused with."""
        problem = self.problem_of(identity)
        assert problem is not None, "nothing is asked"
        said = Resolve(
            by="a person", reason="test", question=problem.question, answer=answer, **fields
        )
        update = self.server.update(identity, "resolve", said)
        self.until(lambda: update.status != "pending")
        if update.failure is not None:
            raise update.failure

    def problem_of(self, identity: str) -> Problem | None:
        """What this workflow asks."""
        problem: Problem | None = self.server.query(identity, "state").problem
        return problem

    def hold(self) -> None:
        """Have it wait for a release."""
        self.server.update(self.id, "hold", Hold(by="a person", reason="test"))

    def release(self) -> None:
        """Let it go on."""
        self.server.update(self.id, "release", Release(by="a person", reason="test"))

    def tell(self, event: str, body: dict[str, Any] | None = None) -> None:
        """The provider's news."""
        self.server.signal(self.id, "provider_event", Event(id=event, body=body or {}))

    # Time

    def until(self, sure: Callable[[], bool], within: timedelta = LONG) -> None:
        """Let time pass until `sure`."""
        assert self.server.run_until(sure, at_most=self.server.now + within), (
            f"not within {within}: {self.state.waiting}, {self.journal[-5:]}"
        )

    def until_called(self, verb: str, times: int = 1) -> None:
        """Until the provider was asked this so many times."""
        self.until(lambda: self.provider.calls.count(verb) >= times)

    def until_held(self) -> None:
        """Until it waits for a release."""
        self.until(lambda: self.state.status is Status.HELD)

    def until_asked(self, *reasons: Reason, within: timedelta = LONG) -> None:
        """Until a person is asked this."""
        self.until(lambda: self.reason in reasons, within)

    def passes(self, span: timedelta) -> None:
        """Let that much time pass, and whatever happens in it."""
        self.server.run_until(lambda: False, at_most=self.server.now + span)

    def ended(self, within: timedelta = LONG) -> Invoice:
        """Its state when its workflow has ended; every history can be replayed."""
        self.until(lambda: self.run.closed, within)
        self.server.replay_all()
        assert self.server.violations == []
        return self.state


def _earlier(last: Run) -> Earlier:
    assert last.closed_at is not None
    status = last.search_attributes.get(attributes.STATUS.name)
    unfinished = last.status in ("terminated", "failed") and not was_carried_out(status)
    return Earlier.of(last.memo, content(last.memo[MEMO]), last.closed_at, unfinished=unfinished)

"""One life, as it was drawn, lived to its end under the real workflows.

`live` may be given fewer decisions than were drawn, and then lives the same life without those.
"""

from __future__ import annotations

import contextlib
import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from invoicing.provider import Event
from invoicing.state.case import InvoiceInput
from invoicing.state.identity import (
    FEED_WORKFLOW,
    MEMO,
    WORKFLOW,
    feed_id,
    fingerprint,
    money_id,
    workflow_id,
)
from invoicing.state.invoice import Invoice, Status
from invoicing.state.news import EventInput, FeedInput
from simulation.amending import SimulatedAmending
from simulation.decisions import Decision, Meddling, StrangeNews, faults
from simulation.drawing import Life
from simulation.engine import NotFound, Run, Server
from simulation.engine.server import START
from simulation.judge.invariants import BY_A_PERSON, Judge
from simulation.judge.papers import PaperJudge
from simulation.judge.sentences import Sentence, Violation
from simulation.people.amendments import AmendPeople
from simulation.people.caller import Caller
from simulation.people.credits import CreditPeople
from simulation.people.late import prepare_late, prepare_papers
from simulation.people.orders import OrderPeople
from simulation.people.people import People
from simulation.provider.account import NAME, SimulatedProvider, handlers
from simulation.provider.ledger import Ledger
from simulation.provider.news import SimulatedNews
from simulation.provider.orders import SimulatedOrders
from simulation.provider.papers import Papers
from simulation.provider.visitors import meddle
from simulation.register import SimulatedRegister
from simulation.wire import Story, Wire
from workflows.amend import AmendWorkflow
from workflows.credit import CreditsWorkflow
from workflows.document import DocumentWorkflow
from workflows.event import EventWorkflow
from workflows.feed import FeedWorkflow
from workflows.invoice import InvoiceWorkflow
from workflows.money import MoneyWorkflow
from workflows.notices import NoticesWorkflow
from workflows.order import OrderWorkflow
from workflows.preview import PreviewWorkflow

WORKFLOWS = (
    InvoiceWorkflow,
    MoneyWorkflow,
    DocumentWorkflow,
    OrderWorkflow,
    CreditsWorkflow,
    AmendWorkflow,
    PreviewWorkflow,
    EventWorkflow,
    FeedWorkflow,
    NoticesWorkflow,
)
LONGEST = timedelta(days=800)
"""A life that has not ended then never will."""
STEPS = 9000
_OUTLIVE = ("feed/", "credits/")
"""What goes on when every invoice and order has ended."""


@dataclass
class Lived:
    """What came of a life."""

    violations: list[Violation]
    story: list[tuple[datetime, str]]
    activations: int
    replays: int
    ambiguous: int
    invoices: int
    digest: str
    counted: dict[str, int] = field(default_factory=dict)


BUSY = 0.3
"""How often a register is asked on its own queue, as by a workflow's task it is not answered."""


def live(life: Life, decisions: Sequence[Decision] | None = None) -> Lived:
    """Live it, with these decisions of those that were drawn; with all of them by default."""
    return _Living(life, life.decisions if decisions is None else decisions).to_its_end()


class _Living:
    def __init__(self, life: Life, decisions: Sequence[Decision]) -> None:
        self._life = life
        rng = random.Random(f"engine {life.seed}")
        self._server = server = Server(rng, WORKFLOWS, faults=faults(decisions))
        self._story = story = Story(server)
        self._ledger = ledger = Ledger()
        self._wire = wire = Wire(server, story, decisions, life.rhythm)
        self._judge = judge = Judge(server, life.kind, ledger, story, life.rule)
        self._provider = provider = SimulatedProvider(
            server, life.kind, ledger, wire, story, judge, self._tell
        )
        provider.pays_after, provider.claims = life.pays_after, life.kept
        provider.rule = life.rule
        self._caller = caller = Caller(server, judge, story)
        self._people = People(
            server,
            provider,
            caller,
            judge,
            story,
            life.requests,
            random.Random(f"people {life.seed}"),
        )
        if life.rule:
            self._people.decide_by_two(life.seed)
        self._serve(decisions)
        self._begin(caller, decisions)
        server.on_step.append(self._step)
        self._steps = 0
        self._at_its_end = False

    def _serve(self, decisions: Sequence[Decision]) -> None:
        life, wire, provider = self._life, self._wire, self._provider
        self._register = register = SimulatedRegister(
            self._judge.register_says,
            self._judge.register_goes_on,
            lambda: self._server.chance(BUSY),
        )
        orders = SimulatedOrders(life.kind, self._ledger, wire, self._story, self._tell)
        orders.claims = life.kept
        self._news = news = SimulatedNews(self._server, life.kind, provider, wire, self._story)
        news.posted = self._judge.posted
        news.feed_every = max(news.feed_every, life.kind.hears / 40)
        papers = Papers(self._server, life.kind, self._ledger, wire, self._story)
        self._papers = PaperJudge(self._server, life.kind, self._ledger, papers, self._judge.broken)
        amending = SimulatedAmending(
            self._server, wire, self._caller, self._judge, self._story, decisions
        )
        for name, handler in (
            *handlers(provider).items(),
            *amending.handlers().items(),
            *orders.handlers().items(),
            *news.handlers().items(),
            *register.handlers().items(),
            *papers.handlers().items(),
        ):
            self._server.activity(name, handler)
        for each in decisions:
            if isinstance(each, Meddling):
                wire.when(each.when, partial(meddle, provider, each.what))
            elif isinstance(each, StrangeNews):
                wire.when(each.when, provider.strange_news)
        prepare_late(self._server, wire, provider, self._story, decisions)
        prepare_papers(self._server, wire, papers, life.requests, decisions)

    def _begin(self, caller: Caller, decisions: Sequence[Decision]) -> None:
        life, server = self._life, self._server
        self._people.prepare(self._wire, decisions)
        if life.kind.news == "feed":
            feed = FeedInput(provider=NAME)
            server.start(FEED_WORKFLOW, feed, id=feed_id(NAME, "default"))
        if life.order is not None:
            caller.order(life.order)
            people = OrderPeople(
                server,
                self._wire,
                self._people,
                self._judge,
                self._story,
                life.order,
                life.delivered,
            )
            pauses = [
                timedelta(seconds=5) + each * 40 for each in life.starts[: len(life.delivered)]
            ]
            people.prepare(decisions, pauses)
            return
        if life.loses is not None:
            server.after(life.loses, self._lose)
        CreditPeople(
            server, self._wire, caller, self._people, self._judge, self._story, life.requests
        ).prepare(decisions)
        AmendPeople(
            server, self._wire, caller, self._people, self._judge, self._story, life.requests
        ).prepare(decisions, life.seed)
        for place, request in enumerate(life.requests):
            caller.ask_after(life.starts[place], request)
            if request.hold:
                self._people.release_later(request, life.releases[place])

    def _tell(self, event: Event) -> None:
        self._news.tell(EventInput(provider=NAME, event=event))

    def _step(self) -> None:
        self._steps += 1
        self._judge.check()
        self._judge.watch(self._server.open_runs())
        self._people.look()

    def _lose(self) -> None:
        """Temporal's database is gone with what ran; whoever had asked asks again."""
        if self._at_its_end:
            return
        self._story.tell("Temporal loses its database")
        for request in self._life.requests:
            identity = workflow_id(request.reference)
            runs = self._server.runs(identity)
            if not runs or runs[-1].memo.get(MEMO) != fingerprint(request):
                continue
            with contextlib.suppress(NotFound):
                self._server.terminate(identity, BY_A_PERSON)
            self._server.expire(identity)
            self._caller.ask_after(timedelta(minutes=1), request)

    def _forget(self) -> None:
        """Retention is over for all that ended; what has become final is asked for once more, by a
        caller who knows no client of ours. It must be the same invoice, and nothing is changed."""
        self._at_its_end = True
        for request in self._life.requests:
            identity = workflow_id(request.reference)
            runs = self._server.runs(identity)
            if not runs or runs[-1].status != "completed" or not runs[-1].result.number:
                continue
            # How it ended stays; its number may have become known since.
            number = self._judge.shown(request.reference, runs[-1]).number
            was: Invoice = runs[-1].result.model_copy(update={"number": number})
            asked_otherwise = runs[-1].memo.get(MEMO) != fingerprint(request)
            if asked_otherwise or was.status in (Status.CANCELLED, Status.ABANDONED):
                continue
            self._server.expire(identity)
            self._judge.wanted[request.reference].lives += 1
            calls = dict(self._wire.counted)
            self._server.start(WORKFLOW, InvoiceInput(**dict(request)), id=identity)
            looks_on = self._looks_on(request.reference)
            self._server.run_until(self._over, at_most=self._server.now + timedelta(days=1))
            self._same(was, self._server.runs(identity), calls, looks_on=looks_on)

    def _looks_on(self, reference: str) -> bool:
        """Whether a lost create of it may still come to light: people may have ended the look."""
        left = self._register.rows.get(("invoice", reference))
        until = left.may_come_until if left else None
        return until is not None and until > self._server.now

    def _same(
        self, was: Invoice, runs: Sequence[Run], calls: dict[str, int], *, looks_on: bool
    ) -> None:
        run = runs[-1]
        made = {verb for verb, count in self._wire.counted.items() if count != calls.get(verb, 0)}
        if run.terminated_because == BY_A_PERSON and made <= {"plan"}:
            return
        now: Invoice | None = run.result if run.status == "completed" else None
        if now and now.status is Status.ABANDONED:
            # A person ended it before the register was asked: nothing was made.
            now, made = was, made - {"plan"}
        known = now and (now.status, now.number, now.provider_id)
        same = known == (was.status, was.number, was.provider_id)
        # A subscriber is told of a question as well; a ledger of credits may look at the invoice.
        allowed = {"plan", "news", "post", "requested"}
        if looks_on or any(each.terminated_because == BY_A_PERSON for each in runs[:-1]):
            # Whoever was cut off may have asked for it: the next one looks.
            allowed |= {"find", "read"}
        if any(not each.closed for each in self._server.runs(money_id(was.reference))):
            # Nobody had heard of its money, and now somebody does.
            allowed |= {"read"}
        if not same or not made <= allowed:
            what = f"{was.reference} was {was.status}, and is {known}; called: {sorted(made)}"
            self._judge.broken(Sentence.KEPT, what)

    def _over(self) -> bool:
        if self._steps > STEPS:
            return True
        if self._wire.under_way or self._caller.unasked or self._steps < 3:
            return False
        return all(run.id.startswith(_OUTLIVE) for run in self._server.open_runs())

    def _all_over(self) -> bool:
        return self._steps > STEPS or not (self._wire.under_way or self._server.open_runs())

    def to_its_end(self) -> Lived:
        """Live it until everything has ended and nothing can come late any more."""
        server, life = self._server, self._life
        server.run_until(self._over, at_most=START + LONGEST)
        if self._steps > STEPS:
            self._judge.broken(Sentence.ENDS, f"more than {STEPS} steps, and no end")
        if life.kind.news == "feed":
            self._stop_the_feed()
        if self._server.open_runs():
            # A ledger of credits waits a year for the next one, and there may be one.
            server.run_until(self._all_over, at_most=START + LONGEST)
        self._judge.check()
        self._judge.end(self._runs())
        self._papers.end(self._judge.had_one_life)
        rows = self._register.rows if life.kept else {}
        self._judge.telling.end(rows, self._judge.had_one_life, "books")
        if life.kept and life.order is None:
            self._forget()
        if self._register.gaps:
            self._judge.broken(Sentence.KEPT, f"lines are missing: {self._register.gaps}")
        return Lived(
            violations=self._judge.violations,
            story=self._story.lines,
            activations=server.counters.activations,
            replays=server.counters.replays,
            ambiguous=self._wire.ambiguous,
            invoices=len(life.requests),
            digest=self._digest(),
            counted=dict(self._wire.counted),
        )

    def _stop_the_feed(self) -> None:
        try:
            self._server.terminate(feed_id(NAME, "default"), BY_A_PERSON)
        except NotFound:
            self._judge.broken(Sentence.NO_SILENCE, "the feed is polled no more")

    def _runs(self) -> list[Run]:
        server = self._server
        return [run for identity in server.ids() for run in server.runs(identity)]

    def _digest(self) -> str:
        lines = "\n".join(f"{at:%m-%d %H:%M:%S.%f} {what}" for at, what in self._story.lines)
        return hashlib.sha256(f"{self._server.digest()}\n{lines}".encode()).hexdigest()

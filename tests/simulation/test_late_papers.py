"""The document of an invoice in virtual time: announced when it is late for its invoice, a store
that is away, a worker that is killed."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from temporalio.exceptions import ApplicationError

from invoicing.credits.case import Looked
from invoicing.credits.credit import Requested
from invoicing.document_file import DocumentFile, DocumentInput, DocumentState
from invoicing.provider import DocumentCall, Event, Stage, Subject
from invoicing.request import Goal
from invoicing.state.identity import DOCUMENT_WORKFLOW, EVENT_WORKFLOW, document_id, event_id
from invoicing.state.invoice import Status
from invoicing.state.news import EventInput, EventOutcome, EventState, Located
from simulation.engine import ActivityCall, Attempt, Run
from simulation.judge.papers import PATIENCE
from tests.simulation.scene import REFERENCE, Scene

IDENTITY = document_id(REFERENCE)
ANNOUNCED = Event(id="announced", kind="document")
HOUR = timedelta(hours=1)


class Filed(Scene):
    """An invoice with a document, which comes when the test says so."""

    def __init__(self) -> None:
        super().__init__(keeps_document=True)
        self.outcomes: list[str] = []
        """How the next calls for it fail; after those it is kept."""
        self.calls: list[DocumentCall] = []
        self.only_told = False
        """Whether it is had only by who was told of it."""
        self.server.activity("keep_document", self._keep)
        self.server.activity("requested", self._requested)

    def _requested(self, given: object, call: ActivityCall) -> Attempt:
        invoice: Requested = self.server.query(self.id, "request")
        return Attempt(result=Looked(running=not self.run.closed, invoice=invoice))

    def _keep(self, given: DocumentCall, call: ActivityCall) -> Attempt:
        self.calls.append(given)
        how = self.outcomes.pop(0) if self.outcomes else ""
        if how == "lost":
            return Attempt(lost=True)
        if self.only_told and not given.events:
            how = "Unavailable"
        if how:
            return Attempt(failure=ApplicationError("not now", type=how))
        return Attempt(result=DocumentFile(size=9, sha256="00", kept=self.server.now))

    def asked(self) -> None:
        """Somebody asks for it."""
        self.server.start(DOCUMENT_WORKFLOW, DocumentInput(reference=REFERENCE), id=IDENTITY)

    @property
    def fetching(self) -> Run:
        """Its last run."""
        return self.server.runs(IDENTITY)[-1]

    def over(self) -> tuple[DocumentState, datetime]:
        """How it was in the end, and when; every history can be replayed."""
        self.until(lambda: bool(self.server.runs(IDENTITY)) and self.fetching.closed)
        self.server.replay_all()
        assert self.server.violations == []
        state: DocumentState = self.fetching.result
        assert self.fetching.closed_at
        return state, self.fetching.closed_at

    def announce(self) -> EventState:
        """The provider's news of it; what became of them."""
        subject = Subject(keys=("P-1",), event=ANNOUNCED, document=True)
        self.server.activity("about", lambda given, call: Attempt(result=subject))
        running = not self.run.closed
        self.provider.listed = (Located(workflow_id=self.id, running=running),)
        identity = event_id("scripted", "default", ANNOUNCED.id)
        self.server.start(
            EVENT_WORKFLOW, EventInput(provider="scripted", event=ANNOUNCED), id=identity
        )
        self.until(lambda: self.server.runs(identity)[-1].closed)
        state: EventState = self.server.runs(identity)[-1].result
        return state


def test_it_is_asked_for_when_the_invoice_is_final_and_kept() -> None:
    with Filed() as scene:
        scene.begin()
        state, _ = scene.over()
        assert state.file
        assert state.provider_id == "P-1"
        assert len(scene.calls) == 1


@pytest.mark.parametrize("running", [True, False])
def test_its_news_go_to_what_fetches_it_whether_the_invoice_has_ended_or_not(
    running: bool,
) -> None:
    """One that looks for late effects, or tells the register, reads no news any more."""
    with Filed() as scene:
        scene.only_told = True
        scene.begin(goal=Goal.PAID if running else Goal.SENT)
        scene.until(lambda: bool(scene.calls) and (running or scene.run.closed))
        state = scene.announce()
        assert state.outcome is EventOutcome.DELIVERED
        assert IDENTITY in state.to
        kept, _ = scene.over()
        assert kept.file
        assert [event.id for event in scene.calls[-1].events] == [ANNOUNCED.id]


def test_a_store_that_is_away_is_a_named_wait_and_holds_up_no_invoice() -> None:
    with Filed() as scene:
        scene.outcomes = ["Unavailable"] * 9
        scene.begin()
        scene.until(lambda: scene.run.closed)
        assert scene.state.status is Status.SENT
        scene.until(lambda: len(scene.calls) > 2)
        scene.passes(timedelta(seconds=1))
        waiting: DocumentState = scene.server.query(IDENTITY, "state")
        assert waiting.waiting == "not now"
        assert scene.over()[0].file


def test_a_worker_that_was_killed_is_followed_by_another() -> None:
    with Filed() as scene:
        scene.outcomes = ["lost"]
        scene.begin()
        assert scene.over()[0].file
        assert len(scene.calls) == 2


def test_what_there_is_no_way_to_is_not_asked_for_again() -> None:
    with Filed() as scene:
        scene.outcomes = ["Unsupported"]
        scene.begin()
        state, _ = scene.over()
        assert (state.problem, state.file) == ("not now", None)
        assert len(scene.calls) == 1


def test_what_never_comes_has_an_end_that_says_so() -> None:
    with Filed() as scene:
        scene.outcomes = ["Unavailable"] * 9999
        scene.begin()
        scene.until(lambda: bool(scene.server.runs(IDENTITY)))
        state, ended = scene.over()
        assert state.problem == "it did not come in time: not now"
        assert abs(ended - scene.fetching.started_at - PATIENCE) < HOUR
        assert len(scene.calls) < 400


def test_one_that_is_asked_for_too_early_waits_until_the_invoice_is_final() -> None:
    with Filed() as scene:
        scene.begin(hold=True)
        scene.until_held()
        scene.asked()
        scene.passes(HOUR)
        waiting: DocumentState = scene.server.query(IDENTITY, "state")
        assert waiting.waiting == "the invoice is not final yet"
        final = scene.server.now
        scene.release()
        state, ended = scene.over()
        assert state.file
        assert ended - final < timedelta(minutes=10)


def test_one_that_comes_after_the_invoice_was_credited_is_kept() -> None:
    """What was an invoice in law is kept, and so is its document."""
    with Filed() as scene:
        scene.outcomes = ["Unavailable"] * 4
        scene.begin()
        scene.until(lambda: scene.run.closed)
        (identity,) = scene.provider.made
        credited = scene.state.model_copy(
            update={"stage": Stage.CREDITED, "status": Status.CREDITED}
        )
        invoice: Requested = scene.server.query(scene.id, "request")
        seen = Looked(invoice=invoice.model_copy(update={"invoice": credited}))
        scene.server.activity("requested", lambda given, call: Attempt(result=seen))
        state, _ = scene.over()
        assert (state.problem, state.provider_id) == ("", identity)
        assert state.file

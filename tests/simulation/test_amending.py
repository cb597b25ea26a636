"""Amendments in virtual time: an invoice is credited and then made anew, wherever it stops."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from temporalio.exceptions import ApplicationError

from invoicing.credits.amend import Amend, AmendCase, AmendInput, Amendment, AmendStatus
from invoicing.credits.case import Credits, CreditsStatus, CreditState
from invoicing.credits.credit import Left, Sums
from invoicing.request import Goal, InvoiceRequest
from invoicing.state.identity import AMEND_WORKFLOW, amend_id
from invoicing.state.invoice import Status
from simulation import life as lives
from simulation.decisions import Amending, AmendTrouble, CallFault, Decision, Trigger
from simulation.documents import ISSUED, document
from simulation.drawing import Life, draw_life
from simulation.drawing_people import draw_amendments
from simulation.engine import ActivityCall, Attempt, Limits, Server
from simulation.life import Lived, live
from simulation.provider.account import NAME
from simulation.provider.kinds import Kind
from tests.simulation.scene import request
from tests.simulation.test_credits import CALM, HOUR, NOTHING, said
from tests.tiers import chosen

REFERENCE = "I-1"
NEW = f"{REFERENCE}.A1"
SOON = Trigger("", 1, timedelta(minutes=5))
AMEND = Amending(SOON, "amend", "A1")
AMEND_LATER = Amending(Trigger("", 1, timedelta(hours=9)), "amend", "A1")


def lived(*decisions: Decision, goal: Goal = Goal.SENT, kind: Kind = CALM) -> Lived:
    """An invoice of three lines, and what people do about it."""
    request = InvoiceRequest(
        reference=REFERENCE, provider=NAME, goal=goal, document=document(3), may_credit=True
    )
    life = Life(
        seed=7,
        kind=kind,
        requests=(request,),
        starts=(NOTHING,) * 9,
        releases=(HOUR,),
        order=None,
        delivered=(),
        pays_after=timedelta(days=4),
        rhythm=(0.3,) * 17,
        decisions=decisions,
    )
    done = live(life)
    assert done.violations == [], done.story
    return done


def after(verb: str, nth: int, seconds: float) -> Trigger:
    return Trigger(verb, nth, timedelta(seconds=seconds))


def made(done: Lived) -> dict[str, int]:
    """How many calls of each verb there were."""
    return {verb: done.counted.get(verb, 0) for verb in ("create", "approve", "send")}


def test_it_is_credited_and_then_made() -> None:
    done = lived(AMEND)
    assert made(done) == {"create": 3, "approve": 3, "send": 3}
    assert said(done, f"{NEW}: a life begins") == 1


def test_the_new_one_is_not_asked_for_while_somebody_is_asked_about_the_credit_note() -> None:
    done = lived(AMEND, CallFault("approve", 2, "rejected", "never"))
    assert said(done, f"invoice/{REFERENCE}#A1 asks: rejected") == 1
    assert made(done)["create"] == 3


def test_two_who_amend_it_at_once_under_one_name_have_it_made_once() -> None:
    done = lived(replace(AMEND, twice=True), replace(AMEND, when=after("send", 2, 0.2)))
    assert made(done)["create"] == 3


def test_two_who_amend_it_at_once_under_two_names_have_it_made_once() -> None:
    done = lived(AMEND, replace(AMEND, name="A2", wording=2))
    assert made(done)["create"] == 3


HOWS = ("killed before", "killed after", "unanswered", "late")


@pytest.mark.parametrize("nth", [1, 2, 3])
@pytest.mark.parametrize("how", chosen(HOWS, 2))
def test_each_call_of_it_may_be_lost(how: str, nth: int) -> None:
    trouble = AmendTrouble(nth, how, timedelta(seconds=20))  # type: ignore[arg-type]
    assert made(lived(AMEND, trouble)) == {"create": 3, "approve": 3, "send": 3}


MOMENTS = [
    after(verb, nth, seconds)
    for verb, nth in (("amending", 1), ("amending", 2), ("create", 2), ("create", 3), ("send", 3))
    for seconds in (0.01, 0.4, 3)
]


@pytest.mark.parametrize("when", chosen(MOMENTS, 4), ids=str)
def test_one_that_is_terminated_at_any_moment_is_gone_on_with(when: Trigger) -> None:
    done = lived(AMEND, Amending(when, "terminate it", "A1"))
    assert made(done)["create"] == 3
    assert said(done, f"{NEW}: a life begins") == 1


@pytest.mark.parametrize("what", ["cancel new", "terminate new"])
def test_a_new_invoice_that_is_taken_away_is_made_again_where_somebody_says_so(what: str) -> None:
    done = lived(AMEND, Amending(after("create", 3, 0.01), what, "A1"))  # type: ignore[arg-type]
    assert said(done, "waits for a person") > 0
    assert said(done, f"{NEW}: a life begins") == 2


def test_a_new_invoice_that_was_credited_before_anybody_looked_was_made() -> None:
    """It is final late, and taken back at once: looks are minutes apart by then."""
    slow = replace(CALM, approves_late=timedelta(minutes=30))
    taken_back = Amending(after("send", 3, 0.3), "cancel new", "A1")
    done = lived(AMEND_LATER, taken_back, goal=Goal.PAID, kind=slow)
    assert done.counted["credit"] == 1
    assert said(done, "waits for a person") == 0
    assert made(done)["create"] == 3


def test_lives_with_amendments_are_among_those_that_are_drawn() -> None:
    amended = [s for s in range(1, 401) if draw_amendments(s, draw_life(s).kind, 1)]
    assert 20 < len(amended) < 90


def test_a_life_in_which_nobody_amends_anything_is_what_it_was_without_amendments() -> None:
    plain = draw_life(next(s for s in range(1, 99) if not draw_amendments(s, draw_life(s).kind, 1)))
    assert not any(isinstance(each, Amending | AmendTrouble) for each in plain.decisions)


def test_workflows_that_lives_are_made_of_have_the_amendments() -> None:
    assert {"AmendWorkflow", "PreviewWorkflow"} <= {each.__name__ for each in lives.WORKFLOWS}


def test_one_that_was_asked_for_again_and_then_waits_can_continue_as_new() -> None:
    """It was woken before it stopped, and nothing has slept since: that must not keep it awake."""
    server = Server(random.Random(7), lives.WORKFLOWS, limits=Limits(suggest_events=60))
    no = ApplicationError("no", type="Rejected", non_retryable=True)
    server.activity("plan", lambda given, call: Attempt(failure=no))
    wanted = Amend(amendment="A1", by="one", reason="wrong", invoice=request(reference=NEW))
    case = AmendCase(wanted=wanted, step=AmendStatus.MAKING, credited=True)
    identity = amend_id(REFERENCE)
    server.start(AMEND_WORKFLOW, AmendInput(reference=REFERENCE, resumed=case), id=identity)
    server.update(identity, "amend", wanted)

    def state() -> Amendment:
        known: Amendment = server.query(identity, "state")
        return known

    def passes(span: timedelta) -> None:
        server.run_until(lambda: False, at_most=server.now + span)

    passes(timedelta(minutes=1))
    assert state().status is AmendStatus.NEEDS_ATTENTION
    for _ in range(30):
        server.signal(identity, "amend", "no amendment")
        passes(timedelta(minutes=1))
    assert len(server.runs(identity)) > 1
    assert state().status is AmendStatus.NEEDS_ATTENTION
    assert not any(run.task_failures for run in server.runs(identity))
    server.close()


def test_a_credit_that_only_counts_as_made_is_looked_for_before_the_new_one_is_asked_for() -> None:
    """A person has left it as it is: nobody knows whether the old invoice still stands."""
    server = Server(random.Random(7), lives.WORKFLOWS)
    nothing = Sums(net=Decimal(0), vat=Decimal(0), gross=Decimal(0))
    left = Left(currency="EUR", lines=(), rates=(), sums=nothing)
    note = CreditState(
        credit="A1",
        reference=f"{REFERENCE}#A1",
        status=Status.ABANDONED,
        became="credited",
        sums=nothing,
        day=ISSUED,
    )
    known = Credits(reference=REFERENCE, status=CreditsStatus.OPEN, left=left, credits=(note,))
    begun: list[object] = []
    no = ApplicationError("no", type="Rejected", non_retryable=True)
    server.activity("credits_of", lambda given, call: Attempt(result=known))

    def plan(given: object, call: ActivityCall) -> Attempt:
        begun.append(given)
        return Attempt(failure=no)

    server.activity("plan", plan)
    wanted = Amend(amendment="A1", by="one", reason="wrong", invoice=request(reference=NEW))
    case = AmendCase(
        wanted=wanted,
        step=AmendStatus.CREDITING,
        credit=wanted.credit(),
        credit_note=note.reference,
    )
    identity = amend_id(REFERENCE)
    server.start(AMEND_WORKFLOW, AmendInput(reference=REFERENCE, resumed=case), id=identity)
    server.run_until(lambda: False, at_most=server.now + HOUR)
    state: Amendment = server.query(identity, "state")
    assert state.status is AmendStatus.NEEDS_ATTENTION
    assert f"nobody has seen {note.reference}" in state.problem
    assert begun == []
    server.update(identity, "amend", wanted)
    server.run_until(lambda: bool(begun), at_most=server.now + HOUR)
    assert len(begun) == 1
    server.close()

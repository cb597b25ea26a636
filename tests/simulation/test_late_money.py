"""Money after the end of an invoice, in virtual time: each promise of docs/money.md by itself."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from invoicing.balance import Balance, Movement, Statement, Way
from invoicing.credits.case import CreditsInput, Looked
from invoicing.credits.credit import Credit, Requested
from invoicing.credits.document import credit_reference
from invoicing.provider import Event, Paces, PaymentStatus, Stage
from invoicing.request import Goal
from invoicing.state.credited import CreditedSoFar
from invoicing.state.identity import (
    CREDITS_WORKFLOW,
    credits_id,
    money_id,
    notices_id,
    workflow_id,
)
from invoicing.state.invoice import Invoice, Journal, Status
from simulation.engine import ActivityCall, Attempt, NotFound, Run
from simulation.engine.model import Faults
from tests.simulation.scene import PACES, REFERENCE, Scene, away
from tests.simulation.test_register import Kept

DAY = timedelta(days=1)
DUE = Decimal("107.69")
NOTHING = Decimal(0)
HEARS = timedelta(days=40)
HEARD = PACES.model_copy(
    update={
        "money": Paces().money.model_copy(update={"deadline": HEARS}),
        "notices": Paces().notices,
    }
)
IDENTITY = money_id(REFERENCE)
SIGNALED = "WorkflowExecutionSignaled"


class Hearing(Scene):
    """An invoice that has ended, and what hears of its money."""

    def __init__(self, **plan: Any) -> None:
        super().__init__(**{"paces": HEARD, **plan})
        self.provider.payment = PaymentStatus.UNPAID

    def begun(self, goal: Goal = Goal.SENT, **fields: Any) -> None:
        """Until its own workflow has ended."""
        self.begin(goal=goal, **fields)
        self.until(lambda: self.run.closed)

    @property
    def hearing(self) -> Run:
        """Its last run."""
        return self.server.runs(IDENTITY)[-1]

    @property
    def now(self) -> Invoice:
        """As it is shown."""
        state: Invoice = self.server.query(IDENTITY, "state")
        return state

    @property
    def balance(self) -> Balance:
        """Its money."""
        assert self.now.balance
        return self.now.balance

    @property
    def said(self) -> list[str]:
        """What happened."""
        journal: Journal = self.server.query(IDENTITY, "journal")
        return [entry.what for entry in journal.entries]

    def states(self, payment: PaymentStatus, **money: Any) -> None:
        """From now on the provider says this."""
        self.provider.payment, self.provider.money = payment, Statement(**money)

    def hears(self, event: str) -> None:
        """News come."""
        self.server.signal(IDENTITY, "provider_event", Event(id=event))

    def credited(self, gross: str = "0", **more: Any) -> None:
        """The ledger of its credits tells what they come to."""
        (identity,) = self.provider.made
        told = CreditedSoFar(provider_id=identity, gross=Decimal(gross), **more)
        self.server.signal(IDENTITY, "credited_so_far", told)

    def over(self) -> Invoice:
        """Its last word; every history can be replayed."""
        self.until(lambda: self.hearing.closed)
        self.server.replay_all()
        assert self.server.violations == []
        assert self.hearing.status == "completed"
        state: Invoice = self.hearing.result
        return state


def test_a_chargeback_takes_back_that_it_is_paid() -> None:
    with Hearing() as scene:
        scene.begun()
        scene.states(PaymentStatus.PAID, paid=DUE)
        scene.hears("paid")
        scene.until(lambda: scene.now.status is Status.PAID, DAY)
        scene.states(PaymentStatus.REVERSED, paid=Decimal(0))
        scene.hears("charged back")
        scene.until(lambda: scene.now.status is Status.SENT, DAY)
        assert (scene.balance.returned, scene.balance.left) == (DUE, DUE)
        assert scene.over().payment is PaymentStatus.REVERSED


def test_without_news_it_looks_by_itself_ever_more_seldom() -> None:
    with Hearing() as scene:
        scene.begun()
        reads = scene.provider.calls.count("read")
        scene.passes(HEARS - DAY)
        # After 1, 3, 7, 15 and 29 days.
        assert scene.provider.calls.count("read") - reads == 5


def test_it_ends_after_its_days_though_the_invoice_is_delivered_meanwhile() -> None:
    """A new stage begins no new row of looks."""
    with Hearing() as scene:
        scene.begun()
        began = scene.server.now
        scene.passes(20 * DAY)
        (identity,) = scene.provider.made
        scene.provider.become(identity, Stage.DELIVERED)
        scene.hears("delivered")
        scene.until(lambda: scene.now.status is Status.DELIVERED, DAY)
        scene.over()
        assert abs(scene.server.now - began - HEARS) < timedelta(hours=1)


def test_while_nobody_answers_it_asks_for_an_hour_and_then_in_its_turn() -> None:
    with Hearing() as scene:
        scene.begun()
        scene.provider.script("read", *[away()] * 400)
        scene.hears("paid")
        scene.passes(timedelta(hours=2))
        asked = scene.provider.calls.count("read")
        scene.passes(timedelta(hours=18))
        assert scene.provider.calls.count("read") == asked
        assert (
            "a look for its money failed (Unavailable), the next one is in its turn" in scene.said
        )


def test_news_that_could_not_be_looked_at_are_read_by_the_next_look() -> None:
    with Hearing() as scene:
        scene.begun()
        scene.provider.script("read", *[away()] * 400)
        scene.hears("paid")
        scene.passes(timedelta(hours=20))
        scene.provider._scripts["read"] = []
        seen: list[tuple[str, ...]] = []
        read = scene.provider._read

        def answer(call: Any, act: Any) -> Any:
            seen.append(tuple(event.id for event in call.events))
            return read(call, act)

        scene.provider._activity("read", answer)
        scene.passes(2 * DAY)
        assert seen[0] == ("paid",)


def test_news_that_come_during_a_look_are_read_by_another() -> None:
    with Hearing() as scene:
        scene.begun()
        seen: list[tuple[str, ...]] = []
        read = scene.provider._read

        def answer(call: Any, act: Any) -> Any:
            if not seen:
                scene.hears("second")
            seen.append(tuple(event.id for event in call.events))
            return read(call, act)

        scene.provider._activity("read", answer)
        scene.hears("first")
        scene.passes(timedelta(hours=1))
        assert seen == [("first",), ("second",)]


def test_one_that_is_shown_as_a_draft_is_another_and_says_nothing_of_money() -> None:
    with Hearing() as scene:
        scene.begun()
        scene.states(PaymentStatus.PAID, paid=DUE)
        scene.hears("paid")
        scene.until(lambda: scene.now.status is Status.PAID, DAY)
        (identity,) = scene.provider.made
        scene.provider.made[identity].stage = Stage.DRAFTED
        scene.provider.payment = PaymentStatus.UNPAID
        scene.hears("something")
        scene.passes(DAY)
        assert (scene.now.status, scene.balance.paid) == (Status.PAID, DUE)


def test_a_credit_note_is_added_brings_a_look_and_is_no_payment() -> None:
    with Hearing() as scene:
        scene.begun()
        scene.states(PaymentStatus.UNPAID, left=DUE)
        scene.hears("looked at")
        scene.passes(timedelta(minutes=5))
        reads = scene.provider.calls.count("read")
        scene.states(PaymentStatus.UNPAID, left=DUE - 10)
        scene.credited("10.00")
        scene.credited("10.00")
        scene.passes(timedelta(minutes=5))
        assert scene.provider.calls.count("read") > reads
        balance = scene.balance
        # By what is left alone nobody can tell any more what was paid.
        assert balance.paid is None
        assert (balance.credited, balance.left) == (Decimal(10), DUE - 10)
        assert balance.unexplained == 0


def test_until_it_is_looked_at_again_what_is_left_is_less_by_the_credit_note() -> None:
    with Hearing() as scene:
        scene.begun()
        scene.states(PaymentStatus.UNPAID, left=DUE)
        scene.hears("looked at")
        scene.passes(timedelta(minutes=5))
        scene.provider.script("read", *[away()] * 400)
        scene.credited("10.00")
        scene.passes(timedelta(minutes=5))
        balance = scene.balance
        assert (balance.credited, balance.left) == (Decimal(10), DUE - 10)
        assert balance.unexplained == 0


def test_while_a_credit_note_may_be_final_what_it_takes_is_no_payment() -> None:
    """The provider has lowered what is left, and its ledger has not told of it yet."""
    with Hearing() as scene:
        scene.begun()
        scene.states(PaymentStatus.UNPAID, left=DUE)
        scene.hears("looked at")
        scene.passes(timedelta(minutes=5))
        scene.credited(under_way=True)
        scene.states(PaymentStatus.PAID, left=Decimal(0))
        scene.hears("lowered")
        scene.passes(timedelta(minutes=5))
        assert (scene.now.status, scene.balance.paid) == (Status.SENT, None)
        scene.credited(str(DUE), all=True)
        scene.passes(timedelta(minutes=5))
        balance = scene.balance
        assert (balance.credited, balance.left) == (DUE, NOTHING)
        assert (scene.now.status, balance.returned) == (Status.CREDITED, None)


def test_one_of_which_a_credit_and_a_payment_leave_nothing_is_paid() -> None:
    with Hearing() as scene:
        scene.begun()
        scene.credited(under_way=True)
        scene.credited("7.69")
        scene.states(PaymentStatus.PARTLY_PAID, paid=Decimal(100))
        scene.hears("paid")
        scene.passes(timedelta(minutes=5))
        assert (scene.now.status, scene.balance.left) == (Status.PAID, NOTHING)


def test_what_is_paid_while_a_credit_note_is_under_way_is_paid() -> None:
    with Hearing() as scene:
        scene.begun()
        scene.credited(under_way=True)
        scene.states(PaymentStatus.PAID, paid=DUE)
        scene.hears("paid")
        scene.passes(timedelta(minutes=5))
        assert scene.now.status is Status.PAID


def test_what_is_told_of_another_invoices_credits_is_not_taken() -> None:
    with Hearing() as scene:
        scene.begun()
        told = CreditedSoFar(provider_id="another", gross=Decimal(10))
        scene.server.signal(IDENTITY, "credited_so_far", told)
        scene.passes(timedelta(minutes=5))
        assert scene.balance.credited == 0


def test_an_invoice_that_is_waited_for_and_credited_wholly_ends_as_credited() -> None:
    with Hearing() as scene:
        scene.begin(goal=Goal.PAID)
        scene.until(lambda: "payment" in str(scene.state.waiting))
        (identity,) = scene.provider.made
        for told in (
            CreditedSoFar(provider_id=identity, under_way=True),
            CreditedSoFar(provider_id=identity, gross=DUE, all=True),
        ):
            scene.server.signal(workflow_id(REFERENCE), "credited_so_far", told)
            scene.passes(timedelta(seconds=20))
        # Nobody waits for the next look, which is hours away.
        scene.until(lambda: scene.run.closed, timedelta(minutes=5))
        assert scene.state.status is Status.CREDITED


def test_an_invoice_that_is_waited_for_ends_as_paid_once_what_a_credit_has_left_is() -> None:
    with Hearing() as scene:
        scene.provider.payment, scene.provider.money = (
            PaymentStatus.PARTLY_PAID,
            Statement(paid=Decimal(100)),
        )
        scene.begin(goal=Goal.PAID)
        scene.until(lambda: "payment" in str(scene.state.waiting))
        (identity,) = scene.provider.made
        told = CreditedSoFar(provider_id=identity, gross=DUE - 100)
        scene.server.signal(workflow_id(REFERENCE), "credited_so_far", told)
        scene.until(lambda: scene.run.closed, DAY)
        assert (scene.state.status, scene.balance.credited) == (Status.PAID, DUE - 100)


def test_a_credit_note_is_begun_when_its_invoice_knows_that_it_may_be_less() -> None:
    with Hearing() as scene:
        scene.begun()

        def requested(given: object, call: ActivityCall) -> Attempt:
            invoice: Requested = scene.server.query(scene.id, "request")
            return Attempt(result=Looked(invoice=invoice))

        scene.server.activity("requested", requested)
        ledger, note = credits_id(REFERENCE), workflow_id(credit_reference(REFERENCE, "C1"))
        scene.server.start(CREDITS_WORKFLOW, CreditsInput(reference=REFERENCE), id=ledger)
        before = scene.hearing.history.count(SIGNALED)
        wanted = Credit(credit="C1", whole=True, by="seller", reason="came back")
        scene.server.update(ledger, "credit", wanted)
        scene.until(lambda: note in scene.server.ids())
        assert scene.hearing.history.count(SIGNALED) == before + 1
        scene.until(lambda: scene.now.status is Status.CREDITED, DAY)
        assert (scene.balance.credited, scene.balance.left) == (DUE, NOTHING)


def test_what_is_told_of_credits_while_an_invoice_ends_is_handed_on() -> None:
    with Hearing() as scene:
        scene.begin(goal=Goal.SENT)
        told: list[str] = []

        def tell() -> None:
            """Once what hears of its money is asked for, before its own end."""
            if "start_child" in scene.server.trace[-1][1] and not told:
                told.extend(scene.provider.made)
                word = CreditedSoFar(provider_id=told[0], gross=Decimal(10))
                scene.server.signal(workflow_id(REFERENCE), "credited_so_far", word)

        scene.server.on_step.append(tell)
        scene.until(lambda: scene.run.closed)
        assert told
        scene.passes(timedelta(minutes=5))
        assert scene.balance.credited == 10


def test_money_that_came_before_a_credit_of_all_is_heard_of_when_it_is_given_back() -> None:
    with Hearing(credits=True) as scene:
        scene.states(PaymentStatus.PAID, paid=DUE)
        scene.begin(goal=Goal.DELIVERED, may_credit=True)
        scene.until(lambda: scene.state.stage is Stage.SENT)
        scene.passes(timedelta(minutes=2))
        scene.cancel()
        scene.until(lambda: scene.run.closed)
        assert scene.state.status is Status.CREDITED
        scene.states(PaymentStatus.UNPAID, paid=Decimal(0))
        scene.hears("given back")
        scene.passes(DAY)
        assert scene.balance.returned == DUE
        assert scene.over().status is Status.CREDITED


def test_what_somebody_at_the_provider_credits_after_its_end_is_credited_though_it_was_paid() -> (
    None
):
    with Hearing() as scene:
        scene.begun()
        scene.states(PaymentStatus.PAID, paid=DUE)
        scene.hears("paid")
        scene.until(lambda: scene.now.status is Status.PAID, DAY)
        (identity,) = scene.provider.made
        scene.provider.become(identity, Stage.CREDITED)
        scene.hears("credited")
        scene.until(lambda: scene.now.stage is Stage.CREDITED, DAY)
        assert scene.now.status is Status.CREDITED


def test_an_eviction_is_no_cancel() -> None:
    with Hearing() as scene:
        scene.server.faults = Faults(evicted=1)
        scene.begun()
        scene.passes(HEARS / 2)
        assert scene.hearing.status == "running"
        scene.server.lose_worker()
        scene.passes(DAY)
        assert scene.hearing.status == "running"
        scene.over()


def test_a_run_that_continues_as_new_keeps_its_end_and_the_news() -> None:
    with Hearing() as scene:
        scene.server.faults = Faults(early_suggestion=1, suggested_within=(10, 12))
        scene.begun()
        began = scene.server.now
        for number in range(1, 20):
            scene.hears(f"news {number}")
            scene.passes(timedelta(hours=5))
        assert len(scene.server.runs(IDENTITY)) > 1
        scene.over()
        assert abs(scene.server.now - began - HEARS) < timedelta(hours=1)


def test_a_cancel_of_it_leaves_no_notice_and_no_line_behind() -> None:
    with Kept(paces=HEARD) as scene:
        scene.begin(goal=Goal.SENT, subscriber="books")
        scene.until(lambda: scene.run.closed)
        scene.provider.payment = PaymentStatus.PAID
        scene.server.signal(IDENTITY, "provider_event", Event(id="paid"))
        scene.passes(timedelta(milliseconds=200))
        scene.server.cancel(IDENTITY, "over")
        scene.until(lambda: scene.server.runs(IDENTITY)[-1].closed)
        row = scene.register.rows[("invoice", REFERENCE)]
        lines = next(iter(scene.register.lines.values()))
        assert lines[-1].what == "nobody hears of its money any more"
        assert not scene.register.gaps
        assert row.ended
        scene.passes(DAY)
        assert scene.provider.calls.count("post") >= 2


def test_its_notices_go_by_the_poster_of_the_invoice() -> None:
    with Hearing() as scene:
        scene.begun(subscriber="books")
        scene.states(PaymentStatus.PAID, paid=DUE)
        scene.hears("paid")
        scene.until(lambda: scene.now.status is Status.PAID, DAY)
        scene.passes(DAY)
        assert scene.server.runs(notices_id("books", workflow_id(REFERENCE)))
        assert not scene.server.runs(notices_id("books", IDENTITY))


@pytest.mark.parametrize("goal", [Goal.SENT, Goal.DRAFTED])
def test_without_days_and_for_a_draft_nobody_hears(goal: Goal) -> None:
    with Hearing(paces=PACES if goal is Goal.SENT else HEARD) as scene:
        scene.begun(goal=goal)
        scene.passes(DAY)
        assert not scene.server.runs(IDENTITY)


def test_news_that_come_while_it_ends_are_handed_on() -> None:
    """Between the moment at which all that is known is written down and the end."""
    with Hearing() as scene:
        scene.begin(goal=Goal.SENT)
        told = False

        def tell() -> None:
            nonlocal told
            if not told and any(one.id == IDENTITY for one in scene.run.children.values()):
                told = True
                scene.tell("paid", {"paid": True})

        scene.server.on_step.append(tell)
        scene.until(lambda: scene.run.closed)
        assert told
        reads = scene.provider.calls.count("read")
        scene.passes(timedelta(minutes=5))
        assert scene.provider.calls.count("read") > reads


def test_each_movement_that_is_told_is_shown_with_its_way() -> None:
    with Hearing() as scene:
        scene.begun()
        ways = tuple(Way)
        statement = Statement(tells=ways)
        for way in (Way.PAYMENT, Way.PAYMENT, Way.REFUND, Way.CHARGEBACK):
            statement = statement.moved(Movement(way=way, amount=Decimal(20)))
        scene.provider.payment, scene.provider.money = PaymentStatus.REVERSED, statement
        scene.hears("all of it")
        scene.passes(timedelta(minutes=5))
        balance = scene.balance
        assert (balance.paid, balance.left) == (Decimal(0), DUE)
        assert balance.refunded == balance.charged_back == Decimal(20)
        assert len(balance.movements) == 4
        assert not scene.balance.too_much


def test_a_signal_to_one_that_has_ended_says_so() -> None:
    with Hearing() as scene:
        scene.begun()
        scene.over()
        with pytest.raises(NotFound):
            scene.hears("too late")

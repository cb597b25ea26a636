"""Money after the end of an invoice, in virtual time: each promise of docs/money.md by itself."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from invoicing.balance import Balance, Movement, Statement, Way
from invoicing.provider import Event, Paces, PaymentStatus, Stage
from invoicing.request import Goal
from invoicing.state.identity import money_id, notices_id, workflow_id
from invoicing.state.invoice import Invoice, Journal, Status
from invoicing.state.money_after import CreditedSince
from simulation.engine import NotFound, Run
from simulation.engine.model import Faults
from tests.simulation.scene import PACES, REFERENCE, Scene, away
from tests.simulation.test_register import Kept
from workflows.money import MOST_NOTES

DAY = timedelta(days=1)
DUE = Decimal("107.69")
HEARS = timedelta(days=40)
HEARD = PACES.model_copy(
    update={
        "money": Paces().money.model_copy(update={"deadline": HEARS}),
        "notices": Paces().notices,
    }
)
IDENTITY = money_id(REFERENCE)


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

    def credited(self, note: str, gross: str) -> None:
        """A credit note has become final."""
        told = CreditedSince(note=note, gross=Decimal(gross))
        self.server.signal(IDENTITY, "credited", told)

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
        scene.credited("NOTE", "10.00")
        scene.credited("NOTE", "10.00")
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
        scene.credited("NOTE", "10.00")
        scene.passes(timedelta(minutes=5))
        balance = scene.balance
        assert (balance.credited, balance.left) == (Decimal(10), DUE - 10)
        assert balance.unexplained == 0


def test_more_credit_notes_than_are_added_up_leave_what_is_credited_unknown() -> None:
    with Hearing() as scene:
        scene.begun()
        for number in range(MOST_NOTES + 1):
            scene.credited(f"NOTE-{number}", "0.10")
        scene.passes(timedelta(hours=1))
        assert scene.balance.credited is None


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

"""Temporal's database is lost, and somebody asks again with the first request: what people and the
provider had said until then stands in the register, and nobody is asked what is not so."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from invoicing.balance import Statement
from invoicing.consent import Consent
from invoicing.document import Document
from invoicing.provider import Paces, PaymentStatus, Stage
from invoicing.request import Goal
from invoicing.state.invoice import Invoice, Status
from invoicing.state.questions import Answer, Reason
from simulation.documents import document, sums
from tests.simulation.scene import away, refused
from tests.simulation.test_late_money import DAY, HEARD, HEARS, IDENTITY
from tests.simulation.test_register import ABOUT, SOON, Kept
from tests.simulation.test_two_people import release, resolve

OLD, NEW, NEWER = document(1), document(1, 1, dearer=50), document(1, 2, dearer=75)
EFFECT = Paces().effect
WAITS = "provider: payment"
GROSS = {given: sums(given).gross for given in (OLD, NEW, NEWER)}


def parked(scene: Kept, **fields: Any) -> None:
    """The provider refuses to make it, and a person is asked."""
    scene.provider.script("create", refused())
    scene.begin(**fields)
    scene.until_asked(Reason.REJECTED)


def corrected(scene: Kept, to: Document = NEW, **fields: Any) -> None:
    """Made from something dearer than was asked for."""
    parked(scene, **fields)
    scene.answer(Answer.CORRECT, document=to)


def again(scene: Kept, **fields: Any) -> None:
    """The database is lost when all that has happened is written down."""
    scene.passes(SOON)
    scene.forgotten()
    scene.begin(**fields)


def corrected_twice_and_lost(scene: Kept, to: Document) -> None:
    """The second correction is not made yet when the database is lost."""
    scene.provider.script("create", refused(), refused(), *[away()] * 50)
    scene.begin()
    for given in (NEW, to):
        scene.until_asked(Reason.REJECTED)
        scene.answer(Answer.CORRECT, document=given)
    scene.until_called("create", 4)
    again(scene)


def row(scene: Kept) -> tuple[Any, Any]:
    """What the books say of it."""
    kept = scene.register.rows[ABOUT]
    return kept.gross, kept.status


def test_one_that_was_corrected_and_sent_is_followed_to_its_payment() -> None:
    with Kept() as scene:
        corrected(scene, goal=Goal.PAID)
        scene.until(lambda: scene.waits_for == WAITS)
        again(scene, goal=Goal.PAID)
        scene.until(lambda: scene.state.waiting is not None)
        assert scene.reason is None
        assert scene.waits_for == WAITS
        scene.provider.payment = PaymentStatus.PAID
        ended = scene.written()
        assert (ended.status, ended.amounts and ended.amounts.gross) == (Status.PAID, GROSS[NEW])
        assert row(scene) == (GROSS[NEW], Status.PAID)
        assert (scene.provider.sent, len(scene.provider.made)) == (1, 1)


def test_one_that_had_ended_is_shown_with_what_it_was_corrected_to() -> None:
    with Kept() as scene:
        corrected(scene)
        scene.written()
        asked = len(scene.provider.calls)
        again(scene)
        ended = scene.ended()
        assert (ended.status, ended.amounts and ended.amounts.gross) == (Status.SENT, GROSS[NEW])
        assert set(scene.provider.calls[asked:]) == {"plan"}
        assert row(scene) == (GROSS[NEW], Status.SENT)


def test_a_draft_that_has_the_correction_is_gone_on_with_where_it_stands() -> None:
    with Kept() as scene:
        corrected(scene, hold=True)
        scene.until_held()
        again(scene, hold=True)
        scene.until_held()
        scene.release()
        assert scene.ended().status is Status.SENT
        assert [(one.document, one.stage) for one in scene.provider.made.values()] == [
            (NEW, Stage.SENT)
        ]


def test_what_was_corrected_last_is_what_is_made() -> None:
    with Kept() as scene:
        corrected_twice_and_lost(scene, NEWER)
        assert scene.ended().amounts == scene.state.amounts
        assert [one.document for one in scene.provider.alive] == [NEWER]


def test_what_was_corrected_back_is_what_was_asked_for() -> None:
    with Kept() as scene:
        corrected_twice_and_lost(scene, OLD)
        assert scene.ended().status is Status.SENT
        assert [one.document for one in scene.provider.alive] == [OLD]


def test_a_correction_that_the_register_was_not_told_of_is_for_a_person_to_say() -> None:
    """What was made before has the first content; what a person wanted instead, nobody knows."""
    with Kept() as scene:
        parked(scene)
        scene.provider.refuses_to_plan = True
        scene.answer(Answer.CORRECT, document=NEW)
        scene.until_asked(Reason.REJECTED)
        scene.passes(SOON)
        assert scene.register.rows[ABOUT].wanted
        assert scene.register.corrections == {}
        scene.provider.refuses_to_plan = False
        again(scene)
        scene.until_held()
        scene.release()
        assert scene.ended().status is Status.SENT


def test_nor_is_an_older_one_taken_for_it() -> None:
    with Kept() as scene:
        scene.provider.script("create", refused(), refused())
        scene.begin()
        scene.until_asked(Reason.REJECTED)
        scene.answer(Answer.CORRECT, document=NEW)
        scene.until_called("create", 2)
        scene.until_asked(Reason.REJECTED)
        scene.provider.refuses_to_plan = True
        scene.answer(Answer.CORRECT, document=NEWER)
        scene.until_asked(Reason.REJECTED)
        scene.provider.refuses_to_plan = False
        assert scene.register.corrections[ABOUT].document == NEW
        again(scene)
        scene.until_held()


def corrected_before_it_is_known(scene: Kept, **fields: Any) -> None:
    """The next life can make no plan for a day, and somebody corrects it meanwhile."""
    scene.provider.script("plan", *[away()] * 500)
    again(scene, **fields)
    scene.until_asked(Reason.PROVIDER_UNAVAILABLE)
    scene.provider._scripts.clear()
    scene.answer(Answer.CORRECT, document=NEWER)


def test_what_is_final_already_is_not_taken_for_what_was_corrected_since() -> None:
    """Equal figures would not show it: a person says what is to become of it."""
    with Kept() as scene:
        scene.begin(goal=Goal.PAID)
        scene.until(lambda: scene.waits_for == WAITS)
        corrected_before_it_is_known(scene, goal=Goal.PAID)
        scene.until_asked(Reason.CANNOT_CANCEL)
        assert "so it is not corrected" in scene.state.problem.what  # type: ignore[union-attr]
        assert (scene.provider.sent, len(scene.provider.made)) == (1, 1)


@pytest.mark.parametrize("before", [False, True])
def test_what_has_ended_is_not_corrected_any_more(*, before: bool) -> None:
    with Kept() as scene:
        if before:
            corrected(scene)
        else:
            scene.begin()
        scene.written()
        corrected_before_it_is_known(scene)
        ended = scene.ended()
        gross = GROSS[NEW if before else OLD]
        assert (ended.status, ended.amounts and ended.amounts.gross) == (Status.SENT, gross)
        assert len(scene.provider.made) == 1
        assert row(scene) == (gross, Status.SENT)


def test_what_begins_anew_after_a_cancel_has_nothing_of_a_correction() -> None:
    with Kept() as scene:
        corrected(scene, hold=True)
        scene.until_held()
        scene.cancel()
        assert scene.ended().status is Status.CANCELLED
        again(scene)
        assert scene.ended().status is Status.SENT
        assert [one.document for one in scene.provider.alive] == [OLD]
        assert scene.register.corrections == {}


def test_being_taken_back_it_is_taken_back_as_it_was_corrected() -> None:
    with Kept(credits=True) as scene:
        corrected(scene, goal=Goal.PAID)
        scene.until(lambda: scene.waits_for == WAITS)
        scene.provider.script("credit", *[away()] * 50)
        scene.cancel()
        scene.until_called("credit")
        again(scene, goal=Goal.PAID)
        ended = scene.written()
        assert (ended.status, ended.amounts and ended.amounts.gross) == (
            Status.CREDITED,
            GROSS[NEW],
        )


def test_what_a_person_lets_stand_is_not_asked_again() -> None:
    with Kept(said={"text": "ours"}) as scene:
        scene.provider.said = {"text": "theirs"}
        scene.begin(goal=Goal.PAID)
        scene.until_asked(Reason.AMOUNTS_DIFFER)
        scene.answer(Answer.ACCEPT)
        scene.until(lambda: scene.waits_for == WAITS or bool(scene.reason))
        if scene.reason:
            scene.answer(Answer.ACCEPT)
            scene.until(lambda: scene.waits_for == WAITS)
        again(scene, goal=Goal.PAID)
        scene.until(lambda: scene.waits_for == WAITS or bool(scene.reason))
        assert scene.reason is None


def test_what_a_person_went_on_without_is_not_done_after_all() -> None:
    """The buyer has it from somebody's own hands: sent now, they would have it twice."""
    with Kept() as scene:
        scene.provider.script("send", refused())
        scene.begin(goal=Goal.PAID)
        scene.until_asked(Reason.REJECTED)
        scene.answer(Answer.GO_WITHOUT)
        scene.until(lambda: scene.waits_for == WAITS)
        again(scene, goal=Goal.PAID)
        scene.until(lambda: scene.state.waiting is not None)
        scene.passes(EFFECT * 2)
        assert scene.waits_for == WAITS
        assert (scene.provider.calls.count("send"), scene.provider.sent) == (1, 0)


def test_what_a_person_knows_to_be_none_of_ours_is_asked_about_once() -> None:
    """It carries our reference: nothing but their word says that it is another one's."""
    with Kept(find_first=True) as scene:
        other, right = (scene.provider.put(OLD, Stage.APPROVED) for _ in range(2))
        scene.begin(goal=Goal.PAID)
        scene.until_asked(Reason.SEVERAL_FOUND)
        scene.answer(Answer.ADOPT, provider_id=right)
        scene.until(lambda: scene.waits_for == WAITS)
        scene.provider.made[other].stage = Stage.DRAFTED
        again(scene, goal=Goal.PAID)
        scene.until(lambda: scene.waits_for == WAITS or bool(scene.reason))
        scene.provider.payment = PaymentStatus.PAID
        assert scene.ended().provider_id == right
        assert scene.provider.made[other].stage is Stage.DRAFTED


def test_money_that_was_seen_and_went_back_meanwhile_is_seen_to_have_gone() -> None:
    with Kept() as scene:
        due = sums(OLD).gross
        scene.begin(goal=Goal.PAID)
        scene.until(lambda: scene.waits_for == WAITS)
        scene.provider.payment = PaymentStatus.PARTLY_PAID
        scene.provider.money = Statement(paid=Decimal(20), left=due - 20)
        scene.tell("paid in part")
        scene.until(lambda: bool(scene.state.balance and scene.state.balance.paid == 20))
        scene.provider.payment = PaymentStatus.UNPAID
        scene.provider.money = Statement(paid=Decimal(0), left=due)
        again(scene, goal=Goal.PAID)
        scene.until(lambda: bool(scene.state.balance and scene.state.balance.returned == 20))
        scene.passes(SOON)
        kept = scene.register.rows[ABOUT]
        assert (kept.paid, kept.returned, kept.left_to_pay) == (Decimal(0), Decimal(20), due)


def test_money_that_news_alone_had_told_is_not_forgotten() -> None:
    """The provider tells each payment once, and no look shows it."""
    with Kept() as scene:
        due = sums(OLD).gross
        scene.begin(goal=Goal.PAID)
        scene.until(lambda: scene.waits_for == WAITS)
        scene.provider.payment = PaymentStatus.PARTLY_PAID
        scene.provider.money = Statement(paid=Decimal(20), left=due - 20)
        scene.tell("paid in part")
        scene.until(lambda: bool(scene.state.balance and scene.state.balance.paid == 20))
        scene.provider.payment, scene.provider.money = PaymentStatus.UNKNOWN, None
        again(scene, goal=Goal.PAID)
        scene.until(lambda: scene.waits_for == WAITS)
        balance = scene.state.balance
        assert balance is not None
        assert (balance.paid, balance.left) == (Decimal(20), due - 20)
        scene.passes(SOON)
        assert scene.register.rows[ABOUT].paid == 20


def test_what_one_person_corrected_alone_still_needs_the_second() -> None:
    """Nobody knew the rule when it was corrected, for no plan could be made."""
    rule = Consent(of=("correct",), above={"EUR": GROSS[OLD]})
    with Kept(consent=rule) as scene:
        scene.provider.script("plan", *[away()] * 500)
        scene.begin(goal=Goal.PAID)
        scene.until_asked(Reason.PROVIDER_UNAVAILABLE)
        scene.provider._scripts.clear()
        resolve(scene, "ann", Answer.CORRECT, document=NEW)
        scene.until_held()
        again(scene, goal=Goal.PAID)
        scene.until_held()
        release(scene, "ann")
        scene.passes(EFFECT)
        assert scene.state.status is Status.HELD
        release(scene, "bob")
        scene.until(lambda: scene.waits_for == WAITS)
        assert [(one.document, one.sent) for one in scene.provider.alive] == [(NEW, 1)]


def test_what_two_people_corrected_needs_no_third() -> None:
    rule = Consent(of=("correct",), above={"EUR": GROSS[OLD]})
    with Kept(consent=rule) as scene:
        parked(scene, goal=Goal.PAID)
        resolve(scene, "ann", Answer.CORRECT, document=NEW)
        scene.provider.script("approve", *[away()] * 50)
        resolve(scene, "bob", Answer.CORRECT, document=NEW)
        scene.until_called("approve")
        again(scene, goal=Goal.PAID)
        scene.until(lambda: scene.waits_for == WAITS)
        assert [(one.document, one.sent) for one in scene.provider.alive] == [(NEW, 1)]


# --- the money of what had ended ------------------------------------------------------------------


def ended_and_lost(scene: Kept, **fields: Any) -> Decimal:
    """It has ended, and all that Temporal had of it is lost; what is due."""
    scene.provider.payment = PaymentStatus.UNPAID
    scene.begin(**fields)
    due = scene.written().balance.due  # type: ignore[union-attr]
    scene.passes(DAY)
    return due


def hearing_is_lost(scene: Kept) -> None:
    """As `forgotten`, of what hears of its money."""
    if not scene.server.runs(IDENTITY)[-1].closed:
        scene.server.terminate(IDENTITY, "its database is lost")
        scene.passes(timedelta(seconds=1))
    scene.server.expire(IDENTITY)


def heard(scene: Kept) -> Invoice:
    """As what hears of its money shows it."""
    state: Invoice = scene.server.query(IDENTITY, "state")
    return state


def test_money_that_moved_while_nobody_heard_of_it_is_seen_at_once() -> None:
    with Kept(paces=HEARD) as scene:
        due = ended_and_lost(scene, subscriber="erp")
        hearing_is_lost(scene)
        scene.provider.payment = PaymentStatus.PAID
        scene.provider.money = Statement(paid=due, left=Decimal(0))
        posted = scene.provider.calls.count("post")
        again(scene, subscriber="erp")
        assert scene.ended().status is Status.SENT
        scene.until(lambda: heard(scene).status is Status.PAID, timedelta(minutes=1))
        scene.passes(timedelta(minutes=1))
        kept = scene.register.rows[ABOUT]
        assert (kept.status, kept.paid, kept.ended, kept.outcome) == ("paid", due, True, "sent")
        assert scene.register.gaps == []
        assert len(scene.register.lines) == 1
        # That it is sent the subscriber knew; that it is paid it is told.
        assert scene.provider.calls.count("post") == posted + 1


def test_it_is_heard_of_no_longer_than_by_the_life_that_was_lost() -> None:
    with Kept(paces=HEARD) as scene:
        ended_and_lost(scene)
        began = scene.server.now - DAY
        scene.passes(HEARS / 2)
        hearing_is_lost(scene)
        again(scene)
        scene.until(lambda: bool(scene.server.runs(IDENTITY)))
        scene.until(lambda: scene.server.runs(IDENTITY)[-1].closed)
        assert abs(scene.server.now - began - HEARS) < timedelta(minutes=5)


def test_when_its_time_is_over_nobody_hears_of_it_again() -> None:
    with Kept(paces=HEARD) as scene:
        ended_and_lost(scene)
        hearing_is_lost(scene)
        scene.passes(HEARS)
        again(scene)
        scene.passes(DAY)
        assert scene.server.runs(IDENTITY) == ()


def test_where_a_person_has_ended_that_nobody_hears_of_it_again() -> None:
    with Kept(paces=HEARD) as scene:
        ended_and_lost(scene)
        scene.server.cancel(IDENTITY, "by a person")
        scene.passes(SOON)
        assert scene.register.rows[ABOUT].heard_enough
        scene.server.expire(IDENTITY)
        again(scene)
        scene.passes(DAY)
        assert scene.server.runs(IDENTITY) == ()


def test_where_somebody_hears_of_it_still_nobody_else_does() -> None:
    """Temporal has forgotten the invoice after its retention, and not what hears of its money."""
    with Kept(paces=HEARD) as scene:
        ended_and_lost(scene)
        (hearing,) = scene.server.runs(IDENTITY)
        again(scene)
        scene.passes(DAY)
        assert [each.run_id for each in scene.server.runs(IDENTITY)] == [hearing.run_id]
        assert scene.register.gaps == []

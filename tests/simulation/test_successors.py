"""What a life that was cut off leaves to the next one under its reference, and what not; and calls
that a provider may carry out as often as it is asked."""

from __future__ import annotations

from datetime import timedelta

import pytest

from invoicing.provider import Stage
from invoicing.request import Goal
from invoicing.state.invoice import Status
from invoicing.state.questions import Answer, Reason
from simulation.documents import document
from tests.simulation.scene import Scene, lost, refused
from tests.simulation.test_late_money import HEARD, IDENTITY
from tests.simulation.test_register import SOON, Kept

MOMENT = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
EFFECT = timedelta(minutes=30)


# --- a cancel that was carried out ---------------------------------------------------------------


def test_a_cancel_that_was_carried_out_before_the_end_was_cut_off_is_not_the_next_ones() -> None:
    """Cancelled, ended while it looked back for a late create, asked for again with other content:
    the new one cancelled itself."""
    with Scene() as scene:
        scene.provider.script("create", lost())
        scene.begin()
        scene.until_called("create")
        scene.cancel()
        scene.until(lambda: scene.state.status is Status.CANCELLED)
        assert not scene.run.closed
        scene.server.terminate(scene.id)
        scene.begin(document=document(1, 1, dearer=50))
        assert scene.ended().status is Status.SENT
        assert [one.document for one in scene.provider.alive] == [document(1, 1, dearer=50)]


def test_a_cancel_that_was_not_carried_out_is_the_next_ones() -> None:
    with Scene() as scene:
        scene.provider.script("create", lost(late=timedelta(seconds=2)))
        scene.provider.script("delete", *[lost()] * 3)
        scene.begin()
        scene.until_called("create")
        scene.cancel()
        scene.until_called("delete")
        scene.server.terminate(scene.id)
        scene.begin()
        assert scene.ended().status is Status.CANCELLED
        assert scene.provider.alive == []


# --- an approval that the row is older than ------------------------------------------------------


@pytest.mark.parametrize(("it_happened", "calls"), [(True, 1), (False, 2)])
def test_where_nobody_can_look_a_person_says_whether_a_life_that_is_over_had_it_approved(
    it_happened: bool, calls: int
) -> None:
    """Nothing is repeated unasked: the successor took the row's word that it is a draft."""
    with Kept(uncertain="ask", sent_by="approve") as scene:
        scene.provider.script("approve", lost(late=timedelta() if it_happened else None))
        scene.begin(hold=True)
        scene.until_held()
        scene.passes(SOON)
        scene.release()
        scene.until_called("approve")
        scene.server.terminate(scene.id)
        scene.begin(hold=True)
        scene.until_held()
        scene.release()
        scene.until_asked(Reason.CANNOT_TELL)
        assert scene.provider.calls.count("approve") == 1
        scene.answer(Answer.HAPPENED if it_happened else Answer.DID_NOT_HAPPEN)
        scene.until(lambda: scene.provider.calls.count("approve") == calls)


# --- a credit -------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", [lost, refused])
def test_a_credit_is_not_asked_for_again_while_the_first_may_take_effect(first: object) -> None:
    """A provider may make a credit note for each: the second was asked for after 15 seconds."""
    with Scene(credits=True) as scene:
        assert callable(first)
        scene.provider.script("credit", first(late=timedelta(minutes=20)))
        scene.begin(goal=Goal.PAID, may_credit=True)
        scene.until(lambda: "payment" in str(scene.state.waiting))
        scene.cancel()
        scene.until_called("credit")
        if first is refused:
            scene.until_asked(Reason.REJECTED)
            scene.answer(Answer.RETRY)
        assert scene.ended().status is Status.CREDITED
        assert scene.provider.calls.count("credit") == 1


def test_a_credit_that_had_no_effect_is_asked_for_again_when_that_is_certain() -> None:
    with Scene(credits=True) as scene:
        scene.provider.script("credit", lost())
        scene.begin(goal=Goal.PAID, may_credit=True)
        scene.until(lambda: "payment" in str(scene.state.waiting))
        scene.cancel()
        scene.until_called("credit")
        asked = scene.server.now
        scene.until_called("credit", 2)
        assert scene.server.now - asked >= EFFECT
        assert scene.ended().status is Status.CREDITED


# --- what is said to be gone ----------------------------------------------------------------------


def test_a_draft_that_is_gone_and_not_by_us_is_searched_for_before_the_corrected_one_is_made() -> (
    None
):
    """One wrong "not found" while a draft was taken away: the corrected one was made beside it."""
    with Scene() as scene:
        scene.provider.script("approve", refused(), lost())
        scene.begin()
        scene.until_asked(Reason.REJECTED)
        hidden = scene.provider.made.pop("P-1")
        scene.answer(Answer.CORRECT, document=document(1, 1, dearer=50))
        scene.until(lambda: "find" in scene.provider.calls or "P-1" in scene.provider.made)
        scene.provider.made["P-1"] = hidden
        assert scene.ended().status is Status.SENT
        assert [one.document for one in scene.provider.alive] == [document(1, 1, dearer=50)]


# --- what has ended while it was sent -------------------------------------------------------------


def test_the_money_of_one_that_a_person_had_end_while_it_is_being_sent_is_heard_of() -> None:
    with Scene(paces=HEARD) as scene:
        scene.provider.accepts_only.add("send")
        scene.begin()
        scene.until_asked(Reason.SENDING_OVERDUE)
        scene.provider.become("P-1", Stage.SENDING)
        scene.answer(Answer.WAIT)
        scene.until_asked(Reason.SENDING_OVERDUE)
        scene.answer(Answer.GO_WITHOUT)
        scene.until(lambda: scene.run.closed)
        assert scene.state.status is Status.SENDING
        assert scene.server.runs(IDENTITY)

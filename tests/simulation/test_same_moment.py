"""Two people who say something in the very same workflow task: what was said last, or what can no
longer be undone, is what holds."""

from __future__ import annotations

from datetime import timedelta

import pytest

from invoicing.provider import Paces
from invoicing.state.invoice import Hold, Release, Resolve, Status
from invoicing.state.questions import Answer, Reason
from simulation.engine import Update
from tests.simulation.scene import Scene, lost

DAY = timedelta(days=1)
SOON = Paces(hold=DAY, attention=timedelta(days=900))
"""A hold is overdue after a day."""


def said(scene: Scene, answer: Answer) -> Update:
    """An answer to the open question, on its way."""
    problem = scene.problem_of(scene.id)
    assert problem is not None
    resolve = Resolve(by="one", reason="test", question=problem.question, answer=answer)
    return scene.server.update(scene.id, "resolve", resolve)


def taken(scene: Scene, *updates: Update) -> bool:
    """Whether all of them were taken, once they are answered."""
    scene.until(lambda: all(each.status != "pending" for each in updates))
    return all(each.status == "done" and each.failure is None for each in updates)


@pytest.mark.parametrize("by", ["release", "resolve"])
def test_a_hold_that_comes_together_with_the_release_of_an_overdue_one_holds(by: str) -> None:
    with Scene(paces=SOON) as scene:
        scene.begin(hold=True)
        scene.until_asked(Reason.HOLD_OVERDUE)
        release = Release(by="one", reason="test")
        first = (
            said(scene, Answer.RELEASE)
            if by == "resolve"
            else scene.server.update(scene.id, "release", release)
        )
        hold = scene.server.update(scene.id, "hold", Hold(by="another", reason="wait"))
        assert taken(scene, first, hold)
        scene.passes(timedelta(hours=1))
        assert scene.provider.calls.count("approve") == 0
        assert scene.state.status is Status.HELD
        scene.release()
        assert scene.ended().status is Status.SENT


def test_a_release_that_comes_together_with_a_hold_before_it_releases() -> None:
    with Scene(paces=SOON) as scene:
        scene.begin(hold=True)
        scene.until_asked(Reason.HOLD_OVERDUE)
        hold = scene.server.update(scene.id, "hold", Hold(by="another", reason="wait"))
        assert taken(scene, hold, said(scene, Answer.RELEASE))
        assert scene.ended().status is Status.SENT


def test_a_cancel_that_comes_together_with_an_abandonment_is_not_said_to_be_taken() -> None:
    with Scene(paces=SOON) as scene:
        scene.begin(hold=True)
        scene.until_asked(Reason.HOLD_OVERDUE)
        abandoned, cancel = said(scene, Answer.ABANDON), scene.cancel()
        assert (taken(scene, abandoned), taken(scene, cancel)) == (True, False)
        assert "it has ended: abandoned" in str(cancel.failure)
        assert scene.ended().status is Status.ABANDONED
        assert len(scene.provider.alive) == 1


def test_a_cancel_is_not_said_to_be_taken_where_the_invoice_is_left_as_it_is_meanwhile() -> None:
    with Scene() as scene:
        scene.provider.script("send", lost(late=timedelta(minutes=10)))
        scene.begin(may_credit=False)
        scene.until_called("send")
        cancel = scene.cancel()
        scene.until_asked(Reason.CANNOT_CANCEL)
        assert cancel.status == "pending"
        scene.answer(Answer.ABANDON)
        assert not taken(scene, cancel)
        assert "it has ended: abandoned" in str(cancel.failure)
        assert scene.ended().status is Status.ABANDONED

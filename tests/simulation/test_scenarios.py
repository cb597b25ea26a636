"""Schedules in which the promise was broken, or might be: each a scene of a few lines.

They are played under the real workflows in virtual time. Where a finding has a name, the docstring
begins with it.
"""

from __future__ import annotations

from datetime import timedelta

import pytest

from invoicing.invoice import Status
from invoicing.provider import Stage
from invoicing.questions import Answer, Reason
from simulation.documents import document
from tests.simulation.scene import Scene, lost

SENT = Status.SENT
MOMENT = timedelta(seconds=1)
HOUR = timedelta(hours=1)


# --- what a person says ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verb", "asked"),
    [("approve", Reason.APPROVAL_OVERDUE), ("send", Reason.SENDING_OVERDUE)],
)
def test_whoever_says_to_go_on_waiting_does_not_have_it_done_again(
    verb: str, asked: Reason
) -> None:
    """The provider has said yes and takes days: `wait` sent the invoice a second time."""
    with Scene() as scene:
        scene.provider.accepts_only.add(verb)
        scene.begin()
        scene.until_asked(asked)
        scene.answer(Answer.WAIT)
        scene.until_asked(asked)
        assert scene.provider.calls.count(verb) == 1


@pytest.mark.parametrize(
    ("verb", "asked"),
    [("approve", Reason.APPROVAL_OVERDUE), ("send", Reason.SENDING_OVERDUE)],
)
def test_whoever_has_seen_that_it_is_not_under_way_has_it_done_again(
    verb: str, asked: Reason
) -> None:
    """What the provider said yes to and then forgot would else be waited for without an end."""
    with Scene() as scene:
        scene.provider.accepts_only.add(verb)
        scene.begin()
        scene.until_asked(asked)
        scene.provider.accepts_only.clear()
        scene.answer(Answer.DID_NOT_HAPPEN)
        assert scene.ended().status is Status.SENT
        assert scene.provider.calls.count(verb) == 2


def test_whoever_goes_on_waiting_for_a_credit_does_not_have_it_credited_twice() -> None:
    """A credit that is under way for days is still the first one."""
    with Scene(credits=True) as scene:
        scene.provider.accepts_only |= {"send", "credit"}
        scene.begin(may_credit=True)
        scene.until_called("send")
        scene.passes(HOUR)
        scene.cancel()
        scene.until_asked(Reason.CANNOT_CANCEL)
        scene.answer(Answer.WAIT)
        scene.until_asked(Reason.CANNOT_CANCEL)
        assert scene.provider.calls.count("credit") == 1


def test_an_id_that_is_not_there_is_not_adopted_and_the_question_comes_again() -> None:
    """A typing error made strangers of both that carry the reference, and a third one was made."""
    with Scene(find_first=True) as scene:
        right, _ = scene.provider.put(document(1)), scene.provider.put(document(1), Stage.APPROVED)
        scene.provider.become(right, Stage.APPROVED)
        scene.begin()
        scene.until_asked(Reason.SEVERAL_FOUND)
        scene.answer(Answer.ADOPT, provider_id="P-77")
        scene.until_asked(Reason.SEVERAL_FOUND)
        assert "create" not in scene.provider.calls
        scene.answer(Answer.ADOPT, provider_id=right)
        assert scene.ended().provider_id == right
        assert len(scene.provider.made) == 2


def test_one_that_carries_another_reference_is_not_adopted_and_nothing_is_made_unasked() -> None:
    """[adopt-foreign] Somebody deleted ours and names the next customer's: it was made again."""
    with Scene() as scene:
        scene.begin(hold=True)
        scene.until_held()
        scene.provider.become("P-1", Stage.DELETED)
        foreign = scene.provider.put(document(1), reference="another customer's")
        scene.release()
        scene.until_asked(Reason.GONE)
        scene.answer(Answer.ADOPT, provider_id=foreign)
        scene.until_asked(Reason.GONE)
        assert scene.provider.made[foreign].stage is Stage.DRAFTED
        assert scene.provider.calls.count("create") == 1


# --- a life and its successor ---------------------------------------------------------------------


def test_a_successor_does_not_send_what_an_earlier_life_may_have_sent() -> None:
    """Terminated while a lost send may still take effect, begun again: it was sent twice."""
    with Scene() as scene:
        scene.provider.script("send", lost(late=timedelta(minutes=10)))
        scene.begin()
        scene.until_called("send")
        scene.server.terminate(scene.id)
        scene.begin()
        assert scene.ended().status is SENT
        assert scene.provider.sent == 1


def test_a_successor_that_finds_a_draft_sends_it_without_waiting() -> None:
    """What is sent is final: nobody has sent a draft."""
    with Scene() as scene:
        scene.begin(hold=True)
        scene.until_held()
        scene.server.terminate(scene.id)
        scene.begin()
        scene.until(lambda: scene.provider.sent == 1, within=timedelta(minutes=1))

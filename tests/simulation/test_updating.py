"""A draft that is corrected is updated where it stands, at a provider that can: and what if not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from invoicing.document import Document
from invoicing.provider import Attachment, CreateCall, Paces, Snapshot, Stage
from invoicing.state.invoice import Status
from invoicing.state.questions import Answer, Reason
from simulation.documents import document, sums
from simulation.engine import ActivityCall, Attempt
from tests.simulation.scene import Scene, away, lost, refused
from tests.simulation.test_register import ABOUT, Kept

EFFECT = Paces().effect
MINUTE = timedelta(minutes=1)
OWN = (Attachment(name="own pdf"),)
OLD, NEW, NEWER = document(1), document(1, wording=1), document(1, wording=2)


def updating(**plan: Any) -> Scene:
    """A provider whose drafts can be updated."""
    return Scene(fixed="the rest", **plan)


def parked(scene: Scene) -> None:
    """It has a draft, and a person is asked about what that states."""
    scene.provider.plan |= {"said": {"text": "ours"}}
    scene.provider.said = {"text": "theirs"}
    scene.begin()
    scene.until_asked(Reason.AMOUNTS_DIFFER)


def correct(scene: Scene, to: Document = NEW) -> None:
    """Somebody corrects it; it states what it should from now on."""
    scene.provider.said = {}
    scene.answer(Answer.CORRECT, document=to)


def contents(scene: Scene) -> list[tuple[str, Stage, bool]]:
    """What there is: its id, its stage, and whether it says what is asked for last."""
    made = scene.provider.made.values()
    return [(one.id, one.stage, one.document == NEW) for one in made]


UPDATED = [("P-1", Stage.SENT, True)]
MADE_AGAIN = [("P-1", Stage.DELETED, False), ("P-2", Stage.SENT, True)]


def test_a_draft_that_is_corrected_is_updated_where_it_stands() -> None:
    with updating() as scene:
        parked(scene)
        correct(scene)
        assert scene.ended().status is Status.SENT
        assert contents(scene) == UPDATED
        assert "delete" not in scene.provider.calls
        assert (scene.provider.calls.count("create"), scene.provider.calls.count("update")) == (
            1,
            1,
        )
        assert "draft updated" in scene.journal


def test_a_plan_that_says_nothing_of_it_has_the_draft_made_again() -> None:
    with Scene() as scene:
        parked(scene)
        correct(scene)
        assert scene.ended().status is Status.SENT
        assert contents(scene) == MADE_AGAIN
        assert "update" not in scene.provider.calls


def test_a_draft_with_something_else_that_cannot_be_updated_is_made_again() -> None:
    with updating() as scene:
        parked(scene)
        scene.provider.plan["fixed"] = "another rest"
        correct(scene)
        assert scene.ended().status is Status.SENT
        assert contents(scene) == MADE_AGAIN


def test_a_draft_to_which_documents_were_added_is_made_again() -> None:
    """Nobody takes away from it what is not to be there any more."""
    with updating(attachments=OWN) as scene:
        parked(scene)
        scene.provider.plan["attachments"] = ()
        correct(scene)
        assert scene.ended().status is Status.SENT
        assert contents(scene) == MADE_AGAIN


def test_a_draft_to_which_documents_are_to_be_added_is_made_again() -> None:
    with updating() as scene:
        parked(scene)
        scene.provider.plan["attachments"] = OWN
        correct(scene)
        assert scene.ended().status is Status.SENT
        assert contents(scene) == MADE_AGAIN


@pytest.mark.parametrize("late", [None, timedelta(), MINUTE, EFFECT - MINUTE])
def test_an_update_whose_answer_is_lost_is_made_until_there_is_one(late: timedelta | None) -> None:
    """Old and new come to the same: that the figures agree proves nothing of the words."""
    with updating() as scene:
        parked(scene)
        scene.provider.script("update", lost(late), away(), lost(late))
        correct(scene)
        assert scene.ended().status is Status.SENT
        assert contents(scene) == UPDATED
        assert scene.provider.calls.count("update") == 4
        assert scene.provider.calls.index("approve") > _last(scene, "update")


def test_a_refused_update_has_the_draft_made_again() -> None:
    with updating() as scene:
        parked(scene)
        scene.provider.script("update", refused())
        correct(scene)
        assert scene.ended().status is Status.SENT
        assert contents(scene) == MADE_AGAIN


def corrected_twice(scene: Scene, after: timedelta) -> None:
    """The first update is lost, takes effect late and is made again; then it is corrected anew."""
    parked(scene)
    scene.provider.script("update", lost(late=10 * MINUTE))
    scene.answer(Answer.CORRECT, document=NEWER)
    scene.until_called("update", 2)
    scene.until_asked(Reason.AMOUNTS_DIFFER)
    scene.passes(after)
    correct(scene)
    assert scene.ended().status is Status.SENT


def test_an_update_that_comes_late_does_not_undo_a_later_correction() -> None:
    with updating() as scene:
        corrected_twice(scene, MINUTE)
        assert contents(scene) == MADE_AGAIN


def test_a_second_correction_is_an_update_when_the_first_can_come_late_no_more() -> None:
    with updating() as scene:
        corrected_twice(scene, EFFECT)
        assert contents(scene) == UPDATED


def test_no_other_content_is_given_while_an_approval_may_come_late() -> None:
    """It would make final what nobody has compared."""
    with updating(said={"text": "ours"}) as scene:
        scene.provider.script("approve", lost(late=10 * MINUTE))
        scene.begin()
        scene.until_called("approve")
        scene.provider.said = {"text": "theirs"}
        scene.until_asked(Reason.AMOUNTS_DIFFER)
        correct(scene)
        assert scene.ended().status is Status.SENT
        assert contents(scene) == MADE_AGAIN
        assert "update" not in scene.provider.calls


def test_no_other_content_is_given_soon_after_a_refused_approval() -> None:
    with updating() as scene:
        scene.provider.script("approve", refused(late=10 * MINUTE))
        scene.begin()
        scene.until_asked(Reason.REJECTED)
        scene.answer(Answer.CORRECT, document=NEW)
        assert scene.ended().status is Status.SENT
        assert contents(scene) == MADE_AGAIN


def test_a_draft_whose_approval_was_refused_long_ago_is_updated() -> None:
    with updating() as scene:
        scene.provider.script("approve", refused())
        scene.begin()
        scene.until_asked(Reason.REJECTED)
        scene.passes(EFFECT)
        scene.answer(Answer.CORRECT, document=NEW)
        assert scene.ended().status is Status.SENT
        assert contents(scene) == UPDATED


@pytest.mark.parametrize("stage", [Stage.APPROVED, Stage.SENT])
def test_what_somebody_made_final_meanwhile_is_not_corrected_but_asked_about(stage: Stage) -> None:
    with updating() as scene:
        parked(scene)
        scene.provider.become("P-1", stage)
        correct(scene)
        scene.until_asked(Reason.CANNOT_CANCEL)
        problem = scene.state.problem
        assert problem is not None
        assert "became final meanwhile" in problem.what
        assert contents(scene) == [("P-1", stage, False)]
        assert "update" not in scene.provider.calls


def test_the_books_keep_the_sums_of_what_somebody_made_final_meanwhile() -> None:
    with Kept(fixed="the rest") as scene:
        parked(scene)
        scene.passes(EFFECT)
        scene.provider.become("P-1", Stage.APPROVED)
        correct(scene, to=document(3))
        scene.until_asked(Reason.CANNOT_CANCEL)
        scene.passes(MINUTE)
        row, sold = scene.register.rows[ABOUT], sums(OLD)
        assert (row.number, row.gross, row.due) == ("N-P-1", sold.gross, sold.due)
        assert scene.state.amounts is not None
        assert scene.state.amounts.gross == sold.gross


def test_a_draft_whose_approval_was_said_yes_to_is_not_updated() -> None:
    """It does not show yet, and that may take long."""
    with updating(said={"text": "ours"}) as scene:
        scene.provider.accepts_only = {"approve"}
        scene.provider.said = {"text": "ours"}
        scene.begin()
        scene.until_asked(Reason.APPROVAL_OVERDUE)
        scene.provider.accepts_only, scene.provider.said = set(), {"text": "theirs"}
        scene.tell("something")
        scene.until_asked(Reason.AMOUNTS_DIFFER)
        scene.passes(EFFECT)
        scene.provider.plan["said"] = {}
        correct(scene)
        assert scene.ended().status is Status.SENT
        assert contents(scene) == MADE_AGAIN
        assert "update" not in scene.provider.calls


def test_what_is_made_final_while_it_is_updated_is_asked_about() -> None:
    """Nobody knows with which content."""
    with updating() as scene:
        parked(scene)
        scene.provider.script("update", lost())
        correct(scene)
        scene.until_called("update")
        scene.provider.become("P-1", Stage.APPROVED)
        scene.until_asked(Reason.CANNOT_CANCEL)
        assert scene.provider.sent == 0


def test_what_is_final_in_the_answer_of_its_update_is_asked_about() -> None:
    """Somebody approved it there, before the update or after it."""
    with updating() as scene:
        parked(scene)

        def approved(given: CreateCall, call: ActivityCall) -> Attempt:
            scene.provider.become("P-1", Stage.APPROVED)
            told = Snapshot(provider_id="P-1", stage=Stage.APPROVED, number="N-P-1")
            return Attempt(result=told)

        scene.server.activity("update", approved)
        correct(scene)
        scene.until_asked(Reason.CANNOT_CANCEL)
        assert scene.provider.sent == 0


def test_a_draft_that_is_gone_is_made_again() -> None:
    with updating() as scene:
        parked(scene)
        scene.provider.become("P-1", Stage.DELETED)
        correct(scene)
        assert scene.ended().status is Status.SENT
        assert contents(scene) == MADE_AGAIN


def test_a_cancel_while_an_update_is_in_doubt_leaves_nothing() -> None:
    with updating() as scene:
        parked(scene)
        scene.provider.script("update", lost(late=10 * MINUTE))
        correct(scene)
        scene.until_called("update")
        scene.cancel()
        assert scene.ended().status is Status.CANCELLED
        scene.passes(EFFECT)
        assert scene.provider.alive == []


def test_a_successor_takes_no_draft_that_may_have_been_updated() -> None:
    """Terminated while the update is under way, and asked for in the first words again."""
    with updating() as scene:
        parked(scene)
        scene.provider.script("update", lost(late=MINUTE))
        correct(scene)
        scene.until_called("update")
        scene.server.terminate(scene.id)
        scene.begin()
        scene.until_held()
        scene.release()
        assert scene.ended().status is Status.SENT
        made = scene.provider.made
        assert [one.document == OLD for one in made.values() if one.sent] == [True]
        assert made["P-1"].stage is Stage.DELETED


@pytest.mark.parametrize("forgotten", [False, True])
@pytest.mark.parametrize("late", [None, timedelta(), 10 * MINUTE])
@pytest.mark.parametrize("after", [timedelta(seconds=1), MINUTE])
def test_what_the_register_hands_on_is_made_again_where_it_may_have_been_updated(
    *, forgotten: bool, late: timedelta | None, after: timedelta
) -> None:
    """The register knows the draft by its id, and nobody which of the two contents that has. What a
    person had corrected it to is known, and nobody has to say it again."""
    with Kept(fixed="the rest") as scene:
        parked(scene)
        scene.passes(EFFECT)
        scene.provider.script("update", lost(late), *[away()] * 50)
        correct(scene)
        scene.until_called("update")
        scene.passes(after)
        if forgotten:
            scene.forgotten()
        else:
            scene.server.terminate(scene.id)
        scene.begin()
        assert scene.ended().status is Status.SENT
        scene.passes(EFFECT)
        assert [one.document == NEW for one in scene.provider.alive if one.sent] == [True]
        assert len(scene.provider.alive) == 1
        assert scene.provider.calls.count("create") == 2


def test_that_a_person_has_corrected_it_is_in_the_register_at_once() -> None:
    with Kept(fixed="the rest") as scene:
        parked(scene)
        scene.passes(EFFECT)
        scene.provider.script("update", *[away()] * 50)
        correct(scene)
        scene.passes(timedelta(seconds=1))
        assert scene.register.rows[ABOUT].corrected


@pytest.mark.parametrize("readable", [True, False])
def test_a_correction_that_was_claimed_is_known_though_no_line_says_so(*, readable: bool) -> None:
    """The register was away for the line, and not for the claim. Where what it keeps is under a key
    that is gone, a person is asked."""
    with Kept(fixed="the rest") as scene:
        parked(scene)
        scene.passes(EFFECT)
        row = scene.register.rows[ABOUT]
        scene.provider.script("update", *[away()] * 50)
        correct(scene)
        scene.until_called("update")
        scene.register.rows[ABOUT] = row
        assert not row.corrected
        if not readable:
            scene.register.corrections.clear()
        scene.forgotten()
        scene.begin()
        if not readable:
            scene.until_held()
            scene.release()
        assert scene.ended().status is Status.SENT
        (stands,) = scene.provider.alive
        assert (stands.document == NEW) is readable


def test_what_the_register_hands_on_and_is_sent_already_is_no_question() -> None:
    """It was corrected and sent; who asks for it again in the first words is told so."""
    with Kept(fixed="the rest") as scene:
        parked(scene)
        scene.provider.script("send", lost(timedelta()))
        correct(scene)
        scene.until_called("send")
        scene.until(lambda: scene.register.rows[ABOUT].stage == Stage.APPROVED)
        scene.forgotten()
        scene.begin()
        assert scene.ended().status is Status.SENT
        assert (scene.provider.sent, len(scene.provider.made)) == (1, 1)


def test_a_draft_that_was_adopted_is_made_again() -> None:
    """Somebody made it there by hand: what else it has no plan knows."""
    with updating(said={"text": "ours"}) as scene:
        scene.provider.said = {"text": "theirs"}
        scene.provider.searchable = False
        scene.provider.script("create", lost())
        scene.begin()
        scene.until_asked(Reason.MAY_EXIST)
        by_hand = scene.provider.put(OLD)
        scene.answer(Answer.ADOPT, provider_id=by_hand)
        scene.until_asked(Reason.AMOUNTS_DIFFER)
        correct(scene)
        assert scene.ended().status is Status.SENT
        assert contents(scene) == MADE_AGAIN
        assert "update" not in scene.provider.calls


def test_a_refused_correction_leaves_the_question_that_it_was() -> None:
    """The adaptor refuses its plan: the draft is taken away, and a person asked, as anywhere."""
    with updating() as scene:
        parked(scene)
        scene.provider.refuses_to_plan = True
        correct(scene)
        scene.until_asked(Reason.REJECTED)
        assert scene.provider.alive == []
        scene.provider.refuses_to_plan = False
        scene.answer(Answer.CORRECT, document=NEW)
        assert scene.ended().status is Status.SENT


def test_what_nobody_can_look_at_is_never_updated() -> None:
    with updating(uncertain="ask") as scene:
        scene.provider.script("approve", refused())
        scene.begin()
        scene.until_asked(Reason.REJECTED)
        scene.answer(Answer.CORRECT, document=NEW)
        scene.until_called("create", 2)
        assert "update" not in scene.provider.calls


def _last(scene: Scene, verb: str) -> int:
    return max(place for place, each in enumerate(scene.provider.calls) if each == verb)

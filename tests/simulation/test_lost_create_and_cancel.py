"""A create's answer is lost, and a cancel comes: the table of docs/architecture.md, row by row."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from invoicing.provider import Paces, Stage
from invoicing.state.invoice import Status
from invoicing.state.questions import Answer, Reason
from tests.simulation.scene import Scene, lost

MINUTE = timedelta(minutes=1)
EFFECT = Paces().effect
NEVER, AT_ONCE, LATE = None, timedelta(), 10 * MINUTE
FINAL: dict[str, Any] = {"sent_by": "create", "credits": True}

each_effect = pytest.mark.parametrize("effect", [NEVER, AT_ONCE, LATE])


def cancelled(scene: Scene, effect: timedelta | None, **fields: Any) -> timedelta:
    """Lose the create, cancel a moment later; how long after that the cancel is acknowledged."""
    scene.provider.script("create", lost(effect))
    scene.begin(**fields)
    scene.until_called("create")
    began, update = scene.server.now, scene.cancel()
    scene.until(lambda: update.status != "pending")
    assert update.failure is None
    return scene.server.now - began


@each_effect
def test_where_there_is_a_search_it_is_cancelled_at_once_and_nothing_stays(
    effect: timedelta | None,
) -> None:
    with Scene() as scene:
        began = scene.server.now
        assert cancelled(scene, effect) < MINUTE
        scene.until(lambda: scene.state.ended, within=MINUTE)
        assert scene.state.status is Status.CANCELLED
        assert scene.state.provider_id is None, "a draft found by a cancel is not adopted"
        assert scene.ended().status is Status.CANCELLED
        closed = scene.run.closed_at
        assert closed is not None
        # What the one lost create did was found, or it looks back until nothing can come any more.
        assert (closed - began > EFFECT) is (effect != AT_ONCE)
        assert scene.provider.alive == []


def test_a_final_one_that_a_cancel_finds_is_not_deleted_but_asked_about() -> None:
    """Somebody approved it there, before the cancel has searched."""
    with Scene() as scene:
        cancelled(scene, AT_ONCE)
        scene.provider.become("P-1", Stage.APPROVED)
        scene.until_asked(Reason.CANNOT_CANCEL, within=MINUTE)
        assert scene.provider.made["P-1"].stage is Stage.APPROVED
        assert scene.state.provider_id == "P-1"


@each_effect
def test_where_nobody_can_look_a_person_is_asked_whether_it_is_there(
    effect: timedelta | None,
) -> None:
    with Scene(uncertain="ask") as scene:
        scene.provider.searchable = False
        assert cancelled(scene, effect) < MINUTE
        # Nobody can look back after the end, so nobody is asked before its time is over.
        scene.until_asked(Reason.MAY_EXIST, within=EFFECT * 2)
        assert Answer.ADOPT not in scene.state.problem.answers  # type: ignore[union-attr]
        for one in scene.provider.alive:
            scene.provider.become(one.id, Stage.DELETED)
        scene.answer(Answer.DID_NOT_HAPPEN)
        assert scene.ended(within=MINUTE).status is Status.CANCELLED
        assert scene.provider.calls.count("create") == 1


@each_effect
def test_where_the_first_call_is_final_no_end_is_said_before_it_is_found_or_its_time_is_over(
    effect: timedelta | None,
) -> None:
    with Scene(**FINAL) as scene:
        waited = cancelled(scene, effect, may_credit=True)
        assert (waited > EFFECT - MINUTE) is (effect is NEVER)
        assert effect is NEVER or waited > effect
        expected = Status.CANCELLED if effect is NEVER else Status.CREDITED
        assert scene.ended(within=EFFECT).status is expected
        assert scene.provider.alive == []


def test_where_the_first_call_is_final_and_nobody_can_look_nobody_is_asked_before_that() -> None:
    with Scene(**FINAL, uncertain="ask") as scene:
        scene.provider.searchable = False
        assert cancelled(scene, LATE) > EFFECT - MINUTE
        assert scene.reason is None
        scene.until_asked(Reason.MAY_EXIST, within=EFFECT)

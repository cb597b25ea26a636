"""Guards that many lives pass without being asked: each seen alone, at the moment for which it is
there."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from invoicing.provider import Search, Stage, Target
from invoicing.state.invoice import Hold, Status
from invoicing.state.order import Deliver, invoice_reference
from invoicing.state.questions import Reason
from simulation.documents import ISSUED, document
from tests.simulation.scene import ORDER, Act, Scene, lost

MOMENT = timedelta(seconds=1)


# --- what a search shows --------------------------------------------------------------------------


class Silent(Scene):
    """A provider whose search shows some drafts without the reference that they state."""

    def __init__(self, *silent: str, **plan: Any) -> None:
        super().__init__(**plan)
        self.silent = set(silent)
        find = self.provider._find

        def found(target: Target, act: Act) -> Search:
            told = find(target, act)
            shown = tuple(
                one.model_copy(update={"reference": None})
                if one.provider_id in self.silent
                else one
                for one in told.invoices
            )
            return told.model_copy(update={"invoices": shown})

        self.provider._activity("find", found)


def test_a_draft_that_states_no_reference_is_not_deleted_as_one_too_many() -> None:
    """It may be somebody else's: a person is asked."""
    with Silent("P-2", find_first=True) as scene:
        scene.provider.put(document(1))
        scene.provider.put(document(1))
        scene.begin()
        scene.until_asked(Reason.SEVERAL_FOUND)
        assert scene.provider.calls.count("delete") == 0
        assert len(scene.provider.alive) == 2


def test_of_two_final_ones_none_is_taken_for_ours_before_a_person_has_named_it() -> None:
    with Scene(find_first=True) as scene:
        for _ in range(2):
            scene.provider.put(document(1), Stage.APPROVED)
        scene.begin()
        scene.until_asked(Reason.SEVERAL_FOUND)
        assert scene.state.provider_id is None


# --- news -----------------------------------------------------------------------------------------


def test_news_that_come_during_a_look_are_looked_at_before_anything_irreversible() -> None:
    with Scene() as scene:
        scene.begin(hold=True)
        scene.until_held()
        before = len(scene.provider.calls)
        scene.release()
        scene.until(lambda: len(scene.provider.calls) > before)
        # Before its answer, which may be of the moment before them.
        scene.server.after(Act().after / 2, lambda: scene.tell("news"))
        scene.until_called("approve")
        asked = scene.provider.calls[before:]
        assert asked[: asked.index("approve")] == ["read", "read"]


# --- the end --------------------------------------------------------------------------------------


def test_temporal_s_cancel_is_written_down_while_a_call_is_under_way() -> None:
    with Scene() as scene:
        scene.provider.script("create", replace(lost(), after=timedelta(seconds=25)))
        scene.begin()
        scene.until_called("create")
        scene.server.cancel(scene.id, "a reason")
        scene.passes(MOMENT)
        assert scene.journal == ["cancel asked for"]
        assert scene.ended().status is Status.CANCELLED


def test_what_has_ended_and_still_looks_back_is_not_held() -> None:
    with Scene() as scene:
        scene.provider.script("create", lost())
        scene.begin()
        scene.until_called("create")
        scene.cancel()
        scene.until(lambda: scene.state.status is Status.CANCELLED)
        assert not scene.run.closed
        said = scene.server.update(scene.id, "hold", Hold(by="a person", reason="test"))
        scene.until(lambda: said.status != "pending")
        assert "it has ended" in str(said.failure)


# --- a delivery -----------------------------------------------------------------------------------


def test_a_delivery_whose_reference_an_invoice_had_before_begins_no_second_one() -> None:
    reference = invoice_reference(ORDER, "D1")
    with Scene() as scene:
        scene.id = f"invoice/{reference}"
        scene.begin(reference=reference)
        scene.until(lambda: scene.run.closed)
        scene.begin_order(2)
        wanted = Deliver(delivery="D1", lines=("L1",), issue_date=ISSUED)
        said = scene.server.update(scene.order_id, "deliver", wanted)
        scene.until(lambda: said.status != "pending")
        scene.passes(timedelta(days=1))
        assert len(scene.server.runs(scene.id)) == 1
        assert scene.provider.calls.count("create") == 1

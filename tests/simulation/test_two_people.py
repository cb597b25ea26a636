"""Two people: nothing above the amount goes on without two different ones, however it is tried.

docs/decisions/0021-two-people.md says who they are and where the rule is kept.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from invoicing.consent import MOST_CONSENTS, Consent
from invoicing.document import Document
from invoicing.provider import Stage
from invoicing.request import CreditedInvoice
from invoicing.state.identity import workflow_id
from invoicing.state.invoice import Cancel, Invoice, Journal, Release, Resolve, Status
from invoicing.state.order import CancelLines, invoice_reference
from invoicing.state.questions import Answer, Reason
from simulation.documents import document, sums
from simulation.engine import Update
from tests.simulation.scene import LONG, ORDER, Act, Scene, lost, refused, request

SMALL, LARGE = document(1), document(3)
ABOVE = {"EUR": sums(SMALL).gross}
SENT = Status.SENT
MOMENT = timedelta(minutes=1)


def scene_of(*kinds: str, above: dict[str, Decimal] = ABOVE, **plan: Any) -> Scene:
    """At an account where these kinds of decision need two people."""
    return Scene(consent=Consent(above=above, of=kinds), **plan)


def begun(scene: Scene, given: Document = LARGE, **fields: Any) -> None:
    scene.begin(request(given, **fields))


def said(scene: Scene, name: str, what: Any, to: str = "") -> Update:
    """The update, once it is answered; to the scene's invoice, or to another."""
    update = scene.server.update(to or scene.id, name, what)
    scene.until(lambda: update.status != "pending")
    return update


def release(scene: Scene, proven: str, to: str = "") -> Update:
    wanted = Release(by="somebody", reason="test", proven=proven)
    return said(scene, "release", wanted, to)


def cancel(scene: Scene, proven: str, to: str = "") -> Update:
    return said(scene, "cancel", Cancel(by="somebody", reason="test", proven=proven), to)


def resolve(scene: Scene, proven: str, answer: Answer, **more: Any) -> Update:
    problem = scene.problem_of(scene.id)
    assert problem is not None
    words = {"by": "somebody", "reason": "test", "proven": proven, "question": problem.question}
    return said(scene, "resolve", Resolve.model_validate({**words, "answer": answer, **more}))


def why(update: Update) -> str:
    """Why it was refused."""
    assert update.failure is not None, "it was taken"
    return str(update.failure)


def consented(state: Invoice) -> list[tuple[str, str]]:
    return [(each.kind, each.proven) for each in state.consents]


def stays(scene: Scene) -> None:
    """Nothing becomes final however long one waits."""
    scene.passes(MOMENT)
    assert scene.state.status is Status.HELD
    assert "approve" not in scene.provider.calls


# --- the two --------------------------------------------------------------------------------------


def test_the_first_is_noted_and_the_second_carries_it_out() -> None:
    with scene_of("release") as scene:
        begun(scene)
        scene.until_held()
        assert release(scene, "ann").failure is None
        assert consented(scene.state) == [("release", "ann")]
        assert "consented to release; another person's consent is missing" in scene.journal
        stays(scene)
        assert release(scene, "bob").failure is None
        assert scene.ended().status is SENT
        assert scene.state.consents == ()


def test_the_same_person_is_not_the_second() -> None:
    with scene_of("release") as scene:
        begun(scene)
        scene.until_held()
        release(scene, "ann")
        assert "another person" in why(release(scene, "ann"))
        stays(scene)


def test_who_has_proven_nothing_is_neither_of_the_two() -> None:
    with scene_of("release") as scene:
        begun(scene)
        scene.until_held()
        assert "proven" in why(release(scene, ""))
        release(scene, "ann")
        assert "proven" in why(release(scene, ""))
        stays(scene)


def test_who_asked_for_it_does_not_release_it() -> None:
    with scene_of("release") as scene:
        scene.begin(request(LARGE), proven="ann")
        scene.until_held()
        assert "asked for it" in why(release(scene, "ann"))
        release(scene, "bob")
        assert "asked for it" in why(release(scene, "ann"))
        stays(scene)


def test_by_signal_the_same_holds() -> None:
    with scene_of("release") as scene:
        begun(scene)
        scene.until_held()
        for who in ("", "ann", "ann", ""):
            wanted = Release(by="somebody", reason="test", proven=who)
            scene.server.signal(scene.id, "release", wanted)
        stays(scene)
        assert sum(each.startswith("refused: release") for each in scene.journal) >= 2
        bob = Release(by="somebody", reason="test", proven="bob")
        scene.server.signal(scene.id, "release", bob)
        assert scene.ended().status is SENT


def test_up_to_the_amount_and_for_other_kinds_one_is_enough() -> None:
    with scene_of("release") as scene:
        begun(scene, SMALL)
        assert scene.ended().status is SENT
    with scene_of("cancel") as scene:
        begun(scene, hold=True)
        scene.until_held()
        release(scene, "")
        assert scene.ended().status is SENT


def test_in_a_currency_that_is_not_named_one_is_never_enough() -> None:
    with scene_of("release", above={"USD": Decimal(1_000_000)}) as scene:
        begun(scene, SMALL)
        scene.until_held()
        release(scene, "ann")
        stays(scene)


def test_a_hold_ends_the_consents_given_before_it() -> None:
    with scene_of("release") as scene:
        begun(scene)
        scene.until_held()
        release(scene, "ann")
        scene.hold()
        scene.until(lambda: not scene.state.consents)
        release(scene, "bob")
        stays(scene)
        release(scene, "ann")
        assert scene.ended().status is SENT


# --- who goes around it ---------------------------------------------------------------------------


@pytest.mark.parametrize("hold", [True, False])
def test_it_is_held_whether_or_not_that_was_asked_for(hold: bool) -> None:
    with scene_of("release") as scene:
        begun(scene, hold=hold)
        scene.until_held()
        stays(scene)


def test_where_the_create_is_final_it_is_held_before_that() -> None:
    with scene_of("release", sent_by="create") as scene:
        begun(scene)
        scene.until_held()
        stays(scene)
        assert scene.provider.made == {}


def test_terminated_and_asked_for_again_it_needs_two_again() -> None:
    with scene_of("release") as scene:
        begun(scene)
        scene.until_held()
        release(scene, "ann")
        scene.server.terminate(scene.id)
        begun(scene)
        scene.until_held()
        assert scene.state.consents == ()
        release(scene, "bob")
        stays(scene)


def test_a_small_one_that_is_corrected_to_a_large_one_is_held() -> None:
    with scene_of("release") as scene:
        scene.provider.script("approve", refused())
        begun(scene, SMALL, hold=True)
        scene.until_held()
        release(scene, "")
        scene.until_asked(Reason.REJECTED)
        assert resolve(scene, "", Answer.CORRECT, document=LARGE).failure is None
        scene.until_held()
        assert release(scene, "ann").failure is None
        assert "another person" in why(release(scene, "ann"))
        release(scene, "bob")
        assert scene.ended().status is SENT


def test_a_correction_to_a_large_one_needs_two_where_corrections_do() -> None:
    with scene_of("correct") as scene:
        scene.provider.script("create", refused())
        begun(scene, SMALL)
        scene.until_asked(Reason.REJECTED)
        assert "proven" in why(resolve(scene, "", Answer.CORRECT, document=LARGE))
        resolve(scene, "ann", Answer.CORRECT, document=LARGE)
        # Other content is another decision.
        resolve(scene, "bob", Answer.CORRECT, document=document(4))
        assert consented(scene.state) == [("correct", "ann"), ("correct", "bob")]
        assert scene.state.problem is not None
        resolve(scene, "bob", Answer.CORRECT, document=LARGE)
        assert scene.ended().status is SENT
        assert [one.document for one in scene.provider.alive] == [LARGE]


def test_a_correction_that_stays_small_needs_one() -> None:
    with scene_of("correct") as scene:
        scene.provider.script("create", refused())
        begun(scene, SMALL)
        scene.until_asked(Reason.REJECTED)
        assert resolve(scene, "", Answer.CORRECT, document=SMALL).failure is None
        assert scene.ended().status is SENT


def test_a_consent_ends_with_its_question() -> None:
    with scene_of("correct") as scene:
        scene.provider.script("create", refused(), refused())
        begun(scene)
        scene.until_asked(Reason.REJECTED)
        resolve(scene, "ann", Answer.CORRECT, document=LARGE)
        resolve(scene, "", Answer.RETRY)
        scene.until(lambda: scene.state.problem is not None)
        assert scene.state.consents == ()
        resolve(scene, "bob", Answer.CORRECT, document=LARGE)
        assert consented(scene.state) == [("correct", "bob")]


def test_a_question_that_is_answered_otherwise_leaves_no_consent() -> None:
    with scene_of("correct") as scene:
        scene.provider.script("create", refused())
        begun(scene)
        scene.until_asked(Reason.REJECTED)
        resolve(scene, "ann", Answer.CORRECT, document=LARGE)
        resolve(scene, "", Answer.RETRY)
        assert scene.ended().consents == ()


def test_a_consent_to_a_release_is_none_to_that_of_another_document() -> None:
    with scene_of("release") as scene:
        scene.provider.script("create", refused())
        begun(scene)
        scene.until_asked(Reason.REJECTED)
        release(scene, "ann")
        resolve(scene, "", Answer.CORRECT, document=document(4))
        scene.until_held()
        release(scene, "bob")
        stays(scene)


def test_what_an_adopted_invoice_comes_to_nobody_knows_so_two_adopt_it() -> None:
    with scene_of("adopt") as scene:
        scene.provider.searchable = False
        scene.provider.script("create", lost())
        begun(scene, SMALL)
        scene.until(lambda: scene.state.problem is not None)
        there = scene.provider.put(SMALL)
        resolve(scene, "ann", Answer.ADOPT, provider_id=there)
        scene.passes(MOMENT)
        assert scene.state.provider_id is None
        resolve(scene, "bob", Answer.ADOPT, provider_id=there)
        scene.until(lambda: scene.state.provider_id == there)


def test_a_hold_that_is_overdue_is_released_by_two_as_well() -> None:
    with scene_of("release") as scene:
        begun(scene)
        scene.until_asked(Reason.HOLD_OVERDUE, within=LONG * 3)
        assert "proven" in why(resolve(scene, "", Answer.RELEASE))
        resolve(scene, "ann", Answer.RELEASE)
        assert consented(scene.state) == [("release", "ann")]
        assert "another person" in why(release(scene, "ann"))
        release(scene, "bob")
        assert scene.ended().status is SENT


# --- credit notes and orders ----------------------------------------------------------------------


def a_credit_of(given: Document) -> CreditedInvoice:
    """What the ledger of an invoice's credits asks to be credited."""
    come = sums(given)
    return CreditedInvoice(
        reference="S-0",
        provider_id="P-0",
        number="N-0",
        issue_date=given.issue_date,
        whole=True,
        net=come.net,
        vat=come.vat,
        gross=come.gross,
    )


def test_a_credit_note_is_held_for_two_where_credits_need_them() -> None:
    with scene_of("credit") as scene:
        scene.begin(request(LARGE, credits=a_credit_of(LARGE)), proven="ann")
        scene.until_held()
        assert "held: credit needs two people" in scene.journal
        assert "asked for it" in why(release(scene, "ann"))
        assert release(scene, "bob").failure is None
        assert consented(scene.state) == [("credit", "bob")]
        stays(scene)
        release(scene, "eve")
        assert scene.ended().status is SENT


def test_a_credit_note_is_held_by_no_rule_about_invoices() -> None:
    with scene_of("release") as scene:
        scene.begin(request(LARGE, credits=a_credit_of(LARGE)), proven="ann")
        assert scene.ended().status is SENT


def test_a_hold_of_a_credit_note_that_is_overdue_is_released_by_two_as_well() -> None:
    with scene_of("credit") as scene:
        scene.begin(request(LARGE, credits=a_credit_of(LARGE)), proven="ann")
        scene.until_asked(Reason.HOLD_OVERDUE, within=LONG * 3)
        assert "asked for it" in why(resolve(scene, "ann", Answer.RELEASE))
        resolve(scene, "bob", Answer.RELEASE)
        assert consented(scene.state) == [("credit", "bob")]
        resolve(scene, "eve", Answer.RELEASE)
        assert scene.ended().status is SENT


def delivered(scene: Scene) -> str:
    """The invoice of an order's only delivery, held: its workflow."""
    begun = scene.deliver("D1", "L1", "L2", "L3")
    scene.until(lambda: begun.status != "pending")
    scene.until(lambda: scene.of("D1").status is Status.HELD)
    return workflow_id(invoice_reference(ORDER, "D1"))


def test_what_an_order_delivers_is_released_by_two_and_not_by_who_asked_for_the_order() -> None:
    with scene_of("release") as scene:
        scene.begin_order(3, proven="ann")
        invoice = delivered(scene)
        assert "asked for it" in why(release(scene, "ann", invoice))
        release(scene, "bob", invoice)
        scene.passes(MOMENT)
        assert "approve" not in scene.provider.calls
        release(scene, "eve", invoice)
        scene.until(lambda: scene.order.ended)
        assert scene.provider.sent == 1


@pytest.mark.parametrize("by_two", [True, False])
def test_an_order_s_cancel_takes_no_invoice_back_that_two_people_must_cancel(by_two: bool) -> None:
    """Neither by its lines nor as a whole: the invoice stays, and the order waits for it."""
    with scene_of("release", "cancel") as scene:
        scene.begin_order(3, proven="ann")
        invoice = delivered(scene)
        lines = CancelLines(
            by="somebody", reason="test", proven="ann", cancellation="C1", lines=("L1",)
        )
        assert "reserved" in why(said(scene, "cancel_lines", lines, scene.order_id))
        for who in ("ann", "bob"):
            assert cancel(scene, who, scene.order_id).failure is None
        scene.passes(MOMENT)
        assert scene.of("D1").status is Status.HELD
        assert len(scene.provider.alive) == 1
        assert not scene.order.ended
        decide = cancel if by_two else release
        for who in ("bob", "eve"):
            assert decide(scene, who, invoice).failure is None
        scene.until(lambda: scene.order.ended)
        assert scene.provider.sent == (0 if by_two else 1)


# --- cancels and credits --------------------------------------------------------------------------


def test_a_cancel_needs_two_where_cancels_do() -> None:
    with scene_of("cancel") as scene:
        begun(scene, hold=True)
        scene.until_held()
        assert cancel(scene, "ann").failure is None
        assert scene.state.status is Status.HELD
        assert "another person" in why(cancel(scene, "ann"))
        cancel(scene, "bob")
        assert scene.ended().status is Status.CANCELLED


def test_a_cancel_that_may_come_to_a_credit_needs_two_where_credits_do() -> None:
    with scene_of("credit", credits=True) as scene:
        scene.provider.accepts_only.add("send")
        begun(scene, may_credit=True)
        scene.until_called("send")
        cancel(scene, "ann")
        scene.passes(MOMENT)
        assert "credit" not in scene.provider.calls
        cancel(scene, "bob")
        assert scene.ended().status is Status.CREDITED


def test_temporal_s_own_cancel_is_nobody_s_consent() -> None:
    with scene_of("cancel") as scene:
        begun(scene, hold=True)
        scene.until_held()
        scene.server.cancel(scene.id, "stop")
        scene.until(lambda: _refused_cancels(scene) == 1)
        scene.passes(MOMENT)
        # The engine tells one run of one cancel only: the next run is told of the next.
        scene.server.cancel(scene.id, "stop")
        scene.until(lambda: _refused_cancels(scene) == 2)
        assert scene.state.status is Status.HELD
        cancel(scene, "ann")
        cancel(scene, "bob")
        scene.until(lambda: scene.run.closed)
        assert scene.provider.alive == []


def _refused_cancels(scene: Scene) -> int:
    journal: Journal = scene.server.query(scene.id, "journal")
    return sum(one.times for one in journal.entries if "Temporal's Cancel" in one.what)


def test_a_cancel_before_the_rule_is_known_credits_nothing_of_an_earlier_life() -> None:
    """One person terminates it, begins again and cancels before the new life has its plan."""
    with scene_of("credit", credits=True) as scene:
        scene.provider.accepts_only.add("send")
        begun(scene, may_credit=True)
        scene.until_called("send")
        scene.server.terminate(scene.id)
        scene.provider.script("plan", Act(after=timedelta(minutes=5)))
        begun(scene, may_credit=True)
        scene.server.update(scene.id, "cancel", Cancel(by="somebody", reason="test", proven="ann"))
        scene.passes(timedelta(hours=2))
        assert "credit" not in scene.provider.calls
        assert [one.stage for one in scene.provider.made.values()] == [Stage.APPROVED]
        cancel(scene, "ann")
        cancel(scene, "bob")
        assert scene.ended().status is Status.CREDITED


def test_what_one_person_would_cancel_early_is_held_for_two() -> None:
    with scene_of("cancel") as scene:
        begun(scene, hold=True)
        scene.until_held()
        scene.server.terminate(scene.id)
        scene.provider.script("plan", Act(after=timedelta(minutes=5)))
        begun(scene)
        scene.server.update(scene.id, "cancel", Cancel(by="somebody", reason="test", proven="ann"))
        scene.until_held()
        stays(scene)
        assert len(scene.provider.alive) == 1


def test_there_is_room_for_so_many_first_consents_and_no_more() -> None:
    with scene_of("correct") as scene:
        scene.provider.script("create", refused())
        begun(scene)
        scene.until_asked(Reason.REJECTED)
        for number in range(MOST_CONSENTS):
            wanted = document(number + 1)
            assert resolve(scene, f"p{number}", Answer.CORRECT, document=wanted).failure is None
        late = resolve(scene, "late", Answer.CORRECT, document=document(MOST_CONSENTS + 1))
        assert f"{MOST_CONSENTS} first consents" in why(late)
        # What is there already can be seconded.
        assert resolve(scene, "late", Answer.CORRECT, document=document(1)).failure is None
        assert scene.ended().status is SENT


# --- what is corrected while nobody knows the rule ----------------------------------------------


def asked_before_its_plan(scene: Scene, given: Document = SMALL) -> None:
    """An earlier life left a draft, and the new one cannot be planned: a person may correct it."""
    scene.provider.accepts_only.add("approve")
    begun(scene, given)
    scene.until_called("approve")
    scene.server.terminate(scene.id)
    scene.provider.accepts_only.clear()
    scene.provider.refuses_to_plan = True
    begun(scene, given)
    scene.until_asked(Reason.REJECTED)
    scene.provider.refuses_to_plan = False


def test_what_one_person_corrects_before_the_rule_is_known_another_one_releases() -> None:
    with scene_of("correct") as scene:
        asked_before_its_plan(scene)
        assert resolve(scene, "ann", Answer.CORRECT, document=LARGE).failure is None
        scene.until_held()
        assert consented(scene.state) == [("correct", "ann")]
        assert "another person" in why(release(scene, "ann"))
        assert "proven" in why(release(scene, ""))
        assert release(scene, "bob").failure is None
        assert scene.ended().status is SENT
        assert [one.document for one in scene.provider.alive] == [LARGE]


def test_what_nobody_proven_corrects_before_the_rule_is_known_two_people_release() -> None:
    with scene_of("correct") as scene:
        asked_before_its_plan(scene)
        assert resolve(scene, "", Answer.CORRECT, document=LARGE).failure is None
        scene.until_held()
        assert release(scene, "ann").failure is None
        assert scene.state.status is Status.HELD
        assert release(scene, "bob").failure is None
        assert scene.ended().status is SENT


def test_a_large_one_is_not_made_small_by_one_person_before_the_rule_is_known() -> None:
    with scene_of("correct") as scene:
        asked_before_its_plan(scene, LARGE)
        resolve(scene, "ann", Answer.CORRECT, document=SMALL)
        scene.until_held()
        release(scene, "bob")
        assert scene.ended().status is SENT


def test_an_early_correction_needs_one_where_the_rule_is_of_other_things() -> None:
    with scene_of("cancel") as scene:
        asked_before_its_plan(scene)
        resolve(scene, "", Answer.CORRECT, document=LARGE)
        assert scene.ended().status is SENT


def test_where_a_release_needs_two_who_corrected_it_early_is_one_of_them_at_most() -> None:
    with scene_of("correct", "release") as scene:
        asked_before_its_plan(scene)
        resolve(scene, "ann", Answer.CORRECT, document=LARGE)
        scene.until_held()
        assert scene.state.consents == ()
        assert release(scene, "ann").failure is None
        assert "another person" in why(release(scene, "ann"))
        assert release(scene, "bob").failure is None
        assert scene.ended().status is SENT


def test_what_two_people_correct_once_more_one_releases() -> None:
    with scene_of("correct") as scene:
        asked_before_its_plan(scene)
        scene.provider.script("create", refused())
        resolve(scene, "ann", Answer.CORRECT, document=LARGE)
        scene.until_asked(Reason.REJECTED)
        resolve(scene, "ann", Answer.CORRECT, document=document(4))
        resolve(scene, "bob", Answer.CORRECT, document=document(4))
        scene.until_held()
        assert release(scene, "").failure is None
        assert scene.ended().status is SENT

"""A few lives of the fuzz, and that its judge is no rubber stamp."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from invoicing.provider import PaymentStatus, Stage
from invoicing.request import Goal
from invoicing.state.invoice import Invoice, Status
from sandbox.kit.record import Effect, Ledger
from tests.fuzz.__main__ import fuzz
from tests.fuzz.drawn import plan
from tests.fuzz.judge import Known, judged
from tests.fuzz.scene import Slot
from tests.fuzz.setups import MOLLIE, SETUPS
from tests.tiers import slow

LIVES = 20


@slow
async def test_some_lives_keep_the_promise_whatever_strikes_them() -> None:
    outcome = await fuzz(7, range(LIVES), LIVES)
    assert not outcome.violations, outcome.told
    assert len(outcome.verdicts) == LIVES
    assert outcome.ambiguous > 0
    assert outcome.replays.replayed >= LIVES


def test_the_same_seed_draws_the_same_lives() -> None:
    drawn = [str(plan(3, number)) for number in range(60)]
    assert drawn == [str(plan(3, number)) for number in range(60)]
    assert drawn != [str(plan(4, number)) for number in range(60)]


def test_every_set_up_is_drawn_with_every_change_struck_and_late() -> None:
    lives = [plan(1, number) for number in range(600)]
    for setup in SETUPS.values():
        struck = {
            (each.step, each.fault) for one in lives if one.setup is setup for each in one.faults
        }
        assert {step for step, fault in struck if fault == "slow"} == set(setup.changes)
        assert {(step, fault) for step, fault, _, _ in setup.told} <= struck


# --- the judge ------------------------------------------------------------------------------------

GROSS = Decimal("125.03")
CREATED, APPROVED, SENT, DELETED, CREDITED = (
    Effect.CREATED,
    Effect.APPROVED,
    Effect.SENT,
    Effect.DELETED,
    Effect.CREDITED,
)


def _slot(*effects: tuple[Effect, str], gross: Decimal = GROSS, **versions: int) -> Slot:
    ledger = Ledger()
    for effect, invoice in effects:
        ledger.add(effect, invoice, reference="R", gross=gross)
    stand_in: Any = SimpleNamespace(ledger=ledger)
    slot = Slot(MOLLIE, "a", stand_in, stand_in)
    slot.contents = {one: (versions.get(one, 0), frozenset()) for _, one in effects}
    return slot


def _state(status: Status) -> Invoice:
    return Invoice(
        reference="R",
        provider="mollie",
        account="a",
        goal=Goal.SENT,
        status=status,
        stage=Stage.SENT,
        payment=PaymentStatus.UNKNOWN,
        provider_id="i",
        ended=True,
    )


GOOD = ((CREATED, "i"), (APPROVED, "i"), (SENT, "i"))


@pytest.mark.parametrize(
    ("wrong", "slot", "status"),
    [
        ("", _slot(*GOOD), Status.SENT),
        ("", _slot(*GOOD, (CREDITED, "i")), Status.CREDITED),
        ("", _slot((CREATED, "i"), (DELETED, "i")), Status.CANCELLED),
        ("more than one is alive", _slot(*GOOD, (CREATED, "j")), Status.SENT),
        ("two final ones", _slot(*GOOD, (CREATED, "j"), (APPROVED, "j")), Status.SENT),
        ("approved twice", _slot(*GOOD, (APPROVED, "i")), Status.SENT),
        ("sent twice", _slot(*GOOD, (SENT, "i")), Status.SENT),
        ("a wrong amount is final", _slot(*GOOD, gross=Decimal("125.04")), Status.SENT),
        ("an old content is final", _slot(*GOOD, i=1), Status.SENT),
        ("sent, but the ledger shows no such invoice", _slot((CREATED, "i")), Status.SENT),
        ("sent, but it was never sent", _slot(*GOOD[:2]), Status.SENT),
        ("cancelled, but something is alive", _slot((CREATED, "i")), Status.CANCELLED),
        ("credited, but nothing was", _slot((CREATED, "i"), (DELETED, "i")), Status.CREDITED),
        ("rejected, but something is there", _slot((CREATED, "i")), Status.REJECTED),
        ("another one than the one it names", _slot(*((e, "j") for e, _ in GOOD)), Status.SENT),
    ],
    ids=lambda value: str(value) if isinstance(value, str) else "",
)
def test_the_judge_sees(wrong: str, slot: Slot, status: Status) -> None:
    found = judged(slot, "R", GROSS, Known(), _state(status))
    assert (wrong in found) if wrong else not found, found


def test_the_judge_sees_what_is_sent_after_an_acknowledged_cancel() -> None:
    now = datetime.now(UTC)
    late, early = (Known(cancelled=now + timedelta(seconds=each)) for each in (-1, 1))
    wrong = "sent after an acknowledged cancel"
    assert wrong in judged(_slot(*GOOD), "R", GROSS, late, _state(Status.SENT))
    assert wrong not in judged(_slot(*GOOD), "R", GROSS, early, _state(Status.SENT))

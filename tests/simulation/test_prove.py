"""Thousands of simulated lives break no promise, and the simulation would notice if one did."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from invoicing.state.notice import Notice
from simulation import prove
from simulation.drawing import draw_life
from simulation.judge.sentences import Sentence
from simulation.judge.telling import TellingJudge
from simulation.life import live
from simulation.provider.account import SimulatedProvider
from simulation.provider.ledger import Held
from simulation.provider.papers import Papers
from simulation.shrink import shrink
from tests.child import COMPILED
from tests.tiers import LIVES, first, slow
from workflows import money
from workflows.invoice import instructions

CHUNKS = 20


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_no_promise_is_broken_in_many_lives(chunk: int) -> None:
    lives = LIVES // CHUNKS
    found = prove.prove(range(1 + chunk * lives, 1 + (chunk + 1) * lives))
    assert not found.crashes, found.crashes[0][1]
    stories = ["\n".join(prove.told(*each)) for each in prove.first_of_each(found)]
    assert not stories, "\n\n".join(stories)


def test_the_same_seeds_are_the_same_lives() -> None:
    seeds = range(1, 16)
    assert prove.prove(seeds).digest == prove.prove(seeds).digest


@slow
def test_the_digest_depends_neither_on_processes_nor_on_the_order_of_sets() -> None:
    alone = prove.prove_in_parallel(1, 15, jobs=1)
    said = {_digest_of(hash_seed, jobs) for hash_seed, jobs in (("1", "1"), ("2", "2"))}
    assert said == {alone.digest}


def _digest_of(hash_seed: str, jobs: str) -> str:
    ran = subprocess.run(
        [sys.executable, "-m", "simulation.prove", "--lives", "15", "--jobs", jobs, "--stories=0"],
        cwd=Path(__file__).parents[2],
        env=COMPILED | {"PYTHONHASHSEED": hash_seed, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    (line,) = (each for each in ran.stdout.splitlines() if each.startswith("digest"))
    return line.split()[1]


def test_some_lives_have_a_rule_of_two_and_say_so() -> None:
    ruled = {seed: life for seed in range(1, 101) if (life := draw_life(seed)).rule}
    assert 10 < len(ruled) < 50
    assert all("two people" in life.told() for life in ruled.values())
    plain = next(life for life in map(draw_life, range(1, 99)) if not life.rule)
    assert "two people" not in plain.told()


def test_a_life_can_be_lived_without_what_was_drawn() -> None:
    life = next(each for each in map(draw_life, range(1, 99)) if live(each).ambiguous)
    calm = live(life, [])
    assert (calm.ambiguous, calm.violations) == (0, [])


def _sends_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    once = SimulatedProvider._sent

    def sent(self: SimulatedProvider, held: Held, verb: str, *, ours: bool = True) -> None:
        once(self, held, verb, ours=ours)
        once(self, held, verb, ours=ours)

    monkeypatch.setattr(SimulatedProvider, "_sent", sent)


def _lets_one_decide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(instructions, "agreed", lambda life, said: True)


def _approves_two(monkeypatch: pytest.MonkeyPatch) -> None:
    confirm = SimulatedProvider._confirm

    def confirmed(self: SimulatedProvider, held: Held, failing: bool) -> None:
        twin = Held(**{name: getattr(held, name) for name in Held.__slots__})
        twin.id, twin.deeds = f"{held.id}-twin", []
        self.ledger.add(twin)
        self.make_final(twin, "approve")
        confirm(self, held, failing)

    monkeypatch.setattr(SimulatedProvider, "_confirm", confirmed)


@pytest.mark.parametrize(
    ("damage", "sentence"),
    # One guard is enough to see it: `make mutants` damages each of them.
    first(
        [
            (_sends_twice, Sentence.SENT_ONCE),
            (_approves_two, Sentence.NEVER_TWO),
            (_lets_one_decide, Sentence.TWO_PEOPLE),
        ]
    ),
)
def test_what_breaks_a_promise_is_red_and_told_as_a_story(
    damage: object, sentence: Sentence, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert callable(damage)
    damage(monkeypatch)
    found = prove.prove(range(1, 16))
    broken = [seed for seed, each in found.violations if each.sentence is sentence]
    assert broken
    assert not found.good
    story = "\n".join(prove.told(broken[0], sentence))
    assert f"Seed {broken[0]} breaks: {sentence.value}" in story
    assert "a life begins" in story or "delivered" in story


def _learns_nothing_of_money(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(money, "learn", lambda *given, **named: None)


def _finds_no_document(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Papers, "find", lambda self, key: None)


def _tells_the_same_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    told = TellingJudge.posted

    def posted(self: TellingJudge, notice: Notice) -> None:
        told(self, notice)
        told(self, notice.model_copy(update={"id": f"{notice.id}-again"}))

    monkeypatch.setattr(TellingJudge, "posted", posted)


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (_learns_nothing_of_money, Sentence.MONEY_TRUE),
        (_finds_no_document, Sentence.KEPT_ONCE),
        (_tells_the_same_twice, Sentence.TOLD),
    ],
)
def test_what_breaks_a_promise_after_the_goal_is_red(
    damage: object, sentence: Sentence, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert callable(damage)
    damage(monkeypatch)
    for life in map(draw_life, range(1, 999)):
        late = life.kind.hears or life.kind.keeps
        if late and any(each.sentence is sentence for each in live(life).violations):
            return
    raise AssertionError("no life shows it")


@slow
def test_what_has_no_part_in_a_violation_is_left_out_of_its_story(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _sends_twice(monkeypatch)
    for seed in range(1, 60):
        life = draw_life(seed)
        if life.decisions and any(
            each.sentence is Sentence.SENT_ONCE for each in live(life, []).violations
        ):
            assert shrink(life, Sentence.SENT_ONCE)[1] == []
            return
    raise AssertionError("no seed shows it")

"""Thousands of simulated lives break no promise, and the simulation would notice if one did."""

from __future__ import annotations

import pytest

from simulation import prove
from simulation.invariants import Sentence
from simulation.life import draw_life, live

CHUNKS = 20
LIVES = 2000


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_no_promise_is_broken_in_two_thousand_lives(chunk: int) -> None:
    lives = LIVES // CHUNKS
    found = prove.prove(range(1 + chunk * lives, 1 + (chunk + 1) * lives))
    assert not found.crashes, found.crashes[0][1]
    stories = [
        "\n".join(prove.told(seed, sentence)) for seed, sentence in prove.first_of_each(found)
    ]
    assert not stories, "\n\n".join(stories)


def test_the_same_seeds_are_the_same_lives() -> None:
    seeds = range(1, 31)
    assert prove.prove(seeds).digest == prove.prove(seeds).digest


def test_the_digest_does_not_depend_on_the_number_of_processes() -> None:
    alone = prove.prove_in_parallel(1, 40, jobs=1)
    together = prove.prove_in_parallel(1, 40, jobs=2)
    assert (alone.lives, alone.digest) == (together.lives, together.digest)


def test_a_life_can_be_lived_without_what_was_drawn() -> None:
    life = draw_life(3)
    calm = live(life, [])
    assert calm.ambiguous == 0
    assert calm.digest != live(life).digest


def test_a_broken_promise_is_red_and_told_as_a_story() -> None:
    assert Sentence.NEVER_TWO.value

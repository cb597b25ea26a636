"""The shortest schedule that still shows a violation: decisions are left out one by one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from simulation.decisions import Decision
from simulation.drawing import Life
from simulation.judge.sentences import Sentence
from simulation.life import Lived, live

MOST = 200
"""Lives lived to shorten one."""


def shrink(
    life: Life, sentence: Sentence, live_it: Callable[[Life, Sequence[Decision]], Lived] = live
) -> tuple[Life, list[Decision], Lived]:
    """The life with as few decisions as still break this sentence, and what came of it."""
    budget = iter(range(MOST))
    kept = list(life.decisions)
    lived = live_it(life, kept)
    shorter = True
    while shorter:
        shorter = False
        for each in list(kept):
            fewer = [other for other in kept if other is not each]
            if next(budget, None) is None:
                break
            tried = live_it(life, fewer)
            if _shows(tried, sentence):
                kept, lived, shorter = fewer, tried, True
    for simpler in _simpler(life):
        tried = live_it(simpler, kept)
        if _shows(tried, sentence):
            return simpler, kept, tried
    return life, kept, lived


def _simpler(life: Life) -> list[Life]:
    """The same life about one invoice alone, where it was about several."""
    if life.order is not None or len(life.requests) == 1:
        return []
    return [
        replace(life, requests=(each,), starts=life.starts[:1], releases=(release,))
        for each, release in zip(life.requests, life.releases, strict=True)
    ]


def _shows(lived: Lived, sentence: Sentence) -> bool:
    return any(each.sentence is sentence for each in lived.violations)

"""The real workflow of an invoice lives on the engine, whatever goes wrong around it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter

import pytest

from invoicing.state.invoice import Status
from simulation.engine import Faults
from tests.simulation.invoice_life import live
from tests.tiers import slow

SEEDS = range(60)


def test_a_happy_invoice_is_sent() -> None:
    server, run = live(1)
    assert (run.status, run.result.status) == ("completed", Status.SENT)
    assert server.query(run.id, "state") == run.result
    assert run.search_attributes["InvoiceStatus"] == "sent"
    server.replay_all()
    assert server.violations == []


@pytest.mark.parametrize("strict", [False, True], ids=["by reference", "by value"])
def test_every_invoice_can_be_replayed_whatever_goes_wrong(strict: bool) -> None:
    seen = Counter[str]()
    for seed in SEEDS:
        server, run = live(seed, Faults.usual(), strict=strict)
        server.replay_all()
        assert server.violations == []
        assert run.status == "completed" or "nobody came" in str(run.failure)
        for fault in ("workers_lost", "tasks_lost", "replays", "suggested"):
            seen[fault] += getattr(server.counters, fault)
    # None of them was merely possible.
    assert min(seen.values()) > 3


def test_a_life_by_reference_is_the_same_as_by_value() -> None:
    def digests(strict: bool) -> list[str]:
        return [live(seed, Faults.usual(), strict=strict)[0].digest() for seed in SEEDS]

    assert digests(False) == digests(True)


@slow
def test_a_life_is_the_same_in_every_process() -> None:
    program = (
        "from tests.simulation.invoice_life import live; from simulation.engine import Faults; "
        "print(*(live(seed, Faults.usual())[0].digest() for seed in range(10)))"
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(told) == 1
    assert len(set(told.pop().split())) == 10

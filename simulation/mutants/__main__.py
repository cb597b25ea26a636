"""Damages the code, one guard at a time, in a copy of it, and shows that somebody notices.

    python -m simulation.mutants              # all of them
    python -m simulation.mutants --sample 8   # some, other ones for every commit
    python -m simulation.mutants --only stray # those whose name holds this
    python -m simulation.mutants --sample 8 --minutes 3   # begins no more of them after that

Exit code 1 when a mutant survives, or no longer fits the code that it is to damage.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue

from simulation.mutants.mutant import Mutant
from simulation.mutants.table import MUTANTS

ROOT = Path(__file__).resolve().parents[2]
PURE = (
    "tests/invoicing/test_doubt.py",
    "tests/invoicing/test_case.py",
    "tests/invoicing/test_credit.py",
    "tests/invoicing/test_order.py",
    "tests/invoicing/test_order_ledger.py",
    "tests/invoicing/test_balance.py",
    "tests/invoicing/test_bounds.py",
    "tests/invoicing/test_questions.py",
    "tests/workflows/test_asking.py",
    "tests/workflows/test_last_gate.py",
    "tests/simulation/test_lost_create_and_cancel.py",
)
"""Tests without a server: cheap, so they are asked first."""
PATIENCE = 600
"""Seconds for one judge at least; ten times what it takes without damage, where that is more."""
NOT_TRIED = "not tried"
"""There was no time for it; another commit draws others first."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Try them; print who noticed what."""
    given = _parser().parse_args(arguments)
    chosen = _chosen(given)
    for mutant in chosen:
        _damaged((ROOT / mutant.file).read_text(), mutant)
    if given.fit:
        return 0
    began, survived, left = time.monotonic(), 0, 0
    with tempfile.TemporaryDirectory() as folder:
        copies = [_copied(Path(folder) / str(job)) for job in range(given.jobs)]
        patience = _refuse_what_is_red_already(copies[0])
        until = began + 60 * given.minutes
        for number, (mutant, noticed) in enumerate(_all_tried(copies, chosen, until, patience), 1):
            told = f"{number:3}/{len(chosen)}  {noticed or 'SURVIVED':24}  {mutant.name}"
            print(told, flush=True)
            survived += not noticed
            left += noticed == NOT_TRIED
    killed, took = len(chosen) - survived - left, time.monotonic() - began
    print(f"{killed} of {len(chosen) - left} mutants noticed, {left} not tried, after {took:.0f} s")
    return 1 if survived else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m simulation.mutants", description=__doc__)
    parser.add_argument("--sample", type=int, help="how many, drawn by the commit")
    parser.add_argument(
        "--minutes", type=float, default=float("inf"), help="after so many no other is begun"
    )
    parser.add_argument("--only", help="a part of the name")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="how many at once")
    parser.add_argument("--fit", action="store_true", help="only see that each fits the code")
    return parser


def _chosen(given: argparse.Namespace) -> list[Mutant]:
    mutants = [one for one in MUTANTS if not given.only or given.only in one.name]
    if given.sample:
        seed = _commit()
        mutants.sort(key=lambda one: hashlib.sha256(f"{seed} {one.name}".encode()).digest())
        mutants = mutants[: given.sample]
    return mutants


def _commit() -> str:
    said = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return said.stdout.strip()


def _copied(folder: Path) -> Path:
    names = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    for name in names:
        source = ROOT / name
        if source.is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, folder / name)
    return folder


def _refuse_what_is_red_already(copy: Path) -> float:
    """How long a judge is waited for, by how long the slowest takes on this machine now."""
    longest = 0.0
    for who, command in _judges():
        begun = time.monotonic()
        if _objection(copy, command, None):
            raise SystemExit(f"{who} are red without any damage: {' '.join(command)}")
        longest = max(longest, time.monotonic() - begun)
    return max(PATIENCE, 10 * longest)


def _all_tried(
    copies: Sequence[Path], chosen: Sequence[Mutant], until: float, patience: float
) -> Iterable[tuple[Mutant, str]]:
    """Each with who noticed it, as many at once as there are copies; after `until` none is begun."""
    free: Queue[Path] = Queue()
    for copy in copies:
        free.put(copy)

    def tried(mutant: Mutant) -> str:
        copy = free.get()
        if time.monotonic() > until:
            free.put(copy)
            return NOT_TRIED
        try:
            return _tried(copy, mutant, patience)
        finally:
            free.put(copy)

    with ThreadPoolExecutor(len(copies)) as pool:
        yield from zip(chosen, pool.map(tried, chosen), strict=True)


def _tried(copy: Path, mutant: Mutant, patience: float) -> str:
    """Who noticed, and how; empty where nobody did."""
    path = copy / mutant.file
    whole = path.read_text()
    _write(path, _damaged(whole, mutant))
    try:
        for who, command in _judges():
            if how := _objection(copy, command, patience):
                return f"{who}, {how}"
        return ""
    finally:
        _write(path, whole)


def _damaged(whole: str, mutant: Mutant) -> str:
    """The file with the damage. Exits where the damage no longer fits the code."""
    if whole.count(mutant.old) != 1:
        raise SystemExit(f"{mutant.name}: stands {whole.count(mutant.old)} times in {mutant.file}")
    return whole.replace(mutant.old, mutant.new)


_moments = itertools.count(1_000_000_000)


def _write(path: Path, text: str) -> None:
    """With a time of change that no text had before: by it, and by the size, Python tells whether
    compiled code is still good, so that only what is damaged is compiled again."""
    path.write_text(text)
    at = next(_moments)
    os.utime(path, (at, at))


def _judges() -> Iterable[tuple[str, list[str]]]:
    quiet = ["-q", "-x", "-p", "no:cacheprovider", "--no-header"]
    yield "tests", [sys.executable, "-m", "pytest", *quiet, *PURE]
    late, others = (
        ("late_money", "late_papers"),
        ("long_lives", "credits", "two_people", "amending"),
    )
    names = (*late, "updating", "same_moment", "scenarios", *others)
    scenarios = [f"tests/simulation/test_{name}.py" for name in names]
    # At every moment, not only at those of `make test`: some guards matter at few of them.
    whole = ["env", "TESTS_THOROUGH=1"]
    yield "the scenarios", [*whole, sys.executable, "-m", "pytest", *quiet, *scenarios]
    lives = ["--seed", "1", "--lives", "1000", "--first"]
    yield "the proof", [sys.executable, "-m", "simulation.prove", *lives]


def _objection(copy: Path, command: list[str], patience: float | None) -> str:
    """How this judge objects: `red`, or `no end` where a workflow turns for ever. Else empty."""
    environment = {**os.environ, "PYTHONPATH": str(copy)}
    environment["PYTHONPYCACHEPREFIX"] = str(copy / ".compiled")
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    try:
        ended = subprocess.run(
            command, cwd=copy, env=environment, capture_output=True, timeout=patience, check=False
        )
    except subprocess.TimeoutExpired:
        return "no end"
    return "red" if ended.returncode else ""


if __name__ == "__main__":
    sys.exit(main())

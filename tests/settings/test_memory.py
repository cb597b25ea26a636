"""How much memory a process may use, as the kernel tells it."""

from __future__ import annotations

from pathlib import Path

import pytest

import settings.worker
from settings import memory

MACHINE = memory.usable(Path("/nowhere"))
GROUP, LIMIT, FIRST_FORM = "0::/box/worker\n", "memory.max", "memory.limit_in_bytes"


def told(root: Path, group: str, limits: dict[str, str]) -> int:
    """What is usable under these limits, by the file's path below /sys/fs/cgroup."""
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text(group)
    for path, limit in limits.items():
        file = root / "sys/fs/cgroup" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(limit)
    return memory.usable(root)


def test_without_a_limit_it_is_what_the_machine_has(tmp_path: Path) -> None:
    assert MACHINE > 0
    assert told(tmp_path, GROUP, {f"box/worker/{LIMIT}": "max\n", LIMIT: "max\n"}) == MACHINE


@pytest.mark.parametrize(
    ("group", "path"),
    [
        ("0::/\n", LIMIT),
        (GROUP, f"box/worker/{LIMIT}"),
        (GROUP, f"box/{LIMIT}"),
        ("5:cpu:/other\n4:memory:/box\n0::/\n", f"memory/box/{FIRST_FORM}"),
    ],
)
def test_the_limit_of_a_group_that_it_is_in_counts_and_of_one_around_that(
    tmp_path: Path, group: str, path: str
) -> None:
    assert told(tmp_path, group, {path: str(64 * memory.MIB)}) == 64


def test_the_least_limit_counts_and_that_of_another_group_does_not(tmp_path: Path) -> None:
    limits = {"box": 96, "box/worker": 128, "other": 32}
    written = {f"{path}/{LIMIT}": str(of * memory.MIB) for path, of in limits.items()}
    assert told(tmp_path, GROUP, written) == 96


def test_a_limit_above_what_the_machine_has_is_none(tmp_path: Path) -> None:
    assert told(tmp_path, "0::/\n", {LIMIT: str(2**62)}) == MACHINE


@pytest.mark.parametrize(("mib", "kept"), [(10, 20), (256, 64), (768, 192), (64_000, 1000)])
def test_a_quarter_of_the_memory_is_the_cache_s_at_a_mebibyte_each(
    monkeypatch: pytest.MonkeyPatch, mib: int, kept: int
) -> None:
    monkeypatch.setattr(memory, "usable", lambda: mib)
    assert settings.worker.read({}).cache() == kept
    assert settings.worker.read({"INVOICING_CACHED_WORKFLOWS": "7"}).cache() == 7
    assert settings.worker.read({"INVOICING_CACHED_WORKFLOWS": "0"}).cache() == 0

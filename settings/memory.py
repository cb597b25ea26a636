"""How much memory this process may use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

MIB = 1024 * 1024
_LIMITS = ("memory.max", "memory.limit_in_bytes")
"""The file with the limit of a group of processes, in the kernel's second and first form."""


def usable(root: Path = Path("/")) -> int:
    """In MiB: what the machine has, or less where a container or a service has a limit.

    `root` is where /proc and /sys are. Source: the kernel's "Control Group v2", memory.max, and
    "Memory Resource Controller" for the first form.
    """
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([machine, *_limits(root)]) // MIB


def _limits(root: Path) -> Iterator[int]:
    for group in _groups(root):
        for name in _LIMITS:
            try:
                yield int((group / name).read_text())
            except (OSError, ValueError):
                # Without a limit the file says `max`, or is not there.
                continue


def _groups(root: Path) -> Iterator[Path]:
    """The groups that this process is in, and those around them: each may have a limit."""
    base = root / "sys/fs/cgroup"
    try:
        told = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    for line in told:
        _, _, rest = line.partition(":")
        kinds, _, path = rest.partition(":")
        if kinds and "memory" not in kinds.split(","):
            continue
        top = base / "memory" if kinds else base
        inner = top / path.strip("/")
        yield from (inner, *inner.parents[: len(inner.relative_to(top).parts)])

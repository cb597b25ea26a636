"""Under which names the gateway answers.

A page that somebody else wrote can have its own name point at this machine, and its visitor's
browser then asks us in that name. An address or a name without a dot cannot be had that way.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from ipaddress import ip_address

_WRITTEN = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d{1,5})?")


def is_ours(written: str, names: Collection[str]) -> bool:
    """Whether a Host header says an address, a name without a dot, or one of these names."""
    found = _WRITTEN.fullmatch(written.lower())
    if found is None:
        return False
    host = found[1].strip("[]").rstrip(".")
    return "." not in host or host in names or _is_address(host)


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True

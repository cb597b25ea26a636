"""What a provider may be called, and how its name is written."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable
from dataclasses import dataclass

_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
MOST = 40
TAKEN = frozenset(
    {
        *(
            "activities",
            "commands",
            "console",
            "demo",
            "drill",
            "gateway",
            "invoicing",
            "observing",
        ),
        *("providers", "register", "registry", "rollout", "sandbox", "scaffold", "settings"),
        *(
            "simulation",
            "starter",
            "subscribers",
            "tabular",
            "temporal",
            "temporal_server",
            "tests",
        ),
        *("worker", "workflows", "kit", "matrix", "schemas", "examples", "subscriber"),
        *("otel", "postgres", "xdg", "python", "columns"),
    }
)
"""Folders of ours, and what variables of something else begin with."""


class BadName(ValueError):
    """It cannot be called that; the sentence says why."""


@dataclass(frozen=True)
class Name:
    """A provider's name, in requests, queues and folders."""

    name: str

    @property
    def title(self) -> str:
        """As people write it."""
        return self.name.replace("_", " ").title()

    @property
    def fields(self) -> dict[str, str]:
        """What templates put in for it."""
        return {
            "name": self.name,
            "Title": self.title,
            "Class": self.title.replace(" ", ""),
            "UPPER": self.name.upper(),
            "slug": self.name.upper().replace("_", "-"),
        }


def named(name: str, others: Iterable[str]) -> Name:
    """The name, if no other provider's variables could be taken for this one's. Raises BadName."""
    if not _NAME.fullmatch(name) or len(name) > MOST:
        raise BadName(
            f"a provider is called by small letters, digits and single _, such as zero_friction; "
            f"at most {MOST} characters"
        )
    if name in TAKEN or keyword.iskeyword(name):
        raise BadName(f"{name} is the name of something else here: choose another one")
    for other in others:
        if name == other:
            raise BadName(f"there is a provider {other} already")
        short, long = sorted((name, other), key=len)
        if long.startswith(f"{short}_"):
            raise BadName(
                f"variables of {long} would be read as those of {short}, which both begin with "
                f"{short.upper()}_: choose another name"
            )
    return Name(name)

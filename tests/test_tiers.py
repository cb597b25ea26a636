"""Every test is in a tier, and the parts of the thorough tier are all of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tiers import belongs, detail, first, part

SOME = [f"tests/test_one.py::test_something[{number}]" for number in range(1000)]


def test_every_test_is_in_one_part_and_no_part_is_much_larger() -> None:
    parts = [{each for each in SOME if belongs(each, (number, 12))} for number in range(1, 13)]
    assert set.union(*parts) == set(SOME)
    assert sum(map(len, parts)) == len(SOME)
    assert max(map(len, parts)) < 2 * len(SOME) / 12


@pytest.mark.parametrize("said", ["3", "0/12", "13/12", "3/0", "a/b", "3/12/1", "-1/3"])
def test_a_part_that_is_none_is_refused_with_how_to_write_it(said: str) -> None:
    with pytest.raises(ValueError, match="written as 3/12, the third of twelve"):
        part(said)


def test_without_a_part_everything_is_run_and_with_one_that_one() -> None:
    assert part("") is None
    assert part("3/12") == (3, 12)
    assert part("1/1") == (1, 1)


def test_of_a_family_the_first_are_quick_and_the_others_thorough() -> None:
    quick, also, late, pair = first(["a", ("b", 1), "c", ("d", 2)], 2)
    assert (quick, also) == ("a", ("b", 1))
    assert (late.values, pair.values) == (("c",), ("d", 2))
    assert [each.name for one in (late, pair) for each in one.marks] == ["thorough", "thorough"]


@detail
def test_whatever_is_thorough_says_why_by_the_name_of_its_mark() -> None:
    """The marks of tests/tiers.py each say what they are for."""
    root = Path(__file__).parent
    marked = [path for path in root.rglob("*.py") if "mark.thorough" in path.read_text()]
    assert sorted(path.name for path in marked) == ["test_tiers.py", "tiers.py"]

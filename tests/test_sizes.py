"""How large a provider may become, and that what all of them share knows none of them.

`python -m pytest tests/test_sizes.py -s` prints the sizes as they are.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from providers.registry import ADAPTORS
from tests.tiers import detail

ROOT = Path(__file__).parent.parent
MOST_OF_A_FILE = 450
MOST_OF_A_PROVIDER = 4_500
"""Adaptor and stand-in together."""
MOST_OF_A_SIMPLE_ONE = 300
"""The adaptor that docs/adding-a-provider.md follows."""
MOST_OF_AN_INSTALLER = 350
KITS = ("providers/kit", "sandbox/kit")


def _files(*folders: str) -> Iterator[Path]:
    for folder in folders:
        found = sorted((ROOT / folder).rglob("*.py"))
        assert found, folder
        yield from found


def _lines(path: Path) -> int:
    return len(path.read_text().splitlines())


def _size(*folders: str) -> int:
    return sum(map(_lines, _files(*folders)))


def _of(provider: str) -> tuple[str, str]:
    return f"providers/{provider}", f"sandbox/{provider}"


@pytest.mark.parametrize("provider", sorted(ADAPTORS))
def test_no_provider_is_larger_than_one_person_can_know(provider: str) -> None:
    adaptor, stand_in = _of(provider)
    longest = max(_files(adaptor, stand_in), key=_lines)
    whole = _size(adaptor, stand_in)
    print(  # noqa: T201
        f"\n{provider}: adaptor {_size(adaptor)}, stand-in {_size(stand_in)}, together {whole}; "
        f"longest {longest.relative_to(ROOT)} {_lines(longest)}"
    )
    assert _lines(longest) <= MOST_OF_A_FILE, longest
    assert whole <= MOST_OF_A_PROVIDER


@pytest.mark.parametrize("kit", KITS)
def test_no_file_of_what_they_share_is_larger(kit: str) -> None:
    assert {path.name: _lines(path) for path in _files(kit) if _lines(path) > MOST_OF_A_FILE} == {}


def test_a_simple_provider_stays_small() -> None:
    assert _size("examples/seventh_provider/inkwell") <= MOST_OF_A_SIMPLE_ONE


@detail
def test_the_installer_of_the_server_stays_small() -> None:
    assert _size("temporal_server/installing") <= MOST_OF_AN_INSTALLER


@detail
@pytest.mark.parametrize("kit", KITS)
def test_what_the_providers_share_loads_none_of_them(kit: str) -> None:
    """In an interpreter of its own: what this test run has loaded does not count."""
    modules = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in _files(kit)]
    program = f"import sys, {', '.join(modules)}; print(*sorted(sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-c", program.replace(".__init__", "")],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    theirs = {of.replace("/", ".") for provider in ADAPTORS for of in _of(provider)}
    assert kit.replace("/", ".") in loaded
    assert [name for name in loaded if name.startswith(tuple(theirs))] == []

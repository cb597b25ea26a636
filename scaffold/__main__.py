"""Lay down a provider: `python -m scaffold sage`; `--into examples/my_provider` keeps it outside.
`--left` says what is left to be written."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from scaffold.lay import laid, laid_into, providers_of, to_write, write
from scaffold.names import BadName, named
from scaffold.rows import NoPlace, with_rows

ROOT = Path(__file__).resolve().parents[1]


def main(arguments: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """0; 1 with a sentence on standard error where nothing was laid down."""
    parser = argparse.ArgumentParser("python -m scaffold", description=__doc__)
    parser.add_argument("name", nargs="?", help="as in requests: small letters, digits and _")
    parser.add_argument("--into", type=Path, help="a folder of its own, and no row anywhere")
    parser.add_argument("--left", action="store_true", help="say what is left to be written")
    wishes = parser.parse_args(arguments)
    if wishes.name is None and not wishes.left:
        sys.stderr.write("Say what it is called: make provider NAME=sage\n")
        return 1
    try:
        if wishes.name is not None:
            _lay(wishes.name, wishes.into, root)
    except (BadName, NoPlace) as problem:
        sys.stderr.write(f"Nothing was laid down: {problem}.\n")
        return 1
    left = list(to_write(root))
    sys.stdout.write("".join(f"{one}\n" for one in left))
    sys.stdout.write(f"{len(left)} left to be written; `make test` goes on from there.\n")
    return 0


def _lay(name: str, into: Path | None, root: Path) -> None:
    made = named(name, providers_of(root))
    new = laid_into(root / into, made) if into else laid(root, made)
    if there := [path for path in new if path.exists()]:
        raise BadName(f"{there[0]} is there already")
    write({**new, **({} if into else with_rows(root, made))})
    _tidy(path for path in new if path.suffix == ".py")


def _tidy(files: Iterable[Path]) -> None:
    """The order of imports and the length of lines depend on the name."""
    named = [str(path) for path in files]
    for task in (["check", "--select", "I,RUF022", "--fix"], ["format"]):
        command = [sys.executable, "-m", "ruff", *task, "--quiet", "--no-cache", *named]
        subprocess.run(command, check=True)


if __name__ == "__main__":
    sys.exit(main())

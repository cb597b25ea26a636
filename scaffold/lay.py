"""What is laid down for a provider, and where."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from string import Template

from scaffold.names import Name

TEMPLATES = Path(__file__).parent / "templates"
MARK = "TO WRITE:"
_SCANNED = ("providers", "sandbox", "tests", "docs", "deploy", "examples", "README.md")
_CODE = "\"'),}| "
"""What may follow a sentence on its line."""
_SELF = ("test_scaffold.py",)


def laid(root: Path, name: Name) -> dict[Path, str]:
    """Every file of its own that a provider of the repository has, by its path."""
    provider, stand_in = f"providers.{name.name}", f"sandbox.{name.name}"
    words = {**name.fields, "here": provider, "provider": provider, "stand_in": stand_in}
    homes = {
        "provider": root / "providers" / name.name,
        "stand_in": root / "sandbox" / name.name,
        "contract": root / f"tests/providers/contracts/test_{name.name}.py",
        "kind": root / f"tests/lifecycle/kinds/{name.name}.py",
        "example": root / f"sandbox/examples/{name.name}.json",
    }
    return _filled(homes, words)


def laid_into(folder: Path, name: Name) -> dict[Path, str]:
    """The same without any row: adaptor, stand-in and contract in a folder of their own, which the
    rest knows nothing of."""
    words = {**name.fields, "here": "", "provider": f".{name.name}", "stand_in": ""}
    homes = {
        "provider": folder / name.name,
        "stand_in": folder / "stand_in",
        "contract": folder / f"test_{name.name}_contract.py",
    }
    made = _filled(homes, words)
    return {folder / "__init__.py": f'"""{name.title}, added from outside."""\n', **made}


def _filled(homes: dict[str, Path], words: dict[str, str]) -> dict[Path, str]:
    made = {}
    for template in sorted(TEMPLATES.rglob("*.txt")):
        place = template.relative_to(TEMPLATES)
        home = homes.get(place.parts[0].partition(".")[0])
        if home is not None:
            path = home / place.name.removesuffix(".txt") if len(place.parts) > 1 else home
            made[path] = Template(template.read_text("utf-8")).substitute(words)
    return made


def providers_of(root: Path) -> list[str]:
    """Those that the repository has."""
    return sorted(path.parent.name for path in (root / "providers").glob("*/adaptor.py"))


def write(files: dict[Path, str]) -> None:
    """All of them."""
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


def to_write(root: Path) -> Iterator[str]:
    """Everything that is left to be written in the repository: where, and the sentence."""
    for path in sorted(_files(root)):
        for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
            if found := re.search(rf"{MARK} (.+)", line):
                yield f"{path.relative_to(root)}:{number}: {found[1].rstrip(_CODE)}"


def _files(root: Path) -> Iterator[Path]:
    for name in _SCANNED:
        place = root / name
        found = [place] if place.is_file() else place.rglob("*")
        for path in found:
            kept = path.suffix in (".py", ".md", ".json", ".example") and path.is_file()
            if kept and path.name not in _SELF and "node_modules" not in path.parts:
                yield path

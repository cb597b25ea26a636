"""What every adaptor says of itself, for people.

docs/fields.md: what becomes of every field of a document at every provider.
docs/credits.md: what of an invoice can be taken back at every provider, and how.

python -m providers.matrix docs      # writes both anew
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from invoicing.document import Document
from invoicing.provider.crediting import uncredited
from providers.kit.coverage import Coverage, Treatment, leaf_paths
from providers.kit.crediting import Crediting
from providers.registry import ADAPTORS

HEAD = """# Every field of a document, at every provider

Written by `python -m providers.matrix docs` from the tables that the adaptors follow.

- **said**: the provider is told. With a star: not in every document; the reason stands below.
- **refused**: `plan` refuses a document that gives it, with the sentence below. Nothing is dropped.
- **ignored**: it may be given, and the provider is not told; the reason says why nothing is lost.
"""


CREDITS = """# What is taken back, at every provider

Written by `python -m providers.matrix docs` from what the adaptors say.

`credit` on the command line, `POST /v1/invoices/{reference}/credits`, the form on the console's
page of an invoice and `client.credits.make(…)` ask for it, of any final invoice, running or ended
([operate.md](operate.md#credits)). What is refused is refused in the plan of the credit note, with
the sentence below: the provider is asked for nothing, and what was reserved is left again.
"""

TAKEN = {
    "the whole": True,
    "a line": False,
    "units of a line": False,
    "an amount at a VAT rate": False,
}
"""What a credit may take back, and whether that is all of the invoice, at once."""


def credits_page(adaptors: Mapping[str, object]) -> str:
    """The whole document."""
    lines = [CREDITS, f"| provider | {' | '.join(TAKEN)} |", "|---|" + "---|" * len(TAKEN)]
    refusals: dict[str, str] = {}
    for name, adaptor in adaptors.items():
        reasons = [uncredited(adaptor, whole=whole) for whole in TAKEN.values()]
        said = getattr(adaptor, "crediting", None)
        reasons[-1] = reasons[-1] or (said.amounts if isinstance(said, Crediting) else "")
        cells = ("refused" if reason else "taken" for reason in reasons)
        lines.append(f"| `{name}` | {' | '.join(cells)} |")
        refusals |= dict.fromkeys([name] if any(reasons) else [], reasons[-1])
    lines += ["", "| provider | how | what shows that it is there already |", "|---|---|---|"]
    for name, adaptor in adaptors.items():
        if isinstance(said := getattr(adaptor, "crediting", None), Crediting):
            lines.append(f"| `{name}` | {said.form} | {said.repeat} |")
    lines += ["", "| provider | what is refused, says |", "|---|---|"]
    lines += [f"| `{name}` | {reason} |" for name, reason in refusals.items()]
    return "\n".join(lines) + "\n"


def page(coverages: Mapping[str, Coverage]) -> str:
    """The whole document."""
    return "\n".join([HEAD, *_grid(coverages), *_reasons(coverages)]) + "\n"


def _grid(coverages: Mapping[str, Coverage]) -> Iterator[str]:
    yield f"| field | {' | '.join(f'`{name}`' for name in coverages)} |"
    yield "|---|" + "---|" * len(coverages)
    for path in leaf_paths(Document):
        cells = (_cell(coverage.of(path)) for coverage in coverages.values())
        yield f"| `{path}` | {' | '.join(cells)} |"


def _cell(treatment: Treatment | None) -> str:
    if treatment is None:
        return "**undecided**"
    return f"{treatment.is_}\\*" if treatment.is_ == "said" and treatment.why else treatment.is_


def _reasons(coverages: Mapping[str, Coverage]) -> Iterator[str]:
    for name, coverage in coverages.items():
        yield f"\n## `{name}`\n"
        yield "| fields | | why |"
        yield "|---|---|---|"
        explained: dict[Treatment, list[str]] = {}
        for path in leaf_paths(Document):
            treatment = coverage.of(path)
            if treatment and treatment.why:
                explained.setdefault(treatment, []).append(path)
        for treatment, paths in explained.items():
            fields = ", ".join(f"`{path}`" for path in _folded(paths))
            yield f"| {fields} | {_cell(treatment)} | {treatment.why} |"


def _folded(paths: list[str]) -> Iterator[str]:
    """With the one name of what they stand in where all that stands in it is here."""
    left = list(paths)
    while left:
        above = left[0].split(".")
        names = (".".join(above[:depth]) for depth in range(1, len(above)))
        whole = (name for name in names if set(_below(name)) <= set(left))
        name = next(whole, left[0])
        yield name.removesuffix("[]")
        gone = {*_below(name), left[0]}
        left = [path for path in left if path not in gone]


def _below(name: str) -> Iterator[str]:
    return (path for path in leaf_paths(Document) if path.startswith(f"{name}."))


def main(folder: Path) -> None:
    """Write both pages anew."""
    adaptors = dict(sorted(ADAPTORS.items()))
    coverages = {name: adaptor.coverage for name, adaptor in adaptors.items()}
    (folder / "fields.md").write_text(page(coverages), encoding="utf-8")
    (folder / "credits.md").write_text(credits_page(adaptors), encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m providers.matrix FOLDER")
    main(Path(sys.argv[1]))

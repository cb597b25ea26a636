"""The port's promises, held by every adaptor: a description each for `tests.providers.contract`."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from invoicing.request import Goal
from tests.providers.contract import Contract

ALL = frozenset(Goal)
"""Every goal there is."""
DELIVERED = {
    f"delivery.address.{name}": value
    for name, value in (
        *(("street", "Road 1"), ("city", "Breda"), ("postal_code", "4811 AA"), ("country", "NL")),
    )
}
"""What says of a document where it is delivered."""


def described() -> dict[str, type[Contract]]:
    """The description of every provider that has one here, by its file's name."""
    files = sorted(Path(__file__).parent.glob("test_*.py"))
    return {path.stem.removeprefix("test_"): _of(path.stem) for path in files}


def _of(module: str) -> type[Contract]:
    (one,) = (
        each
        for each in vars(import_module(f"{__name__}.{module}")).values()
        if isinstance(each, type) and Contract in each.__bases__
    )
    return one

"""What a key per invoice costs: `python -m benchmarks.keyed [--quick]`.

The same lifecycle with a provider that answers from memory, with a register and encryption keys:
once with those alone, once with a data key for each invoice. Registers are files, or with
`--postgres` databases of one PostgreSQL. See `beside`; the client, which makes the keys, is not
counted.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path

from benchmarks.beside import Spent, beside, shown
from benchmarks.kinds import Kind, memory_kind
from drill.postgres import NOT_HERE, programs
from invoicing import process
from invoicing.client import InvoicingClient, converter
from invoicing.temporal.encryption import new_key
from register import opened
from register.keys import KeyStore
from terminal import screen
from tests.register.postgres import cluster, created

COMMON, OWN = "a common key", "a key each"
FULL, QUICK = (24, 10), (8, 6)
"""Turns, and invoices in each."""


@contextlib.contextmanager
def _places(folder: Path, *, postgres: bool) -> Iterator[dict[str, str]]:
    """Where the two registers are, by kind; their tables are made."""
    names = {COMMON: "common", OWN: "own"}
    with contextlib.ExitStack() as stack:
        if postgres:
            if (binaries := programs()) is None:
                raise SystemExit(NOT_HERE)
            url = stack.enter_context(cluster(binaries))
            places = {kind: created(url, name) for kind, name in names.items()}
        else:
            places = {kind: str(folder / f"{name}.db") for kind, name in names.items()}
        for place in places.values():
            opened(place).close()
        yield places


def _made(name: str, place: str, store: KeyStore, key: str) -> Callable[[str], Awaitable[Kind]]:
    async def made(address: str) -> Kind:
        said = {
            "INVOICING_ENCRYPTION_KEYS": key,
            "INVOICING_DATA_KEYS": str(name == OWN).lower(),
            "INVOICING_REGISTER_AT": place,
        }
        # The client reads the variables of this process once, here.
        os.environ.update(said)
        client = await InvoicingClient.connect(address, data_converter=converter(store))
        plain = memory_kind(client)
        return replace(plain, name=name, variables={**plain.variables, **said})

    return made


async def examine(turns: int, count: int, places: dict[str, str]) -> dict[str, list[Spent]]:
    """All turns, by kind."""
    key = new_key("benchmark")
    with contextlib.ExitStack() as stack:
        kinds = []
        for name, place in places.items():
            store = stack.enter_context(contextlib.closing(KeyStore(place)))
            kinds.append(_made(name, place, store, key))
        return await beside(kinds, turns, count)


def main() -> None:
    """Measure, and print a line for each."""
    parser = argparse.ArgumentParser("benchmarks.keyed")
    parser.add_argument("--quick", action="store_true", help="fewer invoices, fewer turns")
    parser.add_argument("--postgres", action="store_true", help="registers in a PostgreSQL")
    told = parser.parse_args()
    turns, count = QUICK if told.quick else FULL
    with tempfile.TemporaryDirectory() as name, _places(Path(name), postgres=told.postgres) as at:
        taken = process.run(examine(turns, count, at))
    screen().print(shown("Payloads under", taken, COMMON))


if __name__ == "__main__":
    main()

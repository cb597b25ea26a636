"""`python -m tests.matrix docs/fault-matrix.md`; exit code 1 when a cell is broken.

`--only mollie` or `--only mollie:create` lives a part of it. In a page of the same commit that part
is put in its place; where there is no such page, the part is written alone.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from temporalio.api.workflowservice.v1 import GetSystemInfoRequest

from documents import opened as store_at
from invoicing.process import run
from temporal_server import local_server
from tests.lifecycle.document_lives import keeping
from tests.lifecycle.world import World, world
from tests.matrix.cells import OF_DOCUMENTS, SETUPS, Live, Row, Table, table
from tests.matrix.page import Cells, Run, read, written
from tests.matrix.seen import seen

Cell = tuple[Row, str]


@dataclass
class Matrix:
    """What was seen so far, and the reports about what is wrong."""

    run: Run
    cells: dict[Cell, str] = field(default_factory=dict)
    reports: list[str] = field(default_factory=list)


async def lived(tables: Mapping[str, Table], at_once: int) -> Matrix:
    """Live every cell of these tables, `at_once` at a time, with one server and one worker; those
    about documents with a worker that keeps them, on a server of its own."""
    matrix = Matrix(Run(_commit(), ""))
    keep = {setup: table for setup, table in tables.items() if setup.endswith(OF_DOCUMENTS)}
    rest = {setup: table for setup, table in tables.items() if setup not in keep}
    for some, opened in ((rest, _world), (keep, keeping)):
        if some:
            async with opened() as made:
                matrix.run = replace(matrix.run, server=await _version(made))
                await _live(made, some, at_once, matrix)
    return matrix


@contextlib.asynccontextmanager
async def _world() -> AsyncIterator[World]:
    with tempfile.TemporaryDirectory() as folder:
        async with local_server() as server, world(server, files=store_at(folder)) as made:
            yield made


async def _live(made: World, tables: Mapping[str, Table], at_once: int, matrix: Matrix) -> None:
    places = asyncio.Semaphore(at_once)

    async def one(cells: Sequence[Cell], live: Live) -> None:
        async with places:
            came_to = await live(made)
        if len(cells) > 1:
            came_to = replace(came_to, calls=None)
        matrix.cells |= {cell: seen(cell[0].step, came_to) for cell in cells}
        if came_to.report:
            matrix.reports.append(came_to.report)
            sys.stderr.write(f"{cells[0][0].setup}, {came_to.report}\n")
        sys.stdout.write(f"{len(matrix.cells)} cells lived\n")
        sys.stdout.flush()

    await asyncio.gather(*(one(cells, live) for cells, live in _to_live(tables)))


def _to_live(tables: Mapping[str, Table]) -> list[tuple[list[Cell], Live]]:
    """Each life once, and the cells that it is lived for."""
    lives: dict[int, tuple[list[Cell], Live]] = {}
    for rows in tables.values():
        for row, there in rows.items():
            for when, live in (("before", there.before), ("after", there.after)):
                if live:
                    lives.setdefault(id(live), ([], live))[0].append((row, when))
    return list(lives.values())


async def _version(made: World) -> str:
    service = made.client.temporal.workflow_service
    return (await service.get_system_info(GetSystemInfoRequest())).server_version


def _commit() -> str:
    commit = _git("rev-parse", "--short=12", "HEAD") or "unknown"
    # What is written about the code says nothing about its behaviour.
    changed = _git("status", "--porcelain", "--", ".", ":!docs", ":!README.md")
    return f"{commit} with changes" if changed else commit


def _git(*words: str) -> str:
    asked = ["git", *words]
    return subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()


def _chosen(only: Sequence[str]) -> dict[str, Table]:
    """Of these set-ups, or of these steps of theirs (`setup:step`)."""
    tables = {setup: table(setup) for setup in SETUPS}
    if not only:
        return tables
    chosen = {
        setup: {
            row: lives for row, lives in rows.items() if {setup, f"{setup}:{row.step}"} & set(only)
        }
        for setup, rows in tables.items()
    }
    return {setup: rows for setup, rows in chosen.items() if rows}


def told(page: Path, tables: Mapping[str, Table], matrix: Matrix) -> str:
    """The page with these cells, and those that it has already of the same commit and server."""
    kept: Cells = {}
    if page.exists() and (before := read(page.read_text(encoding="utf-8"))).run == matrix.run:
        kept, tables = before.cells, {setup: table(setup) for setup in before.adaptors}
    return written(matrix.run, tables, {**kept, **matrix.cells})


def main(arguments: Sequence[str]) -> int:
    """0: nothing is wrong."""
    reader = argparse.ArgumentParser(prog="python -m tests.matrix", description=__doc__)
    reader.add_argument("page", type=Path, help="where it is written")
    reader.add_argument("--only", nargs="*", default=(), metavar="SETUP[:STEP]")
    reader.add_argument("--at-once", type=int, default=16)
    given = reader.parse_args(arguments)
    for name in ("temporalio", "httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.ERROR)
    logging.getLogger("temporalio.activity").setLevel(logging.CRITICAL)
    tables = _chosen(given.only)
    if not tables:
        reader.error(f"there is none of these; the set-ups are {', '.join(SETUPS)}")
    matrix = run(lived(tables, given.at_once))
    given.page.write_text(told(given.page, tables, matrix), encoding="utf-8")
    sys.stdout.write(f"{len(matrix.cells)} cells, {len(matrix.reports)} broken: {given.page}\n")
    return 1 if matrix.reports else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""One invoice from the rows that share its reference.

Rows name their `line.id` where there are several; what is about the whole invoice stands in the
first of them, or is the same in all.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from invoicing.errors import TooLarge
from invoicing.parse import problems
from invoicing.request import InvoiceRequest
from invoicing.state.bounds import refuse_too_large
from invoicing.values import MOST_LINES
from tabular.bounds import MOST_CELL
from tabular.cells import Cell, Numeric, value, written
from tabular.columns import Column, Kind
from tabular.entries import Entry
from tabular.formats import may_be
from tabular.habits import Habits, unmarked
from tabular.jsonlines import valid
from tabular.wishes import Crooked

MISSING = "is required"

Named = Callable[[str, str], Column | None]
"""The column of a header, for a provider."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row's cells by their columns' headers; `stray`: it has a cell without a column."""

    number: int
    cells: dict[str, Cell]
    stray: bool = False


@dataclass
class Rows:
    """The rows of one invoice. More than it may have lines are counted, not kept."""

    kept: list[Row] = field(default_factory=list)
    more: int = 0

    def add(self, row: Row) -> None:
        """Take in one more row."""
        if len(self.kept) <= MOST_LINES:
            self.kept.append(row)
        else:
            self.more += 1


def entry(reference: str, rows: Rows, named: Named, habits: Habits) -> Entry:
    """What the rows of one reference ask for."""
    numbers = tuple(row.number for row in rows.kept)
    request = None
    try:
        if rows.more:
            raise Crooked(f"has more than {MOST_LINES} lines")
        invoice = _Invoice(rows.kept, named, habits)
        told, wrong = invoice.request()
        request, refused = _taken(told, invoice.left_out)
        wrong += refused
    except Crooked as error:
        wrong = [str(error)]
    if wrong:
        return Entry(numbers, valid(reference), wrong=tuple(dict.fromkeys(wrong)))
    return Entry(numbers, reference, request)


def _taken(
    told: dict[str, Any], left_out: Collection[str]
) -> tuple[InvoiceRequest | None, list[str]]:
    """The request, or what the model says; not that what was wrong already, and so left out, is
    missing."""
    try:
        request = InvoiceRequest.model_validate(told)
        refuse_too_large(request)
    except ValidationError as error:
        missing = {f"{name}: {MISSING}" for name in left_out}
        return None, [text for each in problems(error) if (text := str(each)) not in missing]
    except TooLarge as error:
        return None, [str(error)]
    return request, []


class _Invoice:
    """Puts the cells of one invoice where its fields are; notes what is wrong meanwhile."""

    def __init__(self, rows: Sequence[Row], named: Named, habits: Habits) -> None:
        self._rows, self._named, self._habits = rows, named, habits
        whole = {name: cell for row in reversed(rows) for name, cell in row.cells.items()}
        self._whole = whole
        self._provider = self._said("provider")
        self._currency = self._said("currency")
        self._wrong: list[str] = []
        self.left_out: set[str] = set()
        """Paths of the fields whose cells could not be read."""

    def request(self) -> tuple[dict[str, Any], list[str]]:
        """What the model of a request is to make of it, and what is wrong already."""
        self._wrong += (
            f"row {row.number}: has a cell without a column" for row in self._rows if row.stray
        )
        self._wrong += self._contradictions()
        request: dict[str, Any] = {"document": {}, "options": {}}
        for name, cell in self._whole.items():
            column = self._column(name)
            if column and column.part != "line":
                target = request if column.part == "request" else request[column.part]
                where = "" if column.part == "request" else f"{column.part}."
                self._put(target, where, column, cell, self._rows[0].number)
        lines = [self._line(index, row) for index, row in enumerate(self._rows)]
        request["document"]["lines"] = lines
        return request, self._wrong

    def _said(self, field: str) -> str:
        cells = (
            written(cell)
            for name, cell in self._whole.items()
            if (column := self._named(name, "")) and column.name == field
        )
        return next(cells, "")

    def _column(self, name: str) -> Column | None:
        column = self._named(name, self._provider)
        if column is None:
            self._wrong.append(f"{name}: is no field of {self._provider or 'this request'}")
        return column

    def _line(self, index: int, row: Row) -> dict[str, Any]:
        line: dict[str, Any] = {}
        for name, cell in row.cells.items():
            column = self._named(name, self._provider)
            if column and column.part == "line":
                self._put(line, f"document.lines[{index}].", column, cell, row.number)
        return {"id": "1", **line}

    def _contradictions(self) -> Iterator[str]:
        known: dict[str, tuple[Cell, int]] = {}
        for row in self._rows:
            columns = {name: self._named(name, self._provider) for name in row.cells}
            has_id = any(column and column.name == "line.id" for column in columns.values())
            if len(self._rows) > 1 and not has_id:
                yield f"row {row.number}: line.id: is required where an invoice has several lines"
            for name, cell in row.cells.items():
                column = columns[name]
                before, number = known.setdefault(name, (cell, row.number))
                if before != cell and column and column.part != "line":
                    yield f"row {row.number}: {column.name}: is not what row {number} says"

    def _put(
        self, target: dict[str, Any], where: str, column: Column, cell: Cell, row: int
    ) -> None:
        try:
            if isinstance(cell, str) and len(cell) > MOST_CELL:
                raise Crooked(f"has more than {MOST_CELL:,} characters")
            found = value(self._amount(column, cell), column.kind, self._habits)
        except Crooked as error:
            self._wrong.append(f"row {row}: {column.name}: {error}")
            self.left_out.add(where + ".".join(column.path))
            return
        self._put_at(target, column, found)

    def _amount(self, column: Column, cell: Cell) -> Cell:
        """Without its currency, which must be the invoice's."""
        if column.kind is not Kind.NUMBER:
            return cell
        amount: Cell = cell
        if isinstance(cell, str):
            currency, amount = unmarked(cell)
            fits = currency == self._currency
        elif isinstance(cell, Numeric):
            currency = cell.currency
            fits = may_be(currency, self._currency)
        else:
            return cell
        if currency and not fits:
            raise Crooked(f"is in {currency}, and the invoice is in {self._currency or 'none'}")
        return amount

    def _put_at(self, target: dict[str, Any], column: Column, found: Any) -> None:
        *path, last = column.path
        for part in path:
            target = target.setdefault(part, {})
            if not isinstance(target, dict):
                raise Crooked(f"{column.name}: another column already gives {part} as a whole")
        if isinstance(target.get(last), dict):
            raise Crooked(f"{column.name}: other columns already give parts of it")
        if last in target:
            raise Crooked(f"{column.name}: another column already gives it")
        target[last] = found

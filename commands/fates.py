"""What became of each invoice of a file, and what a person does about it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from commands.base import BadInput, Code
from invoicing.state.invoice import Problem
from invoicing.state.questions import Answer
from invoicing.temporal.lists import Listed
from tabular.entries import Entry
from tabular.expected import expected
from tabular.results import Result, beside, write
from tabular.wishes import Dialect
from terminal import program

AGAIN = "run the same command again"


@dataclass(slots=True)
class Fate:
    """One invoice of a file. `problem`: the question that is open, where a correction answers it;
    `code`: what it comes to for the process."""

    result: Result
    valid: bool = False
    code: Code = Code.FAILED
    problem: Problem | None = None

    @classmethod
    def of(cls, entry: Entry) -> Fate:
        """Before anything is asked."""
        result = expected(entry)
        if entry.request is None:
            return cls(result, code=Code.BAD_INPUT)
        return cls(result, valid=True)

    @property
    def there(self) -> bool:
        """Whether its invoice is known to the server."""
        return self.result.outcome in ("started", "known", "corrected")

    @property
    def reference(self) -> str:
        """The invoice's."""
        return self.result.reference

    def learn(self, listed: Listed) -> None:
        """Take in how it is listed."""
        self.result.status, self.result.number = listed.status or "", listed.number or ""
        self.result.due_date = listed.due_date or self.result.due_date

    def says(self, code: Code, why: str = "", do: str = "") -> None:
        """What it comes to, why, and what to do about it."""
        self.code, self.result.why, self.result.do = code, why, do

    def wait_for_person(self, problem: Problem | None, why: str) -> None:
        """It stands still until somebody decides."""
        do = f"{program()} show {self.reference}"
        if problem:
            does = ", ".join(problem.answers)
            do = f"{program()} resolve {self.reference} … --question {problem.question} ({does})"
        elif self.result.status == "held":
            do = f"{program()} release {self.reference}, or cancel it"
        self.says(Code.NEEDS_ATTENTION, why, do)


def can_correct(problem: Problem | None) -> bool:
    """Whether the open question may be answered with a corrected document."""
    return problem is not None and Answer.CORRECT in problem.answers


class Results:
    """The file beside the input. It says of every invoice what has become of it, from the first
    moment on: as things happen it is written anew, as often as a tenth of the time allows."""

    MOST_OFTEN = 0.5
    SHARE = 10

    def __init__(self, source: Path, dialect: Dialect, fates: Iterable[Fate]) -> None:
        self.path = beside(source, dialect)
        self._dialect = dialect
        self._results = sorted((fate.result for fate in fates), key=lambda result: result.rows)
        self._took = 0.0

    def write(self) -> None:
        """Replace the file. Raises BadInput where none can be written."""
        begun = time.monotonic()
        try:
            write(self.path, self._dialect, self._results)
        except OSError as error:
            raise BadInput(f"{self.path.name} cannot be written: {error.strerror}.") from None
        self._took = time.monotonic() - begun

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Write it anew again and again meanwhile, and in the end, however that comes."""
        task = asyncio.create_task(self._keep())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError, BadInput):
                await task
            self.write()

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(max(self.MOST_OFTEN, self.SHARE * self._took))
            self.write()


def in_parts(fates: Sequence[Fate], least: int) -> int:
    """How many are announced as `asking` at once: few writes of a file, and few in doubt."""
    return max(least, len(fates) // 50)

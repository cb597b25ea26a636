"""What every caller is asked to do, and what has to come of it: in its own words and at the
provider."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from demo.story import EXAMPLES
from invoicing.errors import NotFound
from sandbox.kit.record import Effect

from .callers import Answer, Caller
from .stage import Stage


@dataclass(frozen=True)
class Case:
    """A request, and what is to be read of it.

    example: a file in sandbox/examples, asked for with this `goal`.
    said: what every caller says after the reference, whatever its language.
    effects: what is in the provider's ledger then; without any, there is no invoice.
    """

    name: str
    example: str
    goal: str
    said: re.Pattern[str]
    effects: tuple[Effect, ...] = ()

    def reference(self, language: str) -> str:
        """What this caller calls its invoice."""
        return f"{language}-{self.name}".upper()

    def written(self, folder: Path, language: str) -> tuple[str, Path]:
        """The reference, and the file with the request, named after it."""
        reference = self.reference(language)
        request = json.loads((EXAMPLES / self.example).read_text(encoding="utf-8"))
        file = folder / f"{reference}.json"
        file.write_text(json.dumps({**request, "reference": reference, "goal": self.goal}))
        return reference, file

    def wrong(self, reference: str, answer: Answer) -> Iterator[str]:
        """What is wrong about this answer."""
        said = answer.said.removeprefix(f"{reference}: ")
        if answer.fine is not bool(self.effects) or not self.said.fullmatch(said):
            yield f"{reference}: not what it should say: {answer.said}"


SENT = Case(
    "sent",
    "invoice.json",
    "sent",
    re.compile(r"sent, number \S+, 137\.94 EUR"),
    (Effect.CREATED, Effect.APPROVED, Effect.SENT),
)
CASES = (
    SENT,
    # This provider tells nobody whether an invoice was delivered, so nobody may wait for that.
    Case("never", "invoice.json", "delivered", re.compile(r"rejected: .+ \(goal\)")),
    Case("asks", "refused.json", "sent", re.compile(r"needs_attention: .+ \(retry, .+\)")),
)


@dataclass(frozen=True)
class Comparison:
    """Callers on one stage.

    sent: by file, what was said of the invoices there are so far.
    began: by reference, when the workflow of each of these did; None where none has its name.
    """

    stage: Stage
    folder: Path
    sent: dict[Path, Answer] = field(default_factory=dict)
    began: dict[str, datetime | None] = field(default_factory=dict)

    @property
    def variables(self) -> dict[str, str]:
        """By which a caller finds the stage, and nothing that this user has configured."""
        profile = self.folder / "temporal.toml"
        profile.write_text("[profile.default]\n")  # one of the SDKs wants this line
        return {**self.stage.variables, "TEMPORAL_CONFIG_FILE": str(profile)}

    async def wrong(self, caller: Caller) -> list[str]:
        """What is not as it should be; nothing where all is well. Raises CallerFailed."""
        place = await caller.ready()
        found: list[str] = []
        for case in CASES:
            reference, file = case.written(self.folder, caller.language)
            answer = await caller.ask(place, file, self.variables)
            found += case.wrong(reference, answer)
            if case is SENT:
                self.sent[file] = answer
                self.began[reference] = await self._beginning(reference)
        found += await self._asked_again(caller, place)
        found += await self._begun_anew()
        return found + list(self._miscounted(caller))

    async def _beginning(self, reference: str) -> datetime | None:
        with suppress(NotFound):
            return (await self.stage.client.invoices.listed(reference)).started_at
        return None

    async def _asked_again(self, caller: Caller, place: Path) -> list[str]:
        """Its own invoice and those that the others began: each is the one that is there."""
        answers = {file: await caller.ask(place, file, self.variables) for file in self.sent}
        return [
            f"{file.stem}, asked for again by {caller.language}: {answer.said}"
            for file, answer in answers.items()
            if answer != self.sent[file]
        ]

    async def _begun_anew(self) -> list[str]:
        """The provider alone would not show it: there, the invoice is found and adopted."""
        return [
            f"{reference}: its workflow is missing, or began more than once"
            for reference, before in self.began.items()
            if before is None or await self._beginning(reference) != before
        ]

    def _miscounted(self, caller: Caller) -> Iterator[str]:
        """Every reference so far, at the provider."""
        wanted = {file.stem: SENT.effects for file in self.sent}
        wanted |= {case.reference(caller.language): case.effects for case in CASES}
        for reference, effects in wanted.items():
            there = tuple(self.stage.stand_in.ledger.effects(reference))
            if there != effects:
                yield f"{reference}: at the provider there is {', '.join(there) or 'nothing'}"

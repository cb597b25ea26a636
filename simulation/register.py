"""A register in memory: what stands for a reference, and every line that was written down.

It answers by the rule of the real one (`invoicing.books.claims.judge`). The engine's calls come one
after the other, so that no two claims meet here; that is the database's part, and tried there.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from invoicing.books.claims import (
    MOST_NAMED,
    REGISTER_QUEUE,
    ClaimCall,
    Claimed,
    Correction,
    Standing,
    Word,
    judge,
)
from invoicing.state.money_after import Before
from invoicing.state.recording import CreditsCall, Line, RecordCall, Row
from simulation.engine import ActivityCall, Attempt
from simulation.wire import failure

TOOK = timedelta(milliseconds=20)


class SimulatedRegister:
    """Claims, rows and lines by kind and reference. While `away`, nothing answers.

    Args:
        heard: told of each answer that begins nothing.
        corrected: told of each life that goes on with what a person had corrected.
        busy: whether it gives a workflow task no answer now, and is to be asked on its own queue.
    """

    def __init__(
        self,
        heard: Callable[[str, Word], None] = lambda reference, word: None,
        corrected: Callable[[str, Correction], None] = lambda reference, correction: None,
        busy: Callable[[], bool] = lambda: False,
    ) -> None:
        self._heard = heard
        self._corrected = corrected
        self._busy = busy
        self.away = False
        self.took = TOOK
        """How long an answer takes; one that comes too late was written down all the same."""
        self.claims = self.records = 0
        """How often it was asked."""
        self.standing: dict[tuple[str, str], Standing] = {}
        self.rows: dict[tuple[str, str], Row] = {}
        self.lines: dict[tuple[str, str, str], list[Line]] = {}
        """By claimant as well: each counts from 1."""
        self.corrections: dict[tuple[str, str], Correction] = {}
        self._lived: dict[tuple[str, str], tuple[datetime, datetime | None]] = {}

    def handlers(self) -> dict[str, Callable[[Any, ActivityCall], Attempt]]:
        """Its activities by the name under which workflows ask for them."""
        return {
            "claim": self.claim,
            "record": self.record,
            "record_credits": self.record_credits,
        }

    def _gives_no_answer(self, call: ActivityCall) -> bool:
        return self.away or (call.queue != REGISTER_QUEUE and self._busy())

    def claim(self, given: ClaimCall, call: ActivityCall) -> Attempt:
        """As the real one."""
        self.claims += 1
        if self._gives_no_answer(call):
            return failure("Unavailable", "away")
        return Attempt(after=self.took, result=self._claimed(given))

    def _claimed(self, given: ClaimCall) -> Claimed:
        about = given.kind, given.reference
        stands = self.standing.get(about)
        stands = stands and self._with_row(stands, about)
        verdict = judge(stands, given) if stands else _GRANTED
        ours = stands is not None and stands.is_of(given)
        if not ours and verdict.word in (Word.KNOWN, Word.GOES_ON):
            verdict = verdict.model_copy(update={"credited_by": self._notes_of(given.reference)})
        if verdict.word in (Word.KNOWN, Word.GOES_ON):
            last = self.corrections.get(about)
            verdict = verdict.model_copy(update={"correction": last})
        if verdict.word in (Word.REFUSED, Word.KNOWN):
            self._heard(given.reference, verdict.word)
            here = verdict.word is Word.KNOWN and stands and stands.namespace == given.namespace
            known = stands if here else None
            return verdict.model_copy(update={"before": known and self._before(known, about)})
        if verdict.correction is not None:
            self._gone_on_with(given, verdict.correction)
        self._keep_correction(given, begins=not ours and verdict.word is Word.BEGINS_AGAIN)
        again = stands is None or verdict.word is Word.BEGINS_AGAIN
        contents = (*(stands.contents if stands else ()), given.content)
        self.standing[about] = Standing(
            fingerprint=given.fingerprint if again or stands is None else stands.fingerprint,
            contents=tuple(dict.fromkeys(contents)),
            claimant=given.claimant,
            namespace=given.namespace,
            at=given.at,
            verdict=verdict,
        )
        return verdict

    def _before(self, stands: Standing, about: tuple[str, str]) -> Before:
        began, ended = self._lived[about]
        lines = len(self.lines.get((*about, stands.claimant), ()))
        return Before(claimant=stands.claimant, began=began, ended=ended, lines=lines)

    def _gone_on_with(self, given: ClaimCall, last: Correction) -> None:
        row = self.rows.get((given.kind, given.reference))
        if given.correction is None and (row is None or row.wanted in ("", last.content)):
            self._corrected(given.reference, last)

    def _keep_correction(self, given: ClaimCall, *, begins: bool) -> None:
        about = given.kind, given.reference
        if begins:
            self.corrections.pop(about, None)
        if given.correction is not None:
            self.corrections[about] = given.correction

    def _with_row(self, stands: Standing, about: tuple[str, str]) -> Standing:
        lines = len(self.lines.get((*about, stands.claimant), ()))
        return stands.model_copy(update={"left": self.rows.get(about), "lines": lines})

    def _notes_of(self, reference: str) -> tuple[str, ...]:
        notes = (name for (_, name), row in self.rows.items() if row.credits == reference)
        return tuple(sorted(notes))[:MOST_NAMED]

    def record(self, given: RecordCall, call: ActivityCall) -> Attempt:
        """As the real one."""
        self.records += 1
        if self._gives_no_answer(call):
            return failure("Unavailable", "away")
        about = given.kind, given.reference
        stands = self.standing.get(about)
        if stands is None or stands.claimant != given.claimant:
            return Attempt(after=self.took, result=False)
        if self._kept(given):
            self.rows[about] = given.row
            began, ended = self._lived.get(about, (given.began, None))
            self._lived[about] = began, ended or (given.lines[-1].at if given.row.ended else None)
        return Attempt(after=self.took, result=True)

    def record_credits(self, given: CreditsCall, call: ActivityCall) -> Attempt:
        """As the real one."""
        self.records += 1
        if self._gives_no_answer(call):
            return failure("Unavailable", "away")
        self._kept(given)
        return Attempt(after=self.took, result=True)

    def _kept(self, given: RecordCall | CreditsCall) -> bool:
        """Whether there was anything new."""
        kept = self.lines.setdefault((given.kind, given.reference, given.claimant), [])
        new = [line for line in given.lines if line.sequence > len(kept)]
        kept += new
        return bool(new)

    @property
    def gaps(self) -> list[str]:
        """The references of which a line is missing or out of order."""
        return [
            reference
            for (_, reference, _), kept in self.lines.items()
            if [line.sequence for line in kept] != list(range(1, len(kept) + 1))
        ]


_GRANTED = Claimed(word=Word.GRANTED)

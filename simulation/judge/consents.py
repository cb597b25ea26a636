"""Two people, judged by what was said to each invoice and by what is done at the provider then.

Whoever speaks is noted when their word is sent, so what is done without two of them is found, and
a word that never arrived is not held against anybody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from invoicing.consent import CANCEL, CREDIT, RELEASE, Consent
from invoicing.state.invoice import Cancel, Instruction, Release, Resolve, Status
from invoicing.state.questions import Answer
from simulation.documents import content, sums
from simulation.engine import ActivityCall, Server
from simulation.judge.sentences import Sentence
from simulation.provider.ledger import Held

CURRENCY = "EUR"
"""Of every document here."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """One person's word: when it was sent, and what was wanted."""

    at: datetime
    proven: str
    kind: str
    """`release`, `cancel`, or the word of another answer."""
    wanted: tuple[str, ...] = ()
    """Of an answer, all that it says."""


class ConsentJudge:
    """Watches one life's rule. Where there is none, it watches nothing."""

    def __init__(
        self, server: Server, rule: Consent | None, broken: Callable[[Sentence, str], None]
    ) -> None:
        self.rule = rule
        self._server = server
        self._broken = broken
        self._said: dict[str, list[Spoken]] = {}
        self._askers: dict[str, set[str]] = {}
        self._made_from: dict[str, str] = {}
        self._held: dict[str, tuple[datetime, datetime]] = {}
        self._corrected: dict[str, tuple[datetime, set[str]]] = {}
        """What was made from a correction of fewer than two: when it was said, and by whom."""

    # What is said

    def begins(self, reference: str, asker: str, made_from: str) -> None:
        """A life begins, at this person's word: what was said to an earlier one counts no more."""
        self._said[reference] = []
        self._held.pop(reference, None)
        self._askers[reference] = {asker}
        self._made_from[reference] = made_from
        self._corrected.pop(reference, None)

    def goes_on(self, reference: str, made_from: str) -> None:
        """With what an earlier life of it was corrected to, by as many as the rule asks for."""
        self._made_from[reference] = made_from

    def asked(self, reference: str, asker: str) -> None:
        """Somebody asks for an invoice that another workflow begins, perhaps not the first."""
        self._askers.setdefault(reference, set()).add(asker)

    def says(self, identity: str, said: object) -> None:
        """Somebody says this to an invoice."""
        kind, _, reference = identity.partition("/")
        if self.rule is None or kind != "invoice":
            return
        if isinstance(said, Release | Cancel | Resolve):
            self._said.setdefault(reference, []).append(_spoken(self._server.now, said))

    def held(self, reference: str, sent: datetime) -> None:
        """A hold that was sent then is acknowledged: what was said before it counts no more."""
        self._held[reference] = (sent, self._server.now)

    def refuses_the_engine(self, gross: Decimal) -> bool:
        """Whether the engine's own cancel, which proves nobody, may not take it back."""
        return self._wants(CANCEL, gross) or self._wants(CREDIT, gross)

    # What is done

    def irreversible(self, reference: str, verb: str, gross: Decimal, call: ActivityCall) -> None:
        """It is being made final, or brought to its buyer."""
        self._released_as_corrected(reference, verb, gross, call)
        kind = CREDIT if "#" in reference else RELEASE
        if not self._wants(kind, gross):
            return
        sent, heard = self._held.get(reference, (None, None))
        since = sent if sent and heard and call.scheduled > heard else None
        said = {
            each.proven
            for each in self._spoken(reference, RELEASE)
            if each.at <= call.scheduled and (since is None or each.at >= since)
        }
        # Where several asked for a credit of one name, one of them did.
        askers = self._askers.get(reference) or {""}
        if all(len(said - {asker}) < 2 for asker in askers):
            self._alone(f"{reference}: {verb} of {gross}, released by", said)

    def credited(self, reference: str, gross: Decimal, call: ActivityCall) -> None:
        """The whole of it is being credited."""
        if self.refuses_the_engine(gross):
            self._two(reference, CANCEL, f"credit of {gross}, cancelled by", call.scheduled)

    def created(self, reference: str, made: str, gross: Decimal, call: ActivityCall) -> None:
        """It is being made, from this content; a person may have corrected it. Before the plan
        nobody knows that two are needed, so one is enough for what can still be deleted."""
        self._corrected.pop(reference, None)
        if self._made_from.get(reference, made) == made or not self._wants(Answer.CORRECT, gross):
            return
        said = [
            each
            for each in self._spoken(reference, Answer.CORRECT)
            if each.at <= call.scheduled and made in each.wanted
        ]
        who = [{each.proven for each in said if each.wanted == one.wanted} for one in said]
        most = max(who, key=len, default=set())
        if len(most) < 2:
            told = [each for each in self._said.get(reference, ()) if made in each.wanted]
            since = max((each.at for each in told), default=call.scheduled)
            self._corrected[reference] = since, most

    def _released_as_corrected(
        self, reference: str, verb: str, gross: Decimal, call: ActivityCall
    ) -> None:
        """Whoever releases what one person corrected has seen it."""
        if reference not in self._corrected:
            return
        since, who = self._corrected[reference]
        said = self._spoken(reference, RELEASE)
        who = who | {each.proven for each in said if since <= each.at <= call.scheduled}
        if len(who) < 2:
            self._alone(f"{reference}: {verb} of {gross}, corrected and released by", who)

    def taken(self, identity: str, said: object) -> None:
        """An answer was carried out, as its sender heard."""
        kind, _, reference = identity.partition("/")
        if kind != "invoice" or not isinstance(said, Resolve) or self.rule is None:
            return
        if said.answer is not Answer.ADOPT:
            return
        gross = sums(said.document).gross if said.document else None
        if not self.rule.wants(said.answer, CURRENCY, gross):
            return
        mine = _spoken(self._server.now, said)
        spoken = self._spoken(reference, mine.kind)
        who = {each.proven for each in spoken if each.wanted == mine.wanted}
        if len(who) < 2:
            self._alone(f"{reference}: {said.answer} to {said.question}, answered by", who)

    def ended(self, reference: str, own: Held | None, status: Status) -> None:
        """It has ended so. Where nothing was made, nobody knew that two are needed."""
        if own is not None and status is Status.CANCELLED and self._wants(CANCEL, own.asked_gross):
            self._two(reference, CANCEL, "cancelled by", self._server.now)

    # How

    def _two(self, reference: str, kind: str, what: str, until: datetime) -> None:
        said = {each.proven for each in self._spoken(reference, kind) if each.at <= until}
        if len(said) < 2:
            self._alone(f"{reference}: {what}", said)

    def _alone(self, what: str, said: set[str]) -> None:
        self._broken(Sentence.TWO_PEOPLE, f"{what} {' and '.join(sorted(said)) or 'nobody'}")

    def _wants(self, kind: str, gross: Decimal) -> bool:
        return self.rule is not None and self.rule.wants(kind, CURRENCY, gross)

    def _spoken(self, reference: str, kind: str) -> Iterator[Spoken]:
        """What people of a proven name have said of this kind."""
        return (each for each in self._said.get(reference, ()) if each.proven and each.kind == kind)


def _spoken(now: datetime, said: Instruction) -> Spoken:
    if isinstance(said, Resolve):
        document = content(said.document) if said.document else ""
        wanted = (said.question, said.provider_id or "", document)
        return Spoken(now, said.proven, said.answer.value, wanted)
    return Spoken(now, said.proven, CANCEL if isinstance(said, Cancel) else RELEASE)

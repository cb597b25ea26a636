"""What is known about the credits of one invoice: the memory of their workflow, and its state."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Literal, TypeVar

from invoicing.credits.credit import Credit, CreditLedger, Left, Requested, Sums
from invoicing.credits.document import credit_reference
from invoicing.model import Recorded
from invoicing.request import Reference
from invoicing.state.credited import CreditedSoFar
from invoicing.state.invoice import Invoice, Problem, Status, Waiting
from invoicing.state.memory import Memory
from invoicing.state.order import fate

T = TypeVar("T")

MOST_NAMED = 3
"""Credits of which a sentence tells."""


class CreditsStatus(StrEnum):
    """The one word that lists show for the credits of an invoice."""

    NONE = "none"
    """Nobody has credited anything of it: there is no ledger yet."""
    STARTED = "started"
    """Nothing is known of the invoice yet."""
    OPEN = "open"
    NEEDS_ATTENTION = "needs_attention"
    CREDITED = "credited"
    """Ended: everything is credited."""
    IDLE = "idle"
    """Ended: nobody credited anything for long. One more credit begins it again."""


class CreditState(Recorded):
    """One credit, as the ledger of its invoice knows it."""

    credit: str
    reference: str
    """Of its credit note, which is an invoice like any other: `state` shows it."""
    precedent: str = ""
    """The number of the invoice that it is of (EN 16931, BT-25)."""
    status: Status = Status.STARTED
    became: Literal["reserved", "credited", "released"] = "reserved"
    """`released`: it came to nothing, and what it was to credit is left again."""
    sums: Sums
    day: date
    """On which it was asked for, in UTC."""
    number: str | None = None
    ended: bool = False


class Credits(Recorded):
    """The credits of one invoice: what the `state` query and the workflow's result are."""

    reference: str
    """Of the invoice."""
    number: str | None = None
    status: CreditsStatus
    left: Left | None = None
    """What may still be credited; None: nothing was asked for that could be."""
    not_creditable: str | None = None
    """Why nothing of it can be credited now, where nothing ever was, or nobody knows what was: a
    sentence."""
    credits: tuple[CreditState, ...] = ()
    waiting: Waiting | None = None
    problem: Problem | None = None
    ended: bool = False


class CreditsCase(Memory):
    """The memory of one invoice's credits."""

    invoice: Requested | None = None
    """What is credited, once it is known to be final, and that no cancel credits it as a whole."""
    ledger: CreditLedger | None = None
    undecided: dict[str, Credit] = {}
    """What was asked for and neither reserved nor refused yet, by name."""
    under_way: dict[str, Credit] = {}
    """What is reserved, and whose end is not known."""
    known: dict[str, str] = {}
    """A digest of every credit that was ever reserved: it is made once."""
    begun: tuple[str, ...] = ()
    """Those whose credit note was begun and has not ended."""
    unclear: dict[str, str] = {}
    """Those of which only a person can say whether they count, and why."""
    looks: dict[str, int] = {}
    """How often what became of one was asked for, of those that an earlier run began."""
    states: dict[str, CreditState] = {}
    outcome: CreditsStatus | None = None
    recorded_as: str = ""
    """Whose lines these are in the register: the chain of runs that began to write them."""
    told_invoice: bool = False
    """Whether the invoice was told, or was about to be, that parts of it are to be credited."""
    forgotten: tuple[str, ...] = ()
    """Credits that earlier runs have reserved, and this memory does not know: the workflow was
    reset in Temporal, or begun without its memory. The first of them, by name."""
    unsure: bool = False
    """Whether there may be such, and nobody knows."""
    told_so_far: CreditedSoFar = CreditedSoFar()
    """What the invoice was told last of what is credited."""

    @property
    def untold(self) -> CreditedSoFar | None:
        """What the invoice is to be told of what is credited; None: it knows, or nothing was."""
        if self.ledger is None or self.invoice is None or self.lost:
            return None
        so_far = CreditedSoFar(
            provider_id=self.invoice.invoice.provider_id or "",
            gross=self.ledger.credited,
            under_way=bool(self.under_way),
            all=self.ledger.nothing_left and not self.under_way,
        )
        nothing = not (so_far.gross or so_far.under_way)
        other = nothing and self.told_so_far.provider_id != so_far.provider_id
        return None if other or so_far == self.told_so_far else so_far

    def learn(self, invoice: Requested, ledger: CreditLedger) -> None:
        """The invoice that is credited: what is final does not change, but another may be made."""
        self.invoice, self.ledger = invoice, ledger

    @property
    def lost(self) -> str | None:
        """Why nobody knows what is left of it; None: this memory does."""
        if not (self.forgotten or self.unsure):
            return None
        named = ", ".join(self.forgotten) or "nobody knows which"
        return (
            "its ledger was reset in Temporal, or begun without its memory, and has forgotten "
            f"credits that it had made ({named}): credit what is left of it at the provider"
        )

    def hold_against(self, looked: Looked) -> None:
        """What earlier runs have reserved is held against what is known. What is forgotten once
        stays forgotten."""
        forgotten = (name for name in looked.credited if name not in self.known)
        self.forgotten = self.forgotten or tuple(forgotten)[:MOST_NAMED]
        self.unsure = self.unsure or looked.unsure

    def ask(self, wanted: Credit) -> None:
        """It is to be decided about."""
        self.undecided = {**self.undecided, wanted.credit: wanted}

    def refuse(self, name: str) -> None:
        """It is not made; the same name may be asked for again."""
        self.undecided = _without(self.undecided, name)

    def reserve(self, wanted: Credit, ledger: CreditLedger, day: date) -> None:
        """It is in the ledger, and its credit note is to be begun."""
        name, held = wanted.credit, ledger.held[wanted.credit]
        reference = self.invoice.request.reference if self.invoice else ""
        number = self.invoice.invoice.number if self.invoice else None
        self.ledger = ledger
        self.undecided = _without(self.undecided, name)
        self.under_way = {**self.under_way, name: wanted}
        self.known = {**self.known, name: digest(wanted)}
        state = CreditState(
            credit=name,
            reference=credit_reference(reference, name),
            precedent=number or "",
            sums=held.sums,
            day=day,
        )
        self.states = {**self.states, name: state}

    def begin(self, name: str) -> None:
        """Its credit note was begun. One that was refused at once may have told so before."""
        if self.states[name].ended:
            return
        self.begun = tuple(dict.fromkeys((*self.begun, name)))

    def hear(self, name: str, note: Invoice) -> None:
        """What a credit note said about itself: final, or at its end."""
        self._now(name, status=note.status, number=note.number, ended=note.ended)
        if note.final:
            self.book(name)
        elif note.ended and fate(note) is not None:
            self.release(name)
        elif note.ended:
            self.doubt(name, "its credit note has ended, and nobody knows how")

    def doubt(self, name: str, why: str) -> None:
        """Only a person can say whether it counts."""
        if name in self.under_way:
            self._now(name, ended=True)
            self.unclear = {**self.unclear, name: why}

    def book(self, name: str, number: str | None = None) -> None:
        """It is credited for good."""
        if self.ledger is not None:
            self.ledger = self.ledger.book(name)
        if self.states[name].became == "reserved":
            self._now(name, became="credited", number=self.states[name].number or number)
        self._over(name)

    def release(self, name: str) -> None:
        """It came to nothing. What is credited stays credited."""
        if self.ledger is not None and name in self.under_way:
            self.ledger = self.ledger.release(name)
            self._now(name, became="released", ended=True)
        self._over(name)

    def looked(self, name: str) -> None:
        """What became of its credit note is being asked for."""
        self.looks = {**self.looks, name: self.looks.get(name, 0) + 1}

    def _now(self, name: str, **update: object) -> None:
        state = self.states[name].model_copy(update=update)
        self.states = {**self.states, name: state}
        if state.ended:
            self.begun = tuple(one for one in self.begun if one != name)
            self.looks = _without(self.looks, name)

    def _over(self, name: str) -> None:
        self.under_way = _without(self.under_way, name)
        self.unclear = _without(self.unclear, name)

    @property
    def grown(self) -> tuple[object, ...]:
        """What it carries beside the invoice."""
        asked = list(self.under_way.values()), list(self.undecided.values()), self.known
        return (*asked, self.ledger, list(self.states.values()))

    @property
    def status(self) -> CreditsStatus:
        """The one word for people."""
        if self.outcome:
            return self.outcome
        if self.problem:
            return CreditsStatus.NEEDS_ATTENTION
        return CreditsStatus.STARTED if self.ledger is None else CreditsStatus.OPEN

    def shown(self, reference: str) -> Credits:
        """The state, for queries and as the result."""
        return Credits(
            reference=reference,
            number=self.invoice.invoice.number if self.invoice else None,
            status=self.status,
            left=self.ledger.left if self.ledger and not self.lost else None,
            not_creditable=self.lost,
            credits=tuple(self.states.values()),
            waiting=self.waiting,
            problem=self.problem,
            ended=self.outcome is not None,
        )


def digest(wanted: Credit) -> str:
    """What tells a repetition from something else under the same name: its content, whoever asks
    for it. A field that a later version added has no part in it where it is left out."""
    return _digest(wanted, {"by", "proven"})


def repeats(known: str, wanted: Credit) -> bool:
    """Whether this is the credit of this digest, asked for again. Earlier versions took who asked
    into it: of theirs only the same person is known again."""
    return known in (digest(wanted), _digest(wanted, {"proven"}))


def _digest(wanted: Credit, unsaid: set[str]) -> str:
    left_out = unsaid if wanted.goal else {*unsaid, "goal"}
    return hashlib.sha256(wanted.model_dump_json(exclude=left_out).encode()).hexdigest()[:16]


class CreditsInput(Recorded):
    """The argument of the workflow of an invoice's credits.

    `resumed` is set when it continues as new, and by whoever begins it again after it has ended:
    it is what the last run remembered, which its query `memory` answers.
    """

    reference: Reference
    """Of the invoice."""
    resumed: CreditsCase | None = None


def _without(known: Mapping[str, T], name: str) -> dict[str, T]:
    return {key: one for key, one in known.items() if key != name}


class RequestedCall(Recorded):
    """Input of `requested`: an invoice's workflow of ours, by its id."""

    workflow_id: str
    first: bool = False
    """Whether a ledger of credits looks for the first time in this run: it is told what earlier
    runs of it have credited."""


class Looked(Recorded):
    """What `requested` answered; `invoice` is None where nobody knows of it."""

    running: bool = False
    cut_off: bool = False
    invoice: Requested | None = None
    claims: bool = False
    """Whether the workers here keep a register."""
    credited: tuple[str, ...] = ()
    """The credits that earlier runs of the ledger that asks have reserved, by name."""
    unsure: bool = False
    """Whether it was reset in Temporal, and the run before it can be asked no more."""
    run: str = ""
    """The run that was told so: one that was reset replays what an earlier one was told."""

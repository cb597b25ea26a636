"""An invoice amended: all that is left of it is credited, and then a new one is made in its place.

What is asked for, what is known of it while it goes on, and what may still be asked for: pure data
and pure answers. `workflows.amend` carries it out (docs/decisions/0042).
"""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import StrictBool, StringConstraints, model_validator

from invoicing.credits.case import Credits, CreditState
from invoicing.credits.credit import Credit, CreditName
from invoicing.document import Day, Inconsistent, Precedent, Text
from invoicing.errors import FieldProblem, InvalidRequest
from invoicing.model import Recorded, Typed
from invoicing.request import Goal, InvoiceRequest, Options, Reference
from invoicing.state.bounds import refuse_instruction, refuse_too_large
from invoicing.state.identity import fingerprint
from invoicing.state.invoice import Instruction, Invoice, Status, Waiting
from invoicing.state.memory import Memory

THE_CREDIT = "the credit note"
"""What an amendment waits for until the invoice is credited."""
THE_INVOICE = "the new invoice"
"""What it waits for until the new one is final."""
AN_ANSWER = "an answer"
"""What it waits for where another workflow of ours cannot be asked now."""
MOST_TRIED = 20
"""Contents of the new invoice that an amendment knows it has asked for; the oldest is forgotten."""
AMEND_AGAIN = "amend_again"
"""What it waits for a person to do, where the old one is credited and the new one is not made."""


class CreditNote(Typed):
    """What may be said of the credit note; see `Credit`."""

    number: Annotated[str, StringConstraints(min_length=1, max_length=100)] | None = None
    issue_date: Day | None = None
    options: Options = {}
    goal: Goal | None = None
    hold: StrictBool = False


class Amend(Instruction):
    """Credit what is left of an invoice, and then make another one in its place.

    The same name again with the same content is the same amendment. `reason` stands on the credit
    note as well (BT-22): the buyer reads it.
    """

    amendment: CreditName
    """The name of the amendment, and of its credit."""
    reason: Text
    invoice: InvoiceRequest
    """The new invoice, with all that is to stand on it, under a reference of its own."""
    credit_note: CreditNote = CreditNote()

    @model_validator(mode="after")
    def _an_invoice(self) -> Self:
        new, wrong = self.invoice, []
        if new.document.type != "invoice":
            wrong.append(_wrong("document.type", "an amendment makes an invoice"))
        if new.goal is Goal.DRAFTED:
            wrong.append(_wrong("goal", "a draft takes the place of no invoice"))
        wrong += [
            _wrong(name, "is set by us alone: leave it out")
            for name in ("order", "credits")
            if getattr(new, name) is not None
        ]
        if self.credit_note.goal in (Goal.DRAFTED, Goal.PAID):
            message = "of a credit note it is approved, sent or delivered"
            wrong.append(FieldProblem(field="credit_note.goal", message=message))
        if wrong:
            raise Inconsistent(wrong)
        return self

    def credit(self) -> Credit:
        """The credit of all that is left."""
        said = {name: getattr(self.credit_note, name) for name in CreditNote.model_fields}
        who = {"by": self.by, "reason": self.reason, "proven": self.proven}
        return Credit(credit=self.amendment, whole=True, **who, **said)


def _wrong(field: str, message: str) -> FieldProblem:
    return FieldProblem(field=f"invoice.{field}", message=message)


def refuse_amendment(reference: str, wanted: Amend) -> None:
    """Raise InvalidRequest where the new invoice has the reference of the one that is amended, or
    one that its credit notes have, and TooLarge where it, or what is said of the credit note,
    cannot be carried through its life."""
    if why := _taken(reference, wanted.invoice.reference):
        said = f"{why}: the new one needs a reference of its own"
        raise InvalidRequest("The amendment has mistakes:", [_wrong("reference", said)])
    refuse_too_large(wanted.invoice)
    refuse_instruction(wanted.credit())


def _taken(old: str, new: str) -> str:
    """What the new reference is already; empty: nothing of the old invoice."""
    if new == old:
        return "is the invoice that is amended"
    # Its own credit would take it first, and then the new invoice could never be made.
    return f"is what a credit note of {old} is called" if new.startswith(f"{old}#") else ""


class AmendStatus(StrEnum):
    """The one word that lists show for an amendment."""

    CHECKING = "checking"
    """Nothing has changed yet: the invoice and the new document are looked at."""
    CREDITING = "crediting"
    """Its credit is asked for, and not final yet."""
    MAKING = "making"
    """The invoice is credited, and the new one is asked for."""
    NEEDS_ATTENTION = "needs_attention"
    """The invoice is credited, and the new one is not made: amend again, under the same name."""
    AMENDED = "amended"
    """Ended: the invoice is credited, and the new one is final."""
    REFUSED = "refused"
    """Ended: the invoice stands as it did, and there is no new one."""
    CREDITED = "credited"
    """Ended: the invoice is credited, and nobody had the new one made."""


Step = Literal[AmendStatus.CHECKING, AmendStatus.CREDITING, AmendStatus.MAKING]


class Amendment(Recorded):
    """The amendment of one invoice: what the `state` query and the workflow's result are."""

    reference: str
    """Of the invoice that is amended."""
    amendment: str
    makes: str
    """The reference of the new invoice, which is an invoice like any other."""
    status: AmendStatus
    credit: str | None = None
    """The reference of the credit note, once that is asked for."""
    credited: bool = False
    """Whether the invoice is credited for good."""
    number: str | None = None
    """Of the new invoice, once it is final."""
    problem: str = ""
    """Why it did not go on, and what to do: a sentence."""
    fields: tuple[FieldProblem, ...] = ()
    waiting: Waiting | None = None
    ended: bool = False


class AmendCase(Memory):
    """The memory of one amendment."""

    wanted: Amend
    provider: str = ""
    """Of the invoice that is amended, once that is looked at: whose it is, is whose this is."""
    step: Step = AmendStatus.CHECKING
    credit: Credit | None = None
    """As it was asked for first: it stays what it is, whatever of the amendment is corrected."""
    credit_note: str | None = None
    """The reference of the credit note."""
    precedent: Precedent | None = None
    """The invoice that is amended, as the new one names it."""
    credited: bool = False
    unseen: bool = False
    """Whether it counts as credited, and nobody has seen that it is: whoever amends it again has
    been told so."""
    begun: bool = False
    """Whether the new invoice was asked for, and nothing is known against it."""
    tried: tuple[str, ...] = ()
    """Digests of what was asked for under the reference of the new invoice, and may have begun."""
    taken: bool = False
    """Whether that reference stands for something else, so that it makes none of ours under it."""
    number: str | None = None
    given_up: bool = False
    """Whether Temporal's Cancel has come: before the credit it is refused, after it no person is
    waited for, and a new invoice that can be made is made."""
    stopped: str = ""
    """Why it does not go on by itself."""
    fields: tuple[FieldProblem, ...] = ()
    outcome: AmendStatus | None = None

    @property
    def status(self) -> AmendStatus:
        """The one word for people."""
        if self.outcome:
            return self.outcome
        return AmendStatus.NEEDS_ATTENTION if self.stopped else self.step

    @property
    def left_nothing(self) -> bool:
        """Of one that has ended, by itself or not: whether it has changed nothing."""
        return self.outcome is AmendStatus.REFUSED or self.step is AmendStatus.CHECKING

    def why_not(self, wanted: Amend) -> str:
        """Why this cannot be asked for now, where another amendment or other content was; empty: it
        is the same, or may take its place."""
        ours = self.wanted
        if self.outcome is AmendStatus.REFUSED or digest(wanted) == digest(ours):
            return ""
        if wanted.amendment != ours.amendment:
            return (
                f"amendment {ours.amendment} of it {self._said()}, which makes "
                f"{ours.invoice.reference}"
            )
        if not (self.stopped or self.outcome is AmendStatus.CREDITED):
            return f"amendment {ours.amendment} was already asked for with other content"
        if wanted.invoice.reference != ours.invoice.reference and not self.taken:
            return (
                f"amendment {ours.amendment} makes {ours.invoice.reference}: keep that reference, "
                "for another would be a second invoice"
            )
        return ""

    def _said(self) -> str:
        if self.outcome is AmendStatus.AMENDED:
            return "has been made: amend the new invoice"
        if self.outcome or self.stopped:
            return "waits to be amended again under that name"
        return "is under way"

    def go_on(self, wanted: Amend) -> None:
        """From now on it is made like this. What is credited stays credited."""
        if wanted.invoice.reference != self.wanted.invoice.reference:
            self.tried = ()
        self.wanted, self.taken = wanted, False
        self.stopped, self.fields, self.outcome, self.given_up = "", (), None, False
        self.waiting = None

    def stop(self, why: str, fields: tuple[FieldProblem, ...] = (), *, taken: bool = False) -> None:
        """Only a person gets it on."""
        self.stopped, self.fields, self.begun, self.taken = why, fields, False, taken

    def end(self, outcome: AmendStatus, why: str = "") -> None:
        """Nothing more is done."""
        self.outcome, self.stopped = outcome, why or self.stopped

    def shown(self, reference: str) -> Amendment:
        """The state, for queries and as the result."""
        return Amendment(
            reference=reference,
            amendment=self.wanted.amendment,
            makes=self.wanted.invoice.reference,
            status=self.status,
            credit=self.credit_note,
            credited=self.credited,
            number=self.number,
            problem=self.stopped,
            fields=self.fields,
            waiting=self.waiting,
            ended=self.outcome is not None,
        )


def digest(wanted: Amend) -> str:
    """What tells a repetition from something else under the same name, whoever asks for it. Numbers
    of the document count by value."""
    said = wanted.model_dump_json(include={"amendment", "reason", "credit_note"})
    parts = sorted(fingerprint(wanted.invoice).items())
    return hashlib.sha256(f"{said} {parts}".encode()).hexdigest()[:16]


class AmendInput(Recorded):
    """The argument of the workflow of an amendment: what is wanted, or, where it continues as new
    or is begun again, what the last run remembered, which its query `memory` answers."""

    reference: Reference
    """Of the invoice that is amended."""
    wanted: Amend | None = None
    resumed: AmendCase | None = None


def begun_again(reference: str, kept: AmendCase, wanted: Amend) -> AmendInput:
    """What one that has ended is begun again with: with all that it knew, unless nothing had come
    of it."""
    if kept.left_nothing:
        return AmendInput(reference=reference, wanted=wanted)
    if kept.stopped or kept.outcome:
        kept.go_on(wanted)
    return AmendInput(reference=reference, resumed=kept)


def why_not_begun(wanted: Amend, known: Credits, there: Invoice | None) -> str:
    """Why it is not begun, by what is credited of the invoice (`known`), and by what the reference
    of the new one stands for, if anything; empty: nothing stands against it."""
    name = wanted.amendment
    if known.left is None:
        return known.not_creditable or "nothing of it can be credited now"
    if named(known, name):
        return f"a credit {name} of it was asked for before: choose another name"
    if why := under_way(known):
        return f"{why}: amend it when that has ended"
    if is_credited(known):
        return "nothing is left of it to credit: start a new invoice instead"
    if there is not None and not _left_nothing(there):
        return (
            f"{wanted.invoice.reference} stands for an invoice already ({there.status}): the new "
            "one needs a reference of its own"
        )
    return ""


def named(known: Credits, name: str) -> CreditState | None:
    """The credit of this name."""
    return next((each for each in known.credits if each.credit == name), None)


def under_way(known: Credits) -> str:
    """Which credits of it nobody knows the end of, as words; empty: none."""
    names = [each.credit for each in known.credits if each.became == "reserved"]
    return f"credit {', '.join(names[:MOST_NAMES])} of it is under way" if names else ""


MOST_NAMES = 5
"""Credits that a sentence names."""


_SEEN = (Status.APPROVED, Status.SENDING, Status.SENT, Status.DELIVERED, Status.PAID)


def is_unseen(credit: CreditState) -> bool:
    """Whether it counts as credited by a person's word alone, who has named no credit note: one
    that they left as it is, so that nothing is credited twice."""
    return credit.became == "credited" and not credit.number and credit.status not in _SEEN


def is_credited(known: Credits) -> bool:
    """Whether nothing of the invoice is left, neither of a line nor at a VAT rate."""
    left = known.left
    if left is None:
        return False
    amounts = [amount for each in left.rates for amount in (each.sums.net, each.sums.vat)]
    return not any(amounts) and not any(each.amount or each.units for each in left.lines)


def _left_nothing(there: Invoice) -> bool:
    return there.ended and there.status in (Status.REJECTED, Status.CANCELLED) and not there.number


def with_precedent(request: InvoiceRequest, precedent: Precedent | None) -> InvoiceRequest:
    """The new invoice, which names the one whose place it takes (BT-25), unless its document names
    some itself."""
    document = request.document
    if precedent is None or document.precedents:
        return request
    named = document.model_copy(update={"precedents": (precedent,)})
    return request.model_copy(update={"document": named})


class OverviewCall(Recorded):
    """Input of `credits_of`: an invoice."""

    reference: str


class MakeCreditCall(Recorded):
    """Input of `make_credit`: an invoice, and what is credited of it."""

    reference: str
    credit: Credit


class BeginCall(Recorded):
    """Input of `begin_invoice`, and who asks for it."""

    request: InvoiceRequest
    proven: str = ""

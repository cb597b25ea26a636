"""A reference claimed in the register before the first create: the rule by which one reference is
one invoice, also when Temporal has forgotten it.

Pure: the register keeps what stands, and asks `judge` in the transaction that writes the answer.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Literal, Protocol

from pydantic import Field, JsonValue

from invoicing.consent import CorrectedAlone
from invoicing.document import Document
from invoicing.errors import FieldProblem
from invoicing.model import Recorded
from invoicing.provider import Stage
from invoicing.state.invoice import Status
from invoicing.state.money_after import Before
from invoicing.state.order import OrderStatus
from invoicing.state.recording import CreditsCall, RecordCall, Row

REGISTER_QUEUE = "register"
"""Where claims and records are served from: a slow register takes no provider's slots."""

MOST_NAMED = 3
"""Credit notes of one invoice that a claim is told of: there may be hundreds."""

Kind = Literal["invoice", "order"]


class Word(StrEnum):
    """What a claim is answered."""

    GRANTED = "granted"
    """Nobody had asked for it: it begins."""
    BEGINS_AGAIN = "begins_again"
    """An earlier life left nothing that counts: it begins, and knows what that one asked for."""
    GOES_ON = "goes_on"
    """An earlier life had not ended: the same invoice, gone on with as that one left it."""
    KNOWN = "known"
    """An earlier life has ended with it: the same invoice, and nothing is to be done."""
    REFUSED = "refused"
    """The reference stands for something else."""


class Correction(Recorded):
    """What a person had an invoice made from instead of what was asked for first."""

    document: Document
    options: dict[str, JsonValue] = {}
    content: str
    """The digest under which it is claimed."""
    alone: CorrectedAlone | None = None
    """Who corrected it alone, where the account's rule may ask for a second person."""


class ClaimCall(Recorded):
    """Input of `claim`. The same claimant may ask as often as it likes: the answer is the same, as
    long as nothing has been made."""

    kind: Kind
    reference: str
    fingerprint: dict[str, str]
    """Of the first request; see identity.fingerprint."""
    content: str
    """A digest of what is to be made now. After a correction it is claimed as well."""
    correction: Correction | None = None
    """What that is, where a person has corrected it: nobody who asks again knows it."""
    sealed: bytes = Field(default=b"", exclude=True, repr=False)
    """The correction as the register keeps it, in its place: as Temporal would, encrypted where
    there are keys. The worker makes it; it is in no history."""
    claimant: str
    """The chain of runs that asks: a run's id changes with every continue-as-new, that of its chain
    does not."""
    namespace: str
    at: datetime


class Claimed(Recorded):
    """The answer to a claim."""

    word: Word
    left: Row | None = None
    """What the earlier life left, as it was recorded last; None where it recorded nothing."""
    contents: tuple[str, ...] = ()
    """Digests of everything that lives of this reference may have asked for so far."""
    credited_by: tuple[str, ...] = ()
    """The first credit notes that earlier lives of it have, or may have, at the provider."""
    before: Before | None = None
    """The life that has ended with it, where it is known."""
    why: str = ""
    """Why it is refused."""
    fields: tuple[FieldProblem, ...] = ()
    """In what it differs from what the reference stands for."""
    correction: Correction | None = None
    """What a person had it made from last, where it goes on or is known."""
    sealed: bytes = Field(default=b"", exclude=True, repr=False)
    """The same as the register keeps it; the worker opens it."""


class Standing(Recorded):
    """A claim that stands, and what its life has recorded."""

    fingerprint: dict[str, str]
    contents: tuple[str, ...]
    claimant: str
    namespace: str
    at: datetime
    verdict: Claimed
    """What its claimant was answered."""
    left: Row | None = None
    lines: int = 0
    """How many its claimant has recorded."""
    erased: datetime | None = None

    def is_of(self, call: ClaimCall) -> bool:
        """Whether the one that asks holds it, and knows so. Not where its workflow was reset in
        Temporal: it asks as if for the first time, and has made something. One that a person has
        corrected asks again, and brings what it was corrected to."""
        if self.claimant != call.claimant or self.erased:
            return False
        asks_anew = not (call.correction or call.sealed) and call.content in self.contents
        return not (asks_anew and self.lines and self.left is not None and _is_there(self.left))


class Register(Protocol):
    """What workflows need of the register. All are safe to repeat, and raise Unavailable."""

    async def claim(self, call: ClaimCall) -> Claimed:
        """Claim a reference, or learn what it stands for."""
        ...

    async def record(self, call: RecordCall) -> bool:
        """Write down what has happened; False where the reference is somebody else's by now."""
        ...

    async def record_credits(self, call: CreditsCall) -> bool:
        """Write down what has happened to an invoice's credits; False where it was erased."""
        ...


def judge(stands: Standing, call: ClaimCall) -> Claimed:
    """What a claim is answered where one stands already. All but KNOWN and REFUSED take it over."""
    if stands.is_of(call):
        return stands.verdict
    left = stands.left
    over = left is not None and left.ended
    if stands.erased:
        return _refused(f"what it stood for was erased on {stands.erased:%Y-%m-%d}")
    if stands.namespace != call.namespace and not over:
        return _refused(
            f"namespace {stands.namespace!r} asked for it on {stands.at:%Y-%m-%d}, and nothing "
            "here says that it has ended there"
        )
    differs = tuple(_differences(stands.fingerprint, call.fingerprint))
    judged = _invoice if call.kind == "invoice" else _order
    word = judged(left, differs=bool(differs))
    if word is not Word.REFUSED:
        return Claimed(word=word, left=left, contents=stands.contents)
    if differs:
        why = "it was asked for with other content"
    else:
        why = f"it was begun on {stands.at:%Y-%m-%d}, and its lines may be on invoices"
    return _refused(f"{why}: look into the register what it stands for; {ANOTHER}", differs)


ANOTHER = "what is asked for under another reference is another invoice"


def _refused(why: str, differs: tuple[FieldProblem, ...] = ()) -> Claimed:
    return Claimed(word=Word.REFUSED, why=why, fields=differs)


def _differences(one: dict[str, str], other: dict[str, str]) -> list[FieldProblem]:
    names = sorted(name for name in {*one, *other} if one.get(name) != other.get(name))
    return [FieldProblem(field=each, message="is not what it was") for each in names]


def _invoice(left: Row | None, *, differs: bool) -> Word:
    """As `client.invoices.start` begins a reference again, for lives that are forgotten."""
    if left is None or not left.ended:
        return Word.REFUSED if differs else Word.GOES_ON
    if left.number or left.outcome not in _NOTHING_FINAL:
        return Word.REFUSED if differs else Word.KNOWN
    if _left_nothing(left):
        return Word.BEGINS_AGAIN
    return Word.REFUSED if differs else Word.GOES_ON


_NOTHING_FINAL = (Status.CANCELLED, Status.ABANDONED, Status.EXPIRED, Status.REJECTED)


def _left_nothing(left: Row) -> bool:
    if left.outcome != Status.ABANDONED:
        return left.outcome != Status.EXPIRED
    return not _is_there(left)


def _is_there(left: Row) -> bool:
    """Whether something of it is at the provider, or may be."""
    return (left.provider_id is not None and left.stage != Stage.DELETED) or left.in_doubt


def _order(left: Row | None, *, differs: bool) -> Word:
    """What an order has delivered stands in its ledger alone, so that one which was begun is never
    begun again; one that was rejected has delivered nothing."""
    if left is not None and left.outcome == OrderStatus.REJECTED:
        return Word.BEGINS_AGAIN
    over = left is not None and left.ended
    return Word.KNOWN if over and not differs else Word.REFUSED

"""In what an invoice as the register has it and as the provider tells it disagree; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal

from invoicing.books.reconciling import FindingKind
from invoicing.money import plain
from invoicing.provider import Echo, PaymentStatus, Snapshot, Stage
from invoicing.state.invoice import Status
from invoicing.state.recording import Row

Disagreement = tuple[FindingKind, str]

OVER = frozenset({Status.CANCELLED, Status.ABANDONED, Status.EXPIRED, Status.REJECTED})
"""It has ended, and there is to be no invoice."""

FINAL = frozenset({Stage.APPROVED, Stage.SENDING, Stage.SENT, Stage.DELIVERED})
ALIVE = FINAL | {Stage.DRAFTING, Stage.DRAFTED, Stage.APPROVING}

_AMOUNTS = ("net", "gross", "prepaid", "rounding", "due")
_DATES = ("issue_date", "due_date")


def disagreements(row: Row, theirs: Snapshot) -> tuple[Disagreement, ...]:
    """All of them, at most one of each kind. What one side does not state is not compared."""
    if theirs.stage is Stage.DELETED:
        gone = Stage(row.stage) not in ALIVE or row.status in OVER
        return () if gone else ((FindingKind.MISSING_THERE, "is not there any more"),)
    if row.status in OVER:
        return tuple(_orphan(theirs))
    return (*_figures(row, theirs), *_stages(row, theirs), *_payments(row, theirs))


def signed_as(ours: Echo, theirs: Echo) -> Echo:
    """The figures of a listed credit note with our sign: one provider writes what another's are
    without it, and only a look at it knows."""
    if not ours.gross or not theirs.gross or (ours.gross < 0) is (theirs.gross < 0):
        return theirs
    turned = {name: -value for name in _AMOUNTS if (value := getattr(theirs, name)) is not None}
    vat = theirs.vat and {rate: -amount for rate, amount in theirs.vat.items()}
    return theirs.model_copy(update={**turned, "vat": vat})


def _orphan(theirs: Snapshot) -> Iterator[Disagreement]:
    if theirs.stage in ALIVE:
        what = "final" if theirs.stage in FINAL else "a draft"
        yield FindingKind.ORPHAN, f"has ended here, and is {what} there"


def _figures(row: Row, theirs: Snapshot) -> Iterator[Disagreement]:
    if row.says is None or theirs.echo is None:
        return
    for kind, found in (
        (FindingKind.AMOUNT, _amounts(row.says, theirs.echo)),
        (FindingKind.VAT, _vat(row.says.vat, theirs.echo.vat)),
        (FindingKind.DATES, _words(row.says, theirs.echo, _DATES)),
    ):
        if told := "; ".join(found):
            yield kind, told
    ours, buyer = row.says.buyer, theirs.echo.buyer
    if ours and buyer and ours != buyer:
        yield FindingKind.BUYER, "is not the one that was asked for"


def _amounts(ours: Echo, theirs: Echo) -> Iterator[str]:
    yield from _words(ours, theirs, ("currency",))
    for name in _AMOUNTS:
        one, other = getattr(ours, name), getattr(theirs, name)
        if one is not None and other is not None and one != other:
            yield f"{name}: ours {one:f}, theirs {other:f}"


def _words(ours: Echo, theirs: Echo, names: tuple[str, ...]) -> Iterator[str]:
    for name in names:
        one, other = getattr(ours, name), getattr(theirs, name)
        if one and other and one != other:
            yield f"{name.replace('_', ' ')}: ours {one}, theirs {other}"


def _vat(ours: Mapping[str, Decimal] | None, theirs: Mapping[str, Decimal] | None) -> Iterator[str]:
    if ours is None or theirs is None:
        return
    for rate in sorted(ours.keys() | theirs.keys()):
        one, other = ours.get(rate, Decimal(0)), theirs.get(rate, Decimal(0))
        if one != other:
            yield f"{rate} %: ours {plain(one)}, theirs {plain(other)}"


def _stages(row: Row, theirs: Snapshot) -> Iterator[Disagreement]:
    ours, there = Stage(row.stage), theirs.stage
    if there is Stage.CREDITED:
        if ours is not Stage.CREDITED and row.status != Status.CREDITED:
            yield FindingKind.CREDITED_UNSEEN, "was credited there"
        return
    if told := _stage(ours, there) or _number(row, theirs):
        yield FindingKind.STATUS, told


def _stage(ours: Stage, there: Stage) -> str:
    """Draft or final, and nothing finer: a list does not know what an invoice's request chose."""
    if ours is Stage.CREDITED and there in FINAL:
        return "was credited here, and stands there"
    if ours in (Stage.NONE, Stage.DELETED) and there in ALIVE:
        return f"is {ours} here, and {there} there"
    if ours in FINAL and there in (Stage.DRAFTING, Stage.DRAFTED):
        return "is final here, and a draft there"
    if ours in (Stage.DRAFTING, Stage.DRAFTED) and there in FINAL:
        return "is a draft here, and final there"
    return ""


def _number(row: Row, theirs: Snapshot) -> str:
    differ = row.number and theirs.number and row.number != theirs.number
    return f"number: ours {row.number}, theirs {theirs.number}" if differ else ""


def _payments(row: Row, theirs: Snapshot) -> Iterator[Disagreement]:
    if Stage(row.stage) is Stage.CREDITED or theirs.stage not in FINAL:
        return
    ours, there = PaymentStatus(row.payment), theirs.payment
    paid, partly = PaymentStatus.PAID, PaymentStatus.PARTLY_PAID
    if ours is not paid and there is paid:
        yield FindingKind.PAID_UNSEEN, "was paid there"
    elif ours not in (paid, partly) and there is partly:
        yield FindingKind.PAID_UNSEEN, "a part was paid there"
    elif ours is paid and there is not paid and there is not PaymentStatus.UNKNOWN:
        yield FindingKind.STATUS, f"is paid here, and {there.replace('_', ' ')} there"

"""Legal holds: while one is on a reference nothing of it is erased, whoever asks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, delete, func, insert, select, update
from sqlalchemy.exc import DBAPIError

from invoicing.books.claims import Kind
from invoicing.books.legal_hold import NotHeld as NotHeld
from invoicing.books.legal_hold import NothingToHold as NothingToHold
from invoicing.state.recording import Line
from register.chain import linked
from register.rows import is_of
from register.tables import chain, claims, invoices, journal, legal_holds
from register.trouble import cannot_be

_CLAIMANT = "legal-hold"


@dataclass(frozen=True)
class Holding:
    """Whose decision it is to hold what, or to release it."""

    kind: Kind
    reference: str
    by: str
    reason: str
    at: datetime


def held(engine: Engine, wanted: Holding) -> datetime:
    """Put a hold on it; since when there is one: the first stays. Raises NotHeld, BadRegister.
    Blocks."""
    try:
        with engine.begin() as db:
            return _hold(db, wanted)
    except DBAPIError as error:
        raise cannot_be("written", error) from None


def released(engine: Engine, wanted: Holding) -> None:
    """Take the hold off. Raises NotHeld, BadRegister. Blocks."""
    try:
        with engine.begin() as db:
            _release(db, wanted)
    except DBAPIError as error:
        raise cannot_be("written", error) from None


def account_of(engine: Engine, kind: Kind, reference: str) -> tuple[str, str] | None:
    """The provider and account of what is kept of it; None where nothing is. Raises BadRegister.
    Blocks."""
    of_row = is_of(invoices, kind, reference)
    try:
        with engine.begin() as db:
            columns = (invoices.c.provider, invoices.c.account)
            row = db.execute(select(*columns).where(*of_row)).one_or_none()
    except DBAPIError as error:
        raise cannot_be("read", error) from None
    return (row.provider, row.account) if row else None


def held_since(db: Connection, kind: str, reference: str) -> datetime | None:
    """Since when there is a hold on it; None: there is none."""
    of_hold = is_of(legal_holds, kind, reference)
    since: datetime | None = db.execute(select(legal_holds.c.at).where(*of_hold)).scalar()
    return since


def _hold(db: Connection, wanted: Holding) -> datetime:
    _locked(db, wanted)
    if since := held_since(db, wanted.kind, wanted.reference):
        return since
    db.execute(
        insert(legal_holds).values(
            kind=wanted.kind,
            reference=wanted.reference,
            held_by=wanted.by,
            reason=wanted.reason,
            at=wanted.at,
        )
    )
    _add_line(db, wanted, "legal hold")
    return wanted.at


def _release(db: Connection, wanted: Holding) -> None:
    _locked(db, wanted)
    if held_since(db, wanted.kind, wanted.reference) is None:
        raise NotHeld(f"{wanted.reference}: there is no legal hold on it")
    db.execute(delete(legal_holds).where(*is_of(legal_holds, wanted.kind, wanted.reference)))
    _add_line(db, wanted, "legal hold released")


def _locked(db: Connection, wanted: Holding) -> None:
    """Its claim until the end of the transaction: an erasure waits. Raises NotHeld."""
    of_claim = is_of(claims, wanted.kind, wanted.reference)
    claim = db.execute(select(claims.c.erased_at).where(*of_claim).with_for_update()).one_or_none()
    if claim is None:
        raise NothingToHold(f"{wanted.reference}: the register has nothing of it")
    if claim.erased_at is not None:
        raise NotHeld(f"{wanted.reference}: it was erased on {claim.erased_at:%Y-%m-%d}")


def _add_line(db: Connection, wanted: Holding, what: str) -> None:
    """Who decided it, and why, in the journal: not in that of a reference that has no row yet."""
    kind, reference = wanted.kind, wanted.reference
    of_row = is_of(invoices, kind, reference)
    status = db.execute(select(invoices.c.status).where(*of_row)).scalar()
    if status is None:
        return
    of_lines = is_of(journal, kind, reference)
    counted = select(func.count()).where(*of_lines, journal.c.claimant == _CLAIMANT)
    line = Line(
        sequence=db.execute(counted).scalar_one() + 1,
        at=wanted.at,
        status=status,
        what=what,
        by=wanted.by,
        reason=wanted.reason,
    )
    position, previous = db.execute(select(chain.c.position, chain.c.hash).with_for_update()).one()
    row = linked(line, position + 1, previous, kind, reference, _CLAIMANT)
    db.execute(insert(journal).values(row))
    db.execute(update(chain).values(position=row["position"], hash=row["hash"]))

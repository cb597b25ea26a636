"""A person taken out of the register: what the law has us keep stays, and the reference's promise.

With its data key goes what Temporal has of it, where it has one (`invoicing.temporal.data_keys`).
Kept are reference, status, number, amounts, dates and who decided; a second request is refused
because it was erased. The fingerprint goes, for its digests have no salt: who guesses a name would
know by them that it is right. Words of the journal go; its chain holds: it is made of their
digests.
"""

from __future__ import annotations

import contextlib
import sqlite3
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple

from sqlalchemy import Connection, Engine, Select, exists, insert, select, update
from sqlalchemy.exc import DBAPIError

from invoicing.books.claims import Claimed
from invoicing.errors import InvoicingError
from invoicing.state.credited import CreditedSoFar
from invoicing.state.recording import Line, Row
from invoicing.temporal.data_keys import Subject, subject_of
from register import correcting
from register.chain import linked
from register.holding import held_since
from register.key_rows import destroy, has_key
from register.rows import is_of
from register.tables import chain, claims, invoices, journal
from register.trouble import cannot_be


class NotErased(InvoicingError):
    """It cannot be erased; says why."""


class NotThere(NotErased):
    """The register has nothing of this reference."""


@dataclass(frozen=True)
class Erasure:
    """Whose decision it is to erase what."""

    kind: Literal["invoice", "order"]
    reference: str
    by: str
    reason: str
    at: datetime


class Done(NamedTuple):
    """When it was erased: now, or before; and whether its data key was destroyed now."""

    at: datetime
    key: bool


def erased(engine: Engine, wanted: Erasure) -> Done:
    """Erase it, in one transaction, with its data key; see `forget_old_pages` for what follows.

    Raises NotErased before its end, NotThere, BadRegister. Blocks.
    """
    try:
        with engine.begin() as db:
            done = erase(db, wanted)
    except DBAPIError as error:
        raise cannot_be("written", error) from None
    return done


def ran_in(engine: Engine, wanted: Erasure) -> str:
    """The namespace whose Temporal says whether it still runs, where it may be erased or was.

    Raises NotErased, NotThere, BadRegister. Blocks.
    """
    try:
        with engine.begin() as db:
            return namespace_of(db, wanted)
    except DBAPIError as error:
        raise cannot_be("read", error) from None


def namespace_of(db: Connection, wanted: Erasure) -> str:
    """As `ran_in`, in this transaction."""
    claim, _ = _erasable(db, wanted.kind, wanted.reference)
    namespace: str = claim.namespace
    return namespace


def _erasable(db: Connection, kind: Literal["invoice", "order"], reference: str) -> tuple[Any, Any]:
    """Claim and row of what may be erased, or was. Raises NotErased."""
    of_claim = is_of(claims, kind, reference)
    of_row = is_of(invoices, kind, reference)
    claim = db.execute(select(claims).where(*of_claim).with_for_update()).one_or_none()
    row = db.execute(select(invoices).where(*of_row)).one_or_none()
    if claim is None or row is None:
        raise NotThere(f"{reference}: the register has nothing of it")
    if claim.erased_at is not None:
        return claim, row
    if not row.ended:
        raise NotErased(f"{reference}: it has not ended ({row.status}): cancel it, or wait")
    if row.sequence == 0:
        # Taken by a life that has recorded nothing yet: the row is the earlier one's.
        raise NotErased(f"{reference}: it has begun again, and has not ended: cancel it, or wait")
    _refuse_held(db, Subject(kind, reference), row.order_id)
    _refuse_before_its_owner(db, reference, row.order_id, Subject(kind, reference))
    return claim, row


def erase(db: Connection, wanted: Erasure) -> Done:
    """Erase it, in this transaction. Raises NotErased."""
    kind, reference = wanted.kind, wanted.reference
    of_claim = is_of(claims, kind, reference)
    of_row = is_of(invoices, kind, reference)
    of_lines = is_of(journal, kind, reference)
    claim, row = _erasable(db, kind, reference)
    # Also of what an earlier version has erased.
    db.execute(update(claims).where(*of_claim).values(fingerprint="{}", contents="[]"))
    if claim.erased_at is not None:
        return Done(claim.erased_at, key=False)
    verdict = Claimed(word=Claimed.model_validate_json(claim.verdict).word)
    kept = Row.model_validate_json(row.kept).model_copy(update=_GONE)
    correcting.forget(db, kind, reference)
    done = {"erased_at": wanted.at, "verdict": verdict.model_dump_json()}
    db.execute(update(claims).where(*of_claim).values(done))
    blank = {"buyer": None, "kept": kept.model_dump_json(), "changed_at": wanted.at}
    db.execute(update(invoices).where(*of_row).values(blank))
    db.execute(update(journal).where(*of_lines).values(salt=None, said=None))
    _add_line(db, wanted, row.status)
    return Done(wanted.at, key=destroy(db, Subject(kind, reference), wanted.at))


_GONE: dict[str, object] = {
    "buyer": "",
    "says": None,
    "context": {},
    "keys": (),
    "attached": (),
    # Digests of what was asked for, without a salt; and what is there for a successor alone.
    "wanted": "",
    "draft": "",
    "tolerated": "",
    "foreign": (),
    "money": None,
    "credited_so_far": CreditedSoFar(),
}
MOST_OWNERS = 3
"""A credit note is of an invoice, which is of an order."""


def _refuse_held(db: Connection, subject: Subject, owner: str | None) -> None:
    """A hold of an order holds its deliveries' invoices, and that of an invoice its credit notes.
    Raises NotErased."""
    reference = subject.reference
    for place in range(MOST_OWNERS):
        if since := held_since(db, *subject):
            what = f" of its {subject.kind} {subject.reference}" if place else ""
            held = f"{since:%Y-%m-%d}{what}"
            raise NotErased(f"{reference}: there is a legal hold on it since {held}")
        next_one = subject_of(owner) if owner else None
        if next_one is None:
            return
        subject = next_one
        of_row = is_of(invoices, subject.kind, subject.reference)
        owner = db.execute(select(invoices.c.order_id).where(*of_row)).scalar()


def _refuse_before_its_owner(
    db: Connection, reference: str, owner: str | None, subject: Subject
) -> None:
    """The history of an order, or of an invoice's credits, has results of its invoices under their
    keys: it could not be read any more. Raises NotErased."""
    whole = subject_of(owner) if owner else None
    if whole is None or not has_key(db, subject):
        return
    of_claim = is_of(claims, whole.kind, whole.reference)
    claim = db.execute(select(claims.c.erased_at).where(*of_claim)).one_or_none()
    if claim is not None and claim.erased_at is None:
        what = f"{whole.kind} {whole.reference}"
        raise NotErased(f"{reference}: it belongs to {what}: erase that first")


def _add_line(db: Connection, wanted: Erasure, status: str) -> None:
    """Who decided it stays, and why."""
    what = "erased"
    line = Line(
        sequence=1, at=wanted.at, status=status, what=what, by=wanted.by, reason=wanted.reason
    )
    position, previous = db.execute(select(chain.c.position, chain.c.hash).with_for_update()).one()
    row = linked(line, position + 1, previous, wanted.kind, wanted.reference, "erasure")
    db.execute(insert(journal).values(row))
    db.execute(update(chain).values(position=row["position"], hash=row["hash"]))


def blanked(db: Connection, lines: Select[Any]) -> str | None:
    """The first of these lines of the journal whose words are gone though nobody has erased it: the
    chain holds without them, so that it does not show. None where there is none."""
    of_claim = (claims.c.kind == journal.c.kind, claims.c.reference == journal.c.reference)
    erased_ = exists().where(*of_claim, claims.c.erased_at.is_not(None)).correlate(journal)
    gone = lines.where(journal.c.said.is_(None), ~erased_).limit(1)
    if (line := db.execute(gone).first()) is None:
        return None
    return f"line {line.position} ({line.reference}): what it says is gone, and nobody erased it"


def forget_old_pages(engine: Engine) -> bool:
    """The log that is written ahead has pages as they were; emptied, if nobody reads them.

    False: somebody does for longer than PATIENCE, or the disk fails, and what was erased is still
    in the file. Only SQLite has that; PostgreSQL forgets with its vacuum. Blocks.
    """
    if engine.dialect.name != "sqlite":
        return True
    try:
        with contextlib.closing(engine.raw_connection()) as connection:
            cursor = connection.cursor()
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            said = cursor.fetchone()
    except (DBAPIError, sqlite3.Error):
        return False
    return said is not None and not said[0]

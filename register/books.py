"""Claim and record: each is one transaction, and safe to repeat.

SQLite lets one write at a time, from the first statement on. PostgreSQL locks a reference's claim,
then the end of the chain, always in this order.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from sqlalchemy import (
    Connection,
    Engine,
    Row,
    RowMapping,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from invoicing import recording
from invoicing.claims import ClaimCall, Claimed, Kind, Standing, Word, judge
from invoicing.errors import Unavailable
from invoicing.money import exactly, minor_units, plain
from invoicing.reconciling import (
    KEPT,
    FinishCall,
    OpenFindings,
    PageCall,
    Reconciled,
    RestCall,
    Scope,
    SettleCall,
    Suspects,
)
from invoicing.recording import CreditsCall, Line, RecordCall
from invoicing.retention import BY, Due, Retained
from register import retaining
from register.chain import first_broken, linked
from register.erasing import Erasure, NotErased, erase, forget_old_pages, namespace_of
from register.reconciling import comparing
from register.reconciling.findings import by_account
from register.tables import chain, claims, invoices, journal, vat_rows

A = TypeVar("A")
R = TypeVar("R")

MOST_UNITS = 2**63 - 1
"""Minor units that a column holds."""

MOST_CONTENTS = 100
"""Digests of what one reference was asked for; the oldest go."""


class Books:
    """One database, and the threads that use it.

    findings_kept: how long a finding is kept after it was closed and found no more, and what a
        reconciliation came to.
    """

    def __init__(self, engine: Engine, *, threads: int, findings_kept: timedelta = KEPT) -> None:
        self._engine = engine
        self._findings_kept = findings_kept
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="register")

    async def claim(self, call: ClaimCall) -> Claimed:
        """Claim a reference, or learn what it stands for. Raises Unavailable."""
        return await self._run(_claim, call)

    async def record(self, call: RecordCall) -> bool:
        """Write down what has happened; what is there already is left as it is. False where the
        reference is somebody else's by now, or was erased. Raises Unavailable."""
        return await self._run(_record, call)

    async def record_credits(self, call: CreditsCall) -> bool:
        """Write down what has happened to an invoice's credits, also of one that was asked for
        before there was a register. False where it was erased. Raises Unavailable."""
        return await self._run(_record_credits, call)

    async def compare_page(self, call: PageCall) -> int:
        """See `Reconciles`."""
        return await self._run(comparing.compare_page, call)

    async def compare_rest(self, call: RestCall) -> None:
        """See `Reconciles`."""
        await self._run(comparing.compare_rest, call)

    async def suspects(self, scope: Scope) -> Suspects:
        """See `Reconciles`."""
        return await self._run(comparing.suspects, scope)

    async def settle(self, call: SettleCall) -> None:
        """See `Reconciles`."""
        await self._run(comparing.settle, call)

    async def finish(self, call: FinishCall) -> Reconciled:
        """See `Reconciles`."""
        return await self._run(self._finish, call)

    def _finish(self, db: Connection, call: FinishCall) -> Reconciled:
        return comparing.finish(db, call, self._findings_kept)

    async def open_findings(self) -> OpenFindings:
        """See `CountsFindings`."""
        return await self._run(by_account, None)

    async def due_of(
        self, kind: Retained, before: datetime, after: tuple[datetime | None, str], limit: int
    ) -> tuple[tuple[Kind, str, datetime], ...]:
        """See `Retains`."""
        return await self._run(retaining.due_of, (kind, before, after, limit))

    async def ran_in(self, due: Due, at: datetime) -> str | None:
        """See `Retains`."""
        return await self._run(self._ran_in, (due, at))

    @staticmethod
    def _ran_in(db: Connection, about: tuple[Due, datetime]) -> str | None:
        try:
            return namespace_of(db, _erasure(*about))
        except NotErased:
            return None

    async def erase_one(self, due: Due, at: datetime) -> bool:
        """See `Retains`."""
        return await self._run(self._erase_one, (due, at))

    async def forget(self) -> bool:
        """See `Retains`."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, forget_old_pages, self._engine)

    @staticmethod
    def _erase_one(db: Connection, about: tuple[Due, datetime]) -> bool:
        try:
            erase(db, _erasure(*about))
        except NotErased:
            return False
        return True

    async def row(self, kind: str, reference: str) -> Mapping[str, Any] | None:
        """What is kept of one, by column; None where nothing is. Raises Unavailable."""
        return await self._run(_row, (kind, reference))

    async def broken(self) -> str | None:
        """What is wrong with the chain of the journal; None where nothing is."""
        return await self._run(_broken, None)

    def close(self) -> None:
        """Let what is under way end, and let go of the database."""
        self._threads.shutdown()
        self._engine.dispose()

    async def _run(self, work: Callable[[Connection, A], R], about: A) -> R:
        """In a thread, in a transaction. A cancel leaves it to end by itself."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._in_a_transaction, work, about)

    def _in_a_transaction(self, work: Callable[[Connection, A], R], about: A) -> R:
        try:
            with self._engine.begin() as connection:
                return work(connection, about)
        except IntegrityError as error:
            # Somebody else was first, in the very same moment: the next attempt sees it.
            raise Unavailable("the register: somebody else was first") from error
        except DBAPIError as error:
            # The driver's words may repeat what is written; its kind of error does not.
            raise Unavailable(f"the register: {type(error.orig).__name__}") from None
        except PoolTimeout:
            raise Unavailable("the register: every connection is taken") from None


def _erasure(due: Due, at: datetime) -> Erasure:
    reason = f"kept for {due.days} days"
    return Erasure(due.kind, due.reference, by=BY, reason=reason, at=at)


# Claim


def _claim(db: Connection, call: ClaimCall) -> Claimed:
    granted = Claimed(word=Word.GRANTED)
    if _inserted(db, call, granted):
        return granted
    stands = _standing(db, call)
    claimed = judge(stands, call)
    if claimed.word in (Word.REFUSED, Word.KNOWN) or stands.erased:
        return claimed
    ours = stands.claimant == call.claimant
    if not ours or call.content not in stands.contents:
        _take(db, call, stands, claimed, ours=ours)
    return claimed


def _inserted(db: Connection, call: ClaimCall, verdict: Claimed) -> bool:
    """Whether it was free. The primary key decides, also between two in the same moment."""
    values = {
        "kind": call.kind,
        "reference": call.reference,
        "fingerprint": json.dumps(call.fingerprint, sort_keys=True),
        "contents": json.dumps([call.content]),
        "claimant": call.claimant,
        "namespace": call.namespace,
        "claimed_at": call.at,
        "verdict": verdict.model_dump_json(),
    }
    return db.execute(_NEW_CLAIM[db.dialect.name], values).one_or_none() is not None


def _standing(db: Connection, call: ClaimCall) -> Standing:
    one = _claim_of(db, call.kind, call.reference)
    if one is None:
        raise Unavailable("the register: the claim went away in the same moment")
    kept = db.execute(
        select(invoices.c.kept).where(*_about(invoices, call.kind, call.reference))
    ).scalar()
    return Standing(
        fingerprint=json.loads(one.fingerprint),
        contents=tuple(json.loads(one.contents)),
        claimant=one.claimant,
        namespace=one.namespace,
        at=one.claimed_at,
        verdict=Claimed.model_validate_json(one.verdict),
        left=recording.Row.model_validate_json(kept) if kept else None,
        erased=one.erased_at,
    )


def _claim_of(db: Connection, kind: str, reference: str) -> Row[Any] | None:
    """The claim, locked until the end of the transaction."""
    return db.execute(_CLAIM, {"of_kind": kind, "of_reference": reference}).one_or_none()


def _take(
    db: Connection, call: ClaimCall, stands: Standing, verdict: Claimed, *, ours: bool
) -> None:
    contents = tuple(dict.fromkeys((*stands.contents, call.content)))[-MOST_CONTENTS:]
    values: dict[str, Any] = {"contents": json.dumps(contents)}
    if not ours:
        again = verdict.word is Word.BEGINS_AGAIN
        fingerprint = call.fingerprint if again else stands.fingerprint
        values |= {
            "fingerprint": json.dumps(fingerprint, sort_keys=True),
            "claimant": call.claimant,
            "namespace": call.namespace,
            "claimed_at": call.at,
            "verdict": verdict.model_dump_json(),
        }
        about = _about(invoices, call.kind, call.reference)
        db.execute(update(invoices).where(*about).values(sequence=0))
    db.execute(update(claims).where(*_about(claims, call.kind, call.reference)).values(values))


# Record


def _record(db: Connection, call: RecordCall) -> bool:
    claim = _claim_of(db, call.kind, call.reference)
    if claim is None or claim.claimant != call.claimant or claim.erased_at is not None:
        return False
    about = {"of_kind": call.kind, "of_reference": call.reference}
    before = db.execute(_BEFORE, about).mappings().one_or_none()
    last = before["sequence"] if before else 0
    lines = [line for line in call.lines if line.sequence > last]
    if lines:
        _write_row(db, call, lines, before)
        _write_vat(db, call, known=before is not None)
        _write_lines(db, call, lines)
    return True


def _record_credits(db: Connection, call: CreditsCall) -> bool:
    claim = _claim_of(db, call.kind, call.reference)
    if claim is not None and claim.erased_at is not None:
        return False
    about = {"of_kind": call.kind, "of_reference": call.reference, "of_claimant": call.claimant}
    last = db.execute(_LAST_LINE, about).scalar() or 0
    if lines := [line for line in call.lines if line.sequence > last]:
        _write_lines(db, call, lines)
    return True


def _write_row(
    db: Connection, call: RecordCall, lines: list[Line], before: RowMapping | None
) -> None:
    row = call.row
    values = {
        **{name: getattr(row, name) for name in _AS_THEY_ARE},
        **{name: _minor(getattr(row, name), row.currency) for name in _OURS},
        **{name: _stated(getattr(row, name), row.currency) for name in _STATED},
        "order_id": row.order,
        "sequence": lines[-1].sequence,
        "changed_at": lines[-1].at,
        "ended_at": _ended_at(row, lines, before),
        "kept": row.model_dump_json(),
        **_people(lines),
    }
    if before is None:
        about = {"kind": call.kind, "reference": call.reference, "began_at": call.began}
        db.execute(_NEW_ROW, {**about, **values})
    else:
        db.execute(_ROW, {"of_kind": call.kind, "of_reference": call.reference, **values})


_AS_THEY_ARE = (
    "provider",
    "account",
    "goal",
    "status",
    "stage",
    "payment",
    "provider_id",
    "number",
    "in_doubt",
    "ended",
    "currency",
    "issue_date",
    "due_date",
    "buyer",
    "credit_note",
    "credits",
    "collection",
)
_OURS = ("net", "vat", "gross", "due", "credited")
"""Amounts that we have counted, in the currency's minor unit."""
_STATED = ("paid", "left_to_pay", "too_much", "refunded", "charged_back", "returned")
"""Amounts that come from the provider, or follow from its own."""


def _ended_at(row: recording.Row, lines: list[Line], before: RowMapping | None) -> datetime | None:
    if not row.ended:
        return None
    already: datetime | None = before["ended_at"] if before else None
    return already or lines[-1].at


def _people(lines: list[Line]) -> dict[str, str]:
    """Who asked last and who answered last, where these lines say so."""
    said: dict[str, str] = {}
    for line in lines:
        if who := line.proven or line.by:
            said["answered_by" if line.answers else "asked_by"] = who
    return said


def _write_vat(db: Connection, call: RecordCall, *, known: bool) -> None:
    """The VAT of what was planned last. Written anew only where it has changed."""
    about = {"of_kind": call.kind, "of_reference": call.reference}
    kept = {tuple(one) for one in db.execute(_VAT, about)} if known else set()
    currency = call.row.currency
    every = [
        {
            "category": str(one.category),
            "rate": plain(one.rate),
            "taxable": _minor(one.taxable, currency),
            "vat": _minor(one.vat, currency),
        }
        for one in call.row.vat_rows
    ]
    # What no column holds is in the row's whole text.
    rows = [one for one in every if None not in one.values()]
    if kept == {tuple(one.values()) for one in rows}:
        return
    if kept:
        db.execute(_NO_VAT, about)
    if rows:
        of = {"kind": call.kind, "reference": call.reference}
        db.execute(_NEW_VAT, [{**of, **one} for one in rows])


def _write_lines(db: Connection, call: RecordCall | CreditsCall, lines: list[Line]) -> None:
    position, previous = db.execute(_END).one()
    rows = []
    for line in lines:
        position += 1
        row = linked(line, position, previous, call.kind, call.reference, call.claimant)
        previous = row["hash"]
        rows.append(row)
    db.execute(_NEW_LINES, rows)
    db.execute(_NEW_END, {"position": position, "hash": previous})


def _minor(amount: Decimal | None, currency: str) -> int | None:
    """In minor units. An amount that no column holds is in `kept` alone. Raises ValueError for one
    that has more decimals than its currency."""
    if amount is None:
        return None
    with exactly():
        units = amount.scaleb(minor_units(currency))
    if units != units.to_integral_value():
        raise ValueError(f"an amount has more decimals than {currency} has")
    return int(units) if abs(units) <= MOST_UNITS else None


def _stated(amount: Decimal | None, currency: str) -> int | None:
    """The same of what a provider states. A binary float of its wire has more decimals than any
    currency; such an amount is in `kept` alone, for a refusal would hold up the invoice for ever.
    """
    try:
        return _minor(amount, currency)
    except ValueError:
        return None


# Read


def _row(db: Connection, about: tuple[str, str]) -> Mapping[str, Any] | None:
    found = db.execute(select(invoices).where(*_about(invoices, *about))).mappings().one_or_none()
    return dict(found) if found else None


def _broken(db: Connection, _: None) -> str | None:
    # The end first, and locked: nobody adds a line meanwhile.
    end = db.execute(_END).one()
    every_line = select(journal).order_by(journal.c.position)
    with db.execution_options(yield_per=1000).execute(every_line) as lines:
        return first_broken(map(dict, lines.mappings()), (end.position, end.hash))


def _about(table: Any, kind: Any, reference: Any) -> tuple[Any, Any]:
    return table.c.kind == kind, table.c.reference == reference


# What every record asks. SQLAlchemy takes as long to build a statement as to carry it out: these
# are built once.

_OF: tuple[Any, Any] = bindparam("of_kind"), bindparam("of_reference")
_END = select(chain.c.position, chain.c.hash).with_for_update()
_CLAIM = select(claims).where(*_about(claims, *_OF)).with_for_update()
_BEFORE = select(invoices.c.sequence, invoices.c.ended_at).where(*_about(invoices, *_OF))
_VAT = select(vat_rows.c.category, vat_rows.c.rate, vat_rows.c.taxable, vat_rows.c.vat).where(
    *_about(vat_rows, *_OF)
)
_NEW_CLAIM = {
    name: insert_into(claims).on_conflict_do_nothing().returning(claims.c.reference)
    for name, insert_into in (("sqlite", sqlite.insert), ("postgresql", postgresql.insert))
}
_NEW_ROW, _NEW_VAT, _NEW_LINES = insert(invoices), insert(vat_rows), insert(journal)
_ROW = update(invoices).where(*_about(invoices, *_OF))
_NEW_END = update(chain)
_LAST_LINE = select(func.max(journal.c.sequence)).where(
    *_about(journal, *_OF), journal.c.claimant == bindparam("of_claimant")
)
_NO_VAT = delete(vat_rows).where(*_about(vat_rows, *_OF))

"""The steps of a reconciliation, each one transaction and safe to repeat."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    and_,
    delete,
    func,
    insert,
    select,
    update,
)

from invoicing.books.disagreement import ALIVE, FINAL, OVER, disagreements, signed_as
from invoicing.books.periods import Period
from invoicing.books.reconciling import (
    FindingKind,
    FinishCall,
    PageCall,
    Reconciled,
    RestCall,
    Scope,
    SettleCall,
    Suspects,
)
from invoicing.provider import Snapshot, Stage, Target
from invoicing.provider.listing import Listed
from invoicing.state.identity import credits_id
from invoicing.state.recording import Row
from register.reconciling.findings import counted, found
from register.reconciling.forgetting import forget
from register.reconciling.gaps import gaps
from register.tables import claims, findings, invoices, listed, reconciliations

AT_ONCE = 20
"""Suspects that are handed out in one answer."""


def compare_page(db: Connection, call: PageCall) -> int:
    """Note what is on the page; how many of it are to be read."""
    scope, items = call.scope, {item.invoice.provider_id: item for item in call.items}
    seen = _ids_seen(db, scope, items)
    fresh = [item for identity, item in items.items() if identity not in seen]
    here = _Here(db, scope, fresh)
    rows = [_noted(db, scope, item, here) for item in fresh]
    if rows:
        db.execute(insert(listed), rows)
    return sum(row["suspect"] for row in rows)


class _Here:
    """What the register has of the items of one page."""

    def __init__(self, db: Connection, scope: Scope, items: Sequence[Listed]) -> None:
        ids = {item.invoice.provider_id for item in items}
        ids |= {item.credits for item in items if item.credits}
        names = {item.invoice.reference for item in items if item.invoice.reference}
        has = invoices.c
        whose = (has.kind == "invoice", has.provider == scope.provider)
        by_id = (*whose, has.account == scope.account, has.provider_id.in_(ids))
        self.by_id = {row["provider_id"]: row for row in _mappings(db, by_id)}
        claimed = (claims.c.kind == "invoice", claims.c.reference.in_(names))
        self.claimed = set(db.execute(select(claims.c.reference).where(*claimed)).scalars())
        self.credited = _credited(db, (row["reference"] for row in self.by_id.values()))

    def knows(self, item: Listed) -> bool:
        """Whether it is one of ours, or the provider's own credit of one of ours. A reference that
        is claimed is ours although its invoice may not have been written down yet."""
        told = item.invoice
        ours = told.provider_id in self.by_id or told.reference in self.claimed
        return ours or (item.credits in self.by_id)


def _mappings(db: Connection, fits: Iterable[Any]) -> Sequence[RowMapping]:
    return db.execute(select(invoices).where(*fits)).mappings().all()


def _ids_seen(db: Connection, scope: Scope, ids: Iterable[str]) -> set[str]:
    of_run = (listed.c.run == scope.run, listed.c.provider_id.in_(list(ids)))
    return set(db.execute(select(listed.c.provider_id).where(*of_run)).scalars())


def _noted(db: Connection, scope: Scope, item: Listed, here: _Here) -> dict[str, Any]:
    told, row = item.invoice, here.by_id.get(item.invoice.provider_id)
    alive = told.stage in ALIVE and item.credits is None
    if alive and not here.knows(item):
        what = f"{told.stage} there, and nobody asked for it here"
        found(db, scope, FindingKind.UNKNOWN_HERE, what, provider_id=told.provider_id)
    _taken_back(db, scope, item, here)
    awaits_note = row is not None and _awaits_note(row, told)
    if awaits_note:
        item = item.model_copy(update={"invoice": told.model_copy(update=_CREDITED)})
    suspect = row is not None and _wrong(row, item, scope, here)
    return {
        "run": scope.run,
        "provider_id": told.provider_id,
        "reference": told.reference,
        "ours": row["reference"] if row else None,
        "stage": told.stage,
        "alive": alive,
        "seen": True,
        "suspect": suspect,
        "credits": item.credits,
        "awaits_note": awaits_note,
    }


_CREDITED = {"stage": Stage.CREDITED}


def _awaits_note(row: RowMapping, told: Snapshot) -> bool:
    """Credited here, and final there: so it stays where a credit is a document of its own, which
    another page may show."""
    return Stage(row["stage"]) is Stage.CREDITED and told.stage in FINAL


def _taken_back(db: Connection, scope: Scope, item: Listed, here: _Here) -> None:
    """A document of its own that credits one of ours, which nobody here has asked for."""
    told, of = item.invoice, here.by_id.get(item.credits or "")
    asked = told.reference in here.claimed or told.provider_id in here.by_id
    asked |= of is not None and of["reference"] in here.credited
    if of is None or asked or told.stage not in FINAL or not _judged(of, scope):
        return
    if Stage(of["stage"]) is not Stage.CREDITED:
        about = {"reference": of["reference"], "provider_id": of["provider_id"]}
        what = f"was credited there by {told.provider_id}"
        found(db, scope, FindingKind.CREDITED_UNSEEN, what, **about)


def _wrong(row: RowMapping, item: Listed, scope: Scope, here: _Here) -> bool:
    """Whether it is to be read: nothing that would be no finding is."""
    kept, theirs = Row.model_validate_json(row["kept"]), item.invoice
    if item.credits and theirs.echo and kept.says:
        theirs = theirs.model_copy(update={"echo": signed_as(kept.says, theirs.echo)})
    credited = row["reference"] in here.credited
    kinds = [kind for kind, _ in disagreements(kept, theirs)]
    return any(_stands(row, scope, kind, credited=credited) for kind in kinds)


def _credited(db: Connection, references: Iterable[str]) -> set[str]:
    """Those of them of which a credit was asked for here, and has not come to nothing."""
    ledgers, has = {credits_id(each): each for each in references}, invoices.c
    fits = (has.kind == "invoice", has.order_id.in_(ledgers), has.status.not_in([*OVER]))
    return {ledgers[each] for each in db.execute(select(has.order_id).where(*fits)).scalars()}


def _judged(row: RowMapping, scope: Scope) -> bool:
    """Whether it stands still: one under way that has just changed does not."""
    if row["ended"]:
        return True
    moving = row["in_doubt"] or row["changed_at"] > scope.began - scope.grace
    return not moving


def _stands(row: RowMapping, scope: Scope, kind: FindingKind, *, credited: bool) -> bool:
    """Whether it is a finding. A payment that an invoice under way waits for is its own to see, and
    a credit that was asked for here is seen."""
    waits = kind is FindingKind.PAID_UNSEEN and not row["ended"] and row["goal"] == "paid"
    ours = kind is FindingKind.CREDITED_UNSEEN and credited
    return _judged(row, scope) and not waits and not ours


# What no page shows


def compare_rest(db: Connection, call: RestCall) -> None:
    """After the last page."""
    scope = call.scope
    if call.whole:
        _missing(db, scope)
    _without_note(db, scope)
    _twice(db, scope)
    _strays(db, scope)
    _cut_off(db, scope, call.cut_off)
    for event in call.unplaced:
        what = "nobody has said whose it is"
        found(db, scope, FindingKind.EVENT_UNPLACED, what, provider_id=event)
    for before, gap in gaps(db, scope):
        found(db, scope, FindingKind.GAP, gap, reference=before)


def _of_account(scope: Scope) -> tuple[Any, ...]:
    has = invoices.c
    return has.kind == "invoice", has.provider == scope.provider, has.account == scope.account


def _in_scope(scope: Scope) -> tuple[Any, ...]:
    begin, after = Period(scope.since, scope.until).moments
    return (*_of_account(scope), invoices.c.began_at >= begin, invoices.c.began_at < after)


def _missing(db: Connection, scope: Scope) -> None:
    """Ours that are not in the list are suspects: a look by their id decides."""
    has = invoices.c
    there = select(listed.c.provider_id).where(listed.c.run == scope.run)
    fits = (
        *_in_scope(scope),
        has.stage.in_([*ALIVE]),
        has.status.not_in([*OVER]),
        has.provider_id.is_not(None),
        has.began_at <= scope.began - scope.grace,
        has.provider_id.not_in(there),
    )
    rows = [
        {
            "run": scope.run,
            "provider_id": row["provider_id"],
            "reference": None,
            "ours": row["reference"],
            "stage": row["stage"],
            "alive": False,
            "seen": False,
            "suspect": True,
            "credits": None,
            "awaits_note": False,
        }
        for row in {one["provider_id"]: one for one in _mappings(db, fits)}.values()
        if _judged(row, scope)
    ]
    if rows:
        db.execute(insert(listed), rows)


def _without_note(db: Connection, scope: Scope) -> None:
    """What is credited here is a suspect where no document that was listed takes it back."""
    has = listed.c
    of_run = has.run == scope.run
    notes = select(has.credits).where(of_run, has.credits.is_not(None), has.stage.in_([*FINAL]))
    fits = (of_run, has.awaits_note.is_(True), has.provider_id.not_in(notes))
    db.execute(update(listed).where(*fits).values(suspect=True))


def _twice(db: Connection, scope: Scope) -> None:
    """Several that are alive state one reference of ours."""
    has = listed.c
    alive = (has.run == scope.run, has.alive.is_(True), has.reference.is_not(None))
    several = select(has.reference).where(*alive).group_by(has.reference).having(func.count() > 1)
    for reference in db.execute(several).scalars().all():
        row = _row(db, scope, reference)
        if row is None or not _judged(row, scope):
            continue
        of = (has.run == scope.run, has.alive.is_(True), has.reference == reference)
        ids = db.execute(select(has.provider_id).where(*of).order_by(has.provider_id)).scalars()
        what = f"stands there more than once: {', '.join(ids)}"
        found(db, scope, FindingKind.TWICE, what, reference=reference)


def _strays(db: Connection, scope: Scope) -> None:
    """One that states our reference and is not the invoice that we know, although ours is over."""
    has, ours = listed.c, invoices.c
    joined = and_(*_of_account(scope), ours.reference == has.reference)
    query = select(has.provider_id, has.stage, invoices).join(invoices, joined)
    fits = (has.run == scope.run, has.alive.is_(True), has.ours.is_(None), ours.ended.is_(True))
    for row in db.execute(query.where(*fits)).mappings().all():
        if row["status"] in OVER:
            what = "final" if row[has.stage] in FINAL else "a draft"
            about = {"reference": row["reference"], "provider_id": row[has.provider_id]}
            said = f"has ended here, and is {what} there"
            found(db, scope, FindingKind.ORPHAN, said, **about)


def _cut_off(db: Connection, scope: Scope, references: Iterable[str]) -> None:
    for reference in references:
        row = _row(db, scope, reference)
        if row is None or row["ended"] or Stage(row["stage"]) not in ALIVE:
            continue
        what = f"was ended from outside while it was {row['status']}, and is {row['stage']} there"
        about = {"reference": reference, "provider_id": row["provider_id"]}
        found(db, scope, FindingKind.CUT_OFF, what, **about)


def _row(db: Connection, scope: Scope, reference: str) -> RowMapping | None:
    fits = (*_of_account(scope), invoices.c.reference == reference)
    return db.execute(select(invoices).where(*fits)).mappings().one_or_none()


# Suspects


def suspects(db: Connection, scope: Scope) -> Suspects:
    """Some of those that are still to be read, with what their calls need."""
    has = listed.c
    open_ = (has.run == scope.run, has.suspect.is_(True))
    query = select(has.provider_id, has.ours).where(*open_).order_by(has.provider_id)
    which = db.execute(query.limit(AT_ONCE)).all()
    about = (*_of_account(scope), invoices.c.reference.in_([one.ours for one in which]))
    rows = {row["reference"]: row for row in _mappings(db, about)}
    return Suspects(targets=tuple(_target(scope, one.provider_id, rows[one.ours]) for one in which))


def _target(scope: Scope, provider_id: str, row: RowMapping) -> Target:
    kept = Row.model_validate_json(row["kept"])
    return Target(
        account=scope.account,
        reference=row["reference"],
        provider_id=provider_id,
        generation=kept.generation,
        context=kept.context,
    )


def settle(db: Connection, call: SettleCall) -> None:
    """What the look has shown, against what the register says by now."""
    scope, has = call.scope, listed.c
    of = (has.run == scope.run, has.provider_id == call.provider_id)
    ours = db.execute(select(has.ours).where(*of)).scalar()
    row = _row(db, scope, ours) if ours else None
    if row is not None and call.snapshot is not None:
        kept = Row.model_validate_json(row["kept"])
        credited = bool(_credited(db, [row["reference"]]))
        for kind, what in disagreements(kept, call.snapshot):
            if _stands(row, scope, kind, credited=credited):
                about = {"reference": row["reference"], "provider_id": call.provider_id}
                found(db, scope, kind, what, **about)
    db.execute(update(listed).where(*of).values(suspect=False))


# The end


def finish(db: Connection, call: FinishCall, kept: timedelta) -> Reconciled:
    """Close what was not found again, forget the list and what is older than `kept`, and sum up;
    once."""
    scope = call.scope
    done = db.execute(select(reconciliations).where(reconciliations.c.run == scope.run))
    if (before := done.mappings().one_or_none()) is not None:
        return _told(dict(before))
    seen = (listed.c.run == scope.run, listed.c.seen.is_(True))
    count = db.execute(select(func.count()).select_from(listed).where(*seen)).scalar_one()
    closed = _close(db, scope, whole=call.whole, told_all=call.told_all)
    opened = (findings.c.first_run == scope.run, findings.c.closed_at.is_(None))
    new = db.execute(select(func.count()).select_from(findings).where(*opened)).scalar_one()
    row = {
        **scope.model_dump(exclude={"began", "grace"}),
        "began_at": scope.began,
        "ended_at": scope.began,
        "whole": call.whole,
        "pages": call.pages,
        "reads": call.reads,
        "listed": count,
        "found": json.dumps(counted(db, scope)),
        "new": new,
        "closed": closed,
    }
    db.execute(insert(reconciliations).values(row))
    db.execute(delete(listed).where(listed.c.run == scope.run))
    forget(db, scope.began - kept)
    return _told(row)


def _close(db: Connection, scope: Scope, *, whole: bool, told_all: bool) -> int:
    """Those of this account and of these days that this run did not find. What a list shows is only
    closed by a run that saw the whole of one; likewise what Temporal's lists show."""
    has = findings.c
    open_ = (
        has.provider == scope.provider,
        has.account == scope.account,
        has.closed_at.is_(None),
        has.last_run != scope.run,
    )
    within = select(invoices.c.reference).where(*_in_scope(scope))
    of_ours = has.reference.in_(within)
    told = has.kind.in_(_TOLD if told_all else ())
    lists = and_(has.kind == FindingKind.UNKNOWN_HERE, *_looks_as_far_back(scope))
    anyhow = told | and_(of_ours, has.kind == FindingKind.GAP)
    fits = (of_ours | lists | anyhow) if whole else anyhow
    values = {"closed_at": scope.began, "reason": "a later run did not find it any more"}
    return db.execute(update(findings).where(*open_, fits).values(values)).rowcount


def _looks_as_far_back(scope: Scope) -> tuple[ColumnElement[bool], ...]:
    """That what was found before would be in this run's list, were it there still. When it was made
    nobody knows; a list need not have what was made before the first day. The run of the next night
    begins a day later."""
    has, runs = findings.c, reconciliations.c
    begin, _ = Period(scope.since, scope.until).moments
    day = timedelta(days=1)
    further = select(runs.run).where(runs.run == has.last_run, runs.since < scope.since - day)
    return has.first_at >= begin + day, ~further.exists()


_TOLD = (FindingKind.CUT_OFF, FindingKind.EVENT_UNPLACED)


def _told(row: Mapping[str, Any]) -> Reconciled:
    given = {name: row[name] for name in Reconciled.model_fields if name != "found"}
    return Reconciled.model_validate({**given, "found": json.loads(row["found"])})

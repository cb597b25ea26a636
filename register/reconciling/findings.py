"""Findings as they are kept: raised, raised again, counted.

One finding is one kind of disagreement about one invoice; found again it is the same one. What a
person has closed stays closed until something else is wrong with it.
"""

from __future__ import annotations

import hashlib

from sqlalchemy import Connection, func, insert, select, update

from invoicing.books.reconciling import FindingKind, OpenFindings, Scope
from register.tables import findings

MOST_WORDS = 500
"""Characters of what a finding says."""


def found(
    db: Connection,
    scope: Scope,
    kind: FindingKind,
    what: str,
    *,
    reference: str | None = None,
    provider_id: str | None = None,
) -> None:
    """Raise it, or note that it is still so."""
    named = (kind, scope.provider, scope.account, reference or "", provider_id or "")
    identity = hashlib.sha256("\0".join(named).encode()).hexdigest()[:16]
    what = what[:MOST_WORDS]
    before = db.execute(select(findings).where(findings.c.id == identity)).mappings().one_or_none()
    now = {"last_run": scope.run, "last_at": scope.began, "what": what}
    if before is None:
        first = {"id": identity, "kind": kind, "reference": reference, "provider_id": provider_id}
        whose = {"provider": scope.provider, "account": scope.account}
        begun = {"first_at": scope.began, "first_run": scope.run}
        db.execute(insert(findings).values(**first, **whose, **begun, **now))
        return
    if before["closed_at"] and not (before["closed_by"] and before["what"] == what):
        now |= {"closed_at": None, "closed_by": None, "reason": None, "first_run": scope.run}
    db.execute(update(findings).where(findings.c.id == identity).values(now))


def counted(db: Connection, scope: Scope) -> dict[str, int]:
    """Open findings of the account, by kind."""
    has = findings.c
    whose = (has.provider == scope.provider, has.account == scope.account, has.closed_at.is_(None))
    query = select(has.kind, func.count()).where(*whose).group_by(has.kind).order_by(has.kind)
    return {row[0]: row[1] for row in db.execute(query)}


def by_account(db: Connection, _: None) -> OpenFindings:
    """Open findings of everybody, by provider, account and kind."""
    has = findings.c
    names = (has.provider, has.account, has.kind)
    query = select(*names, func.count()).where(has.closed_at.is_(None)).group_by(*names)
    return {(row[0], row[1], row[2]): row[3] for row in db.execute(query)}

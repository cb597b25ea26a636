"""What a reference stands for: claimed by one, in one transaction that is safe to repeat."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection, Row, select, update

from invoicing.books.claims import ClaimCall, Claimed, Standing, Word, judge
from invoicing.errors import Unavailable
from invoicing.state.lives import Before
from invoicing.state.recording import Row as Left
from register import correcting
from register.notes import notes_of
from register.rows import DIALECTS, OF, insert_into, is_of
from register.tables import claims, invoices

MOST_CONTENTS = 100
"""Digests of what one reference was asked for; the oldest go."""


def claim(db: Connection, call: ClaimCall) -> Claimed:
    """Claim a reference, or learn what it stands for. Raises Unavailable."""
    granted = Claimed(word=Word.GRANTED)
    if _inserted(db, call, granted):
        _keep_correction(db, call)
        return granted
    claimed = _claimed(db, call)
    if claimed.word in (Word.KNOWN, Word.GOES_ON):
        sealed = correcting.kept(db, call.kind, call.reference)
        claimed = claimed.model_copy(update={"sealed": sealed})
    if claimed.word is Word.KNOWN:
        claimed = claimed.model_copy(update={"before": _ended_before(db, call)})
    return claimed


def _ended_before(db: Connection, call: ClaimCall) -> Before | None:
    """The life that has ended with it, as it stands here. None where that was in another namespace:
    what hears of its money may be there still."""
    has, one = invoices.c, claim_of(db, call.kind, call.reference)
    of_row = is_of(invoices, call.kind, call.reference)
    row = db.execute(select(has.began_at, has.ended_at, has.sequence).where(*of_row)).one_or_none()
    if one is None or row is None or one.namespace != call.namespace:
        return None
    return Before(claimant=one.claimant, began=row.began_at, ended=row.ended_at, lines=row.sequence)


def _claimed(db: Connection, call: ClaimCall) -> Claimed:
    stands = _standing(db, call)
    ours = stands.is_of(call)
    claimed = judge(stands, call)
    if not ours and claimed.word in (Word.KNOWN, Word.GOES_ON):
        claimed = claimed.model_copy(update={"credited_by": notes_of(db, call.reference)})
    if claimed.word in (Word.REFUSED, Word.KNOWN) or stands.erased:
        return claimed
    if not ours or call.content not in stands.contents:
        _take(db, call, stands, claimed, ours=ours)
    if not ours and claimed.word is Word.BEGINS_AGAIN:
        correcting.forget(db, call.kind, call.reference)
    _keep_correction(db, call)
    return claimed


def _keep_correction(db: Connection, call: ClaimCall) -> None:
    if call.sealed:
        correcting.keep(db, call.kind, call.reference, call.sealed)


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
    one = claim_of(db, call.kind, call.reference)
    if one is None:
        raise Unavailable("the register: the claim went away in the same moment")
    of_row = is_of(invoices, call.kind, call.reference)
    row = db.execute(select(invoices.c.kept, invoices.c.sequence).where(*of_row)).one_or_none()
    return Standing(
        fingerprint=json.loads(one.fingerprint),
        contents=tuple(json.loads(one.contents)),
        claimant=one.claimant,
        namespace=one.namespace,
        at=one.claimed_at,
        verdict=Claimed.model_validate_json(one.verdict),
        left=Left.model_validate_json(row.kept) if row else None,
        lines=row.sequence if row else 0,
        erased=one.erased_at,
    )


def claim_of(db: Connection, kind: str, reference: str) -> Row[Any] | None:
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
        about = is_of(invoices, call.kind, call.reference)
        anew: dict[str, Any] = {"order_id": None} if again else {}
        # One that was reset counts its lines from 1 once more.
        before = db.execute(select(invoices.c.told_by).where(*about)).scalar()
        reset = call.claimant == stands.claimant
        told_by = name_after(before or call.claimant) if reset else None
        db.execute(update(invoices).where(*about).values(sequence=0, told_by=told_by, **anew))
    db.execute(update(claims).where(*is_of(claims, call.kind, call.reference)).values(values))


def name_after(name: str) -> str:
    """By which name a life's lines stand in the journal, once its workflow was reset in Temporal:
    it counts some numbers once more. `1f0c…`, then `1f0c…~1`, `1f0c…~2`."""
    claimant, _, times = name.partition("~")
    return f"{claimant}~{int(times or 0) + 1}"


# SQLAlchemy takes as long to build a statement as to carry it out: what every claim and record asks
# is built once.

_CLAIM = select(claims).where(*is_of(claims, *OF)).with_for_update()
_NEW_CLAIM = {
    dialect: insert_into(claims, dialect).on_conflict_do_nothing().returning(claims.c.reference)
    for dialect in DIALECTS
}

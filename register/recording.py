"""What happened to an invoice, an order or an invoice's credits, written down: each call is one
transaction, and safe to repeat."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from sqlalchemy import Connection, RowMapping, bindparam, delete, func, insert, select, update

from invoicing.money import exactly, minor_units, plain
from invoicing.state.recording import CreditsCall, Line, RecordCall, Row
from register.chain import linked
from register.claiming import claim_of, name_after
from register.rows import OF, is_of
from register.tables import chain, invoices, journal, vat_rows

MOST_UNITS = 2**63 - 1
"""Minor units that a column holds."""


def record(db: Connection, call: RecordCall) -> bool:
    """Write down what has happened; False where the reference is somebody else's by now, or was
    erased."""
    claim = claim_of(db, call.kind, call.reference)
    if claim is None or claim.claimant != call.claimant or claim.erased_at is not None:
        return False
    about = {"of_kind": call.kind, "of_reference": call.reference}
    before = db.execute(_BEFORE, about).mappings().one_or_none()
    lines = [line for line in call.lines if _is_new(line, before)]
    if lines:
        name = _told_by(call, lines, before)
        _write_row(db, call, lines, before, name)
        _write_vat(db, call, known=before is not None)
        _write_lines(db, call, lines, name)
    return True


def _is_new(line: Line, before: RowMapping | None) -> bool:
    """Whether it is not written down. A workflow that was reset in Temporal counts some numbers
    once more, for what happens later than all that it had told; a call of before the reset may
    still be on its way."""
    if before is None:
        return True
    if line.sequence > before["sequence"]:
        return before["told_by"] is None or bool(line.at >= before["changed_at"])
    return bool(before["sequence"]) and bool(line.at > before["changed_at"])


def _told_by(call: RecordCall, lines: list[Line], before: RowMapping | None) -> str:
    """By which name they stand in the journal: no number stands there twice under one."""
    name = (before and before["told_by"]) or call.claimant
    counts_again = before is not None and any(one.sequence <= before["sequence"] for one in lines)
    return name_after(name) if counts_again else name


def record_credits(db: Connection, call: CreditsCall) -> bool:
    """Write down what has happened to an invoice's credits; False where it was erased."""
    claim = claim_of(db, call.kind, call.reference)
    if claim is not None and claim.erased_at is not None:
        return False
    about = {"of_kind": call.kind, "of_reference": call.reference, "of_claimant": call.claimant}
    last = db.execute(_LAST_LINE, about).scalar() or 0
    if lines := [line for line in call.lines if line.sequence > last]:
        _write_lines(db, call, lines, call.claimant)
    return True


def _write_row(
    db: Connection, call: RecordCall, lines: list[Line], before: RowMapping | None, name: str
) -> None:
    row = call.row
    values = {
        **{name: getattr(row, name) for name in _AS_THEY_ARE},
        **{name: _minor(getattr(row, name), row.currency) for name in _OURS},
        **{name: _stated(getattr(row, name), row.currency) for name in _STATED},
        # Who asks for a delivery again does not say whose it is.
        "order_id": row.order or (before["order_id"] if before else None),
        "sequence": lines[-1].sequence,
        "told_by": name if name != call.claimant else None,
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


def _ended_at(row: Row, lines: list[Line], before: RowMapping | None) -> datetime | None:
    if not row.ended:
        return None
    # What an earlier life has left there, which has ended as well, is not when this one did.
    ours = before is not None and before["sequence"] > 0
    already: datetime | None = before["ended_at"] if before and ours else None
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


def _write_lines(
    db: Connection, call: RecordCall | CreditsCall, lines: list[Line], name: str
) -> None:
    position, previous = db.execute(END).one()
    rows = []
    for line in lines:
        position += 1
        row = linked(line, position, previous, call.kind, call.reference, name)
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


# Built once, as those of a claim.

END = select(chain.c.position, chain.c.hash).with_for_update()
_BEFORE = select(
    *(invoices.c[name] for name in ("sequence", "told_by", "changed_at", "ended_at", "order_id"))
).where(*is_of(invoices, *OF))
_VAT = select(vat_rows.c.category, vat_rows.c.rate, vat_rows.c.taxable, vat_rows.c.vat).where(
    *is_of(vat_rows, *OF)
)
_NEW_ROW, _NEW_VAT, _NEW_LINES = insert(invoices), insert(vat_rows), insert(journal)
_ROW = update(invoices).where(*is_of(invoices, *OF))
_NEW_END = update(chain)
_LAST_LINE = select(func.max(journal.c.sequence)).where(
    *is_of(journal, *OF), journal.c.claimant == bindparam("of_claimant")
)
_NO_VAT = delete(vat_rows).where(*is_of(vat_rows, *OF))

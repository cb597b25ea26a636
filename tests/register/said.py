"""What tests say to a register."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

from invoicing.books.claims import ClaimCall
from invoicing.document import VatCategory
from invoicing.state.recording import Line, RecordCall, Row
from invoicing.totals import VatRow

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
SAME = {"provider": "p", "document.lines": "l"}
OTHER = {"provider": "p", "document.lines": "m", "document.notes": "n"}


def a_claim(reference: str = "INV-7", claimant: str = "one", **changes: Any) -> ClaimCall:
    given = {
        "kind": "invoice",
        "reference": reference,
        "fingerprint": SAME,
        "content": "c1",
        "claimant": claimant,
        "namespace": "default",
        "at": NOON,
    }
    return ClaimCall.model_validate({**given, **changes})


def a_row(status: str = "sent", **changes: Any) -> Row:
    given = {
        "provider": "mollie",
        "account": "default",
        "goal": "sent",
        "status": status,
        "stage": "sent",
        "payment": "unpaid",
        "provider_id": "id-1",
        "number": "2026-1",
        "currency": "EUR",
        "net": Decimal("100.00"),
        "vat": Decimal("21.00"),
        "gross": Decimal("121.00"),
        "due": Decimal("121.00"),
        "paid": Decimal(0),
        "credited": Decimal(0),
        "vat_rows": (
            VatRow(
                category=VatCategory.STANDARD,
                rate=Decimal(21),
                taxable=Decimal("100.00"),
                vat=Decimal("21.00"),
            ),
        ),
        "buyer": "Bakker & Zn",
    }
    row = {**given, **changes}
    if row.get("ended"):
        row.setdefault("outcome", row["status"])
    return Row.model_validate(row)


def lines(first: int, last: int, status: str = "sent", **changes: Any) -> tuple[Line, ...]:
    return tuple(
        Line(
            sequence=place,
            at=NOON + timedelta(seconds=place),
            status=status,
            what=f"step {place}",
            **changes,
        )
        for place in range(first, last + 1)
    )


def a_record(
    told: tuple[Line, ...],
    row: Row | None = None,
    reference: str = "INV-7",
    claimant: str = "one",
    kind: Literal["invoice", "order"] = "invoice",
) -> RecordCall:
    return RecordCall(
        kind=kind,
        reference=reference,
        claimant=claimant,
        began=NOON,
        row=row or a_row(),
        lines=told,
    )

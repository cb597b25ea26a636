"""Quiddly, with the routes that are likely and nowhere written down."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from invoicing.attachment import SupportingDocument
from invoicing.document import Address, Contact, Document, Identifier, Party, Vat
from invoicing.provider import Figure
from invoicing.request import Goal
from invoicing.state.questions import Reason
from sandbox import quiddly
from tests.attached import a_file, supporting
from tests.examples import a_document, a_line
from tests.lifecycle.kinds.kind import (
    AWHILE,
    CORRECT,
    DID_NOT_HAPPEN,
    MAKE_AGAIN,
    SHOWN_BY_THEN,
    WHENS,
    Expected,
    Forgery,
    Kind,
    Life,
    Moment,
    both,
)
from tests.lifecycle.kinds.shared import (
    AS_PROMISED,
    CHECKING,
    CREATING,
    DIFFERS,
    IN_DOUBT,
    REFUSED,
    TO_BE_DELETED,
    WAITING,
    lost_create,
    put,
    text,
)


def _quiddly(**more: Any) -> quiddly.QuiddlyStandIn:
    assumed = quiddly.Assumed(reads=True, lists=True, deletes=True)
    return quiddly.QuiddlyStandIn(**{"distribution_delay": 0, "assumed": assumed, **more})


def _settings(stand_in: quiddly.QuiddlyStandIn) -> dict[str, Any]:
    return dict(stand_in.account())


OWN_PDF: Path = Path(__file__).parent.parent / "files" / "own.pdf"
CONTENT = OWN_PDF.read_bytes()
ATTACHED = SupportingDocument.model_validate(supporting(file=a_file(CONTENT)))
"""It is in the store of every account."""
WITH_PDF: Mapping[str, Any] = {"document": {"attachments": (ATTACHED,)}}


def document(**changes: Any) -> Document:
    buyer = Party(
        name="Canary Energy AB",
        account_number="K-1001",
        registration=Identifier(value="5590000005"),
        address=Address(street="Sample Street 1", city="Malmo", postal_code="21119", country="SE"),
        contact=Contact(email="billing@example.com"),
    )
    lines = (
        a_line(1, vat=Vat(rate=Decimal(25))),
        a_line(2, quantity=Decimal(2), unit_price=Decimal("16.50"), vat=Vat(rate=Decimal(12))),
    )
    return a_document(**{"currency": "SEK", "buyer": buyer, "lines": lines, **changes})


_SHOWS: str = "unknown_status unknown_ledger unactivated"
_LIES: str = "changed_amount changed_figure"
OWN: str = f"{_SHOWS} {_LIES}"

ATTACHES: Life = Life(
    "its own PDF is attached",
    "attach",
    "created attached approved sent",
    asks=True,
    goal=Goal.SENT,
    request=WITH_PDF,
    odd=(both("refused", Expected(2, REFUSED)),),
    # The answer is about the file.
    unmoved=OWN,
)
ATTACHING: tuple[Moment, ...] = tuple(
    Moment(name, "created attached deleted", during=("attach", 1, when), request=WITH_PDF)
    for name, when in (
        ("before its own PDF is attached", WHENS[0]),
        ("when its own PDF has been attached", WHENS[1]),
    )
)

_LIVES = (
    Life(
        "it signs in",
        "authenticate",
        asks=True,
        odd=(both("refused", Expected(2)),),
        unmoved=OWN,
    ),
    Life(
        "its number is looked for",
        "find",
        asks=True,
        odd=(both("refused", Expected(2, REFUSED)),),
    ),
    Life(
        "its number is looked for after a lost create",
        "find",
        asks=True,
        nth=2,
        calls=2,
        adopted=True,
        also=("create", "reset", "after"),
        paces=SHOWN_BY_THEN,
        odd=(
            both("refused", Expected(3, REFUSED, adopted=True)),
            (f"{_SHOWS} changed_amount", Expected(2, adopted=True)),
            ("changed_figure:0.totals.total+0.01", Expected(2, adopted=True)),
        ),
    ),
    Life(
        "the draft is checked",
        "read",
        AS_PROMISED,
        asks=True,
        goal=Goal.SENT,
        odd=(
            both("refused", Expected(2, REFUSED)),
            both("refused:404", Expected(2, (Reason.GONE,), MAKE_AGAIN, adopted=True)),
            ("unknown_status", Expected(2)),
            ("unknown_ledger unactivated", Expected(1)),
            ("changed_amount changed_figure:vats.0.totalVat+0.01", Expected(2, DIFFERS)),
        ),
    ),
    Life(
        "a draft is created",
        "create",
        odd=(
            ("refused", Expected(2, REFUSED), Expected(1, adopted=True)),
            ("unknown_status unknown_ledger", Expected(1)),
            (
                "changed_amount changed_amount:-0.01 changed_figure:vats.0.totalVat+0.01",
                Expected(2, DIFFERS, CORRECT, effects="created deleted created"),
            ),
        ),
        unmoved="unactivated",
    ),
    ATTACHES,
    Life(
        "it is activated",
        "approve",
        AS_PROMISED,
        goal=Goal.SENT,
        paces={"approval": AWHILE},
        odd=(
            ("refused", Expected(2, REFUSED), Expected(1)),
            ("unactivated", Expected(2, (Reason.APPROVAL_OVERDUE,), DID_NOT_HAPPEN), Expected(1)),
            ("unknown_status unknown_ledger", Expected(1)),
            ("changed_amount changed_figure", Expected(1, DIFFERS)),
        ),
    ),
    Life(
        "a draft is deleted",
        "delete",
        **TO_BE_DELETED,
        odd=(("refused", Expected(2, REFUSED), Expected(1)),),
        # The answer has no body.
        unmoved=OWN,
    ),
)

STATED: tuple[Forgery, ...] = (
    Forgery(
        "due",
        put("totals", "totalToPay", value=211.92),
        "due: ours 111.92 SEK, theirs 211.92 SEK (100.00 more)",
    ),
    Forgery(
        "rounding",
        put("totals", "totalRoundOff", value=-0.92),
        "rounding: ours 0.00 SEK, theirs -0.92 SEK (0.92 less)",
    ),
    Forgery(
        "issue date",
        put("dates", "invoiceDate", value="2026-07-01"),
        "issue date: ours 2026-06-30, theirs 2026-07-01",
    ),
    Forgery(
        "due date",
        put("dates", "expireDate", value="2026-07-01"),
        "due date: ours 2026-07-30, theirs 2026-07-01",
    ),
    Forgery(
        "reference",
        put("ourReference", value="somebody else's"),
        "reference: ours {reference}, theirs somebody else's",
    ),
)
"""Wherever its answers are those of the same page."""

_FORGERIES = (
    text("buyer's name", "debtor", "name"),
    text("buyer's city", "debtor", "invoiceAddress", "city"),
    text("texts of the lines", "articleRows", 1, "description"),
    Forgery(
        "currency",
        put("currency", "invoiceCurrency", value="EUR"),
        "currency: ours SEK, theirs EUR",
    ),
    Forgery(
        "net",
        put("totals", "totalExclVat", value=lambda net: net + Decimal("0.01")),
        "net: ours 92.97 SEK, theirs 92.98 SEK (0.01 more)",
    ),
    Forgery(
        "vat 12",
        put("vats", 1, "totalVat", value=lambda vat: vat + Decimal("0.01")),
        "vat 12: ours 3.96 SEK, theirs 3.97 SEK (0.01 more)",
    ),
    Forgery(
        "gross",
        put("totals", "total", value=lambda gross: gross + Decimal("0.01")),
        "gross: ours 111.92 SEK, theirs 111.93 SEK (0.01 more)",
    ),
    Forgery(
        "buyer",
        put("debtor", "customerNumber", value="K-9999"),
        "buyer: not the one asked for",
    ),
    Forgery(
        "number",
        put("invoiceNumber", value="F-9999"),
        "number: ours {reference}, theirs F-9999",
    ),
    *STATED,
)

_MOMENTS = (
    Moment("before its number is looked for", "", during=("find", 1, "before")),
    *CREATING,
    lost_create(2),
    *ATTACHING,
    CHECKING,
    *WAITING,
    IN_DOUBT[0],
)


QUIDDLY = Kind(
    stand_in=_quiddly,
    settings=_settings,
    document=document,
    options={},
    unstated=(Figure.PREPAID,),
    lives=_LIVES,
    forgeries=_FORGERIES,
    moments=_MOMENTS,
    final=("approve",),
    # What is stored there is for people; payments have tests of their own.
    unused=("download", "feed", "acknowledge", "book"),
    numbers=True,
    credits=False,
)

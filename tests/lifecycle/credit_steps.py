"""How a credit gets to each step at each provider, and what each fault leads to there.

The steps are those of the credit note, after its invoice has ended; of the invoice's own tells
`kinds`. Which provider lives which of them with which forms stands in `credit_kinds`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from invoicing.state.questions import Answer, Reason
from tests.lifecycle.kinds.kind import (
    AWHILE,
    DID_NOT_HAPPEN,
    HAPPENED,
    LOST,
    MAKE_AGAIN,
    SHOWN_BY_THEN,
    Expected,
    Life,
    both,
)
from tests.lifecycle.kinds.riverty import SILENT, TOLD, WHILE
from tests.lifecycle.kinds.shared import DIFFERS, REFUSED

# --- Mollie: the invoice is cancelled, and seen as such -------------------------------------------

_MOLLIE_ISSUES = "issued_without_number e_invoice_failed"


def _mollie_look(name: str, nth: int, *odd: Any) -> Life:
    return Life(
        name,
        "read",
        "credited",
        asks=True,
        nth=nth,
        calls=3,
        odd=(
            both("problem", Expected(4, REFUSED)),
            *odd,
        ),
        unmoved=_MOLLIE_ISSUES,
    )


_MOLLIE_SHOWS = (("unknown_status", Expected(4)), ("changed_amount", Expected(4, DIFFERS)))

MOLLIE = (
    _mollie_look(
        "the invoice is looked at first",
        1,
        # Nobody can tell whether somebody cancelled it.
        ("unknown_status", Expected(4, (Reason.MAY_EXIST,))),
        ("changed_amount", Expected(3)),
    ),
    Life(
        "it is cancelled",
        "credit",
        "credited",
        odd=(
            ("problem", Expected(2, REFUSED), Expected(1, adopted=True)),
            ("problem:409", Expected(2), Expected(1, adopted=True)),
            ("unknown_status changed_amount", Expected(1)),
        ),
        unmoved=_MOLLIE_ISSUES,
    ),
    _mollie_look("the credit is checked", 2, *_MOLLIE_SHOWS),
    _mollie_look("the credit is looked at once its ledger knows", 3, *_MOLLIE_SHOWS),
)

# --- Invoro: an invoice of type 381 that names its precedent --------------------------------------

_NOTE = "created approved sent credited"
_INVORO_OWN = "unknown_status unknown_payment_status changed_amount errors_in_metadata"
_INVORO_SAYS = f"{_INVORO_OWN} sent_without_number"
_FAILURE = "server_failure"

INVORO = (
    Life(
        "the note is created",
        "create",
        _NOTE,
        lost=_FAILURE,
        odd=(
            ("unknown_status unknown_payment_status errors_in_metadata", Expected(1)),
            (
                "changed_amount",
                Expected(2, DIFFERS, Answer.CORRECT, effects=f"created deleted {_NOTE}"),
            ),
        ),
        unmoved="sent_without_number",
    ),
    Life(
        "the note is looked for after a lost create",
        "find",
        _NOTE,
        asks=True,
        adopted=True,
        also=("create", "reset", "after"),
        paces=SHOWN_BY_THEN,
        lost=_FAILURE,
        odd=((_INVORO_SAYS, Expected(1, adopted=True)),),
    ),
    Life(
        "the note is checked",
        "read",
        _NOTE,
        asks=True,
        calls=2,
        lost=_FAILURE,
        odd=(
            ("unknown_status sent_without_number", Expected(3)),
            ("unknown_payment_status errors_in_metadata", Expected(2)),
            ("changed_amount", Expected(3, DIFFERS)),
        ),
    ),
    Life(
        "the note is sent",
        "approve",
        _NOTE,
        stand_in={"again": True},
        paces={"sending": AWHILE},
        lost=_FAILURE,
        odd=(
            ("unknown_status unknown_payment_status", Expected(1)),
            ("sent_without_number", Expected(1, (Reason.SENDING_OVERDUE,), Answer.GO_WITHOUT)),
            ("errors_in_metadata", Expected(2, (Reason.APPROVAL_FAILED,))),
        ),
        unmoved="changed_amount",
    ),
    Life(
        "the note is looked at until it is sent",
        "read",
        _NOTE,
        asks=True,
        nth=2,
        calls=2,
        lost=_FAILURE,
        odd=(
            ("unknown_status sent_without_number", Expected(3)),
            ("unknown_payment_status errors_in_metadata", Expected(2)),
            # Its ledger is told that it is final, and then the final note is looked at.
            ("changed_amount", Expected(3, DIFFERS)),
        ),
    ),
)

# --- Quiddly: a credit invoice that names the invoice it is of ------------------------------------

_CREDIT_INVOICE = "created approved credited sent"
_SHOWS = "unknown_status unknown_ledger unactivated"
_LIES = "changed_amount changed_figure"

QUIDDLY = (
    Life(
        "its number is looked for",
        "find",
        _CREDIT_INVOICE,
        asks=True,
        odd=(both("refused", Expected(2, REFUSED)),),
        unmoved=f"{_SHOWS} {_LIES}",
    ),
    Life(
        "the note is created",
        "create",
        _CREDIT_INVOICE,
        odd=(
            ("refused", Expected(2, REFUSED), Expected(1, adopted=True)),
            ("unknown_status unknown_ledger", Expected(1)),
            (
                "changed_amount changed_figure:vats.0.totalVat+0.01",
                Expected(2, DIFFERS, Answer.CORRECT, effects=f"created deleted {_CREDIT_INVOICE}"),
            ),
        ),
        unmoved="unactivated",
    ),
    Life(
        "the note is looked for after a lost create",
        "find",
        _CREDIT_INVOICE,
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
        "the note is checked",
        "read",
        _CREDIT_INVOICE,
        asks=True,
        calls=2,
        odd=(
            both("refused", Expected(3, REFUSED)),
            ("unknown_status", Expected(3)),
            ("unknown_ledger unactivated", Expected(2)),
            ("changed_amount changed_figure:vats.0.totalVat+0.01", Expected(3, DIFFERS)),
        ),
    ),
    Life(
        "the note is activated",
        "approve",
        _CREDIT_INVOICE,
        paces={"approval": AWHILE},
        odd=(
            ("refused", Expected(2, REFUSED), Expected(1)),
            ("unactivated", Expected(2, (Reason.APPROVAL_OVERDUE,), DID_NOT_HAPPEN), Expected(1)),
            ("unknown_status unknown_ledger changed_amount changed_figure", Expected(1)),
        ),
    ),
    Life(
        "the final note is checked",
        "read",
        _CREDIT_INVOICE,
        asks=True,
        nth=2,
        calls=2,
        odd=(
            both("refused", Expected(3, REFUSED)),
            ("unactivated", Expected(4)),
            # That it is activated stands elsewhere in the answer.
            ("unknown_status unknown_ledger", Expected(2)),
            ("changed_amount changed_figure:vats.0.totalVat+0.01", Expected(3, DIFFERS)),
        ),
    ),
)

# --- Quiddly as its pages document it: nobody can look --------------------------------------------

_MADE_AGAIN = f"created deleted {_CREDIT_INVOICE}"

BLIND = (
    Life(
        "the note is created and nobody can look",
        "create",
        _CREDIT_INVOICE,
        paces={"approval": AWHILE},
        odd=(
            (
                f"{LOST} 429",
                Expected(2, (Reason.MAY_EXIST,), DID_NOT_HAPPEN),
                Expected(2, (Reason.MAY_EXIST,), DID_NOT_HAPPEN, effects=_MADE_AGAIN),
            ),
            ("refused", Expected(2, REFUSED), Expected(2, REFUSED, effects=_MADE_AGAIN)),
            ("unknown_ledger unactivated", Expected(1)),
            ("unknown_status", Expected(1, (Reason.UNKNOWN_STATUS,), HAPPENED)),
            (
                "changed_amount changed_figure:vats.0.totalVat+0.01",
                Expected(2, DIFFERS, Answer.CORRECT, effects=_MADE_AGAIN),
            ),
            both("slow gate", Expected(1)),
        ),
        wire=False,
    ),
    Life(
        "the note is activated and nobody can look",
        "approve",
        _CREDIT_INVOICE,
        odd=(
            (
                f"{LOST} unactivated 429",
                Expected(2, (Reason.CANNOT_TELL,), DID_NOT_HAPPEN),
                Expected(1, (Reason.CANNOT_TELL,), HAPPENED),
            ),
            ("refused", Expected(2, REFUSED), Expected(1, REFUSED, HAPPENED)),
            ("unknown_status unknown_ledger", Expected(1)),
            # It is final, and no look can show other figures: whoever looked there says so.
            ("changed_amount changed_figure", Expected(1, DIFFERS, HAPPENED)),
            both("slow gate", Expected(1)),
        ),
        wire=False,
    ),
)

# --- Riverty: a goodwill, judged later ------------------------------------------------------------

RIVERTY = (
    Life(
        "the goodwill is asked for",
        "credit",
        "credited",
        paces=TOLD,
        odd=(
            ("rejected", Expected(2, (Reason.DRAFT_FAILED,), MAKE_AGAIN)),
            ("contradicted", Expected(1)),
        ),
        harmless="verdict_late verdict_twice",
        unmoved="changed_amount",
    ),
    Life(
        "nobody hears of the goodwill",
        "credit",
        "credited",
        paces={**TOLD, "drafting": AWHILE},
        # A verdict by a strange id names the invoice, and nothing says which credit of it.
        odd=((f"{SILENT} foreign_id", Expected(1, (Reason.DRAFT_OVERDUE,), HAPPENED)),),
        wire=False,
    ),
    Life(
        "a strange word is said of the goodwill",
        "credit",
        "credited",
        paces={**TOLD, "approval": WHILE},
        odd=(("unknown_result", Expected(1, (Reason.UNKNOWN_STATUS,), HAPPENED)),),
        wire=False,
    ),
)

# --- Zero Friction: one call on the invoice, which then names its credit note ---------------------

_ZERO = "credited sent"
_GUARD = "success_false:INVOICE_WRONG_STATUS"
_UNKNOWN = "success_false:NOBODY_KNOWS_THIS"
_TO_APPROVE: Mapping[str, Any] = {"credit_note_status": "created"}


def _zero_look(name: str, nth: int, calls: int, *odd: Any, **more: Any) -> Life:
    refused = both(f"{_UNKNOWN} {_GUARD}", Expected(calls + 1, REFUSED))
    return Life(name, "read", _ZERO, asks=True, nth=nth, calls=calls, odd=(refused, *odd), **more)


def _zero_change(name: str, step: str, refusal: str, *odd: Any, **more: Any) -> Life:
    done = Expected(1, adopted=step == "credit")
    refused = (f"{refusal} {_GUARD}", Expected(2, REFUSED), done)
    return Life(name, step, lost=_UNKNOWN, odd=(refused, *odd), **{"effects": _ZERO, **more})


_SAYS = "unknown_status approved_without_number"

ZERO_FRICTION = (
    _zero_look(
        "the invoice is looked at first",
        1,
        4,
        (f"{_SAYS} changed_amount errors_filled", Expected(4)),
    ),
    _zero_change(
        "it is credited",
        "credit",
        "success_false:CREATED_INVOICES_CANNOT_BE_CREDITED",
        (f"{_SAYS} changed_amount", Expected(1)),
        unmoved="errors_filled",
    ),
    _zero_look(
        "the note is checked",
        2,
        4,
        (_SAYS, Expected(5)),
        ("changed_amount", Expected(5, DIFFERS)),
        ("errors_filled", Expected(4)),
    ),
    _zero_change(
        "the note is approved",
        "approve",
        "success_false:COULD_NOT_CREATE_INVOICE",
        ("unknown_status changed_amount", Expected(1)),
        (
            "approved_without_number",
            Expected(1, (Reason.APPROVAL_OVERDUE,), Answer.ABANDON, effects="credited"),
        ),
        ("errors_filled", Expected(2, (Reason.APPROVAL_FAILED,))),
        stand_in=_TO_APPROVE,
        paces={"approval": AWHILE},
    ),
    _zero_look(
        "the note is looked at before it is sent",
        3,
        4,
        ("unknown_status", Expected(5)),
        ("approved_without_number", Expected(6)),
        ("changed_amount", Expected(5, DIFFERS)),
        ("errors_filled", Expected(5, (Reason.SENDING_FAILED,))),
    ),
    _zero_change(
        "the note is mailed",
        "send",
        "success_false:USER_HAS_NO_EMAIL_ADDRESS",
        (f"{_SAYS} changed_amount", Expected(1)),
        unmoved="errors_filled",
    ),
    _zero_look(
        "the note's sending is awaited",
        4,
        4,
        ("unknown_status", Expected(5)),
        ("approved_without_number", Expected(6)),
        ("changed_amount errors_filled", Expected(4)),
    ),
)

"""Mollie."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from invoicing.document import Document
from invoicing.provider import Figure, Stage
from invoicing.request import Goal
from invoicing.state.invoice import Status
from invoicing.state.questions import Reason
from sandbox import mollie
from tests.examples import a_document, a_line
from tests.lifecycle.kinds.kind import (
    ABANDON,
    AWHILE,
    CORRECT,
    GO_WITHOUT,
    MAKE_AGAIN,
    NEVER,
    SHOWN_BY_THEN,
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
    TO_BE_CREDITED,
    TO_BE_DELETED,
    UNPAID,
    WAITING,
    a_buyer,
    cent_more,
    lost_create,
    put,
    text,
)


def _document(**changes: Any) -> Document:
    lines = (a_line(1), a_line(2, quantity=Decimal(2), unit_price=Decimal("16.50")))
    return a_document(**{"buyer": a_buyer(), "lines": lines, **changes})


def _settings(stand_in: mollie.MollieStandIn) -> dict[str, Any]:
    mail = {"email_subject": "Your invoice", "email_body": "Please find it attached."}
    return {**stand_in.account(), **mail}


_PAID_BY_HAND = {"options": {"payment_details": {"source": "manual"}}}
_AT_ONCE = {"options": {"status": "issued"}}
_E_INVOICE = {"options": {"e_invoice": True}}

_NO_NUMBER: dict[str, Any] = {"parked": (Reason.APPROVAL_OVERDUE,), "answer": ABANDON}
_NOT_TAKEN: dict[str, Any] = {"parked": (Reason.SENDING_FAILED,), "answer": GO_WITHOUT}
_ISSUES = "issued_without_number e_invoice_failed"
_IMPATIENT = {"approval": AWHILE}

_LIVES = (
    Life(
        "the list is searched after a lost create",
        "find",
        asks=True,
        adopted=True,
        also=("create", "reset", "after"),
        paces=SHOWN_BY_THEN,
        odd=(
            both("problem", Expected(2, REFUSED, adopted=True)),
            both("problem:401", Expected(2, adopted=True)),
            both("problem:409", Expected(2, adopted=True)),
            (f"unknown_status changed_amount {_ISSUES}", Expected(1, adopted=True)),
        ),
    ),
    Life(
        "the draft is checked",
        "read",
        AS_PROMISED,
        asks=True,
        goal=Goal.SENT,
        odd=(
            both("problem", Expected(2, REFUSED)),
            both("problem:403", Expected(2)),
            both("problem:404 problem:410", Expected(2, (Reason.GONE,), MAKE_AGAIN, adopted=True)),
            ("unknown_status issued_without_number", Expected(2)),
            ("e_invoice_failed", Expected(2, (Reason.APPROVAL_FAILED,))),
            ("changed_amount", Expected(2, DIFFERS)),
        ),
    ),
    Life(
        "the payment is looked for",
        "read",
        f"{AS_PROMISED} paid",
        asks=True,
        nth=2,
        calls=None,
        goal=Goal.PAID,
        pays=True,
        odd=(
            both("problem", Expected(None, REFUSED)),
            both("problem:404", Expected(None, (Reason.GONE,), MAKE_AGAIN, adopted=True)),
            (f"unknown_status changed_amount {_ISSUES}", Expected(None)),
        ),
    ),
    Life(
        "a draft is created",
        "create",
        odd=(
            # A refusal is not taken on trust: whoever retries has it looked for first.
            ("problem", Expected(2, REFUSED), Expected(1, REFUSED, adopted=True)),
            ("problem:409", Expected(2), Expected(1, adopted=True)),
            ("unknown_status", Expected(1)),
            ("changed_amount changed_amount:-0.01", Expected(1, DIFFERS, CORRECT)),
        ),
    ),
    Life(
        "a corrected draft is updated",
        "update",
        asks=True,
        also=("create", "changed_amount", "before"),
        parked=DIFFERS,
        answer=CORRECT,
        odd=(
            both("problem", Expected(1, DIFFERS, CORRECT, effects="created deleted created")),
            both("problem:401 problem:409", Expected(2, DIFFERS, CORRECT)),
            ("unknown_status", Expected(1, DIFFERS, CORRECT)),
            ("changed_amount", Expected(2, (*DIFFERS, *DIFFERS), CORRECT)),
        ),
        unmoved=_ISSUES,
    ),
    Life(
        "it is created and issued at once",
        "create",
        AS_PROMISED,
        goal=Goal.SENT,
        request=_AT_ONCE,
        paces=_IMPATIENT,
        odd=(
            ("refuse reset time_out 503 429", Expected(2), Expected(1, adopted=True)),
            ("problem", Expected(2, REFUSED), Expected(1, REFUSED, adopted=True)),
            ("unknown_status", Expected(1)),
            ("issued_without_number", Expected(1, **_NO_NUMBER)),
        ),
        wire=False,
    ),
    Life(
        "an e-invoice is created at once",
        "create",
        AS_PROMISED,
        goal=Goal.SENT,
        request={"options": {**_AT_ONCE["options"], **_E_INVOICE["options"]}},
        odd=(("e_invoice_failed", Expected(1, effects="created approved", **_NOT_TAKEN)),),
        wire=False,
    ),
    Life(
        "it is issued",
        "approve",
        AS_PROMISED,
        goal=Goal.SENT,
        paces=_IMPATIENT,
        odd=(
            ("problem problem:404", Expected(2, REFUSED), Expected(1)),
            ("problem:409", Expected(2), Expected(1)),
            ("unknown_status", Expected(1)),
            # Final, and mailed: its answer is the look at it, and a person is told.
            ("changed_amount", Expected(1, DIFFERS)),
            ("issued_without_number", Expected(1, **_NO_NUMBER)),
        ),
    ),
    Life(
        "an e-invoice is issued",
        "approve",
        AS_PROMISED,
        goal=Goal.SENT,
        request=_E_INVOICE,
        odd=(("e_invoice_failed", Expected(1, effects="created approved", **_NOT_TAKEN)),),
        wire=False,
    ),
    Life(
        "it is marked as paid",
        "pay",
        f"{AS_PROMISED} paid",
        goal=Goal.PAID,
        request=_PAID_BY_HAND,
        paces=_IMPATIENT,
        odd=(
            ("problem", Expected(2, REFUSED), Expected(1)),
            ("unknown_status", Expected(1)),
            ("changed_amount", Expected(1, DIFFERS)),
            ("issued_without_number", Expected(1, **_NO_NUMBER)),
        ),
    ),
    Life(
        "an e-invoice is marked as paid",
        "pay",
        "created approved paid sent",
        goal=Goal.PAID,
        request={"options": {**_PAID_BY_HAND["options"], **_E_INVOICE["options"]}},
        odd=(("e_invoice_failed", Expected(1, effects="created approved paid", **_NOT_TAKEN)),),
        wire=False,
    ),
    Life(
        "a draft is deleted",
        "delete",
        **TO_BE_DELETED,
        odd=(
            ("problem", Expected(2, REFUSED), Expected(1)),
            ("problem:409", Expected(2), Expected(1)),
        ),
        # The answer has no body.
        unmoved=f"unknown_status changed_amount {_ISSUES}",
    ),
    Life(
        "it is cancelled",
        "credit",
        f"{AS_PROMISED} credited",
        **TO_BE_CREDITED,
        odd=(
            ("problem", Expected(2, REFUSED), Expected(1)),
            ("problem:409", Expected(2), Expected(1)),
            ("unknown_status changed_amount", Expected(1)),
        ),
        unmoved=_ISSUES,
    ),
)


def _amount(name: str) -> tuple[str, str]:
    return name, "value"


def _in_dollars(body: Any) -> None:
    for name, value in body.items():
        if name == "amountDue" or name.endswith("Amount"):
            value["currency"] = "USD"


_FORGERIES = (
    Forgery("currency", _in_dollars, "currency: ours EUR, theirs USD"),
    Forgery(
        "net",
        put(*_amount("discountedSubtotalAmount"), value=cent_more),
        "net: ours 92.97 EUR, theirs 92.98 EUR (0.01 more)",
    ),
    Forgery(
        "vat 21",
        put(*_amount("totalVatAmount"), value=cent_more),
        "vat 21: ours 19.52 EUR, theirs 19.53 EUR (0.01 more)",
    ),
    Forgery(
        "gross",
        put(*_amount("totalAmount"), value=cent_more),
        "gross: ours 112.49 EUR, theirs 112.50 EUR (0.01 more)",
    ),
    Forgery(
        "due",
        put(*_amount("amountDue"), value="12.49"),
        "due: ours 112.49 EUR, theirs 12.49 EUR (100.00 less)",
    ),
    Forgery(
        "due date",
        put("paymentTerm", value="14 days"),
        "due date: ours 2026-07-30, theirs 2026-07-14",
    ),
    text("buyer's street", "recipient", "streetAndNumber"),
    text("texts of the lines", "lines", 1, "description"),
    Forgery("buyer", put("recipientIdentifier", value="K-9999"), "buyer: not the one asked for"),
    Forgery(
        "reference",
        put("metadata", "invoicing_reference", value="somebody else's"),
        "reference: ours {reference}, theirs somebody else's",
    ),
)

_MOMENTS = (
    *CREATING,
    lost_create(1),
    CHECKING,
    *WAITING,
    Moment(
        "while it is issued",
        f"{AS_PROMISED} credited",
        Status.CREDITED,
        during=("approve", 1, "before"),
    ),
    Moment(
        "when it has been issued",
        f"{AS_PROMISED} credited",
        Status.CREDITED,
        during=("approve", 1, "after"),
    ),
    *IN_DOUBT,
    UNPAID,
    Moment(
        "while an e-invoice is on its way",
        "created approved credited",
        Status.CREDITED,
        once=lambda invoice: invoice.stage is Stage.SENDING,
        request=_E_INVOICE,
        stand_in={"e_invoice_delay": NEVER, "cancels_from": ("issued", "overdue", "issuing")},
    ),
)


MOLLIE = Kind(
    stand_in=lambda **more: mollie.MollieStandIn(
        **{"e_invoice_delay": 0, "collection_delay": 0, **more}
    ),
    settings=_settings,
    document=_document,
    options={"issue_date": "day_of_issuing"},
    lives=_LIVES,
    forgeries=_FORGERIES,
    moments=_MOMENTS,
    final=("approve", "pay"),
    # Documents have tests of their own.
    unused=("document", "page"),
    unstated=(Figure.PREPAID, Figure.ROUNDING, Figure.ISSUE_DATE, Figure.NUMBER),
)

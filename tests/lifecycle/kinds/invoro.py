"""Invoro."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from invoicing.document import Document, Identifier
from invoicing.provider import Stage
from invoicing.request import Goal
from invoicing.state.invoice import Status
from invoicing.state.questions import Reason
from sandbox import invoro
from tests.examples import a_document
from tests.lifecycle.kinds.kind import (
    ABANDON,
    AWHILE,
    CORRECT,
    GO_WITHOUT,
    NEVER,
    SELDOM,
    SHOWN_BY_THEN,
    Expected,
    Forgery,
    Kind,
    Life,
    Moment,
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
    lost_create,
    put,
)


def _document(**changes: Any) -> Document:
    buyer = a_buyer(electronic_address=Identifier(scheme="0208", value="0123456749"))
    return a_document(**{"buyer": buyer, "buyer_reference": "PO-7", **changes})


_NUMBERED = {"document": {"number": "2026-0042"}, "options": {"mark": "sales_order"}}
_SHOWS = "unknown_status unknown_payment_status changed_amount errors_in_metadata"
_OWN = f"{_SHOWS} sent_without_number"
_FAILURE = "server_failure"
_SENDABLE = frozenset({"draft", "approved", "failed"})


def _resendable(**stand_in: Any) -> invoro.InvoroStandIn:
    """As ever; but with `again`, what has failed may be sent once more."""
    assumed = invoro.Assumed()
    # For the ledger alone: the number, where there is one, is not our reference.
    assumed.reference_at = ("references.sales_order",)
    if stand_in.pop("again", False):
        assumed.sendable = _SENDABLE
    at_once = {"sending_delay": 0, "delivery_delay": 0}
    return invoro.InvoroStandIn(**{**at_once, "assumed": assumed, **stand_in})


_LIVES = (
    Life(
        "the buyer is looked up",
        "lookup",
        asks=True,
        request={"options": {"peppol_look_up": True}},
        lost=_FAILURE,
        unmoved=_OWN,
    ),
    Life(
        "the list is searched after a lost create",
        "find",
        asks=True,
        adopted=True,
        also=("create", "reset", "after"),
        paces=SHOWN_BY_THEN,
        lost=_FAILURE,
        odd=((_OWN, Expected(1, adopted=True)),),
    ),
    Life("its number is looked for", "find", asks=True, request=_NUMBERED, lost=_FAILURE),
    Life(
        "its number is looked for after a lost create",
        "find",
        asks=True,
        nth=2,
        calls=2,
        adopted=True,
        request=_NUMBERED,
        also=("create", "reset", "after"),
        paces=SHOWN_BY_THEN,
        lost=_FAILURE,
        odd=((_OWN, Expected(2, adopted=True)),),
    ),
    Life(
        "the draft is checked",
        "read",
        AS_PROMISED,
        asks=True,
        calls=2,
        goal=Goal.SENT,
        lost=_FAILURE,
        odd=(
            ("unknown_status sent_without_number", Expected(3)),
            ("unknown_payment_status errors_in_metadata", Expected(2)),
            ("changed_amount", Expected(3, DIFFERS)),
        ),
    ),
    Life(
        "it is looked at until it is sent",
        "read",
        AS_PROMISED,
        asks=True,
        nth=2,
        calls=2,
        goal=Goal.SENT,
        lost=_FAILURE,
        odd=(
            ("unknown_status sent_without_number", Expected(3)),
            ("unknown_payment_status errors_in_metadata changed_amount", Expected(2)),
        ),
    ),
    Life(
        "the payment is looked for",
        "read",
        f"{AS_PROMISED} paid",
        asks=True,
        nth=3,
        calls=None,
        goal=Goal.PAID,
        pays=True,
        lost=_FAILURE,
        odd=((_OWN, Expected(None)),),
    ),
    Life(
        "a draft is created",
        "create",
        lost=_FAILURE,
        odd=(
            ("unknown_status unknown_payment_status errors_in_metadata", Expected(1)),
            (
                "changed_amount changed_amount:-1",
                Expected(2, DIFFERS, CORRECT, effects="created deleted created"),
            ),
        ),
        unmoved="sent_without_number",
    ),
    Life(
        "a draft with our number is created",
        "create",
        request=_NUMBERED,
        wire=False,
        odd=(
            ("429 reset time_out 500", Expected(2), Expected(1, adopted=True)),
            (
                "changed_amount",
                Expected(2, DIFFERS, CORRECT, effects="created deleted created"),
            ),
        ),
    ),
    Life(
        "it is sent",
        "approve",
        AS_PROMISED,
        goal=Goal.SENT,
        stand_in={"again": True},
        paces={"sending": AWHILE},
        lost=_FAILURE,
        odd=(
            ("unknown_status unknown_payment_status", Expected(1)),
            ("sent_without_number", Expected(1, (Reason.SENDING_OVERDUE,), GO_WITHOUT)),
            ("errors_in_metadata", Expected(2, (Reason.APPROVAL_FAILED,))),
        ),
        # Its answer comes before anything can be wrong with the figures.
        unmoved="changed_amount",
    ),
    Life("a draft is deleted", "delete", **TO_BE_DELETED, lost=_FAILURE, unmoved=_OWN),
    Life(
        "its credit note is looked for",
        "find",
        f"{AS_PROMISED} credited",
        asks=True,
        **TO_BE_CREDITED,
        lost=_FAILURE,
        odd=((_OWN, Expected(1)),),
    ),
    Life(
        "its credit note is made",
        "create",
        f"{AS_PROMISED} credited",
        nth=2,
        calls=2,
        **TO_BE_CREDITED,
        lost=_FAILURE,
        odd=(
            ("unknown_status unknown_payment_status errors_in_metadata", Expected(2)),
            ("changed_amount", Expected(2, REFUSED, ABANDON, effects=AS_PROMISED)),
        ),
    ),
    Life(
        "its credit note is sent",
        "approve",
        f"{AS_PROMISED} credited",
        nth=2,
        calls=2,
        stand_in={"again": True},
        **{**TO_BE_CREDITED, "paces": {"payment": SELDOM, "sending": AWHILE}},
        lost=_FAILURE,
        odd=(
            ("unknown_status unknown_payment_status sent_without_number", Expected(2)),
            ("errors_in_metadata", Expected(3, (Reason.CANNOT_CANCEL,))),
        ),
    ),
)

_UBL = ("data", "ubl_json")


def _cents_more(cents: int) -> int:
    return cents + 1


_FORGERIES = (
    Forgery("currency", put("data", "currency", value="USD"), "currency: ours EUR, theirs USD"),
    Forgery(
        "net",
        put(*_UBL, "totals", "tax_exclusive_amount", value=_cents_more),
        "net: ours 109.47 EUR, theirs 109.48 EUR (0.01 more)",
    ),
    Forgery(
        "vat 6",
        put(*_UBL, "tax_breakdown", 1, "tax_amount", value=_cents_more),
        "vat 6: ours 2.97 EUR, theirs 2.98 EUR (0.01 more)",
    ),
    Forgery(
        "vat 21",
        put(*_UBL, "tax_breakdown", 0, "tax_amount", value=_cents_more),
        "vat 21: ours 12.59 EUR, theirs 12.60 EUR (0.01 more)",
    ),
    Forgery(
        "gross",
        put("data", "amount", value=_cents_more),
        "gross: ours 125.03 EUR, theirs 125.04 EUR (0.01 more)",
    ),
    Forgery(
        "gross", put("data", "amount", value=None), "gross: ours 125.03 EUR, theirs not stated"
    ),
    Forgery(
        "buyer",
        put(*_UBL, "buyer", "name", value="Somebody Else BV"),
        "buyer: not the one asked for",
    ),
    Forgery(
        "number",
        put(*_UBL, "header", "invoice_number", value="2026-0043"),
        "number: ours 2026-0042, theirs 2026-0043",
        _NUMBERED,
    ),
    Forgery(
        "prepaid",
        put(*_UBL, "totals", "paid_amount", value=0),
        "prepaid: ours 100.00 EUR, theirs 0.00 EUR (100.00 less)",
        {"document": {"prepaid": Decimal(100)}},
    ),
    Forgery(
        "due",
        put(*_UBL, "totals", "payable_amount", value=12503),
        "due: ours 25.03 EUR, theirs 125.03 EUR (100.00 more)",
        {"document": {"prepaid": Decimal(100)}},
    ),
    Forgery(
        "rounding",
        put(*_UBL, "totals", "payable_rounding_amount", value=-3),
        "rounding: ours 0.00 EUR, theirs -0.03 EUR (0.03 less)",
    ),
    Forgery(
        "issue date",
        put(*_UBL, "header", "issue_date", value="2026-07-01T00:00:00Z"),
        "issue date: ours 2026-06-30, theirs 2026-07-01",
    ),
    Forgery(
        "due date",
        put(*_UBL, "header", "due_date", value="2026-07-31T00:00:00Z"),
        "due date: ours 2026-07-30, theirs 2026-07-31",
    ),
    Forgery(
        "reference",
        put(*_UBL, "references", "sales_order", value="Our reference: somebody else's"),
        "reference: ours {reference}, theirs somebody else's",
    ),
)

_MOMENTS = (
    Moment(
        "while the buyer is looked up",
        "",
        during=("lookup", 1, "before"),
        request={"options": {"peppol_look_up": True}},
    ),
    *CREATING,
    lost_create(1),
    CHECKING,
    *WAITING,
    Moment(
        "before it is on its way",
        f"{AS_PROMISED} credited",
        Status.CREDITED,
        during=("approve", 1, "before"),
    ),
    Moment(
        "when it has been accepted",
        f"{AS_PROMISED} credited",
        Status.CREDITED,
        during=("approve", 1, "after"),
    ),
    Moment(
        "while it is on its way",
        f"{AS_PROMISED} credited",
        Status.CREDITED,
        once=lambda invoice: invoice.stage is Stage.SENDING,
        stand_in={"sending_delay": 0.4},
    ),
    Moment(
        "while its delivery is awaited",
        f"{AS_PROMISED} credited",
        Status.CREDITED,
        once=lambda invoice: "delivery" in str(invoice.waiting),
        request={"goal": Goal.DELIVERED},
        stand_in={"delivery_delay": NEVER},
    ),
    *IN_DOUBT,
    UNPAID,
)


INVORO = Kind(
    stand_in=_resendable,
    settings=lambda stand_in: stand_in.account(),
    document=_document,
    options={"mark": "sales_order"},
    lives=_LIVES,
    forgeries=_FORGERIES,
    moments=_MOMENTS,
    final=("approve",),
    mark="Our reference: {}",
    # Drafts are made from fields, not from XML.
    unused=("import",),
)

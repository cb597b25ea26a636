"""The stories that are played.

Each mishap strikes in an account of its own, so that it hits the invoice it is meant for.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from demo import actions, conditions
from demo.actions import OPERATOR
from demo.story import Act, Afterwards, OrderStory, Part, Step, Story
from invoicing.credits.credit import Credit, CreditedLine
from invoicing.credits.document import credit_reference
from invoicing.request import Goal
from invoicing.state.invoice import LineStatus, Status
from invoicing.state.order import CancelLines, Deliver, OrderStatus, invoice_reference

TODAY = date(2026, 6, 30)
SENT = ("created", "approved", "sent")

# --- Zero Friction --------------------------------------------------------------------------------

CRASH = Story(
    "worker-killed",
    "SIGKILL once the draft is stored",
    Status.SENT,
    SENT,
    account="crash",
)

_ZERO_FRICTION = (
    CRASH,
    Story(
        "answer-lost",
        "create timed out, yet was stored",
        Status.SENT,
        SENT,
        account="silent",
    ),
    Story(
        "one-cent-off",
        "parked before approval, corrected",
        Status.SENT,
        ("created", "deleted", *SENT),
        account="inexact",
        acts=(Act(conditions.parked, actions.correct),),
    ),
    Story(
        "slow-approval",
        "polled until its number is there",
        Status.SENT,
        SENT,
        account="slow",
    ),
    Story(
        "refused",
        "direct debit without a bank account",
        Status.NEEDS_ATTENTION,
        (),
        example="refused.json",
    ),
    Story(
        "cancel-draft",
        "held, then cancelled: draft deleted",
        Status.CANCELLED,
        ("created", "deleted"),
        changes={"hold": True},
        acts=(Act(conditions.held, actions.cancel),),
    ),
    Story(
        "cancel-final",
        "cancelled once sent: credited",
        Status.CREDITED,
        (*SENT, "credited"),
        changes={"goal": Goal.PAID},
        acts=(Act(conditions.unpaid, actions.cancel),),
    ),
    Story(
        "paid",
        "nothing goes wrong; the buyer pays",
        Status.PAID,
        (*SENT, "paid"),
        changes={"goal": Goal.PAID},
        acts=(Act(conditions.unpaid, actions.pay_and_tell),),
    ),
)

# --- the others -----------------------------------------------------------------------------------

_MOLLIE = Story(
    "mollie-paid",
    "create cut off, yet stored; paid",
    Status.PAID,
    (*SENT, "paid"),
    provider="mollie",
    example="mollie.json",
    acts=(Act(conditions.unpaid, actions.pay_and_tell),),
)

PEPPOL = "invoro-peppol"
_RETURN = Credit(
    credit="return",
    by=OPERATOR,
    reason="half an hour too many",
    lines=(CreditedLine(id="1", quantity=Decimal("0.5")),),
)
_INVORO = Story(
    PEPPOL,
    "sent over Peppol; a part of it credited",
    Status.DELIVERED,
    (*SENT, "partly credited"),
    provider="invoro",
    known_as="Our reference: {}",
    example="invoro.json",
    acts=(
        Act(
            conditions.on_its_way,
            actions.crediting(_RETURN),
            begins=Part(
                credit_reference(PEPPOL, _RETURN.credit),
                "its credit note, half an hour",
                Status.DELIVERED,
                SENT,
                provider="invoro",
                known_as="Our reference: {}",
            ),
        ),
    ),
)

_QUIDDLY = Story(
    "quiddly-feed",
    "paid in two parts; then charged back",
    Status.SENT,
    (*SENT, "paid", "reversed"),
    provider="quiddly",
    known_as="F-1042",
    example="quiddly.json",
    acts=(
        Act(conditions.unpaid, actions.paying(Decimal("500.00"))),
        Act(conditions.partly_paid, actions.paying(None)),
    ),
    afterwards=(Afterwards(actions.charge_back, conditions.money_went_back),),
)

_ORDER = "riverty-order"


def _delivery(name: str, number: str, *lines: str) -> Deliver:
    return Deliver(delivery=name, number=number, lines=lines, issue_date=TODAY)


def _invoice_of(delivery: str, number: str, told: str) -> Part:
    return Part(
        invoice_reference(_ORDER, delivery),
        told,
        Status.PAID,
        (*SENT, "paid"),
        provider="riverty",
        known_as=number,
        acts=(Act(conditions.unpaid, actions.paying(None)),),
    )


ORDER = OrderStory(
    _ORDER,
    "registered, delivered in parts",
    OrderStatus.COMPLETED,
    ("created", "lines cancelled"),
    lines={
        "station": (LineStatus.SETTLED, "invoiced"),
        "cable": (LineStatus.SETTLED, "invoiced"),
        "mounting": (LineStatus.SETTLED, "invoiced"),
        "cover": (LineStatus.CANCELLED, "cancelled"),
    },
    invoiced=Decimal("1881.55"),
    steps=(
        Step(
            "the first parcel leaves (deliver: station, cable)",
            conditions.confirmed,
            _delivery("A", "R-1041", "station", "cable"),
            _invoice_of("A", "R-1041", "its first delivery, two lines"),
        ),
        Step(
            "the second parcel leaves (deliver: mounting)",
            conditions.invoiced("station"),
            _delivery("B", "R-1042", "mounting"),
            _invoice_of("B", "R-1042", "its second delivery, one line"),
        ),
        Step(
            "what is left is sold out (cancel_lines: cover)",
            conditions.invoiced("mounting"),
            CancelLines(cancellation="rest", lines=("cover",), by=OPERATOR, reason="OUT_OF_STOCK"),
        ),
    ),
    provider="riverty",
)

_SENSORS = "sensors-order"


def _parcel(name: str, units: int) -> Deliver:
    quantities = {"sensor": Decimal(units)}
    return Deliver(delivery=name, lines=("sensor",), quantities=quantities, issue_date=TODAY)


def _invoice_of_parcel(name: str, told: str) -> Part:
    return Part(
        invoice_reference(_SENSORS, name),
        told,
        Status.DELIVERED,
        SENT,
        provider="invoro",
        known_as="Our reference: {}",
    )


BY_UNITS = OrderStory(
    _SENSORS,
    "a line of ten, delivered by units",
    OrderStatus.COMPLETED,
    (),
    lines={
        "sensor x 5": (LineStatus.INVOICED, "invoiced"),
        "sensor x 3": (LineStatus.INVOICED, "invoiced"),
        "sensor x 2": (LineStatus.CANCELLED, "nothing"),
    },
    invoiced=Decimal("193.60"),
    steps=(
        Step(
            "five of ten leave (deliver: sensor, quantity 5)",
            conditions.confirmed,
            _parcel("first", 5),
            _invoice_of_parcel("first", "its first delivery, five of ten"),
        ),
        Step(
            "three more leave (deliver: sensor, quantity 3)",
            conditions.units_invoiced("sensor", 5),
            _parcel("second", 3),
            _invoice_of_parcel("second", "its second delivery, three of ten"),
        ),
        Step(
            "nobody wants the last two (cancel_lines: sensor)",
            conditions.units_invoiced("sensor", 8),
            CancelLines(cancellation="rest", lines=("sensor",), by=OPERATOR, reason="not wanted"),
        ),
    ),
    provider="invoro",
    example="order-invoro.json",
    registered=False,
)

ORDERS = (ORDER, BY_UNITS)
PRINTED = "paid"
"""The invoice whose PDF is shown."""

STORIES = (*_ZERO_FRICTION, _MOLLIE, _INVORO, _QUIDDLY)
CREDIT_NOTES = tuple(note for story in STORIES for note in story.credit_notes)
_DELIVERED = tuple(part for order in ORDERS for part in order.parts)
PARTS: tuple[Part, ...] = (*STORIES, *CREDIT_NOTES, *_DELIVERED)
"""Every invoice and credit note there is to be."""

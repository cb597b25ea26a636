"""What the descriptions of the providers share."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from invoicing.document import Address, Contact, Party
from invoicing.request import Goal
from invoicing.state.invoice import Invoice, Status
from invoicing.state.questions import Reason
from tests.lifecycle.kinds.kind import SELDOM, Forgery, Moment


def a_buyer(**changes: Any) -> Party:
    return Party(
        **{
            "name": "Canary Energy BV",
            "account_number": "K-1001",
            "vat_number": "BE0428759497",
            "address": Address(
                street="Sample Street 1", city="Ghent", postal_code="9000", country="BE"
            ),
            "contact": Contact(email="billing@example.com"),
            "language": "nl",
            **changes,
        }
    )


def is_held(invoice: Invoice) -> bool:
    return invoice.status is Status.HELD


def awaits_payment(invoice: Invoice) -> bool:
    return "payment" in str(invoice.waiting)


def is_parked(reason: Reason) -> Callable[[Invoice], bool]:
    return lambda invoice: invoice.problem is not None and invoice.problem.reason is reason


def put(*path: Any, value: Any) -> Callable[[Any], None]:
    """Write this value at that place of a body."""

    def change(body: Any) -> None:
        for name in path[:-1]:
            body = body[name]
        body[path[-1]] = value(body[path[-1]]) if callable(value) else value

    return change


def text(name: str, *path: Any) -> Forgery:
    """This text says something else."""
    return Forgery(name, put(*path, value="Other"), f"{name}: not the one asked for", text=True)


def all_of(*changes: Callable[[Any], None]) -> Callable[[Any], None]:
    def change(body: Any) -> None:
        for one in changes:
            one(body)

    return change


def cent_more(value: str) -> str:
    return str(Decimal(value) + Decimal("0.01"))


REFUSED: tuple[Reason, ...] = (Reason.REJECTED,)
DIFFERS: tuple[Reason, ...] = (Reason.AMOUNTS_DIFFER,)

TO_BE_DELETED: dict[str, Any] = {
    "effects": "created deleted",
    "goal": Goal.SENT,
    "request": {"hold": True},
    "cancelled_when": is_held,
}
TO_BE_CREDITED: dict[str, Any] = {
    "goal": Goal.PAID,
    "cancelled_when": awaits_payment,
    "paces": {"payment": SELDOM},
}
AS_PROMISED: str = "created approved sent"

IN_DOUBT = (
    Moment(
        "while an approval that was lost is looked for",
        "created deleted",
        during=("read", 2, "before"),
        fault=("approve", "reset", "before"),
    ),
    Moment(
        "while an approval whose answer was lost is looked for",
        f"{AS_PROMISED} credited",
        Status.CREDITED,
        during=("read", 2, "before"),
        fault=("approve", "reset", "after"),
    ),
)


# --- where a cancel may catch it, alike at several ------------------------------------------------

CREATING = (
    Moment("before it is created", "created deleted", during=("create", 1, "before")),
    Moment("when it has been created", "created deleted", during=("create", 1, "after")),
)
CHECKING = Moment("while it is checked", "created deleted", during=("read", 1, "after"))
WAITING = (
    Moment("while it is held", "created deleted", once=is_held, request={"hold": True}),
    Moment(
        "while its figures are in question",
        "created deleted",
        once=is_parked(Reason.AMOUNTS_DIFFER),
        fault=("create", "changed_amount", "before"),
    ),
)
UNPAID = Moment(
    "while its payment is awaited",
    f"{AS_PROMISED} credited",
    Status.CREDITED,
    once=awaits_payment,
    request={"goal": Goal.PAID},
)


def lost_create(nth: int) -> Moment:
    """The search for a create whose answer was lost, if it is search number `nth`."""
    return Moment(
        "while a lost create is looked for",
        "created deleted",
        during=("find", nth, "before"),
        fault=("create", "reset", "after"),
    )

"""Riverty: an order, then its invoice, each judged later by a notification; nothing can be read.

An uncertain call is made again under the same names, and the verdicts tell what became of it. No
answer and no verdict states a figure, so none can be forged.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from http import HTTPStatus
from typing import Any

from starlette.responses import Response
from temporalio.client import WorkflowFailureError
from temporalio.service import RPCError

from invoicing.document import Delivery as Delivered
from invoicing.document import Document, Vat
from invoicing.provider import Delivery, Figure, OrderPlan, Stage
from invoicing.request import Goal, OrderRequest
from invoicing.state.invoice import Status
from invoicing.state.questions import Reason
from providers.riverty.encode import derived
from sandbox import riverty
from sandbox.kit.record import Entry
from sandbox.kit.server import Way
from sandbox.riverty.ledger import RivertyLedger
from sandbox.riverty.words import EDI, PAYMENT_RECEIVED
from tests.examples import a_document, a_line
from tests.lifecycle.kinds.kind import (
    AWHILE,
    HAPPENED,
    MAKE_AGAIN,
    NEVER,
    SELDOM,
    Expected,
    Kind,
    Life,
    Moment,
    Shop,
)
from tests.lifecycle.kinds.shared import AS_PROMISED, a_buyer, awaits_payment, is_held, is_parked
from tests.lifecycle.telling import HURRY

# --- an account -----------------------------------------------------------------------------------


class _Ours(RivertyLedger):
    """Asked by our reference too: the invoice's number, and what its orders' names are made of."""

    def of(self, reference: str) -> tuple[Entry, ...]:
        orders = {reference, *_orders(reference)}
        invoiced = {entry.reference for entry in self.entries if entry.number == reference}
        return tuple(
            entry
            for entry in self.entries
            if entry.reference in orders
            or entry.number == reference
            or (entry.reference in invoiced and entry.effect == "created")
        )

    def live(self, reference: str) -> tuple[str, ...]:
        orders = _orders(reference)
        return tuple(reference if one in orders else one for one in super().live(reference))


def order_of(reference: str, generation: int = 0) -> str:
    """What the order that an invoice makes for itself is called there."""
    return derived("invoice", reference, generation)


def order_called(reference: str) -> str:
    """What an order of ours is called there."""
    return derived("order", reference)


def _orders(reference: str) -> set[str]:
    return {order_of(reference, generation) for generation in range(5)}


class Stand(riverty.RivertyStandIn):
    """Judges at once, and tells only what must be told: verdicts, and what the buyer paid.

    Unless `talks`, whoever has not got an answer hears nothing either, until they have got one.
    """

    def __init__(self, *, talks: bool = False, **more: Any) -> None:
        super().__init__(
            **{
                "verdict_delay": 0,
                "document_delay": 0,
                "activated": (PAYMENT_RECEIVED,),
                **more,
            }
        )
        self.books.ledger = _Ours()
        self._talks = talks
        self._silent = False

    async def _answer(self, way: Way, request: Any, body: bytes) -> Response:
        response = await super()._answer(way, request, body)
        if self._talks:
            return response
        if not _is_an_answer(response):
            self._silent = True
            self.notices.hold(EDI)
        elif self._silent:
            self._silent = False
            self.notices.release()
        return response


def _is_an_answer(response: Response) -> bool:
    whole = type(response) is Response and response.status_code == HTTPStatus.OK
    return whole and "json" in (response.media_type or "")


def settings(stand_in: Any) -> dict[str, Any]:
    return {**stand_in.account()}


def document(**changes: Any) -> Document:
    """2 × 60.50 and 3 × 10.60, VAT included: gross 152.80."""
    lines = (
        a_line(1, quantity=Decimal(2), unit_price=Decimal(50)),
        a_line(2, quantity=Decimal(3), unit_price=Decimal(10), vat=Vat(rate=Decimal(6))),
    )
    delivered = Delivered(actual_date=date(2026, 6, 30))
    return a_document(**{"buyer": a_buyer(), "lines": lines, "delivery": delivered, **changes})


OPTIONS = {"carrier": "Sample Carrier", "tracking_code": "T-1001"}


@contextlib.asynccontextmanager
async def _news(shop: Shop) -> AsyncIterator[None]:
    """What the gateway does with a notification; and orders at the pace of the invoices."""
    _hurry_orders(shop)
    handles = {}

    async def hear(body: bytes, headers: Mapping[str, str], source: str) -> None:
        arrived = Delivery(
            headers=dict(headers), body=body, source=source, received=datetime.now(UTC)
        )
        for event in shop.adaptor.receive(arrived):
            handle = await shop.client.events.tell(shop.provider, shop.account, event, pace=HURRY)
            handles[handle.id] = handle
            await _placed(handle)

    shop.stand_in.notices.listener = hear
    try:
        yield
    finally:
        shop.stand_in.notices.listener = None
        await asyncio.gather(*map(_over, handles.values()))


async def _placed(handle: Any) -> None:
    """Until its invoice has it, so that verdicts arrive in the order in which they are told.

    What it leads to when they do not has tests of its own, and would be chance everywhere else.
    What finds no invoice is not waited for long.
    """
    with contextlib.suppress(TimeoutError, WorkflowFailureError, RPCError):
        async with asyncio.timeout(3):
            await handle.result()


async def _over(handle: Any) -> None:
    # Most have ended long ago.
    with contextlib.suppress(RPCError):
        await handle.terminate("the test is over")


def _hurry_orders(shop: Shop) -> None:
    planned, hurried = shop.adaptor.plan_order, shop.adaptor.plan

    async def plan_order(request: OrderRequest) -> OrderPlan:
        paces = (await hurried(shop.request())).paces
        plan: OrderPlan = await planned(request)
        return plan.model_copy(update={"paces": paces})

    shop.adaptor.plan_order = plan_order


# --- what can go wrong ----------------------------------------------------------------------------

TOLD: dict[str, Any] = {"drafting": SELDOM, "approval": SELDOM, "sending": SELDOM}
"""Nobody looks by the clock: what moves an invoice on is what it is told."""

WHILE = SELDOM.model_copy(update={"deadline": timedelta(seconds=4)})
"""Long enough for news to arrive, and its end is to be seen."""

SILENT = "verdict_dropped verdict_withheld verdict_mangled"
HARMLESS = "foreign_id verdict_late verdict_twice"
UNKNOWN = (Reason.UNKNOWN_STATUS,)
NOT_TAKEN_BACK = (Reason.CANNOT_CANCEL,)

_DELETED: dict[str, Any] = {
    "effects": "created deleted",
    "goal": Goal.SENT,
    "request": {"hold": True},
    "cancelled_when": is_held,
}
_CREDITED: dict[str, Any] = {
    "effects": f"{AS_PROMISED} credited",
    "goal": Goal.PAID,
    "cancelled_when": awaits_payment,
}
_PAID_LATER = {**TOLD, "payment": SELDOM}

_LIVES = (
    Life(
        "an order is created",
        "create",
        AS_PROMISED,
        goal=Goal.SENT,
        paces=TOLD,
        odd=(
            ("rejected", Expected(2, (Reason.DRAFT_FAILED,), MAKE_AGAIN)),
            ("contradicted", Expected(1)),
        ),
        # Nothing that states a figure is promised before the buyer sees it.
        harmless=HARMLESS,
        unmoved="changed_amount",
    ),
    Life(
        "nobody hears of the order",
        "create",
        AS_PROMISED,
        goal=Goal.SENT,
        paces={**TOLD, "drafting": AWHILE},
        odd=((SILENT, Expected(1, (Reason.DRAFT_OVERDUE,), HAPPENED)),),
        wire=False,
    ),
    Life(
        "a strange word is said of the order",
        "create",
        AS_PROMISED,
        goal=Goal.SENT,
        paces={**TOLD, "approval": WHILE},
        odd=(("unknown_result", Expected(1, UNKNOWN, HAPPENED)),),
        wire=False,
    ),
    Life(
        "it is invoiced",
        "approve",
        AS_PROMISED,
        goal=Goal.SENT,
        paces=TOLD,
        odd=(
            ("rejected", Expected(2, (Reason.APPROVAL_FAILED,))),
            ("contradicted", Expected(1)),
        ),
        harmless=HARMLESS,
        unmoved="changed_amount",
    ),
    Life(
        "nobody hears of the invoice",
        "approve",
        AS_PROMISED,
        goal=Goal.SENT,
        paces={**TOLD, "approval": AWHILE},
        odd=((SILENT, Expected(1, (Reason.APPROVAL_OVERDUE,), HAPPENED)),),
        wire=False,
    ),
    Life(
        "a strange word is said of the invoice",
        "approve",
        AS_PROMISED,
        goal=Goal.SENT,
        paces={**TOLD, "approval": WHILE},
        odd=(("unknown_result", Expected(1, UNKNOWN, HAPPENED)),),
        wire=False,
    ),
    Life(
        "its lines are cancelled",
        "delete",
        **_DELETED,
        paces=TOLD,
        odd=(
            ("rejected", Expected(2, NOT_TAKEN_BACK)),
            ("contradicted", Expected(1)),
        ),
        harmless=HARMLESS,
        unmoved="changed_amount",
    ),
    Life(
        "nobody hears of the cancellation",
        "delete",
        **_DELETED,
        paces={**TOLD, "sending": AWHILE},
        odd=((SILENT, Expected(1, NOT_TAKEN_BACK, HAPPENED)),),
        wire=False,
    ),
    Life(
        "a strange word is said of the cancellation",
        "delete",
        **_DELETED,
        paces={**TOLD, "approval": WHILE},
        odd=(("unknown_result", Expected(1, UNKNOWN, HAPPENED)),),
        wire=False,
    ),
    Life(
        "it is credited",
        "credit",
        **_CREDITED,
        paces=_PAID_LATER,
        odd=(
            ("rejected", Expected(2, NOT_TAKEN_BACK)),
            ("contradicted", Expected(1)),
        ),
        harmless=HARMLESS,
        unmoved="changed_amount",
    ),
    Life(
        "nobody hears of the credit",
        "credit",
        **_CREDITED,
        paces={**_PAID_LATER, "sending": AWHILE},
        odd=((SILENT, Expected(1, NOT_TAKEN_BACK, HAPPENED)),),
        wire=False,
    ),
    Life(
        "a strange word is said of the credit",
        "credit",
        **_CREDITED,
        paces={**_PAID_LATER, "approval": WHILE},
        odd=(("unknown_result", Expected(1, UNKNOWN, HAPPENED)),),
        wire=False,
    ),
)

_BACK = f"{AS_PROMISED} credited"
_UNPAID = {"goal": Goal.PAID}

_MOMENTS = (
    Moment("before the order is taken", "created deleted", during=("create", 1, "before")),
    Moment("when the order has been taken", "created deleted", during=("create", 1, "after")),
    Moment(
        "while nobody knows whether the order was taken",
        "created deleted",
        during=("create", 2, "before"),
        fault=("create", "reset", "after"),
    ),
    Moment(
        "while a lost order is asked for again",
        "created deleted",
        during=("create", 2, "before"),
        fault=("create", "reset", "before"),
    ),
    Moment(
        "while its verdict is awaited",
        "created deleted",
        once=lambda invoice: invoice.stage is Stage.DRAFTING,
        stand_in={"verdict_delay": 0.5},
    ),
    Moment(
        "once the order has been refused",
        "",
        once=is_parked(Reason.DRAFT_FAILED),
        fault=("create", "rejected", "before"),
    ),
    Moment("while it is held", "created deleted", once=is_held, request={"hold": True}),
    Moment("before it is invoiced", _BACK, Status.CREDITED, during=("approve", 1, "before")),
    Moment("when it has been invoiced", _BACK, Status.CREDITED, during=("approve", 1, "after")),
    Moment(
        "once the invoice has been refused",
        "created deleted",
        once=is_parked(Reason.APPROVAL_FAILED),
        fault=("approve", "rejected", "before"),
    ),
    Moment(
        "while its payment is awaited",
        _BACK,
        Status.CREDITED,
        once=awaits_payment,
        request=_UNPAID,
    ),
    Moment(
        "with the goods",
        _BACK,
        Status.CREDITED,
        once=awaits_payment,
        request={**_UNPAID, "options": {"credit": "return"}},
    ),
    Moment(
        "while its document is awaited",
        "created approved credited",
        Status.CREDITED,
        once=awaits_payment,
        request=_UNPAID,
        stand_in={"document_delay": NEVER},
    ),
)

RIVERTY: Kind = Kind(
    stand_in=Stand,
    settings=settings,
    document=document,
    options=OPTIONS,
    lives=_LIVES,
    forgeries=(),
    moments=_MOMENTS,
    final=("approve",),
    unused=("subscribe", "document"),
    unstated=tuple(Figure),
    numbers=True,
    repeatable=True,
    news=_news,
)

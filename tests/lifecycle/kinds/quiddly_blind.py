"""Quiddly as its pages document it: without a route to read, to list or to look for anything.

What an uncertain call did is then known to nobody but a person who looks there. Payments come by
the feed alone. The same provider with those routes stands in `quiddly`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

from invoicing.provider import Figure
from invoicing.request import Goal
from invoicing.state.questions import Reason
from sandbox import quiddly
from tests.lifecycle.kinds.kind import (
    AWHILE,
    CORRECT,
    DID_NOT_HAPPEN,
    HAPPENED,
    LOST,
    SELDOM,
    Expected,
    Forgery,
    Kind,
    Life,
    Shop,
    both,
)
from tests.lifecycle.kinds.quiddly import ATTACHES, ATTACHING, OWN, STATED, document
from tests.lifecycle.kinds.shared import (
    AS_PROMISED,
    CREATING,
    DIFFERS,
    REFUSED,
    TO_BE_DELETED,
    WAITING,
    put,
)
from tests.lifecycle.telling import HASTE, polling
from tests.patience import LONG_ENOUGH

ASKED = (Reason.CANNOT_TELL,)
MAY_EXIST = (Reason.MAY_EXIST,)
MADE_AGAIN = "created deleted created"


class Stand(quiddly.QuiddlyStandIn):
    """As documented; but drafts may be deleted, and with `pays` the buyer does, once it is out."""

    def __init__(self, *, pays: bool = False, **more: Any) -> None:
        self.pays = pays
        assumed = quiddly.Assumed(deletes=True)
        super().__init__(**{"distribution_delay": 0, "assumed": assumed, **more})


def settings(stand_in: quiddly.QuiddlyStandIn) -> dict[str, Any]:
    """The account, with whatever routes the stand-in has."""
    return {**stand_in.account(), "feed_minutes": 0.002}


@contextlib.asynccontextmanager
async def _news(shop: Shop) -> AsyncIterator[None]:
    """Where the buyer pays, fetch the feed from then on."""
    if not shop.stand_in.pays:
        yield
        return
    telling = asyncio.create_task(_told_of_a_payment(shop))
    try:
        yield
    finally:
        telling.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await (await telling).terminate("the test is over")


async def _told_of_a_payment(shop: Shop) -> Any:
    await shop.stand_in.reached("approve", when="after", within=LONG_ENOUGH)
    number = shop.stand_in.ledger.entries[0].reference
    await shop.stand_in.ledger.reached("sent", number)
    shop.stand_in.pay(number)
    return await polling(shop, "quiddly", HASTE)


async def _by_hand(shop: Shop, reference: str) -> None:
    """Whoever looks there deletes a draft that we do not know of."""
    state = await shop.client.invoices.state(reference)
    if state.provider_id is None:
        for _ in shop.stand_in.ledger.live(reference):
            shop.stand_in.discard(reference)


_LIVES = (
    Life(
        "it signs in",
        "authenticate",
        asks=True,
        odd=(both("refused", Expected(2)),),
        unmoved=OWN,
    ),
    Life(
        "a draft is created that nobody can look for",
        "create",
        paces={"approval": AWHILE},
        odd=(
            (
                f"{LOST} 429",
                Expected(2, MAY_EXIST, DID_NOT_HAPPEN),
                Expected(2, MAY_EXIST, DID_NOT_HAPPEN, effects=MADE_AGAIN),
            ),
            ("refused", Expected(2, REFUSED), Expected(2, REFUSED, effects=MADE_AGAIN)),
            ("unknown_ledger unactivated", Expected(1)),
            ("unknown_status", Expected(1, (Reason.UNKNOWN_STATUS,), HAPPENED)),
            (
                "changed_amount changed_amount:-0.01 changed_figure:vats.0.totalVat+0.01",
                Expected(2, DIFFERS, CORRECT, effects=MADE_AGAIN),
            ),
        ),
        wire=False,
    ),
    Life("it is created late", "create", odd=(both("slow gate", Expected(1)),), wire=False),
    ATTACHES,
    Life(
        "it is activated and nobody can look",
        "approve",
        AS_PROMISED,
        goal=Goal.SENT,
        odd=(
            (
                f"{LOST} unactivated 429",
                Expected(2, ASKED, DID_NOT_HAPPEN),
                Expected(1, ASKED, HAPPENED),
            ),
            ("refused", Expected(2, REFUSED), Expected(1, REFUSED, HAPPENED)),
            ("unknown_status unknown_ledger", Expected(1)),
            # It is final, and no look can show other figures: whoever looked there says so.
            ("changed_amount changed_figure", Expected(1, DIFFERS, HAPPENED)),
            both("slow gate", Expected(1)),
        ),
        wire=False,
    ),
    Life(
        "a draft is deleted and nobody can look",
        "delete",
        **TO_BE_DELETED,
        odd=(
            (
                f"{LOST.removesuffix(' truncated')} 429",
                Expected(2, ASKED, DID_NOT_HAPPEN),
                Expected(1, ASKED, HAPPENED),
            ),
            # An answer without a body cannot be cut short.
            ("truncated", Expected(2, ASKED, DID_NOT_HAPPEN), Expected(1)),
            ("refused", Expected(2, REFUSED), Expected(1, REFUSED, HAPPENED)),
            both("slow gate", Expected(1)),
        ),
        unmoved=OWN,
        wire=False,
    ),
    Life(
        "its payment is fetched",
        "feed",
        f"{AS_PROMISED} paid",
        asks=True,
        calls=None,
        goal=Goal.PAID,
        stand_in={"pays": True},
        paces={"payment": SELDOM},
        odd=(
            both("refused", Expected(None)),
            ("changed_amount changed_figure:0.name=Anybody", Expected(None)),
        ),
        unmoved="unknown_status unknown_ledger unactivated",
    ),
)


def _more(amount: Decimal) -> Decimal:
    return amount + Decimal("0.01")


_FORGERIES = (
    Forgery(
        "currency",
        put("currency", "invoiceCurrency", value="EUR"),
        "currency: ours SEK, theirs EUR",
    ),
    Forgery(
        "net",
        put("totals", "totalExclVat", value=_more),
        "net: ours 92.97 SEK, theirs 92.98 SEK (0.01 more)",
    ),
    Forgery(
        "vat 12",
        put("vats", 1, "totalVat", value=_more),
        "vat 12: ours 3.96 SEK, theirs 3.97 SEK (0.01 more)",
    ),
    Forgery(
        "vat 25",
        put("vats", 0, "totalVat", value=_more),
        "vat 25: ours 14.99 SEK, theirs 15.00 SEK (0.01 more)",
    ),
    Forgery(
        "gross",
        put("totals", "total", value=_more),
        "gross: ours 111.92 SEK, theirs 111.93 SEK (0.01 more)",
    ),
    Forgery(
        "gross",
        put("totals", "total", value=None),
        "gross: ours 111.92 SEK, theirs not stated",
    ),
    Forgery(
        "buyer",
        put("debtor", "customerNumber", value="K-9999"),
        "buyer: not the one asked for",
    ),
    Forgery(
        "number",
        put("invoiceNumber", value="2026-0043"),
        "number: ours {reference}, theirs 2026-0043",
    ),
    *STATED,
)

_MOMENTS = (
    *CREATING,
    *ATTACHING,
    *WAITING,
)

BLIND: Kind = Kind(
    stand_in=Stand,
    settings=settings,
    document=document,
    options={},
    lives=_LIVES,
    forgeries=_FORGERIES,
    unstated=(Figure.PREPAID,),
    moments=_MOMENTS,
    final=("approve",),
    look="create",
    # Bookkeeping is the caller's. What becomes of an acknowledgement shows when the invoice has
    # long ended: test_quiddly tells.
    unused=("download", "acknowledge", "book", "read", "find"),
    provider="quiddly",
    numbers=True,
    credits=False,
    blind=True,
    news=_news,
    by_hand=_by_hand,
)

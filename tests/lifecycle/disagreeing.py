"""Every kind of disagreement at every provider: how it comes about there behind our back, or why
that provider cannot show it. The table in docs/register.md is made of this."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from invoicing.books.reconciling import FindingKind
from invoicing.provider import Event, ReadCall
from invoicing.request import Goal
from sandbox.zero_friction.data import Customers
from tests.lifecycle.kinds.kind import Shop
from tests.lifecycle.reconciled import (
    Kept,
    behind_our_back,
    cancelled,
    held,
    recorded,
    sent,
    target,
)
from tests.patience import LONG_ENOUGH

PROVIDERS = ("invoro", "mollie", "zero_friction", "quiddly", "riverty")
NAMES = ("Invoro", "Mollie", "Zero Friction", "Quiddly", "Riverty")

CENT = Decimal("0.01")


@dataclass(frozen=True)
class Seeded:
    """What a finding is to name, as far as it names it."""

    reference: str | None = None
    provider_id: str | None = None
    says: str = ""


Seed = Callable[[Kept, Shop], Awaitable[Seeded]]


@dataclass(frozen=True)
class Way:
    """How one comes about at one provider.

    also: what the same change cannot but disagree in as well.
    reads: how many invoices have to be looked at for it.
    late: Temporal's lists show it a moment later.
    """

    seed: Seed
    also: frozenset[FindingKind] = frozenset()
    reads: int = 1
    late: bool = False


# --- what is done there ---------------------------------------------------------------------------


async def _unknown_here(kept: Kept, shop: Shop) -> Seeded:
    return Seeded(provider_id=await behind_our_back(shop, f"NOBODYS-{uuid.uuid4().hex[:8]}"))


async def _missing(kept: Kept, shop: Shop) -> Seeded:
    reference = await sent(shop)
    (identity,) = shop.stand_in.ledger.live(reference)
    del shop.stand_in.books.invoices[identity]
    return Seeded(reference)


async def _twice(kept: Kept, shop: Shop) -> Seeded:
    reference = await sent(shop)
    return Seeded(reference, says=await behind_our_back(shop, reference))


def _changed(change: Callable[[Any], None], request: Callable[[], dict[str, Any]] = dict) -> Seed:
    """Somebody changes the one that was sent, which `request` says when it is asked for."""

    async def seed(kept: Kept, shop: Shop) -> Seeded:
        reference = await sent(shop, **request())
        (identity,) = shop.stand_in.ledger.live(reference)
        change(shop.stand_in.books.invoices[identity])
        return Seeded(reference, identity)

    return seed


async def _final(kept: Kept, shop: Shop) -> Seeded:
    reference = await held(kept, shop)
    about = await target(kept, shop, reference)
    await shop.adaptor.approve(about)
    async with asyncio.timeout(LONG_ENOUGH):
        while (await shop.adaptor.read(ReadCall(target=about))).number is None:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    return Seeded(reference, says="final there")


async def _paid(kept: Kept, shop: Shop) -> Seeded:
    reference = await sent(shop)
    shop.stand_in.pay(reference)
    return Seeded(reference)


async def _credited(kept: Kept, shop: Shop) -> Seeded:
    reference = await sent(shop)
    await shop.adaptor.credit(await target(kept, shop, reference))
    return Seeded(reference)


async def _orphan(kept: Kept, shop: Shop) -> Seeded:
    reference = await cancelled(shop)
    return Seeded(reference, await behind_our_back(shop, reference))


async def _cut_off_while_held(kept: Kept, shop: Shop) -> Seeded:
    reference = await held(kept, shop)
    await shop.client.invoices.handle(reference).terminate("by a person")
    return Seeded(reference)


async def _cut_off_before_it_is_paid(kept: Kept, shop: Shop) -> Seeded:
    reference = await shop.start(goal=Goal.PAID)
    await shop.follow(reference, lambda invoice: "payment" in str(invoice.waiting))
    await recorded(kept.books, reference, "sent")
    await shop.client.invoices.handle(reference).terminate("by a person")
    return Seeded(reference)


async def _gap(kept: Kept, shop: Shop) -> Seeded:
    prefix = uuid.uuid4().hex[:6].upper()
    for number in (f"{prefix}-0007", f"{prefix}-0009"):
        if shop.kind.numbers:
            await sent(shop, reference=number)
        else:
            await sent(shop, document={"number": number})
    return Seeded(says=f"no invoice has {prefix}-0008")


def _unplaced(kind: str, **body: Any) -> Seed:
    """The provider tells of an invoice that nobody here knows."""

    async def seed(kept: Kept, shop: Shop) -> Seeded:
        event = Event(id=uuid.uuid4().hex, kind=kind, body=body)
        handle = await shop.client.events.tell(shop.provider, shop.account, event, pace=1e-6)
        return Seeded(provider_id=handle.id)

    return seed


# --- what somebody changes, in each stand-in's books ----------------------------------------------


def _invoro_amount(invoice: Any) -> None:
    for name in ("tax_exclusive_amount", "tax_inclusive_amount", "payable_amount"):
        invoice.ubl["totals"][name] += 1


def _invoro_vat(invoice: Any) -> None:
    one, other = invoice.ubl["tax_breakdown"]
    one["tax_amount"] += 1
    other["tax_amount"] -= 1


def _invoro_dates(invoice: Any) -> None:
    invoice.ubl["header"]["due_date"] = "2026-08-31T00:00:00Z"


def _invoro_buyer(invoice: Any) -> None:
    invoice.ubl["buyer"]["name"] = "Somebody Else BV"


def _mollie_amount(invoice: Any) -> None:
    invoice.skew = CENT


def _mollie_vat(invoice: Any) -> None:
    for line in invoice.asked["lines"]:
        line["vatRate"] = "9.00"


def _mollie_dates(invoice: Any) -> None:
    invoice.issued_at -= timedelta(days=3)


def _mollie_buyer(invoice: Any) -> None:
    invoice.asked["recipientIdentifier"] = "somebody-else"


def _zero_friction_amount(invoice: Any) -> None:
    invoice.lines[0].net += CENT
    invoice.lines[0].gross += CENT


def _zero_friction_vat(invoice: Any) -> None:
    one, other = invoice.lines
    one.gross += CENT
    other.gross -= CENT


def _zero_friction_dates(invoice: Any) -> None:
    invoice.asked["dueDate"] = "2026-08-31T00:00:00+02:00"


def _zero_friction_buyer(invoice: Any) -> None:
    invoice.customer = {**invoice.customer, "id": Customers.TWIN_NORTH}


def _issued_today() -> dict[str, Any]:
    """A day that Mollie can be held to: it issues today, and its term counts from then."""
    today = datetime.now(UTC).date()
    document = {"issue_date": today, "due_date": today + timedelta(days=30)}
    return {"document": document, "options": {"issue_date": "as_asked"}}


# --- the table ------------------------------------------------------------------------------------

NO_LIST = "it documents no list"
OWN_NUMBERS = "it numbers its invoices itself"

_K = FindingKind


def _anywhere(seed: Seed, **more: Any) -> dict[str, Way | str]:
    """The same at each that lists."""
    return dict.fromkeys(("invoro", "mollie", "zero_friction"), Way(seed, **more))


def _each(invoro: Way, mollie: Way | str, zero_friction: Way) -> dict[str, Way | str]:
    return {"invoro": invoro, "mollie": mollie, "zero_friction": zero_friction}


_CUT_OFF = Way(_cut_off_while_held, reads=0, late=True)
_GAP = Way(_gap, reads=0)


def _told(kind: str, **body: Any) -> Way:
    return Way(_unplaced(kind, **body), reads=0, late=True)


WAYS: Mapping[FindingKind, Mapping[str, Way | str]] = {
    _K.UNKNOWN_HERE: _anywhere(_unknown_here, reads=0),
    _K.MISSING_THERE: _anywhere(_missing),
    _K.TWICE: _anywhere(_twice, reads=0),
    _K.AMOUNT: _each(
        Way(_changed(_invoro_amount)),
        Way(_changed(_mollie_amount)),
        Way(_changed(_zero_friction_amount)),
    ),
    _K.VAT: _each(
        Way(_changed(_invoro_vat)),
        Way(_changed(_mollie_vat), also=frozenset({_K.AMOUNT})),
        Way(_changed(_zero_friction_vat)),
    ),
    _K.DATES: _each(
        Way(_changed(_invoro_dates)),
        Way(_changed(_mollie_dates, _issued_today)),
        Way(_changed(_zero_friction_dates)),
    ),
    _K.BUYER: _each(
        Way(_changed(_invoro_buyer)),
        Way(_changed(_mollie_buyer)),
        Way(_changed(_zero_friction_buyer)),
    ),
    _K.STATUS: _anywhere(_final),
    _K.PAID_UNSEEN: _anywhere(_paid),
    _K.CREDITED_UNSEEN: _each(
        # A document of its own, which its list shows.
        Way(_credited, reads=0),
        Way(_credited),
        Way(_credited),
    ),
    _K.ORPHAN: _anywhere(_orphan, reads=0),
    _K.CUT_OFF: {
        **_each(_CUT_OFF, _CUT_OFF, _CUT_OFF),
        "quiddly": _CUT_OFF,
        # Nothing is there while it is held: its order and its invoice are made together.
        "riverty": Way(_cut_off_before_it_is_paid, reads=0, late=True),
    },
    _K.GAP: {**_each(_GAP, OWN_NUMBERS, _GAP), "quiddly": _GAP, "riverty": _GAP},
    _K.EVENT_UNPLACED: {
        "invoro": _told("invoice.sent", invoice_id="nobodys"),
        "mollie": _told("sales-invoice.paid", entityId="invoice_nobodys"),
        "zero_friction": _told("invoice", invoiceId="nobodys"),
        "quiddly": _told("payment", invoiceNumber="NOBODYS", amount=12, currency="SEK"),
        "riverty": _told("paymentReceived", invoiceReference="NOBODYS"),
    },
}


def way(kind: FindingKind, provider: str) -> Way | str:
    """How it comes about there; or why it cannot be shown."""
    return WAYS[kind].get(provider, NO_LIST)


def table() -> str:
    """What each provider can show, in Markdown."""
    reasons = {OWN_NUMBERS: "¹"}
    lines = [f"| kind | {' | '.join(NAMES)} |", f"|---|{'---|' * len(NAMES)}"]
    for kind in FindingKind:
        ways = (way(kind, provider) for provider in PROVIDERS)
        cells = ("found" if isinstance(one, Way) else f"no{reasons.get(one, '')}" for one in ways)
        lines.append(f"| `{kind}` | {' | '.join(cells)} |")
    return "\n".join(lines)

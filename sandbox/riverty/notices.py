"""What the stand-in for Riverty tells unasked, and how tests make that late, twice or not at all.

A notice is composed when something happened in the books and delivered afterwards, one after the
other: to `listener`, if a test gave one, and to every callback that subscribed to its type. How
often the provider tries again is not published (U): `redeliveries`, none unless a test says so.

    notices.hold();  notices.hold("accounting/EDIErrorSent")   # from now on they pile up
    notices.release();  notices.release(newest_first=True)     # deliver those; no more holding
    await notices.again(notice)                                # deliver one once more
    await notices.delivered("accounting/EDIErrorSent", "ORD1", count=2)
    notices.of("ORD1")                                         # all about it, delivered or not
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import uuid4

import httpx

from sandbox.kit.agenda import Agenda
from sandbox.kit.record import Changes
from sandbox.kit.wire import decoded, encoded
from sandbox.riverty.forms import Json
from sandbox.riverty.invoice import Invoice, Objection, Submission
from sandbox.riverty.words import (
    BALANCE_UPDATED,
    CHARGEBACK_RECEIVED,
    DOCUMENT_CREATED,
    EDI,
    INVOICE_CREATED,
    PAYMENT_RECEIVED,
    REFUND_COMPLETED,
    TYPES,
    Assumed,
)

Hearer = Callable[[bytes, Mapping[str, str], str], Awaitable[None]]
"""Given the raw body, the headers (names in small letters) and the sender's address. It refuses a
notice by raising."""
_HEADERS = {"content-type": "application/json; charset=utf-8"}
_PATIENCE = 5.0


@dataclass(eq=False)
class Notice:
    """One notification: what it says, about what, and what became of it."""

    type: str
    body: bytes
    order: str | None
    invoice: str | None = None
    taken: int = 0
    """How often somebody took it."""
    refused: list[str] = field(default_factory=list)
    """What somebody answered who did not."""

    @property
    def content(self) -> Json:
        """What it says, amounts as Decimal; ValueError when it was mangled."""
        content: Json = decoded(self.body)
        return content


@dataclass(frozen=True)
class Manner:
    """How one notice is to be delivered."""

    dropped: bool = False
    withheld: bool = False
    times: int = 1
    after: float = 0.0
    """Seconds."""
    mangled: bool = False
    """Only the first half of it, which is no JSON."""


@dataclass(frozen=True)
class Callback:
    """One subscription."""

    url: str
    types: Collection[str]
    description: str | None = None
    id: str = field(default_factory=lambda: str(uuid4()))

    def described(self) -> Json:
        """As the subscription is answered."""
        return {
            "callbackUrl": self.url,
            "description": self.description,
            "id": self.id,
            "notificationTypes": list(self.types),
        }


class Notices:
    """Every notification of one stand-in.

    `listener` is told the address in `Assumed.source`; a callback sees where we really are.
    EDIErrorSent is switched on always.
    """

    def __init__(self, agenda: Agenda, assumed: Assumed) -> None:
        self.assumed = assumed
        self.callbacks: list[Callback] = []
        self.all: list[Notice] = []
        self._agenda = agenda
        self._held: list[Notice] = []
        self._holding: Collection[str] = ()
        self._due: deque[Notice] = deque()
        self._changes = Changes()
        self._idle()

    def _idle(self) -> None:
        self.listener: Hearer | None = None
        self._worker: asyncio.Task[None] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {n: v for n, v in vars(self).items() if n not in ("listener", "_worker")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._idle()

    # For tests.

    def of(self, reference: str, kind: str | None = None) -> tuple[Notice, ...]:
        """Those about this order or invoice, of one type if that is given, oldest first."""
        return tuple(
            notice
            for notice in self.all
            if reference in (notice.order, notice.invoice) and kind in (None, notice.type)
        )

    async def delivered(
        self, kind: str, reference: str, count: int = 1, within: float = 5.0
    ) -> tuple[Notice, ...]:
        """Wait until such notices have been taken `count` times; which they are."""
        await self._changes.until(
            lambda: sum(notice.taken for notice in self.of(reference, kind)) >= count,
            f"{kind} about {reference}, {count} times",
            within,
        )
        return self.of(reference, kind)

    async def again(self, notice: Notice) -> None:
        """Deliver it once more, now."""
        await self._deliver(notice)

    def hold(self, *types: str) -> None:
        """Keep back what is composed from now on, of these types or all."""
        self._holding = types or TYPES

    def release(self, *, newest_first: bool = False) -> None:
        """Deliver what was kept back, and keep nothing back any more."""
        self._holding = ()
        held, self._held = self._held, []
        for notice in reversed(held) if newest_first else held:
            self._enqueue(notice)

    def stray(self, order: str = "SOMEBODYELSES1") -> Notice:
        """Tell of an order nobody here has: the sandbox is shared, and all notices go to all."""
        details = {"orderNo": order, "result": "OK", "errorDetails": []}
        about = {"requestType": "GET_ORDER", "transactionId": uuid4().hex, "details": details}
        return self.tell(EDI, {"parameters": about, "type": EDI}, order)

    # For the stand-in.

    def tell(
        self,
        kind: str,
        content: Json,
        order: str | None,
        invoice: str | None = None,
        manner: Manner | None = None,
    ) -> Notice:
        """Compose a notice and see to its delivery."""
        manner = manner or Manner()
        body = encoded(content)
        notice = Notice(kind, body[: len(body) // 2] if manner.mangled else body, order, invoice)
        if kind in {*self.assumed.activated, EDI}:
            self.all.append(notice)
            self._send(notice, manner)
        return notice

    def clear(self) -> None:
        """Forget every notice and hold none; subscriptions and the listener stay."""
        self.all.clear()
        self._held.clear()
        self._due.clear()
        self._holding = ()

    async def stop(self) -> None:
        """End the delivery under way; what is due stays so."""
        if self._worker is not None:
            self._worker.cancel()
            await asyncio.wait((self._worker,))
            self._worker = None

    def _send(self, notice: Notice, manner: Manner) -> None:
        if manner.dropped:
            return
        if manner.withheld or notice.type in self._holding:
            self._held.append(notice)
            return
        for _ in range(manner.times):
            if manner.after:
                self._agenda.later(manner.after, partial(self._enqueue, notice))
            else:
                self._enqueue(notice)

    def _enqueue(self, notice: Notice) -> None:
        self._due.append(notice)
        self.run()

    def run(self) -> None:
        """Deliver what is due, as long as there is any."""
        if self._due and (self._worker is None or self._worker.done()):
            self._worker = asyncio.get_running_loop().create_task(self._work())

    async def _work(self) -> None:
        while self._due:
            # Not due any more once it was delivered: a restart must not lose it.
            notice = self._due[0]
            await self._deliver(notice)
            if self._due and self._due[0] is notice:
                self._due.popleft()
            self._agenda.after()

    async def _deliver(self, notice: Notice) -> None:
        if self.listener is not None:
            await self._try(notice, partial(self._hear, self.listener, notice))
        for callback in tuple(self.callbacks):
            if notice.type in callback.types:
                await self._try(notice, partial(_post, callback.url, notice))
        self._changes.notify()

    async def _try(self, notice: Notice, deliver: Callable[[], Awaitable[None]]) -> None:
        for nth in range(1 + self.assumed.redeliveries):
            if nth:
                await asyncio.sleep(self.assumed.redelivery_delay)
            try:
                await deliver()
            except Exception as error:  # noqa: BLE001 - whatever the other side raises is its refusal
                notice.refused.append(str(error) or type(error).__name__)
            else:
                notice.taken += 1
                return

    async def _hear(self, listener: Hearer, notice: Notice) -> None:
        await listener(notice.body, dict(_HEADERS), self.assumed.source)


async def _post(url: str, notice: Notice) -> None:
    # Only loopback is ever called, without TLS: no need to load the certificates there are.
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    async with httpx.AsyncClient(verify=tls, trust_env=False, timeout=_PATIENCE) as http:
        answered = await http.post(url, content=notice.body, headers=_HEADERS)
    answered.raise_for_status()


# What they say. The shapes are those of the provider's examples unless a line says otherwise.


def verdict(
    submission: Submission,
    request_type: str,
    result: str,
    objections: Sequence[Objection],
    invoice: str | None,
) -> Json:
    """EDIErrorSent. `errorDetails` of a success and `invoiceReference` are inferred (I)."""
    details = {
        "orderNo": submission.order,
        **({} if invoice is None else {"invoiceReference": invoice}),
        "result": result,
        "errorDetails": [objection.described() for objection in objections],
    }
    about = {
        "requestType": request_type,
        "transactionId": submission.transaction,
        "details": details,
    }
    return {"parameters": about, "type": EDI}


def invoice_created(invoice: Invoice, link: str) -> Json:
    """`All details about the invoice incl. a link`: which fields those are is unknown (U)."""
    asked = invoice.asked
    return {
        "type": INVOICE_CREATED,
        "parameters": {
            **_whose(invoice, "Invoice"),
            "invoiceDate": asked["invoiceDate"],
            "dueDate": asked["dueDate"],
            "grossAmount": invoice.gross,
            "netAmount": invoice.gross - invoice.vat,
            "vatAmount": invoice.vat,
            "items": [
                {
                    "orderItemReference": line.number,
                    "grossAmount": line.gross,
                    "vatAmount": line.vat,
                    "vatPercent": line.asked["vatPercent"],
                }
                for line in invoice.lines
            ],
            "urlKey": link,
        },
        "timestamp": _now(),
    }


def document_created(invoice: Invoice, link: str) -> Json:
    """Where the document is to be had, with the key."""
    about = {
        "documentCreationDate": datetime.now(UTC).date().isoformat(),
        "customerNumber": invoice.order.customer,
        "invoiceReference": invoice.reference,
        "orderReference": invoice.order.reference,
    }
    document = {"documentInformation": [about], "documentType": "INVOICE", "urlKey": link}
    return {
        "type": DOCUMENT_CREATED,
        "parameters": {
            "documents": [document],
            "businessCode": invoice.order.business,
            "transactionId": _hex(),
        },
        "timestamp": _now(),
    }


def payment_received(invoice: Invoice, amount: Decimal, document: str) -> Json:
    """`paidAmount` is this payment's (I), `orderAmount` the whole order's (I)."""
    return {
        "type": PAYMENT_RECEIVED,
        "parameters": {
            **_whose(invoice, "PaymentInformation"),
            "fiscalYear": datetime.now(UTC).year,
            "orderAmount": invoice.order.gross,
            "paidAmount": amount,
            "paymentDocument": document,
            "remainingAmount": invoice.remaining,
            "tolerance": Decimal("0.00"),
        },
    }


def chargeback_received(invoice: Invoice, amount: Decimal, kind: str) -> Json:
    """A card's chargeback names no invoice: it is empty in the provider's example."""
    about = {**_whose(invoice, "Chargeback"), "amount": amount, "type": kind}
    if kind == "CREDIT_CARD_CHARGEBACK":
        about["invoiceReference"] = ""
    return {
        "id": about["transactionId"],
        "type": CHARGEBACK_RECEIVED,
        "parameters": about,
        "timestamp": _now(),
    }


def refund_completed(invoice: Invoice, amount: Decimal, return_reference: str) -> Json:
    """The amount is negative, as in the example."""
    about = _whose(invoice, "Refund")
    del about["companyCode"]
    refunded = {
        "refundedToOriginalPaymentInstrument": -amount,
        "returnReference": return_reference,
    }
    return {"type": REFUND_COMPLETED, "parameters": {**about, **refunded}}


def balance_updated(business: str, customer: str, currency: str, balance: Decimal) -> Json:
    """What a customer owes altogether: no invoice and no order is named."""
    words = {1: "DEBIT", 0: "BALANCED", -1: "CREDIT"}
    return {
        "type": BALANCE_UPDATED,
        "parameters": {
            "balance": abs(balance),
            "businessCode": business,
            "companyCode": business,
            "currency": currency,
            "customerNumber": customer,
            "debitCredit": words[(balance > 0) - (balance < 0)],
            "transactionId": f"Balance-{business}-{_hex()}",
        },
    }


def _whose(invoice: Invoice, word: str) -> Json:
    order = invoice.order
    return {
        "businessCode": order.business,
        "companyCode": order.business,
        "currency": order.asked["currency"],
        "customerNumber": order.customer,
        "invoiceReference": invoice.reference,
        "orderReference": order.reference,
        "transactionId": f"{word}-{order.business}-{_hex()}",
    }


def _hex() -> str:
    return uuid4().hex.upper()


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

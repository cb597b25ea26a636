"""One final invoice at each stand-in, and how it is credited there: the same words for all five."""

from __future__ import annotations

import json
import math
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

import httpx

from sandbox import invoro, mollie, quiddly, riverty
from sandbox import zero_friction as zf
from sandbox.kit.server import StandIn, serve
from tests.sandbox import test_invoro, test_mollie, test_quiddly, test_riverty, test_zero_friction
from tests.tls import NO_TLS


class Desk(Protocol):
    """What somebody does at one provider."""

    caller: Any

    async def draft(self) -> None:
        """The invoice is there, and not final."""

    async def final(self) -> None:
        """The same, final; nothing is under way with it."""

    async def credit(self, name: str, lines: Sequence[int]) -> bool:
        """Credit some lines under this name; whether that was taken, as the provider says it."""

    async def shown(self) -> Any:
        """What the provider says of the invoice."""


@dataclass
class ZeroFriction:
    """Credits the whole, by a call."""

    caller: Any
    identity: str = ""

    async def draft(self) -> None:
        await self.caller.authenticate()
        low = {"description": "Travel", "taxCodeId": zf.TaxCodes.REDUCED, "quantity": 3}
        lines = [test_zero_friction.LINE, test_zero_friction.LINE | low]
        self.identity = await self.caller.created(lines=lines)

    async def final(self) -> None:
        await self.draft()
        await self.caller.act(self.identity, "approve")
        self.caller.stand_in.finish("INV-1")

    async def credit(self, name: str, lines: Sequence[int]) -> bool:
        done: bool = (await self.caller.act(self.identity, "credit"))["success"]
        return done

    async def shown(self) -> Any:
        return (await self.caller.read(self.identity))["data"]


@dataclass
class Mollie:
    """Credits the whole, by cancelling."""

    caller: Any
    identity: str = ""

    async def draft(self) -> None:
        lines = [test_mollie.LINE, test_mollie.priced("10.05", "9.00", quantity=3)]
        self.identity = (await self.caller.create(lines=lines))["id"]

    async def final(self) -> None:
        await self.draft()
        issued = await self.caller.patch(self.identity, **test_mollie.ISSUED)
        assert issued.status_code == 200, issued.text

    async def credit(self, name: str, lines: Sequence[int]) -> bool:
        done: bool = (await self.caller.patch(self.identity, status="cancelled")).is_success
        return done

    async def shown(self) -> Any:
        return await self.caller.read(self.identity)


@dataclass
class Invoro:
    """Credits by a document of type 381."""

    caller: Any
    identity: str = ""

    async def draft(self) -> None:
        header = test_invoro.header(invoice_number="INV-1")
        self.identity = await self.caller.draft(header=header)

    async def final(self) -> None:
        await self.draft()
        await self.caller.send(self.identity)
        self.caller.stand_in.finish(self.identity)

    async def credit(self, name: str, lines: Sequence[int]) -> bool:
        header = test_invoro.header(invoice_type_code="381", invoice_number=name)
        named = {"sales_order": "INV-1", "preceding_invoices": [{"number": "INV-1"}]}
        items = [test_invoro.ITEMS[line - 1] for line in lines]
        note = await self.caller.create(header=header, references=named, items=items)
        if note.is_success:
            identity = note.json()["data"]["id"]
            sent = await self.caller.send(identity)
            self.caller.stand_in.finish(identity)
            taken: bool = sent.is_success
            return taken
        return False

    async def shown(self) -> Any:
        return await self.caller.read(self.identity)


ROWS = (
    test_quiddly.row(description="Service", quantity="2"),
    test_quiddly.simple(Decimal("10.05"), Decimal("1.21"), 12, description="Travel"),
)


@dataclass
class Quiddly:
    """Credits by a credit invoice."""

    caller: Any
    identity: str = ""

    async def draft(self) -> None:
        self.identity = (await self._post("F-1", (1, 2))).json()["id"]

    async def final(self) -> None:
        await self.draft()
        assert (await self.caller.activate(self.identity)).is_success
        self.caller.stand_in.finish("F-1")

    async def credit(self, name: str, lines: Sequence[int]) -> bool:
        made = await self._post(name, lines, type="CREDIT_INVOICE", debitInvoiceNumber="F-1")
        return made.is_success and (await self.caller.activate(made.json()["id"])).is_success

    async def shown(self) -> Any:
        return self.caller.stand_in.invoice("F-1")

    async def _post(self, number: str, lines: Sequence[int], **changes: Any) -> httpx.Response:
        rows = [ROWS[line - 1] for line in lines]
        net = sum(row["totalExclVat"] for row in rows)
        tax = sum(row["totalVat"] for row in rows)
        rates = [(row["vatPercentage"], row["totalExclVat"], row["totalVat"]) for row in rows]
        body = quiddly.request(number, **changes) | {
            "articleRows": rows,
            "vats": [test_quiddly.vat(*rate) for rate in rates],
            "totals": test_quiddly.totals(net, tax, net + tax),
        }
        content = json.dumps(body, default=float)
        headers = {"Authorization": f"Bearer {self.caller.token}"}
        headers |= {"Content-Type": "application/json"}
        http: httpx.AsyncClient = self.caller.http
        return await http.post("/invoices", content=content, headers=headers)


LOW: dict[str, Any] = test_riverty.TRAVEL | {
    "grossUnitPrice": 10.90,
    "vatAmount": 0.90,
    "vatPercent": 9,
}
CAME_BACK = [
    {name: item[name] for name in test_riverty._VALUES} for item in (test_riverty.METER, LOW)
]


@dataclass
class Riverty:
    """Credits by a return, which the core judges."""

    caller: Any

    async def draft(self) -> None:
        await self.caller.ordered(items=[test_riverty.METER, LOW])

    async def final(self) -> None:
        await self.draft()
        await self.caller.invoiced()

    async def credit(self, name: str, lines: Sequence[int]) -> bool:
        came = [CAME_BACK[line - 1] for line in lines]
        await self.caller.about("returns", test_riverty.RETURN, items=came, returnReference=name)
        before = len(self.caller.stand_in.ledger.entries)
        self.caller.stand_in.finish("ORD1")
        return len(self.caller.stand_in.ledger.entries) > before

    async def shown(self) -> Any:
        return self.caller.stand_in.invoice("INV-1")


@dataclass(frozen=True)
class Shop:
    """A stand-in, and somebody at its desk."""

    name: str
    reference: str
    stand_in: Any
    desk: Desk

    @property
    def account(self) -> Any:
        """That of the invoice."""
        return self.stand_in.ledger.account(self.reference)


_MADE: dict[str, tuple[str, Any, Any, Any]] = {
    "zero_friction": (
        "INV-1",
        lambda: zf.ZeroFrictionStandIn(approval_delay=math.inf, sending_delay=math.inf),
        test_zero_friction.Caller,
        ZeroFriction,
    ),
    "mollie": ("INV-1", mollie.MollieStandIn, test_mollie.Caller, Mollie),
    "invoro": (
        "INV-1",
        lambda: invoro.InvoroStandIn(sending_delay=math.inf, delivery_delay=math.inf),
        test_invoro.Caller,
        Invoro,
    ),
    "quiddly": (
        "F-1",
        lambda: quiddly.QuiddlyStandIn(distribution_delay=math.inf),
        test_quiddly.Caller,
        Quiddly,
    ),
    "riverty": (
        "INV-1",
        lambda: riverty.RivertyStandIn(verdict_delay=math.inf, document_delay=math.inf),
        test_riverty.Caller,
        Riverty,
    ),
}
ALL = tuple(_MADE)
PARTS = ("invoro", "quiddly", "riverty")
WHOLE = ("zero_friction", "mollie")


@asynccontextmanager
async def opened(name: str) -> AsyncIterator[Shop]:
    """A shop of this provider, with nothing in it; nothing ends there by itself."""
    reference, made, caller, desk = _MADE[name]
    stand_in: StandIn = made()
    async with (
        serve(stand_in),
        httpx.AsyncClient(base_url=stand_in.url, timeout=2, verify=NO_TLS) as http,
    ):
        yield Shop(name, reference, stand_in, desk(caller(stand_in, http)))

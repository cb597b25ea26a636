"""A provider that costs nothing: what is left is the engine and our workflow.

It answers at once and from memory, in as many steps as a real one: three look-ups, an approval and
a sending that each are done at the next look.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from invoicing.money import plain
from invoicing.provider import (
    CreateCall,
    Echo,
    Figure,
    Found,
    LookUp,
    LookUpCall,
    Pace,
    Paces,
    Plan,
    ReadCall,
    Search,
    Snapshot,
    Stage,
    Target,
)
from invoicing.request import InvoiceRequest
from invoicing.totals import totals

NAME = "from_memory"
DIFFERS = "DIFFERS-"
"""How the reference of an invoice begins that comes out a cent too high: it waits for a person."""
CUSTOMER = "9f0c1e0e-8a55-4c7e-9d1b-5f6f2f0a1c11"
SHORT = Pace(
    first=timedelta(milliseconds=40), cap=timedelta(seconds=1), deadline=timedelta(hours=1)
)
PACES = Paces(approval=SHORT, sending=SHORT)

# An id of a provider's usual length, so that histories are as long as real ones.
LOOK_UPS = {
    "customer": Found(context={"customer_id": CUSTOMER}, buyer=CUSTOMER),
    "bank account": Found(context={"bank_account_id": CUSTOMER}),
    "tax codes": Found(context={"tax_codes": {"21": CUSTOMER}}),
}


class FromMemory:
    """All invoices are alike, and how far one has got travels in its context: nothing is kept."""

    name = NAME

    def __init__(self) -> None:
        self._echo = Echo()

    async def plan(self, request: InvoiceRequest) -> Plan:
        """See the port."""
        sums = totals(request.document, "line")
        vat = {plain(row.rate): row.vat for row in sums.vat_rows}
        self._echo = Echo(net=sums.net, vat=vat, gross=sums.gross, buyer=CUSTOMER)
        return Plan(
            totals=sums,
            echoes=(Figure.NET, Figure.VAT, Figure.GROSS, Figure.BUYER),
            look_ups=(tuple(LookUp(name=name) for name in LOOK_UPS),),
            find_first=True,
            credits=True,
            paces=PACES,
        )

    async def look_up(self, call: LookUpCall) -> Found:
        """See the port."""
        return LOOK_UPS[call.look_up.name]

    async def find(self, target: Target) -> Search:
        """See the port."""
        return Search()

    async def create(self, call: CreateCall) -> Snapshot:
        """See the port."""
        return self._snapshot(call.target, Stage.DRAFTED, then=Stage.DRAFTED)

    async def read(self, call: ReadCall) -> Snapshot:
        """See the port."""
        stage = Stage(str(call.target.context["then"]))
        snapshot = self._snapshot(call.target, stage, then=stage)
        echo = self._echo
        if call.target.reference.startswith(DIFFERS):
            echo = echo.model_copy(update={"gross": (echo.gross or 0) + Decimal("0.01")})
        return snapshot.model_copy(update={"echo": echo, "number": "2026-000001"})

    async def approve(self, target: Target) -> Snapshot:
        """See the port."""
        return self._snapshot(target, Stage.APPROVING, then=Stage.APPROVED)

    async def send(self, target: Target) -> Snapshot:
        """See the port."""
        return self._snapshot(target, Stage.SENDING, then=Stage.SENT)

    async def delete(self, target: Target) -> Snapshot:
        """See the port."""
        return self._snapshot(target, Stage.DELETED, then=Stage.DELETED)

    async def credit(self, target: Target) -> Snapshot:
        """See the port."""
        return self._snapshot(target, Stage.CREDITED, then=Stage.CREDITED)

    def _snapshot(self, target: Target, stage: Stage, *, then: Stage) -> Snapshot:
        return Snapshot(
            provider_id=target.provider_id or target.reference,
            stage=stage,
            status=stage.value,
            context={"then": then.value},
        )

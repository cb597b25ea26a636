"""A provider in the test's own memory that makes credit notes: it keeps what it was asked for."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from decimal import Decimal

from invoicing.document import Document
from invoicing.errors import FieldProblem, Rejected, Unavailable
from invoicing.money import plain
from invoicing.provider import (
    CreateCall,
    CreditsIn,
    Echo,
    Figure,
    Found,
    LookUpCall,
    PaymentStatus,
    Plan,
    ReadCall,
    Search,
    Snapshot,
    Stage,
    Target,
)
from invoicing.request import InvoiceRequest
from invoicing.totals import Totals, totals
from tests.lifecycle.world import PACES

NAME = "bookkeeper"


@dataclass
class Kept:
    """One invoice or credit note there."""

    id: str
    reference: str
    document: Document
    sums: Totals
    stage: Stage = Stage.DRAFTED
    number: str | None = None


class Bookkeeper:
    """Everything succeeds at once."""

    name = NAME

    def __init__(self) -> None:
        self.kept: dict[str, Kept] = {}
        self.credits_in: CreditsIn = "parts"
        self.refuses = 0
        """How many of the next creations it refuses."""
        self.happened: list[tuple[str, str]] = []
        """What was created, and what became final, by reference, in this order."""
        self.refused: set[str] = set()
        """Names of buyers that its adaptor refuses in plan."""
        self.away = 0
        """How many of the next plans get no answer."""
        self.precedents = True
        """Whether an invoice may name another one there."""

    def notes(self, invoice: str) -> list[Kept]:
        """The final credit notes of an invoice."""
        return [
            each
            for each in self.kept.values()
            if each.document.type == "credit_note"
            and each.reference.partition("#")[0] == invoice
            and each.stage.reached(Stage.APPROVED)
        ]

    def units(self, invoice: str, line: str) -> Decimal:
        """How many units of a line they credit."""
        lines = [one for each in self.notes(invoice) for one in each.document.lines]
        return sum((one.quantity for one in lines if one.id == line), Decimal(0))

    async def plan(self, request: InvoiceRequest) -> Plan:
        """See the port."""
        self._refuse(request)
        return Plan(
            totals=totals(request.document, "category"),
            echoes=(Figure.NET, Figure.VAT, Figure.GROSS),
            find_first=True,
            credits=True,
            paces=PACES,
        )

    def _refuse(self, request: InvoiceRequest) -> None:
        if self.away:
            self.away -= 1
            raise Unavailable("nobody answers")
        document, wrong = request.document, []
        if document.buyer.name in self.refused:
            wrong.append(FieldProblem(field="document.buyer.name", message="is not known there"))
        if document.precedents and document.type == "invoice" and not self.precedents:
            wrong.append(FieldProblem(field="document.precedents", message="has no place here"))
        if wrong:
            raise Rejected("the document has mistakes", fields=wrong)

    async def look_up(self, call: LookUpCall) -> Found:
        """See the port."""
        return Found()

    async def find(self, target: Target) -> Search:
        """See the port."""
        alive = (each for each in self.kept.values() if each.reference == target.reference)
        gone = (Stage.DELETED, Stage.CREDITED)
        return Search(invoices=tuple(_seen(each) for each in alive if each.stage not in gone))

    async def create(self, call: CreateCall) -> Snapshot:
        """See the port."""
        if self.refuses:
            self.refuses -= 1
            raise Rejected("not like this")
        made = Kept(uuid.uuid4().hex[:8], call.target.reference, call.document, call.totals)
        self.kept[made.id] = made
        self.happened.append(("created", made.reference))
        return _seen(made)

    async def read(self, call: ReadCall) -> Snapshot:
        """See the port."""
        return _seen(self._of(call.target))

    async def approve(self, target: Target) -> Snapshot:
        """See the port."""
        return self._now(target, Stage.APPROVED)

    async def send(self, target: Target) -> Snapshot:
        """See the port."""
        return self._now(target, Stage.SENT)

    async def delete(self, target: Target) -> Snapshot:
        """See the port."""
        return self._now(target, Stage.DELETED)

    async def credit(self, target: Target) -> Snapshot:
        """See the port."""
        if self.notes(self._of(target).reference):
            raise Rejected("parts of it are credited")
        return self._now(target, Stage.CREDITED)

    def _of(self, target: Target) -> Kept:
        return self.kept[target.provider_id or ""]

    def _now(self, target: Target, stage: Stage) -> Snapshot:
        kept = self._of(target)
        kept.stage = stage
        if stage.reached(Stage.APPROVED):
            self.happened.append(("final", kept.reference))
            kept.number = kept.number or f"N-{kept.id}"
        return _seen(kept)


def _seen(kept: Kept) -> Snapshot:
    vat = {plain(row.rate): row.vat for row in kept.sums.vat_rows}
    return Snapshot(
        provider_id=kept.id,
        stage=kept.stage,
        payment=PaymentStatus.UNPAID,
        status=kept.stage.value,
        number=kept.number,
        echo=Echo(net=kept.sums.net, vat=vat, gross=kept.sums.gross),
        reference=kept.reference,
    )

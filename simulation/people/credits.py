"""People who credit invoices: lines, amounts, the rest; at once, and under one name."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from functools import partial

from invoicing.credits.credit import Credit, CreditedAmount, CreditedLine
from invoicing.credits.document import credit_reference
from invoicing.request import InvoiceRequest
from invoicing.state.identity import credits_id
from simulation.decisions import Crediting, Decision
from simulation.engine import NotFound, Server
from simulation.judge.invariants import BY_A_PERSON, Judge
from simulation.people.caller import Caller
from simulation.people.people import People
from simulation.wire import Story, Wire


class CreditPeople:
    """Everybody who credits the invoices of one life."""

    def __init__(
        self,
        server: Server,
        wire: Wire,
        caller: Caller,
        people: People,
        judge: Judge,
        story: Story,
        requests: Sequence[InvoiceRequest],
    ) -> None:
        self._server = server
        self._wire = wire
        self._caller = caller
        self._people = people
        self._judge = judge
        self._story = story
        self._requests = requests

    def prepare(self, decisions: Sequence[Decision]) -> None:
        """Have them come when they were drawn to."""
        for each in decisions:
            if not isinstance(each, Crediting):
                continue
            if each.when.verb:
                self._wire.when(each.when, partial(self._come, each))
            else:
                # A life waits for them: an invoice is credited long after its end, too.
                self._wire.later(each.when.after, partial(self._come, each))

    def _come(self, each: Crediting) -> None:
        request = self._requests[each.place % len(self._requests)]
        if each.what == "cancel note":
            self._people.cancel(credit_reference(request.reference, each.name))
        elif each.what == "cancel invoice":
            self._people.cancel(request.reference)
        elif each.what == "terminate ledger":
            self._terminate(request.reference)
        else:
            for _ in range(1 + each.twice):
                self._credit(request, each)

    def _terminate(self, reference: str) -> None:
        try:
            self._server.terminate(credits_id(reference), BY_A_PERSON)
        except NotFound:
            return
        self._story.tell(f"{reference}: somebody terminates its credits")
        # Whoever did it begins them again, so that somebody hears how they end.
        self._caller.credits(reference)

    def _credit(self, request: InvoiceRequest, each: Crediting) -> None:
        self._story.tell(f"{request.reference}: somebody credits {each.what} as {each.name}")
        asker = self._caller.asker()
        self._judge.consents.asked(credit_reference(request.reference, each.name), asker)
        wanted = _wanted(request, each).model_copy(update={"proven": asker})

        def answered(taken: bool) -> None:
            word = "taken" if taken else "refused"
            self._story.tell(f"{request.reference}: credit {each.name} is {word}")

        self._people.instruct(self._caller.credits(request.reference), "credit", wanted, answered)


def _wanted(request: InvoiceRequest, each: Crediting) -> Credit:
    lines = request.document.lines
    line = lines[each.line % len(lines)]
    quantity = Decimal(each.quantity) if each.quantity else None
    ten_cents = CreditedAmount(
        rate=line.vat.rate, amount=Decimal(each.quantity + 1) * Decimal("0.10")
    )
    return Credit(
        credit=each.name,
        by="seller",
        reason="came back",
        whole=each.what == "whole",
        lines=(CreditedLine(id=line.id, quantity=quantity),) if each.what == "lines" else (),
        amounts=(ten_cents,) if each.what == "amount" else (),
    )

"""What is credited of an invoice, judged by what the provider holds."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from invoicing.credits.case import Credits, CreditState
from invoicing.state.identity import credits_id
from simulation.engine import NotFound, QueryFailed, Server
from simulation.judge.sentences import Sentence
from simulation.provider.ledger import Held, Ledger

Broken = Callable[[Sentence, str], None]


class CreditJudge:
    """Watches the credits of one life."""

    def __init__(self, server: Server, ledger: Ledger, echoes: bool, broken: Broken) -> None:
        self._server = server
        self._echoes = echoes
        self._ledger = ledger
        self._broken = broken

    def check(self) -> None:
        """What must hold at any moment: of no invoice, line or sum is more credited."""
        for invoice in self._invoices():
            notes = self._ledger.notes(invoice)
            if notes:
                self._never_more(invoice, notes)

    def _invoices(self) -> list[Held]:
        every = self._ledger.invoices.values()
        return [held for held in every if held.credits is None and (held.final or _by_us(held))]

    def _never_more(self, invoice: Held, notes: list[Held]) -> None:
        named = ", ".join(held.id for held in notes)
        if _by_us(invoice):
            what = f"{invoice.id} was credited as a whole, and by {named} too"
            self._broken(Sentence.NEVER_MORE, what)
        for line, units in invoice.units.items():
            credited = sum((held.units.get(line, Decimal(0)) for held in notes), Decimal(0))
            if credited > units:
                what = f"{invoice.id}: {credited} of {units} units of {line} by {named}"
                self._broken(Sentence.NEVER_MORE, what)
        # What somebody else has changed in a note is judged where it is made final.
        ours = not any(held.touched is not None for held in notes)
        for figure in ("net", "vat", "gross") if ours else ():
            credited = sum((getattr(held, figure) for held in notes), Decimal(0))
            if credited > getattr(invoice, figure):
                what = f"{invoice.id}: {figure} {credited} of {getattr(invoice, figure)} by {named}"
                self._broken(Sentence.NEVER_MORE, what)

    def end(self) -> None:
        """Everything has ended: what each ledger says is what is there."""
        for invoice in self._invoices():
            state = self._said(invoice.reference)
            if state is not None and state.number == invoice.number:
                self._true(invoice, state)

    def _said(self, reference: str) -> Credits | None:
        try:
            state: Credits = self._server.query(credits_id(reference), "state")
        except (NotFound, QueryFailed):
            return None
        return state

    def _true(self, invoice: Held, state: Credits) -> None:
        credited = Decimal(0)
        for each in state.credits:
            if each.precedent == state.number and each.became == "credited":
                credited += each.sums.gross
            if each.became == "reserved":
                what = f"{each.reference} is reserved, and its ledger has ended"
                self._broken(Sentence.CREDIT_TRUE, what)
            if why := self._untrue(each):
                self._broken(Sentence.CREDIT_TRUE, f"{each.reference} is {each.became}: {why}")
        if invoice.touched is not None and not self._echoes:
            return  # Somebody changed its figures, and the provider states none.
        if state.left is not None and state.left.sums.gross + credited != invoice.gross:
            what = f"{invoice.id}: {state.left.sums.gross} is left of {invoice.gross}"
            self._broken(Sentence.CREDIT_TRUE, f"{what}, and {credited} is credited")

    def _untrue(self, credit: CreditState) -> str:
        made = self._ledger.of(credit.reference)
        if any(held.touched is not None for held in made):
            return ""  # Somebody else had a hand in it.
        final = [held for held in made if held.final]
        if credit.became == "released":
            return f"{final[0].id} is final" if final else ""
        if [held.gross for held in final] != [credit.sums.gross]:
            return f"{len(final)} are final, of {[str(held.gross) for held in final]}"
        return ""


def _by_us(invoice: Held) -> bool:
    """Whether a call of ours has credited the whole of it."""
    return any(deed.what == "credited" and deed.ours for deed in invoice.deeds)

"""Amendments, judged by what the provider holds: credited first, and then made, once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from invoicing.credits.amend import Amend, Amendment, AmendStatus
from invoicing.credits.document import credit_reference
from invoicing.request import InvoiceRequest
from simulation.documents import content
from simulation.engine import Run, Server
from simulation.judge.sentences import Sentence
from simulation.provider.ledger import Held, Ledger

Broken = Callable[[Sentence, str], None]


class AmendJudge:
    """Watches the amendments of one life."""

    def __init__(self, server: Server, ledger: Ledger, broken: Broken) -> None:
        self._server = server
        self._ledger = ledger
        self._broken = broken
        self._asked: dict[str, list[tuple[str, str, str]]] = {}
        """By new reference: of which invoice, by which name, with which content."""

    def asked(self, reference: str, wanted: Amend) -> None:
        """Somebody asks for it; it may be taken."""
        new = wanted.invoice
        given = (reference, wanted.amendment, content(new.document))
        self._asked.setdefault(new.reference, []).append(given)

    def begins(self, request: InvoiceRequest) -> None:
        """An amendment has the new invoice made."""
        asked = self._asked.get(request.reference, [])
        if content(request.document) not in {wanted for _, _, wanted in asked}:
            what = f"{request.reference} is made of what nobody asked for"
            self._broken(Sentence.AMEND_TRUE, what)

    def check(self, finals: Sequence[Held]) -> None:
        """What must hold at any moment: no money is asked for twice."""
        if not self._asked:
            return
        for new in finals:
            for old in {old for old, _, _ in self._asked.get(new.reference, ())}:
                if new.approved_by_us:
                    self._credited(old, new)

    def _credited(self, reference: str, new: Held) -> None:
        for old in self._ledger.of(reference):
            if old.final and old.credits is None and not self._taken_back(old):
                what = f"{old.id} of {reference} stands, and so does {new.id} of {new.reference}"
                self._broken(Sentence.AMEND_CREDITS_FIRST, what)

    def _taken_back(self, old: Held) -> bool:
        """Whether nothing of it is left; also where somebody else had a hand in that."""
        names = {old.id, old.number}
        every = [each for each in self._ledger.invoices.values() if each.credits in names]
        if old.touched is not None or any(each.touched is not None for each in every):
            return True
        return sum(each.gross for each in self._ledger.notes(old)) == old.gross

    def end(self) -> None:
        """Everything has ended."""
        for identity in self._server.ids():
            if identity.startswith("amend/"):
                for run in self._server.runs(identity):
                    if run.status == "completed":
                        self._true(run)
        self._once()

    def _once(self) -> None:
        """Under one name there is one new invoice."""
        made: dict[tuple[str, str], set[str]] = {}
        for new, asked in self._asked.items():
            alive = any(held.approved_by_us and held.final for held in self._ledger.of(new))
            for old, name, _ in asked if alive else ():
                made.setdefault((old, name), set()).add(new)
        for (old, name), several in made.items():
            if len(several) > 1:
                what = f"amendment {name} of {old} has made {' and '.join(sorted(several))}"
                self._broken(Sentence.AMEND_TRUE, what)

    def _true(self, run: Run) -> None:
        said: Amendment = run.result
        if wrong := _wrong(said, self._ledger):
            what = f"{run.id} has ended as {said.status}, but {wrong}"
            self._broken(Sentence.AMEND_TRUE, what)


def _wrong(said: Amendment, ledger: Ledger) -> str:
    notes = ledger.of(credit_reference(said.reference, said.amendment))
    if any(note.touched is not None for note in notes):
        return ""
    final = [note for note in notes if note.final]
    if said.status is AmendStatus.REFUSED and said.credit is not None and final:
        return f"{final[0].id} credits it"
    if said.status in (AmendStatus.AMENDED, AmendStatus.CREDITED) and not said.credited:
        return "it is not credited"
    if said.status is AmendStatus.AMENDED:
        made = any(held.when("approved") for held in ledger.of(said.makes))
        return "" if made else f"{said.makes} was never final"
    return ""

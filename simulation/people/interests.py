"""What somebody was drawn to want, for the moment when a question offers it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from invoicing.document import Document
from invoicing.request import InvoiceRequest
from invoicing.state.questions import Answer
from simulation.documents import document
from simulation.people.truth import Choice


@dataclass
class Interests:
    """What is wanted of which invoice, apart from the truth."""

    requests: list[InvoiceRequest]
    correcting: dict[str, int] = field(default_factory=dict)
    """The wording that it is to have."""
    keeping: set[str] = field(default_factory=set)
    abandoning: set[str] = field(default_factory=set)
    answers_late: bool = False
    answers_twice: bool = False

    def choice(self, reference: str, offered: Sequence[Answer]) -> Choice | None:
        """What somebody was drawn to answer, where it is offered."""
        if reference in self.abandoning and Answer.ABANDON in offered:
            return Choice(Answer.ABANDON)
        if reference in self.keeping and Answer.KEEP in offered:
            return Choice(Answer.KEEP)
        if reference in self.correcting and Answer.CORRECT in offered:
            wording = self.correcting.pop(reference)
            return Choice(Answer.CORRECT, document=self.another(reference, wording))
        return None

    def another(self, reference: str, wording: int) -> Document:
        """The invoice's document in other words, or with another amount."""
        lines = len(self._request(reference).document.lines)
        return document(lines, wording, 50 if wording == 2 else 0)

    def late(self) -> bool:
        """Whether the next answer is sent late; once."""
        said, self.answers_late = self.answers_late, False
        return said

    def twice(self) -> bool:
        """Whether the next answer is given by two; once."""
        said, self.answers_twice = self.answers_twice, False
        return said

    def _request(self, reference: str) -> InvoiceRequest:
        return next(each for each in self.requests if each.reference == reference)

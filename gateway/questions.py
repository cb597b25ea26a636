"""The table of questions over REST: what may be asked of people, and what each answer does."""

from __future__ import annotations

from gateway.routes import Heads, Limits
from invoicing.model import Recorded
from invoicing.state.questions import QUESTIONS, Answer, Reason

heads = Heads("questions")
router = heads.router


class Choice(Recorded):
    """An answer, and what it does at its question."""

    answer: Answer
    meaning: str


class Row(Recorded):
    """A question of an invoice, of its credits, of an order or an event. One that is open offers
    some of these."""

    reason: Reason
    asked_by: str
    sentence: str
    answers: tuple[Choice, ...]


class QuestionList(Recorded):
    """Every question there is."""

    questions: tuple[Row, ...]


@heads.lists("The table", Limits.NONE)
async def list_questions() -> QuestionList:
    """Every question that a person may be asked, by its reason. Needs nobody behind the gateway."""
    return QuestionList(questions=tuple(map(_row, Reason)))


def _row(reason: Reason) -> Row:
    question = QUESTIONS[reason]
    answers = (Choice(answer=one, meaning=does) for one, does in question.answers.items())
    return Row(
        reason=reason,
        asked_by=question.of,
        sentence=question.sentence,
        answers=tuple(answers),
    )

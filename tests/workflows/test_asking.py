"""Which answers are refused, by the value that remembers the question."""

from __future__ import annotations

import pytest
from temporalio.exceptions import ApplicationError

from invoicing.state.case import Case
from invoicing.state.doubt import Doubt
from invoicing.state.invoice import Problem, Resolve
from invoicing.state.questions import Answer, Reason
from workflows.kit.asking import refuse_misplaced


def answer(question: str = "q1", said: Answer = Answer.RETRY) -> Resolve:
    return Resolve(by="a", reason="b", question=question, answer=said)


def asked(*, answered: Resolve | None = None) -> Case:
    case = Case(doubt=Doubt())
    case.problem = Problem(
        reason=Reason.REJECTED, what="no", question="q1", answers=(Answer.RETRY, Answer.ABANDON)
    )
    case.resolution = answered
    return case


def test_an_answer_to_the_open_question_is_taken() -> None:
    refuse_misplaced(asked(), answer())


def test_a_second_answer_does_not_replace_the_first() -> None:
    with pytest.raises(ApplicationError, match="somebody has just answered q1"):
        refuse_misplaced(asked(answered=answer()), answer(said=Answer.ABANDON))


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (answer("q2"), "q2 is not the question that is open now. That is q1: no"),
        (answer(said=Answer.KEEP), "keep is no answer to q1: retry, abandon"),
    ],
)
def test_an_answer_that_does_not_fit_is_refused_with_the_question_that_is_open(
    wrong: Resolve, why: str
) -> None:
    with pytest.raises(ApplicationError, match=why):
        refuse_misplaced(asked(), wrong)


def test_nothing_is_answered_where_nothing_is_asked() -> None:
    with pytest.raises(ApplicationError, match="it does not wait for a person"):
        refuse_misplaced(Case(doubt=Doubt()), answer())

"""The table of questions is complete, and its words mean what they say."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from invoicing.state.invoice import Problem, Resolve
from invoicing.state.questions import QUESTIONS, Answer, Reason, meaning

SAID = {"by": "an operator", "reason": "test", "question": "q1"}


def test_every_reason_has_its_question() -> None:
    assert set(QUESTIONS) == set(Reason)


@pytest.mark.parametrize("reason", Reason)
def test_every_question_says_what_each_answer_does_there(reason: Reason) -> None:
    question = QUESTIONS[reason]
    assert question.sentence
    assert all(question.answers.values())
    assert len(set(question.answers.values())) == len(question.answers)


@pytest.mark.parametrize("reason", Reason)
def test_every_question_can_be_left_to_itself(reason: Reason) -> None:
    """Nobody is held by a question that they cannot answer."""
    assert {Answer.ABANDON, Answer.DROP} & set(QUESTIONS[reason].answers)


def test_every_word_is_an_answer_somewhere() -> None:
    assert {word for question in QUESTIONS.values() for word in question.answers} == set(Answer)


@pytest.mark.parametrize(
    ("reason", "answer", "told"),
    [
        (
            Reason.MAY_EXIST,
            Answer.DID_NOT_HAPPEN,
            "it is NOT there, you have looked: create it now, unless cancelled",
        ),
        (Reason.CANNOT_TELL, Answer.HAPPENED, "the provider did it, you have looked"),
        (Reason.CANNOT_TELL, Answer.DID_NOT_HAPPEN, "the provider did NOT do it"),
        (Reason.HOLD_OVERDUE, Answer.RELEASE, "end the hold"),
        (Reason.CANNOT_CANCEL, Answer.KEEP, "withdraw the cancel"),
        (Reason.DRAFT_FAILED, Answer.HAPPENED, "it is there after all"),
    ],
)
def test_what_moves_money_is_said_in_so_many_words(
    reason: Reason, answer: Answer, told: str
) -> None:
    assert told in meaning(reason, answer)


@pytest.mark.parametrize(
    "said",
    [
        {"answer": "adopt"},
        {"answer": "retry", "provider_id": "1"},
        {"answer": "correct"},
        {"answer": "deliver"},
        {"answer": "free", "number": "1"},
        {"answer": "skip"},
        {"answer": "retry", "question": ""},
    ],
)
def test_an_answer_that_lacks_what_it_needs_is_refused(said: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Resolve.model_validate({**SAID, **said})


def test_an_answer_without_its_question_is_refused() -> None:
    said = {name: value for name, value in SAID.items() if name != "question"}
    with pytest.raises(ValidationError, match="question"):
        Resolve.model_validate({**said, "answer": "retry"})


def test_a_question_asked_again_is_the_same_one_whatever_its_number() -> None:
    asked = Problem(reason=Reason.GONE, what="it is gone", question="q1")
    assert asked.model_copy(update={"question": ""}).same(asked)
    assert not asked.model_copy(update={"what": "it is gone again"}).same(asked)
    assert not asked.same(None)

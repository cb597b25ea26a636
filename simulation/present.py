"""The words of the present core for what `invoicing/questions.py` calls by new ones."""

from __future__ import annotations

from typing import Any

from invoicing.invoice import Invoice, Problem, Resolve
from invoicing.questions import QUESTIONS, Answer, Reason
from simulation.truth import Choice

NEW = "question" in Resolve.model_fields

_RETRIES = (Answer.RETRY, Answer.WAIT, Answer.MAKE_AGAIN)
_SKIPS = (Answer.HAPPENED, Answer.GO_WITHOUT, Answer.RELEASE, Answer.KEEP)


def reason_of(problem: Problem) -> Reason:
    """Why it is asked."""
    try:
        return Reason(problem.reason.value)
    except ValueError:
        return Reason.REJECTED


def offered(problem: Any, state: Any) -> tuple[Answer, ...]:
    """What may be answered."""
    if NEW:
        return tuple(problem.answers)
    if not isinstance(state, Invoice):
        rest = (*_RETRIES, Answer.FREE, Answer.INVOICED, Answer.DELIVER, Answer.DROP)
        return (*rest, Answer.ABANDON)
    known = QUESTIONS[reason_of(problem)].answers
    words = {str(each) for each in getattr(problem, "actions", ())}
    found = [each for each in (Answer.ADOPT, Answer.CORRECT, Answer.ABANDON) if each in words]
    if "retry" in words:
        found += [each for each in _RETRIES if each in known][:1]
        found += [Answer.DID_NOT_HAPPEN] if reason_of(problem) is Reason.CANNOT_TELL else []
    if "skip" in words:
        if reason_of(problem) is Reason.MAY_EXIST:
            found.append(Answer.DID_NOT_HAPPEN)
        elif reason_of(problem) is Reason.CANNOT_CANCEL:
            found.append(Answer.KEEP if "let it go on" in problem.what else Answer.HAPPENED)
        else:
            found += [each for each in _SKIPS if each in known]
    return tuple(found)


def question_of(problem: Any, state: Any) -> str:
    """The identity of the question."""
    if NEW:
        return str(problem.question)
    return f"{problem.reason} {state.waiting.since if state.waiting else ''}"


def resolve(choice: Choice, reason: Reason, question: str, by: str, kind: str = "invoice") -> Any:
    """The instruction that answers."""
    why = "as seen at the provider"
    if not NEW and kind != "invoice":
        return _of_another(choice, by, why, kind)
    if NEW:
        given = {
            "provider_id": choice.provider_id,
            "document": choice.document,
            "number": choice.number,
            "reference": choice.reference,
        }
        fields: dict[str, Any] = {
            "by": by,
            "reason": why,
            "question": question,
            "answer": choice.answer,
            **given,
        }
        return Resolve.model_construct(None, **fields)
    from invoicing.invoice import Action

    if choice.answer in _RETRIES:
        action = Action.RETRY
    elif choice.answer is Answer.DID_NOT_HAPPEN:
        action = Action.SKIP if reason is Reason.MAY_EXIST else Action.RETRY
    elif choice.answer in _SKIPS:
        action = Action.SKIP
    else:
        action = Action(choice.answer.value)
    return Resolve.model_construct(
        by=by,
        reason=why,
        action=action,
        provider_id=choice.provider_id,
        document=choice.document,
    )


def _of_another(choice: Choice, by: str, why: str, kind: str) -> Any:
    from invoicing.news import ResolveEvent
    from invoicing.order import ResolveOrder

    action: Any = "retry" if choice.answer in _RETRIES else choice.answer.value
    if kind == "event":
        return ResolveEvent.model_construct(
            by=by, reason=why, action=action, reference=choice.reference
        )
    return ResolveOrder.model_construct(by=by, reason=why, action=action, number=choice.number)

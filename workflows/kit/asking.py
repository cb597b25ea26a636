"""Questions to a person, one at a time, each with an identity that its answer names."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta

from temporalio import workflow

from workflows.kit.endings import NobodyCame, refused
from workflows.kit.waiting import Waits

with workflow.unsafe.imports_passed_through():
    from invoicing.errors import FieldProblem
    from invoicing.state.bounds import said
    from invoicing.state.invoice import Problem, Resolve
    from invoicing.state.memory import Memory
    from invoicing.state.questions import QUESTIONS, Answer, Reason


class Asking:
    """The one place where a workflow waits for a person's answer.

    The table of questions (`invoicing.state.questions`) says which answers there are and what each
    does.
    """

    def __init__(self, memory: Memory, waits: Waits, note: Callable[[str], None]) -> None:
        self._memory = memory
        self._waits = waits
        self._note = note
        # A question that was open when the run before continued as new is asked again, under the
        # same identity, once the story has looked and come back to it.
        memory.problem = memory.resolution = None

    async def ask(
        self,
        reason: Reason,
        answers: Iterable[Answer],
        patience: timedelta,
        *,
        what: str = "",
        fields: tuple[FieldProblem, ...] = (),
        settled: Callable[[], bool] = lambda: False,
    ) -> Resolve | None:
        """A person's answer; None when `settled` says that news have come which may answer it.

        Raises NobodyCame when the time is over.
        """
        memory = self._memory
        problem = self._identified(reason, what, fields, tuple(answers))
        try:
            await self._waits.once(
                "person",
                reason,
                patience,
                lambda: memory.resolution is not None or settled(),
                f"a person: {reason}",
            )
        finally:
            memory.asked_waiting = self._waits.waiting
            answer, memory.problem, memory.resolution = memory.resolution, None, None
            self._waits.over()
        if answer is not None:
            memory.asked = memory.asked_waiting = None
            self._end_consents()
            return answer
        if settled():
            return None
        raise NobodyCame(problem.question)

    def _end_consents(self) -> None:
        """A consent ends with its question."""
        kept = tuple(each for each in self._memory.consents if not each.question)
        self._memory.consents = kept

    def _identified(
        self,
        reason: Reason,
        what: str,
        fields: tuple[FieldProblem, ...],
        answers: tuple[Answer, ...],
    ) -> Problem:
        """The open question. One asked again after news that changed nothing is the same one."""
        memory, table = self._memory, QUESTIONS[reason]
        if unknown := set(answers) - set(table.answers):
            raise RuntimeError(f"{reason} has no answers {sorted(unknown)}")
        problem = Problem(
            reason=reason,
            what=what or table.sentence,
            fields=said(fields),
            answers=tuple(each for each in table.answers if each in answers),
        )
        if memory.asked is not None and problem.same(memory.asked):
            memory.problem, self._waits.waiting = memory.asked, memory.asked_waiting
            return memory.asked
        self._end_consents()
        memory.questions += 1
        problem = problem.model_copy(update={"question": f"q{memory.questions}"})
        memory.problem = memory.asked = problem
        self._waits.over()
        self._note(f"needs attention: {problem}")
        return problem


def refuse_misplaced(memory: Memory, answer: Resolve) -> None:
    """Raises Refused, with the question that is open, for an answer that does not fit it."""
    problem = memory.problem
    if problem is None or not problem.answers:
        raise refused("it does not wait for a person")
    if memory.resolution is not None:
        raise refused(f"somebody has just answered {problem.question}")
    if answer.question != problem.question:
        raise refused(
            f"{answer.question} is not the question that is open now. That is {problem.question}: "
            f"{problem.what} ({_choice(problem)})"
        )
    if answer.answer not in problem.answers:
        raise refused(f"{answer.answer} is no answer to {problem.question}: {_choice(problem)}")


def _choice(problem: Problem) -> str:
    return ", ".join(problem.answers)

"""Answers to open questions: invoices, orders and events are answered alike.

An answer names its question. Who names none is shown the one that is open, and nothing happens: so
nobody answers what they have not seen, and no answer reaches a question that came up since.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from commands.base import BadInput, answered
from invoicing.client import Refused
from invoicing.state.invoice import COMES_WITH, Problem, Resolve
from invoicing.state.questions import QUESTIONS, Answer
from terminal import choices, plain, screen, trouble

Word = Annotated[
    Answer,
    typer.Argument(metavar="ANSWER", help="One of those above, where the question takes it."),
]
Question = Annotated[
    str | None,
    typer.Option("--question", metavar="ID", help="Which one you answer; `show` prints its id."),
]


@dataclass(frozen=True)
class Asked:
    """What is asked of somebody: `name` is whose question it is, `command` what answers it."""

    name: str
    command: str
    problem: Callable[[], Awaitable[Problem | None]]

    async def give(self, said: Resolve | None, give: Callable[[Resolve], Awaitable[Any]]) -> None:
        """Give this answer. Shows the open question where there is none, or it does not fit."""
        try:
            if said is None:
                raise await self._unseen()
            await answered(give(said))
        except Refused as error:
            if error.problem:
                self._show(error.problem)
            raise

    async def _unseen(self) -> Refused:
        if problem := await answered(self.problem()):
            return Refused(
                f"{self.name}: nothing was answered. Say which question you answer: the one that "
                f"is open is {problem.question}, so --question {problem.question}",
                problem,
            )
        return Refused(f"{self.name}: it does not wait for a person")

    def _show(self, problem: Problem) -> None:
        console = screen(error=True)
        console.print(f"{plain(self.name)}. {trouble(problem)}\n", soft_wrap=True)
        console.print(choices(problem, f"{self.command} {self.name}"), soft_wrap=True)


def said(
    answer: Answer, question: str | None, by_and_why: Callable[[], dict[str, str]], **more: Any
) -> Resolve | None:
    """The answer as it was typed; None where it names no question. Raises BadInput."""
    for word, field in COMES_WITH.items():
        if field in more and (answer is word) != (more[field] is not None):
            raise BadInput(f"{word}, and only {word}, needs {_option(field)}.")
    if more.get("number") is not None and answer is not Answer.INVOICED:
        raise BadInput("Only invoiced takes --number.")
    if question is None:
        return None
    return Resolve(question=question, answer=answer, **by_and_why(), **more)


def _option(field: str) -> str:
    return f"--{field.replace('_', '-')}"


def helped(
    *paragraphs: str,
    answers: Iterable[Answer],
    means: Callable[[Answer], str] = lambda word: word.means,
) -> str:
    """A help text that ends with what each of these answers says."""
    listed = "\n".join(f"{word:<15} {means(word)}" for word in answers)
    return "\n\n".join([*paragraphs, listed])


def taken(*of: str) -> tuple[Answer, ...]:
    """The answers that some question of an invoice, an order or an event takes."""
    words = {word for each in QUESTIONS.values() if each.of in of for word in each.answers}
    return tuple(word for word in Answer if word in words)

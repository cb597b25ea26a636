"""What every step is made of: look, act once, look again; wait; ask a person.

The rule for every call that changes something: look, act once, look again. What an uncertain call
did is never guessed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from temporalio import workflow
from temporalio.exceptions import ActivityError

from workflows.calls import Calls, Kind, Trouble, trouble
from workflows.desk import Cancelling, Desk, Ended, Overdue, StartOver
from workflows.telemetry import Doubts

with workflow.unsafe.imports_passed_through():
    from invoicing.echo import differences
    from invoicing.errors import FieldProblem
    from invoicing.invoice import Action, Problem, Reason, Resolve, Status
    from invoicing.provider import (
        CONFIRMED,
        Event,
        Pace,
        Plan,
        Snapshot,
        Stage,
    )

R = TypeVar("R")
Change = Callable[..., workflow.ActivityHandle[Snapshot]]

RETRY, ADOPT, CORRECT, SKIP, ABANDON = Action


class Moves:
    """One invoice's calls, waits and questions."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._case = desk.case
        self._calls = Calls(desk.request.provider)
        self._doubts = Doubts(desk.request.provider)
        if desk.case.plan:
            self._calls.follow(desk.case.plan)

    @property
    def _plan(self) -> Plan:
        if self._case.plan is None:
            raise RuntimeError("no step but plan runs without a plan")
        return self._case.plan

    @property
    def _unseen(self) -> bool:
        """Whether nobody can look what became of a call: the provider or a person tells it."""
        return self._plan.blind or self._plan.repeatable

    # Looking

    async def _view(self) -> Stage:
        """The stage as it is now. A word nobody knows is waited on, visibly, never acted on."""
        if not self._desk.fresh:
            await self._look()
        while not self._case.known:
            await self._wait(
                f"a known status, not {self._case.provider_status!r}",
                self._plan.paces.approval,
                Reason.UNKNOWN_STATUS,
                confirms=self._asked_for,
            )
            await self._look()
        return self._case.stage

    @property
    def _asked_for(self) -> str:
        """The change whose outcome is awaited."""
        awaited = {Stage.DRAFTING: "create", Stage.APPROVING: "approve"}
        return awaited.get(self._case.stage, self._case.accepted)

    async def _look(self) -> None:
        while not self._desk.fresh:
            try:
                await self._read()
            except Trouble as problem:
                await self._ask_about(problem, (RETRY, ABANDON))

    async def _read(self) -> None:
        case = self._case
        events, case.inbox = case.inbox, ()
        try:
            (snapshot,) = await self._answers(
                self._calls.read(case.target(self._desk.request), events)
            )
        except (Trouble, Cancelling):
            case.inbox = (*events, *case.inbox)
            raise
        self._learn(snapshot)
        self._desk.fresh = True

    def _learn(self, snapshot: Snapshot) -> None:
        before = self._case.stage
        self._case.learn(snapshot)
        if self._plan.repeatable and self._case.stage not in (Stage.NONE, Stage.DRAFTING):
            # Confirmed under our name: there is no other.
            self._case.was_in_doubt = False
        if self._case.stage is not before:
            self._doubts.end("found")
            self._desk.note(" · ".join(filter(None, (self._case.stage, snapshot.status))))

    def _differences(self) -> tuple[FieldProblem, ...]:
        echo = self._case.echo
        if echo is None:
            return (FieldProblem(field="figures", message="the provider states none"),)
        wrong = differences(
            self._plan.totals,
            self._case.buyer,
            self._desk.request.document.number,
            echo,
            self._plan.echoes,
        )
        return tuple(FieldProblem(field=each.figure, message=str(each)) for each in wrong)

    @property
    def _deletable(self) -> bool:
        return self._case.stage in (Stage.NONE, Stage.DRAFTED, Stage.FAILED)

    # Acting

    async def _attempt(self, verb: str, change: Change, answers: tuple[Action, ...]) -> None:
        """Act once. Whatever came of it, the next look decides."""
        if self._plan.blind and self._case.unsure == verb:
            await self._ask_what_became_of(verb)
            return
        before = self._case.stage
        self._desk.fresh, self._case.insisted = False, ""
        try:
            snapshot = await self._change(change(self._case.target(self._desk.request)))
        except Trouble as problem:
            await self._after(problem, verb, before, answers)
        else:
            self._case.accepted = verb
            self._learn(snapshot)
            # A yes that names a state on the way, or an end, is news enough; figures need a look.
            self._desk.fresh = self._case.stage not in (Stage.DRAFTED, Stage.APPROVED)

    async def _after(
        self, problem: Trouble, verb: str, before: Stage, answers: tuple[Action, ...]
    ) -> None:
        self._desk.note(f"{verb}: {problem.kind}")
        if problem.kind is Kind.UNAVAILABLE:
            await self._wait_for_provider(problem)
        elif problem.kind in (Kind.UNKNOWN, Kind.UNREADABLE):
            self._case.unsure = verb if self._unseen else ""
            self._doubts.begin(verb)
            await self._desk.settle()
            if await self._view() is before and not self._plan.blind:
                self._doubts.end("absent")
                await self._wait_for_provider(problem)
        elif await self._view() is before:
            # A refusal while the stage has not moved is no "already done" in disguise, unless
            # nobody can see the stage move.
            if self._plan.blind:
                await self._refused_unseen(problem, verb, answers)
            elif SKIP is await self._ask_about(problem, answers):
                self._skip(verb)

    async def _refused_unseen(
        self, problem: Trouble, verb: str, answers: tuple[Action, ...]
    ) -> None:
        """Refused, perhaps because it had been done: news may tell, and it is not tried unasked."""
        self._case.unsure = verb
        offered = tuple(dict.fromkeys((*answers[:-1], SKIP, ABANDON)))
        action = await self._ask_about(problem, offered)
        self._case.unsure = ""
        if action is SKIP:
            self._confirm(verb)

    async def _ask_what_became_of(self, verb: str) -> None:
        """Only a person can look: what they saw reaches the adaptor like the provider's news."""
        action = await self._ask(
            Reason.CANNOT_TELL,
            f"nobody can tell from here whether the provider did {verb}: skip if it did, retry "
            "if you know that it did not",
            (RETRY, SKIP, ABANDON),
        )
        self._case.unsure = ""
        if action is SKIP:
            self._confirm(verb)

    def _confirm(self, verb: str) -> None:
        """A person has seen that it took effect."""
        self._case.receive(
            Event(id=f"{CONFIRMED} {workflow.uuid4()}", kind=CONFIRMED, body={"verb": verb})
        )

    # Waiting

    async def _wait_for_draft(self) -> None:
        pace = self._plan.paces.drafting
        await self._wait("confirmation", pace, Reason.DRAFT_OVERDUE, confirms="create")

    async def _wait_for_approval(self) -> None:
        pace = self._plan.paces.approval
        await self._wait("approval", pace, Reason.APPROVAL_OVERDUE, confirms="approve")

    async def _wait_until_gone(self, what: str) -> None:
        """The provider takes its time to delete or credit it, or has refused to."""
        verb = self._case.accepted
        if not self._case.problems:
            pace = self._plan.paces.sending
            await self._wait(what, pace, Reason.CANNOT_CANCEL, confirms=verb)
            return
        action = await self._ask(
            Reason.CANNOT_CANCEL,
            "the provider refuses to take it back",
            (RETRY, SKIP, ABANDON) if self._unseen else (RETRY, ABANDON),
            self._case.problems,
        )
        self._case.accepted = ""
        if action is SKIP:
            self._confirm(verb)

    async def _wait(
        self, what: str, pace: Pace, overdue: Reason, skips: str = "", confirms: str = ""
    ) -> None:
        """One pause of a row; when the row is over, ask whether to go on waiting.

        `confirms` is the change that is waited for: where its outcome can only be told, a person
        who knows of it may tell it.
        """
        try:
            await self._desk.pause(what, pace)
        except Overdue:
            known = confirms if self._unseen else ""
            action = await self._ask(
                overdue,
                f"waited for {what} as long as was planned"
                + (f": skip if you know that the provider did {known}" if known else ""),
                (RETRY, SKIP, ABANDON) if skips or known else (RETRY, ABANDON),
            )
            self._case.accepted = ""
            if action is SKIP and known:
                self._confirm(known)
            elif action is SKIP:
                self._skip(skips)

    async def _wait_for_provider(self, problem: Trouble) -> None:
        at_least = problem.retry_after or timedelta()
        try:
            await self._desk.back_off(self._plan.paces.unavailable, at_least)
        except Overdue:
            await self._ask_about(problem, (RETRY, ABANDON))

    def _accepted(self, verb: str) -> bool:
        return self._case.accepted == verb

    def _insisted(self, verb: str) -> bool:
        return self._case.insisted == verb

    def _skipped(self, step: str) -> bool:
        return step in self._case.skipped

    def _skip(self, step: str) -> None:
        self._case.skipped = (*self._case.skipped, step)

    # Asking

    async def _ask_about(self, problem: Trouble, actions: tuple[Action, ...]) -> Action:
        reason = Reason.REJECTED if problem.final else Reason.PROVIDER_UNAVAILABLE
        return await self._ask(reason, problem.message, actions, problem.fields)

    async def _ask(
        self,
        reason: Reason,
        what: str,
        actions: tuple[Action, ...],
        fields: tuple[FieldProblem, ...] = (),
    ) -> Action:
        """Park until a person decides; retry and skip are the caller's, the rest ends here."""
        if self._case.plan and self._unseen:
            # Nobody could compare the figures of what is adopted.
            actions = tuple(each for each in actions if each is not ADOPT)
        answer = await self._desk.attend(
            Problem(reason=reason, what=what, fields=fields, actions=actions)
        )
        if reason in (Reason.MAY_EXIST, Reason.CANNOT_TELL, Reason.SEVERAL_FOUND):
            self._doubts.end("asked")
        if answer.action is ABANDON:
            raise Ended(Status.ABANDONED)
        if answer.action is ADOPT:
            self._case.forget()
            self._case.provider_id, self._case.doubt = answer.provider_id, False
            self._case.assured |= reason is Reason.MAY_EXIST
            raise StartOver
        if answer.action is CORRECT:
            await self._correct(answer)
        return answer.action

    # Calling

    async def _answers(self, *calls: workflow.ActivityHandle[R]) -> list[R]:
        """What harmless calls answered; all are given up when one fails or a cancel comes."""

        def settled() -> bool:
            ended = [call for call in calls if call.done()]
            return (
                len(ended) == len(calls)
                or any(call.exception() for call in ended)
                or self._desk.cancel_pending
            )

        await workflow.wait_condition(settled)
        failed = [error for call in calls if call.done() and (error := call.exception())]
        pending = [call for call in calls if not call.done()]
        for call in pending:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        for error in failed:
            raise trouble(error, changes=False) if isinstance(error, ActivityError) else error
        if pending:
            raise Cancelling
        return [call.result() for call in calls]

    async def _change(self, call: workflow.ActivityHandle[R]) -> R:
        """The answer to a call that changes something; nothing cuts it short."""
        self._desk.in_flight = True
        try:
            return await call
        except ActivityError as error:
            raise trouble(error, changes=True) from None
        finally:
            self._desk.in_flight = False

    async def _correct(self, answer: Resolve) -> None:
        """Make it again from the answer's document."""
        raise NotImplementedError

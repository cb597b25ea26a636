"""The steps of an invoice's life. Each looks where the invoice is and does only what is missing, so
that any of them may be begun again: after a doubt, a correction, a cancel, a new run.

The rule for every call that changes something: look, act once, look again. What an uncertain call
did is never guessed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

from workflows.calls import Calls, Kind, Trouble, trouble
from workflows.desk import Cancelling, Desk, Ended, Overdue, StartOver

with workflow.unsafe.imports_passed_through():
    from invoicing.case import reached
    from invoicing.echo import differences
    from invoicing.errors import FieldProblem
    from invoicing.invoice import Action, Problem, Reason, Resolve, Status
    from invoicing.provider import (
        CONFIRMED,
        CreateCall,
        Event,
        LookUp,
        Pace,
        Plan,
        Search,
        Snapshot,
        Stage,
    )
    from invoicing.request import Goal

R = TypeVar("R")
Change = Callable[..., workflow.ActivityHandle[Snapshot]]

RETRY, ADOPT, CORRECT, SKIP, ABANDON = Action

_NOTHING = (Stage.NONE, Stage.DELETED)


class Steps:
    """What happens to one invoice, step by step."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._case = desk.case
        self._calls = Calls(desk.request.provider)
        if desk.case.plan:
            self._calls.follow(desk.case.plan)

    # The story

    async def plan(self) -> None:
        """Have the adaptor check the request and say how it will be carried out."""
        while self._case.plan is None:
            try:
                (plan,) = await self._answers(self._calls.plan(self._desk.request))
            except Trouble as problem:
                await self._not_planned(problem)
            else:
                self._follow(plan)

    async def look_up(self) -> None:
        """Ask the provider's master data; what does not depend on each other, at once."""
        while not self._case.looked_up:
            try:
                for wave in self._plan.look_ups:
                    await self._look_up_wave(wave)
            except Trouble as problem:
                await self._ask_about(problem, (RETRY, CORRECT, ABANDON))
            else:
                self._case.looked_up = True

    async def create_draft(self) -> None:
        """Make the draft unless it is there; never a second one while a first is in doubt."""
        while self._case.provider_id is None:
            if self._must_look and await self._found():
                return
            self._desk.heed_cancel()
            await self._create()

    async def confirm_draft(self) -> None:
        """Where the provider confirms a draft later, wait until it has, or has refused it."""
        while self._case.stage in (Stage.DRAFTING, Stage.NONE):
            if (stage := await self._view()) is Stage.DRAFTING:
                await self._wait_for_draft()
            elif stage is Stage.NONE:
                await self._refused_after_all()

    async def check(self) -> None:
        """Compare the provider's figures with ours to the cent; a difference parks the invoice."""
        while True:
            if (stage := await self._view()) in (Stage.DELETED, Stage.CREDITED):
                await self._over(stage)
            wrong = self._differences()
            if not wrong:
                return
            await self._ask(
                Reason.AMOUNTS_DIFFER,
                "the provider's figures are not ours",
                (RETRY, CORRECT, ABANDON) if self._deletable else (RETRY, ABANDON),
                wrong,
            )

    async def approve(self) -> None:
        """Make it final, not before a hold is released, and poll until it has its number."""
        if self._desk.request.goal is Goal.DRAFTED:
            return
        while not (stage := await self._view()).reached(Stage.APPROVED):
            if stage is Stage.FAILED and not self._insisted("approve"):
                await self._ask_again("approve", Reason.APPROVAL_FAILED, (RETRY, CORRECT, ABANDON))
            elif stage in (Stage.NONE, Stage.DELETED, Stage.CREDITED):
                await self._over(stage)
            elif stage is Stage.APPROVING or self._accepted("approve"):
                await self._wait_for_approval()
            else:
                await self._act("approve", self._calls.approve, (RETRY, CORRECT, ABANDON))
        self._desk.show()
        await self._desk.tell_order()

    async def send(self) -> None:
        """Send it, once, and wait until the provider says it is on its way."""
        if self._desk.request.goal in (Goal.DRAFTED, Goal.APPROVED):
            return
        while not (stage := await self._view()).reached(Stage.SENT) and not self._skipped("send"):
            if stage in (Stage.NONE, Stage.DELETED, Stage.CREDITED):
                await self._over(stage)
            elif not stage.reached(Stage.APPROVED):
                # It went back: what is missing again is done again.
                raise StartOver
            elif self._case.problems and not self._insisted("send"):
                await self._ask_again("send", Reason.SENDING_FAILED, (RETRY, SKIP, ABANDON))
            elif stage is Stage.SENDING or self._accepted("send"):
                await self._wait(
                    "sending", self._plan.paces.sending, Reason.SENDING_OVERDUE, "send"
                )
            else:
                await self._act("send", self._calls.send, (RETRY, SKIP, ABANDON))

    async def track(self) -> None:
        """Follow delivery and payment as far as the goal asks."""
        goal, paces = self._desk.request.goal, self._plan.paces
        if goal is Goal.DELIVERED:
            await self._until(goal, "delivery", paces.delivery, Reason.DELIVERY_OVERDUE)
        elif goal is Goal.PAID:
            await self._until(goal, "payment", paces.payment, Reason.PAYMENT_OVERDUE)

    async def be_alone(self) -> None:
        """After a create that was ever uncertain, make sure that it left nothing else behind.

        It may take effect after all, later than anybody looked. A draft too many does no harm as
        long as none is approved, and must not be left lying about in the end.
        """
        while self._case.was_in_doubt:
            search = await self._search()
            if all(one.provider_id == self._case.provider_id for one in search.invoices):
                return
            await self._ask_to_leave_one(len(search.invoices))

    async def take_back(self) -> None:
        """Cancel in the form the stage asks for: stop, delete the draft, or credit.

        Returns only when a person decided that the invoice goes on after all.
        """
        self._desk.taking_back = True
        while self._case.cancel is not None:
            if self._case.provider_id is None and not await self._found_in_doubt():
                raise Ended(Status.CANCELLED)
            await self._take_back_from(await self._view())
        self._desk.taking_back = False

    # Planning and looking up

    @property
    def _plan(self) -> Plan:
        if self._case.plan is None:
            raise RuntimeError("no step but plan runs without a plan")
        return self._case.plan

    @property
    def _unseen(self) -> bool:
        """Whether nobody can look what became of a call: the provider or a person tells it."""
        return self._plan.blind or self._plan.repeatable

    def _follow(self, plan: Plan) -> None:
        self._case.plan, self._case.context, self._case.buyer = plan, plan.context, plan.buyer
        self._case.keys = plan.keys
        self._calls.follow(plan)

    async def _not_planned(self, problem: Trouble) -> None:
        if not problem.final or self._case.corrected:
            await self._ask_about(problem, (RETRY, CORRECT, ABANDON))
            return
        self._case.problem = Problem(
            reason=Reason.REJECTED, what=problem.message, fields=problem.fields
        )
        failure = ApplicationError(
            problem.message, *problem.fields, type=problem.kind.value, non_retryable=True
        )
        raise Ended(Status.REJECTED, failure)

    async def _look_up_wave(self, wave: tuple[LookUp, ...]) -> None:
        target = self._case.target(self._desk.request)
        for found in await self._answers(*(self._calls.look_up(target, one) for one in wave)):
            self._case.context = {**self._case.context, **found.context}
            self._case.buyer = found.buyer or self._case.buyer

    # Creating

    @property
    def _must_look(self) -> bool:
        """Whether a create must not go out unseen, because one may have happened before."""
        return not self._plan.repeatable and (self._plan.find_first or self._case.doubt)

    async def _create(self) -> None:
        call = CreateCall(
            target=self._case.target(self._desk.request),
            document=self._desk.request.document,
            options=self._desk.request.options,
            totals=self._plan.totals,
        )
        before = self._case.doubt
        # A worker that dies from here on leaves a doubt, not a blank.
        self._case.doubt = True
        try:
            self._learn(await self._change(self._calls.create(call)))
        except Trouble as problem:
            if problem.kind is Kind.UNKNOWN:
                self._case.was_in_doubt = True
                self._desk.note("create: outcome unknown")
                await self._desk.settle()
                # Longer each time: it may take effect late, and it may never work.
                await self._wait_for_provider(problem)
                return
            # Nothing happened, it says: where looking costs one call, that is not taken on trust.
            self._case.doubt = self._plan.find_first or before
            # Where it is, a look before the approval is cheap enough.
            self._case.was_in_doubt |= not (self._plan.find_first or self._plan.repeatable)
            if problem.kind is Kind.UNAVAILABLE:
                await self._wait_for_provider(problem)
            elif not (self._plan.find_first and await self._found()):
                # Not "it is there already" in disguise.
                await self._ask_about(problem, self._answers_to_a_refusal)
        else:
            # Looked at last was the draft that this one replaces, if anything.
            self._case.doubt = self._desk.fresh = False
            self._desk.note("draft created")
            self._desk.show()

    async def _refused_after_all(self) -> None:
        """It was taken, and then refused: there is nothing, until somebody has it made again."""
        await self._ask(
            Reason.DRAFT_FAILED,
            "the provider took it and then refused it",
            self._answers_to_a_refusal,
            self._case.problems,
        )
        self._case.forget()
        raise StartOver

    @property
    def _answers_to_a_refusal(self) -> tuple[Action, ...]:
        """No correction while one of the old content may come to light under the same name."""
        doubted = self._plan.repeatable and (self._case.doubt or self._case.was_in_doubt)
        return (RETRY, ABANDON) if doubted else (RETRY, CORRECT, ABANDON)

    async def _found(self) -> bool:
        """Look for our reference; adopt the one invoice that carries it. False if there is none."""
        while True:
            search = await self._search()
            if len(search.invoices) == 1:
                self._adopt(search.invoices[0])
                return True
            if len(search.invoices) > 1:
                await self._ask_to_leave_one(len(search.invoices))
            elif search.complete:
                self._case.doubt = False
                return False
            else:
                action = await self._ask(
                    Reason.CANNOT_TELL,
                    "the provider cannot tell whether the draft was created: look there, and skip "
                    "if it was not",
                    (RETRY, ADOPT, SKIP, ABANDON),
                )
                if action is SKIP:
                    self._case.doubt = False
                    return False

    async def _ask_to_leave_one(self, number: int) -> None:
        # Whoever cancels now does not make them go away.
        self._case.doubt = self._case.provider_id is None
        await self._ask(
            Reason.SEVERAL_FOUND,
            f"{number} invoices carry this reference: delete all but one there, then retry",
            (RETRY, ABANDON),
        )

    async def _search(self) -> Search:
        while True:
            try:
                (search,) = await self._answers(
                    self._calls.find(self._case.target(self._desk.request))
                )
            except Trouble as problem:
                await self._ask_about(problem, (RETRY, ABANDON))
            else:
                return search

    def _adopt(self, snapshot: Snapshot) -> None:
        self._learn(snapshot)
        self._case.doubt = False
        # A search result may be older or thinner than the invoice itself.
        self._desk.fresh = False
        self._desk.note("found by our reference and adopted")
        self._desk.show()

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

    async def _act(self, verb: str, change: Change, answers: tuple[Action, ...]) -> None:
        """An irreversible step: figures agree, nobody holds or cancels it, and the look is fresh.

        Comes back without having acted when anything was waited for: the caller looks again.
        """
        seen = self._case.stage
        await self.check()
        await self.be_alone()
        if self._case.stage is seen and await self._may_go():
            await self._attempt(verb, change, answers)

    async def _may_go(self) -> bool:
        """Whether nothing had to be waited for. No await between a True and the call."""
        try:
            waited = await self._desk.gate()
        except Overdue:
            action = await self._ask(
                Reason.HOLD_OVERDUE,
                "nobody released it in time: retry to hold it further, skip to release it",
                (RETRY, SKIP, ABANDON),
            )
            if action is SKIP:
                self._case.hold = None
            return False
        return not waited and self._desk.fresh

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
            await self._desk.settle()
            if await self._view() is before and not self._plan.blind:
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

    async def _take_back_from(self, stage: Stage) -> None:
        allowed = self._plan.credits and self._desk.request.may_credit
        if stage is Stage.CREDITED:
            raise Ended(Status.CREDITED)
        if stage in (Stage.DELETED, Stage.NONE):
            await self._deleted()
        elif stage is Stage.DRAFTING:
            await self._wait_for_draft()
        elif stage is Stage.APPROVING:
            await self._wait_for_approval()
        elif self._accepted("delete") or self._accepted("credit"):
            await self._wait_until_gone("cancellation")
        elif self._deletable:
            await self._delete()
        elif allowed:
            await self._attempt("credit", self._calls.credit, (RETRY, ABANDON))
        elif SKIP is await self._ask(
            Reason.CANNOT_CANCEL,
            "it is final and may not be credited: skip to let it go on",
            (RETRY, SKIP, ABANDON),
        ):
            self._case.cancel = None

    async def _found_in_doubt(self) -> bool:
        """Whether there is something to take back that we did not know of."""
        if not self._case.doubt:
            return False
        await self.plan()
        await self.look_up()
        if not self._plan.repeatable:
            return await self._found()
        while self._case.was_in_doubt and self._case.provider_id is None:
            # Only what is known to be there can be taken back.
            await self._create()
        return self._case.provider_id is not None

    async def _deleted(self) -> None:
        """Cancelled, unless a create that was once in doubt may have left another draft."""
        if not self._case.was_in_doubt:
            raise Ended(Status.CANCELLED)
        if self._plan.repeatable:
            await self._ask_whether_it_is_there()
        self._case.forget()
        self._case.doubt, self._case.was_in_doubt = True, self._plan.repeatable

    async def _ask_whether_it_is_there(self) -> None:
        """A create made again was refused: perhaps because the first had been taken."""
        action = await self._ask(
            Reason.DRAFT_FAILED,
            "the provider refused it, perhaps because it has it already: skip if you know that it "
            "has not",
            (RETRY, SKIP, ABANDON),
            self._case.problems,
        )
        if action is SKIP:
            raise Ended(Status.CANCELLED)

    async def _delete(self) -> None:
        """Delete the draft, unless it may have become final and nobody would object."""
        unchecked = self._plan.blind or self._desk.request.order is not None
        if self._case.unsure == "approve" and unchecked:
            await self._ask_what_became_of("approve")
        else:
            await self._attempt("delete", self._calls.delete, (RETRY, ABANDON))

    async def _withdraw(self) -> None:
        """Delete the draft that a correction replaces."""
        while self._case.provider_id is not None and await self._view() not in _NOTHING:
            if self._case.stage is Stage.DRAFTING:
                await self._wait_for_draft()
            elif not self._deletable:
                await self._ask(
                    Reason.CANNOT_CANCEL,
                    "it became final meanwhile: it can be cancelled, not corrected",
                    (RETRY, ABANDON),
                )
            elif self._accepted("delete"):
                await self._wait_until_gone("deletion")
            else:
                await self._delete()

    # Waiting

    async def _until(self, goal: Goal, what: str, pace: Pace, overdue: Reason) -> None:
        while not reached(goal, self._case) and not self._skipped(what):
            if (stage := await self._view()) in (Stage.DELETED, Stage.CREDITED, Stage.FAILED):
                await self._over(stage)
            elif not reached(goal, self._case):
                await self._wait(what, pace, overdue, what)

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

    async def _ask_again(self, verb: str, reason: Reason, actions: tuple[Action, ...]) -> None:
        """The provider gave up: on retry, act again although it still says so."""
        action = await self._ask(
            reason, "the provider reports a failure", actions, self._case.problems
        )
        self._case.accepted, self._case.insisted = "", verb
        if action is SKIP:
            self._skip(verb)

    async def _over(self, stage: Stage) -> None:
        """The invoice ended at the provider without us."""
        if stage is Stage.CREDITED:
            raise Ended(Status.CREDITED)
        await self._ask(
            Reason.GONE,
            f"it is {stage} at the provider, and not by us: retry to make it again",
            (RETRY, ADOPT, ABANDON),
        )
        self._case.forget()
        self._case.doubt = True
        raise StartOver

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
        if answer.action is ABANDON:
            raise Ended(Status.ABANDONED)
        if answer.action is ADOPT:
            self._case.forget()
            self._case.provider_id, self._case.doubt = answer.provider_id, False
            raise StartOver
        if answer.action is CORRECT:
            await self._correct(answer)
        return answer.action

    async def _correct(self, answer: Resolve) -> None:
        if self._case.plan and self._case.plan.blind:
            # Whoever corrects it knows that it is a draft.
            self._case.unsure = ""
        await self._withdraw()
        update = {"document": answer.document}
        self._desk.request = self._desk.request.model_copy(update=update)
        self._case.forget()
        self._case.plan, self._case.looked_up, self._case.corrected = None, False, True
        raise StartOver

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

    async def _change(self, call: workflow.ActivityHandle[Snapshot]) -> Snapshot:
        """The answer to a call that changes something; nothing cuts it short."""
        self._desk.in_flight = True
        try:
            return await call
        except ActivityError as error:
            raise trouble(error, changes=True) from None
        finally:
            self._desk.in_flight = False

"""The steps of an invoice's life. Each looks where the invoice is and does only what is missing, so
that any of them may be begun again: after a doubt, a correction, a cancel, a new run.

The steps up to the draft are in `drafts`; what steps are made of, looking, acting, waiting and
asking, in `moves`.
"""

from __future__ import annotations

from datetime import datetime
from typing import NoReturn

from temporalio import workflow

from workflows.desk import Ended, Overdue, StartOver

with workflow.unsafe.imports_passed_through():
    from invoicing.case import reached
    from invoicing.invoice import Action, Reason, Status
    from invoicing.provider import (
        Pace,
        Stage,
    )
    from invoicing.request import Goal

from workflows.drafts import Drafts
from workflows.moves import ABANDON, ADOPT, CORRECT, RETRY, SKIP, Change


class Steps(Drafts):
    """What happens to one invoice, step by step."""

    # The story, once there is a draft

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

    # Irreversible steps

    async def _act(self, verb: str, change: Change, answers: tuple[Action, ...]) -> None:
        """An irreversible step: ours is alone, figures agree, nobody holds or cancels it, and the
        look is fresh.

        The search comes first, for it may take long: what is compared is read after it. Comes back
        without having acted when anything was waited for: the caller looks again.
        """
        seen, begun = self._case.stage, workflow.now()
        await self.be_alone()
        await self.check()
        # Sending is sending, also what was approved by somebody else.
        opens = self._desk.request.sent_from if verb in (self._plan.sent_by, "send") else None
        too_long = workflow.now() - begun > self._calls.two_looks
        if self._case.stage is seen and not too_long and await self._may_go(opens):
            await self._attempt(verb, change, answers)

    async def _may_go(self, opens: datetime | None) -> bool:
        """Whether nothing had to be waited for. No await between a True and the call."""
        try:
            waited = await self._desk.gate(opens)
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

    async def _until(self, goal: Goal, what: str, pace: Pace, overdue: Reason) -> None:
        while not reached(goal, self._case) and not self._skipped(what):
            if (stage := await self._view()) in (Stage.DELETED, Stage.CREDITED, Stage.FAILED):
                await self._over(stage)
            elif not reached(goal, self._case):
                await self._wait(what, pace, overdue, what)

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
            await self._credited()
        await self._ask(
            Reason.GONE,
            f"it is {stage} at the provider, and not by us: retry to make it again",
            (RETRY, ADOPT, ABANDON),
        )
        self._case.forget()
        self._case.doubt = True
        raise StartOver

    # Taking it back

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
        await self._desk.begin_anew_after_a_cancel()

    async def _take_back_from(self, stage: Stage) -> None:
        allowed = self._plan.credits and self._desk.request.may_credit
        if stage is Stage.CREDITED:
            await self._credited()
        elif stage in (Stage.DELETED, Stage.NONE):
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
        if not (self._case.doubt or self._case.was_in_doubt):
            return False
        await self.plan()
        await self.look_up()
        if not self._plan.repeatable:
            return await self._found()
        while self._case.was_in_doubt and self._case.provider_id is None:
            # Only what is known to be there can be taken back.
            await self._create()
        return self._case.provider_id is not None

    async def _credited(self) -> NoReturn:
        """Credited, unless a create that was once in doubt left another that is alive."""
        await self.be_alone(ours_counts=False)
        raise Ended(Status.CREDITED)

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
            Reason.MAY_EXIST,
            "the provider refused it, perhaps because it has it already: skip if you know that it "
            "has not",
            (RETRY, SKIP, ABANDON),
            self._case.problems,
        )
        if action is SKIP:
            raise Ended(Status.CANCELLED)

"""From the request to a draft at the provider: planned, looked up, created once, confirmed; and
taken away again when a correction replaces it.
"""

from __future__ import annotations

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from workflows.calls import Kind, Trouble
from workflows.desk import Ended, Overdue, StartOver

with workflow.unsafe.imports_passed_through():
    from invoicing.invoice import Action, Problem, Reason, Resolve, Status
    from invoicing.provider import (
        Attachment,
        CreateCall,
        LookUp,
        Plan,
        Search,
        Snapshot,
        Stage,
    )

from workflows.moves import ABANDON, ADOPT, CORRECT, RETRY, SKIP, Moves

_NOTHING = (Stage.NONE, Stage.DELETED)
_UNTIL_FINAL = (Stage.DRAFTED, Stage.APPROVING)


class Drafts(Moves):
    """Never a second draft while a first is in doubt."""

    # Planning and looking up

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

    def _follow(self, plan: Plan) -> None:
        self._case.plan, self._case.context, self._case.buyer = plan, plan.context, plan.buyer
        self._case.keys = plan.keys
        self._calls.follow(plan)

    async def _not_planned(self, problem: Trouble) -> None:
        if not problem.final or self._case.corrected:
            await self._ask_about(problem, (RETRY, CORRECT, ABANDON))
            return
        self._desk.notices.close_if_unknown(problem.fields)
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

    async def attach(self) -> None:
        """Add the caller's own documents to the draft. A final invoice takes none any more."""
        for each in self._plan.attachments:
            while not self._attached(each) and await self._view() in _UNTIL_FINAL:
                self._desk.heed_cancel()
                if self._case.stage is Stage.APPROVING:
                    # Not by us; should it be a draft after all, it is not to go out without.
                    await self._wait_for_approval()
                else:
                    await self._attach(each)
            if not self._attached(each) and self._case.stage.reached(Stage.APPROVED):
                self._desk.note(f"not attached, for it is final: {each.name}")
                self._skip(each.name)

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
        self._doubts.end("repeated")
        # A worker that dies from here on leaves a doubt, not a blank.
        self._case.doubt = True
        try:
            self._learn(await self._change(self._calls.create(call)))
        except Trouble as problem:
            if problem.kind is Kind.UNKNOWN:
                self._case.was_in_doubt, self._case.assured = True, False
                self._desk.note("create: outcome unknown")
                self._doubts.begin("create")
                await self._desk.settle()
                # Longer each time: it may take effect late, and it may never work.
                await self._wait_for_provider(problem)
                return
            # Nothing happened, it says: where looking costs one call, that is not taken on trust.
            self._case.doubt = self._plan.find_first or before
            if not (self._plan.find_first or self._plan.repeatable or self._case.was_in_doubt):
                # Where it is, a look before the approval is cheap enough.
                self._case.was_in_doubt = self._case.assured = True
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

    # Attaching

    def _attached(self, attachment: Attachment) -> bool:
        return attachment.name in self._case.attached or self._skipped(attachment.name)

    async def _attach(self, attachment: Attachment) -> None:
        self._desk.fresh = False
        self._doubts.end("repeated")
        target = self._case.target(self._desk.request)
        try:
            answer = await self._change(self._calls.attach(target, attachment))
        except Trouble as problem:
            await self._not_attached(problem, attachment)
        else:
            self._case.context = {**self._case.context, **answer.context}
            self._case.attached = (*self._case.attached, attachment.name)
            self._case.waiting = None
            self._desk.note(f"attached: {attachment.name}")

    async def _not_attached(self, problem: Trouble, attachment: Attachment) -> None:
        """An uncertain call is made again: the second takes the place of the first."""
        self._desk.note(f"attach {attachment.name}: {problem.kind}")
        if not problem.final:
            if problem.kind is not Kind.UNAVAILABLE:
                self._doubts.begin("attach")
                await self._desk.settle()
            await self._wait_for_provider(problem)
        elif SKIP is await self._ask_about(problem, (RETRY, SKIP, ABANDON)):
            self._skip(attachment.name)

    # Finding

    async def be_alone(self, *, ours_counts: bool = True) -> None:
        """After a create that was ever uncertain, make sure that it left nothing else behind.

        It may take effect after all, later than anybody looked. A draft too many does no harm as
        long as none is approved, and must not be left lying about in the end.

        Ours must be found, or the search proves nothing; unless it is credited and does not count.
        Raises StartOver when anything was waited for: ours may be the one that is gone.
        """
        if not self._case.was_in_doubt or self._plan.repeatable:
            return
        search = await self._search()
        self._desk.fresh = False
        found = {one.provider_id for one in search.invoices}
        if found - {self._case.provider_id}:
            await self._ask_to_leave_one(len(found), ours_counts=ours_counts)
            raise StartOver
        if not search.complete or (ours_counts and not found):
            await self._not_seen(search)

    async def _not_seen(self, search: Search) -> None:
        """A search that does not show ours proves nothing about another one: its list is late, or
        covers too little. It is made again, until a person says that there is no other."""
        if self._case.assured and not search.complete:
            return
        try:
            await self._desk.until_seen(self._plan.paces)
        except Overdue:
            action = await self._ask(
                Reason.SEVERAL_FOUND,
                "a create was lost, and the provider's search does not show whether it left "
                "another invoice: look there, delete any other, and skip when there is none",
                (RETRY, SKIP, ABANDON),
            )
            if action is SKIP:
                self._case.was_in_doubt = False
        raise StartOver

    async def _found(self) -> bool:
        """Look for our reference; adopt the one invoice that carries it. False if there is none."""
        while True:
            search = await self._search()
            if len(search.invoices) == 1:
                self._adopt(search.invoices[0])
                return True
            if len(search.invoices) > 1:
                await self._ask_to_leave_one(len(search.invoices))
            elif search.complete or (self._desk.taking_back and self._case.assured):
                self._case.doubt = False
                self._doubts.end("absent")
                return False
            else:
                action = await self._ask(
                    Reason.MAY_EXIST,
                    "the provider cannot tell whether the draft was created: look there, and skip "
                    "if it was not",
                    (RETRY, ADOPT, SKIP, ABANDON),
                )
                if action is SKIP:
                    self._case.doubt, self._case.assured = False, True
                    return False

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

    async def _ask_to_leave_one(self, number: int, *, ours_counts: bool = True) -> None:
        # Whoever cancels now does not make them go away.
        self._case.doubt = self._case.provider_id is None
        await self._ask(
            Reason.SEVERAL_FOUND,
            f"{number} invoices carry this reference: delete all but one there, then retry"
            if ours_counts
            else f"it is credited, and {number} more of this reference alive: delete or credit "
            "what is left there, then retry",
            (RETRY, ABANDON),
        )

    # Making it again

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

    async def _delete(self) -> None:
        """Delete the draft, unless it may have become final and nobody would object."""
        unchecked = self._plan.blind or self._desk.request.order is not None
        if self._case.unsure == "approve" and unchecked:
            await self._ask_what_became_of("approve")
        else:
            await self._attempt("delete", self._calls.delete, (RETRY, ABANDON))

"""People who answer questions: they look into the provider's books first, and say what is so.

A careful one answers at once, when nothing is on its way any more. A hasty one takes a while
between looking and answering, or answers twice.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

from invoicing.request import InvoiceRequest
from invoicing.state.invoice import Problem
from invoicing.state.questions import Answer, Reason
from tests.fuzz.scene import Slot, Unit

MOST_ANSWERS, MOST_OF_A_KIND = 25, 8
"""Answers to one invoice, and to questions with the same reason: then somebody gives up."""
DONE = {"approve": "approved", "send": "sent", "delete": "gone", "credit": "gone"}


@dataclass
class Said:
    """One answer; `more` is what comes with it."""

    answer: Answer
    more: dict[str, Any] = field(default_factory=dict)


@dataclass
class Desk:
    """Whoever answers for one reference. `wanted` is the version that is to become final."""

    slot: Slot
    chance: random.Random
    given: int = 0
    asked: dict[str, int] = field(default_factory=dict)
    before: int = 0
    """Answers given in earlier lives."""

    def renew(self) -> None:
        """With the patience of the first day."""
        self.before, self.given = self.before + self.given, 0
        self.asked.clear()

    async def decide(
        self, problem: Problem, request: InvoiceRequest, wanted: int, next_version: int
    ) -> Said | None:
        """What is to be answered now; None: come back later."""
        slot, reference = self.slot, request.reference
        offered, reason = problem.answers, problem.reason
        times = self.asked[reason] = self.asked.get(reason, 0) + 1
        self.given += 1
        if self.given > MOST_ANSWERS or times > MOST_OF_A_KIND:
            return Said(Answer.ABANDON)
        alive = slot.alive(reference)
        drafts = [one for one in alive if not one.approved]
        finals = [one for one in alive if one.approved]

        def correct() -> Said:
            document = slot.setup.content(reference, next_version)
            return Said(Answer.CORRECT, {"document": document})

        def first(*wished: Answer) -> Said:
            for one in wished:
                if one in offered:
                    return correct() if one is Answer.CORRECT else Said(one)
            return Said(Answer.ABANDON)

        if self.chance.random() < 0.03:
            return Said(Answer.ABANDON)
        match reason:
            case Reason.REJECTED:
                if slot.setup.blind and slot.under_way:
                    return None
                if slot.setup.blind and Answer.HAPPENED not in offered:
                    # Nobody else can see a draft that was made although it was refused.
                    for one in drafts:
                        await slot.by_hand("delete", one, request)
                elif slot.setup.blind and finals:
                    return Said(Answer.HAPPENED)
                if self.chance.random() < 0.3 and not finals:
                    return first(Answer.CORRECT, Answer.RETRY)
                return first(Answer.RETRY)
            case Reason.PROVIDER_UNAVAILABLE:
                return first(Answer.RETRY)
            case Reason.MAY_EXIST:
                return await self._may_exist(offered, alive, drafts, request, wanted)
            case Reason.CANNOT_TELL:
                return self._what_became_of(problem, alive)
            case Reason.SEVERAL_FOUND | Reason.STRAY_FOUND:
                await self._tidy(drafts, finals, request, wanted)
                return first(Answer.RETRY)
            case Reason.OLD_CONTENT:
                if len(finals) == 1 and finals[0].version == wanted:
                    return Said(Answer.ADOPT, {"provider_id": finals[0].id})
                for one in finals:
                    if not await slot.by_hand("credit", one, request):
                        return Said(Answer.ABANDON)
                return Said(Answer.RETRY)
            case Reason.AMOUNTS_DIFFER:
                if self.chance.random() < 0.6 or times > 3:
                    return first(Answer.CORRECT, Answer.RETRY)
                return first(Answer.RETRY)
            case Reason.GONE | Reason.DRAFT_FAILED:
                if drafts and Answer.HAPPENED in offered:
                    return Said(Answer.HAPPENED)
                wished = (Answer.MAKE_AGAIN, Answer.CORRECT)
                return first(*self.chance.sample(wished, 2))
            case Reason.DRAFT_OVERDUE:
                return first(Answer.HAPPENED if alive else Answer.WAIT, Answer.WAIT)
            case Reason.APPROVAL_FAILED:
                if finals:
                    return first(Answer.HAPPENED, Answer.RETRY)
                return first(*self.chance.sample((Answer.RETRY, Answer.CORRECT), 2))
            case Reason.APPROVAL_OVERDUE:
                if not finals and times > 3:
                    return Said(Answer.ABANDON)
                return first(Answer.HAPPENED if finals else Answer.WAIT, Answer.WAIT)
            case Reason.SENDING_FAILED | Reason.SENDING_OVERDUE:
                if any(one.sent for one in finals):
                    return first(Answer.HAPPENED, Answer.WAIT, Answer.RETRY)
                return first(Answer.RETRY, Answer.WAIT if times < 4 else Answer.GO_WITHOUT)
            case Reason.CANNOT_CANCEL:
                return await self._cannot_cancel(problem, drafts, alive, request, times)
            case Reason.UNKNOWN_STATUS:
                return first(Answer.WAIT)
            case Reason.HOLD_OVERDUE:
                return first(Answer.RELEASE)
            case Reason.CANNOT_SEARCH:
                return first(Answer.ALONE if len(alive) <= 1 else Answer.WAIT)
            case Reason.DELIVERY_UNCLEAR:
                return None
            case _:
                return first(Answer.WAIT, Answer.RETRY, Answer.GO_WITHOUT)

    async def _may_exist(
        self,
        offered: tuple[Answer, ...],
        alive: list[Unit],
        drafts: list[Unit],
        request: InvoiceRequest,
        wanted: int,
    ) -> Said | None:
        if self.slot.under_way:
            return None
        if not alive:
            return Said(Answer.DID_NOT_HAPPEN)
        if Answer.HAPPENED in offered:
            return Said(Answer.HAPPENED)
        if len(alive) == 1 and Answer.ADOPT in offered and alive[0].version == wanted:
            return Said(Answer.ADOPT, {"provider_id": alive[0].id})
        if len(drafts) == len(alive) and [
            await self.slot.by_hand("delete", one, request) for one in drafts
        ]:
            return Said(Answer.DID_NOT_HAPPEN)
        return Said(Answer.ABANDON)

    def _what_became_of(self, problem: Problem, alive: list[Unit]) -> Said | None:
        if self.slot.under_way:
            return None
        done = DONE.get(problem.what.split()[0], "")
        there = any(getattr(one, done, 0) for one in alive)
        happened = not alive if done == "gone" else there
        return Said(Answer.HAPPENED if happened else Answer.DID_NOT_HAPPEN)

    async def _tidy(
        self, drafts: list[Unit], finals: list[Unit], request: InvoiceRequest, wanted: int
    ) -> None:
        """Leave at most one there: the final one, or the draft that is wanted."""
        if self.slot.under_way:
            return
        kept = (finals or [one for one in drafts if one.version == wanted] or drafts)[:1]
        for one in drafts:
            if one not in kept:
                await self.slot.by_hand("delete", one, request)
        for one in finals:
            if one not in kept:
                await self.slot.by_hand("credit", one, request)

    async def _cannot_cancel(
        self,
        problem: Problem,
        drafts: list[Unit],
        alive: list[Unit],
        request: InvoiceRequest,
        times: int,
    ) -> Said:
        offered = problem.answers
        if Answer.HAPPENED in offered and self.slot.setup.blind and alive == drafts:
            for one in drafts:
                await self.slot.by_hand("delete", one, request)
            return Said(Answer.HAPPENED)
        if times > 2:
            keep = Answer.KEEP in offered and self.chance.random() < 0.5
            return Said(Answer.KEEP if keep else Answer.ABANDON)
        return Said(Answer.RETRY if Answer.RETRY in offered else Answer.WAIT)

"""What the port promises of `plan`, and of the description itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from invoicing.errors import (
    Rejected,
    Unsupported,
)
from invoicing.provider import (
    Feeds,
    LooksUp,
    LookUp,
    LookUpCall,
    Orders,
    Plan,
    Target,
)
from invoicing.request import Goal, InvoiceRequest
from invoicing.state.bounds import CONTEXT, refuse_plan, stored
from invoicing.totals import totals
from invoicing.values import MOST_LINES
from providers.kit.coverage import Coverage
from providers.registry import ADAPTORS
from tests.providers import Script, answer
from tests.providers.contract.description import Description
from tests.providers.contract.given import (
    FED,
    HOST,
    MANDATORY,
    ONLY_SOME,
    ORDERLY,
    PERSON,
    REFERENCE,
    SECRET,
)
from tests.providers.contract.judging import (
    fields_of,
    look_ups,
)
from tests.providers.fields import changed, findings, written
from tests.providers.options import Beside
from tests.providers.options import findings as options_found


class Planning(Description):
    """Settings, fields, options, goals: nothing of it makes a call."""

    def test_its_name_is_its_key_in_the_registry(self) -> None:
        assert ADAPTORS.get(self.adaptor.name) is self.adaptor

    async def test_every_verb_and_every_look_up_of_the_plan_is_described(self) -> None:
        adaptor = self.made(Script())
        offered = {*MANDATORY, *look_ups(await self.planned())}
        offered |= {verb for verb, port in ONLY_SOME.items() if isinstance(adaptor, port)}
        offered |= set(ORDERLY) if isinstance(adaptor, Orders) else set()
        offered |= set(FED) if isinstance(adaptor, Feeds) else set()
        assert set(self.steps) == offered
        for verb, step in self.steps.items():
            assert len(step.asks) <= 1 or step.several, f"{verb} makes several calls: say why"
            assert not (step.asks and step.refuses), f"{verb} is not offered, so it asks nothing"

    def test_its_address_is_a_setting_and_nothing_travels_in_the_clear(self) -> None:
        for name in ("base_url", *(name for name in self.settings if name.endswith("_url"))):
            with pytest.raises(ValidationError):
                self.set(**{name: f"http://{HOST}"})

    def test_a_setting_nobody_reads_is_refused_and_a_secret_is_not_shown(self) -> None:
        assert SECRET not in repr(self.set())
        with pytest.raises(ValidationError) as caught:
            self.set(canary=SECRET)
        assert SECRET not in str(caught.value)

    # planning

    async def test_planning_makes_no_call_and_says_the_same_twice(self) -> None:
        told = Script()
        adaptor = self.made(told)
        assert await adaptor.plan(self.asked()) == await adaptor.plan(self.asked())
        assert told.asked == []

    async def test_a_plan_survives_a_history_and_keeps_no_secret(self) -> None:
        plan: Plan = await self.made(Script()).plan(self.asked())
        written = plan.model_dump_json()
        assert Plan.model_validate_json(written) == plan
        assert SECRET not in written

    async def test_the_totals_of_a_plan_are_the_documents(self) -> None:
        lines = [{**self.document["lines"][0], "id": str(number)} for number in (1, 2, 3)]
        document = {**self.document, "lines": lines}
        asked = self.asked(document=document).document
        assert totals(asked, "line").vat != totals(asked, "category").vat
        assert (await self.planned(document=document)).totals == totals(asked, self.rounding)

    async def test_as_many_lines_as_there_may_be_can_be_planned_and_leave_room(self) -> None:
        """And nothing of the plan grows with the square of them."""
        line = self.document["lines"][0]
        lines = [{**line, "id": str(number)} for number in range(MOST_LINES)]
        plan = await self.planned(document={**self.document, "lines": lines})
        assert len(plan.totals.lines) == MOST_LINES
        refuse_plan(plan)
        assert stored(plan.context) < CONTEXT // 8

    async def test_another_rounding_than_its_own_is_refused(self) -> None:
        other = "line" if self.rounding == "category" else "category"
        error = await self.refused(document={**self.document, "vat_rounding": other})
        assert "document.vat_rounding" in fields_of(error)

    async def test_every_field_is_said_refused_or_ignored(self) -> None:
        """And it is so: a value in the field is heard by the provider, refused, or without any
        effect, as the table says."""
        documents = [self.document, *(changed(self.document, each) for each in self.documents)]
        coverage: Coverage = self.adaptor.coverage
        found = await findings(coverage, self.life, documents, self.samples)
        assert not found, "\n".join(found)

    def options_for(self, document: Mapping[str, Any]) -> Mapping[str, Any]:
        """The options that this document needs."""
        return self.options

    async def life(self, document: Mapping[str, Any]) -> str:
        """Everything the provider is sent about this document until it is out."""
        request = self.asked(
            document=document, options=self.options_for(document), goal=self.walked or self.ordinary
        )
        return await self._sent(request, ("create", "attach", "approve", "send"))

    async def _sent(self, request: InvoiceRequest, verbs: Sequence[str]) -> str:
        plan: Plan = await self.made(Script()).plan(request)
        asked: list[httpx.Request] = []
        for verb in verbs:
            step = self.steps.get(verb)
            if step and step.asks and (verb != "attach" or plan.attachments):
                told = self.script(step).anywhere(answer(next(iter(step.asks.values()))))
                await self.called(verb, told, step, request, plan)
                asked += told.asked
        return written(asked, [each.model_dump(mode="json") for each in chain(*plan.look_ups)])

    async def test_every_option_is_said_or_has_its_reason(self) -> None:
        """A value in the option is heard by the provider; or it is not, and the adaptor says why
        such an option is there."""

        async def life(options: Mapping[str, Any], beside: Beside) -> str:
            document = changed(self.document, beside.document)
            request = self.asked(
                document=document, options=options, goal=self.walked or self.ordinary
            )
            verbs = ("create", "attach", "approve", "send", "delete", "credit")
            return await self._sent(request, verbs)

        adaptor = self.adaptor
        found = await options_found(
            adaptor.Options, adaptor.unsaid, life, self.options, self.beside
        )
        assert not found, "\n".join(found)

    async def test_an_option_nobody_knows_is_refused_by_its_name(self) -> None:
        error = await self.refused(options={**self.options, "canary_option": PERSON})
        assert isinstance(error, Rejected)
        assert "options.canary_option" in fields_of(error)

    async def test_all_mistakes_are_named_at_once_without_what_was_typed(self) -> None:
        changes, wrong = self.wrong
        error = await self.refused(
            document={**self.document, **changes},
            options={**self.options, "canary_option": PERSON},
        )
        assert len(wrong) > 1
        assert {*wrong, "options.canary_option"} <= fields_of(error)
        assert PERSON not in str(error.fields)

    @pytest.mark.parametrize("goal", Goal)
    async def test_a_goal_that_cannot_be_seen_here_is_refused(self, goal: Goal) -> None:
        if goal in self.goals:
            await self.planned(goal=goal)
            return
        error = await self.refused(goal=goal)
        assert isinstance(error, Rejected | Unsupported)
        assert "goal" in fields_of(error)

    async def test_a_look_up_that_is_in_no_plan_is_refused(self) -> None:
        told = Script()
        target = Target(account="default", reference=REFERENCE)
        if not isinstance(adaptor := self.made(told), LooksUp):
            assert (await self.planned()).look_ups == ()
            return
        with pytest.raises(Rejected):
            await adaptor.look_up(
                LookUpCall(target=target, look_up=LookUp(name="canary", query={}))
            )
        assert told.asked == []

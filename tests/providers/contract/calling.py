"""What the port promises of every verb, whatever becomes of its call."""

from __future__ import annotations

import contextlib
import json
import logging
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from invoicing.errors import (
    Denied,
    ProviderError,
    Rejected,
    Unavailable,
    UnknownOutcome,
    Unreadable,
)
from invoicing.provider import (
    Orders,
)
from tests.providers import Reply, Script, answer
from tests.providers.contract.description import Description
from tests.providers.contract.given import (
    CHANGING,
    CREDENTIALS,
    ELSEWHERE,
    INDIFFERENT,
    PASSED_ON,
    PERSON,
    REDIRECTS,
    REFERENCE,
    STATUSES,
    STRANGE,
    TROUBLES,
    Endless,
    Failures,
)
from tests.providers.contract.judging import (
    OTHERS,
    TELLING,
    invoices_in,
    is_gone,
    kind_of,
    must_be_answer,
    must_be_clean,
    must_be_private,
    renamed,
    unexpected,
)
from tests.tiers import chosen


class Calling(Description):
    """Calls that fail, are refused, or are answered about something else."""

    async def test_a_verb_is_one_call(self, verb: str) -> None:
        step = self.steps[verb]
        told = self.script(step)
        if step.refuses:
            with pytest.raises(step.refuses) as caught:
                await self.perform(verb, told)
            must_be_clean(caught.value)
        else:
            must_be_answer(verb, await self.perform(verb, told))
        assert sorted(self.counted(told)) == sorted(step.asks)

    async def test_the_same_call_asks_for_the_same(self, calling: str) -> None:
        """Whichever worker makes it: the names of ours in it depend on its input alone."""
        asked = []
        for _ in range(2):
            told = self.script(self.steps[calling])
            await self.perform(calling, told)
            asked.append([(each.url, each.headers.raw, each.content) for each in told.asked])
        assert asked[0] == asked[1]

    async def test_whatever_fails_is_what_it_is_to_this_kind_of_call(
        self, calling: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        wrong: list[str] = []
        troubles = {trouble.name: trouble.reply for trouble in TROUBLES}
        kinds = {trouble.name: kind_of(calling, trouble) for trouble in TROUBLES}
        async for where, name, told, outcome in self.outcomes(calling, troubles):
            expected = self.allowed(calling) if self.steps[calling].several else [kinds[name]]
            wrong += unexpected(where, outcome, expected)
            repeated = len(set(self.counted(told))) < len(self.counted(told))
            wrong += [f"{where}: the call was repeated"] if repeated else []
        assert wrong == [], "\n".join(wrong)
        must_be_private(caplog.text)

    async def test_every_status_means_something(
        self, calling: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        wrong: list[str] = []
        replies = {str(status): answer(self.refusal, status) for status in chosen(STATUSES, 3)}
        async for where, name, _, outcome in self.outcomes(calling, replies):
            fine = int(name) < 300 and not isinstance(outcome, ProviderError)
            if not fine and not is_gone(calling, int(name), outcome):
                wrong += unexpected(where, outcome, self.meant(calling, int(name)))
        assert wrong == [], "\n".join(wrong)
        must_be_private(caplog.text)

    def meant(self, verb: str, status: int) -> Failures:
        """What this status may be to this verb: see the table in providers.kit.http."""
        step, changes = self.steps[verb], verb in CHANGING
        means = {**self.means, **step.means}
        if status in means:
            return [means[status]]
        if step.several:
            return self.allowed(verb)
        if status in CREDENTIALS:
            return [Denied]
        if 300 <= status < 400:
            return [UnknownOutcome if changes else Unreadable]
        if status in (408, 429) or status >= 500:
            return [UnknownOutcome if changes else Unavailable]
        if changes and status in PASSED_ON:
            return [UnknownOutcome]
        return self.allowed(verb)

    async def test_what_may_have_been_passed_on_is_looked_for_and_never_done_again_unasked(
        self, calling: str
    ) -> None:
        """However short the tests are; and how long to wait is not lost on the way."""
        wrong: list[str] = []
        wait = {"Retry-After": "7"}
        statuses = [each for each in (*PASSED_ON, 502, 503, 504) if each not in self.means]
        replies: dict[str, Reply] = {
            str(status): answer(self.refusal, status, wait) for status in statuses
        }
        async for where, name, _, outcome in self.outcomes(calling, replies):
            if self.steps[calling].several or (name in self.READ and calling not in CHANGING):
                continue
            wrong += unexpected(where, outcome, self.meant(calling, int(name)))
            if getattr(outcome, "retry_after", None) != timedelta(seconds=7):
                wrong += [f"{where}: how long to wait is not told"]
        assert wrong == [], "\n".join(wrong)

    READ = ("425", "460", "499")
    """Of a reading call these are answers, as any 4xx."""

    async def test_a_refusal_that_is_no_json_is_a_refusal_all_the_same(self, calling: str) -> None:
        wrong: list[str] = []
        replies = {
            str(status): httpx.Response(status, html=PERSON) for status in (400, 401, 403, 422)
        }
        async for where, name, _, outcome in self.outcomes(calling, replies):
            kind = Denied if int(name) in CREDENTIALS else Rejected
            wrong += unexpected(where, outcome, [kind])
        assert wrong == [], "\n".join(wrong)

    async def test_an_answer_to_another_question_is_not_taken_for_one(self, calling: str) -> None:
        wrong: list[str] = []
        replies: dict[str, Reply] = {json.dumps(body): answer(body) for body in STRANGE}
        async for where, _, _, outcome in self.outcomes(calling, replies):
            if isinstance(outcome, ProviderError):
                wrong += unexpected(where, outcome, self.allowed(calling))
            elif calling not in INDIFFERENT and not self.steps[calling].empty:
                wrong += [f"{where}: was taken for an answer"]
        assert wrong == [], "\n".join(wrong)

    async def test_an_empty_success_says_nothing_where_something_was_to_be_said(
        self, calling: str
    ) -> None:
        wrong: list[str] = []
        allowed = self.allowed(calling)
        expected = allowed if self.steps[calling].several else allowed[-1:]
        replies: dict[str, Reply] = {str(status): answer(None, status) for status in (200, 204)}
        async for where, _, _, outcome in self.outcomes(calling, replies):
            if not self.steps[calling].empty:
                wrong += unexpected(where, outcome, expected)
            elif isinstance(outcome, ProviderError):
                wrong += [f"{where}: {outcome!r}"]
        assert wrong == [], "\n".join(wrong)

    async def test_no_redirect_is_followed(self, calling: str) -> None:
        wrong: list[str] = []
        replies: dict[str, Reply] = {
            str(status): answer({}, status, {"Location": ELSEWHERE}) for status in REDIRECTS
        }
        async for where, _, told, outcome in self.outcomes(calling, replies):
            wrong += unexpected(where, outcome, self.meant(calling, 301))
            self.counted(told)
        assert wrong == [], "\n".join(wrong)

    async def test_an_answer_without_end_is_cut_off(self, calling: str) -> None:
        wrong: list[str] = []
        expected = (
            self.allowed(calling) if self.steps[calling].several else self.meant(calling, 301)
        )
        replies: dict[str, Reply] = {
            "endless": lambda _: httpx.Response(200, stream=Endless()),
            "endless refusal": lambda _: httpx.Response(400, stream=Endless()),
        }
        async for where, _, _, outcome in self.outcomes(calling, replies):
            wrong += unexpected(where, outcome, expected)
        assert wrong == [], "\n".join(wrong)

    async def test_what_fails_before_the_call_leaves_it_undone(self, calling: str) -> None:
        wrong: list[str] = []
        replies = {trouble.name: trouble.reply for trouble in TROUBLES}
        replies |= {
            str(status): answer(self.refusal, status) for status in (204, 302, 400, 401, 503)
        }
        replies |= {json.dumps(body): answer(body) for body in STRANGE}
        for route in self.sign_in:
            for name, reply in replies.items():
                told, outcome = await self.struck(calling, route, reply)
                undone = [each for each in self.allowed(calling) if each is not UnknownOutcome]
                wrong += unexpected(f"{name} at {route}", outcome, undone)
                wrong += [f"{name}: called all the same"] if self.counted(told) else []
        assert wrong == [], "\n".join(wrong)

    # whose it is

    async def test_every_answer_about_an_invoice_states_our_reference(self, calling: str) -> None:
        step = self.steps[calling]
        shown = invoices_in(await self.perform(calling, self.script(step)))
        assert shown or calling not in TELLING
        assert {one.reference for one in shown} <= {None if step.silent else REFERENCE}

    async def test_an_answer_about_anothers_invoice_never_looks_like_ours(
        self, calling: str
    ) -> None:
        step = self.steps[calling]
        theirs = replace(step, asks=renamed(step.asks))
        if calling == "find":
            # Left out; or refused, where what we would make under our number is there already.
            with contextlib.suppress(Rejected):
                assert invoices_in(await self.perform(calling, self.script(theirs), theirs)) == []
            return
        shown = invoices_in(await self.perform(calling, self.script(theirs), theirs))
        assert {one.reference for one in shown} <= {None if step.silent else OTHERS}

    async def test_how_long_an_uncertain_call_may_take_effect_is_the_providers_word(self) -> None:
        assert (await self.planned()).paces.effect == self.effect
        adaptor = self.made(Script())
        if isinstance(adaptor, Orders):
            assert (await adaptor.plan_order(self.ordered())).paces.effect == self.effect

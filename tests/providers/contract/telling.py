"""What the port promises of news, of words nobody knows, and of orders."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from itertools import product

import pytest

from invoicing.errors import (
    Forged,
    ProviderError,
    Unreadable,
)
from invoicing.provider import (
    Delivery,
    Event,
    Hooks,
    Notifies,
    Orders,
    Snapshot,
    Stage,
    Subject,
)
from invoicing.totals import totals
from settings.accounts import hooks
from tests.providers import Script
from tests.providers.contract.description import Description
from tests.providers.contract.given import (
    PERSON,
    WORD,
    Step,
)
from tests.providers.contract.judging import (
    fields_of,
    must_be_clean,
    must_be_private,
)
from tests.providers.contract.swelling import kept_of, swollen, unheard_of
from tests.tiers import chosen


class Telling(Description):
    """What a provider tells, and what of it is believed and kept."""

    async def test_what_is_kept_of_an_event_reads_as_the_whole_of_it(self) -> None:
        adaptor = self.made(Script())
        if not isinstance(adaptor, Notifies):
            return
        assert self.news, "describe what it tells"
        for event in (each for one in self.news for each in (one, *chosen(swollen(one), 3))):
            kept = await kept_of(adaptor, event)
            if kept is None:
                continue
            for verb in {"read", "read_order"} & self.steps.keys():
                step = self.steps[verb]
                whole, slim = [
                    await self.perform(verb, self.script(step), replace(step, events=(one,)))
                    for one in (event, kept)
                ]
                assert slim == whole, event.kind

    async def test_what_is_kept_of_an_event_is_small(self) -> None:
        adaptor = self.made(Script())
        if not isinstance(adaptor, Notifies):
            return
        for event in self.news:
            kept = await kept_of(adaptor, event)
            assert kept is not None, event.kind
            assert len(kept.model_dump_json()) <= 8 * 1024, event.kind
            for each in swollen(event):
                rest = await kept_of(adaptor, each)
                assert rest is None or len(rest.model_dump_json()) <= 16 * 1024, event.kind

    # words

    async def test_a_status_nobody_knows_is_no_stage(self) -> None:
        told = self.script(self.strange)
        snapshot: Snapshot = await self.perform("read", told, self.strange)
        assert snapshot.stage is Stage.UNKNOWN
        assert WORD in snapshot.status

    async def test_events_nobody_knows_change_nothing(self) -> None:
        step = self.steps["read"]
        calm: Snapshot = await self.perform("read", self.script(step), step)
        news = Step(step.asks, step.context, (*step.events, *unheard_of()))
        assert await self.perform("read", self.script(news), news) == calm

    async def test_an_event_nobody_knows_is_about_nothing_or_is_not_understood(self) -> None:
        told = Script()
        adaptor = self.made(told)
        if not isinstance(adaptor, Notifies):
            return
        for event in unheard_of():
            try:
                assert isinstance(await adaptor.about(event), Subject)
            except Unreadable as error:
                must_be_clean(error)
        plain = Event(id="1", kind="canary.unheard-of", body={})
        assert await adaptor.about(plain) == Subject()
        assert told.asked == []

    async def test_a_webhook_of_unproven_origin_is_forged(self) -> None:
        """With all settings, and where webhooks are received: with none that must be given."""
        adaptor = self.made(Script())
        if not isinstance(adaptor, Hooks):
            return
        name = self.adaptor.name
        bare = hooks({f"{name}_timeout".upper(): "5"}, Script().client())[name]["default"]
        for each, body in product((adaptor, bare), (b"", b"{}", b"\xff", PERSON.encode())):
            delivery = Delivery(body=body, source="203.0.113.7", received=datetime.now(UTC))
            with pytest.raises(Forged) as caught:
                each.receive(delivery)
            must_be_private(str(caught.value))

    # orders

    async def test_planning_an_order_makes_no_call_and_names_all_mistakes(self) -> None:
        told = Script()
        adaptor = self.made(told)
        if not isinstance(adaptor, Orders):
            return
        plan = await adaptor.plan_order(self.ordered())
        assert plan.totals == totals(self.ordered().document, self.rounding)
        changes, wrong = self.wrong
        with pytest.raises(ProviderError) as caught:
            await adaptor.plan_order(
                self.ordered(
                    document={**self.document, **self.order, **changes},
                    options={**self.options, "canary_option": PERSON},
                )
            )
        must_be_clean(caught.value)
        assert {*wrong, "options.canary_option"} <= fields_of(caught.value)
        assert told.asked == []

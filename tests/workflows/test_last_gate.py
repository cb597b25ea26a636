"""The last checks before a call that cannot be undone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from temporalio import workflow

from invoicing.state.doubt import CREATE, Doubt
from workflows.invoice.acting import may_go, still_holds
from workflows.invoice.life import Life
from workflows.kit.endings import Cancelling

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
RECENT = timedelta(seconds=30)
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def _at_nine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workflow, "now", lambda: NOW)


def life(doubt: Doubt) -> Any:
    case = SimpleNamespace(doubt=doubt, provider_id="own", inbox=())
    return SimpleNamespace(case=case, calls=SimpleNamespace(queue=SimpleNamespace(recent=RECENT)))


def lost(searched: datetime) -> Doubt:
    """Two creates, one of them without an answer; a complete search showed our own alone."""
    asked = Doubt().asked(CREATE, "A", NOW - 10 * MINUTE).lost(CREATE, NOW - 10 * MINUTE)
    return asked.search(searched, "own", ("own",), complete=True)


def test_what_was_seen_at_this_very_moment_holds() -> None:
    assert still_holds(life(Doubt().looked_at(NOW)))


def test_a_look_of_a_moment_ago_does_not_hold() -> None:
    assert not still_holds(life(Doubt().looked_at(NOW - timedelta(microseconds=1))))
    assert not still_holds(life(Doubt()))


def test_a_search_of_long_ago_does_not_hold_where_a_create_was_lost() -> None:
    assert still_holds(life(lost(NOW - RECENT).looked_at(NOW)))
    assert not still_holds(life(lost(NOW - RECENT - MINUTE).looked_at(NOW)))


async def test_a_cancel_that_waits_stops_at_the_last_gate() -> None:
    def stop() -> None:
        raise Cancelling

    gate = SimpleNamespace(stop_if_cancelled=stop, case=SimpleNamespace(hold=None, at_once=False))
    with pytest.raises(Cancelling):
        await may_go(cast("Life", gate), None)


async def test_nothing_stops_one_that_is_neither_held_nor_cancelled_nor_early() -> None:
    gate = SimpleNamespace(
        stop_if_cancelled=lambda: None, case=SimpleNamespace(hold=None, at_once=False)
    )
    assert await may_go(cast("Life", gate), NOW)

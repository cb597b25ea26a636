"""One notice, posted to one subscriber; each has a queue of its own, and its secret there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from temporalio import activity

from activities.failures import as_failures
from invoicing.state.notice import Notice, Subscriber


class NoticeActivities:
    """What a workflow asks of one subscriber."""

    def __init__(self, subscriber: Subscriber) -> None:
        self._subscriber = subscriber

    @activity.defn
    @as_failures
    async def post(self, notice: Notice) -> None:
        """Post it. Safe to repeat: the subscriber knows it by its id."""
        await self._subscriber.post(notice)

    def all(self) -> list[Callable[..., Any]]:
        """Every activity, for the worker of this subscriber's queue."""
        return [self.post]

"""Instructions under way: sent by update or signal, again where an answer is lost, and heard."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from simulation.engine import LimitExceeded, NotFound, Server, Update
from simulation.judge.invariants import Judge
from simulation.people.two import ConsentPeople, only_noted
from simulation.wire import Story

_AGAIN = timedelta(seconds=3)


@dataclass(slots=True)
class Asking:
    """An instruction under way, and what follows from its outcome."""

    id: str
    name: str
    arg: Any
    update: Update
    then: Callable[[bool], None]
    """Told whether it was taken; a refusal or a lost cause is False."""
    begun: datetime
    """When it was sent first."""
    sent: int = 1


class Instructions:
    """What people have said, and not heard of yet."""

    def __init__(self, server: Server, judge: Judge, story: Story) -> None:
        self._server = server
        self._judge = judge
        self._story = story
        self._two: ConsentPeople | None = None
        self._under_way: list[Asking] = []
        self._updates = 0

    def by_two(self, seed: int) -> ConsentPeople:
        """From now on more than one of them says what an invoice is told."""
        self._two = ConsentPeople(self._server, seed, self.send, self.signal)
        return self._two

    def instruct(
        self,
        identity: str,
        name: str,
        arg: Any,
        then: Callable[[bool], None] = lambda _: None,
        before: Callable[[], None] = lambda: None,
    ) -> None:
        """Have an update sent, by one of them or by several. `before` is done each time."""
        if self._two and identity.startswith("invoice/") and name != "hold":
            self._two.give(identity, name, arg, then, before)
        else:
            before()
            self.send(identity, name, arg, then)

    def send(self, identity: str, name: str, arg: Any, then: Callable[[bool], None]) -> None:
        """Send an update, and again under the same id while its answer is lost."""
        self._updates += 1
        key = f"update-{self._updates}"
        self._judge.consents.says(identity, arg)
        try:
            update = self._server.update(identity, name, arg, update_id=key)
        except NotFound:
            then(False)
            return
        except LimitExceeded:
            # As the SDK's client does: a server that is busy is asked again.
            self._server.after(_AGAIN, partial(self.send, identity, name, arg, then))
            return
        self._under_way.append(Asking(identity, name, arg, update, then, self._server.now))

    def hear(self) -> None:
        """What became of those under way."""
        for asking in list(self._under_way):
            state = asking.update.status
            if state == "pending":
                continue
            self._under_way.remove(asking)
            if state == "lost" and asking.sent < 3:
                self._server.after(_AGAIN, partial(self._send_again, asking))
                continue
            taken = state == "done" and asking.update.failure is None
            if taken and asking.arg.proven:
                taken = not only_noted(asking.update.result, asking.arg, asking.begun)
            if taken:
                self._judge.consents.taken(asking.id, asking.arg)
            asking.then(taken)

    def _send_again(self, asking: Asking) -> None:
        self._judge.consents.says(asking.id, asking.arg)
        try:
            asking.update = self._server.update(
                asking.id, asking.name, asking.arg, update_id=asking.update.id
            )
        except NotFound:
            asking.then(False)
            return
        except LimitExceeded:
            self._server.after(_AGAIN, partial(self._send_again, asking))
            return
        self._story.tell(f"{asking.id}: {asking.name} again, its answer was lost")
        asking.sent += 1
        self._under_way.append(asking)

    def signal(self, identity: str, name: str, arg: Any) -> None:
        """Say it without waiting for an answer."""
        self._judge.consents.says(identity, arg)
        try:
            self._server.signal(identity, name, arg)
        except NotFound:
            self._story.tell(f"{identity}: it has ended already")

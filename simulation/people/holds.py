"""Holds and releases: who stops an invoice, and who lets it go on."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial

from invoicing.request import InvoiceRequest
from invoicing.state.identity import workflow_id
from invoicing.state.invoice import Hold, Release
from simulation.engine import Server
from simulation.judge.invariants import Judge
from simulation.people.instructions import Instructions
from simulation.wire import Story


class Holds:
    """Those who hold and release, and when each was released last."""

    def __init__(self, server: Server, judge: Judge, story: Story, said: Instructions) -> None:
        self._server = server
        self._judge = judge
        self._story = story
        self._said = said
        self._released: dict[str, datetime] = {}

    def hold(self, reference: str, until: timedelta, *, by_signal: bool) -> None:
        """Somebody holds it, and releases it so much later."""
        identity = workflow_id(reference)
        order = Hold(by="holder", reason="the price is under discussion")
        self._story.tell(f"{reference}: somebody holds it")
        release = Release(by="holder", reason="it is settled")

        let_go_at = self._server.now + until
        asked_at = self._server.now

        def let_go() -> None:
            self._story.tell(f"{reference}: somebody releases it")
            self._said.instruct(
                identity, "release", release, before=partial(self._may_go, reference)
            )

        def held(taken: bool) -> None:
            know = self._judge.wanted.get(reference)
            released = self._released.get(reference, asked_at)
            holds = released <= asked_at and self._server.now < let_go_at
            if taken and know is not None and holds:
                self._story.tell(f"{reference}: the hold is acknowledged")
                self._judge.consents.held(reference, asked_at)
                know.held_since = self._server.now

        if by_signal:
            self._said.signal(identity, "hold", order)
        else:
            self._said.instruct(identity, "hold", order, held)
        self._server.after(until, let_go)

    def _may_go(self, reference: str) -> None:
        """From when a release is sent, nobody can tell whether it has arrived."""
        self._released[reference] = self._server.now
        if reference in self._judge.wanted:
            self._judge.wanted[reference].held_since = None
            self._judge.wanted[reference].sent_from = None

    def release_later(self, request: InvoiceRequest, after: timedelta) -> None:
        """Whoever asked for the hold in a request comes back in the end."""

        def let_go() -> None:
            self._story.tell(f"{request.reference}: somebody releases it")
            self.release(request.reference)

        self._server.after(after, let_go)

    def release(self, reference: str) -> None:
        """Somebody releases it now."""
        wanted = Release(by="holder", reason="looked at")
        before = partial(self._may_go, reference)
        self._said.instruct(workflow_id(reference), "release", wanted, before=before)

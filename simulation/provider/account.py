"""The simulated provider: it answers the port's calls as its kind does, and keeps the ledger.

It is written from `invoicing/provider/` alone. What an adaptor would remember of a provider that
cannot be looked at is remembered here as an adaptor does it: in the context that calls come with.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from pydantic import JsonValue

from invoicing.balance import Movement, Way
from invoicing.consent import Consent
from invoicing.provider import (
    AttachCall,
    CreateCall,
    Event,
    Found,
    LookUpCall,
    ReadCall,
    Search,
    Snapshot,
    Target,
)
from invoicing.request import InvoiceRequest
from invoicing.state.identity import event_id
from simulation.documents import content
from simulation.engine import ActivityCall, Attempt
from simulation.provider.drafts import made, write
from simulation.provider.kinds import Kind
from simulation.provider.ledger import Held, Ledger
from simulation.provider.memory import heard_of, remembered
from simulation.provider.money import as_told, stands
from simulation.provider.papers import ANNOUNCED
from simulation.provider.planning import planned, refused
from simulation.provider.shown import gone, name_of, own_name, shown
from simulation.provider.watch import Tell, Watch
from simulation.wire import Clock, Refusal, Story, Wire, failure

NAME = "simulated"
_FOUND = Found()
_BY_US = "our"


class SimulatedProvider:
    """One provider account. `wire` says how calls go, `watch` judges them."""

    def __init__(
        self,
        clock: Clock,
        kind: Kind,
        ledger: Ledger,
        wire: Wire,
        story: Story,
        watch: Watch,
        tell: Tell,
    ) -> None:
        self.kind = kind
        self.ledger = ledger
        self.wire = wire
        self._clock = clock
        self.story = story
        self._watch = watch
        self._tell = tell
        self._ids = self._numbers = self._events = 0
        self.feed: list[Event] = []
        self.delivers_after = timedelta(minutes=20)
        self.pays_after: timedelta | None = timedelta(hours=5)
        self.claims = False
        """Whether its worker keeps a register."""
        self.rule: Consent | None = None
        """What needs two people at this account."""
        self._about: dict[str, str] = {}
        self._moved = 0

    @property
    def now(self) -> datetime:
        """The moment at the provider."""
        return self._clock.now

    # Planning and looking

    def plan(self, request: InvoiceRequest, call: ActivityCall) -> Attempt:
        """How this kind carries it out."""
        self.wire.begin("plan")
        if problem := refused(request, self.kind):
            return failure("Unsupported", problem.message, code=problem.field)
        if request.credits is not None:
            self._watch.planned_credit(request)
        made = planned(request, self.kind, claims=self.claims, rule=self.rule)
        return Attempt(after=timedelta(milliseconds=5), result=made)

    def look_up(self, given: LookUpCall, call: ActivityCall) -> Attempt:
        """Master data, which is always there."""
        return self.wire.look("look_up", lambda: _FOUND)

    def find(self, target: Target, call: ActivityCall) -> Attempt:
        """What its search shows."""
        return self.wire.look("find", lambda: self._search(target.reference))

    def _search(self, reference: str) -> Search:
        if self.kind.search == "none" or not self.kind.can_look:
            return Search.model_construct(invoices=(), complete=False)
        now = self._clock.now
        alive = [held for held in self.ledger.alive(reference) if held.shown_from <= now]
        complete = self.kind.search != "incomplete"
        if not complete:
            alive = alive[::2]
        found = tuple(self._snapshot(held) for held in alive)
        return Search.model_construct(invoices=found, complete=complete)

    def read(self, given: ReadCall, call: ActivityCall) -> Attempt:
        """The invoice as it is; where nobody can look, as it was told."""
        self._watch.reading(call)
        return self.wire.look("read", lambda: heard_of(given, self._read(given, call)))

    def _read(self, given: ReadCall, call: ActivityCall) -> Snapshot:
        if self.kind.can_look:
            return self._seen(given.target, call)
        return remembered(given, self.kind)

    def _seen(self, target: Target, call: ActivityCall) -> Snapshot:
        held = self.ledger.invoices.get(target.provider_id or "")
        if held is None:
            return gone(target)
        if self.kind.hears:
            self._watch.read(held, stands(held, self.ledger), call)
        return self._snapshot(held)

    def _snapshot(self, held: Held) -> Snapshot:
        self._watch.looked(held)
        now = stands(held, self.ledger) if self.kind.hears else None
        return shown(held, self.kind, now, strange=self.wire.strange)

    # Changing

    def create(self, given: CreateCall, call: ActivityCall) -> Attempt:
        """A draft; where there are none, the invoice."""
        self._watch.creating(given, call)
        return self.wire.change("create", lambda fails: self._created(given, fails))

    def _created(self, given: CreateCall, failing: bool) -> Snapshot:
        repeats = self.kind.memory == "repeats"
        known = self.ledger.invoices.get(name_of(given.target)) if repeats else None
        if known is not None:
            if known.content != content(given.document):
                raise Refusal("this name is taken by an invoice with other content")
            self._judge(known, "create")
            return self._snapshot(known)
        self._ids += 1
        name = name_of(given.target) if repeats else f"id-{self._ids}"
        held = self.ledger.add(made(given, name, self._clock.now, self.kind.lag))
        held.did("made", self._clock.now, f"{_BY_US} create", ours=True)
        self.story.tell(f"invoice {held.id} is there")
        self._confirm(held, failing)
        return self._snapshot(held)

    def _confirm(self, held: Held, failing: bool) -> None:
        late = self.kind.confirms_late
        if failing and not late:
            late = timedelta(seconds=30)
        if not late:
            self._drafted(held)
            return
        held.state = "drafting"
        self.wire.later(late, lambda: self._confirmed(held, failing))

    def _confirmed(self, held: Held, failing: bool) -> None:
        if held.state != "drafting":
            return
        if failing:
            held.state = "refused"
            self.changed(held, "refused", "the provider", ours=False)
        else:
            self._drafted(held)
        self._judge(held, "create")

    def _drafted(self, held: Held) -> None:
        held.state = "draft"
        if self.kind.sent_by == "create":
            self.make_final(held, "create")

    def _judge(self, held: Held, verb: str) -> None:
        """Tell what became of a call, where that is how it is told."""
        if self.kind.memory != "repeats":
            return
        ok = {
            "create": held.state not in ("drafting", "refused"),
            "approve": held.state == "final",
            "delete": held.state == "deleted",
            "credit": held.state == "credited",
        }[verb]
        if held.state == "drafting":
            return
        body: dict[str, JsonValue] = {"verb": verb, "ok": ok, "id": held.id}
        self._news(held, "verdict", body)

    def update(self, given: CreateCall, call: ActivityCall) -> Attempt:
        """Give a draft other content, all of it."""
        self._watch.creating(given, call, "update")
        return self.wire.change("update", lambda _: self._updated(given))

    def _updated(self, given: CreateCall) -> Snapshot:
        held = self.ledger.invoices.get(given.target.provider_id or "")
        if not self.kind.updates or held is None or held.state != "draft":
            raise Refusal("there is no draft to update")
        write(held, given.document)
        self.changed(held, "updated", f"{_BY_US} update", ours=True)
        return self._snapshot(held)

    def approve(self, target: Target, call: ActivityCall) -> Attempt:
        """Make it final, at once or later."""
        held = self._named(target)
        self._watch.called("approve", target.reference, held, call)
        return self.wire.change("approve", lambda fails: self._approved(self._named(target), fails))

    def _approved(self, held: Held | None, failing: bool) -> Snapshot:
        if held is None or held.state in ("drafting", "deleted", "refused"):
            raise Refusal("there is no draft to approve")
        if held.state in ("final", "credited"):
            if self.kind.already == "rejected" and self.kind.memory != "repeats":
                raise Refusal("it is approved already")
            self._judge(held, "approve")
            return self._snapshot(held)
        if held.state == "approving":
            return self._snapshot(held)
        self._approve_in_time(held, failing)
        return self._snapshot(held)

    def _approve_in_time(self, held: Held, failing: bool) -> None:
        late = self.kind.approves_late
        if not late and (failing or self.kind.memory == "repeats"):
            late = timedelta(seconds=20)
        if not late:
            self.make_final(held, "approve")
            return
        held.state = "approving"
        self.changed(held, "approval asked", f"{_BY_US} approve", ours=True)
        self.wire.later(late, lambda: self._approval_ended(held, failing))

    def _approval_ended(self, held: Held, failing: bool) -> None:
        if held.state != "approving":
            return
        if failing:
            held.state = "failed"
            self.changed(held, "approval failed", "the provider", ours=False)
        else:
            self.make_final(held, "approve")
        self._judge(held, "approve")

    def make_final(self, held: Held, verb: str, *, by: str = "", ours: bool = True) -> None:
        """It has a number from now on, and may be paid."""
        held.state = "final"
        if held.number is None:
            self._numbers += 1
            held.number = f"2026-{self._numbers:04d}"
        self.changed(held, "approved", by or f"{_BY_US} {verb}", ours=ours)
        if verb in ("create", self.kind.sent_by):
            self._sent(held, verb, ours=ours)
        if self.kind.papers == "told":
            self._clock.after(self.kind.papers_after, lambda: self._announce(held))
        if self.pays_after is not None:
            self._clock.after(self.pays_after, lambda: self._paid(held))

    def send(self, target: Target, call: ActivityCall) -> Attempt:
        """Send it to the buyer, once for every call."""
        held = self._named(target)
        self._watch.called("send", target.reference, held, call)
        return self.wire.change("send", lambda _: self._send(self._named(target)))

    def _send(self, held: Held | None) -> Snapshot:
        if held is None or held.state != "final":
            raise Refusal("it is not final, so it cannot be sent")
        if self.kind.memory == "repeats" and (held.sent or held.sending):
            # The same call once more: it is answered, and nothing is sent again.
            return self._snapshot(held)
        late = self.kind.sends_late
        if not late:
            self._sent(held, "send")
            return self._snapshot(held)
        held.sending = True
        self.wire.later(late, lambda: self._sent(held, "send"))
        return self._snapshot(held)

    def _sent(self, held: Held, verb: str, *, ours: bool = True) -> None:
        held.sending = False
        held.sent += 1
        self.changed(held, "sent", f"{_BY_US} {verb}", ours=ours)
        self._clock.after(self.delivers_after, lambda: self._delivered(held))

    def _delivered(self, held: Held) -> None:
        held.delivered = held.state == "final"
        self._news(held, "delivered", {"id": held.id})

    def _paid(self, held: Held) -> None:
        if held.state != "final":
            return
        if self.kind.hears:
            self.moves(held, Way.PAYMENT, stands(held, self.ledger).left)
            return
        held.paid = True
        self.story.tell(f"invoice {held.id} is paid")
        self._tell_of_payment(held, {})

    def moves(self, held: Held, way: Way, amount: Decimal) -> None:
        """So much comes in for it, or goes back; nothing that is not above zero."""
        if amount <= 0 or held.credits is not None:
            return
        self._moved += 1
        move = Movement(way=way, amount=amount, id=f"move-{self._moved}", by="transfer")
        held.moved.append(move)
        self.story.tell(f"invoice {held.id}: {move}")
        event = self._tell_of_payment(held, as_told(move, held.gross))
        if event is not None:
            self.ledger.told_of[event.id] = (held.reference, move.id)

    def _announce(self, held: Held) -> None:
        event = self._news(held, ANNOUNCED, {"id": held.id})
        if event is not None:
            self.ledger.announced[event_id(NAME, "default", event.id)] = held.reference

    def _tell_of_payment(self, held: Held, more: dict[str, JsonValue]) -> Event | None:
        body: dict[str, JsonValue] = {"paid": True, "id": held.id, "number": held.number, **more}
        if self.kind.news == "feed":
            self.feed.append(self._event(held, "payment", body))
            return self.feed[-1]
        return self._news(held, "payment", body)

    def delete(self, target: Target, call: ActivityCall) -> Attempt:
        """Delete a draft."""
        if not self.kind.deletes:
            self.wire.begin("delete")
            return failure("Unsupported", "drafts cannot be deleted here", code="delete")
        self._watch.called("delete", target.reference, self._named(target), call)
        return self.wire.change("delete", lambda _: self._delete(self._named(target), target))

    def _delete(self, held: Held | None, target: Target) -> Snapshot:
        if held is None:
            if self.kind.can_look:
                return gone(target)
            raise Refusal("there is no such invoice")
        if held.state in ("final", "credited", "approving"):
            raise Refusal("it is no draft any more")
        if held.state in ("deleted", "refused"):
            return self._snapshot(held)
        return self._take_back(held, "deleted", "delete")

    def credit(self, target: Target, call: ActivityCall) -> Attempt:
        """Credit a final invoice as a whole."""
        if not self.kind.credits:
            self.wire.begin("credit")
            return failure("Unsupported", "nothing is credited here", code="credit")
        self._watch.called("credit", target.reference, self._named(target), call)
        return self.wire.change("credit", lambda _: self._credit(self._named(target)))

    def _credit(self, held: Held | None) -> Snapshot:
        if held is None or held.state not in ("final", "credited"):
            raise Refusal("it is not final, so it cannot be credited")
        if held.state == "credited":
            return self._snapshot(held)
        return self._take_back(held, "credited", "credit")

    def _take_back(self, held: Held, state: str, verb: str) -> Snapshot:
        if self.kind.memory == "repeats":
            if not held.taken_back:
                held.taken_back = True
                self.wire.later(timedelta(seconds=15), lambda: self._taken_back(held, state, verb))
            return self._snapshot(held)
        self._taken_back(held, state, verb)
        return self._snapshot(held)

    def _taken_back(self, held: Held, state: str, verb: str) -> None:
        held.taken_back = False
        held.state = state
        self.changed(held, state, f"{_BY_US} {verb}", ours=True)
        self._judge(held, verb)

    def attach(self, given: AttachCall, call: ActivityCall) -> Attempt:
        """A document of the caller's own; the second takes the place of the first."""
        return self.wire.change("attach", lambda _: _FOUND)

    # News

    def _news(self, held: Held, kind: str, body: dict[str, JsonValue]) -> Event | None:
        if self.kind.news != "webhook":
            return None
        event = self._event(held, kind, body)
        self.wire.news(lambda: self._tell(event))
        return event

    def _event(self, held: Held, kind: str, body: dict[str, JsonValue]) -> Event:
        self._events += 1
        self._about[f"event-{self._events}"] = held.reference
        names: list[JsonValue] = [name for name in (held.id, held.number) if name]
        if not self.kind.can_look:
            names.append(own_name(held.reference))
        return Event(
            id=f"event-{self._events}", kind=kind, at=self._clock.now, body={**body, "names": names}
        )

    def about_event(self, event: str) -> str | None:
        """The reference of the invoice that an event is about; None: it is about nobody's."""
        return self._about.get(event)

    def strange_news(self) -> None:
        """News about an id that nobody knows."""
        self._events += 1
        body: dict[str, JsonValue] = {"paid": True, "names": ["id-of-nobody"]}
        self._tell(Event(id=f"event-{self._events}", kind="payment", body=body))

    # How

    def _named(self, target: Target) -> Held | None:
        """The invoice that a call is about: by its id, or by our own name for it."""
        held = self.ledger.invoices.get(target.provider_id or "")
        if held is None and not self.kind.can_look:
            alive = self.ledger.alive(target.reference)
            return alive[-1] if alive else None
        return held

    def changed(self, held: Held, what: str, by: str, *, ours: bool) -> None:
        """Something has happened to it."""
        held.did(what, self._clock.now, by, ours=ours)
        self.ledger.changes += 1
        self.story.tell(f"invoice {held.id}: {what} by {by}")


def handlers(provider: SimulatedProvider) -> dict[str, Callable[[Any, ActivityCall], Attempt]]:
    """Its activities by the name under which workflows ask for them."""
    return {
        "plan": provider.plan,
        "look_up": provider.look_up,
        "find": provider.find,
        "create": provider.create,
        "read": provider.read,
        "attach": provider.attach,
        "update": provider.update,
        "approve": provider.approve,
        "send": provider.send,
        "delete": provider.delete,
        "credit": provider.credit,
    }

"""The simulated provider: it answers the port's calls as its kind does, and keeps the ledger.

It is written from `invoicing/provider.py` alone. What an adaptor would remember of a provider that
cannot be looked at is remembered here as an adaptor does it: in the context that calls come with.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any, Literal, Protocol

from pydantic import JsonValue

from invoicing.consent import Consent
from invoicing.errors import FieldProblem
from invoicing.provider import (
    CONFIRMED,
    AttachCall,
    Attachment,
    CreateCall,
    Echo,
    Event,
    Figure,
    Found,
    LookUp,
    LookUpCall,
    Pace,
    Paces,
    PaymentStatus,
    Plan,
    ReadCall,
    Search,
    Snapshot,
    Stage,
    Target,
)
from invoicing.request import Goal, InvoiceRequest
from simulation.documents import content, sums
from simulation.engine import ActivityCall, Attempt
from simulation.kinds import Kind
from simulation.ledger import Held, Ledger
from simulation.wire import Clock, Refusal, Story, Wire, failure

NAME = "simulated"
_SELDOM = Pace(
    first=timedelta(seconds=4), factor=8, cap=timedelta(hours=8), deadline=timedelta(hours=24)
)
_FOR_DAYS = Pace(
    first=timedelta(minutes=5), factor=8, cap=timedelta(days=3), deadline=timedelta(days=12)
)
PACES = Paces(
    unavailable=_SELDOM,
    drafting=_SELDOM,
    approval=_SELDOM,
    sending=_SELDOM.model_copy(update={"deadline": timedelta(days=3)}),
    delivery=_FOR_DAYS,
    payment=_FOR_DAYS,
    notices=_SELDOM,
)
"""The usual ones, with fewer looks: a life of many looks costs much and shows little."""
UNCERTAIN: dict[str, Literal["look", "ask", "repeat"]] = {
    "looks": "look",
    "blind": "ask",
    "repeats": "repeat",
}
_ECHOES = (Figure.CURRENCY, Figure.NET, Figure.VAT, Figure.GROSS)
_BY_US = "our"


class Watch(Protocol):
    """Who is told of every call that changes something, when it is made."""

    def called(self, verb: str, reference: str, held: Held | None, call: ActivityCall) -> None:
        """A changing call is being made, of the invoice that it names."""
        ...

    def creating(self, given: CreateCall, call: ActivityCall) -> None:
        """A create is being made."""
        ...

    def planned_credit(self, request: InvoiceRequest) -> None:
        """A credit note is going to be made."""
        ...

    def looked(self, held: Held) -> None:
        """This invoice is shown to us as it is."""
        ...


class Tell(Protocol):
    """Where the provider's news go."""

    def __call__(self, event: Event) -> None:
        """One event, as an adaptor has verified it."""
        ...


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
        self._story = story
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

    # Planning and looking

    def plan(self, request: InvoiceRequest, call: ActivityCall) -> Attempt:
        """How this kind carries it out."""
        self.wire.begin("plan")
        kind = self.kind
        if request.goal is Goal.DRAFTED and kind.sent_by == "create":
            return failure("Unsupported", "nothing is a draft here", code="goal")
        if request.credits is not None:
            if not _takes(kind, whole=request.credits.whole):
                return failure("Unsupported", "that is not credited here", code="credits")
            self._watch.planned_credit(request)
        made = Plan.model_construct(
            totals=sums(request.document),
            echoes=_ECHOES if kind.echoes else (),
            look_ups=_LOOK_UPS[: kind.looks_up],
            find_first=kind.find_first,
            credits=kind.credits,
            uncertain=UNCERTAIN[kind.memory],
            sent_by=kind.sent_by,
            attachments=_ATTACHMENTS if kind.attaches else (),
            paces=PACES,
            claims=self.claims,
            consent=self.rule,
            keys=() if kind.can_look else (own_name(request.reference),),
        )
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
        shown = tuple(self._snapshot(held) for held in alive)
        return Search.model_construct(invoices=shown, complete=complete)

    def read(self, given: ReadCall, call: ActivityCall) -> Attempt:
        """The invoice as it is; where nobody can look, as it was told."""
        if not self.kind.can_look:
            return self.wire.look("read", lambda: self._remembered(given))
        return self.wire.look("read", lambda: self._seen(given.target))

    def _seen(self, target: Target) -> Snapshot:
        held = self.ledger.invoices.get(target.provider_id or "")
        if held is None:
            gone = target.provider_id or ""
            return Snapshot.model_construct(provider_id=gone, stage=Stage.DELETED)
        return self._snapshot(held)

    def _snapshot(self, held: Held) -> Snapshot:
        self._watch.looked(held)
        stage = stage_of(held)
        refused = held.state in ("refused", "failed")
        return Snapshot.model_construct(
            provider_id=held.id,
            stage=Stage.UNKNOWN if self.wire.strange else stage,
            payment=_payment(held),
            status="hmm" if self.wire.strange else stage.value,
            number=held.number if held.state in ("final", "credited") else None,
            echo=_echo(held) if self.kind.echoes else _NO_FIGURES,
            problems=_PROBLEMS if refused else (),
            context={} if self.kind.can_look else {"told": _told(held)},
            keys=(),
            reference=held.reference if self.kind.states_reference else None,
        )

    # Where nobody can look

    def _remembered(self, given: ReadCall) -> Snapshot:
        """What was told last, and what the events add."""
        target = given.target
        told = dict(_kept(target.context))
        if target.provider_id and told.get("id") != target.provider_id:
            told = {"id": target.provider_id}
        for event in given.events:
            told = _heard(told, event, target, self.kind)
        if "id" not in told:
            if self.kind.memory == "blind":
                raise Refusal("this invoice was never seen from here")
            told["id"] = name_of(target)
        return _as_told(told, target, self.kind)

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
        held = self.ledger.add(self._new(given, repeats))
        held.did("made", self._clock.now, f"{_BY_US} create", ours=True)
        self._story.tell(f"invoice {held.id} is there")
        self._confirm(held, failing)
        return self._snapshot(held)

    def _new(self, given: CreateCall, repeats: bool) -> Held:
        self._ids += 1
        figures = sums(given.document)
        now = self._clock.now
        return Held(
            id=name_of(given.target) if repeats else f"id-{self._ids}",
            reference=given.target.reference,
            generation=given.target.generation,
            content=content(given.document),
            lines=tuple(line.id for line in given.document.lines),
            net=figures.net,
            vat=figures.vat,
            gross=figures.gross,
            asked_gross=figures.gross,
            made=now,
            shown_from=now + self.kind.lag,
            number=given.document.number,
            units={line.id: line.quantity for line in given.document.lines},
            credits=given.document.precedents[0].number if given.document.precedents else None,
        )

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
            self._changed(held, "refused", "the provider", ours=False)
        else:
            self._drafted(held)
        self._judge(held, "create")

    def _drafted(self, held: Held) -> None:
        held.state = "draft"
        if self.kind.sent_by == "create":
            self._final(held, "create")

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
            self._final(held, "approve")
            return
        held.state = "approving"
        self._changed(held, "approval asked", f"{_BY_US} approve", ours=True)
        self.wire.later(late, lambda: self._approval_ended(held, failing))

    def _approval_ended(self, held: Held, failing: bool) -> None:
        if held.state != "approving":
            return
        if failing:
            held.state = "failed"
            self._changed(held, "approval failed", "the provider", ours=False)
        else:
            self._final(held, "approve")
        self._judge(held, "approve")

    def _final(self, held: Held, verb: str, *, by: str = "", ours: bool = True) -> None:
        held.state = "final"
        if held.number is None:
            self._numbers += 1
            held.number = f"2026-{self._numbers:04d}"
        self._changed(held, "approved", by or f"{_BY_US} {verb}", ours=ours)
        if verb in ("create", self.kind.sent_by):
            self._sent(held, verb, ours=ours)
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
        self._changed(held, "sent", f"{_BY_US} {verb}", ours=ours)
        self._clock.after(self.delivers_after, lambda: self._delivered(held))

    def _delivered(self, held: Held) -> None:
        held.delivered = held.state == "final"
        self._news(held, "delivered", {"id": held.id})

    def _paid(self, held: Held) -> None:
        if held.state != "final":
            return
        held.paid = True
        self._story.tell(f"invoice {held.id} is paid")
        body: dict[str, JsonValue] = {"paid": True, "id": held.id, "number": held.number}
        if self.kind.news == "feed":
            self.feed.append(self._event(held, "payment", body))
        elif self.kind.news == "webhook":
            self._news(held, "payment", body)

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
                return Snapshot.model_construct(
                    provider_id=target.provider_id or "", stage=Stage.DELETED
                )
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
        self._changed(held, state, f"{_BY_US} {verb}", ours=True)
        self._judge(held, verb)

    def attach(self, given: AttachCall, call: ActivityCall) -> Attempt:
        """A document of the caller's own; the second takes the place of the first."""
        return self.wire.change("attach", lambda _: _FOUND)

    # What others do there

    def meddle(self, what: str) -> None:
        """Somebody does this to the newest invoice that is there."""
        alive = [held for held in self.ledger.invoices.values() if held.alive]
        held = alive[-1] if alive else None
        if held is None or not self._touch(held, what):
            return
        held.touched = self._clock.now
        self._story.tell(f"somebody at the provider: {what} of {held.id}")

    def _touch(self, held: Held, what: str) -> bool:
        drafted = held.state == "draft"
        if what == "figures" and drafted:
            held.gross += Decimal("1.21")
            held.net += 1
            held.vat += Decimal("0.21")
            self._changed(held, "figures changed", "somebody", ours=False)
        elif what == "delete" and drafted:
            held.state = "deleted"
            self._changed(held, "deleted", "somebody", ours=False)
        elif what == "approve" and drafted:
            self._final(held, "approve", by="somebody", ours=False)
        elif what == "credit" and held.final:
            held.state = "credited"
            self._changed(held, "credited", "somebody", ours=False)
        else:
            return False
        return True

    def take_away(self, held: Held, by: str) -> None:
        """A person on our side deletes or credits it there, by hand."""
        state = "credited" if held.final else "deleted"
        held.state = state
        held.touched = self._clock.now
        self._changed(held, state, by, ours=False)

    def mend(self, held: Held, by: str) -> None:
        """A person on our side gives the draft the figures that it was made with."""
        more = held.gross - held.asked_gross
        if more:
            held.gross, held.net, held.vat = (
                held.asked_gross,
                held.net - 1,
                held.vat - more + 1,
            )
            self._changed(held, "figures mended", by, ours=False)

    # News

    def _news(self, held: Held, kind: str, body: dict[str, JsonValue]) -> None:
        if self.kind.news != "webhook":
            return
        event = self._event(held, kind, body)
        self.wire.news(lambda: self._tell(event))

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

    def _changed(self, held: Held, what: str, by: str, *, ours: bool) -> None:
        held.did(what, self._clock.now, by, ours=ours)
        self.ledger.changes += 1
        self._story.tell(f"invoice {held.id}: {what} by {by}")


def _takes(kind: Kind, *, whole: bool) -> bool:
    return kind.takes_credits == "parts" or (whole and kind.takes_credits == "whole")


def own_name(reference: str) -> str:
    """What such a provider calls an invoice in its news: by our reference."""
    return f"own-{reference}"


def name_of(target: Target) -> str:
    """The id of an invoice at a provider that takes our names: reference and generation."""
    return f"{target.reference}.{target.generation}"


def stage_of(held: Held) -> Stage:
    """How far it is, in the port's words."""
    if held.state == "final":
        if held.delivered:
            return Stage.DELIVERED
        if held.sent:
            return Stage.SENT
        return Stage.SENDING if held.sending else Stage.APPROVED
    return _STAGES[held.state]


_STAGES = {
    "drafting": Stage.DRAFTING,
    "draft": Stage.DRAFTED,
    "approving": Stage.APPROVING,
    "failed": Stage.FAILED,
    "deleted": Stage.DELETED,
    "credited": Stage.CREDITED,
    "refused": Stage.NONE,
}
_LOOK_UPS = (
    (LookUp(name="customer"),),
    (LookUp(name="tax codes"), LookUp(name="products")),
)
_FOUND = Found()
_NO_FIGURES = Echo()
_ATTACHMENTS = (Attachment(name="own pdf"),)
_PROBLEMS = (FieldProblem(field="buyer", message="cannot be invoiced just now"),)


def _payment(held: Held) -> PaymentStatus:
    return PaymentStatus.PAID if held.paid else PaymentStatus.UNPAID


def _echo(held: Held) -> Echo:
    return Echo.model_construct(
        currency="EUR", net=held.net, vat={"21": held.vat}, gross=held.gross
    )


def _told(held: Held) -> dict[str, JsonValue]:
    """What an answer says of it, to be remembered."""
    return {"id": held.id, "stage": stage_of(held).value, "number": held.number}


def _kept(context: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    told = context.get("told")
    return told if isinstance(told, dict) else {}


def _heard(
    told: dict[str, JsonValue], event: Event, target: Target, kind: Kind
) -> dict[str, JsonValue]:
    """What was told, and what this event adds. An event about another of our invoices adds
    nothing."""
    about = event.body.get("id")
    if about is not None and told.get("id", about) not in (about, own_name(target.reference)):
        return told
    if event.kind == CONFIRMED:
        name = target.provider_id or _own_id(target, kind)
        return {"id": name, **told, "stage": _proved(str(event.body["verb"]), kind)}
    if event.kind == "verdict" and event.body["verb"] in _JUDGED:
        return _judged({"id": about, **told}, event, kind)
    if event.kind == "payment" and about is not None:
        told = {"id": about, **told, "paid": True, "number": event.body.get("number")}
        if not _further(told, Stage.APPROVED):
            told["stage"] = _proved("approve", kind)
    if event.kind == "delivered" and about is not None:
        told = {"id": about, **told, "stage": Stage.DELIVERED.value}
    return told


def _own_id(target: Target, kind: Kind) -> str:
    if kind.memory == "repeats":
        return name_of(target)
    return own_name(target.reference)


def _proved(verb: str, kind: Kind) -> str:
    if verb == kind.sent_by or verb == "send":
        return Stage.SENT.value
    return {
        "create": Stage.DRAFTED,
        "approve": Stage.APPROVED,
        "delete": Stage.DELETED,
        "credit": Stage.CREDITED,
    }[verb].value


_JUDGED = ("create", "approve", "delete", "credit")
_ORDER = ("none", "drafting", "drafted", "approving", "failed", "approved", "sending", "sent")


def _further(told: Mapping[str, JsonValue], stage: Stage) -> bool:
    """Whether it was told to be at or past this stage already."""
    now = str(told.get("stage", "none"))
    if now not in _ORDER:
        return True
    return _ORDER.index(now) >= _ORDER.index(stage.value)


def _judged(told: dict[str, JsonValue], event: Event, kind: Kind) -> dict[str, JsonValue]:
    """An OK stays an OK; a refusal counts for what is still asked for."""
    verb, ok = str(event.body["verb"]), bool(event.body["ok"])
    proved = Stage(_proved(verb, kind))
    if ok:
        known = verb not in ("delete", "credit") and _further(told, proved)
        return told if known else {**told, "stage": proved.value}
    now = told.get("stage", "none")
    if verb == "create" and now in ("none", "drafting"):
        return {**told, "stage": Stage.NONE.value, "refused": True}
    if verb == "approve" and now in ("drafted", "approving"):
        return {**told, "stage": Stage.FAILED.value}
    return told


def _as_told(told: dict[str, JsonValue], target: Target, kind: Kind) -> Snapshot:
    stage = Stage(str(told.get("stage", "none")))
    failed = stage is Stage.FAILED or (stage is Stage.NONE and bool(told.get("refused")))
    number = told.get("number")
    final = stage.reached(Stage.APPROVED) or stage is Stage.CREDITED
    return Snapshot.model_construct(
        provider_id=str(told["id"]),
        stage=stage,
        payment=PaymentStatus.PAID if told.get("paid") else PaymentStatus.UNPAID,
        status=stage.value,
        number=str(number) if number and final else (str(told["id"]) if final else None),
        echo=_NO_FIGURES,
        problems=_PROBLEMS if failed else (),
        context={"told": told},
        keys=(),
        reference=target.reference if kind.states_reference else None,
    )


def handlers(provider: SimulatedProvider) -> dict[str, Callable[[Any, ActivityCall], Attempt]]:
    """Its activities by the name under which workflows ask for them."""
    return {
        "plan": provider.plan,
        "look_up": provider.look_up,
        "find": provider.find,
        "create": provider.create,
        "read": provider.read,
        "attach": provider.attach,
        "approve": provider.approve,
        "send": provider.send,
        "delete": provider.delete,
        "credit": provider.credit,
    }

"""The port: the verbs every provider answers, and what goes in and out of them.

An adaptor is one class under `providers/` with five of them: plan, create, read, approve, delete.
It knows its provider's routes, words and rules; it keeps no state about invoices, decides nothing
about the lifecycle, and reports after every call how far the provider has got. One verb is one HTTP
call (paging and a token aside).

What may be raised, by kind of verb:

    plan                      Rejected, Unsupported; it makes no call at all
    look_up, find, read       Unavailable, Rejected, Unreadable
    create, approve, send,    Unavailable (certainly not done), Rejected (certainly refused),
    delete, credit            UnknownOutcome (anything else, an unreadable answer included)

Denied is a Rejected that is about the credentials and not about the invoice.

What only some providers have stands at the end, each as a protocol of its own: looking up, finding,
sending, crediting, orders that must be registered first, documents that are attached, news that
arrive unasked, feeds that must be fetched. Whoever calls one asks with `isinstance` whether it is
there: the method is the only declaration, so nothing can be declared and missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal, Protocol, runtime_checkable

from pydantic import Field, JsonValue

from invoicing.consent import Consent
from invoicing.document import Document
from invoicing.errors import FieldProblem
from invoicing.model import Recorded, Typed
from invoicing.money import Number
from invoicing.request import InvoiceRequest, OrderRequest
from invoicing.totals import Totals


class Stage(StrEnum):
    """How far the document is at the provider, in our words."""

    NONE = "none"
    """Nothing there (yet); with `problems`, what was asked for was refused after all."""
    DRAFTING = "drafting"
    """Asked for, and not confirmed: nothing may be built on it yet."""
    DRAFTED = "drafted"
    APPROVING = "approving"
    """Asked for, not finished: no number yet, or queued."""
    APPROVED = "approved"
    """Final, with its number: from here only a credit takes it back."""
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    FAILED = "failed"
    """The provider gave up; `problems` says why."""
    DELETED = "deleted"
    """The draft was there and is gone, or an id that must exist is not found."""
    CREDITED = "credited"
    UNKNOWN = "unknown"
    """The provider used a word its adaptor does not know. That is waited on, visibly."""

    def reached(self, other: Stage) -> bool:
        """Whether this is at or past `other` on the way from none to delivered."""
        return self in _WAY and other in _WAY and _WAY.index(self) >= _WAY.index(other)


_WAY = (
    Stage.NONE,
    Stage.DRAFTING,
    Stage.DRAFTED,
    Stage.APPROVING,
    Stage.APPROVED,
    Stage.SENDING,
    Stage.SENT,
    Stage.DELIVERED,
)


class PaymentStatus(StrEnum):
    """The second axis: money. It moves by itself; `paid` may come before `delivered`, or never."""

    UNKNOWN = "unknown"
    UNPAID = "unpaid"
    PARTLY_PAID = "partly_paid"
    PAID = "paid"
    REJECTED = "rejected"
    REVERSED = "reversed"


class Pace(Recorded):
    """How one wait goes: the first pause, its growth, the longest pause, the end of it all."""

    first: timedelta
    factor: float = 1.5
    cap: timedelta
    deadline: timedelta

    def pause(self, turn: int) -> timedelta:
        """The pause before look number `turn`, counted from 0."""
        if not self.first:
            return self.first
        # Far beyond any growth that is wanted, and a power that a float still holds.
        growth = self.factor ** min(turn, 100)
        grown: timedelta = self.first * min(growth, self.cap / self.first)
        return min(grown, self.cap)

    def scaled(self, factor: float) -> Pace:
        """The same pace, faster or slower; for tests and demonstrations."""
        return self.model_copy(
            update={
                "first": self.first * factor,
                "cap": self.cap * factor,
                "deadline": self.deadline * factor,
            }
        )


class Paces(Recorded):
    """Every wait of a lifecycle."""

    settle: timedelta = timedelta(seconds=10)
    """How long an uncertain call is left alone before the first look at what it did."""
    effect: timedelta = timedelta(minutes=30)
    """How long after it was made an uncertain call may still take effect."""
    unavailable: Pace = Pace(
        first=timedelta(seconds=5),
        factor=2,
        cap=timedelta(minutes=10),
        deadline=timedelta(hours=24),
    )
    credentials: Pace = Pace(
        first=timedelta(seconds=5),
        factor=2,
        cap=timedelta(minutes=30),
        deadline=timedelta(days=30),
    )
    """While the provider refuses the account's credentials, until they are renewed."""
    unreadable: Pace = Pace(
        first=timedelta(seconds=5),
        factor=2,
        cap=timedelta(minutes=1),
        deadline=timedelta(minutes=2),
    )
    """A few looks whose answer is not understood."""
    drafting: Pace = Pace(
        first=timedelta(seconds=2), cap=timedelta(minutes=5), deadline=timedelta(hours=24)
    )
    approval: Pace = Pace(
        first=timedelta(seconds=2), cap=timedelta(minutes=5), deadline=timedelta(hours=24)
    )
    sending: Pace = Pace(
        first=timedelta(seconds=3), cap=timedelta(minutes=30), deadline=timedelta(days=3)
    )
    delivery: Pace = Pace(
        first=timedelta(minutes=1), factor=2, cap=timedelta(hours=2), deadline=timedelta(days=7)
    )
    payment: Pace = Pace(
        first=timedelta(hours=1), factor=2, cap=timedelta(hours=12), deadline=timedelta(days=120)
    )
    notices: Pace = Pace(
        first=timedelta(seconds=5), factor=2, cap=timedelta(hours=1), deadline=timedelta(days=3)
    )
    """Between the attempts to tell a subscriber."""
    hold: timedelta = timedelta(days=30)
    attention: timedelta = timedelta(days=90)

    def scaled(self, factor: float) -> Paces:
        """All of them, faster or slower."""
        return Paces.model_validate(
            {
                name: value.scaled(factor) if isinstance(value, Pace) else value * factor
                for name, value in ((name, getattr(self, name)) for name in Paces.model_fields)
            }
        )


class Figure(StrEnum):
    """What an echo can be compared on."""

    CURRENCY = "currency"
    NET = "net"
    VAT = "vat"
    """Per rate."""
    GROSS = "gross"
    PREPAID = "prepaid"
    ROUNDING = "rounding"
    DUE = "due"
    ISSUE_DATE = "issue date"
    DUE_DATE = "due date"
    BUYER = "buyer"
    NUMBER = "number"
    REFERENCE = "reference"


class Echo(Recorded):
    """What the invoice says as the provider holds it; None where it does not state one.

    `vat` maps a rate in percent, written without trailing zeros ("21", "5.5"), to the VAT at it.
    `prepaid`, `rounding` and `due` are BT-113, BT-114 and BT-115: `due` is what the buyer is asked
    for, so an adaptor does not state what is left after payments that came later.
    The dates are ISO 8601 days, and `?` where what stands there cannot be read as one.
    `buyer` is the buyer's id or name as the provider knows it. `reference` is filled in from the
    snapshot.
    """

    currency: str | None = None
    net: Number | None = None
    vat: dict[str, Number] | None = None
    gross: Number | None = None
    prepaid: Number | None = None
    rounding: Number | None = None
    due: Number | None = None
    issue_date: str | None = None
    due_date: str | None = None
    buyer: str | None = None
    number: str | None = None
    reference: str | None = None
    said: dict[str, str] = {}
    """Digests of texts that it states, by the names that the plan has for them: of those that both
    have, each must be the same."""


class LookUp(Recorded):
    """One question to the provider's master data. `query` is the adaptor's own."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z_ ]*$")]
    """What is looked up, for people: `customer`, `tax codes`."""
    query: dict[str, JsonValue] = {}


class Found(Recorded):
    """What a look-up answered: merged into the context that later calls get."""

    context: dict[str, JsonValue] = {}
    buyer: str | None = None
    """Set by the look-up that identifies the buyer, in the form the echo will use."""


class Attachment(Recorded):
    """A document of the caller's own, by reference: its content never comes into a history."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_ ]*$")]
    """What it is, for people and free of personal data: `own pdf`. One of a plan's has it."""
    query: dict[str, JsonValue] = {}
    """Where the adaptor finds it; its own, opaque to the workflow."""


class Plan(Recorded):
    """How this provider will carry out this request; made once, kept in history, then followed."""

    totals: Totals
    """Our own figures, rounded the way the provider says it rounds."""
    echoes: tuple[Figure, ...]
    """The figures the provider states about a draft: these must be there and must agree."""
    rounding: Number = Decimal(0)
    """What the options add to what is due, to make it a round sum (BT-114)."""
    due: Number | None = None
    """What the buyer is asked for where the options lower it; None: gross less what is prepaid,
    plus `rounding`."""
    said: dict[str, str] = {}
    """Digests of texts that the provider will be told, such as the buyer's address: see `Echo`."""
    theirs: tuple[Figure, ...] = ()
    """What the request leaves to the provider to say once the invoice is final: shown, and not
    compared from then on."""
    look_ups: tuple[tuple[LookUp, ...], ...] = ()
    """In waves: those of one wave do not need each other and run in parallel."""
    find_first: bool = False
    """Whether `find` takes one call, so that it is worth asking before the very first create."""
    credits: bool = False
    """Whether an approved invoice can be taken back by a credit."""
    uncertain: Literal["look", "ask", "repeat"] = "look"
    """How it is found out what an uncertain call did. `look`: `read` or `find` shows it. `ask`: no
    look can show it, so a person is asked. `repeat`: it is made once more, for the provider
    recognises it by our names and tells later what became of it. For the last two see CONFIRMED."""
    sent_by: Literal["create", "approve", "send"] = "send"
    """The call after which the buyer may receive it: that one waits for `send_on` and for a
    release, and is not repeated while an earlier one may still take effect. `create` where the
    first call makes the invoice final at once."""
    attachments: tuple[Attachment, ...] = ()
    """What is added to the draft before anything else is done with it; see Attaches."""
    keys: tuple[str, ...] = ()
    """What the provider may call this invoice in news about it, apart from its id and number."""
    paces: Paces = Paces()
    call_timeout: timedelta = timedelta(seconds=30)
    """How long one verb may take at most, token and paging included."""
    claims: bool = False
    """Whether the reference is claimed in a register first. Set by the worker that keeps one, by no
    adaptor."""
    consent: Consent | None = None
    """What needs two people. Set by the worker from the account's settings, by no adaptor."""
    buyer: str | None = None
    """The buyer as the echo will state it, where no look-up finds that out."""
    context: dict[str, JsonValue] = {}
    """What later calls need of the request; the adaptor's own, opaque to the workflow."""

    @property
    def blind(self) -> bool:
        """Whether a person is asked what an uncertain call did, and not the provider again."""
        return self.uncertain == "ask"

    @property
    def repeatable(self) -> bool:
        """Whether an uncertain call is cleared up by making it again."""
        return self.uncertain == "repeat"


class Target(Recorded):
    """Which invoice a call is about. Small, because every call's input stays in history."""

    account: str
    reference: str
    provider_id: str | None = None
    generation: int = 0
    """How many invoices of this reference were given up before: part of an idempotency key, or the
    answer that made one of those would be given once more."""
    context: dict[str, JsonValue] = {}


class Event(Typed):
    """What a provider told us unasked: a webhook or an item of a feed, already verified.

    `id` is the provider's (or a digest of the body): the same event may arrive more than once.
    """

    id: Annotated[str, Field(min_length=1, max_length=200)]
    kind: Annotated[str, Field(max_length=100)] = ""
    at: datetime | None = None
    body: dict[str, JsonValue] = {}


CONFIRMED = "confirmed"
"""The kind of an event that comes from a person, where nobody can look: the call that
`body["verb"]` names (`create`, `approve`, `send`, `delete`, `credit`) did take effect. `read` takes
it as seen. Of an order the verbs are `register` and `cancel_lines`, this with its `cancellation`:
`read_order` takes those."""


class LookUpCall(Recorded):
    """Input of `look_up`."""

    target: Target
    look_up: LookUp


class CreateCall(Recorded):
    """Input of `create`: the only call after `plan` that carries the whole document."""

    target: Target
    document: Document
    options: dict[str, JsonValue] = {}
    totals: Totals


class AttachCall(Recorded):
    """Input of `attach`."""

    target: Target
    attachment: Attachment


class ReadCall(Recorded):
    """Input of `read`: what has arrived about the invoice since the last one."""

    target: Target
    events: tuple[Event, ...] = ()


class Snapshot(Recorded):
    """What the provider said about one invoice in one answer."""

    provider_id: str
    stage: Stage = Stage.UNKNOWN
    payment: PaymentStatus = PaymentStatus.UNKNOWN
    status: str = ""
    """The provider's own word or words, such as `approved · sending`. Never free text."""
    number: str | None = None
    echo: Echo | None = None
    """None when the answer carried no figures (an approval that only says `accepted`)."""
    problems: tuple[FieldProblem, ...] = ()
    """What stands against the last thing that was asked for; empty while that is under way."""
    context: dict[str, JsonValue] = {}
    """Merged into the context of later calls."""
    keys: tuple[str, ...] = ()
    """More names under which news about it may come, apart from its id and number."""
    reference: str | None = None
    """Our reference as the provider holds it; None where it states none. An invoice that states
    another one is not ours, whatever its figures are."""


class Search(Recorded):
    """What `find` answered.

    `complete` False means *cannot tell*: nothing found so far proves nothing (a search that does
    not cover the reference, a list that was cut). Drafts and final invoices count, deleted and
    credited ones do not.
    """

    invoices: tuple[Snapshot, ...] = ()
    complete: bool = True


class Provider(Protocol):
    """What an adaptor offers. `name` is its file name, its queue and its settings prefix."""

    name: str

    async def plan(self, request: InvoiceRequest) -> Plan:
        """Check the request and say how it will be carried out. No call.

        Raises Rejected for what is wrong in the request and Unsupported for what is not offered,
        an unreachable goal included, naming every field at once.
        """
        ...

    async def create(self, call: CreateCall) -> Snapshot:
        """Create the draft (or, where a provider has no drafts, the invoice)."""
        ...

    async def read(self, call: ReadCall) -> Snapshot:
        """The invoice as it is now; Stage.DELETED when the id is not found."""
        ...

    async def approve(self, target: Target) -> Snapshot:
        """Make it final. Usually answered before it is done: Stage.APPROVING."""
        ...

    async def delete(self, target: Target) -> Snapshot:
        """Delete the draft: Stage.DELETED."""
        ...


Accounts = Mapping[str, Provider]
"""One provider's adaptors by account name; a company may hold several credentials."""


# --- what only some providers have ----------------------------------------------------------------


@runtime_checkable
class LooksUp(Protocol):
    """A provider whose master data is asked before the first call."""

    async def look_up(self, call: LookUpCall) -> Found:
        """Answer one question of the plan; Rejected when the answer is not what is needed."""
        ...


@runtime_checkable
class Finds(Protocol):
    """A provider in which invoices can be searched for. Without it a search cannot tell."""

    async def find(self, target: Target) -> Search:
        """Every live invoice that carries the target's reference."""
        ...


@runtime_checkable
class Sends(Protocol):
    """A provider with a call that sends, apart from the one that makes an invoice final."""

    async def send(self, target: Target) -> Snapshot:
        """Send it to the buyer."""
        ...


@runtime_checkable
class Credits(Protocol):
    """A provider that takes back a final invoice; a plan says whether it can this one."""

    async def credit(self, target: Target) -> Snapshot:
        """Take back an approved invoice by a full credit: Stage.CREDITED, or on its way there."""
        ...


class OrderStage(StrEnum):
    """How far an order is at the provider, where it must be registered before its invoices."""

    SUBMITTED = "submitted"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"
    """Nothing is stored; `problems` says why."""
    UNKNOWN = "unknown"
    """A word nobody knows, which is waited on."""


class OrderPlan(Recorded):
    """How this provider will carry out this order."""

    totals: Totals
    """What all its lines come to."""
    registers: bool = False
    """Whether the provider must know the order before its first invoice."""
    claims: bool = False
    """As a Plan's."""
    paces: Paces = Paces()
    call_timeout: timedelta = timedelta(seconds=30)
    keys: tuple[str, ...] = ()
    """What the provider may call this order in news about it, apart from its id."""
    context: dict[str, JsonValue] = {}


class OrderTarget(Recorded):
    """Which order a call is about."""

    account: str
    reference: str
    provider_id: str | None = None
    context: dict[str, JsonValue] = {}


class RegisterCall(Recorded):
    """Input of `register`: the whole order."""

    target: OrderTarget
    document: Document
    options: dict[str, JsonValue] = {}
    totals: Totals


class OrderReadCall(Recorded):
    """Input of `read_order`: what has arrived about the order since the last one."""

    target: OrderTarget
    events: tuple[Event, ...] = ()


class CancelLinesCall(Recorded):
    """Input of `cancel_lines`. `cancellation` is ours, and the same when the call is repeated."""

    target: OrderTarget
    cancellation: str
    lines: tuple[str, ...]
    reason: str = ""
    document: Document
    """The order as it was registered, so that lines can be described."""


class OrderSnapshot(Recorded):
    """What the provider said about one order in one answer."""

    provider_id: str
    stage: OrderStage = OrderStage.UNKNOWN
    status: str = ""
    cancelled: tuple[str, ...] = ()
    """Cancellations that are confirmed, by our own names."""
    refused: tuple[str, ...] = ()
    """Cancellations that the provider refused, by our own names."""
    problems: tuple[FieldProblem, ...] = ()
    context: dict[str, JsonValue] = {}


@runtime_checkable
class Limited(Protocol):
    """A provider that states how many calls it takes: more are not begun, on any worker."""

    calls_per_second: int


CreditsIn = Literal["parts", "whole"]
"""What of an invoice a credit note may take back: any part of it, or the whole alone, at once."""


@runtime_checkable
class CreditNotes(Protocol):
    """A provider whose adaptor makes credit notes that are of one of our invoices: a request with
    `credits`. Of any other, such a request is refused before its plan.

    Where a provider has no credit note that is written, but credits by a call on the invoice, that
    call is `create`, and final at once: the plan's `sent_by` says so, and `find` looks whether the
    invoice is credited.
    """

    credits_in: CreditsIn


@runtime_checkable
class Attaches(Protocol):
    """A provider that takes documents of the caller's own (EN 16931, BG-24) once there is a draft.

    `attach` must be safe to repeat: what has the same name takes the place of the one before. That
    is how an uncertain call is resolved here. It raises what a call that changes something may.
    """

    async def attach(self, call: AttachCall) -> Found:
        """Add this one to the draft; the answer's context goes to later calls."""
        ...


@runtime_checkable
class Orders(Protocol):
    """A provider that must know an order before it takes invoices for its lines.

    `register` and `cancel_lines` must be safe to repeat: with the same names of ours the provider
    (or the adaptor) recognises the second one. That is how an uncertain call is resolved here.
    """

    async def plan_order(self, request: OrderRequest) -> OrderPlan:
        """Check the order and say how it will be carried out. No call; raises as `plan` does."""
        ...

    async def register(self, call: RegisterCall) -> OrderSnapshot:
        """Make the order known."""
        ...

    async def read_order(self, call: OrderReadCall) -> OrderSnapshot:
        """The order as far as it is known now."""
        ...

    async def cancel_lines(self, call: CancelLinesCall) -> OrderSnapshot:
        """Cancel lines that are on no invoice."""
        ...


class Subject(Recorded):
    """What an event is about, by the names the provider uses, the most telling one first.

    No names: the event concerns no invoice and no order (a test call, a notice about the account).
    """

    keys: tuple[str, ...] = ()
    event: Event | None = None
    """The event with no more than `read` or `read_order` will look at; None: nothing but its id and
    kind is needed. It is kept in histories, so it must be small."""


@runtime_checkable
class Notifies(Protocol):
    """A provider that tells us things unasked."""

    async def about(self, event: Event) -> Subject:
        """Which invoice or order the event is about. No call. Raises Unreadable."""
        ...


class Item(Recorded):
    """One item of a feed: the event that it is, and what `acknowledge` needs to know."""

    event: Event
    receipt: dict[str, JsonValue] = {}


class Batch(Recorded):
    """What `poll` answered. An item stays in the feed until it is acknowledged."""

    items: tuple[Item, ...] = ()
    more: bool = False
    """Whether to ask again at once, after these have been acknowledged."""


@runtime_checkable
class Feeds(Protocol):
    """A provider whose news must be fetched: one call per interval, however many invoices wait."""

    @property
    def feed_interval(self) -> timedelta | None:
        """How often to ask; None where this account's feed is another system's to fetch."""
        ...

    async def poll(self) -> Batch:
        """The oldest items nobody has acknowledged. Raises as `read` does."""
        ...

    async def acknowledge(self, item: Item) -> None:
        """Take the item out of the feed; safe to repeat. Raises as `read` does."""
        ...


class Delivery(Recorded):
    """A webhook as it arrived. `headers` have small names; `source` is the sender's address."""

    headers: dict[str, str] = {}
    body: bytes
    source: str = ""
    received: datetime


@runtime_checkable
class Hooks(Protocol):
    """A provider that calls us by webhook."""

    def receive(self, delivery: Delivery) -> tuple[Event, ...]:
        """The events in a webhook, once it is certain that the provider sent it.

        Raises Forged when that is not certain, Unreadable when it is not understood.
        """
        ...


@runtime_checkable
class Checks(Protocol):
    """A provider that can be asked whether it lets us in, without changing anything there."""

    async def check(self) -> None:
        """One harmless call with the account's credentials. Raises as `read` does."""
        ...

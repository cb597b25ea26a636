"""What goes into the verbs about an invoice, and what comes out of them."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, JsonValue

from invoicing.attachment import StoredFile
from invoicing.balance import Statement
from invoicing.consent import Consent
from invoicing.document import Document
from invoicing.errors import FieldProblem
from invoicing.model import Recorded, Typed
from invoicing.money import Number, exactly
from invoicing.provider.stages import Paces, PaymentStatus, Stage
from invoicing.totals import Totals


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
    file: StoredFile | None = None
    """Which file of the store it is."""
    query: dict[str, JsonValue] = {}
    """What else the adaptor needs; its own, opaque to the workflow."""


class Plan(Recorded):
    """How this provider will carry out this request; made once, kept in history, then followed."""

    totals: Totals
    """Our own figures, rounded the way the provider says it rounds."""
    echoes: tuple[Figure, ...]
    """The figures the provider states about a draft: these must be there and must agree."""
    rounding: Number = Decimal(0)
    """What the options add to what is due beside the document's own rounding (BT-114)."""
    due: Number | None = None
    """What the buyer is asked for where the options lower it; None: what is due by the totals,
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
    release. A create or a send is not repeated while an earlier one may still take effect; a second
    approval is refused by whoever has approved it. `create` where the first call makes the invoice
    final at once."""
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
    fixed: str = ""
    """A digest of what `update` cannot change of a draft: one made by a plan with the same is
    updated in place when it is corrected. Empty where no draft is."""
    keeps_document: bool = False
    """Whether its document is fetched once it is final. Set by the worker that has a store."""
    consent: Consent | None = None
    """What needs two people. Set by the worker from the account's settings, by no adaptor."""
    buyer: str | None = None
    """The buyer as the echo will state it, where no look-up finds that out."""
    context: dict[str, JsonValue] = {}
    """What later calls need of the request; the adaptor's own, opaque to the workflow."""

    @property
    def to_pay(self) -> Decimal:
        """What the buyer is asked for."""
        with exactly():
            return self.totals.due + self.rounding if self.due is None else self.due

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
    """Input of `create` and `update`: the only calls after `plan` that carry the whole
    document."""

    target: Target
    document: Document
    options: dict[str, JsonValue] = {}
    totals: Totals
    files: dict[str, bytes] = Field(default={}, exclude=True, repr=False)
    """What is in the document's files, by digest, for a provider that `Inlines` them. The worker
    fills it in from the store: it is in no history."""


class AttachCall(Recorded):
    """Input of `attach`."""

    target: Target
    attachment: Attachment
    content: bytes = Field(default=b"", exclude=True, repr=False)
    """Of its file. The worker fills it in from the store: it is in no history."""


class ReadCall(Recorded):
    """Input of `read`: what has arrived about the invoice since the last one."""

    target: Target
    events: tuple[Event, ...] = ()


class DocumentCall(Recorded):
    """Input of `document`: of which invoice, and what was told of its document after the invoice's
    own workflow had ended."""

    target: Target
    events: tuple[Event, ...] = ()


class Snapshot(Recorded):
    """What the provider said about one invoice in one answer."""

    provider_id: str
    stage: Stage = Stage.UNKNOWN
    payment: PaymentStatus = PaymentStatus.UNKNOWN
    money: Statement | None = None
    """All that it has stated so far of the money of a final invoice; None where it says nothing."""
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

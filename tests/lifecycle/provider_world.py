"""What is different about each provider, for tests that are the same for all: one `Kind` each.

A kind says how its stand-in is made, which account belongs to it, what an ordinary invoice is, how
a life gets to each step (`Life`), what the provider's own faults lead to there (`Life.odd`), how an
answer that states other figures looks (`Forgery`), and where a cancel may catch an invoice
(`Moment`). To add a provider, add its description to `KINDS`; the tests find it there.
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, nullcontext
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args

from starlette.responses import Response

from documents import Account
from invoicing.attachment import SupportingDocument
from invoicing.document import Address, Contact, Document, Identifier, Party, Vat
from invoicing.provider import Figure, Pace, Paces, Plan, Provider, Stage
from invoicing.request import Goal, InvoiceRequest
from invoicing.state.invoice import Invoice, Status
from invoicing.state.questions import Answer, Reason
from providers.registry import ADAPTORS
from sandbox import invoro, mollie, quiddly
from sandbox.kit.faults import Fault, Placed, When
from sandbox.kit.server import StandIn, Way, serve
from sandbox.kit.wire import decoded, encoded
from tests.attached import a_file, supporting
from tests.examples import a_document, a_line
from tests.lifecycle.world import PACES, Company, World, _Recording, _terminate
from tests.patience import LONG_ENOUGH

RETRY: Answer = Answer.RETRY
ADOPT: Answer = Answer.ADOPT
CORRECT: Answer = Answer.CORRECT
MAKE_AGAIN: Answer = Answer.MAKE_AGAIN
GO_WITHOUT: Answer = Answer.GO_WITHOUT
ABANDON: Answer = Answer.ABANDON
HAPPENED: Answer = Answer.HAPPENED
DID_NOT_HAPPEN: Answer = Answer.DID_NOT_HAPPEN

FOREVER = timedelta(days=1)
BRISK: Paces = PACES.model_copy(
    update={
        name: Pace(first=timedelta(milliseconds=30), factor=1, cap=FOREVER, deadline=FOREVER)
        for name in ("unavailable", "credentials", "unreadable")
    }
)
"""So that many failures in a row take no long pauses."""
AWHILE: Pace = Pace(
    first=timedelta(milliseconds=40),
    factor=1,
    cap=timedelta(milliseconds=40),
    deadline=timedelta(seconds=0.4),
)
"""A wait whose end is to be seen."""
SELDOM: Pace = Pace(first=timedelta(minutes=1), cap=timedelta(minutes=1), deadline=FOREVER)
"""A wait in which nobody looks, so that looks can be counted."""

SHOWN_BY_THEN: Mapping[str, Any] = {"effect": timedelta(milliseconds=50)}
"""What a lost call did shows by the time that it is looked for: one search settles it, nothing is
looked back for, and searches can be counted."""

NEVER: float = float("inf")
WHENS: tuple[When, ...] = get_args(When)


# --- what is described ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Expected:
    """What one scenario comes to.

    calls: of the step that the fault strikes, in the whole life; None where that is chance.
    parked: why it waited for a person, each time.
    answer: what the person does about it, each time.
    adopted: whether the invoice was found by our reference instead of made again.
    effects: what stands in the ledger, where that is not what it always is.
    """

    calls: int | None
    parked: tuple[Reason, ...] = ()
    answer: Answer = RETRY
    adopted: bool = False
    effects: str | None = None


Row = tuple[str, Expected, Expected] | tuple[str, Expected]
"""Faults, what they lead to before the effect and after; one column where `when` says nothing.

A fault is written `fault` or `fault:key`."""


def both(faults: str, outcome: Expected) -> Row:
    """The same before the effect and after it."""
    return (faults, outcome, outcome)


@dataclass(frozen=True)
class Life:
    """How a life gets to the step under test, and what it comes to when nothing is wrong.

    asks: the step is repeated until it answers: it changes nothing, or no more than the first time.
    nth: which call of the step is struck; `calls`: how many there are.
    also: another fault, without which the step would not be taken; `parked`, `answer`: what that
        comes to, and what is said to it.
    lost: the provider's own faults after which nobody knows what happened.
    harmless: its own faults that change nothing, all at one call.
    odd: its other faults; a row also overrules what is said of a fault of the wire.
    unmoved: its own faults that this step does not know.
    wire: False where another life tells what the wire does to this step.
    credits: what is credited of the invoice once it has ended; the step is then one of the credit
        note's, and counted from there.
    """

    name: str
    step: str
    effects: str = "created"
    asks: bool = False
    nth: int = 1
    calls: int | None = 1
    adopted: bool = False
    parked: tuple[Reason, ...] = ()
    answer: Answer = RETRY
    goal: Goal = Goal.DRAFTED
    request: Mapping[str, Any] = field(default_factory=dict)
    stand_in: Mapping[str, Any] = field(default_factory=dict)
    paces: Mapping[str, Any] = field(default_factory=dict)
    cancelled_when: Callable[[Invoice], bool] | None = None
    also: tuple[str, str, When] | None = None
    pays: bool = False
    lost: str = ""
    harmless: str = ""
    odd: tuple[Row, ...] = ()
    unmoved: str = ""
    wire: bool = True
    credits: Mapping[str, Any] | None = None

    @property
    def of_a_draft(self) -> bool:
        """Whether its step is over before anything can be final."""
        return self.nth == 1 and self.step not in ("approve", "pay", "delete", "credit")

    @property
    def creates(self) -> bool:
        """Whether its step is what makes the invoice, or the credit note."""
        makes = ("create", "credit") if self.credits else ("create",)
        return self.nth == 1 and self.step in makes


@dataclass(frozen=True)
class Forgery:
    """An answer to a look at the draft in which one figure is another; `says` is what is told, with
    `{reference}` for ours."""

    figure: str
    change: Callable[[Any], None]
    says: str
    request: Mapping[str, Any] = field(default_factory=dict)
    text: bool = False
    """Whether it is no figure, but something in words: neither side of it is shown."""


def _text(name: str, *path: Any) -> Forgery:
    """This text says something else."""
    return Forgery(name, _set(*path, value="Other"), f"{name}: not the one asked for", text=True)


@dataclass(frozen=True)
class Moment:
    """When a cancel comes, and what the provider holds in the end: while a call is under way
    (`during`: step, which one of them, before or after its effect) or once the state is so."""

    name: str
    effects: str
    status: Status = Status.CANCELLED
    during: tuple[str, int, When] | None = None
    once: Callable[[Invoice], bool] = lambda invoice: True
    request: Mapping[str, Any] = field(default_factory=dict)
    stand_in: Mapping[str, Any] = field(default_factory=dict)
    fault: tuple[str, str, When] | None = None


async def _nothing(shop: Shop, reference: str) -> None:
    """What most people have to do at a provider before they answer."""


@dataclass(frozen=True)
class Kind:
    """One provider.

    provider: its name, where the kind's is another: one provider can be described twice.
    numbers: the caller numbers the invoices, here by our reference.
    final: the steps that make an invoice final or send it; `look`: the one that looks at it.
    mark: how our reference stands there.
    unused: the steps of the stand-in that no life takes.
    unstated: the figures that no answer about a draft states.
    credits: what is final can be taken back.
    blind: nobody can look what became of an uncertain call, so a person is asked.
    repeatable: nobody can look, and an uncertain call is made again.
    news: brings what the stand-in tells unasked to the invoices, as long as it is open.
    by_hand: what whoever answers for a parked invoice does at the provider first.
    """

    stand_in: Callable[..., StandIn]
    settings: Callable[[Any], dict[str, Any]]
    document: Callable[..., Document]
    options: Mapping[str, Any]
    lives: tuple[Life, ...]
    forgeries: tuple[Forgery, ...]
    moments: tuple[Moment, ...]
    final: tuple[str, ...]
    look: str = "read"
    mark: str = "{}"
    unused: tuple[str, ...] = ()
    unstated: tuple[Figure, ...] = ()
    provider: str = ""
    numbers: bool = False
    credits: bool = True
    blind: bool = False
    repeatable: bool = False
    news: Callable[[Shop], AbstractAsyncContextManager[None]] = lambda shop: nullcontext()
    by_hand: Callable[[Shop, str], Awaitable[None]] = _nothing


# --- an account at a provider ---------------------------------------------------------------------


class _Marked:
    """A ledger asked by our reference, where the provider knows it under a mark."""

    def __init__(self, ledger: Any, mark: str) -> None:
        self._ledger, self._mark = ledger, mark

    def __getattr__(self, name: str) -> Any:
        asked = getattr(self._ledger, name)
        if name not in ("of", "effects", "live", "accounts", "account"):
            return asked
        return lambda reference: asked(self._mark.format(reference))


class _Known:
    """A stand-in whose ledger and levers are asked by our reference."""

    def __init__(self, stand_in: StandIn, mark: str) -> None:
        self._stand_in, self._mark = stand_in, mark
        self.ledger = _Marked(stand_in.ledger, mark)

    def pay(self, reference: str, amount: Decimal | None = None) -> None:
        self._stand_in.pay(self._mark.format(reference), amount)

    def charge_back(self, reference: str, amount: Decimal | None = None) -> None:
        self._stand_in.charge_back(self._mark.format(reference), amount)

    def refund(self, reference: str, amount: Decimal | None = None) -> None:
        self._stand_in.refund(self._mark.format(reference), amount)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stand_in, name)


@dataclass
class Shop(Company):
    """A company at any provider."""

    stand_in: Any
    adaptor: Any
    provider: str
    kind: Kind
    forged: dict[str, Callable[[Any], None]] = field(default_factory=dict)
    """What is wrong in the answers about the invoice with this reference."""

    def request(self, reference: str | None = None, **changes: Any) -> InvoiceRequest:
        """An ordinary request; `document` and `options` are changes to the ordinary ones."""
        reference = reference or f"P-{uuid.uuid4().hex[:10]}"
        number = {"number": reference} if self.kind.numbers else {}
        return InvoiceRequest(
            **{
                "goal": Goal.SENT,
                **changes,
                "reference": reference,
                "provider": self.provider,
                "account": self.account,
                "document": self.kind.document(**number, **changes.get("document", {})),
                "options": {**self.kind.options, **changes.get("options", {})},
            }
        )

    async def follow(self, reference: str, sure: Callable[[Invoice], bool]) -> Invoice:
        """The first state of which `sure` holds, however short it lasts."""
        async with (
            asyncio.timeout(LONG_ENOUGH),
            aclosing(self.client.invoices.changes(reference)) as changes,
        ):
            async for state in changes:
                if sure(state):
                    return state
        raise AssertionError("it ended otherwise")

    async def answer(self, reference: str, action: Answer) -> Invoice:
        """Answer a parked invoice, with what the answer needs."""
        await self.kind.by_hand(self, reference)
        said: dict[str, Any] = {}
        if action is CORRECT:
            said = {"document": self.request(reference).document}
        elif action is ADOPT:
            (said["provider_id"],) = self.stand_in.ledger.live(reference)
        return await self.resolve(reference, action, **said)

    def finalised(self, invoice_id: str | None, since: int) -> list[str]:
        """The calls later than number `since` that were to make this invoice final or send it."""
        return [
            f"{call.step} {call.path}"
            for call in self.stand_in.calls.all[since:]
            if call.step in self.kind.final and (invoice_id or "") in call.path
        ]


@contextlib.asynccontextmanager
async def opened(
    world: World,
    name: str,
    *,
    kind: Kind | None = None,
    paces: Paces = PACES,
    patience: float = 0.5,
    **stand_in: Any,
) -> AsyncIterator[Shop]:
    """An account at this kind of provider; `patience` is the adaptor's time-out in seconds."""
    kind, account = kind or KINDS[name], f"a{uuid.uuid4().hex[:10]}"
    provider = kind.provider or name
    async with serve(kind.stand_in(**stand_in)) as served:
        adaptor = ADAPTORS[provider]
        settings = {**kind.settings(served), "timeout": patience}
        made = _hurried(adaptor(adaptor.Settings.model_validate(settings), world.http), paces)
        world.accounts[provider][account] = made
        client = _Recording(world.client)
        known = _Known(served, kind.mark)
        shop = Shop(account, known, client, made, provider, kind)
        _forge(served, shop)
        if world.files:
            await world.files.attachments.put(Account(provider, account), CONTENT)
        async with kind.news(shop):
            try:
                yield shop
            finally:
                await _terminate(client)


def _hurried(adaptor: Provider, paces: Paces) -> Provider:
    planned = adaptor.plan

    async def plan(request: InvoiceRequest) -> Plan:
        return (await planned(request)).model_copy(update={"paces": paces})

    adaptor.plan = plan  # type: ignore[method-assign]
    return adaptor


def _forge(stand_in: StandIn, shop: Shop) -> None:
    """Let answers about an invoice pass through what `forged` says of its reference."""
    truly = stand_in._answer

    async def answered(way: Way, request: Any, body: bytes) -> Response:
        response = await truly(way, request, body)
        if way.step == shop.kind.look and response.status_code == 200:
            told = (
                response.body.tobytes() if isinstance(response.body, memoryview) else response.body
            )
            for reference, change in shop.forged.items():
                if reference.encode() in told:
                    value = decoded(told)
                    change(value)
                    return Response(encoded(value), 200, media_type="application/json")
        return response

    stand_in._answer = answered  # type: ignore[method-assign]


# --- scenarios ------------------------------------------------------------------------------------

LOST: str = "refuse reset time_out 500 502 503 not_json truncated"
"""Whoever asked does not know what became of it."""
LATE = tuple((fault, when) for fault in ("slow", "gate") for when in WHENS)


@dataclass(frozen=True)
class Scenario:
    """A life, and the faults at consecutive calls of its step, or all at one call."""

    life: Life
    faults: tuple[tuple[str, When], ...]
    expected: Expected
    at_one_call: bool = False

    def __str__(self) -> str:
        faults = ", ".join(f"{fault} {when}" for fault, when in self.faults)
        return f"{self.life.name}: {faults}"

    def place(self, stand_in: StandIn) -> list[Placed]:
        """Put the faults into their places."""
        first, last = self.life.nth, self.life.nth + len(self.faults)
        calls = [first] * len(self.faults) if self.at_one_call else range(first, last)
        return [
            stand_in.faults.place(
                self.life.step,
                fault.partition(":")[0],
                when=when,
                nth=nth,
                key=fault.partition(":")[2] or None,
            )
            for nth, (fault, when) in zip(calls, self.faults, strict=True)
        ]


def scenarios(kind: Kind, life: Life) -> list[Scenario]:
    """Everything that can go wrong at this step."""
    own = [*_odd(life)]
    if not life.wire:
        return own
    told = {
        (fault, when)
        for faults, *outcomes in life.odd
        for fault in faults.split()
        for when in (WHENS if len(outcomes) == 1 else WHENS[: len(outcomes)])
    }
    lost = [
        (fault, when)
        for when in WHENS
        for fault in f"{LOST} {life.lost} 429".split()
        if (fault, when) not in told
    ]
    if life.asks:
        return [_late(life), _in_a_row(life, lost), *own]
    told_of = _asked_about if kind.blind else _repeated if kind.repeatable else _changed
    return [_late(life), *told_of(life, lost), *own]


def _late(life: Life) -> Scenario:
    # When such a fault is placed says nothing: it strikes what is told later.
    harmless = tuple((fault, WHENS[0]) for fault in life.harmless.split())
    expected = Expected(life.calls, life.parked, life.answer, life.adopted)
    return Scenario(life, (*LATE, *harmless), expected, at_one_call=True)


def _changed(life: Life, lost: list[tuple[str, When]]) -> Iterator[Scenario]:
    """Before the effect it is done again; after it, the next look shows that it happened."""
    yield _in_a_row(life, [one for one in lost if one[1] == "before"])
    seen = Expected(life.calls, adopted=life.creates)
    for one in lost:
        if one[1] == "after":
            yield Scenario(life, (one,), seen)


def _asked_about(life: Life, lost: list[tuple[str, When]]) -> Iterator[Scenario]:
    """Nobody can look: a person who did says whether it happened, or ends it where it did."""
    there = ABANDON if life.creates else HAPPENED
    reason = Reason.MAY_EXIST if life.creates else Reason.CANNOT_TELL
    for fault, when in lost:
        calls = life.calls if when == "after" or life.calls is None else life.calls + 1
        answer = there if when == "after" else DID_NOT_HAPPEN
        yield Scenario(life, ((fault, when),), Expected(calls, (reason,), answer))


def _repeated(life: Life, lost: list[tuple[str, When]]) -> Iterator[Scenario]:
    """It is made again until there is an answer, whether it happened or not."""
    for when in WHENS:
        yield _in_a_row(life, [one for one in lost if one[1] == when])


def _in_a_row(life: Life, faults: list[tuple[str, When]]) -> Scenario:
    """One life in which fault upon fault strikes, each at the next call of the step."""
    calls = None if life.calls is None else life.calls + len(faults)
    expected = Expected(calls, life.parked, life.answer, life.adopted)
    return Scenario(life, tuple(faults), expected)


def _odd(life: Life) -> Iterator[Scenario]:
    for faults, *outcomes in life.odd:
        for fault in faults.split():
            for when, outcome in zip(WHENS, outcomes, strict=False):
                yield Scenario(life, ((fault, when),), outcome)


def one_by_one(scenario: Scenario) -> Iterator[Scenario]:
    """The same with one fault per life, where several strike in one."""
    more = 0 if scenario.at_one_call else len(scenario.faults) - 1
    calls = scenario.expected.calls
    expected = replace(scenario.expected, calls=None if calls is None else calls - more)
    for one in scenario.faults:
        yield replace(scenario, faults=(one,), expected=expected)


def uncovered(kind: Kind) -> list[str]:
    """The steps, faults and times that no scenario of this kind is about."""
    made = kind.stand_in()
    known = [*map(str, Fault), *map(str, made.told)]
    wanted = {
        (str(step), fault, when)
        for step in made.steps
        if step not in kind.unused
        for fault in known
        for when in WHENS
    }
    for life in kind.lives:
        for scenario in scenarios(kind, life):
            for fault, when in scenario.faults:
                wanted.discard((life.step, fault.partition(":")[0], when))
        either = [row[0] for row in life.odd if len(row) == 2]
        for fault in " ".join([*either, life.unmoved, life.harmless]).split():
            wanted -= {(life.step, fault.partition(":")[0], when) for when in WHENS}
    return [" ".join(one) for one in sorted(wanted)]


async def pays(shop: Shop, life: Life, reference: str, placed: list[Placed]) -> None:
    """The buyer's part in a life that is to be paid, once everything has gone wrong that should."""
    if life.pays:
        for one in placed:
            await one.reached(within=LONG_ENOUGH)
        shop.stand_in.pay(reference)


def in_time(scenario: Scenario) -> float:
    """How long the adaptor waits for an answer: short only where it waits in vain."""
    return 1 if any(fault == "time_out" for fault, _ in scenario.faults) else 10


async def open_gates(placed: Sequence[Placed]) -> None:
    """Let through whatever stands at a gate."""
    for one in placed:
        if one.fault == Fault.GATE:
            await one.reached(within=LONG_ENOUGH)
            one.release()


@contextlib.asynccontextmanager
async def meanwhile(*tasks: Any) -> AsyncIterator[None]:
    """Run these beside the block; what has not ended with it is cancelled."""
    running = [asyncio.create_task(task) for task in tasks]
    try:
        yield
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


# --- what the descriptions share ------------------------------------------------------------------


def _buyer(**changes: Any) -> Party:
    return Party(
        **{
            "name": "Canary Energy BV",
            "account_number": "K-1001",
            "vat_number": "BE0428759497",
            "address": Address(
                street="Sample Street 1", city="Ghent", postal_code="9000", country="BE"
            ),
            "contact": Contact(email="billing@example.com"),
            "language": "nl",
            **changes,
        }
    )


def _held(invoice: Invoice) -> bool:
    return invoice.status is Status.HELD


def _awaits_payment(invoice: Invoice) -> bool:
    return "payment" in str(invoice.waiting)


def _parked(reason: Reason) -> Callable[[Invoice], bool]:
    return lambda invoice: invoice.problem is not None and invoice.problem.reason is reason


def _set(*path: Any, value: Any) -> Callable[[Any], None]:
    """Write this value at that place of a body."""

    def change(body: Any) -> None:
        for name in path[:-1]:
            body = body[name]
        body[path[-1]] = value(body[path[-1]]) if callable(value) else value

    return change


def _all(*changes: Callable[[Any], None]) -> Callable[[Any], None]:
    def change(body: Any) -> None:
        for one in changes:
            one(body)

    return change


def _cent_more(value: str) -> str:
    return str(Decimal(value) + Decimal("0.01"))


REFUSED: tuple[Reason, ...] = (Reason.REJECTED,)
DIFFERS: tuple[Reason, ...] = (Reason.AMOUNTS_DIFFER,)

_TO_BE_DELETED: dict[str, Any] = {
    "effects": "created deleted",
    "goal": Goal.SENT,
    "request": {"hold": True},
    "cancelled_when": _held,
}
_TO_BE_CREDITED: dict[str, Any] = {
    "goal": Goal.PAID,
    "cancelled_when": _awaits_payment,
    "paces": {"payment": SELDOM},
}
_AS_PROMISED: str = "created approved sent"

_IN_DOUBT = (
    Moment(
        "while an approval that was lost is looked for",
        "created deleted",
        during=("read", 2, "before"),
        fault=("approve", "reset", "before"),
    ),
    Moment(
        "while an approval whose answer was lost is looked for",
        f"{_AS_PROMISED} credited",
        Status.CREDITED,
        during=("read", 2, "before"),
        fault=("approve", "reset", "after"),
    ),
)


# --- Mollie ---------------------------------------------------------------------------------------


def _mollie_document(**changes: Any) -> Document:
    lines = (a_line(1), a_line(2, quantity=Decimal(2), unit_price=Decimal("16.50")))
    return a_document(**{"buyer": _buyer(), "lines": lines, **changes})


def _mollie_settings(stand_in: mollie.MollieStandIn) -> dict[str, Any]:
    mail = {"email_subject": "Your invoice", "email_body": "Please find it attached."}
    return {**stand_in.account(), **mail}


_PAID_BY_HAND = {"options": {"payment_details": {"source": "manual"}}}
_AT_ONCE = {"options": {"status": "issued"}}
_E_INVOICE = {"options": {"e_invoice": True}}

_NO_NUMBER: dict[str, Any] = {"parked": (Reason.APPROVAL_OVERDUE,), "answer": ABANDON}
_NOT_TAKEN: dict[str, Any] = {"parked": (Reason.SENDING_FAILED,), "answer": GO_WITHOUT}
_MOLLIE_ISSUES = "issued_without_number e_invoice_failed"
_IMPATIENT = {"approval": AWHILE}

_MOLLIE_LIVES = (
    Life(
        "the list is searched after a lost create",
        "find",
        asks=True,
        adopted=True,
        also=("create", "reset", "after"),
        paces=SHOWN_BY_THEN,
        odd=(
            both("problem", Expected(2, REFUSED, adopted=True)),
            both("problem:401", Expected(2, adopted=True)),
            both("problem:409", Expected(2, adopted=True)),
            (f"unknown_status changed_amount {_MOLLIE_ISSUES}", Expected(1, adopted=True)),
        ),
    ),
    Life(
        "the draft is checked",
        "read",
        _AS_PROMISED,
        asks=True,
        goal=Goal.SENT,
        odd=(
            both("problem", Expected(2, REFUSED)),
            both("problem:403", Expected(2)),
            both("problem:404 problem:410", Expected(2, (Reason.GONE,), MAKE_AGAIN, adopted=True)),
            ("unknown_status issued_without_number", Expected(2)),
            ("e_invoice_failed", Expected(2, (Reason.APPROVAL_FAILED,))),
            ("changed_amount", Expected(2, DIFFERS)),
        ),
    ),
    Life(
        "the payment is looked for",
        "read",
        f"{_AS_PROMISED} paid",
        asks=True,
        nth=2,
        calls=None,
        goal=Goal.PAID,
        pays=True,
        odd=(
            both("problem", Expected(None, REFUSED)),
            both("problem:404", Expected(None, (Reason.GONE,), MAKE_AGAIN, adopted=True)),
            (f"unknown_status changed_amount {_MOLLIE_ISSUES}", Expected(None)),
        ),
    ),
    Life(
        "a draft is created",
        "create",
        odd=(
            # A refusal is not taken on trust: whoever retries has it looked for first.
            ("problem", Expected(2, REFUSED), Expected(1, REFUSED, adopted=True)),
            ("problem:409", Expected(2), Expected(1, adopted=True)),
            ("unknown_status", Expected(1)),
            ("changed_amount changed_amount:-0.01", Expected(1, DIFFERS, CORRECT)),
        ),
    ),
    Life(
        "a corrected draft is updated",
        "update",
        asks=True,
        also=("create", "changed_amount", "before"),
        parked=DIFFERS,
        answer=CORRECT,
        odd=(
            both("problem", Expected(1, DIFFERS, CORRECT, effects="created deleted created")),
            both("problem:401 problem:409", Expected(2, DIFFERS, CORRECT)),
            ("unknown_status", Expected(1, DIFFERS, CORRECT)),
            ("changed_amount", Expected(2, (*DIFFERS, *DIFFERS), CORRECT)),
        ),
        unmoved=_MOLLIE_ISSUES,
    ),
    Life(
        "it is created and issued at once",
        "create",
        _AS_PROMISED,
        goal=Goal.SENT,
        request=_AT_ONCE,
        paces=_IMPATIENT,
        odd=(
            ("refuse reset time_out 503 429", Expected(2), Expected(1, adopted=True)),
            ("problem", Expected(2, REFUSED), Expected(1, REFUSED, adopted=True)),
            ("unknown_status", Expected(1)),
            ("issued_without_number", Expected(1, **_NO_NUMBER)),
        ),
        wire=False,
    ),
    Life(
        "an e-invoice is created at once",
        "create",
        _AS_PROMISED,
        goal=Goal.SENT,
        request={"options": {**_AT_ONCE["options"], **_E_INVOICE["options"]}},
        odd=(("e_invoice_failed", Expected(1, effects="created approved", **_NOT_TAKEN)),),
        wire=False,
    ),
    Life(
        "it is issued",
        "approve",
        _AS_PROMISED,
        goal=Goal.SENT,
        paces=_IMPATIENT,
        odd=(
            ("problem problem:404", Expected(2, REFUSED), Expected(1)),
            ("problem:409", Expected(2), Expected(1)),
            ("unknown_status", Expected(1)),
            # Final, and mailed: its answer is the look at it, and a person is told.
            ("changed_amount", Expected(1, DIFFERS)),
            ("issued_without_number", Expected(1, **_NO_NUMBER)),
        ),
    ),
    Life(
        "an e-invoice is issued",
        "approve",
        _AS_PROMISED,
        goal=Goal.SENT,
        request=_E_INVOICE,
        odd=(("e_invoice_failed", Expected(1, effects="created approved", **_NOT_TAKEN)),),
        wire=False,
    ),
    Life(
        "it is marked as paid",
        "pay",
        f"{_AS_PROMISED} paid",
        goal=Goal.PAID,
        request=_PAID_BY_HAND,
        paces=_IMPATIENT,
        odd=(
            ("problem", Expected(2, REFUSED), Expected(1)),
            ("unknown_status", Expected(1)),
            ("changed_amount", Expected(1, DIFFERS)),
            ("issued_without_number", Expected(1, **_NO_NUMBER)),
        ),
    ),
    Life(
        "an e-invoice is marked as paid",
        "pay",
        "created approved paid sent",
        goal=Goal.PAID,
        request={"options": {**_PAID_BY_HAND["options"], **_E_INVOICE["options"]}},
        odd=(("e_invoice_failed", Expected(1, effects="created approved paid", **_NOT_TAKEN)),),
        wire=False,
    ),
    Life(
        "a draft is deleted",
        "delete",
        **_TO_BE_DELETED,
        odd=(
            ("problem", Expected(2, REFUSED), Expected(1)),
            ("problem:409", Expected(2), Expected(1)),
        ),
        # The answer has no body.
        unmoved=f"unknown_status changed_amount {_MOLLIE_ISSUES}",
    ),
    Life(
        "it is cancelled",
        "credit",
        f"{_AS_PROMISED} credited",
        **_TO_BE_CREDITED,
        odd=(
            ("problem", Expected(2, REFUSED), Expected(1)),
            ("problem:409", Expected(2), Expected(1)),
            ("unknown_status changed_amount", Expected(1)),
        ),
        unmoved=_MOLLIE_ISSUES,
    ),
)


def _mollie_amount(name: str) -> tuple[str, str]:
    return name, "value"


def _in_dollars(body: Any) -> None:
    for name, value in body.items():
        if name == "amountDue" or name.endswith("Amount"):
            value["currency"] = "USD"


_MOLLIE_FORGERIES = (
    Forgery("currency", _in_dollars, "currency: ours EUR, theirs USD"),
    Forgery(
        "net",
        _set(*_mollie_amount("discountedSubtotalAmount"), value=_cent_more),
        "net: ours 92.97 EUR, theirs 92.98 EUR (0.01 more)",
    ),
    Forgery(
        "vat 21",
        _set(*_mollie_amount("totalVatAmount"), value=_cent_more),
        "vat 21: ours 19.52 EUR, theirs 19.53 EUR (0.01 more)",
    ),
    Forgery(
        "gross",
        _set(*_mollie_amount("totalAmount"), value=_cent_more),
        "gross: ours 112.49 EUR, theirs 112.50 EUR (0.01 more)",
    ),
    Forgery(
        "due",
        _set(*_mollie_amount("amountDue"), value="12.49"),
        "due: ours 112.49 EUR, theirs 12.49 EUR (100.00 less)",
    ),
    Forgery(
        "due date",
        _set("paymentTerm", value="14 days"),
        "due date: ours 2026-07-30, theirs 2026-07-14",
    ),
    _text("buyer's street", "recipient", "streetAndNumber"),
    _text("texts of the lines", "lines", 1, "description"),
    Forgery("buyer", _set("recipientIdentifier", value="K-9999"), "buyer: not the one asked for"),
    Forgery(
        "reference",
        _set("metadata", "invoicing_reference", value="somebody else's"),
        "reference: ours {reference}, theirs somebody else's",
    ),
)

_MOLLIE_MOMENTS = (
    Moment("before it is created", "created deleted", during=("create", 1, "before")),
    Moment("when it has been created", "created deleted", during=("create", 1, "after")),
    Moment(
        "while a lost create is looked for",
        "created deleted",
        during=("find", 1, "before"),
        fault=("create", "reset", "after"),
    ),
    Moment("while it is checked", "created deleted", during=("read", 1, "after")),
    Moment("while it is held", "created deleted", once=_held, request={"hold": True}),
    Moment(
        "while its figures are in question",
        "created deleted",
        once=_parked(Reason.AMOUNTS_DIFFER),
        fault=("create", "changed_amount", "before"),
    ),
    Moment(
        "while it is issued",
        f"{_AS_PROMISED} credited",
        Status.CREDITED,
        during=("approve", 1, "before"),
    ),
    Moment(
        "when it has been issued",
        f"{_AS_PROMISED} credited",
        Status.CREDITED,
        during=("approve", 1, "after"),
    ),
    *_IN_DOUBT,
    Moment(
        "while its payment is awaited",
        f"{_AS_PROMISED} credited",
        Status.CREDITED,
        once=_awaits_payment,
        request={"goal": Goal.PAID},
    ),
    Moment(
        "while an e-invoice is on its way",
        "created approved credited",
        Status.CREDITED,
        once=lambda invoice: invoice.stage is Stage.SENDING,
        request=_E_INVOICE,
        stand_in={"e_invoice_delay": NEVER, "cancels_from": ("issued", "overdue", "issuing")},
    ),
)


# --- Invoro ---------------------------------------------------------------------------------------


def _invoro_document(**changes: Any) -> Document:
    buyer = _buyer(electronic_address=Identifier(scheme="0208", value="0123456749"))
    return a_document(**{"buyer": buyer, "buyer_reference": "PO-7", **changes})


_NUMBERED = {"document": {"number": "2026-0042"}, "options": {"mark": "sales_order"}}
_INVORO_SHOWS = "unknown_status unknown_payment_status changed_amount errors_in_metadata"
_INVORO_OWN = f"{_INVORO_SHOWS} sent_without_number"
_FAILURE = "server_failure"
_SENDABLE = frozenset({"draft", "approved", "failed"})


def _resendable(**stand_in: Any) -> invoro.InvoroStandIn:
    """As ever; but with `again`, what has failed may be sent once more."""
    assumed = invoro.Assumed()
    # For the ledger alone: the number, where there is one, is not our reference.
    assumed.reference_at = ("references.sales_order",)
    if stand_in.pop("again", False):
        assumed.sendable = _SENDABLE
    at_once = {"sending_delay": 0, "delivery_delay": 0}
    return invoro.InvoroStandIn(**{**at_once, "assumed": assumed, **stand_in})


_INVORO_LIVES = (
    Life(
        "the buyer is looked up",
        "lookup",
        asks=True,
        request={"options": {"peppol_look_up": True}},
        lost=_FAILURE,
        unmoved=_INVORO_OWN,
    ),
    Life(
        "the list is searched after a lost create",
        "find",
        asks=True,
        adopted=True,
        also=("create", "reset", "after"),
        paces=SHOWN_BY_THEN,
        lost=_FAILURE,
        odd=((_INVORO_OWN, Expected(1, adopted=True)),),
    ),
    Life("its number is looked for", "find", asks=True, request=_NUMBERED, lost=_FAILURE),
    Life(
        "its number is looked for after a lost create",
        "find",
        asks=True,
        nth=2,
        calls=2,
        adopted=True,
        request=_NUMBERED,
        also=("create", "reset", "after"),
        paces=SHOWN_BY_THEN,
        lost=_FAILURE,
        odd=((_INVORO_OWN, Expected(2, adopted=True)),),
    ),
    Life(
        "the draft is checked",
        "read",
        _AS_PROMISED,
        asks=True,
        calls=2,
        goal=Goal.SENT,
        lost=_FAILURE,
        odd=(
            ("unknown_status sent_without_number", Expected(3)),
            ("unknown_payment_status errors_in_metadata", Expected(2)),
            ("changed_amount", Expected(3, DIFFERS)),
        ),
    ),
    Life(
        "it is looked at until it is sent",
        "read",
        _AS_PROMISED,
        asks=True,
        nth=2,
        calls=2,
        goal=Goal.SENT,
        lost=_FAILURE,
        odd=(
            ("unknown_status sent_without_number", Expected(3)),
            ("unknown_payment_status errors_in_metadata changed_amount", Expected(2)),
        ),
    ),
    Life(
        "the payment is looked for",
        "read",
        f"{_AS_PROMISED} paid",
        asks=True,
        nth=3,
        calls=None,
        goal=Goal.PAID,
        pays=True,
        lost=_FAILURE,
        odd=((_INVORO_OWN, Expected(None)),),
    ),
    Life(
        "a draft is created",
        "create",
        lost=_FAILURE,
        odd=(
            ("unknown_status unknown_payment_status errors_in_metadata", Expected(1)),
            (
                "changed_amount changed_amount:-1",
                Expected(2, DIFFERS, CORRECT, effects="created deleted created"),
            ),
        ),
        unmoved="sent_without_number",
    ),
    Life(
        "a draft with our number is created",
        "create",
        request=_NUMBERED,
        wire=False,
        odd=(
            ("429 reset time_out 500", Expected(2), Expected(1, adopted=True)),
            (
                "changed_amount",
                Expected(2, DIFFERS, CORRECT, effects="created deleted created"),
            ),
        ),
    ),
    Life(
        "it is sent",
        "approve",
        _AS_PROMISED,
        goal=Goal.SENT,
        stand_in={"again": True},
        paces={"sending": AWHILE},
        lost=_FAILURE,
        odd=(
            ("unknown_status unknown_payment_status", Expected(1)),
            ("sent_without_number", Expected(1, (Reason.SENDING_OVERDUE,), GO_WITHOUT)),
            ("errors_in_metadata", Expected(2, (Reason.APPROVAL_FAILED,))),
        ),
        # Its answer comes before anything can be wrong with the figures.
        unmoved="changed_amount",
    ),
    Life("a draft is deleted", "delete", **_TO_BE_DELETED, lost=_FAILURE, unmoved=_INVORO_OWN),
    Life(
        "its credit note is looked for",
        "find",
        f"{_AS_PROMISED} credited",
        asks=True,
        **_TO_BE_CREDITED,
        lost=_FAILURE,
        odd=((_INVORO_OWN, Expected(1)),),
    ),
    Life(
        "its credit note is made",
        "create",
        f"{_AS_PROMISED} credited",
        nth=2,
        calls=2,
        **_TO_BE_CREDITED,
        lost=_FAILURE,
        odd=(
            ("unknown_status unknown_payment_status errors_in_metadata", Expected(2)),
            ("changed_amount", Expected(2, REFUSED, ABANDON, effects=_AS_PROMISED)),
        ),
    ),
    Life(
        "its credit note is sent",
        "approve",
        f"{_AS_PROMISED} credited",
        nth=2,
        calls=2,
        stand_in={"again": True},
        **{**_TO_BE_CREDITED, "paces": {"payment": SELDOM, "sending": AWHILE}},
        lost=_FAILURE,
        odd=(
            ("unknown_status unknown_payment_status sent_without_number", Expected(2)),
            ("errors_in_metadata", Expected(3, (Reason.CANNOT_CANCEL,))),
        ),
    ),
)

_UBL = ("data", "ubl_json")


def _cents_more(cents: int) -> int:
    return cents + 1


_INVORO_FORGERIES = (
    Forgery("currency", _set("data", "currency", value="USD"), "currency: ours EUR, theirs USD"),
    Forgery(
        "net",
        _set(*_UBL, "totals", "tax_exclusive_amount", value=_cents_more),
        "net: ours 109.47 EUR, theirs 109.48 EUR (0.01 more)",
    ),
    Forgery(
        "vat 6",
        _set(*_UBL, "tax_breakdown", 1, "tax_amount", value=_cents_more),
        "vat 6: ours 2.97 EUR, theirs 2.98 EUR (0.01 more)",
    ),
    Forgery(
        "vat 21",
        _set(*_UBL, "tax_breakdown", 0, "tax_amount", value=_cents_more),
        "vat 21: ours 12.59 EUR, theirs 12.60 EUR (0.01 more)",
    ),
    Forgery(
        "gross",
        _set("data", "amount", value=_cents_more),
        "gross: ours 125.03 EUR, theirs 125.04 EUR (0.01 more)",
    ),
    Forgery(
        "gross", _set("data", "amount", value=None), "gross: ours 125.03 EUR, theirs not stated"
    ),
    Forgery(
        "buyer",
        _set(*_UBL, "buyer", "name", value="Somebody Else BV"),
        "buyer: not the one asked for",
    ),
    Forgery(
        "number",
        _set(*_UBL, "header", "invoice_number", value="2026-0043"),
        "number: ours 2026-0042, theirs 2026-0043",
        _NUMBERED,
    ),
    Forgery(
        "prepaid",
        _set(*_UBL, "totals", "paid_amount", value=0),
        "prepaid: ours 100.00 EUR, theirs 0.00 EUR (100.00 less)",
        {"document": {"prepaid": Decimal(100)}},
    ),
    Forgery(
        "due",
        _set(*_UBL, "totals", "payable_amount", value=12503),
        "due: ours 25.03 EUR, theirs 125.03 EUR (100.00 more)",
        {"document": {"prepaid": Decimal(100)}},
    ),
    Forgery(
        "rounding",
        _set(*_UBL, "totals", "payable_rounding_amount", value=-3),
        "rounding: ours 0.00 EUR, theirs -0.03 EUR (0.03 less)",
    ),
    Forgery(
        "issue date",
        _set(*_UBL, "header", "issue_date", value="2026-07-01T00:00:00Z"),
        "issue date: ours 2026-06-30, theirs 2026-07-01",
    ),
    Forgery(
        "due date",
        _set(*_UBL, "header", "due_date", value="2026-07-31T00:00:00Z"),
        "due date: ours 2026-07-30, theirs 2026-07-31",
    ),
    Forgery(
        "reference",
        _set(*_UBL, "references", "sales_order", value="Our reference: somebody else's"),
        "reference: ours {reference}, theirs somebody else's",
    ),
)

_INVORO_MOMENTS = (
    Moment(
        "while the buyer is looked up",
        "",
        during=("lookup", 1, "before"),
        request={"options": {"peppol_look_up": True}},
    ),
    Moment("before it is created", "created deleted", during=("create", 1, "before")),
    Moment("when it has been created", "created deleted", during=("create", 1, "after")),
    Moment(
        "while a lost create is looked for",
        "created deleted",
        during=("find", 1, "before"),
        fault=("create", "reset", "after"),
    ),
    Moment("while it is checked", "created deleted", during=("read", 1, "after")),
    Moment("while it is held", "created deleted", once=_held, request={"hold": True}),
    Moment(
        "while its figures are in question",
        "created deleted",
        once=_parked(Reason.AMOUNTS_DIFFER),
        fault=("create", "changed_amount", "before"),
    ),
    Moment(
        "before it is on its way",
        f"{_AS_PROMISED} credited",
        Status.CREDITED,
        during=("approve", 1, "before"),
    ),
    Moment(
        "when it has been accepted",
        f"{_AS_PROMISED} credited",
        Status.CREDITED,
        during=("approve", 1, "after"),
    ),
    Moment(
        "while it is on its way",
        f"{_AS_PROMISED} credited",
        Status.CREDITED,
        once=lambda invoice: invoice.stage is Stage.SENDING,
        stand_in={"sending_delay": 0.4},
    ),
    Moment(
        "while its delivery is awaited",
        f"{_AS_PROMISED} credited",
        Status.CREDITED,
        once=lambda invoice: "delivery" in str(invoice.waiting),
        request={"goal": Goal.DELIVERED},
        stand_in={"delivery_delay": NEVER},
    ),
    *_IN_DOUBT,
    Moment(
        "while its payment is awaited",
        f"{_AS_PROMISED} credited",
        Status.CREDITED,
        once=_awaits_payment,
        request={"goal": Goal.PAID},
    ),
)


# --- Quiddly, with the routes that are likely and nowhere written down ----------------------------


def _quiddly(**more: Any) -> quiddly.QuiddlyStandIn:
    assumed = quiddly.Assumed(reads=True, lists=True, deletes=True)
    return quiddly.QuiddlyStandIn(**{"distribution_delay": 0, "assumed": assumed, **more})


def _quiddly_settings(stand_in: quiddly.QuiddlyStandIn) -> dict[str, Any]:
    return dict(stand_in.account())


OWN_PDF: Path = Path(__file__).parent / "files" / "own.pdf"
CONTENT = OWN_PDF.read_bytes()
ATTACHED = SupportingDocument.model_validate(supporting(file=a_file(CONTENT)))
"""It is in the store of every account."""
WITH_PDF: Mapping[str, Any] = {"document": {"attachments": (ATTACHED,)}}


def _quiddly_document(**changes: Any) -> Document:
    buyer = Party(
        name="Canary Energy AB",
        account_number="K-1001",
        registration=Identifier(value="5590000005"),
        address=Address(street="Sample Street 1", city="Malmo", postal_code="21119", country="SE"),
        contact=Contact(email="billing@example.com"),
    )
    lines = (
        a_line(1, vat=Vat(rate=Decimal(25))),
        a_line(2, quantity=Decimal(2), unit_price=Decimal("16.50"), vat=Vat(rate=Decimal(12))),
    )
    return a_document(**{"currency": "SEK", "buyer": buyer, "lines": lines, **changes})


_QUIDDLY_SHOWS: str = "unknown_status unknown_ledger unactivated"
_QUIDDLY_LIES: str = "changed_amount changed_figure"
_QUIDDLY_OWN: str = f"{_QUIDDLY_SHOWS} {_QUIDDLY_LIES}"

_QUIDDLY_ATTACHES: Life = Life(
    "its own PDF is attached",
    "attach",
    "created attached approved sent",
    asks=True,
    goal=Goal.SENT,
    request=WITH_PDF,
    odd=(both("refused", Expected(2, REFUSED)),),
    # The answer is about the file.
    unmoved=_QUIDDLY_OWN,
)
_QUIDDLY_ATTACHING: tuple[Moment, ...] = tuple(
    Moment(name, "created attached deleted", during=("attach", 1, when), request=WITH_PDF)
    for name, when in (
        ("before its own PDF is attached", WHENS[0]),
        ("when its own PDF has been attached", WHENS[1]),
    )
)

_QUIDDLY_LIVES = (
    Life(
        "it signs in",
        "authenticate",
        asks=True,
        odd=(both("refused", Expected(2)),),
        unmoved=_QUIDDLY_OWN,
    ),
    Life(
        "its number is looked for",
        "find",
        asks=True,
        odd=(both("refused", Expected(2, REFUSED)),),
    ),
    Life(
        "its number is looked for after a lost create",
        "find",
        asks=True,
        nth=2,
        calls=2,
        adopted=True,
        also=("create", "reset", "after"),
        paces=SHOWN_BY_THEN,
        odd=(
            both("refused", Expected(3, REFUSED, adopted=True)),
            (f"{_QUIDDLY_SHOWS} changed_amount", Expected(2, adopted=True)),
            ("changed_figure:0.totals.total+0.01", Expected(2, adopted=True)),
        ),
    ),
    Life(
        "the draft is checked",
        "read",
        _AS_PROMISED,
        asks=True,
        goal=Goal.SENT,
        odd=(
            both("refused", Expected(2, REFUSED)),
            both("refused:404", Expected(2, (Reason.GONE,), MAKE_AGAIN, adopted=True)),
            ("unknown_status", Expected(2)),
            ("unknown_ledger unactivated", Expected(1)),
            ("changed_amount changed_figure:vats.0.totalVat+0.01", Expected(2, DIFFERS)),
        ),
    ),
    Life(
        "a draft is created",
        "create",
        odd=(
            ("refused", Expected(2, REFUSED), Expected(1, adopted=True)),
            ("unknown_status unknown_ledger", Expected(1)),
            (
                "changed_amount changed_amount:-0.01 changed_figure:vats.0.totalVat+0.01",
                Expected(2, DIFFERS, CORRECT, effects="created deleted created"),
            ),
        ),
        unmoved="unactivated",
    ),
    _QUIDDLY_ATTACHES,
    Life(
        "it is activated",
        "approve",
        _AS_PROMISED,
        goal=Goal.SENT,
        paces={"approval": AWHILE},
        odd=(
            ("refused", Expected(2, REFUSED), Expected(1)),
            ("unactivated", Expected(2, (Reason.APPROVAL_OVERDUE,), DID_NOT_HAPPEN), Expected(1)),
            ("unknown_status unknown_ledger", Expected(1)),
            ("changed_amount changed_figure", Expected(1, DIFFERS)),
        ),
    ),
    Life(
        "a draft is deleted",
        "delete",
        **_TO_BE_DELETED,
        odd=(("refused", Expected(2, REFUSED), Expected(1)),),
        # The answer has no body.
        unmoved=_QUIDDLY_OWN,
    ),
)

_QUIDDLY_FORGERIES = (
    _text("buyer's name", "debtor", "name"),
    _text("buyer's city", "debtor", "invoiceAddress", "city"),
    _text("texts of the lines", "articleRows", 1, "description"),
    Forgery(
        "currency",
        _set("currency", "invoiceCurrency", value="EUR"),
        "currency: ours SEK, theirs EUR",
    ),
    Forgery(
        "net",
        _set("totals", "totalExclVat", value=lambda net: net + Decimal("0.01")),
        "net: ours 92.97 SEK, theirs 92.98 SEK (0.01 more)",
    ),
    Forgery(
        "vat 12",
        _set("vats", 1, "totalVat", value=lambda vat: vat + Decimal("0.01")),
        "vat 12: ours 3.96 SEK, theirs 3.97 SEK (0.01 more)",
    ),
    Forgery(
        "gross",
        _set("totals", "total", value=lambda gross: gross + Decimal("0.01")),
        "gross: ours 111.92 SEK, theirs 111.93 SEK (0.01 more)",
    ),
    Forgery(
        "buyer",
        _set("debtor", "customerNumber", value="K-9999"),
        "buyer: not the one asked for",
    ),
    Forgery(
        "number",
        _set("invoiceNumber", value="F-9999"),
        "number: ours {reference}, theirs F-9999",
    ),
    Forgery(
        "due",
        _set("totals", "totalToPay", value=211.92),
        "due: ours 111.92 SEK, theirs 211.92 SEK (100.00 more)",
    ),
    Forgery(
        "rounding",
        _set("totals", "totalRoundOff", value=-0.92),
        "rounding: ours 0.00 SEK, theirs -0.92 SEK (0.92 less)",
    ),
    Forgery(
        "issue date",
        _set("dates", "invoiceDate", value="2026-07-01"),
        "issue date: ours 2026-06-30, theirs 2026-07-01",
    ),
    Forgery(
        "due date",
        _set("dates", "expireDate", value="2026-07-01"),
        "due date: ours 2026-07-30, theirs 2026-07-01",
    ),
    Forgery(
        "reference",
        _set("ourReference", value="somebody else's"),
        "reference: ours {reference}, theirs somebody else's",
    ),
)

_QUIDDLY_MOMENTS = (
    Moment("before its number is looked for", "", during=("find", 1, "before")),
    Moment("before it is created", "created deleted", during=("create", 1, "before")),
    Moment("when it has been created", "created deleted", during=("create", 1, "after")),
    Moment(
        "while a lost create is looked for",
        "created deleted",
        during=("find", 2, "before"),
        fault=("create", "reset", "after"),
    ),
    *_QUIDDLY_ATTACHING,
    Moment("while it is checked", "created deleted", during=("read", 1, "after")),
    Moment("while it is held", "created deleted", once=_held, request={"hold": True}),
    Moment(
        "while its figures are in question",
        "created deleted",
        once=_parked(Reason.AMOUNTS_DIFFER),
        fault=("create", "changed_amount", "before"),
    ),
    _IN_DOUBT[0],
)


KINDS: dict[str, Kind] = {
    "mollie": Kind(
        stand_in=lambda **more: mollie.MollieStandIn(
            **{"e_invoice_delay": 0, "collection_delay": 0, **more}
        ),
        settings=_mollie_settings,
        document=_mollie_document,
        options={"issue_date": "day_of_issuing"},
        lives=_MOLLIE_LIVES,
        forgeries=_MOLLIE_FORGERIES,
        moments=_MOLLIE_MOMENTS,
        final=("approve", "pay"),
        # Documents have tests of their own.
        unused=("document", "page"),
        unstated=(Figure.PREPAID, Figure.ROUNDING, Figure.ISSUE_DATE, Figure.NUMBER),
    ),
    "invoro": Kind(
        stand_in=_resendable,
        settings=lambda stand_in: stand_in.account(),
        document=_invoro_document,
        options={"mark": "sales_order"},
        lives=_INVORO_LIVES,
        forgeries=_INVORO_FORGERIES,
        moments=_INVORO_MOMENTS,
        final=("approve",),
        mark="Our reference: {}",
        # Drafts are made from fields, not from XML.
        unused=("import",),
    ),
    "quiddly": Kind(
        stand_in=_quiddly,
        settings=_quiddly_settings,
        document=_quiddly_document,
        options={},
        unstated=(Figure.PREPAID,),
        lives=_QUIDDLY_LIVES,
        forgeries=_QUIDDLY_FORGERIES,
        moments=_QUIDDLY_MOMENTS,
        final=("approve",),
        # What is stored there is for people; payments have tests of their own.
        unused=("download", "feed", "acknowledge", "book"),
        numbers=True,
        credits=False,
    ),
}

# At the end, because it is made of what stands above.
from tests.lifecycle.kind_quiddly import BLIND  # noqa: E402
from tests.lifecycle.kind_riverty import RIVERTY  # noqa: E402

KINDS["quiddly_blind"] = BLIND
KINDS["riverty"] = RIVERTY

"""What is different about each provider, for tests that are the same for all, and an account there.

A kind says how its stand-in is made, which account belongs to it, what an ordinary invoice is, how
a life gets to each step (`Life`), what the provider's own faults lead to there (`Life.odd`), how an
answer that states other figures looks (`Forgery`), and where a cancel may catch an invoice
(`Moment`).
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, aclosing, nullcontext
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any, get_args

from invoicing.document import Document
from invoicing.provider import Figure, Pace, Paces
from invoicing.request import Goal, InvoiceRequest
from invoicing.state.invoice import Invoice, Status
from invoicing.state.questions import Answer, Reason
from sandbox.kit.faults import When
from sandbox.kit.server import StandIn
from tests.lifecycle.world import PACES, Company
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
LOST: str = "refuse reset time_out 500 502 503 not_json truncated"
"""Whoever asked does not know what became of it."""


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

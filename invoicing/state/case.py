"""Everything known about one invoice on its way: the memory of its workflow, and how it is shown.

Pure data and pure answers. The workflow changes it, queries show it, continue-as-new carries it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from pydantic import JsonValue

from invoicing.balance import UNSTATED, Balance, Statement
from invoicing.consent import Consent, CorrectedAlone
from invoicing.errors import FieldProblem
from invoicing.money import Number, exactly
from invoicing.provider import Echo, PaymentStatus, Plan, Snapshot, Stage, Target
from invoicing.request import Goal, InvoiceRequest
from invoicing.state import attributes
from invoicing.state.bounds import listed_keys, said
from invoicing.state.credited import CreditedSoFar
from invoicing.state.doubt import CREATE, SHOWS, Doubt
from invoicing.state.invoice import (
    Amounts,
    Cancel,
    Hold,
    Invoice,
    LineState,
    LineStatus,
    Status,
)
from invoicing.state.lives import Before, Earlier
from invoicing.state.memory import Memory

MOST_KEYS = 200
"""Names of one invoice that are remembered; lists have room for fewer (see bounds.KEYS_BYTES)."""

_ZERO = Decimal(0)
_NO_ECHO = Echo()


class Case(Memory):
    """One invoice's memory."""

    plan: Plan | None = None
    rule: Consent | None = None
    """What needs two people, by the last plan: known while a correction has taken the plan away."""
    context: dict[str, JsonValue] = {}
    buyer: str | None = None
    looked_up: bool = False
    looked_up_anew: bool = False
    """Whether a refusal had it looked up once more: the next of that kind is a question."""

    provider_id: str | None = None
    stage: Stage = Stage.NONE
    known: bool = True
    """False while the provider's word for the status is not in its adaptor's table."""
    payment: PaymentStatus = PaymentStatus.UNKNOWN
    money: Statement | None = None
    """All that the provider has stated of its money."""
    most_paid: Number = _ZERO
    """The most that was ever seen as paid."""
    provider_status: str = ""
    number: str | None = None
    echo: Echo | None = None
    problems: tuple[FieldProblem, ...] = ()
    keys: tuple[str, ...] = ()
    """More names under which the provider may send news, apart from its id and the number."""

    doubt: Doubt = Doubt()
    """What may be at the provider without our having seen it. Nothing else says."""
    generation: int = 0
    """How many invoices of this reference were given up so far."""
    tolerated: str = ""
    """A digest of the differences that a person lets stand."""
    accepted: str = ""
    """The last change the provider said yes to; it may take a while to show."""
    insisted: str = ""
    """The change a person wants tried again although the provider reports a failure."""
    corrected: bool = False
    """Whether a person had it made from another document than the first request's."""
    correcting: bool = False
    """Whether what is at the provider still has the content before the last correction."""
    outdated: bool = False
    """Whether our draft still has that content, and is to be updated in place."""
    made: str = ""
    """Its plan's `fixed` when we made our draft; empty where that was adopted: nobody knows."""
    adopting: tuple[str, ...] = ()
    """The invoice that a person wants to go on with, not yet looked at, and those they know to be
    none of ours."""
    without: tuple[str, ...] = ()
    """The steps that a person said to go on without."""
    attached: tuple[str, ...] = ()
    """The attachments that the draft has, by name."""

    hold: Hold | None = None
    at_once: bool = False
    """Whether a person wants it sent before its day."""
    cancel: Cancel | None = None
    cancel_agreed: bool = False
    """Whether as many people wanted this cancel as the rule asks for."""
    corrected_alone: CorrectedAlone | None = None
    """The correction that nobody else has seen, where the rule may ask for a second person."""
    credited: bool = False
    """Whether a final invoice of this reference was taken back by a credit."""
    document_asked: bool = False
    """Whether its document was asked for: that has a life of its own."""
    in_parts: bool = False
    """Whether parts of it are credited, or may be: from then on it is not credited as a whole."""
    credited_before: tuple[str, ...] = ()
    """The first credit notes of it in lives that Temporal has forgotten, and with them the ledger
    that knew what is left."""
    outcome: Status | None = None
    reference_taken: bool = False
    """Whether the register refused it, for its reference stands for something else."""
    known_before: bool = False
    """Whether an earlier life has made it, which Temporal has forgotten and the register has not.
    That one has told everybody of it."""
    known_as: Before | None = None
    """That life, as the register knows it: what hears of its money goes on where it stopped."""
    hears: bool = False
    """Whether it has ended, and hears of its money: see workflows/money.py."""
    credits: CreditedSoFar = CreditedSoFar()
    """What credit notes of ours have taken back, as their ledger told it last."""
    heard_enough: bool = False
    """Whether nobody hears of its money any more: its time is over, or a person has ended it."""
    look_soon: bool = False
    """Whether what is known of its money is out of date: it is looked at without a wait."""

    @property
    def was_final(self) -> bool:
        """Whether it ever became an invoice in law, with a number that stays taken."""
        return self.stage.reached(Stage.APPROVED) or self.stage is Stage.CREDITED

    def learn(self, snapshot: Snapshot) -> None:
        """Take in what the provider said. A word nobody knows changes nothing but is shown."""
        if snapshot.stage not in (Stage.UNKNOWN, self.stage):
            self.waiting = None
        self.provider_id = snapshot.provider_id
        self.provider_status = snapshot.status or self.provider_status
        self.known = snapshot.stage is not Stage.UNKNOWN
        self.stage = snapshot.stage if self.known else self.stage
        self.number = snapshot.number or self.number
        self.problems = said(snapshot.problems)
        self.echo = snapshot.echo and snapshot.echo.model_copy(
            update={"reference": snapshot.reference}
        )
        self.context = {**self.context, **snapshot.context}
        self.keys = tuple(dict.fromkeys((*self.keys, *snapshot.keys)))[-MOST_KEYS:]
        if snapshot.payment is not PaymentStatus.UNKNOWN:
            self.payment = snapshot.payment
        self._learn_money(snapshot.money)
        self._clear_up()

    def _learn_money(self, stated: Statement | None) -> None:
        """An answer that says nothing of it takes nothing away."""
        if stated is not None:
            self.money = stated
        if (balance := self.balance) is None or balance.paid is None:
            return
        self.most_paid = max(self.most_paid, balance.paid)
        if self.money is not None and self.money.net is None:
            # It follows from what is left while nothing is credited: later it would not any more.
            self.money = self.money.model_copy(update={"paid": balance.paid})

    def _clear_up(self) -> None:
        """What shows is in doubt no more."""
        for verb, stages in SHOWS.items():
            if self.stage in stages:
                self.doubt = self.doubt.saw(verb)
        if self.stage in (Stage.DELETED, Stage.CREDITED):
            self.doubt = self.doubt.fenced()
        if self.stage is Stage.DRAFTED and not self.blind:
            self.doubt = self.doubt.drafted()
        if self.repeatable:
            if self.stage not in (Stage.NONE, Stage.DRAFTING):
                # Confirmed under our name: there is no other.
                self.doubt = self.doubt.saw(CREATE)
        elif self.stage is Stage.FAILED:
            self.doubt = self.doubt.saw("approve")

    @property
    def repeatable(self) -> bool:
        """Whether an uncertain call is cleared up by making it again."""
        return self.plan is not None and self.plan.repeatable

    @property
    def blind(self) -> bool:
        """Whether no look shows what an uncertain call did."""
        return self.plan is not None and self.plan.blind

    @property
    def news_may_tell(self) -> bool:
        """Whether a change may have happened that no look can show: news may tell of it."""
        return self.blind and any(one.verb != CREATE for one in self.doubt.calls)

    def forget(self) -> None:
        """Back to before the draft: for an invoice that is made again, or is another one.

        One that was refused after it had been asked for never was, and keeps its generation.
        """
        refused = self.provider_id is not None and self.stage is Stage.NONE
        self.generation += not refused
        self.doubt = self.doubt.given_up()
        fresh = Case()
        for name in _OF_ONE_DRAFT:
            setattr(self, name, getattr(fresh, name))

    def keep_draft(self) -> None:
        """Back to where the draft had just been made, for it is going to say something else."""
        kept, fresh = {"provider_id", "stage", "known", "provider_status", "made"}, Case()
        for name in set(_OF_ONE_DRAFT) - kept:
            setattr(self, name, getattr(fresh, name))
        self.outdated = True

    def names(self, request: InvoiceRequest) -> list[str]:
        """What the provider may call this invoice, each told apart from other accounts' names."""
        own = filter(None, (self.provider_id, self.number, request.document.number))

        def named(names: Iterable[str]) -> list[str]:
            return attributes.keys(request.provider, request.account, names)

        return listed_keys(named(own), named(self.keys))

    def target(self, request: InvoiceRequest) -> Target:
        """What a call after the draft needs to know."""
        return Target(
            account=request.account,
            reference=request.reference,
            provider_id=self.provider_id,
            generation=self.generation,
            context=self.context,
        )

    @property
    def status(self) -> Status:
        """The one word for people."""
        if self.problem and self.problem.answers:
            return Status.NEEDS_ATTENTION
        if self.outcome and not (self.hears and self.outcome in STANDS):
            return self.outcome
        if self.hears:
            # Somebody at the provider may credit what was paid long ago.
            credited = self.stage is Stage.CREDITED or self.credits.all
            return Status.CREDITED if credited else _progress(self.stage, paid=self.is_paid)
        if self.cancel:
            return Status.CANCELLING
        if self.waiting and self.waiting.what == "release":
            return Status.HELD
        if self.waiting and self.waiting.on == "time":
            return Status.SCHEDULED
        return _progress(self.stage, paid=self.is_paid)

    @property
    def is_paid(self) -> bool:
        """Whether nothing of it is left to be paid. While a credit note is under way, it may be
        that which has left nothing: then what came in has to say so."""
        if self.credits.all or (self.credits.under_way and not self._came_in):
            return False
        if self.payment is PaymentStatus.PAID:
            return True
        balance = self.balance
        return bool(self.credits.gross) and balance is not None and balance.left == 0

    @property
    def _came_in(self) -> bool:
        """Whether what the provider states of its money does not hang on what is left alone."""
        return self.money is None or self.money.left is None or self.money.net is not None

    def line_status(self) -> LineStatus:
        """All lines of one invoice share its fate."""
        if self.stage is Stage.CREDITED or self.outcome is Status.CREDITED or self.credits.all:
            return LineStatus.CREDITED
        if self.stage.reached(Stage.APPROVED):
            return LineStatus.SETTLED if self.payment is PaymentStatus.PAID else LineStatus.INVOICED
        if self.outcome is not None:
            return LineStatus.CANCELLED
        return LineStatus.OPEN if self.provider_id is None else LineStatus.RESERVED

    @property
    def balance(self) -> Balance | None:
        """Its money, once it is final. Nobody asks whether it is a credit note here."""
        if self.plan is None or not self.was_final:
            return None
        sums, due = self.plan.totals, self.plan.to_pay
        whole = self.line_status() is LineStatus.CREDITED
        with exactly():
            taken_back = due + sums.gross - sums.due if whole else self.credits.gross
        return Balance.of(
            self._stated(),
            currency=sums.currency,
            due=due,
            credited=taken_back if whole or self._counts_credits else None,
            most_paid=self.most_paid,
            lowered=self.credits.under_way,
        )

    @property
    def _counts_credits(self) -> bool:
        """Whether what was credited is known: nothing was, or their ledger has told of it."""
        return not self.in_parts or bool(self.credits.provider_id)

    @property
    def credited_otherwise(self) -> Decimal:
        """What was taken back, and not by credit notes of ours: those are counted by themselves."""
        if self.plan is None or self.credits.under_way:
            return _ZERO
        if self.line_status() is not LineStatus.CREDITED:
            return _ZERO
        with exactly():
            return self.plan.totals.gross - self.credits.gross

    def _stated(self) -> Statement | None:
        """What the provider states of its money: in figures, or by one word for all of it."""
        money = self.money or UNSTATED
        whole = self.line_status() is LineStatus.CREDITED
        if money.net is None and money.left is None:
            if self.payment is PaymentStatus.PAID and not whole:
                return money.model_copy(update={"left": _ZERO})
            if self.payment is PaymentStatus.UNPAID:
                return money.model_copy(update={"paid": _ZERO})
        elif whole and money.net is not None:
            # It may be from before the credit; from what was paid it follows.
            return money.model_copy(update={"left": None})
        return self.money

    @property
    def in_doubt(self) -> bool:
        """Whether there may be an invoice at the provider that we do not know of."""
        return self.doubt.in_question(CREATE, self.provider_id) or self.doubt.unanswered("approve")

    @property
    def seen_stage(self) -> Stage:
        """The stage, for others: what has an id and a word that nobody knows is there, or may be,
        also where nothing more was ever seen of it."""
        puzzles = self.provider_id is not None and not self.known
        return Stage.UNKNOWN if puzzles and self.stage in _NOT_THERE else self.stage

    def shown(self, request: InvoiceRequest) -> Invoice:
        """The state, for queries and as the result."""
        line, stated = self.line_status(), self.echo or _NO_ECHO
        return Invoice(
            reference=request.reference,
            provider=request.provider,
            account=request.account,
            goal=request.goal,
            status=self.status,
            stage=self.seen_stage,
            payment=self.payment,
            provider_status=self.provider_status,
            provider_id=self.provider_id,
            in_doubt=self.in_doubt,
            number=self.number,
            issue_date=_day(stated.issue_date, request.document.issue_date),
            due_date=_day(stated.due_date, request.document.due_date),
            send_on=request.sent_from,
            amounts=self.plan and _amounts(self.plan),
            balance=self.balance if request.document.type == "invoice" else None,
            lines=tuple(LineState(id=each.id, status=line) for each in request.document.lines),
            waiting=self.waiting,
            problem=self.problem,
            ended=self.outcome is not None,
            in_parts=self.in_parts,
            consents=self.consents,
        )


STANDS = (Status.APPROVED, Status.SENDING, Status.SENT, Status.DELIVERED, Status.PAID)
"""Ways to end with an invoice that is to be paid, or is."""

_NOT_THERE = (Stage.NONE, Stage.DELETED)

_OF_ONE_DRAFT = (
    *("provider_id", "stage", "known", "payment", "money", "most_paid", "provider_status"),
    *("number", "echo", "problems", "tolerated", "accepted", "insisted", "without", "attached"),
    *("document_asked", "outdated", "made", "credits"),
)


class InvoiceInput(InvoiceRequest):
    """The workflow's argument: a request, as callers send it.

    `resumed` is set by the workflow alone when it continues as new. `earlier` is set by the client
    when the reference had an earlier run: its doubt is inherited. `tells` is set by an order's
    workflow: its own id, to be told when the invoice has become final. `proven` is who asked, and
    is set by a door that has its callers prove it. `before` is set by an invoice's workflow that
    has ended, for the one that hears of its money.
    """

    resumed: Case | None = None
    earlier: Earlier | None = None
    before: Before | None = None
    tells: str | None = None
    proven: str = ""

    def request(self) -> InvoiceRequest:
        """The request alone."""
        fields = {name: getattr(self, name) for name in InvoiceRequest.model_fields}
        return InvoiceRequest.model_construct(**fields)


def _day(stated: str | None, asked: date | None) -> date | None:
    if not stated:
        return asked
    try:
        return date.fromisoformat(stated)
    except ValueError:
        return asked


def _progress(stage: Stage, *, paid: bool) -> Status:
    if paid:
        return Status.PAID
    words: dict[Stage, Status] = {
        Stage.NONE: Status.STARTED,
        Stage.DRAFTING: Status.STARTED,
        Stage.FAILED: Status.APPROVING,
        Stage.DELETED: Status.STARTED,
        Stage.UNKNOWN: Status.STARTED,
    }
    return words.get(stage) or Status(stage.value)


def _amounts(plan: Plan) -> Amounts:
    sums = plan.totals
    return Amounts(currency=sums.currency, net=sums.net, vat=sums.vat, gross=sums.gross)


def reached(goal: Goal, case: Case) -> bool:
    """Whether the invoice is where its caller wanted it. Nobody pays one over nothing, or one that
    gives money back: that is paid as soon as it is sent, or final where nothing of it is sent."""
    if goal is Goal.PAID:
        settled = case.balance is not None and case.balance.due <= 0
        return case.is_paid or settled
    return case.stage.reached(Stage(goal.value))

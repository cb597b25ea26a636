"""Money after the goal, judged by what the provider really has and by what of it could be known.

A look is judged by what was so when it was answered, not by what is so when its answer is taken in.
Where nobody can look, what is known is what the news have told that somebody took.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from invoicing.balance import Balance, Way
from invoicing.provider import PaymentStatus, Stage
from invoicing.state.identity import (
    EVENT_WORKFLOW,
    INVOICE_PREFIX,
    MONEY_PREFIX,
    workflow_id,
)
from invoicing.state.invoice import Invoice, Status
from invoicing.state.news import EventOutcome, EventState
from invoicing.state.notice import Notice
from simulation.engine import ActivityCall, Run, Server
from simulation.judge.sentences import Sentence
from simulation.provider.kinds import Kind
from simulation.provider.ledger import Held, Ledger
from simulation.provider.money import NONE, Stands, added
from simulation.provider.planning import PACES

Broken = Callable[[Sentence, str], None]
LATE = timedelta(hours=12)
"""What the engine may take for its own part of an end: queues, and a register."""
AGAIN = timedelta(hours=1)
"""A look whose answer was lost is made again within this."""
_LEFT = ("left", "never below")


class MoneyJudge:
    """Watches the money of one life. Where none is drawn, there is nothing to watch."""

    def __init__(self, server: Server, kind: Kind, ledger: Ledger, broken: Broken) -> None:
        self._server = server
        self._kind = kind
        self._ledger = ledger
        self._broken = broken
        self._asked: dict[str, datetime] = {}
        self._shown: dict[str, list[tuple[datetime, str, Stands]]] = {}

    # Calls

    def changing(self, call: ActivityCall) -> None:
        """Something is being changed at the provider."""
        if call.workflow_id.startswith(MONEY_PREFIX):
            self._broken(Sentence.MONEY_LOOKS, f"{call.workflow_id}: {call.name}")

    def reading(self, call: ActivityCall) -> None:
        """A look begins; it may be answered or not."""
        if call.workflow_id.startswith(MONEY_PREFIX):
            self._asked[_reference(call.workflow_id)] = self._server.now

    def read(self, held: Held, now: Stands, call: ActivityCall) -> None:
        """A look is answered, with this."""
        if call.workflow_id.startswith((MONEY_PREFIX, INVOICE_PREFIX)):
            shown = self._shown.setdefault(_reference(call.workflow_id), [])
            shown.append((self._server.now, held.id, now))

    def said(self, notice: Notice) -> None:
        """A subscriber is told this. Whatever it is, no more was ever paid than came in."""
        given: Any = notice.data.get("balance")
        if not self._kind.hears or not given:
            return
        balance = Balance.model_validate(given)
        reference = str(notice.data["reference"])
        came = max(
            (added(held.moved).get(Way.PAYMENT, NONE) for held in self._ledger.of(reference)),
            default=NONE,
        )
        self._check_sums(reference, balance)
        # By the one word that it is paid, all of it is.
        if self._kind.money != "word" and balance.paid is not None and balance.paid > came:
            what = f"{reference}: was told {balance.sentence()}, and {came} came in"
            self._broken(Sentence.MONEY_TRUE, what)

    # At the end

    def end(self, told: Callable[[str], bool]) -> None:
        """Everything has ended. `told` says of a reference whether it had one life alone."""
        if not self._kind.hears:
            return
        events = self._events()
        for identity in self._server.ids():
            runs = self._server.runs(identity)
            if identity.startswith(INVOICE_PREFIX) and runs[-1].status == "completed":
                self._adds_up(runs[-1].result)
            if not identity.startswith(MONEY_PREFIX):
                continue
            last = runs[-1]
            chain = [run for run in runs if run.origin.first_run_id == last.origin.first_run_id]
            self._in_time(chain)
            self._taken(chain, events)
            if last.status == "completed":
                self._adds_up(last.result)
                if told(_reference(identity)):
                    self._true(chain, last.result, events)

    def _events(self) -> list[tuple[Run, EventState]]:
        every = (self._server.runs(identity)[-1] for identity in self._server.ids())
        return [
            (run, run.result)
            for run in every
            if run.workflow == EVENT_WORKFLOW and run.status == "completed"
        ]

    def _adds_up(self, state: Invoice) -> None:
        if state.balance is not None:
            self._check_sums(state.reference, state.balance)

    def _check_sums(self, reference: str, balance: Balance) -> None:
        """The sum rule, and what can never be."""
        known = (balance.credited, balance.paid, balance.left, balance.too_much)
        if None not in known:
            credited, paid, left, over = (each or NONE for each in known)
            sums = credited + paid + left - over + balance.unexplained
            if balance.due + balance.costs != sums:
                self._broken(Sentence.MONEY_ADDS_UP, f"{reference}: {balance.sentence()}")
        wrong = [
            each
            for each in (balance.left, balance.too_much, balance.refunded, balance.charged_back)
            if each is not None and each < 0
        ]
        if wrong or (balance.left and balance.too_much):
            self._broken(Sentence.MONEY_ADDS_UP, f"{reference}: {balance.sentence()}")

    def _in_time(self, chain: list[Run]) -> None:
        """It ends by its bound, and until then it looks as often as is said."""
        begun, last = chain[0].origin.started, chain[-1]
        if last.closed_at is None or last.closed_at > begun + self._kind.hears + LATE:
            self._broken(Sentence.ENDS, f"{last.id}: began {begun}, ended {last.closed_at}")
        if last.status != "completed" or last.cancel_requested or last.closed_at is None:
            return
        longest = PACES.money.cap * 1.1 + LATE
        asked = self._asked.get(_reference(last.id), begun)
        if last.closed_at - asked > longest:
            self._broken(Sentence.MONEY_HEARD, f"{last.id}: looked last at {asked}")
        if asked == begun and last.closed_at - begun > PACES.money.first * 1.1 + LATE:
            self._broken(Sentence.MONEY_HEARD, f"{last.id}: never looked")

    def _taken(self, chain: list[Run], events: Iterable[tuple[Run, EventState]]) -> None:
        """What is told while somebody hears is taken, and looked at."""
        begun, last = chain[0].origin.started, chain[-1]
        reference = _reference(last.id)
        ended = last.closed_at or self._server.now
        for run, event in events:
            about, _ = self._ledger.told_of.get(event.event, ("", ""))
            closed = run.closed_at or ended
            if about != reference or not begun < run.origin.started <= closed < ended:
                continue
            if event.outcome is EventOutcome.LATE:
                self._broken(Sentence.MONEY_HEARD, f"{event.event}: nobody took it: {event.to}")
            unseen = self._asked.get(reference, begun) < run.origin.started
            heard = event.outcome is EventOutcome.DELIVERED and last.id in event.to
            if heard and unseen and closed < ended - AGAIN:
                self._broken(Sentence.MONEY_HEARD, f"{event.event}: nobody looked after it came")

    def _true(
        self, chain: list[Run], state: Invoice, events: Iterable[tuple[Run, EventState]]
    ) -> None:
        """What it says last is what the provider had when it was seen, or told of, last."""
        balance, held = state.balance, self._of(state)
        if balance is None:
            self._broken(Sentence.MONEY_TRUE, f"{state.reference}: nothing is said of its money")
            return
        if held is None or held.gross != balance.due:
            return
        self._credited(chain, held, balance)
        might = self._might_be(chain, held, events)
        if balance.paid is None and self._ended_in_a_credit(chain[-1], held):
            return
        differs = [self._differs(state, balance, now) for now in might]
        if differs and all(differs):
            paid = state.payment is PaymentStatus.PAID or state.status is Status.PAID
            no_more = paid and all(now.word is not PaymentStatus.PAID for now in might)
            sentence = Sentence.PAID_NO_MORE if no_more else Sentence.MONEY_TRUE
            self._broken(sentence, f"{state.reference}: {differs[-1]}; {balance.sentence()}")

    def _ended_in_a_credit(self, last: Run, held: Held) -> bool:
        """Whether a cancel ended the hearing while a credit note was under way: what that takes is
        not told yet, so what was paid does not follow from what is left."""
        ended = last.closed_at or self._server.now
        made = [each for each in self._ledger.invoices.values() if each.credits]
        names = (held.id, held.number)
        return last.cancel_requested and any(
            each.credits in names and each.made <= ended for each in made
        )

    def _of(self, state: Invoice) -> Held | None:
        held = self._ledger.invoices.get(state.provider_id or "")
        if held is None and not self._kind.can_look:
            there = [one for one in self._ledger.of(state.reference) if one.number]
            return there[0] if len(there) == 1 else None
        return held

    def _might_be(
        self, chain: list[Run], held: Held, events: Iterable[tuple[Run, EventState]]
    ) -> list[Stands]:
        """What was so when it was seen last. A look may have been answered, and its answer lost."""
        last = chain[-1]
        ended = last.closed_at or self._server.now
        if self._kind.can_look:
            shown = [each for each in self._shown.get(held.reference, ()) if each[1] == held.id]
            if not shown:
                return []
            since = shown[-1][0] - AGAIN
            cut = 2 if last.cancel_requested else 1
            return [now for at, _, now in shown if at >= since] + [now for *_, now in shown[-cut:]]
        if last.cancel_requested:
            return []
        heard, soon = set[str](), set[str]()
        for run, event in events:
            about, move = self._ledger.told_of.get(event.event, ("", ""))
            if about != held.reference or event.outcome is not EventOutcome.DELIVERED:
                continue
            (soon if (run.closed_at or ended) > ended - AGAIN else heard).add(move)
        if soon:
            return []
        moved = [move for move in held.moved if move.id in heard]
        return [Stands(held.gross, NONE, added(moved))]

    def _credited(self, chain: list[Run], held: Held, balance: Balance) -> None:
        """Each note whose workflow has told of it in time counts, once; and no other."""
        if balance.credited is None or held.state == "credited":
            return
        ended = chain[-1].closed_at or self._server.now
        sure = perhaps = NONE
        for note in self._ledger.notes(held):
            perhaps += note.gross
            runs = self._server.runs(workflow_id(note.reference))
            told = runs[-1] if runs and runs[-1].status == "completed" else None
            if told and told.closed_at and told.closed_at < ended - AGAIN and told.result.final:
                sure += note.gross if told.closed_at > chain[0].origin.started else NONE
        if not sure <= balance.credited <= perhaps:
            what = f"{held.reference}: credited {balance.credited}, of {sure} to {perhaps}"
            self._broken(Sentence.MONEY_TRUE, what)

    def _differs(self, state: Invoice, balance: Balance, now: Stands) -> str:
        """What is said otherwise than it was; empty where all is so."""
        if state.payment is not now.word:
            return f"{state.payment} is said, and {now.word} it was"
        if state.stage is Stage.CREDITED or balance.credited not in (None, now.credited):
            return self._movements(balance, now)
        if now.net < 0:
            # News of a payment were lost, and those of what went back were not: what is paid can be
            # nobody's to say.
            return self._movements(balance, now)
        if self._kind.money in _LEFT:
            return self._left(balance, now)
        if self._kind.money == "word":
            return ""
        paid = balance.paid or NONE
        if paid != now.net:
            return f"paid {paid} is said, and {now.net} it was"
        if balance.credited is not None and (rest := _rest(balance)) != now.left:
            return f"left {rest} is said, and {now.left} it was"
        return self._movements(balance, now)

    def _left(self, balance: Balance, now: Stands) -> str:
        """Where what is left is stated, and what was paid follows."""
        below = self._kind.money == "left"
        left = now.left if below else max(now.left, NONE)
        if (rest := _rest(balance)) != left:
            return f"left {rest} is said, and {left} it was"
        paid = now.net if below else min(now.net, now.due - now.credited)
        if balance.paid is None:
            known = balance.credited is not None and not now.credited
            return "nothing is said of what was paid" if known else ""
        if balance.paid != paid:
            return f"paid {balance.paid} is said, and {paid} it was"
        return "" if not balance.unexplained else f"{balance.unexplained} is not explained"

    def _movements(self, balance: Balance, now: Stands) -> str:
        if self._kind.money not in ("each", "told"):
            return ""
        said = (balance.refunded, balance.charged_back, balance.returned)
        was = tuple(now.sums.get(way, NONE) for way in (Way.REFUND, Way.CHARGEBACK, Way.RETURN))
        return "" if said == was else f"went back {said} is said, and {was} it was"


def _reference(identity: str) -> str:
    return identity.partition("/")[2]


def _rest(balance: Balance) -> Decimal:
    return (balance.left or NONE) - (balance.too_much or NONE)

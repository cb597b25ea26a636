"""Orders: the ledger of lines under any interleaving, and what a delivery asks for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from pydantic import ValidationError

from invoicing.document import DocumentAdjustment, Vat, VatAccounting
from invoicing.provider import PaymentStatus, Stage
from invoicing.request import Goal, OrderRequest
from invoicing.state.invoice import Invoice, LineStatus, Status
from invoicing.state.order import (
    CancelLines,
    Deliver,
    fate,
)
from invoicing.state.order_case import OrderCase
from invoicing.state.order_ledger import FINAL, Ledger, NotOpen
from tests.examples import a_document, a_line, delivered

TODAY = date(2026, 6, 30)
LINES = tuple(str(number) for number in range(1, 7))


def an_order(**changes: Any) -> OrderRequest:
    lines = tuple(a_line(int(each)) for each in LINES)
    document = a_document(lines=lines, **changes.pop("document", {}))
    return OrderRequest(
        **{"reference": "O-1", "provider": "zero_friction", "document": document, **changes}
    )


def a_delivery(name: str, *lines: str, **changes: Any) -> Deliver:
    return Deliver(**{"delivery": name, "lines": lines, "issue_date": TODAY, **changes})


def a_cancellation(name: str, *lines: str) -> CancelLines:
    return CancelLines(cancellation=name, lines=lines, by="an operator", reason="test")


def an_invoice(stage: Stage, status: Status, **changes: Any) -> Invoice:
    return Invoice(
        **{
            "reference": "O-1:D",
            "provider": "zero_friction",
            "account": "default",
            "goal": Goal.SENT,
            "status": status,
            "stage": stage,
            "payment": PaymentStatus.UNKNOWN,
            "ended": True,
            **changes,
        }
    )


ENDS: dict[str, tuple[Invoice, LineStatus | None]] = {
    "sent": (an_invoice(Stage.SENT, Status.SENT, number="N"), LineStatus.INVOICED),
    "paid": (
        an_invoice(Stage.SENT, Status.PAID, payment=PaymentStatus.PAID),
        LineStatus.SETTLED,
    ),
    "credited": (an_invoice(Stage.CREDITED, Status.CREDITED), LineStatus.CREDITED),
    "cancelled": (an_invoice(Stage.DELETED, Status.CANCELLED), LineStatus.OPEN),
    "refused at once": (an_invoice(Stage.NONE, Status.REJECTED), LineStatus.OPEN),
    "credited, and another of it deleted": (
        an_invoice(Stage.DELETED, Status.CREDITED),
        LineStatus.CREDITED,
    ),
    "abandoned before there was a draft": (
        an_invoice(Stage.NONE, Status.ABANDONED),
        LineStatus.OPEN,
    ),
    # Somebody may still make final what was left there.
    "abandoned as a draft": (an_invoice(Stage.DRAFTED, Status.ABANDONED), None),
    "abandoned when final": (an_invoice(Stage.APPROVED, Status.ABANDONED), LineStatus.INVOICED),
    "abandoned half way": (an_invoice(Stage.APPROVING, Status.ABANDONED), None),
    "abandoned in doubt": (an_invoice(Stage.NONE, Status.ABANDONED, in_doubt=True), None),
    "abandoned under a word that nobody knows": (
        an_invoice(Stage.UNKNOWN, Status.ABANDONED, provider_id="id-1"),
        None,
    ),
    "expired after a failure": (an_invoice(Stage.FAILED, Status.EXPIRED), None),
}


@pytest.mark.parametrize("end", ENDS)
def test_the_end_of_an_invoice_decides_about_its_lines(end: str) -> None:
    invoice, expected = ENDS[end]
    assert fate(invoice) is expected


# --- the ledger -----------------------------------------------------------------------------------


class AnyOrder(RuleBasedStateMachine):
    """Deliveries, cancellations, ends of every kind and repetitions, in any order.

    Beside the ledger a plain record is kept of which invoice each line was put on for good.
    """

    def __init__(self) -> None:
        super().__init__()
        self.request = an_order()
        self.case = OrderCase(ledger=Ledger.of(self.request.document))
        self.turn = 0
        self.running: dict[str, tuple[str, ...]] = {}
        self.cancelling: dict[str, tuple[str, ...]] = {}
        self.final: set[str] = set()
        self.ended_as: dict[str, LineStatus] = {}

    some_lines = st.lists(st.sampled_from(LINES), min_size=1, max_size=4)

    def _take(self, lines: list[str], take: Callable[[], None]) -> bool:
        """Whether it took them; it must exactly when every one is open and named once."""
        free = self.case.ledger.with_status(LineStatus.OPEN)
        may = len(set(lines)) == len(lines) and set(lines) <= set(free)
        before = self.case.ledger
        try:
            take()
        except NotOpen:
            assert not may
            assert self.case.ledger == before
            return False
        assert may
        return True

    @rule(lines=some_lines)
    def deliver(self, lines: list[str]) -> None:
        self.turn += 1
        wanted = a_delivery(f"D{self.turn}", *lines)
        if self._take(lines, lambda: self.case.deliver(self.request, wanted)):
            self.running[wanted.delivery] = tuple(lines)

    @rule(lines=some_lines)
    def cancel_lines(self, lines: list[str]) -> None:
        self.turn += 1
        wanted = a_cancellation(f"C{self.turn}", *lines)
        if self._take(lines, lambda: self.case.cancel_lines(wanted)):
            self.cancelling[wanted.cancellation] = tuple(lines)

    @precondition(lambda self: self.running)
    @rule(data=st.data(), end=st.sampled_from(sorted(ENDS)), decided=st.booleans())
    def an_invoice_ends(self, data: st.DataObject, end: str, decided: bool) -> None:
        name = data.draw(st.sampled_from(sorted(self.running)))
        invoice, expected = ENDS[end]
        self.case.hear(name, invoice)
        if name in self.final and expected in (None, LineStatus.OPEN):
            # Whatever is said later: what is on a final invoice does not become open again.
            expected = LineStatus.INVOICED
        elif expected is None:
            assert self.case.unclear(name)
            expected = LineStatus.INVOICED if decided else LineStatus.OPEN
            self.case.decide(name, expected, "N" if decided else None)
        lines = self.running.pop(name)
        if expected is not LineStatus.OPEN:
            self.ended_as |= dict.fromkeys(lines, expected)

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def an_invoice_becomes_final(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.running)))
        self.case.hear(name, an_invoice(Stage.APPROVED, Status.APPROVED, ended=False))
        self.final.add(name)

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def an_invoice_never_begins(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.running)))
        if self.case.unclear(name):
            self.case.refuse(name)
            self.running.pop(name)

    @precondition(lambda self: self.cancelling)
    @rule(data=st.data(), done=st.booleans())
    def a_cancellation_ends(self, data: st.DataObject, done: bool) -> None:
        name = data.draw(st.sampled_from(sorted(self.cancelling)))
        self.case.end_cancellation(name, done=done)
        lines = self.cancelling.pop(name)
        if done:
            self.ended_as |= dict.fromkeys(lines, LineStatus.CANCELLED)

    @invariant()
    def every_line_is_where_the_record_says(self) -> None:
        holders = (*self.running.values(), *self.cancelling.values())
        held = [each for lines in holders for each in lines]
        assert len(held) == len(set(held)), "a line is held twice"
        for line in self.case.ledger.lines:
            if line.id in self.ended_as and line.id not in held:
                assert line.status in (self.ended_as[line.id], LineStatus.CREDITED)
            elif line.id in held:
                assert line.status in (LineStatus.RESERVED, LineStatus.INVOICED)
            else:
                assert line.status is LineStatus.OPEN

    @invariant()
    def it_is_done_when_every_line_is_final(self) -> None:
        final = all(line.status in FINAL for line in self.case.ledger.lines)
        assert self.case.ledger.done == final

    @invariant()
    def it_survives_being_carried_over(self) -> None:
        assert OrderCase.model_validate_json(self.case.model_dump_json()) == self.case


AnyOrder.TestCase.settings = settings(max_examples=60, stateful_step_count=25)
TestAnyOrderKeepsItsLedger = AnyOrder.TestCase


def test_a_line_that_cannot_be_taken_is_named_with_what_holds_it() -> None:
    ledger = Ledger.of(an_order().document).reserve(("1",), "delivery/A")
    with pytest.raises(NotOpen) as caught:
        ledger.reserve(("1", "2", "2", "9"), "delivery/B")
    assert [str(problem) for problem in caught.value.problems] == [
        "lines[0]: is reserved by delivery/A",
        "lines[2]: is named twice",
        "lines[3]: is no line of this order",
    ]


def test_a_credited_line_does_not_become_open_again() -> None:
    case = OrderCase(ledger=Ledger.of(an_order().document))
    case.deliver(an_order(), a_delivery("A", "1"))
    case.hear("A", an_invoice(Stage.SENT, Status.SENT, ended=False, number="N-1"))
    case.hear("A", an_invoice(Stage.CREDITED, Status.CREDITED, number="N-1"))
    line = case.ledger.lines[0]
    assert (line.status, line.number) == (LineStatus.CREDITED, "N-1")
    with pytest.raises(NotOpen, match="is credited by delivery/A"):
        case.deliver(an_order(), a_delivery("B", "1"))


# --- what a delivery asks for ---------------------------------------------------------------------


def test_a_delivery_takes_its_lines_and_terms_from_the_order() -> None:
    order = an_order(document={"notes": ("from the order",)}, options={"a": 1, "b": 1})
    wanted = a_delivery("D", "2", "4", notes=("delivered",), number="N-9", options={"b": 2})
    request = delivered(order, wanted)
    assert request.reference == "O-1:D"
    assert [line.id for line in request.document.lines] == ["2", "4"]
    assert request.document.notes == ("from the order", "delivered")
    assert request.document.number == "N-9"
    assert request.document.due_date == order.document.due_date
    assert request.options == {"a": 1, "b": 2}


def test_a_delivery_that_is_due_before_it_is_issued_is_refused() -> None:
    wanted = a_delivery("D", "1", due_date=TODAY - timedelta(days=1))
    with pytest.raises(ValidationError, match="due_date"):
        delivered(an_order(), wanted)


VAT = Vat(rate=Decimal(21))
WHOLE: dict[str, dict[str, Any]] = {
    "number": {"number": "N-1"},
    "allowances": {"allowances": (DocumentAdjustment(percent=Decimal(5), vat=VAT, reason="x"),)},
    "charges": {"charges": (DocumentAdjustment(amount=Decimal(5), vat=VAT, reason="x"),)},
    "prepaid": {"prepaid": Decimal(1)},
    "rounding": {"rounding": Decimal("-0.01")},
    "vat_accounting": {"vat_accounting": VatAccounting(currency="SEK", vat=Decimal(1))},
}


@pytest.mark.parametrize("field", WHOLE)
def test_what_belongs_to_one_invoice_cannot_be_said_of_an_order(field: str) -> None:
    with pytest.raises(ValidationError, match=f"document.{field}"):
        an_order(document=WHOLE[field])


def test_an_order_cannot_end_at_drafts() -> None:
    """Its lines would be open again after each, to be put on another."""
    with pytest.raises(ValidationError, match="goal: a draft invoices no line"):
        an_order(goal=Goal.DRAFTED)

"""The ledger of an order's units under any interleaving, and what the parts of a line come to."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from invoicing.document import Adjustment, Document, Line, Vat
from invoicing.money import exactly
from invoicing.portions import part_of
from invoicing.provider import PaymentStatus, Stage
from invoicing.request import Goal, OrderRequest
from invoicing.state import order_ledger
from invoicing.state.invoice import Invoice, LineStatus, Status
from invoicing.state.order import CancelLines, Deliver, request_of
from invoicing.state.order_case import OrderCase, digest
from invoicing.state.order_ledger import Ledger, LedgerLine, NotOpen
from invoicing.totals import totals
from tests.examples import a_document, a_line

QUANTITIES = {"1": Decimal(10), "2": Decimal("2.5"), "3": Decimal(1), "4": Decimal(-4)}
"""Pieces, a length, one that nobody divides in practice, and a return."""


def an_order(*lines: Line, **document: Any) -> OrderRequest:
    lines = lines or tuple(
        a_line(int(each), quantity=quantity, unit_price=Decimal("3.337"))
        for each, quantity in QUANTITIES.items()
    )
    return OrderRequest(
        reference="O-1", provider="invoro", document=a_document(lines=lines, **document)
    )


def a_delivery(name: str, *lines: str, **quantities: str) -> Deliver:
    """Whole lines by their ids, and units of lines as `_1="4"`."""
    units = {line.removeprefix("_"): Decimal(each) for line, each in quantities.items()}
    return Deliver(
        delivery=name,
        lines=(*lines, *units),
        quantities=units,
        issue_date=a_document().issue_date,
    )


def a_cancellation(name: str, wanted: Deliver) -> CancelLines:
    return CancelLines(
        cancellation=name,
        lines=wanted.lines,
        quantities=wanted.quantities,
        by="an operator",
        reason="test",
    )


def an_invoice(stage: Stage, status: Status, *, ended: bool = True) -> Invoice:
    return Invoice(
        reference="O-1:D",
        provider="invoro",
        account="default",
        goal=Goal.SENT,
        status=status,
        stage=stage,
        payment=PaymentStatus.UNKNOWN,
        number="N-1",
        ended=ended,
    )


def stands(ledger: Ledger, line: str) -> list[tuple[str, Decimal | None, str | None]]:
    """The parts of a line: status, units, holder."""
    parts = (part for part in ledger.lines if part.id == line)
    return [(str(part.status), part.units, part.holder) for part in parts]


# --- in parts -------------------------------------------------------------------------------------


def test_a_line_of_ten_is_delivered_as_four_and_three_and_cancelled_as_the_rest() -> None:
    ledger = Ledger.of(an_order().document)
    ledger = ledger.reserve(("1",), "delivery/A", {"1": Decimal(4)}).invoice("delivery/A", "N-1")
    ledger = ledger.reserve(("1",), "delivery/B", {"1": Decimal(3)}).invoice("delivery/B", "N-2")
    ledger = ledger.reserve(("1",), "cancellation/C").cancel("cancellation/C")
    assert stands(ledger, "1") == [
        ("invoiced", Decimal(4), "delivery/A"),
        ("invoiced", Decimal(3), "delivery/B"),
        ("cancelled", Decimal(3), "cancellation/C"),
    ]


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        (a_delivery("B", _1="7"), "lines[0]: has 6 open, and 7 are asked for"),
        (a_delivery("B", "3", _1="6.01"), "lines[1]: has 6 open, and 6.01 are asked for"),
        (
            a_delivery("B", _2="1"),
            "lines[0]: has nothing open: 1 invoiced by delivery/A, 1.5 reserved by cancellation/C",
        ),
    ],
)
def test_what_cannot_be_taken_says_what_is_left_and_takes_nothing(
    wanted: Deliver, why: str
) -> None:
    ledger = Ledger.of(an_order().document)
    quantities = {"1": Decimal(4), "2": Decimal(1)}
    ledger = ledger.reserve(("1", "2"), "delivery/A", quantities).invoice("delivery/A", "N-1")
    ledger = ledger.reserve(("2",), "cancellation/C")
    with pytest.raises(NotOpen) as caught:
        ledger.reserve(wanted.lines, "delivery/B", wanted.quantities)
    assert [str(problem) for problem in caught.value.problems] == [why]


def test_units_that_are_released_are_one_open_part_again() -> None:
    ledger = Ledger.of(an_order().document)
    for name, units in ("A", "1"), ("B", "2"), ("C", "3"):
        ledger = ledger.reserve(("1",), name, {"1": Decimal(units)})
    ledger = ledger.release("A").invoice("B", "N-1").release("C")
    assert stands(ledger, "1") == [("invoiced", Decimal(2), "B"), ("open", Decimal(8), None)]
    assert ledger.with_status(LineStatus.OPEN) == ("1", "2", "3", "4")


def test_a_line_has_no_more_parts_than_are_said_and_its_rest_can_still_be_taken() -> None:
    most = order_ledger.MOST_PARTS_OF_A_LINE
    ledger = Ledger.of(an_order(a_line(1, quantity=Decimal(1000))).document)
    for place in range(most - 1):
        ledger = ledger.reserve(("1",), f"delivery/{place}", {"1": Decimal(1)})
    with pytest.raises(NotOpen, match=f"is in {most} parts already: take the 901 that are open"):
        ledger.reserve(("1",), "delivery/one-more", {"1": Decimal(1)})
    assert len(ledger.reserve(("1",), "delivery/rest").lines) == most


def test_an_order_has_no_more_parts_than_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order_ledger, "MOST_PARTS", 5)
    ledger = Ledger.of(an_order().document).reserve(("1",), "A", {"1": Decimal(1)})
    with pytest.raises(NotOpen, match="come to more than 5 parts"):
        ledger.reserve(("1",), "B", {"1": Decimal(1)})
    assert len(ledger.reserve(("1", "2"), "B").lines) == 5


def test_the_same_quantity_in_other_digits_is_the_same_delivery() -> None:
    def asked(quantity: str) -> str:
        given = {"delivery": "A", "lines": ["1"], "issue_date": "2026-06-30"}
        return digest(Deliver.model_validate({**given, "quantities": {"1": quantity}}))

    assert asked("4") == asked("4.0") == asked("4.00")
    assert asked("40") != asked("4") != asked("4.1")


def test_a_ledger_that_is_too_full_can_still_be_emptied(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line that was let in all the same would else be nobody's for good."""
    ledger = Ledger.of(an_order().document).reserve(("1",), "A", {"1": Decimal(1)})
    monkeypatch.setattr(order_ledger, "MOST_PARTS", 3)
    assert len(ledger.lines) > order_ledger.MOST_PARTS
    with pytest.raises(NotOpen, match="come to more than 3 parts"):
        ledger.reserve(("2",), "B", {"2": Decimal(1)})
    rest = ledger.reserve(ledger.with_status(LineStatus.OPEN), "B").cancel("B").invoice("A", "N-1")
    assert rest.done


def test_no_line_is_added_to_a_ledger_that_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Ledger.of(an_order(a_line(1)).document)
    grown = an_order(a_line(1), a_line(2)).document
    monkeypatch.setattr(order_ledger, "MOST_PARTS", 1)
    with pytest.raises(NotOpen, match="come to more than 1 parts"):
        ledger.grown(grown)
    monkeypatch.setattr(order_ledger, "MOST_PARTS", 2)
    assert len(ledger.grown(grown).lines) == 2


def test_a_ledger_of_old_knows_its_units_from_its_order() -> None:
    order = an_order()
    old = Ledger(lines=tuple(LedgerLine(id=line.id) for line in order.document.lines))
    assert old.measured(order.document) == Ledger.of(order.document)
    taken = Ledger.of(order.document).reserve(("1",), "A", {"1": Decimal(4)})
    assert taken.measured(order.document) is taken


def test_a_quantity_of_a_line_that_is_not_named_is_refused() -> None:
    with pytest.raises(ValueError, match=r"quantities\.2: is not among the lines"):
        Deliver.model_validate(
            {
                "delivery": "A",
                "lines": ["1"],
                "quantities": {"2": "1"},
                "issue_date": "2026-06-30",
            }
        )


def test_what_names_no_quantity_has_the_digest_that_it_had_before_one_could_be_named() -> None:
    assert digest(a_delivery("A", "1")) == "981d0d6b26b754b9"
    assert digest(a_delivery("A", _1="1")) != digest(a_delivery("A", "1"))
    assert digest(a_delivery("A", _1="1", _2="2")) == digest(
        a_delivery("A", "1", "2").model_copy(
            update={"quantities": {"2": Decimal(2), "1": Decimal(1)}}
        )
    )


# --- under any interleaving -----------------------------------------------------------------------

NEVER_BEGAN = an_invoice(Stage.NONE, Status.REJECTED)
ENDS = {
    "sent": (an_invoice(Stage.SENT, Status.SENT), LineStatus.INVOICED),
    "credited": (an_invoice(Stage.CREDITED, Status.CREDITED), LineStatus.CREDITED),
    "cancelled": (an_invoice(Stage.DELETED, Status.CANCELLED), None),
    "never began": (NEVER_BEGAN, None),
}

_some = st.dictionaries(
    st.sampled_from(sorted(QUANTITIES)),
    st.one_of(st.none(), st.decimals("0.25", "11", places=2)),
    min_size=1,
)


class AnyUnits(RuleBasedStateMachine):
    """Deliveries and cancellations of parts, ends of every kind, in any order.

    Beside the ledger a plain count is kept of the units that each holder has, and has for good.
    """

    def __init__(self) -> None:
        super().__init__()
        self.request = an_order()
        self.case = OrderCase(ledger=Ledger.of(self.request.document))
        self.turn = 0
        self.open = {line: abs(quantity) for line, quantity in QUANTITIES.items()}
        self.held: dict[str, dict[str, Decimal]] = {}
        self.ended: dict[str, LineStatus] = {}
        self.deliveries: set[str] = set()
        self.cancellations: set[str] = set()

    def _wanted(self, asked: dict[str, Decimal | None]) -> Deliver:
        self.turn += 1
        units = {line: each for line, each in asked.items() if each is not None}
        return a_delivery(f"N{self.turn}", *asked).model_copy(update={"quantities": units})

    def _taken(self, asked: dict[str, Decimal | None]) -> dict[str, Decimal] | None:
        """What must be taken; None where it must be refused."""
        units = {line: self.open[line] if each is None else each for line, each in asked.items()}
        may = all(0 < each <= self.open[line] for line, each in units.items())
        return units if may else None

    def _book(self, holder: str, units: dict[str, Decimal]) -> None:
        self.held[holder] = units
        for line, each in units.items():
            self.open[line] -= each

    @rule(asked=_some)
    def deliver(self, asked: dict[str, Decimal | None]) -> None:
        wanted, units = self._wanted(asked), self._taken(asked)
        if units is None:
            with pytest.raises(NotOpen):
                self.case.deliver(self.request, wanted)
            return
        self.case.deliver(self.request, wanted)
        self._book(f"delivery/{wanted.delivery}", units)
        self.deliveries.add(wanted.delivery)
        held = self.case.ledger.held(f"delivery/{wanted.delivery}")
        document = request_of(self.request, wanted, held).document
        made = {line.id: abs(line.quantity) for line in document.lines}
        assert made == units
        for line in document.lines:
            assert line.amount(document.currency) == held[line.id].amount

    @rule(asked=_some)
    def cancel(self, asked: dict[str, Decimal | None]) -> None:
        delivery, units = self._wanted(asked), self._taken(asked)
        wanted = a_cancellation(delivery.delivery, delivery)
        if units is None:
            with pytest.raises(NotOpen):
                self.case.cancel_lines(wanted)
            return
        self.case.cancel_lines(wanted)
        self._book(f"cancellation/{wanted.cancellation}", units)
        self.cancellations.add(wanted.cancellation)

    @precondition(lambda self: self.deliveries)
    @rule(data=st.data(), end=st.sampled_from(sorted(ENDS)))
    def an_invoice_ends(self, data: st.DataObject, end: str) -> None:
        name = data.draw(st.sampled_from(sorted(self.deliveries)))
        self.deliveries.remove(name)
        invoice, means = ENDS[end]
        if invoice is NEVER_BEGAN:
            self.case.refuse(name)
        else:
            self.case.hear(name, invoice)
        self._over(f"delivery/{name}", means)

    @precondition(lambda self: self.cancellations)
    @rule(data=st.data(), done=st.booleans())
    def a_cancellation_ends(self, data: st.DataObject, done: bool) -> None:
        name = data.draw(st.sampled_from(sorted(self.cancellations)))
        self.cancellations.remove(name)
        self.case.end_cancellation(name, done=done)
        self._over(f"cancellation/{name}", LineStatus.CANCELLED if done else None)

    def _over(self, holder: str, means: LineStatus | None) -> None:
        if means is not None:
            self.ended[holder] = means
            return
        for line, units in self.held.pop(holder).items():
            self.open[line] += units

    @invariant()
    def every_unit_is_where_the_count_says(self) -> None:
        for holder, units in self.held.items():
            held = self.case.ledger.held(holder)
            assert {line: part.units for line, part in held.items()} == units
            status = self.ended.get(holder, LineStatus.RESERVED)
            assert {part.status for part in held.values()} == {status}
        parts = [part for part in self.case.ledger.lines if part.status is LineStatus.OPEN]
        assert len({part.id for part in parts}) == len(parts), "what is open is one part"
        found = {part.id: part.units for part in parts}
        assert found == {line: units for line, units in self.open.items() if units}

    @invariant()
    def units_and_amounts_add_up_to_the_line(self) -> None:
        for line in self.request.document.lines:
            parts = [part.measured for part in self.case.ledger.lines if part.id == line.id]
            assert sum(units for units, _ in parts) == abs(line.quantity)
            assert sum(amount for _, amount in parts) == line.amount("EUR")

    @invariant()
    def lines_stay_in_their_order(self) -> None:
        ids = tuple(dict.fromkeys(part.id for part in self.case.ledger.lines))
        assert ids == tuple(QUANTITIES)

    @invariant()
    def it_survives_being_carried_over(self) -> None:
        assert OrderCase.model_validate_json(self.case.model_dump_json()) == self.case


AnyUnits.TestCase.settings = settings(max_examples=60, stateful_step_count=30)
TestEveryUnitEndsOnce = AnyUnits.TestCase


# --- what the parts of a line come to -------------------------------------------------------------

TENTH = Adjustment(percent=Decimal(10), reason="Volume")
FIVE = Adjustment(amount=Decimal(5), reason="Loyalty")


@pytest.mark.parametrize(
    ("line", "units", "shown"),
    [
        ({"unit_price": "100"}, "4", "4 x 100 = 400.00"),
        ({"unit_price": "100", "allowances": (TENTH,)}, "4", "4 x 100 -10 % = 360.00"),
        ({"unit_price": "100", "allowances": (FIVE,)}, "4", "4 x 100 -2.00 = 398.00"),
        ({"unit_price": "100", "charges": (FIVE,)}, "4", "4 x 100 +2.00 = 402.00"),
        # 0.50 less 10 % is 0.45: three tenths are 0.14, and 0.13 by the percentage.
        ({"unit_price": "0.05", "allowances": (TENTH,)}, "3", "3 x 0.05 -0.01 = 0.14"),
        ({"unit_price": "0.005"}, "3", "3 x 0.005 = 0.02"),
        ({"unit_price": "0.333"}, "3", "3 x 0.333 = 1.00"),
    ],
)
def test_a_part_shows_the_price_and_the_discounts_of_its_line(
    line: dict[str, Any], units: str, shown: str
) -> None:
    whole = a_line(1, quantity=Decimal(10), **{**line, "unit_price": Decimal(line["unit_price"])})
    ledger = Ledger.of(an_order(whole).document).reserve(("1",), "A", {"1": Decimal(units)})
    (part,) = ledger.held("A").values()
    made = part_of(whole, Decimal(units), part.measured[1], "EUR")
    signs = [("-", one) for one in made.allowances] + [("+", one) for one in made.charges]
    others = "".join(
        f" {sign}{one.amount if one.percent is None else f'{one.percent} %'}" for sign, one in signs
    )
    assert made.base_quantity == 1
    assert f"{made.quantity} x {made.unit_price}{others} = {made.amount('EUR')}" == shown


@st.composite
def lines(draw: st.DrawFn) -> Line:
    """Lines at awkward prices, with allowances and charges; returns too."""
    quantity = draw(st.decimals("0.5", "40", places=1)) * draw(st.sampled_from((1, 1, 1, -1)))
    percents = st.builds(Adjustment, percent=st.decimals("0.5", "33", places=1))
    amounts = st.builds(Adjustment, amount=st.decimals("0", "0.3", places=2))
    kinds = percents if quantity < 0 else st.one_of(percents, amounts)
    few = st.lists(kinds, max_size=2).map(tuple)
    return a_line(
        1,
        quantity=quantity,
        unit_price=draw(st.decimals("0", "30", places=draw(st.sampled_from((0, 2, 4))))),
        base_quantity=draw(st.sampled_from((Decimal(1), Decimal(3)))),
        allowances=draw(few),
        charges=draw(few),
        vat=Vat(rate=draw(st.sampled_from((Decimal(21), Decimal(6), Decimal("5.5"))))),
    )


@settings(max_examples=300)
@given(line=lines(), cuts=st.lists(st.integers(1, 60), min_size=1, max_size=12), net=st.booleans())
def test_the_invoices_of_the_parts_of_a_line_come_to_the_line(
    line: Line, cuts: list[int], net: bool
) -> None:
    """Every part is a document that is right by itself, and their lines add up to the cent. The VAT
    of each is what the norm says of its own amounts: rounded once more for each part."""
    try:
        order = an_order(line, prices_include_vat=not net)
    except ValueError:
        return  # Its allowances come to more than the line.
    ledger = Ledger.of(order.document)
    made: list[Document] = []
    for place, cut in enumerate(cuts):
        (left,) = (part for part in ledger.lines if part.status is LineStatus.OPEN)
        units = min(Decimal(cut) / 2, left.measured[0])
        wanted = a_delivery(f"D{place}", "1").model_copy(update={"quantities": {"1": units}})
        ledger = ledger.reserve(wanted.lines, wanted.delivery, wanted.quantities)
        made.append(request_of(order, wanted, ledger.held(wanted.delivery)).document)
        if units == left.units:
            break
    else:
        wanted = a_delivery("rest", "1")
        ledger = ledger.reserve(("1",), "rest")
        made.append(request_of(order, wanted, ledger.held("rest")).document)
    with exactly():
        found = [each.lines[0] for each in made]
        assert sum(each.quantity for each in found) == line.quantity
        assert sum(each.amount("EUR") for each in found) == line.amount("EUR")
        whole = totals(order.document, "category")
        sums = [totals(each, "category") for each in made]
        off = abs(sum(each.vat for each in sums) - whole.vat)
        assert off <= (len(made) + 1) * Decimal("0.005")

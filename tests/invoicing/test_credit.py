"""Credits of one invoice: never more than was invoiced, and to the cent when all is credited."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from pydantic import ValidationError

from invoicing.credits.case import CreditsCase, digest, repeats
from invoicing.credits.credit import (
    Credit,
    CreditLedger,
    NotLeft,
    Portion,
    Requested,
    Sums,
    rounding_of,
)
from invoicing.credits.document import (
    LEFT_OUT,
    OF_ITS_OWN,
    TAKEN_OVER,
    document_of,
    opening,
    refuse_uncreditable,
    request_of,
    same_worth,
)
from invoicing.credits.portion import portion
from invoicing.document import Adjustment, Document, DocumentAdjustment, Line, Vat, VatAccounting
from invoicing.errors import InvalidRequest
from invoicing.provider import PaymentStatus, Stage
from invoicing.request import Goal, InvoiceRequest
from invoicing.state.invoice import Amounts, Invoice, Status
from invoicing.totals import VatRounding, totals
from tests.examples import a_document, a_line, an_invoice
from tests.tiers import TRIES

TODAY = date(2026, 7, 14)
STANDARD, REDUCED = Vat(rate=Decimal(21)), Vat(rate=Decimal(6))


def a_credit(name: str = "C1", **changes: Any) -> Credit:
    return Credit.model_validate(
        {"credit": name, "by": "an operator", "reason": "came back", **changes}
    )


def units(line: str, quantity: str | None = None, name: str = "C1") -> Credit:
    return a_credit(name, lines=[{"id": line, "quantity": quantity}])


def amount(worth: str, rate: str = "21", name: str = "C1") -> Credit:
    return a_credit(name, amounts=[{"rate": rate, "amount": worth}])


def whole(name: str = "C1") -> Credit:
    return a_credit(name, whole=True)


def final(document: Document, **changes: Any) -> Requested:
    request = InvoiceRequest(reference="INV-7", provider="simulated", document=document)
    state = Invoice(
        **{
            "reference": "INV-7",
            "provider": "simulated",
            "account": "default",
            "goal": Goal.SENT,
            "status": Status.SENT,
            "stage": Stage.SENT,
            "payment": PaymentStatus.UNPAID,
            "provider_id": "id-1",
            "number": "2026-0001",
            **changes,
        }
    )
    return Requested(request=request, invoice=state, rounding="category")


def of_lines(*lines: Line, **changes: Any) -> Document:
    return a_document(lines=lines, **changes)


class Books:
    """A ledger beside the documents that were made of it, which a plain sum is kept of."""

    def __init__(self, document: Document, rounding: VatRounding) -> None:
        self.document = document
        self.rounding = rounding
        self.invoiced = totals(document, rounding)
        self.ledger = CreditLedger.of(document, rounding)
        self.notes: dict[str, Document] = {}

    def reserve(self, wanted: Credit) -> Portion:
        """Raises NotLeft. The document comes to what the ledger took."""
        found = portion(self.ledger, wanted)
        note = document_of(final(self.document), self.ledger, found, wanted, TODAY)
        made = totals(note, self.rounding)
        assert Sums(net=made.net, vat=made.vat, gross=made.gross) == found.sums
        self.ledger = self.ledger.reserve(wanted.credit, found)
        self.notes[wanted.credit] = note
        return found

    def credit(self, wanted: Credit) -> Document:
        self.reserve(wanted)
        self.ledger = self.ledger.book(wanted.credit)
        return self.notes[wanted.credit]

    def release(self, name: str) -> None:
        self.ledger = self.ledger.release(name)
        del self.notes[name]

    def credited(self) -> Sums:
        made = [totals(note, self.rounding) for note in self.notes.values()]
        return Sums(
            net=sum((each.net for each in made), Decimal(0)),
            vat=sum((each.vat for each in made), Decimal(0)),
            gross=sum((each.gross for each in made), Decimal(0)),
        )

    def all_is_credited(self) -> bool:
        sums = self.invoiced
        return self.credited() == Sums(net=sums.net, vat=sums.vat, gross=sums.gross)


def books(document: Document, rounding: VatRounding = "category") -> Books:
    return Books(document, rounding)


# --- one credit -----------------------------------------------------------------------------------


def test_a_whole_credit_is_the_invoice_as_it_stands() -> None:
    document = a_document(
        allowances=(DocumentAdjustment(percent=Decimal(10), vat=STANDARD),),
        charges=(DocumentAdjustment(amount=Decimal("7.50"), vat=REDUCED),),
    )
    kept = books(document)
    note = kept.credit(whole())
    assert (note.lines, note.allowances, note.charges) == (
        document.lines,
        document.allowances,
        document.charges,
    )
    assert kept.all_is_credited()
    assert kept.ledger.nothing_left


def test_a_credit_note_names_its_invoice_and_asks_for_no_payment() -> None:
    document = a_document(prepaid=Decimal(20), payment={"iban": "NL91ABNA0417164300"})
    note = books(document).credit(units("1"))
    assert note.type == "credit_note"
    assert [(each.number, each.issue_date) for each in note.precedents] == [
        ("2026-0001", document.issue_date)
    ]
    assert note.issue_date == TODAY
    assert (note.due_date, note.payment, note.prepaid) == (None, None, Decimal(0))
    assert note.notes == ("came back",)


def test_only_the_whole_is_taken_back_with_its_rounding_and_its_vat_in_another_currency() -> None:
    """It is what was paid; of a part nobody has rounded anything."""
    accounted = VatAccounting(currency="SEK", vat=Decimal(100))
    document = a_document(rounding=Decimal("-0.02"), prepaid=Decimal(20), vat_accounting=accounted)
    taken = books(document).credit(whole())
    assert (taken.rounding, taken.prepaid) == (Decimal("-0.02"), Decimal(0))
    assert taken.vat_accounting == accounted
    part = books(document).credit(units("1"))
    assert (part.rounding, part.vat_accounting) == (Decimal(0), None)
    assert not same_worth(taken, taken.model_copy(update={"rounding": Decimal(0)}))


def test_of_every_field_of_a_document_it_is_said_what_becomes_of_it() -> None:
    said = (*TAKEN_OVER, *OF_ITS_OWN, *LEFT_OUT)
    assert sorted(said) == sorted(Document.model_fields)


def test_a_line_alone_is_credited_as_it_stands() -> None:
    line = a_line(1, allowances=(Adjustment(percent=Decimal(5)),))
    note = books(of_lines(line, a_line(2))).credit(units("1"))
    assert note.lines == (line,)


def test_units_are_credited_at_the_price_of_the_invoice() -> None:
    note = books(of_lines(a_line(1, quantity=Decimal(10), unit_price=Decimal("12.50")))).credit(
        units("1", "4")
    )
    (line,) = note.lines
    assert [line.quantity, line.unit_price, line.base_quantity] == [4, Decimal("12.50"), 1]


def test_the_last_units_take_what_rounding_left() -> None:
    line = a_line(1, quantity=Decimal(3), unit_price=Decimal(10), base_quantity=Decimal(3))
    kept = books(of_lines(line))
    nets = [totals(kept.credit(units("1", "1", name)), "category").net for name in "ABC"]
    assert sum(nets) == 10
    assert kept.all_is_credited()


def test_units_take_their_share_of_the_lines_own_allowances_and_charges() -> None:
    line = a_line(
        1,
        quantity=Decimal(4),
        unit_price=Decimal(25),
        allowances=(Adjustment(percent=Decimal(10)),),
        charges=(Adjustment(amount=Decimal(2)),),
    )
    found = books(of_lines(line)).reserve(units("1", "1"))
    assert found.sums.net == Decimal("23.00")


def test_lines_take_their_share_of_the_documents_allowances_and_none_of_its_charges() -> None:
    document = of_lines(
        a_line(1, quantity=Decimal(1), unit_price=Decimal(100)),
        a_line(2, quantity=Decimal(1), unit_price=Decimal(300)),
        allowances=(DocumentAdjustment(amount=Decimal(40), reason="winter", vat=STANDARD),),
        charges=(DocumentAdjustment(amount=Decimal(8), reason="freight", vat=STANDARD),),
    )
    kept = books(document)
    note = kept.credit(units("1"))
    assert [(each.amount, each.reason) for each in note.allowances] == [(Decimal(10), "winter")]
    assert note.charges == ()
    kept.credit(units("2", name="C2"))
    rest = kept.credit(whole("C3"))
    assert [(line.name, line.unit_price) for line in rest.lines] == [("freight", Decimal(8))]
    assert kept.all_is_credited()


def test_an_amount_belongs_to_no_line_and_lowers_what_is_left_of_its_rate() -> None:
    kept = books(of_lines(a_line(1, quantity=Decimal(2), unit_price=Decimal(50))))
    note = kept.credit(amount("10.00"))
    assert [(line.name, line.quantity, line.unit_price) for line in note.lines] == [
        ("came back", Decimal(1), Decimal(10))
    ]
    left = kept.ledger.left
    assert [(line.units, line.amount) for line in left.lines] == [(Decimal(2), Decimal(100))]
    assert left.sums.net == 90
    with pytest.raises(NotLeft, match=r"100.00 is asked for, and 90.00 is left at this rate"):
        kept.reserve(units("1", name="C2"))
    kept.credit(whole("C3"))
    assert kept.all_is_credited()


def test_an_amount_that_rounding_takes_away_again_is_not_in_the_note_without_that() -> None:
    """A third of 3.06 is moved down by a cent, which is as much as was named."""
    kept = books(of_lines(a_line(1, quantity=Decimal(3), unit_price=Decimal("1.02"))))
    named = [{"rate": "21", "amount": "0.01"}]
    note = kept.credit(a_credit(lines=[{"id": "1", "quantity": "1"}], amounts=named))
    assert [each.amount("EUR") for each in note.lines] == [Decimal("1.02"), Decimal("0.01")]
    assert [each.amount for each in note.allowances] == [Decimal("0.01")]
    assert kept.ledger.left.sums.net == Decimal("2.04")
    kept.credit(whole("rest"))
    assert kept.all_is_credited()


def test_a_return_line_is_credited_by_its_units_without_their_sign() -> None:
    document = of_lines(
        a_line(1, quantity=Decimal(10), unit_price=Decimal(5)), a_line(2, quantity=Decimal(-2))
    )
    kept = books(document)
    with pytest.raises(NotLeft):
        kept.reserve(units("2", "1"))  # Of the rate, that is less than nothing.
    both = a_credit(lines=[{"id": "1"}, {"id": "2", "quantity": "1"}])
    with pytest.raises(NotLeft):
        kept.reserve(both)
    note = kept.credit(a_credit(lines=[{"id": "1", "quantity": "9"}, {"id": "2", "quantity": "2"}]))
    assert [line.quantity for line in note.lines] == [9, -2]


def test_what_rounding_moves_is_shown_and_comes_back_with_the_last() -> None:
    # 0.06 has 0.01 VAT at 21 %, and so has each half of it.
    lines = [a_line(n, quantity=Decimal(1), unit_price=Decimal("0.03")) for n in (1, 2)]
    kept = books(of_lines(*lines))
    note = kept.credit(units("1"))
    assert [(each.amount, each.reason) for each in note.allowances] == [
        (Decimal("0.01"), "Rounding")
    ]
    kept.credit(whole("C2"))
    assert kept.all_is_credited()


def test_an_amount_that_no_document_can_state_is_refused_with_the_nearest_ones() -> None:
    kept = books(of_lines(a_line(1, quantity=Decimal(1), unit_price=Decimal("0.06"))))
    with pytest.raises(NotLeft, match=r"credit 0.02 or 0.04 instead"):
        kept.reserve(amount("0.03"))
    kept.credit(amount("0.02"))
    kept.credit(whole("C2"))
    assert kept.all_is_credited()


REFUSED = [
    (units("9"), "lines\\[0\\]: 9 is no line of this invoice"),
    (units("1", "3.5"), r"lines\[0\]: 3.5 are asked for, and 3 are left of line 1"),
    (amount("1.00", "9"), "S 9 % is no rate of this invoice; it has S 21 %, S 6 %"),
    (amount("1.001"), "EUR has 2 decimals, not more"),
    (amount("60.00"), "S 21 %: 60.00 is asked for, and 59.97 is left at this rate"),
]


@pytest.mark.parametrize(("wanted", "why"), REFUSED)
def test_a_refusal_says_what_is_left(wanted: Credit, why: str) -> None:
    ledger = CreditLedger.of(a_document(), "category")
    with pytest.raises(NotLeft, match=why):
        portion(ledger, wanted)


def test_nothing_is_left_after_the_whole() -> None:
    kept = books(a_document())
    kept.credit(whole())
    with pytest.raises(NotLeft, match="nothing is left to credit"):
        kept.reserve(whole("C2"))
    with pytest.raises(NotLeft, match="nothing is left of line 1"):
        kept.reserve(units("1", "1", "C3"))


@pytest.mark.parametrize(
    "what",
    [
        {},
        {"whole": True, "lines": [{"id": "1"}]},
        {"lines": [{"id": "1"}, {"id": "1", "quantity": "1"}]},
        {"amounts": [{"rate": "21", "amount": "1"}, {"rate": "21.0", "amount": "2"}]},
        {"lines": [{"id": "1", "quantity": "0"}]},
        {"amounts": [{"rate": "21", "amount": "-1"}]},
    ],
)
def test_a_credit_says_one_thing_once(what: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        a_credit(**what)


def test_a_released_credit_is_there_again_and_a_booked_one_is_not() -> None:
    ledger = CreditLedger.of(a_document(), "category")
    taken = ledger.reserve("A", portion(ledger, units("1", "2")))
    assert taken.release("A") == ledger
    assert taken.book("A").release("A") == taken.book("A")


# --- as a request ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("of_invoice", "named", "goal"),
    [
        (Goal.DRAFTED, None, Goal.SENT),
        (Goal.PAID, None, Goal.SENT),
        (Goal.APPROVED, None, Goal.APPROVED),
        (Goal.DELIVERED, None, Goal.DELIVERED),
        (Goal.DELIVERED, Goal.SENT, Goal.SENT),
        (Goal.PAID, Goal.DELIVERED, Goal.DELIVERED),
    ],
)
def test_a_credit_note_gets_as_far_as_its_invoice_or_as_is_named(
    of_invoice: Goal, named: Goal | None, goal: Goal
) -> None:
    invoice = final(a_document())
    asked = invoice.request.model_copy(update={"goal": of_invoice})
    invoice = invoice.model_copy(update={"request": asked})
    ledger = CreditLedger.of(asked.document, "category")
    wanted = units("1", "1").model_copy(update={"goal": named})
    assert request_of(invoice, ledger, portion(ledger, wanted), wanted, TODAY).goal is goal


@pytest.mark.parametrize("goal", [Goal.DRAFTED, Goal.PAID])
def test_no_credit_note_is_a_draft_or_paid(goal: Goal) -> None:
    with pytest.raises(ValidationError, match="approved, sent or delivered"):
        a_credit(whole=True, goal=goal)


GIVEN = {"credit": "C1", "by": "b", "reason": "r", "whole": True}


def test_the_same_credit_is_known_again_whoever_asks_for_it() -> None:
    known = digest(Credit.model_validate(GIVEN))
    assert repeats(known, Credit.model_validate({**GIVEN, "by": "a colleague"}))
    for other in ({"reason": "another"}, {"credit": "C2"}, {"goal": "sent"}, {"number": "7"}):
        assert not repeats(known, Credit.model_validate({**GIVEN, **other})), other


def test_a_credit_that_an_earlier_version_reserved_is_known_again_where_the_same_person_asks() -> (
    None
):
    # Who asked was in its digest, and no goal could be named.
    known = "d1f5d8c81c8bf860"
    assert repeats(known, Credit.model_validate(GIVEN))
    assert not repeats(known, Credit.model_validate({**GIVEN, "by": "a colleague"}))
    assert not repeats(known, Credit.model_validate({**GIVEN, "goal": "sent"}))


def test_nothing_is_shown_as_left_of_which_nothing_can_be_credited() -> None:
    document = a_document()
    sums = totals(document, "category")
    stated = Amounts(currency="EUR", net=sums.net, vat=sums.vat, gross=sums.gross)
    assert opening(final(document, amounts=stated)).left.sums.gross == sums.gross
    other = stated.model_copy(update={"vat": sums.vat + 1, "gross": sums.gross + 1})
    for each in (other, None):
        with pytest.raises(InvalidRequest, match="credit it by hand"):
            opening(final(document, amounts=each))


@pytest.mark.parametrize(
    ("stage", "in_doubt"),
    [
        (Stage.DRAFTED, False),
        (Stage.APPROVING, False),
        (Stage.UNKNOWN, False),
        (Stage.NONE, True),
    ],
)
def test_a_credit_note_that_is_left_as_it_is_gives_nothing_back_by_itself(
    stage: Stage, in_doubt: bool
) -> None:
    """Somebody may still make it final: a person says whether it counts."""
    invoice = final(a_document())
    ledger = CreditLedger.of(invoice.request.document, "category")
    case = CreditsCase()
    case.learn(invoice, ledger)
    case.reserve(whole(), ledger.reserve("C1", portion(ledger, whole())), date(2026, 6, 30))
    left = {"stage": stage, "status": Status.ABANDONED, "in_doubt": in_doubt, "ended": True}
    case.hear("C1", invoice.invoice.model_copy(update={**left, "number": None}))
    assert "C1" in case.unclear
    assert case.states["C1"].became == "reserved"
    assert case.ledger is not None
    assert case.ledger.nothing_left


def test_a_credit_is_a_request_of_its_own_that_says_what_it_credits() -> None:
    invoice = final(a_document(), goal=Goal.PAID)
    ledger = CreditLedger.of(invoice.request.document, "category")
    wanted = units("1", "1")
    found = portion(ledger, wanted)
    request = request_of(invoice, ledger, found, wanted, TODAY)
    assert request.reference == "INV-7#C1"
    assert request.credits is not None
    assert (request.credits.provider_id, request.credits.number) == ("id-1", "2026-0001")
    assert (request.credits.gross, request.credits.whole) == (found.sums.gross, False)
    assert not request.may_credit


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"stage": Stage.DRAFTED, "status": Status.DRAFTED}, "is not final: cancel it"),
        ({"stage": Stage.CREDITED, "status": Status.CREDITED}, "nothing is left to credit"),
        ({"number": None}, "has no number yet"),
    ],
)
def test_what_cannot_be_credited_at_all_says_why(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(InvalidRequest, match=why):
        refuse_uncreditable(final(a_document(), **changes))


def test_a_credit_note_is_not_credited() -> None:
    note = a_document(type="credit_note", precedents=({"number": "N-1"},))
    with pytest.raises(InvalidRequest, match="make a new invoice instead"):
        refuse_uncreditable(final(note))


def test_a_correction_of_a_credit_note_may_change_its_words_only() -> None:
    note = books(a_document()).credit(units("1", "2"))
    assert same_worth(note, note.model_copy(update={"buyer_reference": "PO-1"}))
    (line,) = note.lines
    for update in ({"quantity": Decimal(3)}, {"vat": REDUCED}, {"id": "2"}):
        other = note.model_copy(update={"lines": (line.model_copy(update=update),)})
        assert not same_worth(note, other)


def test_how_vat_was_rounded_is_known_from_the_totals_of_the_plan() -> None:
    lines = [a_line(n, quantity=Decimal(1), unit_price=Decimal("0.03")) for n in (1, 2)]
    document = of_lines(*lines)
    for rounding in ("line", "category"):
        made = totals(document, rounding)
        old = made.model_copy(update={"rounding": None})
        assert rounding_of(document, made) == rounding_of(document, old) == rounding


# --- any invoice, any credits ---------------------------------------------------------------------

PRICES = st.decimals(min_value=0, max_value=300, places=2)
QUANTITIES = st.sampled_from([Decimal(each) for each in ("1", "2", "3", "7", "10", "0.5", "2.25")])
RATES = st.sampled_from([Decimal(each) for each in ("21", "6", "5.5", "2.1", "25")])
PERCENT = st.decimals(min_value=0, max_value=60, places=1)


@st.composite
def documents(draw: st.DrawFn) -> Document:
    lines = []
    for number in range(1, draw(st.integers(1, 4)) + 1):
        adjusted = draw(st.booleans())
        lines.append(
            a_line(
                number,
                quantity=draw(QUANTITIES),
                unit_price=draw(PRICES),
                base_quantity=draw(st.sampled_from([Decimal(1), Decimal(3)])),
                vat=Vat(rate=draw(RATES)),
                allowances=(Adjustment(percent=draw(PERCENT)),) if adjusted else (),
                charges=(Adjustment(amount=draw(PRICES)),) if adjusted else (),
            )
        )
    vat = lines[0].vat
    allowed = draw(st.booleans())
    return a_document(
        lines=tuple(lines),
        allowances=(DocumentAdjustment(percent=draw(PERCENT), vat=vat),) if allowed else (),
        charges=(DocumentAdjustment(amount=draw(PRICES), vat=vat),) if draw(st.booleans()) else (),
        prices_include_vat=draw(st.booleans()),
    )


ROUNDINGS = st.sampled_from(["line", "category"])


class AnyCredits(RuleBasedStateMachine):
    """Credits of every form, ended in every way, in any order."""

    @initialize(document=documents(), rounding=ROUNDINGS)
    def begin(self, document: Document, rounding: VatRounding) -> None:
        self.kept = Books(document, rounding)
        self.turn = 0
        self.given_back = False

    def _name(self) -> str:
        self.turn += 1
        return f"C{self.turn}"

    def _try(self, wanted: Credit) -> None:
        """A refusal changes nothing."""
        before = self.kept.ledger
        try:
            self.kept.reserve(wanted)
        except NotLeft:
            assert self.kept.ledger == before

    @rule(data=st.data(), share=st.sampled_from([None, Decimal("0.25"), Decimal(1), Decimal(2)]))
    def credit_lines(self, data: st.DataObject, share: Decimal | None) -> None:
        ids = [line.id for line in self.kept.document.lines]
        chosen = data.draw(st.lists(st.sampled_from(ids), min_size=1, unique=True))
        lines = [{"id": each, "quantity": share} for each in chosen]
        self._try(a_credit(self._name(), lines=lines))

    @rule(data=st.data(), worth=st.decimals(min_value="0.01", max_value=50, places=2))
    def credit_an_amount(self, data: st.DataObject, worth: Decimal) -> None:
        rate = data.draw(st.sampled_from([line.vat.rate for line in self.kept.document.lines]))
        self._try(amount(str(worth), str(rate), self._name()))

    @rule(data=st.data(), worth=st.decimals(min_value="0.01", max_value="0.09", places=2))
    def credit_a_line_and_an_amount(self, data: st.DataObject, worth: Decimal) -> None:
        """As little as rounding may move."""
        line = data.draw(st.sampled_from(self.kept.document.lines))
        named = {"rate": line.vat.rate, "amount": worth}
        self._try(a_credit(self._name(), lines=[{"id": line.id}], amounts=[named]))

    @rule(data=st.data())
    def end_one(self, data: st.DataObject) -> None:
        waiting = [name for name, held in self.kept.ledger.held.items() if held.portion]
        if not waiting:
            return
        name = data.draw(st.sampled_from(waiting))
        if data.draw(st.booleans()):
            self.kept.ledger = self.kept.ledger.book(name)
        else:
            self.kept.release(name)
            self.given_back = True

    @rule()
    def credit_the_rest(self) -> None:
        left = self.kept.ledger.left.sums
        self._try(whole(self._name()))
        if not self.given_back and left.gross:
            assert self.kept.ledger.nothing_left

    @invariant()
    def what_is_left_and_what_is_credited_are_what_was_invoiced(self) -> None:
        made, left = self.kept.credited(), self.kept.ledger.left.sums
        sums = self.kept.invoiced
        assert (made.net + left.net, made.vat + left.vat) == (sums.net, sums.vat)
        assert made.gross + left.gross == sums.gross

    @invariant()
    def of_no_line_and_no_rate_is_more_credited_than_was_invoiced(self) -> None:
        left = self.kept.ledger.left
        assert all(line.units >= 0 and line.amount >= 0 for line in left.lines)
        for rate in left.rates:
            assert rate.sums.net >= 0
            assert rate.sums.vat >= 0

    def teardown(self) -> None:
        if not hasattr(self, "kept"):
            return
        for _ in range(4):
            if not self.kept.ledger.nothing_left:
                self._try(whole(self._name()))
        if self.kept.invoiced.gross:
            assert self.kept.all_is_credited()


TestAnyCredits = AnyCredits.TestCase
TestAnyCredits.settings = settings(max_examples=3 * TRIES, stateful_step_count=12)


@given(document=documents(), rounding=ROUNDINGS, order=st.permutations(range(4)))
@settings(max_examples=200)
def test_lines_credited_one_by_one_and_then_the_rest_come_to_the_invoice(
    document: Document, rounding: VatRounding, order: Sequence[int]
) -> None:
    kept = Books(document, rounding)
    for place in order:
        if place < len(document.lines):
            try:
                kept.credit(units(document.lines[place].id, name=f"C{place}"))
            except NotLeft:
                continue
    if not kept.ledger.nothing_left:
        kept.credit(whole("rest"))
    if kept.invoiced.gross:
        assert kept.all_is_credited()


def test_a_request_for_an_ordinary_invoice_credits_none() -> None:
    assert an_invoice("INV-1").credits is None

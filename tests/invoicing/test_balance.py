"""The money of one invoice: its sums hold whatever is stated, and nothing is made up."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoicing.balance import MOST_MOVEMENTS, Balance, Movement, Statement, Way
from invoicing.books.rows import invoice_row
from invoicing.provider import PaymentStatus, Plan, Snapshot, Stage
from invoicing.request import Goal
from invoicing.state.case import Case, reached
from invoicing.state.credited import CreditedSoFar
from invoicing.state.notice import is_of_money, news, notice
from invoicing.totals import totals
from tests.examples import a_document, an_invoice

AMOUNTS = st.decimals(-10_000, 10_000, places=2)
POSITIVE = st.decimals("0.01", 10_000, places=2)
MAYBE = st.none() | AMOUNTS
MOVEMENTS = st.lists(st.builds(Movement, way=st.sampled_from(Way), amount=POSITIVE), max_size=60)


@st.composite
def statements(draw: st.DrawFn) -> Statement:
    stated = Statement(
        paid=draw(MAYBE),
        left=draw(MAYBE),
        costs=draw(st.just(Decimal(0)) | POSITIVE),
        tells=tuple(draw(st.sets(st.sampled_from(Way)))),
    )
    for movement in draw(MOVEMENTS):
        stated = stated.moved(movement)
    return stated


def of(stated: Statement | None = None, due: str = "121.00", **more: Decimal | None) -> Balance:
    return Balance.of(stated, currency="EUR", due=Decimal(due), **more)  # type: ignore[arg-type]


def paid(*amounts: str) -> Statement:
    """Each a movement; below zero it went back, and nobody said by whom."""
    stated = Statement(tells=(Way.PAYMENT, Way.RETURN))
    for amount in map(Decimal, amounts):
        way = Way.PAYMENT if amount > 0 else Way.RETURN
        stated = stated.moved(Movement(way=way, amount=abs(amount)))
    return stated


def of_units(*amounts: int | None) -> tuple[Decimal | None, ...]:
    return tuple(None if one is None else Decimal(one) for one in amounts)


class TestSums:
    @given(statements(), AMOUNTS, MAYBE, AMOUNTS)
    def test_the_books_balance_wherever_all_figures_are_known(
        self, stated: Statement, due: Decimal, credited: Decimal | None, most: Decimal
    ) -> None:
        told = Balance.of(stated, currency="EUR", due=due, credited=credited, most_paid=most)
        if None in (told.paid, told.credited, told.left, told.too_much):
            assert told.unexplained == 0
            return
        taken = told.credited + told.paid + told.left - told.too_much  # type: ignore[operator]
        assert told.due + told.costs == taken + told.unexplained

    @given(statements(), AMOUNTS, MAYBE)
    def test_something_is_left_or_too_much_and_never_both(
        self, stated: Statement, due: Decimal, credited: Decimal | None
    ) -> None:
        told = Balance.of(stated, currency="EUR", due=due, credited=credited)
        assert (told.left is None) == (told.too_much is None)
        if told.left is not None and told.too_much is not None:
            assert told.left >= 0
            assert told.too_much >= 0
            assert not (told.left and told.too_much)

    @given(statements(), AMOUNTS)
    def test_what_is_stated_is_shown_as_it_is_stated(self, stated: Statement, due: Decimal) -> None:
        told = of(stated, str(due))
        if stated.paid is not None:
            assert told.paid == stated.paid
        if stated.left is not None and stated.left > 0:
            assert told.left == stated.left

    @given(MOVEMENTS)
    def test_no_movement_is_lost_to_the_sums_however_many_there_are(
        self, movements: list[Movement]
    ) -> None:
        stated = Statement(tells=tuple(Way))
        for movement in movements:
            stated = stated.moved(movement)
        told = of(stated)
        assert len(told.movements) == min(len(movements), MOST_MOVEMENTS)
        assert told.earlier + len(told.movements) == len(movements)
        back = [one.amount for one in movements if one.way is not Way.PAYMENT]
        came = [one.amount for one in movements if one.way is Way.PAYMENT]
        if movements:
            net = sum(came, Decimal(0)) - sum(back, Decimal(0))
            assert told.paid == (net if net >= 0 else None)
        named = (told.refunded, told.charged_back, told.returned)
        assert sum(one for one in named if one is not None) == sum(back, Decimal(0))

    def test_the_newest_are_kept(self) -> None:
        stated = Statement()
        for number in range(MOST_MOVEMENTS + 2):
            moved = Movement(way=Way.PAYMENT, amount=Decimal(1), id=str(number))
            stated = stated.moved(moved)
        assert of(stated).movements[0].id == "2"


class TestNothingIsMadeUp:
    def test_of_silence_nothing_follows(self) -> None:
        told = of()
        assert (told.paid, told.left, told.too_much, told.returned) == (None, None, None, None)
        assert told.word == ""
        assert told.sentence() == "paid an unknown amount of 121.00 EUR"

    def test_what_is_left_says_what_was_paid_while_nothing_is_credited(self) -> None:
        assert of(Statement(left=Decimal(71))).paid == 50
        assert of(Statement(left=Decimal(71)), credited=None).paid is None
        assert of(Statement(left=Decimal(0)), credited=Decimal(121)).paid is None

    def test_who_took_it_back_is_said_only_where_it_is_told(self) -> None:
        told = of(paid("121", "-121"))
        assert (told.returned, told.refunded, told.charged_back) == of_units(121, None, None)
        assert told.went_back

    def test_that_it_has_fallen_is_seen_where_no_movement_is_told(self) -> None:
        told = of(Statement(paid=Decimal(21)), most_paid=Decimal(121))
        assert (told.returned, told.left) == of_units(100, 100)

    def test_a_look_may_be_faster_than_the_news_of_what_went_back(self) -> None:
        assert of(paid("21"), most_paid=Decimal(121)).returned == 100
        assert of(paid("121", "-21", "21"), most_paid=Decimal(121)).returned == 21

    def test_where_every_way_back_is_told_nothing_went_back_by_itself(self) -> None:
        stated = Statement(tells=(Way.PAYMENT, Way.REFUND, Way.CHARGEBACK), paid=Decimal(21))
        assert of(stated, most_paid=Decimal(121)).returned is None


class TestEnds:
    @pytest.mark.parametrize(
        ("amounts", "left", "too_much"),
        [
            (("50",), "71", "0"),
            (("50", "71"), "0", "0"),
            (("121", "29"), "0", "29"),
            (("121", "-121"), "121", "0"),
            (("150", "-29"), "0", "0"),
        ],
    )
    def test_parts_too_much_and_back_again(
        self, amounts: tuple[str, ...], left: str, too_much: str
    ) -> None:
        told = of(paid(*amounts))
        assert (told.left, told.too_much) == (Decimal(left), Decimal(too_much))

    def test_more_than_nothing_left_is_too_much_though_only_nothing_is_stated(self) -> None:
        told = of(paid("150").model_copy(update={"left": Decimal(0)}))
        assert (told.left, told.too_much, told.unexplained) == of_units(0, 29, 0)

    def test_what_pays_for_reminders_is_not_too_much(self) -> None:
        stated = paid("131").model_copy(update={"left": Decimal(0), "costs": Decimal(10)})
        assert of(stated).too_much == 0

    def test_figures_that_contradict_each_other_are_both_shown(self) -> None:
        told = of(paid("50").model_copy(update={"left": Decimal(60)}))
        assert (told.paid, told.left, told.unexplained) == of_units(50, 60, 11)
        assert "unexplained 11" in told.sentence()

    def test_what_was_credited_and_paid_is_to_be_given_back(self) -> None:
        told = of(Statement(paid=Decimal(121)), credited=Decimal(121))
        assert (told.left, told.too_much) == of_units(0, 121)

    def test_an_invoice_over_nothing_leaves_nothing(self) -> None:
        told = of(Statement(paid=Decimal(0)), "0.00")
        assert (told.left, told.too_much) == of_units(0, 0)

    def test_one_below_zero_is_for_the_seller_to_pay(self) -> None:
        told = of(Statement(paid=Decimal(0)), "-20.00")
        assert (told.left, told.too_much) == of_units(0, 20)

    def test_it_is_said_in_one_line(self) -> None:
        assert of(paid("50")).sentence() == "paid 50 of 121.00 EUR, left 71.00"


def a_plan(due: str = "121.00") -> Plan:
    sums = totals(a_document(), "line")
    return Plan(totals=sums, echoes=(), due=Decimal(due))


def a_case(due: str = "121.00", **changes: object) -> Case:
    return Case(plan=a_plan(due), stage=Stage.SENT, **changes)


def seen(stage: Stage = Stage.SENT, **changes: object) -> Snapshot:
    return Snapshot.model_validate({"provider_id": "17", "stage": stage, **changes})


class TestTakenBack:
    def test_of_a_payment_that_was_never_told_nothing_follows(self) -> None:
        back = Statement(tells=(Way.CHARGEBACK,)).moved(
            Movement(way=Way.CHARGEBACK, amount=Decimal("121.00"))
        )
        money = of(back)
        assert (money.paid, money.left, money.too_much) == (None, None, None)
        assert money.charged_back == 121
        money = of(back.model_copy(update={"left": Decimal("121.00")}))
        assert (money.paid, money.left) == of_units(0, 121)


class TestOfACase:
    def test_there_is_none_before_it_is_final(self) -> None:
        assert Case(plan=a_plan(), stage=Stage.DRAFTED).balance is None

    def test_one_word_for_all_of_it_is_enough(self) -> None:
        case = a_case()
        case.learn(seen(payment=PaymentStatus.PAID))
        assert case.balance
        assert (case.balance.paid, case.balance.left) == of_units(121, 0)
        case.learn(seen(payment=PaymentStatus.PARTLY_PAID))
        assert case.balance.paid is None

    def test_that_paid_has_fallen_is_remembered(self) -> None:
        case = a_case()
        for left in ("21.00", "121.00"):
            case.learn(seen(money=Statement(left=Decimal(left))))
        assert case.balance
        assert (case.balance.paid, case.balance.returned) == of_units(0, 100)

    def test_an_answer_that_says_nothing_of_money_takes_nothing_away(self) -> None:
        case = a_case()
        case.learn(seen(money=Statement(paid=Decimal(50))))
        case.learn(seen())
        assert case.balance
        assert case.balance.paid == 50

    def test_what_was_paid_is_too_much_once_it_is_credited(self) -> None:
        case = a_case()
        case.learn(seen(money=Statement(left=Decimal(0))))
        case.learn(seen(Stage.CREDITED))
        assert case.balance
        assert (case.balance.paid, case.balance.left) == of_units(121, 0)
        assert case.balance.too_much == case.balance.credited

    @pytest.mark.parametrize(
        "stated",
        [
            {"money": Statement(left=Decimal("121.00"))},
            {"money": Statement(paid=Decimal(0), left=Decimal("121.00"))},
            {"payment": PaymentStatus.UNPAID},
        ],
    )
    def test_of_one_that_nobody_paid_nothing_is_left_once_it_is_credited(
        self, stated: dict[str, Any]
    ) -> None:
        case = a_case()
        case.learn(seen(**stated))
        case.learn(seen(Stage.CREDITED))
        assert case.balance
        money = case.balance
        assert (money.paid, money.credited, money.left) == of_units(0, 121, 0)
        assert (money.too_much, money.unexplained) == of_units(0, 0)

    def test_how_much_is_too_much_after_a_credit_no_word_says(self) -> None:
        case = a_case(payment=PaymentStatus.PAID)
        case.learn(seen(Stage.CREDITED))
        assert case.balance
        assert (case.balance.left, case.balance.too_much) == (None, None)

    def test_what_is_left_as_first_seen_after_a_credit_counts(self) -> None:
        case = a_case()
        case.learn(seen(Stage.CREDITED, money=Statement(left=Decimal(-121))))
        assert case.balance
        assert (case.balance.left, case.balance.too_much) == of_units(0, 121)

    def test_what_was_credited_in_parts_its_ledger_knows(self) -> None:
        case = a_case(in_parts=True)
        case.learn(seen(money=Statement(left=Decimal(21))))
        assert case.balance
        assert (case.balance.credited, case.balance.paid) == (None, None)

    def test_what_its_ledger_tells_of_an_invoice_that_runs_is_known(self) -> None:
        told = CreditedSoFar(provider_id="P-1", gross=Decimal(21))
        case = a_case(in_parts=True, credits=told)
        case.learn(seen(money=Statement(paid=Decimal(100))))
        assert case.balance
        assert (case.balance.credited, case.balance.left) == of_units(21, 0)
        assert case.is_paid

    def test_what_credit_notes_of_ours_take_back_is_not_in_its_own_row_as_well(self) -> None:
        """At Mollie and Zero Friction the invoice shows as credited, and the note has a row too."""
        plan = a_case().plan
        assert plan
        gross = plan.totals.gross
        for told, otherwise in (
            ({}, gross),
            ({"under_way": True}, 0),
            ({"gross": gross, "all": True}, 0),
            ({"gross": Decimal(21)}, gross - 21),
        ):
            case = a_case(credits=CreditedSoFar.model_validate({"provider_id": "17", **told}))
            case.learn(seen(Stage.CREDITED))
            assert invoice_row(case, an_invoice("INV-7"), None).credited == otherwise, told

    @pytest.mark.parametrize(("due", "there"), [("0.00", True), ("-20.00", True), ("0.01", False)])
    def test_nobody_waits_for_the_payment_of_nothing(self, due: str, there: bool) -> None:
        assert reached(Goal.PAID, a_case(due)) is there

    def test_it_is_in_the_state_of_an_invoice_and_not_of_a_credit_note(self) -> None:
        request = an_invoice("INV-7")
        note = request.document.model_copy(update={"type": "credit_note"})
        assert a_case().shown(request).balance
        assert a_case().shown(request.model_copy(update={"document": note})).balance is None


class TestTold:
    def test_money_that_moved_is_news_and_no_money_is_none(self) -> None:
        quiet, part = a_case(), a_case(money=Statement(paid=Decimal(50)))
        request = an_invoice("INV-7")
        before, after = news(quiet.shown(request)), news(part.shown(request))
        assert before == "sent"
        assert after != before
        assert is_of_money(after, before)

    def test_another_status_is_more_than_money(self) -> None:
        case = a_case(payment=PaymentStatus.PAID)
        told = news(case.shown(an_invoice("INV-7")))
        assert told.startswith("paid money ")
        assert not is_of_money(told, "sent")

    def test_its_notice_has_a_type_of_its_own(self) -> None:
        state = a_case(money=Statement(paid=Decimal(50))).shown(an_invoice("INV-7"))
        at = datetime(2026, 6, 30, tzinfo=UTC)
        told = notice(state, "run", 2, at, money=True)
        assert told.type == "invoice.money"
        balance = told.data["balance"]
        assert isinstance(balance, dict)
        assert (balance["paid"], balance["left"]) == ("50", "71.00")

"""What may be asked of an amendment, and when: without a server."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from invoicing.credits.amend import (
    Amend,
    AmendCase,
    AmendInput,
    AmendStatus,
    digest,
    is_credited,
    refuse_amendment,
    why_not_begun,
    with_precedent,
)
from invoicing.credits.case import Credits, CreditsStatus, CreditState
from invoicing.credits.credit import Left, LineLeft, RateLeft, Sums
from invoicing.document import Precedent, VatCategory
from invoicing.errors import InvalidRequest, TooLarge
from invoicing.request import Goal
from invoicing.state.bounds import REQUEST, carried, stored
from tests.examples import a_line, an_invoice

WHO = {"by": "an operator", "reason": "the address was wrong"}


def wanted(name: str = "A1", reference: str = "NEW-1", **changes: Any) -> Amend:
    more = {key: changes.pop(key) for key in ("reason", "by", "proven") if key in changes}
    new = an_invoice(reference, **changes)
    return Amend.model_validate({"amendment": name, "invoice": new, **WHO, **more})


OTHER = {"lines": (a_line(1, quantity=Decimal(1)),)}


def left(gross: str = "0", units: str = "0", amount: str = "0") -> Left:
    sums = Sums(net=Decimal(gross), gross=Decimal(gross))
    return Left(
        currency="EUR",
        lines=(LineLeft(id="1", units=Decimal(units), amount=Decimal(amount)),),
        rates=(RateLeft(category=VatCategory.STANDARD, rate="21", sums=sums),),
        sums=sums,
    )


def known(became: Any = "", name: str = "C1", **of: str) -> Credits:
    note = CreditState(
        credit=name,
        reference=f"OLD#{name}",
        became=became or "credited",
        sums=Sums(),
        day=date(2026, 6, 30),
    )
    notes = (note,) if became else ()
    return Credits(reference="OLD", status=CreditsStatus.OPEN, left=left(**of), credits=notes)


def test_the_same_is_known_again_whoever_asks_and_other_content_is_not() -> None:
    first = wanted()
    assert digest(first) == digest(wanted(by="a colleague", proven="bert"))
    assert digest(first) != digest(wanted(document=OTHER))
    assert digest(first) != digest(wanted(reason="another"))
    assert digest(first) != digest(wanted(reference="NEW-2"))


def test_while_it_goes_on_nothing_else_is_taken() -> None:
    case = AmendCase(wanted=wanted(), step=AmendStatus.MAKING)
    assert case.why_not(wanted()) == ""
    assert "with other content" in case.why_not(wanted(document=OTHER))
    assert "A1 of it is under way" in case.why_not(wanted("A2"))


def test_once_the_new_invoice_is_missing_its_content_may_change_and_its_reference_may_not() -> None:
    case = AmendCase(wanted=wanted(), step=AmendStatus.MAKING, credited=True)
    case.stop("it was refused")
    assert case.status is AmendStatus.NEEDS_ATTENTION
    assert case.why_not(wanted(document=OTHER)) == ""
    assert "keep that reference" in case.why_not(wanted(reference="NEW-2"))
    assert "waits to be amended again" in case.why_not(wanted("A2"))
    case.end(AmendStatus.CREDITED)
    assert case.why_not(wanted(document=OTHER)) == ""
    assert "keep that reference" in case.why_not(wanted(reference="NEW-2"))
    case.go_on(wanted(document=OTHER))
    assert (case.status, case.credited, case.stopped) == (AmendStatus.MAKING, True, "")


def test_what_is_made_stays_and_what_came_to_nothing_may_be_asked_for_anew() -> None:
    case = AmendCase(wanted=wanted())
    case.end(AmendStatus.AMENDED)
    assert "with other content" in case.why_not(wanted(document=OTHER))
    assert "amend the new invoice" in case.why_not(wanted("A2"))
    case.end(AmendStatus.REFUSED, "no")
    assert case.why_not(wanted("A2", "NEW-2")) == ""


def test_the_new_invoice_gets_another_reference_only_where_its_own_stands_for_something_else() -> (
    None
):
    case = AmendCase(wanted=wanted("A1", "NEW-1"), credited=True, tried=("x",))
    case.stop("it is refused")
    assert "keep that reference" in case.why_not(wanted("A1", "NEW-2"))
    case.stop("it stands for something else", taken=True)
    assert case.why_not(wanted("A1", "NEW-2")) == ""
    case.go_on(wanted("A1", "NEW-2"))
    assert (case.wanted.invoice.reference, case.tried, case.taken) == ("NEW-2", (), False)
    case.stop("it is refused")
    assert "keep that reference" in case.why_not(wanted("A1", "NEW-1"))


@pytest.mark.parametrize(
    ("of", "whole"),
    [
        ({}, True),
        ({"gross": "0.01"}, False),
        ({"units": "1"}, False),
        ({"amount": "-1"}, False),
    ],
)
def test_an_invoice_is_credited_when_nothing_is_left_of_any_line_or_rate(
    of: dict[str, str], whole: bool
) -> None:
    assert is_credited(known(**of)) is whole
    assert not is_credited(known().model_copy(update={"left": None}))


@pytest.mark.parametrize(
    ("there", "why"),
    [
        (known(gross="1"), ""),
        (known("credited", gross="1"), ""),
        (known("released", gross="1"), ""),
        (known("reserved", gross="1"), "credit C1 of it is under way"),
        (known("released", "A1", gross="1"), "choose another name"),
        (known(), "nothing is left of it"),
        (known().model_copy(update={"left": None}), "can be credited now"),
    ],
)
def test_it_is_begun_where_something_is_left_and_nothing_is_under_way(
    there: Credits, why: str
) -> None:
    said = why_not_begun(wanted(), there, None)
    assert why in said
    assert bool(why) is bool(said)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"goal": Goal.DRAFTED}, "invoice.goal"),
        (
            {"document": {"type": "credit_note", "precedents": (Precedent(number="1"),)}},
            "invoice.document.type",
        ),
    ],
)
def test_what_is_no_invoice_in_its_place_is_refused(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError, match=field):
        wanted(**changes)


def test_the_new_invoice_needs_a_reference_of_its_own() -> None:
    with pytest.raises(InvalidRequest, match=r"invoice\.reference"):
        refuse_amendment("NEW-1", wanted())
    refuse_amendment("OLD-1", wanted())
    refuse_amendment("OLD", wanted(reference="OLD-1#A1"))


@pytest.mark.parametrize("reference", ["OLD-1#A1", "OLD-1#C2"])
def test_the_new_invoice_is_not_called_as_a_credit_note_of_the_old_one(reference: str) -> None:
    """Once the credit has that reference nobody could make the new invoice, or choose another."""
    with pytest.raises(InvalidRequest, match="a credit note of OLD-1 is called"):
        refuse_amendment("OLD-1", wanted(reference=reference))


def test_the_largest_that_is_taken_can_be_carried_into_the_next_run_and_a_larger_one_is_not() -> (
    None
):
    text = "x" * 1000
    lines = tuple(a_line(each, description=text) for each in range(1, 550))
    largest = wanted(document={"lines": lines})
    refuse_amendment("OLD-1", largest)
    assert stored(largest.invoice) > REQUEST * 0.9
    case = AmendCase(wanted=largest, credit=largest.credit(), precedent=Precedent(number="7"))
    case.stop("x" * 1000)
    assert carried(AmendInput(reference="OLD-1", resumed=case)) == 0
    more = tuple(a_line(each, description=text) for each in range(1, 650))
    with pytest.raises(TooLarge, match="this request is too large"):
        refuse_amendment("OLD-1", wanted(document={"lines": more}))


def test_the_old_invoice_is_named_unless_others_are() -> None:
    old, request = Precedent(number="7"), wanted().invoice
    assert with_precedent(request, old).document.precedents == (old,)
    assert with_precedent(request, None) is request
    other = Precedent(number="6")
    named = wanted(document={"precedents": (other,)}).invoice
    assert with_precedent(named, old).document.precedents == (other,)


def test_a_credit_takes_all_that_is_left_under_the_amendments_name() -> None:
    credit = wanted(proven="anna").credit()
    assert (credit.credit, credit.whole, credit.reason) == ("A1", True, WHO["reason"])
    assert (credit.by, credit.proven) == ("an operator", "anna")

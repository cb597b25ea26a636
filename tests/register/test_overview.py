"""How it goes: what was asked for in a period, by day and status, and what it comes to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Engine

from invoicing.books.booked import Wanted
from invoicing.books.periods import Period
from register import Books
from register.database import for_reading
from register.overview import overview
from tests.register.said import NOON, a_claim, a_record, a_row, lines
from tests.tiers import detail

GROSS = Decimal("121.00")
TODAY = date(2026, 7, 15)
DUE = date(2026, 7, 1)
MIDNIGHT = NOON.replace(hour=0)
ROWS: dict[str, tuple[datetime, dict[str, Any]]] = {
    "A-1": (MIDNIGHT, {"payment": "paid", "paid": GROSS, "status": "paid", "due_date": DUE}),
    "A-2": (MIDNIGHT + timedelta(hours=23, minutes=59), {"due_date": DUE}),
    "A-3": (MIDNIGHT + timedelta(days=1), {"due_date": TODAY}),
    "A-4": (NOON + timedelta(days=1), {"number": None, "status": "drafted", "due_date": DUE}),
    "A-5": (NOON, {"payment": "partly_paid", "paid": None, "due_date": DUE}),
    "A-6": (NOON, {"credited": Decimal("21.00"), "paid": Decimal(50), "due_date": DUE}),
    "A-7": (NOON, {"status": "credited", "credited": GROSS, "due_date": DUE}),
    # More than it comes to is no debt of somebody else's.
    "A-8": (NOON, {"credited": GROSS, "paid": Decimal(50), "due_date": DUE}),
    "B-1": (NOON, {"currency": "JPY", "gross": Decimal(500), "due": Decimal(500)}),
    "BEFORE": (MIDNIGHT - timedelta(microseconds=1), {}),
    "AFTER": (MIDNIGHT + timedelta(days=2), {}),
}
YEN = {"net": Decimal(450), "vat": Decimal(50), "paid": Decimal(0), "vat_rows": ()}


@pytest.fixture
async def reader(place: str, books: Books) -> AsyncIterator[Engine]:
    for reference, (began, row) in ROWS.items():
        await books.claim(a_claim(reference))
        more = YEN if row.get("currency") == "JPY" else {}
        given = {"number": f"N-{reference}", **row, **more}
        call = a_record(lines(1, 1), a_row(**given), reference=reference)
        await books.record(call.model_copy(update={"began": began}))
    engine = for_reading(place)
    yield engine
    engine.dispose()


ASKED = Period(date(2026, 6, 1), date(2026, 6, 2))


def test_each_day_is_counted_by_the_status_that_its_invoices_have_now(reader: Engine) -> None:
    found = overview(reader, Wanted(), ASKED, TODAY)
    assert {(f"{each.day:%d}", each.status): each.invoices for each in found.days} == {
        ("01", "paid"): 1,
        ("01", "sent"): 5,
        ("01", "credited"): 1,
        ("02", "sent"): 1,
        ("02", "drafted"): 1,
    }


def test_what_it_comes_to_is_told_by_currency(reader: Engine) -> None:
    euros, yen = overview(reader, Wanted(), ASKED, TODAY).money
    assert (euros.currency, euros.invoices, euros.paid_unknown) == ("EUR", 8, 1)
    assert (euros.asked, euros.final) == (8 * GROSS, 7 * GROSS)
    assert (euros.paid, euros.credited) == (Decimal(221), Decimal(263))
    # A-2 whole, A-5 whole for nobody knows how much was paid, and 50.00 of A-6.
    assert euros.overdue == 2 * GROSS + 50
    assert (yen.currency, yen.asked, yen.overdue) == ("JPY", Decimal(500), Decimal(0))


async def test_what_credit_notes_have_taken_back_is_owed_no_more(
    reader: Engine, books: Books
) -> None:
    for of, gross in (("A-2", GROSS), ("A-6", Decimal(20)), ("A-6", Decimal(10))):
        name = f"{of}#{gross}"
        await books.claim(a_claim(name))
        note = a_row(credit_note=True, credits=of, number=name, gross=gross)
        await books.record(a_record(lines(1, 1), note, reference=name))
    euros, _ = overview(reader, Wanted(), ASKED, TODAY).money
    # A-5 whole, and 20.00 of A-6.
    assert euros.overdue == GROSS + 20


@detail
def test_it_is_told_of_what_is_wanted_alone(reader: Engine) -> None:
    found = overview(reader, Wanted(prefixes=("B-",)), ASKED, TODAY)
    assert [each.currency for each in found.money] == ["JPY"]
    assert sum(each.invoices for each in found.days) == 1
    none = overview(reader, Wanted(accounts=("invoro",)), ASKED, TODAY)
    assert (none.days, none.money) == ((), ())


@detail
async def test_how_long_it_took_to_be_sent_is_told_by_provider(
    place: str, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From asked for to the first line in which it is sent, or delivered, or paid."""
    for number in range(1, 21):
        reference = f"T-{number}"
        await books.claim(a_claim(reference))
        told = (*lines(1, 1, "drafted"), *lines(60 * number, 60 * number + 1, "sent"))
        told = tuple(each.model_copy(update={"sequence": n}) for n, each in enumerate(told, 1))
        call = a_record(told, a_row(provider="mollie"), reference=reference)
        await books.record(call.model_copy(update={"began": NOON}))
    for reference, provider, statuses in (
        ("Q-1", "quiddly", ("drafted", "paid")),
        ("Q-2", "quiddly", ("drafted",)),
    ):
        await books.claim(a_claim(reference))
        told = tuple(lines(n, n, status)[0] for n, status in enumerate(statuses, 1))
        call = a_record(told, a_row(statuses[-1], provider=provider), reference=reference)
        await books.record(call.model_copy(update={"began": NOON}))
    engine = for_reading(place)
    mollie, quiddly = overview(engine, Wanted(), ASKED, TODAY).sent_in
    monkeypatch.setattr("register.overview.MOST_TIMED", 5)
    bounded = overview(engine, Wanted(prefixes=("T-",)), ASKED, TODAY).sent_in
    assert [each.invoices for each in bounded] == [5]
    engine.dispose()
    assert (mollie.provider, mollie.invoices, mollie.p50, mollie.p95) == ("mollie", 20, 600, 1140)
    assert (quiddly.provider, quiddly.invoices, quiddly.p50, quiddly.p95) == ("quiddly", 1, 2, 2)

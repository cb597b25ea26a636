"""Lists of the register: what fits, page by page, and what it comes to."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Engine

from invoicing.books.booked import BadCursor, Entry, Wanted
from invoicing.books.periods import Period
from register import Books
from register.database import for_reading
from register.lists import page, totals, worths
from starter import Code
from tests.command_line import lines as printed
from tests.command_line import typed
from tests.register.said import NOON, a_claim, a_record, a_row, lines
from tests.register.test_export import rated
from tests.tiers import detail

DAY = date(2026, 6, 15)
GROSS = Decimal("121.00")

ROWS: dict[str, dict[str, Any]] = {
    "JUNE-1": {"payment": "paid", "paid": GROSS, "ended": True, "status": "paid"},
    "JUNE-2": {"due_date": date(2026, 7, 1), "buyer": "Müller 100%"},
    "JUNE-3": {
        "due_date": date(2026, 7, 31),
        "account": "belgium",
        "provider": "invoro",
        "charged_back": GROSS,
        "left_to_pay": GROSS,
        "collection": "reminder 1",
    },
    "june-4": {"number": None, "status": "drafted", "due_date": date(2026, 7, 1)},
    "MAY-5": {
        "issue_date": date(2026, 5, 31),
        "currency": "USD",
        "number": "X-5",
        "too_much": Decimal("0.01"),
    },
    "MAY-6": {
        "issue_date": date(2026, 5, 1),
        "payment": "partly_paid",
        "paid": None,
        "status": "credited",
        "ended": True,
        "credited": GROSS,
        "due_date": date(2026, 6, 1),
    },
}


@pytest.fixture
async def reader(place: str, books: Books) -> AsyncIterator[Engine]:
    for count, (reference, row) in enumerate(ROWS.items()):
        await books.claim(a_claim(reference))
        given = {"issue_date": DAY, "number": f"N-{count}", **row}
        call = a_record(lines(1, 1), a_row(**given), reference=reference)
        # Two began in the same moment.
        began = NOON + timedelta(minutes=count // 2)
        await books.record(call.model_copy(update={"began": began}))
    engine = for_reading(place)
    yield engine
    engine.dispose()


FILTERS: list[tuple[dict[str, Any], set[str]]] = [
    ({}, set(ROWS)),
    ({"provider": "invoro"}, {"JUNE-3"}),
    ({"account": "belgium"}, {"JUNE-3"}),
    ({"status": "drafted"}, {"june-4"}),
    ({"payment": "paid"}, {"JUNE-1"}),
    ({"prefix": "JUNE-"}, {"JUNE-1", "JUNE-2", "JUNE-3"}),
    ({"prefix": "%"}, set()),
    ({"prefixes": ("MAY-", "june")}, {"MAY-5", "MAY-6", "june-4"}),
    ({"accounts": ("invoro",)}, {"JUNE-3"}),
    ({"accounts": ("mollie/belgium", "invoro/belgium")}, {"JUNE-3"}),
    ({"accounts": ("mollie/belgium",)}, set()),
    ({"accounts": ("mollie/default",), "prefixes": ("JUNE",)}, {"JUNE-1", "JUNE-2"}),
    ({"currency": "USD"}, {"MAY-5"}),
    ({"buyer": "MÜLLER"}, {"JUNE-2"}),
    ({"buyer": "JUNE-2"}, set()),
    ({"among": ("JUNE-1", "MAY-5", "no-such")}, {"JUNE-1", "MAY-5"}),
    ({"among": ()}, set()),
    ({"text": "müller"}, {"JUNE-2"}),
    ({"text": "0%"}, {"JUNE-2"}),
    ({"text": "x-5"}, {"MAY-5"}),
    ({"text": "E-"}, {"JUNE-1", "JUNE-2", "JUNE-3", "june-4"}),
    ({"running": False}, {"JUNE-1", "MAY-6"}),
    ({"running": True}, set(ROWS) - {"JUNE-1", "MAY-6"}),
    ({"due_before": date(2026, 7, 1)}, {"MAY-6"}),
    ({"overdue_on": date(2026, 7, 2)}, {"JUNE-2"}),
    ({"overdue_on": date(2026, 7, 1)}, set()),
    ({"went_back": True}, {"JUNE-3"}),
    ({"too_much": True}, {"MAY-5"}),
    ({"period": Period.month("2026-05")}, {"MAY-5", "MAY-6"}),
    ({"period": Period.month("2026-05"), "running": True}, {"MAY-5"}),
]


async def test_what_is_asked_for_is_found_and_nothing_else(reader: Engine) -> None:
    for given, wanted in FILTERS:
        found = page(reader, Wanted(**given), 100)
        assert {each.reference for each in found.rows} == wanted, given
        assert found.next is None


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({"amount_from": "121.00", "amount_to": "121"}, {*ROWS}),
        ({"amount_from": "121.001"}, {"YEN"}),
        ({"amount_to": "120.99"}, {"DINAR"}),
        ({"amount_from": "1499.5", "amount_to": "1500.5"}, {"YEN"}),
        ({"amount_from": "1500.5"}, set()),
        ({"amount_from": "1.125", "amount_to": "1.125"}, {"DINAR"}),
        ({"amount_from": "1", "amount_to": "2000", "currency": "JPY"}, {"YEN"}),
        ({"amount_from": "999999999999999"}, set()),
        ({"amount_to": "-999999999999999"}, set()),
    ],
)
async def test_amounts_are_bounded_in_each_invoice_s_own_currency(
    reader: Engine, books: Books, given: dict[str, str], wanted: set[str]
) -> None:
    for reference, currency, gross in (("YEN", "JPY", "1500"), ("DINAR", "KWD", "1.125")):
        amounts: dict[str, Any] = dict.fromkeys(("net", "gross", "due"), Decimal(gross))
        row = a_row(currency=currency, vat=Decimal(0), vat_rows=(), **amounts)
        await books.claim(a_claim(reference))
        await books.record(a_record(lines(1, 1), row, reference=reference))
    found = page(reader, Wanted.model_validate(given), 100)
    assert {each.reference for each in found.rows} == wanted


async def test_what_each_is_worth_is_what_is_due_or_else_its_gross(
    reader: Engine, books: Books
) -> None:
    order = a_row(due=Decimal("7.00"))
    await books.claim(a_claim("ORDER", kind="order"))
    await books.record(a_record(lines(1, 1), order, "ORDER", kind="order"))
    unknown: dict[str, dict[str, Any]] = {
        "NONE": {"due": None, "gross": None},
        "GROSS": {"due": None},
    }
    for reference, amounts in unknown.items():
        await books.claim(a_claim(reference))
        await books.record(a_record(lines(1, 1), a_row(**amounts), reference))
    among = ("NONE", "GROSS", "MAY-5", "ORDER")
    found = worths(reader, Wanted(among=among))
    said = {each.reference: (each.amount, each.currency) for each in found}
    assert said == {"GROSS": (GROSS, "EUR"), "MAY-5": (GROSS, "USD")}
    (one,) = worths(reader, Wanted(among=among, kind="order"))
    assert (one.reference, one.amount) == ("ORDER", Decimal("7.00"))
    (one,) = worths(reader, Wanted(among=among, prefixes=("MAY",)))
    assert one.reference == "MAY-5"


async def test_money_that_went_back_is_in_the_list(reader: Engine) -> None:
    (one,) = page(reader, Wanted(went_back=True), 100).rows
    assert (one.charged_back, one.left_to_pay, one.too_much) == (GROSS, GROSS, None)
    assert one.collection == "reminder 1"


@pytest.mark.parametrize(
    ("changes", "overdue"),
    [
        ({"payment": "partly_paid", "paid": Decimal("50.00")}, True),
        ({"payment": "reversed", "paid": Decimal("0.00"), "returned": GROSS}, True),
        ({"payment": "paid", "paid": GROSS}, False),
        ({"due": Decimal("0.00")}, False),
        ({"due": Decimal("-20.00")}, False),
    ],
)
async def test_what_is_not_paid_in_full_is_overdue_unless_nothing_is_to_be_paid(
    place: str, books: Books, changes: dict[str, Any], overdue: bool
) -> None:
    await books.claim(a_claim("INV-7"))
    row = a_row(due_date=date(2026, 6, 1), number="N-1", **changes)
    await books.record(a_record(lines(1, 1), row, reference="INV-7"))
    engine = for_reading(place)
    found = page(engine, Wanted(overdue_on=date(2026, 6, 2)), 100).rows
    engine.dispose()
    assert bool(found) is overdue


@pytest.mark.parametrize(
    ("changes", "left"),
    [
        ({}, Decimal("121.00")),
        ({"paid": Decimal("20.50"), "credited": Decimal("0.50")}, Decimal("100.00")),
        ({"paid": None, "payment": "partly_paid"}, None),
        ({"paid": GROSS, "left_to_pay": Decimal("5.00")}, Decimal("5.00")),
        ({"number": None}, None),
        ({"credit_note": True}, None),
    ],
)
async def test_what_is_left_is_what_is_due_less_what_came_in_and_was_taken_back(
    place: str, books: Books, changes: dict[str, Any], left: Decimal | None
) -> None:
    await books.claim(a_claim("INV-7"))
    await books.record(a_record(lines(1, 1), a_row(**changes), reference="INV-7"))
    engine = for_reading(place)
    (one,) = page(engine, Wanted(), 1).rows
    engine.dispose()
    assert one.left == left


async def test_pages_have_each_once_the_latest_first(reader: Engine) -> None:
    for size in (1, 2, 4):
        found: list[Entry] = []
        after = None
        while True:
            part = page(reader, Wanted(), size, after)
            found += part.rows
            after = part.next
            if after is None:
                break
            assert len(part.rows) == size
        assert {each.reference for each in found} == set(ROWS)
        assert len(found) == len(ROWS)
        began = [each.began_at for each in found]
        assert began == sorted(began, reverse=True)


async def test_a_credit_note_counts_as_what_it_takes_back_and_is_never_overdue(
    reader: Engine, books: Books
) -> None:
    before = totals(reader, Wanted())[0]
    # Not every provider's has a number of its own; one that came to nothing counts for nothing.
    stands: tuple[dict[str, Any], ...] = ({"number": "CN-1"}, {"number": None})
    nothing = {"number": None, "stage": "none", "status": "abandoned"}
    for place, more in enumerate((*stands, nothing)):
        name = f"A-1-C{place}"
        await books.claim(a_claim(name))
        note = a_row(credit_note=True, credits="A-1", due_date=date(2026, 1, 1), **more)
        await books.record(a_record(lines(1, 1), note, reference=name))
    after = totals(reader, Wanted())[0]
    assert (before.credit_notes, after.credit_notes) == (0, 2)
    assert after.credited == before.credited + 2 * GROSS
    gone = {"credited", "credit_notes"}
    assert after.model_dump(exclude=gone) == before.model_dump(exclude=gone)
    overdue = page(reader, Wanted(overdue_on=date(2030, 1, 1)), 100).rows
    assert not [each for each in overdue if each.credit_note]
    (one,) = page(reader, Wanted(prefix="A-1-C0"), 10).rows
    assert (one.credit_note, one.credits) == (True, "A-1")


@pytest.mark.parametrize(
    ("note", "overdue"),
    [
        ({"number": "CN-1"}, False),
        ({"number": None, "stage": "sent"}, False),
        ({"number": "CN-1", "gross": Decimal("120.99")}, True),
        ({"number": None, "stage": "drafted"}, True),
        ({"number": "CN-1", "credits": "another"}, True),
    ],
)
async def test_what_credit_notes_have_taken_back_is_not_overdue(
    reader: Engine, books: Books, note: dict[str, Any], overdue: bool
) -> None:
    late = Wanted(overdue_on=date(2026, 7, 2))
    assert [each.reference for each in page(reader, late, 10).rows] == ["JUNE-2"]
    await books.claim(a_claim("JUNE-2#C1"))
    row = a_row(**{"credit_note": True, "credits": "JUNE-2", **note})
    await books.record(a_record(lines(1, 1), row, reference="JUNE-2#C1"))
    assert bool(page(reader, late, 10).rows) is overdue


async def test_a_part_that_was_paid_and_a_part_that_was_taken_back_leave_nothing_overdue(
    reader: Engine, books: Books
) -> None:
    row: dict[str, Any] = {
        "issue_date": DAY,
        "due_date": date(2026, 7, 1),
        "number": "N-9",
        "paid": Decimal(100),
    }
    await books.claim(a_claim("JUNE-9"))
    await books.record(a_record(lines(1, 1), a_row(**row), reference="JUNE-9"))
    late = Wanted(overdue_on=date(2026, 7, 2), text="JUNE-9")
    for name, rest in (("C1", 1), ("C2", 0)):
        assert len(page(reader, late, 10).rows) == 1
        note = a_row(credit_note=True, credits="JUNE-9", number=name, gross=Decimal("10.50"))
        await books.claim(a_claim(f"JUNE-9#{name}"))
        await books.record(a_record(lines(1, 1), note, reference=f"JUNE-9#{name}"))
        assert len(page(reader, late, 10).rows) == rest


@pytest.mark.parametrize("cursor", ["x", "!!", "MjAyNg", "/" * 9])
async def test_a_cursor_that_no_list_gave_is_refused(reader: Engine, cursor: str) -> None:
    with pytest.raises(BadCursor):
        page(reader, Wanted(), 10, cursor)


async def test_totals_are_by_currency_and_rate_of_what_is_final(
    reader: Engine, books: Books
) -> None:
    await books.claim(a_claim("two"))
    two = rated(("21", "100.00", "21.00"), ("9", "10.00", "0.90"))
    await books.record(a_record(lines(1, 1), a_row(vat_rows=two), reference="two"))
    euro, dollar = totals(reader, Wanted())
    assert (euro.currency, euro.invoices, euro.gross) == ("EUR", 5, GROSS * 5)
    assert (euro.paid, euro.paid_unknown, euro.credited) == (GROSS, 1, GROSS)
    assert [(each.rate, each.taxable, each.vat) for each in euro.rates] == [
        ("21", Decimal("500.00"), Decimal("105.00")),
        ("9", Decimal("10.00"), Decimal("0.90")),
    ]
    assert (dollar.currency, dollar.invoices, dollar.vat) == ("USD", 1, Decimal("21.00"))
    assert totals(reader, Wanted(prefix="none")) == ()


# --- as it is typed -------------------------------------------------------------------------------


@detail
async def test_the_list_reads_the_register_where_there_is_one(place: str, reader: Engine) -> None:
    """Without any server of Temporal's."""
    here = {"INVOICING_REGISTER_AT": place}
    said = await typed("list", "--json", "--limit", "4", **here)
    assert said.exit_code == Code.DONE, said.output
    first = printed(said)
    cursor = said.stderr.split()[-1]
    said = await typed("list", "--json", "--limit", "4", "--after", cursor, **here)
    rest = printed(said)
    assert [len(first), len(rest), said.stderr] == [4, 2, ""]
    assert {row["reference"] for row in (*first, *rest)} == set(ROWS)
    assert {row["gross"] for row in first} == {"121.00"}
    table = await typed("list", "--search", "MÜLLER", **here)
    assert "Müller 100%" in table.stdout
    assert "JUNE-1" not in table.stdout
    sums = await typed("list", "--totals", "--month", "2026-05", "--json", **here)
    assert [json.loads(line)["currency"] for line in sums.stdout.splitlines()] == ["EUR", "USD"]
    csv = await typed("list", "--csv", "--columns", "reference,gross", "--ended", **here)
    assert csv.stdout.splitlines() == ["reference,gross", "MAY-6,121.00", "JUNE-1,121.00"]


@pytest.mark.parametrize(
    ("arguments", "configured", "why"),
    [
        (("--went-back",), False, "There is no register here"),
        (("--totals", "--stuck"), True, "The register does not know what waits"),
        (("--after", "x"), True, "--after: this is not what a list gave"),
        (("--columns", "waiting_for"), True, "No such column: waiting_for. There are: reference"),
    ],
)
async def test_what_the_register_cannot_answer_is_said(
    place: str, books: Books, arguments: tuple[str, ...], configured: bool, why: str
) -> None:
    given = {"INVOICING_REGISTER_AT": place} if configured else {}
    said = await typed("list", *arguments, **given)
    assert said.exit_code == Code.BAD_INPUT
    assert why in said.stderr

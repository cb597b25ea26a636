"""Each kind of disagreement, seeded: found once, said in words, closed by a run or by a person."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from invoicing.books.reconciling import (
    TO_DO,
    FindingKind,
    FinishCall,
    Found,
    PageCall,
    Reconciled,
    RestCall,
    Scope,
    SettleCall,
)
from invoicing.provider import Echo, PaymentStatus, Snapshot, Stage
from invoicing.provider.listing import Listed
from invoicing.state.identity import credits_id
from invoicing.state.recording import Row
from register import Books
from register.database import made
from register.reconciling.kept import NoFinding, closed, every
from tests.register.said import NOON, a_claim, a_record, a_row, lines
from tests.tiers import detail

SAYS = Echo(
    currency="EUR",
    net=Decimal("100.00"),
    vat={"21": Decimal("21.00"), "0": Decimal(0)},
    gross=Decimal("121.00"),
    issue_date="2026-06-01",
    due_date="2026-07-01",
    buyer="buyer-1",
    reference="INV-7",
)
LATER = NOON + timedelta(days=1)


def a_scope(run: str = "one", **changes: Any) -> Scope:
    given = {
        "run": run,
        "provider": "mollie",
        "account": "default",
        "since": date(2026, 5, 1),
        "until": date(2026, 6, 30),
        "began": LATER,
    }
    return Scope.model_validate({**given, **changes})


def there(reference: str | None = "INV-7", identity: str = "id-1", **changes: Any) -> Listed:
    """As the provider lists it, all as the register has it."""
    credits_ = changes.pop("credits", None)
    echo = SAYS.model_copy(update={"reference": reference, **changes.pop("echo", {})})
    given = {
        "provider_id": identity,
        "stage": Stage.SENT,
        "payment": PaymentStatus.UNPAID,
        "number": "2026-1",
        "echo": echo,
        "reference": reference,
    }
    return Listed(invoice=Snapshot.model_validate({**given, **changes}), credits=credits_)


async def here(books: Books, reference: str = "INV-7", **changes: Any) -> Row:
    """The register has it, ended."""
    row = a_row(**{"ended": True, "says": SAYS, **changes})
    assert (await books.claim(a_claim(reference))).word
    assert await books.record(a_record(lines(1, 1, row.status), row, reference))
    return row


class Drill:
    """Reconciles, as the workflow does, with a provider that is a list."""

    def __init__(self, books: Books, place: str) -> None:
        self.books = books
        self.engine = made(place)
        self.reads = 0
        self._runs = 0

    async def run(self, *items: Listed, whole: bool = True, **rest: Any) -> Reconciled:
        self._runs += 1
        scope = a_scope(f"run {self._runs}", **rest.pop("scope", {}))
        looked = {item.invoice.provider_id: item.invoice for item in items}
        looked |= rest.pop("looked", {})
        told_all = rest.pop("told_all", True)
        for item in items:
            await self.books.compare_page(PageCall(scope=scope, items=(item,)))
        await self.books.compare_rest(RestCall(scope=scope, whole=whole, **rest))
        reads = 0
        while targets := (await self.books.suspects(scope)).targets:
            for target in targets:
                identity = target.provider_id or ""
                gone = Snapshot(provider_id=identity, stage=Stage.DELETED)
                snapshot = looked.get(identity, gone)
                told = SettleCall(scope=scope, provider_id=identity, snapshot=snapshot)
                await self.books.settle(told)
                reads += 1
        self.reads += reads
        done = FinishCall(
            scope=scope, whole=whole, told_all=told_all, pages=len(items), reads=reads
        )
        again = await self.books.finish(done)
        assert await self.books.finish(done) == again
        return again

    def all(self, **fits: Any) -> list[Found]:
        return list(every(self.engine, **fits))

    def kinds(self) -> list[str]:
        return sorted(one.kind for one in self.all())


@pytest.fixture
def drill(books: Books, place: str) -> Iterable[Drill]:
    one = Drill(books, place)
    yield one
    one.engine.dispose()


def test_every_kind_says_what_to_do() -> None:
    assert TO_DO.keys() == set(FindingKind)


async def test_what_agrees_is_no_finding_and_is_read_by_nobody(books: Books, drill: Drill) -> None:
    await here(books)
    done = await drill.run(there())
    assert (done.found, done.reads, done.listed, done.whole) == ({}, 0, 1, True)
    assert drill.all() == []


SEEDED: dict[FindingKind, tuple[dict[str, Any], dict[str, Any], str]] = {
    FindingKind.AMOUNT: ({}, {"echo": {"gross": Decimal("121.01")}}, "121.01"),
    FindingKind.VAT: ({}, {"echo": {"vat": {"21": Decimal("20.99")}}}, "21 %"),
    FindingKind.DATES: ({}, {"echo": {"due_date": "2026-07-02"}}, "2026-07-02"),
    FindingKind.BUYER: ({}, {"echo": {"buyer": "buyer-2"}}, "not the one"),
    FindingKind.STATUS: ({}, {"stage": Stage.DRAFTED}, "final here, and a draft there"),
    FindingKind.PAID_UNSEEN: ({}, {"payment": PaymentStatus.PAID}, "paid there"),
    FindingKind.CREDITED_UNSEEN: ({}, {"stage": Stage.CREDITED}, "credited there"),
    FindingKind.ORPHAN: (
        {"status": "cancelled", "stage": "deleted", "number": None},
        {"stage": Stage.DRAFTED},
        "a draft there",
    ),
}


@pytest.mark.parametrize("kind", SEEDED)
async def test_what_differs_is_read_once_and_found(
    books: Books, drill: Drill, kind: FindingKind
) -> None:
    ours, theirs, said = SEEDED[kind]
    await here(books, **ours)
    done = await drill.run(there(**theirs))
    (finding,) = drill.all()
    assert (finding.kind, finding.reference, finding.provider_id) == (kind, "INV-7", "id-1")
    assert said in finding.what
    assert "buyer-" not in finding.what
    assert (done.found, done.reads, done.new) == ({kind: 1}, 1, 1)


async def test_what_a_look_does_not_confirm_is_no_finding(books: Books, drill: Drill) -> None:
    await here(books)
    odd = there(echo={"gross": Decimal("120.00")})
    done = await drill.run(odd, looked={"id-1": there().invoice})
    assert (done.reads, drill.all()) == (1, [])


async def test_what_nobody_asked_for_is_found_without_a_look(books: Books, drill: Drill) -> None:
    await here(books)
    done = await drill.run(there(), there(None, "id-2"), there("OTHER", "id-3"))
    assert drill.kinds() == [FindingKind.UNKNOWN_HERE] * 2
    assert done.reads == 0


async def test_what_is_claimed_and_not_yet_written_down_is_known(
    books: Books, drill: Drill
) -> None:
    await books.claim(a_claim())
    await drill.run(there())
    assert drill.all() == []


async def test_the_providers_own_credit_of_ours_is_known(books: Books, drill: Drill) -> None:
    await here(books, stage="credited", status="credited")
    await drill.run(
        there(stage=Stage.CREDITED), there(None, "id-2", credits="id-1"), there(None, "id-3")
    )
    assert [one.provider_id for one in drill.all()] == ["id-3"]


async def test_a_credit_that_is_a_document_of_its_own_is_found_unless_we_asked_for_it(
    books: Books, drill: Drill
) -> None:
    await here(books)
    await books.claim(a_claim("OURS"))
    await drill.run(there(), there("OURS", "id-2", credits="id-1"))
    await drill.run(there(), there(None, "id-3", credits="id-1", stage=Stage.DRAFTED))
    assert drill.all() == []
    await drill.run(there(), there(None, "id-3", credits="id-1"))
    (finding,) = drill.all()
    assert (finding.kind, finding.reference) == (FindingKind.CREDITED_UNSEEN, "INV-7")


async def test_a_credit_that_was_asked_for_here_is_neither_found_nor_looked_at(
    books: Books, drill: Drill
) -> None:
    await here(books)
    of_ours = {"order": credits_id("INV-7"), "provider_id": "id-9", "number": "CN-1"}
    await here(books, "INV-7-C1", **of_ours)
    note = there("INV-7-C1", "id-9", number="CN-1", credits="id-1")
    done = await drill.run(there(stage=Stage.CREDITED), note)
    assert (drill.all(), done.reads) == ([], 0)


async def test_a_credit_that_came_to_nothing_here_explains_nothing_there(
    books: Books, drill: Drill
) -> None:
    await here(books)
    nothing = {"status": "abandoned", "stage": "none", "provider_id": None, "number": None}
    await here(books, "INV-7-C1", order=credits_id("INV-7"), **nothing)
    await drill.run(there(stage=Stage.CREDITED))
    assert drill.kinds() == [FindingKind.CREDITED_UNSEEN]


async def test_what_is_credited_here_is_only_looked_at_where_no_document_takes_it_back(
    books: Books, drill: Drill
) -> None:
    await here(books, stage="credited", status="credited")
    stands, note = there(), there(None, "id-2", credits="id-1")
    for pages in ((stands, note), (note, stands)):
        done = await drill.run(*pages)
        assert (drill.all(), done.reads) == ([], 0)
    done = await drill.run(stands, there(None, "id-2", credits="id-1", stage=Stage.DRAFTED))
    (finding,) = drill.all()
    assert (finding.kind, done.reads) == (FindingKind.STATUS, 1)
    assert "was credited here, and stands there" in finding.what


async def test_a_note_whose_figures_have_the_other_sign_is_read_only_where_they_differ(
    books: Books, drill: Drill
) -> None:
    await here(books, "INV-7-C1", order=credits_id("INV-7"))
    told = {"net": Decimal(-100), "vat": {"21": Decimal(-21)}, "gross": Decimal(-121)}
    about: dict[str, Any] = {"reference": "INV-7-C1", "credits": "id-0"}
    done = await drill.run(there(**about, echo=told))
    assert done.reads == 0
    done = await drill.run(there(**about, echo={**told, "gross": Decimal("-121.01")}))
    assert done.reads == 1


async def test_a_payment_that_the_invoice_itself_waits_for_is_not_even_looked_at(
    books: Books, drill: Drill
) -> None:
    await here(books, ended=False, goal="paid")
    done = await drill.run(there(payment=PaymentStatus.PAID))
    assert (drill.all(), done.reads) == ([], 0)


async def test_what_the_list_lacks_is_missing_only_when_a_look_says_so(
    books: Books, drill: Drill
) -> None:
    await here(books)
    await drill.run(looked={"id-1": there().invoice})
    assert drill.all() == []
    done = await drill.run()
    assert (drill.kinds(), done.reads) == ([FindingKind.MISSING_THERE], 1)


async def test_nothing_is_missing_in_a_list_that_broke_off(books: Books, drill: Drill) -> None:
    await here(books)
    done = await drill.run(whole=False)
    assert (drill.all(), done.reads) == ([], 0)


async def test_two_that_state_one_reference_are_found_with_both_ids(
    books: Books, drill: Drill
) -> None:
    await here(books)
    await drill.run(there(), there(identity="id-2"))
    (finding,) = drill.all()
    assert finding.kind is FindingKind.TWICE
    assert "id-1, id-2" in finding.what


async def test_a_draft_that_a_cancel_left_under_another_id_is_an_orphan(
    books: Books, drill: Drill
) -> None:
    await here(books, status="cancelled", stage="none", provider_id=None, number=None)
    await drill.run(there(identity="id-2", stage=Stage.DRAFTED))
    (finding,) = drill.all()
    assert (finding.kind, finding.provider_id) == (FindingKind.ORPHAN, "id-2")


async def test_what_was_cut_off_here_and_lives_there_is_found(books: Books, drill: Drill) -> None:
    await here(books, ended=False, status="sent")
    await here(books, "INV-8", provider_id="id-8", number="2026-2")
    eight = there("INV-8", "id-8", number="2026-2")
    await drill.run(there(), eight, cut_off=("INV-7", "INV-8", "INV-9"))
    assert [(one.kind, one.reference) for one in drill.all()] == [(FindingKind.CUT_OFF, "INV-7")]


async def test_an_event_that_nobody_could_place_is_found(drill: Drill) -> None:
    await drill.run(whole=False, unplaced=("event/mollie/default/e1",))
    assert drill.kinds() == [FindingKind.EVENT_UNPLACED]
    # One that Temporal's list may not have shown is not closed.
    assert (await drill.run(whole=False, told_all=False)).closed == 0
    done = await drill.run(whole=False)
    assert (done.closed, drill.all()) == (1, [])


async def numbered(books: Books, *numbers: str, **changes: Any) -> list[Listed]:
    listed = []
    for place, number in enumerate(numbers):
        reference, identity = f"N-{number}-{place}", f"id-{number}"
        says = SAYS.model_copy(update={"number": number})
        given = {"number": number, "provider_id": identity, "says": says, **changes}
        await here(books, reference, **given)
        listed.append(there(reference, identity, number=number))
    return listed


async def test_a_gap_in_our_own_numbers_is_found_and_closed_when_it_is_filled(
    books: Books, drill: Drill
) -> None:
    seen = await numbered(books, "2026-007", "2026-008", "2026-011", "2026-900", "F-1", "F-01")
    done = await drill.run(*seen)
    (gap,) = drill.all()
    assert (gap.kind, gap.what) == (FindingKind.GAP, "no invoice has 2026-009 to 2026-010")
    assert done.reads == 0
    seen += await numbered(books, "2026-009", "2026-010")
    assert (await drill.run(*seen)).closed == 1


async def test_a_number_of_an_invoice_under_way_is_no_gap(books: Books, drill: Drill) -> None:
    seen = await numbered(books, "07", "09")
    under_way = SAYS.model_copy(update={"number": "08"})
    await here(books, "N-8", number=None, ended=False, says=under_way, provider_id="id-08")
    await drill.run(*seen, there("N-8", "id-08"), scope={"grace": timedelta(days=9)})
    assert drill.all() == []


async def test_numbers_that_the_provider_gives_are_its_own_to_explain(
    books: Books, drill: Drill
) -> None:
    listed = []
    for number in ("07", "09"):
        await here(books, f"N-{number}", number=number, provider_id=f"id-{number}")
        listed.append(there(f"N-{number}", f"id-{number}", number=number))
    await drill.run(*listed)
    assert drill.all() == []


async def test_what_has_just_changed_under_way_is_left_to_settle(
    books: Books, drill: Drill
) -> None:
    await here(books, ended=False)
    odd = there(stage=Stage.DRAFTED)
    await drill.run(odd, scope={"grace": timedelta(days=3)})
    assert drill.all() == []
    await drill.run(odd)
    assert drill.kinds() == [FindingKind.STATUS]


async def test_a_payment_that_is_waited_for_is_the_invoices_own_to_see(
    books: Books, drill: Drill
) -> None:
    await here(books, ended=False, goal="paid")
    await drill.run(there(payment=PaymentStatus.PAID))
    assert drill.all() == []


async def test_found_again_it_is_the_same_finding(books: Books, drill: Drill) -> None:
    await here(books)
    await drill.run(there(payment=PaymentStatus.PAID))
    (first,) = drill.all()
    again = await drill.run(there(payment=PaymentStatus.PAID))
    (second,) = drill.all()
    assert (second.id, second.first_at, again.new) == (first.id, first.first_at, 0)


async def test_a_run_closes_what_it_does_not_find_any_more_and_it_may_come_back(
    books: Books, drill: Drill
) -> None:
    await here(books)
    await drill.run(there(stage=Stage.DRAFTED))
    done = await drill.run(there())
    assert (done.closed, drill.all()) == (1, [])
    (gone,) = drill.all(closed_too=True)
    assert (gone.closed_at, gone.closed_by) == (LATER, None)
    await drill.run(there(stage=Stage.DRAFTED))
    assert drill.kinds() == [FindingKind.STATUS]


async def test_a_run_over_other_days_closes_nothing_of_these(books: Books, drill: Drill) -> None:
    await here(books)
    await drill.run(there(stage=Stage.DRAFTED))
    july = {"since": date(2026, 7, 1), "until": date(2026, 7, 31)}
    assert (await drill.run(scope=july)).closed == 0
    assert (await drill.run(there(), whole=False)).closed == 0
    assert drill.kinds() == [FindingKind.STATUS]


async def test_what_a_person_has_closed_stays_closed_until_something_else_is_wrong(
    books: Books, drill: Drill
) -> None:
    await here(books)
    await drill.run(there(echo={"gross": Decimal("121.01")}))
    (finding,) = drill.all()
    closed(drill.engine, finding.id, "ann", "agreed with them", datetime.now(UTC))
    await drill.run(there(echo={"gross": Decimal("121.01")}))
    assert drill.all() == []
    (kept,) = drill.all(closed_too=True)
    assert (kept.closed_by, kept.reason) == ("ann", "agreed with them")
    await drill.run(there(echo={"gross": Decimal("121.02")}))
    assert drill.kinds() == [FindingKind.AMOUNT]
    with pytest.raises(NoFinding):
        closed(drill.engine, "0" * 16, "ann", "x", datetime.now(UTC))


@detail
async def test_nothing_of_a_list_is_kept_after_the_run(books: Books, drill: Drill) -> None:
    await here(books)
    await drill.run(there())
    with drill.engine.begin() as db:
        assert db.exec_driver_sql("SELECT count(*) FROM listed").scalar() == 0


@detail
async def test_a_page_that_comes_again_is_taken_in_once(books: Books, drill: Drill) -> None:
    await here(books)
    page = PageCall(scope=a_scope(), items=(there(), there(None, "id-2")))
    await books.compare_page(page)
    await books.compare_page(page)
    done = FinishCall(scope=a_scope(), whole=True, pages=1, reads=0)
    assert (await books.finish(done)).listed == 2
    assert len(drill.all()) == 1

"""Credits on a real server: an invoice can be taken back in parts, running or long ended."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from decimal import Decimal

import pytest
from temporalio.service import RPCError

from invoicing.client import Failed, Refused
from invoicing.client.open_still import open_still
from invoicing.credits.case import CreditsStatus
from invoicing.errors import NotFound
from invoicing.request import Goal, InvoiceRequest
from invoicing.state.identity import credits_id, workflow_id
from invoicing.state.invoice import Cancel, Release, Resolve, Status
from invoicing.state.questions import Answer, Reason
from temporal_server import Server
from tests.examples import a_document
from tests.lifecycle.bookkeeper import NAME
from tests.lifecycle.office import TEN, Office, a_credit, office_at, units
from tests.patience import LONG_ENOUGH
from tests.tiers import detail, slow


@pytest.fixture(scope="module")
async def office(server: Server) -> AsyncIterator[Office]:
    async with office_at(server) as made:
        yield made


async def test_units_of_an_invoice_that_has_ended_are_credited_by_a_note_of_its_own(
    office: Office,
) -> None:
    reference = await office.invoiced()
    made = await office.client.credits.make(reference, units("4"))
    note = await asyncio.wait_for(office.client.invoices.result(made.reference), LONG_ENOUGH)
    assert note.status is Status.SENT
    assert note.amounts is not None
    assert note.amounts.net == 50
    state = await office.until(reference, lambda state: state.credits[0].ended)
    assert state.left is not None
    assert [(line.units, line.amount) for line in state.left.lines] == [(Decimal(6), Decimal(75))]
    assert (state.credits[0].became, state.credits[0].number) == ("credited", note.number)
    (kept,) = office.provider.notes(reference)
    invoice = await office.client.invoices.state(reference)
    assert [each.number for each in kept.document.precedents] == [invoice.number]


@detail
async def test_the_whole_rest_comes_to_what_was_invoiced(office: Office) -> None:
    reference = await office.invoiced()
    await office.client.credits.make(reference, units("3"))
    await office.client.credits.make(reference, a_credit("C2", whole=True))
    await office.until(reference, lambda state: all(each.ended for each in state.credits))
    notes = office.provider.notes(reference)
    invoice = await office.client.invoices.state(reference)
    assert invoice.amounts is not None
    assert sum(each.sums.gross for each in notes) == invoice.amounts.gross
    with pytest.raises(Refused, match="nothing is left to credit"):
        await office.client.credits.make(reference, a_credit("C3", whole=True))


@slow
async def test_fifty_credits_at_once_of_ten_units_come_to_ten_and_each_refusal_says_what_is_left(
    office: Office,
) -> None:
    reference = await office.invoiced()
    asked = (office.client.credits.make(reference, units("3", f"C{n}")) for n in range(50))
    answers = await asyncio.gather(*asked, return_exceptions=True)
    refusals = [each for each in answers if isinstance(each, Refused)]
    others = [each for each in answers if isinstance(each, Exception) and each not in refusals]
    assert others == []
    assert len(refusals) == 47
    assert all("3 are asked for, and 1 are left of line 1" in str(each) for each in refusals)
    await office.until(reference, lambda state: all(each.ended for each in state.credits), 60)
    assert office.provider.units(reference, "1") == 9


@detail
async def test_the_same_name_is_the_same_credit_and_other_content_is_refused(
    office: Office,
) -> None:
    reference = await office.invoiced()
    first, again = await asyncio.gather(
        *(office.client.credits.make(reference, units("1")) for _ in range(2))
    )
    assert first.reference == again.reference
    with pytest.raises(Refused, match="already asked for with other content"):
        await office.client.credits.make(reference, units("2"))
    await office.until(reference, lambda state: state.credits[0].ended)
    assert (await office.client.credits.make(reference, units("1"))).became == "credited"
    assert office.provider.units(reference, "1") == 1


@detail
async def test_what_is_refused_may_be_asked_for_again_under_the_same_name(office: Office) -> None:
    reference = await office.invoiced()
    with pytest.raises(Refused, match="11 are asked for, and 10 are left"):
        await office.client.credits.make(reference, units("11"))
    await office.client.credits.make(reference, units("10"))


@detail
async def test_an_invoice_that_runs_and_is_credited_in_parts_is_not_cancelled(
    office: Office,
) -> None:
    reference = await office.started(goal=Goal.PAID)
    await office.until_sent(reference)
    made = await office.client.credits.make(reference, units("1"))
    assert (await office.client.invoices.state(reference)).in_parts
    with pytest.raises(Refused, match="`credit` takes back what is left of it"):
        await office.client.invoices.cancel(reference, Cancel(by="somebody", reason="test"))
    await office.client.invoices.result(made.reference)
    await office.client.invoices.handle(reference).cancel()
    async with asyncio.timeout(LONG_ENOUGH):
        while (problem := (await office.client.invoices.state(reference)).problem) is None:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert problem.reason is Reason.CANNOT_CANCEL
    assert "credit what is left" in problem.what
    await office.client.invoices.handle(reference).terminate("the test is over")


@detail
async def test_an_invoice_that_a_cancel_credited_has_nothing_left(office: Office) -> None:
    reference = await office.started(goal=Goal.PAID)
    await office.until_sent(reference)
    await office.client.invoices.cancel(reference, Cancel(by="somebody", reason="test"))
    with pytest.raises(Refused, match=r"nothing is left to credit|takes the whole of it back"):
        await office.client.credits.make(reference, units("1"))
    assert office.provider.notes(reference) == []


async def test_a_cancel_of_what_has_ended_says_that_credit_is_the_way(office: Office) -> None:
    reference = await office.invoiced()
    with pytest.raises(Refused, match="it has ended: sent; `credit` takes back"):
        await office.client.invoices.cancel(reference, Cancel(by="somebody", reason="test"))


@detail
async def test_a_credit_that_is_cancelled_before_it_is_final_is_left_again(office: Office) -> None:
    reference = await office.invoiced()
    held = units("7").model_copy(update={"hold": True})
    made = await office.client.credits.make(reference, held)
    with pytest.raises(Refused, match="7 are asked for, and 3 are left"):
        await office.client.credits.make(reference, units("7", "C2"))
    await office.client.invoices.cancel(
        made.reference, Cancel(by="somebody", reason="kept after all")
    )
    state = await office.until(reference, lambda state: state.credits[0].ended)
    assert state.credits[0].became == "released"
    await office.client.credits.make(reference, units("7", "C3"))


@slow
async def test_credits_that_were_terminated_go_on_with_what_they_knew(office: Office) -> None:
    reference = await office.invoiced()
    held = units("4").model_copy(update={"hold": True})
    await office.client.credits.make(reference, units("3", "C0"))
    await office.client.credits.make(reference, held)
    await office.client.credits.handle(reference).terminate("by a person")
    with pytest.raises(Refused, match="4 are asked for, and 3 are left of line 1"):
        await office.client.credits.make(reference, units("4", "C2"))
    await office.client.credits.make(reference, units("3", "C3"))
    state = await office.client.credits.state(reference)
    assert [each.credit for each in state.credits] == ["C0", "C1", "C3"]


@detail
async def test_a_ledger_that_waits_for_one_more_credit_keeps_nobody_from_erasing(
    office: Office,
) -> None:
    """It would wait for a year; begun again it knows what it knew."""
    reference = await office.invoiced()
    made = await office.client.credits.make(reference, units("4"))
    await office.client.invoices.result(made.reference)
    await office.until(reference, lambda state: state.credits[0].became == "credited")
    assert await open_still(office.client.temporal, reference, within=LONG_ENOUGH) == []
    state = await office.client.credits.state(reference)
    assert (state.status, state.ended) == (CreditsStatus.IDLE, True)
    with pytest.raises(Refused, match="7 are asked for, and 6 are left of line 1"):
        await office.client.credits.make(reference, units("7", "C2"))
    await office.client.credits.make(reference, units("6", "C3"))


@detail
async def test_while_a_credit_is_under_way_nothing_is_erased_and_its_ledger_goes_on(
    office: Office,
) -> None:
    reference = await office.invoiced()
    held = units("4").model_copy(update={"hold": True})
    made = await office.client.credits.make(reference, held)
    assert await open_still(office.client.temporal, reference, within=0.5) == [
        credits_id(reference)
    ]
    await office.client.invoices.release(made.reference, Release(by="a person", reason="test"))
    state = await office.until(reference, lambda state: state.credits[0].became == "credited")
    assert state.status is CreditsStatus.OPEN
    journal = await office.client.credits.journal(reference)
    assert "Temporal's Cancel: cancel the credit notes, each by itself" in [
        entry.what for entry in journal.entries
    ]


@detail
async def test_a_credit_note_that_was_terminated_is_a_question_about_the_credit(
    office: Office,
) -> None:
    reference = await office.invoiced()
    made = await office.client.credits.make(reference, units("4").model_copy(update={"hold": True}))
    await office.client.invoices.handle(made.reference).terminate("by a person")
    state = await office.until(reference, lambda state: state.problem is not None)
    assert state.status is CreditsStatus.NEEDS_ATTENTION
    assert state.problem is not None
    assert state.problem.reason is Reason.CREDIT_UNCLEAR
    said = Resolve(
        by="an operator",
        reason="looked there",
        question=state.problem.question,
        answer=Answer.FREE,
    )
    await office.client.credits.resolve(reference, said)
    state = await office.until(reference, lambda state: state.problem is None)
    assert state.left is not None
    assert state.left.lines[0].units == 10


@detail
async def test_nobody_begins_a_credit_note_again_but_the_ledger(office: Office) -> None:
    reference = await office.invoiced()
    made = await office.client.credits.make(reference, units("1"))
    await office.client.invoices.result(made.reference)
    request = InvoiceRequest(
        reference=made.reference, provider=NAME, document=a_document(lines=(TEN,))
    )
    with pytest.raises(Refused, match="only that begins it"):
        await office.client.invoices.start(request)


async def test_for_an_invoice_that_nobody_asked_for_no_ledger_is_begun(office: Office) -> None:
    room, unknown = office.client.credits, f"C-{uuid.uuid4().hex[:8]}"
    for asked in (room.make(unknown, units("1")), room.overview(unknown)):
        with pytest.raises(NotFound):
            await asked
    with pytest.raises(NotFound):
        await room.state(unknown)


@detail
async def test_what_is_left_is_told_before_anything_is_credited_and_the_same_after(
    office: Office,
) -> None:
    reference = await office.invoiced()
    before = await office.client.credits.overview(reference)
    assert (before.status, before.credits) == (CreditsStatus.NONE, ())
    assert before.left is not None
    assert (before.left.lines[0].units, before.left.sums.gross) == (Decimal(10), Decimal("151.25"))
    with pytest.raises(NotFound):
        await office.client.credits.state(reference)
    await office.client.credits.make(reference, units("4"))
    after = await office.client.credits.overview(reference)
    assert after == await office.client.credits.state(reference)
    assert after.left is not None
    assert (after.left.lines[0].units, after.left.sums.gross) == (Decimal(6), Decimal("90.75"))


@detail
async def test_why_nothing_can_be_credited_is_told_and_no_longer_once_something_can(
    office: Office,
) -> None:
    reference = await office.started(hold=True)
    await office.until_invoice(reference, lambda invoice: invoice.status is Status.HELD)
    before = await office.client.credits.overview(reference)
    assert before.left is None
    assert "is not final: cancel it" in (before.not_creditable or "")
    with pytest.raises(Refused, match="is not final"):
        await office.client.credits.make(reference, units("4"))
    refused = await office.client.credits.overview(reference)
    assert "is not final: cancel it" in (refused.not_creditable or "")
    released = Release(by="an operator", reason="looked at it")
    await office.client.invoices.release(reference, released)
    await office.until_invoice(reference, lambda invoice: invoice.ended)
    after = await office.client.credits.overview(reference)
    assert after.not_creditable is None
    assert after.left is not None
    assert after.number == (await office.client.invoices.state(reference)).number


@detail
async def test_of_an_invoice_that_was_ended_from_outside_the_overview_says_what_to_do(
    office: Office,
) -> None:
    reference = await office.started(goal=Goal.PAID)
    await office.until_sent(reference)
    await office.client.invoices.handle(reference).terminate("by a person")
    told = await office.client.credits.overview(reference)
    assert told.left is None
    assert "start the same request again" in (told.not_creditable or "")


@detail
async def test_invoices_with_credits_are_listed(office: Office) -> None:
    reference = await office.invoiced()
    await office.client.credits.make(reference, units("4"))
    async with asyncio.timeout(LONG_ENOUGH):
        # Lists are a moment old.
        while True:
            rows = office.client.credits.list(provider=NAME, status=CreditsStatus.OPEN)
            if reference in {row.reference async for row in rows}:
                return
            await asyncio.sleep(0.05)


@detail
async def test_a_draft_is_not_credited(office: Office) -> None:
    reference = await office.invoiced(goal=Goal.DRAFTED)
    with pytest.raises(Refused, match="is not final: cancel it"):
        await office.client.credits.make(reference, units("1"))


@detail
async def test_where_the_adaptor_makes_no_credits_the_plan_says_so_and_nothing_is_taken(
    office: Office,
) -> None:
    reference = await office.invoiced()
    del office.provider.credits_in
    try:
        made = await office.client.credits.make(reference, units("1"))
        with pytest.raises(Failed, match="no invoice of this provider can be credited from here"):
            await office.client.invoices.result(made.reference)
    finally:
        office.provider.credits_in = "parts"
    state = await office.until(reference, lambda state: state.credits[0].ended)
    assert state.credits[0].became == "released"
    with pytest.raises(RPCError):
        await office.client.invoices.handle(made.reference).signal("release")
    assert office.client.invoices.handle(made.reference).id == workflow_id(f"{reference}#C1")


@detail
async def test_a_provider_that_credits_wholly_refuses_a_part_and_takes_the_whole(
    office: Office,
) -> None:
    reference = await office.invoiced()
    office.provider.credits_in = "whole"
    try:
        made = await office.client.credits.make(reference, units("1"))
        with pytest.raises(Failed, match="credits an invoice as a whole and at once"):
            await office.client.invoices.result(made.reference)
        await office.until(reference, lambda state: state.credits[0].ended)
        made = await office.client.credits.make(reference, a_credit("C2", whole=True))
        assert (await office.client.invoices.result(made.reference)).status is Status.SENT
    finally:
        office.provider.credits_in = "parts"

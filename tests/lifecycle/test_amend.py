"""Amendments on a real server: an invoice is credited, and then made again as another one."""

from __future__ import annotations

import asyncio
import contextlib
import random
import uuid
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from typing import Any

import pytest
from temporalio.service import RPCError

from invoicing.client import Refused
from invoicing.client.open_still import open_still
from invoicing.consent import CREDIT, Consent
from invoicing.credits.amend import AMEND_AGAIN, Amend, Amendment, AmendStatus
from invoicing.errors import InvalidRequest, NotFound
from invoicing.request import Goal, InvoiceRequest
from invoicing.state.identity import amend_id
from invoicing.state.invoice import Cancel, Release, Status
from invoicing.state.questions import Answer
from temporal_server import Server, local_server
from tests.examples import a_document, a_line
from tests.lifecycle.bookkeeper import NAME
from tests.lifecycle.office import Office, a_credit, office_at, units
from tests.patience import LONG_ENOUGH
from tests.tiers import detail, simulated, slow

NINE = a_line(1, quantity=Decimal(9), unit_price=Decimal("12.50"))
WHO: dict[str, Any] = {"by": "an operator", "reason": "the address was wrong"}


@pytest.fixture(scope="module")
async def office(server: Server) -> AsyncIterator[Office]:
    async with office_at(server) as made:
        yield made


def an_amendment(reference: str, name: str = "A1", **changes: Any) -> Amend:
    """Nine units instead of ten, unless other changes of the request are given."""
    more = {key: changes.pop(key) for key in ("credit_note", "proven") if key in changes}
    makes = changes.pop("makes", f"{reference}-{name}")
    new = InvoiceRequest(
        **{
            "reference": makes,
            "provider": NAME,
            "document": a_document(lines=(NINE,)),
            **changes,
        }
    )
    return Amend.model_validate({"amendment": name, "invoice": new, **WHO, **more})


def bought_by(name: str, **changes: Any) -> Any:
    document = a_document(lines=(NINE,))
    buyer = document.buyer.model_copy(update={"name": name})
    return document.model_copy(update={"buyer": buyer, **changes})


async def until(office: Office, reference: str, sure: Callable[[Amendment], bool]) -> Amendment:
    async with asyncio.timeout(LONG_ENOUGH):
        while not sure(state := await office.client.amendments.state(reference)):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        return state


async def with_its_credit_held(office: Office, reference: str, wanted: Amend) -> Amendment:
    """Amend it: the credit note is there, and held."""
    await office.client.amendments.make(reference, wanted)
    state = await until(office, reference, lambda state: state.credit is not None)
    await until_held(office, str(state.credit))
    return state


async def until_held(office: Office, reference: str) -> None:
    """Until this invoice is there, and held."""
    async with asyncio.timeout(LONG_ENOUGH):
        while True:
            with contextlib.suppress(NotFound):
                if (await office.client.invoices.state(reference)).status is Status.HELD:
                    return
            await asyncio.sleep(0.05)


async def ended(office: Office, reference: str) -> Amendment:
    return await asyncio.wait_for(office.client.amendments.result(reference), LONG_ENOUGH)


async def amended(office: Office, reference: str, wanted: Amend) -> Amendment:
    await office.client.amendments.make(reference, wanted)
    return await ended(office, reference)


def live(office: Office, reference: str) -> list[str]:
    """Numbers of the final invoices of a reference at the provider."""
    kept = office.provider.kept.values()
    return [each.number for each in kept if each.reference == reference and each.number]


def nothing_changed(office: Office, reference: str, wanted: Amend) -> None:
    assert office.provider.notes(reference) == []
    assert live(office, wanted.invoice.reference) == []


async def test_the_invoice_is_credited_and_then_the_new_one_is_made_and_names_it(
    office: Office,
) -> None:
    reference = await office.invoiced()
    state = await amended(office, reference, an_amendment(reference))
    assert (state.status, state.credited, state.problem) == (AmendStatus.AMENDED, True, "")
    (note,) = office.provider.notes(reference)
    old = await office.client.invoices.state(reference)
    new = await office.client.invoices.state(state.makes)
    assert (note.reference, state.number) == (state.credit, new.number)
    assert old.amounts is not None
    assert new.amounts is not None
    assert (note.sums.gross, new.amounts.net) == (old.amounts.gross, Decimal("112.50"))
    (kept,) = [each for each in office.provider.kept.values() if each.reference == state.makes]
    assert [each.number for each in kept.document.precedents] == [old.number]
    journal = await office.client.amendments.journal(reference)
    assert {(each.by, each.reason) for each in journal.entries if each.by} == {
        (WHO["by"], WHO["reason"])
    }


@slow
async def test_an_invoice_that_runs_is_amended_and_ends_as_credited_in_its_ledger(
    office: Office,
) -> None:
    reference = await office.started(goal=Goal.PAID)
    await office.until_sent(reference)
    state = await amended(office, reference, an_amendment(reference))
    assert state.status is AmendStatus.AMENDED
    assert len(office.provider.notes(reference)) == 1
    # Nothing of it is left to be paid, so it waits no longer.
    ended = await asyncio.wait_for(office.client.invoices.result(reference), LONG_ENOUGH)
    assert ended.status is Status.CREDITED


@slow
async def test_where_an_invoice_has_no_place_for_another_ones_number_it_goes_without(
    office: Office,
) -> None:
    reference = await office.invoiced()
    office.provider.precedents = False
    try:
        state = await amended(office, reference, an_amendment(reference))
    finally:
        office.provider.precedents = True
    assert state.status is AmendStatus.AMENDED
    (kept,) = [each for each in office.provider.kept.values() if each.reference == state.makes]
    assert kept.document.precedents == ()


@slow
async def test_a_new_invoice_that_is_refused_is_refused_before_anything_is_credited(
    office: Office,
) -> None:
    reference = await office.invoiced()
    office.provider.refused.add("Nobody")
    wrong = an_amendment(reference, document=bought_by("Nobody"))
    state = await amended(office, reference, wrong)
    assert (state.status, state.credited) == (AmendStatus.REFUSED, False)
    assert "the document has mistakes" in state.problem
    assert [each.field for each in state.fields] == ["document.buyer.name"]
    nothing_changed(office, reference, wrong)
    # Nothing was done, so the same name may be asked for with what is right.
    again = await amended(office, reference, an_amendment(reference))
    assert again.status is AmendStatus.AMENDED


@simulated
async def test_a_provider_that_is_away_is_waited_for_before_anything_is_credited(
    office: Office,
) -> None:
    reference = await office.invoiced()
    office.provider.away = 2
    await office.client.amendments.make(reference, an_amendment(reference))
    async with asyncio.timeout(LONG_ENOUGH):
        while office.provider.away:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert (await ended(office, reference)).status is AmendStatus.AMENDED


@slow
async def test_ten_at_once_are_one_amendment_and_the_same_again_is_the_same(
    office: Office,
) -> None:
    reference = await office.invoiced()
    wanted = an_amendment(reference)
    made = await asyncio.gather(
        *(office.client.amendments.make(reference, wanted) for _ in range(10))
    )
    assert {each.makes for each in made} == {wanted.invoice.reference}
    last = await ended(office, reference)
    assert await office.client.amendments.make(reference, wanted) == last
    other = wanted.model_copy(update={"by": "a colleague"})
    assert await office.client.amendments.make(reference, other) == last
    assert len(office.provider.notes(reference)) == 1
    assert len(live(office, wanted.invoice.reference)) == 1


@slow
async def test_other_content_and_other_names_are_refused_whether_it_runs_or_has_ended(
    office: Office,
) -> None:
    reference = await office.invoiced()
    held = an_amendment(reference, credit_note={"hold": True})
    await office.client.amendments.make(reference, held)
    state = await until(office, reference, lambda state: state.credit is not None)
    other = an_amendment(reference, document=bought_by("Another"), credit_note={"hold": True})
    second = an_amendment(reference, "A2")
    with pytest.raises(Refused, match="A1 was already asked for with other content"):
        await office.client.amendments.make(reference, other)
    with pytest.raises(Refused, match="amendment A1 of it is under way"):
        await office.client.amendments.make(reference, second)
    released = Release(by="an operator", reason="looked at it")
    await until_held(office, str(state.credit))
    await office.client.invoices.release(str(state.credit), released)
    assert (await ended(office, reference)).status is AmendStatus.AMENDED
    with pytest.raises(Refused, match="A1 was already asked for with other content"):
        await office.client.amendments.make(reference, other)
    with pytest.raises(Refused, match="A1 of it has been made: amend the new invoice"):
        await office.client.amendments.make(reference, second)
    assert live(office, second.invoice.reference) == []


@detail
async def test_while_the_credit_is_not_final_there_is_no_new_invoice(office: Office) -> None:
    reference = await office.invoiced()
    held = an_amendment(reference, credit_note={"hold": True})
    state = await with_its_credit_held(office, reference, held)
    for _ in range(3):
        # Whoever asks again has it look at once.
        state = await office.client.amendments.make(reference, held)
        await asyncio.sleep(0.3)
    assert (state.status, state.credited) == (AmendStatus.CREDITING, False)
    # Its data key may not be destroyed meanwhile.
    assert amend_id(reference) in await open_still(office.client.temporal, reference)
    with pytest.raises(NotFound):
        await office.client.invoices.state(held.invoice.reference)


@simulated
async def test_a_credit_that_is_cancelled_makes_no_new_invoice_and_the_old_one_stands(
    office: Office,
) -> None:
    reference = await office.invoiced()
    held = an_amendment(reference, credit_note={"hold": True})
    state = await with_its_credit_held(office, reference, held)
    await office.client.invoices.cancel(str(state.credit), Cancel(by="somebody", reason="no"))
    state = await ended(office, reference)
    assert (state.status, state.credited) == (AmendStatus.REFUSED, False)
    assert "came to nothing" in state.problem
    assert "under another name" in state.problem
    nothing_changed(office, reference, held)
    with pytest.raises(NotFound):
        await office.client.invoices.state(held.invoice.reference)
    again = await amended(office, reference, held)
    assert "a credit A1 of it was asked for before: choose another name" in again.problem
    assert (await amended(office, reference, an_amendment(reference, "A2"))).credited


@simulated
async def test_a_credit_that_the_provider_refuses_is_a_question_and_then_the_new_one_is_made(
    office: Office,
) -> None:
    reference = await office.invoiced()
    office.provider.refuses = 1
    await office.client.amendments.make(reference, an_amendment(reference))
    state = await until(office, reference, lambda state: state.credit is not None)
    await office.until_invoice(str(state.credit), lambda note: note.problem is not None)
    assert (await office.client.amendments.state(reference)).status is AmendStatus.CREDITING
    await office.resolve(str(state.credit), Answer.RETRY)
    assert (await ended(office, reference)).status is AmendStatus.AMENDED


@simulated
async def test_a_new_invoice_that_is_not_made_waits_and_goes_on_when_it_is_amended_again(
    office: Office,
) -> None:
    reference = await office.invoiced()
    held = an_amendment(reference, hold=True)
    await office.client.amendments.make(reference, held)
    await until(office, reference, lambda state: state.status is AmendStatus.MAKING)
    await until_held(office, held.invoice.reference)
    await office.client.invoices.cancel(
        held.invoice.reference, Cancel(by="somebody", reason="wrong again")
    )
    state = await until(office, reference, lambda state: bool(state.problem))
    assert (state.status, state.credited) == (AmendStatus.NEEDS_ATTENTION, True)
    assert f"{reference} is credited, and the new invoice is not made" in state.problem
    assert "Amend it again, under the same name" in state.problem
    assert str(state.waiting) == f"person: {AMEND_AGAIN}"

    elsewhere = an_amendment(reference, makes=f"{reference}-B")
    with pytest.raises(Refused, match="keep that reference"):
        await office.client.amendments.make(reference, elsewhere)
    with pytest.raises(Refused, match="A1 of it waits to be amended again"):
        await office.client.amendments.make(reference, an_amendment(reference, "A2"))
    await office.client.amendments.make(
        reference, an_amendment(reference, document=bought_by("The right one"))
    )
    state = await ended(office, reference)
    assert state.status is AmendStatus.AMENDED
    assert len(office.provider.notes(reference)) == 1
    assert len(live(office, held.invoice.reference)) == 1


@simulated
async def test_what_nobody_has_made_is_left_by_temporals_cancel_and_can_still_be_gone_on_with(
    office: Office,
) -> None:
    reference = await office.invoiced()
    held = an_amendment(reference, hold=True)
    await office.client.amendments.make(reference, held)
    await until(office, reference, lambda state: state.status is AmendStatus.MAKING)
    await until_held(office, held.invoice.reference)
    await office.client.invoices.cancel(held.invoice.reference, Cancel(by="x", reason="no"))
    await until(office, reference, lambda state: bool(state.problem))
    await office.client.amendments.handle(reference).cancel()
    state = await ended(office, reference)
    assert (state.status, state.credited) == (AmendStatus.CREDITED, True)
    again = await amended(office, reference, an_amendment(reference))
    assert again.status is AmendStatus.AMENDED
    assert len(office.provider.notes(reference)) == 1


@simulated
@pytest.mark.parametrize("step", [AmendStatus.CREDITING, AmendStatus.MAKING])
async def test_one_that_was_terminated_goes_on_where_it_was(
    office: Office, step: AmendStatus
) -> None:
    reference = await office.invoiced()
    holds: dict[str, Any] = {"credit_note": {"hold": True}}
    holds = holds if step is AmendStatus.CREDITING else {"hold": True}
    wanted = an_amendment(reference, **holds)
    await office.client.amendments.make(reference, wanted)
    state = await until(
        office, reference, lambda state: state.status is step and bool(state.credit)
    )
    held = str(state.credit) if step is AmendStatus.CREDITING else wanted.invoice.reference
    await until_held(office, held)
    await office.client.amendments.handle(reference).terminate("by a person")
    with pytest.raises(Refused, match="already asked for with other content"):
        await office.client.amendments.make(reference, an_amendment(reference))
    await office.client.invoices.release(held, Release(by="an operator", reason="looked"))
    state = await amended(office, reference, wanted)
    assert state.status is AmendStatus.AMENDED
    assert len(office.provider.notes(reference)) == 1
    assert len(live(office, wanted.invoice.reference)) == 1


@simulated
async def test_one_that_was_terminated_before_it_changed_anything_leaves_its_name_free(
    office: Office,
) -> None:
    reference = await office.invoiced()
    office.provider.away = 10**6
    try:
        await office.client.amendments.make(reference, an_amendment(reference))
        await office.client.amendments.handle(reference).terminate("by a person")
    finally:
        office.provider.away = 0
    state = await amended(office, reference, an_amendment(reference, "A2"))
    assert (state.status, state.makes) == (AmendStatus.AMENDED, f"{reference}-A2")
    assert len(office.provider.notes(reference)) == 1


@simulated
async def test_many_that_are_terminated_again_and_again_credit_once_and_then_make_once(
    office: Office,
) -> None:
    chance = random.Random(42)  # noqa: S311
    references = await asyncio.gather(*(office.invoiced() for _ in range(6)))
    room = office.client.amendments
    for _ in range(4):
        await asyncio.gather(*(room.make(each, an_amendment(each)) for each in references))
        await asyncio.sleep(chance.random())
        for reference in chance.sample(references, 3):
            with contextlib.suppress(RPCError):
                await room.handle(reference).terminate("by a person")
    last = (amended(office, each, an_amendment(each)) for each in references)
    for reference, state in zip(references, await asyncio.gather(*last), strict=True):
        assert state.status is AmendStatus.AMENDED
        assert len(office.provider.notes(reference)) == 1
        assert len(live(office, state.makes)) == 1
        happened = office.provider.happened
        credited = happened.index(("final", f"{reference}#A1"))
        assert credited < happened.index(("created", state.makes))


@slow
async def test_where_a_part_was_credited_before_what_is_left_is_credited(office: Office) -> None:
    reference = await office.invoiced()
    made = await office.client.credits.make(reference, units("4"))
    await office.until(reference, lambda state: state.credits[0].ended)
    state = await amended(office, reference, an_amendment(reference))
    assert state.status is AmendStatus.AMENDED
    notes = {each.reference: each.sums.gross for each in office.provider.notes(reference)}
    assert notes[made.reference] == Decimal("60.50")
    assert sum(notes.values()) == Decimal("151.25")


@detail
async def test_while_another_credit_is_under_way_it_is_refused_and_nothing_changes(
    office: Office,
) -> None:
    reference = await office.invoiced()
    held = units("4").model_copy(update={"hold": True})
    made = await office.client.credits.make(reference, held)
    state = await amended(office, reference, an_amendment(reference))
    assert state.status is AmendStatus.REFUSED
    assert "credit C1 of it is under way: amend it when that has ended" in state.problem
    nothing_changed(office, reference, an_amendment(reference))
    await office.client.invoices.cancel(made.reference, Cancel(by="x", reason="no"))


@detail
async def test_what_is_credited_as_a_whole_is_not_amended(office: Office) -> None:
    reference = await office.invoiced()
    await office.client.credits.make(reference, a_credit(whole=True))
    await office.until(reference, lambda state: state.credits[0].ended)
    state = await amended(office, reference, an_amendment(reference))
    assert "nothing is left of it to credit: start a new invoice instead" in state.problem
    assert live(office, an_amendment(reference).invoice.reference) == []


@detail
async def test_a_reference_that_stands_for_another_invoice_is_refused_before_the_credit(
    office: Office,
) -> None:
    reference, other = await office.invoiced(), await office.invoiced()
    state = await amended(office, reference, an_amendment(reference, makes=other))
    assert f"{other} stands for an invoice already (sent)" in state.problem
    assert office.provider.notes(reference) == []
    with pytest.raises(InvalidRequest, match="needs a reference of its own"):
        await office.client.amendments.make(reference, an_amendment(reference, makes=reference))


@detail
async def test_a_reference_that_somebody_takes_while_the_credit_waits_is_given_up_for_another(
    office: Office,
) -> None:
    reference = await office.invoiced()
    held = an_amendment(reference, credit_note={"hold": True})
    state = await with_its_credit_held(office, reference, held)
    theirs = held.invoice.model_copy(update={"document": bought_by("Somebody else")})
    await office.client.invoices.start(theirs)
    await office.client.invoices.result(theirs.reference)
    looked = Release(by="an operator", reason="looked at it")
    await office.client.invoices.release(str(state.credit), looked)
    state = await until(office, reference, lambda state: bool(state.problem))
    assert (state.status, state.credited) == (AmendStatus.NEEDS_ATTENTION, True)
    assert "another reference for the new invoice" in state.problem

    elsewhere = an_amendment(reference, makes=f"{reference}-B", credit_note={"hold": True})
    await office.client.amendments.make(reference, elsewhere)
    state = await ended(office, reference)
    assert (state.status, state.makes) == (AmendStatus.AMENDED, f"{reference}-B")
    assert len(office.provider.notes(reference)) == 1
    assert [len(live(office, each)) for each in (theirs.reference, state.makes)] == [1, 1]


@detail
async def test_what_was_amended_is_amended_again_each_by_its_own_reference(office: Office) -> None:
    first = await office.invoiced()
    made = [(await amended(office, first, an_amendment(first))).makes]
    for name in ("A2", "A1"):
        made.append((await amended(office, made[-1], an_amendment(made[-1], name))).makes)
    assert made == [f"{first}-A1", f"{first}-A1-A2", f"{first}-A1-A2-A1"]
    for each in (first, *made[:-1]):
        assert len(office.provider.notes(each)) == 1
    assert office.provider.notes(made[-1]) == []
    assert len(live(office, made[-1])) == 1


async def test_a_draft_is_not_amended_and_neither_is_what_nobody_asked_for(office: Office) -> None:
    reference = await office.invoiced(goal=Goal.DRAFTED)
    state = await amended(office, reference, an_amendment(reference))
    assert "is not final: cancel it" in state.problem
    unknown = f"C-{uuid.uuid4().hex[:8]}"
    with pytest.raises(NotFound):
        await office.client.amendments.make(unknown, an_amendment(unknown))
    with pytest.raises(NotFound):
        await office.client.amendments.state(unknown)


@simulated
async def test_where_a_credit_needs_two_people_no_new_invoice_is_made_before_the_second() -> None:
    consents = {NAME: {"default": Consent(of=(CREDIT,))}}
    async with local_server() as own, office_at(own, consents=consents) as office:
        reference = await office.invoiced()
        await office.client.amendments.make(reference, an_amendment(reference, proven="anna"))
        state = await until(office, reference, lambda state: state.credit is not None)
        note = str(state.credit)
        await until_held(office, note)
        by_anna, by_bert, by_carl = (
            Release(by=name, reason="looked", proven=name) for name in ("anna", "bert", "carl")
        )
        with pytest.raises(Refused, match="anna asked for it"):
            await office.client.invoices.release(note, by_anna)
        await office.client.invoices.release(note, by_bert)
        assert (
            await office.client.amendments.make(reference, an_amendment(reference, proven="anna"))
        ).credited is False
        with pytest.raises(NotFound):
            await office.client.invoices.state(state.makes)
        await office.client.invoices.release(note, by_carl)
        assert (await ended(office, reference)).status is AmendStatus.AMENDED


@simulated
async def test_one_that_waits_for_long_continues_as_new_with_all_that_it_knew() -> None:
    long = {"limit.historyCount.suggestContinueAsNew": 60}
    async with local_server(own=True, dynamic_config=long) as own, office_at(own) as office:
        reference = await office.invoiced()
        held = an_amendment(reference, credit_note={"hold": True})
        await office.client.amendments.make(reference, held)
        state = await until(office, reference, lambda state: state.credit is not None)
        await until_held(office, str(state.credit))
        first = (await office.client.amendments.handle(reference).describe()).run_id
        async with asyncio.timeout(LONG_ENOUGH):
            while (await office.client.amendments.handle(reference).describe()).run_id == first:
                await office.client.amendments.make(reference, held)
                await asyncio.sleep(0.1)
        released = Release(by="an operator", reason="looked")
        await office.client.invoices.release(str(state.credit), released)
        assert (await ended(office, reference)).status is AmendStatus.AMENDED
        assert len(office.provider.notes(reference)) == 1
        journal = await office.client.amendments.journal(reference)
        assert journal.entries[0].what == "asked for"


@simulated
async def test_temporals_cancel_before_the_credit_ends_it_and_nothing_has_changed(
    office: Office,
) -> None:
    reference = await office.invoiced()
    office.provider.away = 10**6
    try:
        wanted = an_amendment(reference)
        await office.client.amendments.make(reference, wanted)
        await office.client.amendments.handle(reference).cancel()
    finally:
        office.provider.away = 0
    state = await ended(office, reference)
    assert (state.status, state.credited) == (AmendStatus.REFUSED, False)
    nothing_changed(office, reference, wanted)


@simulated
async def test_temporals_cancel_ends_one_whose_new_provider_never_answers(office: Office) -> None:
    """A slip of the pen in the name of a provider, or one that is away for a month."""
    reference = await office.invoiced()
    office.provider.away = 10**6
    try:
        wanted = an_amendment(reference)
        await office.client.amendments.make(reference, wanted)
        await until(office, reference, lambda state: state.waiting is not None)
        await office.client.amendments.handle(reference).cancel()
        state = await ended(office, reference)
    finally:
        office.provider.away = 0
    assert state.status is AmendStatus.REFUSED
    assert "Temporal's Cancel has come" in state.problem
    nothing_changed(office, reference, wanted)


@detail
async def test_whose_the_old_invoice_is_finds_the_amendment_wherever_the_new_one_is_made(
    office: Office,
) -> None:
    """Lists of a caller that is limited to accounts ask for its providers alone."""
    reference = await office.invoiced()
    elsewhere = an_amendment(reference, provider="elsewhere")
    await office.client.amendments.make(reference, elsewhere)
    try:
        async with asyncio.timeout(LONG_ENOUGH):
            while reference not in [  # noqa: ASYNC110
                each.reference
                async for each in office.client.amendments.list(provider=NAME, running=True)
            ]:
                await asyncio.sleep(0.1)
    finally:
        await office.client.amendments.handle(reference).terminate("test")


@slow
async def test_amendments_are_listed_by_what_became_of_them(office: Office) -> None:
    reference = await office.invoiced()
    await amended(office, reference, an_amendment(reference))
    async with asyncio.timeout(LONG_ENOUGH):
        while True:
            rows = [row async for row in office.client.amendments.list(status=AmendStatus.AMENDED)]
            if found := [row for row in rows if row.reference == reference]:
                break
            await asyncio.sleep(0.1)
    assert found[0].provider == NAME


@detail
async def test_a_cancel_of_what_has_ended_names_credit_and_amend(office: Office) -> None:
    reference = await office.invoiced()
    with pytest.raises(Refused, match="`credit` takes back what is left of it, and `amend`"):
        await office.client.invoices.cancel(reference, Cancel(by="somebody", reason="test"))
    made = await office.client.credits.make(reference, units("1"))
    await office.client.invoices.result(made.reference)
    with pytest.raises(Refused, match="a credit note is not taken back: start a new invoice"):
        await office.client.invoices.cancel(made.reference, Cancel(by="somebody", reason="test"))

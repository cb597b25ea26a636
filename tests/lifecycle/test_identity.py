"""One reference, one invoice: asked twice, asked at once, asked again, asked wrongly."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ApplicationError

from invoicing.client import Failed
from invoicing.document import Address, Contact, Party, Payment
from invoicing.errors import ReferenceInUse
from invoicing.request import Goal, InvoiceRequest
from invoicing.state.identity import TASK_QUEUE, WORKFLOW, workflow_id
from invoicing.state.invoice import Invoice, Status
from invoicing.state.questions import Answer
from sandbox.kit.faults import Fault
from sandbox.zero_friction import Step, Told
from tests.examples import a_document, a_line
from tests.lifecycle.parking import APPROVED, CREATED, CREDITED, DELETED, NEVER, SENT
from tests.lifecycle.world import PACES, Company, World, together
from tests.patience import LONG_ENOUGH
from tests.tiers import chosen, detail, simulated, slow

# --- asked more than once -------------------------------------------------------------------------


async def test_fifty_equal_requests_at_once_are_one_invoice(company: Company) -> None:
    request = company.request()
    handles = await asyncio.gather(*(company.client.invoices.start(request) for _ in range(50)))
    runs = await asyncio.gather(*(handle.describe() for handle in handles))
    assert len({run.run_id for run in runs}) == 1
    assert {run.id for run in runs} == {f"invoice/{request.reference}"}
    results: list[Invoice] = await asyncio.gather(*(handle.result() for handle in handles))
    assert all(result == results[0] for result in results)
    assert company.effects(request.reference) == [CREATED, APPROVED, SENT]


async def test_the_same_reference_with_other_content_says_what_differs(company: Company) -> None:
    request = company.request(hold=True)
    await company.client.invoices.start(request)
    canary = "a note nobody may see"
    other = request.model_copy(
        update={
            "goal": Goal.PAID,
            "document": a_document(notes=(canary,), due_date=date(2027, 1, 1)),
        }
    )
    with pytest.raises(ReferenceInUse) as error:
        await company.client.invoices.start(other)
    assert error.value.differs == ("document.due_date", "document.notes", "goal")
    assert "document.notes" in str(error.value)
    for value in (canary, "2027", "paid"):
        assert value not in str(error.value)


async def test_the_same_numbers_written_otherwise_are_the_same_content(company: Company) -> None:
    """12.5 and 12.50: a caller may have read them from anywhere."""

    def lines(price: str) -> dict[str, Any]:
        return {"lines": (a_line(1, unit_price=Decimal(price)),)}

    request = company.request(document=lines("12.5"), options={})
    same = company.request(request.reference, document=lines("12.50"), options={})
    first = await (await company.client.invoices.start(request)).describe()
    second = await (await company.client.invoices.start(same)).describe()
    assert first.run_id == second.run_id


@detail
async def test_other_content_is_refused_also_when_the_invoice_is_finished(company: Company) -> None:
    request = company.request()
    await company.start(request)
    await company.finished(request.reference)
    with pytest.raises(ReferenceInUse, match=r"document\.notes"):
        await company.client.invoices.start(
            request.model_copy(update={"document": a_document(notes=("another",))})
        )
    assert company.effects(request.reference) == [CREATED, APPROVED, SENT]


@detail
async def test_a_create_that_lands_after_its_time_out_is_found_and_adopted(
    shared_world: World,
) -> None:
    # Longer than what is done before the gate opens takes, also on a busy machine.
    patient = PACES.model_copy(update={"settle": timedelta(seconds=6)})
    async with shared_world.company(paces=patient) as company:
        gate = company.stand_in.faults.place(Step.CREATE, Fault.GATE)
        reference = await company.start()
        await gate.reached(within=LONG_ENOUGH)
        async with asyncio.timeout(LONG_ENOUGH):
            while not (await company.client.invoices.journal(reference)).entries:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        with pytest.raises(TimeoutError):
            await company.stand_in.arrived("find", 2, within=0.4)
        gate.release()
        await _goes_on_with_it(company, reference)


# --- asked again after it was terminated ----------------------------------------------------------


async def _terminate(company: Company, reference: str) -> None:
    await company.client.invoices.handle(reference).terminate("somebody thought this was the way")


async def terminated_before_create(world: World) -> None:
    async with world.company(patience=20) as company:
        gate = company.stand_in.faults.place(Step.CUSTOMERS, Fault.GATE)
        request = company.request()
        await company.start(request)
        await gate.reached(within=LONG_ENOUGH)
        await _terminate(company, request.reference)
        gate.release()
        await company.start(request)
        assert (await company.finished(request.reference)).status is Status.SENT
        assert company.effects(request.reference) == [CREATED, APPROVED, SENT]


async def terminated_behind_a_committed_create(world: World) -> None:
    async with world.company(patience=20) as company:
        gate = company.stand_in.faults.place(Step.CREATE, Fault.GATE, when="after")
        request = company.request()
        await company.start(request)
        await gate.reached(within=LONG_ENOUGH)
        await _terminate(company, request.reference)
        gate.release()
        await company.start(request)
        await _goes_on_with_it(company, request.reference)


async def terminated_while_held(world: World) -> None:
    async with world.company() as company:
        request = company.request(hold=True)
        await company.start(request)
        await company.until_status(request.reference, Status.HELD)
        await _terminate(company, request.reference)
        await company.start(request)
        await company.until_status(request.reference, Status.HELD)
        await company.release(request.reference)
        await _goes_on_with_it(company, request.reference)


async def terminated_while_it_is_approved(world: World) -> None:
    async with world.company(approval_delay=NEVER) as company:
        request = company.request()
        await company.start(request)
        await company.until_waiting(request.reference, "approval")
        await _terminate(company, request.reference)
        company.stand_in.finish(request.reference)
        await company.start(request)
        await _goes_on_with_it(company, request.reference)


async def terminated_after_approval(world: World) -> None:
    async with world.company(approval_delay=NEVER) as company:
        request = company.request()
        await company.start(request)
        await company.until_waiting(request.reference, "approval")
        await company.hold(request.reference)
        company.stand_in.finish(request.reference)
        await company.until_status(request.reference, Status.HELD)
        await _terminate(company, request.reference)
        await company.start(request)
        await company.until_status(request.reference, Status.HELD)
        await company.release(request.reference)
        await _goes_on_with_it(company, request.reference)


async def terminated_while_it_is_sent(world: World) -> None:
    async with world.company(sending_delay=NEVER) as company:
        request = company.request()
        await company.start(request)
        await company.until_waiting(request.reference, "sending")
        await _terminate(company, request.reference)
        company.stand_in.finish(request.reference)
        await company.start(request)
        await _goes_on_with_it(company, request.reference)


async def terminated_after_it_was_sent(world: World) -> None:
    async with world.company() as company:
        request = company.request(goal=Goal.PAID)
        await company.start(request)
        await company.until_waiting(request.reference, "payment")
        await _terminate(company, request.reference)
        await company.start(request)
        await company.until_waiting(request.reference, "payment")
        company.stand_in.pay(request.reference)
        assert (await company.finished(request.reference)).status is Status.PAID
        assert company.effects(request.reference) == [CREATED, APPROVED, SENT, "paid"]


async def terminated_and_cancelled_before_it_looked(world: World) -> None:
    """What the first run left behind is taken back as well."""
    async with world.company(patience=20) as company:
        request = company.request(hold=True)
        await company.start(request)
        await company.until_status(request.reference, Status.HELD)
        await _terminate(company, request.reference)
        gate = company.stand_in.faults.place(Step.CUSTOMERS, Fault.GATE)
        await company.start(request)
        await gate.reached(within=LONG_ENOUGH)
        await company.cancel(request.reference)
        gate.release()
        assert (await company.finished(request.reference)).status is Status.CANCELLED
        assert company.effects(request.reference) == [CREATED, DELETED]


async def _goes_on_with_it(company: Company, reference: str) -> None:
    assert (await company.finished(reference)).status is Status.SENT
    assert company.effects(reference) == [CREATED, APPROVED, SENT]
    assert company.stand_in.calls.count("create") == 1


TERMINATED = (
    terminated_behind_a_committed_create,
    terminated_before_create,
    terminated_while_held,
    terminated_while_it_is_approved,
    terminated_after_approval,
    terminated_while_it_is_sent,
    terminated_after_it_was_sent,
    terminated_and_cancelled_before_it_looked,
)


@simulated
async def test_whoever_terminates_it_and_asks_again_gets_the_same_invoice(
    shared_world: World,
) -> None:
    scenarios = {scenario.__name__: scenario(shared_world) for scenario in chosen(TERMINATED, 2)}
    await together(scenarios, every=True)


@detail
async def test_a_final_invoice_that_was_terminated_is_not_asked_for_with_other_content(
    company: Company,
) -> None:
    request = company.request(goal=Goal.PAID)
    await company.start(request)
    await company.until_waiting(request.reference, "payment")
    await _terminate(company, request.reference)
    with pytest.raises(ReferenceInUse, match=r"document\.notes"):
        await company.start(request.model_copy(update={"document": a_document(notes=("another",))}))


# --- asked again after its end --------------------------------------------------------------------


async def cancelled_as_a_draft(world: World) -> None:
    """Nothing is left of it: the reference may begin anew, with whatever content."""
    async with world.company() as company:
        request = company.request(hold=True)
        await company.start(request)
        await company.until_status(request.reference, Status.HELD)
        await company.cancel(request.reference)
        await company.finished(request.reference)
        again = request.model_copy(update={"hold": False, "document": a_document(notes=("new",))})
        await company.start(again)
        assert (await company.finished(request.reference)).status is Status.SENT
        assert company.effects(request.reference) == [CREATED, DELETED, CREATED, APPROVED, SENT]


async def abandoned_as_a_draft(world: World) -> None:
    """What was left there is found, and gone on with."""
    async with world.company() as company:
        company.stand_in.faults.place(Step.APPROVE, Told.SUCCESS_FALSE)
        request = company.request()
        await company.start(request)
        await company.parked(request.reference)
        await company.resolve(request.reference, Answer.ABANDON)
        await company.finished(request.reference)
        await company.start(request)
        await _goes_on_with_it(company, request.reference)


async def abandoned_as_a_draft_of_other_content(world: World) -> None:
    """What was left there is not what is asked for now, so it is not gone on with."""
    async with world.company() as company:
        company.stand_in.faults.place(Step.APPROVE, Told.SUCCESS_FALSE)
        request = company.request()
        await company.start(request)
        await company.parked(request.reference)
        await company.resolve(request.reference, Answer.ABANDON)
        await company.finished(request.reference)
        with pytest.raises(ReferenceInUse, match=r"document\.notes"):
            await company.start(_with_a_note(request))
        assert company.effects(request.reference) == [CREATED]


async def abandoned_before_there_was_a_draft(world: World) -> None:
    """Nothing is left of it, so that what was wrong can be put right under the same reference."""
    async with world.company() as company:
        company.stand_in.faults.place(Step.CREATE, Told.SUCCESS_FALSE)
        request = company.request()
        await company.start(request)
        await company.parked(request.reference)
        await company.resolve(request.reference, Answer.ABANDON)
        await company.finished(request.reference)
        await company.start(_with_a_note(request))
        assert (await company.finished(request.reference)).status is Status.SENT
        assert company.effects(request.reference) == [CREATED, APPROVED, SENT]


def _with_a_note(request: InvoiceRequest) -> InvoiceRequest:
    return request.model_copy(update={"document": a_document(notes=("another",))})


async def terminated_as_a_draft(world: World) -> None:
    async with world.company() as company:
        request = company.request(hold=True)
        await company.start(request)
        await company.until_status(request.reference, Status.HELD)
        await _terminate(company, request.reference)
        with pytest.raises(ReferenceInUse, match=r"document\.notes"):
            await company.start(_with_a_note(request))
        assert company.effects(request.reference) == [CREATED]


async def credited(world: World) -> None:
    async with world.company() as company:
        request = company.request(goal=Goal.PAID)
        await company.start(request)
        await company.until_waiting(request.reference, "payment")
        await company.cancel(request.reference)
        first = await company.finished(request.reference)
        assert first.status is Status.CREDITED
        await company.start(request)
        assert await company.finished(request.reference) == first
        assert company.effects(request.reference) == [CREATED, APPROVED, SENT, CREDITED]


async def sent(world: World) -> None:
    async with world.company() as company:
        request = company.request()
        await company.start(request)
        first = await company.finished(request.reference)
        calls = company.stand_in.calls.counts
        await company.start(request)
        assert await company.finished(request.reference) == first
        assert company.stand_in.calls.counts == calls


async def rejected_when_planned(world: World) -> None:
    async with world.company() as company:
        wrong = company.request(goal=Goal.DELIVERED)
        await company.start(wrong)
        with pytest.raises(Failed):
            await company.finished(wrong.reference)
        await company.start(wrong.model_copy(update={"goal": Goal.SENT}))
        assert (await company.finished(wrong.reference)).status is Status.SENT
        assert company.effects(wrong.reference) == [CREATED, APPROVED, SENT]


ENDED = (
    cancelled_as_a_draft,
    abandoned_as_a_draft,
    abandoned_as_a_draft_of_other_content,
    abandoned_before_there_was_a_draft,
    terminated_as_a_draft,
    credited,
    sent,
    rejected_when_planned,
)


@simulated
async def test_whoever_asks_again_after_the_end_gets_what_the_end_allows(
    shared_world: World,
) -> None:
    await together({one.__name__: one(shared_world) for one in chosen(ENDED, 2)}, every=True)


@slow
async def test_fifty_requests_after_a_cancelled_one_are_one_new_invoice(company: Company) -> None:
    request = company.request(hold=True)
    await company.start(request)
    await company.until_status(request.reference, Status.HELD)
    await company.cancel(request.reference)
    await company.finished(request.reference)
    again = request.model_copy(update={"hold": False})
    await asyncio.gather(*(company.client.invoices.start(again) for _ in range(50)))
    assert (await company.finished(request.reference)).status is Status.SENT
    assert company.effects(request.reference) == [CREATED, DELETED, CREATED, APPROVED, SENT]


# --- asked wrongly --------------------------------------------------------------------------------


async def raw(company: Company, reference: str, content: object) -> ApplicationError:
    """Start it as a service in another language does, and get the failure."""
    handle = await company.client.temporal.start_workflow(
        WORKFLOW, content, id=workflow_id(reference), task_queue=TASK_QUEUE
    )
    with pytest.raises(WorkflowFailureError) as failed:
        await asyncio.wait_for(handle.result(), LONG_ENOUGH)
    assert isinstance(failed.value.cause, ApplicationError)
    return failed.value.cause


def written(request: InvoiceRequest, **changes: Any) -> dict[str, Any]:
    """The request as JSON, with these changes to its document."""
    content = request.model_dump(mode="json", exclude_none=True)
    content["document"] |= changes
    return content


async def misspelt(company: Company) -> None:
    request = company.request()
    failure = await raw(company, request.reference, written(request, curency="canary"))
    assert "document.curency: unknown field; did you mean currency?" in failure.message
    assert "canary" not in failure.message


async def of_a_wrong_type(company: Company) -> None:
    request = company.request()
    failure = await raw(company, request.reference, written(request, lines="canary"))
    assert "document.lines: must be a list" in failure.message
    assert "canary" not in failure.message


async def with_a_binary_float(company: Company) -> None:
    request = company.request()
    content = written(request)
    content["document"]["lines"][0]["unit_price"] = 19.99
    failure = await raw(company, request.reference, content)
    assert "document.lines[0].unit_price: write the number in quotes" in failure.message
    assert "19.99" not in failure.message


async def without_a_reference(company: Company) -> None:
    request = company.request()
    content = written(request)
    del content["reference"]
    failure = await raw(company, request.reference, content)
    assert "reference: is required" in failure.message


async def with_a_name_as_reference(company: Company) -> None:
    request = company.request()
    content = {**written(request), "reference": "Canary Person"}
    failure = await raw(company, request.reference, content)
    assert "reference: must be 1 to 100 letters" in failure.message
    assert "Canary" not in failure.message


async def that_is_no_object(company: Company) -> None:
    request = company.request()
    failure = await raw(company, request.reference, "canary")
    assert "must be an object with named fields" in failure.message
    assert "canary" not in failure.message


async def test_an_input_with_a_mistake_fails_at_once_and_names_it(company: Company) -> None:
    """No first task that is tried for ever, and no value in the message."""
    wrong = (
        misspelt,
        of_a_wrong_type,
        with_a_binary_float,
        without_a_reference,
        with_a_name_as_reference,
        that_is_no_object,
    )
    await together({scenario.__name__: scenario(company) for scenario in wrong})
    assert company.stand_in.calls.all == ()


@detail
async def test_a_reference_is_not_lost_to_an_input_with_a_mistake(company: Company) -> None:
    request = company.request()
    await raw(company, request.reference, written(request, curency="EUR"))
    await company.start(request)
    assert (await company.finished(request.reference)).status is Status.SENT


@detail
async def test_an_input_in_another_language_makes_the_same_invoice(company: Company) -> None:
    request = company.request()
    handle = await company.client.temporal.start_workflow(
        WORKFLOW,
        written(request),
        id=workflow_id(request.reference),
        task_queue=TASK_QUEUE,
        result_type=Invoice,
    )
    assert (await asyncio.wait_for(handle.result(), LONG_ENOUGH)).status is Status.SENT
    assert company.effects(request.reference) == [CREATED, APPROVED, SENT]


async def test_every_kind_of_value_that_is_checked_can_be_read_in_a_workflow(
    company: Company,
) -> None:
    """The libraries that check them are used there again, whenever an invoice is read back."""
    buyer = Party(
        name="Canary Energy BV",
        account_number="K-1001",
        vat_number="BE0403019261",
        address=Address(country="BE"),
        contact=Contact(email="invoices@example.com"),
    )
    payment = Payment(iban="BE68539007547034", bic="GKCCBEBB", means="30")
    document = {"buyer": buyer, "payment": payment, "contract": "CT-2024-0001"}
    reference = await company.start(document=document, goal=Goal.DRAFTED)
    assert (await company.finished(reference)).status is Status.DRAFTED


async def test_an_account_that_is_not_configured_is_named(company: Company) -> None:
    request = company.request().model_copy(update={"account": "nobodys"})
    await company.start(request)
    with pytest.raises(Failed, match="account 'nobodys' is not configured"):
        await company.finished(request.reference)
    assert (await company.client.invoices.state(request.reference)).status is Status.REJECTED


async def test_a_goal_that_cannot_be_seen_is_refused_before_anything_is_made(
    company: Company,
) -> None:
    reference = await company.start(goal=Goal.DELIVERED)
    with pytest.raises(Failed) as failed:
        await company.finished(reference)
    failure = failed.value.__cause__
    assert isinstance(failure, WorkflowFailureError)
    assert isinstance(failure.cause, ApplicationError)
    assert failure.cause.type == "Unsupported"
    assert [detail["field"] for detail in failure.cause.details] == ["goal"]
    state = await company.client.invoices.state(reference)
    assert (state.status, state.ended) == (Status.REJECTED, True)
    assert company.stand_in.calls.all == ()

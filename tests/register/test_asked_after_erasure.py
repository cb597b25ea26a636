"""What was erased: what it says to whoever asks for it, and what may not be erased yet."""

from __future__ import annotations

import asyncio

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import WorkflowExecutionStatus, WorkflowFailureError

from invoicing.client import InvoicingClient
from invoicing.errors import KeysAway
from invoicing.state.identity import TASK_QUEUE, WORKFLOW, workflow_id
from invoicing.state.invoice import Hold, Invoice, Status
from invoicing.temporal.converter import Erased, data_converter
from register.keys import KeyStore
from starter import Code
from tests.examples import a_document, a_line
from tests.lifecycle.office import a_credit
from tests.lifecycle.test_encryption import until_event
from tests.lifecycle.test_orders import a_delivery, an_order
from tests.lifecycle.test_orders import until as until_order
from tests.lifecycle.test_privacy import collected as collected
from tests.patience import LONG_ENOUGH
from tests.register.erased import ORDER_LINE, WHY, Here, her_document, readable
from tests.register.erased import here as here
from tests.register.erased import server as server
from tests.register.postgres import on_both_when_thorough
from tests.tiers import detail, slow


async def _erased(here: Here) -> str:
    reference = await here.company.start(document=her_document(), options={})
    await here.company.finished(reference)
    await here.company.client.invoices.handle(reference).result()
    await asyncio.wait_for(here.company.client.documents.wait(reference), LONG_ENOUGH)
    said = await here.typed("erase", reference, *WHY)
    assert said.exit_code == Code.DONE, said.output
    return reference


@detail
@on_both_when_thorough
async def test_an_erased_reference_is_said_to_be_erased_whatever_is_asked(here: Here) -> None:
    reference = await _erased(here)
    client = await here.newcomer()
    same = here.company.request(reference, document=her_document(), options={})
    other = here.company.request(reference)
    for call in (
        client.invoices.state(reference),
        client.invoices.journal(reference),
        client.invoices.result(reference),
        client.invoices.start(same),
        client.invoices.start(other),
        client.invoices.preview(same),
        client.invoices.hold(reference, Hold(by="Bo", reason="test")),
        client.credits.overview(reference),
        client.credits.make(reference, a_credit("C1", whole=True)),
    ):
        with pytest.raises(Erased, match=f"{reference} was erased on"):
            await call
    for command in (("show", reference), ("watch", reference)):
        said = await here.typed(*command)
        assert said.exit_code == Code.FAILED, said.output
        assert "was erased on" in said.output
    again = await here.typed("erase", reference, *WHY)
    assert again.exit_code == Code.DONE, again.output
    assert here.company.effects(reference) == ["created", "approved", "sent"]


@slow
@on_both_when_thorough
async def test_who_starts_an_erased_reference_without_the_register_is_refused_by_the_worker(
    here: Here,
) -> None:
    reference = await _erased(here)
    plain = await InvoicingClient.connect(here.world.server.address, data_converter=data_converter)
    again = here.company.request(reference)
    handle = await plain.temporal.start_workflow(
        WORKFLOW,
        again,
        id=workflow_id(reference),
        task_queue=TASK_QUEUE,
        result_type=Invoice,
    )
    with pytest.raises(WorkflowFailureError):
        await asyncio.wait_for(handle.result(), LONG_ENOUGH)
    assert (await handle.describe()).status is WorkflowExecutionStatus.FAILED
    with pytest.raises(Erased):
        await (await here.newcomer()).invoices.result(reference)
    assert here.company.effects(reference) == ["created", "approved", "sent"]


@slow
@on_both_when_thorough
async def test_an_erased_invoice_that_is_reset_makes_nothing_and_ends_at_once(
    here: Here,
) -> None:
    reference = await _erased(here)
    temporal = here.company.client.temporal
    handle = temporal.get_workflow_handle(workflow_id(reference))
    last = await handle.describe()
    reset = await temporal.workflow_service.reset_workflow_execution(
        ResetWorkflowExecutionRequest(
            namespace=temporal.namespace,
            workflow_execution=WorkflowExecution(workflow_id=handle.id, run_id=last.run_id),
            reason="test",
            workflow_task_finish_event_id=4,
            request_id="reset",
        )
    )
    run = temporal.get_workflow_handle(handle.id, run_id=reset.run_id)
    with pytest.raises(Erased):
        await asyncio.wait_for(run.result(), LONG_ENOUGH)
    assert (await run.describe()).status is WorkflowExecutionStatus.FAILED
    assert here.company.effects(reference) == ["created", "approved", "sent"]
    said = await here.typed("show", reference)
    assert "was erased on" in said.output


@detail
@on_both_when_thorough
async def test_before_the_end_nothing_is_erased(here: Here) -> None:
    reference = await here.company.start(document=her_document(), options={}, hold=True)
    await here.company.until_status(reference, Status.HELD)
    said = await here.typed("erase", reference, *WHY)
    # The register may know it by an earlier status, or not at all yet.
    assert said.exit_code in (Code.FAILED, Code.NOT_FOUND), said.output
    assert "it has not ended" in said.output or "has nothing of it" in said.output
    await here.company.release(reference)
    assert (await here.company.finished(reference)).status is Status.SENT


@slow
@on_both_when_thorough
async def test_a_delivery_s_invoice_is_erased_after_its_order(here: Here) -> None:
    company = here.company
    line = a_line(1, name=ORDER_LINE)
    order = an_order(company, "1", document=a_document(**{**her_document(), "lines": (line,)}))
    await company.client.orders.start(order)
    await company.client.orders.deliver(order.reference, a_delivery("D1", "1"))
    state = await until_order(company, order.reference, lambda order: order.ended)
    invoice = state.deliveries[0].reference
    await company.client.orders.handle(order.reference).result()
    await company.client.invoices.handle(invoice).result()
    await asyncio.wait_for(company.client.documents.wait(invoice), LONG_ENOUGH)
    first = await here.typed("erase", invoice, *WHY)
    assert first.exit_code == Code.FAILED, first.output
    assert f"it belongs to order {order.reference}: erase that first" in first.output
    assert ORDER_LINE in await readable(here)
    for what in ((order.reference, "--order"), (invoice,)):
        said = await here.typed("erase", *what, *WHY)
        assert said.exit_code == Code.DONE, said.output
    assert ORDER_LINE not in await readable(here)
    with pytest.raises(Erased, match=order.reference):
        await (await here.newcomer()).orders.state(order.reference)


# --- the register is away -------------------------------------------------------------------------


@slow
@on_both_when_thorough
async def test_a_register_that_is_away_ends_nothing_and_all_goes_on_when_it_is_back(
    here: Here, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    company = here.company
    reference = await company.start(hold=True)
    await company.until_status(reference, Status.HELD)

    def away(work: object) -> object:
        raise KeysAway("the register is away (test)")

    client = await here.newcomer()
    with monkeypatch.context() as gone:
        gone.setattr(KeyStore, "_told", staticmethod(away))
        with pytest.raises(KeysAway, match="away"):
            await client.invoices.state(reference)
        # By somebody whose key it does not need: the worker cannot read what the invoice is.
        plain = await InvoicingClient.connect(
            here.world.server.address, data_converter=data_converter
        )
        handle = plain.temporal.get_workflow_handle(workflow_id(reference))
        await handle.signal("provider_event", {"id": "e1"})
        failed = EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED
        await asyncio.wait_for(until_event(company, reference, failed), LONG_ENOUGH)
        assert (await handle.describe()).status is WorkflowExecutionStatus.RUNNING
    await company.release(reference)
    assert (await company.finished(reference, 60)).status is Status.SENT
    assert company.effects(reference) == ["created", "approved", "sent"]

"""The stand-in for Mollie, driven by Mollie's own client for Python.

Nothing of ours is between them: the client writes every request from the vendor's document and
reads every answer into the vendor's types, so what the document forbids shows here.
"""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from mollie import ClientSDK, models

from sandbox import mollie
from sandbox.kit.server import serve
from tests.sandbox.test_mollie import BODY, EMAIL, LINE, RECIPIENT
from tests.tls import NO_TLS

KEY = "123e4567-e89b-42d3-a456-426614174000"


@pytest_asyncio.fixture
async def stand_in() -> AsyncIterator[mollie.MollieStandIn]:
    # The list's name is what this client reads; the older document has another.
    async with serve(mollie.MollieStandIn(list_name="invoices")) as served:
        yield served


@pytest_asyncio.fixture
async def invoices(stand_in: mollie.MollieStandIn) -> AsyncIterator[Any]:
    """The client's sales invoices. Nothing is tried twice: one call here is one call there."""
    async with (
        httpx.AsyncClient(timeout=5, verify=NO_TLS) as http,
        ClientSDK(
            security=models.Security(api_key=mollie.TEST_KEY),
            server_url=stand_in.url,
            async_client=http,
            retry_config=None,
        ) as client,
    ):
        yield client.sales_invoices


async def create(invoices: Any, key: str | None = None, **changes: Any) -> Any:
    request = models.SalesInvoiceRequest.model_validate(copy.deepcopy(BODY) | changes)
    return await invoices.create_async(sales_invoice_request=request, idempotency_key=key)


async def update(invoices: Any, identity: str, **changes: Any) -> Any:
    request = models.UpdateSalesInvoiceRequestBody.model_validate(changes)
    return await invoices.update_async(sales_invoice_id=identity, request_body=request)


async def refused(call: Any) -> models.ErrorResponseData:
    """What the client says of a refusal, in the vendor's own type."""
    with pytest.raises((models.ErrorResponse, models.APIError)) as caught:
        await call
    told = models.ErrorResponseData.model_validate_json(caught.value.body)
    assert told.status == caught.value.status_code
    return told


async def test_a_draft_is_created_and_read_into_the_vendor_s_types(invoices: Any) -> None:
    made = await create(invoices)
    assert made.status == "draft"
    assert made.invoice_number is None
    assert made.total_amount.value == "107.69"
    assert made.metadata == {"reference": "INV-1"}
    assert made.links.self_.href.endswith(made.id)
    assert await invoices.get_async(sales_invoice_id=made.id) == made


async def test_the_same_key_is_answered_the_same_and_makes_no_second(
    invoices: Any, stand_in: mollie.MollieStandIn
) -> None:
    assert await create(invoices, KEY) == await create(invoices, KEY)
    assert len(stand_in.ledger.live("INV-1")) == 1


async def test_the_same_key_with_another_body_is_refused(invoices: Any) -> None:
    await create(invoices, KEY)
    assert (await refused(create(invoices, KEY, memo="another"))).status == 400


async def test_a_list_is_read_page_by_page(invoices: Any) -> None:
    made = [(await create(invoices)).id for _ in range(3)]
    page = await invoices.list_async(limit=2)
    assert page.result.count == 2
    assert page.result.links.documentation.type == "text/html"
    seen = [one.id for one in page.result.embedded.invoices]
    following = await page.next()
    seen += [one.id for one in following.result.embedded.invoices]
    assert seen == made[::-1]
    assert following.result.links.next is None


async def test_an_empty_list_is_a_list(invoices: Any) -> None:
    page = await invoices.list_async()
    assert (page.result.count, page.result.embedded.invoices) == (0, [])


async def test_a_draft_is_given_all_that_an_update_may_have(
    invoices: Any, stand_in: mollie.MollieStandIn
) -> None:
    """The amounts are made anew from the lines, also where they were wrong before."""
    stand_in.faults.place("create", "changed_amount")
    made = await create(invoices)
    assert made.total_amount.value == "107.70"
    wanted: dict[str, Any] = {
        "memo": "for June",
        "paymentTerm": "14 days",
        "recipientIdentifier": "C-2",
        "recipient": RECIPIENT | {"city": "Utrecht"},
        "lines": [LINE | {"quantity": 2}],
        "discount": {"type": "amount", "value": "8.00"},
    }
    changed = await update(invoices, made.id, **wanted)
    assert changed == await invoices.get_async(sales_invoice_id=made.id)
    anew = await create(invoices, **wanted)
    aside = {"id", "created_at", "links"}
    assert changed.model_dump(exclude=aside) == anew.model_dump(exclude=aside)
    assert (changed.id, changed.status) == (made.id, "draft")


async def test_a_draft_is_changed_issued_and_paid(
    invoices: Any, stand_in: mollie.MollieStandIn
) -> None:
    made = await create(invoices)
    changed = await update(invoices, made.id, memo="for June", lines=[LINE | {"quantity": 2}])
    assert (changed.memo, changed.total_amount.value) == ("for June", "215.38")
    issued = await update(invoices, made.id, status="issued", emailDetails=EMAIL)
    assert (issued.status, issued.invoice_number) == ("issued", "INV-0000001")
    assert issued.links.pdf_link.type == "application/pdf"
    paid = await update(invoices, made.id, status="paid", paymentDetails={"source": "manual"})
    assert (paid.status, paid.amount_due.value) == ("paid", "0.00")
    assert paid.payment_details[0].source == "manual"
    assert stand_in.ledger.effects("INV-1") == ["created", "approved", "sent", "paid"]


async def test_an_e_invoice_is_issued_and_says_so(
    invoices: Any, stand_in: mollie.MollieStandIn
) -> None:
    made = await create(invoices, isEInvoice=True)
    assert made.e_invoice_status is None
    await update(invoices, made.id, status="issued")
    await stand_in.ledger.reached("sent", "INV-1")
    assert (await invoices.get_async(sales_invoice_id=made.id)).e_invoice_status == "issued"


async def test_an_issued_invoice_is_cancelled(
    invoices: Any, stand_in: mollie.MollieStandIn
) -> None:
    made = await create(invoices, status="issued", emailDetails=EMAIL)
    cancelled = await update(invoices, made.id, status="cancelled")
    assert cancelled.amount_due.value == "0.00"
    assert stand_in.ledger.live("INV-1") == ()


async def test_a_recurring_payment_names_its_customer_and_mandate(invoices: Any) -> None:
    collected: dict[str, Any] = {
        "customerId": mollie.CUSTOMER,
        "mandateId": mollie.MANDATE,
        "emailDetails": EMAIL,
    }
    made = await create(invoices, status="paid", **collected)
    assert (made.customer_id, made.mandate_id) == (mollie.CUSTOMER, mollie.MANDATE)


async def test_a_draft_is_deleted_and_gone(invoices: Any) -> None:
    made = await create(invoices)
    await invoices.delete_async(sales_invoice_id=made.id)
    assert (await refused(invoices.get_async(sales_invoice_id=made.id))).status == 404


async def test_an_issued_invoice_is_not_deleted(invoices: Any) -> None:
    made = await create(invoices, status="issued", emailDetails=EMAIL)
    assert (await refused(invoices.delete_async(sales_invoice_id=made.id))).status == 422


async def test_a_refusal_names_its_field(invoices: Any) -> None:
    buyer = {name: value for name, value in RECIPIENT.items() if name != "vatNumber"}
    told = await refused(create(invoices, recipient=buyer))
    assert (told.status, told.title, told.field) == (
        422,
        "Unprocessable Entity",
        "recipient.vatNumber",
    )
    assert told.links.documentation.href.startswith("https://docs.mollie.com")


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_fault_of_the_wire_has_the_body_of_an_error(
    invoices: Any, stand_in: mollie.MollieStandIn, status: int
) -> None:
    """Whoever answers 429 at Mollie answers it as everything else."""
    stand_in.faults.place("read", str(status))
    told = await refused(invoices.get_async(sales_invoice_id="invoice_x"))
    assert told.status == status

"""Mollie: a draft that is corrected is given its new content in place, and then says no more and no
less than one that is made from it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx
import pytest
import pytest_asyncio

from invoicing.errors import Rejected, UnknownOutcome, Unsupported
from invoicing.provider import CreateCall, Plan, Stage, Target
from invoicing.request import InvoiceRequest
from providers.mollie.adaptor import Mollie
from sandbox import mollie
from sandbox.kit.server import serve
from tests.providers import Script, answer
from tests.providers.test_mollie import (
    BUYER,
    CONSUMER,
    EMAIL,
    ID,
    LINE,
    PATCH,
    TARGET,
    adaptor,
    invoice,
    line,
    refusal,
    request,
)
from tests.tls import NO_TLS

DISCOUNT = {"amount": "9.00", "vat": {"rate": "21"}}
MOVED = {**BUYER, "address": {**BUYER["address"], "street": "Damrak 2"}}
CORRECTIONS: Mapping[str, Mapping[str, Any]] = {
    "another price": {"lines": [line(unit_price="99")]},
    "another line": {"lines": [LINE, line(id="2", name="Travel", unit_price="12.50")]},
    "another rate": {"lines": [line(vat={"rate": "9"})]},
    "a discount on the line": {"lines": [line(allowances=[{"amount": "9.00"}])]},
    "another address": {"buyer": MOVED},
    "another buyer": {"buyer": {**MOVED, "name": "Other BV", "account_number": "C-2"}},
    "another term": {"due_date": "2026-07-14"},
}
ONLY_ANEW: Mapping[str, Mapping[str, Any]] = {
    "prices with VAT": {"prices_include_vat": True},
    "a memo more": {"notes": ["For June"]},
    "a discount more": {"allowances": [DISCOUNT]},
    "a phone number more": {"buyer": {**BUYER, "contact": {**BUYER["contact"], "phone": "+31"}}},
    "a consumer": {"buyer": CONSUMER},
    "another currency": {"currency": "USD"},
    "no term": {"due_date": None},
}
SHOWN_BY_TIME = ("id", "createdAt", "_links")


@pytest_asyncio.fixture
async def stand_in() -> AsyncIterator[mollie.MollieStandIn]:
    async with serve(mollie.MollieStandIn(reference_key="invoicing_reference")) as served:
        yield served


@pytest_asyncio.fixture
async def provider(stand_in: mollie.MollieStandIn) -> AsyncIterator[Mollie]:
    mail = {"email_subject": EMAIL["subject"], "email_body": EMAIL["body"]}
    settings = Mollie.Settings.model_validate({**stand_in.account(), **mail})
    async with httpx.AsyncClient(verify=NO_TLS) as http:
        yield Mollie(settings, http)  # type: ignore[arg-type]


def asked(changes: Mapping[str, Any] | None = None, **options: Any) -> InvoiceRequest:
    return request(dict(changes or {}), options={"issue_date": "day_of_issuing", **options})


async def call(provider: Mollie, wanted: InvoiceRequest, draft: str | None = None) -> CreateCall:
    plan = await provider.plan(wanted)
    target = Target(account="default", reference="ref-1", provider_id=draft, context=plan.context)
    return CreateCall(
        target=target, document=wanted.document, options=wanted.options, totals=plan.totals
    )


async def plan(provider: Mollie, changes: Mapping[str, Any], **options: Any) -> Plan:
    return await provider.plan(asked(changes, **options))


def shown(stand_in: mollie.MollieStandIn) -> dict[str, Any]:
    """What the last draft says, without what tells two drafts apart."""
    told = stand_in.invoice("ref-1")
    return {name: value for name, value in told.items() if name not in SHOWN_BY_TIME}


@pytest.mark.parametrize("change", CORRECTIONS.values(), ids=CORRECTIONS)
async def test_an_updated_draft_says_what_one_that_is_made_anew_says(
    provider: Mollie, stand_in: mollie.MollieStandIn, change: Mapping[str, Any]
) -> None:
    assert (await plan(provider, change)).fixed == (await plan(provider, {})).fixed
    made = await provider.create(await call(provider, asked()))
    before = shown(stand_in)
    updated = await provider.update(await call(provider, asked(change), made.provider_id))
    after = shown(stand_in)
    anew = await provider.create(await call(provider, asked(change)))
    assert after == shown(stand_in) != before
    assert (updated.provider_id, updated.stage) == (made.provider_id, Stage.DRAFTED)
    assert updated.echo == anew.echo


@pytest.mark.parametrize("change", ONLY_ANEW.values(), ids=ONLY_ANEW)
async def test_what_an_update_cannot_change_or_would_have_to_clear_is_made_anew(
    provider: Mollie, change: Mapping[str, Any]
) -> None:
    assert (await plan(provider, change)).fixed != (await plan(provider, {})).fixed


async def test_the_options_that_an_update_cannot_change_are_made_anew(provider: Mollie) -> None:
    before = (await plan(provider, {})).fixed
    assert before
    assert (await plan(provider, {}, metadata={"case": "7"})).fixed != before
    assert (await plan(provider, {}, payment_term="30 days")).fixed == before


async def test_what_is_final_at_once_is_never_a_draft_to_update(provider: Mollie) -> None:
    assert (await plan(provider, {}, status="issued")).fixed == ""


async def test_an_update_is_one_call_that_says_nothing_of_the_status() -> None:
    told = Script().on(PATCH, answer(invoice()))
    made = adaptor(told)
    await made.update(await call(made, asked(), ID))
    assert told.routes() == [PATCH]
    assert sorted(told.body(PATCH)) == ["lines", "paymentTerm", "recipient", "recipientIdentifier"]


async def test_the_same_update_once_more_changes_nothing(
    provider: Mollie, stand_in: mollie.MollieStandIn
) -> None:
    made = await provider.create(await call(provider, asked()))
    change = await call(provider, asked(CORRECTIONS["another price"]), made.provider_id)
    await provider.update(change)
    once = shown(stand_in)
    await provider.update(change)
    assert shown(stand_in) == once


async def test_what_is_issued_is_not_updated(provider: Mollie) -> None:
    made = await provider.create(await call(provider, asked()))
    change = await call(provider, asked(), made.provider_id)
    await provider.approve(change.target)
    with pytest.raises(Rejected):
        await provider.update(change)


@pytest.mark.parametrize("status", [408, 429, 500, 503])
async def test_an_update_of_which_nobody_knows_is_in_doubt(status: int) -> None:
    made = adaptor(Script().on(PATCH, refusal(status)))
    with pytest.raises(UnknownOutcome):
        await made.update(await call(made, asked(), ID))


async def test_a_credit_note_is_nothing_to_update() -> None:
    target = TARGET.model_copy(update={"context": {"credits": "invoice_1"}})
    made = adaptor(Script())
    change = await call(made, asked())
    with pytest.raises(Unsupported):
        await made.update(change.model_copy(update={"target": target}))

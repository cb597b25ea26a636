"""Zero Friction's master data, kept: how often it is asked for, and what a refusal does."""

from __future__ import annotations

from typing import Any

import pytest

from invoicing.errors import Rejected, Stale, Unavailable
from invoicing.provider import CreateCall, LookUpCall, Snapshot, Target
from providers.zero_friction.adaptor import ZeroFriction
from providers.zero_friction.looking import STALE
from providers.zero_friction.states import ERROR_KEYS
from tests.providers import Script, answer
from tests.providers.test_zero_friction import (
    CONTEXT,
    FILTER,
    INVOICE,
    INVOICES,
    adaptor,
    enveloped,
    failure,
    page,
    request,
    script,
)

CODES = "GET /api/cfg/TaxCodes"
ACCOUNTS = "GET /api/cfg/BankAccounts"
CUSTOMERS = "POST /api/md/Customers/filter"
CREATE = f"POST {INVOICES}"


def code(identity: str, rate: int = 21) -> dict[str, Any]:
    return {"id": identity, "name": identity, "rates": [{"rate": rate}]}


def account(identity: str) -> dict[str, Any]:
    return {"id": identity, "isDefault": True}


def provider() -> Script:
    return (
        script()
        .on(CUSTOMERS, page({"id": "customer-1", "accountNumber": "C-1"}))
        .on(CODES, page(code("tax-21")))
        .on(ACCOUNTS, page(account("account-1")))
        .on(FILTER, page())
        .on(CREATE, enveloped({"id": "inv-1"}))
    )


async def looked_up(zero: ZeroFriction) -> dict[str, Any]:
    plan = await zero.plan(request())
    context = dict(plan.context)
    for one in (one for wave in plan.look_ups for one in wave):
        target = Target(account="default", reference="ref-1", context=context)
        context |= (await zero.look_up(LookUpCall(target=target, look_up=one))).context
    return context


async def created(zero: ZeroFriction, context: dict[str, Any]) -> Snapshot:
    asked = request()
    plan = await zero.plan(asked)
    target = Target(account="default", reference="ref-1", context=context)
    call = CreateCall(target=target, document=asked.document, totals=plan.totals)
    return await zero.create(call)


class TestHowOften:
    async def test_a_second_invoice_asks_for_its_customer_alone(self) -> None:
        told = provider()
        zero = adaptor(told)
        first = await looked_up(zero)
        asked = len(told.asked)
        assert await looked_up(zero) == first
        assert told.routes()[asked:] == [CUSTOMERS]

    async def test_it_can_be_switched_off(self) -> None:
        told = provider()
        zero = adaptor(told, master_data_seconds=0)
        await looked_up(zero)
        asked = len(told.asked)
        await looked_up(zero)
        assert sorted(told.routes()[asked:]) == sorted([CUSTOMERS, CODES, ACCOUNTS])

    async def test_another_account_asks_for_its_own(self) -> None:
        told = provider()
        for organisation in ("one", "other"):
            await looked_up(adaptor(told, organisation_id=organisation))
        assert told.routes().count(CODES) == 2

    async def test_a_code_that_no_kept_list_has_is_looked_for_in_a_new_one(self) -> None:
        told = provider().on(CODES, page(code("tax-6", 6)), page(code("tax-21")))
        zero = adaptor(told)
        with pytest.raises(Rejected):
            await looked_up(zero)
        assert (await looked_up(zero))["tax_codes"] == {"21": "tax-21"}
        assert told.routes().count(CODES) == 2

    async def test_after_a_draft_is_deleted_it_is_asked_for_again(self) -> None:
        told = provider().on(f"DELETE {INVOICE}", enveloped(True))
        zero = adaptor(told)
        await looked_up(zero)
        await zero.delete(Target(account="default", reference="ref-1", provider_id="inv-1"))
        await looked_up(zero)
        assert told.routes().count(CODES) == 2


class TestARefusedDraft:
    @pytest.mark.parametrize("key", sorted(STALE))
    async def test_one_for_what_was_looked_up_is_stale_and_drops_what_is_kept(
        self, key: str
    ) -> None:
        told = provider().on(CREATE, failure(key))
        zero = adaptor(told)
        with pytest.raises(Stale) as refused:
            await created(zero, await looked_up(zero))
        assert refused.value.code == key
        assert told.routes().count(CREATE) == 1
        await looked_up(zero)
        assert told.routes().count(CODES) == 2

    async def test_every_such_refusal_is_one_that_is_known(self) -> None:
        assert ERROR_KEYS.keys() >= STALE

    async def test_another_refusal_is_not_stale_and_drops_what_is_kept(self) -> None:
        told = provider().on(CREATE, failure("COULD_NOT_CREATE_INVOICE"))
        zero = adaptor(told)
        with pytest.raises(Rejected) as refused:
            await created(zero, await looked_up(zero))
        assert type(refused.value) is Rejected
        await looked_up(zero)
        assert told.routes().count(CODES) == 2

    async def test_with_nothing_kept_no_refusal_is_stale(self) -> None:
        told = provider().on(CREATE, failure("TAX_CODE_NOT_FOUND"))
        with pytest.raises(Rejected) as refused:
            await created(adaptor(told, master_data_seconds=0), CONTEXT)
        assert type(refused.value) is Rejected


async def test_a_provider_that_is_down_is_no_refusal() -> None:
    told = provider().on(CODES, answer(status=503))
    with pytest.raises(Unavailable):
        await looked_up(adaptor(told))

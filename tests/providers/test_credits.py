"""What of an invoice every adaptor credits, as its plan says: no call is made."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from activities.invoice import InvoiceActivities
from invoicing.credits.credit import Credit, CreditLedger, Requested
from invoicing.credits.document import request_of
from invoicing.credits.portion import portion
from invoicing.errors import ProviderError, Unsupported
from invoicing.provider import PaymentStatus, Plan, Stage
from invoicing.provider.crediting import uncredited
from invoicing.request import Goal, InvoiceRequest
from invoicing.state.invoice import Invoice, Status
from invoicing.totals import Totals
from providers.matrix import credits_page
from providers.quiddly.adaptor import Quiddly
from providers.registry import ADAPTORS
from tests.providers import Script
from tests.providers.contracts import described

CONTRACTS = described()
ROOT = Path(__file__).resolve().parents[2]
TAKEN = ("whole", "line", "quantity", "amount")
ID = "7f1d6d4e-27a5-4c39-9bd3-0d7b5b1a3c11"
NAMED = {"quiddly": {"number": "C-1", "options": {"type": "CREDIT_INVOICE"}}}


def _wanted(provider: str, what: str, rate: str, line: str) -> Credit:
    parts: dict[str, Any] = {
        "whole": {"whole": True},
        "line": {"lines": [{"id": line}]},
        "quantity": {"lines": [{"id": line, "quantity": "1"}]},
        "amount": {"amounts": [{"rate": rate, "amount": "10.00"}]},
    }
    given = {"credit": "C1", "by": "an operator", "reason": "came back", **parts[what]}
    return Credit.model_validate({**given, **NAMED.get(provider, {})})


async def _credit(provider: str, what: str, **changes: Any) -> tuple[InvoiceRequest, Any]:
    """The request for a credit of the adaptor's ordinary invoice, and the adaptor."""
    contract = CONTRACTS[provider]()
    adaptor = contract.made(Script())
    asked = contract.asked(
        options={name: one for name, one in contract.options.items() if name != "pdf"}
    )
    plan: Plan = await adaptor.plan(asked)
    known = Requested(
        request=asked,
        invoice=Invoice(
            reference=asked.reference,
            provider=provider,
            account="default",
            goal=asked.goal,
            payment=PaymentStatus.UNPAID,
            status=Status.SENT,
            stage=Stage.SENT,
            provider_id=ID,
            number="2026-0042",
        ),
        rounding=contract.rounding,
        context=plan.context,
    )
    ledger = CreditLedger.of(asked.document, contract.rounding)
    line = asked.document.lines[0]
    wanted = _wanted(provider, what, str(line.vat.rate), line.id)
    wanted = wanted.model_copy(update=changes)
    taken = portion(ledger, wanted)
    return request_of(known, ledger, taken, wanted, date(2026, 7, 1)), adaptor


async def _planned(request: InvoiceRequest, adaptor: Any) -> Plan:
    return await InvoiceActivities({"default": adaptor}).plan(request)


def _sums(totals: Totals) -> tuple[Any, Any, Any]:
    return totals.net, totals.vat, totals.gross


@pytest.mark.parametrize("what", TAKEN)
@pytest.mark.parametrize("provider", sorted(ADAPTORS))
async def test_a_credit_is_planned_to_the_cent_or_refused_with_a_sentence(
    provider: str, what: str
) -> None:
    request, adaptor = await _credit(provider, what)
    if why := uncredited(adaptor, whole=what == "whole"):
        with pytest.raises(ApplicationError, match=why):
            await _planned(request, adaptor)
        return
    if what == "amount" and (why := adaptor.crediting.amounts):
        with pytest.raises(Unsupported) as caught:
            await adaptor.plan(request)
        assert why in {each.message for each in caught.value.fields}
        return
    plan = await _planned(request, adaptor)
    assert request.credits is not None
    assert _sums(plan.totals) == (
        request.credits.net,
        request.credits.vat,
        request.credits.gross,
    )
    assert not plan.credits, "a credit note is not credited"


async def test_an_adaptor_that_says_nothing_of_credits_is_refused_each() -> None:
    request, adaptor = await _credit("invoro", "whole")

    class Silent:
        name = "silent"

        def __getattr__(self, name: str) -> Any:
            if name == "credits_in":
                raise AttributeError(name)
            return getattr(adaptor, name)

    with pytest.raises(
        ApplicationError, match="no invoice of this provider can be credited from here"
    ):
        await _planned(request, Silent())
    assert uncredited(Silent(), whole=True)


async def test_where_delivery_of_a_note_cannot_be_seen_the_refusal_says_what_to_name() -> None:
    request, adaptor = await _credit("mollie", "whole", goal=Goal.DELIVERED)
    with pytest.raises(Unsupported) as caught:
        await adaptor.plan(request)
    assert [each.field for each in caught.value.fields] == ["goal"]
    assert "name the goal sent in the credit" in str(caught.value.fields[0])
    request, adaptor = await _credit("mollie", "whole", goal=Goal.SENT)
    assert await adaptor.plan(request)


@pytest.mark.parametrize("provider", ["mollie", "zero_friction"])
async def test_a_number_for_a_note_that_the_provider_numbers_is_refused(provider: str) -> None:
    request, adaptor = await _credit(provider, "whole", number="C-1")
    with pytest.raises(Unsupported) as caught:
        await adaptor.plan(request)
    assert [each.field for each in caught.value.fields] == ["document.number"]


async def test_a_credit_invoice_without_number_or_type_says_what_to_name() -> None:
    request, _ = await _credit("quiddly", "whole", number=None, options={})
    contract = CONTRACTS["quiddly"]()
    adaptor = Quiddly(contract.set(credit_type=None), Script().client())
    with pytest.raises(ProviderError) as caught:
        await adaptor.plan(request)
    fields = {each.field for each in caught.value.fields}
    assert fields == {"document.number", "document.type"}


def test_the_table_of_credits_is_the_one_in_the_docs() -> None:
    """`python -m providers.matrix docs` writes it anew."""
    written = (ROOT / "docs" / "credits.md").read_text(encoding="utf-8")
    assert written == credits_page(dict(sorted(ADAPTORS.items())))

"""Zero Friction: what is looked up before a draft, one call each.

Bank accounts, tax codes and billing items are the organisation's own and change rarely: their lists
are kept for as long as the settings say.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from pydantic import JsonValue

from invoicing.errors import FieldProblem, Rejected
from invoicing.provider import (
    Found,
    LookUpCall,
)
from providers.kit.api import Api
from providers.kit.http import Json
from providers.kit.keeping import Kept
from providers.kit.wire import parse
from providers.zero_friction.decode import (
    BankAccount,
    BillingItem,
    Contract,
    Customer,
    PropertyGroupConfiguration,
    ServiceLocation,
    TaxCode,
    Thing,
    only,
)
from providers.zero_friction.encode import looked_up
from providers.zero_friction.envelopes import Envelopes
from providers.zero_friction.options import (
    BankAccountChoice,
    CustomerChoice,
)
from providers.zero_friction.settings import NAME, ZeroFrictionSettings
from providers.zero_friction.states import (
    ALL,
    Context,
    ContractQuery,
    TaxQuery,
    TaxWanted,
)

_Chosen = TypeVar("_Chosen")

KEPT = ("bank account", "tax codes", "billing items")
"""The look-ups whose lists are kept."""

STALE = frozenset(
    {
        "TAXCODE_DOES_NOT_EXIST",
        "TAX_CODE_NOT_FOUND",
        "INVOICE_LINE_SPANS_MULTIPLE_TAX_RATE_PERIODS",
        "INVOICE_LINE_SPANS_NO_TAX_RATE_PERIODS",
        "BANK_ACCOUNT_NOT_FOUND",
        "BILLING_ITEM_DOES_NOT_EXIST",
    }
)
"""Refusals that may come of a list that was kept for too long: nothing was done."""


class LookUps:
    """What an invoice refers to there, found by what the caller knows of it."""

    def __init__(self, api: Api, envelopes: Envelopes, settings: ZeroFrictionSettings) -> None:
        self._api = api
        self._envelopes = envelopes
        self._settings = settings
        self._kept = Kept(settings.master_data_seconds)

    def drop(self) -> None:
        """Keep no list any longer."""
        self._kept.drop()

    @property
    def keeps(self) -> bool:
        """Whether any list is kept."""
        return self._kept.keeps

    async def look_up(self, call: LookUpCall) -> Found:
        """See the port. Every answer must be exactly one thing; only ids go into the context."""
        context = Context.model_validate(call.target.context)
        query: dict[str, Any] = call.look_up.query
        match call.look_up.name:
            case "customer":
                return await self._customer(CustomerChoice.model_validate(query))
            case "bank account":
                return await self._bank_account(BankAccountChoice.model_validate(query))
            case "tax codes":
                return await self._tax_codes(TaxQuery.model_validate(query).wanted)
            case "billing items":
                return await self._billing_items(query["names"])
            case "contract":
                return await self._contract(ContractQuery.model_validate(query), context)
            case "service locations":
                return await self._service_locations(query["external_ids"], context)
            case "property group":
                return await self._property_group(context)
            case unknown:
                raise Rejected(f"{NAME}: there is no look-up called {unknown}")

    async def _customer(self, choice: CustomerChoice) -> Found:
        text = choice.account_number or choice.name or choice.search
        body: dict[str, Json] = {"flexSearch": text}
        if choice.account_number is None:
            body["nameContains"] = text
        request = self._api.call(
            "customer", "POST", "/api/md/Customers/filter", json=body, changes=False
        )
        known = [
            one
            for one in await self._envelopes.listed(Customer, request)
            if one.is_meant_by(choice)
        ]
        customer = only(known, "customer", "options.customer")
        return Found(context=Context(customer_id=customer.id).given(), buyer=customer.id)

    async def _bank_account(self, choice: BankAccountChoice) -> Found:
        def chosen(known: Sequence[BankAccount]) -> BankAccount:
            meant = [one for one in known if one.is_meant_by(choice)]
            return only(meant, "bank account", "options.bank_account")

        account = await self._judged("bank account", BankAccount, "BankAccounts", chosen)
        return Found(context=Context(bank_account_id=account.id).given())

    async def _tax_codes(self, wanted: tuple[TaxWanted, ...]) -> Found:
        def chosen(known: Sequence[TaxCode]) -> dict[str, str]:
            found: dict[str, str] = {}
            problems: list[FieldProblem] = []
            for want in wanted:
                fitting = [code.id for code in known if code.fits(want, self._settings)]
                if len(fitting) == 1:
                    found[want.key] = fitting[0]
                else:
                    problems.extend(want.problems(len(fitting)))
            if problems:
                raise Rejected(f"{NAME}: a line has no tax code, or several", fields=problems)
            return found

        found = await self._judged("tax codes", TaxCode, "TaxCodes", chosen)
        return Found(context=Context(tax_codes=found).given())

    async def _billing_items(self, names: list[str]) -> Found:
        def chosen(known: Sequence[BillingItem]) -> dict[str, str]:
            return {
                name: only(
                    [item for item in known if item.name == name], "billing item", "options.lines"
                ).id
                for name in names
            }

        found = await self._judged("billing items", BillingItem, "BillingItems", chosen)
        return Found(context=Context(billing_items=found).given())

    async def _judged(
        self,
        name: str,
        model: type[Thing],
        route: str,
        chosen: Callable[[Sequence[Thing]], _Chosen],
    ) -> _Chosen:
        """What is chosen of one of the lists that are kept."""
        request = self._api.call(name, "GET", f"/api/cfg/{route}")
        return await self._kept.judged(name, lambda: self._envelopes.listed(model, request), chosen)

    async def _contract(self, query: ContractQuery, context: Context) -> Found:
        body: Json = {
            "customerId": looked_up(context.customer_id, "customer"),
            "excludeTerminatedContracts": not query.terminated,
        }
        request = self._api.call(
            "contract", "POST", "/api/md/Contracts/filter", query=ALL, json=body, changes=False
        )
        known = [
            one for one in await self._envelopes.listed(Contract, request) if one.is_meant_by(query)
        ]
        contract = only(known, "contract of that customer", "options.contract")
        found: dict[str, JsonValue] = {
            "contract_id": contract.id,
            "contract_number": contract.contract_number,
        }
        if query.property_group:
            groups = dict.fromkeys(group.id for group in contract.property_groups)
            found["property_group_ids"] = list(groups)
        return Found(context=found)

    async def _service_locations(self, external_ids: list[str], context: Context) -> Found:
        body: Json = {"customerId": looked_up(context.customer_id, "customer")}
        request = self._api.call(
            "service locations",
            "POST",
            "/api/md/ServiceLocations/filter",
            query=ALL,
            json=body,
            changes=False,
        )
        known = await self._envelopes.listed(ServiceLocation, request)
        found = {
            wanted: only(
                [one for one in known if one.external_id == wanted],
                "service location of that customer",
                "options.lines",
            ).id
            for wanted in external_ids
        }
        return Found(context=Context(service_locations=found).given())

    async def _property_group(self, context: Context) -> Found:
        group = only(context.property_group_ids, "property group", "options.bank_account")
        route = f"/api/bill/{self._settings.property_group_route}/{{id}}"
        request = self._api.call("property group", "GET", route, id=group)
        told = parse(PropertyGroupConfiguration, (await self._envelopes.ask(request)).data, request)
        if not told.company_bank_account_id:
            raise Rejected(f"{NAME}: the property group has no bank account configured")
        return Found(context=Context(bank_account_id=told.company_bank_account_id).given())

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from invoicing.errors import (
    ProviderError,
    Rejected,
    Unavailable,
    UnknownOutcome,
    Unreadable,
    Unsupported,
)
from invoicing.provider import (
    CreateCall,
    Delivery,
    Event,
    Figure,
    Found,
    LookUp,
    LookUpCall,
    PaymentStatus,
    Plan,
    Provider,
    ReadCall,
    Snapshot,
    Stage,
    Target,
)
from invoicing.request import InvoiceRequest
from invoicing.values import MOST_LINES
from providers.zero_friction.adaptor import ZeroFriction
from providers.zero_friction.encode import UNITS
from providers.zero_friction.envelopes import MAX_PAGES
from providers.zero_friction.settings import ZeroFrictionSettings
from providers.zero_friction.states import ERROR_KEYS, PAYMENTS
from tests.providers import Reply, Script, answer

SECRET = "canary-secret"
TOKEN = "canary-token"
SETTINGS = {
    "base_url": "https://api.example.test",
    "token_url": "https://login.example.test/token",
    "client_id": "client",
    "client_secret": SECRET,
    "subscription_key": SECRET,
    "tenant_id": "tenant",
    "organisation_id": "organisation",
}
LINE: dict[str, Any] = {
    "id": "1",
    "name": "Meter replacement",
    "quantity": "1",
    "unit_price": "100.10",
    "vat": {"rate": "21"},
}
DOCUMENT: dict[str, Any] = {
    "currency": "EUR",
    "issue_date": "2026-06-30",
    "due_date": "2026-07-30",
    "buyer": {"name": "Canary Energy BV", "account_number": "C-1"},
    "lines": [LINE],
}
CONTEXT = {
    "invoice_date": "2026-06-30T00:00:00+02:00",
    "invoice_type": "incidentalnote",
    "channel": "email",
    "customer_id": "customer-1",
    "bank_account_id": "account-1",
    "tax_codes": {"21": "tax-21"},
}
TARGET = Target(account="default", reference="ref-1", provider_id="inv-1", context=CONTEXT)
INVOICES = "/api/bill/Invoices"
INVOICE = f"{INVOICES}/inv-1"
FILTER = f"POST {INVOICES}/filter"


def fresh_token(_: httpx.Request) -> httpx.Response:
    return answer({"access_token": TOKEN, "expires_in": "3599", "token_type": "Bearer"})


def script() -> Script:
    return Script().on("POST /token", fresh_token)


def adaptor(told: Script, **settings: Any) -> ZeroFriction:
    return ZeroFriction(ZeroFrictionSettings.model_validate(SETTINGS | settings), told.client())


def enveloped(data: Any = None, **more: Any) -> httpx.Response:
    return answer({"success": True, "errors": [], "data": data} | more)


def page(*results: Any, token: str | None = None) -> httpx.Response:
    return enveloped({"results": results, "hasNextPage": bool(token), "nextPageToken": token})


def failure(*keys: str, status: int = 200) -> httpx.Response:
    errors = [{"key": key, "message": "A. Person owes 5"} for key in keys]
    return answer({"success": False, "errors": errors, "data": None}, status)


def line(**more: Any) -> dict[str, Any]:
    return LINE | more


def request(document: dict[str, Any] | None = None, **more: Any) -> InvoiceRequest:
    return InvoiceRequest.model_validate(
        {"reference": "ref-1", "provider": "zero_friction", "document": DOCUMENT | (document or {})}
        | more
    )


async def planned(document: dict[str, Any] | None = None, **more: Any) -> Plan:
    return await adaptor(script()).plan(request(document, **more))


async def refusal(document: dict[str, Any] | None = None, **more: Any) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        await planned(document, **more)
    return caught.value


def names(plan: Plan) -> list[list[str]]:
    return [[one.name for one in wave] for wave in plan.look_ups]


def query(plan: Plan, name: str) -> dict[str, Any]:
    return next(one.query for wave in plan.look_ups for one in wave if one.name == name)


async def looked_up(
    told: Script, name: str, question: dict[str, Any], context: dict[str, Any] | None = None
) -> Found:
    target = Target(account="default", reference="ref-1", context=context or {})
    call = LookUpCall(target=target, look_up=LookUp(name=name, query=question))
    return await adaptor(told).look_up(call)


async def created(
    told: Script,
    document: dict[str, Any] | None = None,
    options: dict[str, Any] | None = None,
    context: dict[str, Any] | None = None,
    **settings: Any,
) -> Snapshot:
    asked = request(document, options=options or {})
    provider = adaptor(told, **settings)
    plan = await provider.plan(asked)
    known = CONTEXT | plan.context | (context or {})
    target = Target(account="default", reference="ref-1", context=known)
    return await provider.create(
        CreateCall(
            target=target, document=asked.document, options=asked.options, totals=plan.totals
        )
    )


async def sent_body(**more: Any) -> dict[str, Any]:
    told = script().on(f"POST {INVOICES}", enveloped({"id": "inv-1"}))
    await created(told, **more)
    body: dict[str, Any] = told.body(f"POST {INVOICES}")
    return body


def invoice(**more: Any) -> dict[str, Any]:
    return {
        "id": "inv-1",
        "status": "created",
        "sent": "notsent",
        "invoiceNum": None,
        "type": "incidentalnote",
        "externalReference": "ref-1",
        "debtor": {"customerId": "customer-1", "displayName": "Canary Energy BV"},
        "totalAmountExclVAT": 100.10,
        "totalAmountInclVAT": 121.12,
        "remainingInvoiceAmount": 121.12,
        "lines": [{"amountExclVAT": 100.10, "amountInclVAT": 121.12, "vat": 21.02, "taxRate": 21}],
    } | more


async def read(reply: Reply) -> Snapshot:
    told = script().on(f"GET {INVOICE}", reply)
    return await adaptor(told).read(ReadCall(target=TARGET))


async def read_invoice(**more: Any) -> Snapshot:
    return await read(enveloped(invoice(**more)))


class TestPlan:
    async def test_it_makes_no_call_and_says_how_it_will_go(self) -> None:
        told = script()
        provider: Provider = adaptor(told)
        plan = await provider.plan(request())
        assert told.asked == []
        assert plan.totals.gross == Decimal("121.12")
        assert plan.find_first
        assert plan.credits
        assert set(plan.echoes) == {Figure.NET, Figure.VAT, Figure.GROSS, Figure.BUYER}
        assert plan.context["invoice_date"] == "2026-06-30T00:00:00+02:00"
        assert plan.call_timeout == timedelta(seconds=80)
        assert plan.paces.approval.first == timedelta(seconds=2)

    async def test_what_can_be_asked_at_once_is_asked_at_once(self) -> None:
        assert names(await planned()) == [["customer", "bank account", "tax codes"]]

    async def test_what_needs_an_answer_waits_for_it(self) -> None:
        options = {
            "bank_account": {"property_group": True},
            "line_defaults": {
                "billing_item": {"name": "Meter"},
                "service_location": {"external_id": "EAN-1"},
            },
        }
        plan = await planned({"contract": "K-1"}, options=options)
        assert names(plan) == [
            ["customer", "tax codes", "billing items"],
            ["contract", "service locations"],
            ["property group"],
        ]
        assert query(plan, "contract") == {
            "contract": {"number": "K-1"},
            "terminated": False,
            "property_group": True,
        }

    async def test_what_is_known_is_not_looked_up(self) -> None:
        options = {"customer": {"id": "customer-1"}, "bank_account": {"id": "account-1"}}
        plan = await planned(options=options)
        assert names(plan) == [["tax codes"]]
        assert plan.buyer == "customer-1"
        assert plan.context["customer_id"] == "customer-1"
        assert plan.context["bank_account_id"] == "account-1"

    @pytest.mark.parametrize(
        ("buyer", "options", "choice"),
        [
            ({"name": "Canary"}, {}, {"name": "Canary"}),
            ({"name": "Canary", "account_number": "C-1"}, {}, {"account_number": "C-1"}),
            ({"name": "Canary"}, {"customer": {"search": "Can"}}, {"search": "Can"}),
        ],
    )
    async def test_the_customer_is_chosen(
        self, buyer: dict[str, Any], options: dict[str, Any], choice: dict[str, Any]
    ) -> None:
        plan = await planned({"buyer": buyer}, options=options)
        assert query(plan, "customer") == choice

    async def test_the_bank_account_follows_from_the_payment(self) -> None:
        plan = await planned({"payment": {"iban": "BE68 5390 0754 7034"}})
        assert query(plan, "bank account") == {"iban": "BE68539007547034"}
        assert query(await planned(), "bank account") == {"default": True}

    async def test_equal_lines_ask_for_one_tax_code(self) -> None:
        lines = [line(id=str(index)) for index in range(3)] + [line(id="x", vat={"rate": "6.0"})]
        wanted = query(await planned({"lines": lines}), "tax codes")["wanted"]
        assert [(one["key"], one["lines"]) for one in wanted] == [("21", [0, 1, 2]), ("6", [3])]

    async def test_a_preset_number_is_an_echo_too(self) -> None:
        assert Figure.NUMBER in (await planned({"number": "2026-1"})).echoes

    @pytest.mark.parametrize("goal", ["drafted", "approved", "sent", "paid"])
    async def test_a_goal_it_can_show_is_accepted(self, goal: str) -> None:
        assert (await planned(goal=goal)).look_ups

    async def test_delivery_cannot_be_shown(self) -> None:
        error = await refusal(goal="delivered")
        assert isinstance(error, Unsupported)
        assert [one.field for one in error.fields] == ["goal"]

    @pytest.mark.parametrize(
        ("document", "field"),
        [
            ({"currency": "SEK"}, "document.currency"),
            ({"vat_rounding": "category"}, "document.vat_rounding"),
            ({"prices_include_vat": True}, "document.prices_include_vat"),
            ({"prepaid": "1"}, "document.prepaid"),
            ({"tax_point_date": "2026-06-01"}, "document.tax_point_date"),
            ({"payee": {"name": "X"}}, "document.payee"),
            ({"delivery": {}}, "document.delivery"),
            ({"buyer_reference": "X"}, "document.buyer_reference"),
            ({"purchase_order": "X"}, "document.purchase_order"),
            ({"sales_order": "X"}, "document.sales_order"),
            ({"project": "X"}, "document.project"),
            ({"accounting_reference": "X"}, "document.accounting_reference"),
            ({"precedents": [{"number": "1"}]}, "document.precedents"),
            ({"allowances": [{"amount": "1", "vat": {"rate": "21"}}]}, "document.allowances"),
            ({"charges": [{"amount": "1", "vat": {"rate": "21"}}]}, "document.charges"),
            ({"payment": {"means": "10"}}, "document.payment.means"),
            ({"payment": {"mandate": "M"}}, "document.payment.mandate"),
            ({"payment": {"terms": "30 days"}}, "document.payment.terms"),
            ({"lines": [line(unit="HUR")]}, "document.lines[0].unit"),
            ({"lines": [line(base_quantity="3")]}, "document.lines[0].base_quantity"),
            ({"lines": [line(allowances=[{"amount": "1"}])]}, "document.lines[0].allowances"),
            ({"lines": [line(charges=[{"amount": "1"}])]}, "document.lines[0].charges"),
            ({"lines": [line(seller_item_id="X")]}, "document.lines[0].seller_item_id"),
            ({"lines": [line(buyer_item_id="X")]}, "document.lines[0].buyer_item_id"),
            (
                {"lines": [line(standard_item_id={"value": "X", "scheme": "0160"})]},
                "document.lines[0].standard_item_id",
            ),
            ({"lines": [line(order_line="1")]}, "document.lines[0].order_line"),
            ({"lines": [line(accounting_reference="1")]}, "document.lines[0].accounting_reference"),
        ],
        ids=lambda one: one if isinstance(one, str) else "",
    )
    async def test_what_cannot_be_said_is_refused_aloud(
        self, document: dict[str, Any], field: str
    ) -> None:
        error = await refusal(document)
        assert isinstance(error, Unsupported)
        assert [one.field for one in error.fields] == [field]

    async def test_of_many_names_the_ids_are_wanted(self) -> None:
        """Each is remembered with its id, and what is known of an invoice has a bound."""
        ids = [f"{number:030}" for number in range(MOST_LINES)]
        lines = [line(id=each) for each in ids]

        def places(key: str, many: int = MOST_LINES) -> dict[str, Any]:
            named = {each: {"service_location": {key: f"{each:0>60}"}} for each in ids[:many]}
            return {"lines": named}

        error = await refusal({"lines": lines}, options=places("external_id"))
        assert [one.field for one in error.fields] == ["options.lines"]
        assert "give them by id" in error.fields[0].message
        assert await planned({"lines": lines}, options=places("id"))
        assert await planned({"lines": lines}, options=places("external_id", 300))

    async def test_a_supply_within_the_union_is_refused_for_it_cannot_say_its_delivery(
        self,
    ) -> None:
        """The norm wants the delivery (BR-IC-11, BR-IC-12): without it there is no such document,
        and with it no such invoice here."""
        within = {
            "lines": [line(vat={"category": "K"})],
            "buyer": {"name": "Ann Canary", "vat_number": "NL004495445B01"},
            "delivery": {"actual_date": "2026-06-12", "address": {"country": "NL"}},
        }
        error = await refusal(within)
        assert isinstance(error, Unsupported)
        told = {one.field: one.message for one in error.fields}
        assert told.keys() == {"document.delivery", "document.lines[0].vat.category"}
        assert "BR-IC-12" in told["document.lines[0].vat.category"]

    @pytest.mark.parametrize(
        ("options", "field"),
        [
            ({"colour": "red"}, "options.colour"),
            ({"customer": {}}, "options.customer"),
            ({"customer": {"id": "1", "search": "x"}}, "options.customer"),
            ({"invoice_type": "creditnote"}, "options.invoice_type"),
            ({"channel": "pigeon"}, "options.channel"),
            ({"payment_method": "cash"}, "options.payment_method"),
            ({"bank_account": {"iban": "BE00"}}, "options.bank_account.iban"),
            ({"bank_account": {"property_group": True}}, "options.bank_account"),
            (
                {
                    "bank_account": {"property_group": True},
                    "contract": {"id": "k1"},
                    "property_groups": [{"id": "g"}, {"id": "h"}],
                },
                "options.bank_account",
            ),
            ({"disable_vat_calculation": "yes"}, "options.disable_vat_calculation"),
            ({"lines": {"9": {}}}, "options.lines.9"),
            ({"lines": {"1": {"tax_rate": 1}}}, "options.lines.1.tax_rate"),
            ({"line_defaults": {"line_type": "gift"}}, "options.line_defaults.line_type"),
        ],
        ids=lambda one: one if isinstance(one, str) else "",
    )
    async def test_a_mistaken_option_is_named(self, options: dict[str, Any], field: str) -> None:
        error = await refusal(options=options)
        assert isinstance(error, Rejected)
        assert [one.field for one in error.fields] == [field]

    async def test_a_credit_note_cannot_be_written(self) -> None:
        error = await refusal({"type": "credit_note", "precedents": [{"number": "1"}]})
        assert isinstance(error, Unsupported)
        assert {one.field for one in error.fields} == {"document.type", "document.precedents"}

    async def test_a_line_lies_in_one_calendar_year(self) -> None:
        period = {"start": "2025-12-01", "end": "2026-01-31"}
        error = await refusal({"lines": [line(period=period)]})
        assert isinstance(error, Rejected)
        assert [one.field for one in error.fields] == ["document.lines[0].period"]

    async def test_all_mistakes_are_named_at_once(self) -> None:
        error = await refusal(
            {"currency": "SEK", "lines": [line(unit="HUR"), line(id="2", order_line="1")]},
            options={"colour": "red", "channel": SECRET},
            goal="delivered",
        )
        assert isinstance(error, Rejected)
        assert {one.field for one in error.fields} == {
            "options.colour",
            "options.channel",
            "goal",
            "document.currency",
            "document.lines[0].unit",
            "document.lines[1].order_line",
        }
        assert SECRET not in f"{error} {error.fields}"

    async def test_what_is_ignored_on_purpose_is_not_refused(self) -> None:
        document = {
            "seller": {"name": "Us"},
            "buyer": {"name": "Canary", "vat_number": "BE0403170701"},
            "payment": {"iban": "BE68539007547034", "bic": "GKCCBEBB", "account_name": "Us"},
            "lines": [line(vat={"rate": "0", "category": "AE", "exemption_reason": "R"})],
        }
        assert await planned(document)


class TestLookUp:
    async def test_an_account_number_must_be_equal(self) -> None:
        route = "POST /api/md/Customers/filter"
        told = script().on(
            route,
            page({"id": "a", "accountNumber": "C-10"}, {"id": "b", "accountNumber": "C-1"}),
        )
        found = await looked_up(told, "customer", {"account_number": "C-1"})
        assert found == Found(context={"customer_id": "b"}, buyer="b")
        assert told.body(route) == {"flexSearch": "C-1"}

    @pytest.mark.parametrize(
        "customer",
        [
            {"companyName": "canary  energy bv"},
            {"shortDisplayName": "Canary Energy BV"},
            {"firstName": "Canary", "lastName": "Energy BV"},
        ],
    )
    async def test_a_name_must_be_equal(self, customer: dict[str, Any]) -> None:
        route = "POST /api/md/Customers/filter"
        told = script().on(
            route,
            page({"id": "a", "companyName": "Canary Energy BV Ghent"}, {"id": "b"} | customer),
        )
        found = await looked_up(told, "customer", {"name": "Canary Energy BV"})
        assert found.buyer == "b"
        assert told.body(route) == {
            "flexSearch": "Canary Energy BV",
            "nameContains": "Canary Energy BV",
        }

    async def test_a_search_takes_what_it_hits(self) -> None:
        told = script().on(
            "POST /api/md/Customers/filter", page({"id": "a", "companyName": "Canary Ghent"})
        )
        assert (await looked_up(told, "customer", {"search": "Ghent"})).buyer == "a"

    @pytest.mark.parametrize(
        ("known", "count"),
        [([], "none fits"), ([{"id": "a"}, {"id": "b"}], "2 fit")],
    )
    async def test_another_number_of_hits_than_one_is_refused(
        self, known: list[Any], count: str
    ) -> None:
        told = script().on("POST /api/md/Customers/filter", page(*known))
        with pytest.raises(Rejected, match=count):
            await looked_up(told, "customer", {"search": "x"})

    async def test_the_default_bank_account_is_found_among_the_living(self) -> None:
        told = script().on(
            "GET /api/cfg/BankAccounts",
            page(
                {"id": "old", "isDefault": True, "deleted": True},
                {"id": "other", "isDefault": False},
                {"id": "main", "isDefault": True, "deleted": False},
            ),
        )
        found = await looked_up(told, "bank account", {"default": True})
        assert found.context == {"bank_account_id": "main"}

    async def test_a_bank_account_is_found_by_its_iban(self) -> None:
        told = script().on(
            "GET /api/cfg/BankAccounts",
            page({"id": "a", "iban": "BE68 5390 0754 7034"}, {"id": "b", "isDefault": True}),
        )
        found = await looked_up(told, "bank account", {"iban": "BE68539007547034"})
        assert found.context == {"bank_account_id": "a"}

    TAX_CODES = (
        {
            "id": "standard",
            "name": "Standard",
            "rates": [
                {"rate": 20, "startDateTime": None, "endDateTime": "2025-12-31T23:59:59+01:00"},
                {
                    "rate": 21,
                    "startDateTime": "2026-01-01T00:00:00.0000000",
                    "endDateTime": "0001-01-01T00:00:00",
                },
            ],
        },
        {"id": "reduced", "name": "Reduced", "rates": [{"rate": 6.0}]},
        {"id": "zero", "name": "Zero", "rates": [{"rate": 0}]},
        {"id": "exempt", "name": "Exempt", "rates": [{"rate": 0}]},
        {"id": "gone", "name": "Gone", "deleted": True, "rates": [{"rate": 21}]},
        {"id": "unused", "name": "Unused", "rates": None},
    )

    async def tax_codes(self, plan: Plan, **settings: Any) -> Found:
        told = script().on("GET /api/cfg/TaxCodes", page(*self.TAX_CODES))
        (look_up,) = [one for one in plan.look_ups[0] if one.name == "tax codes"]
        target = Target(account="default", reference="ref-1")
        return await adaptor(told, **settings).look_up(LookUpCall(target=target, look_up=look_up))

    async def test_the_rate_in_force_over_the_period_chooses_the_tax_code(self) -> None:
        lines = [line(), line(id="2", vat={"rate": "6"})]
        found = await self.tax_codes(await planned({"lines": lines}))
        assert found.context == {"tax_codes": {"21": "standard", "6": "reduced"}}

    async def test_a_rate_of_another_time_does_not_count(self) -> None:
        period = {"start": "2025-12-01", "end": "2025-12-31"}
        plan = await planned({"lines": [line(period=period, vat={"rate": "20"})]})
        assert (await self.tax_codes(plan)).context == {"tax_codes": {"20": "standard"}}
        with pytest.raises(Rejected):
            await self.tax_codes(await planned({"lines": [line(period=period)]}))

    async def test_one_code_must_hold_over_every_line_it_is_for(self) -> None:
        period = {"start": "2025-12-01", "end": "2025-12-31"}
        with pytest.raises(Rejected) as caught:
            await self.tax_codes(await planned({"lines": [line(), line(id="2", period=period)]}))
        assert [one.field for one in caught.value.fields] == [
            "document.lines[0].vat.rate",
            "document.lines[1].vat.rate",
        ]

    async def test_several_fitting_codes_ask_for_a_name(self) -> None:
        lines = [line(vat={"rate": "0", "category": "E", "exemption_reason": "Article 44"})]
        with pytest.raises(Rejected) as caught:
            await self.tax_codes(await planned({"lines": lines}))
        assert "2 tax codes" in caught.value.fields[0].message
        options = {"line_defaults": {"tax_code": {"name": "Exempt"}}}
        plan = await planned({"lines": lines}, options=options)
        assert (await self.tax_codes(plan)).context == {"tax_codes": {"0:name=Exempt": "exempt"}}

    async def test_a_named_code_must_have_the_rate_of_the_line(self) -> None:
        for choice in ({"id": "reduced"}, {"name": "Gone"}, {"name": "reduced"}):
            options = {"lines": {"1": {"tax_code": choice}}}
            with pytest.raises(Rejected):
                await self.tax_codes(await planned(options=options))

    async def test_rates_may_be_fractions(self) -> None:
        told = script().on(
            "GET /api/cfg/TaxCodes", page({"id": "standard", "rates": [{"rate": 0.21}]})
        )
        look_up = (await planned()).look_ups[0][2]
        target = Target(account="default", reference="ref-1")
        found = await adaptor(told, tax_rate_unit="fraction").look_up(
            LookUpCall(target=target, look_up=look_up)
        )
        assert found.context == {"tax_codes": {"21": "standard"}}

    async def test_billing_items_are_found_by_name(self) -> None:
        told = script().on(
            "GET /api/cfg/BillingItems", page({"id": "i1", "name": "Meter"}, {"id": "i2"})
        )
        found = await looked_up(told, "billing items", {"names": ["Meter"]})
        assert found.context == {"billing_items": {"Meter": "i1"}}
        with pytest.raises(Rejected, match="billing item"):
            await looked_up(told, "billing items", {"names": ["Pump"]})

    async def test_a_contract_is_one_of_the_customers(self) -> None:
        route = "POST /api/md/Contracts/filter"
        told = script().on(
            route,
            page(
                {"id": "k1", "contractNumber": "K-1", "propertyGroups": [{"id": "g", "name": "G"}]},
                {"id": "k2", "contractNumber": "K-10"},
            ),
        )
        for choice in ({"number": "K-1"}, {"id": "k1"}):
            found = await looked_up(told, "contract", {"contract": choice}, CONTEXT)
            assert found.context == {"contract_id": "k1", "contract_number": "K-1"}
        assert told.body(route) == {"customerId": "customer-1", "excludeTerminatedContracts": True}
        assert told.asked[-1].url.params["quickFilter"] == "all"
        question = {"contract": {"id": "k1"}, "property_group": True, "terminated": True}
        found = await looked_up(told, "contract", question, CONTEXT)
        assert found.context["property_group_ids"] == ["g"]
        assert told.body(route)["excludeTerminatedContracts"] is False

    async def test_service_locations_are_the_customers(self) -> None:
        route = "POST /api/md/ServiceLocations/filter"
        told = script().on(route, page({"id": "s1", "externalId": "EAN-1"}))
        found = await looked_up(told, "service locations", {"external_ids": ["EAN-1"]}, CONTEXT)
        assert found.context == {"service_locations": {"EAN-1": "s1"}}
        assert told.body(route) == {"customerId": "customer-1"}
        assert told.asked[-1].url.params["quickFilter"] == "all"

    @pytest.mark.parametrize(
        "route", ["PropertyGroupBillingConfigurations", "PropertyGroupBillingConfiguration"]
    )
    async def test_a_property_group_brings_its_bank_account(self, route: str) -> None:
        told = script().on(
            f"GET /api/bill/{route}/g", enveloped({"companyBankAccountId": "account-9"})
        )
        target = Target(account="default", reference="r", context={"property_group_ids": ["g"]})
        call = LookUpCall(target=target, look_up=LookUp(name="property group"))
        found = await adaptor(told, property_group_route=route).look_up(call)
        assert found.context == {"bank_account_id": "account-9"}

    async def test_a_property_group_without_an_account_or_several_groups_are_refused(self) -> None:
        told = script().on("GET /api/bill/PropertyGroupBillingConfigurations/g", enveloped({}))
        with pytest.raises(Rejected, match="no bank account"):
            await looked_up(told, "property group", {}, {"property_group_ids": ["g"]})
        with pytest.raises(Rejected, match="2 fit"):
            await looked_up(told, "property group", {}, {"property_group_ids": ["g", "h"]})

    async def test_pages_are_followed_to_the_end(self) -> None:
        route = "GET /api/cfg/BankAccounts"
        told = script().on(
            route,
            page({"id": "a"}, token="t2"),
            page(token="t3"),
            page({"id": "b", "isDefault": True}),
        )
        found = await looked_up(told, "bank account", {"default": True})
        assert found.context == {"bank_account_id": "b"}
        tokens = [one.headers.get("continuationToken") for one in told.asked[1:]]
        assert tokens == [None, "t2", "t3"]

    @pytest.mark.parametrize(
        ("tokens", "calls"),
        [(["same", "same"], 2), ([str(n) for n in range(MAX_PAGES + 5)], MAX_PAGES)],
        ids=["a circle", "too many"],
    )
    async def test_pages_without_end_are_not_believed(self, tokens: list[str], calls: int) -> None:
        told = script().on("GET /api/cfg/BankAccounts", *(page(token=one) for one in tokens))
        with pytest.raises(Unreadable):
            await looked_up(told, "bank account", {"default": True})
        assert told.routes().count("GET /api/cfg/BankAccounts") == calls

    async def test_another_look_up_is_refused(self) -> None:
        with pytest.raises(Rejected):
            await looked_up(script(), "horoscope", {})


class TestFind:
    async def test_all_pages_of_the_customer_are_searched_and_the_match_is_exact(self) -> None:
        told = script().on(
            FILTER,
            page(invoice(id="near", externalReference="ref-10"), token="2"),
            page(invoice()),
        )
        search = await adaptor(told).find(TARGET)
        assert search.complete
        assert [one.provider_id for one in search.invoices] == ["inv-1"]
        assert told.body(FILTER) == {"customerId": "customer-1", "invoiceType": ["incidentalnote"]}

    @pytest.mark.parametrize(
        ("data", "reference"),
        [
            ({"id": "inv-1"}, None),
            ({"id": "inv-1", "externalReference": "ref-1"}, "ref-1"),
            ({"id": "inv-1", "externalReference": "x" * 1000}, "x" * 200),
            ({"id": "inv-1", "externalReference": ""}, None),
            ({"id": "inv-1", "externalReference": {"a": 1}}, None),
        ],
    )
    async def test_a_new_invoice_says_whose_it_is_where_its_answer_does(
        self, data: dict[str, Any], reference: str | None
    ) -> None:
        made = await created(script().on(f"POST {INVOICES}", enveloped(data)))
        assert (made.provider_id, made.reference) == ("inv-1", reference)

    async def test_a_strange_invoice_of_others_stops_no_search(self) -> None:
        """[long-decimals] Amounts are of type double there: one such number, or worse, blocked
        every new invoice of that customer."""
        double = Decimal("25.376400000000003")
        strange = (
            invoice(id="2", externalReference="x", totalAmountExclVAT=float(double)),
            invoice(id="3", externalReference=None, lines=[{"vat": "much", "taxRate": []}]),
            invoice(id="4", externalReference="y", totalAmountInclVAT={"value": 1}),
        )
        search = await adaptor(script().on(FILTER, page(*strange, invoice()))).find(TARGET)
        assert search.complete
        assert [one.provider_id for one in search.invoices] == ["inv-1"]

    async def test_our_own_figures_are_read_as_doubles_are_written(self) -> None:
        told = script().on(FILTER, page(invoice(totalAmountExclVAT=59.970000000000006)))
        (found,) = (await adaptor(told).find(TARGET)).invoices
        assert found.echo
        assert found.echo.net == Decimal("59.97")

    async def test_a_search_known_to_cover_the_reference_is_used(self) -> None:
        told = script().on(FILTER, page(invoice()))
        await adaptor(told, search_covers_reference=True).find(TARGET)
        assert told.body(FILTER)["flexSearch"] == "ref-1"

    async def test_a_list_that_shifts_shows_an_invoice_once(self) -> None:
        told = script().on(FILTER, page(invoice(), token="2"), page(invoice()))
        search = await adaptor(told).find(TARGET)
        assert [one.provider_id for one in search.invoices] == ["inv-1"]
        assert search.complete

    async def test_pages_that_lead_back_prove_nothing(self) -> None:
        told = script().on(FILTER, *(page(token=str(number % 2)) for number in range(9)))
        assert not (await adaptor(told).find(TARGET)).complete
        assert sum(one.url.path.endswith("/filter") for one in told.asked) == 3

    async def test_nothing_in_a_whole_scan_is_proof(self) -> None:
        search = await adaptor(script().on(FILTER, page())).find(TARGET)
        assert search.invoices == ()
        assert search.complete

    async def test_nothing_in_a_cut_scan_proves_nothing(self) -> None:
        search = await adaptor(script().on(FILTER, page(token="t"))).find(TARGET)
        assert not search.complete

    async def test_credited_invoices_and_their_credit_notes_are_not_alive(self) -> None:
        told = script().on(
            FILTER,
            page(invoice(creditedByInvoiceId="n"), invoice(id="n", creditedInvoiceId="inv-1")),
        )
        assert (await adaptor(told).find(TARGET)).invoices == ()


class TestCreate:
    async def test_the_draft_carries_our_reference_and_exact_amounts(self) -> None:
        told = script().on(f"POST {INVOICES}", enveloped({"id": "inv-1"}))
        snapshot = await created(told)
        assert snapshot == Snapshot(provider_id="inv-1", stage=Stage.DRAFTED)
        assert told.body(f"POST {INVOICES}") == {
            "externalReference": "ref-1",
            "status": "created",
            "sent": "notsent",
            "invoiceType": "incidentalnote",
            "invoiceDate": "2026-06-30T00:00:00+02:00",
            "dueDate": "2026-07-30T00:00:00+02:00",
            "periodStartDateTime": "2026-06-30T00:00:00+02:00",
            "periodEndDateTime": "2026-06-30T23:59:59+02:00",
            "customerId": "customer-1",
            "companyBankAccountId": "account-1",
            "totalInvoiceAmountExclVAT": Decimal("100.10"),
            "totalInvoiceAmountInclVAT": Decimal("121.12"),
            "remainingInvoiceAmount": Decimal("121.12"),
            "lines": [
                {
                    "description": "Meter replacement",
                    "quantity": 1,
                    "unitOfMeasure": "units",
                    "unitPrice": Decimal("100.10"),
                    "amountExclVAT": Decimal("100.10"),
                    "amountInclVAT": Decimal("121.12"),
                    "lineType": "charge",
                    "startDateTime": "2026-06-30T00:00:00+02:00",
                    "endDateTime": "2026-06-30T23:59:59+02:00",
                    "taxCodeId": "tax-21",
                }
            ],
        }
        assert b'"totalInvoiceAmountExclVAT":100.10' in told.asked[-1].content

    async def test_everything_that_can_be_said_is_said(self) -> None:
        document = {
            "number": "2026-7",
            "period": {"start": "2026-01-01", "end": "2026-06-30"},
            "payment": {"means": "59", "reference": "RF18539007547034"},
            "notes": ["First.", "Second."],
            "lines": [
                line(unit="KWH", description="Longer", note="Note", base_quantity="4"),
                line(id="2", period={"start": "2026-02-01", "end": "2026-02-28"}),
            ],
        }
        options = {
            "customer": {"id": "customer-9"},
            "bank_account": {"id": "account-9"},
            "property_groups": [{"id": "g", "name": "G"}],
            "contract": {"number": "K-1"},
            "invoice_type": "correctionnote",
            "disable_vat_calculation": True,
            "line_defaults": {
                "tax_code": {"id": "tax-9"},
                "billing_item": {"name": "Meter"},
                "service_location": {"external_id": "EAN-1"},
            },
            "lines": {
                "2": {
                    "line_type": "advance",
                    "billing_item": {"id": "i2"},
                    "service_location": {"id": "s2"},
                }
            },
        }
        context = {
            "contract_id": "k1",
            "contract_number": "K-1",
            "tax_codes": {"21:id=tax-9": "tax-9"},
            "billing_items": {"Meter": "i1"},
            "service_locations": {"EAN-1": "s1"},
        }
        body = await sent_body(document=document, options=options, context=context)
        first, second = body.pop("lines")
        assert body["invoiceNum"] == "2026-7"
        assert body["customerId"] == "customer-9"
        assert body["companyBankAccountId"] == "account-9"
        assert body["propertyGroups"] == [{"id": "g", "name": "G"}]
        assert (body["contractId"], body["contractNumber"]) == ("k1", "K-1")
        assert body["invoiceType"] == "correctionnote"
        assert body["paymentMethod"] == "sdd"
        assert body["paymentReference"] == "RF18539007547034"
        assert body["noteToCustomer"] == "First.\nSecond."
        assert body["disableVATCalculation"] is True
        assert body["periodStartDateTime"] == "2026-01-01T00:00:00+01:00"
        assert body["periodEndDateTime"] == "2026-06-30T23:59:59+02:00"
        assert first["description"] == "Meter replacement\nLonger\nNote"
        assert first["unitOfMeasure"] == "kwh"
        assert first["unitPrice"] == Decimal("25.025")
        assert (first["billingItemId"], first["serviceLocationId"]) == ("i1", "s1")
        assert (second["billingItemId"], second["serviceLocationId"]) == ("i2", "s2")
        assert (first["taxCodeId"], second["taxCodeId"]) == ("tax-9", "tax-9")
        assert (first["lineType"], second["lineType"]) == ("charge", "advance")
        assert second["startDateTime"] == "2026-02-01T00:00:00+01:00"
        assert "disableVATCalculation" not in first

    async def test_options_win_over_the_payment(self) -> None:
        body = await sent_body(
            document={"payment": {"means": "59", "reference": "A"}},
            options={"payment_method": "sct", "payment_reference": "B"},
        )
        assert (body["paymentMethod"], body["paymentReference"]) == ("sct", "B")

    async def test_what_is_unknown_about_the_provider_is_a_setting(self) -> None:
        body = await sent_body(
            options={"disable_vat_calculation": True},
            disable_vat_at="line",
            period_end="next_midnight",
            time_zone="Europe/Helsinki",
        )
        assert "disableVATCalculation" not in body
        assert body["lines"][0]["disableVATCalculation"] is True
        assert body["periodEndDateTime"] == "2026-07-01T00:00:00+03:00"

    @pytest.mark.parametrize("unit", UNITS)
    async def test_every_unit_has_a_word(self, unit: str) -> None:
        body = await sent_body(document={"lines": [line(unit=unit)]})
        assert body["lines"][0]["unitOfMeasure"] == UNITS[unit]

    @pytest.mark.parametrize("reply", [answer(), enveloped(), enveloped({"id": ""}), enveloped([])])
    async def test_without_an_id_nobody_knows(self, reply: httpx.Response) -> None:
        with pytest.raises(UnknownOutcome):
            await created(script().on(f"POST {INVOICES}", reply))

    async def test_a_missing_look_up_is_refused_before_anything_is_sent(self) -> None:
        gaps: list[dict[str, Any]] = [
            {"customer_id": None},
            {"bank_account_id": None},
            {"tax_codes": {}},
        ]
        for gap in gaps:
            told = script()
            with pytest.raises(Rejected):
                await created(told, context=gap)
            assert told.asked == []


class TestRead:
    @pytest.mark.parametrize(
        ("status", "number", "sent", "stage"),
        [
            ("created", None, "notsent", Stage.DRAFTED),
            ("created", "2026-7", "notsent", Stage.DRAFTED),
            ("approvalinprogress", None, "notsent", Stage.APPROVING),
            ("approved", None, "notsent", Stage.APPROVING),
            ("approved", "", "sent", Stage.APPROVING),
            ("approved", "7", "notsent", Stage.APPROVED),
            ("approved", "7", None, Stage.APPROVED),
            ("approved", "7", "sending", Stage.SENDING),
            ("approved", "7", "printing", Stage.SENDING),
            ("approved", "7", "sent", Stage.SENT),
            ("approved", "7", "skipped", Stage.SENT),
            ("approved", "7", "failed", Stage.APPROVED),
            ("approved", "7", "pigeon", Stage.UNKNOWN),
            ("generated", "7", "notsent", Stage.APPROVED),
            ("generationfailed", "7", "notsent", Stage.FAILED),
            ("approvalfailed", None, "notsent", Stage.FAILED),
            ("settled", "7", "sent", Stage.SENT),
            ("brandnew", "7", "sent", Stage.UNKNOWN),
            (None, None, None, Stage.UNKNOWN),
        ],
    )
    async def test_a_status_has_a_stage(
        self, status: str | None, number: str | None, sent: str | None, stage: Stage
    ) -> None:
        snapshot = await read_invoice(status=status, invoiceNum=number, sent=sent)
        assert snapshot.stage == stage
        assert snapshot.number == (number or None)

    async def test_the_providers_own_words_stay_visible(self) -> None:
        assert (await read_invoice(status="approved")).status == "approved · notsent"
        assert (await read_invoice(status="brandnew", sent=None)).status == "brandnew"
        assert (await read_invoice(status="A person's name", sent=None)).status == "?"

    async def test_figures_are_echoed_exactly(self) -> None:
        lines = [
            {"vat": 21.02, "taxRate": 21.0},
            {"vat": 0.10, "taxRate": 5.50},
            {"amountExclVAT": 10.0, "amountInclVAT": 12.10, "taxRate": 21},
        ]
        echo = (await read_invoice(lines=lines, invoiceNum="7")).echo
        assert echo is not None
        assert (echo.net, echo.gross) == (Decimal("100.1"), Decimal("121.12"))
        assert echo.vat == {"21": Decimal("23.12"), "5.5": Decimal("0.1")}
        assert (echo.buyer, echo.number, echo.currency) == ("customer-1", "7", None)

    async def test_a_line_without_its_vat_leaves_the_vat_unstated(self) -> None:
        echo = (await read_invoice(lines=[{"vat": 1}])).echo
        assert echo is not None
        assert echo.vat is None

    @pytest.mark.parametrize(
        ("more", "payment"),
        [
            ({}, PaymentStatus.UNKNOWN),
            ({"paymentDetails": {"paid": True}}, PaymentStatus.PAID),
            ({"status": "settled"}, PaymentStatus.PAID),
            ({"status": "settled", "creditedByInvoiceId": "n"}, PaymentStatus.UNKNOWN),
            ({"remainingInvoiceAmount": 0.01}, PaymentStatus.PARTLY_PAID),
            (
                {
                    "remainingInvoiceAmount": 1,
                    "paymentDetails": {"currentPaymentStatus": "paymentrejected"},
                },
                PaymentStatus.REJECTED,
            ),
            *(
                ({"paymentDetails": {"currentPaymentStatus": word}}, PAYMENTS[word])
                for word in PAYMENTS
            ),
            ({"paymentDetails": {"currentPaymentStatus": "new"}}, PaymentStatus.UNKNOWN),
        ],
    )
    async def test_money_is_an_axis_of_its_own(
        self, more: dict[str, Any], payment: PaymentStatus
    ) -> None:
        assert (await read_invoice(**more)).payment == payment

    async def test_a_credited_invoice_says_so(self) -> None:
        assert (await read_invoice(creditedByInvoiceId="n")).stage == Stage.CREDITED

    @pytest.mark.parametrize("status", ["created", "approvalinprogress", "approved"])
    @pytest.mark.parametrize(
        "reason",
        [
            {"failureReasonCode": {"key": "NO_TAXCODE_SPECIFIED", "message": "No."}},
            {"failureDetails": "No."},
        ],
    )
    async def test_a_failed_approval_has_failed(self, status: str, reason: dict[str, Any]) -> None:
        snapshot = await read_invoice(status=status, **reason)
        assert snapshot.stage == Stage.FAILED
        assert [one.message for one in snapshot.problems] == ["No."]

    async def test_an_error_beside_the_invoice_ends_the_wait_too(self) -> None:
        errors = [{"key": "COULD_NOT_GENERATE_INVOICE_NUMBER", "message": "No."}]
        snapshot = await read(enveloped(invoice(status="approvalinprogress"), errors=errors))
        assert snapshot.stage == Stage.FAILED
        assert snapshot.problems[0].field == "COULD_NOT_GENERATE_INVOICE_NUMBER"

    async def test_a_final_invoice_stays_final_whatever_failed_later(self) -> None:
        snapshot = await read_invoice(status="approved", invoiceNum="7", failureDetails="No.")
        assert snapshot.stage == Stage.APPROVED
        assert snapshot.problems

    async def test_warnings_are_shown_and_change_nothing(self) -> None:
        snapshot = await read_invoice(hasErrors=True)
        assert (snapshot.stage, snapshot.problems[0].field) == (Stage.DRAFTED, "hasErrors")
        snapshot = await read_invoice(status="approved", invoiceNum="7", sent="failed")
        assert snapshot.problems[0].field == "sent"

    @pytest.mark.parametrize(
        "reply",
        [
            answer(status=404),
            answer({"title": "Not Found"}, 404),
            failure("INVOICE_DOES_NOT_EXIST"),
            failure("INVOICE_NOT_FOUND", status=400),
        ],
    )
    async def test_an_invoice_that_is_not_found_is_deleted(self, reply: httpx.Response) -> None:
        assert (await read(reply)).stage == Stage.DELETED

    @pytest.mark.parametrize(
        "reply",
        [
            answer(),
            answer([]),
            answer({"data": invoice()}),
            enveloped(),
            enveloped(invoice(id="other")),
            enveloped(invoice(lines="many")),
        ],
    )
    async def test_an_answer_that_is_not_understood_says_so(self, reply: httpx.Response) -> None:
        with pytest.raises(Unreadable):
            await read(reply)

    async def test_an_invoice_without_an_id_cannot_be_read(self) -> None:
        target = TARGET.model_copy(update={"provider_id": None})
        with pytest.raises(Rejected):
            await adaptor(script()).read(ReadCall(target=target))


class TestChanges:
    async def test_approving_is_asked_with_the_invoice_date(self) -> None:
        told = script().on(f"POST {INVOICE}/approve", enveloped(invoice()))
        snapshot = await adaptor(told).approve(TARGET)
        assert snapshot.stage == Stage.APPROVING
        assert told.body(f"POST {INVOICE}/approve") == {"invoiceDate": "2026-06-30T00:00:00+02:00"}

    async def test_an_approval_that_is_already_done_says_so(self) -> None:
        told = script().on(
            f"POST {INVOICE}/approve", enveloped(invoice(status="approved", invoiceNum="7"))
        )
        assert (await adaptor(told).approve(TARGET)).stage == Stage.APPROVED

    async def test_an_approval_that_failed_says_so(self) -> None:
        told = script().on(f"POST {INVOICE}/approve", enveloped(invoice(failureDetails="No.")))
        assert (await adaptor(told).approve(TARGET)).stage == Stage.FAILED

    @pytest.mark.parametrize(
        ("channel", "route"),
        [("email", "send"), ("postal", "sendviapostal"), ("mark_sent", "marksent")],
    )
    @pytest.mark.parametrize("reply", [answer(), enveloped(True), enveloped(invoice())])
    async def test_the_channel_decides_the_route(
        self, channel: str, route: str, reply: httpx.Response
    ) -> None:
        told = script().on(f"POST {INVOICE}/{route}", reply)
        target = TARGET.model_copy(update={"context": CONTEXT | {"channel": channel}})
        assert (await adaptor(told).send(target)).stage == Stage.SENDING
        assert told.asked[-1].content == b""

    async def test_a_sent_invoice_is_not_pulled_back(self) -> None:
        done = invoice(status="approved", invoiceNum="7", sent="sent")
        told = script().on(f"POST {INVOICE}/send", enveloped(done))
        assert (await adaptor(told).send(TARGET)).stage == Stage.SENT

    @pytest.mark.parametrize(
        "reply",
        [
            answer(),
            answer(status=204),
            enveloped(True),
            failure("INVOICE_NOT_FOUND"),
            answer(status=404),
        ],
    )
    async def test_a_deleted_draft_is_deleted(self, reply: httpx.Response) -> None:
        told = script().on(f"DELETE {INVOICE}", reply)
        assert (await adaptor(told).delete(TARGET)).stage == Stage.DELETED

    async def test_a_deletion_that_is_not_confirmed_is_unknown(self) -> None:
        with pytest.raises(UnknownOutcome):
            await adaptor(script().on(f"DELETE {INVOICE}", enveloped(False))).delete(TARGET)

    @pytest.mark.parametrize(
        ("reply", "stage"),
        [
            (answer(), Stage.APPROVED),
            (enveloped(True), Stage.APPROVED),
            (enveloped(invoice(creditedByInvoiceId="n")), Stage.CREDITED),
            (enveloped(invoice(id="n", creditedInvoiceId="inv-1")), Stage.CREDITED),
            (enveloped(invoice(id="n")), Stage.APPROVED),
        ],
    )
    async def test_a_credit_is_done_when_the_pair_is_linked(
        self, reply: httpx.Response, stage: Stage
    ) -> None:
        told = script().on(f"POST {INVOICE}/credit", reply)
        snapshot = await adaptor(told).credit(TARGET)
        assert (snapshot.provider_id, snapshot.stage) == ("inv-1", stage)


class TestErrors:
    @pytest.mark.parametrize("key", ERROR_KEYS)
    @pytest.mark.parametrize("status", [200, 400])
    async def test_a_known_key_is_a_refusal(self, key: str, status: int) -> None:
        told = script().on(f"POST {INVOICE}/approve", failure("SOMETHING_ELSE", key, status=status))
        with pytest.raises(Rejected) as caught:
            await adaptor(told).approve(TARGET)
        assert caught.value.code == key
        assert caught.value.fields[1].field == key
        assert "Person" in caught.value.fields[1].message
        assert "Person" not in str(caught.value)

    @pytest.mark.parametrize("keys", [(), ("BRAND_NEW",), ("COULD_NOT_GENERATE_INVOICE_NUMBER",)])
    async def test_an_unknown_failure_of_a_change_is_unknown(self, keys: tuple[str, ...]) -> None:
        told = script().on(f"POST {INVOICE}/approve", failure(*keys))
        with pytest.raises(UnknownOutcome) as caught:
            await adaptor(told).approve(TARGET)
        assert caught.value.code == (keys[0] if keys else None)

    async def test_an_unknown_failure_of_a_reading_call_is_a_refusal(self) -> None:
        with pytest.raises(Rejected):
            await read(failure("BRAND_NEW"))

    @pytest.mark.parametrize("status", [400, 403, 409, 422])
    async def test_a_refusing_status_refuses(self, status: int) -> None:
        for reply in (failure("BRAND_NEW", status=status), answer(status=status)):
            told = script().on(f"POST {INVOICE}/approve", reply)
            with pytest.raises(Rejected) as caught:
                await adaptor(told).approve(TARGET)
            assert caught.value.code == str(status)

    @pytest.mark.parametrize("body", [[], {}, {"data": {"id": "inv-1"}}, "yes"])
    async def test_a_change_answered_outside_the_envelope_is_unknown(self, body: Any) -> None:
        told = script().on(f"POST {INVOICE}/approve", answer(body))
        with pytest.raises(UnknownOutcome):
            await adaptor(told).approve(TARGET)


class TestSigningIn:
    async def test_every_call_carries_what_the_gateway_wants(self) -> None:
        told = script().on(f"GET {INVOICE}", enveloped(invoice()))
        await adaptor(told).read(ReadCall(target=TARGET))
        signed = told.asked[1].headers
        assert signed["authorization"] == f"Bearer {TOKEN}"
        assert signed["apim-sub"] == SECRET
        assert (signed["zf-tuuid"], signed["zf-ouuid"]) == ("tenant", "organisation")

    async def test_the_token_is_asked_for_as_a_form(self) -> None:
        told = script().on(f"GET {INVOICE}", enveloped(invoice()))
        await adaptor(told).read(ReadCall(target=TARGET))
        asked = told.asked[0]
        assert asked.headers["content-type"] == "application/x-www-form-urlencoded"
        assert dict(httpx.QueryParams(asked.content.decode())) == {
            "grant_type": "client_credentials",
            "client_id": "client",
            "client_secret": SECRET,
            "scope": "https://0frictionprod.onmicrosoft.com/zf-apigw/.default",
        }
        assert "authorization" not in asked.headers

    async def test_one_token_serves_many_calls(self) -> None:
        told = script().on(f"GET {INVOICE}", enveloped(invoice()))
        provider = adaptor(told)
        await asyncio.gather(*(provider.read(ReadCall(target=TARGET)) for _ in range(5)))
        assert told.routes().count("POST /token") == 1

    async def test_a_refused_token_is_replaced_and_the_call_repeated(self) -> None:
        told = script().on(f"POST {INVOICE}/approve", answer(status=401), enveloped())
        assert (await adaptor(told).approve(TARGET)).stage == Stage.APPROVING
        assert told.routes() == ["POST /token", f"POST {INVOICE}/approve"] * 2

    async def test_a_token_refused_twice_is_a_refusal(self) -> None:
        told = script().on(f"POST {INVOICE}/approve", answer(status=401))
        with pytest.raises(Rejected, match="credentials") as caught:
            await adaptor(told).approve(TARGET)
        assert caught.value.code == "401"
        assert len(told.asked) == 4

    @pytest.mark.parametrize("status", [400, 401])
    async def test_refused_credentials_are_a_refusal(self, status: int) -> None:
        told = Script().on("POST /token", answer({"error": "invalid_client"}, status))
        with pytest.raises(Rejected, match="client id or secret"):
            await adaptor(told).approve(TARGET)

    @pytest.mark.parametrize(
        "reply",
        [
            httpx.ReadTimeout("x"),
            answer(status=500),
            answer({}),
            answer({"access_token": "ü"}),
            answer(),
            httpx.Response(200, content=b"<html>"),
            answer(status=302),
        ],
    )
    async def test_without_a_token_a_change_is_certainly_undone(self, reply: Reply) -> None:
        told = Script().on("POST /token", reply)
        with pytest.raises(Unavailable):
            await adaptor(told).approve(TARGET)
        assert told.routes() == ["POST /token"]


async def test_no_secret_and_nothing_personal_is_logged_or_raised(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    words = [SECRET, TOKEN, "Person", "Canary Energy", "inv-1"]
    replies: list[Reply] = [
        failure("INVOICE_WRONG_STATUS"),
        failure("BRAND_NEW", status=400),
        answer(status=401),
        httpx.LocalProtocolError(f"Illegal header value b'{SECRET} {TOKEN}'"),
        answer({"access_token": TOKEN}),
        enveloped(invoice(lines="Person")),
    ]
    for reply in replies:
        with pytest.raises(ProviderError) as caught:
            await adaptor(script().on(f"POST {INVOICE}/approve", reply)).approve(TARGET)
        shown = f"{caught.value!r} {caught.value.code} {caught.value.__cause__!r}"
        assert not [word for word in words if word in shown]
    assert not [word for word in words if word in caplog.text]
    assert "Zero Friction POST /api/bill/Invoices/{id}/approve" in caplog.text


NEWS: dict[str, Any] = {
    "_type": "invoicepaymentdetailschanged",
    "invoiceId": "inv-1",
    "customerId": "customer-1",
}


class TestEvents:
    NOW = datetime(2026, 6, 30, 12, 0, 5, tzinfo=UTC)

    def received(self, body: Any, signature: str = "", **more: Any) -> Event:
        raw = json.dumps(body).encode()
        told = signature or hmac.new(b"new-0123456789abcdef", raw, hashlib.sha256).hexdigest()
        delivery = {
            "headers": {"x-webhook-signature-256": told},
            "body": raw,
            "received": self.NOW,
        }
        hooks = adaptor(script(), webhook_secrets="new-0123456789abcdef, old-0123456789abcdef")
        (event,) = hooks.receive(Delivery.model_validate(delivery | more))
        return event

    async def keys(self, body: dict[str, Any]) -> tuple[str, ...]:
        return (await adaptor(script()).about(self.received(body))).keys

    def test_an_event_is_what_its_type_says(self) -> None:
        event = self.received(NEWS)
        assert (event.kind, event.at) == ("invoicepaymentdetailschanged", None)
        assert event.body == NEWS

    @pytest.mark.parametrize("prefix", ["", "sha256="])
    def test_a_signature_may_be_written_either_way(self, prefix: str) -> None:
        mac = hmac.new(b"old-0123456789abcdef", json.dumps(NEWS).encode(), hashlib.sha256).digest()
        for spelt in (mac.hex(), b64encode(mac).decode()):
            assert self.received(NEWS, prefix + spelt).body == NEWS

    def test_the_same_body_is_the_same_event_only_within_a_minute(self) -> None:
        """It says that something has changed, not what: the next change reads alike."""
        first = self.received(NEWS)
        soon, later = (self.NOW + timedelta(seconds=seconds) for seconds in (30, 60))
        assert self.received(NEWS, received=soon).id == first.id
        assert self.received(NEWS, received=later).id != first.id
        assert self.received(NEWS | {"invoiceId": "inv-2"}).id != first.id

    async def test_an_event_is_about_every_id_that_may_be_an_invoice(self) -> None:
        assert await self.keys(NEWS) == ("inv-1",)
        case = {"_type": "collectioncaseclosed", "invoiceIds": ["inv-1", "inv-2"]}
        assert await self.keys(case) == ("inv-1", "inv-2")
        assert await self.keys({"_type": "mailsent", "entityId": "inv-1"}) == ("inv-1",)

    async def test_what_concerns_no_invoice_is_about_nothing(self) -> None:
        assert await self.keys({"_type": "customercreated", "customerId": "customer-1"}) == ()

    async def test_an_event_about_an_invoice_must_say_which(self) -> None:
        for body in ({"_type": "invoiceavailable"}, {"_type": "invoiceavailable", "invoiceId": 7}):
            with pytest.raises(Unreadable):
                await self.keys(body)

    def test_an_event_without_a_type_is_unreadable(self) -> None:
        for body in ({}, {"_type": None}, {"_type": ""}):
            with pytest.raises(Unreadable):
                self.received(body)

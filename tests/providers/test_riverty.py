from __future__ import annotations

import json
import logging
import tracemalloc
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Any
from uuid import UUID

import httpx
import pytest

from invoicing.errors import (
    Forged,
    ProviderError,
    Rejected,
    Unavailable,
    UnknownOutcome,
    Unreadable,
    Unsupported,
)
from invoicing.provider import (
    CONFIRMED,
    CancelLinesCall,
    CreateCall,
    Delivery,
    Echo,
    Event,
    Hooks,
    Notifies,
    OrderReadCall,
    Orders,
    OrderSnapshot,
    OrderStage,
    OrderTarget,
    PaymentStatus,
    Plan,
    Provider,
    ReadCall,
    RegisterCall,
    Snapshot,
    Stage,
    Target,
)
from invoicing.request import InvoiceRequest, OrderRequest, RegisteredOrder
from invoicing.values import MOST_LINES
from providers.riverty.adaptor import Riverty
from providers.riverty.check import MOST_CREDITED
from providers.riverty.decode import NOT_READ, confirmed
from providers.riverty.encode import UNITS
from providers.riverty.envelopes import MAX_NOTIFICATION, MOST_PARTS, SHARED
from providers.riverty.options import GOODWILL_REASONS, RivertyOptions
from providers.riverty.settings import RivertySettings
from providers.riverty.states import FAILURE, Context, Credit
from tests.providers import Reply, Script, answer, differing

SECRET = "canary-key"
SETTINGS: dict[str, Any] = {
    "base_url": "https://api-uat.accounting.riverty.io",
    "subscription_key": SECRET,
    "business_code": "1000",
    "country": "NL",
}
LINE: dict[str, Any] = {
    "id": "a",
    "name": "Set van drie slips",
    "quantity": "2",
    "unit_price": "25.99",
    "vat": {"rate": "21"},
    "seller_item_id": "P-1",
}
SECOND = LINE | {"id": "b", "name": "Verzending", "quantity": "1", "unit_price": "4.95"}
BUYER: dict[str, Any] = {
    "name": "Canary Energy BV",
    "account_number": "C-1001",
    "language": "nl",
    "address": {
        "street": "Straatweg 1",
        "postal_code": "1111 AW",
        "city": "Amsterdam",
        "country": "NL",
    },
    "contact": {"email": "billing@canary.example.com"},
}
DOCUMENT: dict[str, Any] = {
    "number": "INV-NL833249069",
    "currency": "EUR",
    "issue_date": "2024-09-12",
    "due_date": "2024-09-12",
    "buyer": BUYER,
    "delivery": {"actual_date": "2024-09-12"},
    "prices_include_vat": True,
    "lines": [LINE, SECOND],
}
OPTIONS: dict[str, Any] = {
    "order_reference": "ORDNL833249069",
    "shipment_reference": "ORD-NL8333249069",
    "carrier": "DHL",
    "tracking_code": "5cbe48d9-9c3f-46f0-87ab-f1ff3e25d23",
}
BASE = "/accounting/v1/businesses/1000/customers/C-1001/orders"
ORDER = f"{BASE}/ORDNL833249069"
TICKET = "23c9579b-baaf-468f-a529-f876226e183c"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def received(_: httpx.Request | None = None) -> httpx.Response:
    return answer({"internalRequestId": TICKET})


def script(*routes: str) -> Script:
    told = Script()
    for route in routes or ("", "/invoices", "/cancellations", "/returns", "/goodwills"):
        told.on(f"POST {ORDER}{route}" if route else f"POST {BASE}", received)
    return told


def adaptor(told: Script | None = None, **settings: Any) -> Riverty:
    chosen = RivertySettings.model_validate(SETTINGS | settings)
    return Riverty(chosen, (told or Script()).client())


def request(
    document: dict[str, Any] | None = None, options: dict[str, Any] | None = None, **more: Any
) -> InvoiceRequest:
    return InvoiceRequest.model_validate(
        {
            "reference": "ref-1",
            "provider": "riverty",
            "document": DOCUMENT | (document or {}),
            "options": OPTIONS | (options or {}),
        }
        | more
    )


async def refusal(*args: Any, settings: dict[str, Any] | None = None, **more: Any) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        await adaptor(**(settings or {})).plan(request(*args, **more))
    return caught.value


def fields(error: ProviderError) -> dict[str, str]:
    return {each.field: each.message for each in error.fields}


def edi(result: str = "OK", kind: str = "GET_ORDER", **more: Any) -> dict[str, Any]:
    """The verdict as the public example writes it."""
    transaction = more.pop("transaction", "0a6b660174a3306898a924639688dffb")
    details = {"orderNo": "ORDNL833249069", "result": result, "errorDetails": []} | more
    return {
        "type": "accounting/EDIErrorSent",
        "parameters": {"requestType": kind, "transactionId": transaction, "details": details},
    }


def refused(kind: str = "GET_ORDER", **more: Any) -> dict[str, Any]:
    wrong = {
        "fieldName": "BILLTOLANGUAGECODE",
        "providedValue": "A. Person",
        "ErrorDescription": "The content of field BILLTOLANGUAGECODE may only be lower case.",
    }
    return edi(FAILURE, kind, errorDetails=[wrong], **more)


def payment(remaining: Any = "0.00", **more: Any) -> dict[str, Any]:
    return {
        "type": "accounting/paymentReceived",
        "businessCode": "1000",
        "companyCode": "1000",
        "currency": "EUR",
        "customerNumber": "C-1001",
        "fiscalYear": 2024,
        "invoiceReference": "INV-NL833249069",
        "orderReference": "ORDNL833249069",
        "orderAmount": 56.93,
        "paidAmount": 10.00,
        "remainingAmount": remaining,
        "tolerance": 0.05,
        "paymentDocument": "P-1",
        "transactionId": "t-1",
    } | more


def document_created(*invoices: str, **more: Any) -> dict[str, Any]:
    information = [
        {
            "documentCreationDate": "2024-09-12",
            "customerNumber": "C-1001",
            "invoiceReference": one,
            "orderReference": "ORDNL833249069",
        }
        | more
        for one in invoices
    ]
    return {
        "type": "accounting/documentCreated",
        "businessCode": "1000",
        "transactionId": "t-9",
        "timestamp": "2024-09-13T08:00:00Z",
        "documents": [
            {"documentType": "INVOICE", "urlKey": "S/1", "documentInformation": information}
        ],
    }


def delivery(body: Any, source: str = "20.76.134.255") -> Delivery:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Delivery(body=raw, source=source, received=NOW)


def events(*bodies: dict[str, Any]) -> tuple[Event, ...]:
    return tuple(event for body in bodies for event in adaptor().receive(delivery(body)))


async def slim(provider: Riverty, told: Sequence[Event]) -> tuple[Event, ...]:
    """As they reach an invoice; those that are about nothing, as they are."""
    subjects = [await provider.about(event) for event in told]
    return tuple(subject.event or event for subject, event in zip(subjects, told, strict=True))


class Life:
    """One invoice at Riverty as its workflow sees it: contexts merged, events handed on once."""

    def __init__(self, told: Script | None = None, **settings: Any) -> None:
        self.script = told or script()
        self.provider = adaptor(self.script, **settings)
        self.generation = 0
        self.context: dict[str, Any] = {}
        self.provider_id: str | None = None
        self.plan: Plan | None = None
        self.request: InvoiceRequest | None = None

    async def planned(self, asked: InvoiceRequest | None = None) -> Plan:
        self.request = asked or request()
        self.plan = await self.provider.plan(self.request)
        self.context = dict(self.plan.context)
        return self.plan

    async def create(self) -> Snapshot:
        assert self.plan
        assert self.request
        return self._learn(
            await self.provider.create(
                CreateCall(
                    target=self.target(),
                    document=self.request.document,
                    options=self.request.options,
                    totals=self.plan.totals,
                )
            )
        )

    async def read(self, *bodies: dict[str, Any]) -> Snapshot:
        return await self.heard(*events(*bodies))

    async def heard(self, *told: Event) -> Snapshot:
        call = ReadCall(target=self.target(), events=told)
        snapshot = await self.provider.read(call)
        # What is kept of every event these tests tell of reads as the whole of it.
        kept = call.model_copy(update={"events": await slim(self.provider, told)})
        assert await self.provider.read(kept) == snapshot
        return self._learn(snapshot)

    async def approve(self) -> Snapshot:
        return self._learn(await self.provider.approve(self.target()))

    async def delete(self) -> Snapshot:
        return self._learn(await self.provider.delete(self.target()))

    async def credit(self) -> Snapshot:
        return self._learn(await self.provider.credit(self.target()))

    def target(self) -> Target:
        return Target(
            account="default",
            reference="ref-1",
            provider_id=self.provider_id,
            generation=self.generation,
            context=self.context,
        )

    def ids(self, route: str) -> list[str]:
        """The request ids sent on this route."""
        return [
            one.headers["X-Request-ID"] for one in self.script.asked if one.url.path.endswith(route)
        ]

    def _learn(self, snapshot: Snapshot) -> Snapshot:
        # As it is kept in history.
        kept = Snapshot.model_validate_json(snapshot.model_dump_json())
        self.provider_id = kept.provider_id
        self.context = {**self.context, **kept.context}
        return kept


async def drafted(told: Script | None = None, **settings: Any) -> Life:
    life = Life(told, **settings)
    await life.planned()
    await life.create()
    assert (await life.read(edi())).stage is Stage.DRAFTED
    return life


async def accepted(told: Script | None = None, **settings: Any) -> Life:
    life = await drafted(told, **settings)
    await life.approve()
    await life.read(edi(kind="GET_INVOICE"))
    return life


class TestPlan:
    async def test_it_makes_no_call_and_says_how_it_will_go(self) -> None:
        told = Script()
        provider: Provider = adaptor(told)
        plan = await provider.plan(request())
        assert told.asked == []
        assert plan.totals.gross == Decimal("56.93")
        assert plan.echoes == ()
        assert not plan.blind
        assert not plan.find_first
        assert plan.credits
        assert plan.keys == ("ORDNL833249069",)
        assert plan.call_timeout == timedelta(seconds=20)

    async def test_the_first_look_is_minutes_away_and_silence_ends_after_a_day(self) -> None:
        paces = (await adaptor().plan(request())).paces
        for pace in (paces.drafting, paces.approval):
            assert pace.first == timedelta(minutes=5)
            assert pace.deadline == timedelta(hours=24)

    async def test_a_key_that_may_be_wrong_reaches_a_person_within_the_hour(self) -> None:
        paces = (await adaptor().plan(request())).paces
        assert paces.unavailable.deadline <= timedelta(hours=1)

    async def test_it_speaks_every_protocol_it_needs(self) -> None:
        provider = adaptor()
        assert isinstance(provider, Orders)
        assert isinstance(provider, Notifies)
        assert isinstance(provider, Hooks)

    async def test_no_figures_are_promised_so_an_empty_echo_differs_in_nothing(self) -> None:
        life = await drafted()
        assert life.plan
        snapshot = await life.read()
        assert snapshot.echo == Echo()
        assert differing(request(), life.plan, Echo()) == []

    @pytest.mark.parametrize(
        ("goal", "sentence"), [("drafted", "ask for approved"), ("delivered", "ask for sent")]
    )
    async def test_a_goal_that_cannot_be_shown_is_refused(self, goal: str, sentence: str) -> None:
        error = await refusal(goal=goal)
        assert isinstance(error, Unsupported)
        assert sentence in fields(error)["goal"]

    @pytest.mark.parametrize("goal", ["approved", "sent", "paid"])
    async def test_the_other_goals_are_offered(self, goal: str) -> None:
        assert await adaptor().plan(request(goal=goal))

    async def test_all_mistakes_are_named_at_once(self) -> None:
        error = await refusal(
            {"number": None, "due_date": None, "buyer": {"name": "Canary"}},
            {"carrier": None, "tracking_code": None},
        )
        assert isinstance(error, Rejected)
        assert fields(error).keys() == {
            "document.number",
            "document.due_date",
            "document.buyer.account_number",
            "document.buyer.address",
            "options.carrier",
            "options.tracking_code",
        }

    @pytest.mark.parametrize(
        ("document", "field"),
        [
            ({"number": "N" * 31}, "document.number"),
            ({"lines": [LINE | {"name": "x" * 41}]}, "document.lines[0].name"),
            ({"lines": [LINE | {"seller_item_id": "x" * 31}]}, "document.lines[0].seller_item_id"),
            ({"buyer": BUYER | {"account_number": ".."}}, "document.buyer.account_number"),
            (
                {"buyer": BUYER | {"address": {"country": "NL", "city": "A", "street": "B 1"}}},
                "document.buyer.address.postal_code",
            ),
        ],
    )
    async def test_what_would_be_cut_off_or_missed_there_is_refused_here(
        self, document: dict[str, Any], field: str
    ) -> None:
        error = await refusal(document)
        assert isinstance(error, Rejected)
        assert fields(error).keys() == {field}

    @pytest.mark.parametrize("reference", ["ORD-1", "ORD 1", "O" * 17, ""])
    async def test_an_order_reference_is_letters_and_digits_and_short(self, reference: str) -> None:
        assert "options.order_reference" in fields(
            await refusal(options={"order_reference": reference})
        )

    @pytest.mark.parametrize("name", ["shipment_reference", "carrier"])
    async def test_long_words_are_refused(self, name: str) -> None:
        assert f"options.{name}" in fields(await refusal(options={name: "x" * 33}))

    async def test_a_derived_order_reference_is_stable_and_fits(self) -> None:
        first = await adaptor().plan(request(options={"order_reference": None}))
        again = await adaptor().plan(request(options={"order_reference": None}))
        other = await adaptor().plan(request(reference="ref-2", options={"order_reference": None}))
        assert first.keys == again.keys != other.keys
        assert len(first.keys[0]) == 16
        assert first.keys[0].isalnum()

    async def test_an_order_and_an_invoice_of_one_name_do_not_share_a_reference(self) -> None:
        invoice = await adaptor().plan(request(options={"order_reference": None}))
        order = await adaptor().plan_order(order_request(options={"order_reference": None}))
        assert invoice.keys != order.keys

    async def test_digital_goods_need_no_carrier_and_are_dispatched_when_invoiced(self) -> None:
        digital = {"order_type": "DIGITAL_GOODS", "carrier": None, "tracking_code": None}
        asked = request({"delivery": None}, digital)
        context = (await adaptor().plan(asked)).context
        words: Any = context["invoice"]
        assert words["dispatchDate"] == "2024-09-12"
        assert "carrier" not in words

    async def test_physical_goods_need_the_day_they_left(self) -> None:
        assert "document.delivery.actual_date" in fields(await refusal({"delivery": None}))
        assert await adaptor().plan(request({"delivery": None}, {"dispatch_date": "2024-09-12"}))

    async def test_the_settings_may_say_what_kind_of_goods_is_usual(self) -> None:
        assert await adaptor(order_type="DIGITAL_GOODS").plan(request(options={"carrier": None}))

    async def test_a_business_code_stands_for_one_country_and_currency(self) -> None:
        seller = {"name": "S", "address": {"country": "DE"}}
        error = await refusal({"currency": "SEK", "seller": seller})
        assert isinstance(error, Unsupported)
        assert fields(error).keys() == {"document.currency", "document.seller.address.country"}

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"allowances": [{"amount": "1"}]}, "allowances"),
            ({"charges": [{"amount": "1"}]}, "charges"),
            ({"quantity": "-1"}, "quantity"),
            ({"unit": "LTR"}, "unit"),
            ({"note": "n"}, "note"),
            ({"description": "d"}, "description"),
            ({"vat": {"category": "L", "rate": "7"}}, "vat.category"),
        ],
    )
    async def test_what_an_item_cannot_say_is_refused(
        self, changes: dict[str, Any], field: str
    ) -> None:
        error = await refusal({"lines": [LINE | changes]})
        assert isinstance(error, Unsupported)
        assert f"document.lines[0].{field}" in fields(error)

    @pytest.mark.parametrize(
        ("document", "field"),
        [
            ({"notes": ["n"]}, "notes"),
            ({"payment": {"means": "30"}}, "payment"),
            ({"prepaid": "1"}, "prepaid"),
            ({"vat_rounding": "category"}, "vat_rounding"),
            (
                {"type": "credit_note", "precedents": [{"number": "1"}]},
                "type",
            ),
        ],
    )
    async def test_what_has_no_place_is_refused(self, document: dict[str, Any], field: str) -> None:
        error = await refusal(document)
        assert isinstance(error, Unsupported)
        assert f"document.{field}" in fields(error)

    async def test_a_price_that_is_not_exact_per_unit_is_refused_unless_sent_as_one(self) -> None:
        net = {"lines": [LINE | {"quantity": "3", "unit_price": "19.99"}]}
        error = await refusal(net | {"prices_include_vat": False})
        assert "as_one" in fields(error)["document.lines[0].unit_price"]
        asked = request(net | {"prices_include_vat": False}, {"line_defaults": {"as_one": True}})
        assert (await adaptor().plan(asked)).totals.gross == Decimal("72.56")

    async def test_more_decimals_of_a_unit_price_are_a_setting(self) -> None:
        finer = {"lines": [LINE | {"quantity": "1000", "unit_price": "0.2535"}]}
        assert "document.lines[0].unit_price" in fields(await refusal(finer))
        assert await adaptor(price_decimals=4).plan(request(finer))

    @pytest.mark.parametrize("name", ["cancellation_reason", "goodwill_reason", "return_reason"])
    async def test_a_word_no_page_lists_is_refused_unless_the_settings_trust_it(
        self, name: str
    ) -> None:
        error = await refusal(options={name: "SOMETHING_NEW"})
        assert f"options.{name}" in fields(error)
        assert await adaptor(unlisted_words=True).plan(request(options={name: "SOMETHING_NEW"}))

    async def test_a_discount_position_is_not_offered_because_its_sign_is_unknown(self) -> None:
        error = await refusal(options={"lines": {"a": {"position_type": "DISCOUNT"}}})
        assert "options.lines.a.position_type" in fields(error)

    async def test_an_option_for_a_line_that_is_not_there_is_a_mistake(self) -> None:
        assert "options.lines.z" in fields(await refusal(options={"lines": {"z": {}}}))

    async def test_a_float_in_payment_details_is_refused(self) -> None:
        details = {"method": "VISA", "details": {"card": {"authorizedAmount": 119.12}}}
        error = await refusal(options={"payment": details})
        assert any(name.startswith("options.payment.details") for name in fields(error))

    async def test_an_invoice_too_long_to_carry_its_figures_along_is_credited_by_hand(self) -> None:
        many = [LINE | {"id": str(number)} for number in range(MOST_CREDITED + 1)]
        assert not (await adaptor().plan(request({"lines": many}))).credits
        assert not (await adaptor().plan(request(may_credit=False))).credits

    async def test_a_long_invoice_keeps_a_small_context(self) -> None:
        many = [LINE | {"id": str(number)} for number in range(MOST_LINES)]
        plan = await adaptor().plan(request({"lines": many}))
        assert plan.context["items"] == f"1-{MOST_LINES}"
        assert len(json.dumps(plan.context)) < 1000


class TestCreate:
    async def test_the_public_example_of_an_order_can_be_written(self) -> None:
        """The vendor's own sample, field by field."""
        told = script()
        document = {
            "buyer": {
                "name": "Max Mustermann",
                "type": "consumer",
                "given_name": "Max",
                "family_name": "Mustermann",
                "account_number": "C-1001",
                "vat_number": "DE136695976",
                "language": "de",
                "address": {
                    "street": "Beispielstr. 13A",
                    "additional": "Jane c/o John",
                    "postal_code": "48213",
                    "city": "Muenster",
                    "country": "DE",
                },
                "contact": {"email": "max@example.com", "phone": "+491345789555"},
            },
            "delivery": {
                "actual_date": "2015-12-11",
                "address": {
                    "street": "Beispielstr. 13A",
                    "additional": "Jane c/o John",
                    "postal_code": "48213",
                    "city": "Muenster",
                    "region": "AL",
                    "country": "DE",
                },
            },
            "issue_date": "2015-12-10",
            "due_date": "2015-12-20",
            "lines": [
                {
                    "id": "1",
                    "name": "Blumentopf XL (GRAU)",
                    "quantity": "1",
                    "unit_price": "119",
                    "vat": {"rate": "19"},
                    "seller_item_id": "BEF12346512A/1",
                }
            ],
        }
        options = {
            "order_reference": "ODE12345678901",
            "process_after_dunning": "HAND_OVER_FOR_DEBT_COLLECTION",
            "vat_declaration_country": "DE",
            "bill_to": {
                "salutation": "MRS",
                "title": "DR",
                "street_number": "13A",
                "birth_date": "1983-09-15",
                "nationality": "DE",
                "customer_group": "Gold Clients",
            },
            "ship_to": {"salutation": "MRS", "title": "DR", "street_number": "13A"},
            "payment": {
                "method": "VISA",
                "details": {
                    "cardType": "VI",
                    "cardHolder": "Max Mustermann",
                    "expirationDate": {"year": 2018, "month": 12},
                    "authorizedAmount": "119.00",
                    "transactionToken": "8acda4a3",
                },
            },
        }
        life = Life(told, country="DE")
        await life.planned(request(document, options))
        await life.create()
        address = {
            "salutation": "MRS",
            "title": "DR",
            "careOf": "Jane c/o John",
            "street": "Beispielstr.",
            "streetNumber": "13A",
            "postalCode": "48213",
            "postalPlace": "Muenster",
            "countryCode": "DE",
            "firstName": "Max",
            "lastName": "Mustermann",
            "language": "de",
        }
        assert told.body(f"POST {BASE}") == {
            "orderReference": "ODE12345678901",
            "orderDate": "2015-12-10",
            "orderType": "PHYSICAL_GOODS",
            "orderChannel": "ECOM",
            "currency": "EUR",
            "supplyingCountry": "DE",
            "vatDeclarationCountry": "DE",
            "processAfterDunning": "HAND_OVER_FOR_DEBT_COLLECTION",
            "billToAddress": address
            | {
                "email": "max@example.com",
                "phone": "+491345789555",
                "birthDate": "1983-09-15",
                "nationality": "DE",
                "customerGroup": "Gold Clients",
                "taxIdentificationNumber": "DE136695976",
            },
            "shipToAddress": address | {"state": "AL"},
            "paymentReference": {
                "paymentMethodName": "VISA",
                "paymentDetails": {
                    "cardType": "VI",
                    "cardHolder": "Max Mustermann",
                    "expirationDate": {"year": 2018, "month": 12},
                    "authorizedAmount": Decimal("119.00"),
                    "transactionToken": "8acda4a3",
                },
            },
            "items": [
                {
                    "orderItemReference": 1,
                    "description": "Blumentopf XL (GRAU)",
                    "productId": "BEF12346512A/1",
                    "positionType": "SALES_ARTICLE",
                    "quantity": 1,
                    "grossUnitPrice": Decimal("119.00"),
                    "vatAmount": Decimal("19.00"),
                    "vatPercent": 19,
                    "vatType": "NORMAL",
                }
            ],
        }

    async def test_items_are_numbered_by_their_place_and_priced_with_vat(self) -> None:
        life = Life()
        net = LINE | {"quantity": "1.5", "unit_price": "33", "vat": {"rate": "6"}}
        await life.planned(request({"prices_include_vat": False, "lines": [SECOND, net]}))
        await life.create()
        first, second = life.script.body(f"POST {BASE}")["items"]
        assert (first["orderItemReference"], second["orderItemReference"]) == (1, 2)
        assert second["quantity"] * second["grossUnitPrice"] == Decimal("52.47")
        assert second["vatAmount"] == Decimal("1.98")

    async def test_the_vat_of_the_line_may_be_what_is_wanted(self) -> None:
        life = Life(vat_amount_of="line")
        await life.planned()
        await life.create()
        assert life.script.body(f"POST {BASE}")["items"][0]["vatAmount"] == Decimal("9.02")

    async def test_a_line_sent_as_one_piece_costs_what_the_line_costs(self) -> None:
        life = Life()
        line = LINE | {"quantity": "3", "unit_price": "19.99", "unit": "KWH"}
        options = {"lines": {"a": {"as_one": True}}}
        await life.planned(request({"prices_include_vat": False, "lines": [line]}, options))
        await life.create()
        (item,) = life.script.body(f"POST {BASE}")["items"]
        assert item["quantity"] == 1
        assert item["grossUnitPrice"] == Decimal("72.56")
        assert item["vatAmount"] == Decimal("12.59")
        assert "quantityType" not in item

    @pytest.mark.parametrize(
        ("vat", "settings", "word"),
        [
            ({"rate": "21"}, {}, "NORMAL"),
            ({"rate": "9"}, {}, "NORMAL"),
            ({"rate": "21"}, {"normal_vat_rate": "21"}, "NORMAL"),
            ({"rate": "9"}, {"normal_vat_rate": "21"}, "REDUCED"),
            ({"category": "Z", "rate": "0"}, {}, "TAXLESS"),
            ({"category": "AE", "rate": "0"}, {}, "REVERSE"),
        ],
    )
    async def test_the_kind_of_vat_follows_from_category_and_rate(
        self, vat: dict[str, Any], settings: dict[str, Any], word: str
    ) -> None:
        life = Life(**settings)
        buyer = BUYER | {"vat_number": "NL004495445B01"}
        await life.planned(request({"lines": [LINE | {"vat": vat}], "buyer": buyer}))
        await life.create()
        assert life.script.body(f"POST {BASE}")["items"][0]["vatType"] == word

    async def test_units_but_pieces_are_said_where_orders_may_say_them(self) -> None:
        assert UNITS["C62"] is None
        line = LINE | {"unit": "KWH"}
        error = await refusal({"lines": [line]})
        assert fields(error) == {"document.lines[0].unit": "KWH is not a unit here"}
        life = Life(quantity_types=True)
        await life.planned(request({"lines": [LINE | {"unit": "KWH"}]}))
        await life.create()
        assert life.script.body(f"POST {BASE}")["items"][0]["quantityType"] == "KWH"

    async def test_received_is_not_confirmed(self) -> None:
        life = Life()
        await life.planned()
        snapshot = await life.create()
        assert snapshot.stage is Stage.DRAFTING
        assert snapshot.provider_id == "INV-NL833249069"
        assert snapshot.number is None
        assert snapshot.status == "order received"
        assert "ORDNL833249069" in snapshot.keys
        assert TICKET.replace("-", "") in snapshot.keys
        assert life.script.asked[0].headers["X-Subscription-Key"] == SECRET

    async def test_a_500_may_be_a_wrong_key_and_stores_nothing(self) -> None:
        error = await self.failed(answer(None, 500))
        assert isinstance(error, Unavailable)
        assert "subscription key" in error.message

    async def test_a_refusal_brings_what_was_said_apart_from_our_sentence(self) -> None:
        error = await self.failed(
            answer(
                {
                    "type": "RequestBody",
                    "title": "IncorrectMessage",
                    "code": 400,
                    "description": "Body does not conform. Path:billToAddress.email Message: "
                    "String 'A. Person' does not validate.",
                },
                400,
            )
        )
        assert isinstance(error, Rejected)
        assert "A. Person" not in error.message
        (problem,) = error.fields
        assert problem.field == "billToAddress.email"
        assert "IncorrectMessage" in problem.message

    @pytest.mark.parametrize("status", [401, 403])
    async def test_a_refused_key_is_named(self, status: int) -> None:
        error = await self.failed(answer(None, status))
        assert isinstance(error, Rejected)
        assert "subscription key" in error.message

    async def test_being_too_fast_is_waited_out(self) -> None:
        error = await self.failed(answer(None, 429, {"Retry-After": "7"}))
        assert isinstance(error, UnknownOutcome)
        assert error.retry_after == timedelta(seconds=7)

    async def test_an_acceptance_that_was_not_understood_is_an_unknown_outcome(self) -> None:
        assert isinstance(await self.failed(answer({"unexpected": True})), UnknownOutcome)

    async def failed(self, reply: Reply) -> ProviderError:
        life = Life(Script().on(f"POST {BASE}", reply))
        await life.planned()
        with pytest.raises(ProviderError) as caught:
            await life.create()
        return caught.value

    async def test_an_uncertain_create_cannot_be_seen_and_is_sent_again_the_same(self) -> None:
        life = Life(Script().on(f"POST {BASE}", httpx.ReadTimeout("slow"), received))
        await life.planned()
        with pytest.raises(UnknownOutcome):
            await life.create()
        assert (await life.provider.plan(request())).repeatable
        await life.create()
        first, second = life.ids("/orders")
        assert UUID(first)
        assert first == second
        assert life.script.asked[0].content == life.script.asked[1].content

    async def test_the_key_is_never_logged_or_raised(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        error = await self.failed(answer(None, 500))
        assert SECRET not in caplog.text
        assert SECRET not in repr(error)
        assert "C-1001" not in caplog.text

    async def test_a_customer_number_leads_to_no_other_route(self) -> None:
        told = Script().on(
            "POST /accounting/v1/businesses/1000/customers/A/orders?/orders", received
        )
        life = Life(told)
        await life.planned(request({"buyer": BUYER | {"account_number": "A/orders?"}}))
        await life.create()
        assert life.script.asked[0].url.raw_path.count(b"/") == 7


class TestVerdicts:
    @pytest.mark.parametrize(
        ("body", "stage"),
        [
            (edi("OK"), Stage.DRAFTED),
            (edi("ok"), Stage.DRAFTED),
            (refused(), Stage.NONE),
            (edi("PARTLY_PROCESSED"), Stage.UNKNOWN),
            (edi(""), Stage.UNKNOWN),
        ],
    )
    async def test_the_word_decides_and_an_unknown_one_waits(
        self, body: dict[str, Any], stage: Stage
    ) -> None:
        life = Life()
        await life.planned()
        await life.create()
        assert (await life.read(body)).stage is stage
        assert (await life.read()).stage is stage

    async def test_the_word_for_success_is_a_setting(self) -> None:
        life = Life(success="PROCESSED")
        await life.planned()
        await life.create()
        assert (await life.read(edi("OK"))).stage is Stage.UNKNOWN
        assert (await life.read(edi("PROCESSED"))).stage is Stage.DRAFTED

    async def test_a_refused_order_says_why_without_repeating_values(self) -> None:
        life = Life()
        await life.planned()
        await life.create()
        snapshot = await life.read(refused())
        (problem,) = snapshot.problems
        assert problem.field == "BILLTOLANGUAGECODE"
        assert "A. Person" not in snapshot.model_dump_json()
        assert snapshot.status == f"order {FAILURE}"

    async def test_a_retry_after_a_refusal_goes_out_under_a_new_request_id(self) -> None:
        life = Life()
        await life.planned()
        await life.create()
        await life.read(refused())
        again = await life.create()
        assert again.stage is Stage.DRAFTING
        assert again.problems == ()
        first, second = life.ids("/orders")
        assert first != second
        body = [json.loads(one.content) for one in life.script.asked]
        assert body[0] == body[1]
        assert (await life.read(edi())).stage is Stage.DRAFTED

    async def test_a_corrected_order_keeps_its_reference_under_a_new_request_id(self) -> None:
        life = Life()
        await life.planned()
        await life.create()
        await life.read(refused())
        await life.planned(request({"buyer": BUYER | {"language": "de"}}))
        await life.create()
        first, second = life.ids("/orders")
        assert first != second
        references = {json.loads(one.content)["orderReference"] for one in life.script.asked}
        assert references == {"ORDNL833249069"}

    async def test_the_same_verdict_twice_counts_once(self) -> None:
        life = Life()
        await life.planned()
        await life.create()
        await life.read(refused())
        await life.create()
        assert (await life.read(refused())).stage is Stage.DRAFTING
        await life.create()
        assert len(set(life.ids("/orders"))) == 2

    async def test_an_ok_is_not_undone_by_the_error_of_a_duplicate(self) -> None:
        life = await drafted()
        snapshot = await life.read(refused())
        assert snapshot.stage is Stage.DRAFTED
        assert snapshot.problems == ()

    async def test_an_ok_that_comes_after_the_error_of_its_duplicate_counts(self) -> None:
        life = Life()
        await life.planned()
        await life.create()
        assert (await life.read(refused(), edi())).stage is Stage.DRAFTED

    @pytest.mark.parametrize(
        "body",
        [
            edi(orderNo="OTHER"),
            edi(kind="GET_INVOICE", orderNo="OTHER"),
            edi(kind="GET_SOMETHING", orderNo="OTHER"),
            edi(orderNo=""),
            edi(kind="GET_INVOICE", orderNo=""),
            edi(kind="GET_INVOICE", orderNo="OTHER", invoiceReference="INV-NL833249069"),
            payment(invoiceReference="OTHER"),
            payment(customerNumber="C-9"),
            document_created("OTHER"),
        ],
    )
    async def test_news_about_something_else_change_nothing(self, body: dict[str, Any]) -> None:
        life = Life()
        await life.planned()
        before = await life.create()
        after = await life.read(body)
        assert after.stage is Stage.DRAFTING
        assert after.payment is PaymentStatus.UNKNOWN
        assert after.status == before.status

    async def test_a_verdict_on_something_unheard_of_is_shown_and_changes_nothing(self) -> None:
        life = Life()
        await life.planned()
        await life.create()
        snapshot = await life.read(edi(kind="GET_SOMETHING"))
        assert snapshot.stage is Stage.DRAFTING
        assert "unclear verdict" in snapshot.status

    async def test_the_request_types_can_be_told(self) -> None:
        told = RivertySettings.model_validate(
            SETTINGS | {"request_types": "GET_X=invoice, Y=order"}
        )
        assert told.request_types == {"GET_X": "invoice", "Y": "order"}
        life = await drafted(request_types="GET_X=invoice")
        await life.approve()
        assert (await life.read(edi(kind="GET_X"))).stage is Stage.SENT

    async def test_a_transaction_id_of_ours_says_more_than_a_request_type(self) -> None:
        life = Life()
        await life.planned()
        snapshot = await life.create()
        mine = snapshot.keys[1]
        assert (await life.read(edi(kind="?", orderNo="", transaction=mine))).stage is Stage.DRAFTED

    async def test_a_failed_create_whose_verdict_came_before_the_resend_is_confirmed(self) -> None:
        life = Life(Script().on(f"POST {BASE}", httpx.ReadTimeout("slow"), received))
        await life.planned()
        with pytest.raises(UnknownOutcome):
            await life.create()
        await life.create()
        assert (await life.read(edi())).stage is Stage.DRAFTED


class TestApprove:
    async def test_the_example_of_the_page_can_be_written(self) -> None:
        life = await drafted()
        snapshot = await life.approve()
        assert life.script.body(f"POST {ORDER}/invoices") == {
            "carrier": "DHL",
            "dispatchDate": "2024-09-12",
            "dueDate": "2024-09-12",
            "invoiceDate": "2024-09-12",
            "invoiceReference": "INV-NL833249069",
            "shipmentReference": "ORD-NL8333249069",
            "trackingCode": "5cbe48d9-9c3f-46f0-87ab-f1ff3e25d23",
            "items": [{"orderItemReference": 1}, {"orderItemReference": 2}],
        }
        assert snapshot.stage is Stage.APPROVING
        assert snapshot.number is None

    async def test_the_shipment_is_called_like_the_invoice_unless_it_is_said(self) -> None:
        life = Life()
        await life.planned(request(options={"shipment_reference": None}))
        context: Any = life.context["invoice"]
        assert context["shipmentReference"] == "INV-NL833249069"

    async def test_an_accepted_invoice_is_sent_and_has_its_number(self) -> None:
        life = await drafted()
        await life.approve()
        snapshot = await life.read(edi(kind="GET_INVOICE"))
        assert snapshot.stage is Stage.SENT
        assert snapshot.number == "INV-NL833249069"
        assert snapshot.status == "order OK · invoice OK"

    async def test_where_documents_are_announced_one_is_waited_for(self) -> None:
        life = await accepted(document_news=True)
        assert (await life.read()).stage is Stage.SENDING
        assert (await life.read(document_created("INV-NL833249069"))).stage is Stage.SENT

    async def test_what_the_client_has_sent_itself_is_sent_when_it_is_accepted(self) -> None:
        life = await accepted(document_news=True, issuer="client")
        assert (await life.read()).stage is Stage.SENT

    async def test_a_refused_invoice_has_failed_and_can_be_asked_for_again(self) -> None:
        life = await drafted()
        await life.approve()
        snapshot = await life.read(refused("GET_INVOICE"))
        assert snapshot.stage is Stage.FAILED
        assert snapshot.problems
        assert (await life.approve()).stage is Stage.APPROVING
        first, second = life.ids("/invoices")
        assert first != second

    async def test_an_uncertain_approve_is_sent_again_under_the_same_id(self) -> None:
        told = script().on(f"POST {ORDER}/invoices", httpx.ReadTimeout("slow"), received)
        life = await drafted(told)
        with pytest.raises(UnknownOutcome):
            await life.approve()
        assert (await life.read()).stage is Stage.DRAFTED
        await life.approve()
        first, second = life.ids("/invoices")
        assert first == second

    async def test_the_verdict_on_an_uncertain_approve_is_understood(self) -> None:
        told = script().on(f"POST {ORDER}/invoices", httpx.ReadTimeout("slow"))
        life = await drafted(told)
        with pytest.raises(UnknownOutcome):
            await life.approve()
        (sent,) = life.ids("/invoices")
        snapshot = await life.read(edi(kind="?", orderNo="", transaction=sent))
        assert snapshot.stage is Stage.SENT

    async def test_news_that_name_the_invoice_prove_that_it_was_accepted(self) -> None:
        life = await drafted()
        await life.approve()
        assert (await life.read(document_created("INV-NL833249069"))).stage is Stage.SENT

    async def test_a_person_can_say_that_it_took_effect(self) -> None:
        life = await drafted()
        event = Event(id="person", kind=CONFIRMED, body={"verb": "approve"})
        assert (await life.heard(event)).stage is Stage.SENT


class TestPlaces:
    async def test_no_part_of_an_address_is_dropped(self) -> None:
        """[dropped] A region of the buyer, and a receiver without an address, went nowhere."""
        buyer = DOCUMENT["buyer"]
        somewhere = {**buyer, "address": {**buyer["address"], "region": "Noord-Holland"}}
        with pytest.raises(ProviderError) as caught:
            await adaptor().plan(
                request({"buyer": somewhere, "delivery": {"party_name": "The depot"}})
            )
        refused = {"document.buyer.address.region", "document.delivery.address"}
        assert refused <= set(fields(caught.value))


class TestMoney:
    async def test_nothing_left_is_paid(self) -> None:
        life = await accepted()
        assert (await life.read(payment(0))).payment is PaymentStatus.PAID

    @pytest.mark.parametrize(
        ("remaining", "status"),
        [
            (0.05, PaymentStatus.PAID),
            (-3.10, PaymentStatus.PAID),
            (0.06, PaymentStatus.PARTLY_PAID),
            (46.93, PaymentStatus.PARTLY_PAID),
        ],
    )
    async def test_what_is_within_the_tolerance_is_paid(
        self, remaining: Any, status: PaymentStatus
    ) -> None:
        life = await accepted()
        assert (await life.read(payment(remaining))).payment is status

    @pytest.mark.parametrize("remaining", ["?", None, [], True])
    async def test_a_payment_nobody_can_read_is_a_question(self, remaining: Any) -> None:
        """[long-decimals] It was silence: the invoice waited for money that had come."""
        life = await accepted()
        with pytest.raises(Unreadable):
            await life.read(payment(remaining))

    async def test_payments_in_any_order_come_to_the_same(self) -> None:
        first, last = payment(46.93), payment(0, paymentDocument="P-2", transactionId="t-2")
        for order in ((first, last), (last, first), (last, first, last)):
            life = await accepted()
            assert (await life.read(*order)).payment is PaymentStatus.PAID

    async def test_money_that_goes_back_is_reversed_and_old_news_do_not_bring_it_back(self) -> None:
        life = await accepted()
        await life.read(payment(0))
        back = payment(56.93, type="accounting/chargebackReceived", transactionId="t-3")
        assert (await life.read(back)).payment is PaymentStatus.REVERSED
        redelivered = payment(0) | {"batch": 2}
        assert (await life.read(redelivered)).payment is PaymentStatus.REVERSED
        again = payment(0, paymentDocument="P-9", transactionId="t-9")
        assert (await life.read(again)).payment is PaymentStatus.PAID
        assert (await life.read(back | {"batch": 2})).payment is PaymentStatus.PAID

    async def test_a_payment_told_twice_does_not_undo_a_chargeback_that_does_not_name_it(
        self,
    ) -> None:
        life = await accepted()
        await life.read(payment(0))
        back = payment(type="accounting/chargebackReceived", paymentDocument=None)
        await life.read(back)
        assert (await life.read(payment(0, batch=2))).payment is PaymentStatus.REVERSED

    async def test_a_payment_that_arrives_after_its_own_chargeback_does_not_count(self) -> None:
        life = await accepted()
        await life.read(payment(0, type="accounting/chargebackReceived", transactionId="t-3"))
        assert (await life.read(payment(0))).payment is PaymentStatus.REVERSED

    async def test_another_currency_pays_nothing(self) -> None:
        life = await accepted()
        snapshot = await life.read(payment(0, currency="SEK"))
        assert snapshot.payment is PaymentStatus.UNKNOWN
        assert "paymentReceived" in snapshot.status

    @pytest.mark.parametrize("kind", ["refundCompleted", "balanceUpdated", "invoiceCreated"])
    async def test_other_news_are_shown(self, kind: str) -> None:
        life = await accepted()
        snapshot = await life.read(payment(type=f"accounting/{kind}"))
        assert kind in snapshot.status
        assert snapshot.payment is PaymentStatus.UNKNOWN

    async def test_documents_are_kept_small_and_shown_without_their_address(self) -> None:
        life = await accepted()
        dunning = document_created("INV-NL833249069", dunningLevel=2)
        dunning["documents"][0]["documentType"] = "DUNNING"
        snapshot = await life.read(document_created("INV-NL833249069"), dunning, dunning)
        assert snapshot.status.endswith("INVOICE · DUNNING 2")
        assert "S/1" not in snapshot.status
        kept: Any = life.context["documents"]
        assert [one["key"] for one in kept] == ["S/1", "S/1"]

    async def test_the_memory_stays_small_however_much_is_told(self) -> None:
        life = await accepted()
        for number in range(60):
            await life.read(
                payment(5, transactionId=f"t-{number}"),
                document_created("INV-NL833249069", dunningLevel=number),
                edi("OK", "GET_INVOICE", note=number),
            )
        # Of it 30 payments, one by one.
        assert len(json.dumps(life.context)) < 8000

    def test_every_field_of_a_payment_is_read_or_knowingly_not(self) -> None:
        read = {
            "type",
            "businessCode",
            "currency",
            "customerNumber",
            "invoiceReference",
            "orderReference",
            "paidAmount",
            "remainingAmount",
            "tolerance",
            "paymentDocument",
            "transactionId",
        }
        assert payment().keys() == read | (payment().keys() & NOT_READ.keys())


class TestTakingBack:
    async def test_an_order_of_our_own_is_cancelled_and_gone_when_that_is_confirmed(self) -> None:
        life = await drafted()
        snapshot = await life.delete()
        assert snapshot.stage is Stage.DRAFTED
        body = life.script.body(f"POST {ORDER}/cancellations")
        assert body.pop("cancellationDate")
        assert body == {
            "cancellationReason": "CUSTOMER_CANCELLATION",
            "items": [{"orderItemReference": 1}, {"orderItemReference": 2}],
        }
        assert (await life.read(edi(kind="GET_CANCELLATION"))).stage is Stage.DELETED

    async def test_a_refused_cancellation_leaves_the_draft_and_says_why(self) -> None:
        life = await drafted()
        await life.delete()
        snapshot = await life.read(refused("GET_CANCELLATION"))
        assert snapshot.stage is Stage.DRAFTED
        assert snapshot.problems

    async def test_only_what_was_said_against_the_last_request_is_a_problem(self) -> None:
        life = await drafted()
        await life.approve()
        assert (await life.read(refused("GET_INVOICE"))).problems
        snapshot = await life.delete()
        assert snapshot.stage is Stage.FAILED
        assert snapshot.problems == ()
        assert (await life.read(refused("GET_CANCELLATION"))).problems
        snapshot = await life.approve()
        assert snapshot.stage is Stage.APPROVING
        assert snapshot.problems == ()

    async def test_a_cancellation_asked_for_again_after_all_is_a_new_request(self) -> None:
        life = await drafted()
        await life.delete()
        await life.read(refused("GET_CANCELLATION"))
        await life.approve()
        await life.read(refused("GET_INVOICE"))
        await life.delete()
        first, second = life.ids("/cancellations")
        assert first != second

    async def test_a_refused_order_is_not_there_to_be_cancelled(self) -> None:
        life = Life()
        await life.planned()
        await life.create()
        await life.read(refused())
        assert (await life.delete()).stage is Stage.DELETED
        assert life.ids("/cancellations") == []

    async def test_nothing_is_cancelled_before_it_is_confirmed(self) -> None:
        life = Life()
        await life.planned()
        await life.create()
        with pytest.raises(Unavailable):
            await life.delete()

    async def test_a_cancellation_repeated_on_another_day_keeps_its_request_id(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        told = script().on(f"POST {ORDER}/cancellations", httpx.ReadTimeout("slow"), received)
        life = await drafted(told)
        monkeypatch.setattr("providers.riverty.adaptor.today", lambda: "2026-03-01")
        with pytest.raises(UnknownOutcome):
            await life.delete()
        monkeypatch.setattr("providers.riverty.adaptor.today", lambda: "2026-03-02")
        await life.delete()
        first, second = life.ids("/cancellations")
        assert first == second

    async def test_what_replaces_a_cancelled_order_has_a_reference_of_its_own(self) -> None:
        life = await drafted()
        await life.delete()
        await life.read(edi(kind="GET_CANCELLATION"))
        life.generation, life.provider_id = 1, None
        life.script.on(f"POST {BASE}", received)
        snapshot = await life.create()
        assert snapshot.stage is Stage.DRAFTING
        reference = life.script.body(f"POST {BASE}")["orderReference"]
        assert reference != "ORDNL833249069"
        assert reference in snapshot.keys
        assert (await life.read(edi(note="late"))).stage is Stage.DRAFTING
        assert (await life.read(edi(orderNo=reference))).stage is Stage.DRAFTED

    @pytest.mark.parametrize("verb", ["goodwill", "return"])
    def test_what_a_person_has_seen_of_a_credit_is_the_credit_and_no_order(self, verb: str) -> None:
        credit = Credit.model_validate(
            {"verb": verb, "reason": "OTHER", "reference": "CR-1", "items": []}
        )
        told = Event(id="person", kind=CONFIRMED, body={"verb": "create"})
        known = confirmed(Context(credit=credit, is_credit=True), told)
        assert {name: slot.result for name, slot in known.slots.items()} == {verb: "ok"}
        of_the_invoice = confirmed(Context(credit=credit), told)
        assert [*of_the_invoice.slots] == ["order"]

    async def test_a_goodwill_takes_the_invoice_back_when_it_is_confirmed(self) -> None:
        life = await accepted()
        assert (await life.credit()).stage is Stage.SENT
        body = life.script.body(f"POST {ORDER}/goodwills")
        assert body.pop("goodwillDate") == body.pop("creditDate")
        reference = body.pop("goodwillReference")
        assert len(reference) <= 30
        assert body == {
            "goodwillReason": "OTHER",
            "invoiceReference": "INV-NL833249069",
            "items": [
                {
                    "orderItemReference": 1,
                    "grossUnitPrice": Decimal("25.99"),
                    "quantity": 2,
                    "vatAmount": Decimal("4.51"),
                    "vatPercent": 21,
                    "vatType": "NORMAL",
                },
                {
                    "orderItemReference": 2,
                    "grossUnitPrice": Decimal("4.95"),
                    "quantity": 1,
                    "vatAmount": Decimal("0.86"),
                    "vatPercent": 21,
                    "vatType": "NORMAL",
                },
            ],
        }
        assert (await life.read(edi(kind="GET_GOODWILL"))).stage is Stage.CREDITED

    async def test_a_return_takes_it_back_with_the_goods(self) -> None:
        life = Life()
        await life.planned(request(options={"credit": "return", "return_reason": "CARRIER_RETURN"}))
        await life.create()
        await life.read(edi())
        await life.approve()
        await life.read(edi(kind="GET_INVOICE"))
        await life.credit()
        body = life.script.body(f"POST {ORDER}/returns")
        assert body["returnReason"] == "CARRIER_RETURN"
        assert {"returnDate", "returnReference", "invoiceReference", "items"} < body.keys()
        assert (await life.read(edi(kind="GET_RETURN_ORDER"))).stage is Stage.CREDITED

    async def test_a_refused_credit_leaves_the_invoice_as_it_is(self) -> None:
        life = await accepted()
        await life.credit()
        snapshot = await life.read(refused("GET_GOODWILL"))
        assert snapshot.stage is Stage.SENT
        assert snapshot.problems

    async def test_a_credit_that_was_not_planned_is_refused(self) -> None:
        life = Life()
        await life.planned(request(may_credit=False))
        with pytest.raises(Unsupported):
            await life.credit()

    def test_the_default_reason_is_a_listed_one(self) -> None:
        assert RivertyOptions().goodwill_reason in GOODWILL_REASONS


def order_request(
    document: dict[str, Any] | None = None, options: dict[str, Any] | None = None, **more: Any
) -> OrderRequest:
    given = DOCUMENT | {"number": None} | (document or {})
    return OrderRequest.model_validate(
        {
            "reference": "ref-1",
            "provider": "riverty",
            "document": given,
            "options": {"order_reference": "ORDNL833249069"} | (options or {}),
        }
        | more
    )


class Orderly:
    """One order as its workflow sees it."""

    def __init__(self, told: Script | None = None, **settings: Any) -> None:
        self.script = told or script()
        self.provider = adaptor(self.script, **settings)
        self.request = order_request()
        self.context: dict[str, Any] = {}

    async def register(self) -> OrderSnapshot:
        plan = await self.provider.plan_order(self.request)
        self.context = {**plan.context, **self.context}
        call = RegisterCall(
            target=self.target(),
            document=self.request.document,
            options=self.request.options,
            totals=plan.totals,
        )
        return self.learn(await self.provider.register(call))

    async def read(self, *bodies: dict[str, Any]) -> OrderSnapshot:
        told = events(*bodies)
        call = OrderReadCall(target=self.target(), events=told)
        snapshot = await self.provider.read_order(call)
        kept = call.model_copy(update={"events": await slim(self.provider, told)})
        assert await self.provider.read_order(kept) == snapshot
        return self.learn(snapshot)

    async def told_by_a_person(self, **body: str) -> OrderSnapshot:
        event = Event(id=f"person {body}", kind=CONFIRMED, body=dict(body))
        call = OrderReadCall(target=self.target(), events=(event,))
        return self.learn(await self.provider.read_order(call))

    async def cancel(self, name: str, *lines: str, reason: str = "") -> OrderSnapshot:
        call = CancelLinesCall(
            target=self.target(),
            cancellation=name,
            lines=lines,
            reason=reason,
            document=self.request.document,
        )
        return self.learn(await self.provider.cancel_lines(call))

    def target(self) -> OrderTarget:
        return OrderTarget(account="default", reference="ref-1", context=self.context)

    def learn(self, snapshot: OrderSnapshot) -> OrderSnapshot:
        kept = OrderSnapshot.model_validate_json(snapshot.model_dump_json())
        self.context = {**self.context, **kept.context}
        return kept

    async def child(self, *lines: dict[str, Any], **document: Any) -> InvoiceRequest:
        registered = RegisteredOrder(
            reference="ref-1", provider_id="ORDNL833249069", context=self.context
        )
        given = {"lines": list(lines)} | document
        return request(given, {"order_reference": "ORDNL833249069"}, order=registered)

    def sent(self, route: str) -> list[httpx.Request]:
        return [one for one in self.script.asked if one.url.path.endswith(route)]


async def test_what_a_person_has_seen_of_an_order_counts_as_its_verdict() -> None:
    """Its verdict was lost: nobody here can look, and the provider tells no second time."""
    order = Orderly()
    assert (await order.register()).stage is OrderStage.SUBMITTED
    assert (await order.told_by_a_person(verb="register")).stage is OrderStage.CONFIRMED
    assert (await order.cancel("C1", "b")).cancelled == ()
    told = await order.told_by_a_person(verb="cancel_lines", cancellation="C1")
    assert told.cancelled == ("C1",)


async def registered(told: Script | None = None) -> Orderly:
    order = Orderly(told)
    await order.register()
    assert (await order.read(edi())).stage is OrderStage.CONFIRMED
    return order


class TestOrders:
    async def test_the_whole_order_is_registered_and_waits_for_its_verdict(self) -> None:
        order = Orderly()
        snapshot = await order.register()
        assert snapshot.stage is OrderStage.SUBMITTED
        assert snapshot.provider_id == "ORDNL833249069"
        items = order.script.body(f"POST {BASE}")["items"]
        assert [item["orderItemReference"] for item in items] == [1, 2]
        assert (await order.read(edi())).stage is OrderStage.CONFIRMED

    async def test_the_plan_says_that_it_registers_and_under_which_name(self) -> None:
        plan = await adaptor().plan_order(order_request())
        assert plan.registers
        assert plan.keys == ("ORDNL833249069",)

    async def test_what_is_wrong_is_refused_before_anything_is_registered(self) -> None:
        with pytest.raises(Rejected):
            await adaptor().plan_order(order_request({"buyer": {"name": "Canary"}}))
        with pytest.raises(Unsupported):
            await adaptor().plan_order(order_request(goal="delivered"))

    async def test_a_refused_order_can_be_registered_again(self) -> None:
        order = Orderly()
        await order.register()
        snapshot = await order.read(refused())
        assert snapshot.stage is OrderStage.REJECTED
        assert snapshot.problems
        assert (await order.register()).stage is OrderStage.SUBMITTED
        first, second = (one.headers["X-Request-ID"] for one in order.sent("/orders"))
        assert first != second

    async def test_an_uncertain_registration_is_repeated_under_the_same_id(self) -> None:
        order = Orderly(Script().on(f"POST {BASE}", httpx.ReadTimeout("slow"), received))
        with pytest.raises(UnknownOutcome):
            await order.register()
        await order.register()
        first, second = (one.headers["X-Request-ID"] for one in order.sent("/orders"))
        assert first == second

    async def test_what_is_confirmed_is_not_registered_again(self) -> None:
        order = await registered()
        assert (await order.register()).stage is OrderStage.CONFIRMED
        assert len(order.sent("/orders")) == 1

    async def test_an_unknown_word_is_waited_on(self) -> None:
        order = Orderly()
        await order.register()
        assert (await order.read(edi("HALF"))).stage is OrderStage.UNKNOWN

    async def test_lines_are_cancelled_once_their_verdict_is_in(self) -> None:
        order = await registered()
        snapshot = await order.cancel("c1", "b", reason="out of stock")
        assert snapshot.cancelled == ()
        body = order.script.body(f"POST {ORDER}/cancellations")
        assert body["cancellationReason"] == "OUT_OF_STOCK"
        assert body["items"] == [{"orderItemReference": 2}]
        assert (await order.read(edi(kind="GET_CANCELLATION"))).cancelled == ("c1",)

    async def test_a_refused_cancellation_is_named(self) -> None:
        order = await registered()
        await order.cancel("c1", "b")
        snapshot = await order.read(refused("GET_CANCELLATION"))
        assert snapshot.refused == ("c1",)
        assert snapshot.stage is OrderStage.CONFIRMED

    async def test_a_cancellation_repeated_is_the_same_one(self) -> None:
        order = await registered()
        await order.cancel("c1", "b")
        await order.cancel("c1", "b")
        ids = {one.headers["X-Request-ID"] for one in order.sent("/cancellations")}
        assert len(ids) == 1
        await order.read(edi(kind="GET_CANCELLATION"))
        assert (await order.cancel("c1", "b")).cancelled == ("c1",)
        assert len(order.sent("/cancellations")) == 2

    async def test_of_two_cancellations_the_one_that_is_named_is_meant(self) -> None:
        order = await registered()
        tickets = iter((answer({"internalRequestId": "one"}), answer({"internalRequestId": "two"})))
        order.script.on(f"POST {ORDER}/cancellations", lambda _: next(tickets))
        await order.cancel("c1", "a")
        await order.cancel("c2", "b")
        unclear = await order.read(edi(kind="GET_CANCELLATION"))
        assert unclear.cancelled == ()
        assert "unclear cancellation" in unclear.status
        named = await order.read(edi(kind="GET_CANCELLATION", transaction="two"))
        assert named.cancelled == ("c2",)

    async def test_two_cancellations_at_the_same_time_do_not_forget_one_another(self) -> None:
        order = await registered()
        before = dict(order.context)
        await order.cancel("c1", "a")
        first, order.context = order.context, before
        await order.cancel("c2", "b")
        order.context = {**first, **order.context}
        ids = {one.url.path: one.headers["X-Request-ID"] for one in order.sent("/cancellations")}
        assert ids
        for one in order.sent("/cancellations"):
            mine = one.headers["X-Request-ID"]
            snapshot = await order.read(edi(kind="GET_CANCELLATION", transaction=mine))
        assert set(snapshot.cancelled) == {"c1", "c2"}

    async def test_a_verdict_on_an_uncertain_cancellation_is_kept_until_it_is_repeated(
        self,
    ) -> None:
        told = script().on(f"POST {ORDER}/cancellations", httpx.ReadTimeout("slow"))
        order = await registered(told)
        with pytest.raises(UnknownOutcome):
            await order.cancel("c1", "b")
        mine = order.sent("/cancellations")[0].headers["X-Request-ID"]
        assert (await order.read(edi(kind="GET_CANCELLATION", transaction=mine))).cancelled == ()
        assert (await order.cancel("c1", "b")).cancelled == ("c1",)
        assert len(order.sent("/cancellations")) == 1

    async def test_a_verdict_that_overtakes_the_answer_to_its_request_finds_it(self) -> None:
        order = await registered()
        before = dict(order.context)
        await order.cancel("c1", "b")
        answered, order.context = order.context, before
        mine = order.sent("/cancellations")[0].headers["X-Request-ID"]
        await order.read(edi(kind="GET_CANCELLATION", transaction=mine))
        order.context = {**order.context, "cancellation c1": answered["cancellation c1"]}
        assert (await order.read()).cancelled == ("c1",)

    async def test_lines_that_are_none_are_refused(self) -> None:
        order = await registered()
        with pytest.raises(Rejected):
            await order.cancel("c1", "z")

    async def test_the_verdicts_on_invoices_are_theirs(self) -> None:
        order = await registered()
        snapshot = await order.read(refused("GET_INVOICE"), edi(orderNo="OTHER"), payment(0))
        assert snapshot.stage is OrderStage.CONFIRMED
        assert snapshot.problems == ()


class TestDeliveries:
    async def child(self, order: Orderly, *lines: dict[str, Any]) -> Life:
        life = Life(order.script)
        await life.planned(await order.child(*lines))
        await life.create()
        return life

    async def test_the_draft_of_a_delivery_is_a_part_of_the_order_and_no_call(self) -> None:
        order = await registered()
        calls = len(order.script.asked)
        life = await self.child(order, SECOND)
        snapshot = await life.read()
        assert snapshot.stage is Stage.DRAFTED
        assert snapshot.echo == Echo()
        assert len(order.script.asked) == calls

    async def test_its_items_have_the_numbers_of_the_order(self) -> None:
        life = await self.child(await registered(), SECOND)
        await life.approve()
        body = life.script.body(f"POST {ORDER}/invoices")
        assert body["items"] == [{"orderItemReference": 2}]

    async def test_taking_it_back_leaves_its_lines_to_the_order(self) -> None:
        life = await self.child(await registered(), SECOND)
        assert (await life.delete()).stage is Stage.DELETED
        assert life.ids("/cancellations") == []
        life.provider_id, life.generation = None, 1
        assert (await life.create()).stage is Stage.DRAFTED

    async def test_a_verdict_that_names_it_is_its_own(self) -> None:
        life = await self.child(await registered(), SECOND)
        await life.approve()
        other = edi(kind="GET_INVOICE", invoiceReference="OTHER")
        assert (await life.read(other)).stage is Stage.APPROVING
        mine = edi(kind="GET_INVOICE", invoiceReference="INV-NL833249069")
        assert (await life.read(mine)).stage is Stage.SENT

    @pytest.mark.parametrize("which", ["request", "ticket"])
    async def test_a_verdict_on_one_of_its_requests_is_its_own(self, which: str) -> None:
        life = await self.child(await registered(), SECOND)
        await life.approve()
        mine = life.ids("/invoices")[0] if which == "request" else TICKET
        body = edi(kind="GET_INVOICE", transaction=mine.replace("-", "").upper())
        assert (await life.read(body)).stage is Stage.SENT

    async def test_a_verdict_that_names_only_the_order_may_be_a_siblings(self) -> None:
        life = await self.child(await registered(), SECOND)
        await life.approve()
        snapshot = await life.read(edi(kind="GET_INVOICE"))
        assert snapshot.stage is Stage.APPROVING
        assert "unclear verdict" in snapshot.status

    async def test_an_invoice_of_every_line_has_no_sibling(self) -> None:
        life = await self.child(await registered(), LINE, SECOND)
        await life.approve()
        assert (await life.read(edi(kind="GET_INVOICE"))).stage is Stage.SENT

    @pytest.mark.parametrize("kind", ["GET_ORDER", "GET_CANCELLATION"])
    async def test_verdicts_on_the_order_itself_are_not_its_own(self, kind: str) -> None:
        life = await self.child(await registered(), LINE, SECOND)
        snapshot = await life.read(refused(kind))
        assert snapshot.stage is Stage.DRAFTED
        assert snapshot.problems == ()

    async def test_a_payment_of_the_order_alone_pays_no_part_of_it(self) -> None:
        life = await self.child(await registered(), SECOND)
        await life.approve()
        body = payment(0, invoiceReference=None)
        assert (await life.read(body)).payment is PaymentStatus.UNKNOWN

    @pytest.mark.parametrize(
        ("line", "field"),
        [
            (SECOND | {"unit_price": "4.96"}, "document.lines[0]"),
            (SECOND | {"quantity": "2"}, "document.lines[0]"),
            (SECOND | {"vat": {"rate": "9"}}, "document.lines[0]"),
            (SECOND | {"id": "z"}, "document.lines[0].id"),
        ],
    )
    async def test_a_line_that_is_not_as_it_was_ordered_is_refused(
        self, line: dict[str, Any], field: str
    ) -> None:
        order = await registered()
        asked = await order.child(line)
        with pytest.raises(Rejected) as caught:
            await order.provider.plan(asked)
        assert fields(caught.value).keys() == {field}

    async def test_another_customer_is_refused(self) -> None:
        order = await registered()
        asked = await order.child(SECOND, buyer=BUYER | {"account_number": "C-2"})
        with pytest.raises(Rejected) as caught:
            await order.provider.plan(asked)
        assert fields(caught.value).keys() == {"document.buyer.account_number"}

    async def test_the_orders_options_may_name_lines_of_other_deliveries(self) -> None:
        order = await registered()
        asked = await order.child(SECOND)
        options = {**asked.options, "lines": {"a": {"position_type": "SERVICE_CHARGE"}}}
        assert await order.provider.plan(asked.model_copy(update={"options": options}))


class TestNotifications:
    def test_a_notification_becomes_an_event_named_after_its_body(self) -> None:
        first = adaptor().receive(delivery(edi()))
        assert first == adaptor().receive(delivery(edi()))
        (event,) = first
        assert event.kind == "accounting/EDIErrorSent"
        assert event.at == NOW
        (other,) = adaptor().receive(delivery(edi("NOT_OK")))
        assert other.id != event.id

    def test_documents_of_many_invoices_are_as_many_events_and_the_body_is_hashed_once(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        hashed: list[int] = []

        def counting(data: bytes) -> Any:
            hashed.append(len(data))
            return sha256(data)

        monkeypatch.setattr("providers.kit.webhooks.hashlib.sha256", counting)
        body = document_created(*(f"INV-{number}" for number in range(MOST_PARTS)))
        events = adaptor().receive(delivery(body))
        assert len({event.id for event in events}) == MOST_PARTS
        assert len(hashed) == 1

    def test_more_documents_than_anybody_announces_at_once_are_refused(self) -> None:
        body = document_created(*(f"INV-{number}" for number in range(MOST_PARTS + 1)))
        with pytest.raises(Unreadable, match=f"more than {MOST_PARTS} documents"):
            adaptor().receive(delivery(body))

    @pytest.mark.parametrize("wrapped", [False, True])
    @pytest.mark.parametrize(
        "more",
        [
            ["x" * 10] * 3_000,
            "x" * 40_000,
            {f"n{number}": number for number in range(500)},
            [[1]] * 500,
        ],
        ids=["a list", "a text", "fields", "lists"],
    )
    def test_what_many_documents_share_is_not_repeated_for_each(
        self, more: Any, wrapped: bool
    ) -> None:
        """Else 42 kB became 145 MB here, and as much in workflows."""
        body: dict[str, Any] = document_created(*(f"INV-{number}" for number in range(MOST_PARTS)))
        beside = more if isinstance(more, dict) else {"more": more}
        (document,) = body["documents"]
        body = {**body, **beside, "details": beside, "documents": [{**document, **beside}]}
        if wrapped:
            body = {"type": body["type"], **beside, "parameters": body}
        sent = delivery(body)
        tracemalloc.start()
        try:
            told = adaptor().receive(sent)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert len(told) == MOST_PARTS
        assert peak < 20 * len(sent.body) + 1_500_000
        assert max(len(each.model_dump_json()) for each in told) < 4 * SHARED

    async def test_what_many_documents_share_is_said_of_each(self) -> None:
        body = {**document_created("I-1", "I-2"), "details": {"businessCode": "2000"}}
        for event in events(body):
            assert (await adaptor().about(event)).keys == (), "another business code's"

    def test_amounts_are_kept_exactly_as_they_were_written(self) -> None:
        raw = b'{"type": "accounting/paymentReceived", "remainingAmount": 0.10, "fiscalYear": 2024}'
        (event,) = adaptor().receive(delivery(raw))
        assert event.body["remainingAmount"] == "0.10"
        assert event.body["fiscalYear"] == 2024

    @pytest.mark.parametrize(
        ("environment", "source", "believed"),
        [
            ("https://api-uat.accounting.riverty.io", "20.76.134.255", True),
            ("https://api-uat.accounting.riverty.io", "4.210.170.174", True),
            ("https://api-uat.accounting.riverty.io", "::ffff:4.210.170.174", True),
            ("https://api-uat.accounting.riverty.io", "20.103.56.175", False),
            ("https://api.accounting.riverty.io", "20.103.56.175", True),
            ("https://api.accounting.riverty.io", "4.180.187.249", True),
            ("https://api.accounting.riverty.io", "20.76.134.255", False),
            ("https://api.accounting.riverty.io", "", False),
            ("https://api.accounting.riverty.io", "4.180.187.249, 10.0.0.1", False),
            ("http://127.0.0.1:9000", "127.0.0.1", False),
        ],
    )
    def test_only_the_published_addresses_of_the_environment_are_believed(
        self, environment: str, source: str, believed: bool
    ) -> None:
        provider = adaptor(base_url=environment)
        if believed:
            assert provider.receive(delivery(edi(), source))
            return
        with pytest.raises(Forged):
            provider.receive(delivery(edi(), source))

    def test_the_settings_may_name_other_addresses_and_networks(self) -> None:
        provider = adaptor(notification_sources="127.0.0.1, 10.0.0.0/8")
        assert provider.receive(delivery(edi(), "10.1.2.3"))
        with pytest.raises(Forged):
            provider.receive(delivery(edi(), "20.76.134.255"))

    @pytest.mark.parametrize(
        "raw",
        [
            b"",
            b"nonsense",
            b"[]",
            b"{}",
            b'{"type": 7}',
            b'{"type": " "}',
            b'{"type": "x", "a": NaN}',
            b"[" * 100_000,
            b'{"type": "x", "a": "' + b"a" * MAX_NOTIFICATION + b'"}',
        ],
    )
    def test_what_cannot_be_read_is_said_to_be_unreadable(self, raw: bytes) -> None:
        with pytest.raises(Unreadable):
            adaptor().receive(delivery(raw))

    @pytest.mark.parametrize("wrapped", [False, True])
    def test_documents_of_several_invoices_are_taken_apart(self, wrapped: bool) -> None:
        body = document_created("I-1", "I-2")
        if wrapped:
            inner = {"documents": body.pop("documents")}
            body = {**body, "parameters": inner}
        one, two = adaptor().receive(delivery(body))
        assert one.id != two.id
        assert one.at == datetime(2024, 9, 13, 8, tzinfo=UTC)

    async def test_each_part_is_about_its_own_invoice(self) -> None:
        told = events(document_created("I-1", "I-2"))
        subjects = [(await adaptor().about(event)).keys[0] for event in told]
        assert subjects == ["I-1", "I-2"]

    async def test_a_verdict_is_on_its_request_and_other_news_are_about_the_invoice_first(
        self,
    ) -> None:
        (event,) = events(edi(invoiceReference="I-1", transaction="AB-CD"))
        assert (await adaptor().about(event)).keys == ("abcd", "I-1", "ORDNL833249069")
        (event,) = events(payment())
        assert (await adaptor().about(event)).keys == ("INV-NL833249069", "t1", "ORDNL833249069")

    @pytest.mark.parametrize("news", [payment("0"), document_created("INV-NL833249069")])
    async def test_an_invoice_of_this_number_in_another_order_is_not_ours(
        self, news: dict[str, Any]
    ) -> None:
        """Two requests of one number: a payment is never counted at both."""
        life = await accepted()
        before = await life.read()
        theirs = json.loads(json.dumps(news).replace("ORDNL833249069", "ANOTHERORDER1"))
        assert await life.read(theirs) == before
        assert await life.read(news) != before

    async def test_what_concerns_another_business_code_concerns_nobody(self) -> None:
        (event,) = events(payment(businessCode="2000"))
        assert (await adaptor().about(event)).keys == ()
        (event,) = events({"type": "accounting/test"})
        assert (await adaptor().about(event)).keys == ()

    async def test_an_event_without_a_kind_cannot_be_read(self) -> None:
        with pytest.raises(Unreadable):
            await adaptor().about(Event(id="1"))

    @pytest.mark.parametrize(
        "body",
        [
            {"parameters": 3},
            {"parameters": {"details": ["x"]}},
            {"documents": "x", "documentInformation": {}},
            {"parameters": {"details": {"errorDetails": [1, None, {}]}}},
        ],
    )
    async def test_a_shape_nobody_expects_hurts_nobody(self, body: dict[str, Any]) -> None:
        life = await drafted()
        for kind in ("EDIErrorSent", "paymentReceived", "documentCreated", "chargebackReceived"):
            snapshot = await life.read({**body, "type": f"accounting/{kind}"})
            assert snapshot.stage is Stage.DRAFTED
            assert snapshot.payment is PaymentStatus.UNKNOWN

    async def test_a_subscription_names_its_types_in_full(self) -> None:
        route = "POST /administration/v1/notification-callbacks"
        told = Script().on(route, answer({"id": "sub-1", "callbackUrl": "https://me.example.com"}))
        types = ["EDIErrorSent", "accounting/paymentReceived"]
        assert await adaptor(told).subscribe("https://me.example.com/hook", types) == "sub-1"
        assert told.body(route) == {
            "callbackUrl": "https://me.example.com/hook",
            "notificationTypes": ["accounting/EDIErrorSent", "accounting/paymentReceived"],
        }

    async def test_a_subscription_in_the_clear_is_refused(self) -> None:
        with pytest.raises(Rejected):
            await adaptor().subscribe("http://me.example.com/hook", ["EDIErrorSent"])

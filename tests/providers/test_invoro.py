from __future__ import annotations

import hashlib
import hmac
import json
import logging
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest
from pydantic import SecretStr, ValidationError

from invoicing.attachment import files_of
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
    Search,
    Snapshot,
    Stage,
    Target,
)
from invoicing.request import InvoiceRequest
from providers.invoro.adaptor import MAX_PAGES, Invoro
from providers.invoro.decode import IGNORED_ANSWERS, Invoice, signature_fits
from providers.invoro.options import CREDIT_PROFILES
from providers.invoro.settings import NAME, InvoroSettings
from providers.invoro.states import STATES
from providers.registry import ADAPTORS
from tests.attached import CONTENT, a_file, supporting
from tests.providers import Reply, Script, answer, differing

KEY = "ak_test_canary"
SETTINGS = {"base_url": "https://api.example.test", "api_key": KEY}
LINE: dict[str, Any] = {
    "id": "1",
    "name": "Advice",
    "quantity": "2",
    "unit_price": "50.05",
    "vat": {"rate": "21"},
}
DOCUMENT: dict[str, Any] = {
    "currency": "EUR",
    "issue_date": "2026-06-30",
    "buyer": {"name": "Canary Energy BV"},
    "lines": [LINE],
}
MARK = "Our reference: ref-1"
CREDIT_MARK = f"{MARK} (credit)"
CONTEXT = {"mark": MARK, "credit_mark": CREDIT_MARK}
TARGET = Target(account="default", reference="ref-1", provider_id="inv-1", context=CONTEXT)
LIST = "GET /invoices"
CREATE = "POST /invoices"
READ = "GET /invoices/inv-1"
SEND = "POST /invoices/inv-1/send"
DELETE = "DELETE /invoices/inv-1"


def today() -> date:
    """Asked when it is needed: the tests of a file may be run on two days."""
    return datetime.now(UTC).date()


def adaptor(told: Script, **settings: Any) -> Invoro:
    return Invoro(InvoroSettings.model_validate(SETTINGS | settings), told.client())


def line(**more: Any) -> dict[str, Any]:
    return LINE | more


def request(document: dict[str, Any] | None = None, **more: Any) -> InvoiceRequest:
    """Of a draft, which may say as little as it likes; what one that is sent needs is in
    `test_invoro_sending`."""
    whole = DOCUMENT | (document or {})
    given = {"reference": "ref-1", "provider": "invoro", "goal": "drafted", "document": whole}
    return InvoiceRequest.model_validate(given | more)


async def planned(
    document: dict[str, Any] | None = None, settings: dict[str, Any] | None = None, **more: Any
) -> Plan:
    return await adaptor(Script(), **(settings or {})).plan(request(document, **more))


async def refusal(document: dict[str, Any] | None = None, **more: Any) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        await planned(document, **more)
    return caught.value


def fields(error: ProviderError) -> list[str]:
    return [one.field for one in error.fields]


async def created(
    told: Script,
    document: dict[str, Any] | None = None,
    options: dict[str, Any] | None = None,
    **settings: Any,
) -> Snapshot:
    asked = request(document, options=options or {})
    provider = adaptor(told, **settings)
    plan = await provider.plan(asked)
    target = Target(account="default", reference="ref-1", context=plan.context)
    return await provider.create(
        CreateCall(
            target=target,
            document=asked.document,
            options=asked.options,
            totals=plan.totals,
            files={file.sha256: CONTENT for file in files_of(asked.document.attachments)},
        )
    )


async def sent_body(
    document: dict[str, Any] | None = None, options: dict[str, Any] | None = None, **settings: Any
) -> dict[str, Any]:
    told = Script().on(CREATE, resource())
    await created(told, document, options, **settings)
    body: dict[str, Any] = told.body(CREATE)
    return body


def ubl(**more: Any) -> dict[str, Any]:
    return {
        "header": {
            "invoice_type_code": "380",
            "issue_date": "2026-06-30T00:00:00Z",
            "due_date": "2026-07-30T00:00:00Z",
            "currency": "EUR",
            "notes": [f"Thank you\n{MARK}"],
        },
        "buyer": {"name": "Canary Energy BV", "vat_number": None},
        "items": [{"id": "1", "name": "Advice", "price": 5005, "quantity": 2, "tax_rate": 21}],
        "totals": {"tax_exclusive_amount": 10010, "tax_inclusive_amount": 12112},
        "tax_breakdown": [{"category_code": "S", "rate": 21, "tax_amount": 2102}],
    } | more


def numbered(number: str | None, **more: Any) -> dict[str, Any]:
    stated = ubl(**more)
    return stated | {"header": stated["header"] | {"invoice_number": number}}


def invoice(**more: Any) -> dict[str, Any]:
    sent = more.get("state") in ("sent", "delivered")
    return {
        "id": "inv-1",
        "company_id": "company-1",
        "user_id": None,
        "state": "draft",
        "direction": "outgoing",
        "amount": 12112,
        "currency": "EUR",
        "ubl_version": "2.1",
        "ubl_json": numbered("2026-17") if sent else ubl(),
        "metadata_json": None,
        "delivery_network_id": None,
        "business_entity_id": None,
        "related_invoice_id": None,
        "payment_status": "unpaid",
        "total_paid_cents": 0,
        "is_test": False,
        "created_at": "2026-06-29T10:00:00Z",
        "updated_at": "2026-06-29T10:00:00Z",
        "deleted_at": None,
    } | more


def note(**more: Any) -> dict[str, Any]:
    """A credit note over the invoice, as `credit` makes it."""
    header = {"invoice_type_code": "381", "notes": [CREDIT_MARK]}
    held = {"id": "note-1", "related_invoice_id": "inv-1", "ubl_json": ubl(header=header)}
    return invoice(**held | more)


def resource(**more: Any) -> httpx.Response:
    return answer({"data": invoice(**more)}, 201)


def page(*found: Any, last: int | None = 1) -> httpx.Response:
    meta = {} if last is None else {"meta": {"last_page": last, "per_page": 15}}
    return answer({"data": list(found), **meta})


async def read(reply: Reply, context: dict[str, Any] | None = None, **settings: Any) -> Snapshot:
    target = TARGET.model_copy(update={"context": CONTEXT | (context or {})})
    return await adaptor(Script().on(READ, reply), **settings).read(ReadCall(target=target))


async def read_invoice(**more: Any) -> Snapshot:
    return await read(resource(**more))


async def found(
    told: Script, context: dict[str, Any] | None = None, provider_id: str | None = None
) -> Search:
    known = CONTEXT | (context or {})
    return await adaptor(told).find(
        Target(account="default", reference="ref-1", provider_id=provider_id, context=known)
    )


# --- what the page says the body is ---------------------------------------------------------------


def _under(at: str, members: dict[str, int | None]) -> dict[str, int | None]:
    return {f"{at}.{name}": limit for name, limit in members.items()}


_IDENTIFIER: dict[str, int | None] = {"scheme": 10, "value": 255}
_ADDRESS: dict[str, int | None] = {
    "street": 255,
    "additional_line": 255,
    "city": 255,
    "subdivision": 255,
    "postal_code": 20,
    "country": 2,
}
_BUYER: dict[str, int | None] = {
    **_under("endpoint_id", _IDENTIFIER),
    **_under("identifiers[]", _IDENTIFIER),
    "name": 255,
    "legal_name": 255,
    "trading_name": 255,
    **_under("company_id", _IDENTIFIER),
    "vat_number": 50,
    **_under("tax_registration_id", _IDENTIFIER),
    **_under("address", _ADDRESS),
    **_under("contact", {"name": 255, "phone": 50, "email": 255}),
}
_ACCOUNT: dict[str, int | None] = {"iban": 34, "bic": 11, "account_name": 255}
_MEANS: dict[str, int | None] = {
    "means_code": 10,
    "means_text": 255,
    "payment_id": 255,
    **_under("card", {"pan": 20, "network": 50, "holder_name": 255}),
    **_under("direct_debit", {"mandate_id": 255, "debited_account": 255}),
}
_ADJUSTMENT: dict[str, int | None] = {
    "reason": 255,
    "reason_code": 10,
    "amount": None,
    "percentage": None,
    "base_amount": None,
}
_TAXED: dict[str, int | None] = {
    "tax_category": 10,
    "tax_rate": None,
    "tax_exemption_reason_code": 10,
    "tax_exemption_reason": 255,
}
PAGE: dict[str, int | None] = {
    "calculate_totals": None,
    "business_entity_id": None,
    "related_invoice_id": None,
    "invoice_number_series": None,
    **_under(
        "header",
        {
            "specification": 500,
            "business_process": 500,
            "document_type": None,
            "invoice_number": 255,
            "invoice_number_series": None,
            "invoice_type_code": 10,
            "issue_date": None,
            "due_date": None,
            "tax_point_date": None,
            "currency": 3,
            "vat_currency": 3,
            "accounting_cost": 255,
            "buyer_reference": 255,
            "project_reference": 255,
            "contract_reference": 255,
            "tender_or_lot_reference": 255,
            "rounding_amount": None,
            "notes[]": None,
            "invoice_period.start_date": None,
            "invoice_period.end_date": None,
            "invoice_period.description": 255,
        },
    ),
    **_under("seller", {**_BUYER, "legal_information": None}),
    **_under("buyer", _BUYER),
    **_under("payee", {"name": 255, **_under("company_id", _IDENTIFIER)}),
    **_under("payment", {"terms": None, **_MEANS, **_under("bank_account", _ACCOUNT)}),
    **_under("payment.payments[]", {**_MEANS, **_under("bank_accounts[]", _ACCOUNT)}),
    **_under(
        "delivery",
        {"date": None, "location_id": 255, "party_name": 255, **_under("address", _ADDRESS)},
    ),
    **_under(
        "references",
        {
            "purchase_order": 255,
            "sales_order": 255,
            "preceding_invoices[].number": 255,
            "preceding_invoices[].issue_date": None,
        },
    ),
    **_under(
        "totals",
        {
            "line_extension_amount": None,
            "tax_exclusive_amount": None,
            "tax_inclusive_amount": None,
            "tax_amount": None,
            "allowance_total_amount": None,
            "charge_total_amount": None,
            "paid_amount": None,
            "payable_rounding_amount": None,
            "payable_amount": None,
        },
    ),
    **_under(
        "items[]",
        {
            "id": 50,
            "name": 255,
            "description": None,
            "note": None,
            "price": None,
            "quantity": None,
            "unit_code": 10,
            "base_quantity": None,
            **_TAXED,
            "order_line_reference": 255,
            "accounting_cost": 255,
            "origin_country": 2,
            "period.start_date": None,
            "period.end_date": None,
            "identifiers.standard.scheme": 50,
            "identifiers.standard.value": 255,
            "identifiers.sellers_item_id": 255,
            "identifiers.buyers_item_id": 255,
            "classifications[].list_id": 50,
            "classifications[].list_version": 50,
            "classifications[].value": 255,
            "attributes[].name": 255,
            "attributes[].value": 255,
            **_under("allowances[]", _ADJUSTMENT),
            **_under("charges[]", _ADJUSTMENT),
        },
    ),
    **_under("allowances[]", {**_ADJUSTMENT, **_TAXED}),
    **_under("charges[]", {**_ADJUSTMENT, **_TAXED}),
    **_under(
        "tax_breakdown[]",
        {
            "category_code": 10,
            "rate": None,
            "taxable_amount": None,
            "tax_amount": None,
            "exemption_reason": 255,
            "exemption_reason_code": 10,
        },
    ),
    **_under(
        "attachments[]",
        {
            "filename": 255,
            "mime_type": 100,
            "description": 255,
            "data": None,
            "external_reference": 500,
        },
    ),
}
"""Every field of the page, with the most characters it may have."""


def leaves(value: Any, at: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, member in value.items():
            yield from leaves(member, f"{at}.{name}" if at else name)
    elif isinstance(value, list):
        for member in value:
            yield from leaves(member, f"{at}[]")
    else:
        yield at, value


def text(what: str, length: int) -> str:
    """A text of exactly this length that says what it is."""
    return f"{what} {'x' * length}"[:length]


def a_party(what: str) -> dict[str, Any]:
    return {
        "name": text(f"{what} name", 255),
        "trading_name": text(f"{what} trading name", 255),
        "vat_number": "BE0403170701",
        "registration": {"scheme": "0208", "value": text(what, 255)},
        "identifiers": [{"scheme": "0208", "value": text(f"{what} identifier", 255)}],
        "electronic_address": {"scheme": "9925", "value": text(f"{what} endpoint", 255)},
        "address": an_address(what),
        "contact": {
            "name": text(f"{what} contact", 255),
            "phone": text(f"{what} phone", 50),
            "email": f"{what}@example.com",
        },
    }


def an_address(what: str) -> dict[str, Any]:
    return {
        "street": text(f"{what} street", 255),
        "additional": text(f"{what} additional", 255),
        "city": text(f"{what} city", 255),
        "postal_code": text(f"{what} code", 20),
        "region": text(f"{what} region", 255),
        "country": "BE",
    }


def an_adjustment(what: str, **more: Any) -> dict[str, Any]:
    code = "FC" if "charge" in what else "95"
    return {"reason": text(what, 255), "reason_code": code} | more


EXEMPT = {
    "category": "E",
    "rate": "0",
    "exemption_reason": text("exempt", 255),
    "exemption_code": "VATEX-EU-I",
}
FULL: dict[str, Any] = {
    "currency": "EUR",
    "issue_date": "2026-06-30",
    "due_date": "2026-07-30",
    "tax_point_date": "2026-06-29",
    "period": {"start": "2026-06-01", "end": "2026-06-28"},
    "seller": a_party("seller"),
    "buyer": a_party("buyer"),
    "payee": {
        "name": text("payee", 255),
        "registration": {"scheme": "0208", "value": text("payee registration", 255)},
    },
    "delivery": {
        "actual_date": "2026-06-27",
        "party_name": text("delivery party", 255),
        "location": {"value": text("delivery location", 255)},
        "address": an_address("delivery"),
    },
    "payment": {
        "means": "59",
        "reference": text("remittance", 255),
        "iban": "BE68539007547034",
        "bic": "GKCCBEBB",
        "account_name": text("account", 255),
        "mandate": text("mandate", 255),
        "terms": text("terms", 1000),
    },
    "notes": [text("first note", 1000), text("second note", 1000)],
    "attachments": [
        supporting(
            reference=text("ts", 100),
            description=text("hours", 153),
            file=a_file(name=text("file", 251) + ".pdf"),
        ),
        {"reference": "2", "location": text("https://example.com/", 500).replace(" ", "-")},
    ],
    "buyer_reference": text("buyer reference", 255),
    "purchase_order": text("purchase order", 255),
    "sales_order": text("sales order", 255),
    "contract": text("contract", 255),
    "project": text("project", 255),
    "accounting_reference": text("accounting", 255),
    "precedents": [{"number": text("precedent", 255), "issue_date": "2026-01-31"}],
    "lines": [
        line(
            id=text("line", 50),
            name=text("line name", 255),
            description=text("line description", 1000),
            note=text("line note", 1000),
            base_quantity="3",
            unit="HUR",
            vat=EXEMPT,
            period={"start": "2026-06-02", "end": "2026-06-26"},
            seller_item_id=text("seller item", 255),
            buyer_item_id=text("buyer item", 255),
            standard_item_id={"scheme": "0160", "value": text("standard item", 255)},
            order_line=text("order line", 255),
            accounting_reference=text("line accounting", 255),
            allowances=[
                an_adjustment("allowance", percent="10"),
                an_adjustment("less", amount="1.23"),
            ],
            charges=[an_adjustment("charge", percent="5")],
        )
    ],
    "allowances": [an_adjustment("document allowance", percent="10", vat=EXEMPT)],
    "charges": [an_adjustment("document charge", percent="2.5", vat=EXEMPT)],
    "prepaid": "7.00",
}
ENTITY = "00000000-0000-4000-8000-000000000001"
RELATED = "00000000-0000-4000-8000-000000000002"
FULL_OPTIONS: dict[str, Any] = {
    "business_entity_id": ENTITY,
    "related_invoice_id": RELATED,
    "invoice_number_series": text("series", 255),
    "document_type": "ublbe_invoice",
    "specification": text("specification", 500),
    "business_process": text("process", 500),
    "vat_currency": "SEK",
    "tender_or_lot_reference": text("tender", 255),
    "rounding_amount": "-0.02",
    "period_description": text("period", 255),
    "legal_information": text("legal", 500),
    "seller_tax_registration": {"scheme": "TAXSELLER1", "value": text("seller tax", 255)},
    "buyer_tax_registration": {"scheme": "TAXBUYER12", "value": text("buyer tax", 255)},
    "means_text": text("means", 255),
    "debited_account": text("debited", 255),
    "payments": [
        {
            "means_code": text("48", 10),
            "card": {
                "pan": text("1234", 20),
                "network": text("network", 50),
                "holder_name": text("holder", 255),
            },
        }
    ],
    "line_defaults": {
        "origin_country": "LU",
        "classifications": [
            {
                "list_id": text("list", 50),
                "list_version": text("version", 50),
                "value": text("class", 255),
            }
        ],
        "attributes": [{"name": text("attribute", 255), "value": text("value", 255)}],
    },
}


SENT: dict[str, Any] = {
    **DOCUMENT,
    "due_date": "2026-07-30",
    "buyer": {"name": "Canary", "vat_number": "BE0403170701", "address": {"country": "BE"}},
}
"""As little as can be sent."""


class TestBody:
    async def test_every_field_of_the_page_can_be_said_and_none_that_is_not_there(self) -> None:
        whole = await sent_body(FULL, FULL_OPTIONS)
        own = await sent_body({"number": "2026-1"}, {"mark": "buyer_reference"})
        single = {name: FULL_OPTIONS[name] for name in ("means_text", "debited_account")}
        flat = await sent_body({"payment": FULL["payment"]}, single | {"payment_layout": "single"})
        card = {"payments": FULL_OPTIONS["payments"], "payment_layout": "single"}
        bodies = (whole, own, flat, await sent_body({}, card))
        said = {path for body in bodies for path, _ in leaves(body)}
        assert said == PAGE.keys()

    async def test_what_fits_a_request_fits_the_page(self) -> None:
        for path, value in leaves(await sent_body(FULL, FULL_OPTIONS)):
            if (limit := PAGE[path]) is not None:
                assert len(value) <= limit, path

    async def test_nothing_of_a_document_is_lost(self) -> None:
        body = await sent_body(FULL, FULL_OPTIONS)
        told = "\n".join(str(value) for _, value in leaves(body))
        missing = [
            path
            for path, value in [*leaves(FULL), *leaves(FULL_OPTIONS)]
            if isinstance(value, str)
            and len(value) > 9
            and value not in told
            # Its content is told.
            and not path.endswith("sha256")
        ]
        assert missing == []

    async def test_amounts_are_whole_cents_and_add_up(self) -> None:
        body = await sent_body(FULL, FULL_OPTIONS)
        # 2 × 50.05 / 3 = 33.37; - 3.34 - 1.23 + 1.67 = 30.47; - 3.05 + 0.76 = 28.18
        assert body["totals"] == {
            "line_extension_amount": 3047,
            "allowance_total_amount": 305,
            "charge_total_amount": 76,
            "tax_exclusive_amount": 2818,
            "tax_amount": 0,
            "tax_inclusive_amount": 2818,
            "paid_amount": 700,
            "payable_rounding_amount": -2,
            "payable_amount": 2116,
        }
        (item,) = body["items"]
        assert item["allowances"][0] | {"reason": "", "reason_code": ""} == {
            "reason": "",
            "reason_code": "",
            "amount": 334,
            "percentage": 10,
            "base_amount": 3337,
        }
        assert item["allowances"][1]["amount"] == 123
        assert "base_amount" not in item["allowances"][1]
        assert (body["allowances"][0]["amount"], body["allowances"][0]["base_amount"]) == (
            305,
            3047,
        )
        assert body["tax_breakdown"][0]["taxable_amount"] == 2818

    @pytest.mark.parametrize(
        ("price", "per", "cents", "units"),
        [
            ("19.99", "1", 1999, "1"),
            ("19.9900", "1", 1999, "1"),
            ("0", "1", 0, "1"),
            ("0.0125", "1", 125, "100"),
            ("0.1234567891", "1", 1234567891, "100000000"),
            ("1.005", "100", 1005, "1000"),
        ],
    )
    async def test_a_price_finer_than_a_cent_is_the_price_of_more_units(
        self, price: str, per: str, cents: int, units: str
    ) -> None:
        lines = [line(unit_price=price, base_quantity=per, quantity="1000")]
        (item,) = (await sent_body({"lines": lines}))["items"]
        assert (item["price"], item["base_quantity"]) == (cents, Decimal(units))
        per_unit = Decimal(item["price"]) / item["base_quantity"]
        assert per_unit == Decimal(price) * 100 / Decimal(per)

    async def test_vat_is_rounded_once_per_rate(self) -> None:
        lines = [line(id=str(one), quantity="1", unit_price="0.02") for one in range(3)]
        lines.append(line(id="x", quantity="1", unit_price="10", vat={"rate": "6.0"}))
        body = await sent_body({"lines": lines})
        assert [(row["rate"], row["tax_amount"]) for row in body["tax_breakdown"]] == [
            (6, 60),
            (21, 1),
        ]

    @pytest.mark.parametrize("rounding", ["-0.12", "0.03"])
    async def test_the_document_s_rounding_is_said_where_there_is_a_place_for_it(
        self, rounding: str
    ) -> None:
        body = await sent_body({"prepaid": "10", "rounding": rounding})
        units = int(Decimal(rounding) * 100)
        assert body["header"]["rounding_amount"] == units
        assert body["totals"]["payable_rounding_amount"] == units
        assert body["totals"]["payable_amount"] == 11112 + units
        assert body["totals"]["tax_inclusive_amount"] == 12112

    async def test_what_is_rounded_counts_once(self) -> None:
        plan = await planned({"prepaid": "10", "rounding": "-0.02"})
        assert (plan.totals.due, plan.rounding) == (Decimal("111.10"), Decimal(0))
        assert plan.context["rounding"] == -2
        with pytest.raises(Rejected) as caught:
            await planned({"rounding": "0.01"}, options={"rounding_amount": "0.01"})
        assert [each.field for each in caught.value.fields] == ["options.rounding_amount"]

    async def test_the_provider_may_add_up_instead(self) -> None:
        body = await sent_body(FULL, {"calculate_totals": True, "rounding_amount": "0.03"})
        assert body["calculate_totals"] is True
        assert body["totals"] == {"paid_amount": 700, "payable_rounding_amount": 3}
        assert "tax_breakdown" not in body
        assert "totals" not in await sent_body({}, {"calculate_totals": True})

    @pytest.mark.parametrize(
        ("document", "code"),
        [({}, "380"), ({"type": "credit_note", "precedents": [{"number": "1"}]}, "381")],
    )
    async def test_the_kind_of_document_decides_the_type_code(
        self, document: dict[str, Any], code: str
    ) -> None:
        body = await sent_body(document)
        assert body["header"]["invoice_type_code"] == code
        assert body["totals"]["payable_amount"] == 12112

    @pytest.mark.parametrize(
        ("where", "places"),
        [("both", [True, True]), ("header", [True, False]), ("top", [False, True])],
    )
    async def test_a_series_is_written_where_the_settings_say(
        self, where: str, places: list[bool]
    ) -> None:
        body = await sent_body({}, {"invoice_number_series": "billing"}, series_at=where)
        found = [one.get("invoice_number_series") == "billing" for one in (body["header"], body)]
        assert found == places

    @pytest.mark.parametrize(
        ("mark", "path"),
        [
            ("note", "header.notes[]"),
            ("buyer_reference", "header.buyer_reference"),
            ("sales_order", "references.sales_order"),
        ],
    )
    async def test_our_reference_travels_labelled_where_it_was_asked_for(
        self, mark: str, path: str
    ) -> None:
        body = await sent_body({"number": "2026-1"}, {"mark": mark}, mark_label="Dossier")
        assert [at for at, value in leaves(body) if value == "Dossier: ref-1"] == [path]

    async def test_a_number_of_our_own_can_do_without_a_mark(self) -> None:
        body = await sent_body({"number": "2026-1"}, {"mark": "none"})
        assert not [value for _, value in leaves(body) if "ref-1" in str(value)]

    async def test_all_notes_are_one(self) -> None:
        body = await sent_body({"notes": ["Thank you", "See you"]})
        assert body["header"]["notes"] == [f"Thank you\nSee you\n{MARK}"]

    async def test_a_standard_reason_is_filled_in_and_a_given_one_is_kept(self) -> None:
        buyer = {"name": "Canary", "vat_number": "BE0403170701"}
        vat = {"category": "AE", "rate": "0"}
        lines = [line(vat=vat), line(id="2", vat=vat | {"exemption_reason": "Verlegd"})]
        body = await sent_body({"buyer": buyer, "lines": lines})
        reasons = [one["tax_exemption_reason"] for one in body["items"]]
        assert reasons == ["Reverse charge", "Verlegd"]
        assert body["tax_breakdown"][0]["exemption_reason"] == "Reverse charge"

    async def test_a_line_says_for_itself_what_differs_from_the_defaults(self) -> None:
        options = {
            "line_defaults": {"origin_country": "LU"},
            "lines": {"2": {"origin_country": "BE"}},
        }
        body = await sent_body({"lines": [line(), line(id="2")]}, options)
        assert [one["origin_country"] for one in body["items"]] == ["LU", "BE"]

    async def test_days_are_midnight_utc(self) -> None:
        assert (await sent_body())["header"]["issue_date"] == "2026-06-30T00:00:00Z"

    async def test_a_return_is_a_negative_quantity(self) -> None:
        lines = [line(), line(id="2", quantity="-1")]
        body = await sent_body({"lines": lines})
        assert body["items"][1]["quantity"] == -1
        assert body["totals"]["tax_exclusive_amount"] == 5005

    async def test_an_adjustment_without_a_reason_is_called_by_its_kind(self) -> None:
        """BR-33, BR-38, BR-42, BR-44."""
        given = {"amount": "1"}
        body = await sent_body(
            {
                "allowances": [given | {"vat": LINE["vat"]}],
                "charges": [given | {"vat": LINE["vat"], "reason": "Freight"}],
                "lines": [line(allowances=[given | {"reason_code": "95"}], charges=[given])],
            }
        )
        held = (body, body["items"][0])
        assert [[one.get("reason") for one in each["allowances"]] for each in held] == [
            ["Allowance"],
            [None],
        ]
        assert [[one.get("reason") for one in each["charges"]] for each in held] == [
            ["Freight"],
            ["Charge"],
        ]


class TestPlan:
    async def test_it_makes_no_call_and_says_how_it_will_go(self) -> None:
        told = Script()
        provider: Provider = adaptor(told)
        plan = await provider.plan(request())
        assert told.asked == []
        assert plan.totals.gross == Decimal("121.12")
        assert set(plan.echoes) == {Figure.CURRENCY, Figure.GROSS}
        assert (plan.look_ups, plan.buyer) == ((), "Canary Energy BV")
        assert (plan.find_first, plan.credits) == (False, True)
        assert plan.context == CONTEXT

    async def test_a_number_of_our_own_is_found_in_one_call(self) -> None:
        plan = await planned({"number": "2026-1"})
        assert plan.find_first
        assert plan.context["number"] == "2026-1"

    async def test_what_cannot_be_credited_says_so(self) -> None:
        document = {"type": "credit_note", "precedents": [{"number": "1"}]}
        assert not (await planned(document)).credits
        assert not (await planned(settings={"ubl_figures": "ignored"})).credits

    @pytest.mark.parametrize("goal", ["drafted", "sent", "delivered", "paid"])
    async def test_a_goal_it_can_show_is_accepted(self, goal: str) -> None:
        assert await planned(SENT, goal=goal)

    async def test_approving_without_sending_is_not_offered(self) -> None:
        error = await refusal(goal="approved")
        assert isinstance(error, Unsupported)
        assert fields(error) == ["goal"]

    @pytest.mark.parametrize(
        ("document", "field"),
        [
            ({"currency": "JPY", "lines": [line(unit_price="5")]}, "document.currency"),
            ({"currency": "BHD"}, "document.currency"),
            ({"prices_include_vat": True}, "document.prices_include_vat"),
            ({"vat_rounding": "line"}, "document.vat_rounding"),
            *(
                ({"payee": {"name": "P", name: value}}, f"document.payee.{name}")
                for name, value in a_party("payee").items()
                if name not in ("name", "registration")
            ),
            (
                {"delivery": {"location": {"value": "1", "scheme": "0088"}}},
                "document.delivery.location.scheme",
            ),
            (
                {"lines": [line(vat=EXEMPT | {"exemption_reason": "x" * 256})]},
                "document.lines[0].vat.exemption_reason",
            ),
            (
                {"lines": [line(vat=EXEMPT | {"exemption_code": "VATEX-EU-132"})]},
                "document.lines[0].vat.exemption_code",
            ),
            *(
                ({kind: [{"amount": "1", "vat": LINE["vat"], **given}]}, f"document.{kind}[0].{at}")
                for kind in ("allowances", "charges")
                for given, at in (
                    (
                        {"vat": EXEMPT | {"exemption_reason": "x" * 256}},
                        "vat.exemption_reason",
                    ),
                    ({"vat": EXEMPT | {"exemption_code": "VATEX-EU-132"}}, "vat.exemption_code"),
                )
            ),
        ],
        ids=lambda one: one if isinstance(one, str) else "",
    )
    async def test_what_cannot_be_said_is_refused_aloud(
        self, document: dict[str, Any], field: str
    ) -> None:
        error = await refusal(document)
        assert isinstance(error, Unsupported)
        assert fields(error) == [field]

    @pytest.mark.parametrize(
        ("options", "field"),
        [
            ({"colour": "red"}, "options.colour"),
            ({"business_entity_id": "me"}, "options.business_entity_id"),
            ({"related_invoice_id": "it"}, "options.related_invoice_id"),
            ({"specification": "x" * 501}, "options.specification"),
            ({"business_process": "x" * 501}, "options.business_process"),
            ({"tender_or_lot_reference": "x" * 256}, "options.tender_or_lot_reference"),
            ({"vat_currency": "euro"}, "options.vat_currency"),
            ({"rounding_amount": "0.001"}, "options.rounding_amount"),
            ({"period_description": "June"}, "options.period_description"),
            ({"legal_information": "S.A."}, "options.legal_information"),
            ({"seller_tax_registration": {"value": "1"}}, "options.seller_tax_registration"),
            (
                {"buyer_tax_registration": {"value": "1", "scheme": "x" * 11}},
                "options.buyer_tax_registration.scheme",
            ),
            (
                {"buyer_tax_registration": {"value": "x" * 256}},
                "options.buyer_tax_registration.value",
            ),
            ({"means_text": "Transfer"}, "options.means_text"),
            ({"debited_account": "1"}, "options.debited_account"),
            ({"payments": [{}]}, "options.payments[0]"),
            ({"payments": [{"means_code": "x" * 11}]}, "options.payments[0].means_code"),
            ({"payments": [{"means_text": "x" * 256}]}, "options.payments[0].means_text"),
            ({"payments": [{"payment_id": "x" * 256}]}, "options.payments[0].payment_id"),
            (
                {"payments": [{"bank_accounts": [{"iban": "BE00"}]}]},
                "options.payments[0].bank_accounts[0].iban",
            ),
            (
                {"payments": [{"bank_accounts": [{"bic": "x"}]}]},
                "options.payments[0].bank_accounts[0].bic",
            ),
            (
                {"payments": [{"bank_accounts": [{"account_name": "x" * 256}]}]},
                "options.payments[0].bank_accounts[0].account_name",
            ),
            ({"payments": [{"card": {"pan": "x" * 21}}]}, "options.payments[0].card.pan"),
            ({"payments": [{"card": {"pan": "4111" * 4}}]}, "options.payments[0].card.pan"),
            ({"payments": [{"card": {"network": "x" * 51}}]}, "options.payments[0].card.network"),
            (
                {"payments": [{"card": {"holder_name": "x" * 256}}]},
                "options.payments[0].card.holder_name",
            ),
            (
                {"payments": [{"direct_debit": {"mandate_id": "x" * 256}}]},
                "options.payments[0].direct_debit.mandate_id",
            ),
            (
                {"payments": [{"direct_debit": {"debited_account": "x" * 256}}]},
                "options.payments[0].direct_debit.debited_account",
            ),
            (
                {
                    "payment_layout": "single",
                    "payments": [{"means_code": "30"}, {"means_code": "48"}],
                },
                "options.payment_layout",
            ),
            (
                {
                    "payment_layout": "single",
                    "payments": [{"bank_accounts": [{"bic": "GKCCBEBB"}, {"bic": "DEUTDEFF"}]}],
                },
                "options.payment_layout",
            ),
            ({"lines": {"9": {}}}, "options.lines.9"),
            (
                {"line_defaults": {"origin_country": "Belgium"}},
                "options.line_defaults.origin_country",
            ),
            *(
                (
                    {"line_defaults": {"classifications": [{"value": "1"} | given]}},
                    f"options.line_defaults.classifications[0].{name}",
                )
                for name, given in (
                    ("list_id", {"list_id": "x" * 51}),
                    ("list_version", {"list_version": "x" * 51}),
                    ("value", {"value": "x" * 256}),
                )
            ),
            *(
                (
                    {"line_defaults": {"attributes": [{"name": "n", "value": "v"} | given]}},
                    f"options.line_defaults.attributes[0].{name}",
                )
                for name, given in (
                    ("name", {"name": "x" * 256}),
                    ("value", {"value": "x" * 256}),
                )
            ),
            ({"mark": "none"}, "options.mark"),
            ({"peppol_look_up": True}, "document.buyer.electronic_address"),
            ({"credit_note_number": "C", "credit_note_series": "c"}, "options.credit_note_series"),
            ({"calculate_totals": "yes"}, "options.calculate_totals"),
            ({"document_type": "pdf"}, "options.document_type"),
            ({"document_type": "credit_note"}, "options.document_type"),
            ({"document_type": "invoice", "invoice_type_code": "384"}, "options.document_type"),
            ({"invoice_type_code": "381"}, "options.invoice_type_code"),
            ({"invoice_type_code": "x"}, "options.invoice_type_code"),
        ],
        ids=lambda one: one if isinstance(one, str) else "",
    )
    async def test_a_mistaken_option_is_named(self, options: dict[str, Any], field: str) -> None:
        error = await refusal({"purchase_order": "PO-7"}, options=options)
        assert isinstance(error, Rejected)
        assert fields(error) == [field]

    @pytest.mark.parametrize(
        ("document", "options", "field"),
        [
            (
                {"number": "1"},
                {"invoice_number_series": "billing"},
                "options.invoice_number_series",
            ),
            ({"buyer_reference": "B"}, {"mark": "buyer_reference"}, "options.mark"),
            ({"sales_order": "S"}, {"mark": "sales_order"}, "options.mark"),
            (
                {"type": "credit_note", "precedents": [{"number": "1"}]},
                {"invoice_type_code": "380"},
                "options.invoice_type_code",
            ),
            (
                {"type": "credit_note", "precedents": [{"number": "1"}]},
                {"document_type": "nlcius_invoice"},
                "options.document_type",
            ),
        ],
    )
    async def test_what_does_not_go_together_is_named(
        self, document: dict[str, Any], options: dict[str, Any], field: str
    ) -> None:
        error = await refusal(document, options=options)
        assert isinstance(error, Rejected)
        assert fields(error) == [field]

    async def test_a_profile_fits_the_kind_of_document(self) -> None:
        assert await planned(options={"document_type": "xrechnung_cii_invoice"})
        document = {"type": "credit_note", "precedents": [{"number": "1"}]}
        for profile in CREDIT_PROFILES.values():
            assert await planned(document, options={"document_type": profile})

    async def test_all_mistakes_are_named_at_once(self) -> None:
        error = await refusal(
            {"vat_rounding": "line", "payee": {"name": "P", "trading_name": "Q"}},
            options={"lines": {"9": {}}, "mark": "none"},
            goal="approved",
        )
        assert isinstance(error, Rejected)
        assert set(fields(error)) == {
            "goal",
            "document.vat_rounding",
            "document.payee.trading_name",
            "options.lines.9",
            "options.mark",
        }

    async def test_a_search_reaches_back_from_whichever_day_is_earlier(self) -> None:
        early = date(2020, 3, 31)
        plan = await planned({"issue_date": early.isoformat()}, {"search_days": 31})
        assert plan.context["search_from"] == "2020-02-29"
        late = (today() + timedelta(days=400)).isoformat()
        plan = await planned({"issue_date": late}, {"search_days": 1})
        assert str(plan.context["search_from"]) <= today().isoformat()


class TestLookUp:
    async def looked_up(self, reply: Reply, buyer: dict[str, Any]) -> tuple[Found, Any]:
        told = Script().on("POST /peppol/lookup", reply)
        document = {"buyer": {"name": "Canary"} | buyer, "purchase_order": "PO-7"}
        plan = await planned(document, options={"peppol_look_up": True})
        ((look_up,),) = plan.look_ups
        call = LookUpCall(target=TARGET, look_up=look_up)
        return await adaptor(told).look_up(call), told.body("POST /peppol/lookup")

    FOUND = {
        "found": True,
        "query": "0208:0403170701",
        "candidates_checked": ["0208:0403170701"],
        "results": [{"peppol_id": "0208:0403170701", "smp_url": "", "document_types": []}],
    }

    @pytest.mark.parametrize(
        ("buyer", "query"),
        [
            ({"electronic_address": {"scheme": "0208", "value": "1"}}, "0208:1"),
            (
                {
                    "electronic_address": {"scheme": "9925", "value": "1"},
                    "vat_number": "BE0403170701",
                },
                "9925:1",
            ),
            ({"vat_number": "BE0403170701", "registration": {"value": "1"}}, "BE0403170701"),
            ({"registration": {"scheme": "0208", "value": "1"}}, "0208:1"),
        ],
    )
    async def test_the_recipient_is_asked_for_by_what_is_known(
        self, buyer: dict[str, Any], query: str
    ) -> None:
        found, asked = await self.looked_up(answer({"data": self.FOUND}), buyer)
        assert found == Found()
        assert asked == {"query": query}

    async def test_a_recipient_that_is_not_there_is_a_refusal_that_names_it(self) -> None:
        reply = answer({"data": self.FOUND | {"found": False, "results": []}})
        with pytest.raises(Rejected, match="Peppol") as caught:
            await self.looked_up(reply, {"vat_number": "BE0403170701"})
        assert fields(caught.value) == ["document.buyer.vat_number"]
        assert "0403170701" not in f"{caught.value} {caught.value.fields}"

    @pytest.mark.parametrize("reply", [answer(), answer({}), answer({"data": {"found": "yes"}})])
    async def test_an_answer_that_is_not_understood_says_so(self, reply: httpx.Response) -> None:
        with pytest.raises(Unreadable):
            await self.looked_up(reply, {"vat_number": "BE0403170701"})

    async def test_it_is_asked_only_where_it_was_asked_for(self) -> None:
        plan = await planned({"buyer": {"name": "Canary", "vat_number": "BE0403170701"}})
        assert plan.look_ups == ()

    async def test_another_look_up_is_refused(self) -> None:
        with pytest.raises(Rejected):
            await adaptor(Script()).look_up(
                LookUpCall(target=TARGET, look_up=LookUp(name="horoscope"))
            )


class TestFind:
    async def test_our_number_is_asked_for_exactly(self) -> None:
        told = Script().on(LIST, page(invoice(ubl_json=numbered("2026-1"))))
        search = await found(told, {"number": "2026-1"})
        assert [one.provider_id for one in search.invoices] == ["inv-1"]
        assert search.complete
        assert dict(told.asked[0].url.params) == {"invoice_number": "2026-1"}
        assert len(told.asked) == 1

    async def test_a_strange_invoice_of_others_stops_no_search(self) -> None:
        strange = (invoice(id="x", amount=1.5, ubl_json=ubl(header={})), {"id": None}, "text")
        told = Script().on(LIST, page(*strange, invoice(), last=1))
        assert [one.provider_id for one in (await found(told)).invoices] == ["inv-1"]

    async def test_a_strange_invoice_that_may_be_ours_does(self) -> None:
        told = Script().on(LIST, page(invoice(id="x", amount=1.5), last=1))
        with pytest.raises(Unreadable):
            await found(told)

    async def test_our_number_on_another_invoice_is_for_a_person(self) -> None:
        other = numbered("2026-1", header={"notes": ["Our reference: ref-10"]})
        told = Script().on(LIST, page(invoice(id="other", ubl_json=other)))
        with pytest.raises(Rejected, match="taken") as caught:
            await found(told, {"number": "2026-1"})
        assert fields(caught.value) == ["document.number"]
        # A person who chose it by mistake does not make it ours.
        with pytest.raises(Rejected, match="taken"):
            await found(told, {"number": "2026-1"}, "other")
        assert (await found(told, {"number": "2026-1", "mark": None})).invoices

    async def test_what_a_person_chose_is_ours_without_a_mark(self) -> None:
        by_hand = numbered("2026-1", header={"notes": ["Written by hand"]})
        told = Script().on(LIST, page(invoice(id="other", ubl_json=by_hand)))
        with pytest.raises(Rejected, match="taken"):
            await found(told, {"number": "2026-1"})
        (one,) = (await found(told, {"number": "2026-1"}, "other")).invoices
        assert one.reference is None

    @pytest.mark.parametrize(
        ("written", "reference"),
        [
            ({"header": {"notes": [f"Thank you\n{MARK}"]}}, "ref-1"),
            ({"header": {"buyer_reference": MARK}}, "ref-1"),
            ({"references": {"sales_order": MARK}}, "ref-1"),
            ({"header": {"notes": [f"Our reference: ref-2\n{MARK}"]}}, "ref-1"),
            ({"header": {"notes": ["Our reference: ref-10"]}}, "ref-10"),
            ({"references": {"sales_order": "Our reference: ref-10"}}, "ref-10"),
            ({"header": {"notes": [CREDIT_MARK]}}, "ref-1 (credit)"),
            ({"header": {"notes": ["Our reference: " + "x" * 1000]}}, "x" * 200),
            ({"header": {"notes": ["Our reference: "]}}, None),
            ({"header": {"notes": ["Thank you"]}}, None),
        ],
    )
    async def test_the_mark_says_whose_it_is(
        self, written: dict[str, Any], reference: str | None
    ) -> None:
        told = await read_invoice(ubl_json=written)
        assert told.reference == reference
        assert (await read(resource(ubl_json=written), {"mark": None})).reference is None

    async def test_an_invoice_that_shows_nothing_of_itself_says_nothing_of_whose_it_is(
        self,
    ) -> None:
        assert (await read_invoice(ubl_json=None)).reference is None

    async def test_without_a_number_every_page_is_searched_for_our_mark(self) -> None:
        near = ubl(header={"notes": ["Our reference: ref-10"]})
        told = Script().on(
            LIST,
            page(invoice(id="near", ubl_json=near), last=3),
            page(invoice(id="credit", ubl_json=ubl(header={"notes": [CREDIT_MARK]})), last=3),
            page(invoice(), last=3),
        )
        search = await found(told)
        assert [one.provider_id for one in search.invoices] == ["inv-1"]
        assert search.complete
        assert [dict(one.url.params) for one in told.asked] == [{}, {"page": "2"}, {"page": "3"}]

    async def test_the_mark_is_found_wherever_it_stands(self) -> None:
        for where in (
            {"header": {"buyer_reference": MARK}},
            {"references": {"sales_order": MARK}},
            {"cbc:Note": [{"value": f"a\n{MARK}\nb"}]},
        ):
            told = Script().on(LIST, page(invoice(ubl_json=where)))
            assert (await found(told)).invoices, where

    async def test_without_a_stated_end_an_empty_page_is_the_end(self) -> None:
        told = Script().on(LIST, page(invoice(), last=None), page(last=None))
        search = await found(told)
        assert (len(search.invoices), search.complete) == (1, True)
        assert len(told.asked) == 2

    async def test_the_older_form_of_a_page_is_read_too(self) -> None:
        told = Script().on(
            LIST, answer({"success": True, "data": {"data": [invoice()], "last_page": 1}})
        )
        assert (await found(told)).invoices
        assert len(told.asked) == 1

    async def test_nothing_in_the_whole_list_is_proof(self) -> None:
        assert await found(Script().on(LIST, page())) == Search()

    async def test_a_list_that_turns_in_circles_proves_nothing(self) -> None:
        told = Script().on(LIST, page(invoice(id="x", ubl_json=ubl(header={})), last=None))
        search = await found(told)
        assert (search.invoices, search.complete) == ((), False)
        assert len(told.asked) == 2

    async def test_a_list_without_end_proves_nothing(self) -> None:
        replies = [page(invoice(id=str(one)), last=9999) for one in range(MAX_PAGES + 5)]
        told = Script().on(LIST, *replies)
        assert not (await found(told)).complete
        assert len(told.asked) == MAX_PAGES

    @pytest.mark.parametrize("number", [None, "2026-1"])
    async def test_an_invoice_that_does_not_say_what_it_holds_proves_nothing(
        self, number: str | None
    ) -> None:
        told = Script().on(LIST, page(invoice(ubl_json=None)))
        search = await found(told, {"number": number})
        assert (search.invoices, search.complete) == ((), False)

    @pytest.mark.parametrize(
        "dead",
        [{"state": "cancelled"}, {"deleted_at": "2026-06-30T00:00:00Z"}, {"direction": "incoming"}],
    )
    @pytest.mark.parametrize("number", [None, "2026-1"])
    async def test_what_is_not_alive_or_not_ours_does_not_count(
        self, dead: dict[str, Any], number: str | None
    ) -> None:
        told = Script().on(LIST, page(invoice(**dead), invoice(id="n", ubl_json=None, **dead)))
        assert await found(told, {"number": number}) == Search()

    @pytest.mark.parametrize("state", ["draft", "approved", "sending", "sent", "failed", "new"])
    async def test_every_state_that_is_alive_counts(self, state: str) -> None:
        (one,) = (await found(Script().on(LIST, page(invoice(state=state))))).invoices
        assert one.stage == STATES[state]

    async def test_a_bounded_search_begins_where_the_plan_says(self) -> None:
        told = Script().on(LIST, page())
        await found(told, {"search_from": "2026-01-01"})
        assert dict(told.asked[0].url.params) == {"from_date": "2026-01-01"}

    @pytest.mark.parametrize("reply", [answer(), answer([]), answer({}), answer({"data": "x"})])
    async def test_a_list_that_is_not_understood_says_so(self, reply: httpx.Response) -> None:
        with pytest.raises(Unreadable):
            await found(Script().on(LIST, reply))


class TestCreate:
    @pytest.mark.parametrize("status", [200, 201, 202])
    async def test_any_success_is_a_success(self, status: int) -> None:
        told = Script().on(CREATE, answer({"data": invoice()}, status))
        snapshot = await created(told)
        assert (snapshot.provider_id, snapshot.stage) == ("inv-1", Stage.DRAFTED)
        assert len(told.asked) == 1

    @pytest.mark.parametrize(
        "reply",
        [
            answer(),
            answer({}),
            answer({"data": None}),
            answer({"data": {"state": "draft"}}),
            answer({"data": invoice(amount=12.5)}),
            answer({"success": False, "data": invoice()}),
            httpx.ReadTimeout("x"),
            answer({"success": False, "message": "No.", "data": None, "errors": None}, 500),
        ],
    )
    async def test_whatever_else_is_an_unknown_outcome(self, reply: Reply) -> None:
        with pytest.raises(UnknownOutcome):
            await created(Script().on(CREATE, reply))

    async def test_a_refused_rush_is_not_believed(self) -> None:
        """A draft would be made again at once, and nothing refuses it."""
        for document in ({"number": "2026-17"}, {}):
            with pytest.raises(UnknownOutcome) as caught:
                await created(Script().on(CREATE, answer(status=429)), document)
            assert caught.value.code == "429"
        with pytest.raises(Unavailable):
            await created(Script().on(CREATE, httpx.ConnectError("x")))


class TestRead:
    @pytest.mark.parametrize(("state", "stage"), [*STATES.items(), ("brandnew", Stage.UNKNOWN)])
    async def test_every_state_has_a_stage(self, state: str, stage: Stage) -> None:
        assert (await read_invoice(state=state)).stage is stage

    @pytest.mark.parametrize("state", ["sent", "delivered"])
    async def test_what_is_sent_without_a_number_is_not_sent_yet(self, state: str) -> None:
        unnumbered = resource(state=state, ubl_json=numbered(None))
        assert (await read(unnumbered)).stage is Stage.SENDING
        assert (await read(unnumbered, {"sent_is_delivered": True})).stage is Stage.SENDING
        unseen = await read_invoice(state=state, ubl_json=None)
        assert unseen.stage is STATES[state]

    async def test_the_table_knows_the_words_of_the_page(self) -> None:
        words = "draft approved sending sent delivered failed cancelled"
        assert list(STATES) == words.split()

    async def test_approved_may_mean_on_its_way(self) -> None:
        snapshot = await read(resource(state="approved"), approved_means="on_its_way")
        assert snapshot.stage == Stage.APPROVING

    async def test_sent_counts_as_delivered_where_the_plan_says_so(self) -> None:
        for settings, options, stage in (
            ({}, {}, Stage.SENT),
            ({"sent_counts_as_delivered": "true"}, {}, Stage.DELIVERED),
            ({}, {"sent_counts_as_delivered": True}, Stage.DELIVERED),
            ({"sent_counts_as_delivered": True}, {"sent_counts_as_delivered": False}, Stage.SENT),
        ):
            plan = await planned(settings=settings, options=options)
            assert (await read(resource(state="sent"), plan.context)).stage is stage

    async def test_the_providers_own_words_stay_visible(self) -> None:
        snapshot = await read_invoice(
            state="sent", delivery_network_id="peppol", payment_status="overdue", is_test=True
        )
        assert snapshot.status == "sent · peppol · overdue · test"
        assert (await read_invoice(state="A person's name")).status == "? · unpaid"

    async def test_every_field_of_an_answer_is_read_or_knowingly_not(self) -> None:
        assert Invoice.model_fields.keys() | IGNORED_ANSWERS.keys() == invoice().keys()
        assert not Invoice.model_fields.keys() & IGNORED_ANSWERS.keys()

    async def test_figures_are_echoed_exactly(self) -> None:
        rows = [
            {"category_code": "S", "rate": 21, "tax_amount": 2102},
            {"category_code": "S", "rate": 5.50, "tax_amount": 10},
            {"category_code": "Z", "rate": 0, "tax_amount": 0},
            {"category_code": "E", "rate": 0, "tax_amount": 0},
        ]
        echo = (await read_invoice(ubl_json=numbered("7", tax_breakdown=rows))).echo
        assert echo is not None
        assert (echo.currency, echo.gross, echo.net) == (
            "EUR",
            Decimal("121.12"),
            Decimal("100.10"),
        )
        assert echo.vat == {"21": Decimal("21.02"), "5.5": Decimal("0.10"), "0": Decimal(0)}
        assert (echo.buyer, echo.number) == ("Canary Energy BV", "7")

    async def test_amount_and_currency_are_enough_and_the_rest_is_compared_where_stated(
        self,
    ) -> None:
        plan = await planned({"number": "2026-1", "notes": ["Thank you"]})
        good: tuple[dict[str, Any], ...] = (
            {"ubl_json": None},
            {"ubl_json": {}},
            {"ubl_json": []},
            {"ubl_json": "<xml/>"},
            {"ubl_json": numbered("2026-1")},
            {"ubl_json": {"totals": {"tax_exclusive_amount": "100.10"}, "buyer": "x"}},
            {"ubl_json": {"totals": {"tax_exclusive_amount": 100.10}, "tax_breakdown": [7]}},
            {"ubl_json": {"tax_breakdown": [{"rate": 21, "tax_amount": 21.02}]}},
            {"ubl_json": {"tax_breakdown": [{"rate": "21", "tax_amount": 1}]}},
        )
        for more in good:
            assert await self.wrong(plan, more) == [], more

    @pytest.mark.parametrize(
        ("more", "figure"),
        [
            ({"amount": 12113}, "gross"),
            ({"amount": None}, "gross"),
            ({"currency": "SEK"}, "currency"),
            ({"currency": None}, "currency"),
            ({"ubl_json": numbered("2026-2")}, "number"),
            ({"ubl_json": ubl(buyer={"name": "Other"})}, "buyer"),
            ({"ubl_json": ubl(totals={"tax_exclusive_amount": 10011})}, "net"),
            ({"ubl_json": ubl(tax_breakdown=[{"rate": 21, "tax_amount": 2103}])}, "vat 21"),
            ({"ubl_json": ubl(totals={"payable_amount": 12113})}, "due"),
            ({"ubl_json": ubl(totals={"paid_amount": 1})}, "prepaid"),
            ({"ubl_json": ubl(totals={"payable_rounding_amount": -2})}, "rounding"),
            ({"ubl_json": ubl(header={"issue_date": "2026-07-01T00:00:00Z"})}, "issue date"),
            ({"ubl_json": ubl(header={"due_date": "2026-06-30T00:00:00Z"})}, "due date"),
            ({"ubl_json": ubl(header={"due_date": "soon"})}, "due date"),
        ],
    )
    async def test_a_figure_that_differs_is_seen(self, more: dict[str, Any], figure: str) -> None:
        plan = await planned({"number": "2026-1", "notes": ["Thank you"]})
        assert await self.wrong(plan, more) == [figure]

    async def wrong(self, plan: Plan, more: dict[str, Any]) -> list[str]:
        echo = (await read_invoice(**more)).echo
        assert echo is not None
        asked = request({"number": plan.context["number"], "due_date": "2026-07-30"})
        return differing(asked, plan, echo)

    async def test_figures_of_another_kind_can_be_left_out(self) -> None:
        stated = ubl(totals={"tax_exclusive_amount": 100}, tax_breakdown=[])
        echo = (await read(resource(ubl_json=stated), ubl_figures="ignored")).echo
        assert echo is not None
        assert (echo.net, echo.vat, echo.gross) == (None, None, Decimal("121.12"))
        assert echo.buyer == "Canary Energy BV"

    @pytest.mark.parametrize(("means", "amount"), [("gross", 12112), ("due", 11110)])
    async def test_what_is_prepaid_does_not_change_the_gross(self, means: str, amount: int) -> None:
        plan = await planned({"prepaid": "10"}, options={"rounding_amount": "-0.02"})
        assert plan.context["prepaid"] == 1000
        for paid, status in ((11109, PaymentStatus.PARTLY_PAID), (11110, PaymentStatus.PAID)):
            reply = resource(amount=amount, total_paid_cents=paid)
            snapshot = await read(reply, plan.context, amount_means=means)
            assert snapshot.echo is not None
            assert snapshot.echo.gross == Decimal("121.12")
            assert snapshot.payment is status

    @pytest.mark.parametrize(
        ("more", "payment"),
        [
            ({"total_paid_cents": 0}, PaymentStatus.UNPAID),
            ({"total_paid_cents": 0, "payment_status": "paid"}, PaymentStatus.UNPAID),
            ({"total_paid_cents": 1}, PaymentStatus.PARTLY_PAID),
            ({"total_paid_cents": 12111}, PaymentStatus.PARTLY_PAID),
            ({"total_paid_cents": 12112, "payment_status": "xyz"}, PaymentStatus.PAID),
            ({"total_paid_cents": 12113}, PaymentStatus.PAID),
            ({"total_paid_cents": None}, PaymentStatus.UNKNOWN),
            ({"amount": None}, PaymentStatus.UNKNOWN),
        ],
    )
    async def test_what_was_paid_decides_the_payment(
        self, more: dict[str, Any], payment: PaymentStatus
    ) -> None:
        assert (await read_invoice(**more)).payment is payment

    async def test_the_number_is_read_once_it_is_drawn(self) -> None:
        assert (await read_invoice(ubl_json=ubl())).number is None
        snapshot = await read_invoice(state="sent", ubl_json=numbered("2026-17"))
        assert snapshot.number == "2026-17"

    async def test_a_failure_says_why(self) -> None:
        metadata = {
            "error_message": "No.",
            "delivery": {"error": "hidden"},
            "failures": ["one", "two"],
            "last_error": {"code": 7},
            "history": ["draft"],
            "error": None,
        }
        snapshot = await read_invoice(state="failed", metadata_json=metadata)
        assert [(one.field, one.message) for one in snapshot.problems] == [
            ("metadata_json.error_message", "No."),
            ("metadata_json.failures", "one two"),
            ("metadata_json.last_error", '{"code":7}'),
        ]
        assert (await read_invoice(state="failed")).problems[0].field == "state"
        assert (await read_invoice(state="sent", metadata_json=metadata)).problems == ()

    @pytest.mark.parametrize(
        "reply",
        [
            answer({"message": "Invoice not found."}, 404),
            answer(status=404),
            resource(deleted_at="2026-06-30T00:00:00Z"),
            resource(state="cancelled"),
        ],
    )
    async def test_what_is_gone_is_deleted(self, reply: httpx.Response) -> None:
        assert (await read(reply)).stage == Stage.DELETED

    @pytest.mark.parametrize(
        "reply",
        [
            answer(),
            answer([]),
            answer(invoice()),
            resource(id="other"),
            resource(state=None),
            resource(total_paid_cents="12.5"),
        ],
    )
    async def test_an_answer_that_is_not_understood_says_so(self, reply: httpx.Response) -> None:
        with pytest.raises(Unreadable):
            await read(reply)

    async def test_a_received_invoice_is_never_taken_for_ours(self) -> None:
        with pytest.raises(Rejected, match="received"):
            await read(resource(direction="incoming"))

    async def test_an_invoice_without_an_id_cannot_be_read(self) -> None:
        target = TARGET.model_copy(update={"provider_id": None})
        with pytest.raises(Rejected):
            await adaptor(Script()).read(ReadCall(target=target))


class TestSend:
    @pytest.mark.parametrize("verb", ["approve", "send"])
    @pytest.mark.parametrize(
        ("state", "stage"),
        [
            ("draft", Stage.SENDING),
            ("approved", Stage.SENDING),
            ("sending", Stage.SENDING),
            ("sent", Stage.SENT),
            ("failed", Stage.FAILED),
            ("brandnew", Stage.UNKNOWN),
        ],
    )
    async def test_approving_is_sending(self, verb: str, state: str, stage: Stage) -> None:
        told = Script().on(SEND, resource(state=state))
        snapshot = await getattr(adaptor(told), verb)(TARGET)
        assert snapshot.stage is stage
        assert told.routes() == [SEND]
        assert told.asked[0].content == b""

    async def test_an_invoice_that_cannot_be_sent_is_a_refusal(self) -> None:
        told = Script().on(SEND, answer({"message": "Not in a sendable state."}, 422))
        with pytest.raises(Rejected) as caught:
            await adaptor(told).approve(TARGET)
        assert caught.value.code == "422"
        assert caught.value.fields[0].message == "Not in a sendable state."

    @pytest.mark.parametrize("reply", [answer(), answer({"message": "ok"}), resource(id="x")])
    async def test_an_answer_that_does_not_show_the_invoice_leaves_it_open(
        self, reply: httpx.Response
    ) -> None:
        with pytest.raises(UnknownOutcome):
            await adaptor(Script().on(SEND, reply)).approve(TARGET)


class TestDelete:
    @pytest.mark.parametrize(
        "reply",
        [
            answer({"message": "Invoice deleted successfully."}),
            answer(status=204),
            answer({"message": "Invoice not found."}, 404),
        ],
    )
    async def test_a_deleted_draft_is_deleted(self, reply: httpx.Response) -> None:
        snapshot = await adaptor(Script().on(DELETE, reply)).delete(TARGET)
        assert (snapshot.provider_id, snapshot.stage) == ("inv-1", Stage.DELETED)

    async def test_what_is_no_draft_is_not_deleted(self) -> None:
        told = Script().on(DELETE, answer({"message": "Not in draft state."}, 422))
        with pytest.raises(Rejected):
            await adaptor(told).delete(TARGET)


class TestCredit:
    SENT = {"state": "sent", "ubl_json": numbered("2026-17"), "business_entity_id": ENTITY}
    SEND_NOTE = "POST /invoices/note-1/send"

    def script(self, *listed: dict[str, Any], **original: Any) -> Script:
        return (
            Script()
            .on(READ, resource(**self.SENT | original))
            .on(LIST, page(*listed))
            .on(CREATE, answer({"data": note()}, 201))
            .on(self.SEND_NOTE, answer({"data": note(state="sending")}))
        )

    async def credit(
        self, told: Script, context: dict[str, Any] | None = None, **settings: Any
    ) -> Snapshot:
        target = TARGET.model_copy(update={"context": CONTEXT | (context or {})})
        return await adaptor(told, **settings).credit(target)

    async def test_a_credit_note_is_made_and_sent(self) -> None:
        told = self.script()
        snapshot = await self.credit(told)
        assert told.routes() == [READ, LIST, CREATE, self.SEND_NOTE]
        assert (snapshot.provider_id, snapshot.stage) == ("inv-1", Stage.SENT)
        assert snapshot.context == {"credit_note_id": "note-1"}
        assert snapshot.keys == ("note-1",)
        assert snapshot.status == "sent · unpaid · credit note sending · unpaid"

    async def test_it_takes_back_what_the_invoice_says(self) -> None:
        told = self.script()
        await self.credit(told, {"credit_series": "credits"})
        issued = max(today().isoformat(), "2026-06-30")
        held = numbered("2026-17")
        assert told.body(CREATE) == {
            "calculate_totals": False,
            "business_entity_id": ENTITY,
            "related_invoice_id": "inv-1",
            "invoice_number_series": "credits",
            "header": {
                "invoice_type_code": "381",
                "invoice_number_series": "credits",
                "issue_date": f"{issued}T00:00:00Z",
                "currency": "EUR",
                "notes": [CREDIT_MARK],
            },
            "buyer": {"name": "Canary Energy BV"},
            "references": {
                "preceding_invoices": [{"number": "2026-17", "issue_date": "2026-06-30T00:00:00Z"}]
            },
            **{name: held[name] for name in ("items", "totals", "tax_breakdown")},
        }

    async def test_it_may_have_a_number_of_its_own_and_keeps_the_profile(self) -> None:
        for profile, expected in [*CREDIT_PROFILES.items(), ("xrechnung_cii_invoice", None)]:
            stated = numbered("2026-17")
            stated["header"]["document_type"] = profile
            told = self.script(ubl_json=stated)
            await self.credit(told, {"credit_number": "C-17"})
            header = told.body(CREATE)["header"]
            assert header["invoice_number"] == "C-17"
            assert header.get("document_type") == expected

    async def test_an_invoice_of_tomorrow_is_not_credited_before_it(self) -> None:
        stated = numbered("2026-17")
        stated["header"]["issue_date"] = "2099-01-01T00:00:00Z"
        told = self.script(ubl_json=stated)
        await self.credit(told)
        assert told.body(CREATE)["header"]["issue_date"] == "2099-01-01T00:00:00Z"

    async def test_what_was_paid_before_goes_back_with_the_rest(self) -> None:
        """A deposit lowers what an invoice asks for, and not what its credit note gives back."""
        told = self.script(
            ubl_json=numbered(
                "2026-17",
                totals={
                    "tax_inclusive_amount": 12112,
                    "paid_amount": 5000,
                    "payable_rounding_amount": -12,
                    "payable_amount": 7100,
                },
            )
        )
        await self.credit(told)
        assert told.body(CREATE)["totals"] == {
            "tax_inclusive_amount": 12112,
            "payable_rounding_amount": -12,
            "payable_amount": 12100,
        }

    async def test_without_totals_the_provider_adds_up(self) -> None:
        told = self.script(ubl_json=numbered("2026-17", totals=None))
        await self.credit(told)
        assert told.body(CREATE)["calculate_totals"] is True

    async def test_it_is_looked_for_since_the_invoice_was_made(self) -> None:
        told = self.script()
        await self.credit(told)
        assert dict(told.asked[1].url.params) == {"from_date": "2026-06-28"}
        told = self.script(created_at="soon")
        await self.credit(told)
        assert dict(told.asked[1].url.params) == {}

    @pytest.mark.parametrize("state", ["draft", "failed", "approved"])
    @pytest.mark.parametrize("known_by", ["mark", "relation"])
    async def test_one_that_was_made_before_is_sent_and_not_made_again(
        self, state: str, known_by: str
    ) -> None:
        made = note(state=state)
        if known_by == "mark":
            made["related_invoice_id"] = None
        else:
            made["ubl_json"]["header"]["notes"] = []
        told = self.script(invoice(id="x"), made)
        await self.credit(told)
        assert told.routes() == [READ, LIST, self.SEND_NOTE]

    @pytest.mark.parametrize(
        ("state", "stage"),
        [
            ("sending", Stage.SENT),
            ("sent", Stage.CREDITED),
            ("delivered", Stage.CREDITED),
        ],
    )
    async def test_one_that_is_on_its_way_or_there_is_left_alone(
        self, state: str, stage: Stage
    ) -> None:
        told = self.script(note(state=state), note(id="stray"))
        assert (await self.credit(told)).stage is stage
        assert told.routes() == [READ, LIST]

    async def test_one_in_a_state_that_nobody_knows_is_looked_at_again(self) -> None:
        for told, routes in (
            (self.script(note(state="brandnew")), [READ, LIST]),
            (self.script().on(CREATE, answer({"data": note(state="brandnew")})), None),
        ):
            with pytest.raises(Unavailable, match="how far"):
                await self.credit(told)
            assert told.routes() == (routes or [READ, LIST, CREATE])

    @pytest.mark.parametrize(
        "other",
        [
            {"state": "cancelled"},
            {"deleted_at": "2026-06-30T00:00:00Z"},
            {"direction": "incoming"},
            {"ubl_json": ubl()},
        ],
    )
    async def test_what_is_no_living_credit_note_does_not_count(
        self, other: dict[str, Any]
    ) -> None:
        told = self.script(note(**other))
        await self.credit(told)
        assert CREATE in told.routes()

    async def test_several_credit_notes_are_for_a_person(self) -> None:
        for state in ("draft", "sent"):
            told = self.script(note(state=state), note(id="note-2", state=state))
            with pytest.raises(Rejected, match="several"):
                await self.credit(told)

    async def test_a_credit_note_over_another_amount_is_never_sent(self) -> None:
        for more in ({"amount": 100}, {"currency": "SEK"}):
            with pytest.raises(Rejected, match="amount"):
                await self.credit(self.script(note(**more)))
            told = self.script().on(CREATE, answer({"data": note(**more)}))
            with pytest.raises(Rejected, match="amount"):
                await self.credit(told)
            assert told.routes()[-1] == CREATE

    async def test_a_list_without_end_forbids_making_one(self) -> None:
        told = self.script().on(LIST, page(invoice(id="x"), last=None))
        with pytest.raises(Rejected, match="tell"):
            await self.credit(told)
        assert CREATE not in told.routes()

    @pytest.mark.parametrize(
        "missing", [{"ubl_json": None}, {"ubl_json": ubl()}, {"ubl_json": numbered("1", items=[])}]
    )
    async def test_an_invoice_that_does_not_say_what_it_holds_is_credited_by_hand(
        self, missing: dict[str, Any]
    ) -> None:
        with pytest.raises(Rejected, match="by hand"):
            await self.credit(self.script(**missing))

    @pytest.mark.parametrize("state", ["draft", "approved", "failed", "cancelled", "brandnew"])
    async def test_only_what_was_sent_can_be_credited(self, state: str) -> None:
        told = self.script(state=state)
        with pytest.raises(Rejected, match="sent"):
            await self.credit(told)
        assert told.routes() == [READ]

    async def test_what_is_being_sent_is_credited_later(self) -> None:
        with pytest.raises(Unavailable, match="still"):
            await self.credit(self.script(state="sending"))

    @pytest.mark.parametrize("route", [READ, LIST])
    async def test_a_look_that_fails_has_certainly_changed_nothing(self, route: str) -> None:
        for reply in (answer([]), answer(status=502), httpx.ReadTimeout("x")):
            told = self.script().on(route, reply)
            with pytest.raises(Unavailable):
                await self.credit(told)
            assert CREATE not in told.routes()

    @pytest.mark.parametrize("route", [CREATE, SEND_NOTE])
    async def test_a_change_that_is_lost_is_an_unknown_outcome(self, route: str) -> None:
        told = self.script().on(route, httpx.ReadTimeout("x"))
        with pytest.raises(UnknownOutcome):
            await self.credit(told)

    @pytest.mark.parametrize(
        ("state", "stage"),
        [
            ("draft", Stage.DELIVERED),
            ("sending", Stage.DELIVERED),
            ("failed", Stage.DELIVERED),
            ("sent", Stage.CREDITED),
            ("delivered", Stage.CREDITED),
            ("cancelled", Stage.DELIVERED),
        ],
    )
    async def test_a_look_says_credited_once_the_credit_note_is_sent(
        self, state: str, stage: Stage
    ) -> None:
        told = Script().on(READ, resource(state="delivered"))
        told.on("GET /invoices/note-1", answer({"data": note(state=state)}))
        context = CONTEXT | {"credit_note_id": "note-1"}
        target = TARGET.model_copy(update={"context": context})
        snapshot = await adaptor(told).read(ReadCall(target=target))
        assert snapshot.stage is stage
        assert bool(snapshot.problems) is (state == "failed")

    async def test_a_credit_note_that_is_gone_credits_nothing(self) -> None:
        told = Script().on(READ, resource(state="sent"))
        told.on("GET /invoices/note-1", answer(status=404))
        context = CONTEXT | {"credit_note_id": "note-1"}
        target = TARGET.model_copy(update={"context": context})
        assert (await adaptor(told).read(ReadCall(target=target))).stage is Stage.SENT


class TestErrors:
    async def test_validation_errors_name_the_fields(self) -> None:
        errors = {"header.invoice_number": ["Taken.", "Wrong."], "items": "None."}
        body = {"success": False, "data": None, "message": "Validation failed", "errors": errors}
        with pytest.raises(Rejected) as caught:
            await created(Script().on(CREATE, answer(body, 422)))
        assert [(one.field, one.message) for one in caught.value.fields] == [
            ("header.invoice_number", "Taken. Wrong."),
            ("items", "None."),
        ]
        assert "Taken" not in str(caught.value)

    async def test_a_key_without_a_company_is_a_refusal_in_the_providers_words(self) -> None:
        message = "User must belong to a company to create invoices."
        with pytest.raises(Rejected) as caught:
            await created(Script().on(CREATE, answer({"message": message}, 422)))
        assert [one.message for one in caught.value.fields] == [message]

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422])
    @pytest.mark.parametrize("body", [None, [], {}, {"message": "No."}, {"errors": ["x"]}])
    async def test_a_refusing_status_refuses(self, status: int, body: Any) -> None:
        with pytest.raises(Rejected) as caught:
            await created(Script().on(CREATE, answer(body, status)))
        assert caught.value.code == str(status)
        assert ("key" in caught.value.message) is (status in (401, 403))

    @pytest.mark.parametrize(
        ("headers", "least", "most"),
        [
            ({"X-RateLimit-Reset": "7"}, 7, 7),
            ({"X-RateLimit-Reset": "0"}, 1, 1),
            # An instant, too far off for the time between collecting and running to matter.
            ({"X-RateLimit-Reset": str(int(time.time()) + 3000)}, 1200, 3000),
            ({"X-RateLimit-Reset": "1"}, 1, 1),
            ({"X-RateLimit-Reset": "999999"}, 3600, 3600),
            ({"X-RateLimit-Reset": "9", "Retry-After": "3"}, 3, 3),
        ],
    )
    async def test_too_many_calls_wait_for_the_reset(
        self, headers: dict[str, str], least: int, most: int
    ) -> None:
        told = Script().on(SEND, answer(status=429, headers=headers))
        with pytest.raises(UnknownOutcome) as caught:
            await adaptor(told).approve(TARGET)
        wait = caught.value.retry_after
        assert wait is not None
        assert least <= wait.total_seconds() <= most

    @pytest.mark.parametrize("headers", [{}, {"X-RateLimit-Reset": "soon"}])
    async def test_too_many_calls_without_a_reset_wait_as_usual(
        self, headers: dict[str, str]
    ) -> None:
        with pytest.raises(Unavailable) as caught:
            await read(answer(status=429, headers=headers))
        assert caught.value.retry_after is None


class TestSettings:
    @pytest.mark.parametrize(
        ("style", "header", "value"),
        [("bearer", "authorization", f"Bearer {KEY}"), ("x_api_key", "x-api-key", KEY)],
    )
    async def test_the_key_goes_where_the_settings_say(
        self, style: str, header: str, value: str
    ) -> None:
        told = Script().on(READ, resource())
        await adaptor(told, key_header=style).read(ReadCall(target=TARGET))
        sent = told.asked[0].headers
        assert sent[header] == value
        assert len({"authorization", "x-api-key"} & set(sent)) == 1

    def test_webhook_secrets_are_listed_in_one_variable(self) -> None:
        settings = InvoroSettings.model_validate(
            SETTINGS | {"webhook_secrets": "new!-0123456789abcdef, old!-0123456789abcdef"}
        )
        assert [one.get_secret_value() for one in settings.webhook_secrets] == [
            "new!-0123456789abcdef",
            "old!-0123456789abcdef",
        ]
        assert not [
            word
            for word in (KEY, "new!-0123456789abcdef", "old!-0123456789abcdef")
            if word in repr(settings)
        ]

    def test_a_key_that_cannot_be_sent_is_refused(self) -> None:
        with pytest.raises(ValidationError):
            InvoroSettings.model_validate(SETTINGS | {"api_key": "schlüssel"})

    def test_it_is_registered(self) -> None:
        assert ADAPTORS["invoro"] is Invoro


class TestSignature:
    BODY = b'{"event": "invoice.delivered",  "id": "inv-1"}'
    NEW, OLD = SecretStr("new"), SecretStr("old")

    def signed(self, body: bytes, secret: str) -> str:
        return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()

    def test_any_secret_in_force_will_do(self) -> None:
        for secret in ("new", "old"):
            assert signature_fits(self.BODY, self.signed(self.BODY, secret), [self.NEW, self.OLD])

    def test_a_known_signature_fits(self) -> None:
        # HMAC-SHA256, RFC 4231, test case 2.
        digest = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        body = b"what do ya want for nothing?"
        assert signature_fits(body, f"sha256={digest}", [SecretStr("Jefe")])

    def test_nothing_else_does(self) -> None:
        good = self.signed(self.BODY, "new")
        for signature in (
            "",
            "sha256=",
            good.removeprefix("sha256="),
            good.upper(),
            good[:-1],
            good + "0",
            "sha256=ü",
            self.signed(self.BODY, "other"),
            self.signed(self.BODY.replace(b"  ", b" "), "new"),
        ):
            assert not signature_fits(self.BODY, signature, [self.NEW, self.OLD]), signature
        assert not signature_fits(self.BODY, good, [])


NEWS: dict[str, Any] = {
    "event": "invoice.delivered",
    "timestamp": "2026-06-30T12:00:00Z",
    "data": {"id": "inv-1", "invoice_number": "2026-7", "state": "delivered"},
}


class TestEvents:
    NOW = datetime(2026, 6, 30, 12, 0, 5, tzinfo=UTC)

    def received(self, body: dict[str, Any], header: str = "", **more: Any) -> Event:
        raw = json.dumps(body).encode()
        signature = hmac.new(b"new-0123456789abcdef", raw, hashlib.sha256).hexdigest()
        headers = {"x-signature-sha256": f"sha256={signature}", "x-webhook-event": header}
        told = Delivery(**{"headers": headers, "body": raw, "received": self.NOW, **more})
        (event,) = adaptor(
            Script(), webhook_secrets="new-0123456789abcdef, old-0123456789abcdef"
        ).receive(told)
        return event

    async def keys(self, body: dict[str, Any], header: str = "", **settings: Any) -> Any:
        return (await adaptor(Script(), **settings).about(self.received(body, header))).keys

    @pytest.mark.parametrize("stamp", ["2026-06-30T12:00:00Z", 1782820800, 1782820800.0])
    def test_an_event_has_the_type_and_time_that_it_says(self, stamp: Any) -> None:
        event = self.received(NEWS | {"timestamp": stamp})
        assert event.kind == "invoice.delivered"
        assert event.at == datetime(2026, 6, 30, 12, tzinfo=UTC)
        assert event.body == NEWS | {"timestamp": stamp}

    def test_duplicates_are_known_by_event_time_and_invoice(self) -> None:
        first, again = self.received(NEWS), self.received(NEWS | {"attempt": 2})
        assert first.id == again.id
        others: list[dict[str, Any]] = [
            {"event": "invoice.sent"},
            {"timestamp": "later"},
            {"data": {"id": "inv-2"}},
        ]
        assert len({first.id, *(self.received(NEWS | other).id for other in others)}) == 4

    def test_what_says_less_is_known_by_its_whole_body(self) -> None:
        bare = {name: value for name, value in NEWS.items() if name != "timestamp"}
        assert self.received(bare).id == self.received(bare).id
        assert self.received(bare).id != self.received(bare | {"attempt": 2}).id

    def test_the_signed_body_counts_more_than_the_header(self) -> None:
        assert self.received(NEWS, "invoice.failed").kind == "invoice.delivered"
        assert self.received({"data": {"id": "inv-1"}}, "invoice.failed").kind == "invoice.failed"

    @pytest.mark.parametrize(
        "body",
        [
            {"data": {"id": "inv-1"}},
            {"data": {"invoice_id": "inv-1", "id": "delivery-1"}},
            {"data": {"invoice": {"id": "inv-1"}}},
            {"invoice": {"id": "inv-1"}},
            {"invoice_id": "inv-1", "id": "delivery-1"},
            {"id": "inv-1"},
        ],
    )
    async def test_the_invoice_is_found_wherever_it_may_stand(self, body: dict[str, Any]) -> None:
        keys = await self.keys(body | {"event": "invoice.sent"})
        assert keys[0] == "inv-1"

    async def test_an_event_is_about_the_invoice_by_its_id_and_its_number(self) -> None:
        assert await self.keys(NEWS) == ("inv-1", "2026-7")
        assert await self.keys({"data": {"id": "inv-1"}}, "invoice.sent") == ("inv-1",)

    async def test_what_concerns_no_invoice_is_about_nothing(self) -> None:
        assert await self.keys({"event": "participant.activated", "data": {"id": "p-1"}}) == ()
        assert await self.keys({}) == ()

    async def test_a_sample_is_about_nothing_where_the_key_is_for_real_invoices(self) -> None:
        sample = NEWS | {"is_test": True}
        assert await self.keys(sample, api_key="ak_live_canary") == ()
        assert await self.keys(sample, api_key="ak_test_canary") == ("inv-1", "2026-7")

    async def test_an_event_about_an_invoice_must_say_which(self) -> None:
        with pytest.raises(Unreadable):
            await self.keys({"event": "invoice.delivered", "data": "inv-1"})

    def test_an_event_that_is_too_old_is_not_believed(self) -> None:
        in_time = datetime(2026, 7, 1, 12, tzinfo=UTC)
        assert self.received(NEWS, received=in_time).kind == "invoice.delivered"
        with pytest.raises(Forged):
            self.received(NEWS, received=in_time + timedelta(seconds=1))


async def test_no_secret_and_nothing_personal_is_logged_or_raised(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    words = [KEY, "Person", "Canary Energy", "inv-1"]
    replies: list[Reply] = [
        answer({"message": "A. Person owes 5"}, 422),
        answer({"errors": {"buyer.name": ["A. Person"]}}, 422),
        answer(status=401),
        httpx.LocalProtocolError(f"Illegal header value b'Bearer {KEY}'"),
        resource(id="Person"),
        resource(amount="Person"),
    ]
    for reply in replies:
        with pytest.raises(ProviderError) as caught:
            await adaptor(Script().on(SEND, reply)).approve(TARGET)
        shown = f"{caught.value!r} {caught.value.code} {caught.value.__cause__!r}"
        assert not [word for word in words if word in shown]
    assert not [word for word in words if word in caplog.text]
    assert f"{NAME} POST /invoices/{{id}}/send" in caplog.text

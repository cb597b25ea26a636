"""The stand-in for Quiddly over real HTTP: what the provider's pages say, and what is assumed."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import date
from decimal import Decimal
from typing import Any

import httpx
import pytest
import pytest_asyncio

from sandbox import quiddly
from sandbox.kit.faults import DRAWABLE, Fault, Faults, When
from sandbox.kit.server import serve
from sandbox.quiddly import Assumed, Debtors, Step
from tests.child import stand_in_alone
from tests.tls import NO_TLS

FEED = "/vouchers/external/export/payments"
PDF = b"%PDF-1.4 of its own\r\n\x00\xff\r\n--not a boundary\r\n%%EOF"
BOOKED = {
    "externalInformationId": "1",
    "externalInformationSeries": "A",
    "externalInformationFinancialYearId": "2026",
}


def row(**changes: Any) -> dict[str, Any]:
    example: dict[str, Any] = quiddly.request("F-1")["articleRows"][0]
    return example | changes


def vat(percentage: int, taxable: Any, amount: Any) -> dict[str, Any]:
    return {"percentage": percentage, "totalTaxable": taxable, "totalVat": amount}


def totals(net: Any, vat_: Any, total: Any, **others: Any) -> dict[str, Any]:
    return {"totalExclVat": net, "totalVat": vat_, "total": total, **others}


def simple(price: Any, vat_: Any, percentage: int = 25, **changes: Any) -> dict[str, Any]:
    """A row of one piece without a discount."""
    return row(
        price=price,
        quantity="1",
        total=price,
        totalExclVat=price,
        totalVat=vat_,
        vatPercentage=percentage,
        **changes,
    )


def page_example() -> dict[str, Any]:
    """The example request of the page, in our own form."""
    return {
        "articleRows": [row(description="This is a article", unit="pcs")],
        "currency": {"baseCurrency": "SEK", "exchangeRate": 1, "invoiceCurrency": "SEK"},
        "dates": {"expireDate": "2021-06-01", "invoiceDate": "2021-05-17"},
        "debtor": {
            "cellPhone": "+46",
            "customerNumber": "123",
            "identificationNumber": "1234567890",
            "invoiceAddress": {
                "address": "Address",
                "city": "City",
                "countryCode": "SE",
                "name": "Name",
                "zip": "12345",
            },
            "name": "Name",
            "type": "COMPANY",
        },
        "distributionCode": "LETTER",
        "invoiceNumber": "123456",
        "productCode": "INVOICE_SERVICE",
        "totals": totals(200, 50, 250, taxReduction=0, totalRoundOff=0, totalToPay=250),
        "type": "INVOICE",
        "vats": [vat(25, 200, 50)],
    }


# Every field of the page's example response; a list stands for the shape of its items.
RESPONSE: dict[str, Any] = {
    **dict.fromkeys(("activatedById", "activatedDate", "clientId", "clientName", "createdBy")),
    **dict.fromkeys(("createdDate", "debitInvoiceNumber", "distributionCode", "id", "type")),
    **dict.fromkeys(("documentTemplateCode", "invoiceNumber", "isRecourse", "ourOrderNumber")),
    **dict.fromkeys(("ourReference", "paymentReference", "productCode", "refund", "remark")),
    **dict.fromkeys(("reminderProfileCode", "reverseCharge", "serviceProviderCode")),
    **dict.fromkeys(("useRecourse", "yourContactPerson", "yourOrderNumber", "yourReference")),
    "articleRows": [
        *("accountNumber", "articleNumber", "description", "discountType", "id", "price"),
        *("quantity", "total", "totalDiscount", "totalExclVat", "totalVat", "unit"),
        "vatPercentage",
    ],
    "balances": [
        *("capital", "capitalFinanced", "capitalFinancedLocale", "capitalLocale", "interest"),
        *("capitalService", "capitalServiceLocale", "interestLocale", "reminder"),
        *("reminderLocale", "total", "totalLocale"),
    ],
    "currency": ["baseCurrency", "exchangeRate", "invoiceCurrency"],
    "dates": [
        *("deliveryDate", "expireDate", "invoiceDate", "latestFinancialDate"),
        *("ledgerPerformedDate", "pausedUntilDate"),
    ],
    "debtor": [
        *("FMI", "GLN", "cellPhone", "customerNumber", "deliveryAddress", "name", "phone"),
        *("distributionChannel", "distributionChannelOverride", "email", "id", "type"),
        *("identificationNumber", "invoiceAddress", "vatNumber"),
    ],
    "document": [
        *("attachment", "connectedFileCount", "invoice", "invoicePreview"),
        "invoiceWithAttachments",
    ],
    "fees": [
        *("administration", "administrationVatPercentage", "freight", "freightVatPercentage"),
    ],
    "partPayment": ["isPartPayment", "partPaymentPlanId"],
    "statuses": ["ledger", "ledgerSubType", "main"],
    "terms": ["delivery", "payment"],
    "totals": [
        *("taxReduction", "total", "totalExclVat", "totalRoundOff", "totalToPay"),
        *("totalToPayBase", "totalVat"),
    ],
    "vats": ["percentage", "totalTaxable", "totalVat"],
}


# Every field of the example response of the page on attaching.
ATTACHED = {
    *("id", "fileName", "fileNameRaw", "erpId", "clientHandlerId", "clientId", "invoiceId"),
    *("voucherId", "instanceProviderId", "topic", "type"),
    *("createdDate", "createdBy", "updatedDate", "updatedBy"),
}


class Caller:
    """A client with one token, the service account's unless a test changes it."""

    def __init__(self, stand_in: quiddly.QuiddlyStandIn, http: httpx.AsyncClient) -> None:
        self.stand_in = stand_in
        self.http = http
        self.token = quiddly.SERVICE_TOKEN

    async def raw(self, method: str, path: str, **given: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}"}
        return await self.http.request(method, path, headers=headers, **given)

    async def log_in(self, username: str = quiddly.USERNAME, **body: Any) -> httpx.Response:
        given = {"username": username, "password": quiddly.PASSWORD, **body}
        return await self.http.post("/authenticate", json=given)

    async def post(self, number: str = "F-1", **changes: Any) -> httpx.Response:
        return await self.raw("POST", "/invoices", json=quiddly.request(number, **changes))

    async def create(self, number: str = "F-1", **changes: Any) -> Any:
        response = await self.post(number, **changes)
        assert response.status_code == 200, response.text
        return response.json()

    async def activate(self, identity: str, **overrides: Any) -> httpx.Response:
        return await self.raw("POST", f"/invoices/{identity}/activate", json=overrides)

    async def activated(self, number: str = "F-1", **changes: Any) -> Any:
        identity = (await self.create(number, **changes))["id"]
        response = await self.activate(identity)
        assert response.status_code == 200, response.text
        return response.json()

    async def attach(
        self, identity: str, content: bytes = PDF, name: str = "terms.pdf", **fields: str
    ) -> httpx.Response:
        files = {"file": (name, content, "application/pdf")}
        form = {"clientId": quiddly.CLIENT, "invoiceId": identity, **fields}
        return await self.raw("POST", "/documents/invoice", data=form, files=files)

    async def feed(self, query: str = "") -> Any:
        response = await self.raw("GET", FEED + query)
        assert response.status_code == 200, response.text
        return response.json()

    async def acknowledge(self, voucher: str, external_id: str = "P-1") -> httpx.Response:
        path = f"/vouchers/{voucher}/external/export"
        return await self.raw("PUT", path, json={"externalId": external_id})

    async def book(self, voucher: str, **body: Any) -> httpx.Response:
        return await self.raw("PUT", f"/vouchers/{voucher}/external/bookkeep", json=body)


def refused(response: httpx.Response, status: int = 400) -> list[str]:
    """The fields a refusal names, after making sure that it is one."""
    body = response.json()
    assert response.status_code == body["status"] == status, response.text
    assert body["message"]
    return [error["field"] for error in body["errors"]]


@pytest_asyncio.fixture
async def stand_in() -> AsyncIterator[quiddly.QuiddlyStandIn]:
    """No distribution ends by itself: tests end it with `finish`."""
    async with serve(quiddly.QuiddlyStandIn(distribution_delay=math.inf)) as served:
        yield served


@pytest_asyncio.fixture
async def caller(stand_in: quiddly.QuiddlyStandIn) -> AsyncIterator[Caller]:
    async with httpx.AsyncClient(base_url=stand_in.url, timeout=2, verify=NO_TLS) as http:
        yield Caller(stand_in, http)


class TestTheGateway:
    async def test_a_user_gets_a_token_that_opens_the_door(self, caller: Caller) -> None:
        given = (await caller.log_in()).json()
        assert (given["tokenType"], {*given}) == ("Bearer", {"idToken", "tokenType"})
        caller.token = given["idToken"]
        assert (await caller.create())["createdBy"] == quiddly.USERNAME

    async def test_a_wrong_password_gets_none(self, caller: Caller) -> None:
        refused(await caller.log_in(password="guessed"), 401)
        refused(await caller.log_in("nobody@client.example.com"), 401)
        assert refused(await caller.log_in(password=None)) == ["password"]

    async def test_a_stranger_is_refused_everywhere(self, caller: Caller) -> None:
        caller.token = "eySomebodyElses"
        refused(await caller.post(), 401)
        refused(await caller.raw("GET", FEED), 401)
        assert caller.stand_in.ledger.entries == ()

    @pytest.mark.parametrize("how", ["revoked", "expired"])
    async def test_a_token_ends_and_the_service_accounts_does_not(
        self, caller: Caller, how: str
    ) -> None:
        caller.stand_in.assumed.token_lifetime = 0.0 if how == "expired" else 86_400.0
        service, caller.token = caller.token, (await caller.log_in()).json()["idToken"]
        if how == "revoked":
            caller.stand_in.revoke_tokens()
        refused(await caller.post(), 401)
        caller.token = service
        assert (await caller.post()).status_code == 200
        caller.stand_in.revoke(service)
        refused(await caller.post("F-2"), 401)

    async def test_a_client_acts_for_itself_alone(self, caller: Caller) -> None:
        assert (await caller.create(clientId=quiddly.CLIENT))["clientId"] == quiddly.CLIENT
        assert refused(await caller.post("F-2", clientId=quiddly.OTHER_CLIENT)) == ["clientId"]

    async def test_who_is_no_client_must_say_for_whom(self, caller: Caller) -> None:
        caller.token = (await caller.log_in(quiddly.PARTNER_USERNAME)).json()["idToken"]
        assert refused(await caller.post()) == ["clientId"]
        assert refused(await caller.post(clientId="C.999999")) == ["clientId"]
        made = await caller.create(clientId=quiddly.OTHER_CLIENT)
        assert made["clientId"] == quiddly.OTHER_CLIENT
        caller.token = quiddly.SERVICE_TOKEN
        refused(await caller.activate(made["id"]), 404)

    async def test_a_body_is_json_and_says_so(self, caller: Caller) -> None:
        plain = await caller.raw("POST", "/invoices", content=b"{}")
        refused(plain, 415)
        headers = {"Authorization": f"Bearer {caller.token}", "Content-Type": "application/json"}
        for content in (b'{"type": ', b"[]"):
            refused(await caller.http.post("/invoices", headers=headers, content=content))

    async def test_what_no_route_answers_is_not_found(self, caller: Caller) -> None:
        refused(await caller.raw("GET", "/invoices/I.1/history"), 404)
        refused(await caller.raw("PATCH", "/invoices/I.1", json={}), 404)

    async def test_no_secret_is_kept_in_the_record_of_calls(self, caller: Caller) -> None:
        await caller.log_in()
        await caller.create()
        record = str([call.described() for call in caller.stand_in.calls.all])
        assert quiddly.PASSWORD not in record
        assert quiddly.SERVICE_TOKEN not in record
        assert "Exempelbolaget" not in record


class TestCreating:
    async def test_the_pages_example_is_accepted_but_for_its_identification_number(
        self, caller: Caller
    ) -> None:
        response = await caller.raw("POST", "/invoices", json=page_example())
        assert refused(response) == ["debtor.identificationNumber"]
        caller.stand_in.assumed.checks_identification = False
        made = (await caller.raw("POST", "/invoices", json=page_example())).json()
        assert (made["invoiceNumber"], made["statuses"]["main"]) == ("123456", "CREATED")

    async def test_the_answer_has_every_field_of_the_pages_example(self, caller: Caller) -> None:
        made = await caller.create()
        assert {*made} == {*RESPONSE}
        for name, fields in RESPONSE.items():
            if fields is not None:
                shown = made[name][0] if isinstance(made[name], list) else made[name]
                assert ({*shown}, name) == ({*fields}, name)
        address = ("address", "address2", "address3", "city", "countryCode", "name", "zip")
        assert {*made["debtor"]["invoiceAddress"]} == {*address}

    async def test_a_draft_is_created_and_owes_nothing(self, caller: Caller) -> None:
        made = await caller.create()
        assert made["id"].startswith("I.")
        assert made["articleRows"][0]["id"].startswith("IR.")
        assert made["articleRows"][0]["quantity"] == "2,00"
        assert made["statuses"] == {"ledger": None, "ledgerSubType": None, "main": "CREATED"}
        assert (made["activatedDate"], made["activatedById"]) == (None, None)
        assert set(made["balances"].values()) == {0}
        assert made["dates"]["latestFinancialDate"] is None
        assert made["totals"]["totalToPayBase"] == made["totals"]["totalToPay"] == 250
        assert made["vats"] == [vat(25, 200, 50)]
        assert len(made["createdDate"]) == len("2022-04-08T11:21:12")
        assert caller.stand_in.ledger.live("F-1") == (made["id"],)
        assert caller.stand_in.ledger.effects("F-1") == ["created"]
        assert caller.stand_in.calls.of("create")[0].reference == "F-1"

    async def test_amounts_are_numbers_as_the_page_writes_them(self, caller: Caller) -> None:
        text = (await caller.post()).text
        assert '"total":250,' in text
        assert "250.00" not in text

    async def test_every_field_of_the_page_is_taken_and_shown(self, caller: Caller) -> None:
        texts = {
            name: f"our {name}"
            for name in (
                *("paymentReference", "documentTemplateCode", "ourReference", "yourReference"),
                *("yourContactPerson", "ourOrderNumber", "yourOrderNumber", "remark"),
                "serviceProviderCode",
            )
        }
        buyer = quiddly.debtor(
            GLN="7350000000009",
            phone="+46 8 000",
            cellPhone="+46 70 000",
            vatNumber="SE559999999101",
            distributionChannelOverride=True,
            distributionChannel="KIVRA",
            FMI="1234",
            deliveryAddress={"name": "Lagret"},
        )
        dates = {
            "invoiceDate": "2026-05-18",
            "expireDate": "2026-06-17",
            "deliveryDate": "2026-05-15",
        }
        others: dict[str, Any] = {"useRecourse": False, "reverseCharge": False, "refund": True}
        terms = {"payment": "30 dagar", "delivery": "Fritt"}
        rows = [row(accountNumber="3001", articleNumber="A-1")]
        made = await caller.create(
            **texts, **others, debtor=buyer, dates=dates, terms=terms, articleRows=rows
        )
        assert {name: made[name] for name in (*texts, *others, "terms")} == {
            **texts,
            **others,
            "terms": terms,
        }
        assert {name: made["debtor"][name] for name in ("GLN", "FMI", "vatNumber")} == {
            name: buyer[name] for name in ("GLN", "FMI", "vatNumber")
        }
        assert made["debtor"]["deliveryAddress"]["name"] == "Lagret"
        assert made["dates"]["deliveryDate"] == "2026-05-15"
        assert made["articleRows"][0]["accountNumber"] == "3001"

    @pytest.mark.parametrize(
        ("path", "field"),
        [
            (name, name)
            for name in (
                *("invoiceNumber", "dates", "debtor", "articleRows", "vats", "totals"),
                *("dates.invoiceDate", "dates.expireDate", "debtor.customerNumber", "debtor.name"),
                *("debtor.type", "totals.total", "totals.totalExclVat", "totals.totalVat"),
                *(f"debtor.invoiceAddress.{one}" for one in ("name", "address", "zip", "city")),
            )
        ],
    )
    async def test_what_is_required_is_named(self, caller: Caller, path: str, field: str) -> None:
        body = quiddly.request("F-1")
        *way, last = path.split(".")
        place = body
        for name in way:
            place = place[name]
        del place[last]
        assert refused(await caller.raw("POST", "/invoices", json=body)) == [field]
        assert caller.stand_in.ledger.entries == ()

    @pytest.mark.parametrize("name", [name for name in row() if name != "id"])
    async def test_every_field_of_the_minimal_row_is_required(
        self, caller: Caller, name: str
    ) -> None:
        short = {key: value for key, value in row().items() if key != name}
        assert refused(await caller.post(articleRows=[short])) == [f"articleRows.0.{name}"]

    async def test_all_mistakes_are_named_at_once(self, caller: Caller) -> None:
        response = await caller.post(productCode="FREE", vats=[], invoiceNumber=7)
        assert sorted(refused(response)) == ["invoiceNumber", "productCode", "vats"]

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"productCode": "FREE_SERVICE"}, "productCode"),
            ({"distributionCode": "NULL"}, "distributionCode"),
            ({"type": "RECEIPT"}, "type"),
            ({"invoiceNumber": 123456}, "invoiceNumber"),
            ({"invoiceNumber": " "}, "invoiceNumber"),
            ({"useRecourse": "yes"}, "useRecourse"),
            ({"activatedDate": "2026-05-18T00:00:00"}, "activatedDate"),
            ({"reminderProfileCode": "STANDARD"}, "reminderProfileCode"),
            ({"externalReference": "F-1"}, "externalReference"),
            ({"dates": {"invoiceDate": "2026-02-30", "expireDate": "x"}}, "dates.invoiceDate"),
            (
                {"dates": {"invoiceDate": "2026-05-18", "expireDate": "2026-05-17"}},
                "dates.expireDate",
            ),
            ({"currency": {"exchangeRate": 2}}, "currency.exchangeRate"),
            ({"currency": {"invoiceCurrency": "kronor"}}, "currency.invoiceCurrency"),
            ({"fees": {"freight": 10}}, "fees.freightVatPercentage"),
            ({"fees": {"administrationVatPercentage": 21}}, "fees.administrationVatPercentage"),
            ({"articleRows": []}, "articleRows"),
            ({"terms": "30 dagar"}, "terms"),
            ({"debitInvoiceNumber": "F-0"}, "debitInvoiceNumber"),
            ({"type": "CREDIT_INVOICE"}, "debitInvoiceNumber"),
        ],
    )
    async def test_a_wrong_header_names_its_field(
        self, caller: Caller, changes: dict[str, Any], field: str
    ) -> None:
        assert refused(await caller.post(**changes))[0] == field
        assert caller.stand_in.ledger.entries == ()

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"quantity": 2}, "quantity"),
            ({"quantity": "two"}, "quantity"),
            ({"quantity": "1 000,00"}, "quantity"),
            ({"price": "100"}, "price"),
            ({"price": 100.12345}, "price"),
            ({"total": 200.001}, "total"),
            ({"vatPercentage": 21}, "vatPercentage"),
            ({"vatPercentage": "25"}, "vatPercentage"),
            ({"vatPercentage": False}, "vatPercentage"),
            ({"discountType": "AMOUNT"}, "discountType"),
            ({"id": "IR.1"}, "id"),
        ],
    )
    async def test_a_wrong_row_names_its_place(
        self, caller: Caller, changes: dict[str, Any], field: str
    ) -> None:
        response = await caller.post(articleRows=[row(), row(**changes)])
        assert refused(response) == [f"articleRows.1.{field}"]

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"type": "company"}, "type"),
            ({"email": "faktura"}, "email"),
            ({"GLN": "7350000000008"}, "GLN"),
            ({"identificationNumber": "559999-9990"}, "identificationNumber"),
            ({"identificationNumber": "12345"}, "identificationNumber"),
            ({"type": "PERSON"}, "identificationNumber"),
            ({"invoiceAddress": None}, "invoiceAddress"),
            ({"invoiceAddress": {"countryCode": "Sverige"}}, "invoiceAddress.name"),
        ],
    )
    async def test_a_wrong_debtor_names_its_field(
        self, caller: Caller, changes: dict[str, Any], field: str
    ) -> None:
        response = await caller.post(debtor=quiddly.debtor(**changes))
        assert refused(response)[0] == f"debtor.{field}"

    @pytest.mark.parametrize(
        ("kind", "number"),
        [
            ("COMPANY", Debtors.COMPANY),
            ("COMPANY", "5599999991"),
            ("COMPANY", Debtors.TRADING_COMPANY),
            ("COMPANY", Debtors.PERSON),
            ("PERSON", Debtors.PERSON),
            ("PERSON", "121212-1212"),
            ("PERSON", None),
        ],
    )
    async def test_identification_numbers_of_both_kinds(
        self, caller: Caller, kind: str, number: str | None
    ) -> None:
        buyer = quiddly.debtor(type=kind, identificationNumber=number)
        assert (await caller.post(debtor=buyer)).status_code == 200

    async def test_abroad_any_identification_number_may_be(self, caller: Caller) -> None:
        address = quiddly.debtor()["invoiceAddress"] | {"countryCode": "NO"}
        buyer = quiddly.debtor(identificationNumber="12345", invoiceAddress=address)
        assert (await caller.post(debtor=buyer)).status_code == 200

    async def test_distribution_by_email_needs_an_address(self, caller: Caller) -> None:
        buyer = quiddly.debtor(email=None)
        response = await caller.post(distributionCode="EMAIL", debtor=buyer)
        assert refused(response) == ["debtor.email"]
        caller.stand_in.assumed.checks_reach = False
        assert (await caller.post(distributionCode="EMAIL", debtor=buyer)).status_code == 200

    async def test_a_number_may_be_used_twice_unless_a_switch_says_otherwise(
        self, caller: Caller
    ) -> None:
        first, second = [await caller.create() for _ in range(2)]
        assert caller.stand_in.ledger.live("F-1") == (first["id"], second["id"])
        caller.stand_in.assumed.unique_numbers = True
        assert refused(await caller.post()) == ["invoiceNumber"]
        assert len(caller.stand_in.ledger.live("F-1")) == 2

    async def test_the_status_of_a_refusal_is_a_setting(self, caller: Caller) -> None:
        caller.stand_in.assumed.refusal_status = 422
        assert refused(await caller.post(vats=[]), 422) == ["vats"]

    async def test_an_invoice_is_found_by_other_names_where_no_number_fits(
        self, caller: Caller
    ) -> None:
        made = await caller.create(ourOrderNumber="R-1", ourReference="F-2")
        await caller.create("F-2")
        ledger = caller.stand_in.ledger
        assert ledger.effects("R-1") == ledger.effects(made["id"]) == ["created"]
        assert caller.stand_in.invoice("R-1")["id"] == made["id"]
        assert ledger.of("F-2")[0].invoice_id != made["id"]
        with pytest.raises(LookupError):
            caller.stand_in.invoice("F-3")


class TestAddingUp:
    """Expected amounts were worked out by hand."""

    @pytest.mark.parametrize(
        ("rows", "vats", "sums"),
        [
            ([row(quantity="2.00")], [vat(25, 200, 50)], totals(200, 50, 250)),
            # 3 × 33.335 is 100.005, so 100.01; 12 % of it is 12.0012.
            (
                [
                    row(
                        price=33.335,
                        quantity="3",
                        total=100.01,
                        totalExclVat=100.01,
                        totalVat=12,
                        vatPercentage=12,
                    )
                ],
                [vat(12, 100.01, 12)],
                totals(100.01, 12, 112.01),
            ),
            # 20 % off 200; `total` before or after the discount.
            (
                [row(totalDiscount=20, total=160, totalExclVat=160, totalVat=40)],
                [vat(25, 160, 40)],
                totals(160, 40, 200),
            ),
            (
                [row(totalDiscount=20, total=200, totalExclVat=160, totalVat=40)],
                [vat(25, 160, 40)],
                totals(160, 40, 200),
            ),
            (
                [
                    row(
                        discountType="CURRENCY",
                        totalDiscount=20,
                        total=180,
                        totalExclVat=180,
                        totalVat=45,
                    )
                ],
                [vat(25, 180, 45)],
                totals(180, 45, 225),
            ),
            # Three rates; the one at 0 % may be left out of `vats`.
            (
                [simple(100, 25), simple(50, 3, 6), simple(10, 0, 0)],
                [vat(6, 50, 3), vat(25, 100, 25)],
                totals(160, 28, 188),
            ),
            # Per row 0.13 each, not 0.38 of the sum.
            ([simple(0.5, 0.13)] * 3, [vat(25, 1.5, 0.39)], totals(1.5, 0.39, 1.89)),
            # A return.
            (
                [
                    simple(100, 25),
                    row(quantity="-1", price=40, total=-40, totalExclVat=-40, totalVat=-10),
                ],
                [vat(25, 60, 15)],
                totals(60, 15, 75),
            ),
        ],
    )
    async def test_what_adds_up_is_accepted_and_answered(
        self, caller: Caller, rows: Any, vats: Any, sums: Any
    ) -> None:
        made = await caller.create(articleRows=rows, vats=vats, totals=sums)
        assert made["totals"] | sums == made["totals"]
        assert made["totals"]["totalToPay"] == sums["total"]
        assert [one for one in made["vats"] if one in vats] == sorted(
            vats, key=lambda one: [row_["vatPercentage"] for row_ in rows].index(one["percentage"])
        )

    @pytest.mark.parametrize(
        ("changes", "fields"),
        [
            ({"articleRows": [row(total=250)]}, ["articleRows.0.total"]),
            ({"articleRows": [row(totalExclVat=199.99)]}, ["articleRows.0.totalExclVat"]),
            ({"articleRows": [row(totalVat=50.01)]}, ["articleRows.0.totalVat"]),
            ({"vats": [vat(25, 200, 50.01)]}, ["vats.0.totalVat"]),
            ({"vats": [vat(25, 199, 50)]}, ["vats.0.totalTaxable"]),
            ({"vats": [vat(12, 200, 24)]}, ["vats", "vats.0.percentage"]),
            ({"vats": [vat(25, 200, 50)] * 2}, ["vats.1.percentage"]),
            ({"totals": totals(200, 50, 200)}, ["totals.total"]),
            ({"totals": totals(200, 50, 250, totalToPay=249)}, ["totals.totalToPay"]),
            (
                {"totals": totals(200, 50, 250, totalRoundOff=1, totalToPay=251)},
                ["totals.totalRoundOff"],
            ),
        ],
    )
    async def test_what_does_not_add_up_is_refused_figure_by_figure(
        self, caller: Caller, changes: dict[str, Any], fields: list[str]
    ) -> None:
        assert refused(await caller.post(**changes)) == fields

    async def test_round_off_and_tax_reduction_change_what_is_to_be_paid(
        self, caller: Caller
    ) -> None:
        rows, vats = [simple(99.9, 24.98)], [vat(25, 99.9, 24.98)]
        sums = totals(99.9, 24.98, 124.88, totalRoundOff=0.12, taxReduction=25, totalToPay=100)
        made = await caller.create(articleRows=rows, vats=vats, totals=sums)
        assert made["totals"] == {**sums, "totalToPayBase": 100}
        assert (await caller.activate(made["id"])).json()["balances"]["total"] == 100

    async def test_it_may_round_to_whole_kronor_by_itself(self, caller: Caller) -> None:
        caller.stand_in.assumed.rounds_off = True
        made = await caller.create(
            articleRows=[simple(99.9, 24.98)],
            vats=[vat(25, 99.9, 24.98)],
            totals=totals(99.9, 24.98, 124.88),
        )
        assert (made["totals"]["totalRoundOff"], made["totals"]["totalToPay"]) == (0.12, 125)
        assert made["totals"]["total"] == 124.88

    async def test_fees_count_as_rows(self, caller: Caller) -> None:
        fees = {"administration": 29, "administrationVatPercentage": 25}
        fees |= {"freight": 50, "freightVatPercentage": 6}
        made = await caller.create(
            fees=fees,
            vats=[vat(25, 229, 57.25), vat(6, 50, 3)],
            totals=totals(279, 60.25, 339.25),
        )
        assert made["fees"] == fees

    async def test_where_the_buyer_owes_the_vat_none_is_charged(self, caller: Caller) -> None:
        made = await caller.create(
            reverseCharge=True,
            articleRows=[row(totalVat=0)],
            vats=[vat(25, 200, 0)],
            totals=totals(200, 0, 200),
        )
        assert (made["reverseCharge"], made["totals"]["total"]) == (True, 200)

    async def test_vat_may_be_rounded_per_rate(self, caller: Caller) -> None:
        caller.stand_in.assumed.vat_rounding = "rate"
        rows = [simple(0.5, 0.13)] * 3
        made = await caller.create(
            articleRows=rows, vats=[vat(25, 1.5, 0.38)], totals=totals(1.5, 0.38, 1.88)
        )
        assert made["vats"] == [vat(25, 1.5, 0.38)]

    async def test_another_currency_is_exchanged_for_the_base(self, caller: Caller) -> None:
        currency = {"baseCurrency": "SEK", "invoiceCurrency": "EUR", "exchangeRate": 11.25}
        made = await caller.create(currency=currency)
        assert made["currency"] == currency
        assert made["totals"]["totalToPayBase"] == 2812.5
        await caller.activate(made["id"])
        caller.stand_in.pay("F-1", Decimal(100))
        (paid,) = await caller.feed()
        assert (paid["amount"], paid["amountLocale"]) == (100, 1125)
        caller.stand_in.assumed.locale_is_base = False
        assert (await caller.feed())[0]["amountLocale"] == 100

    async def test_it_may_put_its_own_figures_in_the_place_of_wrong_ones(
        self, caller: Caller
    ) -> None:
        caller.stand_in.assumed.arithmetic = "restates"
        made = await caller.create(
            articleRows=[row(total=199, totalExclVat=199, totalVat=49)],
            vats=[vat(25, 199, 49)],
            totals=totals(199, 49, 248),
        )
        shown = made["articleRows"][0]
        assert (shown["total"], shown["totalExclVat"], shown["totalVat"]) == (200, 200, 50)
        assert (made["vats"], made["totals"]["total"]) == ([vat(25, 200, 50)], 250)

    async def test_it_may_keep_figures_as_they_come(self, caller: Caller) -> None:
        caller.stand_in.assumed.arithmetic = "keeps"
        made = await caller.create(
            vats=[vat(25, 199, 49)], totals=totals(199, 49, 248, totalToPay=248)
        )
        assert (made["vats"], made["totals"]["totalExclVat"]) == ([vat(25, 199, 49)], 199)
        assert caller.stand_in.ledger.of("F-1")[0].gross == 248


class TestActivating:
    async def test_activation_shows_in_date_and_person_and_then_it_is_owed(
        self, caller: Caller
    ) -> None:
        done = await caller.activated()
        assert done["activatedDate"] >= done["createdDate"]
        assert done["activatedById"].startswith("U.")
        assert done["statuses"] == {"ledger": "INVOICE", "ledgerSubType": None, "main": "ACTIVATED"}
        assert done["balances"]["total"] == done["balances"]["capital"] == 250
        assert done["dates"]["latestFinancialDate"] == done["dates"]["ledgerPerformedDate"]
        assert caller.stand_in.ledger.effects("F-1") == ["created", "approved"]
        assert caller.stand_in.calls.count("approve") == 1

    async def test_a_body_may_be_left_out(self, caller: Caller) -> None:
        identity = (await caller.create())["id"]
        response = await caller.raw("POST", f"/invoices/{identity}/activate")
        assert response.json()["activatedDate"]

    async def test_distribution_follows_and_ends(self, caller: Caller) -> None:
        await caller.activated()
        caller.stand_in.finish("F-1")
        caller.stand_in.finish("F-1")
        assert caller.stand_in.ledger.effects("F-1") == ["created", "approved", "sent"]

    async def test_distribution_ends_by_itself_after_its_delay(self, caller: Caller) -> None:
        caller.stand_in.assumed.distribution_delay = 0.01
        await caller.activated()
        await caller.stand_in.ledger.reached("sent", "F-1")

    async def test_without_a_way_of_distribution_nothing_is_sent(self, caller: Caller) -> None:
        await caller.activated(distributionCode=None)
        caller.stand_in.finish("F-1")
        assert caller.stand_in.ledger.effects("F-1") == ["created", "approved"]

    async def test_overrides_take_the_place_of_what_was_said(self, caller: Caller) -> None:
        overrides = {
            "productCode": "REMINDER_SERVICE",
            "distributionCode": "EMAIL",
            "reminderProfileCode": "KORT",
            "documentTemplateCode": "PLAIN",
            "paymentReference": "12344",
            "serviceProviderCode": "SP",
            "useRecourse": False,
        }
        made = await caller.create()
        assert (made["documentTemplateCode"], made["useRecourse"]) == ("STANDARD_MARKETING", True)
        done = (await caller.activate(made["id"], **overrides)).json()
        assert {name: done[name] for name in overrides} == overrides

    @pytest.mark.parametrize(
        ("overrides", "field"),
        [
            ({"productCode": "FREE"}, "productCode"),
            ({"invoiceNumber": "F-2"}, "invoiceNumber"),
            ({"useRecourse": 1}, "useRecourse"),
            ({"distributionCode": "EMAIL"}, "debtor.email"),
        ],
    )
    async def test_a_wrong_override_activates_nothing(
        self, caller: Caller, overrides: dict[str, Any], field: str
    ) -> None:
        made = await caller.create(debtor=quiddly.debtor(email=None))
        assert refused(await caller.activate(made["id"], **overrides)) == [field]
        assert caller.stand_in.invoice("F-1")["activatedDate"] is None
        assert caller.stand_in.ledger.effects("F-1") == ["created"]

    async def test_twice_is_refused_or_answered_and_never_done(self, caller: Caller) -> None:
        done = await caller.activated()
        refused(await caller.activate(done["id"]))
        caller.stand_in.assumed.activates_again = True
        assert (await caller.activate(done["id"], useRecourse=False)).json() == done
        assert caller.stand_in.ledger.effects("F-1") == ["created", "approved"]

    async def test_an_unknown_id_is_not_found(self, caller: Caller) -> None:
        refused(await caller.activate("I.1"), 404)

    async def test_the_word_for_an_activated_invoice_is_a_setting(self, caller: Caller) -> None:
        caller.stand_in.assumed.activated_status = "ACTIVE"
        assert (await caller.activated())["statuses"]["main"] == "ACTIVE"


class TestCrediting:
    async def test_a_credit_invoice_takes_back_what_it_names(self, caller: Caller) -> None:
        await caller.activated(ourOrderNumber="R-1")
        names = {"ourOrderNumber": "R-1", "debitInvoiceNumber": "F-1"}
        credit = await caller.create("F-2", type="CREDIT_INVOICE", **names)
        assert caller.stand_in.ledger.effects("F-1") == ["created", "approved"]
        done = (await caller.activate(credit["id"])).json()
        assert (done["debitInvoiceNumber"], done["balances"]["total"]) == ("F-1", 0)
        ledger = caller.stand_in.ledger
        assert ledger.effects("F-1") == ledger.effects("R-1") == ["created", "approved", "credited"]
        assert ledger.live("F-1") == ()
        assert ledger.effects("F-2") == ["created", "approved"]
        assert caller.stand_in.invoice("F-1")["balances"]["total"] == 0

    async def test_a_part_lowers_the_balance_only(self, caller: Caller) -> None:
        await caller.activated()
        part = {"articleRows": [simple(100, 25)], "vats": [vat(25, 100, 25)]}
        part["totals"] = totals(100, 25, 125)  # type: ignore[assignment]
        for number, effects in (("F-2", 0), ("F-3", 1)):
            await caller.activated(number, debitInvoiceNumber="F-1", **part)
            assert caller.stand_in.ledger.effects("F-1").count("credited") == effects
        assert caller.stand_in.invoice("F-1")["balances"]["capital"] == 0

    async def test_a_draft_cannot_be_credited(self, caller: Caller) -> None:
        await caller.create()
        credit = await caller.create("F-2", debitInvoiceNumber="F-1")
        refused(await caller.activate(credit["id"]))
        assert caller.stand_in.ledger.effects("F-2") == ["created"]


class TestDocuments:
    async def test_a_preview_is_there_from_the_start(self, caller: Caller) -> None:
        name = (await caller.create("F-(1)"))["document"]["invoicePreview"]
        file = await caller.raw("GET", f"/storage/{name}")
        assert file.headers["content-type"] == "application/pdf"
        assert file.content.startswith(b"%PDF-1.4")
        assert rb"Preview of F-\(1\)" in file.content
        refused(await caller.raw("GET", "/storage/nothing"), 404)

    async def test_an_attachment_is_kept_byte_by_byte(self, caller: Caller) -> None:
        identity = (await caller.create())["id"]
        attached = (await caller.attach(identity, name="villkor å.pdf")).json()
        assert attached.keys() == ATTACHED
        assert attached["id"].startswith("DO.")
        assert attached["fileNameRaw"] == "villkor å.pdf"
        assert (attached["topic"], attached["type"]) == ("INVOICE", "INVOICE_ATTACHMENT")
        assert (attached["clientId"], attached["invoiceId"]) == (quiddly.CLIENT, identity)
        file = await caller.raw("GET", f"/storage/{attached['fileName']}")
        assert file.content == PDF
        document = (await caller.activate(identity)).json()["document"]
        assert document["attachment"] == attached["fileName"]
        assert document["connectedFileCount"] == 1
        assert document["invoice"]
        assert document["invoiceWithAttachments"]
        assert caller.stand_in.calls.of("attach")[0].reference == "F-1"

    async def test_a_later_attachment_takes_the_place_of_an_earlier_one(
        self, caller: Caller
    ) -> None:
        """What was attached already is attached once more without any effect."""
        identity = (await caller.create())["id"]
        other = PDF + b"%"
        for content in (PDF, PDF, other):
            await caller.attach(identity, content)
        assert caller.stand_in.attachment("F-1") == other
        assert caller.stand_in.ledger.effects("F-1") == ["created", "attached", "attached"]

    async def test_an_activated_invoice_takes_no_attachment(self, caller: Caller) -> None:
        refused(await caller.attach((await caller.activated())["id"]))

    async def test_what_is_wrong_with_a_form_is_named(self, caller: Caller) -> None:
        identity = (await caller.create())["id"]
        assert refused(await caller.attach(identity, b"PK")) == ["file"]
        assert refused(await caller.attach(identity, note="x")) == ["note"]
        wrong = await caller.attach(identity, clientId=quiddly.OTHER_CLIENT)
        assert refused(wrong) == ["clientId"]
        refused(await caller.attach("I.1"), 404)
        plain = await caller.raw("POST", "/documents/invoice", json={"invoiceId": identity})
        refused(plain, 415)
        nothing = {"note": (None, "x")}
        bare = await caller.raw("POST", "/documents/invoice", files=nothing)
        assert refused(bare) == ["note", "clientId", "invoiceId", "file"]
        assert caller.stand_in.invoice("F-1")["document"]["connectedFileCount"] == 0


class TestPaying:
    async def test_a_payment_lowers_the_balance_and_stands_in_the_feed(
        self, caller: Caller
    ) -> None:
        await caller.activated()
        caller.stand_in.pay("F-1")
        (paid,) = await caller.feed()
        day = caller.stand_in.invoice("F-1")["dates"]["latestFinancialDate"]
        assert paid.pop("id").startswith("V.")
        assert paid == {
            "date": day,
            "paymentDate": day,
            "amount": 250,
            "amountLocale": 250,
            "invoiceNumber": "F-1",
            "invoiceCurrency": "SEK",
            "baseCurrency": "SEK",
            "name": "Exempelbolaget AB",
            "externalPaymentMethodCode": "BANKGIRO",
            "accountNumber": "1930",
        }
        assert caller.stand_in.invoice("F-1")["balances"]["total"] == 0
        assert caller.stand_in.ledger.effects("F-1") == ["created", "approved", "paid"]

    async def test_in_parts_it_is_paid_with_the_last(self, caller: Caller) -> None:
        await caller.activated()
        caller.stand_in.pay("F-1", Decimal("100.50"))
        assert caller.stand_in.invoice("F-1")["balances"]["capital"] == Decimal("149.50")
        assert "paid" not in caller.stand_in.ledger.effects("F-1")
        caller.stand_in.pay("F-1")
        assert [one["amount"] for one in await caller.feed()] == [100.5, 149.5]
        assert caller.stand_in.ledger.effects("F-1").count("paid") == 1

    async def test_what_is_too_much_shows_in_the_feed_only(self, caller: Caller) -> None:
        await caller.activated()
        caller.stand_in.pay("F-1", Decimal(300))
        assert [one["amount"] for one in await caller.feed()] == [300]
        assert caller.stand_in.invoice("F-1")["balances"]["total"] == 0

    async def test_a_draft_is_not_paid_nor_is_nothing(self, caller: Caller) -> None:
        identity = (await caller.create())["id"]
        with pytest.raises(ValueError, match="only activated"):
            caller.stand_in.pay("F-1")
        await caller.activate(identity)
        caller.stand_in.pay("F-1")
        with pytest.raises(ValueError, match="nothing is paid"):
            caller.stand_in.pay("F-1")

    async def test_from_another_process_a_payment_is_a_call(self, caller: Caller) -> None:
        await caller.activated()
        wish = {"reference": "F-1", "amount": "100.00"}
        assert (await caller.http.post("/_sandbox/pay", json=wish)).status_code == 200
        assert [one["amount"] for one in await caller.feed()] == [100]


class TestTheFeed:
    async def test_it_is_paged_oldest_first(self, caller: Caller) -> None:
        await caller.activated()
        for amount in (1, 2, 3):
            caller.stand_in.pay("F-1", Decimal(amount))
        pages = [await caller.feed(f"?page={page}&limit=2") for page in (1, 2, 3)]
        assert [[one["amount"] for one in page] for page in pages] == [[1, 2], [3], []]
        assert caller.stand_in.calls.counts["feed"] == 3

    @pytest.mark.parametrize(
        ("query", "field"), [("page=0", "page"), ("limit=101", "limit"), ("from=1", "from")]
    )
    async def test_a_wrong_page_is_refused(self, caller: Caller, query: str, field: str) -> None:
        assert refused(await caller.raw("GET", f"{FEED}?{query}")) == [field]

    async def test_what_is_acknowledged_is_gone_from_it(self, caller: Caller) -> None:
        await caller.activated()
        for amount in (1, 2):
            caller.stand_in.pay("F-1", Decimal(amount))
        first, second = await caller.feed()
        assert (await caller.acknowledge(first["id"])).status_code == 200
        assert await caller.feed() == [second]
        exported = [one.exported for one in caller.stand_in.payments("F-1")]
        assert (exported, caller.stand_in.payments("F-1")[0].external_id) == ([1, 0], "P-1")
        assert caller.stand_in.calls.of("acknowledge")[0].reference == "F-1"

    async def test_acknowledged_twice_it_is_counted_twice_or_refused(self, caller: Caller) -> None:
        await caller.activated()
        caller.stand_in.pay("F-1")
        (one,) = await caller.feed()
        await caller.acknowledge(one["id"])
        assert (await caller.acknowledge(one["id"])).status_code == 200
        assert caller.stand_in.payments("F-1")[0].exported == 2
        caller.stand_in.assumed.acknowledges_again = False
        refused(await caller.acknowledge(one["id"]))
        assert caller.stand_in.payments("F-1")[0].exported == 2

    async def test_then_it_is_booked_or_failed(self, caller: Caller) -> None:
        await caller.activated()
        caller.stand_in.pay("F-1")
        (one,) = await caller.feed()
        refused(await caller.book(one["id"], **BOOKED))
        await caller.acknowledge(one["id"])
        assert (await caller.book(one["id"], errorMessage="no such invoice")).status_code == 200
        assert caller.stand_in.payments("F-1")[0].error == "no such invoice"
        assert (await caller.book(one["id"], **BOOKED)).status_code == 200
        payment = caller.stand_in.payments("F-1")[0]
        assert (payment.booked, payment.error) == (1, None)
        caller.stand_in.assumed.acknowledges_again = False
        refused(await caller.book(one["id"], **BOOKED))

    async def test_what_an_acknowledgement_must_say_is_named(self, caller: Caller) -> None:
        await caller.activated()
        caller.stand_in.pay("F-1")
        (one,) = await caller.feed()
        assert refused(await caller.acknowledge(one["id"], "")) == ["externalId"]
        assert refused(await caller.book(one["id"])) == [*BOOKED]
        mixed = await caller.book(one["id"], errorMessage="x", **BOOKED)
        assert refused(mixed) == [*BOOKED]
        refused(await caller.acknowledge("V.1"), 404)
        assert len(await caller.feed()) == 1

    async def test_another_clients_payments_are_not_in_it(self, caller: Caller) -> None:
        service, caller.token = (
            caller.token,
            (await caller.log_in(quiddly.PARTNER_USERNAME)).json()["idToken"],
        )
        await caller.activated(clientId=quiddly.OTHER_CLIENT)
        caller.stand_in.pay("F-1")
        (one,) = await caller.feed()
        caller.token = service
        assert await caller.feed() == []
        refused(await caller.acknowledge(one["id"]), 404)


class TestTheLadder:
    async def test_it_is_climbed_step_by_step_and_a_reminder_costs(self, caller: Caller) -> None:
        await caller.activated()
        climbed = []
        while True:
            try:
                caller.stand_in.advance("F-1")
            except ValueError:
                break
            climbed.append(caller.stand_in.invoice("F-1")["statuses"]["ledger"])
        assert climbed == [*quiddly.LADDER[1:]]
        balances = caller.stand_in.invoice("F-1")["balances"]
        assert (balances["capital"], balances["reminder"], balances["total"]) == (250, 60, 310)

    async def test_fees_are_paid_before_the_claim(self, caller: Caller) -> None:
        await caller.activated()
        caller.stand_in.advance("F-1", "REMINDER")
        caller.stand_in.pay("F-1", Decimal(250))
        balances = caller.stand_in.invoice("F-1")["balances"]
        assert (balances["capital"], balances["reminder"]) == (60, 0)
        assert "paid" not in caller.stand_in.ledger.effects("F-1")

    async def test_it_only_leads_up_and_only_from_activation(self, caller: Caller) -> None:
        identity = (await caller.create())["id"]
        with pytest.raises(ValueError, match="only activated"):
            caller.stand_in.advance("F-1")
        await caller.activate(identity)
        caller.stand_in.advance("F-1", "COLLECTION")
        for word in ("REMINDER", "COLLECTION", "COURT"):
            with pytest.raises(ValueError, match="does not follow COLLECTION"):
                caller.stand_in.advance("F-1", word)

    async def test_a_pause_has_an_end(self, caller: Caller) -> None:
        await caller.activated()
        for until, shown in ((date(2026, 12, 1), "2026-12-01"), (None, None)):
            caller.stand_in.pause("F-1", until)
            assert caller.stand_in.invoice("F-1")["dates"]["pausedUntilDate"] == shown


class TestWhatIsNotDocumented:
    async def test_nothing_can_be_read_listed_or_deleted(self, caller: Caller) -> None:
        identity = (await caller.create())["id"]
        refused(await caller.raw("GET", f"/invoices/{identity}"), 404)
        refused(await caller.raw("GET", "/invoices?invoiceNumber=F-1"), 404)
        refused(await caller.raw("DELETE", f"/invoices/{identity}"), 404)
        assert caller.stand_in.ledger.live("F-1") == (identity,)
        assert [caller.stand_in.calls.count(step) for step in ("read", "find", "delete")] == [1] * 3

    async def test_switched_on_an_invoice_can_be_read(self, caller: Caller) -> None:
        caller.stand_in.assumed.reads = True
        made = await caller.create()
        assert (await caller.raw("GET", f"/invoices/{made['id']}")).json() == made
        refused(await caller.raw("GET", "/invoices/I.1"), 404)

    async def test_switched_on_they_are_listed_by_number(self, caller: Caller) -> None:
        caller.stand_in.assumed.lists = True
        twins = [await caller.create() for _ in range(2)]
        other = await caller.create("F-2")
        path = "/invoices?invoiceNumber=F-1"
        assert (await caller.raw("GET", path)).json() == twins
        assert (await caller.raw("GET", f"{path}&limit=1&page=2")).json() == twins[1:]
        assert (await caller.raw("GET", "/invoices")).json() == [*twins, other]
        assert (await caller.raw("GET", "/invoices?invoiceNumber=F-3")).json() == []

    async def test_switched_on_a_draft_can_be_deleted(self, caller: Caller) -> None:
        caller.stand_in.assumed.deletes = caller.stand_in.assumed.reads = True
        identity = (await caller.create())["id"]
        assert (await caller.raw("DELETE", f"/invoices/{identity}")).status_code == 204
        refused(await caller.raw("GET", f"/invoices/{identity}"), 404)
        assert caller.stand_in.ledger.effects("F-1") == ["created", "deleted"]
        assert caller.stand_in.ledger.live("F-1") == ()
        done = await caller.activated("F-2")
        refused(await caller.raw("DELETE", f"/invoices/{done['id']}"))

    async def test_a_draft_can_be_deleted_by_hand_whatever_the_routes(self, caller: Caller) -> None:
        await caller.create()
        caller.stand_in.discard("F-1")
        assert caller.stand_in.ledger.effects("F-1") == ["created", "deleted"]
        await caller.activated("F-2")
        with pytest.raises(ValueError, match="only drafts"):
            caller.stand_in.discard("F-2")
        with pytest.raises(LookupError):
            caller.stand_in.discard("F-1")


class TestFaults:
    """Each of the wire at each step; what must not have happened has not."""

    @pytest.mark.parametrize("when", ["before", "after"])
    @pytest.mark.parametrize("step", list(Step))
    async def test_every_step_can_fail_in_every_way(
        self, caller: Caller, step: Step, when: When
    ) -> None:
        assumed = caller.stand_in.assumed
        assumed.reads = assumed.lists = assumed.deletes = assumed.activates_again = True
        done = await caller.activated("F-0")
        caller.stand_in.pay("F-0")
        voucher = caller.stand_in.payments("F-0")[0].id
        await caller.acknowledge(voucher)
        draft = (await caller.create("F-9"))["id"]
        calls: dict[Step, Callable[[], Awaitable[httpx.Response]]] = {
            Step.AUTHENTICATE: caller.log_in,
            Step.CREATE: caller.post,
            Step.APPROVE: lambda: caller.activate(done["id"]),
            Step.ATTACH: lambda: caller.attach(draft),
            Step.DOWNLOAD: lambda: caller.raw("GET", f"/storage/{done['document']['invoice']}"),
            Step.FEED: lambda: caller.raw("GET", FEED),
            Step.ACKNOWLEDGE: lambda: caller.acknowledge(voucher),
            Step.BOOK: lambda: caller.book(voucher, **BOOKED),
            Step.READ: lambda: caller.raw("GET", f"/invoices/{done['id']}"),
            Step.FIND: lambda: caller.raw("GET", "/invoices"),
            Step.DELETE: lambda: caller.raw("DELETE", "/invoices/I.1"),
        }
        for fault in DRAWABLE:
            placed = caller.stand_in.faults.place(step, fault, when=when, seconds=0.01)
            outcome = await _outcome(calls[step]())
            assert placed.hits == 1
            if fault.isdecimal():
                assert outcome == int(fault)
            elif fault in (Fault.NOT_JSON, Fault.SLOW):
                assert isinstance(outcome, int)
            else:
                assert outcome is None
            while fault == Fault.REFUSE and await _outcome(caller.raw("GET", "/none")) is None:
                continue
        # Of those that strike before, only the slow one lets anything happen.
        happened = len(DRAWABLE) if when == "after" else 1
        payment = caller.stand_in.payments("F-0")[0]
        assert len(caller.stand_in.ledger.live("F-1")) == (step == Step.CREATE) * happened
        assert payment.exported == 1 + (step == Step.ACKNOWLEDGE) * happened
        assert payment.booked == (step == Step.BOOK) * happened
        files = caller.stand_in.invoice("F-9")["document"]["connectedFileCount"]
        assert files == (step == Step.ATTACH) * happened

    @pytest.mark.parametrize("fault", ["reset", "time_out", "503", "not_json", "truncated"])
    @pytest.mark.parametrize(("step", "effect"), [("approve", "approved"), ("delete", "deleted")])
    async def test_what_an_uncertain_call_did_stands_in_the_ledger(
        self, caller: Caller, step: str, effect: str, fault: str
    ) -> None:
        caller.stand_in.assumed.deletes = True
        path = f"/invoices/{(await caller.create())['id']}"
        both: tuple[When, When] = ("before", "after")
        for when in both:
            caller.stand_in.faults.place(step, fault, when=when, seconds=0.01)
            if step == "approve":
                await _outcome(caller.raw("POST", f"{path}/activate"))
            else:
                await _outcome(caller.raw("DELETE", path))
            effects = ["created", effect] if when == "after" else ["created"]
            assert caller.stand_in.ledger.effects("F-1") == effects

    @pytest.mark.parametrize(("when", "effects"), [("before", []), ("after", ["created"])])
    async def test_a_refusal_of_any_status(
        self, caller: Caller, when: When, effects: list[str]
    ) -> None:
        caller.stand_in.faults.place("create", "refused", when=when, key="422")
        assert refused(await caller.post(), 422) == []
        assert caller.stand_in.ledger.effects("F-1") == effects

    async def test_words_nobody_documented(self, caller: Caller) -> None:
        caller.stand_in.faults.place("create", "unknown_status")
        caller.stand_in.faults.place("approve", "unknown_ledger", key="SOLD")
        made = await caller.create()
        assert made["statuses"]["main"] == "UNDER_REVIEW"
        assert (await caller.activate(made["id"])).json()["statuses"]["ledger"] == "SOLD"
        assert caller.stand_in.invoice("F-1")["statuses"]["ledger"] == "INVOICE"

    @pytest.mark.parametrize(
        ("when", "effects"), [("before", ["created"]), ("after", ["created", "approved"])]
    )
    async def test_an_activation_whose_answer_shows_none(
        self, caller: Caller, when: When, effects: list[str]
    ) -> None:
        identity = (await caller.create())["id"]
        caller.stand_in.faults.place("approve", "unactivated", when=when)
        shown = await caller.activate(identity)
        assert (shown.status_code, shown.json()["activatedDate"]) == (200, None)
        assert shown.json()["statuses"]["main"] == "CREATED"
        assert caller.stand_in.ledger.effects("F-1") == effects

    async def test_an_amount_stored_one_hundredth_off(self, caller: Caller) -> None:
        caller.stand_in.faults.place("create", "changed_amount")
        made = await caller.create()
        assert (made["totals"]["totalExclVat"], made["totals"]["total"]) == (200.01, 250.01)
        assert made["vats"] == [vat(25, 200.01, 50)]
        assert caller.stand_in.ledger.of("F-1")[0].gross == Decimal("250.01")
        assert (await caller.activate(made["id"])).json()["balances"]["total"] == 250.01

    async def test_an_amount_shown_one_hundredth_off(self, caller: Caller) -> None:
        made = await caller.create()
        caller.stand_in.faults.place("approve", "changed_amount", key="-0.01")
        shown = (await caller.activate(made["id"])).json()
        assert (shown["totals"]["total"], shown["balances"]["total"]) == (249.99, 250)
        caller.stand_in.pay("F-1")
        caller.stand_in.faults.place("feed", "changed_amount")
        assert [(await caller.feed())[0]["amount"] for _ in range(2)] == [250.01, 250]

    @pytest.mark.parametrize(
        ("key", "path", "value"),
        [
            (None, "totals.total", 250.01),
            ("totals.totalExclVat", "totals.totalExclVat", 200.01),
            ("totals.totalVat-1", "totals.totalVat", 49),
            ("totals.totalToPay+0.5", "totals.totalToPay", 250.5),
            ("vats.0.totalVat", "vats.0.totalVat", 50.01),
            ("vats.0.totalTaxable+1", "vats.0.totalTaxable", 201),
            ("vats.0.percentage=12", "vats.0.percentage", 12),
            ("vats=[]", "vats", []),
            ("articleRows.0.totalVat", "articleRows.0.totalVat", 50.01),
            ("currency.invoiceCurrency=EUR", "currency.invoiceCurrency", "EUR"),
            ("debtor.customerNumber=K-9", "debtor.customerNumber", "K-9"),
            ("debtor.name=Annan AB", "debtor.name", "Annan AB"),
            ("invoiceNumber=F-9", "invoiceNumber", "F-9"),
            ("statuses.main=null", "statuses.main", None),
        ],
    )
    async def test_each_figure_of_an_answer_can_be_changed(
        self, caller: Caller, key: str | None, path: str, value: Any
    ) -> None:
        caller.stand_in.faults.place("create", "changed_figure", key=key)
        made = await caller.create()
        assert _at(made, path) == value
        # It is stored so: what comes later says the same.
        assert _at((await caller.activate(made["id"])).json(), path) == value
        assert caller.stand_in.ledger.of("F-1")[0].gross == 250

    async def test_a_figure_of_one_later_answer_is_that_answers_alone(self, caller: Caller) -> None:
        caller.stand_in.assumed.reads = True
        path = f"/invoices/{(await caller.create())['id']}"
        caller.stand_in.faults.place("read", "changed_figure", key="totals.totalVat")
        shown = [(await caller.raw("GET", path)).json()["totals"]["totalVat"] for _ in range(2)]
        assert shown == [50.01, 50]

    async def test_a_figure_of_the_feed(self, caller: Caller) -> None:
        await caller.activated()
        caller.stand_in.pay("F-1")
        caller.stand_in.faults.place("feed", "changed_figure", key="0.invoiceNumber=F-7")
        assert [(await caller.feed())[0]["invoiceNumber"] for _ in range(2)] == ["F-7", "F-1"]

    async def test_while_it_is_down_nothing_answers(self, caller: Caller) -> None:
        async with caller.stand_in.down():
            assert await _outcome(caller.post()) is None
        assert (await caller.post()).status_code == 200

    async def test_a_gate_holds_an_answer_back(self, caller: Caller) -> None:
        gate = caller.stand_in.faults.place("create", "gate", when="after")
        call = asyncio.create_task(caller.post())
        await gate.reached()
        assert caller.stand_in.ledger.effects("F-1") == ["created"]
        gate.release()
        assert (await call).status_code == 200


async def _outcome(call: Awaitable[httpx.Response]) -> int | None:
    """The status of an answer, or None where there was none (whole)."""
    try:
        return (await call).status_code
    except httpx.TransportError:
        return None


def _at(shown: Any, path: str) -> Any:
    for name in path.split("."):
        shown = shown[int(name) if isinstance(shown, list) else name]
    return shown


async def test_whatever_chance_breaks_the_ledger_tells_what_happened() -> None:
    plan = Faults.drawn(3, ["create"], faults=("reset", "500", "429"), share=1.0, calls=6)
    stored = sum(placed.when == "after" for placed in plan)
    async with (
        serve(quiddly.QuiddlyStandIn(faults=plan)) as stand_in,
        httpx.AsyncClient(base_url=stand_in.url, verify=NO_TLS) as http,
    ):
        caller = Caller(stand_in, http)
        for _ in range(6):
            with contextlib.suppress(httpx.ReadError):
                assert (await caller.post()).status_code >= 400
        assert len(stand_in.ledger.live("F-1")) == stored


async def test_two_stand_ins_share_nothing() -> None:
    async with serve(quiddly.QuiddlyStandIn()) as one, serve(quiddly.QuiddlyStandIn()) as two:
        one.assumed.reads = True
        async with httpx.AsyncClient(base_url=one.url, verify=NO_TLS) as http:
            await Caller(one, http).create()
        assert two.assumed == Assumed()
        assert (one.ledger.effects("F-1"), two.ledger.effects("F-1")) == (["created"], [])


async def test_reset_forgets_invoices_payments_and_names(caller: Caller) -> None:
    await caller.activated(ourOrderNumber="R-1")
    caller.stand_in.pay("F-1")
    caller.stand_in.reset()
    assert caller.stand_in.ledger.entries == ()
    assert caller.stand_in.ledger.of("R-1") == ()
    assert await caller.feed() == []
    assert caller.stand_in.calls.counts == {"feed": 1}


async def test_the_examples_are_valid_requests(caller: Caller) -> None:
    for number, buyer in (
        ("F-1", quiddly.debtor()),
        ("F-2", quiddly.debtor(type="PERSON", identificationNumber=Debtors.PERSON)),
    ):
        assert json.loads(json.dumps(quiddly.request(number)))["invoiceNumber"] == number
        await caller.create(number, debtor=buyer)


async def test_on_its_own_it_prints_its_url_and_ends_when_told() -> None:
    headers = {"Authorization": f"Bearer {quiddly.SERVICE_TOKEN}"}
    async with (
        stand_in_alone("sandbox.quiddly", "--distribution-delay", "0", "--lists") as url,
        httpx.AsyncClient(base_url=url, verify=NO_TLS) as http,
    ):
        assert (await http.get("/_sandbox/ledger")).json() == {"entries": []}
        assert (await http.get("/invoices", headers=headers)).json() == []
        assert (await http.get("/invoices/I.1", headers=headers)).status_code == 404

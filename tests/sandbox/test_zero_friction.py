"""The stand-in for Zero Friction over real HTTP: what the provider's page and documents promise."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import httpx
import pytest
import pytest_asyncio

from sandbox import zero_friction as zf
from sandbox.kit.faults import Faults
from sandbox.kit.server import serve
from sandbox.zero_friction.invoice import UNSET
from tests.child import stand_in_alone
from tests.tls import NO_TLS

JUNE = {
    "startDateTime": "2026-06-01T00:00:00+02:00",
    "endDateTime": "2026-06-30T23:59:59+02:00",
}
LINE: dict[str, Any] = {
    "description": "Service visit",
    "quantity": 1,
    "unitPrice": Decimal("100.10"),
    "lineType": "charge",
    "taxCodeId": zf.TaxCodes.STANDARD,
    **JUNE,
}
BODY: dict[str, Any] = {
    "invoiceType": "incidentalnote",
    "invoiceDate": "2026-06-30T00:00:00+02:00",
    "customerId": zf.Customers.CANARY,
    "companyBankAccountId": zf.BankAccounts.DEFAULT,
    "externalReference": "INV-1",
    "lines": [LINE],
}


class Caller:
    """A client that authenticates itself and reads numbers exactly."""

    def __init__(self, stand_in: zf.ZeroFrictionStandIn, http: httpx.AsyncClient) -> None:
        self.stand_in = stand_in
        self.http = http
        self.headers = {
            "apim-sub": zf.SUBSCRIPTION_KEY,
            "zf-tuuid": zf.TENANT,
            "zf-ouuid": zf.ORGANISATION,
        }

    async def authenticate(self, **changes: str) -> httpx.Response:
        form = {
            "grant_type": "client_credentials",
            "client_id": zf.CLIENT_ID,
            "client_secret": zf.CLIENT_SECRET,
            "scope": zf.SCOPE,
        }
        response = await self.http.post(self.stand_in.token_url, data=form | changes)
        if response.status_code == 200:
            self.headers["Authorization"] = f"Bearer {response.json()['access_token']}"
        return response

    async def raw(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        given = self.headers | {name.replace("_", "-"): text for name, text in headers.items()}
        if body is None:
            return await self.http.request(method, path, headers=given)
        content = json.dumps(body, default=float)
        given = {"Content-Type": "application/json"} | given
        return await self.http.request(method, path, headers=given, content=content)

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        response = await self.raw(method, path, body, **headers)
        return json.loads(response.content, parse_float=Decimal)

    async def create(self, **changes: Any) -> Any:
        return await self.call("POST", "/api/bill/Invoices", BODY | changes)

    async def created(self, **changes: Any) -> str:
        identity: str = (await self.create(**changes))["data"]["id"]
        return identity

    async def approved(self, **changes: Any) -> str:
        identity = await self.created(**changes)
        await self.act(identity, "approve", {"invoiceDate": "2026-06-30T00:00:00+02:00"})
        self.stand_in.finish(changes.get("externalReference", "INV-1"))
        return identity

    async def act(self, identity: str, what: str, body: Any = None) -> Any:
        return await self.call("POST", f"/api/bill/Invoices/{identity}/{what}", body)

    async def read(self, identity: str) -> Any:
        return await self.call("GET", f"/api/bill/Invoices/{identity}")


def keys(reply: Any) -> set[str]:
    assert reply["success"] is False
    assert reply["data"] in (None, False)
    return {error["key"] for error in reply["errors"]}


def line(**changes: Any) -> dict[str, Any]:
    return LINE | changes


@pytest_asyncio.fixture
async def stand_in() -> AsyncIterator[zf.ZeroFrictionStandIn]:
    """Whatever takes time here never ends by itself: tests end it with `finish`."""
    slow = zf.ZeroFrictionStandIn(approval_delay=math.inf, sending_delay=math.inf, page_size=2)
    async with serve(slow) as served:
        yield served


@pytest_asyncio.fixture
async def caller(stand_in: zf.ZeroFrictionStandIn) -> AsyncIterator[Caller]:
    async with httpx.AsyncClient(base_url=stand_in.url, timeout=2, verify=NO_TLS) as http:
        caller = Caller(stand_in, http)
        await caller.authenticate()
        yield caller


class TestTheGateway:
    @pytest.mark.parametrize(
        ("changes", "status", "error"),
        [
            ({"grant_type": "password"}, 400, "unsupported_grant_type"),
            ({"client_id": "somebody"}, 401, "invalid_client"),
            ({"client_secret": "guess"}, 401, "invalid_client"),
            ({"scope": "everything"}, 400, "invalid_scope"),
        ],
    )
    async def test_a_token_is_only_for_the_right_client_and_scope(
        self, caller: Caller, changes: dict[str, str], status: int, error: str
    ) -> None:
        response = await caller.authenticate(**changes)
        assert (response.status_code, response.json()["error"]) == (status, error)

    async def test_a_token_is_asked_for_with_a_form(self, caller: Caller) -> None:
        response = await caller.http.post(caller.stand_in.token_url, json={})
        assert response.status_code == 400

    @pytest.mark.parametrize(
        ("header", "status"),
        [("Authorization", 401), ("apim-sub", 401), ("zf-tuuid", 403), ("zf-ouuid", 403)],
    )
    async def test_every_header_is_demanded_and_checked(
        self, caller: Caller, header: str, status: int
    ) -> None:
        right = caller.headers.pop(header)
        assert (await caller.raw("GET", "/api/cfg/TaxCodes")).status_code == status
        caller.headers[header] = "wrong"
        assert (await caller.raw("GET", "/api/cfg/TaxCodes")).status_code == status
        caller.headers[header] = right
        assert (await caller.raw("GET", "/api/cfg/TaxCodes")).status_code == 200

    async def test_the_subscription_key_may_stand_in_the_query(self, caller: Caller) -> None:
        del caller.headers["apim-sub"]
        path = f"/api/cfg/TaxCodes?subscription-key={zf.SUBSCRIPTION_KEY}"
        assert (await caller.raw("GET", path)).status_code == 200

    async def test_a_revoked_token_is_refused_until_there_is_a_new_one(
        self, caller: Caller
    ) -> None:
        caller.stand_in.revoke_tokens()
        assert (await caller.raw("GET", "/api/cfg/TaxCodes")).status_code == 401
        await caller.authenticate()
        assert (await caller.raw("GET", "/api/cfg/TaxCodes")).status_code == 200

    async def test_a_token_dies_when_it_said_it_would(self, caller: Caller) -> None:
        caller.stand_in.assumed.token_lifetime = 0
        assert (await caller.authenticate()).json()["expires_in"] == 0
        assert (await caller.raw("GET", "/api/cfg/TaxCodes")).status_code == 401

    async def test_a_body_must_say_that_it_is_json_and_be_it(self, caller: Caller) -> None:
        path = "/api/bill/Invoices"
        plain = await caller.raw("POST", path, BODY, Content_Type="text/plain")
        assert plain.status_code == 415
        headers = caller.headers | {"Content-Type": "application/json"}
        broken = await caller.http.post(path, headers=headers, content=b'{"lines": [')
        assert broken.status_code == 400
        assert (await caller.raw("POST", path)).status_code == 400
        assert caller.stand_in.ledger.entries == ()

    async def test_no_secret_is_kept_in_the_record_of_calls(self, caller: Caller) -> None:
        await caller.raw("GET", f"/api/cfg/TaxCodes?subscription-key={zf.SUBSCRIPTION_KEY}")
        record = str([call.described() for call in caller.stand_in.calls.all])
        for secret in (zf.SUBSCRIPTION_KEY, zf.CLIENT_SECRET, caller.headers["Authorization"]):
            assert secret not in record


class TestMasterData:
    async def test_a_name_can_occur_twice(self, caller: Caller) -> None:
        wish = {"flexSearch": "Sample Housing", "nameContains": "Sample Housing"}
        found = (await caller.call("POST", "/api/md/Customers/filter", wish))["data"]["results"]
        assert {one["id"] for one in found} == {zf.Customers.TWIN_NORTH, zf.Customers.TWIN_SOUTH}

    async def test_an_account_number_finds_one(self, caller: Caller) -> None:
        wish = {"flexSearch": "k-1001"}
        found = (await caller.call("POST", "/api/md/Customers/filter", wish))["data"]["results"]
        assert [one["shortDisplayName"] for one in found] == ["Canary Energy BV"]

    async def test_a_filter_nobody_documented_is_refused(self, caller: Caller) -> None:
        response = await caller.raw("POST", "/api/md/Customers/filter", {"name": "Canary"})
        assert response.status_code == 400
        assert "name" in response.json()["errors"]

    async def test_a_filter_that_is_not_built_says_so(self, caller: Caller) -> None:
        wish = {"customerGroupName": "all"}
        assert (await caller.raw("POST", "/api/md/Customers/filter", wish)).status_code == 501

    @pytest.mark.parametrize(
        ("quick", "wish", "numbers"),
        [
            ("all", {}, {"CT-2024-0001", "CT-2019-0007"}),
            ("all", {"excludeTerminatedContracts": True}, {"CT-2024-0001"}),
            ("ongoing", {}, {"CT-2024-0001"}),
            ("draft", {}, set()),
        ],
    )
    async def test_contracts_are_filtered(
        self, caller: Caller, quick: str, wish: dict[str, Any], numbers: set[str]
    ) -> None:
        path = f"/api/md/Contracts/filter?quickFilter={quick}"
        reply = await caller.call("POST", path, {"customerId": zf.Customers.CANARY} | wish)
        assert {one["contractNumber"] for one in reply["data"]["results"]} == numbers

    async def test_a_contract_names_its_locations_and_property_groups(self, caller: Caller) -> None:
        contract = (await caller.call("GET", f"/api/md/Contracts/{zf.Contracts.CANARY}"))["data"]
        assert [one["id"] for one in contract["serviceLocations"]] == [zf.ServiceLocations.CANARY]
        assert contract["propertyGroups"] == [{"id": zf.PropertyGroups.NORTH, "name": "North"}]
        missing = await caller.call("GET", "/api/md/Contracts/nope")
        assert keys(missing) == {"CONTRACT_NOT_FOUND"}

    async def test_service_locations_are_found_by_customer(self, caller: Caller) -> None:
        path = "/api/md/ServiceLocations/filter?quickFilter=all"
        reply = await caller.call("POST", path, {"customerId": zf.Customers.CANARY})
        assert [one["id"] for one in reply["data"]["results"]] == [zf.ServiceLocations.CANARY]

    @pytest.mark.parametrize("ending", ["s", ""], ids=["page", "specification"])
    async def test_both_spellings_of_the_billing_configuration_are_answered(
        self, caller: Caller, ending: str
    ) -> None:
        path = f"/api/bill/PropertyGroupBillingConfiguration{ending}/{zf.PropertyGroups.SOUTH}"
        reply = await caller.call("GET", path)
        assert reply["data"]["companyBankAccountId"] == zf.BankAccounts.SECOND
        assert caller.stand_in.calls.count("property_group") == 1

    async def test_a_list_comes_in_pages_by_continuation_token(self, caller: Caller) -> None:
        first = (await caller.call("GET", "/api/cfg/BankAccounts"))["data"]
        assert (len(first["results"]), first["hasNextPage"], first["totalRecords"]) == (2, True, 3)
        token = first["nextPageToken"]
        last = await caller.call("GET", "/api/cfg/BankAccounts", continuationToken=token)
        assert (last["data"]["hasNextPage"], last["data"]["nextPageToken"]) == (False, None)
        together = first["results"] + last["data"]["results"]
        assert [one["id"] for one in together if one["isDefault"]] == [zf.BankAccounts.DEFAULT]
        assert [one["id"] for one in together if one["deleted"]] == [zf.BankAccounts.DELETED]

    async def test_a_made_up_continuation_token_is_refused(self, caller: Caller) -> None:
        response = await caller.raw("GET", "/api/cfg/TaxCodes", continuationToken="x")
        assert response.status_code == 400

    async def test_a_tax_code_keeps_the_history_of_its_rate(self, caller: Caller) -> None:
        caller.stand_in.assumed.page_size = 10
        codes = (await caller.call("GET", "/api/cfg/TaxCodes"))["data"]["results"]
        changed = next(code for code in codes if code["id"] == zf.TaxCodes.CHANGED)
        assert [rate["rate"] for rate in changed["rates"]] == [21, 6]


class TestCreating:
    async def test_a_draft_has_an_id_and_no_number(self, caller: Caller) -> None:
        reply = await caller.create()
        draft = reply["data"]
        assert (reply["success"], reply["errors"]) == (True, [])
        assert (draft["status"], draft["invoiceNum"], draft["sent"]) == (
            "created",
            None,
            "notsent",
        )
        assert (draft["type"], draft["externalReference"]) == ("incidentalnote", "INV-1")
        assert draft["debtor"]["displayName"] == "Canary Energy BV"
        assert caller.stand_in.ledger.live("INV-1") == (draft["id"],)
        assert caller.stand_in.calls.of("create")[0].reference == "INV-1"

    async def test_amounts_are_numbers_and_exact(self, caller: Caller) -> None:
        response = await caller.raw("POST", "/api/bill/Invoices", BODY)
        assert b'"totalAmountExclVAT":100.1,' in response.content
        assert b'"totalAmountInclVAT":121.12,' in response.content
        assert b'"vat":21.02,' in response.content

    async def test_vat_is_rounded_per_line_and_half_up(self, caller: Caller) -> None:
        small = line(unitPrice=Decimal("0.50"), taxCodeId=zf.TaxCodes.STANDARD)
        draft = (await caller.create(lines=[small] * 3))["data"]
        assert [one["vat"] for one in draft["lines"]] == [Decimal("0.11")] * 3
        assert draft["totalAmountInclVAT"] == Decimal("1.83")

    @pytest.mark.parametrize(
        ("amounts", "net", "gross"),
        [
            ({"quantity": 3, "unitPrice": Decimal("33.335")}, "100.01", "121.01"),
            ({"unitPrice": None, "amountExclVAT": Decimal(50)}, "50", "60.5"),
            ({"unitPrice": None, "amountInclVAT": Decimal(121)}, "100", "121"),
            ({"amountExclVAT": 50, "amountInclVAT": 55}, "50", "60.5"),
        ],
        ids=["quantity and price", "net", "gross only", "a wrong gross is put right"],
    )
    async def test_what_a_line_adds_up_to(
        self, caller: Caller, amounts: dict[str, Any], net: str, gross: str
    ) -> None:
        draft = (await caller.create(lines=[line(**amounts)]))["data"]
        assert draft["totalAmountExclVAT"] == Decimal(net)
        assert draft["totalAmountInclVAT"] == Decimal(gross)

    @pytest.mark.parametrize("place", ["header", "line"])
    async def test_vat_calculation_can_be_switched_off(self, caller: Caller, place: str) -> None:
        own = {"amountExclVAT": 100, "amountInclVAT": Decimal("121.01")}
        off = {"disableVATCalculation": True}
        lines = [line(**own, **(off if place == "line" else {}))]
        draft = (await caller.create(lines=lines, **(off if place == "header" else {})))["data"]
        assert draft["totalAmountInclVAT"] == Decimal("121.01")

    async def test_a_contract_brings_its_property_groups(self, caller: Caller) -> None:
        contract = {"contractId": zf.Contracts.CANARY, "contractNumber": "CT-2024-0001"}
        draft = (await caller.create(**contract))["data"]
        assert draft["propertyGroups"] == [{"id": zf.PropertyGroups.NORTH, "name": "North"}]
        assert draft["contractNumber"] == "CT-2024-0001"

    @pytest.mark.parametrize(
        ("changes", "key"),
        [
            ({"customerId": "nobody"}, "CUSTOMER_DOES_NOT_EXIST"),
            ({"customerId": None}, "CUSTOMER_DOES_NOT_EXIST"),
            ({"companyBankAccountId": "none"}, "BANK_ACCOUNT_NOT_FOUND"),
            ({"companyBankAccountId": zf.BankAccounts.DELETED}, "BANK_ACCOUNT_NOT_FOUND"),
            ({"contractId": "none"}, "CONTRACT_NOT_FOUND"),
            ({"contractId": zf.Contracts.TWIN_NORTH}, "CONTRACT_NOT_FOUND"),
            ({"contractNumber": "CT-2024-0001"}, "CONTRACT_NOT_FOUND"),
            (
                {"contractId": zf.Contracts.CANARY, "contractNumber": "CT-9"},
                "CONTRACT_NOT_FOUND",
            ),
            ({"lines": []}, "NO_INVOICE_LINES"),
            ({"lines": None}, "NO_INVOICE_LINES"),
            ({"invoiceType": "incidental"}, "INVALID_INVOICE_TYPE"),
            ({"invoiceType": None}, "INVALID_INVOICE_TYPE"),
            ({"status": "approved"}, "INVOICE_WRONG_STATUS"),
            ({"lines": [line(taxCodeId=None)]}, "NO_TAXCODE_SPECIFIED"),
            ({"lines": [line(taxCodeId="none")]}, "TAXCODE_DOES_NOT_EXIST"),
            ({"lines": [line(taxCodeId=zf.TaxCodes.DELETED)]}, "TAXCODE_DOES_NOT_EXIST"),
            ({"lines": [line(billingItemId="none")]}, "BILLING_ITEM_DOES_NOT_EXIST"),
            ({"lines": [line(serviceLocationId="none")]}, "SERVICELOCATION_DOES_NOT_EXIST"),
            ({"lines": [line(lineType="discount")]}, "INVOICE_LINE_TYPE_NOT_SUPPORTED"),
            ({"lines": [line(startDateTime=None)]}, "INVOICE_LINE_SPANS_NO_TAX_RATE_PERIODS"),
            (
                {"lines": [line(startDateTime="2019-12-01T00:00:00+01:00")]},
                "INVOICE_LINE_SPANS_NO_TAX_RATE_PERIODS",
            ),
            (
                {
                    "lines": [
                        line(
                            taxCodeId=zf.TaxCodes.CHANGED,
                            startDateTime="2026-03-01T00:00:00+01:00",
                        )
                    ]
                },
                "INVOICE_LINE_SPANS_MULTIPLE_TAX_RATE_PERIODS",
            ),
            (
                {"lines": [line(startDateTime="2025-12-31T23:59:59+01:00")]},
                "INVOICE_LINE_CANNOT_SPAN_MULTIPLE_YEARS",
            ),
            (
                {"customerId": zf.Customers.NO_MAIL, "paymentMethod": "sdd"},
                "SDD_REQUIRES_BANK_ACCOUNT",
            ),
        ],
    )
    async def test_a_broken_rule_is_named_by_its_key_and_nothing_is_stored(
        self, caller: Caller, changes: dict[str, Any], key: str
    ) -> None:
        response = await caller.raw("POST", "/api/bill/Invoices", BODY | changes)
        assert response.status_code == 200
        assert key in keys(response.json())
        assert caller.stand_in.ledger.entries == ()

    async def test_everything_that_is_wrong_is_said_at_once(self, caller: Caller) -> None:
        lines = [line(taxCodeId="none"), line(billingItemId="none")]
        reply = await caller.create(customerId="nobody", lines=lines)
        assert keys(reply) == {
            "CUSTOMER_DOES_NOT_EXIST",
            "TAXCODE_DOES_NOT_EXIST",
            "BILLING_ITEM_DOES_NOT_EXIST",
        }

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"type": "incidentalnote"}, "type"),
            ({"paymentMethod": "cash"}, "paymentMethod"),
            ({"invoiceDate": "2026-06-30"}, "invoiceDate"),
            ({"dueDate": "2026-07-30T00:00:00"}, "dueDate"),
            ({"lines": [line(quantity="1")]}, "lines[0].quantity"),
            ({"lines": [line(unitOfMeasure="C62")]}, "lines[0].unitOfMeasure"),
            ({"lines": [line(unitPrice=None)]}, "lines[0].amountExclVAT"),
            (
                {"lines": [line(endDateTime="2026-05-01T00:00:00+02:00")]},
                "lines[0].endDateTime",
            ),
        ],
    )
    async def test_a_malformed_property_is_named_with_status_400(
        self, caller: Caller, changes: dict[str, Any], field: str
    ) -> None:
        response = await caller.raw("POST", "/api/bill/Invoices", BODY | changes)
        assert response.status_code == 400
        assert list(response.json()["errors"]) == [field]

    async def test_a_year_may_end_at_midnight(self, caller: Caller) -> None:
        year = line(
            startDateTime="2026-01-01T00:00:00+01:00", endDateTime="2027-01-01T00:00:00+01:00"
        )
        assert (await caller.create(lines=[year]))["success"]

    @pytest.mark.parametrize(
        ("start", "end", "rate"),
        [
            ("2026-03-01T00:00:00+01:00", "2026-04-01T00:00:00+02:00", 21),
            ("2026-04-01T00:00:00+02:00", "2026-04-30T23:59:59+02:00", 6),
        ],
    )
    async def test_the_rate_is_the_one_in_force_over_the_line(
        self, caller: Caller, start: str, end: str, rate: int
    ) -> None:
        dated = line(taxCodeId=zf.TaxCodes.CHANGED, startDateTime=start, endDateTime=end)
        draft = (await caller.create(lines=[dated]))["data"]
        assert draft["lines"][0]["taxRate"] == rate

    async def test_a_number_can_be_preset_but_not_twice(self, caller: Caller) -> None:
        first = await caller.create(invoiceNum="A-7")
        assert first["data"]["invoiceNum"] == "A-7"
        again = await caller.create(invoiceNum="A-7", externalReference="INV-2")
        assert keys(again) == {"DUPLICATE_INVOICE_NUMBER"}

    async def test_the_same_reference_twice_makes_two_invoices(self, caller: Caller) -> None:
        ids = (await caller.created(), await caller.created())
        assert caller.stand_in.ledger.live("INV-1") == ids


class TestFinding:
    async def test_flex_search_finds_the_reference_if_it_covers_it(self, caller: Caller) -> None:
        identity = await caller.created()
        await caller.created(externalReference="INV-2")
        wish = {
            "customerId": zf.Customers.CANARY,
            "invoiceType": ["incidentalnote"],
            "flexSearch": "INV-1",
        }
        found = (await caller.call("POST", "/api/bill/Invoices/filter", wish))["data"]
        assert [one["id"] for one in found["results"]] == [identity]
        caller.stand_in.assumed.flex_search_covers_reference = False
        found = (await caller.call("POST", "/api/bill/Invoices/filter", wish))["data"]
        assert found["results"] == []

    async def test_a_customers_invoices_come_in_pages(self, caller: Caller) -> None:
        made = [await caller.created(externalReference=f"INV-{n}") for n in range(5)]
        await caller.created(customerId=zf.Customers.TWIN_NORTH)
        seen: list[str] = []
        headers: dict[str, str] = {}
        while True:
            wish = {"customerId": zf.Customers.CANARY}
            page = await caller.call("POST", "/api/bill/Invoices/filter", wish, **headers)
            seen += [one["id"] for one in page["data"]["results"]]
            if not page["data"]["hasNextPage"]:
                break
            headers = {"continuationToken": page["data"]["nextPageToken"]}
        assert seen == made
        assert caller.stand_in.calls.count("find") == 3

    async def test_invoices_are_listed_by_customer_and_contract(self, caller: Caller) -> None:
        await caller.created()
        with_contract = await caller.created(contractId=zf.Contracts.CANARY)
        path = f"/api/bill/Invoices/c/{zf.Customers.CANARY}"
        assert (await caller.call("GET", path))["data"]["totalRecords"] == 2
        found = (await caller.call("GET", f"{path}/{zf.Contracts.CANARY}"))["data"]["results"]
        assert [one["id"] for one in found] == [with_contract]

    async def test_an_invoice_that_is_not_there_is_a_refusal_with_status_200(
        self, caller: Caller
    ) -> None:
        response = await caller.raw("GET", "/api/bill/Invoices/nope")
        assert response.status_code == 200
        assert keys(response.json()) == {"INVOICE_DOES_NOT_EXIST"}


class TestApproving:
    async def test_it_is_answered_at_once_and_numbered_later(self, caller: Caller) -> None:
        identity = await caller.created()
        day = {"invoiceDate": "2026-06-30T00:00:00+02:00"}
        begun = (await caller.act(identity, "approve", day))["data"]
        assert (begun["status"], begun["invoiceNum"]) == ("approvalinprogress", None)
        caller.stand_in.finish("INV-1")
        done = (await caller.read(identity))["data"]
        assert (done["status"], done["invoiceNum"]) == ("approved", "2026-000001")
        assert done["paymentDetails"]["currentPaymentStatus"] == "waitingforpayment"
        entry = caller.stand_in.ledger.of("INV-1")[-1]
        assert (entry.effect, entry.number, entry.gross) == (
            "approved",
            "2026-000001",
            Decimal("121.12"),
        )

    async def test_numbers_run_per_year_of_the_invoice_date(self, caller: Caller) -> None:
        for n, day in enumerate(("2026-12-31T23:30:00Z", "2026-06-30T00:00:00+02:00")):
            identity = await caller.created(externalReference=f"INV-{n}")
            await caller.act(identity, "approve", {"invoiceDate": day})
            caller.stand_in.finish(f"INV-{n}")
        # Half past eleven in London is the new year in Brussels.
        assert caller.stand_in.invoice("INV-0")["invoiceNum"] == "2027-000001"
        assert caller.stand_in.invoice("INV-1")["invoiceNum"] == "2026-000001"

    async def test_a_preset_number_is_kept_and_never_given_again(self, caller: Caller) -> None:
        await caller.approved(invoiceNum="2026-000001", externalReference="INV-0")
        await caller.approved()
        assert caller.stand_in.invoice("INV-0")["invoiceNum"] == "2026-000001"
        assert caller.stand_in.invoice("INV-1")["invoiceNum"] == "2026-000002"

    async def test_only_a_draft_can_be_approved(self, caller: Caller) -> None:
        identity = await caller.created()
        await caller.act(identity, "approve")
        assert keys(await caller.act(identity, "approve")) == {"INVOICE_NOT_CREATED_STATUS"}
        caller.stand_in.finish("INV-1")
        assert keys(await caller.act(identity, "approve")) == {"INVOICE_NOT_CREATED_STATUS"}
        assert caller.stand_in.ledger.effects("INV-1") == ["created", "approved"]

    async def test_an_approval_ends_by_itself_after_its_delay(self, caller: Caller) -> None:
        caller.stand_in.assumed.approval_delay = 0.01
        await caller.act(await caller.created(), "approve")
        await caller.stand_in.ledger.reached("approved", "INV-1")

    async def test_a_failed_approval_fills_the_errors_and_may_be_tried_again(
        self, caller: Caller
    ) -> None:
        identity = await caller.created()
        key = "INVOICE_TEMPLATE_NOT_CONFIGURED"
        caller.stand_in.faults.place("approve", "errors_filled", key=key)
        await caller.act(identity, "approve")
        caller.stand_in.finish("INV-1")
        reply = await caller.read(identity)
        assert reply["success"] is True
        assert [error["key"] for error in reply["errors"]] == [key]
        assert reply["data"]["failureReasonCode"]["key"] == key
        assert (reply["data"]["status"], reply["data"]["hasErrors"]) == ("approvalfailed", True)
        await caller.act(identity, "approve")
        caller.stand_in.finish("INV-1")
        assert (await caller.read(identity))["errors"] == []
        assert caller.stand_in.ledger.effects("INV-1") == ["created", "approved"]


class TestSending:
    @pytest.mark.parametrize(
        ("route", "meanwhile"), [("send", "sending"), ("sendviapostal", "printing")]
    )
    async def test_it_is_under_way_and_then_sent(
        self, caller: Caller, route: str, meanwhile: str
    ) -> None:
        identity = await caller.approved()
        assert (await caller.act(identity, route))["data"]["sent"] == meanwhile
        caller.stand_in.finish("INV-1")
        assert (await caller.read(identity))["data"]["sent"] == "sent"
        assert caller.stand_in.ledger.effects("INV-1") == ["created", "approved", "sent"]

    async def test_sent_twice_is_sent_twice(self, caller: Caller) -> None:
        identity = await caller.approved()
        await caller.act(identity, "send")
        await caller.act(identity, "send")
        caller.stand_in.finish("INV-1")
        assert caller.stand_in.ledger.effects("INV-1").count("sent") == 2

    @pytest.mark.parametrize(
        ("customer", "route", "key"),
        [
            (zf.Customers.NO_MAIL, "send", "USER_HAS_NO_EMAIL_ADDRESS"),
            (zf.Customers.NO_ADDRESS, "sendviapostal", "USER_HAS_NO_POSTAL_ADDRESS"),
        ],
    )
    async def test_without_an_address_it_is_refused_with_status_400(
        self, caller: Caller, customer: str, route: str, key: str
    ) -> None:
        identity = await caller.approved(customerId=customer)
        response = await caller.raw("POST", f"/api/bill/Invoices/{identity}/{route}")
        assert response.status_code == 400
        assert keys(response.json()) == {key}

    async def test_a_draft_cannot_be_sent(self, caller: Caller) -> None:
        reply = await caller.act(await caller.created(), "send")
        assert keys(reply) == {"INVOICE_NOT_APPROVED_STATUS"}

    @pytest.mark.parametrize(
        ("route", "word", "step"),
        [("marksent", "sent", "mark_sent"), ("markskipped", "skipped", "mark_skipped")],
    )
    async def test_marking_sends_nothing(
        self, caller: Caller, route: str, word: str, step: str
    ) -> None:
        identity = await caller.approved()
        assert (await caller.act(identity, route))["data"]["sent"] == word
        assert caller.stand_in.ledger.effects("INV-1") == ["created", "approved"]
        assert caller.stand_in.calls.count(step) == 1


class TestTakingBack:
    async def test_a_draft_can_be_deleted_once(self, caller: Caller) -> None:
        path = f"/api/bill/Invoices/{await caller.created()}"
        assert (await caller.call("DELETE", path))["data"] is True
        assert keys(await caller.call("DELETE", path)) == {"INVOICE_DOES_NOT_EXIST"}
        assert keys(await caller.call("GET", path)) == {"INVOICE_DOES_NOT_EXIST"}
        assert caller.stand_in.ledger.live("INV-1") == ()

    async def test_an_approved_invoice_cannot_be_deleted(self, caller: Caller) -> None:
        identity = await caller.created()
        await caller.act(identity, "approve")
        path = f"/api/bill/Invoices/{identity}"
        assert keys(await caller.call("DELETE", path)) == {"APPROVED_INVOICES_CANNOT_BE_DELETED"}
        caller.stand_in.finish("INV-1")
        assert keys(await caller.call("DELETE", path)) == {"APPROVED_INVOICES_CANNOT_BE_DELETED"}
        assert caller.stand_in.ledger.live("INV-1") == (identity,)

    async def test_a_credit_note_and_its_invoice_name_each_other(self, caller: Caller) -> None:
        identity = await caller.approved()
        note = (await caller.act(identity, "credit"))["data"]
        credited = (await caller.read(identity))["data"]
        assert (note["type"], note["creditedInvoiceId"]) == ("creditnote", identity)
        assert credited["creditedByInvoiceId"] == note["id"]
        assert note["totalAmountInclVAT"] == -credited["totalAmountInclVAT"]
        assert (note["status"], note["invoiceNum"]) == ("approved", "2026-000002")
        assert caller.stand_in.ledger.live("INV-1") == ()
        assert caller.stand_in.ledger.effects("INV-1") == ["created", "approved", "credited"]

    async def test_crediting_is_for_final_invoices_and_once(self, caller: Caller) -> None:
        identity = await caller.created()
        assert keys(await caller.act(identity, "credit")) == {"CREATED_INVOICES_CANNOT_BE_CREDITED"}
        await caller.act(identity, "approve")
        assert keys(await caller.act(identity, "credit")) == {"INVOICE_NOT_APPROVED_STATUS"}
        caller.stand_in.finish("INV-1")
        await caller.act(identity, "credit")
        assert keys(await caller.act(identity, "credit")) == {"INVOICE_IS_ALREADY_CREDITED"}

    async def test_a_credit_note_may_need_an_approval_of_its_own(self, caller: Caller) -> None:
        caller.stand_in.assumed.credit_note_status = "created"
        note = (await caller.act(await caller.approved(), "credit"))["data"]
        assert (note["status"], note["invoiceNum"]) == ("created", None)


class TestPaying:
    async def test_a_payment_that_names_the_invoice_settles_it(self, caller: Caller) -> None:
        identity = await caller.approved()
        payment = {
            "customerId": zf.Customers.CANARY,
            "amount": Decimal("21.12"),
            "references": [{"referenceId": identity, "referenceType": "invoice"}],
        }
        await caller.call("POST", "/api/bill/Payments", payment)
        partly = (await caller.read(identity))["data"]
        assert (partly["status"], partly["remainingInvoiceAmount"]) == ("approved", 100)
        last = await caller.call("POST", "/api/bill/Payments", payment | {"amount": 100})
        settled = (await caller.read(identity))["data"]
        assert (settled["status"], settled["remainingInvoiceAmount"]) == ("settled", 0)
        assert settled["paymentDetails"]["paid"] is True
        assert settled["paymentDetails"]["currentPaymentStatus"] == "paid"
        assert caller.stand_in.ledger.effects("INV-1") == ["created", "approved", "paid"]
        listed = (await caller.call("GET", "/api/bill/Payments"))["data"]["results"]
        assert [one["amount"] for one in listed] == [Decimal("21.12"), 100]
        await caller.call("POST", f"/api/bill/Payments/{last['data']['id']}/reverse")
        reversed_ = (await caller.read(identity))["data"]
        assert (reversed_["status"], reversed_["paymentDetails"]["paid"]) == ("approved", False)

    async def test_a_draft_cannot_be_paid(self, caller: Caller) -> None:
        await caller.created()
        with pytest.raises(ValueError, match="CREATED_INVOICE_CANT_BE_PAID"):
            caller.stand_in.pay("INV-1")

    async def test_another_process_can_pay(self, caller: Caller) -> None:
        await caller.approved()
        paid = await caller.http.post("/_sandbox/pay", json={"reference": "INV-1"})
        assert paid.json() == {"effects": ["created", "approved", "paid"]}
        assert caller.stand_in.invoice("INV-1")["status"] == "settled"


class TestItsOwnFaults:
    @pytest.mark.parametrize(("when", "effects"), [("before", []), ("after", ["created"])])
    async def test_a_failure_with_status_200(
        self, caller: Caller, when: Any, effects: list[str]
    ) -> None:
        caller.stand_in.faults.place("create", "success_false", when=when)
        response = await caller.raw("POST", "/api/bill/Invoices", BODY)
        assert response.status_code == 200
        assert keys(response.json()) == {"COULD_NOT_CREATE_INVOICE"}
        assert caller.stand_in.ledger.effects("INV-1") == effects

    async def test_a_status_nobody_documented_for_some_reads(self, caller: Caller) -> None:
        identity = await caller.created()
        caller.stand_in.faults.place("read", "unknown_status", times=2)
        words = [(await caller.read(identity))["data"]["status"] for _ in range(3)]
        assert words == ["inreview", "inreview", "created"]

    async def test_approved_without_a_number_for_one_read(self, caller: Caller) -> None:
        identity = await caller.approved()
        caller.stand_in.faults.place("read", "approved_without_number")
        shown = (await caller.read(identity))["data"]
        assert (shown["status"], shown["invoiceNum"]) == ("approved", None)
        assert (await caller.read(identity))["data"]["invoiceNum"] == "2026-000001"

    async def test_approved_without_a_number_for_good(self, caller: Caller) -> None:
        caller.stand_in.faults.place("approve", "approved_without_number")
        shown = (await caller.read(await caller.approved()))["data"]
        assert (shown["status"], shown["invoiceNum"]) == ("approved", None)

    async def test_errors_beside_a_successful_read(self, caller: Caller) -> None:
        identity = await caller.created()
        caller.stand_in.faults.place("read", "errors_filled")
        reply = await caller.read(identity)
        assert [error["key"] for error in reply["errors"]] == ["COULD_NOT_APPROVE_INVOICE"]
        assert reply["data"]["id"] == identity

    async def test_an_amount_stored_one_cent_off(self, caller: Caller) -> None:
        caller.stand_in.faults.place("create", "changed_amount")
        identity = await caller.created()
        draft = (await caller.read(identity))["data"]
        assert draft["totalAmountInclVAT"] == Decimal("121.13")
        assert draft["lines"][0]["amountExclVAT"] == Decimal("100.11")
        assert caller.stand_in.ledger.of("INV-1")[0].gross == Decimal("121.13")

    async def test_an_amount_shown_one_cent_off(self, caller: Caller) -> None:
        identity = await caller.created()
        caller.stand_in.faults.place("read", "changed_amount", key="-0.01")
        shown = [(await caller.read(identity))["data"]["totalAmountInclVAT"] for _ in range(2)]
        assert shown == [Decimal("121.11"), Decimal("121.12")]

    async def test_a_create_that_was_stored_but_never_answered(self, caller: Caller) -> None:
        gate = caller.stand_in.faults.place("create", "gate", when="after")
        call = asyncio.create_task(caller.create())
        await gate.reached()
        assert len(caller.stand_in.ledger.live("INV-1")) == 1
        call.cancel()


async def test_whatever_chance_breaks_the_ledger_tells_what_happened() -> None:
    plan = Faults.drawn(3, ["create"], faults=("reset", "500", "429"), share=1.0, calls=6)
    stored = sum(placed.when == "after" for placed in plan)
    async with (
        serve(zf.ZeroFrictionStandIn(faults=plan)) as stand_in,
        httpx.AsyncClient(base_url=stand_in.url, verify=NO_TLS) as http,
    ):
        caller = Caller(stand_in, http)
        await caller.authenticate()
        for _ in range(6):
            try:
                assert (await caller.raw("POST", "/api/bill/Invoices", BODY)).status_code >= 400
            except httpx.ReadError:
                continue
        assert len(stand_in.ledger.live("INV-1")) == stored


async def test_reset_keeps_tokens_and_master_data(caller: Caller) -> None:
    await caller.approved()
    caller.stand_in.reset()
    assert caller.stand_in.ledger.entries == ()
    await caller.approved()
    assert caller.stand_in.invoice("INV-1")["invoiceNum"] == "2026-000001"


async def test_on_its_own_it_prints_its_url_and_ends_when_told() -> None:
    async with (
        stand_in_alone("sandbox.zero_friction", "--approval-delay", "0") as url,
        httpx.AsyncClient(base_url=url, verify=NO_TLS) as http,
    ):
        assert (await http.get("/_sandbox/ledger")).json() == {"entries": []}


class TestAsTheDocumentSpellsIt:
    """What the vendor's public document says of types, words and nulls."""

    async def test_numbers_and_moments_are_never_null(self, caller: Caller) -> None:
        bare = {
            name: value for name, value in LINE.items() if name not in ("quantity", "unitPrice")
        }
        invoice = (await caller.create(lines=[bare | {"amountExclVAT": 10}]))["data"]
        assert invoice["sequenceNumber"] == 0
        assert invoice["periodStartDateTime"] == invoice["periodEndDateTime"] == UNSET
        assert invoice["paymentDetails"]["directDebitCollectionDate"] == UNSET
        assert (invoice["lines"][0]["quantity"], invoice["lines"][0]["unitPrice"]) == (0, 0)

    async def test_a_payment_s_history_names_its_status_and_its_moment(
        self, caller: Caller
    ) -> None:
        invoice = (await caller.read(await caller.approved()))["data"]
        (entry,) = invoice["paymentDetails"]["statusHistory"]
        assert {*entry} == {"paymentStatus", "mutationDateTime"}
        assert entry["paymentStatus"] == "waitingforpayment"

    async def test_a_company_is_an_organization_and_belgium_has_three_letters(
        self, caller: Caller
    ) -> None:
        found = await caller.call("POST", "/api/md/Customers/filter", {"flexSearch": "K-1001"})
        (customer,) = found["data"]["results"]
        assert customer["customerType"] == "organization"
        assert customer["invoiceAddress"]["country"] == "bel"

    async def test_a_value_in_a_message_is_a_text(self, caller: Caller) -> None:
        reply = await caller.act("nobody", "approve", {"invoiceDate": "2026-06-30T00:00:00Z"})
        ((value,),) = (error["messageValues"] for error in reply["errors"])
        assert value["dataType"] == "text"

    async def test_a_refused_delete_says_false_and_never_null(self, caller: Caller) -> None:
        assert (await caller.call("DELETE", "/api/bill/Invoices/nobody"))["data"] is False
        caller.stand_in.faults.place("delete", "success_false")
        path = f"/api/bill/Invoices/{await caller.created()}"
        assert (await caller.call("DELETE", path))["data"] is False
        assert (await caller.call("DELETE", path))["data"] is True

    @pytest.mark.parametrize("end", ["9999-12-31T23:59:59.9999999", "0001-01-01T00:00:00"])
    async def test_a_rate_without_an_end_says_so_without_null(self, end: Any) -> None:
        async with (
            serve(zf.ZeroFrictionStandIn(open_end=end)) as stand_in,
            httpx.AsyncClient(base_url=stand_in.url, timeout=2, verify=NO_TLS) as http,
        ):
            caller = Caller(stand_in, http)
            await caller.authenticate()
            codes = (await caller.call("GET", "/api/cfg/TaxCodes"))["data"]["results"]
            ends = {rate["endDateTime"] for code in codes for rate in code["rates"]}
            assert ends == {end, "2026-04-01T00:00:00+02:00"}
            assert (await caller.create())["success"]

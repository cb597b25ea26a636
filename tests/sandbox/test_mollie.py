"""The stand-in for Mollie's Sales Invoices over real HTTP: what the provider's pages promise."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import httpx
import pytest
import pytest_asyncio

from sandbox import mollie
from sandbox.kit.faults import Faults
from sandbox.kit.server import serve
from tests.child import stand_in_alone
from tests.tls import NO_TLS

PATH = "/v2/sales-invoices"
EMAIL = {"subject": "Your invoice", "body": "Please find it enclosed."}
BY_HAND = {"source": "manual"}
COLLECTED = {"status": "paid", "customerId": mollie.CUSTOMER, "mandateId": mollie.MANDATE}
RECIPIENT: dict[str, Any] = {
    "type": "business",
    "organizationName": "Canary Energy BV",
    "vatNumber": "NL000000000B00",
    "email": "billing@canary.example.com",
    "streetAndNumber": "Example Street 1",
    "postalCode": "1000AA",
    "city": "Exampletown",
    "country": "NL",
    "locale": "nl_NL",
}
CONSUMER = RECIPIENT | {"type": "consumer", "givenName": "Exa", "familyName": "Ample"}
LINE: dict[str, Any] = {
    "description": "Service visit",
    "quantity": 1,
    "vatRate": "21.00",
    "unitPrice": {"currency": "EUR", "value": "89.00"},
}
BODY: dict[str, Any] = {
    "status": "draft",
    "recipientIdentifier": "customer-1",
    "recipient": RECIPIENT,
    "lines": [LINE],
    "metadata": {"reference": "INV-1"},
}
ISSUED = {"status": "issued", "emailDetails": EMAIL}
E_INVOICE = {"status": "issued", "isEInvoice": True}


class Caller:
    """A client with one credential, the test key unless a test changes it."""

    def __init__(self, stand_in: mollie.MollieStandIn, http: httpx.AsyncClient) -> None:
        self.stand_in = stand_in
        self.http = http
        self.credential = mollie.TEST_KEY

    async def raw(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        given = {"Authorization": f"Bearer {self.credential}"}
        given |= {name.replace("_", "-"): text for name, text in headers.items()}
        if body is None:
            return await self.http.request(method, path, headers=given)
        return await self.http.request(method, path, headers=given, json=body)

    async def post(self, *, key: str | None = None, **changes: Any) -> httpx.Response:
        headers = {} if key is None else {"Idempotency_Key": key}
        return await self.raw("POST", PATH, BODY | changes, **headers)

    async def create(self, **changes: Any) -> Any:
        response = await self.post(**changes)
        assert response.status_code == 201, response.text
        return response.json()

    async def patch(self, identity: str, **changes: Any) -> httpx.Response:
        return await self.raw("PATCH", f"{PATH}/{identity}", changes)

    async def read(self, identity: str) -> Any:
        return (await self.raw("GET", f"{PATH}/{identity}")).json()

    async def issued(self, **changes: Any) -> str:
        identity: str = (await self.create(**ISSUED | changes))["id"]
        return identity


def refused(response: httpx.Response, status: int = 422) -> str | None:
    """The field a problem names, after making sure that it is one."""
    assert response.headers["content-type"] == "application/hal+json"
    problem = response.json()
    assert response.status_code == problem["status"] == status, response.text
    assert {"status", "title", "detail", "_links"} <= {*problem}
    assert problem["_links"]["documentation"]["type"] == "text/html"
    field: str | None = problem.get("field")
    return field


def line(**changes: Any) -> dict[str, Any]:
    return LINE | changes


def priced(value: str, rate: str = "21.00", **changes: Any) -> dict[str, Any]:
    return line(unitPrice={"currency": "EUR", "value": value}, vatRate=rate, **changes)


def off(value: str, kind: str = "amount") -> dict[str, str]:
    return {"type": kind, "value": value}


def sums(invoice: Any) -> tuple[str, ...]:
    names = ("subtotalAmount", "discountedSubtotalAmount", "totalVatAmount", "totalAmount")
    return tuple(invoice[name]["value"] for name in names)


def without(body: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in body.items() if key != name}


@pytest_asyncio.fixture
async def stand_in() -> AsyncIterator[mollie.MollieStandIn]:
    """Whatever takes time here never ends by itself: tests end it with `finish`."""
    slow = mollie.MollieStandIn(e_invoice_delay=math.inf, collection_delay=math.inf)
    async with serve(slow) as served:
        yield served


@pytest_asyncio.fixture
async def caller(stand_in: mollie.MollieStandIn) -> AsyncIterator[Caller]:
    async with httpx.AsyncClient(base_url=stand_in.url, timeout=2, verify=NO_TLS) as http:
        yield Caller(stand_in, http)


class TestTheGateway:
    @pytest.mark.parametrize("credential", ["none", "test_somebodyElses", "access_somebodyElses"])
    async def test_a_stranger_is_refused(self, caller: Caller, credential: str) -> None:
        caller.credential = credential
        assert refused(await caller.raw("GET", PATH), 401) is None

    async def test_a_revoked_key_is_worthless(self, caller: Caller) -> None:
        caller.stand_in.revoke(mollie.TEST_KEY)
        refused(await caller.post(), 401)
        assert caller.stand_in.ledger.entries == ()

    async def test_a_token_that_may_only_read_cannot_write(self, caller: Caller) -> None:
        caller.credential = mollie.READ_ONLY_TOKEN
        refused(await caller.post(profileId=mollie.PROFILE), 403)
        assert (await caller.raw("GET", PATH)).status_code == 200

    @pytest.mark.parametrize(("name", "value"), [("testmode", True), ("profileId", mollie.PROFILE)])
    async def test_an_api_key_must_not_say_mode_or_profile(
        self, caller: Caller, name: str, value: Any
    ) -> None:
        assert refused(await caller.post(**{name: value})) == name
        identity = (await caller.create())["id"]
        assert refused(await caller.raw("GET", f"{PATH}?testmode=true")) == "testmode"
        assert refused(await caller.patch(identity, testmode=True)) == "testmode"
        body = {"testmode": True}
        assert refused(await caller.raw("DELETE", f"{PATH}/{identity}", body)) == "testmode"

    async def test_an_organisation_must_say_which_profile(self, caller: Caller) -> None:
        caller.credential = mollie.ORGANISATION_TOKEN
        assert refused(await caller.post()) == "profileId"
        assert refused(await caller.post(profileId="pfl_nobody")) == "profileId"
        made = await caller.create(profileId=mollie.OTHER_PROFILE)
        assert (made["profileId"], made["mode"]) == (mollie.OTHER_PROFILE, "live")

    async def test_test_and_live_do_not_see_each_other(self, caller: Caller) -> None:
        identity = (await caller.create())["id"]
        path = f"{PATH}/{identity}"
        caller.credential = mollie.LIVE_KEY
        refused(await caller.raw("GET", path), 404)
        caller.credential = mollie.ORGANISATION_TOKEN
        refused(await caller.raw("GET", path), 404)
        assert (await caller.raw("GET", f"{path}?testmode=true")).json()["mode"] == "test"
        refused(await caller.raw("DELETE", path), 404)
        assert (await caller.raw("DELETE", path, {"testmode": True})).status_code == 204

    async def test_an_api_key_sees_only_its_own_profile(self, caller: Caller) -> None:
        caller.credential = mollie.ORGANISATION_TOKEN
        made = await caller.create(profileId=mollie.OTHER_PROFILE, testmode=True)
        caller.credential = mollie.TEST_KEY
        refused(await caller.raw("GET", f"{PATH}/{made['id']}"), 404)
        assert (await caller.raw("GET", PATH)).json()["count"] == 0

    async def test_a_body_is_json_and_says_so(self, caller: Caller) -> None:
        headers = {"Authorization": f"Bearer {mollie.TEST_KEY}", "Content-Type": "text/plain"}
        plain = await caller.http.post(PATH, headers=headers, content=json.dumps(BODY))
        refused(plain, 415)
        headers["Content-Type"] = "application/json"
        for content in (b'{"lines": [', b"[]"):
            refused(await caller.http.post(PATH, headers=headers, content=content), 400)
        assert refused(await caller.http.post(PATH, headers=headers, content=b"")) == "status"

    async def test_what_no_route_answers_is_a_problem_too(self, caller: Caller) -> None:
        refused(await caller.raw("GET", "/v2/nothing"), 404)
        refused(await caller.raw("PUT", PATH, {}), 405)

    async def test_no_secret_is_kept_in_the_record_of_calls(self, caller: Caller) -> None:
        await caller.create()
        record = str([call.described() for call in caller.stand_in.calls.all])
        assert mollie.TEST_KEY not in record
        assert RECIPIENT["email"] not in record


class TestCreating:
    async def test_a_draft_has_an_id_and_no_number(self, caller: Caller) -> None:
        response = await caller.post()
        assert response.headers["content-type"] == "application/hal+json"
        draft = response.json()
        assert draft["id"].startswith("invoice_")
        assert (draft["resource"], draft["status"], draft["mode"]) == (
            "sales-invoice",
            "draft",
            "test",
        )
        assert [draft[n] for n in ("invoiceNumber", "issuedAt", "paidAt", "dueAt")] == [None] * 4
        assert (draft["paymentTerm"], draft["vatScheme"], draft["vatMode"]) == (
            "30 days",
            "standard",
            "exclusive",
        )
        assert draft["metadata"] == {"reference": "INV-1"}
        assert {*draft["_links"]} == {"self", "documentation"}
        assert caller.stand_in.ledger.live("INV-1") == (draft["id"],)
        assert caller.stand_in.ledger.effects("INV-1") == ["created"]
        assert caller.stand_in.calls.of("create")[0].reference == "INV-1"

    async def test_the_links_lead_back_to_where_it_is_served(self, caller: Caller) -> None:
        draft = await caller.create()
        again = await caller.raw("GET", draft["_links"]["self"]["href"])
        assert again.json() == draft

    async def test_the_locale_is_written_and_never_shown(self, caller: Caller) -> None:
        assert "locale" not in (await caller.create())["recipient"]

    async def test_issued_at_once_it_has_a_number_and_is_sent(self, caller: Caller) -> None:
        made = await caller.create(**ISSUED, paymentTerm="14 days")
        assert (made["status"], made["invoiceNumber"]) == ("issued", "INV-0000001")
        assert made["dueAt"] > made["issuedAt"]
        assert {"invoicePayment", "pdfLink"} < {*made["_links"]}
        assert caller.stand_in.ledger.effects("INV-1") == ["created", "approved", "sent"]
        entry = caller.stand_in.ledger.of("INV-1")[1]
        assert (entry.number, entry.gross) == ("INV-0000001", Decimal("107.69"))

    async def test_paid_at_once_is_settled_by_what_was_received(self, caller: Caller) -> None:
        made = await caller.create(status="paid", paymentDetails=BY_HAND)
        assert (made["status"], made["amountDue"]["value"]) == ("paid", "0.00")
        assert made["paymentDetails"] == [BY_HAND]
        assert made["paidAt"] is not None
        assert caller.stand_in.ledger.effects("INV-1") == ["created", "approved", "paid"]

    async def test_a_recurring_payment_is_pending_until_it_is_collected(
        self, caller: Caller
    ) -> None:
        made = await caller.create(**COLLECTED)
        assert (made["status"], made["amountDue"]["value"]) == ("pending-payment", "107.69")
        with pytest.raises(ValueError, match="pending-payment"):
            caller.stand_in.pay("INV-1")
        caller.stand_in.finish("INV-1")
        assert (await caller.read(made["id"]))["status"] == "paid"

    @pytest.mark.parametrize("name", ["status", "recipientIdentifier", "recipient", "lines"])
    async def test_what_is_required_is_named(self, caller: Caller, name: str) -> None:
        assert refused(await caller.raw("POST", PATH, without(BODY, name))) == name
        assert refused(await caller.post(**{name: None})) == name
        assert caller.stand_in.ledger.entries == ()

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"status": "cancelled"}, "status"),
            ({"invoiceNumber": "2026-1"}, "invoiceNumber"),
            ({"status": "issued"}, "emailDetails"),
            ({**ISSUED, "emailDetails": {"subject": "No body"}}, "emailDetails.body"),
            ({"status": "paid"}, "paymentDetails"),
            ({"paymentDetails": {"source": "cash"}}, "paymentDetails.source"),
            ({"paymentDetails": {"source": "payment"}}, "paymentDetails.sourceReference"),
            ({"customerId": mollie.CUSTOMER, "mandateId": mollie.MANDATE}, "customerId"),
            ({"status": "paid", "customerId": mollie.CUSTOMER}, "mandateId"),
            ({"status": "paid", "mandateId": mollie.MANDATE}, "customerId"),
            ({**COLLECTED, "mandateId": "mdt_nobodys"}, "mandateId"),
            ({"paymentTerm": "31 days"}, "paymentTerm"),
            ({"vatScheme": "one-stop-shop"}, "vatScheme"),
            ({"vatMode": "none"}, "vatMode"),
            ({"isEInvoice": "yes"}, "isEInvoice"),
            ({"isEInvoice": True, "recipient": RECIPIENT | {"country": "FR"}}, "isEInvoice"),
            ({"metadata": "INV-1"}, "metadata"),
            ({"metadata": {"note": "x" * 1100}}, "metadata"),
            ({"discount": {"type": "amount"}}, "discount.value"),
            ({"discount": off("89.01")}, "discount.value"),
            ({"discount": off("100.01", "percentage")}, "discount.value"),
        ],
    )
    async def test_a_wrong_header_names_its_field(
        self, caller: Caller, changes: dict[str, Any], field: str
    ) -> None:
        assert refused(await caller.post(**changes)) == field
        assert caller.stand_in.ledger.entries == ()

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"description": "x" * 101}, "description"),
            ({"quantity": 0}, "quantity"),
            ({"quantity": 1.5}, "quantity"),
            ({"quantity": "1"}, "quantity"),
            ({"vatRate": 21}, "vatRate"),
            ({"vatRate": "21 %"}, "vatRate"),
            ({"unitPrice": "89.00"}, "unitPrice"),
            ({"unitPrice": {"currency": "EUR", "value": 89}}, "unitPrice.value"),
            ({"unitPrice": {"currency": "EUR", "value": "89"}}, "unitPrice.value"),
            ({"unitPrice": {"currency": "EUR", "value": "0.125"}}, "unitPrice.value"),
            ({"unitPrice": {"currency": "JPY", "value": "89.00"}}, "unitPrice.value"),
            ({"unitPrice": {"currency": "eur", "value": "89.00"}}, "unitPrice.currency"),
            ({"unitPrice": {"currency": "USD", "value": "89.00"}}, "unitPrice.currency"),
            ({"discount": off("89.01")}, "discount.value"),
            ({"sku": "S-1"}, "sku"),
        ],
    )
    async def test_a_wrong_line_names_its_place(
        self, caller: Caller, changes: dict[str, Any], field: str
    ) -> None:
        response = await caller.post(lines=[LINE, line(**changes)])
        assert refused(response) == f"lines.1.{field}"

    async def test_there_is_at_least_one_line(self, caller: Caller) -> None:
        assert refused(await caller.post(lines=[])) == "lines"

    @pytest.mark.parametrize(
        ("recipient", "field"),
        [
            (without(RECIPIENT, "locale"), "locale"),
            (without(RECIPIENT, "email"), "email"),
            (RECIPIENT | {"email": "billing@canäry.example.com"}, "email"),
            (RECIPIENT | {"country": "Netherlands"}, "country"),
            (RECIPIENT | {"locale": "xx_XX"}, "locale"),
            (without(RECIPIENT, "organizationName"), "organizationName"),
            (without(RECIPIENT, "vatNumber"), "vatNumber"),
            (without(CONSUMER, "familyName"), "familyName"),
            (CONSUMER | {"givenName": "E"}, "givenName"),
            (CONSUMER | {"givenName": "123"}, "givenName"),
        ],
    )
    async def test_a_wrong_recipient_names_its_field(
        self, caller: Caller, recipient: dict[str, Any], field: str
    ) -> None:
        assert refused(await caller.post(recipient=recipient)) == f"recipient.{field}"

    async def test_what_the_sources_disagree_about_is_a_setting(self, caller: Caller) -> None:
        caller.stand_in.assumed.email_required = caller.stand_in.assumed.locale_required = False
        caller.stand_in.assumed.one_stop_shop = True
        made = await caller.create(
            status="issued", vatScheme="one-stop-shop", recipient=without(CONSUMER, "locale")
        )
        assert made["status"] == "issued"
        assert caller.stand_in.ledger.effects("INV-1") == ["created", "approved"]

    async def test_the_reference_may_have_any_name_if_it_is_the_only_text(
        self, caller: Caller
    ) -> None:
        await caller.create(metadata={"order": "INV-7", "attempt": 1})
        assert caller.stand_in.ledger.effects("INV-7") == ["created"]
        caller.stand_in.assumed.reference_key = "ours"
        await caller.create(metadata={"ours": "INV-8", "reference": "theirs"})
        assert caller.stand_in.ledger.effects("INV-8") == ["created"]


class TestAddingUp:
    """Expected amounts were worked out by hand."""

    async def test_the_example_of_the_documentation(self, caller: Caller) -> None:
        made = await caller.create()
        assert sums(made) == ("89.00", "89.00", "18.69", "107.69")
        assert made["amountDue"] == {"currency": "EUR", "value": "107.69"}

    @pytest.mark.parametrize(
        ("rounding", "vat", "total"), [("rate", "0.32", "1.82"), ("line", "0.33", "1.83")]
    )
    async def test_vat_is_rounded_per_rate_or_per_line(
        self, caller: Caller, rounding: Any, vat: str, total: str
    ) -> None:
        caller.stand_in.assumed.vat_rounding = rounding
        made = await caller.create(lines=[priced("0.50")] * 3)
        assert sums(made) == ("1.50", "1.50", vat, total)

    @pytest.mark.parametrize(
        ("lines", "discount", "expected"),
        [
            ([priced("33.33", quantity=3)], None, ("99.99", "99.99", "21.00", "120.99")),
            ([priced("100.00", "0.00")], None, ("100.00", "100.00", "0.00", "100.00")),
            ([priced("0.00")], None, ("0.00", "0.00", "0.00", "0.00")),
            (
                [priced("100.00", discount=off("10.00"))],
                None,
                ("100.00", "90.00", "18.90", "108.90"),
            ),
            (
                [priced("10.01", discount=off("5.00", "percentage"))],
                None,
                ("10.01", "9.51", "2.00", "11.51"),
            ),
            # 10.00 off 100 at 21 % and 50 at 9 %: 6.67 from the first, 3.33 from the second.
            (
                [priced("100.00"), priced("50.00", "9.00")],
                off("10.00"),
                ("150.00", "140.00", "23.80", "163.80"),
            ),
            # Three shares of 3.33 would leave a cent over.
            ([priced("10.00")] * 3, off("10.00"), ("30.00", "20.00", "4.20", "24.20")),
            # The invoice's discount comes after the line's: 10 % of 90, not of 100.
            (
                [priced("100.00", discount=off("10.00"))],
                off("10", "percentage"),
                ("100.00", "81.00", "17.01", "98.01"),
            ),
            ([priced("10.00")], off("100", "percentage"), ("10.00", "0.00", "0.00", "0.00")),
        ],
    )
    async def test_discounts_come_before_vat(
        self, caller: Caller, lines: Any, discount: Any, expected: tuple[str, ...]
    ) -> None:
        made = await caller.create(lines=lines, discount=discount)
        assert sums(made) == expected

    async def test_inclusive_prices_contain_their_vat(self, caller: Caller) -> None:
        made = await caller.create(
            vatMode="inclusive", lines=[priced("121.00"), priced("10.90", "9.00")], discount=None
        )
        assert sums(made) == ("110.00", "110.00", "21.90", "131.90")
        cheaper = await caller.create(
            vatMode="inclusive", lines=[priced("121.00", discount=off("21.00"))]
        )
        assert sums(cheaper) == ("100.00", "82.64", "17.36", "100.00")

    async def test_a_currency_without_cents_has_none(self, caller: Caller) -> None:
        yen = line(unitPrice={"currency": "JPY", "value": "999"}, vatRate="10.00")
        made = await caller.create(lines=[yen])
        assert sums(made) == ("999", "999", "100", "1099")


class TestFinding:
    async def test_the_list_is_newest_first_in_pages_that_link(self, caller: Caller) -> None:
        made = [(await caller.create())["id"] for _ in range(5)]
        first = (await caller.raw("GET", f"{PATH}?limit=2")).json()
        second = (await caller.raw("GET", first["_links"]["next"]["href"])).json()
        last = (await caller.raw("GET", second["_links"]["next"]["href"])).json()
        pages = [
            [one["id"] for one in page["_embedded"]["sales_invoices"]]
            for page in (first, second, last)
        ]
        newest = made[::-1]
        assert pages == [newest[:2], newest[2:4], newest[4:]]
        assert [page["count"] for page in (first, second, last)] == [2, 2, 1]
        assert (first["_links"]["previous"], last["_links"]["next"]) == (None, None)
        back = (await caller.raw("GET", last["_links"]["previous"]["href"])).json()
        assert [one["id"] for one in back["_embedded"]["sales_invoices"]] == newest[2:4]
        assert caller.stand_in.calls.count("find") == 4

    async def test_fifty_are_listed_unless_said_otherwise(self, caller: Caller) -> None:
        for _ in range(51):
            await caller.create()
        assert (await caller.raw("GET", PATH)).json()["count"] == 50
        assert (await caller.raw("GET", f"{PATH}?limit=250")).json()["count"] == 51

    async def test_the_order_is_a_setting(self, caller: Caller) -> None:
        caller.stand_in.assumed.newest_first = False
        made = [(await caller.create())["id"] for _ in range(2)]
        listed = (await caller.raw("GET", PATH)).json()["_embedded"]["sales_invoices"]
        assert [one["id"] for one in listed] == made

    @pytest.mark.parametrize(
        ("query", "status", "field"),
        [
            ("limit=0", 400, "limit"),
            ("limit=251", 400, "limit"),
            ("limit=many", 400, "limit"),
            ("from=invoice_nowhere", 400, "from"),
            ("recipientIdentifier=customer-1", 422, "recipientIdentifier"),
        ],
    )
    async def test_there_is_no_other_way_to_search(
        self, caller: Caller, query: str, status: int, field: str
    ) -> None:
        assert refused(await caller.raw("GET", f"{PATH}?{query}"), status) == field

    async def test_an_organisation_in_test_mode_stays_in_it_from_page_to_page(
        self, caller: Caller
    ) -> None:
        for _ in range(2):
            await caller.create()
        caller.credential = mollie.ORGANISATION_TOKEN
        assert (await caller.raw("GET", PATH)).json()["count"] == 0
        page = (await caller.raw("GET", f"{PATH}?limit=1&testmode=true")).json()
        assert (await caller.raw("GET", page["_links"]["next"]["href"])).json()["count"] == 1


class TestChanging:
    async def test_a_draft_can_be_changed_and_is_added_up_again(self, caller: Caller) -> None:
        identity = (await caller.create(memo="Old"))["id"]
        changed = (await caller.patch(identity, memo=None, lines=[priced("10.00")])).json()
        assert (changed["memo"], changed["totalAmount"]["value"]) == (None, "12.10")
        assert (await caller.read(identity)) == changed
        assert caller.stand_in.calls.count("update") == 1
        assert caller.stand_in.ledger.effects("INV-1") == ["created"]

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"metadata": {}}, "metadata"),
            ({"vatMode": "inclusive"}, "vatMode"),
            ({"status": "overdue"}, "status"),
            ({"discount": off("89.01")}, "discount.value"),
            ({"status": "issued"}, "emailDetails"),
            ({"status": "paid"}, "paymentDetails"),
            ({"status": "cancelled"}, "status"),
        ],
    )
    async def test_a_wrong_change_of_a_draft_changes_nothing(
        self, caller: Caller, changes: dict[str, Any], field: str
    ) -> None:
        draft = await caller.create()
        assert refused(await caller.patch(draft["id"], **changes)) == field
        assert await caller.read(draft["id"]) == draft

    async def test_issuing_is_one_step_with_a_number_and_an_email(self, caller: Caller) -> None:
        identity = (await caller.create())["id"]
        issued = (await caller.patch(identity, **ISSUED)).json()
        assert (issued["status"], issued["invoiceNumber"]) == ("issued", "INV-0000001")
        assert caller.stand_in.ledger.effects("INV-1") == ["created", "approved", "sent"]
        assert caller.stand_in.calls.count("approve") == 1

    async def test_issuing_twice_is_refused(self, caller: Caller) -> None:
        identity = await caller.issued()
        assert refused(await caller.patch(identity, **ISSUED)) == "status"
        assert caller.stand_in.ledger.effects("INV-1").count("sent") == 1

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"memo": "Late"}, "memo"),
            ({"isEInvoice": True}, "isEInvoice"),
            ({"status": "draft"}, "status"),
            ({"emailDetails": EMAIL}, "emailDetails"),
            ({"status": "paid", "paymentDetails": BY_HAND, "memo": "Late"}, "memo"),
        ],
    )
    async def test_an_issued_invoice_is_frozen(
        self, caller: Caller, changes: dict[str, Any], field: str
    ) -> None:
        identity = await caller.issued()
        before = await caller.read(identity)
        assert refused(await caller.patch(identity, **changes)) == field
        assert await caller.read(identity) == before

    async def test_marking_as_paid_needs_to_know_how(self, caller: Caller) -> None:
        identity = await caller.issued()
        assert refused(await caller.patch(identity, status="paid")) == "paymentDetails"
        paid = (await caller.patch(identity, status="paid", paymentDetails=BY_HAND)).json()
        assert (paid["status"], paid["paymentDetails"]) == ("paid", [BY_HAND])
        assert caller.stand_in.calls.count("pay") == 2
        assert caller.stand_in.ledger.effects("INV-1") == ["created", "approved", "sent", "paid"]

    async def test_a_paid_invoice_can_be_sent_later_and_once(self, caller: Caller) -> None:
        made = await caller.create(status="paid", paymentDetails=BY_HAND)
        for _ in range(2):
            assert (await caller.patch(made["id"], emailDetails=EMAIL)).status_code == 200
        assert caller.stand_in.ledger.effects("INV-1") == ["created", "approved", "paid", "sent"]

    async def test_what_was_issued_unsent_can_be_sent_when_it_is_paid(self, caller: Caller) -> None:
        caller.stand_in.assumed.email_required = False
        made = await caller.create(status="issued")
        await caller.patch(made["id"], status="paid", paymentDetails=BY_HAND, emailDetails=EMAIL)
        assert caller.stand_in.ledger.effects("INV-1") == ["created", "approved", "sent", "paid"]

    @pytest.mark.parametrize("overdue", [False, True])
    async def test_cancelling_credits_what_was_issued(self, caller: Caller, overdue: bool) -> None:
        identity = await caller.issued()
        if overdue:
            caller.stand_in.overdue("INV-1")
        gone = (await caller.patch(identity, status="cancelled")).json()
        assert (gone["status"], gone["amountDue"]["value"]) == ("cancelled", "0.00")
        assert caller.stand_in.ledger.live("INV-1") == ()
        assert caller.stand_in.ledger.effects("INV-1")[-1] == "credited"
        for status in ("cancelled", "issued", "paid"):
            again = await caller.patch(identity, status=status)
            assert refused(again) == "status"

    async def test_from_which_states_it_can_be_cancelled_is_a_setting(self, caller: Caller) -> None:
        identity = await caller.issued()
        caller.stand_in.pay("INV-1")
        assert refused(await caller.patch(identity, status="cancelled")) == "status"
        caller.stand_in.assumed.cancels_from = ("paid",)
        assert (await caller.patch(identity, status="cancelled")).status_code == 200

    async def test_a_draft_can_be_deleted_once(self, caller: Caller) -> None:
        path = f"{PATH}/{(await caller.create())['id']}"
        response = await caller.raw("DELETE", path)
        assert (response.status_code, response.content) == (204, b"")
        refused(await caller.raw("DELETE", path), 404)
        refused(await caller.raw("GET", path), 404)
        assert caller.stand_in.ledger.effects("INV-1") == ["created", "deleted"]

    async def test_an_issued_invoice_cannot_be_deleted(self, caller: Caller) -> None:
        identity = await caller.issued()
        assert refused(await caller.raw("DELETE", f"{PATH}/{identity}")) is None
        assert caller.stand_in.ledger.live("INV-1") == (identity,)


class TestPaying:
    async def test_what_is_paid_in_parts_is_paid_in_the_end(self, caller: Caller) -> None:
        identity = await caller.issued()
        caller.stand_in.pay("INV-1", Decimal("7.69"))
        partly = await caller.read(identity)
        assert (partly["status"], partly["amountDue"]["value"]) == ("issued", "100.00")
        caller.stand_in.pay("INV-1")
        paid = await caller.read(identity)
        assert (paid["status"], paid["amountDue"]["value"]) == ("paid", "0.00")
        assert caller.stand_in.ledger.effects("INV-1")[2:] == ["sent", "paid"]

    @pytest.mark.parametrize("word", ["payment-reversed", "payment_reversed"])
    async def test_a_payment_taken_back_can_be_paid_again(self, caller: Caller, word: Any) -> None:
        caller.stand_in.assumed.reversed_word = word
        identity = await caller.issued()
        caller.stand_in.pay("INV-1")
        caller.stand_in.charge_back("INV-1")
        open_again = await caller.read(identity)
        assert (open_again["status"], open_again["amountDue"]["value"]) == (word, "107.69")
        assert open_again["paidAt"] is None
        again = await caller.patch(identity, status="paid", paymentDetails=BY_HAND)
        assert again.json()["status"] == "paid"
        assert caller.stand_in.ledger.effects("INV-1")[3:] == ["paid", "reversed", "paid"]

    async def test_an_overdue_invoice_can_still_be_paid(self, caller: Caller) -> None:
        await caller.issued()
        caller.stand_in.overdue("INV-1")
        assert caller.stand_in.invoice("INV-1")["status"] == "overdue"
        caller.stand_in.pay("INV-1")
        assert caller.stand_in.invoice("INV-1")["status"] == "paid"

    async def test_a_draft_can_be_neither_paid_nor_late(self, caller: Caller) -> None:
        await caller.create()
        for lever in (caller.stand_in.pay, caller.stand_in.charge_back, caller.stand_in.overdue):
            with pytest.raises(ValueError, match="draft"):
                lever("INV-1")
        with pytest.raises(LookupError):
            caller.stand_in.pay("INV-2")

    async def test_another_process_can_pay(self, caller: Caller) -> None:
        await caller.issued()
        paid = await caller.http.post("/_sandbox/pay", json={"reference": "INV-1"})
        assert paid.json()["effects"][-1] == "paid"

    @pytest.mark.parametrize("word", ["cancelled", "canceled"])
    async def test_both_spellings_of_cancelled_can_be_answered(
        self, caller: Caller, word: Any
    ) -> None:
        caller.stand_in.assumed.cancelled_word = word
        identity = await caller.issued()
        assert (await caller.patch(identity, status="cancelled")).json()["status"] == word
        assert refused(await caller.patch(identity, status="canceled")) == "status"


async def test_what_the_document_does_not_let_be_null_is_absent(caller: Caller) -> None:
    made = await caller.create()
    assert {"customerId", "mandateId", "eInvoiceStatus"}.isdisjoint(made)
    collected = await caller.create(**COLLECTED, emailDetails=EMAIL)
    assert {"customerId", "mandateId"} <= {*collected}


class TestElectronicInvoices:
    async def test_it_is_issuing_until_it_is_delivered(self, caller: Caller) -> None:
        made = await caller.create(**E_INVOICE)
        assert (made["status"], made["eInvoiceStatus"]) == ("issuing", "issuing")
        assert made["invoiceNumber"] == "INV-0000001"
        assert refused(await caller.patch(made["id"], status="cancelled")) == "status"
        assert caller.stand_in.ledger.effects("INV-1") == ["created", "approved"]
        caller.stand_in.finish("INV-1")
        after = await caller.read(made["id"])
        assert (after["status"], after["eInvoiceStatus"]) == ("issued", "issued")
        assert caller.stand_in.ledger.effects("INV-1") == ["created", "approved", "sent"]

    async def test_a_failed_delivery_is_final(self, caller: Caller) -> None:
        caller.stand_in.faults.place("create", "e_invoice_failed")
        made = await caller.create(**E_INVOICE)
        caller.stand_in.finish("INV-1")
        after = await caller.read(made["id"])
        assert (after["status"], after["eInvoiceStatus"]) == ("failed", "failed")
        assert refused(await caller.patch(made["id"], status="cancelled")) == "status"
        with pytest.raises(ValueError, match="failed"):
            caller.stand_in.pay("INV-1")
        assert "sent" not in caller.stand_in.ledger.effects("INV-1")

    async def test_an_email_beside_it_is_no_second_sending(self, caller: Caller) -> None:
        await caller.create(**E_INVOICE, emailDetails=EMAIL)
        caller.stand_in.finish("INV-1")
        assert caller.stand_in.ledger.effects("INV-1") == ["created", "approved", "sent"]

    async def test_the_second_axis_may_stand_alone(self, caller: Caller) -> None:
        caller.stand_in.assumed.e_invoice_in_status = False
        made = await caller.create(**E_INVOICE)
        assert (made["status"], made["eInvoiceStatus"]) == ("issued", "issuing")

    async def test_it_ends_by_itself_after_its_delay(self, caller: Caller) -> None:
        caller.stand_in.assumed.e_invoice_delay = 0.01
        await caller.create(**E_INVOICE)
        await caller.stand_in.ledger.reached("sent", "INV-1")
        caller.stand_in.finish("INV-1")
        assert caller.stand_in.ledger.effects("INV-1").count("sent") == 1

    async def test_others_have_no_such_status(self, caller: Caller) -> None:
        assert "eInvoiceStatus" not in await caller.create(**ISSUED)


class TestIdempotency:
    async def test_the_same_key_is_answered_the_same_and_says_so(self, caller: Caller) -> None:
        first, second = [await caller.post(key="k-1") for _ in range(2)]
        assert "idempotent-replayed" not in first.headers
        assert second.headers["idempotent-replayed"] == "true"
        assert (first.status_code, first.content) == (second.status_code, second.content)
        assert second.headers["content-type"] == "application/hal+json"
        assert len(caller.stand_in.ledger.live("INV-1")) == 1
        assert caller.stand_in.calls.of("create")[1].reference == "INV-1"

    async def test_a_replay_shows_what_was_not_what_is(self, caller: Caller) -> None:
        draft = (await caller.post(key="k-1")).json()
        await caller.raw("DELETE", f"{PATH}/{draft['id']}")
        assert (await caller.post(key="k-1")).json() == draft
        assert caller.stand_in.ledger.live("INV-1") == ()

    async def test_the_same_key_with_another_body_is_refused(self, caller: Caller) -> None:
        await caller.post(key="k-1")
        refused(await caller.post(key="k-1", memo="Other"), 400)
        assert len(caller.stand_in.ledger.live("INV-1")) == 1

    async def test_the_order_of_the_fields_makes_no_other_body(self, caller: Caller) -> None:
        await caller.post(key="k-1")
        turned = dict(reversed(BODY.items()))
        again = await caller.raw("POST", PATH, turned, Idempotency_Key="k-1")
        assert again.headers["idempotent-replayed"] == "true"

    @pytest.mark.parametrize("when", ["before", "after"])
    async def test_a_key_that_is_under_way_is_a_conflict(self, caller: Caller, when: Any) -> None:
        gate = caller.stand_in.faults.place("create", "gate", when=when)
        first = asyncio.create_task(caller.post(key="k-1"))
        await gate.reached()
        refused(await caller.post(key="k-1"), 409)
        assert (await caller.post(key="k-2")).status_code == 201
        gate.release()
        assert (await first).status_code == 201
        assert (await caller.post(key="k-1")).headers["idempotent-replayed"] == "true"
        assert len(caller.stand_in.ledger.live("INV-1")) == 2

    @pytest.mark.parametrize("fault", ["reset", "time_out", "503", "not_json", "truncated"])
    async def test_an_answer_that_was_lost_is_had_again(self, caller: Caller, fault: str) -> None:
        caller.stand_in.faults.place("create", fault, when="after", seconds=0.05)
        with contextlib.suppress(httpx.TransportError):
            await caller.post(key="k-1")
        again = await caller.post(key="k-1")
        assert again.headers["idempotent-replayed"] == "true"
        assert caller.stand_in.ledger.live("INV-1") == (again.json()["id"],)

    async def test_a_call_that_did_nothing_leaves_its_key_free(self, caller: Caller) -> None:
        caller.stand_in.faults.place("create", "503")
        assert (await caller.post(key="k-1")).status_code == 503
        again = await caller.post(key="k-1")
        assert again.status_code == 201
        assert "idempotent-replayed" not in again.headers

    async def test_a_refusal_leaves_its_key_free(self, caller: Caller) -> None:
        refused(await caller.post(key="k-1", lines=[]))
        assert (await caller.post(key="k-1")).status_code == 201

    @pytest.mark.parametrize("how", ["lifetime", "lever"])
    async def test_after_the_hour_the_same_key_makes_a_second_invoice(
        self, caller: Caller, how: str
    ) -> None:
        await caller.post(key="k-1")
        if how == "lifetime":
            caller.stand_in.assumed.key_lifetime = 0
        else:
            caller.stand_in.keys.clear()
        assert "idempotent-replayed" not in (await caller.post(key="k-1")).headers
        assert len(caller.stand_in.ledger.live("INV-1")) == 2

    async def test_a_key_belongs_to_the_credential(self, caller: Caller) -> None:
        await caller.post(key="k-1")
        caller.credential = mollie.LIVE_KEY
        assert (await caller.post(key="k-1")).json()["mode"] == "live"

    async def test_only_a_post_heeds_a_key(self, caller: Caller) -> None:
        identity = (await caller.create())["id"]
        path = f"{PATH}/{identity}"
        for memo in ("One", "Two"):
            response = await caller.raw("PATCH", path, {"memo": memo}, Idempotency_Key="k-1")
            assert response.json()["memo"] == memo
        assert (await caller.raw("DELETE", path, Idempotency_Key="k-1")).status_code == 204
        refused(await caller.raw("DELETE", path, Idempotency_Key="k-1"), 404)


class TestItsOwnFaults:
    @pytest.mark.parametrize(("when", "effects"), [("before", []), ("after", ["created"])])
    async def test_a_suspended_account_names_no_field(
        self, caller: Caller, when: Any, effects: list[str]
    ) -> None:
        caller.stand_in.faults.place("create", "problem", when=when)
        assert refused(await caller.post()) is None
        assert caller.stand_in.ledger.effects("INV-1") == effects

    async def test_a_problem_of_any_status(self, caller: Caller) -> None:
        caller.stand_in.faults.place("read", "problem", key="410")
        refused(await caller.raw("GET", f"{PATH}/{(await caller.create())['id']}"), 410)

    async def test_a_status_nobody_documented_for_some_reads(self, caller: Caller) -> None:
        identity = (await caller.create())["id"]
        caller.stand_in.faults.place("read", "unknown_status", times=2)
        words = [(await caller.read(identity))["status"] for _ in range(3)]
        assert words == ["in-review", "in-review", "draft"]

    async def test_issued_without_a_number_for_one_read(self, caller: Caller) -> None:
        identity = await caller.issued()
        caller.stand_in.faults.place("read", "issued_without_number")
        shown = [(await caller.read(identity))["invoiceNumber"] for _ in range(2)]
        assert shown == [None, "INV-0000001"]

    @pytest.mark.parametrize("step", ["create", "approve"])
    async def test_issued_without_a_number_for_good(self, caller: Caller, step: str) -> None:
        caller.stand_in.faults.place(step, "issued_without_number")
        if step == "create":
            identity = await caller.issued()
        else:
            identity = (await caller.create())["id"]
            await caller.patch(identity, **ISSUED)
        shown = await caller.read(identity)
        assert (shown["status"], shown["invoiceNumber"]) == ("issued", None)

    async def test_a_failed_e_invoice_for_one_read(self, caller: Caller) -> None:
        made = await caller.create(**E_INVOICE)
        caller.stand_in.faults.place("read", "e_invoice_failed")
        words = [(await caller.read(made["id"]))["eInvoiceStatus"] for _ in range(2)]
        assert words == ["failed", "issuing"]

    async def test_an_amount_stored_one_cent_off(self, caller: Caller) -> None:
        caller.stand_in.faults.place("create", "changed_amount")
        identity = (await caller.create())["id"]
        assert sums(await caller.read(identity)) == ("89.01", "89.01", "18.69", "107.70")
        assert caller.stand_in.ledger.of("INV-1")[0].gross == Decimal("107.70")

    async def test_an_amount_shown_one_cent_off(self, caller: Caller) -> None:
        identity = (await caller.create())["id"]
        caller.stand_in.faults.place("read", "changed_amount", key="-0.01")
        shown = [(await caller.read(identity))["totalAmount"]["value"] for _ in range(2)]
        assert shown == ["107.68", "107.69"]

    async def test_a_fault_is_placed_by_what_a_patch_asks_for(self, caller: Caller) -> None:
        identity = (await caller.create())["id"]
        caller.stand_in.faults.place("approve", "503", when="after")
        assert (await caller.patch(identity, memo="Fine")).status_code == 200
        assert (await caller.patch(identity, **ISSUED)).status_code == 503
        assert (await caller.read(identity))["status"] == "issued"


async def test_whatever_chance_breaks_the_ledger_tells_what_happened() -> None:
    plan = Faults.drawn(3, ["create"], faults=("reset", "500", "429"), share=1.0, calls=6)
    stored = sum(placed.when == "after" for placed in plan)
    async with (
        serve(mollie.MollieStandIn(faults=plan)) as stand_in,
        httpx.AsyncClient(base_url=stand_in.url, verify=NO_TLS) as http,
    ):
        caller = Caller(stand_in, http)
        for _ in range(6):
            try:
                assert (await caller.post()).status_code >= 400
            except httpx.ReadError:
                continue
        assert len(stand_in.ledger.live("INV-1")) == stored


async def test_reset_forgets_invoices_numbers_and_keys(caller: Caller) -> None:
    await caller.post(key="k-1", **ISSUED)
    caller.stand_in.reset()
    assert caller.stand_in.ledger.entries == ()
    again = await caller.post(key="k-1", **ISSUED)
    assert "idempotent-replayed" not in again.headers
    assert again.json()["invoiceNumber"] == "INV-0000001"


async def test_on_its_own_it_prints_its_url_and_ends_when_told() -> None:
    async with (
        stand_in_alone("sandbox.mollie", "--e-invoice-delay", "0") as url,
        httpx.AsyncClient(base_url=url, verify=NO_TLS) as http,
    ):
        assert (await http.get("/_sandbox/ledger")).json() == {"entries": []}

"""The stand-in for Riverty over real HTTP: two stages, and everything told by notification."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
from collections.abc import AsyncIterator, Mapping
from decimal import Decimal
from typing import Any

import httpx
import pytest
import pytest_asyncio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox import riverty
from sandbox.kit.faults import Faults
from sandbox.kit.server import serve
from sandbox.kit.wire import Listener
from sandbox.riverty import words as riverty_words
from sandbox.riverty.words import EDI
from tests.child import stand_in_alone
from tests.tls import NO_TLS

ORDERS = "/accounting/v1/businesses/1000/customers/CUSTOMER1/orders"
CALLBACKS = "/administration/v1/notification-callbacks"
ADDRESS: dict[str, Any] = {
    "lastName": "Canary Energy BV",
    "street": "Example Street",
    "streetNumber": "1",
    "postalCode": "1000 AA",
    "postalPlace": "Exampletown",
    "countryCode": "NL",
    "language": "nl",
    "email": "billing@canary.example.com",
}
METER: dict[str, Any] = {
    "orderItemReference": 1,
    "description": "Heat meter",
    "grossUnitPrice": 107.69,
    "quantity": 1,
    "vatAmount": 18.69,
    "vatPercent": 21,
    "vatType": "NORMAL",
    "positionType": "SALES_ARTICLE",
}
TRAVEL = METER | {
    "orderItemReference": 2,
    "description": "Travel",
    "grossUnitPrice": 15.13,
    "quantity": 2,
    "vatAmount": 2.63,
}
ORDER: dict[str, Any] = {
    "orderReference": "ORD1",
    "currency": "EUR",
    "orderChannel": "ECOM",
    "orderDate": "2026-06-30",
    "orderType": "PHYSICAL_GOODS",
    "supplyingCountry": "NL",
    "vatDeclarationCountry": "NL",
    "processAfterDunning": "HAND_OVER_FOR_DEBT_COLLECTION",
    "billToAddress": ADDRESS,
    "items": [METER, TRAVEL],
}
INVOICE: dict[str, Any] = {
    "carrier": "DHL",
    "dispatchDate": "2026-06-30",
    "dueDate": "2026-07-30",
    "invoiceDate": "2026-06-30",
    "invoiceReference": "INV-1",
    "shipmentReference": "SHIP-1",
    "trackingCode": "sample-tracking-code",
    "items": [{"orderItemReference": 1}, {"orderItemReference": 2}],
}
CANCELLATION: dict[str, Any] = {
    "cancellationDate": "2026-06-30",
    "cancellationReason": "OUT_OF_STOCK",
    "items": [{"orderItemReference": 1}, {"orderItemReference": 2}],
}
_VALUES = ("orderItemReference", "grossUnitPrice", "quantity", "vatAmount", "vatPercent", "vatType")
CAME_BACK = [{name: item[name] for name in _VALUES} for item in (METER, TRAVEL)]
RETURN: dict[str, Any] = {
    "invoiceReference": "INV-1",
    "returnDate": "2026-07-10",
    "returnReason": "CUSTOMER_RETURN",
    "returnReference": "RET-1",
    "items": CAME_BACK,
}
GOODWILL: dict[str, Any] = {
    "invoiceReference": "INV-1",
    "goodwillDate": "2026-07-10",
    "creditDate": "2026-07-10",
    "goodwillReason": "CUSTOMER_COMPLAINT",
    "goodwillReference": "GW-1",
    "items": CAME_BACK,
}
GROSS = Decimal("137.95")


class Caller:
    """A client of the stand-in; `heard` is what its listener was told, as types and contents."""

    def __init__(self, stand_in: riverty.RivertyStandIn, http: httpx.AsyncClient) -> None:
        self.stand_in = stand_in
        self.http = http
        self.key = riverty.PRIMARY_KEY
        self.heard: list[Any] = []
        self.sources: list[tuple[str, Mapping[str, str]]] = []
        stand_in.notices.listener = self.hear

    async def hear(self, body: bytes, headers: Mapping[str, str], source: str) -> None:
        self.sources.append((source, headers))
        self.heard.append(json.loads(body))

    async def post(
        self, path: str, body: Any, changes: dict[str, Any], request: str | None = None
    ) -> httpx.Response:
        headers = {"X-Subscription-Key": self.key}
        headers |= {} if request is None else {"X-Request-ID": request}
        content = json.dumps(body | changes)
        headers["Content-Type"] = "application/json"
        return await self.http.post(path, content=content, headers=headers)

    async def order(self, request: str | None = None, **changes: Any) -> httpx.Response:
        return await self.post(ORDERS, ORDER, changes, request)

    async def about(
        self, word: str, body: Any, order: str = "ORD1", request: str | None = None, **changes: Any
    ) -> httpx.Response:
        return await self.post(f"{ORDERS}/{order}/{word}", body, changes, request)

    async def invoice(self, order: str = "ORD1", **changes: Any) -> httpx.Response:
        return await self.about("invoices", INVOICE, order, **changes)

    async def cancel(self, *lines: int, **changes: Any) -> httpx.Response:
        return await self.about("cancellations", CANCELLATION, items=items(*lines), **changes)

    async def ordered(self, **changes: Any) -> None:
        """An accepted order."""
        assert (await self.order(**changes)).status_code == 200
        reference = changes.get("orderReference", "ORD1")
        self.stand_in.finish(reference)
        assert self.effects(reference) == ["created"]

    async def invoiced(self, *lines: int, **changes: Any) -> None:
        """An accepted order and an accepted invoice of these lines or all, rendered."""
        if not self.effects():
            await self.ordered()
        changes |= {"items": items(*lines)} if lines else {}
        assert (await self.invoice(**changes)).status_code == 200
        self.stand_in.finish(changes.get("invoiceReference", "INV-1"))

    def effects(self, reference: str = "ORD1") -> list[str]:
        return self.stand_in.ledger.effects(reference)

    async def verdicts(self, count: int, reference: str = "ORD1") -> list[Any]:
        """What was said about requests, once there are so many of them."""
        await self.stand_in.notices.delivered(EDI, reference, count)
        return [heard["parameters"] for heard in self.heard if heard["type"] == EDI]

    async def objections(self, count: int, reference: str = "ORD1") -> list[str]:
        """The fields that the latest verdict objects to."""
        details = (await self.verdicts(count, reference))[-1]["details"]
        assert details["result"] == ("ERROR_IN_FILE" if details["errorDetails"] else "OK")
        return [each["fieldName"] for each in details["errorDetails"]]

    async def told(self, kind: str, reference: str = "INV-1", count: int = 1) -> list[Any]:
        """The contents of what was told of this type."""
        kind = f"accounting/{kind}"
        await self.stand_in.notices.delivered(kind, reference, count)
        return [heard for heard in self.heard if heard["type"] == kind]


def items(*lines: int) -> list[dict[str, int]]:
    return [{"orderItemReference": line} for line in lines]


def refused(response: httpx.Response) -> str:
    """The path that a refusal names, after making sure that it is one."""
    problem = response.json()
    assert {*problem} == {"type", "title", "code", "description"}
    assert response.status_code == problem["code"] == 400, response.text
    assert (problem["type"], problem["title"]) == ("RequestBody", "IncorrectMessage")
    path: str = problem["description"].partition("Path:")[2].partition(" Message:")[0]
    return path


def without(body: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in names}


@contextlib.asynccontextmanager
async def calling(**settings: Any) -> AsyncIterator[Caller]:
    """Whatever takes time here never ends by itself: tests end it with `finish`."""
    slow = {"verdict_delay": math.inf, "document_delay": math.inf, **settings}
    async with (
        serve(riverty.RivertyStandIn(**slow)) as stand_in,
        httpx.AsyncClient(base_url=stand_in.url, timeout=2, verify=NO_TLS) as http,
    ):
        yield Caller(stand_in, http)


@pytest_asyncio.fixture
async def caller() -> AsyncIterator[Caller]:
    async with calling() as made:
        yield made


class TestTheGateway:
    @pytest.mark.parametrize("key", ["", "somebody-elses"])
    async def test_a_wrong_key_is_a_500_as_documented(self, caller: Caller, key: str) -> None:
        caller.key = key
        assert (await caller.order()).status_code == 500
        assert (await caller.http.get("/documents/v1/S/x")).status_code == 500

    async def test_both_keys_work_until_they_are_revoked(self, caller: Caller) -> None:
        caller.stand_in.revoke(riverty.PRIMARY_KEY)
        assert (await caller.order()).status_code == 500
        caller.key = riverty.SECONDARY_KEY
        assert (await caller.order()).status_code == 200

    async def test_taken_means_received_and_nothing_more(self, caller: Caller) -> None:
        response = await caller.order()
        assert {*response.json()} == {"internalRequestId"}
        assert caller.effects() == []
        with pytest.raises(LookupError):
            caller.stand_in.order("ORD1")

    async def test_a_body_is_json_and_says_so(self, caller: Caller) -> None:
        headers = {"X-Subscription-Key": caller.key}
        plain = await caller.http.post(ORDERS, content=json.dumps(ORDER), headers=headers)
        assert refused(plain) == ""
        headers["Content-Type"] = "application/json"
        for content in (b'{"items": [', b"[]", b""):
            refused(await caller.http.post(ORDERS, content=content, headers=headers))

    @pytest.mark.parametrize(
        ("changes", "path"),
        [
            ({"currency": "euro"}, "currency"),
            ({"orderChannel": "SHOP"}, "orderChannel"),
            ({"orderType": None}, "orderType"),
            ({"orderDate": "30.06.2026"}, "orderDate"),
            ({"orderDate": "2026-06-31"}, "orderDate"),
            ({"orderReference": "O" * 17}, "orderReference"),
            ({"orderReference": 1}, "orderReference"),
            ({"processAfterDunning": "SELL"}, "processAfterDunning"),
            ({"supplyingCountry": "Netherlands"}, "supplyingCountry"),
            ({"carrier": "C" * 33}, "carrier"),
            ({"comment": "made up"}, "comment"),
            ({"items": []}, "items"),
            ({"items": {}}, "items"),
            ({"items": [METER | {"orderItemReference": "1"}]}, "items[0].orderItemReference"),
            ({"items": [METER, METER | {"quantity": "1"}]}, "items[1].quantity"),
            ({"items": [METER | {"grossUnitPrice": True}]}, "items[0].grossUnitPrice"),
            ({"items": [METER | {"grossUnitPrice": 1e300}]}, "items[0].grossUnitPrice"),
            ({"items": [METER | {"vatType": "normal"}]}, "items[0].vatType"),
            ({"items": [without(METER, "vatPercent")]}, "items[0]"),
            ({"billToAddress": "somewhere"}, "billToAddress"),
            ({"billToAddress": without(ADDRESS, "street")}, "billToAddress"),
            ({"billToAddress": ADDRESS | {"email": None}}, "billToAddress.email"),
            ({"billToAddress": ADDRESS | {"town": "X"}}, "billToAddress.town"),
            ({"paymentReference": {"paymentDetails": {}}}, "paymentReference"),
        ],
    )
    async def test_an_order_that_does_not_conform_is_refused_by_its_path(
        self, caller: Caller, changes: dict[str, Any], path: str
    ) -> None:
        assert refused(await caller.order(**changes)) == path
        caller.stand_in.finish("ORD1")
        assert caller.effects() == []

    @pytest.mark.parametrize("name", ["orderReference", "currency", "billToAddress", "items"])
    async def test_what_an_order_must_have(self, caller: Caller, name: str) -> None:
        response = await caller.post(ORDERS, without(ORDER, name), {})
        refused(response)
        assert name in response.json()["description"]

    @pytest.mark.parametrize(
        ("word", "body", "changes", "path"),
        [
            ("invoices", INVOICE, {"invoiceReference": "I" * 31}, "invoiceReference"),
            ("invoices", INVOICE, {"shipmentReference": "S" * 31}, "shipmentReference"),
            ("invoices", INVOICE, {"dueDate": ""}, "dueDate"),
            ("invoices", INVOICE, {"items": [{"orderItemReference": "1"}]}, None),
            ("invoices", INVOICE, {"items": [*items(1), {"quantity": 1}]}, None),
            ("invoices", without(INVOICE, "dispatchDate"), {}, ""),
            ("invoices", without(INVOICE, "items"), {}, ""),
            ("cancellations", CANCELLATION, {"cancellationReason": "REGRET"}, "cancellationReason"),
            ("cancellations", CANCELLATION, {"cancellationDate": 3}, "cancellationDate"),
            ("cancellations", CANCELLATION, {"bankDetails": {"bank": "B"}}, "bankDetails.bank"),
            ("returns", RETURN, {"returnReason": "REGRET"}, "returnReason"),
            ("returns", without(RETURN, "returnReference"), {}, ""),
            ("returns", RETURN, {"items": items(1)}, "items[0]"),
            ("goodwills", GOODWILL, {"goodwillReason": "REGRET"}, "goodwillReason"),
            ("goodwills", GOODWILL, {"goodwillReference": "G" * 31}, "goodwillReference"),
        ],
    )
    async def test_nor_is_anything_else_taken_that_does_not_conform(
        self, caller: Caller, word: str, body: Any, changes: dict[str, Any], path: str | None
    ) -> None:
        await caller.ordered()
        named = refused(await caller.about(word, body, **changes))
        assert path is None or named == path
        assert caller.effects() == ["created"]

    async def test_the_examples_of_the_page_are_taken(self, caller: Caller) -> None:
        page = {
            "carrier": "DHL",
            "dispatchDate": "2024-09-12",
            "dueDate": "2024-09-12",
            "invoiceDate": "2024-09-12",
            "invoiceReference": "INV-NL833249069",
            "shipmentReference": "ORD-NL8333249069",
            "trackingCode": "5cbe48d9-9c3f-46f0-87ab-f1ff3e25d23",
            "items": items(1, 2),
        }
        await caller.ordered(orderDate="2015-12-10T00:00:00.0000000")
        response = await caller.post(f"{ORDERS}/ORD1/invoices", page, {})
        assert response.status_code == 200
        caller.stand_in.finish("ORD1")
        assert caller.effects() == ["created", "approved", "sent"]

    async def test_a_refusal_repeats_what_was_given(self, caller: Caller) -> None:
        response = await caller.order(billToAddress=ADDRESS | {"email": "not-an-address"})
        assert "not-an-address" in response.json()["description"]

    async def test_a_property_no_page_shows_is_taken_where_that_is_said(self) -> None:
        async with calling(strict=False) as caller:
            assert (await caller.order(comment="made up")).status_code == 200

    @pytest.mark.parametrize(("taken", "status"), [(False, 400), (True, 200)])
    async def test_whether_an_item_may_say_what_a_piece_is_is_a_setting(
        self, taken: bool, status: int
    ) -> None:
        async with calling(quantity_types=taken) as caller:
            response = await caller.order(items=[METER | {"quantityType": "KWH"}])
            assert response.status_code == status

    @pytest.mark.parametrize(("carrier", "status"), [("always", 400), ("physical", 200)])
    async def test_who_wants_a_carrier_is_a_setting(self, carrier: str, status: int) -> None:
        async with calling(carrier=carrier) as caller:
            await caller.ordered()
            body = without(INVOICE, "carrier", "trackingCode")
            response = await caller.post(f"{ORDERS}/ORD1/invoices", body, {})
            assert response.status_code == status

    async def test_what_no_route_answers_is_not_found(self, caller: Caller) -> None:
        assert (await caller.http.get(f"{ORDERS}/ORD1")).status_code == 404
        assert caller.stand_in.calls.count("unknown") == 1


class TestVerdicts:
    async def test_a_success_has_the_published_shape(self, caller: Caller) -> None:
        await caller.order("request-1")
        caller.stand_in.finish("ORD1")
        await caller.verdicts(1)
        details = {"orderNo": "ORD1", "result": "OK", "errorDetails": []}
        about = {"requestType": "GET_ORDER", "transactionId": "request-1", "details": details}
        assert caller.heard == [{"parameters": about, "type": "accounting/EDIErrorSent"}]

    async def test_a_failure_names_fields_what_was_given_and_why(self, caller: Caller) -> None:
        address = ADDRESS | {"language": "NL", "street": " "}
        await caller.order(billToAddress=address)
        caller.stand_in.finish("ORD1")
        (said,) = await caller.verdicts(1)
        empty, language = said["details"]["errorDetails"]
        assert {*empty} == {"fieldName", "ErrorDescription"}
        assert empty["fieldName"] == "BILLTOSTREET"
        assert {*language} == {"fieldName", "providedValue", "ErrorDescription"}
        assert (language["fieldName"], language["providedValue"]) == ("BILLTOLANGUAGECODE", "NL")
        assert said["details"]["result"] == "ERROR_IN_FILE"
        assert caller.effects() == []

    async def test_one_about_an_invoice_names_order_and_invoice(self, caller: Caller) -> None:
        await caller.invoiced(request="request-2")
        said = (await caller.verdicts(2))[-1]
        assert said["requestType"] == "GET_INVOICE"
        assert said["transactionId"] == "request-2"
        assert said["details"]["orderNo"] == "ORD1"
        assert said["details"]["invoiceReference"] == "INV-1"

    async def test_or_the_order_only(self) -> None:
        async with calling(names_invoice=False) as caller:
            await caller.invoiced()
            said = (await caller.verdicts(2))[-1]
            assert {*said["details"]} == {"orderNo", "result", "errorDetails"}

    async def test_without_a_request_id_it_is_the_internal_one(self, caller: Caller) -> None:
        internal = (await caller.order()).json()["internalRequestId"]
        caller.stand_in.finish("ORD1")
        assert [said["transactionId"] for said in await caller.verdicts(1)] == [internal]

    async def test_with_one_too_where_that_is_said(self) -> None:
        async with calling(transaction_id="internal") as caller:
            internal = (await caller.order("request-1")).json()["internalRequestId"]
            caller.stand_in.finish("ORD1")
            assert (await caller.verdicts(1))[0]["transactionId"] == internal

    async def test_the_words_are_settings(self) -> None:
        words = {kind: f"SEND_{kind.upper()}" for kind in riverty.REQUEST_TYPES}
        async with calling(success="SUCCESS", request_types=words) as caller:
            await caller.order()
            caller.stand_in.finish("ORD1")
            (said,) = await caller.verdicts(1)
            assert said["requestType"] == "SEND_ORDERS"
            assert said["details"]["result"] == "SUCCESS"

    async def test_every_request_gets_one_of_its_own_kind(self, caller: Caller) -> None:
        await caller.invoiced(1)
        await caller.cancel(2)
        await caller.about("returns", RETURN, items=CAME_BACK[:1])
        await caller.about("goodwills", GOODWILL, items=CAME_BACK[:1])
        caller.stand_in.finish("ORD1")
        words = [said["requestType"] for said in await caller.verdicts(5)]
        assert words == [
            *("GET_ORDER", "GET_INVOICE", "GET_CANCELLATION"),
            *("GET_RETURN", "GET_GOODWILL"),
        ]

    async def test_it_comes_by_itself_after_its_delay(self) -> None:
        async with calling(verdict_delay=0.01, document_delay=0.01) as caller:
            await caller.order()
            await caller.verdicts(1)
            await caller.invoice()
            await caller.stand_in.ledger.reached("sent", "INV-1")
            caller.stand_in.finish("ORD1")
            assert caller.effects() == ["created", "approved", "sent"]

    async def test_what_was_finished_before_its_time_is_judged_once(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        async with calling(verdict_delay=0.01) as caller:
            await caller.ordered()
            await caller.order(orderReference="ORD2")
            await caller.verdicts(1, "ORD2")
            assert len(caller.stand_in.notices.of("ORD1")) == 1
        assert caplog.records == []

    async def test_the_listener_learns_headers_and_the_published_address(
        self, caller: Caller
    ) -> None:
        await caller.ordered()
        await caller.verdicts(1)
        ((source, headers),) = caller.sources
        assert source == riverty.SOURCE
        assert headers["content-type"].startswith("application/json")


class TestOrders:
    async def test_an_accepted_order_is_created(self, caller: Caller) -> None:
        await caller.ordered()
        (entry,) = caller.stand_in.ledger.of("ORD1")
        assert (entry.effect, entry.invoice_id, entry.number) == ("created", "ORD1", None)
        assert entry.gross == GROSS
        assert caller.stand_in.ledger.live("ORD1") == ("ORD1",)
        assert caller.stand_in.order("ORD1")["lines"] == {1: "open", 2: "open"}

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"orderReference": "ORD-1"}, "ORDERREFERENCE"),
            ({"currency": "SEK"}, "CURRENCY"),
            ({"items": [METER, METER]}, "LINEITEMNUMBER"),
            ({"items": [METER | {"quantity": 0}]}, "LINEITEMQUANTITY"),
            ({"items": [METER | {"vatAmount": 18.71}]}, "LINEITEMVATAMOUNT"),
            ({"items": [METER | {"vatPercent": -21}]}, "LINEITEMVATPERCENT"),
            ({"items": [TRAVEL | {"vatAmount": 5.25}]}, "LINEITEMVATAMOUNT"),
            ({"items": [METER | {"description": ""}]}, "LINEITEMDESCRIPTION"),
        ],
    )
    async def test_what_the_core_objects_to(
        self, caller: Caller, changes: dict[str, Any], field: str
    ) -> None:
        reference = changes.get("orderReference", "ORD1")
        assert (await caller.order(**changes)).status_code == 200
        caller.stand_in.finish(reference)
        assert await caller.objections(1, reference) == [field]
        assert caller.stand_in.ledger.entries == ()

    async def test_an_unknown_business_code_is_an_objection(self, caller: Caller) -> None:
        await caller.post(ORDERS.replace("1000", "9999"), ORDER, {})
        caller.stand_in.finish("ORD1")
        assert await caller.objections(1) == ["BUSINESSCODE"]

    async def test_vat_can_be_that_of_the_line(self) -> None:
        async with calling(vat_per="line") as caller:
            await caller.ordered(items=[TRAVEL | {"vatAmount": 5.25}])

    async def test_a_reference_is_used_once(self, caller: Caller) -> None:
        await caller.ordered()
        assert (await caller.order()).status_code == 200
        caller.stand_in.finish("ORD1")
        assert await caller.objections(2) == ["ORDERREFERENCE"]
        assert caller.effects() == ["created"]

    async def test_two_on_their_way_become_one(self, caller: Caller) -> None:
        await asyncio.gather(caller.order(), caller.order())
        caller.stand_in.finish("ORD1")
        assert await caller.objections(2) == ["ORDERREFERENCE"]
        assert caller.effects() == ["created"]

    async def test_what_was_rejected_can_be_corrected_under_its_reference(
        self, caller: Caller
    ) -> None:
        await caller.order("request-1", items=[METER, METER])
        caller.stand_in.finish("ORD1")
        await caller.ordered(request="request-1")
        assert await caller.objections(2) == []

    async def test_what_is_too_long_for_the_core_is_cut_without_a_word(
        self, caller: Caller
    ) -> None:
        await caller.ordered(items=[METER | {"description": "D" * 300}])
        assert await caller.objections(1) == []
        assert caller.stand_in.order("ORD1")["items"][0]["description"] == "D" * 50

    async def test_references_too_where_the_gateway_does_not_refuse_them(self) -> None:
        async with calling(lengths="truncated") as caller:
            long = "ORD1" + "X" * 20
            await caller.order(orderReference=long)
            caller.stand_in.finish(long[:16])
            await caller.verdicts(1, long[:16])
            assert caller.stand_in.order(long[:16])["orderReference"] == long[:16]
            await caller.invoice(long, invoiceReference="I" * 40)
            caller.stand_in.finish("I" * 30)
            assert caller.stand_in.ledger.live(long[:16]) == ("I" * 30,)


class TestInvoices:
    async def test_an_accepted_invoice_is_approved_then_rendered_and_sent(
        self, caller: Caller
    ) -> None:
        await caller.invoiced()
        assert caller.effects() == caller.effects("INV-1") == ["created", "approved", "sent"]
        approved = caller.stand_in.ledger.of("INV-1")[1]
        assert (approved.invoice_id, approved.number) == ("INV-1", "INV-1")
        assert (approved.reference, approved.gross) == ("ORD1", GROSS)
        assert caller.stand_in.ledger.live("ORD1") == ("INV-1",)
        assert caller.stand_in.ledger.live("INV-1") == ("INV-1",)

    async def test_before_its_order_is_confirmed_it_is_rejected(self, caller: Caller) -> None:
        await caller.order()
        assert (await caller.invoice()).status_code == 200
        caller.stand_in.finish("ORD1")
        assert await caller.objections(2) == ["ORDERNO"]
        assert caller.effects() == ["created"]

    async def test_so_it_is_without_an_order(self, caller: Caller) -> None:
        await caller.invoice("NOBODY")
        caller.stand_in.finish("NOBODY")
        assert await caller.objections(1, "NOBODY") == ["ORDERNO"]

    async def test_several_invoices_make_an_order_whole(self, caller: Caller) -> None:
        await caller.invoiced(1)
        await caller.invoiced(2, invoiceReference="INV-2")
        assert caller.stand_in.ledger.live("ORD1") == ("INV-1", "INV-2")
        assert caller.effects("INV-2") == ["created", "approved", "sent"]
        assert caller.effects() == ["created", *("approved", "sent") * 2]
        gross = {entry.gross for entry in caller.stand_in.ledger.of("INV-2")[1:]}
        assert gross == {Decimal("30.26")}
        assert caller.stand_in.order("ORD1")["lines"] == {1: "invoiced", 2: "invoiced"}

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"items": items(3)}, "LINEITEMNUMBER"),
            ({"items": items(1, 1)}, "LINEITEMNUMBER"),
            ({"carrier": ""}, "CARRIER"),
        ],
    )
    async def test_what_the_core_objects_to(
        self, caller: Caller, changes: dict[str, Any], field: str
    ) -> None:
        await caller.ordered()
        await caller.invoice(**changes)
        caller.stand_in.finish("ORD1")
        assert field in await caller.objections(2)
        assert caller.effects() == ["created"]

    async def test_goods_that_are_shipped_need_carrier_and_code(self, caller: Caller) -> None:
        bare = without(INVOICE, "carrier", "trackingCode")
        await caller.ordered()
        await caller.post(f"{ORDERS}/ORD1/invoices", bare, {})
        caller.stand_in.finish("ORD1")
        assert await caller.objections(2) == ["CARRIER", "TRACKINGCODE"]

    async def test_digital_ones_do_not(self, caller: Caller) -> None:
        bare = without(INVOICE, "carrier", "trackingCode")
        await caller.ordered(orderType="DIGITAL_GOODS")
        await caller.post(f"{ORDERS}/ORD1/invoices", bare, {})
        caller.stand_in.finish("ORD1")
        assert await caller.objections(2) == []

    async def test_a_line_is_invoiced_once(self, caller: Caller) -> None:
        await caller.invoiced(1)
        await caller.invoice(invoiceReference="INV-2")
        caller.stand_in.finish("ORD1")
        assert await caller.objections(3) == ["LINEITEMNUMBER"]
        assert caller.stand_in.order("ORD1")["lines"] == {1: "invoiced", 2: "open"}

    async def test_a_reference_is_used_once(self, caller: Caller) -> None:
        await caller.invoiced(1)
        await caller.invoice(items=items(2))
        caller.stand_in.finish("ORD1")
        assert await caller.objections(3) == ["INVOICEREFERENCE"]
        assert caller.stand_in.ledger.live("ORD1") == ("INV-1",)

    async def test_it_belongs_to_the_customer_of_its_order(self, caller: Caller) -> None:
        await caller.ordered()
        other = f"{ORDERS}/ORD1/invoices".replace("CUSTOMER1", "CUSTOMER2")
        await caller.post(other, INVOICE, {})
        caller.stand_in.finish("ORD1")
        assert await caller.objections(2) == ["CUSTOMERNUMBER"]

    async def test_who_renders_is_settled_beforehand(self) -> None:
        async with calling(renders=False) as caller:
            await caller.invoiced()
            assert caller.effects() == ["created", "approved"]


class TestCancellations:
    async def test_all_lines_cancelled_delete_the_order(self, caller: Caller) -> None:
        await caller.ordered()
        await caller.cancel(1, 2)
        caller.stand_in.finish("ORD1")
        assert await caller.objections(2) == []
        assert caller.effects() == ["created", "deleted"]
        assert caller.stand_in.ledger.live("ORD1") == ()

    async def test_so_they_do_one_after_the_other(self, caller: Caller) -> None:
        await caller.ordered()
        await caller.cancel(1)
        await caller.cancel(2)
        caller.stand_in.finish("ORD1")
        assert caller.effects() == ["created", "lines cancelled", "deleted"]
        assert caller.stand_in.ledger.of("ORD1")[1].gross == Decimal("107.69")

    async def test_an_order_with_an_invoice_stays(self, caller: Caller) -> None:
        await caller.invoiced(1)
        await caller.cancel(2)
        caller.stand_in.finish("ORD1")
        assert caller.effects() == ["created", "approved", "sent", "lines cancelled"]
        assert caller.effects("INV-1") == ["created", "approved", "sent"]
        assert caller.stand_in.ledger.live("ORD1") == ("INV-1",)

    async def test_an_invoiced_line_cannot_be_cancelled(self, caller: Caller) -> None:
        await caller.invoiced(1)
        await caller.cancel(1, 2)
        caller.stand_in.finish("ORD1")
        assert await caller.objections(3) == ["LINEITEMNUMBER"]
        assert caller.stand_in.order("ORD1")["lines"] == {1: "invoiced", 2: "open"}

    async def test_a_cancelled_line_cannot_be_invoiced_nor_cancelled_again(
        self, caller: Caller
    ) -> None:
        await caller.ordered()
        await caller.cancel(1)
        caller.stand_in.finish("ORD1")
        await caller.invoice()
        caller.stand_in.finish("ORD1")
        assert await caller.objections(3) == ["LINEITEMNUMBER"]
        await caller.cancel(1)
        caller.stand_in.finish("ORD1")
        assert await caller.objections(4) == ["LINEITEMNUMBER"]
        assert caller.effects() == ["created", "lines cancelled"]

    async def test_of_an_invoice_and_a_cancellation_on_their_way_the_first_wins(
        self, caller: Caller
    ) -> None:
        await caller.ordered()
        await caller.cancel(1, 2)
        await caller.invoice()
        caller.stand_in.finish("ORD1")
        assert "LINEITEMNUMBER" in await caller.objections(3)
        assert caller.effects() == ["created", "deleted"]


class TestReturnsAndGoodwills:
    @pytest.mark.parametrize(("word", "body"), [("returns", RETURN), ("goodwills", GOODWILL)])
    async def test_all_of_it_is_a_credit(self, caller: Caller, word: str, body: Any) -> None:
        await caller.invoiced()
        await caller.about(word, body)
        caller.stand_in.finish("ORD1")
        assert await caller.objections(3) == []
        assert caller.effects("INV-1") == ["created", "approved", "sent", "credited"]
        assert caller.stand_in.ledger.live("ORD1") == ()
        assert caller.stand_in.invoice("INV-1")["remaining"] == 0

    async def test_in_parts_too(self, caller: Caller) -> None:
        await caller.invoiced()
        half = [CAME_BACK[1] | {"quantity": 1}]
        for number, part in enumerate((half, half, CAME_BACK[:1])):
            await caller.about("returns", RETURN, items=part, returnReference=f"RET-{number}")
        caller.stand_in.finish("ORD1")
        effects = ["partly credited", "partly credited", "credited"]
        assert caller.effects()[3:] == effects
        assert caller.stand_in.ledger.entries[3].gross == Decimal("15.13")

    @pytest.mark.parametrize(
        ("word", "body", "field"),
        [
            ("returns", RETURN | {"items": [CAME_BACK[1] | {"quantity": 3}]}, "LINEITEMQUANTITY"),
            ("goodwills", GOODWILL | {"items": [CAME_BACK[0] | {"quantity": 0}]}, None),
            ("goodwills", GOODWILL | {"items": [CAME_BACK[0] | {"grossUnitPrice": 108}]}, None),
            ("returns", RETURN | {"invoiceReference": "INV-9"}, "INVOICEREFERENCE"),
        ],
    )
    async def test_no_more_than_was_invoiced(
        self, caller: Caller, word: str, body: Any, field: str | None
    ) -> None:
        await caller.invoiced()
        await caller.about(word, body)
        caller.stand_in.finish("ORD1")
        named = await caller.objections(3)
        assert field in named if field else named
        assert caller.effects() == ["created", "approved", "sent"]

    async def test_no_more_pieces_than_there_were_however_cheap(self, caller: Caller) -> None:
        await caller.invoiced()
        cheap = [CAME_BACK[1] | {"grossUnitPrice": 1.21, "vatAmount": 0.21}]
        for number in range(2):
            await caller.about("returns", RETURN, items=cheap, returnReference=f"RET-{number}")
        caller.stand_in.finish("ORD1")
        assert await caller.objections(4) == ["LINEITEMQUANTITY"]
        assert caller.effects("INV-1")[3:] == ["partly credited"]

    async def test_a_line_on_no_invoice_cannot_come_back(self, caller: Caller) -> None:
        await caller.invoiced(1)
        await caller.about("returns", RETURN)
        caller.stand_in.finish("ORD1")
        assert await caller.objections(3) == ["LINEITEMNUMBER"]

    @pytest.mark.parametrize(
        ("word", "body", "field"),
        [("returns", RETURN, "RETURNREFERENCE"), ("goodwills", GOODWILL, "GOODWILLREFERENCE")],
    )
    async def test_a_reference_is_used_once(
        self, caller: Caller, word: str, body: Any, field: str
    ) -> None:
        await caller.invoiced()
        for item in CAME_BACK:
            await caller.about(word, body, items=[item])
        caller.stand_in.finish("ORD1")
        assert await caller.objections(4) == [field]

    async def test_what_was_paid_is_refunded(self, caller: Caller) -> None:
        await caller.invoiced()
        caller.stand_in.pay("INV-1")
        await caller.about("returns", RETURN)
        caller.stand_in.finish("ORD1")
        (refund,) = await caller.told("refundCompleted")
        assert refund["parameters"]["refundedToOriginalPaymentInstrument"] == -137.95
        assert refund["parameters"]["returnReference"] == "RET-1"
        assert caller.effects("INV-1")[-2:] == ["paid", "credited"]

    async def test_what_was_not_paid_is_not(self, caller: Caller) -> None:
        await caller.invoiced()
        await caller.about("goodwills", GOODWILL)
        caller.stand_in.finish("ORD1")
        await caller.told("balanceUpdated", count=2)
        assert caller.stand_in.notices.of("INV-1", riverty_words.REFUND_COMPLETED) == ()


class TestMoney:
    async def test_a_payment_has_the_published_shape(self, caller: Caller) -> None:
        await caller.invoiced()
        caller.stand_in.pay("ORD1")
        (told,) = await caller.told("paymentReceived")
        said = told["parameters"]
        assert {*said} == {
            *("businessCode", "companyCode", "currency", "customerNumber", "fiscalYear"),
            *("invoiceReference", "orderReference", "orderAmount", "paidAmount"),
            *("remainingAmount", "tolerance", "paymentDocument", "transactionId"),
        }
        assert (said["invoiceReference"], said["orderReference"]) == ("INV-1", "ORD1")
        assert (said["paidAmount"], said["remainingAmount"]) == (137.95, 0)
        assert said["transactionId"].startswith("PaymentInformation-1000-")
        assert caller.effects("INV-1")[-1] == "paid"

    async def test_parts_say_what_remains(self, caller: Caller) -> None:
        await caller.invoiced()
        caller.stand_in.pay("INV-1", Decimal("100.00"))
        assert "paid" not in caller.effects()
        caller.stand_in.pay("INV-1")
        told = await caller.told("paymentReceived", count=2)
        assert [one["parameters"]["remainingAmount"] for one in told] == [37.95, 0]
        assert [one["parameters"]["paidAmount"] for one in told] == [100, 37.95]
        assert caller.effects()[-1] == "paid"

    @pytest.mark.parametrize("amount", ["0", "-1"])
    async def test_nothing_is_no_payment(self, caller: Caller, amount: str) -> None:
        await caller.invoiced()
        with pytest.raises(ValueError, match="are due"):
            caller.stand_in.pay("INV-1", Decimal(amount))

    async def test_what_is_not_invoiced_cannot_be_paid(self, caller: Caller) -> None:
        await caller.ordered()
        with pytest.raises(LookupError):
            caller.stand_in.pay("ORD1")

    async def test_a_chargeback_opens_it_again(self, caller: Caller) -> None:
        await caller.invoiced()
        caller.stand_in.pay("INV-1")
        caller.stand_in.charge_back("INV-1")
        (told,) = await caller.told("chargebackReceived")
        assert {*told} == {"id", "type", "parameters", "timestamp"}
        assert told["id"] == told["parameters"]["transactionId"]
        assert told["parameters"]["invoiceReference"] == "INV-1"
        assert told["parameters"]["amount"] == 137.95
        assert caller.effects("INV-1")[-2:] == ["paid", "reversed"]
        assert caller.stand_in.invoice("INV-1")["remaining"] == GROSS

    async def test_that_of_a_card_names_no_invoice(self, caller: Caller) -> None:
        await caller.invoiced()
        caller.stand_in.pay("INV-1")
        caller.stand_in.charge_back("INV-1", kind="CREDIT_CARD_CHARGEBACK")
        (told,) = await caller.told("chargebackReceived")
        assert told["parameters"]["invoiceReference"] == ""
        assert told["parameters"]["orderReference"] == "ORD1"

    async def test_nothing_paid_nothing_to_charge_back(self, caller: Caller) -> None:
        await caller.invoiced()
        with pytest.raises(ValueError, match="were paid"):
            caller.stand_in.charge_back("INV-1")

    async def test_a_balance_is_the_customers_over_all_invoices(self, caller: Caller) -> None:
        await caller.invoiced(1)
        await caller.invoiced(2, invoiceReference="INV-2")
        caller.stand_in.pay("INV-2")
        caller.stand_in.pay("INV-1")
        await caller.told("balanceUpdated", "INV-1", 2)
        told = [one["parameters"] for one in await caller.told("balanceUpdated", "INV-2", 2)]
        balances = [(one["debitCredit"], one["balance"]) for one in told]
        assert balances == [
            *(("DEBIT", 107.69), ("DEBIT", 137.95)),
            *(("DEBIT", 107.69), ("BALANCED", 0)),
        ]
        assert "invoiceReference" not in told[0]


class TestDocuments:
    async def test_its_notifications_say_where_it_is(self, caller: Caller) -> None:
        await caller.invoiced()
        (created,) = await caller.told("invoiceCreated")
        said = created["parameters"]
        assert (said["invoiceReference"], said["currency"]) == ("INV-1", "EUR")
        figures = (said["netAmount"], said["vatAmount"], said["grossAmount"])
        assert figures == (114.0, 23.95, 137.95)
        (told,) = await caller.told("documentCreated")
        (document,) = told["parameters"]["documents"]
        (about,) = document["documentInformation"]
        assert document["documentType"] == "INVOICE"
        assert (about["invoiceReference"], about["orderReference"]) == ("INV-1", "ORD1")
        assert document["urlKey"] == caller.stand_in.render_document("INV-1")
        assert caller.effects().count("sent") == 1

    async def test_it_is_fetched_with_the_key(self, caller: Caller) -> None:
        await caller.invoiced()
        url = caller.stand_in.render_document("INV-1")
        assert (await caller.http.get(url)).status_code == 500
        headers = {"X-Subscription-Key": caller.key}
        fetched = await caller.http.get(url, headers=headers)
        assert fetched.headers["content-type"] == "application/pdf"
        assert fetched.content.startswith(b"%PDF-")
        assert (await caller.http.get(f"{url}X", headers=headers)).status_code == 404

    async def test_only_so_many_a_second(self) -> None:
        async with calling(downloads_per_second=2) as caller:
            await caller.invoiced()
            url = caller.stand_in.render_document("INV-1")
            headers = {"X-Subscription-Key": caller.key}
            got = [(await caller.http.get(url, headers=headers)).status_code for _ in range(3)]
            assert got == [200, 200, 429]

    async def test_rendering_before_its_time_happens_once(self, caller: Caller) -> None:
        await caller.ordered()
        await caller.invoice()
        caller.stand_in.finish("ORD1")
        caller.stand_in.render_document("INV-1")
        caller.stand_in.finish("INV-1")
        assert caller.effects() == ["created", "approved", "sent"]


class TestRepeats:
    async def test_the_same_request_is_judged_again(self, caller: Caller) -> None:
        for _ in range(2):
            await caller.order("request-1")
        caller.stand_in.finish("ORD1")
        said = await caller.verdicts(2)
        assert [one["details"]["result"] for one in said] == ["OK", "ERROR_IN_FILE"]
        assert {one["transactionId"] for one in said} == {"request-1"}
        assert caller.effects() == ["created"]

    async def test_or_ignored_in_silence(self) -> None:
        async with calling(repeats="ignored") as caller:
            answers = [await caller.order("request-1") for _ in range(2)]
            assert [answer.status_code for answer in answers] == [200, 200]
            caller.stand_in.finish("ORD1")
            await caller.order("request-1")
            caller.stand_in.finish("ORD1")
            await caller.ordered(orderReference="ORD12")
            await caller.verdicts(1, "ORD12")
            assert len(caller.stand_in.notices.of("ORD1")) == 1

    async def test_a_correction_is_not_ignored(self) -> None:
        async with calling(repeats="ignored") as caller:
            await caller.order("request-1", items=[METER, METER])
            caller.stand_in.finish("ORD1")
            await caller.order("request-1")
            caller.stand_in.finish("ORD1")
            assert await caller.objections(2) == []
            assert caller.effects() == ["created"]

    async def test_nor_is_one_the_gateway_refused(self) -> None:
        async with calling(repeats="ignored") as caller:
            refused(await caller.order("request-1", currency="euro"))
            await caller.order("request-1")
            caller.stand_in.finish("ORD1")
            assert caller.effects() == ["created"]


class TestDelivery:
    async def test_what_is_held_comes_when_it_is_released(self, caller: Caller) -> None:
        notices = caller.stand_in.notices
        notices.hold(EDI)
        await caller.invoiced()
        await caller.told("documentCreated")
        assert not [heard for heard in caller.heard if heard["type"] == EDI]
        notices.release()
        said = await caller.verdicts(2)
        assert [one["requestType"] for one in said] == ["GET_ORDER", "GET_INVOICE"]

    async def test_or_in_the_wrong_order(self, caller: Caller) -> None:
        notices = caller.stand_in.notices
        notices.hold()
        await caller.invoiced()
        assert caller.heard == []
        notices.release(newest_first=True)
        await caller.verdicts(2)
        words = [one["type"].removeprefix("accounting/") for one in caller.heard]
        assert words == [
            *("documentCreated", "invoiceCreated", "balanceUpdated"),
            *("EDIErrorSent", "EDIErrorSent"),
        ]
        assert caller.heard[-1]["parameters"]["requestType"] == "GET_ORDER"

    async def test_or_once_more(self, caller: Caller) -> None:
        await caller.ordered()
        await caller.verdicts(1)
        (notice,) = caller.stand_in.notices.of("ORD1")
        await caller.stand_in.notices.again(notice)
        assert caller.heard[0] == caller.heard[1] == json.loads(notice.body)
        assert notice.taken == 2

    async def test_news_about_other_peoples_orders_arrive_too(self, caller: Caller) -> None:
        caller.stand_in.notices.stray()
        (said,) = await caller.verdicts(1, "SOMEBODYELSES1")
        assert said["details"]["orderNo"] == "SOMEBODYELSES1"
        assert caller.stand_in.ledger.entries == ()

    async def test_a_listener_that_raises_has_not_taken_it(self) -> None:
        async with calling(redeliveries=1) as caller:
            left = [1]

            async def stubborn(body: bytes, headers: Mapping[str, str], source: str) -> None:
                if left:
                    left.pop()
                    raise RuntimeError("not now")
                await caller.hear(body, headers, source)

            caller.stand_in.notices.listener = stubborn
            await caller.ordered()
            await caller.verdicts(1)
            (notice,) = caller.stand_in.notices.of("ORD1")
            assert (notice.taken, notice.refused) == (1, ["not now"])

    async def test_only_what_is_switched_on_is_told_and_verdicts_always(self) -> None:
        async with calling(activated=()) as caller:
            await caller.invoiced()
            caller.stand_in.pay("INV-1")
            await caller.verdicts(2)
            assert {notice.type for notice in caller.stand_in.notices.all} == {EDI}

    async def test_a_callback_gets_the_types_it_subscribed_to(self, caller: Caller) -> None:
        received: list[tuple[str, Any]] = []

        async def receive(request: Request) -> Response:
            body = await request.json()
            received.append((request.headers["content-type"], body))
            return Response(status_code=204)

        app = Starlette(routes=[Route("/hook", receive, methods=["POST"])])
        gateway = Listener(app)
        await gateway.open()
        wish = {
            "callbackUrl": f"http://127.0.0.1:{gateway.port}/hook",
            "notificationTypes": [EDI],
            "description": "Verdicts",
        }
        subscribed = await caller.post(CALLBACKS, wish, {})
        assert subscribed.status_code == 200
        assert without(subscribed.json(), "id") == wish
        caller.stand_in.notices.listener = None
        await caller.invoiced()
        caller.stand_in.notices.stray("LAST")
        await caller.stand_in.notices.delivered(EDI, "LAST")
        await gateway.stop()
        assert [body["type"] for _, body in received] == [EDI, EDI, EDI]
        assert received[0][0].startswith("application/json")

    async def test_nobody_beyond_this_machine_is_called(self, caller: Caller) -> None:
        wish = {"callbackUrl": "https://hooks.example.com/x", "notificationTypes": [EDI]}
        assert refused(await caller.post(CALLBACKS, wish, {})) == "callbackUrl"
        wish = {"callbackUrl": "http://127.0.0.1:1/x", "notificationTypes": ["accounting/other"]}
        assert refused(await caller.post(CALLBACKS, wish, {})) == "notificationTypes[0]"

    async def test_a_callback_that_is_not_there_takes_nothing(self, caller: Caller) -> None:
        wish = {"callbackUrl": "http://127.0.0.1:1/x", "notificationTypes": [EDI]}
        await caller.post(CALLBACKS, wish, {})
        caller.stand_in.notices.listener = None
        await caller.ordered()
        caller.stand_in.notices.listener = caller.hear
        caller.stand_in.notices.stray()
        await caller.verdicts(1, "SOMEBODYELSES1")
        (notice,) = caller.stand_in.notices.of("ORD1")
        assert len(notice.refused) == 1


class TestItsFaults:
    @pytest.mark.parametrize("fault", ["reset", "refuse", "time_out", "500", "502", "503", "429"])
    @pytest.mark.parametrize(("when", "effects"), [("before", []), ("after", ["created"])])
    async def test_a_call_that_failed_took_effect_or_not(
        self, caller: Caller, fault: str, when: Any, effects: list[str]
    ) -> None:
        caller.stand_in.faults.place("create", fault, when=when, seconds=0.01)
        with contextlib.suppress(httpx.TransportError):
            assert (await caller.order()).status_code == int(fault)
        caller.stand_in.finish("ORD1")
        assert caller.effects() == effects

    @pytest.mark.parametrize(
        ("step", "word", "body"),
        [
            ("approve", "invoices", INVOICE),
            ("delete", "cancellations", CANCELLATION),
            ("credit", "returns", RETURN),
            ("credit", "goodwills", GOODWILL),
        ],
    )
    async def test_there_is_a_step_for_every_route(
        self, caller: Caller, step: str, word: str, body: Any
    ) -> None:
        await caller.ordered()
        caller.stand_in.faults.place(step, "503", when="after")
        assert (await caller.about(word, body)).status_code == 503
        assert caller.stand_in.calls.count(step) == 1

    @pytest.mark.parametrize("fault", ["not_json", "truncated"])
    async def test_an_answer_can_be_unreadable(self, caller: Caller, fault: str) -> None:
        caller.stand_in.faults.place("create", fault, when="after")
        with contextlib.suppress(httpx.TransportError):
            assert "internalRequestId" not in (await caller.order()).text
        caller.stand_in.finish("ORD1")
        assert caller.effects() == ["created"]

    async def test_the_verdict_can_overtake_the_answer(self) -> None:
        async with calling(verdict_delay=0.0) as caller:
            gate = caller.stand_in.faults.place("create", "gate", when="after")
            answer = asyncio.create_task(caller.order())
            await caller.verdicts(1)
            assert not answer.done()
            gate.release()
            assert (await answer).status_code == 200

    async def test_the_core_can_be_made_to_object(self, caller: Caller) -> None:
        caller.stand_in.faults.place("create", "rejected", key="ORDERDATE")
        await caller.order()
        caller.stand_in.finish("ORD1")
        assert await caller.objections(1) == ["ORDERDATE"]
        await caller.ordered()

    async def test_a_result_nobody_documented(self, caller: Caller) -> None:
        caller.stand_in.faults.place("create", "unknown_result", key="PARKED")
        await caller.ordered()
        assert (await caller.verdicts(1))[0]["details"]["result"] == "PARKED"

    async def test_an_id_nobody_knows(self, caller: Caller) -> None:
        caller.stand_in.faults.place("create", "foreign_id")
        internal = (await caller.order("request-1")).json()["internalRequestId"]
        caller.stand_in.finish("ORD1")
        (said,) = await caller.verdicts(1)
        assert said["transactionId"] not in ("request-1", internal)
        assert said["details"]["orderNo"] == "ORD1"

    @pytest.mark.parametrize("twisted", [{}, {"items": [METER, METER]}])
    async def test_two_verdicts_that_contradict_each_other(
        self, caller: Caller, twisted: dict[str, Any]
    ) -> None:
        caller.stand_in.faults.place("create", "contradicted")
        await caller.order(**twisted)
        caller.stand_in.finish("ORD1")
        said = await caller.verdicts(2)
        results = [one["details"]["result"] for one in said]
        assert results == (["ERROR_IN_FILE", "OK"] if twisted else ["OK", "ERROR_IN_FILE"])
        assert [bool(one["details"]["errorDetails"]) for one in said] == [
            bool(twisted),
            not twisted,
        ]
        assert caller.effects() == ([] if twisted else ["created"])

    async def test_a_verdict_that_never_comes(self, caller: Caller) -> None:
        caller.stand_in.faults.place("create", "verdict_dropped")
        await caller.ordered()
        await caller.invoiced()
        said = await caller.verdicts(1, "INV-1")
        assert [one["requestType"] for one in said] == ["GET_INVOICE"]
        (dropped,) = caller.stand_in.notices.of("ORD1")[:1]
        assert dropped.taken == 0

    async def test_one_that_is_withheld(self, caller: Caller) -> None:
        caller.stand_in.faults.place("create", "verdict_withheld")
        await caller.ordered()
        caller.stand_in.notices.stray()
        await caller.verdicts(1, "SOMEBODYELSES1")
        caller.stand_in.notices.release()
        assert (await caller.verdicts(1))[-1]["details"]["orderNo"] == "ORD1"

    async def test_one_that_is_late(self, caller: Caller) -> None:
        caller.stand_in.faults.place("create", "verdict_late", seconds=0.05)
        await caller.ordered()
        caller.stand_in.notices.stray()
        orders = [one["details"]["orderNo"] for one in await caller.verdicts(1)]
        assert orders == ["SOMEBODYELSES1", "ORD1"]

    async def test_one_that_comes_twice(self, caller: Caller) -> None:
        caller.stand_in.faults.place("create", "verdict_twice")
        await caller.ordered()
        first, second = await caller.verdicts(2)
        assert first == second

    async def test_one_that_is_no_json(self, caller: Caller) -> None:
        bodies: list[bytes] = []

        async def keep(body: bytes, headers: Mapping[str, str], source: str) -> None:
            bodies.append(body)

        caller.stand_in.notices.listener = keep
        caller.stand_in.faults.place("create", "verdict_mangled")
        await caller.ordered()
        (notice,) = await caller.stand_in.notices.delivered(EDI, "ORD1")
        assert bodies == [notice.body]
        with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
            _ = notice.content

    async def test_an_amount_stored_one_cent_off(self, caller: Caller) -> None:
        caller.stand_in.faults.place("create", "changed_amount")
        await caller.invoiced()
        assert {entry.gross for entry in caller.stand_in.ledger.of("ORD1")} == {Decimal("137.96")}
        (created,) = await caller.told("invoiceCreated")
        assert created["parameters"]["grossAmount"] == 137.96

    async def test_a_fault_of_a_verdict_strikes_what_the_gateway_takes(
        self, caller: Caller
    ) -> None:
        placed = caller.stand_in.faults.place("create", "rejected", times=2)
        refused(await caller.order(currency="euro"))
        assert placed.hits == 0
        await caller.order()
        assert placed.hits == 1


async def test_whatever_chance_breaks_the_ledger_tells_what_happened() -> None:
    plan = Faults.drawn(3, ["create"], faults=("reset", "500", "429"), share=1.0, calls=6)
    stored = [number for number, placed in enumerate(plan) if placed.when == "after"]
    async with calling(faults=plan) as caller:
        for number in range(6):
            try:
                changes = {"orderReference": f"ORD{number}"}
                assert (await caller.order(**changes)).status_code >= 400
            except httpx.ReadError:
                continue
        for number in range(6):
            caller.stand_in.finish(f"ORD{number}")
        made = [entry.reference for entry in caller.stand_in.ledger.entries]
        assert made == [f"ORD{number}" for number in stored]


async def test_the_ledger_is_found_over_http_by_either_reference(caller: Caller) -> None:
    await caller.invoiced()
    for reference in ("ORD1", "INV-1"):
        found = await caller.http.get(f"/_sandbox/ledger?reference={reference}")
        effects = [entry["effect"] for entry in found.json()["entries"]]
        assert effects == ["created", "approved", "sent"]
    paid = await caller.http.post("/_sandbox/pay", json={"reference": "INV-1"})
    assert paid.json() == {"effects": ["created", "approved", "sent", "paid"]}


async def test_reset_forgets_orders_invoices_and_notifications(caller: Caller) -> None:
    caller.stand_in.notices.hold()
    await caller.invoiced()
    caller.stand_in.reset()
    assert caller.stand_in.ledger.entries == ()
    assert caller.stand_in.notices.all == []
    caller.stand_in.notices.release()
    await caller.invoiced()
    await caller.verdicts(2)
    assert len(caller.heard) >= 2
    assert caller.effects() == ["created", "approved", "sent"]


async def test_stopping_ends_a_delivery_under_way() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def never(body: bytes, headers: Mapping[str, str], source: str) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with calling() as caller:
        caller.stand_in.notices.listener = never
        await caller.ordered()
        await begun.wait()
    assert ended.is_set()


async def test_on_its_own_it_prints_its_url_and_ends_when_told() -> None:
    async with (
        stand_in_alone("sandbox.riverty", "--verdict-delay", "0") as url,
        httpx.AsyncClient(base_url=url, verify=NO_TLS) as http,
    ):
        assert (await http.get("/_sandbox/ledger")).json() == {"entries": []}

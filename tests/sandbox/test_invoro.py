"""The stand-in for Invoro over real HTTP: what the provider's pages promise, and no more."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from invoicing.document import Document, Line, Party, Vat, VatCategory
from invoicing.totals import totals
from sandbox import invoro
from sandbox.invoro.totals import breakdown, contradictions, summed
from sandbox.kit.faults import Faults
from sandbox.kit.server import serve
from tests.child import stand_in_alone
from tests.tls import NO_TLS

KEYS = {
    *("id", "company_id", "user_id", "state", "direction", "amount", "currency", "ubl_version"),
    *("ubl_json", "metadata_json", "delivery_network_id", "business_entity_id"),
    *("related_invoice_id", "payment_status", "total_paid_cents", "is_test", "created_at"),
    *("updated_at", "deleted_at"),
}
# Net 59.97 at 21 % and 49.50 at 6 %: 12.59 and 2.97 of VAT, 125.03 in all.
ITEMS: list[dict[str, Any]] = [
    {"id": "1", "name": "Meter replacement", "price": 1999, "quantity": 3, "tax_rate": 21},
    {
        "id": "2",
        "name": "Travel",
        "price": 3300,
        "quantity": Decimal("1.5"),
        "tax_rate": 6,
        "tax_category": "S",
    },
]
BUYER: dict[str, Any] = {
    "name": "Canary Energy BV",
    "endpoint_id": {"scheme": "0208", "value": "0123456749"},
    "address": {"city": "Sample City", "country": "BE"},
}
HEADER: dict[str, Any] = {
    "currency": "EUR",
    "issue_date": "2026-06-30T00:00:00Z",
    "due_date": "2026-07-30T00:00:00Z",
    "buyer_reference": "PO-7",
}
BODY: dict[str, Any] = {
    "calculate_totals": True,
    "header": HEADER,
    "buyer": BUYER,
    "references": {"sales_order": "INV-1"},
    "items": ITEMS,
}
TOTALS = {
    "line_extension_amount": 10947,
    "tax_exclusive_amount": 10947,
    "tax_amount": 1556,
    "tax_inclusive_amount": 12503,
    "payable_amount": 12503,
}
ROWS = [
    {"category_code": "S", "rate": 21, "taxable_amount": 5997, "tax_amount": 1259},
    {"category_code": "S", "rate": 6, "taxable_amount": 4950, "tax_amount": 297},
]
SENT_TOTALS: dict[str, Any] = {
    "calculate_totals": False,
    "totals": TOTALS,
    "tax_breakdown": ROWS,
}


class Caller:
    """A client with a key that reads numbers exactly."""

    def __init__(self, stand_in: invoro.InvoroStandIn, http: httpx.AsyncClient) -> None:
        self.stand_in = stand_in
        self.http = http
        self.headers = {"Authorization": f"Bearer {invoro.TEST_KEY}"}

    def as_(self, key: str) -> Caller:
        """Somebody else at the same stand-in."""
        other = Caller(self.stand_in, self.http)
        other.headers = {"Authorization": f"Bearer {key}"}
        return other

    async def raw(self, method: str, path: str, body: Any = None) -> httpx.Response:
        url = self.stand_in.base_url + path
        if body is None:
            return await self.http.request(method, url, headers=self.headers)
        headers = self.headers | {"Content-Type": "application/json"}
        content = json.dumps(body, default=float)
        return await self.http.request(method, url, headers=headers, content=content)

    async def create(self, **changes: Any) -> httpx.Response:
        return await self.raw("POST", "/invoices", BODY | changes)

    async def created(self, **changes: Any) -> Any:
        return data(await self.create(**changes))

    async def draft(self, **changes: Any) -> str:
        identity: str = (await self.created(**changes))["id"]
        return identity

    async def send(self, identity: str) -> httpx.Response:
        return await self.raw("POST", f"/invoices/{identity}/send")

    async def sent(self, **changes: Any) -> str:
        """Sent and delivered, as far as that goes."""
        identity = await self.draft(**changes)
        assert (await self.send(identity)).status_code == 200
        self.stand_in.finish(identity)
        return identity

    async def read(self, identity: str) -> Any:
        return data(await self.raw("GET", f"/invoices/{identity}"))

    async def listed(self, query: str = "") -> list[Any]:
        found: list[Any] = data(await self.raw("GET", f"/invoices{query}"))
        return found


def data(response: httpx.Response) -> Any:
    assert response.is_success, response.text
    return json.loads(response.content, parse_float=Decimal)["data"]


def errors(response: httpx.Response) -> dict[str, list[str]]:
    """What is wrong by field, in the documented envelope."""
    assert response.status_code == 422
    reply = response.json()
    assert set(reply) == {"success", "data", "message", "errors"}
    assert (reply["success"], reply["data"]) == (False, None)
    wrong: dict[str, list[str]] = reply["errors"]
    return wrong


def header(**changes: Any) -> dict[str, Any]:
    return HEADER | changes


def item(**changes: Any) -> list[dict[str, Any]]:
    return [ITEMS[0] | changes]


def note(**changes: Any) -> dict[str, Any]:
    """A credit note over all of invoice INV-2026-00001."""
    return {
        "header": header(invoice_type_code="381", invoice_number="CN-1"),
        "references": {
            "sales_order": "INV-1",
            "preceding_invoices": [{"number": "INV-2026-00001"}],
        },
        **changes,
    }


@pytest_asyncio.fixture
async def stand_in() -> AsyncIterator[invoro.InvoroStandIn]:
    """Nothing ends by itself here, no second passes, and pages are short."""
    assumed = invoro.Assumed(reference_at=("references.sales_order", "header.invoice_number"))
    slow = invoro.InvoroStandIn(
        sending_delay=math.inf,
        delivery_delay=math.inf,
        page_size=2,
        assumed=assumed,
        clock=lambda: 1000.5,
    )
    async with serve(slow) as served:
        yield served


@pytest_asyncio.fixture
async def caller(stand_in: invoro.InvoroStandIn) -> AsyncIterator[Caller]:
    async with httpx.AsyncClient(timeout=2, verify=NO_TLS) as http:
        yield Caller(stand_in, http)


class TestTheDoor:
    @pytest.mark.parametrize("prefix", ["ak_live_", "ak_test_"])
    def test_a_key_has_64_characters_and_says_what_it_is_for(self, prefix: str) -> None:
        key = invoro.LIVE_KEY if "live" in prefix else invoro.TEST_KEY
        assert (len(key), key[:8]) == (64, prefix)

    @pytest.mark.parametrize(
        "headers",
        [{"Authorization": f"Bearer {invoro.TEST_KEY}"}, {"X-Api-Key": invoro.TEST_KEY}],
    )
    async def test_both_documented_headers_open_it(
        self, caller: Caller, headers: dict[str, str]
    ) -> None:
        caller.headers = headers
        assert (await caller.raw("GET", "/invoices")).status_code == 200

    async def test_it_may_know_only_one_of_the_headers(self, caller: Caller) -> None:
        caller.stand_in.assumed.key_headers = frozenset({"x-api-key"})
        assert (await caller.raw("GET", "/invoices")).status_code == 401
        caller.headers = {"X-Api-Key": invoro.TEST_KEY}
        assert (await caller.raw("GET", "/invoices")).status_code == 200

    @pytest.mark.parametrize("header", ["", "Bearer guess", invoro.TEST_KEY])
    async def test_without_a_key_nobody_gets_in(self, caller: Caller, header: str) -> None:
        caller.headers = {"Authorization": header}
        response = await caller.create()
        assert (response.status_code, set(response.json())) == (401, {"message"})
        assert caller.stand_in.ledger.entries == ()

    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("POST", "/invoices"),
            ("POST", "/invoices/import-xml"),
            ("POST", "/invoices/any/send"),
            ("DELETE", "/invoices/any"),
            ("POST", "/peppol/lookup"),
        ],
    )
    async def test_a_missing_scope_is_forbidden(
        self, caller: Caller, method: str, path: str
    ) -> None:
        reader = caller.as_(invoro.READER_KEY)
        assert (await reader.raw(method, path, {})).status_code == 403
        assert (await reader.raw("GET", "/invoices")).status_code == 200

    async def test_a_key_without_a_company_cannot_create(self, caller: Caller) -> None:
        response = await caller.as_(invoro.HOMELESS_KEY).create()
        assert response.status_code == 422
        assert response.json() == {"message": "User must belong to a company to create invoices."}

    async def test_live_and_test_data_are_disjoint(self, caller: Caller) -> None:
        live = caller.as_(invoro.LIVE_KEY)
        mine, theirs = await caller.created(), await live.created()
        assert (mine["is_test"], theirs["is_test"]) == (True, False)
        for key, own, other in ((caller, mine, theirs), (live, theirs, mine)):
            assert [one["id"] for one in await key.listed()] == [own["id"]]
            assert (await key.raw("GET", f"/invoices/{other['id']}")).status_code == 404
            assert (await key.send(other["id"])).status_code == 404
            assert (await key.raw("DELETE", f"/invoices/{other['id']}")).status_code == 404

    async def test_another_company_sees_nothing_of_ours(self, caller: Caller) -> None:
        identity = await caller.draft()
        stranger = caller.as_(invoro.STRANGER_KEY)
        assert await stranger.listed() == []
        response = await stranger.raw("GET", f"/invoices/{identity}")
        assert (response.status_code, response.json()) == (404, {"message": "Invoice not found."})

    async def test_every_answer_states_the_rate_limit(self, caller: Caller) -> None:
        answers = [
            await caller.create(),
            await caller.create(items=[]),
            await caller.raw("GET", "/invoices/nothing"),
            await caller.raw("GET", "/nowhere"),
            await caller.as_(invoro.READER_KEY).create(),
            await caller.as_("guess").create(),
        ]
        assert [one.status_code for one in answers] == [201, 422, 404, 404, 403, 401]
        assert {one.headers["X-RateLimit-Limit"] for one in answers} == {"100"}
        assert {one.headers["X-RateLimit-Reset"] for one in answers} == {"1001"}
        left = [one.headers["X-RateLimit-Remaining"] for one in answers]
        assert left == ["99", "98", "97", "96", "99", "99"]

    async def test_a_key_that_calls_too_often_waits_for_the_next_second(
        self, caller: Caller
    ) -> None:
        now = 1000.0
        caller.stand_in.clock = lambda: now
        caller.stand_in.assumed.rate_limit = 2
        codes = [(await caller.create()).status_code for _ in range(3)]
        assert codes == [201, 201, 429]
        assert (await caller.as_(invoro.LIVE_KEY).create()).status_code == 201
        now = 1001.0
        assert (await caller.create()).status_code == 201
        assert caller.stand_in.ledger.effects("INV-1").count("created") == 4

    async def test_the_reset_may_count_from_now(self, caller: Caller) -> None:
        caller.stand_in.assumed.reset_is = "seconds"
        assert (await caller.raw("GET", "/invoices")).headers["X-RateLimit-Reset"] == "1"

    async def test_no_key_is_kept_in_the_record_of_calls(self, caller: Caller) -> None:
        await caller.create()
        record = str([call.described() for call in caller.stand_in.calls.all])
        assert invoro.TEST_KEY not in record


class TestCreating:
    async def test_a_draft_shows_every_key_and_mirrors_what_was_stored(
        self, caller: Caller
    ) -> None:
        response = await caller.create()
        draft = data(response)
        assert response.status_code == 201
        assert set(draft) == KEYS
        assert (draft["state"], draft["direction"], draft["is_test"]) == ("draft", "outgoing", True)
        assert (draft["amount"], draft["currency"], draft["total_paid_cents"]) == (12503, "EUR", 0)
        ubl = draft["ubl_json"]
        assert (ubl["items"], ubl["buyer"]) == (ITEMS, BUYER)
        assert ubl["header"] == HEADER | {"invoice_number": None, "invoice_type_code": "380"}
        assert ubl["totals"] == TOTALS | {
            "allowance_total_amount": 0,
            "charge_total_amount": 0,
            "paid_amount": 0,
            "payable_rounding_amount": 0,
        }
        empty = {"exemption_reason": None, "exemption_reason_code": None}
        assert ubl["tax_breakdown"] == [row | empty for row in ROWS]
        assert await caller.read(draft["id"]) == draft
        entry = caller.stand_in.ledger.of("INV-1")[0]
        assert (entry.effect, entry.number, entry.gross) == ("created", None, Decimal("125.03"))

    async def test_a_body_is_json_and_an_object(self, caller: Caller) -> None:
        headers = caller.headers | {"Content-Type": "application/json"}
        url = f"{caller.stand_in.base_url}/invoices"
        for content in (b"", b"{", b"[]", b'{"items": NaN}'):
            response = await caller.http.post(url, headers=headers, content=content)
            assert response.status_code == 422
        assert (await caller.http.post(url, headers=headers, json=[1])).status_code == 422
        plain = {**caller.headers, "Content-Type": "text/plain"}
        assert (await caller.http.post(url, headers=plain, content=b"{}")).status_code == 422

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"buyer": None}, "buyer"),
            ({"buyer": {}}, "buyer.name"),
            ({"buyer": BUYER | {"name": "x" * 256}}, "buyer.name"),
            ({"buyer": BUYER | {"vat_number": "1" * 51}}, "buyer.vat_number"),
            ({"buyer": BUYER | {"legal_information": "x"}}, "buyer.legal_information"),
            ({"buyer": BUYER | {"contact": {"email": "nobody"}}}, "buyer.contact.email"),
            ({"buyer": BUYER | {"address": {"country": "BEL"}}}, "buyer.address.country"),
            (
                {"buyer": BUYER | {"address": {"postal_code": "1" * 21}}},
                "buyer.address.postal_code",
            ),
            (
                {"buyer": BUYER | {"identifiers": [{"scheme": "1" * 11}]}},
                "buyer.identifiers.0.scheme",
            ),
            ({"items": None}, "items"),
            ({"items": []}, "items"),
            ({"items": [{"price": 1, "quantity": 1}]}, "items.0.name"),
            ({"items": [{"name": "x", "quantity": 1}]}, "items.0.price"),
            ({"items": [{"name": "x", "price": 1}]}, "items.0.quantity"),
            ({"items": item(price=Decimal("19.99"))}, "items.0.price"),
            ({"items": item(price="1999")}, "items.0.price"),
            ({"items": item(price=True)}, "items.0.price"),
            ({"items": item(quantity="3")}, "items.0.quantity"),
            ({"items": item(quantity=None)}, "items.0.quantity"),
            ({"items": item(base_quantity=0)}, "items.0.base_quantity"),
            ({"items": item(tax_rate=101)}, "items.0.tax_rate"),
            ({"items": item(unit_code="x" * 11)}, "items.0.unit_code"),
            ({"items": item(id="x" * 51)}, "items.0.id"),
            ({"items": item(line_total=1)}, "items.0.line_total"),
            ({"items": item(allowances=[{"reason": "x"}])}, "items.0.allowances.0.amount"),
            ({"header": None}, "header"),
            ({"header": header(currency="EURO")}, "header.currency"),
            ({"header": header(currency="eur")}, "header.currency"),
            ({"header": header(issue_date="2026-06-30")}, "header.issue_date"),
            ({"header": header(due_date="2026-06-30T00:00:00")}, "header.due_date"),
            ({"header": header(invoice_number="x" * 256)}, "header.invoice_number"),
            ({"header": header(invoice_type_code="x" * 11)}, "header.invoice_type_code"),
            ({"header": header(specification="x" * 501)}, "header.specification"),
            ({"header": header(document_type="ubl")}, "header.document_type"),
            ({"header": header(rounding_amount=Decimal("0.5"))}, "header.rounding_amount"),
            ({"header": header(notes=[1])}, "header.notes.0"),
            ({"header": header(external_reference="x")}, "header.external_reference"),
            ({"header": header(invoice_number_series="nobody's")}, "header.invoice_number_series"),
            ({"invoice_number_series": "billing"}, "invoice_number_series"),
            ({"calculate_totals": None}, "calculate_totals"),
            ({"calculate_totals": "yes"}, "calculate_totals"),
            ({"business_entity_id": "mine"}, "business_entity_id"),
            ({"business_entity_id": invoro.COMPANY}, "business_entity_id"),
            ({"related_invoice_id": invoro.COMPANY}, "related_invoice_id"),
            ({"payment": {"bank_account": {"iban": "x" * 35}}}, "payment.bank_account.iban"),
            ({"payment": {"payments": [{"bic": "x"}]}}, "payment.payments.0.bic"),
            ({"references": {"preceding_invoices": {}}}, "references.preceding_invoices"),
            ({"totals": {"payable_amount": Decimal("1.5")}}, "totals.payable_amount"),
            ({"attachments": [{"data": "not base64!"}]}, "attachments.0.data"),
            ({"delivery": {"date": "tomorrow"}}, "delivery.date"),
        ],
    )
    async def test_every_field_has_its_type_and_limit(
        self, caller: Caller, changes: dict[str, Any], field: str
    ) -> None:
        wrong = errors(await caller.create(**changes))
        assert list(wrong) == [field]
        assert all(isinstance(problem, str) for problem in wrong[field])
        assert caller.stand_in.ledger.entries == ()

    async def test_all_mistakes_are_named_at_once(self, caller: Caller) -> None:
        changes = {"buyer": {}, "header": {"currency": "?"}, "items": item(price=None)}
        wrong = errors(await caller.create(**changes))
        assert set(wrong) == {"buyer.name", "header.currency", "items.0.price"}

    async def test_a_body_of_nothing_lacks_a_buyer_and_items(self, caller: Caller) -> None:
        assert set(errors(await caller.raw("POST", "/invoices", {}))) == {"buyer", "items"}

    async def test_everything_the_page_has_is_taken(self, caller: Caller) -> None:
        party = {
            "endpoint_id": {"scheme": "0208", "value": "0123456749"},
            "identifiers": [{"scheme": "0088", "value": "1"}],
            "name": "A",
            "legal_name": "B",
            "trading_name": None,
            "vat_number": "BE0123456749",
            "company_id": {"scheme": "0208", "value": "0123456749"},
            "tax_registration_id": {"scheme": None, "value": None},
            "address": {"street": "1", "additional_line": "2", "city": "3", "subdivision": "4"},
            "contact": {"name": "x", "phone": "1", "email": "someone@example.com"},
        }
        adjustment = {"reason": "x", "reason_code": "95", "amount": 1, "percentage": None}
        draft = await caller.created(
            business_entity_id=invoro.Entities.SECOND,
            header=header(
                specification="s",
                business_process="p",
                vat_currency="EUR",
                tax_point_date="2026-06-30T00:00:00+02:00",
                accounting_cost="a",
                project_reference="p",
                contract_reference="c",
                notes=["a note"],
                tender_or_lot_reference="t",
                document_type="ublbe_invoice",
                invoice_period={"start_date": None, "description": "June"},
                invoice_number_series="billing",
            ),
            seller=party | {"legal_information": "x" * 999},
            buyer=party,
            payee={"name": "x", "company_id": {"scheme": "1"}},
            payment={
                "terms": "30 days",
                "payments": [{"means_code": "30", "bank_accounts": [{"iban": "x", "bic": "y"}]}],
                "means_code": "30",
                "card": {"pan": "1"},
                "direct_debit": {"mandate_id": "m"},
            },
            delivery={"date": "2026-06-30T00:00:00Z", "address": {"country": "BE"}},
            items=item(
                description="d",
                note="n",
                unit_code="C62",
                origin_country="BE",
                period={"end_date": None},
                classifications=[{"list_id": "STI"}],
                identifiers={"standard": {"scheme": "0160", "value": "1"}, "sellers_item_id": "s"},
                attributes=[{"name": "n", "value": "v"}],
                order_line_reference="1",
                allowances=[adjustment],
                charges=[adjustment],
            ),
            allowances=[adjustment | {"tax_category": "S", "tax_rate": 21}],
            attachments=[{"filename": "a.pdf", "mime_type": "application/pdf", "data": "AA=="}],
        )
        assert draft["business_entity_id"] == invoro.Entities.SECOND
        assert "invoice_number_series" not in draft["ubl_json"]["header"]
        assert draft["ubl_json"]["seller"]["legal_information"] == "x" * 999

    @pytest.mark.parametrize(
        ("profile", "code", "fits"),
        [
            ("ublbe_invoice", None, True),
            ("xrechnung_cii_invoice", "380", True),
            ("invoice", "381", False),
            ("credit_note", "380", False),
            ("credit_note", None, False),
            ("nlcius_credit_note", "381", True),
            ("invoice", "384", False),
        ],
    )
    async def test_a_profile_must_fit_the_type_code(
        self, caller: Caller, profile: str, code: str | None, *, fits: bool
    ) -> None:
        response = await caller.create(header=header(document_type=profile, invoice_type_code=code))
        if fits:
            assert response.status_code == 201
        else:
            assert set(errors(response)) == {"header.document_type"}

    async def test_the_series_may_be_read_at_the_top(self, caller: Caller) -> None:
        caller.stand_in.assumed.series_at = "top"
        assert (await caller.create(invoice_number_series="billing")).status_code == 201
        response = await caller.create(header=header(invoice_number_series="billing"))
        assert set(errors(response)) == {"header.invoice_number_series"}

    async def test_a_number_may_occur_twice_unless_it_must_not(self, caller: Caller) -> None:
        numbered = {"header": header(invoice_number="A-1")}
        for _ in range(2):
            assert (await caller.create(**numbered)).status_code == 201
        caller.stand_in.assumed.unique_numbers = True
        assert set(errors(await caller.create(**numbered))) == {"header.invoice_number"}
        assert (await caller.create()).status_code == 201

    async def test_the_success_code_is_a_setting(self, caller: Caller) -> None:
        caller.stand_in.assumed.created_status = 200
        assert (await caller.create()).status_code == 200


class TestTotals:
    async def test_consistent_totals_may_be_sent_instead(self, caller: Caller) -> None:
        draft = await caller.created(**SENT_TOTALS)
        assert draft["amount"] == 12503

    async def test_without_a_word_about_it_totals_must_be_sent(self, caller: Caller) -> None:
        body = {name: value for name, value in BODY.items() if name != "calculate_totals"}
        wrong = errors(await caller.raw("POST", "/invoices", body))
        assert set(wrong) == {*(f"totals.{name}" for name in TOTALS), "tax_breakdown"}

    @pytest.mark.parametrize("name", TOTALS)
    @pytest.mark.parametrize("off", [1, -1])
    async def test_a_total_that_is_a_cent_off_is_refused(
        self, caller: Caller, name: str, off: int
    ) -> None:
        changed = SENT_TOTALS | {"totals": TOTALS | {name: TOTALS[name] + off}}
        assert set(errors(await caller.create(**changed))) == {f"totals.{name}"}
        assert caller.stand_in.ledger.entries == ()

    @pytest.mark.parametrize(
        ("rows", "field"),
        [
            ([ROWS[0] | {"tax_amount": 1260}, ROWS[1]], "tax_breakdown.0.tax_amount"),
            ([ROWS[0], ROWS[1] | {"taxable_amount": None}], "tax_breakdown.1.taxable_amount"),
            ([ROWS[0]], "tax_breakdown"),
            ([*ROWS, ROWS[0]], "tax_breakdown.2"),
            ([*ROWS, ROWS[0] | {"rate": 12}], "tax_breakdown.2"),
        ],
    )
    async def test_the_breakdown_must_be_that_of_the_items(
        self, caller: Caller, rows: list[Any], field: str
    ) -> None:
        changed = SENT_TOTALS | {"tax_breakdown": rows}
        assert set(errors(await caller.create(**changed))) == {field}

    async def test_what_is_calculated_replaces_what_was_sent(self, caller: Caller) -> None:
        draft = await caller.created(totals={"payable_amount": 1, "paid_amount": 503})
        assert draft["ubl_json"]["totals"]["payable_amount"] == 12000
        assert draft["amount"] == 12503

    async def test_amount_may_be_what_is_left_to_pay(self, caller: Caller) -> None:
        caller.stand_in.assumed.amount_is = "payable_amount"
        draft = await caller.created(totals={"paid_amount": 503})
        assert draft["amount"] == 12000

    def test_allowances_charges_and_base_quantities_count(self) -> None:
        body = {
            "items": [
                {
                    # 1005 × 7 / 100 = 70.35, so 70; less 10 % of that, more 2.
                    "price": 1005,
                    "quantity": 7,
                    "base_quantity": 100,
                    "tax_rate": 21,
                    "allowances": [{"percentage": 10}],
                    "charges": [{"amount": 2}],
                },
                {"price": 1000, "quantity": -1, "tax_rate": 6},
                {"price": 5000, "quantity": 1},
            ],
            "allowances": [{"percentage": 10, "base_amount": 155, "tax_rate": 21}],
            "charges": [{"percentage": Decimal("0.5"), "tax_rate": 6}],
            "totals": {"paid_amount": 100},
            "header": {"rounding_amount": -2},
        }
        sums = summed(body, "category")
        assert (sums.items, sums.allowances, sums.charges) == (65 - 1000 + 5000, 16, 20)
        assert [(row.taxable, row.tax) for row in sums.rows.values()] == [
            (49, 10),
            (-980, -59),
            (5000, 0),
        ]
        assert sums.totals()["payable_amount"] == 4069 - 49 - 100 - 2

    def test_vat_may_be_rounded_per_item(self) -> None:
        body = {"items": [{"price": 3, "quantity": 1, "tax_rate": 21}] * 3}
        assert (summed(body, "category").tax, summed(body, "line").tax) == (2, 3)

    @given(
        st.lists(
            st.tuples(
                st.integers(0, 10**6),
                st.decimals(-999, 999, places=3).filter(bool),
                st.sampled_from([0, 6, Decimal("5.5"), 21]),
            ),
            min_size=1,
            max_size=6,
        )
    )
    def test_the_sums_are_those_of_the_norm_as_our_own_totals_have_them(
        self, lines: list[tuple[int, Decimal, Decimal]]
    ) -> None:
        body: dict[str, Any] = {
            "items": [{"price": p, "quantity": q, "tax_rate": rate} for p, q, rate in lines]
        }
        document = Document(
            currency="EUR",
            issue_date=date(2026, 6, 30),
            buyer=Party(name="Canary Energy BV"),
            lines=tuple(
                Line(
                    id=str(index),
                    name="x",
                    quantity=quantity,
                    unit_price=Decimal(price).scaleb(-2),
                    vat=Vat(category=VatCategory.STANDARD if rate else VatCategory.ZERO, rate=rate),
                )
                for index, (price, quantity, rate) in enumerate(lines)
            ),
        )
        ours, theirs = totals(document, "category"), summed(body, "category")
        assert (int(ours.net * 100), int(ours.vat * 100)) == (theirs.exclusive, theirs.tax)
        body |= {"totals": theirs.totals(), "tax_breakdown": breakdown(theirs, body)}
        assert [*contradictions(body, theirs)] == []


class TestFinding:
    async def test_an_unknown_id_is_not_found(self, caller: Caller) -> None:
        response = await caller.raw("GET", "/invoices/nothing")
        assert (response.status_code, response.json()) == (404, {"message": "Invoice not found."})

    async def test_a_number_is_found_exactly(self, caller: Caller) -> None:
        for number in ("A-1", "A-10", "a-1"):
            await caller.create(header=header(invoice_number=number))
        found = await caller.listed("?invoice_number=A-1")
        assert [one["ubl_json"]["header"]["invoice_number"] for one in found] == ["A-1"]
        assert await caller.listed("?invoice_number=A") == []

    async def test_a_number_drawn_from_the_series_is_found_too(self, caller: Caller) -> None:
        identity = await caller.sent()
        found = await caller.listed("?invoice_number=INV-2026-00001")
        assert [one["id"] for one in found] == [identity]

    async def test_status_currency_and_date_are_filters(self, caller: Caller) -> None:
        sent, dollars = await caller.sent(), await caller.draft(header=header(currency="USD"))
        today = datetime.now(UTC).date()
        wishes = {
            "?status=draft": [dollars],
            "?status=delivered": [sent],
            "?status=cancelled": [],
            "?currency=USD": [dollars],
            "?currency=USD&status=delivered": [],
            f"?from_date={today}&to_date={today}": [dollars, sent],
            f"?from_date={today + timedelta(days=1)}": [],
            f"?to_date={today - timedelta(days=1)}": [],
            f"?from_date={today}T00:00:00Z": [dollars, sent],
        }
        for wish, right in wishes.items():
            assert [one["id"] for one in await caller.listed(wish)] == right, wish

    @pytest.mark.parametrize(
        "wish",
        [
            "status=unheard",
            "page=0",
            "page=x",
            "from_date=june",
            "to_date=2026-06-31",
            "number=A-1",
            "currency=euro",
        ],
    )
    async def test_a_wrong_filter_is_refused(self, caller: Caller, wish: str) -> None:
        wrong = errors(await caller.raw("GET", f"/invoices?{wish}"))
        assert list(wrong) == [wish.split("=")[0]]

    async def test_pages_bring_all_of_them_newest_first(self, caller: Caller) -> None:
        ids = [await caller.draft() for _ in range(5)]
        pages = [
            (await caller.raw("GET", f"/invoices?status=draft&page={n}")).json() for n in (1, 2, 3)
        ]
        assert [one["id"] for page in pages for one in page["data"]] == ids[::-1]
        assert [page["meta"]["total"] for page in pages] == [5, 5, 5]
        assert (pages[0]["meta"]["last_page"], pages[0]["meta"]["per_page"]) == (3, 2)
        assert [page["links"]["next"] is None for page in pages] == [False, False, True]
        assert await caller.listed("?page=4") == []

    async def test_a_page_has_15_by_default_and_may_be_all_there_is_to_know(self) -> None:
        bare = invoro.Assumed(list_has_meta=False, newest_first=False)
        async with (
            serve(invoro.InvoroStandIn(assumed=bare)) as stand_in,
            httpx.AsyncClient(verify=NO_TLS) as http,
        ):
            caller = Caller(stand_in, http)
            ids = [await caller.draft() for _ in range(16)]
            assert [one["id"] for one in await caller.listed()] == ids[:15]
            response = await caller.raw("GET", "/invoices?page=2")
            assert set(response.json()) == {"data"}
            assert [one["id"] for one in response.json()["data"]] == ids[15:]


class TestSending:
    async def test_it_is_queued_then_sent_then_delivered(self, caller: Caller) -> None:
        identity = await caller.draft()
        response = await caller.send(identity)
        queued = data(response)
        assert (response.status_code, queued["state"]) == (200, "sending")
        assert queued["ubl_json"]["header"]["invoice_number"] == "INV-2026-00001"
        assert queued["delivery_network_id"] == "peppol"
        assert caller.stand_in.ledger.effects("INV-1") == ["created", "approved"]
        caller.stand_in.finish("INV-1")
        done = await caller.read(identity)
        assert done["state"] == "delivered"
        states = [one["state"] for one in done["metadata_json"]["history"]]
        assert states == ["sending", "sent", "delivered"]
        assert caller.stand_in.ledger.effects("INV-1") == ["created", "approved", "sent"]
        entry = caller.stand_in.ledger.of("INV-1")[-1]
        assert (entry.number, entry.gross) == ("INV-2026-00001", Decimal("125.03"))

    async def test_it_goes_on_by_itself_after_the_delays(self, caller: Caller) -> None:
        caller.stand_in.assumed.sending_delay = 0.01
        await caller.send(await caller.draft())
        await caller.stand_in.ledger.reached("sent", "INV-1")
        assert caller.stand_in.invoice("INV-1")["state"] == "sent"
        caller.stand_in.deliver("INV-1")
        assert caller.stand_in.invoice("INV-1")["state"] == "delivered"

    async def test_a_draft_has_no_number_until_it_is_sent(self, caller: Caller) -> None:
        first, second = await caller.draft(), await caller.draft()
        for identity in (second, first):
            await caller.send(identity)
        numbers = {
            one["id"]: one["ubl_json"]["header"]["invoice_number"] for one in await caller.listed()
        }
        assert numbers == {second: "INV-2026-00001", first: "INV-2026-00002"}

    async def test_numbers_run_per_series_and_year_live_and_test_apart(
        self, caller: Caller
    ) -> None:
        series = header(invoice_number_series="billing")
        earlier = header(issue_date="2025-12-31T00:00:00Z")
        live = caller.as_(invoro.LIVE_KEY)
        wishes = ((caller, HEADER), (caller, series), (caller, earlier), (live, HEADER))
        drawn = []
        for key, wish in wishes:
            sent = await key.read(await key.sent(header=wish))
            drawn.append(sent["ubl_json"]["header"]["invoice_number"])
        assert drawn == ["INV-2026-00001", "BIL-2026-00001", "INV-2025-00001", "INV-2026-00001"]

    async def test_a_number_that_was_given_is_kept_and_not_drawn_again(
        self, caller: Caller
    ) -> None:
        given = await caller.sent(header=header(invoice_number="INV-2026-00001"))
        drawn = await caller.sent()
        numbers = [
            (await caller.read(one))["ubl_json"]["header"]["invoice_number"]
            for one in (given, drawn)
        ]
        assert numbers == ["INV-2026-00001", "INV-2026-00002"]

    async def test_what_is_not_sendable_is_refused(self, caller: Caller) -> None:
        identity = await caller.draft()
        assert (await caller.send(identity)).status_code == 200
        for state in ("sending", "sent", "delivered", "failed", "cancelled"):
            caller.stand_in.put("INV-1", state)
            response = await caller.send(identity)
            assert (response.status_code, set(response.json())) == (422, {"message"})
        assert caller.stand_in.ledger.effects("INV-1") == ["created", "approved"]

    async def test_an_invoice_approved_in_the_application_can_be_sent(self, caller: Caller) -> None:
        identity = await caller.draft()
        caller.stand_in.put("INV-1", "approved")
        assert (await caller.read(identity))["state"] == "approved"
        assert (await caller.send(identity)).status_code == 200

    async def test_a_failed_one_may_be_sendable_and_keeps_its_number(self, caller: Caller) -> None:
        caller.stand_in.assumed.sendable |= {"failed"}
        identity = await caller.draft()
        await caller.send(identity)
        caller.stand_in.fail("INV-1", "mailbox full")
        failed = await caller.read(identity)
        assert failed["state"] == "failed"
        assert failed["metadata_json"]["error"]["message"] == "mailbox full"
        again = data(await caller.send(identity))
        assert again["ubl_json"]["header"]["invoice_number"] == "INV-2026-00001"
        assert "error" not in again["metadata_json"]
        caller.stand_in.finish("INV-1")
        assert caller.stand_in.ledger.effects("INV-1") == ["created", "approved", "sent"]

    async def test_a_failure_ends_what_was_under_way(self, caller: Caller) -> None:
        identity = await caller.draft()
        await caller.send(identity)
        invoice = caller.stand_in.books.invoices[identity]
        sending = invoice.due
        assert sending is not None
        caller.stand_in.fail("INV-1")
        caller.stand_in.books._due(invoice, sending)
        assert (await caller.read(identity))["state"] == "failed"
        assert caller.stand_in.ledger.effects("INV-1") == ["created", "approved"]

    async def test_only_what_is_under_way_can_be_delivered_or_fail(self, caller: Caller) -> None:
        await caller.draft()
        for lever in (caller.stand_in.deliver, caller.stand_in.fail):
            with pytest.raises(ValueError, match="draft"):
                lever("INV-1")
        with pytest.raises(LookupError):
            caller.stand_in.deliver("INV-2")
        with pytest.raises(ValueError, match="no state"):
            caller.stand_in.put("INV-1", "unheard")

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"buyer": {"name": "A", "address": {"country": "BE"}}}, "buyer.endpoint_id"),
            ({"buyer": BUYER | {"address": {}}}, "buyer.address.country"),
            ({"header": header(buyer_reference=None)}, "header.buyer_reference"),
            ({"header": header(due_date=None)}, "header.due_date"),
            ({"items": item(price=-1)}, "items.0.price"),
            ({"items": item(tax_category="VAT")}, "items.0.tax_category"),
            ({"items": item(tax_category="S", tax_rate=0)}, "items.0.tax_rate"),
            ({"items": item(tax_category="Z")}, "items.0.tax_rate"),
            (
                {"items": item(tax_category="E", tax_rate=0)},
                "tax_breakdown.0.exemption_reason",
            ),
            (
                {"references": {"preceding_invoices": [{}]}},
                "references.preceding_invoices.0.number",
            ),
        ],
    )
    async def test_it_is_validated_before_it_is_queued(
        self, caller: Caller, changes: dict[str, Any], field: str
    ) -> None:
        draft = await caller.created(**changes)
        assert list(errors(await caller.send(draft["id"]))) == [field]
        assert await caller.read(draft["id"]) == draft

    async def test_an_exemption_may_be_explained_on_the_item(self, caller: Caller) -> None:
        exempt = item(tax_category="E", tax_rate=0, tax_exemption_reason="medical care")
        sent = await caller.read(await caller.sent(items=exempt))
        assert sent["ubl_json"]["tax_breakdown"][0]["exemption_reason"] == "medical care"

    async def test_the_rules_can_be_switched_off(self, caller: Caller) -> None:
        caller.stand_in.assumed.checks_rules = False
        identity = await caller.sent(buyer={"name": "A"})
        assert (await caller.read(identity))["state"] == "delivered"

    @pytest.mark.parametrize(
        ("buyer", "network"),
        [
            (BUYER, "peppol"),
            ({"vat_number": "PL0000000000"}, "ksef"),
            ({"contact": {"email": "bills@example.com"}}, "email"),
        ],
    )
    async def test_the_buyer_decides_the_network(
        self, caller: Caller, buyer: dict[str, Any], network: str
    ) -> None:
        caller.stand_in.assumed.unconfirmed = frozenset({"email"})
        named = {"name": "A", "address": {"country": "BE"}} | buyer
        sent = await caller.read(await caller.sent(buyer=named))
        assert sent["delivery_network_id"] == network
        assert sent["state"] == ("sent" if network == "email" else "delivered")

    async def test_a_test_key_may_never_deliver(self, caller: Caller) -> None:
        caller.stand_in.assumed.test_delivers = False
        live = caller.as_(invoro.LIVE_KEY)
        assert (await caller.read(await caller.sent()))["state"] == "sent"
        assert (await live.read(await live.sent()))["state"] == "delivered"

    async def test_a_stranger_to_peppol_may_be_out_of_reach(self, caller: Caller) -> None:
        caller.stand_in.assumed.reaches_strangers = False
        unknown = BUYER | {"endpoint_id": {"scheme": "0208", "value": "0999999999"}}
        lost = await caller.read(await caller.sent(buyer=unknown))
        assert (lost["state"], lost["metadata_json"]["error"]["code"]) == (
            "failed",
            "delivery_failed",
        )
        assert (await caller.read(await caller.sent()))["state"] == "delivered"

    async def test_the_answer_may_be_a_sentence_with_another_code(self, caller: Caller) -> None:
        caller.stand_in.assumed.send_status = 202
        caller.stand_in.assumed.send_answers = "message"
        response = await caller.send(await caller.draft())
        assert (response.status_code, set(response.json())) == (202, {"message"})


class TestTakingBack:
    async def test_a_draft_is_deleted_softly_and_once(self, caller: Caller) -> None:
        path = f"/invoices/{await caller.draft()}"
        response = await caller.raw("DELETE", path)
        assert response.json() == {"message": "Invoice deleted successfully."}
        assert await caller.listed() == []
        for method in ("GET", "DELETE"):
            assert (await caller.raw(method, path)).status_code == 404
        assert caller.stand_in.ledger.effects("INV-1") == ["created", "deleted"]
        assert caller.stand_in.ledger.live("INV-1") == ()

    async def test_a_deleted_draft_may_still_be_readable(self, caller: Caller) -> None:
        caller.stand_in.assumed.deleted_readable = True
        identity = await caller.draft()
        await caller.raw("DELETE", f"/invoices/{identity}")
        assert (await caller.read(identity))["deleted_at"] is not None
        assert (await caller.raw("DELETE", f"/invoices/{identity}")).status_code == 404
        assert (await caller.send(identity)).status_code == 404

    async def test_only_drafts_can_be_deleted(self, caller: Caller) -> None:
        identity = await caller.draft()
        for state in ("approved", "sending", "sent", "delivered", "failed", "cancelled"):
            caller.stand_in.put("INV-1", state)
            response = await caller.raw("DELETE", f"/invoices/{identity}")
            assert (response.status_code, set(response.json())) == (422, {"message"})
        assert caller.stand_in.ledger.live("INV-1") == (identity,)

    @pytest.mark.parametrize("by", ["number", "id"])
    async def test_a_credit_note_that_is_sent_credits_its_invoice(
        self, caller: Caller, by: str
    ) -> None:
        identity = await caller.sent()
        named = note()
        if by == "id":
            named = note(related_invoice_id=identity, references={"sales_order": "INV-1"})
        draft = await caller.created(**named)
        assert draft["related_invoice_id"] == (identity if by == "id" else None)
        await caller.send(draft["id"])
        assert caller.stand_in.ledger.live("INV-1") == (identity,)
        caller.stand_in.finish("CN-1")
        effects = ["created", "approved", "sent", "credited"]
        assert caller.stand_in.ledger.effects("INV-1") == effects
        assert caller.stand_in.ledger.live("INV-1") == ()
        assert caller.stand_in.ledger.effects("CN-1") == ["created", "approved", "sent"]
        assert (await caller.read(identity))["state"] == "delivered"

    async def test_an_invoice_is_credited_once_nothing_of_it_is_left(self, caller: Caller) -> None:
        await caller.sent()
        halves = [[ITEMS[0]], [ITEMS[1]]]
        for count, items in enumerate(halves):
            await caller.sent(**note(items=items))
            assert caller.stand_in.ledger.effects("INV-1").count("credited") == count
        await caller.sent(**note())
        assert caller.stand_in.ledger.effects("INV-1").count("credited") == 1

    async def test_a_credit_note_takes_nothing_back_from_drafts_or_other_modes(
        self, caller: Caller
    ) -> None:
        await caller.draft(header=header(invoice_number="INV-2026-00001"))
        await caller.as_(invoro.LIVE_KEY).sent()
        await caller.sent(**note())
        assert all(entry.effect != "credited" for entry in caller.stand_in.ledger.entries)

    async def test_a_credited_invoice_may_change_its_state(self, caller: Caller) -> None:
        caller.stand_in.assumed.credited_state = "cancelled"
        identity = await caller.sent()
        await caller.sent(**note())
        assert (await caller.read(identity))["state"] == "cancelled"


class TestPaying:
    async def test_payments_move_their_own_axis(self, caller: Caller) -> None:
        identity = await caller.sent()
        seen = [await caller.read(identity)]
        for amount in (Decimal("25.03"), None):
            caller.stand_in.pay("INV-1", amount)
            seen.append(await caller.read(identity))
        words = [one["payment_status"] for one in seen]
        assert words == ["unpaid", "partially_paid", "paid"]
        assert [one["total_paid_cents"] for one in seen] == [0, 2503, 12503]
        assert {one["state"] for one in seen} == {"delivered"}
        assert caller.stand_in.ledger.effects("INV-1").count("paid") == 1

    async def test_it_may_be_paid_before_it_is_delivered(self, caller: Caller) -> None:
        identity = await caller.draft()
        await caller.send(identity)
        caller.stand_in.pay("INV-1")
        paid = await caller.read(identity)
        assert (paid["state"], paid["payment_status"]) == ("sending", "paid")

    async def test_the_words_are_a_setting(self, caller: Caller) -> None:
        caller.stand_in.assumed.payment_words = ("open", "part", "settled")
        identity = await caller.sent()
        caller.stand_in.pay("INV-1")
        assert (await caller.read(identity))["payment_status"] == "settled"

    async def test_drafts_and_fractions_of_a_cent_are_not_paid(self, caller: Caller) -> None:
        identity = await caller.draft()
        with pytest.raises(ValueError, match="draft"):
            caller.stand_in.pay("INV-1")
        await caller.send(identity)
        with pytest.raises(ValueError, match="cent"):
            caller.stand_in.pay("INV-1", Decimal("0.001"))
        assert (await caller.read(identity))["total_paid_cents"] == 0

    async def test_another_process_can_pay(self, caller: Caller) -> None:
        await caller.sent()
        url = f"{caller.stand_in.url}/_sandbox/pay"
        paid = await caller.http.post(url, json={"reference": "INV-1"})
        assert paid.json() == {"effects": ["created", "approved", "sent", "paid"]}


class TestLookingUp:
    @pytest.mark.parametrize(
        ("query", "checked", "found"),
        [
            ("0208:0123456749", ["0208:0123456749"], ["0208:0123456749"]),
            (
                "BE 0123.456.749",
                ["0208:0123456749", "9925:BE0123456749"],
                ["0208:0123456749", "9925:BE0123456749"],
            ),
            ("LU12345613", ["9938:LU12345613"], ["9938:LU12345613"]),
            ("0123456749", ["0088:0123456749", "0106:0123456749", "0208:0123456749"], None),
            ("DE123456788", ["9930:DE123456788"], []),
        ],
    )
    async def test_an_identifier_is_tried_as_what_it_may_mean(
        self, caller: Caller, query: str, checked: list[str], found: list[str] | None
    ) -> None:
        reply = data(await caller.raw("POST", "/peppol/lookup", {"query": query}))
        right = ["0208:0123456749"] if found is None else found
        assert (reply["query"], reply["candidates_checked"]) == (query, checked)
        assert [one["peppol_id"] for one in reply["results"]] == right
        assert reply["found"] is bool(right)

    async def test_a_participant_says_what_it_takes(self, caller: Caller) -> None:
        query = {"query": invoro.Participants.INVOICES_ONLY}
        result = data(await caller.raw("POST", "/peppol/lookup", query))["results"][0]
        assert [one["name"] for one in result["document_types"]] == [
            "Peppol BIS Billing 3.0 Invoice"
        ]
        assert result["business_card"] is None

    @pytest.mark.parametrize("body", [{}, {"query": ""}, {"query": 1}, {"query": None}])
    async def test_it_must_be_asked_something(self, caller: Caller, body: Any) -> None:
        wrong = errors(await caller.raw("POST", "/peppol/lookup", body))
        assert list(wrong) == ["query"]


XML = """<?xml version="1.0"?>
<Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"
  xmlns:c="urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2"
  xmlns:a="urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2">
  <c:ID>X-1</c:ID><c:IssueDate>2026-06-30</c:IssueDate><c:DueDate>2026-07-30</c:DueDate>
  <c:InvoiceTypeCode>380</c:InvoiceTypeCode><c:DocumentCurrencyCode>EUR</c:DocumentCurrencyCode>
  <c:BuyerReference>PO-7</c:BuyerReference>
  <a:AccountingCustomerParty><a:Party>
    <c:EndpointID schemeID="0208">0123456749</c:EndpointID>
    <a:PartyName><c:Name>Canary Energy BV</c:Name></a:PartyName>
    <a:PostalAddress><a:Country><c:IdentificationCode>BE</c:IdentificationCode></a:Country>
    </a:PostalAddress>
  </a:Party></a:AccountingCustomerParty>
  <a:InvoiceLine><c:ID>1</c:ID><c:InvoicedQuantity>3</c:InvoicedQuantity>
    <a:Item><c:Name>Meter replacement</c:Name><a:ClassifiedTaxCategory>
      <c:ID>S</c:ID><c:Percent>21</c:Percent></a:ClassifiedTaxCategory></a:Item>
    <a:Price><c:PriceAmount>19.99</c:PriceAmount></a:Price></a:InvoiceLine>
</Invoice>"""


class TestImporting:
    async def post(self, caller: Caller, content: str, kind: str) -> httpx.Response:
        headers = caller.headers | {"Content-Type": kind}
        url = f"{caller.stand_in.base_url}/invoices/import-xml"
        return await caller.http.post(url, headers=headers, content=content)

    async def test_a_ubl_document_becomes_a_draft_that_can_be_sent(self, caller: Caller) -> None:
        draft = data(await self.post(caller, XML, "application/xml; charset=utf-8"))
        assert (draft["state"], draft["amount"], draft["currency"]) == ("draft", 7256, "EUR")
        assert draft["ubl_json"]["buyer"]["name"] == "Canary Energy BV"
        assert (await caller.send(draft["id"])).status_code == 200
        assert caller.stand_in.ledger.effects("X-1") == ["created", "approved"]

    @pytest.mark.parametrize(
        ("content", "kind", "status"),
        [
            ("", "application/xml", 422),
            (XML, "application/json", 422),
            ("<Invoice>", "application/xml", 500),
            ("<Order/>", "application/xml", 500),
            ("<Invoice/>", "application/xml", 500),
            (XML.replace("<Invoice", "<!DOCTYPE Invoice><Invoice", 1), "application/xml", 500),
            (XML.replace(">19.99<", ">much<"), "application/xml", 500),
        ],
    )
    async def test_anything_else_does_not(
        self, caller: Caller, content: str, kind: str, status: int
    ) -> None:
        assert (await self.post(caller, content, kind)).status_code == status
        assert caller.stand_in.ledger.entries == ()


class TestItsOwnFaults:
    @pytest.mark.parametrize(("when", "effects"), [("before", []), ("after", ["created"])])
    async def test_a_server_error_in_its_own_envelope(
        self, caller: Caller, when: Any, effects: list[str]
    ) -> None:
        caller.stand_in.faults.place("create", "server_failure", when=when)
        response = await caller.create()
        assert response.status_code == 500
        right = {"success": False, "message": "Server Error", "data": None, "errors": None}
        assert response.json() == right
        assert "X-RateLimit-Limit" in response.headers
        assert caller.stand_in.ledger.effects("INV-1") == effects

    @pytest.mark.parametrize(
        ("fault", "field", "word", "true"),
        [
            ("unknown_status", "state", "inreview", "draft"),
            ("unknown_payment_status", "payment_status", "in_dispute", "unpaid"),
        ],
    )
    async def test_a_word_nobody_documented_for_some_reads(
        self, caller: Caller, fault: str, field: str, word: str, true: str
    ) -> None:
        identity = await caller.draft()
        caller.stand_in.faults.place("read", fault, times=2)
        assert [(await caller.read(identity))[field] for _ in range(3)] == [word, word, true]

    async def test_an_amount_stored_one_cent_off(self, caller: Caller) -> None:
        caller.stand_in.faults.place("create", "changed_amount")
        draft = await caller.read(await caller.draft())
        assert draft["amount"] == 12504
        assert draft["ubl_json"]["totals"]["tax_exclusive_amount"] == 10948
        assert caller.stand_in.ledger.of("INV-1")[0].gross == Decimal("125.04")

    async def test_an_amount_shown_some_cents_off(self, caller: Caller) -> None:
        identity = await caller.draft()
        caller.stand_in.faults.place("read", "changed_amount", key="-3")
        assert [(await caller.read(identity))["amount"] for _ in range(2)] == [12500, 12503]

    async def test_sent_without_a_number_for_one_read(self, caller: Caller) -> None:
        identity = await caller.sent()
        caller.stand_in.faults.place("read", "sent_without_number")
        shown = [await caller.read(identity) for _ in range(2)]
        assert [one["ubl_json"]["header"]["invoice_number"] for one in shown] == [
            None,
            "INV-2026-00001",
        ]
        assert shown[0]["state"] == "sent"

    async def test_sent_without_a_number_for_good(self, caller: Caller) -> None:
        caller.stand_in.faults.place("approve", "sent_without_number")
        shown = await caller.read(await caller.sent())
        assert shown["ubl_json"]["header"]["invoice_number"] is None
        assert shown["state"] == "delivered"

    async def test_a_sending_that_fails_says_why_in_the_metadata(self, caller: Caller) -> None:
        caller.stand_in.faults.place("approve", "errors_in_metadata", key="schematron failed")
        identity = await caller.draft()
        assert data(await caller.send(identity))["state"] == "sending"
        caller.stand_in.finish("INV-1")
        failed = await caller.read(identity)
        assert failed["state"] == "failed"
        assert failed["metadata_json"]["error"]["message"] == "schematron failed"
        assert caller.stand_in.ledger.effects("INV-1") == ["created", "approved"]

    async def test_an_error_in_the_metadata_of_one_read(self, caller: Caller) -> None:
        identity = await caller.draft()
        caller.stand_in.faults.place("read", "errors_in_metadata")
        assert "error" in (await caller.read(identity))["metadata_json"]
        assert (await caller.read(identity))["metadata_json"] is None

    async def test_a_send_that_was_accepted_but_never_answered(self, caller: Caller) -> None:
        identity = await caller.draft()
        gate = caller.stand_in.faults.place("approve", "gate", when="after")
        call = asyncio.create_task(caller.send(identity))
        await gate.reached()
        assert caller.stand_in.ledger.effects("INV-1") == ["created", "approved"]
        gate.release()
        assert (await call).status_code == 200
        assert (await caller.send(identity)).status_code == 422


class TestTheLedger:
    async def test_the_reference_is_found_where_callers_put_it(self, caller: Caller) -> None:
        caller.stand_in.assumed.reference_at = ("header.notes.0", "header.buyer_reference")
        await caller.create(header=header(notes=["REF-9"]))
        await caller.create()
        assert caller.stand_in.ledger.effects("REF-9") == ["created"]
        assert caller.stand_in.ledger.effects("PO-7") == ["created"]
        assert [call.reference for call in caller.stand_in.calls.of("create")] == ["REF-9", "PO-7"]

    async def test_calls_say_which_invoice_they_were_about(self, caller: Caller) -> None:
        identity = await caller.sent()
        await caller.read(identity)
        steps = [(call.step, call.reference) for call in caller.stand_in.calls.all]
        assert steps == [("create", "INV-1"), ("approve", "INV-1"), ("read", "INV-1")]

    async def test_whatever_chance_breaks_it_tells_what_happened(self) -> None:
        plan = Faults.drawn(3, ["create"], faults=("reset", "500", "429"), share=1.0, calls=6)
        stored = sum(placed.when == "after" for placed in plan)
        async with (
            serve(invoro.InvoroStandIn(faults=plan)) as stand_in,
            httpx.AsyncClient(verify=NO_TLS) as http,
        ):
            caller = Caller(stand_in, http)
            for _ in range(6):
                try:
                    assert (await caller.create()).status_code >= 400
                except httpx.ReadError:
                    continue
            assert len(stand_in.ledger.live("INV-1")) == stored

    async def test_reset_keeps_keys_and_begins_numbers_again(self, caller: Caller) -> None:
        await caller.sent()
        caller.stand_in.reset()
        assert caller.stand_in.ledger.entries == ()
        assert await caller.listed() == []
        sent = await caller.read(await caller.sent())
        assert sent["ubl_json"]["header"]["invoice_number"] == "INV-2026-00001"


async def test_on_its_own_it_prints_its_url_and_ends_when_told() -> None:
    async with (
        stand_in_alone("sandbox.invoro", "--sending-delay", "0") as url,
        httpx.AsyncClient(base_url=url, verify=NO_TLS) as http,
    ):
        assert (await http.get("/_sandbox/ledger")).json() == {"entries": []}
        assert (await http.get("/invoice-api/invoices")).status_code == 401

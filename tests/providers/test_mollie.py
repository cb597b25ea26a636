from __future__ import annotations

import hashlib
import hmac
import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import httpx
import pytest
from pydantic import SecretStr, ValidationError

import providers.mollie.adaptor
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
from providers.mollie.adaptor import Mollie
from providers.mollie.decode import NOT_READ, verify
from providers.mollie.settings import MollieSettings
from providers.mollie.states import REFERENCE, STATUSES
from providers.mollie.words import PLACES
from settings.accounts import read as accounts
from settings.variables import BadSettings
from tests.providers import Reply, Script, answer, differing

API_KEY = "test_canary-secret"
ACCESS_TOKEN = "access_canary-secret"
SETTINGS = {"base_url": "https://api.example.test", "token": API_KEY}
ORGANISATION = {"token": ACCESS_TOKEN, "profile_id": "pfl_canary"}
EMAIL = {"subject": "Your invoice", "body": "Please find it enclosed.\nThank you."}
LINE: dict[str, Any] = {
    "id": "1",
    "name": "Meter replacement",
    "quantity": "1",
    "unit_price": "89",
    "vat": {"rate": "21"},
}
BUYER: dict[str, Any] = {
    "name": "Canary Energy BV",
    "account_number": "C-1",
    "vat_number": "NL123456782B90",
    "language": "nl",
    "contact": {"email": "billing@canary.example.com"},
    "address": {
        "street": "Singel 1",
        "postal_code": "1000 AA",
        "city": "Amsterdam",
        "country": "NL",
    },
}
CONSUMER: dict[str, Any] = {
    **{name: value for name, value in BUYER.items() if name != "vat_number"},
    "name": "Test Canary",
    "type": "consumer",
    "given_name": "Test",
    "family_name": "Canary",
}
DOCUMENT: dict[str, Any] = {
    "currency": "EUR",
    "issue_date": "2026-06-30",
    "due_date": "2026-07-30",
    "buyer": BUYER,
    "lines": [LINE],
}
NOW = datetime(2026, 6, 30, 12, tzinfo=UTC)
"""The issue date of DOCUMENT."""
ID = "invoice_4Y0e"
CONTEXT = {
    "sends": True,
    "email": EMAIL,
    "recipient": "C-1",
    "gross": "107.69",
    "issue_date": "2026-06-30",
}
TARGET = Target(account="default", reference="ref-1", provider_id=ID, context=CONTEXT)
INVOICES = "/v2/sales-invoices"
INVOICE = f"{INVOICES}/{ID}"
POST, LIST = f"POST {INVOICES}", f"GET {INVOICES}"
GET, PATCH, DELETE = f"GET {INVOICE}", f"PATCH {INVOICE}", f"DELETE {INVOICE}"


def adaptor(told: Script, now: datetime = NOW, **settings: Any) -> Mollie:
    made = MollieSettings.model_validate(SETTINGS | settings)
    return Mollie(made, told.client(), lambda: now)


def line(**more: Any) -> dict[str, Any]:
    return LINE | more


def buyer(**more: Any) -> dict[str, Any]:
    return BUYER | more


def request(document: dict[str, Any] | None = None, **more: Any) -> InvoiceRequest:
    return InvoiceRequest.model_validate(
        {
            "reference": "ref-1",
            "provider": "mollie",
            "document": DOCUMENT | (document or {}),
            **more,
            "options": {"email": EMAIL} | more.get("options", {}),
        }
    )


def quiet(document: dict[str, Any] | None = None, **more: Any) -> InvoiceRequest:
    """Without the words of a mail."""
    options = {"email": None} | more.pop("options", {})
    return request(document, options=options, **more)


async def planned(asked: InvoiceRequest | None = None, **settings: Any) -> Plan:
    return await adaptor(Script(), **settings).plan(asked or request())


async def refused(asked: InvoiceRequest, **settings: Any) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        await planned(asked, **settings)
    return caught.value


def fields(error: ProviderError) -> list[str]:
    return [one.field for one in error.fields]


def amount(value: str, currency: str = "EUR") -> dict[str, str]:
    return {"value": value, "currency": currency}


def invoice(**more: Any) -> dict[str, Any]:
    """An answer with every field that the public example has."""
    address = {"href": "https://example.test", "type": "application/hal+json"}
    links = ("self", "invoicePayment", "pdfLink", "documentation")
    return {
        "resource": "sales-invoice",
        "id": ID,
        "mode": "live",
        "profileId": "pfl_canary",
        "invoiceNumber": None,
        "currency": "EUR",
        "status": "draft",
        "vatScheme": "standard",
        "vatMode": "exclusive",
        "memo": None,
        "metadata": {REFERENCE: "ref-1"},
        "paymentTerm": "30 days",
        "recipientIdentifier": "C-1",
        "recipient": {
            "type": "business",
            "organizationName": "Canary Energy BV",
            "vatNumber": "NL123456782B90",
            "email": "billing@canary.example.com",
            "streetAndNumber": "Singel 1",
            "postalCode": "1000 AA",
            "city": "Amsterdam",
            "country": "NL",
            "locale": "nl_NL",
        },
        "lines": [
            {
                "description": "Meter replacement",
                "quantity": 1,
                "vatRate": "21.00",
                "unitPrice": amount("89.00"),
                "discount": None,
            }
        ],
        "discount": None,
        "amountDue": amount("107.69"),
        "subtotalAmount": amount("89.00"),
        "totalAmount": amount("107.69"),
        "totalVatAmount": amount("18.69"),
        "discountedSubtotalAmount": amount("89.00"),
        "isEInvoice": False,
        "createdAt": "2026-06-30T10:47:38+00:00",
        "issuedAt": None,
        "paidAt": None,
        "dueAt": None,
        "_links": dict.fromkeys(links, address),
    } | more


def issued(**more: Any) -> dict[str, Any]:
    return invoice(**{"status": "issued", "invoiceNumber": "INV-1"} | more)


def page(*items: Any, onwards: str | None = None) -> httpx.Response:
    link = {"href": f"https://elsewhere.test/?limit=250&from={onwards}"} if onwards else None
    return answer(
        {
            "count": len(items),
            "_embedded": {"sales_invoices": items},
            "_links": {"self": {"href": "…"}, "previous": None, "next": link},
        }
    )


def refusal(status: int, **more: Any) -> httpx.Response:
    words = {"status": status, "title": "Unprocessable Entity", "detail": "A. Person is wrong"}
    return answer({**words, **more, "_links": {}}, status)


async def created(
    told: Script, asked: InvoiceRequest, generation: int = 0, **settings: Any
) -> Snapshot:
    provider = adaptor(told, **settings)
    plan = await provider.plan(asked)
    target = Target(
        account=asked.account,
        reference=asked.reference,
        generation=generation,
        context=plan.context,
    )
    call = CreateCall(
        target=target, document=asked.document, options=asked.options, totals=plan.totals
    )
    return await provider.create(call)


async def sent_body(asked: InvoiceRequest, **settings: Any) -> dict[str, Any]:
    told = Script().on(POST, answer(invoice(), 201))
    await created(told, asked, **settings)
    body: dict[str, Any] = told.body(POST)
    return body


async def key(asked: InvoiceRequest, generation: int = 0) -> str:
    told = Script().on(POST, answer(invoice(), 201))
    await created(told, asked, generation)
    return str(told.asked[-1].headers["idempotency-key"])


async def approved(asked: InvoiceRequest, reply: Reply, **settings: Any) -> tuple[Snapshot, Any]:
    told = Script().on(PATCH, reply)
    provider = adaptor(told, **settings)
    target = TARGET.model_copy(update={"context": (await provider.plan(asked)).context})
    return await provider.approve(target), told.body(PATCH)


async def read(reply: Reply, **context: Any) -> Snapshot:
    target = TARGET.model_copy(update={"context": CONTEXT | context})
    return await adaptor(Script().on(GET, reply)).read(ReadCall(target=target))


async def read_invoice(**more: Any) -> Snapshot:
    return await read(answer(issued(**more)))


async def found(*pages: Reply, **settings: Any) -> Search:
    return await adaptor(Script().on(LIST, *pages), **settings).find(TARGET)


def paths(value: Any, at: str = "") -> Iterator[str]:
    """Every field of a JSON object by its path; the items of a list share theirs."""
    if isinstance(value, list):
        for item in value:
            yield from paths(item, at)
    elif isinstance(value, dict):
        for name, member in value.items():
            yield from paths(member, f"{at}.{name}".lstrip("."))
    else:
        yield at


class TestTheDayOfIssuing:
    """Mollie puts today's date on what it issues, whatever was asked for."""

    NEXT_DAY = NOW + timedelta(days=1)

    async def test_it_is_not_issued_on_another_day_than_was_planned(self) -> None:
        told = Script()
        with pytest.raises(Rejected, match="not on its issue date") as caught:
            await adaptor(told, self.NEXT_DAY).approve(TARGET)
        assert fields(caught.value) == ["document.issue_date"]
        assert told.asked == []

    async def test_nor_created_as_final(self) -> None:
        told = Script()
        asked = request(options={"status": "issued"})
        plan = await planned(asked)
        call = CreateCall(
            target=TARGET.model_copy(update={"context": plan.context}),
            document=asked.document,
            options=asked.options,
            totals=plan.totals,
        )
        with pytest.raises(Rejected, match="not on its issue date"):
            await adaptor(told, self.NEXT_DAY).create(call)
        assert told.asked == []

    async def test_unless_the_options_leave_the_day_to_it(self) -> None:
        asked = request(options={"issue_date": "day_of_issuing"})
        context = (await planned(asked)).context
        told = Script().on(PATCH, answer(issued()))
        target = TARGET.model_copy(update={"context": context})
        assert (await adaptor(told, self.NEXT_DAY).approve(target)).stage is Stage.SENT

    async def test_what_it_did_is_stated(self) -> None:
        echo = (
            await read_invoice(
                issuedAt="2026-06-30T22:30:00+00:00", dueAt="2026-07-30T22:30:00+00:00"
            )
        ).echo
        assert echo is not None
        assert (echo.issue_date, echo.due_date) == ("2026-07-01", "2026-07-31")


BEFORE = {"issue_date": "2020-01-31"}


class TestPlan:
    async def test_it_makes_no_call_and_says_how_it_will_go(self) -> None:
        told = Script()
        provider: Provider = adaptor(told)
        plan = await provider.plan(request())
        assert told.asked == []
        assert (plan.totals.net, plan.totals.vat) == (Decimal("89.00"), Decimal("18.69"))
        assert plan.totals.gross == Decimal("107.69")
        assert plan.look_ups == ()
        assert not plan.find_first
        assert plan.credits
        assert plan.buyer == "C-1"
        assert plan.call_timeout == timedelta(seconds=100)
        assert plan.context == CONTEXT

    async def test_vat_can_be_compared_where_one_rate_has_all_of_it(self) -> None:
        zero = line(id="2", vat={"rate": "0", "category": "Z"})
        six = line(id="2", vat={"rate": "6"})
        rest = {Figure.CURRENCY, Figure.NET, Figure.GROSS, Figure.BUYER}
        for lines in ([LINE], [LINE, zero], [zero]):
            assert set((await planned(request({"lines": lines}))).echoes) == {Figure.VAT, *rest}
        assert set((await planned(request({"lines": [LINE, six]}))).echoes) == rest

    async def test_where_vat_is_rounded_is_a_setting(self) -> None:
        lines = [line(id=str(number), unit_price="0.10") for number in range(3)]
        asked = request({"lines": lines})
        assert (await planned(asked)).totals.vat == Decimal("0.06")
        assert (await planned(asked, vat_rounding="line")).totals.vat == Decimal("0.06")
        lines = [line(id=str(number), unit_price="0.12") for number in range(3)]
        asked = request({"lines": lines})
        assert (await planned(asked)).totals.vat == Decimal("0.08")
        assert (await planned(asked, vat_rounding="line")).totals.vat == Decimal("0.09")

    async def test_a_document_that_rounds_otherwise_is_refused(self) -> None:
        asked = request({"vat_rounding": "line"})
        assert fields(await refused(asked)) == ["document.vat_rounding"]
        assert await planned(asked, vat_rounding="line")

    @pytest.mark.parametrize("goal", ["approved", "sent", "paid"])
    async def test_a_goal_it_can_show_is_accepted(self, goal: str) -> None:
        assert await planned(request(goal=goal))

    async def test_delivery_can_be_shown_of_e_invoices_only(self) -> None:
        error = await refused(request(goal="delivered"))
        assert isinstance(error, Unsupported)
        assert fields(error) == ["goal"]
        assert await planned(request(goal="delivered", options={"e_invoice": True}))

    @pytest.mark.parametrize("country", ["buyer", "seller"])
    async def test_an_e_invoice_stays_in_three_countries(self, country: str) -> None:
        abroad = {"address": BUYER["address"] | {"country": "FR"}}
        party = {"buyer": buyer(**abroad), "seller": {"name": "Us", **abroad}}[country]
        error = await refused(request({country: party}, options={"e_invoice": True}))
        assert isinstance(error, Unsupported)
        assert fields(error) == ["options.e_invoice"]

    @pytest.mark.parametrize(
        ("document", "field"),
        [
            ({"number": "1"}, "document.number"),
            ({"tax_point_date": "2026-06-01"}, "document.tax_point_date"),
            ({"payee": {"name": "X"}}, "document.payee"),
            ({"delivery": {"location": {"value": "1"}}}, "document.delivery.location"),
            ({"payment": {"means": "30"}}, "document.payment"),
            ({"buyer_reference": "X"}, "document.buyer_reference"),
            ({"purchase_order": "X"}, "document.purchase_order"),
            ({"sales_order": "X"}, "document.sales_order"),
            ({"contract": "X"}, "document.contract"),
            ({"project": "X"}, "document.project"),
            ({"accounting_reference": "X"}, "document.accounting_reference"),
            ({"precedents": [{"number": "1"}]}, "document.precedents"),
            ({"charges": [{"amount": "1", "vat": {"rate": "21"}}]}, "document.charges"),
            ({"prepaid": "1"}, "document.prepaid"),
            ({"due_date": "2026-07-29"}, "document.due_date"),
            ({"due_date": "2026-06-30"}, "document.due_date"),
            ({"buyer": buyer(identifiers=[{"value": "1"}])}, "document.buyer.identifiers"),
            (
                {"buyer": buyer(contact=BUYER["contact"] | {"name": "X"})},
                "document.buyer.contact.name",
            ),
            ({"buyer": buyer(given_name="X")}, "document.buyer.given_name"),
            ({"buyer": buyer(family_name="X")}, "document.buyer.family_name"),
            (
                {"buyer": CONSUMER | {"vat_number": BUYER["vat_number"]}},
                "document.buyer.vat_number",
            ),
            ({"buyer": CONSUMER | {"registration": {"value": "1"}}}, "document.buyer.registration"),
            ({"lines": [line(name="x" * 101)]}, "document.lines[0].name"),
            ({"lines": [line(name="x" * 50, note="x" * 48)]}, "document.lines[0].name"),
            ({"lines": [line(quantity="1.5")]}, "document.lines[0].quantity"),
            ({"lines": [line(quantity="-1")]}, "document.lines[0].quantity"),
            ({"lines": [line(unit="KWH")]}, "document.lines[0].unit"),
            ({"lines": [line(unit_price="0.125")]}, "document.lines[0].unit_price"),
            ({"lines": [line(base_quantity="3")]}, "document.lines[0].unit_price"),
            ({"lines": [line(vat={"rate": "5.125"})]}, "document.lines[0].vat.rate"),
            (
                {"lines": [line(vat={"rate": "7", "category": "L"})]},
                "document.lines[0].vat.category",
            ),
            ({"lines": [line(charges=[{"amount": "1"}])]}, "document.lines[0].charges"),
            (
                {"lines": [line(allowances=[{"amount": "1"}, {"percent": "1"}])]},
                "document.lines[0].allowances",
            ),
            (
                {"lines": [line(allowances=[{"amount": "1", "reason": "X"}])]},
                "document.lines[0].allowances[0].reason",
            ),
            (
                {"lines": [line(allowances=[{"amount": "1", "reason_code": "95"}])]},
                "document.lines[0].allowances[0].reason_code",
            ),
            (
                {"lines": [line(period={"start": "2026-06-01", "end": "2026-06-30"})]},
                "document.lines[0].period",
            ),
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
        error = await refused(request(document))
        assert isinstance(error, Unsupported)
        assert fields(error) == [field]

    async def test_a_discount_on_the_whole_has_no_words(self) -> None:
        lowered = {"amount": "5", "vat": {"rate": "21"}, "reason": "X"}
        assert fields(await refused(request({"allowances": [lowered]}))) == [
            "document.allowances[0].reason"
        ]

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"account_number": None}, "document.buyer.account_number"),
            ({"contact": None}, "document.buyer.contact.email"),
            ({"contact": {"phone": "+31"}}, "document.buyer.contact.email"),
            (
                {"address": {**BUYER["address"], "street": None}},
                "document.buyer.address.street",
            ),
            (
                {"address": {**BUYER["address"], "postal_code": None}},
                "document.buyer.address.postal_code",
            ),
            ({"address": {**BUYER["address"], "city": None}}, "document.buyer.address.city"),
            ({"language": None}, "document.buyer.language"),
            ({"language": "it"}, "document.buyer.language"),
            ({"language": "fr-CH"}, "document.buyer.language"),
            ({"vat_number": None}, "document.buyer.vat_number"),
            ({**CONSUMER, "vat_number": None, "given_name": None}, "document.buyer.given_name"),
            ({**CONSUMER, "vat_number": None, "given_name": "A"}, "document.buyer.given_name"),
            ({**CONSUMER, "vat_number": None, "family_name": "123"}, "document.buyer.family_name"),
        ],
        ids=lambda one: one if isinstance(one, str) else "",
    )
    async def test_a_recipient_must_be_whole(self, changes: dict[str, Any], field: str) -> None:
        error = await refused(request({"buyer": BUYER | changes}))
        assert isinstance(error, Rejected)
        assert fields(error) == [field]

    async def test_a_buyer_without_an_address_lacks_all_of_it(self) -> None:
        error = await refused(request({"buyer": buyer(address=None, language="nl-NL")}))
        assert fields(error) == [
            f"document.buyer.address.{part}" for part in ("street", "postal_code", "city")
        ]

    async def test_a_registration_does_instead_of_a_vat_number(self) -> None:
        party = buyer(vat_number=None, registration={"value": "12345678", "scheme": "0106"})
        body = await sent_body(request({"buyer": party}))
        assert body["recipient"]["organizationNumber"] == "12345678"

    @pytest.mark.parametrize(
        ("language", "country", "locale"),
        [
            ("nl", "NL", "nl_NL"),
            ("nl", "BE", "nl_BE"),
            ("nl-BE", "NL", "nl_BE"),
            ("de", "CH", "de_CH"),
            ("de", "NL", "de_DE"),
            ("fr", "LU", "fr_FR"),
            ("en", "NL", "en_US"),
            ("en", "GB", "en_GB"),
        ],
    )
    async def test_the_locale_follows_from_language_and_country(
        self, language: str, country: str, locale: str
    ) -> None:
        party = buyer(language=language, address=BUYER["address"] | {"country": country})
        assert (await sent_body(request({"buyer": party})))["recipient"]["locale"] == locale

    @pytest.mark.parametrize(
        ("options", "field"),
        [
            ({"colour": "red"}, "options.colour"),
            ({"status": "cancelled"}, "options.status"),
            ({"status": "paid"}, "options.payment_details"),
            ({"status": "issued", "payment_details": {"source": "manual"}}, "payment_details"),
            ({"payment_details": {"source": "payment"}}, "options.payment_details"),
            ({"payment_details": {"source": "payment-link"}}, "options.payment_details"),
            ({"payment_details": {"source": "gift"}}, "options.payment_details.source"),
            ({"status": "paid", "customer_id": "cst"}, "options.mandate_id"),
            ({"status": "paid", "mandate_id": "mdt"}, "options.customer_id"),
            ({"customer_id": "cst", "mandate_id": "mdt"}, "options.status"),
            ({"email": {"subject": "X"}}, "options.email.body"),
            ({"email": None}, "options.email"),
            ({"channel": "none"}, "options.email"),
            ({"channel": "pigeon"}, "options.channel"),
            ({"locale": "nl"}, "options.locale"),
            ({"payment_term": "31 days"}, "options.payment_term"),
            ({"payment_term": "14 days"}, "options.payment_term"),
            ({"vat_scheme": "margin"}, "options.vat_scheme"),
            ({"e_invoice": "yes"}, "options.e_invoice"),
            ({"title": "Dr."}, "options.title"),
            ({"metadata": {"note": "x" * 1000}}, "options.metadata"),
            ({"metadata": {"note": 1.5}}, "options.metadata.note"),
            ({"metadata": {REFERENCE: "x"}}, f"options.metadata.{REFERENCE}"),
        ],
        ids=lambda one: one if isinstance(one, str) else "",
    )
    async def test_a_mistaken_option_is_named(self, options: dict[str, Any], field: str) -> None:
        named = fields(await refused(request(options=options)))
        assert any(field in one for one in named), named

    async def test_a_draft_is_neither_mailed_nor_paid(self) -> None:
        options = {"payment_details": {"source": "manual"}}
        assert fields(await refused(request(goal="drafted", options=options))) == [
            "options.payment_details",
            "options.email",
        ]
        plan = await planned(quiet(goal="drafted"), email_subject="A", email_body="B")
        assert "email" not in plan.context

    @pytest.mark.parametrize(
        "more", [{"goal": "drafted"}, {"hold": True}, {"send_on": "2026-06-30"}]
    )
    async def test_what_waits_is_not_issued_at_once(self, more: dict[str, Any]) -> None:
        straight = {"status": "issued", "email": None if "goal" in more else EMAIL}
        assert fields(await refused(request(**more, options=straight))) == ["options.status"]

    @pytest.mark.parametrize("goal", ["approved", "sent", "paid"])
    @pytest.mark.parametrize("options", [{"email": EMAIL}, {"channel": "none", "email": None}])
    async def test_what_is_final_at_once_is_sent_by_its_creation(
        self, goal: str, options: dict[str, Any]
    ) -> None:
        """Mailed or not: nothing after it could still be waited for."""
        paid = {"payment_details": {"source": "manual"}}
        for status, more in (("issued", {}), ("paid", paid)):
            asked = request(goal=goal, options={"status": status, **more, **options})
            assert (await planned(asked)).sent_by == "create"
        sends = goal != "approved" or options["email"] is not None
        draft = await planned(request(goal=goal, options=options))
        assert draft.sent_by == ("approve" if sends else "send")

    @pytest.mark.parametrize(
        ("asked", "day"),
        [
            ({"document": {"issue_date": "2026-06-29"}}, "2026-06-30"),
            ({"document": {"issue_date": "2026-07-01"}}, "2026-06-30"),
            ({"document": {"issue_date": "2026-07-01"}, "goal": "approved"}, "2026-06-30"),
            ({"document": {"issue_date": "2026-06-29"}, "hold": True}, "2026-06-30"),
            ({"send_on": "2026-07-01"}, "2026-07-01"),
            ({"options": {"status": "issued"}, "document": {"issue_date": "2026-05-31"}}, "2026"),
        ],
    )
    async def test_an_issue_date_that_is_not_the_day_of_issuing_is_refused(
        self, asked: dict[str, Any], day: str
    ) -> None:
        document = {"due_date": None, **asked.pop("document", {})}
        error = await refused(request(document, **asked))
        assert fields(error) == ["document.issue_date"]
        assert f"must be {day}" in str(error.fields[0])
        asked["options"] = {**asked.get("options", {}), "issue_date": "day_of_issuing"}
        plan = await planned(request(document, **asked))
        assert plan.theirs == (Figure.ISSUE_DATE, Figure.DUE_DATE)

    @pytest.mark.parametrize(
        "asked",
        [
            {},
            {"send_on": "2026-07-31", "document": {"issue_date": "2026-07-31"}},
            {"send_on": "2026-06-01"},
            {"hold": True, "document": {"issue_date": "2026-07-31"}},
            {
                "goal": "drafted",
                "options": {"email": None},
                "document": BEFORE,
            },
        ],
    )
    async def test_the_day_of_issuing_as_far_as_it_is_known_is_taken(
        self, asked: dict[str, Any]
    ) -> None:
        document = {"due_date": None, **asked.pop("document", {})}
        assert (await planned(request(document, **asked))).theirs == ()

    async def test_the_day_is_that_of_the_provider(self) -> None:
        late = datetime(2026, 6, 30, 22, 30, tzinfo=UTC)
        tomorrow = request({"issue_date": "2026-07-01", "due_date": None})
        assert await adaptor(Script(), late).plan(tomorrow)
        with pytest.raises(Unsupported):
            await adaptor(Script(), late, time_zone="UTC").plan(tomorrow)

    async def test_all_mistakes_are_named_at_once_and_none_is_made_up(self) -> None:
        error = await refused(
            quiet(
                {"number": "7", "lines": [line(unit="KWH"), line(id="2", order_line="1")]},
                options={"colour": "red", "channel": API_KEY},
            )
        )
        assert isinstance(error, Rejected)
        assert set(fields(error)) == {
            "options.colour",
            "options.channel",
            "document.number",
            "document.lines[0].unit",
            "document.lines[1].order_line",
        }
        assert API_KEY not in f"{error} {error.fields}"

    async def test_a_credit_note_cannot_be_written(self) -> None:
        asked = request({"type": "credit_note", "precedents": [{"number": "1"}]})
        assert set(fields(await refused(asked))) == {"document.type", "document.precedents"}

    async def test_what_is_ignored_on_purpose_is_not_refused(self) -> None:
        party = buyer(
            trading_name="Canary",
            registration={"value": "12345678", "scheme": "0106"},
            electronic_address={"value": "1", "scheme": "0106"},
        )
        free = {"rate": "0", "category": "E", "exemption_code": "VATEX-EU-132"}
        lines = [line(vat=free)]
        assert await planned(request({"seller": {"name": "Us"}, "buyer": party, "lines": lines}))


class TestWords:
    """What is mailed, and when."""

    async def test_the_accounts_own_words_are_used_where_sending_was_asked_for(self) -> None:
        own = {"email_subject": "Ours", "email_body": "Own words"}
        assert (await planned(quiet(), **own)).context["email"] == {
            "subject": "Ours",
            "body": "Own words",
        }
        assert (await planned(request(), **own)).context["email"] == EMAIL
        assert "email" not in (await planned(quiet(goal="approved"), **own)).context

    async def test_an_invoice_only_to_be_approved_is_mailed_only_on_request(self) -> None:
        snapshot, body = await approved(quiet(goal="approved"), answer(issued()))
        assert body == {"status": "issued"}
        assert snapshot.stage is Stage.APPROVED
        snapshot, body = await approved(request(goal="approved"), answer(issued()))
        assert body == {"status": "issued", "emailDetails": EMAIL}
        assert snapshot.stage is Stage.SENT

    async def test_without_a_mail_nothing_more_is_to_be_sent(self) -> None:
        snapshot, body = await approved(quiet(options={"channel": "none"}), answer(issued()))
        assert body == {"status": "issued"}
        assert snapshot.stage is Stage.SENT

    async def test_an_e_invoice_is_sent_without_a_mail(self) -> None:
        asked = quiet(options={"e_invoice": True})
        _, body = await approved(asked, answer(issued(eInvoiceStatus="issuing")))
        assert body == {"status": "issued"}
        assert (await sent_body(asked))["isEInvoice"] is True


class TestCreate:
    async def test_a_draft_carries_our_reference_and_exact_amounts(self) -> None:
        told = Script().on(POST, answer(invoice(), 201))
        snapshot = await created(told, request())
        assert (snapshot.provider_id, snapshot.stage) == (ID, Stage.DRAFTED)
        assert told.routes() == [POST]
        assert told.body(POST) == {
            "status": "draft",
            "vatScheme": "standard",
            "vatMode": "exclusive",
            "metadata": {REFERENCE: "ref-1"},
            "paymentTerm": "30 days",
            "recipientIdentifier": "C-1",
            "recipient": {
                "type": "business",
                "organizationName": "Canary Energy BV",
                "vatNumber": "NL123456782B90",
                "email": "billing@canary.example.com",
                "streetAndNumber": "Singel 1",
                "postalCode": "1000 AA",
                "city": "Amsterdam",
                "country": "NL",
                "locale": "nl_NL",
            },
            "lines": [
                {
                    "description": "Meter replacement",
                    "quantity": 1,
                    "vatRate": "21.00",
                    "unitPrice": {"currency": "EUR", "value": "89.00"},
                }
            ],
        }
        sent = told.asked[-1].headers
        assert sent["accept"] == "application/hal+json"
        assert sent["content-type"] == "application/json"
        assert sent["authorization"] == f"Bearer {API_KEY}"

    async def test_every_field_there_is_can_be_said(self) -> None:
        """The page's body parameters and the vendor's example, a person's and a company's."""
        address = BUYER["address"] | {"additional": "4th floor", "region": "Noord-Holland"}
        contact = BUYER["contact"] | {"phone": "+3120000000"}
        options = {
            "status": "paid",
            "payment_details": {"source": "payment-link", "source_reference": "pl_1"},
            "customer_id": "cst_1",
            "mandate_id": "mdt_1",
            "title": "Mx.",
            "vat_scheme": "one-stop-shop",
            "e_invoice": True,
            "metadata": {"shop": "north"},
        }
        document = {
            "notes": ["This is a memo."],
            "buyer": CONSUMER | {"address": address, "contact": contact},
            "lines": [line(allowances=[{"percent": "5.50"}])],
            "allowances": [{"amount": "10", "vat": {"rate": "21"}}],
        }
        company = buyer(registration={"value": "12345678"})
        person = await sent_body(request(document, options=options), testmode=True, **ORGANISATION)
        business = await sent_body(request({"buyer": company}), send_currency=True)
        assert {*paths(person), *paths(business)} == {
            "testmode",
            "profileId",
            "status",
            "currency",
            "vatScheme",
            "vatMode",
            "memo",
            "metadata.shop",
            f"metadata.{REFERENCE}",
            "paymentTerm",
            "paymentDetails.source",
            "paymentDetails.sourceReference",
            "emailDetails.subject",
            "emailDetails.body",
            "customerId",
            "mandateId",
            "recipientIdentifier",
            "recipient.type",
            "recipient.title",
            "recipient.givenName",
            "recipient.familyName",
            "recipient.organizationName",
            "recipient.organizationNumber",
            "recipient.vatNumber",
            "recipient.email",
            "recipient.phone",
            "recipient.streetAndNumber",
            "recipient.streetAdditional",
            "recipient.postalCode",
            "recipient.city",
            "recipient.region",
            "recipient.country",
            "recipient.locale",
            "lines.description",
            "lines.quantity",
            "lines.vatRate",
            "lines.unitPrice.currency",
            "lines.unitPrice.value",
            "lines.discount.type",
            "lines.discount.value",
            "discount.type",
            "discount.value",
            "isEInvoice",
        }
        assert person["status"] == "paid"
        assert person["paymentDetails"] == {"source": "payment-link", "sourceReference": "pl_1"}
        assert person["emailDetails"] == EMAIL
        assert (person["customerId"], person["mandateId"]) == ("cst_1", "mdt_1")
        assert (person["testmode"], person["profileId"]) == (True, "pfl_canary")
        assert person["lines"][0]["discount"] == {"type": "percentage", "value": "5.5"}
        assert person["discount"] == {"type": "amount", "value": "10.00"}
        assert person["recipient"]["title"] == "Mx."
        assert "organizationName" not in person["recipient"]
        assert business["currency"] == "EUR"

    async def test_prices_with_vat_are_said_to_contain_it(self) -> None:
        body = await sent_body(request({"prices_include_vat": True}))
        assert body["vatMode"] == "inclusive"

    @pytest.mark.parametrize("days", [7, 14, 30, 45, 60, 90, 120])
    async def test_the_payment_term_is_the_time_until_due(self, days: int) -> None:
        due = request().document.issue_date + timedelta(days=days)
        body = await sent_body(request({"due_date": due.isoformat()}))
        assert body["paymentTerm"] == f"{days} days"

    async def test_without_a_due_date_the_term_is_the_options_or_theirs(self) -> None:
        asked = request({"due_date": None}, options={"payment_term": "14 days"})
        assert (await sent_body(asked))["paymentTerm"] == "14 days"
        assert "paymentTerm" not in await sent_body(request({"due_date": None}))

    async def test_amounts_have_the_decimals_of_their_currency(self) -> None:
        lines = [line(unit_price="25", base_quantity="10", quantity="20")]
        unit = (await sent_body(request({"lines": lines})))["lines"][0]
        assert (unit["quantity"], unit["unitPrice"]["value"]) == (20, "2.50")
        lines = [line(unit_price="1200.0")]
        unit = (await sent_body(request({"lines": lines, "currency": "JPY"})))["lines"][0]
        assert unit["unitPrice"] == {"currency": "JPY", "value": "1200"}

    async def test_a_line_says_all_it_has_to_say(self) -> None:
        lines = [line(description="Longer", note="Note", vat={"rate": "5.5"})]
        unit = (await sent_body(request({"lines": lines})))["lines"][0]
        assert unit["description"] == "Meter replacement - Longer - Note"
        assert unit["vatRate"] == "5.50"

    async def test_the_memo_says_why_there_is_no_vat(self) -> None:
        free: list[dict[str, Any]] = [
            {"category": "AE", "rate": "0"},
            {"category": "G", "rate": "0", "exemption_reason": "To Norway"},
            {"category": "E", "rate": "0", "exemption_code": "VATEX-EU-132"},
            {"category": "Z", "rate": "0"},
            {"category": "AE", "rate": "0"},
        ]
        lines = [line(id=str(index), vat=vat) for index, vat in enumerate(free)]
        body = await sent_body(request({"lines": lines, "notes": ["First.", "Second."]}))
        assert body["memo"].splitlines() == [
            "First.",
            "Second.",
            "Reverse charge",
            "To Norway",
            "VATEX-EU-132",
        ]
        assert {one["vatRate"] for one in body["lines"]} == {"0.00"}

    async def test_the_memo_says_when_and_where_it_was_supplied(self) -> None:
        """A supply within the union has to (BR-IC-11, BR-IC-12), and there is no other place."""
        within = {
            "lines": [line(vat={"category": "K"})],
            "period": {"start": "2026-06-01", "end": "2026-06-30"},
            "delivery": {
                "actual_date": "2026-06-12",
                "party_name": "Canary Depot",
                "address": {
                    "street": "Rue 1",
                    "additional": "Dock 2",
                    "postal_code": "59000",
                    "city": "Lille",
                    "region": "Nord",
                    "country": "FR",
                },
            },
        }
        assert (await sent_body(request(within)))["memo"].splitlines() == [
            "Intra-Community supply",
            "Period: 2026-06-01 to 2026-06-30",
            "Delivered on: 2026-06-12",
            "Delivered to: Canary Depot, Rue 1, Dock 2, 59000 Lille, Nord, FR",
        ]
        within["delivery"] = {"address": {"country": "FR"}}
        assert (await sent_body(request(within)))["memo"].splitlines()[2:] == ["Delivered to: FR"]

    async def test_a_mail_domain_is_written_in_ascii(self) -> None:
        party = buyer(contact={"email": "billing@bücher.example.com"})
        recipient = (await sent_body(request({"buyer": party})))["recipient"]
        assert recipient["email"] == "billing@xn--bcher-kva.example.com"

    async def test_the_options_name_the_recipient_first(self) -> None:
        asked = request(options={"recipient_identifier": "R-9", "locale": "en_GB"})
        body = await sent_body(asked)
        assert (body["recipientIdentifier"], body["recipient"]["locale"]) == ("R-9", "en_GB")
        assert (await planned(asked)).buyer == "R-9"

    @pytest.mark.parametrize(
        ("options", "told", "stage", "payment"),
        [
            ({"status": "issued"}, issued(), Stage.SENT, PaymentStatus.UNPAID),
            (
                {"status": "paid", "payment_details": {"source": "manual"}},
                issued(status="paid"),
                Stage.SENT,
                PaymentStatus.PAID,
            ),
            (
                {"status": "paid", "customer_id": "cst", "mandate_id": "mdt"},
                issued(status="pending-payment"),
                Stage.SENT,
                PaymentStatus.UNPAID,
            ),
            ({"status": "issued"}, invoice(), Stage.DRAFTED, PaymentStatus.UNKNOWN),
            (
                {"status": "issued"},
                issued(invoiceNumber=None),
                Stage.APPROVING,
                PaymentStatus.UNPAID,
            ),
        ],
    )
    async def test_a_straight_create_reports_how_far_it_got(
        self, options: dict[str, Any], told: Any, stage: Stage, payment: PaymentStatus
    ) -> None:
        calls = Script().on(POST, answer(told, 201))
        snapshot = await created(calls, request(options=options))
        assert (snapshot.stage, snapshot.payment) == (stage, payment)
        body = calls.body(POST)
        assert body["status"] == options["status"]
        assert body["emailDetails"] == EMAIL

    async def test_a_draft_says_nothing_of_what_comes_later(self) -> None:
        asked = request(options={"payment_details": {"source": "manual"}})
        body = await sent_body(asked)
        assert body["status"] == "draft"
        assert not {"emailDetails", "paymentDetails"} & body.keys()

    @pytest.mark.parametrize(
        "reply", [answer(), answer([]), answer({"id": ID}), answer(invoice(id="tr_1"))]
    )
    async def test_without_an_invoice_in_the_answer_nobody_knows(
        self, reply: httpx.Response
    ) -> None:
        with pytest.raises(UnknownOutcome):
            await created(Script().on(POST, reply), request())


class TestIdempotency:
    async def test_every_attempt_at_the_same_invoice_has_the_same_key(self) -> None:
        first = await key(request())
        assert await key(request()) == first
        assert UUID(first).version == 5

    async def test_another_invoice_has_another_key(self) -> None:
        keys = {
            await key(request()),
            await key(request(reference="ref-2")),
            await key(request(account="other")),
            # The same key with other content would be refused.
            await key(request({"notes": ["Corrected"]})),
        }
        assert len(keys) == 4

    async def test_a_draft_that_is_gone_is_not_answered_once_more(self) -> None:
        assert await key(request(), generation=1) != await key(request())

    async def test_only_creating_carries_a_key(self) -> None:
        told = Script().on(PATCH, answer(issued())).on(GET, answer(issued()))
        told.on(DELETE, answer(status=204)).on(LIST, page())
        provider = adaptor(told)
        await provider.approve(TARGET)
        await provider.credit(TARGET)
        await provider.delete(TARGET)
        await provider.read(ReadCall(target=TARGET))
        await provider.find(TARGET)
        assert len(told.asked) == 5
        assert not [one for one in told.asked if "idempotency-key" in one.headers]

    async def test_the_same_request_still_running_leaves_a_doubt(self) -> None:
        with pytest.raises(UnknownOutcome) as caught:
            await created(Script().on(POST, refusal(409)), request())
        assert caught.value.code == "409"
        with pytest.raises(Unavailable):
            await read(refusal(409))


class TestFind:
    async def test_every_page_is_searched_and_the_match_is_exact(self) -> None:
        told = Script().on(
            LIST,
            page(issued(id="invoice_a", metadata={REFERENCE: "ref-10"}), onwards="invoice_b"),
            page(issued(id="invoice_b", metadata={REFERENCE: "ref-1"}), onwards="invoice_c"),
            page(invoice(id="invoice_c", metadata={REFERENCE: "ref-1"})),
        )
        search = await adaptor(told).find(TARGET)
        assert search.complete
        assert [one.provider_id for one in search.invoices] == ["invoice_b", "invoice_c"]
        assert [one.stage for one in search.invoices] == [Stage.SENT, Stage.DRAFTED]
        assert [dict(one.url.params) for one in told.asked] == [
            {"limit": "250"},
            {"limit": "250", "from": "invoice_b"},
            {"limit": "250", "from": "invoice_c"},
        ]
        assert {one.url.host for one in told.asked} == {"api.example.test"}

    async def test_a_list_that_shifts_shows_an_invoice_once(self) -> None:
        search = await found(page(invoice(), onwards="invoice_b"), page(invoice()))
        assert [one.provider_id for one in search.invoices] == [ID]
        assert search.complete

    async def test_pages_that_lead_back_prove_nothing(self) -> None:
        told = Script().on(LIST, *(page(onwards=f"invoice_{number % 2}") for number in range(9)))
        assert not (await adaptor(told).find(TARGET)).complete
        assert len(told.asked) == 3

    @pytest.mark.parametrize("status", [400, 404, 410, 422])
    async def test_a_next_page_that_was_deleted_breaks_the_list_off(self, status: int) -> None:
        assert not (await found(page(onwards="invoice_b"), refusal(status))).complete
        with pytest.raises(Rejected):
            await found(refusal(status))

    async def test_a_list_of_none_is_empty(self) -> None:
        nothing = {"_embedded": {"sales_invoices": None}, "_links": {}}
        assert await found(answer(nothing)) == Search()

    async def test_the_list_may_have_either_name(self) -> None:
        older = {"_embedded": {"invoices": [invoice()]}, "_links": {}}
        assert [one.provider_id for one in (await found(answer(older))).invoices] == [ID]
        with pytest.raises(Unreadable):
            await found(answer({"_embedded": {"bills": [invoice()]}, "_links": {}}))

    async def test_nothing_in_a_whole_list_is_proof(self) -> None:
        others: list[Any] = [None, "ref-1", [], {"other": "ref-1"}, {REFERENCE: ["ref-1"]}]
        search = await found(
            page(*(issued(metadata=one, recipientIdentifier="C-2") for one in others))
        )
        assert search == Search()

    async def test_cancelled_invoices_are_not_alive(self) -> None:
        search = await found(page(issued(status="cancelled"), issued(status="canceled")))
        assert search == Search()

    @pytest.mark.parametrize("onwards", ["same", "&x=1"])
    async def test_pages_without_end_prove_nothing(self, onwards: str) -> None:
        told = Script().on(LIST, page(onwards=onwards))
        assert not (await adaptor(told).find(TARGET)).complete
        assert len(told.asked) <= 2

    async def test_what_was_found_before_it_broke_off_counts(self) -> None:
        search = await found(page(invoice(), onwards="same"), page(onwards="same"))
        assert [one.provider_id for one in search.invoices] == [ID]
        assert not search.complete

    async def test_too_many_pages_prove_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(providers.mollie.adaptor, "MAX_PAGES", 3)
        told = Script().on(LIST, *(page(onwards=f"invoice_{number}") for number in range(9)))
        assert not (await adaptor(told).find(TARGET)).complete
        assert len(told.asked) == 3

    async def test_a_list_that_takes_too_long_proves_nothing(self) -> None:
        search = await found(page(onwards="invoice_a"), page(), find_seconds=1e-9)
        assert not search.complete

    @pytest.mark.parametrize(
        ("metadata", "reference"),
        [
            ({REFERENCE: "ref-1", "shop": "north"}, "ref-1"),
            ({REFERENCE: "x" * 1000}, "x" * 200),
            ({REFERENCE: ""}, None),
            ({REFERENCE: 7}, None),
            ({"shop": "north"}, None),
            ("ref-1", None),
            (None, None),
        ],
    )
    async def test_the_metadata_say_whose_it_is(self, metadata: Any, reference: str | None) -> None:
        assert (await read_invoice(metadata=metadata)).reference == reference

    @pytest.mark.parametrize(
        ("more", "doubtful"),
        [
            ({}, True),
            ({"metadata": None}, True),
            ({"metadata": {"shop": "north"}}, False),
            ({"recipientIdentifier": "C-2"}, False),
            ({"totalAmount": amount("107.70")}, False),
            ({"totalAmount": None}, False),
            ({"status": "cancelled"}, False),
        ],
    )
    async def test_a_twin_without_any_metadata_makes_it_uncertain(
        self, more: dict[str, Any], doubtful: bool
    ) -> None:
        """Should lists leave metadata out, its absence proves nothing."""
        twin = issued()
        del twin["metadata"]
        assert (await found(page(twin | more))).complete is not doubtful

    @pytest.mark.parametrize(
        "reply",
        [
            answer(),
            answer({"_embedded": {"sales_invoices": []}}),
            answer({"_links": {}}),
            answer({"_embedded": {"sales_invoices": ["x"]}, "_links": {}}),
            page(invoice(totalAmount="107.69")),
        ],
    )
    async def test_a_list_that_is_not_understood_says_so(self, reply: httpx.Response) -> None:
        with pytest.raises(Unreadable):
            await found(reply)

    async def test_a_strangers_invoice_of_another_shape_does_not_matter(self) -> None:
        stranger = {"id": 7, "metadata": "x", "totalAmount": "y"}
        assert await found(page(stranger)) == Search()


class TestRead:
    @pytest.mark.parametrize(
        ("status", "number", "network", "stage"),
        [
            ("draft", None, None, Stage.DRAFTED),
            ("issued", None, None, Stage.APPROVING),
            ("issued", "", None, Stage.APPROVING),
            ("issued", "INV-1", None, Stage.SENT),
            ("overdue", "INV-1", None, Stage.SENT),
            ("pending-payment", "INV-1", None, Stage.SENT),
            ("pending_payment", "INV-1", None, Stage.SENT),
            ("paid", "INV-1", None, Stage.SENT),
            ("payment-reversed", "INV-1", None, Stage.SENT),
            ("payment_reversed", "INV-1", None, Stage.SENT),
            ("cancelled", "INV-1", None, Stage.CREDITED),
            ("canceled", "INV-1", None, Stage.CREDITED),
            ("issuing", None, "issuing", Stage.APPROVING),
            ("issuing", "INV-1", "issuing", Stage.SENDING),
            ("issued", "INV-1", "issuing", Stage.SENDING),
            ("issued", "INV-1", "issued", Stage.DELIVERED),
            ("paid", "INV-1", "issued", Stage.DELIVERED),
            ("issued", "INV-1", "failed", Stage.APPROVED),
            ("failed", "INV-1", "failed", Stage.APPROVED),
            ("failed", None, "failed", Stage.FAILED),
            ("issued", "INV-1", "brand-new", Stage.UNKNOWN),
            ("expired", "INV-1", None, Stage.UNKNOWN),
            ("brand-new", None, None, Stage.UNKNOWN),
        ],
    )
    async def test_a_status_has_a_stage(
        self, status: str, number: str | None, network: str | None, stage: Stage
    ) -> None:
        snapshot = await read_invoice(status=status, invoiceNumber=number, eInvoiceStatus=network)
        assert snapshot.stage == stage
        assert snapshot.number == (number or None)

    async def test_what_was_only_to_be_approved_is_not_called_sent(self) -> None:
        snapshot = await read(answer(issued()), sends=False)
        assert snapshot.stage is Stage.APPROVED

    @pytest.mark.parametrize(
        ("more", "payment"),
        [
            ({"status": "draft"}, PaymentStatus.UNKNOWN),
            ({"status": "issued"}, PaymentStatus.UNPAID),
            ({"status": "overdue"}, PaymentStatus.UNPAID),
            ({"status": "pending-payment"}, PaymentStatus.UNPAID),
            ({"amountDue": amount("0.01")}, PaymentStatus.PARTLY_PAID),
            ({"amountDue": None}, PaymentStatus.UNPAID),
            ({"status": "paid", "amountDue": amount("0.00")}, PaymentStatus.PAID),
            ({"status": "payment-reversed"}, PaymentStatus.REVERSED),
            (
                {"status": "payment-reversed", "amountDue": amount("0.01")},
                PaymentStatus.REVERSED,
            ),
            ({"status": "payment_reversed"}, PaymentStatus.REVERSED),
            ({"status": "cancelled"}, PaymentStatus.UNKNOWN),
            ({"status": "failed"}, PaymentStatus.UNKNOWN),
        ],
    )
    async def test_money_is_an_axis_of_its_own(
        self, more: dict[str, Any], payment: PaymentStatus
    ) -> None:
        assert (await read_invoice(**more)).payment == payment

    async def test_the_providers_own_words_stay_visible(self) -> None:
        assert (await read_invoice()).status == "issued"
        assert (await read_invoice(eInvoiceStatus="issuing")).status == "issued · issuing"
        assert (await read_invoice(status="payment-reversed")).status == "payment-reversed"
        assert (await read_invoice(status="A person's name")).status == "?"

    async def test_a_network_that_did_not_take_it_is_a_problem(self) -> None:
        assert (await read_invoice()).problems == ()
        for more in ({"status": "failed"}, {"eInvoiceStatus": "failed"}):
            assert [one.field for one in (await read_invoice(**more)).problems] == [
                "eInvoiceStatus"
            ]

    async def test_the_figures_of_a_draft_agree_with_ours(self) -> None:
        plan = await planned()
        echo = (await read(answer(invoice()))).echo
        assert echo is not None
        assert (echo.currency, echo.net, echo.gross) == ("EUR", Decimal("89.00"), Decimal("107.69"))
        assert echo.vat == {"21": Decimal("18.69")}
        assert differing(request(), plan, echo) == []

    @pytest.mark.parametrize(
        ("more", "figure"),
        [
            ({"currency": "USD"}, "currency"),
            ({"totalVatAmount": amount("18.69", "USD")}, "currency"),
            ({"discountedSubtotalAmount": amount("89.01")}, "net"),
            ({"discountedSubtotalAmount": None}, "net"),
            ({"totalVatAmount": amount("18.70")}, "vat 21"),
            ({"totalVatAmount": None}, "vat"),
            ({"lines": None}, "vat"),
            ({"lines": [{"vatRate": "many"}]}, "vat"),
            ({"lines": [{"vatRate": "21"}, {"vatRate": "6"}]}, "vat"),
            ({"totalAmount": amount("107.70")}, "gross"),
            ({"recipientIdentifier": "C-2"}, "buyer"),
            ({"amountDue": amount("100.00")}, "due"),
            ({"paymentTerm": "14 days"}, "due date"),
            ({"paymentTerm": "soon"}, "due date"),
        ],
    )
    async def test_a_draft_that_differs_is_seen_to_differ(
        self, more: dict[str, Any], figure: str
    ) -> None:
        plan = await planned()
        echo = (await read(answer(invoice(**more)))).echo
        assert echo is not None
        assert differing(request(), plan, echo) == [figure]
        assert (echo.currency is None) == (figure == "currency")

    async def test_lines_without_vat_do_not_hide_the_rate_that_has_it(self) -> None:
        echo = (await read_invoice(lines=[{"vatRate": "0.00"}, {"vatRate": "21"}])).echo
        assert echo is not None
        assert echo.vat == {"21": Decimal("18.69")}
        echo = (await read_invoice(lines=[{"vatRate": "0"}], totalVatAmount=amount("0.00"))).echo
        assert echo is not None
        assert echo.vat == {"0": Decimal("0.00")}

    async def test_every_field_of_an_answer_is_read_or_knowingly_ignored(self) -> None:
        read_here = {
            *("id", "status", "invoiceNumber", "eInvoiceStatus", "currency"),
            *("recipientIdentifier", f"metadata.{REFERENCE}", "lines.vatRate"),
            *("discountedSubtotalAmount", "totalVatAmount", "totalAmount", "amountDue"),
            *("issuedAt", "dueAt"),
        }
        # Compared as texts and parts; test_stated changes each.
        parts = ("description", "quantity", "unitPrice.value", "discount")
        read_here |= {*PLACES.values(), *(f"lines.{part}" for part in parts)}
        read_here |= {"recipient.email", "isEInvoice", "discount"}
        everything = issued(
            eInvoiceStatus="issued",
            testmode=True,
            paymentDetails=[{"source": "manual", "sourceReference": None}],
            emailDetails=EMAIL,
            customerId="cst",
            mandateId="mdt",
        )
        for path in paths(everything):
            ignored = any(f"{path}.".startswith(f"{one}.") for one in NOT_READ)
            known = any(f"{path}.".startswith(f"{one}.") for one in read_here)
            assert ignored != known, path
        # And what is said to be read makes a difference.
        whole = await read(answer(everything))
        changes: dict[str, Any] = {
            "status": "overdue",
            "invoiceNumber": "INV-2",
            "eInvoiceStatus": "issuing",
            "currency": "USD",
            "recipientIdentifier": "C-2",
            "lines": [{"vatRate": "6.00"}],
            "discountedSubtotalAmount": amount("1.00"),
            "totalVatAmount": amount("1.00"),
            "totalAmount": amount("1.00"),
            "amountDue": amount("1.00"),
            "issuedAt": "2026-07-02T00:00:00+02:00",
            "dueAt": "2026-07-02T00:00:00+02:00",
        }
        for name, value in changes.items():
            assert await read(answer(everything | {name: value})) != whole, name

    @pytest.mark.parametrize("status", [404, 410])
    async def test_an_invoice_that_is_not_found_is_deleted(self, status: int) -> None:
        assert (await read(refusal(status))).stage is Stage.DELETED

    async def test_a_refused_look_says_nothing_about_the_invoice(self) -> None:
        with pytest.raises(Rejected):
            await read(refusal(403))

    @pytest.mark.parametrize(
        "reply",
        [
            answer(),
            answer([]),
            answer(invoice(id="invoice_other")),
            answer(invoice(status=None)),
            answer(invoice(totalAmount={"value": "many", "currency": "EUR"})),
        ],
    )
    async def test_an_answer_that_is_not_understood_says_so(self, reply: httpx.Response) -> None:
        with pytest.raises(Unreadable):
            await read(reply)

    async def test_events_are_hints_and_the_invoice_is_fetched(self) -> None:
        event = Event(id="event_1", kind="sales-invoice.paid", body={"entityId": ID})
        told = Script().on(GET, answer(issued()))
        snapshot = await adaptor(told).read(ReadCall(target=TARGET, events=(event,)))
        assert snapshot.payment is PaymentStatus.UNPAID
        assert told.routes() == [GET]

    async def test_an_invoice_without_an_id_cannot_be_read(self) -> None:
        with pytest.raises(Rejected):
            await adaptor(Script()).read(
                ReadCall(target=TARGET.model_copy(update={"provider_id": None}))
            )


class TestChanges:
    async def test_approving_issues_and_mails_in_one_call(self) -> None:
        snapshot, body = await approved(request(), answer(issued()))
        assert body == {"status": "issued", "emailDetails": EMAIL}
        assert (snapshot.stage, snapshot.number) == (Stage.SENT, "INV-1")

    async def test_a_paid_draft_is_finished_as_paid(self) -> None:
        details = {"source": "payment", "source_reference": "tr_1"}
        asked = request(options={"payment_details": details})
        snapshot, body = await approved(asked, answer(issued(status="paid")))
        assert body == {
            "status": "paid",
            "paymentDetails": {"source": "payment", "sourceReference": "tr_1"},
            "emailDetails": EMAIL,
        }
        assert snapshot.payment is PaymentStatus.PAID

    async def test_an_approval_without_a_number_is_still_waiting(self) -> None:
        for told in (issued(invoiceNumber=None), invoice()):
            snapshot, _ = await approved(request(), answer(told))
            assert snapshot.stage is Stage.APPROVING

    @pytest.mark.parametrize("reply", [answer(status=204), refusal(404), refusal(410)])
    async def test_a_deleted_draft_is_deleted(self, reply: httpx.Response) -> None:
        told = Script().on(DELETE, reply)
        assert (await adaptor(told).delete(TARGET)).stage is Stage.DELETED
        assert told.asked[-1].content == b""

    async def test_what_is_no_draft_is_not_deleted(self) -> None:
        with pytest.raises(Rejected):
            await adaptor(Script().on(DELETE, refusal(422))).delete(TARGET)

    @pytest.mark.parametrize("word", ["cancelled", "canceled"])
    async def test_a_credit_is_a_cancellation(self, word: str) -> None:
        told = Script().on(PATCH, answer(issued(status=word)))
        assert (await adaptor(told).credit(TARGET)).stage is Stage.CREDITED
        assert told.body(PATCH) == {"status": "cancelled"}

    async def test_a_credit_on_its_way_is_not_done(self) -> None:
        told = Script().on(PATCH, answer(issued()))
        assert (await adaptor(told).credit(TARGET)).stage is Stage.SENT

    @pytest.mark.parametrize("reply", [answer(), answer(invoice(id="invoice_other"))])
    async def test_an_unclear_answer_to_a_change_leaves_a_doubt(
        self, reply: httpx.Response
    ) -> None:
        provider = adaptor(Script().on(PATCH, reply))
        for change in (provider.approve, provider.credit):
            with pytest.raises(UnknownOutcome):
                await change(TARGET)


class TestCredentials:
    async def test_an_api_key_never_names_profile_or_mode(self) -> None:
        told = Script().on(POST, answer(invoice(), 201)).on(GET, answer(invoice()))
        told.on(PATCH, answer(issued())).on(LIST, page())
        await created(told, request())
        provider = adaptor(told)
        await provider.approve(TARGET)
        await provider.read(ReadCall(target=TARGET))
        await provider.find(TARGET)
        assert not {"testmode", "profileId"} & {*told.body(POST), *told.body(PATCH)}
        assert not [one for one in told.asked if "testmode" in one.url.params]

    @pytest.mark.parametrize("mode", [True, False])
    async def test_an_organisations_token_names_both(self, mode: bool) -> None:
        settings: dict[str, Any] = {**ORGANISATION, "testmode": mode}
        told = Script().on(POST, answer(invoice(), 201)).on(GET, answer(invoice()))
        told.on(PATCH, answer(issued())).on(LIST, page()).on(DELETE, answer(status=204))
        await created(told, request(), **settings)
        provider = adaptor(told, **settings)
        await provider.approve(TARGET)
        await provider.delete(TARGET)
        await provider.read(ReadCall(target=TARGET))
        await provider.find(TARGET)
        assert told.body(POST)["profileId"] == "pfl_canary"
        assert {told.body(one)["testmode"] for one in (POST, PATCH, DELETE)} == {mode}
        reads = [one.url.params["testmode"] for one in told.asked if one.method == "GET"]
        assert reads == [str(mode).lower()] * 2
        assert "profileId" not in told.body(PATCH)

    async def test_the_mode_is_not_said_when_nobody_set_it(self) -> None:
        body = await sent_body(request(), **ORGANISATION)
        assert body["profileId"] == "pfl_canary"
        assert "testmode" not in body

    @pytest.mark.parametrize(
        ("values", "variable"),
        [
            ({"MOLLIE_TOKEN": API_KEY, "MOLLIE_PROFILE_ID": "pfl"}, "MOLLIE_PROFILE_ID"),
            ({"MOLLIE_TOKEN": API_KEY, "MOLLIE_TESTMODE": "true"}, "MOLLIE_TESTMODE"),
            ({"MOLLIE_TOKEN": ACCESS_TOKEN}, "MOLLIE_PROFILE_ID"),
            ({"MOLLIE_TOKEN": API_KEY, "MOLLIE_EMAIL_SUBJECT": "X"}, "MOLLIE_EMAIL_BODY"),
            ({"MOLLIE_TOKEN": API_KEY, "MOLLIE_EMAIL_BODY": "X"}, "MOLLIE_EMAIL_BODY"),
            ({"MOLLIE_EMAIL_SUBJECT": "X", "MOLLIE_EMAIL_BODY": "X"}, "MOLLIE_TOKEN"),
        ],
    )
    def test_settings_that_do_not_go_together_name_the_variable(
        self, values: dict[str, str], variable: str
    ) -> None:
        with pytest.raises(BadSettings) as caught:
            accounts(values)
        assert caught.value.variables == (variable,)
        assert "canary-secret" not in str(caught.value)

    def test_settings_come_from_the_environment(self) -> None:
        values = {
            "MOLLIE_TOKEN": API_KEY,
            "MOLLIE__BELGIUM__TOKEN": ACCESS_TOKEN,
            "MOLLIE__BELGIUM__PROFILE_ID": "pfl",
            "MOLLIE__BELGIUM__TESTMODE": "true",
        }
        configured = accounts(values)["mollie"]
        assert sorted(configured) == ["belgium", "default"]
        assert configured["belgium"].model_dump()["testmode"] is True
        assert "canary-secret" not in repr(configured)

    def test_a_token_that_cannot_travel_in_a_header_is_refused(self) -> None:
        with pytest.raises(ValidationError):
            MollieSettings.model_validate({"token": "test_ü"})


class TestErrors:
    @pytest.mark.parametrize("status", [400, 403, 404, 405, 410, 415, 422])
    async def test_a_refusal_keeps_their_words_out_of_its_sentence(self, status: int) -> None:
        told = Script().on(PATCH, refusal(status, field="lines.0.vatRate"))
        with pytest.raises(Rejected) as caught:
            await adaptor(told).approve(TARGET)
        assert caught.value.code == str(status)
        assert fields(caught.value) == ["lines.0.vatRate"]
        assert "Person" in caught.value.fields[0].message
        assert "Person" not in str(caught.value)

    async def test_a_suspended_account_is_a_refusal_with_its_reason(self) -> None:
        reply = refusal(422, detail="The account is suspended")
        with pytest.raises(Rejected) as caught:
            await created(Script().on(POST, reply), request())
        assert [str(one) for one in caught.value.fields] == ["request: The account is suspended"]

    @pytest.mark.parametrize("status", [401, 403])
    async def test_refused_credentials_say_so(self, status: int) -> None:
        with pytest.raises(Rejected, match="credentials"):
            await created(Script().on(POST, refusal(status)), request())

    @pytest.mark.parametrize("body", [None, [], "no", {"field": 7}])
    async def test_a_refusal_without_words_is_a_refusal(self, body: Any) -> None:
        with pytest.raises(Rejected) as caught:
            await created(Script().on(POST, answer(body, 422)), request())
        assert caught.value.fields == ()

    async def test_a_field_name_that_could_be_free_text_is_not_shown(self) -> None:
        with pytest.raises(Rejected) as caught:
            await created(Script().on(POST, refusal(422, field="A. Person")), request())
        assert fields(caught.value) == ["?"]


class TestWebhook:
    BODY = b'{"resource":"event","id":"event_1"}'

    def signature(self, secret: str, body: bytes = BODY) -> str:
        return f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"

    def test_a_signature_is_known(self) -> None:
        """Checked against a value computed elsewhere."""
        header = "sha256=f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8"
        body = b"The quick brown fox jumps over the lazy dog"
        assert verify(body, header, [SecretStr("key")])

    def test_either_secret_fits_while_one_is_replaced(self) -> None:
        secrets = [SecretStr("old"), SecretStr("new")]
        for secret in ("old", "new"):
            assert verify(self.BODY, self.signature(secret), secrets)
        both = f"{self.signature('older')}, {self.signature('new')}"
        assert verify(self.BODY, both, secrets)

    @pytest.mark.parametrize("secrets", [[], ["other"], [""]])
    def test_without_the_right_secret_nothing_is_believed(self, secrets: list[str]) -> None:
        known = [SecretStr(secret) for secret in secrets]
        for signed in ("right", ""):
            assert not verify(self.BODY, self.signature(signed), known)

    def test_a_changed_body_or_signature_is_not_believed(self) -> None:
        secrets = [SecretStr("right")]
        good = self.signature("right")
        assert verify(self.BODY, good, secrets)
        assert not verify(self.BODY + b" ", good, secrets)
        bare = good.removeprefix("sha256=")
        for bad in ("", "sha256=", good[:-1], bare, f"sha512={bare}", "sha256=ü", good + "0"):
            assert not verify(self.BODY, bad, secrets)


NEWS: dict[str, Any] = {
    "resource": "event",
    "id": "event_Gv",
    "type": "sales-invoice.paid",
    "entityId": ID,
    "createdAt": "2026-06-30T12:00:00+00:00",
    "_embedded": {"entity": {"resource": "sales-invoice", "id": ID, "invoiceNumber": "INV-7"}},
}


class TestEvents:
    SECRETS = "new-0123456789abcdef, old-0123456789abcdef"
    NOW = datetime(2026, 6, 30, 12, 0, 5, tzinfo=UTC)

    def received(self, body: dict[str, Any], **more: Any) -> Event:
        raw = json.dumps(body).encode()
        signature = hmac.new(b"new-0123456789abcdef", raw, hashlib.sha256).hexdigest()
        headers = {"x-mollie-signature": f"sha256={signature}"}
        told = Delivery(**{"headers": headers, "body": raw, "received": self.NOW, **more})
        (event,) = adaptor(Script(), webhook_secrets=self.SECRETS).receive(told)
        return event

    async def keys(self, body: dict[str, Any]) -> tuple[str, ...]:
        return (await adaptor(Script()).about(self.received(body))).keys

    def test_an_event_has_the_name_type_and_time_that_it_says(self) -> None:
        event = self.received(NEWS)
        assert (event.id, event.kind) == ("event_Gv", "sales-invoice.paid")
        assert event.at == datetime(2026, 6, 30, 12, tzinfo=UTC)
        assert event.body == NEWS

    def test_the_invoice_itself_is_news_that_its_content_names(self) -> None:
        issued, paid = invoice(status="issued"), invoice(status="paid")
        bodies = [json.loads(one.content) for one in (answer(issued), answer(paid))]
        events = [self.received(body) for body in (*bodies, bodies[0])]
        assert events[0].id == events[2].id != events[1].id
        assert events[0].kind == "sales-invoice"
        assert events[0].body == bodies[0]

    async def test_an_event_is_about_the_invoice_by_its_id_and_its_number(self) -> None:
        assert await self.keys(NEWS) == (ID, "INV-7")
        assert await self.keys(NEWS | {"_embedded": None}) == (ID,)
        assert await self.keys({**NEWS, "entityId": None}) == (ID, "INV-7")
        assert await self.keys({"resource": "sales-invoice", "id": ID}) == (ID,)

    async def test_what_concerns_no_invoice_is_about_nothing(self) -> None:
        assert (
            await self.keys(
                NEWS | {"type": "hook.ping", "entityId": "hook_1"} | {"_embedded": None}
            )
            == ()
        )
        assert await self.keys(NEWS | {"type": "payment-link.paid", "entityId": "pl_1"}) == ()

    async def test_an_event_about_an_invoice_must_say_which(self) -> None:
        for body in (NEWS | {"entityId": "pl_1"}, {"resource": "sales-invoice"}):
            with pytest.raises(Unreadable):
                await self.keys(body)

    @pytest.mark.parametrize("name", [None, 7, "", "A. Person", "x" * 201])
    def test_an_event_without_a_name_is_unreadable(self, name: Any) -> None:
        with pytest.raises(Unreadable):
            self.received(NEWS | {"id": name})

    def test_an_event_that_is_too_old_is_not_believed(self) -> None:
        in_time = datetime(2026, 7, 2, 12, tzinfo=UTC)
        assert self.received(NEWS, received=in_time).id == "event_Gv"
        with pytest.raises(Forged):
            self.received(NEWS, received=in_time + timedelta(seconds=1))


class TestPayLink:
    """`_links.invoicePayment`, read each time."""

    PAGE = "https://www.mollie.com/checkout/canary-secret"

    async def asked(self, *links: str, **context: Any) -> str:
        stated = {name: {"href": self.PAGE, "type": "text/html"} for name in links}
        told = Script().on(GET, answer(issued(_links=stated)))
        return await adaptor(told).pay_link(TARGET.model_copy(update={"context": context}))

    async def test_it_is_what_the_invoice_links_to(self) -> None:
        assert await self.asked("self", "invoicePayment") == self.PAGE

    async def test_an_invoice_that_links_to_none_has_none_yet(self) -> None:
        with pytest.raises(Unavailable, match="no page on which"):
            await self.asked("self", "pdfLink")

    @pytest.mark.parametrize(
        "page", ["http://www.mollie.com/canary", "https://elsewhere.test/canary", "javascript:x"]
    )
    async def test_a_page_elsewhere_is_refused_and_not_repeated(
        self, page: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(self, "PAGE", page, raising=False)
        with pytest.raises(Rejected, match="another place") as caught:
            await self.asked("invoicePayment")
        assert page not in str(caught.value)

    async def test_a_credit_note_is_paid_by_nobody(self) -> None:
        with pytest.raises(Unsupported):
            await self.asked("invoicePayment", credits="invoice_1")


def test_every_status_with_an_underscore_is_in_the_table_with_a_hyphen() -> None:
    assert not [word for word in STATUSES if "_" in str(word)]


async def test_no_secret_and_nothing_personal_is_logged_or_raised(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    words = ["canary-secret", "Person", "Canary Energy", ID, "billing@"]
    replies: list[Reply] = [
        refusal(422, field="A. Person"),
        answer(status=401),
        httpx.LocalProtocolError(f"Illegal header value b'{API_KEY}'"),
        answer(invoice(lines="Person")),
        answer(invoice(id="invoice_Person")),
    ]
    for reply in replies:
        with pytest.raises(ProviderError) as caught:
            await adaptor(Script().on(PATCH, reply)).approve(TARGET)
        shown = f"{caught.value!r} {caught.value.code} {caught.value.__cause__!r}"
        assert not [word for word in words if word in shown]
    assert not [word for word in words if word in caplog.text]
    assert "Mollie PATCH /v2/sales-invoices/{id}" in caplog.text

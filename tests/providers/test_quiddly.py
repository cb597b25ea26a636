from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from invoicing.errors import (
    ProviderError,
    Rejected,
    Unavailable,
    UnknownOutcome,
    Unreadable,
    Unsupported,
)
from invoicing.provider import (
    CONFIRMED,
    AttachCall,
    CreateCall,
    Event,
    Feeds,
    Figure,
    Found,
    Item,
    Notifies,
    PaymentStatus,
    Plan,
    Provider,
    ReadCall,
    Search,
    Sends,
    Snapshot,
    Stage,
    Target,
)
from invoicing.request import InvoiceRequest
from providers.quiddly.adaptor import Quiddly
from providers.quiddly.decode import NOT_READ, PAYMENT_NOT_READ
from providers.quiddly.encode import NOT_SENT
from providers.quiddly.settings import QuiddlySettings
from providers.quiddly.states import DISTRIBUTED
from providers.quiddly.words import NUMBERS, PLACES, ROWS, SWITCHES
from settings.accounts import read as accounts
from settings.variables import BadSettings
from tests.attached import CONTENT, a_file, supporting
from tests.providers import Reply, Script, answer, differing

TOKEN = "eyy-canary-secret"
PASSWORD = "canary-password"
SETTINGS = {"base_url": "https://api.example.test"}
SIGHTED: dict[str, Any] = {"read_route": "/invoices/{id}"}
ORGANISATION = "5590000005"
PERSON = "19000101-0008"
LINE: dict[str, Any] = {
    "id": "1",
    "name": "This is a article",
    "quantity": "2",
    "unit_price": "100",
    "vat": {"rate": "25"},
}
BUYER: dict[str, Any] = {
    "name": "Name",
    "account_number": "123",
    "registration": {"value": ORGANISATION},
    "address": {"street": "Address", "postal_code": "12345", "city": "City", "country": "SE"},
}
DOCUMENT: dict[str, Any] = {
    "number": "123456",
    "currency": "SEK",
    "issue_date": "2021-05-17",
    "due_date": "2021-06-01",
    "buyer": BUYER,
    "lines": [LINE],
}
ID = "I.111225694"
POST, ACTIVATE = "POST /invoices", f"POST /invoices/{ID}/activate"
GET, LIST = f"GET /invoices/{ID}", "GET /invoices"
DELETE = f"DELETE /invoices/{ID}"
SIGN_IN = "POST /authenticate"
FEED = "GET /vouchers/external/export/payments"

REQUEST_FIELDS = {
    *("clientId", "productCode", "invoiceNumber", "paymentReference", "debitInvoiceNumber"),
    *(f"dates.{one}" for one in ("invoiceDate", "expireDate", "deliveryDate")),
    *(
        f"debtor.{one}"
        for one in (
            *("customerNumber", "name", "identificationNumber", "type", "GLN", "email", "phone"),
            *("cellPhone", "vatNumber", "distributionChannelOverride", "distributionChannel"),
            "FMI",
        )
    ),
    *(
        f"debtor.{where}.{one}"
        for where in ("invoiceAddress", "deliveryAddress")
        for one in ("name", "address", "address2", "address3", "zip", "city", "countryCode")
    ),
    *("distributionCode", "documentTemplateCode", "type", "useRecourse"),
    *("activatedDate", "activatedById", "ourReference", "yourReference", "yourContactPerson"),
    *("ourOrderNumber", "yourOrderNumber", "remark", "terms.payment", "terms.delivery"),
    *("fees.administration", "fees.administrationVatPercentage"),
    *("fees.freight", "fees.freightVatPercentage", "reverseCharge", "refund"),
    *(
        f"totals.{one}"
        for one in (
            *("totalToPay", "total", "totalRoundOff", "totalExclVat", "totalVat", "taxReduction"),
        )
    ),
    *(f"currency.{one}" for one in ("invoiceCurrency", "baseCurrency", "exchangeRate")),
    "serviceProviderCode",
    *(
        f"articleRows.{one}"
        for one in (
            *("description", "discountType", "price", "quantity", "total", "totalDiscount"),
            *("totalExclVat", "totalVat", "unit", "vatPercentage"),
        )
    ),
    *(f"vats.{one}" for one in ("percentage", "totalTaxable", "totalVat")),
}
"""What the page lists for create, with the rows' fields from its example."""

EXAMPLE: dict[str, Any] = {
    "articleRows": [
        {
            "description": "This is a article",
            "discountType": "PERCENTAGE",
            "price": 100,
            "quantity": "2.00",
            "total": 200,
            "totalDiscount": 0,
            "totalExclVat": 200,
            "totalVat": 50,
            "unit": "pcs",
            "vatPercentage": 25,
        }
    ],
    "currency": {"baseCurrency": "SEK", "exchangeRate": 1, "invoiceCurrency": "SEK"},
    "dates": {"expireDate": "2021-06-01", "invoiceDate": "2021-05-17"},
    "debtor": {
        "cellPhone": "+46",
        "customerNumber": "123",
        "identificationNumber": ORGANISATION,
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
    "totals": {
        "taxReduction": 0,
        "total": 250,
        "totalExclVat": 200,
        "totalRoundOff": 0,
        "totalToPay": 250,
        "totalVat": 50,
    },
    "type": "INVOICE",
    "vats": [{"percentage": 25, "totalTaxable": 200, "totalVat": 50}],
}
"""The page's example, but for a valid organisation number and the point in the quantity."""

PAYMENT: dict[str, Any] = {
    "id": "V.1",
    "date": "2021-06-01",
    "paymentDate": "2021-05-31",
    "amountLocale": 250,
    "amount": 250,
    "invoiceNumber": "123456",
    "invoiceCurrency": "SEK",
    "baseCurrency": "SEK",
    "name": "A. Payer",
    "externalPaymentMethodCode": "BG",
    "accountNumber": "1930",
}


def adaptor(told: Script, **settings: Any) -> Quiddly:
    given = SETTINGS | ({} if "username" in settings else {"token": TOKEN}) | settings
    return Quiddly(QuiddlySettings.model_validate(given), told.client())


def line(**more: Any) -> dict[str, Any]:
    return LINE | more


def buyer(**more: Any) -> dict[str, Any]:
    return BUYER | more


def request(document: dict[str, Any] | None = None, **more: Any) -> InvoiceRequest:
    return InvoiceRequest.model_validate(
        {
            "reference": "ref-1",
            "provider": "quiddly",
            "document": DOCUMENT | (document or {}),
            **more,
        }
    )


def credit_note(**more: Any) -> InvoiceRequest:
    document = {"type": "credit_note", "number": "C-1", "precedents": [{"number": "123456"}]}
    return request(document, **more)


async def planned(asked: InvoiceRequest | None = None, **settings: Any) -> Plan:
    return await adaptor(Script(), **settings).plan(asked or request())


async def refused(asked: InvoiceRequest, **settings: Any) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        await planned(asked, **settings)
    return caught.value


def fields(error: ProviderError) -> list[str]:
    return [one.field for one in error.fields]


def invoice(**more: Any) -> dict[str, Any]:
    """The page's example of an answer, for the invoice that its request asks for."""
    return {
        "activatedById": None,
        "activatedDate": None,
        "articleRows": [
            {
                "accountNumber": None,
                "articleNumber": None,
                "id": "IR.321035638",
                **EXAMPLE["articleRows"][0],
                "quantity": "2,00",
            }
        ],
        "balances": {
            f"{name}{suffix}": 0
            for name in (
                *("capital", "capitalFinanced", "capitalService"),
                *("interest", "reminder", "total"),
            )
            for suffix in ("", "Locale")
        },
        "clientId": "C.100123",
        "clientName": "Quiddly Test",
        "createdBy": "user@example.com",
        "createdDate": "2022-04-08T11:21:12",
        "currency": {"baseCurrency": "SEK", "exchangeRate": 1, "invoiceCurrency": "SEK"},
        "dates": {
            "deliveryDate": None,
            "expireDate": "2021-06-01",
            "invoiceDate": "2021-05-17",
            "latestFinancialDate": None,
            "ledgerPerformedDate": None,
            "pausedUntilDate": None,
        },
        "debitInvoiceNumber": None,
        "debtor": {
            "FMI": None,
            "GLN": None,
            "cellPhone": "+46",
            "customerNumber": "123",
            "deliveryAddress": None,
            "distributionChannel": None,
            "distributionChannelOverride": None,
            "email": None,
            "id": None,
            "identificationNumber": None,
            "invoiceAddress": {
                "address": "Address",
                "address2": None,
                "address3": None,
                "city": "City",
                "countryCode": "SE",
                "name": "Name",
                "zip": "12345",
            },
            "name": "Name",
            "phone": None,
            "type": "COMPANY",
            "vatNumber": None,
        },
        "distributionCode": "LETTER",
        "document": {
            "attachment": None,
            "connectedFileCount": 0,
            "invoice": None,
            "invoicePreview": "57b7f0d607f1403fa3e23643342f1b58",
            "invoiceWithAttachments": None,
        },
        "documentTemplateCode": "STANDARD_MARKETING",
        "fees": {
            "administration": 0,
            "administrationVatPercentage": None,
            "freight": 0,
            "freightVatPercentage": None,
        },
        "id": ID,
        "invoiceNumber": "123456",
        "isRecourse": False,
        "ourOrderNumber": None,
        "ourReference": None,
        "partPayment": {"isPartPayment": False, "partPaymentPlanId": None},
        "paymentReference": None,
        "productCode": "REMINDER_SERVICE",
        "refund": False,
        "remark": None,
        "reminderProfileCode": None,
        "reverseCharge": False,
        "serviceProviderCode": None,
        "statuses": {"ledger": None, "ledgerSubType": None, "main": "CREATED"},
        "terms": {"delivery": None, "payment": None},
        "totals": {
            "taxReduction": 0,
            "total": 250,
            "totalExclVat": 200,
            "totalRoundOff": 0,
            "totalToPay": 250,
            "totalToPayBase": 250,
            "totalVat": 50,
        },
        "type": "INVOICE",
        "useRecourse": True,
        "vats": [{"percentage": 25, "totalTaxable": 200, "totalVat": 50}],
        "yourContactPerson": None,
        "yourOrderNumber": None,
        "yourReference": None,
    } | more


MARKS = {"activatedDate": "2022-04-08T11:22:00", "activatedById": "U.1"}


def activated(owes: Any = 250, capital: Any = None, **more: Any) -> dict[str, Any]:
    balances = {"total": owes, "capital": owes if capital is None else capital}
    return invoice(**{"balances": balances, **MARKS, **more})


def part(name: str, **more: Any) -> dict[str, Any]:
    return {name: invoice()[name] | more}


def payment_event(voucher: str = "V.1", amount: Any = "250", **more: Any) -> Event:
    body = {"invoiceNumber": "123456", "amount": amount, "currency": "SEK", **more}
    return Event(id=f"payment-{voucher}", kind="payment", body=body)


def confirmed(verb: str) -> Event:
    return Event(id=f"confirmed-{verb}", kind=CONFIRMED, body={"verb": verb})


async def target_of(asked: InvoiceRequest, provider: Quiddly) -> Target:
    plan = await provider.plan(asked)
    return Target(account=asked.account, reference=asked.reference, context=plan.context)


async def created(told: Script, asked: InvoiceRequest, **settings: Any) -> Snapshot:
    provider = adaptor(told, **settings)
    plan = await provider.plan(asked)
    call = CreateCall(
        target=await target_of(asked, provider),
        document=asked.document,
        options=asked.options,
        totals=plan.totals,
    )
    return await provider.create(call)


async def sent_body(asked: InvoiceRequest, **settings: Any) -> dict[str, Any]:
    told = Script().on(POST, answer(invoice()))
    await created(told, asked, **settings)
    body: dict[str, Any] = told.body(POST)
    return body


class Life:
    """One invoice at one adaptor, its context kept the way the workflow keeps it."""

    def __init__(self, told: Script, asked: InvoiceRequest | None = None, **settings: Any) -> None:
        self.told = told
        self.asked = asked or request()
        self.provider = adaptor(told, **settings)
        self.target = Target(account="default", reference="ref-1")

    async def create(self, **more: Any) -> Snapshot:
        self.told.on(POST, answer(invoice(**more)))
        plan = await self.provider.plan(self.asked)
        self.target = await target_of(self.asked, self.provider)
        call = CreateCall(
            target=self.target,
            document=self.asked.document,
            options=self.asked.options,
            totals=plan.totals,
        )
        return self._learn(await self.provider.create(call))

    async def approve(self, reply: Reply) -> Snapshot:
        self.told.on(ACTIVATE, reply)
        return self._learn(await self.provider.approve(self.target))

    async def read(self, *events: Event, reply: Reply | None = None) -> Snapshot:
        if reply is not None:
            self.told.on(GET, reply)
        call = ReadCall(target=self.target, events=events)
        snapshot = await self.provider.read(call)
        if reply is None:
            # What is kept of every event these tests tell of reads as the whole of it.
            kept = call.model_copy(update={"events": tuple([await self._kept(e) for e in events])})
            assert await self.provider.read(kept) == snapshot
        return self._learn(snapshot)

    async def _kept(self, event: Event) -> Event:
        with suppress(Unreadable):
            return (await self.provider.about(event)).event or event
        return event

    def _learn(self, snapshot: Snapshot) -> Snapshot:
        # Through JSON, as history keeps it.
        told = Snapshot.model_validate_json(snapshot.model_dump_json())
        context = {**self.target.context, **told.context}
        self.target = self.target.model_copy(
            update={"context": context, "provider_id": told.provider_id}
        )
        return told


async def drafted(asked: InvoiceRequest | None = None, **settings: Any) -> Life:
    life = Life(Script(), asked, **settings)
    await life.create()
    return life


async def out(asked: InvoiceRequest | None = None, **settings: Any) -> Life:
    """Activated and with its debtor."""
    life = await drafted(asked, **settings)
    await life.approve(answer(activated()))
    return life


async def read_of(body: dict[str, Any], *events: Event, asked: Any = None, **more: Any) -> Snapshot:
    life = await drafted(asked, **SIGHTED, **more)
    return await life.read(*events, reply=answer(body))


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


def is_text(path: str) -> bool:
    """Whether it is a text or a part that is compared, or has one below it; test_stated changes
    each."""
    rows = ("description", "unit", "quantity", "price", "vatPercentage", "totalExclVat", "totalVat")
    places = (
        *(*PLACES.values(), *NUMBERS.values(), *SWITCHES.values()),
        *(f"{ROWS}.{name}" for name in rows),
        *("vats.totalTaxable", "dates.deliveryDate", "debtor.identificationNumber"),
    )
    return any(f"{place}.".startswith(f"{path}.") for place in places)


class TestPlan:
    async def test_it_makes_no_call_and_says_how_it_will_go(self) -> None:
        told = Script()
        provider: Provider = adaptor(told)
        plan = await provider.plan(request())
        assert told.asked == []
        assert (plan.totals.net, plan.totals.vat) == (Decimal("200.00"), Decimal("50.00"))
        unstated = {Figure.PREPAID, Figure.ROUNDING, Figure.REFERENCE}
        assert set(plan.echoes) == set(Figure) - unstated
        assert plan.look_ups == ()
        assert plan.keys == ("123456",)
        assert plan.buyer == "123"
        assert not plan.credits
        assert plan.call_timeout == timedelta(seconds=80)

    async def test_without_routes_it_is_blind_and_cannot_find(self) -> None:
        plan = await planned()
        assert plan.blind
        assert not plan.find_first
        assert plan.paces.payment.first == timedelta(days=1)

    async def test_with_routes_it_sees(self) -> None:
        plan = await planned(**SIGHTED, find_route="/invoices?invoiceNumber={number}")
        assert not plan.blind
        assert plan.find_first
        assert plan.paces.payment.first == timedelta(hours=1)

    async def test_delivery_cannot_be_shown(self) -> None:
        error = await refused(request(goal="delivered"))
        assert isinstance(error, Unsupported)
        assert fields(error) == ["goal"]

    async def test_payment_cannot_be_shown_without_feed_and_read(self) -> None:
        paid = request(goal="paid")
        assert fields(await refused(paid, payments_feed=False)) == ["goal"]
        assert await planned(paid, payments_feed=False, **SIGHTED)

    async def test_all_mistakes_are_named_at_once(self) -> None:
        wrong = {
            "number": None,
            "due_date": None,
            "buyer": {"name": "N", "registration": {"value": "1234567890"}},
            "lines": [line(vat={"rate": "21"})],
        }
        error = await refused(request(wrong, options={"lines": {"9": {"unit": "st"}}}))
        assert isinstance(error, Rejected)
        assert set(fields(error)) == {
            "document.number",
            "document.due_date",
            "document.buyer.account_number",
            "document.buyer.registration.value",
            "document.buyer.address",
            "document.lines[0].vat.rate",
            "options.lines.9",
        }

    @pytest.mark.parametrize("part", ["street", "postal_code", "city"])
    async def test_an_address_is_whole_or_missing(self, part: str) -> None:
        address = BUYER["address"] | {part: None}
        error = await refused(request({"buyer": buyer(address=address)}))
        assert fields(error) == [f"document.buyer.address.{part}"]

    async def test_an_unknown_option_is_refused_by_name(self) -> None:
        error = await refused(request(options={"colour": "red", "debtor": {"shoe": 1}}))
        assert fields(error) == ["options.debtor.shoe", "options.colour"]

    @pytest.mark.parametrize(
        "options",
        [
            {"product_code": "OTHER"},
            {"distribution_code": "FAX"},
            {"activation": {"product_code": "OTHER"}},
            {"round_off": "1"},
            {"tax_reduction": "-1"},
            {"tax_reduction": "0.001"},
            {"exchange_rate": "0"},
            {"charges": ["tip"]},
        ],
    )
    async def test_a_word_or_number_outside_its_list_is_refused(self, options: Any) -> None:
        assert fields(await refused(request(options=options)))[0].startswith("options.")

    async def test_the_document_s_rounding_is_the_round_off(self) -> None:
        asked = request({"rounding": "0.40"})
        sums = (await sent_body(asked))["totals"]
        assert sums["totalRoundOff"] == Decimal("0.40")
        assert sums["totalToPay"] - sums["total"] == Decimal("0.40")
        plan = await planned(asked)
        assert (plan.rounding, plan.due) == (Decimal(0), plan.totals.due)
        assert plan.totals.due == plan.totals.gross + Decimal("0.40")
        error = await refused(request({"rounding": "0.40"}, options={"round_off": "0.40"}))
        assert fields(error) == ["options.round_off"]

    @pytest.mark.parametrize("rate", ["0", "6", "12", "25"])
    async def test_the_four_swedish_rates_are_known(self, rate: str) -> None:
        vat = {"rate": rate, "category": "S" if rate != "0" else "Z"}
        body = await sent_body(request({"lines": [line(vat=vat)]}))
        assert body["articleRows"][0]["vatPercentage"] == int(rate)

    async def test_a_fee_has_one_of_the_four_rates_too(self) -> None:
        charges = [{"amount": "10", "vat": {"rate": "19"}, "reason_code": "FC"}]
        error = await refused(request({"charges": charges}))
        assert fields(error) == ["document.charges[0].vat.rate"]

    @pytest.mark.parametrize(
        ("given", "field"),
        [
            ({"prepaid": "1"}, "prepaid"),
            ({"prices_include_vat": True}, "prices_include_vat"),
            ({"vat_rounding": "category"}, "vat_rounding"),
            ({"precedents": [{"number": "1"}]}, "precedents"),
            ({"payment": {"iban": "SE4550000000058398257466"}}, "payment.iban"),
            ({"payment": {"means": "59"}}, "payment.means"),
            ({"contract": "K"}, "contract"),
            ({"delivery": {"location": {"value": "L"}}}, "delivery.location"),
            ({"buyer": buyer(identifiers=[{"value": "1"}])}, "buyer.identifiers"),
            ({"lines": [line(period={"start": "2021-01-01", "end": "2021-01-02"})]}, None),
            ({"lines": [line(charges=[{"amount": "1"}])]}, None),
            ({"lines": [line(base_quantity="3")]}, None),
            ({"lines": [line(vat={"rate": "6", "category": "L"})]}, None),
        ],
    )
    async def test_what_has_no_place_is_refused_not_dropped(self, given: Any, field: Any) -> None:
        error = await refused(request(given))
        assert isinstance(error, Unsupported)
        assert fields(error)[0].startswith(f"document.{field}" if field else "document.lines[0].")

    async def test_what_is_ignored_is_listed(self) -> None:
        party = buyer(
            trading_name="T",
            language="sv",
            electronic_address={"value": "x", "scheme": "0007"},
        )
        assert await planned(request({"buyer": party, "payment": {"means": "30"}}))


class TestReasons:
    async def test_a_reason_that_is_only_a_code_is_printed(self) -> None:
        """[dropped] Nothing on the invoice said why it bears no VAT (BR-E-10)."""
        free = {"category": "E", "rate": "0", "exemption_code": "VATEX-EU-132"}
        assert (await sent_body(request({"lines": [line(vat=free)]})))["remark"] == "VATEX-EU-132"


class TestIdentity:
    @pytest.mark.parametrize(
        ("kind", "number", "sent"),
        [
            ("business", ORGANISATION, ORGANISATION),
            ("business", "559000-0005", ORGANISATION),
            ("consumer", PERSON, "190001010008"),
            ("consumer", "190001010008", "190001010008"),
        ],
    )
    async def test_a_valid_number_is_sent_as_digits(
        self, kind: str, number: str, sent: str
    ) -> None:
        party = buyer(type=kind, registration={"value": number})
        body = await sent_body(request({"buyer": party}))
        assert body["debtor"]["identificationNumber"] == sent
        assert body["debtor"]["type"] == ("COMPANY" if kind == "business" else "PERSON")

    @pytest.mark.parametrize(
        ("kind", "number"),
        [
            ("business", "5590000004"),
            ("business", "190001010008"),
            ("business", "SE559000000501"),
            ("consumer", ORGANISATION),
            ("consumer", "19000101-0007"),
            ("consumer", "19001301-0008"),
            ("consumer", "1"),
        ],
    )
    async def test_a_number_that_does_not_fit_the_type_is_refused(
        self, kind: str, number: str
    ) -> None:
        party = buyer(type=kind, registration={"value": number})
        error = await refused(request({"buyer": party}))
        assert fields(error) == ["document.buyer.registration.value"]
        assert number not in str(error.fields)

    async def test_nothing_is_known_about_a_foreign_number(self) -> None:
        address = BUYER["address"] | {"country": "NO", "postal_code": "0150"}
        party = buyer(address=address, registration={"value": "ABC"})
        body = await sent_body(request({"buyer": party}))
        assert body["debtor"]["identificationNumber"] == "ABC"

    async def test_a_swedish_postal_code_has_five_digits(self) -> None:
        spaced = BUYER["address"] | {"postal_code": "123 45"}
        body = await sent_body(request({"buyer": buyer(address=spaced)}))
        assert body["debtor"]["invoiceAddress"]["zip"] == "12345"
        wrong = BUYER["address"] | {"postal_code": "1234"}
        error = await refused(request({"buyer": buyer(address=wrong)}))
        assert fields(error) == ["document.buyer.address.postal_code"]

    async def test_a_gln_has_its_check_digit(self) -> None:
        good = buyer(identifiers=[{"value": "7350000000009", "scheme": "0088"}])
        body = await sent_body(request({"buyer": good}))
        assert body["debtor"]["GLN"] == "7350000000009"
        bad = buyer(identifiers=[{"value": "7350000000001", "scheme": "0088"}])
        error = await refused(request({"buyer": bad}))
        assert fields(error) == ["document.buyer.identifiers"]


class TestDistribution:
    @pytest.mark.parametrize(
        ("goal", "mail", "code"),
        [
            ("sent", True, "EMAIL"),
            ("paid", True, "EMAIL"),
            ("sent", False, "LETTER"),
            ("approved", True, None),
        ],
    )
    async def test_it_follows_from_the_goal_and_the_buyer(
        self, goal: str, mail: bool, code: str | None
    ) -> None:
        party = buyer(contact={"email": "debtor@example.com"}) if mail else BUYER
        body = await sent_body(request({"buyer": party}, goal=goal))
        assert body["distributionCode"] == code

    async def test_of_a_draft_nothing_is_said(self) -> None:
        assert "distributionCode" not in await sent_body(request(goal="drafted"))

    async def test_email_needs_a_mail_address_and_a_letter_a_postal_one(self) -> None:
        error = await refused(request(options={"distribution_code": "EMAIL"}))
        assert fields(error) == ["document.buyer.contact.email"]
        error = await refused(request(options={"activation": {"distribution_code": "EMAIL"}}))
        assert fields(error) == ["document.buyer.contact.email"]
        error = await refused(request({"buyer": buyer(address=None)}))
        assert fields(error) == ["document.buyer.address"]

    async def test_nobody_sends_what_is_to_be_sent_without_a_code(self) -> None:
        options = {"distribution_code": "NULL"}
        error = await refused(request(options=options))
        assert fields(error) == ["options.distribution_code"]

    async def test_what_the_caller_hands_out_itself_has_nothing_left_to_send(self) -> None:
        asked = request(goal="paid", options={"distribution_code": "NULL"})
        life = await drafted(asked)
        told = await life.approve(answer(activated(distributionCode=None)))
        assert told.stage is Stage.SENT

    async def test_what_waits_for_its_day_waits_before_what_makes_it_sent(self) -> None:
        by = {
            (goal, code): (await planned(request(goal=goal, options=options))).sent_by
            for code, options in (("left out", {}), ("NULL", {"distribution_code": "NULL"}))
            for goal in ("approved", "paid")
        }
        assert by == {
            ("approved", "left out"): "send",
            ("paid", "left out"): "approve",
            ("approved", "NULL"): "send",
            ("paid", "NULL"): "approve",  # the caller hands it out
        }

    async def test_an_approved_invoice_without_a_code_is_not_sent(self) -> None:
        life = await drafted(request(goal="approved"))
        told = await life.approve(answer(activated(distributionCode=None)))
        assert told.stage is Stage.APPROVED
        assert not isinstance(life.provider, Sends)


class TestCreate:
    async def test_the_pages_example_comes_out_as_it_is_written_there(self) -> None:
        options = {"product_code": "INVOICE_SERVICE", "debtor": {"cell_phone": "+46"}}
        assert await sent_body(request(options=options), write_reference=False) == EXAMPLE

    async def test_our_reference_stands_where_the_request_leaves_room(self) -> None:
        seller = {"name": "Us", "contact": {"name": "S"}}
        for document, options, places in (
            ({}, {}, ("ref-1", None)),
            ({"sales_order": "SO"}, {}, ("ref-1", "SO")),
            ({"seller": seller}, {}, ("S", "ref-1")),
            ({}, {"our_reference": "O"}, ("O", "ref-1")),
            ({"seller": seller, "sales_order": "SO"}, {}, ("S", "SO")),
        ):
            asked = request(document, options=options)
            body = await sent_body(asked)
            assert (body.get("ourReference"), body.get("ourOrderNumber")) == places
            life = Life(Script(), asked)
            answered = {name: body.get(name) for name in ("ourReference", "ourOrderNumber")}
            held = (await life.create(**answered)).reference
            assert held == ("ref-1" if "ref-1" in places else None)
            assert (await life.read()).reference == held

    async def test_every_field_of_the_page_can_be_said(self) -> None:
        address = {**BUYER["address"], "additional": "c/o"}
        document = {
            "buyer": {
                **BUYER,
                "vat_number": "SE559000000501",
                "identifiers": [{"value": "7350000000009", "scheme": "0088"}],
                "address": address,
                "contact": {"name": "C", "phone": "+468", "email": "debtor@example.com"},
            },
            "seller": {"name": "Us", "contact": {"name": "S"}},
            "delivery": {"actual_date": "2021-05-16", "party_name": "D", "address": address},
            "payment": {"reference": "OCR", "terms": "30 days"},
            "buyer_reference": "Y",
            "sales_order": "SO",
            "purchase_order": "PO",
            "notes": ["Note"],
            "charges": [
                {"amount": "10", "vat": {"rate": "25"}},
                {"amount": "20", "vat": {"rate": "6"}},
            ],
            "lines": [line(seller_item_id="A-1")],
        }
        options = {
            "product_code": "INVOICE_FACTORING_SELL",
            "document_template_code": "T",
            "service_provider_code": "P",
            "use_recourse": False,
            "refund": False,
            "terms_of_delivery": "EXW",
            "charges": ["administration", "freight"],
            "tax_reduction": "5",
            "round_off": "-0.50",
            "lines": {"1": {"account_number": "3001"}},
            "debtor": {
                "cell_phone": "+46",
                "address3": "3",
                "delivery_address3": "3",
                "fmi": "F",
                "distribution_channel": "X",
                "distribution_channel_override": True,
            },
        }
        body = await sent_body(request(document, options=options), client_id="C.1")
        said = set(paths(body))
        reverse = {"rate": "0", "category": "AE"}
        said |= set(paths(await sent_body(request({"lines": [line(vat=reverse)]}))))
        said |= set(paths(await sent_body(credit_note(), credit_type="CREDIT")))
        beyond = {"articleRows.articleNumber", "articleRows.accountNumber"}
        assert said - beyond == REQUEST_FIELDS - set(NOT_SENT)
        assert set(NOT_SENT) <= REQUEST_FIELDS
        assert body["ourReference"] == "S"
        assert body["fees"] == {
            "administration": 10,
            "administrationVatPercentage": 25,
            "freight": 20,
            "freightVatPercentage": 6,
        }
        assert body["vats"] == [
            {"percentage": 6, "totalTaxable": 20, "totalVat": Decimal("1.20")},
            {"percentage": 25, "totalTaxable": 210, "totalVat": Decimal("52.50")},
        ]
        assert body["totals"] == {
            "total": Decimal("283.70"),
            "totalExclVat": 230,
            "totalVat": Decimal("53.70"),
            "totalRoundOff": Decimal("-0.50"),
            "taxReduction": 5,
            "totalToPay": Decimal("278.20"),
        }

    @pytest.mark.parametrize(
        ("allowances", "kind", "discount", "total"),
        [
            ([], "PERCENTAGE", 0, 200),
            ([{"percent": "20"}], "PERCENTAGE", 20, 160),
            ([{"amount": "15.50"}], "CURRENCY", Decimal("15.50"), Decimal("184.50")),
            ([{"percent": "10"}, {"amount": "5"}], "CURRENCY", 25, 175),
        ],
    )
    async def test_a_discount_is_a_percentage_or_an_amount(
        self, allowances: Any, kind: str, discount: Any, total: Any
    ) -> None:
        (row,) = (await sent_body(request({"lines": [line(allowances=allowances)]})))["articleRows"]
        assert (row["discountType"], row["totalDiscount"]) == (kind, discount)
        assert row["total"] == row["totalExclVat"] == total

    @pytest.mark.parametrize(
        ("quantity", "text"),
        [("2", "2.00"), ("1000", "1000.00"), ("0.125", "0.125"), ("-1.5", "-1.50")],
    )
    async def test_a_quantity_is_text_with_a_point(self, quantity: str, text: str) -> None:
        (row,) = (await sent_body(request({"lines": [line(quantity=quantity)]})))["articleRows"]
        assert row["quantity"] == text

    async def test_units_are_words(self) -> None:
        lines = [line(unit="HUR"), line(id="2", unit="XPK"), line(id="3")]
        body = await sent_body(request({"lines": lines}, options={"lines": {"3": {"unit": "st"}}}))
        assert [row["unit"] for row in body["articleRows"]] == ["h", "XPK", "st"]

    async def test_vat_rows_are_by_percentage_and_add_up_from_the_rows(self) -> None:
        free = {"rate": "0", "category": "E", "exemption_reason": "Healthcare"}
        lines = [
            line(id="1", unit_price="0.03"),
            line(id="2", unit_price="0.03"),
            line(id="3", vat={"rate": "0", "category": "Z"}),
            line(id="4", vat=free),
        ]
        body = await sent_body(request({"lines": lines}))
        assert body["vats"] == [
            {"percentage": 0, "totalTaxable": 400, "totalVat": 0},
            {"percentage": 25, "totalTaxable": Decimal("0.12"), "totalVat": Decimal("0.04")},
        ]
        assert sum(row["totalVat"] for row in body["articleRows"]) == Decimal("0.04")
        assert body["remark"] == "Healthcare"
        by_rate = await sent_body(request({"lines": lines}), vat_rounding="category")
        assert by_rate["vats"][1]["totalVat"] == Decimal("0.03")

    async def test_reverse_charge_is_for_the_whole_invoice(self) -> None:
        reverse = {"rate": "0", "category": "AE"}
        body = await sent_body(request({"lines": [line(vat=reverse)]}))
        assert body["reverseCharge"] is True
        assert "reverseCharge" not in await sent_body(request())
        mixed = [LINE, line(id="2", vat=reverse)]
        assert fields(await refused(request({"lines": mixed}))) == ["document.lines"]

    async def test_another_currency_needs_its_rate(self) -> None:
        error = await refused(request({"currency": "EUR"}))
        assert fields(error) == ["options.exchange_rate"]
        body = await sent_body(request({"currency": "EUR"}, options={"exchange_rate": "11.2345"}))
        assert body["currency"] == {
            "invoiceCurrency": "EUR",
            "baseCurrency": "SEK",
            "exchangeRate": Decimal("11.2345"),
        }
        error = await refused(request(options={"exchange_rate": "2"}))
        assert fields(error) == ["options.exchange_rate"]
        assert await planned(request({"currency": "EUR"}, options={"base_currency": "EUR"}))

    async def test_freight_is_known_by_its_code_and_every_fee_is_there_once(self) -> None:
        freight = {"amount": "10", "vat": {"rate": "25"}, "reason_code": "FC"}
        assert (await sent_body(request({"charges": [freight]})))["fees"]["freight"] == 10
        other = {"amount": "10", "vat": {"rate": "25"}}
        assert fields(await refused(request({"charges": [other]}))) == ["document.charges[0]"]
        assert fields(await refused(request({"charges": [freight, freight]}))) == [
            "document.charges[1]"
        ]
        options = {"charges": ["freight", "administration"]}
        error = await refused(request({"charges": [freight]}, options=options))
        assert fields(error) == ["options.charges"]

    async def test_the_draft_is_inert_and_states_every_figure(self) -> None:
        told = await Life(Script()).create()
        assert told.provider_id == ID
        assert told.stage is Stage.DRAFTED
        assert told.payment is PaymentStatus.UNKNOWN
        assert told.status == "CREATED"
        plan = await planned()
        assert told.echo is not None
        assert not differing(request(), plan, told.echo)

    @pytest.mark.parametrize(
        ("changed", "figure"),
        [
            (part("currency", invoiceCurrency="EUR"), "currency"),
            (part("totals", totalExclVat=200.01), "net"),
            (part("totals", totalToPay=350), "due"),
            (part("totals", totalRoundOff=0.5), "rounding"),
            (part("dates", invoiceDate="2021-05-18"), "issue date"),
            (part("dates", expireDate=None), "due date"),
            ({"vats": [{"percentage": 25, "totalVat": 49.99}]}, "vat 25"),
            ({"vats": [{"percentage": 12, "totalVat": 50}]}, "vat 12"),
            (part("totals", total=251), "gross"),
            (part("debtor", customerNumber="124"), "buyer"),
            ({"invoiceNumber": "123457"}, "number"),
        ],
    )
    async def test_a_changed_figure_is_caught(self, changed: dict[str, Any], figure: str) -> None:
        told = await Life(Script()).create(**changed)
        plan = await planned()
        assert told.echo is not None
        assert figure in differing(request(), plan, told.echo)

    @pytest.mark.parametrize("name", ["currency", "totals", "vats", "debtor", "invoiceNumber"])
    async def test_a_missing_figure_is_caught(self, name: str) -> None:
        told = await Life(Script()).create(**{name: None})
        plan = await planned()
        assert told.echo is not None
        assert differing(request(), plan, told.echo)

    @pytest.mark.parametrize(
        "reply",
        [
            answer({"id": ""}),
            answer([]),
            answer(None),
            answer({}, 500),
            httpx.ReadTimeout("late"),
        ],
    )
    async def test_an_unclear_answer_leaves_it_open(self, reply: Reply) -> None:
        with pytest.raises(UnknownOutcome):
            await created(Script().on(POST, reply), request())

    async def test_a_create_is_never_repeated_here(self) -> None:
        told = Script().on(POST, httpx.ReadTimeout("late"))
        with pytest.raises(UnknownOutcome):
            await created(told, request())
        assert told.routes() == [POST]

    async def test_a_refusal_is_kept_word_for_word_but_not_in_its_sentence(self) -> None:
        body = {"message": "A. Person is wrong", "errors": [{"zip": "bad"}]}
        with pytest.raises(Rejected) as caught:
            await created(Script().on(POST, answer(body, 400)), request())
        assert caught.value.code == "400"
        assert "Person" not in str(caught.value)
        assert [(one.field, one.message) for one in caught.value.fields] == [
            ("message", "A. Person is wrong"),
            ("errors", '[{"zip":"bad"}]'),
        ]

    async def test_another_clients_invoice_is_never_acted_on(self) -> None:
        told = await Life(Script(), client_id="C.1").create()
        assert told.stage is Stage.UNKNOWN
        told = await Life(Script(), client_id="C.100123").create()
        assert told.stage is Stage.DRAFTED


class TestCredit:
    async def test_a_credit_note_names_its_invoice_and_needs_a_configured_word(self) -> None:
        error = await refused(credit_note())
        assert isinstance(error, Unsupported)
        assert fields(error) == ["document.type"]
        body = await sent_body(credit_note(), credit_type="CREDIT")
        assert (body["type"], body["debitInvoiceNumber"]) == ("CREDIT", "123456")
        assert body["totals"]["total"] == 250
        body = await sent_body(credit_note(options={"type": "KREDIT"}))
        assert body["type"] == "KREDIT"

    async def test_its_amounts_may_be_negative_there_and_are_positive_here(self) -> None:
        settings = {"credit_type": "CREDIT", "credit_amounts": "negative"}
        asked = credit_note()
        told = Script().on(POST, answer(invoice()))
        await created(told, asked, **settings)
        body = told.body(POST)
        assert body["totals"]["total"] == body["totals"]["totalToPay"] == -250
        assert body["vats"] == [{"percentage": 25, "totalTaxable": -200, "totalVat": -50}]
        (row,) = body["articleRows"]
        assert (row["quantity"], row["price"], row["total"]) == ("-2.00", 100, -200)
        echoed = invoice(
            invoiceNumber="C-1",
            type="CREDIT",
            articleRows=[
                {
                    "description": "This is a article",
                    "quantity": "-2.00",
                    "price": 100,
                    "vatPercentage": 25,
                    "totalExclVat": -200,
                    "totalVat": -50,
                }
            ],
            totals={"total": -250, "totalExclVat": -200, "totalVat": -50, "totalToPay": -250},
            vats=[{"percentage": 25, "totalTaxable": -200, "totalVat": -50}],
        )
        snapshot = await created(Script().on(POST, answer(echoed)), asked, **settings)
        plan = await planned(asked, **settings)
        assert snapshot.echo is not None
        assert not differing(asked, plan, snapshot.echo)

    async def test_it_names_exactly_one_and_is_not_paid(self) -> None:
        two = request(
            {"type": "credit_note", "precedents": [{"number": "1"}, {"number": "2"}]},
            options={"type": "CREDIT"},
        )
        assert fields(await refused(two)) == ["document.precedents"]
        error = await refused(credit_note(goal="paid"), credit_type="CREDIT")
        assert fields(error) == ["goal"]
        life = await drafted(credit_note(), credit_type="CREDIT", **SIGHTED)
        told = await life.approve(answer(activated()))
        assert told.payment is PaymentStatus.UNKNOWN
        assert (await life.read(reply=answer(activated()))).payment is PaymentStatus.UNKNOWN


class TestApprove:
    async def test_it_activates_exactly_the_stored_id_with_an_empty_object(self) -> None:
        life = await drafted()
        told = await life.approve(answer(activated()))
        assert life.told.routes() == [POST, ACTIVATE]
        assert life.told.body(ACTIVATE) == {}
        assert told.stage is Stage.SENT
        assert told.payment is PaymentStatus.UNPAID

    async def test_it_may_override_the_draft(self) -> None:
        overrides = {
            "product_code": "COLLECTION_SERVICE",
            "distribution_code": "NULL",
            "reminder_profile_code": "SLOW",
            "document_template_code": "T",
            "payment_reference": "OCR",
            "service_provider_code": "P",
            "use_recourse": False,
        }
        life = await drafted(request(goal="approved", options={"activation": overrides}))
        await life.approve(answer(activated(distributionCode=None)))
        assert life.told.body(ACTIVATE) == {
            "productCode": "COLLECTION_SERVICE",
            "distributionCode": None,
            "reminderProfileCode": "SLOW",
            "documentTemplateCode": "T",
            "paymentReference": "OCR",
            "serviceProviderCode": "P",
            "useRecourse": False,
        }

    @pytest.mark.parametrize("missing", ["activatedDate", "activatedById"])
    async def test_one_mark_of_activation_is_not_enough(self, missing: str) -> None:
        life = await drafted(**SIGHTED)
        told = await life.approve(answer(activated(**{missing: None})))
        assert told.stage is Stage.APPROVING

    async def test_a_yes_without_any_mark_is_still_on_its_way(self) -> None:
        life = await drafted(**SIGHTED)
        told = await life.approve(answer(invoice()))
        assert told.stage is Stage.APPROVING

    @pytest.mark.parametrize("missing", [("activatedDate",), ("activatedDate", "activatedById")])
    async def test_where_nobody_can_look_a_yes_without_its_marks_leaves_it_open(
        self, missing: tuple[str, ...]
    ) -> None:
        """It would be waited for in vain: no later look shows more."""
        life = await drafted()
        with pytest.raises(UnknownOutcome, match="does not show an activation"):
            await life.approve(answer(activated(**dict.fromkeys(missing))))

    @pytest.mark.parametrize("word", ["ACTIVE", "CREATED", None])
    async def test_no_word_decides_about_activation(self, word: str | None) -> None:
        life = await drafted()
        told = await life.approve(answer(activated(statuses={"main": word})))
        assert told.stage is Stage.SENT

    @pytest.mark.parametrize(
        "reply",
        [answer(None), answer(activated(id="I.2")), answer({}, 502), httpx.ReadError("reset")],
    )
    async def test_an_unclear_answer_leaves_it_open(self, reply: Reply) -> None:
        with pytest.raises(UnknownOutcome):
            await (await drafted()).approve(reply)

    async def test_a_balance_of_nothing_in_its_answer_is_no_payment(self) -> None:
        life = await drafted()
        told = await life.approve(answer(activated(owes=0)))
        assert told.payment is PaymentStatus.UNPAID

    async def test_it_needs_an_id(self) -> None:
        with pytest.raises(Rejected):
            await adaptor(Script()).approve(Target(account="default", reference="r"))


class TestDelete:
    async def test_without_a_route_it_says_so(self) -> None:
        life = await drafted()
        with pytest.raises(Unsupported, match="no way to delete"):
            await life.provider.delete(life.target)

    @pytest.mark.parametrize("reply", [answer(None, 204), answer({}), answer(None, 404)])
    async def test_with_a_route_the_draft_goes(self, reply: Reply) -> None:
        life = await drafted(delete_route="/invoices/{id}")
        life.told.on(DELETE, reply)
        life._learn(await life.provider.delete(life.target))
        assert (await life.read()).stage is Stage.DELETED

    async def test_a_refusal_is_a_refusal(self) -> None:
        life = await drafted(delete_route="/invoices/{id}")
        life.told.on(DELETE, answer({}, 409))
        with pytest.raises(Rejected):
            await life.provider.delete(life.target)


class TestBlindRead:
    """Without a route to read, what was heard is all there is."""

    async def test_it_makes_no_call_and_repeats_what_it_heard(self) -> None:
        life = Life(Script())
        draft = await life.create()
        assert await life.read() == draft
        sent = await life.approve(answer(activated()))
        assert await life.read() == sent
        assert life.told.routes() == [POST, ACTIVATE]

    async def test_an_invoice_it_never_saw_is_not_made_up(self) -> None:
        life = await drafted()
        life.target = life.target.model_copy(update={"provider_id": "I.2"})
        with pytest.raises(Rejected, match="never seen"):
            await life.read()

    async def test_what_it_keeps_is_small(self) -> None:
        life = await out()
        assert len(str(life.target.context)) < 1450

    @pytest.mark.parametrize(
        ("verbs", "stage"),
        [
            (["approve"], Stage.SENT),
            (["approve", "approve"], Stage.SENT),
            (["delete"], Stage.DELETED),
            (["approve", "delete"], Stage.SENT),
            (["send"], Stage.DRAFTED),
            (["credit"], Stage.DRAFTED),
            (["dance"], Stage.DRAFTED),
        ],
    )
    async def test_a_person_says_what_took_effect(self, verbs: list[str], stage: Stage) -> None:
        life = await drafted()
        assert (await life.read(*map(confirmed, verbs))).stage is stage
        assert (await life.read()).stage is stage

    async def test_a_confirmed_approval_without_a_code_is_not_sent(self) -> None:
        asked = request(goal="approved")
        life = Life(Script(), asked)
        await life.create(distributionCode=None)
        assert (await life.read(confirmed("approve"))).stage is Stage.APPROVED
        assert (await life.read(confirmed("send"))).stage is Stage.SENT
        overridden = request(goal="approved", options={"activation": {"distribution_code": "NULL"}})
        life = await drafted(overridden)
        assert (await life.read(confirmed("approve"))).stage is Stage.APPROVED

    async def test_where_it_can_look_nobody_is_believed(self) -> None:
        told = await read_of(invoice(), confirmed("approve"))
        assert told.stage is Stage.DRAFTED


class TestPayments:
    async def test_parts_add_up_and_none_counts_twice(self) -> None:
        life = await out()
        assert (await life.read()).payment is PaymentStatus.UNPAID
        first = payment_event("V.1", "100")
        assert (await life.read(first, first)).payment is PaymentStatus.PARTLY_PAID
        assert (await life.read(first)).payment is PaymentStatus.PARTLY_PAID
        told = await life.read(payment_event("V.2", "149.99"))
        assert told.payment is PaymentStatus.PARTLY_PAID
        assert (await life.read(payment_event("V.3", "0.01"))).payment is PaymentStatus.PAID
        assert (await life.read()).payment is PaymentStatus.PAID

    async def test_what_comes_back_is_taken_off(self) -> None:
        life = await out()
        paid = payment_event("V.1", "250")
        back = payment_event("V.2", "-250")
        assert (await life.read(back)).payment is PaymentStatus.UNPAID
        assert (await life.read(paid)).payment is PaymentStatus.REVERSED
        assert (await life.read(payment_event("V.3", "50"))).payment is PaymentStatus.PARTLY_PAID

    async def test_more_than_was_asked_for_is_paid(self) -> None:
        assert (await (await out()).read(payment_event(amount="300"))).payment is PaymentStatus.PAID

    async def test_the_tax_offices_part_is_not_waited_for(self) -> None:
        life = await out(request(options={"tax_reduction": "50.40", "round_off": "0.40"}))
        assert (await life.read(payment_event(amount="200"))).payment is PaymentStatus.PAID

    @pytest.mark.parametrize(
        "other",
        [
            payment_event(invoiceNumber="123457"),
            payment_event(currency="EUR"),
            payment_event(amount="much"),
            payment_event(amount=None),
        ],
    )
    async def test_a_payment_that_does_not_fit_is_shown_and_not_counted(self, other: Event) -> None:
        life = await out()
        for told in (await life.read(other, other), await life.read()):
            assert told.payment is PaymentStatus.UNPAID
            assert told.status == "CREATED · 1 payments not counted"

    async def test_a_payment_without_a_number_comes_from_a_person(self) -> None:
        told = await (await out()).read(payment_event(invoiceNumber=None))
        assert told.payment is PaymentStatus.PAID

    async def test_money_proves_the_activation_that_nobody_saw(self) -> None:
        """Its answer was lost, and nobody can look: but nothing is paid that is not activated."""
        life = await drafted()
        told = await life.read(payment_event(amount="100"))
        assert (told.stage, told.payment) == (Stage.SENT, PaymentStatus.PARTLY_PAID)
        told = await life.read(payment_event("V.2", "150"))
        assert (told.stage, told.payment) == (Stage.SENT, PaymentStatus.PAID)
        unsent = Life(Script(), request(goal="approved"))
        await unsent.create(distributionCode=None)
        assert (await unsent.read(payment_event())).stage is Stage.APPROVED

    @pytest.mark.parametrize(
        "event",
        [
            payment_event(invoiceNumber="123457"),
            payment_event(currency="EUR"),
            payment_event(amount="-250"),
            payment_event(amount="0"),
        ],
    )
    async def test_money_that_is_not_for_it_proves_nothing(self, event: Event) -> None:
        assert (await (await drafted()).read(event)).stage is Stage.DRAFTED

    async def test_money_does_not_bring_back_what_was_deleted(self) -> None:
        life = await drafted()
        await life.read(confirmed("delete"))
        assert (await life.read(payment_event())).stage is Stage.DELETED

    async def test_where_it_can_look_money_proves_nothing(self) -> None:
        assert (await read_of(invoice(), payment_event())).stage is Stage.DRAFTED

    async def test_other_events_do_no_harm(self) -> None:
        life = await out()
        before = await life.read()
        assert await life.read(Event(id="x", kind="weather", body={"amount": "250"})) == before

    async def test_a_draft_is_neither_paid_nor_unpaid(self) -> None:
        assert (await (await drafted()).read()).payment is PaymentStatus.UNKNOWN

    async def test_the_balance_counts_once_it_is_activated(self) -> None:
        booked = part("dates", latestFinancialDate="2022-04-09")
        assert (await read_of(invoice())).payment is PaymentStatus.UNKNOWN
        assert (await read_of(invoice(**booked))).payment is PaymentStatus.UNKNOWN
        life = await out(**SIGHTED)
        told = await life.read(reply=answer(activated(owes=250)))
        assert told.payment is PaymentStatus.UNPAID
        told = await life.read(reply=answer(activated(owes=100)))
        assert told.payment is PaymentStatus.PARTLY_PAID
        told = await life.read(reply=answer(activated(owes=0)))
        assert told.payment is PaymentStatus.PAID

    async def test_a_balance_nobody_has_booked_yet_is_not_paid(self) -> None:
        assert (await read_of(activated(owes=0))).payment is PaymentStatus.UNPAID
        booked = activated(owes=0, **part("dates", latestFinancialDate="2022-04-09"))
        assert (await read_of(booked)).payment is PaymentStatus.PAID

    async def test_fees_on_top_do_not_hide_a_part_that_was_paid(self) -> None:
        told = await read_of(activated(owes=310, capital=249))
        assert told.payment is PaymentStatus.PARTLY_PAID
        assert (await read_of(activated(owes=310, capital=250))).payment is PaymentStatus.UNPAID

    async def test_where_it_can_look_the_balance_outweighs_events(self) -> None:
        life = await out(**SIGHTED)
        told = await life.read(payment_event(), reply=answer(activated(owes=40)))
        assert told.payment is PaymentStatus.PARTLY_PAID


class TestRead:
    async def test_it_fetches_the_invoice(self) -> None:
        life = await out(**SIGHTED)
        told = await life.read(reply=answer(activated()))
        assert life.told.routes()[-1] == GET
        assert told.stage is Stage.SENT
        assert told.number == "123456"

    @pytest.mark.parametrize("status", [404, 410])
    async def test_an_invoice_that_is_not_found_is_deleted(self, status: int) -> None:
        life = await drafted(**SIGHTED)
        assert (await life.read(reply=answer({}, status))).stage is Stage.DELETED

    @pytest.mark.parametrize("missing", ["activatedDate", "activatedById"])
    async def test_one_mark_of_activation_is_on_its_way(self, missing: str) -> None:
        assert (await read_of(activated(**{missing: None}))).stage is Stage.APPROVING

    @pytest.mark.parametrize(("code", "stage"), DISTRIBUTED.items())
    async def test_the_table_of_codes(self, code: str, stage: Stage) -> None:
        assert (await read_of(activated(distributionCode=code))).stage is stage

    async def test_an_unknown_word_is_not_acted_on(self) -> None:
        assert (await read_of(activated(distributionCode="PIGEON"))).stage is Stage.UNKNOWN
        assert (await read_of(invoice(statuses={"main": "DELETED"}))).stage is Stage.UNKNOWN
        assert (await read_of(invoice(statuses=None))).stage is Stage.UNKNOWN

    @pytest.mark.parametrize(
        "word",
        [
            *("INVOICE", "EXPIRED", "EXPIRED_NOTIFICATION", "REMINDER", "COLLECTION"),
            *("DELAYED_PENALTY_FEE", "MONITORING_DECISION", "MONITORING", "SOMETHING_NEW"),
        ],
    )
    async def test_the_ledger_is_shown_and_decides_nothing(self, word: str) -> None:
        told = await read_of(activated(statuses={"main": "CREATED", "ledger": word}))
        assert told.stage is Stage.SENT
        assert told.status == f"CREATED · {word}"

    async def test_a_pause_and_instalments_are_shown(self) -> None:
        told = await read_of(
            activated(
                **part("dates", pausedUntilDate="2022-05-01"),
                **part("partPayment", isPartPayment=True),
                statuses={"main": "CREATED", "ledger": "REMINDER", "ledgerSubType": "SECOND"},
            )
        )
        assert told.status == (
            "CREATED · REMINDER · SECOND · paused until 2022-05-01 · part payment"
        )

    async def test_free_text_never_becomes_a_status(self) -> None:
        told = await read_of(
            activated(
                statuses={"main": "call A. Person", "ledger": "x" * 81},
                **part("dates", pausedUntilDate="as long as A. Person wants"),
            )
        )
        assert told.status == "? · ? · paused until ?"

    async def test_every_field_of_an_answer_is_read_or_knowingly_not(self) -> None:
        changes: dict[str, dict[str, Any]] = {
            "clientId": {"clientId": "C.2"},
            "invoiceNumber": {"invoiceNumber": "2"},
            "ourReference": {"ourReference": "ref-2"},
            "ourOrderNumber": {"ourOrderNumber": "ref-2"},
            "activatedDate": {"activatedDate": None},
            "activatedById": {"activatedById": None},
            "distributionCode": {"distributionCode": "PIGEON"},
            "statuses.main": {"statuses": {"main": "B", "ledger": "C", "ledgerSubType": "D"}},
            "statuses.ledger": {"statuses": {"main": "A", "ledger": "B", "ledgerSubType": "D"}},
            "statuses.ledgerSubType": {
                "statuses": {"main": "A", "ledger": "C", "ledgerSubType": "B"}
            },
            "partPayment.isPartPayment": part("partPayment", isPartPayment=True),
            "dates.pausedUntilDate": part("dates", pausedUntilDate="2022-05-01"),
            "dates.latestFinancialDate": part("dates", latestFinancialDate="2022-05-01"),
            "debtor.customerNumber": part("debtor", customerNumber="2"),
            "vats.percentage": {"vats": [{"percentage": 12, "totalVat": 50}]},
            "vats.totalVat": {"vats": [{"percentage": 25, "totalVat": 51}]},
            "totals.total": part("totals", total=251),
            "totals.totalExclVat": part("totals", totalExclVat=201),
            "totals.totalToPay": part("totals", totalToPay=251),
            "totals.totalRoundOff": part("totals", totalRoundOff=0.5),
            "dates.invoiceDate": part("dates", invoiceDate="2021-05-18"),
            "dates.expireDate": part("dates", expireDate="2021-06-02"),
            "currency.invoiceCurrency": part("currency", invoiceCurrency="EUR"),
            "currency.baseCurrency": part("currency", baseCurrency="EUR"),
            "balances.total": {"balances": {"total": 5, "capital": 0}},
            "balances.capital": {"balances": {"total": 0, "capital": 1}},
            "balances.reminder": {"balances": {"total": 0, "capital": 0, "reminder": 1}},
            "balances.interest": {"balances": {"total": 0, "capital": 0, "interest": 1}},
        }
        for path in paths(invoice()):
            ignored = any(f"{path}.".startswith(f"{one}.") for one in NOT_READ)
            assert ignored != (path in changes or path == "id" or is_text(path)), path
        whole = activated(owes=0, statuses={"main": "A", "ledger": "C", "ledgerSubType": "D"})
        settings = {"client_id": "C.100123"}
        seen = await read_of(whole, **settings)
        for path, change in changes.items():
            base = whole
            if path == "ourOrderNumber":
                # It is where our reference stands if the other place is taken.
                taken = request(options={"our_reference": "The seller"})
                other = await read_of(whole | change, asked=taken, **settings)
                assert other.reference == "ref-2"
                continue
            if path in ("balances.capital", "currency.baseCurrency"):
                # What is left of the capital matters only while something is owed.
                base = whole | {"balances": {"total": 5, "capital": 250}}
                change = {"balances": {"total": 5, "capital": 249}} if "cap" in path else change
            if path == "currency.baseCurrency":
                base = whole | {"balances": {"total": 5, "capital": 1}}
            before = seen if base is whole else await read_of(base, **settings)
            assert await read_of(base | change, **settings) != before, path
        assert await read_of(whole | {"createdBy": "free text"}, **settings) == seen


class TestFind:
    ROUTE = {"find_route": "/invoices?invoiceNumber={number}&limit=5"}

    async def find(self, body: Any, **settings: Any) -> tuple[Search, Script]:
        told = Script().on(LIST, answer(body))
        provider = adaptor(told, **(self.ROUTE | settings))
        return await provider.find(await target_of(request({"number": "12 3&4"}), provider)), told

    async def test_a_strange_invoice_of_others_stops_no_search(self) -> None:
        strange = invoice(id="x", invoiceNumber="99", totals={"total": "much"})
        search, _ = await self.find([strange, invoice(invoiceNumber="12 3&4")])
        assert [one.provider_id for one in search.invoices] == [ID]

    async def test_without_a_route_it_cannot_tell_and_asks_nobody(self) -> None:
        told = Script()
        provider = adaptor(told)
        search = await provider.find(await target_of(request(), provider))
        assert search == Search(complete=False)
        assert told.asked == []

    async def test_it_asks_by_our_number(self) -> None:
        search, told = await self.find([])
        assert search == Search()
        assert dict(told.asked[0].url.params) == {"invoiceNumber": "12 3&4", "limit": "5"}

    async def test_what_has_our_number_is_ours_and_can_be_gone_on_with(self) -> None:
        search, _ = await self.find([invoice(invoiceNumber="12 3&4")])
        (found,) = search.invoices
        assert search.complete
        assert (found.provider_id, found.stage) == (ID, Stage.DRAFTED)
        assert found.context["told"]

    async def test_our_number_on_an_invoice_with_anothers_reference_is_taken(self) -> None:
        """Neither adopted nor made a second time: its payments name the number alone."""
        ours = invoice(invoiceNumber="12 3&4", ourReference="ref-1")
        theirs = ours | {"id": "I.9", "ourReference": "ref-10"}
        search, _ = await self.find([ours])
        assert [(one.provider_id, one.reference) for one in search.invoices] == [(ID, "ref-1")]
        for there in ([theirs], [ours, theirs]):
            with pytest.raises(Rejected, match="another reference's invoice") as refused:
                await self.find(there)
            assert [one.field for one in refused.value.fields] == ["document.number"]
        # Where it is not written, nothing is known from it.
        search, _ = await self.find([theirs], write_reference=False)
        assert [one.reference for one in search.invoices] == [None]

    async def test_a_list_that_was_not_filtered_proves_nothing(self) -> None:
        search, _ = await self.find([invoice(id="I.9", invoiceNumber="9")])
        assert search == Search(complete=False)

    async def test_another_clients_invoice_may_have_the_same_number(self) -> None:
        search, _ = await self.find([invoice(invoiceNumber="12 3&4")], client_id="C.1")
        assert search == Search()

    @pytest.mark.parametrize("body", [{"data": []}, None, [{"id": 1}]])
    async def test_an_answer_of_another_form_is_not_understood(self, body: Any) -> None:
        with pytest.raises(Unreadable):
            await self.find(body)


class TestFeed:
    async def test_it_is_a_feed_and_tells(self) -> None:
        provider = adaptor(Script(), feed_minutes=5)
        assert isinstance(provider, Feeds)
        assert isinstance(provider, Notifies)
        assert provider.feed_interval == timedelta(minutes=5)

    async def test_a_payment_becomes_an_event_about_its_invoice(self) -> None:
        told = Script().on(FEED, answer([PAYMENT]))
        provider = adaptor(told)
        batch = await provider.poll()
        assert dict(told.asked[0].url.params) == {"page": "1", "limit": "10"}
        assert not batch.more
        (item,) = batch.items
        assert (item.event.id, item.event.kind) == ("payment-V.1", "payment")
        assert item.event.body == {
            "invoiceNumber": "123456",
            "amount": "250",
            "currency": "SEK",
            "paymentDate": PAYMENT["paymentDate"],
            "externalPaymentMethodCode": PAYMENT["externalPaymentMethodCode"],
        }
        subject = await provider.about(item.event)
        assert subject.keys == ("123456",)
        assert subject.event
        assert subject.event.body == item.event.body
        assert set(PAYMENT_NOT_READ) < set(PAYMENT)
        assert "Payer" not in item.model_dump_json()

    async def test_it_reads_page_after_page(self) -> None:
        pages = [
            answer([PAYMENT | {"id": f"V.{page}{number}"} for number in range(2)])
            for page in range(2)
        ]
        told = Script().on(FEED, *pages, answer([]))
        batch = await adaptor(told, feed_page=2).poll()
        assert [item.event.id[-2:] for item in batch.items] == ["00", "01", "10", "11"]
        assert [one.url.params["page"] for one in told.asked] == ["1", "2", "3"]
        assert not batch.more

    async def test_what_does_not_end_is_asked_for_again_at_once(self) -> None:
        told = Script().on(FEED, answer([PAYMENT]))
        batch = await adaptor(told, feed_page=1).poll()
        assert len(told.asked) == 10
        assert len(batch.items) == 1
        assert batch.more

    async def test_a_feed_that_belongs_to_another_system_is_left_alone(self) -> None:
        told = Script()
        provider = adaptor(told, payments_feed=False)
        assert provider.feed_interval is None
        batch = await provider.poll()
        assert (batch.items, batch.more, told.asked) == ((), False, [])

    async def test_a_strange_item_does_not_hold_up_the_others(self) -> None:
        strange: list[Any] = [
            {"id": "V.2"},
            PAYMENT | {"id": "V.3", "amount": True},
            PAYMENT | {"id": "V.4", "invoiceNumber": None},
            PAYMENT | {"id": None},
            "what",
        ]
        provider = adaptor(Script().on(FEED, answer([*strange, PAYMENT])))
        items = (await provider.poll()).items
        assert len({item.event.id for item in items}) == 6
        for item in (*items[:3], items[4]):
            with pytest.raises(Unreadable):
                await provider.about(item.event)
        with pytest.raises(Rejected):
            await provider.acknowledge(items[3])
        assert (await provider.about(items[5].event)).keys == ("123456",)

    async def test_an_id_is_never_free_text(self) -> None:
        odd = PAYMENT | {"id": "paid by A. Person / 1"}
        (item,) = (await adaptor(Script().on(FEED, answer([odd]))).poll()).items
        assert "Person" not in item.event.id
        assert item.receipt == {"voucher": "paid by A. Person / 1"}

    @pytest.mark.parametrize(
        "change",
        [
            {"invoiceNumber": "1" * 256},
            {"amount": "1" * 100_000},
            {"invoiceCurrency": "SEK" * 100_000},
        ],
    )
    async def test_what_is_too_long_to_be_true_is_not_kept(self, change: dict[str, Any]) -> None:
        provider = adaptor(Script().on(FEED, answer([PAYMENT | change])))
        (item,) = (await provider.poll()).items
        assert len(item.event.model_dump_json()) < 1000

    async def test_a_number_that_is_long_only_when_written_out_is_none(self) -> None:
        body = json.dumps([PAYMENT | {"amount": 0}]).replace('"amount": 0', '"amount": 1E+99999')
        provider = adaptor(Script().on(FEED, httpx.Response(200, text=body)))
        (item,) = (await provider.poll()).items
        assert item.event.body["amount"] == "?"
        with pytest.raises(Unreadable):
            await provider.about(item.event)

    async def test_other_events_are_about_no_invoice(self) -> None:
        assert (await adaptor(Script()).about(Event(id="1", kind="weather"))).keys == ()

    @pytest.mark.parametrize(("field", "amount"), [("amount", "22.5"), ("amountLocale", "250")])
    async def test_which_amount_is_the_invoices_is_a_setting(self, field: str, amount: str) -> None:
        foreign = PAYMENT | {"invoiceCurrency": "EUR", "amount": 22.5, "amountLocale": 250}
        provider = adaptor(Script().on(FEED, answer([foreign])), invoice_amount=field)
        (item,) = (await provider.poll()).items
        assert (item.event.body["amount"], item.event.body["currency"]) == (amount, "EUR")

    @pytest.mark.parametrize("reply", [answer({"items": []}), answer(None)])
    async def test_a_feed_of_another_form_is_not_understood(self, reply: Reply) -> None:
        with pytest.raises(Unreadable):
            await adaptor(Script().on(FEED, reply)).poll()

    @pytest.mark.parametrize("status", [200, 404, 409, 410])
    async def test_acknowledging_twice_is_no_mistake(self, status: int) -> None:
        route = "PUT /vouchers/V.1/external/export"
        told = Script().on(FEED, answer([PAYMENT])).on(route, answer(None, status))
        provider = adaptor(told)
        (item,) = (await provider.poll()).items
        await provider.acknowledge(item)
        await provider.acknowledge(Item.model_validate_json(item.model_dump_json()))
        assert told.body(route) == {"externalId": "payment-V.1"}

    async def test_a_lost_acknowledgement_is_tried_again(self) -> None:
        route = "PUT /vouchers/V.1/external/export"
        told = Script().on(FEED, answer([PAYMENT])).on(route, httpx.ReadTimeout("late"))
        provider = adaptor(told)
        (item,) = (await provider.poll()).items
        with pytest.raises(Unavailable):
            await provider.acknowledge(item)


class TestSigningIn:
    USER = {"username": "user@example.com", "password": PASSWORD}

    async def test_a_token_is_sent_as_it_is(self) -> None:
        told = Script().on(POST, answer(invoice()))
        await created(told, request())
        assert told.asked[0].headers["authorization"] == f"Bearer {TOKEN}"

    async def test_a_refused_token_is_not_tried_again(self) -> None:
        told = Script().on(POST, answer({}, 401))
        with pytest.raises(Rejected, match="credentials"):
            await created(told, request())
        assert told.routes() == [POST]

    def signed_in(self, *tokens: str) -> Script:
        answers = [answer({"idToken": token, "tokenType": "Bearer"}) for token in tokens]
        return Script().on(SIGN_IN, *answers)

    async def test_one_sign_in_serves_many_calls(self) -> None:
        told = self.signed_in("one").on(FEED, answer([]))
        provider = adaptor(told, **self.USER)
        await provider.poll()
        await provider.poll()
        assert told.routes() == [SIGN_IN, FEED, FEED]
        assert told.body(SIGN_IN) == self.USER
        assert told.asked[-1].headers["authorization"] == "Bearer one"

    async def test_a_refused_token_is_renewed_once(self) -> None:
        told = self.signed_in("one", "two").on(POST, answer({}, 401), answer(invoice()))
        assert (await created(told, request(), **self.USER)).stage is Stage.DRAFTED
        assert told.routes() == [SIGN_IN, POST, SIGN_IN, POST]
        assert told.asked[-1].headers["authorization"] == "Bearer two"
        told = self.signed_in("one", "two").on(POST, answer({}, 401))
        with pytest.raises(Rejected):
            await created(told, request(), **self.USER)
        assert len(told.asked) == 4

    async def test_a_wrong_password_is_a_refusal(self) -> None:
        with pytest.raises(Rejected, match="username or password"):
            await created(Script().on(SIGN_IN, answer({}, 401)), request(), **self.USER)

    @pytest.mark.parametrize(
        "reply",
        [answer({}, 500), answer({"token": "x"}), httpx.ReadTimeout("late"), answer(None)],
    )
    async def test_a_failed_sign_in_leaves_the_call_undone(self, reply: Reply) -> None:
        with pytest.raises(Unavailable):
            await created(Script().on(SIGN_IN, reply), request(), **self.USER)

    async def test_no_secret_and_no_name_reaches_the_log(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        told = self.signed_in("eyy-canary").on(POST, answer({"error": "A. Person"}, 400))
        with pytest.raises(Rejected):
            await created(told, request(), **self.USER)
        for secret in (PASSWORD, "eyy-canary", "Person", "user@example.com", ORGANISATION):
            assert secret not in caplog.text
        assert PASSWORD not in repr(QuiddlySettings.model_validate(SETTINGS | self.USER))


DOCUMENT_POST = "POST /documents/invoice"
UPLOADED = {"id": "DO.1", "fileName": "57b7f0d6", "clientId": "C.100123", "invoiceId": ID}


def own_pdf(**changes: Any) -> InvoiceRequest:
    return request({**DOCUMENT, "attachments": [supporting(**changes)]})


async def attached(life: Life, *replies: Reply, content: bytes = CONTENT) -> Found:
    """The attachment of the plan with this content, over these answers."""
    life.told.on(DOCUMENT_POST, *(replies or (answer(UPLOADED),)))
    (attachment,) = (await life.provider.plan(life.asked)).attachments
    call = AttachCall(target=life.target, attachment=attachment, content=content)
    return await life.provider.attach(call)


class TestOwnPdf:
    async def drafted(self, **settings: Any) -> Life:
        return await drafted(own_pdf(), **settings)

    async def test_a_plan_names_it_by_its_digest(self) -> None:
        plan = await planned(own_pdf())
        (attachment,) = plan.attachments
        assert attachment.file
        assert attachment.file.sha256 == hashlib.sha256(CONTENT).hexdigest()
        assert attachment.name == "own pdf"
        assert (await planned()).attachments == ()

    @pytest.mark.parametrize(
        ("attachments", "field"),
        [
            ([supporting(), supporting(reference="2")], "document.attachments"),
            ([{"reference": "1"}], "document.attachments[0].file"),
            (
                [supporting(file=a_file(name="own.png", media_type="image/png"))],
                "document.attachments[0].file.media_type",
            ),
            ([supporting(description="hours")], "document.attachments[0].description"),
            ([supporting(location="https://a.test")], "document.attachments[0].location"),
        ],
        ids=["two", "none", "no pdf", "described", "elsewhere"],
    )
    async def test_there_is_place_for_one_pdf_and_for_no_words(
        self, attachments: list[dict[str, Any]], field: str
    ) -> None:
        error = await refused(request({**DOCUMENT, "attachments": attachments}))
        assert fields(error) == [field]

    async def test_nothing_is_uploaded_where_nothing_was_given(self) -> None:
        life = await self.drafted()
        with pytest.raises(Rejected, match="nothing was given"):
            await attached(life, content=b"")
        assert life.told.routes() == [POST]

    async def test_it_is_uploaded_byte_by_byte_for_client_and_invoice(self) -> None:
        life = await self.drafted()
        assert await attached(life) == Found()
        upload = life.told.asked[-1]
        kind, _, boundary = upload.headers["content-type"].partition("; boundary=")
        assert kind == "multipart/form-data"
        assert len(boundary) <= 70
        parts = (
            b'name="clientId"\r\n\r\nC.100123',
            b'name="invoiceId"\r\n\r\n' + ID.encode(),
            b'name="file"; filename="own.pdf"\r\nContent-Type: application/pdf\r\n\r\n' + CONTENT,
        )
        mark = b"--" + boundary.encode()
        form = [mark + b"\r\nContent-Disposition: form-data; " + part for part in parts]
        assert upload.content == b"\r\n".join([*form, mark + b"--\r\n"])
        assert upload.headers["authorization"] == f"Bearer {TOKEN}"

    async def test_no_file_can_end_its_part_of_the_form(self) -> None:
        """Or it could name another invoice. The boundary is not known before the content is."""
        first = await self.drafted()
        await attached(first)
        _, _, boundary = first.told.asked[-1].headers["content-type"].partition("; boundary=")
        hostile = CONTENT + f"\r\n--{boundary}--\r\n".encode()
        second = await drafted(own_pdf(file=a_file(hostile)))
        await attached(second, content=hostile)
        assert boundary not in second.told.asked[-1].headers["content-type"]

    async def test_whose_client_it_is_is_a_setting_or_known_from_the_draft(self) -> None:
        life = await self.drafted(client_id="C.100123")
        await attached(life)
        assert b"C.100123" in life.told.asked[-1].content
        life = Life(Script(), own_pdf())
        await life.create(clientId=None)
        with pytest.raises(Rejected, match="client id"):
            await attached(life)
        assert life.told.routes() == [POST]

    async def test_a_token_that_was_refused_costs_one_more_upload(self) -> None:
        user = {"username": "user@example.com", "password": PASSWORD}
        told = Script().on(SIGN_IN, answer({"idToken": "one"}), answer({"idToken": "two"}))
        life = Life(told, own_pdf(), **user)
        await life.create()
        await attached(life, answer({}, 401), answer(UPLOADED))
        first, second = (one for one in told.asked if one.url.path == "/documents/invoice")
        assert first.content == second.content

    @pytest.mark.parametrize(
        "reply",
        [
            answer({"fileName": "x"}),
            answer(UPLOADED | {"invoiceId": "I.2"}),
            answer([]),
            answer(None),
            answer({}, 500),
            httpx.ReadTimeout("late"),
            httpx.WriteError("cut off"),
        ],
    )
    async def test_an_unclear_answer_leaves_it_open(self, reply: Reply) -> None:
        life = await self.drafted()
        with pytest.raises(UnknownOutcome):
            await attached(life, reply)
        assert life.told.routes() == [POST, DOCUMENT_POST]

    async def test_a_refusal_is_a_refusal(self) -> None:
        life = await self.drafted()
        with pytest.raises(Rejected) as caught:
            await attached(life, answer({"message": "A. Person is wrong"}, 413))
        assert str(caught.value) == "Quiddly refuses to attach (HTTP 413)"


class TestSettings:
    async def test_they_come_from_the_environment(self) -> None:
        found = accounts({"QUIDDLY_BASE_URL": "https://api.example.test", "QUIDDLY_TOKEN": TOKEN})
        assert isinstance(found["quiddly"]["default"], QuiddlySettings)

    @pytest.mark.parametrize(
        "given",
        [
            {},
            {"TOKEN": TOKEN, "USERNAME": "u", "PASSWORD": PASSWORD},
            {"USERNAME": "u"},
            {"PASSWORD": PASSWORD},
        ],
    )
    async def test_there_is_exactly_one_way_in(self, given: dict[str, str]) -> None:
        environment = {f"QUIDDLY_{name}": value for name, value in given.items()}
        with pytest.raises(BadSettings) as caught:
            accounts({"QUIDDLY_BASE_URL": "https://api.example.test", **environment})
        assert caught.value.variables == ("QUIDDLY_PASSWORD",)
        assert PASSWORD not in str(caught.value)

    @pytest.mark.parametrize("name", ["read_route", "delete_route", "find_route"])
    @pytest.mark.parametrize(
        "route",
        ["invoices/{id}", "/invoices", "/{id}/{number}", "/{id", "https://x/{id}", "/{}"],
    )
    async def test_a_route_has_its_one_gap(self, name: str, route: str) -> None:
        with pytest.raises(ValidationError):
            QuiddlySettings.model_validate(SETTINGS | {"token": TOKEN, name: route})

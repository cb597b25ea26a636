"""Every value that a provider states of a draft is compared, or decides how far it is, or is named
here with the reason why it may be anything.

Each stand-in is served once and holds one draft with as much in it as a document can say there. Its
answer is then given to the adaptor with one value changed at a time. What comes of that must be a
difference, which the workflow asks about before anything irreversible; or a refusal, or another
stage, which it waits for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import httpx
import pytest

from invoicing.attachment import files_of
from invoicing.errors import ProviderError
from invoicing.provider import CreateCall, LookUpCall, Plan, ReadCall, Snapshot, Target
from invoicing.request import InvoiceRequest
from invoicing.state.echo import Expected, differences
from providers.kit import http
from providers.registry import ADAPTORS
from sandbox import invoro, mollie, quiddly
from sandbox import zero_friction as zf
from sandbox.kit.server import StandIn, serve
from tests.attached import CONTENT, supporting
from tests.tls import NO_TLS


@dataclass(frozen=True)
class Shop:
    """One provider with one rich draft."""

    stand_in: Callable[[], StandIn]
    document: Mapping[str, Any]
    left: Mapping[str, str]
    """By path, why a value may be any. Below a path that is named, all of them may."""
    options: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)


TODAY = "2026-06-30"
ADDRESS = {
    "street": "Sample Street 1",
    "additional": "Port 9",
    "postal_code": "9000",
    "city": "Ghent",
    "country": "BE",
}


def line(number: int, rate: str, **more: Any) -> dict[str, Any]:
    return {
        "id": str(number),
        "name": f"Line {number}",
        "quantity": "2",
        "unit_price": f"10.{number}",
        "vat": {"rate": rate},
        **more,
    }


UBL = "data.ubl_json"


def _because(reasons: Mapping[str, str]) -> dict[str, str]:
    """By path, from the paths of each reason."""
    return {path: reason for reason, paths in reasons.items() for path in paths.split()}


ZERO_FRICTION = Shop(
    stand_in=zf.ZeroFrictionStandIn,
    document={
        "number": "2026-77",
        "buyer": {"name": "Canary Energy BV", "account_number": "K-1001"},
        "contract": "CT-2024-0001",
        "due_date": "2026-07-30",
        "period": {"start": "2026-06-01", "end": "2026-06-30"},
        "notes": ["For June"],
        "payment": {"reference": "RF18539007547034", "means": "58", "iban": "BE68539007547034"},
        "lines": [line(1, "21"), line(2, "0", vat={"category": "Z"})],
    },
    left=_because(
        {
            "the route says what it is": "data.entityType",
            "told by our own history": "data.createdDateTime",
            "for those who write to it": "data._etag data.isReadOnly",
            "shown, and decides nothing": "data.requireAttention data.hasErrors data.hasWarnings",
            "the headers decide it": "data.organisationId",
            "the number says which": "data.sequenceNumber",
            "the customer's id is compared": "data.debtor.displayName data.debtor.customerType",
            "the contract's number is compared": "data.contractId",
            "their own names": "data.lines.id data.lines.sortOrder",
            "the rate is compared": "data.lines.taxCodeId",
            "a draft is not paid": "data.paymentDetails.paid "
            "data.paymentDetails.directDebitCollectionDate "
            "data.paymentDetails.amountOfTimesRetried",
            "how the organisation counts it": "data.propertyGroups data.exportStatus",
            "a draft is not sent": "data.sent",
            "of calls about many invoices": "isSynchronous applicableEntitiesCount "
            "requestedEntitiesCount succeededEntitiesCount",
        }
    ),
)
MOLLIE = Shop(
    stand_in=mollie.MollieStandIn,
    document={
        "buyer": {
            "name": "Canary Energy BV",
            "account_number": "C-1",
            "vat_number": "BE0428759497",
            "registration": {"value": "0428759497"},
            "address": {**ADDRESS, "region": "Flanders"},
            "contact": {"email": "billing@example.com", "phone": "+3225550199"},
            "language": "nl",
        },
        "notes": ["For June"],
        "due_date": "2026-07-30",
        "lines": [line(1, "21", allowances=[{"amount": "1"}]), line(2, "21")],
        "allowances": [{"percent": "10", "vat": {"rate": "21"}}],
    },
    options={"issue_date": "day_of_issuing", "e_invoice": True},
    settings={"email_subject": "Your invoice", "email_body": "Please find it attached."},
    left=_because(
        {
            "the route says what it is": "resource",
            "the credential decides it; one that is asked for is compared": "profileId mode",
            "net and gross show it": "vatMode",
            "personal, and nothing is sent there": "recipient.phone",
            "all have that of the amounts": "lines.unitPrice.currency",
            "before discounts; net is what is left": "subtotalAmount",
            "told by our own history": "createdAt",
            "addresses for people": "_links",
        }
    ),
)
INVORO = Shop(
    stand_in=invoro.InvoroStandIn,
    document={
        "number": "2026-77",
        "seller": {
            "name": "Seller BV",
            "vat_number": "NL004495445B01",
            "registration": {"value": "12345678", "scheme": "0106"},
            "electronic_address": {"value": "12345678", "scheme": "0106"},
            "address": ADDRESS,
            "contact": {"name": "Sam", "phone": "030", "email": "sam@example.com"},
        },
        "buyer": {
            "name": "Canary Energy BV",
            "trading_name": "Canary",
            "vat_number": "BE0428759497",
            "registration": {"value": "0428759497", "scheme": "0208"},
            "identifiers": [{"value": "7300010000001", "scheme": "0088"}],
            "electronic_address": {"value": "0428759497", "scheme": "0208"},
            "address": {**ADDRESS, "region": "Flanders"},
            "contact": {"name": "Ann", "email": "billing@example.com", "phone": "+3225550199"},
        },
        "payee": {"name": "Factor BV", "registration": {"value": "87654321", "scheme": "0106"}},
        "due_date": "2026-07-30",
        "tax_point_date": "2026-06-29",
        "period": {"start": "2026-06-01", "end": "2026-06-30"},
        "delivery": {
            "actual_date": "2026-06-28",
            "party_name": "Depot",
            "location": {"value": "L-1"},
            "address": {**ADDRESS, "region": "Flanders"},
        },
        "payment": {
            "means": "58",
            "reference": "RF18539007547034",
            "iban": "BE68539007547034",
            "bic": "DEUTDEFF",
            "account_name": "Seller",
            "terms": "30 days",
        },
        "notes": ["For June"],
        "buyer_reference": "B-7",
        "purchase_order": "PO-7",
        "contract": "CO-7",
        "project": "P-7",
        "accounting_reference": "ACC-7",
        "precedents": [{"number": "2026-1", "issue_date": "2026-01-01"}],
        "prepaid": "5",
        "rounding": "-0.02",
        "attachments": [supporting(description="Hours")],
        "lines": [
            line(
                1,
                "21",
                description="In words",
                note="A note",
                allowances=[{"percent": "10", "reason": "loyal"}],
                charges=[{"amount": "1", "reason_code": "FC"}],
                period={"start": "2026-06-01", "end": "2026-06-30"},
                seller_item_id="S-1",
                buyer_item_id="B-1",
                standard_item_id={"value": "5412345000013", "scheme": "0160"},
                order_line="OL-1",
                accounting_reference="ACC-1",
            ),
            line(2, "0", vat={"category": "E", "exemption_reason": "education"}),
        ],
        "allowances": [{"percent": "10", "vat": {"rate": "21"}, "reason": "loyal"}],
        "charges": [{"amount": "2", "vat": {"rate": "21"}, "reason_code": "FC"}],
    },
    options={"mark": "sales_order", "vat_currency": "SEK"},
    left=_because(
        {
            "the key belongs to one company": "data.company_id",
            "only what was received is no draft of ours": "data.direction",
            "how it is written down there": "data.ubl_version",
            "the name says it": f"{UBL}.seller.legal_name",
            "the number says it": f"{UBL}.seller.endpoint_id.scheme {UBL}.seller.company_id.scheme "
            f"{UBL}.buyer.endpoint_id.scheme {UBL}.buyer.identifiers.scheme "
            f"{UBL}.buyer.company_id.scheme {UBL}.payee.company_id.scheme "
            f"{UBL}.references.preceding_invoices.issue_date "
            f"{UBL}.items.identifiers.standard.scheme",
            "for questions": f"{UBL}.seller.contact {UBL}.buyer.contact.name "
            f"{UBL}.buyer.contact.phone",
            "lines keep their order": f"{UBL}.items.id",
            "the amount is compared": f"{UBL}.items.allowances {UBL}.items.charges "
            f"{UBL}.allowances {UBL}.charges",
            "the name of the file says it": f"{UBL}.attachments",
            "compared where one is asked for": "data.business_entity_id",
            "what is paid is no part of what was asked": "data.payment_status "
            "data.total_paid_cents",
            "shown": "data.is_test",
            "told by our own history": "data.created_at data.updated_at",
        }
    ),
)
QUIDDLY = Shop(
    stand_in=lambda: quiddly.QuiddlyStandIn(assumed=quiddly.Assumed(reads=True)),
    document={
        "number": "2026-77",
        "currency": "EUR",
        "due_date": "2026-07-30",
        "buyer": {
            "name": "Canary Energy AB",
            "account_number": "K-1001",
            "vat_number": "SE559000000501",
            "registration": {"value": "5590000005"},
            "identifiers": [{"value": "7300010000001", "scheme": "0088"}],
            "address": {**ADDRESS, "postal_code": "211 19", "country": "SE"},
            "contact": {"name": "Ann", "email": "billing@example.com", "phone": "+4685550199"},
        },
        "buyer_reference": "B-7",
        "purchase_order": "PO-7",
        "sales_order": "SO-7",
        "notes": ["For June"],
        "payment": {"reference": "RF18539007547034", "terms": "30 days"},
        "delivery": {
            "actual_date": "2026-06-28",
            "party_name": "Depot",
            "address": {**ADDRESS, "postal_code": "111 22", "country": "SE"},
        },
        "lines": [line(1, "25", allowances=[{"percent": "10"}]), line(2, "12")],
        "charges": [{"amount": "2", "vat": {"rate": "25"}, "reason_code": "FC"}],
    },
    options={
        "exchange_rate": "11.5",
        "tax_reduction": "1",
        "round_off": "0.02",
        "refund": False,
        "terms_of_delivery": "at the door",
        "debtor": {
            "cell_phone": "+4670",
            "address3": "Floor 3",
            "delivery_address3": "Floor 4",
            "fmi": "F-1",
        },
        "product_code": "INVOICE_SERVICE",
    },
    settings={"read_route": "/invoices/{id}", "base_currency": "SEK"},
    left=_because(
        {
            "compared where the settings name one": "clientId",
            "the client's id says it": "clientName",
            "told by our own history": "createdBy createdDate",
            "how it looks": "documentTemplateCode document",
            "between the client and its factor; compared where it is asked for": "useRecourse "
            "isRecourse",
            "shown": "partPayment",
            "personal, and not on the invoice": "debtor.FMI debtor.cellPhone debtor.phone",
            "the VAT rows show it": "fees.freightVatPercentage",
            "nobody says whether it has VAT": "articleRows.total",
            "what the row comes to is compared": "articleRows.discountType "
            "articleRows.totalDiscount",
            "their own name": "articleRows.id",
            "by the exchange rate, which is compared": "totals.totalToPayBase",
            "nothing is owed before it is activated": "balances",
        }
    ),
)
SHOPS = {
    "zero_friction": ZERO_FRICTION,
    "mollie": MOLLIE,
    "invoro": INVORO,
    "quiddly": QUIDDLY,
}


class Held:
    """A draft at a stand-in, and what is read of it when one value is another."""

    def __init__(self, adaptor: type[Any], settings: Any, request: InvoiceRequest) -> None:
        self._adaptor, self._settings, self.request = adaptor, settings, request
        self.plan: Plan
        self.target: Target
        self.buyer: str | None
        self.stated: Any
        self._replies: dict[str, bytes] = {}

    async def make(self) -> None:
        async with httpx.AsyncClient(
            event_hooks={"response": [self._keep]}, timeout=5, verify=NO_TLS
        ) as client:
            made = self._adaptor(self._settings, client)
            self.plan = await made.plan(self.request)
            self.target = Target(
                account="default", reference=self.request.reference, context=self.plan.context
            )
            self.buyer = self.plan.buyer
            for look_up in (one for wave in self.plan.look_ups for one in wave):
                found = await made.look_up(LookUpCall(target=self.target, look_up=look_up))
                self.buyer = found.buyer or self.buyer
                self._know(found.context)
            document = self.request.document
            call = CreateCall(
                target=self.target,
                document=document,
                options=self.request.options,
                totals=self.plan.totals,
                files={file.sha256: CONTENT for file in files_of(document.attachments)},
            )
            made_there = await made.create(call)
            self._know(made_there.context)
            self.target = self.target.model_copy(update={"provider_id": made_there.provider_id})
            self.before = await made.read(ReadCall(target=self.target, events=()))
        self.stated = json.loads(self._replies.popitem()[1], parse_float=Decimal)

    def _know(self, found: Mapping[str, Any]) -> None:
        context = {**self.target.context, **found}
        self.target = self.target.model_copy(update={"context": context})

    async def _keep(self, response: httpx.Response) -> None:
        self._replies[str(response.url)] = await response.aread()

    async def read(self, stated: Any) -> Snapshot | str:
        """What the adaptor makes of this answer; the kind of its refusal."""

        def reply(request: httpx.Request) -> httpx.Response:
            if request.method == "POST":
                return httpx.Response(200, json={"access_token": "t", "idToken": "t"})
            return httpx.Response(200, content=json.dumps(stated, default=float))

        made = self._adaptor(self._settings, http.client(httpx.MockTransport(reply)))
        try:
            told: Snapshot = await made.read(ReadCall(target=self.target, events=()))
        except ProviderError as error:
            return type(error).__name__
        return told

    async def noticed(self, stated: Any) -> list[str]:
        """Everything that would keep it from being made final."""
        told = await self.read(stated)
        if isinstance(told, str):
            return [told]
        assert told.echo is not None
        echo = told.echo.model_copy(update={"reference": told.reference})
        request = self.request
        expected = Expected.of(request.reference, request.document, self.plan, self.buyer)
        wrong = [one.figure for one in differences(expected, echo, self.plan.echoes)]
        return [*wrong, *(["stage"] if told.stage is not self.before.stage else [])]


Put = Callable[[Any], Any]
"""The whole, with what a function makes of one value in place of it."""


def leaves(body: Any, path: str = "") -> Iterator[tuple[str, Put]]:
    """Each value that stands in it, of lists of their first item alone."""
    if isinstance(body, dict):
        for name, inner in body.items():
            for at, put in leaves(inner, f"{path}.{name}".lstrip(".")):
                yield at, _in_member(body, name, put)
    elif isinstance(body, list) and body:
        for at, put in leaves(body[0], path):
            yield at, _in_first(body, put)
    elif body is not None and body != []:
        yield path, _itself(body)


def _in_member(body: dict[str, Any], name: str, put: Put) -> Put:
    return lambda new: {**body, name: put(new)}


def _in_first(body: list[Any], put: Put) -> Put:
    return lambda new: [put(new), *body[1:]]


def _itself(value: Any) -> Put:
    return lambda new: new(value)


def another(value: Any) -> Any:
    """Of the same kind, and not the same."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | Decimal):
        return value + 1
    if re.match(r"\d{4}-\d\d-\d\d", value):
        return "2031-01-02" + value[10:]
    if re.fullmatch(r"-?\d+([.,]\d+)?", value):
        return str(Decimal(value.replace(",", ".")) + 1)
    return f"{value}x"


@pytest.mark.parametrize("provider", sorted(SHOPS))
async def test_every_value_that_is_stated_is_compared_or_may_be_anything(provider: str) -> None:
    shop = SHOPS[provider]
    adaptor = ADAPTORS[provider]
    async with serve(shop.stand_in()) as stand_in:
        settings = adaptor.Settings.model_validate({**stand_in.account(), **shop.settings})
        request = InvoiceRequest.model_validate(
            {
                "reference": "INV-7",
                "provider": provider,
                "document": {"currency": "EUR", "issue_date": TODAY, **shop.document},
                "options": shop.options,
                "goal": "sent",
            }
        )
        held = Held(adaptor, settings, request)
        await held.make()
    assert await held.noticed(held.stated) == []
    unnoticed = [path for path, put in leaves(held.stated) if not await held.noticed(put(another))]
    covered = {path: [one for one in shop.left if is_under(path, one)] for path in unnoticed}
    assert {path for path, by in covered.items() if not by} == set()
    assert {one for by in covered.values() for one in by} == set(shop.left)


def is_under(path: str, named: str) -> bool:
    return f"{path}.".startswith(f"{named}.")


def test_every_provider_is_asked_but_the_one_that_states_nothing() -> None:
    """Riverty answers with an id alone; no look is possible there, and its plan promises no
    figure."""
    assert ADAPTORS.keys() - SHOPS.keys() == {"riverty"}

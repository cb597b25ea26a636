"""Every adaptor keeps the port's promises: one description each, see `contract`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from invoicing.errors import Unavailable, Unsupported
from invoicing.provider import Event, Plan
from invoicing.request import Goal
from providers.invoro.adaptor import Invoro
from providers.kit.coverage import under
from providers.mollie.adaptor import Mollie
from providers.quiddly.adaptor import Quiddly
from providers.registry import ADAPTORS
from providers.riverty.adaptor import Riverty
from providers.riverty.options import AddressOptions
from providers.riverty.states import FAILURE
from providers.zero_friction.adaptor import ZeroFriction
from providers.zero_friction.states import TaxQuery
from tests.providers.contract import (
    BUYER,
    BUYER_EMAIL,
    DOCUMENT,
    LINE,
    PERSON,
    REFERENCE,
    SECRET,
    WORD,
    Contract,
    Step,
)
from tests.providers.fields import Sample
from tests.providers.options import Beside

ALL = frozenset(Goal)


def test_every_adaptor_has_its_contract() -> None:
    described = {each.adaptor.name for each in Contract.__subclasses__() if _is_here(each)}
    assert described == set(ADAPTORS)


def _is_here(contract: type[Contract]) -> bool:
    """Whether this file describes it: an example describes its own provider."""
    return contract.__module__ == __name__


# --- Zero Friction --------------------------------------------------------------------------------


def _enveloped(data: Any) -> dict[str, Any]:
    return {"success": True, "errors": [], "data": data}


def _listed(*results: Any) -> dict[str, Any]:
    return _enveloped({"results": results, "hasNextPage": False})


def _zero_friction(**more: Any) -> dict[str, Any]:
    return _enveloped(
        {
            "id": "inv-1",
            "status": "created",
            "sent": "notsent",
            "type": "incidentalnote",
            "externalReference": REFERENCE,
            "debtor": {"customerId": "customer-1", "displayName": BUYER},
            "totalAmountExclVAT": 59.97,
            "totalAmountInclVAT": 72.56,
            "lines": [{"amountExclVAT": 59.97, "vat": 12.59, "taxRate": 21}],
            **more,
        }
    )


_ZERO_FRICTION = "/api/bill/Invoices"
_KNOWN = {"customer_id": "customer-1", "bank_account_id": "account-1", "tax_codes": {"21": "tax"}}


class TestZeroFriction(Contract):
    adaptor = ZeroFriction
    settings = {
        "token_url": "https://api.example.test/token",
        "client_id": "client",
        "client_secret": SECRET,
        "subscription_key": SECRET,
        "tenant_id": "tenant",
        "organisation_id": "organisation",
    }
    rounding = "line"
    goals = ALL - {Goal.DELIVERED}
    wrong = (
        {"charges": [{"amount": "1", "vat": {"rate": "21"}, "reason": PERSON}], "prepaid": "1"},
        frozenset({"document.charges", "document.prepaid"}),
    )
    provider_id = "inv-1"
    refusal = {"success": False, "errors": [{"key": "unheard-of", "message": PERSON}]}
    sign_in = {"POST /token": {"access_token": SECRET, "expires_in": 3600}}
    steps = {
        "look up customer": Step(
            {
                "POST /api/md/Customers/filter": _listed(
                    {"id": "customer-1", "accountNumber": "C-1", "companyName": BUYER}
                )
            }
        ),
        "look up bank account": Step(
            {"GET /api/cfg/BankAccounts": _listed({"id": "account-1", "isDefault": True})}
        ),
        "look up tax codes": Step(
            {"GET /api/cfg/TaxCodes": _listed({"id": "tax", "rates": [{"rate": 21}]})}
        ),
        "find": Step({f"POST {_ZERO_FRICTION}/filter": _listed(_zero_friction()["data"])}, _KNOWN),
        "create": Step({f"POST {_ZERO_FRICTION}": _zero_friction()}, _KNOWN),
        "read": Step({f"GET {_ZERO_FRICTION}/inv-1": _zero_friction()}, _KNOWN),
        "approve": Step(
            {f"POST {_ZERO_FRICTION}/inv-1/approve": _zero_friction()}, _KNOWN, empty=True
        ),
        "send": Step({f"POST {_ZERO_FRICTION}/inv-1/send": _zero_friction()}, _KNOWN, empty=True),
        "delete": Step({f"DELETE {_ZERO_FRICTION}/inv-1": _enveloped(True)}, _KNOWN, empty=True),
        "credit": Step(
            {f"POST {_ZERO_FRICTION}/inv-1/credit": _zero_friction()}, _KNOWN, empty=True
        ),
    }
    strange = Step({f"GET {_ZERO_FRICTION}/inv-1": _zero_friction(status=WORD)}, _KNOWN)
    documents = ({"buyer.account_number": None},)
    beside = {
        "include_terminated_contracts": (Beside({"contract": {"number": "CO-1"}}),),
        "bank_account.default": (Beside(document={"payment.iban": "NL91ABNA0417164300"}),),
        "bank_account.property_group": (Beside({"property_groups": [{"id": "G-1"}]}),),
    }

    def known(self, plan: Plan, step: Step) -> dict[str, Any]:
        """With a tax code for whatever was asked for."""
        wanted = [
            each
            for look_up in chain(*plan.look_ups)
            if look_up.name == "tax codes"
            for each in TaxQuery.model_validate(look_up.query).wanted
        ]
        codes = {
            "tax_codes": {each.key: f"tax {each.key}" for each in wanted},
            "billing_items": {"Canary 31337": "item-1"},
            "service_locations": {"Canary 31337": "place-1"},
        }
        return super().known(plan, step) | (codes if step.context else {})

    news = tuple(
        Event(id=kind, kind=kind, body={"_type": kind, **about})
        for kind, about in (
            ("invoiceavailable", {"invoiceId": "inv-1"}),
            ("invoicepaymentdetailschanged", {"invoiceId": "inv-1", "paymentId": "p-1"}),
            ("invoiceregenerated", {"id": "inv-1"}),
            ("mailsent", {"entityId": "inv-1", "to": BUYER_EMAIL}),
            ("collectioncaseclosed", {"invoiceIds": ["inv-1", "inv-2"]}),
        )
    )


# --- Mollie ---------------------------------------------------------------------------------------


def _amount(value: str) -> dict[str, str]:
    return {"value": value, "currency": "EUR"}


def _mollie(**more: Any) -> dict[str, Any]:
    return {
        "resource": "sales-invoice",
        "id": "invoice_1",
        "status": "draft",
        "metadata": {"invoicing_reference": REFERENCE},
        "recipientIdentifier": "C-1",
        "recipient": {"organizationName": BUYER, "email": BUYER_EMAIL},
        "lines": [{"vatRate": "21.00"}],
        "discountedSubtotalAmount": _amount("59.97"),
        "totalVatAmount": _amount("12.59"),
        "totalAmount": _amount("72.56"),
        "amountDue": _amount("72.56"),
        **more,
    }


_MOLLIE = "/v2/sales-invoices"


class TestMollie(Contract):
    adaptor = Mollie
    options = {"issue_date": "day_of_issuing"}
    settings = {
        "token": f"test_{SECRET}",
        "email_subject": "Your invoice",
        "email_body": "Please find it enclosed.",
    }
    document = {
        **DOCUMENT,
        "buyer": {
            "name": BUYER,
            "account_number": "C-1",
            "vat_number": "NL123456782B90",
            "language": "nl",
            "contact": {"email": BUYER_EMAIL},
            "address": {
                "street": "Singel 1",
                "postal_code": "1000 AA",
                "city": "Amsterdam",
                "country": "NL",
            },
        },
    }
    rounding = "category"
    goals = ALL - {Goal.DELIVERED}
    wrong = (
        {"number": PERSON, "project": PERSON},
        frozenset({"document.number", "document.project"}),
    )
    provider_id = "invoice_1"
    refusal = {"title": "Unprocessable Entity", "detail": PERSON, "field": "canary"}
    steps = {
        "find": Step(
            {f"GET {_MOLLIE}": {"_embedded": {"sales_invoices": [_mollie()]}, "_links": {}}}
        ),
        "create": Step({f"POST {_MOLLIE}": _mollie()}),
        "read": Step({f"GET {_MOLLIE}/invoice_1": _mollie()}),
        "approve": Step({f"PATCH {_MOLLIE}/invoice_1": _mollie(status="issued")}),
        "delete": Step({f"DELETE {_MOLLIE}/invoice_1": None}, empty=True),
        "credit": Step({f"PATCH {_MOLLIE}/invoice_1": _mollie(status="cancelled")}),
    }
    strange = Step({f"GET {_MOLLIE}/invoice_1": _mollie(status=WORD)})
    documents = (
        {
            "buyer.type": "consumer",
            "buyer.given_name": "Ann",
            "buyer.family_name": "Person",
            "buyer.vat_number": None,
        },
    )
    samples = {
        "issue_date": [Sample({"issue_date": "2026-06-15", "due_date": None}, {"due_date": None})],
        "allowances[].vat.rate": [
            Sample({"allowances[].vat.rate": "12", "allowances[].amount": "1"}, {})
        ],
    }
    beside = {
        "customer_id": (Beside({"status": "paid", "mandate_id": "mdt_1"}),),
        "mandate_id": (Beside({"status": "paid", "customer_id": "cst_1"}),),
        "title": (Beside(document=documents[0]),),
        "payment_term": (Beside(document={"due_date": None}),),
    }
    news = (
        *(
            Event(
                id=f"event_{word}",
                kind=f"sales-invoice.{word}",
                body={
                    "resource": "event",
                    "id": f"event_{word}",
                    "type": f"sales-invoice.{word}",
                    "entityId": "invoice_1",
                    "_embedded": {"entity": _mollie(invoiceNumber="INV-1")},
                },
            )
            for word in (
                *("created", "issued", "canceled", "paid"),
                *("e-invoice-failed", "e-invoice-issued"),
            )
        ),
        Event(id="digest", kind="sales-invoice", body=_mollie(status="paid")),
    )


# --- Invoro ---------------------------------------------------------------------------------------

_MARK = f"Our reference: {REFERENCE}"


_BY_TRANSFER = {"payment.iban": "NL91ABNA0417164300", "payment.means": "30"}


def _invoro(**more: Any) -> dict[str, Any]:
    return {
        "data": {
            "id": "inv-1",
            "state": "draft",
            "direction": "outgoing",
            "amount": 7256,
            "currency": "EUR",
            "payment_status": "unpaid",
            "total_paid_cents": 0,
            "created_at": "2026-06-30T10:00:00Z",
            "ubl_json": {
                "header": {"notes": [_MARK], "invoice_number": "2026-1"},
                "buyer": {"name": BUYER},
                "items": [{"id": "1", "name": "x", "price": 1999, "quantity": 3, "tax_rate": 21}],
                "totals": {"tax_exclusive_amount": 5997, "tax_inclusive_amount": 7256},
                "tax_breakdown": [{"category_code": "S", "rate": 21, "tax_amount": 1259}],
            },
            **more,
        }
    }


def _note(**more: Any) -> dict[str, Any]:
    return _invoro(id="note-1", related_invoice_id="inv-1", **more)


class TestInvoro(Contract):
    adaptor = Invoro
    settings = {"api_key": f"ak_test_{SECRET}"}
    options = {"peppol_look_up": True}
    document = {
        **DOCUMENT,
        "buyer": {
            "name": BUYER,
            "electronic_address": {"scheme": "0208", "value": "0428759497"},
            "address": {"country": "BE"},
        },
        "purchase_order": "PO-7",
    }
    rounding = "category"
    goals = ALL - {Goal.APPROVED}
    walked = Goal.DRAFTED
    wrong = (
        {
            "prices_include_vat": True,
            "payee": {"name": BUYER, "trading_name": PERSON},
        },
        frozenset({"document.prices_include_vat", "document.payee.trading_name"}),
    )
    provider_id = "inv-1"
    refusal = {"message": PERSON, "errors": {"canary": [PERSON]}}
    steps = {
        "look up recipient": Step({"POST /peppol/lookup": {"data": {"found": True}}}),
        "find": Step({"GET /invoices": {"data": [_invoro()["data"]], "meta": {"last_page": 1}}}),
        "create": Step({"POST /invoices": _invoro()}),
        "read": Step({"GET /invoices/inv-1": _invoro()}),
        "approve": Step({"POST /invoices/inv-1/send": _invoro()}),
        "send": Step({"POST /invoices/inv-1/send": _invoro()}),
        "delete": Step({"DELETE /invoices/inv-1": None}, empty=True),
        "credit": Step(
            {
                "GET /invoices/inv-1": _invoro(state="sent"),
                "GET /invoices": {"data": [], "meta": {"last_page": 1}},
                "POST /invoices": _note(),
                "POST /invoices/note-1/send": _note(state="sent"),
            },
            several="a credit note is an invoice of its own: looked for, made, then sent",
        ),
    }
    strange = Step({"GET /invoices/inv-1": _invoro(state=WORD)})
    beside = {
        "period_description": (
            Beside(document={"period.start": "2026-06-01", "period.end": "2026-06-30"}),
        ),
        **dict.fromkeys(
            ("legal_information", *under("seller_tax_registration", "scheme", "value")),
            (Beside(document={"seller.name": "Canary"}),),
        ),
        "means_text": (Beside(document=_BY_TRANSFER),),
        "payment_layout": (Beside(document=_BY_TRANSFER),),
        "debited_account": (Beside(document={**_BY_TRANSFER, "payment.mandate": "M-1"}),),
        "peppol_look_up": (Beside(value=False),),
    }
    news = tuple(
        Event(id=f"digest-{number}", kind="invoice.delivered", body=body)
        for number, body in enumerate(
            (
                {"event": "invoice.delivered", "timestamp": 1, "data": _invoro()["data"]},
                {"event": "invoice.delivered", "invoice": {"id": "inv-1"}},
                {"event": "invoice.delivered", "invoice_id": "inv-1", "invoice_number": "2026-1"},
            )
        )
    )


# --- Quiddly --------------------------------------------------------------------------------------


def _quiddly(**more: Any) -> dict[str, Any]:
    return {
        "id": "I.1",
        "invoiceNumber": "123456",
        "activatedDate": None,
        "activatedById": None,
        "balances": {"total": 0, "capital": 0},
        "currency": {"baseCurrency": "EUR", "exchangeRate": 1, "invoiceCurrency": "EUR"},
        "dates": {"invoiceDate": "2026-06-30", "expireDate": "2026-07-30"},
        "debtor": {"customerNumber": "C-1", "name": BUYER},
        "distributionCode": "LETTER",
        "statuses": {"ledger": None, "main": "CREATED"},
        "totals": {"total": 72.56, "totalExclVat": 59.97, "totalVat": 12.59, "totalToPay": 72.56},
        "vats": [{"percentage": 25, "totalTaxable": 59.97, "totalVat": 12.59}],
        "ourReference": REFERENCE,
        **more,
    }


_ACTIVE = {"activatedDate": "2026-06-30T11:00:00", "activatedById": "U.1"}
_PAYMENT = {
    "id": "V.1",
    "paymentDate": "2026-07-01",
    "amount": 72.56,
    "amountLocale": 72.56,
    "invoiceNumber": "123456",
    "invoiceCurrency": "EUR",
    "baseCurrency": "EUR",
    "name": PERSON,
}
_DRAFT = {
    "told": {
        "id": "I.1",
        "client": "C.1",
        "stage": "drafted",
        "status": "CREATED",
        "reference": REFERENCE,
    }
}


_WITH_FEE = {"charges[]": {"amount": "1", "reason_code": "FC", "vat": {"rate": "25"}}}
_DELIVERED = {
    f"delivery.address.{name}": value
    for name, value in (
        *(("street", "Road 1"), ("city", "Breda"), ("postal_code", "4811 AA"), ("country", "NL")),
    )
}


class TestQuiddly(Contract):
    adaptor = Quiddly
    settings = {
        "username": "user@example.com",
        "password": SECRET,
        "credit_type": "CREDIT",
        "base_currency": "EUR",
        "payments_feed": "true",
        "read_route": "/invoices/{id}",
        "find_route": "/invoices?invoiceNumber={number}",
        "delete_route": "/invoices/{id}",
    }
    options = {"pdf": f"{PERSON}.pdf"}
    document = {
        **DOCUMENT,
        "number": "123456",
        "buyer": {
            "name": BUYER,
            "account_number": "C-1",
            "registration": {"value": "5590000005"},
            "address": {
                "street": "Street 1",
                "postal_code": "12345",
                "city": "City",
                "country": "SE",
            },
        },
        "lines": [{**LINE, "vat": {"rate": "25"}}],
    }
    rounding = "line"
    goals = ALL - {Goal.DELIVERED}
    wrong = (
        {"number": None, "project": PERSON},
        frozenset({"document.number", "document.project"}),
    )
    provider_id = "I.1"
    refusal = {"message": PERSON}
    sign_in = {"POST /authenticate": {"idToken": SECRET}}
    steps = {
        "find": Step({"GET /invoices": [_quiddly()]}),
        "create": Step({"POST /invoices": _quiddly()}),
        "attach": Step({"POST /documents/invoice": {"id": "DO.1", "invoiceId": "I.1"}}, _DRAFT),
        "read": Step({"GET /invoices/I.1": _quiddly()}),
        "approve": Step({"POST /invoices/I.1/activate": _quiddly(**_ACTIVE)}),
        "delete": Step({"DELETE /invoices/I.1": None}, empty=True),
        "poll": Step({"GET /vouchers/external/export/payments": [_PAYMENT]}),
        "acknowledge": Step({"PUT /vouchers/V.1/external/export": None}, empty=True),
    }
    strange = Step({"GET /invoices/I.1": _quiddly(statuses={"main": WORD})})
    news = tuple(
        Event(
            id=f"payment-V.{number}",
            kind="payment",
            body={"invoiceNumber": "123456", "amount": amount, "currency": "EUR"},
        )
        for number, amount in enumerate(("72.56", "-10.00", "0"))
    )

    @pytest.fixture(autouse=True)
    def _own_pdf(self, tmp_path: Path) -> None:
        self._files = tmp_path
        (tmp_path / "canary.pdf").write_text("%PDF-1.4 canary")
        (tmp_path / f"{PERSON}.pdf").write_text(f"%PDF-1.4 {SECRET} {BUYER}")

    def set(self, **changes: Any) -> Any:
        return super().set(**{"files": str(self._files), **changes})

    documents = ({"buyer.address.country": "DE"},)
    beside = {
        "distribution_code": (Beside(document={"buyer.contact.email": BUYER_EMAIL}),),
        "base_currency": (Beside({"exchange_rate": "1.1"}),),
        "exchange_rate": (Beside({"base_currency": "USD"}),),
        "charges": (Beside(document=_WITH_FEE, value=["administration"]),),
        "pdf": (Beside(value="canary.pdf"),),
        "debtor.delivery_address3": (Beside(document=_DELIVERED),),
    }
    samples = {
        "buyer.identifiers[].value": [
            Sample({"buyer.identifiers[]": {"scheme": "0088", "value": "7350053850019"}}, {})
        ]
    }

    def options_for(self, document: Mapping[str, Any]) -> Mapping[str, Any]:
        rate = {} if document["currency"] == "EUR" else {"exchange_rate": "1.1"}
        return {**self.options, **rate}


class TestQuiddlyWithoutItsGuessedRoutes(TestQuiddly):
    """As documented: nothing can be read, listed or deleted."""

    settings = {
        "token": SECRET,
        "base_currency": "EUR",
        "payments_feed": "true",
        "credit_type": "CREDIT",
    }
    sign_in = {}
    steps = {
        **TestQuiddly.steps,
        "find": Step(),
        "read": Step(context=_DRAFT),
        "delete": Step(refuses=Unsupported),
    }
    strange = Step(context={"told": {"id": "I.1", "status": WORD}})


# --- Riverty --------------------------------------------------------------------------------------


def _slots(**results: str) -> dict[str, Any]:
    return {"slots": {verb: {"request": "r-1", "result": told} for verb, told in results.items()}}


def _verdict(word: str, kind: str = "GET_ORDER", errors: Any = ()) -> Event:
    details = {"orderNo": "ORDER1", "result": word, "errorDetails": [*errors]}
    parameters = {"requestType": kind, "transactionId": "r-1", "details": details}
    body = {"type": "accounting/EDIErrorSent", "parameters": parameters}
    return Event(id=f"{kind}-{word}", kind="EDIErrorSent", body=body)


_KINDS = (
    *("invoiceCreated", "documentCreated", "balanceUpdated"),
    *("chargebackReceived", "paymentReceived", "refundCompleted"),
)


def _news(kind: str, wrapped: bool = False) -> Event:
    """Everything that a notification is known to say."""
    about = {"customerNumber": "C-1", "invoiceReference": "INV-1", "orderReference": "ORDER1"}
    document = {"documentType": "INVOICE", "urlKey": "S/1", "documentInformation": [about]}
    said = {
        "businessCode": "1000",
        "transactionId": "t-1",
        "currency": "EUR",
        "remainingAmount": "62.56",
        "tolerance": "0.05",
        "paymentDocument": "P-1",
        "dunningLevel": 2,
        **({"documents": [document]} if kind == "documentCreated" else about),
    }
    body = {"type": f"accounting/{kind}", **({"parameters": said} if wrapped else said)}
    return Event(id=f"{kind}-{wrapped}", kind=f"accounting/{kind}", body=body)


_RIVERTY = "/accounting/v1/businesses/1000/customers/C-1/orders"
_TICKET = {"internalRequestId": "23c9579b"}
_SILENT = "orders and invoices bear names of their own, and no answer repeats any"


class TestRiverty(Contract):
    adaptor = Riverty
    settings = {
        "subscription_key": SECRET,
        "business_code": "1000",
        "country": "NL",
        "quantity_types": "true",
    }
    options = {
        "order_reference": "ORDER1",
        "order_type": "DIGITAL_GOODS",
        "carrier": "none",
        "tracking_code": "none",
    }
    document = {
        **DOCUMENT,
        "number": "INV-1",
        "prices_include_vat": True,
        "buyer": {
            "name": BUYER,
            "account_number": "C-1",
            "language": "nl",
            "contact": {"email": BUYER_EMAIL},
            "address": {
                "street": "Straatweg 1",
                "postal_code": "1111 AW",
                "city": "Amsterdam",
                "country": "NL",
            },
        },
    }
    rounding = "line"
    goals = frozenset({Goal.APPROVED, Goal.SENT, Goal.PAID})
    wrong = (
        {"purchase_order": PERSON, "project": PERSON},
        frozenset({"document.purchase_order", "document.project"}),
    )
    provider_id = "INV-1"
    refusal = {"type": "canary", "title": "Bad request", "description": PERSON}
    # Nothing was stored, says the page; or the key is wrong.
    means = {500: Unavailable}
    steps = {
        "create": Step({f"POST {_RIVERTY}": _TICKET}, silent=_SILENT),
        "read": Step(context=_slots(order="ok")),
        "approve": Step(
            {f"POST {_RIVERTY}/ORDER1/invoices": _TICKET}, _slots(order="ok"), silent=_SILENT
        ),
        "delete": Step(
            {f"POST {_RIVERTY}/ORDER1/cancellations": _TICKET}, _slots(order="ok"), silent=_SILENT
        ),
        "credit": Step(
            {f"POST {_RIVERTY}/ORDER1/goodwills": _TICKET},
            _slots(order="ok", invoice="ok"),
            silent=_SILENT,
        ),
        "register": Step({f"POST {_RIVERTY}": _TICKET}),
        "read_order": Step(events=(_verdict("OK"),)),
        "cancel_lines": Step({f"POST {_RIVERTY}/ORDER1/cancellations": _TICKET}),
    }
    strange = Step(context=_slots(order=""), events=(_verdict(WORD),))
    documents = (_DELIVERED,)
    beside = {
        **dict.fromkeys(
            under("ship_to", *AddressOptions.model_fields), (Beside(document=_DELIVERED),)
        ),
        "cancellation_reason": (Beside(value="NO_PAYMENT"),),
        "goodwill_reason": (Beside(value="FRAUD"),),
        "return_reason": (Beside({"credit": "return"}, value="CARRIER_RETURN"),),
        "line_defaults.position_type": (Beside(value="FREE_ARTICLE"),),
        "lines[].position_type": (Beside(value="FREE_ARTICLE"),),
    }
    samples = {
        "prices_include_vat": [
            Sample(
                {"prices_include_vat": False, "lines[].quantity": "1"}, {"lines[].quantity": "1"}
            )
        ]
    }
    effect = timedelta(hours=24)
    news = (
        _verdict("OK"),
        _verdict(FAILURE, errors=[{"fieldName": "A", "providedValue": PERSON}] * 30),
        _verdict("OK", "POST_INVOICE"),
        *(_news(kind) for kind in _KINDS),
        *(_news(kind, wrapped=True) for kind in _KINDS),
    )
    order = {"number": None}

from __future__ import annotations

from itertools import chain
from typing import Any

from invoicing.provider import Event, Plan
from invoicing.request import Goal
from providers.zero_friction.adaptor import ZeroFriction
from providers.zero_friction.states import TaxQuery
from tests.providers.contract import (
    BUYER,
    BUYER_EMAIL,
    PERSON,
    REFERENCE,
    SECRET,
    WORD,
    Contract,
    Step,
)
from tests.providers.contracts import ALL
from tests.providers.options import Beside


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

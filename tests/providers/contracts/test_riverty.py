from __future__ import annotations

from datetime import timedelta
from typing import Any

from invoicing.errors import Unavailable
from invoicing.provider import Event
from invoicing.request import Goal
from providers.kit.coverage import under
from providers.riverty.adaptor import Riverty
from providers.riverty.options import AddressOptions
from providers.riverty.states import FAILURE
from tests.providers.contract import (
    BUYER,
    BUYER_EMAIL,
    DOCUMENT,
    PERSON,
    SECRET,
    WORD,
    Contract,
    Step,
)
from tests.providers.contracts import DELIVERED
from tests.providers.fields import Sample
from tests.providers.options import Beside


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
    documents = (DELIVERED,)
    beside = {
        **dict.fromkeys(
            under("ship_to", *AddressOptions.model_fields), (Beside(document=DELIVERED),)
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

"""What an adaptor learns has a bound, in every verb that teaches anything."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from temporalio.exceptions import ApplicationError

from activities.invoice import InvoiceActivities
from activities.order import OrderActivities
from invoicing.errors import Unreadable
from invoicing.provider import Accounts, Attaches, Orders, Search
from invoicing.state import bounds

HALF = "x" * (bounds.CONTEXT // 2)
TARGET = SimpleNamespace(account="default", context={"known": HALF})
CALL = SimpleNamespace(
    target=TARGET,
    look_up=SimpleNamespace(name="customer"),
    document=SimpleNamespace(attachments=()),
    attachment=SimpleNamespace(file=None),
)
OF_AN_INVOICE = {
    "look_up": CALL,
    "find": TARGET,
    "create": CALL,
    "read": CALL,
    "update": CALL,
    "attach": CALL,
    "approve": TARGET,
    "send": TARGET,
    "delete": TARGET,
    "credit": TARGET,
}
OF_AN_ORDER = {"register": CALL, "read_order": CALL, "cancel_lines": CALL}


def learning(text: str) -> Accounts:
    """An adaptor of which every verb learns this."""

    async def verb(_: object, call: object) -> Any:
        answer = SimpleNamespace(context={"more": text})
        return SimpleNamespace(**vars(answer), invoices=(answer,))

    verbs = (*OF_AN_INVOICE, *OF_AN_ORDER, "plan", "plan_order")
    adaptor = type("Adaptor", (), {"name": "x", **dict.fromkeys(verbs, verb)})()
    assert isinstance(adaptor, Attaches)
    assert isinstance(adaptor, Orders)
    return cast("Accounts", {"default": adaptor})


def test_no_verb_is_forgotten() -> None:
    told = {"plan", *OF_AN_INVOICE}
    assert {each.__name__ for each in InvoiceActivities({}).all()} == told
    assert {each.__name__ for each in OrderActivities({}).all()} == {"plan_order", *OF_AN_ORDER}
    assert "context" not in Search.model_fields, "it is taught by the invoices in it"


@pytest.mark.parametrize(("verb", "call"), [*OF_AN_INVOICE.items(), *OF_AN_ORDER.items()])
async def test_what_is_too_much_to_carry_is_not_taken_in(verb: str, call: Any) -> None:
    kind = OrderActivities if verb in OF_AN_ORDER else InvoiceActivities
    await getattr(kind(learning("x")), verb)(call)
    with pytest.raises(ApplicationError, match="a defect of the adaptor") as told:
        await getattr(kind(learning(HALF)), verb)(call)
    assert told.value.type == Unreadable.__name__

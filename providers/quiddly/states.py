"""Quiddly: its routes, what its words mean in ours, and what later calls remember."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Literal

from pydantic import JsonValue

from invoicing.balance import Statement, Way
from invoicing.model import Recorded
from invoicing.money import Number
from invoicing.provider import Echo, Pace, Paces, Stage
from providers.kit.words import Words
from providers.quiddly.options import DistributionCode


class Told(Recorded):
    """What has been heard of one invoice, in answers and events: all there is without a read."""

    id: str
    client: str = ""
    stage: Stage = Stage.UNKNOWN
    distribution: str | None = None
    status: str = ""
    echo: Echo = Echo()
    owed: bool = False
    """Whether a balance was ever seen: from then on, none means paid."""
    reference: str | None = None
    payments: dict[str, Number] = {}
    """The newest, by the payment's id, so that none counts twice."""
    money: Statement = Statement(tells=(Way.PAYMENT, Way.RETURN))
    """All payments, and what was seen of costs."""
    collection: str = ""
    """How far its reminders have got, as seen last."""
    uncounted: tuple[str, ...] = ()
    """Payments that name another invoice, another currency or no amount, by event."""


class Context(Recorded):
    """What later calls need; all but `told` from the plan."""

    number: str = ""
    currency: str = ""
    due: Number = Decimal(0)
    """What the buyer is to pay."""
    credit: bool = False
    credits: Literal["whole", "part"] | None = None
    """Of a credit invoice over one of our invoices: how much of that."""
    mark: Literal["ourReference", "ourOrderNumber"] | None = None
    """Where the draft carries our reference."""
    distribution: DistributionCode | None = None
    """What the draft says; the one for activation is in `activate`."""
    hands_out: bool = False
    """Whether the caller distributes it, so that an activated invoice has nothing left to send."""
    activate: dict[str, str | bool | None] = {}
    told: Told | None = None

    def given(self) -> dict[str, JsonValue]:
        return self.model_dump(mode="json", exclude_defaults=True)

    def of(self, provider_id: str) -> Told | None:
        """What was heard of this invoice, and not of one that it replaced."""
        return self.told if self.told and self.told.id == provider_id else None


INVOICES = "/invoices"

ACTIVATE = "/invoices/{id}/activate"

PAYMENTS = "/vouchers/external/export/payments"

EXPORT = "/vouchers/{id}/external/export"

ATTACH = "/documents/invoice"

PAYMENT = "payment"

MAIN = Words({"CREATED": Stage.DRAFTED})
"""Before activation; after it the word is undocumented and decides nothing."""

UNPROVEN = (Stage.DRAFTED, Stage.APPROVING)
"""Where one activation may have happened without our having seen it."""

DISTRIBUTED = Words(
    {
        "LETTER": Stage.SENT,
        "EMAIL": Stage.SENT,
        "NULL": Stage.APPROVED,
    }
)
"""How far an activated invoice is, by its distribution code."""

TAKEN_OUT = ("404", "409", "410")
"""What an acknowledgement that is repeated may be answered with; the feed shows if it is not so."""

PACES = Paces(
    # Activation is answered when it is done: what does not show soon is for a person.
    approval=Pace(first=timedelta(seconds=2), cap=timedelta(minutes=5), deadline=timedelta(hours=1))
)

BLIND_PACES = PACES.model_copy(
    update={
        # Payments come as events and cut the wait short; looking again finds nothing else.
        "payment": Pace(
            first=timedelta(days=1), factor=2, cap=timedelta(days=7), deadline=timedelta(days=120)
        )
    }
)

"""Invoro: its routes, what its words mean in ours, and what later calls remember."""

from __future__ import annotations

from pydantic import JsonValue

from invoicing.model import Recorded
from invoicing.provider import Stage
from providers.kit.words import Words


class Context(Recorded):
    """What later calls need of the request; `credit_note_id` comes from `credit`."""

    number: str | None = None
    mark: str | None = None
    credit_mark: str = ""
    credit_number: str | None = None
    credit_series: str | None = None
    credit_note_id: str | None = None
    credits_id: str | None = None
    """Of a credit note of one of our invoices: that invoice."""
    credits_whole: bool = False
    """Whether it takes back all of it at once."""
    prepaid: int = 0
    rounding: int = 0
    sent_is_delivered: bool = False
    search_from: str | None = None

    def given(self) -> dict[str, JsonValue]:
        return self.model_dump(mode="json", exclude_defaults=True)


INVOICES = "/invoices"

INVOICE = "/invoices/{id}"

STATES = Words(
    {
        "draft": Stage.DRAFTED,
        "approved": Stage.DRAFTED,  # or approving, see the settings
        "sending": Stage.SENDING,
        "sent": Stage.SENT,
        "delivered": Stage.DELIVERED,
        "failed": Stage.FAILED,
        "cancelled": Stage.DELETED,
    }
)

UNSENT = (Stage.DRAFTED, Stage.FAILED)

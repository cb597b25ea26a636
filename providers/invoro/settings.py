"""Invoro: what an account is configured with."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from invoicing.model import Typed
from providers.kit import webhooks
from providers.kit.http import BaseUrl, HeaderSecret

NAME = "Invoro"


class InvoroSettings(Typed):
    """One company's key. A test key (`ak_test_…`) sees test invoices only and delivers nothing."""

    base_url: BaseUrl = "https://api.invoro.eu/invoice-api"
    api_key: HeaderSecret
    key_header: Literal["bearer", "x_api_key"] = "bearer"
    """Both are documented: `Authorization: Bearer …` and `X-Api-Key: …`."""
    webhook_secrets: webhooks.WebhookSecrets = ()
    """Those in force, separated by commas; without one no webhook is believed."""
    webhook_hours: Annotated[float, Field(gt=0)] = 24.0
    """How old an event may be when it arrives: it is tried again for 20 minutes."""
    timeout: Annotated[float, Field(gt=0, le=120)] = 20.0
    """Seconds for one exchange."""
    mark_label: Annotated[str, StringConstraints(min_length=1, max_length=100)] = "Our reference"
    """Stands before our reference where an invoice carries it."""
    search_days: Annotated[int, Field(ge=1)] | None = None
    """How far the list is searched back from the issue date or the day of planning, whichever is
    earlier; None searches all of it. Only invoices that a series numbers are searched for."""
    sent_counts_as_delivered: bool = False
    """For networks that never report a delivery; a request can say otherwise."""
    approved_means: Literal["a_draft", "on_its_way"] = "a_draft"
    """Unknown: whether `approved` still waits for being sent, or is past that."""
    amount_means: Literal["gross", "due"] = "gross"
    """Unknown: whether `amount` is before or after what was prepaid and rounded."""
    series_at: Literal["both", "header", "top"] = "both"
    """Unknown: where `invoice_number_series` is written. A series that is not read would go
    unnoticed, a field too many would be refused aloud; hence both."""
    ubl_figures: Literal["cents", "ignored"] = "cents"
    """Unknown: how `ubl_json` counts. `ignored` compares `amount` and `currency` alone and leaves
    crediting to people, because a credit note is written from it."""

    @property
    def is_live(self) -> bool:
        """Whether the key says that it is for real invoices: then test events are samples."""
        return self.api_key.get_secret_value().startswith("ak_live_")

    def headers(self) -> dict[str, str]:
        """Those of every call: the key in one of two forms."""
        value = self.api_key.get_secret_value()
        if self.key_header == "x_api_key":
            return {"X-Api-Key": value}
        return {"Authorization": f"Bearer {value}"}

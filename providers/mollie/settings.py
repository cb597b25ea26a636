"""Mollie: what an account is configured with."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    Field,
    SecretStr,
    StringConstraints,
    ValidationInfo,
    field_validator,
)

from invoicing.document import Name
from invoicing.model import Typed
from invoicing.values import readable
from providers.kit import webhooks
from providers.kit.http import BaseUrl, HeaderSecret, HeaderValue
from providers.kit.zones import TimeZone

NAME = "Mollie"

Words = Name

Body = Annotated[str, StringConstraints(min_length=1, max_length=5000), AfterValidator(readable)]


class MollieSettings(Typed):
    """One profile at Mollie, in one mode."""

    base_url: BaseUrl = "https://api.mollie.com"
    token: HeaderSecret
    """An API key (`live_…`, `test_…`), or an organisation-level access token."""
    profile_id: Annotated[HeaderValue | None, Field(validate_default=True)] = None
    """Needed with an organisation-level token, never sent with an API key."""
    testmode: bool | None = None
    """Likewise never with an API key, which is for one mode already."""
    time_zone: TimeZone = "Europe/Amsterdam"
    """In which the day is reckoned on which an invoice is issued. Unknown: the vendor says none."""
    timeout: Annotated[float, Field(gt=0, le=120)] = 20.0
    """Seconds for one exchange."""
    find_seconds: Annotated[float, Field(gt=0, le=600)] = 60.0
    """How long to page through the list, the only way to find a reference."""
    vat_rounding: Literal["line", "category"] = "category"
    """Unknown. Per rate is how the e-invoices that Mollie sends have to add up (BR-CO-17)."""
    send_currency: bool = False
    """Unknown: the code samples write a currency beside the lines, the schema has no such field."""
    email_subject: Words | None = None
    """With `email_body` the words that issuing mails when a request brings none."""
    email_body: Annotated[Body | None, Field(validate_default=True)] = None
    webhook_secrets: webhooks.WebhookSecrets = ()
    """Those in force, separated by commas; without one no webhook is believed."""
    webhook_hours: Annotated[float, Field(gt=0)] = 48.0
    """How old an event may be when it arrives: it is tried again for 26 hours."""

    @field_validator("profile_id")
    @classmethod
    def _profile_fits_token(cls, value: str | None, info: ValidationInfo) -> str | None:
        if "token" in info.data and _is_api_key(info.data["token"]) == (value is not None):
            raise ValueError("needed with an organisation-level token, and only then")
        return value

    @field_validator("testmode")
    @classmethod
    def _mode_fits_token(cls, value: bool | None, info: ValidationInfo) -> bool | None:
        if value is not None and "token" in info.data and _is_api_key(info.data["token"]):
            raise ValueError("must be left out: an API key is for one mode already")
        return value

    @field_validator("email_body")
    @classmethod
    def _both_or_neither(cls, value: str | None, info: ValidationInfo) -> str | None:
        if (value is None) != (info.data.get("email_subject") is None):
            raise ValueError("goes together with an email_subject")
        return value

    def day(self, at: datetime) -> date:
        """The day that it is at Mollie."""
        return at.astimezone(self.zone).date()

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    @property
    def email(self) -> EmailDetails | None:
        """The account's own words for a mail, if it has any."""
        if self.email_subject is None or self.email_body is None:
            return None
        return EmailDetails(subject=self.email_subject, body=self.email_body)

    def headers(self) -> dict[str, str]:
        """Those of every call."""
        token = self.token.get_secret_value()
        return {"Authorization": f"Bearer {token}", "Accept": "application/hal+json"}


def _is_api_key(token: SecretStr) -> bool:
    return token.get_secret_value().startswith(("live_", "test_"))


class EmailDetails(Typed):
    """What the mail says that brings the invoice; `\\n` is a new line."""

    subject: Words
    """The subject of the mail."""
    body: Body
    """Its text."""

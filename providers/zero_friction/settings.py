"""Zero Friction: what an account is configured with."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr

from invoicing.model import Typed
from invoicing.money import Currency
from providers.kit import webhooks
from providers.kit.http import BaseUrl, HeaderSecret, HeaderValue
from providers.kit.zones import TimeZone

NAME = "Zero Friction"


class ZeroFrictionSettings(Typed):
    """One organisation at Zero Friction."""

    base_url: BaseUrl = "https://api.zerofriction.co"
    token_url: BaseUrl = (
        "https://login.microsoftonline.com/0frictionprod.onmicrosoft.com/oauth2/v2.0/token"  # noqa: S105
    )
    scope: HeaderValue = "https://0frictionprod.onmicrosoft.com/zf-apigw/.default"
    client_id: HeaderValue
    client_secret: SecretStr
    subscription_key: HeaderSecret
    tenant_id: HeaderValue
    organisation_id: HeaderValue
    currency: Currency = "EUR"
    """The one the organisation bills in; no answer states it."""
    time_zone: TimeZone = "Europe/Brussels"
    """In which an invoice's days begin and end."""
    timeout: Annotated[float, Field(gt=0, le=120)] = 20.0
    """Seconds for one exchange."""
    master_data_seconds: Annotated[int, Field(ge=0, le=86_400)] = 600
    """For how long a worker keeps the lists of bank accounts, tax codes and billing items; 0: each
    invoice asks for them."""
    property_group_route: Literal[
        "PropertyGroupBillingConfigurations", "PropertyGroupBillingConfiguration"
    ] = "PropertyGroupBillingConfigurations"
    """Plural on the page, singular in the OpenAPI document."""
    tax_rate_unit: Literal["percent", "fraction"] = "percent"
    """Unknown: whether 21 % is written 21 or 0.21."""
    period_end: Literal["last_second", "next_midnight"] = "last_second"
    """Unknown; the last second never reaches into the next calendar year."""
    search_covers_reference: bool = False
    """Unknown: whether `flexSearch` finds an `externalReference`. Where it does, `find` stays one
    page long however many invoices a customer has."""
    webhook_secrets: webhooks.WebhookSecrets = ()
    """Those in force, separated by commas; without one no webhook is believed."""
    disable_vat_at: Literal["invoice", "line"] = "invoice"
    """Unknown: where `disableVATCalculation` is written."""

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    def start(self, day: date) -> datetime:
        """The first instant of a day."""
        return datetime.combine(day, time(), self.zone)

    def end(self, day: date) -> datetime:
        """The last instant of a day, as the provider counts it."""
        if self.period_end == "next_midnight":
            return self.start(day + timedelta(days=1))
        return datetime.combine(day, time(23, 59, 59), self.zone)

    def percent(self, rate: Decimal) -> Decimal:
        """A rate of theirs in percent."""
        return rate * 100 if self.tax_rate_unit == "fraction" else rate

    def headers(self) -> dict[str, str]:
        """Those of every call, beside its token."""
        return {
            "apim-sub": self.subscription_key.get_secret_value(),
            "zf-tuuid": self.tenant_id,
            "zf-ouuid": self.organisation_id,
        }

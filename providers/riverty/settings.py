"""Riverty: what an account is configured with."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Any, Literal, TypeAlias
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, StringConstraints
from pydantic_extra_types.country import CountryAlpha2

from invoicing.document import Percent
from invoicing.model import Typed
from invoicing.money import Currency, minor_units
from providers.kit.http import BaseUrl, HeaderSecret

NAME = "Riverty"

OrderType = Literal["PHYSICAL_GOODS", "DIGITAL_GOODS", "BANK_VERIFICATION"]

Verb = Literal["order", "invoice", "cancellation", "return", "goodwill"]

Network: TypeAlias = IPv4Network | IPv6Network

PUBLISHED_SOURCES = {
    "api-uat.accounting.riverty.io": ("20.76.134.255", "4.210.170.174"),
    "api.accounting.riverty.io": ("20.103.56.175", "4.180.187.249"),
}


def _split(value: Any) -> Any:
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


def _pairs(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return dict(part.strip().split("=", 1) for part in value.split(",") if "=" in part)


class RivertySettings(Typed):
    """One business code at Riverty."""

    base_url: BaseUrl = "https://api.accounting.riverty.io"
    subscription_key: HeaderSecret
    business_code: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]{1,20}$")]
    country: CountryAlpha2
    """With `currency`, what the business code stands for."""
    currency: Currency = "EUR"
    timeout: Annotated[float, Field(gt=0, le=120)] = 20.0
    """Seconds for one exchange."""
    issuer: Literal["riverty", "client"] = "riverty"
    """Who makes the invoice document and sends it, fixed at onboarding. The client has done both
    before it tells Riverty."""
    document_news: bool = False
    """Whether `documentCreated` or `invoiceCreated` is activated for this account. Then an invoice
    that Riverty makes counts as sent when its document is announced, else when it is accepted."""
    notification_sources: Annotated[tuple[Network, ...] | None, BeforeValidator(_split)] = None
    """Addresses or networks that notifications may come from, separated by commas; left out, the
    published ones of the environment that `base_url` names, and none for any other."""
    order_type: OrderType = "PHYSICAL_GOODS"
    """Of orders that do not say."""
    normal_vat_rate: Percent | None = None
    """The country's full rate: standard-rated lines at another are REDUCED. Left out, all of them
    are NORMAL, unless their options say otherwise."""
    vat_amount_of: Literal["unit", "line"] = "unit"
    """Unknown; the vendor's examples only make sense per unit."""
    price_decimals: Annotated[int | None, Field(ge=0, le=10)] = None
    """Unknown; left out, as many as the currency has, as in all examples."""
    quantity_types: bool = False
    """Unknown: whether items of an order may have a `quantityType`; if not, all are pieces."""
    description_length: Annotated[int, Field(ge=1, le=1000)] = 40
    """Public for the items of returns; longer ones might be cut off."""
    success: str = "OK"
    """Unknown: the verdict's word for success. The pages only speak of a status "OK"."""
    request_types: Annotated[dict[str, Verb], BeforeValidator(_pairs)] = {}
    """Unknown: all but GET_ORDER. For words whose noun misleads: `WORD=invoice,OTHER=return`."""
    unlisted_words: bool = False
    """Whether reasons and position types may be used that no public page lists."""

    @property
    def sources(self) -> tuple[Network, ...]:
        """Where notifications may come from."""
        if self.notification_sources is not None:
            return self.notification_sources
        published = PUBLISHED_SOURCES.get(urlsplit(self.base_url).hostname or "", ())
        return tuple(ip_network(source) for source in published)

    @property
    def decimals(self) -> int:
        """How many a unit price may have."""
        exponent = minor_units(self.currency)
        return exponent if self.price_decimals is None else self.price_decimals

    def headers(self) -> dict[str, str]:
        """Those of every call."""
        return {"X-Subscription-Key": self.subscription_key.get_secret_value()}

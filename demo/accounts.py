"""A stand-in for every account at every provider, and the settings that go with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from demo.story import Part
from sandbox import invoro, mollie, quiddly, riverty
from sandbox import zero_friction as zf
from sandbox.kit.faults import Fault
from sandbox.kit.server import StandIn
from sandbox.riverty import notices as notices

Account = tuple[str, str]
"""A provider and the account's name there."""
Settings = dict[str, str]


def stand_ins(parts: Iterable[Part]) -> dict[Account, StandIn]:
    """One for each account that the stories are about, with the mishap that belongs to it."""
    accounts = list(dict.fromkeys((part.provider, part.account) for part in parts))
    return {account: _MADE[account[0]](account[1]) for account in accounts}


def environment(made: Mapping[Account, StandIn]) -> dict[str, str]:
    """The variables by which a worker knows these accounts."""
    variables: dict[str, str] = {}
    for (provider, account), stand_in in made.items():
        prefix = f"{provider}_" if account == "default" else f"{provider}__{account}__"
        settings = _SETTINGS[provider](stand_in, account)
        variables |= {f"{prefix}{name}".upper(): value for name, value in settings.items()}
    return variables


# --- Zero Friction --------------------------------------------------------------------------------


class _Organisation(zf.ZeroFrictionStandIn):
    """One account's organisation. Each numbers its invoices from another hundred on, only so that
    no two rows of the table look alike."""

    def __init__(self, hundred: int, *, approval_delay: float) -> None:
        super().__init__(approval_delay=approval_delay, sending_delay=0.7)
        self._numbers[2026] = 100 * hundred


_HUNDREDS = {"default": 0, "silent": 1, "crash": 2, "inexact": 3, "slow": 4}


def _zero_friction(account: str) -> StandIn:
    delay = 6.0 if account == "slow" else 1.0
    made = _Organisation(_HUNDREDS[account], approval_delay=delay)
    if account == "silent":
        made.faults.place(zf.Step.CREATE, Fault.TIME_OUT, when="after")
    if account == "inexact":
        made.faults.place(zf.Step.CREATE, zf.Told.CHANGED_AMOUNT)
    return made


def _zero_friction_settings(stand_in: Any, account: str) -> Settings:
    return {
        "base_url": stand_in.url,
        "token_url": stand_in.token_url,
        "client_id": zf.CLIENT_ID,
        "client_secret": zf.CLIENT_SECRET,
        "subscription_key": zf.SUBSCRIPTION_KEY,
        "tenant_id": zf.TENANT,
        "organisation_id": zf.ORGANISATION,
        # How long a call lost with its worker stays in doubt follows from its time-out.
        "timeout": "1" if account in ("silent", "crash") else "10",
    }


# --- Mollie ---------------------------------------------------------------------------------------


def _mollie(account: str) -> StandIn:
    made = mollie.MollieStandIn()
    made.faults.place(mollie.Step.CREATE, Fault.RESET, when="after")
    return made


def _mollie_settings(stand_in: Any, account: str) -> Settings:
    return {"base_url": stand_in.url, "token": mollie.TEST_KEY}


# --- Invoro ---------------------------------------------------------------------------------------


def _invoro(account: str) -> StandIn:
    # Our reference is not an invoice's number here.
    assumed = invoro.Assumed(reference_at=("references.sales_order",))
    return invoro.InvoroStandIn(sending_delay=2.0, delivery_delay=3.0, assumed=assumed)


def _invoro_settings(stand_in: Any, account: str) -> Settings:
    return {"base_url": stand_in.base_url, "api_key": invoro.LIVE_KEY}


# --- Quiddly --------------------------------------------------------------------------------------


def _quiddly(account: str) -> StandIn:
    return quiddly.QuiddlyStandIn()


def _quiddly_settings(stand_in: Any, account: str) -> Settings:
    return {
        "base_url": stand_in.url,
        "username": quiddly.USERNAME,
        "password": quiddly.PASSWORD,
        "feed_minutes": "0.1",
    }


# --- Riverty --------------------------------------------------------------------------------------


def _riverty(account: str) -> StandIn:
    activated = (notices.INVOICE_CREATED, notices.PAYMENT_RECEIVED)
    return riverty.RivertyStandIn(
        verdict_delay=0.7, document_delay=0.5, activated=activated, redeliveries=2
    )


def _riverty_settings(stand_in: Any, account: str) -> Settings:
    return {
        "base_url": stand_in.url,
        "subscription_key": riverty.PRIMARY_KEY,
        "business_code": riverty.BUSINESS,
        "country": "BE",
        "document_news": "true",
        "notification_sources": riverty.SOURCE,
    }


_MADE: Mapping[str, Callable[[str], StandIn]] = {
    "zero_friction": _zero_friction,
    "mollie": _mollie,
    "invoro": _invoro,
    "quiddly": _quiddly,
    "riverty": _riverty,
}

_SETTINGS: Mapping[str, Callable[[Any, str], Settings]] = {
    "zero_friction": _zero_friction_settings,
    "mollie": _mollie_settings,
    "invoro": _invoro_settings,
    "quiddly": _quiddly_settings,
    "riverty": _riverty_settings,
}

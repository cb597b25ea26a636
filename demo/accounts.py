"""A stand-in for every account at every provider, with its mishap, and the worker's settings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from demo.story import Part
from sandbox import invoro, mollie, quiddly, riverty
from sandbox import zero_friction as zf
from sandbox.kit.faults import Fault
from sandbox.kit.server import StandIn
from sandbox.riverty.words import INVOICE_CREATED, PAYMENT_RECEIVED

Account = tuple[str, str]
"""A provider and the account's name there."""


def stand_ins(parts: Iterable[Part]) -> dict[Account, StandIn]:
    """One for each account that the stories are about, with the mishap that belongs to it."""
    accounts = list(dict.fromkeys((part.provider, part.account) for part in parts))
    return {account: _MADE[account[0]](account[1]) for account in accounts}


def environment(made: Mapping[Account, StandIn]) -> dict[str, str]:
    """The variables by which a worker knows these accounts."""
    known: dict[str, str] = {}
    for (provider, account), stand_in in made.items():
        settings = stand_in.account() | _MORE.get(provider, {})
        if provider == "zero_friction":
            # How long a call lost with its worker stays in doubt follows from its time-out.
            settings["timeout"] = "1" if account in ("silent", "crash") else "10"
        known |= variables(provider, account, settings)
    return known


def variables(provider: str, account: str, settings: Mapping[str, str]) -> dict[str, str]:
    """The settings of one account as a worker's variables."""
    prefix = f"{provider}_" if account == "default" else f"{provider}__{account}__"
    return {f"{prefix}{name}".upper(): value for name, value in settings.items()}


_MORE: Mapping[str, dict[str, str]] = {
    "quiddly": {"feed_minutes": "0.1"},
    "riverty": {"document_news": "true"},
}

_HUNDREDS = {"default": 0, "silent": 1, "crash": 2, "inexact": 3, "slow": 4}
"""Each account numbers its invoices from another hundred on: no two rows look alike."""


def _zero_friction(account: str) -> StandIn:
    delay = 6.0 if account == "slow" else 1.0
    made = zf.ZeroFrictionStandIn(approval_delay=delay, sending_delay=0.7)
    made.books.numbers[2026] = 100 * _HUNDREDS[account]
    if account == "silent":
        made.faults.place(zf.Step.CREATE, Fault.TIME_OUT, when="after")
    if account == "inexact":
        made.faults.place(zf.Step.CREATE, zf.Told.CHANGED_AMOUNT)
    return made


def _mollie(account: str) -> StandIn:
    made = mollie.MollieStandIn()
    made.faults.place(mollie.Step.CREATE, Fault.RESET, when="after")
    return made


def _invoro(account: str) -> StandIn:
    # Our reference is not an invoice's number here.
    assumed = invoro.Assumed(reference_at=("references.sales_order",))
    return invoro.InvoroStandIn(assumed, sending_delay=2.0, delivery_delay=3.0)


def _quiddly(account: str) -> StandIn:
    return quiddly.QuiddlyStandIn()


def _riverty(account: str) -> StandIn:
    return riverty.RivertyStandIn(
        verdict_delay=0.7,
        document_delay=0.5,
        activated=(INVOICE_CREATED, PAYMENT_RECEIVED),
        redeliveries=2,
    )


_MADE: Mapping[str, Callable[[str], StandIn]] = {
    "zero_friction": _zero_friction,
    "mollie": _mollie,
    "invoro": _invoro,
    "quiddly": _quiddly,
    "riverty": _riverty,
}

"""`worker.py` as it is, with every wait of every plan at the pace of a fuzz."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import httpx

import observing.logs
import settings.accounts
import settings.shared
import worker
from invoicing.process import run
from invoicing.provider import Pace, Paces, Plan, Provider
from invoicing.request import InvoiceRequest

EFFECT = 4.0
"""Seconds after which a call takes effect no more: half an hour or a day, at this pace."""


def _pace(deadline: float) -> Pace:
    return Pace(
        first=timedelta(milliseconds=60),
        cap=timedelta(milliseconds=700),
        deadline=timedelta(seconds=deadline),
    )


PACES = Paces(
    settle=timedelta(milliseconds=150),
    effect=timedelta(seconds=EFFECT),
    unavailable=_pace(20),
    credentials=_pace(20),
    unreadable=_pace(20),
    drafting=_pace(8),
    approval=_pace(8),
    sending=_pace(8),
    delivery=_pace(8),
    payment=_pace(20),
    notices=_pace(20),
    hold=timedelta(seconds=30),
    attention=timedelta(minutes=10),
)

_connect = settings.accounts.connect


def _connected(
    accounts: settings.accounts.AccountSettings, http: httpx.AsyncClient
) -> dict[str, dict[str, Provider]]:
    made = _connect(accounts, http)
    for by_account in made.values():
        for adaptor in by_account.values():
            _hurry(adaptor)
    return made


def _hurry(adaptor: Any) -> None:
    _hurry_one(adaptor, "plan")
    if hasattr(adaptor, "plan_order"):
        _hurry_one(adaptor, "plan_order")


def _hurry_one(adaptor: Any, name: str) -> None:
    planned = getattr(adaptor, name)

    async def plan(request: InvoiceRequest) -> Plan:
        made: Plan = (await planned(request)).model_copy(update={"paces": PACES})
        return made

    setattr(adaptor, name, plan)


def main(environment: Mapping[str, str]) -> None:
    """Serve until told to stop, or killed."""
    settings.accounts.connect = _connected
    observing.logs.set_up(settings.shared.logs(environment).log)
    run(worker.main())


if __name__ == "__main__":
    main(os.environ)

"""How a worker works: variables that begin with `INVOICING_`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, Field
from pydantic_settings import NoDecode, SettingsConfigDict

from invoicing.books.retention import Days, Retained
from providers.registry import ADAPTORS
from settings import memory, variables
from settings.shared import (
    PREFIX,
    ClientSettings,
    DocumentSettings,
    LogSettings,
    RegisterSettings,
)
from settings.variables import Problems, Variables

_DAYS = re.compile(r"([a-z_]+):(\d{1,5})")


def _days(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    found = [_DAYS.fullmatch(one) for one in value.replace(",", " ").split()]
    days = {one[1]: int(one[2]) for one in found if one}
    known = {each.value for each in Retained}
    if len(days) < len(found) or not days.keys() <= known or not min(days.values(), default=1):
        raise ValueError("must be days such as invoice:3653,order:3653,credit_note:3653, each once")
    return days


_Hears = Annotated[int, Field(ge=0, le=3653)]
_OF_PROVIDER = re.compile(r"([a-z_]+):([0-9]{1,4})")


def _by_provider(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    found = [_OF_PROVIDER.fullmatch(one) for one in value.replace(",", " ").split()]
    days = {one[1]: int(one[2]) for one in found if one and one[1] in ADAPTORS}
    if len(days) < len(found):
        named = ", ".join(sorted(ADAPTORS))
        raise ValueError(f"must be days such as mollie:180,riverty:0, each once, of: {named}")
    return days


_SHARE = 4
"""A quarter of the memory may be the cache's, 1 MiB for each: one of 1,000 lines takes 0.85, an
ordinary one 0.11."""
_LEAST_CACHED, _MOST_CACHED = 20, 1000
"""Further ones would wake so seldom that a replay costs nothing."""


class WorkerSettings(Variables):
    """How a worker works.

    pace: multiplies every wait; below 1 only for tests and demonstrations.
    calls: provider calls at once, per provider; notices at once, per subscriber.
    cached_workflows: invoices kept in memory; the others are replayed from their history when they
        wake, which takes about 50 ms of CPU. None: as many as fit; `cache` says how many.
    grace: how long calls under way may take when the worker is told to stop. It must exceed the
        adaptors' time-outs, or stopping the worker leaves creates in doubt.
    metrics: address and port where Prometheus finds `/metrics`, if it is to find any.
    metrics_every: seconds between two counts of what waits.
    build: what the code is called here; work comes to it once it is promoted (docs/upgrade.md).
        Without one there is no Worker Versioning.
    deployment: whose builds they are, where a namespace has more than one set of workers.
    money_days: how long an invoice goes on hearing of its money after its end, which costs one idle
        workflow; 0: not at all.
    money_days_of: the same of single providers, as `mollie:180,riverty:0`.
    findings_days: how long the register keeps a finding after it was closed and found no more.
    findings_subscriber: which of the subscribers is told what a reconciliation has found.
    retention: after how many days from its end each kind is erased by itself; what is not named is
        kept.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX)

    pace: float = Field(default=1.0, gt=0)
    calls: int = Field(default=50, gt=0)
    cached_workflows: int | None = Field(default=None, ge=0)
    grace: float = Field(default=60.0, ge=0)
    metrics: str | None = None
    metrics_every: float = Field(default=30.0, gt=0)
    build: str | None = Field(default=None, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")
    deployment: str = Field(default="invoicing", pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$")

    findings_days: int = Field(default=3653, ge=92, le=36_525)
    findings_subscriber: str | None = None
    retention: Annotated[Days, BeforeValidator(_days)] = {}
    money_days: int = Field(default=396, ge=0, le=3653)
    money_days_of: Annotated[dict[str, _Hears], NoDecode, BeforeValidator(_by_provider)] = {}

    def cache(self) -> int:
        """How many workflows are kept in memory (docs/decisions/0059)."""
        if self.cached_workflows is not None:
            return self.cached_workflows
        return min(_MOST_CACHED, max(_LEAST_CACHED, memory.usable() // _SHARE))

    def hears(self) -> dict[str, timedelta]:
        """How long, by provider."""
        days = dict.fromkeys(ADAPTORS, self.money_days) | self.money_days_of
        return {name: timedelta(days=each) for name, each in days.items()}


def read(environment: Mapping[str, str]) -> WorkerSettings:
    """From these variables and no others.

    BadSettings names every one that is wrong or that nobody reads.
    """
    return variables.read(WorkerSettings, environment, misspelt(environment))


def misspelt(environment: Mapping[str, str]) -> Problems:
    """Variables that begin with `INVOICING_` and that none of our processes reads.

    Those of subscribers and of consents are not looked at, although they begin alike:
    `settings.accounts` and `settings.consents` read them.
    """
    others = {name: value for name, value in environment.items() if not name.startswith(_NOT_OURS)}
    known = (WorkerSettings, LogSettings, ClientSettings, RegisterSettings, DocumentSettings)
    return variables.unread(others, PREFIX, *known)


_NOT_OURS = (f"{PREFIX}SUBSCRIBER_", f"{PREFIX}CONSENT_")

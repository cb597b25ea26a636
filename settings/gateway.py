"""How the gateway listens and its bounds: variables that begin with `GATEWAY_`.

Whom it lets in is in `settings.callers` and `settings.people`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    StringConstraints,
    model_validator,
)
from pydantic_settings import SettingsConfigDict

from settings import callers, people, variables
from settings.variables import Variables
from settings.worker import misspelt

PREFIX = "GATEWAY_"
_HOST = re.compile(r"[a-z0-9.-]{1,253}")


def _listed(value: Any) -> Any:
    return value.replace(",", " ").lower().split() if isinstance(value, str) else value


def _hosts(names: tuple[str, ...]) -> tuple[str, ...]:
    if not all(_HOST.fullmatch(name) for name in names):
        raise ValueError("must be host names without ports, with commas between")
    return names


def _apart(value: Any) -> Any:
    return value.replace(",", " ").split() if isinstance(value, str) else value


LEAST_KEY = 32


def _chance(keys: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
    texts = [each.get_secret_value() for each in keys]
    if not all(len(each) >= LEAST_KEY and len(set(each)) > LEAST_KEY // 4 for each in texts):
        raise ValueError(
            f"must be {LEAST_KEY} characters by chance at least, or more such keys with commas "
            "between; `openssl rand -hex 32` makes one"
        )
    return keys


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("must be the name of a time zone, such as Europe/Amsterdam") from None
    return name


class GatewaySettings(Variables):
    """See the module. Each process counts for itself, in memory.

    hosts: names with a dot under which it may be asked for, such as `invoices.example.com`.
    rate, burst: requests per second and caller that are let through for long, and at once.
    caller_at_once: requests of one caller under way.
    caller_long_polls, long_polls: requests that wait for a result, of one caller and in all. They
        are counted apart from everything else.
    at_once: requests under way, those that wait for a result apart; the next is told to come back.
    reserve: how many of these are kept for webhooks and for callers that may operate.
    unproven: senders who have not proven themselves whose body is being read. One more makes the
        one that has taken longest give way.
    connections: open at most; fewer where the process may not open as many files. One more closes
        the one that has waited longest for a request.
    head_seconds, body_seconds: how long a request's head and body may take to arrive.
    max_body: bytes of a request's body.
    caller_files, caller_file_bytes: what one caller may put into the store within thirty days.
    trusted_proxies: how many proxies stand in front, each of which adds the address that called it
        to X-Forwarded-For. With 0, the caller is whoever opened the connection.
    temporal_seconds: how long the Temporal server may take to answer.
    worker_seconds: how long a worker may take to answer.
    grace: seconds that requests under way get when the gateway is told to stop.
    web_ui: origin of Temporal's Web UI, whose pages may have encrypted payloads read.
    console_keys: seal the cookies of people who are signed in at the console; the first seals, all
        open. Without one there is no console.
    console_minutes: after which somebody who did nothing has to sign in again.
    console_streams, console_streams_in_all: pages of one person, and in all, that are kept up to
        date by themselves. One more has to be reloaded.
    console_time_zone: in which the console shows moments.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX)

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    hosts: Annotated[tuple[str, ...], BeforeValidator(_listed), AfterValidator(_hosts)] = ()
    rate: Annotated[float, Field(gt=0)] = 20.0
    burst: Annotated[int, Field(gt=0)] = 40
    caller_at_once: Annotated[int, Field(gt=0)] = 40
    caller_long_polls: Annotated[int, Field(gt=0)] = 20
    long_polls: Annotated[int, Field(gt=0)] = 200
    at_once: Annotated[int, Field(gt=0)] = 200
    reserve: Annotated[int, Field(ge=0)] = 50
    unproven: Annotated[int, Field(gt=0)] = 250
    connections: Annotated[int, Field(ge=10)] = 1000
    head_seconds: Annotated[float, Field(gt=0)] = 10.0
    body_seconds: Annotated[float, Field(gt=0)] = 10.0
    max_body: Annotated[int, Field(ge=1_000, le=1_900_000)] = 1_000_000
    caller_files: Annotated[int, Field(ge=0, le=10_000)] = 2_000
    caller_file_bytes: Annotated[int, Field(ge=0)] = 5_000_000_000
    trusted_proxies: Annotated[int, Field(ge=0, le=10)] = 0
    temporal_seconds: Annotated[float, Field(gt=0)] = 8.0
    worker_seconds: Annotated[float, Field(gt=0)] = 15.0
    grace: Annotated[float, Field(ge=0)] = 10.0
    web_ui: Annotated[str, StringConstraints(pattern=r"^https?://[A-Za-z0-9.:\[\]-]+$")] = (
        "http://localhost:8233"
    )
    console_keys: Annotated[
        tuple[SecretStr, ...], BeforeValidator(_apart), AfterValidator(_chance)
    ] = ()
    console_minutes: Annotated[int, Field(ge=1, le=480)] = 15
    console_streams: Annotated[int, Field(ge=0)] = 5
    console_streams_in_all: Annotated[int, Field(ge=0)] = 200
    console_time_zone: Annotated[str, AfterValidator(_zone)] = "UTC"

    @model_validator(mode="after")
    def _leaves_room(self) -> Self:
        if self.reserve >= self.at_once:
            raise ValueError("at_once must be more than reserve, or nobody else is served")
        return self

    @property
    def console_zone(self) -> ZoneInfo:
        """The zone itself."""
        return ZoneInfo(self.console_time_zone)


def read(environment: Mapping[str, str]) -> GatewaySettings:
    """From these variables and no others.

    BadSettings names every one that is wrong or that nobody reads.
    """
    others = {name: says for name, says in environment.items() if not name.startswith(_OTHERS)}
    unread = variables.unread(others, PREFIX, GatewaySettings)
    # A misspelt key, too, would leave what the gateway writes unencrypted.
    problems = unread | misspelt(environment)
    return variables.read(GatewaySettings, others, problems)


_OTHERS = (callers.PREFIX, people.ISSUER, people.ROLES)

"""How the gateway listens, whom it lets in and its bounds: variables that begin with `GATEWAY_`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr, StringConstraints
from pydantic_settings import SettingsConfigDict

from providers.kit.webhooks import Secrets
from settings import variables
from settings.variables import BadSettings, Variables, variable
from settings.worker import misspelt

PREFIX = "GATEWAY_"
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]{32,500}=*")


def _tokens(tokens: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
    if not all(_TOKEN.fullmatch(token.get_secret_value()) for token in tokens):
        raise ValueError(
            "each token must have at least 32 letters, digits or . _ ~ + / -, as "
            "`openssl rand -hex 32` makes them"
        )
    return tokens


Tokens = Annotated[Secrets, AfterValidator(_tokens)]
"""Those in force, separated by commas: more than one while one is being changed."""


class GatewaySettings(Variables):
    """See the module. A token may stand in several lists, and then has all their rights.

    read_tokens, start_tokens, operate_tokens: who may only look, who may also ask for invoices and
        orders, who may also hold, release, resolve and cancel. Every one of them may look.
    rate, burst: requests per second and token that are let through for long, and at once. Each
        process counts for itself, in memory.
    max_body: bytes of a request's body.
    at_once: requests under way; the next one is told to come back.
    trusted_proxies: how many proxies stand in front, each of which adds the address that called it
        to X-Forwarded-For. With 0, the caller is whoever opened the connection.
    body_seconds: how long a body may take to arrive.
    temporal_seconds: how long the Temporal server may take to answer.
    worker_seconds: how long a worker may take to answer.
    grace: seconds that requests under way get when the gateway is told to stop.
    web_ui: origin of Temporal's Web UI, whose pages may have encrypted payloads read by operators.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX)

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    read_tokens: Tokens = ()
    start_tokens: Tokens = ()
    operate_tokens: Tokens = ()
    rate: Annotated[float, Field(gt=0)] = 20.0
    burst: Annotated[int, Field(gt=0)] = 40
    max_body: Annotated[int, Field(ge=1_000, le=1_900_000)] = 1_000_000
    at_once: Annotated[int, Field(gt=0)] = 200
    trusted_proxies: Annotated[int, Field(ge=0, le=10)] = 0
    body_seconds: Annotated[float, Field(gt=0)] = 10.0
    temporal_seconds: Annotated[float, Field(gt=0)] = 8.0
    worker_seconds: Annotated[float, Field(gt=0)] = 15.0
    grace: Annotated[float, Field(ge=0)] = 10.0
    web_ui: Annotated[str, StringConstraints(pattern=r"^https?://[A-Za-z0-9.:\[\]-]+$")] = (
        "http://localhost:8233"
    )


def read(environment: Mapping[str, str]) -> GatewaySettings:
    """From these variables and no others.

    BadSettings names every one that is wrong or that nobody reads, and says so when there is no
    token at all: then nobody could be let in.
    """
    unread = variables.unread(environment, PREFIX, GatewaySettings)
    # A misspelt key, too, would leave what the gateway writes unencrypted.
    problems = unread | misspelt(environment)
    settings = variables.read(GatewaySettings, environment, problems)
    if settings.read_tokens or settings.start_tokens or settings.operate_tokens:
        return settings
    first, *others = (
        variable(GatewaySettings, f"{role}_tokens") for role in ("read", "start", "operate")
    )
    raise BadSettings({first: f"(or {' or '.join(others)}) must name a token: nobody may come in"})

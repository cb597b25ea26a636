"""How the gateway listens, whom it lets in and its bounds: variables that begin with `GATEWAY_`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr, StringConstraints, ValidationError

from invoicing.model import Typed
from invoicing.parse import explained
from providers.settings import BadSettings
from providers.webhooks import Secrets

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


class GatewaySettings(Typed):
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

    Raises BadSettings, which names every variable that is wrong or nobody reads, and says so when
    there is no token at all: then nobody could be let in.
    """
    given = {
        name.removeprefix(PREFIX).lower(): value
        for name, value in environment.items()
        if name.startswith(PREFIX) and value.strip()
    }
    problems: dict[str, str] = {}
    try:
        settings = GatewaySettings.model_validate(given)
    except ValidationError as error:
        for one in explained(error.errors(include_input=False, include_url=False)):
            problems[_variable(one.field)] = one.message
    else:
        if settings.read_tokens or settings.start_tokens or settings.operate_tokens:
            return settings
        others = f"{_variable('start_tokens')} or {_variable('operate_tokens')}"
        problems[_variable("read_tokens")] = f"(or {others}) must name a token: nobody may come in"
    raise BadSettings(problems)


def _variable(name: str) -> str:
    return f"{PREFIX}{name.partition('[')[0].upper()}"

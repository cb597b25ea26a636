"""How every client of ours reaches the Temporal server: by Temporal's own variables, and encrypted
where keys are set."""

from __future__ import annotations

import asyncio
import dataclasses
import os
from datetime import timedelta
from typing import Any

from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.converter import DataConverter, DefaultFailureConverterWithEncodedAttributes
from temporalio.envconfig import ClientConfig, ClientConnectConfig

from invoicing.converter import data_converter
from invoicing.engine import is_the_bridges, ours, silent, told
from invoicing.errors import (
    EngineRefused,
    InvoicingError,
    NotLetIn,
    ServerAway,
    Unreachable,
)

LOCAL = "localhost:7233"


def converter() -> DataConverter:
    """How payloads are written and read: encrypted where INVOICING_ENCRYPTION_KEYS says with what.

    Every client of ours uses it, and all that replays a history or reads a payload. InvoicingError
    when the keys cannot be used.
    """
    if not any(os.environ.get(name, "").strip() for name in _KEYS):
        return data_converter
    try:
        from invoicing import encryption  # only who encrypts needs its package
    except ImportError:
        raise InvoicingError(
            "INVOICING_ENCRYPTION_KEYS is set, and the package `cryptography` is missing: install "
            "durable-invoicing[encryption]"
        ) from None
    return dataclasses.replace(
        data_converter,
        payload_codec=encryption.configured(),
        # Messages of failures may name what a payload held.
        failure_converter_class=DefaultFailureConverterWithEncodedAttributes,
    )


_NAMED = "INVOICING_ENCRYPTION_KEYS"
_KEYS = (_NAMED, f"{_NAMED}_FILE")


async def connect(**options: Any) -> Client:
    """A client for the server that Temporal's own environment variables or profile name.

    `options` are further ones of temporalio's `Client.connect`: a runtime, interceptors.

    TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_API_KEY, TEMPORAL_TLS_… or a profile in its
    configuration file; without any of them the server on this machine, localhost:7233. Raises
    Unreachable with a sentence that says why not, InvoicingError when the keys of `converter`
    cannot be used.
    """
    named = _configured()
    address = named.pop("target_host", LOCAL)
    return await connected(address, **named, data_converter=converter(), **options)


async def connected(address: str, **options: Any) -> Client:
    """temporalio's `Client.connect`. Raises Unreachable with a sentence that says why not."""
    try:
        with ours():
            return await Client.connect(address, **options)
    except ServerAway as error:
        raise ServerAway(silent(address, str(error.__cause__))) from None
    except ValueError as error:
        if not is_the_bridges(error):
            raise
        raise Unreachable(
            f"a client cannot be made for {address} ({error}): check TEMPORAL_ADDRESS, and the "
            "certificates (TEMPORAL_TLS_…)"
        ) from None


async def reach(within: float = 15.0, **further: Any) -> Client:
    """`connect` to a server that answers within so many seconds and lets us in.

    Raises Unreachable with a sentence that says why not, InvoicingError as `connect` does.
    """
    named = _configured()
    address = named.get("target_host", LOCAL)
    try:
        async with asyncio.timeout(within):
            client = await connect(**further)
            await let_in(client)
    except (NotLetIn, EngineRefused) as error:
        raise NotLetIn(
            f"the Temporal server at {address} does not let us in ({error.code}): check "
            f"{_CHECK.get(error.code, _ANYTHING).format(named.get('namespace', 'default'))}",
            code=error.code,
        ) from None
    except TimeoutError:
        raise ServerAway(silent(address, "")) from None
    return client


@told
async def let_in(client: Client, patience: timedelta | None = None) -> None:
    """Return if the server answers and lets us into the client's namespace. Raises Unreachable."""
    request = DescribeNamespaceRequest(namespace=client.namespace)
    await client.workflow_service.describe_namespace(request, timeout=patience)


def _configured() -> ClientConnectConfig:
    try:
        return ClientConfig.load_client_connect_config()
    except (RuntimeError, ValueError) as error:
        # Its first line alone: the others quote the file, which may hold a key.
        first = str(error).partition("\n")[0]
        raise Unreachable(
            f"Temporal's client configuration cannot be used ({first}): mend the file that "
            "TEMPORAL_CONFIG_FILE names, or the TEMPORAL_ variables"
        ) from None


_NAMESPACE = "TEMPORAL_NAMESPACE, which is {}"
_KEY = "TEMPORAL_API_KEY, or the client certificate (TEMPORAL_TLS_…)"
_ANYTHING = f"{_NAMESPACE}, and the credentials"
_CHECK = {
    "NOT_FOUND": _NAMESPACE,
    "UNAUTHENTICATED": _KEY,
    "PERMISSION_DENIED": f"{_KEY}, and {_NAMESPACE}",
}

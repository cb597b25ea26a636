"""How every client of ours reaches the Temporal server: by Temporal's own variables, and encrypted
where keys are set."""

from __future__ import annotations

import asyncio
import dataclasses
import os
from typing import Any

from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.converter import DataConverter, DefaultFailureConverterWithEncodedAttributes
from temporalio.envconfig import ClientConfig
from temporalio.service import RPCError, RPCStatusCode

from invoicing.converter import data_converter
from invoicing.errors import InvoicingError

LOCAL = "localhost:7233"


class Unreachable(InvoicingError):
    """There is no server, or no worker behind it; the sentence says what to do."""


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
    configuration file; without any of them the server on this machine, localhost:7233. RuntimeError
    when it cannot be reached, InvoicingError when the keys of `converter` cannot be used.
    """
    named = ClientConfig.load_client_connect_config()
    named.setdefault("target_host", LOCAL)
    return await Client.connect(**named, data_converter=converter(), **options)


async def reach(within: float = 15.0, **further: Any) -> Client:
    """`connect` to a server that answers within so many seconds and lets us in.

    Raises Unreachable with a sentence that says why not, InvoicingError as `connect` does.
    """
    try:
        options = ClientConfig.load_client_connect_config()
    except (RuntimeError, ValueError) as error:
        # Its first line alone: the others quote the file, which may hold a key.
        first = str(error).partition("\n")[0]
        raise Unreachable(
            f"Temporal's client configuration cannot be used ({first}): mend the file that "
            "TEMPORAL_CONFIG_FILE names, or the TEMPORAL_ variables"
        ) from None
    address = options.get("target_host", LOCAL)
    try:
        async with asyncio.timeout(within):
            client = await connect(**further)
            request = DescribeNamespaceRequest(namespace=client.namespace)
            await client.workflow_service.describe_namespace(request)
    except RPCError as error:
        namespace = options.get("namespace", "default")
        raise Unreachable(
            f"the Temporal server at {address} does not let us in ({error.status.name}): check "
            f"{_CHECK.get(error.status, _ANYTHING).format(namespace)}"
        ) from None
    except (RuntimeError, TimeoutError) as error:
        raise Unreachable(_silent(address, str(error))) from None
    return client


_NAMESPACE = "TEMPORAL_NAMESPACE, which is {}"
_KEY = "TEMPORAL_API_KEY, or the client certificate (TEMPORAL_TLS_…)"
_ANYTHING = f"{_NAMESPACE}, and the credentials"
_CHECK = {
    RPCStatusCode.NOT_FOUND: _NAMESPACE,
    RPCStatusCode.UNAUTHENTICATED: _KEY,
    RPCStatusCode.PERMISSION_DENIED: f"{_KEY}, and {_NAMESPACE}",
}


def _silent(address: str, said: str) -> str:
    """Why there was no answer. The SDK says it in words of its transport; what is none of these is
    taken for silence."""
    return next(
        (sentence.format(address) for words, sentence in _SILENCE.items() if words in said),
        f"no Temporal server answers at {address}: start it (`make server` starts one here), or "
        "set TEMPORAL_ADDRESS to where it is",
    )


_NO_TLS = (
    "what answers at {} speaks no TLS: check TEMPORAL_TLS, which a TEMPORAL_API_KEY turns on, and "
    "TEMPORAL_ADDRESS"
)
_SILENCE = {
    "InvalidCertificate": "the certificate of the Temporal server at {} is not trusted here, or is "
    "for another name: check TEMPORAL_TLS_SERVER_CA_CERT_PATH and TEMPORAL_TLS_SERVER_NAME",
    "tls handshake": _NO_TLS,
    "InvalidContentType": _NO_TLS,
    "after connection": "what answers at {} does not understand us: check whether it wants TLS "
    "(TEMPORAL_TLS), and TEMPORAL_ADDRESS",
}

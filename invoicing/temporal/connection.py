"""How every client of ours reaches the Temporal server: by Temporal's own variables, and encrypted
where keys are set."""

from __future__ import annotations

import asyncio
import dataclasses
import os
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.converter import (
    DataConverter,
    DefaultFailureConverterWithEncodedAttributes,
    PayloadCodec,
)
from temporalio.envconfig import ClientConfig, ClientConnectConfig
from temporalio.service import GrpcCompression

from invoicing.errors import (
    EngineRefused,
    InvoicingError,
    NotLetIn,
    ServerAway,
    Unreachable,
)
from invoicing.temporal.converter import data_converter
from invoicing.temporal.engine import is_the_bridges, ours, silent, told

if TYPE_CHECKING:
    from invoicing.temporal.data_keys import KeyStore

LOCAL = "localhost:7233"


def converter(data_keys: KeyStore | None = None, *, worker: bool = False) -> DataConverter:
    """How payloads are written and read: encrypted where INVOICING_ENCRYPTION_KEYS says with what.

    Every client of ours uses it, and all that replays a history or reads a payload. `data_keys` is
    where the keys of each invoice are (`register.keys.KeyStore`): with INVOICING_DATA_KEYS they are
    used for what is written, without it for what is read. `worker`: whether workflows run with it.
    InvoicingError when the keys cannot be used, or some are demanded that are not here.
    """
    demanded = _demanded()
    if not any(os.environ.get(name, "").strip() for name in _KEYS):
        if demanded:
            raise InvoicingError(
                f"{_DEMANDED} is set, and {_NAMED} is not: the data keys are encrypted with those"
            )
        return data_converter
    if demanded and data_keys is None:
        raise InvoicingError(
            f"{_DEMANDED} is set, and the register is not known here, which has the data keys: set "
            "INVOICING_REGISTER_AT; a service hands `register.keys.KeyStore(…)` to `connect`"
        )
    return dataclasses.replace(
        data_converter,
        payload_codec=_codec(data_keys, seals=demanded, worker=worker),
        # Messages of failures may name what a payload held.
        failure_converter_class=DefaultFailureConverterWithEncodedAttributes,
    )


def _codec(data_keys: KeyStore | None, *, seals: bool, worker: bool) -> PayloadCodec | None:
    try:
        from invoicing.temporal import encryption  # only who encrypts needs its package
        from invoicing.temporal.data_keys import codec
    except ImportError:
        raise InvoicingError(
            "INVOICING_ENCRYPTION_KEYS is set, and the package `cryptography` is missing: install "
            "durable-invoicing[encryption]"
        ) from None
    if data_keys is None:
        return encryption.configured()
    return codec(encryption.configured_keys(), data_keys, seals=seals, worker=worker)


def _demanded() -> bool:
    """Whether every invoice is to have a key of its own."""
    said = os.environ.get(_DEMANDED, "").strip()
    if not said and (file := os.environ.get(f"{_DEMANDED}_FILE", "").strip()):
        try:
            said = Path(file).read_text(encoding="utf-8").strip()
        except (OSError, ValueError):
            raise InvoicingError(f"{_DEMANDED}_FILE names a file that cannot be read") from None
    said = said.lower()
    if said not in _YES_AND_NO:
        raise InvoicingError(f"{_DEMANDED} is true or false")
    return _YES_AND_NO[said]


_YES_AND_NO = {"": False, "false": False, "0": False, "true": True, "1": True}
_DEMANDED = "INVOICING_DATA_KEYS"
_NAMED = "INVOICING_ENCRYPTION_KEYS"
_KEYS = (_NAMED, f"{_NAMED}_FILE")


async def connect(**options: Any) -> Client:
    """A client for the server that Temporal's own environment variables or profile name.

    `options` are further ones of temporalio's `Client.connect`: a runtime, interceptors, the
    `converter` where it is to have more than the environment says.

    TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_API_KEY, TEMPORAL_TLS_… or a profile in its
    configuration file; without any of them the server on this machine, localhost:7233. Raises
    Unreachable with a sentence that says why not, InvoicingError when the keys of `converter`
    cannot be used.
    """
    named = _configured()
    address = named.pop("target_host", LOCAL)
    if "data_converter" not in options:
        options["data_converter"] = converter()
    return await connected(address, **named, **options)


async def connected(address: str, **options: Any) -> Client:
    """temporalio's `Client.connect`. Raises Unreachable with a sentence that says why not.

    Unless `options` say so, nothing is compressed: an invoice is some 100 kB on the wire, and gzip
    takes a worker a twentieth of its processor, and the server as well.
    """
    try:
        with ours():
            return await Client.connect(
                address, **{"grpc_compression": GrpcCompression.NONE, **options}
            )
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

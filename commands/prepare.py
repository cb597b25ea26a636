"""Make a Temporal server ready: the namespace, and the search attributes in it. Safe to repeat.

    python -m commands.prepare

For a server of one's own. At Temporal Cloud both are made in its console; the attributes are those
of `invoicing.attributes.SEARCH_ATTRIBUTES`.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
from collections.abc import Sequence
from datetime import timedelta

from google.protobuf.duration_pb2 import Duration
from temporalio.api.workflowservice.v1 import RegisterNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

import invoicing.client
from commands.server import register, registered
from invoicing.attributes import SEARCH_ATTRIBUTES
from invoicing.errors import InvoicingError
from invoicing.process import run

log = logging.getLogger("invoicing.prepare")

RETENTION_DAYS = 90
"""How long the history of an invoice that has ended is kept."""
PATIENCE = 60.0
"""Seconds for a server that has just started, or has just been given a namespace."""
_PAUSE = 1.0
# Until every part of the server has heard of a new namespace, some say that there is none.
_NOT_YET = (RPCStatusCode.NOT_FOUND, RPCStatusCode.UNAVAILABLE)


async def prepare(client: Client, retention_days: int = RETENTION_DAYS) -> None:
    """Register the namespace of this client and the search attributes, where they are missing.

    An existing namespace keeps the retention it has. Raises InvoicingError where an attribute
    exists with another type, RPCError where the server refuses.
    """
    retention = Duration()
    retention.FromTimedelta(timedelta(days=retention_days))
    request = RegisterNamespaceRequest(
        namespace=client.namespace, workflow_execution_retention_period=retention
    )
    try:
        await client.workflow_service.register_namespace(request)
        log.info("namespace %s made, retention %d days", client.namespace, retention_days)
    except RPCError as error:
        if error.status is not RPCStatusCode.ALREADY_EXISTS:
            raise
        log.info("namespace %s is there", client.namespace)
    await _register(client)
    log.info("search attributes are there: %s", ", ".join(sorted(SEARCH_ATTRIBUTES)))


async def _register(client: Client) -> None:
    while True:
        try:
            there = await registered(client)
            await register(client, there)
        except RPCError as error:
            if error.status not in _NOT_YET:
                raise
            await asyncio.sleep(_PAUSE)
        else:
            break
    wrong = [name for name, kind in SEARCH_ATTRIBUTES.items() if there.get(name, kind) != kind]
    if wrong:
        raise InvoicingError(
            f"search attributes exist with another type than ours: {', '.join(wrong)}; they have "
            "to be renamed or removed at the server first"
        )


async def _connected() -> Client:
    while True:
        try:
            return await invoicing.client.connect()
        except RuntimeError:
            await asyncio.sleep(_PAUSE)


async def main(retention_days: int) -> None:
    """Connect and prepare, with patience. Raises InvoicingError."""
    address = os.environ.get("TEMPORAL_ADDRESS", "localhost:7233")
    try:
        async with asyncio.timeout(PATIENCE):
            await prepare(await _connected(), retention_days)
    except TimeoutError:
        raise InvoicingError(
            f"the Temporal server at {address} was not ready after {PATIENCE:.0f} s"
        ) from None
    except RPCError as error:
        raise InvoicingError(
            f"the Temporal server at {address} refused ({error.status.name})"
        ) from None


def _wishes(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("prepare.py", description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--retention-days",
        type=int,
        default=RETENTION_DAYS,
        help="how long histories are kept, where the namespace is new (%(default)s)",
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    wishes = _wishes()
    try:
        run(main(wishes.retention_days))
    except InvoicingError as problem:
        sys.exit(f"prepare: {problem}")

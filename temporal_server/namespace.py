"""The namespace of a server: that it is there, and has our search attributes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client

from invoicing.client.server import register, registered
from temporal_server.installing import ServerUnavailable


async def describe(client: Client) -> None:
    """Raises RPCError while the server is not of use."""
    await client.workflow_service.describe_namespace(
        DescribeNamespaceRequest(namespace=client.namespace), timeout=timedelta(seconds=5)
    )


async def register_missing(client: Client, attributes: Mapping[str, str]) -> None:
    """Those that the namespace lacks; safe to repeat and to race."""
    there = await registered(client)
    for name, kind in attributes.items():
        if there.get(name, kind) != kind:
            raise ServerUnavailable(
                f"The search attribute {name} exists at the server, but not as {kind}; it has to "
                "be renamed or removed there first."
            )
    await register(client, {name: kind for name, kind in attributes.items() if name not in there})

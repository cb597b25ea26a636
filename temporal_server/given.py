"""The server behind TEMPORAL_ADDRESS."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from temporalio.client import Client
from temporalio.envconfig import ClientConfig
from temporalio.service import RPCError

from invoicing.errors import EngineError
from temporal_server.installing import ServerUnavailable
from temporal_server.namespace import describe, register_missing


@dataclass(frozen=True)
class GivenServer:
    """The server behind TEMPORAL_ADDRESS: somebody else's, so it is never stopped or started."""

    address: str
    ui: str | None = None
    ours: bool = False

    async def start(self) -> None:
        raise ServerUnavailable(f"The server at {self.address} is not ours to start.")

    async def stop(self) -> None:
        raise ServerUnavailable(f"The server at {self.address} is not ours to stop.")


async def prepare_given(address: str, search_attributes: Mapping[str, str]) -> None:
    """Register what it lacks. Raises ServerUnavailable."""
    try:
        async with asyncio.timeout(15):
            client = await Client.connect(**ClientConfig.load_client_connect_config())
            await describe(client)
    except (RPCError, RuntimeError, TimeoutError) as error:
        raise ServerUnavailable(
            f"TEMPORAL_ADDRESS is {address}, but no Temporal server answers there; "
            "start it, or unset TEMPORAL_ADDRESS to have a local one."
        ) from error
    try:
        await register_missing(client, search_attributes)
    except EngineError as error:
        # Temporal Cloud does: there they are made in its own console.
        raise ServerUnavailable(
            f"The search attributes {', '.join(search_attributes)} could not be registered: the "
            f"server answered {error.code}. An administrator has to create them."
        ) from error

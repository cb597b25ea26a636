"""What callers call: a Temporal server, a stand-in for Zero Friction, a worker, a gateway, and the
register of both."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr
from temporalio.client import Client

from demo.accounts import environment, stand_ins
from demo.stories import PARTS
from demo.worker import Worker, working
from gateway.app import application
from gateway.serve import serving
from gateway.tokens import written
from invoicing.client import InvoicingClient
from invoicing.errors import InvoicingError
from invoicing.temporal.converter import data_converter
from register.reading import Reader
from sandbox.kit.server import StandIn, serve
from settings.callers import CallerSettings, Scope, Token
from settings.gateway import GatewaySettings
from temporal_server import Server, local_server

ACCOUNT = ("zero_friction", "default")
"""The only one, and the one of the demonstration to which nothing happens."""


class PortTaken(InvoicingError):
    """Somebody else listens where the gateway should."""


@dataclass(frozen=True)
class Ports:
    """Where to listen on this machine; free ones where nothing is said."""

    temporal: int | None = None
    web_ui: int | None = None
    gateway: int = 0


@dataclass(frozen=True)
class Stage:
    """What is up. `gateway` is its URL, `token` lets a caller start and read invoices there, and
    `person` signs somebody in at its console who may decide as well."""

    server: Server
    client: InvoicingClient
    stand_in: StandIn
    worker: Worker
    gateway: str
    token: str
    person: str

    @property
    def variables(self) -> dict[str, str]:
        """By which a caller finds all of it."""
        return {
            "TEMPORAL_ADDRESS": self.server.address,
            "GATEWAY": self.gateway,
            "TOKEN": self.token,
        }


@asynccontextmanager
async def stage(ports: Ports, *, ui: bool = False) -> AsyncIterator[Stage]:
    """All of it meanwhile, on a server of its own, whatever TEMPORAL_ADDRESS says.

    Raises ServerUnavailable, or PortTaken for the gateway's.
    """
    cast = {ACCOUNT: stand_ins(PARTS)[ACCOUNT]}
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(
            local_server(ui=ui, own=True, port=ports.temporal, ui_port=ports.web_ui)
        )
        for stand_in in cast.values():
            await stack.enter_async_context(serve(stand_in))
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="durable-invoicing-"))
        register = str(Path(folder) / "register.db")
        variables = _settings(server) | environment(cast) | {"INVOICING_REGISTER_AT": register}
        worker = await stack.enter_async_context(working(variables))
        await worker.start()
        # Not with the keys that this terminal may have for other servers.
        temporal = await Client.connect(server.address, data_converter=data_converter)
        client = InvoicingClient(temporal)
        token, person = secrets.token_hex(32), secrets.token_hex(32)
        settings = _of_gateway(ports.gateway, server)
        books = stack.enter_context(closing(Reader(register)))
        url = await _gateway(stack, client, settings, _callers(token, person), books)
        yield Stage(server, client, cast[ACCOUNT], worker, url, token, person)


def _of_gateway(port: int, server: Server) -> GatewaySettings:
    """With a console, whose pages lead to the Web UI where there is one."""
    keys = (SecretStr(secrets.token_hex(32)),)
    settings = GatewaySettings(port=port, grace=1, console_keys=keys)
    return settings.model_copy(update={"web_ui": server.ui}) if server.ui else settings


def _callers(token: str, person: str) -> Mapping[str, CallerSettings]:
    look_and_start = (Scope.READ, Scope.START)
    return {
        "examples": CallerSettings(tokens=(Token.read(written(token)),), may=look_and_start),
        "you": CallerSettings(
            tokens=(Token.read(written(person)),), may=(*look_and_start, Scope.OPERATE)
        ),
    }


def _settings(server: Server) -> dict[str, str]:
    return {
        "TEMPORAL_ADDRESS": server.address,
        "TEMPORAL_CONFIG_FILE": os.devnull,
        "INVOICING_PACE": "0.1",
        "INVOICING_GRACE": "2",
    }


async def _gateway(
    stack: AsyncExitStack,
    client: InvoicingClient,
    settings: GatewaySettings,
    callers: Mapping[str, CallerSettings],
    books: Reader,
) -> str:
    """Its URL, from now until the stack is left."""
    app = application(client, {}, settings, callers, books)
    try:
        return await stack.enter_async_context(serving(app, settings, app.state.backend.stopping))
    except InvoicingError:
        raise PortTaken(
            f"Port {settings.port} is taken: end what listens there, or name another one, as in "
            "make playground ARGS='--gateway-port 8081'"
        ) from None

"""python -m gateway: serve until SIGTERM or SIGINT.

`GATEWAY_…` variables say how (settings/gateway.py) and for whom (settings/callers.py and
settings/people.py), Temporal's own where the server is, and the accounts' where webhooks come from:
`MOLLIE_WEBHOOK_SECRETS`, `MOLLIE__SHOP__WEBHOOK_SECRETS`. Credentials of providers are not needed
here and not kept. INVOICING_REGISTER_AT says where the register is that lists with amounts read,
INVOICING_DOCUMENTS_AT where the documents are that it hands out.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys

import invoicing.client
import observing.logs
import settings.accounts
import settings.callers
import settings.documents
import settings.gateway
import settings.people
import settings.shared
from gateway.app import application
from gateway.issuer import Issuer
from gateway.people import People
from gateway.serve import serving
from invoicing.client import InvoicingClient
from invoicing.errors import InvoicingError
from invoicing.process import keep, run
from observing.tracing import tracing
from providers.kit.http import client as http_client
from register.keys import KeyStore
from register.reading import Reader

log = logging.getLogger("invoicing.gateway")


async def main() -> None:
    """Serve; on a signal, let requests under way end."""
    setup = settings.gateway.read(os.environ)
    told = settings.people.read(os.environ)
    callers = settings.callers.read(os.environ, needed=told is None)
    filed = settings.documents.store_of(os.environ)
    told_to_stop = asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(each, told_to_stop.set)
    async with http_client() as http, tracing(os.environ, "invoicing-gateway") as traced:
        hooks = settings.accounts.hooks(os.environ, http)
        kept = settings.shared.register(os.environ)
        where = kept.register_at
        books = Reader(where.get_secret_value(), kept.bookings) if where else None
        data_keys = KeyStore(where.get_secret_value()) if where else None
        converter = invoicing.client.converter(data_keys)
        temporal = await invoicing.client.reach(interceptors=traced, data_converter=converter)
        client = InvoicingClient(temporal)
        people = People(Issuer(told.issuer, http), told.roles) if told else None
        app = application(client, hooks, setup, callers, books, people, filed)
        async with serving(app, setup, app.state.backend.stopping) as url:
            log.info("serving %s, namespace %s", url, client.temporal.namespace)
            for name, caller in sorted(callers.items()):
                log.info("caller %s may %s", name, ", ".join(caller.may))
            if told:
                log.info(
                    "people of %s by roles: %s", told.issuer.name, ", ".join(sorted(told.roles))
                )
            for provider, accounts in sorted(hooks.items()):
                log.info("webhooks of %s: %s", provider, ", ".join(sorted(accounts)))
            keep()
            await told_to_stop.wait()
            log.info("stopping: up to %.0f s for requests under way", setup.grace)
        await app.state.backend.end()
    if books:
        books.close()
    if data_keys:
        data_keys.close()
    log.info("stopped")


if __name__ == "__main__":
    try:
        observing.logs.set_up(settings.shared.logs(os.environ).log)
        run(main())
    except InvoicingError as error:
        sys.exit(f"gateway: {error}")

"""`doctor`: is everything there that invoices need, and if not, how to mend it.

It runs best where a worker runs, with the worker's environment: only there are the credentials.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import typer
from temporalio.client import Client
from temporalio.converter import DataConverter

import settings.shared
import settings.worker
from commands.base import PROGRAM, SERVER, SERVER_SECONDS, AsJson, Code, app
from commands.keys import converter_here
from invoicing.books.claims import REGISTER_QUEUE
from invoicing.client import reach, server
from invoicing.client.server import ACTIVITIES, WORKFLOWS, Poller, Work
from invoicing.errors import (
    EngineError,
    InvoicingError,
    ProviderError,
    Rejected,
    ServerAway,
    Unavailable,
)
from invoicing.process import run
from invoicing.provider import Checks, Provider
from invoicing.state import attributes
from invoicing.state.attributes import SEARCH_ATTRIBUTES
from invoicing.state.identity import TASK_QUEUE, WORKFLOW, provider_queue
from invoicing.temporal.engine import ours
from observing.queues import Queues
from settings.variables import BadSettings
from terminal import findings, screen

if TYPE_CHECKING:
    import httpx

    from settings.accounts import AccountSettings

OK, LOOK, WRONG = "ok", "look", "wrong"

FRESH = timedelta(minutes=2)
"""A worker that finds nothing to do asks again every minute."""
SKEW = timedelta(seconds=30)
"""How far clocks may be apart: tokens and signed webhooks are good for minutes."""
READ = 20
"""Invoices whose memo is read, to see that the keys fit."""
CHECK_SECONDS = 30.0


@dataclass(frozen=True)
class Finding:
    """One thing that was examined: whether it is right, and how to mend it if it is not."""

    level: str
    what: str
    mend: str = ""


@app.command(
    rich_help_panel=SERVER,
    short_help="Say what is wrong with the set-up, and how to mend it.",
    epilog=f"Example: {PROGRAM} doctor",
)
def doctor(as_json: AsJson = False) -> None:
    """Examine the server, the workers, the accounts, the clocks and the keys.

    Run it where a worker runs, with its environment: credentials are nowhere else. It changes
    nothing; each account's credentials are tried with one harmless call.
    """
    found = run(_examined(os.environ))
    if as_json:
        for one in found:
            typer.echo(json.dumps(asdict(one)))
    else:
        rows = ((one.level, one.what, one.mend) for one in found)
        screen().print(findings(rows))
    raise typer.Exit(Code.FAILED if any(one.level == WRONG for one in found) else Code.DONE)


async def _examined(environment: Mapping[str, str]) -> list[Finding]:
    accounts, found = _accounts(environment)
    found += [*_subscribers(environment), *_worker(environment), *_consents(environment, accounts)]
    found += [one async for one in _providers(accounts)]
    found += await _register(environment)
    found += [one async for one in _temporal(sorted(accounts))]
    return found


# --- accounts and their providers -----------------------------------------------------------------


def _accounts(environment: Mapping[str, str]) -> tuple[AccountSettings, list[Finding]]:
    from settings.accounts import read  # loads every adaptor, which no other command needs

    try:
        accounts = read(environment)
    except BadSettings as error:
        return {}, _mistakes(error)
    if accounts:
        return accounts, []
    what = "no provider account is configured here, so no credentials were tried"
    return {}, [Finding(LOOK, what, "Run this with the worker's environment.")]


def _subscribers(environment: Mapping[str, str]) -> list[Finding]:
    from settings.accounts import subscribers

    try:
        named = subscribers(environment)
    except BadSettings as error:
        return _mistakes(error)
    what = "configured; only a notice can try it"
    return [Finding(OK, f"subscriber {name}: {what}") for name in sorted(named)]


def _consents(environment: Mapping[str, str], accounts: AccountSettings) -> Iterator[Finding]:
    from settings.consents import read

    try:
        # What is wrong with the accounts themselves is told of those.
        rules = read(environment, accounts) if accounts else {}
    except BadSettings as error:
        yield from _mistakes(error)
    else:
        for provider, by_account in sorted(rules.items()):
            for account, rule in sorted(by_account.items()):
                what = f"two people for {', '.join(rule.of)}"
                yield Finding(OK, f"{provider}, account {account}: {what}")


def _worker(environment: Mapping[str, str]) -> Iterator[Finding]:
    for read in (settings.worker.read, settings.shared.logs):
        try:
            read(environment)
        except BadSettings as error:
            yield from _mistakes(error)


def _mistakes(error: InvoicingError) -> list[Finding]:
    """A finding for each variable that it names."""
    mend = "Mend this variable where the worker runs; no worker starts with it."
    return [Finding(WRONG, line.strip(), mend) for line in str(error).splitlines()[1:]]


async def _providers(accounts: AccountSettings) -> AsyncIterator[Finding]:
    from providers.kit.http import client as http_client
    from settings.accounts import connect

    clocks: dict[str, timedelta] = {}

    async def note(response: httpx.Response) -> None:
        if ahead := _ahead(response.headers.get("date", "")):
            clocks[response.url.host] = ahead

    async with http_client() as http:
        http.event_hooks = {"response": [note]}
        adaptors = connect(accounts, http)
        named = [
            (f"{provider}, account {account}", adaptor)
            for provider, by_account in sorted(adaptors.items())
            for account, adaptor in sorted(by_account.items())
        ]
        for one in await asyncio.gather(*(_account(name, adaptor) for name, adaptor in named)):
            yield one
    for host, ahead in sorted(clocks.items()):
        yield _clock(host, ahead)


async def _account(name: str, adaptor: Provider) -> Finding:
    if not isinstance(adaptor, Checks):
        what = f"{name}: configured; its credentials cannot be tried without making something"
        return Finding(OK, what)
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            await adaptor.check()
    except Rejected as error:
        mend = "Mend the credentials of this account in the worker's environment."
        return Finding(WRONG, f"{name}: {error.message}", mend)
    except (Unavailable, TimeoutError) as error:
        what = error.message if isinstance(error, Unavailable) else "it did not answer in time"
        mend = "Is this machine let out to it, and is the account's BASE_URL right?"
        return Finding(WRONG, f"{name}: {what}", mend)
    except ProviderError as error:
        return Finding(WRONG, f"{name}: {error.message}", "Is the account's BASE_URL right?")
    return Finding(OK, f"{name}: its credentials are accepted")


def _ahead(date: str) -> timedelta | None:
    """How far an HTTP date is ahead of us; it tells whole seconds."""
    try:
        told = parsedate_to_datetime(date)
    except ValueError:
        return None
    return told.replace(tzinfo=told.tzinfo or UTC) - datetime.now(UTC)


def _clock(of: str, ahead: timedelta) -> Finding:
    if abs(ahead) < SKEW:
        return Finding(OK, f"the clock here agrees with that of {of}")
    seconds = abs(ahead.total_seconds())
    word = "behind" if ahead > timedelta() else "ahead of"
    what = f"the clock here is {seconds:.0f} s {word} that of {of}"
    return Finding(WRONG, what, "Set it: let this machine follow a time server (NTP).")


# --- the server -----------------------------------------------------------------------------------


async def _temporal(providers: list[str]) -> AsyncIterator[Finding]:
    with ExitStack() as stack:
        try:
            here = stack.enter_context(converter_here())
        except InvoicingError as error:
            mend = "Give the keys that the workers have, as name:key; the server waits until then."
            yield Finding(WRONG, str(error), mend)
            return
        async for one in _server(here, providers):
            yield one


async def _server(here: DataConverter, providers: list[str]) -> AsyncIterator[Finding]:
    if settings.shared.clients(os.environ).encryption_keys:
        yield Finding(OK, "payloads are encrypted, and the keys can be read")
    try:
        client = await reach(SERVER_SECONDS, data_converter=here)
    except InvoicingError as error:
        what, _, mend = str(error).rpartition(": ")
        yield Finding(WRONG, what, f"{mend[:1].upper()}{mend[1:]}.")
        return
    address = client.service_client.config.target_host
    yield Finding(OK, f"the Temporal server at {address} answers, namespace {client.namespace}")
    for part in (_attributes(client), _payloads(client), _workers(client, providers)):
        try:
            with ours(ServerAway):
                async for one in part:
                    yield one
        except EngineError as error:
            mend = "Are these credentials allowed to ask for that?"
            yield Finding(LOOK, f"the server does not say ({error.code})", mend)


async def _attributes(client: Client) -> AsyncIterator[Finding]:
    there = await server.registered(client)
    wrong = 0
    for name, kind in SEARCH_ATTRIBUTES.items():
        if there.get(name) == kind:
            continue
        wrong += 1
        if name in there:
            what = f"the search attribute {name} is a {there[name]}, not a {kind}"
            yield Finding(WRONG, what, "Rename or remove it at the server, then run `prepare`.")
        else:
            yield Finding(WRONG, f"the search attribute {name} is missing", "Run `prepare`.")
    if not wrong:
        yield Finding(OK, f"all {len(SEARCH_ATTRIBUTES)} search attributes are registered")


async def _payloads(client: Client) -> AsyncIterator[Finding]:
    """Whether what is stored can be read with the keys that are here."""
    query = f"WorkflowType = '{WORKFLOW}' AND ExecutionStatus = 'Running'"
    read = 0
    async for execution in client.list_workflows(query, limit=READ):
        try:
            await execution.memo()
        except InvoicingError as error:
            mend = "Set INVOICING_ENCRYPTION_KEYS to what the workers have."
            yield Finding(WRONG, f"what is stored cannot be read here: {error}", mend)
            return
        read += 1
    if read:
        yield Finding(OK, "what is stored can be read here")


async def _workers(client: Client, configured: list[str]) -> AsyncIterator[Finding]:
    from providers.registry import ADAPTORS

    now = await server.server_time(client)
    if now:
        yield _clock("the Temporal server", now - datetime.now(UTC))
    now = now or datetime.now(UTC)
    if pollers := await _pollers(client, TASK_QUEUE, WORKFLOWS, now):
        yield Finding(OK, f"workflows: {_counted(len(pollers))}")
    else:
        yield Finding(WRONG, f"no worker serves {TASK_QUEUE}: nothing moves", _START)
    if one := await _register_queue(client, now):
        yield one
    for provider in sorted(ADAPTORS):
        if one := await _provider_queue(client, provider, provider in configured, now):
            yield one


_START = "Start one: `make worker`."


async def _register_queue(client: Client, now: datetime) -> Finding | None:
    if pollers := await _pollers(client, REGISTER_QUEUE, ACTIVITIES, now):
        return Finding(OK, f"register: {_counted(len(pollers))}")
    configured = _has_register(os.environ)
    waits = (await Queues(client, ()).backlogs())[REGISTER_QUEUE] > 0
    if not configured and not waits:
        return None
    what = f"no worker serves {REGISTER_QUEUE}: no reference is claimed, so no invoice is made"
    return Finding(WRONG, what, "Start a worker with INVOICING_REGISTER_AT.")


def _has_register(environment: Mapping[str, str]) -> bool:
    with suppress(BadSettings):
        return settings.shared.register(environment).register_at is not None
    return False


async def _register(environment: Mapping[str, str]) -> list[Finding]:
    """Whether it can be read. A register that is not there yet is made by the first worker."""
    try:
        where = settings.shared.register(environment).register_at
    except BadSettings as error:
        return _mistakes(error)
    if where is None:
        return []
    from register.database import BadRegister, for_reading  # no other command needs a database

    try:
        engine = await asyncio.to_thread(for_reading, where.get_secret_value())
    except BadRegister as error:
        return [Finding(LOOK, str(error), "Is INVOICING_REGISTER_AT what the workers have?")]
    engine.dispose()
    return [Finding(OK, "the register can be read")]


async def _provider_queue(
    client: Client, provider: str, configured: bool, now: datetime
) -> Finding | None:
    queue = provider_queue(provider)
    if pollers := await _pollers(client, queue, ACTIVITIES, now):
        return Finding(OK, f"{provider}: {_counted(len(pollers))}")
    query = (
        f"WorkflowType = '{WORKFLOW}' AND ExecutionStatus = 'Running' "
        f"AND {attributes.PROVIDER.name} = '{provider}'"
    )
    waiting = 0
    # A server without our attributes knows no such thing; that is told of already.
    with suppress(EngineError):
        waiting = await server.waiting(client, query)
    if not configured and not waiting:
        return None
    left = f", and {waiting} of its invoices are under way" if waiting else ""
    mend = "Start a worker with the account's variables."
    return Finding(WRONG, f"no worker serves {queue}{left}", mend)


def _counted(workers: int) -> str:
    return "1 worker" if workers == 1 else f"{workers} workers"


async def _pollers(client: Client, queue: str, kind: Work, now: datetime) -> list[Poller]:
    """Who asked for work there just now, each once."""
    found = await server.pollers(client, queue, kind)
    return list({one.identity: one for one in found if one.at > now - FRESH}.values())

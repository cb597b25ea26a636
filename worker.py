"""The worker: settings → adaptors → activities → workers. The only process that holds secrets.

    python worker.py

serves the workflows on `invoicing`, each configured provider's calls on `provider-<name>`, and each
subscriber's notices on `notices-<name>`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from temporalio.client import Client, ScheduleAlreadyRunningError
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion, WorkflowIDConflictPolicy
from temporalio.worker import (
    UnsandboxedWorkflowRunner,
    Worker,
    WorkerDeploymentConfig,
    WorkflowRunner,
)

import invoicing.client
import observing.logs
import providers.subscribers
import settings.accounts
import settings.consents
import settings.documents
import settings.shared
import settings.worker
from activities.amending import AmendActivities
from activities.document import DocumentActivities
from activities.invoice import InvoiceActivities
from activities.news import Directory, NewsActivities
from activities.notice import NoticeActivities
from activities.order import OrderActivities
from activities.pay_link import PayLinkActivities
from activities.reconciling import (
    ElsewhereActivities,
    ListActivities,
    ReconcilingActivities,
)
from activities.register import AtOnce, RegisterActivities
from activities.retention import RetentionActivities
from documents import DocumentStore
from invoicing.books.calls import Tally
from invoicing.books.claims import REGISTER_QUEUE, Register
from invoicing.books.reconciling import CountsFindings, Reconciles
from invoicing.books.retention import Retains
from invoicing.consent import Consent
from invoicing.errors import InvoicingError
from invoicing.process import run
from invoicing.provider import Accounts, Feeds, Limited
from invoicing.state.identity import (
    FEED_WORKFLOW,
    RETENTION,
    TASK_QUEUE,
    feed_id,
    provider_queue,
    reconciliation_id,
    subscriber_queue,
)
from invoicing.state.news import FeedInput
from invoicing.state.notice import Subscriber
from observing.calls import WatchedCalls
from observing.census import Census, counting
from observing.runtime import in_one_thread, meter_of, runtime
from observing.tallied import written_down
from observing.tracing import tracing
from providers.kit.http import client as http_client
from providers.registry import ADAPTORS
from register import Books, opened
from register.keys import KeyStore
from settings.shared import RegisterSettings
from settings.worker import WorkerSettings
from workflows.amend import AmendWorkflow
from workflows.credit import CreditsWorkflow
from workflows.document import DocumentWorkflow
from workflows.event import EventWorkflow
from workflows.feed import FeedWorkflow
from workflows.invoice import InvoiceWorkflow
from workflows.money import MoneyWorkflow
from workflows.notices import NoticesWorkflow
from workflows.order import OrderWorkflow
from workflows.pay_link import PayLinkWorkflow
from workflows.preview import PreviewWorkflow
from workflows.reconciliation import ReconciliationWorkflow, daily
from workflows.retention import RetentionWorkflow, nightly

log = logging.getLogger("invoicing.worker")


STORIES = (
    InvoiceWorkflow,
    OrderWorkflow,
    CreditsWorkflow,
    AmendWorkflow,
    EventWorkflow,
    FeedWorkflow,
    NoticesWorkflow,
    PreviewWorkflow,
    DocumentWorkflow,
    PayLinkWorkflow,
    MoneyWorkflow,
    ReconciliationWorkflow,
    RetentionWorkflow,
)

# The SDK's sandbox would import our modules anew for every workflow in memory, and be entered for
# every payload. What it guards against is caught in tests, which run in it (docs/decisions/0003).
RUNNER = UnsandboxedWorkflowRunner()


def workers(
    client: Client,
    adaptors: Mapping[str, Accounts],
    setup: WorkerSettings,
    runner: WorkflowRunner = RUNNER,
    subscribers: Mapping[str, Subscriber] = MappingProxyType({}),
    stories: Sequence[type] = STORIES,
    register: Register | None = None,
    consents: Mapping[str, Mapping[str, Consent]] = MappingProxyType({}),
    documents: DocumentStore | None = None,
    hears: Mapping[str, timedelta] = MappingProxyType({}),
    files: DocumentStore | None = None,
    tally: Tally | None = None,
) -> list[Worker]:
    """One worker for the workflows, one per provider and per subscriber, and one for the register
    where there is one, each with a queue of its own.

    A slow one then takes nobody else's slots, and a rate limit can be set per queue. The files that
    documents name are where `documents` are kept, or in `files`. `tally` counts calls to providers.
    """
    claims = register is not None
    lives = Worker(
        client,
        task_queue=TASK_QUEUE,
        workflows=stories,
        activities=[
            *Directory(client, claims=claims).all(),
            *ElsewhereActivities(client).all(),
            *AmendActivities(client).all(),
            *RegisterActivities(AtOnce(register), client.data_converter).all(),
        ],
        workflow_runner=runner,
        max_cached_workflows=setup.cache(),
        deployment_config=_build(setup),
    )
    calls = (
        _calls(
            client,
            name,
            adaptors[name],
            setup,
            subscribers,
            claims=claims,
            consents=consents.get(name, {}),
            documents=documents,
            hears=hears.get(name, timedelta()),
            files=documents or files,
            tally=tally,
        )
        for name in sorted(adaptors)
    )
    posts = (posts_to(client, name, subscribers[name], setup) for name in sorted(subscribers))
    books = (
        keeps_books(client, each, setup, documents) for each in (register,) if each is not None
    )
    return [lives, *calls, *posts, *books]


def _build(setup: WorkerSettings) -> WorkerDeploymentConfig | None:
    """What Temporal is told about the code here, if it is to be told.

    Calls and notices as well: a call that only newer code makes goes to a worker that knows it.
    Everything lives on in the build that is current, for nothing is sure to end soon:
    docs/decisions/0023.
    """
    if setup.build is None:
        return None
    return WorkerDeploymentConfig(
        version=WorkerDeploymentVersion(deployment_name=setup.deployment, build_id=setup.build),
        use_worker_versioning=True,
        default_versioning_behavior=VersioningBehavior.AUTO_UPGRADE,
    )


def _calls(
    client: Client,
    name: str,
    accounts: Accounts,
    setup: WorkerSettings,
    subscribers: Collection[str],
    *,
    claims: bool,
    consents: Mapping[str, Consent],
    documents: DocumentStore | None,
    hears: timedelta,
    files: DocumentStore | None,
    tally: Tally | None,
) -> Worker:
    how: dict[str, Any] = {"pace": setup.pace, "subscribers": subscribers, "claims": claims}
    return Worker(
        client,
        task_queue=provider_queue(name),
        activities=[
            *InvoiceActivities(
                accounts,
                **how,
                consents=consents,
                keeps_documents=documents is not None,
                files=files,
                hears=hears,
            ).all(),
            *DocumentActivities(accounts, documents).all(),
            *PayLinkActivities(accounts).all(),
            *OrderActivities(accounts, **how).all(),
            *NewsActivities(accounts, pace=setup.pace).all(),
            *ListActivities(accounts).all(),
        ],
        interceptors=[WatchedCalls(name, meter_of(client), accounts, tally)],
        max_concurrent_activities=setup.calls,
        max_task_queue_activities_per_second=_most_per_second(accounts),
        graceful_shutdown_timeout=timedelta(seconds=setup.grace),
        deployment_config=_build(setup),
    )


def _most_per_second(accounts: Accounts) -> float | None:
    """The strictest limit of any account here: the server keeps it for all workers of the queue."""
    limits = [each.calls_per_second for each in accounts.values() if isinstance(each, Limited)]
    return min(limits, default=None)


def posts_to(client: Client, name: str, subscriber: Subscriber, setup: WorkerSettings) -> Worker:
    """The worker that posts one subscriber's notices."""
    return Worker(
        client,
        task_queue=subscriber_queue(name),
        activities=NoticeActivities(subscriber).all(),
        max_concurrent_activities=setup.calls,
        graceful_shutdown_timeout=timedelta(seconds=setup.grace),
        deployment_config=_build(setup),
    )


def keeps_books(
    client: Client,
    register: Register,
    setup: WorkerSettings,
    documents: DocumentStore | None = None,
) -> Worker:
    """The worker that claims references, writes down what has happened, reconciles, and erases what
    has been kept for long enough."""
    activities = RegisterActivities(register, client.data_converter).all()
    if isinstance(register, Reconciles):
        activities += ReconcilingActivities(register, setup.findings_subscriber).all()
    if isinstance(register, Retains):
        activities += RetentionActivities(client, register, setup.retention, documents).all()
    return Worker(
        client,
        task_queue=REGISTER_QUEUE,
        activities=activities,
        max_concurrent_activities=setup.calls,
        graceful_shutdown_timeout=timedelta(seconds=setup.grace),
        deployment_config=_build(setup),
    )


@contextlib.asynccontextmanager
async def kept(where: RegisterSettings, findings: timedelta) -> AsyncIterator[Books | None]:
    """The register meanwhile, where one is configured. Raises BadRegister."""
    if where.register_at is None:
        yield None
        return
    place = where.register_at.get_secret_value()
    books = await asyncio.to_thread(opened, place, findings_kept=findings)
    try:
        yield books
    finally:
        await asyncio.to_thread(books.close)


@contextlib.asynccontextmanager
async def keys_kept(where: RegisterSettings) -> AsyncIterator[KeyStore | None]:
    """Where the data keys are meanwhile, where a register is configured."""
    if where.register_at is None:
        yield None
        return
    keys = KeyStore(where.register_at.get_secret_value())
    try:
        yield keys
    finally:
        await asyncio.to_thread(keys.close)


async def fetch_feeds(
    client: Client, adaptors: Mapping[str, Accounts], setup: WorkerSettings
) -> None:
    """See to it that every account with a feed has its poller, once, whoever else starts it."""
    for name, accounts in sorted(adaptors.items()):
        for account, adaptor in sorted(accounts.items()):
            if isinstance(adaptor, Feeds) and adaptor.feed_interval is not None:
                await client.start_workflow(
                    FEED_WORKFLOW,
                    FeedInput(provider=name, account=account, pace=setup.pace),
                    id=feed_id(name, account),
                    task_queue=TASK_QUEUE,
                    id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                    static_summary=f"{name} · feed of {account}",
                )


async def reconcile_daily(client: Client, adaptors: Mapping[str, Accounts]) -> None:
    """See to it that every account is reconciled once a day, whoever else does so too. A schedule
    that is there is left as people have made it."""
    for name, accounts in sorted(adaptors.items()):
        for account in sorted(accounts):
            with contextlib.suppress(ScheduleAlreadyRunningError):
                await client.create_schedule(reconciliation_id(name, account), daily(name, account))


async def erase_nightly(client: Client) -> None:
    """See to it that what is due is erased every night, whoever else does so too. A schedule that
    is there is left as people have made it."""
    with contextlib.suppress(ScheduleAlreadyRunningError):
        await client.create_schedule(RETENTION, nightly())


@contextlib.asynccontextmanager
async def serving(workers: Sequence[Worker]) -> AsyncIterator[None]:
    """Run the workers meanwhile; on the way out, calls under way are allowed to end.

    The calls stop first: a workflow that still runs only waits, a call cut short is a doubt.
    """
    async with contextlib.AsyncExitStack() as stack:
        for worker in workers:
            await stack.enter_async_context(worker)
        yield


@contextlib.asynccontextmanager
async def connected(
    setup: WorkerSettings,
    register: CountsFindings | None = None,
    data_keys: KeyStore | None = None,
) -> AsyncIterator[Client]:
    """A client whose process is traced and counted, as it is set; what waits is counted meanwhile.

    Raises InvoicingError when there is no server, or what is watched cannot be shown.
    """
    async with contextlib.AsyncExitStack() as stack:
        traced = await stack.enter_async_context(tracing(os.environ, "invoicing-worker"))
        client = await invoicing.client.reach(
            runtime=runtime(setup.metrics),
            interceptors=traced,
            data_converter=invoicing.client.converter(data_keys, worker=True),
        )
        if setup.metrics:
            census = Census(client, meter_of(client), ADAPTORS, register)
            every = timedelta(seconds=setup.metrics_every)
            await stack.enter_async_context(counting(census, every))
        yield client


def refuse_unknown_subscriber(setup: WorkerSettings, named: Collection[str]) -> None:
    """Raise InvoicingError where what is found is to be told to nobody that is configured here."""
    if setup.findings_subscriber not in (None, *named):
        there = ", ".join(sorted(named)) or "none"
        raise InvoicingError(
            f"INVOICING_FINDINGS_SUBSCRIBER: {setup.findings_subscriber!r} is not configured; "
            f"there are: {there}"
        )


async def main() -> None:
    """Serve until SIGTERM or SIGINT, then let calls under way end."""
    in_one_thread()
    accounts = settings.accounts.read(os.environ)
    if not accounts:
        raise InvoicingError(
            "no provider account is configured: set the variables of at least one provider, "
            f"such as {', '.join(f'{name.upper()}_…' for name in sorted(ADAPTORS))}"
        )
    named = settings.accounts.subscribers(os.environ)
    consents = settings.consents.read(os.environ, accounts)
    setup = settings.worker.read(os.environ)
    refuse_unknown_subscriber(setup, named)
    filed = settings.documents.store_of(os.environ)
    where = settings.shared.register(os.environ)
    tally = Tally()
    told_to_stop = asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(each, told_to_stop.set)
    # Subscribers have connections of their own: no slow one takes a provider's.
    async with (
        http_client() as http,
        http_client() as outwards,
        kept(where, timedelta(days=setup.findings_days)) as books,
        keys_kept(where) as data_keys,
        connected(setup, books, data_keys) as client,
    ):
        adaptors = settings.accounts.connect(accounts, http)
        subscribers = providers.subscribers.connect(named, outwards)
        all_of_them = workers(
            client,
            adaptors,
            setup,
            subscribers=subscribers,
            register=books,
            consents=consents,
            documents=filed,
            hears=setup.hears(),
            tally=tally,
        )
        async with written_down(tally, books), serving(all_of_them):
            for provider, by_account in sorted(adaptors.items()):
                log.info("serving %s: %s", provider, ", ".join(sorted(by_account)))
            if subscribers:
                log.info("telling %s", ", ".join(sorted(subscribers)))
            if books:
                log.info("keeping a register")
            if filed:
                log.info("keeping documents")
            await fetch_feeds(client, adaptors, setup)
            if books:
                await reconcile_daily(client, adaptors)
                if setup.retention:
                    await erase_nightly(client)
            log.info("workflows on %s, namespace %s", TASK_QUEUE, client.namespace)
            if setup.build:
                log.info("build %s: work comes once it is promoted", setup.build)
            await told_to_stop.wait()
            log.info("stopping: up to %.0f s for calls under way", setup.grace)
    log.info("stopped")


if __name__ == "__main__":
    try:
        observing.logs.set_up(settings.shared.logs(os.environ).log)
        run(main())
    except InvoicingError as error:
        sys.exit(f"worker: {error}")

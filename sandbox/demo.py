"""The demonstration: invoices to which everything happens at once, and what becomes of them.

`python starter.py demo` starts a Temporal server, the stand-ins of a provider and a worker as a
process of its own, asks for all the invoices below, plays the provider's mishaps and the operator's
part, and compares the provider's ledger with our states in the end.

Each mishap strikes in an organisation (an account) of its own, so that it hits the invoice it is
meant for. The server is always one of the demonstration's own: a worker with made-up accounts has
no business on anybody's real task queue, whatever TEMPORAL_ADDRESS says.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from rich.console import Console

from invoicing import process
from invoicing.client import InvoicingClient, web_page
from invoicing.invoice import Action, Cancel, Invoice, Resolve, Status
from invoicing.parse import read_request
from invoicing.provider import Event
from invoicing.request import Goal, InvoiceRequest
from sandbox import zero_friction as zf
from sandbox.faults import Fault
from sandbox.record import Ledger
from sandbox.server import serve
from sandbox.temporal import Server, ServerUnavailable, local_server
from terminal import Board, compared, screen, trouble, waits_for_person

T = TypeVar("T")

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "sandbox" / "examples"
OPERATOR = "demo operator"
PACE = "0.1"
LIMIT = 55.0
"""Seconds after which something must have gone wrong."""


class DemoFailed(Exception):
    """The demonstration could not be carried out; the sentence says why."""


# --- the stories ----------------------------------------------------------------------------------

Cue = Callable[[Invoice], bool]
Deed = Callable[["Theatre", "Story"], Awaitable[None]]


def _at_once(invoice: Invoice) -> bool:
    return False


def _parked(invoice: Invoice) -> bool:
    return invoice.problem is not None


def _held(invoice: Invoice) -> bool:
    return invoice.status is Status.HELD


def _unpaid(invoice: Invoice) -> bool:
    return invoice.waiting is not None and invoice.waiting.what == "payment"


@dataclass(frozen=True)
class Story:
    """One invoice: what it is about, what happens to it, and how it has to end.

    `effects` is what the provider's ledger must say of it, in order; `deed` is done once, when an
    invoice is as `cue` says.
    """

    reference: str
    told: str
    status: Status
    effects: tuple[str, ...]
    account: str = "default"
    goal: Goal = Goal.SENT
    hold: bool = False
    direct_debit: bool = False
    cue: Cue = _at_once
    deed: Deed | None = None

    def request(self) -> InvoiceRequest:
        """What a service would ask for: one of the example files, varied."""
        example = "refused.json" if self.direct_debit else "invoice.json"
        request = read_request((EXAMPLES / example).read_bytes())
        changes = {"reference": self.reference, "account": self.account}
        return request.model_copy(update={**changes, "goal": self.goal, "hold": self.hold})


async def _correct(theatre: Theatre, story: Story) -> None:
    theatre.say(story, "an operator has the draft made again (resolve: correct)")
    answer = Resolve(
        by=OPERATOR,
        reason="the draft is a cent off",
        action=Action.CORRECT,
        document=story.request().document,
    )
    await theatre.client.resolve(story.reference, answer)


async def _cancel(theatre: Theatre, story: Story) -> None:
    theatre.say(story, "an operator cancels it")
    await theatre.client.cancel(story.reference, Cancel(by=OPERATOR, reason="ordered by mistake"))


async def _pay(theatre: Theatre, story: Story) -> None:
    theatre.say(story, "the buyer pays, and the provider says so")
    theatre.organisations[story.account].pay(story.reference)
    event = Event(id="payment-1", kind="payment")
    await theatre.client.handle(story.reference).signal("provider_event", event)


CRASH = Story(
    "worker-killed",
    "SIGKILL once the draft is stored: adopted",
    Status.SENT,
    ("created", "approved", "sent"),
    account="crash",
)

STORIES = (
    Story(
        "plain",
        "nothing goes wrong",
        Status.SENT,
        ("created", "approved", "sent"),
    ),
    Story(
        "answer-lost",
        "the create times out, yet stored: adopted",
        Status.SENT,
        ("created", "approved", "sent"),
        account="silent",
    ),
    CRASH,
    Story(
        "one-cent-off",
        "parked before approval, then corrected",
        Status.SENT,
        ("created", "deleted", "created", "approved", "sent"),
        account="inexact",
        cue=_parked,
        deed=_correct,
    ),
    Story(
        "slow-approval",
        "polled until its number is there",
        Status.SENT,
        ("created", "approved", "sent"),
        account="slow",
    ),
    Story(
        "refused",
        "direct debit without a bank account",
        Status.NEEDS_ATTENTION,
        (),
        direct_debit=True,
    ),
    Story(
        "cancel-draft",
        "held, then cancelled: draft deleted",
        Status.CANCELLED,
        ("created", "deleted"),
        hold=True,
        cue=_held,
        deed=_cancel,
    ),
    Story(
        "cancel-final",
        "cancelled after it was sent: credited",
        Status.CREDITED,
        ("created", "approved", "sent", "credited"),
        goal=Goal.PAID,
        cue=_unpaid,
        deed=_cancel,
    ),
    Story(
        "paid",
        "followed until the buyer has paid",
        Status.PAID,
        ("created", "approved", "sent", "paid"),
        goal=Goal.PAID,
        cue=_unpaid,
        deed=_pay,
    ),
)


# --- the provider ---------------------------------------------------------------------------------


class _Organisation(zf.ZeroFrictionStandIn):
    """One account's organisation. Each numbers its invoices from another hundred on, only so that
    no two rows of the table look alike."""

    def __init__(self, hundred: int, *, approval_delay: float = 1.0) -> None:
        super().__init__(approval_delay=approval_delay, sending_delay=0.7)
        year = STORIES[0].request().document.issue_date.year
        self._numbers[year] = 100 * hundred


def _organisations() -> dict[str, _Organisation]:
    accounts = list(dict.fromkeys(story.account for story in STORIES))
    made = {
        account: _Organisation(hundred, approval_delay=6.0 if account == "slow" else 1.0)
        for hundred, account in enumerate(accounts)
    }
    made["silent"].faults.place(zf.Step.CREATE, Fault.TIME_OUT, when="after")
    made["inexact"].faults.place(zf.Step.CREATE, zf.Told.CHANGED_AMOUNT)
    return made


def _settings(organisations: Mapping[str, _Organisation]) -> dict[str, str]:
    """The worker's variables for these accounts."""
    settings: dict[str, str] = {}
    for account, organisation in organisations.items():
        prefix = "ZERO_FRICTION_" if account == "default" else f"ZERO_FRICTION__{account.upper()}__"
        # How long a call lost with its worker stays in doubt follows from its time-out.
        patience = "1" if account in ("silent", "crash") else "10"
        settings |= {
            f"{prefix}BASE_URL": organisation.url,
            f"{prefix}TOKEN_URL": organisation.token_url,
            f"{prefix}CLIENT_ID": zf.CLIENT_ID,
            f"{prefix}CLIENT_SECRET": zf.CLIENT_SECRET,
            f"{prefix}SUBSCRIPTION_KEY": zf.SUBSCRIPTION_KEY,
            f"{prefix}TENANT_ID": zf.TENANT,
            f"{prefix}ORGANISATION_ID": zf.ORGANISATION,
            f"{prefix}TIMEOUT": patience,
        }
    return settings


# --- the worker -----------------------------------------------------------------------------------

# No credential of a real account, and no proxy, reaches the demonstration's worker.
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "VIRTUAL_ENV", "SYSTEMROOT")


class _Worker:
    """`worker.py` as it runs in production: a process of its own. Its log goes to a file."""

    def __init__(self, settings: Mapping[str, str]) -> None:
        self._settings = settings
        handle, name = tempfile.mkstemp(prefix="durable-invoicing-demo-worker-", suffix=".log")
        os.close(handle)
        self.log = Path(name)
        self._process: asyncio.subprocess.Process | None = None
        self._ending = False
        self.failed = False
        """Whether somebody will want to read the log."""

    async def start(self, **settings: str) -> None:
        """Start it; it serves a second or two later."""
        inherited = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        self._ending = False
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                str(ROOT / "worker.py"),
                cwd=ROOT,
                env={**inherited, **self._settings, **settings},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Ctrl-C is for us: we stop it when the time has come.
                start_new_session=True,
            )

    async def kill(self) -> None:
        """SIGKILL: no farewell, no tidying up."""
        await self._end(signal.SIGKILL, 5)

    async def stop(self) -> None:
        """Tell it to stop, and insist after a while."""
        await self._end(signal.SIGTERM, 8)

    async def _end(self, how: signal.Signals, within: float) -> None:
        running, self._ending = self._process, True
        if running is None or running.returncode is not None:
            return
        with suppress(ProcessLookupError):
            running.send_signal(how)
        try:
            await asyncio.wait_for(running.wait(), within)
        except BaseException:
            with suppress(ProcessLookupError):
                running.kill()
            await running.wait()
            raise

    async def outlives(self, work: Coroutine[None, None, T]) -> T:
        """The result of the work; DemoFailed as soon as the worker ends by itself."""
        task = asyncio.create_task(work)
        death = asyncio.create_task(self._dies())
        try:
            await asyncio.wait({task, death}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise DemoFailed(f"the worker ended by itself with code {death.result()}")
            return task.result()
        finally:
            for each in (task, death):
                each.cancel()
            await asyncio.gather(task, death, return_exceptions=True)

    async def _dies(self) -> int:
        while True:
            running = self._process
            if running is not None and running.returncode is not None and not self._ending:
                return running.returncode
            await asyncio.sleep(0.1)


@asynccontextmanager
async def _working(settings: Mapping[str, str]) -> AsyncIterator[_Worker]:
    """A worker meanwhile; its log is kept only when something fails."""
    worker = _Worker(settings)
    try:
        yield worker
    finally:
        await worker.stop()
        if not worker.failed:
            worker.log.unlink()


# --- the performance ------------------------------------------------------------------------------


@dataclass
class Theatre:
    """Everything that is up while the stories are played."""

    server: Server
    client: InvoicingClient
    organisations: Mapping[str, _Organisation]
    worker: _Worker
    console: Console
    board: Board
    last: dict[str, Invoice] = field(default_factory=dict)

    def say(self, story: Story, what: str) -> None:
        """Tell what is being done to the invoice of this story."""
        self.board.say(f"{story.reference}: {what}")

    async def perform(self) -> None:
        """All stories at once, after the worker's death has been staged."""
        await self._crash()
        others = [story for story in STORIES if story is not CRASH]
        for story in others:
            await self.client.start(story.request())
        await self.worker.start()
        async with asyncio.TaskGroup() as group:
            for story in STORIES:
                group.create_task(self._follow(story))

    async def _crash(self) -> None:
        gate = self.organisations[CRASH.account].faults.place(
            zf.Step.CREATE, Fault.GATE, when="after"
        )
        # Without a cache of workflows the server need not wait for the dead worker to ask again.
        await self.worker.start(INVOICING_CACHED_WORKFLOWS="0")
        await self.client.start(CRASH.request())
        await gate.reached(within=30)
        self.say(CRASH, "its draft is stored, the worker is killed before it hears of it")
        await self.worker.kill()
        gate.release()
        self.board.say("With no worker running, the other invoices are asked for. A worker starts.")

    async def _follow(self, story: Story) -> None:
        done = False
        async with aclosing(self.client.changes(story.reference)) as changes:
            async for invoice in changes:
                self.last[story.reference] = invoice
                self.board.show(invoice)
                if story.deed and not done and story.cue(invoice):
                    done = True
                    await story.deed(self, story)
                elif waits_for_person(invoice):
                    break


def differences(story: Story, invoice: Invoice, ledger: Ledger) -> list[str]:
    """Where our state, the provider's ledger and what was to be expected do not agree."""
    live = ledger.live(story.reference)
    ours, theirs = _figures(invoice), _held_there(ledger, story.reference)
    stands = bool(story.effects) and story.effects[-1] not in ("deleted", "credited")
    expected: dict[str, tuple[object, object]] = {
        "status": (invoice.status, story.status),
        "ledger": (tuple(ledger.effects(story.reference)), story.effects),
        "invoices alive": (live, (invoice.provider_id,) if stands else ()),
        "number and gross": (ours, theirs if live else ours),
    }
    return [name for name, (there, wanted) in expected.items() if there != wanted]


def _figures(invoice: Invoice) -> str:
    gross = f"{invoice.amounts.gross:f}" if invoice.amounts and invoice.provider_id else None
    return " · ".join(filter(None, (invoice.number, gross)))


def _held_there(ledger: Ledger, reference: str) -> str:
    entries = ledger.of(reference)
    if not entries:
        return ""
    last = entries[-1]
    gross = None if last.gross is None else f"{last.gross:.2f}"
    return " · ".join(filter(None, (last.number, gross)))


# --- the evening ----------------------------------------------------------------------------------


def main(*, keep: bool) -> int:
    """Run the demonstration; 0 when everything came out as expected."""
    console = screen()
    try:
        return 0 if process.run(_evening(console, keep=keep)) else 1
    except (DemoFailed, ServerUnavailable) as error:
        screen(error=True).print(f"The demonstration failed: {error}", soft_wrap=True)
        return 1
    except asyncio.CancelledError:
        return 143  # SIGTERM


async def _evening(console: Console, *, keep: bool) -> bool:
    _cancel_on_signal()
    async with AsyncExitStack() as stack:
        console.print("Starting a Temporal server with its Web UI …")
        server = await stack.enter_async_context(local_server(ui=True, own=True))
        console.print(f"  Temporal {server.address}, Web UI {server.ui}", soft_wrap=True)
        organisations = _organisations()
        for organisation in organisations.values():
            await stack.enter_async_context(serve(organisation))
        console.print(f"Starting {len(organisations)} accounts of a stand-in provider, over HTTP …")
        settings = {
            "TEMPORAL_ADDRESS": server.address,
            "TEMPORAL_CONFIG_FILE": os.devnull,
            "INVOICING_PACE": PACE,
            "INVOICING_GRACE": "2",
            **_settings(organisations),
        }
        worker = await stack.enter_async_context(_working(settings))
        client = await InvoicingClient.connect(server.address)
        console.print("Starting a worker as a process of its own …\n")
        pages = {story.reference: _page(server, story) for story in STORIES}
        _programme(console, pages)
        stories = {story.reference: story.told for story in STORIES}
        board = Board(console, stories=stories, pages=pages)
        theatre = Theatre(server, client, organisations, worker, console, board)
        fine = await _played(theatre)
        if keep:
            await _kept(theatre)
    if keep:
        console.print("Stopped; nothing is left running.")
    return fine


def _cancel_on_signal() -> None:
    """Whoever ends us by these has everything wound up first, as with Ctrl-C."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    if task is not None:
        for each in (signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(each, task.cancel)


def _page(server: Server, story: Story) -> str:
    return web_page(server.ui or "", "default", story.reference)


def _programme(console: Console, pages: Mapping[str, str]) -> None:
    for story in STORIES:
        console.print(f"{story.reference}: {story.told}", soft_wrap=True)
        console.print(f"  {pages[story.reference]}", soft_wrap=True)
    console.print()


async def _played(theatre: Theatre) -> bool:
    begun = time.monotonic()
    try:
        with theatre.board:
            async with asyncio.timeout(LIMIT):
                await theatre.worker.outlives(theatre.perform())
    except Exception as error:
        raise DemoFailed(_why(error, theatre)) from error
    return _verdict(theatre, time.monotonic() - begun)


def _why(error: Exception, theatre: Theatre) -> str:
    theatre.worker.failed = True
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    what = str(error) or type(error).__name__
    if isinstance(error, TimeoutError):
        left = [story.reference for story in STORIES if not _at_rest(theatre, story)]
        what = f"not at rest within {LIMIT:.0f} s: {', '.join(left)}"
    return f"{what}\nThe worker's log is {theatre.worker.log}"


def _at_rest(theatre: Theatre, story: Story) -> bool:
    invoice = theatre.last.get(story.reference)
    return invoice is not None and (invoice.ended or waits_for_person(invoice))


def _verdict(theatre: Theatre, seconds: float) -> bool:
    rows, wrong = [], 0
    for story in STORIES:
        invoice, ledger = theatre.last[story.reference], theatre.organisations[story.account].ledger
        differs = differences(story, invoice, ledger)
        wrong += bool(differs)
        there = ", ".join(ledger.effects(story.reference)) or "nothing"
        ours = " · ".join(filter(None, (invoice.status, _figures(invoice))))
        theirs = " · ".join(filter(None, (there, _held_there(ledger, story.reference))))
        rows.append(
            (story.reference, ours, theirs, f"NO: {', '.join(differs)}" if differs else "yes")
        )
    console = theatre.console
    console.print("What we say, and what the provider's ledger says:\n")
    console.print(compared(rows))
    _person(theatre)
    if wrong:
        theatre.worker.failed = True
        console.print(
            f"{wrong} of {len(STORIES)} did NOT come out as they should.", style="bold red"
        )
        console.print(f"The worker's log is {theatre.worker.log}", soft_wrap=True)
        return False
    console.print(
        f"All {len(STORIES)} agree, after {seconds:.0f} s: one correct invoice per reference, or "
        "none where it was taken back or waits for a person.",
        style="bold green",
    )
    return True


def _person(theatre: Theatre) -> None:
    """What whoever looks after parked invoices would be told."""
    for invoice in theatre.last.values():
        if invoice.problem:
            console = theatre.console
            console.print(f"{invoice.reference}. {trouble(invoice.problem)}", soft_wrap=True)
            console.print(f"  Possible: {', '.join(invoice.problem.actions)}, or cancel\n")


async def _kept(theatre: Theatre) -> None:
    """Leave it up until Ctrl-C."""
    address, ui = theatre.server.address, theatre.server.ui
    url = theatre.organisations["default"].url
    theatre.console.print(
        f"""
All of it stays up until Ctrl-C. Web UI: {ui}
In another terminal, in this folder:

  export TEMPORAL_ADDRESS={address} INVOICING_WEB_UI={ui}
  alias starter='{sys.executable} starter.py'

  starter list
  starter show refused
  starter resolve refused correct --reason "no direct debit agreed" \\
    --document sandbox/examples/refused-corrected.json
  starter watch refused

  starter start sandbox/examples/held.json --wait
  starter release EXAMPLE-2 --reason "checked"

Let the provider hang up after it has stored the next draft, then ask for an invoice:

  curl {url}/_sandbox/faults -d '{{"step": "create", "fault": "reset", "when": "after"}}'
  starter start sandbox/examples/invoice.json --wait
""",
        soft_wrap=True,
    )
    told = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, told.set)
    await theatre.worker.outlives(_until(told))


async def _until(told: asyncio.Event) -> None:
    await told.wait()

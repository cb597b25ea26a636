"""What is done to it, in order; each step leaves everything running, and says what it did."""

from __future__ import annotations

import shutil
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import httpx

from drill.invoices import Invoices
from drill.place import Place, World
from drill.programs import DrillFailed


@dataclass
class Drill:
    """Where it takes place, and what is asked for there."""

    folder: Path
    world: World
    place: Place
    invoices: Invoices

    @classmethod
    def at(cls, folder: Path, world: World, http: httpx.AsyncClient) -> Drill:
        """Nothing runs yet."""
        return cls(folder, world, world.place("first"), Invoices(http))


async def up(drill: Drill) -> str:
    """Bring everything up."""
    await drill.place.up("worker-1", "one")
    await drill.place.starter("rollout", "promote", "one", "--checked")
    return f"{drill.place.kind}, the register on PostgreSQL, five providers, a worker"


async def asked_for(drill: Drill) -> str:
    """Ask for invoices at all providers, some of them held."""
    await drill.invoices.ask(drill.place, 2, hold=True)
    await drill.invoices.ask(drill.place, 2)
    return (
        f"{len(drill.invoices.wanted)} asked for by REST, {len(drill.invoices.held)} of them held"
    )


async def worker_killed(drill: Drill) -> str:
    """Kill the worker in the middle of its calls; a second takes over, and the first comes back."""
    await drill.place.workers["worker-1"].kill()
    await drill.place.add_worker("worker-2", "one")
    await drill.invoices.ask(drill.place, 1)
    await drill.place.add_worker("worker-1", "one")
    return "killed with calls under way; a second one went on, and the first came back beside it"


async def temporal_restarted(drill: Drill) -> str:
    """Kill Temporal with invoices under way, and start it again."""
    await drill.invoices.ask(drill.place, 1)
    await drill.place.temporal.kill()
    await drill.place.temporal.start()
    return "killed with invoices under way, and started"


async def postgres_restarted(drill: Drill) -> str:
    """Cut PostgreSQL off with invoices under way, and start it again."""
    await drill.invoices.ask(drill.place, 1)
    await drill.place.postgres.kill()
    await drill.place.postgres.start()
    await drill.invoices.settle(drill.place)
    return "cut off with invoices under way, and started; all that is not held reached its goal"


async def gateway_restarted(drill: Drill) -> str:
    """Kill the gateway, start it again, and ask for everything once more."""
    await drill.place.gateway.kill()
    await drill.place.gateway.start()
    await drill.invoices.ask_again(drill.place)
    return f"killed and started; all {len(drill.invoices.wanted)} asked for once more"


async def providers_restarted(drill: Drill) -> str:
    """Kill the providers with invoices under way; their ledgers are kept."""
    await drill.invoices.ask(drill.place, 1)
    await drill.world.providers.restart()
    return "all five killed with invoices under way, and started with the ledgers they kept"


async def upgraded(drill: Drill) -> str:
    """Move the work to workers of another build while invoices run, and take the old ones away."""
    await drill.invoices.ask(drill.place, 1)
    await drill.place.add_worker("worker-3", "two")
    said = await drill.place.starter("rollout", "promote", INVOICING_BUILD="two")
    for name in ("worker-1", "worker-2"):
        await drill.place.workers[name].stop()
    await drill.invoices.release(drill.place, 5)
    await drill.invoices.settle(drill.place)
    fits = next((line for line in said.splitlines() if "fit the code" in line), said)
    return f"{fits} Build two took over; five that began in build one were released and ended there"


async def restored_elsewhere(drill: Drill) -> str:
    """Take a backup while it runs, lose the place, and go on at another one from the backup."""
    await drill.invoices.until_held(drill.place)
    backup = drill.folder / "backup"
    await drill.place.backup(backup)
    await drill.place.down()
    drill.place = drill.world.place("second")
    await drill.place.made_of(backup, "worker-4", "two")
    held = len(drill.invoices.held)
    await drill.invoices.release(drill.place, held)
    await drill.invoices.ask(drill.place, 1)
    await drill.invoices.settle(drill.place)
    megabytes = sum(file.stat().st_size for file in backup.iterdir()) / 1e6
    return f"a backup of {megabytes:.1f} MB; {held} held ones released there, and 5 new ones made"


async def compared(drill: Drill) -> str:
    """Compare what we say of every invoice with what the providers' ledgers say."""
    wrong = await drill.invoices.differences(drill.place, drill.world.providers.urls)
    if wrong:
        raise DrillFailed("the ledgers do not agree with us:\n" + "\n".join(wrong))
    number = len(drill.invoices.wanted)
    return (
        f"{number} asked for, {number} made, each once, to the cent; nothing that nobody asked for"
    )


async def down(drill: Drill) -> str:
    """Stop everything."""
    await drill.world.down()
    shutil.rmtree(drill.folder / "backup")
    return "everything stopped"


STEPS: tuple[tuple[str, Callable[[Drill], Awaitable[str]]], ...] = (
    ("up", up),
    ("invoices", asked_for),
    ("worker", worker_killed),
    ("Temporal", temporal_restarted),
    ("PostgreSQL", postgres_restarted),
    ("gateway", gateway_restarted),
    ("providers", providers_restarted),
    ("upgrade", upgraded),
    ("backup", restored_elsewhere),
    ("ledgers", compared),
    ("down", down),
)

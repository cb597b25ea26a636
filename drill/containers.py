"""The drill's place in containers: docker-compose.yml, by the lines that are documented."""

from __future__ import annotations

import asyncio
import secrets
import time
from pathlib import Path

from drill.checkout import Checkout, stand_in
from drill.engine import Engine
from drill.place import GATEWAY_READY, KINDS, WORKER_READY, Place, Stopped
from drill.programs import DrillFailed, free_ports, ran

UP = "docker compose up --build --detach --wait"
BACKUP = """\
docker compose exec -T postgresql pg_dumpall --username temporal --exclude-database register \\
  | gzip > temporal.sql.gz
docker compose exec -T postgresql pg_dump --username temporal --create register \\
  | gzip > register.sql.gz
"""
RESTORE = """\
docker compose up --detach --wait postgresql
gunzip -c temporal.sql.gz register.sql.gz \\
  | docker compose exec -T postgresql psql --quiet --username temporal postgres
docker compose up --detach --wait
"""
LONG = 900.0
"""Seconds for what builds images, or waits for all of it to be healthy."""


class Container:
    """One container. `ready`: what it writes once it serves; empty: its health check says so."""

    def __init__(self, engine: Engine, name: str, ready: str = "") -> None:
        self._engine = engine
        self._name = name
        self._ready = ready

    async def kill(self) -> None:
        """SIGKILL; compose's restart policy leaves alone what was killed by hand."""
        await self._engine("kill", self._name)

    async def stop(self) -> None:
        """SIGTERM, and SIGKILL after the time that compose gives it."""
        await self._engine("stop", self._name)

    async def start(self) -> None:
        """See `Part`."""
        begun = f"{time.time():.6f}"
        await self._engine("start", self._name)
        for _ in range(400):
            if await self._serves(begun):
                return
            await asyncio.sleep(0.3)
        said = await self._engine("logs", "--tail", "10", self._name)
        raise DrillFailed(f"{self._name} is not ready. Its last words:\n{said}")

    async def _serves(self, begun: str) -> bool:
        if self._ready:
            return self._ready in await self._engine("logs", "--since", begun, self._name)
        health = "{{.State.Health.Status}}"
        return await self._engine("inspect", "--format", health, self._name) == "healthy"


class Project:
    """`docker compose` with one compose file, in a copy of the checkout."""

    def __init__(self, engine: Engine, checkout: Checkout, file: Path) -> None:
        self.engine = engine
        self.build = ""
        self._checkout = checkout
        self._file = file

    def has_build(self, name: str) -> None:
        """What is made from now on is of this build."""
        self.build = name
        self._checkout.build(name)

    async def __call__(self, *arguments: str, within: float = 120) -> str:
        """What `docker compose` says. Raises DrillFailed where it fails."""
        return await self._ran("docker", "compose", *arguments, within=within)

    async def lines(self, lines: str, cwd: Path | None = None) -> str:
        """What documented lines of a shell say. Raises DrillFailed where one fails."""
        return await self._ran("bash", "-euo", "pipefail", "-c", lines, within=LONG, cwd=cwd)

    async def part(self, service: str, ready: str = "") -> Container:
        """The one container of a service."""
        (name,) = await self.containers(service)
        return Container(self.engine, name, ready)

    async def containers(self, service: str) -> list[str]:
        """All its containers, running or not."""
        return (await self("ps", "--all", "--quiet", service)).split()

    async def _ran(self, *command: str, within: float, cwd: Path | None = None) -> str:
        how = {
            "COMPOSE_FILE": str(self._file),
            "COMPOSE_ENV_FILES": str(self._checkout.folder / ".env"),
            "COMPOSE_PROFILES": "stand-ins",
            "COMPOSE_PROGRESS": "quiet",
            "DRILL_BUILD": self.build,
        }
        variables = {**self.engine.variables, **how}
        where = cwd or self._checkout.folder
        return await ran(*command, within=within, cwd=where, variables=variables)


class ContainerProviders:
    """Every stand-in, a service of compose's with a ledger in a volume."""

    def __init__(self, ports: dict[str, int]) -> None:
        self.urls = {name: f"http://127.0.0.1:{ports[stand_in(name)]}" for name in KINDS}
        self.project: Project | None = None
        """Where they run now."""

    async def restart(self) -> None:
        """See `Providers`."""
        if self.project is None:
            raise DrillFailed("no stand-ins run")
        for name in KINDS:
            container = await self.project.part(stand_in(name), "http://")
            await container.kill()
            await container.start()


class ContainerPlace:
    """See `Place`."""

    kind = "docker-compose.yml: Temporal's server on PostgreSQL"

    def __init__(self, project: Project, url: str, token: str, log: Path) -> None:
        self.gateway_url = url
        self.token = token
        self.workers: dict[str, Stopped] = {}
        self.project = project
        self._log = log
        self._parts: dict[str, Container] = {}
        self._runs = False

    @property
    def gateway(self) -> Container:
        """See `Place`."""
        return self._parts["gateway"]

    @property
    def temporal(self) -> Container:
        """See `Place`."""
        return self._parts["temporal"]

    @property
    def postgres(self) -> Container:
        """See `Place`."""
        return self._parts["postgresql"]

    async def up(self, worker: str, build: str) -> None:
        """See `Place`; by the line that docker-compose.yml begins with."""
        self._runs = True
        self.project.has_build(build)
        for service in ("worker", stand_in(next(iter(KINDS)))):
            # Once each. `up` builds all side by side, and an engine without BuildKit does the
            # same work for every one of them.
            await self.project("build", service, within=LONG)
        await self.project.lines(UP)
        await self._find(worker)

    async def made_of(self, backup: Path, worker: str, build: str) -> None:
        """See `Place`; by the lines of docs/upgrade.md."""
        self._runs = True
        self.project.has_build(build)
        await self.project.lines(RESTORE, cwd=backup)
        await self._find(worker)

    async def _find(self, worker: str) -> None:
        ready = {"gateway": GATEWAY_READY, "temporal": "", "postgresql": ""}
        for service, words in ready.items():
            self._parts[service] = await self.project.part(service, words)
        self.workers[worker] = await self.project.part("worker", WORKER_READY)

    async def backup(self, folder: Path) -> None:
        """See `Place`; by the lines of docs/upgrade.md."""
        await asyncio.to_thread(folder.mkdir)
        await self.project.lines(BACKUP, cwd=folder)

    async def add_worker(self, name: str, build: str) -> None:
        """See `Place`. Those that run are left as they are, though a newer image may be there."""
        if name in self.workers:
            await self.workers[name].start()
            return
        if build != self.project.build:
            self.project.has_build(build)
            await self.project("build", "worker", within=LONG)
        before = await self.project.containers("worker")
        scale = f"worker={len(before) + 1}"
        await self.project("create", "--no-recreate", "--scale", scale, "worker")
        (made,) = set(await self.project.containers("worker")) - set(before)
        self.workers[name] = Container(self.project.engine, made, WORKER_READY)
        await self.workers[name].start()

    async def starter(self, *arguments: str, **variables: str) -> str:
        """See `Place`."""
        told = [f"--env={name}={value}" for name, value in variables.items()]
        command = ("worker", "python", "starter.py", *arguments)
        return await self.project("run", "--rm", "--no-deps", "-T", *told, *command)

    async def down(self) -> None:
        """See `Place`. What its containers wrote is kept beside."""
        if not self._runs:
            return
        self._runs = False
        said = await self.project("logs", "--no-color", "--timestamps")
        await asyncio.to_thread(self._log.write_text, said)
        await self.project("down", "--volumes", "--timeout", "30", within=LONG)


class ContainerWorld:
    """See `World`."""

    def __init__(self, folder: Path, *, own: bool) -> None:
        self._folder = folder
        self._engine = Engine(folder, own=own)
        self._checkout = Checkout(folder / "checkout")
        self._name = f"drill-{secrets.token_hex(3)}"
        self._ledgers = f"{self._name}-ledgers"
        services = ("gateway", "temporal", "temporal-ui", *map(stand_in, KINDS))
        self._ports = dict(zip(services, free_ports(len(services)), strict=True))
        self.providers = ContainerProviders(self._ports)
        self._places: list[ContainerPlace] = []

    async def ready(self) -> str:
        """See `World`. Images are made where the engine is the drill's own, else pulled."""
        engine = await self._engine.start()
        await asyncio.to_thread(self._checkout.make)
        if self._engine.own:
            await self._engine.make_images()
        else:
            await self._pull()
        await self._engine("volume", "create", self._ledgers)
        version = await self._engine("compose", "version", "--short")
        images = [f"{name}: {await self._engine.origin(name)}" for name in self._checkout.images()]
        return "\n".join([f"containers: {engine}, Compose {version}", *images])

    async def _pull(self) -> None:
        try:
            for name in self._checkout.images():
                if await self._engine.lacks("image", "inspect", name):
                    await self._engine("pull", "--quiet", name, within=LONG)
        except DrillFailed as error:
            raise DrillFailed(f"{error}\ndeploy/images/make.sh makes what is not there") from None

    def place(self, name: str) -> Place:
        """See `World`; not before it is ready."""
        file = self._checkout.compose(f"{self._name}-{name}", self._ports, self._ledgers)
        project = Project(self._engine, self._checkout, file)
        self.providers.project = project
        url = f"http://127.0.0.1:{self._ports['gateway']}"
        log = self._folder / f"{name}.log"
        self._places.append(ContainerPlace(project, url, self._checkout.token, log))
        return self._places[-1]

    async def down(self) -> None:
        """See `World`. Images are kept for the next drill, unless they have lost their name."""
        if not self._engine.answers:
            return
        try:
            for place in self._places:
                await place.down()
            if not await self._engine.lacks("volume", "inspect", self._ledgers):
                await self._engine("volume", "rm", self._ledgers)
            of_drills = ("--filter", "label=invoicing.build")
            await self._engine("image", "prune", "--force", *of_drills, within=LONG)
        finally:
            await self._engine.stop()

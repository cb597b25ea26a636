"""The container engine: one that answers, or Debian's own, started for the drill alone."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from drill.programs import ROOT, DrillFailed, Program, ran

COMPOSE_SINCE = (2, 30)
_TOLD = ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG")
_MADE_HERE = '{{index .Config.Labels "invoicing.made-here"}}'


class Engine:
    """What containers run in. `own`: it is started, and stopped, by the drill."""

    def __init__(self, folder: Path, *, own: bool) -> None:
        self.own = own
        self.variables: Mapping[str, str] = {
            name: os.environ[name] for name in _TOLD if name in os.environ
        }
        self._daemon: Program | None = None
        if own:
            socket = f"unix://{folder / 'docker.sock'}"
            self.variables = {"DOCKER_HOST": socket}
            self._daemon = Program(
                "dockerd",
                folder,
                (
                    *("dockerd", "--host", socket, "--data-root", str(_kept())),
                    *("--exec-root", str(folder / "exec"), "--pidfile", str(_kept() / "pid")),
                ),
                ready="API listen on",
            )

    async def start(self) -> str:
        """Have it answer; what it is, in words. Raises DrillFailed."""
        if self._daemon is not None:
            if os.getuid() != 0 or shutil.which("dockerd") is None:
                what = "no container engine answers, and none can be started here"
                raise DrillFailed(f"{what}: as root, `apt-get install docker.io iptables`")
            _kept().mkdir(parents=True, exist_ok=True)
            await self._daemon.start()
        # Without its plug-in for builds, compose has the engine build by itself.
        if await self.lacks("buildx", "version"):
            self.variables = {**self.variables, "DOCKER_BUILDKIT": "0"}
        version = await self("version", "--format", "{{.Server.Version}}")
        return f"container engine {version}{', started for this' if self.own else ''}"

    async def make_images(self) -> None:
        """Make what cannot be pulled. The first time takes long. Raises DrillFailed."""
        process = await asyncio.create_subprocess_exec(
            str(ROOT / "deploy" / "images" / "make.sh"),
            env={**os.environ, **self.variables},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
        )
        try:
            if await process.wait():
                raise DrillFailed("the images cannot be made: see above")
        finally:
            if process.returncode is None:
                process.terminate()
                await process.wait()

    async def origin(self, image: str) -> str:
        """Where an image is from: pulled, or made here and how it differs. Raises DrillFailed."""
        said = await self("image", "inspect", "--format", _MADE_HERE, image)
        return f"made here: {said}" if said else "as published"

    async def stop(self) -> None:
        """Stop it, where it was started for this."""
        if self._daemon is not None:
            await self._daemon.stop()

    @property
    def answers(self) -> bool:
        """Whether there is any sense in asking it for something."""
        return self._daemon is None or self._daemon.running

    async def __call__(self, *arguments: str, within: float = 120) -> str:
        """What `docker` says. Raises DrillFailed where it fails."""
        return await ran("docker", *arguments, within=within, variables=self.variables)

    async def lacks(self, *arguments: str) -> bool:
        """Whether `docker` fails at this."""
        try:
            await self(*arguments)
        except DrillFailed:
            return True
        return False


async def lacking() -> str:
    """Why no containers can run by the engine at hand; empty if they can."""
    if shutil.which("docker") is None:
        return "docker is not installed"
    told = {name: os.environ[name] for name in _TOLD if name in os.environ}
    try:
        await ran("docker", "version", within=30, variables=told)
    except DrillFailed:
        return "no container engine answers"
    try:
        version = await ran("docker", "compose", "version", "--short", variables=told)
    except DrillFailed:
        return "`docker compose` is missing"
    found = tuple(int(part) for part in re.findall(r"\d+", version)[:2])
    return "" if found >= COMPOSE_SINCE else f"Compose is {version}, and older than 2.30"


def _kept() -> Path:
    """Where an engine of the drill's own has its images: they are made once."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "durable-invoicing" / "engine"

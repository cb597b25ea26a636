"""Where Temporal's command line is on this machine, and whether it is of use."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

CLI_VERSION = "1.5.1"
"""The newest release of Temporal's command line that `go install` accepts: later ones carry a
`replace` directive. It holds server 1.29.1."""

MINIMUM_SERVER = (1, 29)
"""The oldest server this project was run against; update-with-start needs it."""


class ServerUnavailable(RuntimeError):
    """There is no Temporal server, and the sentence says what was tried and what to do."""


class NotThisWay(Exception):
    """One way of finding or making the binary did not lead anywhere; there may be others."""


def cache_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """The per-user folder that keeps the server's binary, created if it is missing."""
    folder = Path(environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "durable-invoicing"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ServerUnavailable(
            f"The cache folder {folder} cannot be made ({error.strerror}); "
            "set XDG_CACHE_HOME to a folder that can be written to."
        ) from error
    return folder


def built_path(cache: Path) -> Path:
    """Where a server is kept that was built here."""
    return cache / f"temporal-{CLI_VERSION}-{platform.system()}-{platform.machine()}"


def downloaded_path(cache: Path) -> Path:
    """Where a server is kept that the SDK downloaded."""
    sdk = importlib.metadata.version("temporalio")
    return cache / f"temporal-sdk-{sdk}-{platform.system()}-{platform.machine()}"


def found(environ: Mapping[str, str]) -> Path | None:
    """The binary that is there already; ServerUnavailable if TEMPORAL_BINARY names none of use."""
    if given := environ.get("TEMPORAL_BINARY"):
        return _given(given)
    if on_path := shutil.which("temporal", path=environ.get("PATH")):
        try:
            return checked(Path(on_path))
        except NotThisWay as reason:
            sys.stderr.write(f"Passing over the `temporal` on PATH: {reason}.\n")
    return cached(cache_folder(environ))


def _given(name: str) -> Path:
    path = shutil.which(Path(name).expanduser())
    try:
        if path is None:
            raise NotThisWay("there is no executable file of that name")
        return checked(Path(path).absolute())
    except NotThisWay as reason:
        raise ServerUnavailable(
            f"TEMPORAL_BINARY is {name}, but {reason}; mend it, or unset it to have one found."
        ) from reason


def cached(cache: Path) -> Path | None:
    """What an earlier run left there, if it still works."""
    for path in (built_path(cache), downloaded_path(cache)):
        if path.exists():
            with suppress(NotThisWay):
                return checked(path)
    return None


def checked(path: Path) -> Path:
    """The path, if it answers like Temporal's command line with a server inside; NotThisWay."""
    try:
        answer = subprocess.run(
            [path, "--version"],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=20,
            check=True,
            env=without_temporal(os.environ),
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise NotThisWay(f"`{path} --version` does not run") from error
    version = re.search(r"Server (\d+)\.(\d+)", answer.stdout)
    if version is None:
        raise NotThisWay(f"`{path} --version` does not name a Temporal server")
    if (int(version[1]), int(version[2])) < MINIMUM_SERVER:
        wanted = ".".join(map(str, MINIMUM_SERVER))
        raise NotThisWay(f"its server is {version[1]}.{version[2]}, older than {wanted}")
    return path


def without_temporal(environ: Mapping[str, str]) -> dict[str, str]:
    """TEMPORAL_… configures clients; the server's command line would read it as flags."""
    return {name: value for name, value in environ.items() if not name.startswith("TEMPORAL_")}

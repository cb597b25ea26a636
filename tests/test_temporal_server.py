"""Finding, making and running a local Temporal server. Nothing here needs a network."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from temporalio.client import Client
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes
from temporalio.service import RPCError

from temporal_server import LocalServer, ServerUnavailable, local_server, resolve_binary, run
from temporal_server.__main__ import main
from temporal_server.installing import build
from temporal_server.installing.find import built_path, cache_folder, downloaded_path
from temporal_server.namespace import register_missing
from temporal_server.ports import free_port
from tests.patience import LONG_ENOUGH
from tests.tiers import detail, slow

_ROOT = Path(run.__file__).parent.parent
_ANSWER = "temporal version 1.5.1 (Server 1.29.1, UI 2.42.1)"
_OFFLINE = "raise SystemExit('the network is down')"


def _script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def _binary(path: Path, answer: str = _ANSWER) -> Path:
    return _script(path, f"echo '{answer}'")


def _fake_go(folder: Path) -> Path:
    """A `go` that notes each installation in builds.txt and takes a moment to install."""
    made = f"#!/bin/sh\\necho '{_ANSWER}'\\n"
    return _script(
        folder / "go",
        f"""
echo "$PWD $GOWORK $GOFLAGS ${{GOOS-none}} $*" >> {folder}/builds.txt
echo 'go: downloading example.com/module v1.0.0' >&2
/bin/sleep 0.3
printf "{made}" > "$GOBIN/temporal"
/bin/chmod 755 "$GOBIN/temporal"
""",
    )


class _Machine:
    """A made-up machine: an environment with its own PATH and cache, and no network."""

    def __init__(self, folder: Path) -> None:
        self.bin = folder / "bin"
        self.bin.mkdir()
        self.environ = {"PATH": str(self.bin), "XDG_CACHE_HOME": str(folder / "cache")}
        self.cache = cache_folder(self.environ)

    @property
    def builds(self) -> list[str]:
        notes = self.bin / "builds.txt"
        return notes.read_text().splitlines() if notes.exists() else []


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> _Machine:
    monkeypatch.setattr(build, "_DOWNLOAD", _OFFLINE)
    return _Machine(tmp_path)


# Finding


def test_the_ways_are_tried_in_their_order(
    machine: _Machine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    given = _binary(tmp_path / "elsewhere" / "temporal-mine")
    on_path = _binary(machine.bin / "temporal")
    cached = _binary(built_path(machine.cache))
    downloaded = downloaded_path(machine.cache)
    monkeypatch.setattr(build, "_DOWNLOAD", _fake_download(given))
    _fake_go(machine.bin)

    assert resolve_binary({**machine.environ, "TEMPORAL_BINARY": str(given)}) == given
    assert resolve_binary(machine.environ) == on_path
    on_path.unlink()
    assert resolve_binary(machine.environ) == cached
    cached.unlink()
    assert resolve_binary(machine.environ) == downloaded
    downloaded.unlink()
    monkeypatch.setattr(build, "_DOWNLOAD", _OFFLINE)
    assert resolve_binary(machine.environ) == cached
    assert len(machine.builds) == 1


def _fake_download(binary: Path) -> str:
    return (
        "import shutil, sys\n"
        f"shutil.copy({str(binary)!r}, sys.argv[1] + '/temporal-sdk-python-1.35.0')\n"
        "sys.exit('and then its server did not start')"
    )


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "no executable file"),
        ("exit 3", "does not run"),
        ("echo 'temporal 7, a calculator'", "does not name a Temporal server"),
        ("echo 'temporal version 1.0.0 (Server 1.24.2, UI 2.1.0)'", "older than 1.29"),
    ],
)
def test_a_given_but_broken_binary_is_an_error_and_nothing_else_is_tried(
    machine: _Machine, tmp_path: Path, content: str | None, reason: str
) -> None:
    given = tmp_path / "temporal-mine"
    if content is not None:
        _script(given, content)
    _binary(machine.bin / "temporal")
    with pytest.raises(ServerUnavailable, match=reason) as caught:
        resolve_binary({**machine.environ, "TEMPORAL_BINARY": str(given)})
    assert f"TEMPORAL_BINARY is {given}" in str(caught.value)


def test_a_stranger_called_temporal_on_path_is_passed_over_aloud(
    machine: _Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    _script(machine.bin / "temporal", "echo 'temporal 7, a calculator'")
    cached = _binary(built_path(machine.cache))
    assert resolve_binary(machine.environ) == cached
    assert "Passing over the `temporal` on PATH" in capsys.readouterr().err


def test_a_damaged_cache_is_made_anew(machine: _Machine) -> None:
    damaged = _script(built_path(machine.cache), "exit 1")
    _fake_go(machine.bin)
    assert resolve_binary(machine.environ) == damaged
    assert "Server 1.29.1" in damaged.read_text()


def test_when_nothing_works_one_sentence_lists_the_ways(machine: _Machine) -> None:
    with pytest.raises(ServerUnavailable) as caught:
        resolve_binary(machine.environ)
    message = str(caught.value)
    assert "download: the network is down" in message
    assert "go install: `go` is not on PATH" in message
    for way in ("TEMPORAL_ADDRESS", "TEMPORAL_BINARY", "PATH", "download it", "install Go 1.25"):
        assert way in message
    assert "\n" not in message


def test_a_cache_that_cannot_be_written_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ServerUnavailable, match="set XDG_CACHE_HOME"):
        resolve_binary({"PATH": "", "XDG_CACHE_HOME": str(tmp_path / "file")})


# Downloading


@pytest.fixture
def silent_proxy() -> Iterator[str]:
    """Takes connections and never says a word, like a firewall that drops packets."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@detail
def test_a_download_that_hangs_is_given_up(tmp_path: Path, silent_proxy: str) -> None:
    machine = _Machine(tmp_path)
    environ = {**machine.environ, "HTTPS_PROXY": silent_proxy, "https_proxy": silent_proxy}
    begun = time.monotonic()
    with pytest.raises(ServerUnavailable, match="download: not done after 1 s"):
        resolve_binary(environ, download_limit=1)
    assert time.monotonic() - begun < LONG_ENOUGH
    assert [file.name for file in machine.cache.iterdir()] == ["temporal.lock"]


# Building


@slow
def test_two_processes_at_once_make_one_build(machine: _Machine) -> None:
    _fake_go(machine.bin)
    program = (
        "from temporal_server.installing import build\n"
        f"build._DOWNLOAD = {_OFFLINE!r}\n"
        f"print(build.resolve_binary({machine.environ!r}))"
    )
    with contextlib.ExitStack() as running:
        both = [
            running.enter_context(
                subprocess.Popen([sys.executable, "-c", program], cwd=_ROOT, stdout=-1, stderr=-1)
            )
            for _ in range(2)
        ]
        answers = {process.communicate(timeout=30)[0].decode().strip() for process in both}
    assert answers == {str(built_path(machine.cache))}
    assert len(machine.builds) == 1


def test_the_build_is_not_bent_by_the_surroundings_and_leaves_nothing_behind(
    machine: _Machine,
) -> None:
    _fake_go(machine.bin)
    surroundings = {"GOFLAGS": "-mod=vendor -buildvcs=false", "GOOS": "plan9", "GOWORK": "x"}
    built = resolve_binary({**machine.environ, **surroundings})
    [build] = machine.builds
    folder, rest = build.split(" ", 1)
    assert Path(folder).parent == machine.cache.resolve()
    assert rest == f"off -buildvcs=false -mod=mod none install -v -ldflags=-s -w {_MODULE}"
    assert {file.name for file in machine.cache.iterdir()} == {built.name, "temporal.lock"}


_MODULE = "github.com/temporalio/cli/cmd/temporal@v1.5.1"


def test_a_build_that_fails_tells_the_last_thing_go_said(machine: _Machine) -> None:
    _script(machine.bin / "go", 'echo "go: downloading"; echo "no route" >&2; exit 1')
    with pytest.raises(ServerUnavailable, match="go install: no route"):
        resolve_binary(machine.environ)


# Running


@pytest.fixture(scope="session")
def real_binary() -> Path:
    try:
        return resolve_binary()
    except ServerUnavailable as problem:
        if os.environ.get("TESTS_REQUIRE_SERVER"):
            raise
        pytest.skip(str(problem))


@pytest.fixture
def real(monkeypatch: pytest.MonkeyPatch, real_binary: Path) -> None:
    monkeypatch.setenv("TEMPORAL_BINARY", str(real_binary))
    monkeypatch.delenv("TEMPORAL_ADDRESS", raising=False)


async def _start_waiting(client: Client, attributes: Mapping[str, str]) -> str:
    """Start a workflow that nobody works on: the server alone has to remember it."""
    pairs: list[SearchAttributePair[Any]] = [
        SearchAttributePair(SearchAttributeKey.for_keyword(name), value)
        for name, value in attributes.items()
    ]
    handle = await client.start_workflow(
        "Waiting",
        id=str(uuid4()),
        task_queue="nobody",
        search_attributes=TypedSearchAttributes(pairs),
    )
    return handle.id


@slow
async def test_a_stopped_server_starts_again_where_it_was(real: None, tmp_path: Path) -> None:
    async with local_server(database=tmp_path / "kept.db", own=True) as server:
        address = server.address
        client = await Client.connect(address)
        workflow = await _start_waiting(client, {"InvoiceProvider": "canary"})
        await server.stop()
        with pytest.raises((RPCError, RuntimeError)):
            await Client.connect(address)
        await server.start()
        assert server.address == address
        client = await Client.connect(address)
        description = await client.get_workflow_handle(workflow).describe()
        provider = SearchAttributeKey.for_keyword("InvoiceProvider")
        assert description.typed_search_attributes[provider] == "canary"


@slow
async def test_a_database_from_before_gains_the_attributes_it_lacks(
    real: None, tmp_path: Path
) -> None:
    database = tmp_path / "old.db"
    async with local_server(database=database, own=True, search_attributes={}):
        pass
    async with local_server(database=database, own=True) as server:
        client = await Client.connect(server.address)
        await _start_waiting(client, {"WaitingFor": "nobody"})


async def test_the_web_interface_answers_where_it_says(real: None) -> None:
    async with local_server(ui=True, own=True) as server:
        assert server.ui is not None
        host, port = server.ui.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        with contextlib.closing(writer):
            writer.write(f"GET / HTTP/1.0\r\nHost: {host}\r\n\r\n".encode())
            assert b" 200 " in await reader.readline()


@detail
async def test_a_port_in_use_is_refused_instead_of_taking_the_other_server_for_ours(
    real: None,
) -> None:
    async with local_server(own=True) as first:
        port = int(first.address.split(":")[1])
        with pytest.raises(ServerUnavailable, match=f"Port {port} is taken"):
            async with local_server(own=True, port=port):
                pass


@slow
def test_the_server_ends_with_its_owner_even_one_that_is_killed(real: None) -> None:
    program = (
        "import asyncio\n"
        "from temporal_server import local_server\n"
        "async def main():\n"
        "    async with local_server(own=True) as server:\n"
        "        print(server.address, flush=True)\n"
        "        await asyncio.Event().wait()\n"
        "asyncio.run(main())\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], cwd=_ROOT, stdout=-1) as owner:
        assert owner.stdout is not None
        port = int(owner.stdout.readline().decode().split(":")[1])
        assert _listens(port)
        owner.send_signal(signal.SIGKILL)
    end = time.monotonic() + LONG_ENOUGH
    while _listens(port):
        assert time.monotonic() < end, "the server outlived its owner"


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


async def test_an_address_that_is_given_is_used_and_gets_its_attributes(
    real: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with local_server(search_attributes={}, own=True) as theirs:
        monkeypatch.setenv("TEMPORAL_ADDRESS", theirs.address)
        async with local_server() as server:
            assert (server.address, server.ours) == (theirs.address, False)
            client = await Client.connect(server.address)
            await _start_waiting(client, {"InvoiceReference": "R-1"})
            with pytest.raises(ServerUnavailable, match="not ours to stop"):
                await server.stop()
        await client.service_client.check_health()


async def test_a_given_address_where_nobody_answers_is_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", f"127.0.0.1:{free_port()}")
    with pytest.raises(ServerUnavailable, match="no Temporal server answers there"):
        async with local_server():
            pass


@detail
async def test_registering_twice_is_harmless_and_another_type_is_an_error(real: None) -> None:
    async with local_server(own=True) as server:
        client = await Client.connect(server.address)
        await asyncio.gather(*(register_missing(client, {"Seen": "Int"}) for _ in "ab"))
        with pytest.raises(ServerUnavailable, match="Seen exists at the server, but not as Text"):
            await register_missing(client, {"Seen": "Text"})


def _fake_server(folder: Path, behaviour: str) -> Path:
    return _script(
        folder / "temporal",
        f"if [ \"$1\" = --version ]; then echo '{_ANSWER}'; exit; fi\n{behaviour}",
    )


async def test_a_server_that_ends_at_once_is_quoted(tmp_path: Path) -> None:
    binary = _fake_server(tmp_path, "echo 'unknown flag: --sideways' >&2; exit 1")
    server = LocalServer(binary, free_port())
    with pytest.raises(ServerUnavailable, match="unknown flag: --sideways"):
        await server.start()
    assert not server.running


async def test_a_server_that_never_gets_ready_is_given_up_and_ended(tmp_path: Path) -> None:
    binary = _fake_server(tmp_path, f"echo $$ > {tmp_path}/pid; exec /bin/sleep 60")
    # Long enough for a shell to begin on a busy machine.
    server = LocalServer(binary, free_port(), start_timeout=3)
    with pytest.raises(ServerUnavailable, match="not ready after 3 s"):
        await server.start()
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_dynamic_configuration_reaches_the_server_as_json(tmp_path: Path) -> None:
    limit = "limit.historyCount.suggestContinueAsNew"
    server = LocalServer(tmp_path / "temporal", 1, dynamic_config={limit: 50})
    values = dict(word.split("=", 1) for word in server._command() if "=" in word)
    assert json.loads(values[limit]) == 50
    assert json.loads(values["history.timerProcessorMaxTimeShift"]) == "10ms"


# The command


def test_resolve_prints_the_path_and_nothing_else(
    machine: _Machine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    binary = _binary(machine.bin / "temporal-mine")
    monkeypatch.setenv("TEMPORAL_BINARY", str(binary))
    monkeypatch.delenv("TEMPORAL_ADDRESS", raising=False)
    assert main(["--resolve"]) == 0
    assert capsys.readouterr().out == f"{binary}\n"


def test_with_an_address_given_nothing_is_built(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", "temporal.example.com:7233")
    monkeypatch.setenv("TEMPORAL_BINARY", "/nowhere")
    assert main(["--resolve"]) == 0
    assert "temporal.example.com:7233" in capsys.readouterr().err


def test_a_busy_port_is_one_sentence_on_the_command_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert main(["--port", str(port)]) == 1
    assert capsys.readouterr().err.startswith(f"Port {port} is taken")


async def test_a_port_that_was_taken_meanwhile_is_no_reason_to_give_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The server picks further ports by itself; somebody may be quicker than it is."""
    begun: list[str] = []

    class Unlucky:
        async def start(self) -> None:
            begun.append("started")
            if len(begun) < 3:
                raise ServerUnavailable("It said: listen tcp 127.0.0.1:1: address already in use")

    assert isinstance(await run.started(Unlucky), Unlucky)  # type: ignore[arg-type]
    assert len(begun) == 3
    begun.clear()
    with pytest.raises(ServerUnavailable, match="already in use"):
        await run.started(Unlucky, attempts=2)  # type: ignore[arg-type]

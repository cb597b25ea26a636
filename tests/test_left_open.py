"""A test that leaves something open is blamed for it, and no other one is."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

CULPRITS = """
import asyncio

import httpx

from tests.conftest import nothing_left_open


async def test_a_client_is_forgotten() -> None:
    async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\\r\\n\\r\\n")
        writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\n\\r\\n")
        await reader.read()
        writer.close()

    async with await asyncio.start_server(hear, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()
        await httpx.AsyncClient().get(f"http://{host}:{port}")


async def test_a_server_does_not_close_what_its_client_has_closed() -> None:
    heard = asyncio.Event()

    async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        heard.set()

    async with await asyncio.start_server(hear, "127.0.0.1", 0) as server:
        _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.close()
        await heard.wait()


async def test_a_pipe_is_not_read_to_its_end() -> None:
    program = ("sh", "-c", "yes | head -c 1000000")
    process = await asyncio.create_subprocess_exec(*program, stdout=asyncio.subprocess.PIPE)
    await process.stdout.readline()
    process.kill()
    while process.returncode is None:
        await asyncio.sleep(0.01)
"""
INNOCENT = """
import asyncio

from tests.conftest import nothing_left_open


async def test_everything_is_closed() -> None:
    process = await asyncio.create_subprocess_exec("true", stdout=asyncio.subprocess.PIPE)
    await process.communicate()
"""


def test_who_left_a_transport_open_is_named_and_no_later_module_is_blamed(tmp_path: Path) -> None:
    (tmp_path / "test_culprits.py").write_text(CULPRITS)
    (tmp_path / "test_innocent.py").write_text(INNOCENT)
    command = [sys.executable, "-m", "pytest", "-c", str(ROOT / "pyproject.toml"), "-n", "0"]
    command += ["--rootdir", str(tmp_path), "-p", "no:cacheprovider", "-rA", str(tmp_path)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    said = ended.stdout + ended.stderr
    for each in (
        "a_client_is_forgotten",
        "a_server_does_not_close_what_its_client_has_closed",
        "a_pipe_is_not_read_to_its_end",
    ):
        assert f" opened in test_culprits.py::test_{each} (call)" in said
    assert "ResourceWarning: unclosed transport" in said
    # What asyncio logs of a pending task begins with the same word, and names no test.
    blamed = [line for line in said.splitlines() if re.match(r"(ERROR|FAILED) \S+\.py", line)]
    assert blamed
    assert all("test_culprits.py" in line for line in blamed)
    assert ended.returncode == 1

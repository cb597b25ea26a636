"""How it is turned on, what is said when that cannot be, and what a log line holds."""

from __future__ import annotations

import json
import logging
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import observing
from invoicing.errors import InvoicingError
from observing.logs import JsonLines
from observing.runtime import runtime
from observing.tracing import tracing
from tests.tiers import detail


def line(logger: str, message: str, *args: object, **more: object) -> dict[str, object]:
    record = logging.getLogger(logger).makeRecord(
        logger, logging.WARNING, __file__, 1, message, args, None
    )
    vars(record).update(more)
    said = JsonLines().format(record)
    assert "\n" not in said
    read: dict[str, object] = json.loads(said)
    return read


def test_a_line_of_ours_names_what_it_is_about() -> None:
    said = line("invoicing.calls", "%s: ok", "INV-7", reference="INV-7", milliseconds=3, bag={1: 2})
    assert said.pop("time")
    assert said == {
        "level": "WARNING",
        "logger": "invoicing.calls",
        "message": "INV-7: ok",
        "reference": "INV-7",
        "milliseconds": 3,
    }


@detail
def test_what_others_attach_to_their_lines_is_left_out() -> None:
    assert "request" not in line("httpx", "sent\nit", request="Quillon Canaryson")


@detail
def test_an_exception_is_part_of_its_line() -> None:
    try:
        raise LookupError("nothing there")
    except LookupError:
        said = line("invoicing.worker", "failed", exc_info=sys.exc_info())
    assert str(said["exception"]).endswith("LookupError: nothing there")


@detail
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads are counted in /proc")
@pytest.mark.parametrize(("said", "threads"), [({}, 1), ({"TOKIO_WORKER_THREADS": "3"}, 3)])
def test_the_core_runs_in_one_thread_unless_somebody_says_how_many(
    said: dict[str, str], threads: int
) -> None:
    counted = """
from pathlib import Path
from temporalio.runtime import Runtime
from observing.runtime import in_one_thread
in_one_thread()
core = Runtime.default()
print(len(list(Path("/proc/self/task").iterdir())) - 1)
"""
    inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    answer = subprocess.run(
        [sys.executable, "-c", counted], env={**inherited, **said}, check=True, capture_output=True
    )
    assert int(answer.stdout) == threads


def test_without_an_address_there_is_no_page() -> None:
    assert runtime(None) is None


@pytest.mark.parametrize("address", ["taken", "nowhere", "127.0.0.1"])
def test_an_address_that_cannot_be_had_is_said_in_a_sentence(address: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        if address == "taken":
            address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(InvoicingError, match=f"cannot be served at {address}: set INV"):
            runtime(address)


async def test_without_an_endpoint_nothing_is_traced() -> None:
    async with tracing({"OTEL_EXPORTER_OTLP_ENDPOINT": " "}, "worker") as traced:
        assert traced == []


@detail
async def test_tracing_that_is_not_installed_is_said_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    monkeypatch.delitem(sys.modules, "observing.spans", raising=False)
    monkeypatch.delattr(observing, "spans", raising=False)
    endpoint = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}
    with pytest.raises(InvoicingError, match="tracing is not installed: install opentelemetry"):
        async with tracing(endpoint, "worker"):
            raise AssertionError("it is traced all the same")

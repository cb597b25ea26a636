"""What can be watched from outside: a worker process, some invoices, and all that it shows."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import re
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer

from invoicing.client import InvoicingClient
from invoicing.document import Party
from invoicing.state.identity import TASK_QUEUE, WORKFLOW, workflow_id
from invoicing.state.invoice import Status
from invoicing.temporal.converter import data_converter
from observing.spans import Discreet, interceptor
from sandbox.kit.faults import Fault
from sandbox.kit.server import serve
from sandbox.zero_friction import Step, ZeroFrictionStandIn
from temporal_server import local_server
from tests.examples import an_invoice
from tests.observability.watching import queries
from tests.patience import LONG_ENOUGH
from tests.tiers import slow
from tests.worker_process import account_variables, worker_process
from workflows.invoice import InvoiceWorkflow

ROOT = Path(__file__).parents[2]
NOT_LIVED = {
    "invoicing_stuck",
    "invoicing_findings_open",
    "invoicing_notices_dropped_total",
    "invoicing_not_renewed_total",
}
"""What servers before 1.30 cannot tell, and what nobody lives through here."""
ASKED = re.compile(r"\b((?:invoicing|temporal)_\w+)(?:\{(.*?)\})?")
STRANGER = "Quillon Canaryson"

Sample = tuple[str, frozenset[tuple[str, str]]]
_SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


@dataclass
class Page:
    """What `/metrics` showed."""

    samples: Mapping[Sample, float]

    @classmethod
    def of(cls, text: str) -> Page:
        return cls(
            {
                (name, frozenset(_LABEL.findall(labels))): float(value)
                for name, labels, value in _SAMPLE.findall(text)
            }
        )

    def value(self, name: str, **labels: str) -> float | None:
        """The sum of all samples of this name that have these labels; None without any."""
        found = [
            value
            for (one, theirs), value in self.samples.items()
            if one == name and labels.items() <= dict(theirs).items()
        ]
        return sum(found) if found else None

    @property
    def names(self) -> set[str]:
        return {name for name, _ in self.samples}


@dataclass
class Watched:
    """All that an evening's work showed, and what it was."""

    page: Page
    lines: list[dict[str, Any]]
    spans: list[Span]
    trace: bytes
    """The id of the happy invoice's trace, as its caller began it."""
    history: WorkflowHistory

    def said(self, logger: str, **fields: Any) -> list[dict[str, Any]]:
        """The log lines of this logger with these fields."""
        of_it = [line for line in self.lines if line["logger"] == logger]
        return [line for line in of_it if fields.items() <= line.items()]


@contextlib.contextmanager
def collector() -> Iterator[tuple[str, list[Span]]]:
    """Takes traces as OpenTelemetry's own collector does: its URL, and every span that arrived."""
    spans: list[Span] = []

    class Taking(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            for of_process in ExportTraceServiceRequest.FromString(body).resource_spans:
                for of_library in of_process.scope_spans:
                    spans.extend(of_library.spans)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Taking)
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", spans
    finally:
        server.shutdown()
        serving.join()
        server.server_close()


def free_port() -> int:
    """One that no other program is given by chance until it is bound: below those that are lent."""
    while True:
        port = random.randrange(20_000, 30_000)  # noqa: S311
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


async def shown(address: str, *wanted: Sample, within: float = LONG_ENOUGH) -> Page:
    """The page once all of these are above 0; scraping is the only way to see it."""
    async with httpx.AsyncClient() as http, asyncio.timeout(within):
        while True:
            page = Page.of((await http.get(f"http://{address}/metrics")).text)
            if all(page.value(name, **dict(labels)) for name, labels in wanted):
                return page
            await asyncio.sleep(0.1)


def sample(name: str, **labels: str) -> Sample:
    return name, frozenset(labels.items())


PARKED = (
    sample("invoicing_open", kind="invoice", provider="zero_friction", status="needs_attention"),
    sample("invoicing_waiting", on="person", reason="rejected", provider="zero_friction"),
    sample(
        "invoicing_oldest_wait_seconds", on="person", reason="rejected", provider="zero_friction"
    ),
)
STUCK = sample("temporal_workflow_task_execution_failed_total")
FAILED = sample("temporal_workflow_failed_total", workflow_type=WORKFLOW)


async def _watched() -> Watched:
    """An invoice goes well, one is created unseen, one is parked, one refused, and a workflow
    stands still."""
    address = f"127.0.0.1:{free_port()}"
    kept, exporter = TracerProvider(), InMemorySpanExporter()
    kept.add_span_processor(SimpleSpanProcessor(Discreet(exporter)))
    with collector() as (otlp, spans):
        async with (
            local_server(own=True) as server,
            serve(ZeroFrictionStandIn(approval_delay=0.05, sending_delay=0.05)) as stand_in,
        ):
            environment = {
                **account_variables(stand_in),
                "TEMPORAL_ADDRESS": server.address,
                "INVOICING_PACE": "0.02",
                "INVOICING_METRICS": address,
                "INVOICING_METRICS_EVERY": "0.2",
                "INVOICING_LOG": "json",
                "OTEL_EXPORTER_OTLP_ENDPOINT": otlp,
            }
            traced = [interceptor(kept)]
            client = await InvoicingClient.connect(server.address, interceptors=traced)
            async with worker_process(environment) as worker:
                await worker.ready()
                await client.invoices.start(an_invoice("happy"))
                assert (
                    await asyncio.wait_for(client.invoices.result("happy"), LONG_ENOUGH)
                ).status is Status.SENT
                stand_in.faults.place(Step.CREATE, Fault.RESET, when="after")
                await client.invoices.start(an_invoice("lost"))
                await asyncio.wait_for(client.invoices.result("lost"), LONG_ENOUGH)
                stranger = Party(name=STRANGER, account_number="nobody")
                await client.invoices.start(an_invoice("parked", document={"buyer": stranger}))
                stuck = await client.temporal.start_workflow(
                    "OfAnotherVersion", id="stuck", task_queue=TASK_QUEUE
                )
                await client.invoices.start(an_invoice("refused", options={"no_such": True}))
                page = await shown(address, *PARKED, STUCK, FAILED)
                await stuck.terminate()
                history = await client.invoices.handle("happy").fetch_history()
                worker.signal(signal.SIGTERM)
                assert await worker.ended() == 0
    lines = [json.loads(line) for line in worker.said.splitlines()]
    begun = next(
        span for span in exporter.get_finished_spans() if span.name == f"StartWorkflow:{WORKFLOW}"
    )
    assert begun.context is not None
    return Watched(page, lines, spans, begun.context.trace_id.to_bytes(16, "big"), history)


def provider_calls_are_counted_by_what_became_of_them(watched: Watched) -> None:
    def calls(verb: str, result: str) -> float | None:
        return watched.page.value(
            "invoicing_provider_calls_total", provider="zero_friction", verb=verb, result=result
        )

    assert (calls("create", "ok"), calls("create", "unknown_outcome")) == (1, 1)
    assert (calls("approve", "ok"), calls("send", "ok")) == (2, 2)
    assert calls("look_up", "rejected") == 1
    assert watched.page.value("invoicing_provider_calls_total", verb="plan") is None
    all_of_them = watched.page.value("invoicing_provider_calls_total")
    assert watched.page.value("invoicing_provider_calls_total", account="default") == all_of_them


def provider_calls_are_timed(watched: Watched) -> None:
    name = "invoicing_provider_call_duration_seconds"
    of_creates = {"provider": "zero_friction", "verb": "create"}
    assert watched.page.value(f"{name}_count", **of_creates) == 2
    assert 0 < (watched.page.value(f"{name}_sum", **of_creates) or 0) < 5
    assert watched.page.value(f"{name}_bucket", **of_creates, le="20") == 2


def an_unknown_outcome_is_counted_with_its_end(watched: Watched) -> None:
    of_creates = {"provider": "zero_friction", "verb": "create"}
    assert watched.page.value("invoicing_unknown_outcomes_total", **of_creates) == 1
    assert watched.page.value("invoicing_outcomes_settled_total", **of_creates, how="found") == 1
    assert watched.page.value("invoicing_outcomes_settled_total") == 1


def what_waits_is_counted_from_the_lists(watched: Watched) -> None:
    status, waiting, oldest = (
        watched.page.value(name, **dict(labels)) or 0 for name, labels in PARKED
    )
    assert (status, waiting) == (1, 1)
    assert 0 < oldest < 60


def labels_name_nobody(watched: Watched) -> None:
    values = {value for _, labels in watched.page.samples for _, value in labels}
    assert not {value for value in values if "happy" in value or "Canary" in value}


def every_metric_that_is_asked_for_is_there(watched: Watched) -> None:
    """By an alert or by the dashboard, with the labels that it asks for."""
    for query in queries():
        for name, matched in ASKED.findall(query):
            if name in NOT_LIVED:
                continue
            theirs = [dict(labels) for one, labels in watched.page.samples if one == name]
            assert theirs, name
            wanted = set(re.findall(r"(\w+)\s*(?:=|!)", matched))
            assert any(wanted <= labels.keys() for labels in theirs), (name, wanted)
        for by in re.findall(r"by \(([^)]*)\)", query):
            names = {name for name, _ in ASKED.findall(query)} - NOT_LIVED
            if not names:
                continue
            known = {
                label
                for name, labels in watched.page.samples
                if name in names
                for label, _ in labels
            }
            assert set(by.split(", ")) <= known, query


def what_this_evening_does_not_show_is_counted_by_our_code(watched: Watched) -> None:
    folders = (ROOT / "workflows", ROOT / "activities", ROOT / "observing")
    code = "".join(path.read_text() for folder in folders for path in folder.rglob("*.py"))
    assert {name for name in NOT_LIVED if f'"{name.removesuffix("_total")}"' not in code} == set()


def each_call_and_each_status_is_one_line(watched: Watched) -> None:
    (created,) = watched.said("invoicing.calls", reference="happy", verb="create")
    assert created["level"] == "INFO"
    assert (created["provider"], created["account"]) == ("zero_friction", "default")
    assert created["result"] == "ok"
    assert 0 <= created["milliseconds"] < 5000
    statuses = [line["status"] for line in watched.said("invoicing.workflow", reference="happy")]
    assert statuses == sorted(set(statuses), key=list(Status).index)
    assert statuses[-1] == "sent"
    (parked,) = watched.said("invoicing.workflow", reference="parked", reason="rejected")
    assert parked["status"] == "needs_attention"


def a_trace_leads_from_the_request_to_every_call(watched: Watched) -> None:
    of_it = [span for span in watched.spans if span.trace_id == watched.trace]
    names = [span.name for span in of_it]
    for verb in ("plan", "create", "approve", "send"):
        assert names.count(f"RunActivity:{verb}") == 1
    assert f"RunWorkflow:{WORKFLOW}" in names
    ids = {each.value.string_value for span in of_it for each in span.attributes}
    assert workflow_id("happy") in ids


def spans_leave_without_what_an_error_said(watched: Watched) -> None:
    events = [event for span in watched.spans for event in span.events]
    assert {each.key for event in events for each in event.attributes} == {"exception.type"}
    assert not any(span.status.message for span in watched.spans)
    assert STRANGER not in str(watched.spans)


async def a_traced_life_is_one_that_nobody_traced(watched: Watched) -> None:
    """Headers are all that tracing adds: without it, the same history fits."""
    replayer = Replayer(workflows=[InvoiceWorkflow], data_converter=data_converter)
    await replayer.replay_workflow(watched.history)


CHECKS: tuple[Callable[[Watched], None], ...] = (
    provider_calls_are_counted_by_what_became_of_them,
    provider_calls_are_timed,
    an_unknown_outcome_is_counted_with_its_end,
    what_waits_is_counted_from_the_lists,
    labels_name_nobody,
    every_metric_that_is_asked_for_is_there,
    what_this_evening_does_not_show_is_counted_by_our_code,
    each_call_and_each_status_is_one_line,
    a_trace_leads_from_the_request_to_every_call,
    spans_leave_without_what_an_error_said,
)


@slow
async def test_an_evening_s_work_shows(subtests: pytest.Subtests) -> None:
    """One process is enough for all of them."""
    watched = await _watched()
    for check in CHECKS:
        with subtests.test(check.__name__):
            check(watched)
    with subtests.test("a traced life is one that nobody traced"):
        await a_traced_life_is_one_that_nobody_traced(watched)

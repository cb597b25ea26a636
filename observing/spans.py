"""Spans as they leave the process: names, ids and times, and never what an error said."""

from __future__ import annotations

import os
from collections.abc import Sequence

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import Event, ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import Status
from temporalio.contrib.opentelemetry import TracingInterceptor


def to_collector(service: str) -> TracerProvider:
    """Exports in the background, over HTTP, as OpenTelemetry's own variables say."""
    named = {} if os.environ.get("OTEL_SERVICE_NAME") else {SERVICE_NAME: service}
    traces = TracerProvider(resource=Resource.create(named))
    traces.add_span_processor(BatchSpanProcessor(Discreet(OTLPSpanExporter())))
    return traces


def interceptor(traces: TracerProvider) -> TracingInterceptor:
    """For a client; its workers take it over. It adds headers to calls, and no event to history."""
    return TracingInterceptor(traces.get_tracer("invoicing"))


class Discreet(SpanExporter):
    """Passes spans on without messages and stack traces: those of a library may quote its input."""

    def __init__(self, to: SpanExporter) -> None:
        self._to = to

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Export what is left of them."""
        return self._to.export([_discreet(span) for span in spans])

    def shutdown(self) -> None:
        """Nothing comes after this."""
        self._to.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Whether all that was exported has left."""
        return self._to.force_flush(timeout_millis)


def _discreet(span: ReadableSpan) -> ReadableSpan:
    return ReadableSpan(
        name=span.name,
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=span.attributes,
        events=[_discreet_event(event) for event in span.events],
        links=span.links,
        kind=span.kind,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _discreet_event(event: Event) -> Event:
    kept = {key: value for key, value in (event.attributes or {}).items() if key == _TYPE}
    return Event(event.name, kept, event.timestamp)


_TYPE = "exception.type"

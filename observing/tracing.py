"""Traces, where OpenTelemetry's standard variable says to whom: from a request to every call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from temporalio.client import Interceptor

from invoicing.errors import InvoicingError


@asynccontextmanager
async def tracing(environment: Mapping[str, str], service: str) -> AsyncIterator[list[Interceptor]]:
    """What a client, and the workers made from it, need to be traced; nothing when it is not on.

    On when OTEL_EXPORTER_OTLP_ENDPOINT is set; OpenTelemetry's other variables say the rest. On
    the way out, what is finished is still exported. Raises InvoicingError when the packages that
    this takes are missing.
    """
    if not environment.get("OTEL_EXPORTER_OTLP_ENDPOINT", "").strip():
        yield []
        return
    try:
        from observing import spans  # only who traces needs its packages
    except ImportError:
        raise InvoicingError(
            "OTEL_EXPORTER_OTLP_ENDPOINT is set, and tracing is not installed: install "
            "opentelemetry-sdk and opentelemetry-exporter-otlp-proto-http, or unset it"
        ) from None
    traces = spans.to_collector(service)
    try:
        yield [spans.interceptor(traces)]
    finally:
        await asyncio.to_thread(traces.shutdown)

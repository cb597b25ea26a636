"""The engine's runtime, with a page of metrics where one is asked for."""

from __future__ import annotations

import os

from temporalio.client import Client
from temporalio.common import MetricMeter
from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig

from invoicing.errors import InvoicingError

CALL_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 80.0)
"""Bounds of the buckets of a provider call's duration: adaptors give up after 20 s by default."""


def in_one_thread() -> None:
    """Have the core of the SDK talk to the server in one thread, unless TOKIO_WORKER_THREADS says
    in how many. Before the first client.

    By itself it takes one per processor, which wake each other for every message. It has half as
    much to do as Python, which runs in one at a time.
    """
    os.environ.setdefault("TOKIO_WORKER_THREADS", "1")


def runtime(address: str | None) -> Runtime | None:
    """One that serves Prometheus at `http://<address>/metrics`; None, for the default, without one.

    Names end as Prometheus wants them: `_total` for counters, `_seconds` for durations. Raises
    InvoicingError when the address cannot be had.
    """
    if not address:
        return None
    prometheus = PrometheusConfig(
        bind_address=address,
        counters_total_suffix=True,
        unit_suffix=True,
        durations_as_seconds=True,
        histogram_bucket_overrides={"invoicing_provider_call_duration": CALL_SECONDS},
    )
    try:
        return Runtime(telemetry=TelemetryConfig(metrics=prometheus, attach_service_name=False))
    except (RuntimeError, ValueError):
        raise InvoicingError(
            f"metrics cannot be served at {address}: set INVOICING_METRICS to an address and a "
            "free port, such as 127.0.0.1:9464"
        ) from None


def meter_of(client: Client) -> MetricMeter:
    """Where this client's process counts; what is counted goes nowhere when metrics are off."""
    return (client.service_client.config.runtime or Runtime.default()).metric_meter

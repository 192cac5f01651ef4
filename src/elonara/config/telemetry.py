"""Traces by OpenTelemetry, for sites that set `traces.endpoint` and have installed `elonara[otel]`.

Without the setting nothing of OpenTelemetry is imported. The exporter talks to the operator's own collector.
"""

from __future__ import annotations

import importlib

from elonara import trace
from elonara.config.options import BadSetting

MISSING = "traces.endpoint is set, and OpenTelemetry is not installed: pip install 'elonara[otel]', or unset it"


def start(endpoint: str) -> None:
    """Send spans to the collector at `endpoint` (OTLP over HTTP); "" sends none. Called again it does nothing.

    Raises BadSetting where the packages of the extra are missing.
    """
    if not endpoint or trace.tracer() is not None:
        return
    try:
        # By name: the packages are optional, and the rest of the site is typed and tested without them.
        exporter = importlib.import_module("opentelemetry.exporter.otlp.proto.http.trace_exporter")
        resources = importlib.import_module("opentelemetry.sdk.resources")
        sdk = importlib.import_module("opentelemetry.sdk.trace")
        export = importlib.import_module("opentelemetry.sdk.trace.export")
    except ImportError as fault:
        raise BadSetting(MISSING) from fault
    provider = sdk.TracerProvider(resource=resources.Resource.create({"service.name": "elonara"}))
    provider.add_span_processor(export.BatchSpanProcessor(exporter.OTLPSpanExporter(endpoint=endpoint)))
    trace.set_tracer(provider.get_tracer("elonara"))

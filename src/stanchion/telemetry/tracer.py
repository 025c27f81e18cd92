"""From the settings to what makes spans; OpenTelemetry is imported here, when a collector is named."""

import os
from urllib.parse import urlsplit

from stanchion.errors import ConfigurationError
from stanchion.settings import Settings
from stanchion.telemetry.spans import Tracer


def tracer_of(settings: Settings, service: str) -> Tracer | None:
    """What the setting `traces` asks for, for the app of this name; starts a thread, so it is for a worker.

    None as well where OTEL_SDK_DISABLED is true, by which operators turn off OpenTelemetry as a whole.

    Raises:
        ConfigurationError: it is no URL of a collector, or OpenTelemetry is missing.
    """
    collector = settings.traces
    if collector is None or os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return None
    if not _is_collector(collector):
        raise ConfigurationError(
            f"traces={collector!r}: expected the URL of a collector that takes OTLP over HTTP, such as "
            "http://127.0.0.1:4318; give it a key by the variable OTEL_EXPORTER_OTLP_HEADERS"
        )
    try:
        from stanchion.telemetry.outbox import Outbox
        from stanchion.telemetry.tracing import Tracing
    except ImportError:
        raise ConfigurationError("traces need OpenTelemetry: pip install 'stanchion[tracing]'") from None
    return Tracing(service, Outbox(collector), sampled=settings.traces_sampled)


def _is_collector(url: str) -> bool:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    plain = not (parts.query or parts.fragment or parts.username) and port != 0
    return plain and parts.scheme in ("http", "https") and bool(parts.hostname) and url.isascii() and " " not in url

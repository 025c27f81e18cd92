"""From the settings to a tracer."""

import pytest

from stanchion.errors import ConfigurationError
from stanchion.settings import Settings
from stanchion.telemetry.tracer import tracer_of
from tests.telemetry.collector import Collector


def test_none_is_asked_for() -> None:
    assert tracer_of(Settings(), "shop") is None


def test_one_that_is_asked_for_samples_as_declared() -> None:
    with Collector() as collector:
        tracer = tracer_of(Settings(traces=collector.url, traces_sampled=0.25), "shop")
        assert tracer is not None
        tracer.close(10)
    assert repr(tracer) == "<Tracing 0.25 of the traces that begin here>"


def test_opentelemetry_is_turned_off_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    assert tracer_of(Settings(traces="http://127.0.0.1:4318"), "shop") is None


@pytest.mark.parametrize(
    "url",
    [
        "collector",
        "collector:4318",
        "grpc://collector:4317",
        "http://",
        "http://:4318",
        "http://collector:0",
        "http://collector:port",
        "http://collector:4318?key=1",
        "http://collector:4318#here",
        "http://user:password@collector:4318",
        "http://collector :4318",
        "http://cöllector:4318",
        "http://[::1:4318",
    ],
)
def test_what_is_no_url_of_a_collector(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^traces='.*': expected the URL of a collector that takes OTLP"):
        tracer_of(Settings(traces=url), "shop")

"""Traces of a whole server: each worker sends its own, to the last; a collector that fails costs spans and no more."""

import re
import time
from pathlib import Path

import pytest

from tests.cluster.conftest import Serve
from tests.cluster.running import Server, until
from tests.ports import free_port
from tests.telemetry.collector import Collector


def spans(server: Server) -> dict[str, int]:
    """What became of spans, as the metrics say."""
    page = server.admin("/metrics")[1].decode()
    found = re.findall(r'^stanchion_spans_total\{outcome="(\w+)"\} (\d+)', page, re.MULTILINE)
    return {outcome: int(count) for outcome, count in found}


def stopped(server: Server, within: float) -> None:
    """It ends by itself, well and in time."""
    began = time.monotonic()
    server.process.terminate()
    assert server.ended(30) == 0, server.errors
    assert time.monotonic() - began < within


def test_every_worker_sends_its_spans_and_the_last_of_them_at_its_end(serve: Serve) -> None:
    with Collector() as collector:
        server = serve("--workers", "2", "--traces", collector.url, "--traces-sampled", "1")
        pids = set(server.full().values())
        answered = {int(server.get("/pid")[1]) for _ in range(20)}
        until(lambda: spans(server) == {"sent": 20, "failed": 0, "dropped": 0})
        for _ in range(5):
            server.get("/sleep?seconds=0")
        stopped(server, 10)
        seen = collector.spans
    assert [span.name for span in seen] == ["GET /pid"] * 20 + ["GET /sleep"] * 5
    assert {span.resource["process.pid"] for span in seen} >= answered
    assert {span.resource["process.pid"] for span in seen} <= pids
    assert {span.resource["service.name"] for span in seen} == {"ledger"}


def test_a_worker_that_is_replaced_leaves_its_counts(serve: Serve) -> None:
    with Collector() as collector:
        server = serve("--traces", collector.url, "--traces-sampled", "1")
        server.get("/pid")
        server.reload()
        server.get("/pid")
        until(lambda: spans(server)["sent"] == 2)
        assert len({span.resource["process.pid"] for span in collector.spans}) == 2


OWN = """
from opentelemetry import trace

from stanchion import App

app = App("shop")
tracer = trace.get_tracer("shop")


@app.get("/price")
async def price() -> str:
    with tracer.start_as_current_span("discount") as span:
        span.set_attribute("share", 0.1)
        return "9.00"


@app.get("/thread")
def thread() -> str:
    with tracer.start_as_current_span("in a thread"):
        return "done"


with tracer.start_as_current_span("at the import"):  # belongs to no request
    pass
"""


def test_spans_that_an_app_makes_itself_are_parts_of_its_requests(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(OWN)
    with Collector() as collector:
        server = serve("--traces", collector.url, "--traces-sampled", "1")
        server.get("/price")
        server.get("/thread")
        stopped(server, 10)
        seen = {span.name: span for span in collector.spans}
    assert set(seen) == {"GET /price", "discount", "GET /thread", "in a thread"}
    for whole, part in (("GET /price", "discount"), ("GET /thread", "in a thread")):
        assert (seen[part].trace_id, seen[part].parent_id) == (seen[whole].trace_id, seen[whole].span_id)
    assert seen["discount"].attributes == {"share": 0.1}


def test_an_app_that_has_its_own_provider_keeps_it(serve: Serve, tmp_path: Path) -> None:
    provider = "from opentelemetry.sdk.trace import TracerProvider\ntrace.set_tracer_provider(TracerProvider())\n"
    (tmp_path / "app.py").write_text(OWN.replace("\n\nfrom stanchion", f"\n{provider}\nfrom stanchion"))
    with Collector() as collector:
        server = serve("--traces", collector.url, "--traces-sampled", "1")
        server.get("/price")
        stopped(server, 10)
        assert [span.name for span in collector.spans] == ["GET /price"]
    assert "provider" not in server.errors


def test_a_collector_that_is_down_costs_spans_and_one_line_of_log(serve: Serve) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    server = serve("--traces", url, "--traces-sampled", "1")
    assert {server.get("/pid")[0] for _ in range(10)} == {200}
    until(lambda: spans(server)["failed"] == 10, 20)
    server.get("/pid")
    stopped(server, 10)
    assert server.errors.count(f"the collector at {url} does not take spans; they are lost until it does") == 1
    assert "Traceback" not in server.errors


def test_a_collector_that_hangs_holds_up_neither_requests_nor_the_end(serve: Serve) -> None:
    with Collector(delay=60) as collector:
        server = serve("--traces", collector.url, "--traces-sampled", "1")
        began = time.monotonic()
        assert {server.get("/pid")[0] for _ in range(20)} == {200}
        time.sleep(1.5)  # until a batch is on its way
        assert server.get("/pid")[0] == 200
        assert time.monotonic() - began < 20
        stopped(server, 10)


@pytest.mark.parametrize("url", ["collector:4318", "http://", "http://key@collector:4318", "http://collector:high"])
def test_what_is_no_url_of_a_collector_is_told(serve: Serve, url: str) -> None:
    server = serve("--traces", url, wait=False)
    assert server.ended(30) == 2
    assert server.errors == (
        f"stanchion: traces={url!r}: expected the URL of a collector that takes OTLP over HTTP, such as "
        "http://127.0.0.1:4318; give it a key by the variable OTEL_EXPORTER_OTLP_HEADERS\n"
    )


def test_without_the_extra_it_says_what_to_install(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "opentelemetry").mkdir()
    (tmp_path / "opentelemetry" / "__init__.py").write_text("raise ImportError\n")
    server = serve("--traces", "http://127.0.0.1:4318", wait=False)
    assert server.ended(30) == 2
    assert server.errors == "stanchion: traces need OpenTelemetry: pip install 'stanchion[tracing]'\n"


def test_without_the_setting_it_is_not_even_loaded(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "opentelemetry").mkdir()
    (tmp_path / "opentelemetry" / "__init__.py").write_text("raise ImportError\n")
    server = serve()
    assert server.get("/pid")[0] == 200
    assert spans(server) == {}

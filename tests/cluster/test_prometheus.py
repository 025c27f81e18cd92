"""A real Prometheus scrapes the admin port (Debian package `prometheus`)."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.cluster.conftest import Serve
from tests.cluster.running import Server, until
from tests.ports import free_port

CONFIGURATION = """
global:
  scrape_interval: 1s
  scrape_timeout: 1s
scrape_configs:
  - job_name: stanchion
    static_configs:
      - targets: ["127.0.0.1:{port}"]
"""


class Prometheus:
    """Its HTTP API."""

    def __init__(self, port: int) -> None:
        self._port = port

    def ask(self, path: str) -> Any:
        """The data of an answer; nothing while it does not answer."""
        connection = HTTPConnection("127.0.0.1", self._port, timeout=10)
        try:
            connection.request("GET", path)
            answer = json.load(connection.getresponse())
            assert answer["status"] == "success", answer
            return answer["data"]
        except (OSError, ValueError):
            return None
        finally:
            connection.close()

    def value(self, query: str) -> float | None:
        """Of the one series a query finds."""
        found = self.ask(f"/api/v1/query?query={quote(query)}")
        return float(found["result"][0]["value"][1]) if found and found["result"] else None

    def targets(self) -> list[tuple[str, str]]:
        """Health and last error of each."""
        found = self.ask("/api/v1/targets")
        return [(target["health"], target["lastError"]) for target in found["activeTargets"]] if found else []


def tool(name: str) -> str:
    """Where a program of Prometheus' is; skips without it, and fails where everything is to be checked."""
    found = shutil.which(name)
    if found is None and os.environ.get("CI"):
        pytest.fail(f"{name} is missing: apt-get install prometheus")
    if found is None:
        pytest.skip(f"{name} is missing: apt-get install prometheus")
    return found


@contextmanager
def prometheus(server: Server, folder: Path) -> Iterator[Prometheus]:
    """Started to scrape the server each second."""
    program = tool("prometheus")
    port = free_port()
    configuration = folder / "prometheus.yml"
    configuration.write_text(CONFIGURATION.format(port=server.admin_port))
    command = [program, f"--config.file={configuration}", f"--storage.tsdb.path={folder / 'tsdb'}"]
    with (folder / "prometheus.log").open("w") as log:
        process = subprocess.Popen(
            [*command, f"--web.listen-address=127.0.0.1:{port}"], stdout=log, stderr=log, cwd=folder
        )
    try:
        yield Prometheus(port)
    finally:
        process.terminate()
        process.wait(20)


def test_it_is_scraped_without_a_complaint(serve: Serve, tmp_path: Path) -> None:
    server = serve("--workers", "2")
    with prometheus(server, tmp_path) as scraper:
        for _ in range(7):
            assert server.get("/pid")[0] == 200
        requests = 'stanchion_http_requests_total{method="GET",route="/pid",status="2xx"}'
        until(lambda: scraper.value(requests) == 7, 30)
        victim = server.full()[0]
        server.kill(victim)
        server.full(without=[victim])
        assert server.get("/pid")[0] == 200
        until(lambda: scraper.value('stanchion_worker_restarts_total{reason="crash"}') == 1)
        until(lambda: scraper.value(requests) == 8)
        assert scraper.value('stanchion_workers{state="serving"}') == 2
        quantile = 'histogram_quantile(0.99,stanchion_http_request_duration_seconds_bucket{route="/pid"})'
        assert (scraper.value(quantile) or 0) > 0
        assert scraper.value("changes(stanchion_http_requests_in_flight[1m])") is not None
        until(lambda: scraper.targets() == [("up", "")])  # a scrape may have been late a moment ago
        metadata = scraper.ask("/api/v1/metadata")
    page = server.admin("/metrics")[1].decode()
    families = set(re.findall(r"^# TYPE (\w+)", page, re.MULTILINE))
    known = {name for name in metadata if name.startswith("stanchion_")}
    assert known == {re.sub("_(total|info)$", "", name) for name in families}  # as OpenMetrics names them
    assert "err=" not in (tmp_path / "prometheus.log").read_text()


def test_promtool_takes_the_page_of_a_server_that_has_been_through_something(serve: Serve) -> None:
    program = tool("promtool")
    server = serve("--workers", "2")
    assert (server.get("/pid")[0], server.get("/gone")[0]) == (200, 404)
    victim = server.full()[0]
    server.kill(victim)
    server.full(without=[victim])
    server.reload()
    status, page = server.admin("/metrics")
    done = subprocess.run([program, "check", "metrics"], input=page, capture_output=True, timeout=30, check=False)
    assert (status, done.returncode, done.stdout, done.stderr) == (200, 0, b"", b"")

"""Upstreams of other makes, as processes: Express or Node's own server, and uvicorn."""

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from stanchion import App
from stanchion.gateway.options import ProxyOptions
from tests.ports import free_port
from tests.wire.serving import Serving

NODE = shutil.which("node")
PACKAGES = Path(__file__).parents[2] / "benchmarks" / ".env" / "node" / "node_modules"
needs_node = pytest.mark.skipif(NODE is None, reason="no node on this machine")

_EXPRESS = """
const express = require("express"), app = express();
app.use(express.json());
app.get("/items/:id", (req, res) => res.cookie("a", "1").cookie("b", "2").json({id: req.params.id, q: req.query}));
app.post("/items", (req, res) => res.status(201).location("/items/7").json(req.body));
app.get("/text", (req, res) => res.type("text/plain").set("X-Raw", "caf\\u00e9").send("na\\u00efve"));
app.get("/stream", (req, res) => { res.write("one "); setTimeout(() => res.end("two"), 20); });
app.get("/empty", (req, res) => res.status(204).end());
app.get("/gone", (req, res) => res.redirect(302, "/text"));
app.get("/fails", (req, res) => { throw Object.assign(new Error("teapot"), {status: 418}); });
app.get("/large", (req, res) => res.send("x".repeat(2000000)));
app.listen(+process.argv[2], "127.0.0.1");
"""
_PLAIN = """
require("http").createServer((req, res) => {
  const path = req.url.split("?")[0];
  if (path === "/stream") { res.write("one "); setTimeout(() => res.end("two"), 20); return; }
  if (path === "/empty") { res.writeHead(204); res.end(); return; }
  if (path === "/gone") { res.writeHead(302, {Location: "/text"}); res.end(); return; }
  if (path === "/large") { res.end("x".repeat(2000000)); return; }
  res.setHeader("Set-Cookie", ["a=1", "b=2"]);
  let body = "";
  req.on("data", part => body += part);
  req.on("end", () => res.end(JSON.stringify({method: req.method, url: req.url, body})));
}).listen(+process.argv[2], "127.0.0.1");
"""
_ASGI = """
import asyncio
async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    await asyncio.sleep(0.005)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": b"ok from " + str(scope["server"][1]).encode()})
"""


def wait_for(port: int) -> None:
    end = time.monotonic() + 20
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise AssertionError(f"nothing listens on port {port}")


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """An Express app where the benchmarks' packages are installed, else one on Node's own server; its port."""
    script = tmp_path_factory.mktemp("node") / "app.js"
    script.write_text(_EXPRESS if (PACKAGES / "express").is_dir() else _PLAIN)
    port = free_port()
    env = {**os.environ, "NODE_PATH": str(PACKAGES)}
    process = subprocess.Popen([NODE or "", str(script), str(port)], env=env)
    try:
        wait_for(port)
        yield port
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def gateway(node: int) -> Iterator[Serving]:
    app = App("gateway")
    app.proxy("/", f"http://127.0.0.1:{node}", cache=None)
    serving = Serving("uvloop", app, docs=False)
    yield serving
    serving.stop()


_OF_A_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "date"}


def fetch(
    address: tuple[str, int], method: str, path: str, body: str | None
) -> tuple[int, list[tuple[str, str]], bytes]:
    connection = http.client.HTTPConnection(*address, timeout=10)
    try:
        connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
        got = connection.getresponse()
        content = got.read()
        fields = sorted((name.lower(), value) for name, value in got.getheaders() if name.lower() not in _OF_A_HOP)
        return got.status, fields, content
    finally:
        connection.close()


@needs_node
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/items/7?x=%20y&z", None),
        ("HEAD", "/items/7", None),
        ("POST", "/items", '{"name": "chair"}'),
        ("OPTIONS", "/items/7", None),
        *(("GET", path, None) for path in ("/text", "/stream", "/empty", "/gone", "/fails", "/large", "/missing")),
        ("DELETE", "/items/7", None),
    ],
)
def test_through_the_gateway_an_answer_is_the_same(
    node: int, gateway: Serving, method: str, path: str, body: str | None
) -> None:
    direct = fetch(("127.0.0.1", node), method, path, body)
    through = fetch(gateway.address, method, path, body)
    assert through == direct


@needs_node
def test_a_connection_that_node_closes_after_five_seconds_is_no_failure(node: int) -> None:
    app = App("gateway")
    app.proxy("/", f"http://127.0.0.1:{node}", options=ProxyOptions(keep=30.0), cache=None)
    serving = Serving("uvloop", app, docs=False)
    try:
        for pause in (0.0, 5.2, 0.0):
            time.sleep(pause)
            assert fetch(serving.address, "GET", "/text", None)[0] == 200
    finally:
        serving.stop()


class Uvicorn:
    """A process that can be killed and started again on its port."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        (folder / "asgi_upstream.py").write_text(_ASGI)
        self._folder = folder
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [
            sys.executable,
            "-m",
            "uvicorn",
            "asgi_upstream:app",
            "--port",
            str(self.port),
            "--log-level",
            "error",
        ]
        self.process = subprocess.Popen(command, cwd=self._folder)
        wait_for(self.port)

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


def test_an_upstream_killed_under_load_costs_only_what_it_had_begun(tmp_path: Path) -> None:
    first, second = Uvicorn(tmp_path), Uvicorn(tmp_path)
    app = App("gateway")
    app.proxy("/", [first.url, second.url], options=ProxyOptions(budget=1.0, retries=2), cache=None)
    serving = Serving("uvloop", app, docs=False, admission=False)
    stop = threading.Event()
    outcomes: Counter[tuple[str, int]] = Counter()
    lock = threading.Lock()

    def ask(method: str) -> None:
        connection = http.client.HTTPConnection(*serving.address, timeout=10)
        while not stop.is_set():
            connection.request(method, "/")
            got = connection.getresponse()
            got.read()
            with lock:
                outcomes[method, got.status] += 1
        connection.close()

    threads = [threading.Thread(target=ask, args=(method,)) for method in ["GET"] * 6 + ["POST"] * 2]
    try:
        for thread in threads:
            thread.start()
        time.sleep(0.5)
        first.kill()
        time.sleep(1.0)
        first.start()
        time.sleep(1.5)
        stop.set()
        for thread in threads:
            thread.join()
        back: set[bytes] = set()
        for _ in range(500):  # until it gets requests again
            back.add(fetch(serving.address, "GET", "/", None)[2])
            if len(back) == 2:
                break
            time.sleep(0.02)
    finally:
        stop.set()
        serving.stop()
        for upstream in (first, second):
            upstream.kill()
    assert outcomes["GET", 200] > 100
    assert {status for method, status in outcomes if method == "GET"} == {200}
    failed = sum(count for (method, status), count in outcomes.items() if method == "POST" and status != 200)
    # One under way for each client that posts, and what they sent on connections that the dying process closed a moment
    # later than the first; it is down for a second, in which they post hundreds.
    assert failed <= 8
    assert len(back) == 2


def test_what_the_command_says_of_a_bad_url() -> None:
    for url in ("ftp://127.0.0.1", "127.0.0.1:3000", "http://"):
        command = [sys.executable, "-m", "stanchion", "gateway", url]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert (ended.returncode, ended.stdout, ended.stderr.count("\n")) == (2, "", 1)
        assert "http://HOST:PORT" in ended.stderr


@needs_node
def test_the_command_serves(node: int) -> None:
    port = free_port()
    command = [sys.executable, "-m", "stanchion", "gateway", f"http://127.0.0.1:{node}"]
    process = subprocess.Popen([*command, "--port", str(port), "--admin-port", "off", "--limit", "2/min"])
    try:
        wait_for(port)
        got = [fetch(("127.0.0.1", port), "GET", "/text", None) for _ in range(3)]
        assert [status for status, _, _ in got] == [200, 200, 429]
        assert json.loads(got[2][2])["code"] == "too-many-requests"
    finally:
        process.terminate()
        assert process.wait(20) == 0

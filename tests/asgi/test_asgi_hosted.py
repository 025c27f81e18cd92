"""A native app under uvicorn, Granian and Hypercorn: real processes, asked over real sockets."""

import http.client
import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import connect

from tests.cli.processes import environment
from tests.ports import free_port

APPS = Path(__file__).with_name("apps")
COMMANDS = {
    "uvicorn": ("uvicorn", "--host", "127.0.0.1", "--port", "{port}", "--log-level", "warning", "native_app:app"),
    "granian": ("granian", "--interface", "asgi", "--host", "127.0.0.1", "--port", "{port}", "native_app:app"),
    "hypercorn": ("hypercorn", "--bind", "127.0.0.1:{port}", "native_app:app"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hosted")
    shutil.copy(APPS / "native_app.py", folder)
    (folder / "large.bin").write_bytes(b"0123456789" * 20_000)
    return folder


@pytest.fixture(scope="module", params=COMMANDS)
def port(request: pytest.FixtureRequest, folder: Path) -> Iterator[int]:
    port = free_port()
    command = [sys.executable, "-m", *(part.format(port=port) for part in COMMANDS[request.param])]
    with open(folder / f"{request.param}.log", "wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=environment(), stdout=log, stderr=log)
    try:
        _until_up(port, process)
        yield port
    finally:
        process.terminate()
        process.wait(20)


def _until_up(port: int, process: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            assert process.poll() is None
            assert time.monotonic() < end
            time.sleep(0.05)


Answer = tuple[int, dict[str, str], bytes]


def ask(port: int, method: str, path: str, body: Any = None, **fields: str) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path, body=body, headers=fields)
        response = connection.getresponse()
        return response.status, {k.lower(): v for k, v in response.getheaders()}, response.read()
    finally:
        connection.close()


def test_lifespans_run_and_resources_are_there(port: int) -> None:
    assert json.loads(ask(port, "GET", "/")[2]) == {"started": True}


def test_an_inline_handler(port: int) -> None:
    status, fields, body = ask(port, "GET", "/plain")
    assert (status, fields["content-type"], fields["content-length"], body) == (
        200,
        "text/plain; charset=utf-8",
        "5",
        b"plain",
    )
    status, fields, body = ask(port, "HEAD", "/plain")
    assert (status, fields["content-length"], body) == (200, "5", b"")


def test_bodies_are_bound_and_limited(port: int) -> None:
    assert ask(port, "POST", "/items/40", b'{"number": 2}')[2] == b'{"number":42}'
    assert ask(port, "POST", "/items/40", b'{"number": "x"}')[0] == 422
    assert ask(port, "POST", "/items/40", b" " * 101)[0] == 413
    chunked = iter([b" " * 60, b" " * 60])
    assert ask(port, "POST", "/items/40", chunked)[0] == 413


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/refused", 418, "teapot"),
        ("/broken", 500, "internal-error"),
        ("/split", 500, "internal-error"),
        ("/none", 404, "not-found"),
        ("/items/1", 405, "method-not-allowed"),
        ("/%ff", 400, "malformed-path"),
    ],
)
def test_errors_are_problem_documents(port: int, path: str, status: int, code: str) -> None:
    answered, fields, body = ask(port, "GET", path)
    assert (answered, fields["content-type"], json.loads(body)["code"]) == (status, "application/problem+json", code)


def test_streams_and_files(port: int, folder: Path) -> None:
    assert ask(port, "GET", "/stream")[2] == b"0\n1\n2\n"
    whole = (folder / "large.bin").read_bytes()
    status, fields, body = ask(port, "GET", "/file")
    assert (status, fields["content-length"], body) == (200, "200000", whole)
    status, _, body = ask(port, "GET", "/file", Range="bytes=5-100000")
    assert (status, body) == (206, whole[5:100001])
    assert ask(port, "GET", "/file", **{"If-None-Match": fields["etag"]})[0] == 304


def test_a_mounted_app_and_its_lifespan(port: int) -> None:
    assert json.loads(ask(port, "GET", "/v1/items/7")[2]) == {"number": 7, "state": "mount", "root_path": "/v1"}


@pytest.mark.parametrize("prefix", ["/v1", "/v2"])
def test_bodies_of_a_mounted_app_are_limited(port: int, prefix: str) -> None:
    assert ask(port, "POST", f"{prefix}/size", b"x" * 200_000)[2] == b"200000"
    assert ask(port, "POST", f"{prefix}/size", iter([bytes(60_000)] * 4))[2] == b"240000"
    assert ask(port, "POST", f"{prefix}/size", iter([bytes(60_000)] * 20))[0] == 413


def test_a_web_socket_of_a_mounted_app(port: int) -> None:
    with connect(f"ws://127.0.0.1:{port}/v1/echo") as client:
        client.send("hello")
        assert client.recv() == "hello"


def test_a_client_that_leaves_cancels_the_handler(port: int) -> None:
    before = json.loads(ask(port, "GET", "/cancelled")[2])
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n")
        time.sleep(0.2)
    _eventually(lambda: json.loads(ask(port, "GET", "/cancelled")[2]) == [*before, "slow"])


def _eventually(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 5
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_without_lifespan_events_the_mistake_is_told(folder: Path) -> None:
    port = free_port()
    arguments = [part.format(port=port) for part in COMMANDS["uvicorn"]]
    command = [sys.executable, "-m", *arguments, "--lifespan", "off"]
    with open(folder / "off.log", "wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=environment(), stdout=log, stderr=log)
    try:
        _until_up(port, process)
        assert ask(port, "GET", "/")[0] == 500
    finally:
        process.terminate()
        process.wait(20)
    assert (
        "the app's lifespan started has not run, for the server sends no lifespan" in (folder / "off.log").read_text()
    )

"""Files leave by the kernel, whole, in ranges, slowly, and without a descriptor left behind."""

import hashlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stanchion.http.files import File
from stanchion.http.request import Request
from stanchion.http.response import Response
from stanchion.wire.http1.protocol import HTTP1
from tests.wire.client import get
from tests.wire.conftest import Serve
from tests.wire.handlers import hello
from tests.wire.live import Handler, until

LARGE = 12 << 20
SMALL = 1000


@pytest.fixture(scope="module")
def content() -> bytes:
    return b"".join(hashlib.sha512(b"%d" % n).digest() for n in range(LARGE // 64))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> Path:
    folder = tmp_path_factory.mktemp("files")
    (folder / "large").write_bytes(content)
    (folder / "small").write_bytes(content[:SMALL])
    (folder / "empty").write_bytes(b"")
    return folder


@pytest.fixture
def handlers(folder: Path) -> dict[str, Handler]:
    async def file(request: Request) -> Response:
        response = File(str(folder / request.path[1:]), headers={"X-Kind": "file"})
        response.add_header("Set-Cookie", "a=b")
        return response

    return dict.fromkeys(["/large", "/small", "/empty", "/none"], file) | {"/next": hello}


@pytest.fixture(autouse=True)
def _no_descriptor_is_left() -> Iterator[None]:
    before = set(os.listdir("/proc/self/fd"))
    yield
    until(lambda: len(os.listdir("/proc/self/fd")) <= len(before))


@pytest.mark.parametrize(("name", "size"), [("large", LARGE), ("small", SMALL), ("empty", 0)])
def test_a_file_arrives_whole(serve: Serve, handlers: Any, content: bytes, name: str, size: int) -> None:
    with serve(handlers).connect() as client:
        for _ in range(2):
            answer = client.send(get(f"/{name}") + get("/next")).answer()
            assert (answer.status, int(answer.headers["content-length"])) == (200, size)
            assert (answer.headers["x-kind"], answer.headers["set-cookie"]) == ("file", "a=b")
            assert answer.body == content[:size]
            assert client.answer().body == b"hello"


def test_a_file_behind_a_large_answer(serve: Serve, handlers: Any, content: bytes) -> None:
    async def large(request: Request) -> Response:
        return Response(content)

    with serve(handlers | {"/memory": large}).connect() as client:
        client.send(get("/memory") + get("/large") + get("/memory") + get("/large"))
        time.sleep(0.05)
        assert [answer.body == content for answer in client.answers(4)] == [True] * 4


def test_head_of_a_file(serve: Serve, handlers: Any) -> None:
    with serve(handlers).connect() as client:
        for name, size in (("large", LARGE), ("small", SMALL)):
            answer = client.send(get(f"/{name}", method="HEAD")).answer("HEAD")
            assert (answer.status, answer.headers["content-length"]) == (200, str(size))
        assert client.send(get("/next")).answer().body == b"hello"


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("0-0", 0, 1),
        ("5-1004", 5, 1005),
        (f"1000000-{LARGE}", 1_000_000, LARGE),
        ("-70000", LARGE - 70_000, LARGE),
        ("12345678-", 12_345_678, LARGE),
    ],
)
def test_a_range(serve: Serve, handlers: Any, content: bytes, asked: str, start: int, end: int) -> None:
    with serve(handlers).connect() as client:
        answer = client.send(get("/large", f"range: bytes={asked}")).answer()
        assert (answer.status, answer.body == content[start:end]) == (206, True)
        assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/{LARGE}"


def test_a_range_outside_and_a_file_that_is_not_there(serve: Serve, handlers: Any) -> None:
    with serve(handlers).connect() as client:
        answer = client.send(get("/large", f"range: bytes={LARGE}-")).answer()
        assert (answer.status, answer.headers["content-range"]) == (416, f"bytes */{LARGE}")
        assert client.send(get("/none")).answer().status == 404
        tag = client.send(get("/large", method="HEAD")).answer("HEAD").headers["etag"]
        assert client.send(get("/large", f"if-none-match: {tag}")).answer().status == 304


def test_http_1_0_and_connection_close(serve: Serve, handlers: Any, content: bytes) -> None:
    live = serve(handlers)
    for message in (b"GET /large HTTP/1.0\r\n\r\n", get("/large", "connection: close")):
        with live.connect() as client:
            answer = client.send(message).last_answer()
            assert (answer.closes, answer.body == content) == (True, True)


def test_a_slow_reader_is_not_cut(serve: Serve, handlers: Any, content: bytes) -> None:
    with serve(handlers, write_timeout=0.3).connect(receive_buffer=65_536) as client:
        client.send(get("/large", "connection: close"))
        received, start = b"", time.monotonic()
        while time.monotonic() - start < 0.8:
            received += client.some(100_000)
            time.sleep(0.01)
        assert len(received) < LARGE
        received += client.rest()
        assert received.endswith(content)


def test_who_reads_nothing_is_cut(serve: Serve, handlers: Any) -> None:
    live = serve(handlers, write_timeout=0.5)
    with live.connect(receive_buffer=65_536) as client:
        client.send(get("/large"))
        until(lambda: live.connections() == 1)
        until(lambda: live.connections() == 0 and live.tasks() == [])
        assert client.cut()


@pytest.mark.parametrize("leave", ["close", "reset", "end"])
@pytest.mark.parametrize("pause", [0, 0.003, 0.05])
def test_a_client_that_leaves(serve: Serve, handlers: Any, leave: str, pause: float) -> None:
    live = serve(handlers)
    clients = [live.connect(receive_buffer=65_536) for _ in range(10)]
    for client in clients:
        client.send(get("/large"))
    time.sleep(pause)
    for client in clients:
        getattr(client, leave)()
    until(lambda: live.connections() == 0 and live.tasks() == [])
    for client in clients:
        client.close()
    assert live.logged() == []


def test_a_file_that_shrinks_breaks_the_connection(serve: Serve, tmp_path: Path) -> None:
    path = tmp_path / "shrinking"
    path.write_bytes(bytes(LARGE))

    async def shrinking(request: Request) -> Response:
        return File(str(path))

    live = serve({"/": shrinking})
    with live.connect(receive_buffer=65_536) as client:
        client.send(get())
        client.until(b"\r\n\r\n")
        os.truncate(path, 1_000_000)
        assert client.cut()
    until(lambda: live.tasks() == [])
    assert len(live.logged()) == 1


def test_a_file_without_a_socket_is_copied(serve: Serve, handlers: Any, content: bytes) -> None:
    class Unplugged(HTTP1):
        def connection_made(self, transport: Any) -> None:
            super().connection_made(NoSocket(transport))

    with serve(handlers, protocol=Unplugged).connect() as client:
        client.send(get("/large") + get("/next"))
        assert client.answer().body == content
        assert client.answer().body == b"hello"


class NoSocket:
    def __init__(self, transport: Any) -> None:
        self._transport = transport

    def get_extra_info(self, name: str) -> Any:
        return None if name == "socket" else self._transport.get_extra_info(name)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

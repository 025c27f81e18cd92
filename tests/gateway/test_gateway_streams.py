"""Bodies on their way through: trailers, 100, answers before the end of the request, and no more memory than needed."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from resource import RUSAGE_SELF, getrusage
from typing import Any

import pytest

from stanchion import App
from tests.gateway.upstream_server import Answer, Asked, UpstreamServer, response, sends
from tests.wire.client import chunked, get
from tests.wire.serving import Serving

_MIB = 1024 * 1024


@contextmanager
def proxied(answer: Answer, **policies: Any) -> Iterator[Serving]:
    upstream = UpstreamServer(answer)
    app = App("gateway")
    app.proxy("/", upstream.url, **policies)
    serving = Serving("uvloop", app, docs=False)
    try:
        yield serving
    finally:
        serving.stop()
        upstream.close()


class Raw:
    """A listener whose connections one function handles, byte by byte."""

    def __init__(self, talk: Any) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._talk = talk
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                end, _ = self._listener.accept()
            except OSError:
                return
            end.settimeout(10)
            threading.Thread(target=self._talked, args=(end,), daemon=True).start()

    def _talked(self, end: socket.socket) -> None:
        with end:
            try:
                self._talk(end)
            except OSError:
                return

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@contextmanager
def before(talk: Any, **policies: Any) -> Iterator[Serving]:
    raw = Raw(talk)
    app = App("gateway")
    app.proxy("/", raw.url, cache=None, **policies)
    serving = Serving("uvloop", app, docs=False)
    try:
        yield serving
    finally:
        serving.stop()
        raw.close()


def head_of(end: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        part = end.recv(1)
        if not part:
            raise ConnectionError
        data += part
    return data


def test_trailers_go_both_ways() -> None:
    seen: list[bytes] = []

    def talk(end: socket.socket) -> None:
        head_of(end)
        data = b""
        while not data.endswith(b"\r\n\r\n"):
            data += end.recv(1000)
        seen.append(data)
        end.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 3\r\n\r\n")

    with before(talk) as serving, serving.connect() as client:
        client.send(get("/", "te: trailers", "transfer-encoding: chunked", method="POST"))
        client.send(b"4\r\nwxyz\r\n")
        time.sleep(0.05)
        client.send(b"0\r\nx-check: 4\r\n\r\n")
        client.until(b"\r\n\r\n")
        assert client.until(b"\r\n\r\n") == b"3\r\nabc\r\n0\r\nX-Sum: 3\r\n\r\n"
    assert seen[0].endswith(b"0\r\nx-check: 4\r\n\r\n")


def test_a_chunked_request_that_is_all_there_goes_on_with_its_length() -> None:
    def echo(end: socket.socket, asked: Asked) -> bool:
        end.sendall(response(asked.body + asked.fields.get("transfer-encoding", "none").encode()))
        return True

    with proxied(echo) as serving, serving.connect() as client:
        got = client.send(chunked("/", b"abc", b"def")).answer()
    assert got.body == b"abcdefnone"


def test_100_comes_from_the_upstream_when_it_wants_the_body() -> None:
    order: list[str] = []

    def talk(end: socket.socket) -> None:
        assert b"expect: 100-continue" in head_of(end)
        order.append("head")
        time.sleep(0.1)
        end.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        assert end.recv(5) == b"hello"
        end.sendall(response(b"thanks"))

    with before(talk) as serving, serving.connect() as client:
        client.send(get("/", "expect: 100-continue", "content-length: 5", method="POST"))
        assert client.until(b"\r\n\r\n").startswith(b"HTTP/1.1 100 ")
        order.append("invited")
        got = client.send(b"hello").answer()
    assert (order, got.body) == (["head", "invited"], b"thanks")


def test_an_upstream_that_refuses_never_sees_the_body() -> None:
    def talk(end: socket.socket) -> None:
        head_of(end)
        end.sendall(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno")
        assert end.recv(5) == b""

    with before(talk) as serving, serving.connect() as client:
        client.send(get("/", "expect: 100-continue", "content-length: 5", method="POST"))
        got = client.answer()
    assert (got.status, got.body) == (413, b"no")


def test_an_answer_before_the_end_of_the_request() -> None:
    def talk(end: socket.socket) -> None:
        head_of(end)
        end.recv(10)
        end.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")

    with before(talk, body_limit=100 * _MIB) as serving, serving.connect() as client:
        client.send(get("/", f"content-length: {50 * _MIB}", method="PUT") + bytes(1000))
        got = client.answer()
    assert (got.status, got.body) == (403, b"no")


@pytest.mark.parametrize("direction", ["down", "up"])
def test_a_large_body_takes_no_memory(direction: str) -> None:
    size = 300 * _MIB
    block = bytes(_MIB)
    taken: list[int] = []

    def talk(end: socket.socket) -> None:
        head_of(end)
        if direction == "down":
            end.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
            for _ in range(size // _MIB):
                end.sendall(block)
            return
        got = 0
        time.sleep(0.2)  # slow to begin: the client has to wait
        while got < size:
            got += len(end.recv(_MIB))
        taken.append(got)
        end.sendall(response(b"%d" % got))

    with before(talk, body_limit=size) as serving:
        before_it = getrusage(RUSAGE_SELF).ru_maxrss
        with socket.create_connection(serving.address, timeout=30) as client:
            if direction == "down":
                client.sendall(get("/"))
                head_of(client)
                got = 0
                while got < size:
                    got += len(client.recv(_MIB))
            else:
                client.sendall(get("/", f"content-length: {size}", method="PUT"))
                for _ in range(size // _MIB):
                    client.sendall(block)
                assert b"200 OK" in head_of(client)
                assert taken == [size]
        grown = (getrusage(RUSAGE_SELF).ru_maxrss - before_it) * 1024
    assert grown < 40 * _MIB


def test_a_broken_stream_breaks_the_clients_connection() -> None:
    def talk(end: socket.socket) -> None:
        head_of(end)
        end.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
        time.sleep(0.05)

    with before(talk) as serving, socket.create_connection(serving.address, timeout=5) as client:
        client.sendall(get("/"))
        data = b""
        try:
            while part := client.recv(1000):
                data += part
        except ConnectionResetError:
            pass
    assert data.endswith(b"abc\r\n")  # and no last chunk: whoever reads it knows that it is not whole


def test_the_date_is_the_upstreams_and_there_is_one() -> None:
    date = "Date: Sun, 06 Nov 1994 08:49:37 GMT"
    with proxied(sends(response(b"x", date))) as serving, serving.connect() as client:
        got = client.send(get("/")).answer()
        head = client.send(get("/", method="HEAD")).answer("HEAD")
    assert got.headers["date"] == head.headers["date"] == "Sun, 06 Nov 1994 08:49:37 GMT"
    assert head.headers["content-length"] == "1"


def test_what_becomes_cacheable_is_found_within_a_second() -> None:
    said = ["no-store"]

    def answer(end: socket.socket, asked: Asked) -> bool:
        end.sendall(response(said[0].encode(), f"Cache-Control: {said[0]}"))
        return True

    def statuses(serving: Serving, count: int) -> list[str]:
        with serving.connect() as client:
            return [client.send(get("/x")).answer().headers["cache-status"] for _ in range(count)]

    with proxied(answer) as serving:
        assert set(statuses(serving, 30)) == {"stanchion; fwd=uri-miss"}
        said[0] = "max-age=60"
        end = time.monotonic() + 5
        while "hit" not in statuses(serving, 1)[0]:
            assert time.monotonic() < end
            time.sleep(0.05)

"""Informational answers of an upstream reach the client before the final one (RFC 9110 §15.2, RFC 8297)."""

import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from stanchion import App
from tests.gateway.upstream_server import UpstreamServer, response, sends
from tests.wire.client import get
from tests.wire.serving import Serving

HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nConnection: x-hop\r\nX-Hop: 1\r\n\r\n"
PASSED = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n"
Start = Callable[..., Serving]


@pytest.fixture
def start() -> Iterator[Start]:
    ended: list[Callable[[], Any]] = []

    def started(answer: bytes, **policies: Any) -> Serving:
        upstream = UpstreamServer(sends(answer))
        app = App("gateway")
        app.proxy("/", upstream.url, **policies)
        serving = Serving("uvloop", app, docs=False)
        ended.extend((serving.stop, upstream.close))
        return serving

    yield started
    for end in ended:
        end()


def all_of(serving: Serving, request: bytes) -> bytes:
    """All that comes until the connection is closed."""
    with socket.create_connection(serving.address, timeout=5) as client:
        client.sendall(request)
        parts = []
        while part := client.recv(65536):
            parts.append(part)
    return b"".join(parts)


@pytest.mark.parametrize("policies", [{}, {"cache": None}], ids=["cached", "plain"])
def test_hints_are_passed_on_before_the_answer(start: Start, policies: dict[str, Any]) -> None:
    serving = start(HINTS + HINTS + response(b"ok", "Cache-Control: max-age=60"), **policies)
    got = all_of(serving, get("/", "connection: close"))
    assert got.startswith(PASSED + PASSED + b"HTTP/1.1 200 OK\r\n")
    assert got.endswith(b"\r\n\r\nok")


def test_a_hit_has_no_hints(start: Start) -> None:
    serving = start(HINTS + response(b"ok", "Cache-Control: max-age=60"))
    all_of(serving, get("/", "connection: close"))
    assert all_of(serving, get("/", "connection: close")).startswith(b"HTTP/1.1 200 OK\r\n")


def test_a_client_of_http_1_0_gets_none(start: Start) -> None:
    serving = start(HINTS + response(b"ok"))
    assert all_of(serving, b"GET / HTTP/1.0\r\nhost: a\r\n\r\n").startswith(b"HTTP/1.1 200 OK\r\n")


def test_hints_without_end_are_a_malformed_answer(start: Start) -> None:
    got = all_of(start(HINTS * 5000), get("/", "connection: close"))
    final = got[got.rindex(b"HTTP/1.1 502") :]
    assert b'"upstream-malformed"' in final

"""WebSockets on a real server, by the `websockets` client and by raw bytes."""

import asyncio
import base64
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from stanchion import App, Before, Request
from stanchion.asgi.messages import Receive, Scope, Send
from stanchion.errors import Forbidden
from stanchion.settings import Settings
from stanchion.wire import websocket
from stanchion.wire.http1 import upgrade
from tests.asgi.served import ServedApp
from tests.wire.client import get
from tests.wire.live import until

Serve = Callable[..., ServedApp]
SEEN: list[Any] = []


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Does as the path says."""
    if scope["type"] == "lifespan":
        raise ValueError
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 426, "headers": []})
        await send({"type": "http.response.body"})
        return
    assert await receive() == {"type": "websocket.connect"}
    await globals()[scope["path"].removeprefix("/")](scope, receive, send)


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    accept = {"type": "websocket.accept", "headers": [(b"x-own", b"1")]}
    await send({**accept, "subprotocol": (scope["subprotocols"] or [None])[-1]})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", **{key: message[key] for key in ("text", "bytes") if key in message}})
    SEEN.append(message)
    if message["code"] == 1006:
        with pytest.raises(OSError, match="gone away"):
            await send({"type": "websocket.send", "text": "late"})


async def hesitates(scope: Scope, receive: Receive, send: Send) -> None:
    SEEN.append(await receive())


async def turn_away(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "websocket.close"})


async def deny(scope: Scope, receive: Receive, send: Send) -> None:
    fields = [(b"content-type", b"text/plain"), (b"x-why", b"no")]
    await send({"type": "websocket.http.response.start", "status": 401, "headers": fields})
    await send({"type": "websocket.http.response.body", "body": b"not ", "more_body": True})
    await send({"type": "websocket.http.response.body", "body": b"you"})


async def close(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.close", "code": 3001, "reason": "enough"})


async def returns(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "websocket.accept"})


async def fails(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "websocket.accept"})
    raise KeyError("fails")


async def silent(scope: Scope, receive: Receive, send: Send) -> None:
    return


async def flood(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "websocket.accept"})
    for _ in range(300):
        await send({"type": "websocket.send", "bytes": bytes(100_000)})
        SEEN.append("sent")


async def idle(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "websocket.accept"})
    while len(SEEN) == 0:
        await asyncio.sleep(0.01)
    while (message := await receive())["type"] == "websocket.receive":
        SEEN.append(len(message["bytes"]))


@pytest.fixture
def serve(new_loop: Any) -> Iterator[Serve]:
    servers: list[ServedApp] = []
    SEEN.clear()

    def start(prefix: str = "/", policies: Any = None, **settings: Any) -> ServedApp:
        outer = App("outer")
        outer.mount(prefix, app, **(policies or {}))
        servers.append(ServedApp(new_loop, outer, Settings(**settings)))
        return servers[-1]

    yield start
    assert [server.stop() for server in servers] == [[]] * len(servers)
    assert [line for server in servers for line in server.logged()] == []


def test_messages_of_both_kinds_come_back(serve: Serve) -> None:
    server = serve()
    with connect(server.url("/echo"), subprotocols=["a", "b"]) as client:  # type: ignore[list-item]
        assert client.subprotocol == "b"
        assert client.response is not None
        assert client.response.headers["x-own"] == "1"
        assert "permessage-deflate" in client.response.headers["sec-websocket-extensions"]
        for message in ("héllo", "", b"\x00\xff", "x" * 200_000):
            client.send(message)
            assert client.recv() == message
        client.send(iter(["in ", "three ", "parts"]))
        assert client.recv() == "in three parts"
        assert client.ping().wait(5)
        assert server.server.statistics()["open"] == 1
    until(lambda: SEEN == [{"type": "websocket.disconnect", "code": 1000, "reason": ""}])


def test_close_codes_reach_the_app(serve: Serve) -> None:
    server = serve()
    with connect(server.url("/echo")) as client:
        client.close(3000, "done")
    with connect(server.url("/echo")) as client:
        client.socket.close()
    until(lambda: [message["code"] for message in SEEN] == [3000, 1006])


@pytest.mark.parametrize(("path", "code", "reason"), [("/close", 3001, "enough"), ("/returns", 1000, "")])
def test_close_codes_reach_the_client(serve: Serve, path: str, code: int, reason: str) -> None:
    with connect(serve().url(path)) as client, pytest.raises(ConnectionClosed) as closed:
        client.recv()
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (code, reason)


def test_an_app_that_fails_closes_with_1011_and_is_logged(serve: Serve) -> None:
    server = serve()
    with connect(server.url("/fails")) as client, pytest.raises(ConnectionClosed) as closed:
        client.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1011
    until(lambda: server.running() == 0)
    [line] = server.logged()
    assert line.startswith("GET /fails failed")


@pytest.mark.parametrize(("path", "status", "body"), [("/turn_away", 403, b""), ("/deny", 401, b"not you")])
def test_refusals_are_http(serve: Serve, path: str, status: int, body: bytes) -> None:
    with pytest.raises(InvalidStatus) as refused:
        connect(serve().url(path))
    assert (refused.value.response.status_code, bytes(refused.value.response.body)) == (status, body)


def test_an_app_that_says_nothing_is_an_error(serve: Serve) -> None:
    server = serve()
    with pytest.raises(InvalidStatus) as refused:
        connect(server.url("/silent"))
    assert refused.value.response.status_code == 500
    assert len(server.logged()) == 1


def test_policies_hold_for_the_handshake(serve: Serve) -> None:
    async def refuse(request: Request) -> None:
        if request.headers.get("authorization") != "yes":
            raise Forbidden("say yes")

    server = serve(policies={"policies": [Before(hook=refuse)], "timeout": 1})
    with pytest.raises(InvalidStatus) as refused:
        connect(server.url("/echo"))
    assert refused.value.response.status_code == 403
    with connect(server.url("/echo"), additional_headers={"authorization": "yes"}) as client:
        client.send("x")
        assert client.recv() == "x"


def test_a_message_that_is_too_large(serve: Serve) -> None:
    with connect(serve(max_websocket_message=1000).url("/echo"), compression=None) as client:
        client.send("x" * 1000)
        assert client.recv() == "x" * 1000
        client.send("x" * 1001)
        with pytest.raises(ConnectionClosed) as closed:
            client.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1009
    until(lambda: [message["code"] for message in SEEN] == [1009])


def test_a_drain_tells_the_client_to_go_elsewhere_and_waits(serve: Serve) -> None:
    server = serve()
    with connect(server.url("/echo")) as client:
        client.send("x")
        assert client.recv() == "x"
        assert server.stop() == []
        with pytest.raises(ConnectionClosed) as closed:
            client.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1001
    assert SEEN == [{"type": "websocket.disconnect", "code": 1001, "reason": "the server is going away"}]


def test_the_app_waits_for_a_slow_client(serve: Serve) -> None:
    server = serve()
    with connect(server.url("/flood"), compression=None, max_queue=1) as client:
        until(lambda: len(SEEN) > 3)
        asyncio.run(asyncio.sleep(0.3))
        assert len(SEEN) < 250
        assert sum(1 for _ in client) == 300


def test_a_client_waits_for_a_slow_app(serve: Serve) -> None:
    server = serve()
    with connect(server.url("/idle"), compression=None) as client:
        client.socket.settimeout(0.5)
        with suppress(TimeoutError, ConnectionClosed):
            for _ in range(300):
                client.send(bytes(100_000))
        received = server.server.received
        assert received < 25_000_000
        SEEN.append("go on")


HANDSHAKE = (
    "upgrade: websocket",
    "connection: Upgrade",
    f"sec-websocket-key: {base64.b64encode(bytes(16)).decode()}",
    "sec-websocket-version: 13",
)


@pytest.mark.parametrize(
    ("left_out", "instead", "status", "code"),
    [
        (2, "x-a: b", 400, "malformed-upgrade"),
        (2, "sec-websocket-key: short", 400, "malformed-upgrade"),
        (3, "sec-websocket-version: 8", 426, "websocket-version-not-supported"),
    ],
)
def test_unsound_handshakes(serve: Serve, left_out: int, instead: str, status: int, code: str) -> None:
    fields = [*HANDSHAKE[:left_out], instead, *HANDSHAKE[left_out + 1 :]]
    with serve().connect() as client:
        answer = client.send(get("/echo", *fields)).last_answer()
    assert (answer.status, json.loads(answer.body)["code"]) == (status, code)


def test_frames_before_the_answer_break_the_connection(serve: Serve) -> None:
    with serve().connect() as client:
        client.send(get("/echo", *HANDSHAKE) + b"\x81\x80\x00\x00\x00\x00")
        assert b" 101 " not in client.rest_or_reset()


def test_a_client_that_answers_no_ping_is_cut(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "_PING_INTERVAL", 0.05)
    with serve().connect() as client:
        client.send(get("/echo", *HANDSHAKE)).until(b"\r\n\r\n")
        frames = client.rest_or_reset()
    assert frames.startswith(b"\x89\x00\x88")
    assert (1011).to_bytes(2, "big") in frames
    until(lambda: [message["code"] for message in SEEN] == [1006])


def test_a_client_that_leaves_during_the_handshake(serve: Serve) -> None:
    server = serve()
    with server.connect() as client:
        client.send(get("/hesitates", *HANDSHAKE))
        until(lambda: server.running() == 1)
    until(lambda: SEEN == [{"type": "websocket.disconnect", "code": 1006, "reason": ""}])


def test_other_upgrades_are_ignored(serve: Serve) -> None:
    with serve().connect() as client:
        assert client.send(get("/echo", "upgrade: h2c", "connection: upgrade")).answer().status == 426


def test_without_the_library_it_is_a_plain_request_and_told_once(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "websockets", None)
    upgrade._available.cache_clear()
    server = serve()
    with server.connect() as client:
        for _ in range(2):
            assert client.send(get("/echo", *HANDSHAKE)).answer().status == 426
    upgrade._available.cache_clear()
    assert server.logged() == ["a client asked for a WebSocket; to serve it, run: pip install 'stanchion[websocket]'"]

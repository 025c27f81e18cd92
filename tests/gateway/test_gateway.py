"""An app that proxies, before upstreams that behave and upstreams that do not."""

import asyncio
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from typing import Any

import pytest

from stanchion import App, Cache
from stanchion.errors import ConfigurationError, RouteError
from stanchion.gateway.options import ProxyOptions
from tests.gateway.upstream_server import Answer, Asked, UpstreamServer, response, sends
from tests.wire.client import Client, get, post
from tests.wire.live import until
from tests.wire.reader import Answer as Got
from tests.wire.serving import Serving

Start = Callable[..., tuple[Serving, UpstreamServer]]


@pytest.fixture
def start() -> Iterator[Start]:
    """Serves `/`, proxied to an upstream that gives this answer; options of the proxy by name."""
    ended: list[Callable[[], Any]] = []

    def started(answer: Answer, *further: str, policies: dict[str, Any] | None = None, **options: Any) -> Any:
        upstream = UpstreamServer(answer)
        app = App("gateway")
        app.proxy("/", [upstream.url, *further], options=ProxyOptions(**options), **(policies or {}))
        serving = Serving("uvloop", app, docs=False)
        ended.extend((serving.stop, upstream.close))
        return serving, upstream

    yield started
    for end in ended:
        end()


def asked(serving: Serving, data: bytes) -> Got:
    with serving.connect() as client:
        return client.send(data).answer()


def problem(got: Got) -> tuple[int, str]:
    return got.status, json.loads(got.body)["code"]


def test_what_the_upstream_sends_arrives_as_it_is(start: Start) -> None:
    date = "Date: Sun, 06 Nov 1994 08:49:37 GMT"
    answer = response(b"\x00\xffbody", "Set-Cookie: a=1", "Set-Cookie: b=2", date, "X-Raw: \xe4", "Content-Type: a/b")
    serving, upstream = start(sends(answer), policies={"cache": None})
    connection = HTTPConnection(*serving.address, timeout=5)
    connection.request("GET", "/a%20b//c?x=%zz&y")
    got = connection.getresponse()
    assert (got.status, got.read()) == (200, b"\x00\xffbody")
    connection.close()
    assert got.headers.get_all("set-cookie") == ["a=1", "b=2"]
    assert got.headers.get_all("date") == ["Sun, 06 Nov 1994 08:49:37 GMT"]
    assert (got.headers["x-raw"], got.headers["content-type"]) == ("\xe4", "a/b")
    assert upstream.asked[0].line == "GET /a%20b//c?x=%zz&y HTTP/1.1"


def test_fields_of_a_hop_stay_there_and_nobody_forges_who_asks(start: Start) -> None:
    answer = response(b"ok", "Connection: X-Hop", "X-Hop: 1", "Keep-Alive: timeout=5", "X-End: 1")
    serving, upstream = start(sends(answer))
    got = asked(
        serving,
        get(
            "/", "connection: x-mine", "x-mine: 1", "te: trailers", "x-forwarded-for: 6.6.6.6", "forwarded: for=6.6.6.6"
        ),
    )
    assert "x-hop" not in got.headers
    assert "keep-alive" not in got.headers
    assert got.headers["x-end"] == "1"
    fields = upstream.asked[0].fields
    assert "x-mine" not in fields
    assert fields["x-forwarded-for"] == "127.0.0.1"
    assert "6.6.6.6" not in fields["forwarded"]
    assert fields["host"] == f"127.0.0.1:{upstream.port}"
    assert fields["x-forwarded-host"] == "a"
    assert "1.1 stanchion" in fields["via"]


def test_the_host_may_be_the_clients_and_the_prefix_may_go(start: Start) -> None:
    upstream = UpstreamServer(sends(response()))
    app = App("gateway")
    app.proxy("/api", upstream.url, options=ProxyOptions(host="client", strip_prefix=True))
    serving = Serving("uvloop", app)
    try:
        assert asked(serving, get("/api/items?x=1")).status == 200
        assert asked(serving, get("/other")).status == 404
    finally:
        serving.stop()
        upstream.close()
    assert [(each.line, each.fields["host"]) for each in upstream.asked] == [("GET /items?x=1 HTTP/1.1", "a")]


def test_what_may_be_cached_is_asked_once(start: Start) -> None:
    serving, upstream = start(sends(response(b"kept", "Cache-Control: max-age=60")))
    with serving.connect() as client:
        bodies = [client.send(get("/kept")).answer() for _ in range(3)]
    assert [got.body for got in bodies] == [b"kept"] * 3
    assert len(upstream.asked) == 1
    assert "hit" in bodies[2].headers["cache-status"]


def test_a_declared_cache_and_none(start: Start) -> None:
    serving, upstream = start(sends(response(b"own")), policies={"cache": Cache(ttl=60)})
    for _ in range(2):
        asked(serving, get("/x"))
    assert len(upstream.asked) == 1
    serving, upstream = start(sends(response(b"kept", "Cache-Control: max-age=60")), policies={"cache": None})
    for _ in range(2):
        asked(serving, get("/x"))
    assert len(upstream.asked) == 2


def test_bodies_go_both_ways_without_being_gathered(start: Start) -> None:
    large = b"x" * 3_000_000

    def answer(end: socket.socket, asked: Asked) -> bool:
        end.sendall(response(asked.body if asked.body else large))
        return True

    serving, _ = start(answer, policies={"body_limit": 10_000_000})
    assert asked(serving, get("/large")).body == large
    assert asked(serving, post("/echo", large)).body == large
    assert asked(serving, post("/echo", b"small")).body == b"small"


def test_nobody_there_and_too_slow(start: Start) -> None:
    def never(end: socket.socket, asked: Asked) -> bool:
        time.sleep(1)
        return False

    serving, _ = start(never, answer_timeout=0.2, retries=0)
    assert problem(asked(serving, get("/"))) == (504, "upstream-timeout")
    serving, upstream = start(sends(response()), retries=0)
    upstream.close()
    assert problem(asked(serving, get("/"))) == (502, "upstream-unreachable")


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"garbage\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 400_000 + b"\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    ],
    ids=["two lengths", "lengths", "coding", "garbage", "head", "switch"],
)
def test_what_could_be_read_in_two_ways_is_not_passed_on(start: Start, answer: bytes) -> None:
    serving, _ = start(sends(answer), retries=0)
    assert problem(asked(serving, get("/"))) == (502, "upstream-malformed")


def test_bytes_behind_an_answer_are_nobodys(start: Start) -> None:
    serving, upstream = start(sends(response(b"one") + response(b"forged")), policies={"cache": None})
    with serving.connect() as client:
        assert [client.send(get("/")).answer().body for _ in range(3)] == [b"one"] * 3
    assert upstream.connections == 3  # none is used again


def test_what_may_be_sent_twice_goes_to_another(start: Start) -> None:
    def dies(end: socket.socket, asked: Asked) -> bool:
        return False  # closed after the request was read

    other = UpstreamServer(sends(response(b"other")))
    try:
        serving, broken = start(dies, other.url, budget=1.0, policies={"cache": None})
        assert {asked(serving, get("/")).body for _ in range(6)} == {b"other"}
        assert broken.asked
        sent = len(other.asked)
        posts = [asked(serving, post("/", b"x")).status for _ in range(4)]
        assert set(posts) <= {200, 502}
        assert len(other.asked) - sent == posts.count(200)  # none was sent a second time
    finally:
        other.close()


def test_health_takes_an_upstream_out(start: Start) -> None:
    def ill(end: socket.socket, asked: Asked) -> bool:
        end.sendall(response(status="503 Service Unavailable") if "/healthz" in asked.line else response(b"ill"))
        return True

    well = UpstreamServer(sends(response(b"well")))
    try:
        serving, upstream = start(ill, well.url, health="/healthz", health_interval=0.1, policies={"cache": None})
        until(lambda: sum("/healthz" in each.line for each in upstream.asked) >= 3)
        assert {asked(serving, get("/")).body for _ in range(10)} == {b"well"}
    finally:
        well.close()


def test_a_thousand_clients_that_leave_leave_no_connection(start: Start) -> None:
    gate = threading.Event()

    def waits(end: socket.socket, asked: Asked) -> bool:
        gate.wait(10)
        end.sendall(response())
        return True

    serving, _ = start(waits, policies={"cache": None}, connections=64)
    for _ in range(20):
        clients = [serving.connect() for _ in range(50)]
        for client in clients:
            client.send(get("/"))
        time.sleep(0.01)
        for client in clients:
            client.close()
    proxy = serving.compiled.proxies[0]
    until(lambda: proxy.backends[0].pool.busy == 0)
    gate.set()
    assert asked(serving, get("/")).status == 200


def test_a_websocket_is_a_tunnel() -> None:
    websockets = pytest.importorskip("websockets.asyncio.server")
    from websockets.asyncio.client import connect

    async def echo(connection: Any) -> None:
        async for message in connection:
            await connection.send(message[::-1])

    async def converse(serving: Serving) -> list[Any]:
        async with connect(serving.url("/chat")) as client:
            answers = []
            for message in ("hello", b"\x00\x01" * 50_000):
                await client.send(message)
                answers.append(await client.recv())
            return answers

    async def main() -> list[Any]:
        async with websockets.serve(echo, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            app = App("gateway")
            app.proxy("/", f"http://127.0.0.1:{port}")
            serving = await asyncio.to_thread(Serving, "uvloop", app)
            try:
                return await converse(serving)
            finally:
                await asyncio.to_thread(serving.stop)

    assert asyncio.run(main()) == ["olleh", b"\x01\x00" * 50_000]


def test_mistakes_are_told_when_they_are_made() -> None:
    app = App("gateway")
    with pytest.raises(ConfigurationError, match=r"ftp://x.*http://HOST:PORT"):
        app.proxy("/", "ftp://x")
    with pytest.raises(RouteError, match="no upstream"):
        app.proxy("/", [])
    with pytest.raises(RouteError, match="retries=-1"):
        ProxyOptions(retries=-1)


def test_clients_are_kept_apart(start: Start) -> None:
    def mine(end: socket.socket, asked: Asked) -> bool:
        who = asked.fields.get("authorization", "nobody")
        end.sendall(response(who.encode(), "Cache-Control: max-age=60"))
        return True

    serving, _ = start(mine)
    clients: list[Client] = [serving.connect() for _ in range(2)]
    for _ in range(2):
        assert clients[0].send(get("/me", "authorization: ann")).answer().body == b"ann"
        assert clients[1].send(get("/me", "authorization: bob")).answer().body == b"bob"
    assert clients[0].send(get("/me")).answer().body == b"nobody"


def test_metrics_tell_methods_and_statuses_apart_and_none_that_a_client_makes_up(start: Start) -> None:
    def answer(end: socket.socket, asked: Asked) -> bool:
        status = "404 Not Found" if asked.line.startswith("DELETE") else "200 OK"
        end.sendall(response(b"ok", "Cache-Control: max-age=60", status=status))
        return True

    serving, upstream = start(answer)
    for _ in range(5):  # answered once by the upstream, then by the cache, and then from beside it
        assert asked(serving, get("/a")).status == 200
    assert asked(serving, post("/b", b"x")).status == 200
    assert asked(serving, get("/c", method="DELETE")).status == 404
    assert asked(serving, get("/d", method="MKCOL")).status == 501
    meter, cells = serving.server.meter, serving.server.cells
    assert set(meter._series) == {(name, "/{path:path}") for name in ("GET", "POST", "DELETE")} | {("", "(malformed)")}
    outcomes = {name: list(cells[base : base + 6]) for (name, _), base in meter._series.items()}
    assert (outcomes["GET"], outcomes["POST"], outcomes["DELETE"]) == (
        [0, 0, 5, 0, 0, 0],
        [0, 0, 1, 0, 0, 0],
        [0, 0, 0, 0, 1, 0],
    )
    assert len(serving.server.shelf) == 1
    assert [one.line.split()[0] for one in upstream.asked] == ["GET", "POST", "DELETE"]

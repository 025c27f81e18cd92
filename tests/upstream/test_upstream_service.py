"""`app.http`: calls of handlers to another API, within the request's deadline."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from stanchion import App, Request, Settings
from stanchion.errors import ConfigurationError
from stanchion.testing.client import session
from stanchion.upstream.service import Service
from stanchion.wire.http1.protocol import HTTP1
from tests.upstream.raw import Talk, Talker, always, run, until, upstream

OK = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 12\r\n\r\n{"paid":true}'.replace(
    b"12", b"13"
)
FAILS = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"


def noting(heads: list[bytes], answer: bytes = OK) -> Talk:
    async def talk(talker: Talker) -> None:
        while True:
            heads.append(await talker.head())
            await talker.say(answer)

    return talk


def within(talk: Talk, work: Callable[[Service, Any], Awaitable[None]], **options: Any) -> None:
    """Run `work` with a service that is declared with `options`, and the upstream that it calls."""

    async def body() -> None:
        async with upstream(talk) as seen:
            service = App("shop").http("payments", seen.url, **options)
            try:
                await work(service, seen)
            finally:
                await service.close()

    run(body)


def test_a_call_and_its_answer() -> None:
    heads: list[bytes] = []

    async def work(service: Service, seen: Any) -> None:
        reply = await service.get("/charges/7", params={"full": "yes no"}, headers={"X-Key": "k"})
        assert (reply.status, reply.json(), reply.headers["Content-Type"]) == (200, {"paid": True}, "application/json")
        assert heads[0].startswith(b"GET /charges/7?full=yes+no HTTP/1.1\r\nX-Key: k\r\n")
        assert f"host: 127.0.0.1:{seen.port}\r\n".encode() in heads[0]
        assert service.statistics()["open"] == 1

    within(noting(heads), work)


def test_a_body_is_json_or_bytes() -> None:
    bodies: list[tuple[bytes, bytes]] = []

    async def talk(talker: Talker) -> None:
        while True:
            head = await talker.head()
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            bodies.append((head, await talker.reader.readexactly(length)))
            await talker.say(OK)

    async def work(service: Service, seen: Any) -> None:
        await service.post("/charges", json={"sum": 7})
        await service.put("/logo", body=b"\x00\x01", headers={"Content-Type": "image/png"})
        await service.post("/touch")
        assert [body for _, body in bodies] == [b'{"sum":7}', b"\x00\x01", b""]
        assert b"content-type: application/json\r\n" in bodies[0][0]

    within(talk, work)


@pytest.mark.parametrize(("method", "times"), [("GET", 3), ("POST", 1)])
def test_what_may_be_sent_twice_is_tried_again(method: str, times: int) -> None:
    heads: list[bytes] = []

    async def work(service: Service, seen: Any) -> None:
        reply = await service.call(method, "/charges")
        assert (reply.status, len(heads)) == (503, times)

    within(noting(heads, FAILS), work, retries=2, pause=0.001, budget=1.0)


def test_the_breaker_keeps_calls_back() -> None:
    heads: list[bytes] = []

    async def work(service: Service, seen: Any) -> None:
        codes = []
        for _ in range(60):
            try:
                await service.get("/charges")
            except Exception as error:
                codes.append(getattr(error, "code", repr(error)))
        assert set(codes) == {"dependency-unavailable"}
        assert len(heads) < 30

    within(noting(heads, FAILS), work, retries=0)


def test_a_slow_first_attempt_is_hedged() -> None:
    async def talk(talker: Talker) -> None:
        while True:
            await talker.head()
            if talker.number == 0:
                await asyncio.sleep(5)
            await talker.say(OK)

    async def work(service: Service, seen: Any) -> None:
        assert (await service.get("/charges")).status == 200
        assert seen.connections == 2
        await until(lambda: service.statistics()["open"] == 1)  # the attempt that lost has let go of its connection

    within(talk, work, hedge=0.05)


def test_an_answer_too_large_and_a_path_that_cannot_be_sent() -> None:
    async def work(service: Service, seen: Any) -> None:
        for path in ("charges", "/a b", "/a\r\nX: 1", "/é"):
            with pytest.raises(ValueError, match="percent-encoded"):
                await service.get(path)
        with pytest.raises(ValueError, match="CR, LF"):
            await service.get("/", headers={"X": "a\r\nY: b"})
        assert seen.connections == 0

    within(always(OK), work)


def test_mistakes_in_a_declaration() -> None:
    app = App("shop")
    app.http("payments", "http://127.0.0.1:1")
    for name, url, options in (
        ("payments", "http://127.0.0.1:1", {}),
        ("other", "ftp://x", {}),
        ("third", "http://127.0.0.1:1", {"retries": 99}),
        ("fourth", "http://127.0.0.1:1", {"connections": 0}),
    ):
        with pytest.raises(ConfigurationError):
            app.http(name, url, **options)  # type: ignore[arg-type]


def test_an_expired_deadline_ends_the_call_and_frees_the_connection() -> None:
    heads: list[bytes] = []

    async def talk(talker: Talker) -> None:
        heads.append(await talker.head())
        await asyncio.sleep(10)

    async def work() -> None:
        async with upstream(talk) as seen:
            app = App("shop")
            payments = app.http("payments", seen.url)

            @app.get("/pay", timeout=1)
            async def pay(request: Request) -> Any:
                return (await payments.get("/charges", request=request)).json()

            async with session(app, Settings(docs=False)) as server:
                loop = asyncio.get_running_loop()
                listener = await loop.create_server(lambda: HTTP1(server), "127.0.0.1", 0)
                reader, writer = await asyncio.open_connection(*listener.sockets[0].getsockname())
                trace = b"traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n"
                writer.write(b"GET /pay HTTP/1.1\r\nhost: a\r\nx-request-id: me\r\n" + trace + b"\r\n")
                head = await reader.readuntil(b"\r\n\r\n")
                assert head.startswith(b"HTTP/1.1 504 ")
                assert json.loads(await reader.read(1000))["code"] in ("deadline-exceeded", "upstream-timeout")
                await until(lambda: payments.statistics()["open"] == 0)
                writer.close()
                listener.close()
        left = float(heads[0].split(b"x-request-timeout: ")[1].split(b"\r\n")[0])
        assert 0 < left <= 1
        assert b"traceparent: 00-0af7651916cd43dd8448eb211c80319c-" in heads[0]
        assert b"x-request-id: me\r\n" in heads[0]

    run(work)

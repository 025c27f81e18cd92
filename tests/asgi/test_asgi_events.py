"""Each rule of the ASGI HTTP spec 2.4, by a bare function."""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from stanchion import App, Before, Request
from stanchion.asgi.messages import Message, Receive, Scope, Send
from stanchion.errors import Forbidden, RouteError
from tests.asgi.conftest import Serve
from tests.wire.client import chunked, get, post
from tests.wire.live import until

START = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]}
Body = Callable[[Scope, Receive, Send], Awaitable[None]]


def app_of(handle: Body) -> Body:
    """An app without lifespans."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            raise ValueError("what is that?")
        await handle(scope, receive, send)

    return app


def sending(*messages: Message) -> Body:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        for message in messages:
            await send(message)

    return app_of(app)


def body(content: bytes, more: bool = False) -> Message:
    return {"type": "http.response.body", "body": content, "more_body": more}


def test_the_scope(serve_app: Serve) -> None:
    scopes: list[Scope] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        scopes.append(scope)
        await send(START)
        await send({"type": "http.response.body"})

    server = serve_app(app_of(app), "/v1")
    with server.connect() as client:
        client.send(get("/v1/a%2Fb/%C3%A9?x=%20", "x-a: 1", "x-a: 2", "cookie: a=1", "cookie: b=2")).answer()
        client.send(get("/v1", "content-type: a").replace(b"1.1", b"1.0")).answer()
    scope, old = scopes
    expected: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/v1/a/b/é",
        "raw_path": b"/v1/a%2Fb/%C3%A9",
        "query_string": b"x=%20",
        "root_path": "/v1",
        "headers": [(b"host", b"a"), (b"x-a", b"1, 2"), (b"cookie", b"a=1; b=2")],
        "server": server.address,
        "state": {},
        "extensions": {"http.response.pathsend": {}},
    }
    assert {key: scope[key] for key in expected} == expected
    assert scope["client"][0] == "127.0.0.1"
    assert (old["http_version"], old["path"]) == ("1.0", "/v1")


async def _received(scope: Scope, receive: Receive, send: Send) -> None:
    messages = [await receive()]
    while messages[-1].get("more_body"):
        messages.append(await receive())
    size = sum(len(message["body"]) for message in messages)
    await send(START)
    await send(body(b"%d" % size))
    assert await receive() == {"type": "http.disconnect"}


@pytest.mark.parametrize(
    ("message", "size"),
    [
        (get(), 0),
        (post(body=b"x" * 10), 10),
        (post(body=b"x" * 500_000), 500_000),
        (chunked("/", b"abc", b"defg"), 7),
    ],
)
def test_a_body_is_received_and_then_the_end(serve_app: Serve, message: bytes, size: int) -> None:
    server = serve_app(app_of(_received))
    with server.connect() as client:
        assert client.send(message).answer().body == b"%d" % size
        until(lambda: server.running() == 0)


def test_receive_can_be_cancelled_and_loses_nothing(serve_app: Serve) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(receive(), 0.05)
        await send(START)
        message = await receive()
        await send(body(message["body"]))

    server = serve_app(app_of(app))
    with server.connect() as client:
        client.send(get("/", "content-length: 3", method="POST"))
        until(lambda: server.running() == 1)
        asyncio.run(asyncio.sleep(0.1))
        assert client.send(b"abc").answer().body == b"abc"


def test_a_client_that_leaves_is_received_and_send_raises(serve_app: Serve) -> None:
    seen: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(await receive())
        seen.append(await receive())
        await send(START)
        try:
            await send(body(b"late"))
        except OSError as error:
            seen.append(error)
            raise

    server = serve_app(app_of(app))
    with server.connect() as client:
        client.send(get())
        until(lambda: len(seen) == 1)
    until(lambda: server.running() == 0)
    assert [seen[1], str(seen[2])] == [{"type": "http.disconnect"}, "the client has gone away"]


def test_a_stream_waits_for_its_client(serve_app: Serve) -> None:
    sent: list[int] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(START)
        for _ in range(200):
            await send(body(bytes(100_000), more=True))
            sent.append(1)
        await send(body(b""))

    server = serve_app(app_of(app))
    with server.connect(receive_buffer=4096) as client:
        client.send(get("/", "connection: close")).until(b"\r\n\r\n")
        asyncio.run(asyncio.sleep(0.3))
        assert len(sent) < 150
        assert sum(iter(lambda: len(client.some(1 << 18)), 0)) > 19_000_000
    assert len(sent) == 200


LENGTH_7 = {"type": "http.response.start", "status": 200, "headers": [(b"Content-Length", b"7"), (b"date", b"x")]}


@pytest.mark.parametrize("message", [body(b""), body(b"1234567"), body(b"", more=True)])
def test_head_keeps_the_declared_length(serve_app: Serve, message: Message) -> None:
    server = serve_app(sending(LENGTH_7, message, *([body(b"")] if message["more_body"] else [])))
    with server.connect() as client:
        answer = client.send(get(method="HEAD")).answer("HEAD")
        assert (answer.status, answer.headers["content-length"]) == (200, "7")
        assert client.send(get(method="HEAD")).answer("HEAD").status == 200


DATE = b"Sun, 06 Nov 1994 08:49:37 GMT"


@pytest.mark.parametrize(
    ("status", "messages"),
    [
        (200, [body(b"whole")]),
        (200, [body(b"in ", more=True), body(b"parts")]),
        (304, [body(b"")]),
        (200, [{"type": "http.response.pathsend", "path": __file__}]),
        (200, [{"type": "http.response.pathsend", "path": sys.executable}]),
    ],
)
def test_a_date_of_the_app_s_own_is_passed_on(serve_app: Serve, status: int, messages: list[Message]) -> None:
    head = {"type": "http.response.start", "status": status, "headers": [(b"Date", DATE), (b"x-a", b"1")]}
    server = serve_app(sending(head, *messages))
    with server.connect() as client:
        raw = client.send(get("/", "connection: close")).until(b"\r\n\r\n")
    lines = raw.partition(b"\r\n\r\n")[0].lower().split(b"\r\n")
    assert [line for line in lines if line.startswith(b"date:")] == [b"date: " + DATE.lower()]
    assert b"x-a: 1" in lines


@pytest.mark.parametrize("value", [b"", b"yesterday", DATE + b"\r\nx-evil: 1", DATE + b"\n", DATE * 9])
def test_what_is_no_date_is_replaced_by_ours(serve_app: Serve, value: bytes) -> None:
    head = {"type": "http.response.start", "status": 200, "headers": [(b"date", value)]}
    server = serve_app(sending(head, body(b"ok")))
    with server.connect() as client:
        answer = client.send(get()).answer()
    made = parsedate_to_datetime(answer.headers["date"]).timestamp()
    assert abs(time.time() - made) < 5
    assert "x-evil" not in answer.headers


@pytest.mark.parametrize("status", [204, 304])
def test_answers_without_a_body(serve_app: Serve, status: int) -> None:
    start = {"type": "http.response.start", "status": status, "headers": [(b"etag", b'"x"')]}
    server = serve_app(sending(start, body(b"ignored", more=True), body(b"as well")))
    with server.connect() as client:
        for _ in range(2):
            answer = client.send(get()).answer()
            assert (answer.status, answer.headers["etag"], answer.body) == (status, '"x"', b"")
            assert not {"transfer-encoding", "content-length"} & answer.headers.keys()


NOT_GIVEN = "the ASGI app returned without an answer; it should send "


@pytest.mark.parametrize(
    ("messages", "error"),
    [
        ([], f"{NOT_GIVEN}'http.response.start'"),
        ([START], f"{NOT_GIVEN}'http.response.body'"),
        ([body(b"x")], "expected 'http.response.start' in this place"),
        ([{"type": "http.response.strat"}], "expected 'http.response.start' in this place"),
        ([START, START], "expected 'http.response.body' in this place"),
        ([{"type": "http.response.start", "status": "200"}], 'expected "status" an int from 200 to 599'),
        ([{"type": "http.response.start", "status": 99}], 'expected "status" an int from 200 to 599'),
        ([{**START, "headers": [("a", "b")]}], '"headers" pairs of bytes'),
        ([START, {"type": "http.response.body", "body": "text"}], 'expected "body" bytes'),
        ([{**START, "headers": [(b"x", b"a\r\nb: c")]}, body(b"")], "contains CR, LF or NUL"),
    ],
)
@pytest.mark.parametrize("policies", [{}, {"timeout": 5}], ids=["alone", "behind a policy"])
def test_what_an_app_may_not_do(
    serve_app: Serve, caplog: pytest.LogCaptureFixture, messages: list[Message], error: str, policies: Any
) -> None:
    server = serve_app(sending(*messages), **policies)
    with server.connect() as client:
        answer = client.send(get()).answer()
    assert (answer.status, json.loads(answer.body)["code"]) == (500, "internal-error")
    assert len(server.logged()) == 1
    assert error in str(caplog.records[-1].exc_info[1])  # type: ignore[index]


def test_a_message_after_the_end_is_an_error_and_the_answer_stands(
    serve_app: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    server = serve_app(sending(START, body(b"whole"), body(b"more")))
    with server.connect() as client:
        assert client.send(get()).answer().body == b"whole"
        until(lambda: server.running() == 0)
    assert len(server.logged()) == 1
    assert "expected 'nothing more' in this place" in str(caplog.records[-1].exc_info[1])  # type: ignore[index]


def test_a_length_that_is_wrong_breaks_the_connection(serve_app: Serve, caplog: pytest.LogCaptureFixture) -> None:
    server = serve_app(sending(LENGTH_7, body(b"123", more=True), body(b"45")))
    with server.connect() as client:
        assert client.send(get()).rest_or_reset().endswith(b"12345")
    assert len(server.logged()) == 1
    assert "ended 2 bytes short of its length of 7" in str(caplog.records[-1].exc_info[1])  # type: ignore[index]


def test_routes_win_over_mounts_and_the_longer_prefix_over_the_shorter(serve_app: Serve) -> None:
    def named(name: bytes) -> Body:
        return sending(START, body(name))

    app = App("several")
    app.mount("/", named(b"root"))
    app.mount("/a", named(b"a"))
    app.mount("/a/b", named(b"b"))

    @app.get("/a/native")
    async def native() -> str:
        return "native"

    server = serve_app(sending(), "/unused")
    server.stop()
    compiled = app.compile()
    found = {path: compiled.find("GET", path)[0] for path in ("/", "/a", "/a/", "/a/x", "/a/b/c", "/a/native", "/ab")}
    templates = {path: endpoint.route.template for path, endpoint in found.items() if endpoint is not None}
    assert templates == {
        "/": "/{path:path}",
        "/a": "/a/{path:path}",
        "/a/": "/a/{path:path}",
        "/a/x": "/a/{path:path}",
        "/a/b/c": "/a/b/{path:path}",
        "/a/native": "/a/native",
        "/ab": "/{path:path}",
    }


def test_a_hook_refuses_before_the_app_is_called(serve_app: Serve) -> None:
    async def refuse(request: Request) -> None:
        raise Forbidden("no")

    server = serve_app(sending(START, body(b"x")), policies=[Before(hook=refuse)])
    with server.connect() as client:
        assert client.send(get()).answer().status == 403


@pytest.mark.parametrize("prefix", ["/v1/", "v1"])
def test_a_prefix_that_is_none(prefix: str) -> None:
    app = App("x")
    with pytest.raises(RouteError):
        app.mount(prefix, sending())


def test_a_prefix_with_a_parameter() -> None:
    app = App("x")
    app.mount("/{tenant}", sending())
    with pytest.raises(RouteError, match="at plain paths"):
        app.compile()

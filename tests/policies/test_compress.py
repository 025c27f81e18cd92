"""Compress: what is sent to whom, what is left as it is, and that the parts agree."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from stanchion import App, EventStream, File, Limit, Request, Response, Settings, Stream
from stanchion.errors import HTTPError, RouteError
from stanchion.http.codings.responses import Coder
from stanchion.http.codings.streams import OFF_LOOP, SLICE, CodedBody
from stanchion.http.conditional import Validators, precondition
from stanchion.http.hit import Hit
from stanchion.policies.base import Category, Policy
from stanchion.policies.compress import Compress
from stanchion.policies.runtime import Runtime
from stanchion.routing.route import Call, Gate, Route
from stanchion.testing import Client
from tests.http.decoding import Decoder, decoded

ROWS = [{"id": n, "name": f"item {n}", "price": n * 37 % 101} for n in range(100)]
JSON = msgspec.json.encode(ROWS)
GZIP = {"Accept-Encoding": "gzip"}
LARGE = b"".join(b'{"id":%d,"at":%d}\n' % (n, n * 7919) for n in range(40_000))


def serving(response: Any, **options: Any) -> App:
    """An app of one handler that returns `response`, for any method."""
    app = App("one", **({"compress": True} | options))

    async def handler() -> Response:
        return response

    for method in ("GET", "POST"):
        app.route(method, "/")(handler)
    return app


def ask(response: Any, headers: dict[str, str] = GZIP, method: str = "GET", **options: Any) -> Any:
    with Client(serving(response, **options)) as client:
        return client.request(method, "/", headers=headers)


def text(**fields: Any) -> Response:
    return Response(JSON, media_type="application/json", **fields)


# Whatever the way a handler is served


def everyway() -> App:
    app = App("ways", compress=True)

    @app.get("/at-once")
    async def at_once() -> list[dict[str, Any]]:
        return ROWS

    @app.get("/in-a-task")
    async def in_a_task() -> list[dict[str, Any]]:
        await asyncio.sleep(0)
        return ROWS

    @app.get("/in-a-thread")
    def in_a_thread() -> list[dict[str, Any]]:
        return ROWS

    @app.get("/behind-a-gate", limit=Limit("100/s"))
    async def behind_a_gate() -> list[dict[str, Any]]:
        await asyncio.sleep(0)
        return ROWS

    @app.get("/large-at-once")
    async def large_at_once() -> Response:
        return Response(LARGE, media_type="text/plain")

    @app.get("/large-behind-a-gate", limit=Limit("100/s"))
    async def large_behind_a_gate() -> Response:
        await asyncio.sleep(0)
        return Response(LARGE, media_type="text/plain")

    return app


@pytest.mark.parametrize("coding", ["zstd", "br", "gzip", None])
@pytest.mark.parametrize("path", ["/at-once", "/in-a-task", "/in-a-thread", "/behind-a-gate"])
def test_by_what_the_client_takes(path: str, coding: str | None) -> None:
    with Client(everyway()) as client:
        result = client.get(path, headers={"Accept-Encoding": coding or "identity"})
        head = client.head(path, headers={"Accept-Encoding": coding or "identity"})
    assert result.headers.get("content-encoding") == coding
    assert decoded(coding, result.body) == JSON
    assert coding is None or len(result.body) < len(JSON) / 2
    assert result.headers["vary"] == "Accept-Encoding"
    assert result.headers["content-type"] == "application/json"
    assert result.headers["content-length"] == str(len(result.body))
    changing = {"ratelimit", "date"}
    assert {n: v for n, v in head.headers.items() if n not in changing} == {
        n: v for n, v in result.headers.items() if n not in changing
    }


@pytest.mark.parametrize("path", ["/large-at-once", "/large-behind-a-gate"])
def test_large_bodies(path: str) -> None:
    assert len(LARGE) > 2 * SLICE
    with Client(everyway()) as client:
        result = client.get(path, headers=GZIP)
        head = client.head(path, headers=GZIP)
    assert decoded("gzip", result.body) == LARGE
    assert ("content-length" in result.headers) == (path != "/large-at-once")
    assert head.headers["content-encoding"] == result.headers["content-encoding"] == "gzip"


def test_a_handler_without_await_needs_no_task() -> None:
    for path in ("/at-once", "/large-at-once"):
        endpoint, _ = everyway().compile().find("GET", path)
        assert endpoint is not None
        assert endpoint.inline is not None


def test_only_where_it_is_declared() -> None:
    app = App("some", compress=Compress(min_size=10))

    @app.get("/off", compress=False)
    async def off() -> str:
        return "x" * 5000

    @app.get("/inherited")
    async def inherited() -> str:
        return "x" * 200

    with Client(app) as client:
        assert client.get("/off", headers=GZIP).text == "x" * 5000
        assert client.get("/inherited", headers=GZIP).headers["content-encoding"] == "gzip"
    assert ask(text(), compress=False).body == JSON


# What is left as it is


@pytest.mark.parametrize(
    "response",
    [
        Response(b"x" * 1023, media_type="text/plain"),
        Response(b"x" * 5000, media_type="image/png"),
        Response(b"x" * 5000),
        Response(JSON, 206, "application/json", headers={"Content-Range": "bytes 0-9/10"}),
        text(headers={"Content-Encoding": "br"}),
        text(headers={"content-range": "bytes 0-9/10"}),
        text(headers={"Repr-Digest": "sha-256=:AAAA:"}),
        text(headers={"Cache-Control": "public, No-Transform"}),
        text(fields=[(b"content-encoding", b"gzip")]),
    ],
    ids=repr,
)
def test_this_is_sent_as_it_is(response: Response) -> None:
    result = ask(response)
    assert result.body == response.body
    assert "vary" not in result.headers
    assert result.headers.get("content-encoding", "none") in ("none", "br", "gzip")


@pytest.mark.parametrize("status", [204, 304])
def test_no_content_stays_none(status: int) -> None:
    result = ask(Response(b"", status, headers={"ETag": '"a"'}))
    assert (result.body, result.headers["etag"]) == (b"", '"a"')
    assert "content-encoding" not in result.headers


def test_what_becomes_no_smaller() -> None:
    import random

    noise = bytes(random.Random(1).choices(range(256), k=5000))
    result = ask(Response(noise, media_type="text/plain", headers={"ETag": '"a"'}))
    assert (result.body, result.headers["etag"], result.headers["vary"]) == (noise, '"a"', "Accept-Encoding")


def test_a_request_may_ask_for_it() -> None:
    result = ask(text(), GZIP | {"Cache-Control": "no-transform"})
    assert (result.body, result.headers["vary"]) == (JSON, "Accept-Encoding")


def test_a_file_goes_by_the_kernel(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"a" * 5000)
    result = ask(File(tmp_path / "a.txt"))
    assert result.body == b"a" * 5000
    assert "vary" not in result.headers


def test_errors_are_not_its_business() -> None:
    app = App("errors", compress=Compress(min_size=0))

    @app.get("/")
    async def fails() -> str:
        raise HTTPError("x" * 2000, status=409)

    with Client(app) as client:
        assert client.get("/", headers=GZIP).json()["detail"] == "x" * 2000


# The head


def test_a_response_that_a_handler_keeps_is_not_changed() -> None:
    kept = text(headers={"Accept-Ranges": "bytes", "ETag": '"a"'}, more_headers=[("Vary", "Origin")])
    before = repr(kept)
    for coding in ("gzip", "br"):
        result = ask(kept, {"Accept-Encoding": coding})
        assert decoded(coding, result.body) == JSON
        assert result.headers["vary"] == "Origin, Accept-Encoding"
        assert result.headers["etag"] == f'"a-{coding}"'
        assert "accept-ranges" not in result.headers
    assert repr(kept) == before


def test_fields_of_an_upstream() -> None:
    fields = [(b"etag", b'"up"'), (b"vary", b"accept"), (b"x-from", b"up"), (b"accept-ranges", b"bytes")]
    result = ask(text(fields=fields))
    assert (result.headers["etag"], result.headers["vary"]) == ('"up-gzip"', "accept, Accept-Encoding")
    assert (result.headers["x-from"], result.headers.get("accept-ranges")) == ("up", None)
    length = [(b"content-length", b"%d" % len(JSON)), (b"etag", b'"up"')]
    head = ask(Response(b"", media_type="application/json", fields=length), method="HEAD")
    assert (head.headers["content-encoding"], head.headers["etag"]) == ("gzip", '"up-gzip"')
    assert "content-length" not in head.headers
    small = ask(Response(b"", media_type="application/json", fields=[(b"content-length", b"10")]), method="HEAD")
    assert (small.headers["content-length"], small.headers.get("content-encoding")) == ("10", None)


def test_a_weak_tag_means_the_same_in_any_coding() -> None:
    assert ask(text(headers={"ETag": 'W/"a"'})).headers["etag"] == 'W/"a"'


def test_text_that_a_policy_answers_with() -> None:
    assert decoded("gzip", ask(Response("ä" * 2000)).body) == ("ä" * 2000).encode()


# Conditions


def guarded() -> App:
    """A handler that knows the tag `"v1"`."""
    app = App("guarded", compress=True)

    async def handler(request: Request) -> Response:
        current = Validators('"v1"')
        verdict = precondition(request.method, request.fields, current)
        if verdict == 412:
            raise HTTPError("it has changed", status=412, code="precondition-failed")
        return Response(b"", 304, headers={"ETag": '"v1"'}) if verdict == 304 else text(headers={"ETag": '"v1"'})

    app.get("/")(handler)
    app.put("/")(handler)
    return app


def test_a_coded_copy_is_known_again() -> None:
    with Client(guarded()) as client:
        tag = client.get("/", headers=GZIP).headers["etag"]
        assert tag == '"v1-gzip"'
        again = client.get("/", headers=GZIP | {"If-None-Match": f'"v0-gzip", {tag}'})
        assert (again.status, again.headers["etag"], again.headers["vary"]) == (304, tag, "Accept-Encoding")
        plain = client.get("/", headers={"If-None-Match": '"v1"'})
        assert (plain.status, plain.headers["etag"]) == (304, '"v1"')


def test_a_copy_in_another_coding_is_not_what_would_be_sent() -> None:
    with Client(guarded()) as client:
        for accept in ("br", "identity"):
            result = client.get("/", headers={"Accept-Encoding": accept, "If-None-Match": '"v1-gzip"'})
            assert result.status == 200


def test_who_changes_it_may_name_it_in_any_coding() -> None:
    with Client(guarded()) as client:
        assert client.put("/", headers={"If-Match": '"v1-br"'}).status == 200
        assert client.put("/", headers={"If-Match": '"v0-br"'}).status == 412


# Streams


def stream(*pieces: Any, length: int | None = None, media_type: str = "text/csv") -> Stream:
    async def source() -> AsyncIterator[Any]:
        for piece in pieces:
            yield piece

    return Stream(source(), media_type=media_type, length=length)


@pytest.mark.parametrize("coding", ["zstd", "br", "gzip"])
@pytest.mark.parametrize("pieces", [(), ("a,b\n", "", b"1,2\n"), (b"x" * OFF_LOOP, b"y" * 10)], ids=len)
def test_a_stream(coding: str, pieces: tuple[Any, ...]) -> None:
    result = ask(stream(*pieces), {"Accept-Encoding": coding})
    assert result.headers["content-encoding"] == coding
    assert result.headers["transfer-encoding"] == "chunked"
    assert decoded(coding, result.body) == b"".join(p.encode() if isinstance(p, str) else p for p in pieces)


def test_a_stream_of_known_length() -> None:
    result = ask(stream(b"a" * 2000, length=2000))
    assert decoded("gzip", result.body) == b"a" * 2000
    assert "content-length" not in result.headers
    small = ask(stream(b"a" * 20, length=20))
    assert (small.body, small.headers["content-length"]) == (b"a" * 20, "20")


def test_what_a_piece_holds_can_be_read_before_the_next_is_made() -> None:
    async def main() -> None:
        made = []

        async def source() -> AsyncIterator[bytes]:
            for n in range(3):
                made.append(n)
                yield b"row %d\n" % n

        request = Request("GET", "/", "", {b"accept-encoding": b"zstd"}, None)  # type: ignore[arg-type]
        answer = Coder().answer(request, Stream(source(), media_type="text/plain"))
        assert isinstance(answer, Stream)
        decoder = Decoder("zstd")
        chunks = answer.chunks()
        for n in range(3):
            assert decoder.feed(await anext(chunks)) == b"row %d\n" % n
            assert made == list(range(n + 1))

    asyncio.run(main())


def test_events_only_if_they_are_named() -> None:
    async def source() -> AsyncIterator[str]:
        yield "x" * 2000

    plain = ask(EventStream(source()))
    assert "content-encoding" not in plain.headers
    coded = ask(EventStream(source()), compress=Compress(types=("text/event-stream",)))
    assert decoded("gzip", coded.body) == plain.body == b"data: " + b"x" * 2000 + b"\n\n"
    assert coded.headers["cache-control"] == "no-cache"


# Mounted apps, and a cache within


def test_a_mounted_app() -> None:
    async def foreign(scope: Any, receive: Any, send: Any) -> None:
        fields = [(b"content-type", b"text/html"), (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")]
        await send({"type": "http.response.start", "status": 200, "headers": fields})
        await send({"type": "http.response.body", "body": b"<p>" * 1000, "more_body": scope["path"] != "/whole"})
        if scope["path"] != "/whole":
            await send({"type": "http.response.body", "body": b"</p>"})

    app = App("host")
    app.mount("/", foreign, compress=True)
    with Client(app) as client:
        whole = client.get("/whole", headers=GZIP)
        streamed = client.get("/streamed", headers=GZIP)
    assert decoded("gzip", whole.body) == b"<p>" * 1000
    assert decoded("gzip", streamed.body) == b"<p>" * 1000 + b"</p>"
    assert [value for name, value in whole.header_list if name == "set-cookie"] == ["a=1", "b=2"]


def test_a_hit_is_sent_as_it_was_stored() -> None:
    hit = Hit(JSON, media_type="application/json", headers={"ETag": '"a"'})
    request = Request("GET", "/", "", {b"accept-encoding": b"gzip"}, None)  # type: ignore[arg-type]
    gate = Compress().install_gate(lambda request: hit, None, Runtime(Settings()))  # type: ignore[arg-type]
    assert gate(request) is hit


class Remembered(Policy, frozen=True, kw_only=True):
    """Stands where a cache does: it answers at the gate."""

    category = Category.CACHE
    gates = True

    def install(self, call: Call, route: Route, runtime: Runtime) -> Call:
        return call

    def install_gate(self, gate: Gate, route: Route, runtime: Runtime) -> Gate:
        return lambda request: Hit(JSON)


@pytest.mark.parametrize(
    ("policies", "gated", "shelves"),
    [
        ([Compress()], False, False),
        ([Compress(), Remembered()], True, True),
        ([Limit("9/s"), Compress(), Remembered()], True, False),
        ([Limit("9/s"), Compress()], True, True),
    ],
)
def test_the_gate_is_there_for_those_that_decide(policies: list[Policy], gated: bool, shelves: bool) -> None:
    app = App("gated")

    @app.get("/", policies=policies)
    async def home() -> str:
        await asyncio.sleep(0)
        return "x"

    endpoint, _ = app.compile().find("GET", "/")
    assert endpoint is not None
    assert (endpoint.gate is not None, endpoint.shelves) == (gated, shelves)


# Options


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"min_size": -1}, "min_size=-1"),
        ({"types": "text/html"}, "expected media types"),
        ({"types": ("text/html; charset=utf-8",)}, "expected media types"),
        ({"level": {"deflate": 1}}, "'deflate' is not among zstd, br, gzip"),
        ({"level": {"zstd": 20}}, "zstd has levels from 1 to 19"),
    ],
)
def test_a_wrong_option_is_refused_at_start(options: dict[str, Any], message: str) -> None:
    with pytest.raises(RouteError, match=message):
        Compress(**options)


def test_types_and_levels() -> None:
    database = Response(LARGE[:60_000], media_type="application/vnd.sqlite3; x=y")
    assert ask(database).body == LARGE[:60_000]
    sizes = [
        len(ask(database, compress=Compress(types=("application/vnd.sqlite3",), level={"gzip": level})).body)
        for level in (1, 9)
    ]
    assert sizes[1] < sizes[0] < 60_000


def test_a_body_that_is_sent_while_it_is_made_is_left_to_threads() -> None:
    request = Request("GET", "/", "", {b"accept-encoding": b"br"}, None)  # type: ignore[arg-type]
    answer = Coder().answer(request, Response(LARGE, media_type="text/plain"))
    assert isinstance(answer, CodedBody)

    async def main() -> None:
        pieces = [piece async for piece in answer.chunks()]
        assert len(pieces) == -(-len(LARGE) // SLICE) + 1
        assert decoded("br", b"".join(pieces)) == LARGE

    asyncio.run(main())

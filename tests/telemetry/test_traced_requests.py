"""Spans of requests, as a collector gets them."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from opentelemetry import trace

from stanchion import App, Cache, Limit, NotFound, Request, Stream
from stanchion.telemetry.spans import current
from tests.telemetry.collector import Collector, Seen
from tests.telemetry.traced import run, traced

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"
SAMPLED = f"00-{TRACE}-{SPAN}-01"
UNSAMPLED = f"00-{TRACE}-{SPAN}-00"


def shop() -> App:
    app = App("shop")

    @app.get("/items/{sku}")
    async def item(sku: str, request: Request) -> dict[str, str]:
        await asyncio.sleep(0)
        if sku == "none":
            raise NotFound("no such item")
        return {"traceparent": request.traceparent}

    @app.get("/quick")
    async def quick(request: Request) -> dict[str, str]:
        return {"traceparent": request.traceparent}

    @app.get("/broken")
    async def broken() -> None:
        await asyncio.sleep(0)
        raise RuntimeError("as planned")

    return app


def asked(
    app: App, *requests: tuple[str, dict[str, str]], sampled: float = 1.0
) -> tuple[list[Seen], list[bytes], list]:
    """The spans, bodies and lines of the access log that these requests make, one after the other."""

    async def main() -> tuple[list[bytes], list]:
        async with traced(app, collector, sampled=sampled) as server:
            bodies = [(await server.get(path, headers))[1] for path, headers in requests]
            return bodies, server.logged()

    with Collector() as collector:
        bodies, lines = run(main)
        assert collector.paths <= {"/v1/traces"}
        return collector.spans, bodies, lines


def test_a_request_is_a_span_by_the_conventions() -> None:
    before = time.time_ns()
    (span,), _, _ = asked(shop(), ("/items/HAM-1?token=secret", {}))
    assert (span.name, span.kind, span.parent_id, span.links) == ("GET /items/{sku}", "server", "", [])
    assert span.attributes == {
        "http.request.method": "GET",
        "http.route": "/items/{sku}",
        "http.response.status_code": 200,
        "url.path": "/items/HAM-1",
        "url.scheme": "http",
        "client.address": "127.0.0.1",
    }
    assert before < span.began <= span.ended < time.time_ns()
    assert span.resource["service.name"] == "shop"
    assert not span.failed


@pytest.mark.parametrize("path", ["/items/HAM-1", "/quick"])
def test_one_identity_in_handler_log_and_span(path: str) -> None:
    (span,), (body,), (line,) = asked(shop(), (path, {}))
    assert json.loads(body)["traceparent"] == f"00-{span.trace_id}-{span.span_id}-03"
    assert line["trace_id"] == span.trace_id


def test_the_callers_trace_goes_on_with_its_state_and_decision() -> None:
    spans, bodies, lines = asked(
        shop(),
        ("/items/1", {"traceparent": SAMPLED, "tracestate": "vendor=opaque"}),
        ("/items/2", {"traceparent": UNSAMPLED}),
        sampled=0.0,
    )
    assert [(span.trace_id, span.parent_id, span.state) for span in spans] == [(TRACE, SPAN, "vendor=opaque")]
    told = [json.loads(body)["traceparent"] for body in bodies]
    assert told[0] == f"00-{TRACE}-{spans[0].span_id}-01"
    assert told[1].startswith(f"00-{TRACE}-")
    assert told[1].endswith("-00")
    assert [line["trace_id"] for line in lines] == [TRACE, TRACE]


def test_a_trace_that_is_not_sampled_says_so_to_those_behind() -> None:
    spans, (body, other), _ = asked(shop(), ("/items/1", {}), ("/quick", {"traceparent": "00-junk"}), sampled=0.0)
    assert spans == []
    for answer in (body, other):
        assert json.loads(answer)["traceparent"].endswith("-02")  # a random id, not sampled


def test_a_share_of_the_traces_that_begin_here() -> None:
    spans, bodies, _ = asked(shop(), *[("/quick", {})] * 60, sampled=0.5)
    recorded = [json.loads(body)["traceparent"] for body in bodies]
    assert 10 < len(spans) < 50  # one run in 10 million is outside
    assert {span.trace_id for span in spans} == {told[3:35] for told in recorded if told.endswith("-03")}


def test_failures_are_errors_and_a_clients_are_not() -> None:
    spans, _, _ = asked(shop(), ("/broken", {}), ("/items/none", {}), ("/nowhere", {}))
    assert [(span.name, span.attributes["http.response.status_code"], span.failed) for span in spans] == [
        ("GET /broken", 500, True),
        ("GET /items/{sku}", 404, False),
        ("GET", 404, False),
    ]
    assert [span.attributes.get("error.type") for span in spans] == ["500", None, None]
    assert "http.route" not in spans[2].attributes


def test_a_stream_lasts_to_its_end_and_a_client_that_leaves_is_told() -> None:
    app = App("streams")
    gone = asyncio.Event()

    @app.get("/slow")
    async def slow() -> Stream:
        async def parts() -> AsyncIterator[bytes]:
            yield b"one"
            await asyncio.sleep(0.05)
            yield b"two"

        return Stream(parts())

    @app.get("/endless")
    async def endless() -> None:
        try:
            await asyncio.sleep(30)
        finally:
            gone.set()

    async def main() -> None:
        async with traced(app, collector) as server:
            assert (await server.get("/slow"))[0] == 200
            _, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(b"GET /endless HTTP/1.1\r\nHost: test\r\n\r\n")
            await asyncio.sleep(0.05)
            writer.transport.abort()
            await asyncio.wait_for(gone.wait(), 10)

    with Collector() as collector:
        run(main)
        streamed, left = collector.spans
    assert streamed.ended - streamed.began >= 40_000_000
    assert "http.response.status_code" not in left.attributes
    assert (left.attributes["error.type"], left.failed) == ("gone", True)


def test_a_cached_answer_is_a_span_and_what_made_it_belongs_to_who_asked_first() -> None:
    app = App("cached")

    @app.get("/report", cache=Cache(ttl=60))
    async def report(request: Request) -> str:
        await asyncio.sleep(0)
        return request.traceparent

    spans, (made, again), _ = asked(app, ("/report", {"traceparent": SAMPLED}), ("/report", {}))
    assert [span.name for span in spans] == ["GET /report"] * 2
    assert made == again
    assert made.decode() == f"00-{TRACE}-{spans[0].span_id}-01"
    assert spans[1].trace_id != TRACE


def test_hits_at_hand_are_sampled_as_all_others_are() -> None:
    app = App("cached")

    @app.get("/report", cache=Cache(ttl=60))
    async def report() -> str:
        return "done"

    async def main() -> None:
        async with traced(app, collector, sampled=0.25, access_log=False) as server:
            await server.repeat("/report", 400)
            assert server.server.shelf["/report"]
            base = server.server.meter.series("GET", "/report")
            assert server.server.cells[base + 2] == 400  # answered with a 2xx

    with Collector() as collector:
        run(main)
    assert 50 < len(collector.spans) < 150  # one run in 10 million is outside
    assert {span.name for span in collector.spans} == {"GET /report"}


def test_a_mounted_app_is_told_the_requests_span_as_its_parent() -> None:
    app = App("host")

    async def mounted(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            told = b",".join(value for name, value in scope["headers"] if name == b"traceparent")
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": told})

    app.mount("/v1", mounted)
    spans, (body, other), _ = asked(app, ("/v1/x", {"traceparent": SAMPLED}), ("/v1/x", {"traceparent": UNSAMPLED}))
    (span,) = spans
    assert span.attributes["http.route"].startswith("/v1")
    assert body.decode() == f"00-{TRACE}-{span.span_id}-01"
    assert other.decode().startswith(f"00-{TRACE}-")
    assert other.decode().endswith("-00")


def test_requests_that_admission_turns_away_are_told() -> None:
    app = App("busy")

    @app.get("/held")
    async def held() -> str:
        await asyncio.sleep(0.3)
        return "done"

    async def main() -> None:
        async with traced(app, collector, max_in_flight=1, max_queued=1, max_queue_wait=0.01) as server:
            answers = await asyncio.gather(*(server.get("/held") for _ in range(6)))
            assert 503 in {status for status, _ in answers}

    with Collector() as collector:
        run(main)
    statuses = [span.attributes["http.response.status_code"] for span in collector.spans]
    assert len(statuses) == 6
    assert {span.attributes["http.route"] for span in collector.spans} == {"/held"}
    assert {span.attributes.get("error.type") for span in collector.spans} == {None, "503"}


@pytest.mark.parametrize("path", ["/task", "/inline", "/gated"])
@pytest.mark.parametrize("second", [UNSAMPLED, SAMPLED])
def test_a_request_that_another_ones_end_lets_begin_is_not_part_of_it(path: str, second: str) -> None:
    """Pipelined, or queued by admission, it begins in the context of the task that has ended."""
    app = App("pipelined")
    seen: list[tuple[list[str], int]] = []

    def note() -> None:
        seen.append(
            ([str(span.context) for span in current.get()], trace.get_current_span().get_span_context().span_id)
        )

    @app.get("/task")
    async def task() -> None:
        await asyncio.sleep(0.01)
        note()

    @app.get("/inline")
    async def inline() -> None:
        note()

    def key(request: Request) -> str:
        note()
        return "all"

    @app.get("/gated", limit=Limit("1000/s", by=key))
    async def gated() -> None:
        await asyncio.sleep(0)

    async def main() -> None:
        async with traced(app, collector, max_in_flight=1) as server:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            head = f"GET /task HTTP/1.1\r\nHost: test\r\ntraceparent: {SAMPLED}\r\n\r\n"
            writer.write((head + head.replace("/task", path).replace(SAMPLED, second)).encode())
            other = asyncio.create_task(server.get("/task", {"traceparent": second}))
            for _ in range(2):
                assert (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)).startswith(b"HTTP/1.1 204")
            assert (await other)[0] == 204
            writer.close()

    with Collector() as collector:
        run(main)
    noted = [(told[0].split("-")[2] if told else "", span_id) for told, span_id in seen]
    assert all(int(told or "0", 16) == span_id for told, span_id in noted)
    recorded = [told for told, _ in noted if told]
    ours = 1 if second == UNSAMPLED else 2 if path == "/gated" else 3  # what a gate does is nobody's
    assert len(noted) == 3
    assert len(recorded) == len(set(recorded)) == ours
    assert noted[0][0] == recorded[0]


def test_a_body_that_comes_later_is_of_the_same_request() -> None:
    app = App("bodies")

    @app.post("/items")
    async def items(item: dict[str, int], request: Request) -> str:
        return request.traceparent

    async def main() -> bytes:
        async with traced(app, collector) as server:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(
                b"POST /items HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n"
            )
            await asyncio.sleep(0.5)
            writer.write(b'{"a":1}')
            head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)).lower()
            body = await reader.readexactly(int(head.partition(b"content-length: ")[2].split()[0]))
            writer.close()
            return body

    with Collector() as collector:
        body = run(main)
        (span,) = collector.spans
    assert body.decode().strip('"') == f"00-{span.trace_id}-{span.span_id}-03"
    assert span.ended - span.began >= 200_000_000  # the server saw the head some time after it was sent


def test_a_client_behind_a_proxy_is_the_one_that_the_proxy_names() -> None:
    async def main() -> None:
        async with traced(shop(), collector, proxy_protocol=True) as server:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(b"PROXY TCP4 203.0.113.7 192.0.2.1 5000 80\r\nGET /quick HTTP/1.1\r\nHost: test\r\n\r\n")
            assert (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)).startswith(b"HTTP/1.1 200")
            writer.close()

    with Collector() as collector:
        run(main)
        (span,) = collector.spans
    assert span.attributes["client.address"] == "203.0.113.7"

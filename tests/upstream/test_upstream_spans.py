"""Calls to other servers in traces: of handlers to services, and of a gateway to its upstreams."""

import socket
from collections.abc import Callable, Iterator

import pytest

from stanchion import App
from stanchion.upstream.spans import told
from tests.gateway.upstream_server import Answer, Asked, UpstreamServer, response, sends
from tests.ports import free_port
from tests.telemetry.collector import Collector, Seen
from tests.telemetry.traced import run, traced

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLER = {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01", "tracestate": "vendor=opaque"}
UNSAMPLED = {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-00"}


@pytest.fixture
def upstream() -> Iterator[Callable[[Answer], UpstreamServer]]:
    servers: list[UpstreamServer] = []

    def started(answer: Answer) -> UpstreamServer:
        servers.append(UpstreamServer(answer))
        return servers[-1]

    yield started
    for server in servers:
        server.close()


def calling(url: str, **options: float) -> App:
    """An app whose one handler calls a service."""
    app = App("shop")
    payments = app.http("payments", url, **options)

    @app.get("/pay")
    async def pay() -> int:
        return (await payments.get("/charges/7", params={"token": "secret"}, headers={"Traceparent": "mine"})).status

    return app


def proxying(url: str) -> App:
    app = App("gateway")
    app.proxy("/", url)
    return app


def asked(app: App, path: str, headers: dict[str, str], *, sampled: float = 1.0) -> tuple[list[Seen], list[Seen]]:
    """Spans of the request, and of the calls it makes."""

    async def main() -> None:
        async with traced(app, collector, sampled=sampled) as server:
            await server.get(path, headers)

    with Collector() as collector:
        run(main)
        spans = collector.spans
    return [span for span in spans if span.kind == "server"], [span for span in spans if span.kind == "client"]


def test_a_call_is_a_part_of_the_request_and_its_id_goes_with_it(
    upstream: Callable[[Answer], UpstreamServer],
) -> None:
    server = upstream(sends(response()))
    (request,), (call,) = asked(calling(server.url), "/pay", CALLER)
    assert (call.trace_id, call.parent_id, call.name) == (TRACE, request.span_id, "GET")
    assert call.attributes == {
        "http.request.method": "GET",
        "url.full": f"{server.url}/charges/7",
        "server.address": "127.0.0.1",
        "server.port": server.port,
        "http.response.status_code": 200,
    }
    assert server.asked[0].head.lower().count(b"traceparent") == 1
    assert server.asked[0].fields["traceparent"] == f"00-{TRACE}-{call.span_id}-01"
    assert server.asked[0].fields["tracestate"] == "vendor=opaque"


def test_each_attempt_is_a_span_with_an_id_of_its_own(upstream: Callable[[Answer], UpstreamServer]) -> None:
    def answer(end: socket.socket, _: Asked) -> bool:
        end.sendall(response(status="200 OK" if len(server.asked) > 1 else "503 Service Unavailable"))
        return True

    server = upstream(answer)
    (request,), calls = asked(calling(server.url), "/pay", {})
    assert [call.attributes["http.response.status_code"] for call in calls] == [503, 200]
    assert [call.attributes.get("error.type") for call in calls] == ["503", None]
    assert {call.parent_id for call in calls} == {request.span_id}
    assert [head.fields["traceparent"].split("-")[2] for head in server.asked] == [call.span_id for call in calls]


def test_a_service_that_cannot_be_reached_is_an_error_by_its_name() -> None:
    (request,), calls = asked(calling(f"http://127.0.0.1:{free_port()}"), "/pay", {})
    assert {call.attributes["error.type"] for call in calls} == {"UpstreamUnreachable"}
    assert all(call.failed for call in calls)
    assert request.attributes["http.response.status_code"] == 502


def test_a_gateway_is_between_its_client_and_the_upstream(upstream: Callable[[Answer], UpstreamServer]) -> None:
    server = upstream(sends(response()))
    (request,), (call,) = asked(proxying(server.url), "/orders/7?token=secret", CALLER)
    assert (request.trace_id, request.name) == (TRACE, "GET /{path:path}")
    assert (call.parent_id, call.attributes["url.full"]) == (request.span_id, f"{server.url}/orders/7")
    assert server.asked[0].head.lower().count(b"traceparent") == 1
    assert server.asked[0].fields["traceparent"] == f"00-{TRACE}-{call.span_id}-01"
    assert server.asked[0].line == "GET /orders/7?token=secret HTTP/1.1"


def test_an_upstream_is_told_that_a_trace_is_not_recorded(upstream: Callable[[Answer], UpstreamServer]) -> None:
    server = upstream(sends(response()))
    assert asked(proxying(server.url), "/orders/7", {}, sampled=0.0) == ([], [])
    assert asked(proxying(server.url), "/orders/7", UNSAMPLED, sampled=1.0) == ([], [])
    begun, passed_on = (seen.fields["traceparent"] for seen in server.asked)
    assert begun.endswith("-02")
    assert passed_on == UNSAMPLED["traceparent"]


def test_what_a_head_says_of_a_trace_is_replaced() -> None:
    head = b"GET /traceparent:x HTTP/1.1\r\nTraceParent: one\r\nhost: a\r\ntracestate:two\r\nx-traceparent: no\r\n\r\n"
    assert told(head, "three", "four") == (
        b"GET /traceparent:x HTTP/1.1\r\nhost: a\r\nx-traceparent: no\r\ntraceparent: three\r\ntracestate: four\r\n\r\n"
    )

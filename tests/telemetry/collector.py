"""A collector of spans on the loopback, which takes OTLP over HTTP, refuses it, or lets its clients wait."""

import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from msgspec import Struct
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1 import trace_pb2

KINDS = {trace_pb2.Span.SPAN_KIND_SERVER: "server", trace_pb2.Span.SPAN_KIND_CLIENT: "client"}


class Seen(Struct, frozen=True, kw_only=True):
    """A span as it has come in; ids in hexadecimal, times Unix nanoseconds."""

    name: str
    kind: str
    trace_id: str
    span_id: str
    parent_id: str
    state: str
    flags: int
    began: int
    ended: int
    failed: bool
    attributes: dict[str, Any]
    links: list[tuple[str, str]]
    resource: dict[str, Any]


class Collector:
    """Answers `status` after `delay` seconds."""

    def __init__(self, *, status: int = 200, delay: float = 0.0) -> None:
        self.status = status
        self.released = threading.Event()
        self.arrived = threading.Event()
        self.delay = delay
        self.paths: set[str] = set()
        self._spans: list[Seen] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="collector")
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def spans(self) -> list[Seen]:
        """All that have come, in order of their beginning."""
        return sorted(self._spans, key=lambda span: span.began)

    def wait(self, count: int, within: float = 15.0) -> list[Seen]:
        """The spans, once there are so many."""
        end = time.monotonic() + within
        while len(self._spans) < count:
            assert time.monotonic() < end, f"{len(self._spans)} of {count} spans have come: {self._spans}"
            time.sleep(0.02)
        return self.spans

    def close(self) -> None:
        self.released.set()
        self._server.shutdown()
        self._thread.join(10)
        self._server.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        collector = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                collector.arrived.set()
                collector.released.wait(collector.delay)
                collector.paths.add(self.path)
                if collector.status == 200:
                    collector._spans += _read(ExportTraceServiceRequest.FromString(body))
                self.send_response(collector.status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing."""

        return Handler


def _read(request: ExportTraceServiceRequest) -> list[Seen]:
    return [
        Seen(
            name=span.name,
            kind=KINDS.get(span.kind, "other"),
            trace_id=span.trace_id.hex(),
            span_id=span.span_id.hex(),
            parent_id=span.parent_span_id.hex(),
            state=span.trace_state,
            flags=span.flags & 0xFF,
            began=span.start_time_unix_nano,
            ended=span.end_time_unix_nano,
            failed=span.status.code == trace_pb2.Status.STATUS_CODE_ERROR,
            attributes=_attributes(span),
            links=[(link.trace_id.hex(), link.span_id.hex()) for link in span.links],
            resource=_attributes(resource.resource),
        )
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def _attributes(holder: Any) -> dict[str, Any]:
    read: dict[str, Callable[[Any], Any]] = {
        "string_value": str,
        "int_value": int,
        "double_value": float,
        "bool_value": bool,
    }
    found = {}
    for pair in holder.attributes:
        kind = pair.value.WhichOneof("value")
        found[pair.key] = read[kind](getattr(pair.value, kind))
    return found

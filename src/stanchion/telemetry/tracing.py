"""Spans by OpenTelemetry's SDK, of one worker: made on its loop, sent by a thread of the SDK's.

Which requests are recorded is decided here, before the SDK is asked: to be told no by its sampler takes ten times as
long, and most requests are told no.
"""

from collections.abc import Callable, Sequence
from math import log, log1p
from os import getpid
from random import random as uniform
from sys import maxsize
from time import monotonic_ns, time_ns

from opentelemetry.context import Context, attach
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, ParentBased, Sampler
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    ProxyTracerProvider,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
    get_tracer_provider,
    set_span_in_context,
    set_tracer_provider,
)
from opentelemetry.trace import Span as Recorder
from opentelemetry.trace import Tracer as Recorders

from stanchion.telemetry.outbox import Outbox
from stanchion.telemetry.spans import Attributes, Began, Span, current
from stanchion.telemetry.trace import KNOWN_FLAGS, SAMPLED, TraceContext

_LONGEST = 4096
"""Characters of an attribute, such as a path that a client has made up; what is over is cut off."""


class Tracing:
    """Decides and begins; what has ended is in the outbox."""

    def __init__(self, service: str, outbox: Outbox, *, sampled: float, random: Callable[[], float] = uniform) -> None:
        """`service` is the app's name, unless OTEL_SERVICE_NAME or OTEL_RESOURCE_ATTRIBUTES give another; `sampled` the
        share, 0 to 1, of the traces that begin here; `random` is uniform in [0, 1)."""
        own: dict[str, str | int] = {"service.name": service, "process.pid": getpid()}
        resource = Resource.create(own).merge(OTELResourceDetector().detect())
        ours = _provider(ALWAYS_ON, resource, outbox)  # it is asked for what is sampled
        self._apps = _provider(ParentBased(ALWAYS_OFF), resource, outbox)
        self._tracer = ours.get_tracer("stanchion")
        self._outbox = outbox
        self._sampled = sampled
        self._random = random
        self._begun = 0
        self.skip = self._draw()

    def __repr__(self) -> str:
        return f"<Tracing {self._sampled:g} of the traces that begin here>"

    def statistics(self) -> dict[str, int]:
        """Requests that were sampled since the start, and what became of their spans; see `Outbox`."""
        return {"begun": self._begun, **self._outbox.statistics()}

    def _draw(self) -> int:
        """How many to skip: geometric, which is the same as to throw a die for each."""
        if self._sampled <= 0:
            return maxsize
        return 0 if self._sampled >= 1 else int(min(log(1 - self._random()) / log1p(-self._sampled), maxsize))

    def publish(self) -> None:
        """See `Tracer`. Of what the app makes spans for, that is recorded which belongs to a recorded request."""
        if isinstance(get_tracer_provider(), ProxyTracerProvider):
            set_tracer_provider(self._apps)

    @property
    def counts(self) -> Sequence[int]:
        """See `Tracer`."""
        return self._outbox.counts

    def close(self, timeout: float) -> None:
        """See `Tracer`."""
        self._outbox.close(timeout)

    def begin(self, request: Began, template: str) -> "LiveSpan | None":
        """The span of a request; None where it is not sampled: as its caller has decided, else by the share.

        A trace of a caller's that nobody records goes on unrecorded (W3C Trace Context §3.3.1; OpenTelemetry's
        parent-based sampler).
        """
        given = request.fields.get(b"traceparent")
        caller = None if given is None else TraceContext.parse(given)
        if caller is None:
            if self.skip:
                self.skip -= 1
                return None
            self.skip = self._draw()
            parent = Context()
        elif not caller.flags & SAMPLED:
            return None
        else:
            parent = _remote(caller, request.fields.get(b"tracestate"))
        self._begun += 1
        offset = time_ns() - monotonic_ns()
        route = _route(template)
        name = _name(request.method, route)
        recorder = self._tracer.start_span(name, parent, SpanKind.SERVER, start_time=request.began + offset)
        flags = KNOWN_FLAGS if caller is None else caller.flags & KNOWN_FLAGS
        return LiveSpan(self._tracer, recorder, offset, flags, route)


class LiveSpan:
    """See `spans.Span`."""

    __slots__ = ("_offset", "_recorder", "_tracer", "context", "route", "state")

    def __init__(self, tracer: Recorders, recorder: Recorder, offset: int, flags: int, route: str) -> None:
        """`offset` makes CLOCK_MONOTONIC Unix time, in nanoseconds, the same for a request and its parts: a clock that
        is set meanwhile cannot have one end before it began."""
        self._tracer = tracer
        self._recorder = recorder
        self._offset = offset
        self.route = route
        found = recorder.get_span_context()
        self.context = TraceContext(trace_id=f"{found.trace_id:032x}", span_id=f"{found.span_id:016x}", flags=flags)
        self.state = found.trace_state.to_header() if found.trace_state else ""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.context}>"

    def part(self, name: str, began: float, others: Sequence[Span] = ()) -> "LiveSpan":
        """See `Span`."""
        recorder = self._tracer.start_span(
            name,
            set_span_in_context(self._recorder, Context()),
            SpanKind.CLIENT,
            links=[Link(_local(other.context)) for other in others],
            start_time=int(began * 1e9) + self._offset,
        )
        return LiveSpan(self._tracer, recorder, self._offset, self.context.flags, self.route)

    def reroute(self, method: str, template: str) -> None:
        """See `Span`."""
        self.route = _route(template)
        self._recorder.update_name(_name(method, self.route))

    def enter(self) -> None:
        """See `Span`."""
        current.set((self,))
        attach(set_span_in_context(self._recorder, Context()))

    def end(self, attributes: Attributes, error: str | None = None) -> None:
        """See `Span`."""
        self._recorder.set_attributes(attributes)
        if error is not None:
            self._recorder.set_attribute("error.type", error)
            self._recorder.set_status(Status(StatusCode.ERROR))
        self._recorder.end(monotonic_ns() + self._offset)


def _provider(sampler: Sampler, resource: Resource, outbox: Outbox) -> TracerProvider:
    limits = SpanLimits(max_links=SpanLimits.UNSET, max_attribute_length=_LONGEST)  # links end with a batch
    provider = TracerProvider(sampler, resource, shutdown_on_exit=False, span_limits=limits)
    provider.add_span_processor(outbox)
    return provider


def _route(template: str) -> str:
    """Empty where it is a word for none, as that of a path which nothing answers."""
    return template if template.startswith("/") else ""


def _name(method: str, route: str) -> str:
    return f"{method} {route}" if route else method


def _remote(caller: TraceContext, state: bytes | None) -> Context:
    """The caller's context, with its `tracestate` where it has sent a sound one."""
    found = TraceState() if state is None else TraceState.from_header([state.decode("latin-1")])
    return set_span_in_context(NonRecordingSpan(_span_context(caller, found, is_remote=True)), Context())


def _local(context: TraceContext) -> SpanContext:
    return _span_context(context, TraceState(), is_remote=False)


def _span_context(context: TraceContext, state: TraceState, *, is_remote: bool) -> SpanContext:
    return SpanContext(
        int(context.trace_id, 16), int(context.span_id, 16), is_remote, TraceFlags(TraceFlags.SAMPLED), state
    )

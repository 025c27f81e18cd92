"""The span of a request, as whoever does a part of the request knows it; `tracing` makes them, where that is on.

Nothing here needs OpenTelemetry: without it, what runs statements and calls services finds `current` empty.
"""

from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from typing import Protocol

from stanchion.telemetry.trace import TraceContext

Attributes = Mapping[str, str | int | float]
"""Named by OpenTelemetry's semantic conventions, or `stanchion.…`."""


class Span(Protocol):
    """What is recorded of a request, or of a part of it."""

    @property
    def context(self) -> TraceContext:
        """What those who are asked on its behalf have to be told."""

    @property
    def state(self) -> str:
        """Its trace's `tracestate`, which goes on with it; empty where there is none."""

    @property
    def route(self) -> str:
        """The request's; empty where there is none."""

    def part(self, name: str, began: float, others: "Sequence[Span]" = ()) -> "Span":
        """A call to what is outside of this process, since `began`, seconds of `time.monotonic`.

        It is of `others` as well, to whom it is linked.
        """

    def reroute(self, method: str, template: str) -> None:
        """The request's route is another than was thought."""

    def enter(self) -> None:
        """What this task does from now on belongs to it: for `current`, and for OpenTelemetry's own instruments."""

    def end(self, attributes: Attributes, error: str | None = None) -> None:
        """It is over, now; `error` is a word for what has gone wrong, of which there are few."""


class Began(Protocol):
    """What tracing needs of a request."""

    @property
    def method(self) -> str: ...

    @property
    def fields(self) -> dict[bytes, bytes]: ...

    @property
    def began(self) -> int: ...


class Tracer(Protocol):
    """Of one worker."""

    skip: int
    """Traces that begin here and are not recorded, before the next that is."""

    @property
    def counts(self) -> Sequence[int]:
        """What became of the spans, by `TraceCell`."""

    def begin(self, request: Began, template: str) -> Span | None:
        """The span of a request, of a route with this template; None where it is not sampled."""

    def publish(self) -> None:
        """Be what `opentelemetry.trace.get_tracer` gives an app, unless it has given itself something by now."""

    def close(self, timeout: float) -> None:
        """Send what there is, for `timeout` seconds at the most."""


current: ContextVar[Sequence[Span]] = ContextVar("stanchion-spans", default=())
"""Whose work this is: one request's, or those that share a batch. Those that are not sampled have none."""

"""Spans on their way to a collector: a bounded queue, a thread that sends it, and counts of what became of them.

Queue and thread are the SDK's. Nobody waits for either: what finds the queue full is lost, and so is what the collector
has not taken after some attempts. That is logged once, when it begins, and once when it is over.
"""

import logging
from collections.abc import Sequence
from threading import Lock, Thread

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from stanchion.telemetry.tallies import TraceCell

_log = logging.getLogger("stanchion.traces")
_theirs = logging.getLogger("opentelemetry.exporter.otlp")
_PATH = "/v1/traces"
_MOST = 2048
"""Spans that wait: 6 MiB."""
_BATCH = 128
"""Spans at which a batch is sent. To encode one takes 26 µs, and the event loop has to wait meanwhile for the
interpreter's lock: 3 ms, where it would be 14 with the SDK's 512."""
_DELAY = 1.0
"""Seconds after which fewer are."""
_TIMEOUT = 5.0
"""Seconds for a batch, all attempts together."""


class Outbox(SpanProcessor):
    """Of one worker. `counts` are by `TraceCell`."""

    def __init__(self, collector: str) -> None:
        """`collector` is the base of its URL, `http://127.0.0.1:4318`. The thread starts here."""
        self.counts = [0] * len(TraceCell)
        self._exporter = _Counted(collector, self.counts)
        self._sending = BatchSpanProcessor(
            self._exporter,
            max_queue_size=_MOST,
            max_export_batch_size=_BATCH,
            schedule_delay_millis=_DELAY * 1000,
        )
        self._lock = Lock()  # a handler's own spans may end in threads
        self._queued = 0

    def __repr__(self) -> str:
        return f"<Outbox to {self._exporter.collector}: {self.waiting} spans waiting>"

    @property
    def waiting(self) -> int:
        """Spans in the queue."""
        return self._queued - self._exporter.tried

    def statistics(self) -> dict[str, int]:
        """The counts by `TraceCell`, and the spans that wait."""
        return {**{cell.name.lower(): self.counts[cell] for cell in TraceCell}, "waiting": self.waiting}

    def on_end(self, span: ReadableSpan) -> None:
        """Queue a span, where there is room."""
        with self._lock:
            if self.waiting >= _MOST:
                self.counts[TraceCell.DROPPED] += 1
                return
            self._queued += 1
        self._sending.on_end(span)

    def close(self, timeout: float) -> None:
        """Send what waits, for `timeout` seconds at the most; what is left then is lost."""
        closing = Thread(target=self._sending.shutdown, name="stanchion-traces-end", daemon=True)
        closing.start()
        closing.join(timeout)
        if closing.is_alive():
            self.counts[TraceCell.DROPPED] += self._queued - self.counts[TraceCell.SENT] - self.counts[TraceCell.FAILED]


class _Counted(SpanExporter):
    """The SDK's exporter; called by its thread alone."""

    def __init__(self, collector: str, counts: list[int]) -> None:
        self.collector = collector
        self.tried = 0
        self._counts = counts
        self._failing = False
        self._inner = OTLPSpanExporter(endpoint=collector.rstrip("/") + _PATH, timeout=_TIMEOUT)
        if _theirs.level == logging.NOTSET:  # it has a line or two for each batch that fails
            _theirs.setLevel(logging.CRITICAL)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send a batch; see `SpanExporter`."""
        self.tried += len(spans)
        result = self._inner.export(spans)
        failed = result is not SpanExportResult.SUCCESS
        self._counts[TraceCell.FAILED if failed else TraceCell.SENT] += len(spans)
        if failed and not self._failing:
            _log.warning("the collector at %s does not take spans; they are lost until it does", self.collector)
        elif self._failing and not failed:
            _log.info("the collector at %s takes spans again", self.collector)
        self._failing = failed
        return result

    def shutdown(self) -> None:
        """See `SpanExporter`."""
        self._inner.shutdown()  # type: ignore[no-untyped-call]

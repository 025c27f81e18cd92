"""Spans on their way: what a full queue, a failing collector and the end cost."""

import logging
import time

import pytest

from stanchion.http.request import Request
from stanchion.telemetry.outbox import Outbox
from stanchion.telemetry.tallies import TraceCell
from stanchion.telemetry.tracing import Tracing
from tests.ports import free_port
from tests.telemetry.collector import Collector

MOST, BATCH = 2048, 128


def make(tracing: Tracing, count: int) -> None:
    for _ in range(count):
        span = tracing.begin(Request("GET", "/", "", {}, peer=None), "/")  # type: ignore[arg-type]
        assert span is not None
        span.end({})


def test_all_are_sent_and_counted() -> None:
    with Collector() as collector:
        outbox = Outbox(collector.url + "/")
        make(Tracing("shop", outbox, sampled=1), 700)
        outbox.close(10)
        assert len({span.span_id for span in collector.spans}) == 700
        assert collector.paths == {"/v1/traces"}
    assert outbox.statistics() == {"sent": 700, "failed": 0, "dropped": 0, "waiting": 0}
    assert repr(outbox) == f"<Outbox to {collector.url}/: 0 spans waiting>"


def test_what_finds_the_queue_full_is_dropped_and_each_is_counted_once() -> None:
    with Collector(delay=60) as collector:
        outbox = Outbox(collector.url)
        tracing = Tracing("shop", outbox, sampled=1)
        make(tracing, BATCH)
        collector.arrived.wait(10)  # the thread holds a batch, which has left the queue
        make(tracing, MOST + 100)
        assert outbox.statistics() == {"sent": 0, "failed": 0, "dropped": 100, "waiting": MOST}
        collector.released.set()
        outbox.close(10)
    assert outbox.statistics() == {"sent": BATCH + MOST, "failed": 0, "dropped": 100, "waiting": 0}


def test_the_end_does_not_wait_for_a_collector_that_hangs() -> None:
    with Collector(delay=60) as collector:
        outbox = Outbox(collector.url)
        make(Tracing("shop", outbox, sampled=1), 10)
        began = time.monotonic()
        outbox.close(0.3)
        assert time.monotonic() - began < 5
        assert outbox.counts == [0, 0, 10]


def test_that_a_collector_fails_is_told_once_and_so_is_its_return(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with Collector(status=400) as collector:
        outbox = Outbox(collector.url)
        tracing = Tracing("shop", outbox, sampled=1)
        for failed in (1, 2, 3):
            make(tracing, 1)
            _until(outbox, TraceCell.FAILED, failed)
        collector.status = 200
        make(tracing, 1)
        _until(outbox, TraceCell.SENT, 1)
        outbox.close(10)
    assert [record.getMessage() for record in caplog.records] == [
        f"the collector at {collector.url} does not take spans; they are lost until it does",
        f"the collector at {collector.url} takes spans again",
    ]


def test_nobody_at_the_address() -> None:
    outbox = Outbox(f"http://127.0.0.1:{free_port()}")
    make(Tracing("shop", outbox, sampled=1), 5)
    outbox.close(0.1)  # its attempts are cut short
    _until(outbox, TraceCell.FAILED, 5)


def _until(outbox: Outbox, cell: TraceCell, count: int) -> None:
    end = time.monotonic() + 15
    while outbox.counts[cell] < count:
        assert time.monotonic() < end, outbox.statistics()
        time.sleep(0.01)

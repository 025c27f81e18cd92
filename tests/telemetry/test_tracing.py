"""Which requests are recorded, and what a span is told of times and parts."""

import time
from collections.abc import Iterator
from itertools import repeat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stanchion.http.request import Request
from stanchion.telemetry.outbox import Outbox
from stanchion.telemetry.spans import Span, current
from stanchion.telemetry.trace import TraceContext
from stanchion.telemetry.tracing import Tracing
from tests.telemetry.collector import Collector


def request(**fields: str) -> Request:
    raw = {name.encode(): value.encode() for name, value in fields.items()}
    return Request("GET", "/", "", raw, peer=None, began=time.monotonic_ns())  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def outbox() -> Iterator[Outbox]:
    with Collector() as collector:
        box = Outbox(collector.url)
        yield box
        box.close(10)


@pytest.mark.parametrize(("sampled", "begun"), [(0.0, 0), (1.0, 50)])
def test_none_and_all(outbox: Outbox, sampled: float, begun: int) -> None:
    tracing = Tracing("shop", outbox, sampled=sampled)
    found = [tracing.begin(request(), "/") for _ in range(50)]
    assert sum(span is not None for span in found) == begun
    assert tracing.statistics()["begun"] == begun


@pytest.mark.parametrize("sampled", [5e-324, 1e-300, 1e-17])
def test_a_share_of_next_to_nothing(outbox: Outbox, sampled: float) -> None:
    tracing = Tracing("shop", outbox, sampled=sampled, random=repeat(0.5).__next__)
    assert tracing.skip > 10**16
    assert tracing.begin(request(), "/") is None


@given(sampled=st.floats(0.001, 0.999), chance=st.floats(0, 1, exclude_max=True))
def test_how_many_are_skipped_is_geometric(outbox: Outbox, sampled: float, chance: float) -> None:
    """With a chance u, k are skipped where (1 - s)^(k + 1) < 1 - u <= (1 - s)^k."""
    tracing = Tracing("shop", outbox, sampled=sampled, random=repeat(chance).__next__)
    left, skipped = 1 - sampled, tracing.skip
    assert left ** (skipped + 1) <= (1 - chance) * (1 + 1e-9)
    assert (1 - chance) * (1 - 1e-9) <= left**skipped


def test_a_trace_of_a_callers_is_not_counted_among_those_skipped(outbox: Outbox) -> None:
    tracing = Tracing("shop", outbox, sampled=0.5, random=repeat(0.99).__next__)
    skipped = tracing.skip
    assert skipped == 6  # 0.5 ** 7 < 0.01 <= 0.5 ** 6
    parent = TraceContext.new()
    span = tracing.begin(request(traceparent=str(parent)), "/")
    assert span is not None
    assert span.context.trace_id == parent.trace_id
    assert tracing.skip == skipped
    assert [tracing.begin(request(), "/") is None for _ in range(7)] == [True] * 6 + [False]


def test_flags_that_nobody_has_defined_do_not_go_on(outbox: Outbox) -> None:
    tracing = Tracing("shop", outbox, sampled=0)
    span = tracing.begin(request(traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-fd"), "/")
    assert span is not None
    assert span.context.flags == 1


def test_a_span_and_its_parts_are_in_one_clock() -> None:
    with Collector() as collector:
        outbox = Outbox(collector.url)
        tracing = Tracing("shop", outbox, sampled=1)
        whole = tracing.begin(request(), "/items/{sku}")
        other = tracing.begin(request(), "")
        assert whole is not None
        assert other is not None
        began = time.monotonic()
        whole.part("select items", began, [other]).end({"db.query.text": "SELECT"}, "DatabaseTimeout")
        whole.end({"http.route": whole.route})
        other.reroute("POST", "/mounted")
        other.end({})
        tracing.close(10)
        spans = {span.name: span for span in collector.spans}
    part, request_span = spans["select items"], spans["GET /items/{sku}"]
    assert request_span.began <= part.began <= part.ended <= request_span.ended
    assert abs(part.began - time.time_ns()) < 30_000_000_000
    assert part.links == [(other.context.trace_id, other.context.span_id)]
    assert (part.attributes["error.type"], part.failed) == ("DatabaseTimeout", True)
    assert spans["POST /mounted"].kind == "server"
    assert tracing.counts == [3, 0, 0]
    assert repr(whole) == f"<LiveSpan {whole.context}>"
    assert repr(tracing) == "<Tracing 1 of the traces that begin here>"


def test_what_is_entered_is_current(outbox: Outbox) -> None:
    span = Tracing("shop", outbox, sampled=1).begin(request(), "/")
    assert span is not None
    before = current.get()
    token = current.set(before)
    span.enter()
    assert list[Span](current.get()) == [span]
    current.reset(token)
    assert current.get() == before

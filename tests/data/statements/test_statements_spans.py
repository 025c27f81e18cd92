"""What a span says of a database and of a statement, whatever runs it."""

import time

import pytest

from stanchion.data.failures import DatabaseTimeout
from stanchion.data.statements.recorder import Recorder
from stanchion.data.statements.spans import Run, about, record
from stanchion.http.request import Request
from stanchion.telemetry.outbox import Outbox
from stanchion.telemetry.tracing import Tracing
from tests.telemetry.collector import Collector, Seen


def recorded(statement: str, run: Run, callers: int = 1) -> tuple[Seen, list[Seen]]:
    """A statement's span, and those of the requests that it is for, as a collector gets them."""
    recorder = Recorder("shop")
    with Collector() as collector:
        tracing = Tracing("shop", Outbox(collector.url), sampled=1.0)
        began = time.monotonic_ns()
        requests = [Request("GET", "/", "", {}, peer=None, began=began) for _ in range(callers)]  # type: ignore[arg-type]
        spans = [span for request in requests if (span := tracing.begin(request, "/items/{id}"))]
        record(spans, recorder, recorder.entry(statement), run)
        for span in spans:
            span.end({})
        tracing.close(10)
        (part,) = (span for span in collector.spans if span.kind == "client")
        wholes = {span.span_id: span for span in collector.spans if span.kind == "server"}
    return part, [wholes[span.context.span_id] for span in spans]


@pytest.mark.parametrize(
    ("url", "alone", "told"),
    [
        ("sqlite:///shop.db", True, {"db.system.name": "sqlite", "db.namespace": "shop.db"}),
        ("sqlite:////var/lib/shop.db", True, {"db.system.name": "sqlite", "db.namespace": "shop.db"}),
        ("sqlite://:memory:", True, {"db.system.name": "sqlite", "db.namespace": ":memory:"}),
        (
            "postgresql://jane:secret@db.internal:5433/shop?sslmode=require",
            True,
            {"db.system.name": "postgresql", "db.namespace": "shop", "server.address": "db.internal"},
        ),
        ("postgresql://db/shop", False, {"db.system.name": "postgresql", "db.namespace": "shop"}),
        ("postgresql://[::1/shop", True, {"db.system.name": "postgresql"}),
        ("postgresql:///?host=/run/postgresql", True, {"db.system.name": "postgresql"}),
    ],
)
def test_a_database_by_its_url(url: str, alone: bool, told: dict[str, str]) -> None:
    assert about(url, alone=alone) == told


@pytest.mark.parametrize(
    ("statement", "name", "text"),
    [
        (
            "SELECT a FROM items WHERE id = $1 AND b = 'secret'",
            "select items",
            "SELECT a FROM items WHERE id = $1 AND b = ?",
        ),
        ("SELECT 1", "select", "SELECT ?"),
        ("SELECT '" + "x" * 20_000 + "'", "shop", "(other)"),
    ],
)
def test_a_statement_by_its_text(statement: str, name: str, text: str) -> None:
    part, _ = recorded(statement, Run(began=time.monotonic(), waited=0.25, rows=3))
    assert (part.name, part.attributes["db.query.text"], part.failed, part.links) == (name, text, False, [])
    assert (part.attributes["stanchion.pool.wait"], part.attributes["db.response.returned_rows"]) == (0.25, 3)
    assert part.attributes["http.route"] == "/items/{id}"
    assert "-" not in part.attributes.values()


def test_a_batch_is_of_the_first_and_linked_to_all_others() -> None:
    """More of them than the 128 that OpenTelemetry allows a span by default."""
    run = Run(began=time.monotonic(), waited=0.0, batch=256, error=DatabaseTimeout())
    part, wholes = recorded("SELECT a FROM items", run, callers=256)
    assert (part.attributes["db.operation.batch.size"], part.attributes["error.type"]) == (256, "DatabaseTimeout")
    first, *others = wholes
    assert part.parent_id == first.span_id
    assert part.links == [(other.trace_id, other.span_id) for other in others]


def test_a_reader_that_wants_no_more_rows_is_no_error() -> None:
    part, _ = recorded("SELECT a FROM items", Run(began=time.monotonic(), waited=0.0, error=GeneratorExit()))
    assert not part.failed
    assert "error.type" not in part.attributes

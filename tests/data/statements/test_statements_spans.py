"""What a span says of a database and of a statement, without one that runs."""

from collections.abc import Sequence
from typing import Any

import pytest

from stanchion.data.failures import DatabaseTimeout
from stanchion.data.statements.recorder import Recorder
from stanchion.data.statements.spans import Run, about, record
from stanchion.telemetry.trace import TraceContext


class Noted:
    """A span that keeps what it is told."""

    def __init__(self) -> None:
        self.context = TraceContext.new()
        self.state = ""
        self.route = "/items/{id}"
        self.told: list[tuple[str, dict[str, Any], str | None, Sequence[object]]] = []

    def part(self, name: str, began: float, others: Sequence[object] = ()) -> "_Part":
        return _Part(self, name, others)


class _Part:
    def __init__(self, of: Noted, name: str, others: Sequence[object]) -> None:
        self._of, self._name, self._others = of, name, others

    def end(self, attributes: dict[str, Any], error: str | None = None) -> None:
        self._of.told.append((self._name, attributes, error, self._others))


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
    recorder, span = Recorder("shop"), Noted()
    record([span], recorder, recorder.entry(statement), Run(began=1.0, waited=0.25, rows=3))  # type: ignore[list-item]
    ((called, attributes, error, others),) = span.told
    assert (called, attributes["db.query.text"], error, others) == (name, text, None, [])
    assert (attributes["stanchion.pool.wait"], attributes["db.response.returned_rows"]) == (0.25, 3)
    assert "-" not in attributes.values()


def test_a_batch_is_of_the_first_and_linked_to_the_others() -> None:
    recorder, first, second = Recorder("shop"), Noted(), Noted()
    run = Run(began=1.0, waited=0.0, batch=7, error=DatabaseTimeout())
    record([first, second], recorder, recorder.entry("SELECT a FROM items"), run)  # type: ignore[list-item]
    ((_, attributes, error, others),) = first.told
    assert (attributes["db.operation.batch.size"], error, others) == (7, "DatabaseTimeout", [second])
    assert second.told == []


def test_a_reader_that_wants_no_more_rows_is_no_error() -> None:
    recorder, span = Recorder("shop"), Noted()
    run = Run(began=1.0, waited=0.0, error=GeneratorExit())
    record([span], recorder, recorder.entry("SELECT a FROM items"), run)  # type: ignore[list-item]
    assert span.told[0][2] is None

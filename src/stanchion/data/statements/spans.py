"""A statement as a span of the request that has asked it, by OpenTelemetry's semantic conventions for databases.

The text is that without constants, and values of parameters are not told. Where it has gathered the calls of several
requests it is one span, of the first that is sampled, and linked to the others.
"""

from collections.abc import Sequence
from urllib.parse import urlsplit

from msgspec import Struct

from stanchion.data.statements.recorder import Entry, Recorder
from stanchion.telemetry.spans import Attributes, Span

_SQLITE = "sqlite://"


class Run(Struct, frozen=True, kw_only=True):
    """How a statement has gone."""

    began: float
    """Seconds of `time.monotonic`, its wait for a connection included."""
    waited: float
    """Seconds of that wait."""
    rows: int = 0
    """Returned, or changed."""
    batch: int = 1
    """Keys or rows of gathered calls."""
    error: BaseException | None = None


def record(spans: Sequence[Span], recorder: Recorder, entry: Entry, run: Run) -> None:
    """Make the span of a statement that has just ended. That its reader wants no more rows is no error."""
    attributes: dict[str, str | int | float] = {
        "db.query.text": entry.text,
        "db.response.returned_rows": run.rows,
    }
    told = {"db.operation.name": entry.verb, "db.collection.name": entry.table}
    known = {name: word for name, word in told.items() if word != "-"}
    if run.batch > 1:
        attributes["db.operation.batch.size"] = run.batch
    _make(spans, recorder, " ".join(known.values()) or recorder.name, run, {**attributes, **known})


def record_begin(spans: Sequence[Span], recorder: Recorder, run: Run) -> None:
    """Make the span of a transaction's beginning: the wait for its connection is none of its statements'."""
    _make(spans, recorder, "begin", run, {"db.operation.name": "begin"})


def _make(spans: Sequence[Span], recorder: Recorder, name: str, run: Run, attributes: Attributes) -> None:
    first, *others = spans
    of_all = {**recorder.about, "http.route": first.route, "stanchion.pool.wait": run.waited}
    failed = run.error is not None and not isinstance(run.error, GeneratorExit)
    error = type(run.error).__qualname__ if failed else None
    first.part(name, run.began, others).end({**of_all, **attributes}, error)


def about(url: str, *, alone: bool) -> Attributes:
    """What there is to say of the database at a URL: no user, no password. Its address only where it is `alone`: where
    there are replicas, one of them may have answered."""
    if url.startswith(_SQLITE):
        return {"db.system.name": "sqlite", "db.namespace": url.removeprefix(_SQLITE).rpartition("/")[2]}
    try:
        parts = urlsplit(url)
    except ValueError:  # who opens it says what is wrong
        return {"db.system.name": "postgresql"}
    told = {"db.namespace": parts.path[1:], "server.address": parts.hostname if alone else None}
    return {"db.system.name": "postgresql", **{name: word for name, word in told.items() if word}}

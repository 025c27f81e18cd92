"""Counts of statements: one entry for each that is told apart, and totals for metrics. Plain adds, no I/O."""

import asyncio
import logging

from msgspec import Struct

from stanchion.data.failures import ConstraintViolated, DatabaseBusy, DatabaseTimeout
from stanchion.data.statements.text import normalised, verb_and_table
from stanchion.telemetry.spans import Attributes
from stanchion.telemetry.tallies import DatabaseCell, StatementCell

_log = logging.getLogger("stanchion.data")

MOST = 200
"""Statements of a database that are told apart; those beyond are one. A service has some dozens."""
_TEXTS = 1000
"""Texts that are remembered with their entry: more than `MOST`, since some differ in constants alone."""
_LONGEST = 16 * 1024
"""Characters of a statement; longer ones are not told apart: they have rows in their text."""
_GROUPS = 24
"""Pairs of verb and table in metrics."""
_ROUTES = 8
# Cells as plain integers, as in `telemetry.meter`.
_RAN, _ROWS, _FAILED, _, _MICROSECONDS, _WAITED = map(int, StatementCell)
_STATEMENTS, _ALL_MICROSECONDS = int(DatabaseCell.STATEMENTS), int(DatabaseCell.MICROSECONDS)
_OTHER = "(other)"


class Entry(Struct, eq=False, kw_only=True):
    """One statement. Times are seconds."""

    text: str
    """Normalised: without constants."""
    example: str
    """As it was first sent, to ask the database how it runs it."""
    verb: str
    table: str
    group: list[int]
    """Counts by `StatementCell`, shared by all of this verb and table."""
    calls: int = 0
    rows: int = 0
    failed: int = 0
    seconds: float = 0.0
    """All calls together, with their wait for a connection."""
    waited: float = 0.0
    """Of these, for a connection."""
    slowest: float = 0.0
    repeated: int = 0
    """Requests that asked it more often than `Recorder.repeats`."""
    most: int = 0
    """The most times that one request asked it, of those."""
    routes: list[str] = []
    """Of the requests that asked it, up to eight of them."""
    repeating: list[str] = []
    """Those of them that repeated it."""


class Recorder:
    """The statements of one database, in one worker."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.about: Attributes = {}
        """The database, as spans have it."""
        self.counts = [0] * len(DatabaseCell)
        """By `DatabaseCell`."""
        self.repeats = 10
        """Times that a request may ask the same statement, one after the other, before that counts as N+1."""
        self.warns = False
        """Log a warning at the first such request of a route."""
        self.groups: dict[tuple[str, str], list[int]] = {}
        self._entries: dict[str, Entry] = {}
        self._by_text: dict[str, Entry] = {}

    def __repr__(self) -> str:
        return f"<Recorder {self.name}: {len(self._entries)} statements, {self.counts[DatabaseCell.STATEMENTS]} run>"

    def statistics(self) -> dict[str, int]:
        """Statements told apart, and the counts by `DatabaseCell`."""
        counts = {cell.name.lower(): self.counts[cell] for cell in DatabaseCell}
        return {"distinct": len(self._entries), **counts}

    def entries(self) -> list[Entry]:
        """All that were run or asked, those that took the most time first."""
        return sorted(self._entries.values(), key=lambda entry: entry.seconds, reverse=True)

    def entry(self, statement: str) -> Entry:
        """The entry of a statement, by its text: 0.05 µs for one that is known."""
        return self._by_text.get(statement) or self._new(statement)

    def _new(self, statement: str) -> Entry:
        text = normalised(statement) if len(statement) <= _LONGEST else _OTHER
        if text not in self._entries and len(self._entries) >= MOST:
            text = _OTHER
        entry = self._entries.get(text)
        if entry is None:
            verb, table = ("-", "-") if text == _OTHER else verb_and_table(text)
            entry = Entry(text=text, example=statement, verb=verb, table=table, group=self._group(verb, table))
            self._entries[text] = entry
        if len(self._by_text) < _TEXTS and len(statement) <= _LONGEST:
            self._by_text[statement] = entry
        return entry

    def _group(self, verb: str, table: str) -> list[int]:
        key = (verb, table)
        if key not in self.groups and len(self.groups) >= _GROUPS:
            key = (_OTHER, _OTHER)
        return self.groups.setdefault(key, [0] * len(StatementCell))

    def ran(self, entry: Entry, rows: int, seconds: float, waited: float) -> None:
        """A statement has ended well; `waited` of its `seconds` were for a connection."""
        entry.rows += rows
        entry.group[_ROWS] += rows
        self._took(entry, seconds, waited)

    def failed(self, entry: Entry, error: BaseException, seconds: float, waited: float) -> None:
        """A statement has raised. That a constraint forbids a change is an answer, and so is to want no more rows."""
        if not isinstance(error, ConstraintViolated | GeneratorExit):
            entry.failed += 1
            entry.group[_FAILED] += 1
            self.counts[_cell_of(error)] += 1
        self._took(entry, seconds, waited)

    def _took(self, entry: Entry, seconds: float, waited: float) -> None:
        microseconds = int(seconds * 1e6)
        entry.calls += 1
        entry.seconds += seconds
        if seconds > entry.slowest:
            entry.slowest = seconds
        group, counts = entry.group, self.counts
        group[_RAN] += 1
        group[_MICROSECONDS] += microseconds
        counts[_STATEMENTS] += 1
        counts[_ALL_MICROSECONDS] += microseconds
        if waited:
            self.waited(waited)
            entry.waited += waited
            group[_WAITED] += int(waited * 1e6)

    def waited(self, seconds: float) -> None:
        """Somebody had to wait for a connection."""
        self.counts[DatabaseCell.WAITED] += int(seconds * 1e6)

    def batched(self) -> None:
        """A statement, counted besides, was for several callers' keys or rows."""
        self.counts[DatabaseCell.BATCHES] += 1

    def refused(self, error: BaseException) -> None:
        """A transaction could not begin."""
        self.counts[_cell_of(error)] += 1

    def asked_by(self, entry: Entry, route: str) -> None:
        """A request of this route has asked the statement for the first time."""
        _add(entry.routes, route)

    def repeated_by(self, entry: Entry, route: str, times: int) -> None:
        """A request of this route has asked the statement so many times, one after the other."""
        if entry.text == _OTHER:  # these are not the same
            return
        if times == self.repeats + 1:
            entry.repeated += 1
            entry.group[StatementCell.REPEATED] += 1
            self.counts[DatabaseCell.REPEATED] += 1
            if _add(entry.repeating, route) and self.warns:
                _log.warning(
                    "%s has asked more than %d times, one after the other: %s; ask once for all (get_many, a join, "
                    "= any($1)), or from tasks at one time",
                    *(route, self.repeats, entry.text),
                )
        entry.most = max(entry.most, times)


def _add(routes: list[str], route: str) -> bool:
    """Whether the route was not there, and there was room for it."""
    if route in routes or len(routes) >= _ROUTES:
        return False
    routes.append(route)
    return True


def _cell_of(error: BaseException) -> DatabaseCell:
    if isinstance(error, DatabaseBusy):
        return DatabaseCell.REFUSED
    if isinstance(error, DatabaseTimeout | asyncio.CancelledError):
        return DatabaseCell.TIMED_OUT
    return DatabaseCell.FAILED

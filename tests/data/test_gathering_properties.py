"""On real databases: for any interleaving, duplicates, errors and cancellations, what is gathered gives each caller
what a statement of its own gives."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import Struct

from stanchion.data.database import Database
from tests.data.conftest import Opened


class Counted(Struct):
    id: int
    name: str


class Tagged(Struct):
    name: str
    tags: list[str]


class Note(Struct, kw_only=True):
    id: int | None = None
    name: str | None
    number: int = 0


class Step(Struct, frozen=True):
    """Call with these in one tick; then let so many ticks pass; cancel the calls at these places."""

    calls: tuple[Any, ...]
    ticks: int
    cancelled: tuple[int, ...]


def steps(calls: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Step]]:
    some = st.lists(calls, max_size=8).map(tuple)
    places = st.lists(st.integers(0, 30), max_size=3).map(tuple)
    return st.lists(st.builds(Step, some, st.sampled_from((0, 1, 2, 50)), places), min_size=1, max_size=6)


NUMBERS = st.sampled_from(
    (0, 1, 2, 3, 3, 3, -1, 2**31, 2**70, True, 1.0, Decimal("1.00"), Decimal(2), None, "1", "x", b"1")
)
WORDS = st.sampled_from(("a", "A", "a ", "ä", "", "missing", "nul\0", 1, 1.0, True, None, "\ud800"))
READS = st.one_of(
    st.tuples(st.just(Counted), NUMBERS),
    st.tuples(st.just(Tagged), WORDS),
    st.tuples(st.just(Counted), st.lists(NUMBERS, max_size=4)),
)
NOTES = st.builds(
    Note,
    id=st.one_of(st.none(), st.just(-1)),
    name=st.one_of(st.none(), st.sampled_from((*"abcdefgh", "nul\0"))),
    number=st.sampled_from((0, 1, 2, -1, 2**70)),
)
SETTINGS = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
Run = Callable[[Coroutine[Any, Any, Any]], Any]


@contextmanager
def database_of(opened: Opened) -> Iterator[tuple[Run, Database]]:
    """One database for all examples, in one loop."""
    with asyncio.Runner() as runner:
        context = opened()

        def run(work: Coroutine[Any, Any, Any]) -> Any:
            return runner.run(asyncio.wait_for(work, 30))

        database = run(context.__aenter__())
        try:
            yield run, database
        finally:
            run(context.__aexit__(None, None, None))


async def played(call: Callable[[Any], Coroutine[Any, Any, Any]], played_steps: Sequence[Step]) -> list[Any]:
    """What came of each call: a value, or an exception; None where it was cancelled."""
    tasks: list[asyncio.Task[Any]] = []
    cancelled: set[int] = set()
    for step in played_steps:
        tasks += [asyncio.ensure_future(call(each)) for each in step.calls]
        for _ in range(step.ticks):
            await asyncio.sleep(0)
        for place in step.cancelled:
            if place < len(tasks) and tasks[place].cancel():
                cancelled.add(place)
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    for place in cancelled:  # one of several keys may have failed in the same turn, which asyncio.gather prefers
        assert isinstance(outcomes[place], BaseException), "it went on in spite of its cancellation"
    return [None if place in cancelled else (outcome,) for place, outcome in enumerate(outcomes)]


def same(outcome: Any, other: Any) -> bool:
    if isinstance(other, Exception):
        return type(outcome) is type(other) and str(outcome) == str(other)
    return bool(outcome == other)


async def filled(database: Database) -> None:
    database.table(Counted, "counted", key="id")
    database.table(Tagged, "tagged", key="name")
    listed = "text" if "SQLite" in repr(database) else "text[]"
    await database.execute("CREATE TABLE counted (id integer PRIMARY KEY, name text NOT NULL)")
    await database.execute(f"CREATE TABLE tagged (name text PRIMARY KEY, tags {listed} NOT NULL)")
    for number in range(4):
        await database.insert(Counted(number, f"number {number}"))
    for name in ("a", "ä", "", "1", "1.0"):
        await database.insert(Tagged(name, ["one", name]))


def test_reads_find_what_each_would_find_alone(opened: Opened) -> None:
    with database_of(opened) as (run, database):
        run(filled(database))
        alone: dict[str, Any] = {}

        async def ask(call: tuple[type[Any], Any]) -> Any:
            kind, key = call
            if isinstance(key, list):
                return await database.get_many(kind, key)
            return await database.find(kind, key)

        async def ask_alone(kind: type[Any], key: Any) -> Any:
            table = database.tables.of(kind)
            try:
                return await database.one(kind, f"SELECT * FROM {table.name} WHERE {table.key} = $1", key)
            except Exception as error:
                return error

        async def compared(given_steps: list[Step]) -> None:
            outcomes = await played(ask, given_steps)
            rows: list[Any] = []
            for (kind, asked), outcome in zip(
                (call for step in given_steps for call in step.calls), outcomes, strict=True
            ):
                if outcome is None:
                    continue
                keys = asked if isinstance(asked, list) else [asked]
                expected = []
                for key in keys:
                    name = f"{kind.__name__} {key!r}"
                    if name not in alone:
                        alone[name] = await ask_alone(kind, key)
                    expected.append(alone[name])
                if isinstance(asked, list) and isinstance(outcome[0], Exception):
                    assert any(same(outcome[0], each) for each in expected if isinstance(each, Exception))
                    continue
                found = outcome[0] if isinstance(asked, list) else [outcome[0]]
                assert len(found) == len(expected)
                assert all(map(same, found, expected)), (asked, found, expected)
                rows += [row for row in found if isinstance(row, Struct)]
            assert len({id(row) for row in rows}) == len(rows)
            tags = [row.tags for row in rows if isinstance(row, Tagged)]
            assert len({id(each) for each in tags}) == len(tags)

        @given(steps(READS))
        @SETTINGS
        def property_(given_steps: list[Step]) -> None:
            run(compared(given_steps))
            assert database.statistics()["waiting"] == 0

        property_()
        assert {type(each) for each in alone.values()} >= {Counted, Tagged, type(None)}


def test_inserts_take_effect_once_or_fail_as_each_would_alone(opened: Opened) -> None:
    with database_of(opened) as (run, database):
        is_sqlite = "SQLite" in repr(database)
        key = "integer PRIMARY KEY" if is_sqlite else "serial PRIMARY KEY"
        statement = f"CREATE TABLE notes (id {key}, name text NOT NULL UNIQUE, number integer CHECK (number >= 0))"
        run(database.execute(statement))

        async def insert(note: Note) -> Note:
            made = await database.insert(note)
            assert await database.get(Note, made.id) == made  # whoever has the answer finds the row
            return made

        async def refusal(note: Note, *others: Note) -> Exception | None:
            """Why this note is refused where there are these others alone."""
            await database.execute("DELETE FROM notes")
            for other in others:
                await database.insert(other, alone=True)
            try:
                await database.insert(note, alone=True)
            except Exception as error:
                return error
            return None

        async def compared(given_steps: list[Step]) -> None:
            await database.execute("DELETE FROM notes")
            notes = [note for step in given_steps for note in step.calls]
            outcomes = await played(insert, given_steps)
            there = await database.all(Note, "SELECT * FROM notes")
            made = [outcome[0] for outcome in outcomes if outcome is not None and isinstance(outcome[0], Note)]
            assert {note.id for note in made} <= {note.id for note in there}
            assert len({note.id for note in made}) == len(made)
            unknown = [note for note, outcome in zip(notes, outcomes, strict=True) if outcome is None]
            extra = [note for note in there if note not in made]
            assert all(any((note.name, note.number) == (each.name, each.number) for each in unknown) for note in extra)
            for note, outcome in zip(notes, outcomes, strict=True):
                if outcome is None:
                    continue
                if isinstance(outcome[0], Note):
                    assert (outcome[0].name, outcome[0].number) == (note.name, note.number)
                    assert note.id in (None, outcome[0].id)
                    continue
                why = await refusal(note)
                if why is not None:
                    assert same(outcome[0], why), (outcome[0], why)
                    continue
                assert any(each.name == note.name or each.id == note.id for each in there)
                beside = [Note(name=note.name), Note(id=note.id, name="other")]
                assert any([same(outcome[0], await refusal(note, other)) for other in beside])

        @given(steps(NOTES))
        @SETTINGS
        def property_(given_steps: list[Step]) -> None:
            run(compared(given_steps))

        property_()


@pytest.mark.parametrize("call", ["get", "get_many"])
def test_callers_of_one_key_share_no_row(opened: Opened, call: str) -> None:
    with database_of(opened) as (run, database):
        run(filled(database))

        async def change() -> None:
            if call == "get":
                one, other = await asyncio.gather(database.get(Tagged, "a"), database.get(Tagged, "a"))
            else:
                one, other = await database.get_many(Tagged, ["a", "a"])  # type: ignore[assignment]
            one.name = "changed"
            one.tags.append("changed")
            assert other == Tagged("a", ["one", "a"])

        run(change())

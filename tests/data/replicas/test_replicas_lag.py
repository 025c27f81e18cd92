"""How far behind a replica is, against looking through all that was ever seen."""

from math import inf

from hypothesis import given
from hypothesis import strategies as st

from stanchion.data.replicas.lag import History

HORIZON = 10.0
STEPS = st.lists(st.tuples(st.integers(0, 8), st.integers(0, 3)), min_size=1, max_size=60)
"""Quarters of a second, and bytes written in that time."""


def seen(steps: list[tuple[int, int]]) -> tuple[History, list[tuple[float, int]]]:
    history, samples = History(HORIZON), []
    when, position = 0.0, 0
    for quarters, written in steps:
        when, position = when + quarters / 4, position + written
        history.saw(position, when)
        samples.append((when, position))
    return history, samples


@given(STEPS, st.integers(0, 200))
def test_it_is_the_time_since_all_was_there(steps: list[tuple[int, int]], replayed: int) -> None:
    history, samples = seen(steps)
    newest, last = samples[-1]
    complete = [when for when, position in samples if position <= replayed]
    expected = 0.0 if replayed >= last else newest - max(complete) if complete else inf
    found = history.lag(replayed)
    assert found == expected if expected <= HORIZON else found >= HORIZON


@given(STEPS, st.integers(0, 200), st.integers(0, 200))
def test_who_has_more_is_never_further_behind(steps: list[tuple[int, int]], one: int, other: int) -> None:
    history, _ = seen(steps)
    assert history.lag(max(one, other)) <= history.lag(min(one, other))


@given(STEPS)
def test_it_remembers_no_more_than_its_horizon(steps: list[tuple[int, int]]) -> None:
    history, samples = seen([(1, 1)] * 500 + steps)
    within = {position for when, position in samples if when >= samples[-1][0] - HORIZON}
    assert int(repr(history).split()[2]) <= len(within) + 1


def test_an_idle_primary_leaves_nobody_behind() -> None:
    history = History(HORIZON)
    history.saw(100, 1.0)
    history.saw(100, 500.0)
    assert history.lag(100) == 0.0
    history.saw(101, 500.5)
    assert history.lag(100) == 0.5


def test_what_is_late_tells_nothing() -> None:
    history = History(HORIZON)
    history.saw(100, 2.0)
    history.saw(90, 3.0)  # a replica's position
    history.saw(120, 1.0)  # asked before, answered after
    assert history.lag(100) == 0.0
    assert history.lag(95) == inf


def test_a_new_primary_begins_anew() -> None:
    history = History(HORIZON)
    history.saw(1000, 1.0)
    assert history.lag(10) == inf
    history.forget()
    assert history.lag(10) == 0.0
    history.saw(12, 2.0)
    history.saw(20, 2.5)
    assert history.lag(13) == 0.5

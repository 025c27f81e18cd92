"""Pacing: at rest it holds nothing back; else starts are even, and what was missed is made up for only in part."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from stanchion.limits.pacing import Pacing

MS = 1_000_000


def paced(ended: int, limit: int = 10) -> Pacing:
    pacing = Pacing(burst=10 * MS)
    pacing.follow(ended=ended, limit=limit, elapsed=100 * MS)
    return pacing


def test_at_rest_everything_starts_at_once() -> None:
    pacing = paced(50)
    pacing.rest()
    assert all(pacing.take(0) for _ in range(1000))


def test_twice_what_ended_may_start_evenly() -> None:
    pacing = paced(50)
    assert pacing.statistics() == {"interval": MS}
    begun = [now for now in range(1000 * MS, 1100 * MS, MS // 4) if pacing.take(now)]
    assert len(begun) == 110  # and the burst: 10 that would have been due before
    assert {after - before for before, after in pairwise(begun[41:])} == {MS}


def test_the_whole_limit_may_start_in_a_window_in_which_nothing_ended() -> None:
    assert paced(0, limit=20).interval == 5 * MS


@given(st.lists(st.integers(0, 50 * MS), max_size=60), st.integers(0, 500), st.integers(1, 500))
def test_no_span_has_more_starts_than_its_length_and_the_burst_allow(gaps: list[int], ended: int, limit: int) -> None:
    pacing = paced(ended, limit)
    now, begun = 10**12, []
    for gap in gaps:
        now += gap
        while pacing.take(now):
            begun.append(now)
    for first in range(len(begun)):
        span = begun[-1] - begun[first]
        assert len(begun) - first <= (span + 10 * MS) // pacing.interval + 1

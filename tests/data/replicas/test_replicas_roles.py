"""Who is taken for the primary."""

from hypothesis import given
from hypothesis import strategies as st

from stanchion.data.replicas.roles import State, primary_among

STATES = st.lists(
    st.none() | st.builds(State, st.booleans(), st.integers(0, 9), st.integers(0, 4), st.just(1)), max_size=5
)


def server(*, recovering: bool = False, timeline: int = 1) -> State:
    return State(recovering, 0, timeline, 1)


@given(STATES, st.none() | st.integers(0, 4), st.integers(0, 4))
def test_one_that_takes_writes_by_the_newest_timeline(
    states: list[State | None], current: int | None, newest: int
) -> None:
    found = primary_among(states, current, newest)
    able = {
        place: state.timeline
        for place, state in enumerate(states)
        if state is not None and not state.recovering and state.timeline >= newest
    }
    if not able:
        assert found is None
        return
    assert found is not None
    assert able[found] == max(able.values())
    if current in able and able[current] == max(able.values()):
        assert found == current


def test_an_old_primary_that_comes_back_is_none() -> None:
    replica = server(recovering=True)
    assert primary_among([server(), replica], None, 0) == 0
    assert primary_among([None, replica], 0, 1) is None
    assert primary_among([None, server(timeline=2)], 0, 1) == 1
    assert primary_among([server(), server(timeline=2)], 1, 2) == 1
    assert primary_among([server(), None], 1, 2) is None

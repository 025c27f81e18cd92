"""The adaptive limit: in simulation, and what each of its rules is for."""

from hypothesis import given
from hypothesis import strategies as st

from stanchion.limits.gradient import GradientLimit
from tests.limits.simulated import Simulation


def fresh(initial: int = 256, least: int = 8, most: int = 4096) -> GradientLimit:
    return GradientLimit(initial=initial, least=least, most=most, tolerated_lag=0.025)


windows = st.tuples(
    st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 100)), max_size=5),
    st.integers(0, 10_000),
    st.floats(0, 60),
)


@given(st.lists(windows, max_size=60), st.integers(8, 500))
def test_it_stays_within_its_bounds_and_moves_only_when_used(given: list, initial: int) -> None:
    limit = fresh(initial, most=500)
    for samples, in_flight, lag in given:
        for route, seconds in samples:
            limit.sample(route, seconds)
        before = limit.limit
        after = limit.close(in_flight=in_flight, lag=lag)
        assert 8 <= after <= 500
        assert after >= before // 2 - 1 or in_flight < before  # never more than halved by one window at full use
        if in_flight < before / 2 and after != before:
            assert limit.starting  # it was not used for long, and begins anew
            assert after >= 2 * in_flight or after == 500


def test_steady_load_is_never_refused() -> None:
    run = Simulation(fresh(), rate=400)
    run.run(60, lambda n: 0.05)
    assert run.refused == 0


def test_it_follows_a_dependency_that_becomes_ten_times_slower() -> None:
    run = Simulation(fresh(initial=32), rate=500)
    run.run(20, lambda n: 0.01)
    assert run.refused == 0
    run.run(10, lambda n: 0.1)  # 50 are in flight from now on
    run.refused = run.admitted = 0
    run.run(20, lambda n: 0.1)
    assert run.refused < 0.02 * run.admitted


def test_a_loop_that_is_late_brings_it_down_within_a_second_without_oscillation() -> None:
    run = Simulation(fresh(), rate=4000)
    busy = lambda n: 0.002 * max(1, n)  # noqa: E731
    run.run(1, busy, lag=busy)
    assert run.limits[-1] <= 20
    run.run(29, busy, lag=busy)
    settled = run.limits[50:]
    middle = sorted(settled)[len(settled) // 2]
    assert 0.75 * middle <= min(settled) <= max(settled) <= 1.25 * middle


def test_it_doubles_until_the_loop_is_late() -> None:
    limit = fresh(initial=16)
    found = [16]
    while limit.starting:
        for _ in range(found[-1]):
            limit.sample("a", 0.05)
        found.append(limit.close(in_flight=found[-1], lag=0.0 if found[-1] < 256 else 0.02))
    assert found[:5] == [16, 32, 64, 128, 256]
    assert 256 <= found[5] <= 270


def test_before_the_first_answer_it_grows_by_what_it_began_with() -> None:
    limit = fresh(initial=16)
    found = [limit.close(in_flight=limit.limit, lag=0.0) for _ in range(4)]
    assert found == [32, 48, 64, 80]


def test_a_late_loop_takes_away_what_makes_it_late_and_not_what_only_waits() -> None:
    computing, waiting = fresh(initial=64), fresh(initial=64)
    for limit, seconds in ((computing, 0.2), (waiting, 2.0)):
        limit.sample("a", seconds)
        limit.close(in_flight=64, lag=0.2)
    assert computing.limit == 32
    assert 55 <= waiting.limit < 64


def test_what_was_not_used_for_long_is_forgotten_but_for_twice_what_was() -> None:
    limit = fresh(initial=16)
    for _ in range(10):
        for _ in range(1000):
            limit.sample("a", 0.01)
        limit.close(in_flight=limit.limit, lag=0.0)
    assert limit.limit == 4096
    limit.close(in_flight=4096, lag=1.0)
    assert not limit.starting
    before = limit.limit
    found = [limit.close(in_flight=50, lag=0.0) for _ in range(30)]
    assert found == [before] * 29 + [100]
    assert limit.starting


def test_a_change_in_the_mix_of_routes_is_no_change_of_latency() -> None:
    limit = fresh(initial=100)
    for turn in range(100):
        for _ in range(20):
            limit.sample("slow" if turn % 10 == 0 else "quick", 2.0 if turn % 10 == 0 else 0.01)
        assert limit.close(in_flight=100, lag=0.0) >= 100


def test_latency_that_grows_at_full_use_lowers_it() -> None:
    limit = fresh(initial=100)
    for _ in range(30):
        limit.sample("a", 0.01)
        limit.close(in_flight=10, lag=0.0)
    for _ in range(5):
        limit.sample("a", 0.1)
        limit.close(in_flight=100, lag=0.0)
    assert limit.limit < 80
    assert limit.statistics() == {"limit": limit.limit, "routes": 1}


def test_a_stall_of_the_machine_is_no_sign_of_what_is_in_flight() -> None:
    limit = fresh(initial=64)
    limit.sample("a", 0.05)
    assert limit.close(in_flight=64, lag=0.2, busy=0.1) == 64
    assert limit.stalled
    assert limit.starting
    assert limit.close(in_flight=64, lag=0.0, busy=0.1) == 128


def test_a_loop_that_is_blocked_again_and_again_lowers_it_without_computing() -> None:
    limit = fresh(initial=64)
    found = [limit.close(in_flight=64, lag=0.2, busy=0.1) for _ in range(3)]
    assert found[:2] == [64, 64]
    assert found[2] < 64
    assert not limit.starting


def test_a_delay_that_the_loop_may_make_is_no_change_of_a_quick_route() -> None:
    limit = fresh(initial=16)
    for window in range(6):
        for _ in range(100):
            limit.sample("quick", 0.0001 * (1 + 9 * (window % 2)))
        before = limit.limit
        assert limit.close(in_flight=before, lag=0.001) > before
    assert limit.starting

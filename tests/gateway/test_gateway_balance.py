"""Which upstream gets a request, by a clock and by chances that the test holds."""

from collections import Counter
from collections.abc import Iterator
from itertools import cycle
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from stanchion.gateway.backend import Backend, in_service
from stanchion.gateway.balance import choose
from stanchion.upstream.limits import Limits
from stanchion.upstream.target import parse_target


def backends(count: int) -> list[Backend]:
    return [Backend(parse_target(f"http://127.0.0.1:{3000 + number}"), Limits()) for number in range(count)]


def failing(backend: Backend, times: int, now: float) -> None:
    for _ in range(times):
        backend.failed(now)


def test_the_faster_of_two_gets_the_request() -> None:
    slow, fast = backends(2)
    slow.answered(0.0, 0.5)
    fast.answered(0.0, 0.01)
    chances: Iterator[float] = cycle([0.0, 0.0])
    assert choose([slow, fast], 1.0, chance=lambda: next(chances)) is fast


def test_one_that_was_slow_is_tried_again_some_time() -> None:
    slow, fast = backends(2)
    slow.answered(0.0, 5.0)
    for second in range(60):
        fast.answered(second, second + 0.05)
        if slow.score(second + 0.1) < fast.score(second + 0.1):
            break
    assert 30 < second < 60


def test_equals_share_the_requests() -> None:
    three = backends(3)
    for backend in three:
        backend.answered(0.0, 0.01)
    random = Random(1)
    got = Counter(map(id, (choose(three, 1.0, chance=random.random) for _ in range(3000))))
    assert len(got) == 3
    assert min(got.values()) > 500


def test_three_failures_in_a_row_take_an_upstream_out_for_longer_each_time() -> None:
    bad, good = backends(2)
    failing(bad, 2, 10.0)
    assert bad.available(10.0)
    bad.answered(10.0, 10.1)
    failing(bad, 3, 11.0)
    assert (bad.available(11.9), bad.available(12.0)) == (False, True)
    bad.failed(12.0)  # the first request after its while
    assert (bad.available(13.9), bad.available(14.0)) == (False, True)
    assert {choose([bad, good], 13.0) for _ in range(20)} == {good}
    bad.answered(14.0, 14.1)
    failing(bad, 3, 15.0)
    assert bad.available(16.0)  # an answer has made it forget


def test_checks_decide_beside_requests() -> None:
    bad, good = backends(2)
    bad.checked(sound=False)
    assert bad.available(0.0)
    bad.checked(sound=False)
    assert {choose([bad, good], 0.0) for _ in range(20)} == {good}
    bad.checked(sound=True)
    assert bad.available(0.0)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 8)), min_size=1, max_size=6), st.floats(0, 100))
def test_there_is_always_one_in_service(states: list[tuple[bool, int]], now: float) -> None:
    all_of_them = backends(len(states))
    for backend, (down, failures) in zip(all_of_them, states, strict=True):
        backend.down = down
        failing(backend, failures, now)
    found = in_service(all_of_them, now)
    assert found
    if any(backend.available(now) for backend in all_of_them):
        assert all(backend.available(now) for backend in found)


def test_a_second_attempt_goes_elsewhere_if_there_is_an_elsewhere() -> None:
    one, other = backends(2)
    assert {choose([one, other], 0.0, [one]) for _ in range(20)} == {other}
    assert choose([one], 0.0, [one]) is one


def test_breakers_that_let_nothing_out_leave_nobody() -> None:
    pair = backends(2)
    for backend in pair:
        failing(backend, 30, 1.0)
        while backend.breaker.allows(1.0):  # the probe that is due
            pass
    assert choose(pair, 1.0) is None

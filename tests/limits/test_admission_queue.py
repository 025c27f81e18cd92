"""The admission queue: against a slow model, and what each of its rules is for."""

from hypothesis import given, settings
from hypothesis import strategies as st

from stanchion.limits.admission_queue import (
    BACKGROUND,
    CRITICAL,
    CROWDED,
    EXPIRED,
    NORMAL,
    WAITED,
    AdmissionQueue,
    Shed,
)
from tests.limits.queue_model import Model

MS = 1_000_000
NEVER = 1 << 62
PATIENCE = 500 * MS

steps = st.lists(
    st.one_of(
        st.tuples(st.just("push"), st.integers(0, 2), st.integers(0, 30), st.one_of(st.none(), st.integers(0, 400))),
        st.tuples(st.just("pop")),
        st.tuples(st.just("expire")),
        st.tuples(st.just("pass"), st.integers(1, 400)),
    ),
    max_size=80,
)


@settings(deadline=None)
@given(steps, st.integers(1, 8))
def test_it_does_what_the_model_does(steps: list[tuple], longest: int) -> None:
    queue: AdmissionQueue[int] = AdmissionQueue(patience=PATIENCE, longest=longest)
    model = Model(patience=PATIENCE, longest=longest)
    now, item = 10_000 * MS, 0
    for step in steps:
        match step:
            case ("push", priority, age, left):
                since, deadline = now - age * MS, NEVER if left is None else now + left * MS
                queue.push(item, priority, since=since, deadline=deadline, now=now)
                model.push(item, priority, since, deadline, now)
                item += 1
            case ("pop",):
                assert queue.pop(now) == model.pop(now)
            case ("expire",):
                queue.expire(now)
                model.expire(now)
            case ("pass", milliseconds):
                now += milliseconds * MS
        assert len(queue) == len(model.entries) <= longest
        assert [queue.pressed(priority) for priority in range(3)] == model.pressed
        assert [tuple(shed) for shed in queue.shed()] == model.shed
        model.shed.clear()


def filled(*priorities: int, longest: int = 1000) -> AdmissionQueue[int]:
    queue: AdmissionQueue[int] = AdmissionQueue(patience=PATIENCE, longest=longest)
    for item, priority in enumerate(priorities):
        queue.push(item, priority, since=item * MS, deadline=NEVER, now=item * MS)
    return queue


def test_calm_is_first_in_first_out() -> None:
    queue = filled(NORMAL, NORMAL, NORMAL)
    assert [queue.pop(10 * MS) for _ in range(4)] == [0, 1, 2, None]


def test_under_pressure_the_newest_is_served_and_the_oldest_turned_away() -> None:
    queue = filled(*[NORMAL] * 300)
    assert queue.pop(300 * MS) == 299
    assert queue.pressed(NORMAL)
    queue.expire(300 * MS)
    shed = queue.shed()
    assert [one.item for one in shed] == list(range(280))
    assert {one.reason for one in shed} == {WAITED}


def test_more_than_can_be_served_in_the_patience_is_pressure() -> None:
    queue: AdmissionQueue[int] = AdmissionQueue(patience=PATIENCE, longest=1000)
    for item in range(240):
        queue.push(item, NORMAL, since=0, deadline=NEVER, now=0)
    for turn in range(100):
        queue.pop(turn * 2 * MS)
    assert not queue.pressed(NORMAL)
    for item in range(240):
        queue.push(item, NORMAL, since=200 * MS, deadline=NEVER, now=200 * MS)
    assert queue.pressed(NORMAL)


def test_under_pressure_the_oldest_is_told_as_soon_as_more_wait_than_can_be_served() -> None:
    queue: AdmissionQueue[int] = AdmissionQueue(patience=PATIENCE, longest=1000)
    for item in range(240):
        queue.push(item, NORMAL, since=0, deadline=NEVER, now=0)
    for turn in range(100):
        queue.pop(turn * 2 * MS)
    for item in range(240, 480):
        queue.push(item, NORMAL, since=200 * MS, deadline=NEVER, now=200 * MS)
    assert queue.pressed(NORMAL)
    shed = queue.shed()
    assert {one.reason for one in shed} == {CROWDED}
    assert shed[-1].item < queue.pop(202 * MS) == 479
    before = len(queue)
    for item in range(480, 490):
        queue.push(item, NORMAL, since=202 * MS, deadline=NEVER, now=202 * MS)
    assert len(queue) <= before + 1


def test_while_the_limit_doubles_the_pace_is_no_sign_of_pressure() -> None:
    queue: AdmissionQueue[int] = AdmissionQueue(patience=PATIENCE, longest=1000)
    queue.steady = False
    for item in range(240):
        queue.push(item, NORMAL, since=0, deadline=NEVER, now=0)
    for turn in range(100):
        queue.pop(turn * 2 * MS)
    for item in range(240, 480):
        queue.push(item, NORMAL, since=200 * MS, deadline=NEVER, now=200 * MS)
    assert not queue.pressed(NORMAL)
    assert queue.shed() == []


def test_a_burst_that_is_worked_off_in_half_the_patience_loses_nobody() -> None:
    queue: AdmissionQueue[int] = AdmissionQueue(patience=PATIENCE, longest=1000)
    for item in range(120):
        queue.push(item, NORMAL, since=0, deadline=NEVER, now=0)
    for item in range(120):
        assert queue.pop(item * 2 * MS) == item
        queue.expire(item * 2 * MS)
    assert queue.shed() == []


def test_the_higher_class_goes_first_and_the_lower_one_is_turned_away_first() -> None:
    queue = filled(BACKGROUND, NORMAL, CRITICAL, longest=3)
    assert queue.pop(5 * MS) == 2
    queue.push(3, CRITICAL, since=5 * MS, deadline=NEVER, now=5 * MS)
    queue.push(4, CRITICAL, since=5 * MS, deadline=NEVER, now=5 * MS)
    assert queue.shed() == [Shed(0, BACKGROUND, CROWDED)]
    queue.push(5, BACKGROUND, since=5 * MS, deadline=NEVER, now=5 * MS)
    assert queue.shed() == [Shed(5, BACKGROUND, CROWDED)]


def test_one_past_its_own_deadline_is_not_served() -> None:
    queue: AdmissionQueue[str] = AdmissionQueue(patience=PATIENCE, longest=9)
    queue.push("late", NORMAL, since=0, deadline=10 * MS, now=0)
    queue.push("good", NORMAL, since=0, deadline=NEVER, now=0)
    assert queue.pop(11 * MS) == "good"
    assert queue.shed() == [Shed("late", NORMAL, EXPIRED)]


def test_where_services_are_long_the_wait_is_too() -> None:
    queue = filled(*[NORMAL] * 20)
    for turn in range(1, 10):
        queue.pop(turn * 100 * MS)
    queue.push(99, NORMAL, since=900 * MS, deadline=NEVER, now=900 * MS)
    queue.expire(1100 * MS)
    assert 99 not in [one.item for one in queue.shed()]


def test_pressure_ends_once_nobody_was_turned_away_for_as_long_as_the_patience() -> None:
    queue = filled(*[NORMAL] * 300)
    queue.expire(300 * MS)
    while queue.pop(300 * MS) is not None:
        pass
    queue.push(1, NORMAL, since=400 * MS, deadline=NEVER, now=400 * MS)
    assert queue.pressed(NORMAL)
    assert queue.pop(401 * MS) == 1
    queue.push(2, NORMAL, since=900 * MS, deadline=NEVER, now=900 * MS)
    assert not queue.pressed(NORMAL)
    assert queue.statistics() == {"waiting": 1, "pressed": 0}

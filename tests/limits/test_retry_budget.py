"""The retry budget: never more than the declared share, and never none at all for a rare caller."""

from hypothesis import given
from hypothesis import strategies as st

from stanchion.limits.retry_budget import RetryBudget

events = st.lists(st.tuples(st.floats(0, 30), st.integers(0, 40)), max_size=40)


@given(events, st.floats(0, 1))
def test_retries_are_a_share_of_calls_and_a_trickle(events: list[tuple[float, int]], share: float) -> None:
    budget = RetryBudget(share=share, least=0.2, keep=10.0)
    now = began = 50.0
    called = retried = 0
    for pause, calls in events:
        now += pause
        for _ in range(calls):
            budget.called(now)
            called += 1
            while budget.take(now):
                retried += 1
        assert retried <= share * called + 0.2 * (now - began) + 2.0 + 1e-6


def test_a_rare_caller_may_retry() -> None:
    budget = RetryBudget()
    for minute in range(10):
        budget.called(60.0 * minute)
        assert budget.take(60.0 * minute)


def test_tokens_do_not_gather_for_an_outage() -> None:
    budget = RetryBudget(share=0.1, least=0.0, keep=10.0)
    for turn in range(100_000):
        budget.called(turn / 100)  # 100 calls a second for 1000 seconds
    assert budget.statistics()["tokens"] < 110
    assert not RetryBudget(least=0.0).take(0.0)

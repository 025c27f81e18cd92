"""Leases: tokens held are spent, given back or lost, and each is counted once."""

from hypothesis import given
from hypothesis import strategies as st

from stanchion.limits.decision import Decision
from stanchion.limits.lease import LASTS, MOST, Leases

GRANT = Decision(True, 100, 0, 5)
NOW = 10**15


def test_what_is_held_is_spent_and_no_more() -> None:
    leases = Leases()
    leases.keep("a", 3, GRANT, NOW)
    assert leases.spend("b", 1, NOW) is None
    assert leases.spend("a", 2, NOW) == Decision(True, 101, 0, 5)
    assert leases.spend("a", 2, NOW) is None
    assert leases.outstanding == 1
    assert leases.spend("a", 1, NOW) == Decision(True, 100, 0, 5)
    assert (leases.outstanding, leases.taken) == (0, 3)


def test_a_lease_ends_and_what_is_left_goes_back() -> None:
    leases = Leases()
    leases.keep("a", 3, GRANT, NOW)
    leases.keep("b", 4, GRANT, NOW + 1)
    assert list(leases.ended(NOW + LASTS - 1)) == []
    assert leases.spend("a", 1, NOW + LASTS) is None
    assert list(leases.ended(NOW + LASTS)) == [("a", 3)]
    leases.keep("b", 2, GRANT, NOW + LASTS)  # more on top lasts anew
    assert list(leases.ended(NOW + LASTS + 1)) == []
    assert list(leases.ended(NOW + 2 * LASTS)) == [("b", 6)]
    assert leases.outstanding == 0


def test_there_is_a_bound_on_those_held() -> None:
    leases = Leases()
    for number in range(MOST):
        assert not leases.full
        leases.keep(str(number), 1, GRANT, NOW)
    assert leases.full


moves = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(1, 5), st.booleans(), st.integers(0, LASTS // 2)), max_size=40
)


@given(moves)
def test_every_token_is_accounted_for(moves: list[tuple[str, int, bool, int]]) -> None:
    leases, now, taken, spent, back = Leases(), NOW, 0, 0, 0
    for client, amount, keep, later in moves:
        now += later
        if keep:
            leases.keep(client, amount, GRANT, now)
            taken += amount
        elif leases.spend(client, amount, now):
            spent += amount
        back += sum(tokens for _, tokens in leases.ended(now))
        assert leases.outstanding == taken - spent - back >= 0
    back += sum(tokens for _, tokens in leases.ended(now + LASTS))
    assert taken == spent + back
    assert leases.outstanding == 0

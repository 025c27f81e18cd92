"""Connections are divided so that all processes fit the server; what does not fit is refused with the sum."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stanchion.data.budget import Capacity, Fleet, check, leftover, share
from stanchion.data.database import Database
from stanchion.data.options import DatabaseOptions, database_of
from stanchion.errors import ConfigurationError


@given(st.integers(1, 10_000), st.integers(1, 64), st.integers(1, 32))
def test_all_shares_together_are_within_the_budget(connections: int, workers: int, instances: int) -> None:
    fleet = Fleet(workers=workers, instances=instances)
    if connections < fleet.processes:
        with pytest.raises(ConfigurationError, match=f"give at least {fleet.processes}"):
            share(connections, fleet)
        return
    part = share(connections, fleet)
    assert part >= 1
    assert part * (workers + 1) * instances <= connections
    assert 1 <= leftover(connections, fleet) <= max(1, part / workers)


def test_what_does_not_fit_is_refused_with_the_arithmetic() -> None:
    server = Capacity(most=100, reserved=3, others=7)
    check(90, Fleet(workers=4, instances=2), server)
    with pytest.raises(ConfigurationError) as raised:
        check(120, Fleet(workers=4, instances=2), server)
    assert str(raised.value) == (
        "the database gives 90 connections (max_connections 100 - 3 reserved - 7 in use by others), and 12 for each of "
        "10 processes: (4 workers + 1 while one is replaced) x 2 instances are 120; declare connections=90 or fewer, "
        "raise max_connections, or put PgBouncer in between"
    )


@pytest.mark.parametrize("url", ["mysql://x", "sqlite://file.db", "sqlite:///", "flights.db", "postgresql:/x"])
def test_a_url_of_no_database_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"expected sqlite:///file\.db"):
        database_of("main", url, DatabaseOptions())


def test_a_password_is_not_shown() -> None:
    database: Database = database_of("main", "postgresql://ann:secret@db.local/x", DatabaseOptions())
    assert "secret" not in repr(database)
    with pytest.raises(ConfigurationError) as raised:
        database_of("main", "mysql://ann:secret@db.local/x", DatabaseOptions())
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(("name", "value"), [("connections", 0), ("patience", -1), ("largest_batch", "many")])
def test_an_option_out_of_its_range_is_named(name: str, value: object) -> None:
    with pytest.raises(ConfigurationError, match=rf"database\({name}="):
        DatabaseOptions(**{name: value})  # type: ignore[arg-type]

"""Where things are: nothing overlaps, and what another process reads is what was made."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stanchion.board import Counter, Gauge
from stanchion.board.layout import (
    BLOCK,
    CELL,
    HEADER,
    MAGIC,
    NAMED,
    ROW_HEAD,
    SET,
    TALLIES,
    TALLY,
    VERSION,
    WAYS,
    Layout,
    layout_of,
    series_base,
    tally_base,
)
from stanchion.errors import ConfigurationError

LINE = 64 // CELL
layouts = st.builds(
    Layout,
    seats=st.integers(1, 2048),
    series=st.integers(1, 65_536),
    generations=st.integers(1, 65_536),
    exact=st.integers(1, 100_000),
    clients=st.integers(1, 100_000),
)


@settings(deadline=None)
@given(layouts)
def test_sections_follow_one_another(layout: Layout) -> None:
    assert HEADER == layout.names_at < layout.tally_names_at < layout.generations_at < layout.exact_at
    assert layout.exact_at + layout.exact <= layout.clients_at < layout.rows_at
    assert (layout.rows_at - layout.clients_at) * WAYS // SET >= layout.clients
    assert layout.clients_at % LINE == 0
    assert layout.row_at(layout.seats) + layout.row_cells == layout.cells


@settings(deadline=None)
@given(layouts, st.integers(0, 2048))
def test_no_two_rows_share_a_cache_line(layout: Layout, seat: int) -> None:
    assert layout.row_at(seat) % LINE == 0
    assert layout.row_at(seat + 1) - layout.row_at(seat) == layout.row_cells
    assert series_base(layout.blocks - 1) + BLOCK == layout.row_cells
    assert BLOCK % LINE == 0
    assert tally_base(0) == ROW_HEAD
    assert tally_base(TALLIES - 1) + TALLY == series_base(0)


def test_gauges_and_counters_have_cells_of_their_own() -> None:
    cells = [*map(int, Gauge), *map(int, Counter)]
    assert len(set(cells)) == len(cells)
    assert max(cells) < ROW_HEAD


@settings(deadline=None)
@given(layouts)
def test_the_header_tells_the_layout(layout: Layout) -> None:
    header = layout.header()
    assert len(header) == NAMED
    assert layout_of([*header, 3], layout.cells * CELL) == layout


def test_another_version_is_refused() -> None:
    with pytest.raises(
        ConfigurationError, match=rf"layout {VERSION + 1}, this process reads layout {VERSION}.*restart"
    ):
        layout_of([MAGIC, VERSION + 1, 1, 1, 1, 1, 1, 0], 4096)


@pytest.mark.parametrize("header", [[], [MAGIC], [0] * 16, [int.from_bytes(b"stanchio", "big"), 1, 1, 1, 1, 1, 1, 1]])
def test_what_is_no_board_is_refused(header: list[int]) -> None:
    with pytest.raises(ConfigurationError, match="not a board"):
        layout_of(header, 4096)


def test_a_board_cut_off_is_refused() -> None:
    layout = Layout(seats=1, series=1, generations=1, exact=1, clients=1)
    with pytest.raises(ConfigurationError, match="damaged"):
        layout_of([*layout.header(), 3], layout.cells * CELL - 8)


@pytest.mark.parametrize("name", ["seats", "series", "generations", "exact", "clients"])
def test_a_size_of_nothing_is_refused(name: str) -> None:
    sizes = {"seats": 1, "series": 1, "generations": 1, "exact": 1, "clients": 1, name: 0}
    with pytest.raises(ConfigurationError, match=f"{name}=0"):
        Layout(**sizes)
